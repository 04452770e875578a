//! Which test case runs when, and as which station identity.
//!
//! Test cases for a CSMS are independent per station: as many run side by side as there are stations to run them as, on one
//! thread, so that the waits of one are the work of the others. Those that say that they must be alone come last, one after
//! the other.

use std::{
    cell::{Cell, RefCell},
    sync::Arc,
    time::Duration,
};

use futures_util::{StreamExt as _, stream::FuturesUnordered};
use tokio::sync::{Semaphore, watch};

use super::{
    Event, Plan, duration,
    error::EnvironmentError,
    event_log::EventLog,
    files, order, outage, pause,
    pool::{Identity, Pool, Unserved},
    retry,
    worker::{Common, Found, Ran, Worker},
};
use crate::{
    clock::Clock,
    operator::Operator,
    pics::SutKind,
    record::{PlanEntry, TraceEvent},
    replay::Recording,
    testcase::model::TestCase,
    verdict::{TestCaseResult, Verdict},
};

/// The reason of a test case without steps.
const NOT_IMPLEMENTED: &str = "its steps are not implemented yet";

/// What runs a plan.
pub(super) struct Scheduler<'s, 't> {
    chosen: &'s [&'s PlanEntry],
    common: Common<'s, 't>,
    pool: RefCell<Pool>,
    /// A turn for each job: there may be more identities than that.
    turns: Semaphore,
    begun: Cell<usize>,
    /// Nothing else is begun.
    stopped: Cell<bool>,
    /// The product is away, and nothing is begun until it is back.
    outage: watch::Sender<bool>,
}

/// A test case that is over.
pub(super) struct Ended {
    /// Its place in the plan.
    pub(super) index: usize,
    pub(super) result: TestCaseResult,
    pub(super) recordings: Vec<Recording>,
}

impl Ended {
    fn new(index: usize, ran: Ran) -> Self {
        Self { index, result: ran.result, recordings: ran.recordings }
    }

    fn without(index: usize, result: TestCaseResult) -> Self {
        Self { index, result, recordings: Vec::new() }
    }
}

