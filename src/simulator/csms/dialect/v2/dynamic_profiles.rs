//! The values of Dynamic charging profiles, which the CSMS changes and stations ask for (K28, Q04, Q07).

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::protocol::v2::charging_period::BOUNDS;

/// Most profiles that are kept.
const MAX_KEPT: usize = 1000;

/// The values that hold of each Dynamic profile of a station, by the id of the profile.
#[derive(Default)]
pub(super) struct DynamicProfiles(BTreeMap<i64, Map<String, Value>>);

fn values(of: &Value) -> Map<String, Value> {
    let members = of.as_object().into_iter().flatten();
    members
        .filter(|(name, _)| BOUNDS.contains(&name.as_str()))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

impl DynamicProfiles {
    /// Learns from an answer of the station.
    pub(super) fn answered(&mut self, action: &str, request: &Value, response: &Value) {
        let status = response["status"].as_str().unwrap_or_default();
        match (action, status) {
            ("SetChargingProfile", "Accepted") => {
                let profile = &request["chargingProfile"];
                let Some(id) = profile["id"].as_i64() else { return };
                self.0.remove(&id);
                if profile["chargingProfileKind"] == "Dynamic" && self.0.len() < MAX_KEPT {
                    self.0.insert(id, values(&profile["chargingSchedule"][0]["chargingSchedulePeriod"][0]));
                }
            }
            ("UpdateDynamicSchedule", "Accepted") => {
                if let Some(known) = request["chargingProfileId"].as_i64().and_then(|id| self.0.get_mut(&id)) {
                    known.extend(values(&request["scheduleUpdate"]));
                }
            }
            _ => {}
        }
    }

    /// Forgets the profiles that the station no longer has.
    pub(super) fn keep(&mut self, is_installed: impl Fn(i64) -> bool) {
        self.0.retain(|id, _| is_installed(*id));
    }

    /// The answer to a PullDynamicScheduleUpdateRequest (K28.FR.07, K28.FR.12).
    pub(super) fn pulled(&self, request: &Value) -> Value {
        match request["chargingProfileId"].as_i64().and_then(|id| self.0.get(&id)) {
            Some(values) => json!({ "status": "Accepted", "scheduleUpdate": values }),
            None => json!({ "status": "Rejected", "statusInfo": { "reasonCode": "InvalidProfile" } }),
        }
    }

    /// Why the CSMS does not send this update, if that is so.
    pub(super) fn forbids(&self, action: &str, request: &Value) -> Option<&'static str> {
        let known = request["chargingProfileId"].as_i64().is_some_and(|id| self.0.contains_key(&id));
        (action == "UpdateDynamicSchedule" && !known)
            .then_some("the station has no Dynamic profile with this id (K28.FR.11)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_station_is_told_the_last_values_of_a_profile_that_is_dynamic() {
        let mut profiles = DynamicProfiles::default();
        let accepted = json!({ "status": "Accepted" });
        let set = |kind: &str| {
            json!({ "evseId": 1, "chargingProfile": {
                "id": 11, "chargingProfileKind": kind,
                "chargingSchedule": [{ "chargingSchedulePeriod": [{ "startPeriod": 0, "limit": 6 }] }],
            } })
        };
        let pull = |profiles: &DynamicProfiles, id: i64| profiles.pulled(&json!({ "chargingProfileId": id }));
        profiles.answered("SetChargingProfile", &set("Dynamic"), &json!({ "status": "Rejected" }));
        assert_eq!(pull(&profiles, 11)["status"], "Rejected");
        profiles.answered("SetChargingProfile", &set("Dynamic"), &accepted);
        assert_eq!(pull(&profiles, 11), json!({ "status": "Accepted", "scheduleUpdate": { "limit": 6 } }));
        assert_eq!(pull(&profiles, 12)["status"], "Rejected");
        let update = json!({ "chargingProfileId": 11, "scheduleUpdate": { "limit": 8 } });
        profiles.answered("UpdateDynamicSchedule", &update, &accepted);
        assert_eq!(pull(&profiles, 11)["scheduleUpdate"], json!({ "limit": 8 }));
        assert_eq!(profiles.forbids("UpdateDynamicSchedule", &update), None);
        profiles.answered("SetChargingProfile", &set("Relative"), &accepted);
        assert_eq!(pull(&profiles, 11)["status"], "Rejected");
        assert!(profiles.forbids("UpdateDynamicSchedule", &update).is_some());
    }
}
