//! Charging profiles and the limits that they make.

use std::time::Duration;

use serde_json::{Value, json};

use super::{ChargePoint, Dialect, accepted, act, ask, at, charging, done, exchange, told};

/// A profile in watts; what is given overrules the rest.
fn profile(id: i64, purpose: &str, level: i64, limit: f64, more: Value) -> Value {
    let mut profile = json!({
        "chargingProfileId": id,
        "stackLevel": level,
        "chargingProfilePurpose": purpose,
        "chargingProfileKind": "Relative",
        "chargingSchedule": {
            "chargingRateUnit": "W",
            "chargingSchedulePeriod": [{ "startPeriod": 0, "limit": limit }],
        },
    });
    for (name, value) in more.as_object().unwrap() {
        profile[name] = value.clone();
    }
    profile
}

fn set(station: &mut ChargePoint, connector: i64, profile: Value) -> Value {
    let payload = json!({ "connectorId": connector, "csChargingProfiles": profile });
    ask(station, "SetChargingProfile", payload).0["status"].clone()
}

/// The limits of a connector: from which second each holds.
fn limits(station: &mut ChargePoint, connector: i64) -> Vec<(i64, f64)> {
    let payload = json!({ "connectorId": connector, "duration": 300, "chargingRateUnit": "W" });
    let told = ask(station, "GetCompositeSchedule", payload).0;
    assert_eq!((&told["status"], &told["connectorId"]), (&json!("Accepted"), &json!(connector)));
    assert_eq!(
        (&told["chargingSchedule"]["duration"], told["chargingSchedule"].get("startSchedule")),
        (&json!(300), None)
    );
    let periods = told["chargingSchedule"]["chargingSchedulePeriod"].as_array().unwrap().iter();
    periods.map(|one| (one["startPeriod"].as_i64().unwrap(), one["limit"].as_f64().unwrap())).collect()
}

#[tokio::test(start_paused = true)]
async fn the_purposes_are_for_their_places() {
    let mut station = accepted().await;
    let none = json!({});
    assert_eq!(set(&mut station, 0, profile(1, "ChargePointMaxProfile", 0, 9000.0, none.clone())), "Accepted");
    assert_eq!(set(&mut station, 1, profile(2, "ChargePointMaxProfile", 0, 9000.0, none.clone())), "Rejected");
    assert_eq!(set(&mut station, 0, profile(3, "TxDefaultProfile", 0, 8000.0, none.clone())), "Accepted");
    assert_eq!(set(&mut station, 1, profile(4, "TxDefaultProfile", 0, 7000.5, none.clone())), "Accepted");
    assert_eq!(limits(&mut station, 1), [(0, 7000.5)], "that of the connector takes the place of that for all");
    assert_eq!(limits(&mut station, 2), [(0, 8000.0)]);
    assert_eq!(set(&mut station, 1, profile(5, "TxProfile", 0, 5000.0, none)), "Rejected", "no transaction");
    assert!(station.has_no_such_connector(&json!({ "connectorId": 9 })));
    assert!(!station.has_no_such_connector(&json!({ "connectorId": 0 })));
    assert_eq!(
        ask(&mut station, "GetCompositeSchedule", json!({ "connectorId": 9, "duration": 300 })).0["status"],
        "Rejected"
    );
    let amperes = json!({ "connectorId": 1, "duration": 300, "chargingRateUnit": "A" });
    assert_eq!(
        ask(&mut station, "GetCompositeSchedule", amperes).0["status"],
        "Rejected",
        "the product knows watts only"
    );
}

#[tokio::test(start_paused = true)]
async fn what_the_charge_point_cannot_follow_is_refused() {
    let mut station = accepted().await;
    let mut refused = |level: i64, more: Value| {
        assert_eq!(
            set(&mut station, 1, profile(1, "TxDefaultProfile", level, 6000.0, more.clone())),
            "Rejected",
            "{more}"
        );
    };
    refused(11, json!({}));
    refused(0, json!({ "transactionId": 7 }));
    refused(0, json!({ "recurrencyKind": "Daily" }));
    refused(0, json!({ "chargingProfileKind": "Recurring" }));
    let schedule = |unit: &str, starts: &[i64]| {
        let periods: Vec<Value> = starts.iter().map(|start| json!({ "startPeriod": start, "limit": 6.0 })).collect();
        json!({ "chargingSchedule": { "chargingRateUnit": unit, "chargingSchedulePeriod": periods } })
    };
    refused(0, schedule("A", &[0]));
    refused(0, schedule("W", &[60]));
    refused(0, schedule("W", &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]));
    for id in 1..=10 {
        assert_eq!(set(&mut station, 1, profile(id, "TxDefaultProfile", id, 6000.0, json!({}))), "Accepted");
    }
    assert_eq!(set(&mut station, 2, profile(11, "TxDefaultProfile", 0, 6000.0, json!({}))), "Rejected", "no room");
    assert_eq!(
        set(&mut station, 1, profile(12, "TxDefaultProfile", 3, 6000.0, json!({}))),
        "Accepted",
        "it replaces one"
    );
}

