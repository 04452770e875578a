//! What other modules ask of steps: those within them, the message that they are about, what they run. They ask here instead of matching
//! every kind, so that a new kind of step is known in one place.

use std::sync::Arc;

use super::{
    matcher::{Checks, Matcher, Path},
    model::{Connection, Expect, Send, Step, StepKind},
    service::ServiceInfo,
    template::Template,
};
use crate::manual_action::actions::ActionInfo;

/// Parameters by name, as `with:` gives them.
pub type Parameters = [(String, Template)];

/// The message that a step is about.
#[derive(Debug, Clone, Copy)]
pub struct Message<'s> {
    /// The action.
    pub action: &'s str,
    /// True for the request, false for the answer to ours.
    pub request: bool,
    /// Which of them it is; nothing where it is an answer.
    pub matches: Option<&'s Checks>,
    /// What must hold of it.
    pub checks: &'s Checks,
}

impl<'s> Message<'s> {
    /// All that is demanded of it, which it is before what must hold.
    pub fn demands(self) -> impl Iterator<Item = &'s (Path, Matcher)> {
        self.matches.into_iter().chain([self.checks]).flat_map(|checks| &checks.entries)
    }
}

/// How the steps within a step follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// One after the other.
    InTurn,
    /// All of them for each element of a list, one after the other.
    EachInTurn,
    /// In any order: all of them, or for each element of a list.
    Any,
    /// The first that the SUT takes up.
    Choice,
}

impl Step {
    /// The steps within it.
    pub fn inner(&self) -> &[Arc<Step>] {
        self.group().map(|(_, inner)| inner).unwrap_or_default()
    }

    /// The steps within it, with their order; `None` where it holds none. What a state holds is not within the step that runs it.
    pub fn group(&self) -> Option<(Order, &[Arc<Step>])> {
        match &self.kind {
            StepKind::Optional(inner) | StepKind::Group(inner) | StepKind::Repeat { steps: inner, .. } => {
                Some((Order::InTurn, inner.as_slice()))
            }
            StepKind::ForEach { steps: inner, in_order, .. } => {
                Some((if *in_order { Order::EachInTurn } else { Order::Any }, inner.as_slice()))
            }
            StepKind::AnyOrder(inner) => Some((Order::Any, inner.as_slice())),
            StepKind::OneOf(inner) => Some((Order::Choice, inner.as_slice())),
            _ => None,
        }
    }

    /// Calls `see` with this step and all within it, the outer before the inner.
    pub fn walk<'s>(&'s self, see: &mut impl FnMut(&'s Step)) {
        see(self);
        for inner in self.inner() {
            inner.walk(see);
        }
    }

    /// The CALL that the SUT must send.
    pub fn expect(&self) -> Option<&Expect> {
        match &self.kind {
            StepKind::Expect(expect) => Some(expect),
            _ => None,
        }
    }

    /// True for a step that waits for messages of the SUT alone: an `expect`, or several that may come in any order.
    pub fn awaits_a_call(&self) -> bool {
        match &self.kind {
            StepKind::Expect(_) => true,
            StepKind::AnyOrder(steps) | StepKind::OneOf(steps) => {
                steps.iter().all(|step| step.awaits_a_call() || step.run().is_some())
            }
            _ => false,
        }
    }

    /// The CALL that we send.
    pub fn send(&self) -> Option<&Send> {
        match &self.kind {
            StepKind::Send(send) => Some(send),
            _ => None,
        }
    }

    /// The state or procedure that it runs, with its parameters.
    pub fn run(&self) -> Option<(&str, &Parameters)> {
        match &self.kind {
            StepKind::Run { state, with } => Some((state.as_str(), with.as_slice())),
            _ => None,
        }
    }

    /// What it does with the connection.
    pub fn connection(&self) -> Option<&Connection> {
        match &self.kind {
            StepKind::Connection(connection) => Some(connection),
            _ => None,
        }
    }

    /// The condition that must hold.
    pub fn condition(&self) -> Option<&Template> {
        match &self.kind {
            StepKind::Assert { condition, .. } => Some(condition),
            _ => None,
        }
    }

    /// The CALL that must not come: its action, and which of them.
    pub fn forbids(&self) -> Option<(&str, &Checks)> {
        match &self.kind {
            StepKind::Never { action, matches, .. } => Some((action.as_str(), matches)),
            _ => None,
        }
    }

    /// The manual action that it asks for.
    pub fn manual_action(&self) -> Option<&'static ActionInfo> {
        match &self.kind {
            StepKind::Operator { action, .. } => Some(*action),
            _ => None,
        }
    }

    /// The service that it uses.
    pub fn service(&self) -> Option<&'static ServiceInfo> {
        match &self.kind {
            StepKind::Service { service, .. } => Some(*service),
            _ => None,
        }
    }

    /// The message of the SUT that it waits for and checks: a CALL, or the answer to ours.
    pub fn message(&self) -> Option<Message<'_>> {
        match &self.kind {
            StepKind::Expect(Expect { action, matches, checks, .. }) => {
                Some(Message { action, request: true, matches: Some(matches), checks })
            }
            StepKind::Send(Send { action, checks, .. }) => {
                Some(Message { action, request: false, matches: None, checks })
            }
            _ => None,
        }
    }

    /// The group that passes over what it has not begun.
    pub fn is_optional_group(&self) -> bool {
        matches!(self.kind, StepKind::Optional(_))
    }

    /// True when a later message must not be taken as an answer to a step beyond this one.
    pub fn is_barrier(&self) -> bool {
        matches!(
            self.kind,
            StepKind::Operator { .. }
                | StepKind::Wait(_)
                | StepKind::Settle { .. }
                | StepKind::Connection(_)
                | StepKind::Send(_)
                | StepKind::Never { .. }
        )
    }
}
