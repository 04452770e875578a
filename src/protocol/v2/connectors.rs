//! The status of connectors, as the station under test tells it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::registration::BOOT;
use crate::protocol::session::Call;

/// Most connectors that are followed.
const MAX_CONNECTORS: usize = 1000;

/// What was last told of connectors, by the ids of EVSE and connector; nothing since a boot that told none.
#[derive(Debug, Clone, Default)]
pub(crate) struct Connectors(pub(super) BTreeMap<(u64, u64), String>);

impl Connectors {
    /// As expressions see them.
    pub(super) fn describe(&self) -> Value {
        let statuses = self.0.iter();
        statuses
            .map(|((evse, connector), status)| json!({ "evse": evse, "connector": connector, "status": status }))
            .collect()
    }

    /// Learns the status of connectors from a message that tells it.
    pub(super) fn learn(&mut self, call: &Call) {
        let payload = &call.payload;
        match call.action.as_str() {
            // They are told anew (B01.FR.05).
            BOOT => self.0.clear(),
            "StatusNotification" => {
                self.tell_connector(&payload["evseId"], &payload["connectorId"], &payload["connectorStatus"]);
            }
            "NotifyEvent" => {
                for event in payload["eventData"].as_array().into_iter().flatten() {
                    let component = &event["component"];
                    if component["name"] == "Connector" && event["variable"]["name"] == "AvailabilityState" {
                        let evse = &component["evse"];
                        self.tell_connector(&evse["id"], &evse["connectorId"], &event["actualValue"]);
                    }
                }
            }
            _ => {}
        }
    }

    fn tell_connector(&mut self, evse: &Value, connector: &Value, status: &Value) {
        let (Some(evse), Some(connector), Some(status)) = (evse.as_u64(), connector.as_u64(), status.as_str()) else {
            return;
        };
        if self.0.len() < MAX_CONNECTORS || self.0.contains_key(&(evse, connector)) {
            self.0.insert((evse, connector), status.to_owned());
        }
    }
}
