//! The test bench: addresses, identities, tokens, time-outs.

mod closed;
mod files;
mod monitoring;
pub(crate) mod numbers;
pub mod operator;
mod paths;
pub mod starter;
mod stations;
mod tested_by;

use std::{collections::HashMap, path::Path};

use serde_json::{Map, Value, json};

pub(crate) use self::{
    closed::{longest, pattern, token_keys, words_of_key},
    files::is_address,
    stations::KEYS as STATION_KEYS,
};
pub use self::{files::FileBench, stations::Station};
use crate::{
    link::Secret,
    pics::model::TestedBy,
    redaction::{REDACTED, is_secret_key},
    vocabulary::Owner,
    yaml::{Defect, Defects, Kind, Node, Position, Source},
};

/// A test bench.
#[derive(Debug, Clone)]
pub struct Bench {
    /// Where our CSMS listens, `host:port`.
    pub listen: String,
    /// The second CSMS end-point, to migrate to; empty: none.
    pub listen_second: String,
    /// The host name by which the station reaches us, for certificates and network profiles.
    pub host: String,
    /// File transfers.
    pub files: FileBench,
    /// URL of the CSMS under test.
    pub url: String,
    /// Identity of the station (ours or the SUT's).
    pub identity: String,
    /// Basic authentication password of the station.
    pub password: Secret,
    /// Security profile to begin with: 1, 2 or 3; 0 (nobody is authenticated) where the version of OCPP has that.
    pub security_profile: u8,
    /// The harness's calibration sheet (`calibration.json`); empty: none is quoted.
    pub calibration: String,
    /// Folder that keeps our certificate authority; empty: one is made for the run.
    pub authority: String,
    /// Certificate chain of our CSMS (PEM file), or empty: made for the run.
    pub certificate: String,
    /// Its key.
    pub key: String,
    /// The root the SUT trusts (PEM file).
    pub root: String,
    /// Stations that the CSMS under test knows, to run test cases side by side; empty: the one above.
    pub stations: Vec<Station>,
    /// How manual actions are done at the API of the CSMS under test.
    pub operator: Option<operator::HttpRequests>,
    /// Who tests and who approves, for the abstract.
    pub tested_by: TestedBy,
    /// What expressions see as `bench`.
    pub values: Map<String, Value>,
    /// Every setting under the name it has in the file, secrets redacted.
    settings: Map<String, Value>,
    /// The file it was read from, with the place of each key that it gives (`a.b` within a mapping).
    source: ReadFrom,
    places: HashMap<String, Position>,
}

/// A copy without secrets: passwords, and the headers that an HTTP adapter sends (they carry credentials).
fn redacted(key: &str, value: &Value) -> Value {
    let secret = is_secret_key(key);
    match value {
        Value::Object(members) if !secret => {
            Value::Object(members.iter().map(|(key, value)| (key.clone(), redacted(key, value))).collect())
        }
        Value::Array(items) if !secret => items.iter().map(|item| redacted(key, item)).collect(),
        Value::String(text) if secret && text.is_empty() => value.clone(),
        _ if secret => REDACTED.into(),
        other => other.clone(),
    }
}

/// The text that a bench was read from. It has passwords in it, so it is never printed.
#[derive(Clone)]
struct ReadFrom(Option<Source>);

impl std::fmt::Debug for ReadFrom {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0.as_ref().map_or("no file", |source| &source.name))
    }
}

