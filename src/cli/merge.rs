//! `ocpp-attest merge`: several runs of one product into one, the shards of a run above all.

use std::path::PathBuf;

use clap::Args;

use super::{
    Problem,
    gate::{self, Gate},
    print,
};
use crate::{
    record::{
        folder,
        merge::{Merge, MergeError, Part},
        seal,
    },
    report,
    results::{self, TraceSummary},
};

/// Arguments of `merge`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The run folders
    #[arg(value_name = "RUN_DIR", required = true)]
    runs: Vec<PathBuf>,
    /// The folder of the merged run; an earlier run there is replaced
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    #[command(flatten)]
    gate: Gate,
}

/// Runs the subcommand.
pub fn run(arguments: &Arguments) -> Result<u8, Problem> {
    let gate = arguments.gate.open()?;
    let canonical = |path: &PathBuf| path.canonicalize().unwrap_or_else(|_| path.clone());
    if arguments.runs.iter().any(|run| canonical(run) == canonical(&arguments.out)) {
        let what = format!("{} is one of the runs to merge", arguments.out.display());
        return Err(Problem::Input(what, "name another folder with --out".into()));
    }
    let parts = arguments.runs.iter().map(|run| Part::read(run)).collect::<Result<Vec<_>, _>>()?;
    let merge = Merge::of(parts, uuid::Uuid::new_v4().to_string())?;
    let (common, manifest, out) = (merge.common(), &merge.manifest, &arguments.out);
    let plan = &common.saved.plan;
    gate.check(plan)?;
    merge.write(out)?;
    if merge.unchained() > 0 {
        eprintln!("note: {} of the runs have no hash chain: an earlier version made them", merge.unchained());
    }
    let trace = TraceSummary::read(&common.pics, out)?;
    let info = results::RunInfo {
        run_id: manifest.run_id.clone(),
        started: manifest.started,
        finished: merge.finished,
        resumed: manifest.resumed.clone(),
        sut: manifest.sut.clone(),
        faults: manifest.faults.clone(),
        shuffle: manifest.shuffle,
        interrupted: merge.is_incomplete(),
        calibration: manifest.calibration.clone(),
        tested_by: manifest.tested_by.clone(),
        expectations: gate.judge(&merge.results, plan, manifest.started),
    };
    let results = results::summarise(&common.pics, plan, merge.results.clone(), &trace, info);
    folder::write_results(out, &results).map_err(journal_failed)?;
    let seal = seal::write(out).map_err(journal_failed)?;
    let run = report::Run { pics: &common.pics, plan, results: &results, trace: &trace, seal: Some(&seal) };
    report::write_all(out, report::Format::ALL, run)?;
    print(&format!("{} runs merged\n{}\n", arguments.runs.len(), gate::counts(&results)));
    print(&gate::words(&results));
    if results.interrupted {
        let (done, chosen) = (results.test_cases.len(), manifest.chosen.len());
        print(&format!("incomplete: {done} of {chosen} test cases were run\n"));
        let missing = missing(&merge);
        if !missing.is_empty() {
            print(&format!("missing: shard {}\n", missing.join(", ")));
        }
    }
    print(&format!("report: {}\n", out.join("abstract.html").display()));
    Ok(gate.exit(&results))
}

/// The shards that are not among the runs, where all are shards of one number.
fn missing(merge: &Merge) -> Vec<String> {
    let shards: Vec<_> = merge.manifest.merged.iter().filter_map(|run| run.shard).collect();
    let Some(first) = shards.first().filter(|first| shards.iter().all(|shard| shard.of == first.of)) else {
        return Vec::new();
    };
    let there = |number: &u32| shards.iter().any(|shard| shard.number == *number);
    (1..=first.of).filter(|number| !there(number)).map(|number| format!("{number}/{}", first.of)).collect()
}

fn journal_failed(error: folder::FolderError) -> Problem {
    Problem::Input(error.to_string(), "name another folder with --out".into())
}

impl From<MergeError> for Problem {
    fn from(error: MergeError) -> Self {
        match error {
            MergeError::Read(error) => error.into(),
            MergeError::Unlike(what, help) => Problem::Input(what, help),
            MergeError::Folder(error) => journal_failed(error),
        }
    }
}
