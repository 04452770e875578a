//! A conversation with a charge point under test, without an engine: what comes, what is answered, what is learnt.

use serde_json::{Value, json};

use super::*;
use crate::{
    protocol::{OCPP_1_6, session::Phase},
    template::Names,
    verdict::Verdict,
};

/// A session with a product, and the time.
pub(super) struct Talk {
    pub(super) session: Box<dyn Session>,
    pub(super) moment: Moment,
    number: u32,
}

pub(super) fn at(second: f64) -> Stamp {
    let start = Stamp { mono_ns: 0, wall: "2026-11-29T10:00:00Z".parse().unwrap() };
    start.plus(std::time::Duration::from_secs_f64(second))
}

impl Talk {
    pub(super) fn new(tests_station: bool) -> Self {
        let bench = json!({
            "heartbeat_interval": 240, "model": "Model M", "vendor_name": "Vendor V", "own_ev_connection_timeout": 33,
            "evse": { "id": 1, "connector": 1 }, "evse_second": { "id": 2, "connector": 1 },
            "tokens": {
                "valid": { "idToken": "ABC", "type": "ISO14443", "group": "GROUP" },
                "blocked": { "idToken": "DEAD", "type": "ISO14443" },
            },
        });
        let mut fixed = Names::default();
        fixed.insert("bench", bench);
        let moment = Moment {
            now: at(0.0),
            tests_station,
            phase: Phase::Main,
            fixed,
            kept: Names::default(),
            security_profile: 1,
            online_since: Some(at(0.0)),
            withheld: false,
        };
        let mut talk = Self { session: OCPP_1_6.session(), moment, number: 0 };
        talk.begin();
        talk.session.connected(at(0.0));
        talk
    }

    pub(super) fn begin(&mut self) {
        self.session.begin(self.moment.now.wall);
    }

    /// Ends a test case and begins the next.
    pub(super) fn next_test(&mut self, id: &str, sound: bool) {
        self.session.end(id, sound, true);
        self.begin();
    }

    pub(super) fn pass(&mut self, seconds: f64) {
        self.moment.now = at(self.moment.now.seconds() + seconds);
    }

    pub(super) fn time(&self, ago: f64) -> String {
        let ago = jiff::SignedDuration::from_secs_f64(ago);
        crate::clock::ocpp_time(self.moment.now.wall - ago)
    }

    pub(super) fn call(&mut self, action: &str, payload: &Value) -> Call {
        self.number += 1;
        assert_eq!(OCPP_1_6.messages().validate(action, true, payload), [], "{action} {payload}");
        Call {
            conn: ConnId(1),
            id: format!("id-{}", self.number),
            action: action.into(),
            payload: OCPP_1_6.messages().with_defaults(action, true, payload.clone()),
            at: self.moment.now,
            text: format!("[2,\"id-{}\",\"{action}\",{payload}]", self.number),
            input: 0,
        }
    }

    /// What the session has against a CALL that comes.
    pub(super) fn admit(&mut self, call: &Call) -> Vec<String> {
        match self.session.admit(&self.moment, call) {
            Admission::Admitted(breaches) => breaches.into_iter().map(|breach| breach.message).collect(),
            Admission::Refused { code, breach, .. } => vec![format!("{code}: {}", breach.message)],
        }
    }

    /// A CALL comes, is answered by default and learnt: complaints and remarks, and the answer.
    pub(super) fn comes(&mut self, action: &str, payload: &Value) -> (Vec<String>, Value) {
        let call = self.call(action, payload);
        let mut told = self.admit(&call);
        if told.iter().any(|told| told.starts_with("SecurityError")) {
            return (told, Value::Null);
        }
        let (left, learnt) = self.session.is_left_behind(&self.moment, &call);
        told.extend(learnt.remarks);
        told.extend(learnt.breaches.into_iter().map(|breach| breach.message));
        let reply = self.session.reply(&self.moment, &call, Asked::ByStep);
        assert_eq!(OCPP_1_6.messages().validate(action, false, &reply), [], "{action}: {reply}");
        self.session.replied(&call, &reply);
        if !left {
            let learnt = self.session.learn(&call);
            told.extend(learnt.remarks);
            told.extend(
                learnt.breaches.into_iter().map(|breach| format!("{}: {}", breach.rule.name(), breach.message)),
            );
        }
        (told, reply)
    }

