//! JUnit XML for CI systems, a test suite per block of the specification. What was not decided is skipped there, with the reason,
//! never passed; so is a known failure. The exit status tells them apart from a pass.

use std::{collections::BTreeMap, time::Duration};

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::finding;
use crate::{
    expect::Outcome,
    pics::SutKind,
    record::Results,
    text::{ids, visible, visible_line},
    verdict::{Failure, TestCaseResult, Verdict},
};

/// Most findings told of one test case.
const MAX_FINDINGS: usize = 20;

/// The run as JUnit XML.
pub(super) fn xml(results: &Results) -> String {
    let mut report = Report::new(format!("{}: {}", results.protocol().name, visible_line(&results.product)));
    let mut suites: BTreeMap<&str, TestSuite> = BTreeMap::new();
    let mut times: BTreeMap<&str, f64> = BTreeMap::new();
    for case in &results.test_cases {
        let block = case.block();
        let suite = suites.entry(block).or_insert_with(|| suite(block, results));
        suite.add_test_case(test_case(case, block, results));
        *times.entry(block).or_default() += case.duration_s;
    }
    for (block, mut suite) in suites {
        suite.set_time(seconds(times.get(&block).copied().unwrap_or_default()));
        report.add_test_suite(suite);
    }
    report.set_time(seconds(times.values().sum()));
    report.to_string().unwrap_or_default()
}

fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}

fn suite(block: &str, results: &Results) -> TestSuite {
    let mut suite = TestSuite::new(format!("{block} {}", results.protocol().block_title(block)));
    let mut add = |name: &str, value: &str| {
        suite.add_property((name, visible_line(value).as_ref()));
    };
    add("run-id", &results.run_id);
    add("started", &results.started.to_string());
    add("product", &results.product);
    add("sut", &results.sut);
    if !results.faults.is_empty() {
        add("faults", &results.faults.join("; "));
    }
    add("tool", &format!("ocpp-attest {}", results.tool_version));
    if let Some(pics) = &results.pics {
        add("version", pics.version.as_deref().unwrap_or_default());
        add("baseline", pics.baseline.id());
    }
    suite
}

fn test_case(case: &TestCaseResult, block: &str, results: &Results) -> TestCase {
    let expected = results.expectations.iter().find(|one| one.test_case == case.id && one.outcome == Outcome::Met);
    let mut status = match case.verdict {
        Verdict::Pass => TestCaseStatus::success(),
        _ if expected.is_some() => TestCaseStatus::skipped(),
        Verdict::Fail => TestCaseStatus::non_success(NonSuccessKind::Failure),
        Verdict::Error => TestCaseStatus::non_success(NonSuccessKind::Error),
        Verdict::Inconclusive | Verdict::NotImplemented => TestCaseStatus::skipped(),
    };
    if case.verdict != Verdict::Pass {
        let reason = case.reason.as_deref().unwrap_or_default();
        let reason = if reason.is_empty() { case.word().to_owned() } else { format!("{}: {reason}", case.word()) };
        status.set_message(visible_line(&match expected {
            Some(known) => format!("known until {}, {}: {reason}", known.expires, known.reason),
            None => reason,
        }));
        let broken = case.failures.first().and_then(|failure| failure.requirements.first());
        status.set_type(visible_line(broken.map_or(case.word(), String::as_str)));
        let block = |(failure, more): (&Failure, usize)| {
            let block = finding::block(failure, case.began_before(failure.at_s), results.protocol().requirements());
            finding::again(more).map_or(block.clone(), |again| format!("{block}{:<12} {again}\n", "again"))
        };
        let blocks: Vec<String> = finding::distinct(&case.failures).into_iter().take(MAX_FINDINGS).map(block).collect();
        if !blocks.is_empty() {
            status.set_description(blocks.join("\n"));
        }
    }
    let mut test = TestCase::new(visible_line(&format!("{} {}", case.id, case.title)), status);
    let side = match results.pics.as_ref().map(|pics| pics.side) {
        Some(SutKind::Csms) => "csms",
        Some(SutKind::ChargingStation) => "charging-station",
        None => "ocpp",
    };
    test.set_classname(format!("{side}.{block} {}", results.protocol().block_title(block)));
    test.set_time(seconds(case.duration_s));
    if !case.profiles.is_empty() {
        test.add_property(("profiles", visible_line(&case.profiles.join(", ")).as_ref()));
    }
    if !case.requirements.is_empty() {
        test.add_property(("requirements", visible_line(&ids(&case.requirements)).as_ref()));
    }
    if let Some(cause) = results.causes.iter().find(|cause| cause.test_cases.contains(&case.id)) {
        test.add_property(("cause", visible_line(&cause.checks()).as_ref()));
        test.add_property(("cause-what", visible_line(&cause.message).as_ref()));
        test.add_property(("cause-shared-by", visible_line(&cause.test_cases.join(", ")).as_ref()));
    }
    if !case.remarks.is_empty() {
        test.set_system_out(visible(&case.remarks.join("\n")));
    }
    test
}
