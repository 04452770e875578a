//! Every key and every closed value of the files that people write is misspelled, one at a time: the mistake is told when the
//! file is read, at its line. What is legitimately free is listed here, and nothing else is.

use std::{collections::BTreeSet, path::Path, sync::LazyLock};

use crate::common::{CATALOGUE, library as library_of};
use ocpp_attest::{
    bench::Bench,
    expect::Expectations,
    pics::{SutKind, reader as pics_reader},
    protocol::{OCPP_2_0_1, Version, member::Member},
    testcase::{
        catalogue::{self, Origin},
        dialect::Dialect,
        library::{self, Library},
        reader,
        scope::Names,
    },
    yaml::{Defects, Kind, Node, Position, Source},
};

/// Places whose values are the author's own, by the end of their path; `*` is any one key, `**` all that is below. Each with the reason.
const FREE: &[(&str, &str)] = &[
    // Sentences.
    ("title", "a sentence"),
    ("purpose", "a sentence"),
    ("note", "a sentence"),
    ("otherwise", "a sentence"),
    ("exclusive", "a sentence"),
    ("remark", "a sentence"),
    ("further-requirements.*", "a sentence"),
    ("differences.*", "a sentence"),
    // Expressions: their names are misspelled by themselves, below.
    ("when", "an expression"),
    ("until", "an expression"),
    ("assert", "an expression"),
    ("no-reply", "an expression"),
    ("that", "an expression"),
    // Names and values that a test case keeps for itself.
    ("as", "a name of the author's"),
    ("for-each", "a name of the author's"),
    ("in", "a list of the author's"),
    ("let.**", "a value of the author's"),
    ("set.*", "the value of a variable"),
    ("variants.*", "a value of the author's"),
    ("parameters.**", "a value of the author's"),
    ("reached.*", "a value of the author's"),
    ("run+with.**", "a value for a parameter of a state"),
    ("variables.*", "the value of a configuration variable"),
    ("variables.*.contains", "the value of a configuration variable"),
    ("variables.*.without", "the value of a configuration variable"),
    // Texts that no list closes.
    ("offer.subprotocols", "a sub-protocol, right or wrong"),
    ("offer.password", "a password"),
    ("offer.user", "a user name"),
    ("operator+with.component", "components and variables can be a vendor's"),
    ("operator+with.variable", "components and variables can be a vendor's"),
    ("operator+with.value", "the value of a variable"),
    ("operator+with.station", "an identity"),
    ("operator+with.identifier", "a customer"),
    ("operator+with.token", "an idToken"),
    // Matchers of texts and times.
    ("matches", "a pattern"),
    ("contains", "a text"),
    ("at-least", "a number or a time"),
    ("at-most", "a number or a time"),
    ("near", "a number or a time"),
    // Known failures.
    ("known-failures.test", "held against the plan of the run"),
    ("known-failures.reason", "a sentence"),
    // A PICS: what is printed and decides nothing.
    ("product.*", "a text of the PICS"),
    ("hardware.HFS-9", "a text of the PICS"),
    ("hardware.HFS-10", "a text of the PICS"),
    ("evses.phases", "a text of the PICS"),
    ("evses.connectors.type", "a connector can be a vendor's"),
    ("vendor-settings.*", "a vendor's"),
    ("performance.communication", "a text of the PICS"),
    ("laboratory.*", "a text of the PICS"),
    ("approval.*.*", "a text of the PICS"),
    ("references.*", "a text of the PICS"),
    // A bench: addresses, names, secrets, files and the sentences of an operator.
    ("url", "an address"),
    ("base", "an address"),
    ("listen", "an address"),
    ("listen-second", "an address"),
    ("files", "an address"),
    ("host", "an address"),
    ("identity", "a name"),
    ("password", "a secret"),
    ("authority", "a folder"),
    ("idToken", "an idToken"),
    ("group", "an idToken"),
    ("http.configure", "a sentence instead of a request"),
    ("http.restore", "a sentence instead of a request"),
    ("http.check-variable", "a sentence instead of a request"),
    ("http.check-monitor", "a sentence instead of a request"),
    ("http.limit-transaction", "a sentence instead of a request"),
    ("http.pay-at-kiosk", "a sentence instead of a request"),
    ("http.pay-on-page", "a sentence instead of a request"),
    ("http.check-page-refused", "a sentence instead of a request"),
];

