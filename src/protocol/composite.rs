//! Whether a composite schedule is what charging profiles make (2.x: K08; 1.6: 5.7): what checks compare an answer with.
//!
//! Schedules are compared as functions of time. A product may split a period in two, and may place a change on the second
//! before or after, as its answer counts whole seconds.

mod moment;

use jiff::Timestamp;
use serde_json::Value;

use self::moment::{Moment, Told as ToldMoment};
use super::schedule::{Active, DAY, Purpose, time, turns};

/// How many seconds a change may be off.
const TOLERANCE: i64 = 1;
/// The longest schedule that is compared to its end, seconds.
const LONGEST: i64 = 7 * DAY;
/// The most periods of an answer that are compared; a schema allows 1024.
const MOST_PERIODS: usize = 4096;

/// The profiles that are in force at a place, and what else decides the limit there.
#[derive(Debug, Clone, Default)]
pub struct InForce {
    /// `ChargingProfile` of any version: those that are in force at the EVSE that the schedule is of.
    pub profiles: Vec<Value>,
    /// When a relative profile starts; none: with the schedule.
    pub begun: Option<Timestamp>,
    /// What the equipment can do at most, and does where no profile sets a limit, A per phase or W; none: not known, so that
    /// every limit is right where no profile sets one.
    pub most: Option<f64>,
}

/// Where a schedule is wrong.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// What the limits are to be, in words.
    pub expected: String,
    /// What is wrong, in words.
    pub problem: String,
}

/// What is wanted from a second on.
type Periods = Vec<(i64, Moment)>;
/// What is told from a second on.
type ToldPeriods = Vec<(i64, ToldMoment)>;

/// A composite schedule as a message has it: the `CompositeSchedule` of 2.x, or the answer of 1.6, whose `ChargingSchedule` stands
/// beside its start.
#[derive(Debug, Clone, Copy)]
struct Told<'v> {
    start: &'v Value,
    schedule: &'v Value,
}

/// The schedule of an answer of 1.6.
const SCHEDULE: &str = "chargingSchedule";
/// The periods, in every version.
const PERIODS: &str = "chargingSchedulePeriod";

impl<'v> Told<'v> {
    fn read(message: &'v Value) -> Self {
        let schedule = message.get(SCHEDULE).filter(|schedule| schedule.is_object()).unwrap_or(message);
        let start =
            if message["scheduleStart"].is_null() { &schedule["startSchedule"] } else { &message["scheduleStart"] };
        Self { start, schedule }
    }

    fn unit(self) -> &'v str {
        self.schedule["chargingRateUnit"].as_str().unwrap_or("A")
    }

    fn duration(self) -> Option<i64> {
        self.schedule["duration"].as_i64()
    }

    /// The periods; none if they do not begin at 0 or are not in order.
    fn periods(self) -> Option<ToldPeriods> {
        let periods = self.schedule[PERIODS].as_array()?;
        let read = |period: &Value| Some((period["startPeriod"].as_i64()?, ToldMoment::read(period)));
        let periods: ToldPeriods = periods.iter().take(MOST_PERIODS).map(read).collect::<Option<_>>()?;
        let in_order = periods.is_sorted_by(|(one, _), (other, _)| one < other);
        (periods.first()?.0 == 0 && in_order).then_some(periods)
    }
}

impl InForce {
    /// Compares a schedule with the profiles; none if it is what they make. `message` is a `CompositeSchedule` of 2.x, or a
    /// `GetCompositeSchedule.conf` of 1.6.
    pub fn difference(&self, message: &Value) -> Option<Difference> {
        let told = Told::read(message);
        let Some(start) = time(told.start) else {
            return Some(self.unreadable("it has no start", None));
        };
        let unit = told.unit();
        let Some(found) = told.periods() else {
            return Some(self.unreadable("its periods do not start at 0 and follow each other", Some((start, unit))));
        };
        let last = found.last().map_or(0, |(second, _)| *second);
        let duration = told.duration().unwrap_or(last + 1).clamp(0, LONGEST);
        let expected = self.periods(start, duration, unit);
        let turns = expected.iter().map(|(second, _)| *second).chain(found.iter().map(|(second, _)| *second));
        let seconds = turns.flat_map(|second| second - TOLERANCE - 1..=second + TOLERANCE + 1);
        let mut seconds: Vec<i64> = seconds.filter(|second| (0..duration).contains(second)).collect();
        seconds.sort_unstable();
        seconds.dedup();
        let problem = seconds.into_iter().find_map(|second| {
            let told = at(&found, second)?;
            let near = second - TOLERANCE..=second + TOLERANCE;
            let near: Vec<&Moment> = near.filter_map(|near| at(&expected, near.max(0))).collect();
            let problem = told.exceeds_itself(unit).or_else(|| told.differs(&near, at(&expected, second)?, unit))?;
            Some(format!("at second {second} {problem}"))
        })?;
        Some(Difference { expected: in_words(&expected, unit), problem })
    }

