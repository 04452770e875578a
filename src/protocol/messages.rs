//! The messages of a version of OCPP: our own bundle of schemas, compiled in, and the validator over it.

use std::{collections::HashMap, sync::OnceLock};

use jsonschema::{Validator, error::ValidationErrorKind};
use serde_json::{Value, json};

use super::{error_code::ErrorCodes, primitives::DataTypes, right, shape::Shape};

/// One thing wrong in a payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaError {
    /// JSON pointer into the payload.
    pub pointer: String,
    /// The member there that is too many or missing.
    pub member: Option<String>,
    /// What is wrong.
    pub message: String,
    /// What would be right there, where that can be said.
    pub expected: Option<String>,
    /// The CALLERROR code that OCPP-J has for it.
    pub code: &'static str,
}

impl SchemaError {
    /// Where it is wrong: a member that is too many or missing is the place, and not what it stands in.
    pub fn place(&self) -> String {
        match &self.member {
            Some(member) => format!("{}/{}", self.pointer, member.replace('~', "~0").replace('/', "~1")),
            None => self.pointer.clone(),
        }
    }
}

/// The member that is too many, or missing.
fn member(error: &jsonschema::ValidationError<'_>) -> Option<String> {
    match error.kind() {
        ValidationErrorKind::AdditionalProperties { unexpected } => unexpected.first().cloned(),
        ValidationErrorKind::Required { property } => property.as_str().map(str::to_owned),
        _ => None,
    }
}

/// All messages of a version, with their schemas.
#[derive(Debug)]
pub struct Messages {
    /// `edition`, `$defs` shared by all messages, and per action the sender, the request and the response.
    bundle: Value,
    /// `OCPP 2.0.1`.
    name: &'static str,
    pub(super) codes: &'static ErrorCodes,
    /// What the primitive data types demand beyond the schemas.
    pub(super) data_types: &'static DataTypes,
    /// What is compiled of response and request by action, when it is first needed.
    compiled: HashMap<String, [Compiled; 2]>,
}

/// What is compiled of a message's schema.
#[derive(Debug, Default)]
struct Compiled {
    validator: OnceLock<Option<Validator>>,
    shape: OnceLock<Shape>,
}

impl Messages {
    /// The messages of a bundle: one that is whole, and the overlays on it, in order. An overlay is a JSON Merge Patch (RFC 7396)
    /// that says with `inherits` what it changes.
    pub(super) fn of(
        layers: &[&str],
        name: &'static str,
        codes: &'static ErrorCodes,
        data_types: &'static DataTypes,
    ) -> Self {
        let mut bundle = Value::Null;
        for layer in layers {
            merge(&mut bundle, serde_json::from_str(layer).unwrap_or_default());
        }
        if let Some(messages) = bundle["messages"].as_object_mut() {
            messages.sort_keys();
        }
        let messages = bundle["messages"].as_object().into_iter().flatten();
        let compiled = messages.map(|(action, _)| (action.clone(), Default::default())).collect();
        Self { bundle, name, codes, data_types, compiled }
    }

    /// The schema edition, for reports.
    pub fn edition(&self) -> &str {
        self.bundle["edition"].as_str().unwrap_or(self.name)
    }

    /// All actions, in alphabetical order.
    pub fn actions(&self) -> impl Iterator<Item = &str> {
        self.bundle["messages"].as_object().into_iter().flat_map(|messages| messages.keys().map(String::as_str))
    }

    /// True for an action of this version.
    pub fn is_action(&self, action: &str) -> bool {
        self.compiled.contains_key(action)
    }

    /// True when the charging station (or else the CSMS) is the one who sends the request.
    pub fn sent_by(&self, action: &str, charging_station: bool) -> bool {
        match self.bundle["messages"][action]["sender"].as_str() {
            Some("both") => true,
            Some("charging-station") => charging_station,
            Some("csms") => !charging_station,
            _ => false,
        }
    }

    /// True for an action that is sent without asking for an answer (SEND; OCPP 2.1, Part 4, 4.2.4): it has no response.
    pub fn is_one_way(&self, action: &str) -> bool {
        self.is_action(action) && self.body(action, false).is_none()
    }

