//! The schemas against the readers: every key with values of every kind. What one takes the other takes.

use serde_json::{Value, json};

use super::{bench_schema, expectations, pics};
use crate::{bench::Bench, expect::Expectations, pics::reader, yaml::Source};

/// Values of every kind.
fn values() -> Vec<Value> {
    vec![
        json!(null),
        json!(true),
        json!(0),
        json!(3),
        json!(2.5),
        json!(-1),
        json!(70_000),
        json!(2_000_000_000_u32),
        json!(""),
        json!("x"),
        json!([]),
        json!(["x"]),
        json!({}),
    ]
}

/// Every place that a schema describes, as the keys that lead there (`[]` for the elements of a list), with its schema.
fn places<'s>(schema: &'s Value, at: &[String], found: &mut Vec<(Vec<String>, &'s Value)>) {
    for (key, inner) in schema["properties"].as_object().into_iter().flatten() {
        let here = [at, std::slice::from_ref(key)].concat();
        found.push((here.clone(), inner));
        places(inner, &here, found);
    }
    if schema["items"].is_object() {
        places(&schema["items"], &[at, &["[]".to_owned()]].concat(), found);
    }
    for either in schema["anyOf"].as_array().into_iter().chain(schema["oneOf"].as_array()).flatten() {
        places(either, at, found);
    }
}

/// Words and the default of a schema, for values that it takes.
fn own_values(schema: &Value) -> Vec<Value> {
    let words = schema["enum"].as_array().cloned().unwrap_or_default();
    words.into_iter().take(12).chain(schema.get("default").cloned()).collect()
}

/// A file that is as it was, but for one place. `beside` is what an element of a list must have.
fn with(file: &Value, at: &[String], value: &Value, beside: &Value) -> Value {
    let Some((key, rest)) = at.split_first() else { return value.clone() };
    if key == "[]" {
        return json!([with(beside, rest, value, beside)]);
    }
    let mut file = if file.is_object() { file.clone() } else { json!({}) };
    file[key] = with(&file[key], rest, value, beside);
    file
}

/// Where schema and reader disagree.
struct Disagreements {
    validator: jsonschema::Validator,
    found: Vec<String>,
    tried: usize,
}

impl Disagreements {
    fn of(schema: &Value) -> Self {
        Self { validator: jsonschema::validator_for(schema).unwrap(), found: Vec::new(), tried: 0 }
    }

    /// `both`: what the schema takes the reader must take, too. A schema can't know what depends on other keys, or on names.
    fn look(&mut self, file: &Value, both: bool, read: impl Fn(&Source) -> Result<(), String>, shown: &str) {
        let read = read(&Source::new("f.yaml", file.to_string()));
        let taken = self.validator.is_valid(file);
        self.tried += 1;
        match read {
            Ok(()) if !taken => self.found.push(format!("{shown}: the reader takes what the schema refuses")),
            Err(why) if taken && both => {
                self.found.push(format!("{shown}: the schema takes what the reader refuses: {why}"));
            }
            _ => {}
        }
    }
}

