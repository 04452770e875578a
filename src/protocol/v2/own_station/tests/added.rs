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
    ChangeTransactionTariff NotSupported
    ClearDERControl {"status":"Accepted"}
    ClearTariffs {"clearTariffsResult":[{"status":"NoTariff"}]}
    GetDERControl {"status":"NotFound"}
    GetPeriodicEventStream {}
    GetTariffs {"status":"NoTariff"}
    NotifyAllowedEnergyTransfer {"status":"Rejected","statusInfo":{"reasonCode":"UnsupportedRequest"}}
    NotifyWebPaymentStarted {}
    RequestBatterySwap {"status":"Rejected","statusInfo":{"reasonCode":"NoBatteryAvailable"}}
    SetDERControl {"status":"NotSupported"}
    SetDefaultTariff NotSupported
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
    assert_eq!(values, [&json!("0"), &json!("false"), &Value::Null, &json!(""), &json!("en")]);
}

#[test]
fn a_transaction_is_not_resumed_after_a_reset() {
    let mut play = play(QUIET);
    let reset = play.ask("Reset", &json!({ "type": "ImmediateAndResume" }));
    assert_eq!(
        (&reset["status"], &reset["statusInfo"]["reasonCode"]),
        (&json!("Rejected"), &json!("UnsupportedRequest"))
    );
    assert_eq!(play.verdict().0, Verdict::Inconclusive);
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
