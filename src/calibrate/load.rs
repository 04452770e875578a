//! What else the machine and the harness do while response times are measured.

use std::{
    cell::RefCell,
    convert::Infallible,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::time::{Instant, sleep};

use super::CalibrationError;
use crate::{
    pics::{Pics, model::TestedBy},
    record::{
        PlanEntry, folder,
        manifest::{self, Manifest},
        writer::Journal,
    },
    report::{Format, Run, render},
    results::{self, RunInfo, TraceSummary},
    runner::Event,
    selection::choice::Choice,
};

/// The shortest pause between two reports: the run goes on meanwhile.
const SHORTEST_PAUSE: Duration = Duration::from_millis(10);

/// The name of the phase with every core busy, whose uncertainty reports quote.
pub(super) const EVERY_CORE_BUSY: &str = "under load";

/// The conditions of one phase.
#[derive(Debug, Clone)]
pub(super) struct Conditions {
    /// What the sheet calls them.
    pub(super) name: String,
    /// Runs of the harness side by side.
    pub(super) sessions: usize,
    /// Cores that something else keeps busy.
    pub(super) busy_cores: usize,
    /// The run folder and its reports are written meanwhile, as a run does it.
    pub(super) writes: bool,
}

impl Conditions {
    /// A machine with nothing else to do.
    pub(super) fn idle(sessions: usize) -> Self {
        Self { name: "idle".into(), sessions: sessions.max(1), busy_cores: 0, writes: false }
    }

    /// A machine with something else to do on every core.
    pub(super) fn every_core_busy(sessions: usize) -> Self {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        Self { name: EVERY_CORE_BUSY.into(), busy_cores: cores, ..Self::idle(sessions) }
    }

    /// A run with many stations side by side that writes its run folder and its reports, beside one busy core.
    pub(super) fn side_by_side(jobs: usize) -> Self {
        let jobs = jobs.max(1);
        let name = format!("{jobs} side by side, reports being written, one core busy");
        Self { name, sessions: jobs, busy_cores: 1, writes: true }
    }
}

/// Threads that each keep a core busy while this lives.
pub(super) struct Busy {
    stop: Arc<AtomicBool>,
}

impl Busy {
    pub(super) fn start(cores: usize) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        for _ in 0..cores {
            let stop = stop.clone();
            std::thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            });
        }
        Self { stop }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// A run folder that is written on the thread of the runs, with every report again and again.
pub(super) struct Writing<'p> {
    folder: PathBuf,
    pics: &'p Pics,
    plan: Vec<PlanEntry>,
    journal: RefCell<Journal>,
    trace: RefCell<TraceSummary>,
}

impl<'p> Writing<'p> {
    pub(super) fn begin(folder: &Path, pics: &'p Pics, entry: PlanEntry) -> Result<Self, CalibrationError> {
        let manifest = Manifest {
            format: manifest::FORMAT,
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            run_id: uuid::Uuid::new_v4().to_string(),
            started: jiff::Timestamp::now(),
            resumed: Vec::new(),
            merged: Vec::new(),
            product: pics.product.designation.clone(),
            sut: "the calibration's peers".into(),
            test_cases: String::new(),
            bench: None,
            calibration: None,
            tested_by: TestedBy::default(),
            faults: Vec::new(),
            choice: Choice::default(),
            shuffle: None,
            lasting: false,
            retries: 0,
            chosen: vec![entry.id.clone()],
        };
        let plan = vec![entry];
        let journal = Journal::begin(folder, &manifest, &plan, "", "").map_err(|error| failed(&error))?;
        let (journal, trace) = (RefCell::new(journal), RefCell::new(TraceSummary::new(pics)));
        Ok(Self { folder: folder.to_owned(), pics, plan, journal, trace })
    }

    /// Writes what a run writes of an event.
    pub(super) fn take(&self, event: &Event) -> Result<(), CalibrationError> {
        let mut journal = self.journal.borrow_mut();
        let written = match event {
            Event::Trace(entry) => {
                self.trace.borrow_mut().take(entry);
                journal.trace(entry)
            }
            Event::Ended(result) => journal.ended(result, false),
            _ => Ok(()),
        };
        written.map_err(|error| failed(&error))
    }

    /// Writes every report of what there is so far, one after the other, and rests as long as each took.
    pub(super) async fn write_reports(&self) -> Result<Infallible, CalibrationError> {
        loop {
            for format in Format::ALL {
                let begun = Instant::now();
                self.write_report(*format)?;
                sleep(begun.elapsed().max(SHORTEST_PAUSE)).await;
            }
        }
    }

    fn write_report(&self, format: Format) -> Result<(), CalibrationError> {
        let trace = self.trace.borrow();
        let now = jiff::Timestamp::now();
        let info = RunInfo {
            run_id: String::new(),
            started: now,
            finished: now,
            resumed: Vec::new(),
            sut: "the calibration's peers".into(),
            faults: Vec::new(),
            shuffle: None,
            interrupted: false,
            calibration: None,
            tested_by: TestedBy::default(),
            expectations: Vec::new(),
        };
        let results = results::summarise(self.pics, &self.plan, Vec::new(), &trace, info);
        let run = Run { pics: self.pics, plan: &self.plan, results: &results, trace: &trace, seal: None };
        let report = render(format, run).map_err(|error| failed(&error))?;
        folder::write(&self.folder, format.file(), &report).map_err(|error| failed(&error))
    }
}

fn failed(error: &dyn std::fmt::Display) -> CalibrationError {
    CalibrationError::Run(error.to_string())
}
