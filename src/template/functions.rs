//! The functions and filters that expressions of test cases may use.

use std::sync::OnceLock;

use base64::Engine as _;
use minijinja::{Environment, UndefinedBehavior, value::Serde};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::{clock::ocpp_time, one_time_password::OneTimePassword};

/// Functions that read a name which does not stand in the expression.
pub(super) const LOOKS_UP: [(&str, &str); 6] = [
    ("starts_at", "tx_start_point"),
    ("stops_at", "tx_stop_point"),
    ("supports", "pics"),
    ("has_fixed_cable", "pics"),
    ("connector_id", "pics"),
    ("variable", "variables"),
];

/// The environment with the functions that test cases may use.
pub(super) fn environment() -> &'static Environment<'static> {
    static ENVIRONMENT: OnceLock<Environment<'static>> = OnceLock::new();
    ENVIRONMENT.get_or_init(|| {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.add_function("starts_at", |state: &minijinja::State, point: String| {
            contains(state, "tx_start_point", &point)
        });
        environment.add_function("stops_at", |state: &minijinja::State, point: String| {
            contains(state, "tx_stop_point", &point)
        });
        environment.add_function("supports", |state: &minijinja::State, id: String| {
            state
                .lookup("pics")
                .and_then(|pics| pics.get_attr(&id).ok())
                .is_some_and(|answer| !answer.is_undefined() && answer.is_true())
        });
        environment.add_function("variable", |state: &minijinja::State, name: String| {
            let value = state.lookup("variables").and_then(|variables| variables.get_attr(&name).ok());
            value.filter(|value| !value.is_undefined()).unwrap_or(minijinja::Value::from(()))
        });
        environment.add_function("has_fixed_cable", |state: &minijinja::State, evse: Serde<Value>| {
            let pics = state.lookup("pics").map(|pics| serde_json::to_value(&pics).unwrap_or_default());
            let evses = pics.as_ref().and_then(|pics| pics["evses"].as_array()).map(Vec::as_slice).unwrap_or_default();
            evses.iter().filter(|known| known["id"] == evse.0["id"]).any(|known| {
                let connectors = known["connectors"].as_array().into_iter().flatten();
                let mut cables = connectors.zip(known["cables"].as_array().into_iter().flatten());
                cables.any(|(connector, cable)| *connector == evse.0["connector"] && *cable == "fixed")
            })
        });
        environment.add_function("connector_id", |state: &minijinja::State, evse: Serde<Value>| {
            let pics = state.lookup("pics").and_then(|pics| serde_json::to_value(&pics).ok()).unwrap_or_default();
            let number = |member: &str| evse.0[member].as_u64().unwrap_or(1);
            connector_id(&pics, number("id"), number("connector"))
        });
        environment.add_function("id_token", |token: Serde<Value>| {
            minijinja::Value::from(Serde(json!({ "idToken": token.0["idToken"], "type": token.0["type"] })))
        });
        environment.add_function("seconds_between", |from: String, to: String| {
            let parse = |text: &str| {
                text.parse::<jiff::Timestamp>()
                    .map_err(|error| minijinja::Error::new(minijinja::ErrorKind::InvalidOperation, error.to_string()))
            };
            Ok::<f64, minijinja::Error>(parse(&to)?.duration_since(parse(&from)?).as_secs_f64())
        });
        environment.add_function("later", |time: String, seconds: f64| shift(&time, seconds));
        environment.add_function("earlier", |time: String, seconds: f64| shift(&time, -seconds));
        environment.add_function("uuid", |of: String| uuid_of(&of));
        environment.add_function("one_time_password", |time: String, secret: String, validity: i64, length: usize| {
            let time = time.parse().map_err(|error: jiff::Error| {
                minijinja::Error::new(minijinja::ErrorKind::InvalidOperation, error.to_string())
            })?;
            Ok::<_, minijinja::Error>(OneTimePassword { secret: &secret, validity, length }.at(time))
        });
        environment.add_function("certificate", |chain: String| {
            let facts = crate::certificate::Certificate::first(&chain).map_or(Value::Null, |first| first.facts());
            minijinja::Value::from(Serde(facts))
        });
        environment.add_function("signing_request", |pem: String| {
            minijinja::Value::from(Serde(crate::certificate::request_facts(&pem)))
        });
        environment.add_function("hash_data", |chain: String, algorithm: String| {
            minijinja::Value::from(Serde(crate::certificate::hash_data(&chain, &algorithm).unwrap_or(Value::Null)))
        });
        environment.add_filter("of_certificate", |entries: Serde<Vec<Value>>, chain: String| {
            let mut entries = entries.0;
            // In OCPP 1.6 the entries are the hash data themselves.
            entries.retain(|entry| {
                crate::certificate::is_hash_of(entry.get("certificateHashData").unwrap_or(entry), &chain)
            });
            minijinja::Value::from(Serde(entries))
        });
        environment.add_filter("answer_for", |answers: Serde<Vec<Value>>, hash: Serde<Value>| {
            let mut answers = answers.0.into_iter();
            let answer = answers.find(|answer| crate::certificate::same_hash(&answer["hash"], &hash.0));
            minijinja::Value::from(Serde(answer.map_or(Value::Null, |answer| answer["result"].clone())))
        });
        environment.add_filter("ocsp_status", |result: String, hash: Serde<Value>| {
            minijinja::Value::from(Serde(ocsp_status(&result, &hash.0)))
        });
        environment.add_filter("members", |text: String| {
            text.split(',').map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect::<Vec<_>>()
        });
        // Names of components, variables and instances, and identifiers, have no case.
        environment.add_test("named", |value: &minijinja::Value, name: &minijinja::Value| {
            matches!((value.as_str(), name.as_str()), (Some(value), Some(name)) if value.to_lowercase() == name.to_lowercase())
        });
        environment.add_filter("missing_from", |wanted: Serde<Value>, list: Serde<Value>| {
            minijinja::Value::from(Serde(missing_from(&wanted.0, &list.0)))
        });
        environment.add_filter("variable_names", |items: Serde<Vec<Value>>| {
            items.0.iter().map(variable_name).collect::<Vec<_>>()
        });
        environment.add_filter("monitors", |items: Serde<Vec<Value>>| {
            minijinja::Value::from(Serde(items.0.iter().flat_map(monitors).collect::<Vec<_>>()))
        });
        environment.add_function("component_variable", |names: Serde<Value>| {
            minijinja::Value::from(Serde(component_variable(&names.0)))
        });
        super::tariff::add_to(&mut environment);
        super::bounded::bound(&mut environment);
        environment.add_filter("kebab", |name: String| kebab(&name));
        environment.add_filter("base64", |text: String| base64::engine::general_purpose::STANDARD.encode(text));
        environment.add_filter("hexadecimal", |text: String| crate::certificate::hex(text.as_bytes()));
        environment.add_filter("url_encoded", |text: String| url_encoded(&text));
        environment.add_filter("sorted_by", |items: Serde<Vec<Value>>, key: String| {
            let mut items = items.0;
            items.sort_by_key(|item| item.get(&key).and_then(Value::as_i64).unwrap_or(i64::MAX));
            minijinja::Value::from(Serde(items))
        });
        environment
    })
}

