//! Recordings with faults in them.

use std::time::Duration;

use ocpp_attest::{engine::Input, link::LinkEvent, protocol::frame::Frame, replay::Recording};
use serde_json::Value;

/// The messages of the station in a recording, by their place among the inputs.
pub fn from_station(recording: &Recording) -> Vec<(usize, Frame)> {
    let frame = |input: &Input| match input {
        Input::Link(LinkEvent::Text { text, .. }) => Frame::read_back(text).ok(),
        _ => None,
    };
    recording.inputs.iter().enumerate().filter_map(|(at, (_, input))| Some((at, frame(input)?))).collect()
}

/// The recording with another text of the station at a place.
pub fn with_text(recording: &Recording, at: usize, frame: &Frame) -> Recording {
    let mut changed = recording.clone();
    if let Input::Link(LinkEvent::Text { text, .. }) = &mut changed.inputs[at].1 {
        *text = frame.to_text();
    }
    changed
}

/// Changes the payload of every CALL of the station with this action, and says of how many.
pub fn change_calls(recording: &mut Recording, action: &str, mut change: impl FnMut(&mut Value)) -> usize {
    change_frames(
        recording,
        |frame| match frame {
            Frame::Call { action: of, payload, .. } if of == action => Some(payload),
            _ => None,
        },
        &mut change,
    )
}

/// Changes the payload of every answer of the station that `which` finds in it, and says of how many.
pub fn change_answers(
    recording: &mut Recording,
    which: impl Fn(&Value) -> bool,
    mut change: impl FnMut(&mut Value),
) -> usize {
    change_frames(
        recording,
        |frame| match frame {
            Frame::CallResult { payload, .. } if which(payload) => Some(payload),
            _ => None,
        },
        &mut change,
    )
}

fn change_frames(
    recording: &mut Recording,
    part: impl Fn(&mut Frame) -> Option<&mut Value>,
    change: &mut impl FnMut(&mut Value),
) -> usize {
    let mut changed = 0;
    for (at, mut frame) in from_station(recording) {
        let Some(payload) = part(&mut frame) else { continue };
        let before = payload.clone();
        change(payload);
        if *payload != before {
            changed += 1;
            *recording = with_text(recording, at, &frame);
        }
    }
    changed
}

/// Takes out the inputs that `which` wants, and says how many.
pub fn drop_inputs(recording: &mut Recording, which: impl Fn(&Input) -> bool) -> usize {
    let before = recording.inputs.len();
    recording.inputs.retain(|(_, input)| !which(input));
    before - recording.inputs.len()
}

/// True for a CALL of the station with these words in it.
pub fn is_call(input: &Input, action: &str, words: &str) -> bool {
    let Input::Link(LinkEvent::Text { text, .. }) = input else { return false };
    matches!(Frame::read_back(text), Ok(Frame::Call { action: of, .. }) if of == action) && text.contains(words)
}

/// Lets everything from a place on happen so much sooner, though not before what came before it.
pub fn hasten(recording: &mut Recording, from: usize, by: Duration) {
    let floor = recording.inputs[from - 1].0;
    let by = by.min(Duration::from_nanos(recording.inputs[from].0.mono_ns.saturating_sub(floor.mono_ns)));
    let started = recording.started;
    for (at, _) in &mut recording.inputs[from..] {
        *at = started.plus(Duration::from_nanos(at.mono_ns - started.mono_ns).saturating_sub(by));
    }
}
