//! What waits to be sent: one CALL at a time, and transaction-related messages kept until they are delivered (3.7).

use std::time::Duration;

use serde_json::Value;

use super::{ChargePoint, Timer, boot::Registration};
use crate::protocol::frame::Frame;

/// How long the central system may take to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// The transactionId where the central system gave none (errata 3.18).
const NO_TRANSACTION_ID: i64 = -1;
/// Most messages that wait.
const MOST_WAITING: usize = 1000;

/// A CALL to send.
#[derive(Debug, Clone)]
pub(super) struct Outgoing {
    pub(super) action: &'static str,
    pub(super) payload: Value,
    /// Our number of the transaction, of a transaction-related message.
    pub(super) transaction: Option<u64>,
    /// It was asked for by a TriggerMessage, and may be sent while the charge point is pending.
    pub(super) triggered: bool,
    /// How often it was sent in vain.
    failures: u64,
}

impl ChargePoint {
    /// Has a CALL sent as soon as its turn comes; it is lost while there is no connection.
    pub(super) fn call(&mut self, action: &'static str, payload: Value) {
        self.enqueue(action, payload, false);
    }

    /// Has a CALL sent that a TriggerMessage asked for.
    pub(super) fn call_triggered(&mut self, action: &'static str, payload: Value) {
        self.enqueue(action, payload, true);
    }

    fn enqueue(&mut self, action: &'static str, payload: Value, triggered: bool) {
        if self.physical.conn.is_some() && self.queue.len() < MOST_WAITING {
            self.queue.push_back(Outgoing { action, payload, transaction: None, triggered, failures: 0 });
        }
    }

    /// Has a transaction-related message delivered, however long that takes.
    pub(super) fn deliver(&mut self, action: &'static str, payload: Value, transaction: Option<u64>) {
        self.transaction_queue.push_back(Outgoing { action, payload, transaction, triggered: false, failures: 0 });
    }

    pub(super) fn send_waiting(&mut self) {
        if self.physical.conn.is_none() || self.outstanding.is_some() {
            return;
        }
        let Some(mut outgoing) = self.next() else { return };
        if let Some(transaction) = outgoing.transaction.filter(|_| outgoing.action != "StartTransaction") {
            let id = self.transaction_ids.get(&transaction).copied().unwrap_or(NO_TRANSACTION_ID);
            outgoing.payload["transactionId"] = id.into();
        }
        self.messages_made += 1;
        let id = format!("{}-{}", self.boots, self.messages_made);
        let (action, payload) = (outgoing.action.to_owned(), outgoing.payload.clone());
        self.physical.send(Frame::Call { id: id.clone(), action, payload }.to_text());
        self.outstanding = Some((id, outgoing));
        self.schedule(ANSWER_TIMEOUT, Timer::Unanswered);
    }

    fn next(&mut self) -> Option<Outgoing> {
        if self.registration == Registration::Accepted {
            // Before a retransmission the charge point waits; what comes after it waits, too (3.7.1).
            let held = self.timers.any(|timer| *timer == Timer::Retry);
            let other = self.queue.pop_front();
            return if other.is_some() || held { other } else { self.transaction_queue.pop_front() };
        }
        // 4.2: nothing but the BootNotification goes out, and what a TriggerMessage asks for while pending.
        let pending = self.registration == Registration::Pending;
        let allowed = |outgoing: &Outgoing| outgoing.action == "BootNotification" || (pending && outgoing.triggered);
        let at = self.queue.iter().position(allowed)?;
        self.queue.remove(at)
    }

    /// The CALL that this answers, if it is the one that waits.
    pub(super) fn take_outstanding(&mut self, id: &str) -> Option<Outgoing> {
        let (_, outgoing) = self.outstanding.take_if(|(sent, _)| sent == id)?;
        self.cancel(|timer| *timer == Timer::Unanswered);
        Some(outgoing)
    }

    /// The central system did not answer in time.
    pub(super) fn unanswered(&mut self) {
        if let Some((_, outgoing)) = self.outstanding.take() {
            self.not_processed(outgoing);
        }
    }

    /// The central system failed to process a message (3.7.1).
    pub(super) fn not_processed(&mut self, mut outgoing: Outgoing) {
        if outgoing.is_transaction_related() {
            outgoing.failures += 1;
            let attempts = self.configuration.number("TransactionMessageAttempts").max(1);
            let interval = self.configuration.number("TransactionMessageRetryInterval");
            if outgoing.failures < attempts {
                self.schedule(Duration::from_secs(interval * outgoing.failures), Timer::Retry);
                self.transaction_queue.push_front(outgoing);
            }
            return;
        }
        match outgoing.action {
            "BootNotification" => self.boot_failed(),
            "Authorize" => self.authorize_failed(),
            _ => {}
        }
    }

    /// The connection is gone: transaction-related messages wait for the next one, all others are lost.
    pub(super) fn keep_undelivered(&mut self) {
        self.queue.clear();
        if let Some((_, outgoing)) = self.outstanding.take() {
            if outgoing.is_transaction_related() {
                self.transaction_queue.push_front(outgoing);
            }
        }
        self.authorizing.clear();
        self.cancel(|timer| matches!(timer, Timer::Unanswered | Timer::Retry));
    }
}

impl Outgoing {
    /// StartTransaction, StopTransaction, and MeterValues that were not triggered (3.7).
    fn is_transaction_related(&self) -> bool {
        matches!(self.action, "StartTransaction" | "StopTransaction")
            || (self.action == "MeterValues" && !self.triggered)
    }
}
