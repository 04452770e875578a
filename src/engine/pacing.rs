//! How fast the station that we play is. What it does next (a CALL, a connection), and what the CSMS's operator is asked to
//! do next, waits until so much time has passed since the last thing on the connection: a product may need a moment to
//! register a station that it has let in, or to note what it was answered, and no real station is back within a millisecond.
//!
//! The time is the bench's `pace`; where that is 0, nothing waits.

use crate::clock::{Stamp, nanos};

/// What a CSMS that never pauses can make of a wait: so many times the pace.
const LONGEST: u64 = 30;

/// When the last thing happened, nanoseconds of the run.
#[derive(Debug, Clone)]
pub(crate) struct Pace {
    gap: u64,
    last: u64,
    /// When a connection was last opened or closed.
    turned: u64,
}

impl Pace {
    /// A pace of so many seconds.
    pub(crate) fn new(seconds: f64, now: Stamp) -> Self {
        Self { gap: nanos(seconds), last: now.mono_ns, turned: now.mono_ns }
    }

    /// True when something waits for it.
    pub(crate) fn is_set(&self) -> bool {
        self.gap > 0
    }

    /// Something happened on the link: a frame was read or written.
    pub(crate) fn happened(&mut self, at: Stamp) {
        self.last = at.mono_ns;
    }

    /// A connection was opened or closed, or an attempt has failed.
    pub(crate) fn turned(&mut self, at: Stamp) {
        self.happened(at);
        self.turned = at.mono_ns;
    }

    /// When a step that was reached then may act.
    pub(crate) fn due(&self, reached: Stamp) -> u64 {
        let longest = self.gap.saturating_mul(LONGEST);
        self.last.saturating_add(self.gap).min(reached.mono_ns.max(self.turned).saturating_add(longest))
    }
}
