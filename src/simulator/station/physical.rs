//! What people do with the station: cables, tokens, power, network; and the meter.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Boot, Station, Timer};
use crate::{operator::ActionOutcome, simulator::operator::Request};

impl Station {
    /// Performs a manual action.
    pub(super) fn operated(&mut self, request: Request) {
        let parameters = &request.action.parameters;
        let number = |name: &str| parameters.get(name).and_then(Value::as_u64).and_then(|id| u32::try_from(id).ok());
        let evse = number("evse").unwrap_or(1);
        let connector = number("connector").unwrap_or(1);
        let outcome = match (request.action.action.as_str(), self.index_of(evse)) {
            ("power-cycle", _) => {
                self.restart("PowerUp");
                ActionOutcome::Done
            }
            ("network-down", _) => {
                self.network_up = false;
                if let Some(conn) = self.conn {
                    self.link.send(crate::link::LinkCommand::Abort(conn));
                }
                ActionOutcome::Done
            }
            ("network-up", _) => {
                self.network_up = true;
                self.schedule(Duration::from_secs(1), Timer::Connect);
                ActionOutcome::Done
            }
            (_, None) => ActionOutcome::NotPossible(format!("there is no EVSE {evse}")),
            ("drive-in", Some(index)) => {
                self.drive_in(index);
                ActionOutcome::Done
            }
            ("drive-out", Some(index)) => {
                self.drive_out(index);
                ActionOutcome::Done
            }
            ("connect-ev", Some(index)) if self.evses[index].plugged.is_none() => {
                self.plug(index, connector);
                ActionOutcome::Done
            }
            ("connect-ev" | "reconnect-ev-side", Some(index)) => {
                self.plug_ev_side(index, connector);
                ActionOutcome::Done
            }
            ("disconnect-station-side", Some(index)) if self.evses[index].locked_for.is_some() => {
                ActionOutcome::NotPossible("the cable is locked".into())
            }
            ("disconnect-station-side", Some(index)) => {
                if self.evses[index].plugged.is_some() {
                    self.unplug(index, false);
                }
                ActionOutcome::Done
            }
            ("disconnect-ev", Some(index)) => {
                if self.evses[index].plugged.is_some() {
                    self.unplug(index, false);
                }
                ActionOutcome::Done
            }
            ("disconnect-ev-side", Some(index)) => {
                self.unplug(index, true);
                ActionOutcome::Done
            }
            ("select-evse", Some(index)) => {
                self.selected = Some(index);
                ActionOutcome::Done
            }
            ("present-token", Some(index)) => {
                let token = json!({ "idToken": parameters.get("token"), "type": parameters.get("type") });
                let index = if parameters.contains_key("evse") { index } else { self.evse_for_token() };
                self.present(index, token);
                ActionOutcome::Done
            }
            ("press-start", Some(index)) => {
                self.authorize(index, json!({ "idToken": "", "type": "NoAuthorization" }), None);
                ActionOutcome::Done
            }
            ("press-stop", Some(index)) => {
                self.stop_authorization(index, None, false);
                ActionOutcome::Done
            }
            ("stop-with-master-pass", Some(index)) => {
                let only = parameters.contains_key("evse").then_some(index);
                if self.master_pass_selected(only) {
                    ActionOutcome::Done
                } else {
                    ActionOutcome::NotPossible("there is no master pass screen".into())
                }
            }
            ("ev-not-ready" | "ev-suspend", Some(index)) => {
                self.suspend(index, true);
                ActionOutcome::Done
            }
            ("ev-resume", Some(index)) => {
                self.suspend(index, false);
                ActionOutcome::Done
            }
            (other, _) => ActionOutcome::NotPossible(format!("the simulated station knows no `{other}`")),
        };
        let _ = request.done.send(outcome);
    }

    /// The EVSE that a token is meant for when the driver selected none.
    fn evse_for_token(&self) -> usize {
        let occupied = self.evses.iter().position(|evse| evse.plugged.is_some() || evse.transaction.is_some());
        self.selected.or(occupied).unwrap_or(0)
    }

