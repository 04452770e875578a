//! Values of a bench that only a list of words may have. A word that is none of them would be taken for another: `authorization:
//! lokal` for `remote`.

use crate::{
    protocol::{semantics::WordSet, transfer::Protocol},
    vocabulary::{Owner, Property, Scope, Takes, check, words_of},
    yaml::{Defect, Node},
};

/// The keys, each with what it takes. Empty is what leaves the choice to the PICS.
const CLOSED: [Property; 6] = [
    Property::optional("authorization", Takes::Keyword(|_| words(&["local", "remote"]))),
    Property::optional("charging-rate-unit", Takes::Keyword(|_| words(&["A", "W"]))),
    Property::optional("tx-start-point", Takes::Keyword(|_| words(&START_POINTS))),
    Property::optional("tx-stop-point", Takes::Keyword(|_| words(&START_POINTS[..5]))),
    Property::optional("ocpp-interface", Takes::Keyword(interfaces)),
    Property::optional("ocpp-interface-second", Takes::Keyword(interfaces)),
];

/// TxCtrlr.TxStartPoint; the last is none of TxCtrlr.TxStopPoint.
const START_POINTS: [&str; 6] =
    ["ParkingBayOccupancy", "EVConnected", "Authorized", "PowerPathClosed", "EnergyTransfer", "DataSigned"];

/// An idToken. Its name is the author's own.
const TOKEN: [Property; 3] = [
    Property::required("idToken", Takes::Text),
    Property::required("type", Takes::Keyword(token_types)),
    Property::optional("group", Takes::Text),
];

fn words(of: &[&str]) -> Vec<String> {
    of.iter().map(|&word| word.to_owned()).collect()
}

fn interfaces(scope: Scope) -> Vec<String> {
    words_of(WordSet::Interfaces, scope)
}

fn token_types(scope: Scope) -> Vec<String> {
    words_of(WordSet::TokenTypes, scope)
}

/// The words that a key of a bench takes, beside none at all; `None` for any text.
pub(crate) fn words_of_key(key: &str) -> Option<Vec<String>> {
    if key == "file-protocol" {
        let either = |protocol: &Protocol| [protocol.name().to_owned(), protocol.scheme().to_owned()];
        return Some(Protocol::ALL.iter().flat_map(either).collect());
    }
    match CLOSED.iter().find(|property| property.name == key)?.takes {
        Takes::Keyword(words) => Some(words(None)),
        _ => None,
    }
}

/// The keys of an idToken, each with its words; `None` for any text.
pub(crate) fn token_keys() -> Vec<(&'static str, Option<Vec<String>>)> {
    let words = |takes: &Takes| match takes {
        Takes::Keyword(words) => Some(words(None)),
        _ => None,
    };
    TOKEN.iter().map(|property| (property.name, words(&property.takes))).collect()
}

/// The greatest length of a text that messages of our station carry, in the version of OCPP that has the most room.
pub(crate) fn longest(key: &str) -> Option<usize> {
    match key {
        "model" => Some(20),
        "vendor-name" => Some(50),
        "serial-number" => Some(25),
        _ => None,
    }
}

/// The form of a text, as a regular expression of JSON Schema.
pub(crate) fn pattern(key: &str) -> Option<&'static str> {
    match key {
        "currency" => Some("^[A-Z]{3}$"),
        "ftp-passive-ports" => Some("^ *[0-9]{1,5} *(- *[0-9]{1,5} *)?$"),
        _ => None,
    }
}

/// What is wrong with the words of a bench, or of one of its stations.
pub(super) fn check_words(node: &Node) -> Vec<Defect> {
    let mut defects = Vec::new();
    for (key, value) in node.map().unwrap_or_default() {
        let length = value.text().map_or(0, |text| text.chars().count());
        if let Some(longest) = longest(&key.name).filter(|longest| length > *longest) {
            let message = format!("`{}` has {length} characters, and messages have room for {longest}", key.name);
            defects.push(Defect::new(value.at, message, "write a shorter one"));
        }
        let is_code = |text: &str| text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase());
        if let Some(text) = value.text().filter(|text| key.name == "currency" && !is_code(text)) {
            let message =
                format!("`{}` is a currency's code of three capital letters (ISO 4217), not `{text}`", key.name);
            defects.push(Defect::new(
                value.at,
                message,
                "write `EUR`, or the currency in which the station shows costs",
            ));
        }
    }
    for property in &CLOSED {
        let given = node.get(property.name).filter(|value| value.text().is_some_and(|text| !text.is_empty()));
        defects.extend(given.into_iter().flat_map(|value| property.check(value, None)));
    }
    for (name, token) in node.get("tokens").and_then(Node::map).unwrap_or_default() {
        let owner = Owner::of_keys(&name.name, None);
        defects.extend(check(owner, &TOKEN, Some(token), token));
    }
    defects
}
