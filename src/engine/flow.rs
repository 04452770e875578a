//! Steps at work. Each step is a node; a message is offered to the nodes, and the first that wants it takes it.
//!
//! A message that comes while an earlier step is under way may satisfy a later `expect` of the same segment, so a
//! sequence also offers it ahead, up to the next barrier. An untouched `optional` is passed over,
//! but stays open for messages; once touched, it must be finished.

mod activation;
mod ahead;
pub(super) mod connection;
mod inspection;
mod manual_action;
mod matching;
mod progress;

use std::sync::Arc;

use super::{Phase, Scope, world::World};
use crate::{
    clock::Stamp,
    protocol::session::Call,
    testcase::model::{Step, StepKind},
};

/// What became of a message that was offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Matched {
    Consumed,
    Passed,
    /// Not taken, and nothing further ahead may take it either.
    Barrier,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    Fresh,
    Active,
    Done,
    Skipped,
}

/// Steps one after the other.
#[derive(Debug, Clone)]
pub(crate) struct Sequence {
    nodes: Vec<Node>,
    cursor: usize,
}

#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) step: Arc<Step>,
    pub(crate) scope: Scope,
    pub(crate) path: String,
    depth: usize,
    status: Status,
    touched: bool,
    /// It was reached only to take messages: whether it is begun is not said yet.
    open: bool,
    pub(crate) reached: Stamp,
    record: Option<usize>,
    body: Body,
}

#[derive(Debug, Clone)]
enum Body {
    None,
    Steps(Sequence),
    AnyOrder(Vec<Node>),
    OneOf(Vec<Node>, Option<usize>),
    /// `since`: from when on a message will do that another step has taken.
    Expect {
        until: u64,
        since: Option<f64>,
    },
    Send(Sending),
    Operator(manual_action::Asked),
    Service(u32),
    Until(u64),
    Settle(u64),
    Connection(connection::Waiting),
}

/// A CALL of ours, before and after it is sent.
#[derive(Debug, Clone)]
struct Sending {
    id: Option<String>,
    /// The SUT was connected when the step was reached, as far as that was known.
    connected: bool,
    /// How long is waited: for a connection, and from when it is sent for the answer.
    within: u64,
    /// When it gives up, nanoseconds of the run.
    until: u64,
    /// When it was sent.
    at: Stamp,
}

/// Deepest nesting of states and groups.
const MAX_DEPTH: usize = 40;

impl Sequence {
    pub(crate) fn new(steps: &[Arc<Step>], scope: &Scope, parent: &str, depth: usize) -> Self {
        let nodes = steps
            .iter()
            .enumerate()
            .map(|(index, step)| {
                let own = format!("{} {}", index + 1, step.label());
                Node {
                    step: step.clone(),
                    scope: scope.clone(),
                    path: if parent.is_empty() { own } else { format!("{parent} > {own}") },
                    depth,
                    status: Status::Fresh,
                    touched: false,
                    open: false,
                    reached: Stamp { mono_ns: 0, wall: jiff::Timestamp::UNIX_EPOCH },
                    record: None,
                    body: Body::None,
                }
            })
            .collect();
        Self { nodes, cursor: 0 }
    }

    /// Goes as far as it can; true when it is done.
    pub(crate) fn advance(&mut self, world: &mut World) -> bool {
        loop {
            // What was begun out of turn must be finished before the next step.
            let mut held = false;
            for node in &mut self.nodes[..self.cursor] {
                if node.status == Status::Active && node.touched && !node.advance(world) {
                    held = true;
                }
                if world.decided() && world.phase != Phase::After {
                    return false;
                }
            }
            if held {
                return false;
            }
            let Some(node) = self.nodes.get_mut(self.cursor) else { return true };
            if !node.advance(world) {
                return false;
            }
            if world.decided() && world.phase != Phase::After {
                return false;
            }
            self.cursor += 1;
        }
    }

