//! The engine over several test cases: what one leaves behind must not be held against the next.

mod connections;
mod ends;
mod pace;
mod preparation;
mod rules;
mod said;
mod shared;
mod wire;
mod words;

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use serde_json::{Map, Value, json};

use super::{Effect, EndpointPolicies, Engine, Input, Outcome, Setup, SutMemory};
use crate::{
    clock::Stamp,
    link::{
        ClosedBy, ConnId, EndpointId, Identity, LinkCommand, LinkEvent, Secret, ServerPolicy, ServerTls, UpgradeRequest,
    },
    manual_action::ActionOutcome,
    protocol::{OCPP_2_0_1, Protocol, Version, session::Session},
    template::Lookup as _,
    testcase::dialect::Dialect,
    testcase::{model::State, reader},
    verdict::Verdict,
    yaml::Source,
};

fn at(seconds: u64) -> Stamp {
    Stamp { mono_ns: 0, wall: jiff::Timestamp::UNIX_EPOCH }.plus(std::time::Duration::from_secs(seconds))
}

fn engine(steps: &str, memory: SutMemory) -> Engine {
    engine_at(EndpointPolicies::default(), steps, memory)
}

fn engine_at(endpoints: EndpointPolicies, steps: &str, memory: SutMemory) -> Engine {
    engine_of(endpoints, HashMap::new(), steps, memory)
}

fn engine_of(
    endpoints: EndpointPolicies,
    states: HashMap<String, Arc<State>>,
    steps: &str,
    memory: SutMemory,
) -> Engine {
    engine_for("TC_B_06_CS", endpoints, states, steps, memory)
}

fn engine_for(
    id: &str,
    endpoints: EndpointPolicies,
    states: HashMap<String, Arc<State>>,
    steps: &str,
    memory: SutMemory,
) -> Engine {
    engine_in(&OCPP_2_0_1, id, endpoints, states, steps, memory)
}

/// An engine that speaks a version of OCPP; its test case is of 2.0.1.
fn engine_in(
    protocol: &'static Protocol,
    id: &str,
    endpoints: EndpointPolicies,
    states: HashMap<String, Arc<State>>,
    steps: &str,
    memory: SutMemory,
) -> Engine {
    let setup = setup_in(protocol, id, steps, memory);
    Engine::new(Setup { endpoints, states: Arc::new(states), ..setup }, at(0))
}

/// What an engine that speaks a version of OCPP is made of.
fn setup_in(protocol: &'static Protocol, id: &str, steps: &str, memory: SutMemory) -> Setup {
    let side = if id.ends_with("CSMS") { "csms" } else { "charging-station" };
    // Some are about a requirement.
    let about = if steps.starts_with("requirements:") { "" } else { "requirements: []\n" };
    let text = format!(
        "id: {id}\ntitle: T\nuse-cases: []\n{about}purpose: P.\n\
         sut: {side}\nblock: B\nprotocols: [2.0.1]\ncertification: {{ 2.0.1: {{ 2024-06: {{ core: mandatory }} }} }}\n{steps}"
    );
    let case = reader::test_case(&Source::new("TC_B_06.yaml", text), Dialect::today(Version::V2_0_1))
        .unwrap_or_else(|bad| panic!("{bad}"));
    Setup {
        protocol,
        case: Arc::new(case),
        variant: Map::new(),
        states: Arc::default(),
        bench: json!({ "message_timeout": 5, "response_timeout": 5 }),
        pics: Value::Null,
        endpoints: EndpointPolicies::default(),
        identities: HashMap::new(),
        client: None,
        client_identities: HashMap::new(),
        memory,
    }
}

/// A session of which a recording kept this.
fn session(kept: serde_json::Value) -> Box<dyn Session> {
    let serde_json::Value::Object(kept) = kept else { panic!("{kept}") };
    OCPP_2_0_1.restored(&kept).unwrap()
}

fn connected() -> SutMemory {
    SutMemory {
        open: Some((ConnId(1), EndpointId(1))),
        session: session(json!({ "accepted": true })),
        ..SutMemory::default()
    }
}

fn says(engine: &mut Engine, seconds: u64, text: &str) {
    engine.handle(at(seconds), Input::Link(LinkEvent::Text { conn: ConnId(1), text: text.to_owned() }));
}

