//! The composite schedule of the charging profiles (K08).

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{Around, OwnStation, device::Device, items, profiles::Installed, refused};

/// Maximum current of an EVSE, A per phase.
const MOST: f64 = 32.0;
/// Voltage for conversions between A and W.
const VOLTAGE: f64 = 230.0;
const PHASES: f64 = 3.0;
/// Maximum duration of a composite schedule, seconds.
const LONGEST: i64 = 7 * DAY;
const DAY: i64 = 86_400;
/// Maximum number of periods (the schema's maximum for a schedule).
const MOST_PERIODS: usize = 1024;

fn time(value: &Value) -> Option<Timestamp> {
    value.as_str()?.parse().ok()
}

/// Seconds from one time to another.
fn seconds(from: Timestamp, to: Timestamp) -> i64 {
    to.duration_since(from).as_secs()
}

/// A profile, and the time at which a relative schedule starts.
struct Active<'p> {
    profile: &'p Value,
    begun: Timestamp,
}

impl Active<'_> {
    fn schedule(&self) -> &Value {
        &self.profile["chargingSchedule"][0]
    }

    /// The period of a recurring profile, seconds.
    fn cycle(&self) -> Option<i64> {
        match (self.profile["chargingProfileKind"].as_str(), self.profile["recurrencyKind"].as_str()) {
            (Some("Recurring"), Some("Weekly")) => Some(7 * DAY),
            (Some("Recurring"), _) => Some(DAY),
            _ => None,
        }
    }

    /// Seconds since the start of the schedule; none before it starts.
    fn passed(&self, at: Timestamp) -> Option<i64> {
        let passed = seconds(time(&self.schedule()["startSchedule"]).unwrap_or(self.begun), at);
        let passed = self.cycle().map_or(passed, |cycle| passed.rem_euclid(cycle));
        (passed >= 0).then_some(passed)
    }

    /// The limit at a time, in the unit of the schedule (K01.FR.10 to K01.FR.13, K01.FR.36, K01.FR.37).
    fn limit(&self, at: Timestamp) -> Option<f64> {
        let from = time(&self.profile["validFrom"]).is_none_or(|from| from <= at);
        let to = time(&self.profile["validTo"]).is_none_or(|to| at < to);
        let passed = self.passed(at).filter(|_| from && to)?;
        let ended = self.schedule()["duration"].as_i64().is_some_and(|duration| passed >= duration);
        let begun = |period: &&Value| period["startPeriod"].as_i64().is_some_and(|start| start <= passed);
        items(self.schedule(), "chargingSchedulePeriod").filter(|_| !ended).take_while(begun).last()?["limit"].as_f64()
    }

    /// The times at which the limit may change.
    fn turns(&self, from: Timestamp, to: Timestamp) -> Vec<Timestamp> {
        let mut turns: Vec<Timestamp> =
            ["validFrom", "validTo"].iter().filter_map(|name| time(&self.profile[*name])).collect();
        let schedule = self.schedule();
        let start = time(&schedule["startSchedule"]).unwrap_or(self.begun);
        let cycle = self.cycle();
        let rounds =
            cycle.map_or(0..=0, |cycle| seconds(start, from).div_euclid(cycle)..=seconds(start, to).div_euclid(cycle));
        let offsets: Vec<i64> = items(schedule, "chargingSchedulePeriod")
            .filter_map(|period| period["startPeriod"].as_i64())
            .chain(schedule["duration"].as_i64())
            .collect();
        for round in rounds {
            let offset = |offset: &i64| {
                let seconds = round.checked_mul(cycle.unwrap_or_default())?.checked_add(*offset)?;
                start.checked_add(SignedDuration::from_secs(seconds)).ok()
            };
            turns.extend(offsets.iter().filter_map(offset));
        }
        turns.retain(|turn| from < *turn && *turn < to);
        turns
    }

    fn converted(&self, limit: f64, unit: &str) -> f64 {
        match (self.schedule()["chargingRateUnit"].as_str().unwrap_or_default(), unit) {
            ("A", "W") => limit * VOLTAGE * PHASES,
            ("W", "A") => limit / VOLTAGE / PHASES,
            _ => limit,
        }
    }
}

