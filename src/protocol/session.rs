//! What a version of OCPP makes of a conversation. The engine knows connections, frames, steps and time; what a message means, what
//! it is answered with and what is learnt from it is asked of a [`Session`].

use std::fmt;

use serde_json::{Map, Value};

use super::rules::Rule;
use crate::{clock::Stamp, link::ConnId, template::Names, verdict::Verdict, yaml::shorten};

/// A CALL.
#[derive(Debug, Clone)]
pub struct Call {
    /// The connection that it came by.
    pub conn: ConnId,
    /// Message id.
    pub id: String,
    /// Action.
    pub action: String,
    /// Payload, with the defaults of what was left out.
    pub payload: Value,
    /// When it was read.
    pub at: Stamp,
    /// The frame.
    pub text: String,
    /// Which of the engine's inputs it was.
    pub input: usize,
}

/// The phases of a test case, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// The general preconditions and the configuration.
    Prepare,
    /// The states that the test case begins with.
    Before,
    /// The test itself.
    Main,
    /// Tidying up.
    After,
}

/// What is so when something is asked of a session.
#[derive(Debug, Clone)]
pub struct Moment {
    /// The time.
    pub now: Stamp,
    /// A charging station is under test; otherwise a CSMS, and the harness plays the station.
    pub tests_station: bool,
    /// The phase of the test case.
    pub phase: Phase,
    /// What holds for the whole test case by name, `bench` and `pics` among it.
    pub fixed: Names,
    /// What the test case keeps, by name.
    pub kept: Names,
    /// The security profile in use.
    pub security_profile: u8,
    /// Since when the connection is open.
    pub online_since: Option<Stamp>,
    /// A message of the SUT was refused or left unanswered on purpose, so it comes again.
    pub withheld: bool,
}

/// A connector: the EVSE that it belongs to, and its id there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The id of the EVSE.
    pub evse: u64,
    /// The id of the connector at that EVSE.
    pub connector: u64,
}

impl Moment {
    /// A setting of the bench.
    pub fn bench(&self, name: &str) -> Option<&Value> {
        self.fixed.get("bench")?.get(name)
    }

    /// A number of the bench, with a fallback.
    pub fn seconds(&self, name: &str, fallback: f64) -> f64 {
        self.bench(name).and_then(Value::as_f64).unwrap_or(fallback)
    }
}

/// A breach of a rule that holds for every test.
#[derive(Debug, Clone, PartialEq)]
pub struct Breach {
    /// The rule.
    pub rule: Rule,
    /// What is wrong.
    pub message: String,
    /// What was expected.
    pub expected: Option<String>,
    /// What was found.
    pub found: Option<String>,
    /// JSON pointer to it.
    pub pointer: Option<String>,
    /// The frame.
    pub frame: Option<String>,
    /// The requirements that are broken.
    pub requirements: Vec<String>,
}

impl Breach {
    /// A breach in a frame.
    pub fn new(rule: Rule, message: impl Into<String>, frame: &str) -> Self {
        Self {
            rule,
            message: message.into(),
            expected: None,
            found: None,
            pointer: None,
            frame: (!frame.is_empty()).then(|| shorten(frame, 4000)),
            requirements: Vec::new(),
        }
    }
}

/// What came of looking at a message: breaches of rules, and sentences for whoever reads the result.
#[derive(Debug, Default)]
pub struct Learnt {
    /// Breaches of rules.
    pub breaches: Vec<Breach>,
    /// Remarks.
    pub remarks: Vec<String>,
}

/// Whether a CALL may come at this point.
#[derive(Debug)]
pub enum Admission {
    /// It may; these rules it breaks all the same.
    Admitted(Vec<Breach>),
    /// It may not: it is answered with a CALLERROR, and no step gets to see it.
    Refused {
        /// The code of the CALLERROR.
        code: &'static str,
        /// Its description.
        description: &'static str,
        /// The rule that it breaks.
        breach: Box<Breach>,
    },
}

/// What a message means that no step waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unsolicited {
    /// The verdict that it leads to in the main part; none for background.
    pub verdict: Option<Verdict>,
    /// Why.
    pub reason: &'static str,
    /// The requirement that it breaks if it is a failure, where the reason does not tell it alone.
    pub breaks: Option<&'static str>,
}

/// Whether a step of the test case has asked for a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// A step waits for it and leaves the answer to us.
    ByStep,
    /// No step waits for it.
    Unasked,
}

/// A message that our station sends because one of its answers promised it.
#[derive(Debug, Clone, PartialEq)]
pub struct Promised {
    /// The action.
    pub action: &'static str,
    /// The payload.
    pub payload: Value,
    /// The action of the request that led to it.
    pub because: String,
}

/// A variable of the SUT with a value that it had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// The component; empty where a version knows none.
    pub component: String,
    /// The variable, with its instance in brackets where there is one.
    pub variable: String,
    /// The value.
    pub value: String,
}

