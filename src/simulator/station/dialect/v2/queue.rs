//! What waits to be sent: one CALL at a time, and TransactionEvents kept until they are delivered (E04, E11, E13).

use std::time::Duration;

use serde_json::Value;

use super::{Boot, Outgoing, Station, Timer};
use crate::protocol::frame::Frame;

/// Most messages that wait to be sent.
pub(super) const MOST_WAITING: usize = 1000;

impl Station {
    /// Has a CALL sent as soon as its turn comes; what is no TransactionEvent is lost while there is no connection.
    pub(super) fn call(&mut self, action: &'static str, payload: Value) {
        let outgoing = Outgoing { action, payload, failures: 0 };
        if action == "TransactionEvent" {
            self.transaction_queue.push_back(outgoing);
        } else if self.physical.conn.is_some() && self.queue.len() < MOST_WAITING {
            self.queue.push_back(outgoing);
        }
    }

    pub(super) fn send_waiting(&mut self) {
        if self.physical.conn.is_none() || self.outstanding.is_some() {
            return;
        }
        let next = if self.boot == Boot::Accepted {
            // E13.FR.03: the next attempt has its time; what comes after it waits, too.
            let held = self.timers.any(|timer| *timer == Timer::Retry);
            let other = self.queue.pop_front();
            if other.is_some() || held { other } else { self.transaction_queue.pop_front() }
        } else {
            // Before acceptance only a BootNotification may go out, or what was triggered while pending (B02.FR.02).
            let at = self.queue.iter().position(|outgoing| {
                outgoing.action == "BootNotification"
                    || (self.boot == Boot::Pending && outgoing.action == "NotifyReport")
            });
            at.and_then(|at| self.queue.remove(at))
        };
        let Some(outgoing) = next else { return };
        self.messages_made += 1;
        let id = format!("{}-{}", self.boots, self.messages_made);
        let frame =
            Frame::Call { id: id.clone(), action: outgoing.action.to_owned(), payload: outgoing.payload.clone() };
        self.physical.send(frame.to_text());
        self.outstanding = Some((id, outgoing));
        let timeout = self.device.number("OCPPCommCtrlr", "MessageTimeout").max(1);
        self.schedule(Duration::from_secs(timeout), Timer::Unanswered);
    }

    pub(super) fn answer(&mut self, frame: &Frame) {
        self.physical.send(frame.to_text());
    }

    /// The CALL that this answers, if it is the one that waits.
    pub(super) fn take_outstanding(&mut self, id: &str) -> Option<Outgoing> {
        let (_, outgoing) = self.outstanding.take_if(|(sent, _)| sent == id)?;
        self.cancel(|timer| *timer == Timer::Unanswered);
        Some(outgoing)
    }

    /// MessageTimeout has passed.
    pub(super) fn unanswered(&mut self) {
        if let Some((_, outgoing)) = self.outstanding.take() {
            self.not_accepted(outgoing);
        }
    }

    /// A CALL was refused, or not answered in time.
    pub(super) fn not_accepted(&mut self, mut outgoing: Outgoing) {
        match outgoing.action {
            // E13: it is sent again after a time that grows, and given up in the end.
            "TransactionEvent" => {
                outgoing.failures += 1;
                let attempts = self.device.number("OCPPCommCtrlr", "MessageAttempts").max(1);
                let interval = self.device.number("OCPPCommCtrlr", "MessageAttemptInterval");
                if outgoing.failures < attempts {
                    self.schedule(Duration::from_secs(interval * outgoing.failures), Timer::Retry);
                    self.transaction_queue.push_front(outgoing);
                }
            }
            "BootNotification" => self.schedule(Duration::from_secs(30), Timer::BootAgain),
            "Authorize" => self.authorize_failed(),
            "NotifyEVChargingNeeds" => self.needs_answered(&outgoing.payload, None),
            "Get15118EVCertificate" => self.contract_not_answered(),
            _ => {}
        }
    }

    /// The connection is gone. What was under way has not been delivered, and whatever waits is offline from now on
    /// (E11.FR.07).
    pub(super) fn keep_undelivered(&mut self) {
        // A04.FR.02: security events wait as well; so does what monitors have noticed and nobody has confirmed.
        let waits = |outgoing: &Outgoing| ["SecurityEventNotification", "NotifyEvent"].contains(&outgoing.action);
        self.queue.retain(waits);
        match self.outstanding.take() {
            Some((_, outgoing)) if outgoing.action == "TransactionEvent" => self.transaction_queue.push_front(outgoing),
            Some((_, outgoing)) if waits(&outgoing) => self.queue.push_front(outgoing),
            _ => {}
        }
        for outgoing in &mut self.transaction_queue {
            outgoing.payload["offline"] = true.into();
        }
        for (index, _, stopping) in std::mem::take(&mut self.authorizing) {
            if !stopping {
                self.refused(index);
            }
        }
        self.requesting_contracts.clear();
        self.cancel(|timer| matches!(timer, Timer::Unanswered | Timer::Retry));
    }
}
