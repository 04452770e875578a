//! One cause, many test cases: findings that say the same of the same place and value are told once, whichever step has looked, or has
//! waited in vain. Where a value stands in a message and another was expected, it does not matter either what each of them expected.

use std::{collections::HashSet, sync::LazyLock};

use indexmap::IndexMap;
use regex::Regex;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::verdict::{Failure, TestCaseResult, Verdict};

/// Why several test cases did not pass.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Cause {
    /// The verdict that it leads to.
    pub verdict: Verdict,
    /// The rule that holds for every test, or where the step stands: `EnergyTransferStarted.yaml:40`.
    pub check: String,
    /// Where other steps stand that found the same.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub further_checks: Vec<String>,
    /// What is wrong, as the first of the test cases tells it.
    pub message: String,
    /// What was expected; where the test cases differ in it, which of them expected what.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// What came instead; where the test cases differ in it, which of them found what.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found: Option<String>,
    /// Requirement ids that are broken in all of them; where they share none, those that are broken in any of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requirements: Vec<String>,
    /// The test cases whose first finding it is, in plan order.
    pub test_cases: Vec<String>,
}

/// Most checks that are named where a cause is told.
const MAX_NAMED: usize = 3;

impl Cause {
    /// The checks that found it: `Booted.yaml:3, Idle.yaml:4 and 2 more`.
    pub fn checks(&self) -> String {
        let all: Vec<&str> = std::iter::once(&self.check).chain(&self.further_checks).map(String::as_str).collect();
        let named = all[..all.len().min(MAX_NAMED)].join(", ");
        if all.len() > MAX_NAMED { format!("{named} and {} more", all.len() - MAX_NAMED) } else { named }
    }
}

/// The causes that more than one test case shares, those of most test cases first.
pub fn shared(cases: &[TestCaseResult]) -> Vec<Cause> {
    let mut groups: Vec<Group> = Vec::new();
    for case in cases {
        let Some(first) = case.failures.first().filter(|_| case.verdict != Verdict::Pass) else { continue };
        let key = Key::of(case, first);
        match groups.iter_mut().find(|group| group.key.is_of_one_cause_with(&key)) {
            Some(group) => group.join(case, first, &key),
            None => groups.push(Group::new(case, first, key)),
        }
    }
    let shared = groups.into_iter().filter(|group| group.cause.test_cases.len() > 1);
    let mut causes: Vec<Cause> = shared.map(Group::told).collect();
    causes.sort_by_key(|cause| std::cmp::Reverse(cause.test_cases.len()));
    causes
}

/// What tells one cause from another.
struct Key {
    verdict: Verdict,
    message: String,
    place: String,
    found: String,
    /// What was expected, where that matters: each of the texts for which the cause stands.
    expected: HashSet<String>,
    /// For a message that did not come: the requirements for which it was waited.
    requirements: HashSet<String>,
}

impl Key {
    fn of(case: &TestCaseResult, failure: &Failure) -> Self {
        let same = |text: &str| same(text, &case.id);
        let text = |text: &Option<String>| same(text.as_deref().unwrap_or_default());
        // The sentence of a condition says all; what came instead of a message differs from test case to test case.
        let of_place = failure.pointer.is_some() && failure.found.is_some();
        let missing = failure.is_of_missing_message();
        let found = !failure.is_of_condition() && (of_place || !missing);
        let expected = !failure.is_of_condition() && !of_place;
        Self {
            verdict: case.verdict,
            message: same(&failure.message),
            place: text(&failure.pointer),
            found: if found { text(&failure.found) } else { String::new() },
            expected: HashSet::from([if expected { text(&failure.expected) } else { String::new() }]),
            requirements: failure.requirements.iter().filter(|_| missing && !of_place).cloned().collect(),
        }
    }

    fn is_of_one_cause_with(&self, other: &Self) -> bool {
        let told = |key: &Self| (key.verdict, key.message.clone(), key.place.clone(), key.found.clone());
        told(self) == told(other)
            && !(self.expected.is_disjoint(&other.expected) && self.requirements.is_disjoint(&other.requirements))
    }
}

/// Test cases with one cause.
struct Group {
    key: Key,
    cause: Cause,
    expected: Told,
    found: Told,
    /// Requirement ids that are broken in any of them, in their order.
    requirements: Vec<String>,
}

impl Group {
    fn new(case: &TestCaseResult, failure: &Failure, key: Key) -> Self {
        let cause = Cause {
            verdict: case.verdict,
            check: check_of(failure),
            further_checks: Vec::new(),
            message: failure.message.clone(),
            expected: None,
            found: None,
            requirements: failure.requirements.clone(),
            test_cases: vec![case.id.clone()],
        };
        Self {
            key,
            cause,
            expected: Told::from([(failure.expected.clone(), vec![case.id.clone()])]),
            found: Told::from([(failure.found.clone(), vec![case.id.clone()])]),
            requirements: failure.requirements.clone(),
        }
    }

