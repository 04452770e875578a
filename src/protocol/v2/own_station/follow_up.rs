//! Messages that our station sends because one of its answers promised them.

use serde_json::{Value, json};

use super::{Around, OwnStation, device::Device};

/// What is to be sent. Messages with current information are composed when they are sent (F06.FR.09).
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Message {
    /// A complete message.
    Whole(&'static str, Value),
    /// A triggered BootNotification.
    Boot,
    /// The status of a connector.
    Status { evse: u64, connector: u64 },
    /// The meter values of an EVSE.
    Meter { evse: u64 },
    /// A TransactionEvent of this transaction.
    Transaction(String),
    /// A monitored event (`EventDataType` without its id).
    Event(Value),
}

/// A message, and the action of the request that led to it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct FollowUp {
    pub(crate) message: Message,
    pub(crate) because: String,
}

impl FollowUp {
    pub(super) fn new(because: &str, message: Message) -> Self {
        Self { message, because: because.to_owned() }
    }

    /// True if it may be sent before the CSMS has accepted the station (B02.FR.02).
    pub(crate) fn may_be_sent_pending(&self) -> bool {
        ["TriggerMessage", "GetBaseReport", "GetReport"].contains(&self.because.as_str())
    }
}

impl OwnStation {
    /// Composes the message, with `event` as the id of an event; none if it has become pointless.
    pub(crate) fn compose(&self, around: &Around, message: &Message, event: u32) -> Option<(&'static str, Value)> {
        let now = around.time();
        Some(match message {
            Message::Whole(action, payload) => (*action, payload.clone()),
            Message::Boot => ("BootNotification", boot(around)),
            Message::Status { evse, connector } => {
                let status = self.reported_state.status((*evse, *connector));
                let payload = json!({
                    "timestamp": now, "connectorStatus": status, "evseId": evse, "connectorId": connector,
                });
                ("StatusNotification", payload)
            }
            Message::Meter { evse } => {
                let sampled = Device::new(self, around).measured(*evse, "AlignedDataCtrlr.Measurands");
                let values = json!([{ "timestamp": now, "sampledValue": sampled }]);
                ("MeterValues", json!({ "evseId": evse, "meterValue": values }))
            }
            Message::Transaction(id) => {
                let running = around.running(id)?;
                // Without a charging state no EV has been connected yet.
                let state = if running.charging_state.is_empty() { "Idle" } else { &running.charging_state };
                let evse = running.evse.unwrap_or_default();
                let sampled = Device::new(self, around).measured(evse, "SampledDataCtrlr.TxUpdatedMeasurands");
                let payload = json!({
                    "eventType": "Updated",
                    "timestamp": now,
                    "triggerReason": "Trigger",
                    "seqNo": running.next_seq,
                    "transactionInfo": { "transactionId": id, "chargingState": state },
                    "meterValue": [{ "timestamp": now, "sampledValue": sampled }],
                });
                ("TransactionEvent", payload)
            }
            Message::Event(data) => {
                let mut data = data.clone();
                data["eventId"] = event.into();
                ("NotifyEvent", json!({ "generatedAt": now, "seqNo": 0, "eventData": [data] }))
            }
        })
    }

    /// What follows after a triggered boot has been accepted (B01.FR.05).
    pub(crate) fn after_boot(&self, around: &Around) -> Vec<FollowUp> {
        if !self.registration.is_accepted() {
            return Vec::new();
        }
        let statuses = around.connectors().map(|(evse, connector)| Message::Status { evse, connector });
        statuses.map(|message| FollowUp::new("BootNotification", message)).collect()
    }
}

fn boot(around: &Around) -> Value {
    let text = |name: &str, most: usize| {
        around.bench(name).as_str().unwrap_or_default().chars().take(most).collect::<String>()
    };
    let mut station = json!({ "model": text("model", 20), "vendorName": text("vendor_name", 50) });
    // The CSMS compares it with the certificate (B01.FR.11).
    if around.security_profile() == 3 {
        station["serialNumber"] = text("serial_number", 25).into();
    }
    json!({ "reason": "Triggered", "chargingStation": station })
}