    // ---- metering ----

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
            self.schedule_samples(index);
        }
    }

    pub(super) fn schedule_aligned(&mut self) {
        self.cancel(|timer| *timer == Timer::Aligned);
        let interval = self.device.number("AlignedDataCtrlr", "Interval");
        if interval == 0 {
            return;
        }
        let now = self.clock.now().wall;
        let seconds = u64::try_from(now.as_second().rem_euclid(86_400)).unwrap_or(0);
        let nanos = u64::try_from(now.subsec_nanosecond()).unwrap_or(0);
        let wait = Duration::from_secs(interval - seconds % interval).saturating_sub(Duration::from_nanos(nanos));
        self.schedule(wait, Timer::Aligned);
    }

    pub(super) fn aligned(&mut self) {
        for index in 0..self.evses.len() {
            if self.evses[index].transaction.is_some() {
                let state = self.evses[index].transaction.as_ref().map(|running| running.charging_state);
                self.event(index, "Updated", "MeterValueClock", state, None);
                self.check_energy_limit(index);
            } else if self.online() {
                let measurands = self.device.get("AlignedDataCtrlr", "Measurands").to_owned();
                let value = self.readings(index, &measurands, "Sample.Clock");
                let evse = self.evses[index].id;
                self.call("MeterValues", json!({ "evseId": evse, "meterValue": [value] }));
            }
        }
        self.schedule_aligned();
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
        let measurands = self.device.get(variable.0, variable.1).to_owned();
        (!measurands.is_empty()).then(|| json!([self.readings(index, &measurands, context)]))
    }

    pub(super) fn readings(&mut self, index: usize, measurands: &str, context: &str) -> Value {
        let evse = &self.evses[index];
        let charging = evse.charging && !evse.ev_suspended && !evse.evse_suspended;
        if charging {
            self.evses[index].meter += 25.0;
        }
        let meter = self.evses[index].meter;
        let signs = self.signs_readings();
        let sampled: Vec<Value> = measurands
            .split(',')
            .map(str::trim)
            .filter(|measurand| !measurand.is_empty())
            .map(|measurand| {
                let (value, unit) = match measurand {
                    "Energy.Active.Import.Register" => (meter, "Wh"),
                    text if text.starts_with("Energy") => (0.0, "Wh"),
                    text if text.starts_with("Power.Factor") => (1.0, ""),
                    "Power.Offered" => (7400.0, "W"),
                    text if text.starts_with("Power") => (if charging { 7200.0 } else { 0.0 }, "W"),
                    "Current.Offered" => (32.0, "A"),
                    text if text.starts_with("Current") => (if charging { 31.0 } else { 0.0 }, "A"),
                    "Voltage" => (230.0, "V"),
                    "SoC" => (55.0, "Percent"),
                    "Frequency" => (50.0, "Hertz"),
                    _ => (0.0, ""),
                };
                let mut sample = json!({ "value": value, "measurand": measurand, "context": context });
                if signs && measurand == "Energy.Active.Import.Register" {
                    sample["signedMeterValue"] = signature(meter);
                }
                if !unit.is_empty() {
                    sample["unitOfMeasure"] = json!({ "unit": unit });
                }
                sample
            })
            .collect();
        json!({ "timestamp": self.wall(), "sampledValue": sampled })
    }

    /// The meter signs what it reads (E02.FR.14).
    pub(super) fn signs_readings(&self) -> bool {
        self.device.is("SampledDataCtrlr", "SignReadings")
    }

    /// True while nothing may be asked of the station but what its boot allows.
    pub(super) fn refuses_calls(&self) -> bool {
        self.boot == Boot::Rejected
    }
}

/// A reading signed by a meter whose signature says nothing.
fn signature(meter: f64) -> Value {
    json!({
        "signedMeterData": format!("T0NNRnw{meter:.0}"),
        "signingMethod": "ECDSA-secp256r1-SHA256",
        "encodingMethod": "OCMF",
        "publicKey": "b2NhOmJhc2UxNjphc24xOjMwNTk=",
    })
}
