//! Drives one test case: link events, answers and the clock go into the engine, its effects come out.

use std::{collections::HashMap, pin::Pin, sync::Arc};

use serde_json::{Map, Value};
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
};

use super::{Event, environment::Environment, event_log::Voice, secrets::Secrets};
use crate::{
    clock::{Clock, Stamp},
    engine::{Effect, Engine, Input, Setup, Watched},
    link::{LinkEvent, Secret},
    manual_action::ActionOutcome,
    protocol::{Protocol, frame::Frame},
    record::{Direction, PlanEntry, TraceEvent},
    replay::{Found, Recording},
    testcase::{library::Library, model::TestCase, template::Names},
    verdict::{Failure, TestCaseResult},
};

/// What to drive.
pub(super) struct Job<'j> {
    pub(super) entry: &'j PlanEntry,
    pub(super) case: &'j Arc<TestCase>,
    pub(super) variant: &'j Map<String, Value>,
    pub(super) library: &'j Library,
    pub(super) clock: Clock,
}

/// A test case that takes longer than this is cut off, seconds.
const LIMIT: f64 = 4.0 * 3600.0;
/// How long a manual action may take where the bench does not say, seconds.
const PATIENCE: f64 = 600.0;

/// A manual action that nobody does in its time is not done.
async fn in_time(seconds: f64, acting: impl Future<Output = ActionOutcome>) -> ActionOutcome {
    let limit = std::time::Duration::try_from_secs_f64(seconds).unwrap_or(std::time::Duration::MAX);
    tokio::time::timeout(limit, acting)
        .await
        .unwrap_or_else(|_| ActionOutcome::NotPossible(format!("it was not done within {seconds} s")))
}

/// What came of it.
pub(super) struct Driven {
    pub(super) result: TestCaseResult,
    /// What the engine was told, where that was asked for.
    pub(super) recording: Option<Recording>,
    /// A step was reached: the test case was not turned down for what the bench lacks.
    pub(super) begun: bool,
    /// Why the general preconditions were not reached, where they were not.
    pub(super) unprepared: Option<String>,
    /// Nobody was there.
    pub(super) absent: bool,
    /// What the test case has shown of how soon the product is silent.
    pub(super) watched: Watched,
}

/// The bench as a test case sees it: of its two EVSEs the one that the test case needs comes first, a fixed cable say.
/// The manual actions name the EVSE, so that a person is told.
fn at_fitting_evse(bench: &Value, pics: &Value, security_profile: u8, case: &TestCase) -> Value {
    let fits = |evse: &Value| {
        let mut names = Names::default();
        for (name, value) in [("bench", bench), ("pics", pics), ("evse", evse)] {
            names.insert(name, value.clone());
        }
        names.insert("security_profile", security_profile.into());
        // A need that rests on more than this is judged when the test case begins.
        case.needs.iter().all(|need| need.condition.holds(&names) != Ok(false))
    };
    let known =
        |evse: &Value| pics["evses"].as_array().is_some_and(|all| all.iter().any(|one| one["id"] == evse["id"]));
    let (first, second) = (&bench["evse"], &bench["evse_second"]);
    let mut bench = bench.clone();
    if known(second) && !fits(first) && fits(second) {
        (bench["evse"], bench["evse_second"]) = (second.clone(), first.clone());
    }
    bench
}

