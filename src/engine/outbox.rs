//! CALLs that our station sends on its own because one of its answers promised them.
//!
//! They are sent one at a time, and only if no other CALL of ours is waiting for its answer (Part 4, 4.1.1). A step that has a
//! CALL to send takes precedence. The answer that promised them is written first on the same connection (F06.FR.04). When the
//! connection is lost, what has not been sent is dropped.

use super::{
    exchange::Answer,
    finding::Finding,
    sut_state::{SutMemory, next_id},
    world::World,
};
use crate::{
    clock::Stamp,
    protocol::{rules::Rule, session::Promised},
    testcase::template::Template,
    verdict::Verdict,
    yaml::shorten,
};

/// The CALL that waits for its answer.
#[derive(Debug, Clone)]
struct Sent {
    id: String,
    action: &'static str,
    because: String,
    /// When its answer is overdue, nanoseconds of the run.
    until: u64,
}

/// The sending of what our station has promised.
#[derive(Debug, Clone, Default)]
pub(crate) struct Outbox {
    /// Since when the first of them waits for its turn.
    since: Option<Stamp>,
    sent: Option<Sent>,
    /// When the test case ends even if messages are left, nanoseconds of the run.
    closing: Option<u64>,
}

impl Outbox {
    /// When time alone changes something.
    pub(crate) fn deadline(&self) -> Option<u64> {
        [self.sent.as_ref().map(|sent| sent.until), self.closing].into_iter().flatten().min()
    }
}

impl World {
    /// Notes since when something waits that was promised.
    pub(crate) fn note_promises(&mut self) {
        if self.memory.session.has_promises() {
            self.outbox.since.get_or_insert(self.now);
        }
    }

    /// When what was promised may be sent at the pace of a station, where only that keeps it back.
    pub(crate) fn promise_due(&self) -> Option<u64> {
        let since = self.outbox.since.filter(|_| self.memory.session.has_promises() && self.may_call())?;
        self.too_early(since).then(|| self.pace.due(since))
    }

    /// When our station has something to send because of the time, nanoseconds of the run.
    pub(crate) fn event_due(&self) -> Option<u64> {
        let due = self.memory.session.next_due().filter(|_| self.tells_events())?;
        let ahead = due.duration_since(self.now.wall).as_nanos().max(0);
        Some(self.now.mono_ns.saturating_add(u64::try_from(ahead).unwrap_or(u64::MAX)))
    }

    /// Lets our station find what it has to send because of the time.
    pub(crate) fn let_time_pass(&mut self) {
        if self.tells_events() && self.memory.session.next_due().is_some_and(|due| due <= self.now.wall) {
            let moment = self.moment();
            self.memory.session.time_passes(&moment);
            self.note_promises();
        }
    }

    /// True while our station is connected, so that it sends the events that it has.
    fn tells_events(&self) -> bool {
        !self.is_station_test() && self.open.is_some()
    }

    /// Drops everything that was to be sent, because the connection is lost.
    pub(crate) fn forget_promises(&mut self) {
        self.memory.session.forget_promises();
        self.outbox.sent = None;
    }

    /// Takes the answer to the CALL that was sent last, if it has arrived.
    pub(crate) fn take_answer_to_promise(&mut self) {
        let Some(sent) = self.outbox.sent.take() else { return };
        match self.call_answers.remove(&sent.id) {
            None if self.now.mono_ns < sent.until => self.outbox.sent = Some(sent),
            None => {
                let message =
                    format!("{}, which our station sent because of {}, was not answered", sent.action, sent.because);
                let mut finding = Finding::of_rule(Rule::OurMessagesAreAnswered, message);
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
                let mut finding = Finding::of_rule(Rule::OurMessagesAreAnswered, message);
                finding.expected = Some(format!("a CALLRESULT for {}", sent.action));
                finding.found = Some(format!("CALLERROR {code}"));
                finding.frame = Some(shorten(&text, 4000));
                self.find(Verdict::Fail, finding);
            }
            Some(Answer::Result(..)) => {
                let moment = self.moment();
                self.memory.session.promise_answered(&moment, sent.action);
                self.note_promises();
            }
            Some(Answer::Lost(_)) => {}
        }
    }

    /// Sends the next CALL if it is its turn. True if that failed.
    pub(crate) fn send_promise(&mut self) -> bool {
        while self.outbox.sent.is_none() && self.may_call() && self.promise_due().is_none() {
            let moment = self.moment();
            let SutMemory { session, last_id, .. } = &mut self.memory;
            let Some(promised) = session.next_promise(&moment, &mut || next_id(last_id)) else { return false };
            let Promised { action, payload, because } = promised;
            let finding = Finding::new(format!("after {because}"), String::new());
            if !self.is_sound(action, true, &payload, &Template::literal(serde_json::Value::Null), finding) {
                return true;
            }
            let until = self.now.mono_ns.saturating_add(crate::clock::nanos(self.seconds("response_timeout", 30.0)));
            let Some(id) = self.call(action, payload, until) else { return false };
            self.outbox.sent = Some(Sent { id, action, because, until });
            self.outbox.since = self.memory.session.has_promises().then_some(self.now);
        }
        false
    }

    /// True if nothing is left that could be sent, or if that has been waited for long enough. Then the test case may end.
    pub(crate) fn has_kept_promises(&mut self) -> bool {
        if self.outbox.sent.is_none() && (!self.memory.session.may_keep_promise() || !self.connected()) {
            return true;
        }
        let patience = crate::clock::nanos(self.seconds("response_timeout", 30.0));
        let closing = *self.outbox.closing.get_or_insert(self.now.mono_ns.saturating_add(patience));
        self.now.mono_ns >= closing
    }
}