/// Keys of the bench file with their defaults; the type of the default is the type of the value.
pub(crate) fn defaults() -> Value {
    let mut values = json!({
        "listen": "127.0.0.1:9000",
        "listen-second": "127.0.0.1:9001",
        "host": "localhost",
        "url": "wss://127.0.0.1:9000/ocpp",
        "url-upgraded": "",
        "identity": "CS001",
        "serial-number": "",
        "ocpp-interface": "Wired0",
        "password": "attest-bench-secret",
        "security-profile": 2,
        "authority": "",
        "calibration": "",
        "certificate": "",
        "key": "",
        "root": "",
        "evse": { "id": 1, "connector": 1 },
        "evse-second": { "id": 2, "connector": 1 },
        "authorization": "local",
        "tx-start-point": "",
        "tx-stop-point": "",
        "tokens": default_tokens(),
        "reader-per-evse": true,
        "settle-by-evidence": true,
        "configuration-slot": 1,
        "configuration-slot-second": 2,
        "ocpp-interface-second": "Wired0",
        "retry-back-off-wait-minimum": 10,
        "charging-rate-unit": "A",
        "display": { "name": "", "instance": "", "evse": 0 },
        "display-message": "ocpp-attest test message",
        "display-address": "https://example.com/",
        "language": "en",
        "currency": "EUR",
        "model": "Attest",
        "vendor-name": "ocpp-attest",
        "payment": {
            "card": "1234",
            "shared-secret": "attest-qr-code-secret",
            "web-address": "https://pay.example.com",
        },
        "payment-reference": "PSPREF0001",
        "vat-number": "NL123456789B01",
        "vat-number-invalid": "NL000000000B00",
        "apn": { "address": "internet.example.com", "user": "attest", "password": "attest-apn-secret" },
        "custom-trigger": "Custom2",
        "iso15118": {
            "secc-id": "NLATTS00000001",
            "install-request": "",
            "install-response": "",
            "update-request": "",
            "update-response": "",
            "install-request-20": "",
            "install-response-20": "",
        },
    });
    for more in [files::defaults(), monitoring::defaults(), tested_by::defaults(), default_times()] {
        if let (Value::Object(values), Value::Object(more)) = (&mut values, more) {
            values.extend(more);
        }
    }
    values
}

/// Every key at the top of a bench file.
pub(crate) fn keys() -> Vec<String> {
    let defaults = defaults();
    let values = defaults.as_object().into_iter().flat_map(Map::keys).cloned();
    values.chain(SECTIONS.map(str::to_owned)).collect()
}

/// How long things take, in seconds.
fn default_times() -> Value {
    json!({
        "heartbeat-interval": 300,
        "pending-interval": 20,
        "ev-connection-timeout": 30,
        "transaction-duration": 5,
        "message-attempts": 3,
        "message-attempt-interval": 10,
        "sampled-interval": 10,
        "aligned-interval": 60,
        "own-aligned-interval": 5,
        "own-sampled-interval": 5,
        "own-transaction-duration": 2,
        "own-ev-connection-timeout": 10,
        "time-tolerance": 4,
        "clock-tolerance": 30,
        "manual-action-timeout": 600,
        "operator-patience": 5,
        "simulated-operator-reaction": 0.5,
        "simulated-operator-delay": 0,
        "pace": 0.1,
        "message-timeout": 30,
        "close-timeout": 15,
        "response-timeout": 30,
        "connect-timeout": 120,
        "ping-timeout": 5,
        "registration-timeout": 120,
        "outage-timeout": 600,
        "queue-time": 200,
        "reconnect-timeout": 120,
        "reboot-time": 180,
        "evse-reset-time": 15,
        "boot-wait": 15,
        "settle-time": 2,
        "schedule-ahead": 60,
        "display-message-offset": 60,
        "offline-time": 5,
        "offline-action-time": 30,
        "download-time": 120,
        "install-time": 300,
        "firmware-delay": 60,
        "upload-time": 120,
        "log-retry-interval": 10,
        "customer-identifier": "CUSTOMER1",
        "cert-signing-wait-minimum": 20,
    })
}

/// The idTokens that a bench has, unless its file says otherwise.
fn default_tokens() -> Value {
    json!({
        "valid": { "idToken": "D001D001", "type": "ISO14443", "group": "GROUP1" },
        "same-group": { "idToken": "D001D002", "type": "ISO14443", "group": "GROUP1" },
        "other": { "idToken": "D001D003", "type": "ISO14443" },
        "master-pass": { "idToken": "D001D009", "type": "ISO14443", "group": "MASTERPASS" },
        "invalid": { "idToken": "BAD00001", "type": "ISO14443" },
        "blocked": { "idToken": "BAD00002", "type": "ISO14443" },
        "expired": { "idToken": "BAD00003", "type": "ISO14443" },
        "unknown": { "idToken": "BAD00004", "type": "ISO14443" },
        "emaid": { "idToken": "NLATTC00000001", "type": "eMAID" },
        "prepaid": { "idToken": "D001D00A", "type": "ISO14443" },
        "no-credit": { "idToken": "BAD00005", "type": "ISO14443" },
        "driver-tariff": { "idToken": "D001D011", "type": "ISO14443" },
    })
}