pub(super) async fn drive(
    environment: &mut Environment,
    job: Job<'_>,
    interrupt: &mut watch::Receiver<bool>,
    voice: &Voice<'_, '_>,
    record: bool,
) -> Driven {
    let clock = job.clock;
    let started = clock.now();
    let setup = Setup {
        protocol: environment.protocol,
        case: job.case.clone(),
        variant: job.variant.clone(),
        states: job.library.states.clone(),
        bench: at_fitting_evse(&environment.bench, &environment.pics, environment.memory.security_profile, job.case),
        pics: environment.pics.clone(),
        endpoints: environment.endpoints.clone(),
        identities: environment.identities.clone(),
        client: environment.client.clone(),
        client_identities: environment.client_identities.clone(),
        memory: environment.memory.clone(),
    };
    let mut begun = false;
    let mut recording = Recording::begin(job.entry.id.clone(), setup.clone(), started, environment.secrets.known());
    let mut engine = Engine::new(setup, started);
    let (answers, mut answered) = mpsc::unbounded_channel::<Input>();
    let mut asked: HashMap<u32, String> = HashMap::new();
    // What is still being done when the test case is over is called off with it.
    let mut acting = JoinSet::new();
    let patience = environment.bench["manual_action_timeout"].as_f64().unwrap_or(PATIENCE);
    let operator = environment.operator.clone();
    let mut noted = Vec::new();
    let mut uploads = Vec::new();
    // Transfers of our station that came to nothing.
    let mut transfers = Vec::new();
    let mut link_failed = false;
    environment.files.test_case.clone_from(&job.entry.id);
    loop {
        let arrived = environment.files.collect(Some(&job.entry.id));
        uploads.extend(arrived.into_iter().map(|upload| voice.uploaded(upload)));
        for effect in engine.effects() {
            recording.wanted(&effect);
            match effect {
                Effect::Link(command) => environment.link.send(command),
                Effect::Operator(id, action) => {
                    let parameters = environment.secrets.redact_members(&action.parameters);
                    let name = action.action.clone();
                    asked.insert(id, name.clone());
                    voice.note(TraceEvent::Operator { action: name, parameters });
                    let (operator, answers) = (environment.operator.clone(), answers.clone());
                    acting.spawn(async move {
                        let outcome = in_time(patience, operator.perform(action)).await;
                        let _ = answers.send(Input::OperatorDone(id, outcome));
                    });
                }
                Effect::Service(id, request) => {
                    let service = request.name.to_owned();
                    if let Some(transfer) = environment.files.transfer(&request.service) {
                        asked.insert(id, service);
                        let answers = answers.clone();
                        acting.spawn(async move {
                            let _ = answers.send(Input::ServiceDone(id, transfer.await));
                        });
                        continue;
                    }
                    let result = environment.serve(&request.service);
                    let mut detail = result.clone().unwrap_or_else(Value::String);
                    // A private key is for the test case, not for the trace.
                    if let Some(key) = detail.as_object_mut().and_then(|members| members.remove("key")) {
                        if let Some(key) = key.as_str().map(Secret::new) {
                            recording.learnt(&key);
                            environment.secrets.add([key]);
                        }
                    }
                    let detail = environment.secrets.redact_value(&detail);
                    voice.note(TraceEvent::Service { service, detail });
                    let _ = answers.send(Input::ServiceDone(id, result));
                }
                Effect::Step(step) => {
                    begun = true;
                    voice.tell(Event::Step(job.entry.id.clone(), step.clone()));
                    voice.note(TraceEvent::Step { step });
                }
                Effect::Secret(secret) => environment.secrets.add([secret]),
            }
        }
        if engine.finished() {
            break;
        }
        if clock.now().seconds_since(&started) > LIMIT {
            feed(&mut engine, &mut recording, clock.now(), Input::Interrupt);
            continue;
        }
        let wake: Pin<Box<dyn Future<Output = ()> + Send>> = match engine.deadline() {
            Some(at) => Box::pin(tokio::time::sleep_until(clock.instant(at))),
            None => Box::pin(tokio::time::sleep(std::time::Duration::from_hours(1))),
        };
        let next = tokio::select! {
            biased;
            event = environment.link.next() => Next::Link(event),
            Some(answer) = answered.recv() => Next::Answer(answer),
            remarks = operator.remarks(&job.entry.id) => Next::Remarks(remarks),
            () = wake => Next::Wake,
            changed = interrupt.changed() => Next::Interrupt(changed.is_err() || *interrupt.borrow()),
        };
        if !matches!(next, Next::Link(_)) {
            // What happened on the link before this comes before it.
            for _ in 0..environment.link.settle().await {
                let Some((at, event)) = environment.link.try_next() else { break };
                hear(environment, voice, &mut engine, &mut recording, at, event);
                if engine.finished() {
                    break;
                }
            }
            if engine.finished() {
                continue;
            }
        }
        match next {
            Next::Link(Some((at, event))) => hear(environment, voice, &mut engine, &mut recording, at, event),
            Next::Link(None) => {
                link_failed = true;
                feed(&mut engine, &mut recording, clock.now(), Input::Interrupt);
            }
            Next::Answer(answer) => {
                if let Input::OperatorDone(id, outcome) = &answer {
                    let action = asked.remove(id).unwrap_or_default();
                    let outcome = environment.secrets.redact(&format!("{outcome:?}"));
                    let what = TraceEvent::OperatorDone { action, outcome };
                    voice.note(what);
                }
                if let Input::ServiceDone(id, Ok(detail)) = &answer {
                    if let Some(service) = asked.remove(id) {
                        let detail = environment.secrets.redact_value(detail);
                        transfers.extend(detail["failed"].as_str().map(str::to_owned));
                        voice.note(TraceEvent::Service { service, detail });
                    }
                }
                feed(&mut engine, &mut recording, clock.now(), answer);
            }
            Next::Remarks(remarks) => {
                for text in remarks {
                    let text = environment.secrets.redact(&text);
                    voice.note(TraceEvent::Remark { text: text.clone() });
                    noted.push(text);
                }
            }
            Next::Wake => feed(&mut engine, &mut recording, clock.now(), Input::Tick),
            Next::Interrupt(true) => feed(&mut engine, &mut recording, clock.now(), Input::Interrupt),
            Next::Interrupt(false) => {}
        }
    }
    let mut outcome = engine.outcome();
    environment.memory = outcome.memory;
    if link_failed {
        outcome
            .remarks
            .push("the link of ocpp-attest itself failed (its error is on standard error); please report it".into());
    }
    outcome.remarks.extend(transfers);
    outcome.remarks.extend(environment.faults.happened());
    outcome.remarks.extend(noted.iter().map(|text| super::operators(text)));
    for remark in outcome.remarks.iter_mut().chain(&mut outcome.unprepared) {
        *remark = environment.secrets.redact(remark);
    }
    for failure in &mut outcome.failures {
        failure.message = environment.secrets.redact_shortened(&failure.message);
        for text in
            [&mut failure.frame, &mut failure.request, &mut failure.found, &mut failure.expected].into_iter().flatten()
        {
            *text = environment.secrets.redact_shortened(text);
        }
        for place in &mut failure.further {
            for text in
                [Some(&mut place.expected), Some(&mut place.found), place.message.as_mut()].into_iter().flatten()
            {
                *text = environment.secrets.redact_shortened(text);
            }
        }
    }
    recording.found =
        Some(Found { verdict: outcome.verdict, failures: outcome.failures.clone(), steps: outcome.steps.clone() });
    let recording = Arc::new(recording);
    voice.tell(Event::Recorded(recording.clone()));
    let reason = outcome.failures.first().map(Failure::in_a_line);
    let result = TestCaseResult {
        id: job.entry.id.clone(),
        title: job.entry.title.clone(),
        block: job.entry.block.clone(),
        profiles: job.entry.profiles.clone(),
        requirements: job.entry.requirements.clone(),
        verdict: outcome.verdict,
        reason,
        duration_s: clock.now().seconds_since(&started),
        started_s: started.seconds(),
        failures: outcome.failures,
        steps: outcome.steps,
        attempts: Vec::new(),
        remarks: outcome.remarks,
        uploads,
    };
    let recording = record.then(|| Arc::unwrap_or_clone(recording));
    let (unprepared, absent, watched) = (outcome.unprepared, outcome.absent, outcome.watched);
    Driven { result, recording, begun, unprepared, absent, watched }
}

