//! Charging profiles (K01, K09, K10).

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Around, OwnStation,
    device::Device,
    follow_up::{FollowUp, Message},
    items, refused, status, without_custom_data,
};

/// Maximum size of a profile, characters of its JSON.
const MAX_SIZE: usize = 20_000;
/// The variable with the number of profiles, and as maxLimit the maximum.
const ENTRIES: &str = "SmartChargingCtrlr.Entries[ChargingProfiles]";

/// An installed profile.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Installed {
    pub(super) evse: u64,
    /// `ChargingProfileType`
    pub(super) profile: Value,
    /// An earlier test case has left it behind: another profile may take its place. The CSMS breaks a requirement only by
    /// what it does in one test case, whatever was run before.
    #[serde(default)]
    pub(super) left_behind: bool,
}

/// The profiles that the CSMS has installed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct ChargingProfiles(Vec<Installed>);

impl Installed {
    pub(super) fn purpose(&self) -> &str {
        self.profile["chargingProfilePurpose"].as_str().unwrap_or_default()
    }

    /// True if both can't be at the station at once (K01.FR.06, K01.FR.39, K01.FR.52, K01.FR.53).
    fn is_twin(&self, evse: u64, profile: &Value) -> bool {
        let same = |name: &str| self.profile[name] == profile[name];
        let place = match self.purpose() {
            "TxProfile" => same("transactionId"),
            "TxDefaultProfile" => self.evse == evse || self.evse == 0 || evse == 0,
            _ => self.evse == evse,
        };
        !same("id") && same("chargingProfilePurpose") && same("stackLevel") && place && overlap(&self.profile, profile)
    }

    fn meets(&self, evse: &Value, criteria: &Value) -> bool {
        let same = |name: &str| criteria[name].is_null() || criteria[name] == self.profile[name];
        (evse.is_null() || *evse == self.evse) && same("chargingProfilePurpose") && same("stackLevel")
    }
}

impl ChargingProfiles {
    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Installed> {
        self.0.iter()
    }

    /// A test case begins.
    pub(super) fn leave_behind(&mut self) {
        self.0.iter_mut().for_each(|one| one.left_behind = true);
    }

    /// Removes the profiles of a transaction that has ended.
    pub(super) fn transaction_ended(&mut self, id: &str) {
        self.0.retain(|one| one.profile["transactionId"] != id);
    }

    /// The profiles that a GetChargingProfiles selects (K09.FR.04 to K09.FR.06).
    fn meant<'s>(&'s self, request: &'s Value) -> impl Iterator<Item = &'s Installed> {
        let criteria = &request["chargingProfile"];
        let listed = |name: &str, value: &Value| {
            criteria[name].as_array().is_none_or(|list| list.iter().any(|member| member == value))
        };
        self.0.iter().filter(move |one| {
            one.meets(&request["evseId"], criteria)
                && listed("chargingProfileId", &one.profile["id"])
                && listed("chargingLimitSource", &"CSO".into())
        })
    }

    /// True if a ClearChargingProfile selects it (K10.FR.03, K10.FR.04).
    fn is_cleared(request: &Value, one: &Installed) -> bool {
        let (id, criteria) = (&request["chargingProfileId"], &request["chargingProfileCriteria"]);
        if id.is_null() { one.meets(&criteria["evseId"], criteria) } else { one.profile["id"] == *id }
    }
}

fn time(value: &Value) -> Option<Timestamp> {
    value.as_str()?.parse().ok()
}

/// True if the validity periods of both profiles overlap.
pub(super) fn overlap(one: &Value, other: &Value) -> bool {
    let before = |one: &Value, other: &Value| {
        time(&one["validTo"]).zip(time(&other["validFrom"])).is_some_and(|(end, begin)| end <= begin)
    };
    !before(one, other) && !before(other, one)
}

