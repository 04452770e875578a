//! Display messages (O01 to O06).

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Around, OwnStation,
    device::Device,
    follow_up::{FollowUp, Message},
    is_same, items, refused,
    reports::parts,
    status, without_custom_data,
};

/// Maximum number of messages in a NotifyDisplayMessages.
const PER_MESSAGE: usize = 10;
/// The variable whose maxLimit is the maximum number of messages.
const MESSAGES: &str = "DisplayMessageCtrlr.DisplayMessages";

/// The messages by their ids (`MessageInfoType`).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct DisplayMessages(BTreeMap<i64, Value>);

impl DisplayMessages {
    /// How many messages the station has (O01.FR.07: none that is over).
    pub(super) fn count(&self, now: Timestamp) -> usize {
        self.current(now).count()
    }

    fn current(&self, now: Timestamp) -> impl Iterator<Item = (&i64, &Value)> {
        self.0.iter().filter(move |(_, message)| !is_over(message, now))
    }

    fn has(&self, id: &Value, now: Timestamp) -> bool {
        id.as_i64().is_some_and(|id| self.current(now).any(|(known, _)| *known == id))
    }

    /// How many messages stay beside a new one: those with another id (O06.FR.01), and none but it is AlwaysFront (O01.FR.16).
    fn beside(&self, new: &Value, now: Timestamp) -> usize {
        self.current(now).filter(|(_, known)| stays(known, new)).count()
    }

    /// Removes the messages of a transaction that has ended (O02.FR.02).
    pub(super) fn transaction_ended(&mut self, id: &str) {
        self.0.retain(|_, message| !is_same(&message["transactionId"], id));
    }

    /// The messages that a GetDisplayMessages selects, without those that have expired (O01.FR.07).
    fn meant<'s>(&'s self, request: &'s Value, now: Timestamp) -> impl Iterator<Item = &'s Value> {
        let ids: Vec<i64> = items(request, "id").filter_map(Value::as_i64).collect();
        self.current(now)
            .filter(move |(id, message)| {
                let same = |name: &str| request[name].is_null() || request[name] == message[name];
                (ids.is_empty() || ids.contains(id)) && same("priority") && same("state")
            })
            .map(|(_, message)| message)
    }
}

fn is_over(message: &Value, now: Timestamp) -> bool {
    let end = message["endDateTime"].as_str().and_then(|end| end.parse::<Timestamp>().ok());
    end.is_some_and(|end| end <= now)
}

/// True if a message stays when a new one is stored.
fn stays(known: &Value, new: &Value) -> bool {
    known["id"] != new["id"] && (new["priority"] != "AlwaysFront" || known["priority"] != "AlwaysFront")
}

impl OwnStation {
    pub(super) fn set_display_message(&self, around: &Around, payload: &Value) -> Value {
        let device = Device::new(self, around);
        let message = &payload["message"];
        let lists = |key: &str, member: &Value| {
            let all = device.value_of(key).unwrap_or_default();
            member.as_str().is_some_and(|member| all.split(',').any(|known| known == member))
        };
        if !lists("DisplayMessageCtrlr.SupportedPriorities", &message["priority"]) {
            status("NotSupportedPriority")
        } else if !lists("DisplayMessageCtrlr.SupportedFormats", &message["message"]["format"]) {
            status("NotSupportedMessageFormat")
        } else if message["transactionId"].as_str().is_some_and(|id| around.running(id).is_none()) {
            status("UnknownTransaction")
        } else if message["display"].is_object() {
            refused("Rejected", "UnsupportedParam") // O01.FR.22: it has but its main display
        } else if !device.is_enabled("DisplayMessageCtrlr") {
            refused("Rejected", "NotEnabled")
        } else if self.messages.beside(message, around.now.wall) >= device.limit(MESSAGES) {
            refused("Rejected", "OutOfStorage")
        } else {
            status("Accepted")
        }
    }

    pub(super) fn keep_display_message(&mut self, around: &Around, request: &Value) {
        let most = Device::new(self, around).limit(MESSAGES);
        let message = without_custom_data(&request["message"]);
        let Some(id) = message["id"].as_i64() else { return };
        let now = around.now.wall;
        self.messages.0.retain(|_, known| !is_over(known, now) && stays(known, &message));
        if self.messages.0.len() < most {
            self.messages.0.insert(id, message);
        }
    }

    pub(super) fn get_display_messages(&self, around: &Around, payload: &Value) -> Value {
        let found = self.messages.meant(payload, around.now.wall).next().is_some();
        status(if found && around.room { "Accepted" } else { "Unknown" })
    }

    pub(super) fn displayed(&self, around: &Around, payload: &Value) -> Vec<FollowUp> {
        let messages: Vec<Value> = self.messages.meant(payload, around.now.wall).cloned().collect();
        let whole = parts(&messages, PER_MESSAGE).map(|(part, more)| {
            let report = json!({ "requestId": payload["requestId"], "tbc": more, "messageInfo": part });
            FollowUp::new("GetDisplayMessages", Message::Whole("NotifyDisplayMessages", report))
        });
        whole.collect()
    }

    pub(super) fn clear_display_message(&self, around: &Around, payload: &Value) -> Value {
        status(if self.messages.has(&payload["id"], around.now.wall) { "Accepted" } else { "Unknown" })
    }

    pub(super) fn forget_display_message(&mut self, request: &Value) {
        if let Some(id) = request["id"].as_i64() {
            self.messages.0.remove(&id);
        }
    }
}
