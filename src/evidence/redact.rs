//! A run without what its vendor keeps to itself: tokens, addresses and serial numbers, each replaced by the same text wherever it
//! stands. What replaces them is made at random, so that nobody finds a short token by trying all of them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    net::IpAddr,
    path::{Path, PathBuf},
    sync::LazyLock,
};

use aho_corasick::{AhoCorasick, MatchKind};
use rand::Rng as _;
use regex::Regex;
use serde_json::Value;

use super::{
    manifest::Redacted,
    package::{PackageError, is_chained},
    recordings::Libraries,
};
use crate::{
    parallel::{cores, in_parallel},
    record::{
        PicsFacts, TraceEntry, TraceEvent,
        chain::{self, Chain},
        folder, read, seal,
    },
    replay, report,
    results::TraceSummary,
};

/// Shorter texts stand in too many places to be replaced.
const SHORTEST: usize = 4;

/// Members whose text is a token.
const TOKENS: [&str; 5] = ["idtoken", "idtag", "parentidtag", "emaid", "groupidtoken"];
/// Members whose text is a serial number or another number that names one device.
const SERIALS: [&str; 7] = [
    "serialnumber",
    "chargepointserialnumber",
    "chargeboxserialnumber",
    "meterserialnumber",
    "iccid",
    "imsi",
    "macaddress",
];
/// Members whose text is an address.
const ADDRESSES: [&str; 4] = ["host", "hostname", "ipaddress", "ocppcsmsurl"];
/// What tells nothing of a bench.
const EVERYWHERE: [&str; 5] = ["localhost", "simulated", "127.0.0.1", "0.0.0.0", "[::1]"];

static URL_HOST: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"[a-z0-9+.-]+://(?:[^/@"\\\s]*@)?([^/:"\\\s?#\]]+)"#).ok());
static IPV4: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\b\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}\b").ok());

/// Redacted copies of runs, which are removed when this is dropped.
pub(super) struct Redaction {
    pub(super) folders: Vec<PathBuf>,
    /// What was done; without the seals of the originals.
    pub(super) told: Redacted,
    root: PathBuf,
}

impl Drop for Redaction {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.root);
    }
}

/// Makes redacted copies of runs: the same value is replaced by the same text in all of them.
pub(super) fn redact(runs: &[PathBuf]) -> Result<Redaction, PackageError> {
    let own = |error: std::io::Error| PackageError::Own(error.to_string());
    let mut values = Values::default();
    for run in runs {
        for path in seal::evidence(run).map_err(own)?.iter().filter(|path| is_text(path)) {
            values.gather(path, &fs::read_to_string(run.join(path)).map_err(own)?);
        }
    }
    let replacer = Replacer::new(&values)?;
    let root = std::env::temp_dir().join(format!("ocpp-attest-redact-{}", uuid::Uuid::new_v4().simple()));
    let mut redaction = Redaction {
        folders: Vec::new(),
        told: Redacted {
            what: vec!["tokens".into(), "addresses".into(), "serial numbers".into()],
            values: values.0.len(),
            original_seals: Vec::new(),
            left_out: Vec::new(),
            not_judged_again: Vec::new(),
        },
        root: root.clone(),
    };
    let mut otherwise = BTreeSet::new();
    for (number, run) in runs.iter().enumerate() {
        let folder = root.join((number + 1).to_string());
        redaction.folders.push(folder.clone());
        let mut uploads = 0;
        for path in seal::evidence(run).map_err(own)? {
            if path.starts_with("uploads/") {
                uploads += 1;
                continue;
            }
            let target = folder.join(&path);
            if let Some(parent) = target.parent() {
                fs::create_dir_all(parent).map_err(own)?;
            }
            let content = fs::read(run.join(&path)).map_err(own)?;
            let content =
                if is_text(&path) { replacer.file(&path, &String::from_utf8_lossy(&content)) } else { content };
            fs::write(target, content).map_err(own)?;
        }
        if uploads > 0 {
            redaction
                .told
                .left_out
                .push(format!("the {uploads} files that the product has sent, of run {}", number + 1));
        }
        let whole = read::run(&folder)?;
        let mut results = whole.results;
        // A digest of answers in which something was replaced.
        results.pics = results.pics.map(|_| PicsFacts::of(&whole.pics));
        folder::write_results(&folder, &results)?;
        let seal = seal::write(&folder)?;
        let trace = TraceSummary::read(&whole.pics, &folder)?;
        let run =
            report::Run { pics: &whole.pics, plan: &whole.plan, results: &results, trace: &trace, seal: Some(&seal) };
        report::write_all(&folder, report::Format::ALL, run).map_err(|error| PackageError::Own(error.to_string()))?;
        otherwise.extend(judged_otherwise(&folder));
    }
    redaction.told.not_judged_again = otherwise.into_iter().collect();
    Ok(redaction)
}

