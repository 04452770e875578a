//! Which message answers which step.

use serde_json::Value;

use super::{
    Body, MAX_DEPTH, Matched, Node, Sequence, Status,
    activation::scope_of,
    ahead::{self, Ahead},
};
use crate::{
    engine::{Role, finding::Finding, world::World},
    protocol::{
        error_code::ErrorCode,
        semantics::Semantics,
        session::{Asked, Call},
    },
    testcase::{
        model::{Expect, StepKind},
        template::{Lookup, Over, Template},
        walk::Order,
    },
    verdict::Verdict,
    yaml::shorten,
};

impl Node {
    pub(super) fn offer(&mut self, call: &Call, world: &mut World) -> Matched {
        let step = self.step.clone();
        let offer = match (&step.kind, &mut self.body) {
            (StepKind::Expect(expect), _) => match self.offer_expect(expect, call, world) {
                Matched::Passed if self.touched && world.semantics().begins_anew(&expect.action) => Matched::Barrier,
                offer => offer,
            },
            (StepKind::Never { action, matches, .. }, _) if *action == call.action => {
                let comes = matches.hold(&call.payload, &world.names(&self.scope));
                if world.evaluated(comes, &step, &self.path) == Some(true) {
                    let mut finding = Finding::at(&step, &self.path, format!("{action} must not come here"));
                    finding.found = Some(world.summary(call));
                    finding.frame = Some(shorten(&call.text, 4000));
                    world.find(Verdict::Fail, finding);
                }
                Matched::Passed
            }
            (_, Body::Steps(steps)) => steps.offer(call, world),
            (_, Body::AnyOrder(nodes)) => {
                let mut offer = Matched::Passed;
                for node in nodes {
                    let result = match node.status {
                        Status::Active => node.offer(call, world),
                        Status::Fresh => node.offer_ahead(call, world),
                        _ => Matched::Passed,
                    };
                    if result == Matched::Consumed {
                        offer = Matched::Consumed;
                        break;
                    }
                }
                offer
            }
            (_, Body::OneOf(nodes, chosen)) => match chosen {
                Some(index) => nodes[*index].offer(call, world),
                None => {
                    // One that begins with the message goes before one in which it would be early.
                    let mut order: Vec<usize> = (0..nodes.len()).collect();
                    order.sort_by_key(|index| !nodes[*index].opens_with(call, world));
                    for index in order {
                        let node = &mut nodes[index];
                        if node.status == Status::Active && node.offer(call, world) == Matched::Consumed {
                            *chosen = Some(index);
                            break;
                        }
                    }
                    if chosen.is_some() { Matched::Consumed } else { Matched::Passed }
                }
            },
            _ => Matched::Passed,
        };
        if offer == Matched::Consumed {
            self.touched = true;
            world.taken_was_due &= !step.is_optional_group();
            self.take_up_inside(world);
        }
        offer
    }

    /// True when the message is the first thing that an alternative waits for.
    fn opens_with(&self, call: &Call, world: &World) -> bool {
        if self.status != Status::Active {
            return false;
        }
        match (self.step.expect(), &self.body) {
            (Some(expect), _) => Self::wants(expect, call, &world.names(&self.scope), world.semantics()),
            (_, Body::Steps(Sequence { nodes, .. }) | Body::AnyOrder(nodes) | Body::OneOf(nodes, _)) => {
                nodes.iter().any(|node| node.opens_with(call, world))
            }
            _ => false,
        }
    }

    pub(super) fn linger(&mut self, call: &Call, world: &mut World) -> bool {
        let nodes: &mut [Node] = match &mut self.body {
            Body::Steps(steps) => &mut steps.nodes,
            Body::AnyOrder(nodes) => nodes,
            Body::OneOf(nodes, Some(index)) => std::slice::from_mut(&mut nodes[*index]),
            _ => return false,
        };
        nodes.iter_mut().any(|node| {
            let open = node.status == Status::Active && !node.touched;
            // A longer optional part would have to be finished, which nobody waits for any more.
            let short = node.step.expect().is_some() || (node.step.is_optional_group() && node.step.inner().len() == 1);
            (open && short && node.offer(call, world) == Matched::Consumed) || node.linger(call, world)
        })
    }

