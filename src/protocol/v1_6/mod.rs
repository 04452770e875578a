//! What OCPP 1.6 makes of a conversation. `incoming.rs` is what comes from the product, `outgoing.rs` what we send, `replies.rs` what
//! we answer as a central system, `own_station/` the charge point that we play for a central system, `promises.rs` what that one sends
//! on its own.
//!
//! Section numbers are those of the specification, edition 2; "errata" is its errata sheet v4.0; ids such as A02.FR.03 are
//! requirements of the security whitepaper. A connector of 1.6 is what expressions and benches call an EVSE.

mod connectors;
mod echo;
mod incoming;
mod kept;
mod kpis;
mod outgoing;
mod own_station;
mod promises;
mod registration;
mod replies;
mod semantics;
#[cfg(test)]
mod tests;
mod times;
mod transactions;
pub mod unsolicited;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};

use serde_json::{Map, Value};

use self::{
    connectors::Connectors,
    own_station::{Around, FollowUp, OwnStation, request_rules},
    registration::{BOOT, Registration},
    transactions::Transactions,
};
pub(super) use self::{kept::restored, semantics::Meanings};
use super::{
    Protocol,
    leftovers::{LeftVariable, Leftovers},
    own_registration::Status as OwnStatus,
    rules::Rule,
    session::{Admission, Asked, Breach, Call, Cover, Learnt, Moment, Place, Promised, Session, Setting, Unsolicited},
    times::check_answer as check_times,
};
use crate::{clock::Stamp, link::ConnId, template::connector_id};

/// What is known of the conversation with a product that speaks OCPP 1.6.
#[derive(Debug, Clone)]
pub struct Conversation {
    protocol: &'static Protocol,
    /// How far a charge point under test is with its registration at our central system.
    registration: Registration,
    /// Values of configuration keys that the product told or took.
    variables: Map<String, Value>,
    connectors: Connectors,
    /// The charge point that we play for a central system.
    station: OwnStation,
    /// What former test cases left behind.
    leftovers: Leftovers,
    /// Ids of our requests by action, so that what follows from one is told from what does not.
    request_ids: BTreeMap<String, BTreeSet<i64>>,
    /// When a connection was opened or a boot accepted for the last time, seconds of the run.
    contact_s: Option<f64>,
    /// When the first test case of the run began.
    since: Option<jiff::Timestamp>,
    /// The last transactionId that we gave.
    last_transaction: i64,
    /// What only the test case under way is about.
    of_test: OfTest,
}

/// What only one test case is about.
#[derive(Debug, Clone, Default)]
struct OfTest {
    /// Transactions of the charge point under test.
    transactions: Transactions,
    /// What we, as a charge point, told of our transactions.
    told: Transactions,
    /// StartTransactions that are from before the test case.
    left_starts: HashSet<String>,
    /// What the CALLs said that came, by their message ids.
    ids: HashMap<(ConnId, String), u64>,
    /// Configuration keys with the values that they had before the test case changed them.
    originals: Vec<Setting>,
    /// Configuration keys that it was tried to put back.
    put_back: Vec<String>,
    /// What our charge point is still to send on its own.
    waiting: VecDeque<FollowUp>,
}

impl Conversation {
    /// Nothing is known yet.
    pub fn new(protocol: &'static Protocol) -> Self {
        Self {
            protocol,
            registration: Registration::default(),
            variables: Map::new(),
            connectors: Connectors::default(),
            station: OwnStation::default(),
            leftovers: Leftovers::default(),
            request_ids: BTreeMap::new(),
            contact_s: None,
            since: None,
            last_transaction: 0,
            of_test: OfTest::default(),
        }
    }

    /// What our charge point sees of the bench and of the moment.
    fn around(&self, moment: &Moment) -> Around {
        let mut names = moment.fixed.clone();
        names.insert("security_profile", moment.security_profile.into());
        names.insert("transactions", self.of_test.told.describe_all(&self.station.statuses()));
        Around::of(names, moment.now)
    }

