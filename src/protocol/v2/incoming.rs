//! What comes from the product: whether it may come, what it means where no step waits for it, and what is learnt from it.

use super::{
    Admission, Breach, Call, Conversation, Learnt, Moment, Rule, Unsolicited, echo,
    registration::{self, BOOT},
    times, unsolicited,
};
use crate::protocol::{leftovers::LeftTransaction, session::Phase};

/// How long after a connect or a boot what was queued before may come, seconds.
const FIRST_MOMENTS: f64 = 60.0;

impl Conversation {
    /// A station that may not send this now is answered with SecurityError (B01.FR.10, B02.FR.09, B03.FR.07).
    pub(super) fn admission(&mut self, moment: &Moment, call: &Call) -> Admission {
        if moment.tests_station {
            if let Some(breach) = registration::breach(&self.registration, call, &self.protocol.semantics.summary(call))
            {
                let (code, description) = ("SecurityError", "not accepted yet");
                return Admission::Refused { code, description, breach: Box::new(breach) };
            }
            if call.action == BOOT {
                self.registration.boots();
            }
        }
        let mut breaches = Vec::new();
        // Before its boot is accepted a station may not know the time (B01.FR.06).
        if !moment.tests_station || self.registration.is_accepted() {
            breaches = times::check_call(self.protocol.messages(), moment, &self.of_test.transactions, call);
        }
        if moment.tests_station {
            breaches.extend(echo::check_follow_up(&self.request_ids, call));
        } else {
            let objections = self.station.objections(&self.around(moment), &call.action, &call.payload);
            breaches.extend(objections.into_iter().map(|objection| Breach {
                pointer: Some(objection.pointer),
                requirements: vec![objection.requirement.to_owned()],
                ..Breach::new(objection.rule, objection.message, &call.text)
            }));
        }
        Admission::Admitted(breaches)
    }

    /// What a message means that no step waits for, before it is answered.
    pub(super) fn meaning(&self, moment: &Moment, call: &Call) -> Option<Unsolicited> {
        let line = unsolicited::of(&call.action, moment.tests_station)?;
        let mut known = unsolicited::Known::default();
        if !moment.tests_station {
            let id = call.payload["transactionId"].as_str().unwrap_or_default();
            known = unsolicited::Known {
                awaits_certificate: self.station.awaits_certificate(),
                changes_availability: call.action == "ChangeAvailability"
                    && self.station.changes_availability(&self.around(moment), &call.payload),
                names_transaction: call.action == "RequestStopTransaction" && self.of_test.told.is_running(id),
            };
        }
        let verdict = unsolicited::verdict(line, call, known);
        Some(Unsolicited { verdict, reason: line.reason, breaks: line.breaks })
    }

    /// True for an event of a transaction that a former test case left behind: it is answered, and tells nothing here.
    pub(super) fn left_behind(&mut self, moment: &Moment, call: &Call) -> (bool, Learnt) {
        let mut learnt = Learnt::default();
        let id = call.payload["transactionInfo"]["transactionId"].as_str().unwrap_or_default();
        if call.action != "TransactionEvent" {
            return (false, learnt);
        }
        if self.is_from_before(moment, call, id) {
            let by = self.leftovers.by.clone();
            let since = by.as_deref().unwrap_or("before this run");
            learnt.remarks.push(format!("the station sent queued events of transaction {id}, which is from {since}"));
            let first = call.payload["eventType"] == "Started";
            let started = if first { call.payload["timestamp"].clone() } else { serde_json::Value::Null };
            self.leftovers.leave(id.to_owned(), LeftTransaction { started, by, evse: None, running: true });
        }
        let Some(left) = self.leftovers.transactions.get(id) else { return (false, learnt) };
        if call.payload["eventType"] == "Started" && call.payload["timestamp"] != left.started {
            // Another transaction, though it has the same id.
            let message = format!("the transactionId {id} was used by another transaction before");
            self.leftovers.transactions.remove(id);
            learnt.breaches.push(Breach {
                requirements: Rule::UniqueTransactionIds.broken(self.protocol.version),
                ..Breach::new(Rule::UniqueTransactionIds, message, &call.text)
            });
            return (false, learnt);
        }
        let evse = call.payload["evse"]["id"].as_u64();
        self.leftovers.transaction_tells(id, evse, call.payload["eventType"] == "Ended");
        (true, learnt)
    }

    /// True for an event of a transaction that began before this test case, of which none has come yet. While nothing is
    /// asked of the station nothing begins. Later it must be from before the run: not its first event, with a time from before
    /// the run, and sent in the first moments of a connection or after a boot, as what was queued is (E11.FR.02).
    fn is_from_before(&self, moment: &Moment, call: &Call, id: &str) -> bool {
        let known = self.of_test.transactions.knows(id) || self.leftovers.transactions.contains_key(id);
        if known || moment.phase == Phase::Prepare {
            return !known;
        }
        let first = call.payload["eventType"] == "Started" || call.payload["seqNo"].as_i64().is_none_or(|seq| seq <= 0);
        if first || !self.contact_s.is_some_and(|at| moment.now.seconds() - at <= FIRST_MOMENTS) {
            return false;
        }
        let happened = call.payload["timestamp"].as_str().and_then(|text| text.parse::<jiff::Timestamp>().ok());
        happened.zip(self.since).is_some_and(|(happened, since)| happened < since)
    }

    /// Learns from a message, once the steps have seen it.
    pub(super) fn learn_from(&mut self, call: &Call) -> Learnt {
        let mut learnt = Learnt::default();
        self.connectors.learn(call);
        self.learn_what_is_over(call);
        if call.action == "TransactionEvent" {
            let transactions = &mut self.of_test.transactions;
            learnt.remarks.extend(transactions.repeated(&call.payload).into_iter().map(|field| {
                format!(
                    "the station repeats {field} in later TransactionEvents of a transaction; according to Part 2 (E, 1.5, informative) it is sent once"
                )
            }));
            let complaints = transactions.learn(call).into_iter();
            learnt.breaches.extend(complaints.map(|complaint| Breach {
                expected: Some(complaint.expected),
                found: call.payload.pointer(complaint.pointer).map(ToString::to_string),
                pointer: Some(complaint.pointer.to_owned()),
                ..Breach::new(Rule::OrderOfEvents, complaint.message, &call.text)
            }));
        }
        learnt
    }

    /// Learns what of the test cases before this one is over.
    fn learn_what_is_over(&mut self, call: &Call) {
        match call.action.as_str() {
            BOOT => {
                self.leftovers.boots();
                // None goes on over a restart without an event.
                self.leftovers.transactions_end();
            }
            "TransactionEvent" if is_about_a_driver(&call.payload) => {
                self.leftovers.driver_is_settled(call.payload["evse"]["id"].as_u64());
            }
            "FirmwareStatusNotification" => self.leftovers.firmware_is(&call.payload["status"]),
            _ => {}
        }
    }
}

/// True for an event that tells what became of a driver: he began, went on or ended something, or was given up.
fn is_about_a_driver(payload: &serde_json::Value) -> bool {
    let told = ["Authorized", "RemoteStart", "StopAuthorized", "Deauthorized", "EVConnectTimeout", "RemoteStop"];
    payload.get("idToken").is_some()
        || payload["eventType"] == "Ended"
        || payload["triggerReason"].as_str().is_some_and(|reason| told.contains(&reason))
}
