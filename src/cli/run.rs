//! `ocpp-attest run`: the main job.

use std::{path::PathBuf, sync::Arc};

use clap::Args;
use tokio::sync::watch;

use super::{Problem, display::Display, exit, print};
use crate::{
    bench::Bench,
    clock::Clock,
    operator::{self, Operator},
    pics::{Pics, SutKind, reader},
    record::{folder, read::PICS_FILE, summary},
    report,
    runner::{self, Plan},
    selection,
    testcase::{catalogue::Catalogue, library::Library},
    verdict::Verdict,
    yaml::Source,
};

/// Arguments of `run`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The PICS file
    #[arg(long, value_name = "FILE")]
    pics: PathBuf,
    /// The bench file
    #[arg(long, value_name = "FILE")]
    bench: Option<PathBuf>,
    /// Test the embedded simulator instead of a real product
    #[arg(long, value_name = "SUT", value_parser = ["simulated"])]
    sut: Option<String>,
    /// Run only these test cases (may be given several times)
    #[arg(long = "test", value_name = "GLOB")]
    tests: Vec<String>,
    /// Who performs manual actions: prompt, exec:COMMAND, or an http:// URL
    #[arg(long, value_name = "HOW")]
    operator: Option<String>,
    /// Run so many test cases of a CSMS side by side, each as a station of the bench's `stations`
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1000))]
    jobs: u16,
    /// The run folder [default: reports/DATE-PRODUCT]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// Runs the subcommand.
pub fn run(arguments: &Arguments, catalogue: &Catalogue) -> Result<u8, Problem> {
    let pics_source = Source::read(&arguments.pics)?;
    let pics = reader::read_source(&pics_source)?;
    let bench = arguments.bench.as_deref().map_or_else(|| Ok(Bench::default()), Bench::read)?;
    let library = Library::load(catalogue, pics.sut)?;
    let only = runner::globs(&arguments.tests)
        .map_err(|error| Problem::Input(error.to_string(), "a pattern is like `TC_B_*_CS`".into()))?;
    let entries = selection::plan(&pics, catalogue);
    let chosen = |id: &str| only.as_ref().is_none_or(|only| only.is_match(id));
    let chosen = entries.iter().filter(|entry| entry.applicable && chosen(&entry.id)).count();
    if chosen == 0 {
        let help = "`ocpp-attest list --pics FILE --all` tells which apply, and why the others do not";
        return Err(Problem::Input("no applicable test case has such an id".into(), help.into()));
    }
    let simulated = arguments.sut.is_some();
    let operator: Option<Arc<dyn Operator>> = match (&arguments.operator, simulated) {
        (None, true) => None,
        (None, false) => Some(operator::adapters::parse("prompt").map_err(|why| Problem::Input(why, String::new()))?),
        (Some(how), _) => {
            let help = "write prompt, exec:./bench.sh, or http://host:port/path";
            Some(operator::adapters::parse(how).map_err(|why| Problem::Input(why, help.into()))?)
        }
    };
    let jobs = jobs(arguments, &pics, &bench)?;
    let started = jiff::Timestamp::now();
    let folder = arguments.out.clone().unwrap_or_else(|| default_folder(&pics.product.designation, started));
    folder::create(&folder)
        .and_then(|()| folder::write(&folder, PICS_FILE, pics_source.text.as_bytes()))
        .map_err(|error| Problem::Input(error.to_string(), "name another folder with --out".into()))?;
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all();
    if simulated {
        // Nothing waits on a real socket, so virtual time may jump from event to event.
        builder.start_paused(true);
    }
    let runtime = builder.build().map_err(|error| Problem::Own(error.to_string()))?;
    let plan =
        Plan { pics: &pics, bench: &bench, entries: &entries, library: &library, only, simulated, record: false, jobs };
    if !simulated {
        eprintln!("{}", introduction(&pics, &bench));
    }
    let mut display = Display::new();
    let (stop, interrupt) = watch::channel(false);
    let outcome = runtime.block_on(async {
        let clock = Clock::start_at(started);
        let signal = tokio::spawn(async move {
            if asked_to_stop().await {
                let _ = stop.send(true);
            }
            // The channel stays open for as long as the run lasts.
            std::future::pending::<()>().await;
        });
        let result = runner::run(&plan, operator, interrupt, clock, |event| display.show(event)).await;
        signal.abort();
        result.map(|result| (result, clock.now().wall))
    });
    display.clear();
    let (result, finished) = outcome
        .map_err(|error| Problem::Input(error.to_string(), "check the addresses and files of the bench".into()))?;
    let info = summary::RunInfo {
        run_id: uuid::Uuid::new_v4().to_string(),
        started,
        finished,
        sut: match (simulated, pics.sut) {
            (true, _) => "simulated".into(),
            (false, SutKind::Csms) => bench.url.clone(),
            (false, SutKind::ChargingStation) => bench.listen.clone(),
        },
        interrupted: result.interrupted,
    };
    let results = summary::results(&pics, &entries, result.results, &result.trace, info);
    let own = |error: folder::FolderError| Problem::Own(error.to_string());
    folder::write_plan(&folder, &entries).map_err(own)?;
    folder::write_trace(&folder, &result.trace).map_err(own)?;
    folder::write_results(&folder, &results).map_err(own)?;
    let run = report::Run { pics: &pics, plan: &entries, results: &results, trace: &result.trace };
    report::write_all(&folder, run)?;
    let count = |verdict: Verdict| results.test_cases.iter().filter(|case| case.verdict == verdict).count();
    print(&format!(
        "\n{}: {} passed, {} failed, {} inconclusive, {} not implemented, {} errors\n",
        pics.product.designation,
        count(Verdict::Pass),
        count(Verdict::Fail),
        count(Verdict::Inconclusive),
        count(Verdict::NotImplemented),
        count(Verdict::Error)
    ));
    if results.interrupted {
        print(&format!("interrupted: {} of {chosen} test cases came to their turn\n", results.test_cases.len()));
    }
    print(&format!("report: {}\n", folder.join("abstract.html").display()));
    Ok(match results.verdict {
        Verdict::Pass => exit::OK,
        Verdict::Fail => exit::FAILED,
        Verdict::Inconclusive | Verdict::NotImplemented if count(Verdict::Fail) == 0 => exit::INCOMPLETE,
        Verdict::Error => exit::OWN_ERROR,
        _ => exit::INCOMPLETE,
    })
}

