//! What OCPP 2.1 adds to charging profiles, and periodic event streams.

use std::time::Duration;

use super::*;

/// A profile for the station, from now on.
fn profile(id: i64, level: i64, purpose: &str, limit: f64) -> Value {
    json!({
        "id": id,
        "stackLevel": level,
        "chargingProfilePurpose": purpose,
        "chargingProfileKind": "Absolute",
        "chargingSchedule": [{
            "id": id,
            "startSchedule": "2020-01-01T00:00:00Z",
            "chargingRateUnit": "A",
            "chargingSchedulePeriod": [{ "startPeriod": 0, "limit": limit, "numberPhases": 1 }],
        }],
    })
}

fn dynamic(mut profile: Value) -> Value {
    profile["chargingProfileKind"] = "Dynamic".into();
    profile["chargingSchedule"][0].as_object_mut().unwrap().remove("startSchedule");
    profile
}

/// What the station says to a profile: the status, or the reason of its refusal.
fn set_profile(station: &mut Station, profile: &Value) -> String {
    let answer = station.set_charging_profile(&json!({ "evseId": 0, "chargingProfile": profile }));
    let reason = answer["statusInfo"]["reasonCode"].as_str().or(answer["status"].as_str());
    reason.unwrap().to_owned()
}

/// The limit of the first EVSE now.
fn limit(station: &Station) -> Value {
    let asked = json!({ "evseId": 1, "duration": 10, "chargingRateUnit": "A" });
    station.composite_schedule(&asked)["schedule"]["chargingSchedulePeriod"][0]["limit"].clone()
}

async fn pass(seconds: u64) {
    tokio::time::advance(Duration::from_secs(seconds)).await;
}

#[tokio::test(start_paused = true)]
async fn a_dynamic_profile_holds_until_its_duration_has_passed_since_the_last_update() {
    let mut station = station(pics("reference-station-2.1.yaml")).await;
    assert_eq!(set_profile(&mut station, &profile(1, 0, "TxDefaultProfile", 6.0)), "Accepted");
    let mut high = dynamic(profile(2, 1, "TxDefaultProfile", 8.0));
    high["chargingSchedule"][0]["duration"] = 15.into();
    assert_eq!(set_profile(&mut station, &high), "Accepted");
    assert_eq!(limit(&station), 8.0);
    pass(16).await;
    assert_eq!(limit(&station), 6.0);
    let update = |id: i64| json!({ "chargingProfileId": id, "scheduleUpdate": { "limit": 9.0 } });
    assert_eq!(station.update_dynamic_schedule(&update(2))["status"], "Accepted");
    assert_eq!(limit(&station), 9.0);
    assert_eq!(station.update_dynamic_schedule(&update(1))["statusInfo"]["reasonCode"], "InvalidProfile");
}

#[tokio::test(start_paused = true)]
async fn what_is_wrong_with_the_new_members_of_a_profile_is_told() {
    let mut station = station(pics("reference-station-2.1.yaml")).await;
    let with = |purpose: &str, pointer: &str, value: Value| {
        let mut profile = profile(1, 0, purpose, 6.0);
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        profile.pointer_mut(parent).unwrap()[name] = value;
        profile
    };
    let schedule = "/chargingSchedule/0";
    let period = "/chargingSchedule/0/chargingSchedulePeriod/0";
    for (profile, found) in [
        (with("LocalGeneration", "/stackLevel", 0.into()), "UnsupportedPurpose"),
        (with("TxDefaultProfile", "/id", 0.into()), "InvalidProfileId"),
        (with("TxDefaultProfile", "/dynUpdateInterval", 5.into()), "InvalidProfile"),
        (dynamic(with("TxDefaultProfile", &format!("{period}/startPeriod"), 1.into())), "InvalidSchedule"),
        (with("PriorityCharging", &format!("{schedule}/duration"), 60.into()), "InvalidSchedule"),
        (with("ChargingStationMaxProfile", &format!("{schedule}/randomizedDelay"), 5.into()), "InvalidSchedule"),
        (with("TxDefaultProfile", &format!("{period}/evseSleep"), true.into()), "InvalidSchedule"),
        (
            with("ChargingStationMaxProfile", &format!("{period}/operationMode"), "ExternalLimits".into()),
            "InvalidOperationMode",
        ),
        (with("TxDefaultProfile", &format!("{schedule}/randomizedDelay"), 5.into()), "Accepted"),
    ] {
        assert_eq!(set_profile(&mut station, &profile), found, "{profile}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_profile_that_was_offline_too_long_is_valid_again_unless_it_says_otherwise() {
    let mut station = station(pics("reference-station-2.1.yaml")).await;
    let mut known = profile(1, 0, "TxDefaultProfile", 6.0);
    known["maxOfflineDuration"] = 60.into();
    for (forever, limits) in [(false, [6.0, 32.0, 6.0]), (true, [6.0, 32.0, 32.0])] {
        known["invalidAfterOfflineDuration"] = forever.into();
        set_profile(&mut station, &known);
        station.offline_since = Some(tokio::time::Instant::now());
        pass(59).await;
        let first = limit(&station);
        pass(2).await;
        let second = limit(&station);
        station.end_offline_limits();
        station.offline_since = None;
        assert_eq!(json!([first, second, limit(&station)]), json!(limits), "{forever}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_external_limit_is_a_profile_that_the_csms_can_not_clear() {
    let mut station = station(pics("reference-station-2.1.yaml")).await;
    let give = |amount: Option<f64>| {
        Event::ExternalSystem(
            0,
            crate::simulator::station::physical::External {
                kind: crate::simulator::station::physical::ExternalKind::Limit,
                amount,
                unit: crate::simulator::station::composite::Unit::Ampere,
            },
        )
    };
    station.happened(give(Some(7.0))).unwrap();
    station.happened(give(Some(6.0))).unwrap();
    assert_eq!(station.charging_profiles.len(), 1);
    assert_eq!(limit(&station), 6.0);
    assert_eq!(station.clear_charging_profiles(&json!({})), "Unknown");
    station.happened(give(None)).unwrap();
    assert_eq!(limit(&station), 32.0);
}

#[tokio::test(start_paused = true)]
async fn a_stream_keeps_what_a_monitor_reads_until_it_may_send() {
    let mut station = station(pics("reference-station-2.1.yaml")).await;
    let monitor = json!({ "setMonitoringData": [{
        "value": 1, "type": "Periodic", "severity": 8,
        "component": { "name": "EVSE", "evse": { "id": 1 } }, "variable": { "name": "Power" },
        "periodicEventStream": { "interval": 10 },
    }] });
    let set = station.set_monitors(&monitor)["setMonitoringResult"][0].clone();
    assert_eq!(set["status"], "Accepted");
    station.settle_streams();
    assert_eq!(station.get_streams(), json!({}), "the CSMS has not accepted it");
    let request = json!({ "constantStreamData": { "id": 1, "variableMonitoringId": set["id"], "params": {} } });
    station.stream_answered(&request, &json!({ "status": "Accepted" }));
    let open = station.get_streams();
    assert_eq!(open["constantStreamData"][0]["variableMonitoringId"], set["id"]);
    let adjust = |id: i64| json!({ "id": id, "params": { "interval": 15 } });
    assert_eq!(station.adjust_stream(&adjust(1))["status"], "Accepted");
    assert_eq!(station.get_streams()["constantStreamData"][0]["params"]["interval"], 15);
    assert_eq!(station.adjust_stream(&adjust(2))["status"], "Rejected");
    station.clear_monitors(&json!({ "id": [set["id"]] }));
    station.settle_streams();
    assert_eq!(station.get_streams(), json!({}));
}
