//! Places in a payload.

use std::fmt;

use serde_json::Value;

use super::template::TemplateError;

/// A place in a payload: `setVariableResult[0].attributeStatus`; `[*]` stands for every element, and `.` alone for the whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path {
    text: String,
    segments: Vec<Segment>,
}

/// The path of what is looked at as a whole.
const WHOLE: &str = ".";

#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    Name(String),
    Index(usize),
    Every,
}

impl Path {
    /// Parses a path.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut segments = Vec::new();
        if text == WHOLE {
            return Ok(Self { text: text.to_owned(), segments });
        }
        for part in text.split('.') {
            let (name, mut rest) = part.find('[').map_or((part, ""), |at| part.split_at(at));
            if !name.is_empty() {
                segments.push(Segment::Name(name.to_owned()));
            } else if rest.is_empty() {
                return Err(format!("`{text}` has an empty member name"));
            }
            while let Some(inner) = rest.strip_prefix('[') {
                let (index, after) = inner.split_once(']').ok_or(format!("`{text}` lacks a `]`"))?;
                segments.push(match index {
                    "*" => Segment::Every,
                    _ => Segment::Index(
                        index.parse().map_err(|_| format!("`[{index}]` in `{text}` is neither a number nor `*`"))?,
                    ),
                });
                rest = after;
            }
            if !rest.is_empty() {
                return Err(format!("`{text}` has `{rest}` after an index"));
            }
        }
        Ok(Self { text: text.to_owned(), segments })
    }

    /// The text it was parsed from.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Member names only, for checking against a schema.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.segments.iter().filter_map(|segment| match segment {
            Segment::Name(name) => Some(name.as_str()),
            _ => None,
        })
    }

    /// Shows each place that it stands for, in order; a missing place is shown once, as `None`.
    pub(super) fn each(&self, root: &Value, at: Place<'_>, look: Look<'_>) -> Result<(), TemplateError> {
        walk(&self.segments, Some(root), at, look)
    }

    /// All places it stands for, with their pointers; a missing place yields `None` once.
    pub(crate) fn places<'v>(&self, root: &'v Value) -> Vec<(String, Option<&'v Value>)> {
        let mut places = vec![(String::new(), Some(root))];
        for segment in &self.segments {
            places = places
                .into_iter()
                .flat_map(|(pointer, value)| match segment {
                    Segment::Name(name) => {
                        vec![(format!("{pointer}/{name}"), value.and_then(|value| value.get(name)))]
                    }
                    Segment::Index(index) => {
                        vec![(format!("{pointer}/{index}"), value.and_then(|value| value.get(index)))]
                    }
                    Segment::Every => match value.and_then(Value::as_array) {
                        Some(items) => items
                            .iter()
                            .enumerate()
                            .map(|(index, item)| (format!("{pointer}/{index}"), Some(item)))
                            .collect(),
                        None => vec![(format!("{pointer}/0"), None)],
                    },
                })
                .collect();
        }
        places
    }
}

/// Looks at a value and its place.
pub(super) type Look<'l> = &'l mut dyn FnMut(Option<&Value>, Place<'_>) -> Result<(), TemplateError>;

fn walk(segments: &[Segment], value: Option<&Value>, at: Place<'_>, look: Look<'_>) -> Result<(), TemplateError> {
    let Some((segment, rest)) = segments.split_first() else { return look(value, at) };
    match segment {
        Segment::Name(name) => walk(rest, value.and_then(|value| value.get(name)), Place::Member(&at, name), look),
        Segment::Index(index) => {
            walk(rest, value.and_then(|value| value.get(index)), Place::Element(&at, *index), look)
        }
        Segment::Every => match value.and_then(Value::as_array) {
            Some(items) => {
                for (index, item) in items.iter().enumerate() {
                    walk(rest, Some(item), Place::Element(&at, index), look)?;
                }
                Ok(())
            }
            None => walk(rest, None, Place::Element(&at, 0), look),
        },
    }
}

/// A place under examination. It is only written as a JSON pointer where something is found.
#[derive(Clone, Copy)]
pub(super) enum Place<'p> {
    At(&'p str),
    Member(&'p Place<'p>, &'p str),
    Element(&'p Place<'p>, usize),
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::At(pointer) => f.write_str(pointer),
            Place::Member(parent, name) => write!(f, "{parent}/{name}"),
            Place::Element(parent, index) => write!(f, "{parent}/{index}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_path_names_places_and_a_dot_the_whole() {
        let root = json!({ "list": [{ "a": 1 }, { "b": 2 }] });
        let places = |text: &str| {
            let path = Path::parse(text).expect("a path");
            path.places(&root).into_iter().map(|(place, value)| (place, value.cloned())).collect::<Vec<_>>()
        };
        assert_eq!(places("list[*].a"), [("/list/0/a".to_owned(), Some(json!(1))), ("/list/1/a".to_owned(), None)]);
        assert_eq!(places("."), [(String::new(), Some(root.clone()))]);
        assert!(Path::parse("").is_err() && Path::parse("list.").is_err() && Path::parse("..").is_err());
    }
}
