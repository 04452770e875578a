//! YAML with positions: every node knows its line and column, so that every complaint can point at its place.
//!
//! `serde` alone loses positions in the places where our formats are loose (steps, payloads, checks), so all three
//! file formats are read into this tree first and then walked. Only `true` and `false` are booleans here (YAML 1.2);
//! a format that also takes `yes` and `no` says so itself.

use std::{fmt, path::Path, sync::Arc};

use miette::{Diagnostic, NamedSource, SourceSpan};
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor},
};
use serde_json::Value;
use serde_saphyr::Spanned;

use crate::redaction::without_secrets;

/// Line and column, both from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Position {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// A mapping's key with its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Key {
    /// The key.
    pub name: String,
    /// Where it stands.
    pub at: Position,
}

/// A YAML node with its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// What it is.
    pub kind: Kind,
    /// Where it begins.
    pub at: Position,
}

/// What a node is.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// Nothing at all.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// Another number.
    Float(f64),
    /// Text.
    Text(String),
    /// A sequence.
    List(Vec<Node>),
    /// A mapping, in the file's order.
    Map(Vec<(Key, Node)>),
}

impl Node {
    /// The text of a scalar, numbers and booleans included; `None` for lists and mappings.
    pub fn scalar(&self) -> Option<String> {
        match &self.kind {
            Kind::Bool(value) => Some(value.to_string()),
            Kind::Integer(value) => Some(value.to_string()),
            Kind::Float(value) => Some(value.to_string()),
            Kind::Text(value) => Some(value.clone()),
            Kind::Null | Kind::List(_) | Kind::Map(_) => None,
        }
    }

    /// The text, if it is text.
    pub fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The entries, if it is a mapping.
    pub fn map(&self) -> Option<&[(Key, Node)]> {
        match &self.kind {
            Kind::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// The items, if it is a list.
    pub fn list(&self) -> Option<&[Node]> {
        match &self.kind {
            Kind::List(items) => Some(items),
            _ => None,
        }
    }

    /// The value under a key of a mapping.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.map()?.iter().find(|(name, _)| name.name == key).map(|(_, node)| node)
    }

    /// What it is, in words that do not show the value of a secret.
    pub fn describe_secret(&self) -> &'static str {
        match &self.kind {
            Kind::Null => "nothing",
            Kind::Bool(_) => "true or false",
            Kind::Integer(_) | Kind::Float(_) => "a number",
            Kind::Text(text) if text.is_empty() => "an empty text",
            Kind::Text(_) => "text",
            Kind::List(_) => "a list",
            Kind::Map(_) => "a mapping",
        }
    }

    /// What it is, in words: `a list`, `the text "x"`.
    pub fn describe(&self) -> String {
        match &self.kind {
            Kind::Null => "nothing".into(),
            Kind::Bool(value) => format!("`{value}`"),
            Kind::Integer(value) => format!("the number {value}"),
            // A float shows that it is one: 2.0 is not 2.
            Kind::Float(value) => format!("the number {value:?}"),
            Kind::Text(text) => format!("the text \"{}\"", shorten(text, 40)),
            Kind::List(_) => "a list".into(),
            Kind::Map(_) => "a mapping".into(),
        }
    }

    /// A value that stands in no file.
    pub fn from_json(value: &Value) -> Self {
        let kind = match value {
            Value::Null => Kind::Null,
            Value::Bool(value) => Kind::Bool(*value),
            Value::Number(number) => {
                number.as_i64().map_or_else(|| Kind::Float(number.as_f64().unwrap_or(f64::NAN)), Kind::Integer)
            }
            Value::String(text) => Kind::Text(text.clone()),
            Value::Array(items) => Kind::List(items.iter().map(Self::from_json).collect()),
            Value::Object(entries) => {
                let entry = |(name, value): (&String, &Value)| {
                    (Key { name: name.clone(), at: Position::default() }, Self::from_json(value))
                };
                Kind::Map(entries.iter().map(entry).collect())
            }
        };
        Self { kind, at: Position::default() }
    }

    /// The same without positions.
    pub fn to_json(&self) -> Value {
        match &self.kind {
            Kind::Null => Value::Null,
            Kind::Bool(value) => Value::Bool(*value),
            Kind::Integer(value) => Value::from(*value),
            Kind::Float(value) => Value::from(*value),
            Kind::Text(text) => Value::String(text.clone()),
            Kind::List(items) => Value::Array(items.iter().map(Node::to_json).collect()),
            Kind::Map(entries) => {
                Value::Object(entries.iter().map(|(key, node)| (key.name.clone(), node.to_json())).collect())
            }
        }
    }
}

/// At most `max` characters of a text, with an ellipsis where it was cut.
pub fn shorten(text: &str, max: usize) -> String {
    if text.chars().count() <= max {
        return text.to_owned();
    }
    text.chars().take(max.saturating_sub(1)).chain(std::iter::once('…')).collect()
}

struct KindVisitor;

