//! How long test cases wait, as far as their steps tell. Where several stations run at the same time, the test case with the longest waits
//! begins first, so that no long one is left over when all others are done.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::{
    template::{Names, Template},
    testcase::{
        library::Library,
        model::{Step, StepKind, TestCase},
    },
};

/// How deep states run states at most.
const MAX_DEPTH: usize = 16;

/// How long a test case waits on a bench: the waits that the bench alone decides, and for each other one the longest time of the
/// bench that the test case reckons with. The same test case on the same bench always waits as long.
pub(super) fn waits(case: &TestCase, library: &Library, bench: &Map<String, Value>) -> Duration {
    let mut names = Names::default();
    names.insert("bench", Value::Object(bench.clone()));
    let mut known = Waits { library, bench, names, sure: 0.0, unsure: 0, longest: 0.0 };
    for step in case.before.iter().chain(case.steps.iter().flatten()) {
        known.step(step, 0);
    }
    Duration::try_from_secs_f64(known.sure + f64::from(known.unsure) * known.longest).unwrap_or(Duration::MAX)
}

struct Waits<'c> {
    library: &'c Library,
    bench: &'c Map<String, Value>,
    names: Names,
    /// Seconds that the bench alone decides.
    sure: f64,
    /// How many other waits there are.
    unsure: u32,
    /// The longest time of the bench that values are made of.
    longest: f64,
}

impl Waits<'_> {
    fn step(&mut self, step: &Step, depth: usize) {
        match &step.kind {
            StepKind::Wait(seconds) | StepKind::Settle { seconds, .. } | StepKind::Never { during: seconds, .. } => {
                match seconds.number(&self.names) {
                    Ok(seconds) if seconds.is_finite() => self.sure += seconds.max(0.0),
                    _ => self.unsure += 1,
                }
            }
            StepKind::Set(values) => self.mentions(values),
            StepKind::Run { state, with } => {
                self.mentions(with);
                let Some(state) = self.library.states.get(state).filter(|_| depth < MAX_DEPTH) else { return };
                self.mentions(&state.parameters);
                for step in &state.steps {
                    self.step(step, depth + 1);
                }
            }
            _ => {}
        }
        for inner in step.inner() {
            self.step(inner, depth);
        }
    }

    /// Notes the times of the bench that values name.
    fn mentions(&mut self, values: &[(String, Template)]) {
        for word in values.iter().flat_map(|(_, template)| template.undeclared()) {
            let Some(name) = word.strip_prefix("bench.") else { continue };
            if let Some(seconds) = self.bench.get(name).and_then(Value::as_f64) {
                self.longest = self.longest.max(seconds);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{bench::Bench, pics::SutKind, protocol::Version, testcase::catalogue::Catalogue};

    #[test]
    fn the_times_of_the_bench_and_of_states_count() {
        let library = Library::load(&Catalogue::embedded(Version::V2_0_1).unwrap(), SutKind::Csms).unwrap();
        let waits = |id: &str, bench: &Bench| super::waits(&library.cases[id], &library, &bench.values).as_secs_f64();
        let usual = Bench::default();
        let mut slow = Bench::default();
        slow.values.insert("schedule_ahead".into(), 600.into());
        slow.values.insert("own_sampled_interval".into(), 40.into());
        // The first waits for a time that is agreed on in it, the second for an interval of the bench.
        assert!(waits("TC_L_02_CSMS", &usual) >= 60.0);
        assert!(waits("TC_L_02_CSMS", &slow) >= 600.0);
        let more = waits("TC_I_01_CSMS", &slow) - waits("TC_I_01_CSMS", &usual);
        let interval = usual.values["own_sampled_interval"].as_f64().unwrap();
        assert!((more - 2.0 * (40.0 - interval)).abs() < 1e-9, "{more}");
        assert!(waits("TC_B_01_CSMS", &slow) < 10.0);
    }
}
