//! Runs test cases as one station identity.

use std::{cell::RefCell, sync::Arc};

use futures_util::future::join_all;
use serde_json::{Map, Value};
use tokio::sync::watch;

use super::{
    Plan, driver,
    environment::{Environment, FilesOf, Product},
    error::EnvironmentError,
    event_log::EventLog,
    files::Wanted,
    pause, pics_names,
};
use crate::{
    bench::Bench,
    clock::Clock,
    engine::Silence,
    operator::Operator,
    pics::{Pics, Profile},
    record::{PlanEntry, TraceEvent},
    replay::Recording,
    testcase::{model::TestCase, template::Names},
    verdict::{TestCaseResult, Verdict},
};

/// What runs test cases as one identity, one at a time.
pub(super) struct Worker {
    /// Its number in the pool.
    pub(super) number: usize,
    pub(super) bench: Bench,
    /// What test cases run in: one, or with a simulated product that lasts one for each security profile that they need.
    environments: Vec<Environment>,
}

/// What workers have in common.
pub(super) struct Common<'c, 't> {
    pub(super) plan: &'c Plan<'c>,
    pub(super) operator: Option<Arc<dyn Operator>>,
    pub(super) interrupt: watch::Receiver<bool>,
    pub(super) clock: Clock,
    pub(super) log: &'c EventLog<'t>,
    /// What servers the plan needs.
    pub(super) files_wanted: Wanted,
    /// How soon the product is silent, as the test cases that are over have shown, whichever station they ran as.
    pub(super) silence: RefCell<Silence>,
}

/// How a test case found the product.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Found {
    /// Ready, as far as that can be told.
    Ready,
    /// Nothing was asked of it.
    NotAsked,
    /// It could not be brought to the general preconditions.
    Unprepared(String),
    /// Nobody was there.
    Absent(String),
}

/// A test case with its variants that is over.
pub(super) struct Ran {
    pub(super) result: TestCaseResult,
    pub(super) recordings: Vec<Recording>,
    pub(super) found: Found,
}

impl Worker {
    /// With a real product all that it takes to begin.
    pub(super) async fn start(
        number: usize,
        bench: Bench,
        common: &Common<'_, '_>,
        first: Option<&Self>,
    ) -> Result<Self, EnvironmentError> {
        let mut environments = Vec::new();
        if !common.plan.product.is_simulated() {
            let files = match first.and_then(|first| first.environments.first()) {
                Some(first) => FilesOf::Another(Box::new(first.files.clone())),
                None => FilesOf::Own { wanted: common.files_wanted },
            };
            let (product, operator) = (common.plan.product.clone(), common.operator.clone());
            let mut started =
                Environment::start(common.plan.pics, &bench, product, operator, common.clock, files).await?;
            started.memory.connections = crate::link::DialledConns::of_station(number);
            environments.push(started);
        }
        Ok(Self { number, bench, environments })
    }

    /// Takes leave of the product.
    pub(super) async fn part(&mut self) {
        for environment in &mut self.environments {
            environment.link.part().await;
        }
    }

    /// The environment that is in use.
    pub(super) fn environment(&mut self) -> Option<&mut Environment> {
        self.environments.first_mut()
    }

    /// True when nothing that the test case needs is missing as far as the bench as this station tells.
    pub(super) fn suits(&self, pics: &Pics, case: &TestCase) -> bool {
        fits(pics, &self.bench, self.bench.security_profile, case)
    }

    /// Runs a test case with its variants.
    pub(super) async fn run(
        &mut self,
        common: &Common<'_, '_>,
        entry: &PlanEntry,
        case: &Arc<TestCase>,
    ) -> Result<Option<Ran>, EnvironmentError> {
        let voice = common.log.voice(&entry.id, &self.bench.identity);
        voice.note(TraceEvent::TestCase { id: entry.id.clone() });
        let variants = if case.variants.is_empty() { vec![Map::new()] } else { case.variants.clone() };
        let mut ran: Option<Ran> = None;
        for variant in variants {
            if ran.is_some() && *common.interrupt.borrow() {
                break;
            }
            self.provide(common, case).await?;
            let job = driver::Job { entry, case, variant: &variant, library: common.plan.library, clock: common.clock };
            let Some(driven) = self.drive(common, job).await else { break };
            let found = found(&driven);
            let recordings = driven.recording;
            ran = Some(match ran {
                None => Ran { result: driven.result, recordings: recordings.into_iter().collect(), found },
                Some(mut before) => {
                    before.recordings.extend(recordings);
                    // What was found broken stays so, whatever became of the product since.
                    let decided = before.result.verdict > Verdict::Inconclusive || found == Found::NotAsked;
                    let found = if decided { before.found } else { found };
                    Ran { result: worst(before.result, driven.result, &variant), found, ..before }
                }
            });
        }
        Ok(ran)
    }