/// The reason code for an invalid schedule.
fn wrong_schedule(device: &Device<'_>, profile: &Value) -> Option<&'static str> {
    let units = device.value_of("SmartChargingCtrlr.RateUnit").unwrap_or_default();
    let most = device.number("SmartChargingCtrlr.PeriodsPerSchedule");
    let relative = profile["chargingProfileKind"] == "Relative";
    items(profile, "chargingSchedule").find_map(|schedule| {
        let unit = schedule["chargingRateUnit"].as_str().unwrap_or_default();
        let starts: Vec<i64> =
            items(schedule, "chargingSchedulePeriod").filter_map(|one| one["startPeriod"].as_i64()).collect();
        let phase = |period: &Value| !period["phaseToUse"].is_null() && period["numberPhases"] != 1;
        if !units.split(',').any(|known| known == unit) {
            Some("UnsupportedRateUnit") // K01.FR.26
        } else if starts.len() > most {
            Some("TooManyElements")
        } else {
            let in_order = starts.first() == Some(&0) && starts.is_sorted_by(|one, next| one < next); // K01.FR.31, K01.FR.35
            let begins = relative == schedule["startSchedule"].is_null(); // K01.FR.40, K01.FR.41
            let phases = !items(schedule, "chargingSchedulePeriod").any(phase); // K01.FR.19
            (!(in_order && begins && phases)).then_some("InvalidSchedule")
        }
    })
}

impl OwnStation {
    pub(super) fn set_charging_profile(&self, around: &Around, payload: &Value) -> Value {
        match self.wrong_profile(&Device::new(self, around), payload) {
            Some(reason) => refused("Rejected", reason),
            None => status("Accepted"),
        }
    }

    /// The reason code for a profile that can't be installed.
    fn wrong_profile(&self, device: &Device<'_>, payload: &Value) -> Option<&'static str> {
        let profile = &payload["chargingProfile"];
        let Some(evse) = payload["evseId"].as_u64() else { return Some("UnknownEvse") };
        let purpose = profile["chargingProfilePurpose"].as_str().unwrap_or_default();
        let (id, level) = (&profile["id"], profile["stackLevel"].as_u64());
        let highest = device.number("SmartChargingCtrlr.ProfileStackLevel") as u64;
        let known = self.profiles.iter().any(|one| one.profile["id"] == *id);
        let around = device.around;
        if !device.is_enabled("SmartChargingCtrlr") {
            return Some("NotEnabled");
        }
        if evse > 0 && !around.has_evse(evse) {
            return Some("UnknownEvse"); // K01.FR.28
        }
        if level.is_none_or(|level| level > highest) {
            return Some("InvalidStackLevel");
        }
        match purpose {
            "ChargingStationExternalConstraints" => return Some("InvalidProfile"), // K01.FR.22
            "TxProfile" if evse == 0 => return Some("InvalidProfile"),             // K01.FR.16
            "TxProfile" => {
                // K01.FR.03, K01.FR.09, K01.FR.33
                let transaction = profile["transactionId"].as_str().and_then(|id| around.running(id));
                if transaction.is_none_or(|one| one.evse.is_some_and(|of| of != evse)) {
                    return Some("TxNotFound");
                }
            }
            // K01.FR.38
            "ChargingStationMaxProfile" if profile["chargingProfileKind"] == "Relative" || evse > 0 => {
                return Some("InvalidProfile");
            }
            _ => {}
        }
        if let Some(reason) = wrong_schedule(device, profile) {
            return Some(reason);
        }
        // K01.FR.06, K01.FR.39, K01.FR.52, K01.FR.53: there is only one profile per purpose and stack level at a time.
        if self.profiles.iter().any(|one| !one.left_behind && one.is_twin(evse, profile)) {
            return Some("DuplicateProfile");
        }
        if profile.to_string().len() > MAX_SIZE {
            return Some("TooLargeElement");
        }
        (!known && self.profiles.count() >= device.limit(ENTRIES)).then_some("OutOfStorage")
    }

    pub(super) fn keep_charging_profile(&mut self, around: &Around, request: &Value) {
        let most = Device::new(self, around).limit(ENTRIES);
        let profile = without_custom_data(&request["chargingProfile"]);
        if profile.to_string().len() > MAX_SIZE {
            return;
        }
        let evse = request["evseId"].as_u64().unwrap_or_default();
        let replaced = |one: &Installed| one.left_behind && one.is_twin(evse, &profile);
        self.profiles.0.retain(|one| one.profile["id"] != profile["id"] && !replaced(one)); // K01.FR.05
        if self.profiles.count() < most {
            self.profiles.0.push(Installed { evse, profile, left_behind: false });
        }
    }

    pub(super) fn get_charging_profiles(&self, around: &Around, payload: &Value) -> Value {
        let found = self.profiles.meant(payload).next().is_some();
        status(if found && around.room { "Accepted" } else { "NoProfiles" })
    }

    /// One message for each EVSE.
    pub(super) fn profiles_reported(&self, payload: &Value) -> Vec<FollowUp> {
        let mut evses: Vec<u64> = self.profiles.meant(payload).map(|one| one.evse).collect();
        evses.sort_unstable();
        evses.dedup();
        let last = evses.last().copied();
        let whole = evses.into_iter().map(|evse| {
            let own = self.profiles.meant(payload).filter(|one| one.evse == evse);
            let report = json!({
                "requestId": payload["requestId"],
                "chargingLimitSource": "CSO",
                "evseId": evse,
                "chargingProfile": own.map(|one| one.profile.clone()).collect::<Vec<_>>(),
                "tbc": Some(evse) != last, // K09.FR.02
            });
            FollowUp::new("GetChargingProfiles", Message::Whole("ReportChargingProfiles", report))
        });
        whole.collect()
    }

    pub(super) fn clear_charging_profile(&self, payload: &Value) -> Value {
        let found = self.profiles.iter().any(|one| ChargingProfiles::is_cleared(payload, one));
        status(if found { "Accepted" } else { "Unknown" }) // K10.FR.01
    }

    pub(super) fn forget_charging_profiles(&mut self, request: &Value) {
        self.profiles.0.retain(|one| !ChargingProfiles::is_cleared(request, one));
    }
}
