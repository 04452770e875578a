//! JUnit XML for CI systems. What was not decided is skipped there, with the reason, never passed.

use std::time::Duration;

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use crate::{ocpp::requirements, record::Results, verdict::Verdict};

/// The run as JUnit XML.
pub(super) fn xml(results: &Results) -> String {
    let mut report = Report::new(format!("OCPP 2.0.1: {}", results.product));
    let mut suite = TestSuite::new("ocpp-attest");
    for case in &results.test_cases {
        let text = case.reason.clone().unwrap_or_default();
        let mut status = match case.verdict {
            Verdict::Pass => TestCaseStatus::success(),
            Verdict::Fail => TestCaseStatus::non_success(NonSuccessKind::Failure),
            Verdict::Error => TestCaseStatus::non_success(NonSuccessKind::Error),
            Verdict::Inconclusive | Verdict::NotImplemented => TestCaseStatus::skipped(),
        };
        if case.verdict != Verdict::Pass {
            status.set_message(if text.is_empty() {
                case.verdict.word().to_owned()
            } else {
                format!("{}: {text}", case.verdict)
            });
        }
        if let Some(failure) = case.failures.first() {
            status.set_description(format!(
                "step: {}\nexpected: {}\nfound: {}\nframe: {}\nrequirements: {}",
                failure.step,
                failure.expected.as_deref().unwrap_or("-"),
                failure.found.as_deref().unwrap_or("-"),
                failure.frame.as_deref().unwrap_or("-"),
                requirements::lines(&failure.requirements).join("; ")
            ));
        }
        let mut test = TestCase::new(case.id.clone(), status);
        test.set_classname(format!("ocpp2.0.1.{}", case.profiles.first().map_or("", String::as_str)));
        test.set_time(Duration::try_from_secs_f64(case.duration_s).unwrap_or_default());
        suite.add_test_case(test);
    }
    report.add_test_suite(suite);
    report.to_string().unwrap_or_default()
}
