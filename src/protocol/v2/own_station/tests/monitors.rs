//! Monitors that the CSMS sets, and their events.

use serde_json::{Value, json};

use super::{Play, QUIET, accepted, accepted_in, managing::CHARGING, name};
use crate::{protocol::OCPP_2_1, verdict::Verdict};

pub(super) fn monitor(component: Value, variable: &str, kind: &str, limit: f64, id: Option<i64>) -> Value {
    let mut item = json!({
        "component": component, "variable": { "name": variable }, "type": kind, "value": limit, "severity": 5,
    });
    if let Some(id) = id {
        item["id"] = id.into();
    }
    item
}

pub(super) fn set(play: &mut Play, items: &[Value]) -> Vec<String> {
    let answer = play.ask("SetVariableMonitoring", &json!({ "setMonitoringData": items }));
    let said = |result: &Value| {
        let id = result["id"].as_i64().map(|id| format!(" {id}")).unwrap_or_default();
        format!("{}{id}", result["status"].as_str().unwrap())
    };
    answer["setMonitoringResult"].as_array().unwrap().iter().map(said).collect()
}

#[test]
fn monitors_are_set_replaced_reported_and_cleared() {
    let power = || json!({ "name": "EVSE", "evse": { "id": 1 } });
    let connector = || json!({ "name": "Connector", "evse": { "id": 1, "connectorId": 1 } });
    let mut play = Play::begin(QUIET, accepted());
    let said = set(
        &mut play,
        &[
            monitor(connector(), "AvailabilityState", "Delta", 1.0, None),
            monitor(power(), "Power", "UpperThreshold", 11_000.0, None),
            monitor(power(), "Power", "UpperThreshold", 9000.0, None),
            monitor(power(), "Power", "UpperThreshold", 9e6, None),
            monitor(power(), "Power", "Delta", -1.0, None),
            monitor(connector(), "AvailabilityState", "Periodic", 10.0, None),
            monitor(power(), "Nothing", "Delta", 1.0, None),
            monitor(json!({ "name": "EVSE" }), "Power", "Delta", 1.0, None),
            monitor(power(), "Power", "UpperThreshold", 10_000.0, Some(4)),
            monitor(connector(), "AvailabilityState", "Delta", 1.0, Some(4)),
            monitor(power(), "Power", "LowerThreshold", 1.0, Some(77)),
        ],
    );
    assert_eq!(
        said,
        [
            "Accepted 3",
            "Accepted 4",
            "Duplicate",
            "Rejected",
            "Rejected",
            "UnsupportedMonitorType",
            "UnknownVariable",
            "UnknownComponent",
            "Accepted 4",
            "Rejected",
            "Rejected",
        ]
    );
    // The next test case still has them.
    let mut play = Play::begin(QUIET, play.end().memory);
    let told = |play: &mut Play, request: Value| -> Vec<String> {
        let items = play.report("GetMonitoringReport", &request);
        let one = |item: &Value| {
            let monitors = item["variableMonitoring"].as_array().unwrap().iter();
            monitors
                .map(|one| format!("{} {} {} {}", name(item), one["id"], one["type"], one["value"]))
                .collect::<Vec<_>>()
        };
        items.iter().flat_map(one).collect()
    };
    let (own, wired, threshold, delta) = (
        "FiscalMetering.EnergyImportRegister 1 \"PeriodicClockAligned\" 900",
        "TemperatureSensor.Temperature 2 \"UpperThreshold\" 80.0",
        "EVSE/1.Power 4 \"UpperThreshold\" 10000.0",
        "Connector/1/1.AvailabilityState 3 \"Delta\" 1.0",
    );
    assert_eq!(told(&mut play, json!({ "requestId": 1 })), [own, wired, threshold, delta]);
    let criteria = |criterion: &str| json!({ "requestId": 1, "monitoringCriteria": [criterion] });
    assert_eq!(told(&mut play, criteria("ThresholdMonitoring")), [wired, threshold]);
    assert_eq!(told(&mut play, criteria("DeltaMonitoring")), [delta]);
    assert_eq!(told(&mut play, criteria("PeriodicMonitoring")), [own]);
    let of = |component: &str| json!({ "requestId": 1, "componentVariable": [{ "component": { "name": component } }] });
    assert_eq!(told(&mut play, of("Connector")), [delta]);
    assert_eq!(play.ask("GetMonitoringReport", &of("AuthCtrlr"))["status"], "EmptyResultSet");
    let cleared = play.ask("ClearVariableMonitoring", &json!({ "id": [1, 2, 3, 9] }));
    let statuses: Vec<&Value> =
        cleared["clearMonitoringResult"].as_array().unwrap().iter().map(|one| &one["status"]).collect();
    assert_eq!(statuses, ["Rejected", "Rejected", "Accepted", "NotFound"]);
    assert_eq!(play.ask("SetMonitoringBase", &json!({ "monitoringBase": "HardWiredOnly" }))["status"], "Accepted");
    assert_eq!(told(&mut play, json!({ "requestId": 2 })), [wired]);
    assert_eq!(play.ask("SetMonitoringLevel", &json!({ "severity": 4 }))["status"], "Accepted");
    assert_eq!(play.ask("SetMonitoringLevel", &json!({ "severity": 10 }))["status"], "Rejected");
    let active = |name: &str| json!({ "component": { "name": "MonitoringCtrlr" }, "variable": { "name": name } });
    let read = play.ask(
        "GetVariables",
        &json!({ "getVariableData": [active("ActiveMonitoringBase"), active("ActiveMonitoringLevel")] }),
    );
    let values: Vec<&Value> =
        read["getVariableResult"].as_array().unwrap().iter().map(|one| &one["attributeValue"]).collect();
    assert_eq!(values, ["HardWiredOnly", "4"]);
}

