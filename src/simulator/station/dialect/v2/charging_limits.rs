//! The limits that charging profiles make: composite schedules (K08), and how much energy the EVSEs give.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Station, Timer};
use crate::simulator::station::{
    composite::{Profile, Question, Step, Supply, Tenths, Unit, composite, total},
    physical::Allowance,
};

/// The longest composite schedule that the station calculates, seconds.
const LONGEST: i64 = 7 * 86_400;
/// How far ahead the station looks for the next change of a limit, seconds.
const AHEAD: i64 = 86_400;

impl Station {
    pub(super) fn composite_schedule(&self, payload: &Value) -> Value {
        let refused = |reason: &str| json!({ "status": "Rejected", "statusInfo": { "reasonCode": reason } });
        let unit = match payload["chargingRateUnit"].as_str() {
            // K08.FR.07.
            Some(name) if !self.device.lists("SmartChargingCtrlr", "RateUnit", name) => {
                return refused("UnsupportedRateUnit");
            }
            Some(name) => Unit::of(name),
            None => None,
        };
        let unit = unit.unwrap_or_else(|| self.own_unit());
        let duration = payload["duration"].as_i64().unwrap_or(0);
        if !(1..=LONGEST).contains(&duration) {
            return refused("ValueOutOfRange");
        }
        let mut periods = None;
        let steps = match payload["evseId"].as_u64() {
            Some(0) => self.limits_of_station(duration, unit),
            evse => {
                let index = evse.and_then(|evse| self.physical.index_of(u32::try_from(evse).ok()?));
                // K08.FR.05.
                let Some(index) = index else { return refused("UnknownEvse") };
                periods = Some(index);
                self.limits_of_evse(index, duration, unit)
            }
        };
        let periods = match periods {
            Some(index) => self.with_modes(index, &steps, duration),
            None => steps.iter().map(Step::period).collect(),
        };
        json!({
            "status": "Accepted",
            "schedule": {
                "evseId": payload["evseId"],
                "duration": duration,
                "scheduleStart": self.physical.wall(),
                "chargingRateUnit": unit.name(),
                "chargingSchedulePeriod": periods,
            },
        })
    }

    /// EVSEs that give energy, or would if their limit allowed it.
    fn is_charging(&self, index: usize) -> bool {
        self.physical.evses[index].charging && self.evses[index].transaction.is_some()
    }

    /// The composite schedule of an EVSE, which has its part of what the station has (K04.FR.05).
    pub(super) fn limits_of_evse(&self, index: usize, duration: i64, unit: Unit) -> Vec<Step> {
        let others = (0..self.evses.len()).filter(|other| *other != index && self.is_charging(*other)).count();
        let sharing = i64::try_from(others + 1).unwrap_or(1);
        // What is of one EVSE alone is not shared.
        let part = |(evse, profile): (u32, Profile)| if evse == 0 { profile.shared(sharing) } else { profile };
        let profiles: Vec<Profile> = self.counting_at(index).into_iter().map(part).collect();
        composite(&profiles, &self.question(index, duration, unit))
    }

    fn question(&self, index: usize, duration: i64, unit: Unit) -> Question {
        let now = self.physical.now();
        let hardware = &self.physical.evses[index];
        Question {
            // K08.FR.06: without a transaction it is as if one began now.
            begun: self.evses[index].ready_since.unwrap_or(now),
            now,
            duration,
            unit,
            maximum: hardware.rated(unit),
            supply: hardware.supply,
            // Q06.FR.20 to Q06.FR.22
            own_setpoint_leads: self.device.get("SmartChargingCtrlr", "SetpointPriority") == "CSMS",
        }
    }

