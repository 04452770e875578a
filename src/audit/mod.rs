//! Shows that no check is vacuous: a passing trace of each test case is changed as a faulty product would change it, and
//! judged again.
//!
//! What is changed is what was looked at: the engine tells which step took which message, and the step which places of it
//! it looks at. So the audit needs to know nothing of any test case.

mod conditions;
mod connections;
mod contents;
mod edit;
mod generate;
mod judge;
mod mutant;
mod nearness;
mod relevant;
mod rules;
mod sample;
mod subjects;
mod values;

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::Arc,
};

use serde::Serialize;
use serde_json::{Map, Value};

pub use mutant::Kind;

use crate::{
    bench::Bench,
    clock::Clock,
    engine::Outcome,
    parallel::in_parallel,
    pics::Pics,
    protocol::Version,
    record::PlanEntry,
    replay::Recording,
    runner::{self, Plan},
    selection,
    simulator::faults::Faults,
    testcase::{catalogue::Catalogue, library::Library},
    verdict::Verdict,
};

/// What became of a mutation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum Fate {
    /// The verdict is fail.
    Killed {
        /// Where that was found, seen from what was done otherwise.
        at: Concern,
        /// Where.
        step: String,
        /// What is said.
        message: String,
    },
    /// The verdict is inconclusive: what is needed before the main part did not come about.
    Undecided {
        /// Where.
        step: String,
        /// What is said.
        message: String,
    },
    /// It passes, and rightly so.
    Explained(String),
    /// It passes, or makes the harness err.
    Unexplained(String),
}

/// Whether a fault is found where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Concern {
    /// The finding is at the step concerned, or shows the message that was changed.
    Step,
    /// It is a breach of a rule that holds for every test.
    Rule,
    /// It is at another step, which went wrong because of it.
    Elsewhere,
}

/// One mutation.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Mutation {
    /// What kind.
    pub kind: Kind,
    /// The step that took the message.
    pub step: String,
    /// Its action, where it is one message that was changed.
    pub action: String,
    /// What was changed.
    pub what: String,
    /// What became of it.
    pub fate: Fate,
}

/// A check that no mutation was caught by.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Check {
    /// The step.
    pub step: String,
    /// Where it stands.
    pub source: String,
    /// The same, with the folder.
    #[serde(skip)]
    pub place: String,
    /// What it looks at.
    pub check: String,
    /// How many mutations were tried.
    pub mutations: usize,
    /// Why that is right; none: it is not explained.
    pub reason: Option<String>,
}

/// What came of one test case (a variant of it).
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Case {
    /// The test case.
    pub id: String,
    /// The product whose trace was taken.
    pub product: String,
    /// The variant.
    pub variant: Map<String, Value>,
    /// How many things it checks.
    pub checks: usize,
    /// All mutations.
    pub mutations: Vec<Mutation>,
    /// Checks that caught something: where they stand (with the folder), and what they look at.
    #[serde(skip)]
    pub caught: Vec<(String, String)>,
    /// Checks that survived everything.
    pub survivors: Vec<Check>,
}

impl Case {
    /// What is not explained, in words.
    pub fn unexplained(&self) -> Vec<String> {
        let checks = self.survivors.iter().filter(|check| check.reason.is_none()).map(|check| {
            format!("`{}` survives {} mutations at {} ({})", check.check, check.mutations, check.step, check.source)
        });
        let mutations = self.mutations.iter().filter_map(|mutation| match &mutation.fate {
            Fate::Unexplained(why) => {
                Some(format!("{:?} {}: {why}, at {}", mutation.kind, mutation.what, mutation.step).to_lowercase_first())
            }
            _ => None,
        });
        checks.chain(mutations).collect()
    }
}

trait LowercaseFirst {
    fn to_lowercase_first(&self) -> String;
}

impl LowercaseFirst for String {
    fn to_lowercase_first(&self) -> String {
        let mut chars = self.chars();
        chars.next().map(|first| first.to_lowercase().chain(chars).collect()).unwrap_or_default()
    }
}

/// What came of an audit.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Audit {
    /// In the order of their ids.
    pub cases: Vec<Case>,
    /// Test cases without a passing trace, with the reason.
    pub without: Vec<(String, String)>,
}

/// The test cases of a version of OCPP and side that are audited.
#[derive(Debug)]
pub struct Programme {
    /// All that there are, for the plan of a product.
    pub catalogue: Catalogue,
    /// Those of the side.
    pub library: Library,
}

impl Programme {
    fn is_of(&self, pics: &Pics) -> bool {
        self.library.sut == pics.sut && self.library.version == pics.ocpp
    }
}

/// One test case to audit, with the products that it applies to.
struct Job<'a> {
    id: String,
    programme: &'a Programme,
    products: Vec<usize>,
}

/// What is needed to run the test cases of a product.
struct Product<'a> {
    pics: &'a Pics,
    entries: Vec<PlanEntry>,
}