    /// The same, where nothing may be complained of.
    pub(super) fn says(&mut self, action: &str, payload: &Value) -> Value {
        let (told, reply) = self.comes(action, payload);
        assert_eq!(told, [""; 0], "{action} {payload}");
        reply
    }

    /// We ask for something and get this answer: what is wrong with it.
    pub(super) fn ask(&mut self, action: &str, request: &Value, response: &Value) -> Vec<String> {
        let call = self.call(action, request);
        self.session.sent(&self.moment, &call);
        let breaches = self.session.check_answer(&self.moment, action, request, response, "");
        self.session.answered(&self.moment, action, request, response);
        breaches.into_iter().map(|breach| breach.message).collect()
    }

    pub(super) fn name(&self, name: &str) -> Value {
        self.session.name(&self.moment, name, Place { evse: 1, connector: 1 }).unwrap_or_else(|| panic!("{name}"))
    }

    fn boot(&mut self) {
        self.says("BootNotification", &json!({ "chargePointVendor": "V", "chargePointModel": "M" }));
    }

    fn start(&self) -> Value {
        json!({ "connectorId": 1, "idTag": "abc", "meterStart": 10, "timestamp": self.time(0.0) })
    }

    fn stop(&self, id: &Value) -> Value {
        json!({ "transactionId": id, "meterStop": 20, "timestamp": self.time(0.0) })
    }

    fn status(&mut self, connector: u64, status: &str) -> Vec<String> {
        self.comes("StatusNotification", &json!({ "connectorId": connector, "status": status, "errorCode": "NoError" }))
            .0
    }
}

#[test]
fn before_its_boot_is_accepted_a_charge_point_sends_only_what_was_triggered() {
    let mut talk = Talk::new(true);
    talk.session.reboots(true);
    talk.session.connected(at(1.0));
    let refused = talk.comes("Heartbeat", &json!({})).0;
    assert_eq!(refused, ["SecurityError: the station sent Heartbeat before its BootNotification was answered"]);
    let boot = talk.call("BootNotification", &json!({ "chargePointVendor": "V", "chargePointModel": "M" }));
    talk.admit(&boot);
    let reply = talk.session.complete_reply(&talk.moment, &boot, json!({ "status": "Pending" }));
    assert_eq!((&reply["status"], &reply["interval"]), (&json!("Pending"), &json!(240)));
    assert!(
        talk.comes("StatusNotification", &json!({ "connectorId": 0, "status": "Available", "errorCode": "NoError" })).0
            [0]
        .contains("while its boot is Pending")
    );
    let wanted = json!({ "requestedMessage": "SignChargePointCertificate" });
    talk.ask("ExtendedTriggerMessage", &wanted, &json!({ "status": "Accepted" }));
    talk.says("SignCertificate", &json!({ "csr": "x" }));
    // Reading the configuration makes no message lawful in 1.6.
    talk.ask("GetConfiguration", &json!({}), &json!({}));
    assert_eq!(talk.comes("Heartbeat", &json!({})).0.len(), 1);
    talk.boot();
    assert_eq!(talk.name("accepted"), true);
    talk.says("Heartbeat", &json!({}));
    // A BootNotification that we trigger is no boot.
    talk.ask("TriggerMessage", &json!({ "requestedMessage": "BootNotification" }), &json!({ "status": "Accepted" }));
    let boot = talk.call("BootNotification", &json!({ "chargePointVendor": "V", "chargePointModel": "M" }));
    assert_eq!(talk.admit(&boot), [""; 0]);
    assert_eq!(talk.name("accepted"), true);
}

