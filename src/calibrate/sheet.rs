//! The calibration sheet as data, with its statistics.

use serde::{Deserialize, Serialize};

use super::Exchange;
use crate::kpi;

/// Version of the sheet's format.
pub const SHEET_FORMAT: u32 = 1;

/// Coverage factor of the expanded uncertainty: about 95 %.
const COVERAGE: f64 = 2.0;

/// What `calibration.json` holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Sheet {
    /// Version of this format.
    pub format: u32,
    /// The tool's version.
    pub tool_version: String,
    /// False for a debug build, which measures worse.
    pub optimised: bool,
    /// The threads of links had a real-time priority; without one a busy machine measures worse.
    #[serde(default)]
    pub real_time: bool,
    /// Begin.
    pub started: jiff::Timestamp,
    /// End.
    pub finished: jiff::Timestamp,
    /// Where.
    pub machine: Machine,
    /// The smallest step of the clock that stamps frames, seconds.
    pub resolution_s: f64,
    /// What reading it costs, seconds.
    pub reading_s: f64,
    /// How late timers are, seconds; waits of test cases last so much longer.
    pub timer_lateness: Distribution,
    /// From a response to the next request, seconds: what the harness needs for a message.
    pub overhead: Distribution,
    /// The machine idle, and under load.
    pub phases: Vec<Phase>,
}

impl Sheet {
    /// The expanded uncertainty of a response time on the idle machine, seconds (k = 2).
    pub fn uncertainty_s(&self) -> Option<f64> {
        self.phases.first().map(|phase| phase.uncertainty_s)
    }
}

/// The machine that was calibrated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Machine {
    /// Its name in the network.
    pub name: String,
    /// Operating system and architecture.
    pub system: String,
    /// Processor.
    pub processor: String,
    /// Cores that the tool may use.
    pub cores: usize,
}

impl Machine {
    /// This one; what can't be read is empty.
    pub fn this() -> Self {
        let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default().trim().to_owned();
        let cpu = read("/proc/cpuinfo");
        let processor = cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
        Self {
            name: read("/proc/sys/kernel/hostname"),
            system: format!(
                "{} {} {}",
                std::env::consts::OS,
                std::env::consts::ARCH,
                read("/proc/sys/kernel/osrelease")
            ),
            processor: processor.map(|(_, name)| name.trim().to_owned()).unwrap_or_default(),
            cores: crate::parallel::cores(),
        }
    }
}

/// Many values in a few numbers, seconds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Distribution {
    /// How many.
    pub samples: usize,
    /// Mean.
    pub mean: f64,
    /// Standard deviation.
    pub deviation: f64,
    /// Smallest.
    pub min: f64,
    /// Median.
    pub p50: f64,
    /// 95th percentile.
    pub p95: f64,
    /// 99th percentile.
    pub p99: f64,
    /// Largest.
    pub max: f64,
}

impl Distribution {
    /// The distribution of these values; all zero when there are none.
    #[allow(clippy::cast_precision_loss)] // some thousands of samples
    pub fn of(mut values: Vec<f64>) -> Self {
        values.retain(|value| value.is_finite());
        values.sort_by(f64::total_cmp);
        let (Some(min), Some(max)) = (values.first().copied(), values.last().copied()) else { return Self::default() };
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let percentile = |per_cent: usize| kpi::percentile(&values, per_cent).unwrap_or(max);
        Self {
            samples: values.len(),
            mean,
            deviation: if values.len() > 1 { (squares / (count - 1.0)).sqrt() } else { 0.0 },
            min,
            p50: percentile(50),
            p95: percentile(95),
            p99: percentile(99),
            max,
        }
    }
}

/// The error of the response-time KPI under one condition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Phase {
    /// `idle`, `under load` (every core busy), `16 side by side, …`.
    pub name: String,
    /// The peer's shortest and longest delay, seconds.
    pub delays_s: (f64, f64),
    /// Measured less known, seconds; its mean is the bias.
    pub error: Distribution,
    /// The error's size without its sign, seconds.
    pub size: Distribution,
    /// Expanded uncertainty (k = 2), seconds: bias, spread and resolution together. The bias is not corrected for, so
    /// it counts in full.
    pub uncertainty_s: f64,
}

impl Phase {
    /// The statistics of a phase.
    pub fn new(name: &str, exchanges: &[Exchange], resolution_s: f64) -> Self {
        let errors: Vec<f64> = exchanges.iter().map(|exchange| exchange.measured_s - exchange.known_s).collect();
        let known = Distribution::of(exchanges.iter().map(|exchange| exchange.known_s).collect());
        let size = Distribution::of(errors.iter().map(|error| error.abs()).collect());
        let error = Distribution::of(errors);
        let variance = error.deviation.powi(2) + error.mean.powi(2) + resolution_s.powi(2) / 12.0;
        Self {
            name: name.to_owned(),
            delays_s: (known.min, known.max),
            uncertainty_s: COVERAGE * variance.sqrt(),
            error,
            size,
        }
    }
}
