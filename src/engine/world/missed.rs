//! What was waited for in vain may come after all: the finding then tells how late it was.

use super::{Scope, World};
use crate::{clock::Stamp, protocol::session::Call, testcase::model::Expect, yaml::shorten};

/// What a finding has missed.
#[derive(Debug, Clone)]
pub(super) struct Missed {
    /// Its number.
    failure: usize,
    /// Any of these would have done.
    wanted: Vec<(Expect, Scope)>,
    given_up: Stamp,
}

impl World {
    /// Notes what a finding, which has just been made, has missed.
    pub(crate) fn missed(&mut self, wanted: &[(Expect, Scope)]) {
        // A step that fails while it tidies up has left a remark, and no finding.
        let made_now = self.failures.last().is_some_and(|failure| failure.at_s >= self.now.seconds());
        if made_now && !wanted.is_empty() {
            let failure = self.failures.len() - 1;
            self.missed.push(Missed { failure, wanted: wanted.to_vec(), given_up: self.now });
        }
    }

    /// Tells the finding that missed this message when it came.
    pub(crate) fn came_too_late(&mut self, call: &Call) {
        let fits = |missed: &Missed| {
            missed.wanted.iter().any(|(expect, scope)| {
                expect.action == call.action && expect.matches.hold(&call.payload, &self.names(scope)) == Ok(true)
            })
        };
        let Some(index) = self.missed.iter().position(fits) else { return };
        let missed = self.missed.remove(index);
        let (at, late) = (call.at.seconds_since(&self.began), call.at.seconds_since(&missed.given_up));
        let found = format!("{} at {at:.3} s, {late:.3} s after it was given up", self.summary(call));
        if let Some(failure) = self.failures.get_mut(missed.failure).filter(|failure| failure.pointer.is_none()) {
            failure.found = Some(found);
            failure.frame = Some(shorten(&call.text, 4000));
        }
    }
}
