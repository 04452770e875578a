//! Known failures: what a gate lets through for a while, and why. The verdicts stay what they are; only the exit status
//! of a run rests on this.

use std::path::Path;

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    selection::{PlanEntry, choice::Pattern},
    verdict::{TestCaseResult, Verdict},
    yaml::{Defect, Defects, Kind, Node, Position, Source, nearest},
};

/// A file of known failures.
#[derive(Debug, Clone)]
pub struct Expectations {
    source: Source,
    entries: Vec<Entry>,
}

#[derive(Debug, Clone)]
struct Entry {
    pattern: Pattern,
    verdicts: Vec<Expected>,
    reason: String,
    /// The last day on which it holds (UTC).
    expires: Date,
    at: Position,
    expires_at: Position,
}

/// What a test case may be known to do. A pass needs no excuse, an error of the tool has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expected {
    Fail,
    Inconclusive,
    NotImplemented,
    Flaky,
}

/// Their words in the file, in the order of the documentation.
pub const VERDICTS: [&str; 4] = ["fail", "flaky", "inconclusive", "not-implemented"];

/// The members of an entry, all of them required.
const KEYS: [&str; 4] = ["test", "verdict", "reason", "expires"];

/// What became of a known failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The test case did what was expected: the run is not failed by it.
    Met,
    /// It passed: the entry is no longer needed.
    Passed,
    /// It did something else that is no pass.
    Otherwise,
    /// It did what was expected, but the entry is out of date, and excuses nothing.
    Expired,
}

/// What the file of known failures says of one test case that was run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Expectation {
    /// The test case.
    pub test_case: String,
    /// What became of it.
    pub outcome: Outcome,
    /// Why it is known, in the words of the file.
    pub reason: String,
    /// The last day on which it holds.
    pub expires: String,
    /// Where the file says so: `expect.yaml:4`.
    pub source: String,
}

impl Expectations {
    /// Reads a file.
    pub fn read(path: &Path) -> Result<Self, Defects> {
        Self::read_source(&Source::read(path)?)
    }

    /// Reads a source: a mapping with `known-failures`, a list.
    pub fn read_source(source: &Source) -> Result<Self, Defects> {
        let root = source.parse()?;
        let mut defects = Vec::new();
        let entries = match root.get("known-failures") {
            Some(Node { kind: Kind::Null, .. }) => Vec::new(),
            Some(list) => match list.list() {
                Some(items) => items.iter().filter_map(|item| entry(item, &mut defects)).collect(),
                None => {
                    defects.push(not_a(list, "a list", "write `- test: …` for each known failure"));
                    Vec::new()
                }
            },
            None => {
                let help = "write `known-failures:` and below it `- test: …`";
                defects.push(Defect::new(root.at, "`known-failures` is missing", help));
                Vec::new()
            }
        };
        for (key, _) in root.map().unwrap_or_default().iter().filter(|(key, _)| key.name != "known-failures") {
            defects.push(Defect::new(key.at, format!("unknown key `{}`", key.name), "only `known-failures` is"));
        }
        if defects.is_empty() { Ok(Self { source: source.clone(), entries }) } else { Err(source.defects(defects)) }
    }

    /// Refuses entries that mean no test case of the side under test.
    pub fn check(&self, plan: &[PlanEntry]) -> Result<(), Defects> {
        let unknown = |entry: &Entry| {
            let error = entry.pattern.known(plan).err()?;
            Some(Defect::new(entry.at, error.what, error.help))
        };
        let defects: Vec<Defect> = self.entries.iter().filter_map(unknown).collect();
        if defects.is_empty() { Ok(()) } else { Err(self.source.defects(defects)) }
    }

    /// What it says of the test cases that were run, in their order. `today` is the day on which the run began (UTC).
    /// An entry that is out of date excuses nothing. One of several that mean a test case speaks for all: the one that
    /// excuses it, if there is one.
    pub fn judge(&self, results: &[TestCaseResult], plan: &[PlanEntry], today: Date) -> Vec<Expectation> {
        let of = |result: &TestCaseResult| {
            let planned = plan.iter().find(|entry| entry.id == result.id)?;
            let outcomes = self.entries.iter().filter(|entry| entry.pattern.is_match(planned)).map(|entry| {
                let does = Expected::of(result).is_some_and(|does| entry.verdicts.contains(&does));
                let outcome = match (result.verdict, does) {
                    (Verdict::Pass, _) => Outcome::Passed,
                    (_, true) if today > entry.expires => Outcome::Expired,
                    (_, true) => Outcome::Met,
                    (_, false) => Outcome::Otherwise,
                };
                (outcome, entry)
            });
            let rank = |outcome: Outcome| match outcome {
                Outcome::Met => 0,
                Outcome::Expired => 1,
                Outcome::Passed | Outcome::Otherwise => 2,
            };
            let (outcome, entry) = outcomes.min_by_key(|(outcome, _)| rank(*outcome))?;
            Some(Expectation {
                test_case: result.id.clone(),
                outcome,
                reason: entry.reason.clone(),
                expires: entry.expires.to_string(),
                source: format!("{}:{}", self.source.name, entry.at.line),
            })
        };
        results.iter().filter_map(of).collect()
    }

