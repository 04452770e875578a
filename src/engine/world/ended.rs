//! The last word about something, after which nobody need wait for another one.

use std::sync::Arc;

use super::{MAX_KEPT, World};
use crate::{
    engine::{Scope, finding::Finding},
    protocol::session::Call,
    testcase::model::Expect,
    yaml::shorten,
};

impl World {
    /// Keeps a message of the SUT.
    pub(super) fn keep_received(&mut self, call: &Call) {
        let is_last = self.semantics().is_last_word(call);
        let call = Arc::new(call.clone());
        if is_last {
            self.ended = Some(call.clone());
        }
        if self.received.len() < MAX_KEPT {
            self.received.push(call);
        }
    }

    /// The last word about what a step waits to be told of, where the step waits for another one: it waits in vain. What the
    /// checks of the step do not accept is about something else, such as a former transfer.
    pub(crate) fn last_word(&self, expect: &Expect, scope: &Scope) -> Option<Arc<Call>> {
        let call = self.ended.as_ref().filter(|call| call.action == expect.action)?;
        let names = self.names(scope);
        let another = expect.matches.hold(&call.payload, &names) == Ok(false);
        (another && expect.checks.hold(&call.payload, &names) == Ok(true)).then(|| call.clone())
    }

    /// Has a finding tell of the last word that came in place of what is missing.
    pub(crate) fn tell_in_vain(&self, finding: &mut Finding, wanted: &str, call: &Call, missed: (&Expect, &Scope)) {
        let (expect, scope) = missed;
        let (summary, at) = (self.summary(call), call.at.seconds_since(&self.began));
        finding.message = format!("{wanted} as expected can't come any more after {summary}");
        finding.found = Some(format!("{summary} at {at:.3} s, with which it is over"));
        finding.frame = Some(shorten(&call.text, 4000));
        let mismatches = expect.matches.mismatches(&call.payload, &self.names(scope)).unwrap_or_default();
        finding.pointer = mismatches.into_iter().next().map(|mismatch| mismatch.pointer);
    }
}
