//! What comes from the link: connections, frames, and the rules that hold for each of them.

use serde_json::{Value, json};

use super::{Answer, Answered, Attempt, Ending, Finding, MAX_KEPT, Open, OutstandingCall, World};
use crate::{
    certificate::Certificate,
    engine::exchange::Lost,
    link::{AttemptFailure, ClosedBy, ConnId, LinkCommand, LinkEvent, UpgradeRequest},
    protocol::{
        frame::Frame,
        messages::SchemaError,
        rules::Rule,
        session::{Admission, Call},
    },
    verdict::Verdict,
    yaml::shorten,
};

/// Most messages of the SUT in one test case; beyond it the SUT floods us, which no product needs to do.
const MAX_MESSAGES: usize = 20_000;
/// Most MiB of messages in one test case: all of them are kept until it ends.
const MAX_MIB: usize = 128;

impl World {
    /// Takes a link event in; a CALL of the SUT is handed back for the steps to look at.
    pub(crate) fn link(&mut self, event: LinkEvent) -> Option<Call> {
        match &event {
            LinkEvent::Opened { .. } | LinkEvent::Closed { .. } | LinkEvent::AttemptFailed { .. } => {
                self.pace.turned(self.now);
            }
            LinkEvent::Text { .. } | LinkEvent::Sent { .. } => self.pace.happened(self.now),
            LinkEvent::Garbage { .. } | LinkEvent::Ping { .. } => {}
        }
        match event {
            LinkEvent::Text { conn, text } => {
                self.last_activity = self.now;
                self.watch = self.watch.and_then(|watch| watch.hears(self.now.mono_ns));
                self.messages += 1;
                self.received_bytes = self.received_bytes.saturating_add(text.len());
                if self.messages > MAX_MESSAGES || self.received_bytes > MAX_MIB << 20 {
                    let message =
                        format!("the SUT sent more than {MAX_MESSAGES} messages, or {MAX_MIB} MiB, in one test case");
                    self.find(Verdict::Fail, Finding::of_rule(Rule::NoFlood, message));
                    self.link_command(LinkCommand::Abort(conn));
                    return None;
                }
                return self.text(conn, text);
            }
            LinkEvent::Garbage { conn: _, what } => {
                self.last_activity = self.now;
                let mut finding =
                    Finding::of_rule(Rule::TextOnly, "the SUT sent something that is not an OCPP-J message");
                finding.found = Some(what);
                self.find(Verdict::Fail, finding);
            }
            LinkEvent::Opened { conn, endpoint, request, subprotocol } => {
                self.last_activity = self.now;
                let facts = facts(&request, subprotocol.as_deref(), None);
                self.check_subprotocol(&request, subprotocol.as_deref());
                self.forget_promises();
                self.open = Some(Open { conn, endpoint, at: self.now });
                self.memory.open = Some((conn, endpoint));
                let as_usual = self.is_station_test() || self.knocked_as_usual;
                self.memory.ordinary = as_usual && subprotocol.as_deref() == Some(self.setup.protocol.subprotocol);
                self.memory.endpoint = Some(endpoint);
                self.memory.session.connected(self.now);
                let input = self.input;
                self.attempts.push(Attempt { conn, endpoint, at: self.now, outcome: Ok(()), facts, input, head: None });
            }
            LinkEvent::AttemptFailed { conn, endpoint, failure, request, hello, head } => {
                let mut known = request.as_ref().map_or(json!({}), |request| facts(request, None, None));
                if let Some(hello) = hello {
                    known["hello"] = serde_json::to_value(hello).unwrap_or_default();
                }
                if let AttemptFailure::UpgradeRefusedBySut(status) | AttemptFailure::UpgradeRefusedByUs(status, _) =
                    &failure
                {
                    known["status"] = (*status).into();
                }
                if self.attempts.len() < MAX_KEPT {
                    let (at, input) = (self.now, self.input);
                    let outcome = Err(failure);
                    self.attempts.push(Attempt { conn, endpoint, at, outcome, facts: known, input, head });
                }
            }
            LinkEvent::Closed { conn, by, code } => {
                let ending = Ending { at: self.now, by, code };
                if self.open.as_ref().is_some_and(|open| open.conn == conn) {
                    self.open = None;
                    self.memory.open = None;
                    self.closed = Some(ending);
                    self.cut_by_us = by == ClosedBy::Harness || std::mem::take(&mut self.network_cut);
                } else {
                    // A quick station is back before the end of the old connection is seen.
                    self.cut_by_us |= by == ClosedBy::Harness;
                }
                if self.open.is_none() {
                    self.forget_promises();
                }
                self.call_order.closed(conn);
                let lost: Vec<String> = self
                    .outstanding
                    .iter()
                    .filter(|(_, outstanding)| outstanding.conn == conn)
                    .map(|(id, _)| id.clone())
                    .collect();
                for id in lost {
                    let frame = self.outstanding.remove(&id).map(|call| call.to_text(&id));
                    let lost = Lost { how: Some(ending.words(self.began)), frame };
                    self.call_answers.insert(id, Answer::Lost(lost));
                }
            }
            LinkEvent::Ping { conn, pong } => {
                let here = self.open.as_ref().is_some_and(|open| open.conn == conn);
                self.pongs += u32::from(pong && here);
            }
            LinkEvent::Sent { conn, text } => {
                if let Some(early) = self.call_order.wrote(conn, &text, self.now) {
                    let version = self.setup.protocol.version;
                    if Rule::OneCallAtATime.is_advice(version) {
                        self.remark(early.message());
                    } else {
                        self.find(Verdict::Fail, early.finding(version));
                    }
                }
            }
        }
        None
    }