    /// A message whose schedule these profiles make, made of another one: its start, duration and unit stay.
    pub fn example(&self, message: &Value) -> Option<Value> {
        let told = Told::read(message);
        let unit = told.schedule["chargingRateUnit"].as_str()?;
        let expected = self.periods(time(told.start)?, told.duration()?.clamp(0, LONGEST), unit);
        let periods: Value = expected.iter().map(|(second, moment)| moment.example(*second)).collect();
        let mut message = message.clone();
        let schedule = if message[SCHEDULE].is_object() { &mut message[SCHEDULE] } else { &mut message };
        schedule[PERIODS] = periods;
        Some(message)
    }

    /// The profiles by their purposes and ids: `TxDefaultProfile 2 and TxProfile 3`.
    pub fn names(&self) -> String {
        let name = |profile: &Value| {
            let purpose = profile["chargingProfilePurpose"].as_str().unwrap_or("a profile");
            // The id is `id` in 2.x, and `chargingProfileId` in 1.6.
            let id = profile.get("id").or_else(|| profile.get("chargingProfileId"));
            id.map_or_else(|| purpose.to_owned(), |id| format!("{purpose} {id}"))
        };
        let names: Vec<String> = self.profiles.iter().map(name).collect();
        match names.split_last() {
            None => "no charging profile".into(),
            Some((last, [])) => last.clone(),
            Some((last, others)) => format!("{} and {last}", others.join(", ")),
        }
    }

    fn unreadable(&self, problem: &str, at: Option<(Timestamp, &str)>) -> Difference {
        let expected = at.map(|(start, unit)| in_words(&self.periods(start, DAY, unit), unit));
        let expected = expected.unwrap_or_else(|| "a composite schedule".to_owned());
        Difference { expected, problem: problem.to_owned() }
    }

    fn periods(&self, start: Timestamp, duration: i64, unit: &str) -> Periods {
        let begun = self.begun.unwrap_or(start);
        let active = |profile| active(profile, begun);
        let all: Vec<Active<'_>> = self.profiles.iter().filter_map(active).collect();
        let mut periods: Periods = Vec::new();
        for (second, turn) in turns(&all, start, duration) {
            let moment = Moment::at(&all, turn, unit, self.most);
            if periods.last().is_none_or(|(_, last)| *last != moment) {
                periods.push((second, moment));
            }
        }
        periods
    }
}

/// A profile with its first schedule; none if it is not one.
fn active(profile: &Value, begun: Timestamp) -> Option<Active<'_>> {
    let schedule = match &profile["chargingSchedule"] {
        Value::Array(schedules) => schedules.first()?,
        schedule => schedule,
    };
    let purpose = Purpose::named(profile["chargingProfilePurpose"].as_str()?)?;
    Some(Active { purpose, profile, schedule, begun })
}

/// What holds at a second.
fn at<T>(periods: &[(i64, T)], second: i64) -> Option<&T> {
    let behind = periods.partition_point(|(start, _)| *start <= second);
    periods.get(behind.checked_sub(1)?).map(|(_, held)| held)
}

