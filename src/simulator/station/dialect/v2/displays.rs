//! Display messages (block O): which are stored, and which of them the display shows.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Station, Timer, driver_language::text_of};
use crate::{
    pics::{Pics, Profile},
    simulator::station::physical::Screen,
};

/// The component that controls the messages.
const CONTROLLER: &str = "DisplayMessageCtrlr";
/// The component of the station's one display.
pub(super) const DISPLAY: &str = "Display";
/// Most messages that the station stores.
pub(super) const MOST: i64 = 20;
/// Most messages of one NotifyDisplayMessages.
const PART: usize = 4;
/// The states for which the station can show a message.
pub const STATES: [&str; 4] = ["Charging", "Faulted", "Idle", "Unavailable"];
/// The display is looked at again after this time at the latest.
const DAY: Duration = Duration::from_hours(24);

/// True when the product has a display for messages of the operator.
pub(super) fn has_display(pics: &Pics) -> bool {
    pics.supports(Profile::ADVANCED_USER_INTERFACE)
}

/// The messages by their ids (`MessageInfoType`). They outlast a reboot (O01.FR.10).
#[derive(Debug, Clone, Default)]
pub(super) struct DisplayMessages(BTreeMap<i64, Value>);

impl DisplayMessages {
    /// O02.FR.02: a message goes with its transaction.
    pub(super) fn transaction_ended(&mut self, id: &str) {
        self.0.retain(|_, message| message["transactionId"] != id);
    }

    /// O01.FR.07: a message goes at its end.
    fn expire(&mut self, now: Timestamp) {
        self.0.retain(|_, message| time(message, "endDateTime").is_none_or(|end| end > now));
    }

    /// O01.FR.16: what a new message displaces, beside the one with its id (O06.FR.01).
    fn stays(id: i64, message: &Value, beside: &Value) -> bool {
        beside["id"] != id && (message["priority"] != "AlwaysFront" || beside["priority"] != "AlwaysFront")
    }

    /// Stores a message; false when there is no room for it (O01.FR.11).
    fn store(&mut self, id: i64, message: &Value) -> bool {
        let others = self.0.values().filter(|beside| Self::stays(id, message, beside)).count();
        if i64::try_from(others).unwrap_or(i64::MAX) >= MOST {
            return false;
        }
        self.0.retain(|_, beside| Self::stays(id, message, beside));
        self.0.insert(id, message.clone());
        true
    }

    /// The messages that a GetDisplayMessages is about (O03, O04).
    fn matching<'s>(&'s self, criteria: &'s Value) -> impl Iterator<Item = &'s Value> {
        let ids = criteria["id"].as_array();
        self.0.values().filter(move |message| {
            let same = |name: &str| criteria[name].is_null() || criteria[name] == message[name];
            ids.is_none_or(|ids| ids.contains(&message["id"])) && same("priority") && same("state")
        })
    }

    /// When the display next changes by itself.
    fn next_change(&self, now: Timestamp) -> Option<Timestamp> {
        let times =
            self.0.values().flat_map(|message| ["startDateTime", "endDateTime"].map(|name| time(message, name)));
        times.flatten().filter(|at| *at > now).min()
    }

    /// What the display shows in this state of the station: messages that take turns (O01.FR.12 to O01.FR.15).
    fn shown(&self, now: Timestamp, state: &str, language: Option<&str>) -> Vec<Screen> {
        let begun = |message: &Value| time(message, "startDateTime").is_none_or(|start| start <= now);
        let fits = |message: &Value| message["state"].is_null() || message["state"] == state;
        let of = |priority: &str| -> Vec<Screen> {
            let its = |message: &&Value| message["priority"] == priority && begun(message) && fits(message);
            self.0.values().filter(its).map(|message| screen(message, language)).collect()
        };
        let in_front = ["AlwaysFront", "InFront"].map(of).into_iter().find(|screens| !screens.is_empty());
        in_front.unwrap_or_else(|| {
            let own = Screen { format: "UTF8".into(), content: "Plug in, then present your card".into() };
            std::iter::once(own).chain(of("NormalCycle")).collect()
        })
    }
}

fn time(message: &Value, name: &str) -> Option<Timestamp> {
    message[name].as_str().and_then(|text| text.parse().ok())
}

fn screen(message: &Value, language: Option<&str>) -> Screen {
    let shown = text_of(message, language);
    let text = |name: &str| shown[name].as_str().unwrap_or_default().to_owned();
    Screen { format: text("format"), content: text("content") }
}

impl Station {
    pub(super) fn has_display(&self) -> bool {
        self.physical.display.is_some()
    }

