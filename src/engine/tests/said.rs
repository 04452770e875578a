//! What the SUT says may make an expression of the test case impossible: that is no error of the harness.

use proptest::prelude::*;

use super::*;

/// A DataTransfer of ours is answered with this, and the steps behind it read it as `it`.
fn answered(data: &Value, steps: &str) -> Outcome {
    let steps = format!("steps:\n  - send: DataTransfer\n    payload: {{ vendorId: V }}\n    as: it\n{steps}");
    let mut engine = engine(&steps, connected());
    says(&mut engine, 1, &json!([3, "TC_B_06_CS-1", { "status": "Accepted", "data": data }]).to_string());
    let acts = |engine: &mut Engine| {
        for effect in engine.effects() {
            match effect {
                Effect::Operator(id, _) => engine.handle(at(2), Input::OperatorDone(id, ActionOutcome::Done)),
                Effect::Service(id, _) => engine.handle(at(2), Input::ServiceDone(id, Ok(data.clone()))),
                _ => {}
            }
        }
    };
    acts(&mut engine);
    for call in [json!([2, "d", "DataTransfer", { "vendorId": "V", "data": data }]), json!([2, "h", "Heartbeat", {}])] {
        if !engine.finished() {
            says(&mut engine, 2, &call.to_string());
        }
    }
    acts(&mut engine);
    engine.handle(at(100), Input::Tick);
    // What is waited for may be as far away as the SUT says.
    if !engine.finished() {
        engine.handle(at(100), Input::Interrupt);
    }
    engine.outcome()
}

/// One step for each place where an expression is evaluated.
const STEPS: &[&str] = &[
    "  - assert: it.data.a.b == 1\n",
    "  - assert: it.data.a\n    inconclusive: true\n",
    "  - assert: it.data[7].a + 1 > 2\n",
    "  - assert: (it.data | members | length) > 0\n",
    "  - assert: seconds_between(it.data, now) < 5\n",
    "  - assert: certificate(it.data).valid\n",
    "  - let: { x: \"{{ later(it.data, 5) }}\" }\n",
    "  - let: { x: \"{{ it.data | variable_names }}\" }\n",
    "  - let: { x: \"{{ it.data.a }}\" }\n  - assert: x.b == 1\n",
    "  - remark: \"it says {{ it.data.a.b }}\"\n",
    "  - wait: 1\n    when: it.data.a == 1\n",
    "  - wait: \"{{ it.data }}\"\n",
    "  - for-each: one\n    in: \"{{ it.data.a }}\"\n    do:\n      - assert: one.b == 1\n",
    "  - repeat:\n      - wait: 1\n    until: it.data.a > 3\n",
    "  - operator: check-variable\n    with: { component: C, variable: V, value: \"{{ it.data }}\", station: S }\n",
    "  - service: sign\n    with: { csr: \"{{ it.data.a }}\" }\n",
    "  - send: Reset\n    payload: { type: \"{{ it.data }}\" }\n",
    "  - send: ClearCache\n    within: \"{{ it.data }}\"\n",
    "  - expect: DataTransfer\n    check: { data: { is: \"{{ it.data.a }}\" } }\n",
    "  - expect: DataTransfer\n    match: { data: { at-least: \"{{ it.data.a }}\" } }\n",
    "  - expect: Heartbeat\n    reply: { currentTime: \"{{ it.data }}\" }\n",
    "  - expect: Heartbeat\n    no-earlier-than: \"{{ it.data }}\"\n",
    "  - expect: Heartbeat\n    no-reply: it.data.a == 1\n",
    "  - never: DataTransfer\n    match: { data: { at-most: \"{{ it.data.a }}\" } }\n    during: 5\n",
];

#[test]
fn every_step_of_the_list_can_be_read() {
    for steps in STEPS {
        answered(&Value::Null, steps);
    }
}

#[test]
fn what_can_t_be_evaluated_because_of_the_sut_is_inconclusive() {
    for (steps, message) in [
        (STEPS[0], "can't be evaluated with what the SUT, the bench or the PICS says: `it.data.a.b == 1`"),
        (STEPS[12], "can't be evaluated with what the SUT, the bench or the PICS says: `it.data.a`"),
        (STEPS[16], "our own ResetRequest is not valid with what the SUT, the bench or the PICS says: /type"),
        (STEPS[20], "our own HeartbeatResponse is not valid with what the SUT, the bench or the PICS says"),
    ] {
        let outcome = answered(&json!("nothing of the kind"), steps);
        assert_eq!(outcome.verdict, Verdict::Inconclusive, "{steps}: {:?}", outcome.failures);
        assert!(outcome.failures[0].message.contains(message), "{}", outcome.failures[0].message);
    }
}

#[test]
fn nobody_waits_for_ever_because_the_sut_says_so() {
    let outcome = answered(&json!(2_147_483_647), "  - wait: \"{{ it.data }}\"\n");
    assert_eq!(outcome.verdict, Verdict::Inconclusive);
    let message = &outcome.failures[0].message;
    assert!(message.ends_with("it would last 2147483647 s, and no test case lasts longer than 24 h"), "{message}");
}

#[test]
fn what_the_harness_alone_can_t_evaluate_is_its_error() {
    for steps in ["  - assert: later('noon', 5) == ''\n", "  - let: { x: \"{{ later('noon', 5) }}\" }\n"] {
        assert_eq!(answered(&json!(1), steps).verdict, Verdict::Error, "{steps}");
    }
}

