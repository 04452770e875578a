//! What the machine itself can do: its clock, its timers.

use std::time::{Duration, Instant};

use super::CalibrationError;

/// Readings of the clock that are compared.
const READINGS: u32 = 200_000;
/// Timers that are waited for.
const TIMERS: u32 = 400;

/// The smallest step that the monotonic clock was seen to make, and what a reading costs, seconds.
pub(super) fn clock_resolution() -> (f64, f64) {
    let begun = Instant::now();
    let mut smallest = Duration::MAX;
    let mut last = begun;
    for _ in 0..READINGS {
        let now = Instant::now();
        let step = now - last;
        if !step.is_zero() {
            smallest = smallest.min(step);
        }
        last = now;
    }
    (smallest.as_secs_f64(), begun.elapsed().as_secs_f64() / f64::from(READINGS))
}

/// How late timers of the runtime are, seconds.
pub(super) fn timer_lateness() -> Result<Vec<f64>, CalibrationError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .map_err(|error| CalibrationError::Io("the asynchronous runtime", error))?;
    Ok(runtime.block_on(async {
        let mut late = Vec::new();
        for number in 0..TIMERS {
            let due = tokio::time::Instant::now() + Duration::from_micros(1000 + u64::from(number % 7) * 370);
            tokio::time::sleep_until(due).await;
            late.push((tokio::time::Instant::now() - due).as_secs_f64());
        }
        late
    }))
}
