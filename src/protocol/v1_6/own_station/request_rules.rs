//! What a central system must not send, whatever the test case is about: charging profiles that the specification rules out.

use serde_json::Value;

use super::items;
use crate::protocol::{rules::Rule, session::Breach};

/// The profile in a message, with its place.
fn profile<'p>(action: &str, payload: &'p Value) -> Option<(&'p Value, &'static str)> {
    let name = match action {
        "SetChargingProfile" => "csChargingProfiles",
        "RemoteStartTransaction" => "chargingProfile",
        _ => return None,
    };
    payload.get(name).filter(|profile| profile.is_object()).map(|profile| (profile, name))
}

/// What is wrong with the charging profile of a request: the section, the place, and words.
fn complaints(action: &str, payload: &Value) -> Vec<(&'static str, String, &'static str)> {
    let Some((profile, name)) = profile(action, payload) else { return Vec::new() };
    let member = |member: &str| format!("/{name}/{member}");
    let purpose = profile["chargingProfilePurpose"].as_str().unwrap_or_default();
    let whole = payload["connectorId"] == 0;
    let names_transaction = !profile["transactionId"].is_null();
    let mut found = Vec::new();
    if action == "RemoteStartTransaction" {
        if purpose != "TxProfile" {
            let message = "the profile of a RemoteStartTransaction is no TxProfile";
            found.push(("1.6, 5.16", member("chargingProfilePurpose"), message));
        } else if names_transaction {
            let message = "the profile of a RemoteStartTransaction names a transaction";
            found.push(("1.6, 5.16", member("transactionId"), message));
        }
    } else {
        match purpose {
            "ChargePointMaxProfile" if !whole => {
                found.push(("1.6, 3.13.1", "/connectorId".into(), "a ChargePointMaxProfile is for a connector"));
            }
            "TxProfile" if whole => {
                found.push(("1.6, 3.13.1", "/connectorId".into(), "a TxProfile is for the whole charge point"));
            }
            _ => {}
        }
        if purpose != "TxProfile" && names_transaction {
            let message = "a profile that is no TxProfile names a transaction";
            found.push(("1.6, 7.8", member("transactionId"), message));
        }
    }
    // Errata 3.56.
    if profile["chargingProfileKind"] != "Recurring" && !profile["recurrencyKind"].is_null() {
        let message = "a profile that is not Recurring has a recurrencyKind";
        found.push(("1.6, 7.8", member("recurrencyKind"), message));
    }
    // Errata 3.45, 3.70.
    let schedule = &profile["chargingSchedule"];
    if items(schedule, "chargingSchedulePeriod").next().is_some_and(|first| first["startPeriod"] != 0) {
        let pointer = member("chargingSchedule/chargingSchedulePeriod/0/startPeriod");
        found.push(("1.6, 7.13", pointer, "the first period of a schedule does not begin at 0"));
    }
    found
}

/// What is wrong with a request of a central system.
pub(in crate::protocol::v1_6) fn breaches(action: &str, payload: &Value, text: &str) -> Vec<Breach> {
    let breach = |(section, pointer, message): (&str, String, &str)| Breach {
        pointer: Some(pointer),
        requirements: vec![section.to_owned()],
        ..Breach::new(Rule::ChargingProfiles, message.to_owned(), text)
    };
    complaints(action, payload).into_iter().map(breach).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn profile(more: Value) -> Value {
        let mut profile = json!({
            "chargingProfileId": 1,
            "stackLevel": 0,
            "chargingProfilePurpose": "TxProfile",
            "chargingProfileKind": "Relative",
            "chargingSchedule": {
                "chargingRateUnit": "A",
                "chargingSchedulePeriod": [{ "startPeriod": 0, "limit": 6.0 }],
            },
        });
        for (name, value) in more.as_object().expect("an object") {
            profile[name] = value.clone();
        }
        profile
    }

    fn set(connector: u64, more: Value) -> Vec<String> {
        let payload = json!({ "connectorId": connector, "csChargingProfiles": profile(more) });
        pointers("SetChargingProfile", &payload)
    }

    fn start(more: Value) -> Vec<String> {
        pointers("RemoteStartTransaction", &json!({ "idTag": "A", "chargingProfile": profile(more) }))
    }

    fn pointers(action: &str, payload: &Value) -> Vec<String> {
        breaches(action, payload, "").into_iter().filter_map(|breach| breach.pointer).collect()
    }

    #[test]
    fn what_the_specification_allows_is_no_breach() {
        let none: Vec<String> = Vec::new();
        assert_eq!(set(1, json!({ "transactionId": 7 })), none);
        assert_eq!(set(1, json!({})), none, "a TxProfile need not name its transaction (7.8)");
        assert_eq!(set(0, json!({ "chargingProfilePurpose": "ChargePointMaxProfile" })), none);
        assert_eq!(set(0, json!({ "chargingProfilePurpose": "TxDefaultProfile" })), none);
        let daily = json!({ "chargingProfileKind": "Recurring", "recurrencyKind": "Daily" });
        assert_eq!(set(1, daily), none);
        assert_eq!(start(json!({})), none);
        assert_eq!(pointers("RemoteStartTransaction", &json!({ "idTag": "A" })), none);
        assert_eq!(pointers("ClearChargingProfile", &json!({})), none);
    }

    #[test]
    fn what_the_specification_rules_out_is_told_with_its_place() {
        let maximum = json!({ "chargingProfilePurpose": "ChargePointMaxProfile", "transactionId": 7 });
        assert_eq!(set(1, maximum), ["/connectorId", "/csChargingProfiles/transactionId"]);
        assert_eq!(set(0, json!({})), ["/connectorId"]);
        assert_eq!(set(1, json!({ "recurrencyKind": "Daily" })), ["/csChargingProfiles/recurrencyKind"]);
        let late = json!({ "chargingSchedule": {
            "chargingRateUnit": "A",
            "chargingSchedulePeriod": [{ "startPeriod": 60, "limit": 6.0 }],
        } });
        let first = "/chargingProfile/chargingSchedule/chargingSchedulePeriod/0/startPeriod";
        assert_eq!(start(late), [first]);
        assert_eq!(start(json!({ "transactionId": 7 })), ["/chargingProfile/transactionId"]);
        let default = json!({ "chargingProfilePurpose": "TxDefaultProfile" });
        assert_eq!(start(default), ["/chargingProfile/chargingProfilePurpose"]);
    }
}
