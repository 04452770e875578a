//! Two runs beside each other: what a new firmware did.

use std::collections::HashMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::model::{Kpi, ProfileOutcome, Results};
use crate::{
    protocol::Version,
    verdict::{TestCaseResult, Verdict},
};

/// One of the two runs.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Side {
    /// Unique id of the run.
    pub run_id: String,
    /// Product designation.
    pub product: String,
    /// The version of OCPP that was tested.
    pub ocpp: Version,
    /// Firmware or software version, where the PICS names one.
    pub version: Option<String>,
    /// When the run began (UTC).
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub started: jiff::Timestamp,
    /// The tool's version.
    pub tool_version: String,
    /// How many test cases it has results of.
    pub test_cases: usize,
}

/// What became of a test case between the runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// Worse than before: a pass that is none any more, or something undecided that fails now.
    Broken,
    /// Better than before.
    Fixed,
    /// Another verdict, neither better nor worse (inconclusive and not implemented; fail and error).
    Changed,
    /// Only the second run has it.
    New,
    /// Only the first run has it.
    Gone,
}

impl What {
    /// The word used in every output.
    pub fn word(self) -> &'static str {
        match self {
            What::Broken => "broken",
            What::Fixed => "fixed",
            What::Changed => "changed",
            What::New => "new",
            What::Gone => "gone",
        }
    }
}

/// A test case with different results.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Change {
    /// What became of it.
    pub what: What,
    /// The test case.
    pub id: String,
    /// Its title.
    pub title: String,
    /// The verdict of the first run.
    pub before: Option<Verdict>,
    /// The verdict of the second run.
    pub after: Option<Verdict>,
    /// Why it did not pass in the second run.
    pub reason: Option<String>,
    /// The requirements that the second run's findings name.
    pub requirements: Vec<String>,
}

/// A KPI in both runs.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct KpiChange {
    /// The key in the PICS's `performance.maximum`.
    pub key: String,
    /// The name printed on certificates.
    pub name: String,
    /// In the first run.
    pub before: Option<Kpi>,
    /// In the second run.
    pub after: Option<Kpi>,
    /// Within the vendor's maximum in the first run, and beyond it in the second.
    pub newly_exceeded: bool,
}

impl KpiChange {
    /// A value before and after, where both runs measured it, seconds.
    pub fn values(&self, of: fn(&Kpi) -> Option<f64>) -> Option<(f64, f64)> {
        Some((of(self.before.as_ref()?)?, of(self.after.as_ref()?)?))
    }

    /// True when a value that people see (to the millisecond) is another one, or can be measured in one of the runs only.
    pub fn moved(&self) -> bool {
        let seen = |kpi: &Option<Kpi>| {
            let kpi = kpi.as_ref()?;
            Some([kpi.average_s, kpi.p50_s, kpi.p90_s, kpi.p99_s, kpi.max_s].map(|value| value.map(millis)))
        };
        seen(&self.before) != seen(&self.after)
    }
}

#[allow(clippy::cast_possible_truncation)]
fn millis(seconds: f64) -> i64 {
    (seconds * 1000.0).round() as i64
}

/// A profile in both runs.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct ProfileChange {
    /// Its name.
    pub name: String,
    /// In the first run.
    pub before: Option<ProfileOutcome>,
    /// In the second run.
    pub after: Option<ProfileOutcome>,
}

impl ProfileChange {
    /// True when it passed, and does no more though it is still asked for.
    pub fn lost(&self) -> bool {
        self.before == Some(ProfileOutcome::Pass)
            && matches!(self.after, Some(ProfileOutcome::Fail | ProfileOutcome::Incomplete))
            || self.before == Some(ProfileOutcome::Incomplete) && self.after == Some(ProfileOutcome::Fail)
    }
}

/// What `diff` tells.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Comparison {
    /// Version of this format.
    pub format: u32,
    /// The first run.
    pub before: Side,
    /// The second run.
    pub after: Side,
    /// What makes the runs hard to compare: other answers in the PICS, another baseline, an interruption.
    pub warnings: Vec<String>,
    /// True when something became worse: a test case broken, a profile lost, a KPI newly beyond its limit.
    pub regressed: bool,
    /// How many test cases have the same verdict.
    pub unchanged: usize,
    /// The others: broken ones first.
    pub test_cases: Vec<Change>,
    /// Every profile.
    pub profiles: Vec<ProfileChange>,
    /// Every KPI.
    pub kpis: Vec<KpiChange>,
}