#[test]
fn a_transaction_gets_its_id_from_us_and_is_followed_to_its_end() {
    let mut talk = Talk::new(true);
    talk.boot();
    assert_eq!(talk.name("transaction")["id"], Value::Null);
    talk.status(1, "Preparing");
    let start = talk.start();
    let reply = talk.says("StartTransaction", &start);
    let id = reply["transactionId"].clone();
    assert!(id.as_i64().unwrap() > 0);
    assert_eq!(reply["idTagInfo"], json!({ "status": "Accepted", "parentIdTag": "GROUP" }), "in any case");
    talk.status(1, "Charging");
    let running = talk.name("transaction");
    assert_eq!(
        (&running["id"], &running["charging_state"], &running["token"]),
        (&id, &json!("Charging"), &json!("abc"))
    );
    assert_eq!(running["running"], true);
    let values = json!({ "connectorId": 1, "transactionId": id, "meterValue": [
        { "timestamp": talk.time(1.0), "sampledValue": [{ "value": "12" }] }] });
    talk.says("MeterValues", &values);
    let stop = talk.stop(&id);
    talk.says("StopTransaction", &stop);
    let ended = talk.name("transaction");
    assert_eq!(
        (&ended["complete"], &ended["running"], &ended["meter_values"]),
        (&json!(true), &json!(false), &json!(1))
    );
    // Sent once more it is the same message; another one for the same transaction is none.
    let again = talk.call("StopTransaction", &stop);
    assert!(talk.session.is_repetition(&again));
    let other = json!({ "transactionId": id, "meterStop": 21, "timestamp": talk.time(0.0) });
    assert!(talk.comes("StopTransaction", &other).0[0].starts_with("messages of transactions: "));
}

#[test]
fn a_start_that_comes_again_gets_the_same_id_and_another_one_another() {
    let mut talk = Talk::new(true);
    talk.boot();
    let start = talk.start();
    let first = talk.says("StartTransaction", &start)["transactionId"].clone();
    talk.pass(60.0);
    assert_eq!(talk.says("StartTransaction", &start)["transactionId"], first);
    assert_eq!(talk.name("transactions").as_array().unwrap().len(), 1);
    let second = talk.says("StartTransaction", &talk.start())["transactionId"].clone();
    assert_ne!(second, first);
    // Our ids go on in the next test case, and in a run that is resumed.
    let cover = Cover { text: &str::to_owned, value: &Value::clone };
    talk.session = OCPP_1_6.restored(&talk.session.keep(&cover)).unwrap();
    talk.begin();
    talk.pass(-60.0);
    assert!(talk.says("StartTransaction", &talk.start())["transactionId"].as_i64() > second.as_i64());
}

#[test]
fn what_names_a_transaction_that_never_began_is_a_breach_unless_it_is_from_before() {
    let mut talk = Talk::new(true);
    talk.boot();
    // Nothing has begun: it can only be from before.
    let (told, _) = talk.comes("StopTransaction", &talk.stop(&json!(4711)));
    assert_eq!(told, ["the station sent queued messages of transaction 4711, which is from before this run"]);
    assert!(talk.name("left")["transactions"].as_array().unwrap().is_empty(), "it was stopped");
    talk.pass(100.0);
    talk.says("StartTransaction", &talk.start());
    let (told, _) = talk.comes("StopTransaction", &talk.stop(&json!(4712)));
    assert_eq!(
        told,
        ["messages of transactions: StopTransaction names transaction 4712, an id that was not given in this run"]
    );
    // Where the charge point could not learn the id.
    talk.says("StopTransaction", &talk.stop(&json!(-1)));
}

