//! Messages that our station sends because an answer of its own promised them.

use serde_json::{Value, json};

use super::{Around, OwnStation, device::Device};

/// What is to be sent. What tells of the present is put together when its turn has come (F06.FR.09).
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Message {
    /// A message that is whole.
    Whole(&'static str, Value),
    /// A BootNotification that was asked for.
    Boot,
    /// The status of a connector.
    Status { evse: u64, connector: u64 },
    /// The meter values of an EVSE.
    Meter { evse: u64 },
    /// An event of a transaction, by its id.
    Transaction(String),
    /// A monitored event (`EventDataType` without its id).
    Event(Value),
}

/// A message, and the action of the request that it follows.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct FollowUp {
    pub(crate) message: Message,
    pub(crate) because: String,
}

impl FollowUp {
    pub(super) fn new(because: &str, message: Message) -> Self {
        Self { message, because: because.to_owned() }
    }

    /// True for what a station may send before the CSMS has accepted it (B02.FR.02).
    pub(crate) fn may_be_sent_pending(&self) -> bool {
        ["TriggerMessage", "GetBaseReport", "GetReport"].contains(&self.because.as_str())
    }
}

impl OwnStation {
    /// The message as it is now, `event` being an id for an event; none where there is nothing to tell any more.
    pub(crate) fn compose(&self, around: &Around, message: &Message, event: u32) -> Option<(&'static str, Value)> {
        let now = around.time();
        Some(match message {
            Message::Whole(action, payload) => (*action, payload.clone()),
            Message::Boot => ("BootNotification", boot(around)),
            Message::Status { evse, connector } => {
                let status = self.told.status((*evse, *connector));
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
                // An EV that is not there yet can't be in another state.
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

    /// What follows when the CSMS has accepted a boot that it asked for (B01.FR.05).
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
