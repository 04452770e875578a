//! What is made of a product before a test case begins: what it was left like, and what keeps the test case from beginning.

use std::{collections::HashMap, sync::Arc};

use serde_json::{Map, Value, json};

use crate::{
    clock::Stamp,
    engine::{Effect, Engine, Input, Outcome, Setup, SutMemory},
    link::{AttemptFailure, ClosedBy, ConnId, EndpointId, LinkCommand, LinkEvent, UpgradeRequest},
    manual_action::ActionOutcome,
    protocol::Version,
    testcase::dialect::Dialect,
    testcase::reader,
    verdict::Verdict,
    yaml::Source,
};

fn at(seconds: u64) -> Stamp {
    Stamp { mono_ns: 0, wall: jiff::Timestamp::UNIX_EPOCH }.plus(std::time::Duration::from_secs(seconds))
}

/// An engine whose `Prepared` has these steps, if any.
fn engine(id: &str, prepared: &str, steps: &str, memory: SutMemory) -> Engine {
    let sut = if id.ends_with("CSMS") { "csms" } else { "charging-station" };
    let text = format!(
        "id: {id}\ntitle: T\nuse-cases: []\nrequirements: []\npurpose: P.\n\
         sut: {sut}\nblock: B\nprotocols: [2.0.1]\ncertification: {{ 2.0.1: {{ 2024-06: {{ core: mandatory }} }} }}\n{steps}"
    );
    let case = reader::test_case(&Source::new(format!("{id}.yaml"), text), Dialect::today(Version::V2_0_1))
        .unwrap_or_else(|bad| panic!("{bad}"));
    let mut states = HashMap::new();
    if !prepared.is_empty() {
        let text = format!("state: Prepared\nsut: {sut}\nprotocols: [2.0.1]\nkind: procedure\npurpose: P.\n{prepared}");
        let state = reader::state(&Source::new("Prepared.yaml", text), Dialect::today(Version::V2_0_1))
            .unwrap_or_else(|bad| panic!("{bad}"))
            .unwrap();
        states.insert("Prepared".to_owned(), Arc::new(state));
    }
    let setup = Setup {
        protocol: &crate::protocol::OCPP_2_0_1,
        case: Arc::new(case),
        variant: Map::new(),
        states: Arc::new(states),
        bench: json!({ "message_timeout": 5, "response_timeout": 5, "ev_connection_timeout": 20 }),
        pics: Value::Null,
        endpoints: crate::engine::EndpointPolicies::default(),
        identities: HashMap::new(),
        client: None,
        client_identities: HashMap::new(),
        memory,
    };
    Engine::new(setup, at(0))
}

fn connected() -> SutMemory {
    SutMemory {
        open: Some((ConnId(1), EndpointId(1))),
        ordinary: true,
        session: super::session(serde_json::json!({ "accepted": true, "contact-s": 0.0 })),
        ..SutMemory::default()
    }
}

fn link(engine: &mut Engine, seconds: u64, event: LinkEvent) {
    engine.handle(at(seconds), Input::Link(event));
}

fn says(engine: &mut Engine, seconds: u64, text: &str) {
    link(engine, seconds, LinkEvent::Text { conn: ConnId(1), text: text.to_owned() });
}

fn commands(engine: &mut Engine) -> Vec<LinkCommand> {
    let command = |effect| match effect {
        Effect::Link(command) => Some(command),
        _ => None,
    };
    engine.effects().into_iter().filter_map(command).collect()
}

/// Lets time pass until it is over.
fn ended(mut engine: Engine, from: u64) -> Outcome {
    for second in from..from + 500 {
        if engine.finished() {
            return engine.outcome();
        }
        engine.handle(at(second), Input::Tick);
    }
    panic!("{}", engine.waiting_for());
}

const STATION: &str = "TC_B_06_CS";
const QUIET: &str = "steps:\n  - wait: 5\n";
/// Takes what may come.
const OPEN: &str = "steps:\n  - optional:\n      expect: TransactionEvent\n  - optional:\n      expect: TransactionEvent\n  \
    - optional:\n      expect: Authorize\n  - optional:\n      expect: BootNotification\n";

