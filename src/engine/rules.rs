//! The rules that hold for every test, and what counts as background.

use serde_json::Value;

use super::{
    conversation::Call,
    turns::OutOfTurn,
    world::{Finding, World},
};
use crate::{verdict::Verdict, yaml::shorten};

/// Messages of a station that may come at any time.
const STATION_BACKGROUND: [&str; 11] = [
    "Heartbeat",
    "MeterValues",
    "NotifyEvent",
    "SecurityEventNotification",
    "StatusNotification",
    "LogStatusNotification",
    "FirmwareStatusNotification",
    "NotifyChargingLimit",
    "ClearedChargingLimit",
    "NotifyMonitoringReport",
    "DataTransfer",
];

/// Messages of a CSMS that only ask or configure; a CSMS may send them whenever it likes.
const CSMS_BACKGROUND: [&str; 20] = [
    "GetVariables",
    "SetVariables",
    "GetBaseReport",
    "GetReport",
    "GetMonitoringReport",
    "SetVariableMonitoring",
    "SetMonitoringBase",
    "SetMonitoringLevel",
    "ClearVariableMonitoring",
    "TriggerMessage",
    "GetTransactionStatus",
    "GetLocalListVersion",
    "SendLocalList",
    "GetInstalledCertificateIds",
    "GetChargingProfiles",
    "GetCompositeSchedule",
    "GetLog",
    "GetDisplayMessages",
    "DataTransfer",
    "ClearCache",
];

/// True for a TransactionEvent that only carries meter values or reports a change of the charging state.
pub(crate) fn is_periodic(call: &Call) -> bool {
    call.action == "TransactionEvent"
        && call.payload["eventType"] == "Updated"
        && matches!(call.payload["triggerReason"].as_str(), Some("MeterValuePeriodic" | "MeterValueClock"))
}

/// True for a message that no step has to expect.
pub(crate) fn is_background(call: &Call, from_station: bool) -> bool {
    if !from_station {
        return CSMS_BACKGROUND.contains(&call.action.as_str());
    }
    STATION_BACKGROUND.contains(&call.action.as_str())
        || (call.action == "TransactionEvent"
            && call.payload["eventType"] == "Updated"
            && matches!(
                call.payload["triggerReason"].as_str(),
                Some(
                    "MeterValuePeriodic"
                        | "MeterValueClock"
                        | "ChargingStateChanged"
                        | "ChargingRateChanged"
                        | "SignedDataReceived"
                        | "EnergyLimitReached"
                )
            ))
}

/// A message in a few words: its action and what distinguishes it.
pub(crate) fn summary(call: &Call) -> String {
    const TELLING: [&str; 8] = [
        "/status",
        "/reason",
        "/type",
        "/connectorStatus",
        "/eventType",
        "/triggerReason",
        "/transactionInfo/chargingState",
        "/requestedMessage",
    ];
    let details: Vec<String> = TELLING
        .iter()
        .filter_map(|pointer| call.payload.pointer(pointer)?.as_str())
        .map(|text| shorten(text, 40))
        .collect();
    if details.is_empty() { call.action.clone() } else { format!("{} ({})", call.action, details.join(", ")) }
}

/// How old a message may be that waited for the connection and does not say that it was offline, seconds. A clock that is wrong
/// by its time zone is off by more.
const LONGEST_WAIT: f64 = 1800.0;

/// Timestamps must be near now, unless the message was queued while the station was offline.
pub(crate) fn check_times(world: &mut World, call: &Call) {
    if !world.is_station_test() {
        return;
    }
    let time = match call.action.as_str() {
        "StatusNotification" | "TransactionEvent" | "SecurityEventNotification" => call.payload.get("timestamp"),
        "NotifyEvent" | "NotifyReport" => call.payload.get("generatedAt"),
        _ => None,
    };
    let Some(time) = time.and_then(Value::as_str).and_then(|text| text.parse::<jiff::Timestamp>().ok()) else { return };
    // Before its first accepted boot a station may not know the time.
    if !world.memory.accepted || call.payload["offline"] == true {
        return;
    }
    let tolerance = world.seconds("clock_tolerance", 30.0);
    let difference = time.duration_since(call.at.wall).as_secs_f64();
    let online_since = world.open.as_ref().map_or(call.at, |open| open.at);
    // What we refuse or leave unanswered comes again (E13), and holds up what comes after it.
    let held_up = call.action == "TransactionEvent" && world.withheld;
    let queued = time < online_since.wall || held_up || call.action != "TransactionEvent" && difference < 0.0;
    // What is said to have happened online, or to be generated on request, has waited through an interruption at most.
    let of_this_session = matches!(call.action.as_str(), "TransactionEvent" | "NotifyReport");
    let stale = of_this_session && !held_up && difference < -LONGEST_WAIT;
    if difference > tolerance || (difference < -tolerance && !queued) || stale {
        let mut finding = Finding::new(
            "rule: timestamps near now",
            format!("the timestamp of {} is {difference:+.1} s off", call.action),
        );
        finding.expected = Some(format!("{} ± {tolerance} s", call.at.wall));
        finding.found = Some(time.to_string());
        finding.frame = Some(shorten(&call.text, 4000));
        world.find(Verdict::Fail, finding);
    }
}

/// The finding for a CALL that came before its turn.
pub(crate) fn out_of_turn(early: &OutOfTurn) -> Finding {
    let message = format!(
        "{} was sent before {} had been answered ({:.3} s early)",
        early.call.action, early.before, early.early_s
    );
    let mut finding = Finding::new("rule: one CALL at a time", message).of(vec!["Part 4, 4.1.1".into()]);
    finding.expected = Some("a CALL only once all earlier ones are answered or timed out".into());
    finding.frame = Some(shorten(&early.call.text, 4000));
    finding
}
