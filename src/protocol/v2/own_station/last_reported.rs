//! What our station last reported to the CSMS, by steps of test cases or on its own. Later messages must be consistent with it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Around, OwnStation, device::Device, follow_up::FollowUp, items, request_rules::ChargingNeeds};

/// The default measurand of a sampled value.
pub(super) const ENERGY: &str = "Energy.Active.Import.Register";
/// Initial reading of the meters, Wh.
const FIRST_READING: f64 = 1000.0;
/// Maximum number of connectors and of meters.
const MAX_KEPT: usize = 1000;

/// The last reported values.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub(super) struct LastReported {
    /// Statuses of connectors, by `EVSE/connector`.
    connectors: BTreeMap<String, String>,
    /// Energy registers by EVSE, Wh; 0 is the main meter.
    readings: BTreeMap<u64, f64>,
    /// The last FirmwareStatusNotification.
    firmware: Value,
    /// Signing requests that the CSMS has neither refused nor answered with a certificate.
    pub(super) signing_requests: u32,
    /// The EVSEs for whose transaction the charging needs of the EV were told.
    pub(super) charging_needs: ChargingNeeds,
}

impl LastReported {
    /// The status of a connector.
    pub(super) fn status(&self, (evse, connector): (u64, u64)) -> &str {
        self.connectors.get(&format!("{evse}/{connector}")).map_or("Available", String::as_str)
    }

    /// The energy register of an EVSE.
    pub(super) fn reading(&self, evse: u64) -> f64 {
        self.readings.get(&evse).copied().unwrap_or(FIRST_READING)
    }

    /// The payload of a triggered FirmwareStatusNotification (L01.FR.25, L01.FR.26, F06.FR.16).
    pub(super) fn firmware(&self) -> Value {
        let over = ["Installed", "Idle"].iter().any(|status| self.firmware["status"] == *status);
        if self.firmware.is_null() || over { json!({ "status": "Idle" }) } else { self.firmware.clone() }
    }

    /// Puts a connector back into service.
    pub(super) fn open(&mut self, (evse, connector): (u64, u64)) {
        self.connectors.remove(&format!("{evse}/{connector}"));
    }

    /// The status of a connector changes, which is about to be reported.
    pub(super) fn becomes(&mut self, (evse, connector): (u64, u64), status: &str) {
        self.connector(&evse.into(), &connector.into(), &status.into());
    }

    fn connector(&mut self, evse: &Value, connector: &Value, status: &Value) {
        let (Some(evse), Some(connector), Some(status)) = (evse.as_u64(), connector.as_u64(), status.as_str()) else {
            return;
        };
        let key = format!("{evse}/{connector}");
        if self.connectors.len() < MAX_KEPT || self.connectors.contains_key(&key) {
            self.connectors.insert(key, status.to_owned());
        }
    }

    fn readings(&mut self, evse: u64, payload: &Value) {
        let samples = items(payload, "meterValue").flat_map(|value| items(value, "sampledValue"));
        for sample in samples.filter(|sample| sample.get("measurand").is_none_or(|measurand| measurand == ENERGY)) {
            let value = sample["value"].as_f64().filter(|value| *value >= self.reading(evse));
            if let Some(value) = value.filter(|_| self.readings.len() < MAX_KEPT || self.readings.contains_key(&evse)) {
                self.readings.insert(evse, value);
            }
        }
    }
}

impl OwnStation {
    /// A CALL of ours is being sent; `around` is the context before it.
    pub(crate) fn note_sent(&mut self, around: &Around, action: &str, payload: &Value) {
        match action {
            "BootNotification" => self.registration.asked(),
            "StatusNotification" => {
                self.reported_state.connector(&payload["evseId"], &payload["connectorId"], &payload["connectorStatus"]);
            }
            "NotifyEvent" => {
                for event in items(payload, "eventData") {
                    let component = &event["component"];
                    if component["name"] == "Connector" && event["variable"]["name"] == "AvailabilityState" {
                        let evse = &component["evse"];
                        self.reported_state.connector(&evse["id"], &evse["connectorId"], &event["actualValue"]);
                    }
                }
            }
            "MeterValues" => self.reported_state.readings(payload["evseId"].as_u64().unwrap_or_default(), payload),
            "ReservationStatusUpdate" => self.reservations.ends(payload),
            "TransactionEvent" => {
                self.reservations.ends(payload); // H01.FR.15
                let id = payload["transactionInfo"]["transactionId"].as_str().unwrap_or_default();
                let known = around.running(id).and_then(|one| one.evse);
                if let Some(evse) = payload["evse"]["id"].as_u64().or(known) {
                    self.reported_state.readings(evse, payload);
                }
                self.start_with_profile(around, payload, payload["evse"]["id"].as_u64().or(known));
                if payload["eventType"] == "Ended" {
                    let evse = payload["evse"]["id"].as_u64().or(known);
                    self.reported_state.charging_needs.retain(|of, _| Some(*of) != evse);
                    self.profiles.transaction_ended(id);
                    self.messages.transaction_ended(id);
                }
            }
            "ReportChargingProfiles" => self.profiles.reported(payload),
            "NotifyChargingLimit" => self.profiles.limited(around, payload),
            "ClearedChargingLimit" => self.profiles.released(payload),
            "NotifyEVChargingNeeds" => {
                let most = payload["maxScheduleTuples"].as_u64();
                self.reported_state.charging_needs.extend(payload["evseId"].as_u64().map(|evse| (evse, most)));
            }
            "FirmwareStatusNotification" => self.reported_state.firmware = payload.clone(),
            "SignCertificate" => {
                let open = &mut self.reported_state.signing_requests;
                *open = open.saturating_add(1);
            }
            _ => {}
        }
    }

    /// True if the CSMS has set monitors.
    pub(crate) fn is_monitored(&self) -> bool {
        !self.monitors.is_empty()
    }

    /// The events of monitors that a change of their variable triggers.
    pub(crate) fn monitor_events(&mut self, around: &Around) -> Vec<FollowUp> {
        if !self.is_monitored() {
            return Vec::new();
        }
        let device = Device::new(self, around);
        let values = self.monitors.watched().filter_map(|key| Some((key.to_owned(), device.value_of(key)?)));
        let values: BTreeMap<String, String> = values.collect();
        self.monitors.changed(&values, around)
    }

    /// When the next periodic event of a monitor is due.
    pub(crate) fn monitor_due(&self) -> Option<jiff::Timestamp> {
        self.monitors.due()
    }

    /// The periodic events that are due.
    pub(crate) fn periodic_events(&mut self, around: &Around) -> Vec<FollowUp> {
        let device = Device::new(self, around);
        let values = self.monitors.watched().filter_map(|key| Some((key.to_owned(), device.value_of(key)?)));
        let values: BTreeMap<String, String> = values.collect();
        self.monitors.time_passes(&values, around)
    }

    /// The CSMS has answered a CALL of ours.
    pub(crate) fn answered(&mut self, around: &Around, action: &str, response: &Value) {
        match action {
            "BootNotification" => {
                self.registration.answered(response, around.now.seconds());
                if self.registration.heartbeat_interval().is_some() {
                    self.set.remove("OCPPCommCtrlr.HeartbeatInterval"); // B01.FR.04
                }
            }
            "SignCertificate" if response["status"] != "Accepted" => self.certificate_came(),
            _ => {}
        }
    }
}
