//! Display messages: what is stored, reported and shown.

use std::time::Duration;

use serde_json::{Value, json};

use super::{super::*, pics, plug, station};
use crate::{clock::ocpp_time, link::ConnId, manual_action::ActionOutcome};

async fn accepted(pics_name: &str) -> Station {
    let mut station = station(pics(pics_name)).await;
    station.physical.conn = Some(ConnId(1));
    station.boot = Boot::Accepted;
    station
}

fn message(id: i64, priority: &str, more: Value) -> Value {
    let content = format!("message {id}");
    let mut message = json!({ "id": id, "priority": priority, "message": { "format": "UTF8", "content": content } });
    message.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({ "message": message })
}

fn set(station: &mut Station, id: i64, priority: &str, more: Value) -> String {
    let answer = station.set_display_message(&message(id, priority, more));
    station.refresh_display();
    answer["status"].as_str().unwrap().to_owned()
}

/// Which of the messages 1 to 9 a person sees.
fn seen(station: &mut Station) -> Vec<i64> {
    station.refresh_display();
    let display = station.physical.display.as_ref().unwrap();
    let is_seen = |id: &i64| {
        let question = json!({ "content": format!("message {id}"), "format": "UTF8", "how": "shown" });
        display.answer(question.as_object().unwrap()) == ActionOutcome::Done
    };
    (1..10).filter(is_seen).collect()
}

/// The ids that the station reports, part by part.
fn reported(station: &mut Station, criteria: &Value) -> Vec<Vec<i64>> {
    if station.get_display_messages(criteria) == "Unknown" {
        return Vec::new();
    }
    station.queue.clear();
    station.notify_display_messages(criteria);
    let parts: Vec<Value> = station.queue.drain(..).map(|outgoing| outgoing.payload).collect();
    let more: Vec<bool> = parts.iter().map(|part| part["tbc"] == true).collect();
    assert_eq!(more.iter().rposition(|more| !more), more.iter().position(|more| !more), "only the last has tbc false");
    assert!(parts.iter().all(|part| part["requestId"] == criteria["requestId"]));
    let ids =
        |part: &Value| part["messageInfo"].as_array().unwrap().iter().map(|one| one["id"].as_i64().unwrap()).collect();
    parts.iter().map(ids).collect()
}

fn in_seconds(station: &Station, seconds: i64) -> String {
    ocpp_time(station.physical.now() + jiff::SignedDuration::from_secs(seconds))
}

