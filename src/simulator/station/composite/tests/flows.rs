//! Limits and setpoints in both directions, each case worked out by hand from the rules of Part 2 (K 3.6, K08.FR.04 to K08.FR.09, V2X.03 to
//! V2X.07). The checks of test cases must say the same.

use serde_json::{Value, json};

use super::{Profile, Question, Tenths, Unit, at, message, question};
use crate::{
    protocol::composite::InForce,
    simulator::station::composite::{Step, composite},
};

/// A profile that is in force all the time, with these periods.
fn of(purpose: &str, unit: &str, periods: Value) -> Value {
    let mut profile = message(purpose, 0, 0, None, &[]);
    let schedule = &mut profile["chargingSchedule"][0];
    schedule["chargingRateUnit"] = unit.into();
    schedule["chargingSchedulePeriod"] = periods;
    profile
}

fn calculated(messages: &[Value], question: &Question) -> Vec<Value> {
    let profiles: Vec<Profile> = messages.iter().map(|message| Profile::read(message).unwrap()).collect();
    composite(&profiles, question).iter().map(Step::period).collect()
}

/// Both calculators come to these periods, and the one of the checks finds every number that is another one, but for those that it
/// leaves to the product.
fn both_make(messages: &[Value], question: &Question, expected: Value, left_open: &[&str]) {
    let found = Value::from(calculated(messages, question));
    assert_eq!(found, expected);
    let checks =
        InForce { profiles: messages.to_vec(), begun: Some(question.begun), most: Some(question.maximum.number()) };
    let answer = |periods: &Value| {
        json!({
            "scheduleStart": at(0).to_string(), "duration": question.duration,
            "chargingRateUnit": question.unit.name(), "chargingSchedulePeriod": periods,
        })
    };
    assert_eq!(checks.difference(&answer(&expected)), None);
    for (place, period) in expected.as_array().unwrap().iter().enumerate() {
        for (name, value) in period.as_object().unwrap() {
            let number = value.as_f64().unwrap();
            if left_open.contains(&name.as_str()) || ["startPeriod", "numberPhases"].contains(&name.as_str()) {
                continue;
            }
            for other in [json!(number - 1.5), json!(number + 1.5)] {
                let mut wrong = expected.clone();
                wrong[place][name] = other;
                assert!(checks.difference(&answer(&wrong)).is_some(), "{name} of {wrong}");
            }
            let mut less = expected.clone();
            less[place].as_object_mut().unwrap().remove(name);
            assert!(checks.difference(&answer(&less)).is_some(), "no {name}");
        }
    }
}

fn in_watts() -> Question {
    Question { unit: Unit::Watt, maximum: Tenths(220_800), ..question(200) }
}

#[test]
fn the_lowest_limit_of_all_purposes_caps_a_setpoint_that_charges() {
    let own = of(
        "TxProfile",
        "A",
        json!([{ "startPeriod": 0, "limit": 16.0, "setpoint": 12.0, "operationMode": "CentralSetpoint" }]),
    );
    let station = of(
        "ChargingStationMaxProfile",
        "A",
        json!([{ "startPeriod": 0, "limit": 8.0 }, { "startPeriod": 100, "limit": 20.0 }]),
    );
    let expected = json!([
        { "startPeriod": 0, "limit": 8.0, "setpoint": 8.0, "numberPhases": 3 },
        { "startPeriod": 100, "limit": 16.0, "setpoint": 12.0, "numberPhases": 3 },
    ]);
    both_make(&[own, station], &question(200), expected, &[]);
}

#[test]
fn the_highest_discharge_limit_of_all_purposes_caps_a_setpoint_that_discharges() {
    let own = of(
        "TxDefaultProfile",
        "W",
        json!([{ "startPeriod": 0, "dischargeLimit": -7000.0, "setpoint": -6000.0, "operationMode": "CentralSetpoint" }]),
    );
    let external = of(
        "ChargingStationExternalConstraints",
        "W",
        json!([{ "startPeriod": 0, "limit": 9000.0, "dischargeLimit": -4000.0, "operationMode": "ExternalLimits" }]),
    );
    let expected = json!([
        { "startPeriod": 0, "limit": 9000.0, "dischargeLimit": -4000.0, "setpoint": -4000.0, "numberPhases": 3 },
    ]);
    both_make(&[own, external], &in_watts(), expected, &[]);
}

