//! Calls of the SUT that no step has asked for: rules for all of them, what is background, and what is learnt from them.

use super::{Call, Finding, World, file_name};
use crate::{
    engine::{Phase, own_station::Asked, rules, unsolicited},
    verdict::Verdict,
    yaml::shorten,
};

impl World {
    /// Rules of the test case for every message of a kind.
    pub(crate) fn apply_always(&mut self, call: &Call) {
        if self.phase != Phase::Main {
            return;
        }
        let scope = self.root_scope();
        for (index, rule) in self.setup.case.clone().always.iter().enumerate() {
            if rule.action != call.action {
                continue;
            }
            let names = self.names(&scope);
            if !rule.matches.mismatches(&call.payload, &names).is_ok_and(|found| found.is_empty()) {
                continue;
            }
            self.ruled(call.input, index);
            let base = Finding {
                source: Some(format!("{}:{}", file_name(&rule.file), rule.at.line)),
                requirements: rule.requirements.clone(),
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
                Some(checks) => match checks.mismatches(&call.payload, &names) {
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
            self.remarks.push("after a mere reconnect the station sent a BootNotification, which it should not".into());
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
        let Some(started) = self.memory.left_behind.get(id).filter(|_| call.action == "TransactionEvent") else {
            return false;
        };
        if call.payload["eventType"] == "Started" && call.payload["timestamp"] != *started {
            // Another transaction, though it has the same id.
            let message = format!("the transactionId {id} was used by another transaction before");
            self.memory.left_behind.remove(id);
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
        self.default_reply(call, Asked::Unasked);
        true
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
        if call.action == "TransactionEvent" {
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
    }

    /// Calls received since a time, latest last.
    pub(crate) fn received_since(&self, seconds: f64) -> impl Iterator<Item = &Call> {
        self.received.iter().filter(move |call| call.at.seconds() >= seconds)
    }
}