/// What the driver waits for.
enum Next {
    /// Something on the link; `None`: the link is gone.
    Link(Option<(Stamp, LinkEvent)>),
    /// Operator or service.
    Answer(Input),
    /// Of the operator.
    Remarks(Vec<String>),
    /// The engine's deadline.
    Wake,
    /// The user; false: not any more.
    Interrupt(bool),
}

/// Something happened on the link.
fn hear(
    environment: &mut Environment,
    voice: &Voice<'_, '_>,
    engine: &mut Engine,
    recording: &mut Recording,
    at: Stamp,
    event: LinkEvent,
) {
    let passwords = passwords_in(environment.protocol, &event);
    for password in &passwords {
        recording.learnt(password);
    }
    environment.secrets.add(passwords);
    note_link(voice, at, &event, &environment.secrets);
    feed(engine, recording, at, Input::Link(event));
}

/// Tells the engine, and keeps what it was told.
fn feed(engine: &mut Engine, recording: &mut Recording, at: Stamp, input: Input) {
    recording.told(at, &input);
    engine.handle(at, input);
}

fn note_link(voice: &Voice<'_, '_>, at: Stamp, event: &LinkEvent, secrets: &Secrets) {
    let (conn, what) = match event {
        LinkEvent::Text { conn, text } => {
            (conn, TraceEvent::Frame { direction: Direction::FromSut, text: secrets.redact(text) })
        }
        LinkEvent::Sent { conn, text } => {
            (conn, TraceEvent::Frame { direction: Direction::ToSut, text: secrets.redact(text) })
        }
        LinkEvent::Garbage { conn, what } => (conn, TraceEvent::Garbage { what: secrets.redact(what) }),
        LinkEvent::Ping { conn, pong } => (conn, TraceEvent::Ping { pong: *pong }),
        LinkEvent::Opened { conn, endpoint, request, subprotocol } => (
            conn,
            TraceEvent::Opened {
                endpoint: endpoint.0,
                path: request.path.clone(),
                user: request.user.clone(),
                subprotocol: subprotocol.clone(),
                tls: request.tls.clone(),
            },
        ),
        LinkEvent::AttemptFailed { conn, endpoint, failure, hello, head, .. } => {
            let (failure, hello, head) = (failure.clone(), hello.clone(), head.clone());
            (conn, TraceEvent::AttemptFailed { endpoint: endpoint.0, failure, hello, head })
        }
        LinkEvent::Closed { conn, code, by } => (conn, TraceEvent::Closed { code: *code, by: *by }),
    };
    voice.at(at, Some(conn.0), what);
}

/// Passwords that a CSMS under test sets at our station, and those in the URLs that it sends us to.
fn passwords_in(protocol: &Protocol, event: &LinkEvent) -> Vec<Secret> {
    let LinkEvent::Text { text, .. } = event else { return Vec::new() };
    let mut secrets = Vec::new();
    for rest in text.split("://").skip(1) {
        let authority = rest.split(['/', '"', '\\', '?', '#']).next().unwrap_or_default();
        let password =
            authority.rsplit_once('@').and_then(|(login, _)| login.split_once(':')).map(|(_, password)| password);
        secrets.extend(password.map(Secret::new));
    }
    if text.contains("BasicAuthPassword") || text.to_ascii_lowercase().contains("authorizationkey") {
        if let Ok(Frame::Call { payload, .. }) = Frame::read_back(text) {
            secrets.extend(protocol.semantics.secrets(&payload));
        }
    }
    secrets
}
