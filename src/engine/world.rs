//! What the engine knows while a test case runs, and what it has found.

mod background;
mod ended;
mod evaluation;
mod findings;
mod intake;
mod missed;
mod names;
mod sources;
mod unsaid;

pub(crate) use background::Unclaimed;
use evaluation::with_what;
pub(crate) use evaluation::{cannot_be_evaluated, verdict_on_what_is_made_of};
pub(crate) use names::Seen;
pub(crate) use unsaid::{Unsaid, outcome_of};

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use serde_json::{Map, Value, json};

use super::{
    Effect, Outcome, Phase, Scope, Setup, SutMemory,
    call_order::CallOrder,
    exchange::{Answer, Attempt, Ending, Open, Reply},
    finding::Finding,
    outbox::Outbox,
    pacing::Pace,
    silence::{Watch, Watched},
    sut_state::next_id,
    taken::Taken,
};
use crate::{
    clock::Stamp,
    link::{AttemptFailure, ConnId, EndpointId, LinkCommand, Secret, ServerPolicy},
    pics::SutKind,
    protocol::{
        frame::Frame,
        messages::{Messages, SchemaError},
        semantics::Semantics,
        session::{Asked, Call, Moment},
    },
    testcase::{
        model::{State, Step, TestCase},
        template::{Names, Template, Values},
    },
    verdict::{Failure, StepRecord, Verdict},
    yaml::shorten,
};

/// A CALL of ours that waits for its answer.
#[derive(Debug, Clone)]
struct OutstandingCall {
    action: String,
    payload: Value,
    conn: ConnId,
    /// When it was sent, nanoseconds of the run.
    sent: u64,
    /// When it counts as unanswered, nanoseconds of the run.
    until: u64,
}

impl OutstandingCall {
    fn to_text(&self, id: &str) -> String {
        Frame::Call { id: id.to_owned(), action: self.action.clone(), payload: self.payload.clone() }.to_text()
    }
}

/// An answer to a CALL of ours, as it came, with the CALL.
#[derive(Debug, Clone)]
struct Answered {
    text: String,
    id: String,
    call: OutstandingCall,
    at: Stamp,
}

/// Everything the engine knows.
#[derive(Debug, Clone)]
pub(crate) struct World {
    setup: Arc<Setup>,
    /// When the test case began.
    pub(crate) began: Stamp,
    pub(crate) now: Stamp,
    /// When the preparation was over.
    pub(crate) prepared_at: Stamp,
    pub(crate) phase: Phase,
    pub(crate) effects: Vec<Effect>,
    pub(crate) answers: Vec<(u32, Reply)>,
    pub(crate) call_answers: HashMap<String, Answer>,
    pub(crate) attempts: Vec<Attempt>,
    pub(crate) open: Option<Open>,
    /// How the last connection ended.
    pub(crate) closed: Option<Ending>,
    /// The last connection was ended by us or by the operator, not by the SUT.
    cut_by_us: bool,
    network_cut: bool,
    pub(crate) last_activity: Stamp,
    pub(crate) pace: Pace,
    pub(crate) memory: SutMemory,
    pub(crate) policies: HashMap<EndpointId, ServerPolicy>,
    pub(crate) pongs: u32,
    /// A TransactionEvent was refused or left unanswered.
    pub(crate) withheld: bool,
    pub(crate) messages: usize,
    /// Bytes of them.
    pub(crate) received_bytes: usize,
    variables: Names,
    sources: sources::Sources,
    outstanding: HashMap<String, OutstandingCall>,
    /// The last answer to a CALL of ours.
    answer: Option<Answered>,
    /// What this test case shows of how soon the SUT is silent.
    watched: Watched,
    watch: Option<Watch>,
    seen_ids: HashSet<(ConnId, String)>,
    /// Responses of ours, each with its action, by connection and message id: the SUT may refuse one.
    responses: HashMap<(ConnId, String), (String, String)>,
    call_order: CallOrder,
    pub(crate) outbox: Outbox,
    received: Vec<Arc<Call>>,
    /// A message after which nothing more comes about what it is about, unless we ask for something.
    ended: Option<Arc<Call>>,
    /// The message that a step took last was one that had to come.
    pub(crate) taken_was_due: bool,
    /// A manual action that is done, as what follows from it shows, although the operator has not said so yet.
    pub(crate) unsaid: Option<Unsaid>,
    /// When the operator said at last that such an action is done.
    said_at: Option<Stamp>,
    /// The message for which a step is reached before its turn.
    pub(crate) offered: Option<usize>,
    failures: Vec<Failure>,
    /// What findings have missed, until it comes.
    missed: Vec<missed::Missed>,
    pub(crate) steps: Vec<StepRecord>,
    remarks: Vec<String>,
    proven: HashMap<String, Vec<String>>,
    /// Requirements that checks of the main part name, and the steps whose checks were made.
    tested: HashSet<String>,
    testing_steps: HashSet<String>,
    complaints: usize,
    /// How many manual actions were asked for.
    pub(crate) asked: usize,
    /// Which input is being taken in.
    pub(crate) input: usize,
    taken: Vec<Taken>,
    /// Why the general preconditions were not reached.
    unprepared: Option<String>,
    /// The last attempt of our station to connect was as the bench says, whatever a test case has made of that for good.
    pub(crate) knocked_as_usual: bool,
    /// Facts per EVSE that hold once the states under way are reached, while steps behind them are looked at.
    pub(crate) anticipated: BTreeMap<String, Map<String, Value>>,
    base: Names,
    /// What steps outside of any state see.
    root: Scope,
}

