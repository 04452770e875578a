mod agreement;
mod flows;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{Profile, Question, Supply, Tenths, Unit, Unreadable, composite};

const THREE_PHASES: Supply = Supply { volts: 230, phases: Some(3) };

fn at(seconds: i64) -> Timestamp {
    "2026-03-01T12:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_secs(seconds)
}

fn question(duration: i64) -> Question {
    let (unit, maximum) = (Unit::Ampere, Tenths(320));
    Question { begun: at(0), now: at(0), duration, unit, maximum, supply: THREE_PHASES, own_setpoint_leads: false }
}

/// A profile from that many seconds on, with limits in amperes.
fn message(purpose: &str, level: i64, start: i64, duration: Option<i64>, limits: &[(i64, f64)]) -> Value {
    let periods = limits.iter().map(|(start, limit)| json!({ "startPeriod": start, "limit": limit }));
    let mut schedule = json!({
        "id": 1,
        "startSchedule": at(start).to_string(),
        "chargingRateUnit": "A",
        "chargingSchedulePeriod": periods.collect::<Vec<_>>(),
    });
    if let Some(duration) = duration {
        schedule["duration"] = duration.into();
    }
    json!({
        "id": 1,
        "stackLevel": level,
        "chargingProfilePurpose": purpose,
        "chargingProfileKind": "Absolute",
        "chargingSchedule": [schedule],
    })
}

fn with(mut message: Value, pointer: &str, value: Value) -> Value {
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    message.pointer_mut(parent).unwrap()[name] = value;
    message
}

/// The starts and limits of what profiles make.
fn steps(messages: &[Value], question: &Question) -> Vec<(i64, f64)> {
    let profiles: Vec<Profile> = messages.iter().map(|message| Profile::read(message).unwrap()).collect();
    composite(&profiles, question).iter().map(|step| (step.start, step.limit.number())).collect()
}

#[test]
fn without_profiles_the_station_has_its_own_limit() {
    assert_eq!(steps(&[], &question(300)), [(0, 32.0)]);
}

#[test]
fn a_higher_stack_level_overrules_while_it_has_a_period() {
    let low = message("TxDefaultProfile", 0, -4, Some(404), &[(0, 6.0), (100, 8.0), (200, 10.0)]);
    let high = message("TxDefaultProfile", 1, -4, Some(154), &[(0, 7.0), (100, 9.0)]);
    assert_eq!(steps(&[low, high], &question(350)), [(0, 7.0), (96, 9.0), (150, 8.0), (196, 10.0)]);
}

#[test]
fn the_lowest_of_the_purposes_counts_and_the_transaction_overrules_the_default() {
    let maximum = message("ChargingStationMaxProfile", 0, 0, Some(86_400), &[(0, 10.0)]);
    let default = [(0, 6.0), (60, 10.0), (120, 8.0), (180, 15.0), (260, 8.0)];
    let default = message("TxDefaultProfile", 0, 0, Some(300), &default);
    let own = [(0, 8.0), (50, 11.0), (140, 16.0), (200, 6.0), (240, 12.0)];
    let own = message("TxProfile", 0, 0, Some(260), &own);
    let expected = [(0, 8.0), (50, 10.0), (200, 6.0), (240, 10.0), (260, 8.0), (300, 10.0)];
    assert_eq!(steps(&[maximum, default, own], &question(400)), expected);
}

#[test]
fn validity_begins_with_its_first_moment_and_ends_before_its_last() {
    let profile = message("TxDefaultProfile", 0, -10, None, &[(0, 6.0)]);
    let profile = with(profile, "/validFrom", at(100).to_string().into());
    let profile = with(profile, "/validTo", at(200).to_string().into());
    assert_eq!(steps(&[profile], &question(300)), [(0, 32.0), (100, 6.0), (200, 32.0)]);
}

#[test]
fn a_period_past_the_duration_is_not_executed_and_a_schedule_may_begin_later() {
    let profile = message("TxDefaultProfile", 0, 50, Some(100), &[(0, 6.0), (100, 8.0)]);
    assert_eq!(steps(&[profile], &question(300)), [(0, 32.0), (50, 6.0), (150, 32.0)]);
}

#[test]
fn a_relative_schedule_counts_from_when_energy_could_flow() {
    let mut profile = with(
        message("TxDefaultProfile", 0, 0, None, &[(0, 6.0), (100, 8.0)]),
        "/chargingProfileKind",
        "Relative".into(),
    );
    profile["chargingSchedule"][0].as_object_mut().unwrap().remove("startSchedule");
    let question = Question { begun: at(-30), ..question(300) };
    assert_eq!(steps(&[profile], &question), [(0, 6.0), (70, 8.0)]);
}

