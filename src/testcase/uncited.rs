//! Checks that name no requirement of their own: where one of them fails, the finding names what the step proves as a whole.

use std::sync::Arc;

use serde::Serialize;

use super::{
    library::Library,
    matcher::{Checks, Matcher},
    model::Step,
};

/// A step with checks that name none.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Uncited {
    /// The file.
    pub file: String,
    /// The line of the step.
    pub line: usize,
    /// The step.
    pub step: String,
    /// The paths of the checks.
    pub checks: Vec<String>,
    /// What a finding names instead: what the nearest step around them proves; nothing where none in the file proves anything.
    pub instead: String,
}

/// The checks of these test cases, and of all states where `states` says so, in the order of the files.
pub fn of(library: &Library, chosen: &dyn Fn(&str) -> bool, states: bool) -> Vec<Uncited> {
    let mut found = Vec::new();
    for case in library.cases.values().filter(|case| chosen(&case.header.id)) {
        for steps in [Some(&case.before), case.steps.as_ref(), Some(&case.after)].into_iter().flatten() {
            gather(steps, "", &mut found);
        }
        for rule in &case.always {
            let (step, instead) = (format!("every {}", rule.action), rule.requirements.describe());
            let checks = rule.checks.as_ref().map(without).unwrap_or_default();
            add(&mut found, &rule.file, rule.at.line, step, checks, instead);
        }
    }
    if states {
        library.states.values().for_each(|state| gather(&state.steps, "", &mut found));
    }
    found.sort();
    found.dedup();
    found
}

fn gather(steps: &[Arc<Step>], around: &str, found: &mut Vec<Uncited>) {
    for step in steps {
        let own = step.requirements.describe();
        let instead = if own.is_empty() { around } else { &own };
        let message = step.message().map(|message| message.checks);
        if let Some(checks) = message.or(step.connection().map(|connection| &connection.checks)) {
            add(found, &step.file, step.at.line, step.label(), without(checks), instead.to_owned());
        }
        gather(step.inner(), instead, found);
    }
}

fn add(found: &mut Vec<Uncited>, file: &str, line: usize, step: String, checks: Vec<String>, instead: String) {
    let file = file.rsplit('/').next().unwrap_or(file).to_owned();
    if !checks.is_empty() {
        found.push(Uncited { file, line, step, checks, instead });
    }
}

/// The paths of checks that name none.
fn without(checks: &Checks) -> Vec<String> {
    checks.entries.iter().filter(|(_, matcher)| !cites(matcher)).map(|(path, _)| path.text().to_owned()).collect()
}

/// True where whatever fails within it names a requirement.
fn cites(matcher: &Matcher) -> bool {
    match matcher {
        Matcher::Citing(..) => true,
        Matcher::When(_, inner) | Matcher::Saying(_, inner) | Matcher::Each(inner) => cites(inner),
        Matcher::Members(checks) => checks.entries.iter().all(|(_, inner)| cites(inner)),
        Matcher::All(all) => all.iter().all(cites),
        _ => false,
    }
}