/// Most calls that are kept for `any-time-since`.
const MAX_KEPT: usize = 4096;

impl World {
    pub(crate) fn new(setup: Setup, now: Stamp) -> Self {
        // A charging station under test is dealt with as fast as we can.
        let for_csms = setup.case.header.sut == SutKind::Csms;
        let pace = setup.bench.get("pace").and_then(Value::as_f64).filter(|_| for_csms);
        let mut memory = SutMemory { evses: BTreeMap::new(), ..setup.memory.clone() };
        memory.session.begin(now.wall);
        let mut base = Names::default();
        base.insert("bench", setup.bench.clone());
        base.insert("pics", setup.pics.clone());
        base.insert("variant", Value::Object(setup.variant.clone()));
        base.insert("protocol", setup.protocol.version.to_string().into());
        base.insert("test_case", setup.case.header.id.clone().into());
        let mut root = Scope::default();
        root.insert("evse", setup.bench.get("evse").cloned().unwrap_or(json!({"id": 1, "connector": 1})));
        Self {
            began: now,
            now,
            prepared_at: now,
            phase: Phase::Prepare,
            effects: Vec::new(),
            answers: Vec::new(),
            call_answers: HashMap::new(),
            attempts: Vec::new(),
            open: setup.memory.open.map(|(conn, endpoint)| Open { conn, endpoint, at: now }),
            closed: None,
            cut_by_us: false,
            network_cut: false,
            last_activity: now,
            pace: Pace::new(pace.unwrap_or_default(), now),
            memory,
            policies: setup.endpoints.at.clone(),
            pongs: 0,
            withheld: false,
            messages: 0,
            received_bytes: 0,
            variables: Names::default(),
            sources: sources::Sources::default(),
            outstanding: HashMap::new(),
            answer: None,
            responses: HashMap::new(),
            watched: Watched::default(),
            watch: None,
            seen_ids: HashSet::new(),
            call_order: CallOrder::default(),
            outbox: Outbox::default(),
            received: Vec::new(),
            ended: None,
            taken_was_due: false,
            unsaid: None,
            said_at: None,
            offered: None,
            failures: Vec::new(),
            missed: Vec::new(),
            steps: Vec::new(),
            remarks: Vec::new(),
            proven: HashMap::new(),
            tested: HashSet::new(),
            testing_steps: HashSet::new(),
            complaints: 0,
            asked: 0,
            input: 0,
            taken: Vec::new(),
            unprepared: None,
            knocked_as_usual: false,
            anticipated: BTreeMap::new(),
            base,
            root,
            setup: Arc::new(setup),
        }
    }

    pub(crate) fn case(&self) -> &TestCase {
        &self.setup.case
    }

    pub(crate) fn setup(&self) -> &Setup {
        &self.setup
    }

