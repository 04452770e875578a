//! Times in messages of the SUT: each is held against the moment at which the message came, as far as its meaning allows
//! (the bundle in `data/` says of every time what it means, or why it is not judged).

use jiff::Timestamp;

use super::{
    messages::Messages,
    primitives::{Time, TimeAt},
    rules::Rule,
    session::{Breach, Call, Moment},
};

/// How late something may come that happened, was measured or put together while the station was connected, seconds. A clock that
/// is wrong by its time zone is off by more.
pub(super) const LONGEST_WAIT: f64 = 1800.0;
/// How old something may be that waited in the station for a connection, seconds. What is older was stamped by a clock that was
/// not set.
pub(super) const LONGEST_QUEUE: f64 = 30.0 * 86_400.0;
/// How long ago a status may have begun, seconds.
pub(super) const LONGEST_STATUS: f64 = 366.0 * 86_400.0;

/// From when to when a time may be.
pub(super) struct Bounds {
    pub(super) earliest: Timestamp,
    pub(super) latest: Timestamp,
    /// Two moments with words for them: one that the time must not be (much) before, one that it must not be (much) after.
    pub(super) after: (Timestamp, &'static str),
    pub(super) before: (Timestamp, &'static str),
}

impl Bounds {
    /// From a time before the message came until it came.
    pub(super) fn until_it_came(earliest: Timestamp, moment: &Moment, call: &Call) -> Self {
        let now = call.at.wall;
        Self { earliest, latest: later(now, tolerance(moment)), after: (now, CAME), before: (now, CAME) }
    }
}

/// The moment at which the message came.
const CAME: &str = "the moment it came";

/// Holds the times in a CALL against the bounds that each of them has; `source`: where a version says what a time means.
pub(super) fn check_call(
    messages: &Messages,
    call: &Call,
    bounds: &dyn Fn(&TimeAt) -> Bounds,
    source: &dyn Fn(&str, Time) -> Option<&'static str>,
) -> Vec<Breach> {
    let times = messages.times(&call.action, true, &call.payload);
    let judged = times.iter().map(|time| {
        judge(time, &bounds(time), &format!("{}Request", call.action), &call.text, source(&call.action, time.time))
    });
    judged.flatten().collect()
}

/// Holds the times in the answer to a CALL of ours against now; `source`: where a version says what a time means.
pub(super) fn check_answer(
    messages: &Messages,
    moment: &Moment,
    action: &str,
    payload: &serde_json::Value,
    text: &str,
    source: &dyn Fn(&str, Time) -> Option<&'static str>,
) -> Vec<Breach> {
    let now = moment.now.wall;
    let tolerance = tolerance(moment);
    let came = (now, CAME);
    let bounds = Bounds { earliest: earlier(now, tolerance), latest: later(now, tolerance), after: came, before: came };
    let times = messages.times(action, false, payload);
    let judged =
        times.iter().map(|time| judge(time, &bounds, &format!("{action}Response"), text, source(action, time.time)));
    judged.flatten().collect()
}

fn judge(time: &TimeAt, bounds: &Bounds, message: &str, text: &str, source: Option<&str>) -> Option<Breach> {
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
    let message = format!("{what} in {message} is {} {words}", distance(off));
    Some(Breach {
        requirements: source.map(str::to_owned).into_iter().collect(),
        expected: Some(format!("{} from {:.3} to {:.3}", time.pointer, bounds.earliest, bounds.latest)),
        found: Some(time.at.to_string()),
        pointer: Some(time.pointer.clone()),
        ..Breach::new(Rule::Timestamps, message, text)
    })
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

pub(super) fn tolerance(moment: &Moment) -> f64 {
    moment.seconds("clock_tolerance", 30.0)
}

pub(super) fn earlier(time: Timestamp, seconds: f64) -> Timestamp {
    later(time, -seconds)
}

pub(super) fn later(time: Timestamp, seconds: f64) -> Timestamp {
    let span = jiff::SignedDuration::try_from_secs_f64(seconds).unwrap_or_default();
    time.checked_add(span).unwrap_or(time)
}
