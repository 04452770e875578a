//! The command line: one file per subcommand.

mod audit;
mod bench;
mod calibrate;
mod check;
mod diff;
mod differences;
mod display;
#[cfg(test)]
mod documents;
mod explain;
mod faults;
mod fmt;
mod formats;
mod gate;
mod list;
mod log;
mod merge;
mod operator;
mod package;
#[cfg(feature = "pdf")]
mod pdf_reader;
mod pics;
mod replay;
mod report;
mod run;
mod schema;
mod serve;
mod shells;
mod simulate;
mod trace;
mod verify;

use std::{
    io::Write as _,
    path::PathBuf,
    process::ExitCode,
    sync::atomic::{AtomicBool, Ordering},
};

use clap::{CommandFactory as _, Parser, Subcommand};

use crate::{protocol::Version, testcase::catalogue::Catalogue, yaml::Defects};

/// Exit statuses, a public contract.
pub mod exit {
    /// Everything passed.
    pub const OK: u8 = 0;
    /// A test case failed.
    pub const FAILED: u8 = 1;
    /// The input is wrong.
    pub const WRONG_INPUT: u8 = 2;
    /// Nothing failed, but something was inconclusive or is not implemented.
    pub const INCOMPLETE: u8 = 3;
    /// The harness itself failed.
    pub const OWN_ERROR: u8 = 4;
}

/// How a command prints what it found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Text,
    Json,
}

/// Why a command could not do its work.
#[derive(Debug)]
pub enum Problem {
    /// Files with defects.
    Defects(Vec<Defects>),
    /// Something else is wrong with the input: what, and what to do.
    Input(String, String),
    /// The harness itself failed.
    Own(String),
}

impl From<Defects> for Problem {
    fn from(defects: Defects) -> Self {
        Problem::Defects(vec![defects])
    }
}

impl From<Vec<Defects>> for Problem {
    fn from(defects: Vec<Defects>) -> Self {
        Problem::Defects(defects)
    }
}

/// A secret, if there is one: CI systems hand one that is not set on as an empty variable.
fn given(secret: Option<&str>) -> Option<&str> {
    secret.filter(|text| !text.is_empty())
}

/// What the environment overrides, for help and manual.
const ENVIRONMENT: &str = "\
Environment:
  OCPP_ATTEST_PASSWORD       Basic authentication password, overrides the bench
  OCPP_ATTEST_FILE_PASSWORD  password of the file servers, overrides the bench
  OCPP_ATTEST_FORMAT         the reports that a run writes, as `--format` names them";

/// An open conformance test harness for OCPP.
#[derive(Debug, Parser)]
#[command(name = "ocpp-attest", version, about, max_term_width = 120, after_help = ENVIRONMENT)]
struct Arguments {
    /// Test cases to use instead of the compiled-in ones
    #[arg(long, global = true, value_name = "DIR")]
    testcases: Option<PathBuf>,
    /// Log internal events to standard error: a level, or directives like `ocpp_attest::frames=trace`
    #[arg(long, global = true, value_name = "LEVEL", env = "OCPP_ATTEST_LOG")]
    log: Option<String>,
    /// When to colour the output; `NO_COLOR` is respected
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    color: display::Color,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Check, create or import a PICS
    Pics(pics::Arguments),
    /// List the test cases that apply to a product
    List(list::Arguments),
    /// Explain one test case
    Explain(explain::Arguments),
    /// Print the JSON Schema of a file format, for editors
    Schema(schema::Arguments),
    /// Check every test case and state
    Check,
    /// Put test cases, states, PICS and benches into one form
    Fmt(fmt::Arguments),
    /// Check a test bench, or write a new bench file
    Bench(bench::Arguments),
    /// Run a reference product on the wire
    Simulate(simulate::Arguments),
    /// Measure how accurately the harness measures on this machine
    Calibrate(calibrate::Arguments),
    /// Run the mutation audit: check that every check can fail, with traces of faulty products
    Audit(audit::Arguments),
    /// Judge a recorded run again, and compare the verdicts
    Replay(replay::Arguments),
    /// Run the applicable test cases against a product
    Run(run::Arguments),
    /// Serve a workbench in the browser: choose, run, watch, read and compare
    Serve(serve::Arguments),
    /// Merge several runs into one, usually the shards of a run
    Merge(merge::Arguments),
    /// Make one file of a run, with its evidence, for others to check
    Package(package::Arguments),
    /// Check a package: its bytes, its signature, and every verdict from what was recorded
    Verify(verify::Arguments),
    /// Print the messages of a run
    Trace(trace::Arguments),
    /// Make the reports of a run again, from its folder
    Report(report::Arguments),
    /// Print completions for a shell
    Completions(shells::Completions),
    /// Print the manual page, or write the pages of all commands
    Man(shells::Manual),
    /// Show what changed between two runs: verdicts, profiles, KPIs
    Diff(diff::Arguments),
}

