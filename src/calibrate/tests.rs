use super::*;
use crate::record::calibration::Calibration;

fn of(errors: &[f64]) -> Vec<Exchange> {
    errors.iter().map(|error| Exchange { measured_s: 1.0 + error, known_s: 1.0, pause_s: None }).collect()
}

#[test]
fn the_bias_counts_in_full_and_the_spread_too() {
    let biased = Phase::new("idle", &of(&[0.003; 50]), 0.0);
    assert!((biased.uncertainty_s - 0.006).abs() < 1e-9, "{biased:?}");
    assert!((biased.error.mean - 0.003).abs() < 1e-9);
    let spread: Vec<f64> = (0..100).map(|number| if number % 2 == 0 { 0.001 } else { -0.001 }).collect();
    let spread = Phase::new("idle", &of(&spread), 0.0);
    assert!(spread.error.mean.abs() < 1e-9);
    assert!((spread.uncertainty_s - 0.002).abs() < 2e-5, "{spread:?}");
    assert!((spread.size.p99 - 0.001).abs() < 1e-9);
}

#[test]
fn percentiles_are_values_that_were_measured() {
    let values = Distribution::of((1..=200).map(f64::from).collect());
    assert_eq!((values.min, values.p50, values.p95, values.p99, values.max), (1.0, 100.0, 190.0, 198.0, 200.0));
    assert!((Distribution::of(vec![7.0]).p99 - 7.0).abs() < f64::EPSILON);
    assert_eq!(Distribution::of(vec![f64::NAN]).samples, 0);
}

#[test]
fn delays_reach_from_nothing_to_the_longest() {
    let longest = Duration::from_secs(2);
    let delays = peer::delays(2000, longest, 1);
    assert!(delays.iter().all(|delay| *delay <= longest));
    assert!(delays.iter().any(|delay| *delay > longest.mul_f64(0.95)));
    assert!(delays.iter().filter(|delay| **delay < Duration::from_millis(5)).count() > 800);
    assert_ne!(delays, peer::delays(2000, longest, 2));
}

#[test]
fn every_request_of_a_run_is_compared_with_what_the_peer_knows() {
    let settings = Settings { samples: 30, longest: Duration::from_millis(20), sessions: 2, busy: false, jobs: None };
    let sheet = calibrate(&settings, |_| {}).unwrap();
    let [idle] = sheet.phases.as_slice() else { panic!("{:?}", sheet.phases) };
    assert_eq!(idle.error.samples, 30);
    // The harness can't have an answer before the peer has sent it.
    assert!(idle.error.p50 > 0.0, "{idle:?}");
    assert!(idle.delays_s.1 <= 1.0 && idle.delays_s.1 > 0.0);
    assert!(sheet.overhead.samples >= 28);
    let again: Sheet = serde_json::from_str(&serde_json::to_string(&sheet).unwrap()).unwrap();
    assert_eq!(again.phases.len(), 1);
}

/// The reports of a phase are written on the thread of its engines, half of the time.
#[test]
fn a_run_that_writes_its_reports_is_measured_too() {
    let settings = Settings { samples: 32, longest: Duration::ZERO, sessions: 1, busy: false, jobs: Some(4) };
    let sheet = calibrate(&settings, |_| {}).unwrap();
    let [idle, writing] = sheet.phases.as_slice() else { panic!("{:?}", sheet.phases) };
    assert_eq!((idle.error.samples, writing.error.samples), (32, 32));
    assert_eq!(writing.name, "4 side by side, reports being written, one core busy");
}

#[test]
fn a_sheet_is_quoted_only_where_it_holds() {
    let settings = Settings { samples: 12, longest: Duration::ZERO, sessions: 1, busy: false, jobs: None };
    let sheet = calibrate(&settings, |_| {}).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("calibration.json");
    let read = |sheet: &Sheet| {
        std::fs::write(&path, serde_json::to_vec(sheet).unwrap()).unwrap();
        note::read(&path).map_err(|refused| refused.to_string())
    };
    let quoted = read(&sheet).unwrap();
    assert_eq!(Some(quoted.uncertainty_s), sheet.uncertainty_s());
    assert_eq!(quoted.under_load_s, None);
    let refused = |change: fn(&mut Sheet)| {
        let mut other = sheet.clone();
        change(&mut other);
        read(&other).unwrap_err()
    };
    assert!(refused(|sheet| sheet.machine.cores += 1).contains("another machine"));
    assert!(refused(|sheet| sheet.optimised = !sheet.optimised).contains("build"));
    assert!(refused(|sheet| sheet.tool_version = "0.0.1".into()).contains("0.0.1"));
    assert!(refused(|sheet| sheet.format = 99).contains("format 99"));
    assert!(refused(|sheet| sheet.phases.clear()).contains("no measurement"));
    std::fs::write(&path, "{").unwrap();
    assert!(note::read(&path).unwrap_err().to_string().contains("not JSON"));
    assert!(note::read(&folder.path().join("none")).unwrap_err().to_string().contains("can't be read"));
}

#[test]
fn reports_say_how_exactly_times_are_measured() {
    let calibration = Calibration {
        performed: "2026-11-21T10:00:00Z".parse().unwrap(),
        tool_version: "0.1.0".into(),
        machine: "bench".into(),
        uncertainty_s: 0.000_412,
        under_load_s: Some(0.0034),
    };
    insta::assert_snapshot!(calibration.sentence(), @"Measured to within 0.41 ms (expanded uncertainty, k = 2, 3.40 ms under load), by the calibration of 2026-11-21.");
}
