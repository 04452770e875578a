//! What several integration tests need: running test cases against a simulated product, and recordings with faults in them.
#![allow(dead_code)] // each of the tests uses a part of it

use std::time::Duration;

use ocpp_attest::{
    bench::Bench,
    clock::Clock,
    engine::Input,
    link::LinkEvent,
    ocpp::frame::Frame,
    pics::{Pics, reader},
    replay::Recording,
    runner::{self, Plan},
    selection,
    simulator::faults::Faults,
    testcase::{catalogue::Catalogue, library::Library},
    yaml::Source,
};
use serde_json::Value;

/// A PICS of the project.
pub fn pics(name: &str) -> Pics {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("pics").join(name);
    reader::read(&path).unwrap_or_else(|defects| panic!("{defects}"))
}

/// Runs the test cases that these patterns name; all if there is none.
pub fn run_these(pics: &Pics, bench: &str, record: bool, globs: &[String]) -> runner::Yield {
    run_faulty(pics, bench, record, globs, &Faults::default())
}

/// The same against a product with faults.
pub fn run_faulty(pics: &Pics, bench: &str, record: bool, globs: &[String], faults: &Faults) -> runner::Yield {
    let catalogue = Catalogue::embedded().unwrap();
    let library = Library::load(&catalogue, pics.sut)
        .unwrap_or_else(|bad| panic!("{}", bad.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")));
    let bench = Bench::read_source(&Source::new("bench.yaml", bench)).unwrap();
    let entries = selection::plan(pics, &catalogue);
    let only = runner::globs(globs).unwrap();
    let plan = Plan {
        pics,
        bench: &bench,
        entries: &entries,
        library: &library,
        only,
        simulated: true,
        faults: faults.clone(),
        record,
        jobs: 1,
        course: runner::Course::default(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    let (_stop, interrupt) = tokio::sync::watch::channel(false);
    runtime.block_on(runner::run(&plan, None, interrupt, Clock::start(), |_| {})).unwrap()
}

/// The messages of the station in a recording, by their place among the inputs.
pub fn from_station(recording: &Recording) -> Vec<(usize, Frame)> {
    let frame = |input: &Input| match input {
        Input::Link(LinkEvent::Text { text, .. }) => Frame::parse(text).ok(),
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
    matches!(Frame::parse(text), Ok(Frame::Call { action: of, .. }) if of == action) && text.contains(words)
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
