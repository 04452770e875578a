//! Our charge point before a central system under test: requests that no step waits for, what they are answered, what follows.

use serde_json::{Value, json};

use super::{super::tests::Talk, keys::keys};
use crate::{
    protocol::{
        OCPP_1_6,
        session::{Asked, Cover},
    },
    verdict::Verdict,
};

/// A central system that has accepted our charge point.
fn accepted() -> Talk {
    let mut talk = Talk::new(false);
    boot(&mut talk, "Accepted");
    talk
}

fn boot(talk: &mut Talk, status: &str) {
    let request = json!({ "chargePointVendor": "V", "chargePointModel": "M" });
    let response = json!({ "status": status, "currentTime": talk.time(0.0), "interval": 240 });
    assert!(talk.ask("BootNotification", &request, &response).is_empty());
}

fn asks(talk: &mut Talk, asked: Asked, action: &str, payload: &Value) -> Value {
    let call = talk.call(action, payload);
    let reply = talk.session.reply(&talk.moment, &call, asked);
    assert_eq!(OCPP_1_6.messages().validate(action, false, &reply), [], "{action}: {reply}");
    assert_eq!(OCPP_1_6.messages().breaches(action, false, &reply), [], "{action}: {reply}");
    reply
}

fn unasked(talk: &mut Talk, action: &str, payload: Value) -> Value {
    asks(talk, Asked::Unasked, action, &payload)
}

fn status(talk: &mut Talk, action: &str, payload: Value) -> String {
    unasked(talk, action, payload)["status"].as_str().unwrap_or_default().to_owned()
}

/// What it sends on its own.
fn follow_ups(talk: &mut Talk) -> Vec<(&'static str, Value)> {
    let mut all = Vec::new();
    while let Some(promised) = talk.session.next_promise(&talk.moment, &mut || 1) {
        assert_eq!(OCPP_1_6.messages().validate(promised.action, true, &promised.payload), [], "{}", promised.payload);
        let call = talk.call(promised.action, &promised.payload);
        talk.session.sent(&talk.moment, &call);
        all.push((promised.action, promised.payload));
    }
    all
}

fn start(talk: &mut Talk, connector: u64, id: i64) {
    let request = json!({ "connectorId": connector, "idTag": "ABC", "meterStart": 1200, "timestamp": talk.time(0.0) });
    let response = json!({ "transactionId": id, "idTagInfo": { "status": "Accepted" } });
    talk.ask("StartTransaction", &request, &response);
}

fn profile(id: i64, purpose: &str, level: u64, limit: f64) -> Value {
    json!({
        "chargingProfileId": id, "stackLevel": level, "chargingProfilePurpose": purpose, "chargingProfileKind": "Relative",
        "chargingSchedule": { "chargingRateUnit": "A", "chargingSchedulePeriod": [{ "startPeriod": 0, "limit": limit }] },
    })
}

#[test]
fn every_request_is_answered_with_what_may_be_answered() {
    let mut talk = accepted();
    let messages = OCPP_1_6.messages();
    for action in messages.actions().filter(|action| messages.sent_by(action, false)) {
        let example = messages.message(action, true).unwrap().example();
        for by in [Asked::ByStep, Asked::Unasked] {
            asks(&mut talk, by, action, &example);
        }
    }
}

#[test]
fn every_key_has_a_value_that_it_may_have() {
    let mut talk = accepted();
    let all = unasked(&mut talk, "GetConfiguration", json!({}));
    let all = all["configurationKey"].as_array().unwrap();
    assert_eq!(all.len(), keys().len());
    assert!(keys().len() > 40, "the file is read");
    for (key, entry) in keys().iter().zip(all) {
        match entry["value"].as_str() {
            Some(value) => assert!(key.admits(value), "{}: {value:?}", key.name),
            None => assert_eq!(key.name, "AuthorizationKey"),
        }
    }
    let value = |name: &str| all.iter().find(|entry| entry["key"] == name).unwrap()["value"].clone();
    assert_eq!(value("NumberOfConnectors"), "2");
    assert_eq!(value("ConnectorPhaseRotation"), "0.RST,1.RST,2.RST");
    assert_eq!(value("HeartbeatInterval"), "240", "as it was accepted with");
    assert_eq!(value("ConnectionTimeOut"), "33");
    assert_eq!(value("SecurityProfile"), "1");
}

