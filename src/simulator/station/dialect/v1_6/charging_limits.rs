//! The limits that charging profiles make: composite schedules (5.7), and how much energy the connectors give.

use std::time::Duration;

use serde_json::{Value, json};

use super::{ChargePoint, Timer, number, smart_charging::Installed};
use crate::simulator::station::{
    composite::{Profile, Purpose, Question, Step, Supply, Tenths, Unit, composite, total},
    physical::Allowance,
};

/// The longest composite schedule that the charge point calculates, seconds.
const LONGEST: i64 = 7 * 86_400;
/// How far ahead the charge point looks for the next change of a limit, seconds.
const AHEAD: i64 = 86_400;

/// Errata 3.34: watts that are meant for more phases than there are count as given.
fn as_given(profile: &Profile, supply: Supply) -> Profile {
    let mut profile = profile.clone();
    if let Some(phases) = supply.phases.filter(|_| profile.unit == Unit::Watt) {
        for period in &mut profile.periods {
            period.phases = Some(period.phases.unwrap_or(3).min(phases));
        }
    }
    profile
}

impl ChargePoint {
    pub(super) fn composite_schedule(&self, payload: &Value) -> Value {
        let refused = || json!({ "status": "Rejected" });
        let unit = match payload["chargingRateUnit"].as_str() {
            Some(name) => Unit::of(name).filter(|unit| self.knows_unit(*unit)),
            None => Some(if self.knows_unit(Unit::Ampere) { Unit::Ampere } else { Unit::Watt }),
        };
        let Some(unit) = unit else { return refused() };
        let duration = payload["duration"].as_i64().unwrap_or(0);
        if !(1..=LONGEST).contains(&duration) {
            return refused();
        }
        let connector = number(payload, "connectorId").unwrap_or(-1);
        let steps = match (connector, self.connector(connector)) {
            (0, _) => self.limits_of_all(duration, unit),
            (_, Some(at)) => self.limits_of(at, duration, unit),
            (_, None) => return refused(),
        };
        // Errata 3.57: the schedule has no start of its own here.
        json!({
            "status": "Accepted",
            "connectorId": connector,
            "scheduleStart": self.physical.wall(),
            "chargingSchedule": {
                "duration": duration,
                "chargingRateUnit": unit.name(),
                "chargingSchedulePeriod": steps.iter().map(Step::period).collect::<Vec<_>>(),
            },
        })
    }

    /// ChargingScheduleAllowedChargingRateUnit (9.4.2, errata 3.88).
    pub(super) fn knows_unit(&self, unit: Unit) -> bool {
        let word = if unit == Unit::Ampere { "Current" } else { "Power" };
        let known = self.configuration.get("ChargingScheduleAllowedChargingRateUnit");
        known.split(',').any(|known| known.trim() == word)
    }

    /// True where a profile counts at a connector.
    fn counts(&self, known: &Installed, at: usize) -> bool {
        let own = i64::try_from(at + 1).unwrap_or_default();
        let running = self.sessions[self.connectors[at].evse].transaction.as_ref();
        match known.profile.purpose {
            Purpose::Tx => {
                known.connector == own
                    && known.transaction.is_some_and(|of| running.is_some_and(|one| one.number == of))
            }
            // 3.13.1: a default for one connector takes the place of that for all of them.
            Purpose::TxDefault if known.connector == 0 => !self.charging_profiles.iter().any(|other| {
                other.connector == own
                    && other.profile.purpose == Purpose::TxDefault
                    && other.profile.stack_level == known.profile.stack_level
            }),
            _ => known.connector == 0 || known.connector == own,
        }
    }

    /// The limits of a connector, which has its part of what the charge point has (3.13.3).
    fn limits_of(&self, at: usize, duration: i64, unit: Unit) -> Vec<Step> {
        let index = self.connectors[at].evse;
        let others = (0..self.sessions.len()).filter(|other| *other != index && self.physical.evses[*other].charging);
        let sharing = i64::try_from(others.count() + 1).unwrap_or(1);
        let supply = self.physical.evses[index].supply;
        let counting = self.charging_profiles.iter().filter(|known| self.counts(known, at));
        let profiles: Vec<Profile> = counting.map(|known| as_given(&known.profile, supply).shared(sharing)).collect();
        composite(&profiles, &self.question(index, duration, unit))
    }

