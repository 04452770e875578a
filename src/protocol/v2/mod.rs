//! What OCPP 2.x makes of a conversation. `incoming.rs` is what comes from the product, `outgoing.rs` what we send, `replies.rs` what
//! we answer as a CSMS, `own_station/` the station that we play for a CSMS, `promises.rs` what that one sends on its own.

pub mod charging_period;
mod connectors;
pub mod der_control;
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
mod times;
mod transactions;
pub mod unsolicited;
mod variables;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde_json::{Map, Value};

use self::{
    connectors::Connectors,
    own_station::{Around, FollowUp, OwnStation},
    registration::{BOOT, Registration, Status as RegistrationStatus},
    transactions::Transactions,
};
pub(super) use self::{kept::restored, semantics::Meanings};
use super::{
    Protocol,
    leftovers::{LeftVariable, Leftovers},
    rules::Rule,
    session::{Admission, Asked, Breach, Call, Cover, Learnt, Moment, Place, Promised, Session, Setting, Unsolicited},
    times::check_answer as check_times,
};
use crate::clock::Stamp;

/// What is known of the conversation with a product that speaks OCPP 2.x.
#[derive(Debug, Clone)]
pub struct Conversation {
    protocol: &'static Protocol,
    /// How far a station under test is with its registration at our CSMS.
    registration: Registration,
    /// Values of variables that the SUT told or took: `Component.Variable` → value.
    variables: Map<String, Value>,
    connectors: Connectors,
    /// The station that we play for a CSMS.
    station: OwnStation,
    /// What former test cases left behind.
    leftovers: Leftovers,
    /// Ids of our requests by action, so that what follows from one is told from what does not.
    request_ids: BTreeMap<String, BTreeSet<i64>>,
    /// When a connection was opened or a boot accepted for the last time, seconds of the run.
    contact_s: Option<f64>,
    /// When the first test case of the run began.
    since: Option<jiff::Timestamp>,
    /// What only the test case under way is about.
    of_test: OfTest,
}

/// What only one test case is about.
#[derive(Debug, Clone, Default)]
struct OfTest {
    /// Transactions of the station under test.
    transactions: Transactions,
    /// What we, as a station, told of our transactions.
    told: Transactions,
    /// Variables with the values that they had before the test case changed them.
    originals: Vec<Setting>,
    /// Components and variables that it was tried to put back.
    put_back: Vec<(String, String)>,
    /// What our station is still to send on its own.
    waiting: VecDeque<FollowUp>,
    /// The transaction whose limits we have set, as a CSMS, and the limits.
    limit_told: Option<(Value, Value)>,
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
            of_test: OfTest::default(),
        }
    }

    /// What our station sees of the bench and of the moment.
    fn around(&self, moment: &Moment) -> Around {
        let mut names = moment.fixed.clone();
        names.insert("security_profile", moment.security_profile.into());
        names.insert("transactions", self.of_test.told.describe_all());
        Around::of(self.protocol.version, names, moment.now, self.has_room())
    }

    /// How long the station waits for the cable of a driver who was authorised, seconds.
    fn driver_patience(&self, moment: &Moment) -> f64 {
        let told = self.variables.get("TxCtrlr.EVConnectionTimeOut").and_then(Value::as_str);
        let told = told.and_then(|told| told.parse().ok());
        told.unwrap_or_else(|| moment.seconds("ev_connection_timeout", 30.0))
    }
}

impl Session for Conversation {
    fn copy(&self) -> Box<dyn Session> {
        Box::new(self.clone())
    }

    fn begin(&mut self, now: jiff::Timestamp) {
        self.of_test = OfTest::default();
        self.station.begin_test();
        self.since = self.since.or(Some(now));
    }

    fn judge_end(&self) -> Vec<Breach> {
        let requirements = Rule::NoGaps.broken(self.protocol.version);
        let gap = |gap: transactions::Gap| Breach {
            expected: Some(gap.expected),
            found: Some(gap.found),
            requirements: requirements.clone(),
            ..Breach::new(Rule::NoGaps, gap.message, &gap.frame)
        };
        self.of_test.transactions.gaps().into_iter().map(gap).collect()
    }

