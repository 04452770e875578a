//! Calibration: how well the harness measures on this machine.
//!
//! A peer whose response times are known answers thousands of requests of a real run over loopback sockets with TLS; the
//! error is what the KPI says less what the peer knows. Everything that a run of a lab does between the socket and the KPI
//! is in it: decryption, the wait for the processor, the engine that is still at the message before.

mod load;
mod machine;
pub mod note;
pub mod page;
mod peer;
mod sheet;

use std::{sync::Arc, time::Duration};

use serde_json::json;
use tokio::sync::watch;

use load::{Busy, Conditions, Writing};
pub use note::CalibrationRefused;
pub use sheet::{Distribution, Machine, Phase, SHEET_FORMAT, Sheet};

use crate::{
    bench::Bench,
    clock::{Clock, Stamp},
    kpi,
    link::{Network, priority},
    manual_action::{ActionOutcome, ManualAction},
    operator::{BoxFuture, Operator},
    pics::{Pics, SutKind, reader},
    protocol::Version,
    record::{Direction, PlanEntry, TraceEntry, TraceEvent, temporary::TemporaryFolder},
    runner::{self, Event, Plan},
    testcase::{dialect::Dialect, library::Library, model::TestCase, reader::test_case},
    verdict::Verdict,
    yaml::Source,
};

/// The key of the KPI that is calibrated; the others are differences of the same stamps.
const RESPONSE_TIME: &str = "response-time";

/// How much to measure.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Requests per phase.
    pub samples: usize,
    /// The longest delay of the peer.
    pub longest: Duration,
    /// Runs side by side, so that it does not last for ever.
    pub sessions: usize,
    /// Measure with every core busy, too.
    pub busy: bool,
    /// Measure a run with so many stations side by side that writes its reports, too.
    pub jobs: Option<usize>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { samples: 2000, longest: Duration::from_secs(2), sessions: 4, busy: true, jobs: None }
    }
}

impl Settings {
    /// Under which conditions to measure, in order: the idle machine comes first, every core busy second.
    fn conditions(&self) -> Vec<Conditions> {
        let idle = Conditions::idle(self.sessions);
        let busy = self.busy.then(|| Conditions::every_core_busy(self.sessions));
        [Some(idle), busy, self.jobs.map(Conditions::side_by_side)].into_iter().flatten().collect()
    }
}

/// Why nothing could be measured.
#[derive(Debug, thiserror::Error)]
pub enum CalibrationError {
    /// A file or a socket.
    #[error("{0}: {1}")]
    Io(&'static str, std::io::Error),
    /// The peer and the harness did not come together.
    #[error("the run against the calibration peer failed: {0}")]
    Run(String),
}

/// The whole calibration; `tell` hears what is under way.
pub fn calibrate(settings: &Settings, mut tell: impl FnMut(&str)) -> Result<Sheet, CalibrationError> {
    let started = jiff::Timestamp::now();
    tell("resolution of the clock");
    let (resolution_s, reading_s) = machine::clock_resolution();
    tell("lateness of timers");
    let jitter = machine::timer_lateness()?;
    let mut phases = Vec::new();
    let mut overhead = Vec::new();
    for (number, conditions) in settings.conditions().iter().enumerate() {
        tell(&format!("{} requests, {}", settings.samples, conditions.name));
        let busy = Busy::start(conditions.busy_cores);
        let measured = phase(settings, conditions)?;
        drop(busy);
        if number == 0 {
            overhead = measured.iter().filter_map(|exchange| exchange.pause_s).collect();
        }
        phases.push(Phase::new(&conditions.name, &measured, resolution_s));
    }
    Ok(Sheet {
        format: SHEET_FORMAT,
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        optimised: !cfg!(debug_assertions),
        real_time: priority::is_granted(),
        started,
        finished: jiff::Timestamp::now(),
        machine: Machine::this(),
        resolution_s,
        reading_s,
        timer_lateness: Distribution::of(jitter),
        overhead: Distribution::of(overhead),
        phases,
    })
}

/// One request as harness and peer saw it.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// What the KPI says, seconds.
    pub measured_s: f64,
    /// How long the peer really took, seconds.
    pub known_s: f64,
    /// From the response to our next request, seconds: what the harness needs for itself.
    pub pause_s: Option<f64>,
}

