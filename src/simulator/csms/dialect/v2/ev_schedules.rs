//! Charging schedules for EVs that tell their needs over ISO 15118 (K15, K16, K17).

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

/// Most EVSEs of which the running transaction is kept.
const MAX_KEPT: usize = 1000;
/// What every EV gets, A on each of three phases of 230 V.
const SHARE: f64 = 16.0;
/// The id of the profiles for the transactions of an EVSE begins here.
const FIRST_ID: i64 = 5000;

/// The transactions of EVSEs, for which EVs may ask for schedules.
#[derive(Default)]
pub(super) struct EvSchedules {
    running: BTreeMap<i64, String>,
}

impl EvSchedules {
    /// Learns from an event of a transaction.
    pub(super) fn told(&mut self, event: &Value) {
        let id = event["transactionInfo"]["transactionId"].as_str().unwrap_or_default();
        if event["eventType"] == "Ended" {
            self.running.retain(|_, running| running != id);
        } else if let Some(evse) = event["evse"]["id"].as_i64() {
            if self.running.len() < MAX_KEPT || self.running.contains_key(&evse) {
                self.running.insert(evse, id.to_owned());
            }
        }
    }

    /// The transaction that runs on an EVSE.
    pub(super) fn transaction(&self, evse: i64) -> Option<&str> {
        self.running.get(&evse).map(String::as_str)
    }

    /// The request that gives an EV its schedule; none without a transaction (K15.FR.07, K17.FR.07). A profile that the
    /// transaction has already is replaced (K01.FR.39).
    pub(super) fn request(&self, evse: i64, known: Option<&Value>, unit: &str, now: &str) -> Option<Value> {
        let transaction = self.transaction(evse)?;
        let limit = if unit == "A" { SHARE } else { SHARE * watts_per_ampere(3) };
        Some(json!({
            "evseId": evse,
            "chargingProfile": {
                "id": known.and_then(|known| known["id"].as_i64()).unwrap_or(FIRST_ID + evse),
                "stackLevel": known.and_then(|known| known["stackLevel"].as_i64()).unwrap_or(0),
                "chargingProfilePurpose": "TxProfile",
                "chargingProfileKind": "Absolute",
                "transactionId": transaction,
                // K15.FR.18
                "chargingSchedule": [{
                    "id": 1,
                    "startSchedule": now,
                    "chargingRateUnit": unit,
                    "chargingSchedulePeriod": [{ "startPeriod": 0, "limit": limit }],
                }],
            },
        }))
    }
}

/// The power of an ampere on so many phases, W.
fn watts_per_ampere(phases: u32) -> f64 {
    230.0 * f64::from(phases)
}

/// A step of a schedule: from when it holds, and its limit in W.
type Steps = Vec<(i64, f64)>;

fn steps(schedule: &Value, begin: i64) -> Steps {
    let in_amperes = schedule["chargingRateUnit"] == "A";
    let periods = schedule["chargingSchedulePeriod"].as_array().into_iter().flatten();
    periods
        .filter_map(|period| {
            let phases = period["numberPhases"].as_u64().and_then(|phases| u32::try_from(phases).ok()).unwrap_or(3);
            let factor = if in_amperes { watts_per_ampere(phases) } else { 1.0 };
            // OCPP 2.1 has setpoints as well.
            let most = period["limit"].as_f64().or_else(|| period["setpoint"].as_f64())?;
            Some((begin.saturating_add(period["startPeriod"].as_i64()?), most * factor))
        })
        .collect()
}

fn at(steps: &Steps, second: i64) -> Option<f64> {
    steps.iter().rev().find(|(from, _)| *from <= second).map(|(_, limit)| *limit)
}

fn seconds(time: &Value) -> Option<i64> {
    time.as_str()?.parse::<Timestamp>().ok().map(Timestamp::as_second)
}

/// True when the schedule that an EV returned stays within those that it was given (K15.FR.11, K16.FR.06, K17.FR.11).
pub(super) fn fits(told: &Value, profile: &Value) -> bool {
    let schedule = &told["chargingSchedule"];
    let Some(begin) = seconds(&schedule["startSchedule"]).or_else(|| seconds(&told["timeBase"])) else { return false };
    let of_ev = steps(schedule, begin);
    let end = schedule["duration"].as_i64().map_or(i64::MAX, |duration| begin.saturating_add(duration));
    let given = profile["chargingSchedule"].as_array().into_iter().flatten();
    !of_ev.is_empty()
        && given.into_iter().any(|given| {
            let from = seconds(&given["startSchedule"]).unwrap_or(begin);
            let until = given["duration"].as_i64().map_or(i64::MAX, |duration| from.saturating_add(duration));
            let allowed = steps(given, from);
            let changes = of_ev.iter().chain(&allowed).map(|(at, _)| *at);
            changes.filter(|second| (begin.max(from)..end.min(until)).contains(second)).all(|second| {
                at(&of_ev, second).zip(at(&allowed, second)).is_none_or(|(wanted, allowed)| wanted <= allowed + 1.0)
            })
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(unit: &str, periods: &[(i64, f64)]) -> Value {
        let periods: Vec<_> =
            periods.iter().map(|(start, limit)| json!({ "startPeriod": start, "limit": limit })).collect();
        json!({
            "timeBase": "2026-01-01T00:01:00Z", "evseId": 1,
            "chargingSchedule": { "id": 1, "chargingRateUnit": unit, "chargingSchedulePeriod": periods },
        })
    }

    #[test]
    fn the_schedule_of_an_ev_fits_while_its_limits_are_below_those_that_it_was_given() {
        let profile = json!({ "chargingSchedule": [{
            "startSchedule": "2026-01-01T00:00:00Z", "chargingRateUnit": "A",
            "chargingSchedulePeriod": [{ "startPeriod": 0, "limit": 16.0 }, { "startPeriod": 120, "limit": 8.0 }],
        }] });
        for (unit, periods, expected) in [
            ("A", vec![(0, 16.0), (60, 8.0)], true),
            ("A", vec![(0, 16.0)], false),
            ("A", vec![(0, 17.0), (30, 6.0)], false),
            ("A", vec![(0, 16.0), (61, 8.0)], false),
            ("W", vec![(0, 11_040.0), (60, 5520.0)], true),
            ("W", vec![(0, 11_040.0), (60, 5530.0)], false),
            ("W", vec![], false),
        ] {
            assert_eq!(fits(&told(unit, &periods), &profile), expected, "{unit} {periods:?}");
        }
    }

    #[test]
    fn only_a_running_transaction_gets_a_schedule() {
        let mut schedules = EvSchedules::default();
        let event = |kind: &str| json!({ "eventType": kind, "transactionInfo": { "transactionId": "t1" }, "evse": { "id": 1 } });
        assert_eq!(schedules.request(1, None, "A", "2026-01-01T00:00:00Z"), None);
        schedules.told(&event("Started"));
        let request = schedules.request(1, Some(&json!({ "id": 30, "stackLevel": 2 })), "W", "2026-01-01T00:00:00Z");
        let profile = &request.unwrap()["chargingProfile"];
        assert_eq!((&profile["id"], &profile["stackLevel"]), (&json!(30), &json!(2)));
        assert_eq!(profile["chargingSchedule"][0]["chargingSchedulePeriod"][0]["limit"], 11_040.0);
        schedules.told(&event("Ended"));
        assert_eq!(schedules.transaction(1), None);
    }
}
