//! Times in messages of the SUT: each is held against the moment at which the message came, as far as its meaning allows
//! (the bundle in `data/` says of every time what it means, or why it is not judged).

use jiff::Timestamp;

use super::transactions::Transactions;
use crate::protocol::{
    messages::Messages,
    primitives::{Time, TimeAt},
    rules::Rule,
    session::{Breach, Call, Moment},
};

/// How late something may come that happened, was measured or put together while the station was connected, seconds. A clock that
/// is wrong by its time zone is off by more.
const LONGEST_WAIT: f64 = 1800.0;
/// How old something may be that waited in the station for a connection, seconds. What is older was stamped by a clock that was
/// not set.
const LONGEST_QUEUE: f64 = 30.0 * 86_400.0;
/// How long ago a status may have begun, seconds.
const LONGEST_STATUS: f64 = 366.0 * 86_400.0;

/// From when to when a time may be.
struct Bounds {
    earliest: Timestamp,
    latest: Timestamp,
    /// Two moments with words for them: one that the time must not be (much) before, one that it must not be (much) after.
    after: (Timestamp, &'static str),
    before: (Timestamp, &'static str),
}

/// The moment at which the message came.
const CAME: &str = "the moment it came";

/// Holds the times in a CALL against now.
pub(super) fn check_call(messages: &Messages, moment: &Moment, known: &Transactions, call: &Call) -> Vec<Breach> {
    let times = messages.times(&call.action, true, &call.payload);
    let judged = times
        .iter()
        .map(|time| judge(time, &bounds(moment, known, call, time), &format!("{}Request", call.action), &call.text));
    judged.flatten().collect()
}

/// Holds the times in the answer to a CALL of ours against now.
pub(super) fn check_answer(
    messages: &Messages,
    moment: &Moment,
    action: &str,
    payload: &serde_json::Value,
    text: &str,
) -> Vec<Breach> {
    let now = moment.now.wall;
    let tolerance = tolerance(moment);
    let came = (now, CAME);
    let bounds = Bounds { earliest: earlier(now, tolerance), latest: later(now, tolerance), after: came, before: came };
    let times = messages.times(action, false, payload);
    times.iter().filter_map(|time| judge(time, &bounds, &format!("{action}Response"), text)).collect()
}

fn judge(time: &TimeAt, bounds: &Bounds, message: &str, text: &str) -> Option<Breach> {
    if (bounds.earliest..=bounds.latest).contains(&time.at) {
        return None;
    }
    let (moment, words) = if time.at < bounds.earliest { bounds.after } else { bounds.before };
    let off = time.at.duration_since(moment).as_secs_f64();
    let what = match time.time {
        Time::Measured => "the time of a meter value",
        Time::Current => "the current time",
        _ => "a time",
    };
    let is_heartbeat = time.time == Time::Current && message == "HeartbeatResponse";
    let message = format!("{what} in {message} is {} {words}", distance(off));
    Some(Breach {
        requirements: if is_heartbeat { vec!["G02.FR.03".into()] } else { Vec::new() },
        expected: Some(format!("{} from {:.3} to {:.3}", time.pointer, bounds.earliest, bounds.latest)),
        found: Some(time.at.to_string()),
        pointer: Some(time.pointer.clone()),
        ..Breach::new(Rule::Timestamps, message, text)
    })
}

fn bounds(moment: &Moment, known: &Transactions, call: &Call, time: &TimeAt) -> Bounds {
    let (now, tolerance) = (call.at.wall, tolerance(moment));
    let online_since = moment.online_since.map_or(now, |since| since.wall);
    let offline = call.payload["offline"] == true;
    let event = call.action == "TransactionEvent";
    let latest = later(now, tolerance);
    let earliest = match time.time {
        Time::Current => earlier(now, tolerance),
        Time::Status => earlier(now, LONGEST_STATUS),
        // What a transaction tells was measured while it ran, up to the event that reports it.
        Time::Measured if event => {
            let said = call.payload["timestamp"].as_str().and_then(|text| text.parse().ok()).unwrap_or(now);
            let began = known.began(&call.payload).unwrap_or_else(|| earlier(said, LONGEST_WAIT));
            let began = began.min(said);
            return Bounds {
                earliest: earlier(began, tolerance),
                latest: later(said, tolerance),
                after: (began, "the start of the transaction"),
                before: (said, "the event that reports it"),
            };
        }
        Time::Measured | Time::Generated => earlier(now, LONGEST_WAIT),
        Time::Occurred if offline => earlier(now, LONGEST_QUEUE),
        // What we refuse or leave unanswered comes again (E13), and holds up what comes after it.
        Time::Occurred if moment.withheld => earlier(now, LONGEST_QUEUE),
        // What is said to have happened online has waited through an interruption at most.
        Time::Occurred if event && time.at < online_since => earlier(now, LONGEST_WAIT),
        Time::Occurred if event => earlier(now, tolerance),
        Time::Occurred if time.at < online_since => earlier(now, LONGEST_QUEUE),
        Time::Occurred => earlier(now, LONGEST_WAIT),
    };
    Bounds { earliest, latest, after: (now, CAME), before: (now, CAME) }
}

/// How far a time is from another, for people.
fn distance(seconds: f64) -> String {
    let (size, side) = (seconds.abs(), if seconds < 0.0 { "before" } else { "after" });
    let (number, unit) = match size {
        ..120.0 => (size, "s"),
        ..7200.0 => (size / 60.0, "min"),
        ..172_800.0 => (size / 3600.0, "h"),
        _ => (size / 86_400.0, "days"),
    };
    format!("{number:.1} {unit} {side}")
}

fn tolerance(moment: &Moment) -> f64 {
    moment.seconds("clock_tolerance", 30.0)
}

fn earlier(time: Timestamp, seconds: f64) -> Timestamp {
    later(time, -seconds)
}

fn later(time: Timestamp, seconds: f64) -> Timestamp {
    let span = jiff::SignedDuration::try_from_secs_f64(seconds).unwrap_or_default();
    time.checked_add(span).unwrap_or(time)
}
