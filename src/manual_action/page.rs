//! The table of manual actions in `docs/real-station.md`, made from the list of actions.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use super::{
    actions::{ACTIONS, ActionInfo},
    settings::Setting,
};
use crate::{
    protocol::OCPP_2_0_1,
    template::{Names, Template},
    vocabulary::{Property, Takes},
};

/// A value that a parameter may have.
fn sample(action: &ActionInfo, property: &Property) -> Value {
    match (property.name, property.takes) {
        ("away", _) => 30.into(),
        ("value", _) if action.name == "enter-limit" => 20.into(),
        ("what", _) => Setting::of(action.name).first().map_or("", |setting| setting.word()).into(),
        ("value", _) => {
            let values =
                Setting::of(action.name).first().map(|setting| setting.values(action.name)).unwrap_or_default();
            values.first().copied().unwrap_or("V").into()
        }
        ("evse" | "connector", _) => 1.into(),
        ("token", _) => "D001D001".into(),
        // The first message that there is.
        ("action", Takes::Named(words)) => words(Some(&OCPP_2_0_1)).first().cloned().unwrap_or_default().into(),
        ("payload", _) => json!({ "reservationId": 1 }),
        ("station", _) => "CS001".into(),
        ("interval", _) => 20.into(),
        ("cost", _) => json!(1.25),
        ("currency", _) => "EUR".into(),
        ("energy", _) => 20_000.into(),
        ("departure", _) => "2026-01-01T18:00:00Z".into(),
        ("number", _) if action.name == "ev-select-schedule" => 2.into(),
        ("percent", _) => 80.into(),
        ("amount", _) => json!(18.15),
        ("contracts", _) => 5.into(),
        ("number", _) => "NL123456789B01".into(),
        ("until", _) => "2026-01-01T12:00:00Z".into(),
        ("type", _) => if action.name == "check-monitor" { "Delta" } else { "ISO14443" }.into(),
        ("component", _) => "EVSE".into(),
        ("variable", _) if action.name == "change-variable" => "EVSE[1].Power".into(),
        ("variable", _) => "Power".into(),
        ("wanted", _) => "exceeds 100".into(),
        ("content", _) => "Welcome".into(),
        ("format", _) => "UTF8".into(),
        ("display", _) => "Display 2".into(),
        ("most", _) => 10.into(),
        ("card", _) => "1234".into(),
        ("address", _) => "https://pay.example.com/CS001/1/aHicux89/v1".into(),
        ("identifier", _) => "CUSTOMER1".into(),
        ("reason", _) => "The station does not connect.".into(),
        (_, Takes::Word(words)) => words.first().copied().unwrap_or_default().into(),
        (name, _) => panic!("`{name}` of `{}` has no sample", action.name),
    }
}

fn takes(action: &ActionInfo, property: &Property) -> String {
    let words = |words: &[&str]| words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
    let of_settings = |property: &Property| match property.name {
        "what" => Some(words(&Setting::of(action.name).iter().map(|setting| setting.word()).collect::<Vec<_>>())),
        _ => None,
    };
    let told = of_settings(property).unwrap_or_else(|| match property.takes {
        Takes::Word(known) => words(known),
        Takes::Integer(..) => "whole number".into(),
        Takes::Number => "number".into(),
        Takes::Mapping => "object".into(),
        _ => "text".into(),
    });
    let optional = if property.required { "" } else { ", may be missing" };
    format!("`{}` ({told}{optional})", property.name)
}

fn page() -> String {
    let mut page = String::from(
        "\nGenerated from `src/manual_action/actions.rs` by `UPDATE_DOCS=1 cargo test --lib manual_action`. An action whose sentence is a \
         question may be answered with no; the test case fails then.\n\n| action | parameters | for example |\n| --- | --- | --- |\n",
    );
    for action in ACTIONS {
        let values: Map<String, Value> =
            action.parameters.iter().map(|property| (property.name.to_owned(), sample(action, property))).collect();
        let parameters =
            action.parameters.iter().map(|property| takes(action, property)).collect::<Vec<_>>().join("; ");
        let prompt = Template::new(action.prompt.into()).evaluate(&Names::from(values)).unwrap();
        let prompt = prompt.as_str().unwrap().replace('|', "\\|");
        let _ = writeln!(page, "| `{}` | {parameters} | {prompt} |", action.name);
    }
    page.push('\n');
    page
}

#[test]
fn the_table_of_manual_actions_is_that_of_the_list() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/real-station.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let (begin, end) = ("<!-- manual actions: generated -->\n", "<!-- end -->\n");
    let (head, rest) = text.split_once(begin).expect("a beginning");
    let (held, tail) = rest.split_once(end).expect("an end");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, format!("{head}{begin}{}{end}{tail}", page())).unwrap();
        return;
    }
    assert!(held == page(), "docs/real-station.md is not up to date: UPDATE_DOCS=1 cargo test --lib manual_action");
}

/// Whoever fills the adapter in finds every action of a station in it, with its parameters.
#[test]
fn the_adapter_in_python_has_every_action_of_a_station() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/station-adapter/adapter.py");
    let text = std::fs::read_to_string(path).unwrap();
    for action in ACTIONS.iter().take_while(|action| action.name != "send") {
        let name = action.name.replace('-', "_");
        let (_, rest) = text.split_once(&format!("    def {name}(")).unwrap_or_else(|| panic!("{name} is missing"));
        let given = rest.split(") ->").next().unwrap_or_default();
        let names: Vec<&str> =
            given.split(',').filter_map(|one| one.trim().split_once(':')).map(|(name, _)| name.trim()).collect();
        let wanted: Vec<&str> = action.parameters.iter().map(|parameter| parameter.name).collect();
        assert_eq!(names, wanted, "{name}");
    }
}
