//! Reservations: who may charge where, and how they end.

use std::time::Duration;

use serde_json::{Value, json};

use super::{super::*, pics, plug, set, station, variable};
use crate::link::ConnId;

fn token(text: &str) -> Value {
    json!({ "idToken": text, "type": "ISO14443" })
}

fn group(text: &str) -> Value {
    json!({ "idToken": text, "type": "Central" })
}

async fn accepted(name: &str) -> Station {
    let mut station = station(pics(name)).await;
    station.physical.conn = Some(ConnId(1));
    station.boot = Boot::Accepted;
    station
}

/// Asks for a reservation that ends in `seconds`, with further members of the request.
fn reserve(station: &mut Station, id: i64, who: &str, seconds: i64, more: Value) -> &'static str {
    let expiry = station.physical.now() + jiff::SignedDuration::from_secs(seconds);
    let mut payload = json!({ "id": id, "expiryDateTime": expiry.to_string(), "idToken": token(who) });
    for (name, value) in more.as_object().into_iter().flatten() {
        payload[name] = value.clone();
    }
    let answer = station.reserve(&payload);
    station.make_reservation(&payload);
    answer
}

fn cancel(station: &mut Station, id: i64) -> &'static str {
    let payload = json!({ "reservationId": id });
    let answer = station.cancel_reservation(&payload);
    station.forget_reservation(&payload);
    answer
}

/// The status of the first connector of each EVSE.
fn statuses(station: &Station) -> Vec<&'static str> {
    let status = |(index, evse): (usize, &evse::Evse)| {
        evse.status(&evse.connectors[0], station.physical.evses[index].plugged, station.operative)
    };
    station.evses.iter().enumerate().map(status).collect()
}

/// What the station tells of reservations that nobody used.
fn endings(station: &mut Station) -> Vec<(Value, Value)> {
    let told = station.queue.iter().filter(|outgoing| outgoing.action == "ReservationStatusUpdate");
    let told = told.map(|one| (one.payload["reservationId"].clone(), one.payload["reservationUpdateStatus"].clone()));
    let told = told.collect();
    station.queue.clear();
    told
}

fn on(evse: u32) -> Value {
    json!({ "evseId": evse })
}

#[tokio::test(start_paused = true)]
async fn reservations_are_refused_for_the_right_reason() {
    let mut station = accepted("simulated-station.yaml").await; // no
    assert_eq!(reserve(&mut station, 1, "AA", 60, on(9)), "Rejected");
    assert_eq!(reserve(&mut station, 1, "AA", 60, json!({ "evseId": 1, "connectorType": "cCCS2" })), "Rejected");
    assert_eq!(reserve(&mut station, 1, "AA", 60, json!({})), "Rejected"); // H01.FR.19
    assert_eq!(reserve(&mut station, 1, "AA", 60, json!({ "connectorType": "sType2" })), "Rejected");
    assert_eq!(reserve(&mut station, 1, "AA", 0, on(1)), "Rejected"); // expired
    assert_eq!(reserve(&mut station, 1, "AA", 60, on(1)), "Accepted");
    assert_eq!(reserve(&mut station, 2, "BB", 60, on(1)), "Occupied"); // H01.FR.11
    assert_eq!(reserve(&mut station, 1, "BB", 60, on(1)), "Accepted"); // H01.FR.02
    assert_eq!((cancel(&mut station, 2), cancel(&mut station, 1)), ("Rejected", "Accepted")); // H02
    plug(&mut station);
    assert_eq!(reserve(&mut station, 1, "AA", 60, on(1)), "Occupied");
    station.apply_availability(&json!({ "operationalStatus": "Inoperative", "evse": { "id": 2 } }));
    assert_eq!(reserve(&mut station, 1, "AA", 60, on(2)), "Unavailable"); // H01.FR.14

    let mut station = accepted("reference-station.yaml").await;
    assert_eq!(set(&mut station, variable("ReservationCtrlr", "Enabled"), "false"), "Accepted");
    assert_eq!(reserve(&mut station, 1, "AA", 60, on(1)), "Rejected"); // H01.FR.01
}

#[tokio::test(start_paused = true)]
async fn evses_are_reserved_when_there_are_no_more_than_reservations() {
    let mut station = accepted("reference-station.yaml").await; // two EVSEs with cType2
    assert_eq!(reserve(&mut station, 1, "AA", 60, json!({})), "Accepted");
    assert_eq!(statuses(&station), ["Available", "Available"]);
    assert_eq!(reserve(&mut station, 2, "BB", 60, json!({ "connectorType": "cType2" })), "Accepted");
    assert_eq!(statuses(&station), ["Reserved", "Reserved"]); // H01.FR.20
    assert_eq!(reserve(&mut station, 3, "CC", 60, json!({})), "Occupied");
    // H02.FR.06; then somebody takes one of two.
    assert_eq!(cancel(&mut station, 2), "Accepted");
    assert_eq!(statuses(&station), ["Available", "Available"]);
    plug(&mut station);
    station.review_reservations();
    assert_eq!(statuses(&station), ["Occupied", "Reserved"]); // H01.FR.07
    station.authorize(1, token("CC"), None);
    assert!(station.evses[1].authorized.is_none());
    // Who has it may use any EVSE (H03.FR.03), which frees the other one.
    station.authorize(0, token("aa"), None);
    assert_eq!(statuses(&station), ["Occupied", "Available"]);
}

