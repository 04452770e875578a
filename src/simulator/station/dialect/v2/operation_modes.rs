//! The operation modes of V2X (Q03 to Q10): which periods a station takes, and what is in force at an EVSE.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Station, smart_charging::Refusal};
use crate::{
    pics::Profile as Certification,
    protocol::v2::charging_period::BOUNDS,
    simulator::station::composite::{Profile, Purpose, Step, Tenths, Unit},
};

/// The operation mode of a period that names none.
pub(super) const CHARGING_ONLY: &str = "ChargingOnly";
/// The frequency of the grid, Hz.
const FREQUENCY: f64 = 50.0;
/// The purposes of profiles for transactions, the leading one first.
const OF_TRANSACTIONS: [Purpose; 3] = [Purpose::Priority, Purpose::Tx, Purpose::TxDefault];

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// What a curve yields at a place; outside of its points it goes on as at its ends.
pub(super) fn at(points: impl Iterator<Item = (f64, f64)>, x: f64) -> Option<f64> {
    let mut points: Vec<(f64, f64)> = points.collect();
    points.sort_by(|one, other| one.0.total_cmp(&other.0));
    match points.iter().position(|point| point.0 >= x) {
        None => points.last().map(|point| point.1),
        Some(0) => points.first().map(|point| point.1),
        Some(next) => {
            let ((from, low), (to, high)) = (points[next - 1], points[next]);
            Some(if to > from { low + (high - low) * (x - from) / (to - from) } else { high })
        }
    }
}

impl Station {
    /// True when the product transfers energy in both directions.
    pub(super) fn is_bidirectional(&self) -> bool {
        self.pics.has_profile(Certification::BIDIRECTIONAL_POWER_TRANSFER)
    }

    /// True for the modes of bidirectional transfer that an EVSE has, or any EVSE for EVSE 0.
    pub(super) fn lists_operation_mode(&self, evse: u32, mode: &str) -> bool {
        self.device.v2x(evse, "SupportedOperationModes", None).split(',').any(|known| known == mode)
    }

    /// What is wrong with the periods of a profile for an EVSE, as their operation modes have it.
    pub(super) fn judge_operation_modes(&self, evse: u32, message: &Value) -> Result<(), Refusal> {
        let schedules = list(&message["chargingSchedule"]);
        let mut periods = schedules.flat_map(|schedule| list(&schedule["chargingSchedulePeriod"]));
        periods.try_for_each(|period| self.judge_operation_mode(evse, period))
    }

    fn judge_operation_mode(&self, evse: u32, period: &Value) -> Result<(), Refusal> {
        // Q08.FR.04, Q10.FR.02
        let bounded = BOUNDS.iter().any(|name| period.get(name).is_some());
        match period["operationMode"].as_str().unwrap_or(CHARGING_ONLY) {
            // Q09.FR.01, Q09.FR.02
            mode @ "LocalLoadBalancing" => {
                if !self.lists_operation_mode(evse, mode) {
                    return Err("UnsupportedParam");
                }
                let value = |which| self.device.v2x(evse, "LocalLoadBalancing", Some(which)).parse::<f64>().ok();
                let offsets = value("UpperOffset").zip(value("LowerOffset"));
                let ordered = value("UpperThreshold").zip(value("LowerThreshold")).is_some_and(|(up, low)| up > low);
                if offsets.is_none() || !ordered {
                    return Err("MissingDevModelInfo");
                }
            }
            "LocalFrequency" => {
                let points = list(&period["v2xFreqWattCurve"]).count();
                if period.get("v2xBaseline").is_none() || points < 2 {
                    return Err("NoFreqWattCurve"); // Q08.FR.03
                }
                if bounded {
                    return Err("InvalidSchedule"); // Q08.FR.04
                }
            }
            "Idle" if bounded => return Err("InvalidSchedule"), // Q10.FR.02
            _ => {}
        }
        // V2X.05
        let number = |name: &str| period[name].as_f64();
        let setpoint = number("setpoint");
        let above = setpoint.zip(number("limit")).is_some_and(|(setpoint, limit)| setpoint > limit);
        let below = setpoint.zip(number("dischargeLimit")).is_some_and(|(setpoint, limit)| setpoint < limit);
        if above || below { Err("InvalidSchedule") } else { Ok(()) }
    }

