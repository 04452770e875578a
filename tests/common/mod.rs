//! What several integration tests need: running test cases against a simulated product in memory, recordings with faults in
//! them, and the tool as its users call it.
#![allow(dead_code)] // each of the tests uses a part of it

pub mod ports;
pub mod program;
pub mod recordings;
pub mod small_csms;
pub mod tool;

use std::sync::{LazyLock, OnceLock};

use ocpp_attest::{
    bench::Bench,
    clock::Clock,
    pics::{Pics, SutKind, reader},
    protocol::Version,
    runner::{self, Event, Plan},
    selection,
    simulator::faults::Faults,
    testcase::{catalogue::Catalogue, library::Library},
    yaml::Source,
};

/// A PICS of the project.
pub fn pics(name: &str) -> Pics {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("pics").join(name);
    reader::read(&path).unwrap_or_else(|defects| panic!("{defects}"))
}

/// A bench of these settings.
pub fn bench(text: &str) -> Bench {
    Bench::read_source(&Source::new("bench.yaml", text)).unwrap_or_else(|defects| panic!("{defects}"))
}

/// How test cases are run.
#[derive(Debug, Clone)]
pub struct How {
    /// What their engines are told is kept.
    pub record: bool,
    /// How many run side by side.
    pub jobs: usize,
    /// What is wrong with the product.
    pub faults: Faults,
    /// One product for the whole run.
    pub lasting: bool,
    /// The seed of the order.
    pub shuffle: Option<u64>,
}

impl Default for How {
    /// A sound product, one test case after the other.
    fn default() -> Self {
        Self { record: false, jobs: 1, faults: Faults::default(), lasting: false, shuffle: None }
    }
}

/// The catalogue of OCPP 2.0.1, read once.
pub static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| Catalogue::embedded(Version::V2_0_1).unwrap());

/// The catalogue of a version, read once.
pub fn catalogue(version: Version) -> &'static Catalogue {
    static V1_6: LazyLock<Catalogue> = LazyLock::new(|| Catalogue::embedded(Version::V1_6).unwrap());
    static V2_1: LazyLock<Catalogue> = LazyLock::new(|| Catalogue::embedded(Version::V2_1).unwrap());
    match version {
        Version::V1_6 => &V1_6,
        Version::V2_0_1 => &CATALOGUE,
        Version::V2_1 => &V2_1,
    }
}

/// All test cases of OCPP 2.0.1 of a side, read once.
pub fn library(sut: SutKind) -> &'static Library {
    library_of(Version::V2_0_1, sut)
}

/// All test cases of a version and a side, read once.
pub fn library_of(version: Version, sut: SutKind) -> &'static Library {
    static READ: [[OnceLock<Library>; 2]; 3] = [const { [const { OnceLock::new() }; 2] }; 3];
    READ[version as usize][usize::from(sut == SutKind::Csms)].get_or_init(|| {
        Library::load(catalogue(version), sut)
            .unwrap_or_else(|bad| panic!("{}", bad.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")))
    })
}

/// Runs the test cases that these patterns name (all if there is none) under a paused clock, and tells what happens. With what
/// came of it, how long it took by that clock, seconds.
pub fn run_telling(
    pics: &Pics,
    bench: &Bench,
    how: How,
    globs: &[impl AsRef<str>],
    tell: impl FnMut(Event),
) -> (runner::Yield, f64) {
    let library = library_of(pics.ocpp, pics.sut);
    let entries = selection::plan(pics, catalogue(pics.ocpp));
    let globs: Vec<String> = globs.iter().map(|glob| glob.as_ref().to_owned()).collect();
    let plan = Plan {
        pics,
        bench,
        entries: &entries,
        library,
        only: runner::globs(&globs).unwrap(),
        product: runner::Product::Simulated(how.faults),
        lasting: how.lasting,
        shuffle: how.shuffle,
        record: how.record,
        jobs: how.jobs,
        after_failure: runner::AfterFailure::default(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    let (_stop, interrupt) = tokio::sync::watch::channel(false);
    runtime.block_on(async {
        let clock = Clock::start();
        let ran = runner::run(&plan, None, interrupt, clock, tell).await.unwrap();
        (ran, clock.now().seconds())
    })
}

/// Runs the test cases that these patterns name, one after the other; all if there is none.
pub fn run_these(pics: &Pics, settings: &str, record: bool, globs: &[impl AsRef<str>]) -> runner::Yield {
    run_faulty(pics, settings, record, globs, &Faults::default())
}

/// The same against a product with faults.
pub fn run_faulty(
    pics: &Pics,
    settings: &str,
    record: bool,
    globs: &[impl AsRef<str>],
    faults: &Faults,
) -> runner::Yield {
    let how = How { record, faults: faults.clone(), ..How::default() };
    run_telling(pics, &bench(settings), how, globs, |_| {}).0
}