/// Compares two runs.
pub fn compare(before: &Results, after: &Results) -> Comparison {
    let earlier: HashMap<&str, &TestCaseResult> =
        before.test_cases.iter().map(|case| (case.id.as_str(), case)).collect();
    let later: HashMap<&str, &TestCaseResult> = after.test_cases.iter().map(|case| (case.id.as_str(), case)).collect();
    let gone = before.test_cases.iter().filter(|case| !later.contains_key(case.id.as_str()));
    let mut test_cases: Vec<Change> = after
        .test_cases
        .iter()
        .filter_map(|case| change(earlier.get(case.id.as_str()).copied(), Some(case)))
        .chain(gone.filter_map(|case| change(Some(case), None)))
        .collect();
    test_cases.sort_by_key(|change| change.what as u8);
    let unchanged = after
        .test_cases
        .iter()
        .filter(|case| earlier.get(case.id.as_str()).is_some_and(|known| known.verdict == case.verdict))
        .count();
    let profiles: Vec<ProfileChange> = names(&before.profiles, &after.profiles, |profile| &profile.name)
        .into_iter()
        .map(|name| {
            let of = |results: &Results| results.profiles.iter().find(|one| one.name == name).map(|one| one.result);
            ProfileChange { name: name.to_owned(), before: of(before), after: of(after) }
        })
        .collect();
    let kpis: Vec<KpiChange> = names(&before.kpis, &after.kpis, |kpi| &kpi.key)
        .into_iter()
        .filter_map(|key| kpi(before, after, key))
        .collect();
    let regressed = test_cases.iter().any(|change| change.what == What::Broken)
        || profiles.iter().any(ProfileChange::lost)
        || kpis.iter().any(|kpi| kpi.newly_exceeded);
    Comparison {
        format: 1,
        before: side(before),
        after: side(after),
        warnings: warnings(before, after),
        regressed,
        unchanged,
        test_cases,
        profiles,
        kpis,
    }
}

fn names<'r, T>(before: &'r [T], after: &'r [T], name: impl Fn(&'r T) -> &'r String) -> Vec<&'r str> {
    let mut names: Vec<&str> = Vec::new();
    for name in after.iter().chain(before).map(|one| name(one).as_str()) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

fn side(results: &Results) -> Side {
    Side {
        run_id: results.run_id.clone(),
        product: results.product.clone(),
        ocpp: results.protocol().version,
        version: results.pics.as_ref().and_then(|pics| pics.version.clone()),
        started: results.started,
        tool_version: results.tool_version.clone(),
        test_cases: results.test_cases.len(),
    }
}

/// How bad a verdict is; what is equally bad is told from each other as a change only.
fn badness(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Pass => 0,
        Verdict::Inconclusive | Verdict::NotImplemented => 1,
        Verdict::Fail | Verdict::Error => 2,
    }
}

fn change(before: Option<&TestCaseResult>, after: Option<&TestCaseResult>) -> Option<Change> {
    let case = after.or(before)?;
    let what = match (before, after) {
        (Some(before), Some(after)) if before.verdict == after.verdict => return None,
        (Some(before), Some(after)) => match badness(after.verdict).cmp(&badness(before.verdict)) {
            std::cmp::Ordering::Greater => What::Broken,
            std::cmp::Ordering::Less => What::Fixed,
            std::cmp::Ordering::Equal => What::Changed,
        },
        (None, _) => What::New,
        (_, None) => What::Gone,
    };
    let mut requirements: Vec<String> =
        after.iter().flat_map(|case| &case.failures).flat_map(|failure| failure.requirements.clone()).collect();
    requirements.dedup();
    Some(Change {
        what,
        id: case.id.clone(),
        title: case.title.clone(),
        before: before.map(|case| case.verdict),
        after: after.map(|case| case.verdict),
        reason: after.and_then(|case| case.reason.clone()),
        requirements,
    })
}

fn kpi(before: &Results, after: &Results, key: &str) -> Option<KpiChange> {
    let of = |results: &Results| results.kpis.iter().find(|kpi| kpi.key == key).cloned();
    let (before, after) = (of(before), of(after));
    let exceeded = |kpi: &Option<Kpi>| kpi.as_ref().is_some_and(Kpi::exceeded);
    Some(KpiChange {
        key: key.to_owned(),
        name: after.as_ref().or(before.as_ref())?.name.clone(),
        newly_exceeded: exceeded(&after) && !exceeded(&before),
        before,
        after,
    })
}

/// What makes two runs hard to compare, in words.
fn warnings(before: &Results, after: &Results) -> Vec<String> {
    let mut warnings = Vec::new();
    if before.product != after.product {
        warnings.push(format!("different products: {} and {}", before.product, after.product));
    }
    match (&before.pics, &after.pics) {
        (Some(one), Some(other)) => {
            if one.side != other.side {
                warnings.push("different sides: a charging station and a CSMS".to_owned());
            }
            if one.ocpp != other.ocpp {
                warnings.push(format!("different versions of OCPP: {} and {}", one.ocpp, other.ocpp));
            }
            if (one.edition, one.baseline) != (other.edition, other.baseline) {
                let name =
                    |facts: &super::model::PicsFacts| format!("edition {} of {}", facts.edition, facts.baseline.id());
                warnings.push(format!("different baselines: {} and {}", name(one), name(other)));
            }
            if one.answers_sha256 != other.answers_sha256 {
                warnings.push("the answers of the two PICS differ, so other test cases may apply".to_owned());
            }
        }
        _ => {
            warnings.push("one of the runs does not contain its PICS (results.json format 1)".to_owned());
        }
    }
    if before.tool_version != after.tool_version {
        warnings.push(format!("different versions of the tool: {} and {}", before.tool_version, after.tool_version));
    }
    if before.simulated() != after.simulated() {
        warnings.push("one of the runs was made against the embedded simulator".to_owned());
    }
    for (results, which) in [(before, "first"), (after, "second")] {
        if results.interrupted {
            warnings.push(format!("the {which} run was ended early"));
        }
    }
    warnings
}
