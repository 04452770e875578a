//! `ocpp-attest diff`: what changed between two runs.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{Problem, display, exit, print};
use crate::{
    record::{compare, read},
    report::summary,
};

/// Arguments of `diff`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The folder of the earlier run
    #[arg(value_name = "RUN_A")]
    before: PathBuf,
    /// The folder of the later run
    #[arg(value_name = "RUN_B")]
    after: PathBuf,
    /// Output format
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
    /// End with exit status 1 if something became worse, or if anything changed
    #[arg(long, value_name = "WHAT")]
    fail_on: Option<FailOn>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// For machines
    Json,
    /// For a pull request
    Markdown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FailOn {
    /// A test case broke, a profile was lost, or a KPI newly exceeds its limit
    Regressions,
    /// Any other verdict or profile outcome, including better ones
    Changes,
}

/// Runs the subcommand.
pub fn run(arguments: &Arguments) -> Result<u8, Problem> {
    let (before, after) = (read::results(&arguments.before)?, read::results(&arguments.after)?);
    let comparison = compare::compare(&before, &after);
    print(&match arguments.format {
        Format::Text => summary::comparison_text(&comparison, display::width(), |good, text| {
            display::paint(if good { display::Tone::Good } else { display::Tone::Bad }, text)
        }),
        Format::Markdown => summary::comparison_markdown(&comparison),
        Format::Json => {
            serde_json::to_string_pretty(&comparison).map_err(|error| Problem::Own(error.to_string()))? + "\n"
        }
    });
    let changed =
        !comparison.test_cases.is_empty() || comparison.profiles.iter().any(|profile| profile.before != profile.after);
    let fails = match arguments.fail_on {
        Some(FailOn::Regressions) => comparison.regressed,
        Some(FailOn::Changes) => changed || comparison.regressed,
        None => false,
    };
    Ok(if fails { exit::FAILED } else { exit::OK })
}
