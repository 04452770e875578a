//! Judges again what is kept of a run: exactly as it was, or against other test cases.
//!
//! Exactly: the engine is told the same at the same times, and must want the same done after each of it.
//!
//! Against other test cases: what the SUT said stays what it said, so it only tells something as long as the harness
//! would have done the same. Numbers that the engine hands out (message ids, request ids) may differ; what the SUT said
//! with them is renumbered. At the first thing that the harness would do otherwise the rest is untold.

use std::collections::{HashMap, VecDeque};

use serde_json::Value;

use super::{
    format::{Did, Told},
    recording::{MAX_TICKS, later},
    redaction::{map_text, uncover},
    store::Kept,
};
use crate::{
    clock::Stamp,
    engine::{Effect, Engine, Input},
    link::{LinkEvent, Secret},
    protocol::frame::Frame,
    testcase::library::Library,
    verdict::{Failure, StepRecord, Verdict},
    yaml::shorten,
};

/// What came of judging again.
#[derive(Debug, Clone)]
pub struct Again {
    /// The verdict; inconclusive where the rest is untold.
    pub verdict: Verdict,
    /// The findings, the deciding one first.
    pub failures: Vec<Failure>,
    /// Where it went another way.
    pub divergence: Option<Divergence>,
}

/// The first thing that is not as it was.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Divergence {
    /// The step under way.
    pub step: String,
    /// When, seconds of the run.
    pub at_s: f64,
    /// What was recorded.
    pub expected: String,
    /// What it is now.
    pub found: String,
}

/// Times of steps are written as decimal fractions.
const SAME_S: f64 = 1e-6;
/// How much earlier than it did the harness may do a thing when it is judged against other test cases, nanoseconds.
const EARLIER_NS: u64 = 1_000_000_000;

/// One engine at work on a recording.
struct Session<'k> {
    kept: &'k Kept,
    engine: Engine,
    /// What the engine has called a secret, in order.
    told: Vec<Secret>,
    step: String,
    now: Stamp,
}

impl<'k> Session<'k> {
    fn new(kept: &'k Kept, library: &Library) -> Option<Self> {
        let now = kept.begins.at;
        let engine = Engine::new(kept.begins.setup(library)?, now);
        Some(Self { kept, engine, told: Vec::new(), step: String::new(), now })
    }

    /// What the engine wants done now.
    fn wants(&mut self) -> Vec<Did> {
        let mut all = Vec::new();
        for effect in self.engine.effects() {
            match &effect {
                Effect::Step(step) => self.step.clone_from(step),
                Effect::Secret(secret) => self.told.push(secret.clone()),
                _ => {}
            }
            all.extend(Did::of(&effect, &str::to_owned, &Value::clone));
        }
        all
    }

    fn plain(&self, text: &str) -> String {
        uncover(text, &self.kept.begins.nonce, &self.told)
    }

    fn plain_value(&self, value: &Value) -> Value {
        map_text(value, &|text| self.plain(text))
    }

    fn input(&self, told: &Told) -> Input {
        told.restored(&|text| self.plain(text), &|value| self.plain_value(value))
    }

    fn recorded(&self, did: &Did) -> Did {
        did.with(&|text| self.plain(text), &|value| self.plain_value(value))
    }

    fn diverges(&self, expected: impl Into<String>, found: impl Into<String>) -> Divergence {
        let waiting = self.engine.waiting_for();
        let step = if self.step.is_empty() { waiting } else { self.step.clone() };
        Divergence { step, at_s: self.now.seconds(), expected: expected.into(), found: found.into() }
    }

    /// The recorded verdict is reached again, or where it is not.
    fn over(self, divergence: Option<Divergence>) -> Again {
        let outcome = self.engine.outcome();
        Again { verdict: outcome.verdict, failures: outcome.failures, divergence }
    }
}

/// True where the library's test case, or a state that it may run, is not what was run.
pub fn changed(kept: &Kept, library: &Library) -> bool {
    kept.begins.setup(library).is_none_or(|setup| kept.is_of_other_sources(&setup))
}