#[test]
fn keys_are_set_and_remembered_and_no_password_is() {
    let mut talk = accepted();
    let mut set =
        |key: &str, value: &str| status(&mut talk, "ChangeConfiguration", json!({ "key": key, "value": value }));
    assert_eq!(set("heartbeatinterval", "60"), "Accepted");
    assert_eq!(set("HeartbeatInterval", "soon"), "Rejected");
    assert_eq!(set("HeartbeatInterval", "-1"), "Rejected");
    assert_eq!(set("NumberOfConnectors", "9"), "Rejected");
    assert_eq!(set("Vendor.Key", "1"), "NotSupported");
    assert_eq!(set("MeterValuesSampledData", "Voltage, Power.Active.Import"), "Accepted");
    assert_eq!(set("MeterValuesSampledData", "Loudness"), "Rejected");
    assert_eq!(set("LocalPreAuthorize", "TRUE"), "Accepted");
    assert_eq!(set("AuthorizationKey", "00112233445566778899001122334455667788FF"), "Rejected");
    assert_eq!(set("SecurityProfile", "2"), "Rejected");
    let asked = json!({ "key": ["HEARTBEATINTERVAL", "AuthorizationKey", "Mine"] });
    let told = unasked(&mut talk, "GetConfiguration", asked);
    assert_eq!(
        told["configurationKey"],
        json!([
        { "key": "HeartbeatInterval", "readonly": false, "value": "60" }, { "key": "AuthorizationKey", "readonly": false }])
    );
    assert_eq!(told["unknownKey"], json!(["Mine"]));
    // A step may take another password and a higher profile; the password is not remembered.
    let mut by_step = |key: &str, value: &str| {
        asks(&mut talk, Asked::ByStep, "ChangeConfiguration", &json!({ "key": key, "value": value }))["status"].clone()
    };
    assert_eq!(by_step("AuthorizationKey", "00112233445566778899001122334455667788FF"), "Accepted");
    for unfit in ["001122334455667788990011223344", "001122334455667788990011223344556", "a text of 20 letters"] {
        assert_eq!(by_step("AuthorizationKey", unfit), "Rejected");
    }
    assert_eq!([by_step("SecurityProfile", "1"), by_step("SecurityProfile", "2")], ["Rejected", "Accepted"]);
    assert_eq!(talk.name("variables")["LocalPreAuthorize"], "TRUE");
    let cover = Cover { text: &str::to_owned, value: &Value::clone };
    let kept = talk.session.keep(&cover);
    assert!(!Value::Object(kept.clone()).to_string().contains("0011223344"));
    talk.session = OCPP_1_6.restored(&kept).unwrap();
    assert_eq!(talk.name("variables")["HeartbeatInterval"], "60");
    // A new acceptance brings a new interval.
    boot(&mut talk, "Accepted");
    assert_eq!(talk.name("variables").get("HeartbeatInterval"), None);
}

