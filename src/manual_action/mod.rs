//! Manual actions: what a person (or a test bench) has to do with the SUT.

pub mod actions;
#[cfg(test)]
mod page;
pub mod settings;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A manual action with its parameters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ManualAction {
    /// One of [`actions::ACTIONS`].
    pub action: String,
    /// Parameters by name (`evse`, `connector`, `token`, …).
    #[serde(default)]
    pub parameters: Map<String, Value>,
    /// What to tell a person, one sentence.
    pub prompt: String,
}

/// What became of a manual action.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ActionOutcome {
    /// It was done.
    Done,
    /// It can't be done here, with the reason: the test case is inconclusive.
    NotPossible(String),
    /// What was to be looked at is not so, with what was seen instead: the SUT fails.
    Denied(String),
    /// The operator's adapter itself failed: the harness's own error.
    Failed(String),
}

impl ActionOutcome {
    /// The word for it in test cases.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::NotPossible(_) => "not-possible",
            Self::Denied(_) => "denied",
            Self::Failed(_) => "failed",
        }
    }
}
