//! `ocpp-attest run`: the main job.

mod ending;
mod execute;
mod introduction;
mod live;
mod prepare;

use std::path::PathBuf;

use clap::Args;

pub(super) use self::execute::asked_to_stop;
use self::{live::Live, prepare::Prepared};
use super::{
    Problem, TestCases,
    formats::{self, Wanted},
    gate::Gate,
    given,
    operator::OperatorChoice,
};
use crate::{
    link::{Secret, keys},
    pics::SutKind,
    selection::choice::Shard,
};

/// Arguments of `run`.
#[derive(Debug, Args)]
#[command(after_help = super::ENVIRONMENT)]
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
    #[command(flatten)]
    faults: super::faults::FaultArguments,
    /// Run only these test cases: ids, globs, profile:ID or block:LETTER; separate with commas or repeat the option
    #[arg(long = "test", value_name = "WHICH")]
    tests: Vec<String>,
    /// Skip these test cases
    #[arg(long, value_name = "WHICH")]
    skip: Vec<String>,
    /// Run the K-th of N shards; `merge` combines them
    #[arg(long, value_name = "K/N")]
    shard: Option<Shard>,
    /// Shuffle the test cases; the same number gives the same order
    #[arg(long, value_name = "SEED")]
    shuffle: Option<u64>,
    /// Keep one simulated product for the whole run instead of a fresh one for each test case
    #[arg(long, requires = "sut")]
    lasting: bool,
    /// Retry a test case that does not pass up to N times; if it passes then, it is flaky and inconclusive
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=100))]
    retries: Option<u32>,
    /// Start no further test case after the first unexpected failure
    #[arg(long)]
    fail_fast: bool,
    #[command(flatten)]
    gate: Gate,
    /// Write the trace as JSON lines during the run, to a file or to standard output (`-`)
    #[arg(long, value_name = "FILE|-")]
    trace_to: Option<PathBuf>,
    /// Who performs manual actions: prompt, web[:[ADDR:]PORT] for the operator's page, exec:COMMAND, or an http:// or
    /// https:// URL [default: `operator` of the bench, else prompt]
    #[arg(long, value_name = "HOW")]
    operator: Option<String>,
    /// Basic authentication password, overrides the bench; prefer the environment variable
    #[arg(long, value_name = "TEXT", env = "OCPP_ATTEST_PASSWORD", hide_env_values = true)]
    password: Option<String>,
    /// Password of the file servers, overrides the bench; prefer the environment variable
    #[arg(long, value_name = "TEXT", env = "OCPP_ATTEST_FILE_PASSWORD", hide_env_values = true)]
    file_password: Option<String>,
    /// Run N test cases of a CSMS side by side, each as one station of the bench's `stations`
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1000))]
    jobs: u16,
    /// Which reports to write (repeatable, or separated by commas); `report` makes the others later
    #[arg(long, value_name = "FORMAT", value_delimiter = ',', default_value = "all", env = "OCPP_ATTEST_FORMAT")]
    format: Vec<Wanted>,
    /// The run folder [default: reports/DATE-PRODUCT]; an earlier run there is replaced
    #[arg(long, value_name = "DIR", conflicts_with = "resume")]
    out: Option<PathBuf>,
    /// Write the session keys of TLS connections to this file (NSS key log format), so that a packet capture can be decrypted
    #[arg(long, value_name = "FILE", conflicts_with = "sut")]
    tls_keys: Option<PathBuf>,
    /// Resume an interrupted run in its folder
    #[arg(long, value_name = "RUN_DIR")]
    resume: Option<PathBuf>,
}

/// Runs the subcommand.
pub fn run(arguments: &Arguments, test_cases: &TestCases) -> Result<u8, Problem> {
    let gate = arguments.gate.open()?;
    let mut prepared = match &arguments.resume {
        None => prepare::fresh(arguments, test_cases)?,
        Some(folder) => prepare::resumed(arguments, folder, test_cases)?,
    };
    if let Some(password) = given(arguments.password.as_deref()) {
        prepared.bench.password = Secret::new(password);
    }
    prepared.bench.take_file_password(given(arguments.file_password.as_deref()))?;
    gate.check(&prepared.entries)?;
    let operator = OperatorChoice::read(arguments.operator.as_deref(), prepared.simulated, &prepared.bench)?;
    let jobs = jobs(&operator, arguments, &prepared)?;
    if let Some(path) = &arguments.tls_keys {
        keys::write_to(path).map_err(|error| {
            let what = format!("{} can't be written: {error}", path.display());
            Problem::Input(what, "name another file with --tls-keys".into())
        })?;
        eprintln!(
            "WARNING: --tls-keys: whoever has {} can read every encrypted connection of this run. Delete it after use.",
            path.display()
        );
    }
    let live = arguments.trace_to.as_deref().map(Live::open).transpose()?;
    if !prepared.simulated {
        eprintln!("{}", introduction::introduction(&prepared.pics, &prepared.bench, jobs));
    }
    let formats = formats::chosen(&arguments.format);
    let execution =
        execute::Execution { operator, jobs, fail_fast: arguments.fail_fast, gate: &gate, formats: &formats, live };
    let results = execute::execute(&prepared, execution)?;
    ending::tell(
        &prepared,
        &results,
        &formats,
        &ending::again(arguments.operator.as_deref(), arguments.jobs, &formats),
    );
    let exit = gate.exit(&results);
    // A fault that was not there proves nothing.
    let idle = super::faults::tell_idle(&prepared.faults);
    Ok(if idle && exit == super::exit::OK { super::exit::INCOMPLETE } else { exit })
}

/// How many test cases may run side by side, where product, bench and operator allow what was asked for.
fn jobs(operator: &OperatorChoice, arguments: &Arguments, prepared: &Prepared) -> Result<usize, Problem> {
    let Prepared { pics, bench, simulated, .. } = prepared;
    let (jobs, simulated) = (usize::from(arguments.jobs), *simulated);
    let refusal = |what: String, help: &str| Err(Problem::Input(what, help.into()));
    if jobs == 1 {
        return Ok(jobs);
    }
    if pics.sut == SutKind::ChargingStation {
        let what = format!("--jobs {jobs}: a charging station is a single product and runs one test case at a time");
        return refusal(what, "leave --jobs out");
    }
    if !simulated && jobs > bench.pool() {
        let known = if bench.pool() == 1 { "one station".into() } else { format!("{} stations", bench.pool()) };
        let what = format!("--jobs {jobs}: each job needs its own station, and the bench names {known}");
        return refusal(what, "name more under `stations` in the bench, each known to the CSMS, or use fewer jobs");
    }
    if operator.is_a_person() {
        let what = format!("--jobs {jobs}: a person can't do the manual actions of {jobs} test cases at once");
        return refusal(what, "configure `operator` in the bench, or use --operator exec:COMMAND");
    }
    Ok(jobs)
}
