//! Changes of the availability (5.2), and unlocking (5.18).

use serde_json::Value;

use super::{
    Around, OwnStation, status,
    triggers::{FollowUp, Message},
};
use crate::protocol::session::{Asked, Call};

impl OwnStation {
    /// True if a ChangeAvailability would change the state of a connector.
    pub(in crate::protocol::v1_6) fn changes_availability(&self, around: &Around, call: &Call) -> bool {
        call.action == "ChangeAvailability" && self.would_change(around, &call.payload)
    }

    fn would_change(&self, around: &Around, request: &Value) -> bool {
        let operative = request["type"] == "Operative";
        let selected = around.selected(request["connectorId"].as_u64());
        selected.into_iter().any(|connector| (self.reported.status(connector) == "Unavailable") == operative)
    }

    pub(super) fn change_availability(&self, around: &Around, payload: &Value, asked: Asked) -> Value {
        let selected = around.selected(payload["connectorId"].as_u64());
        if selected.is_empty() {
            return status("Rejected");
        }
        let out = payload["type"] == "Inoperative" && self.would_change(around, payload);
        // A station that is out of service would be useless for the following test cases.
        if out && asked == Asked::Unasked {
            return status("Rejected");
        }
        let busy = selected.iter().any(|connector| around.is_charging_at(*connector));
        status(if out && busy { "Scheduled" } else { "Accepted" })
    }

    /// StatusNotifications for connectors that are back in service.
    pub(super) fn availability_changed(&mut self, around: &Around, request: &Value) -> Vec<FollowUp> {
        if request["type"] != "Operative" {
            return Vec::new();
        }
        let selected = around.selected(request["connectorId"].as_u64()).into_iter();
        let closed: Vec<u64> = selected.filter(|connector| self.reported.status(*connector) == "Unavailable").collect();
        for connector in &closed {
            self.reported.open(*connector);
        }
        let statuses = closed.into_iter().map(|connector| Message::Status { connector });
        statuses.map(|message| FollowUp::new("ChangeAvailability", message)).collect()
    }
}

/// Errata 3.87: a connector that is not known has no lock. A transaction would have to be stopped first, which only a step does.
pub(super) fn unlock(around: &Around, payload: &Value, asked: Asked) -> Value {
    let connector = payload["connectorId"].as_u64().unwrap_or_default();
    if connector == 0 || !around.has(connector) {
        return status("NotSupported");
    }
    let refused = around.is_charging_at(connector) && asked == Asked::Unasked;
    status(if refused { "UnlockFailed" } else { "Unlocked" })
}
