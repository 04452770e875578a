//! The message types that OCPP 2.1 adds, CALLRESULTERROR and SEND, and what becomes of them in 2.0.1.

use serde_json::json;

use super::*;
use crate::protocol::OCPP_2_1;

const VALUES: &str = r#"[6,"v","NotifyPeriodicEventStream",{"id":1,"pending":0,"basetime":"1970-01-01T00:00:00Z","data":[{"t":1,"v":"230"}]}]"#;
const HEARTBEAT: &str = r#"[2,"h","Heartbeat",{}]"#;

/// A station that speaks a version of OCPP and says this; what was written, and the findings in short.
fn said(protocol: &'static Protocol, texts: &[&str]) -> (Vec<String>, Vec<String>) {
    let memory = SutMemory {
        open: Some((ConnId(1), EndpointId(1))),
        session: protocol.restored(json!({ "accepted": true }).as_object().unwrap()).unwrap(),
        ..SutMemory::default()
    };
    let mut engine = engine_in(protocol, "TC_B_06_CS", EndpointPolicies::default(), HashMap::new(), QUIET, memory);
    for text in texts {
        says(&mut engine, 1, text);
    }
    let written = sent(&mut engine);
    let outcome = ended(engine, 20);
    let shown = outcome.failures.iter().map(|failure| {
        assert_eq!(failure.verdict, Verdict::Fail);
        format!("{}: {}", failure.step, failure.message)
    });
    (written, shown.collect())
}

#[test]
fn values_that_are_sent_without_asking_for_an_answer_are_background() {
    assert_eq!(said(&OCPP_2_1, &[VALUES]), (vec![], vec![]));
}

#[test]
fn what_is_wrong_with_a_send_is_found_and_never_answered() {
    let (written, found) = said(
        &OCPP_2_1,
        &[
            &VALUES.replace("\"id\":1", "\"id\":-1"),
            VALUES,
            &VALUES.replace("NotifyPeriodicEventStream", "NotifyNothing").replace("\"v\",\"N", "\"w\",\"N"),
            r#"[6,"x","Heartbeat",{}]"#,
            r#"[6,"y","Heartbeat",[]]"#,
        ],
    );
    assert_eq!(written, Vec::<String>::new());
    insta::assert_snapshot!(found.join("\n"), @r"
    rule: schema-valid messages: NotifyPeriodicEventStream does not follow its schema (OCPP 2.1 Edition 1)
    rule: unique message ids: the message id v was used before
    rule: schema-valid messages: NotifyNothing does not follow its schema (OCPP 2.1 Edition 1)
    rule: message type of the action: Heartbeat was sent as a SEND
    rule: well-formed frames: the SUT sent a broken frame: the payload must be an object
    ");
}

#[test]
fn a_call_for_what_is_only_sent_is_refused() {
    let (written, found) = said(&OCPP_2_1, &[&VALUES.replacen('6', "2", 1)]);
    assert_eq!(written.len(), 1);
    assert!(written[0].starts_with(r#"[4,"v","NotImplemented","there is no such request"#), "{written:?}");
    assert_eq!(found, ["rule: message type of the action: NotifyPeriodicEventStream was sent as a CALL"]);
}

#[test]
fn a_response_of_ours_that_is_refused_fails_the_sut() {
    let refusal = r#"[5,"h","TypeConstraintViolation","currentTime is no time",{}]"#;
    let (written, found) = said(&OCPP_2_1, &[HEARTBEAT, refusal, refusal]);
    assert_eq!(written.len(), 1, "{written:?}");
    insta::assert_snapshot!(found.join("\n"), @r"
    rule: our responses are taken: the SUT refused our HeartbeatResponse (TypeConstraintViolation: currentTime is no time)
    rule: our responses are taken: the SUT refused a response (TypeConstraintViolation: currentTime is no time), but no response of ours has the id h
    ");
}

#[test]
fn ocpp_2_0_1_has_neither() {
    let (written, found) = said(&OCPP_2_0_1, &[HEARTBEAT, r#"[5,"h","GenericError","",{}]"#, VALUES]);
    assert_eq!(written.len(), 1, "{written:?}");
    let wrong = |found| {
        format!(
            "rule: well-formed frames: the SUT sent a broken frame: the message type must be 2, 3 or 4, found {found}"
        )
    };
    assert_eq!(found, [wrong(5), wrong(6)]);
}
