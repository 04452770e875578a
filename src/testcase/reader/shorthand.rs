//! Steps that stand for others: `ask` for a manual action and the message that follows it, `get` and `set` for the messages that
//! read and set variables. Each is written out as the steps that it stands for and read as such, with the places of the
//! file, so that the engine, the audit and the reports know nothing of it.

use std::sync::Arc;

use serde_json::Value;

use super::Reader;
use crate::{
    pics::SutKind,
    protocol::semantics::{VariableAsked, VariableMessage, VariableName},
    testcase::model::StepKind,
    yaml::{Key, Kind, Node, Position},
};

/// What `ask` hands on to the `expect` that it stands for; `as` and `requirement` are about the message, too.
const OF_THE_MESSAGE: [&str; 9] =
    ["match", "check", "reply", "reply-error", "no-reply", "within", "nothing-else-before", "as", "requirement"];

/// What `get` and `set` hand on to the `send` that they stand for.
const OF_THE_CALL: [&str; 2] = ["error-allowed", "within"];

impl Reader<'_> {
    /// `ask: Reset`: the operator lets the CSMS send it, and it comes.
    pub(super) fn ask(&mut self, value: &Node, node: &Node) -> Option<StepKind> {
        if self.sut != SutKind::Csms {
            self.defect(value.at, "`ask` is for a CSMS under test", "write `send`: a CSMS is what we are here");
            return None;
        }
        let action = value.text()?;
        let messages = self.dialect.protocol.messages();
        if !messages.is_action(action) || !messages.sent_by(action, false) {
            self.action(value, true);
            return None;
        }
        let at = node.at;
        let payload = node.get("payload").cloned().unwrap_or_else(|| mapping(at, Vec::new()));
        let station = text(at, "{{ bench.identity }}");
        let with = [("action", value.clone()), ("payload", payload), ("station", station)];
        let question = mapping(at, vec![("operator", text(at, "send")), ("with", mapping(at, with.into()))]);
        let handed_on = OF_THE_MESSAGE.into_iter().filter_map(|key| Some((key, node.get(key)?.clone())));
        let message = mapping(at, [("expect", value.clone())].into_iter().chain(handed_on).collect());
        let mut steps: Vec<_> = self.step(&question).map(Arc::new).into_iter().collect();
        if let Some(meanwhile) = node.get("meanwhile") {
            steps.extend(self.steps(meanwhile));
        }
        steps.extend(self.step(&message).map(Arc::new));
        Some(StepKind::Group(steps))
    }

    /// `get: Component.Variable`, `set: { Component.Variable: value }`: the message, and what must hold of its results.
    pub(super) fn variable_access(&mut self, sets: bool, value: &Node, node: &Node) -> Option<StepKind> {
        let word = if sets { "set" } else { "get" };
        if self.sut == SutKind::Csms {
            let help = if sets { "values are kept under names with `let`" } else { "write `ask`" };
            self.defect(value.at, format!("`{word}` is for a charging station under test"), help);
            return None;
        }
        let lines = self.variable_lines(value)?;
        let attribute = node.get("attribute").and_then(Node::scalar);
        let mut asked = Vec::new();
        for (name, at, given) in &lines {
            let name = match variable_name(name) {
                Ok(name) => name,
                Err(reason) => {
                    let help = match sets {
                        true => "write `Component[evse].Variable[instance]`; values are kept under names with `let`",
                        false => "write `Component[evse].Variable[instance]`",
                    };
                    self.defect(*at, reason, help);
                    continue;
                }
            };
            let value = given.filter(|_| sets).map(Node::scalar);
            if let (Some(None), Some(given)) = (&value, given) {
                let message = format!("the value of a variable is text, found {}", given.describe());
                self.defect(given.at, message, "write the value as it is sent");
            }
            asked.push(VariableAsked { name, attribute: attribute.clone(), value: value.flatten() });
        }
        if asked.len() < lines.len() || asked.iter().any(|asked| sets && asked.value.is_none()) {
            return None;
        }
        let Some(message) = self.dialect.protocol.semantics.variables(&asked) else {
            let message = format!("{} has no message that `{word}` could stand for", self.dialect.protocol.name);
            self.defect(value.at, message, "write the message with `send`");
            return None;
        };
        let values = lines.iter().map(|(_, _, given)| given.filter(|_| !sets)).collect::<Vec<_>>();
        let checks = result_checks(&message, &values, node);
        let at = value.at;
        let handed_on = OF_THE_CALL.into_iter().filter_map(|key| Some((key, node.get(key)?.clone())));
        let members = [("send", text(at, message.action)), ("payload", placed(&message.payload, at))];
        let mut members: Vec<(&str, Node)> = members.into_iter().chain(handed_on).collect();
        members.push(("check", Node { kind: Kind::List(checks), at }));
        let call = mapping(at, members);
        Some(StepKind::Send(self.send(&text(at, message.action), &call)))
    }

    /// The names of variables, each with its place and with what is written beside it.
    fn variable_lines<'n>(&mut self, value: &'n Node) -> Option<Vec<(String, Position, Option<&'n Node>)>> {
        let named = |node: &Node| Some((node.text()?.to_owned(), node.at, None));
        let lines: Vec<_> = match &value.kind {
            Kind::Text(_) => named(value).into_iter().collect(),
            Kind::List(items) => items.iter().filter_map(named).collect(),
            Kind::Map(entries) => entries.iter().map(|(key, given)| (key.name.clone(), key.at, Some(given))).collect(),
            _ => Vec::new(),
        };
        if lines.is_empty() || value.list().is_some_and(|items| items.len() > lines.len()) {
            let message = format!("names of variables were expected, found {}", value.describe());
            self.defect(value.at, message, "write `Component.Variable`");
            return None;
        }
        Some(lines)
    }
}

