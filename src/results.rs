//! From verdicts to results: profiles, KPIs, the verdict of the whole run.

use crate::{
    expect::Expectation,
    kpi,
    pics::{Pics, Profile},
    record::{
        FORMAT, PicsFacts, PlanEntry, ProfileOutcome, ProfileResult, Results, TraceEntry, TraceEvent,
        calibration::Calibration, causes,
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
    /// What the file of known failures says of the test cases.
    pub expectations: Vec<Expectation>,
}

/// Puts the results of a run together.
pub fn summarise(
    pics: &Pics,
    plan: &[PlanEntry],
    cases: Vec<TestCaseResult>,
    trace: &[TraceEntry],
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
        remarks: notices(trace),
        verdict,
        calibration: info.calibration,
        expectations: info.expectations,
        profiles: profiles(pics, plan, &cases),
        kpis: kpi::measure(pics, trace),
        causes: causes::shared(&cases),
        test_cases: cases,
    }
}

/// What the trace tells of the run as a whole.
fn notices(trace: &[TraceEntry]) -> Vec<String> {
    let notice = |entry: &TraceEntry| match &entry.what {
        TraceEvent::Notice { text } => Some(text.clone()),
        _ => None,
    };
    trace.iter().filter_map(notice).collect()
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
