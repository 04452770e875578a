//! What a faulty product would have done otherwise in a recorded test case.

use serde_json::json;

use super::{
    connections::{other_requests, turned_round},
    mutant::{Edit, Kind, Mutants, Place, Target, behind_answer, is_optional, open_at, own_call, source},
    subjects::about_the_product,
};
use crate::{
    engine::{Input, Role, Taken},
    link::{ConnId, LinkEvent},
    manual_action::ActionOutcome,
    protocol::{frame::Frame, member::Member},
    replay::Recording,
    testcase::{connection::Outcome, model::Expect},
};

/// Later than any limit, nanoseconds: four hours.
const LATE_NS: i64 = 4 * 3600 * 1_000_000_000;

impl Mutants {
    pub(super) fn of(recording: &Recording, places: &[Place<'_>]) -> Self {
        let messages = recording.setup.protocol.messages();
        let mut mutants = Self { units: Vec::new(), all: Vec::new(), targets: Vec::new(), messages };
        let judged = |taken: &Taken| matches!(taken.phase, "before" | "main");
        for place in places.iter().filter(|place| judged(place.taken)) {
            let Some((_, input)) = recording.inputs.get(place.at) else { continue };
            if place.left {
                if matches!(place.taken.role, Role::Call | Role::Answer) {
                    mutants.only_dropped(place);
                }
                continue;
            }
            match (place.taken.role, input) {
                (Role::Call | Role::Answer, Input::Link(LinkEvent::Text { conn, text })) => {
                    if let Ok(frame) = Frame::read_back(text) {
                        mutants.message(recording, place, *conn, &frame);
                    }
                }
                (Role::Always(rule), Input::Link(LinkEvent::Text { conn, text })) => {
                    if let (Ok(frame), Some(rule)) = (Frame::read_back(text), recording.setup.case.always.get(rule)) {
                        let source = source(&rule.file, rule.at.line);
                        if let Some(checks) = &rule.checks {
                            mutants.checks(place, *conn, &frame, checks, "always", &source, "");
                        }
                    }
                }
                (Role::Attempt, Input::Link(event)) => mutants.attempt(place, event),
                (Role::Operator, Input::OperatorDone(id, _)) => mutants.operator(place, *id),
                (Role::Condition, _) => mutants.condition(recording, place),
                _ => {}
            }
        }
        mutants.rules(recording, places);
        mutants
    }

    /// A step of a state that is audited elsewhere: its message does not come.
    fn only_dropped(&mut self, place: &Place<'_>) {
        let Some(step) = &place.taken.step else { return };
        let (words, optional) = match (step.expect(), step.send()) {
            (Some(expect), _) => {
                (format!("{} comes", expect.action), expect.optional.is_some() || is_optional(&place.taken.path))
            }
            (_, Some(send)) if !send.lost_allowed => (format!("{} is answered", send.action), false),
            _ => return,
        };
        let source = source(&step.file, step.at.line);
        let unit = self.unit(&place.taken.path, &source, words, None, optional);
        self.add(place, Some(unit), Kind::Dropped, "dropped", Edit::Drop);
    }

    fn message(&mut self, recording: &Recording, place: &Place<'_>, conn: ConnId, frame: &Frame) {
        let Some(step) = &place.taken.step else { return };
        let source = source(&step.file, step.at.line);
        let path = place.taken.path.as_str();
        let before = self.all.len();
        let action = match (step.expect(), step.send()) {
            (Some(expect), _) => {
                let optional = expect.optional.is_some() || is_optional(path);
                let unit = self.unit(path, &source, format!("{} comes", expect.action), None, optional);
                self.presence(recording, place, unit);
                self.checks(place, conn, frame, &expect.matches, "match", &source, path);
                self.checks(place, conn, frame, &expect.checks, "check", &source, path);
                self.unwanted(place, conn, frame, &[("match", &expect.matches), ("check", &expect.checks)], path);
                self.bounds(recording, place, conn, expect, &source);
                expect.action.clone()
            }
            (_, Some(send)) => {
                let unit = self.unit(path, &source, format!("{} is answered", send.action), None, false);
                if !send.lost_allowed {
                    self.presence(recording, place, unit);
                }
                self.checks(place, conn, frame, &send.checks, "check", &source, path);
                self.unwanted(place, conn, frame, &[("check", &send.checks)], path);
                if let (Some(_), Frame::CallError { id, .. }) = (&send.expect_error, frame) {
                    let payload = self.messages.message(&send.action, false).map_or_else(|| json!({}), Member::example);
                    let text = Frame::CallResult { id: id.clone(), payload }.to_text();
                    let unit = self.unit(path, &source, "it is refused".into(), None, false);
                    let change = Edit::Replace(Input::Link(LinkEvent::Text { conn, text }));
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
                    let change = Edit::Replace(Input::Link(LinkEvent::Text { conn, text: error.to_text() }));
                    if !send.takes_any_error() && !send.wants_error() {
                        self.add(place, Some(unit), Kind::TurnedRound, "a CALLERROR", change);
                    }
                }
                send.action.clone()
            }
            _ => return,
        };
        for mutant in &mut self.all[before..] {
            mutant.action.clone_from(&action);
        }
    }

    /// It does not come, comes twice, too late, in another's place.
    fn presence(&mut self, recording: &Recording, place: &Place<'_>, unit: usize) {
        self.add(place, Some(unit), Kind::Dropped, "dropped", Edit::Drop);
        self.add(place, Some(unit), Kind::Delayed, "four hours later", Edit::Shift(LATE_NS));
        let Some((_, Input::Link(LinkEvent::Text { conn, text }))) = recording.inputs.get(place.at) else { return };
        let behind = behind_answer(recording, place.at);
        let again = |text: String| vec![(behind, Edit::After(Input::Link(LinkEvent::Text { conn: *conn, text })))];
        self.add_all(place, None, Kind::Duplicated, "twice with the same message id", again(text.clone()));
        if let Ok(frame @ (Frame::Call { .. } | Frame::Send { .. })) = Frame::read_back(text) {
            let text = frame.with_id("audit-again".into()).to_text();
            self.add_all(place, None, Kind::Repeated, "twice", again(text));
        }
        let next = recording.inputs.iter().enumerate().skip(place.at + 1).find_map(|(at, (_, input))| match input {
            Input::Link(LinkEvent::Text { conn: of, .. }) if of == conn => Some(Some((at, input))),
            Input::Link(LinkEvent::Closed { .. } | LinkEvent::Opened { .. }) => Some(None),
            _ => None,
        });
        if let (Some((next, input)), Some((_, first))) = (next.flatten(), recording.inputs.get(place.at)) {
            let edits = vec![(place.at, Edit::Replace(input.clone())), (next, Edit::Replace(first.clone()))];
            self.add_all(place, None, Kind::Swapped, "after the next message", edits);
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
            self.add(place, Some(unit), Kind::Early, "early", Edit::Shift(-gap / 10 * 9));
        }
        if expect.nothing_else_before.is_some() {
            let unit = self.unit(path, source, "nothing-else-before".into(), None, false);
            let text = own_call(recording, "audit-before");
            let change = Edit::Before(Input::Link(LinkEvent::Text { conn, text }));
            self.add(place, Some(unit), Kind::Inserted, "another message first", change);
        }
    }

    fn attempt(&mut self, place: &Place<'_>, event: &LinkEvent) {
        let Some(step) = &place.taken.step else { return };
        let Some(connection) = step.connection() else { return };
        let source = source(&step.file, step.at.line);
        let path = place.taken.path.as_str();
        let outcome = connection.outcome.unwrap_or(Outcome::Upgraded);
        // While a good connection is waited for, others may fail.
        let awaited = outcome == Outcome::Upgraded && matches!(event, LinkEvent::AttemptFailed { .. });
        if outcome != Outcome::Any && !awaited {
            let unit = self.unit(path, &source, format!("connection {}", outcome.word()), None, connection.optional);
            let other = match event {
                LinkEvent::Opened { conn, endpoint, request, .. } if outcome == Outcome::NoSubprotocol => {
                    let (request, subprotocol) = (request.clone(), Some("ocpp0.1".to_owned()));
                    Input::Link(LinkEvent::Opened { conn: *conn, endpoint: *endpoint, request, subprotocol })
                }
                _ => turned_round(event),
            };
            self.add(place, Some(unit), Kind::TurnedRound, "the other way round", Edit::Replace(other));
            self.add(place, Some(unit), Kind::Dropped, "no attempt", Edit::Drop);
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
                let change = Edit::Replace(Input::Link(event));
                self.add(place, Some(unit), Kind::Value, format!("{} is another", check.text()), change);
            }
        }
    }