#[test]
fn triggered_messages_tell_what_is() {
    let mut talk = accepted();
    start(&mut talk, 1, 7);
    let trigger = |talk: &mut Talk, action: &str, wanted: &str| {
        let told = status(talk, action, json!({ "requestedMessage": wanted }));
        let messages = follow_ups(talk);
        assert_eq!(told == "Accepted", !messages.is_empty(), "{wanted}");
        messages
    };
    let statuses = trigger(&mut talk, "TriggerMessage", "StatusNotification");
    assert_eq!(statuses.iter().map(|(_, one)| one["connectorId"].as_u64().unwrap()).collect::<Vec<_>>(), [0, 1, 2]);
    let values = trigger(&mut talk, "TriggerMessage", "MeterValues");
    assert_eq!((&values[0].1["transactionId"], &values[1].1["transactionId"]), (&json!(7), &Value::Null));
    let sample = &values[0].1["meterValue"][0]["sampledValue"][0];
    assert_eq!(
        sample,
        &json!({ "value": "1200", "context": "Trigger", "measurand": "Energy.Active.Import.Register", "unit": "Wh" })
    );
    let idle = [("FirmwareStatusNotification", json!({ "status": "Idle" }))];
    assert_eq!(trigger(&mut talk, "TriggerMessage", "FirmwareStatusNotification"), idle);
    talk.ask("SignedFirmwareStatusNotification", &json!({ "status": "Downloading", "requestId": 3 }), &json!({}));
    let busy = [("SignedFirmwareStatusNotification", json!({ "status": "Downloading", "requestId": 3 }))];
    assert_eq!(trigger(&mut talk, "ExtendedTriggerMessage", "FirmwareStatusNotification"), busy);
    assert!(trigger(&mut talk, "TriggerMessage", "BootNotification").is_empty(), "it is accepted already");
    assert_eq!(
        status(&mut talk, "TriggerMessage", json!({ "requestedMessage": "StatusNotification", "connectorId": 9 })),
        "Rejected"
    );
}

#[test]
fn while_pending_it_sends_only_what_was_triggered_and_once_rejected_nothing() {
    let mut talk = Talk::new(false);
    boot(&mut talk, "Pending");
    assert_eq!(talk.name("accepted"), false);
    assert_eq!(status(&mut talk, "TriggerMessage", json!({ "requestedMessage": "BootNotification" })), "Accepted");
    assert!(talk.session.may_keep_promise());
    let boots = follow_ups(&mut talk);
    assert_eq!(
        boots,
        [("BootNotification", json!({ "chargePointVendor": "Vendor V", "chargePointModel": "Model M" }))]
    );
    // Its acceptance is followed by all statuses.
    let response = json!({ "status": "Accepted", "currentTime": talk.time(0.0), "interval": 240 });
    talk.session.answered(&talk.moment, "BootNotification", &boots[0].1, &response);
    talk.session.promise_answered(&talk.moment, "BootNotification");
    assert_eq!(follow_ups(&mut talk).len(), 3);
    boot(&mut talk, "Rejected");
    assert_eq!(status(&mut talk, "TriggerMessage", json!({ "requestedMessage": "Heartbeat" })), "Accepted");
    assert!(talk.session.has_promises() && !talk.session.may_keep_promise());
    talk.session.forget_promises();
    assert!(!talk.session.has_promises());
}

#[test]
fn the_local_list_follows_its_updates() {
    let mut talk = accepted();
    let entry = |tag: &str| json!({ "idTag": tag, "idTagInfo": { "status": "Accepted" } });
    let list = |version: i64, kind: &str, entries: Value| json!({ "listVersion": version, "updateType": kind, "localAuthorizationList": entries });
    let version = |talk: &mut Talk| unasked(talk, "GetLocalListVersion", json!({}))["listVersion"].clone();
    assert_eq!(version(&mut talk), 0);
    assert_eq!(status(&mut talk, "SendLocalList", list(5, "Full", json!([entry("A"), entry("B")]))), "Accepted");
    assert_eq!(version(&mut talk), 5);
    assert_eq!(status(&mut talk, "SendLocalList", list(5, "Differential", json!([entry("C")]))), "VersionMismatch");
    assert_eq!(status(&mut talk, "SendLocalList", list(6, "Differential", json!([entry("c"), entry("C")]))), "Failed");
    assert_eq!(status(&mut talk, "SendLocalList", list(0, "Full", json!([]))), "Failed");
    assert_eq!(status(&mut talk, "SendLocalList", list(7, "Full", json!([{ "idTag": "A" }]))), "Failed");
    let gone = json!([{ "idTag": "a" }, { "idTag": "b" }]);
    assert_eq!(status(&mut talk, "SendLocalList", list(8, "Differential", gone)), "Accepted");
    assert_eq!(version(&mut talk), 0, "empty");
    status(&mut talk, "ChangeConfiguration", json!({ "key": "LocalAuthListEnabled", "value": "false" }));
    assert_eq!(status(&mut talk, "SendLocalList", list(9, "Full", json!([entry("A")]))), "NotSupported");
}

