//! Values of a bench that only a list of words may have. A word that is none of them would be taken for another: `authorization:
//! lokal` for `remote`.

use crate::{
    protocol::semantics::WordSet,
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

/// What is wrong with the words of a bench, or of one of its stations.
pub(super) fn check_words(node: &Node) -> Vec<Defect> {
    let mut defects = Vec::new();
    for property in &CLOSED {
        let given = node.get(property.name).filter(|value| value.text().is_some_and(|text| !text.is_empty()));
        defects.extend(given.into_iter().flat_map(|value| property.takes.check(property.name, value, None)));
    }
    for (name, token) in node.get("tokens").and_then(Node::map).unwrap_or_default() {
        let owner = Owner::of_keys(&name.name, None);
        defects.extend(check(owner, &TOKEN, Some(token), token));
    }
    defects
}
