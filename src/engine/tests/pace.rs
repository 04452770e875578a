//! The pace of the station that we play.

use std::{collections::HashMap, sync::Arc, time::Duration};

use serde_json::{Map, Value, json};

use crate::{
    clock::Stamp,
    engine::{Effect, Engine, Input, Setup, SutMemory},
    link::{ClientPolicy, ClosedBy, ConnId, EndpointId, LinkCommand, LinkEvent, UpgradeRequest},
    manual_action::ActionOutcome,
    protocol::Version,
    testcase::dialect::Dialect,
    testcase::reader,
    verdict::Verdict,
    yaml::Source,
};

/// An engine with what it did, and when, in milliseconds.
struct Run {
    engine: Engine,
    did: Vec<String>,
    now: u64,
}

fn at(ms: u64) -> Stamp {
    Stamp { mono_ns: 0, wall: jiff::Timestamp::UNIX_EPOCH }.plus(Duration::from_millis(ms))
}

impl Run {
    /// A test case for the CSMS `side`, at a bench of this pace, connected from the start.
    fn of(side: &str, pace: f64, steps: &str) -> Self {
        let sut = if side == "CSMS" { "csms" } else { "charging-station" };
        let text = format!(
            "id: TC_B_06_{side}\ntitle: T\nuse-cases: []\nrequirements: []\npurpose: P.\n\
             sut: {sut}\nblock: B\nprotocols: [2.0.1]\ncertification: {{ 2.0.1: {{ 2024-06: {{ core: mandatory }} }} }}\n{steps}"
        );
        let case = reader::test_case(&Source::new("case.yaml", text), Dialect::today(Version::V2_0_1))
            .unwrap_or_else(|bad| panic!("{bad}"));
        let setup = Setup {
            protocol: &crate::protocol::OCPP_2_0_1,
            case: Arc::new(case),
            variant: Map::new(),
            states: Arc::new(HashMap::new()),
            bench: json!({ "message_timeout": 5, "response_timeout": 2, "pace": pace }),
            pics: Value::Null,
            endpoints: crate::engine::EndpointPolicies::default(),
            identities: HashMap::new(),
            client: Some(ClientPolicy {
                url: "ws://csms/ocpp".into(),
                identity: "S".into(),
                credentials: None,
                subprotocols: vec!["ocpp2.0.1".into()],
                tls: None,
                max_frame: 1 << 20,
            }),
            client_identities: HashMap::new(),
            memory: SutMemory {
                open: Some((ConnId(1), EndpointId(1))),
                session: super::session(serde_json::json!({ "accepted": true })),
                ..SutMemory::default()
            },
        };
        let mut run = Self { engine: Engine::new(setup, at(0)), did: Vec::new(), now: 0 };
        run.note();
        run
    }

    fn note(&mut self) {
        for effect in self.engine.effects() {
            let what = match effect {
                Effect::Link(LinkCommand::Send(_, text)) => text,
                Effect::Link(LinkCommand::Close(..)) => "close".into(),
                Effect::Link(LinkCommand::Connect(..)) => "connect".into(),
                Effect::Operator(_, action) => action.action,
                _ => continue,
            };
            self.did.push(format!("{} {what}", self.now));
        }
    }

    /// Lets time pass, deadline by deadline, and then tells something.
    fn told(&mut self, ms: u64, input: Input) {
        self.until(ms);
        self.engine.handle(at(ms), input);
        self.note();
    }

    fn until(&mut self, ms: u64) {
        while let Some(due) = self.engine.deadline().filter(|due| *due <= ms * 1_000_000) {
            let due = due.div_ceil(1_000_000);
            assert!(due > self.now || due == 0, "it does not get on at {due}: {}", self.engine.waiting_for());
            self.now = due;
            self.engine.handle(at(due), Input::Tick);
            self.note();
        }
        self.now = ms;
    }

    fn says(&mut self, ms: u64, text: &str) {
        self.told(ms, Input::Link(LinkEvent::Text { conn: ConnId(1), text: text.into() }));
    }

    /// What was answered is written.
    fn wrote(&mut self, ms: u64) {
        self.told(ms, Input::Link(LinkEvent::Sent { conn: ConnId(1), text: "[3,\"x\",{}]".into() }));
    }
}

const BEAT: &str = r#"{"currentTime":"1970-01-01T00:00:00Z"}"#;