#[test]
fn what_keeps_a_test_case_from_beginning_decides_nothing() {
    let prepared = "steps:\n  - send: ClearCache\n    check: { status: Accepted }\n  - assert: accepted\n";
    for (answer, why) in [
        (Some(r#"[3,"TC_B_06_CS-1",{"status":"Rejected"}]"#), "the response to ClearCache has a wrong status"),
        (Some(r#"[4,"TC_B_06_CS-1","InternalError","",{}]"#), "ClearCache was answered with a CALLERROR"),
        // What is not answered at all breaks OCPP-J, here as anywhere.
        (None, "ClearCache was not answered within 5.0 s"),
    ] {
        let mut engine = engine(STATION, prepared, QUIET, connected());
        if let Some(answer) = answer {
            says(&mut engine, 1, answer);
        }
        let outcome = ended(engine, 2);
        let verdict = if answer.is_some() { Verdict::Inconclusive } else { Verdict::Fail };
        assert_eq!(outcome.verdict, verdict, "{why}");
        assert_eq!(outcome.failures[0].message, why);
        // A wrong answer is told with what it answers.
        let request = answer.map(|_| r#"[2,"TC_B_06_CS-1","ClearCache",{}]"#);
        assert_eq!(outcome.failures[0].request.as_deref(), request);
        assert!(outcome.unprepared.unwrap().starts_with(why) && !outcome.absent);
    }
    let unaccepted = SutMemory { session: crate::protocol::OCPP_2_0_1.session(), ..connected() };
    let mut asserted = engine(STATION, prepared, QUIET, unaccepted);
    says(&mut asserted, 1, r#"[3,"TC_B_06_CS-1",{"status":"Accepted"}]"#);
    let outcome = ended(asserted, 2);
    assert_eq!((outcome.verdict, outcome.unprepared.is_some()), (Verdict::Inconclusive, true));

    // Rules that hold for every test are broken here as anywhere, and say nothing of the preparation.
    for breach in [r#"[3,"nobody",{}]"#, r#"[2,"a","Heartbeat",{"a":1}]"#, "{"] {
        let mut engine = engine(STATION, prepared, QUIET, connected());
        says(&mut engine, 1, breach);
        let outcome = ended(engine, 2);
        assert_eq!((outcome.verdict, outcome.unprepared), (Verdict::Fail, None), "{breach}");
    }
    // What a message contains is judged once the test case itself is under way.
    let before = "before:\n  states:\n    - send: ClearCache\n      check: { status: Accepted }\nsteps:\n  - wait: 1\n";
    let mut begun = engine(STATION, "", before, connected());
    says(&mut begun, 1, r#"[3,"TC_B_06_CS-1",{"status":"Rejected"}]"#);
    let outcome = ended(begun, 2);
    assert_eq!((outcome.verdict, outcome.unprepared), (Verdict::Fail, None));
}

#[test]
fn nobody_is_told_from_somebody_who_does_not_let_us_in() {
    let prepared = "steps:\n  - when: not connected\n    connection: open\n    within: 5\n";
    assert!(ended(engine(STATION, prepared, QUIET, SutMemory::default()), 1).absent);
    // One that was there when the last test case ended, and is gone now.
    let mut gone = engine(STATION, "steps:\n  - send: ClearCache\n", QUIET, connected());
    link(&mut gone, 1, LinkEvent::Closed { conn: ConnId(1), code: None, by: ClosedBy::Broken });
    assert!(ended(gone, 2).absent);
    let refused = |id: &str, failure: AttemptFailure| {
        let mut engine = engine(
            id,
            "steps:\n  - wait: 3\n  - send: DataTransfer\n    payload: { vendorId: V }\n",
            QUIET,
            SutMemory::default(),
        );
        let (conn, endpoint) = (ConnId(1), EndpointId(1));
        link(
            &mut engine,
            1,
            LinkEvent::AttemptFailed { conn, endpoint, failure, request: None, hello: None, head: None },
        );
        ended(engine, 2).absent
    };
    for (failure, csms, station) in [
        (AttemptFailure::Unreachable("refused".into()), true, true),
        (AttemptFailure::TimedOut, true, true),
        // A proxy whose CSMS is gone.
        (AttemptFailure::UpgradeRefusedBySut(503), true, false),
        (AttemptFailure::ClosedBeforeUpgrade, true, false),
        (AttemptFailure::UpgradeRefusedBySut(404), false, false),
        (AttemptFailure::UpgradeRefusedByUs(401, String::new()), false, false),
    ] {
        assert_eq!(refused("TC_B_06_CSMS", failure.clone()), csms, "{failure:?}");
        assert_eq!(refused(STATION, failure.clone()), station, "{failure:?}");
    }
}

#[test]
fn a_connection_is_kept_where_it_is_alive_and_the_bench_s_own() {
    let prepared = "steps:\n  - connection: alive\n    within: 3\n  - connection: open\n    within: 5\n";
    let pong = |conn: u32| LinkEvent::Ping { conn: ConnId(conn), pong: true };
    let closed = || LinkEvent::Closed { conn: ConnId(1), code: None, by: ClosedBy::Harness };
    let mut alive = engine(STATION, prepared, QUIET, connected());
    assert_eq!(commands(&mut alive), [LinkCommand::Ping(ConnId(1))]);
    link(&mut alive, 1, pong(1));
    assert_eq!(commands(&mut alive), []);
    assert_eq!(ended(alive, 2).verdict, Verdict::Pass);

    // Half dead: a pong on another connection is none.
    let mut dead = engine(STATION, prepared, QUIET, connected());
    link(&mut dead, 1, pong(2));
    commands(&mut dead);
    dead.handle(at(3), Input::Tick);
    assert_eq!(commands(&mut dead), [LinkCommand::Close(ConnId(1), 1000)]);
    link(&mut dead, 4, closed());
    let request =
        UpgradeRequest { path: "/ocpp/S".into(), subprotocols: vec!["ocpp2.0.1".into()], ..UpgradeRequest::default() };
    let subprotocol = Some("ocpp2.0.1".to_owned());
    link(&mut dead, 5, LinkEvent::Opened { conn: ConnId(2), endpoint: EndpointId(1), request, subprotocol });
    let outcome = ended(dead, 6);
    assert_eq!(outcome.verdict, Verdict::Pass, "{:?}", outcome.failures);
    assert!(outcome.remarks[0].contains("did not answer a ping within 3.0 s"), "{:?}", outcome.remarks);
    assert!(outcome.memory.ordinary);

    // A product that never answers a ping, but is there, is not cut off for ever.
    let talks = |memory: SutMemory| {
        let mut engine = engine(STATION, prepared, QUIET, memory);
        commands(&mut engine);
        says(&mut engine, 1, r#"[2,"a","Heartbeat",{}]"#);
        commands(&mut engine);
        engine.handle(at(3), Input::Tick);
        assert_eq!(commands(&mut engine), []);
        ended(engine, 4).memory
    };
    let twice = talks(talks(connected()));
    let mut tired = engine(STATION, prepared, QUIET, twice);
    assert_eq!(commands(&mut tired), [], "it is not asked any more");

    // One that a test case wanted otherwise is closed unasked; whoever does not take part in that is dropped.
    let mut other = engine(STATION, prepared, QUIET, SutMemory { ordinary: false, ..connected() });
    assert_eq!(commands(&mut other), [LinkCommand::Close(ConnId(1), 1000)]);
    other.handle(at(10), Input::Tick);
    assert_eq!(commands(&mut other), [LinkCommand::Abort(ConnId(1))]);
    assert_eq!(ended(other, 11).verdict, Verdict::Inconclusive, "nobody has come back");
}

fn event(kind: &str, trigger: &str, seq: u8, time: &str) -> String {
    format!(
        r#"[2,"{kind}{seq}","TransactionEvent",{{"eventType":"{kind}","timestamp":"{time}","triggerReason":"{trigger}","seqNo":{seq},"offline":true,"transactionInfo":{{"transactionId":"T"}},"evse":{{"id":1}}}}]"#
    )
}

const LONG_AGO: &str = "1969-12-31T20:00:00Z";
const NOW: &str = "1970-01-01T00:00:01Z";

#[test]
fn what_was_queued_before_the_run_fails_nothing() {
    let prepares = "steps:\n  - wait: 100\n";
    let told = |prepared: &str, second: u64, text: &str| {
        let steps = format!("{OPEN}  - wait: 120\n");
        let mut engine = engine(STATION, prepared, &steps, connected());
        says(&mut engine, second, text);
        ended(engine, second)
    };
    let ended_before = event("Ended", "EVDeparted", 4, LONG_AGO);
    for (prepared, second) in [("", 1), ("", 59), (prepares, 1)] {
        let outcome = told(prepared, second, &ended_before);
        assert_eq!(outcome.verdict, Verdict::Pass, "{second}: {:?}", outcome.failures);
        assert_eq!(outcome.remarks, ["the station sent queued events of transaction T, which is from before this run"]);
        // It tells nothing in the next test case either.
        let mut next = engine(STATION, "", QUIET, outcome.memory);
        says(&mut next, 1, &event("Updated", "MeterValuePeriodic", 3, LONG_AGO));
        assert_eq!(ended(next, 2).verdict, Verdict::Pass);
    }
    // While nothing is asked of the station yet, the time does not matter: a restart may have ended it just now.
    assert_eq!(told(prepares, 1, &event("Ended", "AbnormalCondition", 4, NOW)).verdict, Verdict::Pass);
    for (prepared, second, text, why) in [
        ("", 1, event("Ended", "EVDeparted", 4, NOW), "it began in this test case"),
        ("", 61, ended_before.clone(), "a queue is sent in the first moments"),
        ("", 1, event("Ended", "EVDeparted", 0, LONG_AGO), "it is its first event"),
    ] {
        let outcome = told(prepared, second, &text);
        assert_eq!(outcome.verdict, Verdict::Fail, "{why}");
        assert_eq!(outcome.failures[0].message, "transaction T has no event of type Started", "{why}");
    }
}

#[test]
fn a_transaction_that_is_left_is_known_by_who_left_it_until_it_is_over() {
    let mut first = engine(STATION, "", &format!("{OPEN}  - wait: 5\n"), connected());
    says(&mut first, 1, &event("Started", "CablePluggedIn", 0, NOW));
    says(
        &mut first,
        2,
        r#"[2,"s","StatusNotification",{"timestamp":"1970-01-01T00:00:01Z","connectorStatus":"Occupied","evseId":1,"connectorId":1}]"#,
    );
    let left = ended(first, 3).memory;
    let asserts = |condition: &str, memory: &SutMemory, heard: &[&str]| {
        let steps =
            format!("{OPEN}  - wait: 3\n  - assert: \"{condition}\"\n    otherwise: \"it is {{{{ left }}}}\"\n");
        let mut engine = engine("TC_B_07_CS", "", &steps, memory.clone());
        for text in heard {
            says(&mut engine, 1, text);
        }
        let outcome = ended(engine, 2);
        assert_eq!(outcome.verdict, Verdict::Pass, "{condition}: {:?}", outcome.failures);
        outcome.memory
    };
    let both = "left.transactions == [{'id': 'T', 'evse': 1, 'by': 'TC_B_06_CS'}] and left.connectors == \
                [{'evse': 1, 'connector': 1, 'status': 'Occupied', 'by': 'TC_B_06_CS'}]";
    let memory = asserts(both, &left, &[]);
    asserts(both, &memory, &[]);
    asserts("left.transactions == []", &left, &[&event("Ended", "EVDeparted", 1, NOW)]);
    let boot = r#"[2,"b","BootNotification",{"reason":"Unknown","chargingStation":{"model":"M","vendorName":"V"}}]"#;
    asserts("left.transactions == [] and left.connectors == []", &left, &[boot]);
    // A station that knows nothing of it has none.
    let stops = "steps:\n  - send: RequestStopTransaction\n    payload: { transactionId: T }\n  - assert: left.transactions == []\n    otherwise: Other.\n";
    let mut stopped = engine(STATION, "", stops, left);
    let id = stopped.told();
    assert_eq!(id, 0);
    says(&mut stopped, 1, r#"[3,"TC_B_06_CS-1",{"status":"Rejected"}]"#);
    assert_eq!(ended(stopped, 2).verdict, Verdict::Pass);
}

#[test]
fn a_driver_is_waited_for_until_he_begins_is_refused_or_is_given_up() {
    // Seconds that the station waits for him after these messages, 2 s after he presented his token.
    let waits = |heard: &[&str]| {
        let act = "  - operator: present-token\n    with: { token: X, type: ISO14443, evse: 1 }\n";
        let look = "  - wait: 2\n  - let: { left_at_last: \"{{ left.driver }}\" }\n  - assert: left_at_last == 0\n    otherwise: \"{{ left_at_last }} s\"\n";
        let steps = format!("steps:\n{act}{}{look}", OPEN.replace("steps:\n", ""));
        let mut engine = engine(STATION, "", &steps, connected());
        let asked = engine.effects().into_iter().find_map(|effect| match effect {
            Effect::Operator(id, _) => Some(id),
            _ => None,
        });
        engine.handle(at(0), Input::OperatorDone(asked.unwrap(), ActionOutcome::Done));
        for text in heard {
            says(&mut engine, 1, text);
        }
        let outcome = ended(engine, 1);
        (outcome.failures.first().map(|failure| failure.message.clone()), outcome.memory)
    };
    let (waiting, memory) = waits(&[]);
    assert_eq!(
        waiting.as_deref(),
        Some("20.0 s"),
        "20 s of EVConnectionTimeOut and a margin of 2 s, of which 2 s are over"
    );
    // The next test case knows of him.
    let steps = "steps:\n  - assert: left.driver > 0\n    otherwise: Other.\n";
    assert_eq!(ended(engine(STATION, "", steps, memory), 1).verdict, Verdict::Pass);
    let authorize = r#"[2,"a","Authorize",{"idToken":{"idToken":"X","type":"ISO14443"}}]"#;
    assert_eq!(waits(&[authorize]).0, None, "the bench knows no such token, so he is refused");
    let plugged = event("Started", "CablePluggedIn", 0, NOW);
    assert_eq!(waits(&[&plugged]).0.as_deref(), Some("20.0 s"), "a cable alone is not his");
    assert_eq!(waits(&[&event("Started", "Authorized", 0, NOW)]).0, None);
    for (kind, trigger) in [("Updated", "Authorized"), ("Updated", "StopAuthorized"), ("Ended", "EVConnectTimeout")] {
        assert_eq!(waits(&[&plugged, &event(kind, trigger, 1, NOW)]).0, None, "{kind} {trigger}");
    }
    let boot = r#"[2,"b","BootNotification",{"reason":"Unknown","chargingStation":{"model":"M","vendorName":"V"}}]"#;
    assert_eq!(waits(&[boot]).0, None, "a restart forgets him");
}
