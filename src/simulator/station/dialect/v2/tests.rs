//! The device model, its reports and the network profiles, asked directly.

mod charging;
mod displays;
mod iso15118;
mod monitoring;
mod payment;
mod reservations;
mod upkeep;

use std::collections::HashMap;

use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::{Dialect, NetworkProfile, Station, StationSetup};
use crate::{
    clock::Clock,
    link::{MemoryNetwork, Network, Secret},
    pics::{Answer, Pics, reader},
    simulator::{
        faults::{Faults, FaultyLink},
        station::physical::{Event, Surroundings},
    },
};

fn pics(name: &str) -> Pics {
    reader::read(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("pics").join(name)).unwrap()
}

async fn station(pics: Pics) -> Station {
    let network = Network::Memory(MemoryNetwork::default());
    let clock = Clock::start();
    let link = FaultyLink::serve(Faults::default(), network.clone(), &[], HashMap::new(), clock).await.unwrap();
    let profile = NetworkProfile { url: "wss://csms.test:443/ocpp".into(), security_profile: 2 };
    let setup = StationSetup {
        pics,
        identity: "CS001".into(),
        password: Secret::new("a-password-of-the-bench"),
        profiles: vec![(1, profile)],
        roots: String::new(),
        manufacturer_roots: String::new(),
        vehicle: None,
        certificate: None,
        variables: Vec::new(),
        faults: Faults::default(),
    };
    let surroundings = Surroundings { network, clock, link, transfers: mpsc::unbounded_channel().0 };
    Station::new(setup.pics.ocpp.protocol(), setup, surroundings)
}

fn plug(station: &mut Station) {
    let event = station.physical.plug(0, 1).unwrap();
    station.happened(event).unwrap();
}

fn variable(component: &str, name: &str) -> Value {
    json!({ "component": { "name": component }, "variable": { "name": name } })
}

fn with(mut item: Value, key: &str, value: &str) -> Value {
    item[key] = value.into();
    item
}

fn get(station: &mut Station, item: Value) -> Value {
    station.get_variables(&json!({ "getVariableData": [item] }))["getVariableResult"][0].clone()
}

fn set(station: &mut Station, item: Value, value: &str) -> String {
    let request = json!({ "setVariableData": [with(item, "attributeValue", value)] });
    let result = station.set_variables(&request)["setVariableResult"][0].clone();
    result["attributeStatus"].as_str().unwrap().to_owned()
}

#[tokio::test(start_paused = true)]
async fn variables_are_read() {
    let mut station = station(pics("cp-flex-plus-eu.yaml")).await;
    let threshold = variable("ocppcommctrlr", "offlinethreshold"); // names are not case-sensitive
    assert_eq!(get(&mut station, threshold.clone())["attributeValue"], "60");
    assert_eq!(get(&mut station, threshold.clone())["attributeType"], "Actual");
    for (item, status) in [
        (variable("Nobody", "OfflineThreshold"), "UnknownComponent"),
        (variable("OCPPCommCtrlr", "Nothing"), "UnknownVariable"),
        (variable("OCPPCommCtrlr", "MessageTimeout"), "UnknownVariable"), // only its instance is there
        (with(threshold, "attributeType", "Target"), "NotSupportedAttributeType"),
        (variable("SecurityCtrlr", "BasicAuthPassword"), "Rejected"),
    ] {
        let result = get(&mut station, item);
        assert_eq!(result["attributeStatus"], status);
        assert_eq!(result.get("attributeValue"), None);
    }
}

#[tokio::test(start_paused = true)]
async fn variables_are_written() {
    let mut station = station(pics("cp-flex-plus-eu.yaml")).await;
    let threshold = || variable("OCPPCommCtrlr", "OfflineThreshold");
    let priority = || variable("OCPPCommCtrlr", "NetworkConfigurationPriority");
    for (item, value, status) in [
        (threshold(), "300", "Accepted"),
        (threshold(), "300.1", "Rejected"),
        (threshold(), "90000", "Rejected"),
        (variable("Nobody", "OfflineThreshold"), "300", "UnknownComponent"),
        (variable("OCPPCommCtrlr", "Nothing"), "300", "UnknownVariable"),
        (with(threshold(), "attributeType", "MaxSet"), "300", "NotSupportedAttributeType"),
        (variable("SecurityCtrlr", "SecurityProfile"), "1", "Rejected"),
        (variable("SecurityCtrlr", "BasicAuthPassword"), "short", "Rejected"),
        (priority(), "1,2", "Rejected"), // there is no profile in slot 2
        (priority(), "1", "RebootRequired"),
    ] {
        assert_eq!(set(&mut station, item.clone(), value), status, "{item} = {value}");
    }
    assert_eq!(get(&mut station, threshold())["attributeValue"], "300");
}

