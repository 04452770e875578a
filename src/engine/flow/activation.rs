//! Reaching a step: its condition, its deadline, what its nodes are, and what it does at once.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::{Body, MAX_DEPTH, Node, Sending, Sequence, Status, connection, manual_action::Asked};
use crate::{
    clock::nanos,
    engine::{Effect, LONGEST_S, Scope, finding::Finding, world::World},
    testcase::{
        model::{State, Step, StepKind},
        service::ServiceRequest,
        template::{Template, TemplateError, names_of},
        walk::Order,
    },
    verdict::{StepRecord, Verdict},
    yaml::shorten,
};

impl Node {
    /// Reaches the step: conditions, deadlines, and what it does at once. False when it failed at that.
    pub(super) fn enter(&mut self, world: &mut World) -> bool {
        let step = self.step.clone();
        self.reached = world.now;
        if self.depth > MAX_DEPTH {
            world.find(Verdict::Error, Finding::at(&step, &self.path, "states are nested too deeply"));
            return false;
        }
        if let Some(when) = &step.when {
            let holds = when.holds(&world.names(&self.scope));
            match world.evaluated(holds, &step, &self.path) {
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
        if step.requirements.is_empty() {
            world.proves(&self.path, Vec::new());
        } else {
            let names = world.names(&self.scope);
            world.proves(&self.path, step.requirements.broken(&names));
        }
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
                    // Passed over; unlike an `optional:` group it is over then.
                    self.touched = !world.evaluated(holds, step, &self.path)?;
                } else {
                    self.touched = true;
                }
                let until = world.now.mono_ns.saturating_add(nanos(within));
                self.body = Body::Expect { until, since: None };
                if let Some(since) = &expect.any_time_since {
                    let since = since.number(&world.names(&self.scope));
                    let since = world.evaluated(since, step, &self.path)?;
                    self.body = Body::Expect { until, since: Some(since) };
                    self.claim_earlier(expect, since, world);
                }
            }
            StepKind::Send(send) => {
                self.touched = true;
                let within = self.within(send.within.as_ref(), world, "response_timeout", 30.0)?;
                let within = nanos(within);
                let until = world.now.mono_ns.saturating_add(within);
                self.body =
                    Body::Send(Sending { id: None, connected: world.connected(), within, until, at: world.now });
            }
            StepKind::Run { state, with } => {
                self.touched = true;
                if !matches!(self.body, Body::Steps(_)) {
                    self.body = Body::Steps(self.instantiate(state, with, world)?);
                }
            }
            StepKind::Group(steps) | StepKind::Optional(steps) | StepKind::Repeat { steps, .. } => {
                self.touched |= !step.is_optional_group();
                if !matches!(self.body, Body::Steps(_)) {
                    self.body = Body::Steps(Sequence::new(steps, &self.scope, &self.path, self.depth + 1));
                }
                if let (true, Body::Steps(inner)) = (step.is_optional_group(), &mut self.body) {
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
                    let items = world.evaluated(items, step, &self.path)?;
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
                if step.forbids().is_some() {
                    world.weighs(&self.step, &self.path, &self.scope);
                }
                let seconds = self.duration(seconds, world)?;
                self.body = Body::Until(world.now.mono_ns.saturating_add(nanos(seconds)));
            }
            StepKind::Settle { seconds, by_evidence } => {
                self.touched = true;
                let whole = nanos(self.duration(seconds, world)?);
                self.body = Body::Settle(if *by_evidence { world.settles(whole) } else { whole });
            }
            StepKind::Operator { .. } => {
                self.touched = true;
                self.body = Body::Operator(Asked::NotYet);
            }
            StepKind::Service { service, with } => {
                self.touched = true;
                let parameters = self.parameters(with, world)?;
                let request = ServiceRequest::of(service, Value::Object(parameters), Some(world.setup().protocol));
                let request = world.fitting(request, names_of(with), step, &self.path)?;
                let id = world.fresh_id();
                self.body = Body::Service(id);
                world.effects.push(Effect::Service(id, request));
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
                    world.comes_from_names(name, template);
                }
            }
            StepKind::Remark(sentence) => {
                let sentence = world.evaluate(sentence, &self.scope, step, &self.path)?;
                world.remark(sentence.as_str().map_or_else(|| sentence.to_string(), str::to_owned));
            }
            StepKind::Assert { condition, otherwise, inconclusive } => {
                world.weighs(&self.step, &self.path, &self.scope);
                let holds = condition.holds(&world.names(&self.scope));
                if !world.evaluated(holds, step, &self.path)? {
                    let verdict = if *inconclusive { Verdict::Inconclusive } else { Verdict::Fail };
                    let message = otherwise.clone().unwrap_or_else(|| format!("`{}` does not hold", condition.text()));
                    let message = Template::new(Value::String(message.clone()))
                        .evaluate(&world.names(&self.scope))
                        .ok()
                        .and_then(|value| value.as_str().map(str::to_owned))
                        .unwrap_or(message);
                    let finding = Finding::at(step, &self.path, message);
                    let finding = world.does_not_hold(condition, &self.scope, finding);
                    world.find(verdict, finding);
                    return None;
                }
            }
        }
        Some(())
    }

    pub(super) fn for_each(&self, items: &Value, name: &str, steps: &[Arc<Step>], in_order: bool) -> Body {
        let group = Arc::new(Step::group_of(steps, &self.step));
        let items = items.as_array().map(Vec::as_slice).unwrap_or_default();
        let mut nodes = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let mut scope = self.scope.clone();
            scope.insert(name, item.clone());
            let mut inner = Sequence::new(std::slice::from_ref(&group), &scope, &self.path, self.depth + 1);
            for mut node in inner.nodes.drain(..) {
                node.path = format!("{} > {name} {}", self.path, in_short(item, index + 1));
                nodes.push(node);
            }
        }
        if in_order { Body::Steps(Sequence { nodes, cursor: 0 }) } else { Body::AnyOrder(nodes) }
    }

    /// Reaches a step only to let it take messages: steps that act on their own are left alone.
    fn enter_open(&mut self, world: &mut World) {
        let step = self.step.clone();
        let taken_up = matches!(step.group(), Some((Order::Any | Order::Choice, _))) || step.is_optional_group();
        if step.expect().is_some() || taken_up {
            self.enter(world);
            self.open = true;
            if step.expect().is_some() {
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
        } else if step.run().is_some() || matches!(step.kind, StepKind::Group(_)) {
            if self.enter(world) && self.status == Status::Active {
                self.open = true;
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
    }

    /// What was only open to messages is begun: it is waited for, unless it is optional itself.
    pub(super) fn take_up(&mut self, world: &World) {
        let step = self.step.clone();
        if !std::mem::take(&mut self.open) || step.is_optional_group() {
            return;
        }
        if self.status == Status::Active {
            let optional = step.expect().and_then(|expect| expect.optional.as_ref());
            self.touched = optional.is_none_or(|optional| optional.holds(&world.names(&self.scope)) != Ok(true));
        }
        self.take_up_inside(world);
    }

    /// The same for what is in it, once a message was taken there.
    pub(super) fn take_up_inside(&mut self, world: &World) {
        match &mut self.body {
            Body::Steps(Sequence { nodes, .. }) | Body::AnyOrder(nodes) => {
                for node in nodes {
                    node.take_up(world);
                }
            }
            Body::OneOf(nodes, Some(index)) => nodes[*index].take_up(world),
            _ => {}
        }
    }

    fn within(&mut self, template: Option<&Template>, world: &mut World, bench: &str, fallback: f64) -> Option<f64> {
        match template {
            None => Some(world.seconds(bench, fallback)),
            Some(template) => self.duration(template, world),
        }
    }

    /// How long something lasts, seconds. A SUT may say that it takes for ever; that is not waited for.
    fn duration(&self, template: &Template, world: &mut World) -> Option<f64> {
        let seconds = template.number(&world.names(&self.scope));
        let seconds = world.evaluated(seconds, &self.step, &self.path)?;
        let ends = if seconds <= LONGEST_S {
            Ok(seconds)
        } else {
            Err(format!("it would last {seconds} s, and no test case lasts longer than 24 h"))
        };
        world.fitting(ends, template.names(), &self.step, &self.path)
    }

    pub(super) fn parameters(&self, with: &[(String, Template)], world: &mut World) -> Option<Map<String, Value>> {
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
            let finding = Finding::at(&self.step, &self.path, format!("unknown state `{name}`"));
            world.find(Verdict::Error, finding);
            return None;
        };
        let scope = scope_of(&state, with, &self.scope, world);
        let scope = world.evaluated(scope, &self.step, &self.path)?;
        Some(Sequence::new(&state.steps, &scope, &self.path, self.depth + 1))
    }
}

/// What the steps of a state see that is run from another scope: the EVSE, the parameters that are given, and the defaults of the others.
pub(super) fn scope_of(
    state: &State,
    with: &[(String, Template)],
    around: &Scope,
    world: &World,
) -> Result<Scope, TemplateError> {
    let mut scope = Scope::default();
    scope.share("evse", around);
    for (parameter, value) in with {
        scope.insert(parameter, value.evaluate(&world.names(around))?);
    }
    for (parameter, default) in &state.parameters {
        if !scope.contains(parameter) {
            let value = default.evaluate(&world.names(&scope))?;
            scope.insert(parameter, value);
        }
    }
    Ok(scope)
}

/// What a step of a loop is about: a value as it is, of an object its place in the list. What an object says may be a secret that nobody
/// knows yet, or another time each run.
fn in_short(item: &Value, place: usize) -> String {
    if item.is_object() { place.to_string() } else { shorten(&item.to_string(), 60) }
}
