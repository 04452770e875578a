//! What lies ahead of an early message, looked at before any step is made a node: most messages meet a barrier first, or nothing that
//! is about their action. And what such messages have begun goes on before its turn: the rounds of a `repeat`.

use std::sync::Arc;

use super::{Body, MAX_DEPTH, Matched, Node, Sequence, Status, activation::scope_of};
use crate::{
    engine::{Scope, world::World},
    protocol::{semantics::Semantics, session::Call},
    template::Lookup,
    testcase::{
        model::{Expect, Step, StepKind},
        template::Template,
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

impl Node {
    /// Messages were taken before the step's turn. What repeats there begins its next round, so that it can take this one, too; or it is over,
    /// for by now the world has learnt what they say.
    pub(super) fn go_on_ahead(&mut self, world: &mut World) {
        if self.status != Status::Active || !self.touched {
            return;
        }
        if let StepKind::Repeat { steps, until } = &self.step.clone().kind {
            return self.next_round_ahead(steps, until, world);
        }
        match &mut self.body {
            Body::Steps(Sequence { nodes, .. }) | Body::AnyOrder(nodes) => {
                for node in nodes {
                    node.go_on_ahead(world);
                }
            }
            Body::OneOf(nodes, Some(index)) => nodes[*index].go_on_ahead(world),
            _ => {}
        }
    }

    fn next_round_ahead(&mut self, steps: &[Arc<Step>], until: &Template, world: &mut World) {
        let Body::Steps(round) = &mut self.body else { return };
        if !round.is_over_ahead(world) {
            return;
        }
        match until.holds(&world.names(&self.scope)) {
            Ok(true) => self.finish(world, Status::Done, "done"),
            Ok(false) => self.body = Body::Steps(Sequence::new(steps, &self.scope, &self.path, self.depth + 1)),
            // It can be said when its turn has come.
            Err(_) => {}
        }
    }

    /// True for a `let` that can be evaluated already.
    fn keeps_what_is_known(&self, world: &World) -> bool {
        let StepKind::Set(values) = &self.step.kind else { return false };
        values.iter().all(|(_, value)| value.evaluate(&world.names(&self.scope)).is_ok())
    }
}

impl Sequence {
    /// Goes on as far as nothing has to be waited for, done or judged; true when nothing is left.
    fn is_over_ahead(&mut self, world: &mut World) -> bool {
        while let Some(node) = self.nodes.get_mut(self.cursor) {
            let over = match node.status {
                Status::Done | Status::Skipped => true,
                Status::Active => false,
                Status::Fresh => {
                    let begins = node.step.when.as_ref().map_or(Ok(true), |when| when.holds(&world.names(&node.scope)));
                    match begins {
                        Ok(false) => node.advance(world),
                        Ok(true) => node.keeps_what_is_known(world) && node.advance(world),
                        Err(_) => false,
                    }
                }
            };
            if !over {
                return false;
            }
            self.cursor += 1;
        }
        true
    }
}
