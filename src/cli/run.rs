//! `ocpp-attest run`: the main job.

mod introduction;
mod prepare;

use std::{cell::RefCell, path::PathBuf, sync::Arc};

use clap::Args;
use tokio::sync::watch;

use self::prepare::Prepared;
use super::{Problem, display::Display, exit, operator::Choice, print};
use crate::{
    pics::SutKind,
    record::{
        Results,
        folder::{self, FolderError},
        journal::Journal,
        read, summary,
    },
    report,
    runner::{self, Event, Plan},
    testcase::catalogue::Catalogue,
    verdict::{TestCaseResult, Verdict},
};

/// Arguments of `run`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The PICS file
    #[arg(long, value_name = "FILE", required_unless_present = "resume")]
    pics: Option<PathBuf>,
    /// The bench file
    #[arg(long, value_name = "FILE")]
    bench: Option<PathBuf>,
    /// Test the embedded simulator instead of a real product
    #[arg(long, value_name = "SUT", value_parser = ["simulated"])]
    sut: Option<String>,
    /// Run only these test cases (may be given several times)
    #[arg(long = "test", value_name = "GLOB")]
    tests: Vec<String>,
    /// Who performs manual actions: prompt (the default), web[:[ADDR:]PORT] for the operator's page, exec:COMMAND, or an
    /// http:// URL
    #[arg(long, value_name = "HOW")]
    operator: Option<String>,
    /// Run so many test cases of a CSMS side by side, each as a station of the bench's `stations`
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1000))]
    jobs: u16,
    /// The run folder [default: reports/DATE-PRODUCT]; an earlier run there is replaced
    #[arg(long, value_name = "DIR", conflicts_with = "resume")]
    out: Option<PathBuf>,
    /// Go on with a run that was ended early, in its folder
    #[arg(long, value_name = "RUN_DIR")]
    resume: Option<PathBuf>,
}

/// Runs the subcommand.
pub fn run(arguments: &Arguments, catalogue: &Catalogue) -> Result<u8, Problem> {
    let prepared = match &arguments.resume {
        None => prepare::fresh(arguments, catalogue)?,
        Some(folder) => prepare::resumed(arguments, folder, catalogue)?,
    };
    let operator = Choice::read(arguments.operator.as_deref(), prepared.simulated)?;
    let jobs = jobs(&operator, arguments, &prepared)?;
    if !prepared.simulated {
        eprintln!("{}", introduction::introduction(&prepared.pics, &prepared.bench));
    }
    let results = execute(prepared, operator, jobs)?;
    Ok(match results.verdict {
        Verdict::Pass => exit::OK,
        Verdict::Fail => exit::FAILED,
        Verdict::Inconclusive | Verdict::NotImplemented => exit::INCOMPLETE,
        Verdict::Error => exit::OWN_ERROR,
    })
}

/// Runs the test cases, writing the run folder as they end, and the reports when all have.
fn execute(prepared: Prepared, operator: Choice, jobs: usize) -> Result<Results, Problem> {
    let Prepared { pics, bench, library, entries, manifest, only, before, folder, simulated, .. } = &prepared;
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all();
    if *simulated {
        // Nothing waits on a real socket, so virtual time may jump from event to event.
        builder.start_paused(true);
    }
    let runtime = builder.build().map_err(|error| Problem::Own(error.to_string()))?;
    let plan =
        Plan { pics, bench, entries, library, only: Some(only.clone()), simulated: *simulated, record: false, jobs };
    let mut display = Display::new();
    let (stop, interrupt) = watch::channel(false);
    let stop = Arc::new(stop);
    let writing = RefCell::new(Writing { journal: prepared.open()?, failed: None });
    let outcome: Result<_, Problem> = runtime.block_on(async {
        let operator = operator.start(pics, bench, stop.clone()).await?;
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
        let help = "`ocpp-attest bench check FILE` looks at the addresses and files of the bench";
        let result = result.map_err(|error| Problem::Input(error.to_string(), help.into()))?;
        Ok((result, clock.now().wall))
    });
    display.clear();
    let Writing { mut journal, failed } = writing.into_inner();
    if let Some(error) = failed {
        return Err(Problem::Own(error.to_string()));
    }
    let (result, finished) = outcome?;
    let info = summary::RunInfo {
        run_id: manifest.run_id.clone(),
        started: manifest.started,
        finished,
        resumed: manifest.resumed.clone(),
        sut: manifest.sut.clone(),
        interrupted: result.interrupted,
    };
    let own = |error: &dyn std::fmt::Display| Problem::Own(error.to_string());
    journal.close(&result.results).map_err(|error| own(&error))?;
    let trace = read::trace(folder)?;
    let mut cases: Vec<TestCaseResult> = before.clone();
    cases.extend(result.results);
    cases.sort_by_key(|case| entries.iter().position(|entry| entry.id == case.id));
    let results = summary::results(pics, entries, cases, &trace, info);
    folder::write_results(folder, &results).map_err(|error| own(&error))?;
    report::write_all(folder, report::Run { pics, plan: entries, results: &results, trace: &trace })?;
    tell_the_end(&prepared, &results);
    Ok(results)
}

