//! The secrets that passed through a run, and texts without them.

use serde_json::{Map, Value};

use crate::{
    link::Secret,
    redaction::{REDACTED, Replacements},
};

/// Shorter texts are no secrets worth the name, and stand in too many places. Bytes.
const SHORTEST: usize = 4;
/// What stands where a text was cut.
const ELLIPSIS: char = '…';

/// What must not be shown.
#[derive(Debug)]
pub(crate) struct Secrets {
    known: Vec<Secret>,
    replacements: Replacements,
}

impl FromIterator<Secret> for Secrets {
    fn from_iter<I: IntoIterator<Item = Secret>>(secrets: I) -> Self {
        let mut all = Self { known: Vec::new(), replacements: Replacements::new([]) };
        all.add(secrets);
        all
    }
}

impl Secrets {
    /// Every one, in the order in which they became known.
    pub(crate) fn known(&self) -> &[Secret] {
        &self.known
    }

    /// These must not be shown either.
    pub(crate) fn add(&mut self, secrets: impl IntoIterator<Item = Secret>) {
        let before = self.known.len();
        for secret in secrets {
            if !self.known.contains(&secret) {
                self.known.push(secret);
            }
        }
        if self.known.len() > before {
            let long = self.known.iter().map(Secret::expose).filter(|secret| secret.len() >= SHORTEST);
            self.replacements = Replacements::new(long.map(|secret| (secret, REDACTED.to_owned())));
        }
    }

    /// A text without them.
    pub(crate) fn redact(&self, text: &str) -> String {
        self.replacements.apply(text)
    }

    /// A text of a finding without them, nor the beginning of one that was cut (see [`shorten`](crate::yaml::shorten)).
    pub(crate) fn redact_shortened(&self, text: &str) -> String {
        let mut shown = String::with_capacity(text.len());
        for part in self.redact(text).split_inclusive(ELLIPSIS) {
            let Some(head) = part.strip_suffix(ELLIPSIS) else {
                shown.push_str(part);
                continue;
            };
            match self.known.iter().filter_map(|secret| begun(secret.expose(), head)).max() {
                Some(length) => shown.extend([&head[..head.len() - length], REDACTED]),
                None => shown.push_str(head),
            }
            shown.push(ELLIPSIS);
        }
        shown
    }

    /// A value without them.
    pub(crate) fn redact_value(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => self.redact(text).into(),
            Value::Array(items) => items.iter().map(|item| self.redact_value(item)).collect(),
            Value::Object(members) => self.redact_members(members).into(),
            other => other.clone(),
        }
    }

    /// Members without them.
    pub(crate) fn redact_members(&self, members: &Map<String, Value>) -> Map<String, Value> {
        members.iter().map(|(name, value)| (name.clone(), self.redact_value(value))).collect()
    }
}

/// How many bytes of a secret a text ends with, where it is cut after them.
fn begun(secret: &str, text: &str) -> Option<usize> {
    let ends = secret.char_indices().map(|(at, _)| at).filter(|at| *at >= SHORTEST);
    ends.rev().find(|end| text.ends_with(&secret[..*end]))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_became_known_is_shown_nowhere() {
        let mut secrets: Secrets = ["hunter22", "abc", "hunter22-and-more"].map(Secret::new).into_iter().collect();
        secrets.add([Secret::new("later-on"), Secret::new("hunter22")]);
        assert_eq!(secrets.known().len(), 4);
        let value = json!({ "a": ["hunter22", "hunter22-and-more"], "later-on": "abc: later-on", "n": 1 });
        let shown = json!({ "a": ["[redacted]", "[redacted]"], "later-on": "abc: [redacted]", "n": 1 });
        assert_eq!(secrets.redact_value(&value), shown);
    }

    #[test]
    fn the_beginning_of_a_secret_that_was_cut_is_not_shown() {
        let secrets: Secrets = ["hunter22", "hüte"].map(Secret::new).into_iter().collect();
        let shown = |text| secrets.redact_shortened(text);
        assert_eq!(
            shown("a = \"hunter2…, b = hunt…, c = hun…, d = hunter22"),
            "a = \"[redacted]…, b = [redacted]…, c = hun…, d = [redacted]"
        );
        assert_eq!(shown("…hüt… and hunter2"), "…[redacted]… and hunter2");
    }
}