/// Mappings whose keys are the author's own.
const FREE_KEYS: &[(&str, &str)] = &[
    ("get", "components and variables can be a vendor's"),
    ("set", "components and variables can be a vendor's"),
    ("let", "names of the author's"),
    ("let.**", "a value of the author's"),
    ("variants", "names of the author's"),
    ("parameters", "names of the author's"),
    ("parameters.**", "a value of the author's"),
    ("reached", "names of the author's"),
    ("in", "a list of the author's"),
    ("variables", "components and variables can be a vendor's"),
    ("customData", "a vendor's"),
    ("run+with.*", "a value for a parameter of a state"),
    ("run+with.*.*", "a value for a parameter of a state"),
    ("tokens", "a bench can have idTokens of its own"),
];

/// Something that can be misspelled, and the line on which that must be told.
struct Word {
    at: Position,
    text: String,
    path: String,
}

fn matches(pattern: &str, path: &[String]) -> bool {
    if let Some(whole) = pattern.strip_suffix(".**") {
        return (1..=path.len()).any(|end| matches(whole, &path[..end]));
    }
    let pattern: Vec<&str> = pattern.split('.').collect();
    path.len() >= pattern.len()
        && pattern.iter().rev().zip(path.iter().rev()).all(|(wanted, found)| match wanted.split_once('+') {
            // `run+with`: the `with` of a step of this kind.
            Some((kind, key)) => *found == format!("{kind}+{key}"),
            None => *wanted == "*" || *wanted == found || found.split_once('+').is_some_and(|(_, key)| key == *wanted),
        })
}

fn is_free(table: &[(&str, &str)], path: &[String]) -> bool {
    table.iter().any(|(pattern, _)| matches(pattern, path))
}

/// Where a value stands: in a message, at a place that the schema knows or does not know; or in the file's own language.
#[derive(Clone, Copy)]
enum Place {
    File,
    Message(Option<Member>),
}

/// Everything in a file that is closed.
fn words(node: &Node, path: &mut Vec<String>, place: Place, found: &mut Vec<Word>) {
    match &node.kind {
        Kind::List(items) => {
            let place = match place {
                Place::Message(Some(member)) => Place::Message(Some(member.element())),
                other => other,
            };
            for item in items {
                words(item, path, place, found);
            }
        }
        Kind::Map(entries) => {
            let text = |key: &str| node.get(key).and_then(Node::text);
            let received = text("expect").or(text("never")).or(text("every")).or(text("ask"));
            // `get` and `set` are about the results in the answer.
            let of_result = |name: Option<&str>| {
                let (action, list) = match (node.get("get"), node.get("set")) {
                    (Some(_), _) => ("GetVariables", "getVariableResult"),
                    (None, Some(_)) => ("SetVariables", "setVariableResult"),
                    _ => return None,
                };
                let result = OCPP_2_0_1.messages().message(action, false)?.child(list).ok()??.element();
                Some(Place::Message(name.map_or(Some(result), |name| result.child(name).ok()?)))
            };
            let message = |action: Option<&str>, request| {
                Place::Message(action.and_then(|action| OCPP_2_0_1.messages().message(action, request)))
            };
            for (key, value) in entries {
                let free = is_free(FREE_KEYS, path);
                let name = key.name.as_str();
                let (inner, named) = match (place, name) {
                    (Place::File, "match") => (message(received, true), "match".to_owned()),
                    (Place::File, "reply") => (message(received, false), "reply".to_owned()),
                    (Place::File, "check") if received.is_some() => (message(received, true), "check".to_owned()),
                    (Place::File, "check") if text("send").is_some() => {
                        (message(text("send"), false), "check".to_owned())
                    }
                    (Place::File, "check") => (of_result(None).unwrap_or(Place::Message(None)), "check".to_owned()),
                    (Place::File, "status") => {
                        (of_result(Some("attributeStatus")).unwrap_or(place), "status".to_owned())
                    }
                    (Place::File, "get") => (Place::Message(None), "get".to_owned()),
                    (Place::File, "payload") => {
                        (message(text("send").or(text("action")).or(text("ask")), true), "payload".to_owned())
                    }
                    (Place::File, "with") => {
                        let kind = ["run", "operator", "service"].into_iter().find(|kind| text(kind).is_some());
                        (place, format!("{}+with", kind.unwrap_or_default()))
                    }
                    (Place::Message(_), "requirement") => (Place::File, name.to_owned()),
                    (Place::Message(member), _) => (Place::Message(follow(member, name)), name.to_owned()),
                    (Place::File, _) => (place, name.to_owned()),
                };
                if !free {
                    found.push(Word { at: key.at, text: name.to_owned(), path: path.join(".") });
                }
                path.push(named);
                words(value, path, inner, found);
                path.pop();
            }
        }
        Kind::Null => {}
        kind => {
            let text = node.scalar().unwrap_or_default();
            // A text of a message is closed where its schema has a list of words, a number and a truth value always are.
            let open = match place {
                Place::File => false,
                Place::Message(member) => {
                    matches!(kind, Kind::Text(_)) && member.is_none_or(|member| member.words().is_empty())
                }
            };
            if !open && !text.contains("{{") && !is_free(FREE, path) {
                found.push(Word { at: node.at, text, path: path.join(".") });
            }
        }
    }
}

