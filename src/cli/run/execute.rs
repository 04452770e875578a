//! Runs what is prepared: the run folder is written as test cases end, and the reports when all have.

use std::{cell::RefCell, net::TcpListener, sync::Arc};

use tokio::sync::watch;

use super::{Problem, live::Live, prepare::Prepared};
use crate::{
    cli::{display::Display, gate::Opened, operator::OperatorChoice},
    link::Network,
    pics::SutKind,
    record::{
        Results,
        folder::{self, FolderError},
        seal,
        writer::Journal,
    },
    replay::{Store, StoreError},
    report::{self, Format},
    results::{self, TraceSummary},
    runner::{self, Event, Plan, Product},
    verdict::TestCaseResult,
};

/// How it is run.
pub(super) struct Execution<'g> {
    pub(super) operator: OperatorChoice,
    pub(super) jobs: usize,
    pub(super) fail_fast: bool,
    pub(super) gate: &'g Opened,
    /// The reports that are written at its end.
    pub(super) formats: &'g [Format],
    pub(super) live: Option<Live>,
}

/// Runs the test cases and writes everything that is left of them.
pub(super) fn execute(prepared: &Prepared, execution: Execution<'_>) -> Result<Results, Problem> {
    let Prepared { pics, bench, library, entries, manifest, only, before, folder, simulated, faults, .. } = prepared;
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all();
    if *simulated {
        // Nothing waits on a real socket, so virtual time may jump from event to event.
        builder.start_paused(true);
    }
    let runtime = builder.build().map_err(|error| Problem::Own(error.to_string()))?;
    let failed = |result: &TestCaseResult| execution.gate.fails(result, entries, manifest.started);
    let product = if *simulated { Product::Simulated(faults.clone()) } else { Product::Real(Network::Tcp) };
    let plan = Plan {
        pics,
        bench,
        entries,
        library,
        only: Some(only.clone()),
        product,
        lasting: manifest.lasting,
        shuffle: manifest.shuffle,
        record: false,
        jobs: execution.jobs,
        after_failure: runner::AfterFailure { retries: manifest.retries, last: execution.fail_fast.then_some(&failed) },
    };
    let mut display = Display::new(pics.ocpp.protocol(), !*simulated && pics.sut == SutKind::ChargingStation);
    let (stop, interrupt) = watch::channel(false);
    let stop = Arc::new(stop);
    let held = addresses(prepared)?;
    let journal = prepared.open()?;
    drop(held);
    let trace = if manifest.resumed.is_empty() { TraceSummary::new(pics) } else { TraceSummary::read(pics, folder)? };
    let store = if manifest.resumed.is_empty() { Store::begin(folder) } else { Store::resume(folder) };
    let writing = RefCell::new(Writing { journal, trace, live: execution.live, failed: None, store, not_kept: None });
    let outcome: Result<_, Problem> = runtime.block_on(async {
        let operator = execution.operator.start(pics, bench, stop.clone()).await?;
        let clock = prepared.clock();
        let asked = stop.clone();
        let signal = tokio::spawn(async move {
            if asked_to_stop().await {
                let _ = asked.send(true);
            }
        });
        let cut = interrupt.clone();
        let tell = |event: Event| {
            let mut writing = writing.borrow_mut();
            writing.take(&event, *cut.borrow());
            if writing.failed.is_some() {
                // A verdict that can't be written is worth nothing.
                let _ = stop.send(true);
            }
            operator.show(&event, library);
            display.show(event);
        };
        let result = runner::run(&plan, operator.operator.clone(), interrupt, clock, tell).await;
        signal.abort();
        operator.finish(folder).await;
        let help = "`ocpp-attest bench check FILE` checks the addresses and files of the bench";
        let result = result.map_err(|error| Problem::Input(error.to_string(), help.into()))?;
        Ok((result, clock.now().wall))
    });
    display.clear();
    let Writing { journal, mut trace, failed, not_kept, .. } = writing.into_inner();
    if let Some(error) = not_kept {
        eprintln!("warning: this run can't be replayed: {error}");
    }
    if let Some(error) = failed {
        return Err(Problem::Own(error.to_string()));
    }
    let (result, finished) = outcome?;
    let own = |error: FolderError| Problem::Own(error.to_string());
    trace.lines = journal.close(&result.results).map_err(own)?;
    let mut cases: Vec<TestCaseResult> = before.clone();
    cases.extend(result.results);
    cases.sort_by_key(|case| entries.iter().position(|entry| entry.id == case.id));
    let info = results::RunInfo {
        run_id: manifest.run_id.clone(),
        started: manifest.started,
        finished,
        resumed: manifest.resumed.clone(),
        sut: manifest.sut.clone(),
        faults: manifest.faults.clone(),
        shuffle: manifest.shuffle,
        interrupted: result.interrupted,
        calibration: manifest.calibration.clone(),
        tested_by: manifest.tested_by.clone(),
        expectations: execution.gate.judge(&cases, entries, manifest.started),
    };
    let results = results::summarise(pics, entries, cases, &trace, info);
    folder::write_results(folder, &results).map_err(own)?;
    let seal = seal::write(folder).map_err(own)?;
    report::write_all(
        folder,
        execution.formats,
        report::Run { pics, plan: entries, results: &results, trace: &trace, seal: Some(&seal) },
    )?;
    Ok(results)
}

