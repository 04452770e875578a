//! Which manual actions of the plan the bench has no request for: each makes its test cases inconclusive.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Finding, Findings, Level, Planned, Subject};
use crate::{
    bench::operator::HttpRequests,
    manual_action::ManualAction,
    testcase::{
        library::Library,
        model::{StepKind, TestCase},
        template::{Template, Values},
    },
};

/// Most test cases that are named with an action.
const NAMED: usize = 3;

pub(super) fn look(subject: Subject<'_>, findings: &mut Findings) {
    let (Some(http), Some(Planned { library, ids })) = (&subject.bench.operator, subject.planned) else { return };
    if subject.operator.is_some() {
        return;
    }
    let mut missing: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (id, case) in library.cases.iter().filter(|(id, _)| ids.contains(*id)) {
        for action in actions(case, library) {
            if is_missing(http, &action) {
                let cases = missing.entry(words(&action)).or_default();
                if cases.last() != Some(&id.as_str()) {
                    cases.push(id);
                }
            }
        }
    }
    if missing.is_empty() {
        findings.ok(
            "operator.http",
            "it has a request, or says why not, for each manual action of the test cases that apply",
        );
        return;
    }
    for (number, (action, cases)) in missing.iter().enumerate() {
        let named = cases[..cases.len().min(NAMED)].join(", ");
        let cases = match cases.len().saturating_sub(NAMED) {
            0 => named,
            more => format!("{named} and {more} more"),
        };
        let message = format!("it has no request for {action} ({cases})");
        // What is to be done is the same for all of them, and stands with the last.
        let help = (number + 1 == missing.len()).then(|| {
            String::from(
                "add a request; write a text instead, the reason, for what the product can't do. These test cases are inconclusive otherwise",
            )
        });
        findings.0.push(Finding { level: Level::Warning, item: "operator.http".into(), message, help });
    }
}

fn is_missing(http: &HttpRequests, action: &ManualAction) -> bool {
    let request = http.request(action);
    request.url.is_none() && request.instead.is_none()
}

/// `send GetVariables`, `configure next-boot`, `check-variable`.
fn words(action: &ManualAction) -> String {
    let about = ["action", "what"].iter().find_map(|name| action.parameters.get(*name).and_then(Value::as_str));
    about.map_or_else(|| action.action.clone(), |about| format!("{} {about}", action.action))
}

/// What a test case and the states that it runs ask the operator for, as far as it is written there and not calculated; what the
/// test case can do without is left out.
fn actions(case: &TestCase, library: &Library) -> Vec<ManualAction> {
    let steps = case.before.iter().chain(case.steps.iter().flatten());
    let asked = library.reached(steps).into_iter().filter_map(|step| match &step.kind {
        StepKind::Operator { action, with, optional: false } => Some((action, with)),
        _ => None,
    });
    asked
        .map(|(action, with)| ManualAction {
            action: action.name.to_owned(),
            parameters: literals(with),
            prompt: String::new(),
        })
        .collect()
}

fn literals(with: &[(String, Template)]) -> Values {
    let is_literal = |value: &Value| value.as_str().is_none_or(|text| !text.contains("{{"));
    with.iter()
        .map(|(name, template)| (name.clone(), template.raw().clone()))
        .filter(|(_, value)| is_literal(value))
        .collect()
}
