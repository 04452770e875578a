//! Messages that our station sends by itself: when, in which order, and what their answers mean.

use serde_json::{Value, json};

use super::{Play, QUIET, accepted, connected};
use crate::{protocol::frame::Frame, verdict::Verdict};

fn inventory(id: u32) -> Value {
    json!({ "requestId": id, "reportBase": "FullInventory" })
}

fn trigger(message: &str) -> Value {
    json!({ "requestedMessage": message })
}

/// Our station has booted, and the CSMS has answered so.
fn booted(status: &str) -> Play {
    let steps = "steps:\n  - send: BootNotification\n    payload: { reason: PowerUp, chargingStation: { model: M, vendorName: V } }\n  - wait: 500\n";
    let mut play = Play::begin(steps, connected());
    play.answer(&json!({ "currentTime": "1970-01-01T00:00:00Z", "interval": 5, "status": status }));
    play
}

#[test]
fn they_go_out_one_at_a_time_after_their_answer() {
    let mut play = Play::begin(QUIET, accepted());
    play.ask("GetBaseReport", &inventory(1));
    // What is asked for meanwhile waits.
    let (action, first) = play.call().unwrap();
    assert_eq!((action.as_str(), &first["seqNo"]), ("NotifyReport", &json!(0)));
    assert_eq!(play.ask("TriggerMessage", &trigger("Heartbeat"))["status"], "Accepted");
    assert_eq!(play.ask("GetBaseReport", &inventory(2))["status"], "Accepted");
    let sent: Vec<String> = play
        .follow_ups()
        .iter()
        .map(|(action, payload)| format!("{action} {} {}", payload["requestId"], payload["seqNo"]))
        .collect();
    assert_eq!(sent[0], "NotifyReport 1 0");
    assert!(sent.iter().any(|one| one.starts_with("Heartbeat")) && sent.last().unwrap().starts_with("NotifyReport 2"));
    assert_eq!(play.verdict().0, Verdict::Pass);
}

#[test]
fn a_step_that_sends_waits_for_what_is_out_and_goes_before_what_is_not() {
    let steps = "steps:\n  - wait: 1\n  - send: Heartbeat\n    as: beat\n  - assert: beat.answered == 4\n    otherwise: Other.\n  - wait: 5\n";
    let mut play = Play::begin(steps, accepted());
    play.ask("GetBaseReport", &inventory(1));
    play.pass(1);
    assert_eq!(play.call().unwrap().0, "NotifyReport", "the step waits");
    assert_eq!(play.engine.deadline(), Some(5_000_000_000), "for what is out, which has so long to be answered");
    play.pass(2);
    play.answer(&json!({}));
    assert_eq!(play.call().unwrap().0, "Heartbeat", "and goes before the next part");
    play.second += 1;
    play.answer(&json!({ "currentTime": "1970-01-01T00:00:00Z" }));
    assert_eq!(play.call().unwrap().1["seqNo"], 1);
    play.follow_ups();
    assert_eq!(play.verdict(), (Verdict::Pass, String::new()));
}

#[test]
fn a_step_has_its_own_time_for_an_answer_however_long_it_waited() {
    let mut play = Play::begin("steps:\n  - wait: 4\n  - send: Heartbeat\n  - wait: 5\n", accepted());
    play.ask("TriggerMessage", &trigger("FirmwareStatusNotification"));
    play.pass(4);
    play.answer(&json!({}));
    assert_eq!(play.call().unwrap().0, "Heartbeat");
    play.pass(4);
    play.answer(&json!({ "currentTime": "1970-01-01T00:00:00Z" }));
    assert_eq!(play.verdict().0, Verdict::Pass);
}