#[tokio::test(start_paused = true)]
async fn the_profile_of_a_transaction_ends_with_it() {
    let mut station = charging().await;
    assert_eq!(set(&mut station, 1, profile(1, "TxDefaultProfile", 5, 7000.0, json!({}))), "Accepted");
    assert_eq!(set(&mut station, 1, profile(2, "TxProfile", 0, 5000.0, json!({ "transactionId": 78 }))), "Rejected");
    assert_eq!(set(&mut station, 2, profile(2, "TxProfile", 0, 5000.0, json!({ "transactionId": 77 }))), "Rejected");
    assert_eq!(set(&mut station, 0, profile(2, "TxProfile", 0, 5000.0, json!({ "transactionId": 77 }))), "Rejected");
    assert_eq!(set(&mut station, 1, profile(2, "TxProfile", 0, 5000.0, json!({ "transactionId": 77 }))), "Accepted");
    assert_eq!(limits(&mut station, 1), [(0, 5000.0)]);
    assert_eq!(
        set(&mut station, 1, profile(3, "TxProfile", 0, 4000.0, json!({}))),
        "Accepted",
        "7.8: it need not name it"
    );
    assert_eq!(limits(&mut station, 1), [(0, 4000.0)], "the same level is replaced");
    ask(&mut station, "RemoteStopTransaction", json!({ "transactionId": 77 }));
    assert_eq!(limits(&mut station, 1), [(0, 7000.0)]);
}

#[tokio::test(start_paused = true)]
async fn a_remote_start_brings_a_profile() {
    let mut station = accepted().await;
    done(&mut station, "connect-ev", at());
    let start = |profile: Value| json!({ "idTag": "GOOD", "connectorId": 1, "chargingProfile": profile });
    let wrong = start(profile(1, "TxDefaultProfile", 0, 5000.0, json!({})));
    assert_eq!(ask(&mut station, "RemoteStartTransaction", wrong).0["status"], "Rejected");
    let wrong = start(profile(1, "TxProfile", 0, 5000.0, json!({ "transactionId": 77 })));
    assert_eq!(ask(&mut station, "RemoteStartTransaction", wrong).0["status"], "Rejected");
    let right = start(profile(1, "TxProfile", 0, 5000.0, json!({})));
    assert_eq!(ask(&mut station, "RemoteStartTransaction", right).0["status"], "Accepted");
    assert!(station.sessions[0].transaction.is_some());
    assert_eq!(limits(&mut station, 1), [(0, 5000.0)]);
    assert_eq!(set(&mut station, 1, profile(2, "TxProfile", 1, 4000.0, json!({ "transactionId": 77 }))), "Accepted");
    assert_eq!(limits(&mut station, 1), [(0, 4000.0)], "stacked next to it");
    assert_eq!(ask(&mut station, "ClearChargingProfile", json!({ "id": 2 })).0["status"], "Accepted");
    assert_eq!(limits(&mut station, 1), [(0, 5000.0)]);
}

#[tokio::test(start_paused = true)]
async fn profiles_are_cleared_by_id_or_by_all_that_is_given() {
    let mut station = accepted().await;
    let clear = |station: &mut ChargePoint, criteria: Value| {
        ask(station, "ClearChargingProfile", criteria).0["status"].as_str().unwrap().to_owned()
    };
    let free = limits(&mut station, 1);
    set(&mut station, 1, profile(1, "TxDefaultProfile", 1, 6000.0, json!({})));
    set(&mut station, 1, profile(2, "TxDefaultProfile", 0, 7000.0, json!({})));
    set(&mut station, 0, profile(3, "ChargePointMaxProfile", 0, 8000.0, json!({})));
    assert_eq!(clear(&mut station, json!({ "connectorId": 2 })), "Unknown");
    assert_eq!(clear(&mut station, json!({ "id": 1, "stackLevel": 9 })), "Accepted", "with an id nothing else counts");
    assert_eq!(limits(&mut station, 1), [(0, 7000.0)]);
    let both = json!({ "chargingProfilePurpose": "TxDefaultProfile", "stackLevel": 0 });
    assert_eq!(clear(&mut station, both.clone()), "Accepted");
    assert_eq!(limits(&mut station, 1), [(0, 8000.0)]);
    assert_eq!(clear(&mut station, both), "Unknown");
    assert_eq!(clear(&mut station, json!({})), "Accepted");
    assert_eq!(limits(&mut station, 1), free);
}

#[tokio::test(start_paused = true)]
async fn a_limit_of_nothing_suspends_until_it_ends() {
    let mut station = charging().await;
    let schedule = json!({ "chargingSchedule": {
        "duration": 60,
        "chargingRateUnit": "W",
        "chargingSchedulePeriod": [{ "startPeriod": 0, "limit": 0.0 }],
    } });
    let payload = json!({ "connectorId": 1, "csChargingProfiles": profile(1, "TxDefaultProfile", 0, 0.0, schedule) });
    assert_eq!(ask(&mut station, "SetChargingProfile", payload).1, ["1 SuspendedEVSE"]);
    tokio::time::advance(Duration::from_secs(61)).await;
    station.timers_due();
    assert!(told(&exchange(&mut station)).contains(&"1 Charging".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn profiles_outlive_a_restart() {
    let mut station = accepted().await;
    set(&mut station, 1, profile(1, "TxDefaultProfile", 0, 6000.0, json!({})));
    act(&mut station, "power-cycle", json!({})).unwrap();
    assert_eq!(limits(&mut station, 1), [(0, 6000.0)]);
}
