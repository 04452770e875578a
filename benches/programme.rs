//! What a whole programme costs in memory, and what of it is the engine's.

#[path = "../tests/common/mod.rs"]
mod common;

use std::{hint::black_box, time::Duration};

use common::{How, bench, pics, run_telling, run_these};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ocpp_attest::{
    kpi,
    pics::SutKind,
    runner::Event,
    testcase::{catalogue::Catalogue, library::Library},
};

fn programmes(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("programme in memory");
    group.sample_size(10).measurement_time(Duration::from_secs(15));
    for name in ["cp-flex-plus-eu", "greenflux-ev-platform"] {
        let pics = pics(&format!("{name}.yaml"));
        group.bench_function(name, |bencher| bencher.iter(|| black_box(run_these(&pics, "", false, &[""; 0]))));
    }
    let pics = pics("greenflux-ev-platform.yaml");
    let how = How { jobs: 8, ..How::default() };
    group.bench_function("greenflux-ev-platform, eight side by side", |bencher| {
        bencher.iter(|| black_box(run_telling(&pics, &bench(""), how.clone(), &[""; 0], |_| {})));
    });
    group.finish();
}

fn engine(criterion: &mut Criterion) {
    let pics = pics("cp-flex-plus-eu.yaml");
    let mut trace = Vec::new();
    let tell = |event| {
        if let Event::Trace(entry) = event {
            trace.push(*entry);
        }
    };
    let (ran, _) = run_telling(&pics, &bench(""), How { record: true, ..How::default() }, &[""; 0], tell);
    let mut group = criterion.benchmark_group("engine");
    group.sample_size(10).measurement_time(Duration::from_secs(8));
    let judged = || ran.recordings.iter().map(|recording| recording.judge().steps.len()).sum::<usize>();
    let inputs: usize = ran.recordings.iter().map(|recording| recording.inputs.len()).sum();
    for (what, count) in [("inputs", inputs), ("steps", judged())] {
        group.throughput(Throughput::Elements(count as u64));
        let name = format!("{what} of a whole programme, judged again");
        group.bench_function(name, |bencher| bencher.iter(|| black_box(judged())));
    }
    group.throughput(Throughput::Elements(trace.len() as u64));
    group.bench_function("KPIs from the trace of a whole programme", |bencher| {
        bencher.iter(|| black_box(kpi::measure(&pics, &trace)));
    });
    group.finish();
}

fn loading(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("before the first test case");
    group.sample_size(10);
    group.bench_function("read the catalogue", |bencher| {
        bencher.iter(|| black_box(Catalogue::embedded(ocpp_attest::protocol::Version::V2_0_1)));
    });
    let catalogue = Catalogue::embedded(ocpp_attest::protocol::Version::V2_0_1).expect("a sound catalogue");
    group.bench_function("check the test cases of a side", |bencher| {
        bencher.iter(|| black_box(Library::load(&catalogue, SutKind::ChargingStation).expect("sound test cases")));
    });
    group.finish();
}

criterion_group!(benches, programmes, engine, loading);
criterion_main!(benches);
