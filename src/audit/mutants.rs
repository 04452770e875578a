//! What a faulty product would have done otherwise in a recorded test case.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::{
    connections::{other_handshakes, other_requests, turned_round},
    values,
};
use crate::{
    clock::Stamp,
    engine::{Input, Role, Taken},
    link::{ConnId, LinkEvent},
    ocpp::{frame::Frame, member::Member},
    operator::ActionOutcome,
    replay::Recording,
    testcase::{
        matcher::{Checks, Demand},
        model::{Expect, Step, StepKind},
    },
};

/// What is done otherwise.
#[derive(Debug, Clone)]
pub(super) enum Change {
    /// This instead.
    Replace(Input),
    /// Nothing.
    Drop,
    /// This before it.
    Before(Input),
    /// This after it.
    After(Input),
    /// It and all that follows, so many nanoseconds later (or earlier).
    Shift(i64),
    /// It and a later one change places.
    Swap(usize),
}

/// The kinds of mutations, as the table names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A checked value is another legal one.
    Value,
    /// A checked member is missing (or is there where it must not be).
    Removed,
    /// A checked value is of the wrong type.
    Type,
    /// An expected message does not come.
    Dropped,
    /// It comes twice, with the same message id.
    Duplicated,
    /// It comes twice, as two messages.
    Repeated,
    /// It comes too late.
    Delayed,
    /// It comes too early.
    Early,
    /// It changes places with its neighbour.
    Swapped,
    /// What must not come comes.
    Inserted,
    /// What was refused is granted, what was granted is refused.
    TurnedRound,
    /// A rule that holds for every test is broken.
    Rule,
}

/// One thing that a test case checks.
#[derive(Debug, Clone)]
pub(super) struct Unit {
    pub(super) step: String,
    pub(super) source: String,
    pub(super) words: String,
    pub(super) conditional: bool,
    pub(super) optional: bool,
    /// Requires that nothing else is true than what the schema demands.
    pub(super) presence: bool,
}

/// A faulty product.
#[derive(Debug, Clone)]
pub(super) struct Mutant {
    /// Which of the recording's inputs.
    pub(super) at: usize,
    pub(super) change: Change,
    pub(super) kind: Kind,
    pub(super) what: String,
    /// What it is to be caught by; none for rules.
    pub(super) unit: Option<usize>,
    pub(super) step: String,
    pub(super) action: String,
}

/// Everything that is checked in a recording, and what can be done otherwise.
pub(super) struct Mutants {
    pub(super) units: Vec<Unit>,
    pub(super) all: Vec<Mutant>,
}

/// Most places that are changed for one thing that is checked.
const MOST_PLACES: usize = 4;
/// Most members of a kept message that are changed for the conditions on them.
const MOST_KEPT: usize = 24;
/// Later than any limit, nanoseconds: four hours.
const LATE_NS: i64 = 4 * 3600 * 1_000_000_000;

/// An input with the number that it has in the recording, and the step that took it.
pub(super) struct Place<'r> {
    pub(super) at: usize,
    pub(super) taken: &'r Taken,
}