/// Judges exactly what was, with the test cases that it was judged by. `None` where they are not in the library.
pub fn exactly(kept: &Kept, library: &Library) -> Option<Again> {
    let mut session = Session::new(kept, library)?;
    let mut done = kept.effects.iter().peekable();
    let mut told = 0;
    loop {
        for wanted in session.wants() {
            let recorded = done.next_if(|(after, _)| *after == told).map(|(_, did)| session.recorded(did));
            if recorded.as_ref() != Some(&wanted) {
                let expected = recorded.map_or_else(|| "nothing".to_owned(), |did| did.words());
                let divergence = session.diverges(expected, wanted.words());
                return Some(session.over(Some(divergence)));
            }
        }
        if let Some((_, did)) = done.next_if(|(after, _)| *after <= told) {
            let divergence = session.diverges(session.recorded(did).words(), "nothing");
            return Some(session.over(Some(divergence)));
        }
        let Some((at, what)) = kept.inputs.get(told) else { break };
        if session.engine.finished() {
            let divergence = session.diverges("the test case goes on", "it is over");
            return Some(session.over(Some(divergence)));
        }
        session.now = later(kept.begins.at, *at);
        let input = session.input(what);
        session.engine.handle(session.now, input);
        told += 1;
    }
    let Some(ended) = &kept.ended else {
        let divergence = session.diverges("a verdict", "the recording ends too early");
        return Some(session.over(Some(divergence)));
    };
    if !session.engine.finished() {
        let found = format!("it waits for {}", session.engine.waiting_for());
        let divergence = session.diverges("the test case is over", found);
        return Some(session.over(Some(divergence)));
    }
    let at_s = session.now.seconds();
    let outcome = session.engine.outcome();
    let divergence = differing_step(&ended.steps, &outcome.steps).or_else(|| {
        let said = |verdict: Verdict, failures: &[Failure]| match failures.first() {
            Some(failure) => format!("{verdict}: {} at {}", failure.message, failure.step),
            None => verdict.to_string(),
        };
        // Another version may word the same finding differently; that is no difference in what was judged.
        let decided = |verdict: Verdict, failures: &[Failure]| {
            (verdict, failures.first().map(|failure| (failure.step.clone(), failure.pointer.clone())))
        };
        let (was, is) = (said(ended.verdict, &ended.failures), said(outcome.verdict, &outcome.failures));
        let differs = decided(ended.verdict, &ended.failures) != decided(outcome.verdict, &outcome.failures);
        let step = outcome.failures.first().or(ended.failures.first()).map(|failure| failure.step.clone());
        differs.then(|| Divergence {
            step: step.unwrap_or_else(|| "the verdict".into()),
            at_s,
            expected: was,
            found: is,
        })
    });
    Some(Again { verdict: outcome.verdict, failures: outcome.failures, divergence })
}

/// The first step that went another way.
fn differing_step(recorded: &[StepRecord], again: &[StepRecord]) -> Option<Divergence> {
    let words = |step: &StepRecord| {
        format!("{} {}: {} from {:.6} s to {:.6} s", step.phase, step.step, step.outcome, step.started_s, step.ended_s)
    };
    let same = |one: &StepRecord, other: &StepRecord| {
        one.phase == other.phase
            && one.step == other.step
            && one.outcome == other.outcome
            && (one.started_s - other.started_s).abs() < SAME_S
            && (one.ended_s - other.ended_s).abs() < SAME_S
    };
    let length = recorded.len().max(again.len());
    let index = (0..length).find(|index| match (recorded.get(*index), again.get(*index)) {
        (Some(one), Some(other)) => !same(one, other),
        _ => true,
    })?;
    let (was, is) = (recorded.get(index), again.get(index));
    let shown = is.or(was)?;
    let said = |step: Option<&StepRecord>| step.map_or_else(|| "no such step".to_owned(), words);
    Some(Divergence { step: shown.step.clone(), at_s: shown.started_s, expected: said(was), found: said(is) })
}

/// Numbers that the engine hands out otherwise than it did.
#[derive(Default)]
struct Numbers {
    messages: HashMap<String, String>,
    requests: HashMap<i64, i64>,
    answers: HashMap<u32, u32>,
    frames: HashMap<String, VecDeque<String>>,
}

/// Members of payloads that hold a number of ours.
const NUMBERED: [&str; 2] = ["requestId", "remoteStartId"];

impl Numbers {
    /// True when the engine wants what it wanted then, but for numbers and times; learns the numbers.
    fn same(&mut self, recorded: &Did, wanted: &Did) -> bool {
        match (recorded, wanted) {
            (Did::Send { conn, text: was }, Did::Send { conn: now_on, text: is }) => {
                let same = conn == now_on && self.same_frame(was, is);
                if same {
                    self.frames.entry(was.clone()).or_default().push_back(is.clone());
                }
                same
            }
            (
                Did::Operator { id: old, action, parameters },
                Did::Operator { id: new, action: wanted, parameters: with },
            ) => {
                let like = |members: &serde_json::Map<String, Value>| Value::Object(members.clone());
                let same = action == wanted && self.same_value(&like(parameters), &like(with));
                self.answers.insert(*old, *new);
                same
            }
            (Did::Service { id: old, service, with }, Did::Service { id: new, service: wanted, with: now_with }) => {
                let same = service == wanted && self.same_value(with, now_with);
                self.answers.insert(*old, *new);
                same
            }
            (was, is) => was == is,
        }
    }

