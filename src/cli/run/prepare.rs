//! From arguments to all that a run needs: a fresh one, or one that goes on.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use globset::GlobSet;

use super::{
    super::{
        TestCases,
        differences::{difference, differs, same, value},
        faults, formats,
    },
    Arguments, Problem,
};
use crate::{
    bench::Bench,
    calibrate::note,
    clock::Clock,
    pics::{Pics, SutKind, model::TestedBy, reader},
    record::{
        PlanEntry,
        calibration::Calibration,
        folder::default_name,
        manifest::{self, Manifest},
        read::PICS_FILE,
        saved::Saved,
        writer::Journal,
    },
    report, runner,
    selection::{
        self,
        choice::{Choice, ChoiceError},
    },
    services::firmware::Firmware,
    simulator::faults::Faults,
    testcase::{catalogue::Catalogue, library::Library},
    verdict::TestCaseResult,
    yaml::Source,
};

/// What the differences are told of.
const RUN: &str = "what this run started with";

/// All that a run needs.
pub(super) struct Prepared {
    pub(super) pics: Pics,
    pub(super) bench: Bench,
    pub(super) library: Library,
    pub(super) entries: Vec<PlanEntry>,
    pub(super) manifest: Manifest,
    /// The test cases that are still to be run.
    pub(super) only: GlobSet,
    /// The results of those that were run before.
    pub(super) before: Vec<TestCaseResult>,
    pub(super) folder: PathBuf,
    /// What the folder holds.
    begun: Begun,
    pub(super) simulated: bool,
    /// What goes wrong with the simulated product.
    pub(super) faults: Faults,
    /// How much of the run is over.
    passed: Option<Duration>,
}

/// Where a run begins.
enum Begun {
    /// Nowhere yet: the text of the PICS, to be kept.
    Fresh(String),
    /// Where another was ended early.
    Saved(Box<Saved>),
}

impl Prepared {
    /// Begins to write the run folder.
    pub(super) fn open(&self) -> Result<Journal, Problem> {
        let Self { folder, manifest, entries, bench, .. } = self;
        match &self.begun {
            Begun::Fresh(pics) => Journal::begin(folder, manifest, entries, pics, &settings(bench)?),
            Begun::Saved(saved) => Journal::resume(saved, manifest),
        }
        .map_err(|error| Problem::Input(error.to_string(), "name another folder with --out".into()))
    }

    /// The run's clock, which goes on where the run was.
    pub(super) fn clock(&self) -> Clock {
        match self.passed {
            Some(passed) => Clock::resume(self.manifest.started, passed),
            None => Clock::since(self.manifest.started),
        }
    }
}

/// What both a fresh run and one that goes on are made of.
struct Inputs {
    pics: Pics,
    pics_text: String,
    bench: Bench,
    catalogue: Catalogue,
    entries: Vec<PlanEntry>,
    /// Of the test cases.
    digest: String,
}

fn inputs(pics: &Path, bench: Option<&Path>, test_cases: &TestCases) -> Result<Inputs, Problem> {
    let source = Source::read(pics)?;
    let pics = reader::read_source(&source)?;
    let bench = bench.map_or_else(|| Ok(Bench::default()), Bench::read)?;
    bench.fits(&pics)?;
    Firmware::read(&bench)?;
    let catalogue = test_cases.of(pics.ocpp)?;
    let entries = selection::plan(&pics, &catalogue);
    let digest = manifest::digest(&catalogue, pics.sut);
    Ok(Inputs { pics, pics_text: source.text.to_string(), bench, catalogue, entries, digest })
}

/// The test cases with these ids.
fn library(catalogue: &Catalogue, sut: SutKind, ids: &[String]) -> Result<Library, Problem> {
    Ok(Library::of(catalogue, sut, &ids.iter().map(String::as_str).collect())?)
}

/// A run from its beginning.
pub(super) fn fresh(arguments: &Arguments, test_cases: &TestCases) -> Result<Prepared, Problem> {
    let pics = arguments.pics.as_deref().unwrap_or(Path::new(""));
    let Inputs { pics, pics_text, bench, catalogue, entries, digest } =
        inputs(pics, arguments.bench.as_deref(), test_cases)?;
    let choice = choice(arguments);
    let chosen: Vec<String> = choice.of(&entries)?.into_iter().map(|entry| entry.id.clone()).collect();
    for entry in choice.left_out(&entries) {
        eprintln!("note: {} is not run, it does not apply to this product: {}", entry.id, entry.reason);
    }
    let library = library(&catalogue, pics.sut, &chosen)?;
    let simulated = arguments.sut.is_some();
    let faults = arguments.faults.read(pics.ocpp.protocol())?;
    if !simulated && !faults.is_empty() {
        let help = "add --sut simulated, or use `simulate` with the fault and test that";
        return Err(Problem::Input("--fault applies only to the simulated product".into(), help.into()));
    }
    let started = jiff::Timestamp::now();
    let folder = arguments
        .out
        .clone()
        .unwrap_or_else(|| PathBuf::from("reports").join(default_name(&pics.product.designation, started)));
    let calibration = calibration(&bench, simulated)?;
    let manifest = Manifest {
        format: manifest::FORMAT,
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        run_id: uuid::Uuid::new_v4().to_string(),
        started,
        resumed: Vec::new(),
        merged: Vec::new(),
        product: pics.product.designation.clone(),
        sut: match (simulated, pics.sut) {
            (true, _) => "simulated".into(),
            (false, SutKind::Csms) => bench.url.clone(),
            (false, SutKind::ChargingStation) => bench.listen.clone(),
        },
        test_cases: digest,
        bench: arguments.bench.as_ref().map(|path| path.display().to_string()),
        calibration,
        tested_by: if simulated { TestedBy::default() } else { bench.tested_by.clone() },
        faults: faults.texts(),
        choice,
        shuffle: arguments.shuffle,
        lasting: arguments.lasting,
        retries: arguments.retries.unwrap_or(0),
        chosen,
    };
    let (only, before, passed) = (exactly(&manifest.chosen)?, Vec::new(), simulated.then_some(Duration::ZERO));
    let begun = Begun::Fresh(pics_text);
    Ok(Prepared { pics, bench, library, entries, manifest, only, before, folder, begun, simulated, faults, passed })
}

