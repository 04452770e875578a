//! Charging profiles and what they do to the energy.

#![expect(clippy::float_cmp, reason = "limits and readings of the simulated meter are exact")]

use super::*;
use crate::clock::ocpp_time;

async fn online() -> Station {
    let mut station = station(pics("reference-station.yaml")).await;
    station.physical.conn = Some(crate::link::ConnId(1));
    station.boot = crate::simulator::station::dialect::v2::Boot::Accepted;
    station
}

fn charging(station: &mut Station) {
    plug(station);
    station.authorize(0, json!({ "idToken": "AA", "type": "ISO14443" }), None);
}

fn profile(id: i64, purpose: &str, level: i64, limit: f64) -> Value {
    let schedule = json!({
        "id": 1, "startSchedule": "2020-01-01T00:00:00Z", "chargingRateUnit": "A",
        "chargingSchedulePeriod": [{ "startPeriod": 0, "limit": limit, "numberPhases": 1 }],
    });
    json!({
        "id": id, "stackLevel": level, "chargingProfilePurpose": purpose, "chargingProfileKind": "Absolute",
        "chargingSchedule": [schedule],
    })
}

/// Sets a profile: the status, or the reason why it is refused.
fn set_profile(station: &mut Station, evse: u32, profile: Value) -> String {
    let request = json!({ "evseId": evse, "chargingProfile": profile });
    let answer = station.set_charging_profile(&request);
    station.apply_limits();
    let reason = answer["statusInfo"]["reasonCode"].as_str().or(answer["status"].as_str());
    reason.unwrap().to_owned()
}

fn running(station: &Station) -> String {
    station.evses[0].transaction.as_ref().unwrap().id.clone()
}

fn of_transaction(mut profile: Value, id: &str) -> Value {
    profile["transactionId"] = id.into();
    profile
}

fn ids(station: &Station) -> Vec<i64> {
    station.charging_profiles.iter().map(|known| known.profile.id).collect()
}

/// Trigger and charging state of what the CSMS was told since.
fn told(station: &mut Station) -> Vec<String> {
    let events = std::mem::take(&mut station.transaction_queue);
    let words = events.iter().map(|event| {
        let (trigger, state) = (&event.payload["triggerReason"], &event.payload["transactionInfo"]["chargingState"]);
        format!("{} {}", trigger.as_str().unwrap(), state.as_str().unwrap())
    });
    words.collect()
}

#[tokio::test(start_paused = true)]
async fn profiles_are_refused_for_the_reasons_of_the_specification() {
    let mut station = online().await;
    let default = || profile(1, "TxDefaultProfile", 0, 6.0);
    let own = || of_transaction(profile(9, "TxProfile", 0, 6.0), "no such transaction");
    let edited = |edit: &dyn Fn(&mut Value)| {
        let mut profile = default();
        edit(&mut profile);
        profile
    };
    assert_eq!(set_profile(&mut station, 1, own()), "TxNotFound"); // K01.FR.09
    charging(&mut station);
    for (evse, profile, reason) in [
        (9, default(), "UnknownEvse"),                          // K01.FR.28
        (0, own(), "InvalidProfile"),                           // K01.FR.16
        (1, own(), "TxNotFound"),                               // K01.FR.33
        (1, profile(9, "TxProfile", 0, 6.0), "InvalidProfile"), // K01.FR.03
        (1, of_transaction(default(), "x"), "InvalidProfile"),
        (1, profile(9, "ChargingStationMaxProfile", 0, 6.0), "InvalidProfile"), // K04.FR.03
        (0, profile(9, "ChargingStationExternalConstraints", 0, 6.0), "InvalidProfile"), // K01.FR.22
        (1, profile(9, "TxDefaultProfile", 9, 6.0), "InvalidStackLevel"),
        (1, edited(&|profile| profile["chargingSchedule"][0]["chargingRateUnit"] = "W".into()), "UnsupportedRateUnit"),
        (
            1,
            edited(&|profile| {
                let schedule = profile["chargingSchedule"][0].clone();
                profile["chargingSchedule"].as_array_mut().unwrap().push(schedule);
            }),
            "InvalidSchedule",
        ), // K01.FR.34
        (
            1,
            edited(&|profile| {
                let many = (0..25).map(|start| json!({ "startPeriod": start, "limit": 6 }));
                profile["chargingSchedule"][0]["chargingSchedulePeriod"] = many.collect();
            }),
            "TooManyElements",
        ),
        (
            1,
            edited(&|profile| profile["chargingSchedule"][0]["chargingSchedulePeriod"][0]["phaseToUse"] = 2.into()),
            "InvalidSchedule",
        ), // K01.FR.48
        (1, default(), "Accepted"),
        (1, profile(2, "TxDefaultProfile", 0, 6.0), "DuplicateProfile"), // K01.FR.06
        (0, profile(2, "TxDefaultProfile", 0, 6.0), "DuplicateProfile"), // K01.FR.52
        (0, profile(2, "TxDefaultProfile", 1, 6.0), "Accepted"),
        (1, profile(3, "TxDefaultProfile", 1, 6.0), "DuplicateProfile"), // K01.FR.53
        (2, profile(3, "TxDefaultProfile", 0, 6.0), "Accepted"),
        (1, profile(1, "TxDefaultProfile", 2, 7.0), "Accepted"), // K01.FR.05
    ] {
        let shown = profile.to_string();
        assert_eq!(set_profile(&mut station, evse, profile), reason, "{evse}: {shown}");
    }
    assert_eq!(ids(&station), [2, 3, 1]);
    assert_eq!(station.device.instance("SmartChargingCtrlr", "Entries", "ChargingProfiles"), Some("3"));
    station.restart("PowerUp");
    assert_eq!(ids(&station), [2, 3, 1]); // K01.FR.27
}