    /// The schema of a request or of a response.
    pub(super) fn body(&self, action: &str, request: bool) -> Option<&Value> {
        self.bundle["messages"].get(action)?.get(if request { "request" } else { "response" })
    }

    #[cfg(test)]
    pub(super) fn bundle(&self) -> &Value {
        &self.bundle
    }

    /// A schema, or what it refers to.
    pub(super) fn resolved<'s>(&'s self, schema: &'s Value) -> &'s Value {
        let Some(reference) = schema.get("$ref").and_then(Value::as_str) else { return schema };
        self.bundle.pointer(reference.trim_start_matches('#')).unwrap_or(schema)
    }

    /// Everything wrong with a payload; empty when it is valid. An unknown action is one error.
    pub fn validate(&self, action: &str, request: bool, payload: &Value) -> Vec<SchemaError> {
        let Some(validator) = self.validator(action, request) else {
            return vec![SchemaError {
                pointer: String::new(),
                member: None,
                message: format!("unknown {} action `{action}`", self.name),
                expected: Some(format!("an action of {}", self.name)),
                code: self.codes.unknown_action,
            }];
        };
        validator
            .iter_errors(payload)
            .map(|error| {
                let schema_path = error.schema_path().to_string();
                let keyword = schema_path.rsplit('/').find(|part| part.parse::<usize>().is_err()).unwrap_or("");
                SchemaError {
                    pointer: error.instance_path().to_string(),
                    member: member(&error),
                    message: crate::yaml::shorten(&error.to_string(), 300),
                    expected: right::instead_of(&error, |path| self.members_at(action, request, path)),
                    code: self.codes.of_keyword(keyword),
                }
            })
            .collect()
    }

    /// The members that the schema names where a path within it leads.
    fn members_at(&self, action: &str, request: bool, path: &str) -> Option<Vec<&str>> {
        let mut schema = self.body(action, request)?;
        for part in path.split('/').skip(1) {
            schema = if part == "$ref" { self.resolved(schema) } else { step_into(schema, part)? };
        }
        Some(self.resolved(schema)["properties"].as_object()?.keys().map(String::as_str).collect())
    }

    fn validator(&self, action: &str, request: bool) -> Option<&Validator> {
        let compiled = &self.compiled.get(action)?[usize::from(request)];
        compiled
            .validator
            .get_or_init(|| {
                let mut schema = self.body(action, request)?.clone();
                if let Value::Object(members) = &mut schema {
                    members.insert("$schema".into(), json!("https://json-schema.org/draft/2020-12/schema"));
                    members.insert("$defs".into(), self.bundle["$defs"].clone());
                }
                jsonschema::options().should_validate_formats(true).build(&schema).ok()
            })
            .as_ref()
    }

    /// What of the schema is asked for with every message.
    pub(super) fn shape(&self, action: &str, request: bool) -> Option<&Shape> {
        let compiled = &self.compiled.get(action)?[usize::from(request)];
        Some(compiled.shape.get_or_init(|| {
            self.body(action, request).map_or_else(Shape::default, |body| Shape::of(self, self.resolved(body)))
        }))
    }

    /// True when a request of this action must have the member.
    pub fn requires(&self, action: &str, member: &str) -> bool {
        self.requires_in(action, true, member)
    }

    /// True when a request, or else a response, of this action must have the member.
    pub fn requires_in(&self, action: &str, request: bool, member: &str) -> bool {
        self.body(action, request)
            .and_then(|schema| schema.get("required")?.as_array())
            .is_some_and(|required| required.iter().any(|name| name == member))
    }
}

/// A part of a schema, by its key or its number.
fn step_into<'s>(schema: &'s Value, part: &str) -> Option<&'s Value> {
    schema.get(part).or_else(|| schema.get(part.parse::<usize>().ok()?))
}

