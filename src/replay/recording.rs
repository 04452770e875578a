//! What an engine was told, in memory.

use std::time::Duration;

use crate::{
    clock::Stamp,
    engine::{Effect, Engine, Input, Outcome, Setup},
    link::Secret,
    verdict::{Failure, StepRecord, Verdict},
};

/// Most ticks between two inputs; an engine that needs more makes no progress.
pub(super) const MAX_TICKS: usize = 1000;

/// Everything that an engine was told: with it a test case can be judged again, or judged with something changed.
#[derive(Debug, Clone)]
pub struct Recording {
    /// The test case.
    pub id: String,
    /// What the engine began with.
    pub setup: Setup,
    /// When.
    pub started: Stamp,
    /// What it was told, and when.
    pub inputs: Vec<(Stamp, Input)>,
    /// What it wanted done, each with the number of inputs that it had been told by then.
    pub effects: Vec<(usize, Effect)>,
    /// Secrets that passed through, in the order in which they became known.
    pub secrets: Vec<(Secret, Origin)>,
    /// What came of it, once it is over.
    pub found: Option<Found>,
}

/// Where a secret came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// From the bench, the SUT or a service: the engine was told it.
    Outside,
    /// The engine said that a text is one (it stands in the test case). Judged again, it says so again.
    Engine,
}

/// The verdict and what led to it, secrets redacted.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// The verdict.
    pub verdict: Verdict,
    /// The findings.
    pub failures: Vec<Failure>,
    /// The steps.
    pub steps: Vec<StepRecord>,
}

impl Recording {
    /// A recording that begins.
    pub fn begin(id: String, setup: Setup, started: Stamp, known: &[Secret]) -> Self {
        let secrets = known.iter().map(|secret| (secret.clone(), Origin::Outside)).collect();
        Self { id, setup, started, inputs: Vec::new(), effects: Vec::new(), secrets, found: None }
    }

    /// The engine is told something.
    pub fn told(&mut self, at: Stamp, input: &Input) {
        self.inputs.push((at, input.clone()));
    }

    /// The engine wants something done.
    pub fn wanted(&mut self, effect: &Effect) {
        if let Effect::Secret(secret) = effect {
            self.secrets.push((secret.clone(), Origin::Engine));
        }
        self.effects.push((self.inputs.len(), effect.clone()));
    }

    /// A secret came from outside.
    pub fn learnt(&mut self, secret: &Secret) {
        self.secrets.push((secret.clone(), Origin::Outside));
    }

    /// Judges the recording again, without link, operator or services.
    pub fn judge(&self) -> Outcome {
        let mut engine = Engine::new(self.setup.clone(), self.started);
        let mut now = self.started;
        for (at, input) in &self.inputs {
            now = pass_time(&mut engine, self.started, now, at.mono_ns);
            if engine.finished() {
                break;
            }
            now = *at;
            engine.handle(now, input.clone());
            engine.effects();
        }
        // Time goes on after the last thing that happened; what never comes is seen at its deadline.
        now = pass_time(&mut engine, self.started, now, u64::MAX);
        if !engine.finished() {
            engine.handle(now, Input::Interrupt);
        }
        engine.outcome()
    }
}

/// Lets time pass until `until`, stopping wherever the engine wants to; the time it is then.
pub(crate) fn pass_time(engine: &mut Engine, started: Stamp, mut now: Stamp, until: u64) -> Stamp {
    for _ in 0..MAX_TICKS {
        let Some(due) = engine.deadline().filter(|due| *due < until && !engine.finished()) else { break };
        now = later(started, due.max(now.mono_ns));
        engine.handle(now, Input::Tick);
        engine.effects();
    }
    now
}

/// The stamp of a time of the run.
pub(super) fn later(started: Stamp, mono_ns: u64) -> Stamp {
    if mono_ns >= started.mono_ns {
        return started.plus(Duration::from_nanos(mono_ns - started.mono_ns));
    }
    // What came before the test case began was still waiting to be read.
    let before = jiff::SignedDuration::from_nanos(i64::try_from(started.mono_ns - mono_ns).unwrap_or(i64::MAX));
    Stamp { mono_ns, wall: started.wall.checked_sub(before).unwrap_or(started.wall) }
}
