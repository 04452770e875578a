//! Which test case runs when, and as which station.
//!
//! Test cases for a CSMS are independent per station: as many run side by side as there are stations to run them as, on one
//! thread, so that the waits of one are the work of the others. Those that say that they must be alone come last, one after
//! the other.

use std::{
    cell::{Cell, RefCell},
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use futures_util::{StreamExt as _, stream::FuturesUnordered};
use serde_json::{Map, Value};
use tokio::sync::{Semaphore, watch};

use super::{
    Event, Plan, driver, environment::Environment, error::EnvironmentError, journal::Journal, pause, pics_names, retry,
};
use crate::{
    bench::Bench,
    clock::Clock,
    operator::Operator,
    pics::{Pics, Profile},
    record::{PlanEntry, TraceEvent},
    replay::Recording,
    testcase::{model::TestCase, template::Names},
    verdict::{TestCaseResult, Verdict},
};

/// The reason of a test case without steps.
const NOT_IMPLEMENTED: &str = "its steps are not implemented yet";
/// The reason of a test case whose turn never came.
const ABSENT: &str = "not run, for the product never connected";

/// What is being run.
pub(super) struct Stage<'s, 't> {
    pub(super) plan: &'s Plan<'s>,
    pub(super) chosen: &'s [&'s PlanEntry],
    pub(super) operator: Option<Arc<dyn Operator>>,
    pub(super) interrupt: watch::Receiver<bool>,
    pub(super) clock: Clock,
    pub(super) journal: &'s Journal<'t>,
}

/// A test case that is over.
pub(super) struct Ended {
    /// Its place in the plan.
    pub(super) index: usize,
    pub(super) result: TestCaseResult,
    pub(super) recordings: Vec<Recording>,
}

/// A station to run test cases as, one at a time.
struct Lane {
    bench: Bench,
    environment: Option<Environment>,
    /// By place in the plan: whether the test case can be run as this station, or as none better than this.
    suits: Vec<bool>,
    /// It has met the product.
    met: bool,
}

/// What the lanes share while they work.
struct Shared {
    /// A turn for each job: there may be more stations than that.
    turns: Semaphore,
    /// Places in the plan of the test cases that wait.
    waiting: RefCell<VecDeque<usize>>,
    begun: Cell<usize>,
    /// Lanes at work.
    open: Cell<usize>,
    /// Some station has met the product.
    met: Cell<bool>,
    /// Nobody has met the product, so what waits is not run.
    absent: Cell<bool>,
    /// Nothing else is begun.
    stopped: Cell<bool>,
    /// Remarks on test cases that had to be begun again as another station.
    moved: RefCell<HashMap<usize, String>>,
}

impl Shared {
    fn new(jobs: usize, waiting: VecDeque<usize>) -> Self {
        Self {
            turns: Semaphore::new(jobs.max(1)),
            waiting: RefCell::new(waiting),
            begun: Cell::default(),
            open: Cell::default(),
            met: Cell::default(),
            absent: Cell::default(),
            stopped: Cell::default(),
            moved: RefCell::default(),
        }
    }

    /// The next test case that can be run as this station.
    fn next(&self, lane: &Lane) -> Option<usize> {
        let mut waiting = self.waiting.borrow_mut();
        let at = waiting.iter().position(|index| lane.suits.get(*index).copied().unwrap_or(true))?;
        waiting.remove(at)
    }

    fn has_work_for(&self, lane: &Lane) -> bool {
        self.waiting.borrow().iter().any(|index| lane.suits.get(*index).copied().unwrap_or(true))
    }
}

impl Stage<'_, '_> {
    /// Runs everything; what is over comes in the order in which it ended.
    pub(super) async fn play(&self) -> Result<Vec<Ended>, EnvironmentError> {
        let mut lanes = self.lanes().await?;
        let (last, first): (VecDeque<usize>, VecDeque<usize>) =
            (0..self.chosen.len()).partition(|index| self.exclusive(*index).is_some());
        let shared = Shared::new(self.plan.jobs, first);
        let mut ended = Vec::new();
        {
            let mut at_work: FuturesUnordered<_> = lanes.iter_mut().map(|lane| self.work(lane, &shared)).collect();
            while let Some(done) = at_work.next().await {
                ended.extend(done?);
            }
        }
        shared.waiting.borrow_mut().extend(last);
        lanes.sort_by_key(|lane| !lane.met);
        for lane in lanes.iter_mut().filter(|lane| lane.met) {
            ended.extend(self.work(lane, &shared).await?);
        }
        // What only suits a station that the product does not know.
        if let Some(lane) = lanes.first_mut() {
            lane.suits.clear();
            ended.extend(self.work(lane, &shared).await?);
        }
        // What came when its test case was over.
        for (lane, environment) in lanes.iter().filter_map(|lane| Some((lane, lane.environment.as_ref()?))) {
            for upload in environment.files.collect(None) {
                self.journal.voice(&upload.test_case.clone(), &lane.bench.identity).uploaded(upload);
            }
        }
        Ok(ended)
    }

