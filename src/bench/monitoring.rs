//! What is monitored in the test cases about variable monitoring, and with which values.

use serde_json::{Value, json};

use super::Bench;
use crate::yaml::Defect;

/// The key of the section.
const KEY: &str = "monitoring";

/// A number that is not named is the power of the EVSE, and a state that is not named its availability: both change with a
/// charging session. A threshold of 0 that is never reached is taken from the maxLimit that the station tells, and a
/// preconfigured monitor without id is the first that the station reports.
pub(super) fn defaults() -> Value {
    json!({
        KEY: {
            "number": "",
            "state": "",
            "upper-threshold": 100,
            "lower-threshold": 10,
            "unreached-threshold": 0,
            "delta": 100,
            "severity": 5,
            "preconfigured-monitor": 0,
        },
    })
}

/// Values that no test case could work with.
pub(super) fn defects(bench: &Bench) -> Vec<Defect> {
    let number = |key: &str| bench.values.get(KEY).and_then(|section| section[key].as_f64()).unwrap_or_default();
    let mut defects = Vec::new();
    if number("lower_threshold") >= number("upper_threshold") {
        let help = "write one that the number falls below when it no longer exceeds `upper-threshold`";
        defects.push(bench.defect("monitoring.lower-threshold", "not below the upper threshold", help));
    }
    defects
}