    /// The messages of the protocol that is tested.
    pub(crate) fn messages(&self) -> &'static Messages {
        self.setup.protocol.messages()
    }

    /// What the messages of that protocol mean.
    pub(crate) fn semantics(&self) -> &'static dyn Semantics {
        self.setup.protocol.semantics
    }

    pub(crate) fn is_station_test(&self) -> bool {
        self.setup.case.header.sut == SutKind::ChargingStation
    }

    pub(crate) fn has_state(&self, name: &str) -> bool {
        self.setup.states.contains_key(name)
    }

    pub(crate) fn state(&self, name: &str) -> Option<Arc<State>> {
        self.setup.states.get(name).cloned()
    }

    pub(crate) fn connected(&self) -> bool {
        self.open.is_some()
    }

    /// True when it is too early for a step that was reached then to act; see [`Pace`].
    pub(crate) fn too_early(&self, reached: Stamp) -> bool {
        self.now.mono_ns < self.pace.due(reached)
    }

    /// How long the SUT must be silent where the bench says `whole`, nanoseconds both, and watches for what it says until then.
    pub(crate) fn settles(&mut self, whole: u64) -> u64 {
        self.watch = Some(self.watched.waits(self.now.mono_ns, whole));
        let by_evidence = self.setup.bench.get("settle_by_evidence").and_then(Value::as_bool) != Some(false);
        if by_evidence { self.memory.silence.required(whole) } else { whole }
    }

    /// The link does not tell that the open connection is over; it is.
    pub(crate) fn forget_connection(&mut self) {
        self.open = None;
        self.memory.open = None;
    }

    pub(crate) fn root_scope(&self) -> Scope {
        self.root.clone()
    }

    /// A number of the bench, with a fallback.
    pub(crate) fn seconds(&self, name: &str, fallback: f64) -> f64 {
        self.setup.bench.get(name).and_then(Value::as_f64).unwrap_or(fallback)
    }

    /// Remembers what a manual action leaves behind, so that it can be undone.
    pub(crate) fn acted(&mut self, action: &str, parameters: &Values) {
        self.asked += 1;
        self.network_cut |= action == "network-down";
        if action == "power-cycle" {
            self.memory.session.reboots(true);
        }
        let evse = parameters.get("evse").and_then(Value::as_u64);
        if matches!(action, "present-token" | "press-start") {
            self.memory.session.driver_comes(evse, self.now);
        }
        let (fact, value) = match action {
            "connect-ev" => ("plugged", true),
            "disconnect-ev" | "disconnect-station-side" => ("plugged", false),
            "drive-in" => ("in_bay", true),
            "drive-out" => ("in_bay", false),
            _ => return,
        };
        let evse = evse.unwrap_or(1).to_string();
        self.memory.evses.entry(evse).or_default().insert(fact.to_owned(), value.into());
    }

    /// A manual action was not done after all.
    pub(crate) fn not_acted(&mut self, action: &str) {
        if action == "power-cycle" {
            self.memory.session.reboots(false);
        }
    }

    /// Keeps a value under a name.
    pub(crate) fn keep(&mut self, name: &str, value: Value) {
        self.variables.insert(name, value);
    }

    /// An id that no other message of this test case has.
    pub(crate) fn fresh_id(&mut self) -> u32 {
        next_id(&mut self.memory.last_id)
    }

    /// Turns a value that is not what a step takes into a finding; `names` are those that the value was made of.
    pub(crate) fn fitting<T, E: std::fmt::Display>(
        &mut self,
        result: Result<T, E>,
        names: impl IntoIterator<Item = Arc<str>>,
        step: &Step,
        path: &str,
    ) -> Option<T> {
        let error = match result {
            Ok(value) => return Some(value),
            Err(error) => error,
        };
        let verdict = verdict_on_what_is_made_of(names);
        let message = format!("the step can't be done{}: {error}", with_what(verdict));
        self.find(verdict, Finding::at(step, path, message));
        None
    }

    pub(crate) fn link_command(&mut self, command: LinkCommand) {
        self.effects.push(Effect::Link(command));
    }

    /// Secrets in what we send must not appear in any artefact.
    pub(crate) fn hide_secrets(&mut self, payload: &Value) {
        let secrets = self.setup.protocol.semantics.secrets(payload);
        self.effects.extend(secrets.into_iter().map(Effect::Secret));
    }

    /// A password must not appear in any artefact, neither as it is given nor as it is shown.
    pub(crate) fn hide_password(&mut self, password: &Secret) {
        self.effects.push(Effect::Secret(password.clone()));
        if password.is_hexadecimal() {
            self.effects.push(Effect::Secret(password.shown()));
        }
    }

    /// What a session needs to know of the moment.
    pub(crate) fn moment(&self) -> Moment {
        Moment {
            now: self.now,
            tests_station: self.is_station_test(),
            phase: self.phase,
            fixed: self.base.clone(),
            kept: self.variables.clone(),
            security_profile: self.memory.security_profile,
            online_since: self.open.as_ref().map(|open| open.at),
            withheld: self.withheld,
        }
    }

    /// A message in a few words: its action and what distinguishes it.
    pub(crate) fn summary(&self, call: &Call) -> String {
        self.setup.protocol.semantics.summary(call)
    }

    /// Answers as the specification suggests; what was sent by SEND is not answered.
    pub(crate) fn default_reply(&mut self, call: &Call, asked: Asked) {
        if self.messages().is_one_way(&call.action) {
            return;
        }
        let moment = self.moment();
        if let Some((code, description)) = self.memory.session.declines(&moment, call) {
            self.refuse(call.conn, &call.id, code, description);
            return;
        }
        let payload = self.memory.session.reply(&moment, call, asked);
        self.reply(call, payload);
        self.note_promises();
    }

    /// Fills in what a reply needs and a test case did not say.
    pub(crate) fn complete_reply(&mut self, call: &Call, reply: Value) -> Value {
        let moment = self.moment();
        self.memory.session.complete_reply(&moment, call, reply)
    }

    /// Fills in what a request of ours needs and a test case did not say.
    pub(crate) fn complete_request(&mut self, action: &str, payload: &mut Value) {
        let moment = self.moment();
        let SutMemory { session, last_id, .. } = &mut self.memory;
        session.complete_request(&moment, action, payload, &mut || next_id(last_id));
    }

    /// True when no CALL of ours waits for its answer on the connection (Part 4, 4.1.1).
    pub(crate) fn may_call(&self) -> bool {
        self.connected() && self.turn().is_none()
    }

    /// When the next CALL of ours counts as unanswered, and another one may be sent; none where no CALL is out.
    pub(crate) fn turn(&self) -> Option<u64> {
        let conn = self.open.as_ref().map(|open| open.conn);
        let out = self.outstanding.values().filter(|one| Some(one.conn) == conn);
        out.map(|one| one.until).filter(|until| self.now.mono_ns < *until).min()
    }

    /// Writes a message of ours that asks for no answer (SEND; OCPP 2.1, Part 4, 4.2.4).
    pub(crate) fn tell(&mut self, action: &str, payload: Value) {
        let Some(conn) = self.open.as_ref().map(|open| open.conn) else { return };
        self.hide_secrets(&payload);
        let id = self.own_id();
        let frame = Frame::Send { id, action: action.to_owned(), payload };
        self.link_command(LinkCommand::Send(conn, frame.to_text()));
    }

    /// A message id that none of our messages has had: the id of the test case, and a number.
    fn own_id(&mut self) -> String {
        let number = self.fresh_id();
        let id = format!("{}-{number}", self.setup.case.header.id);
        id.chars().rev().take(36).collect::<Vec<_>>().into_iter().rev().collect()
    }

    /// Writes a CALL of ours that counts as unanswered from `until` on; `None` when there is no connection.
    pub(crate) fn call(&mut self, action: &str, payload: Value, until: u64) -> Option<String> {
        let conn = self.open.as_ref()?.conn;
        self.hide_secrets(&payload);
        let id = self.own_id();
        let frame = Frame::Call { id: id.clone(), action: action.to_owned(), payload: payload.clone() };
        self.link_command(LinkCommand::Send(conn, frame.to_text()));
        self.ended = None;
        let own = Call {
            conn,
            id: id.clone(),
            action: action.to_owned(),
            payload: payload.clone(),
            at: self.now,
            text: String::new(),
            input: self.input,
        };
        let moment = self.moment();
        self.memory.session.sent(&moment, &own);
        self.note_promises();
        self.outstanding.insert(
            id.clone(),
            OutstandingCall { action: action.to_owned(), payload, conn, sent: self.now.mono_ns, until },
        );
        Some(id)
    }

    /// A CALL of ours that waits for its answer, as it was sent.
    pub(crate) fn frame_of(&self, id: &str) -> Option<String> {
        self.outstanding.get(id).map(|call| call.to_text(id))
    }

    /// True when a CALL of ours with this id waits for its answer.
    pub(crate) fn awaits(&self, id: &str) -> bool {
        self.outstanding.contains_key(id) || self.memory.unanswered.contains(id)
    }

    /// What is wrong with a message first.
    fn flaw(&self, action: &str, request: bool, payload: &Value) -> Option<SchemaError> {
        let of_types = || self.messages().breaches(action, request, payload).into_iter().next();
        self.messages().validate(action, request, payload).into_iter().next().or_else(of_types)
    }

    /// True when a message of ours is as it must be; otherwise it is not sent. Whose fault that is depends on what it is made of.
    pub(crate) fn is_sound(
        &mut self,
        action: &str,
        request: bool,
        payload: &Value,
        made_of: &Template,
        finding: Finding,
    ) -> bool {
        let Some(error) = self.flaw(action, request, payload) else { return true };
        let kind = if request { "Request" } else { "Response" };
        let verdict = verdict_on_what_is_made_of(made_of.names());
        let with = with_what(verdict);
        let message = format!("our own {action}{kind} is not valid{with}: {} {}", error.pointer, error.message);
        self.find(verdict, Finding { message, ..finding });
        false
    }

    /// Answers a CALL of the SUT with what the harness itself has made.
    pub(crate) fn reply(&mut self, call: &Call, payload: Value) {
        self.reply_made_of(call, payload, &Template::literal(Value::Null));
    }

    /// Answers a CALL of the SUT with what a template of the test case has made.
    pub(crate) fn reply_made_of(&mut self, call: &Call, payload: Value, template: &Template) {
        if self.flaw(&call.action, false, &payload).is_some() {
            // An answer says again what was asked: where that is wrong itself, the SUT has been told so.
            if self.flaw(&call.action, true, &call.payload).is_none() {
                self.is_sound(&call.action, false, &payload, template, Finding::new("reply", String::new()));
            }
            self.refuse(call.conn, &call.id, "InternalError", "no valid answer");
            return;
        }
        self.memory.session.replied(call, &payload);
        let text = Frame::CallResult { id: call.id.clone(), payload }.to_text();
        if self.setup.protocol.wire.refuses_results() && self.responses.len() < MAX_KEPT {
            self.responses.insert((call.conn, call.id.clone()), (call.action.clone(), shorten(&text, 1000)));
        }
        self.link_command(LinkCommand::Send(call.conn, text));
    }

    /// Refuses a CALL of the SUT.
    pub(crate) fn refuse(&mut self, conn: ConnId, id: &str, code: &str, description: &str) {
        let frame = Frame::CallError {
            id: id.to_owned(),
            code: code.to_owned(),
            description: shorten(description, 255),
            details: Value::Object(Map::new()),
        };
        self.link_command(LinkCommand::Send(conn, frame.to_text()));
    }

    pub(crate) fn outcome(mut self) -> Outcome {
        let verdict = self.failures.first().map_or(Verdict::Pass, |failure| failure.verdict);
        let absent = self.is_absent();
        let (sound, prepared) = (self.failures.is_empty(), self.unprepared.is_none());
        self.memory.session.end(&self.setup.case.header.id, sound, prepared);
        self.memory.unanswered.extend(self.outstanding.into_keys().take(MAX_KEPT));
        Outcome {
            verdict,
            failures: self.failures,
            steps: self.steps,
            remarks: self.remarks,
            memory: self.memory,
            watched: self.watched,
            taken: self.taken,
            unprepared: self.unprepared,
            absent,
        }
    }

    /// The attempt to connect that failed last, with its reason.
    pub(crate) fn last_failed_attempt(&self) -> Option<(&Attempt, &AttemptFailure)> {
        self.attempts.iter().rev().find_map(|attempt| Some((attempt, attempt.outcome.as_ref().err()?)))
    }

    /// True where nobody is there, and nobody was.
    fn is_absent(&self) -> bool {
        let station = self.is_station_test();
        let answered = |attempt: &Attempt| match &attempt.outcome {
            // A proxy may be there without the CSMS.
            Err(AttemptFailure::UpgradeRefusedBySut(502..=504) | AttemptFailure::ClosedBeforeUpgrade) => station,
            Err(AttemptFailure::Unreachable(_) | AttemptFailure::TimedOut) => false,
            _ => true,
        };
        self.open.is_none() && self.messages == 0 && !self.attempts.iter().any(answered)
    }
}