    fn join(&mut self, case: &TestCaseResult, failure: &Failure, key: &Key) {
        self.key.expected.extend(key.expected.iter().cloned());
        self.key.requirements.extend(key.requirements.iter().cloned());
        self.expected.entry(failure.expected.clone()).or_default().push(case.id.clone());
        self.found.entry(failure.found.clone()).or_default().push(case.id.clone());
        self.cause.requirements.retain(|id| failure.requirements.contains(id));
        let new = failure.requirements.iter().filter(|id| !self.requirements.contains(id));
        self.requirements.extend(new.cloned().collect::<Vec<_>>());
        let check = check_of(failure);
        if self.cause.check != check && !self.cause.further_checks.contains(&check) {
            self.cause.further_checks.push(check);
        }
        self.cause.test_cases.push(case.id.clone());
    }

    fn told(self) -> Cause {
        let Self { mut cause, .. } = self;
        if cause.requirements.is_empty() {
            cause.requirements = self.requirements;
        }
        Cause { expected: in_words(&self.expected), found: in_words(&self.found), ..cause }
    }
}

/// What was expected or found, and in which test cases.
type Told = IndexMap<Option<String>, Vec<String>>;

/// What was expected or found: one value, or the values that differ, each with its test cases.
fn in_words(founds: &Told) -> Option<String> {
    if let (1, Some(found)) = (founds.len(), founds.keys().next()) {
        return found.clone();
    }
    let known = founds.iter().filter_map(|(found, cases)| Some((found.as_ref()?, cases)));
    let told = |(found, cases): (&String, &Vec<String>)| {
        let named = cases[..cases.len().min(MAX_NAMED)].join(", ");
        match cases.len().saturating_sub(MAX_NAMED) {
            0 => format!("{found} ({named})"),
            more => format!("{found} ({named} and {more} more)"),
        }
    };
    let mut words: Vec<String> = known.clone().take(MAX_NAMED).map(told).collect();
    match known.count().saturating_sub(MAX_NAMED) {
        0 => {}
        1 => words.push("1 other value".into()),
        more => words.push(format!("{more} other values")),
    }
    (!words.is_empty()).then(|| words.join("; "))
}

/// What made the finding: a rule, a line of a test case or state, or the step where there is no line.
fn check_of(failure: &Failure) -> String {
    match &failure.source {
        Some(source) => source.clone(),
        None => failure.step.rsplit(" > ").next().unwrap_or_default().to_owned(),
    }
}