impl Default for Bench {
    fn default() -> Self {
        let values = defaults();
        Self::from_values(&values.as_object().cloned().unwrap_or_default(), Path::new(""))
    }
}

impl Bench {
    /// Reads a bench file.
    pub fn read(path: &Path) -> Result<Self, Defects> {
        Self::read_source(&Source::read(path)?)
    }

    /// Reads a bench.
    pub fn read_source(source: &Source) -> Result<Self, Defects> {
        let root = source.parse()?;
        let mut values = defaults();
        let mut defects = Vec::new();
        if root.kind != Kind::Null {
            merge(&mut values, &root, "", &mut defects);
        }
        defects.extend(closed::check_words(&root));
        let folder = Path::new(&*source.name).parent().unwrap_or(Path::new(""));
        let stations = stations::read(&root, folder, &mut defects);
        let mut bench = Self::from_values(&values.as_object().cloned().unwrap_or_default(), folder);
        bench.operator = operator::read(&root, &bench.values, &mut defects);
        if let Some(requests) = &mut bench.operator {
            requests.root = paths::from_here(&requests.root, folder);
        }
        bench.stations = stations;
        if defects.is_empty() {
            bench.source = ReadFrom(Some(source.clone()));
            note_places(&root, "", &mut bench.places);
            defects.extend(bench.files.defects(&bench));
            defects.extend(monitoring::defects(&bench));
            if defects.is_empty() {
                return Ok(bench);
            }
        }
        Err(source.defects(defects))
    }

    /// The folder of the authority where it has none yet: the first run makes one, which no product trusts so far.
    pub fn authority_to_be_made(&self) -> Option<&Path> {
        let folder = Some(Path::new(&self.authority)).filter(|folder| !folder.as_os_str().is_empty())?;
        (!folder.join("root.pem").exists() && !folder.join("root.key").exists()).then_some(folder)
    }

    /// The text of a value, by its name in expressions; empty where it is none.
    pub fn text(&self, name: &str) -> &str {
        self.values.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// What tests make up or are given for payments and networks, and what nobody else may see.
    pub fn secrets_within(&self) -> impl Iterator<Item = Secret> + '_ {
        let places = [("payment", "shared_secret"), ("apn", "password")];
        let texts = places.into_iter().filter_map(|(part, name)| self.values.get(part)?[name].as_str());
        texts.filter(|text| !text.is_empty()).map(Secret::new)
    }

    /// The text of one of its tokens; empty where it has none of this name.
    pub fn token(&self, name: &str) -> &str {
        self.values.get("tokens").and_then(|tokens| tokens[name]["idToken"].as_str()).unwrap_or_default()
    }

    /// A defect at the value of a key (`a.b` within a mapping), or at the file as a whole where it does not give the key.
    pub fn defect(&self, key: &str, message: impl Into<String>, help: impl Into<String>) -> Defect {
        let within = key.split('.').next().unwrap_or(key);
        let at = self.places.get(key).or_else(|| self.places.get(within)).copied().unwrap_or_default();
        Defect::new(at, message, help)
    }

    /// Bundles defects of this bench.
    pub fn defects(&self, defects: Vec<Defect>) -> Defects {
        self.source.0.clone().unwrap_or_else(|| Source::new("the default bench", "")).defects(defects)
    }

