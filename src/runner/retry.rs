//! Several attempts at a test case in one result.

use crate::verdict::{Attempt, TestCaseResult, Verdict};

/// What several attempts say together, the last of which may have passed. A product that fails once and passes once is
/// not decided: the verdict is inconclusive, and never a pass. Without any pass the worst attempt counts.
pub(super) fn together(mut all: Vec<TestCaseResult>) -> TestCaseResult {
    let attempts: Vec<Attempt> = all
        .iter()
        .map(|result| Attempt {
            verdict: result.verdict,
            reason: result.reason.clone(),
            started_s: result.started_s,
            duration_s: result.duration_s,
        })
        .collect();
    let uploads = all.iter_mut().flat_map(|result| std::mem::take(&mut result.uploads)).collect();
    // The first of the worst decides what the result shows.
    let worst = (0..all.len()).rev().max_by_key(|index| all[*index].verdict).unwrap_or(0);
    let mut result = all.swap_remove(worst);
    result.uploads = uploads;
    if attempts.len() < 2 {
        return result;
    }
    result.started_s = attempts[0].started_s;
    result.duration_s = attempts.iter().map(|attempt| attempt.duration_s).sum();
    for failure in &mut result.failures {
        failure.message = format!("{} (attempt {} of {})", failure.message, worst + 1, attempts.len());
    }
    result.attempts = attempts;
    if result.is_flaky() {
        result.verdict = Verdict::Inconclusive;
        let first = &result.attempts[0];
        result.reason = Some(format!(
            "flaky: passed at attempt {}; attempt 1: {}: {}",
            result.attempts.len(),
            first.verdict,
            first.reason.as_deref().unwrap_or_default()
        ));
    }
    for other in all {
        result.uploads.extend(other.uploads);
        for remark in other.remarks {
            if !result.remarks.contains(&remark) {
                result.remarks.push(remark);
            }
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempts(verdicts: &[Verdict]) -> TestCaseResult {
        let result = |(number, verdict): (usize, &Verdict)| TestCaseResult {
            id: "TC_B_01_CS".into(),
            title: String::new(),
            block: String::new(),
            profiles: Vec::new(),
            requirements: Vec::new(),
            verdict: *verdict,
            reason: (*verdict != Verdict::Pass).then(|| format!("reason {number}")),
            duration_s: 2.0,
            started_s: 0.0,
            failures: Vec::new(),
            steps: Vec::new(),
            attempts: Vec::new(),
            uploads: Vec::new(),
            remarks: vec!["the same".into()],
        };
        together(verdicts.iter().enumerate().map(result).collect())
    }

    #[test]
    fn a_pass_on_retry_is_flaky_and_never_a_pass() {
        use Verdict::{Fail, Inconclusive, Pass};
        let once = attempts(&[Pass]);
        assert_eq!((once.verdict, once.attempts.len(), once.is_flaky()), (Pass, 0, false));
        let flaky = attempts(&[Fail, Inconclusive, Pass]);
        assert_eq!(
            (flaky.verdict, flaky.word(), flaky.duration_s.total_cmp(&6.0)),
            (Inconclusive, "flaky", std::cmp::Ordering::Equal)
        );
        assert_eq!(flaky.reason.as_deref(), Some("flaky: passed at attempt 3; attempt 1: fail: reason 0"));
        assert_eq!(flaky.remarks, ["the same"]);
        let failed = attempts(&[Inconclusive, Fail, Fail]);
        assert_eq!((failed.verdict, failed.word()), (Fail, "fail"));
        assert_eq!(failed.reason.as_deref(), Some("reason 1"));
    }
}
