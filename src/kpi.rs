//! The key performance indicators that certificates print, computed from a trace alone.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, HashMap},
};

use serde_json::Value;

use crate::{
    clock::Stamp,
    pics::{Pics, SutKind},
    protocol::{
        Protocol,
        frame::Frame,
        semantics::{Awaited, KpiDefinition, Semantics},
    },
    record::{Direction, Kpi, TraceEntry, TraceEvent},
};

/// A message that is waited for.
#[derive(Debug)]
struct Pending {
    since: Stamp,
    awaited: Awaited,
}

/// One measured time.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// The key of its KPI.
    pub key: &'static str,
    /// The request's action.
    pub action: String,
    /// How long it took, seconds.
    pub seconds: f64,
    /// The test case under way.
    pub test_case: Option<String>,
}

/// What one station's part of a trace has begun and not ended. Test cases that run side by side have one each.
#[derive(Debug, Default)]
struct Under {
    /// Our open calls by message id, and what they asked for.
    open: HashMap<String, (Stamp, String, Value)>,
    /// What they promised for later.
    pending: Vec<Pending>,
}

/// The KPIs of a product, in print order.
pub fn definitions(pics: &Pics) -> &'static [KpiDefinition] {
    pics.ocpp.protocol().semantics.kpis(pics.sut == SutKind::ChargingStation)
}

/// Finds in a trace, line by line, what a KPI counts.
pub struct Meter {
    semantics: &'static dyn Semantics,
    station_under_test: bool,
    /// What concerns no station.
    nobody: Under,
    stations: HashMap<String, Under>,
}

impl std::fmt::Debug for Meter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Meter").field("stations", &self.stations).finish_non_exhaustive()
    }
}

impl Meter {
    /// A meter for the products of one side.
    pub fn new(protocol: &Protocol, sut: SutKind) -> Self {
        let station_under_test = sut == SutKind::ChargingStation;
        Self { semantics: protocol.semantics, station_under_test, nobody: Under::default(), stations: HashMap::new() }
    }

    /// Takes in a line of the trace; what it completes.
    pub fn take(&mut self, entry: &TraceEntry) -> Option<Sample> {
        let (semantics, station) = (self.semantics, self.station_under_test);
        let Under { open, pending } = match entry.station.as_deref() {
            None => &mut self.nobody,
            Some(name) => {
                if !self.stations.contains_key(name) {
                    self.stations.insert(name.to_owned(), Under::default());
                }
                self.stations.get_mut(name)?
            }
        };
        match &entry.what {
            TraceEvent::TestCase { .. } | TraceEvent::Opened { .. } | TraceEvent::Closed { .. } => {
                open.clear();
                pending.clear();
                None
            }
            TraceEvent::Operator { .. } => {
                pending.retain(|pending| !pending.awaited.undisturbed);
                None
            }
            TraceEvent::Frame { direction, text } => {
                let call = text.trim_start().trim_start_matches('[').trim_start().starts_with('2');
                // Of most frames nothing is to be learnt: what is not parsed costs nothing.
                let idle = match direction {
                    Direction::FromSut => {
                        if call {
                            pending.is_empty()
                        } else {
                            open.is_empty()
                        }
                    }
                    Direction::ToSut => !call,
                };
                if idle {
                    return None;
                }
                match (direction, Frame::read_back(text).ok()?) {
                    (Direction::ToSut, Frame::Call { id, action, payload }) => {
                        open.insert(id, (entry.at, action, payload));
                        None
                    }
                    (Direction::FromSut, Frame::CallResult { id, payload }) => {
                        let (sent, action, request) = open.remove(&id)?;
                        let seconds = entry.at.seconds_since(&sent);
                        let key = semantics.kpi_of_answer(station, &action);
                        let awaited = semantics.awaited(&action, &request, &payload).filter(|_| station);
                        pending.extend(awaited.map(|awaited| Pending { since: sent, awaited }));
                        Some(Sample { key, action, seconds, test_case: entry.test_case.clone() })
                    }
                    (Direction::FromSut, Frame::CallError { id, .. }) => {
                        open.remove(&id);
                        None
                    }
                    (Direction::FromSut, Frame::Call { action, payload, .. }) => {
                        fulfil(semantics, pending, &action, &payload, entry)
                    }
                    (Direction::FromSut, Frame::CallResultError { .. } | Frame::Send { .. })
                    | (Direction::ToSut, _) => None,
                }
            }
            _ => None,
        }
    }
}

