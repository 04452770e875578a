//! The key performance indicators that certificates print, computed from a trace alone.

use std::collections::HashMap;

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
#[derive(Default)]
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

/// Measures the KPIs of a trace.
pub fn measure(pics: &Pics, trace: &[TraceEntry]) -> Vec<Kpi> {
    let samples = samples(pics.ocpp.protocol(), pics.sut, trace);
    definitions(pics)
        .iter()
        .map(|definition| {
            let samples = samples.iter().filter(|sample| sample.key == definition.key).map(|sample| sample.seconds);
            let limit_s = pics.performance.maximum.get(definition.key).copied();
            summary(definition, samples.collect(), limit_s)
        })
        .collect()
}

/// Everything in a trace that a KPI counts, in the order in which it was complete.
pub fn samples(protocol: &Protocol, sut: SutKind, trace: &[TraceEntry]) -> Vec<Sample> {
    let (semantics, station) = (protocol.semantics, sut == SutKind::ChargingStation);
    let mut samples = Vec::new();
    let mut stations: HashMap<Option<&str>, Under> = HashMap::new();
    for entry in trace {
        let Under { open, pending } = stations.entry(entry.station.as_deref()).or_default();
        match &entry.what {
            TraceEvent::TestCase { .. } | TraceEvent::Opened { .. } | TraceEvent::Closed { .. } => {
                open.clear();
                pending.clear();
            }
            TraceEvent::Operator { .. } => {
                pending.retain(|pending| !pending.awaited.undisturbed);
            }
            TraceEvent::Frame { direction, text } => {
                let Ok(frame) = Frame::read_back(text) else { continue };
                match (direction, frame) {
                    (Direction::ToSut, Frame::Call { id, action, payload }) => {
                        open.insert(id, (entry.at, action, payload));
                    }
                    (Direction::FromSut, Frame::CallResult { id, payload }) => {
                        let Some((sent, action, request)) = open.remove(&id) else { continue };
                        let seconds = entry.at.seconds_since(&sent);
                        let key = semantics.kpi_of_answer(station, &action);
                        let test_case = entry.test_case.clone();
                        samples.push(Sample { key, action: action.clone(), seconds, test_case });
                        let awaited = semantics.awaited(&action, &request, &payload).filter(|_| station);
                        pending.extend(awaited.map(|awaited| Pending { since: sent, awaited }));
                    }
                    (Direction::FromSut, Frame::CallError { id, .. }) => {
                        open.remove(&id);
                    }
                    (Direction::FromSut, Frame::Call { action, payload, .. }) => {
                        samples.extend(fulfil(semantics, pending, &action, &payload, entry));
                    }
                    (Direction::FromSut, Frame::CallResultError { .. } | Frame::Send { .. })
                    | (Direction::ToSut, _) => {}
                }
            }
            _ => {}
        }
    }
    samples
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
fn summary(definition: &KpiDefinition, mut samples: Vec<f64>, limit_s: Option<f64>) -> Kpi {
    samples.sort_by(f64::total_cmp);
    Kpi {
        name: definition.name.to_owned(),
        key: definition.key.to_owned(),
        min_s: samples.first().copied(),
        max_s: samples.last().copied(),
        average_s: (!samples.is_empty()).then(|| samples.iter().sum::<f64>() / samples.len() as f64),
        p50_s: percentile(&samples, 50),
        p90_s: percentile(&samples, 90),
        p99_s: percentile(&samples, 99),
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