#[tokio::test(start_paused = true)]
async fn messages_are_limited() {
    let station = station(pics("beny-bcpcv-ct2m-p.yaml")).await;
    let two = json!({ "setVariableData": [variable("A", "B"), variable("A", "C")] });
    assert_eq!(station.over_limit("SetVariables", &two, 200), Some("OccurrenceConstraintViolation"));
    let one = json!({ "getVariableData": [variable("A", "B")] });
    assert_eq!(station.over_limit("GetVariables", &one, 1001), Some("FormatViolation"));
    assert_eq!(station.over_limit("GetVariables", &one, 1000), None);
}

#[tokio::test(start_paused = true)]
async fn reports_have_what_was_asked_for() {
    let mut station = station(pics("beny-bcpcv-ct2m-p.yaml")).await;
    let mut names = |action: &'static str, request: Value| {
        station.queue.clear();
        station.physical.conn = Some(crate::link::ConnId(1));
        station.send_report(action, &request);
        let parts = station.queue.iter().map(|part| part.payload["reportData"].clone());
        let items = parts.flat_map(|part| part.as_array().cloned().unwrap_or_default());
        items
            .map(|item| format!("{}.{}", item["component"]["name"], item["variable"]["name"]).replace('"', ""))
            .collect::<Vec<_>>()
    };
    let custom = |wanted: Value| json!({ "requestId": 1, "componentVariable": [wanted] });
    assert_eq!(names("GetReport", custom(json!({ "component": { "name": "EVSE" } }))).len(), 2 * 5);
    let states = json!({ "component": { "name": "EVSE" }, "variable": { "name": "AvailabilityState" } });
    assert_eq!(names("GetReport", custom(states.clone())).len(), 2);
    let mut second = states.clone();
    second["component"]["evse"] = json!({ "id": 2 });
    assert_eq!(names("GetReport", custom(second)), ["EVSE.AvailabilityState"]);
    let every = names("GetReport", custom(variable("DeviceDataCtrlr", "ItemsPerMessage")));
    assert_eq!(every.len(), 3);
    let mut instance = variable("DeviceDataCtrlr", "ItemsPerMessage");
    instance["variable"]["instance"] = "GetReport".into();
    assert_eq!(names("GetReport", custom(instance)).len(), 1);
    let problems = json!({ "requestId": 1, "componentCriteria": ["Problem"], "componentVariable": [states] });
    assert!(names("GetReport", problems).is_empty());
    let base = |base: &str| json!({ "requestId": 1, "reportBase": base });
    let full = names("GetBaseReport", base("FullInventory"));
    let writable = names("GetBaseReport", base("ConfigurationInventory"));
    assert!(full.contains(&"ClockCtrlr.DateTime".into()) && !writable.contains(&"ClockCtrlr.DateTime".into()));
    assert!(writable.contains(&"SecurityCtrlr.BasicAuthPassword".into()));
}

fn second_profile() -> Value {
    json!({ "configurationSlot": 2, "connectionData": {
        "ocppVersion": "OCPP20", "ocppTransport": "JSON", "ocppCsmsUrl": "wss://other.test:443/ocpp",
        "messageTimeout": 30, "securityProfile": 2, "ocppInterface": "Wired0",
    } })
}

#[tokio::test(start_paused = true)]
async fn network_profiles_are_checked() {
    let mut station = station(pics("cp-flex-plus-eu.yaml")).await;
    assert_eq!(station.set_network_profile(&second_profile())["status"], "Accepted");
    for (key, value, reason) in [
        ("configurationSlot", json!(999), "InvalidConfSlot"),
        ("/connectionData/securityProfile", json!(1), "NoSecurityDowngrade"),
        ("/connectionData/ocppCsmsUrl", json!("ws://other.test/ocpp"), "InvalidNetworkConf"),
        ("/connectionData/ocppTransport", json!("SOAP"), "InvalidNetworkConf"),
    ] {
        let mut profile = second_profile();
        match profile.pointer_mut(key) {
            Some(place) => *place = value,
            None => profile[key] = value,
        }
        let answer = station.set_network_profile(&profile);
        assert_eq!((&answer["status"], &answer["statusInfo"]["reasonCode"]), (&json!("Rejected"), &json!(reason)));
    }
}