    /// Sees to it that there is a product to run the test case against. A simulated one is fresh for every test case, unless
    /// it lasts; a real one is kept.
    async fn provide(&mut self, common: &Common<'_, '_>, case: &TestCase) -> Result<(), EnvironmentError> {
        let plan = common.plan;
        let Product::Simulated(faults) = &plan.product else { return Ok(()) };
        let bench = fitting(plan.pics, &self.bench, case);
        if plan.lasting {
            let fits = |known: &Environment| known.memory.security_profile == bench.security_profile;
            if let Some(at) = self.environments.iter().position(fits) {
                self.environments.swap(0, at);
                return Ok(());
            }
        } else {
            self.environments.clear();
        }
        let product = Product::Simulated(faults.afresh());
        let operator = common.operator.clone();
        let started = Environment::start(
            plan.pics,
            &bench,
            product,
            operator,
            common.clock,
            FilesOf::Own { wanted: common.files_wanted },
        )
        .await?;
        self.environments.insert(0, started);
        Ok(())
    }

    /// Drives one engine; the products that it does not concern get their answers meanwhile.
    async fn drive(&mut self, common: &Common<'_, '_>, job: driver::Job<'_>) -> Option<driver::Driven> {
        let identity = self.bench.identity.clone();
        let (environment, idle) = self.environments.split_first_mut()?;
        environment.memory.silence.clone_from(&common.silence.borrow());
        let (stop, over) = watch::channel(false);
        let between = common.log.between(&identity);
        let idling = idle.iter_mut().map(|idle| pause::idle(idle, over.clone(), common.clock, &between));
        let voice = common.log.voice(&job.entry.id, &identity);
        let mut interrupt = common.interrupt.clone();
        let driving = async {
            let driven = driver::drive(environment, job, &mut interrupt, &voice, common.plan.record).await;
            let _ = stop.send(true);
            driven
        };
        let (driven, _) = tokio::join!(driving, join_all(idling));
        common.silence.borrow_mut().learn(&driven.watched);
        Some(driven)
    }

    /// Brings the product to the general preconditions and nothing else, until `over` is true.
    pub(super) async fn prepare(&mut self, common: &Common<'_, '_>, over: &mut watch::Receiver<bool>) -> Found {
        let identity = self.bench.identity.clone();
        let voice = common.log.between(&identity);
        let Some(environment) = self.environments.first_mut() else { return Found::NotAsked };
        let driven = pause::prepare(environment, common.plan.library, over, common.clock, &voice).await;
        driven.map_or(Found::NotAsked, |driven| found(&driven))
    }

    /// What came from the product when its test case was over.
    pub(super) fn collect(&self, log: &EventLog<'_>) {
        for environment in &self.environments {
            for upload in environment.files.collect(None) {
                log.voice(&upload.test_case.clone(), &self.bench.identity).uploaded(upload);
            }
        }
    }
}

fn found(driven: &driver::Driven) -> Found {
    let reason = || driven.result.reason.clone().unwrap_or_default();
    match &driven.unprepared {
        _ if !driven.begun => Found::NotAsked,
        _ if driven.absent && driven.result.verdict <= Verdict::Inconclusive => Found::Absent(reason()),
        Some(reason) => Found::Unprepared(reason.clone()),
        None => Found::Ready,
    }
}

/// The simulated bench sets up the security profile that a test case needs, as a lab would.
fn fitting(pics: &Pics, bench: &Bench, case: &TestCase) -> Bench {
    let mut supported = vec![bench.security_profile, 2];
    if pics.is_yes("C-61") {
        supported.push(1);
    }
    if pics.has_profile(Profile::ADVANCED_SECURITY) {
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
    names.insert("bench", Value::Object(bench.values.clone()));
    names.insert("pics", pics_names(pics));
    names.insert("security_profile", security_profile.into());
    case.needs.iter().all(|need| need.condition.holds(&names) != Ok(false))
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