/// The text without what differs from test case to test case: ids, numbers, times.
fn same(text: &str, id: &str) -> String {
    static NUMBERS: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"[0-9]+(?:[.:][0-9]+)*|[0-9a-f]{8}-[0-9a-f-]{27}").ok());
    let text = text.replace(id, "");
    NUMBERS.as_ref().map_or(text.clone(), |numbers| numbers.replace_all(&text, "#").into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn case(id: &str, verdict: Verdict, source: Option<&str>, message: &str, found: &str) -> TestCaseResult {
        let failure = Failure {
            verdict,
            step: format!("1 run Booted > {id}"),
            source: source.map(str::to_owned),
            message: message.into(),
            expected: Some("/a = 1".into()),
            found: Some(found.into()),
            frame: None,
            request: None,
            pointer: Some("/a".into()),
            requirements: vec!["B01.FR.01".into()],
            further: Vec::new(),
            waited_s: None,
            at_s: 0.0,
        };
        TestCaseResult {
            id: id.into(),
            title: String::new(),
            block: String::new(),
            profiles: Vec::new(),
            verdict,
            reason: None,
            requirements: Vec::new(),
            duration_s: 0.0,
            started_s: 0.0,
            failures: vec![failure],
            steps: Vec::new(),
            attempts: Vec::new(),
            remarks: Vec::new(),
            uploads: Vec::new(),
        }
    }

    #[test]
    fn the_same_value_at_the_same_check_is_one_cause() {
        let at = Some("Booted.yaml:3");
        let cases = [
            case("A", Verdict::Fail, at, "Heartbeat did not come within 30.0 s", "\"x\""),
            case("B", Verdict::Fail, at, "Heartbeat did not come within 31.5 s", "\"x\""),
            case("C", Verdict::Fail, at, "Heartbeat did not come within 30.0 s", "\"y\""),
            case("D", Verdict::Fail, Some("Booted.yaml:4"), "Heartbeat did not come within 30.0 s", "\"x\""),
            case("E", Verdict::Inconclusive, at, "Heartbeat did not come within 30.0 s", "\"x\""),
            case("F", Verdict::Pass, at, "Heartbeat did not come within 30.0 s", "\"x\""),
        ];
        let mut cases = cases;
        cases[0].failures[0].requirements.insert(0, "B02.FR.01".into());
        let causes = shared(&cases);
        assert_eq!(causes.len(), 1, "{causes:?}");
        assert_eq!(causes[0].requirements, ["B01.FR.01"], "what is broken in all of them");
        assert_eq!(causes[0].test_cases, ["A", "B", "D"]);
        assert_eq!(causes[0].check, "Booted.yaml:3");
    }

    #[test]
    fn values_that_differ_are_told_apart() {
        let at = Some("Booted.yaml:3");
        let case = |id, found| case(id, Verdict::Fail, at, "Heartbeat has a wrong a", found);
        let mut cases = vec![case("A", "1"), case("B", "2"), case("C", "1")];
        assert_eq!(shared(&cases)[0].found.as_deref(), Some("1 (A, C); 2 (B)"));
        cases.extend([case("D", "1"), case("E", "1"), case("F", "3"), case("G", "4"), case("I", "5")]);
        assert_eq!(shared(&cases)[0].found.as_deref(), Some("1 (A, C, D and 1 more); 2 (B); 3 (F); 2 other values"));
        assert_eq!(shared(&cases[5..])[0].found.as_deref(), Some("3 (F); 4 (G); 5 (I)"));
    }

    #[test]
    fn the_same_value_where_another_was_expected_is_one_cause_whichever_step_looked() {
        let found = |id, line| case(id, Verdict::Fail, Some(line), "TransactionEvent has a wrong a", "\"x\"");
        let mut cases = [found("A", "Booted.yaml:3"), found("B", "Idle.yaml:4"), found("C", "Idle.yaml:9")];
        let causes = shared(&cases);
        assert_eq!((causes.len(), causes[0].test_cases.len()), (1, 3), "{causes:?}");
        assert_eq!(causes[0].checks(), "Booted.yaml:3, Idle.yaml:4, Idle.yaml:9");
        cases[2].failures[0].expected = Some("/a = Authorized".into());
        let causes = shared(&cases);
        assert_eq!((causes.len(), causes[0].test_cases.len()), (1, 3), "whatever was expected: {causes:?}");
        assert_eq!(causes[0].expected.as_deref(), Some("/a = 1 (A, B); /a = Authorized (C)"));
    }

    #[test]
    fn a_message_that_did_not_come_is_one_cause_whichever_step_has_waited_for_it() {
        let missing = |id, line, expected: &str, found| {
            let mut case = case(id, Verdict::Fail, Some(line), "TransactionEvent did not come within 30.0 s", found);
            let failure = &mut case.failures[0];
            (failure.pointer, failure.waited_s, failure.expected) = (None, Some(30.0), Some(expected.to_owned()));
            failure.requirements = Vec::new();
            case
        };
        let cases = [
            missing("A", "Booted.yaml:3", "TransactionEvent with eventType = \"Started\"", "nothing"),
            missing("B", "Idle.yaml:4", "TransactionEvent with eventType = \"Ended\"", "nothing"),
            missing(
                "C",
                "Idle.yaml:9",
                "TransactionEvent with eventType = \"Started\"",
                "meanwhile: Heartbeat at 2.0 s",
            ),
        ];
        let causes = shared(&cases);
        assert_eq!((causes.len(), &causes[0].test_cases[..]), (1, &["A".to_owned(), "C".to_owned()][..]), "{causes:?}");
        assert_eq!(causes[0].checks(), "Booted.yaml:3, Idle.yaml:9");
    }

    #[test]
    fn a_message_that_did_not_come_is_one_cause_where_one_requirement_demands_it() {
        let missing = |id, certificate: &str, requirement: &str| {
            let message = "GetInstalledCertificateIds did not come within 30.0 s";
            let mut case = case(id, Verdict::Fail, Some("Asked.yaml:3"), message, "nothing");
            let failure = &mut case.failures[0];
            (failure.pointer, failure.waited_s) = (None, Some(30.0));
            failure.expected = Some(format!("GetInstalledCertificateIds with certificateType = {certificate}"));
            failure.requirements = vec![requirement.to_owned()];
            case
        };
        let causes = shared(&[
            missing("TC_M_12_CS", "V2GRootCertificate", "M03.FR.01"),
            missing("TC_M_13_CS", "MORootCertificate", "M03.FR.01"),
            missing("TC_M_14_CS", "MORootCertificate", "M03.FR.02"),
            missing("TC_M_15_CS", "CSMSRootCertificate", "M04.FR.01"),
        ]);
        assert_eq!((causes.len(), causes[0].test_cases.len()), (1, 3), "{causes:?}");
        assert_eq!(causes[0].requirements, ["M03.FR.01", "M03.FR.02"], "no requirement is broken in all of them");
    }
}
