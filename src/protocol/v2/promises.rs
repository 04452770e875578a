//! What our station sends on its own because one of its answers promised it: parts of reports, triggered messages, monitored events.
//! The engine sends one at a time (`engine/outbox.rs`). When the connection is lost, what has not been sent is dropped.

use super::{
    Conversation, Moment, Promised,
    own_station::{FollowUp, Message, Status},
};

/// Maximum number of waiting messages. A station that can't take another request answers so (B07.FR.13).
const MOST: usize = 500;

impl Conversation {
    /// True if another report can be promised.
    pub(super) fn has_room(&self) -> bool {
        self.of_test.waiting.len() < MOST / 2
    }

    /// Queues what an answer promised.
    pub(super) fn promise(&mut self, follow_ups: Vec<FollowUp>) {
        let room = MOST.saturating_sub(self.of_test.waiting.len());
        self.of_test.waiting.extend(follow_ups.into_iter().take(room));
    }

    /// The first message that may be sent now. Before the CSMS has accepted the station, only messages requested by TriggerMessage,
    /// GetBaseReport or GetReport may be sent (B02.FR.02); after a rejection, none (B03.FR.02).
    pub(super) fn first_promise(&self) -> Option<usize> {
        let status = self.station.registration.status();
        self.of_test.waiting.iter().position(|follow_up| match status {
            Some(Status::Accepted) => true,
            Some(Status::Rejected) => false,
            Some(Status::Pending) | None => follow_up.may_be_sent_pending(),
        })
    }

    /// Takes the first message that may be sent now and has not become pointless.
    pub(super) fn take_promise(&mut self, moment: &Moment, next: &mut dyn FnMut() -> u32) -> Option<Promised> {
        loop {
            let index = self.first_promise()?;
            let FollowUp { message, because } = self.of_test.waiting.remove(index)?;
            let event = if matches!(message, Message::Event(_)) { next() } else { 0 };
            let around = self.around(moment);
            if let Some((action, payload)) = self.station.compose(&around, &message, event) {
                return Some(Promised { action, payload, because });
            }
        }
    }
}
