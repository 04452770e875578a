//! The requirements that a step or a check names: what a breach of it breaks.

use super::template::{Lookup, Template};

/// Requirement ids, some of them only under a condition.
#[derive(Debug, Clone, Default)]
pub struct Requirements(Vec<(String, Option<Template>)>);

impl Requirements {
    /// Adds an id; with a condition, it is only broken where that holds.
    pub fn add(&mut self, id: String, when: Option<Template>) {
        self.0.push((id, when));
    }

    /// True when none is named.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Those that are broken where these names hold. A condition that can't be evaluated leaves its id in: it decides what is
    /// told, and never a verdict.
    pub fn broken(&self, names: &dyn Lookup) -> Vec<String> {
        let holds = |when: &Option<Template>| when.as_ref().is_none_or(|when| when.holds(names) != Ok(false));
        self.0.iter().filter(|(_, when)| holds(when)).map(|(id, _)| id.clone()).collect()
    }

    /// All of them, under whatever condition.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(id, _)| id.as_str())
    }

    /// In words: `E06.FR.03, F03.FR.03 if how == 'remote'`.
    pub fn describe(&self) -> String {
        let one = |(id, when): &(String, Option<Template>)| match when {
            Some(when) => format!("{id} if {}", when.text()),
            None => id.clone(),
        };
        self.0.iter().map(one).collect::<Vec<_>>().join(", ")
    }
}
