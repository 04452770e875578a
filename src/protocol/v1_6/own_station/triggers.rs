//! Messages that the central system triggers (5.17; security whitepaper, 4.1.4), and others that our charge point sends because one of
//! its answers promised them.

use serde_json::{Map, Value, json};

use super::{Around, OwnStation, status};
use crate::protocol::session::Asked;

/// What is to be sent. Messages with current information are composed when they are sent.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Message {
    /// A complete message.
    Whole(&'static str, Value),
    /// A triggered BootNotification.
    Boot,
    /// The status of a connector.
    Status { connector: u64 },
    /// The meter values of a connector.
    Meter { connector: u64 },
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

    /// True if it may be sent before the central system has accepted the charge point (4.2).
    pub(crate) fn may_be_sent_pending(&self) -> bool {
        ["TriggerMessage", "ExtendedTriggerMessage"].contains(&self.because.as_str())
    }
}

impl OwnStation {
    pub(super) fn trigger(&self, around: &Around, payload: &Value, asked: Asked) -> Value {
        let connector = payload["connectorId"].as_u64();
        let known = connector.is_none_or(|connector| around.has(connector));
        let accepted = match payload["requestedMessage"].as_str().unwrap_or_default() {
            // Errata 3.35
            "BootNotification" => !self.registration.is_accepted(),
            "StatusNotification" | "MeterValues" => known,
            // Only test cases handle keys, so the charge point requests no certificate on its own.
            "SignChargePointCertificate" => asked == Asked::ByStep,
            _ => true,
        };
        status(if accepted { "Accepted" } else { "Rejected" })
    }

    pub(super) fn triggered(&self, around: &Around, action: &str, payload: &Value) -> Vec<FollowUp> {
        let connector = payload["connectorId"].as_u64();
        let messages: Vec<Message> = match payload["requestedMessage"].as_str().unwrap_or_default() {
            "BootNotification" => vec![Message::Boot],
            "DiagnosticsStatusNotification" => {
                vec![Message::Whole("DiagnosticsStatusNotification", self.reported.diagnostics())]
            }
            "FirmwareStatusNotification" if action == "ExtendedTriggerMessage" => {
                vec![Message::Whole("SignedFirmwareStatusNotification", self.reported.signed_firmware())]
            }
            "FirmwareStatusNotification" => {
                vec![Message::Whole("FirmwareStatusNotification", self.reported.firmware())]
            }
            "Heartbeat" => vec![Message::Whole("Heartbeat", json!({}))],
            "LogStatusNotification" => vec![Message::Whole("LogStatusNotification", json!({ "status": "Idle" }))],
            // For every connector if none is named.
            "MeterValues" => match connector {
                Some(connector) => vec![Message::Meter { connector }],
                None => around.connectors.iter().map(|connector| Message::Meter { connector: *connector }).collect(),
            },
            "StatusNotification" => match connector {
                Some(connector) => vec![Message::Status { connector }],
                None => around.selected(None).into_iter().map(|connector| Message::Status { connector }).collect(),
            },
            _ => Vec::new(),
        };
        messages.into_iter().map(|message| FollowUp::new(action, message)).collect()
    }

    /// Composes the message.
    pub(in crate::protocol::v1_6) fn compose(&self, around: &Around, message: &Message) -> (&'static str, Value) {
        let now = around.time();
        match message {
            Message::Whole(action, payload) => (*action, payload.clone()),
            Message::Boot => ("BootNotification", boot(around)),
            Message::Status { connector } => {
                let status = self.reported.status(*connector);
                let payload =
                    json!({ "connectorId": connector, "errorCode": "NoError", "status": status, "timestamp": now });
                ("StatusNotification", payload)
            }
            Message::Meter { connector } => ("MeterValues", Value::Object(self.meter_values(around, *connector))),
        }
    }

    /// The current values of a connector, with the transaction that they belong to.
    pub(in crate::protocol::v1_6) fn meter_values(&self, around: &Around, connector: u64) -> Map<String, Value> {
        let values = json!([{ "timestamp": around.time(), "sampledValue": self.measured(around, connector) }]);
        let mut payload = Map::from_iter([("connectorId".into(), connector.into()), ("meterValue".into(), values)]);
        if let Some(id) = around.running_at(connector).and_then(|running| running.id) {
            payload.insert("transactionId".into(), id.into());
        }
        payload
    }

    /// What follows after a triggered boot has been accepted (errata 3.22).
    pub(in crate::protocol::v1_6) fn after_boot(&self, around: &Around) -> Vec<FollowUp> {
        if !self.registration.is_accepted() {
            return Vec::new();
        }
        let statuses = around.selected(None).into_iter().map(|connector| Message::Status { connector });
        statuses.map(|message| FollowUp::new("BootNotification", message)).collect()
    }
}

fn boot(around: &Around) -> Value {
    let text = |name: &str, most: usize| {
        around.bench(name).as_str().unwrap_or_default().chars().take(most).collect::<String>()
    };
    let mut boot = json!({ "chargePointVendor": text("vendor_name", 20), "chargePointModel": text("model", 20) });
    // The central system compares it with the certificate (A00.FR.405).
    if around.security_profile() == 3 {
        boot["chargePointSerialNumber"] = text("serial_number", 25).into();
    }
    boot
}
