//! Calibration: how well the harness measures on this machine.
//!
//! A peer whose response times are known answers thousands of requests of a real run over loopback sockets with TLS; the
//! error is what the KPI says less what the peer knows. Everything that a run of a lab does between the socket and the KPI
//! is in it: decryption, the wait for the processor, the engine that is still at the message before.

mod machine;
mod note;
mod peer;
mod sheet;

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use serde_json::json;
use tokio::sync::watch;

pub use note::{Calibration, CalibrationRefused};
pub use sheet::{Distribution, Machine, Phase, SHEET_FORMAT, Sheet};

use crate::{
    bench::Bench,
    clock::{Clock, Stamp},
    kpi,
    link::Network,
    operator::{ActionOutcome, BoxFuture, ManualAction, Operator},
    pics::{Pics, SutKind, reader},
    record::{Direction, PlanEntry, TraceEntry, TraceEvent},
    runner::{self, Event, Plan},
    testcase::{library::Library, reader::test_case},
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
    /// Measure under load too.
    pub load: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self { samples: 2000, longest: Duration::from_secs(2), sessions: 4, load: true }
    }
}

/// Why nothing could be measured.
#[derive(Debug, thiserror::Error)]
pub enum CalibrationError {
    /// A file or a socket.
    #[error("{0}: {1}")]
    Io(&'static str, std::io::Error),
    /// The peer and the harness did not come together.
    #[error("the run against the calibration peer did not work: {0}")]
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
    for name in if settings.load { vec!["idle", "under load"] } else { vec!["idle"] } {
        tell(&format!("{} requests, machine {name}", settings.samples));
        let load = (name != "idle").then(Load::start);
        let measured = phase(settings)?;
        drop(load);
        if name == "idle" {
            overhead = measured.iter().filter_map(|exchange| exchange.pause_s).collect();
        }
        phases.push(Phase::new(name, &measured, resolution_s));
    }
    Ok(Sheet {
        format: SHEET_FORMAT,
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        optimised: !cfg!(debug_assertions),
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

/// Threads that keep every core busy while this lives.
struct Load {
    stop: Arc<AtomicBool>,
}

impl Load {
    fn start() -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            let stop = stop.clone();
            std::thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            });
        }
        Self { stop }
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// Runs of the harness against peers with known delays, side by side.
fn phase(settings: &Settings) -> Result<Vec<Exchange>, CalibrationError> {
    let io = |what| move |error| CalibrationError::Io(what, error);
    let authority = Authority::new().map_err(io("a folder for the calibration's certificates"))?;
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(io("the asynchronous runtime"))?;
    let sessions = settings.sessions.max(1);
    runtime.block_on(async {
        let each = settings.samples.div_ceil(sessions);
        let runs = (0..sessions).map(|number| session(settings, &authority, number, each));
        let mut exchanges = Vec::new();
        for measured in futures_util::future::join_all(runs).await {
            exchanges.extend(measured?);
        }
        Ok(exchanges)
    })
}

/// One run of the harness against one peer.
async fn session(
    settings: &Settings,
    authority: &Authority,
    number: usize,
    samples: usize,
) -> Result<Vec<Exchange>, CalibrationError> {
    let failed = |error: &dyn std::fmt::Display| CalibrationError::Run(error.to_string());
    let pics = pics()?;
    let address = free_address().map_err(|error| CalibrationError::Io("a free port", error))?;
    let bench = bench(&address, authority, number)?;
    let source = Source::new("calibration.yaml", programme(samples));
    let case = test_case(&source).map_err(|defects| failed(&defects))?;
    let entry = PlanEntry {
        id: case.header.id.clone(),
        title: case.header.title.clone(),
        profiles: Vec::new(),
        requirements: Vec::new(),
        applicable: true,
        implemented: true,
        reason: String::new(),
    };
    let library = Library { cases: [(entry.id.clone(), Arc::new(case))].into(), ..Library::default() };
    let entries = [entry];
    let plan = Plan {
        pics: &pics,
        bench: &bench,
        entries: &entries,
        library: &library,
        only: None,
        product: runner::Product::Real(Network::Tcp),
        lasting: false,
        shuffle: None,
        record: false,
        jobs: 1,
        after_failure: runner::AfterFailure::default(),
    };
    let delays = peer::delays(samples, settings.longest, number);
    let peer = peer::Peer { address, identity: bench.identity.clone(), roots: authority.root(), delays };
    let peer = tokio::task::spawn_blocking(move || peer.answer());
    let (_stay, interrupt) = watch::channel(false);
    let operator = Some(Arc::new(Nobody) as Arc<dyn Operator>);
    let mut trace = Vec::new();
    let keep = |event: Event| {
        if let Event::Trace(entry) = event {
            trace.push(*entry);
        }
    };
    let run = runner::run(&plan, operator, interrupt, Clock::start(), keep).await.map_err(|error| failed(&error))?;
    let known = peer.await.map_err(|error| failed(&error))?.map_err(|error| failed(&error))?;
    match run.results.first() {
        Some(result) if result.verdict == Verdict::Pass => Ok(exchanges(&trace, &known)),
        Some(result) => Err(CalibrationError::Run(result.reason.clone().unwrap_or_default())),
        None => Err(CalibrationError::Run("nothing was run".into())),
    }
}

/// What the KPI says beside what the peer knows, request by request; both have them in order.
fn exchanges(trace: &[TraceEntry], known: &[Duration]) -> Vec<Exchange> {
    let measured =
        kpi::samples(SutKind::ChargingStation, trace).into_iter().filter(|sample| sample.key == RESPONSE_TIME);
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

fn bench(address: &str, authority: &Authority, number: usize) -> Result<Bench, CalibrationError> {
    let values = json!({
        "listen": address,
        "listen-second": "",
        "files": "127.0.0.1:0",
        "identity": format!("CALIBRATION{number}"),
        "password": peer::PASSWORD,
        "security-profile": 2,
        "authority": authority.folder.display().to_string(),
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

/// A folder for the harness's certificate authority, gone when this is.
struct Authority {
    folder: PathBuf,
}

impl Authority {
    fn new() -> std::io::Result<Self> {
        let folder = std::env::temp_dir().join(format!("ocpp-attest-calibration-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir_all(&folder)?;
        Ok(Self { folder })
    }

    /// Where the root will lie when the harness has made it.
    fn root(&self) -> PathBuf {
        self.folder.join("root.pem")
    }
}

impl Drop for Authority {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

#[cfg(test)]
mod tests;