    /// Offers a message before the step's turn has come.
    pub(super) fn offer_ahead(&mut self, call: &Call, world: &mut World) -> Matched {
        let step = self.step.clone();
        if let Some(expect) = step.expect() {
            return self.offer_expect_ahead(expect, call, world);
        }
        if !matches!(self.body, Body::Steps(_)) {
            if let Ahead::Untaken(offer) = ahead::look(&step, &self.scope, self.depth, call, world) {
                return offer;
            }
        }
        // What can't be said yet can't be claimed yet either.
        if step.when.as_ref().is_some_and(|when| when.holds(&world.names(&self.scope)) != Ok(true)) {
            return Matched::Passed;
        }
        if let Some((state, with)) = step.run() {
            if !matches!(self.body, Body::Steps(_)) {
                // Only a look: errors in parameters are for when its turn has come.
                let Some(state) = world.state(state).filter(|_| self.depth <= MAX_DEPTH) else {
                    return Matched::Passed;
                };
                let Ok(scope) = scope_of(&state, with, &self.scope, world) else { return Matched::Passed };
                let steps = Sequence::new(&state.steps, &scope, &self.path, self.depth + 1);
                self.body = Body::Steps(steps);
            }
            return self.offer_ahead_inside(call, world);
        }
        match step.group() {
            Some((Order::InTurn, steps)) => {
                if !matches!(self.body, Body::Steps(_)) {
                    self.body = Body::Steps(Sequence::new(steps, &self.scope, &self.path, self.depth + 1));
                }
                let offer = self.offer_ahead_inside(call, world);
                world.taken_was_due &= !step.is_optional_group();
                match offer {
                    Matched::Barrier if step.is_optional_group() => Matched::Passed,
                    offer => offer,
                }
            }
            Some((order @ (Order::Any | Order::Choice), steps)) => {
                let mut nodes = match &step.kind {
                    StepKind::ForEach { items, item, .. } => {
                        let Ok(items) = items.evaluate(&world.names(&self.scope)) else { return Matched::Passed };
                        let Body::AnyOrder(nodes) = self.for_each(&items, item, steps, false) else {
                            return Matched::Passed;
                        };
                        nodes
                    }
                    _ => Sequence::new(steps, &self.scope, &self.path, self.depth + 1).nodes,
                };
                let taken = nodes.iter_mut().position(|node| node.offer_ahead(call, world) == Matched::Consumed);
                let Some(index) = taken else { return Matched::Passed };
                self.body = match order {
                    Order::Choice => Body::OneOf(nodes, Some(index)),
                    _ => Body::AnyOrder(nodes),
                };
                if self.enter(world) {
                    self.touched = true;
                }
                Matched::Consumed
            }
            _ => Matched::Passed,
        }
    }

    fn offer_expect_ahead(&mut self, expect: &Expect, call: &Call, world: &mut World) -> Matched {
        let step = self.step.clone();
        if step.when.as_ref().is_some_and(|when| when.holds(&world.names(&self.scope)) != Ok(true)) {
            return Matched::Passed;
        }
        if ahead::is_patient(expect) {
            return Matched::Passed;
        }
        if ahead::is_for(expect, call, &world.names(&self.scope), world.semantics()) {
            // An earlier message may be what `any-time-since` wants; this one is still to be taken.
            world.offered = Some(call.input);
            let entered = self.enter(world);
            world.offered = None;
            if entered && self.status == Status::Active {
                return self.offer_expect(expect, call, world);
            }
        }
        ahead::passed_over(expect, world.semantics())
    }

    pub(super) fn offer_ahead_inside(&mut self, call: &Call, world: &mut World) -> Matched {
        let Body::Steps(steps) = &mut self.body else { return Matched::Passed };
        let offer = steps.offer_ahead(0, call, world);
        if offer == Matched::Consumed {
            self.enter(world);
            self.touched = true;
        } else if steps.untouched() {
            self.body = Body::None;
        }
        offer
    }

    pub(super) fn wants(expect: &Expect, call: &Call, names: &dyn Lookup, semantics: &dyn Semantics) -> bool {
        if expect.action != call.action {
            return false;
        }
        // Periodic events are background unless a step asks for them by their reason.
        if semantics.is_periodic(call, &|member| expect.matches.mentions(member)) {
            return false;
        }
        expect.matches.hold(&call.payload, names) == Ok(true)
    }

