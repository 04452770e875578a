//! The JSON Schemas of test cases and states, from the tables of the language.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::{DRAFT, object};
use crate::{
    manual_action::{
        actions::{ACTIONS, ActionInfo},
        settings::Setting,
    },
    pics::Baseline,
    protocol::Version,
    testcase::{
        connection::ConnectionAct,
        language::{STATE, STEPS, StepInfo, TEST_CASE, error_codes},
        service::SERVICES,
    },
    vocabulary::{Property, members},
};

/// Of a test case.
pub(super) fn test_case() -> Value {
    let mut schema = whole("A test case of ocpp-attest", &TEST_CASE);
    schema["properties"]["id"]["pattern"] = "^TC_([A-Z]_)?[0-9]+(_[0-9]+)?_(CS|CSMS)$".into();
    schema
}

/// Of a state or procedure.
pub(super) fn state() -> Value {
    whole("A state of ocpp-attest", &STATE)
}

fn whole(title: &str, keys: &[Property]) -> Value {
    let mut schema = members(keys);
    schema["$schema"] = DRAFT.into();
    schema["title"] = title.into();
    schema["$defs"] = definitions();
    by_version(&mut schema);
    schema["$defs"]["by-version"] = json!({
        "description": "A value that holds for some versions of OCPP only",
        "type": "object",
        "properties": { "when": version_condition(), "is": {} },
        "required": ["when", "is"],
        "additionalProperties": false,
    });
    schema
}

fn version_condition() -> Value {
    json!({ "type": "string", "pattern": "^protocol (==|!=|in) " })
}

/// Lets every value, element and rule of a schema hold for some versions of OCPP only, as the reader does.
fn by_version(schema: &mut Value) {
    match schema {
        Value::Object(entries) => {
            for (key, value) in entries {
                match (key.as_str(), value) {
                    ("properties", Value::Object(known)) => {
                        known.iter_mut().filter(|(name, _)| *name != "when").for_each(|(_, value)| held(value));
                    }
                    ("items", value) => {
                        conditional(value);
                        held(value);
                    }
                    ("additionalProperties", value) => held(value),
                    ("if", _) => {}
                    (_, value) => by_version(value),
                }
            }
        }
        Value::Array(several) => several.iter_mut().for_each(by_version),
        _ => {}
    }
}

/// Lets a value stand under a condition about the version.
fn held(value: &mut Value) {
    by_version(value);
    if let Some(schema) = value.as_object_mut() {
        let about = schema.remove("description");
        *value = json!({ "anyOf": [value.take(), { "$ref": "#/$defs/by-version" }] });
        if let Some(about) = about {
            value["description"] = about;
        }
    }
}

/// Lets an element that is a mapping have such a condition among its keys.
fn conditional(element: &mut Value) {
    if let Some(Value::Array(several)) = element.get_mut("anyOf") {
        several.iter_mut().for_each(conditional);
    }
    if let Some(Value::Object(known)) = element.get_mut("properties") {
        known.entry("when").or_insert_with(version_condition);
    }
}

/// What several keys take, and what the reader reads with rules of its own.
fn definitions() -> Value {
    let one_or_more = |of: Value| json!({ "anyOf": [of, { "type": "array", "items": of }] });
    let words = json!({ "type": "array", "items": { "type": "string" } });
    let actions: BTreeSet<&str> =
        Version::ALL.into_iter().flat_map(|version| version.protocol().messages().actions()).collect();
    let code = json!({ "enum": error_codes() });
    let baselines = |version: Version| {
        let protocol = version.protocol();
        let profiles: Map<String, Value> =
            protocol.profiles.iter().map(|profile| (profile.id().to_owned(), json!({ "type": "string" }))).collect();
        let of = |baseline: &Baseline| (baseline.id().to_owned(), object(profiles.clone()));
        object(protocol.baselines.iter().map(of).collect())
    };
    let certification: Map<String, Value> =
        Version::ALL.into_iter().map(|version| (version.to_string(), baselines(version))).collect();
    let under_condition = json!({
        "type": "object",
        "properties": {
            "when": { "type": ["string", "boolean", "number"], "description": "A condition" },
            "is": one_or_more(json!({ "type": "string" })),
        },
        "required": ["when", "is"],
        "additionalProperties": false,
    });
    json!({
        "action": { "enum": actions, "description": "A message, without Request" },
        "match": { "type": "object", "description": "Path → matcher" },
        "checks": {
            "description": "Path → matcher; `requirement` names the requirement that a finding names. Or a list of such groups",
            "anyOf": [{ "type": "object" }, { "type": "array", "items": { "type": "object" } }],
        },
        "requirement": {
            "description": "What a breach breaks: ids, some of them under a condition",
            "anyOf": [one_or_more(json!({ "type": "string" })), one_or_more(json!({
                "anyOf": [{ "type": "string" }, under_condition],
            }))],
        },
        "error-code": code,
        "error-codes": one_or_more(code),
        "variables": {
            "description": "`Component[evse].Variable[instance]`, several, or each with a matcher for its value",
            "anyOf": [one_or_more(json!({ "type": "string" })), { "type": "object" }],
        },
        "sentence": { "type": "string", "minLength": 1 },
        "ids": one_or_more(json!({ "type": "string" })),
        "use-cases": words,
        "reasons": { "type": "object", "additionalProperties": { "type": "string", "minLength": 1 } },
        "certification": object(certification),
        "state": { "anyOf": [{ "type": "string" }, { "$ref": "#/$defs/steps" }] },
        "steps": one_or_more(json!({ "$ref": "#/$defs/step" })),
        "step": { "oneOf": STEPS.iter().map(step).collect::<Vec<_>>() },
    })
}