/// The files in which something is replaced; the test cases stay as they are.
fn is_text(path: &str) -> bool {
    !path.starts_with("uploads/") && !path.starts_with("inputs/testcases/")
}

/// The test cases whose recordings are judged otherwise now.
fn judged_otherwise(folder: &Path) -> BTreeSet<String> {
    let libraries = Libraries::default();
    let otherwise = in_parallel(replay::kept(folder).unwrap_or_default(), cores(), |(id, path)| {
        let same = replay::read(&path).is_ok_and(|all| {
            all.iter().all(|kept| {
                let again = libraries.judge(folder, kept);
                again.is_ok_and(|(again, _)| again.divergence.is_none() && kept.verdict() == Some(again.verdict))
            })
        });
        (!same).then_some(id)
    });
    otherwise.into_iter().flatten().collect()
}

/// The values that are replaced, with what stands for them.
#[derive(Default)]
struct Values(BTreeMap<String, String>);

impl Values {
    fn gather(&mut self, path: &str, text: &str) {
        if path == "bench.yaml" {
            if let Ok(bench) = serde_saphyr::from_str::<Value>(text) {
                self.value(&bench, false);
                self.every(&bench["tokens"]);
            }
        } else if seal::is_a(path, "json") {
            if let Ok(value) = serde_json::from_str(text) {
                self.value(&value, false);
            }
        } else if seal::is_a(path, "jsonl") {
            for line in text.lines() {
                if let Ok(value) = serde_json::from_str(line) {
                    self.value(&value, false);
                }
            }
        }
        if !seal::is_a(path, "yaml") || path == "bench.yaml" {
            for host in URL_HOST.iter().flat_map(|urls| urls.captures_iter(text)).filter_map(|found| found.get(1)) {
                self.add(host.as_str());
            }
        }
    }

    fn every(&mut self, value: &Value) {
        match value {
            Value::String(text) => self.add(text),
            Value::Array(items) => items.iter().for_each(|item| self.every(item)),
            // The type of a token is one of a list.
            Value::Object(members) => {
                members.iter().filter(|(name, _)| *name != "type").for_each(|(_, item)| self.every(item));
            }
            _ => {}
        }
    }

    fn value(&mut self, value: &Value, wanted: bool) {
        match value {
            Value::String(text) if wanted => self.add(text),
            // A message: JSON in a text.
            Value::String(text) if text.starts_with('[') => {
                if let Ok(frame) = serde_json::from_str::<Value>(text) {
                    self.value(&frame, false);
                }
            }
            Value::String(text) => {
                for found in IPV4.iter().flat_map(|four| four.find_iter(text)) {
                    if text.len() == found.len() || text.contains("://") || text.contains(':') {
                        self.add(found.as_str());
                    }
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.value(item, wanted)),
            Value::Object(members) => {
                // The serial number of a certificate goes with the hashes of its issuer.
                let hashes = members.contains_key("issuerNameHash");
                for (name, value) in members {
                    let name: String =
                        name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
                    let listed = |names: &[&str]| names.contains(&name.as_str());
                    let serial = listed(&SERIALS) && !hashes;
                    self.value(value, value.is_string() && (listed(&TOKENS) || serial || listed(&ADDRESSES)));
                }
            }
            _ => {}
        }
    }

    fn add(&mut self, text: &str) {
        let known = EVERYWHERE.contains(&text) || text.contains("[redacted]") || text.contains('\u{27e6}');
        let letters = text.chars().filter(char::is_ascii_alphanumeric).count();
        if known || letters < SHORTEST || text.len() > 300 || self.0.contains_key(text) {
            return;
        }
        let stands = stand_in(text);
        self.0.insert(text.to_owned(), stands);
    }
}

/// A text of the same form: a letter for a letter, a digit for a digit; an address of a network that is for tests.
fn stand_in(text: &str) -> String {
    let mut rng = rand::rng();
    if text.parse::<IpAddr>().is_ok_and(|address| address.is_ipv4()) {
        return format!("198.{}.{}.{}", rng.random_range(18..20), rng.random_range(0..256), rng.random_range(1..255));
    }
    let digits = text.chars().all(|c| c.is_ascii_hexdigit());
    let mut one = |c: char| match c {
        'a'..='z' => char::from(rng.random_range(b'a'..=if digits { b'f' } else { b'z' })),
        'A'..='Z' => char::from(rng.random_range(b'A'..=if digits { b'F' } else { b'Z' })),
        '0'..='9' => char::from(rng.random_range(b'0'..=b'9')),
        other => other,
    };
    text.chars().map(&mut one).collect()
}

/// Puts what stands for a value in its place, where it stands as a word of its own.
struct Replacer {
    finder: AhoCorasick,
    by: Vec<String>,
}

impl Replacer {
    fn new(values: &Values) -> Result<Self, PackageError> {
        let finder = AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(values.0.keys());
        let finder = finder.map_err(|error| PackageError::Own(error.to_string()))?;
        Ok(Self { finder, by: values.0.values().cloned().collect() })
    }