    pub(super) fn offer_expect(&mut self, expect: &Expect, call: &Call, world: &mut World) -> Matched {
        let names = world.names(&self.scope);
        if !Self::wants(expect, call, &names, world.semantics()) {
            let alone = expect.nothing_else_before.as_ref();
            if let Some(requirements) = alone.filter(|_| self.status == Status::Active && self.touched) {
                let message = format!("{} came before {}", world.summary(call), expect.action);
                let mut finding = Finding::at(&self.step, &self.path, message).of(requirements.broken(&names));
                finding.expected = Some(format!("no other message before {}", expect.action));
                finding.found = Some(world.summary(call));
                finding.frame = Some(shorten(&call.text, 4000));
                world.find(Verdict::Fail, finding);
            }
            return Matched::Passed;
        }
        self.claim(expect, call, true, world);
        Matched::Consumed
    }

    /// A message of the past will do.
    pub(super) fn claim_earlier(&mut self, expect: &Expect, since: f64, world: &mut World) {
        let names = world.names(&self.scope);
        let is_wanted =
            |call: &&Call| world.offered != Some(call.input) && Self::wants(expect, call, &names, world.semantics());
        let earlier = world.received_since(since).find(is_wanted).cloned();
        if let Some(call) = earlier {
            self.claim(expect, &call, false, world);
        }
    }

    pub(super) fn claim(&mut self, expect: &Expect, call: &Call, answer: bool, world: &mut World) {
        let step = self.step.clone();
        self.touched = true;
        world.taken_was_due = expect.optional.is_none();
        world.takes(call.input, &step, &self.path, Role::Call);
        if let Some(bound) = &expect.no_earlier_than {
            let names = world.names(&self.scope);
            let requirements = bound.requirements.broken(&names);
            let bound = bound.is.number(&names);
            let Some(bound) = world.evaluated(bound, &step, &self.path) else { return };
            let at = call.at.seconds();
            if at < bound {
                let message = format!("{} came too early", call.action);
                let mut finding = Finding::at(&step, &self.path, message).of(requirements);
                finding.expected = Some(format!("not before {bound:.3} s of the run"));
                finding.found = Some(format!("at {at:.3} s, {:.3} s too early", bound - at));
                finding.frame = Some(shorten(&call.text, 4000));
                finding.waited_s = Some(call.at.seconds_since(&self.reached));
                world.find(Verdict::Fail, finding);
            }
        }
        match expect.checks.mismatches(&call.payload, &world.names(&self.scope)) {
            Err(error) => {
                world.evaluated::<()>(Err(error), &step, &self.path);
            }
            Ok(found) => {
                if !found.is_empty() {
                    let mut finding = Finding::at(&step, &self.path, &call.action).mismatches(&found, &call.text);
                    finding.waited_s = Some(call.at.seconds_since(&self.reached));
                    world.find(Verdict::Fail, finding);
                }
            }
        }
        let mut saved = call.payload.clone();
        if let Value::Object(members) = &mut saved {
            members.insert("at".into(), call.at.seconds().into());
            members.insert("place".into(), call.input.into());
        }
        if answer {
            let Some((refused, silent)) = self.withheld(expect, world) else { return };
            world.withheld |= world.semantics().comes_again(&call.action) && (refused.is_some() || silent);
            if let Some(code) = refused {
                world.refuse(call.conn, &call.id, code.as_str(), "as the test case demands");
            } else if silent {
                // The SUT is left without an answer.
            } else if let Some(reply) = &expect.reply {
                let payload = reply.evaluate(&Over::one("message", &saved, &world.names(&self.scope)));
                let Some(payload) = world.evaluated(payload, &step, &self.path) else { return };
                let payload = world.complete_reply(call, payload);
                world.reply_made_of(call, payload, reply);
            } else {
                world.default_reply(call, Asked::ByStep);
            }
        }
        self.save(saved, world);
        if let Some(name) = &step.saved_as {
            world.comes_from_call(name, call);
        }
        self.finish(world, Status::Done, "done");
    }

    /// The CALLERROR that stands for an answer, and whether there is none at all.
    fn withheld(&self, expect: &Expect, world: &mut World) -> Option<(Option<ErrorCode>, bool)> {
        let mut holds = |condition: Option<&Template>, otherwise: bool| match condition {
            None => Some(otherwise),
            Some(condition) => {
                let holds = condition.holds(&world.names(&self.scope));
                world.evaluated(holds, &self.step, &self.path)
            }
        };
        let refused = match &expect.reply_error {
            Some(refusal) => holds(refusal.when.as_ref(), true)?.then_some(refusal.code),
            None => None,
        };
        Some((refused, holds(expect.no_reply.as_ref(), false)?))
    }
}
