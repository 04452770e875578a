//! What unsolicited requests of a CSMS mean for the verdict.

use serde_json::{Value, json};

use super::{Play, accepted};
use crate::{
    protocol::v2::unsolicited::OF_CSMS,
    protocol::{OCPP_2_0_1, frame::Frame},
    verdict::Verdict,
};

/// A transaction goes on; our station has asked for a certificate where `csr` is true; nothing of the CSMS is waited for.
fn main_part(csr: bool) -> Play {
    let sign = if csr { "  - send: SignCertificate\n    payload: { csr: \"{{ 'csr' }}\" }\n" } else { "" };
    let steps = format!(
        "steps:\n{sign}  - send: TransactionEvent\n    payload: {{ eventType: Started, triggerReason: Authorized, seqNo: 0, transactionInfo: {{ transactionId: T }}, evse: {{ id: 1 }} }}\n  - wait: 500\n"
    );
    let mut play = Play::begin(&steps, accepted());
    if csr {
        play.answer(&json!({ "status": "Accepted" }));
    }
    play.answer(&json!({}));
    play
}

#[test]
fn each_leads_to_the_verdict_that_its_line_says() {
    let token = json!({ "idToken": "A", "type": "Central" });
    let signed = json!({ "certificateChain": "C" });
    let availability = |status: &str| json!({ "operationalStatus": status });
    let cases: Vec<(&str, Value, &str, Verdict)> = vec![
        ("CostUpdated", json!({ "totalCost": 1.5, "transactionId": "T" }), "", Verdict::Pass),
        (
            "SetDisplayMessage",
            json!({ "message": { "id": 1, "priority": "InFront", "message": { "format": "UTF8", "content": "x" } } }),
            "Accepted",
            Verdict::Pass,
        ),
        (
            "InstallCertificate",
            json!({ "certificateType": "V2GRootCertificate", "certificate": "x" }),
            "Rejected",
            Verdict::Pass,
        ),
        (
            "ReserveNow",
            json!({ "id": 1, "expiryDateTime": "1970-01-02T00:00:00Z", "idToken": token }),
            "Rejected",
            Verdict::Pass,
        ),
        ("ChangeAvailability", availability("Operative"), "Accepted", Verdict::Pass),
        ("ChangeAvailability", availability("Inoperative"), "Rejected", Verdict::Inconclusive),
        ("RequestStopTransaction", json!({ "transactionId": "U" }), "Rejected", Verdict::Pass),
        ("RequestStopTransaction", json!({ "transactionId": "T" }), "Accepted", Verdict::Inconclusive),
        ("RequestStopTransaction", json!({ "transactionId": "t" }), "Accepted", Verdict::Inconclusive),
        ("RequestStartTransaction", json!({ "remoteStartId": 1, "idToken": token }), "Rejected", Verdict::Inconclusive),
        ("Reset", json!({ "type": "OnIdle" }), "Rejected", Verdict::Inconclusive),
        (
            "UpdateFirmware",
            json!({ "requestId": 1, "firmware": { "location": "http://a/b", "retrieveDateTime": "1970-01-01T00:00:00Z" } }),
            "Rejected",
            Verdict::Inconclusive,
        ),
        ("CertificateSigned", signed.clone(), "Rejected", Verdict::Fail),
    ];
    for (action, request, status, verdict) in cases {
        let mut play = main_part(false);
        let answer = play.ask(action, &request);
        assert_eq!(answer["status"].as_str().unwrap_or_default(), status, "{action}");
        let (found, message) = play.verdict();
        assert_eq!(found, verdict, "{action} {request}: {message}");
        let reason = message.contains(action) && message.contains("was not expected here: ");
        assert!(reason || verdict == Verdict::Pass, "{message}");
    }
    // One certificate for one request.
    let mut asked_for = main_part(true);
    assert_eq!(asked_for.ask("CertificateSigned", &signed)["status"], "Accepted");
    assert_eq!(asked_for.ask("CertificateSigned", &signed)["status"], "Rejected");
    assert_eq!(asked_for.verdict().0, Verdict::Fail);
}

