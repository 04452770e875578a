//! One cause, many test cases: findings that say the same of the same place and value are told once, whichever step has looked, or has
//! waited in vain. Where a value stands in a message and another was expected, it does not matter either what each of them expected.

use std::sync::LazyLock;

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
    /// Requirement ids that are broken in all of them.
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
    let mut causes: IndexMap<(Verdict, String, String, String, String), (Cause, Told, Told)> = IndexMap::new();
    for case in cases {
        let Some(first) = case.failures.first().filter(|_| case.verdict != Verdict::Pass) else { continue };
        let check = check_of(first);
        let same = |text: &str| same(text, &case.id);
        let text = |text: &Option<String>| same(text.as_deref().unwrap_or_default());
        // The sentence of a condition says all; what came instead of a message differs from test case to test case.
        let of_place = first.pointer.is_some() && first.found.is_some();
        let found = !first.is_of_condition() && (of_place || !first.is_of_missing_message());
        let expected = !first.is_of_condition() && !of_place;
        let key = (
            case.verdict,
            same(&first.message),
            text(&first.pointer),
            if expected { text(&first.expected) } else { String::new() },
            if found { text(&first.found) } else { String::new() },
        );
        let new = || Cause {
            verdict: case.verdict,
            check: check.clone(),
            further_checks: Vec::new(),
            message: first.message.clone(),
            expected: None,
            found: None,
            requirements: first.requirements.clone(),
            test_cases: Vec::new(),
        };
        let (cause, expected, founds) = causes.entry(key).or_insert_with(|| (new(), Told::new(), Told::new()));
        expected.entry(first.expected.clone()).or_default().push(case.id.clone());
        founds.entry(first.found.clone()).or_default().push(case.id.clone());
        cause.requirements.retain(|id| first.requirements.contains(id));
        if cause.check != check && !cause.further_checks.contains(&check) {
            cause.further_checks.push(check);
        }
        cause.test_cases.push(case.id.clone());
    }
    let all = causes.into_values().filter(|(cause, ..)| cause.test_cases.len() > 1);
    let in_words = |(cause, expected, founds): (Cause, Told, Told)| Cause {
        expected: in_words(&expected),
        found: in_words(&founds),
        ..cause
    };
    let mut causes: Vec<Cause> = all.map(in_words).collect();
    causes.sort_by_key(|cause| std::cmp::Reverse(cause.test_cases.len()));
    causes
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
}