/// Runs of the harness against peers with known delays, side by side.
fn phase(settings: &Settings, conditions: &Conditions) -> Result<Vec<Exchange>, CalibrationError> {
    let io = |what| move |error| CalibrationError::Io(what, error);
    let authority = TemporaryFolder::new("calibration").map_err(io("a folder for the calibration's certificates"))?;
    let pics = pics()?;
    let samples = settings.samples.div_ceil(conditions.sessions);
    let case = Arc::new(
        test_case(&Source::new("calibration.yaml", programme(samples)), Dialect::today(pics.ocpp))
            .map_err(|defects| failed(&defects))?,
    );
    let entry = entry(&case);
    let writing =
        conditions.writes.then(|| Writing::begin(&authority.path().join("run"), &pics, entry.clone())).transpose()?;
    let writing = writing.as_ref();
    let session = Session { settings, authority: &authority, pics: &pics, case: &case, entry, samples, writing };
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(io("the asynchronous runtime"))?;
    runtime.block_on(async {
        let runs = (0..conditions.sessions).map(|number| session.run(number));
        let mut exchanges = Vec::new();
        for measured in tokio::select! {
            measured = futures_util::future::join_all(runs) => measured,
            stopped = reports(writing) => return stopped.map(|never| match never {}),
        } {
            exchanges.extend(measured?);
        }
        Ok(exchanges)
    })
}

/// Writes reports for as long as runs last, where that is wanted.
async fn reports(writing: Option<&Writing<'_>>) -> Result<std::convert::Infallible, CalibrationError> {
    match writing {
        Some(writing) => writing.write_reports().await,
        None => std::future::pending().await,
    }
}

fn failed(error: &dyn std::fmt::Display) -> CalibrationError {
    CalibrationError::Run(error.to_string())
}

fn entry(case: &TestCase) -> PlanEntry {
    PlanEntry {
        id: case.header.id.clone(),
        title: case.header.title.clone(),
        block: case.header.block.clone(),
        profiles: Vec::new(),
        requirements: Vec::new(),
        applicable: true,
        implemented: true,
        reason: String::new(),
    }
}

/// What the runs of a phase have in common.
struct Session<'s> {
    settings: &'s Settings,
    authority: &'s TemporaryFolder,
    pics: &'s Pics,
    case: &'s Arc<TestCase>,
    entry: PlanEntry,
    /// Requests of each.
    samples: usize,
    writing: Option<&'s Writing<'s>>,
}