/// Changes a value by a JSON Merge Patch (RFC 7396): objects are merged, null removes a member, anything else takes the place of
/// what was there.
fn merge(target: &mut Value, patch: Value) {
    match patch {
        Value::Object(changes) => {
            if !target.is_object() {
                *target = json!({});
            }
            let Value::Object(members) = target else { return };
            for (name, change) in changes {
                if change.is_null() {
                    members.shift_remove(&name);
                } else {
                    merge(members.entry(name).or_insert(Value::Null), change);
                }
            }
        }
        other => *target = other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{OCPP_1_6, OCPP_2_0_1, OCPP_2_1, Protocol};

    fn messages() -> &'static Messages {
        OCPP_2_0_1.messages()
    }

    #[test]
    fn all_errors_of_a_message_come_at_once_with_their_places() {
        let errors = messages().validate(
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
        let mut places: Vec<String> = errors.iter().map(SchemaError::place).collect();
        places.sort_unstable();
        assert_eq!(
            places,
            ["/chargingStation/colour", "/chargingStation/model", "/chargingStation/vendorName", "/reason"]
        );
    }

    #[test]
    fn every_message_compiles_and_has_a_sender() {
        for (protocol, actions, one_way) in [(&OCPP_1_6, 39, 0), (&OCPP_2_0_1, 64, 0), (&OCPP_2_1, 91, 1)] {
            let messages = protocol.messages();
            let mut count = (0, 0);
            for action in messages.actions() {
                assert!(messages.validator(action, true).is_some(), "{action}");
                assert_eq!(messages.validator(action, false).is_none(), messages.is_one_way(action), "{action}");
                assert!(messages.sent_by(action, true) || messages.sent_by(action, false), "{action}");
                count = (count.0 + 1, count.1 + usize::from(messages.is_one_way(action)));
            }
            assert_eq!(count, (actions, one_way), "{}", protocol.name);
        }
        assert!(OCPP_2_1.messages().is_one_way("NotifyPeriodicEventStream"));
        // 28 of the specification and 11 of the security whitepaper; only DataTransfer goes both ways.
        let both =
            |action: &&str| OCPP_1_6.messages().sent_by(action, true) && OCPP_1_6.messages().sent_by(action, false);
        assert_eq!(OCPP_1_6.messages().actions().filter(both).collect::<Vec<_>>(), ["DataTransfer"]);
    }

    #[test]
    fn a_limit_of_1_6_has_one_decimal_whatever_it_is_in_binary() {
        let errors = |limit: f64| {
            let period = json!({ "startPeriod": 0, "limit": limit });
            let schedule = json!({ "chargingRateUnit": "A", "chargingSchedulePeriod": [period] });
            let profile = json!({
                "chargingProfileId": 1, "stackLevel": 0, "chargingProfilePurpose": "TxDefaultProfile",
                "chargingProfileKind": "Relative", "chargingSchedule": schedule,
            });
            let request = json!({ "connectorId": 1, "csChargingProfiles": profile });
            let errors = OCPP_1_6.messages().validate("SetChargingProfile", true, &request);
            errors.iter().map(|error| error.code).collect::<Vec<_>>()
        };
        for tenths in 0..30_000 {
            assert!(errors(f64::from(tenths) / 10.0).is_empty(), "{tenths} tenths");
        }
        for limit in [8.75, 0.05, 32.01, 11_000.001] {
            assert_eq!(errors(limit), ["PropertyConstraintViolation"], "{limit}");
        }
    }

    #[test]
    fn faults_of_1_6_have_its_own_codes() {
        let errors = |action: &str, payload: Value| {
            let errors = OCPP_1_6.messages().validate(action, true, &payload);
            errors.iter().map(|error| error.code).collect::<Vec<_>>()
        };
        assert_eq!(errors("Authorize", json!({})), ["OccurenceConstraintViolation"]);
        assert_eq!(errors("Authorize", json!({ "idTag": "A", "more": 1 })), ["FormationViolation"]);
        assert_eq!(errors("Authorize", json!({ "idTag": 1 })), ["TypeConstraintViolation"]);
        assert_eq!(errors("Authorize", json!({ "idTag": "x".repeat(21) })), ["PropertyConstraintViolation"]);
        assert_eq!(errors("TransactionEvent", json!({})), ["NotImplemented"]);
        let values = json!({ "connectorId": 1, "meterValue": [{ "timestamp": "2026-11-29T00:00:00Z", "sampledValue": [
            { "value": "21", "measurand": "Temperature", "unit": "Celcius" }, { "value": "21", "unit": "Celsius" }] }] });
        assert!(errors("MeterValues", values).is_empty(), "both spellings");
    }

    #[test]
    fn a_message_of_2_1_may_have_what_is_new_and_2_0_1_refuses_it() {
        let token = json!({ "idToken": { "idToken": "1", "type": "DirectPayment" } });
        let refused = |protocol: &'static Protocol| protocol.messages().validate("Authorize", true, &token).len();
        assert_eq!((refused(&OCPP_2_0_1), refused(&OCPP_2_1)), (1, 0));
        let reset = json!({ "type": "ImmediateAndResume" });
        let refused = |protocol: &'static Protocol| protocol.messages().validate("Reset", true, &reset).len();
        assert_eq!((refused(&OCPP_2_0_1), refused(&OCPP_2_1)), (1, 0));
    }

    /// An overlay changes what is there: what it removes exists below it, and it repeats nothing.
    #[test]
    fn the_overlay_of_2_1_says_only_what_differs() {
        fn compare(below: &Value, patch: &Value, place: &str) {
            for (name, change) in patch.as_object().into_iter().flatten() {
                let (below, place) = (below.get(name), format!("{place}/{name}"));
                match change {
                    Value::Null => assert!(below.is_some(), "{place} removes what is not there"),
                    Value::Object(_) => compare(below.unwrap_or(&Value::Null), change, &place),
                    _ => assert_ne!(below, Some(change), "{place} repeats what is inherited"),
                }
            }
        }
        let patch: Value = serde_json::from_str(include_str!("../../data/ocpp2.1/schema.json")).unwrap();
        assert_eq!(patch["inherits"], "ocpp2.0.1");
        compare(messages().bundle(), &patch, "");
    }

    #[test]
    fn nothing_in_a_bundle_refers_to_what_is_not_there() {
        fn walk(schema: &Value, root: &Value) {
            if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
                assert!(root.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
            }
            match schema {
                Value::Object(members) => members.values().for_each(|inner| walk(inner, root)),
                Value::Array(items) => items.iter().for_each(|inner| walk(inner, root)),
                _ => {}
            }
        }
        for protocol in [&OCPP_1_6, &OCPP_2_0_1, &OCPP_2_1] {
            walk(protocol.messages().bundle(), protocol.messages().bundle());
        }
    }

    #[test]
    fn times_are_checked() {
        let heartbeat = |time: &str| messages().validate("Heartbeat", false, &json!({"currentTime": time})).len();
        assert_eq!((heartbeat("2026-11-21T10:00:00.5+01:00"), heartbeat("yesterday")), (0, 1));
    }

    /// The bundles are the project's own; they must say the same as the official schemas where those are at hand.
    #[test]
    fn the_bundles_agree_with_the_official_schemas() {
        for (protocol, edition) in [(&OCPP_2_0_1, "ocpp2.0.1"), (&OCPP_2_1, "ocpp2.1")] {
            let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/schemas").join(edition);
            if !folder.is_dir() {
                eprintln!("the official schemas of {edition} are not at hand; comparison skipped");
                continue;
            }
            let (messages, mut compared) = (protocol.messages(), 0);
            for action in messages.actions() {
                for (request, suffix) in [(true, "Request"), (false, "Response")] {
                    let one_way = messages.is_one_way(action);
                    let Some(body) = messages.body(action, request) else {
                        assert!(one_way && !request, "{action}");
                        continue;
                    };
                    let name = format!("{action}{}.json", if one_way { "" } else { suffix });
                    let text = std::fs::read_to_string(folder.join(&name)).unwrap();
                    let official: Value = serde_json::from_str(&text).unwrap();
                    let ours = flatten(body, messages.bundle(), 0);
                    assert_eq!(ours, flatten(&official, &official, 0), "{edition} {name}");
                    compared += 1;
                }
            }
            let official = std::fs::read_dir(&folder).unwrap().count();
            assert_eq!(compared, official, "the official schemas of {edition} have messages that the bundle has not");
        }
    }

    /// The same for 1.6, whose official schemas are corrected first.
    #[test]
    fn the_bundle_of_1_6_agrees_with_the_official_schemas() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/schemas");
        if !folder.is_dir() {
            eprintln!("the official schemas are not at hand; comparison skipped");
            return;
        }
        let messages = OCPP_1_6.messages();
        for action in messages.actions() {
            for (request, suffix) in [(true, ""), (false, "Response")] {
                let file = format!("{action}{suffix}.json");
                let read = |folder_of: &str| std::fs::read_to_string(folder.join(folder_of).join(&file)).ok();
                let text = read("ocpp1.6").or_else(|| read("ocpp1.6-security")).unwrap();
                let mut official: Value = serde_json::from_str(&text).unwrap();
                correct_1_6(&file, &mut official);
                let ours = flatten(messages.body(action, request).unwrap(), messages.bundle(), 0);
                assert_eq!(ours, flatten(&official, &official, 0), "{file}");
            }
        }
    }

    /// What the specification of 1.6 says otherwise than its schemas, which know no lower bounds: connectors count from 0 or 1
    /// (6.11 to 6.55), stack levels from 0 (7.8), and lists that are 1..* have an element (6.31, 7.13, 7.43). StopTransaction may
    /// have both spellings of Celsius (errata of OCPP-J, 2.1; its MeterValues have them already). TriggerMessage may name
    /// connector 0, the charge point (5.17), though its table (6.51) says otherwise. RemoteStartTransaction may not (6.33), but a test
    /// case sends it, and a rule sees to the central systems.
    fn correct_1_6(file: &str, schema: &mut Value) {
        const FROM_1: [&str; 2] = ["StartTransaction.json", "UnlockConnector.json"];
        if let Some(connector) = schema.pointer_mut("/properties/connectorId") {
            connector["minimum"] = i64::from(FROM_1.contains(&file)).into();
        }
        correct_members(schema);
    }

    fn correct_members(schema: &mut Value) {
        let Some(members) = schema.as_object_mut() else { return };
        let profile = members.contains_key("chargingProfileId");
        for (name, member) in members {
            match name.as_str() {
                "stackLevel" if profile => member["minimum"] = 0.into(),
                "meterValue" | "sampledValue" | "chargingSchedulePeriod" => member["minItems"] = 1.into(),
                "unit" => {
                    let units = member["enum"].as_array_mut().unwrap();
                    units.retain(|unit| unit != "Celsius" && unit != "Celcius");
                    let place = units.iter().position(|unit| unit == "K").unwrap() + 1;
                    units.insert(place, "Celcius".into());
                    units.insert(place, "Celsius".into());
                }
                _ => {}
            }
            correct_members(member);
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
                    // No members: whether that is said or not.
                    if !members.is_empty() {
                        kept.insert(key.clone(), Value::Object(flat.collect()));
                    }
                }
                "items" => {
                    kept.insert(key.clone(), flatten(value, root, depth + 1));
                }
                "additionalProperties" if schema["type"] == "string" => {}
                "additionalItems" => {}
                // The order says nothing, and 1 is 1.0.
                "required" | "enum" => {
                    let mut words: Vec<&str> = value.as_array().unwrap().iter().filter_map(Value::as_str).collect();
                    words.sort_unstable();
                    kept.insert(key.clone(), words.into());
                }
                "minimum" | "maximum" => {
                    kept.insert(key.clone(), value.as_f64().unwrap().into());
                }
                "type" | "maxLength" | "multipleOf" | "minItems" | "maxItems" | "format" | "additionalProperties" => {
                    kept.insert(key.clone(), value.clone());
                }
                "$schema" | "$id" | "id" | "title" | "$defs" | "definitions" | "description" | "comment"
                | "javaType" => {}
                // Ours, or told apart below.
                "default" | "default-if" | "primitive" | "time" | "words" => {}
                other => panic!("unknown keyword {other}"),
            }
        }
        Value::Object(kept)
    }
}