#[tokio::test(start_paused = true)]
async fn what_the_product_does_not_support_is_refused() {
    let mut station = accepted("simulated-station.yaml").await;
    for (more, priority, status) in [
        (json!({}), "AlwaysFront", "NotSupportedPriority"), // UI-1.1: no
        (json!({ "message": { "format": "HTML", "content": "<b>" } }), "InFront", "NotSupportedMessageFormat"),
        (json!({ "state": "Suspended" }), "InFront", "NotSupportedState"), // of OCPP 2.1
        (json!({ "transactionId": "nobody" }), "InFront", "UnknownTransaction"),
        (json!({ "display": { "name": "Other" } }), "InFront", "Rejected"),
        (json!({ "display": { "name": "Display", "evse": { "id": 1 } } }), "InFront", "Rejected"),
        (json!({ "endDateTime": "2020-01-01T00:00:00Z" }), "InFront", "Rejected"),
        (json!({ "display": { "name": "display" } }), "InFront", "Accepted"),
    ] {
        assert_eq!(set(&mut station, 1, priority, more.clone()), status, "{more}");
    }
    station.device.put("DisplayMessageCtrlr", "Enabled", "false");
    assert_eq!(set(&mut station, 2, "InFront", json!({})), "Rejected");
    assert_eq!(seen(&mut station), [] as [i64; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_station_without_a_display_supports_none_of_it() {
    let mut station = accepted("cp-flex-plus-eu.yaml").await;
    assert!(!station.has_display());
    station.received(r#"[2,"1","GetDisplayMessages",{"requestId":1}]"#);
    assert!(station.queue.is_empty());
}

#[tokio::test(start_paused = true)]
async fn messages_take_turns_after_their_priority() {
    let mut station = accepted("reference-station.yaml").await;
    for (id, priority, shown) in [
        (1, "NormalCycle", vec![1]),
        (2, "NormalCycle", vec![1, 2]),
        (3, "InFront", vec![3]),
        (4, "InFront", vec![3, 4]),
        (5, "AlwaysFront", vec![5]),
        (6, "AlwaysFront", vec![6]), // O01.FR.16
    ] {
        assert_eq!(set(&mut station, id, priority, json!({})), "Accepted");
        assert_eq!(seen(&mut station), shown);
    }
    assert_eq!(station.device.get("DisplayMessageCtrlr", "DisplayMessages"), "5");
    assert_eq!(station.clear_display_message(&json!({ "id": 5 })), "Unknown");
    assert_eq!(station.clear_display_message(&json!({ "id": 6 })), "Accepted");
    assert_eq!(seen(&mut station), [3, 4]);
    station.restart("PowerUp");
    assert_eq!(seen(&mut station), [3, 4], "O01.FR.10");
}

#[tokio::test(start_paused = true)]
async fn a_message_begins_and_ends_at_its_time() {
    let mut station = accepted("reference-station.yaml").await;
    let (start, end) = (in_seconds(&station, 60), in_seconds(&station, 120));
    assert_eq!(set(&mut station, 1, "InFront", json!({ "startDateTime": start, "endDateTime": end })), "Accepted");
    let asked = json!({ "requestId": 7 });
    for (seconds, shown) in [(59, vec![]), (2, vec![1]), (58, vec![1]), (2, vec![])] {
        tokio::time::advance(Duration::from_secs(seconds)).await;
        station.timers_due();
        assert_eq!(seen(&mut station), shown);
        let stored = seconds != 2 || shown == [1];
        assert_eq!(reported(&mut station, &asked), if stored { vec![vec![1]] } else { vec![] });
    }
    assert!(!station.timers.any(|timer| *timer == Timer::Display));
}

#[tokio::test(start_paused = true)]
async fn a_message_is_shown_in_its_state_and_for_its_transaction() {
    let mut station = accepted("reference-station.yaml").await;
    for (id, state) in [(1, "Idle"), (2, "Charging"), (3, "Unavailable")] {
        assert_eq!(set(&mut station, id, "NormalCycle", json!({ "state": state })), "Accepted");
    }
    assert_eq!(seen(&mut station), [1]);
    plug(&mut station);
    if station.evses[0].transaction.is_none() {
        station.start(0, "CablePluggedIn");
    }
    let id = station.evses[0].transaction.as_ref().unwrap().id.clone();
    assert_eq!(set(&mut station, 4, "NormalCycle", json!({ "transactionId": id })), "Accepted");
    station.physical.evses[0].charging = true;
    assert_eq!(seen(&mut station), [2, 4]);
    station.end(0, "StopAuthorized", None);
    assert_eq!(seen(&mut station), [1], "O02.FR.02");
    station.operative = false;
    for evse in &mut station.physical.evses {
        evse.plugged = None;
    }
    assert_eq!(seen(&mut station), [3]);
}

#[tokio::test(start_paused = true)]
async fn messages_are_reported_in_parts_by_their_criteria() {
    let mut station = accepted("reference-station.yaml").await;
    for id in 0..21 {
        let expected = if id < 20 { "Accepted" } else { "Rejected" };
        let state = if id % 2 == 0 { "Idle" } else { "Charging" };
        assert_eq!(set(&mut station, id, "NormalCycle", json!({ "state": state })), expected, "{id}");
    }
    // One that displaces another needs no room of its own (O06.FR.01, O01.FR.16).
    assert_eq!(set(&mut station, 3, "AlwaysFront", json!({})), "Accepted");
    assert_eq!(set(&mut station, 30, "AlwaysFront", json!({})), "Accepted");
    let lengths = |parts: Vec<Vec<i64>>| parts.iter().map(Vec::len).collect::<Vec<_>>();
    assert_eq!(lengths(reported(&mut station, &json!({ "requestId": 5 }))), [4; 5]);
    assert_eq!(reported(&mut station, &json!({ "requestId": 5, "id": [4, 5, 40] })), [[4, 5]]);
    assert_eq!(reported(&mut station, &json!({ "requestId": 5, "id": [4, 5], "state": "Idle" })), [[4]]);
    assert_eq!(reported(&mut station, &json!({ "requestId": 5, "priority": "AlwaysFront" })), [[30]]);
    assert_eq!(
        reported(&mut station, &json!({ "requestId": 5, "id": [4], "priority": "InFront" })),
        [] as [Vec<i64>; 0]
    );
}
