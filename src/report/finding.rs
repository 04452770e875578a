//! A finding as plain lines: on the terminal, in JUnit, in a ticket.

use crate::{
    protocol::{requirements::RequirementList, rules::Rule},
    text::{ids, visible_line},
    verdict::{Failure, FurtherPlace},
};

/// Most lines of an HTTP head that are told.
const MAX_HEAD_LINES: usize = 30;

/// What is known of a finding, by name; nothing in it is obeyed by a terminal. `began` is when its test case did, in seconds of the run.
pub(crate) fn facts(failure: &Failure, began: f64, known: &RequirementList) -> Vec<(&'static str, String)> {
    let mut facts = Vec::new();
    let also: Vec<String> = failure.further.iter().map(place).collect();
    let mut add = |name: &'static str, value: Option<&str>| {
        facts.extend(value.filter(|value| !value.is_empty()).map(|value| (name, visible_line(value).into_owned())));
    };
    add("what", Some(&failure.message));
    add("step", Some(&failure.step));
    add("rule", Rule::at_step(&failure.step).map(Rule::text));
    add("in", failure.source.as_deref());
    add("expected", failure.expected.as_deref());
    add("found", failure.found.as_deref());
    add("at", failure.pointer.as_deref());
    for place in &also {
        add("also", Some(place));
    }
    match &failure.frame {
        // What a handshake was about, line by line.
        Some(head) if head.contains('\n') && failure.pointer.is_none() && is_head(head) => {
            head.lines().take(MAX_HEAD_LINES).for_each(|line| add("http", Some(line)));
        }
        frame => add("frame", frame.as_deref()),
    }
    add("request", failure.request.as_deref());
    for requirement in known.lines(&failure.requirements) {
        add("requirement", Some(&requirement));
    }
    add("time", Some(&time(failure.at_s, began)));
    facts
}

/// True for the head of an HTTP request or answer.
fn is_head(text: &str) -> bool {
    text.starts_with("HTTP/") || text.lines().next().is_some_and(|line| line.contains(" HTTP/"))
}

/// A time of a test case, and that of the run in brackets.
pub(crate) fn time(at_s: f64, began: f64) -> String {
    format!("{:.3} s ({at_s:.3} s of the run)", (at_s - began).max(0.0))
}

/// A further place, in one line.
pub(crate) fn place(place: &FurtherPlace) -> String {
    let cited = if place.requirements.is_empty() { String::new() } else { format!(" ({})", ids(&place.requirements)) };
    let said = place.message.as_ref().map(|message| format!("{} ", message.trim_end())).unwrap_or_default();
    format!("{said}expected {}, found {}{cited}", place.expected, place.found)
}

/// The findings that say something new, each with how many after it say word for word the same of other messages.
pub(crate) fn distinct(failures: &[Failure]) -> Vec<(&Failure, usize)> {
    let said = |failure: &Failure| {
        let Failure { verdict, message, expected, found, pointer, requirements, further, .. } = failure.clone();
        (verdict, message, expected, found, pointer, requirements, further)
    };
    let mut all: Vec<(&Failure, usize)> = Vec::new();
    for failure in failures {
        match all.iter_mut().find(|(known, _)| known.pointer.is_some() && said(known) == said(failure)) {
            Some((_, more)) => *more += 1,
            None => all.push((failure, 0)),
        }
    }
    all
}

/// How often the same was found again, in words.
pub(crate) fn again(more: usize) -> Option<String> {
    match more {
        0 => None,
        1 => Some("once more, in another message".into()),
        more => Some(format!("{more} more times, in other messages")),
    }
}

/// The same as a block of text, a line per fact.
pub(crate) fn block(failure: &Failure, began: f64, known: &RequirementList) -> String {
    facts(failure, began, known).into_iter().map(|(name, value)| format!("{name:<12} {value}\n")).collect()
}
