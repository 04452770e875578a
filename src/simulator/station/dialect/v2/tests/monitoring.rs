//! Monitors: set, replaced, cleared and reported (N02 to N06), and what they notice (N07, N08).

use std::time::Duration;

use serde_json::{Value, json};

use super::{super::*, pics, plug, station};
use crate::link::ConnId;

const POWER: (&str, &str) = ("EVSE", "Power");
const STATE: (&str, &str) = ("EVSE", "AvailabilityState");

async fn accepted(pics_name: &str) -> Station {
    let mut station = station(pics(pics_name)).await;
    station.physical.conn = Some(ConnId(1));
    station.boot = Boot::Accepted;
    station.watch_variables();
    station.queue.clear();
    station
}

fn item((component, variable): (&str, &str), kind: &str, value: f64, severity: i64) -> Value {
    let component = match component {
        "EVSE" => json!({ "name": component, "evse": { "id": 1 } }),
        _ => json!({ "name": component }),
    };
    json!({
        "value": value, "type": kind, "severity": severity, "component": component, "variable": { "name": variable },
    })
}

fn with_id(mut item: Value, id: i64) -> Value {
    item["id"] = id.into();
    item
}

/// Sets monitors; the id of each, or why there is none.
fn set(station: &mut Station, items: Value) -> Vec<Result<i64, String>> {
    let answer = station.set_monitors(&json!({ "setMonitoringData": items }));
    let results = answer["setMonitoringResult"].as_array().unwrap().clone();
    let status = |result: &Value| result["status"].as_str().unwrap().to_owned();
    results.iter().map(|result| result["id"].as_i64().ok_or_else(|| status(result))).collect()
}

fn set_one(station: &mut Station, item: Value) -> i64 {
    set(station, json!([item])).remove(0).unwrap()
}

fn clear(station: &mut Station, ids: &[i64]) -> Vec<String> {
    let answer = station.clear_monitors(&json!({ "id": ids }));
    let results = answer["clearMonitoringResult"].as_array().unwrap();
    results.iter().map(|result| result["status"].as_str().unwrap().to_owned()).collect()
}

fn base(station: &mut Station, base: &str) {
    assert_eq!(station.set_monitoring_base(&json!({ "monitoringBase": base }))["status"], "Accepted");
}

/// The ids and severities of the monitors in a report.
fn reported(station: &mut Station, request: Value) -> Vec<(i64, i64)> {
    station.queue.clear();
    station.send_monitoring_report(&request);
    let mut monitors = Vec::new();
    for part in station.queue.drain(..) {
        for entry in part.payload["monitor"].as_array().unwrap() {
            for monitor in entry["variableMonitoring"].as_array().unwrap() {
                monitors.push((monitor["id"].as_i64().unwrap(), monitor["severity"].as_i64().unwrap()));
            }
        }
    }
    monitors
}

/// What is noticed now, or was before: monitor, trigger, value, cleared.
fn noticed(station: &mut Station) -> Vec<(i64, String, String, bool)> {
    station.watch_variables();
    let mut events = Vec::new();
    for message in station.queue.drain(..).filter(|message| message.action == "NotifyEvent") {
        assert_eq!(message.payload["seqNo"], 0);
        for event in message.payload["eventData"].as_array().unwrap() {
            let text = |name: &str| event[name].as_str().unwrap().to_owned();
            let id = event["variableMonitoringId"].as_i64().unwrap();
            events.push((id, text("trigger"), text("actualValue"), event["cleared"] == true));
        }
    }
    events
}

fn event(id: i64, trigger: &str, value: &str, cleared: bool) -> (i64, String, String, bool) {
    (id, trigger.to_owned(), value.to_owned(), cleared)
}