impl OwnStation {
    pub(super) fn composite_schedule(&self, around: &Around, payload: &Value) -> Value {
        let device = Device::new(self, around);
        let Some(evse) = payload["evseId"].as_u64().filter(|evse| *evse == 0 || around.has_evse(*evse)) else {
            return refused("Rejected", "UnknownEvse"); // K08.FR.05
        };
        let unit = payload["chargingRateUnit"].as_str().unwrap_or("A");
        let units = device.value_of("SmartChargingCtrlr.RateUnit").unwrap_or_default();
        if !units.split(',').any(|known| known == unit) {
            return refused("Rejected", "UnsupportedRateUnit"); // K08.FR.07
        }
        let Some(duration) = payload["duration"].as_i64().filter(|duration| (0..=LONGEST).contains(duration)) else {
            return refused("Rejected", "ValueOutOfRange");
        };
        let now = around.now.wall;
        let end = now.checked_add(SignedDuration::from_secs(duration)).unwrap_or(Timestamp::MAX);
        let running = around.running_at(evse);
        let begun = running.map_or(now, |one| one.begun);
        let own = |one: &&Installed| match one.purpose() {
            "ChargingStationMaxProfile" => one.evse == 0,
            "TxDefaultProfile" => evse > 0 && (one.evse == evse || one.evse == 0),
            "TxProfile" => running.is_some_and(|running| one.profile["transactionId"] == running.id.as_str()),
            _ => false,
        };
        let own = self.profiles.iter().filter(own);
        let all: Vec<(&str, Active<'_>)> =
            own.map(|one| (one.purpose(), Active { profile: &one.profile, begun })).collect();
        let mut turns: Vec<Timestamp> = all.iter().flat_map(|(_, one)| one.turns(now, end)).chain([now]).collect();
        turns.sort_unstable();
        turns.dedup();
        let most = if unit == "A" { MOST } else { MOST * VOLTAGE * PHASES };
        let most = if evse == 0 { around.evses.iter().map(|_| most).sum() } else { most };
        let mut periods: Vec<(i64, f64)> = Vec::new();
        for turn in turns {
            let limit = (limit(&all, turn, unit).unwrap_or(most).min(most) * 10.0).round() / 10.0;
            if periods.last().is_none_or(|(_, last)| (*last - limit).abs() > f64::EPSILON) {
                periods.push((seconds(now, turn), limit));
            }
        }
        let periods = periods.into_iter().take(MOST_PERIODS);
        let periods = periods.map(|(start, limit)| json!({ "startPeriod": start, "limit": limit, "numberPhases": 3 }));
        json!({
            "status": "Accepted",
            "schedule": {
                "evseId": evse,
                "duration": duration,
                "scheduleStart": around.time(),
                "chargingRateUnit": unit,
                "chargingSchedulePeriod": periods.collect::<Vec<_>>(),
            },
        })
    }
}

/// The lowest limit of all purposes, each given by its highest stack level with a limit (K01.FR.17, K08.FR.04). A TxProfile
/// overrules the TxDefaultProfile.
fn limit(all: &[(&str, Active<'_>)], at: Timestamp, unit: &str) -> Option<f64> {
    let of = |purpose: &str| {
        all.iter()
            .filter(|(of, _)| *of == purpose)
            .filter_map(|(_, one)| Some((one.profile["stackLevel"].as_i64()?, one.converted(one.limit(at)?, unit))))
            .max_by_key(|(level, _)| *level)
            .map(|(_, limit)| limit)
    };
    let transaction = of("TxProfile").or_else(|| of("TxDefaultProfile"));
    [of("ChargingStationMaxProfile"), transaction].into_iter().flatten().min_by(f64::total_cmp)
}
