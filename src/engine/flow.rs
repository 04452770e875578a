//! Steps at work. Each step is a node; a message is offered to the nodes, and the first that wants it takes it.
//!
//! A message that comes while an earlier step is under way may satisfy a later `expect` of the same stretch, so a
//! sequence also offers it ahead, up to the next step that ends the stretch. An untouched `optional` is passed over,
//! but stays open for messages; once touched, it must be finished.

mod look;
mod offers;
mod work;

use std::sync::Arc;

use serde_json::{Map, Value};

use super::{
    Effect, Phase, Role, Scope, connection, responder,
    world::{Call, Finding, World},
};
use crate::{
    clock::Stamp,
    operator::{ManualAction, actions},
    testcase::{
        model::{State, Step, StepKind},
        template::{Template, TemplateError, Values},
    },
    verdict::{StepRecord, Verdict},
    yaml::shorten,
};

/// What became of an offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Offer {
    Taken,
    Passed,
    /// Not taken, and nothing further ahead may take it either.
    Boundary,
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
    Expect { until: u64 },
    Send { id: Option<String>, until: u64 },
    Operator(u32),
    Service(u32),
    Until(u64),
    Settle(u64),
    Connection(connection::Waiting),
}

/// Deepest nesting of states and groups.
const MAX_DEPTH: usize = 40;