#[tokio::test(start_paused = true)]
async fn there_is_room_for_so_many_profiles() {
    let mut station = online().await;
    for number in 0..20 {
        let mut profile = profile(number, "TxDefaultProfile", 0, 6.0);
        profile["validFrom"] = ocpp_time(jiff::Timestamp::from_second(number * 10).unwrap()).into();
        profile["validTo"] = ocpp_time(jiff::Timestamp::from_second(number * 10 + 10).unwrap()).into();
        assert_eq!(set_profile(&mut station, 1, profile), "Accepted");
    }
    assert_eq!(set_profile(&mut station, 1, profile(20, "TxDefaultProfile", 1, 6.0)), "OutOfStorage");
    assert_eq!(set_profile(&mut station, 1, profile(19, "TxDefaultProfile", 1, 6.0)), "Accepted");
}

#[tokio::test(start_paused = true)]
async fn profiles_are_cleared_by_id_or_by_all_that_is_named() {
    let mut station = online().await;
    let clear = |station: &mut Station, request: Value| station.clear_charging_profiles(&request);
    let criteria = |criteria: Value| json!({ "chargingProfileCriteria": criteria });
    for (evse, id, purpose, level) in [
        (0, 1, "ChargingStationMaxProfile", 0),
        (1, 2, "TxDefaultProfile", 0),
        (1, 3, "TxDefaultProfile", 1),
        (2, 4, "TxDefaultProfile", 0),
    ] {
        assert_eq!(set_profile(&mut station, evse, profile(id, purpose, level, 6.0)), "Accepted");
    }
    let of_station = criteria(json!({ "chargingProfilePurpose": "ChargingStationMaxProfile", "stackLevel": 1 }));
    assert_eq!(clear(&mut station, of_station), "Unknown"); // K10.FR.01
    assert_eq!(clear(&mut station, json!({ "chargingProfileId": 9 })), "Unknown");
    assert_eq!(clear(&mut station, json!({ "chargingProfileId": 3 })), "Accepted"); // K10.FR.03
    assert_eq!(ids(&station), [1, 2, 4]);
    assert_eq!(clear(&mut station, criteria(json!({ "evseId": 2, "stackLevel": 0 }))), "Accepted"); // K10.FR.04
    assert_eq!(ids(&station), [1, 2]);
    assert_eq!(clear(&mut station, criteria(json!({ "chargingProfilePurpose": "TxDefaultProfile" }))), "Accepted");
    assert_eq!(ids(&station), [1]);
}

