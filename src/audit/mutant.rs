//! A faulty product as the audit knows it: what is done otherwise at which places of a recording, and what that is to be caught by.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::{
    engine::{Input, Taken},
    link::{ConnId, LinkEvent},
    protocol::frame::Frame,
    protocol::messages::Messages,
    replay::Recording,
    template::{Names, Template},
    testcase::{matcher::Demand, model::Step},
};

/// The kinds of mutations, as the table names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A checked value is another legal one.
    Value,
    /// A checked member is missing.
    Removed,
    /// One is there that must not be.
    Added,
    /// A checked value is of the wrong type.
    Type,
    /// An expected message does not come.
    Dropped,
    /// It comes twice, with the same message id.
    Duplicated,
    /// It comes twice, as two messages.
    Repeated,
    /// It comes too late.
    Delayed,
    /// It comes too early.
    Early,
    /// It changes places with its neighbour.
    Swapped,
    /// What must not come comes.
    Inserted,
    /// What was refused is granted, what was granted is refused.
    TurnedRound,
    /// A rule that holds for every test is broken.
    Rule,
    /// What a condition is about is otherwise, in one message or in several.
    Together,
}

/// One thing that a test case checks.
#[derive(Debug, Clone)]
pub(super) struct Unit {
    pub(super) step: String,
    /// Where it stands, with the folder.
    pub(super) source: String,
    pub(super) words: String,
    pub(super) conditional: bool,
    pub(super) optional: bool,
    /// Requires that nothing else is true than what the schema demands.
    pub(super) presence: bool,
    /// How many other words may stand there, where only some may.
    pub(super) words_else: usize,
}

/// A faulty product.
#[derive(Debug, Clone)]
pub(super) struct Mutant {
    /// What is done otherwise at which of the recording's inputs, in their order; one at least.
    pub(super) edits: Vec<(usize, Edit)>,
    /// The last input that need be told, where what it is about is decided by then.
    pub(super) until: Option<usize>,
    /// The place in a CALL that is otherwise, and what stands there now; nothing: it is missing.
    pub(super) alters: Option<(String, Option<Value>)>,
    /// The condition that it is to break.
    pub(super) condition: Option<Template>,
    pub(super) kind: Kind,
    pub(super) what: String,
    /// What it is to be caught by; none for rules.
    pub(super) unit: Option<usize>,
    pub(super) step: String,
    pub(super) action: String,
}

impl Mutant {
    /// The first input that is changed.
    pub(super) fn at(&self) -> usize {
        self.edits.first().map_or(0, |(at, _)| *at)
    }
}

/// Everything that is checked in a recording, and what can be done otherwise.
pub(super) struct Mutants {
    pub(super) units: Vec<Unit>,
    pub(super) all: Vec<Mutant>,
    /// The conditions on what several messages have brought about.
    pub(super) targets: Vec<Target>,
    /// The messages of the version of OCPP.
    pub(super) messages: &'static Messages,
}

/// What is done otherwise at an input.
#[derive(Debug, Clone)]
pub(super) enum Edit {
    /// This instead.
    Replace(Input),
    /// Nothing.
    Drop,
    /// This before it.
    Before(Input),
    /// This after it.
    After(Input),
    /// Instead, this message with what the step that waits for it does not want, by the number of its demand: the first of those
    /// of `match`, then those of `check`.
    Unwanted(ConnId, Frame, usize),
    /// What the `never` that is under way by then forbids, after it.
    Forbidden(ConnId),
    /// It and all that follows, so many nanoseconds later (or earlier).
    Shift(i64),
}

/// A condition, and when it was held against what is known.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub(super) unit: usize,
    pub(super) at: usize,
    pub(super) step: String,
    pub(super) condition: Template,
    /// What the parameters and the elements of loops around it stood for.
    pub(super) scope: Names,
}

/// Most places that are changed for one thing that is checked.
pub(super) const MOST_PLACES: usize = 4;

/// An input with the number that it has in the recording, and the step that took it.
pub(super) struct Place<'r> {
    pub(super) at: usize,
    pub(super) taken: &'r Taken,
    /// It is audited elsewhere: here its message only does not come.
    pub(super) left: bool,
}

