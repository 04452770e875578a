//! Steps at work. Each step is a node; a message is offered to the nodes, and the first that wants it takes it.
//!
//! A message that comes while an earlier step is under way may satisfy a later `expect` of the same stretch, so a
//! sequence also offers it ahead, up to the next step that ends the stretch. An untouched `optional` is passed over,
//! but stays open for messages; once touched, it must be finished.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::{
    Effect, Phase, Scope, connection, responder,
    world::{Answer, Call, Finding, Reply, World},
};
use crate::{
    clock::Stamp,
    operator::{ActionOutcome, ManualAction, actions},
    testcase::{
        model::{Expect, Send, StateKind, Step, StepKind},
        template::{Names, Template},
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
#[derive(Debug)]
pub(crate) struct Sequence {
    nodes: Vec<Node>,
    cursor: usize,
}

#[derive(Debug)]
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

#[derive(Debug)]
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
        if let Some(node) = self.nodes.get_mut(self.cursor).filter(|node| node.status == Status::Active) {
            match node.offer(call, world) {
                Offer::Passed => ahead += 1,
                other => return other,
            }
        }
        self.offer_ahead(ahead, call, world)
    }

    fn offer_ahead(&mut self, from: usize, call: &Call, world: &mut World) -> Offer {
        for node in self.nodes.iter_mut().skip(from).filter(|node| node.status == Status::Fresh) {
            match node.offer_ahead(call, world) {
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

    /// Gives the current step up.
    pub(crate) fn skip_current(&mut self, world: &mut World) {
        for node in self.nodes.iter_mut().take(self.cursor + 1).filter(|node| node.status == Status::Active) {
            node.finish(world, Status::Skipped, "failed");
        }
        if let Some(node) = self.nodes.get_mut(self.cursor) {
            node.status = Status::Skipped;
        }
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
                matches!(self.body, Body::Settle(quiet)
                    if world.now.mono_ns >= world.last_activity.mono_ns.max(self.reached.mono_ns) + quiet)
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
                let parameters = self.parameters(with, world)?;
                let names: Names = parameters.clone();
                let prompt = actions::find(action).map_or("", |known| known.prompt);
                let prompt = Template::new(Value::String(prompt.to_owned())).evaluate(&names);
                let prompt = match prompt {
                    Ok(Value::String(prompt)) => prompt,
                    _ => format!("{action} {}", Value::Object(names)),
                };
                world.acted(action, &parameters);
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
        let mut scope: Names = Names::new();
        if let Some(evse) = self.scope.get("evse") {
            scope.insert("evse".into(), evse.clone());
        }
        for (parameter, value) in with {
            let value = world.evaluate(value, &self.scope, &self.step, &self.path)?;
            scope.insert(parameter.clone(), value);
        }
        for (parameter, default) in &state.parameters {
            if !scope.contains_key(parameter) {
                let value = world.evaluate(default, &Arc::new(scope.clone()), &self.step, &self.path)?;
                scope.insert(parameter.clone(), value);
            }
        }
        Some(Sequence::new(&state.steps, &Arc::new(scope), &self.path, self.depth + 1))
    }

    // ---- offers ----

    fn offer(&mut self, call: &Call, world: &mut World) -> Offer {
        let step = self.step.clone();
        let offer = match (&step.kind, &mut self.body) {
            (StepKind::Expect(expect), _) => self.offer_expect(expect, call, world),
            (StepKind::Never { action, matches, .. }, _) if *action == call.action => {
                let found = matches.mismatches(&call.payload, &world.names(&self.scope));
                if world.own_error(found, &step, &self.path).is_some_and(|found| found.is_empty()) {
                    let mut finding = Finding::at(&step, &self.path, format!("{action} must not come here"));
                    finding.found = Some(super::rules::summary(call));
                    finding.frame = Some(shorten(&call.text, 4000));
                    world.find(Verdict::Fail, finding);
                }
                Offer::Passed
            }
            (_, Body::Steps(steps)) => steps.offer(call, world),
            (_, Body::AnyOrder(nodes)) => {
                let mut offer = Offer::Passed;
                for node in nodes {
                    let result = match node.status {
                        Status::Active => node.offer(call, world),
                        Status::Fresh => node.offer_ahead(call, world),
                        _ => Offer::Passed,
                    };
                    if result == Offer::Taken {
                        offer = Offer::Taken;
                        break;
                    }
                }
                offer
            }
            (_, Body::OneOf(nodes, chosen)) => match chosen {
                Some(index) => nodes[*index].offer(call, world),
                None => {
                    let mut offer = Offer::Passed;
                    for (index, node) in nodes.iter_mut().enumerate() {
                        if node.status == Status::Active && node.offer(call, world) == Offer::Taken {
                            *chosen = Some(index);
                            offer = Offer::Taken;
                            break;
                        }
                    }
                    offer
                }
            },
            _ => Offer::Passed,
        };
        if offer == Offer::Taken {
            self.touched = true;
        }
        offer
    }

    fn linger(&mut self, call: &Call, world: &mut World) -> bool {
        let nodes: &mut [Node] = match &mut self.body {
            Body::Steps(steps) => &mut steps.nodes,
            Body::AnyOrder(nodes) => nodes,
            Body::OneOf(nodes, Some(index)) => std::slice::from_mut(&mut nodes[*index]),
            _ => return false,
        };
        nodes.iter_mut().any(|node| {
            let open = node.status == Status::Active && !node.touched;
            // A longer optional part would have to be finished, which nobody waits for any more.
            let short = matches!(&node.step.kind, StepKind::Expect(_))
                || matches!(&node.step.kind, StepKind::Optional(steps) if steps.len() == 1);
            (open && short && node.offer(call, world) == Offer::Taken) || node.linger(call, world)
        })
    }

    /// Offers a message before the step's turn has come.
    fn offer_ahead(&mut self, call: &Call, world: &mut World) -> Offer {
        let step = self.step.clone();
        if let Some(when) = &step.when {
            // What can't be said yet can't be claimed yet either.
            if when.holds(&world.names(&self.scope)) != Ok(true) {
                return Offer::Passed;
            }
        }
        if step.ends_stretch() {
            return Offer::Boundary;
        }
        let names = world.names(&self.scope);
        match &step.kind {
            StepKind::Expect(expect) => {
                if expect.no_earlier_than.is_some() || expect.nothing_else_before {
                    return Offer::Passed;
                }
                if Self::wants(expect, call, &names) && self.enter(world) && self.status == Status::Active {
                    return self.offer_expect(expect, call, world);
                }
                Offer::Passed
            }
            StepKind::Run { state, with } => {
                if !matches!(self.body, Body::Steps(_)) {
                    // Only a look: errors in parameters are for when its turn has come.
                    let known = with.iter().all(|(_, template)| template.evaluate(&names).is_ok());
                    if !known || self.depth > MAX_DEPTH {
                        return Offer::Passed;
                    }
                    let Some(steps) = self.instantiate(state, with, world) else { return Offer::Passed };
                    self.body = Body::Steps(steps);
                }
                self.offer_ahead_inside(call, world)
            }
            StepKind::Group(steps) | StepKind::Optional(steps) | StepKind::Repeat { steps, .. } => {
                if !matches!(self.body, Body::Steps(_)) {
                    self.body = Body::Steps(Sequence::new(steps, &self.scope, &self.path, self.depth + 1));
                }
                let offer = self.offer_ahead_inside(call, world);
                if matches!(step.kind, StepKind::Optional(_)) && offer == Offer::Boundary {
                    return Offer::Passed;
                }
                offer
            }
            StepKind::ForEach { items, item, steps, in_order: false } => {
                let Ok(items) = items.evaluate(&names) else { return Offer::Passed };
                let Body::AnyOrder(mut nodes) = self.for_each(&items, item, steps, false) else { return Offer::Passed };
                if !nodes.iter_mut().any(|node| node.offer_ahead(call, world) == Offer::Taken) {
                    return Offer::Passed;
                }
                self.body = Body::AnyOrder(nodes);
                if self.enter(world) {
                    self.touched = true;
                }
                Offer::Taken
            }
            StepKind::AnyOrder(steps) | StepKind::OneOf(steps) => {
                let mut inner = Sequence::new(steps, &self.scope, &self.path, self.depth + 1);
                let mut taken = None;
                for (index, node) in inner.nodes.iter_mut().enumerate() {
                    if node.offer_ahead(call, world) == Offer::Taken {
                        taken = Some(index);
                        break;
                    }
                }
                let Some(index) = taken else { return Offer::Passed };
                self.body = match &step.kind {
                    StepKind::OneOf(_) => Body::OneOf(inner.nodes, Some(index)),
                    _ => Body::AnyOrder(inner.nodes),
                };
                if self.enter(world) {
                    self.touched = true;
                }
                Offer::Taken
            }
            _ => Offer::Passed,
        }
    }

    fn offer_ahead_inside(&mut self, call: &Call, world: &mut World) -> Offer {
        let Body::Steps(steps) = &mut self.body else { return Offer::Passed };
        let offer = steps.offer_ahead(0, call, world);
        if offer == Offer::Taken {
            self.enter(world);
            self.touched = true;
        } else if steps.untouched() {
            self.body = Body::None;
        }
        offer
    }

    fn wants(expect: &Expect, call: &Call, names: &Names) -> bool {
        if expect.action != call.action {
            return false;
        }
        // Periodic events are background unless a step asks for them by their reason.
        if super::rules::is_periodic(call)
            && !expect.matches.mentions("triggerReason")
            && !expect.matches.mentions("eventType")
        {
            return false;
        }
        expect.matches.mismatches(&call.payload, names).is_ok_and(|found| found.is_empty())
    }

    fn offer_expect(&mut self, expect: &Expect, call: &Call, world: &mut World) -> Offer {
        let names = world.names(&self.scope);
        if !Self::wants(expect, call, &names) {
            if expect.nothing_else_before && self.status == Status::Active && self.touched {
                let message = format!("{} came before {}", super::rules::summary(call), expect.action);
                let mut finding = Finding::at(&self.step, &self.path, message);
                finding.expected = Some(format!("no other message before {}", expect.action));
                finding.found = Some(super::rules::summary(call));
                finding.frame = Some(shorten(&call.text, 4000));
                world.find(Verdict::Fail, finding);
            }
            return Offer::Passed;
        }
        self.claim(expect, call, true, world);
        Offer::Taken
    }

    /// A message of the past will do.
    fn claim_earlier(&mut self, expect: &Expect, since: f64, world: &mut World) {
        let names = world.names(&self.scope);
        let earlier = world.received_since(since).find(|call| Self::wants(expect, call, &names)).cloned();
        if let Some(call) = earlier {
            self.claim(expect, &call, false, world);
        }
    }

    fn claim(&mut self, expect: &Expect, call: &Call, answer: bool, world: &mut World) {
        let step = self.step.clone();
        self.touched = true;
        let names = world.names(&self.scope);
        if let Some(bound) = &expect.no_earlier_than {
            let bound = bound.number(&names);
            let Some(bound) = world.own_error(bound, &step, &self.path) else { return };
            let at = call.at.seconds();
            if at < bound {
                let mut finding = Finding::at(&step, &self.path, format!("{} came too early", call.action));
                finding.expected = Some(format!("not before {bound:.3} s of the run"));
                finding.found = Some(format!("at {at:.3} s, {:.3} s too early", bound - at));
                finding.frame = Some(shorten(&call.text, 4000));
                finding.waited_s = Some(call.at.seconds_since(&self.reached));
                world.find(Verdict::Fail, finding);
            }
        }
        match expect.checks.mismatches(&call.payload, &names) {
            Err(error) => {
                world.own_error::<(), _>(Err(error), &step, &self.path);
            }
            Ok(found) => {
                if let Some(mismatch) = found.first() {
                    let message = format!("{} is not as expected", call.action);
                    let mut finding = Finding::at(&step, &self.path, message).mismatch(mismatch, &call.text);
                    finding.waited_s = Some(call.at.seconds_since(&self.reached));
                    if found.len() > 1 {
                        finding.message = format!("{message} in {} places", found.len(), message = finding.message);
                    }
                    world.find(Verdict::Fail, finding);
                }
            }
        }
        let mut saved = call.payload.clone();
        if let Value::Object(members) = &mut saved {
            members.insert("at".into(), call.at.seconds().into());
        }
        if answer {
            let mut names = names;
            names.insert("message".into(), saved.clone());
            if let Some(code) = &expect.reply_error {
                world.refuse(call.conn, &call.id, code, "as the test case demands");
            } else if let Some(reply) = &expect.reply {
                let payload = reply.evaluate(&names);
                let Some(payload) = world.own_error(payload, &step, &self.path) else { return };
                let payload = responder::completed(world, call, payload);
                world.reply(call, payload);
            } else {
                world.default_reply(call);
            }
        }
        self.save(saved, world);
        self.finish(world, Status::Done, "done");
    }

    // ---- steps under way ----

    fn expecting(&mut self, expect: &Expect, world: &mut World) -> bool {
        let Body::Expect { until } = self.body else { return true };
        if !self.touched {
            return true; // optional: passed over, but open
        }
        if world.now.mono_ns < until {
            return false;
        }
        let waited = world.now.seconds_since(&self.reached);
        let names = world.names(&self.scope);
        let mut wanted = expect.action.clone();
        if !expect.matches.is_empty() {
            wanted = format!("{wanted} with {}", expect.matches.describe(&names));
        }
        let mut finding = Finding::at(&self.step, &self.path, format!("{wanted} did not come within {waited:.1} s"));
        finding.expected = Some(wanted);
        finding.waited_s = Some(waited);
        let came: Vec<String> = world.received_since(self.reached.seconds()).map(super::rules::summary).collect();
        finding.found = Some(match (came.is_empty(), world.closed_at) {
            (false, _) => format!("meanwhile: {}", shorten(&came.join(", "), 400)),
            (true, Some((at, by))) if !world.connected() => {
                format!("nothing; the connection was lost at {:.3} s (closed by {by:?})", at.seconds()).to_lowercase()
            }
            (true, _) => "nothing".into(),
        });
        if let Some(near) =
            world.received_since(self.reached.seconds()).filter(|call| call.action == expect.action).last()
        {
            finding.frame = Some(shorten(&near.text, 4000));
        }
        let verdict = world.missing_verdict();
        world.find(verdict, finding);
        false
    }

    fn sending(&mut self, send: &Send, world: &mut World) -> bool {
        let step = self.step.clone();
        let Body::Send { id, until } = &mut self.body else { return true };
        let until = *until;
        let Some(id) = id.clone() else {
            if world.connected() {
                let Some(mut payload) = world.evaluate(&send.payload, &self.scope, &step, &self.path) else {
                    return false;
                };
                responder::complete_request(world, &send.action, &mut payload);
                let errors = crate::ocpp::schema::validate(&send.action, true, &payload);
                if let Some(error) = errors.first() {
                    let message = format!("our own {} is not valid: {} {}", send.action, error.pointer, error.message);
                    world.find(Verdict::Error, Finding::at(&step, &self.path, message));
                    return false;
                }
                if let Some(name) = &step.saved_as {
                    let at = world.now.seconds();
                    world.keep(name, serde_json::json!({ "request": payload, "at": at }));
                }
                self.body = Body::Send { id: world.call(&send.action, payload), until };
            } else if world.now.mono_ns >= until {
                let message = format!("{} can't be sent: the SUT is not connected", send.action);
                let verdict = world.missing_verdict();
                world.find(verdict, Finding::at(&step, &self.path, message));
            }
            return false;
        };
        let Some(answer) = world.call_answers.remove(&id) else {
            if world.now.mono_ns >= until {
                let waited = world.now.seconds_since(&self.reached);
                let message = format!("{} was not answered within {waited:.1} s", send.action);
                let mut finding = Finding::at(&step, &self.path, message);
                finding.expected = Some(format!("a response to {}", send.action));
                finding.found = Some("nothing".into());
                finding.waited_s = Some(waited);
                world.find(Verdict::Fail, finding);
            }
            return false;
        };
        self.answered(send, answer, world)
    }

    fn answered(&mut self, send: &Send, answer: Answer, world: &mut World) -> bool {
        let step = self.step.clone();
        let names = world.names(&self.scope);
        match answer {
            Answer::Lost => {
                let message = format!("the connection was lost before {} was answered", send.action);
                world.find(Verdict::Fail, Finding::at(&step, &self.path, message));
                return false;
            }
            Answer::Error(code, text) => {
                let allowed =
                    send.expect_error.as_ref().is_some_and(|codes| codes.contains(&code)) || send.error_allowed;
                if !allowed {
                    let message = format!("{} was answered with a CALLERROR", send.action);
                    let mut finding = Finding::at(&step, &self.path, message);
                    finding.expected = Some(match &send.expect_error {
                        Some(codes) => format!("CALLERROR {}", codes.join(" or ")),
                        None => format!("{}Response {}", send.action, send.checks.describe(&names)),
                    });
                    finding.found = Some(format!("CALLERROR {code}"));
                    finding.frame = Some(shorten(&text, 4000));
                    world.find(Verdict::Fail, finding);
                    return false;
                }
                self.keep_answer(serde_json::json!({ "error": code }), world);
            }
            Answer::Result(payload, text) => {
                if let Some(codes) = send.expect_error.as_ref().filter(|_| !send.error_allowed) {
                    let message = format!("{} was answered, but should have been refused", send.action);
                    let mut finding = Finding::at(&step, &self.path, message);
                    finding.expected = Some(format!("CALLERROR {}", codes.join(" or ")));
                    finding.found = Some("a CALLRESULT".into());
                    finding.frame = Some(shorten(&text, 4000));
                    world.find(Verdict::Fail, finding);
                    return false;
                }
                let found = send.checks.mismatches(&payload, &names);
                let Some(found) = world.own_error(found, &step, &self.path) else { return false };
                if let Some(mismatch) = found.first() {
                    let message = format!("the response to {} is not as expected", send.action);
                    let finding = Finding::at(&step, &self.path, message).mismatch(mismatch, &text);
                    world.find(Verdict::Fail, finding);
                    return false;
                }
                self.keep_answer(payload, world);
            }
        }
        true
    }

    /// `name.request`, `name.at`, and the members of the response.
    fn keep_answer(&self, answer: Value, world: &mut World) {
        let Some(name) = &self.step.saved_as else { return };
        let mut kept = world.names(&self.scope).get(name).cloned().unwrap_or_default();
        if let (Value::Object(kept), Value::Object(answer)) = (&mut kept, answer) {
            kept.insert("answered".into(), world.now.seconds().into());
            kept.extend(answer);
        }
        world.keep(name, kept);
    }

    fn running(&mut self, name: &str, world: &mut World) -> bool {
        let Body::Steps(steps) = &mut self.body else { return true };
        if !steps.advance(world) {
            return false;
        }
        let Some(state) = world.state(name) else { return true };
        let Some(scope) = steps.nodes.first().map(|node| node.scope.clone()) else { return true };
        let evse = scope.get("evse").and_then(|evse| evse["id"].as_u64()).unwrap_or(1).to_string();
        let mut facts = Map::new();
        if state.kind == StateKind::Reusable {
            facts.insert("state".into(), state.name.clone().into());
        }
        for (fact, template) in &state.reached {
            let Some(value) = world.evaluate(template, &scope, &self.step, &self.path) else { return false };
            facts.insert(fact.clone(), value);
        }
        world.memory.evses.entry(evse).or_default().extend(facts);
        self.save(serde_json::json!({ "at": world.now.seconds() }), world);
        true
    }

    fn repeating(&mut self, steps: &[Arc<Step>], until: &Template, world: &mut World) -> bool {
        // Bounded by the steps' own deadlines; a SUT that answers without end is bounded here.
        for _ in 0..1000 {
            let Body::Steps(inner) = &mut self.body else { return true };
            if !inner.advance(world) {
                return false;
            }
            let holds = until.holds(&world.names(&self.scope));
            match world.own_error(holds, &self.step, &self.path) {
                None => return false,
                Some(true) => return true,
                Some(false) => {
                    self.body = Body::Steps(Sequence::new(steps, &self.scope, &self.path, self.depth + 1));
                }
            }
        }
        let message = "this goes on without end (1000 rounds)";
        world.find(Verdict::Fail, Finding::at(&self.step, &self.path, message));
        false
    }

    fn choosing(&mut self, world: &mut World) -> bool {
        let Body::OneOf(nodes, chosen) = &mut self.body else { return true };
        if let Some(index) = chosen {
            return nodes[*index].advance(world);
        }
        if nodes.is_empty() {
            return true;
        }
        let until = nodes.iter().filter_map(Node::open_until).max();
        let fallback = self.reached.mono_ns.saturating_add(nanos(world.seconds("message_timeout", 30.0)));
        if world.now.mono_ns >= until.unwrap_or(fallback) {
            let wanted: Vec<String> = nodes.iter().map(Node::waiting_for).collect();
            let wanted = wanted.join(" | ");
            let mut finding = Finding::at(&self.step, &self.path, format!("none of these came: {wanted}"));
            finding.expected = Some(wanted);
            finding.waited_s = Some(world.now.seconds_since(&self.reached));
            let verdict = world.missing_verdict();
            world.find(verdict, finding);
        }
        false
    }

    fn operating(&mut self, optional: bool, world: &mut World) -> bool {
        let Body::Operator(id) = self.body else { return true };
        let Some(index) = world.answers.iter().position(|(answered, _)| *answered == id) else { return false };
        match world.answers.swap_remove(index).1 {
            Reply::Operator(ActionOutcome::Done) => true,
            Reply::Operator(ActionOutcome::NotPossible(_)) if optional => true,
            Reply::Operator(ActionOutcome::NotPossible(reason)) => {
                let message = format!("the manual action is not possible here: {reason}");
                world.find(Verdict::Inconclusive, Finding::at(&self.step, &self.path, message));
                false
            }
            Reply::Operator(ActionOutcome::Failed(reason)) => {
                world.find(
                    Verdict::Error,
                    Finding::at(&self.step, &self.path, format!("the operator failed: {reason}")),
                );
                false
            }
            Reply::Service(_) => false,
        }
    }

    fn serving(&mut self, world: &mut World) -> bool {
        let Body::Service(id) = self.body else { return true };
        let Some(index) = world.answers.iter().position(|(answered, _)| *answered == id) else { return false };
        match world.answers.swap_remove(index).1 {
            Reply::Service(Ok(value)) => {
                self.save(value, world);
                true
            }
            Reply::Service(Err(reason)) => {
                world.find(Verdict::Inconclusive, Finding::at(&self.step, &self.path, reason));
                false
            }
            Reply::Operator(_) => false,
        }
    }

    fn save(&self, value: Value, world: &mut World) {
        if let Some(name) = &self.step.saved_as {
            world.keep(name, value);
        }
    }

    fn finish(&mut self, world: &mut World, status: Status, outcome: &str) {
        self.status = status;
        match self.record {
            Some(record) => {
                let decided = world.decided();
                if let Some(record) = world.steps.get_mut(record) {
                    record.ended_s = world.now.seconds();
                    outcome.clone_into(&mut record.outcome);
                    if decided {
                        "failed".clone_into(&mut record.outcome);
                    }
                }
            }
            None => world.steps.push(StepRecord {
                phase: world.phase.word().to_owned(),
                step: self.path.clone(),
                depth: self.depth,
                started_s: world.now.seconds(),
                ended_s: world.now.seconds(),
                outcome: outcome.to_owned(),
            }),
        }
    }

    // ---- looking at it from outside ----

    /// When an open, untouched step would have given up.
    fn open_until(&self) -> Option<u64> {
        match &self.body {
            Body::Expect { until } => Some(*until),
            Body::Steps(steps) => {
                steps.nodes.iter().find(|node| node.status == Status::Active).and_then(Node::open_until)
            }
            Body::AnyOrder(nodes) | Body::OneOf(nodes, _) => nodes.iter().filter_map(Node::open_until).max(),
            _ => None,
        }
    }

    fn deadline(&self, world: &World) -> Option<u64> {
        if self.status != Status::Active {
            return None;
        }
        match &self.body {
            Body::Expect { until } => self.touched.then_some(*until),
            Body::Send { until, .. } | Body::Until(until) => Some(*until),
            Body::Settle(quiet) => Some(world.last_activity.mono_ns.max(self.reached.mono_ns) + quiet),
            Body::Connection(waiting) => waiting.until,
            Body::Steps(steps) => {
                if matches!(self.step.kind, StepKind::Optional(_)) && !self.touched {
                    return None;
                }
                steps.deadline(world)
            }
            Body::AnyOrder(nodes) => nodes.iter().filter_map(|node| node.deadline(world)).min(),
            Body::OneOf(nodes, Some(index)) => nodes.get(*index).and_then(|node| node.deadline(world)),
            Body::OneOf(nodes, None) => {
                Some(nodes.iter().filter_map(Node::open_until).max().unwrap_or_else(|| {
                    self.reached.mono_ns.saturating_add(nanos(world.seconds("message_timeout", 30.0)))
                }))
            }
            Body::None | Body::Operator(_) | Body::Service(_) => None,
        }
    }

    fn waiting_for(&self) -> String {
        match &self.body {
            Body::Steps(steps) if self.status == Status::Active => {
                let inner = steps.nodes.get(steps.cursor).map_or_else(|| "its end".to_owned(), Node::waiting_for);
                if matches!(self.step.kind, StepKind::Run { .. }) {
                    format!("{} > {inner}", self.step.label())
                } else {
                    inner
                }
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

    fn close(&self, world: &mut World) {
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