    /// A CSMS that is offered what it speaks must confirm it; one that does not, and goes on, has agreed on nothing.
    fn check_subprotocol(&mut self, request: &UpgradeRequest, agreed: Option<&str>) {
        let wanted = self.setup.protocol.subprotocol;
        let offered = request.subprotocols.iter().any(|offered| offered == wanted);
        if self.is_station_test() || !offered || agreed.is_some() {
            return;
        }
        let message = format!("the CSMS opened the WebSocket without the sub-protocol {wanted}, which it was offered");
        let mut finding = Finding::of_rule(Rule::Subprotocol, message);
        let source = Rule::Subprotocol.broken(self.setup.protocol.version).join(", ");
        finding.expected = Some(format!("Sec-WebSocket-Protocol: {wanted} ({source})"));
        finding.found = Some("no such header".into());
        self.find(Verdict::Fail, finding);
    }

    fn text(&mut self, conn: ConnId, text: String) -> Option<Call> {
        let frame = match Frame::parse(&text, self.setup.protocol.wire) {
            Ok(frame) => frame,
            Err(error) => {
                if let Some(id) = &error.call_id {
                    let code = self.setup.protocol.error_codes.of_fault(error.fault);
                    self.refuse(conn, id, code, &error.reason);
                }
                let mut finding =
                    Finding::of_rule(Rule::WellFormedFrames, format!("the SUT sent a broken frame: {error}"));
                finding.frame = Some(shorten(&text, 4000));
                self.find(Verdict::Fail, finding);
                return None;
            }
        };
        match frame {
            Frame::Call { id, action, payload } => {
                let mut call = Call { conn, id, action, payload, at: self.now, text, input: self.input };
                self.call_order.came(&call);
                self.check_id(&call);
                if self.messages().is_one_way(&call.action) {
                    let code = self.setup.protocol.error_codes.unknown_action;
                    self.refuse(conn, &call.id, code, "there is no such request, only a message that is sent by SEND");
                    self.wrong_type(&call, "a CALL");
                    return None;
                }
                let errors = self.messages().validate(&call.action, true, &call.payload);
                if let Some(first) = errors.first() {
                    self.refuse(conn, &call.id, first.code, &first.message);
                    self.schema_finding((&call.action, "Request"), &errors, &call.payload, &call.text);
                    return None;
                }
                self.primitive_findings(&call.action, true, &call.payload, &call.text);
                call.payload = self.messages().with_defaults(&call.action, true, call.payload);
                let moment = self.moment();
                match self.memory.session.admit(&moment, &call) {
                    Admission::Admitted(breaches) => self.breaches(breaches),
                    Admission::Refused { code, description, breach } => {
                        self.refuse(conn, &call.id, code, description);
                        self.breaches([*breach]);
                        return None;
                    }
                }
                self.keep_received(&call);
                Some(call)
            }
            Frame::CallResult { id, payload } => {
                if let Some(sent) = self.answered(&id, &text) {
                    let errors = self.messages().validate(&sent.action, false, &payload);
                    let payload = if errors.is_empty() {
                        self.primitive_findings(&sent.action, false, &payload, &text);
                        let payload = self.messages().with_defaults(&sent.action, false, payload);
                        let moment = self.moment();
                        let session = &self.memory.session;
                        let breaches = session.check_answer(&moment, &sent.action, &sent.payload, &payload, &text);
                        self.breaches(breaches);
                        payload
                    } else {
                        self.schema_finding((&sent.action, "Response"), &errors, &payload, &text);
                        payload
                    };
                    let moment = self.moment();
                    self.memory.session.answered(&moment, &sent.action, &sent.payload, &payload);
                    self.call_answers.insert(id, Answer::Result(payload, text, self.input));
                }
                None
            }
            Frame::CallError { id, code, .. } => {
                if self.answered(&id, &text).is_some() {
                    self.call_answers.insert(id, Answer::Error(code, text, self.input));
                }
                None
            }
            Frame::CallResultError { id, code, description, .. } => {
                self.response_refused(conn, id, &code, &description, &text);
                None
            }
            Frame::Send { id, action, payload } => {
                self.one_way(Call { conn, id, action, payload, at: self.now, text, input: self.input })
            }
        }
    }

