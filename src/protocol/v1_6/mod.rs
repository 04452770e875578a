//! What OCPP 1.6 makes of a conversation. `incoming.rs` is what comes from the product, `outgoing.rs` what we send, `replies.rs` what
//! we answer as a central system.

mod kpis;
mod registration;
mod semantics;

use serde_json::{Map, Value, json};

use self::registration::{BOOT, Registration};
pub(super) use self::semantics::Meanings;
use super::{
    Protocol,
    session::{Admission, Asked, Breach, Call, Cover, Learnt, Moment, Promised, Session, Setting, Unsolicited},
};
use crate::clock::Stamp;

/// What is known of the conversation with a product that speaks OCPP 1.6.
#[derive(Debug, Clone)]
pub struct Conversation {
    protocol: &'static Protocol,
    registration: Registration,
}

impl Conversation {
    /// Nothing is known yet.
    pub fn new(protocol: &'static Protocol) -> Self {
        Self { protocol, registration: Registration::default() }
    }
}

/// A conversation as a recording kept it.
pub(super) fn restored(
    protocol: &'static Protocol,
    kept: &Map<String, Value>,
) -> Result<Box<dyn Session>, serde_json::Error> {
    let registration = kept.get("registration").cloned().unwrap_or_default();
    Ok(Box::new(Conversation { protocol, registration: serde_json::from_value(registration)? }))
}

impl Session for Conversation {
    fn copy(&self) -> Box<dyn Session> {
        Box::new(self.clone())
    }

    fn begin(&mut self, _now: jiff::Timestamp) {}

    fn judge_end(&self) -> Vec<Breach> {
        Vec::new()
    }

    fn end(&mut self, _test_case: &str, _sound: bool, _prepared: bool) {}

    fn left_settings(&self) -> Vec<Setting> {
        Vec::new()
    }

    fn changed_settings(&self) -> Vec<Setting> {
        Vec::new()
    }

    fn connected(&mut self, _now: Stamp) {
        self.registration.connected();
    }

    fn reboots(&mut self, reboots: bool) {
        self.registration.reboots(reboots);
    }

    fn driver_comes(&mut self, _evse: Option<u64>, _now: Stamp) {}

    fn admit(&mut self, moment: &Moment, call: &Call) -> Admission {
        if moment.tests_station {
            if let Some(breach) = self.registration.breach(call, &self.protocol.semantics.summary(call)) {
                let (code, description) = ("SecurityError", "not accepted yet");
                return Admission::Refused { code, description, breach: Box::new(breach) };
            }
            if call.action == BOOT {
                self.registration.boots();
            }
        }
        Admission::Admitted(Vec::new())
    }

    fn is_left_behind(&mut self, _moment: &Moment, _call: &Call) -> (bool, Learnt) {
        (false, Learnt::default())
    }

    fn may_have_used_id(&self, _call: &Call) -> bool {
        false
    }

    fn is_repetition(&self, _call: &Call) -> bool {
        false
    }

    fn unsolicited(&self, moment: &Moment, call: &Call) -> Option<Unsolicited> {
        let known = self.protocol.messages().sent_by(&call.action, moment.tests_station);
        known.then_some(Unsolicited { verdict: None, reason: "" })
    }

    fn remark_on_reconnect(&self, call: &Call) -> Option<&'static str> {
        // OCPP-J, 5.4 only advises against it.
        (call.action == BOOT)
            .then_some("the station sent a BootNotification after a mere reconnect, which it should not do")
    }

    fn learn(&mut self, _call: &Call) -> Learnt {
        Learnt::default()
    }

    fn reply(&mut self, moment: &Moment, call: &Call, _asked: Asked) -> Value {
        self.complete_reply(moment, call, json!({}))
    }

    fn complete_reply(&mut self, _moment: &Moment, call: &Call, reply: Value) -> Value {
        if call.action == BOOT {
            self.registration.answered(reply["status"].as_str().unwrap_or_default());
        }
        reply
    }

    fn replied(&mut self, _call: &Call, _payload: &Value) {}

    fn complete_request(&self, _: &Moment, _: &str, _: &mut Value, _: &mut dyn FnMut() -> u32) {}

    fn sent(&mut self, _moment: &Moment, call: &Call) {
        self.registration.asks(&call.action, &call.payload);
    }

    fn check_answer(&self, _: &Moment, _: &str, _: &Value, _: &Value, _: &str) -> Vec<Breach> {
        Vec::new()
    }

    fn answered(&mut self, _moment: &Moment, _action: &str, _request: &Value, _response: &Value) {}

    fn has_promises(&self) -> bool {
        false
    }

    fn may_keep_promise(&self) -> bool {
        false
    }

    fn next_promise(&mut self, _moment: &Moment, _next: &mut dyn FnMut() -> u32) -> Option<Promised> {
        None
    }

    fn promise_answered(&mut self, _moment: &Moment, _action: &str) {}

    fn forget_promises(&mut self) {}

    fn name(&self, _moment: &Moment, name: &str, _evse: u64) -> Option<Value> {
        (name == "accepted").then(|| self.registration.is_accepted().into())
    }

    fn keep(&self, _cover: &Cover<'_>) -> Map<String, Value> {
        let registration = serde_json::to_value(&self.registration).unwrap_or_default();
        [("registration".to_owned(), registration)].into_iter().collect()
    }
}
