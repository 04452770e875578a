//! A run with very many messages: what its trace costs while it comes, and what the results and all reports cost after its end.
//!
//! `cargo bench --bench large -- 1000000 FOLDER` plays CP Flex Plus EU's programme in memory and repeats the trace of each test
//! case until there are a million frames. What it writes to FOLDER is a run folder; `ocpp-attest report FOLDER` reads it, too.

#[path = "../tests/common/mod.rs"]
mod common;

use std::{path::PathBuf, time::Instant};

use common::{How, bench, pics, run_telling};
use ocpp_attest::{
    record::{
        TraceEntry, TraceEvent, folder,
        manifest::{self, Manifest},
        writer::Journal,
    },
    report::{self, Run},
    results::{self, RunInfo, TraceSummary},
    runner::Event,
    selection::{self, choice::Choice},
    testcase::catalogue::Catalogue,
};

/// Frames where nobody says how many: enough to see that it works.
const FRAMES: usize = 20_000;
/// Frames of the programme that is repeated, about.
const FRAMES_OF_PROGRAMME: usize = 7_000;

/// Most memory that this process had at once, MB.
fn peak() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix(" kB")?.trim().parse::<usize>().ok()? / 1024)
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let frames = arguments.first().and_then(|number| number.parse().ok()).unwrap_or(FRAMES);
    let keep = tempfile::tempdir().expect("a folder");
    let folder = arguments.get(1).map_or_else(|| keep.path().join("run"), PathBuf::from);
    let name = "cp-flex-plus-eu.yaml";
    let pics = pics(name);
    let pics_text = std::fs::read_to_string(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("pics").join(name));
    let entries = selection::plan(&pics, &Catalogue::embedded(pics.ocpp).expect("a sound catalogue"));
    let started = jiff::Timestamp::UNIX_EPOCH;
    let manifest = Manifest {
        format: manifest::FORMAT,
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        run_id: "large".into(),
        started,
        resumed: Vec::new(),
        merged: Vec::new(),
        product: pics.product.designation.clone(),
        sut: "simulated".into(),
        test_cases: String::new(),
        bench: None,
        calibration: None,
        tested_by: ocpp_attest::pics::model::TestedBy::default(),
        faults: Vec::new(),
        choice: Choice::default(),
        shuffle: None,
        lasting: false,
        retries: 0,
        chosen: entries.iter().filter(|entry| entry.applicable).map(|entry| entry.id.clone()).collect(),
    };
    let mut journal =
        Journal::begin(&folder, &manifest, &entries, &pics_text.expect("a PICS"), "").expect("a run folder");
    let mut trace = TraceSummary::new(&pics);
    let mut under_way: Vec<TraceEntry> = Vec::new();
    let (mut written, mut lines) = (0, 0_usize);
    let tell = |event| match event {
        Event::Trace(entry) => under_way.push(*entry),
        Event::Ended(result) => {
            for time in 0..frames.div_ceil(FRAMES_OF_PROGRAMME) {
                for entry in &under_way {
                    let is_frame = matches!(entry.what, TraceEvent::Frame { .. });
                    // The steps come once, only what was said comes again and again.
                    if time > 0 && !is_frame || written >= frames {
                        continue;
                    }
                    written += usize::from(is_frame);
                    lines += 1;
                    trace.take(entry);
                    journal.trace(entry).expect("a line");
                }
            }
            under_way.clear();
            journal.ended(&result, false).expect("a result");
        }
        _ => {}
    };
    let (ran, seconds) = run_telling(&pics, &bench(""), How::default(), &[""; 0], tell);
    let before = peak();
    let ended = Instant::now();
    trace.lines = journal.close(&ran.results).expect("a trace");
    let info = RunInfo {
        run_id: "large".into(),
        started,
        finished: started + jiff::SignedDuration::from_secs_f64(seconds),
        sut: "simulated".into(),
        faults: Vec::new(),
        shuffle: None,
        interrupted: false,
        resumed: Vec::new(),
        expectations: Vec::new(),
        calibration: None,
        tested_by: ocpp_attest::pics::model::TestedBy::default(),
    };
    let results = results::summarise(&pics, &entries, ran.results, &trace, info);
    folder::write_results(&folder, &results).expect("results");
    report::write_all(
        &folder,
        report::Format::ALL,
        Run { pics: &pics, plan: &entries, results: &results, trace: &trace, seal: None },
    )
    .expect("reports");
    let size = |name: &str| std::fs::metadata(folder.join(name)).map_or(0, |file| file.len() / 1_000_000);
    println!(
        "{written} frames in {lines} lines, trace {} MB, full report {} MB",
        size("trace.jsonl"),
        size("report.html")
    );
    println!("results and all reports after the end: {:.2} s", ended.elapsed().as_secs_f64());
    if let (Some(before), Some(after)) = (before, peak()) {
        println!("peak memory: {before} MB when the run ended, {after} MB after the reports");
    }
}