/// The place that a key of a payload or of checks leads to: a path, or a matcher, which is about the same place.
fn follow(member: Option<Member>, key: &str) -> Option<Member> {
    const MATCHERS: [&str; 12] =
        ["absent", "present", "not", "each", "any", "when", "is", "all", "within", "near", "at-least", "at-most"];
    if MATCHERS.contains(&key) {
        return member.filter(|_| !["absent", "present", "within"].contains(&key)).map(Member::element);
    }
    key.split('.').try_fold(member?, |place, name| {
        let (name, index) = name.split_once('[').map_or((name, false), |(name, _)| (name, true));
        let next = place.child(name).ok().flatten()?;
        Some(if index { next.element() } else { next })
    })
}

/// The file with one word misspelled; nothing where the word does not stand as it is read (`yes`, `0x1`).
fn misspelled(source: &Source, word: &Word) -> Option<Source> {
    let start: usize = source.text.split_inclusive('\n').take(word.at.line - 1).map(str::len).sum();
    let line = &source.text[start..];
    let from: usize = line.chars().take(word.at.column - 1).map(char::len_utf8).sum();
    let rest = &line[from..];
    let quote = usize::from(rest.starts_with(['"', '\'']));
    if !rest[quote..].starts_with(&word.text) {
        return None;
    }
    let end = start + from + quote + word.text.len();
    Some(Source::new(source.name.clone(), format!("{}x{}", &source.text[..end], &source.text[end..])))
}

/// Misspells every word of a file; tells those that were not told at their line, and how many there were.
fn survivors(source: &Source, check: &dyn Fn(&Source) -> Result<(), Defects>) -> (Vec<String>, usize) {
    check(source).unwrap_or_else(|defects| panic!("{defects}"));
    let mut found = Vec::new();
    words(&source.parse().unwrap(), &mut Vec::new(), Place::File, &mut found);
    let mut tried = 0;
    let mut survivors = Vec::new();
    for word in &found {
        let Some(mutant) = misspelled(source, word) else { continue };
        tried += 1;
        let told =
            check(&mutant).err().is_some_and(|told| told.defects.iter().any(|told| told.at.line == word.at.line));
        if !told {
            survivors.push(format!("{}:{}: {} {}", source.name, word.at, word.path, word.text));
        }
    }
    (survivors, tried)
}

/// A word may stand in what holds for one version alone.
static TODAY: LazyLock<[Dialect; 2]> = LazyLock::new(|| [Version::V2_0_1, Version::V2_1].map(Dialect::today));

fn check_case(library: &Library, source: &Source) -> Result<(), Defects> {
    TODAY.iter().try_for_each(|dialect| check_case_of(library, source, *dialect))
}

