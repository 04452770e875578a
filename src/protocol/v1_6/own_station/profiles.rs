//! Charging profiles and the composite schedule that they make (3.13, 5.5, 5.7, 5.16).

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Around, OwnStation, items, status};
use crate::protocol::schedule::{Active, DAY, PHASES, Purpose, VOLTAGE, limits};

/// Maximum size of a profile, characters of its JSON.
const MAX_SIZE: usize = 20_000;
/// Maximum current of a connector, A per phase.
const MOST: f64 = 32.0;
/// Maximum duration of a composite schedule, seconds.
const LONGEST: i64 = 7 * DAY;

/// An installed profile.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Installed {
    connector: u64,
    /// `ChargingProfile`
    profile: Value,
}

/// The profiles that the central system has installed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct ChargingProfiles(Vec<Installed>);

impl Installed {
    fn purpose(&self) -> &str {
        self.profile["chargingProfilePurpose"].as_str().unwrap_or_default()
    }

    /// True if a ClearChargingProfile means it: the one with the id, or else all that match every field (errata 3.25, 3.26).
    fn is_cleared(&self, request: &Value) -> bool {
        if !request["id"].is_null() {
            return self.profile["chargingProfileId"] == request["id"];
        }
        let same = |name: &str| request[name].is_null() || request[name] == self.profile[name];
        let connector = request["connectorId"].is_null() || request["connectorId"] == self.connector;
        connector && same("chargingProfilePurpose") && same("stackLevel")
    }

    /// True if another one for this connector takes its place: with the same id, or the same purpose and level (5.16.3).
    fn is_replaced_by(&self, connector: u64, profile: &Value) -> bool {
        let same = |name: &str| self.profile[name] == profile[name];
        same("chargingProfileId")
            || (self.connector == connector && same("chargingProfilePurpose") && same("stackLevel"))
    }
}

impl ChargingProfiles {
    /// Removes the profiles of a transaction that has ended (3.13.1).
    pub(super) fn transaction_ended(&mut self, connector: u64) {
        self.0.retain(|one| one.connector != connector || one.purpose() != "TxProfile");
    }
}

impl OwnStation {
    pub(super) fn set_charging_profile(&self, around: &Around, payload: &Value) -> Value {
        let connector = payload["connectorId"].as_u64().unwrap_or_default();
        let profile = &payload["csChargingProfiles"];
        let place = match profile["chargingProfilePurpose"].as_str() {
            Some("ChargePointMaxProfile") => connector == 0,
            // It needs a transaction that is going on (5.16.4), and this one where it names one.
            Some("TxProfile") => around.running_at(connector).is_some_and(|running| {
                profile["transactionId"].is_null() || profile["transactionId"].as_i64() == running.id
            }),
            _ => around.has(connector),
        };
        let level = profile["stackLevel"].as_u64().and_then(|level| usize::try_from(level).ok());
        let level = level.is_some_and(|level| level <= self.number(around, "ChargeProfileMaxStackLevel"));
        // 7.8, errata 3.56
        let recurring = profile["chargingProfileKind"] == "Recurring";
        let kind = recurring != profile["recurrencyKind"].is_null();
        let replaced = self.profiles.0.iter().any(|one| one.is_replaced_by(connector, profile));
        let room = replaced || self.profiles.0.len() < self.number(around, "MaxChargingProfilesInstalled");
        let sound = place && level && kind && room && self.is_schedule(around, &profile["chargingSchedule"]);
        status(if sound && profile.to_string().len() <= MAX_SIZE { "Accepted" } else { "Rejected" })
    }

    /// True for a schedule that the charge point can follow (7.13): in a unit that it knows, its periods in order from 0.
    fn is_schedule(&self, around: &Around, schedule: &Value) -> bool {
        let unit = schedule["chargingRateUnit"].as_str().is_some_and(|unit| self.knows_unit(around, unit));
        let starts: Vec<i64> =
            items(schedule, "chargingSchedulePeriod").filter_map(|period| period["startPeriod"].as_i64()).collect();
        let in_order = starts.first() == Some(&0) && starts.is_sorted_by(|one, other| one < other);
        unit && in_order && starts.len() <= self.number(around, "ChargingScheduleMaxPeriods")
    }