    fn text(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
        self.finder.replace_all_with(text, &mut out, |found, inside, out| {
            let within = word(text[..found.start()].chars().next_back()) || word(text[found.end()..].chars().next());
            out.push_str(if within { inside } else { &self.by[found.pattern().as_usize()] });
            true
        });
        out
    }

    fn value(&self, value: Value) -> Value {
        match value {
            Value::String(text) => self.text(&text).into(),
            Value::Array(items) => items.into_iter().map(|item| self.value(item)).collect(),
            Value::Object(members) => {
                Value::Object(members.into_iter().map(|(name, value)| (name, self.value(value))).collect())
            }
            other => other,
        }
    }

    /// A file of a run folder; its hash chain is made again.
    fn file(&self, path: &str, text: &str) -> Vec<u8> {
        if seal::is_a(path, "jsonl") {
            let mut out = Vec::new();
            let mut chain = is_chained(path).then(|| Chain::begin(path));
            for line in text.lines() {
                let (line, chained) = chain::split(line.as_bytes());
                let Ok(value) = serde_json::from_slice::<Value>(&line) else { continue };
                let line = serde_json::to_vec(&self.value(value)).unwrap_or_default();
                match (&mut chain, chained) {
                    (Some(chain), Some(_)) => match withdrawn(&line) {
                        Some(digests) => chain.stand_in(&line, &digests, &mut out),
                        None => chain.add(&line, &mut out),
                    },
                    _ => {
                        out.extend(line);
                        out.push(b'\n');
                    }
                }
            }
            return out;
        }
        if seal::is_a(path, "json") {
            if let Ok(value) = serde_json::from_str::<Value>(text) {
                let mut out = serde_json::to_vec_pretty(&self.value(value)).unwrap_or_default();
                out.push(b'\n');
                return out;
            }
        }
        self.text(text).into_bytes()
    }
}

fn withdrawn(line: &[u8]) -> Option<Vec<String>> {
    match serde_json::from_slice::<TraceEntry>(line).ok()?.what {
        TraceEvent::Withdrawn { digests } => Some(digests),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_replaced_wherever_it_stands_as_a_word_and_nowhere_else() {
        let mut values = Values::default();
        let line = r#"{"text":"[2,\"1\",\"Authorize\",{\"idToken\":{\"idToken\":\"04AB12CD\",\"type\":\"ISO14443\"},\"serialNumber\":\"SN-778899\"}]","host":"lab.example","n":4}"#;
        values.gather("trace.jsonl", line);
        values.gather(
            "bench.yaml",
            "url: ws://10.9.8.7:80/ocpp\nlisten: 192.168.4.4:9000\ntokens: { valid: { idToken: TOKEN-0001, type: Central } }\n",
        );
        let found: Vec<&str> = values.0.keys().map(String::as_str).collect();
        assert_eq!(found, ["04AB12CD", "10.9.8.7", "192.168.4.4", "SN-778899", "TOKEN-0001", "lab.example"]);
        let replacer = Replacer::new(&values).unwrap();
        let text = replacer.text(r#""04AB12CD" 04AB12CDE SN-778899 at lab.example, not collab.example"#);
        let stands = &values.0["04AB12CD"];
        assert!(text.starts_with(&format!("{stands:?} 04AB12CDE ")), "{text}");
        assert!(
            text.ends_with("not collab.example") && !text.contains("SN-778899") && !text.contains(" lab.example"),
            "{text}"
        );
        assert_eq!(stands.len(), 8);
        // Numbers are never touched.
        let written = replacer.file("trace.jsonl", r#"{"at":10987,"a":"10.9.8.7"}"#);
        assert!(String::from_utf8(written).unwrap().starts_with(r#"{"at":10987,"a":"198."#));
    }
}
