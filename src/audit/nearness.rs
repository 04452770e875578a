//! How near a place of a message is to what a condition names: of a report with thousands of places a condition reads a few, and
//! those are changed first.
//!
//! What a condition names are the words in quotes in it and in what defines its names (`selectattr('variable.name', 'equalto',
//! 'BasicAuthPassword')`), what the parameters and the elements of loops around it stood for, and the members that it asks for.

use std::collections::HashSet;

use serde_json::Value;

use super::{
    mutant::Target,
    subjects::{About, identifiers, literals},
    values,
};

/// Most members of a message that are changed; of one of many fewer.
const MOST_LEAVES: usize = 60;
/// The fewest of one of many.
const LEAST_LEAVES: usize = 8;
/// Most members of all messages that are changed.
const MOST_IN_ALL: usize = 1_800;
/// Most members of a message that are looked at for that.
const MOST_SEEN: usize = 20_000;
/// Most lists of a message that are changed.
const MOST_LISTS: usize = 40;
/// How much nearer what a condition compares with is.
const COMPARED: Near = 4;
/// What a parameter stood for says more than what stands in one of many definitions.
const NAMED_HERE: u32 = 3;
/// Most that the names in one element of a list count.
const MOST_NAMED: u32 = 6;

/// How near something is: the more, the nearer.
pub(super) type Near = u32;

/// What a condition names.
#[derive(Default)]
pub(super) struct Nearness {
    /// Most members of a message that are changed.
    most: usize,
    /// Of large messages the nearest places alone are changed; otherwise the first members and all lists, and none is nearer than another.
    pub(super) chooses: bool,
    /// What it compares with.
    pub(super) compared: Vec<Value>,
    /// What parameters and the elements of loops stood for.
    here: HashSet<String>,
    /// The words in quotes of it and of its definitions.
    named: HashSet<String>,
    /// The members that the condition asks for itself.
    asked: HashSet<String>,
    /// Those that its definitions ask for.
    known: HashSet<String>,
}

impl Nearness {
    /// What a condition names that so many messages may break.
    pub(super) fn of(target: &Target, about: &About, messages: usize) -> Self {
        let condition = target.condition.text();
        let mut here = HashSet::new();
        for value in target.scope.values() {
            let list = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
            here.extend(list.iter().filter_map(word));
        }
        let named =
            about.texts.iter().flat_map(|text| literals(text)).filter(Value::is_string).filter_map(|text| word(&text));
        let known = about.texts.iter().flat_map(|text| identifiers(text)).map(str::to_owned);
        Self {
            most: (MOST_IN_ALL / messages.max(1)).clamp(LEAST_LEAVES, MOST_LEAVES),
            chooses: true,
            named: named.collect(),
            asked: identifiers(&condition).map(str::to_owned).collect(),
            known: known.collect(),
            here,
            ..Self::indifferent(target)
        }
    }

    /// No place is nearer than another.
    pub(super) fn indifferent(target: &Target) -> Self {
        Self { most: MOST_LEAVES, compared: literals(&target.condition.text()), ..Self::default() }
    }

    /// How near another value of a place is: nearer where the condition compares with it.
    pub(super) fn value(&self, place: Near, other: &Value) -> Near {
        place + if self.compared.contains(other) { COMPARED } else { 0 }
    }

    /// How near what is in no place of a message is.
    pub(super) fn other(&self, near: Near) -> Near {
        if self.chooses { near } else { 0 }
    }

    /// Places that hold a single value, each with how near it is; of a large message the nearest, in their order.
    pub(super) fn leaves(&self, payload: &Value) -> Vec<(String, Near)> {
        if !self.chooses {
            return values::leaves(payload, "", self.most).into_iter().map(|pointer| (pointer, 0)).collect();
        }
        let (mut found, mut lists) = (Vec::new(), Vec::new());
        self.walk(payload, "", 0, &mut found, &mut lists);
        nearest(found, self.most)
    }

    /// The lists of a message, each with how near the nearest of its elements is.
    pub(super) fn lists(&self, payload: &Value) -> Vec<(String, Near)> {
        let (mut found, mut lists) = (Vec::new(), Vec::new());
        self.walk(payload, "", 0, &mut found, &mut lists);
        if self.chooses { nearest(lists, MOST_LISTS) } else { lists }
    }

    /// How near the nearest place of a message is.
    pub(super) fn payload(&self, payload: &Value) -> Near {
        if !self.chooses {
            return 0;
        }
        let (mut found, mut lists) = (Vec::new(), Vec::new());
        self.walk(payload, "", 0, &mut found, &mut lists);
        found.into_iter().map(|(_, near)| near).max().unwrap_or_default()
    }

    /// How much of what stands in an element is named.
    pub(super) fn element(&self, element: &Value) -> Near {
        if !self.chooses {
            return 0;
        }
        let mut words = HashSet::new();
        words_in(element, &mut words);
        let near =
            |word: &String| NAMED_HERE * Near::from(self.here.contains(word)) + Near::from(self.named.contains(word));
        words.iter().map(near).sum::<Near>().min(MOST_NAMED)
    }