    fn question(&self, index: usize, duration: i64, unit: Unit) -> Question {
        let now = self.physical.now();
        let hardware = &self.physical.evses[index];
        Question {
            begun: self.sessions[index].transaction.as_ref().map_or(now, |running| running.begun),
            now,
            duration,
            unit,
            maximum: hardware.rated(unit),
            supply: hardware.supply,
            own_setpoint_leads: false,
        }
    }

    /// What the charge point expects to take from the grid (5.7): what its EVSEs give, up to its own limit.
    fn limits_of_all(&self, duration: i64, unit: Unit) -> Vec<Step> {
        let of_evses: Vec<Vec<Step>> = (0..self.sessions.len())
            .map(|index| {
                let at = self.connector_in_use(index);
                let supply = self.physical.evses[index].supply;
                let counting = self
                    .charging_profiles
                    .iter()
                    .filter(|known| self.counts(known, at) && !known.profile.purpose.is_of_station());
                let profiles: Vec<Profile> = counting.map(|known| as_given(&known.profile, supply)).collect();
                composite(&profiles, &self.question(index, duration, unit))
            })
            .collect();
        let phases = self.physical.evses.iter().filter_map(|evse| evse.supply.phases).max();
        let supply = Supply { volts: 230, phases: Some(phases.unwrap_or(3)) };
        let now = self.physical.now();
        let unlimited =
            Question { begun: now, now, duration, unit, maximum: Tenths(i64::MAX), supply, own_setpoint_leads: false };
        let of_station = self.charging_profiles.iter().filter(|known| known.profile.purpose.is_of_station());
        let of_station: Vec<Profile> = of_station.map(|known| as_given(&known.profile, supply)).collect();
        total(&of_evses, &composite(&of_station, &unlimited), phases, unit)
    }

    // ---- what the connectors give ----

    /// Profiles or transactions have changed, or a period has begun: what the EVSEs give follows.
    pub(super) fn apply_limits(&mut self) {
        for index in 0..self.sessions.len() {
            let supplied = self.physical.evses[index].supplies();
            self.physical.evses[index].allowance = self.allowance(index);
            if self.physical.evses[index].supplies() != supplied {
                self.report_evse(index);
            }
        }
        self.schedule_limits();
    }

    /// What is left of what an EVSE is built for, if something limits it.
    fn allowance(&self, index: usize) -> Option<Allowance> {
        if self.charging_profiles.is_empty() {
            return None;
        }
        let at = self.connector_in_use(index);
        let now = |unit: Unit| self.limits_of(at, 1, unit).first().map(|step| step.limit);
        let (watts, amperes) = now(Unit::Watt).zip(now(Unit::Ampere))?;
        let limited = watts < self.physical.evses[index].rated(Unit::Watt);
        limited.then(|| Allowance { watts: watts.number(), amperes: amperes.number() })
    }

    /// Looks at the limits again when the next of them changes.
    fn schedule_limits(&mut self) {
        self.cancel(|timer| *timer == Timer::Limits);
        if self.charging_profiles.is_empty() {
            return;
        }
        let steps =
            (0..self.sessions.len()).map(|index| self.limits_of(self.connector_in_use(index), AHEAD, Unit::Watt));
        let next = steps.filter_map(|steps| steps.get(1).map(|step| step.start)).min().unwrap_or(AHEAD);
        // A change within this second is looked at in the next one.
        self.schedule(Duration::from_secs(u64::try_from(next).unwrap_or(1).max(1)), Timer::Limits);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn watts_count_as_given_where_there_are_fewer_phases() {
        let message = json!({
            "id": 1,
            "stackLevel": 0,
            "chargingProfilePurpose": "TxDefaultProfile",
            "chargingProfileKind": "Relative",
            "chargingSchedule": [{
                "chargingRateUnit": "W",
                "chargingSchedulePeriod": [{ "startPeriod": 0, "limit": 6000.0, "numberPhases": 3 }],
            }],
        });
        let profile = Profile::read(&message).expect("a profile");
        let now = jiff::Timestamp::UNIX_EPOCH;
        let limit = |supply: Supply| {
            let question = Question {
                begun: now,
                now,
                duration: 60,
                unit: Unit::Watt,
                maximum: Tenths(1_000_000),
                supply,
                own_setpoint_leads: false,
            };
            composite(&[as_given(&profile, supply)], &question)[0].limit
        };
        for phases in [Some(1), Some(3), None] {
            assert_eq!(limit(Supply { volts: 230, phases }), Tenths(60_000), "{phases:?}");
        }
    }
}
