//! Meter values: sampled and clock-aligned (3.16, 4.7).

use std::time::Duration;

use serde_json::{Value, json};

use super::{ChargePoint, Timer};
use crate::simulator::station::physical::Unit;

/// Most readings that wait for the end of a transaction.
const MOST_FOR_STOP: usize = 200;

/// A unit of measure (7.45); OCPP 1.6 has none for a frequency.
fn unit_name(unit: Unit) -> Option<&'static str> {
    match unit {
        Unit::WattHour => Some("Wh"),
        Unit::Watt => Some("W"),
        Unit::Ampere => Some("A"),
        Unit::Volt => Some("V"),
        Unit::Percent => Some("Percent"),
        Unit::Hertz | Unit::None => None,
    }
}

impl ChargePoint {
    pub(super) fn schedule_samples(&mut self, index: usize) {
        self.cancel(|timer| *timer == Timer::Sample(index));
        let interval = self.configuration.number("MeterValueSampleInterval");
        if interval > 0 && self.sessions[index].transaction.is_some() {
            self.schedule(Duration::from_secs(interval), Timer::Sample(index));
        }
    }

    pub(super) fn sample(&mut self, index: usize) {
        if self.sessions[index].transaction.is_none() {
            return;
        }
        self.physical.count_energy(index);
        let now = self.physical.wall();
        self.send_readings(self.connector_in_use(index), "MeterValuesSampledData", "Sample.Periodic", now.clone());
        self.keep_for_stop(index, "StopTxnSampledData", "Sample.Periodic", now);
        self.check_energy_limit(index);
        self.schedule_samples(index);
    }

    pub(super) fn schedule_aligned(&mut self) {
        self.cancel(|timer| *timer == Timer::Aligned);
        let interval = self.configuration.number("ClockAlignedDataInterval");
        if interval > 0 {
            let wait = self.physical.until_aligned(interval);
            self.schedule(wait, Timer::Aligned);
        }
    }

    pub(super) fn aligned(&mut self) {
        self.schedule_aligned();
        let mark = self.physical.mark(self.configuration.number("ClockAlignedDataInterval"));
        for index in 0..self.sessions.len() {
            self.physical.count_energy(index);
            self.keep_for_stop(index, "StopTxnAlignedData", "Sample.Clock", mark.clone());
            self.check_energy_limit(index);
        }
        for at in 0..self.connectors.len() {
            self.send_readings(at, "MeterValuesAlignedData", "Sample.Clock", mark.clone());
        }
    }

    /// Sends what a TriggerMessage asks for: the measurands of MeterValuesSampledData, of one connector or all (5.17).
    pub(super) fn send_triggered_readings(&mut self, only: Option<usize>) {
        for at in only.map_or(0..self.connectors.len(), |at| at..at + 1) {
            self.physical.count_energy(self.connectors[at].evse);
            let now = self.physical.wall();
            if let Some((mut payload, number)) = self.readings_of(at, "MeterValuesSampledData", "Trigger", now) {
                if let Some(id) = number.and_then(|number| self.transaction_ids.get(&number)) {
                    payload["transactionId"] = (*id).into();
                }
                self.call_triggered("MeterValues", payload);
            }
        }
    }

    fn send_readings(&mut self, at: usize, measurands: &str, context: &str, time: String) {
        if let Some((payload, number)) = self.readings_of(at, measurands, context, time) {
            self.deliver("MeterValues", payload, number);
        }
    }

    /// A MeterValues of a connector, with our number of its transaction.
    fn readings_of(&self, at: usize, measurands: &str, context: &str, time: String) -> Option<(Value, Option<u64>)> {
        let index = self.connectors[at].evse;
        let value = self.reading(index, measurands, context, time)?;
        let transaction = self.sessions[index].transaction.as_ref().filter(|transaction| transaction.connector == at);
        let payload = json!({ "connectorId": at + 1, "meterValue": [value] });
        Some((payload, transaction.map(|transaction| transaction.number)))
    }

    /// Keeps a reading that the end of the transaction will tell.
    pub(super) fn keep_for_stop(&mut self, index: usize, measurands: &str, context: &str, time: String) {
        let Some(value) = self.reading(index, measurands, context, time) else { return };
        let Some(transaction) = &mut self.sessions[index].transaction else { return };
        if transaction.data.len() >= MOST_FOR_STOP {
            let mut keep = false;
            transaction.data.retain(|_| {
                keep = !keep;
                keep
            });
        }
        transaction.data.push(value);
    }

    /// A meterValue with the measurands that a configuration key names; none where it names none.
    fn reading(&self, index: usize, measurands: &str, context: &str, time: String) -> Option<Value> {
        let named = self.configuration.get(measurands).split(',').map(str::trim).filter(|name| !name.is_empty());
        let sampled: Vec<Value> = named
            .map(|measurand| {
                let (value, unit) = self.physical.read(index, measurand);
                let mut sample = json!({
                    "value": format!("{value}"),
                    "context": context,
                    "format": "Raw",
                    "measurand": measurand,
                });
                if let Some(unit) = unit_name(unit) {
                    sample["unit"] = unit.into();
                }
                sample
            })
            .collect();
        (!sampled.is_empty()).then(|| json!({ "timestamp": time, "sampledValue": sampled }))
    }
}