#[test]
fn reservations_are_made_only_in_test_cases_about_them() {
    let mut talk = accepted();
    let request = |talk: &Talk, id: i64, connector: u64| json!({ "connectorId": connector, "expiryDate": talk.time(-600.0), "idTag": "ABC", "reservationId": id });
    let wanted = request(&talk, 1, 1);
    assert_eq!(unasked(&mut talk, "ReserveNow", wanted.clone())["status"], "Rejected");
    let mut reserve = |payload: Value| asks(&mut talk, Asked::ByStep, "ReserveNow", &payload)["status"].clone();
    assert_eq!(reserve(wanted.clone()), "Accepted");
    let other = json!({ "connectorId": 1, "expiryDate": wanted["expiryDate"], "idTag": "X", "reservationId": 2 });
    assert_eq!(reserve(other.clone()), "Occupied");
    assert_eq!(reserve(wanted.clone()), "Accepted", "it is replaced");
    assert_eq!(status(&mut talk, "CancelReservation", json!({ "reservationId": 2 })), "Rejected");
    assert_eq!(status(&mut talk, "CancelReservation", json!({ "reservationId": 1 })), "Accepted");
    assert_eq!(asks(&mut talk, Asked::ByStep, "ReserveNow", &other)["status"], "Accepted");
    // A transaction that names it ends it, and so does its time.
    let start =
        json!({ "connectorId": 1, "idTag": "X", "meterStart": 0, "timestamp": talk.time(0.0), "reservationId": 2 });
    talk.ask("StartTransaction", &start, &json!({ "transactionId": 3, "idTagInfo": { "status": "Accepted" } }));
    assert_eq!(status(&mut talk, "CancelReservation", json!({ "reservationId": 2 })), "Rejected");
    let third = request(&talk, 3, 2);
    assert_eq!(asks(&mut talk, Asked::ByStep, "ReserveNow", &third)["status"], "Accepted");
    talk.pass(601.0);
    assert_eq!(status(&mut talk, "CancelReservation", json!({ "reservationId": 3 })), "Rejected");
    talk.ask(
        "StatusNotification",
        &json!({ "connectorId": 2, "status": "Faulted", "errorCode": "OtherError" }),
        &json!({}),
    );
    let fourth = request(&talk, 4, 2);
    assert_eq!(asks(&mut talk, Asked::ByStep, "ReserveNow", &fourth)["status"], "Faulted");
}