    /// O01, O02, O06: stores a message.
    pub(super) fn set_display_message(&mut self, payload: &Value) -> Value {
        let message = &payload["message"];
        let refused = |status: &str, reason: Option<&str>| {
            let mut answer = json!({ "status": status });
            if let Some(reason) = reason {
                answer["statusInfo"] = json!({ "reasonCode": reason });
            }
            answer
        };
        let supports =
            |list: &str, word: &Value| word.as_str().is_some_and(|word| self.device.lists(CONTROLLER, list, word));
        let running = |id: &Value| {
            self.evses.iter().any(|evse| evse.transaction.as_ref().is_some_and(|running| *id == *running.id))
        };
        // O01.FR.22: the station has one display.
        let known = |display: &Value| {
            display["name"].as_str().is_some_and(|name| name.eq_ignore_ascii_case(DISPLAY))
                && display["instance"].as_str().is_none_or(str::is_empty)
                && display["evse"].is_null()
        };
        let now = self.physical.now();
        let over = time(message, "endDateTime")
            .is_some_and(|end| end <= now || time(message, "startDateTime").is_some_and(|start| end <= start));
        if !supports("SupportedPriorities", &message["priority"]) {
            return refused("NotSupportedPriority", None);
        }
        if !supports("SupportedFormats", &message["message"]["format"]) {
            return refused("NotSupportedMessageFormat", None);
        }
        // O01.FR.18, since OCPP 2.1: each text is in a language of the station.
        let texts =
            std::iter::once(&message["message"]).chain(message["messageExtra"].as_array().into_iter().flatten());
        let told = self.device.variable(CONTROLLER, "Language").is_some();
        let speaks = |text: &Value| {
            let known = self.device.variable(CONTROLLER, "Language");
            text["language"].as_str().is_none_or(|language| known.is_some_and(|known| known.domain.admits(language)))
        };
        if told && texts.into_iter().any(|text| !speaks(text)) {
            return refused("LanguageNotSupported", None);
        }
        if message["state"].as_str().is_some_and(|state| !STATES.contains(&state)) {
            return refused("NotSupportedState", None);
        }
        if !message["transactionId"].is_null() && !running(&message["transactionId"]) {
            return refused("UnknownTransaction", None);
        }
        if !message["display"].is_null() && !known(&message["display"]) {
            return refused("Rejected", Some("NotFound"));
        }
        if !self.device.is(CONTROLLER, "Enabled") {
            return refused("Rejected", Some("NotEnabled"));
        }
        let Some(id) = message["id"].as_i64().filter(|id| *id >= 0 && !over) else {
            return refused("Rejected", Some("InvalidValue"));
        };
        self.messages.expire(now);
        if !self.messages.store(id, message) {
            return refused("Rejected", Some("OutOfStorage"));
        }
        json!({ "status": "Accepted" })
    }

    /// O03.FR.01, O03.FR.06, O04.FR.01, O04.FR.02
    pub(super) fn get_display_messages(&mut self, payload: &Value) -> &'static str {
        self.messages.expire(self.physical.now());
        if self.messages.matching(payload).next().is_some() { "Accepted" } else { "Unknown" }
    }

    /// Sends the messages that were asked for, in as many parts as they need (O03.FR.02 to O03.FR.05).
    pub(super) fn notify_display_messages(&mut self, payload: &Value) {
        let found: Vec<Value> = self.messages.matching(payload).cloned().collect();
        let parts: Vec<&[Value]> = found.chunks(PART).collect();
        for (number, part) in parts.iter().enumerate() {
            let more = number + 1 < parts.len();
            let notification = json!({ "requestId": payload["requestId"], "tbc": more, "messageInfo": part });
            self.call("NotifyDisplayMessages", notification);
        }
    }

    /// O05
    pub(super) fn clear_display_message(&mut self, payload: &Value) -> &'static str {
        self.messages.expire(self.physical.now());
        let removed = payload["id"].as_i64().and_then(|id| self.messages.0.remove(&id));
        if removed.is_some() { "Accepted" } else { "Unknown" }
    }

    /// The state of the station that a message may be meant for.
    fn state_for_messages(&self) -> &'static str {
        let out_of_service = |index: usize| {
            let (evse, plugged) = (&self.evses[index], self.physical.evses[index].plugged);
            evse.connectors.iter().all(|connector| evse.status(connector, plugged, self.operative) == "Unavailable")
        };
        let charges = |index: usize| self.charging_state(index) == "Charging";
        let all = 0..self.evses.len();
        if all.clone().all(out_of_service) {
            "Unavailable"
        } else if all.into_iter().any(charges) {
            "Charging"
        } else {
            "Idle"
        }
    }

    /// Shows what is to be shown now, and sets the timer for the next change.
    pub(super) fn refresh_display(&mut self) {
        if !self.has_display() {
            return;
        }
        let now = self.physical.now();
        self.messages.expire(now);
        self.device.put(CONTROLLER, "DisplayMessages", self.messages.0.len().to_string());
        let messages = if self.device.is(CONTROLLER, "Enabled") { &self.messages } else { &DisplayMessages::default() };
        let screens = messages.shown(now, self.state_for_messages(), self.language_of_driver().as_deref());
        if let Some(display) = &mut self.physical.display {
            display.show(screens);
        }
        self.cancel(|timer| *timer == Timer::Display);
        if let Some(at) = self.messages.next_change(now) {
            let after = Duration::try_from(at.duration_since(now)).unwrap_or_default();
            self.schedule(after.min(DAY), Timer::Display);
        }
    }
}
