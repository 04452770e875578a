//! What stands in a message otherwise: a place that a check looks at is missing, holds another value, or one of another type.

use serde_json::Value;

use super::{
    mutant::{Edit, Kind, MOST_PLACES, Mutant, Mutants, Place, asked, is_optional, short},
    sample::excluded,
    values,
};
use crate::{
    engine::Input,
    link::{ConnId, LinkEvent},
    protocol::{frame::Frame, member::Member},
    replay::Recording,
    testcase::matcher::Checks,
};

impl Mutants {
    #[allow(clippy::too_many_arguments)] // where it is, what it holds, and how the step is called
    pub(super) fn checks(
        &mut self,
        place: &Place<'_>,
        conn: ConnId,
        frame: &Frame,
        checks: &Checks,
        what: &str,
        source: &str,
        path: &str,
    ) {
        let (payload, request, action) = match frame {
            Frame::Call { payload, action, .. } | Frame::Send { payload, action, .. } => {
                (payload, true, action.as_str())
            }
            Frame::CallResult { payload, .. } => (payload, false, asked(place)),
            // No step waits for these.
            Frame::CallError { .. } | Frame::CallResultError { .. } => return,
        };
        let optional = is_optional(path);
        for demand in checks.demands(payload) {
            let step = if path.is_empty() { short(source) } else { path };
            let unit = self.unit(step, source, format!("{what} {}", demand.words), Some(&demand), optional);
            let mut all_at_once: Vec<(String, Value)> = Vec::new();
            for pointer in demand.places.iter().take(MOST_PLACES) {
                let schema = self.messages.member(action, request, pointer);
                let with = |pointer: &str, value: Value| {
                    let mut payload = payload.clone();
                    values::set(&mut payload, pointer, value).then(|| with_payload(conn, frame, payload))
                };
                if payload.pointer(pointer).is_none() {
                    // What must be absent is there.
                    let with = |value: Value| {
                        let mut payload = payload.clone();
                        values::lengthen(&mut payload, pointer);
                        let absent = values::first_absent(&payload, pointer);
                        if absent != *pointer {
                            let around = self.messages.member(action, request, &absent).map(Member::example)?;
                            values::set(&mut payload, &absent, around);
                        }
                        values::set(&mut payload, pointer, value).then(|| with_payload(conn, frame, payload))
                    };
                    if let Some(value) = schema.map(Member::example) {
                        for value in std::iter::once(value.clone()).chain(values::others(&value, schema)).take(3) {
                            if let Some(change) = with(value.clone()) {
                                self.add(place, Some(unit), Kind::Added, format!("{pointer} is {value}"), change);
                            }
                        }
                    }
                    continue;
                }
                for (what, list) in values::other_lists(payload.pointer(pointer)) {
                    if let Some(change) = with(pointer, list) {
                        self.add(place, Some(unit), Kind::Value, format!("{pointer} {what}"), change);
                    }
                }
                let mut without = payload.clone();
                if values::remove(&mut without, pointer) {
                    let change = with_payload(conn, frame, without);
                    self.add(place, Some(unit), Kind::Removed, format!("no {pointer}"), change);
                    self.alters(pointer, None);
                }
                for leaf in values::leaves(payload, pointer, MOST_PLACES) {
                    let Some(value) = payload.pointer(&leaf) else { continue };
                    let others = values::others(value, self.messages.member(action, request, &leaf));
                    let words = self.messages.member(action, request, &leaf).map(Member::words).unwrap_or_default();
                    if demand.places.len() == 1 && leaf == *pointer {
                        self.units[unit].words_else = words.len().saturating_sub(1);
                    }
                    if let Some(first) = others.first() {
                        all_at_once.push((leaf.clone(), first.clone()));
                    }
                    for other in others {
                        if let Some(change) = with(&leaf, other.clone()) {
                            self.add(place, Some(unit), Kind::Value, format!("{leaf} is {other}"), change);
                            self.alters(&leaf, Some(other));
                        }
                    }
                    if let Some(change) = with(&leaf, values::of_another_type(value)) {
                        self.add(place, Some(unit), Kind::Type, format!("{leaf} is of another type"), change);
                    }
                }
            }
            if all_at_once.len() > 1 || demand.places.len() > MOST_PLACES {
                let mut changed = payload.clone();
                for pointer in demand.places.iter().skip(MOST_PLACES) {
                    let others = payload
                        .pointer(pointer)
                        .map(|value| values::others(value, self.messages.member(action, request, pointer)));
                    all_at_once.extend(others.and_then(|others| Some((pointer.clone(), others.into_iter().next()?))));
                }
                for (pointer, value) in all_at_once {
                    values::set(&mut changed, &pointer, value);
                }
                let change = with_payload(conn, frame, changed);
                self.add(place, Some(unit), Kind::Value, format!("every {} is another", demand.words), change);
            }
            for mutant in self.all.iter_mut().rev().take_while(|mutant| mutant.unit == Some(unit)) {
                action.clone_into(&mut mutant.action);
            }
        }
    }

    /// Notes what the last mutant is about.
    fn alters(&mut self, pointer: &str, value: Option<Value>) {
        if let Some(last) = self.all.last_mut() {
            last.alters = Some((pointer.to_owned(), value));
        }
    }

