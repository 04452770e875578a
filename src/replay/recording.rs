//! What an engine was told, in memory.

use std::time::Duration;

use crate::{
    clock::Stamp,
    engine::{Engine, Input, Outcome, Setup},
};

/// Most ticks between two inputs; an engine that needs more makes no progress.
const MAX_TICKS: usize = 1000;

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
}

impl Recording {
    /// Judges the recording again, without link, operator or services.
    pub fn judge(&self) -> Outcome {
        let mut engine = Engine::new(self.setup.clone(), self.started);
        let mut now = self.started;
        for (at, input) in &self.inputs {
            for _ in 0..MAX_TICKS {
                let Some(due) = engine.deadline().filter(|due| *due < at.mono_ns && !engine.finished()) else { break };
                now = later(self.started, due.max(now.mono_ns));
                engine.handle(now, Input::Tick);
                engine.effects();
            }
            if engine.finished() {
                break;
            }
            now = *at;
            engine.handle(now, input.clone());
            engine.effects();
        }
        // Time goes on after the last thing that happened; what never comes is seen at its deadline.
        for _ in 0..MAX_TICKS {
            let Some(due) = engine.deadline().filter(|_| !engine.finished()) else { break };
            now = later(self.started, due.max(now.mono_ns));
            engine.handle(now, Input::Tick);
            engine.effects();
        }
        if !engine.finished() {
            engine.handle(now, Input::Interrupt);
        }
        engine.outcome()
    }
}

fn later(started: Stamp, mono_ns: u64) -> Stamp {
    started.plus(Duration::from_nanos(mono_ns.saturating_sub(started.mono_ns)))
}
