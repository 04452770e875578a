//! What steps and checks say in few words: `after`, `message`, answers under a condition.

use super::*;

const HEARTBEATS: &str = "steps:
  - expect: Heartbeat
    as: first
  - expect: Heartbeat
    after: { at: \"{{ first.at }}\", plus: 10, tolerance: 2, requirement: B03.FR.02 }
    requirement: B03.FR.06
";

/// The second Heartbeat comes so many seconds after the first, or never.
fn heartbeats(second: Option<u64>) -> Outcome {
    let steps = format!("requirements: [B03.FR.02, B03.FR.06]\n{HEARTBEATS}");
    let mut engine = engine(&steps, connected());
    says(&mut engine, 1, r#"[2,"a","Heartbeat",{}]"#);
    if let Some(second) = second {
        says(&mut engine, 1 + second, r#"[2,"b","Heartbeat",{}]"#);
    }
    ended(engine, 13)
}

#[test]
fn a_message_comes_that_long_after_something() {
    assert_eq!(heartbeats(Some(8)).verdict, Verdict::Pass);
    assert_eq!(heartbeats(Some(11)).verdict, Verdict::Pass);
    let early = heartbeats(Some(7)).failures.remove(0);
    assert_eq!((early.message.as_str(), early.requirements[0].as_str()), ("Heartbeat came too early", "B03.FR.02"));
    let late = heartbeats(None).failures.remove(0);
    assert_eq!(
        (late.message.as_str(), late.requirements[0].as_str()),
        ("another Heartbeat did not come within 12.0 s", "B03.FR.06")
    );
}

/// What is found of a StatusNotification with this time.
fn status_at(timestamp: &str, check: &str) -> Option<String> {
    let steps = format!("steps:\n  - expect: StatusNotification\n    check: {check}\n");
    let mut engine = engine(&steps, connected());
    let payload = json!({ "timestamp": timestamp, "connectorStatus": "Available", "evseId": 1, "connectorId": 1 });
    says(&mut engine, 1, &json!([2, "a", "StatusNotification", payload]).to_string());
    let failure = ended(engine, 1).failures.into_iter().next()?;
    Some(format!("{} | {}", failure.message, failure.expected.unwrap_or_default()))
}

#[test]
fn a_time_lies_at_a_distance_from_another() {
    // The time of the tests begins at the epoch.
    let plus = "{ timestamp: { after: { at: \"1969-12-31T23:59:00Z\", plus: 60, tolerance: 1 } } }";
    assert_eq!(status_at("1970-01-01T00:00:01Z", plus), None);
    let found = status_at("1969-12-31T23:59:58Z", plus).unwrap();
    let every = "{ timestamp: { after: { at: \"1970-01-01T01:00:00Z\", every: 900, tolerance: 1 } } }";
    assert_eq!(status_at("1970-01-01T00:00:01Z", every), None);
    assert_eq!(status_at("1969-12-31T23:59:59Z", every), None);
    let uneven = status_at("1969-12-31T23:59:58Z", every).unwrap();
    insta::assert_snapshot!(format!("{found}\n{uneven}"), @r#"
    StatusNotification has a wrong timestamp | /timestamp 60 after "1969-12-31T23:59:00Z" ± 1
    StatusNotification has a wrong timestamp | /timestamp a multiple of 900 from "1970-01-01T01:00:00Z" ± 1
    "#);
}

#[test]
fn a_check_says_what_is_wrong() {
    let check = "{ evseId: { is: 2, message: \"EVSE {{ evseId }} told, not {{ bench.wanted | default('2') }}.\" } }";
    insta::assert_snapshot!(status_at("1970-01-01T00:00:00Z", check).unwrap(), @"EVSE 1 told, not 2. | /evseId = 2");
}

#[test]
fn every_place_that_is_wrong_is_told() {
    let steps = "steps:\n  - expect: StatusNotification\n    check:\n      - { evseId: 2, requirement: G01.FR.01 }\n      \
                 - { connectorId: { is: 3, message: The connector is another. } }\n    requirement: B01.FR.05\n";
    let mut engine = engine(steps, connected());
    let payload = json!({
        "timestamp": "1970-01-01T00:00:00Z", "connectorStatus": "Available", "evseId": 1, "connectorId": 1,
    });
    says(&mut engine, 1, &json!([2, "a", "StatusNotification", payload]).to_string());
    let failures = ended(engine, 1).failures;
    assert_eq!(failures.len(), 1);
    insta::assert_snapshot!(crate::report::finding::block(&failures[0], 0.0, OCPP_2_0_1.requirements()), @r#"
    what         StatusNotification is wrong in 2 places
    step         1 expect StatusNotification
    in           TC_B_06.yaml:11
    expected     /evseId = 2
    found        1
    at           /evseId
    also         The connector is another. expected /connectorId = 3, found 1
    frame        [2,"a","StatusNotification",{"timestamp":"1970-01-01T00:00:00Z","connectorStatus":"Available","evseId":1,"connectorId":1}]
    requirement  G01.FR.01 A connector must always have one of the statuses of ConnectorStatusEnumType.
    time         1.000 s (1.000 s of the run)
    "#);
}

#[test]
fn an_answer_is_withheld_under_a_condition() {
    for (how, answers) in [("error", 1), ("silence", 0), ("answer", 1)] {
        let steps = format!(
            "steps:\n  - let: {{ how: {how} }}\n  - expect: Heartbeat\n    no-reply: how == 'silence'\n    \
             reply-error: {{ when: how == 'error', is: InternalError }}\n"
        );
        let mut engine = engine(&steps, connected());
        engine.handle(at(0), Input::Tick);
        says(&mut engine, 1, r#"[2,"a","Heartbeat",{}]"#);
        let sent = sent(&mut engine);
        assert_eq!(sent.len(), answers, "{how}: {sent:?}");
        assert_eq!(sent.iter().any(|text| text.contains("InternalError")), how == "error", "{sent:?}");
    }
}

/// Repeated steps that the SUT need not begin end with the test case.
#[test]
fn a_test_case_that_never_ends_is_given_up_after_a_day() {
    let mut engine = engine("steps:\n  - repeat:\n      - wait: 60\n    until: \"false\"\n", connected());
    let mut hour = 0;
    while !engine.finished() && hour < 100 {
        hour += 1;
        for minute in 0..60 {
            engine.handle(at(hour * 3600 + minute * 60), Input::Tick);
        }
    }
    assert_eq!(hour, 24);
    let outcome = engine.outcome();
    assert_eq!(outcome.verdict, Verdict::Error);
    assert!(outcome.failures[0].message.contains("has not ended within 24 h"), "{}", outcome.failures[0].message);
}

/// What is taken up by one of its messages waits for the others, whichever comes first.
#[test]
fn an_alternative_that_is_taken_up_is_completed() {
    let heartbeat = r#"[2,"a","Heartbeat",{}]"#;
    let transfer = r#"[2,"b","DataTransfer",{"vendorId":"v"}]"#;
    let both = "any-order:\n              - expect: Heartbeat\n              - expect: DataTransfer\n";
    for around in ["one-of", "optional"] {
        for within in ["", "steps:\n            - "] {
            let inner = if within.is_empty() { both.to_owned() } else { both.replace("\n  ", "\n    ") };
            let steps = format!("steps:\n  - {around}:\n      - steps:\n          - {within}{inner}  - wait: 1\n");
            let verdict = |messages: &[&str]| {
                let mut engine = engine(&steps, connected());
                for (second, message) in messages.iter().enumerate() {
                    says(&mut engine, u64::try_from(second).unwrap(), message);
                }
                ended(engine, 100).verdict
            };
            assert_eq!(verdict(&[heartbeat, transfer]), Verdict::Pass, "{steps}");
            assert_eq!(verdict(&[transfer, heartbeat]), Verdict::Pass, "{steps}");
            assert_eq!(verdict(&[heartbeat]), Verdict::Fail, "{steps}");
            assert_eq!(verdict(&[transfer]), Verdict::Fail, "{steps}");
            assert_eq!(verdict(&[]), if around == "optional" { Verdict::Pass } else { Verdict::Fail }, "{steps}");
        }
    }
}

#[test]
fn the_alternative_that_begins_with_a_message_takes_it() {
    let transfer = r#"[2,"a","DataTransfer",{"vendorId":"v"}]"#;
    let steps = "steps:\n  - one-of:\n      - steps:\n          - expect: Heartbeat\n          - expect: DataTransfer\n      - expect: DataTransfer\n";
    let mut engine = engine(steps, connected());
    says(&mut engine, 1, transfer);
    assert_eq!(ended(engine, 100).verdict, Verdict::Pass);
}

#[test]
fn what_is_optional_and_repeated_comes_to_an_end() {
    for repeated in [
        "- expect: Heartbeat",
        "- expect: Heartbeat\n            optional: true",
        "- optional:\n            - expect: Heartbeat",
    ] {
        for ending in ["- expect: StatusNotification", "- send: ClearCache", "- wait: 5"] {
            let steps = format!(
                "steps:\n  - optional:\n      - repeat:\n          {repeated}\n        until: \"false\"\n  {ending}\n"
            );
            let mut engine = engine(&steps, connected());
            engine.handle(at(0), Input::Tick);
            says(&mut engine, 1, r#"[2,"a","Heartbeat",{}]"#);
            says(&mut engine, 2, r#"[2,"b","Heartbeat",{}]"#);
            engine.handle(at(100), Input::Tick);
            engine.handle(at(1000), Input::Tick);
            assert!(engine.finished(), "{repeated} {ending}: {}", engine.waiting_for());
        }
    }
}

/// One message, one finding: what must not come is not told again as unexpected.
#[test]
fn what_must_not_come_is_told_once() {
    let never = "requirements: [B01.FR.01]\nsteps:\n  - never: Authorize\n    during: 5\n    requirement: B01.FR.01\n";
    let always =
        "requirements: [B01.FR.01]\nsteps:\n  - wait: 5\nalways:\n  - never: Authorize\n    requirement: B01.FR.01\n";
    for (case, step) in [(never, "1 never Authorize"), (always, "always: never Authorize")] {
        let mut engine = engine(case, connected());
        says(&mut engine, 1, r#"[2,"x","Authorize",{"idToken":{"idToken":"A","type":"Local"}}]"#);
        let failures = ended(engine, 1).failures;
        let [failure] = &failures[..] else { panic!("{failures:?}") };
        assert_eq!((failure.step.as_str(), &failure.requirements[..]), (step, &["B01.FR.01".to_owned()][..]));
    }
}

#[test]
fn a_message_in_the_place_of_another_breaks_what_was_waited_for() {
    let later = "  - expect: Authorize\n    match: { idToken: { idToken: B } }\n";
    let come_to = |first: &str| {
        let case = format!("requirements: [B01.FR.05]\nsteps:\n{first}    requirement: B01.FR.05\n{later}");
        let mut engine = engine(&case, connected());
        says(&mut engine, 1, r#"[2,"x","Authorize",{"idToken":{"idToken":"A","type":"Local"}}]"#);
        ended(engine, 1).failures.remove(0).requirements
    };
    assert_eq!(come_to("  - expect: StatusNotification\n"), ["B01.FR.05"]);
    // A pause waits for nothing: what is wrong is the message itself.
    assert_eq!(come_to("  - wait: 5\n"), ["C01.FR.04"]);
}

/// A finding of an `assert` shows what its names stand for, and the message that they come from.
#[test]
fn a_condition_that_does_not_hold_tells_what_was_found_and_where() {
    let steps = "steps:\n  - expect: StatusNotification\n    as: first\n  - expect: Heartbeat\n  - let: { told: \"{{ first.evseId }}\" }\n  \
                 - assert: told == first.connectorId or first.evseId is not defined and gone | default(none)\n    \
                 otherwise: The numbers differ.\n    requirement: G01.FR.01\n";
    let mut engine = engine(steps, connected());
    let payload = json!({
        "timestamp": "1970-01-01T00:00:00Z", "connectorStatus": "Available", "evseId": 1, "connectorId": 2,
    });
    says(&mut engine, 1, &json!([2, "a", "StatusNotification", payload]).to_string());
    says(&mut engine, 2, r#"[2,"b","Heartbeat",{}]"#);
    let failures = ended(engine, 3).failures;
    insta::assert_snapshot!(crate::report::finding::block(&failures[0], 0.0, OCPP_2_0_1.requirements()), @r#"
    what         The numbers differ.
    step         4 assert told == first.connectorId or first.evseId is not defined and gone | default(none)
    in           TC_B_06.yaml:15
    expected     told == first.connectorId or first.evseId is not defined and gone | default(none)
    found        told = 1, first.connectorId = 2, first.evseId = 1, gone is absent
    frame        [2,"a","StatusNotification",{"timestamp":"1970-01-01T00:00:00Z","connectorStatus":"Available","evseId":1,"connectorId":2}]
    requirement  G01.FR.01 A connector must always have one of the statuses of ConnectorStatusEnumType.
    time         2.000 s (2.000 s of the run)
    "#);
}

#[test]
fn what_is_absent_because_something_around_it_is_tells_what_is_missing() {
    let steps = "steps:\n  - expect: TransactionEvent\n    check:\n      transactionInfo.chargingState: Idle\n      evse.id: 1\n      \
                 meterValue[0].sampledValue[0].context: Transaction.Begin\n";
    let mut engine = engine(steps, connected());
    says(
        &mut engine,
        1,
        r#"[2,"e","TransactionEvent",{"eventType":"Started","timestamp":"1970-01-01T00:00:01Z","triggerReason":"Authorized","seqNo":0,"transactionInfo":{"transactionId":"t"}}]"#,
    );
    let failure = ended(engine, 5).failures.remove(0);
    let found = failure.further.iter().map(|place| format!("{}: {}", place.expected, place.found));
    insta::assert_snapshot!(found.collect::<Vec<_>>().join("\n"), @r#"
    /evse/id = 1: absent: there is no /evse
    /meterValue/0/sampledValue/0/context = "Transaction.Begin": absent: there is no /meterValue
    "#);
}