#[test]
fn before_the_main_part_it_decides_nothing() {
    let steps = "before:\n  states:\n    - wait: 1\nsteps:\n  - wait: 1\n";
    let mut play = Play::begin(steps, accepted());
    play.ask("Reset", &json!({ "type": "Immediate" }));
    play.pass(1);
    assert_eq!(play.verdict().0, Verdict::Pass);
}

#[test]
fn another_one_than_a_step_waits_for_fails() {
    let steps = "steps:\n  - wait: 1\n  - expect: Reset\n    match: { type: Immediate }\n";
    for early in [true, false] {
        let mut play = Play::begin(steps, accepted());
        if !early {
            play.pass(1);
        }
        play.ask("Reset", &json!({ "type": "OnIdle" }));
        let (verdict, message) = play.verdict();
        assert_eq!(verdict, Verdict::Fail);
        assert!(message.ends_with("Reset (OnIdle) was not expected here"), "{message}");
    }
}

/// A CSMS may keep ids in capital letters: an identifierString has no case. Other text has.
#[test]
fn identifiers_are_compared_without_case() {
    let steps = "steps:\n  - expect: CostUpdated\n    check: { transactionId: 0f-a }\n  - expect: GetVariables\n    check:\n      getVariableData: { any: { component.name: ClockCtrlr, attributeType: Actual } }\n  - expect: DataTransfer\n    check: { vendorId: Vendor }\n";
    let variable =
        json!({ "component": { "name": "clockctrlr" }, "variable": { "name": "DateTime" }, "attributeType": "Actual" });
    for (vendor, verdict) in [("Vendor", Verdict::Pass), ("vendor", Verdict::Fail)] {
        let mut play = Play::begin(steps, accepted());
        play.ask("CostUpdated", &json!({ "totalCost": 1.5, "transactionId": "0F-A" }));
        play.ask("GetVariables", &json!({ "getVariableData": [variable] }));
        play.ask("DataTransfer", &json!({ "vendorId": vendor }));
        let (found, message) = play.verdict();
        assert_eq!(found, verdict, "{message}");
    }
}

#[test]
fn a_connector_that_is_put_back_into_service_is_told() {
    let steps = "before:\n  states:\n    - send: StatusNotification\n      payload: { connectorStatus: Unavailable, evseId: 2, connectorId: 1 }\n    - wait: 2\nsteps:\n  - wait: 5\n";
    let mut play = Play::begin(steps, accepted());
    play.answer(&json!({}));
    let request = json!({ "operationalStatus": "Operative", "evse": { "id": 2 } });
    assert_eq!(play.ask("ChangeAvailability", &request)["status"], "Accepted");
    let told = play.follow_ups();
    assert_eq!(told.len(), 1);
    assert_eq!((&told[0].1["connectorStatus"], &told[0].1["evseId"]), (&json!("Available"), &json!(2)));
}

#[test]
fn an_answer_of_ours_that_is_not_valid_is_our_own_error() {
    let steps = "steps:\n  - expect: ClearCache\n    reply: { status: \"{{ 'May' ~ 'be' }}\" }\n";
    let mut play = Play::begin(steps, accepted());
    play.says(&Frame::Call { id: "x".into(), action: "ClearCache".into(), payload: json!({}) });
    let (verdict, message) = play.verdict();
    assert_eq!(verdict, Verdict::Error);
    assert!(message.contains("our own ClearCacheResponse is not valid: /status"), "{message}");
}

#[test]
fn every_request_is_answered_with_what_may_be_answered() {
    for line in OF_CSMS {
        let example = OCPP_2_0_1.messages().message(line.action, true).unwrap().example();
        let mut play = main_part(false);
        // `ask` holds the answer against the schema, `follow_ups` what comes after it.
        play.ask(line.action, &example);
        play.follow_ups();
        assert_ne!(play.verdict().0, Verdict::Error, "{}", line.action);
    }
}

#[test]
fn what_only_a_station_sends_is_refused_and_fails() {
    let mut play = main_part(false);
    play.says(&Frame::Call { id: "x".into(), action: "Heartbeat".into(), payload: json!({}) });
    assert!(matches!(&play.written[0], Frame::CallError { code, .. } if code == "NotSupported"), "{:?}", play.written);
    assert_eq!(play.verdict(), (Verdict::Fail, "2 wait: Heartbeat was not expected here".into()));
}
