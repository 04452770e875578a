//! How faults are written, and what they make of messages.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{
    Fault, Kind, Part, Place, Which,
    kinds::{KINDS, Members, Scope, Setting, Takes},
    message::{Content, change, keep_first, misread},
    named::NAMED,
    reader,
};
use crate::protocol::{OCPP_2_0_1, OCPP_2_1, frame::Frame};

fn read(text: &str) -> Fault {
    Fault::read(&OCPP_2_0_1, text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn what_is_wrong_is_told_with_its_place_and_what_to_do() {
    let texts = [
        "",
        "dorp TransactionEvent",
        "explode",
        "drop TransactionEvnt:2",
        "drop TransactionEvent:0",
        "drop TransactionEvent:second",
        "drop TransactionEvent Heartbeat",
        "drop connection:1",
        "drop Heartbeat respons",
        "drop Heartbeat call response",
        "drop Heartbeat /status=x",
        "drop Heartbeat for=3s",
        "no-reply Reset response",
        "delay Heartbeat fro=3s",
        "delay Heartbeat for=3",
        "delay Heartbeat for=3days",
        "delay Heartbeat for=3s for=4s",
        "flood Heartbeat count=1000000",
        "oversize Heartbeat size=2GB",
        "disconnect code=99",
        "wrong-field StatusNotification",
        "wrong-field StatusNotification /connectorStatus",
        "wrong-field StatusNotification /connectorStatus=a /connectorStatus=b",
        "missing-field StatusNotification /conectorStatus",
        "missing-field StatusNotification /connectorStatus=Faulted",
        "wrong-type TransactionEvent /transactionInfo/transactionid",
        "garbage text=\"never closed",
        "drop TransactionEvent when=Ended",
        "stall BootNotification",
        "stall when=/a=1",
        "stall call",
    ];
    let told: Vec<String> = texts
        .iter()
        .map(|text| match Fault::read(&OCPP_2_0_1, text) {
            Ok(fault) => panic!("`{text}` was read as {fault}"),
            Err(error) => {
                assert!(error.column <= text.chars().count() + 1, "{text}: column {}", error.column);
                format!("{text}\n{:>column$} {}\n  {}", "^", error.message, error.help, column = error.column)
            }
        })
        .collect();
    insta::assert_snapshot!(told.join("\n\n"));
}

#[test]
fn all_faults_are_listed() {
    insta::assert_snapshot!(super::list());
}

#[test]
fn a_name_stands_for_a_fault_of_its_version() {
    for named in &NAMED {
        let fault = Fault::read(&OCPP_2_1, named.name).unwrap_or_else(|error| panic!("{}: {error}", named.name));
        assert_eq!(fault.to_string(), named.name);
        let written_out = Fault::read(&OCPP_2_1, named.text).unwrap_or_else(|error| panic!("{}: {error}", named.text));
        assert_eq!(Fault { name: None, ..fault }, written_out);
        assert!(KINDS.iter().all(|info| info.name != named.name), "{} is a kind as well", named.name);
    }
    let told = |text: &str| {
        let error = Fault::read(&OCPP_2_0_1, text).unwrap_err();
        format!("{}: {}; {}", error.column, error.message, error.help)
    };
    insta::assert_snapshot!(told("dynamic-update-ignored"), @"1: `dynamic-update-ignored` is about messages that OCPP 2.0.1 does not have; it stands for `pretend UpdateDynamicSchedule`");
    insta::assert_snapshot!(told("setpoint-sign times=2"), @"15: `setpoint-sign` takes nothing more, but `times=2` follows; leave it out, or write the fault yourself: `wrong-sign GetCompositeSchedule response /schedule/chargingSchedulePeriod/0/setpoint`");
}

#[test]
fn every_example_is_read_and_written_the_same() {
    assert_eq!(Kind::all().count(), KINDS.len());
    for kind in Kind::all() {
        assert_eq!(kind.info().kind, kind, "{kind:?} is in the list twice or not at all");
        let fault = read(kind.example());
        assert_eq!(fault.kind(), kind);
        let shown = fault.to_string();
        // Units and quotation marks may be written otherwise.
        assert_eq!(read(&shown), fault, "{shown}");
    }
}

fn which() -> impl Strategy<Value = Which> {
    prop_oneof![Just(Which::Every), (1_u32..).prop_map(Which::Nth), (1_u32..).prop_map(Which::From)]
}

fn member() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
        ("[a-z]{1,5}", any::<String>()).prop_map(|(name, text)| json!({ name: [text, null] })),
    ]
}

