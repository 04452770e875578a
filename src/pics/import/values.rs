//! What people write as the answer to a row.

use std::sync::LazyLock;

use regex::Regex;

use crate::pics::reader::words::{TIME_SOURCES, TRANSFERS};

/// A value, and what was guessed of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Read<T> {
    pub(super) value: T,
    /// What was guessed, in words.
    pub(super) guessed: Option<String>,
}

impl<T> Read<T> {
    fn sure(value: T) -> Self {
        Self { value, guessed: None }
    }

    fn guessed(value: T, guess: String) -> Self {
        Self { value, guessed: Some(guess) }
    }
}

/// Words that say that there is no answer.
pub(super) fn is_none(text: &str) -> bool {
    let text = text.trim().trim_matches(['(', ')', '.']).to_lowercase();
    let dashes = !text.is_empty() && text.chars().all(|c| matches!(c, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}'));
    dashes
        || matches!(
            text.as_str(),
            "n/a" | "na" | "n.a" | "n. a" | "not applicable" | "none" | "not stated" | "tbd" | "unknown"
        )
}

/// True for what stands in the place of a number that there is not: `not stated`, `not measurable`, `-`.
pub(super) fn is_unmeasured(text: &str) -> bool {
    let mut words = text.split(' ');
    words.next().is_some_and(|first| first == "not" || is_none(first))
}

/// Yes or No.
pub(super) fn yes_no(text: &str) -> Option<Read<bool>> {
    let text = text.trim();
    let lower = text.to_lowercase();
    let plain = lower.trim_end_matches(['.', ',', ';']);
    match plain {
        "yes" => return Some(Read::sure(true)),
        "no" => return Some(Read::sure(false)),
        "y" | "true" | "supported" | "present" | "✓" | "✔" | "☑" | "☒" | "✅" => {
            return Some(Read::guessed(true, format!("\"{text}\" was taken as Yes")));
        }
        "n" | "false" | "not supported" | "not present" | "✗" | "✘" | "☐" | "❌" => {
            return Some(Read::guessed(false, format!("\"{text}\" was taken as No")));
        }
        _ => {}
    }
    if is_none(text) {
        return Some(Read::guessed(false, format!("\"{text}\" was taken as No: what does not apply is not supported")));
    }
    // `Yes (by RFID)`, `No*`, `Yes 1)`.
    let value = [("yes", true), ("no", false)].into_iter().find_map(|(word, value)| {
        let rest = lower.strip_prefix(word)?;
        let note = rest.starts_with(['(', '*', ',', ';', ':', '¹', '²', '³', '†', '['])
            || rest.starts_with(" (")
            || rest.starts_with(" *")
            || rest.starts_with(" -")
            || rest.starts_with(" –")
            || rest.trim_start().trim_end_matches(')').chars().all(|c| c.is_ascii_digit());
        note.then_some((word, value))
    });
    value
        .map(|(word, value)| Read::guessed(value, format!("\"{text}\" was taken as \"{word}\"; the rest was left out")))
}

/// A whole number.
pub(super) fn number(text: &str) -> Option<Read<i64>> {
    static GROUPED: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"^-?\d{1,3}(?:,\d{3})+$|^-?\d{1,3}(?: \d{3})+$|^-?\d{1,3}(?:['’]\d{3})+$").ok());
    static UNIT: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r"(?i)^(-?\d+) ?(?:s|sec|secs|second|seconds|bytes?|kb|items?|entries|certificates?|\(.*\))\.?$")
            .ok()
    });
    let text = text.trim();
    if let Ok(number) = text.parse() {
        return Some(Read::sure(number));
    }
    if GROUPED.as_ref()?.is_match(text) {
        let digits: String = text.chars().filter(|c| c.is_ascii_digit() || *c == '-').collect();
        return digits.parse().ok().map(|number| Read::guessed(number, format!("\"{text}\" was taken as {number}")));
    }
    let found = UNIT.as_ref()?.captures(text)?;
    if text.to_lowercase().ends_with("kb") {
        return None;
    }
    found[1].parse().ok().map(|number| Read::guessed(number, format!("\"{text}\" was taken as {number}")))
}

