//! Who performs manual actions: a person at the terminal or in a browser, a command, an HTTP service, a CSMS's API.

pub mod adapters;
mod http;
pub mod patience;
pub mod requests;
pub mod web;

use std::{future::Future, pin::Pin};

use crate::{
    link::Secret,
    manual_action::{ActionOutcome, ManualAction},
};

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
