//! Expressions of a test case, and what it means where one can't be evaluated.

use std::sync::Arc;

use serde_json::Value;

use super::World;
use crate::{
    engine::{Scope, finding::Finding},
    testcase::{
        model::Step,
        template::{Template, TemplateError},
    },
    verdict::Verdict,
};

/// Names of expressions that stand for what the harness itself knows. All others may stand for what the SUT, the bench or the PICS says.
const OWN_NAMES: [&str; 7] = ["variant", "protocol", "test_case", "now", "instant", "elapsed", "next_id"];

/// The verdict on a value that is not right and is made of these names. Only what the harness alone has made is an error of the
/// harness; nobody can say what a product would have done with what its own words, or the bench's, made impossible.
pub(crate) fn verdict_on_what_is_made_of(names: impl IntoIterator<Item = Arc<str>>) -> Verdict {
    let own = names.into_iter().all(|name| OWN_NAMES.contains(&&*name));
    if own { Verdict::Error } else { Verdict::Inconclusive }
}

pub(super) fn with_what(verdict: Verdict) -> &'static str {
    if verdict == Verdict::Error { "" } else { " with what the SUT, the bench or the PICS says" }
}

/// The verdict on an expression that can't be evaluated, and a sentence.
pub(crate) fn cannot_be_evaluated(error: &TemplateError) -> (Verdict, String) {
    let verdict = verdict_on_what_is_made_of(error.names());
    (verdict, format!("an expression of the test case can't be evaluated{}: {error}", with_what(verdict)))
}

impl World {
    /// Evaluates a template; where that is not possible, it is a finding.
    pub(crate) fn evaluate(&mut self, template: &Template, scope: &Scope, step: &Step, path: &str) -> Option<Value> {
        let result = template.evaluate(&self.names(scope));
        self.evaluated(result, step, path)
    }

    /// Turns an evaluation error into a finding.
    pub(crate) fn evaluated<T>(&mut self, result: Result<T, TemplateError>, step: &Step, path: &str) -> Option<T> {
        let error = match result {
            Ok(value) => return Some(value),
            Err(error) => error,
        };
        let (verdict, message) = cannot_be_evaluated(&error);
        self.find(verdict, Finding::at(step, path, message));
        None
    }
}