#[test]
fn in_2_1_a_report_says_where_monitors_are_from() {
    let mut play = Play::of(&OCPP_2_1, QUIET, accepted_in(&OCPP_2_1));
    let power = json!({ "name": "EVSE", "evse": { "id": 1 } });
    set(&mut play, &[monitor(power, "Power", "UpperThreshold", 10_000.0, None)]);
    let items = play.report("GetMonitoringReport", &json!({ "requestId": 1 }));
    let origin = |item: &Value| {
        let monitor = &item["variableMonitoring"][0];
        format!("{} {}", monitor["id"], monitor["eventNotificationType"].as_str().unwrap_or_default())
    };
    let origins: Vec<String> = items.iter().map(origin).collect();
    assert_eq!(origins, ["1 PreconfiguredMonitor", "2 HardWiredMonitor", "3 CustomMonitor"]);
}

#[test]
fn monitors_tell_of_what_changes() {
    let mut play = Play::begin(CHARGING, accepted());
    play.answer(&json!({}));
    let power = || json!({ "name": "EVSE", "evse": { "id": 1 } });
    set(
        &mut play,
        &[
            monitor(power(), "Power", "UpperThreshold", 1000.0, None),
            // Passed when it is set.
            monitor(power(), "Power", "LowerThreshold", 10.0, None),
        ],
    );
    let told = |play: &mut Play| -> Vec<String> {
        let event = |(action, payload): (String, Value)| {
            let data = &payload["eventData"][0];
            assert_eq!((action.as_str(), &data["eventNotificationType"]), ("NotifyEvent", &json!("CustomMonitor")));
            assert_eq!(name(data), "EVSE/1.Power");
            let cleared = if data["cleared"] == true { " cleared" } else { "" };
            format!("{} {} {}{cleared}", data["variableMonitoringId"], data["trigger"], data["actualValue"])
        };
        play.follow_ups().into_iter().map(event).collect()
    };
    assert_eq!(told(&mut play), ["4 \"Alerting\" \"0\""]);
    play.pass(1);
    play.answer(&json!({}));
    assert_eq!(told(&mut play), ["3 \"Alerting\" \"3680\"", "4 \"Alerting\" \"3680\" cleared"]);
    // Of the severity that they have nothing is told any more.
    play.ask("SetMonitoringLevel", &json!({ "severity": 4 }));
    play.pass(9);
    play.answer(&json!({}));
    assert_eq!(told(&mut play), [""; 0]);
    assert_eq!(play.verdict().0, Verdict::Pass);
}