/// How many test cases may run side by side, where product, bench and operator allow what was asked for.
fn jobs(arguments: &Arguments, pics: &Pics, bench: &Bench) -> Result<usize, Problem> {
    let (jobs, simulated) = (usize::from(arguments.jobs), arguments.sut.is_some());
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
    let by_hand = arguments.operator.as_deref().map_or(!simulated, |how| how == "prompt");
    if by_hand {
        let what = format!("--jobs {jobs}: a person at the terminal can't do what {jobs} test cases ask for at once");
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

/// What a person needs to know to bring product and harness together.
fn introduction(pics: &Pics, bench: &Bench) -> String {
    let (identity, profile) = (&bench.identity, bench.security_profile);
    if pics.sut == SutKind::Csms {
        return format!("connecting to {}/{identity} with security profile {profile}", bench.url);
    }
    let port = bench.listen.rsplit(':').next().unwrap_or_default();
    let scheme = if profile >= 2 { "wss" } else { "ws" };
    let mut text = format!(
        "listening on {}: the station connects to {scheme}://{}:{port}/ocpp/{identity} with security profile {profile}",
        bench.listen, bench.host
    );
    if profile >= 2 {
        text.push_str(&match (bench.certificate.is_empty(), bench.authority.is_empty()) {
            (false, _) => format!(",\nand trusts the root of {}", bench.certificate),
            (true, false) => {
                format!(",\nand trusts {}", std::path::Path::new(&bench.authority).join("root.pem").display())
            }
            (true, true) => {
                ",\nand trusts a root that is made for this run alone: set `authority` in the bench to keep it".into()
            }
        });
    }
    text
}

fn default_folder(designation: &str, started: jiff::Timestamp) -> PathBuf {
    let name: String = designation
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' })
        .take(40)
        .collect();
    PathBuf::from("reports").join(format!("{}-{}", started.strftime("%Y%m%d-%H%M%S"), name.trim_matches('-')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_is_told_how_product_and_harness_meet() {
        let read = |text: &str| Bench::read_source(&Source::new("b.yaml", text)).unwrap();
        let told = |sut: &str, bench: &str| {
            let pics = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("pics").join(sut);
            introduction(&reader::read(&pics).unwrap(), &read(bench))
        };
        insta::assert_snapshot!(told("beny-bcpcv-ct2m-p.yaml", "listen: 0.0.0.0:443\nhost: lab.example\nauthority: ca\n"), @r"
        listening on 0.0.0.0:443: the station connects to wss://lab.example:443/ocpp/CS001 with security profile 2,
        and trusts ca/root.pem
        ");
        assert!(told("beny-bcpcv-ct2m-p.yaml", "").contains("set `authority` in the bench"));
        assert!(!told("beny-bcpcv-ct2m-p.yaml", "security-profile: 1\n").contains("trusts"));
        let csms = told("greenflux-ev-platform.yaml", "url: wss://csms.example/ocpp\n");
        assert_eq!(csms, "connecting to wss://csms.example/ocpp/CS001 with security profile 2");
    }
}
