//! The charge point, driven by what happens to it and by what the central system answers.

mod faults;
mod reservations;
mod security;
mod smart_charging;

use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::{ChargePoint, boot::Registration};
use crate::{
    clock::Clock,
    link::{ConnId, MemoryNetwork, Network, Secret},
    manual_action::ManualAction,
    pics::{Answer, Pics, reader},
    protocol::{OCPP_1_6, Protocol},
    simulator::{
        faults::{Faults, FaultyLink},
        station::{
            NetworkProfile, StationSetup,
            dialect::{Dialect, domain::Mutability},
            physical::{NotPossible, Surroundings},
        },
    },
};

/// The hardware of the tests: EVSE 1 has a socket, EVSE 2 a fixed cable.
fn pics() -> Pics {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("pics/simulated-station.yaml");
    let mut pics = reader::read(&path).unwrap();
    for id in ["P16-TRIGGER", "P16-FW", "P16-DIAG", "R-0", "LA-0"] {
        pics.features.insert(id.into(), Answer::Bool(true));
    }
    // Without what the security whitepaper adds.
    pics.features.insert("C-61".into(), Answer::Bool(false));
    pics.profiles.retain(|profile| profile.id() != "advanced-security");
    for id in ["C-40.2", "C-40.4"] {
        pics.features.shift_remove(id);
    }
    pics
}

fn protocol() -> &'static Protocol {
    &OCPP_1_6
}

async fn delivered() -> ChargePoint {
    delivered_as(pics()).await
}

async fn delivered_as(pics: Pics) -> ChargePoint {
    let network = Network::Memory(MemoryNetwork::default());
    let clock = Clock::start();
    let none = std::collections::HashMap::new();
    let link = FaultyLink::serve(Faults::default(), network.clone(), &[], none, clock).await.unwrap();
    let profile = NetworkProfile { url: "ws://csms.test/ocpp".into(), security_profile: 1 };
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
    ChargePoint::new(protocol(), setup, surroundings)
}

/// What the central system of the tests answers: all is accepted, and the token `BAD` is blocked.
fn answer(action: &str, payload: &Value) -> Value {
    let info = if payload["idTag"] == "BAD" {
        json!({ "status": "Blocked" })
    } else {
        json!({ "status": "Accepted", "parentIdTag": "FAMILY" })
    };
    match action {
        "BootNotification" => json!({ "status": "Accepted", "interval": 300, "currentTime": "2026-01-01T00:00:00Z" }),
        "Authorize" => json!({ "idTagInfo": info }),
        "StartTransaction" => json!({ "idTagInfo": info, "transactionId": 77 }),
        _ => json!({}),
    }
}

/// Lets the charge point send all that it has to send, with answers; what it sent.
fn exchange_with(station: &mut ChargePoint, answer: impl Fn(&str, &Value) -> Value) -> Vec<(&'static str, Value)> {
    let mut sent = Vec::new();
    loop {
        station.send_waiting();
        let Some((id, outgoing)) = station.outstanding.clone() else { return sent };
        let wrong = protocol().messages().validate(outgoing.action, true, &outgoing.payload);
        assert!(wrong.is_empty(), "{} {}: {wrong:?}", outgoing.action, outgoing.payload);
        sent.push((outgoing.action, outgoing.payload.clone()));
        let response = answer(outgoing.action, &outgoing.payload);
        station.received(&json!([3, id, response]).to_string());
    }
}

fn exchange(station: &mut ChargePoint) -> Vec<(&'static str, Value)> {
    exchange_with(station, answer)
}

