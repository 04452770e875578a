//! Calls of the SUT that no step has asked for: rules for all of them, what is background, and what is learnt from them.

use super::{Call, Finding, World, file_name};
use crate::{
    engine::{Phase, rules},
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
                requirements: rule.requirements.broken(&names),
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

    /// A message that no step claimed: answered where it is background, a failure where it is not.
    pub(crate) fn background(&mut self, call: &Call, waiting_for: &str, at: Finding) {
        self.default_reply(call);
        // Part 4, 5.3 only advises against booting anew where nothing but the connection was lost.
        if call.action == "BootNotification" && self.is_station_test() && std::mem::take(&mut self.cut_by_us) {
            self.remarks.push("after a mere reconnect the station sent a BootNotification, which it should not".into());
            return;
        }
        if self.phase == Phase::Main && !rules::is_background(call, self.is_station_test()) {
            let message = format!("{} was not expected here", rules::summary(call));
            let mut finding = Finding { message, requirements: Vec::new(), in_between: true, ..at };
            finding.expected = Some(waiting_for.to_owned());
            finding.found = Some(rules::summary(call));
            finding.frame = Some(shorten(&call.text, 4000));
            self.find(Verdict::Fail, finding);
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
        self.default_reply(call);
        true
    }

    /// A duplicate of a TransactionEvent that was already answered may come again after a reconnect.
    pub(crate) fn late(&mut self, call: &Call) -> bool {
        let again = self.transactions.is_repetition(call);
        if again {
            self.default_reply(call);
        }
        again
    }

    /// Learns from a message, once the steps have seen it.
    pub(crate) fn learn(&mut self, call: &Call) {
        if call.action == "BootNotification" {
            self.memory.accepted = false; // the answer decides; see `learn_boot`
        }
        self.memory.learn_connectors(call);
        if call.action == "TransactionEvent" {
            for complaint in self.transactions.learn(call) {
                let mut finding = Finding::new("rule: order of TransactionEvents", complaint);
                finding.frame = Some(shorten(&call.text, 4000));
                self.find(Verdict::Fail, finding);
            }
        }
        self.learn_boot();
    }

    /// The status of a boot is what we last answered.
    fn learn_boot(&mut self) {
        if let Some(status) = self.memory.last_boot_status.take() {
            self.memory.accepted = status == "Accepted";
        }
    }

    /// Notes that a BootNotification was answered.
    pub(crate) fn boot_answered(&mut self, status: &str) {
        self.memory.last_boot_status = Some(status.to_owned());
    }

    /// Calls received since a time, latest last.
    pub(crate) fn received_since(&self, seconds: f64) -> impl Iterator<Item = &Call> {
        self.received.iter().filter(move |call| call.at.seconds() >= seconds)
    }
}