    /// Why a test case must be alone, and last.
    fn exclusive(&self, index: usize) -> Option<&str> {
        let entry = self.chosen.get(index)?;
        self.plan.library.cases.get(&entry.id)?.header.exclusive.as_deref()
    }

    /// One lane for each job, and with a real product all that it takes to begin.
    async fn lanes(&self) -> Result<Vec<Lane>, EnvironmentError> {
        let Plan { pics, bench, simulated, jobs, .. } = *self.plan;
        let mut lanes: Vec<Lane> = Vec::new();
        for bench in bench.as_stations(jobs, simulated) {
            let mut environment = None;
            if !simulated {
                let files = lanes.first().and_then(|lane| Some(lane.environment.as_ref()?.files.clone()));
                let mut started =
                    Environment::start(pics, &bench, None, self.operator.clone(), self.clock, files).await?;
                started.memory.number_connections_from(lanes.len());
                environment = Some(started);
            }
            let suits = self.chosen.iter().map(|entry| simulated || self.suits(&bench, entry)).collect();
            lanes.push(Lane { bench, environment, suits, met: simulated });
        }
        // What suits nobody is anybody's, to be told why.
        for index in 0..self.chosen.len() {
            if !lanes.iter().any(|lane| lane.suits.get(index).copied().unwrap_or(true)) {
                lanes.iter_mut().filter_map(|lane| lane.suits.get_mut(index)).for_each(|suits| *suits = true);
            }
        }
        Ok(lanes)
    }

    /// True when nothing that the test case needs is missing as far as the bench as this station tells.
    fn suits(&self, bench: &Bench, entry: &PlanEntry) -> bool {
        self.plan
            .library
            .cases
            .get(&entry.id)
            .is_none_or(|case| fits(self.plan.pics, bench, bench.security_profile, case))
    }

    /// Runs what waits, as one station, until nothing waits any more.
    async fn work(&self, lane: &mut Lane, shared: &Shared) -> Result<Vec<Ended>, EnvironmentError> {
        shared.open.set(shared.open.get() + 1);
        let mut ended = Vec::new();
        while shared.has_work_for(lane) {
            let Ok(_turn) = shared.turns.acquire().await else { break };
            if let Some(operator) = &self.operator {
                let voice = self.journal.between(&lane.bench.identity);
                pause::hold(operator.as_ref(), &mut lane.environment, &self.interrupt, self.clock, &voice).await;
            }
            if *self.interrupt.borrow() || shared.stopped.get() {
                break;
            }
            let Some(index) = shared.next(lane) else { break };
            let Some(entry) = self.chosen.get(index) else { continue };
            let Some(case) = self.plan.library.cases.get(&entry.id) else {
                self.begins(entry, shared);
                let result = empty(entry, Verdict::NotImplemented, NOT_IMPLEMENTED, self.clock);
                self.journal.tell(Event::Ended(Box::new(result.clone())));
                ended.push(Ended { index, result, recordings: Vec::new() });
                continue;
            };
            if shared.absent.get() {
                let result = empty(entry, Verdict::Inconclusive, ABSENT, self.clock);
                ended.push(Ended { index, result, recordings: Vec::new() });
                continue;
            }
            self.begins(entry, shared);
            let Some((mut done, begun)) = self.run(lane, index, entry, case).await? else { continue };
            shared.met.set(shared.met.get() || lane.met);
            // A product that has not appeared for the first test case will not for the hundredth, unless it knows another
            // station of the pool.
            if begun && !lane.met && !*self.interrupt.borrow() {
                if shared.open.get() > 1 || shared.met.get() {
                    let station = &lane.bench.identity;
                    let remark = format!(
                        "begun again as another station: {station} was not let in, and is left out from here on"
                    );
                    shared.moved.borrow_mut().insert(index, remark);
                    shared.waiting.borrow_mut().push_front(index);
                    break;
                }
                shared.absent.set(true);
            }
            done.result.remarks.extend(shared.moved.borrow_mut().remove(&index));
            if let Some(reason) = self.exclusive(index).filter(|_| begun && !self.plan.simulated) {
                done.result.remarks.push(format!("alone, and after all others: {reason}"));
            }
            let done = self.attempts(lane, done, entry, case).await?;
            self.journal.tell(Event::Ended(Box::new(done.result.clone())));
            if self.plan.course.last.is_some_and(|last| last(&done.result)) {
                shared.stopped.set(true);
            }
            ended.push(done);
        }
        shared.open.set(shared.open.get() - 1);
        Ok(ended)
    }