    /// What the station expects to take from the grid: what its EVSEs give, up to the limit of the station (K08.FR.03).
    fn limits_of_station(&self, duration: i64, unit: Unit) -> Vec<Step> {
        let of_evses: Vec<Vec<Step>> = (0..self.evses.len())
            .map(|index| {
                let of_evse = |(evse, profile): &(u32, Profile)| *evse != 0 || !profile.purpose.is_of_station();
                let counting: Vec<(u32, Profile)> = self.counting_at(index).into_iter().filter(of_evse).collect();
                composite(counting.iter().map(|(_, profile)| profile), &self.question(index, duration, unit))
            })
            .collect();
        let phases = self.physical.evses.iter().filter_map(|evse| evse.supply.phases).max();
        let supply = Supply { volts: 230, phases: Some(phases.unwrap_or(3)) };
        let counting = if self.evses.is_empty() { Vec::new() } else { self.counting_at(0) };
        let of_station = counting.iter().filter(|(evse, profile)| *evse == 0 && profile.purpose.is_of_station());
        let now = self.physical.now();
        let unlimited =
            Question { begun: now, now, duration, unit, maximum: Tenths(i64::MAX), supply, own_setpoint_leads: false };
        let of_station = composite(of_station.map(|(_, profile)| profile), &unlimited);
        total(&of_evses, &of_station, phases, unit)
    }

    // ---- what the EVSEs give ----

    /// Limits the energy of an EVSE that begins to give it.
    pub(super) fn limit_energy(&mut self, index: usize) {
        let enabled = self.charges_smartly() && !self.charging_profiles.is_empty();
        let at = |unit: Unit| self.limits_of_evse(index, 1, unit).first().map(|step| step.whole_limit(unit));
        let limits = if enabled { at(Unit::Watt).zip(at(Unit::Ampere)) } else { None };
        let setpoint = if enabled { self.setpoint_now(index) } else { None };
        let idle = enabled && self.operation_mode(index) == "Idle";
        let evse = &mut self.physical.evses[index];
        evse.setpoint = setpoint;
        evse.allowance = limits
            .filter(|(watts, _)| *watts < evse.rated(Unit::Watt))
            .map(|(watts, amperes)| Allowance { watts: watts.number(), amperes: amperes.number() });
        if idle {
            evse.allowance = Some(Allowance { watts: 0.0, amperes: 0.0 });
        }
    }

    /// Profiles or transactions have changed, or a period has begun: the EVSEs that charge follow (K01.FR.07, K01.FR.32,
    /// K10.FR.05).
    pub(super) fn apply_limits(&mut self) {
        for index in 0..self.evses.len() {
            let before = self.physical.evses[index].clone();
            self.limit_energy(index);
            if before.charging {
                self.energy_limited(index, before.supplies(), before.draws());
            }
        }
        self.watch_modes();
        self.schedule_limits();
    }

    /// What the CSMS hears when the limit of an EVSE that charges has changed.
    fn energy_limited(&mut self, index: usize, supplied: bool, drew: f64) {
        let evse = &self.physical.evses[index];
        let (supplies, draws, ev_suspended) = (evse.supplies(), evse.draws(), evse.ev_suspended);
        let running = self.evses[index].transaction.is_some();
        if supplied != supplies {
            if running && !supplies && self.stops_at("EnergyTransfer") && !ev_suspended {
                self.end(index, "ChargingStateChanged", Some("Other"));
            } else if running {
                self.update(index, "ChargingStateChanged");
            } else if supplies && !ev_suspended {
                self.start_with_energy(index);
            }
            return;
        }
        let significance = self.device.get("SmartChargingCtrlr", "LimitChangeSignificance").parse().unwrap_or(0.0);
        if running && supplies && (draws - drew).abs() * 100.0 > significance * drew {
            self.update(index, "ChargingRateChanged");
        }
    }

    /// Looks at the limits again when the next of them changes.
    fn schedule_limits(&mut self) {
        self.cancel(|timer| *timer == Timer::Limits);
        if self.charging_profiles.is_empty() {
            return;
        }
        let steps = (0..self.evses.len()).map(|index| self.limits_of_evse(index, AHEAD, Unit::Watt));
        let next = steps.filter_map(|steps| steps.get(1).map(|step| step.start)).min().unwrap_or(AHEAD);
        // A change within this second is looked at in the next one.
        self.schedule(Duration::from_secs(u64::try_from(next).unwrap_or(1).max(1)), Timer::Limits);
    }
}