/// A kind of step; where its first key says what the others take, so does the schema.
fn step(info: &StepInfo) -> Value {
    let mut schema = members(&info.all_keys());
    schema["description"] = info.about.into();
    let rules: Vec<Value> = match info.name() {
        "operator" => ACTIONS.iter().map(manual_action).collect(),
        "service" => SERVICES.iter().map(|service| rule("service", service.name, "with", service.parameters)).collect(),
        "connection" => {
            ConnectionAct::WORDS.iter().filter_map(|word| ConnectionAct::named(word)).map(connection).collect()
        }
        _ => Vec::new(),
    };
    if !rules.is_empty() {
        schema["allOf"] = rules.into();
    }
    schema
}

/// Where `kind` is this word, what the mapping under `key` has.
fn rule(kind: &str, word: &str, key: &str, known: &[Property]) -> Value {
    let mut then = json!({ "properties": { key: members(known) } });
    if known.iter().any(|property| property.required) {
        then["required"] = json!([key]);
    }
    json!({ "if": { "properties": { kind: { "const": word } } }, "then": then })
}

fn manual_action(action: &ActionInfo) -> Value {
    let mut rule = rule("operator", action.name, "with", &action.given());
    let settings: Vec<&str> = Setting::of(action.name).iter().map(|setting| setting.word()).collect();
    if !settings.is_empty() {
        rule["then"]["properties"]["with"]["properties"]["what"] = json!({ "enum": settings });
    }
    if action.name == "present-token" {
        // In OCPP 1.6 an idTag has no type.
        rule["then"]["properties"]["with"]["required"] = json!(["token"]);
    }
    rule
}

fn connection(act: ConnectionAct) -> Value {
    let mut rule = rule("connection", act.word(), "offer", act.offers());
    if act.offers().is_empty() {
        rule["then"]["properties"]["offer"] = false.into();
    }
    rule["then"]["properties"]["outcome"] = match act.outcomes() {
        [] => false.into(),
        outcomes => json!({ "enum": outcomes }),
    };
    rule
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{testcase::catalogue::Catalogue, yaml::Source};

    fn complaints(schema: &Value, text: &str, name: &str) -> Vec<String> {
        let file = Source::new(name, text).parse().unwrap().to_json();
        let validator = jsonschema::validator_for(schema).unwrap();
        validator.iter_errors(&file).map(|error| format!("{name} {}: {error}", error.instance_path())).collect()
    }

    #[test]
    fn every_test_case_and_every_state_follows_its_schema() {
        let [cases, states] = [test_case(), state()].map(|schema| jsonschema::validator_for(&schema).unwrap());
        let mut read = 0;
        for version in crate::protocol::Version::ALL {
            let catalogue = Catalogue::embedded(version).unwrap();
            let files = catalogue.cases.values().map(|entry| (&cases, &entry.source));
            for (schema, source) in files.chain(catalogue.states.values().map(|source| (&states, source))) {
                let file = source.parse().unwrap().to_json();
                let told: Vec<String> = schema.iter_errors(&file).map(|error| error.to_string()).collect();
                assert_eq!(told, [""; 0], "{}", source.name);
                read += 1;
            }
        }
        assert!(read > 1_700, "{read} files");
    }

    #[test]
    fn the_schema_sees_the_mistakes_that_the_reader_sees() {
        let schema = test_case();
        let head = "id: TC_A_01_CS\ntitle: x\nsut: csms\nblock: A\nprotocols: [2.0.1]\ncertification: {}\nsteps:\n";
        for (step, good) in [
            ("expect: Heartbeat\n    within: 3", true),
            ("expect: Heartbeat\n    wihtin: 3", false),
            ("expect: Heartbeat\n    within: soon", false),
            ("expect: Hartbeat", false),
            ("expect: Heartbeat\n    reply-error: InternalError", true),
            ("expect: Heartbeat\n    reply-error: InternalEror", false),
            ("connection: handshake\n    offer: { certificate: expired }\n    outcome: refused-by-sut", true),
            ("connection: handshake\n    offer: { certificate: expird }", false),
            ("connection: handshake\n    outcome: opened", false),
            ("connection: closed\n    outcome: opened", false),
            ("service: firmware\n    with: { signature: invalid }", true),
            ("service: firmware\n    with: { signature: wrong }", false),
            ("service: uploads", false),
            ("operator: connect-ev\n    with: { evse: 1, connector: 1 }", true),
            ("operator: connect-ev\n    with: { evse: 1 }", true),
            ("operator: connect-ev", true),
            ("operator: connect-ev\n    with: { evs: 1 }", false),
            ("operator: present-token\n    with: { type: ISO14443 }", false),
            ("get: AuthCtrlr.Enabled\n    attribute: Target\n    status: any", true),
            ("get: AuthCtrlr.Enabled\n    attribute: Targe", false),
            ("get: [AuthCtrlr.Enabled, AuthCacheCtrlr.Enabled]", true),
            ("get: { AuthCtrlr.Enabled: \"true\" }", true),
            ("get: 3", false),
            ("set: { AuthCtrlr.Enabled: \"true\" }", true),
            ("set: AuthCtrlr.Enabled", false),
            ("ask: Reset\n    payload: { type: OnIdle }", true),
            ("ask: Rest", false),
            ("for-each: one\n    in: [1]\n    order: any\n    do: []", true),
            ("for-each: one\n    in: [1]\n    in-order: true\n    do: []", false),
            ("operator: configure\n    with: { what: password, value: x, station: S }", false),
        ] {
            let told = complaints(&schema, &format!("{head}  - {step}\n"), "x");
            assert_eq!(told.is_empty(), good, "{step}: {told:?}");
        }
    }
}