/// The measured times of a run, by KPI and action.
#[derive(Debug, Default)]
pub struct Times {
    by_key: BTreeMap<&'static str, OfKpi>,
}

/// The measured times of one KPI.
#[derive(Debug, Default)]
struct OfKpi {
    by_action: BTreeMap<String, Vec<f64>>,
    slowest: f64,
    slowest_in: Option<String>,
}

impl Times {
    /// Adds a measured time.
    pub fn add(&mut self, sample: Sample) {
        let Sample { key, action, seconds, test_case } = sample;
        let of_kpi = self.by_key.entry(key).or_default();
        // Which of two equal ones came first depends on what ran side by side: the test case decides.
        let slower = match seconds.total_cmp(&of_kpi.slowest) {
            Ordering::Greater => true,
            Ordering::Equal => of_kpi.slowest_in.is_none() || test_case < of_kpi.slowest_in,
            Ordering::Less => of_kpi.by_action.is_empty(),
        };
        if slower {
            (of_kpi.slowest, of_kpi.slowest_in) = (seconds, test_case);
        }
        match of_kpi.by_action.get_mut(&action) {
            Some(times) => times.push(seconds),
            None => {
                of_kpi.by_action.insert(action, vec![seconds]);
            }
        }
    }

    /// The times of a KPI, sorted.
    pub fn of(&self, key: &str) -> Vec<f64> {
        sorted(self.by_key.get(key).into_iter().flat_map(|of_kpi| of_kpi.by_action.values().flatten()))
    }

    /// The test case with the longest time of a KPI.
    pub fn slowest(&self, key: &str) -> Option<&str> {
        self.by_key.get(key)?.slowest_in.as_deref()
    }

    /// The times of each action, sorted, in the order of these KPIs: key, action, times.
    pub fn by_action<'s>(
        &'s self,
        order: &'s [KpiDefinition],
    ) -> impl Iterator<Item = (&'s KpiDefinition, &'s str, Vec<f64>)> {
        order.iter().flat_map(|definition| {
            let actions = self.by_key.get(definition.key).into_iter().flat_map(|of_kpi| &of_kpi.by_action);
            actions.map(move |(action, times)| (definition, action.as_str(), sorted(times)))
        })
    }

    /// All times, in no order.
    pub fn all(&self) -> impl Iterator<Item = f64> {
        self.by_key.values().flat_map(|of_kpi| of_kpi.by_action.values().flatten().copied())
    }

    /// The KPIs.
    pub fn kpis(&self, pics: &Pics) -> Vec<Kpi> {
        let limit = |key: &str| pics.performance.maximum.get(key).copied();
        definitions(pics)
            .iter()
            .map(|definition| summary(definition, &self.of(definition.key), limit(definition.key)))
            .collect()
    }
}

fn sorted<'s>(times: impl IntoIterator<Item = &'s f64>) -> Vec<f64> {
    let mut times: Vec<f64> = times.into_iter().copied().collect();
    times.sort_by(f64::total_cmp);
    times
}

/// Measures the KPIs of a trace.
pub fn measure(pics: &Pics, trace: &[TraceEntry]) -> Vec<Kpi> {
    let mut times = Times::default();
    for sample in samples(pics.ocpp.protocol(), pics.sut, trace) {
        times.add(sample);
    }
    times.kpis(pics)
}

/// Everything in a trace that a KPI counts, in the order in which it was complete.
pub fn samples(protocol: &Protocol, sut: SutKind, trace: &[TraceEntry]) -> Vec<Sample> {
    let mut meter = Meter::new(protocol, sut);
    trace.iter().filter_map(|entry| meter.take(entry)).collect()
}

