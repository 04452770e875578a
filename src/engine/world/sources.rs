//! Which message of the SUT a kept value comes from, so that a finding about the value can show it.

use std::{collections::HashMap, sync::Arc};

use super::World;
use crate::{
    engine::{Scope, finding::Finding},
    protocol::session::Call,
    testcase::template::Template,
    yaml::shorten,
};

/// Longest text of one value in what was found.
const LONGEST_VALUE: usize = 160;
/// Longest text of what was found.
const LONGEST_FOUND: usize = 500;

/// The latest message that a value depends on.
#[derive(Debug, Clone)]
struct Source {
    /// Which of the engine's inputs it was.
    input: usize,
    /// The answer to a CALL of ours, as it came. A CALL of the SUT is kept elsewhere.
    answer: Option<Arc<str>>,
}

/// The sources of the values that the test case keeps, by name.
#[derive(Debug, Clone, Default)]
pub(super) struct Sources(HashMap<String, Source>);

impl Sources {
    fn latest(&self, template: &Template) -> Option<&Source> {
        template.names().iter().filter_map(|name| self.0.get(&**name)).max_by_key(|source| source.input)
    }

    fn set(&mut self, name: &str, source: Option<Source>) {
        match source {
            Some(source) => self.0.insert(name.to_owned(), source),
            None => self.0.remove(name),
        };
    }
}

impl World {
    /// Notes that a name stands for a CALL of the SUT.
    pub(crate) fn comes_from_call(&mut self, name: &str, call: &Call) {
        self.sources.set(name, Some(Source { input: call.input, answer: None }));
    }

    /// Notes that a name stands for this answer of the SUT.
    pub(crate) fn comes_from_answer(&mut self, name: &str, text: &str) {
        self.sources.set(name, Some(Source { input: self.input, answer: Some(text.into()) }));
    }

    /// Notes that a name stands for what is made of other names.
    pub(crate) fn comes_from_names(&mut self, name: &str, template: &Template) {
        let source = self.sources.latest(template).cloned();
        self.sources.set(name, source);
    }

    /// A finding about a condition that does not hold: what it says, what its names stand for, and the latest message that they
    /// come from.
    pub(crate) fn does_not_hold(&self, condition: &Template, scope: &Scope, mut finding: Finding) -> Finding {
        finding.expected = Some(condition.text());
        let names = self.names(scope);
        // What the PICS answers and what the bench lists was given, and not found.
        let is_found = |(path, value): &(String, Option<serde_json::Value>)| {
            let of = |root: &str| path.strip_prefix(root).is_some_and(|rest| rest.starts_with(['.', '[']));
            let is_list = value.as_ref().is_some_and(|value| value.is_object() || value.is_array());
            !(of("pics") || of("bench") && is_list)
        };
        let said = condition.read(&names).into_iter().filter(is_found).map(|(path, value)| match value {
            Some(value) => format!("{path} = {}", shorten(&value.to_string(), LONGEST_VALUE)),
            None => format!("{path} is absent"),
        });
        let said = said.collect::<Vec<_>>().join(", ");
        finding.found = (!said.is_empty()).then(|| shorten(&said, LONGEST_FOUND));
        finding.frame = self.sources.latest(condition).and_then(|source| match &source.answer {
            Some(text) => Some(shorten(text, 4000)),
            None => {
                let call = self.received.iter().rev().find(|call| call.input == source.input)?;
                Some(shorten(&call.text, 4000))
            }
        });
        finding
    }
}
