//! Messages that the CSMS asks for (F06).

use serde_json::{Value, json};

use super::{Boot, Station, Timer, availability::narrow};
use crate::pics::Profile;

impl Station {
    /// The answer to a TriggerMessage.
    pub(super) fn trigger(&self, payload: &Value) -> &'static str {
        let wanted = payload["requestedMessage"].as_str().unwrap_or_default();
        let yes = |id: &str| self.pics.is_yes(id);
        let supported = match wanted {
            "MeterValues" => yes("C-29.1"),
            "TransactionEvent" => yes("C-29.2"),
            "LogStatusNotification" => yes("C-29.3"),
            "FirmwareStatusNotification" => yes("C-29.4"),
            "StatusNotification" => yes("C-29.5"),
            "BootNotification" => yes("C-29.6"),
            "Heartbeat" => true,
            "SignChargingStationCertificate" => self.pics.has_profile(Profile::ADVANCED_SECURITY),
            "SignV2GCertificate" => self.pics.has_profile(Profile::ISO_15118),
            "SignCombinedCertificate" => self.pics.has_profile(Profile::ISO_15118) && yes("ISO-3"),
            // F06.FR.18 and 19
            "CustomTrigger" => {
                let name = payload["customTrigger"].as_str().unwrap_or_default();
                !name.is_empty() && self.device.lists("CustomizationCtrlr", "CustomTriggers", name)
            }
            _ => false,
        };
        if !supported {
            return "NotImplemented";
        }
        // F06.FR.03: an EVSE that has no bearing on the message is passed over, whichever it is.
        let evses = self.meant(payload);
        let possible = match wanted {
            // F06.FR.12: only a connector has a status to notify.
            "StatusNotification" => {
                let connector = narrow(&payload["evse"]["connectorId"]);
                evses.first().is_some_and(|index| connector.is_some_and(|id| self.evses[*index].has(id)))
            }
            "MeterValues" => !evses.is_empty() && !self.device.get("AlignedDataCtrlr", "Measurands").is_empty(),
            "TransactionEvent" => evses.iter().any(|index| self.evses[*index].transaction.is_some()),
            "BootNotification" => self.boot != Boot::Accepted,
            "SignV2GCertificate" | "SignCombinedCertificate" => {
                self.device.is("ISO15118Ctrlr", "V2GCertificateInstallationEnabled")
            }
            _ => true,
        };
        if possible { "Accepted" } else { "Rejected" }
    }

    /// The EVSEs that a trigger is about: the one it names, or all (F06.FR.11).
    fn meant(&self, payload: &Value) -> Vec<usize> {
        match payload.get("evse") {
            None => (0..self.evses.len()).collect(),
            Some(evse) => narrow(&evse["id"]).and_then(|id| self.physical.index_of(id)).into_iter().collect(),
        }
    }

    /// Sends what was asked for and promised.
    pub(super) fn triggered(&mut self, payload: &Value) {
        if self.trigger(payload) != "Accepted" {
            return;
        }
        match payload["requestedMessage"].as_str().unwrap_or_default() {
            "BootNotification" => {
                self.boot_reason = "Triggered";
                self.cancel(|timer| *timer == Timer::BootAgain);
                self.boot_notification();
            }
            "Heartbeat" => self.call("Heartbeat", json!({})),
            "StatusNotification" => {
                let connector = narrow(&payload["evse"]["connectorId"]);
                for index in self.meant(payload) {
                    for known in &mut self.evses[index].connectors {
                        if Some(known.id) == connector {
                            known.reported = None;
                        }
                    }
                    self.report_status(index);
                }
            }
            "MeterValues" => {
                for index in self.meant(payload) {
                    let measurands = self.device.get("AlignedDataCtrlr", "Measurands").to_owned();
                    let value = self.readings(index, &measurands, "Trigger", self.physical.wall());
                    let evse = self.evses[index].id;
                    self.call("MeterValues", json!({ "evseId": evse, "meterValue": [value] }));
                }
            }
            "TransactionEvent" => {
                for index in self.meant(payload) {
                    let state = self.evses[index].transaction.as_ref().map(|running| running.charging_state);
                    self.event(index, "Updated", "Trigger", state, None);
                }
            }
            "LogStatusNotification" => self.report_log_status(),
            "FirmwareStatusNotification" => self.report_firmware_status(),
            "SignChargingStationCertificate" => self.sign_certificate(false),
            "SignCombinedCertificate" => self.sign_certificate(true),
            "SignV2GCertificate" => self.sign_vehicle_certificate(),
            "CustomTrigger" => {
                let vendor: String = self.pics.product.vendor.chars().take(255).collect();
                self.call("DataTransfer", json!({ "vendorId": vendor, "messageId": payload["customTrigger"] }));
            }
            _ => {}
        }
    }
}
