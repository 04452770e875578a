//! Distinguished names: the text of their attributes in whatever string type, and whether two are the same.

use serde_json::{Value, json};
use x509_parser::{
    asn1_rs::{Any, Tag},
    x509::{AttributeTypeAndValue, X509Name},
};

/// What of a name a check may look at: of attributes that occur more than once, the first.
pub(super) fn facts(name: &X509Name<'_>) -> Value {
    let mut facts = json!({});
    let first = [("common_name", common_name(name)), ("organization", name.iter_organization().find_map(text))];
    for (attribute, found) in first {
        if let Some(text) = found {
            facts[attribute] = text.into();
        }
    }
    facts
}

/// The common name.
pub(super) fn common_name(name: &X509Name<'_>) -> Option<String> {
    name.iter_common_name().find_map(text)
}

fn text(attribute: &AttributeTypeAndValue<'_>) -> Option<String> {
    decoded(attribute.attr_value())
}

/// A text of any string type that a DirectoryString has (X.520), or that products put in its place.
fn decoded(value: &Any<'_>) -> Option<String> {
    let bytes = value.as_bytes();
    match value.tag() {
        // TeletexString is Latin-1 in practice (RFC 5280, appendix B); so is what is wrongly in a type of ASCII.
        Tag::T61String => Some(latin1(bytes)),
        Tag::PrintableString | Tag::Ia5String | Tag::NumericString | Tag::VisibleString if !bytes.is_ascii() => {
            Some(latin1(bytes))
        }
        Tag::Utf8String | Tag::PrintableString | Tag::Ia5String | Tag::NumericString | Tag::VisibleString => {
            Some(String::from_utf8_lossy(bytes).into_owned())
        }
        Tag::BmpString => {
            let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect();
            Some(String::from_utf16_lossy(&units))
        }
        Tag::UniversalString => {
            let points = bytes.chunks_exact(4).map(|four| u32::from_be_bytes([four[0], four[1], four[2], four[3]]));
            Some(points.map(|point| char::from_u32(point).unwrap_or(char::REPLACEMENT_CHARACTER)).collect())
        }
        _ => None,
    }
}

fn latin1(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
}

/// True for the same name, whichever string types, cases and spaces it is written in (RFC 5280, section 7.1).
pub(super) fn same(one: &X509Name<'_>, other: &X509Name<'_>) -> bool {
    one.as_raw() == other.as_raw() || folded(one) == folded(other)
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Folded {
    Text(String),
    Bytes(u32, Vec<u8>),
}

fn folded(name: &X509Name<'_>) -> Vec<Vec<(String, Folded)>> {
    let value = |value: &Any<'_>| match decoded(value) {
        Some(text) => Folded::Text(text.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ")),
        None => Folded::Bytes(value.tag().0, value.as_bytes().to_vec()),
    };
    let rdns = name.iter_rdn().map(|rdn| {
        let mut attributes: Vec<_> =
            rdn.iter().map(|one| (one.attr_type().to_id_string(), value(one.attr_value()))).collect();
        attributes.sort();
        attributes
    });
    rdns.collect()
}
