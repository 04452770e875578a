//! What lies ahead of an early message, looked at before any step is made a node: most messages meet a barrier first, or nothing that
//! is about their action.

use std::sync::Arc;

use super::{MAX_DEPTH, Matched, Node, activation::scope_of};
use crate::{
    engine::{Scope, world::World},
    protocol::{semantics::Semantics, session::Call},
    template::Lookup,
    testcase::{
        model::{Expect, Step},
        walk::Order,
    },
};

/// What an early message meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ahead {
    /// No step there takes it.
    Untaken(Matched),
    /// A step is about its action: the nodes must see.
    Perhaps,
}

const PASSED: Ahead = Ahead::Untaken(Matched::Passed);
const BARRIER: Ahead = Ahead::Untaken(Matched::Barrier);

/// Looks at a step whose turn has not come, and into it. It says what [`Node::offer_ahead`](super::Node::offer_ahead) would.
pub(super) fn look(step: &Step, scope: &Scope, depth: usize, call: &Call, world: &World) -> Ahead {
    if step.when.as_ref().is_some_and(|when| when.holds(&world.names(scope)) != Ok(true)) {
        return PASSED;
    }
    if step.is_barrier() {
        return BARRIER;
    }
    if let Some(expect) = step.expect() {
        return if is_patient(expect) {
            PASSED
        } else if is_for(expect, call, &world.names(scope), world.semantics()) {
            Ahead::Perhaps
        } else {
            Ahead::Untaken(passed_over(expect, world.semantics()))
        };
    }
    if let Some((state, with)) = step.run() {
        let Some(state) = world.state(state).filter(|_| depth <= MAX_DEPTH) else { return PASSED };
        // Only a look: errors in parameters are for when its turn has come.
        return match scope_of(&state, with, scope, world) {
            Ok(scope) => look_through(&state.steps, &scope, depth + 1, call, world),
            Err(_) => PASSED,
        };
    }
    match step.group() {
        Some((Order::InTurn, steps)) => match look_through(steps, scope, depth + 1, call, world) {
            BARRIER if step.is_optional_group() => PASSED,
            other => other,
        },
        Some((Order::Any | Order::Choice, steps)) if mentions(steps, depth, call, world) => Ahead::Perhaps,
        _ => PASSED,
    }
}

fn look_through(steps: &[Arc<Step>], scope: &Scope, depth: usize, call: &Call, world: &World) -> Ahead {
    let mut found = steps.iter().map(|step| look(step, scope, depth, call, world));
    found.find(|found| *found != PASSED).unwrap_or(PASSED)
}

/// True when one of the steps, or one within them, is about the action of the message.
fn mentions(steps: &[Arc<Step>], depth: usize, call: &Call, world: &World) -> bool {
    steps.iter().any(|step| match (step.expect(), step.run()) {
        (Some(expect), _) => expect.action == call.action,
        (_, Some((state, _))) => {
            world.state(state).is_some_and(|state| depth > MAX_DEPTH || mentions(&state.steps, depth + 1, call, world))
        }
        _ => mentions(step.inner(), depth, call, world),
    })
}

/// True for an `expect` that takes nothing before its turn.
pub(super) fn is_patient(expect: &Expect) -> bool {
    expect.no_earlier_than.is_some() || expect.nothing_else_before.is_some()
}

/// True when the message is what the step waits for. What its checks and times speak of only later can't be claimed yet.
pub(super) fn is_for(expect: &Expect, call: &Call, names: &dyn Lookup, semantics: &dyn Semantics) -> bool {
    let numbers = || [&expect.within, &expect.any_time_since].into_iter().flatten();
    Node::wants(expect, call, names, semantics)
        && expect.checks.hold(&call.payload, names).is_ok()
        && numbers().all(|number| number.number(names).is_ok())
        && expect.optional.as_ref().is_none_or(|optional| optional.holds(names).is_ok())
}

/// What is said of a message that the step does not take.
pub(super) fn passed_over(expect: &Expect, semantics: &dyn Semantics) -> Matched {
    if semantics.begins_anew(&expect.action) && expect.optional.is_none() { Matched::Barrier } else { Matched::Passed }
}
