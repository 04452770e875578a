//! What a test case looks at alike in two versions of OCPP, so that one audit of it is enough.
//!
//! A step is the same in both when its text is, when nothing that it rests on asks for the version, and when the schemas of both
//! say the same of every place that it looks at: then the same changes are made there, and the same checks catch them.

use std::{
    collections::{BTreeSet, HashMap},
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};

use super::{
    mutant::asked_by,
    subjects::{Definitions, identifiers},
    values,
};
use crate::{
    engine::{Input, Outcome, Role, Taken},
    link::LinkEvent,
    protocol::{frame::Frame, member::Member, messages::Messages},
    replay::Recording,
    testcase::model::Step,
};

/// Most places below a checked one that are compared.
const MOST_LEAVES: usize = 200;

/// What the steps of a trace look at: the number of what was taken, and a mark that is the same where it is judged alike. Nothing
/// for a test case of one version alone.
pub(super) fn looks(recording: &Recording, outcome: &Outcome, numbers: &HashMap<usize, usize>) -> Vec<(usize, u64)> {
    if recording.setup.case.header.protocols.len() < 2 {
        return Vec::new();
    }
    let mut steps = Steps { known: Definitions::of(recording), marks: HashMap::new() };
    let variant = serde_json::to_string(&recording.setup.variant).unwrap_or_default();
    let mut look = |taken: &Taken| {
        let step = taken.step.as_ref().filter(|_| matches!(taken.phase, "before" | "main"))?;
        let mut mark = DefaultHasher::new();
        (&recording.id, &variant, &taken.path, format!("{:?}", taken.role), steps.mark(step)?).hash(&mut mark);
        if matches!(taken.role, Role::Call | Role::Answer) {
            let (_, input) = recording.inputs.get(*numbers.get(&taken.input)?)?;
            let Input::Link(LinkEvent::Text { text, .. }) = input else { return None };
            let frame = Frame::read_back(text).ok()?;
            places(recording.setup.protocol.messages(), step, &frame).hash(&mut mark);
        }
        Some(mark.finish())
    };
    let taken = outcome.taken.iter().enumerate();
    taken.filter_map(|(index, taken)| Some((index, look(taken)?))).collect()
}

/// The steps of a test case and of its states.
struct Steps {
    known: Definitions,
    /// Marks that were made. The trace holds the steps, so that each has an address of its own.
    marks: HashMap<*const Step, Option<u64>>,
}

impl Steps {
    /// A mark that is the same for steps of the same text that rest on the same; none where they may be judged otherwise in another
    /// version.
    fn mark(&mut self, step: &Arc<Step>) -> Option<u64> {
        let place = Arc::as_ptr(step);
        if let Some(mark) = self.marks.get(&place) {
            return *mark;
        }
        let text = format!("{step:?}");
        let behind: BTreeSet<String> = self.known.behind_all(&text).into_iter().collect();
        let asks = asks_for_version(&text) || behind.iter().any(|text| asks_for_version(text));
        // What a `never` forbids is made from the schema.
        let mark = (step.forbids().is_none() && !asks).then(|| {
            let mut mark = DefaultHasher::new();
            (text, behind).hash(&mut mark);
            mark.finish()
        });
        self.marks.insert(place, mark);
        mark
    }
}

fn asks_for_version(text: &str) -> bool {
    identifiers(text).any(|word| word == "protocol")
}

/// What is demanded of a message, with what the schema says of the places.
fn places(messages: &'static Messages, step: &Step, frame: &Frame) -> Vec<String> {
    let (payload, request, action) = match frame {
        Frame::Call { payload, action, .. } | Frame::Send { payload, action, .. } => (payload, true, action.as_str()),
        Frame::CallResult { payload, .. } => (payload, false, asked_by(step)),
        // An answer in its place is made from the schema.
        Frame::CallError { .. } | Frame::CallResultError { .. } => return answer(messages, asked_by(step)),
    };
    let mut all = vec![format!("{action} {request}")];
    let (expect, send) = (step.expect(), step.send());
    let checks =
        [expect.map(|expect| &expect.matches), expect.map(|expect| &expect.checks), send.map(|send| &send.checks)];
    for demand in checks.into_iter().flatten().flat_map(|checks| checks.demands(payload)) {
        all.push(format!("{} {} {} {}", demand.words, demand.conditional, demand.presence, demand.absence));
        for place in &demand.places {
            all.push(constraints(messages, action, request, place));
            let below = values::leaves(payload, place, MOST_LEAVES);
            all.extend(below.iter().map(|place| constraints(messages, action, request, place)));
        }
    }
    all
}

fn answer(messages: &'static Messages, action: &str) -> Vec<String> {
    let example = messages.message(action, false).map(Member::example);
    vec![action.to_owned(), example.unwrap_or_default().to_string()]
}

/// What the schema says of a place, and of those around it.
fn constraints(messages: &'static Messages, action: &str, request: bool, pointer: &str) -> String {
    let mut place = messages.message(action, request);
    let mut text = String::new();
    for name in pointer.split('/').skip(1) {
        let Some(around) = place else { break };
        text.push_str(&around.limits_of(name));
        place = around.below(name);
        // What is missing is added as the schema has it.
        text.push_str(&place.map(Member::example).unwrap_or_default().to_string());
    }
    text.push_str(&place.map(Member::limits).unwrap_or_default());
    text
}
