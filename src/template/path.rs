//! Expressions that are nothing but a path. Most are, and need no interpreter.

use std::borrow::Cow;

use serde_json::Value;

use super::{
    names::Lookup,
    needs::{KEYWORDS, after_string},
};

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

    /// The paths in the source of an expression, in its order and each once. What stands in quotes, and the names of functions,
    /// filters, tests and arguments, are none.
    pub(super) fn all_in(source: &str) -> Vec<(&str, Self)> {
        let mut found: Vec<(&str, Self)> = Vec::new();
        let mut rest = source;
        // What a word is depends on what stands before it.
        let mut before = "";
        while let Some(letter) = rest.chars().next() {
            if matches!(letter, '\'' | '"') {
                (before, rest) = ("'", after_string(&rest[1..], letter));
                continue;
            }
            let length = path_length(rest);
            if length == 0 {
                let (token, after) = rest.split_at(letter.len_utf8());
                if !letter.is_whitespace() {
                    before = token;
                }
                rest = after;
                continue;
            }
            let (token, after) = rest.split_at(length);
            let next = after.trim_start();
            let is_argument = next.starts_with('=') && !next.starts_with("==");
            let text = match token.rsplit_once('.') {
                Some((owner, _method)) if next.starts_with('(') => owner,
                None if next.starts_with('(') => "",
                _ => token,
            };
            if !(matches!(before, "|" | "." | "is") || is_argument || found.iter().any(|(known, _)| *known == text)) {
                found.extend(Self::parse(text).map(|path| (text, path)));
            }
            // `is not defined`: the test is the word after `not`.
            if !(before == "is" && token == "not") {
                before = token;
            }
            rest = after;
        }
        found
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

/// How long the longest path is that a text begins with; a number counts as a word of no path. 0 where it begins with none.
fn path_length(text: &str) -> usize {
    let word = |text: &str| text.find(|letter: char| !letter.is_alphanumeric() && letter != '_').unwrap_or(text.len());
    let mut length = word(text);
    if length == 0 {
        return 0;
    }
    loop {
        let rest = &text[length..];
        let more = match rest.as_bytes().first() {
            Some(b'.') => word(&rest[1..]),
            Some(b'[') => {
                let digits = rest[1..].find(|letter: char| !letter.is_ascii_digit()).unwrap_or(0);
                if digits > 0 && rest[1 + digits..].starts_with(']') { digits + 1 } else { 0 }
            }
            _ => 0,
        };
        if more == 0 {
            return length;
        }
        length += 1 + more;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(source: &str) -> Vec<&str> {
        Path::all_in(source).into_iter().map(|(text, _)| text).collect()
    }

    #[test]
    fn the_paths_of_an_expression_are_its_names_with_what_is_asked_of_them() {
        assert_eq!(paths("parts == 1"), ["parts"]);
        assert_eq!(
            paths("asked.status == 'EmptyResultSet' or supports('AQ-5') and x not in ids[0]"),
            ["asked.status", "x", "ids[0]"]
        );
        assert_eq!(
            paths("a | selectattr('severity', 'eq', bench.severity) | list | length > 0"),
            ["a", "bench.severity"]
        );
        assert_eq!(paths("a is not defined or b is defined and f(c, key=d.e.lower()) != d.e"), ["a", "b", "c", "d.e"]);
        assert_eq!(paths("2.5 * a <= b[1:] + b['x'].y"), ["a", "b"]);
    }
}