    /// `folder` is where relative paths begin.
    fn from_values(given: &Map<String, Value>, folder: &Path) -> Self {
        let mut values = given.clone();
        paths::resolve(&mut values, folder);
        let text = |key: &str| values.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        // Expressions write names with underscores.
        fn underscored(value: &Value) -> Value {
            match value {
                Value::Object(members) => Value::Object(
                    members.iter().map(|(key, value)| (key.replace('-', "_"), underscored(value))).collect(),
                ),
                other => other.clone(),
            }
        }
        let password = Secret::new(text("password"));
        let settings = given.iter().map(|(key, value)| (key.clone(), redacted(key, value))).collect();
        let mut shown = values.clone();
        for secret in ["password", files::SECRET] {
            shown.remove(secret);
        }
        let shown = match underscored(&Value::Object(shown)) {
            Value::Object(shown) => shown,
            _ => Map::new(),
        };
        Self {
            listen: text("listen"),
            listen_second: text("listen-second"),
            host: text("host"),
            files: FileBench::of(&values),
            url: text("url"),
            identity: text("identity"),
            password,
            security_profile: values
                .get("security-profile")
                .and_then(Value::as_u64)
                .map_or(1, |n| u8::try_from(n).unwrap_or(u8::MAX)),
            tested_by: tested_by::of(&values),
            authority: text("authority"),
            calibration: text("calibration"),
            certificate: text("certificate"),
            key: text("key"),
            root: text("root"),
            stations: Vec::new(),
            operator: None,
            values: shown,
            settings,
            source: ReadFrom(None),
            places: HashMap::new(),
        }
    }

    /// Every setting in force under the name it has in the file, secrets redacted.
    pub fn settings(&self) -> &Map<String, Value> {
        &self.settings
    }
}

/// Notes where each key's value stands.
fn note_places(node: &Node, within: &str, places: &mut HashMap<String, Position>) {
    for (key, value) in node.map().unwrap_or_default() {
        let here = if within.is_empty() { key.name.clone() } else { format!("{within}.{}", key.name) };
        note_places(value, &here, places);
        places.insert(here, value.at);
    }
}

/// Parts of the file that are more than values over defaults.
const SECTIONS: [&str; 2] = ["stations", "operator"];