/// The command line as clap knows it.
pub fn command() -> clap::Command {
    Arguments::command()
}

/// Runs the tool with the process's arguments.
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            if let Some(text) = faults::instead(&error) {
                print(text);
                return ExitCode::from(exit::OK);
            }
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { exit::WRONG_INPUT } else { exit::OK });
        }
    };
    display::choose(arguments.color);
    if let Some(Err(problem)) = arguments.log.as_deref().map(log::start) {
        return ExitCode::from(complain(&problem));
    }
    let test_cases = TestCases { folder: arguments.testcases };
    let result = match arguments.command {
        Command::Pics(arguments) => pics::run(&arguments),
        Command::List(arguments) => list::run(&arguments, &test_cases),
        Command::Explain(arguments) => explain::run(&arguments, &test_cases),
        Command::Check => check::run(&test_cases),
        Command::Fmt(arguments) => fmt::run(&arguments),
        Command::Schema(arguments) => schema::run(&arguments),
        Command::Bench(arguments) => bench::run(&arguments, &test_cases),
        Command::Completions(arguments) => Ok(shells::completions(&arguments, Arguments::command())),
        Command::Man(arguments) => shells::manual(&arguments, Arguments::command()),
        Command::Calibrate(arguments) => calibrate::run(&arguments),
        Command::Simulate(arguments) => simulate::run(&arguments),
        Command::Merge(arguments) => merge::run(&arguments),
        Command::Package(arguments) => package::run(&arguments),
        Command::Verify(arguments) => verify::run(&arguments),
        Command::Trace(arguments) => trace::run(&arguments, &test_cases),
        Command::Report(arguments) => report::run(&arguments),
        Command::Audit(arguments) => audit::run(&arguments, &test_cases),
        Command::Replay(arguments) => replay::run(&arguments),
        Command::Diff(arguments) => diff::run(&arguments),
        Command::Run(arguments) => run::run(&arguments, &test_cases),
        Command::Serve(arguments) => serve::run(&arguments, &test_cases),
    };
    match result {
        Ok(code) => ExitCode::from(code),
        Err(problem) => ExitCode::from(complain(&problem)),
    }
}

/// Reads a version of OCPP from the command line.
fn version(word: &str) -> Result<Version, String> {
    let known = Version::WORDS.map(|(known, _)| known);
    Version::named(word).ok_or_else(|| format!("write one of: {}", known.join(", ")))
}

/// Where the test cases come from: those that are compiled in, or a folder.
struct TestCases {
    folder: Option<PathBuf>,
}

impl TestCases {
    /// Those of a version of OCPP.
    fn of(&self, version: Version) -> Result<Catalogue, Problem> {
        Ok(match &self.folder {
            Some(folder) => Catalogue::from_folder(folder, version)?,
            None => Catalogue::embedded(version)?,
        })
    }
}

/// Set where standard output is for the trace, so that what people read goes to standard error.
static STDOUT_IS_TAKEN: AtomicBool = AtomicBool::new(false);

/// Prints what people read: to standard output, unless that is taken. A closed pipe is no error.
fn print(text: &str) {
    let _ = if STDOUT_IS_TAKEN.load(Ordering::Relaxed) {
        std::io::stderr().lock().write_all(text.as_bytes())
    } else {
        std::io::stdout().lock().write_all(text.as_bytes())
    };
}

fn complain(problem: &Problem) -> u8 {
    match problem {
        Problem::Defects(files) => {
            let mut count = 0;
            for report in files.iter().flat_map(Defects::reports) {
                count += 1;
                eprintln!("{:?}", miette::Report::new(report));
            }
            eprintln!("{count} {}", if count == 1 { "defect" } else { "defects" });
            exit::WRONG_INPUT
        }
        Problem::Input(message, help) => {
            eprintln!("error: {message}\n  help: {help}");
            exit::WRONG_INPUT
        }
        Problem::Own(message) => {
            eprintln!("error: {message}\n  this is a failure of the tool itself; please report it");
            exit::OWN_ERROR
        }
    }
}