    fn knows_unit(&self, around: &Around, unit: &str) -> bool {
        let name = if unit == "A" { "Current" } else { "Power" };
        self.value_of(around, "ChargingScheduleAllowedChargingRateUnit").split(',').any(|known| known.trim() == name)
    }

    pub(super) fn keep_charging_profile(&mut self, around: &Around, request: &Value) {
        let connector = request["connectorId"].as_u64().unwrap_or_default();
        let profile = request["csChargingProfiles"].clone();
        if profile.to_string().len() > MAX_SIZE {
            return;
        }
        self.profiles.0.retain(|one| !one.is_replaced_by(connector, &profile));
        if self.profiles.0.len() < self.number(around, "MaxChargingProfilesInstalled") {
            self.profiles.0.push(Installed { connector, profile });
        }
    }

    pub(super) fn clear_charging_profile(&self, payload: &Value) -> Value {
        let found = self.profiles.0.iter().any(|one| one.is_cleared(payload));
        status(if found { "Accepted" } else { "Unknown" })
    }

    pub(super) fn forget_charging_profiles(&mut self, request: &Value) {
        self.profiles.0.retain(|one| !one.is_cleared(request));
    }

    pub(super) fn composite_schedule(&self, around: &Around, payload: &Value) -> Value {
        let unit = payload["chargingRateUnit"].as_str().unwrap_or("A");
        let connector = payload["connectorId"].as_u64().filter(|connector| around.has(*connector));
        let duration = payload["duration"].as_i64().filter(|duration| (1..=LONGEST).contains(duration));
        let (Some(connector), Some(duration), true) = (connector, duration, self.knows_unit(around, unit)) else {
            return status("Rejected");
        };
        let now = around.now.wall;
        let running = around.running_at(connector);
        let begun = running.map_or(now, |one| one.begun);
        // 3.13.1: a default for one connector takes the place of that for all.
        let is_replaced = |one: &Installed| {
            let level = &one.profile["stackLevel"];
            let of_connector = |other: &&Installed| other.connector == connector && other.purpose() == one.purpose();
            self.profiles.0.iter().filter(of_connector).any(|other| other.profile["stackLevel"] == *level)
        };
        let active = |one: &Installed| match one.purpose() {
            "ChargePointMaxProfile" => Some(Purpose::Station),
            "TxDefaultProfile" if connector > 0 && one.connector == connector => Some(Purpose::Default),
            "TxDefaultProfile" if connector > 0 && one.connector == 0 && !is_replaced(one) => Some(Purpose::Default),
            "TxProfile" if running.is_some() && one.connector == connector => Some(Purpose::Transaction),
            _ => None,
        };
        let all: Vec<Active<'_>> = self
            .profiles
            .0
            .iter()
            .filter_map(|one| {
                let (profile, schedule) = (&one.profile, &one.profile["chargingSchedule"]);
                active(one).map(|purpose| Active { purpose, profile, schedule, begun })
            })
            .collect();
        let most = if unit == "A" { MOST } else { MOST * VOLTAGE * PHASES };
        let most = if connector == 0 { around.connectors.iter().map(|_| most).sum() } else { most };
        let periods = limits(&all, now, duration, unit, most).into_iter();
        let periods = periods.take(self.number(around, "ChargingScheduleMaxPeriods"));
        let periods = periods.map(|(start, limit)| json!({ "startPeriod": start, "limit": limit, "numberPhases": 3 }));
        // Errata 3.57: the schedule has no start of its own here.
        json!({
            "status": "Accepted",
            "connectorId": connector,
            "scheduleStart": around.time(),
            "chargingSchedule": {
                "duration": duration,
                "chargingRateUnit": unit,
                "chargingSchedulePeriod": periods.collect::<Vec<_>>(),
            },
        })
    }
}