#[test]
fn charging_profiles_are_checked_kept_and_cleared() {
    let mut talk = accepted();
    let mut set = |connector: u64, profile: Value| {
        status(&mut talk, "SetChargingProfile", json!({ "connectorId": connector, "csChargingProfiles": profile }))
    };
    assert_eq!(set(0, profile(1, "ChargePointMaxProfile", 0, 20.0)), "Accepted");
    assert_eq!(set(1, profile(2, "ChargePointMaxProfile", 0, 20.0)), "Rejected");
    assert_eq!(set(1, profile(3, "TxDefaultProfile", 1, 8.7)), "Accepted");
    assert_eq!(set(9, profile(4, "TxDefaultProfile", 1, 10.0)), "Rejected");
    assert_eq!(set(0, profile(9, "TxDefaultProfile", 1, 6.0)), "Accepted", "for the other connectors");
    assert_eq!(set(1, profile(5, "TxDefaultProfile", 9, 10.0)), "Rejected", "above the highest level");
    assert_eq!(set(1, profile(6, "TxProfile", 1, 6.0)), "Rejected", "no transaction");
    let mut late = profile(7, "TxDefaultProfile", 2, 10.0);
    late["chargingSchedule"]["chargingSchedulePeriod"][0]["startPeriod"] = 60.into();
    assert_eq!(set(1, late), "Rejected");
    let mut recurring = profile(7, "TxDefaultProfile", 2, 10.0);
    recurring["chargingProfileKind"] = "Recurring".into();
    assert_eq!(set(1, recurring), "Rejected", "without a recurrency");
    let limit = |talk: &mut Talk| {
        let told = unasked(talk, "GetCompositeSchedule", json!({ "connectorId": 1, "duration": 300 }));
        assert_eq!((&told["status"], &told["connectorId"]), (&json!("Accepted"), &json!(1)));
        told["chargingSchedule"]["chargingSchedulePeriod"][0]["limit"].clone()
    };
    assert_eq!(limit(&mut talk), 8.7);
    start(&mut talk, 1, 7);
    let set = |talk: &mut Talk, id: i64| {
        let mut profile = profile(8, "TxProfile", 0, 12.0);
        profile["transactionId"] = id.into();
        status(talk, "SetChargingProfile", json!({ "connectorId": 1, "csChargingProfiles": profile }))
    };
    assert_eq!(set(&mut talk, 6), "Rejected");
    assert_eq!(set(&mut talk, 7), "Accepted");
    assert_eq!(limit(&mut talk), 12.0, "it overrules the default");
    let stop = json!({ "transactionId": 7, "meterStop": 1300, "timestamp": talk.time(0.0) });
    talk.ask("StopTransaction", &stop, &json!({}));
    assert_eq!(limit(&mut talk), 8.7, "it is over");
    assert_eq!(
        status(&mut talk, "ClearChargingProfile", json!({ "id": 3, "stackLevel": 5 })),
        "Accepted",
        "only the id counts"
    );
    assert_eq!(limit(&mut talk), 6.0, "that for all connectors holds again");
    assert_eq!(status(&mut talk, "ClearChargingProfile", json!({ "id": 9 })), "Accepted");
    assert_eq!(limit(&mut talk), 20.0);
    assert_eq!(status(&mut talk, "ClearChargingProfile", json!({ "stackLevel": 5 })), "Unknown");
    assert_eq!(status(&mut talk, "ClearChargingProfile", json!({})), "Accepted");
    assert_eq!(limit(&mut talk), 32.0);
    let watts = json!({ "connectorId": 0, "duration": 300, "chargingRateUnit": "W" });
    let told = unasked(&mut talk, "GetCompositeSchedule", watts);
    assert_eq!(told["chargingSchedule"]["chargingSchedulePeriod"][0]["limit"], 44_160.0, "two connectors");
    assert_eq!(
        unasked(&mut talk, "GetCompositeSchedule", json!({ "connectorId": 9, "duration": 300 })),
        json!({ "status": "Rejected" })
    );
}

#[test]
fn certificates_are_installed_listed_and_deleted() {
    let mut talk = accepted();
    let signed = rcgen::generate_simple_self_signed(["root.example".to_owned()]).unwrap();
    let pem = signed.cert.pem();
    let root = "CentralSystemRootCertificate";
    let install = |pem: &str| json!({ "certificateType": root, "certificate": pem });
    assert_eq!(status(&mut talk, "InstallCertificate", install("no certificate")), "Rejected");
    assert_eq!(status(&mut talk, "GetInstalledCertificateIds", json!({ "certificateType": root })), "NotFound");
    assert_eq!(status(&mut talk, "InstallCertificate", install(&pem)), "Accepted");
    assert_eq!(status(&mut talk, "InstallCertificate", install(&pem)), "Accepted");
    let listed = unasked(&mut talk, "GetInstalledCertificateIds", json!({ "certificateType": root }));
    assert_eq!(listed["certificateHashData"].as_array().unwrap().len(), 1);
    let manufacturer = json!({ "certificateType": "ManufacturerRootCertificate" });
    assert_eq!(status(&mut talk, "GetInstalledCertificateIds", manufacturer), "NotFound");
    let delete = json!({ "certificateHashData": listed["certificateHashData"][0] });
    assert_eq!(status(&mut talk, "DeleteCertificate", delete.clone()), "Accepted");
    assert_eq!(status(&mut talk, "DeleteCertificate", delete), "NotFound");
}

