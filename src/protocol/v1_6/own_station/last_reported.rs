//! What our charge point last reported, by steps of test cases or on its own. Later messages must be consistent with it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Around, OwnStation, configuration::ENERGY, items};

/// Initial reading of the meters, Wh.
const FIRST_READING: i64 = 1000;
/// Maximum number of connectors and of meters.
const MAX_KEPT: usize = 1000;

/// The last reported values.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub(super) struct LastReported {
    /// Statuses of connectors; 0 is the charge point itself.
    pub(super) statuses: BTreeMap<u64, String>,
    /// Energy registers by connector, Wh; 0 is the main meter.
    readings: BTreeMap<u64, i64>,
    /// The last FirmwareStatusNotification.
    firmware: Value,
    /// The last SignedFirmwareStatusNotification.
    signed_firmware: Value,
    /// The last DiagnosticsStatusNotification.
    diagnostics: Value,
    /// Signing requests that the central system has neither refused nor answered with a certificate.
    pub(super) signing_requests: u32,
}

fn is(payload: &Value, statuses: &[&str]) -> bool {
    payload["status"].as_str().is_some_and(|status| statuses.contains(&status))
}

impl LastReported {
    /// The status of a connector.
    pub(super) fn status(&self, connector: u64) -> &str {
        self.statuses.get(&connector).map_or("Available", String::as_str)
    }

    /// The energy register of a connector.
    pub(super) fn reading(&self, connector: u64) -> i64 {
        self.readings.get(&connector).copied().unwrap_or(FIRST_READING)
    }

    /// The payload of a triggered FirmwareStatusNotification: Idle unless it is busy (4.5).
    pub(super) fn firmware(&self) -> Value {
        let busy = is(&self.firmware, &["Downloading", "Downloaded", "Installing"]);
        if busy { self.firmware.clone() } else { json!({ "status": "Idle" }) }
    }

    /// The payload of a triggered SignedFirmwareStatusNotification (L01.FR.28, L01.FR.29).
    pub(super) fn signed_firmware(&self) -> Value {
        let over = self.signed_firmware.is_null() || is(&self.signed_firmware, &["Installed", "Idle"]);
        if over { json!({ "status": "Idle" }) } else { self.signed_firmware.clone() }
    }

    /// The payload of a triggered DiagnosticsStatusNotification: Idle unless it is busy (4.4).
    pub(super) fn diagnostics(&self) -> Value {
        if is(&self.diagnostics, &["Uploading"]) { self.diagnostics.clone() } else { json!({ "status": "Idle" }) }
    }

    /// Puts a connector back into service.
    pub(super) fn open(&mut self, connector: u64) {
        self.statuses.remove(&connector);
    }

    fn read(&mut self, connector: u64, reading: Option<i64>) {
        let known = self.readings.len() < MAX_KEPT || self.readings.contains_key(&connector);
        if let Some(reading) = reading.filter(|reading| known && *reading >= self.reading(connector)) {
            self.readings.insert(connector, reading);
        }
    }

    fn readings(&mut self, connector: u64, payload: &Value) {
        for sample in items(payload, "meterValue").flat_map(|value| items(value, "sampledValue")) {
            let energy = sample.get("measurand").is_none_or(|measurand| measurand == ENERGY);
            let in_wh = sample.get("unit").is_none_or(|unit| unit == "Wh");
            if energy && in_wh {
                self.read(connector, sample["value"].as_str().and_then(|value| value.parse().ok()));
            }
        }
    }
}

impl OwnStation {
    /// A CALL of ours is being sent; `around` is the context before it.
    pub(in crate::protocol::v1_6) fn note_sent(&mut self, around: &Around, action: &str, payload: &Value) {
        let connector = payload["connectorId"].as_u64();
        match action {
            "BootNotification" => self.registration.asked(),
            "StatusNotification" => {
                if let (Some(connector), Some(status)) = (connector, payload["status"].as_str()) {
                    let statuses = &mut self.reported.statuses;
                    if statuses.len() < MAX_KEPT || statuses.contains_key(&connector) {
                        statuses.insert(connector, status.to_owned());
                    }
                }
            }
            "MeterValues" => self.reported.readings(connector.unwrap_or_default(), payload),
            "StartTransaction" => {
                self.reported.read(connector.unwrap_or_default(), payload["meterStart"].as_i64());
                self.reservations.is_used(payload);
            }
            "StopTransaction" => {
                let connector = payload["transactionId"].as_i64().and_then(|id| around.connector_of(id));
                if let Some(connector) = connector {
                    self.reported.read(connector, payload["meterStop"].as_i64());
                    self.profiles.transaction_ended(connector);
                }
            }
            "FirmwareStatusNotification" => self.reported.firmware = payload.clone(),
            "SignedFirmwareStatusNotification" => self.reported.signed_firmware = payload.clone(),
            "DiagnosticsStatusNotification" => self.reported.diagnostics = payload.clone(),
            "SignCertificate" => {
                let open = &mut self.reported.signing_requests;
                *open = open.saturating_add(1);
            }
            _ => {}
        }
    }

    /// The central system has answered a CALL of ours.
    pub(in crate::protocol::v1_6) fn answered(&mut self, around: &Around, action: &str, response: &Value) {
        match action {
            "BootNotification" => {
                self.registration.answered(response, around.now.seconds());
                if self.registration.heartbeat_interval().is_some() {
                    self.forget_heartbeat_interval();
                }
            }
            "SignCertificate" if response["status"] != "Accepted" => self.certificate_came(),
            _ => {}
        }
    }
}