    /// The entries that are out of date, in words with their places.
    pub fn expired(&self, today: Date) -> Vec<String> {
        self.entries
            .iter()
            .filter(|entry| today > entry.expires)
            .map(|entry| {
                let (name, at) = (&self.source.name, entry.expires_at);
                format!("{name}:{at}: `{}` expired on {} and is ignored", entry.pattern.text(), entry.expires)
            })
            .collect()
    }
}

impl Expected {
    fn of(result: &TestCaseResult) -> Option<Self> {
        match result.verdict {
            _ if result.is_flaky() => Some(Expected::Flaky),
            Verdict::Fail => Some(Expected::Fail),
            Verdict::Inconclusive => Some(Expected::Inconclusive),
            Verdict::NotImplemented => Some(Expected::NotImplemented),
            Verdict::Pass | Verdict::Error => None,
        }
    }

    fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "fail" => Expected::Fail,
            "flaky" => Expected::Flaky,
            "inconclusive" => Expected::Inconclusive,
            "not-implemented" => Expected::NotImplemented,
            _ => return None,
        })
    }
}

fn not_a(node: &Node, wanted: &str, help: &str) -> Defect {
    Defect::new(node.at, format!("{wanted} was expected, found {}", node.describe()), help)
}

fn entry(node: &Node, defects: &mut Vec<Defect>) -> Option<Entry> {
    let Some(members) = node.map() else {
        defects.push(not_a(node, "a mapping", "write `- test: …`, with verdict, reason and expires below it"));
        return None;
    };
    for (key, _) in members.iter().filter(|(key, _)| !KEYS.contains(&key.name.as_str())) {
        let help = nearest(&key.name, KEYS)
            .map_or_else(|| format!("known: {}", KEYS.join(", ")), |near| format!("did you mean `{near}`?"));
        defects.push(Defect::new(key.at, format!("unknown key `{}`", key.name), help));
    }
    let mut member = |key: &str, help: &str| {
        let found = node.get(key);
        if found.is_none() {
            defects.push(Defect::new(node.at, format!("`{key}` is missing"), help));
        }
        found
    };
    let test = member("test", "write an id or a pattern: TC_B_21_CS, TC_K_*, profile:core, block:B");
    let verdict = member("verdict", &format!("write {}", VERDICTS.join(", ")));
    let reason = member("reason", "write why the failure is known, for readers of the gate's output");
    let expires = member("expires", "write the last day on which it is valid, such as 2027-01-31");
    // Each is looked at, whatever is wrong with the others.
    let pattern = test.and_then(|node| pattern(node, defects));
    let verdicts = verdict.map(|node| verdicts(node, defects)).filter(|verdicts| !verdicts.is_empty());
    let text = reason.and_then(|node| {
        let text = node.scalar().filter(|text| !text.trim().is_empty());
        if text.is_none() {
            defects.push(not_a(node, "a reason", "write why the failure is known"));
        }
        text
    });
    let date = expires.and_then(|node| {
        let date = node.scalar().and_then(|text| text.parse::<Date>().ok());
        if date.is_none() {
            defects.push(not_a(node, "a date", "write the last day on which it is valid, such as 2027-01-31"));
        }
        date
    });
    Some(Entry {
        pattern: pattern?,
        verdicts: verdicts?,
        reason: text?,
        expires: date?,
        at: node.at,
        expires_at: expires?.at,
    })
}

fn pattern(node: &Node, defects: &mut Vec<Defect>) -> Option<Pattern> {
    let defect = match node.text().map(Pattern::parse) {
        Some(Ok(pattern)) => return Some(pattern),
        Some(Err(error)) => Defect::new(node.at, error.what, error.help),
        None => not_a(node, "an id or a pattern", "write TC_B_21_CS, TC_K_*, profile:core or block:B"),
    };
    defects.push(defect);
    None
}