#[test]
fn a_leading_profile_without_a_limit_does_not_let_the_next_one_through() {
    let low = of("TxDefaultProfile", "A", json!([{ "startPeriod": 0, "limit": 6.0 }]));
    let own =
        of("TxProfile", "A", json!([{ "startPeriod": 0, "setpoint": 10.0, "operationMode": "CentralFrequency" }]));
    let expected = json!([{ "startPeriod": 0, "limit": 32.0, "setpoint": 10.0, "numberPhases": 3 }]);
    both_make(&[low, own], &question(200), expected, &[]);
}

#[test]
fn what_a_mode_does_not_use_means_nothing() {
    let only = json!([{ "startPeriod": 0, "limit": 10.0, "dischargeLimit": -5.0, "setpoint": 3.0 }]);
    let expected = json!([{ "startPeriod": 0, "limit": 10.0, "numberPhases": 3 }]);
    both_make(&[of("TxProfile", "A", only)], &question(200), expected, &[]);
    let limits =
        json!([{ "startPeriod": 0, "dischargeLimit": -5.0, "setpoint": 3.0, "operationMode": "ExternalLimits" }]);
    let expected = json!([{ "startPeriod": 0, "limit": 32.0, "dischargeLimit": -5.0, "numberPhases": 3 }]);
    both_make(&[of("TxProfile", "A", limits)], &question(200), expected, &[]);
}

/// The example of K27.
#[test]
fn local_generation_comes_on_top_while_it_lasts() {
    let own = of("TxDefaultProfile", "W", json!([{ "startPeriod": 0, "limit": 5000.0 }]));
    let generated = json!([{ "startPeriod": 0, "limit": 2000.0 }, { "startPeriod": 60, "limit": 1000.0 }]);
    let mut generated = of("LocalGeneration", "W", generated);
    generated["chargingSchedule"][0]["duration"] = 120.into();
    let expected = json!([
        { "startPeriod": 0, "limit": 7000.0, "numberPhases": 3 },
        { "startPeriod": 60, "limit": 6000.0, "numberPhases": 3 },
        { "startPeriod": 120, "limit": 5000.0, "numberPhases": 3 },
    ]);
    both_make(&[own.clone(), generated], &in_watts(), expected, &[]);
    // An external system that has not said anything yet gives nothing.
    let silent = of("LocalGeneration", "W", json!([{ "startPeriod": 0, "operationMode": "ExternalLimits" }]));
    let expected = json!([{ "startPeriod": 0, "limit": 5000.0, "numberPhases": 3 }]);
    both_make(&[own, silent], &in_watts(), expected, &[]);
}

#[test]
fn phases_have_limits_of_their_own() {
    let own = json!([{ "startPeriod": 0, "limit": 16.0, "limit_L2": 10.0, "limit_L3": 8.0 }]);
    let own = of("TxProfile", "A", own);
    let station = of("ChargingStationMaxProfile", "A", json!([{ "startPeriod": 0, "limit": 12.0 }]));
    let generated = of("LocalGeneration", "A", json!([{ "startPeriod": 0, "limit": 1.0 }]));
    let expected = json!([{ "startPeriod": 0, "limit": 13.0, "limit_L2": 11.0, "limit_L3": 9.0, "numberPhases": 3 }]);
    both_make(&[own, station, generated], &question(200), expected, &[]);
}