impl Session<'_> {
    /// One run of the harness against one peer.
    async fn run(&self, number: usize) -> Result<Vec<Exchange>, CalibrationError> {
        let address = free_address().map_err(|error| CalibrationError::Io("a free port", error))?;
        let bench = bench(&address, self.authority, number)?;
        let library = Library {
            cases: [(self.entry.id.clone(), self.case.clone())].into(),
            states: Arc::default(),
            version: self.case.protocol.version,
            sut: self.case.header.sut,
        };
        let plan = Plan {
            pics: self.pics,
            bench: &bench,
            entries: std::slice::from_ref(&self.entry),
            library: &library,
            only: None,
            product: runner::Product::Real(Network::Tcp),
            lasting: false,
            shuffle: None,
            record: false,
            jobs: 1,
            after_failure: runner::AfterFailure::default(),
        };
        let delays = peer::delays(self.samples, self.settings.longest, number);
        let peer = peer::Peer {
            address,
            identity: bench.identity.clone(),
            roots: self.authority.path().join("root.pem"),
            delays,
        };
        let peer = tokio::task::spawn_blocking(move || peer.answer());
        let (stop, interrupt) = watch::channel(false);
        let operator = Some(Arc::new(Nobody) as Arc<dyn Operator>);
        let mut trace = Vec::new();
        let mut unwritten = None;
        let keep = |event: Event| {
            if let Some(Err(error)) = self.writing.map(|writing| writing.take(&event)) {
                unwritten.get_or_insert(error);
                let _ = stop.send(true);
            }
            if let Event::Trace(entry) = event {
                trace.push(*entry);
            }
        };
        let run =
            runner::run(&plan, operator, interrupt, Clock::start(), keep).await.map_err(|error| failed(&error))?;
        if let Some(error) = unwritten {
            return Err(error);
        }
        let known = peer.await.map_err(|error| failed(&error))?.map_err(|error| failed(&error))?;
        match run.results.first() {
            Some(result) if result.verdict == Verdict::Pass => Ok(exchanges(&trace, &known)),
            Some(result) => Err(CalibrationError::Run(result.reason.clone().unwrap_or_default())),
            None => Err(CalibrationError::Run("nothing was run".into())),
        }
    }
}

/// What the KPI says beside what the peer knows, request by request; both have them in order.
fn exchanges(trace: &[TraceEntry], known: &[Duration]) -> Vec<Exchange> {
    let measured = kpi::samples(Version::default().protocol(), SutKind::ChargingStation, trace)
        .into_iter()
        .filter(|sample| sample.key == RESPONSE_TIME);
    let mut pauses = pauses(trace).into_iter();
    measured
        .zip(known)
        .map(|(sample, known)| Exchange {
            measured_s: sample.seconds,
            known_s: known.as_secs_f64(),
            pause_s: pauses.next(),
        })
        .collect()
}

/// From each response to the next request of the harness, seconds.
fn pauses(trace: &[TraceEntry]) -> Vec<f64> {
    let mut answered: Option<Stamp> = None;
    let mut pauses = Vec::new();
    for entry in trace {
        match &entry.what {
            TraceEvent::Frame { direction: Direction::FromSut, .. } => answered = Some(entry.at),
            TraceEvent::Frame { direction: Direction::ToSut, .. } => {
                pauses.extend(answered.take().map(|answered| entry.at.seconds_since(&answered)));
            }
            _ => {}
        }
    }
    pauses
}

/// Nothing is to be done by hand.
struct Nobody;

impl Operator for Nobody {
    fn perform(&self, _: ManualAction) -> BoxFuture<'_, ActionOutcome> {
        Box::pin(async { ActionOutcome::NotPossible("nobody is needed".into()) })
    }
}

/// A test case of so many requests, as any test case sends them.
fn programme(samples: usize) -> String {
    include_str!("programme.yaml").replace("SAMPLES", &samples.to_string())
}

fn pics() -> Result<Pics, CalibrationError> {
    let source = Source::new("reference-station.yaml", include_str!("../../pics/reference-station.yaml"));
    reader::read_source(&source).map_err(|error| CalibrationError::Run(error.to_string()))
}

fn bench(address: &str, authority: &TemporaryFolder, number: usize) -> Result<Bench, CalibrationError> {
    let values = json!({
        "listen": address,
        "listen-second": "",
        "files": "127.0.0.1:0",
        "identity": format!("CALIBRATION{number}"),
        "password": peer::PASSWORD,
        "security-profile": 2,
        "authority": authority.path().display().to_string(),
    });
    // A bench as a person would write it: JSON is YAML.
    Bench::read_source(&Source::new("bench.yaml", values.to_string()))
        .map_err(|error| CalibrationError::Run(error.to_string()))
}

/// An address that was free a moment ago.
fn free_address() -> std::io::Result<String> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    listener.local_addr().map(|address| address.to_string())
}

#[cfg(test)]
mod tests;
