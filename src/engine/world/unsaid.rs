//! Manual actions whose effect is there before the operator says that they are done.

use super::World;
use crate::{
    clock::Stamp,
    engine::finding::Finding,
    manual_action::{ActionOutcome, actions::ActionInfo},
    verdict::Verdict,
};

/// A manual action that was seen to be done.
#[derive(Debug, Clone)]
pub(crate) struct Unsaid {
    /// The number under which it was asked for.
    pub(crate) id: u32,
    pub(crate) action: &'static ActionInfo,
    /// The test goes on without it where it is not possible.
    pub(crate) optional: bool,
    /// A finding at its step.
    pub(crate) at: Finding,
}

/// What an operator's word on an action means for the verdict; `None`: it is done.
pub(crate) fn outcome_of(outcome: ActionOutcome, action: &ActionInfo, optional: bool) -> Option<(Verdict, String)> {
    match outcome {
        ActionOutcome::Done => None,
        ActionOutcome::NotPossible(_) if optional => None,
        ActionOutcome::NotPossible(reason) => {
            Some((Verdict::Inconclusive, format!("the manual action is not possible here: {reason}")))
        }
        ActionOutcome::Denied(reason) if action.is_question() => {
            Some((Verdict::Fail, format!("the operator's answer to the question is no: {reason}")))
        }
        // Nothing was asked that the SUT could be blamed for.
        ActionOutcome::Denied(reason) => {
            Some((Verdict::Error, format!("the operator answered no to an action that is not a question: {reason}")))
        }
        ActionOutcome::Failed(reason) => Some((Verdict::Error, format!("the operator failed: {reason}"))),
    }
}

impl World {
    /// Takes what the operator says of an action that was seen to be done. Any other answer is handed back.
    pub(crate) fn said_at_last(&mut self, id: u32, outcome: ActionOutcome) -> Option<ActionOutcome> {
        let Some(unsaid) = self.unsaid.take_if(|unsaid| unsaid.id == id) else { return Some(outcome) };
        self.said_at = Some(self.now);
        if let Some((verdict, message)) = outcome_of(outcome, unsaid.action, unsaid.optional) {
            self.not_acted(unsaid.action.name);
            self.find(verdict, Finding { message, ..unsaid.at });
        }
        None
    }

    /// When a step gives up that was reached then and waits until a time. Whoever is still busy, with the other half of an action say,
    /// is not too slow for it: the time counts from when it is said to be done.
    pub(crate) fn gives_up(&self, reached: Stamp, until: u64) -> Option<u64> {
        if self.unsaid.is_some() {
            return None;
        }
        let said = self.said_at.filter(|said| said.mono_ns > reached.mono_ns);
        let later = said.map_or(0, |said| said.mono_ns - reached.mono_ns);
        Some(until.saturating_add(later))
    }
}
