//! The message schemas of OCPP 2.0.1: our own bundle, compiled in, and the validator over it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, OnceLock},
};

use jsonschema::Validator;
use serde_json::{Value, json};

/// The bundle: `$defs` shared by all messages, and per action the sender, the request and the response.
const BUNDLE: &str = include_str!("../../data/ocpp2.0.1/schema.json");

/// One thing wrong in a payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaError {
    /// JSON pointer into the payload.
    pub pointer: String,
    /// What is wrong.
    pub message: String,
    /// The CALLERROR code that OCPP-J has for it (Part 4, 4.3).
    pub code: &'static str,
}

pub(super) fn bundle() -> &'static Value {
    static PARSED: OnceLock<Value> = OnceLock::new();
    PARSED.get_or_init(|| serde_json::from_str(BUNDLE).unwrap_or(Value::Null))
}

/// The schema edition, for reports.
pub fn edition() -> &'static str {
    bundle()["edition"].as_str().unwrap_or("OCPP 2.0.1")
}

/// All actions, in alphabetical order.
pub fn actions() -> impl Iterator<Item = &'static str> {
    bundle()["messages"].as_object().into_iter().flat_map(|messages| messages.keys().map(String::as_str))
}

/// True for an action of OCPP 2.0.1.
pub fn is_action(action: &str) -> bool {
    bundle()["messages"].get(action).is_some()
}

/// True when the charging station (or else the CSMS) is the one who sends the request.
pub fn sent_by(action: &str, charging_station: bool) -> bool {
    match bundle()["messages"][action]["sender"].as_str() {
        Some("both") => true,
        Some("charging-station") => charging_station,
        Some("csms") => !charging_station,
        _ => false,
    }
}

pub(super) fn body(action: &str, request: bool) -> Option<&'static Value> {
    bundle()["messages"].get(action)?.get(if request { "request" } else { "response" })
}

/// Everything wrong with a payload; empty when it is valid. An unknown action is one error.
pub fn validate(action: &str, request: bool, payload: &Value) -> Vec<SchemaError> {
    let Some(validator) = validator(action, request) else {
        return vec![SchemaError {
            pointer: String::new(),
            message: format!("`{action}` is no action of OCPP 2.0.1"),
            code: "NotImplemented",
        }];
    };
    validator
        .iter_errors(payload)
        .map(|error| {
            let schema_path = error.schema_path().to_string();
            let keyword = schema_path.rsplit('/').find(|part| part.parse::<usize>().is_err()).unwrap_or("");
            SchemaError {
                pointer: error.instance_path().to_string(),
                message: crate::yaml::shorten(&error.to_string(), 300),
                code: match keyword {
                    "type" | "format" => "TypeConstraintViolation",
                    "required" | "minItems" | "maxItems" => "OccurrenceConstraintViolation",
                    "additionalProperties" => "FormatViolation",
                    _ => "PropertyConstraintViolation",
                },
            }
        })
        .collect()
}

fn validator(action: &str, request: bool) -> Option<Arc<Validator>> {
    static COMPILED: OnceLock<Mutex<HashMap<(String, bool), Arc<Validator>>>> = OnceLock::new();
    let body = body(action, request)?;
    let mut compiled = COMPILED.get_or_init(Mutex::default).lock().ok()?;
    if let Some(validator) = compiled.get(&(action.to_owned(), request)) {
        return Some(validator.clone());
    }
    let mut schema = body.clone();
    if let Value::Object(members) = &mut schema {
        members.insert("$schema".into(), json!("https://json-schema.org/draft/2020-12/schema"));
        members.insert("$defs".into(), bundle()["$defs"].clone());
    }
    let validator = jsonschema::options().should_validate_formats(true).build(&schema).ok().map(Arc::new)?;
    compiled.insert((action.to_owned(), request), validator.clone());
    Some(validator)
}

