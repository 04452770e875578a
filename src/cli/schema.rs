//! `ocpp-attest schema`: JSON Schemas of our files, for editors.

mod test_cases;

use std::collections::BTreeSet;

use clap::{Args, ValueEnum};
use serde_json::{Map, Value, json};

use super::{Problem, exit, print};
use crate::{
    bench::{self, numbers},
    expect,
    manual_action::{actions, settings::Setting},
    pics::{
        Profile, SutKind,
        reader::{self, kpi_keys},
        tables::{self, AnswerKind, Part},
    },
    protocol::Version,
    protocol::semantics::WordSet,
    record::{
        FORMAT, Results,
        compare::Comparison,
        manifest::{self, Manifest},
    },
    vocabulary::{as_yaml_reads, words_of},
};

/// Arguments of `schema`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Which file format
    #[arg(value_enum)]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Testcase,
    State,
    Pics,
    Bench,
    Results,
    Expect,
    Run,
    Diff,
}

/// Runs the subcommand.
pub fn run(arguments: &Arguments) -> Result<u8, Problem> {
    let text = match arguments.format {
        Format::Testcase => pretty(&test_cases::test_case())?,
        Format::State => pretty(&test_cases::state())?,
        Format::Pics => pretty(&pics())?,
        Format::Bench => pretty(&bench_schema())?,
        Format::Results => pretty(&results())?,
        Format::Expect => pretty(&expectations())?,
        Format::Run => pretty(&run_json())?,
        Format::Diff => pretty(&schemars::schema_for!(Comparison).to_value())?,
    };
    print(&text);
    Ok(exit::OK)
}

fn pretty(schema: &Value) -> Result<String, Problem> {
    serde_json::to_string_pretty(schema).map(|text| text + "\n").map_err(|error| Problem::Own(error.to_string()))
}

const DRAFT: &str = "https://json-schema.org/draft/2020-12/schema";

fn object(properties: Map<String, Value>) -> Value {
    json!({ "type": "object", "properties": properties, "additionalProperties": false })
}

