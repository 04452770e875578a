//! What comes from the product: whether it may come, what it means where no step waits for it, and what is learnt from it.

use std::hash::{DefaultHasher, Hash, Hasher};

use serde_json::Value;

use super::{
    Admission, Breach, Call, Conversation, Learnt, Moment, Rule, Unsolicited, echo,
    registration::BOOT,
    request_rules,
    semantics::OF_TRANSACTIONS,
    times,
    transactions::{UNKNOWN_ID, named},
    unsolicited,
};
use crate::protocol::{leftovers::LeftTransaction, session::Phase};

/// How long after a connect or a boot what was queued before may come, seconds.
const FIRST_MOMENTS: f64 = 60.0;
/// Most message ids that are remembered.
const MAX_IDS: usize = 4096;

/// What a CALL says, for telling whether another one says the same.
fn content(call: &Call) -> u64 {
    let mut hasher = DefaultHasher::new();
    call.action.hash(&mut hasher);
    call.payload.to_string().hash(&mut hasher);
    hasher.finish()
}

/// A transaction can't be started at the charge point as a whole (6.33).
fn no_connector(call: &Call) -> Option<Breach> {
    let whole = call.action == "RemoteStartTransaction" && call.payload["connectorId"] == 0;
    whole.then(|| Breach {
        expected: Some("/connectorId = a connector, from 1 on".into()),
        found: Some("0".into()),
        pointer: Some("/connectorId".into()),
        requirements: vec!["1.6, 5.11".into()],
        ..Breach::new(
            Rule::DataTypes,
            "a transaction is to start at connector 0, which is the charge point itself",
            &call.text,
        )
    })
}

impl Conversation {
    /// A charge point that may not send this now is answered with SecurityError (errata of OCPP-J, 3.10).
    pub(super) fn admission(&mut self, moment: &Moment, call: &Call) -> Admission {
        if self.of_test.ids.len() < MAX_IDS {
            self.of_test.ids.insert((call.conn, call.id.clone()), content(call));
        }
        if moment.tests_station {
            if let Some(breach) = self.registration.breach(call, &self.protocol.semantics.summary(call)) {
                let (code, description) = ("SecurityError", "not accepted yet");
                return Admission::Refused { code, description, breach: Box::new(breach) };
            }
            if call.action == BOOT {
                self.registration.boots();
            }
        }
        let mut breaches = Vec::new();
        // Before its boot is accepted a charge point may not know the time (4.2.1).
        if !moment.tests_station || self.registration.is_accepted() {
            breaches = times::check_call(self.protocol.messages(), moment, &self.of_test.transactions, call);
        }
        if moment.tests_station {
            breaches.extend(echo::check_follow_up(&self.request_ids, call));
        } else {
            breaches.extend(no_connector(call));
            breaches.extend(request_rules::breaches(&call.action, &call.payload, &call.text));
        }
        Admission::Admitted(breaches)
    }

    /// A CALL that is sent again because it was not answered may keep its message id (errata of OCPP-J, 3.1).
    pub(super) fn repeats_id(&self, call: &Call) -> bool {
        // The defaults that the engine fills in stand in what was remembered, and not yet in this.
        let payload = self.protocol.messages().with_defaults(&call.action, true, call.payload.clone());
        let call = Call { payload, ..call.clone() };
        self.of_test.ids.get(&(call.conn, call.id.clone())) == Some(&content(&call))
    }

    /// What a message means that no step waits for, before it is answered.
    pub(super) fn meaning(&self, moment: &Moment, call: &Call) -> Option<Unsolicited> {
        let line = unsolicited::of(&call.action, moment.tests_station)?;
        let mut known = unsolicited::Known::default();
        if moment.tests_station {
            known.triggered = self.registration.has_triggered(&call.action);
        } else {
            let around = self.around(moment);
            let registration = &self.station.registration;
            known.awaits_certificate = self.station.awaits_certificate();
            known.changes_availability = self.station.changes_availability(&around, call);
            known.meets_transaction = match call.action.as_str() {
                "RemoteStopTransaction" => named(&call.payload).is_some_and(|id| self.of_test.told.is_running(id)),
                _ => call.payload["connectorId"].as_u64().is_some_and(|connector| around.is_charging_at(connector)),
            };
            known.pending = registration.status() == Some(super::OwnStatus::Pending);
            known.accepted = registration.is_accepted();
        }
        let verdict = unsolicited::verdict(line, call, known);
        Some(Unsolicited { verdict, reason: line.reason, breaks: line.breaks })
    }