/// What must hold of the results: the status, the values, and what the step says of each. The one result of one variable is
/// the first; of several, each is looked for.
fn result_checks(message: &VariableMessage, values: &[Option<&Node>], node: &Node) -> Vec<Node> {
    let at = node.at;
    let results = message.results;
    let alone = values.len() == 1;
    let of_each = |members: Vec<(Key, Node)>| {
        if alone {
            let first = |(key, value): (Key, Node)| match key.name.as_str() {
                "requirement" => (key, value),
                path => (Key { name: format!("{results}[0].{path}"), at: key.at }, value),
            };
            return Node { kind: Kind::Map(members.into_iter().map(first).collect()), at };
        }
        mapping(at, vec![(results, mapping(at, vec![("each", Node { kind: Kind::Map(members), at })]))])
    };
    let mut checks = Vec::new();
    let status = node.get("status").cloned().unwrap_or_else(|| text(at, "Accepted"));
    if status.text() != Some("any") {
        checks.push(of_each(vec![(Key { name: message.status.to_owned(), at: status.at }, status)]));
    }
    for (matcher, told_by) in values.iter().zip(&message.told_by) {
        let Some(matcher) = matcher else { continue };
        let value = (Key { name: message.value.to_owned(), at: matcher.at }, (*matcher).clone());
        if alone {
            checks.push(of_each(vec![value]));
            continue;
        }
        let told_by = told_by.iter().map(|(path, told)| (Key { name: (*path).to_owned(), at }, text(at, told)));
        let one = Node { kind: Kind::Map(told_by.chain([value]).collect()), at };
        checks.push(mapping(at, vec![(results, mapping(at, vec![("any", one)]))]));
    }
    let given = node.get("check");
    let groups = given.map(|given| given.list().unwrap_or(std::slice::from_ref(given))).unwrap_or_default();
    checks.extend(groups.iter().map(|group| match &group.kind {
        Kind::Map(members) => of_each(members.clone()),
        _ => group.clone(), // told by the reader of checks
    }));
    checks
}

/// Reads `Component[evse].Variable[instance]`, or `Component[evse,connector].Variable`. What stands in an expression is no part of
/// the notation.
fn variable_name(text: &str) -> Result<VariableName, String> {
    let wrong = || format!("`{text}` is not Component.Variable");
    let dot = outside(text, |character, bracket| character == '.' && !bracket).ok_or_else(wrong)?;
    let (component, place) = with_brackets(&text[..dot]).ok_or_else(wrong)?;
    let (variable, instance) = with_brackets(&text[dot + 1..]).ok_or_else(wrong)?;
    let (evse, connector) = match place {
        None => (None, None),
        Some(place) => match outside(place, |character, _| character == ',') {
            Some(comma) => (Some(&place[..comma]), Some(&place[comma + 1..])),
            None => (Some(place), None),
        },
    };
    let number = |text: &&str| text.contains("{{") || text.trim().parse::<u32>().is_ok();
    if !evse.iter().chain(&connector).all(number) {
        return Err(format!("`{text}`: an EVSE and a connector are numbers"));
    }
    let owned = |text: &str| text.trim().to_owned();
    Ok(VariableName {
        component: owned(component),
        evse: evse.map(owned),
        connector: connector.map(owned),
        variable: owned(variable),
        instance: instance.map(owned),
    })
}

/// A name, and what is in the brackets behind it.
fn with_brackets(text: &str) -> Option<(&str, Option<&str>)> {
    let (name, inner) = match outside(text, |character, _| character == '[') {
        None => (text, None),
        Some(open) => (&text[..open], Some(text[open + 1..].strip_suffix(']')?)),
    };
    let whole = |text: &str| !text.trim().is_empty();
    (whole(name) && inner.is_none_or(whole)).then_some((name, inner))
}

/// The first place outside of expressions where this holds of a character; it is told whether the place is in brackets.
fn outside(text: &str, is: impl Fn(char, bool) -> bool) -> Option<usize> {
    let (mut braces, mut brackets) = (0_usize, 0_usize);
    for (index, character) in text.char_indices() {
        match character {
            '{' => braces += 1,
            '}' => braces = braces.saturating_sub(1),
            _ if braces > 0 => {}
            found if is(found, brackets > 0) => return Some(index),
            '[' => brackets += 1,
            ']' => brackets = brackets.saturating_sub(1),
            _ => {}
        }
    }
    None
}

fn text(at: Position, text: &str) -> Node {
    Node { kind: Kind::Text(text.to_owned()), at }
}

fn mapping(at: Position, members: Vec<(&str, Node)>) -> Node {
    let member = |(name, value): (&str, Node)| (Key { name: name.to_owned(), at: value.at }, value);
    Node { kind: Kind::Map(members.into_iter().map(member).collect()), at }
}

/// A value that stands at one place of a file.
fn placed(value: &Value, at: Position) -> Node {
    fn place(node: &mut Node, at: Position) {
        node.at = at;
        match &mut node.kind {
            Kind::List(items) => items.iter_mut().for_each(|item| place(item, at)),
            Kind::Map(entries) => {
                for (key, value) in entries {
                    key.at = at;
                    place(value, at);
                }
            }
            _ => {}
        }
    }
    let mut node = Node::from_json(value);
    place(&mut node, at);
    node
}

#[cfg(test)]
mod tests;