#[test]
fn what_a_test_case_leaves_is_known_in_the_next() {
    let mut talk = Talk::new(true);
    talk.boot();
    talk.ask(
        "GetConfiguration",
        &json!({ "key": ["HeartbeatInterval"] }),
        &json!({ "configurationKey": [{ "key": "heartbeatinterval", "readonly": false, "value": "300" }] }),
    );
    assert_eq!(talk.name("variables"), json!({ "HeartbeatInterval": "300" }));
    let change = |value: &str| json!({ "key": "HeartbeatInterval", "value": value });
    talk.ask("ChangeConfiguration", &change("60"), &json!({ "status": "Accepted" }));
    let setting = Setting { component: String::new(), variable: "HeartbeatInterval".into(), value: "300".into() };
    assert_eq!(talk.session.changed_settings(), std::slice::from_ref(&setting));
    talk.status(1, "Preparing");
    let id = talk.says("StartTransaction", &talk.start())["transactionId"].clone();
    talk.status(1, "Charging");
    talk.next_test("TC_1", false);
    assert_eq!(talk.session.left_settings(), [setting]);
    let left = talk.name("left");
    assert_eq!(left["transactions"][0]["id"], id, "a number");
    assert_eq!(left["connectors"], json!([{ "evse": 1, "connector": 1, "status": "Charging", "by": "TC_1" }]));
    // What is told of it now is no part of this test case.
    let stop = talk.stop(&id);
    talk.says("StopTransaction", &stop);
    assert_eq!(talk.name("transactions"), json!([]));
    assert!(talk.name("left")["transactions"].as_array().unwrap().is_empty());
    // A password is never put back, and stands in no recording.
    talk.ask(
        "ChangeConfiguration",
        &json!({ "key": "AuthorizationKey", "value": "00112233445566778899" }),
        &json!({ "status": "Accepted" }),
    );
    let kept = talk.session.keep(&Cover { text: &str::to_owned, value: &Value::clone });
    assert!(!Value::Object(kept).to_string().contains("00112233"));
}

#[test]
fn a_start_that_was_queued_is_answered_and_left_aside() {
    let mut talk = Talk::new(true);
    talk.boot();
    talk.moment.phase = Phase::Prepare;
    let (told, reply) = talk.comes("StartTransaction", &talk.start());
    assert!(told[0].contains("queued StartTransaction"), "{told:?}");
    assert_eq!(talk.name("transactions"), json!([]));
    assert_eq!(talk.name("left")["transactions"][0]["id"], reply["transactionId"]);
}

#[test]
fn a_message_that_is_sent_again_may_keep_its_id() {
    let mut talk = Talk::new(true);
    talk.boot();
    let start = talk.call("StartTransaction", &talk.start());
    assert!(!talk.session.may_have_used_id(&start));
    talk.admit(&start);
    assert!(talk.session.may_have_used_id(&start));
    let other = Call { payload: json!({ "idTag": "X" }), action: "Authorize".into(), ..start.clone() };
    assert!(!talk.session.may_have_used_id(&other));
    let elsewhere = Call { conn: ConnId(2), ..start.clone() };
    assert!(!talk.session.may_have_used_id(&elsewhere));
    // Once it is answered there is no reason to send it again.
    let reply = talk.session.reply(&talk.moment, &start, Asked::ByStep);
    talk.session.replied(&start, &reply);
    assert!(!talk.session.may_have_used_id(&start));
    // The stop has a default, which the engine fills in later.
    let payload = talk.stop(&json!(1));
    let stop = talk.call("StopTransaction", &payload);
    talk.admit(&stop);
    assert!(talk.session.may_have_used_id(&Call { payload, ..stop }));
}

#[test]
fn the_status_of_a_connector_follows_the_table() {
    let mut talk = Talk::new(true);
    talk.boot();
    for status in ["Available", "Preparing", "Charging", "SuspendedEV", "Finishing", "Available", "Available"] {
        assert_eq!(talk.status(1, status), [""; 0], "{status}");
    }
    let told = talk.status(1, "Finishing");
    assert!(told[0].starts_with("connector 1 changed from Available to Finishing, which the table"), "{told:?}");
    assert_eq!(talk.status(2, "Faulted"), [""; 0]);
    assert_eq!(talk.status(2, "Charging"), [""; 0], "back to what it was");
    assert!(talk.status(0, "Charging")[0].starts_with("status of connectors: the charge point (connector 0)"));
    let error = |status: &str| json!({ "connectorId": 1, "status": status, "errorCode": "EVCommunicationError" });
    assert!(talk.comes("StatusNotification", &error("Faulted")).0[0].contains("EVCommunicationError comes with"));
    assert_eq!(talk.name("connector_statuses")[1], json!({ "evse": 1, "connector": 1, "status": "Faulted" }));
    talk.boot();
    assert_eq!(talk.name("connector_statuses"), json!([]));
}