impl<'s, 't> Scheduler<'s, 't> {
    pub(super) fn new(
        plan: &'s Plan<'s>,
        chosen: &'s [&'s PlanEntry],
        operator: Option<Arc<dyn Operator>>,
        interrupt: watch::Receiver<bool>,
        clock: Clock,
        log: &'s EventLog<'t>,
    ) -> Self {
        let cases = chosen.iter().filter_map(|entry| plan.library.cases.get(&entry.id));
        let files_wanted = files::are_wanted(cases, plan.library);
        Self {
            chosen,
            common: Common { plan, operator, interrupt, clock, log, files_wanted, silence: RefCell::default() },
            pool: RefCell::default(),
            turns: Semaphore::new(plan.jobs.max(1)),
            begun: Cell::default(),
            stopped: Cell::default(),
            outage: watch::Sender::new(false),
        }
    }

    /// Runs everything; what is over comes in the order in which it ended. With it, whether the run ended early.
    pub(super) async fn play(&self) -> Result<(Vec<Ended>, bool), EnvironmentError> {
        let mut workers = self.workers().await?;
        let mut order: Vec<usize> = (0..self.chosen.len()).collect();
        let (last, mut first): (Vec<usize>, Vec<usize>) =
            order.drain(..).partition(|index| self.exclusive(*index).is_some());
        let plan = self.common.plan;
        if let Some(seed) = plan.shuffle {
            first.sort_by_key(|index| self.chosen.get(*index).map(|entry| order::place(seed, &entry.id)));
        } else if plan.jobs > 1 && !plan.product.is_simulated() {
            first.sort_by_cached_key(|index| std::cmp::Reverse(self.waits(*index)));
        }
        let mut ended = Vec::new();
        self.pool.borrow_mut().add(first);
        while self.goes_on() {
            let mut at_work: FuturesUnordered<_> = workers.iter_mut().map(|worker| self.work(worker)).collect();
            while let Some(done) = at_work.next().await {
                ended.extend(done?);
            }
            ended.extend(self.settled());
        }
        ended.extend(self.left_over());
        self.pool.borrow_mut().add(last);
        workers.sort_by_key(|worker| !self.pool.borrow().is_prepared(worker.number));
        while self.goes_on() {
            for worker in &mut workers {
                ended.extend(self.work(worker).await?);
            }
            ended.extend(self.settled());
        }
        ended.extend(self.left_over());
        for worker in &mut workers {
            worker.collect(self.common.log);
            worker.part().await;
        }
        Ok((ended, self.interrupted() || self.stopped.get()))
    }

    fn interrupted(&self) -> bool {
        *self.common.interrupt.borrow()
    }

    /// True while there is something to do.
    fn goes_on(&self) -> bool {
        !self.interrupted() && !self.stopped.get() && self.pool.borrow().has_work()
    }

    /// What was not served by the time that all else is done comes again, once; what came again already is over.
    fn settled(&self) -> Vec<Ended> {
        if self.interrupted() || self.stopped.get() {
            return Vec::new();
        }
        let over = self.pool.borrow_mut().settle();
        over.into_iter().map(|one| self.ends(one.ended)).collect()
    }

    /// How long a test case waits.
    fn waits(&self, index: usize) -> Option<Duration> {
        let Plan { library, bench, .. } = *self.common.plan;
        let case = library.cases.get(&self.chosen.get(index)?.id)?;
        Some(duration::waits(case, library, &bench.values))
    }

    /// Why a test case must be alone, and last.
    fn exclusive(&self, index: usize) -> Option<&str> {
        let entry = self.chosen.get(index)?;
        self.common.plan.library.cases.get(&entry.id)?.header.exclusive.as_deref()
    }

    /// One worker for each job, and with a real product all that it takes to begin.
    async fn workers(&self) -> Result<Vec<Worker>, EnvironmentError> {
        let Plan { pics, bench, jobs, library, .. } = *self.common.plan;
        let simulated = self.common.plan.product.is_simulated();
        let mut workers: Vec<Worker> = Vec::new();
        let mut identities = Vec::new();
        for bench in bench.as_stations(jobs, simulated) {
            let worker = Worker::start(workers.len(), bench, &self.common, workers.first()).await?;
            let suits = |entry: &&PlanEntry| {
                simulated || library.cases.get(&entry.id).is_none_or(|case| worker.suits(pics, case))
            };
            let suits = self.chosen.iter().map(suits).collect();
            identities.push(Identity::new(worker.bench.identity.clone(), suits));
            workers.push(worker);
        }
        self.pool.replace(Pool::new(identities, self.chosen.len()));
        Ok(workers)
    }

    /// Runs what waits, as one identity, until nothing waits any more.
    async fn work(&self, worker: &mut Worker) -> Result<Vec<Ended>, EnvironmentError> {
        let mut ended = Vec::new();
        while self.pool.borrow().has_work_for(worker.number) {
            let Ok(_turn) = self.turns.acquire().await else { break };
            // Whoever waits for the product to come back holds up the others.
            let _ = self.outage.subscribe().wait_for(|away| !*away).await;
            if let Some(operator) = &self.common.operator {
                let voice = self.common.log.between(&worker.bench.identity);
                let Common { interrupt, clock, .. } = &self.common;
                pause::hold(operator.as_ref(), worker.environment(), interrupt, *clock, &voice).await;
            }
            if self.interrupted() || self.stopped.get() {
                break;
            }
            let Some(index) = self.pool.borrow_mut().next(worker.number) else { break };
            let Some(entry) = self.chosen.get(index) else { continue };
            self.begins(entry);
            let Some(case) = self.common.plan.library.cases.get(&entry.id) else {
                let result = empty(entry, Verdict::NotImplemented, NOT_IMPLEMENTED, self.common.clock);
                ended.push(self.ends(Ended::without(index, result)));
                continue;
            };
            let Some(ran) = worker.run(&self.common, entry, case).await? else { continue };
            ended.extend(self.judge(worker, index, case, ran).await?);
        }
        Ok(ended)
    }

    fn begins(&self, entry: &PlanEntry) {
        self.begun.set(self.begun.get() + 1);
        let (number, of) = (self.begun.get().min(self.chosen.len()), self.chosen.len());
        self.common.log.tell(Event::Begins(number, of, entry.id.clone(), entry.title.clone()));
    }

    /// A test case is over for good.
    fn ends(&self, ended: Ended) -> Ended {
        self.common.log.tell(Event::Ended(Box::new(ended.result.clone())));
        if self.common.plan.after_failure.last.is_some_and(|last| last(&ended.result)) {
            self.stopped.set(true);
        }
        ended
    }

    /// A test case is over as far as this run goes; it comes again when the run goes on.
    fn postpones(&self, ended: Ended) -> Ended {
        self.common.log.tell(Event::Postponed(Box::new(ended.result.clone())));
        ended
    }

    /// What is made of a test case that was run, by how it found the product.
    async fn judge(
        &self,
        worker: &mut Worker,
        index: usize,
        case: &Arc<TestCase>,
        mut ran: Ran,
    ) -> Result<Vec<Ended>, EnvironmentError> {
        let plan = self.common.plan;
        // A product that is fresh for every test case says nothing of the next one.
        let fresh = plan.product.is_simulated() && !plan.lasting;
        if fresh || self.interrupted() {
            ran.found = Found::Ready;
        }
        match ran.found.clone() {
            Found::Ready => {
                let over = if fresh { Vec::new() } else { self.pool.borrow_mut().served(worker.number) };
                let mut ended: Vec<Ended> = over.into_iter().map(|one| self.ends(one.ended)).collect();
                ended.push(self.whole(worker, index, case, ran).await?);
                Ok(ended)
            }
            Found::NotAsked => Ok(vec![self.whole(worker, index, case, ran).await?]),
            Found::Absent(reason) => Ok(self.not_served(worker, index, ran, reason, true).await),
            Found::Unprepared(reason) => Ok(self.not_served(worker, index, ran, reason, false).await),
        }
    }

    /// A test case with its further attempts and its remarks.
    async fn whole(
        &self,
        worker: &mut Worker,
        index: usize,
        case: &Arc<TestCase>,
        mut ran: Ran,
    ) -> Result<Ended, EnvironmentError> {
        let begun = ran.found != Found::NotAsked;
        ran.result.remarks.extend(self.pool.borrow_mut().remark(index));
        if let Some(reason) = self.exclusive(index).filter(|_| begun && !self.common.plan.product.is_simulated()) {
            ran.result.remarks.push(format!("runs alone and after all others: {reason}"));
        }
        let done = self.attempts(worker, index, case, ran).await?;
        Ok(self.ends(done))
    }

    /// Further attempts at a test case that did not pass, as many as there may be.
    async fn attempts(
        &self,
        worker: &mut Worker,
        index: usize,
        case: &Arc<TestCase>,
        first: Ran,
    ) -> Result<Ended, EnvironmentError> {
        let Ran { result, mut recordings, .. } = first;
        self.verdict(worker, &result);
        let mut all = vec![result];
        for _ in 0..self.common.plan.after_failure.retries {
            let again = all.last().is_some_and(|last| last.verdict != Verdict::Pass);
            if !again || self.interrupted() {
                break;
            }
            let Some(entry) = self.chosen.get(index) else { break };
            let Some(further) = worker.run(&self.common, entry, case).await? else { break };
            // An attempt that was cut short, or that found no product, says nothing.
            if self.interrupted() || matches!(further.found, Found::Absent(_) | Found::Unprepared(_)) {
                break;
            }
            self.verdict(worker, &further.result);
            recordings.extend(further.recordings);
            all.push(further.result);
        }
        Ok(Ended { index, result: retry::together(all), recordings })
    }

    fn verdict(&self, worker: &Worker, result: &TestCaseResult) {
        let what = TraceEvent::Verdict { id: result.id.clone(), verdict: result.verdict };
        self.common.log.voice(&result.id, &worker.bench.identity).note(what);
    }

    /// A test case found nobody, or a product that could not be brought to the general preconditions.
    async fn not_served(
        &self,
        worker: &mut Worker,
        index: usize,
        ran: Ran,
        reason: String,
        absent: bool,
    ) -> Vec<Ended> {
        self.verdict(worker, &ran.result);
        let ended = Ended::new(index, ran);
        let number = worker.number;
        let fails = self.pool.borrow_mut().fails(number, index, absent);
        let (prepared, met, others, work) = {
            let pool = self.pool.borrow();
            (pool.is_prepared(number), pool.has_met(), pool.others_suit(number, index), pool.has_work())
        };
        let station = self.common.plan.pics.sut == SutKind::ChargingStation;
        if !absent && !station {
            // The CSMS is there, and this identity is what it does not serve.
            let over = self.pool.borrow_mut().settle();
            let mut all: Vec<Ended> = over.into_iter().map(|one| self.ends(one.ended)).collect();
            all.extend(self.identity_fails(worker, ended, &reason, fails));
            return all;
        }
        // Once somebody has met the product it may be away for all, which the next of them tell.
        if absent && !prepared && others && !met {
            return self.identity_fails(worker, ended, &reason, true);
        }
        if !prepared && !work {
            return vec![self.ends(ended)];
        }
        if absent && !met {
            // A product that has not appeared for the first test case will not for the hundredth.
            let what = "The product was never available, so the run ends early";
            self.common.log.notice(&format!("{what}: {}: {reason}", ended.result.id));
            self.stopped.set(true);
            return vec![self.postpones(ended)];
        }
        let second = self.pool.borrow_mut().not_served(Unserved { ended, reason: reason.clone() });
        if *self.outage.borrow() {
            return Vec::new();
        }
        if second {
            return self.outage(worker, absent).await;
        }
        if others && self.pool.borrow().is_passed_over(number) {
            let unserved = self.pool.borrow_mut().give_up();
            return unserved
                .into_iter()
                .flat_map(|one| self.identity_fails(worker, one.ended, &reason, true))
                .collect();
        }
        Vec::new()
    }

    /// An identity could not be brought to the general preconditions; `withdrawn`: nothing is run as it any more.
    fn identity_fails(&self, worker: &Worker, ended: Ended, reason: &str, withdrawn: bool) -> Vec<Ended> {
        let mut pool = self.pool.borrow_mut();
        if withdrawn && !pool.is_withdrawn(worker.number) {
            pool.withdraw(worker.number, reason);
            let station = &worker.bench.identity;
            self.common.log.notice(&format!(
                "Station {station} is withdrawn because it does not reach the general preconditions: {}: {reason}",
                ended.result.id
            ));
        }
        if pool.again(worker.number, ended.index) {
            return Vec::new();
        }
        drop(pool);
        vec![self.postpones(ended)]
    }

    /// The product is away: everything waits until it is back, or the run ends early.
    async fn outage(&self, worker: &mut Worker, absent: bool) -> Vec<Ended> {
        self.outage.send_replace(true);
        let (cases, reason) = self.pool.borrow().describe_unserved();
        let returning = self.pool.borrow().describe_returning();
        let back = outage::wait(worker, &self.common, &outage::Outage { cases, returning, reason, absent }).await;
        let ended = if back {
            let over = self.pool.borrow_mut().restored();
            over.into_iter().map(|one| self.ends(one.ended)).collect()
        } else {
            self.stopped.set(true);
            let unserved = self.pool.borrow_mut().give_up();
            unserved.into_iter().map(|one| self.postpones(one.ended)).collect()
        };
        self.outage.send_replace(false);
        ended
    }

    /// The test cases that no identity is left for, told at once.
    fn left_over(&self) -> Vec<Ended> {
        if self.interrupted() || self.stopped.get() {
            let unserved = self.pool.borrow_mut().give_up();
            return unserved.into_iter().map(|one| self.postpones(one.ended)).collect();
        }
        let mut ended: Vec<Ended> = {
            let over = self.pool.borrow_mut().give_up();
            over.into_iter().map(|one| self.ends(one.ended)).collect()
        };
        for (index, reason) in self.pool.borrow_mut().left_over() {
            let Some(entry) = self.chosen.get(index) else { continue };
            let result = empty(entry, Verdict::Inconclusive, &reason, self.common.clock);
            ended.push(self.postpones(Ended::without(index, result)));
        }
        ended
    }
}

fn empty(entry: &PlanEntry, verdict: Verdict, reason: &str, clock: Clock) -> TestCaseResult {
    TestCaseResult {
        id: entry.id.clone(),
        title: entry.title.clone(),
        block: entry.block.clone(),
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