/// What was sent, since this was asked last.
fn sent(engine: &mut Engine) -> Vec<String> {
    let frame = |effect| match effect {
        Effect::Link(LinkCommand::Send(_, text)) => Some(text),
        _ => None,
    };
    engine.effects().into_iter().filter_map(frame).collect()
}

fn ended(mut engine: Engine, seconds: u64) -> Outcome {
    engine.handle(at(seconds), Input::Tick);
    assert!(engine.finished(), "{}", engine.waiting_for());
    engine.outcome()
}

const QUIET: &str = "steps:\n  - wait: 5\n";

#[test]
fn a_late_answer_is_no_breach_in_the_next_test_case() {
    let asks = "steps:\n  - send: ClearCache\n";
    let mut first = engine(asks, connected());
    assert_eq!(sent(&mut first), [r#"[2,"TC_B_06_CS-1","ClearCache",{}]"#]);
    let outcome = ended(first, 5);
    assert_eq!(outcome.failures[0].message, "ClearCache was not answered within 5.0 s");
    let mut next = engine(QUIET, outcome.memory.clone());
    says(&mut next, 1, r#"[3,"TC_B_06_CS-1",{"status":"Accepted"}]"#);
    assert_eq!(ended(next, 5).verdict, Verdict::Pass);
    // One that nobody ever waited for is a breach, and so is a second one.
    let mut next = engine(QUIET, outcome.memory.clone());
    says(&mut next, 1, r#"[3,"TC_B_06_CS-1",{"status":"Accepted"}]"#);
    says(&mut next, 2, r#"[3,"TC_B_06_CS-1",{"status":"Accepted"}]"#);
    assert_eq!(ended(next, 5).failures[0].message, "no CALL of ours has the id TC_B_06_CS-1");
    // Ids go on, also where a test case is run twice.
    assert_eq!(sent(&mut engine(asks, outcome.memory)), [r#"[2,"TC_B_06_CS-2","ClearCache",{}]"#]);
}

/// A message that comes ahead is held against later steps, whose names need not be known by then: that is no error of ours.
#[test]
fn what_a_step_can_say_only_later_it_does_not_take_ahead() {
    let steps = "steps:\n  - expect: Heartbeat\n  - let: { since: \"{{ elapsed }}\" }\n  \
        - expect: NotifyEvent\n    any-time-since: \"{{ since }}\"\n";
    let event = r#"[2,"e","NotifyEvent",{"generatedAt":"1970-01-01T00:00:01Z","seqNo":0,"eventData":[{"eventId":1,"timestamp":"1970-01-01T00:00:01Z","trigger":"Delta","actualValue":"x","eventNotificationType":"HardWiredNotification","component":{"name":"EVSE"},"variable":{"name":"Problem"}}]}]"#;
    let mut engine = engine(steps, connected());
    says(&mut engine, 1, event);
    let outcome = ended(engine, 9);
    assert_eq!(outcome.verdict, Verdict::Fail, "{:?}", outcome.failures);
}

#[test]
fn a_call_out_of_turn_counts_in_every_phase() {
    let steps = "steps:\n  - expect: Heartbeat\n  - wait: 1\nafter:\n  - wait: 5\n";
    // The steps are over at 2, and only then our answer to the first is seen to be written.
    for second in [1, 2] {
        let mut engine = engine(steps, connected());
        says(&mut engine, 1, r#"[2,"a","Heartbeat",{}]"#);
        engine.handle(at(second), Input::Tick);
        says(&mut engine, second, r#"[2,"b","Heartbeat",{}]"#);
        engine.handle(at(2), Input::Tick);
        let text = r#"[3,"a",{"currentTime":"1970-01-01T00:00:01Z"}]"#.to_owned();
        engine.handle(at(2), Input::Link(LinkEvent::Sent { conn: ConnId(1), text }));
        let outcome = ended(engine, 9);
        assert_eq!(outcome.failures[0].step, "rule: one CALL at a time", "{second}");
    }
}

#[test]
fn a_transaction_left_behind_is_not_judged_again() {
    let event = |kind: &str, seq: u8, id: &str| {
        format!(
            r#"[2,"{id}{seq}","TransactionEvent",{{"eventType":"{kind}","timestamp":"1970-01-01T00:00:01Z","triggerReason":"CablePluggedIn","seqNo":{seq},"transactionInfo":{{"transactionId":"{id}"}}}}]"#
        )
    };
    let mut first = engine("steps:\n  - expect: TransactionEvent\n", connected());
    says(&mut first, 1, &event("Started", 0, "t"));
    let outcome = ended(first, 1);
    assert_eq!(outcome.verdict, Verdict::Pass);
    let expects = "steps:\n  - expect: TransactionEvent\n    check: { eventType: Started }\n";
    let mut next = engine(expects, outcome.memory.clone());
    says(&mut next, 1, &event("Ended", 1, "t"));
    assert_eq!(sent(&mut next), [r#"[3,"t1",{}]"#], "it is answered");
    says(&mut next, 2, &event("Started", 0, "u"));
    assert_eq!(ended(next, 2).verdict, Verdict::Pass);
    // The same event again is a repetition; the same id for another transaction is a breach.
    let mut next = engine(QUIET, outcome.memory.clone());
    says(&mut next, 1, &event("Started", 0, "t"));
    assert_eq!(ended(next, 5).verdict, Verdict::Pass);
    let mut next = engine(QUIET, outcome.memory.clone());
    says(&mut next, 1, &event("Started", 0, "t").replace("00:00:01Z", "00:00:02Z"));
    let failure = ended(next, 5).failures.remove(0);
    assert_eq!(failure.message, "the transactionId t was used by another transaction before");
    assert_eq!(failure.requirements, ["E01.FR.08"]);
    // Another transaction without a beginning is a breach still.
    let mut next = engine(QUIET, outcome.memory);
    says(&mut next, 1, &event("Ended", 1, "u"));
    assert_eq!(ended(next, 5).verdict, Verdict::Fail);
}

#[test]
fn what_can_not_be_tidied_up_keeps_nothing_else_from_it() {
    let case = "steps:\n  - wait: 1\nafter:\n  - send: ClearCache\n  - send: GetLocalListVersion\n";
    let mut engine = engine(case, connected());
    engine.handle(at(1), Input::Tick);
    assert_eq!(sent(&mut engine).len(), 1);
    says(&mut engine, 2, r#"[4,"TC_B_06_CS-1","NotImplemented","",{}]"#);
    assert_eq!(sent(&mut engine), [r#"[2,"TC_B_06_CS-2","GetLocalListVersion",{}]"#]);
    assert!(!engine.finished(), "the answer is waited for");
    says(&mut engine, 3, r#"[3,"TC_B_06_CS-2",{"versionNumber":0}]"#);
    let outcome = ended(engine, 3);
    assert_eq!(outcome.verdict, Verdict::Pass);
    assert_eq!(
        outcome.remarks,
        ["after 1 send ClearCache: ClearCache was answered with a CALLERROR (found CALLERROR NotImplemented)"]
    );
}

#[test]
fn a_request_may_be_answered_or_refused_with_certain_codes() {
    let case = "requirements: [C11.FR.01]\nsteps:\n  - send: ClearCache\n    check: { status: Rejected }\n    \
        expect-error: [NotSupported]\n    error-allowed: true\n    requirement: C11.FR.01\n";
    for (answer, verdict) in [
        (r#"[3,"TC_B_06_CS-1",{"status":"Rejected"}]"#, Verdict::Pass),
        (r#"[4,"TC_B_06_CS-1","NotSupported","",{}]"#, Verdict::Pass),
        (r#"[3,"TC_B_06_CS-1",{"status":"Accepted"}]"#, Verdict::Fail),
        (r#"[4,"TC_B_06_CS-1","InternalError","",{}]"#, Verdict::Fail),
    ] {
        let mut engine = engine(case, connected());
        says(&mut engine, 1, answer);
        assert_eq!(ended(engine, 1).verdict, verdict, "{answer}");
    }
}

#[test]
fn an_unexpected_message_is_said_at_the_step_that_is_under_way() {
    let mut engine = engine("steps:\n  - steps:\n      - wait: 5\n        requirement: B01.FR.01\n", connected());
    says(&mut engine, 1, r#"[2,"x","Authorize",{"idToken":{"idToken":"A","type":"Local"}}]"#);
    let failure = ended(engine, 1).failures.remove(0);
    assert_eq!(
        (failure.step.as_str(), failure.message.as_str()),
        (
            "1 steps > 1 wait",
            "Authorize was not expected here: It is for an identifier that somebody presents (C01.FR.04), and nobody presented one."
        )
    );
    assert_eq!(failure.requirements, ["C01.FR.04"], "the wait proves something else");
}

/// What a finding names as broken is what the check that failed proves; what the step proves, where that says nothing.
#[test]
fn a_failing_check_names_its_own_requirement() {
    let steps = "steps:
  - steps:
      - expect: BootNotification
        check:
          - { reason: { is: [PowerUp, RemoteReset], requirement: B01.FR.09 } }
          - chargingStation: { vendorName: V, model: { matches: ^M, requirement: B01.FR.01 } }
            requirement: [B01.FR.03, B01.FR.06]
          - { chargingStation.serialNumber: { present: true } }
        no-earlier-than: { is: 1, requirement: B03.FR.06 }
        nothing-else-before: { is: true, requirement: B03.FR.02 }
    requirement: B02.FR.08
";
    let boot = |reason: &str, vendor: &str, model: &str| {
        format!(
            r#"[2,"b","BootNotification",{{"reason":"{reason}","chargingStation":{{"vendorName":"{vendor}","model":"{model}"}}}}]"#
        )
    };
    let broken = |seconds: u64, text: &str| {
        let mut engine = engine(steps, connected());
        if !text.is_empty() {
            says(&mut engine, seconds, text);
        }
        let failure = ended(engine, seconds).failures.remove(0);
        (failure.requirements.join(" "), failure.expected.unwrap_or_default())
    };
    let cases = [
        (broken(1, &boot("Unknown", "V", "M")), "B01.FR.09", "/reason one of [\"PowerUp\" | \"RemoteReset\"]"),
        (broken(1, &boot("PowerUp", "W", "M")), "B01.FR.03 B01.FR.06", "/chargingStation/vendorName = \"V\""),
        (broken(1, &boot("PowerUp", "V", "N")), "B01.FR.01", "/chargingStation/model matching /^M/"),
        (broken(1, &boot("PowerUp", "V", "M")), "B02.FR.08", "/chargingStation/serialNumber present"),
        (broken(0, &boot("PowerUp", "V", "M")), "B03.FR.06", "not before 1.000 s of the run"),
        (broken(1, r#"[2,"h","Heartbeat",{}]"#), "B03.FR.02", "no other message before BootNotification"),
        (broken(9, ""), "B02.FR.08", "BootNotification"),
    ];
    for ((requirements, expected), wanted, words) in cases {
        assert_eq!((requirements.as_str(), expected.as_str()), (wanted, words));
    }
    // Some are broken under a condition only: what the step knows, and at a check what the message says.
    let steps = "steps:
  - let: { how: remote }
  - steps:
      - expect: TransactionEvent
        check:
          seqNo: { is: 0, requirement: [E01.FR.07, { when: eventType == 'Ended', is: [E06.FR.14, E07.FR.11] }] }
        requirement: [{ when: how == 'remote', is: F03.FR.03 }, { when: how == 'local', is: E06.FR.03 }]
      - expect: Heartbeat
        requirement: { when: how == 'local', is: G02.FR.02 }
    requirement: G02.FR.01
";
    let event = |kind: &str, seq: u8| {
        format!(
            r#"[2,"{seq}","TransactionEvent",{{"eventType":"{kind}","timestamp":"1970-01-01T00:00:01Z","triggerReason":"RemoteStart","seqNo":{seq},"transactionInfo":{{"transactionId":"t"}}}}]"#
        )
    };
    let cases = [
        (Some(("Started", 1)), "E01.FR.07"),
        (Some(("Ended", 1)), "E01.FR.07 E06.FR.14 E07.FR.11"),
        (Some(("Started", 0)), "G02.FR.01"),
        (None, "F03.FR.03"),
    ];
    for (told, wanted) in cases {
        let mut engine = engine(steps, connected());
        engine.handle(at(0), Input::Tick);
        if let Some((kind, seq)) = told {
            says(&mut engine, 1, &event(kind, seq));
        }
        assert_eq!(ended(engine, 9).failures.remove(0).requirements.join(" "), wanted);
    }
    let rule = "steps:
  - wait: 5
always:
  - every: StatusNotification
    check: { evseId: 1, connectorId: { is: 1, requirement: G01.FR.03 } }
    requirement: G01.FR.01
";
    for (evse, connector, requirement) in [(2, 1, "G01.FR.01"), (1, 2, "G01.FR.03")] {
        let mut engine = engine(rule, connected());
        let text = format!(
            r#"[2,"s","StatusNotification",{{"timestamp":"1970-01-01T00:00:01Z","connectorStatus":"Available","evseId":{evse},"connectorId":{connector}}}]"#
        );
        says(&mut engine, 1, &text);
        assert_eq!(ended(engine, 5).failures.remove(0).requirements, [requirement]);
    }
}

#[test]
fn everything_may_come_before_the_operator_says_that_it_is_done() {
    let steps = "steps:\n  - operator: connect-ev\n    with: { evse: 1, connector: 1 }\n  - any-order:\n\
                 \u{20}     - expect: StatusNotification\n      - expect: TransactionEvent\n      - expect: NotifyEvent\n";
    let mut engine = engine(steps, connected());
    let asked = engine.effects().into_iter().find_map(|effect| match effect {
        Effect::Operator(id, _) => Some(id),
        _ => None,
    });
    for (second, message) in [
        (
            1,
            r#"[2,"0","StatusNotification",{"timestamp":"1970-01-01T00:00:01Z","connectorStatus":"Occupied","evseId":1,"connectorId":1}]"#,
        ),
        (
            2,
            r#"[2,"1","TransactionEvent",{"eventType":"Started","timestamp":"1970-01-01T00:00:02Z","triggerReason":"CablePluggedIn","seqNo":0,"transactionInfo":{"transactionId":"T"}}]"#,
        ),
        (3, r#"[2,"2","NotifyEvent",{"generatedAt":"1970-01-01T00:00:03Z","seqNo":0,"eventData":[]}]"#),
    ] {
        says(&mut engine, second, message);
    }
    engine.handle(at(9), Input::OperatorDone(asked.unwrap(), ActionOutcome::Done));
    assert!(engine.finished(), "{}", engine.waiting_for());
    let outcome = engine.outcome();
    let found: Vec<_> = outcome.failures.iter().map(|failure| failure.message.as_str()).collect();
    // The events of NotifyEvent are one at least: the schema says so, and here only the order is looked at.
    assert!(found.iter().all(|message| !message.contains("did not come")), "{found:?}");
}

#[test]
fn an_operator_may_deny_what_it_is_asked_but_not_what_it_is_told() {
    let denied = |action: &str| {
        let mut engine = engine(&format!("steps:\n  - operator: {action}\n"), connected());
        let asked = engine.effects().into_iter().find_map(|effect| match effect {
            Effect::Operator(id, action) => Some((id, action)),
            _ => None,
        });
        let (id, action) = asked.unwrap();
        engine.handle(at(1), Input::OperatorDone(id, ActionOutcome::Denied("no".into())));
        (ended(engine, 1).verdict, action)
    };
    let check = "check-variable\n    with: { component: C, variable: V, value: x, station: S }";
    assert_eq!(denied(check).0, Verdict::Fail);
    let send = "send\n    with: { action: GetBaseReport, payload: { reportBase: FullInventory }, station: S }";
    let (verdict, action) = denied(send);
    assert_eq!(verdict, Verdict::Error);
    // What is to be sent is whole, for a CSMS that numbers nothing by itself.
    assert_eq!(action.parameters["payload"], json!({ "reportBase": "FullInventory", "requestId": 1 }));
}

#[test]
fn a_question_that_is_answered_tests_what_it_proves() {
    let verdict = |action: &str, outcome: ActionOutcome| {
        let steps = format!(
            "requirements: [O01.FR.06]\nsteps:\n  - operator: {action}\n    optional: true\n    requirement: O01.FR.06\n"
        );
        let mut engine = engine(&steps, connected());
        let asked = engine.effects().into_iter().find_map(|effect| match effect {
            Effect::Operator(id, _) => Some(id),
            _ => None,
        });
        engine.handle(at(1), Input::OperatorDone(asked.unwrap(), outcome));
        ended(engine, 1).verdict
    };
    let look = "check-display\n    with: { content: C, format: UTF8, how: not-shown }";
    assert_eq!(verdict(look, ActionOutcome::Done), Verdict::Pass);
    assert_eq!(verdict(look, ActionOutcome::NotPossible("nobody is there".into())), Verdict::Inconclusive);
    assert_eq!(verdict("network-down", ActionOutcome::Done), Verdict::Inconclusive, "nobody has looked at anything");
}

#[test]
fn every_end_point_lets_the_sut_in_as_it_is_by_now() {
    let policy = |tls: bool| ServerPolicy {
        reachable: true,
        tls: tls.then(|| ServerTls {
            identity: Identity { chain: String::new(), key: Secret::new("") },
            rsa_identity: None,
            client_roots: None,
            versions: Vec::new(),
            suites: Vec::new(),
        }),
        identity: "CS001".into(),
        passwords: vec![Secret::new("of-the-bench")],
        subprotocols: vec!["ocpp2.0.1".into()],
        refuse_upgrade: None,
        others: Vec::new(),
        max_frame: 1 << 20,
    };
    let of_profile_3 = ServerPolicy { passwords: Vec::new(), ..policy(true) };
    let endpoints = EndpointPolicies {
        at: HashMap::from([(EndpointId::MAIN, policy(false)), (EndpointId::SECOND, policy(false))]),
        of_profile: BTreeMap::from([(2, policy(true)), (3, of_profile_3)]),
    };
    for (profile, tls, passwords) in [(1, false, 2), (2, true, 2), (3, true, 0)] {
        let memory =
            SutMemory { security_profile: profile, passwords: vec![Secret::new("the-new-one")], ..connected() };
        let mut engine = engine_at(endpoints.clone(), QUIET, memory);
        let set: Vec<(EndpointId, ServerPolicy)> = engine
            .effects()
            .into_iter()
            .filter_map(|effect| match effect {
                Effect::Link(LinkCommand::SetPolicy(endpoint, policy)) => Some((endpoint, policy)),
                _ => None,
            })
            .collect();
        assert_eq!(set.iter().map(|(endpoint, _)| endpoint.0).collect::<Vec<_>>(), [1, 2]);
        for (_, policy) in set {
            assert_eq!((policy.tls.is_some(), policy.passwords.len()), (tls, passwords), "profile {profile}");
            // What was set may not have been taken: either is known.
            let known = ["of-the-bench", "the-new-one"];
            assert!(policy.passwords.iter().zip(known).all(|(password, known)| password.expose() == known));
        }
    }
}

#[test]
fn a_connection_lost_while_preparing_decides_nothing() {
    let lost = |mut engine: Engine| {
        engine.effects();
        engine.handle(at(1), Input::Link(LinkEvent::Closed { conn: ConnId(1), code: None, by: ClosedBy::Broken }));
        ended(engine, 10).verdict
    };
    let prepared = "state: Prepared\nsut: charging-station\nprotocols: [2.0.1]\nkind: procedure\npurpose: P.\nsteps:\n  - send: ClearCache\n";
    let prepared = reader::state(&Source::new("Prepared.yaml", prepared), Dialect::today(Version::V2_0_1))
        .unwrap_or_else(|bad| panic!("{bad}"))
        .unwrap();
    let states = HashMap::from([("Prepared".to_owned(), Arc::new(prepared))]);
    assert_eq!(lost(engine_of(EndpointPolicies::default(), states, QUIET, connected())), Verdict::Inconclusive);
    // The states that a test case begins with are part of it.
    assert_eq!(
        lost(engine("before:\n  states:\n    - send: ClearCache\nsteps:\n  - wait: 1\n", connected())),
        Verdict::Fail
    );
    assert_eq!(lost(engine("steps:\n  - send: ClearCache\n", connected())), Verdict::Fail);
}

#[test]
fn what_was_last_told_of_a_connector_is_known_to_the_next_test_case() {
    let status = |status: &str, id: &str| {
        format!(
            r#"[2,"{id}","StatusNotification",{{"timestamp":"1970-01-01T00:00:01Z","connectorStatus":"{status}","evseId":1,"connectorId":2}}]"#
        )
    };
    let event = r#"[2,"c","NotifyEvent",{"generatedAt":"1970-01-01T00:00:01Z","seqNo":0,"eventData":[{"eventId":1,"timestamp":"1970-01-01T00:00:01Z","trigger":"Delta","actualValue":"Occupied","eventNotificationType":"HardWiredNotification","component":{"name":"Connector","evse":{"id":1,"connectorId":1}},"variable":{"name":"AvailabilityState"}}]}]"#;
    let mut first = engine(QUIET, connected());
    says(&mut first, 1, &status("Occupied", "a"));
    says(&mut first, 1, event);
    says(&mut first, 2, &status("Available", "b"));
    let memory = ended(first, 7).memory;
    let knows = |memory: SutMemory, what: &str| {
        let case = format!("steps:\n  - assert: \"connector_statuses == {what}\"\n    otherwise: Other.\n");
        let outcome = ended(engine(&case, memory), 1);
        assert_eq!(outcome.verdict, Verdict::Pass, "{what}: {:?}", outcome.failures);
    };
    let (one, two) =
        ("{'evse': 1, 'connector': 1, 'status': 'Occupied'}", "{'evse': 1, 'connector': 2, 'status': 'Available'}");
    knows(memory.clone(), &format!("[{one}, {two}]"));
    // A boot tells everything anew, or nothing.
    let mut booted = engine(QUIET, memory);
    says(
        &mut booted,
        1,
        r#"[2,"boot","BootNotification",{"reason":"Unknown","chargingStation":{"model":"M","vendorName":"V"}}]"#,
    );
    knows(ended(booted, 6).memory, "[]");
}

#[test]
fn a_remark_is_said_once_and_decides_nothing() {
    let steps = "steps:\n  - let: { base: 30 }\n  - remark: \"The base of {{ base }} s is guessed.\"\n  - remark: \"The base of {{ base }} s is guessed.\"\n  - when: \"false\"\n    remark: Never said.\n";
    let outcome = ended(engine(steps, connected()), 1);
    assert_eq!(
        (outcome.verdict, outcome.remarks.as_slice()),
        (Verdict::Pass, &["The base of 30 s is guessed.".to_owned()][..])
    );
    for bad in ["remark: [one, two]", "remark: \"\""] {
        let text = format!(
            "id: TC_B_06_CS\ntitle: T\nuse-cases: []\nrequirements: []\npurpose: P.\n\
             sut: charging-station\nblock: B\nprotocols: [2.0.1]\ncertification: {{ 2.0.1: {{ 2024-06: {{ core: mandatory }} }} }}\nsteps:\n  - {bad}\n"
        );
        let defects = reader::test_case(&Source::new("TC_B_06_CS.yaml", text), Dialect::today(Version::V2_0_1))
            .err()
            .map(|bad| bad.to_string());
        assert!(defects.is_some_and(|defects| defects.contains("a sentence was expected")), "{bad}");
    }
}

/// What a test case keeps must not hide what the engine tells: the reader knows all of its names.
#[test]
fn no_name_of_the_engine_can_be_taken() {
    use crate::testcase::model::BUILT_IN;
    let station = engine(QUIET, connected());
    let csms = engine_for("TC_B_06_CSMS", EndpointPolicies::default(), HashMap::new(), QUIET, connected());
    for name in BUILT_IN {
        let told = [&station, &csms].iter().any(|engine| engine.names().lookup(name).is_some());
        assert!(told || name == "message", "{name}");
    }
    for taken in [
        "- let: { left: 1 }",
        "- expect: Heartbeat\n    as: registration",
        "- for-each: state\n    in: \"{{ [] }}\"\n    do: []",
    ] {
        let text = format!(
            "id: TC_B_06_CS\ntitle: T\nuse-cases: []\nrequirements: []\npurpose: P.\n\
             sut: charging-station\nblock: B\nprotocols: [2.0.1]\ncertification: {{ 2.0.1: {{ 2024-06: {{ core: mandatory }} }} }}\nsteps:\n  {taken}\n"
        );
        let refused = reader::test_case(&Source::new("TC_B_06_CS.yaml", text), Dialect::today(Version::V2_0_1))
            .unwrap_err()
            .to_string();
        assert!(refused.contains("is a name that the engine defines"), "{refused}");
    }
}
