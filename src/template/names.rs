//! What names in expressions stand for.

use std::{
    borrow::Cow,
    sync::{Arc, OnceLock},
};

use minijinja::value::Serde;
use serde_json::{Map, Value};

/// Values by name: the parameters of a state or of a manual action.
pub type Values = Map<String, Value>;

/// Where an expression looks its names up. Only names that it uses are asked for.
pub trait Lookup {
    /// What a name stands for.
    fn lookup(&self, name: &str) -> Option<Cow<'_, Value>>;

    /// The same, converted for an expression that is more than a path.
    fn prepared(&self, name: &str) -> Option<minijinja::Value> {
        self.lookup(name).map(|value| convert(&value))
    }
}

pub(crate) fn convert(value: &Value) -> minijinja::Value {
    minijinja::Value::from(Serde(value))
}

/// A value that is converted for expressions at most once.
#[derive(Debug)]
pub struct Prepared {
    value: Value,
    converted: OnceLock<minijinja::Value>,
}

impl Prepared {
    /// The value as JSON.
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// The value for an expression.
    pub fn converted(&self) -> minijinja::Value {
        self.converted.get_or_init(|| convert(&self.value)).clone()
    }
}

impl From<Value> for Prepared {
    fn from(value: Value) -> Self {
        Self { value, converted: OnceLock::new() }
    }
}

/// Values by name that expressions see. A copy shares them, with what was converted already.
#[derive(Debug, Clone, Default)]
pub struct Names(Arc<Vec<(Arc<str>, Arc<Prepared>)>>);

impl Names {
    /// Gives a name a value; replaces the one it had.
    pub fn insert(&mut self, name: &str, value: Value) {
        let value = Arc::new(Prepared::from(value));
        let at = self.position(name);
        let entries = Arc::make_mut(&mut self.0);
        match at {
            Ok(at) => entries[at].1 = value,
            Err(at) => entries.insert(at, (name.into(), value)),
        }
    }

    /// What a name stands for.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.find(name).map(Prepared::value)
    }

    /// All that names stand for.
    pub fn values(&self) -> impl Iterator<Item = &Value> {
        self.0.iter().map(|(_, value)| value.value())
    }

    /// True when the name is known.
    pub fn contains(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    /// Gives a name the value that it has elsewhere, without a copy of the value.
    pub(crate) fn share(&mut self, name: &str, from: &Self) {
        if let Ok(at) = from.position(name) {
            let entry = from.0[at].clone();
            let entries = Arc::make_mut(&mut self.0);
            match entries.binary_search_by(|(known, _)| (**known).cmp(name)) {
                Ok(at) => entries[at] = entry,
                Err(at) => entries.insert(at, entry),
            }
        }
    }

    fn position(&self, name: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(known, _)| (**known).cmp(name))
    }

    fn find(&self, name: &str) -> Option<&Prepared> {
        let at = self.position(name).ok()?;
        self.0.get(at).map(|(_, value)| &**value)
    }
}

impl Lookup for Names {
    fn lookup(&self, name: &str) -> Option<Cow<'_, Value>> {
        self.get(name).map(Cow::Borrowed)
    }

    fn prepared(&self, name: &str) -> Option<minijinja::Value> {
        self.find(name).map(Prepared::converted)
    }
}

impl From<Values> for Names {
    fn from(values: Values) -> Self {
        let mut entries: Vec<_> =
            values.into_iter().map(|(name, value)| (name.into(), Arc::new(value.into()))).collect();
        entries.sort_by(|(one, _): &(Arc<str>, Arc<Prepared>), (other, _)| one.cmp(other));
        Self(Arc::new(entries))
    }
}

/// Names over others, which they hide: the members of a payload, the message that is answered.
#[derive(Clone, Copy)]
pub struct Over<'n> {
    over: Front<'n>,
    beneath: &'n dyn Lookup,
}

#[derive(Clone, Copy)]
enum Front<'n> {
    Members(&'n Values),
    One(&'static str, &'n Value),
    Nothing,
}

impl<'n> Over<'n> {
    /// The members of an object by their names; nothing for what is no object.
    pub fn members(object: &'n Value, beneath: &'n dyn Lookup) -> Self {
        Self { over: object.as_object().map_or(Front::Nothing, Front::Members), beneath }
    }

    /// One name.
    pub fn one(name: &'static str, value: &'n Value, beneath: &'n dyn Lookup) -> Self {
        Self { over: Front::One(name, value), beneath }
    }

    fn front(&self, name: &str) -> Option<&'n Value> {
        match self.over {
            Front::Members(members) => members.get(name),
            Front::One(known, value) => (known == name).then_some(value),
            Front::Nothing => None,
        }
    }
}

impl Lookup for Over<'_> {
    fn lookup(&self, name: &str) -> Option<Cow<'_, Value>> {
        self.front(name).map(Cow::Borrowed).or_else(|| self.beneath.lookup(name))
    }

    fn prepared(&self, name: &str) -> Option<minijinja::Value> {
        self.front(name).map(convert).or_else(|| self.beneath.prepared(name))
    }
}
