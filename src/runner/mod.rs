//! Runs a plan: one test case after the other, each driven against link, operator and services.

mod driver;
mod environment;
mod pause;

use std::sync::Arc;

use futures_util::FutureExt as _;
use globset::{Glob, GlobSet, GlobSetBuilder};
use serde_json::{Map, Value};
use tokio::sync::watch;

use crate::{
    bench::Bench,
    clock::Clock,
    operator::Operator,
    pics::{Answer, Pics, Profile},
    record::{PlanEntry, TraceEntry, TraceEvent},
    replay::Recording,
    testcase::{library::Library, model::TestCase, template::Names},
    verdict::{TestCaseResult, Verdict},
};

pub use environment::{Environment, simulated};

/// What happens while a plan is run.
#[derive(Debug, Clone)]
pub enum Event {
    /// A test case begins: its number of how many.
    Begins(usize, usize, String, String),
    /// A step is reached.
    Step(String, String),
    /// A test case is over.
    Ended(Box<TestCaseResult>),
}

/// What to run and how.
pub struct Plan<'p> {
    /// The PICS.
    pub pics: &'p Pics,
    /// The bench.
    pub bench: &'p Bench,
    /// The plan.
    pub entries: &'p [PlanEntry],
    /// The test cases.
    pub library: &'p Library,
    /// Only these.
    pub only: Option<GlobSet>,
    /// A simulated product instead of the bench's.
    pub simulated: bool,
    /// Keep what the engines are told.
    pub record: bool,
}

/// Patterns on test case ids.
pub fn globs(patterns: &[String]) -> Result<Option<GlobSet>, globset::Error> {
    if patterns.is_empty() {
        return Ok(None);
    }
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        set.add(Glob::new(pattern)?);
    }
    set.build().map(Some)
}

/// The reason of a test case without steps.
const NOT_IMPLEMENTED: &str = "its steps are not implemented yet";

/// What a run yields.
#[derive(Debug, Default)]
pub struct Yield {
    /// Per test case, in plan order.
    pub results: Vec<TestCaseResult>,
    /// Everything that happened.
    pub trace: Vec<TraceEntry>,
    /// True when it was interrupted.
    pub interrupted: bool,
    /// What the engines were told, where the plan asked for it.
    pub recordings: Vec<Recording>,
}

/// Runs the plan.
pub async fn run(
    plan: &Plan<'_>,
    operator: Option<Arc<dyn Operator>>,
    mut interrupt: watch::Receiver<bool>,
    clock: Clock,
    mut tell: impl FnMut(Event),
) -> Result<Yield, environment::EnvironmentError> {
    let chosen: Vec<&PlanEntry> = plan
        .entries
        .iter()
        .filter(|entry| entry.applicable && plan.only.as_ref().is_none_or(|only| only.is_match(&entry.id)))
        .collect();
    let mut result = Yield::default();
    let mut environment = None;
    for (index, entry) in chosen.iter().enumerate() {
        if *interrupt.borrow() {
            result.interrupted = true;
            break;
        }
        if let Some(operator) = &operator {
            pause::hold(operator.as_ref(), &mut environment, &interrupt, clock, &mut result.trace).await;
            if *interrupt.borrow() {
                result.interrupted = true;
                break;
            }
        }
        tell(Event::Begins(index + 1, chosen.len(), entry.id.clone(), entry.title.clone()));
        let Some(case) = plan.library.cases.get(&entry.id) else {
            let outcome = empty(entry, Verdict::NotImplemented, Some(NOT_IMPLEMENTED.into()), clock);
            tell(Event::Ended(Box::new(outcome.clone())));
            result.results.push(outcome);
            continue;
        };
        result.trace.push(note(clock, TraceEvent::TestCase { id: entry.id.clone() }, &entry.id));
        let variants = if case.variants.is_empty() { vec![Map::new()] } else { case.variants.clone() };
        let mut outcome: Option<TestCaseResult> = None;
        for variant in variants {
            // A simulated product is fresh for every test case; a real one is kept.
            if plan.simulated || environment.is_none() {
                let bench = if plan.simulated { fitting(plan, case) } else { plan.bench.clone() };
                let started = Environment::start(plan.pics, &bench, plan.simulated, operator.clone(), clock).await?;
                environment = Some(started);
            }
            let Some(environment) = &mut environment else { break };
            let job = driver::Job { entry, case, variant: &variant, library: plan.library, clock };
            let one = driver::drive(
                environment,
                job,
                &mut interrupt,
                &mut result.trace,
                &mut tell,
                plan.record.then_some(&mut result.recordings),
            )
            .await;
            outcome = Some(match outcome {
                None => one,
                Some(before) => worst(before, one, &variant),
            });
        }
        let Some(outcome) = outcome else { continue };
        result.trace.push(note(
            clock,
            TraceEvent::Verdict { id: entry.id.clone(), verdict: outcome.verdict },
            &entry.id,
        ));
        tell(Event::Ended(Box::new(outcome.clone())));
        result.results.push(outcome);
        // A product that has not appeared for the first test case will not for the hundredth.
        let opened = |entry: &TraceEntry| matches!(entry.what, TraceEvent::Opened { .. });
        if !plan.simulated && !result.interrupted && !result.trace.iter().any(opened) {
            for entry in &chosen[index + 1..] {
                let (verdict, reason) = if plan.library.cases.contains_key(&entry.id) {
                    (Verdict::Inconclusive, "not run, for the product never connected")
                } else {
                    (Verdict::NotImplemented, NOT_IMPLEMENTED)
                };
                result.results.push(empty(entry, verdict, Some(reason.into()), clock));
            }
            break;
        }
    }
    if let Some(operator) = &operator {
        late_remarks(operator.as_ref(), &mut result, clock);
    }
    Ok(result)
}

