//! The implemented test cases against the reference products, for everything that a PICS leaves open.

use ocpp_attest::{
    bench::Bench,
    clock::Clock,
    pics::{Pics, reader},
    runner::{self, Plan},
    selection,
    testcase::{catalogue::Catalogue, library::Library},
    verdict::{TestCaseResult, Verdict},
    yaml::Source,
};

fn pics(name: &str) -> Pics {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("pics").join(name);
    reader::read(&path).unwrap_or_else(|defects| panic!("{defects}"))
}

fn run(pics: &Pics, bench: &str) -> Vec<TestCaseResult> {
    let catalogue = Catalogue::embedded().unwrap();
    let library = Library::load(&catalogue, pics.sut)
        .unwrap_or_else(|bad| panic!("{}", bad.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")));
    let bench = Bench::read_source(&Source::new("bench.yaml", bench)).unwrap();
    let entries = selection::plan(pics, &catalogue);
    let plan = Plan { pics, bench: &bench, entries: &entries, library: &library, only: None, simulated: true };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    let (_stop, interrupt) = tokio::sync::watch::channel(false);
    let result = runtime.block_on(runner::run(&plan, None, interrupt, Clock::start(), |_| {})).unwrap();
    result.results.into_iter().filter(|result| result.verdict != Verdict::NotImplemented).collect()
}

/// Every start point, stop point and way to authorise that the product supports.
fn every_choice(name: &str) {
    let pics = pics(name);
    let mut bad = Vec::new();
    for start in pics.tx_start_points() {
        for stop in pics.tx_stop_points() {
            for how in ["local", "remote"] {
                let bench = format!("tx-start-point: {start}\ntx-stop-point: {stop}\nauthorization: {how}\n");
                let results = run(&pics, &bench);
                assert!(results.len() >= 30, "only {} test cases ran", results.len());
                for result in results.iter().filter(|result| result.verdict != Verdict::Pass) {
                    let failure = &result.failures[0];
                    bad.push(format!(
                        "{start} {stop} {how}: {} {} at {}: {}",
                        result.id,
                        result.verdict,
                        failure.step,
                        result.reason.clone().unwrap_or_default()
                    ));
                }
            }
        }
    }
    assert!(bad.is_empty(), "{} bad:\n{}", bad.len(), bad.join("\n"));
}

#[test]
fn cp_flex_plus_passes_whatever_it_is_configured_to() {
    every_choice("cp-flex-plus-eu.yaml");
}

#[test]
fn beny_passes_whatever_it_is_configured_to() {
    every_choice("beny-bcpcv-ct2m-p.yaml");
}