    fn same_frame(&mut self, was: &str, is: &str) -> bool {
        match (Frame::read_back(was), Frame::read_back(is)) {
            (
                Ok(Frame::Call { id: old, action, payload }),
                Ok(Frame::Call { id: new, action: wanted, payload: now_with }),
            ) => {
                let same = action == wanted && self.same_value(&payload, &now_with);
                self.messages.insert(old, new);
                same
            }
            (Ok(Frame::CallResult { id, payload }), Ok(Frame::CallResult { id: to, payload: now_with })) => {
                id == to && self.same_value(&payload, &now_with)
            }
            (Ok(Frame::CallError { id, code, .. }), Ok(Frame::CallError { id: to, code: now_with, .. })) => {
                id == to && code == now_with
            }
            (Ok(Frame::Send { action, payload, .. }), Ok(Frame::Send { action: wanted, payload: now_with, .. })) => {
                action == wanted && self.same_value(&payload, &now_with)
            }
            _ => was == is,
        }
    }

    fn same_value(&mut self, was: &Value, is: &Value) -> bool {
        let time = |value: &Value| value.as_str().is_some_and(|text| text.parse::<jiff::Timestamp>().is_ok());
        match (was, is) {
            (Value::Object(was), Value::Object(is)) => {
                was.len() == is.len()
                    && was.iter().all(|(name, value)| {
                        let Some(other) = is.get(name) else { return false };
                        if let (true, Some(old), Some(new)) =
                            (NUMBERED.contains(&name.as_str()), value.as_i64(), other.as_i64())
                        {
                            self.requests.insert(old, new);
                            return true;
                        }
                        self.same_value(value, other)
                    })
            }
            (Value::Array(was), Value::Array(is)) => {
                was.len() == is.len() && was.iter().zip(is).all(|(was, is)| self.same_value(was, is))
            }
            (was, is) => was == is || (time(was) && time(is)),
        }
    }

    /// What the SUT said, with the numbers that it would have been given.
    fn renumbered(&mut self, input: Input) -> Option<Input> {
        Some(match input {
            Input::OperatorDone(id, outcome) => Input::OperatorDone(*self.answers.get(&id)?, outcome),
            Input::ServiceDone(id, answer) => Input::ServiceDone(*self.answers.get(&id)?, answer),
            Input::Link(LinkEvent::Sent { conn, text }) => {
                let text = self.frames.get_mut(&text).and_then(VecDeque::pop_front)?;
                Input::Link(LinkEvent::Sent { conn, text })
            }
            Input::Link(LinkEvent::Text { conn, text }) => {
                Input::Link(LinkEvent::Text { conn, text: self.renumbered_frame(text) })
            }
            other => other,
        })
    }

    fn renumbered_frame(&self, text: String) -> String {
        let requests = self.requests.iter().any(|(old, new)| old != new);
        let number = |value: Value| if requests { self.renumbered_value(value) } else { value };
        match Frame::read_back(&text) {
            Ok(Frame::CallResult { id, payload }) => match self.messages.get(&id) {
                Some(new) if *new != id => Frame::CallResult { id: new.clone(), payload }.to_text(),
                _ => text,
            },
            Ok(Frame::CallError { id, code, description, details }) => match self.messages.get(&id) {
                Some(new) if *new != id => Frame::CallError { id: new.clone(), code, description, details }.to_text(),
                _ => text,
            },
            Ok(Frame::Call { id, action, payload }) if requests => {
                Frame::Call { id, action, payload: number(payload) }.to_text()
            }
            Ok(Frame::Send { id, action, payload }) if requests => {
                Frame::Send { id, action, payload: number(payload) }.to_text()
            }
            _ => text,
        }
    }

    fn renumbered_value(&self, value: Value) -> Value {
        match value {
            Value::Object(members) => Value::Object(
                members
                    .into_iter()
                    .map(|(name, value)| {
                        let ours = NUMBERED.contains(&name.as_str());
                        let new = value.as_i64().filter(|_| ours).and_then(|old| self.requests.get(&old));
                        let value = new.map_or_else(|| self.renumbered_value(value), |new| (*new).into());
                        (name, value)
                    })
                    .collect(),
            ),
            Value::Array(items) => items.into_iter().map(|item| self.renumbered_value(item)).collect(),
            other => other,
        }
    }
}