    /// Values that a step excludes, which only the step that is under way can tell.
    pub(super) fn unwanted(
        &mut self,
        place: &Place<'_>,
        conn: ConnId,
        frame: &Frame,
        of: &[(&str, &Checks)],
        path: &str,
    ) {
        let entries = of.iter().flat_map(|(what, checks)| checks.entries.iter().map(move |entry| (what, entry)));
        for (number, (what, (checked, matcher))) in entries.enumerate() {
            let Some(_) = excluded(matcher) else { continue };
            let words = format!("{what} {}", checked.text());
            let unit = self.units.iter().rposition(|unit| unit.step == path && unit.words.starts_with(&words));
            let edit = Edit::Unwanted(conn, frame.clone(), number);
            self.add(place, unit, Kind::Value, format!("{} is what it must not be", checked.text()), edit);
        }
    }
}

/// The same message with another payload.
pub(super) fn with_payload(conn: ConnId, frame: &Frame, payload: Value) -> Edit {
    let mut frame = frame.clone();
    if let Some(there) = frame.payload_mut() {
        *there = payload;
    }
    Edit::Replace(Input::Link(LinkEvent::Text { conn, text: frame.to_text() }))
}

/// For checks that one changed message does not break, because another of its kind may take its place: all of the kind are
/// changed alike from there on, or none come.
pub(super) fn everywhere(recording: &Recording, mutant: &Mutant) -> Vec<Mutant> {
    let as_before = || not_reconnected(recording, mutant.at()).map(|edits| (edits, "it goes on as before".to_owned()));
    let without = || unconnected(recording, mutant.at()).map(|edits| (edits, "no attempt from there on".to_owned()));
    let found = match mutant.kind {
        Kind::Dropped => [without(), as_before(), in_all_messages(recording, mutant)],
        _ => [None, None, in_all_messages(recording, mutant)],
    };
    found.into_iter().flatten().map(|(edits, what)| Mutant { edits, what, ..mutant.clone() }).collect()
}

/// The change of one message in all of its kind.
fn in_all_messages(recording: &Recording, mutant: &Mutant) -> Option<(Vec<(usize, Edit)>, String)> {
    let (at, _) = mutant.edits.first()?;
    let (_, Input::Link(LinkEvent::Text { text, .. })) = recording.inputs.get(*at)? else { return None };
    let (Frame::Call { action, .. } | Frame::Send { action, .. }) = Frame::read_back(text).ok()? else { return None };
    let alike = recording.inputs.iter().enumerate().skip(*at).filter_map(|(at, (_, input))| {
        let Input::Link(LinkEvent::Text { conn, text }) = input else { return None };
        let frame = Frame::read_back(text).ok()?;
        match &frame {
            Frame::Call { action: of, payload, .. } | Frame::Send { action: of, payload, .. } if *of == action => {
                let payload = payload.clone();
                Some((at, *conn, frame, payload))
            }
            _ => None,
        }
    });
    let edits: Vec<(usize, Edit)> = match (mutant.kind, &mutant.alters) {
        (Kind::Dropped, _) => alike.map(|(at, ..)| (at, Edit::Drop)).collect(),
        (_, Some((pointer, value))) => alike
            .map(|(at, conn, frame, mut payload)| {
                match value {
                    Some(value) => values::set(&mut payload, pointer, value.clone()),
                    None => values::remove(&mut payload, pointer),
                };
                (at, with_payload(conn, &frame, payload))
            })
            .collect(),
        _ => return None,
    };
    let what = format!("in every {action} from there on: {}", mutant.what);
    (edits.len() > 1).then_some((edits, what))
}

/// No connection is made from an attempt on; `None` where this is none.
fn unconnected(recording: &Recording, at: usize) -> Option<Vec<(usize, Edit)>> {
    let attempt =
        |input: &Input| matches!(input, Input::Link(LinkEvent::Opened { .. } | LinkEvent::AttemptFailed { .. }));
    attempt(&recording.inputs.get(at)?.1).then(|| {
        let inputs = recording.inputs.iter().enumerate().skip(at);
        inputs.filter(|(_, (_, input))| attempt(input)).map(|(at, _)| (at, Edit::Drop)).collect()
    })
}

/// What is said on a connection that is made anew is said on the one before, which is not closed.
fn not_reconnected(recording: &Recording, at: usize) -> Option<Vec<(usize, Edit)>> {
    let (_, Input::Link(LinkEvent::Opened { conn: new, .. })) = recording.inputs.get(at)? else { return None };
    let closed =
        recording.inputs[..at].iter().rposition(|(_, input)| matches!(input, Input::Link(LinkEvent::Closed { .. })))?;
    let (_, Input::Link(LinkEvent::Closed { conn: old, .. })) = recording.inputs.get(closed)? else { return None };
    let said = recording.inputs.iter().enumerate().skip(at).filter_map(|(at, (_, input))| {
        let conn = *old;
        let input = match input {
            Input::Link(LinkEvent::Text { conn: on, text }) if on == new => {
                LinkEvent::Text { conn, text: text.clone() }
            }
            Input::Link(LinkEvent::Sent { conn: on, text }) if on == new => {
                LinkEvent::Sent { conn, text: text.clone() }
            }
            _ => return None,
        };
        Some((at, Edit::Replace(Input::Link(input))))
    });
    Some([(closed, Edit::Drop), (at, Edit::Drop)].into_iter().chain(said).collect())
}
