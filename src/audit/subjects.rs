//! What a condition is about: the names that it uses, what they are made of, and what it compares them with.

use std::collections::{BTreeSet, HashMap};

use serde_json::Value;

use crate::{
    replay::Recording,
    template::Template,
    testcase::model::{Step, StepKind},
};

/// What names stand for, as the test case and its states define them.
pub(super) struct Definitions(HashMap<String, Vec<Template>>);

/// What a condition is about.
pub(super) struct About {
    pub(super) names: BTreeSet<String>,
    /// When something happened.
    pub(super) time: bool,
    /// The condition, and everything that defines these names.
    pub(super) texts: Vec<String>,
}

impl Definitions {
    /// What the test case defines, and the states that it runs.
    pub(super) fn of(recording: &Recording) -> Self {
        let setup = &recording.setup;
        let mut known = Self(HashMap::new());
        let mut runs = Vec::new();
        for step in setup.case.before.iter().chain(setup.case.steps.iter().flatten()) {
            known.under(step, &[], &mut runs);
        }
        let mut seen = BTreeSet::new();
        while let Some(name) = runs.pop() {
            let Some(state) = setup.states.get(&name).filter(|_| seen.insert(name)) else { continue };
            known.templates(&state.parameters);
            for step in &state.steps {
                known.under(step, &[], &mut runs);
            }
        }
        known
    }

    fn templates(&mut self, named: &[(String, Template)]) {
        for (name, template) in named {
            self.0.entry(name.clone()).or_default().push(template.clone());
        }
    }

    /// What a step defines, and the states that it runs. Values rest on the conditions around them too.
    fn under(&mut self, step: &Step, around: &[Template], runs: &mut Vec<String>) {
        let mut around: Vec<Template> = around.iter().chain(&step.when).cloned().collect();
        match &step.kind {
            StepKind::Set(values) => {
                self.templates(values);
                for (name, _) in values {
                    self.0.entry(name.clone()).or_default().extend(around.iter().cloned());
                }
            }
            StepKind::Repeat { until, .. } => around.push(until.clone()),
            StepKind::Run { state, with } => {
                self.templates(with);
                runs.push(state.clone());
            }
            StepKind::ForEach { items, item, .. } => self.0.entry(item.clone()).or_default().push(items.clone()),
            _ => {}
        }
        for inner in step.inner() {
            self.under(inner, &around, runs);
        }
    }

    /// The names that a condition rests on, those that they are made of included.
    pub(super) fn behind(&self, condition: &Template) -> About {
        let mut about = About { names: BTreeSet::new(), time: false, texts: Vec::new() };
        let mut templates = vec![condition];
        while let Some(template) = templates.pop() {
            let text = template.text();
            about.time |= words(&text).iter().any(|word| {
                word.split('.').skip(1).any(|member| matches!(member, "at" | "answered"))
                    || matches!(word.as_str(), "elapsed" | "now" | "instant" | "seconds_between" | "connected_since")
            });
            // Functions, too: some answer from messages of the product.
            for word in template.undeclared() {
                let name = word.split('.').next().unwrap_or_default();
                if about.names.insert(name.to_owned()) {
                    templates.extend(self.0.get(name).into_iter().flatten());
                }
            }
            about.texts.push(text);
        }
        about
    }
}

/// Everything in a text that is written like a name.
pub(super) fn identifiers(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|word| !word.is_empty())
}

/// Names with their members (`answer.status`) outside of quotes.
fn words(text: &str) -> Vec<String> {
    let mut outside = String::new();
    let mut quote = None;
    for c in text.chars() {
        match quote {
            Some(end) => quote = (c != end).then_some(end),
            None if c == '\'' || c == '"' => {
                quote = Some(c);
                outside.push(' ');
            }
            None => outside.push(c),
        }
    }
    outside
        .split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '.'))
        .filter(|word| word.starts_with(|c: char| c.is_alphabetic() || c == '_'))
        .map(str::to_owned)
        .collect()
}

/// Texts in quotes and numbers: what a condition compares with.
pub(super) fn literals(condition: &str) -> Vec<Value> {
    let mut all = Vec::new();
    for quote in ['\'', '"'] {
        all.extend(condition.split(quote).skip(1).step_by(2).map(Value::from));
    }
    let numbers = condition.split(|c: char| !c.is_ascii_digit()).filter_map(|digits| digits.parse::<i64>().ok());
    all.extend(numbers.map(Value::from));
    all
}

/// True for a condition on more than what the lab has set up.
pub(super) fn about_the_product(condition: &str) -> bool {
    const LAB: [&str; 14] = [
        "bench",
        "pics",
        "variant",
        "security_profile",
        "tx_start_point",
        "tx_stop_point",
        "and",
        "or",
        "not",
        "in",
        "is",
        "true",
        "false",
        "supports",
    ];
    words(condition).iter().any(|word| !LAB.contains(&word.split('.').next().unwrap_or_default()))
}

/// The parts of a condition of which one is enough.
pub(super) fn alternatives(condition: &str) -> Vec<String> {
    let (mut parts, mut part, mut depth, mut quote) = (Vec::new(), String::new(), 0_i32, None);
    let mut rest = condition;
    while let Some(c) = rest.chars().next() {
        if quote.is_none() && depth == 0 && rest.starts_with(" or ") {
            parts.push(std::mem::take(&mut part));
            rest = &rest[" or ".len()..];
            continue;
        }
        match (quote, c) {
            (Some(end), _) => quote = (c != end).then_some(end),
            (None, '\'' | '"') => quote = Some(c),
            (None, '(' | '[' | '{') => depth += 1,
            (None, ')' | ']' | '}') => depth -= 1,
            _ => {}
        }
        part.push(c);
        rest = &rest[c.len_utf8()..];
    }
    parts.push(part);
    parts
}