    /// Further attempts at a test case that did not pass, as many as there may be.
    async fn attempts(
        &self,
        lane: &mut Lane,
        first: Ended,
        entry: &PlanEntry,
        case: &Arc<TestCase>,
    ) -> Result<Ended, EnvironmentError> {
        let Ended { index, result, mut recordings } = first;
        let ended = |lane: &Lane, verdict: Verdict| {
            let what = TraceEvent::Verdict { id: entry.id.clone(), verdict };
            self.journal.voice(&entry.id, &lane.bench.identity).note(what);
        };
        ended(lane, result.verdict);
        let mut all = vec![result];
        for _ in 0..self.plan.course.retries {
            let again = all.last().is_some_and(|last| last.verdict != Verdict::Pass);
            if !again || !lane.met || *self.interrupt.borrow() {
                break;
            }
            let Some((further, _)) = self.run(lane, index, entry, case).await? else { break };
            // An attempt that was cut short says nothing.
            if *self.interrupt.borrow() {
                break;
            }
            ended(lane, further.result.verdict);
            recordings.extend(further.recordings);
            all.push(further.result);
        }
        Ok(Ended { index, result: retry::together(all), recordings })
    }

    fn begins(&self, entry: &PlanEntry, shared: &Shared) {
        shared.begun.set(shared.begun.get() + 1);
        let (number, of) = (shared.begun.get().min(self.chosen.len()), self.chosen.len());
        self.journal.tell(Event::Begins(number, of, entry.id.clone(), entry.title.clone()));
    }

    /// One test case with its variants, and whether it got as far as a step.
    async fn run(
        &self,
        lane: &mut Lane,
        index: usize,
        entry: &PlanEntry,
        case: &Arc<TestCase>,
    ) -> Result<Option<(Ended, bool)>, EnvironmentError> {
        let plan = self.plan;
        let voice = self.journal.voice(&entry.id, &lane.bench.identity);
        voice.note(TraceEvent::TestCase { id: entry.id.clone() });
        let variants = if case.variants.is_empty() { vec![Map::new()] } else { case.variants.clone() };
        let mut result: Option<TestCaseResult> = None;
        let (mut recordings, mut begun) = (Vec::new(), false);
        let mut interrupt = self.interrupt.clone();
        for variant in variants {
            if result.is_some() && *self.interrupt.borrow() {
                break;
            }
            // A simulated product is fresh for every test case; a real one is kept.
            if plan.simulated {
                let bench = fitting(plan.pics, &lane.bench, case);
                let operator = self.operator.clone();
                let product = Some(plan.faults.afresh());
                let started = Environment::start(plan.pics, &bench, product, operator, self.clock, None).await?;
                lane.environment = Some(started);
            }
            let Some(environment) = &mut lane.environment else { break };
            let job = driver::Job { entry, case, variant: &variant, library: plan.library, clock: self.clock };
            let driven = driver::drive(environment, job, &mut interrupt, &voice, plan.record).await;
            lane.met |= driven.met;
            begun |= driven.begun;
            recordings.extend(driven.recording);
            result = Some(match result {
                None => driven.result,
                Some(before) => worst(before, driven.result, &variant),
            });
        }
        Ok(result.map(|result| (Ended { index, result, recordings }, begun)))
    }
}

/// The simulated bench sets up the security profile that a test case needs, as a lab would.
fn fitting(pics: &Pics, bench: &Bench, case: &TestCase) -> Bench {
    let mut supported = vec![bench.security_profile, 2];
    if pics.is_yes("C-61") {
        supported.push(1);
    }
    if pics.has_profile(Profile::AdvancedSecurity) {
        supported.push(3);
    }
    let fits = |profile: &u8| fits(pics, bench, *profile, case);
    let mut bench = bench.clone();
    if let Some(profile) = supported.into_iter().find(fits) {
        bench.security_profile = profile;
    }
    bench
}

/// A need that rests on more than bench, PICS and security profile is judged when the test case begins.
fn fits(pics: &Pics, bench: &Bench, security_profile: u8, case: &TestCase) -> bool {
    if case.needs.is_empty() {
        return true;
    }
    let mut names = Names::default();
    names.insert("bench".into(), Value::Object(bench.values.clone()));
    names.insert("pics".into(), pics_names(pics));
    names.insert("security_profile".into(), security_profile.into());
    case.needs.iter().all(|need| need.condition.holds(&names) != Ok(false))
}

fn empty(entry: &PlanEntry, verdict: Verdict, reason: &str, clock: Clock) -> TestCaseResult {
    TestCaseResult {
        id: entry.id.clone(),
        title: entry.title.clone(),
        profiles: entry.profiles.clone(),
        requirements: entry.requirements.clone(),
        verdict,
        reason: Some(reason.to_owned()),
        duration_s: 0.0,
        started_s: clock.now().seconds(),
        failures: Vec::new(),
        steps: Vec::new(),
        attempts: Vec::new(),
        remarks: Vec::new(),
        uploads: Vec::new(),
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
    before.uploads.extend(other.uploads);
    before
}