/// What the operator noted about test cases that were over by then.
fn late_remarks(operator: &dyn Operator, result: &mut Yield, clock: Clock) {
    for case in &mut result.results {
        for text in operator.remarks(&case.id).now_or_never().unwrap_or_default() {
            case.remarks.push(operators(&text));
            result.trace.push(note(clock, TraceEvent::Remark { text }, &case.id));
        }
    }
}

/// A remark of the operator among the others.
fn operators(text: &str) -> String {
    format!("operator: {text}")
}

/// The simulated bench sets up the security profile that a test case needs, as a lab would.
fn fitting(plan: &Plan<'_>, case: &TestCase) -> Bench {
    let mut supported = vec![plan.bench.security_profile, 2];
    if plan.pics.is_yes("C-61") {
        supported.push(1);
    }
    if plan.pics.has_profile(Profile::AdvancedSecurity) {
        supported.push(3);
    }
    let fits = |profile: &u8| {
        let mut names = Names::default();
        names.insert("bench".into(), Value::Object(plan.bench.values.clone()));
        names.insert("pics".into(), pics_names(plan.pics));
        names.insert("security_profile".into(), (*profile).into());
        // A need that rests on more than this is judged when the test case begins.
        case.needs.iter().all(|need| need.condition.holds(&names) != Ok(false))
    };
    let mut bench = plan.bench.clone();
    if let Some(profile) = supported.into_iter().find(fits) {
        bench.security_profile = profile;
    }
    bench
}

fn note(clock: Clock, what: TraceEvent, id: &str) -> TraceEntry {
    TraceEntry { at: clock.now(), test_case: Some(id.to_owned()), station: None, conn: None, what }
}

fn empty(entry: &PlanEntry, verdict: Verdict, reason: Option<String>, clock: Clock) -> TestCaseResult {
    TestCaseResult {
        id: entry.id.clone(),
        title: entry.title.clone(),
        profiles: entry.profiles.clone(),
        requirements: entry.requirements.clone(),
        verdict,
        reason,
        duration_s: 0.0,
        started_s: clock.now().seconds(),
        failures: Vec::new(),
        steps: Vec::new(),
        remarks: Vec::new(),
    }
}

/// Two variants of a test case in one result: the worst verdict counts.
fn worst(mut before: TestCaseResult, mut other: TestCaseResult, variant: &Map<String, Value>) -> TestCaseResult {
    let named = Value::Object(variant.clone()).to_string();
    for failure in &mut other.failures {
        failure.message = format!("{} (variant {named})", failure.message);
    }
    if other.verdict > before.verdict {
        before.verdict = other.verdict;
        before.reason = other.reason.map(|reason| format!("{reason} (variant {named})"));
    }
    before.duration_s += other.duration_s;
    before.failures.extend(other.failures);
    before.failures.sort_by_key(|failure| std::cmp::Reverse(failure.verdict));
    before.steps.extend(other.steps);
    before.remarks.extend(other.remarks);
    before
}

/// The PICS as expressions see it.
pub(crate) fn pics_names(pics: &Pics) -> Value {
    let mut names = Map::new();
    let mut tested = Map::new();
    for (id, answer) in [&pics.hardware, &pics.features, &pics.questions, &pics.settings].into_iter().flatten() {
        let value = match answer {
            Answer::Bool(value) => Value::Bool(*value),
            Answer::Number(number) => (*number).into(),
            Answer::Text(text) => text.clone().into(),
            Answer::List(words) => words.clone().into(),
            Answer::Measurands { supported, tested: which } => {
                tested.insert(id.clone(), which.clone().into());
                supported.clone().into()
            }
        };
        names.insert(id.clone(), value);
    }
    names.insert("tested".into(), Value::Object(tested));
    names.insert("baseline".into(), serde_json::to_value(pics.baseline).unwrap_or_default());
    names.insert("profiles".into(), pics.profiles.iter().map(|profile| profile.id()).collect());
    let evses = pics.evses.iter().map(|evse| {
        serde_json::json!({
            "id": evse.id,
            "connectors": evse.connectors.iter().map(|connector| connector.id).collect::<Vec<_>>(),
            "cables": evse.connectors.iter().map(|connector| connector.cable.as_str()).collect::<Vec<_>>(),
        })
    });
    names.insert("evses".into(), evses.collect());
    names.insert("baseline".into(), serde_json::to_value(pics.baseline).unwrap_or_default());
    Value::Object(names)
}