impl Mutants {
    pub(super) fn unit(
        &mut self,
        step: &str,
        source: &str,
        words: String,
        demand: Option<&Demand>,
        optional: bool,
    ) -> usize {
        if let Some(known) = self.units.iter().position(|unit| unit.step == step && unit.words == words) {
            return known;
        }
        self.units.push(Unit {
            step: step.to_owned(),
            source: source.to_owned(),
            words,
            conditional: demand.is_some_and(|demand| demand.conditional),
            optional,
            presence: demand.is_some_and(|demand| demand.presence),
            words_else: 0,
        });
        self.units.len() - 1
    }

    pub(super) fn add(
        &mut self,
        place: &Place<'_>,
        unit: Option<usize>,
        kind: Kind,
        what: impl Into<String>,
        edit: Edit,
    ) {
        self.add_all(place, unit, kind, what, vec![(place.at, edit)]);
    }

    pub(super) fn add_all(
        &mut self,
        place: &Place<'_>,
        unit: Option<usize>,
        kind: Kind,
        what: impl Into<String>,
        edits: Vec<(usize, Edit)>,
    ) {
        let (what, step) = (what.into(), place.taken.path.clone());
        let action = String::new();
        self.all.push(Mutant { edits, until: None, alters: None, condition: None, kind, what, unit, step, action });
    }
}

/// True where a charging station was tested.
pub(super) fn tests_station(recording: &Recording) -> bool {
    recording.setup.case.header.sut == crate::pics::SutKind::ChargingStation
}

/// A message that the product may send at any time, its payload empty.
pub(super) fn own_call(recording: &Recording, id: &str) -> String {
    let action = recording.setup.protocol.semantics.harmless(tests_station(recording));
    Frame::Call { id: id.into(), action: action.into(), payload: json!({}) }.to_text()
}

/// Where the step that took something stands, with the whole path of its file: versions of OCPP have states of the same name.
pub(super) fn place_of(taken: &Taken) -> Option<(Arc<str>, usize)> {
    taken.step.as_ref().map(|step| (Arc::clone(&step.file), step.at.line))
}

/// Where something stands.
pub(super) fn source(file: &str, line: usize) -> String {
    format!("{file}:{line}")
}

/// The same without the folder, as findings name it.
pub(super) fn short(source: &str) -> &str {
    source.rsplit('/').next().unwrap_or(source)
}

/// The action of a CALL of ours.
pub(super) fn asked<'p>(place: &'p Place<'_>) -> &'p str {
    place.taken.step.as_deref().and_then(Step::send).map_or("", |send| send.action.as_str())
}

/// True for a step within a group of which not everything need happen.
pub(super) fn is_optional(path: &str) -> bool {
    path.split(" > ").any(|part| {
        let kind = part.split_once(' ').map_or(part, |(_, kind)| kind);
        kind == "optional" || kind == "one-of"
    })
}

/// The connection that is open when an input comes.
pub(super) fn open_at(recording: &Recording, at: usize) -> Option<ConnId> {
    let mut open = recording.setup.memory.open.map(|(conn, _)| conn);
    for (_, input) in recording.inputs.iter().take(at) {
        match input {
            Input::Link(LinkEvent::Opened { conn, .. }) => open = Some(*conn),
            Input::Link(LinkEvent::Closed { conn, .. }) if open == Some(*conn) => open = None,
            _ => {}
        }
    }
    open
}

/// The input by which a CALL of the SUT was answered, itself where that is not known.
pub(super) fn behind_answer(recording: &Recording, at: usize) -> usize {
    let Some((_, Input::Link(LinkEvent::Text { text, .. }))) = recording.inputs.get(at) else { return at };
    let Ok(frame) = Frame::read_back(text) else { return at };
    let answered = recording.inputs[at..].iter().position(|(_, input)| match input {
        Input::Link(LinkEvent::Sent { text, .. }) => {
            matches!(Frame::read_back(text), Ok(Frame::CallResult { id, .. } | Frame::CallError { id, .. }) if id == frame.id())
        }
        _ => false,
    });
    answered.map_or(at, |further| at + further)
}
