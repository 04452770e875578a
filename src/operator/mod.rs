//! Manual actions: what a person (or a test bench) has to do with the SUT.

pub mod actions;
pub mod adapters;
mod http;
pub mod patience;
pub mod requests;
pub mod settings;
pub mod web;

use std::{future::Future, pin::Pin};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::link::Secret;

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

/// A future that a trait object can return.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Who performs manual actions.
pub trait Operator: Send + Sync {
    /// Performs one action; resolves when it is done (or can't be).
    fn perform(&self, action: ManualAction) -> BoxFuture<'_, ActionOutcome>;

    /// What it must know to act and nobody else may see: redacted in every artefact.
    fn secrets(&self) -> Vec<Secret> {
        Vec::new()
    }

    /// Resolves when the next test case may begin: at once, unless the operator has paused the run.
    fn ready(&self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }

    /// What the operator noted about a test case: resolves once there is something, and hands it over.
    fn remarks<'o>(&'o self, _test_case: &'o str) -> BoxFuture<'o, Vec<String>> {
        Box::pin(std::future::pending())
    }
}