fn in_words(periods: &Periods, unit: &str) -> String {
    let words: Vec<String> =
        periods.iter().map(|(second, moment)| format!("{} from second {second}", moment.words(unit))).collect();
    format!("a schedule with {}", words.join(", "))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const START: &str = "2026-01-01T00:00:00Z";

    fn profile(purpose: &str, level: u64, more: Value) -> Value {
        let mut profile = json!({
            "id": 1, "stackLevel": level, "chargingProfilePurpose": purpose, "chargingProfileKind": "Absolute",
        });
        for (name, value) in more.as_object().expect("an object") {
            profile[name] = value.clone();
        }
        profile
    }

    fn schedule(duration: Option<u64>, periods: &[(i64, f64)]) -> Value {
        let list: Vec<Value> =
            periods.iter().map(|(start, limit)| json!({ "startPeriod": start, "limit": limit })).collect();
        let mut schedule = json!({
            "id": 1, "startSchedule": START, "chargingRateUnit": "A", "chargingSchedulePeriod": list,
        });
        if let Some(duration) = duration {
            schedule["duration"] = duration.into();
        }
        schedule
    }

    /// TC_K_41_CS with the errata of 2025-04.
    fn combined() -> InForce {
        let default = [(0, 6.0), (60, 10.0), (120, 8.0), (180, 15.0), (260, 8.0)];
        let own = [(0, 8.0), (50, 11.0), (140, 16.0), (200, 6.0), (240, 12.0)];
        let of = |purpose, duration, periods: &[(i64, f64)]| {
            profile(purpose, 0, json!({ "chargingSchedule": [schedule(Some(duration), periods)] }))
        };
        InForce {
            profiles: vec![
                of("ChargingStationMaxProfile", 86_400, &[(0, 10.0)]),
                of("TxDefaultProfile", 300, &default),
                of("TxProfile", 260, &own),
            ],
            ..InForce::default()
        }
    }

    fn answer(start: &str, periods: &[(i64, f64)]) -> Value {
        let mut answer = schedule(Some(400), periods);
        answer["scheduleStart"] = start.into();
        answer
    }

    #[test]
    fn the_purposes_are_combined() {
        let right = [(0, 8.0), (50, 10.0), (200, 6.0), (240, 10.0), (260, 8.0), (300, 10.0)];
        assert_eq!(combined().difference(&answer(START, &right)), None);
        let split = [(0, 8.0), (50, 10.0), (77, 10.0), (200, 6.0), (240, 10.0), (260, 8.0), (300, 10.0)];
        assert_eq!(combined().difference(&answer(START, &split)), None, "a period may be split");
        // The answer starts 20.6 s later; its seconds may be rounded either way.
        let later = [(0, 8.0), (30, 10.0), (179, 6.0), (220, 10.0), (239, 8.0), (280, 10.0)];
        assert_eq!(combined().difference(&answer("2026-01-01T00:00:20.6Z", &later)), None);
    }

    #[test]
    fn a_profile_of_a_transaction_that_has_ended_leaves_the_default_one() {
        let without = [(0, 8.0), (50, 10.0), (200, 6.0), (240, 10.0)];
        let found = combined().difference(&answer(START, &without)).expect("a difference");
        insta::assert_snapshot!(format!("{}\n{}", found.expected, found.problem), @r"
        a schedule with 8 A from second 0, 10 A from second 50, 6 A from second 200, 10 A from second 240, 8 A from second 260, 10 A from second 300
        at second 261 the limit is 10 A, expected 8 A
        ");
    }

    #[test]
    fn tenths_are_decimals() {
        let profiles =
            vec![profile("TxDefaultProfile", 0, json!({ "chargingSchedule": [schedule(None, &[(0, 8.7)])] }))];
        let in_force = InForce { profiles, ..InForce::default() };
        assert_eq!(in_force.difference(&answer(START, &[(0, 8.700_000_000_000_001)])), None);
        assert!(in_force.difference(&answer(START, &[(0, 8.8)])).is_some());
    }

    #[test]
    fn nothing_is_known_where_no_profile_sets_a_limit() {
        let profiles =
            vec![profile("TxDefaultProfile", 0, json!({ "chargingSchedule": [schedule(Some(60), &[(0, 6.0)])] }))];
        let mut in_force = InForce { profiles, ..InForce::default() };
        assert_eq!(in_force.difference(&answer(START, &[(0, 6.0), (60, 32.0)])), None);
        in_force.most = Some(16.0);
        assert!(in_force.difference(&answer(START, &[(0, 6.0), (60, 32.0)])).is_some());
        assert_eq!(in_force.difference(&answer(START, &[(0, 6.0), (60, 16.0)])), None);
    }

    #[test]
    fn an_answer_of_1_6_has_its_start_beside_the_schedule() {
        let of = |purpose: &str, level: u64, duration, periods: &[(i64, f64)]| {
            profile(purpose, level, json!({ "chargingSchedule": schedule(Some(duration), periods) }))
        };
        // TC_072_CS with a ChargePointMaxProfile.
        let in_force = InForce {
            profiles: vec![
                of("TxDefaultProfile", 0, 400, &[(0, 6.0), (100, 8.0), (200, 10.0)]),
                of("TxDefaultProfile", 1, 150, &[(0, 7.0), (100, 9.0)]),
                of("ChargePointMaxProfile", 0, 86_400, &[(0, 9.5)]),
            ],
            ..InForce::default()
        };
        let answer = |periods: &[(i64, f64)]| {
            let mut schedule = schedule(Some(350), periods);
            schedule.as_object_mut().expect("an object").remove("startSchedule");
            let start = "2026-01-01T00:00:04Z";
            json!({ "status": "Accepted", "connectorId": 1, "scheduleStart": start, "chargingSchedule": schedule })
        };
        let right = answer(&[(0, 7.0), (96, 9.0), (146, 8.0), (196, 9.5)]);
        assert_eq!(in_force.difference(&right), None);
        let wrong = in_force.difference(&answer(&[(0, 7.0), (96, 9.0), (196, 9.5)])).expect("a difference");
        assert_eq!(wrong.problem, "at second 147 the limit is 9 A, expected 8 A");
        let without_start = json!({ "status": "Accepted", "chargingSchedule": right["chargingSchedule"] });
        assert_eq!(in_force.difference(&without_start).expect("a difference").problem, "it has no start");
        assert_eq!(in_force.example(&answer(&[(0, 0.0)])), Some(right));
    }

    #[test]
    fn what_is_no_schedule_is_told() {
        for periods in [&[][..], &[(1, 6.0)], &[(0, 6.0), (0, 8.0)], &[(0, 6.0), (-5, 8.0)]] {
            let found = combined().difference(&answer(START, periods)).expect("a difference");
            assert_eq!(found.problem, "its periods do not start at 0 and follow each other");
        }
        assert_eq!(combined().difference(&json!({})).expect("a difference").problem, "it has no start");
        assert!(combined().difference(&json!("x")).is_some());
    }
}