fn check_case_of(library: &Library, source: &Source, dialect: Dialect) -> Result<(), Defects> {
    catalogue::entry(source, dialect, Origin::Folder)?;
    let case = reader::test_case(source, dialect)?;
    let defects = library::check_runs(&case.runs, &library.states, &[]);
    if defects.is_empty() { Ok(()) } else { Err(source.defects(defects)) }
}

fn check_state(library: &Library, name: &str, sut: SutKind, source: &Source) -> Result<(), Defects> {
    TODAY.iter().try_for_each(|dialect| check_state_of(library, name, sut, source, *dialect))
}

fn check_state_of(
    library: &Library,
    name: &str,
    sut: SutKind,
    source: &Source,
    dialect: Dialect,
) -> Result<(), Defects> {
    let Some(state) = library::state(source, name, sut, dialect)? else { return Ok(()) };
    let mut defects = library::check_runs(&state.runs, &library.states, &[]);
    let cases = library.cases.values().map(|case| &**case);
    defects.extend(Names::new(cases, &library.states).of_state(&state));
    if defects.is_empty() { Ok(()) } else { Err(source.defects(defects)) }
}

fn told_all(results: impl IntoIterator<Item = (Vec<String>, usize)>, at_least: usize) {
    let (mut survivors, mut tried) = (Vec::new(), 0);
    for (more, count) in results {
        survivors.extend(more);
        tried += count;
    }
    assert!(
        survivors.is_empty(),
        "{} of {tried} mistakes are not told at their line:\n{}",
        survivors.len(),
        survivors.join("\n")
    );
    assert!(tried >= at_least, "only {tried} words were misspelled");
}

/// Test cases that have every kind of step between them.
const CASES: [&str; 14] = [
    "TC_A_05_CS",
    "TC_A_06_CS",
    "TC_A_09_CS",
    "TC_A_19_CSMS",
    "TC_B_49_CS",
    "TC_B_58_CSMS",
    "TC_L_08_CS",
    "TC_E_39_CS",
    "TC_L_05_CS",
    "TC_J_01_CS",
    "TC_K_54_CS",
    "TC_A_08_CSMS",
    "TC_B_31_CSMS",
    "TC_B_02_CS",
];

#[test]
fn a_misspelled_word_of_a_test_case_is_told() {
    told_all(
        CASES.iter().map(|id| {
            let entry = &CATALOGUE.cases[*id];
            let library = library_of(entry.header.sut);
            survivors(&entry.source, &|source| check_case(library, source))
        }),
        500,
    );
}

#[test]
fn a_misspelled_word_of_a_state_is_told() {
    let states = CATALOGUE.states.iter().enumerate().filter(|(number, _)| number % 6 == 0);
    told_all(
        states.map(|(_, ((sut, name), source))| {
            let library = library_of(*sut);
            survivors(source, &|source| check_state(library, name, *sut, source))
        }),
        300,
    );
}

/// The file with a name misspelled that an expression at this place uses.
fn with_name_misspelled(source: &Source, name: &str, at: Position) -> Option<Source> {
    let start: usize = source.text.split_inclusive('\n').take(at.line - 1).map(str::len).sum();
    let is_part = |c: char| c.is_alphanumeric() || ['_', '.', '-', '\'', '"'].contains(&c);
    // An expression stands in its line, or as a block below it.
    let line = source.text[start..].lines().next().unwrap_or_default();
    let is_block = line.ends_with(['|', '>', '-']);
    let lines = if is_block { &source.text[start..] } else { line };
    // Beside expressions in braces there may be prose.
    let scalar = lines.get(at.column - 1..).and_then(|rest| rest.strip_prefix('"'));
    let has_prose = scalar.and_then(|rest| rest.split('"').next()).is_some_and(|text| text.contains("{{"));
    let (from, _) = lines.match_indices(name).find(|(from, _)| {
        let before = source.text[..start + from].chars().next_back();
        let after = source.text[start + from + name.len()..].chars().next();
        let ends = after.is_none_or(|c| !is_part(c) || c == '.' || c == '"');
        let inside = !has_prose || lines[..*from].rfind("{{") > lines[..*from].rfind("}}");
        let ends = ends && inside;
        *from + 1 >= at.column && before.is_none_or(|c| !is_part(c) || c == '"') && ends
    })?;
    let end = start + from + name.len();
    Some(Source::new(source.name.clone(), format!("{}x{}", &source.text[..end], &source.text[end..])))
}