/// The run folder as it is written while the run goes on.
struct Writing {
    journal: Journal,
    failed: Option<FolderError>,
}

impl Writing {
    fn take(&mut self, event: &Event, cut_short: bool) {
        let written = match event {
            _ if self.failed.is_some() => return,
            Event::Trace(entry) => self.journal.trace(entry),
            Event::Ended(result) => self.journal.ended(result, cut_short),
            Event::Begins(..) | Event::Step(..) => Ok(()),
        };
        self.failed = written.err();
    }
}

fn tell_the_end(prepared: &Prepared, results: &Results) {
    let count = |verdict: Verdict| results.test_cases.iter().filter(|case| case.verdict == verdict).count();
    print(&format!(
        "\n{}: {} passed, {} failed, {} inconclusive, {} not implemented, {} errors\n",
        prepared.pics.product.designation,
        count(Verdict::Pass),
        count(Verdict::Fail),
        count(Verdict::Inconclusive),
        count(Verdict::NotImplemented),
        count(Verdict::Error)
    ));
    if results.interrupted {
        let (done, chosen) = (results.test_cases.len(), prepared.manifest.chosen.len());
        print(&format!("interrupted: {done} of {chosen} test cases came to their turn\n"));
        print(&format!("go on with: ocpp-attest run --resume {}\n", prepared.folder.display()));
    }
    print(&format!("report: {}\n", prepared.folder.join("abstract.html").display()));
}

/// How many test cases may run side by side, where product, bench and operator allow what was asked for.
fn jobs(operator: &Choice, arguments: &Arguments, prepared: &Prepared) -> Result<usize, Problem> {
    let Prepared { pics, bench, simulated, .. } = prepared;
    let (jobs, simulated) = (usize::from(arguments.jobs), *simulated);
    let refusal = |what: String, help: &str| Err(Problem::Input(what, help.into()));
    if jobs == 1 {
        return Ok(jobs);
    }
    if pics.sut == SutKind::ChargingStation {
        let what = format!("--jobs {jobs}: a charging station is one product, and does one thing after the other");
        return refusal(what, "leave --jobs out");
    }
    if !simulated && jobs > bench.pool() {
        let known = if bench.pool() == 1 { "one station".into() } else { format!("{} stations", bench.pool()) };
        let what = format!("--jobs {jobs}: each job is a station of its own, and the bench names {known}");
        return refusal(what, "name more under `stations` in the bench, each known to the CSMS, or ask for fewer jobs");
    }
    if operator.is_a_person() {
        let what = format!("--jobs {jobs}: a person can't do what {jobs} test cases ask for at once");
        return refusal(what, "let --operator be exec:COMMAND or an http:// URL, or leave --jobs out");
    }
    Ok(jobs)
}

/// Ctrl-C, or what a CI system sends: either way the run folder is written with what there is.
async fn asked_to_stop() -> bool {
    #[cfg(unix)]
    if let Ok(mut terminated) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        return tokio::select! {
            stop = tokio::signal::ctrl_c() => stop.is_ok(),
            stop = terminated.recv() => stop.is_some(),
        };
    }
    tokio::signal::ctrl_c().await.is_ok()
}