/// What the bench's calibration says. Simulated time is exact, so that there it says nothing.
fn calibration(bench: &Bench, simulated: bool) -> Result<Option<Calibration>, Problem> {
    if simulated || bench.calibration.is_empty() {
        return Ok(None);
    }
    let read = note::read(Path::new(&bench.calibration));
    read.map(Some).map_err(|refused| Problem::Input(refused.to_string(), refused.help))
}

/// A run that was ended early, by whatever. What it was begun with must be what there is now.
pub(super) fn resumed(arguments: &Arguments, folder: &Path, test_cases: &TestCases) -> Result<Prepared, Problem> {
    let saved = Saved::read(folder)?;
    let mut manifest = saved.manifest.clone();
    let pics_then = folder.join(PICS_FILE);
    let bench = arguments.bench.clone().or_else(|| manifest.bench.as_ref().map(PathBuf::from));
    let pics = arguments.pics.as_deref().unwrap_or(&pics_then);
    let Inputs { pics, bench, catalogue, entries, digest, .. } = inputs(pics, bench.as_deref(), test_cases)?;
    same(RUN, "version of ocpp-attest", &manifest.tool_version, env!("CARGO_PKG_VERSION"))?;
    if let Some(path) = difference(&value(&reader::read(&pics_then)?)?, &value(&pics)?) {
        return Err(differs(RUN, &format!("the PICS ({path})")));
    }
    let bench_then = Bench::read(&folder.join("bench.yaml"))?;
    if let Some(path) = difference(&value(bench_then.settings())?, &value(bench.settings())?) {
        return Err(differs(RUN, &format!("the bench ({path})")));
    }
    if manifest.test_cases != digest {
        return Err(differs(RUN, "the text of the test cases"));
    }
    let simulated = manifest.simulated();
    if arguments.sut.is_some() && !simulated {
        return Err(differs(RUN, &format!("the product under test ({} then, the simulated one now)", manifest.sut)));
    }
    let given = arguments.faults.read(pics.ocpp.protocol())?;
    if !given.is_empty() && given.texts() != manifest.faults {
        return Err(differs(RUN, "the --fault of the simulated product"));
    }
    let faults = faults::read(pics.ocpp.protocol(), &manifest.faults)?;
    let choice = choice(arguments);
    if !choice.is_everything() && choice != manifest.choice {
        return Err(differs(RUN, "the selection of test cases"));
    }
    if arguments.retries.is_some_and(|retries| retries != manifest.retries) {
        return Err(differs(RUN, "the number of retries"));
    }
    if arguments.shuffle.is_some_and(|seed| Some(seed) != manifest.shuffle) {
        return Err(differs(RUN, "the order of the test cases (--shuffle)"));
    }
    if arguments.lasting && !manifest.lasting {
        return Err(differs(RUN, "the lifetime of the simulated product (--lasting)"));
    }
    let done = |id: &String| saved.results.iter().any(|result| result.id == *id);
    let left: Vec<String> = manifest.chosen.iter().filter(|id| !done(id)).cloned().collect();
    if left.is_empty()
        && folder.join("results.json").exists()
        && report::all_written(folder, &formats::chosen(&arguments.format))
    {
        let help = "start a new run without --resume";
        return Err(Problem::Input(format!("the run in {} is complete", folder.display()), help.into()));
    }
    let library = library(&catalogue, pics.sut, &left)?;
    let now = jiff::Timestamp::now();
    // Virtual time goes on where the trace ends, real time has not stood still.
    let passed = simulated.then(|| {
        let ended = saved.results.iter().map(|result| result.started_s + result.duration_s).fold(0.0, f64::max);
        Duration::try_from_secs_f64(ended).unwrap_or_default()
    });
    manifest.resumed.push(now);
    let (only, folder) = (exactly(&left)?, folder.to_owned());
    let before = saved.results.clone();
    let begun = Begun::Saved(Box::new(saved));
    Ok(Prepared { pics, bench, library, entries, manifest, only, before, folder, begun, simulated, faults, passed })
}

fn choice(arguments: &Arguments) -> Choice {
    Choice::new(&arguments.tests, &arguments.skip, arguments.shard)
}

impl From<ChoiceError> for Problem {
    fn from(error: ChoiceError) -> Self {
        Problem::Input(error.what, error.help)
    }
}

/// Just these test cases.
fn exactly(ids: &[String]) -> Result<GlobSet, Problem> {
    let globs = runner::globs(ids).map_err(|error| Problem::Own(error.to_string()))?;
    Ok(globs.unwrap_or_default())
}

fn settings(bench: &Bench) -> Result<String, Problem> {
    let yaml = serde_saphyr::to_string(bench.settings()).map_err(|error| Problem::Own(error.to_string()))?;
    Ok(format!("# The settings of this run, including defaults, with secrets redacted.\n{yaml}"))
}
