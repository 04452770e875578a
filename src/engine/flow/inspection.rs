//! Looking at steps from outside: deadlines, words for people, what was never reached.

use std::sync::Arc;

use super::{Body, Node, Sending, Sequence, Status, manual_action::Asked};
use crate::{
    clock::nanos,
    engine::{
        Phase, Scope,
        world::{Seen, World},
    },
    testcase::model::{Expect, Step},
    verdict::StepRecord,
};

impl Sequence {
    /// The step at a path, where it is under way, and the names that it sees.
    pub(crate) fn under_way<'w>(&'w self, path: &str, world: &'w World) -> Option<(Arc<Step>, Seen<'w>)> {
        self.nodes.iter().find_map(|node| node.under_way(path, world))
    }

    /// True when a step that is under way, or one behind it, waits for a message of this action.
    pub(crate) fn wants_action(&self, action: &str) -> bool {
        self.nodes.iter().any(|node| node.wants_action(action))
    }

    /// What would be right now, in words: which message, or that none is expected.
    pub(crate) fn wanted(&self, world: &World) -> String {
        self.nodes.get(self.cursor).map_or_else(|| NOTHING.to_owned(), |node| node.wanted(world))
    }
}

/// What would be right where no step waits for a message.
const NOTHING: &str = "no message that the test case does not ask for";

impl Node {
    /// True when the step, or one within it, waits for a message of this action, or will as far as can be seen by now.
    fn wants_action(&self, action: &str) -> bool {
        if matches!(self.status, Status::Done | Status::Skipped) {
            return false;
        }
        match &self.body {
            Body::Steps(steps) => steps.wants_action(action),
            Body::AnyOrder(nodes) | Body::OneOf(nodes, _) => nodes.iter().any(|node| node.wants_action(action)),
            _ => self.expects().is_some_and(|expect| expect.action == action),
        }
    }

    /// When an open, untouched step would have given up.
    pub(super) fn open_until(&self) -> Option<u64> {
        match &self.body {
            Body::Expect { until, .. } => Some(*until),
            Body::Steps(steps) => {
                steps.nodes.iter().find(|node| node.status == Status::Active).and_then(Node::open_until)
            }
            Body::AnyOrder(nodes) | Body::OneOf(nodes, _) => nodes.iter().filter_map(Node::open_until).max(),
            _ => None,
        }
    }

    pub(super) fn deadline(&self, world: &World) -> Option<u64> {
        if self.status != Status::Active {
            return None;
        }
        match &self.body {
            Body::Expect { until, .. } => world.gives_up(self.reached, *until).filter(|_| self.touched),
            // Its turn comes when the CALL before it is answered, or counts as unanswered.
            Body::Send(sending) if sending.id.is_none() && world.connected() => {
                world.turn().or_else(|| self.acts_at(world)).or(Some(sending.until))
            }
            Body::Send(Sending { until, .. }) | Body::Until(until) => Some(*until),
            Body::Operator(Asked::NotYet) => self.acts_at(world),
            Body::Settle(quiet) => Some(self.settled_at(*quiet, world)),
            Body::Connection(waiting) => {
                [waiting.until, self.acts_at(world).filter(|_| waiting.is_about_to_act())].into_iter().flatten().min()
            }
            Body::Steps(steps) => {
                if self.step.is_optional_group() && !self.touched {
                    return None;
                }
                steps.deadline(world)
            }
            Body::AnyOrder(nodes) => nodes.iter().filter_map(|node| node.deadline(world)).min(),
            Body::OneOf(nodes, Some(index)) => nodes.get(*index).and_then(|node| node.deadline(world)),
            Body::OneOf(nodes, None) => self.gives_up_choosing(nodes, world),
            Body::None | Body::Operator(Asked::For(_) | Asked::Seen(_)) | Body::Service(_) => None,
        }
    }

    /// When a choice none of whose alternatives has begun gives up: with the most patient of them.
    pub(super) fn gives_up_choosing(&self, nodes: &[Node], world: &World) -> Option<u64> {
        let until = nodes.iter().filter_map(Node::open_until).max();
        let fallback = || self.reached.mono_ns.saturating_add(nanos(world.seconds("message_timeout", 30.0)));
        world.gives_up(self.reached, until.unwrap_or_else(fallback))
    }

