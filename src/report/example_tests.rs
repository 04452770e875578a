//! `reports/examples/`: the abstracts of the certified products' PICS, from simulated runs.
//!
//! Each example keeps the results it was made of, so that this pins what the reports say and look like, and not how
//! quickly the reference products answer. `just examples` runs the programmes again and writes everything anew.

use std::path::{Path, PathBuf};

use super::{Format, Run, render, tests::pics};
use crate::{
    record::{Results, folder, read},
    results::TraceSummary,
};

const PRODUCTS: [&str; 3] = ["cp-flex-plus-eu", "greenflux-ev-platform", "beny-bcpcv-ct2m-p"];
const FORMATS: [Format; 3] = [Format::Html, Format::Md, Format::Pdf];

fn place(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("reports/examples").join(name)
}

/// What an abstract needs of a run's results, with id and times that do not change from run to run.
fn lean(mut results: Results) -> Results {
    let lasted = results.finished.duration_since(results.started);
    "example".clone_into(&mut results.run_id);
    results.started = "2026-11-21T09:00:00Z".parse().unwrap();
    results.finished = results.started.checked_add(lasted).unwrap();
    for case in &mut results.test_cases {
        case.steps.clear();
        case.failures.clear();
        case.remarks.clear();
        case.requirements.clear();
    }
    results
}

#[test]
fn examples_are_what_their_results_render() {
    // `just examples` says where the runs are.
    let fresh = std::env::var_os("OCPP_ATTEST_EXAMPLES").map(PathBuf::from);
    for name in PRODUCTS {
        let folder = place(name);
        if let Some(runs) = &fresh {
            let results = lean(read::results(&runs.join(name)).unwrap());
            folder::create(&folder).unwrap();
            folder::write_results(&folder, &results).unwrap();
        }
        let pics = pics(&format!("{name}.yaml"));
        let results = read::results(&folder).unwrap();
        for format in FORMATS {
            let trace = TraceSummary::new(&pics);
            let run = Run { pics: &pics, plan: &[], results: &results, trace: &trace, seal: None };
            let report = render(format, run).unwrap();
            if fresh.is_some() {
                folder::write(&folder, format.file(), &report).unwrap();
            }
            let committed = std::fs::read(folder.join(format.file())).unwrap();
            assert!(committed == report, "{name}/{} is not what is rendered now; see `just examples`", format.file());
        }
    }
}