impl Mutants {
    pub(super) fn of(recording: &Recording, places: &[Place<'_>], leave: &HashSet<String>) -> Self {
        let mut mutants = Self { units: Vec::new(), all: Vec::new() };
        // Members that no check looks at matter where there are conditions on what is kept.
        let conditions = places.iter().any(|place| place.taken.role == Role::Condition);
        let judged = |taken: &Taken| matches!(taken.phase, "before" | "main");
        for place in places.iter().filter(|place| judged(place.taken)) {
            let Some((_, input)) = recording.inputs.get(place.at) else { continue };
            if source_of(place.taken).is_some_and(|source| leave.contains(&source)) {
                if matches!(place.taken.role, Role::Call | Role::Answer) {
                    mutants.only_dropped(place);
                }
                continue;
            }
            match (place.taken.role, input) {
                (Role::Call | Role::Answer, Input::Link(LinkEvent::Text { conn, text })) => {
                    if let Ok(frame) = Frame::parse(text) {
                        mutants.message(recording, place, *conn, &frame, conditions);
                    }
                }
                (Role::Always(rule), Input::Link(LinkEvent::Text { conn, text })) => {
                    if let (Ok(frame), Some(rule)) = (Frame::parse(text), recording.setup.case.always.get(rule)) {
                        let source = source(&rule.file, rule.at.line);
                        if let Some(checks) = &rule.checks {
                            mutants.checks(place, *conn, &frame, checks, "always", &source, "");
                        }
                    }
                }
                (Role::Attempt, Input::Link(event)) => mutants.attempt(recording, place, event),
                (Role::Service, Input::ServiceDone(id, Ok(value))) => mutants.service(place, *id, value),
                (Role::Operator, Input::OperatorDone(id, _)) => mutants.operator(place, *id),
                (Role::Condition, _) => mutants.condition(recording, place),
                _ => {}
            }
        }
        mutants.rules(recording, places);
        mutants
    }

    fn unit(&mut self, step: &str, source: &str, words: String, demand: Option<&Demand>, optional: bool) -> usize {
        if let Some(known) = self.units.iter().position(|unit| unit.step == step && unit.words == words) {
            return known;
        }
        self.units.push(Unit {
            step: step.to_owned(),
            source: source.to_owned(),
            words,
            conditional: demand.is_some_and(|demand| demand.conditional),
            optional,
            presence: demand.is_some_and(|demand| demand.presence),
        });
        self.units.len() - 1
    }

    /// A step of a state that is audited elsewhere: its message does not come.
    fn only_dropped(&mut self, place: &Place<'_>) {
        let Some(step) = &place.taken.step else { return };
        let (words, optional) = match &step.kind {
            StepKind::Expect(expect) => {
                (format!("{} comes", expect.action), expect.optional.is_some() || is_optional(&place.taken.path))
            }
            StepKind::Send(send) if !send.lost_allowed => (format!("{} is answered", send.action), false),
            _ => return,
        };
        let source = source(&step.file, step.at.line);
        let unit = self.unit(&place.taken.path, &source, words, None, optional);
        self.add(place, Some(unit), Kind::Dropped, "dropped", Change::Drop);
    }

    fn add(&mut self, place: &Place<'_>, unit: Option<usize>, kind: Kind, what: impl Into<String>, change: Change) {
        self.all.push(Mutant {
            at: place.at,
            change,
            kind,
            what: what.into(),
            unit,
            step: place.taken.path.clone(),
            action: String::new(),
        });
    }

    fn message(&mut self, recording: &Recording, place: &Place<'_>, conn: ConnId, frame: &Frame, conditions: bool) {
        let Some(step) = &place.taken.step else { return };
        let source = source(&step.file, step.at.line);
        let path = place.taken.path.as_str();
        let before = self.all.len();
        let action = match &step.kind {
            StepKind::Expect(expect) => {
                let optional = expect.optional.is_some() || is_optional(path);
                let unit = self.unit(path, &source, format!("{} comes", expect.action), None, optional);
                self.presence(recording, place, unit);
                self.checks(place, conn, frame, &expect.matches, "match", &source, path);
                self.checks(place, conn, frame, &expect.checks, "check", &source, path);
                self.bounds(recording, place, conn, expect, &source);
                expect.action.clone()
            }
            StepKind::Send(send) => {
                let unit = self.unit(path, &source, format!("{} is answered", send.action), None, false);
                if !send.lost_allowed {
                    self.presence(recording, place, unit);
                }
                self.checks(place, conn, frame, &send.checks, "check", &source, path);
                if let (Some(_), Frame::CallError { id, .. }) = (&send.expect_error, frame) {
                    let payload = Member::root(&send.action, false).map_or_else(|| json!({}), Member::example);
                    let text = Frame::CallResult { id: id.clone(), payload }.to_text();
                    let unit = self.unit(path, &source, "it is refused".into(), None, false);
                    let change = Change::Replace(Input::Link(LinkEvent::Text { conn, text }));
                    if !send.error_allowed {
                        self.add(place, Some(unit), Kind::TurnedRound, "a CALLRESULT", change);
                    }
                }
                if let Frame::CallResult { id, .. } = frame {
                    let error = Frame::CallError {
                        id: id.clone(),
                        code: "GenericError".into(),
                        description: String::new(),
                        details: json!({}),
                    };
                    let change = Change::Replace(Input::Link(LinkEvent::Text { conn, text: error.to_text() }));
                    if !send.error_allowed && send.expect_error.is_none() {
                        self.add(place, Some(unit), Kind::TurnedRound, "a CALLERROR", change);
                    }
                }
                send.action.clone()
            }
            _ => return,
        };
        if step.saved_as.is_some() && conditions {
            self.kept(place, conn, frame);
        }
        for mutant in &mut self.all[before..] {
            mutant.action.clone_from(&action);
        }
    }

    /// It does not come, comes twice, too late, in another's place.
    fn presence(&mut self, recording: &Recording, place: &Place<'_>, unit: usize) {
        self.add(place, Some(unit), Kind::Dropped, "dropped", Change::Drop);
        self.add(place, Some(unit), Kind::Delayed, "four hours later", Change::Shift(LATE_NS));
        let Some((_, Input::Link(LinkEvent::Text { conn, text }))) = recording.inputs.get(place.at) else { return };
        let again = |text: String| Change::After(Input::Link(LinkEvent::Text { conn: *conn, text }));
        self.add(place, None, Kind::Duplicated, "twice with the same message id", again(text.clone()));
        if let Ok(Frame::Call { action, payload, .. }) = Frame::parse(text) {
            let text = Frame::Call { id: "audit-again".into(), action, payload }.to_text();
            self.add(place, None, Kind::Repeated, "twice", again(text));
        }
        let next = recording.inputs.iter().enumerate().skip(place.at + 1).find_map(|(at, (_, input))| match input {
            Input::Link(LinkEvent::Text { conn: of, .. }) if of == conn => Some(Some(at)),
            Input::Link(LinkEvent::Closed { .. } | LinkEvent::Opened { .. }) => Some(None),
            _ => None,
        });
        if let Some(next) = next.flatten() {
            self.add(place, None, Kind::Swapped, "after the next message", Change::Swap(next));
        }
    }

    #[allow(clippy::too_many_arguments)] // where it is, what it holds, and how the step is called
    fn checks(
        &mut self,
        place: &Place<'_>,
        conn: ConnId,
        frame: &Frame,
        checks: &Checks,
        what: &str,
        source: &str,
        path: &str,
    ) {
        let (payload, request, action) = match frame {
            Frame::Call { payload, action, .. } => (payload, true, action.as_str()),
            Frame::CallResult { payload, .. } => (payload, false, asked(place)),
            Frame::CallError { .. } => return,
        };
        let optional = is_optional(path);
        for demand in checks.demands(payload) {
            let step = if path.is_empty() { source } else { path };
            let unit = self.unit(step, source, format!("{what} {}", demand.words), Some(&demand), optional);
            let mut all_at_once: Vec<(String, Value)> = Vec::new();
            for pointer in demand.places.iter().take(MOST_PLACES) {
                let schema = Member::at(action, request, pointer);
                let with = |pointer: &str, value: Value| {
                    let mut payload = payload.clone();
                    values::set(&mut payload, pointer, value).then(|| with_payload(conn, frame, payload))
                };
                if payload.pointer(pointer).is_none() {
                    // What must be absent is there.
                    let with = |value: Value| {
                        let mut payload = payload.clone();
                        let absent = first_absent(&payload, pointer);
                        if absent != *pointer {
                            let around = Member::at(action, request, &absent).map(Member::example)?;
                            values::set(&mut payload, &absent, around);
                        }
                        values::set(&mut payload, pointer, value).then(|| with_payload(conn, frame, payload))
                    };
                    if let Some(value) = schema.map(Member::example) {
                        for value in std::iter::once(value.clone()).chain(values::others(&value, schema)).take(3) {
                            if let Some(change) = with(value.clone()) {
                                self.add(place, Some(unit), Kind::Removed, format!("{pointer} is {value}"), change);
                            }
                        }
                    }
                    continue;
                }
                let mut without = payload.clone();
                if values::remove(&mut without, pointer) {
                    let change = with_payload(conn, frame, without);
                    self.add(place, Some(unit), Kind::Removed, format!("no {pointer}"), change);
                }
                for leaf in values::leaves(payload, pointer, MOST_PLACES) {
                    let Some(value) = payload.pointer(&leaf) else { continue };
                    let others = values::others(value, Member::at(action, request, &leaf));
                    if let Some(first) = others.first() {
                        all_at_once.push((leaf.clone(), first.clone()));
                    }
                    for other in others {
                        if let Some(change) = with(&leaf, other.clone()) {
                            self.add(place, Some(unit), Kind::Value, format!("{leaf} is {other}"), change);
                        }
                    }
                    if let Some(change) = with(&leaf, values::of_another_type(value)) {
                        self.add(place, Some(unit), Kind::Type, format!("{leaf} is of another type"), change);
                    }
                }
            }
            if all_at_once.len() > 1 || demand.places.len() > MOST_PLACES {
                let mut changed = payload.clone();
                for pointer in demand.places.iter().skip(MOST_PLACES) {
                    let others = payload
                        .pointer(pointer)
                        .map(|value| values::others(value, Member::at(action, request, pointer)));
                    all_at_once.extend(others.and_then(|others| Some((pointer.clone(), others.into_iter().next()?))));
                }
                for (pointer, value) in all_at_once {
                    values::set(&mut changed, &pointer, value);
                }
                let change = with_payload(conn, frame, changed);
                self.add(place, Some(unit), Kind::Value, format!("every {} is another", demand.words), change);
            }
            for mutant in self.all.iter_mut().rev().take_while(|mutant| mutant.unit == Some(unit)) {
                action.clone_into(&mut mutant.action);
            }
        }
    }

    /// Members of a message that conditions may be about.
    fn kept(&mut self, place: &Place<'_>, conn: ConnId, frame: &Frame) {
        let (payload, request, action) = match frame {
            Frame::Call { payload, action, .. } => (payload, true, action.as_str()),
            Frame::CallResult { payload, .. } => (payload, false, asked(place)),
            Frame::CallError { .. } => return,
        };
        for pointer in values::leaves(payload, "", MOST_KEPT) {
            let Some(value) = payload.pointer(&pointer) else { continue };
            for other in values::others(value, Member::at(action, request, &pointer)).into_iter().take(3) {
                let mut changed = payload.clone();
                if values::set(&mut changed, &pointer, other.clone()) {
                    let change = with_payload(conn, frame, changed);
                    // It is there for conditions; who does not ask for it does not mind.
                    self.add(place, None, Kind::Value, format!("{pointer} is {other}"), change);
                }
            }
        }
    }

    fn bounds(&mut self, recording: &Recording, place: &Place<'_>, conn: ConnId, expect: &Expect, source: &str) {
        let path = place.taken.path.as_str();
        if expect.no_earlier_than.is_some() {
            let unit = self.unit(path, source, "no-earlier-than".into(), None, is_optional(path));
            let before = place.at.checked_sub(1).and_then(|before| recording.inputs.get(before)).map(|(at, _)| *at);
            let (Some(before), Some((at, _))) = (before, recording.inputs.get(place.at)) else { return };
            // Ticks on the way have no part in it.
            let since = recording.inputs[..place.at]
                .iter()
                .rev()
                .find(|(_, input)| !matches!(input, Input::Tick))
                .map_or(before, |(at, _)| *at);
            let gap = i64::try_from(at.mono_ns.saturating_sub(since.mono_ns)).unwrap_or(0);
            self.add(place, Some(unit), Kind::Early, "early", Change::Shift(-gap / 10 * 9));
        }
        if expect.nothing_else_before {
            let unit = self.unit(path, source, "nothing-else-before".into(), None, false);
            let text = own_call(recording, "audit-before");
            let change = Change::Before(Input::Link(LinkEvent::Text { conn, text }));
            self.add(place, Some(unit), Kind::Inserted, "another message first", change);
        }
    }

    fn attempt(&mut self, recording: &Recording, place: &Place<'_>, event: &LinkEvent) {
        let Some(step) = &place.taken.step else { return };
        let StepKind::Connection(connection) = &step.kind else { return };
        let source = source(&step.file, step.at.line);
        let path = place.taken.path.as_str();
        let outcome = connection.outcome.as_deref().unwrap_or("upgraded");
        if outcome != "any" {
            let unit = self.unit(path, &source, format!("connection {outcome}"), None, connection.optional);
            let other = match event {
                LinkEvent::Opened { conn, endpoint, request, .. } if outcome == "no-subprotocol" => {
                    let (request, subprotocol) = (request.clone(), Some("ocpp0.1".to_owned()));
                    Input::Link(LinkEvent::Opened { conn: *conn, endpoint: *endpoint, request, subprotocol })
                }
                _ => turned_round(event),
            };
            self.add(place, Some(unit), Kind::TurnedRound, "the other way round", Change::Replace(other));
            self.add(place, Some(unit), Kind::Dropped, "no attempt", Change::Drop);
        }
        if step.saved_as.is_some() {
            let other = recording.setup.bench["other_root"].as_str();
            for changed in other_handshakes(event, other) {
                self.add(place, None, Kind::Value, "another handshake", Change::Replace(Input::Link(changed)));
            }
        }
        let LinkEvent::Opened { conn, endpoint, request, subprotocol } = event else { return };
        for (check, _) in &connection.checks.entries {
            let unit = self.unit(path, &source, format!("check {}", check.text()), None, false);
            for changed in other_requests(request, check.text()) {
                let subprotocol = match check.text() {
                    "subprotocol" => Some("ocpp0.1".to_owned()),
                    _ => subprotocol.clone(),
                };
                let event = LinkEvent::Opened { conn: *conn, endpoint: *endpoint, request: changed, subprotocol };
                let change = Change::Replace(Input::Link(event));
                self.add(place, Some(unit), Kind::Value, format!("{} is another", check.text()), change);
            }
        }
    }

    fn service(&mut self, place: &Place<'_>, id: u32, value: &Value) {
        for pointer in values::leaves(value, "", MOST_KEPT) {
            let Some(old) = value.pointer(&pointer) else { continue };
            for other in values::others(old, None).into_iter().take(3) {
                let mut changed = value.clone();
                if values::set(&mut changed, &pointer, other.clone()) {
                    let change = Change::Replace(Input::ServiceDone(id, Ok(changed)));
                    self.add(place, None, Kind::Value, format!("the service finds {pointer} {other}"), change);
                }
            }
        }
    }

    fn operator(&mut self, place: &Place<'_>, id: u32) {
        let Some(step) = &place.taken.step else { return };
        let StepKind::Operator { action, .. } = &step.kind else { return };
        if crate::operator::actions::find(action).is_some_and(crate::operator::actions::ActionInfo::is_question) {
            let source = source(&step.file, step.at.line);
            let unit = self.unit(&place.taken.path, &source, action.clone(), None, false);
            let change = Change::Replace(Input::OperatorDone(id, ActionOutcome::Denied("it is not so".into())));
            self.add(place, Some(unit), Kind::TurnedRound, "the answer is no", change);
        }
    }

    fn condition(&mut self, recording: &Recording, place: &Place<'_>) {
        let Some(step) = &place.taken.step else { return };
        let source = source(&step.file, step.at.line);
        match &step.kind {
            StepKind::Assert { condition, .. } => {
                if about_the_product(&condition.text()) {
                    self.unit(&place.taken.path, &source, format!("assert {}", condition.text()), None, false);
                }
            }
            StepKind::Never { action, .. } => {
                let unit = self.unit(&place.taken.path, &source, format!("never {action}"), None, false);
                let Some(conn) = open_at(recording, place.at) else { return };
                let recorded = recording.inputs.iter().find_map(|(_, input)| match input {
                    Input::Link(LinkEvent::Text { text, .. }) => match Frame::parse(text) {
                        Ok(Frame::Call { action: of, payload, .. }) if of == *action => Some(payload),
                        _ => None,
                    },
                    _ => None,
                });
                let payload = recorded.or_else(|| Member::root(action, true).map(Member::example)).unwrap_or_default();
                let text = Frame::Call { id: "audit-never".into(), action: action.clone(), payload }.to_text();
                let change = Change::After(Input::Link(LinkEvent::Text { conn, text }));
                self.add(place, Some(unit), Kind::Inserted, format!("{action} comes"), change);
            }
            _ => {}
        }
    }

    /// Each rule that holds for every test is broken once, where the main part begins.
    fn rules(&mut self, recording: &Recording, places: &[Place<'_>]) {
        let mut main = places.iter().filter(|place| place.taken.phase == "main");
        let Some((place, conn)) = main.find_map(|place| Some((place, open_at(recording, place.at)?))) else {
            return;
        };
        let station = !recording.id.ends_with("_CSMS");
        let text = |text: &str| Input::Link(LinkEvent::Text { conn, text: text.to_owned() });
        let (unexpected, lacking) = if station {
            (
                r#"[2,"audit","ReservationStatusUpdate",{"reservationId":1,"reservationUpdateStatus":"Expired"}]"#,
                r#"[2,"audit","StatusNotification",{}]"#,
            )
        } else {
            (r#"[2,"audit","Reset",{"type":"Immediate"}]"#, r#"[2,"audit","GetVariables",{}]"#)
        };
        let unknown = own_call(recording, "audit").replace("{}", r#"{"audit":1}"#);
        let broken = [
            ("malformed JSON", text("{")),
            ("message type 9", text(r#"[9,"audit","Heartbeat",{}]"#)),
            ("a property that the schema does not know", text(&unknown)),
            ("a required property is missing", text(lacking)),
            ("an answer to no call of ours", text(r#"[3,"audit",{}]"#)),
            ("an unknown action", text(r#"[2,"audit","Audit",{}]"#)),
            ("a message that nobody asked for", text(unexpected)),
            ("a binary message", Input::Link(LinkEvent::Garbage { conn, what: "a binary message".into() })),
        ];
        for (what, input) in broken {
            self.add(place, None, Kind::Rule, what, Change::Before(input));
        }
        if station {
            self.transaction_rules(recording, places);
        }
        self.one_at_a_time(recording, places);
    }

    /// A second CALL before the first one is answered.
    fn one_at_a_time(&mut self, recording: &Recording, places: &[Place<'_>]) {
        for place in places.iter().filter(|place| place.taken.phase == "main" && place.taken.role == Role::Call) {
            let Some((at, Input::Link(LinkEvent::Text { conn, text }))) = recording.inputs.get(place.at) else {
                continue;
            };
            let Ok(Frame::Call { id, .. }) = Frame::parse(text) else { continue };
            let answered = recording.inputs[place.at..].iter().any(|(sent, input)| match input {
                Input::Link(LinkEvent::Sent { text, .. }) => {
                    sent.seconds_since(at) < 1.0 && Frame::parse(text).is_ok_and(|frame| frame.id() == id)
                }
                _ => false,
            });
            if answered {
                let text = own_call(recording, "audit-early");
                let change = Change::After(Input::Link(LinkEvent::Text { conn: *conn, text }));
                self.add(place, None, Kind::Rule, "a CALL before the last one is answered", change);
                return;
            }
        }
    }

    /// An event after Ended, and one that is missing before it.
    fn transaction_rules(&mut self, recording: &Recording, places: &[Place<'_>]) {
        for place in places.iter().filter(|place| place.taken.phase == "main" && place.taken.role == Role::Call) {
            let Some((_, Input::Link(LinkEvent::Text { conn, text }))) = recording.inputs.get(place.at) else {
                continue;
            };
            let Ok(Frame::Call { action, mut payload, .. }) = Frame::parse(text) else { continue };
            if action != "TransactionEvent" || payload["eventType"] != "Ended" {
                continue;
            }
            payload["eventType"] = "Updated".into();
            payload["triggerReason"] = "MeterValuePeriodic".into();
            payload["seqNo"] = (payload["seqNo"].as_i64().unwrap_or(0) + 1).into();
            if let Some(info) = payload["transactionInfo"].as_object_mut() {
                info.remove("stoppedReason");
            }
            let text = Frame::Call { id: "audit-after".into(), action, payload }.to_text();
            let answer = recording.inputs[place.at..]
                .iter()
                .position(|(_, input)| matches!(input, Input::Link(LinkEvent::Sent { .. })))
                .map_or(place.at, |further| place.at + further);
            let behind = Place { at: answer, taken: place.taken };
            let change = Change::After(Input::Link(LinkEvent::Text { conn: *conn, text }));
            self.add(&behind, None, Kind::Rule, "an event after Ended", change);
            return;
        }
    }
}

/// True for a condition on more than what the lab has set up.
fn about_the_product(condition: &str) -> bool {
    const LAB: [&str; 14] = [
        "bench",
        "pics",
        "variant",
        "security_profile",
        "tx_start_point",
        "tx_stop_point",
        "and",
        "or",
        "not",
        "in",
        "is",
        "true",
        "false",
        "supports",
    ];
    let mut outside = String::new();
    let mut quote = None;
    for c in condition.chars() {
        match quote {
            Some(end) => quote = (c != end).then_some(end),
            None if c == '\'' || c == '"' => quote = Some(c),
            None => outside.push(c),
        }
    }
    // What stands behind a dot is a member of something named before.
    let mut words = outside.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '.'));
    words.any(|word| {
        let first = word.split('.').next().unwrap_or_default();
        first.starts_with(|c: char| c.is_alphabetic()) && !LAB.contains(&first)
    })
}

/// A message that the product may send at any time, its payload empty.
fn own_call(recording: &Recording, id: &str) -> String {
    let action = if recording.id.ends_with("_CSMS") { "ClearCache" } else { "Heartbeat" };
    Frame::Call { id: id.into(), action: action.into(), payload: json!({}) }.to_text()
}

/// Where the step that took something stands.
pub(super) fn source_of(taken: &Taken) -> Option<String> {
    taken.step.as_ref().map(|step| source(&step.file, step.at.line))
}

fn source(file: &str, line: usize) -> String {
    format!("{}:{line}", file.rsplit('/').next().unwrap_or(file))
}

/// The outermost place on the way to a pointer that is not there.
fn first_absent(payload: &Value, pointer: &str) -> String {
    let mut way = String::new();
    for name in pointer.split('/').skip(1) {
        way = format!("{way}/{name}");
        if payload.pointer(&way).is_none() {
            break;
        }
    }
    way
}

/// The action of a CALL of ours.
fn asked<'p>(place: &'p Place<'_>) -> &'p str {
    match place.taken.step.as_deref() {
        Some(Step { kind: StepKind::Send(send), .. }) => &send.action,
        _ => "",
    }
}

/// True for a step within a group of which not everything need happen.
pub(super) fn is_optional(path: &str) -> bool {
    path.split(" > ").any(|part| {
        let kind = part.split_once(' ').map_or(part, |(_, kind)| kind);
        kind == "optional" || kind == "one-of"
    })
}

fn with_payload(conn: ConnId, frame: &Frame, payload: Value) -> Change {
    let frame = match frame {
        Frame::Call { id, action, .. } => Frame::Call { id: id.clone(), action: action.clone(), payload },
        Frame::CallResult { id, .. } => Frame::CallResult { id: id.clone(), payload },
        Frame::CallError { .. } => frame.clone(),
    };
    Change::Replace(Input::Link(LinkEvent::Text { conn, text: frame.to_text() }))
}

/// The connection that is open when an input comes.
fn open_at(recording: &Recording, at: usize) -> Option<ConnId> {
    let mut open = recording.setup.memory.open.map(|(conn, _)| conn);
    for (_, input) in recording.inputs.iter().take(at) {
        match input {
            Input::Link(LinkEvent::Opened { conn, .. }) => open = Some(*conn),
            Input::Link(LinkEvent::Closed { conn, .. }) if open == Some(*conn) => open = None,
            _ => {}
        }
    }
    open
}

/// When an input comes in a mutant.
pub(super) fn shifted(at: Stamp, by: i64) -> Stamp {
    let by = jiff::SignedDuration::from_nanos(by);
    let mono_ns = i128::from(at.mono_ns) + by.as_nanos();
    Stamp {
        mono_ns: u64::try_from(mono_ns.max(0)).unwrap_or(u64::MAX),
        wall: at.wall.checked_add(by).unwrap_or(at.wall),
    }
}