/// Audits the test cases that these products are tested by, each with the first that passes it, in so many threads.
pub fn audit(
    programmes: &[Programme],
    products: &[Pics],
    chosen: &(dyn Fn(&str) -> bool + Sync),
    jobs: usize,
) -> Audit {
    let plan = |pics| {
        let programme = programmes.iter().find(|programme| programme.is_of(pics));
        programme.map_or_else(Vec::new, |programme| selection::plan(pics, &programme.catalogue))
    };
    let products: Vec<Product<'_>> = products.iter().map(|pics| Product { pics, entries: plan(pics) }).collect();
    let mut queue: VecDeque<Job<'_>> = VecDeque::new();
    for programme in programmes {
        for id in programme.library.cases.iter().filter(|(_, case)| case.steps.is_some()).map(|(id, _)| id) {
            let applies = |product: &Product<'_>| {
                programme.is_of(product.pics) && product.entries.iter().any(|entry| entry.applicable && entry.id == *id)
            };
            let products: Vec<usize> = (0..products.len()).filter(|index| applies(&products[*index])).collect();
            if chosen(id) && !products.is_empty() {
                queue.push_back(Job { id: id.clone(), programme, products });
            }
        }
    }
    let traces = in_parallel(queue, jobs, |job| (job.id.clone(), passing(&job, &products)));
    let mut result = Audit::default();
    let mut seen = Seen::default();
    let mut work = VecDeque::new();
    for (id, found) in traces {
        match found {
            Err(reason) => result.without.push((id, reason)),
            Ok(found) => {
                for trace in found {
                    let shared = share(&trace, &mut seen);
                    work.push_back((trace, shared));
                }
            }
        }
    }
    result.cases = in_parallel(work, jobs, |(trace, leave)| judge::audit(&trace, &leave));
    caught_elsewhere(&mut result);
    result.cases.sort_by(|one, other| one.id.cmp(&other.id));
    result.without.sort();
    result
}

/// A check of a state, of a loop or of a variant stands in several places: it is not vacuous when it catches something in one.
fn caught_elsewhere(audit: &mut Audit) {
    let caught: HashSet<(String, String)> = audit.cases.iter().flat_map(|case| case.caught.iter().cloned()).collect();
    for check in audit.cases.iter_mut().flat_map(|case| &mut case.survivors).filter(|check| check.reason.is_none()) {
        if caught.contains(&(check.place.clone(), check.check.clone())) {
            check.reason = Some("the same check catches in another place".into());
        }
    }
}

/// In how many test cases of a version of OCPP every step of a state is audited in full; in the others only its messages are dropped.
const SHARED: usize = 3;

/// In how many traces of a version of OCPP each step of a state was, by its place.
type Seen = HashMap<(Version, Arc<str>, usize), usize>;

/// The numbers of what the steps of states took that were audited often enough.
fn share(trace: &Trace, seen: &mut Seen) -> HashSet<usize> {
    let own = format!("/{}.yaml", trace.recording.id);
    let places = || trace.outcome.taken.iter().map(mutant::place_of);
    let mut enough = HashSet::new();
    let version = trace.recording.setup.protocol.version;
    let of_states: HashSet<_> = places().flatten().filter(|(file, _)| !file.ends_with(&own)).collect();
    for place in of_states {
        let count = seen.entry((version, Arc::clone(&place.0), place.1)).or_default();
        *count += 1;
        if *count > SHARED {
            enough.insert(place);
        }
    }
    places()
        .enumerate()
        .filter(|(_, place)| place.as_ref().is_some_and(|place| enough.contains(place)))
        .map(|(index, _)| index)
        .collect()
}

/// A trace that passes.
struct Trace {
    product: String,
    recording: Recording,
    outcome: Outcome,
    /// The numbers that the engine gives its inputs, and their places in the recording.
    numbers: HashMap<usize, usize>,
}

/// The traces of a test case (one for each variant) of the first product that passes it.
fn passing(job: &Job<'_>, products: &[Product<'_>]) -> Result<Vec<Trace>, String> {
    let mut reason = String::from("no product that it applies to");
    for product in job.products.iter().filter_map(|index| products.get(*index)) {
        match recorded(job, product) {
            Err(why) => reason = why,
            Ok(recordings) => {
                let name = &product.pics.product.designation;
                let traces = recordings.into_iter().map(|recording| {
                    let (outcome, numbers) = judge::judged(&recording);
                    Trace { product: name.clone(), recording, outcome, numbers }
                });
                let traces: Vec<_> = traces.collect();
                if traces.iter().all(|trace| trace.outcome.verdict == Verdict::Pass) {
                    return Ok(traces);
                }
                reason = "judged again it does not pass".into();
            }
        }
    }
    Err(reason)
}

/// Runs a test case against the simulated product.
fn recorded(job: &Job<'_>, product: &Product<'_>) -> Result<Vec<Recording>, String> {
    let bench = Bench::default();
    let only = runner::globs(std::slice::from_ref(&job.id)).map_err(|error| error.to_string())?;
    let plan = Plan {
        pics: product.pics,
        bench: &bench,
        entries: &product.entries,
        library: &job.programme.library,
        only,
        product: runner::Product::Simulated(Faults::default()),
        lasting: false,
        shuffle: None,
        record: true,
        jobs: 1,
        after_failure: runner::AfterFailure::default(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .map_err(|error| error.to_string())?;
    let (_stop, interrupt) = tokio::sync::watch::channel(false);
    let result = runtime
        .block_on(runner::run(&plan, None, interrupt, Clock::start(), |_| {}))
        .map_err(|error| error.to_string())?;
    match result.results.first() {
        Some(result) if result.verdict == Verdict::Pass => {}
        Some(other) => return Err(format!("{}: {}", other.verdict, other.reason.clone().unwrap_or_default())),
        None => return Err("it was not run".into()),
    }
    Ok(result.recordings)
}
