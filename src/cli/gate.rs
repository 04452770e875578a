//! Whether a run passes the gate: its exit status, from the verdicts and the file of known failures.

use std::path::PathBuf;

use clap::Args;
use jiff::{Timestamp, tz::TimeZone};

use super::{Problem, exit};
use crate::{
    expect::{Expectation, Expectations, Outcome},
    record::Results,
    selection::PlanEntry,
    verdict::{TestCaseResult, Verdict},
};

/// Arguments of every subcommand that ends with a run's exit status.
#[derive(Debug, Args)]
pub(super) struct Gate {
    /// Known failures, each with a reason and an expiry date: they do not fail the run
    #[arg(long, value_name = "FILE")]
    expect: Option<PathBuf>,
    /// Also fail when a known failure passes, or its entry has expired
    #[arg(long, requires = "expect")]
    strict: bool,
}

/// The gate with its file read.
pub(super) struct Opened {
    known: Option<Expectations>,
    strict: bool,
}

impl Gate {
    /// Reads the file.
    pub(super) fn open(&self) -> Result<Opened, Problem> {
        Ok(Opened { known: self.expect.as_deref().map(Expectations::read).transpose()?, strict: self.strict })
    }
}

impl Opened {
    /// Refuses entries that mean nothing, and warns of those that are out of date.
    pub(super) fn check(&self, plan: &[PlanEntry]) -> Result<(), Problem> {
        let Some(known) = &self.known else { return Ok(()) };
        known.check(plan)?;
        for text in known.expired(Timestamp::now().to_zoned(TimeZone::UTC).date()) {
            eprintln!("warning: {text}");
        }
        Ok(())
    }

    /// What the file says of these results; the day on which the run began decides.
    pub(super) fn judge(&self, cases: &[TestCaseResult], plan: &[PlanEntry], began: Timestamp) -> Vec<Expectation> {
        let today = began.to_zoned(TimeZone::UTC).date();
        self.known.as_ref().map(|known| known.judge(cases, plan, today)).unwrap_or_default()
    }

    /// True for a failure (or an error of the tool) that is not expected.
    pub(super) fn fails(&self, result: &TestCaseResult, plan: &[PlanEntry], began: Timestamp) -> bool {
        let met =
            || self.judge(std::slice::from_ref(result), plan, began).iter().any(|one| one.outcome == Outcome::Met);
        matches!(result.verdict, Verdict::Fail | Verdict::Error) && !met()
    }

    /// The exit status of a run.
    pub(super) fn exit(&self, results: &Results) -> u8 {
        let excused = |case: &&TestCaseResult| {
            let met = |one: &Expectation| one.test_case == case.id && one.outcome == Outcome::Met;
            results.expectations.iter().any(met)
        };
        let worst = results.test_cases.iter().filter(|case| !excused(case)).map(|case| case.verdict).max();
        let stale = results.expectations.iter().any(|one| one.outcome == Outcome::Passed);
        match worst {
            Some(Verdict::Error) => exit::OWN_ERROR,
            Some(Verdict::Fail) => exit::FAILED,
            _ if self.strict && stale => exit::FAILED,
            Some(Verdict::Inconclusive | Verdict::NotImplemented) => exit::INCOMPLETE,
            Some(Verdict::Pass) | None if results.interrupted => exit::INCOMPLETE,
            Some(Verdict::Pass) | None => exit::OK,
        }
    }
}

/// The counts of a run in one line.
pub(super) fn counts(results: &Results) -> String {
    let count = |verdict: Verdict| results.test_cases.iter().filter(|case| case.verdict == verdict).count();
    let flaky = results.test_cases.iter().filter(|case| case.is_flaky()).count();
    let flaky = if flaky > 0 { format!(" ({flaky} of them flaky)") } else { String::new() };
    format!(
        "{}: {} passed, {} failed, {} inconclusive{flaky}, {} not implemented, {} errors",
        results.product,
        count(Verdict::Pass),
        count(Verdict::Fail),
        count(Verdict::Inconclusive),
        count(Verdict::NotImplemented),
        count(Verdict::Error)
    )
}

/// What the file of known failures has to do with it, a line for each test case that it speaks of.
pub(super) fn words(results: &Results) -> String {
    let line = |one: &Expectation| {
        let Expectation { test_case, reason, expires, source, .. } = one;
        match one.outcome {
            Outcome::Met => format!("expected: {test_case} until {expires}: {reason}\n"),
            Outcome::Passed => format!("passes: {test_case} no longer fails; remove it from {source}\n"),
            Outcome::Otherwise => format!("not as expected: {test_case}: the verdict differs from {source}\n"),
            Outcome::Expired => {
                format!("expired: {test_case}: the entry in {source} was valid until {expires}: {reason}\n")
            }
        }
    };
    results.expectations.iter().map(line).collect()
}
