//! The rules that hold for every test, each with a product that breaks it.

use serde_json::json;

use super::*;

const STATUS: &str = r#"[2,"s","StatusNotification",{"timestamp":"1970-01-01T00:00:01Z","connectorStatus":"Available","evseId":1,"connectorId":1}]"#;

fn boot(id: &str) -> String {
    format!(
        r#"[2,"{id}","BootNotification",{{"reason":"PowerUp","chargingStation":{{"model":"M","vendorName":"V"}}}}]"#
    )
}

fn known() -> UpgradeRequest {
    UpgradeRequest { subprotocols: vec!["ocpp2.0.1".into()], ..UpgradeRequest::default() }
}

fn connects(engine: &mut Engine, seconds: u64, conn: u32) {
    let opened = LinkEvent::Opened {
        conn: ConnId(conn),
        endpoint: EndpointId(1),
        request: known(),
        subprotocol: Some("ocpp2.0.1".into()),
    };
    engine.handle(at(seconds), Input::Link(opened));
}

fn says_on(engine: &mut Engine, conn: u32, seconds: u64, text: &str) {
    engine.handle(at(seconds), Input::Link(LinkEvent::Text { conn: ConnId(conn), text: text.to_owned() }));
}

/// The findings in short: rule or step, message, requirements.
fn findings(outcome: &Outcome) -> Vec<String> {
    let shown = outcome.failures.iter().map(|failure| {
        let requirements = failure.requirements.join(" ");
        format!("{}: {} [{requirements}]", failure.step, failure.message)
    });
    shown.collect()
}