/// Judges what was by other test cases. `None` where the library has none of that name.
pub fn against(kept: &Kept, library: &Library) -> Option<Again> {
    let mut session = Session::new(kept, library)?;
    let mut numbers = Numbers::default();
    // What was done and is not wanted yet.
    let mut done = kept.effects.iter().collect::<VecDeque<_>>();
    let mut result = compared(&mut session, &mut done, &mut numbers);
    for (told, (at, what)) in kept.inputs.iter().enumerate() {
        if result.is_err() || session.engine.finished() {
            break;
        }
        result = passing(&mut session, *at, &mut done, &mut numbers);
        if result.is_err() || session.engine.finished() {
            break;
        }
        if let Some((_, did)) = done.front().filter(|(after, _)| *after <= told) {
            result = Err(session.diverges(session.recorded(did).words(), "not that, or only later"));
            break;
        }
        session.now = later(kept.begins.at, *at);
        let input = session.input(what);
        let said = words(&input);
        let Some(input) = numbers.renumbered(input) else {
            result = Err(session.diverges(said, "nothing that it belongs to"));
            break;
        };
        session.engine.handle(session.now, input);
        result = compared(&mut session, &mut done, &mut numbers);
    }
    if result.is_ok() && !session.engine.finished() {
        let found = format!("it waits for {}", session.engine.waiting_for());
        result = Err(session.diverges("the recording ends here", found));
    }
    // What was found before the ways parted stands; so does a pass when nothing is left but tidying up.
    let settled = session.engine.settled();
    let divergence = result.err();
    let mut again = session.over(divergence);
    if let (false, Some(divergence)) = (settled, &again.divergence) {
        again.verdict = Verdict::Inconclusive;
        let message =
            format!("the recording does not decide it: at {} the harness would now act differently", divergence.step);
        again.failures.insert(
            0,
            Failure {
                verdict: Verdict::Inconclusive,
                step: divergence.step.clone(),
                source: None,
                message,
                expected: Some(divergence.expected.clone()),
                found: Some(divergence.found.clone()),
                frame: None,
                request: None,
                pointer: None,
                requirements: Vec::new(),
                further: Vec::new(),
                waited_s: None,
                at_s: divergence.at_s,
            },
        );
    }
    Some(again)
}

/// Lets time pass up to an input; what comes of it is compared.
fn passing(
    session: &mut Session<'_>,
    until: u64,
    done: &mut VecDeque<&(usize, Did)>,
    numbers: &mut Numbers,
) -> Result<(), Divergence> {
    for _ in 0..MAX_TICKS {
        let due = session.engine.deadline().filter(|due| *due < until && !session.engine.finished());
        let Some(due) = due else { break };
        session.now = later(session.kept.begins.at, due.max(session.now.mono_ns));
        session.engine.handle(session.now, Input::Tick);
        compared(session, done, numbers)?;
    }
    Ok(())
}

/// What the engine wants now must be what was done then, in the same order.
fn compared(
    session: &mut Session<'_>,
    done: &mut VecDeque<&(usize, Did)>,
    numbers: &mut Numbers,
) -> Result<(), Divergence> {
    for wanted in session.wants() {
        let Some((after, did)) = done.front().copied() else {
            return Err(session.diverges("nothing more", wanted.words()));
        };
        let recorded = session.recorded(did);
        if !numbers.same(&recorded, &wanted) {
            return Err(session.diverges(recorded.words(), wanted.words()));
        }
        let then = after.checked_sub(1).and_then(|last| session.kept.inputs.get(last)).map(|(at, _)| *at);
        if then.is_some_and(|then| session.now.mono_ns.saturating_add(EARLIER_NS) < then) {
            let found = format!("the same at {:.3} s, so early that the answer may be another", session.now.seconds());
            return Err(session.diverges(recorded.words(), found));
        }
        done.pop_front();
    }
    Ok(())
}

fn words(input: &Input) -> String {
    match input {
        Input::Link(LinkEvent::Text { text, .. }) => format!("the SUT says {}", shorten(text, 300)),
        Input::Link(LinkEvent::Sent { text, .. }) => format!("the harness sends {}", shorten(text, 300)),
        Input::OperatorDone(_, outcome) => format!("the operator says {outcome:?}"),
        Input::ServiceDone(..) => "a service answers".into(),
        other => shorten(&format!("{other:?}"), 300),
    }
}