#[tokio::test(start_paused = true)]
async fn only_who_has_reserved_may_charge() {
    let mut station = accepted("simulated-station.yaml").await;
    let more = json!({ "evseId": 1, "groupIdToken": group("G") });
    assert_eq!(reserve(&mut station, 7, "AA", 60, more), "Accepted");
    assert_eq!(statuses(&station), ["Reserved", "Available"]);
    plug(&mut station);
    assert_eq!(statuses(&station)[0], "Reserved"); // G01.FR.09
    station.authorize(0, token("BB"), Some(group("H")));
    station.authorize(0, json!({ "idToken": "", "type": "NoAuthorization" }), None);
    assert!(station.evses[0].authorized.is_none() && !station.physical.evses[0].charging);
    let start = |who: &str, group: Option<Value>| {
        let mut payload = json!({ "remoteStartId": 1, "evseId": 1, "idToken": token(who) });
        if let Some(group) = group {
            payload["groupIdToken"] = group;
        }
        payload
    };
    let rejected = |station: &mut Station, payload: &Value| station.request_start(payload)["status"] == "Rejected";
    assert!(rejected(&mut station, &start("BB", None))); // F01.FR.21
    assert!(rejected(&mut station, &start("BB", Some(group("H"))))); // F01.FR.22
    assert!(!rejected(&mut station, &start("AA", None)));
    assert!(!rejected(&mut station, &start("BB", Some(group("g")))));
    // H03.FR.04, H03.FR.10, H01.FR.15
    station.transaction_queue.clear();
    station.authorize(0, token("BB"), Some(group("G")));
    assert_eq!(statuses(&station)[0], "Occupied");
    let told: Vec<Value> = station.transaction_queue.iter().map(|one| one.payload["reservationId"].clone()).collect();
    assert_eq!(told.iter().filter(|id| **id == 7).count(), 1);
    assert_eq!(told[0], 7);
    assert!(station.physical.evses[0].charging);
    assert!(endings(&mut station).is_empty());
    assert_eq!(cancel(&mut station, 7), "Rejected"); // it is used (H03.FR.09)
}

#[tokio::test(start_paused = true)]
async fn reservations_expire_and_outlive_a_restart() {
    let mut station = accepted("simulated-station.yaml").await;
    reserve(&mut station, 1, "AA", 30, on(1));
    reserve(&mut station, 2, "BB", 90, on(2));
    // B11: a station with a reservation is not idle.
    assert_eq!(station.reset(&json!({ "type": "OnIdle" })), "Scheduled");
    station.restart("RemoteReset");
    assert_eq!(statuses(&station), ["Reserved", "Reserved"]); // B11.FR.05
    tokio::time::advance(Duration::from_secs(31)).await;
    station.review_reservations();
    assert_eq!(statuses(&station), ["Available", "Reserved"]);
    assert!(endings(&mut station).is_empty()); // nobody is there to be told yet
    station.physical.conn = Some(ConnId(2));
    station.boot = Boot::Accepted;
    station.review_reservations();
    assert_eq!(endings(&mut station), [(json!(1), json!("Expired"))]); // H04.FR.01
    assert!(station.timers.any(|timer| *timer == Timer::ReservationEnds));
    tokio::time::advance(Duration::from_mins(1)).await;
    station.timers_due();
    station.review_reservations();
    assert_eq!(endings(&mut station), [(json!(2), json!("Expired"))]);
    assert_eq!(statuses(&station), ["Available", "Available"]);
}

#[tokio::test(start_paused = true)]
async fn what_is_out_of_service_is_not_reserved_any_longer() {
    let mut station = accepted("reference-station.yaml").await;
    reserve(&mut station, 1, "AA", 60, on(1));
    reserve(&mut station, 2, "BB", 60, json!({}));
    let change = |station: &mut Station, evse: u32, status: &str| {
        station.apply_availability(&json!({ "operationalStatus": status, "evse": { "id": evse } }));
        station.review_reservations();
    };
    // H01.FR.17: first the EVSE that is free for the second reservation, then that of the first.
    change(&mut station, 2, "Inoperative");
    assert_eq!(endings(&mut station), [(json!(2), json!("Removed"))]);
    assert_eq!(statuses(&station), ["Reserved", "Unavailable"]);
    change(&mut station, 1, "Inoperative");
    assert_eq!(endings(&mut station), [(json!(1), json!("Removed"))]);
    change(&mut station, 1, "Operative");
    assert_eq!(statuses(&station), ["Available", "Unavailable"]);
}
