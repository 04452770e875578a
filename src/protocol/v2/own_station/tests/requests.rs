//! Requests that a CSMS must not send.

use serde_json::{Value, json};

use super::{Play, QUIET, accepted, accepted_in};
use crate::{
    engine::Outcome,
    protocol::{OCPP_2_1, frame::Frame},
    verdict::Verdict,
};

/// A transaction goes on at EVSE 1, whose EV has told its needs where that is wanted.
fn ongoing(needs: bool) -> Play {
    let told = if needs {
        "  - send: NotifyEVChargingNeeds\n    payload: { evseId: 1, maxScheduleTuples: 2, chargingNeeds: { requestedEnergyTransfer: DC } }\n"
    } else {
        ""
    };
    let steps = format!(
        "steps:\n  - send: TransactionEvent\n    payload: {{ eventType: Started, triggerReason: Authorized, seqNo: 0, transactionInfo: {{ transactionId: T }}, evse: {{ id: 1 }} }}\n{told}  - wait: 500\n"
    );
    let mut play = Play::begin(&steps, accepted());
    play.answer(&json!({}));
    if needs {
        play.answer(&json!({ "status": "Accepted" }));
    }
    play
}

/// The requirements that the rule names to which a request is held; empty if it may be sent.
fn broken(mut play: Play, action: &str, payload: &Value) -> String {
    assert_eq!(play.protocol.messages().validate(action, true, payload), [], "{action} {payload}");
    play.says(&Frame::Call { id: "1".into(), action: action.into(), payload: payload.clone() });
    let Outcome { failures, verdict, .. } = play.end();
    let told = failures.iter().filter(|failure| failure.step.starts_with("rule: "));
    let told: Vec<String> = told.map(|failure| failure.requirements.join(" ")).collect();
    assert_eq!(verdict == Verdict::Fail, !told.is_empty(), "{action} {payload}");
    told.join(", ")
}

fn profile(change: &dyn Fn(&mut Value)) -> Value {
    let mut profile = json!({
        "id": 7, "stackLevel": 0, "chargingProfilePurpose": "TxDefaultProfile", "chargingProfileKind": "Absolute",
        "chargingSchedule": [{
            "id": 1, "startSchedule": "1970-01-01T00:00:00Z", "chargingRateUnit": "A",
            "chargingSchedulePeriod": [{ "startPeriod": 0, "limit": 6 }, { "startPeriod": 60, "limit": 8 }],
        }],
    });
    change(&mut profile);
    profile
}

