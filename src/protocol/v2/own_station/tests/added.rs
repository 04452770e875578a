//! What OCPP 2.1 adds: our station has none of the functions, and says so as the specification wants it.

use serde_json::{Map, Value, json};

use super::{CONN, Play, QUIET};
use crate::{
    engine::SutMemory,
    link::EndpointId,
    protocol::{OCPP_2_1, frame::Frame, v2::unsolicited::NEW_OF_CSMS},
    verdict::Verdict,
};

/// A CSMS that speaks OCPP 2.1; a transaction goes on.
fn play(steps: &str) -> Play {
    let session = OCPP_2_1.restored(&Map::new()).unwrap();
    let memory = SutMemory { open: Some((CONN, EndpointId(1))), security_profile: 2, session, ..SutMemory::default() };
    Play::of(&OCPP_2_1, steps, memory)
}

#[test]
fn every_new_request_is_answered_and_is_background() {
    let mut play = play(QUIET);
    let mut told = Vec::new();
    for line in NEW_OF_CSMS {
        let request = OCPP_2_1.messages().message(line.action, true).unwrap().example();
        play.says(&Frame::Call { id: line.action.into(), action: line.action.into(), payload: request });
        told.push(match play.written.pop() {
            Some(Frame::CallResult { payload, .. }) => {
                assert_eq!(OCPP_2_1.messages().validate(line.action, false, &payload), [], "{}", line.action);
                format!("{} {payload}", line.action)
            }
            Some(Frame::CallError { code, .. }) => format!("{} {code}", line.action),
            other => panic!("{}: {other:?}", line.action),
        });
    }
    insta::assert_snapshot!(told.join("\n"), @r#"
    AFRRSignal {"status":"Rejected","statusInfo":{"reasonCode":"NoSignalWattCurve"}}
    AdjustPeriodicEventStream {"status":"Rejected","statusInfo":{"reasonCode":"NotFound"}}
    ChangeTransactionTariff {"status":"TxNotFound"}
    ClearDERControl {"status":"Accepted"}
    ClearTariffs {"clearTariffsResult":[{"status":"NoTariff"}]}
    GetDERControl {"status":"NotFound"}
    GetPeriodicEventStream {}
    GetTariffs {"status":"NoTariff"}
    NotifyAllowedEnergyTransfer {"status":"Rejected","statusInfo":{"reasonCode":"UnsupportedRequest"}}
    NotifyWebPaymentStarted {}
    RequestBatterySwap {"status":"Rejected","statusInfo":{"reasonCode":"NoBatteryAvailable"}}
    SetDERControl {"status":"NotSupported"}
    SetDefaultTariff {"status":"Accepted"}
    UpdateDynamicSchedule {"status":"Rejected","statusInfo":{"reasonCode":"InvalidProfile"}}
    UsePriorityCharging {"status":"Rejected","statusInfo":{"reasonCode":"TxNotFound"}}
    "#);
    assert_eq!(play.verdict(), (Verdict::Pass, String::new()));
}

#[test]
fn der_controls_are_none_or_not_supported() {
    let mut play = play(QUIET);
    let mut ask = |action: &str, request: &Value| play.ask(action, request)["status"].clone();
    assert_eq!(ask("GetDERControl", &json!({ "requestId": 1 })), "NotFound");
    assert_eq!(ask("GetDERControl", &json!({ "requestId": 1, "controlType": "FreqDroop" })), "NotSupported");
    assert_eq!(ask("ClearDERControl", &json!({ "isDefault": true })), "Accepted");
    assert_eq!(ask("ClearDERControl", &json!({ "isDefault": true, "controlId": "a" })), "NotFound");
    assert_eq!(ask("UsePriorityCharging", &json!({ "transactionId": "no", "activate": true })), "Rejected");
}

#[test]
fn the_device_model_has_what_ocpp_2_1_wants() {
    let mut play = play(QUIET);
    let items: Vec<Value> = [
        ("TxCtrlr", "ResumptionTimeout", None),
        ("TariffCostCtrlr", "Enabled", Some("Tariff")),
        ("TariffCostCtrlr", "TariffFallbackMessage", None),
        ("TariffCostCtrlr", "TariffFallbackMessage", Some("en")),
        ("DisplayMessageCtrlr", "Language", None),
    ]
    .into_iter()
    .map(|(component, variable, instance)| {
        let mut variable = json!({ "name": variable });
        if let Some(instance) = instance {
            variable["instance"] = instance.into();
        }
        json!({ "component": { "name": component }, "variable": variable })
    })
    .collect();
    let told = play.ask("GetVariables", &json!({ "getVariableData": items }));
    let values: Vec<&Value> =
        told["getVariableResult"].as_array().unwrap().iter().map(|one| &one["attributeValue"]).collect();
    assert_eq!(values, [&json!("900"), &json!("true"), &Value::Null, &json!(""), &json!("en")]);
}

#[test]
fn tariffs_are_kept_per_evse_until_they_are_cleared() {
    let mut play = play(QUIET);
    let tariff = |id: &str, from: Option<&str>| {
        let mut tariff = json!({ "tariffId": id, "currency": "EUR", "energy": { "prices": [{ "priceKwh": 0.3 }] } });
        if let Some(from) = from {
            tariff["validFrom"] = from.into();
        }
        tariff
    };
    let set = |play: &mut Play, evse: u64, tariff: Value| {
        play.ask("SetDefaultTariff", &json!({ "evseId": evse, "tariff": tariff }))["status"].clone()
    };
    assert_eq!(set(&mut play, 0, tariff("all", None)), "Accepted");
    assert_eq!(set(&mut play, 0, tariff("all", None)), "DuplicateTariffId");
    assert_eq!(set(&mut play, 9, tariff("none", None)), "Rejected");
    assert_eq!(set(&mut play, 1, tariff("first", None)), "Accepted");
    assert_eq!(set(&mut play, 2, tariff("later", Some("2999-01-01T00:00:00Z"))), "Accepted");
    let mut wide = tariff("wide", None);
    wide["energy"]["prices"] = vec![json!({ "priceKwh": 0.1 }); 21].into();
    assert_eq!(set(&mut play, 1, wide), "TooManyElements");
    let told = |play: &mut Play, evse: u64| {
        let told = play.ask("GetTariffs", &json!({ "evseId": evse }));
        let assigned = told["tariffAssignments"].as_array().cloned().unwrap_or_default();
        assigned.iter().map(|one| format!("{} {}", one["tariffId"], one["evseIds"])).collect::<Vec<_>>().join(", ")
    };
    assert_eq!(told(&mut play, 0), r#""all" [2], "first" [1], "later" [2]"#);
    assert_eq!(told(&mut play, 1), r#""first" [1]"#);
    let cleared = play.ask("ClearTariffs", &json!({ "tariffIds": ["all", "other"] }));
    assert_eq!(cleared, json!({ "clearTariffsResult": [{ "tariffId": "all", "status": "Accepted" }] }));
    assert_eq!(play.ask("ClearTariffs", &json!({ "evseId": 1 }))["clearTariffsResult"][0]["tariffId"], "first");
    assert_eq!(told(&mut play, 0), r#""later" [2]"#);
    let disabled = json!({ "setVariableData": [{
        "component": { "name": "TariffCostCtrlr" }, "variable": { "name": "Enabled", "instance": "Tariff" }, "attributeValue": "false",
    }] });
    play.ask("SetVariables", &disabled);
    let request = json!({ "evseId": 0, "tariff": tariff("new", None) });
    play.says(&Frame::Call { id: "t".into(), action: "SetDefaultTariff".into(), payload: request });
    assert!(matches!(play.written.pop(), Some(Frame::CallError { code, .. }) if code == "NotSupported"));
    assert_eq!(play.verdict(), (Verdict::Pass, String::new()));
}

#[test]
fn network_configurations_are_instances_and_those_in_use_cannot_be_set() {
    let mut play = play(QUIET);
    let item = |slot: &str, name: &str, value: Option<&str>| {
        let mut item =
            json!({ "component": { "name": "NetworkConfiguration", "instance": slot }, "variable": { "name": name } });
        if let Some(value) = value {
            item["attributeValue"] = value.into();
        }
        item
    };
    let items = [item("2", "Apn", Some("a.example")), item("1", "Apn", Some("b")), item("3", "Apn", Some("c"))];
    let told = play.ask("SetVariables", &json!({ "setVariableData": items }));
    let statuses: Vec<&Value> =
        told["setVariableResult"].as_array().unwrap().iter().map(|one| &one["attributeStatus"]).collect();
    assert_eq!(statuses, ["Accepted", "Rejected", "UnknownComponent"]);
    let profile = json!({
        "messageTimeout": 40, "ocppCsmsUrl": "wss://new.example", "ocppInterface": "Wired1", "ocppTransport": "JSON", "securityProfile": 2,
    });
    play.ask("SetNetworkProfile", &json!({ "configurationSlot": 2, "connectionData": profile }));
    let items = [item("2", "Apn", None), item("2", "OcppCsmsUrl", None), item("2", "ApnEnabled", None)];
    let told = play.ask("GetVariables", &json!({ "getVariableData": items }));
    let values: Vec<&Value> =
        told["getVariableResult"].as_array().unwrap().iter().map(|one| &one["attributeValue"]).collect();
    assert_eq!(values, ["a.example", "wss://new.example", "false"]);
}

#[test]
fn a_csms_that_sends_what_a_station_sends_fails() {
    let mut play = play(QUIET);
    let payload = OCPP_2_1.messages().message("NotifyPeriodicEventStream", true).unwrap().example();
    play.says(&Frame::Send { id: "s".into(), action: "NotifyPeriodicEventStream".into(), payload });
    let (verdict, finding) = play.verdict();
    assert_eq!(verdict, Verdict::Fail);
    assert_eq!(
        finding,
        "rule: message type of the action: NotifyPeriodicEventStream was sent, which the other side sends"
    );
}
