//! Conditions (`assert`) are about what several messages have brought about. What they are about is looked up in the names that
//! they use, and changed in one message or in all of them until the condition catches it.

use std::{
    collections::{BTreeMap, HashMap},
    rc::Rc,
};

use serde_json::Value;

use super::{
    connections::{other_handshakes, other_requests},
    mutant::{Edit, Kind, Mutant, Place, Target, behind_answer},
    nearness::{Near, Nearness},
    relevant::{Relevant, relevant},
    subjects::{About, Definitions},
    values,
};
use crate::{
    engine::Input,
    link::{ClosedBy, ConnId, LinkEvent},
    protocol::{frame::Frame, member::Member},
    replay::Recording,
};

/// Most mutants that are tried for one condition, once the nearest have been.
const MOST_TRIED: usize = 800;
/// How many of the nearest are tried at first, and how many then: with these most conditions are broken, in whatever of their rounds.
const NEAREST: [usize; 2] = [24, 776];
/// Most values of members of the same name that are tried for one, of the nearest.
const MOST_DONORS: usize = 12;
/// How near a connection that is made otherwise is.
const CONNECTED: Near = 2;
/// How near it is that something comes earlier or later, to a condition on when it comes.
const TIMELY: Near = 4;
/// Seconds by which something comes later.
const LATER_S: [i64; 11] = [2, 5, 10, 20, 40, 80, 160, 320, 640, 1280, 2560];
/// Most changes that are tried together with another one.
const MOST_PAIRED: usize = 12;
/// Most other messages that they are tried with, of the nearest.
const MOST_OTHERS: usize = 16;
/// How many inputs behind a condition it is held against what is known at the latest, though something be otherwise.
const BEHIND: usize = 20;

/// A mutant that is only made when its turn comes: most never are, for the condition has caught another one by then.
pub(super) struct Possible<'r> {
    what: String,
    at: usize,
    near: Near,
    target: &'r Target,
    edits: Box<dyn FnOnce() -> Vec<(usize, Edit)> + 'r>,
}

impl Possible<'_> {
    /// The first input that is changed.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// The condition that it may break.
    pub(super) fn unit(&self) -> usize {
        self.target.unit
    }

    /// Makes it.
    pub(super) fn mutant(self) -> Mutant {
        let mut edits = (self.edits)();
        edits.sort_by_key(|(at, _)| *at);
        Mutant {
            edits,
            until: Some(self.target.at + BEHIND),
            alters: None,
            condition: Some(self.target.condition.clone()),
            kind: Kind::Together,
            what: self.what,
            unit: Some(self.target.unit),
            step: self.target.step.clone(),
            action: String::new(),
        }
    }
}

/// What may break the conditions, from the nearest to each; first a few, then many; each in the order of the recording.
pub(super) fn nearest<'r>(
    recording: &'r Recording,
    places: &[Place<'_>],
    known: &Definitions,
    targets: &[&'r Target],
) -> [Vec<Possible<'r>>; 2] {
    let mut all = NEAREST.map(|_| Vec::new());
    for target in targets {
        let about = known.behind(&target.condition);
        let relevant = relevant_to(recording, places, target, &about);
        let near = Nearness::of(target, &about, relevant.len());
        let mut nearest = tried(recording, target, &about, &relevant, &near).into_iter();
        for (so_far, most) in all.iter_mut().zip(NEAREST) {
            so_far.extend(nearest.by_ref().take(most));
        }
    }
    for so_far in &mut all {
        so_far.sort_by_key(Possible::at);
    }
    all
}

/// What else may break the conditions: whatever comes latest, though nothing says that it is near; in the order of the recording.
pub(super) fn latest<'r>(
    recording: &'r Recording,
    places: &[Place<'_>],
    known: &Definitions,
    targets: &[&'r Target],
) -> Vec<Possible<'r>> {
    let mut all = Vec::new();
    for target in targets {
        let about = known.behind(&target.condition);
        let relevant = relevant_to(recording, places, target, &about);
        all.extend(
            tried(recording, target, &about, &relevant, &Nearness::indifferent(target)).into_iter().take(MOST_TRIED),
        );
    }
    all.sort_by_key(Possible::at);
    all
}

fn relevant_to<'r>(
    recording: &'r Recording,
    places: &[Place<'_>],
    target: &Target,
    about: &About,
) -> Vec<Rc<Relevant<'r>>> {
    relevant(recording, places, target.at, about).into_iter().map(Rc::new).collect()
}

