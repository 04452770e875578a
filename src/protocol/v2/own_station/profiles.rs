//! Charging profiles (K01, K09, K10), and limits by other systems (K11 to K13), which a station reports as profiles.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Around, OwnStation,
    device::Device,
    follow_up::{FollowUp, Message},
    is_same, items, refused,
    request_rules::EXTERNAL,
    status, without_custom_data,
};

/// Maximum number of profiles with those of other systems.
const MAX_KEPT: usize = 1000;
/// Maximum size of a profile, characters of its JSON.
const MAX_SIZE: usize = 20_000;
/// The chargingLimitSource of what the CSMS installs.
const CSMS: &str = "CSO";
/// Maximum number of profiles of remote starts whose transaction has not begun.
const MAX_AWAITED: usize = 100;
/// The variable with the number of profiles, and as maxLimit the maximum.
const ENTRIES: &str = "SmartChargingCtrlr.Entries[ChargingProfiles]";

/// An installed profile.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Installed {
    pub(super) evse: u64,
    /// `ChargingProfileType`
    pub(super) profile: Value,
    /// `ChargingLimitSourceEnumType`
    #[serde(default = "by_csms")]
    source: String,
    /// An earlier test case has left it behind: another profile may take its place. The CSMS breaks a requirement only by
    /// what it does in one test case, whatever was run before.
    #[serde(default)]
    pub(super) left_behind: bool,
}

fn by_csms() -> String {
    CSMS.into()
}

/// The profiles that the station has.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct ChargingProfiles(Vec<Installed>);

impl Installed {
    pub(super) fn purpose(&self) -> &str {
        self.profile["chargingProfilePurpose"].as_str().unwrap_or_default()
    }

    fn is_external(&self) -> bool {
        self.purpose() == EXTERNAL
    }

