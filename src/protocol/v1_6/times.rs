//! From when to when a time in a message of a charge point may be.

use jiff::Timestamp;
use serde_json::Value;

use super::transactions::{Transactions, named};
use crate::protocol::{
    messages::Messages,
    primitives::{Time, TimeAt},
    session::{Breach, Call, Moment},
    times::{self, Bounds, LONGEST_QUEUE, LONGEST_STATUS, LONGEST_WAIT, earlier, later, tolerance},
};

/// The longest clock-aligned interval, whose values bear the time of its start (9.1.5), seconds.
const LONGEST_INTERVAL: f64 = 86_400.0;

/// Holds the times in a CALL against now.
pub(super) fn check_call(messages: &Messages, moment: &Moment, known: &Transactions, call: &Call) -> Vec<Breach> {
    times::check_call(messages, call, &|time| bounds(moment, known, call, time), &source)
}

/// The section on the message that has a time as a member.
pub(super) fn source(action: &str, _: Time) -> Option<&'static str> {
    Some(match action {
        "BootNotification" => "1.6, 4.2",
        "Heartbeat" => "1.6, 4.6",
        "MeterValues" => "1.6, 4.7",
        "StartTransaction" => "1.6, 4.8",
        "StatusNotification" => "1.6, 4.9",
        "StopTransaction" => "1.6, 4.10",
        "SecurityEventNotification" => "A04.FR.01",
        _ => return None,
    })
}

fn bounds(moment: &Moment, known: &Transactions, call: &Call, time: &TimeAt) -> Bounds {
    let (now, tolerance) = (call.at.wall, tolerance(moment));
    let interval = if is_of_the_clock(&call.payload, &time.pointer) { LONGEST_INTERVAL } else { 0.0 };
    if call.action == "StopTransaction" && time.time == Time::Measured {
        return within_transaction(known, call, interval + tolerance, tolerance);
    }
    let online_since = moment.online_since.map_or(now, |since| since.wall);
    // What could not be delivered, or was not processed, comes later (3.7), and 1.6 does not say of a message that it waited.
    let waited = time.at < online_since || moment.withheld;
    let longest = match time.time {
        Time::Current => tolerance,
        Time::Status => LONGEST_STATUS,
        Time::Measured | Time::Generated | Time::Occurred if waited => LONGEST_QUEUE,
        Time::Measured | Time::Generated | Time::Occurred => LONGEST_WAIT + interval,
    };
    Bounds::until_it_came(earlier(now, longest), moment, call)
}

/// What a StopTransaction reports was measured while the transaction ran.
fn within_transaction(known: &Transactions, call: &Call, before: f64, after: f64) -> Bounds {
    let said = call.payload["timestamp"].as_str().and_then(|text| text.parse().ok()).unwrap_or(call.at.wall);
    let began: Option<Timestamp> = named(&call.payload).and_then(|id| known.began(id));
    let began = began.unwrap_or_else(|| earlier(said, LONGEST_QUEUE)).min(said);
    Bounds {
        earliest: earlier(began, before),
        latest: later(said, after),
        after: (began, "the start of the transaction"),
        before: (said, "the end of the transaction"),
    }
}

/// True for the time of a meter value that was taken at a clock-aligned time; `pointer` is the place of the time.
fn is_of_the_clock(payload: &Value, pointer: &str) -> bool {
    let value = pointer.rsplit_once('/').and_then(|(value, _)| payload.pointer(value));
    let samples = value.and_then(|value| value["sampledValue"].as_array());
    samples.into_iter().flatten().any(|sample| sample["context"] == "Sample.Clock")
}