#[test]
fn a_misspelled_name_in_an_expression_is_told() {
    let mut tried = 0;
    let mut survivors = Vec::new();
    let names = |library: &'static Library| Names::new(library.cases.values().map(|case| &**case), &library.states);
    let (stations, csms) = (names(library_of(SutKind::ChargingStation)), names(library_of(SutKind::Csms)));
    let names = |sut: SutKind| if sut == SutKind::Csms { &csms } else { &stations };
    for id in CASES {
        let entry = &CATALOGUE.cases[id];
        let case = &library_of(entry.header.sut).cases[id];
        for (name, at) in case.names.used() {
            let Some(mutant) = with_name_misspelled(&entry.source, name, at) else { continue };
            let Ok(case) = reader::test_case(&mutant, TODAY[0]) else { continue };
            tried += 1;
            let told = names(entry.header.sut).of_case(&case);
            if !told.iter().any(|told| told.at == at && told.message.contains(&format!("`{name}x`"))) {
                survivors.push(format!("{}:{at}: {name}", entry.source.name));
            }
        }
    }
    for ((sut, stem), source) in CATALOGUE.states.iter().step_by(6) {
        let Some(state) = library_of(*sut).states.get(stem) else { continue };
        for (name, at) in state.names.used() {
            let Some(mutant) = with_name_misspelled(source, name, at) else { continue };
            let Ok(Some(state)) = library::state(&mutant, stem, *sut, TODAY[0]) else { continue };
            tried += 1;
            let told = names(*sut).of_state(&state);
            if !told.iter().any(|told| told.at == at && told.message.contains(&format!("`{name}x`"))) {
                survivors.push(format!("{}:{at}: {name}", source.name));
            }
        }
    }
    assert_eq!(survivors, [""; 0], "of {tried}");
    assert!(tried > 200, "only {tried} names were misspelled");
}

#[test]
fn every_kind_of_step_is_among_them() {
    use ocpp_attest::testcase::language::{STEPS, StepInfo};
    let mut kinds = BTreeSet::new();
    let states = CATALOGUE.states.values().step_by(6);
    for source in CASES.iter().map(|id| &CATALOGUE.cases[*id].source).chain(states) {
        kinds.extend(STEPS.iter().map(StepInfo::name).filter(|name| source.text.contains(&format!("{name}:"))));
    }
    let missing: Vec<&str> = STEPS.iter().map(StepInfo::name).filter(|name| !kinds.contains(name)).collect();
    assert_eq!(missing, [""; 0]);
}

fn file(path: &str) -> Source {
    Source::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

#[test]
fn a_misspelled_word_of_a_pics_is_told() {
    let files = ["pics/cp-flex-plus-eu.yaml", "pics/greenflux-ev-platform.yaml"];
    told_all(files.map(|path| survivors(&file(path), &|source| pics_reader::read_source(source).map(|_| ()))), 100);
}

#[test]
fn a_misspelled_word_of_a_bench_is_told() {
    let files = ["fixtures/benches/csms-octt-api.yaml", "fixtures/benches/simulated-station-beny.yaml"];
    let words = Source::new(
        "bench.yaml",
        "authorization: local\ncharging-rate-unit: A\ntx-start-point: EVConnected\ntx-stop-point: Authorized\n\
         ocpp-interface: Wired0\nsecurity-profile: 1\nevse: { id: 1, connector: 2 }\nreader-per-evse: true\n\
         tokens:\n  valid: { idToken: D1, type: ISO14443, group: G }\n",
    );
    let files = files.map(file).into_iter().chain([words]);
    told_all(files.map(|source| survivors(&source, &|source| Bench::read_source(source).map(|_| ()))), 60);
}

#[test]
fn a_misspelled_word_of_known_failures_is_told() {
    let text = "known-failures:\n  - test: TC_B_01_CS\n    verdict: [fail, flaky]\n    reason: ticket 7\n    expires: 2030-01-01\n";
    let source = Source::new("known.yaml", text);
    told_all([survivors(&source, &|source| Expectations::read_source(source).map(|_| ()))], 5);
}