fn charge(station: &mut Station, charging: bool) {
    station.physical.evses[0].charging = charging;
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_monitored_is_refused() {
    let mut station = accepted("reference-station.yaml").await;
    for (item, status) in [
        (item(("Nobody", "Power"), "Delta", 1.0, 5), "UnknownComponent"),
        (item(("EVSE", "Nothing"), "Delta", 1.0, 5), "UnknownVariable"),
        (item(("OCPPCommCtrlr", "OfflineThreshold"), "Delta", 1.0, 5), "UnsupportedMonitorType"),
        (item(("SecurityCtrlr", "BasicAuthPassword"), "Delta", 1.0, 5), "UnsupportedMonitorType"), // AQ-10: no
        (item(STATE, "UpperThreshold", 1.0, 5), "UnsupportedMonitorType"),
        (item(POWER, "UpperThreshold", 22_001.0, 5), "Rejected"), // N04.FR.06
        (item(POWER, "LowerThreshold", -1.0, 5), "Rejected"),
        (item(POWER, "Delta", -1.0, 5), "Rejected"), // N04.FR.14
        (item(POWER, "Periodic", 0.0, 5), "Rejected"),
        (item(POWER, "Delta", 1.0, 10), "Rejected"),
        (with_id(item(POWER, "Delta", 1.0, 5), 77), "Rejected"), // N04.FR.13
        (item(POWER, "UpperThreshold", 10.0, 4), "Duplicate"),   // the preconfigured one has this severity
    ] {
        assert_eq!(set(&mut station, json!([item.clone()])), [Err(status.to_owned())], "{item}");
    }
    station.device.put("MonitoringCtrlr", "Enabled", "false");
    assert_eq!(set(&mut station, json!([item(POWER, "Delta", 1.0, 5)])), [Err("Rejected".to_owned())]);
}

#[tokio::test(start_paused = true)]
async fn a_monitor_is_replaced_by_its_id_alone() {
    let mut station = accepted("reference-station.yaml").await;
    let id = set_one(&mut station, item(STATE, "Delta", 1.0, 5));
    let mut again = |item: Value| set(&mut station, json!([item])).remove(0);
    assert_eq!(again(item(STATE, "Delta", 1.0, 5)), Err("Duplicate".to_owned())); // N04.FR.10
    assert_eq!(again(with_id(item(POWER, "Delta", 1.0, 5), id)), Err("Rejected".to_owned())); // N04.FR.16
    assert_eq!(again(with_id(item(STATE, "Delta", 1.0, 4), id)), Ok(id)); // N04.FR.12
    let (shock, _) = reported(&mut station, json!({ "requestId": 1 }))[0];
    let hard_wired = with_id(item(("ShockSensor", "Active"), "Delta", 1.0, 5), shock);
    assert_eq!(set(&mut station, json!([hard_wired])), [Err("Rejected".to_owned())]); // N04.FR.18
    let named = json!({ "requestId": 1, "componentVariable": [item(STATE, "", 0.0, 0)] });
    assert_eq!(reported(&mut station, named), [(id, 4)]);
}

#[tokio::test(start_paused = true)]
async fn a_base_decides_about_monitors_of_every_origin() {
    let mut station = accepted("reference-station.yaml").await;
    let all = || json!({ "requestId": 1 });
    let delivered = reported(&mut station, all());
    let [(hard_wired, 3), (preset, 4)] = delivered[..] else { panic!("{delivered:?}") };
    let custom = set_one(&mut station, item(STATE, "Delta", 1.0, 5));
    set_one(&mut station, with_id(item(POWER, "UpperThreshold", 7_000.0, 6), preset));
    assert_eq!(reported(&mut station, all()), [(hard_wired, 3), (preset, 6), (custom, 5)]);
    base(&mut station, "All"); // N03.FR.03
    assert_eq!(reported(&mut station, all()), [(hard_wired, 3), (preset, 6), (custom, 5)]);
    base(&mut station, "FactoryDefault"); // N03.FR.04
    assert_eq!(reported(&mut station, all()), delivered);
    assert_eq!(clear(&mut station, &[hard_wired, preset, custom]), ["Rejected", "Accepted", "NotFound"]);
    assert_eq!(reported(&mut station, all()), [(hard_wired, 3)]);
    base(&mut station, "All");
    assert_eq!(reported(&mut station, all()), delivered);
    // A preconfigured monitor that was overruled, and is cleared, comes back as it was.
    set_one(&mut station, with_id(item(POWER, "UpperThreshold", 7_000.0, 6), preset));
    assert_eq!(clear(&mut station, &[preset]), ["Accepted"]);
    base(&mut station, "All");
    assert_eq!(reported(&mut station, all()), delivered);
    base(&mut station, "HardWiredOnly"); // N03.FR.05
    assert_eq!(reported(&mut station, all()), [(hard_wired, 3)]);
    assert_eq!(station.device.get("MonitoringCtrlr", "ActiveMonitoringBase"), "HardWiredOnly");
    // What a later product has is no less custom.
    let custom = set_one(&mut station, item(STATE, "Delta", 1.0, 5));
    assert!(custom > preset);
}

#[tokio::test(start_paused = true)]
async fn reports_have_what_was_asked_for_in_parts() {
    let mut station = accepted("simulated-station.yaml").await;
    base(&mut station, "HardWiredOnly");
    let empty = station.monitoring_report(&json!({ "requestId": 1 }));
    assert_eq!(empty["status"], "EmptyResultSet"); // N02.FR.10
    for component in ["EVSE", "Connector"] {
        for evse in 1..=2 {
            for variable in ["AvailabilityState", "Available"] {
                let mut item = item((component, variable), "Delta", 1.0, 5);
                item["component"]["evse"] = json!({ "id": evse });
                if component == "Connector" {
                    item["component"]["evse"]["connectorId"] = 1.into();
                }
                set_one(&mut station, item);
            }
        }
    }
    let threshold = set_one(&mut station, item(POWER, "UpperThreshold", 100.0, 5));
    let periodic = set_one(&mut station, item(POWER, "PeriodicClockAligned", 60.0, 5));
    let mut ids = |request: Value| -> Vec<i64> {
        let mut request = request;
        request["requestId"] = 7.into();
        reported(&mut station, request).into_iter().map(|(id, _)| id).collect()
    };
    assert_eq!(ids(json!({})).len(), 10);
    assert_eq!(ids(json!({ "monitoringCriteria": ["ThresholdMonitoring"] })), [threshold]);
    assert_eq!(
        ids(json!({ "monitoringCriteria": ["ThresholdMonitoring", "PeriodicMonitoring"] })),
        [threshold, periodic]
    );
    let of_evse = json!({ "component": { "name": "EVSE", "evse": { "id": 2 } } });
    assert_eq!(ids(json!({ "componentVariable": [of_evse.clone()] })).len(), 2); // N02.FR.16
    assert_eq!(
        ids(json!({ "monitoringCriteria": ["PeriodicMonitoring"], "componentVariable": [of_evse] })),
        [0_i64; 0]
    );
    station.send_monitoring_report(&json!({ "requestId": 7 }));
    let parts: Vec<(Value, Value)> =
        station.queue.iter().map(|part| (part.payload["seqNo"].clone(), part.payload["tbc"].clone())).collect();
    assert_eq!(parts, [(json!(0), json!(true)), (json!(1), json!(false))]); // N02.FR.09
    assert_eq!(station.queue[0].payload["requestId"], 7);
}

#[tokio::test(start_paused = true)]
async fn a_threshold_alerts_once_and_is_cleared() {
    let mut station = accepted("simulated-station.yaml").await;
    let upper = set_one(&mut station, item(POWER, "UpperThreshold", 7200.0, 5));
    let lower = set_one(&mut station, item(POWER, "LowerThreshold", 10.0, 5));
    assert_eq!(noticed(&mut station), [event(lower, "Alerting", "0", false)]); // it holds already
    charge(&mut station, true);
    // On the threshold is not beyond it.
    assert_eq!(noticed(&mut station), [event(lower, "Alerting", "7200", true)]);
    // N07.FR.11: the new threshold is exceeded.
    set_one(&mut station, with_id(item(POWER, "UpperThreshold", 100.0, 5), upper));
    assert_eq!(noticed(&mut station), [event(upper, "Alerting", "7200", false)]);
    assert_eq!(noticed(&mut station), []);
    // One that is exceeded no longer is cleared.
    set_one(&mut station, with_id(item(POWER, "UpperThreshold", 8000.0, 5), upper));
    assert_eq!(noticed(&mut station), [event(upper, "Alerting", "7200", true)]);
    set_one(&mut station, with_id(item(POWER, "UpperThreshold", 100.0, 5), upper));
    assert_eq!(noticed(&mut station), [event(upper, "Alerting", "7200", false)]);
    // N07.FR.12: what is removed is not cleared.
    assert_eq!(clear(&mut station, &[upper, lower]), ["Accepted", "Accepted"]);
    charge(&mut station, false);
    assert_eq!(noticed(&mut station), []);
}

#[tokio::test(start_paused = true)]
async fn a_change_is_counted_from_the_last_event() {
    let mut station = accepted("simulated-station.yaml").await;
    let power = set_one(&mut station, item(POWER, "Delta", 7199.0, 5));
    let exact = set_one(&mut station, item(POWER, "Delta", 7200.0, 6));
    let state = set_one(&mut station, item(STATE, "Delta", 100.0, 5));
    assert_eq!(noticed(&mut station), []);
    charge(&mut station, true);
    assert_eq!(noticed(&mut station), [event(power, "Delta", "7200", false)]); // N07.FR.18: more than the value
    plug(&mut station);
    station.queue.clear();
    assert_eq!(noticed(&mut station), [event(state, "Delta", "Occupied", false)]); // N07.FR.19: any change
    assert_eq!(noticed(&mut station), []);
    let late = set_one(&mut station, item(POWER, "Delta", 1.0, 7));
    charge(&mut station, false);
    assert_eq!(noticed(&mut station), [event(power, "Delta", "0", false), event(late, "Delta", "0", false)]);
    assert_eq!(clear(&mut station, &[exact]), ["Accepted"]);
}

#[tokio::test(start_paused = true)]
async fn a_level_lets_only_severe_events_through() {
    let mut station = accepted("simulated-station.yaml").await;
    set_one(&mut station, item(STATE, "Delta", 1.0, 8));
    let severe = set_one(&mut station, item(STATE, "Delta", 1.0, 7));
    let mut level = |severity: i64| station.set_monitoring_level(&json!({ "severity": severity }))["status"].clone();
    assert_eq!((level(10), level(-1), level(7)), (json!("Rejected"), json!("Rejected"), json!("Accepted")));
    plug(&mut station);
    station.queue.clear();
    assert_eq!(noticed(&mut station), [event(severe, "Delta", "Occupied", false)]); // N05.FR.03
}

#[tokio::test(start_paused = true)]
async fn a_monitor_may_be_in_force_during_transactions_only() {
    let mut station = accepted("simulated-station.yaml").await;
    let mut of_transaction = item(POWER, "UpperThreshold", 100.0, 5);
    of_transaction["transaction"] = true.into();
    let id = set_one(&mut station, of_transaction);
    charge(&mut station, true);
    assert_eq!(noticed(&mut station), []);
    station.device.put("TxCtrlr", "TxStartPoint", "EVConnected");
    plug(&mut station);
    let running = station.evses[0].transaction.clone().unwrap();
    station.watch_variables();
    let told = station.queue.iter().find(|message| message.action == "NotifyEvent").unwrap();
    let event = &told.payload["eventData"][0];
    assert_eq!((&event["variableMonitoringId"], &event["transactionId"]), (&json!(id), &json!(running.id)));
    assert_eq!(event["eventNotificationType"], "CustomMonitor");
    // The end of the transaction is what lowers the power, and still belongs to it.
    station.queue.clear();
    station.end(0, "StopAuthorized", None);
    let told = station.queue.iter().find(|message| message.action == "NotifyEvent").unwrap();
    assert_eq!(told.payload["eventData"][0]["cleared"], true);
    assert_eq!(told.payload["eventData"][0]["transactionId"], json!(running.id));
}

#[tokio::test(start_paused = true)]
async fn events_wait_for_a_connection_by_their_severity() {
    let mut station = accepted("reference-station.yaml").await;
    station.device.put("MonitoringCtrlr", "OfflineQueuingSeverity", "5");
    let kept = set_one(&mut station, item(STATE, "Delta", 1.0, 5));
    let later = set_one(&mut station, item(STATE, "Delta", 1.0, 6));
    let periodic = set_one(&mut station, item(STATE, "Periodic", 60.0, 6));
    station.physical.conn = None;
    station.disconnected();
    plug(&mut station);
    station.watch_variables();
    station.monitor_due(periodic);
    assert_eq!(noticed(&mut station), [event(kept, "Delta", "Occupied", false)]); // N07.FR.04
    // What else holds is told when the station is back.
    station.physical.conn = Some(ConnId(2));
    assert_eq!(noticed(&mut station), [event(later, "Delta", "Occupied", false)]);
    // What nobody has confirmed is sent again.
    station.physical.unplug(0, false);
    station.report_status(0);
    station.watch_variables();
    station.queue.retain(|message| message.action == "NotifyEvent");
    station.send_waiting();
    assert!(station.outstanding.is_some());
    station.keep_undelivered();
    assert_eq!(noticed(&mut station).len(), 2);
}

#[tokio::test(start_paused = true)]
async fn monitors_outlive_a_reboot() {
    let mut station = accepted("simulated-station.yaml").await;
    let upper = set_one(&mut station, item(POWER, "UpperThreshold", 100.0, 5));
    let periodic = set_one(&mut station, item(POWER, "Periodic", 60.0, 5));
    charge(&mut station, true);
    assert_eq!(noticed(&mut station), [event(upper, "Alerting", "7200", false)]);
    station.restart("PowerUp");
    assert!(!station.timers.any(|timer| *timer == Timer::Monitor(periodic)));
    station.physical.conn = Some(ConnId(2));
    station.boot = Boot::Asked;
    assert_eq!(noticed(&mut station), []); // nothing before acceptance
    station.boot_answered(&json!({ "status": "Accepted", "interval": 300 }));
    assert!(station.timers.any(|timer| *timer == Timer::Monitor(periodic)));
    station.queue.clear();
    assert_eq!(noticed(&mut station), [event(upper, "Alerting", "0", true)]); // N07.FR.14
    assert_eq!(reported(&mut station, json!({ "requestId": 1 })).len(), 3); // with the preconfigured one
}

#[tokio::test(start_paused = true)]
async fn periodic_monitors_keep_their_time() {
    let mut station = accepted("simulated-station.yaml").await;
    station.timers.retain(|_| false);
    let id = set_one(&mut station, item(POWER, "Periodic", 30.0, 5));
    let mut rounds = 0;
    let begun = tokio::time::Instant::now();
    while rounds < 3 {
        let wake = station.wake().unwrap();
        tokio::time::sleep_until(wake).await;
        station.timers_due();
        assert_eq!(noticed(&mut station), [event(id, "Periodic", "0", false)]);
        rounds += 1;
        assert_eq!(begun.elapsed().as_secs(), 30 * rounds); // N08.FR.06
    }
    clear(&mut station, &[id]);
    assert_eq!(station.wake(), None);
    set_one(&mut station, item(POWER, "PeriodicClockAligned", 60.0, 5));
    let wait = station.wake().unwrap().duration_since(tokio::time::Instant::now());
    assert!(wait <= Duration::from_mins(1), "{wait:?}");
    let at = station.physical.now() + jiff::SignedDuration::try_from(wait).unwrap();
    assert_eq!((at.as_millisecond() + 500).div_euclid(1000) % 60, 0, "{at}"); // N08.FR.07
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_is_not_told() {
    let mut station = accepted("simulated-station.yaml").await;
    let id = set_one(&mut station, item(("SecurityCtrlr", "BasicAuthPassword"), "Delta", 1.0, 5));
    let wanted = super::variable("SecurityCtrlr", "BasicAuthPassword");
    assert_eq!(super::set(&mut station, wanted, "a-password-that-is-new"), "Accepted");
    assert_eq!(noticed(&mut station), [event(id, "Delta", "", false)]); // N07.FR.10
}

#[tokio::test(start_paused = true)]
async fn a_shock_is_told_without_being_asked_for() {
    let mut station = accepted("reference-station.yaml").await;
    station.happened(Event::Shaken).unwrap();
    let told = noticed(&mut station);
    assert_eq!(told, [event(1, "Delta", "true", false)]);
    let mut without = accepted("simulated-station.yaml").await;
    assert!(without.happened(Event::Shaken).is_err());
}
