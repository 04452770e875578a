//! The meter: sampled and clock-aligned values (J01, J02), signed where that is wanted.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Station, Timer};
use crate::simulator::station::physical::Unit;

/// Most readings that wait for the end of a transaction.
const MOST_FOR_END: usize = 200;

impl Station {
    pub(super) fn schedule_samples(&mut self, index: usize) {
        self.cancel(|timer| *timer == Timer::Sample(index));
        let interval = self.device.number("SampledDataCtrlr", "TxUpdatedInterval");
        if interval > 0 {
            self.schedule(Duration::from_secs(interval), Timer::Sample(index));
        }
    }

    pub(super) fn sample(&mut self, index: usize) {
        if self.evses[index].transaction.is_some() {
            let state = self.evses[index].transaction.as_ref().map(|running| running.charging_state);
            self.event(index, "Updated", "MeterValuePeriodic", state, None);
            self.check_energy_limit(index);
            self.review_limits(index);
            self.schedule_samples(index);
        }
    }

    pub(super) fn schedule_aligned(&mut self) {
        self.cancel(|timer| matches!(timer, Timer::Aligned | Timer::AlignedForEnd));
        for (name, timer) in [("Interval", Timer::Aligned), ("TxEndedInterval", Timer::AlignedForEnd)] {
            let interval = self.device.number("AlignedDataCtrlr", name);
            if interval > 0 {
                self.schedule(self.physical.until_aligned(interval), timer);
            }
        }
    }

    pub(super) fn aligned(&mut self) {
        let interval = self.device.number("AlignedDataCtrlr", "Interval").max(1);
        self.schedule(self.physical.until_aligned(interval), Timer::Aligned);
        // J01.FR.20: only while nobody charges.
        let only_idle = self.device.is("AlignedDataCtrlr", "SendDuringIdle");
        let measurands = self.device.get("AlignedDataCtrlr", "Measurands").to_owned();
        if measurands.is_empty() || only_idle && self.evses.iter().any(|evse| evse.transaction.is_some()) {
            return;
        }
        for index in 0..self.evses.len() {
            if self.evses[index].transaction.is_some() {
                let state = self.evses[index].transaction.as_ref().map(|running| running.charging_state);
                self.event(index, "Updated", "MeterValueClock", state, None);
                self.check_energy_limit(index);
                self.review_limits(index);
            } else if self.online() {
                let value = self.readings(index, &measurands, "Sample.Clock", self.physical.mark(interval));
                let evse = self.evses[index].id;
                self.call("MeterValues", json!({ "evseId": evse, "meterValue": [value] }));
            }
        }
    }

    /// What the Ended event of a transaction will tell of the time before (2.7.5, 2.7.18).
    pub(super) fn schedule_sample_for_end(&mut self, index: usize) {
        self.cancel(|timer| *timer == Timer::SampleForEnd(index));
        let interval = self.device.number("SampledDataCtrlr", "TxEndedInterval");
        if interval > 0 {
            self.schedule(Duration::from_secs(interval), Timer::SampleForEnd(index));
        }
    }

    pub(super) fn sample_for_end(&mut self, index: usize) {
        if self.evses[index].transaction.is_some() {
            self.keep_for_end(index, "SampledDataCtrlr", "Sample.Periodic", self.physical.wall());
            self.schedule_sample_for_end(index);
        }
    }

    pub(super) fn aligned_for_end(&mut self) {
        let interval = self.device.number("AlignedDataCtrlr", "TxEndedInterval").max(1);
        self.schedule(self.physical.until_aligned(interval), Timer::AlignedForEnd);
        for index in 0..self.evses.len() {
            self.keep_for_end(index, "AlignedDataCtrlr", "Sample.Clock", self.physical.mark(interval));
        }
    }

    fn keep_for_end(&mut self, index: usize, component: &'static str, context: &str, at: String) {
        let measurands = self.device.get(component, "TxEndedMeasurands").to_owned();
        if measurands.is_empty() || self.evses[index].transaction.is_none() {
            return;
        }
        let reading = self.readings(index, &measurands, context, at);
        if let Some(running) = &mut self.evses[index].transaction {
            // E06.FR.13: intermediate values go first.
            if running.for_end.len() >= MOST_FOR_END {
                let mut keep = false;
                running.for_end.retain(|_| {
                    keep = !keep;
                    keep
                });
            }
            running.for_end.push(reading);
        }
    }

