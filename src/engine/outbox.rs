//! CALLs that our station sends on its own because one of its answers promised them: parts of reports, triggered messages,
//! monitored events.
//!
//! They are sent one at a time, and only if no other CALL of ours is waiting for its answer (Part 4, 4.1.1). A step that has a
//! CALL to send takes precedence. The answer that promised them is written first on the same connection (F06.FR.04). When the
//! connection is lost, what has not been sent is dropped.

use std::collections::VecDeque;

use super::{
    exchange::Answer,
    own_station::{FollowUp, Message, Status},
    world::{Finding, World},
};
use crate::{clock::Stamp, verdict::Verdict, yaml::shorten};

/// Maximum number of waiting messages. A station that can't take another request answers so (B07.FR.13).
const MOST: usize = 500;

/// The CALL that waits for its answer.
#[derive(Debug, Clone)]
struct Sent {
    id: String,
    action: &'static str,
    because: String,
    /// When its answer is overdue, nanoseconds of the run.
    until: u64,
}

/// What our station has promised to send.
#[derive(Debug, Clone, Default)]
pub(crate) struct Outbox {
    waiting: VecDeque<FollowUp>,
    /// Since when the first of them waits for its turn.
    since: Option<Stamp>,
    sent: Option<Sent>,
    /// When the test case ends even if messages are left, nanoseconds of the run.
    closing: Option<u64>,
}

impl Outbox {
    /// True if another report can be promised.
    pub(crate) fn has_room(&self) -> bool {
        self.waiting.len() < MOST / 2
    }

    /// When time alone changes something.
    pub(crate) fn deadline(&self) -> Option<u64> {
        [self.sent.as_ref().map(|sent| sent.until), self.closing].into_iter().flatten().min()
    }
}

impl World {
    /// Queues what an answer promised.
    pub(crate) fn promise(&mut self, follow_ups: Vec<FollowUp>) {
        let room = MOST.saturating_sub(self.outbox.waiting.len());
        self.outbox.waiting.extend(follow_ups.into_iter().take(room));
        if !self.outbox.waiting.is_empty() {
            self.outbox.since.get_or_insert(self.now);
        }
    }

    /// When what was promised may be sent at the pace of a station, where only that keeps it back.
    pub(crate) fn promise_due(&self) -> Option<u64> {
        let since = self.outbox.since.filter(|_| !self.outbox.waiting.is_empty() && self.may_call())?;
        self.too_early(since).then(|| self.pace.due(since))
    }

    /// Drops everything that was to be sent, because the connection is lost.
    pub(crate) fn forget_promises(&mut self) {
        self.outbox.waiting.clear();
        self.outbox.sent = None;
    }

    /// Takes the answer to the CALL that was sent last, if it has arrived.
    pub(crate) fn take_answer_to_promise(&mut self) {
        let Some(sent) = self.outbox.sent.take() else { return };
        let rule = "rule: our messages are answered";
        match self.call_answers.remove(&sent.id) {
            None if self.now.mono_ns < sent.until => self.outbox.sent = Some(sent),
            None => {
                let message =
                    format!("{}, which our station sent because of {}, was not answered", sent.action, sent.because);
                let mut finding = Finding::new(rule, message);
                finding.expected = Some(format!("a response to {}", sent.action));
                finding.found = Some("nothing".into());
                self.find(Verdict::Fail, finding);
            }
            // A CALLERROR is for messages that can't be delivered or are malformed (Part 4, 4.2.3). Ours are validated.
            Some(Answer::Error(code, text, _)) => {
                let message = format!(
                    "{}, which our station sent because of {}, was answered with a CALLERROR",
                    sent.action, sent.because
                );
                let mut finding = Finding::new(rule, message);
                finding.expected = Some(format!("a CALLRESULT for {} (Part 4, 4.2.3)", sent.action));
                finding.found = Some(format!("CALLERROR {code}"));
                finding.frame = Some(shorten(&text, 4000));
                self.find(Verdict::Fail, finding);
            }
            Some(Answer::Result(..)) if sent.action == "BootNotification" => {
                let follow_ups = self.memory.station.after_boot(&self.around());
                self.promise(follow_ups);
            }
            Some(Answer::Result(..) | Answer::Lost) => {}
        }
    }

    /// Sends the next CALL if it is its turn. True if that failed.
    pub(crate) fn send_promise(&mut self) -> bool {
        while self.outbox.sent.is_none() && self.may_call() && self.promise_due().is_none() {
            let Some(index) = self.next_promise() else { return false };
            let Some(FollowUp { message, because }) = self.outbox.waiting.remove(index) else { return false };
            let event = if matches!(message, Message::Event(_)) { self.fresh_id() } else { 0 };
            let around = self.around();
            let Some((action, payload)) = self.memory.station.compose(&around, &message, event) else { continue };
            let finding = Finding::new(format!("after {because}"), String::new());
            if !self.is_sound(action, true, &payload, finding) {
                return true;
            }
            let until = self.now.mono_ns.saturating_add(super::flow::nanos(self.seconds("response_timeout", 30.0)));
            let Some(id) = self.call(action, payload, until) else { return false };
            self.outbox.sent = Some(Sent { id, action, because, until });
            self.outbox.since = (!self.outbox.waiting.is_empty()).then_some(self.now);
        }
        false
    }

    /// The first message that may be sent now. Before the CSMS has accepted the station, only messages requested by TriggerMessage,
    /// GetBaseReport or GetReport may be sent (B02.FR.02); after a rejection, none (B03.FR.02).
    fn next_promise(&self) -> Option<usize> {
        let status = self.memory.station.registration.status();
        self.outbox.waiting.iter().position(|follow_up| match status {
            Some(Status::Accepted) => true,
            Some(Status::Rejected) => false,
            Some(Status::Pending) | None => follow_up.may_be_sent_pending(),
        })
    }

    /// True if nothing is left that could be sent, or if that has been waited for long enough. Then the test case may end.
    pub(crate) fn has_kept_promises(&mut self) -> bool {
        if self.outbox.sent.is_none() && (self.next_promise().is_none() || !self.connected()) {
            return true;
        }
        let patience = super::flow::nanos(self.seconds("response_timeout", 30.0));
        let closing = *self.outbox.closing.get_or_insert(self.now.mono_ns.saturating_add(patience));
        self.now.mono_ns >= closing
    }
}
