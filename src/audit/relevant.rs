//! What of a recording a condition rests on: the messages, connections and answers of services that are kept under its names, and
//! those that the engine itself knows from.

use std::collections::HashMap;

use serde_json::Value;

use super::{
    contents::with_payload,
    mutant::{Edit, Place, asked},
    subjects::About,
};
use crate::{
    engine::Input,
    link::{ConnId, LinkEvent},
    protocol::{frame::Frame, member::Member, messages::Messages},
    replay::Recording,
};

/// Services that tell what the SUT did; the others do something themselves.
const OBSERVING: [&str; 7] =
    ["downloads", "uploads", "fetch", "deliver", "upload-status", "certificate", "ocsp-requests"];

/// Something that a condition rests on.
pub(super) enum Relevant<'r> {
    Message { at: usize, conn: ConnId, frame: Frame, action: String, messages: &'static Messages },
    Connection { at: usize, event: &'r LinkEvent },
    Service { at: usize, id: u32, value: &'r Value },
}

impl Relevant<'_> {
    /// The number of the input.
    pub(super) fn at(&self) -> usize {
        match self {
            Relevant::Message { at, .. } | Relevant::Connection { at, .. } | Relevant::Service { at, .. } => *at,
        }
    }

    /// The payload of a message and its place in the schema.
    pub(super) fn payload(&self) -> Option<(&Value, Option<Member>)> {
        match self {
            Relevant::Message {
                frame: Frame::Call { payload, .. } | Frame::Send { payload, .. },
                action,
                messages,
                ..
            } => Some((payload, messages.message(action, true))),
            Relevant::Message { frame: Frame::CallResult { payload, .. }, action, messages, .. } => {
                Some((payload, messages.message(action, false)))
            }
            Relevant::Service { value, .. } => Some((value, None)),
            _ => None,
        }
    }

    /// The edit that changes the payload.
    pub(super) fn edit(&self, change: impl FnOnce(&mut Value)) -> Option<(usize, Edit)> {
        let mut payload = self.payload()?.0.clone();
        change(&mut payload);
        Some((self.at(), self.with(payload)?))
    }

    /// The edit that puts another payload in the place of this one.
    pub(super) fn with(&self, payload: Value) -> Option<Edit> {
        match self {
            Relevant::Message { conn, frame, .. } => Some(with_payload(*conn, frame, payload)),
            Relevant::Service { id, .. } => Some(Edit::Replace(Input::ServiceDone(*id, Ok(payload)))),
            Relevant::Connection { .. } => None,
        }
    }
}

/// Everything up to an input that a condition rests on: what is kept under its names, and what the engine itself knows from.
pub(super) fn relevant<'r>(
    recording: &'r Recording,
    places: &[Place<'_>],
    until: usize,
    about: &About,
) -> Vec<Relevant<'r>> {
    let messages = recording.setup.protocol.messages();
    let kept: HashMap<usize, &Place<'_>> = places
        .iter()
        .filter(|place| {
            place
                .taken
                .step
                .as_ref()
                .is_some_and(|step| step.saved_as.as_ref().is_some_and(|name| about.names.contains(name)))
        })
        .map(|place| (place.at, place))
        .collect();
    let asks = |names: &[&str]| names.iter().any(|name| about.names.contains(*name));
    let semantics = recording.setup.protocol.semantics;
    let by_name = |name: &str| about.names.contains(name);
    let connections = asks(&["connected", "connected_since", "refused_attempts", "endpoint"]);
    let inputs = recording.inputs.iter().enumerate().take(until + 1);
    inputs
        .filter_map(|(at, (_, input))| match input {
            Input::Link(LinkEvent::Text { conn, text }) => {
                let frame = Frame::read_back(text).ok()?;
                let action = match &frame {
                    Frame::Call { action, .. } | Frame::Send { action, .. } => action.clone(),
                    _ => kept.get(&at).map(|place| asked(place).to_owned()).unwrap_or_default(),
                };
                let learnt = match &frame {
                    Frame::Call { .. } => semantics.tells_by_request(&by_name, &action),
                    Frame::CallResult { payload, .. } => semantics.tells_by_answer(&by_name, payload),
                    Frame::CallError { .. } | Frame::CallResultError { .. } | Frame::Send { .. } => false,
                };
                (learnt || kept.contains_key(&at)).then_some(Relevant::Message {
                    at,
                    conn: *conn,
                    frame,
                    action,
                    messages,
                })
            }
            Input::Link(
                event @ (LinkEvent::Opened { .. } | LinkEvent::AttemptFailed { .. } | LinkEvent::Closed { .. }),
            ) => (connections || about.time || kept.contains_key(&at)).then_some(Relevant::Connection { at, event }),
            Input::ServiceDone(id, Ok(value)) => {
                let step = kept.get(&at)?.taken.step.as_ref()?;
                let observes = step.service().is_some_and(|service| OBSERVING.contains(&service.name));
                observes.then_some(Relevant::Service { at, id: *id, value })
            }
            _ => None,
        })
        .collect()
}