/// An id as long as OCPP allows (36 characters) that is as unlike any other as the text it is made of.
fn uuid_of(text: &str) -> String {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&Sha256::digest(text.as_bytes())[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid().to_string()
}

/// `GetBaseReport` as `get-base-report`.
fn kebab(name: &str) -> String {
    let mut text = String::with_capacity(name.len() + 4);
    let mut before = '-';
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && (before.is_ascii_lowercase() || before.is_ascii_digit()) {
            text.push('-');
        }
        text.push(letter.to_ascii_lowercase());
        before = letter;
    }
    text
}

/// What an `OCSPResponse`, DER in base64, says of the certificate that an `ocspRequestData` names (`status`), or why it says
/// nothing (`problem`).
fn ocsp_status(result: &str, hash: &Value) -> Value {
    use crate::certificate::ocsp::client::judge;
    let Ok(der) = base64::engine::general_purpose::STANDARD.decode(result) else {
        return json!({ "status": "", "problem": "it is not base64" });
    };
    match judge(&der, hash, None) {
        Ok(standing) => json!({ "status": standing.word(), "problem": "" }),
        Err(error) => json!({ "status": "", "problem": error.to_string() }),
    }
}

/// What a list, or a list in it, has and the other has not; case makes no difference.
fn missing_from(wanted: &Value, list: &Value) -> Vec<Value> {
    match wanted {
        Value::Array(items) => items.iter().flat_map(|item| missing_from(item, list)).collect(),
        Value::Null => Vec::new(),
        one => {
            let small = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_lowercase);
            let known = list.as_array().is_some_and(|list| list.iter().any(|other| small(other) == small(one)));
            if known { Vec::new() } else { vec![one.clone()] }
        }
    }
}