#[test]
fn times_are_near_the_moment_at_which_they_come() {
    let mut talk = Talk::new(true);
    talk.boot();
    talk.pass(10_000.0);
    talk.moment.online_since = Some(at(5_000.0));
    let start = |talk: &mut Talk, ago: f64| {
        let mut start = talk.start();
        start["timestamp"] = talk.time(ago).into();
        let call = talk.call("StartTransaction", &start);
        talk.admit(&call)
    };
    assert_eq!(start(&mut talk, 1700.0), [""; 0]);
    assert_eq!(start(&mut talk, 3600.0), ["a time in StartTransactionRequest is 60.0 min before the moment it came"]);
    assert_eq!(start(&mut talk, -3600.0), ["a time in StartTransactionRequest is 60.0 min after the moment it came"]);
    assert_eq!(start(&mut talk, 6000.0), [""; 0], "it waited for the connection");
    // Values of the clock bear the start of their interval.
    let values = |talk: &Talk, context: &str| {
        json!({ "connectorId": 1, "meterValue": [
            { "timestamp": talk.time(4000.0), "sampledValue": [{ "value": "1", "context": context }] }] })
    };
    let aligned = talk.call("MeterValues", &values(&talk, "Sample.Clock"));
    assert_eq!(talk.admit(&aligned), [""; 0]);
    let sampled = talk.call("MeterValues", &values(&talk, "Sample.Periodic"));
    assert_eq!(talk.admit(&sampled).len(), 1);
    // What a StopTransaction reports was measured within the transaction.
    let id = talk.says("StartTransaction", &talk.start())["transactionId"].clone();
    talk.pass(100.0);
    let stop = |talk: &mut Talk, ago: f64| {
        let mut stop = talk.stop(&id);
        stop["transactionData"] = json!([{ "timestamp": talk.time(ago), "sampledValue": [{ "value": "1", "context": "Transaction.Begin" }] }]);
        let call = talk.call("StopTransaction", &stop);
        talk.admit(&call)
    };
    assert_eq!(stop(&mut talk, 100.0), [""; 0]);
    assert_eq!(
        stop(&mut talk, 1000.0),
        ["the time of a meter value in StopTransactionRequest is 15.0 min before the start of the transaction"]
    );
}

#[test]
fn an_answer_says_again_what_was_asked() {
    let mut talk = Talk::new(true);
    let known = |key: &str| json!({ "key": key, "readonly": true, "value": "1" });
    let asked = json!({ "key": ["HeartbeatInterval", "Mine"] });
    let mut answer = |answer: Value| talk.ask("GetConfiguration", &asked, &answer);
    assert_eq!(
        answer(json!({ "configurationKey": [known("heartbeatinterval")], "unknownKey": ["MINE"] })),
        [""; 0],
        "in any case"
    );
    assert_eq!(
        answer(json!({ "configurationKey": [known("HeartbeatInterval")] })),
        ["the answer says nothing of the key mine"]
    );
    assert_eq!(
        answer(json!({ "configurationKey": [known("HeartbeatInterval"), known("Mine"), known("Other")] })),
        ["the answer has the key other, which was not asked for"]
    );
    // More keys than it takes at once need not be answered.
    let few = json!({ "configurationKey": [known("GetConfigurationMaxKeys")] });
    talk.ask("GetConfiguration", &json!({ "key": ["GetConfigurationMaxKeys"] }), &few);
    assert_eq!(talk.ask("GetConfiguration", &asked, &json!({ "configurationKey": [known("Mine")] })), [""; 0]);
    let schedule = json!({ "connectorId": 1, "duration": 60 });
    let other = json!({ "status": "Accepted", "connectorId": 2 });
    assert_eq!(talk.ask("GetCompositeSchedule", &schedule, &other).len(), 1);
    let log = json!({ "logType": "SecurityLog", "requestId": 7, "log": { "remoteLocation": "ftp://x" } });
    talk.ask("GetLog", &log, &json!({ "status": "Accepted" }));
    let told = |talk: &mut Talk, id: i64| {
        talk.comes("LogStatusNotification", &json!({ "status": "Uploading", "requestId": id })).0
    };
    assert_eq!(told(&mut talk, 7), [""; 0]);
    assert_eq!(told(&mut talk, 8), ["the requestId of LogStatusNotification does not belong to a GetLog of ours"]);
}