    /// True for a message about a transaction that a former test case left behind, or that is from before the run: it is
    /// answered, and tells nothing here.
    pub(super) fn left_behind(&mut self, moment: &Moment, call: &Call) -> (bool, Learnt) {
        let mut learnt = Learnt::default();
        if !OF_TRANSACTIONS.contains(&call.action.as_str()) {
            return (false, learnt);
        }
        if call.action == "StartTransaction" {
            // Nothing is asked of the charge point yet, so nothing begins: this was queued.
            let queued = moment.phase == Phase::Prepare && self.of_test.transactions.id_of(&call.payload).is_none();
            if queued {
                learnt
                    .remarks
                    .push("the station sent a queued StartTransaction, which is from before this test case".into());
                self.of_test.left_starts.insert(call.payload.to_string());
            }
            return (queued, learnt);
        }
        let Some(id) = named(&call.payload) else { return (false, learnt) };
        let key = id.to_string();
        if !self.leftovers.transactions.contains_key(&key) {
            if !self.is_from_before(moment, call, id) {
                return (false, learnt);
            }
            let by = self.leftovers.by.clone();
            let since = by.as_deref().unwrap_or("before this run");
            learnt.remarks.push(format!("the station sent queued messages of transaction {id}, which is from {since}"));
            let left = LeftTransaction { started: Value::Null, by, evse: None, running: true };
            self.leftovers.leave(key.clone(), left);
        }
        let connector = call.payload["connectorId"].as_u64();
        self.leftovers.transaction_tells(&key, connector, call.action == "StopTransaction");
        (true, learnt)
    }

    /// True for a message of a transaction that began before this test case, of which nothing has come yet. While nothing is
    /// asked of the charge point nothing begins, and while nothing has begun here, nothing can be told of it. Later it must be from
    /// before the run: with times from before it, and sent in the first moments of a connection or after a boot, as what was queued is
    /// (3.7).
    fn is_from_before(&self, moment: &Moment, call: &Call, id: i64) -> bool {
        if id == UNKNOWN_ID || self.of_test.transactions.knows(id) {
            return false;
        }
        if moment.phase == Phase::Prepare || self.of_test.transactions.is_empty() {
            return true;
        }
        if !self.contact_s.is_some_and(|at| moment.now.seconds() - at <= FIRST_MOMENTS) {
            return false;
        }
        let values = call.payload["meterValue"].as_array().into_iter().flatten().map(|value| &value["timestamp"]);
        let mut times = values.chain(call.payload.get("timestamp"));
        let Some(since) = self.since else { return false };
        times.all(|time| {
            time.as_str().and_then(|text| text.parse::<jiff::Timestamp>().ok()).is_some_and(|time| time < since)
        })
    }

    /// Learns from a message, once the steps have seen it.
    pub(super) fn learn_from(&mut self, call: &Call) -> Learnt {
        let mut learnt = self.connectors.learn(call);
        self.learn_what_is_over(call);
        let section = match call.action.as_str() {
            "MeterValues" => "1.6, 4.7",
            "StartTransaction" => "1.6, 4.8",
            _ => "1.6, 4.10",
        };
        let complaints = self.of_test.transactions.learn(call).into_iter();
        learnt.breaches.extend(complaints.map(|complaint| Breach {
            requirements: vec![section.into()],
            ..Breach::new(Rule::MessagesOfTransactions, complaint, &call.text)
        }));
        learnt
    }

    /// Learns what of the test cases before this one is over.
    fn learn_what_is_over(&mut self, call: &Call) {
        let payload = &call.payload;
        match call.action.as_str() {
            // A transaction may still be stopped after it (5.14).
            BOOT => self.leftovers.boots(),
            "StartTransaction" => self.leftovers.driver_is_settled(payload["connectorId"].as_u64()),
            // He stopped a transaction, or was given up.
            "StopTransaction" => self.leftovers.driver_is_settled(None),
            "StatusNotification" if payload["status"] == "Available" => {
                let connector = payload["connectorId"].as_u64().filter(|connector| *connector > 0);
                if connector.is_some() {
                    self.leftovers.driver_is_settled(connector);
                }
            }
            "FirmwareStatusNotification" | "SignedFirmwareStatusNotification" => {
                self.leftovers.firmware_is(&payload["status"]);
            }
            _ => {}
        }
    }
}