#[test]
fn what_is_wrong_is_a_failure_whatever_can_t_be_told_of_the_rest() {
    let steps =
        "  - send: ClearCache\n    check: { status: Accepted, statusInfo: { at-least: \"{{ it.data.a.b }}\" } }\n";
    let steps = format!("steps:\n  - send: DataTransfer\n    payload: {{ vendorId: V }}\n    as: it\n{steps}");
    for (status, verdict) in [("Rejected", Verdict::Fail), ("Accepted", Verdict::Inconclusive)] {
        let mut engine = engine(&steps, connected());
        says(&mut engine, 1, r#"[3,"TC_B_06_CS-1",{"status":"Accepted"}]"#);
        says(&mut engine, 2, &format!(r#"[3,"TC_B_06_CS-2",{{"status":"{status}"}}]"#));
        assert_eq!(ended(engine, 3).verdict, verdict, "{status}");
    }
}

fn json_of_any_kind() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,8}".prop_map(Value::from),
        Just(Value::from("2026-11-21T10:00:00Z")),
        Just(Value::from("-9999-01-01T00:00:00Z")),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::Array),
            prop::collection::vec(("[ab]", inner), 0..3)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_answer_is_an_error_of_the_harness(data in json_of_any_kind()) {
        for steps in STEPS {
            let outcome = answered(&data, steps);
            let error = outcome.failures.iter().find(|failure| failure.verdict == Verdict::Error);
            prop_assert!(error.is_none(), "{steps}{data}: {error:?}");
        }
    }
}

/// Messages that a version of OCPP allows, with values at the edges of what it allows.
mod messages {
    use super::*;
    use crate::protocol::member::Member;

    /// Numbers, one after the other, from a seed.
    struct Choices(u64);

    impl Choices {
        fn among(&mut self, count: usize) -> usize {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from((self.0 >> 33) % count.max(1) as u64).unwrap_or_default()
        }
    }

    fn value(place: Member, depth: usize, choices: &mut Choices) -> Value {
        if place.is_list() {
            let count = 1 + choices.among(2);
            return (0..count).map(|_| value(place.element(), depth, choices)).collect();
        }
        let example = place.example();
        let required: Vec<String> =
            example.as_object().into_iter().flat_map(|members| members.keys().cloned()).collect();
        if example.is_object() {
            let members = place.names().filter(|name| *name != "customData");
            let mut whole = Map::new();
            for name in members {
                let wanted = required.iter().any(|known| known == name) || (depth < 4 && choices.among(2) == 0);
                if let Some(member) = place.child(name).ok().flatten().filter(|_| wanted) {
                    whole.insert(name.to_owned(), value(member, depth + 1, choices));
                }
            }
            return Value::Object(whole);
        }
        let words = place.words();
        let among = |values: &[Value], choices: &mut Choices| values[choices.among(values.len())].clone();
        match &example {
            _ if !words.is_empty() => words[choices.among(words.len())].into(),
            Value::String(text) if text.len() > 1 => {
                among(&[example.clone(), "9999-12-31T23:59:59Z".into(), "1970-01-01T00:00:00Z".into()], choices)
            }
            Value::String(_) => {
                among(&["".into(), "x".into(), "x".repeat(20).into(), "\u{7}\u{202e}'\"{{ 1 }}".into()], choices)
            }
            Value::Number(_) => among(&[0.into(), 1.into(), (-1).into(), i32::MAX.into(), i32::MIN.into()], choices),
            _ => example,
        }
    }

    /// An engine for a side, whose SUT is known and connected.
    fn engine(protocol: &'static Protocol, id: &str) -> Engine {
        let Value::Object(kept) = json!({ "accepted": true }) else { unreachable!() };
        let memory = SutMemory {
            open: Some((ConnId(1), EndpointId(1))),
            session: protocol.restored(&kept).unwrap(),
            ..SutMemory::default()
        };
        let mut setup = setup_in(protocol, id, QUIET, memory);
        setup.bench = Value::Object(crate::bench::Bench::default().values);
        Engine::new(setup, at(0))
    }

    #[test]
    fn no_message_of_a_sut_is_an_error_of_the_harness() {
        let mut tried = 0;
        for protocol in Version::ALL.map(Version::protocol) {
            for (id, station) in [("TC_B_06_CS", true), ("TC_B_06_CSMS", false)] {
                let messages = protocol.messages();
                for action in messages.actions().filter(|action| messages.sent_by(action, station)) {
                    for seed in 0..6 {
                        let mut choices = Choices(seed);
                        let payload = value(messages.message(action, true).unwrap(), 0, &mut choices);
                        let mut engine = engine(protocol, id);
                        says(&mut engine, 1, &json!([2, "m", action, payload]).to_string());
                        // What our station sends because of it is answered.
                        for frame in sent(&mut engine) {
                            let frame: Value = serde_json::from_str(&frame).unwrap();
                            let answer = frame[2].as_str().and_then(|asked| messages.message(asked, false));
                            if let Some(answer) = answer.filter(|_| frame[0] == 2) {
                                let payload = value(answer, 0, &mut choices);
                                says(&mut engine, 2, &json!([3, frame[1], payload]).to_string());
                            }
                        }
                        engine.handle(at(6), Input::Tick);
                        let outcome = engine.outcome();
                        let error = outcome.failures.iter().find(|failure| failure.verdict == Verdict::Error);
                        assert!(error.is_none(), "{} {id} {action} {payload}: {error:?}", protocol.name);
                        tried += 1;
                    }
                }
            }
        }
        assert!(tried > 900, "{tried}");
    }
}