#[test]
fn our_next_call_waits_from_the_last_thing_on_the_connection() {
    let steps = "steps:\n  - send: Heartbeat\n  - send: Heartbeat\n  - expect: ClearCache\n  - send: Heartbeat\n";
    let calls = |pace: f64| {
        let mut run = Run::of("CSMS", pace, steps);
        run.says(300, &format!("[3,\"TC_B_06_CSMS-1\",{BEAT}]"));
        run.says(600, &format!("[3,\"TC_B_06_CSMS-2\",{BEAT}]"));
        run.says(700, r#"[2,"c","ClearCache",{}]"#);
        run.wrote(720);
        run.until(900);
        run.did
            .iter()
            .filter(|did| did.contains("Heartbeat"))
            .map(|did| did.replace(r#","Heartbeat",{}]"#, ""))
            .collect::<Vec<_>>()
    };
    let at = |times: [u64; 3]| [1, 2, 3].map(|id| format!("{} [2,\"TC_B_06_CSMS-{id}\"", times[id - 1]));
    assert_eq!(calls(0.1), at([100, 400, 820]));
    assert_eq!(calls(0.0), at([0, 300, 700]));
}

#[test]
fn the_time_for_an_answer_begins_when_the_call_is_sent() {
    let mut run = Run::of("CSMS", 0.5, "steps:\n  - send: Heartbeat\n    as: beat\n");
    run.until(2400);
    assert!(!run.engine.decided());
    run.until(2500);
    let outcome = run.engine.outcome();
    assert_eq!(outcome.failures[0].message, "Heartbeat was not answered within 2.0 s");
    assert_eq!(outcome.failures[0].waited_s, Some(2.0));
}

#[test]
fn the_operator_is_asked_and_we_connect_at_the_same_pace() {
    let steps = "steps:\n  - connection: connect\n    outcome: opened\n    within: 1\n  - operator: send\n    \
                 with: { action: ClearCache, payload: {}, station: S }\n    as: asked\n  - assert: asked.outcome == 'done'\n";
    let mut run = Run::of("CSMS", 0.1, steps);
    run.told(130, Input::Link(LinkEvent::Closed { conn: ConnId(1), code: Some(1000), by: ClosedBy::Harness }));
    let request =
        UpgradeRequest { path: "/ocpp/S".into(), subprotocols: vec!["ocpp2.0.1".into()], ..UpgradeRequest::default() };
    let subprotocol = Some("ocpp2.0.1".to_owned());
    // It may take a second from when we knock.
    let opened = LinkEvent::Opened { conn: ConnId(1_000_001), endpoint: EndpointId(1), request, subprotocol };
    run.told(1200, Input::Link(opened));
    run.until(1400);
    assert_eq!(run.did, ["100 close", "230 connect", "1300 send"]);
    run.told(1500, Input::OperatorDone(1, ActionOutcome::Done));
    assert!(run.engine.finished(), "{}", run.engine.waiting_for());
    assert_eq!(run.engine.outcome().verdict, Verdict::Pass);
}

#[test]
fn who_never_pauses_is_not_waited_for_without_end() {
    let mut run = Run::of("CSMS", 0.1, "steps:\n  - send: Heartbeat\n");
    for number in 1..=100 {
        run.says(50 * number, &format!(r#"[2,"{number}","GetReport",{{"requestId":{number}}}]"#));
    }
    let sent: Vec<&String> = run.did.iter().filter(|did| did.contains("Heartbeat\",{}")).collect();
    assert_eq!(sent, [r#"3000 [2,"TC_B_06_CSMS-1","Heartbeat",{}]"#]);
}

#[test]
fn a_charging_station_under_test_is_dealt_with_at_once() {
    let run = Run::of("CS", 5.0, "steps:\n  - send: ClearCache\n");
    assert_eq!(run.did, [r#"0 [2,"TC_B_06_CS-1","ClearCache",{}]"#]);
}

/// What a step wants may come while another waits to act.
#[test]
fn what_comes_while_we_wait_is_taken_as_if_we_had_not_waited() {
    let steps = "steps:\n  - send: Heartbeat\n  - expect: ClearCache\n";
    for pace in [0.0, 0.1] {
        let mut run = Run::of("CSMS", pace, steps);
        run.says(50, r#"[2,"c","ClearCache",{}]"#);
        run.says(300, &format!("[3,\"TC_B_06_CSMS-1\",{BEAT}]"));
        assert!(run.engine.finished(), "{}", run.engine.waiting_for());
        assert_eq!(run.engine.outcome().verdict, Verdict::Pass, "{pace}");
    }
}

#[test]
fn a_connection_that_is_closed_while_we_wait_to_send_is_lost_where_that_is_allowed() {
    let verdict = |allowed: &str| {
        let mut run = Run::of("CSMS", 0.1, &format!("steps:\n  - send: Heartbeat\n    payload: {{}}\n{allowed}"));
        let closed = LinkEvent::Closed { conn: ConnId(1), code: Some(1008), by: ClosedBy::Sut };
        run.told(50, Input::Link(closed));
        run.until(60_000);
        assert!(run.engine.finished() && run.did.is_empty(), "{:?}", run.did);
        run.engine.outcome().verdict
    };
    assert_eq!(verdict("    lost-allowed: true\n"), Verdict::Pass);
    assert_eq!(verdict(""), Verdict::Fail);
}
