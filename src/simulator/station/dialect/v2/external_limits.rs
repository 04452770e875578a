//! Limits, setpoints and local generation that an external system (an EMS) gives an EVSE (K11, K12, K27, K29).

use serde_json::{Value, json};

use super::{Station, smart_charging::Installed};
use crate::simulator::station::{
    composite::{Profile, Purpose, Unit},
    physical::{External, ExternalKind, NotPossible},
};

/// The source of the external system (`ChargingLimitSourceEnumStringType`).
pub(super) const SOURCE: &str = "EMS";

/// The level of the station's own profiles.
const LEVEL: i64 = 0;

impl Station {
    /// True when an external system can be connected.
    pub(super) fn has_external_system(&self) -> bool {
        self.pics.is_yes("SC-10")
    }

    /// The external system has said something of an EVSE.
    pub(super) fn external_system_spoke(&mut self, index: usize, said: External) -> Result<(), NotPossible> {
        if !self.has_external_system() {
            return Err(NotPossible("no external system can be connected to this station".into()));
        }
        let now = self.physical.wall();
        let evse = self.evses[index].id;
        let before = self.told_limit(evse, said.kind);
        let Some(amount) = said.amount else {
            self.external_values.remove(&(evse, said.kind.member()));
            let purpose = purpose_of(said.kind);
            self.charging_profiles
                .retain(|known| !(known.source == SOURCE && known.evse == evse && known.profile.purpose == purpose));
            self.profiles_changed();
            return Ok(());
        };
        // K29.FR.03, Q05.FR.05, Q05.FR.06
        let (member, mode) = (said.kind.member(), said.kind.mode());
        if said.kind != ExternalKind::LocalGeneration {
            self.external_values.insert((evse, member), amount);
        }
        let mut taken = false;
        if said.kind != ExternalKind::LocalGeneration {
            for known in &mut self.charging_profiles {
                let period = &known.message["chargingSchedule"][0]["chargingSchedulePeriod"][0];
                let of_transactions = matches!(known.profile.purpose, Purpose::Tx | Purpose::TxDefault);
                let of_place = known.evse == 0 || known.evse == evse;
                if of_transactions && of_place && known.is_dynamic() && period["operationMode"] == mode {
                    taken |= known.update(&json!({ member: amount }), &now);
                }
            }
        }
        let disallowed = self.device.is("SmartChargingCtrlr", "ExternalConstraintsProfileDisallowed");
        if !taken && said.kind.is_of_v2x() && !self.is_bidirectional() {
            return Err(NotPossible("no charging profile lets an external system give a setpoint".into()));
        }
        // K11.FR.07
        if !taken && (!disallowed || said.kind == ExternalKind::LocalGeneration) {
            self.keep_external_limit(index, said.kind, amount, said.unit);
        }
        self.tell_external_limit(index, said.kind, before, amount, said.unit);
        self.profiles_changed();
        Ok(())
    }

    /// Q05.FR.01, Q05.FR.02: a profile that lets the external system decide begins with what that says already.
    pub(super) fn give_external_values(&mut self, id: &Value) {
        let now = self.physical.wall();
        let said = self.external_values.clone();
        for known in self.charging_profiles.iter_mut().filter(|known| *id == known.profile.id && known.is_dynamic()) {
            let mode = known.message["chargingSchedule"][0]["chargingSchedulePeriod"][0]["operationMode"].clone();
            for ((evse, member), amount) in &said {
                let of_mode = match *member {
                    "limit" | "dischargeLimit" => "ExternalLimits",
                    _ => "ExternalSetpoint",
                };
                if (known.evse == 0 || known.evse == *evse) && mode == of_mode {
                    known.update(&json!({ *member: amount }), &now);
                }
            }
        }
    }

    /// K01.FR.82, K11.FR.06: negative ids clash with nobody's.
    pub(super) fn next_external_id(&mut self) -> i64 {
        let least = self.charging_profiles.iter().map(|known| known.profile.id).min().unwrap_or(0).min(0);
        self.external_ids = self.external_ids.min(least) - 1;
        self.external_ids
    }

    fn profiles_changed(&mut self) {
        self.count_profiles();
        self.apply_limits();
    }

    /// The last limit of the external system, if there is one.
    fn told_limit(&self, evse: u32, kind: ExternalKind) -> Option<f64> {
        let purpose = purpose_of(kind);
        let own = |known: &&Installed| known.source == SOURCE && known.evse == evse && known.profile.purpose == purpose;
        let known = self.charging_profiles.iter().find(own)?;
        known.message["chargingSchedule"][0]["chargingSchedulePeriod"][0][kind.member()].as_f64()
    }

