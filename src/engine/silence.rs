//! How soon the SUT is silent once it was brought to the general preconditions, as earlier test cases of the run have shown.
//!
//! A CSMS may ask for reports, or set variables, of itself whenever a station starts. A test that begins before it has done so would
//! take that for what the test wants. So the bench says how long it must be silent first (`settle-time`). That is watched in full
//! until it is known how late such a message comes; afterwards a shorter silence will do, and the whole is watched again now and then.

use serde::{Deserialize, Serialize};

/// How often the whole time is watched before a shorter one will do.
const WATCHED_FIRST: u32 = 8;
/// Afterwards it is watched in full at each of so many.
const WATCHED_EACH: u32 = 8;
/// Shortest silence that tells anything, nanoseconds.
const SHORTEST: u64 = 200_000_000;
/// How many times the longest silence before a message of its own must pass without another.
const TIMES_OWN: u64 = 3;
/// How many times the 99th percentile of its response times must pass.
const TIMES_RESPONSE: u64 = 10;
/// Response times are counted in steps of so many nanoseconds, up to half a second; all that are slower count alike.
const STEP: u64 = 5_000_000;
const STEPS: usize = 100;

/// What is known when a test case begins.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Silence {
    /// How often it was watched since it was known.
    watched: u32,
    /// The longest silence after which the SUT said something of itself, nanoseconds.
    longest: u64,
    /// How many answers came in each step of time.
    answers: Vec<u32>,
}

/// What one test case shows of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Watched {
    /// The test case has waited for it to be silent.
    waited: bool,
    longest: u64,
    answers: Vec<u32>,
}

/// A wait for silence, until what is seen then may be something else.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Watch {
    /// Since when the SUT has been silent, and before its last message.
    silent: u64,
    before: u64,
    /// The time that the bench says, and when it will have passed since the SUT last said something of itself.
    whole: u64,
    until: u64,
}

impl Silence {
    /// How long the SUT must be silent where the bench says `whole`, nanoseconds both.
    pub(crate) fn required(&self, whole: u64) -> u64 {
        if self.watched < WATCHED_FIRST || self.watched.is_multiple_of(WATCHED_EACH) {
            return whole;
        }
        let Some(response) = self.response() else { return whole };
        let own = self.longest.saturating_mul(TIMES_OWN);
        own.max(response.saturating_mul(TIMES_RESPONSE)).max(SHORTEST).min(whole)
    }

    /// The 99th percentile of response times, rounded up to a step; `None` where it is not known, or beyond the last step.
    fn response(&self) -> Option<u64> {
        let all: u64 = self.answers.iter().copied().map(u64::from).sum();
        let slower = all / 100;
        let mut left = all;
        let step = self.answers.iter().position(|count| {
            left -= u64::from(*count);
            left <= slower
        });
        step.filter(|step| all > 0 && *step < STEPS).map(|step| STEP * (step as u64 + 1))
    }

    /// Takes in what a test case has shown. A message that comes much later than any before has to be watched for anew.
    pub fn learn(&mut self, seen: &Watched) {
        self.answers.resize(self.answers.len().max(seen.answers.len()), 0);
        for (known, new) in self.answers.iter_mut().zip(&seen.answers) {
            *known = known.saturating_add(*new);
        }
        if seen.longest > self.longest {
            if seen.longest.saturating_mul(TIMES_OWN) > SHORTEST && seen.longest / 2 > self.longest {
                self.watched = 0;
            }
            self.longest = seen.longest;
        }
        self.watched = self.watched.saturating_add(u32::from(seen.waited));
    }
}

impl Watched {
    /// The SUT has answered a CALL of ours after so many nanoseconds.
    pub(crate) fn answered(&mut self, after: u64) {
        let step = usize::try_from(after / STEP).unwrap_or(STEPS).min(STEPS);
        self.answers.resize(self.answers.len().max(step + 1), 0);
        self.answers[step] += 1;
    }

    /// A wait begins.
    pub(crate) fn waits(&mut self, now: u64, whole: u64) -> Watch {
        self.waited = true;
        Watch { silent: now, before: now, whole, until: now.saturating_add(whole) }
    }

    /// The SUT has said something of itself.
    pub(crate) fn unasked(&mut self, watch: &mut Watch) {
        self.longest = self.longest.max(watch.silent.saturating_sub(watch.before));
        watch.until = watch.silent.saturating_add(watch.whole);
    }
}

impl Watch {
    /// A message comes; `None` where it is too late to tell anything.
    pub(crate) fn hears(self, now: u64) -> Option<Self> {
        (now < self.until).then_some(Self { silent: now, before: self.silent, ..self })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;
    const WHOLE: u64 = 2_000 * MS;

    /// Test cases in which the SUT answers after `response`, and says something of itself `own` after that.
    fn seen(response: u64, own: u64) -> Watched {
        let mut seen = Watched::default();
        seen.answered(response);
        let watch = seen.waits(0, WHOLE);
        if let Some(mut watch) = watch.hears(own).filter(|_| own > 0) {
            seen.unasked(&mut watch);
        }
        seen
    }

    fn after(all: &[Watched]) -> Silence {
        let mut known = Silence::default();
        for one in all {
            known.learn(one);
        }
        known
    }

    #[test]
    fn the_whole_time_is_watched_first_and_at_times_afterwards() {
        let mut known = Silence::default();
        let required: Vec<u64> = (0..18)
            .map(|_| {
                let required = known.required(WHOLE) / MS;
                known.learn(&seen(3 * MS, 0));
                required
            })
            .collect();
        let short = 200;
        let expected = [[2000; 8].as_slice(), &[2000], &[short; 7], &[2000], &[short]].concat();
        assert_eq!(required, expected);
    }

    #[test]
    fn what_is_required_follows_from_what_the_sut_does() {
        let nine = |response, own| after(&vec![seen(response, own); 9]).required(WHOLE) / MS;
        assert_eq!(nine(3 * MS, 0), 200);
        assert_eq!(nine(3 * MS, 100 * MS), 300, "three times the silence before a message of its own");
        assert_eq!(nine(3 * MS, 900 * MS), 2000, "never more than the bench says");
        assert_eq!(nine(3 * MS, 2100 * MS), 200, "what comes after that time was never seen");
        assert_eq!(nine(61 * MS, 0), 650, "ten times its response times");
        assert_eq!(nine(900 * MS, 0), 2000);
        assert_eq!(after(&[]).required(WHOLE), WHOLE);
    }

    #[test]
    fn one_slow_answer_in_two_hundred_changes_nothing_and_three_do() {
        let mut all = vec![seen(3 * MS, 0); 201];
        all[7] = seen(900 * MS, 0);
        assert_eq!(after(&all).required(WHOLE) / MS, 200);
        all[8] = seen(900 * MS, 0);
        all[9] = seen(900 * MS, 0);
        assert_eq!(after(&all).required(WHOLE) / MS, 2000);
    }

    #[test]
    fn a_message_later_than_any_before_is_watched_for_anew() {
        let mut known = after(&vec![seen(3 * MS, 100 * MS); 9]);
        known.learn(&seen(3 * MS, 150 * MS));
        assert_eq!(known.required(WHOLE) / MS, 450, "a little later: only the time follows");
        known.learn(&seen(3 * MS, 500 * MS));
        for _ in 0..7 {
            assert_eq!(known.required(WHOLE), WHOLE);
            known.learn(&seen(3 * MS, 0));
        }
        known.learn(&seen(3 * MS, 0));
        assert_eq!(known.required(WHOLE) / MS, 1500);
    }
}
