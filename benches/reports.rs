//! What the reports of a whole programme cost.

#[path = "../tests/common/mod.rs"]
mod common;

use std::{hint::black_box, time::Duration};

use clap::ValueEnum as _;
use common::{How, bench, pics, run_telling};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ocpp_attest::{
    report::{self, Format, Run},
    results,
    runner::Event,
    selection,
    testcase::catalogue::Catalogue,
};

fn reports(criterion: &mut Criterion) {
    let pics = pics("cp-flex-plus-eu.yaml");
    let plan = selection::plan(
        &pics,
        &Catalogue::embedded(ocpp_attest::protocol::Version::V2_0_1).expect("a sound catalogue"),
    );
    let mut trace = Vec::new();
    let tell = |event| {
        if let Event::Trace(entry) = event {
            trace.push(*entry);
        }
    };
    let (ran, seconds) = run_telling(&pics, &bench(""), How::default(), &[""; 0], tell);
    let started = jiff::Timestamp::UNIX_EPOCH;
    let info = results::RunInfo {
        run_id: "run".into(),
        started,
        finished: started + jiff::SignedDuration::from_secs_f64(seconds),
        sut: "simulated".into(),
        faults: Vec::new(),
        shuffle: None,
        interrupted: false,
        resumed: Vec::new(),
        expectations: Vec::new(),
        calibration: None,
        tested_by: ocpp_attest::pics::model::TestedBy::default(),
    };
    let trace = results::TraceSummary::of(&pics, &trace);
    let results = results::summarise(&pics, &plan, ran.results, &trace, info);
    let run = Run { pics: &pics, plan: &plan, results: &results, trace: &trace, seal: None };
    let mut group = criterion.benchmark_group("reports of a whole programme");
    group.sample_size(10).measurement_time(Duration::from_secs(5));
    for format in Format::ALL {
        let size = report::render(*format, run).expect("a report").len();
        group.throughput(Throughput::Bytes(size as u64));
        let name = format.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned());
        group.bench_function(name, |bencher| bencher.iter(|| black_box(report::render(*format, run))));
    }
    group.finish();
}

criterion_group!(benches, reports);
criterion_main!(benches);
