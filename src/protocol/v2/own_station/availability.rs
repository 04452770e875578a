//! Changes of the availability (G03, G04).

use serde_json::Value;

use super::{
    Around, Asked, OwnStation,
    follow_up::{FollowUp, Message},
    refused, status,
};

impl OwnStation {
    /// True if a ChangeAvailability would change the state of a connector.
    pub(crate) fn changes_availability(&self, around: &Around, request: &Value) -> bool {
        let operative = request["operationalStatus"] == "Operative";
        around
            .named_connectors(&request["evse"])
            .any(|place| (self.reported_state.status(place) == "Unavailable") == operative)
    }

    pub(super) fn change_availability(&self, around: &Around, payload: &Value, asked: Asked) -> Value {
        if around.named_connectors(&payload["evse"]).next().is_none() {
            return refused("Rejected", "UnknownEvse");
        }
        let out = payload["operationalStatus"] == "Inoperative" && self.changes_availability(around, payload);
        // A station that is out of service would be useless for the following test cases.
        if out && asked == Asked::Unasked { refused("Rejected", "Unspecified") } else { status("Accepted") }
    }

    /// StatusNotifications for connectors that are back in service (G03.FR.04, G03.FR.07, G04.FR.05).
    pub(super) fn availability_changed(&mut self, around: &Around, request: &Value) -> Vec<FollowUp> {
        if request["operationalStatus"] != "Operative" {
            return Vec::new();
        }
        let closed: Vec<(u64, u64)> = around
            .named_connectors(&request["evse"])
            .filter(|place| self.reported_state.status(*place) == "Unavailable")
            .collect();
        for place in &closed {
            self.reported_state.open(*place);
        }
        let statuses = closed.into_iter().map(|(evse, connector)| Message::Status { evse, connector });
        statuses.map(|message| FollowUp::new("ChangeAvailability", message)).collect()
    }
}