    /// The period that is in force at an EVSE at a time, of profiles with one of these purposes, the first one first; with the unit
    /// of its schedule.
    fn period_in_force(&self, index: usize, purposes: &[Purpose], at: Timestamp) -> Option<(&Value, Unit)> {
        let begun = self.evses[index].ready_since.unwrap_or(self.physical.now());
        let counting: Vec<(u32, Profile)> = self.counting_at(index);
        let (profile, start) = purposes.iter().find_map(|purpose| {
            let of_purpose = counting.iter().filter(|(_, profile)| profile.purpose == *purpose);
            of_purpose
                .filter_map(|(_, profile)| Some((profile, profile.period_at(begun, at.as_millisecond())?.start)))
                .max_by_key(|(profile, _)| profile.stack_level)
        })?;
        let known = self.charging_profiles.iter().find(|known| known.profile.id == profile.id)?;
        let periods = &known.message["chargingSchedule"][0]["chargingSchedulePeriod"];
        let period = list(periods).filter(|period| period["startPeriod"].as_i64() <= Some(start)).last()?;
        Some((period, profile.unit))
    }

    /// The operation mode of an EVSE.
    pub(super) fn operation_mode(&self, index: usize) -> String {
        let period = self.period_in_force(index, &OF_TRANSACTIONS, self.physical.now());
        period.and_then(|(period, _)| period["operationMode"].as_str()).unwrap_or(CHARGING_ONLY).to_owned()
    }

    /// True while the electronics of an EVSE are off (Q10.FR.03, Q10.FR.05).
    pub(super) fn sleeps(&self, index: usize) -> bool {
        let period = self.period_in_force(index, &OF_TRANSACTIONS, self.physical.now());
        let asked = period.is_some_and(|(period, _)| period["operationMode"] == "Idle" && period["evseSleep"] == true);
        asked && self.has_feature("EvseSleep")
    }

    /// What an EV is to take, or to give back, in watts; none where it may take what it likes.
    pub(super) fn setpoint_now(&self, index: usize) -> Option<f64> {
        let now = self.physical.now();
        let external = self.period_in_force(index, &[Purpose::ExternalConstraints], now);
        let external = external.filter(|(period, _)| period["operationMode"] == "ExternalSetpoint");
        let own = self.period_in_force(index, &OF_TRANSACTIONS, now);
        // Q06.FR.20 to Q06.FR.22
        let own_first = self.device.get("SmartChargingCtrlr", "SetpointPriority") == "CSMS";
        let has_setpoint = own.is_some_and(|(period, _)| period.get("setpoint").is_some());
        let (period, _) = if own_first && has_setpoint { own } else { external.or(own) }?;
        match period["operationMode"].as_str().unwrap_or(CHARGING_ONLY) {
            CHARGING_ONLY | "ExternalLimits" => None,
            "LocalFrequency" => self.local_frequency(period),
            // Nothing in the building takes or gives energy, so nothing is to be balanced.
            "Idle" | "LocalLoadBalancing" => Some(0.0),
            // K08.FR.08
            _ => {
                let setpoint = self.limits_of_evse(index, 1, Unit::Watt).first()?.flows.setpoint?.together(Unit::Watt);
                let watts = Tenths(setpoint.abs()).number();
                Some(if setpoint < 0 { -watts } else { watts })
            }
        }
    }

