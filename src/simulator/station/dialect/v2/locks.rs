//! The locks of the connectors: unlocked from afar (F05), and what follows when one does not close (G05).

use serde_json::{Value, json};

use super::{Station, availability::narrow};

impl Station {
    /// The answer to an UnlockConnector.
    pub(super) fn unlock(&self, payload: &Value) -> &'static str {
        let evse = narrow(&payload["evseId"]).and_then(|evse| self.physical.index_of(evse));
        let place = evse.zip(narrow(&payload["connectorId"]));
        let Some((index, connector)) = place.filter(|(index, connector)| self.evses[*index].has(*connector)) else {
            return "UnknownConnector";
        };
        // F05.FR.02, for a transaction on this connector.
        if self.held(index, Some(connector)) && self.evses[index].authorized.is_some() {
            "OngoingAuthorizedTransaction"
        } else if self.physical.evses[index].is_stuck(connector) {
            "UnlockFailed"
        } else {
            "Unlocked"
        }
    }

    /// True when the plug is held fast, so that energy may flow. Where it is not, the CSMS is told (G05.FR.02).
    pub(super) fn plug_is_held(&mut self, index: usize) -> bool {
        let evse = &self.physical.evses[index];
        let Some(connector) = evse.plugged.filter(|plugged| evse.is_stuck(*plugged)) else { return true };
        self.lock_problem(index, connector, true);
        false
    }

    /// A lock that was jammed moves again.
    pub(super) fn lock_freed(&mut self, index: usize, connector: u32) {
        self.lock_problem(index, connector, false);
        self.try_charging(index);
    }

    fn lock_problem(&mut self, index: usize, connector: u32, problem: bool) {
        const LOCK: &str = "ConnectorPlugRetentionLock";
        let evse = self.evses[index].id;
        if !self.device.put_at(LOCK, (evse, Some(connector)), "Problem", &problem.to_string()) {
            return;
        }
        self.events_made += 1;
        let now = self.physical.wall();
        let event = json!({
            "eventId": self.events_made,
            "timestamp": now,
            "trigger": "Delta",
            "actualValue": problem.to_string(),
            "eventNotificationType": "HardWiredNotification",
            "component": { "name": LOCK, "evse": { "id": evse, "connectorId": connector } },
            "variable": { "name": "Problem" },
        });
        self.call("NotifyEvent", json!({ "generatedAt": now, "seqNo": 0, "tbc": false, "eventData": [event] }));
    }
}