#[test]
fn a_recurring_schedule_begins_again_every_day() {
    let day = 86_400;
    let profile = message("TxDefaultProfile", 0, -10 * day + 60, Some(3600), &[(0, 6.0)]);
    let profile = with(profile, "/chargingProfileKind", "Recurring".into());
    let daily = with(profile.clone(), "/recurrencyKind", "Daily".into());
    let expected = [(0, 32.0), (60, 6.0), (3660, 32.0), (day + 60, 6.0), (day + 3660, 32.0)];
    assert_eq!(steps(&[daily], &question(2 * day)), expected);
    let weekly = with(profile, "/recurrencyKind", "Weekly".into());
    assert_eq!(steps(&[weekly], &question(2 * day)), [(0, 32.0)]);
}

#[test]
fn a_dynamic_profile_ends_a_duration_after_its_update() {
    let low = message("TxDefaultProfile", 0, -100, None, &[(0, 6.0)]);
    let high = message("TxDefaultProfile", 1, 0, Some(15), &[(0, 8.0)]);
    let high = with(with(high, "/chargingProfileKind", "Dynamic".into()), "/dynUpdateTime", at(-5).to_string().into());
    assert_eq!(steps(&[low, high], &question(60)), [(0, 8.0), (10, 6.0)]);
}

#[test]
fn priority_overrules_the_transaction_and_local_generation_comes_on_top() {
    let own = message("TxProfile", 0, 0, None, &[(0, 6.0)]);
    let prior = message("PriorityCharging", 0, 0, None, &[(0, 12.0)]);
    let maximum = message("ChargingStationMaxProfile", 0, 0, None, &[(0, 10.0)]);
    let generated = message("LocalGeneration", 0, 50, None, &[(0, 4.0), (50, 30.0)]);
    let all = [own, prior, maximum, generated];
    assert_eq!(steps(&all, &question(300)), [(0, 10.0), (50, 14.0), (100, 32.0)]);
}

#[test]
fn periods_begin_late_and_are_skipped_where_the_next_one_has_begun() {
    let late = |delays: [i64; 4]| {
        let limits = [(0, 6.0), (10, 7.0), (20, 8.0), (30, 9.0)];
        let profile = Profile::read(&message("TxDefaultProfile", 0, 0, Some(60), &limits)).unwrap();
        let late = profile.delayed(|place| delays[place]);
        assert_eq!((late.duration, late.kind), (profile.duration, profile.kind));
        late.periods.iter().map(|period| (period.start, period.limit.number())).collect::<Vec<_>>()
    };
    assert_eq!(late([9, 0, 5, 1]), [(0, 6.0), (10, 7.0), (25, 8.0), (31, 9.0)]);
    assert_eq!(late([0, 11, 1, 0]), [(0, 6.0), (21, 8.0), (30, 9.0)], "the second begins with the third");
    assert_eq!(late([0, 0, 0, 30]), [(0, 6.0), (10, 7.0), (20, 8.0)], "the last would begin with the end");
}

#[test]
fn units_are_converted_with_the_phases_of_the_period() {
    let watts = |limit: f64, phases: i64| {
        let profile = message("TxDefaultProfile", 0, 0, None, &[(0, limit)]);
        let profile = with(profile, "/chargingSchedule/0/chargingRateUnit", "W".into());
        with(profile, "/chargingSchedule/0/chargingSchedulePeriod/0/numberPhases", phases.into())
    };
    let limit = |message: Value, unit: Unit, supply: Supply| {
        let question = Question { unit, maximum: Tenths(10_000_000), supply, ..question(10) };
        Tenths::of(steps(&[message], &question)[0].1).unwrap()
    };
    let one_phase = Supply { volts: 230, phases: Some(1) };
    let dc = Supply { volts: 400, phases: None };
    assert_eq!(limit(watts(6003.0, 3), Unit::Ampere, THREE_PHASES), Tenths(87)); // K01.FR.50
    assert_eq!(limit(watts(2001.0, 1), Unit::Ampere, THREE_PHASES), Tenths(87));
    assert_eq!(limit(watts(6003.0, 3), Unit::Watt, one_phase), Tenths(20010)); // K01.FR.45
    assert_eq!(limit(watts(4000.0, 3), Unit::Ampere, dc), Tenths(100)); // K01.FR.44
    let amperes = message("TxDefaultProfile", 0, 0, None, &[(0, 8.7)]);
    assert_eq!(limit(amperes.clone(), Unit::Watt, THREE_PHASES), Tenths(60030)); // K01.FR.49
    assert_eq!(limit(amperes, Unit::Ampere, one_phase), Tenths(87));
}

