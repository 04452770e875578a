//! What of a message's schema is asked for with every message: defaults, times and the primitive data types, read from the bundle
//! once.

use std::{collections::HashMap, sync::Arc};

use serde_json::{Map, Value};

use super::{messages::Messages, primitives::Time};

/// The shape of a value.
#[derive(Debug, Default)]
pub(super) struct Shape {
    /// Members by name, in the order of the schema.
    members: Vec<(String, Arc<Shape>)>,
    /// The members that are filled in or into, by their places.
    filled: Vec<usize>,
    /// What an element of the list is.
    element: Option<Arc<Shape>>,
    /// What stands for a value that is left out, whatever else is said.
    default: Option<Value>,
    /// What a text or a number is.
    pub(super) leaf: Leaf,
}

/// What the bundle says of a text or a number.
#[derive(Debug, Default)]
pub(super) struct Leaf {
    pub(super) date_time: bool,
    pub(super) identifier: bool,
    pub(super) printable: bool,
    pub(super) integer: bool,
    pub(super) number: bool,
    /// What the time says, where it is judged.
    pub(super) time: Option<Time>,
}

impl Shape {
    /// The shape that a schema describes.
    pub(super) fn of(messages: &Messages, schema: &Value) -> Self {
        Reader { messages, known: HashMap::new() }.shape(schema, 0)
    }

    fn has_defaults(&self) -> bool {
        !self.filled.is_empty() || self.element.as_ref().is_some_and(|element| element.has_defaults())
    }

    /// Fills in every member that is left out and has a default.
    pub(super) fn fill(&self, value: &mut Value) {
        match value {
            Value::Object(members) => {
                for place in &self.filled {
                    let (name, shape) = &self.members[*place];
                    match (members.get_mut(name), &shape.default) {
                        (Some(member), _) => shape.fill(member),
                        (None, Some(default)) => {
                            members.insert(name.clone(), default.clone());
                        }
                        (None, None) => {}
                    }
                }
            }
            Value::Array(items) => {
                if let Some(element) = self.element.as_ref().filter(|element| element.has_defaults()) {
                    for item in items.iter_mut() {
                        element.fill(item);
                    }
                }
            }
            _ => {}
        }
    }

    /// Shows every text, number and truth value of a payload that the schema knows: JSON pointer, what it is, value.
    pub(super) fn visit(&self, value: &Value, pointer: &mut String, look: &mut impl FnMut(&str, &Leaf, &Value)) {
        let length = pointer.len();
        match value {
            Value::Object(members) => {
                let mut next = 0;
                for (name, member) in members {
                    let Some(place) = self.place(name, next) else { continue };
                    next = place + 1;
                    pointer.push('/');
                    pointer.push_str(name);
                    self.members[place].1.visit(member, pointer, look);
                    pointer.truncate(length);
                }
            }
            Value::Array(items) => {
                let Some(element) = &self.element else { return };
                for (index, item) in items.iter().enumerate() {
                    pointer.push('/');
                    pointer.push_str(&index.to_string());
                    element.visit(item, pointer, look);
                    pointer.truncate(length);
                }
            }
            leaf => look(pointer, &self.leaf, leaf),
        }
    }

    /// Where a member stands. Members mostly come in the order of the schema, so it is looked for behind the last one first.
    fn place(&self, name: &str, next: usize) -> Option<usize> {
        let (before, behind) = self.members.split_at(next.min(self.members.len()));
        let is_it = |(known, _): &(String, Arc<Self>)| known == name;
        behind.iter().position(is_it).map(|place| before.len() + place).or_else(|| before.iter().position(is_it))
    }
}

/// Deepest nesting; the bundle has no schema that refers to itself.
const MAX_DEPTH: usize = 64;

struct Reader<'m> {
    messages: &'m Messages,
    known: HashMap<&'m str, Arc<Shape>>,
}

impl<'m> Reader<'m> {
    fn shared(&mut self, schema: &'m Value, depth: usize) -> Arc<Shape> {
        let reference = schema.get("$ref").and_then(Value::as_str);
        if let Some(known) = reference.and_then(|reference| self.known.get(reference)) {
            return Arc::clone(known);
        }
        let shape = Arc::new(self.shape(self.messages.resolved(schema), depth));
        if let Some(reference) = reference {
            self.known.insert(reference, Arc::clone(&shape));
        }
        shape
    }

    fn shape(&mut self, schema: &'m Value, depth: usize) -> Shape {
        if depth > MAX_DEPTH {
            return Shape::default();
        }
        let none = Map::new();
        let properties = schema.get("properties").and_then(Value::as_object);
        let members: Vec<_> = properties
            .map(|properties| {
                properties.iter().map(|(name, property)| (name.clone(), self.shared(property, depth + 1)))
            })
            .into_iter()
            .flatten()
            .collect();
        let filled =
            members.iter().enumerate().filter(|(_, (_, shape))| shape.default.is_some() || shape.has_defaults());
        let said = schema.as_object().unwrap_or(&none);
        let is = |key: &str, word: &str| said.get(key).is_some_and(|value| value == word);
        Shape {
            filled: filled.map(|(place, _)| place).collect(),
            element: schema.get("items").map(|items| self.shared(items, depth + 1)),
            default: said.get("default").filter(|_| !said.contains_key("default-if")).cloned(),
            leaf: Leaf {
                date_time: is("format", "date-time"),
                identifier: is("primitive", "identifierString"),
                printable: is("primitive", "CiString"),
                integer: is("type", "integer"),
                number: is("type", "number"),
                time: said.get("time").and_then(Value::as_str).and_then(Time::of),
            },
            members,
        }
    }
}
