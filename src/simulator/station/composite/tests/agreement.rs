//! The checks of test cases compute composite schedules by a calculator of their own: both say the same.

use proptest::{collection::vec, option, prelude::*, sample::select};
use serde_json::{Value, json};

use super::{Profile, Question, Tenths, Unit, at, message, question};
use crate::{
    protocol::composite::InForce,
    simulator::station::composite::{Step, composite},
};

/// The operation modes that each purpose may have (Part 2, table 95).
fn modes(purpose: &str) -> &'static [Option<&'static str>] {
    match purpose {
        "TxProfile" | "TxDefaultProfile" => &[
            None,
            Some("ChargingOnly"),
            Some("CentralSetpoint"),
            Some("CentralFrequency"),
            Some("ExternalSetpoint"),
            Some("ExternalLimits"),
        ],
        "ChargingStationExternalConstraints" => {
            &[None, Some("ChargingOnly"), Some("ExternalLimits"), Some("ExternalSetpoint")]
        }
        "LocalGeneration" => &[None, Some("ChargingOnly"), Some("ExternalLimits")],
        _ => &[None, Some("ChargingOnly")],
    }
}

/// What a period may have besides its start: limit, discharge limit, setpoints, phases and values of L2 and L3, all of them in
/// whole tenths of an ampere, or of as many watts.
fn any_period(purpose: &'static str) -> impl Strategy<Value = Value> {
    let mode = select(modes(purpose));
    let limits =
        (option::of(0..320_i64), option::of(-320..=0_i64), option::of(-320..320_i64), option::of(-320..320_i64));
    let phases = (option::of(1..=3_i64), any::<bool>(), vec(-320..320_i64, 6));
    (mode, limits, phases).prop_map(move |(mode, (limit, discharge, setpoint, reactive), (phases, split, others))| {
        let mut period = json!({});
        let charging_only = matches!(mode, None | Some("ChargingOnly"));
        let limit = limit.or(charging_only.then_some(100));
        let split = split && purpose == "TxProfile";
        let mut set = |name: &str, value: Option<i64>, [second, third]: [i64; 2]| {
            let Some(value) = value else { return };
            period[name] = value.into();
            if split {
                period[format!("{name}_L2")] = second.into();
                period[format!("{name}_L3")] = third.into();
            }
        };
        set("limit", limit, [others[0].abs(), others[1].abs()]);
        set("dischargeLimit", discharge, [-others[2].abs(), -others[3].abs()]);
        set("setpoint", setpoint, [others[4], others[5]]);
        set("setpointReactive", reactive, [others[5], others[4]]);
        if let Some(mode) = mode {
            period["operationMode"] = mode.into();
        }
        if let Some(phases) = phases.filter(|_| !split) {
            period["numberPhases"] = phases.into();
        }
        period
    })
}

/// A profile of any purpose, kind, unit and validity.
fn any_profile() -> impl Strategy<Value = Value> {
    let purposes = select(vec![
        "ChargingStationMaxProfile",
        "ChargingStationExternalConstraints",
        "TxDefaultProfile",
        "TxProfile",
        "PriorityCharging",
        "LocalGeneration",
    ]);
    purposes.prop_flat_map(|purpose| {
        let kinds = select(vec!["Absolute", "Relative", "Daily", "Weekly", "Dynamic"]);
        let time = (-90_000..90_000_i64, option::of(1..90_000_i64), option::of(-500..500_i64), option::of(0..900_i64));
        let periods = vec((1..400_i64, any_period(purpose)), 1..5);
        let near = -900..300_i64;
        (0..3_i64, kinds, any::<bool>(), time, near, periods).prop_map(
            move |(level, kind, watts, time, near, periods)| made(purpose, level, kind, watts, time, near, periods),
        )
    })
}

type Times = (i64, Option<i64>, Option<i64>, Option<i64>);

fn made(
    purpose: &str,
    level: i64,
    kind: &str,
    watts: bool,
    (start, duration, from, to): Times,
    near: i64,
    periods: Vec<(i64, Value)>,
) -> Value {
    let start = if kind == "Dynamic" { near } else { start };
    let duration = duration.filter(|_| purpose != "PriorityCharging");
    let mut profile = message(purpose, level, start, duration, &[]);
    let schedule = &mut profile["chargingSchedule"][0];
    let mut begins = 0;
    let mut list = Vec::new();
    for (length, mut period) in periods {
        for (_, value) in period.as_object_mut().unwrap().iter_mut().filter(|(name, _)| *name != "numberPhases") {
            if let Some(tenths) = value.as_i64() {
                let tenths = if watts { tenths * 697 } else { tenths };
                let number = Tenths(tenths.abs()).number();
                *value = json!(if tenths < 0 { -number } else { number });
            }
        }
        period["startPeriod"] = begins.into();
        begins += length;
        list.push(period);
    }
    schedule["chargingSchedulePeriod"] = list.into();
    if watts {
        schedule["chargingRateUnit"] = "W".into();
    }
    match kind {
        "Relative" => {
            schedule.as_object_mut().unwrap().remove("startSchedule");
            profile["chargingProfileKind"] = kind.into();
        }
        "Dynamic" => {
            schedule.as_object_mut().unwrap().remove("startSchedule");
            schedule["chargingSchedulePeriod"].as_array_mut().unwrap().truncate(1);
            profile["chargingProfileKind"] = kind.into();
            profile["dynUpdateTime"] = at(start).to_string().into();
        }
        "Daily" | "Weekly" => {
            profile["chargingProfileKind"] = "Recurring".into();
            profile["recurrencyKind"] = kind.into();
        }
        _ => {}
    }
    for (name, bound) in [("validFrom", from), ("validTo", to)] {
        if let Some(bound) = bound {
            profile[name] = at(bound).to_string().into();
        }
    }
    profile
}

proptest! {
    #[test]
    fn the_checks_compute_the_same(
        profiles in vec(any_profile(), 0..9),
        begun in -600..1_i64,
        watts in any::<bool>(),
        own_setpoint_leads in any::<bool>(),
    ) {
        let mut messages: Vec<Value> = Vec::new();
        for profile in profiles {
            let same = |other: &Value| ["chargingProfilePurpose", "stackLevel"].iter().all(|name| other[*name] == profile[*name]);
            // What a station would refuse is not compared.
            if !messages.iter().any(same) && Profile::read(&profile).is_ok() {
                messages.push(profile);
            }
        }
        let (unit, maximum) = if watts { (Unit::Watt, Tenths(220_800)) } else { (Unit::Ampere, Tenths(320)) };
        let question = Question { begun: at(begun), unit, maximum, own_setpoint_leads, ..question(1200) };
        let read: Vec<Profile> = messages.iter().map(|message| Profile::read(message).unwrap()).collect();
        let periods: Vec<Value> = composite(&read, &question).iter().map(Step::period).collect();
        let answer = json!({
            "scheduleStart": at(0).to_string(), "duration": 1200, "chargingRateUnit": unit.name(),
            "chargingSchedulePeriod": periods,
        });
        let checks = InForce { profiles: messages, begun: Some(question.begun), most: Some(maximum.number()) };
        prop_assert_eq!(checks.difference(&answer), None);
        // What the checks themselves would answer is right, too.
        prop_assert_eq!(checks.example(&answer).and_then(|example| checks.difference(&example)), None);
    }
}
