//! How long the harness waits until a CSMS is silent follows from what the CSMS has shown. No verdict depends on it: products that
//! are slow, that ask in bursts or late after each boot, and whose operator only says that a message was sent.

use std::{sync::Arc, time::Duration};

use crate::{
    common::small_csms::{Console, Small, URL},
    scheduling::run_looking_on,
};
use ocpp_attest::{
    pics::{Baseline, Pics},
    verdict::Verdict,
};

/// In the order of the plan. The last one wants a report that the operator asks for.
const TESTS: [&str; 16] = [
    "TC_A_01_CSMS",
    "TC_B_01_CSMS",
    "TC_B_02_CSMS",
    "TC_B_06_CSMS",
    "TC_B_07_CSMS",
    "TC_B_09_CSMS",
    "TC_B_10_CSMS",
    "TC_B_12_CSMS",
    "TC_B_13_CSMS",
    "TC_B_14_CSMS",
    "TC_B_18_CSMS",
    "TC_B_20_CSMS",
    "TC_B_21_CSMS",
    "TC_B_22_CSMS",
    "TC_B_25_CSMS",
    "TC_B_26_CSMS",
];

/// Those that need nobody who does what the operator is asked for.
const PASSED: [&str; 3] = ["TC_A_01_CSMS", "TC_B_01_CSMS", "TC_B_02_CSMS"];

/// What came of a run: the verdicts, and how long each settling took, seconds.
struct Settled {
    verdicts: Vec<(String, Verdict)>,
    settled: Vec<f64>,
}

async fn run(product: Small, by_evidence: bool) -> Settled {
    let small = Small::start(product).await;
    let pics = Pics { baseline: Baseline::B2025_09, ..crate::common::pics("greenflux-ev-platform.yaml") };
    let bench = format!("url: {URL}\nsettle-by-evidence: {by_evidence}\n");
    let bench = bench + &crate::scheduling::QUICK.replace("settle-time: 0.1", "settle-time: 2");
    let console = Arc::new(Console(small.clone()));
    let ran = run_looking_on(&pics, &bench, &small.network, console, 1, &TESTS, |_| {}).await;
    let verdicts = ran.result.results.iter().map(|case| (case.id.clone(), case.verdict)).collect();
    let steps = ran.result.results.iter().flat_map(|case| &case.steps).filter(|step| step.step.ends_with(" settle"));
    let settled = steps.map(|step| ((step.ended_s - step.started_s) * 10.0).round() / 10.0).collect();
    Settled { verdicts, settled }
}

fn ms(all: &[u64]) -> Vec<Duration> {
    all.iter().copied().map(Duration::from_millis).collect()
}

#[tokio::test(start_paused = true)]
async fn how_long_is_waited_for_silence_changes_no_verdict() {
    let mut told = String::new();
    for (name, answers_after, asks) in [
        ("quick", 0, &[][..]),
        ("slow", 150, &[]),
        ("asks in a burst", 0, &[300, 700, 1200]),
        ("asks late", 0, &[1500]),
        ("asks when the whole time is over", 0, &[2400]),
        ("slow, and asks late", 150, &[3500]),
    ] {
        let product = || Small {
            answers_after: Duration::from_millis(answers_after),
            asks_after_boot: ms(asks),
            only_says_so: true,
            ..Small::default()
        };
        let (short, whole) = (run(product(), true).await, run(product(), false).await);
        assert_eq!(short.verdicts, whole.verdicts, "{name}");
        let passed = short.verdicts.iter().filter(|(_, verdict)| *verdict == Verdict::Pass).map(|(id, _)| id.as_str());
        assert_eq!(passed.collect::<Vec<_>>(), PASSED, "{name}");
        told += &format!("{name}: {:?}\n  instead of {:?}\n", short.settled, whole.settled);
    }
    insta::assert_snapshot!(told, @"
    quick: [2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 0.2, 0.2, 0.2]
      instead of [2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0]
    slow: [2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 1.5, 1.5, 1.5]
      instead of [2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0]
    asks in a burst: [3.1, 3.1, 3.1, 3.1, 3.1, 3.1, 3.1, 3.1, 3.1, 1.7, 1.7, 1.7]
      instead of [3.1, 3.1, 3.1, 3.1, 3.1, 3.1, 3.1, 3.1, 3.1, 3.1, 3.1, 3.1]
    asks late: [3.4, 3.4, 3.4, 3.4, 3.4, 3.4, 3.4, 3.4, 3.4, 3.4, 3.4, 3.4]
      instead of [3.4, 3.4, 3.4, 3.4, 3.4, 3.4, 3.4, 3.4, 3.4, 3.4, 3.4, 3.4]
    asks when the whole time is over: [2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 0.2, 0.2, 0.2]
      instead of [2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0]
    slow, and asks late: [2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 1.5, 1.5, 1.5]
      instead of [2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0]
    ");
}
