//! Answers that consist of well-known words: a word that is none of them would leave out what the product claims.

use crate::{
    link::is_cipher_suite,
    protocol::semantics::WordSet,
    vocabulary::{self, Owner, Property, Scope, Takes, words_of},
    yaml::{Defect, Node},
};

/// File transfer protocols (ORS-24).
pub(in crate::pics) const TRANSFERS: [&str; 5] = ["HTTP", "HTTPS", "FTP", "FTPS", "SFTP"];
/// Time sources (C-23; Part 2, ClockCtrlr.TimeSource).
pub(in crate::pics) const TIME_SOURCES: [&str; 6] =
    ["Heartbeat", "NTP", "GPS", "RealTimeClock", "MobileNetwork", "RadioTimeTransmitter"];

const MEASURANDS: [Property; 2] = [
    Property::required("tested", Takes::List(&Takes::Keyword(measurands))),
    Property::required("supported", Takes::List(&Takes::Keyword(measurands))),
];

/// MeasurandEnumType.
fn measurands(scope: Scope) -> Vec<String> {
    words_of(WordSet::Measurands, scope)
}

/// True for one of the words that an id with a closed list of them takes.
pub(crate) fn is_closed_word(id: &str, word: &str) -> bool {
    match id {
        "ORS-24" => among(&TRANSFERS, word),
        "C-23" => among(&TIME_SOURCES, word),
        "C-41" => is_cipher_suite(word),
        _ => false,
    }
}

/// What is wrong with the words of an answer; nothing where any word may stand.
pub(super) fn check(id: &str, answer: &Node, scope: Scope) -> Vec<Defect> {
    match id {
        "ORS-24" => each(answer, |word| among(&TRANSFERS, word), &TRANSFERS),
        "C-23" => each(answer, |word| among(&TIME_SOURCES, word), &TIME_SOURCES),
        "C-41" => each(answer, is_cipher_suite, &["the names that IANA has registered"]),
        _ if answer.map().is_some() => check_measurands(id, answer, scope),
        _ => Vec::new(),
    }
}

/// The measurands of a C-40.x.
pub(super) fn check_measurands(id: &str, answer: &Node, scope: Scope) -> Vec<Defect> {
    vocabulary::check(Owner::of_keys(id, scope), &MEASURANDS, Some(answer), answer)
}

fn among(words: &[&str], word: &str) -> bool {
    words.iter().any(|known| known.eq_ignore_ascii_case(word))
}

fn each(answer: &Node, is_known: impl Fn(&str) -> bool, known: &[&'static str]) -> Vec<Defect> {
    let defect = |item: &Node| {
        let word = item.scalar().unwrap_or_default();
        let help = vocabulary::help(&word, known.iter().copied(), "known");
        (!is_known(&word)).then(|| Defect::new(item.at, format!("unknown word `{word}`"), help))
    };
    answer.list().unwrap_or_default().iter().filter_map(defect).collect()
}