/// The number that messages of OCPP 1.6 have for a connector: connectors are numbered from 1 in the order of the EVSEs of the PICS
/// (1.6, 3.8). One that the PICS does not know has the number of its EVSE.
pub fn connector_id(pics: &Value, evse: u64, connector: u64) -> u64 {
    let evses = pics["evses"].as_array().into_iter().flatten();
    let places = evses.flat_map(|evse| {
        let connectors = evse["connectors"].as_array().into_iter().flatten();
        connectors.map(move |connector| (evse["id"].as_u64(), connector.as_u64()))
    });
    let known = places.zip(1..).find(|(known, _)| *known == (Some(evse), Some(connector)));
    known.map_or(evse, |(_, number)| number)
}

/// The name of what a report tells of, `Component[evse,connector].Variable[instance]`.
fn variable_name(item: &Value) -> String {
    let text = |pointer: &str| item.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let number = |pointer: &str| item.pointer(pointer).map(Value::to_string);
    let place = match (number("/component/evse/id"), number("/component/evse/connectorId")) {
        (Some(evse), Some(connector)) => format!("[{evse},{connector}]"),
        (Some(evse), None) => format!("[{evse}]"),
        _ => String::new(),
    };
    let instance = match text("/variable/instance") {
        none if none.is_empty() => none,
        instance => format!("[{instance}]"),
    };
    format!("{}{place}.{}{instance}", text("/component/name"), text("/variable/name"))
}

/// The opposite of [`variable_name`], for a name or a list of them: component and variable as messages name them. Without a dot
/// it is the component alone.
fn component_variable(names: &Value) -> Value {
    let name = match names {
        Value::Array(names) => return names.iter().map(component_variable).collect(),
        Value::String(name) => name.as_str(),
        _ => return Value::Null,
    };
    let brackets = |text: &str| match text.trim_end_matches(']').split_once('[') {
        Some((before, inner)) => (before.to_owned(), Some(inner.to_owned())),
        None => (text.to_owned(), None),
    };
    let (component, variable) =
        name.split_once('.').map_or((name, None), |(component, variable)| (component, Some(variable)));
    let (component, place) = brackets(component);
    let mut named = json!({ "component": { "name": component } });
    if let Some(place) = place {
        let mut ids = place.split(',').filter_map(|id| id.trim().parse::<u32>().ok());
        named["component"]["evse"] = json!({ "id": ids.next() });
        if let Some(connector) = ids.next() {
            named["component"]["evse"]["connectorId"] = connector.into();
        }
    }
    if let Some((variable, instance)) = variable.map(brackets) {
        named["variable"] = json!({ "name": variable });
        if let Some(instance) = instance {
            named["variable"]["instance"] = instance.into();
        }
    }
    named
}

/// The monitors of one entry of a NotifyMonitoringReport, each with its component and variable, and their name.
fn monitors(item: &Value) -> Vec<Value> {
    let name = variable_name(item);
    let each = item["variableMonitoring"].as_array().into_iter().flatten();
    each.map(|monitor| {
        let mut monitor = monitor.clone();
        if let Value::Object(members) = &mut monitor {
            members.insert("component".to_owned(), item["component"].clone());
            members.insert("variable".to_owned(), item["variable"].clone());
            members.insert("name".to_owned(), name.clone().into());
        }
        monitor
    })
    .collect()
}

/// A segment of a path, or a value of a query.
fn url_encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect()
}

fn contains(state: &minijinja::State, list: &str, member: &str) -> bool {
    state
        .lookup(list)
        .and_then(|value| value.as_str().map(|text| text.split(',').any(|part| part.trim() == member)))
        .unwrap_or(false)
}

fn shift(time: &str, seconds: f64) -> Result<String, minijinja::Error> {
    let bad = |reason: String| minijinja::Error::new(minijinja::ErrorKind::InvalidOperation, reason);
    let time: jiff::Timestamp = time.parse().map_err(|error| bad(format!("{error}")))?;
    let span = jiff::SignedDuration::try_from_secs_f64(seconds).map_err(|error| bad(format!("{error}")))?;
    time.checked_add(span).map(ocpp_time).map_err(|error| bad(format!("{error}")))
}