    /// True if both can't be at the station at once (K01.FR.06, K01.FR.39, K01.FR.52, K01.FR.53).
    fn is_twin(&self, evse: u64, profile: &Value) -> bool {
        let same = |name: &str| self.profile[name] == profile[name];
        let place = match self.purpose() {
            "TxProfile" => {
                let id = profile["transactionId"].as_str();
                same("transactionId") || id.is_some_and(|id| is_same(&self.profile["transactionId"], id))
            }
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
        self.0.retain(|one| !is_same(&one.profile["transactionId"], id));
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
                && listed("chargingLimitSource", &one.source.as_str().into())
        })
    }

    /// True if a ClearChargingProfile selects it (K10.FR.03, K10.FR.04, K10.FR.08, K10.FR.09).
    fn is_cleared(request: &Value, one: &Installed) -> bool {
        let (id, criteria) = (&request["chargingProfileId"], &request["chargingProfileCriteria"]);
        let meant = if id.is_null() { one.meets(&criteria["evseId"], criteria) } else { one.profile["id"] == *id };
        meant && !one.is_external()
    }

    /// Learns what a report of ours says that the station has.
    pub(super) fn reported(&mut self, report: &Value) {
        let source = report["chargingLimitSource"].as_str().unwrap_or(CSMS);
        for profile in items(report, "chargingProfile") {
            let known = self.0.iter().any(|one| one.profile["id"] == profile["id"]);
            if !known && self.0.len() < MAX_KEPT {
                let evse = report["evseId"].as_u64().unwrap_or_default();
                self.0.push(Installed {
                    evse,
                    profile: profile.clone(),
                    source: source.to_owned(),
                    left_behind: false,
                });
            }
        }
    }

    /// Another system sets a limit. Without its schedules the CSMS is not told what it is (K12.FR.03).
    pub(super) fn limited(&mut self, around: &Around, told: &Value) {
        let evse = told["evseId"].as_u64().unwrap_or_default();
        let source = told["chargingLimit"]["chargingLimitSource"].as_str().unwrap_or_default();
        self.0.retain(|one| !(one.is_external() && one.evse == evse && one.source == source));
        let Some(schedule) = items(told, "chargingSchedule").next().filter(|_| self.0.len() < MAX_KEPT) else { return };
        let mut schedule = schedule.clone();
        if schedule["startSchedule"].is_null() {
            schedule["startSchedule"] = around.time().into();
        }
        // K12.FR.05: no id that the CSMS would give.
        let taken = |id: i64| self.0.iter().any(|one| one.profile["id"] == id);
        let id = (-1001..0).rev().find(|id| !taken(*id)).unwrap_or(-1);
        let profile = json!({
            "id": id, "stackLevel": 0, "chargingProfilePurpose": EXTERNAL, "chargingProfileKind": "Absolute",
            "chargingSchedule": [schedule],
        });
        self.0.push(Installed { evse, profile, source: source.to_owned(), left_behind: false });
    }

    /// Another system takes a limit back; without an EVSE, all of its limits (K13).
    pub(super) fn released(&mut self, told: &Value) {
        let of = |one: &Installed| told["evseId"].as_u64().is_none_or(|evse| evse == one.evse);
        self.0.retain(|one| !(one.is_external() && told["chargingLimitSource"] == one.source.as_str() && of(one)));
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
    let dynamic = profile["chargingProfileKind"] == "Dynamic"; // begins when it comes
    let switches = device.value_of("SmartChargingCtrlr.ACPhaseSwitchingSupported").as_deref() == Some("true");
    let phases = device.number("ChargingStation.SupplyPhases") as u64;
    items(profile, "chargingSchedule").find_map(|schedule| {
        let unit = schedule["chargingRateUnit"].as_str().unwrap_or_default();
        let starts: Vec<i64> =
            items(schedule, "chargingSchedulePeriod").filter_map(|one| one["startPeriod"].as_i64()).collect();
        let phase = |period: &Value| {
            let (number, used) = (period["numberPhases"].as_u64(), !period["phaseToUse"].is_null());
            // K01.FR.19, K01.FR.43, K01.FR.48: what does not switch phases charges on all of them.
            (used && number != Some(1)) || (!switches && (used || number.is_some_and(|number| number < phases)))
        };
        if !units.split(',').any(|known| known == unit) {
            Some("UnsupportedRateUnit") // K01.FR.26
        } else if starts.len() > most {
            Some("TooManyElements")
        } else {
            let in_order = starts.first() == Some(&0) && starts.is_sorted_by(|one, next| one < next); // K01.FR.31, K01.FR.35
            let begins = dynamic || relative == schedule["startSchedule"].is_null(); // K01.FR.40, K01.FR.41
            let on_phases = !items(schedule, "chargingSchedulePeriod").any(phase);
            (!(in_order && begins && on_phases)).then_some("InvalidSchedule")
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
        if self.profiles.iter().any(|one| one.is_external() && one.profile["id"] == *id) {
            return Some("InvalidProfile"); // K01.FR.05
        }
        match purpose {
            EXTERNAL => return Some("InvalidProfile"),                 // K01.FR.22
            "TxProfile" if evse == 0 => return Some("InvalidProfile"), // K01.FR.16
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

    /// K28.FR.06, K28.FR.11
    pub(super) fn update_dynamic_schedule(&self, payload: &Value) -> Value {
        let is_meant = |one: &Installed| {
            one.profile["id"] == payload["chargingProfileId"] && one.profile["chargingProfileKind"] == "Dynamic"
        };
        if self.profiles.iter().any(is_meant) { status("Accepted") } else { refused("Rejected", "InvalidProfile") }
    }

    pub(super) fn keep_charging_profile(&mut self, around: &Around, request: &Value) {
        let most = Device::new(self, around).limit(ENTRIES);
        let profile = without_custom_data(&request["chargingProfile"]);
        if profile.to_string().len() > MAX_SIZE {
            return;
        }
        let evse = request["evseId"].as_u64().unwrap_or_default();
        let replaced = |one: &Installed| one.left_behind && one.is_twin(evse, &profile);
        // K01.FR.05
        self.profiles.0.retain(|one| one.is_external() || (one.profile["id"] != profile["id"] && !replaced(one)));
        if self.profiles.count() < most {
            self.profiles.0.push(Installed { evse, profile, source: by_csms(), left_behind: false });
        }
    }

    /// K05.FR.04, K05.FR.05
    pub(super) fn request_start(&self, around: &Around, payload: &Value) -> Value {
        let device = Device::new(self, around);
        let profile = &payload["chargingProfile"];
        if profile.is_null() || !device.is_enabled("SmartChargingCtrlr") {
            return status("Accepted");
        }
        let highest = device.number("SmartChargingCtrlr.ProfileStackLevel") as u64;
        let fits = profile["chargingProfilePurpose"] == "TxProfile"
            && profile["transactionId"].is_null()
            && profile["stackLevel"].as_u64().is_some_and(|level| level <= highest)
            && profile.to_string().len() <= MAX_SIZE;
        match wrong_schedule(&device, profile) {
            _ if !fits => refused("Rejected", "InvalidProfile"),
            Some(_) => refused("Rejected", "InvalidSchedule"),
            None => status("Accepted"),
        }
    }

    /// Keeps the profile of a remote start until its transaction begins.
    pub(super) fn await_transaction(&mut self, around: &Around, request: &Value) {
        let enabled = Device::new(self, around).is_enabled("SmartChargingCtrlr");
        let profile = without_custom_data(&request["chargingProfile"]);
        let sound = profile.is_object() && profile.to_string().len() <= MAX_SIZE;
        if let Some(id) = request["remoteStartId"].as_i64().filter(|_| enabled && sound) {
            if self.awaited_profiles.len() >= MAX_AWAITED {
                self.awaited_profiles.pop_first();
            }
            self.awaited_profiles.insert(id, profile);
        }
    }

    /// The transaction of a remote start begins: its profile is for it (F01.FR.10, K05.FR.03).
    pub(super) fn start_with_profile(&mut self, around: &Around, event: &Value, evse: Option<u64>) {
        let transaction = &event["transactionInfo"];
        let awaited = transaction["remoteStartId"].as_i64().and_then(|id| self.awaited_profiles.remove(&id));
        if let Some((mut profile, evse)) = awaited.zip(evse) {
            profile["transactionId"] = transaction["transactionId"].clone();
            self.keep_charging_profile(around, &json!({ "evseId": evse, "chargingProfile": profile }));
        }
    }

    pub(super) fn get_charging_profiles(&self, around: &Around, payload: &Value) -> Value {
        let found = self.profiles.meant(payload).next().is_some();
        status(if found && around.room { "Accepted" } else { "NoProfiles" })
    }

    /// One message for each EVSE and source.
    pub(super) fn profiles_reported(&self, payload: &Value) -> Vec<FollowUp> {
        let place = |one: &'_ Installed| (one.evse, one.source.clone());
        let mut places: Vec<(u64, String)> = self.profiles.meant(payload).map(place).collect();
        places.sort_unstable();
        places.dedup();
        let last = places.last().cloned();
        let whole = places.into_iter().map(|of| {
            let own = self.profiles.meant(payload).filter(|one| place(one) == of);
            let report = json!({
                "requestId": payload["requestId"],
                "chargingLimitSource": of.1,
                "evseId": of.0,
                "chargingProfile": own.map(|one| one.profile.clone()).collect::<Vec<_>>(),
                "tbc": Some(&of) != last.as_ref(), // K09.FR.02
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