    /// Lets the step that is under way judge an answer that has come. Nothing is begun.
    pub(crate) fn judge(&mut self, world: &mut World) {
        let Some(node) = self.nodes.get_mut(self.cursor).filter(|node| node.status == Status::Active) else { return };
        let step = node.step.clone();
        match (step.send(), &mut node.body) {
            (_, Body::Steps(steps)) => steps.judge(world),
            (Some(send), Body::Send(Sending { id: Some(id), .. })) => {
                if let Some(answer) = world.call_answers.remove(id) {
                    node.answered(send, answer, world);
                }
            }
            _ => {}
        }
    }

    pub(crate) fn offer(&mut self, call: &Call, world: &mut World) -> Matched {
        for index in 0..self.cursor.min(self.nodes.len()) {
            let node = &mut self.nodes[index];
            if node.status == Status::Active && node.offer(call, world) == Matched::Consumed {
                return Matched::Consumed;
            }
        }
        let offer = self.offer_in_turn(call, world);
        // What was optional in a part that is over may still be on its way.
        if offer != Matched::Consumed && self.linger(call, world) {
            return Matched::Consumed;
        }
        offer
    }

    /// Offers a message to optional steps of parts that are over.
    fn linger(&mut self, call: &Call, world: &mut World) -> bool {
        let over = self.cursor.min(self.nodes.len());
        self.nodes[..over].iter_mut().any(|node| node.linger(call, world))
    }

    fn offer_in_turn(&mut self, call: &Call, world: &mut World) -> Matched {
        let mut ahead = self.cursor;
        let anticipated = world.anticipated.clone();
        if let Some(node) = self.nodes.get_mut(self.cursor).filter(|node| node.status == Status::Active) {
            match node.offer(call, world) {
                Matched::Passed => ahead += 1,
                other => return other,
            }
            node.anticipate(world);
        }
        for node in self.nodes.iter_mut().skip(ahead) {
            node.go_on_ahead(world);
        }
        let offer = self.offer_ahead(ahead, call, world);
        world.anticipated = anticipated;
        if offer == Matched::Consumed && world.taken_was_due {
            self.acted_visibly(world);
        }
        offer
    }

    fn offer_ahead(&mut self, from: usize, call: &Call, world: &mut World) -> Matched {
        for node in self.nodes.iter_mut().skip(from) {
            let offer = match node.status {
                Status::Fresh => node.offer_ahead(call, world),
                // Begun ahead of its turn by an earlier message.
                Status::Active => node.offer(call, world),
                _ => Matched::Passed,
            };
            match offer {
                Matched::Passed => {}
                other => return other,
            }
        }
        Matched::Passed
    }

    fn untouched(&self) -> bool {
        self.nodes.iter().all(|node| node.status == Status::Fresh || (node.status == Status::Active && !node.touched))
    }

    pub(crate) fn deadline(&self, world: &World) -> Option<u64> {
        let end = (self.cursor + 1).min(self.nodes.len());
        self.nodes[..end].iter().filter_map(|node| node.deadline(world)).min()
    }

    /// Goes as far as it can. What can't be tidied up is said, and left; the rest is tidied up all the same.
    pub(crate) fn tidy(&mut self, world: &mut World) -> bool {
        while let Some(node) = self.nodes.get_mut(self.cursor) {
            let complaints = world.complaints();
            if !node.advance(world) {
                if world.complaints() == complaints {
                    return false;
                }
                node.finish(world, Status::Skipped, "failed");
            }
            self.cursor += 1;
        }
        true
    }

    /// The step that is under way, the innermost where there is but one.
    pub(crate) fn current(&self) -> Option<&Node> {
        let mut node = self.nodes.get(self.cursor)?;
        while let Body::Steps(inner) = &node.body {
            let Some(next) = inner.nodes.get(inner.cursor) else { break };
            node = next;
        }
        Some(node)
    }