impl<'de> Visitor<'de> for KindVisitor {
    type Value = Kind;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any YAML value")
    }

    fn visit_unit<E>(self) -> Result<Kind, E> {
        Ok(Kind::Null)
    }

    fn visit_none<E>(self) -> Result<Kind, E> {
        Ok(Kind::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Kind, E> {
        Ok(Kind::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Kind, E> {
        Ok(Kind::Integer(value))
    }

    #[allow(clippy::cast_precision_loss)] // beyond i64 only magnitude matters
    fn visit_u64<E>(self, value: u64) -> Result<Kind, E> {
        Ok(i64::try_from(value).map_or(Kind::Float(value as f64), Kind::Integer))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Kind, E> {
        Ok(Kind::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Kind, E> {
        Ok(Kind::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Kind, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Kind::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Kind, A::Error> {
        let mut entries = Vec::new();
        while let Some(key) = map.next_key::<Spanned<String>>()? {
            let at = position(&key.referenced);
            entries.push((Key { name: key.value, at }, map.next_value()?));
        }
        Ok(Kind::Map(entries))
    }
}

impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(KindVisitor)
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Kind>::deserialize(deserializer)?;
        Ok(Node { at: position(&spanned.referenced), kind: spanned.value })
    }
}

fn position(location: &serde_saphyr::Location) -> Position {
    let narrow = |number: u64| usize::try_from(number).unwrap_or(usize::MAX).max(1);
    Position { line: narrow(location.line()), column: narrow(location.column()) }
}

/// A file's name and text, for pointing into it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The name to print.
    pub name: Arc<str>,
    /// The whole text.
    pub text: Arc<str>,
}

impl Source {
    /// Bytes of the longest file that is read.
    pub const LIMIT: u64 = 4 << 20;

    /// A source from its parts.
    pub fn new(name: impl Into<Arc<str>>, text: impl Into<Arc<str>>) -> Self {
        Self { name: name.into(), text: with_line_feeds(text.into()) }
    }

    /// Reads a file of at most [`Source::LIMIT`] bytes.
    pub fn read(path: &Path) -> Result<Self, Defects> {
        let name = path.display().to_string();
        let whole = |message: String| Defects {
            source_file: Source::new(name.as_str(), ""),
            defects: vec![Defect::new(Position::default(), message, "check the path and its permissions")],
        };
        let size = std::fs::metadata(path).map_err(|error| whole(format!("can't read it: {error}")))?.len();
        if size > Self::LIMIT {
            return Err(whole(format!("it has {size} bytes; at most {} are read", Self::LIMIT)));
        }
        let text = std::fs::read_to_string(path).map_err(|error| {
            let mut defects = whole(format!("can't read it: {error}"));
            if error.kind() == std::io::ErrorKind::InvalidData {
                defects.defects =
                    vec![Defect::new(Position::default(), "it is not UTF-8 text", "save it as text in UTF-8")];
            }
            defects
        })?;
        Ok(Self::new(name.as_str(), text))
    }

    /// Parses the text into a tree.
    pub fn parse(&self) -> Result<Node, Defects> {
        let options = serde_saphyr::options! { strict_booleans: true };
        serde_saphyr::from_str_with_options::<Node>(&self.text, options).map_err(|error| {
            let at = error.location().map_or(Position { line: 1, column: 1 }, |location| position(&location));
            let message = error.without_snippet().to_string();
            let message = message.lines().next().unwrap_or("not valid YAML").to_owned();
            self.defects(vec![Defect::new(
                at,
                message,
                "correct the YAML; indentation and quotes are the usual causes",
            )])
        })
    }

    /// Bundles defects of this source.
    pub fn defects(&self, mut defects: Vec<Defect>) -> Defects {
        defects.sort_by_key(|defect| defect.at);
        Defects { source_file: self.clone(), defects }
    }

    /// True where a place can be shown with the lines around it. Nobody reads a line of thousands of characters in a terminal, and
    /// miette panics where a mark stands behind some 65,000 of them.
    fn can_show(&self, at: Position) -> bool {
        let mut around = self.text.lines().skip(at.line.saturating_sub(2)).take(3);
        at.line > 0 && !self.text.is_empty() && around.all(|line| line.len() <= LONGEST_SHOWN)
    }

    fn span(&self, at: Position) -> SourceSpan {
        let line_start: usize = self.text.split_inclusive('\n').take(at.line.saturating_sub(1)).map(str::len).sum();
        let line = self.text[line_start..].lines().next().unwrap_or("");
        let offset: usize = line.chars().take(at.column.saturating_sub(1)).map(char::len_utf8).sum();
        let rest = &line[offset..];
        let word = rest.find([':', ' ', ',', ']', '}']).unwrap_or(rest.len()).max(1).min(rest.len());
        (line_start + offset, word).into()
    }
}

/// A line that is longer is not shown, bytes.
const LONGEST_SHOWN: usize = 4000;

/// The text with a line feed for every carriage return that stands alone. To YAML both end a line, so that places are counted
/// as it counts them; no byte moves.
fn with_line_feeds(text: Arc<str>) -> Arc<str> {
    if !text.contains('\r') {
        return text;
    }
    let mut mended = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        mended.push(if c == '\r' && rest.peek() != Some(&'\n') { '\n' } else { c });
    }
    mended.into()
}

/// One thing wrong in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Defect {
    /// Where.
    pub at: Position,
    /// What was found and what was expected.
    pub message: String,
    /// What to do about it.
    pub help: String,
}

impl Defect {
    /// A defect at a place.
    pub fn new(at: Position, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { at, message: message.into(), help: help.into() }
    }
}

/// Everything wrong in one file, in the file's order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Defects {
    /// The file.
    pub source_file: Source,
    /// The defects; never empty.
    pub defects: Vec<Defect>,
}

impl fmt::Display for Defects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, defect) in self.defects.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            let name = &self.source_file.name;
            if defect.at.line == 0 {
                write!(f, "{name}: {}\n    → {}", defect.message, defect.help)?;
            } else {
                write!(f, "{name}:{}: {}\n    → {}", defect.at, defect.message, defect.help)?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for Defects {}

/// A [`Defect`] with its source, for miette.
#[derive(Debug, thiserror::Error, Diagnostic)]
#[error("{location}: {message}")]
pub struct DefectReport {
    location: String,
    message: String,
    #[help]
    help: String,
    #[source_code]
    source_code: NamedSource<String>,
    #[label("here")]
    span: Option<SourceSpan>,
}

impl Defects {
    /// The defects as miette diagnostics, one each.
    pub fn reports(&self) -> Vec<DefectReport> {
        let source = &self.source_file;
        let text = without_secrets(&source.text);
        self.defects
            .iter()
            .map(|defect| (defect, source.can_show(defect.at)))
            .map(|(defect, shown)| DefectReport {
                location: if defect.at.line == 0 {
                    source.name.to_string()
                } else {
                    format!("{}:{}", source.name, defect.at)
                },
                message: defect.message.clone(),
                help: defect.help.clone(),
                source_code: NamedSource::new(source.name.as_ref(), if shown { text.clone() } else { String::new() }),
                span: shown.then(|| source.span(defect.at)),
            })
            .collect()
    }
}

/// The nearest of `known` to `word`, for "did you mean".
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (word.chars().count() / 3).max(1);
    known
        .into_iter()
        .map(|candidate| (strsim::levenshtein(&word.to_lowercase(), &candidate.to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_carriage_return_ends_a_line_as_it_does_in_yaml() {
        let source = Source::new("a.yaml", "a: 1\rb: 2\r\nc: [\r\r");
        assert_eq!(&*source.text, "a: 1\nb: 2\r\nc: [\n\n");
        let defects = source.parse().unwrap_err();
        assert!(defects.defects[0].at.line <= 5, "{defects}");
    }

    #[test]
    fn every_node_knows_its_place() {
        let source = Source::new("a.yaml", "a: 1\nb:\n  - x: { y: no, z: [q, 2.5] }\n");
        let root = source.parse().unwrap();
        let inner = root.get("b").unwrap().list().unwrap()[0].get("x").unwrap();
        assert_eq!(inner.get("y").unwrap().kind, Kind::Text("no".into()));
        assert_eq!(inner.get("y").unwrap().at, Position { line: 3, column: 13 });
        assert_eq!(inner.get("z").unwrap().list().unwrap()[0].at, Position { line: 3, column: 21 });
        assert_eq!(root.map().unwrap()[1].0.at, Position { line: 2, column: 1 });
    }

    #[test]
    fn duplicate_keys_and_broken_yaml_are_defects_with_a_place() {
        for (text, line) in [("a: 1\na: 2\n", 2), ("a: [1\nb: 2\n", 2), ("", 1)] {
            match Source::new("a.yaml", text).parse() {
                Err(defects) => assert!(defects.defects[0].at.line >= line.min(1), "{defects}"),
                Ok(node) => assert_eq!(node.kind, Kind::Null, "{text:?}"),
            }
        }
    }

    #[test]
    fn a_place_in_a_line_that_is_far_too_long_is_named_and_not_shown() {
        let shown = |width: usize| {
            let text = format!("a: 1\nb: {} x: {}\n", " ".repeat(width), "y".repeat(width));
            let source = Source::new("a.yaml", text);
            let defect = Defect::new(Position { line: 2, column: width + 5 }, "wrong", "mend it");
            let report = source.defects(vec![defect]).reports().remove(0);
            format!("{:?}", miette::Report::new(report))
        };
        assert!(shown(100).contains("yyy"));
        let told = shown(100_000);
        assert!(told.contains("a.yaml:2:100005: wrong") && told.contains("mend it") && told.len() < 500, "{told}");
    }

    #[test]
    fn nearest_finds_typos_only() {
        assert_eq!(nearest("BootNotifcation", ["BootNotification", "Heartbeat"]), Some("BootNotification"));
        assert_eq!(nearest("xyz", ["BootNotification"]), None);
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,200}") {
            if let Err(defects) = Source::new("x", text).parse() {
                let _ = defects.to_string();
                for report in defects.reports() { let _ = format!("{:?}", miette::Report::new(report)); }
            }
        }
    }
}
