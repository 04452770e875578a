//! Verdicts of steps, test cases and runs (the TTCN-3 meanings).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The verdict of one test case. The order is that of severity, for taking the worst of several.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Everything that was demanded was observed.
    Pass,
    /// The test case has no steps yet; never counted as passed.
    NotImplemented,
    /// The test could not decide: a manual action was not done, a precondition not reached.
    Inconclusive,
    /// The SUT broke a requirement.
    Fail,
    /// The harness itself failed.
    Error,
}

impl Verdict {
    /// The word used in every output.
    pub fn word(self) -> &'static str {
        match self {
            Verdict::Pass => "pass",
            Verdict::NotImplemented => "not implemented",
            Verdict::Inconclusive => "inconclusive",
            Verdict::Fail => "fail",
            Verdict::Error => "error",
        }
    }
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.word())
    }
}

/// Why a test case did not pass, in all detail a reader needs to agree or to object.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Failure {
    /// The verdict that this finding stands for.
    pub verdict: Verdict,
    /// The step, as `3 expect BootNotification` (with the states it is nested in: `1 run Booted > 2 expect …`).
    pub step: String,
    /// Where the step stands: `TC_B_02_CS.yaml:17`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// One sentence: what is wrong.
    pub message: String,
    /// What was expected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// What came instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found: Option<String>,
    /// The frame in question, as received (secrets redacted).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frame: Option<String>,
    /// The CALL of ours that the frame answers (secrets redacted).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
    /// JSON pointer to the place within the frame's payload.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
    /// Requirement ids that are broken.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requirements: Vec<String>,
    /// What else is wrong in the same message.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub further: Vec<FurtherPlace>,
    /// Seconds the step had waited when the finding was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waited_s: Option<f64>,
    /// When it was found, seconds since the run began.
    pub at_s: f64,
}

impl Failure {
    /// True where a condition of the test case does not hold; its sentence says all, and what was found is what its names stand for.
    pub fn is_of_condition(&self) -> bool {
        let own = |step: &str| step.starts_with("assert ") || step.contains(" assert ");
        self.pointer.is_none() && own(&self.step)
    }

    /// True where a message was waited for in vain: what was expected says which.
    pub fn is_of_missing_message(&self) -> bool {
        self.waited_s.is_some() && self.message.contains(" did not come within ")
    }

    /// What is wrong, in one line.
    pub fn in_a_line(&self) -> String {
        match (&self.expected, &self.found) {
            (Some(expected), Some(found)) if !self.is_of_condition() => {
                format!("{}: expected {expected}, found {found}", self.message)
            }
            _ => self.message.clone(),
        }
    }
}

/// One more place of a message that is not as expected.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct FurtherPlace {
    /// What the check says of it, if it says anything of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// JSON pointer to the place within the payload, and what was expected there.
    pub expected: String,
    /// What came instead.
    pub found: String,
    /// Requirement ids that are broken there, if the check names its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requirements: Vec<String>,
}

/// One executed step, for the report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct StepRecord {
    /// The phase: `prepare`, `before`, `main` or `after`.
    pub phase: String,
    /// What it does, with the states it is nested in (`run Booted > expect BootNotification`).
    pub step: String,
    /// How deep it is nested in states and groups; 0 is the test case's own step.
    pub depth: usize,
    /// Seconds since the run began when the step was reached.
    pub started_s: f64,
    /// Seconds since the run began when it was done (or given up).
    pub ended_s: f64,
    /// `done`, `skipped` (its `when` was false, or optional and not seen), `failed`, `not-reached`.
    pub outcome: String,
}

/// One of several attempts at a test case.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Attempt {
    /// The verdict of this attempt alone.
    pub verdict: Verdict,
    /// Its reason; none for a pass.
    pub reason: Option<String>,
    /// When it began, seconds since the run began.
    pub started_s: f64,
    /// How long it took, seconds.
    pub duration_s: f64,
}

/// A file that the SUT has uploaded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct UploadRecord {
    /// Where it is in the run folder, under a name of ours; none where the run had kept as much as it may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The name that the SUT gave it. Show it, don't use it.
    pub name: String,
    /// The protocol by which it came: HTTP, HTTPS, FTP, FTPS, SFTP.
    pub protocol: String,
    /// Size, bytes.
    pub size: u64,
    /// SHA-256, hexadecimal.
    pub sha256: String,
}

/// What became of one test case.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct TestCaseResult {
    /// The id, `TC_B_02_CS`.
    pub id: String,
    /// Its title.
    pub title: String,
    /// The functional block, `B`; of a run before it was told, empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub block: String,
    /// The certification profiles (of this PICS) for which it was selected.
    pub profiles: Vec<String>,
    /// The verdict.
    pub verdict: Verdict,
    /// The reason in one sentence; none for a pass.
    pub reason: Option<String>,
    /// The requirements that the test case verifies.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requirements: Vec<String>,
    /// How long it took, seconds.
    pub duration_s: f64,
    /// When it began, seconds since the run began.
    #[serde(default)]
    pub started_s: f64,
    /// All findings, the deciding one first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<Failure>,
    /// The steps as executed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<StepRecord>,
    /// Every attempt, where there was more than one (`--retries`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<Attempt>,
    /// Remarks that do not change the verdict.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remarks: Vec<String>,
    /// What the SUT uploaded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub uploads: Vec<UploadRecord>,
}

impl TestCaseResult {
    /// The functional block. Of a run before it was told, its id says which.
    pub fn block(&self) -> &str {
        if self.block.is_empty() { self.id.split('_').nth(1).unwrap_or("?") } else { &self.block }
    }

    /// When the attempt began in which something was at this time, all in seconds of the run: what the times of a test case count from.
    pub fn began_before(&self, at_s: f64) -> f64 {
        let attempts = self.attempts.iter().map(|attempt| attempt.started_s);
        attempts.filter(|began| *began <= at_s).fold(self.started_s, f64::max)
    }

    /// True where only a further attempt passed. The verdict is inconclusive then: the product did both.
    pub fn is_flaky(&self) -> bool {
        self.attempts.len() > 1 && self.attempts.last().is_some_and(|attempt| attempt.verdict == Verdict::Pass)
    }

    /// The word used for it in outputs that people read.
    pub fn word(&self) -> &'static str {
        if self.is_flaky() { "flaky" } else { self.verdict.word() }
    }
}