    fn setting(&self, key: &str) -> Option<&str> {
        self.variables.get(key).and_then(Value::as_str)
    }

    /// How long the charge point waits for the cable of a driver who was authorised, seconds.
    fn driver_patience(&self, moment: &Moment) -> f64 {
        let told = self.setting("ConnectionTimeOut").and_then(|told| told.parse().ok());
        told.unwrap_or_else(|| moment.seconds("ev_connection_timeout", 30.0))
    }

    /// What is left of the test cases before this one; the ids of transactions are numbers in 1.6.
    fn describe_left(&self, moment: &Moment) -> Value {
        let patience = self.driver_patience(moment);
        let mut left = self.leftovers.describe(&self.connectors.by_evse(), patience, moment.now.seconds());
        for transaction in left["transactions"].as_array_mut().into_iter().flatten() {
            let id = transaction["id"].as_str().and_then(|id| id.parse::<i64>().ok());
            transaction["id"] = id.into();
            transaction["connector"] = transaction["evse"].clone();
        }
        left
    }
}

impl Session for Conversation {
    fn copy(&self) -> Box<dyn Session> {
        Box::new(self.clone())
    }

    fn begin(&mut self, now: jiff::Timestamp) {
        self.of_test = OfTest::default();
        self.since = self.since.or(Some(now));
    }

    fn judge_end(&self) -> Vec<Breach> {
        Vec::new()
    }

    fn end(&mut self, test_case: &str, sound: bool, prepared: bool) {
        let changed = self.changed_settings();
        let OfTest { transactions, put_back, .. } = &self.of_test;
        for (id, transaction) in transactions.left(test_case) {
            self.leftovers.leave(id, transaction);
        }
        let known = std::mem::take(&mut self.leftovers.variables);
        let tried = |key: &str| put_back.iter().any(|name| name == key);
        self.leftovers.variables = known
            .into_iter()
            .filter(|left| !tried(&left.variable) && self.setting(&left.variable) != Some(&left.value))
            .collect();
        for Setting { component, variable, value } in changed {
            // One that the charge point does not want back as it was is a remark already.
            if !tried(&variable) {
                self.leftovers.leave_variable(LeftVariable { component, variable, value, by: test_case.to_owned() });
            }
        }
        // What was so before the test case began is nothing that it left.
        if prepared {
            self.leftovers.leave_connectors(&self.connectors.by_evse(), test_case);
            let sound = sound && transactions.are_complete();
            self.leftovers.by = (!sound).then(|| test_case.to_owned());
        }
        self.of_test = OfTest::default();
    }

    fn left_settings(&self) -> Vec<Setting> {
        let left = self.leftovers.variables.iter();
        left.map(|left| Setting {
            component: left.component.clone(),
            variable: left.variable.clone(),
            value: left.value.clone(),
        })
        .collect()
    }

    fn changed_settings(&self) -> Vec<Setting> {
        let is_back = |setting: &Setting| self.setting(&setting.variable) == Some(&setting.value);
        self.of_test.originals.iter().filter(|setting| !is_back(setting)).cloned().collect()
    }

    fn connected(&mut self, now: Stamp) {
        self.contact_s = Some(now.seconds());
        self.registration.connected();
    }

    fn reboots(&mut self, reboots: bool) {
        self.registration.reboots(reboots);
    }

    fn driver_comes(&mut self, evse: Option<u64>, now: Stamp) {
        self.leftovers.driver_comes(evse, now.seconds());
    }

    fn admit(&mut self, moment: &Moment, call: &Call) -> Admission {
        self.admission(moment, call)
    }

    fn is_left_behind(&mut self, moment: &Moment, call: &Call) -> (bool, Learnt) {
        self.left_behind(moment, call)
    }

    fn may_have_used_id(&self, call: &Call) -> bool {
        self.repeats_id(call)
    }

    fn is_repetition(&self, call: &Call) -> bool {
        self.of_test.transactions.is_repetition(call)
    }

    fn unsolicited(&self, moment: &Moment, call: &Call) -> Option<Unsolicited> {
        self.meaning(moment, call)
    }