/// The items of a list of words.
pub(super) fn words(id: &str, text: &str) -> Read<Vec<String>> {
    let text = text.trim();
    if text.is_empty() || is_none(text) {
        return Read::sure(Vec::new());
    }
    let named =
        |words: Vec<&str>| words.iter().map(|word| word.trim().to_owned()).filter(|word| !word.is_empty()).collect();
    // File transfer protocols and time sources are one word each.
    if matches!(id, "ORS-24" | "C-23") {
        let words =
            text.split([',', ';', '/', '&', '+', ' ', '•', '|']).filter(|word| !word.eq_ignore_ascii_case("and"));
        return Read::sure(named(words.collect()));
    }
    if text.contains([',', ';']) {
        return Read::sure(named(text.split([',', ';']).collect()));
    }
    if id == "C-41" && text.contains("TLS_") {
        return suites(text);
    }
    let mut words: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match words.last_mut() {
            Some(last) if id == "HFS-9" && word.eq_ignore_ascii_case("network") => {
                last.push(' ');
                last.push_str(word);
            }
            _ => words.push(word.to_owned()),
        }
    }
    Read::sure(words)
}

/// Names of cipher suites, which are long: some are broken where their cell ends, and some run into each other.
fn suites(text: &str) -> Read<Vec<String>> {
    let is_rest = |word: &str| word.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_');
    let mut joined: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match joined.last_mut().filter(|last| last.starts_with("TLS") && !word.starts_with("TLS") && is_rest(word)) {
            Some(last) => last.push_str(word),
            None => joined.push(word.to_owned()),
        }
    }
    let words: Vec<String> = joined
        .iter()
        .flat_map(|word| word.replace("TLS_", " TLS_").split_whitespace().map(str::to_owned).collect::<Vec<_>>())
        .collect();
    let whole = |word: &&String| !text.split_whitespace().any(|there| there == word.as_str());
    let mended: Vec<String> = words.iter().filter(whole).map(|word| format!("\"{word}\"")).collect();
    let guess = || format!("{} was put together of several lines", mended.join(", "));
    Read { guessed: (!mended.is_empty()).then(guess), value: words }
}

/// True for what is usual among the words of a list: protocols, time sources and cipher suites are well known.
pub(super) fn is_usual(id: &str, word: &str) -> bool {
    let among = |words: &[&str]| words.iter().any(|known| known.eq_ignore_ascii_case(word));
    match id {
        "ORS-24" => among(&TRANSFERS),
        "C-23" => among(&TIME_SOURCES),
        "C-41" => word.contains(['_', '-']) && !word.contains(char::is_lowercase),
        _ => true,
    }
}

/// The measurands of OCPP 2.0.1 (Part 2, `MeasurandEnumType`).
const MEASURANDS: [&str; 25] = [
    "Current.Export",
    "Current.Import",
    "Current.Offered",
    "Energy.Active.Export.Register",
    "Energy.Active.Import.Register",
    "Energy.Reactive.Export.Register",
    "Energy.Reactive.Import.Register",
    "Energy.Active.Export.Interval",
    "Energy.Active.Import.Interval",
    "Energy.Active.Net",
    "Energy.Reactive.Export.Interval",
    "Energy.Reactive.Import.Interval",
    "Energy.Reactive.Net",
    "Energy.Apparent.Net",
    "Energy.Apparent.Import",
    "Energy.Apparent.Export",
    "Frequency",
    "Power.Active.Export",
    "Power.Active.Import",
    "Power.Factor",
    "Power.Offered",
    "Power.Reactive.Export",
    "Power.Reactive.Import",
    "SoC",
    "Voltage",
];

/// True for what may be a measurand, or a part of one.
pub(super) fn is_measurand(word: &str) -> bool {
    let word = word.trim_matches([',', ';']);
    !word.is_empty()
        && word.len() < 60
        && word.split('.').all(|part| part.chars().all(|c| c.is_ascii_alphanumeric()))
        && word.chars().any(|c| c.is_ascii_uppercase())
        && !matches!(word, "Yes" | "No")
}

