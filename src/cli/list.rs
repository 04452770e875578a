//! `ocpp-attest list`: the test cases that apply to a product.

use std::{fmt::Write as _, path::PathBuf};

use clap::Args;

use super::{Format, Problem, TestCases, exit, print};
use crate::{pics::reader, record::PlanEntry, selection};

/// Arguments of `list`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The PICS file
    #[arg(long, value_name = "FILE")]
    pics: PathBuf,
    /// Include the test cases that do not apply, with the reason
    #[arg(long)]
    all: bool,
    /// How to print
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// Runs the subcommand.
pub fn run(arguments: &Arguments, test_cases: &TestCases) -> Result<u8, Problem> {
    let pics = reader::read(&arguments.pics)?;
    let plan = selection::plan(&pics, &test_cases.of(pics.ocpp)?);
    let shown: Vec<&PlanEntry> = plan.iter().filter(|entry| arguments.all || entry.applicable).collect();
    match arguments.format {
        Format::Json => {
            let json = serde_json::to_string_pretty(&shown).map_err(|error| Problem::Own(error.to_string()))?;
            print(&(json + "\n"));
        }
        Format::Text => print(&text(&plan, &shown)),
    }
    Ok(exit::OK)
}

fn text(plan: &[PlanEntry], shown: &[&PlanEntry]) -> String {
    let mut out = String::new();
    let all = shown.len() == plan.len();
    for entry in shown {
        let mark = match (entry.applicable, entry.implemented) {
            (false, _) => "left out",
            (true, true) => "ready",
            (true, false) => "not implemented",
        };
        let _ = write!(out, "{:<14} {mark:<15}  {}", entry.id, entry.title);
        if all {
            let _ = write!(out, "  [{}]", entry.reason);
        }
        out.push('\n');
    }
    let applicable = plan.iter().filter(|entry| entry.applicable).count();
    let ready = plan.iter().filter(|entry| entry.applicable && entry.implemented).count();
    let _ = writeln!(out, "{applicable} of {} test cases apply, {ready} of them implemented", plan.len());
    out
}
