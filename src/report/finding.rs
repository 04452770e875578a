//! A finding as plain lines: on the terminal, in JUnit, in a ticket.

use crate::{
    protocol::requirements::RequirementList,
    text::visible_line,
    verdict::{Failure, FurtherPlace},
};

/// What is known of a finding, by name; nothing in it is obeyed by a terminal.
pub(crate) fn facts(failure: &Failure, known: &RequirementList) -> Vec<(&'static str, String)> {
    let mut facts = Vec::new();
    let also: Vec<String> = failure.further.iter().map(place).collect();
    let mut add = |name: &'static str, value: Option<&str>| {
        facts.extend(value.filter(|value| !value.is_empty()).map(|value| (name, visible_line(value).into_owned())));
    };
    add("what", Some(&failure.message));
    add("step", Some(&failure.step));
    add("in", failure.source.as_deref());
    add("expected", failure.expected.as_deref());
    add("found", failure.found.as_deref());
    add("at", failure.pointer.as_deref());
    for place in &also {
        add("also", Some(place));
    }
    add("frame", failure.frame.as_deref());
    for requirement in known.lines(&failure.requirements) {
        add("requirement", Some(&requirement));
    }
    facts
}

/// A further place, in one line.
pub(crate) fn place(place: &FurtherPlace) -> String {
    let cited =
        if place.requirements.is_empty() { String::new() } else { format!(" ({})", place.requirements.join(", ")) };
    let said = place.message.as_ref().map(|message| format!("{} ", message.trim_end())).unwrap_or_default();
    format!("{said}expected {}, found {}{cited}", place.expected, place.found)
}

/// The same as a block of text, a line per fact.
pub(crate) fn block(failure: &Failure, known: &RequirementList) -> String {
    facts(failure, known).into_iter().map(|(name, value)| format!("{name:<12} {value}\n")).collect()
}
