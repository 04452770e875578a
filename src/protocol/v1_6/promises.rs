//! What our charge point sends on its own because one of its answers promised it: triggered messages, new statuses. The engine sends
//! one at a time (`engine/outbox.rs`). When the connection is lost, what has not been sent is dropped.

use super::{Conversation, Moment, OwnStatus, Promised, own_station::FollowUp};

/// Maximum number of waiting messages.
const MOST: usize = 500;

impl Conversation {
    /// Queues what an answer promised.
    pub(super) fn promise(&mut self, follow_ups: Vec<FollowUp>) {
        let room = MOST.saturating_sub(self.of_test.waiting.len());
        self.of_test.waiting.extend(follow_ups.into_iter().take(room));
    }

    /// The first message that may be sent now. Before the central system has accepted the charge point, only what it triggered may be
    /// sent; after a rejection, nothing (4.2).
    pub(super) fn first_promise(&self) -> Option<usize> {
        let status = self.station.registration.status();
        self.of_test.waiting.iter().position(|follow_up| match status {
            Some(OwnStatus::Accepted) => true,
            Some(OwnStatus::Rejected) => false,
            Some(OwnStatus::Pending) | None => follow_up.may_be_sent_pending(),
        })
    }

    /// Takes the first message that may be sent now.
    pub(super) fn take_promise(&mut self, moment: &Moment) -> Option<Promised> {
        let index = self.first_promise()?;
        let FollowUp { message, because } = self.of_test.waiting.remove(index)?;
        let (action, payload) = self.station.compose(&self.around(moment), &message);
        Some(Promised { action, payload, because })
    }
}
