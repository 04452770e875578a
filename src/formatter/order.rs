//! In which order keys stand. The tables of the language say it; where there is no table, the author's order stays, because there it may
//! mean something (settings that are made one after the other) or groups what belongs together.

use crate::{
    testcase::language::{COMMON, STATE, StepInfo, TEST_CASE},
    vocabulary::{Property, Takes},
    yaml::{Kind, Node},
};

/// The kind of a file that has one form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// A test case.
    TestCase,
    /// A state or procedure.
    State,
    /// A PICS.
    Pics,
    /// A test bench.
    Bench,
}

impl FileKind {
    /// What a file with these keys is, if it is one of ours.
    pub fn of(root: &Node) -> Option<Self> {
        let has = |key: &str| root.get(key).is_some();
        if has("id") && has("certification") {
            Some(FileKind::TestCase)
        } else if has("state") && has("purpose") {
            Some(FileKind::State)
        } else if has("ocpp") && has("profiles") {
            Some(FileKind::Pics)
        } else {
            let keys = root.map().unwrap_or_default();
            let known = crate::bench::keys();
            (!keys.is_empty() && keys.iter().all(|(key, _)| known.contains(&key.name))).then_some(FileKind::Bench)
        }
    }

    /// The place of its outermost mapping.
    pub fn place(self) -> Place {
        match self {
            FileKind::TestCase => Place::Table(&TEST_CASE),
            FileKind::State => Place::Table(&STATE),
            FileKind::Pics | FileKind::Bench => Place::Free,
        }
    }
}

/// Where a node stands: what says how the keys of a mapping there are ordered.
#[derive(Debug, Clone, Copy)]
pub enum Place {
    /// A mapping with these keys, or a list of such mappings.
    Table(&'static [Property]),
    /// A step, or a list of steps.
    Steps,
    /// The author's order.
    Free,
}

impl Place {
    /// The place of the value of a key, in a mapping here with these keys.
    pub fn child<'k>(self, key: &str, keys: impl Iterator<Item = &'k str> + Clone) -> Place {
        let property = match self {
            Place::Free => None,
            Place::Table(known) => known.iter().find(|property| property.name == key),
            Place::Steps => {
                let of_kind = StepInfo::among(keys).and_then(|info| info.keys.iter().find(|one| one.name == key));
                of_kind.or_else(|| COMMON.iter().find(|one| one.name == key))
            }
        };
        property.map_or(Place::Free, |property| Self::of(property.takes))
    }

    fn of(takes: Takes) -> Place {
        match takes {
            Takes::Defined("steps" | "state") => Place::Steps,
            Takes::Members(known) => Place::Table(known),
            Takes::List(item) | Takes::OneOrMore(item) => Self::of(*item),
            _ => Place::Free,
        }
    }

    /// The order of a mapping with these keys, as indices into them; `None`: as it is.
    pub fn order(self, keys: &[&str]) -> Option<Vec<usize>> {
        let rank: Box<dyn Fn(&str) -> usize> = match self {
            Place::Free => return None,
            Place::Table(known) => Box::new(|key| position(known.iter(), key).unwrap_or(known.len())),
            Place::Steps => {
                let info = StepInfo::among(keys.iter().copied())?;
                Box::new(move |key| rank_in_step(info, key))
            }
        };
        let mut order: Vec<usize> = (0..keys.len()).collect();
        order.sort_by_key(|&index| rank(keys[index]));
        order.iter().enumerate().any(|(at, &index)| at != index).then_some(order)
    }

    /// The node with its keys in order, here and below.
    pub fn sorted(self, node: Node) -> Node {
        let kind = match node.kind {
            Kind::List(items) => Kind::List(items.into_iter().map(|item| self.sorted(item)).collect()),
            Kind::Map(entries) => {
                let names: Vec<String> = entries.iter().map(|(key, _)| key.name.clone()).collect();
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                let mut sorted: Vec<_> = entries
                    .into_iter()
                    .map(|(key, value)| {
                        let place = self.child(&key.name, names.iter().copied());
                        (key, place.sorted(value))
                    })
                    .map(Some)
                    .collect();
                Kind::Map(match self.order(&names) {
                    Some(order) => order.into_iter().filter_map(|index| sorted[index].take()).collect(),
                    None => sorted.into_iter().flatten().collect(),
                })
            }
            other => other,
        };
        Node { kind, at: node.at }
    }
}

fn position<'p>(mut known: impl Iterator<Item = &'p Property>, key: &str) -> Option<usize> {
    known.position(|property| property.name == key)
}

/// `when` comes first, for what follows may be long; then the kind with what belongs to it, and what any step can have.
fn rank_in_step(info: &StepInfo, key: &str) -> usize {
    const LATER: usize = 1000;
    match position(info.keys.iter(), key) {
        _ if key == "when" => 0,
        Some(at) => 1 + at,
        None => LATER + position(COMMON.iter(), key).unwrap_or(COMMON.len()),
    }
}