/// True for a measurand of OCPP 2.0.1.
pub(super) fn is_known_measurand(word: &str) -> bool {
    MEASURANDS.contains(&word)
}

/// Measurands, with those put together that were broken over lines and those taken apart that ran into each other.
pub(super) fn measurands(text: &str) -> Read<Vec<String>> {
    let mut words: Vec<String> = Vec::new();
    let mut guesses = Vec::new();
    let known = is_known_measurand;
    for word in text.split([',', ';', ' ']).filter(|word| !word.is_empty() && !is_none(word)) {
        let whole = words.last().map(|last| format!("{last}{word}"));
        match (words.last_mut(), whole) {
            (Some(last), Some(whole)) if known(&whole) && !(known(last) && known(word)) => {
                guesses.push(format!("\"{whole}\" was put together of two lines"));
                *last = whole;
            }
            _ => match divided(word).filter(|_| !known(word)) {
                Some(several) => {
                    guesses.push(format!("\"{word}\" was taken as several measurands"));
                    words.extend(several);
                }
                None => words.push(word.to_owned()),
            },
        }
    }
    Read { value: words, guessed: (!guesses.is_empty()).then(|| guesses.join("; ")) }
}

/// The measurands that a word is made of, if it is made of nothing else.
fn divided(word: &str) -> Option<Vec<String>> {
    let mut rest = word;
    let mut all = Vec::new();
    while !rest.is_empty() {
        let first = MEASURANDS.iter().filter(|known| rest.starts_with(**known)).max_by_key(|known| known.len())?;
        all.push((*first).to_owned());
        rest = &rest[first.len()..];
    }
    Some(all)
}

/// The measurands of a row that are none of OCPP's.
pub(super) fn unknown_measurands(words: &[String]) -> Vec<&str> {
    words.iter().map(String::as_str).filter(|word| !MEASURANDS.contains(word)).collect()
}

/// True unless columns of measurands name one twice, or one as tested that is not supported.
pub(super) fn is_whole(columns: &[String]) -> bool {
    let columns: Vec<Vec<String>> = columns.iter().map(|text| measurands(text).value).collect();
    match columns.as_slice() {
        [tested, supported] => agree(tested, supported),
        _ => border(&columns.concat()).is_some(),
    }
}

/// True unless lists of measurands name one twice, or one as tested that is not supported.
pub(super) fn agree(tested: &[String], supported: &[String]) -> bool {
    let distinct = |words: &[String]| words.iter().enumerate().all(|(at, word)| !words[..at].contains(word));
    distinct(tested) && distinct(supported) && tested.iter().all(|word| supported.contains(word))
}

/// Where a row of measurands, in one piece, goes from those that were tested to those that are supported. What was tested is
/// supported, and no list names one twice: then there is one such place, or none.
pub(super) fn border(words: &[String]) -> Option<usize> {
    (0..words.len()).find(|at| {
        let (tested, supported) = words.split_at(*at);
        agree(tested, supported)
    })
}

/// The result of a profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Pass,
    NotTested,
    /// It was tested, and did not pass, or not completely.
    Tested,
}

/// True for the first words of a result.
pub(super) fn begins_with_result(text: &str) -> bool {
    outcome(text).is_some()
}

/// True for a result and nothing else.
pub(super) fn is_result(text: &str) -> bool {
    ["pass", "passed", "fail", "failed", "incomplete", "not tested"].contains(&text.trim().to_lowercase().as_str())
}

/// The result that a text begins with; its words may stand apart, with some of a description between.
pub(super) fn outcome(text: &str) -> Option<Outcome> {
    let lower = text.trim().to_lowercase();
    let mut words = lower.split_whitespace();
    Some(match words.next()? {
        "pass" | "passed" => Outcome::Pass,
        "fail" | "failed" | "incomplete" | "inconclusive" => Outcome::Tested,
        "not" if lower.contains("tested") || lower.contains("applicable") => Outcome::NotTested,
        "untested" => Outcome::NotTested,
        first if is_none(first) => Outcome::NotTested,
        _ => return None,
    })
}