#[test]
fn watts_are_divided_among_phases_as_the_product_likes() {
    let own = json!([{ "startPeriod": 0, "limit": 3000.0, "limit_L2": 2000.0, "limit_L3": 1000.0 }]);
    let own = of("TxProfile", "W", own);
    let expected =
        json!([{ "startPeriod": 0, "limit": 3000.0, "limit_L2": 2000.0, "limit_L3": 1000.0, "numberPhases": 3 }]);
    both_make(std::slice::from_ref(&own), &in_watts(), expected, &[]);
    let station = of("ChargingStationMaxProfile", "W", json!([{ "startPeriod": 0, "limit": 4500.0 }]));
    let expected =
        json!([{ "startPeriod": 0, "limit": 1500.0, "limit_L2": 1500.0, "limit_L3": 1000.0, "numberPhases": 3 }]);
    both_make(&[own, station], &in_watts(), expected, &["limit", "limit_L2", "limit_L3"]);
}

#[test]
fn a_setpoint_of_each_phase_is_capped_by_the_limit_of_that_phase() {
    let own = of(
        "TxProfile",
        "A",
        json!([{
            "startPeriod": 0, "operationMode": "CentralSetpoint",
            "limit": 16.0, "limit_L2": 10.0, "limit_L3": 10.0, "setpoint": 14.0, "setpoint_L2": 9.0, "setpoint_L3": -3.0,
        }]),
    );
    let station = of("ChargingStationMaxProfile", "A", json!([{ "startPeriod": 0, "limit": 8.0 }]));
    let expected = json!([{
        "startPeriod": 0, "numberPhases": 3,
        "limit": 8.0, "limit_L2": 8.0, "limit_L3": 8.0, "setpoint": 8.0, "setpoint_L2": 8.0, "setpoint_L3": -3.0,
    }]);
    both_make(&[own, station], &question(200), expected, &[]);
}

#[test]
fn watts_become_amperes_with_their_sign() {
    let own = of(
        "TxProfile",
        "W",
        json!([{
            "startPeriod": 0, "numberPhases": 1, "operationMode": "CentralSetpoint", "limit": 2300.0, "dischargeLimit": -3000.0,
            "setpoint": -2300.0, "setpointReactive": 460.0,
        }]),
    );
    // 3000 W / 230 V = 13.04 A
    let expected = json!([{
        "startPeriod": 0, "numberPhases": 1, "limit": 10.0, "dischargeLimit": -13.0, "setpoint": -10.0,
        "setpointReactive": 2.0,
    }]);
    both_make(&[own], &question(200), expected, &[]);
}

#[test]
fn one_of_two_setpoints_leads() {
    let own = of(
        "TxProfile",
        "A",
        json!([{ "startPeriod": 0, "limit": 10.0, "setpoint": 4.0, "operationMode": "CentralSetpoint" }]),
    );
    let external = json!([{ "startPeriod": 0, "setpoint": 14.0, "operationMode": "ExternalSetpoint" }]);
    let external = of("ChargingStationExternalConstraints", "A", external);
    let expected =
        |setpoint: f64| json!([{ "startPeriod": 0, "limit": 10.0, "setpoint": setpoint, "numberPhases": 3 }]);
    let messages = [own, external];
    both_make(&messages, &question(200), expected(10.0), &["setpoint"]);
    let own_leads = Question { own_setpoint_leads: true, ..question(200) };
    both_make(&messages, &own_leads, expected(4.0), &["setpoint"]);
}

#[test]
fn the_fewest_phases_count() {
    let own = of("TxProfile", "A", json!([{ "startPeriod": 0, "limit": 10.0, "numberPhases": 3 }]));
    let station = of("ChargingStationMaxProfile", "A", json!([{ "startPeriod": 0, "limit": 16.0, "numberPhases": 1 }]));
    let messages = [own, station];
    both_make(&messages, &question(200), json!([{ "startPeriod": 0, "limit": 10.0, "numberPhases": 1 }]), &[]);
    let checks = InForce { profiles: messages.to_vec(), ..InForce::default() };
    let answer = json!({
        "scheduleStart": at(0).to_string(), "duration": 200, "chargingRateUnit": "A",
        "chargingSchedulePeriod": [{ "startPeriod": 0, "limit": 10.0, "numberPhases": 3 }],
    });
    let found = checks.difference(&answer).expect("a difference");
    assert_eq!(found.problem, "at second 0 numberPhases is 3, expected at most 1");
}