/// How a session hides texts and values that go into a recording.
pub struct Cover<'c> {
    /// A text that may be a secret.
    pub text: &'c dyn Fn(&str) -> String,
    /// A value with such texts in it.
    pub value: &'c dyn Fn(&Value) -> Value,
}

/// What is known of the conversation with one product by the rules of one version of OCPP. It outlasts a test case.
pub trait Session: fmt::Debug + Send + Sync {
    /// A copy.
    fn copy(&self) -> Box<dyn Session>;

    /// A test case begins: what only the last one was about is forgotten.
    fn begin(&mut self, now: jiff::Timestamp);

    /// The main part is over: what can only be judged now.
    fn judge_end(&self) -> Vec<Breach>;

    /// A test case is over. `sound`: nothing was found wrong; `prepared`: it was begun.
    fn end(&mut self, test_case: &str, sound: bool, prepared: bool);

    /// Variables that earlier test cases changed and could not put back, with their former values.
    fn left_settings(&self) -> Vec<Setting>;

    /// Variables that this test case changed and has not put back, with their former values.
    fn changed_settings(&self) -> Vec<Setting>;

    /// A connection was opened.
    fn connected(&mut self, now: Stamp);

    /// The station under test is told to reboot, or not after all.
    fn reboots(&mut self, reboots: bool);

    /// A driver presents a token at the station under test.
    fn driver_comes(&mut self, evse: Option<u64>, now: Stamp);

    /// A CALL of the SUT came whose payload is valid.
    fn admit(&mut self, moment: &Moment, call: &Call) -> Admission;

    /// Whether a CALL is about something that a former test case left behind: then it is answered, and tells nothing here.
    fn is_left_behind(&mut self, moment: &Moment, call: &Call) -> (bool, Learnt);

    /// Whether a CALL may have the message id of one that came before on its connection, because it is that one, sent once more.
    fn may_have_used_id(&self, call: &Call) -> bool;

    /// Whether a CALL is one that came before, sent once more.
    fn is_repetition(&self, call: &Call) -> bool;

    /// What a CALL means that no step waits for; `None` for one that the other side sends.
    fn unsolicited(&self, moment: &Moment, call: &Call) -> Option<Unsolicited>;

    /// What is to be remarked of a CALL that came because nothing but the connection was lost, where that is no breach.
    fn remark_on_reconnect(&self, call: &Call) -> Option<&'static str>;

    /// Learns from a CALL, once the steps have seen it.
    fn learn(&mut self, call: &Call) -> Learnt;

    /// The CALLERROR with which our side answers a CALL, unless a test case says otherwise: its code and description; `None` where
    /// [`Session::reply`] has an answer.
    fn declines(&self, _moment: &Moment, _call: &Call) -> Option<(&'static str, &'static str)> {
        None
    }

    /// The answer where a test case does not say.
    fn reply(&mut self, moment: &Moment, call: &Call, asked: Asked) -> Value;

    /// Fills in what the answer of a test case needs and does not say.
    fn complete_reply(&mut self, moment: &Moment, call: &Call, reply: Value) -> Value;

    /// A CALL of the SUT was answered.
    fn replied(&mut self, call: &Call, payload: &Value);

    /// Fills in what a request of ours needs and a test case does not say. `next` gives numbers that were never given before.
    fn complete_request(&self, moment: &Moment, action: &str, payload: &mut Value, next: &mut dyn FnMut() -> u32);

    /// A CALL of ours was sent.
    fn sent(&mut self, moment: &Moment, call: &Call);

    /// A CALL of ours was answered with a valid CALLRESULT.
    fn check_answer(&self, moment: &Moment, action: &str, request: &Value, response: &Value, text: &str)
    -> Vec<Breach>;

    /// Learns from a CALLRESULT.
    fn answered(&mut self, moment: &Moment, action: &str, request: &Value, response: &Value);

    /// True when our station has something to send on its own.
    fn has_promises(&self) -> bool;

    /// True when it may send some of it now.
    fn may_keep_promise(&self) -> bool;

    /// Takes the next thing that it may send now.
    fn next_promise(&mut self, moment: &Moment, next: &mut dyn FnMut() -> u32) -> Option<Promised>;

    /// What our station has sent on its own was answered.
    fn promise_answered(&mut self, moment: &Moment, action: &str);

    /// When our station has something to send because of the time.
    fn next_due(&self) -> Option<jiff::Timestamp> {
        None
    }

    /// Lets our station find what it has to send because of the time.
    fn time_passes(&mut self, _: &Moment) {}

    /// Drops what was to be sent.
    fn forget_promises(&mut self);

    /// What a name stands for, as expressions of test cases see it at a connector (of an EVSE, counted as the PICS does); none for
    /// one that is not the session's.
    fn name(&self, moment: &Moment, name: &str, place: Place) -> Option<Value>;

    /// What of it goes into a recording.
    fn keep(&self, cover: &Cover<'_>) -> Map<String, Value>;
}

impl Clone for Box<dyn Session> {
    fn clone(&self) -> Self {
        self.copy()
    }
}