/// True when a request of this action must have the member.
pub fn requires(action: &str, member: &str) -> bool {
    requires_in(action, true, member)
}

/// True when a request, or else a response, of this action must have the member.
pub fn requires_in(action: &str, request: bool, member: &str) -> bool {
    body(action, request)
        .and_then(|schema| schema.get("required")?.as_array())
        .is_some_and(|required| required.iter().any(|name| name == member))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_errors_of_a_message_come_at_once_with_their_places() {
        let errors = validate(
            "BootNotification",
            true,
            &json!({"reason": "Bored", "chargingStation": {"model": "x".repeat(21), "colour": "red"}}),
        );
        let mut found: Vec<_> = errors.iter().map(|error| (error.pointer.as_str(), error.code)).collect();
        found.sort_unstable();
        assert_eq!(
            found,
            [
                ("/chargingStation", "FormatViolation"),
                ("/chargingStation", "OccurrenceConstraintViolation"),
                ("/chargingStation/model", "PropertyConstraintViolation"),
                ("/reason", "PropertyConstraintViolation"),
            ]
        );
    }

    #[test]
    fn every_message_compiles_and_has_a_sender() {
        let mut count = 0;
        for action in actions() {
            for request in [true, false] {
                assert!(validator(action, request).is_some(), "{action}");
                count += 1;
            }
            assert!(sent_by(action, true) || sent_by(action, false), "{action}");
        }
        assert_eq!(count, 128);
    }

    #[test]
    fn times_are_checked() {
        let heartbeat = |time: &str| validate("Heartbeat", false, &json!({"currentTime": time})).len();
        assert_eq!((heartbeat("2026-11-21T10:00:00.5+01:00"), heartbeat("yesterday")), (0, 1));
    }

    /// The bundle is the project's own; it must say the same as the official schemas where those are at hand.
    #[test]
    fn the_bundle_agrees_with_the_official_schemas() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/schemas/ocpp2.0.1");
        if !folder.is_dir() {
            eprintln!("official schemas are not at hand; comparison skipped");
            return;
        }
        for action in actions() {
            for (request, suffix) in [(true, "Request"), (false, "Response")] {
                let text = std::fs::read_to_string(folder.join(format!("{action}{suffix}.json"))).unwrap();
                let official: Value = serde_json::from_str(&text).unwrap();
                let ours = flatten(body(action, request).unwrap(), bundle(), 0);
                assert_eq!(ours, flatten(&official, &official, 0), "{action}{suffix}");
            }
        }
    }

    /// A schema with references resolved and everything but constraints dropped.
    fn flatten(schema: &Value, root: &Value, depth: usize) -> Value {
        assert!(depth < 60, "the schema refers to itself");
        if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
            let path = reference.trim_start_matches('#');
            return flatten(root.pointer(path).unwrap(), root, depth + 1);
        }
        let mut kept = serde_json::Map::new();
        for (key, value) in schema.as_object().into_iter().flatten() {
            match key.as_str() {
                "properties" => {
                    let members = value.as_object().unwrap();
                    let flat = members.iter().map(|(name, member)| (name.clone(), flatten(member, root, depth + 1)));
                    kept.insert(key.clone(), Value::Object(flat.collect()));
                }
                "items" => {
                    kept.insert(key.clone(), flatten(value, root, depth + 1));
                }
                "additionalProperties" if schema["type"] == "string" => {}
                "additionalItems" => {}
                "type"
                | "required"
                | "enum"
                | "maxLength"
                | "minItems"
                | "maxItems"
                | "minimum"
                | "maximum"
                | "format"
                | "additionalProperties" => {
                    kept.insert(key.clone(), value.clone());
                }
                "$schema" | "$id" | "$defs" | "definitions" | "description" | "comment" | "javaType" => {}
                // Ours, or told apart below.
                "default" | "default-if" | "primitive" | "time" => {}
                other => panic!("unknown keyword {other}"),
            }
        }
        Value::Object(kept)
    }
}