#[test]
fn a_profile_is_as_its_purpose_and_kind_allow() {
    let told = |evse: u64, change: &dyn Fn(&mut Value)| {
        broken(ongoing(false), "SetChargingProfile", &json!({ "evseId": evse, "chargingProfile": profile(change) }))
    };
    let purpose = |one: &mut Value, purpose: &str| one["chargingProfilePurpose"] = purpose.into();
    let period = |one: &mut Value, at: usize, name: &str, value: u64| {
        one["chargingSchedule"][0]["chargingSchedulePeriod"][at][name] = value.into();
    };
    let without_start =
        |one: &mut Value| drop(one["chargingSchedule"][0].as_object_mut().unwrap().remove("startSchedule"));
    let twice =
        |one: &mut Value| one["chargingSchedule"] = json!([one["chargingSchedule"][0], one["chargingSchedule"][0]]);
    let transaction = |one: &mut Value| {
        one["chargingProfilePurpose"] = "TxProfile".into();
        one["transactionId"] = "T".into();
    };
    let found = [
        told(1, &|_| {}),
        told(0, &|_| {}),
        told(1, &transaction),
        told(0, &|one| purpose(one, "ChargingStationMaxProfile")),
        told(1, &|one| purpose(one, "ChargingStationExternalConstraints")),
        told(0, &transaction),
        told(1, &|one| purpose(one, "TxProfile")),
        told(1, &|one| purpose(one, "ChargingStationMaxProfile")),
        told(0, &|one| {
            purpose(one, "ChargingStationMaxProfile");
            one["chargingProfileKind"] = "Relative".into();
            without_start(one);
        }),
        told(1, &without_start),
        told(1, &|one| one["chargingProfileKind"] = "Relative".into()),
        told(1, &|one| period(one, 0, "startPeriod", 1)),
        told(1, &|one| period(one, 1, "startPeriod", 0)),
        told(1, &|one| period(one, 1, "phaseToUse", 2)),
        told(1, &|one| {
            period(one, 1, "phaseToUse", 2);
            period(one, 1, "numberPhases", 1);
        }),
        told(1, &twice),
    ];
    let expected = [
        "",
        "",
        "",
        "",
        "K01.FR.22",
        "K01.FR.16",
        "K01.FR.03",
        "K04.FR.03",
        "K01.FR.38",
        "K01.FR.40",
        "K01.FR.41",
        "K01.FR.31",
        "K01.FR.35",
        "K01.FR.19, K01.FR.20",
        "K01.FR.20",
        "K01.FR.34",
    ];
    assert_eq!(found, expected);
    let several = json!({ "evseId": 1, "chargingProfile": profile(&|one| { transaction(one); twice(one); }) });
    assert_eq!(broken(ongoing(true), "SetChargingProfile", &several), "");
    // The EV takes two periods in a schedule, the station 24 (K15.FR.07).
    let long = |count: u64| {
        let periods: Vec<Value> = (0..count).map(|at| json!({ "startPeriod": 60 * at, "limit": 6 })).collect();
        json!({ "evseId": 1, "chargingProfile": profile(&|one| {
            transaction(one);
            one["chargingSchedule"][0]["chargingSchedulePeriod"] = periods.clone().into();
        }) })
    };
    let found = [2, 3].map(|count| broken(ongoing(true), "SetChargingProfile", &long(count)));
    assert_eq!(found, ["", "K15.FR.07"]);
    assert_eq!(broken(ongoing(false), "SetChargingProfile", &long(3)), "", "nobody has told a limit");
}

/// OCPP 2.1 has the same requirements; its Dynamic profiles have no startSchedule.
#[test]
fn profiles_and_lists_of_2_1_are_judged_alike() {
    let of = |kind: &str, begins: bool| {
        let profile = profile(&|one| {
            one["chargingProfileKind"] = kind.into();
            if !begins {
                drop(one["chargingSchedule"][0].as_object_mut().unwrap().remove("startSchedule"));
            }
        });
        ("SetChargingProfile", json!({ "evseId": 1, "chargingProfile": profile }))
    };
    let cases = [
        of("Absolute", true),
        of("Absolute", false),
        of("Dynamic", false),
        of("Relative", true),
        ("GetChargingProfiles", json!({ "requestId": 1, "chargingProfile": {} })),
        ("ClearVariableMonitoring", json!({ "id": [1, 2, 3, 4, 5] })),
    ];
    let found =
        cases.map(|(action, payload)| broken(Play::of(&OCPP_2_1, QUIET, accepted_in(&OCPP_2_1)), action, &payload));
    assert_eq!(found, ["", "K01.FR.40", "", "K01.FR.41", "K09.FR.03", "N06.FR.04"]);
}

#[test]
fn no_two_profiles_have_one_place() {
    let told = |evse: u64, change: &dyn Fn(&mut Value)| {
        let mut play = ongoing(false);
        for (id, purpose) in [(1, "TxDefaultProfile"), (2, "TxProfile")] {
            let installed = profile(&|one| {
                one["id"] = id.into();
                one["chargingProfilePurpose"] = purpose.into();
                one["validTo"] = "1970-01-02T00:00:00Z".into();
                if purpose == "TxProfile" {
                    one["transactionId"] = "T".into();
                }
            });
            let answer = play.ask("SetChargingProfile", &json!({ "evseId": 1, "chargingProfile": installed }));
            assert_eq!(answer["status"], "Accepted");
        }
        broken(play, "SetChargingProfile", &json!({ "evseId": evse, "chargingProfile": profile(change) }))
    };
    let found = [
        told(1, &|_| {}),
        told(1, &|one| one["id"] = 1.into()),
        told(2, &|_| {}),
        told(1, &|one| one["stackLevel"] = 1.into()),
        told(1, &|one| one["validFrom"] = "1970-01-02T00:00:00Z".into()),
        told(1, &|one| {
            one["chargingProfilePurpose"] = "TxProfile".into();
            one["transactionId"] = "T".into();
        }),
    ];
    assert_eq!(found, ["K01.FR.06", "", "", "", "", "K01.FR.39"]);
}