    /// When the step acts that is too early now.
    fn acts_at(&self, world: &World) -> Option<u64> {
        world.too_early(self.reached).then(|| world.pace.due(self.reached))
    }

    fn under_way<'w>(&'w self, path: &str, world: &'w World) -> Option<(Arc<Step>, Seen<'w>)> {
        if self.path == path {
            return (self.status == Status::Active).then(|| (self.step.clone(), world.names(&self.scope)));
        }
        match &self.body {
            Body::Steps(steps) => steps.under_way(path, world),
            Body::AnyOrder(nodes) | Body::OneOf(nodes, _) => nodes.iter().find_map(|node| node.under_way(path, world)),
            _ => None,
        }
    }

    /// The message that a step is about, where it is about one.
    pub(super) fn expects(&self) -> Option<&Expect> {
        self.step.expect()
    }

    /// The message that a step, or the first one within it, is about, and what is known there.
    pub(super) fn begins_with(&self) -> Option<(&Expect, &Scope)> {
        match &self.body {
            Body::Steps(steps) => steps.nodes.first().and_then(Node::begins_with),
            _ => Some((self.expects()?, &self.scope)),
        }
    }

    pub(super) fn waiting_for(&self) -> String {
        match &self.body {
            Body::Steps(steps) if self.status == Status::Active => {
                let inner = steps.nodes.get(steps.cursor).map_or_else(|| "its end".to_owned(), Node::waiting_for);
                if self.step.run().is_some() { format!("{} > {inner}", self.step.label()) } else { inner }
            }
            Body::AnyOrder(nodes) => {
                let open: Vec<String> = nodes
                    .iter()
                    .filter(|node| matches!(node.status, Status::Fresh | Status::Active))
                    .map(Node::waiting_for)
                    .collect();
                open.join(" & ")
            }
            Body::OneOf(nodes, chosen) => match chosen {
                Some(index) => nodes[*index].waiting_for(),
                None => nodes.iter().map(Node::waiting_for).collect::<Vec<_>>().join(" | "),
            },
            _ => self.step.label(),
        }
    }

    /// What would be right now, in words.
    fn wanted(&self, world: &World) -> String {
        let open = |nodes: &[Node]| {
            let open = nodes.iter().filter(|node| matches!(node.status, Status::Fresh | Status::Active));
            open.map(|node| node.wanted(world)).collect::<Vec<_>>()
        };
        match &self.body {
            Body::Steps(steps) if self.status == Status::Active => steps.wanted(world),
            Body::AnyOrder(nodes) => open(nodes).join("; and "),
            Body::OneOf(nodes, Some(index)) => nodes[*index].wanted(world),
            Body::OneOf(nodes, None) => open(nodes).join(" or "),
            _ => match (self.step.expect(), self.step.send(), self.step.run()) {
                (Some(expect), ..) if expect.matches.is_empty() => expect.action.clone(),
                (Some(expect), ..) => {
                    let matches = expect.matches.describe(Some(&world.names(&self.scope)));
                    format!("{} with {matches}", expect.action)
                }
                (_, Some(send), _) => format!("the answer to {}", send.action),
                (.., Some(_)) => self.step.label(),
                _ => NOTHING.to_owned(),
            },
        }
    }

    pub(super) fn close(&self, world: &mut World) {
        let inner: &[Node] = match &self.body {
            Body::Steps(steps) => &steps.nodes,
            Body::AnyOrder(nodes) | Body::OneOf(nodes, _) => nodes,
            _ => &[],
        };
        if let (Status::Active, Some(record)) = (self.status, self.record) {
            // Open and never touched: it was optional.
            if !self.touched {
                if let Some(record) = world.steps.get_mut(record) {
                    "skipped".clone_into(&mut record.outcome);
                }
            }
        } else if self.status == Status::Fresh && self.depth == 0 && world.phase != Phase::After {
            world.steps.push(StepRecord {
                phase: world.phase.word().to_owned(),
                step: self.path.clone(),
                depth: 0,
                started_s: world.now.seconds(),
                ended_s: world.now.seconds(),
                outcome: "not-reached".into(),
            });
        }
        for node in inner {
            node.close(world);
        }
    }
}
