//! What OCPP 2.1 adds to the rules for charging profiles (K01.FR.70 to K01.FR.126, K28).

use serde_json::Value;

use super::{Station, smart_charging::Refusal};
use crate::protocol::{Version, v2::charging_period::BOUNDS};

/// The operation mode of a period that names none.
const CHARGING_ONLY: &str = "ChargingOnly";

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

impl Station {
    /// True when the station has an optional feature of smart charging.
    pub(super) fn has_feature(&self, name: &str) -> bool {
        self.device.instance("SmartChargingCtrlr", "SupportsFeature", name) == Some("true")
    }

    /// What is wrong with a profile by the rules that OCPP 2.0.1 does not have.
    pub(super) fn judge_additions(&self, message: &Value) -> Result<(), Refusal> {
        if self.protocol.version != Version::V2_1 {
            return Ok(());
        }
        let purpose = message["chargingProfilePurpose"].as_str().unwrap_or_default();
        let additional = matches!(purpose, "PriorityCharging" | "LocalGeneration");
        // K01.FR.120
        if additional && !self.device.lists("SmartChargingCtrlr", "SupportedAdditionalPurposes", purpose) {
            return Err("UnsupportedPurpose");
        }
        // K01.FR.81
        let reserved = self.device.variable("SmartChargingCtrlr", "MaxExternalConstraintsId");
        let reserved = reserved.and_then(|variable| variable.value.parse::<i64>().ok());
        if reserved.zip(message["id"].as_i64()).is_some_and(|(most, id)| id <= most) {
            return Err("InvalidProfileId");
        }
        let dynamic = message["chargingProfileKind"] == "Dynamic";
        // K01.FR.121
        if dynamic && !self.has_feature("DynamicProfiles") {
            return Err("UnsupportedKind");
        }
        // K01.FR.122, K28.FR.04
        if !dynamic && ["dynUpdateInterval", "dynUpdateTime"].iter().any(|name| message.get(name).is_some()) {
            return Err("InvalidProfile");
        }
        // K28.FR.03
        let periods = &message["chargingSchedule"][0]["chargingSchedulePeriod"];
        let single = |value: &Value| list(value).count() == 1;
        if dynamic && !(single(&message["chargingSchedule"]) && single(periods) && periods[0]["startPeriod"] == 0) {
            return Err("InvalidSchedule");
        }
        list(&message["chargingSchedule"]).try_for_each(|schedule| self.judge_schedule(purpose, schedule))?;
        // K01.FR.142 to K01.FR.146, V2X.07 to V2X.10: the EVs of this station tell no powers of single phases, so nobody has limits for them.
        let mut periods =
            list(&message["chargingSchedule"]).flat_map(|schedule| list(&schedule["chargingSchedulePeriod"]));
        let split = |period: &Value| BOUNDS.iter().any(|name| name.contains("_L") && period.get(name).is_some());
        if periods.any(split) { Err("PhaseConflict") } else { Ok(()) }
    }

    fn judge_schedule(&self, purpose: &str, schedule: &Value) -> Result<(), Refusal> {
        let delayed = schedule["randomizedDelay"].as_i64().is_some_and(|most| most > 0);
        let periods = || list(&schedule["chargingSchedulePeriod"]);
        let modes = || periods().map(|period| period["operationMode"].as_str().unwrap_or(CHARGING_ONLY));
        let wrong = [
            // K01.FR.123, K01.FR.124, K01.FR.125, K01.FR.126
            schedule["useLocalTime"] == true && !self.has_feature("UseLocalTime"),
            delayed && !self.has_feature("RandomizedDelay"),
            schedule.get("limitAtSoC").is_some() && !self.has_feature("LimitAtSoC"),
            periods().any(|period| period["evseSleep"] == true) && !self.has_feature("EvseSleep"),
            // K01.FR.95
            delayed && !matches!(purpose, "TxProfile" | "TxDefaultProfile"),
            // K01.FR.70, K01.FR.71
            purpose == "PriorityCharging"
                && (schedule.get("duration").is_some() || modes().any(|mode| mode != CHARGING_ONLY)),
        ];
        if wrong.contains(&true) {
            return Err("InvalidSchedule");
        }
        // K01.FR.111, K01.FR.113, K01.FR.115
        let allowed = |mode: &str| match purpose {
            "ChargingStationMaxProfile" => mode == CHARGING_ONLY,
            "LocalGeneration" => matches!(mode, CHARGING_ONLY | "ExternalLimits"),
            _ => true,
        };
        if modes().any(|mode| !allowed(mode) || !self.operates_in(mode)) {
            return Err("InvalidOperationMode");
        }
        Ok(())
    }

    /// True for the modes in which an EVSE of this station can operate.
    fn operates_in(&self, mode: &str) -> bool {
        match mode {
            CHARGING_ONLY => true,
            "ExternalLimits" | "ExternalSetpoint" => self.has_external_system(),
            "Idle" => self.pics.is_yes("SC-9"),
            _ => self.lists_operation_mode(0, mode),
        }
    }
}
