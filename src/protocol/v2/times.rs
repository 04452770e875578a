//! From when to when a time in a message of a station may be.

use super::transactions::Transactions;
use crate::protocol::{
    messages::Messages,
    primitives::{Time, TimeAt},
    session::{Breach, Call, Moment},
    times::{self, Bounds, LONGEST_QUEUE, LONGEST_STATUS, LONGEST_WAIT, earlier, later, tolerance},
};

/// Holds the times in a CALL against now.
pub(super) fn check_call(messages: &Messages, moment: &Moment, known: &Transactions, call: &Call) -> Vec<Breach> {
    times::check_call(messages, call, &|time| bounds(moment, known, call, time), &source)
}

/// Where it is said what a time in a message means: the type or the message that has it as a member.
pub(super) fn source(action: &str, time: Time) -> Option<&'static str> {
    Some(match (time, action) {
        (Time::Current, "BootNotification") => "Part 2, BootNotificationResponse",
        (Time::Current, _) => "G02.FR.03",
        (Time::Measured, _) => "Part 2, MeterValueType",
        (_, "TransactionEvent") => "Part 2, TransactionEventRequest",
        (_, "StatusNotification") => "Part 2, StatusNotificationRequest",
        (_, "SecurityEventNotification") => "Part 2, SecurityEventNotificationRequest",
        (_, "NotifyEvent") => "Part 2, NotifyEventRequest",
        _ => return None,
    })
}

fn bounds(moment: &Moment, known: &Transactions, call: &Call, time: &TimeAt) -> Bounds {
    let (now, tolerance) = (call.at.wall, tolerance(moment));
    let online_since = moment.online_since.map_or(now, |since| since.wall);
    let offline = call.payload["offline"] == true;
    let event = call.action == "TransactionEvent";
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
    Bounds::until_it_came(earliest, moment, call)
}