/// Lays a file over the defaults; keys and kinds must be known. Tokens may have any name.
fn merge(values: &mut Value, node: &Node, path: &str, defects: &mut Vec<Defect>) {
    let (Value::Object(known), Some(entries)) = (values, node.map()) else {
        defects.push(Defect::new(
            node.at,
            format!("a mapping was expected, found {}", node.describe()),
            "write `key: value`",
        ));
        return;
    };
    for (key, value) in entries {
        if path.is_empty() && SECTIONS.contains(&key.name.as_str()) {
            continue;
        }
        let here = if path.is_empty() { key.name.clone() } else { format!("{path}.{}", key.name) };
        if path == "tokens" || path.starts_with("tokens.") {
            known.insert(key.name.clone(), value.to_json());
            continue;
        }
        match known.get_mut(&key.name) {
            None => {
                let owner = Owner::of_keys(if path.is_empty() { "a bench" } else { path }, None);
                defects.push(owner.unknown(key, known.keys().map(String::as_str)));
            }
            Some(slot @ Value::Object(_)) => merge(slot, value, &here, defects),
            Some(slot) => {
                let new = value.to_json();
                let same_kind = match (&*slot, &new) {
                    (Value::Number(_), Value::Number(number)) => number.as_f64().is_some_and(|number| number >= 0.0),
                    (Value::String(_), Value::String(_)) => true,
                    (Value::Bool(_), Value::Bool(_)) => true,
                    _ => false,
                };
                if let Some(address) = files::port_alone(&here, slot, &new) {
                    *slot = address;
                } else if same_kind {
                    defects.extend(numbers::defect(&here, &new, value));
                    *slot = new;
                } else {
                    let wanted = if slot.is_number() { "a number, 0 or above" } else { "text (in quotes)" };
                    let found =
                        if is_secret_key(&here) { value.describe_secret().to_owned() } else { value.describe() };
                    let message = format!("`{here}` can't be {found}");
                    defects.push(Defect::new(value.at, message, format!("write {wanted}")));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_lays_over_the_defaults() {
        let text = "identity: CS 7\nmessage-timeout: 5\ntokens:\n  valid: { idToken: X1, type: Central }\n";
        let bench = Bench::read_source(&Source::new("b.yaml", text)).unwrap();
        assert_eq!(bench.identity, "CS 7");
        assert_eq!(bench.values["message_timeout"], 5);
        assert_eq!(bench.values["tokens"]["valid"]["type"], "Central");
        assert_eq!(bench.values["tokens"]["invalid"]["idToken"], "BAD00001");
        assert!(!bench.values.contains_key("password"));
    }

    #[test]
    fn what_is_written_of_a_bench_holds_no_secret_and_reads_back() {
        let source = |text: &str| Bench::read_source(&Source::new("b.yaml", text)).unwrap();
        let bench = source("identity: CS 7\npassword: hunter2-hunter2\nmessage-timeout: 5\n");
        let text = serde_saphyr::to_string(bench.settings()).unwrap();
        assert!(!text.contains("hunter2") && text.contains("[redacted]"), "{text}");
        assert_eq!(source(&text).settings(), bench.settings());
        assert_eq!(redacted("headers", &json!({ "Authorization": "Bearer x" })), json!("[redacted]"));
    }

    #[test]
    fn what_no_monitor_could_have_is_a_defect() {
        for (text, complaint) in [
            ("monitoring: { severity: 9 }\n", "write a whole number from 0 to 8"),
            ("monitoring: { lower-threshold: 200 }\n", "not below the upper threshold"),
            ("monitoring: { delta: -1 }\n", "write a number, 0 or above"), // N04.FR.14
        ] {
            let defects = Bench::read_source(&Source::new("b.yaml", text)).unwrap_err().to_string();
            assert!(defects.contains(complaint), "{defects}");
        }
        let right =
            "monitoring: { number: \"EVSE[2].Power\", severity: 0, lower-threshold: 1, upper-threshold: 7000 }\n";
        let bench = Bench::read_source(&Source::new("b.yaml", right)).unwrap();
        assert_eq!(bench.values["monitoring"]["upper_threshold"], 7000);
        assert_eq!(bench.values["monitoring"]["delta"], 100);
    }

    #[test]
    fn a_number_is_one_that_messages_and_dates_take() {
        let read = |text: &str| Bench::read_source(&Source::new("b.yaml", text)).map_err(|defects| defects.to_string());
        for (text, complaint) in [
            ("evse: { id: 1.5 }\n", "`evse.id` can't be the number 1.5"),
            ("security-profile: 4\n", "write a whole number from 0 to 3"),
            ("schedule-ahead: 2000000000\n", "write a number from 0 to 1000000000"),
            ("model: a model of more than 20 characters\n", "messages have room for 20"),
            ("files: 70000\n", "`files` can't be the number 70000"),
        ] {
            let defects = read(text).unwrap_err();
            assert!(defects.contains(complaint), "{text}{defects}");
        }
        assert_eq!(read("message-timeout: 0.5\n").unwrap().values["message_timeout"], 0.5);
        let files = read("files: 0\nfiles-sftp: 2222\n").unwrap().files;
        let listen = |protocol| files.listen(protocol).to_owned();
        use crate::protocol::transfer::Protocol;
        assert_eq!((listen(Protocol::Http), listen(Protocol::Sftp)), ("127.0.0.1:0".into(), "127.0.0.1:2222".into()));
    }

    #[test]
    fn only_ocpp_1_6_knows_stations_that_do_not_authenticate() {
        let bench = Bench::read_source(&Source::new("b.yaml", "security-profile: 0\n")).unwrap();
        let pics = |name: &str| {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("pics");
            crate::pics::reader::read(&folder.join(name)).unwrap()
        };
        assert!(bench.fits(&pics("reference-station-1.6.yaml")).is_ok());
        let why = bench.fits(&pics("reference-station.yaml")).unwrap_err().to_string();
        assert!(why.contains("b.yaml:1:19: OCPP 2.0.1 has no security profile 0"), "{why}");
    }

    #[test]
    fn every_defect_is_named() {
        let text = "identty: x\nmessage-timeout: soon\nevse: 3\nsecurity-profile: 1\n";
        let defects = Bench::read_source(&Source::new("b.yaml", text)).unwrap_err();
        insta::assert_snapshot!(defects.to_string(), @r#"
        b.yaml:1:1: a bench has no key `identty`
            → did you mean `identity`?
        b.yaml:2:18: `message-timeout` can't be the text "soon"
            → write a number, 0 or above
        b.yaml:3:7: a mapping was expected, found the number 3
            → write `key: value`
        "#);
    }
}
