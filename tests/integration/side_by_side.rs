//! Test cases of a CSMS that run side by side, against the reference CSMS in memory.

use std::collections::{BTreeMap, BTreeSet};

use crate::common::How;
use ocpp_attest::{
    kpi,
    pics::Pics,
    protocol::frame::Frame,
    record::{Direction, TraceEntry, TraceEvent},
    runner::{Event, Yield},
};

/// What a run yielded, its trace, and how long it took.
struct Ran {
    result: Yield,
    trace: Vec<TraceEntry>,
    seconds: f64,
}

fn run(pics: &Pics, bench: &str, jobs: usize) -> Ran {
    let mut trace = Vec::new();
    let tell = |event: Event| {
        if let Event::Trace(entry) = event {
            trace.push(*entry);
        }
    };
    let how = How { jobs, ..How::default() };
    let (result, seconds) = crate::common::run_telling(pics, &crate::common::bench(bench), how, &[""; 0], tell);
    Ran { result, trace, seconds }
}

/// Everything that a reader of the results learns of a test case but when it ran.
fn told(ran: &Ran) -> Vec<String> {
    let cases = ran.result.results.iter();
    cases.map(|case| format!("{} {} {:?} {:?}", case.id, case.verdict, case.reason, case.remarks)).collect()
}

#[test]
fn side_by_side_is_as_one_after_the_other_but_sooner() {
    let pics = crate::common::pics("reference-csms.yaml");
    // B has tokens of its own.
    let bench = "security-profile: 2\nstations:\n  - identity: A\n  - identity: B\n    tokens: { valid: { idToken: OTHER1, type: ISO14443, group: GROUP1 } }\n  - identity: C\n";
    let alone = run(&pics, bench, 1);
    let together = run(&pics, bench, 8);
    assert!(alone.result.results.len() > 100);
    assert_eq!(told(&alone), told(&together));
    let (short, long) = (together.seconds, alone.seconds);
    assert!(short < long / 4.0, "{short} s side by side, {long} s one after the other");

    // Every line names its station, and a test case is one station's.
    let mut stations: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for entry in &together.trace {
        let (Some(id), Some(station)) = (entry.test_case.as_deref(), entry.station.as_deref()) else {
            panic!("{entry:?}");
        };
        stations.entry(id).or_default().insert(station);
        // Our messages have the test case in their id.
        if let TraceEvent::Frame { direction: Direction::ToSut, text } = &entry.what {
            if let Ok(Frame::Call { id: message, .. }) = Frame::read_back(text) {
                assert!(message.starts_with(&format!("{id}-")), "{message} in {id}");
            }
        }
        if let TraceEvent::Opened { path, .. } = &entry.what {
            let other = id == "TC_A_02_CSMS" || id == "TC_A_03_CSMS";
            assert!(other || path.ends_with(&format!("/{station}")), "{path} as {station} in {id}");
        }
    }
    assert!(stations.values().all(|stations| stations.len() == 1), "{stations:?}");
    let used: BTreeSet<&str> = stations.values().flatten().copied().collect();
    assert_eq!(used, BTreeSet::from(["A", "A-4", "A-5", "A-6", "A-7", "A-8", "B", "C"]));

    // What must be alone comes when all others have ended, one after the other.
    let exclusive = ["TC_A_09_CSMS", "TC_A_19_CSMS"];
    let seconds = |id: &str| {
        let times: Vec<u64> = together
            .trace
            .iter()
            .filter(|entry| entry.test_case.as_deref() == Some(id))
            .map(|entry| entry.at.mono_ns)
            .collect();
        (times[0], times[times.len() - 1])
    };
    let last = stations.keys().filter(|id| !exclusive.contains(id)).map(|id| seconds(id).1).max().unwrap();
    assert!(last <= seconds(exclusive[0]).0 && seconds(exclusive[0]).1 <= seconds(exclusive[1]).0);

    // The KPIs count the same exchanges.
    let samples = |ran: &Ran| -> Vec<(String, usize)> {
        kpi::measure(&pics, &ran.trace).into_iter().map(|kpi| (kpi.name, kpi.samples)).collect()
    };
    assert_eq!(samples(&alone), samples(&together));
    assert!(samples(&together).iter().all(|(_, count)| *count > 20), "{:?}", samples(&together));
}