/// The schema of a file of known failures.
fn expectations() -> Value {
    let verdict = json!({ "enum": expect::VERDICTS });
    let mut entry = object(Map::new());
    entry["properties"] = json!({
        "test": { "type": "string", "description": "An id, a glob, profile:ID or block:LETTER" },
        "verdict": { "oneOf": [verdict, { "type": "array", "items": verdict, "minItems": 1 }] },
        "reason": { "type": ["string", "number", "boolean"], "minLength": 1 },
        "expires": { "type": "string", "format": "date", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$", "description": "The last day on which it holds (UTC)" },
    });
    entry["required"] = json!(["test", "verdict", "reason", "expires"]);
    json!({
        "$schema": DRAFT,
        "title": "Known failures for ocpp-attest run --expect",
        "type": "object",
        "properties": { "known-failures": { "type": ["array", "null"], "items": entry } },
        "required": ["known-failures"],
        "additionalProperties": false,
    })
}

/// The schema of `run.json`, from the type itself.
fn run_json() -> Value {
    let mut schema =
        json!({ "$schema": DRAFT, "title": format!("run.json of ocpp-attest, format {}", manifest::FORMAT) });
    if let (Some(schema), Value::Object(rest)) = (schema.as_object_mut(), schemars::schema_for!(Manifest).to_value()) {
        schema.extend(rest.into_iter().filter(|(key, _)| key != "$schema" && key != "title"));
    }
    schema
}

/// The schema of `results.json`, from the type itself; published as `docs/results.schema.json`.
fn results() -> Value {
    let mut schema = json!({ "$schema": DRAFT, "title": format!("results.json of ocpp-attest, format {FORMAT}") });
    let rest = schemars::schema_for!(Results).to_value();
    for (name, value) in rest.as_object().into_iter().flatten() {
        if schema.get(name).is_none() {
            schema[name] = value.clone();
        }
    }
    schema["properties"]["format"]["maximum"] = FORMAT.into();
    schema
}

/// A schema from the bench's defaults: each has the type of its default.
fn bench_schema() -> Value {
    fn of(value: &Value, within: &str) -> Value {
        match value {
            Value::Object(members) => object(
                members
                    .iter()
                    .map(|(key, value)| {
                        let here = if within.is_empty() { key.clone() } else { format!("{within}.{key}") };
                        (key.clone(), of(value, &here))
                    })
                    .collect(),
            ),
            Value::Number(_) => {
                let kind = if numbers::is_whole(within) { "integer" } else { "number" };
                json!({ "type": kind, "minimum": 0, "maximum": numbers::greatest(within), "default": value })
            }
            Value::Bool(_) => json!({ "type": "boolean", "default": value }),
            _ if bench::is_address(within) => json!({
                "anyOf": [{ "type": "string" }, { "type": "integer", "minimum": 0, "maximum": u16::MAX }],
                "default": value,
            }),
            _ => match bench::words_of_key(within) {
                // Empty leaves the choice to the PICS.
                Some(words) => {
                    let words: Vec<String> = std::iter::once(String::new()).chain(words).collect();
                    json!({ "enum": words, "default": value })
                }
                None => {
                    let mut text = json!({ "type": "string", "default": value });
                    if let Some(longest) = bench::longest(within) {
                        text["maxLength"] = longest.into();
                    }
                    if let Some(pattern) = bench::pattern(within) {
                        text["pattern"] = pattern.into();
                    }
                    text
                }
            },
        }
    }
    let mut schema = of(&bench::defaults(), "");
    schema["properties"]["tokens"] = tokens();
    schema["properties"]["stations"] = stations();
    schema["properties"]["operator"] = operator();
    schema["$schema"] = DRAFT.into();
    schema["title"] = "A test bench of ocpp-attest".into();
    schema
}

/// idTokens by names of the author's own.
fn tokens() -> Value {
    let mut token = object(Map::new());
    for (key, words) in bench::token_keys() {
        token["properties"][key] = match words {
            Some(words) => json!({ "enum": as_yaml_reads(words) }),
            None => json!({ "type": "string" }),
        };
    }
    token["required"] = json!(["idToken", "type"]);
    json!({ "type": "object", "additionalProperties": token })
}

/// The pool of stations.
fn stations() -> Value {
    let mut properties: Map<String, Value> =
        bench::STATION_KEYS.iter().map(|key| ((*key).to_owned(), json!({ "type": "string" }))).collect();
    properties.insert("tokens".into(), tokens());
    properties.insert("security-profile".into(), json!({ "type": "integer", "minimum": 0, "maximum": 3 }));
    for text in properties.values_mut().filter(|schema| schema["type"] == "string") {
        text["minLength"] = 1.into();
    }
    properties["serial-number"]["maxLength"] = bench::longest("serial-number").into();
    let mut station = object(properties);
    station["required"] = json!(["identity"]);
    json!({ "type": "array", "items": station })
}

/// Requests at the API of a CSMS.
fn operator() -> Value {
    let text = json!({ "type": "string" });
    let status = json!({ "type": ["integer", "string"] });
    // A condition may be written as what YAML takes for another kind of value.
    let condition = json!({ "type": ["string", "boolean", "number"] });
    let statuses = json!({ "anyOf": [status, { "type": "array", "items": status }] });
    let of = |key: &str| match key {
        "headers" => json!({ "type": "object" }),
        "body" => json!({}),
        "done" | "not-possible" | "denied" => statuses.clone(),
        "done-when" | "retry-while" => condition.clone(),
        "timeout" => json!({ "type": "number", "exclusiveMinimum": 0 }),
        _ => text.clone(),
    };
    let request = object(bench::operator::REQUEST_KEYS.iter().map(|key| ((*key).to_owned(), of(key))).collect());
    let defaults = request.clone();
    let mut follow_up = request.clone();
    follow_up["properties"][bench::operator::WHEN] = condition.clone();
    let mut request = request;
    request["properties"][bench::operator::THEN] =
        json!({ "anyOf": [follow_up, { "type": "array", "items": follow_up }] });
    // A sentence instead of a request says why it can't be done, a word that nobody has to do it.
    let or_text = |request: &Value| json!({ "anyOf": [request, text] });
    let with_settings = |action: &str| {
        let mut whole = request.clone();
        for setting in Setting::of(action) {
            whole["properties"][setting.word()] = or_text(&request);
        }
        or_text(&whole)
    };
    let actions = actions::ACTIONS.iter().map(|action| action.name);
    let mut http: Map<String, Value> = actions.map(|name| (name.to_owned(), with_settings(name))).collect();
    let request = or_text(&request);
    http.insert("defaults".into(), or_text(&defaults));
    http.insert("base".into(), text.clone());
    http.insert("root".into(), text.clone());
    let messages = words_of(WordSet::RequestsOfCsms, None);
    http.insert("messages".into(), object(messages.into_iter().map(|name| (name, request.clone())).collect()));
    let mut operator = object(Map::from_iter([("http".to_owned(), object(http))]));
    operator["required"] = json!(["http"]);
    operator
}

fn pics() -> Value {
    let yes_no = json!({ "enum": [true, false, "yes", "no", "Yes", "No"] });
    let words = json!({ "type": "array", "items": { "type": "string" } });
    let mut parts: Map<String, Value> = Map::new();
    for sut in [SutKind::ChargingStation, SutKind::Csms] {
        for &baseline in Version::ALL.iter().flat_map(|version| version.protocol().baselines) {
            for section in tables::sections(sut, baseline) {
                let part = parts.entry(section.part.key()).or_insert_with(|| object(Map::new()));
                for row in section.rows() {
                    let mut schema = match row.kind {
                        AnswerKind::YesNo | AnswerKind::Heading => yes_no.clone(),
                        AnswerKind::Number => json!({ "type": "integer" }),
                        AnswerKind::Text => json!({ "type": ["string", "number", "boolean"] }),
                        AnswerKind::List => words.clone(),
                        AnswerKind::ListOrNo => json!({ "oneOf": [words, yes_no] }),
                        AnswerKind::Measurands => json!({
                            "type": "object",
                            "properties": { "tested": words, "supported": words },
                            "required": ["tested", "supported"],
                            "additionalProperties": false,
                        }),
                    };
                    schema["description"] = row.title.clone().into();
                    part["properties"][row.id.as_str()] = schema;
                }
            }
        }
    }
    // YAML takes a version or a number of a report for a number; a key may be left empty.
    let text = json!({ "type": ["string", "number", "boolean", "null"] });
    let texts = |names: &[&str]| object(names.iter().map(|name| ((*name).to_owned(), text.clone())).collect());
    let approver = texts(&reader::APPROVER_KEYS);
    let maxima: Map<String, Value> = [SutKind::ChargingStation, SutKind::Csms]
        .into_iter()
        .flat_map(|sut| Version::ALL.into_iter().flat_map(move |version| kpi_keys(version.protocol(), sut)))
        .map(|key| ((*key).to_owned(), json!({ "type": "number", "exclusiveMinimum": 0 })))
        .collect();
    let mut properties = Map::new();
    let mut add = |name: &str, schema: Value| {
        properties.insert(name.to_owned(), schema);
    };
    add("sut", json!({ "enum": ["charging-station", "csms"] }));
    add("ocpp", json!({ "enum": as_yaml_reads(Version::WORDS.map(|(word, _)| word.to_owned()).into()) }));
    let all = || Version::ALL.into_iter().flat_map(|version| version.protocol().baselines);
    let editions: BTreeSet<u8> = all().map(|baseline| baseline.edition()).collect();
    let baselines: Vec<&str> = all().map(|baseline| baseline.id()).collect();
    add("edition", json!({ "enum": editions }));
    add("baseline", json!({ "enum": baselines }));
    add("product", texts(&reader::PRODUCT_KEYS));
    let ids: Vec<&str> = Profile::ALL.iter().map(|profile| profile.id()).collect();
    add(
        "profiles",
        json!({ "type": "array", "items": { "enum": ids }, "uniqueItems": true, "contains": { "const": "core" } }),
    );
    for part in [Part::Hardware, Part::Features, Part::Questions, Part::Settings] {
        if let Some(mut schema) = parts.remove(part.key()) {
            schema["type"] = json!(["object", "null"]);
            add(part.key(), schema);
        }
    }
    let connector = json!({
        "type": "object",
        "properties": {
            "id": { "type": "integer", "minimum": 1 }, "type": { "type": "string" }, "cable": { "enum": ["fixed", "detachable"] },
        },
        "required": ["id", "cable"],
        "additionalProperties": false,
    });
    add(
        "evses",
        json!({
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "id": { "type": "integer", "minimum": 1 }, "current": { "enum": ["AC", "DC"] },
                    "phases": { "type": ["string", "integer"] },
                    "connectors": { "type": "array", "minItems": 1, "items": connector },
                },
                "required": ["id", "current", "connectors"],
                "additionalProperties": false,
            },
        }),
    );
    add("vendor-settings", json!({ "type": "array", "items": texts(&reader::VENDOR_SETTING_KEYS) }));
    add(
        "performance",
        json!({
            "type": "object",
            "properties": { "communication": text, "maximum": object(maxima) },
            "additionalProperties": false,
        }),
    );
    add("laboratory", texts(&reader::LABORATORY_KEYS));
    add(
        "approval",
        json!({
            "type": "object",
            "properties": { "vendor": approver, "laboratory": approver },
            "additionalProperties": false,
        }),
    );
    add("references", texts(&reader::REFERENCE_KEYS));
    let mut schema = object(properties);
    schema["$schema"] = DRAFT.into();
    schema["title"] = "A PICS for OCPP 2.0.1".into();
    schema["required"] = json!(["sut", "ocpp", "edition", "baseline", "product", "profiles"]);
    schema
}

