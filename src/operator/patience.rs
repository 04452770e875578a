//! Asking again: a CSMS may store what a station told it a moment after it has answered, and may know a station a moment
//! after it has let it in.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::{bench::Bench, manual_action::ActionOutcome};

/// The pause before the second try; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// What one try came to.
pub(super) enum Try {
    /// This is the outcome.
    Over(ActionOutcome),
    /// This is the outcome when it stays so.
    NotYet(ActionOutcome),
}

/// How long a bench has the same asked again.
pub fn of_bench(bench: &Bench) -> Duration {
    let seconds = bench.values.get("operator_patience").and_then(serde_json::Value::as_f64).unwrap_or_default();
    Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
}

/// Tries until it is over, or until this time has passed; the last try is at the end of it.
pub(super) async fn patiently<F: Future<Output = Try>>(
    patience: Duration,
    mut attempt: impl FnMut() -> F,
) -> ActionOutcome {
    let began = Instant::now();
    let mut pause = FIRST_PAUSE;
    let mut tries = 1;
    loop {
        let outcome = match attempt().await {
            Try::Over(outcome) => return outcome,
            Try::NotYet(outcome) => outcome,
        };
        let left = patience.saturating_sub(began.elapsed());
        if left.is_zero() {
            return told(outcome, tries, began.elapsed());
        }
        sleep(pause.min(left)).await;
        pause = (2 * pause).min(LONGEST_PAUSE);
        tries += 1;
    }
}

/// The outcome, with how often it was tried.
fn told(outcome: ActionOutcome, tries: u32, within: Duration) -> ActionOutcome {
    let with = |reason: String| match tries {
        1 => reason,
        _ => format!("{reason} (asked {tries} times in {:.1} s)", within.as_secs_f64()),
    };
    match outcome {
        ActionOutcome::Done => ActionOutcome::Done,
        ActionOutcome::NotPossible(reason) => ActionOutcome::NotPossible(with(reason)),
        ActionOutcome::Denied(reason) => ActionOutcome::Denied(with(reason)),
        ActionOutcome::Failed(reason) => ActionOutcome::Failed(with(reason)),
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    /// When a try was made, milliseconds, and the outcome; yes from the given time on.
    async fn tried(patience_ms: u64, yes_from_ms: u64) -> (Vec<u128>, ActionOutcome) {
        let (began, tries) = (Instant::now(), RefCell::new(Vec::new()));
        let outcome = patiently(Duration::from_millis(patience_ms), || async {
            tries.borrow_mut().push(began.elapsed().as_millis());
            if began.elapsed() >= Duration::from_millis(yes_from_ms) {
                Try::Over(ActionOutcome::Done)
            } else {
                Try::NotYet(ActionOutcome::Denied("no".into()))
            }
        })
        .await;
        (tries.into_inner(), outcome)
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_asked_again_until_the_answer_is_yes_or_patience_is_over() {
        assert_eq!(tried(5000, 0).await, (vec![0], ActionOutcome::Done));
        assert_eq!(tried(5000, 1500).await, (vec![0, 250, 750, 1750], ActionOutcome::Done));
        let no = |text: &str| ActionOutcome::Denied(text.into());
        assert_eq!(tried(3000, 60_000).await, (vec![0, 250, 750, 1750, 2750, 3000], no("no (asked 6 times in 3.0 s)")));
        assert_eq!(tried(0, 60_000).await, (vec![0], no("no")));
    }
}