#[tokio::test(start_paused = true)]
async fn reports_come_in_parts_and_the_last_says_so() {
    let mut station = online().await;
    for level in 0..6 {
        set_profile(&mut station, 1, profile(level, "TxDefaultProfile", level, 6.0));
    }
    set_profile(&mut station, 0, profile(9, "ChargingStationMaxProfile", 0, 6.0));
    let mut parts = |request: Value| {
        station.queue.clear();
        if station.get_charging_profiles(&request) == "Accepted" {
            station.report_charging_profiles(&request);
        }
        let parts = station.queue.iter().map(|part| {
            assert_eq!(part.payload["requestId"], 7);
            let profiles = part.payload["chargingProfile"].as_array().unwrap().len();
            (part.payload["evseId"].as_u64().unwrap(), profiles, part.payload["tbc"].as_bool().unwrap())
        });
        parts.collect::<Vec<_>>()
    };
    let mut request = |evse: Option<u32>, criteria: Value| {
        let mut request = json!({ "requestId": 7, "chargingProfile": criteria });
        if let Some(evse) = evse {
            request["evseId"] = evse.into();
        }
        parts(request)
    };
    let cso = || json!({ "chargingLimitSource": ["CSO"] });
    assert_eq!(request(None, cso()), [(0, 1, true), (1, 4, true), (1, 2, false)]); // K09.FR.06
    assert_eq!(request(Some(0), cso()), [(0, 1, false)]); // K09.FR.05
    assert_eq!(request(Some(1), json!({ "stackLevel": 3 })), [(1, 1, false)]); // K09.FR.04
    assert_eq!(request(None, json!({ "chargingProfileId": [1, 9, 77] })), [(0, 1, true), (1, 1, false)]);
    assert_eq!(request(Some(2), cso()), []);
    assert_eq!(request(None, json!({ "chargingLimitSource": ["EMS", "SO"] })), []);
}

#[tokio::test(start_paused = true)]
async fn the_profile_of_a_remote_start_is_that_of_its_transaction() {
    let mut station = online().await;
    let start = |profile: Value| {
        json!({
            "idToken": { "idToken": "AA", "type": "ISO14443" }, "evseId": 1, "remoteStartId": 1, "chargingProfile": profile,
        })
    };
    let bad = station.request_start(&start(profile(1, "TxDefaultProfile", 0, 6.0)));
    assert_eq!(bad["statusInfo"]["reasonCode"], "InvalidProfile"); // F01.FR.26
    let early = station.request_start(&start(of_transaction(profile(1, "TxProfile", 0, 6.0), "x")));
    assert_eq!(early["status"], "Rejected"); // F01.FR.11
    assert_eq!(set(&mut station, variable("AuthCtrlr", "AuthorizeRemoteStart"), "false"), "Accepted");
    let good = start(profile(1, "TxProfile", 0, 6.0));
    assert_eq!(station.request_start(&good)["status"], "Accepted");
    station.afterwards("RequestStartTransaction", &good);
    plug(&mut station);
    assert_eq!(ids(&station), [1]);
    assert_eq!(station.charging_profiles[0].message["transactionId"], running(&station));
    assert_eq!(station.physical.read(0, "Current.Import").0, 6.0); // F01.FR.10
    station.end(0, "RemoteStop", Some("Remote"));
    assert!(ids(&station).is_empty()); // K02.FR.05
}

#[tokio::test(start_paused = true)]
async fn the_energy_follows_the_limits() {
    let mut station = online().await;
    charging(&mut station);
    told(&mut station);
    assert_eq!(station.physical.read(0, "Power.Active.Import").0, 7200.0);
    set_profile(&mut station, 1, profile(1, "TxDefaultProfile", 0, 10.0));
    assert_eq!(told(&mut station), ["ChargingRateChanged Charging"]);
    assert_eq!(station.physical.read(0, "Power.Active.Import").0, 2300.0);
    // K02.FR.04; a change below LimitChangeSignificance (1 %) is not told.
    let id = running(&station);
    set_profile(&mut station, 1, of_transaction(profile(2, "TxProfile", 0, 10.1), &id));
    assert!(told(&mut station).is_empty());
    set_profile(&mut station, 1, of_transaction(profile(2, "TxProfile", 0, 0.0), &id));
    assert_eq!(told(&mut station), ["ChargingStateChanged SuspendedEVSE"]);
    // K10.FR.05, K10.FR.07.
    station.clear_charging_profiles(&json!({ "chargingProfileCriteria": { "stackLevel": 0 } }));
    station.apply_limits();
    assert_eq!(told(&mut station), ["ChargingStateChanged Charging"]);
    assert_eq!(station.physical.read(0, "Power.Active.Import").0, 7200.0);
}