#[test]
fn tidying_up_waits_for_its_turn_too() {
    let steps = "steps:\n  - send: Heartbeat\nafter:\n  - send: Heartbeat\n";
    let mut play = Play::begin(steps, accepted());
    play.second = 2;
    let other =
        Frame::Call { id: "x".into(), action: "CertificateSigned".into(), payload: json!({ "certificateChain": "C" }) };
    play.says(&other);
    assert!(play.engine.decided());
    assert_eq!((play.written.len(), play.engine.deadline()), (2, Some(5_000_000_000)));
    play.written.clear();
    play.pass(3);
    assert_eq!(play.call().unwrap().0, "Heartbeat");
}

#[test]
fn an_answer_to_one_is_no_answer_to_a_step() {
    let steps = "steps:\n  - wait: 1\n  - send: Heartbeat\n    check: { currentTime: \"1970-01-01T00:00:02Z\" }\n";
    let mut play = Play::begin(steps, accepted());
    play.ask("TriggerMessage", &trigger("Heartbeat"));
    play.pass(1);
    play.answer(&json!({ "currentTime": "1970-01-01T00:00:00Z" }));
    assert_eq!(play.call().unwrap().0, "Heartbeat", "the step sends its own");
    play.answer(&json!({ "currentTime": "1970-01-01T00:00:02Z" }));
    assert_eq!(play.verdict().0, Verdict::Pass);
}

#[test]
fn what_is_not_answered_or_refused_fails() {
    let mut silent = Play::begin(QUIET, accepted());
    silent.ask("GetBaseReport", &inventory(1));
    silent.pass(5);
    let rule = "rule: our messages are answered";
    assert_eq!(
        silent.verdict(),
        (
            Verdict::Fail,
            format!("{rule}: NotifyReport, which our station sent because of GetBaseReport, was not answered")
        )
    );
    let mut refusing = Play::begin(QUIET, accepted());
    refusing.ask("GetBaseReport", &inventory(1));
    let id = refusing.written.remove(0).id().to_owned();
    refusing.says(&Frame::CallError {
        id,
        code: "InternalError".into(),
        description: String::new(),
        details: json!({}),
    });
    let (verdict, message) = refusing.verdict();
    assert_eq!(verdict, Verdict::Fail);
    assert!(message.contains("because of GetBaseReport, was answered with a CALLERROR"), "{message}");
    let mut wrong = Play::begin(QUIET, accepted());
    wrong.ask("TriggerMessage", &trigger("Heartbeat"));
    wrong.answer(&json!({ "time": 5 }));
    assert!(wrong.verdict().1.starts_with("rule: schema-valid messages"));
}

#[test]
fn what_a_connection_leaves_unsent_goes_with_it() {
    let mut play = Play::begin("steps:\n  - wait: 5\n", accepted());
    play.ask("GetBaseReport", &inventory(1));
    play.written.clear();
    play.lose_connection();
    play.pass(1);
    assert_eq!(play.call(), None);
    assert_eq!(play.verdict().0, Verdict::Pass);
}

#[test]
fn a_test_case_ends_when_all_is_sent_but_not_for_a_csms_that_asks_without_end() {
    let mut play = Play::begin("steps:\n  - wait: 1\n", accepted());
    play.ask("GetBaseReport", &inventory(1));
    play.pass(1);
    assert!(!play.engine.finished(), "the CSMS has the first part only");
    play.follow_ups();
    assert!(play.engine.finished());

    let mut endless = Play::begin("steps:\n  - wait: 1\n", accepted());
    endless.ask("TriggerMessage", &trigger("Heartbeat"));
    for round in 0..20 {
        endless.ask("TriggerMessage", &trigger("Heartbeat"));
        endless.pass(1);
        if endless.engine.finished() {
            assert_eq!(round, 5, "it has as long as an answer may take");
            return;
        }
        endless.answer(&json!({ "currentTime": "1970-01-01T00:00:00Z" }));
    }
    panic!("it goes on and on");
}