    fn end(&mut self, test_case: &str, sound: bool, prepared: bool) {
        let changed = self.changed_settings();
        let OfTest { transactions, put_back, .. } = &self.of_test;
        for (id, transaction) in transactions.left(test_case) {
            self.leftovers.leave(id, transaction);
        }
        let (known, current) = (std::mem::take(&mut self.leftovers.variables), &self.variables);
        let tried =
            |component: &str, variable: &str| put_back.iter().any(|(of, name)| of == component && name == variable);
        self.leftovers.variables = known
            .into_iter()
            .filter(|left| {
                let now = current.get(&format!("{}.{}", left.component, left.variable)).and_then(Value::as_str);
                !tried(&left.component, &left.variable) && now != Some(&left.value)
            })
            .collect();
        for Setting { component, variable, value } in changed {
            // One that the station does not want back as it was is a remark already.
            if !tried(&component, &variable) {
                self.leftovers.leave_variable(LeftVariable { component, variable, value, by: test_case.to_owned() });
            }
        }
        // What was so before the test case began is nothing that it left.
        if prepared {
            self.leftovers.leave_connectors(&self.connectors.0, test_case);
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
        let is_back = |setting: &Setting| {
            let now = self.variables.get(&format!("{}.{}", setting.component, setting.variable));
            now.and_then(Value::as_str) == Some(&setting.value)
        };
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

    fn may_have_used_id(&self, _call: &Call) -> bool {
        false
    }

    fn is_repetition(&self, call: &Call) -> bool {
        self.of_test.transactions.is_repetition(call)
    }

    fn unsolicited(&self, moment: &Moment, call: &Call) -> Option<Unsolicited> {
        self.meaning(moment, call)
    }

    fn remark_on_reconnect(&self, call: &Call) -> Option<&'static str> {
        // Part 4, 5.3 only advises against booting anew where nothing but the connection was lost.
        (call.action == BOOT)
            .then_some("the station sent a BootNotification after a mere reconnect, which it should not do")
    }

    fn learn(&mut self, call: &Call) -> Learnt {
        self.learn_from(call)
    }

    fn declines(&self, moment: &Moment, call: &Call) -> Option<(&'static str, &'static str)> {
        if moment.tests_station { None } else { self.station.declines(&self.around(moment), &call.action) }
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
        if call.action == "Authorize" && payload["idTokenInfo"]["status"] != "Accepted" {
            self.leftovers.driver_is_refused();
        }
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
        let messages = self.protocol.messages();
        let mut breaches = check_times(messages, moment, action, response, text, &times::source);
        if echo::repeats(action) {
            let request = messages.with_defaults(action, true, request.clone());
            breaches.extend(echo::check_answer(action, &request, response, text));
        }
        breaches
    }

    fn answered(&mut self, moment: &Moment, action: &str, request: &Value, response: &Value) {
        self.learn_result(moment, action, request, response);
        if !moment.tests_station {
            let around = self.around(moment);
            self.station.answered(&around, action, response);
        }
    }

    fn has_promises(&self) -> bool {
        !self.of_test.waiting.is_empty()
    }

    fn may_keep_promise(&self) -> bool {
        self.first_promise().is_some()
    }

    fn next_promise(&mut self, moment: &Moment, next: &mut dyn FnMut() -> u32) -> Option<Promised> {
        self.take_promise(moment, next)
    }

    fn promise_answered(&mut self, moment: &Moment, action: &str) {
        if action == BOOT {
            let follow_ups = self.station.after_boot(&self.around(moment));
            self.promise(follow_ups);
        }
    }

    fn next_due(&self) -> Option<jiff::Timestamp> {
        self.station.monitor_due().filter(|_| self.station.registration.is_accepted())
    }

    fn time_passes(&mut self, moment: &Moment) {
        let around = self.around(moment);
        let events = self.station.periodic_events(&around);
        self.promise(events);
    }

    fn forget_promises(&mut self) {
        self.of_test.waiting.clear();
    }

    fn name(&self, moment: &Moment, name: &str, place: Place) -> Option<Value> {
        let own = &self.station.registration;
        let transactions = if moment.tests_station { &self.of_test.transactions } else { &self.of_test.told };
        let setting = |variable: &str| {
            let told = self.variables.get(variable).cloned();
            told.or_else(|| moment.bench(name).cloned()).unwrap_or_else(|| Value::String(String::new()))
        };
        Some(match name {
            "accepted" if moment.tests_station => self.registration.is_accepted().into(),
            "accepted" => own.is_accepted().into(),
            "registration" if moment.tests_station => return None,
            "registration" => own.describe(),
            "variables" if moment.tests_station => Value::Object(self.variables.clone()),
            "variables" => self.station.set_values().collect(),
            "tx_start_point" => setting("TxCtrlr.TxStartPoint"),
            "tx_stop_point" => setting("TxCtrlr.TxStopPoint"),
            "connector_status" => self.connectors.0.get(&(place.evse, place.connector)).cloned().into(),
            "connector_statuses" => self.connectors.describe(),
            "left" => {
                let patience = self.driver_patience(moment);
                self.leftovers.describe(&self.connectors.0, patience, moment.now.seconds())
            }
            "transaction" => transactions.describe(place.evse),
            "transactions" => transactions.describe_all(),
            _ => return None,
        })
    }

    fn keep(&self, cover: &Cover<'_>) -> Map<String, Value> {
        self.kept(cover)
    }
}