/// One verdict, or a list of them.
fn verdicts(node: &Node, defects: &mut Vec<Defect>) -> Vec<Expected> {
    let help = format!("write one of {}, or a list of them", VERDICTS.join(", "));
    let words = node.list().unwrap_or(std::slice::from_ref(node));
    if words.is_empty() {
        defects.push(not_a(node, "a verdict that can be expected", &help));
    }
    let known = words.iter().map(|word| {
        let known = word.text().and_then(Expected::parse);
        if known.is_none() {
            defects.push(not_a(word, "a verdict that can be expected", &help));
        }
        known
    });
    known.collect::<Option<Vec<_>>>().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::Attempt;

    fn read(text: &str) -> Result<Expectations, Defects> {
        Expectations::read_source(&Source::new("expect.yaml", text))
    }

    fn plan() -> Vec<PlanEntry> {
        ["TC_B_01_CS", "TC_B_02_CS", "TC_C_01_CS"]
            .map(|id| PlanEntry {
                id: id.into(),
                title: String::new(),
                block: id[3..4].into(),
                profiles: vec!["core".into()],
                applicable: true,
                implemented: true,
                reason: String::new(),
                requirements: Vec::new(),
            })
            .into()
    }

    fn result(id: &str, verdict: Verdict) -> TestCaseResult {
        TestCaseResult {
            id: id.into(),
            title: String::new(),
            block: String::new(),
            profiles: Vec::new(),
            requirements: Vec::new(),
            verdict,
            reason: None,
            duration_s: 0.0,
            started_s: 0.0,
            failures: Vec::new(),
            steps: Vec::new(),
            attempts: Vec::new(),
            uploads: Vec::new(),
            remarks: Vec::new(),
        }
    }

    #[test]
    fn what_is_known_is_met_passed_otherwise_or_expired() {
        let known = read(
            "known-failures:\n  - { test: TC_B_*, verdict: fail, reason: ticket 7, expires: 2026-11-21 }\n  \
             - { test: C, verdict: [inconclusive, flaky], reason: ticket 8, expires: 2026-12-31 }\n",
        )
        .unwrap();
        known.check(&plan()).unwrap();
        let judged = |id: &str, verdict: Verdict, today: &str| {
            let judged = known.judge(&[result(id, verdict)], &plan(), today.parse().unwrap());
            judged.first().map(|expectation| expectation.outcome)
        };
        assert_eq!(judged("TC_B_01_CS", Verdict::Fail, "2026-11-21"), Some(Outcome::Met));
        assert_eq!(judged("TC_B_01_CS", Verdict::Fail, "2026-11-22"), Some(Outcome::Expired));
        assert_eq!(judged("TC_B_01_CS", Verdict::Pass, "2026-11-21"), Some(Outcome::Passed));
        assert_eq!(judged("TC_B_01_CS", Verdict::Inconclusive, "2026-11-21"), Some(Outcome::Otherwise));
        assert_eq!(judged("TC_B_01_CS", Verdict::Error, "2026-11-21"), Some(Outcome::Otherwise));
        assert_eq!(judged("TC_C_01_CS", Verdict::Inconclusive, "2026-12-31"), Some(Outcome::Met));
        assert_eq!(judged("TC_C_01_CS", Verdict::Fail, "2026-12-31"), Some(Outcome::Otherwise));
        let mut flaky = result("TC_B_02_CS", Verdict::Inconclusive);
        let attempt = |verdict| Attempt { verdict, reason: None, started_s: 0.0, duration_s: 0.0 };
        flaky.attempts = vec![attempt(Verdict::Fail), attempt(Verdict::Pass)];
        let today = "2026-11-21".parse().unwrap();
        // Flaky is neither the failure nor the undecided test case that is known.
        assert_eq!(known.judge(&[flaky.clone()], &plan(), today)[0].outcome, Outcome::Otherwise);
        flaky.id = "TC_C_01_CS".into();
        assert_eq!(known.judge(&[flaky], &plan(), today)[0].outcome, Outcome::Met);
        assert_eq!(known.judge(&[result("TC_B_01_CS", Verdict::Fail)], &plan(), today)[0].source, "expect.yaml:2");
        assert_eq!(known.expired(today), [""; 0]);
        assert_eq!(
            known.expired("2027-01-01".parse().unwrap())[0],
            "expect.yaml:2:63: `TC_B_*` expired on 2026-11-21 and is ignored"
        );
    }

    #[test]
    fn the_one_of_several_entries_that_excuses_speaks() {
        let known = read(
            "known-failures:\n  - { test: B, verdict: fail, reason: old, expires: 2020-01-01 }\n  \
             - { test: TC_B_01_CS, verdict: fail, reason: new, expires: 2030-01-01 }\n",
        )
        .unwrap();
        let today = "2026-11-21".parse().unwrap();
        let judged = known.judge(&[result("TC_B_01_CS", Verdict::Fail)], &plan(), today);
        assert_eq!((judged[0].outcome, judged[0].reason.as_str()), (Outcome::Met, "new"));
    }

    #[test]
    fn every_mistake_is_told_at_its_place() {
        let text = "known-failures:\n  - tset: TC_B_01_CS\n    verdict: pass\n    reason: x\n    expires: soon\n  \
                    - test: \"profile:cor\"\n    verdict: error\n    reason: \"\"\n    expires: 2026-02-30\n  - 7\nmore: 1\n";
        let mut all = read(text).unwrap_err().to_string();
        for other in ["", "known-failures: 3\n", "- x\n"] {
            all.push_str(&format!("\n{}", read(other).unwrap_err()));
        }
        let unknown = "known-failures:\n  - { test: TC_B_1_CS, verdict: fail, reason: x, expires: 2030-01-01 }\n";
        all.push_str(&format!("\n{}", read(unknown).unwrap().check(&plan()).unwrap_err()));
        insta::assert_snapshot!(all);
        assert!(read("known-failures:\n").unwrap().entries.is_empty());
    }
}