    fn operator(&mut self, place: &Place<'_>, id: u32) {
        let Some(step) = &place.taken.step else { return };
        let Some(action) = step.manual_action() else { return };
        if action.is_question() {
            let source = source(&step.file, step.at.line);
            let unit = self.unit(&place.taken.path, &source, action.name.to_owned(), None, false);
            let change = Edit::Replace(Input::OperatorDone(id, ActionOutcome::Denied("it is not so".into())));
            self.add(place, Some(unit), Kind::TurnedRound, "the answer is no", change);
        }
    }

    fn condition(&mut self, recording: &Recording, place: &Place<'_>) {
        let Some(step) = &place.taken.step else { return };
        let source = source(&step.file, step.at.line);
        match (step.condition(), step.forbids()) {
            (Some(condition), _) => {
                if about_the_product(&condition.text()) {
                    let unit =
                        self.unit(&place.taken.path, &source, format!("assert {}", condition.text()), None, false);
                    let step = place.taken.path.clone();
                    let (condition, scope) = (condition.clone(), place.taken.scope.clone());
                    self.targets.push(Target { unit, at: place.at, step, condition, scope });
                }
            }
            (_, Some((action, _))) => {
                let unit = self.unit(&place.taken.path, &source, format!("never {action}"), None, false);
                if let Some(conn) = open_at(recording, place.at + 1) {
                    self.add(place, Some(unit), Kind::Inserted, format!("{action} comes"), Edit::Forbidden(conn));
                }
            }
            _ => {}
        }
    }
}