fn settings(kind: Kind) -> impl Strategy<Value = Vec<(&'static str, Setting)>> {
    let one = |takes: Takes| match takes {
        Takes::Time(_) => (0_u64..86_400_000)
            .prop_map(|milliseconds| Setting::Time(std::time::Duration::from_millis(milliseconds)))
            .boxed(),
        Takes::Bytes { max, .. } => (0..=max).prop_map(Setting::Bytes).boxed(),
        Takes::Count { min, max, .. } | Takes::Maybe { min, max } => (min..=max).prop_map(Setting::Count).boxed(),
        Takes::Text(_) => any::<String>().prop_map(Setting::Text).boxed(),
    };
    let parameters = kind.info().parameters;
    let each: Vec<_> = parameters
        .iter()
        .map(|parameter| (Just(parameter.name), one(parameter.takes), any::<bool>()).boxed())
        .collect();
    each.prop_map(|all| {
        all.into_iter().filter(|(.., given)| *given).map(|(name, setting, _)| (name, setting)).collect()
    })
}

fn fault() -> impl Strategy<Value = Fault> {
    let kinds: Vec<Kind> = Kind::all().collect();
    let actions: Vec<&str> = OCPP_2_0_1.messages().actions().collect();
    let shape = (proptest::sample::select(kinds), proptest::sample::select(actions), which(), any::<[bool; 4]>());
    shape.prop_flat_map(|(kind, action, which, [named, on_connection, call, conditional])| {
        let info = kind.info();
        let connections = info.scope == Scope::Connections || (info.scope == Scope::Both && on_connection);
        let part =
            (info.scope != Scope::Received && conditional).then_some(if call { Part::Call } else { Part::Response });
        let place = if connections {
            Place::Connections(which)
        } else {
            // Members are looked up where an action is named.
            let action = (named && info.members != Members::Named).then(|| action.to_owned());
            Place::Messages { action, part, which }
        };
        let members = proptest::collection::btree_map("/[a-zA-Z0-9/~]{0,20}", member(), 1..4);
        (settings(kind), members, proptest::option::of(("/[a-z/]{0,9}", member()))).prop_map(
            move |(settings, members, when)| {
                let value = |value: Value| (info.members == Members::Valued).then_some(value);
                let members = members.into_iter().map(|(name, given)| (name, value(given)));
                let members = if info.members == Members::None { Vec::new() } else { members.collect() };
                let when = when.filter(|_| !connections);
                Fault { version: OCPP_2_0_1.version, name: None, kind, place: place.clone(), settings, members, when }
            },
        )
    })
}

proptest! {
    #[test]
    fn a_fault_is_read_as_it_is_written(fault in fault()) {
        let text = fault.to_string();
        prop_assert_eq!(reader::read(&OCPP_2_0_1, &text), Ok(fault), "{}", text);
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in "([a-z-]{1,12}|[ :/=\"\\\\+*]|\\PC|wrong-field|drop|connection|Heartbeat|when=){0,12}") {
        if let Err(error) = Fault::read(&OCPP_2_0_1, &text) {
            prop_assert!(!error.message.is_empty() && !error.help.is_empty());
        }
    }
}

/// What a fault makes of a message, as text; `None` where there was nothing to change.
fn made(fault: &str, frame: &str) -> Option<String> {
    let mut content = Content::Frame(Frame::read_back(frame).unwrap());
    let done = change(&mut content, &read(fault), fault.contains("Notification"));
    done.then(|| match content {
        Content::Frame(frame) => frame.to_text(),
        Content::Text(text) => text,
        Content::Bytes(bytes, _) => String::from_utf8_lossy(&bytes).into_owned(),
    })
}