/// A line for each message: its action, and what matters of it.
fn told(sent: &[(&'static str, Value)]) -> Vec<String> {
    sent.iter()
        .map(|(action, payload)| match *action {
            "StatusNotification" => format!("{} {}", payload["connectorId"], payload["status"].as_str().unwrap()),
            "StopTransaction" => {
                format!("{action} {} {}", payload["transactionId"], payload["reason"].as_str().unwrap())
            }
            "StartTransaction" | "Authorize" => format!("{action} {}", payload["idTag"].as_str().unwrap()),
            _ => (*action).to_owned(),
        })
        .collect()
}

fn act(station: &mut ChargePoint, action: &str, parameters: Value) -> Result<(), NotPossible> {
    let action = ManualAction {
        action: action.into(),
        parameters: parameters.as_object().unwrap().clone(),
        prompt: String::new(),
    };
    let event = station.physical.perform(&action)?;
    event.map_or(Ok(()), |event| station.happened(event))
}

/// Performs an action; what the charge point sent because of it.
fn done(station: &mut ChargePoint, action: &str, parameters: Value) -> Vec<String> {
    act(station, action, parameters).unwrap();
    told(&exchange(station))
}

fn token(id_tag: &str) -> Value {
    json!({ "evse": 1, "token": id_tag, "type": "ISO14443" })
}

fn at() -> Value {
    json!({ "evse": 1, "connector": 1 })
}

/// Answers a request, does what follows; the answer and what was sent afterwards.
fn ask(station: &mut ChargePoint, action: &str, payload: Value) -> (Value, Vec<String>) {
    let response = station.respond(action, &payload).unwrap();
    assert!(protocol().messages().validate(action, true, &payload).is_empty(), "{action} {payload}");
    let wrong = protocol().messages().validate(action, false, &response);
    assert!(wrong.is_empty(), "{action} {response}: {wrong:?}");
    station.afterwards(action, &payload);
    (response, told(&exchange(station)))
}

fn set(station: &mut ChargePoint, key: &str, value: &str) -> Value {
    ask(station, "ChangeConfiguration", json!({ "key": key, "value": value })).0["status"].clone()
}

/// Connected, accepted, and everything reported.
async fn accepted() -> ChargePoint {
    let mut station = delivered().await;
    station.physical.conn = Some(ConnId(1));
    station.connected();
    exchange(&mut station);
    assert_eq!(station.registration, Registration::Accepted);
    station
}

/// A transaction of the token `GOOD` runs on connector 1.
async fn charging() -> ChargePoint {
    let mut station = accepted().await;
    done(&mut station, "connect-ev", at());
    let sent = done(&mut station, "present-token", token("GOOD"));
    assert_eq!(sent, ["Authorize GOOD", "1 Charging", "StartTransaction GOOD"]);
    station
}

#[tokio::test(start_paused = true)]
async fn a_boot_is_followed_by_every_status() {
    let mut station = delivered().await;
    station.physical.conn = Some(ConnId(1));
    station.connected();
    let sent = exchange(&mut station);
    assert_eq!(told(&sent)[..3], ["BootNotification", "0 Available", "1 Available"]);
    assert_eq!(sent.len(), 2 + station.connectors.len());
    assert_eq!(station.configuration.get("HeartbeatInterval"), "300");
}

#[tokio::test(start_paused = true)]
async fn who_is_pending_sends_only_what_it_is_asked_for() {
    let mut station = delivered().await;
    station.physical.conn = Some(ConnId(1));
    station.connected();
    let pending = |action: &str, _: &Value| match action {
        "BootNotification" => json!({ "status": "Pending", "interval": 0, "currentTime": "2026-01-01T00:00:00Z" }),
        _ => json!({}),
    };
    assert_eq!(told(&exchange_with(&mut station, pending)), ["BootNotification"]);
    done(&mut station, "connect-ev", at());
    assert_eq!(ask(&mut station, "RemoteStartTransaction", json!({ "idTag": "GOOD" })).0["status"], "Rejected");
    let trigger = json!({ "requestedMessage": "StatusNotification", "connectorId": 1 });
    let (response, sent) = ask(&mut station, "TriggerMessage", trigger);
    assert_eq!((&response["status"], sent), (&json!("Accepted"), vec!["1 Preparing".to_owned()]));
    assert!(station.timers.any(|timer| *timer == super::Timer::BootAgain));
}

#[tokio::test(start_paused = true)]
async fn a_session_is_told_from_plug_to_unplug() {
    let mut station = accepted().await;
    assert_eq!(done(&mut station, "connect-ev", at()), ["1 Preparing"]);
    assert_eq!(done(&mut station, "present-token", token("BAD")), ["Authorize BAD"]);
    let sent = done(&mut station, "present-token", token("GOOD"));
    assert_eq!(sent, ["Authorize GOOD", "1 Charging", "StartTransaction GOOD"]);
    assert_eq!(done(&mut station, "ev-suspend", at()), ["1 SuspendedEV"]);
    assert_eq!(done(&mut station, "ev-resume", at()), ["1 Charging"]);
    // Another token of the same parent stops as well, but is asked about first (4.1).
    assert_eq!(done(&mut station, "present-token", token("BAD")), ["Authorize BAD"]);
    let sent = done(&mut station, "present-token", token("SISTER"));
    assert_eq!(sent, ["Authorize SISTER", "1 Finishing", "StopTransaction 77 Local"]);
    assert_eq!(done(&mut station, "disconnect-ev", at()), ["1 Available"]);
}

#[tokio::test(start_paused = true)]
async fn a_driver_who_does_not_plug_in_loses_the_authorisation() {
    let mut station = accepted().await;
    set(&mut station, "ConnectionTimeOut", "20");
    assert_eq!(done(&mut station, "present-token", token("GOOD")), ["Authorize GOOD", "1 Preparing"]);
    tokio::time::advance(std::time::Duration::from_secs(20)).await;
    station.timers_due();
    assert_eq!(told(&exchange(&mut station)), ["1 Available"]);
    // B1: so does one who presents the token again.
    done(&mut station, "present-token", token("GOOD"));
    assert_eq!(done(&mut station, "present-token", token("good")), ["1 Available"]);
}

#[tokio::test(start_paused = true)]
async fn the_ev_side_decides_what_the_configuration_says() {
    let mut station = charging().await;
    assert_eq!(done(&mut station, "disconnect-ev-side", at()), ["1 Finishing", "StopTransaction 77 EVDisconnected"]);
    assert_eq!(done(&mut station, "disconnect-station-side", at()), ["1 Available"]);

    let mut station = charging().await;
    set(&mut station, "StopTransactionOnEVSideDisconnect", "false");
    assert_eq!(done(&mut station, "disconnect-ev-side", at()), ["1 SuspendedEV"]);
    // The cable stays locked, whatever UnlockConnectorOnEVSideDisconnect says (4.10).
    assert!(act(&mut station, "disconnect-station-side", at()).is_err());
    assert_eq!(done(&mut station, "reconnect-ev-side", at()), ["1 Charging"]);
    // A regular end frees it.
    done(&mut station, "disconnect-ev-side", at());
    let (_, sent) = ask(&mut station, "RemoteStopTransaction", json!({ "transactionId": 77 }));
    assert_eq!(sent, ["1 Finishing", "StopTransaction 77 Remote"]);
    assert_eq!(done(&mut station, "disconnect-station-side", at()), ["1 Available"]);
}

#[tokio::test(start_paused = true)]
async fn a_plug_that_can_not_be_locked_is_a_fault() {
    let mut station = accepted().await;
    done(&mut station, "present-token", token("GOOD"));
    act(&mut station, "jam-lock", at()).unwrap();
    act(&mut station, "connect-ev", at()).unwrap();
    let sent = exchange(&mut station);
    assert_eq!(told(&sent), ["1 Faulted"]);
    assert_eq!(sent[0].1["errorCode"], "ConnectorLockFailure");
    let (response, _) = ask(&mut station, "RemoteStartTransaction", json!({ "connectorId": 1, "idTag": "GOOD" }));
    assert_eq!(response["status"], "Rejected");
    // The plug comes out, and the fault is over, with the driver gone.
    assert_eq!(done(&mut station, "disconnect-ev", at()), ["1 Available"]);
    assert!(done(&mut station, "free-lock", at()).is_empty());
}

#[test]
fn a_fixed_cable_is_never_unlocked() {
    let mut pics = pics();
    let key = |pics: &Pics| {
        let configuration = super::Configuration::new(pics, 1);
        let setting = configuration.find("UnlockConnectorOnEVSideDisconnect").unwrap();
        (setting.value.clone(), setting.mutability)
    };
    assert_eq!(key(&pics), ("true".into(), Mutability::ReadWrite));
    for connector in pics.evses.iter_mut().flat_map(|evse| &mut evse.connectors) {
        connector.cable = "fixed".into();
    }
    assert_eq!(key(&pics), ("false".into(), Mutability::ReadOnly));
}

#[tokio::test(start_paused = true)]
async fn an_offline_transaction_is_told_afterwards_with_its_id() {
    let mut station = accepted().await;
    set(&mut station, "AllowOfflineTxForUnknownId", "true");
    station.physical.conn = None;
    station.disconnected();
    done(&mut station, "connect-ev", at());
    done(&mut station, "present-token", token("STRANGER"));
    done(&mut station, "present-token", token("STRANGER"));
    station.physical.conn = Some(ConnId(2));
    station.connected();
    let sent = told(&exchange(&mut station));
    assert_eq!(sent, ["1 Finishing", "StartTransaction STRANGER", "StopTransaction 77 Local"]);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_processed_is_sent_again_and_given_up_at_last() {
    let mut station = accepted().await;
    set(&mut station, "TransactionMessageAttempts", "2");
    set(&mut station, "TransactionMessageRetryInterval", "10");
    done(&mut station, "connect-ev", at());
    act(&mut station, "present-token", token("GOOD")).unwrap();
    let refuse = |station: &mut ChargePoint| {
        station.send_waiting();
        let (id, outgoing) = station.outstanding.clone()?;
        station.received(&json!([4, id, "InternalError", "", {}]).to_string());
        Some(outgoing.action)
    };
    // The Authorize is answered, the rest is not.
    station.send_waiting();
    let (id, _) = station.outstanding.clone().unwrap();
    station.received(&json!([3, id, { "idTagInfo": { "status": "Accepted" } }]).to_string());
    assert_eq!(refuse(&mut station), Some("StatusNotification"));
    assert_eq!(refuse(&mut station), Some("StartTransaction"));
    assert_eq!(refuse(&mut station), None);
    tokio::time::advance(std::time::Duration::from_secs(10)).await;
    station.timers_due();
    assert_eq!(refuse(&mut station), Some("StartTransaction"));
    // Without an id of the central system the rest goes out with -1 (errata 3.18).
    assert_eq!(done(&mut station, "present-token", token("GOOD")), ["1 Finishing", "StopTransaction -1 Local"]);
}

#[tokio::test(start_paused = true)]
async fn an_id_tag_that_proves_invalid_ends_the_transaction_or_the_energy() {
    for (stops, expected) in [("true", "1 Finishing"), ("false", "1 SuspendedEVSE")] {
        let mut station = accepted().await;
        set(&mut station, "StopTransactionOnInvalidId", stops);
        set(&mut station, "AuthorizeRemoteTxRequests", "false");
        done(&mut station, "connect-ev", at());
        let start = json!({ "idTag": "BAD", "connectorId": 1 });
        let (response, sent) = ask(&mut station, "RemoteStartTransaction", start);
        assert_eq!(response["status"], "Accepted");
        assert_eq!(sent[..3], ["1 Charging", "StartTransaction BAD", expected], "{stops}");
        assert_eq!(sent.get(3).map(String::as_str), (stops == "true").then_some("StopTransaction 77 DeAuthorized"));
    }
}

#[tokio::test(start_paused = true)]
async fn remote_requests_act_like_a_driver() {
    let mut station = accepted().await;
    let unknown = json!({ "idTag": "GOOD", "connectorId": 99 });
    assert_eq!(ask(&mut station, "RemoteStartTransaction", unknown).0["status"], "Rejected");
    let start = json!({ "idTag": "GOOD", "connectorId": 1 });
    let (response, sent) = ask(&mut station, "RemoteStartTransaction", start.clone());
    assert_eq!((&response["status"], sent.join(", ")), (&json!("Accepted"), "Authorize GOOD, 1 Preparing".to_owned()));
    assert_eq!(done(&mut station, "connect-ev", at()), ["1 Charging", "StartTransaction GOOD"]);
    assert_eq!(ask(&mut station, "RemoteStartTransaction", start).0["status"], "Rejected");
    assert_eq!(ask(&mut station, "RemoteStopTransaction", json!({ "transactionId": 78 })).0["status"], "Rejected");
    let (response, sent) = ask(&mut station, "RemoteStopTransaction", json!({ "transactionId": 77 }));
    assert_eq!(response["status"], "Accepted");
    assert_eq!(sent, ["1 Finishing", "StopTransaction 77 Remote"]);
}

#[tokio::test(start_paused = true)]
async fn configuration_is_read_and_changed() {
    let mut station = accepted().await;
    for (key, value, status) in [
        ("connectiontimeout", "30", "Accepted"),
        ("ConnectionTimeOut", "-1", "Rejected"),
        ("ConnectionTimeOut", "soon", "Rejected"),
        ("LocalPreAuthorize", "True", "Accepted"),
        ("LocalPreAuthorize", "perhaps", "Rejected"),
        ("NumberOfConnectors", "9", "Rejected"),
        ("MeterValuesSampledData", "Voltage,Current.Import", "Accepted"),
        ("MeterValuesSampledData", "Voltage,Weather", "Rejected"),
        ("NoSuchKey", "1", "NotSupported"),
    ] {
        assert_eq!(set(&mut station, key, value), status, "{key} = {value}");
    }
    let (response, _) = ask(&mut station, "GetConfiguration", json!({ "key": ["ConnectionTimeOut", "NoSuchKey"] }));
    let expected = json!([{ "key": "ConnectionTimeOut", "readonly": false, "value": "30" }]);
    assert_eq!((&response["configurationKey"], &response["unknownKey"]), (&expected, &json!(["NoSuchKey"])));
    let (response, _) = ask(&mut station, "GetConfiguration", json!({}));
    assert_eq!(response["configurationKey"].as_array().unwrap().len(), station.configuration.all().len());
}

#[tokio::test(start_paused = true)]
async fn availability_waits_for_the_transaction_and_outlives_a_restart() {
    let mut station = charging().await;
    let change = |connector: i64, kind: &str| json!({ "connectorId": connector, "type": kind });
    let (response, sent) = ask(&mut station, "ChangeAvailability", change(1, "Inoperative"));
    assert_eq!((&response["status"], sent.len()), (&json!("Scheduled"), 0));
    assert_eq!(
        done(&mut station, "present-token", token("GOOD")),
        ["1 Finishing", "1 Unavailable", "StopTransaction 77 Local"]
    );
    assert_eq!(ask(&mut station, "ChangeAvailability", change(99, "Operative")).0["status"], "Rejected");
    station.restart();
    station.physical.conn = Some(ConnId(2));
    station.connected();
    assert_eq!(told(&exchange(&mut station))[..3], ["BootNotification", "0 Available", "1 Unavailable"]);
    let (response, sent) = ask(&mut station, "ChangeAvailability", change(1, "Operative"));
    assert_eq!((&response["status"], sent), (&json!("Accepted"), vec!["1 Preparing".to_owned()]));
}

#[tokio::test(start_paused = true)]
async fn a_reset_ends_transactions_first() {
    for (kind, reason) in [("Soft", "SoftReset"), ("Hard", "HardReset")] {
        let mut station = charging().await;
        let (response, sent) = ask(&mut station, "Reset", json!({ "type": kind }));
        assert_eq!(response["status"], "Accepted");
        assert_eq!(sent, ["1 Finishing".to_owned(), format!("StopTransaction 77 {reason}")]);
        assert!(station.timers.any(|timer| *timer == super::Timer::Restart));
    }
    // Without back-up power the end of the transaction is told after the boot.
    let mut station = charging().await;
    act(&mut station, "power-cycle", json!({})).unwrap();
    station.physical.conn = Some(ConnId(2));
    station.connected();
    let sent = told(&exchange(&mut station));
    assert_eq!(sent.first().map(String::as_str), Some("BootNotification"));
    assert_eq!(sent.last().map(String::as_str), Some("StopTransaction 77 PowerLoss"));
}

#[tokio::test(start_paused = true)]
async fn a_connector_is_unlocked_where_it_has_a_lock() {
    let mut station = charging().await;
    let (response, sent) = ask(&mut station, "UnlockConnector", json!({ "connectorId": 1 }));
    assert_eq!(response["status"], "Unlocked");
    assert_eq!(sent, ["1 Finishing", "StopTransaction 77 UnlockCommand"]);
    act(&mut station, "jam-lock", at()).unwrap();
    assert_eq!(ask(&mut station, "UnlockConnector", json!({ "connectorId": 1 })).0["status"], "UnlockFailed");
    assert_eq!(ask(&mut station, "UnlockConnector", json!({ "connectorId": 99 })).0["status"], "NotSupported");
    let fixed = station.connectors.iter().position(|known| station.physical.evses[known.evse].fixed_cable).unwrap();
    let (response, _) = ask(&mut station, "UnlockConnector", json!({ "connectorId": fixed + 1 }));
    assert_eq!(response["status"], "NotSupported");
}

#[tokio::test(start_paused = true)]
async fn meter_values_come_at_their_interval_and_on_the_clock() {
    let mut station = accepted().await;
    set(&mut station, "MeterValueSampleInterval", "10");
    set(&mut station, "MeterValuesSampledData", "Energy.Active.Import.Register,Voltage");
    done(&mut station, "connect-ev", at());
    done(&mut station, "present-token", token("GOOD"));
    tokio::time::advance(std::time::Duration::from_secs(10)).await;
    station.timers_due();
    let sent = exchange(&mut station);
    let (_, payload) = sent.iter().find(|(action, _)| *action == "MeterValues").unwrap();
    assert_eq!((&payload["connectorId"], &payload["transactionId"]), (&json!(1), &json!(77)));
    let values = payload["meterValue"][0]["sampledValue"].as_array().unwrap();
    assert_eq!(values.len(), 2);
    assert_eq!((&values[1]["value"], &values[1]["context"]), (&json!("230"), &json!("Sample.Periodic")));
    set(&mut station, "MeterValueSampleInterval", "0");
    set(&mut station, "ClockAlignedDataInterval", "900");
    tokio::time::advance(std::time::Duration::from_mins(15)).await;
    station.timers_due();
    let sent = exchange(&mut station);
    let aligned: Vec<&Value> =
        sent.iter().filter(|(action, _)| *action == "MeterValues").map(|(_, value)| value).collect();
    assert_eq!(aligned.len(), station.connectors.len());
    assert_eq!(aligned[0]["meterValue"][0]["sampledValue"][0]["context"], "Sample.Clock");
    assert!(aligned[1].get("transactionId").is_none());
}

#[tokio::test(start_paused = true)]
async fn a_known_token_needs_no_question_where_that_is_allowed() {
    let mut station = charging().await;
    done(&mut station, "present-token", token("GOOD"));
    done(&mut station, "disconnect-ev", at());
    set(&mut station, "LocalPreAuthorize", "true");
    assert_eq!(done(&mut station, "present-token", token("GOOD")), ["1 Preparing"]);
    assert_eq!(done(&mut station, "connect-ev", at()), ["1 Charging", "StartTransaction GOOD"]);
    done(&mut station, "present-token", token("GOOD"));
    done(&mut station, "disconnect-ev", at());
    assert_eq!(ask(&mut station, "ClearCache", json!({})).0["status"], "Accepted");
    assert_eq!(done(&mut station, "present-token", token("GOOD")), ["Authorize GOOD", "1 Preparing"]);
}

#[tokio::test(start_paused = true)]
async fn a_reservation_holds_the_connector_for_its_token() {
    let mut station = accepted().await;
    let later = station.physical.now().checked_add(jiff::SignedDuration::from_mins(10)).unwrap();
    let reserve = |id: i64, connector: i64| json!({ "reservationId": id, "connectorId": connector, "idTag": "GOOD", "expiryDate": later.to_string() });
    assert_eq!(station.reserve(&reserve(5, 1)), "Accepted");
    station.report_all();
    assert_eq!(told(&exchange(&mut station)), ["1 Reserved"]);
    assert_eq!(station.reserve(&reserve(6, 1)), "Occupied");
    assert_eq!(station.reserve(&reserve(5, 1)), "Accepted");
    assert_eq!(station.reserve(&reserve(7, 0)), "Rejected");
    assert_eq!(done(&mut station, "present-token", token("OTHER")), ["Authorize OTHER"]);
    assert_eq!(done(&mut station, "present-token", token("GOOD")), ["Authorize GOOD", "1 Preparing"]);
    act(&mut station, "connect-ev", at()).unwrap();
    let sent = exchange(&mut station);
    let (_, start) = sent.iter().find(|(action, _)| *action == "StartTransaction").unwrap();
    assert_eq!(start["reservationId"], 5);
    let (response, _) = ask(&mut station, "CancelReservation", json!({ "reservationId": 5 }));
    assert_eq!(response["status"], "Rejected");
}