#[test]
fn each_unsolicited_request_leads_to_the_verdict_that_its_line_says() {
    let verdict = |talk: &mut Talk, action: &str, payload: Value| {
        let call = talk.call(action, &payload);
        talk.session.unsolicited(&talk.moment, &call).unwrap().verdict
    };
    let trigger = json!({ "requestedMessage": "BootNotification" });
    let start_request = json!({ "idTag": "A" });
    let mut talk = Talk::new(false);
    boot(&mut talk, "Pending");
    assert_eq!(verdict(&mut talk, "TriggerMessage", trigger.clone()), None);
    assert_eq!(verdict(&mut talk, "RemoteStartTransaction", start_request.clone()), Some(Verdict::Fail));
    assert_eq!(verdict(&mut talk, "GetConfiguration", json!({})), None);
    boot(&mut talk, "Accepted");
    assert_eq!(verdict(&mut talk, "TriggerMessage", trigger), Some(Verdict::Fail));
    assert_eq!(verdict(&mut talk, "RemoteStartTransaction", start_request), Some(Verdict::Inconclusive));
    assert_eq!(verdict(&mut talk, "RemoteStopTransaction", json!({ "transactionId": 7 })), None);
    assert_eq!(verdict(&mut talk, "UnlockConnector", json!({ "connectorId": 1 })), None);
    start(&mut talk, 1, 7);
    assert_eq!(verdict(&mut talk, "RemoteStopTransaction", json!({ "transactionId": 7 })), Some(Verdict::Inconclusive));
    assert_eq!(verdict(&mut talk, "UnlockConnector", json!({ "connectorId": 1 })), Some(Verdict::Inconclusive));
    assert_eq!(status(&mut talk, "UnlockConnector", json!({ "connectorId": 1 })), "UnlockFailed");
    assert_eq!(status(&mut talk, "UnlockConnector", json!({ "connectorId": 9 })), "NotSupported");
    let available = |kind: &str| json!({ "connectorId": 0, "type": kind });
    assert_eq!(verdict(&mut talk, "ChangeAvailability", available("Operative")), None);
    assert_eq!(verdict(&mut talk, "ChangeAvailability", available("Inoperative")), Some(Verdict::Inconclusive));
    assert_eq!(status(&mut talk, "ChangeAvailability", available("Inoperative")), "Rejected");
    assert_eq!(verdict(&mut talk, "CertificateSigned", json!({ "certificateChain": "x" })), Some(Verdict::Fail));
    talk.ask("SignCertificate", &json!({ "csr": "x" }), &json!({ "status": "Accepted" }));
    assert_eq!(verdict(&mut talk, "CertificateSigned", json!({ "certificateChain": "x" })), None);
}

#[test]
fn a_connector_that_is_put_back_into_service_is_told() {
    let mut talk = accepted();
    talk.ask(
        "StatusNotification",
        &json!({ "connectorId": 2, "status": "Unavailable", "errorCode": "NoError" }),
        &json!({}),
    );
    assert_eq!(status(&mut talk, "ChangeAvailability", json!({ "connectorId": 2, "type": "Operative" })), "Accepted");
    let told = follow_ups(&mut talk);
    assert_eq!((told.len(), &told[0].1["connectorId"], &told[0].1["status"]), (1, &json!(2), &json!("Available")));
    start(&mut talk, 1, 7);
    let out = json!({ "connectorId": 1, "type": "Inoperative" });
    assert_eq!(asks(&mut talk, Asked::ByStep, "ChangeAvailability", &out)["status"], "Scheduled");
}

#[test]
fn its_transactions_get_their_ids_from_the_central_system() {
    let mut talk = accepted();
    start(&mut talk, 1, 4711);
    talk.ask(
        "StatusNotification",
        &json!({ "connectorId": 1, "status": "Charging", "errorCode": "NoError" }),
        &json!({}),
    );
    let told = talk.name("transaction");
    assert_eq!((&told["id"], &told["charging_state"]), (&json!(4711), &json!("Charging")));
    let stop = |id: i64| json!({ "transactionId": id });
    assert_eq!(status(&mut talk, "RemoteStopTransaction", stop(4711)), "Accepted");
    assert_eq!(status(&mut talk, "RemoteStopTransaction", stop(1)), "Rejected");
}
