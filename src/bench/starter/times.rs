//! The times of a bench: what each costs, and what a shorter one risks. They decide how long a run takes.

use crate::pics::{Pics, SutKind};

/// A time, seconds.
struct Time {
    key: &'static str,
    /// For a real product.
    real: f64,
    /// For a simulator, which does everything at once.
    fast: f64,
    /// KPIs of the PICS that it may not cut off.
    limits: &'static [&'static str],
    /// The number in the PICS of a station that says how short it may be at least.
    minimum: Option<&'static str>,
    /// What it is and costs, and what a shorter one risks; a line each.
    about: &'static [&'static str],
}

const fn time(key: &'static str, real: f64, fast: f64, about: &'static [&'static str]) -> Time {
    Time { key, real, fast, limits: &[], minimum: None, about }
}

/// How long the product may take. They cost nothing with a product that is quick, but for what must not come.
const LIMITS: [Time; 2] = [
    Time {
        limits: &["response-time"],
        ..time(
            "response-timeout",
            30.0,
            10.0,
            &[
                "The longest that an answer may take. It is waited for in full only where none comes; shorter: a slow answer fails.",
            ],
        )
    },
    Time {
        limits: &["triggered-function", "start-authorization", "stop-authorization"],
        ..time(
            "message-timeout",
            30.0,
            10.0,
            &[
                "The longest until a message that is due comes, and how long it is watched that none comes: some 30 test cases of a",
                "station wait it in full. Shorter: a late message fails the test case that waits for it, and passes the one that forbids it.",
            ],
        )
    },
];

/// Of every product.
const OF_BOTH: [Time; 1] = [time(
    "settle-time",
    2.0,
    0.5,
    &[
        "How long nothing must happen until a state counts as reached; about 40 test cases wait it. Shorter: what comes late is taken",
        "for part of the next step. A CSMS is watched for all of it before the first test cases, and then for less, as soon as it is known",
        "how late it says something of itself; `settle-by-evidence: false` always waits in full.",
    ],
)];

/// Of a charging station.
const OF_STATION: [Time; 10] = [
    time(
        "transaction-duration",
        5.0,
        2.0,
        &[
            "How long a transaction lasts; about 30 test cases wait it. Shorter: a real meter may not have counted anything by then.",
        ],
    ),
    time(
        "connect-timeout",
        120.0,
        30.0,
        &[
            "How long the station is waited for at the beginning of a test case. Shorter: one that is switched on late is missed.",
        ],
    ),
    time(
        "reboot-time",
        180.0,
        30.0,
        &["From a Reset to the BootNotification. Shorter: a station that boots slowly fails."],
    ),
    time(
        "reconnect-timeout",
        120.0,
        60.0,
        &["From a lost connection to the next. Shorter: a station that waits before it connects again fails."],
    ),
    time(
        "ev-connection-timeout",
        30.0,
        15.0,
        &[
            "Set at the station: how long it waits for the cable after the driver is authorised; 7 test cases wait it. Shorter: a person",
            "does not plug in in time.",
        ],
    ),
    time(
        "time-tolerance",
        4.0,
        1.0,
        &[
            "How much a station may be early or late at an interval. Shorter: a busy machine or a slow modem fails it. The intervals below",
            "must be twice as long at least, or a station that hardly waits passes.",
        ],
    ),
    time(
        "pending-interval",
        20.0,
        4.0,
        &["Set at the station: until it sends its BootNotification again. It is waited out twice or so."],
    ),
    Time {
        minimum: Some("ORS-11"),
        ..time(
            "heartbeat-interval",
            300.0,
            20.0,
            &[
                "Set at the station. Some test cases wait for a whole one; shorter: heartbeats come in between everywhere.",
            ],
        )
    },
    Time {
        minimum: Some("ORS-9"),
        ..time(
            "sampled-interval",
            10.0,
            2.0,
            &[
                "Set at the station: between two meter values. Shorter: more messages; many stations take no less than 10.",
            ],
        )
    },
    time("aligned-interval", 60.0, 4.0, &["The same by the clock. Some stations take only whole minutes."]),
];

/// Of a station of OCPP 2.x.
const OF_STATION_2: [Time; 7] = [
    Time {
        minimum: Some("ORS-7"),
        ..time(
            "message-attempt-interval",
            10.0,
            2.0,
            &["Set at the station: until it repeats an unanswered message; it is waited out several times."],
        )
    },
    time("retry-back-off-wait-minimum", 10.0, 2.0, &["Set at the station: until it connects again."]),
    time(
        "offline-time",
        5.0,
        2.0,
        &["How long the connection is down where it must be. Shorter: the station may not notice."],
    ),
    time(
        "offline-action-time",
        30.0,
        5.0,
        &[
            "How long a person has for a manual action while the station is offline; one test case waits it. Shorter: the person is too",
            "slow, and that test case decides nothing.",
        ],
    ),
    time(
        "firmware-delay",
        60.0,
        10.0,
        &[
            "How far ahead firmware is due that is not to be loaded at once. Shorter: a station may be too slow to say that it waits.",
        ],
    ),
    time("log-retry-interval", 10.0, 2.0, &["Until the station tries an upload again."]),
    time(
        "cert-signing-wait-minimum",
        20.0,
        4.0,
        &["Set at the station: until it asks for its certificate again, doubled each time."],
    ),
];

/// Of a CSMS.
const OF_CSMS: [Time; 8] = [
    time(
        "operator-patience",
        5.0,
        1.0,
        &[
            "How long the CSMS may take to show what our station has told it: a wrong CSMS costs it for each question. Shorter: a CSMS that",
            "stores data late fails.",
        ],
    ),
    time(
        "close-timeout",
        15.0,
        3.0,
        &[
            "How long the CSMS may take to close a connection that it must not keep. Shorter: one that closes late fails.",
        ],
    ),
    time(
        "pace",
        0.1,
        0.0,
        &[
            "The pause before our station sends its next message or connects again, and before the operator acts; a test case makes ten or so.",
            "Shorter: a CSMS that needs a moment to register us refuses.",
        ],
    ),
    time(
        "own-aligned-interval",
        5.0,
        4.0,
        &[
            "Between two readings by the clock of the station that the harness plays; four test cases wait for two or three. Shorter: a slow CSMS",
            "answers one after the next was due.",
        ],
    ),
    time("own-sampled-interval", 5.0, 2.0, &["The same by its own count; four test cases wait for two or three."]),
    time(
        "own-transaction-duration",
        2.0,
        1.0,
        &["How long a transaction of this station lasts, or it is offline; about 30 test cases wait it."],
    ),
    time(
        "own-ev-connection-timeout",
        10.0,
        5.0,
        &[
            "How long this station waits for the cable after the driver is authorised, unless the CSMS sets it; two test cases wait it.",
        ],
    ),
    time(
        "schedule-ahead",
        60.0,
        20.0,
        &[
            "How far ahead the CSMS is asked to schedule what must not happen at once. Shorter: it may be over before it is sent.",
        ],
    ),
];

/// The times, each with a comment; `fast`: those that suit a simulator.
pub(super) fn text(sut: SutKind, is_1_6: bool, pics: Option<&Pics>, fast: bool) -> String {
    let limit = |kpi: &&str| pics.and_then(|pics| pics.performance.maximum.get(*kpi).copied()).unwrap_or_default();
    let mut text = String::from(
        "# Times. The default is for a real product; what a shorter one costs or risks stands with each.\n",
    );
    if fast {
        text.push_str("# These suit a simulator, which does everything at once (bench init --fast). A real product may fail by them.\n");
    }
    let of_side: &[&[Time]] = match (sut, is_1_6) {
        (SutKind::Csms, _) => &[&OF_CSMS],
        (SutKind::ChargingStation, true) => &[&OF_STATION],
        (SutKind::ChargingStation, false) => &[&OF_STATION, &OF_STATION_2],
    };
    let groups = [LIMITS.as_slice(), &OF_BOTH].into_iter().chain(of_side.iter().copied());
    for time in groups.flatten() {
        let minimum = time
            .minimum
            .and_then(|id| pics?.number(id))
            .map_or(0.0, |seconds| f64::from(i32::try_from(seconds).unwrap_or(0)));
        let at_least = time.limits.iter().map(limit).fold(minimum, f64::max);
        let seconds = if fast { time.fast } else { time.real }.max(at_least);
        for line in time.about {
            text.push_str(&format!("# {line}\n"));
        }
        text.push_str(&format!("{}: {seconds}\n", time.key));
    }
    text.push_str("# How long a person may take for a manual action.\nmanual-action-timeout: 600\n\n");
    text
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::bench::defaults;

    /// What is written is what holds where nothing is written.
    #[test]
    fn the_times_of_a_real_product_are_the_defaults() {
        let defaults = defaults();
        let all = [LIMITS.as_slice(), &OF_BOTH, &OF_STATION, &OF_STATION_2, &OF_CSMS];
        for time in all.into_iter().flatten() {
            assert_eq!(defaults.get(time.key).and_then(Value::as_f64), Some(time.real), "{}", time.key);
            assert!(time.fast <= time.real, "{}", time.key);
        }
    }
}
