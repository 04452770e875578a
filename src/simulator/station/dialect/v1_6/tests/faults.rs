//! Faults of the charge point and its connectors (4.9).

use serde_json::json;

use super::{accepted, act, ask, at, charging, done, exchange, token, told};

#[tokio::test(start_paused = true)]
async fn a_faulted_connector_serves_nobody_until_the_fault_is_gone() {
    let mut station = accepted().await;
    act(&mut station, "cause-fault", at()).unwrap();
    let sent = exchange(&mut station);
    assert_eq!(told(&sent), ["1 Faulted"]);
    assert_eq!(sent[0].1["errorCode"], "GroundFailure");
    assert!(done(&mut station, "present-token", token("GOOD")).is_empty());
    assert!(done(&mut station, "connect-ev", at()).is_empty());
    let start = json!({ "connectorId": 1, "idTag": "GOOD" });
    assert_eq!(ask(&mut station, "RemoteStartTransaction", start).0["status"], "Rejected");
    let later = station.physical.now().checked_add(jiff::SignedDuration::from_mins(10)).unwrap().to_string();
    let reserve = json!({ "reservationId": 1, "connectorId": 1, "idTag": "GOOD", "expiryDate": later });
    assert_eq!(ask(&mut station, "ReserveNow", reserve).0["status"], "Faulted");
    assert_eq!(done(&mut station, "clear-fault", at()), ["1 Preparing"]);
}

#[tokio::test(start_paused = true)]
async fn a_fault_of_the_whole_interrupts_what_goes_on_afterwards() {
    let mut station = charging().await;
    let every: Vec<String> = (0..=station.connectors.len()).map(|number| format!("{number} Faulted")).collect();
    assert_eq!(done(&mut station, "cause-fault", json!({})), every);
    assert!(!station.physical.evses[0].gives_energy());
    let sent = done(&mut station, "clear-fault", json!({}));
    assert_eq!(sent[..2], ["0 Available", "1 Charging"]);
    assert!(station.physical.evses[0].gives_energy());
}

#[tokio::test(start_paused = true)]
async fn a_fault_ends_the_reservation_of_the_connector() {
    let mut station = accepted().await;
    let later = station.physical.now().checked_add(jiff::SignedDuration::from_mins(10)).unwrap().to_string();
    let reserve = json!({ "reservationId": 1, "connectorId": 1, "idTag": "GOOD", "expiryDate": later });
    assert_eq!(ask(&mut station, "ReserveNow", reserve).0["status"], "Accepted");
    assert_eq!(done(&mut station, "cause-fault", at()), ["1 Faulted"]);
    assert_eq!(done(&mut station, "clear-fault", at()), ["1 Available"]);
}