    fn walk(
        &self,
        value: &Value,
        pointer: &str,
        around: Near,
        found: &mut Vec<(String, Near)>,
        lists: &mut Vec<(String, Near)>,
    ) {
        if found.len() >= MOST_SEEN {
            return;
        }
        match value {
            Value::Object(members) => {
                for (name, value) in members {
                    let pointer = format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"));
                    if value.is_object() || value.is_array() {
                        self.walk(value, &pointer, around, found, lists);
                    } else {
                        let asked = Near::from(self.asked.contains(name)) + Near::from(self.known.contains(name));
                        found.push((pointer, 2 * around + asked));
                    }
                }
            }
            Value::Array(items) => {
                let at = lists.len();
                lists.push((pointer.to_owned(), 0));
                let mut most = around;
                for (index, value) in items.iter().enumerate() {
                    let near = self.element(value).max(around);
                    most = most.max(near);
                    self.walk(value, &format!("{pointer}/{index}"), near, found, lists);
                }
                lists[at].1 = 2 * most;
            }
            _ => found.push((pointer.to_owned(), 2 * around)),
        }
    }
}

/// The nearest, in the order in which they were.
fn nearest(mut all: Vec<(String, Near)>, most: usize) -> Vec<(String, Near)> {
    if all.len() > most {
        let mut order: Vec<usize> = (0..all.len()).collect();
        order.sort_by_key(|index| std::cmp::Reverse(all[*index].1));
        let kept: HashSet<usize> = order.into_iter().take(most).collect();
        let mut index = 0;
        all.retain(|_| {
            index += 1;
            kept.contains(&(index - 1))
        });
    }
    all
}

/// What stands for itself in a message.
fn word(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn words_in(value: &Value, found: &mut HashSet<String>) {
    match value {
        Value::Object(members) => members.values().for_each(|value| words_in(value, found)),
        Value::Array(items) => items.iter().for_each(|value| words_in(value, found)),
        other => found.extend(word(other)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Nearness, Target};
    use crate::{
        audit::subjects::About,
        template::{Names, Template},
    };

    fn of(condition: &str, definitions: &[&str], parameters: Value) -> Nearness {
        let Value::Object(parameters) = parameters else { panic!("parameters have names") };
        let condition = Template::expression(condition);
        let mut texts = vec![condition.text()];
        texts.extend(definitions.iter().map(|text| (*text).to_owned()));
        let about = About { names: std::collections::BTreeSet::new(), time: false, texts };
        let scope = Names::from(parameters);
        Nearness::of(&Target { unit: 0, at: 0, step: String::new(), condition, scope }, &about, 1)
    }

    /// A report of so many variables, of which one in the midst is named.
    fn report(count: usize) -> Value {
        let data = (0..count).map(|number| {
            let name = if number == count / 2 { "BasicAuthPassword".to_owned() } else { format!("Variable{number}") };
            json!({
                "component": { "name": "NetworkConfiguration", "instance": (number % 3).to_string() },
                "variable": { "name": name },
                "variableAttribute": [{ "type": "Actual", "mutability": "WriteOnly" }],
            })
        });
        json!({ "reportData": data.collect::<Vec<_>>() })
    }

    #[test]
    fn of_a_large_report_the_variable_that_is_named_comes_first() {
        let definition = "kept | selectattr('variable.name', 'equalto', 'BasicAuthPassword') | list";
        let near = of("password.mutability == 'WriteOnly'", &[definition], json!({}));
        let report = report(400);
        let mut leaves = near.leaves(&report);
        assert_eq!(leaves.len(), 60);
        leaves.sort_by_key(|(_, near)| std::cmp::Reverse(*near));
        assert_eq!(leaves[0].0, "/reportData/200/variableAttribute/0/mutability");
        assert!(leaves[..3].iter().all(|(place, _)| place.starts_with("/reportData/200/")), "{leaves:?}");
        assert!(leaves[0].1 > leaves[1].1 && leaves[2].1 > leaves[3].1);
        assert!(near.element(&report["reportData"][200]) > near.element(&report["reportData"][199]));
    }

    #[test]
    fn what_a_loop_is_at_counts_more_than_a_word_of_a_definition() {
        let near = of("shown == wanted", &["['Variable7', 'Variable8']"], json!({ "name": "Variable8" }));
        let report = report(20);
        let of = |index: usize| near.element(&report["reportData"][index]);
        assert!(of(8) > of(7) && of(7) > of(6));
    }

    #[test]
    fn a_small_message_is_looked_at_whole_and_in_its_order() {
        let near = of("answer.status == 'Accepted'", &[], json!({}));
        let payload = json!({ "evse": { "id": 1 }, "status": "Accepted", "list": [{ "a": 1 }, 2] });
        let places: Vec<String> = near.leaves(&payload).into_iter().map(|(place, _)| place).collect();
        assert_eq!(places, ["/evse/id", "/status", "/list/0/a", "/list/1"]);
        assert_eq!(near.lists(&payload), [("/list".to_owned(), 0)]);
        assert!(near.payload(&payload) > 0);
    }
}