/// A test case judges what the CSMS does in it, whatever was run before.
#[test]
fn what_an_earlier_test_case_has_left_is_replaced() {
    let install = |play: &mut Play, id: u64| {
        let installed = json!({ "evseId": 1, "chargingProfile": profile(&|one| one["id"] = id.into()) });
        play.ask("SetChargingProfile", &installed)["status"].clone()
    };
    let mut first = Play::begin(QUIET, accepted());
    assert_eq!(install(&mut first, 1), "Accepted");
    let mut next = Play::begin(QUIET, first.end().memory);
    assert_eq!(install(&mut next, 2), "Accepted");
    let all = json!({ "requestId": 1, "chargingProfile": { "chargingProfilePurpose": "TxDefaultProfile" } });
    assert_eq!(next.ask("GetChargingProfiles", &all)["status"], "Accepted");
    next.answer(&json!({}));
    let Outcome { verdict, failures, .. } = next.end();
    assert_eq!((verdict, failures), (Verdict::Pass, Vec::new()));
}

#[test]
fn a_profile_is_asked_for_cleared_and_sent_along_as_it_must_be() {
    let start = |change: &dyn Fn(&mut Value)| {
        let profile = profile(&|one| {
            one["chargingProfilePurpose"] = "TxProfile".into();
            change(one);
        });
        json!({ "remoteStartId": 1, "idToken": { "idToken": "A", "type": "Local" }, "chargingProfile": profile })
    };
    let external = json!({ "chargingProfilePurpose": "ChargingStationExternalConstraints" });
    let cases = [
        ("GetChargingProfiles", json!({ "requestId": 1, "chargingProfile": {} })),
        ("GetChargingProfiles", json!({ "requestId": 1, "chargingProfile": { "stackLevel": 0 } })),
        ("ClearChargingProfile", json!({})),
        ("ClearChargingProfile", json!({ "chargingProfileCriteria": external })),
        ("ClearChargingProfile", json!({ "chargingProfileId": 1 })),
        ("RequestStartTransaction", start(&|one| one["transactionId"] = "T".into())),
        ("RequestStartTransaction", start(&|one| one["chargingProfilePurpose"] = "TxDefaultProfile".into())),
    ];
    let found = cases.map(|(action, payload)| broken(Play::begin(QUIET, accepted()), action, &payload));
    assert_eq!(found, ["K09.FR.03", "", "K10.FR.02", "K10.FR.06", "", "F01.FR.11", "F01.FR.09"]);
}

#[test]
fn no_list_is_longer_than_the_station_takes() {
    let clear = |most: u64| json!({ "id": (1..=most).collect::<Vec<_>>() });
    let variables = |most: usize| {
        let item = json!({ "component": { "name": "ClockCtrlr" }, "variable": { "name": "DateTime" } });
        json!({ "getVariableData": vec![item; most] })
    };
    let cases = [
        ("ClearVariableMonitoring", clear(4)),
        ("ClearVariableMonitoring", clear(5)),
        ("GetVariables", variables(50)),
        ("GetVariables", variables(51)),
    ];
    let found = cases.map(|(action, payload)| broken(Play::begin(QUIET, accepted()), action, &payload));
    assert_eq!(found, ["", "N06.FR.04", "", "B06.FR.05"]);
}
