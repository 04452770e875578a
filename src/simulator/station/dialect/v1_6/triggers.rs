//! TriggerMessage (5.17).

use serde_json::{Value, json};

use super::{ChargePoint, number};

impl ChargePoint {
    /// The answer.
    pub(super) fn trigger(&self, payload: &Value) -> &'static str {
        let connector = number(payload, "connectorId");
        let known = |zero: bool| connector.is_none_or(|number| self.connector(number).is_some() || zero && number == 0);
        let possible = match payload["requestedMessage"].as_str() {
            Some("BootNotification" | "Heartbeat") => true,
            Some("FirmwareStatusNotification" | "DiagnosticsStatusNotification") => true,
            Some("StatusNotification") => known(true),
            Some("MeterValues") => known(false),
            _ => return "NotImplemented",
        };
        if possible { "Accepted" } else { "Rejected" }
    }

    /// Sends what was asked for and promised.
    pub(super) fn triggered(&mut self, payload: &Value) {
        if self.trigger(payload) != "Accepted" {
            return;
        }
        let connector = number(payload, "connectorId");
        match payload["requestedMessage"].as_str().unwrap_or_default() {
            "BootNotification" => self.boot_notification(),
            "Heartbeat" => self.call_triggered("Heartbeat", json!({})),
            "StatusNotification" => self.report_triggered(connector),
            "MeterValues" => self.send_triggered_readings(connector.and_then(|number| self.connector(number))),
            "FirmwareStatusNotification" => self.report_firmware(),
            "DiagnosticsStatusNotification" => self.report_diagnostics(),
            _ => {}
        }
    }
}
