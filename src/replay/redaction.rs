//! Secrets in what is kept for replaying.
//!
//! A run folder holds no secret, and yet judging again must come to the same verdict: what was equal must stay equal, and
//! what had the form of a password must keep it. So a secret from outside is replaced wherever it stands by a stand-in
//! that is made up for the run: of the same length, every letter by a letter, every digit by a digit. A secret that the
//! engine itself took from its test case is replaced by a mark with a number; judged again, the engine says it again.

use std::collections::{HashMap, HashSet};

use rand::Rng as _;
use serde_json::Value;

use super::recording::Origin;
use crate::{link::Secret, redaction::Replacements};

/// Shorter texts are no secrets worth the name, and stand in too many places.
const SHORTEST: usize = 4;

/// The stand-ins of a run.
#[derive(Debug, Default)]
pub(super) struct StandIns {
    known: HashMap<String, String>,
}

impl StandIns {
    /// What stands for a secret from outside, always the same.
    pub(super) fn of(&mut self, secret: &str) -> String {
        if let Some(known) = self.known.get(secret) {
            return known.clone();
        }
        let mut rng = rand::rng();
        // A password in hexadecimal digits stays one.
        let digits = secret.chars().all(|c| c.is_ascii_hexdigit());
        let mut one = |c: char| match c {
            'a'..='f' if digits => char::from(rng.random_range(b'a'..=b'f')),
            'A'..='F' if digits => char::from(rng.random_range(b'A'..=b'F')),
            'a'..='z' => char::from(rng.random_range(b'a'..=b'z')),
            'A'..='Z' => char::from(rng.random_range(b'A'..=b'Z')),
            '0'..='9' => char::from(rng.random_range(b'0'..=b'9')),
            other if other.is_ascii() => other,
            _ => '\u{fffd}',
        };
        let stand_in: String = secret.chars().map(&mut one).collect();
        self.known.insert(secret.to_owned(), stand_in.clone());
        stand_in
    }
}

/// What covers the secrets of one test case.
#[derive(Debug)]
pub(super) struct Cover {
    secrets: HashSet<String>,
    replacements: Replacements,
}

/// The mark of the secret that the engine told as its `number`th (from 0).
pub(super) fn mark(nonce: &str, number: usize) -> String {
    format!("\u{27e6}secret {nonce} {number}\u{27e7}")
}

impl Cover {
    /// Covers these secrets; where one became known first decides how.
    pub(super) fn new(secrets: &[(Secret, Origin)], nonce: &str, stand_ins: &mut StandIns) -> Self {
        let mut pairs: Vec<(String, String)> = Vec::new();
        let mut told = 0;
        for (secret, origin) in secrets {
            let number = told;
            told += usize::from(*origin == Origin::Engine);
            let secret = secret.expose();
            if secret.chars().count() < SHORTEST || pairs.iter().any(|(known, _)| known == secret) {
                continue;
            }
            let stands = match origin {
                Origin::Outside => stand_ins.of(secret),
                Origin::Engine => mark(nonce, number),
            };
            let escaped = (in_json(secret), in_json(&stands));
            if escaped.0 != secret {
                pairs.push(escaped);
            }
            pairs.push((secret.to_owned(), stands));
        }
        let replacements = Replacements::new(pairs.iter().map(|(secret, stands)| (secret.as_str(), stands.clone())));
        Self { secrets: pairs.into_iter().map(|(secret, _)| secret).collect(), replacements }
    }

    pub(super) fn text(&self, text: &str) -> String {
        self.replacements.apply(text)
    }

    pub(super) fn value(&self, value: &Value) -> Value {
        map_text(value, &|text| self.text(text))
    }

    /// True for a text that is a secret as a whole.
    pub(super) fn knows(&self, text: &str) -> bool {
        self.secrets.contains(text)
    }
}

/// A text as it stands inside a JSON string.
fn in_json(text: &str) -> String {
    let quoted = Value::from(text).to_string();
    quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or_default().to_owned()
}

/// A value with all its texts changed.
pub(super) fn map_text(value: &Value, change: &dyn Fn(&str) -> String) -> Value {
    match value {
        Value::String(text) => change(text).into(),
        Value::Array(items) => items.iter().map(|item| map_text(item, change)).collect(),
        Value::Object(members) => {
            Value::Object(members.iter().map(|(name, value)| (name.clone(), map_text(value, change))).collect())
        }
        other => other.clone(),
    }
}

/// Members that hold a secret wherever they stand.
const SECRET_MEMBERS: [&str; 4] = ["password", "secret", "api-key", "headers"];

/// A value whose members of such names are covered, whatever they hold.
pub(super) fn without_secret_members(value: &Value, stand_ins: &mut StandIns, secret: bool) -> Value {
    match value {
        Value::String(text) if secret => stand_ins.of(text).into(),
        Value::Array(items) => items.iter().map(|item| without_secret_members(item, stand_ins, secret)).collect(),
        Value::Object(members) => {
            let covered = members.iter().map(|(name, value)| {
                let secret = secret || SECRET_MEMBERS.iter().any(|word| name.replace('_', "-").ends_with(word));
                (name.clone(), without_secret_members(value, stand_ins, secret))
            });
            Value::Object(covered.collect())
        }
        other => other.clone(),
    }
}

/// Puts secrets that the engine has told (again) where their marks stand.
pub(super) fn uncover(text: &str, nonce: &str, told: &[Secret]) -> String {
    let mut plain = text.to_owned();
    for (number, secret) in told.iter().enumerate() {
        let mark = mark(nonce, number);
        if plain.contains(&mark) {
            // A text that a mark stands for is one of a test case, and needs no escapes in JSON.
            plain = plain.replace(&mark, secret.expose());
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn equal_stays_equal_and_nothing_is_left(secret in "[A-Za-z0-9*_=:+|@.\"\\\\-]{8,40}", around in "[a-z ]{0,20}") {
            let mut stand_ins = StandIns::default();
            let cover = Cover::new(&[(Secret::new(secret.clone()), Origin::Outside)], "n", &mut stand_ins);
            let frame = serde_json::json!([2, "1", "SetVariables", { "value": secret, "other": around }]).to_string();
            let covered = cover.text(&frame);
            let read: Value = serde_json::from_str(&covered).unwrap();
            prop_assert_eq!(read[3]["value"].as_str().unwrap(), cover.text(&secret));
            prop_assert_eq!(cover.text(&secret).chars().count(), secret.chars().count());
            let letters = secret.chars().filter(char::is_ascii_alphanumeric).count();
            if letters >= 6 {
                prop_assert!(!covered.contains(&secret));
            }
        }
    }

    #[test]
    fn what_is_hexadecimal_stays_so() {
        let stand_in = StandIns::default().of("00ffEE6174746573742d");
        assert!(stand_in.chars().all(|c| c.is_ascii_hexdigit()), "{stand_in}");
    }

    #[test]
    fn a_secret_of_the_test_case_is_told_again() {
        let secrets =
            [(Secret::new("from-bench"), Origin::Outside), (Secret::new("from-the-test-case"), Origin::Engine)];
        let cover = Cover::new(&secrets, "n", &mut StandIns::default());
        let covered = cover.text("[2,\"from-the-test-case\"]");
        assert!(!covered.contains("from-the-test-case"), "{covered}");
        assert_eq!(uncover(&covered, "n", &[Secret::new("from-the-test-case")]), "[2,\"from-the-test-case\"]");
        assert_eq!(uncover(&covered, "n", &[]), covered);
    }
}