fn fulfil(
    semantics: &dyn Semantics,
    pending: &mut Vec<Pending>,
    action: &str,
    payload: &Value,
    entry: &TraceEntry,
) -> Option<Sample> {
    let Some(index) = pending.iter().position(|pending| pending.awaited.is(action, payload)) else {
        // A transition of the charging state in between spoils a measurement that is still waiting.
        if semantics.disturbs(action, payload) {
            pending.retain(|pending| !pending.awaited.undisturbed);
        }
        return None;
    };
    let Pending { since, awaited } = pending.remove(index);
    (!semantics.is_uncounted(&awaited, payload)).then(|| Sample {
        key: awaited.key,
        action: awaited.request,
        seconds: entry.at.seconds_since(&since),
        test_case: entry.test_case.clone(),
    })
}

#[allow(clippy::cast_precision_loss)] // sample counts are small
fn summary(definition: &KpiDefinition, samples: &[f64], limit_s: Option<f64>) -> Kpi {
    Kpi {
        name: definition.name.to_owned(),
        key: definition.key.to_owned(),
        min_s: samples.first().copied(),
        max_s: samples.last().copied(),
        average_s: (!samples.is_empty()).then(|| samples.iter().sum::<f64>() / samples.len() as f64),
        p50_s: percentile(samples, 50),
        p90_s: percentile(samples, 90),
        p99_s: percentile(samples, 99),
        samples: samples.len(),
        limit_s,
    }
}

/// The nearest-rank percentile of sorted samples: the smallest that is not exceeded by `per_cent` of them. Always one that
/// was measured, never one in between.
pub fn percentile(sorted: &[f64], per_cent: usize) -> Option<f64> {
    let rank = (sorted.len() * per_cent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;

    #[test]
    fn percentiles_are_measured_values() {
        let samples: Vec<f64> = (1..=200).map(f64::from).collect();
        assert_eq!(percentile(&samples, 50), Some(100.0));
        assert_eq!(percentile(&samples, 99), Some(198.0));
        assert_eq!(percentile(&samples, 100), Some(200.0));
        assert_eq!(percentile(&samples[..3], 90), Some(3.0));
        assert_eq!(percentile(&samples[..1], 50), Some(1.0));
        assert_eq!(percentile(&[], 50), None);
    }

    /// Two stations whose messages have the same ids and lie between each other's.
    #[tokio::test(start_paused = true)]
    async fn stations_side_by_side_are_measured_one_by_one() {
        let started = Clock::start().now();
        let line = |ms: u64, station: &str, what: TraceEvent| TraceEntry {
            at: started.plus(std::time::Duration::from_millis(ms)),
            test_case: None,
            station: Some(station.to_owned()),
            conn: Some(1),
            what,
        };
        let frame = |direction: Direction, text: &str| TraceEvent::Frame { direction, text: text.to_owned() };
        let call = |action: &str| frame(Direction::ToSut, &format!("[2,\"1\",\"{action}\",{{}}]"));
        let answer = || frame(Direction::FromSut, "[3,\"1\",{}]");
        let trace = [
            line(0, "A", call("Heartbeat")),
            line(100, "B", call("Authorize")),
            line(200, "B", TraceEvent::TestCase { id: "TC_C_01_CSMS".into() }),
            line(300, "B", call("Authorize")),
            line(500, "A", answer()),
            line(1000, "B", answer()),
        ];
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("pics");
        let pics = crate::pics::reader::read(&folder.join("reference-csms.yaml")).unwrap();
        let kpis = measure(&pics, &trace);
        let of = |key: &str| kpis.iter().find(|kpi| kpi.key == key).map(|kpi| (kpi.samples, kpi.max_s));
        assert_eq!(of("response-time"), Some((1, Some(0.5))));
        assert_eq!(of("authorize"), Some((1, Some(0.7))));
    }
}
