//! Calls of the SUT that no step has asked for: rules for all of them, what is background, and what is learnt from them.

use serde_json::Value;

use super::{Call, Finding, World, finding::file_name};
use crate::{
    engine::{Phase, leftovers::LeftTransaction, own_station::Asked, rules, unsolicited},
    verdict::Verdict,
    yaml::shorten,
};

/// How long after a connect or a boot what was queued before may come, seconds.
const FIRST_MOMENTS: f64 = 60.0;

impl World {
    /// Rules of the test case for every message of a kind.
    pub(crate) fn apply_always(&mut self, call: &Call) {
        if self.phase != Phase::Main {
            return;
        }
        for (index, rule) in self.setup.case.clone().always.iter().enumerate() {
            if rule.action != call.action {
                continue;
            }
            if rule.matches.hold(&call.payload, &self.names_outside()) != Ok(true) {
                continue;
            }
            self.ruled(call.input, index);
            self.tested_by_rule(rule);
            let base = Finding {
                source: Some(format!("{}:{}", file_name(&rule.file), rule.at.line)),
                requirements: rule.requirements.broken(&self.names_outside()),
                frame: Some(shorten(&call.text, 4000)),
                ..Finding::default()
            };
            match &rule.checks {
                None => self.find(
                    Verdict::Fail,
                    Finding {
                        step: format!("always: never {}", call.action),
                        message: format!("{} must not come here", call.action),
                        ..base
                    },
                ),
                Some(checks) => match checks.mismatches(&call.payload, &self.names_outside()) {
                    Ok(found) => {
                        if let Some(mismatch) = found.first() {
                            let finding = Finding {
                                step: format!("always: every {}", call.action),
                                message: format!("{} breaks a rule that holds throughout", call.action),
                                ..base
                            };
                            self.find(Verdict::Fail, finding.mismatch(mismatch, &call.text));
                        }
                    }
                    Err(error) => self.find(Verdict::Error, Finding::new("always", error.to_string())),
                },
            }
        }
    }

    /// A message that no step claimed: it is answered, and `unsolicited` says what it means. A step that waits for such a message
    /// (`wanted`) has got another one than it wants.
    pub(crate) fn background(&mut self, call: &Call, waiting_for: &str, wanted: bool, at: Finding) {
        let unsolicited = unsolicited::of(&call.action, self.is_station_test());
        let known = self.known_of(call);
        match unsolicited {
            Some(_) => self.default_reply(call, Asked::Unasked),
            None => self.refuse(call.conn, &call.id, "NotSupported", "the other side sends such a request"),
        }
        // Part 4, 5.3 only advises against booting anew where nothing but the connection was lost.
        if call.action == "BootNotification" && self.is_station_test() && std::mem::take(&mut self.cut_by_us) {
            self.remark("after a mere reconnect the station sent a BootNotification, which it should not".into());
            return;
        }
        if self.phase != Phase::Main {
            return;
        }
        let Some(mut verdict) = unsolicited.map_or(Some(Verdict::Fail), |line| line.verdict(call, known)) else {
            return;
        };
        let mut message = format!("{} was not expected here", rules::summary(call));
        if wanted {
            verdict = Verdict::Fail;
        } else if let Some(line) = unsolicited.filter(|_| !self.is_station_test()) {
            message = format!("{message}: {}", line.reason);
        }
        let mut finding = Finding { message, requirements: Vec::new(), in_between: true, ..at };
        finding.expected = Some(waiting_for.to_owned());
        finding.found = Some(rules::summary(call));
        finding.frame = Some(shorten(&call.text, 4000));
        self.find(verdict, finding);
    }

    /// What the meaning of an unsolicited message may depend on, before it is answered.
    fn known_of(&self, call: &Call) -> unsolicited::Known {
        if self.is_station_test() {
            return unsolicited::Known::default();
        }
        let station = &self.memory.station;
        unsolicited::Known {
            awaits_certificate: station.awaits_certificate(),
            changes_availability: call.action == "ChangeAvailability"
                && station.changes_availability(&self.around(), &call.payload),
            names_transaction: call.action == "RequestStopTransaction"
                && self.told.is_running(call.payload["transactionId"].as_str().unwrap_or_default()),
        }
    }