#[test]
fn messages_are_changed_as_it_says() {
    let frame = r#"[2,"1","StatusNotification",{"evseId":1,"connectorStatus":"Available","a":{"b":[1,2]}}]"#;
    let payload = |payload: &str| Some(format!(r#"[2,"1","StatusNotification",{payload}]"#));
    for (fault, expected) in [
        (
            "wrong-field StatusNotification /evseId=7 /a/b/0=\"x y\"",
            payload(r#"{"evseId":7,"connectorStatus":"Available","a":{"b":["x y",2]}}"#),
        ),
        (
            "wrong-field StatusNotification /a/b/2=3 /c=null",
            payload(r#"{"evseId":1,"connectorStatus":"Available","a":{"b":[1,2,3]},"c":null}"#),
        ),
        // Nothing is changed by a value that is there already, below what there is not, or where any action is meant.
        ("wrong-field StatusNotification /evseId=1", None),
        ("wrong-field StatusNotification /x/y=1", None),
        ("wrong-field /c=1", None),
        ("missing-field * /evseId /a/b/1", payload(r#"{"connectorStatus":"Available","a":{"b":[1]}}"#)),
        ("missing-field * /nothing", None),
        ("wrong-type * /evseId /connectorStatus /a/b", payload(r#"{"evseId":"1","connectorStatus":42,"a":{"b":{}}}"#)),
        ("garbage text=<b>", Some("<b>".into())),
        ("oversize size=100B", Some(format!("[{}{}", " ".repeat(100 - frame.len()), &frame[1..]))),
        ("oversize size=10B", None),
        ("truncated", Some(frame[..frame.len() / 2].to_owned())),
        ("invalid-utf8", Some(frame.replace("b\":", "b\u{fffd}\u{fffd}\":"))),
    ] {
        assert_eq!(made(fault, frame), expected, "{fault}");
    }
    let deep = made("deep-json depth=1000", frame).unwrap();
    assert!(deep.contains(&format!("{}{}", "[".repeat(1000), "]".repeat(1000))), "{deep}");
    assert!(Frame::read_back(&deep).unwrap_err().reason.contains("nested deeper"));
    let shallow = made("deep-json depth=3", frame).unwrap();
    assert!(Frame::read_back(&shallow).is_ok(), "{shallow}");
}

#[test]
fn numbers_and_what_is_heard_are_changed_as_it_says() {
    let numbers = |fault: &str, payload: Value| {
        let fault = read(fault);
        let frame = Frame::CallResult { id: "1".into(), payload };
        let mut content = Content::Frame(frame);
        let done = change(&mut content, &fault, false);
        let Content::Frame(mut frame) = content else { panic!("no frame") };
        (done, frame.payload_mut().unwrap().clone())
    };
    let payload = json!({ "a": 12.345, "b": { "c": -7 }, "d": "12.5" });
    assert_eq!(
        numbers("wrong-sign * /a /b/c /d", payload.clone()),
        (true, json!({ "a": -12.345, "b": { "c": 7 }, "d": "12.5" }))
    );
    assert_eq!(
        numbers("rounded * /a /b/c", payload.clone()),
        (true, json!({ "a": 12.0, "b": { "c": -7 }, "d": "12.5" }))
    );
    assert_eq!(numbers("rounded * /a decimals=2", payload.clone()).1["a"], 12.35);
    // Nothing is changed by what is round already, or has no sign.
    assert_eq!(numbers("rounded * /b/c", payload.clone()), (false, payload.clone()));
    assert_eq!(numbers("wrong-sign * /a", json!({ "a": 0 })), (false, json!({ "a": 0 })));

    let mut heard = payload.clone();
    assert!(misread(&mut heard, &read("misread Reset /b/c=1")) && heard["b"]["c"] == 1);
    assert!(misread(&mut heard, &read("overlook * /a")) && heard.get("a").is_none());
    assert!(!misread(&mut heard, &read("overlook * /a")));

    let stale = read("stale * /a");
    let mut known = std::collections::HashMap::new();
    let mut values = [1, 2, 1, 3].map(|a| json!({ "a": a }));
    let changed: Vec<bool> = values.iter_mut().map(|value| keep_first(value, &stale, &mut known)).collect();
    assert_eq!(changed, [false, true, false, true]);
    assert!(values.iter().all(|value| value["a"] == 1));
}
