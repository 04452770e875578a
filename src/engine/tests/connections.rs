//! Connections that end and begin while steps wait.

use super::*;

/// A second connection of the same station.
fn opened_anew() -> LinkEvent {
    let request = UpgradeRequest {
        path: "/ocpp/S".into(),
        identity: None,
        user: None,
        password: None,
        subprotocols: Vec::new(),
        tls: None,
    };
    LinkEvent::Opened { conn: ConnId(2), endpoint: EndpointId(1), request, subprotocol: None }
}

#[test]
fn a_quick_station_may_be_back_before_its_old_connection_is_gone() {
    let mut engine = engine(QUIET, connected());
    engine.handle(at(1), Input::Link(opened_anew()));
    engine.handle(at(1), Input::Link(LinkEvent::Closed { conn: ConnId(1), code: None, by: ClosedBy::Harness }));
    let boot = r#"[2,"b","BootNotification",{"reason":"Unknown","chargingStation":{"model":"M","vendorName":"V"}}]"#;
    engine.handle(at(1), Input::Link(LinkEvent::Text { conn: ConnId(2), text: boot.into() }));
    let outcome = ended(engine, 5);
    assert_eq!(outcome.verdict, Verdict::Pass);
    assert!(outcome.remarks[0].contains("mere reconnect"), "{:?}", outcome.remarks);
}

#[test]
fn a_connection_that_another_has_replaced_counts_as_closed() {
    let steps = "steps:\n  - connection: close\n  - connection: closed\n    as: lost\n  - connection: reconnected\n    since: \"{{ lost.at }}\"\n    \
                 as: again\n  - assert: again.at == lost.at\n    otherwise: Other.\n";
    let mut engine = engine(steps, connected());
    engine.handle(at(1), Input::Link(opened_anew()));
    engine.handle(at(2), Input::Link(LinkEvent::Closed { conn: ConnId(1), code: None, by: ClosedBy::Harness }));
    assert!(engine.finished(), "{}", engine.waiting_for());
    let outcome = engine.outcome();
    assert_eq!(outcome.verdict, Verdict::Pass, "{:?}", outcome.failures);
}

#[test]
fn a_lost_connection_tells_who_ended_it_and_what_waited_for_its_answer() {
    let closed = |code, by| Input::Link(LinkEvent::Closed { conn: ConnId(1), code, by });
    let asked = "steps:\n  - send: GetLocalListVersion\n    payload: {}\n";
    let mut cases = Vec::new();
    for (code, by) in [(Some(1001), ClosedBy::Sut), (None, ClosedBy::Broken), (Some(1000), ClosedBy::Harness)] {
        let mut engine = engine(asked, connected());
        engine.handle(at(1), Input::Tick);
        let call = sent(&mut engine).remove(0);
        engine.handle(at(2), closed(code, by));
        let finding = engine.outcome().failures.remove(0);
        assert_eq!(finding.frame.as_deref(), Some(call.as_str()));
        cases.push(format!("{}: {}", finding.message, finding.found.unwrap()));
    }
    let mut engine = engine("steps:\n  - expect: Heartbeat\n    within: 10\n", connected());
    engine.handle(at(2), closed(Some(1000), ClosedBy::Sut));
    let finding = ended(engine, 20).failures.remove(0);
    cases.push(format!("{}: {}", finding.message, finding.found.unwrap()));
    insta::assert_snapshot!(cases.join("\n"), @r"
    the connection was lost before GetLocalListVersion was answered: the connection was closed by the SUT at 2.000 s (close code 1001)
    the connection was lost before GetLocalListVersion was answered: the connection broke at 2.000 s, without a close frame of either side
    the connection was lost before GetLocalListVersion was answered: the connection was closed by the harness at 2.000 s (close code 1000)
    Heartbeat did not come within 20.0 s: nothing; the connection was closed by the SUT at 2.000 s (close code 1000)
    ");
}