    fn remark_on_reconnect(&self, call: &Call) -> Option<&'static str> {
        // OCPP-J, 5.4 only advises against booting anew where nothing but the connection was lost.
        (call.action == BOOT)
            .then_some("the station sent a BootNotification after a mere reconnect, which it should not do")
    }

    fn learn(&mut self, call: &Call) -> Learnt {
        self.learn_from(call)
    }

    fn reply(&mut self, moment: &Moment, call: &Call, asked: Asked) -> Value {
        if moment.tests_station {
            return self.complete_reply(moment, call, Value::Object(Map::new()));
        }
        self.reply_as_station(moment, call, asked)
    }

    fn complete_reply(&mut self, moment: &Moment, call: &Call, reply: Value) -> Value {
        self.completed(moment, call, reply)
    }

    fn replied(&mut self, call: &Call, payload: &Value) {
        self.note_replied(call, payload);
    }

    fn complete_request(&self, moment: &Moment, action: &str, payload: &mut Value, next: &mut dyn FnMut() -> u32) {
        self.complete(moment, action, payload, next);
    }

    fn sent(&mut self, moment: &Moment, call: &Call) {
        self.note_sent(moment, call);
    }

    fn check_answer(
        &self,
        moment: &Moment,
        action: &str,
        request: &Value,
        response: &Value,
        text: &str,
    ) -> Vec<Breach> {
        let mut breaches = check_times(self.protocol.messages(), moment, action, response, text, &times::source);
        let most = self.setting("GetConfigurationMaxKeys").and_then(|most| most.parse().ok());
        breaches.extend(echo::check_answer(action, request, response, text, most));
        breaches
    }

    fn answered(&mut self, moment: &Moment, action: &str, request: &Value, response: &Value) {
        if moment.tests_station {
            self.learn_result(moment, action, request, response);
            return;
        }
        let around = self.around(moment);
        self.station.answered(&around, action, response);
        if action == "StartTransaction" {
            self.of_test.told.given(request, response, moment.now.seconds());
        }
    }

    fn has_promises(&self) -> bool {
        !self.of_test.waiting.is_empty()
    }

    fn may_keep_promise(&self) -> bool {
        self.first_promise().is_some()
    }

    fn next_promise(&mut self, moment: &Moment, _next: &mut dyn FnMut() -> u32) -> Option<Promised> {
        self.take_promise(moment)
    }

    fn promise_answered(&mut self, moment: &Moment, action: &str) {
        if action == BOOT {
            let follow_ups = self.station.after_boot(&self.around(moment));
            self.promise(follow_ups);
        }
    }

    fn forget_promises(&mut self) {
        self.of_test.waiting.clear();
    }

    fn name(&self, moment: &Moment, name: &str, place: Place) -> Option<Value> {
        let own = &self.station.registration;
        let of_test = &self.of_test;
        let (transactions, own_statuses) =
            (&of_test.transactions, (!moment.tests_station).then(|| self.station.statuses()));
        let transactions = if moment.tests_station { transactions } else { &of_test.told };
        let statuses = own_statuses.as_ref().unwrap_or(&self.connectors);
        let connector =
            || moment.fixed.get("pics").map_or(place.evse, |pics| connector_id(pics, place.evse, place.connector));
        Some(match name {
            "accepted" if moment.tests_station => self.registration.is_accepted().into(),
            "accepted" => own.is_accepted().into(),
            "registration" if moment.tests_station => return None,
            "registration" => own.describe(),
            "variables" if moment.tests_station => Value::Object(self.variables.clone()),
            "variables" => self.station.set_values().collect(),
            "connector_status" => statuses.status(connector()).into(),
            "connector_statuses" => self.connectors.describe(),
            "left" => self.describe_left(moment),
            "transaction" => transactions.describe(connector(), statuses),
            "transactions" => transactions.describe_all(statuses),
            _ => return None,
        })
    }

    fn keep(&self, cover: &Cover<'_>) -> Map<String, Value> {
        self.kept(cover)
    }
}
