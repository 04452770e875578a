//! `manifest.json`: what a package holds, with the hash of every member. What is signed is this file.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The manifest's name in a package.
pub const MANIFEST: &str = "manifest.json";
/// The signature's.
pub const SIGNATURE: &str = "manifest.cms";
/// The time-stamp's.
pub const TIMESTAMP: &str = "manifest.tsr";

/// Version of this format.
pub const FORMAT: u32 = 1;

/// The manifest of a package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Manifest {
    /// Version of this format.
    pub format: u32,
    /// What made the package.
    pub packaged_by: Tool,
    /// SHA-256 of the message schemas by version of OCPP, as the tool that made the package has them.
    pub schemas: BTreeMap<String, String>,
    /// The runs, in the order in which they were named.
    pub runs: Vec<PackagedRun>,
    /// Where something was replaced that a vendor keeps to itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redacted: Option<Redacted>,
    /// SHA-256 and size of every other member but signature and time-stamp.
    pub members: BTreeMap<String, Hash>,
}

/// A tool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Tool {
    /// Its version.
    pub tool_version: String,
    /// SHA-256 of its executable.
    pub executable_sha256: String,
}

/// A run in a package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PackagedRun {
    /// Its folder in the package.
    pub folder: String,
    /// Its id.
    pub run_id: String,
    /// The product, as the PICS names it.
    pub product: String,
    /// The version of the tool that made the run.
    pub tool_version: String,
    /// The digest of its test cases, from `run.json`.
    pub test_cases: String,
    /// SHA-256 of its PICS.
    pub pics_sha256: String,
    /// The seal over its evidence, as the abstract prints it.
    pub seal: String,
    /// The run was sealed when it ended; else by `package`.
    pub sealed_by_run: bool,
}

/// What was replaced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Redacted {
    /// What kinds of values, in words.
    pub what: Vec<String>,
    /// How many different values.
    pub values: usize,
    /// The seals of the runs as they were, in the order of `runs`: whoever has the original can show that it is this one.
    pub original_seals: Vec<String>,
    /// What is left out because nobody could replace anything in it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<String>,
    /// The test cases that are judged otherwise after the replacement, so that they can't be judged again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_judged_again: Vec<String>,
}

/// A member's hash and size.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Hash {
    /// SHA-256 in hexadecimal digits.
    pub sha256: String,
    /// Bytes.
    pub size: u64,
}