    /// True for an event of a transaction that a former test case left behind: it is answered, and tells nothing here.
    pub(crate) fn left_behind(&mut self, call: &Call) -> bool {
        let id = call.payload["transactionInfo"]["transactionId"].as_str().unwrap_or_default();
        if call.action != "TransactionEvent" {
            return false;
        }
        if self.is_from_before(call, id) {
            let by = self.memory.leftovers.by.clone();
            let since = by.as_deref().unwrap_or("before this run");
            self.remark(format!("the station sent what was queued of transaction {id}, which is from {since}"));
            let first = call.payload["eventType"] == "Started";
            let started = if first { call.payload["timestamp"].clone() } else { Value::Null };
            self.memory.leftovers.leave(id.to_owned(), LeftTransaction { started, by, evse: None, running: true });
        }
        let Some(left) = self.memory.leftovers.transactions.get(id) else { return false };
        if call.payload["eventType"] == "Started" && call.payload["timestamp"] != left.started {
            // Another transaction, though it has the same id.
            let message = format!("the transactionId {id} was used by another transaction before");
            self.memory.leftovers.transactions.remove(id);
            self.find(
                Verdict::Fail,
                Finding {
                    frame: Some(shorten(&call.text, 4000)),
                    requirements: vec!["E01.FR.08".into()],
                    ..Finding::new("rule: unique transaction ids", message)
                },
            );
            return false;
        }
        self.memory.leftovers.transaction_tells(&call.payload);
        self.default_reply(call, Asked::Unasked);
        true
    }

    /// True for an event of a transaction that began before this test case, of which none has come yet. While nothing is
    /// asked of the station nothing begins. Later it must be from before the run: not its first event, with a time from before
    /// the run, and sent in the first moments of a connection or after a boot, as what was queued is (E11.FR.02).
    fn is_from_before(&self, call: &Call, id: &str) -> bool {
        let known = self.transactions.knows(id) || self.memory.leftovers.transactions.contains_key(id);
        if known || self.phase == Phase::Prepare {
            return !known;
        }
        let first = call.payload["eventType"] == "Started" || call.payload["seqNo"].as_i64().is_none_or(|seq| seq <= 0);
        if first || !self.memory.contact_s.is_some_and(|at| self.now.seconds() - at <= FIRST_MOMENTS) {
            return false;
        }
        let happened = call.payload["timestamp"].as_str().and_then(|text| text.parse::<jiff::Timestamp>().ok());
        happened.zip(self.memory.since).is_some_and(|(happened, since)| happened < since)
    }

    /// A duplicate of a TransactionEvent that was already answered may come again after a reconnect.
    pub(crate) fn late(&mut self, call: &Call) -> bool {
        let again = self.transactions.is_repetition(call);
        if again {
            self.default_reply(call, Asked::Unasked);
        }
        again
    }

    /// Learns from a message, once the steps have seen it.
    pub(crate) fn learn(&mut self, call: &Call) {
        self.memory.learn_connectors(call);
        self.memory.leftovers.learn(call);
        if call.action == "TransactionEvent" {
            for field in self.transactions.repeated(&call.payload) {
                self.remark(format!(
                    "the station repeats {field} in later TransactionEvents of a transaction; Part 2 (E, 1.5, informative) has it sent once"
                ));
            }
            for complaint in self.transactions.learn(call) {
                let mut finding = Finding::new("rule: order of TransactionEvents", complaint);
                finding.frame = Some(shorten(&call.text, 4000));
                self.find(Verdict::Fail, finding);
            }
        }
    }

    /// Notes that a BootNotification was answered.
    pub(crate) fn boot_answered(&mut self, status: &str) {
        self.memory.registration.answered(status);
        self.memory.contact_s = Some(self.now.seconds());
    }

    /// Calls received since a time, latest last.
    pub(crate) fn received_since(&self, seconds: f64) -> impl Iterator<Item = &Call> {
        self.received.iter().filter(move |call| call.at.seconds() >= seconds)
    }
}
