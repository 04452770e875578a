//! The charging profiles of a station, and which the CSMS may send (K01, K09, K10).

use jiff::Timestamp;
use serde_json::Value;

/// Most profiles of a station that are kept.
const MAX_KEPT: usize = 1000;
/// The purpose of profiles that come from other systems; no CSMS sends or clears one (K01.FR.22, K10.FR.06).
const EXTERNAL: &str = "ChargingStationExternalConstraints";

/// A profile at its EVSE.
struct Installed {
    evse: i64,
    profile: Value,
}

/// The profiles that the CSMS has installed at a station.
#[derive(Default)]
pub(super) struct SmartCharging {
    profiles: Vec<Installed>,
}

fn items<'v>(payload: &'v Value, name: &str) -> impl Iterator<Item = &'v Value> {
    payload[name].as_array().into_iter().flatten()
}

fn evse(payload: &Value) -> i64 {
    payload["evseId"].as_i64().unwrap_or_default()
}

fn time(value: &Value) -> Option<Timestamp> {
    value.as_str()?.parse().ok()
}

/// Whether there is a moment at which both are valid.
fn overlap(one: &Value, other: &Value) -> bool {
    let over_before = |one: &Value, other: &Value| {
        time(&one["validTo"]).zip(time(&other["validFrom"])).is_some_and(|(end, begin)| end <= begin)
    };
    !over_before(one, other) && !over_before(other, one)
}

/// What is wrong with the schedules of a profile.
fn wrong_schedules(profile: &Value) -> Option<&'static str> {
    let relative = profile["chargingProfileKind"] == "Relative";
    let dynamic = profile["chargingProfileKind"] == "Dynamic"; // begins when it comes
    items(profile, "chargingSchedule").find_map(|schedule| {
        let periods = || items(schedule, "chargingSchedulePeriod");
        let starts: Vec<i64> = periods().filter_map(|period| period["startPeriod"].as_i64()).collect();
        let phase = |period: &Value| !period["phaseToUse"].is_null() && period["numberPhases"] != 1;
        match schedule.get("startSchedule") {
            None if !relative && !dynamic => Some("startSchedule is missing (K01.FR.40)"),
            Some(_) if relative => Some("a Relative profile has no startSchedule (K01.FR.41)"),
            _ if starts.first() != Some(&0) => Some("the first period does not begin at 0 (K01.FR.31)"),
            _ if !starts.is_sorted_by(|one, next| one < next) => Some("the periods are not in order (K01.FR.35)"),
            _ if periods().any(phase) => Some("phaseToUse is for one phase (K01.FR.19)"),
            _ => None,
        }
    })
}