    fn check_id(&mut self, call: &Call) {
        let used = !self.seen_ids.insert((call.conn, call.id.clone()));
        if used && !self.memory.session.may_have_used_id(call) {
            let mut finding =
                Finding::of_rule(Rule::UniqueMessageIds, format!("the message id {} was used before", call.id));
            finding.expected = Some("an id that no CALL before it has had on this connection".into());
            finding.found = Some(format!("{} again, for {}", call.id, self.summary(call)));
            finding.frame = Some(shorten(&call.text, 4000));
            self.find(Verdict::Fail, finding);
        }
    }

    fn wrong_type(&mut self, call: &Call, kind: &str) {
        let mut finding = Finding::of_rule(Rule::TypeOfAction, format!("{} was sent as {kind}", call.action));
        let wanted = if kind == "a CALL" { "a SEND (message type 6)" } else { "a CALL (message type 2)" };
        finding.expected = Some(format!("{wanted} for {}", call.action));
        finding.found = Some(kind.to_owned());
        finding.frame = Some(shorten(&call.text, 4000));
        self.find(Verdict::Fail, finding);
    }

    /// A message that is not to be answered, whatever is wrong with it (OCPP 2.1, Part 4, 4.2.4).
    fn one_way(&mut self, mut call: Call) -> Option<Call> {
        self.check_id(&call);
        if self.messages().is_action(&call.action) && !self.messages().is_one_way(&call.action) {
            self.wrong_type(&call, "a SEND");
            return None;
        }
        let errors = self.messages().validate(&call.action, true, &call.payload);
        if !errors.is_empty() {
            self.schema_finding((&call.action, ""), &errors, &call.payload, &call.text);
            return None;
        }
        self.primitive_findings(&call.action, true, &call.payload, &call.text);
        call.payload = self.messages().with_defaults(&call.action, true, call.payload);
        let moment = self.moment();
        match self.memory.session.admit(&moment, &call) {
            Admission::Admitted(breaches) => self.breaches(breaches),
            Admission::Refused { breach, .. } => self.breaches([*breach]),
        }
        if self.memory.session.unsolicited(&moment, &call).is_none() {
            let mut finding = Finding::of_rule(
                Rule::TypeOfAction,
                format!("{} was sent, which the other side sends", self.summary(&call)),
            );
            finding.frame = Some(shorten(&call.text, 4000));
            self.find(Verdict::Fail, finding);
            return None;
        }
        self.keep_received(&call);
        Some(call)
    }

