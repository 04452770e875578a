//! Transactions that a station resumes (B13, E17).

use serde_json::{Value, json};

use super::{smart_charging::SmartCharging, variables::Variables};

/// The SetChargingProfile for the TxProfiles of a resumed transaction, if the station has lost them (B13.FR.31, E17.FR.15).
pub(super) fn lost_profiles(variables: &Variables, known: &SmartCharging, event: &Value) -> Vec<Value> {
    let resumed = event["triggerReason"] == "TxResumed" && event["eventType"] == "Updated" && event["offline"] != true;
    let kept = variables.value("SmartChargingCtrlr.ChargingProfilePersistence[TxProfile]") == Some("true");
    if !resumed || kept {
        return Vec::new();
    }
    let id = event["transactionInfo"]["transactionId"].as_str().unwrap_or_default();
    known.all_of_transaction(id).map(|(evse, profile)| json!({ "evseId": evse, "chargingProfile": profile })).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_is_sent_again_unless_the_station_has_kept_it() {
        let mut known = SmartCharging::default();
        let profile = json!({
            "id": 3, "stackLevel": 0, "chargingProfilePurpose": "TxProfile", "chargingProfileKind": "Relative",
            "transactionId": "a", "chargingSchedule": [],
        });
        let request = json!({ "evseId": 1, "chargingProfile": profile });
        known.answered("SetChargingProfile", &request, &json!({ "status": "Accepted" }));
        let event = |id: &str, reason: &str| json!({ "eventType": "Updated", "triggerReason": reason, "transactionInfo": { "transactionId": id } });
        let mut variables = Variables::default();
        assert_eq!(lost_profiles(&variables, &known, &event("a", "TxResumed")), [request]);
        assert!(lost_profiles(&variables, &known, &event("a", "ChargingStateChanged")).is_empty());
        assert!(lost_profiles(&variables, &known, &event("b", "TxResumed")).is_empty());
        variables.reported(&json!({ "reportData": [{
            "component": { "name": "SmartChargingCtrlr" },
            "variable": { "name": "ChargingProfilePersistence", "instance": "TxProfile" },
            "variableAttribute": [{ "value": "true" }],
        }] }));
        assert!(lost_profiles(&variables, &known, &event("a", "TxResumed")).is_empty());
    }
}