#[test]
fn requests_without_end_are_turned_down_when_the_outbox_is_full() {
    let mut play = Play::begin(QUIET, accepted());
    let statuses: Vec<Value> = (0..200).map(|id| play.ask("GetBaseReport", &inventory(id))["status"].clone()).collect();
    assert_eq!((&statuses[0], &statuses[199]), (&json!("Accepted"), &json!("Rejected")));
    let taken = statuses.iter().filter(|status| **status == "Accepted").count();
    let last = play.follow_ups().iter().filter(|(_, part)| part["tbc"] == false).count();
    assert_eq!(last, taken, "every report that was promised is whole");
}

#[test]
fn while_pending_the_station_sends_only_what_it_may() {
    let mut play = booted("Pending");
    // B02.FR.02
    assert_eq!(play.ask("GetMonitoringReport", &json!({ "requestId": 3 }))["status"], "Accepted");
    let customer = json!({ "requestId": 4, "report": true, "clear": false, "customerIdentifier": "C" });
    assert_eq!(play.ask("CustomerInformation", &customer)["status"], "Accepted");
    assert_eq!(play.call(), None);
    assert_eq!(play.ask("GetBaseReport", &inventory(5))["status"], "Accepted");
    assert!(play.follow_ups().iter().all(|(action, _)| action == "NotifyReport"));
    play.ask(
        "TriggerMessage",
        &json!({ "requestedMessage": "StatusNotification", "evse": { "id": 1, "connectorId": 1 } }),
    );
    assert_eq!(play.follow_ups()[0].0, "StatusNotification");
    // The boot that the CSMS asks for, the statuses that follow it, and then what had to wait.
    assert_eq!(play.ask("TriggerMessage", &trigger("BootNotification"))["status"], "Accepted");
    let (action, boot) = play.call().unwrap();
    assert_eq!(action, "BootNotification");
    assert_eq!(
        boot,
        json!({ "reason": "Triggered", "chargingStation": { "model": "Model M", "vendorName": "Vendor V" } })
    );
    let sent: Vec<String> = play.follow_ups().into_iter().map(|(action, _)| action).collect();
    let expected = [
        "BootNotification",
        "NotifyMonitoringReport",
        "NotifyCustomerInformation",
        "StatusNotification",
        "StatusNotification",
    ];
    assert_eq!(sent, expected);
    // F06.FR.17
    assert_eq!(play.ask("TriggerMessage", &trigger("BootNotification"))["status"], "Rejected");
    assert_eq!(play.verdict().0, Verdict::Pass);
}

#[test]
fn nothing_is_sent_to_a_csms_that_has_rejected_the_station() {
    let mut play = booted("Rejected");
    assert_eq!(play.ask("GetBaseReport", &inventory(1))["status"], "Accepted");
    assert_eq!(play.call(), None, "B03.FR.02");
}

