//! From verdicts to results: profiles, KPIs, the verdict of the whole run.

use std::path::Path;

use crate::{
    expect::Expectation,
    kpi::{Meter, Times},
    pics::{Pics, Profile, model::TestedBy},
    record::{
        FORMAT, PicsFacts, PlanEntry, ProfileOutcome, ProfileResult, Results, TraceEntry, TraceEvent,
        calibration::Calibration, causes, index::TraceIndex, read::ReadError,
    },
    verdict::{TestCaseResult, Verdict},
};

/// What identifies a run.
#[derive(Debug, Clone)]
pub struct RunInfo {
    /// Unique id.
    pub run_id: String,
    /// Begin.
    pub started: jiff::Timestamp,
    /// End.
    pub finished: jiff::Timestamp,
    /// When it was gone on with.
    pub resumed: Vec<jiff::Timestamp>,
    /// `simulated`, or where the SUT is.
    pub sut: String,
    /// The faults that the simulated product was given.
    pub faults: Vec<String>,
    /// The seed of the order in which the test cases came.
    pub shuffle: Option<u64>,
    /// It was interrupted.
    pub interrupted: bool,
    /// What the harness's own calibration says.
    pub calibration: Option<Calibration>,
    /// Who tested and who approves.
    pub tested_by: TestedBy,
    /// What the file of known failures says of the test cases.
    pub expectations: Vec<Expectation>,
}

/// What results and reports need of a trace, gathered line by line.
#[derive(Debug)]
pub struct TraceSummary {
    meter: Meter,
    /// What the KPIs measured.
    pub times: Times,
    /// What concerns the run as a whole.
    pub notices: Vec<String>,
    /// The lines of each test case.
    pub lines: TraceIndex,
}

impl TraceSummary {
    /// Of a run that begins.
    pub fn new(pics: &Pics) -> Self {
        let meter = Meter::new(pics.ocpp.protocol(), pics.sut);
        Self { meter, times: Times::default(), notices: Vec::new(), lines: TraceIndex::default() }
    }

    /// Takes in a line of the trace.
    pub fn take(&mut self, entry: &TraceEntry) {
        if let TraceEvent::Notice { text } = &entry.what {
            self.notices.push(text.clone());
        }
        if let Some(sample) = self.meter.take(entry) {
            self.times.add(sample);
        }
    }

    /// Of a run folder's trace, which is read once.
    pub fn read(pics: &Pics, folder: &Path) -> Result<Self, ReadError> {
        Self::read_with(pics, folder, |_| {})
    }

    /// The same, and passes on every line.
    pub fn read_with(pics: &Pics, folder: &Path, mut also: impl FnMut(&TraceEntry)) -> Result<Self, ReadError> {
        let mut summary = Self::new(pics);
        let lines = TraceIndex::read(folder, |entry| {
            summary.take(entry);
            also(entry);
        })?;
        Ok(Self { lines, ..summary })
    }

    /// Of a trace in memory.
    pub fn of(pics: &Pics, trace: &[TraceEntry]) -> Self {
        let mut summary = Self::new(pics);
        for entry in trace {
            summary.take(entry);
        }
        Self { lines: TraceIndex::of_entries(trace), ..summary }
    }
}

/// Puts the results of a run together.
pub fn summarise(
    pics: &Pics,
    plan: &[PlanEntry],
    cases: Vec<TestCaseResult>,
    trace: &TraceSummary,
    info: RunInfo,
) -> Results {
    let mut verdict = cases.iter().map(|case| case.verdict).max().unwrap_or(Verdict::Inconclusive);
    if info.interrupted && verdict == Verdict::Pass {
        verdict = Verdict::Inconclusive;
    }
    Results {
        format: FORMAT,
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        run_id: info.run_id,
        started: info.started,
        finished: info.finished,
        resumed: info.resumed,
        product: pics.product.designation.clone(),
        pics: Some(PicsFacts::of(pics)),
        sut: info.sut,
        faults: info.faults,
        shuffle: info.shuffle,
        interrupted: info.interrupted,
        remarks: trace.notices.clone(),
        verdict,
        calibration: info.calibration,
        tested_by: info.tested_by,
        expectations: info.expectations,
        profiles: profiles(pics, plan, &cases),
        kpis: trace.times.kpis(pics),
        causes: causes::shared(&cases),
        test_cases: cases,
    }
}

/// Every profile of the edition with what became of it.
pub fn profiles(pics: &Pics, plan: &[PlanEntry], cases: &[TestCaseResult]) -> Vec<ProfileResult> {
    let all = pics.ocpp.protocol().profiles.iter().copied();
    all.filter(|profile| !pics.baseline.is_core_feature(*profile))
        .map(|profile| {
            let result =
                if pics.has_profile(profile) { outcome(profile, plan, cases) } else { ProfileOutcome::NotTested };
            ProfileResult { name: profile.title().to_owned(), result }
        })
        .collect()
}

fn outcome(profile: Profile, plan: &[PlanEntry], cases: &[TestCaseResult]) -> ProfileOutcome {
    let mut incomplete = false;
    let mut any = false;
    for entry in plan.iter().filter(|entry| entry.applicable && entry.profiles.iter().any(|id| id == profile.id())) {
        any = true;
        match cases.iter().find(|case| case.id == entry.id).map(|case| case.verdict) {
            Some(Verdict::Pass) => {}
            Some(Verdict::Fail) => return ProfileOutcome::Fail,
            Some(Verdict::Inconclusive | Verdict::NotImplemented | Verdict::Error) | None => incomplete = true,
        }
    }
    if incomplete || !any { ProfileOutcome::Incomplete } else { ProfileOutcome::Pass }
}
