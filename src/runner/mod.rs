//! Runs a plan: each test case driven against link, operator and services, one after the other or side by side.

mod certificates;
mod driver;
mod duration;
mod environment;
mod error;
mod event_log;
mod files;
mod guarded_logs;
mod log;
mod order;
mod outage;
mod pause;
mod pool;
mod retry;
mod scheduler;
mod secrets;
mod worker;

use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt as _;
use globset::{Glob, GlobSet, GlobSetBuilder};
use serde_json::{Map, Value};
use tokio::sync::watch;

use crate::{
    bench::Bench,
    clock::Clock,
    operator::Operator,
    pics::{Answer, Pics},
    record::{PlanEntry, TraceEntry, TraceEvent},
    replay::Recording,
    selection::choice,
    testcase::library::Library,
    verdict::TestCaseResult,
};

pub(crate) use certificates::key_kind;
pub use environment::{Environment, Product, simulated};
use event_log::EventLog;
pub use order::Seed;
use scheduler::Scheduler;

/// What happens while a plan is run.
#[derive(Debug, Clone)]
pub enum Event {
    /// A test case begins: its number of how many.
    Begins(usize, usize, String, String),
    /// A step is reached.
    Step(String, String),
    /// The SUT has uploaded a file: its place in the run folder, and its content.
    Uploaded(String, Bytes),
    /// Something happened that belongs into the trace.
    Trace(Box<TraceEntry>),
    /// A test case (a variant of it) is over: everything that its engine was told.
    Recorded(Arc<Recording>),
    /// A test case is over: nothing more of it comes into the trace but remarks of the operator.
    Ended(Box<TestCaseResult>),
    /// A test case could not be begun, and comes again when the run goes on.
    Postponed(Box<TestCaseResult>),
    /// Something concerns the run as a whole.
    Notice(String),
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
    /// What is tested. Of a simulated product each test case gets a new one, unless it lasts.
    pub product: Product,
    /// One simulated product for the whole run (for each security profile that its test cases need) instead of a fresh one for
    /// each test case.
    pub lasting: bool,
    /// The order in which test cases come; none: that of the plan.
    pub shuffle: Option<Seed>,
    /// Keep what the engines are told.
    pub record: bool,
    /// How many test cases may run side by side, each as a station of its own; 1 for a charging station.
    pub jobs: usize,
    /// What happens after a test case that did not pass.
    pub after_failure: AfterFailure<'p>,
}

/// What happens after a test case that did not pass.
#[derive(Clone, Copy, Default)]
pub struct AfterFailure<'p> {
    /// How many further attempts it gets.
    pub retries: u32,
    /// Whether nothing else is begun after it.
    pub last: Option<&'p dyn Fn(&TestCaseResult) -> bool>,
}

/// Patterns on test case ids, several in one text with commas between.
pub fn globs(patterns: &[String]) -> Result<Option<GlobSet>, globset::Error> {
    if patterns.is_empty() {
        return Ok(None);
    }
    let mut set = GlobSetBuilder::new();
    for pattern in patterns.iter().flat_map(|pattern| choice::split(pattern)) {
        set.add(Glob::new(&pattern)?);
    }
    set.build().map(Some)
}

/// What a run yields.
#[derive(Debug, Default)]
pub struct Yield {
    /// Per test case, in plan order.
    pub results: Vec<TestCaseResult>,
    /// True when it was interrupted, or stopped by its after_failure, before all was run.
    pub interrupted: bool,
    /// What the engines were told, where the plan asked for it.
    pub recordings: Vec<Recording>,
}

/// Runs the plan: side by side where it asks for that, each test case as one station. What it yields is in plan order.
pub async fn run(
    plan: &Plan<'_>,
    operator: Option<Arc<dyn Operator>>,
    interrupt: watch::Receiver<bool>,
    clock: Clock,
    mut tell: impl FnMut(Event),
) -> Result<Yield, error::EnvironmentError> {
    let chosen: Vec<&PlanEntry> = plan
        .entries
        .iter()
        .filter(|entry| entry.applicable && plan.only.as_ref().is_none_or(|only| only.is_match(&entry.id)))
        .collect();
    let log = EventLog::new(clock, &mut tell);
    if let Some(folder) = plan.bench.authority_to_be_made().filter(|_| !plan.product.is_simulated()) {
        let root = folder.join("root.pem");
        log.notice(&format!(
            "{} does not exist: a new certificate authority is made in {}. The product does not trust it until {} is installed there; \
             `ocpp-attest bench init` makes one beforehand",
            root.display(),
            folder.display(),
            root.display()
        ));
    }
    let scheduler = Scheduler::new(plan, &chosen, operator.clone(), interrupt, clock, &log);
    let (mut ended, early) = scheduler.play().await?;
    let interrupted = early || ended.len() < chosen.len();
    drop(scheduler);
    ended.sort_by_key(|ended| ended.index);
    let mut result = Yield { interrupted, ..Yield::default() };
    for ended in ended {
        result.results.push(ended.result);
        result.recordings.extend(ended.recordings);
    }
    if let Some(operator) = &operator {
        late_remarks(operator.as_ref(), &mut result, &log);
    }
    Ok(result)
}

/// What the operator noted about test cases that were over by then.
fn late_remarks(operator: &dyn Operator, result: &mut Yield, log: &EventLog<'_>) {
    for case in &mut result.results {
        for text in operator.remarks(&case.id).now_or_never().unwrap_or_default() {
            case.remarks.push(operators(&text));
            log.note(Some(case.id.clone()), None, TraceEvent::Remark { text });
        }
    }
}

/// A remark of the operator among the others.
fn operators(text: &str) -> String {
    format!("operator: {text}")
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
            "types": evse.connectors.iter().map(|connector| connector.kind.as_str()).collect::<Vec<_>>(),
            // None for DC.
            "phases": (evse.current == "AC").then(|| if evse.phases.contains('3') { 3 } else { 1 }),
            "cables": evse.connectors.iter().map(|connector| connector.cable.as_str()).collect::<Vec<_>>(),
        })
    });
    names.insert("evses".into(), evses.collect());
    names.insert("baseline".into(), serde_json::to_value(pics.baseline).unwrap_or_default());
    Value::Object(names)
}
