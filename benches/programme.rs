//! What a whole programme costs in memory, and what of it is the engine's.

use std::{hint::black_box, path::Path, time::Duration};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ocpp_attest::{
    bench::Bench,
    clock::Clock,
    pics::reader,
    runner::{self, Plan, Yield},
    selection,
    simulator::faults::Faults,
    testcase::{catalogue::Catalogue, library::Library},
};

fn run(pics: &str, record: bool) -> Yield {
    let pics = reader::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("pics").join(pics)).expect("a sound PICS");
    let catalogue = Catalogue::embedded().expect("a sound catalogue");
    let library = Library::load(&catalogue, pics.sut).expect("sound test cases");
    let bench = Bench::default();
    let entries = selection::plan(&pics, &catalogue);
    let plan = Plan {
        pics: &pics,
        bench: &bench,
        entries: &entries,
        library: &library,
        only: None,
        simulated: true,
        faults: Faults::default(),
        record,
        jobs: 1,
        course: runner::Course::default(),
    };
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().expect("a runtime");
    let (_stop, interrupt) = tokio::sync::watch::channel(false);
    runtime.block_on(runner::run(&plan, None, interrupt, Clock::start(), |_| {})).expect("a run")
}

fn programmes(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("programme in memory");
    group.sample_size(10).measurement_time(Duration::from_secs(20));
    for name in ["cp-flex-plus-eu", "greenflux-ev-platform"] {
        let file = format!("{name}.yaml");
        group.bench_function(name, |bencher| bencher.iter(|| black_box(run(&file, false))));
    }
    group.finish();
}

fn engine(criterion: &mut Criterion) {
    let recordings = run("cp-flex-plus-eu.yaml", true).recordings;
    let inputs: usize = recordings.iter().map(|recording| recording.inputs.len()).sum();
    let mut group = criterion.benchmark_group("engine");
    group.sample_size(10).measurement_time(Duration::from_secs(10)).throughput(Throughput::Elements(inputs as u64));
    group.bench_function("inputs of a whole programme, judged again", |bencher| {
        bencher.iter(|| recordings.iter().map(|recording| recording.judge().steps.len()).sum::<usize>());
    });
    group.finish();
}

fn loading(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("before the first test case");
    group.sample_size(10);
    group.bench_function("read and check the catalogue", |bencher| {
        bencher.iter(|| {
            let catalogue = Catalogue::embedded().expect("a sound catalogue");
            black_box(Library::load(&catalogue, ocpp_attest::pics::SutKind::ChargingStation).expect("sound test cases"))
        });
    });
    group.finish();
}

criterion_group!(benches, programmes, engine, loading);
criterion_main!(benches);
