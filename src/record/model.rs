//! What a run folder holds, as data: the trace, the results, the plan.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use super::{calibration::Calibration, causes::Cause};
pub use crate::selection::PlanEntry;
use crate::{
    clock::Stamp,
    expect::Expectation,
    link::{AttemptFailure, ClosedBy, HelloInfo, TlsInfo},
    pics::{Baseline, Pics, Profile, SutKind, model::TestedBy, writer},
    protocol::{Protocol, Version},
    verdict::{TestCaseResult, UploadRecord, Verdict},
};

/// Which way a frame went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// From the SUT to the harness.
    FromSut,
    /// From the harness to the SUT.
    ToSut,
}

/// One line of `trace.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct TraceEntry {
    /// When.
    #[serde(flatten)]
    pub at: Stamp,
    /// The test case under way, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_case: Option<String>,
    /// The station identity concerned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub station: Option<String>,
    /// The connection concerned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conn: Option<u32>,
    /// What happened.
    #[serde(flatten)]
    pub what: TraceEvent,
}

/// What a trace line tells.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case", tag = "event")]
pub enum TraceEvent {
    /// An OCPP-J frame (secrets redacted).
    Frame {
        /// Which way.
        direction: Direction,
        /// The frame's text.
        text: String,
    },
    /// Not an OCPP-J frame at all.
    Garbage {
        /// What it was.
        what: String,
    },
    /// A WebSocket ping or pong from the SUT.
    Ping {
        /// True for a pong.
        pong: bool,
    },
    /// A connection attempt that failed.
    AttemptFailed {
        /// End-point (1, 2).
        endpoint: u8,
        /// Why.
        failure: AttemptFailure,
        /// The ClientHello.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        hello: Option<HelloInfo>,
        /// The HTTP head that the SUT sent, without secrets.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        head: Option<String>,
    },
    /// A WebSocket was opened.
    Opened {
        /// End-point (1, 2).
        endpoint: u8,
        /// Path of the upgrade request.
        path: String,
        /// Basic authentication user.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        user: Option<String>,
        /// Sub-protocol agreed on.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        subprotocol: Option<String>,
        /// TLS facts.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tls: Option<TlsInfo>,
    },
    /// A connection ended.
    Closed {
        /// Close code.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        code: Option<u16>,
        /// By whom.
        by: ClosedBy,
    },
    /// A manual action was asked for.
    Operator {
        /// Name.
        action: String,
        /// Parameters (secrets redacted).
        parameters: Map<String, Value>,
    },
    /// A manual action ended.
    OperatorDone {
        /// Name.
        action: String,
        /// `done`, or the reason why not.
        outcome: String,
    },
    /// The operator noted something.
    Remark {
        /// What, in the operator's words.
        text: String,
    },
    /// A service of the harness did something (file fetched, certificate signed).
    Service {
        /// Which service.
        service: String,
        /// What it did.
        detail: Value,
    },
    /// The SUT has uploaded a file.
    Upload(UploadRecord),
    /// A step was reached.
    Step {
        /// `3 expect BootNotification`.
        step: String,
    },
    /// A test case begins.
    TestCase {
        /// Id.
        id: String,
    },
    /// Something concerns the run as a whole.
    Notice {
        /// What.
        text: String,
    },
    /// The run was resumed.
    Resumed {
        /// How many lines of unfinished test cases were taken out.
        withdrawn: usize,
        /// How many lines before this one had no hash chain, because an earlier version wrote them.
        #[serde(default, skip_serializing_if = "is_zero")]
        unchained: usize,
    },
    /// Lines stood here that were taken out when the run was resumed: of test cases that were not finished.
    Withdrawn {
        /// The SHA-256 of each, in their order: the hash chain leads over them.
        digests: Vec<String>,
    },
    /// A test case's verdict.
    Verdict {
        /// Id.
        id: String,
        /// The verdict.
        verdict: Verdict,
    },
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde passes a reference
fn is_zero(number: &usize) -> bool {
    *number == 0
}

/// One KPI, in seconds. `samples` 0 means not measurable, and no numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Kpi {
    /// The name printed on certificates, `OCPP response time`.
    pub name: String,
    /// The key in the PICS's `performance.maximum`.
    pub key: String,
    /// Smallest.
    pub min_s: Option<f64>,
    /// Largest.
    pub max_s: Option<f64>,
    /// Mean.
    pub average_s: Option<f64>,
    /// Half of the samples took no longer (nearest rank).
    #[serde(default)]
    pub p50_s: Option<f64>,
    /// Nine of ten samples took no longer.
    #[serde(default)]
    pub p90_s: Option<f64>,
    /// 99 of 100 samples took no longer.
    #[serde(default)]
    pub p99_s: Option<f64>,
    /// How many were measured.
    pub samples: usize,
    /// The vendor's maximum, seconds.
    pub limit_s: Option<f64>,
}

