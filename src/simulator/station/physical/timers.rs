//! Timers: what happens by itself, and when.

use std::time::Duration;

use tokio::time::Instant;

/// Timers of a station.
#[derive(Debug)]
pub struct Timers<T>(Vec<(Instant, T)>);

impl<T> Default for Timers<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Clone> Timers<T> {
    /// Sets a timer.
    pub fn schedule(&mut self, after: Duration, timer: T) {
        self.0.push((Instant::now() + after, timer));
    }

    /// Keeps only some of the timers.
    pub fn retain(&mut self, keep: impl Fn(&T) -> bool) {
        self.0.retain(|(_, timer)| keep(timer));
    }

    /// True when such a timer is set.
    pub fn any(&self, which: impl Fn(&T) -> bool) -> bool {
        self.0.iter().any(|(_, timer)| which(timer))
    }

    /// When the next one is due.
    pub fn wake(&self) -> Option<Instant> {
        self.0.iter().map(|(at, _)| *at).min()
    }

    /// Takes those that are due, in the order in which they were set.
    pub fn due(&mut self) -> Vec<T> {
        let now = Instant::now();
        let due = self.0.iter().filter(|(at, _)| *at <= now).map(|(_, timer)| timer.clone()).collect();
        self.0.retain(|(at, _)| *at > now);
        due
    }
}