#[test]
fn triggered_messages_tell_what_is() {
    let event = |kind: &str, trigger: &str, more: &str| {
        format!(
            "  - send: TransactionEvent\n    payload: {{ eventType: {kind}, triggerReason: {trigger}, seqNo: \"{{{{ transaction.next_seq }}}}\", {more} }}\n"
        )
    };
    let steps = [
        "steps:\n".to_owned(),
        event(
            "Started",
            "CablePluggedIn",
            "transactionInfo: { transactionId: T, chargingState: EVConnected }, evse: { id: 1, connectorId: 1 }",
        ),
        event(
            "Updated",
            "ChargingStateChanged",
            "transactionInfo: { transactionId: T, chargingState: Charging }, meterValue: [{ timestamp: \"{{ now }}\", sampledValue: [{ value: 1250 }] }]",
        ),
        "  - wait: 5\n".to_owned(),
        event("Ended", "EVDeparted", "transactionInfo: { transactionId: T }"),
        "  - wait: 500\n".to_owned(),
    ];
    let mut play = Play::begin(&steps.concat(), accepted());
    play.answer(&json!({}));
    play.answer(&json!({}));
    // A list of measurands that the CSMS sets is what is told from then on.
    let set = json!({ "setVariableData": [{
        "component": { "name": "SampledDataCtrlr" }, "variable": { "name": "TxUpdatedMeasurands" },
        "attributeValue": "Energy.Active.Import.Register,Power.Active.Import",
    }] });
    play.ask("SetVariables", &set);
    assert_eq!(play.ask("TriggerMessage", &trigger("TransactionEvent"))["status"], "Accepted");
    let (_, event) = play.follow_ups().remove(0);
    assert_eq!((&event["triggerReason"], &event["seqNo"]), (&json!("Trigger"), &json!(2)));
    assert_eq!(event["transactionInfo"], json!({ "transactionId": "T", "chargingState": "Charging" }));
    let samples = event["meterValue"][0]["sampledValue"].as_array().unwrap();
    let told: Vec<(&Value, &Value)> = samples.iter().map(|one| (&one["measurand"], &one["value"])).collect();
    assert_eq!(
        told,
        [(&json!("Energy.Active.Import.Register"), &json!(1250.0)), (&json!("Power.Active.Import"), &json!(3680)),]
    );
    assert!(samples.iter().all(|one| one["context"] == "Trigger"));
    play.ask("TriggerMessage", &trigger("MeterValues"));
    let evses: Vec<Value> = play.follow_ups().into_iter().map(|(_, payload)| payload["evseId"].clone()).collect();
    assert_eq!(evses, [1, 2], "F06.FR.11");
    // The next event of the test case goes on counting.
    play.pass(5);
    let (_, ended) = play.call().unwrap();
    assert_eq!((&ended["eventType"], &ended["seqNo"]), (&json!("Ended"), &json!(3)));
    play.answer(&json!({}));
    for (request, expected) in [
        (trigger("TransactionEvent"), "Rejected"),
        (trigger("StatusNotification"), "Rejected"),
        (json!({ "requestedMessage": "StatusNotification", "evse": { "id": 1 } }), "Rejected"),
        (json!({ "requestedMessage": "StatusNotification", "evse": { "id": 8, "connectorId": 1 } }), "Rejected"),
        (json!({ "requestedMessage": "MeterValues", "evse": { "id": 8 } }), "Rejected"),
        (trigger("SignChargingStationCertificate"), "Rejected"),
        (trigger("SignV2GCertificate"), "NotImplemented"),
        (trigger("SignCombinedCertificate"), "NotImplemented"),
        (trigger("PublishFirmwareStatusNotification"), "NotImplemented"),
    ] {
        assert_eq!(play.ask("TriggerMessage", &request)["status"], expected, "{request}");
        assert_eq!(play.call(), None, "{request}");
    }
    for (message, payload) in [
        ("FirmwareStatusNotification", json!({ "status": "Idle" })),
        ("LogStatusNotification", json!({ "status": "Idle" })),
        ("Heartbeat", json!({})),
    ] {
        assert_eq!(play.ask("TriggerMessage", &trigger(message))["status"], "Accepted");
        assert_eq!(play.follow_ups(), [(message.to_owned(), payload)]);
    }
    assert_eq!(play.verdict().0, Verdict::Pass);
}

#[test]
fn where_a_step_answers_by_itself_nothing_follows() {
    let steps = "steps:\n  - expect: GetBaseReport\n    reply: { status: Accepted }\n    as: asked\n  - send: NotifyReport\n    payload:\n      requestId: \"{{ asked.requestId }}\"\n      seqNo: 0\n      reportData:\n        - component: { name: EVSE, evse: { id: 1 } }\n          variable: { name: Available }\n          variableAttribute: [{ value: \"true\" }]\n  - wait: 5\n";
    let mut play = Play::begin(steps, accepted());
    assert_eq!(play.ask("GetBaseReport", &inventory(7)), json!({ "status": "Accepted" }));
    let sent = play.follow_ups();
    assert_eq!((sent.len(), &sent[0].1["requestId"], &sent[0].1["tbc"]), (1, &json!(7), &Value::Null));
    assert_eq!(play.verdict().0, Verdict::Pass);
}
