//! `run.json`: what a run was asked to do, and with what. Resuming and merging hold runs against each other by it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::calibration::Calibration;
use crate::{
    pics::{SutKind, model::TestedBy},
    selection::choice::{Choice, Shard},
    testcase::catalogue::Catalogue,
};

/// The version of the run folder's layout and of `run.json`.
pub const FORMAT: u32 = 1;

/// `run.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Manifest {
    /// Version of the run folder's layout.
    pub format: u32,
    /// The tool's version.
    pub tool_version: String,
    /// Unique id of the run.
    pub run_id: String,
    /// When the run began (UTC).
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub started: jiff::Timestamp,
    /// When it was gone on with, each time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<String>")]
    pub resumed: Vec<jiff::Timestamp>,
    /// The runs that were put together into this one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub merged: Vec<Merged>,
    /// Product designation.
    pub product: String,
    /// `simulated`, or the bench's address.
    pub sut: String,
    /// What the test cases and states of the side under test were, as a digest of their texts.
    pub test_cases: String,
    /// The bench file as it was named; none: the defaults. Its settings are in `bench.yaml`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bench: Option<String>,
    /// What the harness's own calibration says, where the bench names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calibration: Option<Calibration>,
    /// Who tests and who approves, as the bench says; nobody where the run is simulated.
    #[serde(default, skip_serializing_if = "TestedBy::is_nobody")]
    pub tested_by: TestedBy,
    /// What went wrong with the simulated product on purpose.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<String>,
    /// Which test cases were asked for.
    pub choice: Choice,
    /// The seed of the order in which they come; none: that of the plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shuffle: Option<u64>,
    /// The simulated product was one for the whole run.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub lasting: bool,
    /// How many further attempts a test case gets that does not pass.
    #[serde(default)]
    pub retries: u32,
    /// The ids of those chosen, in the order of the plan.
    pub chosen: Vec<String>,
}

/// A run that was put together with others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Merged {
    /// Its id.
    pub run_id: String,
    /// When it began (UTC).
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub started: jiff::Timestamp,
    /// The shard that it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub shard: Option<Shard>,
}

impl Manifest {
    /// True for a run against the embedded simulator.
    pub fn simulated(&self) -> bool {
        self.sut == "simulated"
    }
}

/// A digest of all test cases and states of a side.
pub fn digest(catalogue: &Catalogue, sut: SutKind) -> String {
    let mut hash = Sha256::new();
    let mut add = |name: &str, text: &str| {
        for part in [name, text] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
    };
    for (id, entry) in catalogue.cases.iter().filter(|(_, entry)| entry.header.sut == sut) {
        add(id, &entry.source.text);
    }
    for ((_, name), source) in catalogue.states.iter().filter(|((of, _), _)| *of == sut) {
        add(name, &source.text);
    }
    format!("sha256:{:x}", hash.finalize())
}