#[test]
fn a_bench_is_read_as_its_schema_says() {
    /// What depends on other keys.
    const DEPENDENT: [&str; 6] = [
        "file-password",
        "file-user",
        "monitoring.lower-threshold",
        "monitoring.upper-threshold",
        "ftp-passive-ports",
        "identity",
    ];
    let schema = bench_schema();
    let mut all = Vec::new();
    places(&schema, &[], &mut all);
    let read = |source: &Source| Bench::read_source(source).map(|_| ()).map_err(|defects| defects.to_string());
    let mut disagreements = Disagreements::of(&schema);
    for (at, inner) in all {
        let shown = at.join(".");
        // Requests are alike for every manual action and message.
        let alike = |of: &str| of == "http" || ["send", "configure", "defaults", "base", "root"].contains(&of);
        if at.first().is_some_and(|key| key == "operator") && at.get(2).is_some_and(|key| !alike(key)) {
            continue;
        }
        let within = ["operator", "stations", "tokens"].iter().any(|key| at.first().is_some_and(|first| first == key));
        for value in values().into_iter().chain(own_values(inner)) {
            let file = with(&json!({}), &at, &value, &json!({ "identity": "A" }));
            let both = !within && !DEPENDENT.contains(&shown.as_str());
            disagreements.look(&file, both, read, &format!("{shown}: {value}"));
        }
    }
    let Disagreements { found, tried, .. } = disagreements;
    assert!(tried > 1500, "{tried}");
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn stations_and_tokens_are_read_as_the_schema_says() {
    let schema = bench_schema();
    let read = |source: &Source| Bench::read_source(source).map(|_| ()).map_err(|defects| defects.to_string());
    let mut disagreements = Disagreements::of(&schema);
    for profile in [json!(0), json!(1), json!(3), json!(4), json!("2"), json!(1.5), json!(null)] {
        let file = json!({ "stations": [{ "identity": "A", "security-profile": profile }] });
        disagreements.look(&file, true, read, &file.to_string());
        let file = json!({ "security-profile": profile });
        disagreements.look(&file, true, read, &file.to_string());
    }
    for token in [
        json!({ "idToken": "A", "type": "Central" }),
        json!({ "idToken": "A", "type": "Centrl" }),
        json!({ "idToken": "A" }),
        json!({ "idToken": 7, "type": "Central" }),
        json!({ "idToken": "A", "type": "Central", "group": "G" }),
        json!({ "idToken": "A", "type": "Central", "grup": "G" }),
        json!("A"),
    ] {
        for file in [
            json!({ "tokens": { "valid": token } }),
            json!({ "stations": [{ "identity": "A", "tokens": { "t": token } }] }),
        ] {
            disagreements.look(&file, true, read, &file.to_string());
        }
    }
    assert!(disagreements.found.is_empty(), "{}", disagreements.found.join("\n"));
}

#[test]
fn a_pics_is_read_as_its_schema_says() {
    let schema = pics();
    let mut all = Vec::new();
    places(&schema, &[], &mut all);
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("pics");
    let read = |source: &Source| reader::read_source(source).map(|_| ()).map_err(|defects| defects.to_string());
    let mut disagreements = Disagreements::of(&schema);
    for name in ["simulated-station.yaml", "greenflux-ev-platform.yaml"] {
        let file = Source::read(&folder.join(name)).unwrap().parse().unwrap().to_json();
        for (at, inner) in all.iter().filter(|(at, _)| at.len() < 3) {
            // An id that this product is not asked is refused whatever is said of it.
            let known = file.pointer(&format!("/{}", at.join("/"))).is_some();
            for value in [json!(null), json!(1), json!(2.5), json!("x"), json!(["x"]), json!({})]
                .iter()
                .chain(&own_values(inner))
            {
                if known {
                    let shown = format!("{name} {}: {value}", at.join("."));
                    disagreements.look(&with(&file, at, value, &json!({})), false, read, &shown);
                }
            }
        }
    }
    assert!(disagreements.tried > 500, "{}", disagreements.tried);
    assert!(disagreements.found.is_empty(), "{}", disagreements.found.join("\n"));
}

#[test]
fn known_failures_are_read_as_their_schema_says() {
    let schema = expectations();
    let mut all = Vec::new();
    places(&schema, &[], &mut all);
    let entry = json!({ "test": "TC_B_01_CS", "verdict": "fail", "reason": "r", "expires": "2030-01-01" });
    let mut disagreements = Disagreements::of(&schema);
    for (at, inner) in &all {
        for value in values().iter().chain(&own_values(inner)) {
            let shown = format!("{}: {value}", at.join("."));
            let read =
                |source: &Source| Expectations::read_source(source).map(|_| ()).map_err(|defects| defects.to_string());
            disagreements.look(&with(&json!({}), at, value, &entry), true, read, &shown);
        }
    }
    assert!(disagreements.found.is_empty(), "{}", disagreements.found.join("\n"));
}