pub(crate) fn nanos(seconds: f64) -> u64 {
    std::time::Duration::try_from_secs_f64(seconds.max(0.0))
        .map_or(u64::MAX / 4, |duration| u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX / 4))
}

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

    pub(crate) fn offer(&mut self, call: &Call, world: &mut World) -> Offer {
        for index in 0..self.cursor.min(self.nodes.len()) {
            let node = &mut self.nodes[index];
            if node.status == Status::Active && node.offer(call, world) == Offer::Taken {
                return Offer::Taken;
            }
        }
        let offer = self.offer_in_turn(call, world);
        // What was optional in a part that is over may still be on its way.
        if offer != Offer::Taken && self.linger(call, world) {
            return Offer::Taken;
        }
        offer
    }

    /// Offers a message to optional steps of parts that are over.
    fn linger(&mut self, call: &Call, world: &mut World) -> bool {
        let over = self.cursor.min(self.nodes.len());
        self.nodes[..over].iter_mut().any(|node| node.linger(call, world))
    }

    fn offer_in_turn(&mut self, call: &Call, world: &mut World) -> Offer {
        let mut ahead = self.cursor;
        let anticipated = world.anticipated.clone();
        if let Some(node) = self.nodes.get_mut(self.cursor).filter(|node| node.status == Status::Active) {
            match node.offer(call, world) {
                Offer::Passed => ahead += 1,
                other => return other,
            }
            node.anticipate(world);
        }
        let offer = self.offer_ahead(ahead, call, world);
        world.anticipated = anticipated;
        offer
    }

    fn offer_ahead(&mut self, from: usize, call: &Call, world: &mut World) -> Offer {
        for node in self.nodes.iter_mut().skip(from) {
            let offer = match node.status {
                Status::Fresh => node.offer_ahead(call, world),
                // Begun ahead of its turn by an earlier message.
                Status::Active => node.offer(call, world),
                _ => Offer::Passed,
            };
            match offer {
                Offer::Passed => {}
                other => return other,
            }
        }
        Offer::Passed
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
            StepKind::Operator { optional, .. } => self.operating(*optional, world),
            StepKind::Service { .. } => self.serving(world),
            StepKind::Wait(_) => matches!(self.body, Body::Until(until) if world.now.mono_ns >= until),
            StepKind::Never { .. } => matches!(self.body, Body::Until(until) if world.now.mono_ns >= until),
            StepKind::Settle(_) => {
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
            StepKind::Set(_) | StepKind::Assert { .. } => true,
        };
        if done {
            self.finish(world, Status::Done, "done");
        }
        done
    }

    /// A message may be quicker than the person who caused it: what a state under way leads to already holds for the steps
    /// behind it, as far as it can be said yet.
    fn anticipate(&self, world: &mut World) {
        let StepKind::Run { state, .. } = &self.step.kind else { return };
        if let Some(Ok((evse, facts))) = self.reached(state, world) {
            world.anticipated.entry(evse).or_default().extend(facts);
        }
    }

    /// Reaches the step: conditions, deadlines, and what it does at once. False when it failed at that.
    fn enter(&mut self, world: &mut World) -> bool {
        let step = self.step.clone();
        self.reached = world.now;
        if self.depth > MAX_DEPTH {
            world.find(Verdict::Error, Finding::at(&step, &self.path, "states are nested too deeply"));
            return false;
        }
        if let Some(when) = &step.when {
            let holds = when.holds(&world.names(&self.scope));
            match world.own_error(holds, &step, &self.path) {
                None => return false,
                Some(false) => {
                    self.status = Status::Skipped;
                    self.finish(world, Status::Skipped, "skipped");
                    return true;
                }
                Some(true) => {}
            }
        }
        self.status = Status::Active;
        world.proves(&self.path, &step.requirements);
        world.effects.push(Effect::Step(self.path.clone()));
        self.record = Some(world.steps.len());
        world.steps.push(StepRecord {
            phase: world.phase.word().to_owned(),
            step: self.path.clone(),
            depth: self.depth,
            started_s: world.now.seconds(),
            ended_s: world.now.seconds(),
            outcome: "failed".into(),
        });
        self.begin(&step, world).is_some()
    }

    fn begin(&mut self, step: &Step, world: &mut World) -> Option<()> {
        match &step.kind {
            StepKind::Expect(expect) => {
                let within = self.within(expect.within.as_ref(), world, "message_timeout", 30.0)?;
                if let Some(optional) = &expect.optional {
                    let holds = optional.holds(&world.names(&self.scope));
                    // An optional expect behaves like `optional:` around it: passed over, but open.
                    self.touched = !world.own_error(holds, step, &self.path)?;
                } else {
                    self.touched = true;
                }
                self.body = Body::Expect { until: world.now.mono_ns.saturating_add(nanos(within)) };
                if let Some(since) = &expect.any_time_since {
                    let since = since.number(&world.names(&self.scope));
                    let since = world.own_error(since, step, &self.path)?;
                    self.claim_earlier(expect, since, world);
                }
            }
            StepKind::Send(send) => {
                self.touched = true;
                let within = self.within(send.within.as_ref(), world, "response_timeout", 30.0)?;
                self.body = Body::Send { id: None, until: world.now.mono_ns.saturating_add(nanos(within)) };
            }
            StepKind::Run { state, with } => {
                self.touched = true;
                if !matches!(self.body, Body::Steps(_)) {
                    self.body = Body::Steps(self.instantiate(state, with, world)?);
                }
            }
            StepKind::Group(steps) | StepKind::Optional(steps) | StepKind::Repeat { steps, .. } => {
                self.touched |= !matches!(step.kind, StepKind::Optional(_));
                if !matches!(self.body, Body::Steps(_)) {
                    self.body = Body::Steps(Sequence::new(steps, &self.scope, &self.path, self.depth + 1));
                }
                if let (StepKind::Optional(_), Body::Steps(inner)) = (&step.kind, &mut self.body) {
                    // Reach its first step, so that it can take messages; whether it is begun is seen from that.
                    if let Some(first) = inner.nodes.first_mut().filter(|first| first.status == Status::Fresh) {
                        first.enter_open(world);
                    }
                }
            }
            StepKind::AnyOrder(steps) => {
                self.touched = true;
                if !matches!(self.body, Body::AnyOrder(_)) {
                    let inner = Sequence::new(steps, &self.scope, &self.path, self.depth + 1);
                    self.body = Body::AnyOrder(inner.nodes);
                }
            }
            StepKind::ForEach { items, item, steps, in_order } => {
                self.touched = true;
                if !matches!(self.body, Body::AnyOrder(_) | Body::Steps(_)) {
                    let items = items.evaluate(&world.names(&self.scope));
                    let items = world.own_error(items, step, &self.path)?;
                    self.body = self.for_each(&items, item, steps, *in_order);
                }
            }
            StepKind::OneOf(steps) => {
                self.touched = true;
                if !matches!(self.body, Body::OneOf(..)) {
                    let inner = Sequence::new(steps, &self.scope, &self.path, self.depth + 1);
                    self.body = Body::OneOf(inner.nodes, None);
                }
                if let Body::OneOf(nodes, None) = &mut self.body {
                    for node in nodes.iter_mut().filter(|node| node.status == Status::Fresh) {
                        node.enter_open(world);
                    }
                    nodes.retain(|node| node.status != Status::Skipped);
                }
            }
            StepKind::Wait(seconds) | StepKind::Never { during: seconds, .. } => {
                self.touched = true;
                if matches!(step.kind, StepKind::Never { .. }) {
                    world.takes(world.input, &self.step, &self.path, Role::Condition);
                }
                let seconds = seconds.number(&world.names(&self.scope));
                let seconds = world.own_error(seconds, step, &self.path)?;
                self.body = Body::Until(world.now.mono_ns.saturating_add(nanos(seconds)));
            }
            StepKind::Settle(seconds) => {
                self.touched = true;
                let seconds = seconds.number(&world.names(&self.scope));
                self.body = Body::Settle(nanos(world.own_error(seconds, step, &self.path)?));
            }
            StepKind::Operator { action, with, .. } => {
                self.touched = true;
                let mut parameters = self.parameters(with, world)?;
                let to_send = parameters.get("action").and_then(Value::as_str).map(str::to_owned);
                if let (Some(action), Some(payload)) = (to_send, parameters.get_mut("payload")) {
                    // A CSMS that sends what it is given needs all of it; one that numbers for itself may do so.
                    responder::complete_request(world, &action, payload);
                }
                let names = parameters.clone();
                let prompt = actions::find(action).map_or("", |known| known.prompt);
                let prompt = Template::new(Value::String(prompt.to_owned())).evaluate(&names.clone().into());
                let prompt = match prompt {
                    Ok(Value::String(prompt)) => prompt,
                    _ => format!("{action} {}", Value::Object(names)),
                };
                world.acted(action, &parameters);
                if let Some(payload) = parameters.get("payload") {
                    world.hide_passwords(payload);
                }
                let id = world.fresh_id();
                self.body = Body::Operator(id);
                world.effects.push(Effect::Operator(id, ManualAction { action: action.clone(), parameters, prompt }));
            }
            StepKind::Service { service, with } => {
                self.touched = true;
                let parameters = self.parameters(with, world)?;
                let id = world.fresh_id();
                self.body = Body::Service(id);
                world.effects.push(Effect::Service(id, service.clone(), Value::Object(parameters)));
            }
            StepKind::Connection(connection) => {
                self.touched = true;
                let waiting = connection::begin(connection, self, world)?;
                self.body = Body::Connection(waiting);
            }
            StepKind::Set(values) => {
                for (name, template) in values {
                    let value = world.evaluate(template, &self.scope, step, &self.path)?;
                    world.keep(name, value);
                }
            }
            StepKind::Assert { condition, otherwise, inconclusive } => {
                world.takes(world.input, &self.step, &self.path, Role::Condition);
                let holds = condition.holds(&world.names(&self.scope));
                if !world.own_error(holds, step, &self.path)? {
                    let verdict = if *inconclusive { Verdict::Inconclusive } else { Verdict::Fail };
                    let message = otherwise.clone().unwrap_or_else(|| format!("`{}` does not hold", condition.text()));
                    let message = Template::new(Value::String(message.clone()))
                        .evaluate(&world.names(&self.scope))
                        .ok()
                        .and_then(|value| value.as_str().map(str::to_owned))
                        .unwrap_or(message);
                    let mut finding = Finding::at(step, &self.path, message);
                    finding.expected = Some(condition.text());
                    world.find(verdict, finding);
                    return None;
                }
            }
        }
        Some(())
    }

    fn for_each(&self, items: &Value, name: &str, steps: &[Arc<Step>], in_order: bool) -> Body {
        let group = Arc::new(Step {
            at: self.step.at,
            file: self.step.file.clone(),
            when: None,
            saved_as: None,
            requirements: self.step.requirements.clone(),
            kind: StepKind::Group(steps.to_vec()),
        });
        let items = items.as_array().map(Vec::as_slice).unwrap_or_default();
        let mut nodes = Vec::new();
        for item in items {
            let mut scope = (*self.scope).clone();
            scope.insert(name.to_owned(), item.clone());
            let scope = Arc::new(scope);
            let mut inner = Sequence::new(std::slice::from_ref(&group), &scope, &self.path, self.depth + 1);
            for mut node in inner.nodes.drain(..) {
                node.path = format!("{} > {name} {}", self.path, shorten(&item.to_string(), 60));
                nodes.push(node);
            }
        }
        if in_order { Body::Steps(Sequence { nodes, cursor: 0 }) } else { Body::AnyOrder(nodes) }
    }

    /// Reaches a step only to let it take messages: steps that act on their own are left alone.
    fn enter_open(&mut self, world: &mut World) {
        match &self.step.clone().kind {
            StepKind::Expect(_)
            | StepKind::AnyOrder(_)
            | StepKind::ForEach { in_order: false, .. }
            | StepKind::OneOf(_)
            | StepKind::Optional(_) => {
                self.enter(world);
                if matches!(self.step.kind, StepKind::Expect(_)) {
                    self.touched = false;
                }
                if let Body::AnyOrder(nodes) = &mut self.body {
                    for node in nodes.iter_mut().filter(|node| node.status == Status::Fresh) {
                        node.enter_open(world);
                    }
                    self.touched = false;
                }
                if matches!(self.body, Body::OneOf(..)) {
                    self.touched = false;
                }
            }
            StepKind::Run { .. } | StepKind::Group(_) => {
                if self.enter(world) && self.status == Status::Active {
                    self.touched = false;
                    if let Body::Steps(inner) = &mut self.body {
                        for node in &mut inner.nodes {
                            node.enter_open(world);
                            if node.status != Status::Skipped {
                                break;
                            }
                        }
                    }
                }
            }
            _ => {}
        }
    }

    /// When it is quiet enough: after so long without a message, or when waiting for that has no sense any more.
    fn settled_at(&self, quiet: u64, world: &World) -> u64 {
        let patience = quiet.saturating_mul(30);
        (world.last_activity.mono_ns.max(self.reached.mono_ns) + quiet)
            .min(self.reached.mono_ns.saturating_add(patience))
    }

    fn within(&mut self, template: Option<&Template>, world: &mut World, bench: &str, fallback: f64) -> Option<f64> {
        match template {
            None => Some(world.seconds(bench, fallback)),
            Some(template) => {
                let seconds = template.number(&world.names(&self.scope));
                world.own_error(seconds, &self.step, &self.path)
            }
        }
    }

    fn parameters(&self, with: &[(String, Template)], world: &mut World) -> Option<Map<String, Value>> {
        let mut parameters = Map::new();
        for (name, template) in with {
            let value = world.evaluate(template, &self.scope, &self.step, &self.path)?;
            if !value.is_null() {
                parameters.insert(name.clone(), value);
            }
        }
        Some(parameters)
    }

    fn instantiate(&self, name: &str, with: &[(String, Template)], world: &mut World) -> Option<Sequence> {
        let Some(state) = world.state(name) else {
            let finding = Finding::at(&self.step, &self.path, format!("there is no state `{name}`"));
            world.find(Verdict::Error, finding);
            return None;
        };
        let scope = self.scope_of(&state, with, world);
        let scope = world.own_error(scope, &self.step, &self.path)?;
        Some(Sequence::new(&state.steps, &Arc::new(scope), &self.path, self.depth + 1))
    }

    /// What the steps of a state see: the EVSE, the parameters that are given, and the defaults of the others.
    fn scope_of(&self, state: &State, with: &[(String, Template)], world: &World) -> Result<Values, TemplateError> {
        let mut scope: Values = Values::new();
        if let Some(evse) = self.scope.get("evse") {
            scope.insert("evse".into(), evse.clone());
        }
        let names = world.names(&self.scope);
        for (parameter, value) in with {
            scope.insert(parameter.clone(), value.evaluate(&names)?);
        }
        for (parameter, default) in &state.parameters {
            if !scope.contains_key(parameter) {
                let value = default.evaluate(&world.names(&Arc::new(scope.clone())))?;
                scope.insert(parameter.clone(), value);
            }
        }
        Ok(scope)
    }
}