impl Kpi {
    /// True when the largest measured time is beyond the vendor's maximum.
    pub fn exceeded(&self) -> bool {
        matches!((self.max_s, self.limit_s), (Some(max), Some(limit)) if max > limit)
    }
}

/// What became of a certification profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ProfileOutcome {
    /// Every applicable test case passed.
    Pass,
    /// At least one failed.
    Fail,
    /// None failed, but at least one was not decided (inconclusive, not implemented, not run).
    Incomplete,
    /// The profile is not part of this certification.
    #[serde(rename = "Not Tested")]
    NotTested,
}

/// A profile with its result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct ProfileResult {
    /// The profile's name as printed on certificates.
    pub name: String,
    /// The result.
    pub result: ProfileOutcome,
}

/// The version of `results.json` that this tool writes; it reads this one and all before it.
pub const FORMAT: u32 = 2;

/// What a run was made for, as far as it decides which results can be compared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct PicsFacts {
    /// The version of OCPP; of a run before it was told, 2.0.1.
    #[serde(default)]
    pub ocpp: Version,
    /// The side under test.
    pub side: SutKind,
    /// The edition of the certification programme.
    pub edition: u8,
    /// Its baseline.
    pub baseline: Baseline,
    /// The certification profiles asked for.
    pub profiles: Vec<Profile>,
    /// The vendor.
    pub vendor: String,
    /// The firmware version of a charging station, the software version of a CSMS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// SHA-256 over the PICS in its canonical form, without product, laboratory, approval and references: equal where the
    /// answers are equal.
    pub answers_sha256: String,
}

impl PicsFacts {
    /// The facts of a PICS.
    pub fn of(pics: &Pics) -> Self {
        let mut answers = pics.clone();
        answers.product = crate::pics::model::Product::default();
        answers.laboratory = crate::pics::model::Laboratory::default();
        answers.approval = crate::pics::model::Approval::default();
        answers.references = crate::pics::model::References::default();
        let digest = Sha256::digest(writer::to_yaml(&answers, ""));
        Self {
            ocpp: pics.ocpp,
            side: pics.sut,
            edition: pics.edition,
            baseline: pics.baseline,
            profiles: pics.profiles.clone(),
            vendor: pics.product.vendor.clone(),
            version: pics.product.firmware_version.clone().or_else(|| pics.product.software_version.clone()),
            answers_sha256: digest.iter().map(|byte| format!("{byte:02x}")).collect(),
        }
    }
}

/// `results.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Results {
    /// Version of this format.
    pub format: u32,
    /// The tool's version.
    pub tool_version: String,
    /// Unique id of the run.
    pub run_id: String,
    /// When the run began (UTC).
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub started: jiff::Timestamp,
    /// When it ended.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub finished: jiff::Timestamp,
    /// When it was gone on with after it had been ended early, each time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<String>")]
    pub resumed: Vec<jiff::Timestamp>,
    /// Product designation.
    pub product: String,
    /// What the run was made for; absent in format 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pics: Option<PicsFacts>,
    /// `simulated`, or the bench's address.
    pub sut: String,
    /// The faults that the simulated product was given, as they were given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<String>,
    /// The seed of the order in which the test cases came, where it was not that of the plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shuffle: Option<u64>,
    /// True when the run was interrupted.
    #[serde(default)]
    pub interrupted: bool,
    /// What concerned the run as a whole: a station that was withdrawn, a wait for the product.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remarks: Vec<String>,
    /// The worst verdict of all.
    pub verdict: Verdict,
    /// What the harness's own calibration says of its measurements, where the bench names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calibration: Option<Calibration>,
    /// Who tested and who approves, as the bench says; nobody where the run was simulated.
    #[serde(default, skip_serializing_if = "TestedBy::is_nobody")]
    pub tested_by: TestedBy,
    /// What the file of known failures said of test cases, where one was given; no verdict rests on it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub expectations: Vec<Expectation>,
    /// Per profile, all eight (edition 3) or four (edition 4).
    pub profiles: Vec<ProfileResult>,
    /// Per test case, in plan order.
    pub test_cases: Vec<TestCaseResult>,
    /// Causes that keep several test cases from passing, those of most test cases first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<Cause>,
    /// The KPIs.
    pub kpis: Vec<Kpi>,
}

impl Results {
    /// What was tested: of a run before it was told, OCPP 2.0.1.
    pub fn protocol(&self) -> &'static Protocol {
        self.pics.as_ref().map(|pics| pics.ocpp).unwrap_or_default().protocol()
    }

    /// True for a run against the embedded simulator.
    pub fn simulated(&self) -> bool {
        self.sut == "simulated"
    }
}