#[test]
fn a_rebooted_station_sends_nothing_before_its_boot_is_answered() {
    let steps = "steps:\n  - send: Reset\n    payload: { type: Immediate }\n  - expect: BootNotification\n";
    let mut engine = engine(steps, connected());
    says(&mut engine, 1, r#"[3,"TC_B_06_CS-1",{"status":"Accepted"}]"#);
    // What it still has to say on the old connection may come.
    says(&mut engine, 1, &STATUS.replace("\"s\"", "\"old\""));
    sent(&mut engine);
    connects(&mut engine, 2, 2);
    says_on(&mut engine, 2, 2, STATUS);
    assert_eq!(sent(&mut engine), [r#"[4,"s","SecurityError","not accepted yet",{}]"#]);
    let outcome = ended(engine, 3);
    assert_eq!(
        findings(&outcome),
        [
            "rule: no CALL before acceptance: the station sent StatusNotification before its BootNotification was answered [B01.FR.08]"
        ]
    );
}

#[test]
fn a_pending_station_sends_what_it_was_asked_for_and_a_rejected_one_nothing() {
    let steps = |status: &str| {
        format!(
            "steps:\n  - expect: BootNotification\n    reply: {{ status: {status}, interval: 5 }}\n  - send: GetBaseReport\n    payload: {{ reportBase: FullInventory }}\n  - expect: NotifyReport\n  - expect: BootNotification\n  - wait: 5\n"
        )
    };
    let report = r#"[2,"r","NotifyReport",{"requestId":1,"generatedAt":"1970-01-01T00:00:01Z","seqNo":0}]"#;
    let pending = |last: &str| {
        let mut engine = engine(&steps("Pending"), connected());
        says(&mut engine, 1, &boot("b"));
        says(&mut engine, 1, r#"[3,"TC_B_06_CS-2",{"status":"Accepted"}]"#);
        says(&mut engine, 2, report);
        says(&mut engine, 3, last);
        ended(engine, 10)
    };
    let allowed = pending(&boot("again"));
    assert_eq!(findings(&allowed), Vec::<String>::new());
    let told = findings(&pending(STATUS)).join("\n");
    assert!(told.contains("while its boot is Pending, without a request for it [B02.FR.02]"), "{told}");

    let mut engine = engine(
        "steps:\n  - expect: BootNotification\n    reply: { status: Rejected, interval: 5 }\n  - wait: 5\n",
        connected(),
    );
    says(&mut engine, 1, &boot("b"));
    says(&mut engine, 2, r#"[2,"h","Heartbeat",{}]"#);
    assert!(sent(&mut engine).iter().any(|text| text.starts_with(r#"[4,"h","SecurityError""#)));
    assert_eq!(ended(engine, 9).failures[0].requirements, ["B03.FR.02"]);
}

#[test]
fn a_station_that_booted_before_we_listened_may_speak() {
    let mut engine =
        engine("steps:\n  - expect: StatusNotification\n", SutMemory { session: OCPP_2_0_1.session(), ..connected() });
    says(&mut engine, 1, STATUS);
    assert_eq!(ended(engine, 2).verdict, Verdict::Pass);
}

#[test]
fn what_came_before_a_boot_is_not_what_is_due_after_it() {
    let steps = "steps:\n  - expect: BootNotification\n  - expect: StatusNotification\n    within: 5\n";
    let mut engine = engine(steps, SutMemory { session: OCPP_2_0_1.session(), ..connected() });
    says(&mut engine, 1, STATUS);
    says(&mut engine, 2, &boot("b"));
    let outcome = ended(engine, 9);
    assert_eq!(outcome.failures[0].message, "StatusNotification did not come within 7.0 s");
    // Whoever reads it sees that it came too early, and when.
    let found = outcome.failures[0].found.as_deref().unwrap_or_default();
    assert!(found.starts_with("StatusNotification"), "{found}");
    assert!(found.ends_with("at 1.000 s, before this step began at 2.000 s"), "{found}");
    assert!(outcome.failures[0].frame.is_some());
}

#[test]
fn what_does_not_come_is_told_with_the_answer_that_led_to_it() {
    let steps = "steps:\n  - send: ClearCache\n  - expect: StatusNotification\n    within: 5\n";
    let mut quiet = engine(steps, connected());
    says(&mut quiet, 1, r#"[3,"TC_B_06_CS-1",{"status":"Accepted"}]"#);
    let failure = ended(quiet, 9).failures.remove(0);
    assert_eq!(failure.message, "StatusNotification did not come within 8.0 s");
    assert_eq!(failure.found.as_deref(), Some("nothing after the answer to ClearCache at 1.000 s"));
    // What is waited for after something else has not come of the answer.
    let mut later = engine(&steps.replace("  - expect", "  - wait: 1\n  - expect"), connected());
    says(&mut later, 1, r#"[3,"TC_B_06_CS-1",{"status":"Accepted"}]"#);
    later.handle(at(2), Input::Tick);
    assert_eq!(ended(later, 9).failures[0].found.as_deref(), Some("nothing"));
}

#[test]
fn what_comes_too_late_is_told_with_how_late() {
    let steps = "steps:\n  - expect: StatusNotification\n    within: 5\nafter:\n  - wait: 10\n";
    let mut engine = engine(steps, connected());
    engine.handle(at(6), Input::Tick);
    says(&mut engine, 9, &boot("b"));
    says(&mut engine, 10, STATUS);
    let outcome = ended(engine, 30);
    assert_eq!(outcome.failures[0].message, "StatusNotification did not come within 6.0 s");
    let found = outcome.failures[0].found.as_deref().unwrap_or_default();
    assert!(found.starts_with("StatusNotification"), "{found}");
    assert!(found.ends_with("at 10.000 s, 4.000 s after it was given up"), "{found}");
}

#[test]
fn an_answer_says_again_what_was_asked() {
    let steps = "steps:\n  - send: GetVariables\n    payload: { getVariableData: [{ component: { name: OCPPCommCtrlr }, variable: { name: MessageTimeout, instance: Default } }] }\n";
    let answered = |variable: &str| {
        let mut engine = engine(steps, connected());
        says(
            &mut engine,
            1,
            &format!(
                r#"[3,"TC_B_06_CS-1",{{"getVariableResult":[{{"attributeStatus":"Accepted","attributeValue":"30","component":{{"name":"OCPPCommCtrlr"}},"variable":{variable}}}]}}]"#
            ),
        );
        ended(engine, 1)
    };
    assert_eq!(answered(r#"{"name":"messagetimeout","instance":"DEFAULT"}"#).verdict, Verdict::Pass);
    let dropped = answered(r#"{"name":"MessageTimeout"}"#);
    let failure = &dropped.failures[0];
    assert_eq!(failure.pointer.as_deref(), Some("/getVariableResult/0/variable/instance"));
    assert_eq!((failure.expected.as_deref(), failure.found.as_deref()), (Some("\"Default\""), Some("nothing")));
    assert_eq!(failure.requirements, ["B06.FR.02"]);
}

#[test]
fn a_report_names_the_request_that_it_answers() {
    let steps =
        "steps:\n  - send: GetBaseReport\n    payload: { reportBase: FullInventory }\n  - expect: NotifyReport\n";
    let reported = |id: u32| {
        let mut engine = engine(steps, connected());
        let ours: serde_json::Value = serde_json::from_str(&sent(&mut engine)[0]).unwrap();
        let (message, request) = (ours[1].as_str().unwrap().to_owned(), ours[3]["requestId"].as_u64().unwrap());
        says(&mut engine, 1, &json!([3, message, { "status": "Accepted" }]).to_string());
        let report = json!({ "requestId": request + u64::from(id), "generatedAt": "1970-01-01T00:00:01Z", "seqNo": 0 });
        says(&mut engine, 1, &json!([2, "r", "NotifyReport", report]).to_string());
        ended(engine, 2)
    };
    assert_eq!(reported(0).verdict, Verdict::Pass);
    assert_eq!(reported(1).failures[0].requirements, ["B07.FR.04"]);
}

#[test]
fn a_value_keeps_to_its_data_type_and_what_is_left_out_is_the_default() {
    let values = |timestamp: &str, value: &str| {
        format!(
            r#"[2,"m","MeterValues",{{"evseId":1,"meterValue":[{{"timestamp":"{timestamp}","sampledValue":[{value}]}}]}}]"#
        )
    };
    let steps =
        "steps:\n  - expect: MeterValues\n    check: { \"meterValue[0].sampledValue[0].context\": Sample.Periodic }\n";
    let outcome = |text: &str| {
        let mut engine = engine(steps, connected());
        says(&mut engine, 1, text);
        ended(engine, 1)
    };
    assert_eq!(outcome(&values("1970-01-01T00:00:01Z", r#"{"value":1}"#)).verdict, Verdict::Pass);
    let told = outcome(&values("1970-01-01T00:00:01.000001Z", r#"{"value":1}"#));
    assert_eq!(told.failures[0].step, "rule: values of their data types");
    assert_eq!(told.failures[0].pointer.as_deref(), Some("/meterValue/0/timestamp"));
}

#[test]
fn every_time_is_held_against_now() {
    let day = 86_400;
    let clock = |seconds: i64| jiff::Timestamp::from_second(seconds).unwrap().to_string();
    let at_day = at(400 * 86_400);
    let judged = |action: &str, payload: serde_json::Value| {
        let mut engine = engine("steps:\n  - wait: 5\n", connected());
        let text = json!([2, "x", action, payload]).to_string();
        engine.handle(at_day, Input::Link(LinkEvent::Text { conn: ConnId(1), text }));
        engine.handle(at_day, Input::Tick);
        let outcome = engine.outcome();
        let mut failures = outcome.failures.into_iter();
        let requirements = failures.find(|failure| failure.step == "rule: timestamps near now")?.requirements;
        Some(requirements.join(" "))
    };
    let now = 400 * day;
    let status =
        |time: i64| json!({ "timestamp": clock(time), "connectorStatus": "Available", "evseId": 1, "connectorId": 1 });
    let meter = |time: i64| json!({ "evseId": 1, "meterValue": [{ "timestamp": clock(time), "sampledValue": [{ "value": 1 }] }] });
    let security = |time: i64| json!({ "type": "SettingSystemTime", "timestamp": clock(time) });
    for (action, payload, breach) in [
        ("StatusNotification", status(now), None),
        ("StatusNotification", status(now - 90 * day), None),
        ("StatusNotification", status(0), Some("Part 2, StatusNotificationRequest")),
        ("StatusNotification", status(now + 3600), Some("Part 2, StatusNotificationRequest")),
        ("MeterValues", meter(now - 600), None),
        ("MeterValues", meter(now - 7200), Some("Part 2, MeterValueType")),
        ("MeterValues", meter(0), Some("Part 2, MeterValueType")),
        ("SecurityEventNotification", security(now), None),
        ("SecurityEventNotification", security(0), Some("Part 2, SecurityEventNotificationRequest")),
    ] {
        assert_eq!(judged(action, payload.clone()).as_deref(), breach, "{action} {payload}");
    }
}

#[test]
fn what_a_transaction_tells_was_measured_while_it_ran() {
    let event = |kind: &str, seq: u32, time: &str, measured: &str| {
        let payload = json!({ "eventType": kind, "timestamp": time, "triggerReason": "MeterValuePeriodic", "seqNo": seq,
            "transactionInfo": { "transactionId": "t" },
            "meterValue": [{ "timestamp": measured, "sampledValue": [{ "value": 1 }] }] });
        json!([2, format!("m{seq}"), "TransactionEvent", payload]).to_string()
    };
    let measured = |time: &str| {
        let mut engine = engine(
            "steps:\n  - expect: TransactionEvent\n    match: { eventType: Started }\n    within: 20\n  - wait: 90\n",
            connected(),
        );
        says(&mut engine, 10, &event("Started", 0, "1970-01-01T00:00:10Z", "1970-01-01T00:00:10Z"));
        says(&mut engine, 90, &event("Updated", 1, "1970-01-01T00:01:30Z", time));
        findings(&ended(engine, 100))
    };
    assert_eq!(measured("1970-01-01T00:00:30Z"), Vec::<String>::new(), "any time of the transaction will do");
    assert_eq!(measured("1970-01-01T02:01:30Z").len(), 1);
    assert_eq!(measured("1969-12-31T22:01:30Z").len(), 1);
}

/// Part 2, E, 1.5 is informative.
#[test]
fn what_is_repeated_in_later_events_of_a_transaction_is_a_remark() {
    let event = |seq: u8, trigger: &str, state: &str, more: &str| {
        let kind = if seq == 0 { "Started" } else { "Updated" };
        format!(
            r#"[2,"{seq}","TransactionEvent",{{"eventType":"{kind}","timestamp":"1970-01-01T00:00:0{seq}Z","triggerReason":"{trigger}","seqNo":{seq},"transactionInfo":{{"transactionId":"T","chargingState":"{state}"}}{more}}}]"#
        )
    };
    let evse = r#","evse":{"id":1,"connectorId":1}"#;
    let token = r#","idToken":{"idToken":"A","type":"Central"}"#;
    let both = format!("{evse}{token}");
    let remarks = |events: [(&str, &str, &str); 4]| {
        let steps = format!("steps:\n{}", "  - expect: TransactionEvent\n".repeat(events.len()));
        let mut engine = engine(&steps, connected());
        for (seq, (trigger, state, more)) in (0u8..).zip(events) {
            says(&mut engine, u64::from(seq), &event(seq, trigger, state, more));
        }
        let outcome = ended(engine, 9);
        assert_eq!(outcome.verdict, Verdict::Pass, "{:?}", outcome.failures);
        outcome.remarks.join("\n")
    };
    // The EVSE again once the EV has come (E01.FR.16), and the token again with the end of the authorisation (E07.FR.02).
    let once = remarks([
        ("RemoteStart", "Idle", &both),
        ("CablePluggedIn", "EVConnected", evse),
        ("ChargingStateChanged", "Charging", ""),
        ("StopAuthorized", "EVConnected", token),
    ]);
    assert_eq!(once, "");
    let again = remarks([
        ("CablePluggedIn", "EVConnected", evse),
        ("Authorized", "EVConnected", &both),
        ("ChargingStateChanged", "Charging", &both),
        ("SignedDataReceived", "Charging", &both),
    ]);
    insta::assert_snapshot!(again, @r"
    the station repeats evse in later TransactionEvents of a transaction; according to Part 2 (E, 1.5, informative) it is sent once
    the station repeats idToken in later TransactionEvents of a transaction; according to Part 2 (E, 1.5, informative) it is sent once
    ");
}

#[test]
fn the_first_finding_decides_and_the_others_are_kept() {
    let steps = "steps:\n  - expect: Heartbeat\n  - expect: StatusNotification\n    check: { connectorStatus: Occupied }\nafter:\n  - wait: 5\n";
    let mut engine = engine(steps, connected());
    says(&mut engine, 1, r#"[2,"h","Heartbeat",{}]"#);
    says(&mut engine, 1, STATUS);
    says(&mut engine, 2, r#"[2,"x","Heartbeat",{"colour":"red"}]"#);
    let outcome = ended(engine, 9);
    let steps: Vec<&str> = outcome.failures.iter().map(|failure| failure.step.as_str()).collect();
    assert_eq!(steps, ["2 expect StatusNotification", "rule: schema-valid messages"]);
    assert_eq!(outcome.verdict, Verdict::Fail);
}

#[test]
fn a_test_case_that_tested_nothing_of_its_subject_decides_nothing() {
    let answered = |steps: &str| {
        let mut engine = engine(&format!("requirements: [B06.FR.04]\n{steps}"), connected());
        for id in 1..=2 {
            if engine.awaits(&format!("TC_B_06_CS-{id}")) {
                says(&mut engine, id, &format!(r#"[3,"TC_B_06_CS-{id}",{{"status":"Accepted"}}]"#));
            }
        }
        engine.handle(at(9), Input::Tick);
        engine.outcome().verdict
    };
    let send = |more: &str| format!("  - send: ClearCache\n{more}");
    let subject = "    check: { status: Accepted }\n    requirement: B06.FR.04\n";
    let (first, skipped) = (send(""), send(&format!("    when: \"false\"\n{subject}")));
    assert_eq!(answered(&format!("steps:\n{first}{skipped}")), Verdict::Inconclusive);
    assert_eq!(answered(&format!("steps:\n{first}{}", send(subject))), Verdict::Pass);
    // A group, or the state that a step is part of, may be what names it.
    let group =
        "  - steps:\n      - send: ClearCache\n        check: { status: Accepted }\n    requirement: B06.FR.04\n";
    assert_eq!(answered(&format!("steps:\n{first}{group}")), Verdict::Pass);
    assert_eq!(answered(&format!("steps:\n{first}  - settle: 1\n    requirement: B06.FR.04\n")), Verdict::Inconclusive);
    let never = "always:\n  - never: Heartbeat\n    requirement: B06.FR.04\n";
    assert_eq!(answered(&format!("steps:\n{first}{never}")), Verdict::Pass);
}
