//! A finding as plain lines: on the terminal, in JUnit, in a ticket.

use crate::{protocol::requirements::RequirementList, text::visible_line, verdict::Failure};

/// What is known of a finding, by name; nothing in it is obeyed by a terminal.
pub(crate) fn facts(failure: &Failure, known: &RequirementList) -> Vec<(&'static str, String)> {
    let mut facts = Vec::new();
    let mut add = |name: &'static str, value: Option<&str>| {
        facts.extend(value.filter(|value| !value.is_empty()).map(|value| (name, visible_line(value).into_owned())));
    };
    add("what", Some(&failure.message));
    add("step", Some(&failure.step));
    add("in", failure.source.as_deref());
    add("expected", failure.expected.as_deref());
    add("found", failure.found.as_deref());
    add("at", failure.pointer.as_deref());
    add("frame", failure.frame.as_deref());
    for requirement in known.lines(&failure.requirements) {
        add("requirement", Some(&requirement));
    }
    facts
}

/// The same as a block of text, a line per fact.
pub(crate) fn block(failure: &Failure, known: &RequirementList) -> String {
    facts(failure, known).into_iter().map(|(name, value)| format!("{name:<12} {value}\n")).collect()
}
