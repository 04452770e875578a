//! A product with a memory is judged alike in whatever order its test cases come, and as one that is fresh for each of them.

use crate::common::How;
use ocpp_attest::{
    record::TraceEvent,
    runner::{Event, Yield},
};

/// What a run yields, and in which order its test cases were begun.
fn run(pics: &str, lasting: bool, shuffle: Option<u64>) -> (Yield, Vec<String>) {
    let mut order: Vec<String> = Vec::new();
    let tell = |event: Event| {
        if let Event::Trace(entry) = event {
            if let TraceEvent::TestCase { id } = entry.what {
                order.push(id);
            }
        }
    };
    let how = How { lasting, shuffle, ..How::default() };
    let (result, _) =
        crate::common::run_telling(&crate::common::pics(pics), &crate::common::bench(""), how, &[""; 0], tell);
    (result, order)
}

fn told(result: &Yield) -> Vec<String> {
    let cases = result.results.iter();
    cases.map(|case| format!("{} {} {}", case.id, case.verdict, case.reason.as_deref().unwrap_or_default())).collect()
}

/// Three orders that no other test runs, and the one of the plan.
fn in_any_order(pics: &str, last: &[&str]) {
    let (fresh, planned) = run(pics, false, None);
    assert!(fresh.results.len() > 100);
    let (in_order, same) = run(pics, true, None);
    assert_eq!(told(&fresh), told(&in_order), "in the order of the plan");
    assert_eq!(planned, same);
    for seed in [1, 2, 3] {
        let (shuffled, order) = run(pics, true, Some(seed));
        assert_eq!(told(&fresh), told(&shuffled), "by the seed {seed}");
        assert_ne!(planned, order, "{seed}");
        assert!(order.ends_with(&last.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>()), "{seed}: {order:?}");
        if seed == 1 {
            assert_eq!(order, run(pics, false, Some(seed)).1, "the order is a function of the seed");
        }
    }
}

#[test]
fn a_station_is_judged_alike_in_any_order() {
    in_any_order("cp-flex-plus-eu.yaml", &["TC_A_19_CS"]);
}

#[test]
fn a_csms_is_judged_alike_in_any_order() {
    in_any_order("greenflux-ev-platform.yaml", &["TC_A_09_CSMS", "TC_A_19_CSMS"]);
}
