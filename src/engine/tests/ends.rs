//! When a step ends before its time: a manual action whose effect is there, and a wait for what can't come any more.

use super::*;

const PLUG: &str = "  - operator: connect-ev\n    with: { evse: 1, connector: 1 }\n";
const OCCUPIED: &str = r#"[2,"0","StatusNotification",{"timestamp":"1970-01-01T00:00:01Z","connectorStatus":"Occupied","evseId":1,"connectorId":1}]"#;

/// The numbers of the manual actions that were asked for since this was asked last.
fn asked(engine: &mut Engine) -> Vec<u32> {
    let number = |effect| match effect {
        Effect::Operator(id, _) => Some(id),
        _ => None,
    };
    engine.effects().into_iter().filter_map(number).collect()
}

#[test]
fn what_follows_from_a_manual_action_shows_that_it_is_done() {
    let behind = "  - expect: StatusNotification\n  - send: ClearCache\n    error-allowed: true\n";
    let mut engine = engine(&format!("steps:\n{PLUG}{behind}{PLUG}"), connected());
    let first = asked(&mut engine);
    says(&mut engine, 1, OCCUPIED);
    let calls: Vec<_> = sent(&mut engine).into_iter().filter(|text| text.contains("ClearCache")).collect();
    assert_eq!(calls.len(), 1, "the test goes on without the operator's word");
    says(&mut engine, 2, r#"[4,"TC_B_06_CS-2","NotSupported","",{}]"#);
    assert_eq!(asked(&mut engine), [0; 0], "who is still busy is not asked for more");
    engine.handle(at(3), Input::OperatorDone(first[0], ActionOutcome::Done));
    let second = asked(&mut engine);
    engine.handle(at(4), Input::OperatorDone(second[0], ActionOutcome::Done));
    assert_eq!(ended(engine, 4).verdict, Verdict::Pass);
}

#[test]
fn what_need_not_come_shows_nothing() {
    let optional = "  - optional:\n      - expect: StatusNotification\n  - send: ClearCache\n";
    let mut engine = engine(&format!("steps:\n{PLUG}{optional}"), connected());
    asked(&mut engine);
    says(&mut engine, 1, OCCUPIED);
    assert!(!sent(&mut engine).iter().any(|text| text.contains("ClearCache")), "{}", engine.waiting_for());
}

#[test]
fn the_word_of_the_operator_counts_when_it_comes_at_last() {
    let mut engine = engine(&format!("steps:\n{PLUG}  - expect: StatusNotification\n"), connected());
    let first = asked(&mut engine);
    says(&mut engine, 1, OCCUPIED);
    assert!(!engine.finished(), "nobody who acts is called off half-way");
    engine.handle(at(2), Input::OperatorDone(first[0], ActionOutcome::Failed("broken".into())));
    let outcome = ended(engine, 2);
    assert!(outcome.remarks.concat().contains("the operator failed: broken"), "{:?}", outcome.remarks);
}

#[test]
fn nothing_is_too_late_while_the_operator_is_still_busy() {
    let behind = "  - expect: StatusNotification\n  - expect: Heartbeat\n";
    let mut engine = engine(&format!("steps:\n{PLUG}{behind}"), connected());
    let first = asked(&mut engine);
    says(&mut engine, 1, OCCUPIED);
    // The message time-out is 5 s.
    engine.handle(at(60), Input::Tick);
    assert!(engine.deadline().is_none_or(|at| at > 60_000_000_000), "{:?}", engine.deadline());
    engine.handle(at(61), Input::OperatorDone(first[0], ActionOutcome::Done));
    engine.handle(at(65), Input::Tick);
    assert!(!engine.decided());
    engine.handle(at(66), Input::Tick);
    assert!(engine.decided());
}

/// What becomes of a wait for Installed, within 300 s, when this comes.
fn waited(between: &str, status: &str, about: &str) -> (bool, Engine) {
    let steps = format!(
        "steps:\n{between}  - expect: FirmwareStatusNotification\n    match: {{ status: Installed }}\n    \
         check: {{ customData.vendorId: mine }}\n    within: 300\n"
    );
    let mut engine = engine(&steps, connected());
    let text = json!([2, "f", "FirmwareStatusNotification", { "status": status, "customData": { "vendorId": about } }]);
    says(&mut engine, 1, &text.to_string());
    (engine.decided(), engine)
}

#[test]
fn a_wait_ends_with_the_last_word_about_what_it_waits_for() {
    let (decided, engine) = waited("", "InstallationFailed", "mine");
    assert!(decided);
    let failure = &ended(engine, 1).failures[0];
    insta::assert_snapshot!(failure.message, @"FirmwareStatusNotification as expected can't come any more after FirmwareStatusNotification (InstallationFailed)");
    assert_eq!((failure.verdict, failure.pointer.as_deref()), (Verdict::Fail, Some("/status")));
    assert!(failure.frame.as_deref().is_some_and(|frame| frame.contains("InstallationFailed")));
    assert!(!waited("", "Installing", "mine").0, "it may still come");
    assert!(!waited("", "InstallationFailed", "other").0, "that was another update");
}

#[test]
fn what_is_asked_for_anew_may_come_after_a_last_word() {
    let (_, mut engine) =
        waited("  - expect: Heartbeat\n  - send: ClearCache\n    error-allowed: true\n", "DownloadFailed", "mine");
    says(&mut engine, 2, r#"[2,"h","Heartbeat",{}]"#);
    says(&mut engine, 3, r#"[4,"TC_B_06_CS-1","NotSupported","",{}]"#);
    assert!(!engine.decided(), "{}", engine.waiting_for());
}