#[test]
fn a_given_monitor_can_be_replaced_where_it_is_not_hard_wired() {
    let mut play = Play::begin(QUIET, accepted());
    let (meter, sensor) = (|| json!({ "name": "FiscalMetering" }), || json!({ "name": "TemperatureSensor" }));
    let given = |id: Option<i64>| {
        let mut twin = monitor(meter(), "EnergyImportRegister", "PeriodicClockAligned", 60.0, id);
        twin["severity"] = 9.into();
        twin
    };
    let periods = |play: &mut Play| -> Vec<String> {
        let asked = json!({ "requestId": 1, "monitoringCriteria": ["PeriodicMonitoring"] });
        let items = play.report("GetMonitoringReport", &asked);
        let monitors = items.iter().flat_map(|item| item["variableMonitoring"].as_array().unwrap());
        monitors.map(|one| format!("{} {}", one["id"], one["value"])).collect()
    };
    let said = set(
        &mut play,
        &[
            given(None),
            given(Some(1)),
            monitor(sensor(), "Temperature", "UpperThreshold", 70.0, Some(2)),
            monitor(meter(), "EnergyImportRegister", "Periodic", 0.0, None),
        ],
    );
    assert_eq!(said, ["Duplicate", "Accepted 1", "Rejected", "Rejected"]);
    assert_eq!(periods(&mut play), ["1 60.0"]);
    let cleared = play.ask("ClearVariableMonitoring", &json!({ "id": [1] }));
    assert_eq!(cleared["clearMonitoringResult"][0]["status"], "Rejected");
    assert_eq!(play.ask("SetMonitoringBase", &json!({ "monitoringBase": "FactoryDefault" }))["status"], "Accepted");
    assert_eq!(periods(&mut play), ["1 900"]);
}

#[test]
fn periodic_monitors_tell_whenever_their_time_has_come() {
    let mut play = Play::begin(QUIET, accepted());
    play.pass(7);
    let power = || json!({ "name": "EVSE", "evse": { "id": 1 } });
    let asked = [
        monitor(power(), "Power", "Periodic", 20.0, None),
        monitor(power(), "Power", "PeriodicClockAligned", 30.0, None),
    ];
    assert_eq!(set(&mut play, &asked), ["Accepted 3", "Accepted 4"]);
    let mut told = Vec::new();
    for _ in 0..60 {
        play.pass(1);
        for (action, payload) in play.follow_ups() {
            let data = &payload["eventData"][0];
            assert_eq!((action.as_str(), &data["trigger"]), ("NotifyEvent", &json!("Periodic")));
            told.push(format!("{} {}", play.second, data["variableMonitoringId"]));
        }
    }
    assert_eq!(told, ["27 3", "30 4", "47 3", "60 4", "67 3"]);
    // What passes while the level is lower is not told, and not made up for.
    play.ask("SetMonitoringLevel", &json!({ "severity": 4 }));
    play.pass(100);
    play.ask("SetMonitoringLevel", &json!({ "severity": 9 }));
    assert_eq!(play.follow_ups(), []);
    play.pass(13);
    assert_eq!(play.follow_ups().len(), 1);
}

#[test]
fn a_threshold_that_is_moved_away_is_cleared() {
    let mut play = Play::begin(CHARGING, accepted());
    play.answer(&json!({}));
    play.pass(1);
    play.answer(&json!({}));
    let power = || json!({ "name": "EVSE", "evse": { "id": 1 } });
    let mut told = Vec::new();
    for (limit, id) in [(1000.0, None), (2000.0, Some(3)), (9000.0, Some(3))] {
        set(&mut play, &[monitor(power(), "Power", "UpperThreshold", limit, id)]);
        told.extend(play.follow_ups().iter().map(|(_, event)| event["eventData"][0]["cleared"] == true));
    }
    assert_eq!(told, [false, true]);
}
