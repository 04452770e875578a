//! Expressions that are nothing but a path. Most are, and need no interpreter.

use std::borrow::Cow;

use serde_json::Value;

use super::{names::Lookup, needs::KEYWORDS};

/// A path: `bench.tokens.valid`, `pics.evses[0]`.
pub(super) struct Path {
    root: Box<str>,
    keys: Vec<Key>,
}

enum Key {
    Member(Box<str>),
    Index(usize),
}

impl Path {
    /// A path; `None` for anything else, and for what it is not sure about.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let identifier = |text: &str| {
            let end = text.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_').unwrap_or(text.len());
            let fits = text.starts_with(|letter: char| letter.is_ascii_alphabetic() || letter == '_');
            fits.then_some(end)
        };
        let end = identifier(text)?;
        let (root, mut rest) = text.split_at(end);
        if KEYWORDS.contains(&root) || matches!(root, "loop" | "self" | "super") {
            return None;
        }
        let mut keys = Vec::new();
        while !rest.is_empty() {
            if let Some(after) = rest.strip_prefix('.') {
                let (member, after) = after.split_at(identifier(after)?);
                keys.push(Key::Member(member.into()));
                rest = after;
            } else {
                let (index, after) = rest.strip_prefix('[')?.split_once(']')?;
                if index.is_empty() || !index.bytes().all(|byte| byte.is_ascii_digit()) {
                    return None;
                }
                keys.push(Key::Index(index.parse().ok()?));
                rest = after;
            }
        }
        Some(Self { root: root.into(), keys })
    }

    /// Where it leads; `None` where it leads nowhere, which is for minijinja to say something about.
    pub(super) fn follow<'n>(&self, names: &'n dyn Lookup) -> Option<Cow<'n, Value>> {
        match names.lookup(&self.root)? {
            Cow::Borrowed(value) => self.walk(value).map(Cow::Borrowed),
            Cow::Owned(value) if self.keys.is_empty() => Some(Cow::Owned(value)),
            Cow::Owned(value) => self.walk(&value).cloned().map(Cow::Owned),
        }
    }

    fn walk<'v>(&self, mut value: &'v Value) -> Option<&'v Value> {
        for key in &self.keys {
            value = match (key, value) {
                (Key::Member(name), Value::Object(members)) => members.get(&**name)?,
                (Key::Index(index), Value::Array(items)) => items.get(*index)?,
                _ => return None,
            };
        }
        Some(value)
    }
}
