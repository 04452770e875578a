//! Time: one monotonic clock for measuring, and the wall time that belongs to it.
//!
//! The clock stands on [`tokio::time::Instant`], so that under a paused tokio clock a whole programme runs in
//! virtual time and is reproducible; on a real runtime it is the operating system's monotonic clock. The wall
//! time is derived from the monotonic one, so the two never disagree within a run.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

/// A time as OCPP writes it: RFC 3339 in UTC, with milliseconds, for no time may have more decimals (Part 2, 2.1.4). Every time
/// that leaves the tool in a message is made here.
pub fn ocpp_time(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// When something happened: nanoseconds since the run began, and the wall time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Stamp {
    /// Nanoseconds since the run began, monotonic.
    pub mono_ns: u64,
    /// The wall time (UTC) that belongs to it.
    pub wall: Timestamp,
}

impl Stamp {
    /// Seconds since the run began.
    pub fn seconds(&self) -> f64 {
        Duration::from_nanos(self.mono_ns).as_secs_f64()
    }

    /// Seconds from `earlier` to this stamp; negative when `earlier` is later.
    #[allow(clippy::cast_precision_loss)] // a run lasts days, not centuries
    pub fn seconds_since(&self, earlier: &Stamp) -> f64 {
        (i128::from(self.mono_ns) - i128::from(earlier.mono_ns)) as f64 / 1e9
    }

    /// The stamp `by` later than this one.
    #[must_use]
    pub fn plus(&self, by: Duration) -> Stamp {
        let nanos = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
        let wall =
            SignedDuration::try_from(by).ok().and_then(|by| self.wall.checked_add(by).ok()).unwrap_or(Timestamp::MAX);
        Stamp { mono_ns: self.mono_ns.saturating_add(nanos), wall }
    }
}

/// The clock of one run; cheap to copy.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    started: Instant,
    started_wall: Timestamp,
    /// How much of the run had passed when this clock was started, nanoseconds.
    before_ns: u64,
}

impl Clock {
    /// Starts a clock at the system's wall time.
    pub fn start() -> Self {
        let (started, started_wall) = together();
        Self { started, started_wall, before_ns: 0 }
    }

    /// The clock of a run that began at `began` by the system's wall time, which it goes on to show: what has been done since then has
    /// taken its time.
    pub fn since(began: Timestamp) -> Self {
        let (started, now) = together();
        match Duration::try_from(now.duration_since(began)) {
            Ok(passed) => {
                let before_ns = u64::try_from(passed.as_nanos()).unwrap_or(u64::MAX);
                Self { started, started_wall: began, before_ns }
            }
            // The system's clock was set back: the time of now counts.
            Err(_) => Self { started, started_wall: now, before_ns: 0 },
        }
    }

    /// Starts a clock at a given wall time (simulated runs, tests).
    pub fn start_at(started_wall: Timestamp) -> Self {
        Self::resume(started_wall, Duration::ZERO)
    }

    /// Goes on with the clock of a run that began at `started_wall` and of which `passed` is over.
    pub fn resume(started_wall: Timestamp, passed: Duration) -> Self {
        let before_ns = u64::try_from(passed.as_nanos()).unwrap_or(u64::MAX);
        Self { started: Instant::now(), started_wall, before_ns }
    }

    /// The stamp of this moment.
    pub fn now(&self) -> Stamp {
        let passed = Duration::from_nanos(self.before_ns).saturating_add(self.started.elapsed());
        Stamp { mono_ns: 0, wall: self.started_wall }.plus(passed)
    }

    /// The runtime's instant at which `mono_ns` is reached (this moment's past: when the clock was started).
    pub fn instant(&self, mono_ns: u64) -> Instant {
        self.started + Duration::from_nanos(mono_ns.saturating_sub(self.before_ns))
    }
}

/// This moment by both clocks. They are read one after the other; where the system did something else in between, the wall time would be
/// off for the whole run.
fn together() -> (Instant, Timestamp) {
    let read = || {
        let (before, wall) = (Instant::now(), Timestamp::now());
        (before.elapsed(), before, wall)
    };
    let mut best = read();
    for _ in 0..100 {
        if best.0 < Duration::from_millis(1) {
            break;
        }
        best = best.min(read());
    }
    (best.1, best.2)
}

/// Nanoseconds of so many seconds.
pub(crate) fn nanos(seconds: f64) -> u64 {
    Duration::try_from_secs_f64(seconds.max(0.0))
        .map_or(u64::MAX / 4, |duration| u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX / 4))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_in_a_message_has_milliseconds() {
        let time = |text: &str| ocpp_time(text.parse().unwrap());
        assert_eq!(time("2026-11-29T00:14:03.844802104Z"), "2026-11-29T00:14:03.844Z");
        assert_eq!(time("2026-11-29T00:14:03.9999Z"), "2026-11-29T00:14:03.999Z");
        assert_eq!(time("2026-11-29T01:14:03+01:00"), "2026-11-29T00:14:03.000Z");
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_done_since_the_run_began_has_taken_its_time() {
        let began = Timestamp::now() - SignedDuration::from_secs(100);
        let now = Clock::since(began).now();
        assert!(now.seconds() >= 100.0 && now.wall >= began + SignedDuration::from_secs(100), "{now:?}");
        assert_eq!(now.wall.duration_since(began).as_nanos(), i128::from(now.mono_ns));
        let set_back = Clock::since(Timestamp::now() + SignedDuration::from_hours(1)).now();
        assert_eq!(set_back.mono_ns, 0);
        assert!(set_back.wall < Timestamp::now() + SignedDuration::from_secs(1), "{set_back:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_resumed_clock_goes_on_where_the_run_was() {
        let began: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let clock = Clock::resume(began, Duration::from_mins(1));
        tokio::time::sleep(Duration::from_secs(5)).await;
        let now = clock.now();
        assert_eq!((now.mono_ns, now.wall.to_string().as_str()), (65_000_000_000, "2026-01-01T00:01:05Z"));
        assert_eq!(clock.instant(now.mono_ns), Instant::now());
    }
}