    /// Q08.FR.06, Q08.FR.10
    fn local_frequency(&self, period: &Value) -> Option<f64> {
        let curve = |name: &str, x: &'static str| {
            let point = move |point: &Value| Some((point[x].as_f64()?, point["power"].as_f64()?));
            list(&period[name]).filter_map(point).collect::<Vec<_>>()
        };
        let base = period["v2xBaseline"].as_f64()?;
        let frequency = at(curve("v2xFreqWattCurve", "frequency").into_iter(), FREQUENCY)?;
        let signal = self.reserve_signal.filter(|(from, _)| *from <= self.physical.now());
        let shift = signal.and_then(|(_, signal)| at(curve("v2xSignalWattCurve", "signal").into_iter(), signal));
        Some(base + frequency + shift.unwrap_or(0.0))
    }

    /// Q08.FR.10, Q08.FR.11: a signal of the grid's operator counts where a curve says how.
    pub(super) fn reserve_signal(&mut self, payload: &Value) -> Value {
        let now = self.physical.now();
        let has_curve = (0..self.evses.len()).any(|index| {
            let period = self.period_in_force(index, &OF_TRANSACTIONS, now);
            period.is_some_and(|(period, _)| {
                period["operationMode"] == "LocalFrequency" && list(&period["v2xSignalWattCurve"]).next().is_some()
            })
        });
        if !has_curve {
            return json!({ "status": "Rejected", "statusInfo": { "reasonCode": "NoSignalWattCurve" } });
        }
        let from = payload["timestamp"].as_str().and_then(|text| text.parse().ok()).unwrap_or(now);
        self.reserve_signal = payload["signal"].as_f64().map(|signal| (from, signal));
        json!({ "status": "Accepted" })
    }

    /// Tells transactions of another operation mode (K01.FR.110).
    pub(super) fn watch_modes(&mut self) {
        if !self.is_bidirectional() && !self.pics.is_yes("SC-9") {
            return;
        }
        for index in 0..self.evses.len() {
            let Some(id) = self.evses[index].transaction.as_ref().map(|running| running.id.clone()) else { continue };
            let mode = self.operation_mode(index);
            let told = self.modes_told.get(&index).filter(|(of, _)| *of == id).map(|(_, mode)| mode.as_str());
            if told.unwrap_or(CHARGING_ONLY) != mode {
                self.modes_told.insert(index, (id, mode));
                self.update(index, "OperationModeChanged");
            }
        }
    }

    /// The periods of a composite schedule, with the operation modes and setpoints in force (K08).
    pub(super) fn with_modes(&self, index: usize, steps: &[Step], duration: i64) -> Vec<Value> {
        let plain = || steps.iter().map(Step::period).collect();
        if !self.is_bidirectional() {
            return plain();
        }
        let now = self.physical.now();
        let begun = self.evses[index].ready_since.unwrap_or(now);
        let (from, to) = (now.as_millisecond(), now.as_millisecond() + duration.saturating_mul(1000));
        let mut changes = Vec::new();
        for (_, profile) in self.counting_at(index) {
            profile.changes(begun, from, to, &mut changes);
        }
        let inside = changes.into_iter().filter(|change| (from..to).contains(change));
        let mut starts: Vec<i64> = inside.map(|change| (change - from + 500) / 1000).collect();
        starts.extend(steps.iter().map(|step| step.start));
        starts.retain(|start| *start < duration);
        starts.sort_unstable();
        starts.dedup();
        let mut periods: Vec<Value> = Vec::new();
        for start in starts {
            let Some(step) = steps.iter().rfind(|step| step.start <= start) else { continue };
            let mut period = Step { start, ..*step }.period();
            // A little later, for the whole second is told.
            let at = Timestamp::from_millisecond(from + start * 1000 + 500).unwrap_or(now);
            let own = self.period_in_force(index, &OF_TRANSACTIONS, at);
            if let Some(mode) = own.and_then(|(own, _)| own.get("operationMode")) {
                period["operationMode"] = mode.clone();
            }
            let same = |last: &Value| {
                let mut last = last.clone();
                last["startPeriod"] = start.into();
                last == period
            };
            if !periods.last().is_some_and(same) {
                periods.push(period);
            }
        }
        periods
    }
}