/// Tries the addresses at which a station is waited for, and holds them: where one is taken, what an earlier run has left in the
/// folder stays as it is.
fn addresses(prepared: &Prepared) -> Result<Vec<TcpListener>, Problem> {
    let Prepared { pics, bench, simulated, .. } = prepared;
    if *simulated || pics.sut != SutKind::ChargingStation {
        return Ok(Vec::new());
    }
    let addresses = [&bench.listen, &bench.listen_second].into_iter().filter(|address| !address.is_empty());
    let bound = addresses.map(|address| {
        TcpListener::bind(address.as_str()).map_err(|error| {
            let help = if error.kind() == std::io::ErrorKind::AddrInUse {
                "another run, or another program, listens there: end it, or change `listen` in the bench"
            } else {
                "`ocpp-attest bench check FILE` checks the addresses and files of the bench"
            };
            Problem::Input(format!("{address} can't be bound: {error}"), help.into())
        })
    });
    bound.collect()
}

/// What is written while the run goes on.
struct Writing {
    journal: Journal,
    trace: TraceSummary,
    live: Option<Live>,
    failed: Option<FolderError>,
    store: Store,
    not_kept: Option<StoreError>,
}

impl Writing {
    fn take(&mut self, event: &Event, cut_short: bool) {
        if let Event::Trace(entry) = event {
            self.trace.take(entry);
            if let Some(live) = &mut self.live {
                live.write(entry);
            }
        }
        let written = match event {
            _ if self.failed.is_some() => return,
            Event::Trace(entry) => self.journal.trace(entry),
            Event::Ended(result) => self.journal.ended(result, cut_short),
            Event::Postponed(result) => self.journal.ended(result, true),
            Event::Uploaded(place, content) => self.journal.uploaded(place, content),
            Event::Recorded(recording) => {
                // The verdict stands without it.
                if let Err(error) = self.store.keep(recording) {
                    self.not_kept.get_or_insert(error);
                }
                Ok(())
            }
            Event::Begins(..) | Event::Step(..) | Event::Notice(_) => Ok(()),
        };
        self.failed = written.err();
    }
}

/// Ctrl-C, or what a CI system sends: either way the run folder is written with what there is.
pub(in crate::cli) async fn asked_to_stop() -> bool {
    #[cfg(unix)]
    if let Ok(mut terminated) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        return tokio::select! {
            stop = tokio::signal::ctrl_c() => stop.is_ok(),
            stop = terminated.recv() => stop.is_some(),
        };
    }
    tokio::signal::ctrl_c().await.is_ok()
}