#[test]
fn limits_have_one_decimal() {
    assert_eq!(Tenths::of(8.7), Some(Tenths(87)));
    assert_eq!(Tenths(87).number().to_string(), "8.7");
    assert_eq!([8.75, -1.0, f64::NAN, 1e300].map(Tenths::of), [None; 4]);
}

#[test]
fn profiles_that_break_the_rules_are_refused() {
    let good = message("TxDefaultProfile", 0, 0, Some(300), &[(0, 6.0), (100, 8.0)]);
    let schedule = |name: &str| format!("/chargingSchedule/0/{name}");
    let period = |number: usize, name: &str| format!("/chargingSchedule/0/chargingSchedulePeriod/{number}/{name}");
    for (pointer, value, found) in [
        ("/chargingProfileKind".into(), json!("Relative"), Unreadable::Schedule), // K01.FR.41
        ("/chargingProfileKind".into(), json!("Recurring"), Unreadable::Profile), // no recurrencyKind
        (schedule("startSchedule"), Value::Null, Unreadable::Schedule),           // K01.FR.40
        (schedule("duration"), json!(0), Unreadable::Schedule),
        (period(0, "startPeriod"), json!(1), Unreadable::Schedule), // K01.FR.31
        (period(1, "startPeriod"), json!(0), Unreadable::Schedule), // K01.FR.35
        (period(0, "limit"), json!(6.25), Unreadable::Schedule),
        (period(0, "phaseToUse"), json!(1), Unreadable::Schedule), // K01.FR.19
        ("/validTo".into(), json!("yesterday"), Unreadable::Profile),
        ("/stackLevel".into(), json!(-1), Unreadable::Profile),
    ] {
        assert_eq!(Profile::read(&with(good.clone(), &pointer, value)), Err(found), "{pointer}");
    }
}

proptest::proptest! {
    /// Every second has the limit that the periods in force then make, each looked up by itself.
    #[test]
    fn every_second_has_its_limit(
        profiles in proptest::collection::vec(
            (0..3_usize, 0..3_i64, -50..150_i64, 1..200_i64, proptest::collection::vec((1..60_i64, 0..320_i64), 1..5)),
            0..6,
        ),
    ) {
        let purposes = ["ChargingStationMaxProfile", "TxDefaultProfile", "TxProfile"];
        let mut messages: Vec<Value> = Vec::new();
        for (purpose, level, start, duration, periods) in profiles {
            let same = |other: &Value| {
                other["chargingProfilePurpose"] == purposes[purpose] && other["stackLevel"] == level
            };
            if messages.iter().any(same) {
                continue;
            }
            let mut begins = 0;
            let mut limits = Vec::new();
            for (length, tenths) in periods {
                limits.push((begins, Tenths(tenths).number()));
                begins += length;
            }
            messages.push(message(purposes[purpose], level, start, Some(duration), &limits));
        }
        let found = steps(&messages, &question(200));
        let of = |message: &Value, second: i64| -> Option<f64> {
            let schedule = &message["chargingSchedule"][0];
            let start: Timestamp = schedule["startSchedule"].as_str()?.parse().ok()?;
            let passed = second - start.duration_since(at(0)).as_secs();
            let over = passed < 0 || passed >= schedule["duration"].as_i64()?;
            let periods = schedule["chargingSchedulePeriod"].as_array()?;
            let period = periods.iter().rfind(|period| period["startPeriod"].as_i64().is_some_and(|at| at <= passed))?;
            (!over).then(|| period["limit"].as_f64()).flatten()
        };
        for second in 0..200 {
            let leading = |purpose: &str| {
                let mut stack: Vec<&Value> =
                    messages.iter().filter(|message| message["chargingProfilePurpose"] == purpose).collect();
                stack.sort_by_key(|message| std::cmp::Reverse(message["stackLevel"].as_i64()));
                stack.into_iter().find_map(|message| of(message, second))
            };
            let of_transaction = leading("TxProfile").or_else(|| leading("TxDefaultProfile"));
            let limits = [of_transaction, leading("ChargingStationMaxProfile"), Some(32.0)];
            let expected = limits.into_iter().flatten().fold(f64::INFINITY, f64::min);
            let step = found.iter().rfind(|(start, _)| *start <= second).unwrap();
            proptest::prop_assert!((step.1 - expected).abs() < 1e-9, "second {second}: {} for {expected}", step.1);
        }
    }
}