/// All that may break a condition: what it names and compares with first, then what is nearest in time.
fn tried<'r>(
    recording: &'r Recording,
    target: &'r Target,
    about: &About,
    relevant: &[Rc<Relevant<'r>>],
    near: &Nearness,
) -> Vec<Possible<'r>> {
    let mut tried = Tried { target, near, all: Vec::new() };
    tried.lists(relevant);
    tried.numbers(recording, relevant);
    tried.connections(recording, relevant);
    if about.time {
        tried.times(recording, relevant);
    }
    tried.values(relevant);
    tried.pairs(relevant);
    tried.all.sort_by_key(|mutant| std::cmp::Reverse((mutant.near, mutant.at)));
    tried.all
}

/// The mutants for a condition.
struct Tried<'n, 'r> {
    target: &'r Target,
    near: &'n Nearness,
    all: Vec<Possible<'r>>,
}

impl<'r> Tried<'_, 'r> {
    fn add(&mut self, what: impl Into<String>, near: Near, edits: Vec<(usize, Edit)>) {
        if let Some(at) = edits.iter().map(|(at, _)| *at).min() {
            self.later(what, at, near, move || edits);
        }
    }

    /// How many are tried: all, where none is nearer than another.
    fn most(&self, of_the_nearest: usize) -> usize {
        if self.near.chooses { of_the_nearest } else { usize::MAX }
    }

    /// One that is made when its turn comes; `at` is the first input that it changes.
    fn later(
        &mut self,
        what: impl Into<String>,
        at: usize,
        near: Near,
        edits: impl FnOnce() -> Vec<(usize, Edit)> + 'r,
    ) {
        self.all.push(Possible { what: what.into(), at, near, target: self.target, edits: Box::new(edits) });
    }

    /// One message is otherwise.
    fn changed(
        &mut self,
        what: impl Into<String>,
        one: &Rc<Relevant<'r>>,
        near: Near,
        change: impl FnOnce(&mut Value) + 'r,
    ) {
        if one.payload().is_some() {
            let one = Rc::clone(one);
            self.later(what, one.at(), near, move || one.edit(change).into_iter().collect());
        }
    }

    /// Members hold other values or are missing: each for itself, and wherever the same value stands.
    fn values(&mut self, relevant: &[Rc<Relevant<'r>>]) {
        let literals = &self.near.compared;
        let mut shared: BTreeMap<(String, String), Vec<(usize, String, Near)>> = BTreeMap::new();
        let donors = donors(relevant, self.near);
        for (index, one) in relevant.iter().enumerate() {
            let Some((payload, root)) = one.payload() else { continue };
            for (pointer, near) in self.near.leaves(payload) {
                let Some(value) = payload.pointer(&pointer) else { continue };
                let name = pointer.rsplit('/').next().unwrap_or_default().to_owned();
                shared.entry((name.clone(), value.to_string())).or_default().push((index, pointer.clone(), near));
                let of_others = donors.get(&name).into_iter().flatten().filter(|other| *other != value);
                let others = other_values(value, root.and_then(|root| root.below(&pointer)), literals);
                for other in others.into_iter().chain(of_others.take(self.most(MOST_DONORS)).cloned()) {
                    let (place, near) = (pointer.clone(), self.near.value(near, &other));
                    self.changed(format!("{pointer} is {other}"), one, near, move |payload| {
                        values::set(payload, &place, other);
                    });
                }
                if matches!(**one, Relevant::Message { .. }) {
                    let place = pointer.clone();
                    self.changed(format!("no {pointer}"), one, near, move |payload| {
                        values::remove(payload, &place);
                    });
                }
            }
        }
        for ((name, _), places) in shared.into_iter().filter(|(_, places)| places.len() > 1) {
            let Some((first, pointer, _)) = places.first() else { continue };
            let Some((payload, root)) = relevant[*first].payload() else { continue };
            let Some(value) = payload.pointer(pointer) else { continue };
            let nearest = places.iter().map(|(_, _, near)| *near).max().unwrap_or_default();
            for other in other_values(value, root.and_then(|root| root.below(pointer)), literals) {
                let mut changed: BTreeMap<usize, Vec<String>> = BTreeMap::new();
                for (index, pointer, _) in &places {
                    changed.entry(*index).or_default().push(pointer.clone());
                }
                let changed: Vec<_> =
                    changed.into_iter().map(|(index, pointers)| (Rc::clone(&relevant[index]), pointers)).collect();
                let Some(at) = changed.iter().map(|(one, _)| one.at()).min() else { continue };
                let near = self.near.value(nearest, &other);
                self.later(format!("every {name} {value} is {other}"), at, near, move || {
                    let edits = changed.iter().filter_map(|(one, pointers)| {
                        one.edit(|payload| {
                            for pointer in pointers {
                                values::set(payload, pointer, other.clone());
                            }
                        })
                    });
                    edits.collect()
                });
            }
        }
    }

    /// A member holds what the condition compares with, and a list has other elements.
    fn pairs(&mut self, relevant: &[Rc<Relevant<'r>>]) {
        let mut singles: Vec<(String, &Rc<Relevant<'r>>, String, Value, Near)> = Vec::new();
        for one in relevant {
            let Some((payload, _)) = one.payload() else { continue };
            for (pointer, near) in self.near.leaves(payload) {
                let Some(value) = payload.pointer(&pointer).filter(|value| value.is_string()) else { continue };
                let words = self.near.compared.iter().filter(|literal| literal.is_string() && *literal != value);
                singles.extend(
                    words.map(|literal| {
                        (format!("{pointer} is {literal}"), one, pointer.clone(), literal.clone(), near)
                    }),
                );
            }
        }
        singles.sort_by_key(|(.., near)| *near);
        let mut others: Vec<&Rc<Relevant<'r>>> = relevant.iter().collect();
        let nearest = |one: &&Rc<Relevant<'r>>| one.payload().map(|(payload, _)| self.near.payload(payload));
        others.sort_by_cached_key(|one| std::cmp::Reverse((nearest(one), one.at())));
        others.truncate(self.most(MOST_OTHERS));
        for (words, first, place, literal, near) in singles.into_iter().rev().take(MOST_PAIRED) {
            for other in others.iter().filter(|other| other.at() != first.at()) {
                let Some((payload, _)) = other.payload() else { continue };
                for (pointer, of_list) in self.near.lists(payload) {
                    for (what, list) in values::other_lists(payload.pointer(&pointer)) {
                        let (first, place, literal) = (Rc::clone(first), place.clone(), literal.clone());
                        let (other, pointer) = (Rc::clone(other), pointer.clone());
                        let at = first.at().min(other.at());
                        self.later(format!("{words}, and {pointer} {what}"), at, near.min(of_list), move || {
                            let one = first.edit(|payload| {
                                values::set(payload, &place, literal);
                            });
                            let two = other.edit(|payload| {
                                values::set(payload, &pointer, list);
                            });
                            one.zip(two).map_or_else(Vec::new, |(one, two)| vec![one, two])
                        });
                    }
                }
            }
        }
    }

    /// Lists have other elements.
    fn lists(&mut self, relevant: &[Rc<Relevant<'r>>]) {
        for one in relevant {
            let Some((payload, _)) = one.payload() else { continue };
            for (pointer, near) in self.near.lists(payload) {
                let list = payload.pointer(&pointer);
                let without = values::without_one(list, |element| self.near.element(element));
                for (what, list) in values::other_lists(list).into_iter().chain(without) {
                    let place = pointer.clone();
                    self.changed(format!("{pointer} {what}"), one, near, move |payload| {
                        if list.as_array().is_some_and(Vec::is_empty) {
                            // The schema knows no empty lists.
                            values::remove(payload, &place);
                        } else {
                            values::set(payload, &place, list);
                        }
                    });
                }
            }
        }
    }

    /// A message does not come, comes again, or is told in two parts; none of its kind come.
    fn numbers(&mut self, recording: &Recording, relevant: &[Rc<Relevant<'r>>]) {
        let mut kinds: BTreeMap<&str, (Near, Vec<(usize, Edit)>)> = BTreeMap::new();
        for one in relevant {
            let Relevant::Message { at, conn, frame: Frame::Call { payload, .. }, action, .. } = &**one else {
                continue;
            };
            let near = self.near.payload(payload);
            let (nearest, all) = kinds.entry(action).or_default();
            *nearest = near.max(*nearest);
            all.push((*at, Edit::Drop));
            self.add(format!("no {action}"), near, vec![(*at, Edit::Drop)]);
            let mut further = payload.clone();
            if let Some(number) = payload["seqNo"].as_i64() {
                further["seqNo"] = (number + 1).into();
            }
            let behind = behind_answer(recording, *at);
            let again = |payload: Value| {
                let text = Frame::Call { id: "audit-again".into(), action: action.clone(), payload }.to_text();
                (behind, Edit::After(Input::Link(LinkEvent::Text { conn: *conn, text })))
            };
            self.add(format!("another {action}"), near, vec![again(further.clone())]);
            let root = recording.setup.protocol.messages().message(action, true);
            for (pointer, near) in self.near.leaves(payload) {
                let Some(place) = root.and_then(|root| root.below(&pointer)) else { continue };
                for word in
                    place.words().into_iter().filter(|word| payload.pointer(&pointer) != Some(&Value::from(*word)))
                {
                    let mut other = further.clone();
                    if values::set(&mut other, &pointer, word.into()) {
                        let near = self.near.value(near, &word.into());
                        self.add(format!("another {action}, {pointer} {word}"), near, vec![again(other)]);
                    }
                }
            }
            let in_parts = recording
                .setup
                .protocol
                .messages()
                .message(action, true)
                .is_some_and(|root| matches!(root.child("tbc"), Ok(Some(_))));
            if in_parts && payload["tbc"] != true {
                let mut first = payload.clone();
                first["tbc"] = true.into();
                if let Some(edit) = one.with(first) {
                    self.add(format!("{action} in two parts"), near, vec![(*at, edit), again(further)]);
                }
            }
        }
        for (action, (near, edits)) in kinds {
            self.add(format!("no {action} at all"), near, edits);
        }
    }

    /// A connection is made otherwise, not at all, or once more.
    fn connections(&mut self, recording: &Recording, relevant: &[Rc<Relevant<'r>>]) {
        let other = recording.setup.bench["other_root"].as_str();
        for one in relevant {
            let Relevant::Connection { at, event } = &**one else { continue };
            for changed in other_handshakes(event, other) {
                self.add(
                    "another handshake",
                    self.near.other(CONNECTED),
                    vec![(*at, Edit::Replace(Input::Link(changed)))],
                );
            }
            if let LinkEvent::Opened { conn, endpoint, request, subprotocol } = event {
                for check in ["identity", "path", "user", "password", "subprotocols", "tls"] {
                    for request in other_requests(request, check) {
                        let (conn, endpoint, subprotocol) = (*conn, *endpoint, subprotocol.clone());
                        let event = LinkEvent::Opened { conn, endpoint, request, subprotocol };
                        self.add(
                            format!("{check} is another"),
                            self.near.other(CONNECTED),
                            vec![(*at, Edit::Replace(Input::Link(event)))],
                        );
                    }
                }
                // The product closes it behind the last that it says there before the condition is asked.
                let said = |input: &Input| matches!(input, Input::Link(LinkEvent::Text { conn: of, .. }) if of == conn);
                let mut before = recording.inputs.iter().enumerate().take(self.target.at).skip(*at);
                if let Some((last, _)) = before.rfind(|(_, (_, input))| said(input)) {
                    let closed = LinkEvent::Closed { conn: *conn, code: Some(1000), by: ClosedBy::Sut };
                    self.add(
                        "the connection is closed",
                        self.near.other(CONNECTED),
                        vec![(last, Edit::After(Input::Link(closed)))],
                    );
                }
                // The station is back although it was sent away.
                let gone = recording.inputs.iter().enumerate().take(self.target.at + 1).skip(*at);
                for (closed, (_, input)) in gone {
                    if matches!(input, Input::Link(LinkEvent::Closed { conn: of, .. }) if of == conn) {
                        let mut back = (*event).clone();
                        if let LinkEvent::Opened { conn, .. } = &mut back {
                            *conn = ConnId(conn.0 + 500_000);
                        }
                        self.add(
                            "it is back at once",
                            self.near.other(CONNECTED),
                            vec![(closed, Edit::After(Input::Link(back)))],
                        );
                    }
                }
            }
            if matches!(event, LinkEvent::AttemptFailed { .. }) {
                self.add("one attempt fewer", self.near.other(CONNECTED), vec![(*at, Edit::Drop)]);
                self.add(
                    "one attempt more",
                    self.near.other(CONNECTED),
                    vec![(*at, Edit::After(Input::Link((*event).clone())))],
                );
            }
        }
    }

    /// Something comes earlier or later, and all that follows with it.
    fn times(&mut self, recording: &Recording, relevant: &[Rc<Relevant<'r>>]) {
        const SECOND: i64 = 1_000_000_000;
        let gap = |at: usize| {
            let (now, _) = recording.inputs.get(at)?;
            let before = recording.inputs[..at].iter().rev().find(|(_, input)| !matches!(input, Input::Tick));
            i64::try_from(before.map_or(0, |(before, _)| now.mono_ns.saturating_sub(before.mono_ns))).ok()
        };
        // All of it quicker or slower.
        for tenths in [-9, -5, 5, 10, 20, 30] {
            let edits = relevant.iter().map(|one| (one.at(), Edit::Shift(gap(one.at()).unwrap_or(0) / 10 * tenths)));
            self.add(format!("{}% of the time between", 100 + 10 * tenths), self.near.other(TIMELY), edits.collect());
        }
        for one in relevant {
            let at = one.at();
            for seconds in LATER_S {
                self.add(
                    format!("{seconds} s later"),
                    self.near.other(TIMELY),
                    vec![(at, Edit::Shift(seconds * SECOND))],
                );
            }
            let gap = gap(at).unwrap_or(0);
            if gap > SECOND / 10 {
                for tenths in [3, 5, 9, 10] {
                    self.add("earlier", self.near.other(TIMELY), vec![(at, Edit::Shift(-gap / 10 * tenths))]);
                }
            }
        }
    }
}

/// The values that members hold, by the members' names; the nearest first.
fn donors(relevant: &[Rc<Relevant<'_>>], near: &Nearness) -> HashMap<String, Vec<Value>> {
    let mut found: HashMap<String, Vec<(Near, Value)>> = HashMap::new();
    for (payload, _) in relevant.iter().filter_map(|one| one.payload()) {
        for (pointer, near) in near.leaves(payload) {
            let name = pointer.rsplit('/').next().unwrap_or_default().to_owned();
            let known = found.entry(name).or_default();
            let Some(value) = payload.pointer(&pointer) else { continue };
            match known.iter_mut().find(|(_, known)| known == value) {
                Some((nearest, _)) => *nearest = near.max(*nearest),
                None => known.push((near, value.clone())),
            }
        }
    }
    let in_order = |(name, mut values): (String, Vec<(Near, Value)>)| {
        values.sort_by_key(|(near, _)| std::cmp::Reverse(*near));
        (name, values.into_iter().map(|(_, value)| value).collect())
    };
    found.into_iter().map(in_order).collect()
}

fn other_values(value: &Value, member: Option<Member>, literals: &[Value]) -> Vec<Value> {
    let mut others = values::others(value, member);
    let words = member.map(Member::words).unwrap_or_default();
    for literal in
        literals.iter().filter(|literal| *literal != value && !others.contains(literal)).cloned().collect::<Vec<_>>()
    {
        let same_type =
            literal.is_string() && value.is_string() && words.is_empty() || literal.is_number() && value.is_i64();
        if same_type {
            others.push(literal);
        } else if let (Some(number), Some(true)) =
            (literal.as_i64(), value.as_str().map(|text| text.parse::<f64>().is_ok()))
        {
            others.push(number.to_string().into());
        }
    }
    others
}
