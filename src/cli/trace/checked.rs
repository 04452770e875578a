//! What the steps of a test case look at in a message: that is told first, and whole.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use serde_json::Value;

use crate::{
    pics::SutKind,
    record::{PlanEntry, read},
    testcase::{
        library::Library,
        matcher::Checks,
        model::{State, Step, TestCase},
    },
};

use super::super::TestCases;

/// Longest value that is told, characters: far more than any that a step looks at.
const LONGEST: usize = 2000;
/// Most values that are told of one message.
const MOST: usize = 40;

/// The checks of test cases by action, requests and answers apart.
type ByMessage = HashMap<(String, bool), Vec<Checks>>;

/// What the test cases of a run check.
#[derive(Debug, Default)]
pub(super) struct Checked {
    library: Option<Library>,
    of_case: BTreeMap<String, ByMessage>,
    /// What states check, whichever test case runs them.
    of_states: ByMessage,
}

impl Checked {
    /// Reads the test cases of a run; where they can't be read nothing is known, and every message is told alike.
    pub(super) fn of(
        folder: &std::path::Path,
        plan: &[PlanEntry],
        wanted: Option<&[&str]>,
        test_cases: &TestCases,
    ) -> Self {
        let facts = read::results(folder).ok().and_then(|results| results.pics);
        let library = facts.and_then(|facts| {
            let catalogue = test_cases.of(facts.ocpp).ok()?;
            let sut: SutKind = facts.side;
            let ids = plan.iter().map(|entry| entry.id.as_str());
            let ids = ids.filter(|id| wanted.is_none_or(|wanted| wanted.contains(id))).collect();
            Library::of(&catalogue, sut, &ids).ok()
        });
        let mut of_states = ByMessage::new();
        if let Some(library) = &library {
            let mut names: Vec<&String> = library.states.keys().collect();
            names.sort();
            for name in names {
                gather(&library.states[name].steps, &HashMap::new(), &mut BTreeSet::new(), &mut of_states);
            }
        }
        Self { library, of_case: BTreeMap::new(), of_states }
    }

    /// The values of a message that the test case looks at, `path=value` each, in the order in which the steps name them, then those
    /// that any state looks at; and the rest of the payload.
    pub(super) fn split(
        &mut self,
        test_case: Option<&str>,
        action: &str,
        request: bool,
        payload: &Value,
    ) -> (String, Value) {
        let Some(id) = test_case else { return (String::new(), payload.clone()) };
        if !self.of_case.contains_key(id) {
            let known = self.library.as_ref().and_then(|library| Some((library, library.cases.get(id)?)));
            self.of_case.insert(id.to_owned(), known.map(|(library, case)| of_case(case, library)).unwrap_or_default());
        }
        let message = (action.to_owned(), request);
        let of_case = self.of_case.get(id).and_then(|known| known.get(&message)).map(Vec::as_slice);
        let of_states = self.of_states.get(&message).map(Vec::as_slice);
        let mut told: Vec<(String, String)> = Vec::new();
        let mut rest = payload.clone();
        for (checks, own) in [(of_case, true), (of_states, false)] {
            let demands = checks.unwrap_or_default().iter().flat_map(|checks| checks.demands(payload));
            for place in demands.flat_map(|demand| demand.places) {
                let in_list = place.split('/').any(|part| part.parse::<usize>().is_ok());
                let Some(value) = payload.pointer(&place).filter(|_| !place.is_empty() && (own || !in_list)) else {
                    continue;
                };
                if told.len() >= MOST || told.iter().any(|(known, _)| *known == place) {
                    continue;
                }
                told.push((place.clone(), crate::yaml::shorten(&value.to_string(), LONGEST)));
                // An element of a list would leave a part that nobody understands.
                if !in_list {
                    remove(&mut rest, &place);
                }
            }
        }
        prune(&mut rest);
        let words: Vec<String> =
            told.iter().map(|(place, value)| format!("{}={value}", place[1..].replace('/', "."))).collect();
        (words.join(" "), rest)
    }
}

/// Takes a value out of an object.
fn remove(payload: &mut Value, place: &str) {
    let Some((around, name)) = place.rsplit_once('/') else { return };
    if let Some(Value::Object(members)) = payload.pointer_mut(around) {
        members.shift_remove(name);
    }
}

/// Leaves out objects that have become empty.
fn prune(value: &mut Value) {
    if let Value::Object(members) = value {
        members.values_mut().for_each(prune);
        members.retain(|_, value| value.as_object().is_none_or(|object| !object.is_empty()));
    }
}

fn of_case(case: &TestCase, library: &Library) -> ByMessage {
    let mut found = ByMessage::new();
    let mut seen = BTreeSet::new();
    for steps in [Some(&case.before), case.steps.as_ref(), Some(&case.after)].into_iter().flatten() {
        gather(steps, &library.states, &mut seen, &mut found);
    }
    for rule in &case.always {
        let entry = found.entry((rule.action.clone(), true)).or_default();
        entry.extend([Some(&rule.matches), rule.checks.as_ref()].into_iter().flatten().cloned());
    }
    found
}

fn gather(
    steps: &[Arc<Step>],
    states: &HashMap<String, Arc<State>>,
    seen: &mut BTreeSet<String>,
    found: &mut ByMessage,
) {
    for step in steps {
        if let Some(message) = step.message() {
            let entry = found.entry((message.action.to_owned(), message.request)).or_default();
            entry.extend([message.matches, Some(message.checks)].into_iter().flatten().cloned());
        }
        if let Some((action, matches)) = step.forbids() {
            found.entry((action.to_owned(), true)).or_default().push(matches.clone());
        }
        if let Some((name, _)) = step.run() {
            if let Some(state) = states.get(name).filter(|_| seen.insert(name.to_owned())) {
                gather(&state.steps, states, seen, found);
            }
        }
        gather(step.inner(), states, seen, found);
    }
}