#[tokio::test(start_paused = true)]
async fn a_period_that_begins_changes_the_rate() {
    let mut station = online().await;
    charging(&mut station);
    let mut later = profile(1, "TxDefaultProfile", 0, 10.0);
    let start = ocpp_time(station.physical.now() + jiff::SignedDuration::from_secs(60));
    later["chargingSchedule"][0]["startSchedule"] = start.into();
    later["chargingSchedule"][0]["duration"] = 60.into();
    assert_eq!(set_profile(&mut station, 1, later), "Accepted");
    told(&mut station);
    for expected in [2300.0, 7200.0] {
        tokio::time::advance(std::time::Duration::from_secs(61)).await;
        station.timers_due();
        assert_eq!(told(&mut station), ["ChargingRateChanged Charging"]);
        assert_eq!(station.physical.read(0, "Power.Active.Import").0, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn evses_that_charge_share_what_the_station_has() {
    let mut station = online().await;
    set_profile(&mut station, 0, profile(1, "ChargingStationMaxProfile", 0, 20.0));
    charging(&mut station);
    assert_eq!(station.physical.read(0, "Current.Import").0, 20.0);
    let event = station.physical.plug(1, 1).unwrap();
    station.happened(event).unwrap();
    station.authorize(1, json!({ "idToken": "BB", "type": "ISO14443" }), None);
    // K04.FR.05.
    assert_eq!([0, 1].map(|index| station.physical.read(index, "Current.Import").0), [10.0, 10.0]);
    station.end(1, "RemoteStop", Some("Remote"));
    assert_eq!(station.physical.read(0, "Current.Import").0, 20.0);
}

#[tokio::test(start_paused = true)]
async fn composite_schedules_are_of_an_evse_or_of_the_station() {
    let mut station = online().await;
    set_profile(&mut station, 0, profile(1, "TxDefaultProfile", 0, 8.7));
    let ask = |station: &Station, evse: u32, unit: &str, duration: i64| {
        station.composite_schedule(&json!({ "evseId": evse, "duration": duration, "chargingRateUnit": unit }))
    };
    let schedule = &ask(&station, 1, "A", 300)["schedule"];
    assert_eq!(schedule["chargingSchedulePeriod"], json!([{ "startPeriod": 0, "limit": 8.7, "numberPhases": 1 }]));
    assert_eq!((&schedule["evseId"], &schedule["duration"]), (&json!(1), &json!(300)));
    let of_station = ask(&station, 0, "A", 300);
    assert_eq!(of_station["schedule"]["chargingSchedulePeriod"][0]["limit"], 17.4); // K08.FR.03
    set_profile(&mut station, 0, profile(2, "ChargingStationMaxProfile", 0, 12.0));
    assert_eq!(ask(&station, 0, "A", 300)["schedule"]["chargingSchedulePeriod"][0]["limit"], 12.0);
    for (evse, unit, duration) in [(3, "A", 300), (1, "W", 300), (1, "A", 0), (1, "A", i64::from(i32::MAX))] {
        let answer = ask(&station, evse, unit, duration);
        assert_eq!(answer["status"], "Rejected"); // K08.FR.05, K08.FR.07
        assert_eq!(answer.get("schedule"), None);
    }
}

#[tokio::test(start_paused = true)]
async fn without_smart_charging_nothing_of_it_is_supported() {
    let mut station = station(pics("cp-flex-plus-eu.yaml")).await;
    let anything = json!({ "evseId": 1, "duration": 300, "requestId": 1, "chargingProfile": {} });
    for action in ["SetChargingProfile", "ClearChargingProfile", "GetChargingProfiles", "GetCompositeSchedule"] {
        let supported = station.charges_smartly();
        assert_eq!(station.respond(action, &anything).is_some(), supported, "{action}"); // K01.FR.29
        assert!(!supported);
    }
}