#[test]
fn unsolicited_messages_of_a_charge_point_mean_what_their_lines_say() {
    let mut talk = Talk::new(true);
    talk.boot();
    let mut verdict = |action: &str, payload: Value| {
        let call = talk.call(action, &payload);
        talk.session.unsolicited(&talk.moment, &call).unwrap().verdict
    };
    let idle = json!({ "status": "Idle" });
    assert_eq!(verdict("FirmwareStatusNotification", json!({ "status": "Installed" })), None);
    assert_eq!(verdict("DiagnosticsStatusNotification", idle.clone()), Some(Verdict::Fail));
    assert_eq!(verdict("Authorize", json!({ "idTag": "A" })), Some(Verdict::Fail));
    assert_eq!(verdict("Heartbeat", json!({})), None);
    let call = talk.call("Reset", &json!({ "type": "Hard" }));
    assert_eq!(talk.session.unsolicited(&talk.moment, &call), None, "the other side sends it");
    let trigger = json!({ "requestedMessage": "DiagnosticsStatusNotification" });
    talk.ask("TriggerMessage", &trigger, &json!({ "status": "Accepted" }));
    let call = talk.call("DiagnosticsStatusNotification", &idle);
    assert_eq!(talk.session.unsolicited(&talk.moment, &call).unwrap().verdict, None);
}

#[test]
fn default_answers_know_the_tokens_of_the_bench() {
    let mut talk = Talk::new(true);
    talk.boot();
    let status = |talk: &mut Talk, token: &str| {
        talk.says("Authorize", &json!({ "idTag": token }))["idTagInfo"]["status"].clone()
    };
    assert_eq!(status(&mut talk, "ABC"), "Accepted");
    assert_eq!(status(&mut talk, "dead"), "Blocked");
    assert_eq!(status(&mut talk, "other"), "Invalid");
    talk.moment.kept.insert("token_status", json!({ "valid": "ConcurrentTx" }));
    assert_eq!(status(&mut talk, "ABC"), "ConcurrentTx");
    let data = talk.says("DataTransfer", &json!({ "vendorId": "x" }));
    assert_eq!(data, json!({ "status": "UnknownVendorId" }));
}

#[test]
fn a_request_is_completed_with_what_only_we_know() {
    let talk = Talk::new(false);
    let complete = |action: &str, mut payload: Value| {
        talk.session.complete_request(&talk.moment, action, &mut payload, &mut || 77);
        payload
    };
    let log = complete("GetLog", json!({ "logType": "SecurityLog", "log": { "remoteLocation": "x" } }));
    assert_eq!(log["requestId"], 77);
    assert_eq!(complete("StatusNotification", json!({ "connectorId": 1 }))["errorCode"], "NoError");
    let start = complete("StartTransaction", json!({ "connectorId": 1, "idTag": "A" }));
    assert_eq!((&start["meterStart"], &start["timestamp"]), (&json!(1000), &json!("2026-11-29T10:00:00.000Z")));
    assert_eq!(complete("Heartbeat", json!({})), json!({}));
    let values = complete("MeterValues", json!({ "connectorId": 1 }));
    assert_eq!(values["meterValue"][0]["sampledValue"][0]["value"], "1000");
    let given = json!({ "connectorId": 1, "meterValue": [{ "timestamp": start["timestamp"], "sampledValue": [] }] });
    assert_eq!(complete("MeterValues", given.clone()), given, "what the test case says counts");
}

#[test]
fn a_central_system_starts_no_transaction_at_connector_0() {
    let mut talk = Talk::new(false);
    for (connector, breaches) in [(1, 0), (0, 1)] {
        let call = talk.call("RemoteStartTransaction", &json!({ "connectorId": connector, "idTag": "ABC" }));
        assert_eq!(talk.admit(&call).len(), breaches);
    }
}