    /// Keeps a limit as a profile of the station's own (K27.FR.01, K29.FR.04): a dynamic one if there are such, whose limit changes
    /// (K29.FR.05), otherwise a new one each time.
    fn keep_external_limit(&mut self, index: usize, kind: ExternalKind, amount: f64, unit: Unit) {
        let (now, evse, purpose) = (self.physical.wall(), self.evses[index].id, purpose_of(kind));
        let own = |known: &Installed| known.source == SOURCE && known.evse == evse && known.profile.purpose == purpose;
        let dynamic = self.has_feature("DynamicProfiles");
        if dynamic
            && let Some(known) = self.charging_profiles.iter_mut().find(|known| own(known) && speaks_of(known, kind))
        {
            known.update(&json!({ kind.member(): amount }), &now);
            return;
        }
        self.charging_profiles.retain(|known| !own(known));
        let newest = self.next_external_id();
        let mut schedule = self.external_schedule(index, newest, kind, amount, unit);
        let mut message = json!({
            "id": newest,
            "stackLevel": LEVEL,
            "chargingProfilePurpose": name_of(purpose),
            "chargingProfileKind": if dynamic { "Dynamic" } else { "Absolute" },
        });
        if dynamic {
            message["dynUpdateTime"] = now.into();
        } else {
            schedule["startSchedule"] = now.into();
        }
        message["chargingSchedule"] = json!([schedule]);
        if let Ok(profile) = Profile::read(&message) {
            self.install_profile(Installed { source: SOURCE, ..Installed::new(evse, message, profile) });
        }
    }

    fn external_schedule(&self, index: usize, id: i64, kind: ExternalKind, amount: f64, unit: Unit) -> Value {
        let mut period = json!({ "startPeriod": 0, kind.member(): amount });
        if self.is_bidirectional() {
            period["operationMode"] = kind.mode().into(); // Q06.FR.02, Q06.FR.04
        }
        if let Some(phases) = self.physical.evses[index].supply.phases {
            period["numberPhases"] = phases.into();
        }
        json!({ "id": id, "chargingRateUnit": unit.name(), "chargingSchedulePeriod": [period] })
    }

    /// Tells a limit that has changed enough (K11.FR.02, K12.FR.02, K27.FR.03 to K27.FR.05).
    fn tell_external_limit(&mut self, index: usize, kind: ExternalKind, before: Option<f64>, amount: f64, unit: Unit) {
        let significance = self.device.get("SmartChargingCtrlr", "LimitChangeSignificance").parse().unwrap_or(0.0);
        let changed = before.is_none_or(|before: f64| (amount - before).abs() * 100.0 > significance * before.abs());
        if !changed || kind.is_of_v2x() && !self.is_bidirectional() {
            return;
        }
        let generated = kind == ExternalKind::LocalGeneration;
        let mut payload = json!({
            "evseId": self.evses[index].id,
            "chargingLimit": { "chargingLimitSource": SOURCE, "isLocalGeneration": generated },
        });
        if self.device.is("SmartChargingCtrlr", "NotifyChargingLimitWithSchedules") {
            let (evse, purpose) = (self.evses[index].id, purpose_of(kind));
            let own =
                |known: &&Installed| known.source == SOURCE && known.evse == evse && known.profile.purpose == purpose;
            let kept = self.charging_profiles.iter().find(own).map(|known| known.message["chargingSchedule"].clone());
            let given = || json!([self.external_schedule(index, self.external_ids, kind, amount, unit)]);
            payload["chargingSchedule"] = kept.unwrap_or_else(given);
        }
        self.call("NotifyChargingLimit", payload);
    }
}

/// True for a dynamic profile of the external system in the mode of what it says.
fn speaks_of(known: &Installed, kind: ExternalKind) -> bool {
    let mode = known.message["chargingSchedule"][0]["chargingSchedulePeriod"][0]["operationMode"].as_str();
    known.is_dynamic() && mode.is_none_or(|mode| mode == kind.mode())
}

/// The purpose of the profile that the station keeps.
fn purpose_of(kind: ExternalKind) -> Purpose {
    match kind {
        ExternalKind::LocalGeneration => Purpose::LocalGeneration,
        _ => Purpose::ExternalConstraints,
    }
}

fn name_of(purpose: Purpose) -> &'static str {
    if purpose == Purpose::LocalGeneration { "LocalGeneration" } else { "ChargingStationExternalConstraints" }
}
