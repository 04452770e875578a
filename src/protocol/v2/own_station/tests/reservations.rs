//! Reservations at our station: what it accepts, what becomes Reserved, and how they end.

use serde_json::{Value, json};

use super::{Play, accepted};
use crate::verdict::Verdict;

/// A test case that waits for these requests and leaves the answers to our station.
fn waiting_for(actions: &[&str]) -> Play {
    let steps: String = actions.iter().map(|action| format!("  - expect: {action}\n")).collect();
    Play::begin(&format!("steps:\n{steps}  - wait: 5\n"), accepted())
}

fn reserve(id: i64, more: &Value) -> Value {
    let mut request = json!({
        "id": id, "expiryDateTime": "1970-01-01T00:01:00Z", "idToken": { "idToken": "AA", "type": "ISO14443" },
    });
    for (name, value) in more.as_object().into_iter().flatten() {
        request[name] = value.clone();
    }
    request
}

/// What our station answers, and the statuses that it reports then.
fn asks(play: &mut Play, action: &str, request: &Value) -> (String, Vec<String>) {
    let answer = play.ask(action, request);
    let told = play.follow_ups().into_iter().map(|(action, told)| {
        assert_eq!(action, "StatusNotification");
        format!("{} {}", told["evseId"], told["connectorStatus"]).replace('"', "")
    });
    let reason = answer["statusInfo"]["reasonCode"].as_str().map(|code| format!(" {code}")).unwrap_or_default();
    (format!("{}{reason}", answer["status"].as_str().unwrap()), told.collect())
}

fn said(answer: &str, told: &[&str]) -> (String, Vec<String>) {
    (answer.to_owned(), told.iter().map(|one| (*one).to_owned()).collect())
}

#[test]
fn evses_are_reserved_and_given_back() {
    let mut play = waiting_for(&["ReserveNow"; 13]);
    let mut reserves = |id: i64, more: Value, answer: &str, told: &[&str]| {
        assert_eq!(asks(&mut play, "ReserveNow", &reserve(id, &more)), said(answer, told), "{id} {more}");
    };
    reserves(1, json!({ "evseId": 3 }), "Rejected UnknownEvse", &[]);
    reserves(1, json!({ "connectorType": "cCCS2" }), "Rejected UnknownConnectorType", &[]);
    reserves(1, json!({ "expiryDateTime": "1970-01-01T00:00:00Z" }), "Rejected InvalidValue", &[]);
    reserves(1, json!({ "evseId": 1 }), "Accepted", &["1 Reserved"]); // H01.FR.23
    reserves(2, json!({ "evseId": 1 }), "Occupied", &[]); // H01.FR.11
    reserves(1, json!({ "evseId": 2 }), "Accepted", &["1 Available", "2 Reserved"]); // H01.FR.02
    reserves(2, json!({ "connectorType": "cType2" }), "Accepted", &["1 Reserved"]); // H01.FR.24
    reserves(3, json!({}), "Occupied", &[]);
    reserves(1, json!({}), "Accepted", &[]);
    // One of two EVSEs is enough for one reservation (H01.FR.07).
    reserves(2, json!({ "evseId": 1 }), "Accepted", &[]);
    let mut play = waiting_for(&["ReserveNow", "CancelReservation", "CancelReservation", "ReserveNow"]);
    assert_eq!(asks(&mut play, "ReserveNow", &reserve(7, &json!({}))), said("Accepted", &[]));
    let cancel = json!({ "reservationId": 7 });
    assert_eq!(asks(&mut play, "CancelReservation", &cancel), said("Accepted", &[]));
    assert_eq!(asks(&mut play, "CancelReservation", &cancel), said("Rejected NotFound", &[])); // H02.FR.01
    assert_eq!(asks(&mut play, "ReserveNow", &reserve(7, &json!({ "evseId": 2 }))), said("Accepted", &["2 Reserved"]));
    // H02.FR.04; no step waits for it, and it does no harm.
    assert_eq!(asks(&mut play, "CancelReservation", &cancel), said("Accepted", &["2 Available"]));
    assert_eq!(play.verdict().0, Verdict::Pass);
}

#[test]
fn a_reservation_ends_when_it_expires_or_is_used() {
    let steps = "steps:\n  - expect: ReserveNow\n  - wait: 61\n  - expect: ReserveNow\n  - send: TransactionEvent\n    payload: { eventType: Started, triggerReason: Authorized, seqNo: 0, reservationId: 2, transactionInfo: { transactionId: T }, evse: { id: 1 } }\n  - expect: CancelReservation\n  - expect: ReserveNow\n    reply: { status: Accepted }\n  - send: ReservationStatusUpdate\n    payload: { reservationId: 3, reservationUpdateStatus: Removed }\n  - expect: CancelReservation\n  - wait: 5\n";
    let mut play = Play::begin(steps, accepted());
    let later = json!({ "evseId": 1, "expiryDateTime": "1970-01-01T00:10:00Z" });
    assert_eq!(play.ask("ReserveNow", &reserve(1, &json!({ "evseId": 1 })))["status"], "Accepted");
    play.follow_ups();
    play.pass(61);
    assert_eq!(play.ask("ReserveNow", &reserve(2, &later))["status"], "Accepted");
    while play.call().is_some_and(|(action, _)| action == "StatusNotification") {
        play.answer(&json!({}));
    }
    play.answer(&json!({})); // of the TransactionEvent
    assert_eq!(play.ask("CancelReservation", &json!({ "reservationId": 2 }))["status"], "Rejected");
    assert_eq!(play.ask("ReserveNow", &reserve(3, &later))["status"], "Accepted");
    assert_eq!(play.call().unwrap().0, "ReservationStatusUpdate");
    play.answer(&json!({}));
    assert_eq!(play.ask("CancelReservation", &json!({ "reservationId": 3 }))["status"], "Rejected");
}

#[test]
fn a_station_that_takes_no_reservations_says_so() {
    let mut play = waiting_for(&["ReserveNow"]);
    let off = json!({ "setVariableData": [
        { "component": { "name": "ReservationCtrlr" }, "variable": { "name": "Enabled" }, "attributeValue": "false" },
    ] });
    assert_eq!(play.ask("SetVariables", &off)["setVariableResult"][0]["attributeStatus"], "Accepted");
    assert_eq!(asks(&mut play, "ReserveNow", &reserve(1, &json!({ "evseId": 1 }))), said("Rejected NotEnabled", &[]));
}