impl SmartCharging {
    /// Why the CSMS does not send this, if that is so.
    pub(super) fn forbids(&self, action: &str, payload: &Value) -> Option<&'static str> {
        let profile = &payload["chargingProfile"];
        match action {
            "SetChargingProfile" => self.wrong_profile(evse(payload), profile).or_else(|| wrong_schedules(profile)),
            "RequestStartTransaction" if profile.is_object() => {
                if profile["chargingProfilePurpose"] != "TxProfile" {
                    return Some("the profile must be a TxProfile (F01.FR.09)");
                }
                if profile.get("transactionId").is_some() {
                    return Some("the profile can't name a transaction yet (F01.FR.11)");
                }
                wrong_schedules(profile)
            }
            "GetChargingProfiles" if profile.as_object().is_some_and(serde_json::Map::is_empty) => {
                Some("there is no criterion (K09.FR.03)")
            }
            "ClearChargingProfile" => {
                let criteria = payload["chargingProfileCriteria"].as_object();
                if payload.get("chargingProfileId").is_none() && criteria.is_none_or(serde_json::Map::is_empty) {
                    return Some("there is neither an id nor a criterion (K10.FR.02)");
                }
                (payload["chargingProfileCriteria"]["chargingProfilePurpose"] == EXTERNAL)
                    .then_some("limits by other systems are not the CSMS's to clear (K10.FR.06)")
            }
            _ => None,
        }
    }

    fn wrong_profile(&self, evse: i64, profile: &Value) -> Option<&'static str> {
        let transaction = profile.get("transactionId");
        match profile["chargingProfilePurpose"].as_str().unwrap_or_default() {
            EXTERNAL => return Some("limits by other systems are not the CSMS's to set (K01.FR.22)"),
            "TxProfile" if evse == 0 => return Some("a TxProfile is for one EVSE (K01.FR.16)"),
            "TxProfile" if transaction.is_none() => return Some("a TxProfile names a transaction (K01.FR.03)"),
            "ChargingStationMaxProfile" if evse != 0 => {
                return Some("a ChargingStationMaxProfile is for the whole station (K04.FR.03)");
            }
            "ChargingStationMaxProfile" if profile["chargingProfileKind"] == "Relative" => {
                return Some("a ChargingStationMaxProfile can't be Relative (K01.FR.38)");
            }
            _ => {}
        }
        let twin = self.at_the_place(evse, profile).any(|one| one.profile["id"] != profile["id"]);
        twin.then_some("another profile has this purpose and stack level (K01.FR.06, K01.FR.39)")
    }

    /// The profiles at the place of a profile, of which there may be one only (K01.FR.06, K01.FR.39).
    fn at_the_place(&self, evse: i64, profile: &Value) -> impl Iterator<Item = &Installed> {
        self.profiles.iter().filter(move |one| {
            let same = |name: &str| one.profile[name] == profile[name];
            same("chargingProfilePurpose")
                && same("stackLevel")
                && if profile.get("transactionId").is_some() {
                    same("transactionId")
                } else {
                    one.evse == evse && overlap(&one.profile, profile)
                }
        })
    }

    /// The id of the profile whose place a SetChargingProfileRequest takes.
    pub(super) fn twin(&self, request: &Value) -> Option<i64> {
        self.at_the_place(evse(request), &request["chargingProfile"]).find_map(|one| one.profile["id"].as_i64())
    }

    /// Whether the station has a profile with this id.
    pub(super) fn has(&self, id: i64) -> bool {
        self.profiles.iter().any(|one| one.profile["id"] == id)
    }

    /// The profile of a transaction.
    pub(super) fn of_transaction(&self, id: &str) -> Option<&Value> {
        self.profiles.iter().map(|one| &one.profile).find(|profile| profile["transactionId"] == id)
    }

    /// All profiles of a transaction, each with its EVSE.
    pub(super) fn all_of_transaction<'s>(&'s self, id: &'s str) -> impl Iterator<Item = (i64, &'s Value)> {
        let of = move |one: &&Installed| one.profile["transactionId"] == id;
        self.profiles.iter().filter(of).map(|one| (one.evse, &one.profile))
    }

    fn keep(&mut self, evse: i64, profile: &Value) {
        self.profiles.retain(|one| one.profile["id"] != profile["id"]);
        if self.profiles.len() < MAX_KEPT {
            self.profiles.push(Installed { evse, profile: profile.clone() });
        }
    }

    /// Learns from an answer of the station.
    pub(super) fn answered(&mut self, action: &str, request: &Value, response: &Value) {
        let status = response["status"].as_str().unwrap_or_default();
        match (action, status) {
            ("SetChargingProfile", "Accepted") => self.keep(evse(request), &request["chargingProfile"]),
            // What the station does not know is not there either.
            ("ClearChargingProfile", "Accepted" | "Unknown") => {
                let criteria = &request["chargingProfileCriteria"];
                let same = |name: &str, value: &Value| criteria[name].is_null() || criteria[name] == *value;
                self.profiles.retain(|one| match request.get("chargingProfileId") {
                    Some(id) => one.profile["id"] != *id,
                    None => {
                        let of = |name: &str| same(name, &one.profile[name]);
                        !(same("evseId", &one.evse.into()) && of("chargingProfilePurpose") && of("stackLevel"))
                    }
                });
            }
            _ => {}
        }
    }

    /// Takes a message of the station in.
    pub(super) fn told(&mut self, action: &str, payload: &Value) {
        match action {
            "ReportChargingProfiles" if payload["chargingLimitSource"] == "CSO" => {
                for profile in items(payload, "chargingProfile") {
                    self.keep(evse(payload), profile);
                }
            }
            // Its profiles end with a transaction (K02.FR.05).
            "TransactionEvent" if payload["eventType"] == "Ended" => {
                let id = &payload["transactionInfo"]["transactionId"];
                self.profiles.retain(|one| one.profile["transactionId"] != *id);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn asked(id: i64, evse: i64, change: &dyn Fn(&mut Value)) -> Value {
        let mut profile = json!({
            "id": id, "stackLevel": 0, "chargingProfilePurpose": "TxDefaultProfile", "chargingProfileKind": "Absolute",
            "chargingSchedule": [{
                "id": 1, "startSchedule": "2026-01-01T00:00:00Z", "chargingRateUnit": "A",
                "chargingSchedulePeriod": [{ "startPeriod": 0, "limit": 6.0 }, { "startPeriod": 60, "limit": 8.0 }],
            }],
        });
        change(&mut profile);
        json!({ "evseId": evse, "chargingProfile": profile })
    }

    #[test]
    fn a_profile_that_breaks_a_requirement_is_not_sent() {
        let smart = SmartCharging::default();
        let told = |evse: i64, change: &dyn Fn(&mut Value)| {
            let told = smart.forbids("SetChargingProfile", &asked(1, evse, change));
            told.and_then(|told| told.split_once('(')).map_or("", |(_, id)| id.trim_end_matches(')')).to_owned()
        };
        let found = [
            told(1, &|_| {}),
            told(1, &|one| one["chargingProfilePurpose"] = EXTERNAL.into()),
            told(0, &|one| one["chargingProfilePurpose"] = "TxProfile".into()),
            told(1, &|one| one["chargingProfilePurpose"] = "TxProfile".into()),
            told(1, &|one| one["chargingProfilePurpose"] = "ChargingStationMaxProfile".into()),
            told(1, &|one| one["chargingProfileKind"] = "Relative".into()),
            told(1, &|one| one["chargingSchedule"][0]["chargingSchedulePeriod"][0]["startPeriod"] = 1.into()),
            told(1, &|one| one["chargingSchedule"][0]["chargingSchedulePeriod"][1]["startPeriod"] = 0.into()),
            told(1, &|one| one["chargingSchedule"][0]["chargingSchedulePeriod"][1]["phaseToUse"] = 2.into()),
        ];
        let expected = [
            "",
            "K01.FR.22",
            "K01.FR.16",
            "K01.FR.03",
            "K04.FR.03",
            "K01.FR.41",
            "K01.FR.31",
            "K01.FR.35",
            "K01.FR.19",
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn two_profiles_never_have_one_place() {
        let mut smart = SmartCharging::default();
        let accepted = json!({ "status": "Accepted" });
        smart.answered("SetChargingProfile", &asked(1, 1, &|_| {}), &accepted);
        let free = |smart: &SmartCharging, asked: &Value| smart.forbids("SetChargingProfile", asked).is_none();
        assert!(!free(&smart, &asked(2, 1, &|_| {})));
        assert!(free(&smart, &asked(1, 1, &|_| {}))); // takes the place of the first
        assert!(free(&smart, &asked(2, 2, &|_| {})));
        assert!(free(&smart, &asked(2, 1, &|one| one["stackLevel"] = 1.into())));
        let criteria = json!({ "chargingProfileCriteria": { "evseId": 1, "stackLevel": 0 } });
        smart.answered("ClearChargingProfile", &criteria, &json!({ "status": "Unknown" }));
        assert!(free(&smart, &asked(2, 1, &|_| {})));
        let report = json!({
            "requestId": 1, "chargingLimitSource": "CSO", "evseId": 1,
            "chargingProfile": [asked(3, 1, &|_| {})["chargingProfile"]],
        });
        smart.told("ReportChargingProfiles", &report);
        assert!(!free(&smart, &asked(2, 1, &|_| {})));
    }
}