    /// The SUT could not process a response of ours (OCPP 2.1, Part 4, 4.2.3). What we send follows its schema, so it is the SUT's
    /// fault.
    fn response_refused(&mut self, conn: ConnId, id: String, code: &str, description: &str, text: &str) {
        let refusal = if description.is_empty() { code.to_owned() } else { format!("{code}: {description}") };
        let refusal = shorten(&refusal, 300);
        let mut finding = match self.responses.remove(&(conn, id.clone())) {
            Some((action, response)) => {
                let message = format!("the SUT refused our {action}Response ({refusal})");
                let mut finding = Finding::of_rule(Rule::OurResponsesAreTaken, message);
                finding.expected = Some(format!("the SUT processes {response}"));
                finding
            }
            None => Finding::of_rule(
                Rule::OurResponsesAreTaken,
                format!("the SUT refused a response ({refusal}), but no response of ours has the id {id}"),
            ),
        };
        finding.found = Some(format!("a CALLRESULTERROR with the code {}", shorten(code, 100)));
        finding.frame = Some(shorten(text, 4000));
        self.find(Verdict::Fail, finding);
    }

    fn answered(&mut self, id: &str, text: &str) -> Option<OutstandingCall> {
        let sent = self.outstanding.remove(id);
        if let Some(sent) = &sent {
            self.watched.answered(self.now.mono_ns.saturating_sub(sent.sent));
        }
        let answered = |call| Answered { text: text.to_owned(), id: id.to_owned(), call, at: self.now };
        self.answer = sent.clone().map(answered);
        if sent.is_none() && !self.memory.unanswered.remove(id) {
            let mut finding = Finding::of_rule(Rule::AnswersToOurCalls, format!("no CALL of ours has the id {id}"));
            let mut waiting: Vec<String> =
                self.outstanding.iter().map(|(id, call)| format!("{id} ({})", call.action)).collect();
            waiting.sort_unstable();
            finding.expected = Some(match &waiting[..] {
                [] => "no answer: no CALL of ours waits for one".into(),
                waiting => format!("the id of a CALL that waits for its answer: {}", waiting.join(", ")),
            });
            finding.frame = Some(shorten(text, 4000));
            self.find(Verdict::Fail, finding);
        }
        sent
    }

    fn schema_finding(&mut self, (action, kind): (&str, &str), errors: &[SchemaError], payload: &Value, text: &str) {
        let finding = Finding::of_rule(
            Rule::SchemaValid,
            format!("{}{kind} does not follow its schema ({})", shorten(action, 100), self.messages().edition()),
        );
        self.find(Verdict::Fail, finding.of_schema(errors, payload, text));
    }

    /// What the JSON Schemas do not say of data types.
    fn primitive_findings(&mut self, action: &str, request: bool, payload: &Value, text: &str) {
        let breaches = self.messages().breaches(action, request, payload);
        let Some(first) = breaches.first() else { return };
        let kind = if request { "Request" } else { "Response" };
        let message = format!("{action}{kind} has a value that its data type does not allow");
        let mut finding = Finding::of_rule(Rule::DataTypes, message);
        let source = Rule::DataTypes.broken(self.setup.protocol.version).join(", ");
        finding.expected = Some(format!("a value as {source} defines the primitive data types"));
        let all: Vec<String> = breaches.iter().map(|error| format!("{}: {}", error.pointer, error.message)).collect();
        finding.found = Some(shorten(&all.join("; "), 1000));
        finding.pointer = Some(first.pointer.clone());
        finding.frame = Some(shorten(text, 4000));
        self.find(Verdict::Fail, finding);
    }
}

/// What checks on a connection see.
fn facts(request: &UpgradeRequest, subprotocol: Option<&str>, status: Option<u16>) -> Value {
    let mut facts = json!({
        "path": request.path,
        "identity": request.identity,
        "user": request.user,
        "password": request.password.as_ref().map(|password| password.expose().to_owned()),
        "subprotocols": request.subprotocols,
        "subprotocol": subprotocol,
        "status": status,
    });
    if let Some(tls) = &request.tls {
        facts["tls"] = serde_json::to_value(tls).unwrap_or_default();
        facts["hello"] = facts["tls"]["hello"].take();
        let shown = tls.peer_chain.first().and_then(|pem| Certificate::first(pem));
        facts["certificate"] = shown.map_or(Value::Null, |certificate| certificate.facts());
    }
    if let Value::Object(members) = &mut facts {
        members.retain(|_, value| !value.is_null());
    }
    facts
}