    /// The meter values that belong to an event.
    pub(super) fn meter_values(&mut self, index: usize, kind: &str, trigger: &str) -> Option<Value> {
        let (variable, context) = match (kind, trigger) {
            ("Started", _) => (("SampledDataCtrlr", "TxStartedMeasurands"), "Transaction.Begin"),
            ("Ended", _) => (("SampledDataCtrlr", "TxEndedMeasurands"), "Transaction.End"),
            (_, "MeterValuePeriodic") => (("SampledDataCtrlr", "TxUpdatedMeasurands"), "Sample.Periodic"),
            (_, "MeterValueClock") => (("AlignedDataCtrlr", "Measurands"), "Sample.Clock"),
            (_, "Trigger") => (("SampledDataCtrlr", "TxUpdatedMeasurands"), "Trigger"),
            _ => return None,
        };
        let mut measurands = self.device.get(variable.0, variable.1).to_owned();
        if variable.0 == "SampledDataCtrlr" {
            // Q01.FR.33 to Q01.FR.35
            let mode = self.operation_mode(index);
            let more = self.device.v2x(self.physical.evses[index].id, variable.1, Some(&mode));
            for measurand in more.split(',').filter(|measurand| !measurand.is_empty()) {
                if !measurands.split(',').any(|known| known == measurand) {
                    measurands = [measurands.as_str(), measurand].join(",");
                }
            }
        }
        let running = self.evses[index].transaction.as_mut().filter(|_| kind == "Ended");
        let mut values = running.map(|running| std::mem::take(&mut running.for_end)).unwrap_or_default();
        if !measurands.is_empty() {
            let at = match context {
                "Sample.Clock" => self.physical.mark(self.device.number("AlignedDataCtrlr", "Interval")),
                _ => self.physical.wall(),
            };
            values.push(self.readings(index, &measurands, context, at));
        }
        (!values.is_empty()).then(|| values.into())
    }

    pub(super) fn readings(&mut self, index: usize, measurands: &str, context: &str, at: String) -> Value {
        self.physical.count_energy(index);
        let meter = self.physical.evses[index].meter;
        let signs = if context == "Sample.Clock" {
            self.device.is("AlignedDataCtrlr", "SignReadings")
        } else {
            self.signs_readings()
        };
        let public_key = self.public_key(index, signs);
        let sampled: Vec<Value> = measurands
            .split(',')
            .map(str::trim)
            .filter(|measurand| !measurand.is_empty())
            .map(|measurand| {
                let (value, unit) = self.physical.read(index, measurand);
                let mut sample = json!({ "value": value, "measurand": measurand, "context": context });
                if signs && measurand == "Energy.Active.Import.Register" {
                    sample["signedMeterValue"] = signature(meter, &public_key);
                }
                if let Some(unit) = unit_name(unit) {
                    sample["unitOfMeasure"] = json!({ "unit": unit });
                }
                sample
            })
            .collect();
        json!({ "timestamp": at, "sampledValue": sampled })
    }

    /// The meter signs what it reads (E02.FR.14).
    pub(super) fn signs_readings(&self) -> bool {
        self.device.is("SampledDataCtrlr", "SignReadings")
    }

    /// The meter's key, as often as PublicKeyWithSignedMeterValue wants it.
    fn public_key(&mut self, index: usize, signs: bool) -> String {
        const KEY: &str = "b2NhOmJhc2UxNjphc24xOjMwNTk=";
        let policy = self.device.get("OCPPCommCtrlr", "PublicKeyWithSignedMeterValue").to_owned();
        let Some(running) = self.evses[index].transaction.as_mut().filter(|_| signs) else { return KEY.to_owned() };
        let wanted = match policy.as_str() {
            "Never" => false,
            "OncePerTransaction" => !running.key_told,
            _ => true,
        };
        running.key_told |= wanted;
        if wanted { KEY.to_owned() } else { String::new() }
    }
}

/// A unit as messages name it.
fn unit_name(unit: Unit) -> Option<&'static str> {
    Some(match unit {
        Unit::WattHour => "Wh",
        Unit::Watt => "W",
        Unit::Ampere => "A",
        Unit::Volt => "V",
        Unit::Percent => "Percent",
        Unit::Hertz => "Hertz",
        Unit::None => return None,
    })
}

/// A reading signed by a meter whose signature says nothing.
fn signature(meter: f64, public_key: &str) -> Value {
    json!({
        "signedMeterData": format!("T0NNRnw{meter:.0}"),
        "signingMethod": "ECDSA-secp256r1-SHA256",
        "encodingMethod": "OCMF",
        "publicKey": public_key,
    })
}
