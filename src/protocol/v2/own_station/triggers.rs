//! Messages that the CSMS triggers (F06).

use serde_json::{Value, json};

use super::{
    Around, OwnStation, Status,
    device::Device,
    follow_up::{FollowUp, Message},
    refused, status,
};

impl OwnStation {
    pub(super) fn trigger(&self, around: &Around, payload: &Value) -> Value {
        let evse = payload["evse"]["id"].as_u64();
        let wanted = payload["requestedMessage"].as_str().unwrap_or_default();
        match wanted {
            // F06.FR.17
            "BootNotification" if self.registration.status() == Some(Status::Accepted) => {
                refused("Rejected", "InvalidMessageSeq")
            }
            // F06.FR.12
            "StatusNotification" if payload["evse"]["connectorId"].is_null() => refused("Rejected", "MissingParam"),
            "StatusNotification" if around.named_connectors(&payload["evse"]).next().is_none() => {
                refused("Rejected", "UnknownConnectorId")
            }
            "MeterValues" if evse.is_some_and(|id| id != 0 && !around.has_evse(id)) => {
                refused("Rejected", "UnknownEvse")
            }
            "TransactionEvent" if transactions_at(around, evse).next().is_none() => refused("Rejected", "TxNotFound"),
            // Only test cases handle keys, so the station requests no certificate on its own (F06.FR.05).
            "SignChargingStationCertificate" => refused("Rejected", "UnsupportedRequest"),
            "BootNotification"
            | "FirmwareStatusNotification"
            | "Heartbeat"
            | "LogStatusNotification"
            | "MeterValues"
            | "StatusNotification"
            | "TransactionEvent" => status("Accepted"),
            // F06.FR.18. What a trigger of the manufacturer's own leads to is no message of OCPP.
            "CustomTrigger" if self.has_custom_trigger(around, payload) => status("Accepted"),
            // F06.FR.08, F06.FR.19: V2G certificates and publishing firmware are not supported.
            _ => status("NotImplemented"),
        }
    }

    fn has_custom_trigger(&self, around: &Around, payload: &Value) -> bool {
        let known = Device::new(self, around).value_of("CustomizationCtrlr.CustomTriggers").unwrap_or_default();
        payload["customTrigger"].as_str().is_some_and(|wanted| known.split(',').any(|known| known == wanted))
    }

    pub(super) fn triggered(&self, around: &Around, payload: &Value) -> Vec<FollowUp> {
        let evse = payload["evse"]["id"].as_u64();
        let messages: Vec<Message> = match payload["requestedMessage"].as_str().unwrap_or_default() {
            "BootNotification" => vec![Message::Boot],
            "FirmwareStatusNotification" => {
                vec![Message::Whole("FirmwareStatusNotification", self.reported_state.firmware())]
            }
            "Heartbeat" => vec![Message::Whole("Heartbeat", json!({}))],
            "LogStatusNotification" => vec![Message::Whole("LogStatusNotification", json!({ "status": "Idle" }))],
            // F06.FR.11: for every EVSE if none is named.
            "MeterValues" => match evse {
                Some(evse) => vec![Message::Meter { evse }],
                None => around.evses.iter().map(|evse| Message::Meter { evse: evse.id }).collect(),
            },
            "StatusNotification" => {
                let named = around.named_connectors(&payload["evse"]);
                named.map(|(evse, connector)| Message::Status { evse, connector }).collect()
            }
            "TransactionEvent" => transactions_at(around, evse).map(Message::Transaction).collect(),
            _ => Vec::new(),
        };
        messages.into_iter().map(|message| FollowUp::new("TriggerMessage", message)).collect()
    }
}

fn transactions_at(around: &Around, evse: Option<u64>) -> impl Iterator<Item = String> {
    let at = move |of: Option<u64>| evse.is_none() || of == evse;
    around.running.iter().filter(move |one| at(one.evse)).map(|one| one.id.clone())
}