/// The slots that are tried when nothing can be reached, after a reboot with the second profile put first.
async fn slots_tried(falls_back: bool) -> Vec<i64> {
    let mut pics = pics("cp-flex-plus-eu.yaml");
    pics.features.insert("C-47".into(), Answer::Bool(falls_back));
    let mut station = station(pics).await;
    station.slot_works();
    station.set_network_profile(&second_profile());
    assert_eq!(set(&mut station, variable("OCPPCommCtrlr", "NetworkProfileConnectionAttempts"), "2"), "Accepted");
    assert_eq!(set(&mut station, variable("OCPPCommCtrlr", "NetworkConfigurationPriority"), "2,1"), "RebootRequired");
    station.first_slot();
    let mut tried = Vec::new();
    for _ in 0..8 {
        tried.push(station.active_slot);
        station.attempt_failed();
    }
    tried
}

#[tokio::test(start_paused = true)]
async fn network_profiles_are_tried_in_their_order() {
    // B10.FR.07: reconnecting where it was connected last; B10.FR.08: the list from its beginning.
    assert_eq!(slots_tried(true).await, [2, 2, 1, 1, 1, 1, 1, 1]);
    assert_eq!(slots_tried(false).await, [2, 2, 1, 1, 2, 2, 1, 1]);
}

#[tokio::test(start_paused = true)]
async fn a_plug_that_is_not_held_fast_gets_no_energy() {
    let mut station = station(pics("simulated-station.yaml")).await;
    station.physical.conn = Some(crate::link::ConnId(1));
    station.boot = super::Boot::Accepted;
    let token = json!({ "idToken": "AA", "type": "ISO14443" });
    let unlock = json!({ "evseId": 1, "connectorId": 1 });
    assert!(!station.physical.jam(1, 1, true)); // a fixed cable
    assert!(station.physical.jam(0, 1, true));
    plug(&mut station);
    station.authorize(0, token, None);
    assert!(!station.physical.evses[0].charging); // G05.FR.01
    let told = |station: &Station, value: &str| {
        station.queue.iter().any(|outgoing| {
            outgoing.action == "NotifyEvent"
                && outgoing.payload["eventData"][0]["component"]["name"] == "ConnectorPlugRetentionLock"
                && outgoing.payload["eventData"][0]["actualValue"] == value
        })
    };
    assert!(told(&station, "true") && !told(&station, "false"));
    assert_eq!(station.unlock(&unlock), "OngoingAuthorizedTransaction");
    station.stop_authorization(0, None, true);
    assert_eq!(station.unlock(&unlock), "UnlockFailed"); // F05.FR.05
    assert!(station.physical.jam(0, 1, false));
    station.happened(Event::LockFreed { index: 0, connector: 1 }).unwrap();
    assert!(told(&station, "false"));
    assert_eq!(station.unlock(&unlock), "Unlocked");
    assert_eq!(station.unlock(&json!({ "evseId": 1, "connectorId": 9 })), "UnknownConnector");
}

#[tokio::test(start_paused = true)]
async fn availability_waits_for_the_transaction_and_outlives_a_restart() {
    let mut station = station(pics("simulated-station.yaml")).await;
    let change = |station: &mut Station, evse: Option<u32>, status: &str| {
        let mut payload = json!({ "operationalStatus": status });
        if let Some(evse) = evse {
            payload["evse"] = json!({ "id": evse });
        }
        let answer = station.change_availability(&payload);
        station.apply_availability(&payload);
        answer
    };
    let state = |station: &Station, index: usize| {
        let evse = &station.evses[index];
        evse.status(&evse.connectors[0], station.physical.evses[index].plugged, station.operative)
    };
    plug(&mut station);
    station.authorize(0, json!({ "idToken": "AA", "type": "ISO14443" }), None);
    assert!(station.evses[0].transaction.is_some());
    // G04.FR.06: what is idle goes at once, the rest when its transaction has ended.
    assert_eq!(change(&mut station, None, "Inoperative"), "Scheduled");
    assert_eq!((state(&station, 0), state(&station, 1)), ("Occupied", "Unavailable"));
    assert_eq!(change(&mut station, Some(2), "Inoperative"), "Accepted");
    station.end(0, "RemoteStop", Some("Remote"));
    assert_eq!(state(&station, 0), "Unavailable");
    assert!(!station.usable(0));
    // G03.FR.08, G04.FR.09; then each has its own state again.
    station.restart("PowerUp");
    assert_eq!((state(&station, 0), state(&station, 1)), ("Unavailable", "Unavailable"));
    assert_eq!(change(&mut station, None, "Operative"), "Accepted");
    assert_eq!((state(&station, 0), state(&station, 1)), ("Occupied", "Unavailable"));
    assert_eq!(change(&mut station, Some(9), "Operative"), "Rejected");
}