    /// What is waited for, for people.
    pub(crate) fn waiting_for(&self) -> String {
        self.nodes.get(self.cursor).map_or_else(|| "the end".to_owned(), Node::waiting_for)
    }

    /// Records what was never reached.
    pub(crate) fn close(&self, world: &mut World) {
        for node in &self.nodes {
            node.close(world);
        }
    }
}

impl Node {
    /// Goes as far as it can; true when the sequence may go on behind it.
    fn advance(&mut self, world: &mut World) -> bool {
        if self.status == Status::Fresh && !self.enter(world) {
            return world.decided() && world.phase == Phase::After;
        }
        if matches!(self.status, Status::Done | Status::Skipped) {
            return true;
        }
        let done = match &self.step.clone().kind {
            StepKind::Expect(expect) => self.expecting(expect, world),
            StepKind::Send(send) => self.sending(send, world),
            StepKind::Run { state, .. } => self.running(state, world),
            StepKind::Group(_) => match &mut self.body {
                Body::Steps(steps) => steps.advance(world),
                _ => true,
            },
            StepKind::Optional(_) => {
                let Body::Steps(steps) = &mut self.body else { return true };
                if steps.untouched() {
                    return true; // passed over, but open
                }
                self.touched = true;
                steps.advance(world)
            }
            StepKind::Repeat { steps, until } => self.repeating(steps, until, world),
            StepKind::ForEach { in_order: true, .. } => match &mut self.body {
                // What goes wrong with one of them leaves the others to be tidied up.
                Body::Steps(steps) if world.phase == Phase::After => steps.tidy(world),
                Body::Steps(steps) => steps.advance(world),
                _ => true,
            },
            StepKind::AnyOrder(_) | StepKind::ForEach { .. } => {
                let Body::AnyOrder(nodes) = &mut self.body else { return true };
                let mut all = true;
                for node in nodes.iter_mut() {
                    all &= node.advance(world);
                }
                // Optional parts are over once every other part is.
                all
            }
            StepKind::OneOf(_) => self.choosing(world),
            StepKind::Operator { action, with, optional } => self.operating(action, with, *optional, world),
            StepKind::Service { .. } => self.serving(world),
            StepKind::Wait(_) => matches!(self.body, Body::Until(until) if world.now.mono_ns >= until),
            StepKind::Never { .. } => matches!(self.body, Body::Until(until) if world.now.mono_ns >= until),
            StepKind::Settle { .. } => {
                matches!(self.body, Body::Settle(quiet) if world.now.mono_ns >= self.settled_at(quiet, world))
            }
            StepKind::Connection(connection) => {
                let connection = connection.clone();
                match std::mem::replace(&mut self.body, Body::None) {
                    Body::Connection(mut waiting) => {
                        let facts = connection::advance(&connection, &mut waiting, self, world);
                        self.body = Body::Connection(waiting);
                        if let Some(facts) = &facts {
                            self.save(facts.clone(), world);
                        }
                        facts.is_some()
                    }
                    other => {
                        self.body = other;
                        false
                    }
                }
            }
            StepKind::Set(_) | StepKind::Assert { .. } | StepKind::Remark(_) => true,
        };
        if done {
            self.finish(world, Status::Done, "done");
        }
        done
    }

    /// A message may be quicker than the person who caused it: what a state under way leads to already holds for the steps
    /// behind it, as far as it can be said yet.
    fn anticipate(&self, world: &mut World) {
        let Some((state, _)) = self.step.run() else { return };
        if let Some(Ok((evse, facts))) = self.reached(state, world) {
            world.anticipated.entry(evse).or_default().extend(facts);
        }
    }

    /// When it is quiet enough: after so long without a message, or when waiting for that has no sense any more.
    fn settled_at(&self, quiet: u64, world: &World) -> u64 {
        let patience = quiet.saturating_mul(30);
        (world.last_activity.mono_ns.max(self.reached.mono_ns) + quiet)
            .min(self.reached.mono_ns.saturating_add(patience))
    }
}