#[cfg(test)]
mod agreement;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::Source;

    fn complaints(schema: &Value, text: &str, name: &str) -> Vec<String> {
        let file = Source::new(name, text).parse().unwrap().to_json();
        let validator = jsonschema::validator_for(schema).unwrap();
        validator.iter_errors(&file).map(|error| format!("{name} {}: {error}", error.instance_path())).collect()
    }

    #[test]
    fn every_file_of_ours_follows_its_schema() {
        let (pics, bench) = (pics(), bench_schema());
        for (folder, schema) in [("pics", &pics), ("fixtures/benches", &bench)] {
            let files = std::fs::read_dir(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)).unwrap();
            let mut read = 0;
            for path in files.map(|file| file.unwrap().path()).filter(|path| path.extension() == Some("yaml".as_ref()))
            {
                let text = std::fs::read_to_string(&path).unwrap();
                assert_eq!(complaints(schema, &text, &path.display().to_string()), [""; 0]);
                read += 1;
            }
            assert!(read > 2, "{read} files in {folder}");
        }
        assert_eq!(complaints(&bench, "identity: CS1\nmessage-timeout: 5\n", "bench"), [""; 0]);
    }

    #[test]
    fn a_bench_has_the_settings_that_test_cases_ask_for() {
        let of = |text: &str| complaints(&bench_schema(), &format!("operator: {{ http: {{ {text} }} }}"), "x").len();
        assert_eq!(of("restore: not-needed"), 0);
        assert_eq!(of("restore: { next-boot: not-needed, password: { url: /x, retry-while: status == 409 } }"), 0);
        assert_eq!(of("configure: { next-boot: { url: /x } }"), 0);
        assert_eq!(of("configure: { password: { url: /x } }"), 1);
        assert_eq!(of("send: { next-boot: { url: /x } }"), 1);
    }

    #[test]
    fn the_published_schema_of_results_is_the_one_that_holds() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/results.schema.json");
        let published = std::fs::read_to_string(&path).unwrap_or_default();
        let holds = pretty(&results()).unwrap();
        assert!(
            published == holds,
            "a public contract changed: raise `FORMAT` where it is not a mere addition, tell CHANGELOG.md, and write \
             `ocpp-attest schema results` to docs/results.schema.json"
        );
    }

    #[test]
    fn known_failures_follow_their_schema() {
        let of = |entry: &str| complaints(&expectations(), &format!("known-failures:\n  - {entry}\n"), "x").len();
        assert_eq!(of("{ test: TC_B_01_CS, verdict: fail, reason: ticket 7, expires: 2030-01-01 }"), 0);
        assert_eq!(of("{ test: B, verdict: [flaky, inconclusive], reason: ticket 7, expires: 2030-01-01 }"), 0);
        assert_eq!(of("{ test: B, verdict: pass, reason: ticket 7, expires: 2030-01-01 }"), 1);
        assert_eq!(of("{ test: B, verdict: fail, expires: 2030-01-01 }"), 1);
        assert!(complaints(&expectations(), "known-failures:\n", "x").is_empty());
    }

    #[test]
    fn mistakes_are_seen_by_the_schemas_too() {
        assert!(!complaints(&bench_schema(), "identty: CS1\n", "bench").is_empty());
        assert!(!complaints(&pics(), "sut: csms\n", "pics").is_empty());
    }
}
