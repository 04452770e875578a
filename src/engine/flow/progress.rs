//! Steps under way: what they wait for, and what they find.

use std::{borrow::Cow, sync::Arc};

use serde_json::{Map, Value};

use super::{Body, Node, Sending, Sequence, Status};
use crate::{
    engine::{
        Role, Scope,
        exchange::{Answer, Lost, Reply},
        finding::Finding,
        world::World,
    },
    protocol::{error_code::ErrorCode, session::Call},
    testcase::{
        model::{Expect, Send, StateKind, Step, StepKind},
        template::{Lookup as _, Template, TemplateError},
    },
    verdict::{StepRecord, Verdict},
    yaml::shorten,
};

fn alternatives(codes: &[ErrorCode]) -> String {
    codes.iter().map(|code| code.as_str()).collect::<Vec<_>>().join(" or ")
}

/// An EVSE, and facts that hold of it.
type Reached = (String, Map<String, Value>);

impl Node {
    pub(super) fn expecting(&mut self, expect: &Expect, world: &mut World) -> bool {
        let Body::Expect { until, .. } = self.body else { return true };
        if !self.touched {
            return true; // optional, and over
        }
        if self.shares(expect, world) {
            return true;
        }
        let last_word = world.last_word(expect, &self.scope);
        let over = world.gives_up(self.reached, until).is_some_and(|until| world.now.mono_ns >= until);
        if !over && last_word.is_none() {
            return false;
        }
        let (wanted, mut finding) = self.missing(&[(expect, &self.scope)], world);
        if let Some(call) = last_word.filter(|_| !over) {
            world.tell_in_vain(&mut finding, &wanted, &call, (expect, &self.scope));
        }
        let verdict = world.missing_verdict();
        world.find(verdict, finding);
        world.missed(&[(expect.clone(), self.scope.clone())]);
        false
    }

    /// What has just come may be what this step waits for, though another step has taken it: one message may tell of several things.
    fn shares(&mut self, expect: &Expect, world: &mut World) -> bool {
        let Body::Expect { since: Some(since), .. } = self.body else { return false };
        if self.status == Status::Active && world.has_just_come(since) {
            self.claim_earlier(expect, since, world);
        }
        self.status == Status::Done
    }

    /// What was waited for in vain, and a finding that tells what came instead; the nearest miss with what is wrong with it.
    fn missing(&self, expects: &[(&Expect, &Scope)], world: &World) -> (String, Finding) {
        let describe = |(expect, scope): &(&Expect, &Scope)| match expect.matches.describe(Some(&world.names(scope))) {
            none if none.is_empty() => expect.action.clone(),
            matches => format!("{} with {matches}", expect.action),
        };
        let mut finding = Finding::at(&self.step, &self.path, String::new());
        finding.expected = Some(expects.iter().map(describe).collect::<Vec<_>>().join(" | "));
        finding.waited_s = Some(world.now.seconds_since(&self.reached));
        let since = self.reached.seconds();
        let told = |call| format!("{} at {:.1} s", world.summary(call), call.at.seconds_since(&world.began));
        let came: Vec<String> = world.received_since(since).map(told).collect();
        finding.found = Some(match (came.is_empty(), world.closed) {
            (false, _) => format!("meanwhile: {}", shorten(&came.join(", "), 400)),
            (true, Some(ending)) if !world.connected() => format!("nothing; {}", ending.words(world.began)),
            (true, _) => world.nothing_since(self.reached),
        });
        let misses = world.received_since(since).filter_map(|call| {
            let of_action = expects.iter().filter(|(expect, _)| expect.action == call.action);
            let found = of_action.map(|(expect, scope)| {
                expect.matches.mismatches(&call.payload, &world.names(scope)).unwrap_or_default()
            });
            Some((call, found.min_by_key(Vec::len)?))
        });
        let misses: Vec<_> = misses.collect();
        let fits = |call: &Call| {
            expects.iter().filter(|(expect, _)| expect.action == call.action).any(|(expect, scope)| {
                expect.matches.mismatches(&call.payload, &world.names(scope)).is_ok_and(|found| found.is_empty())
            })
        };
        if let Some(call) = world.untaken_before(since, fits).filter(|_| misses.is_empty()) {
            let [came, began] = [call.at, self.reached].map(|at| at.seconds_since(&world.began));
            finding.frame = Some(shorten(&call.text, 4000));
            finding.found =
                Some(format!("{} at {came:.3} s, before this step began at {began:.3} s", world.summary(call)));
        }
        let mut actions: Vec<&str> = expects.iter().map(|(expect, _)| expect.action.as_str()).collect();
        actions.dedup();
        let actions = actions.join(" or ");
        let mut wanted = actions.clone();
        // The latest of those that miss the least.
        if let Some((call, found)) =
            misses.into_iter().min_by_key(|(call, found)| (found.len(), std::cmp::Reverse(call.input)))
        {
            finding.frame = Some(shorten(&call.text, 4000));
            if let Some(mismatch) = found.first() {
                let (action, place) = (&call.action, &mismatch.pointer);
                finding.found = Some(format!("{action} with {place} {}", shorten(&mismatch.found.to_string(), 300)));
                finding.pointer = Some(place.clone());
                wanted = format!("{actions} as expected");
            } else if world.is_taken(call.input) {
                wanted = format!("another {actions}");
            }
        }
        let waited = finding.waited_s.unwrap_or_default();
        finding.message = format!("{wanted} did not come within {waited:.1} s");
        (actions, finding)
    }

    pub(super) fn sending(&mut self, send: &Send, world: &mut World) -> bool {
        let step = self.step.clone();
        let Body::Send(sending) = &mut self.body else { return true };
        let Sending { connected, within, until, at, .. } = *sending;
        let Some(id) = sending.id.clone() else {
            if world.connected() {
                // One CALL at a time (Part 4, 4.1.1), and at the pace of a station.
                if !world.may_call() || world.too_early(self.reached) {
                    return false;
                }
                let Some(mut payload) = world.evaluate(&send.payload, &self.scope, &step, &self.path) else {
                    return false;
                };
                world.complete_request(&send.action, &mut payload);
                let finding = Finding::at(&step, &self.path, String::new());
                if !world.is_sound(&send.action, true, &payload, &send.payload, finding) {
                    return false;
                }
                if let Some(name) = &step.saved_as {
                    let at = world.now.seconds();
                    world.keep(name, serde_json::json!({ "request": payload, "at": at }));
                }
                if world.messages().is_one_way(&send.action) {
                    world.tell(&send.action, payload);
                    return true;
                }
                let until = world.now.mono_ns.saturating_add(within);
                let id = world.call(&send.action, payload, until);
                self.body = Body::Send(Sending { id, connected, within, until, at: world.now });
            } else if connected && send.lost_allowed {
                // It was closed before our message was on its way: the close was there already, or our station took its time.
                let how = world.closed.map(|ending| ending.words(world.began));
                return self.answered(send, Answer::Lost(Lost { how, frame: None }), world);
            } else if world.now.mono_ns >= until {
                let message = format!("{} can't be sent: the SUT is not connected", send.action);
                let verdict = world.missing_verdict();
                world.find(verdict, Finding::at(&step, &self.path, message));
            }
            return false;
        };
        let Some(answer) = world.call_answers.remove(&id) else {
            if world.now.mono_ns >= until {
                let waited = world.now.seconds_since(&at);
                let message = format!("{} was not answered within {waited:.1} s", send.action);
                let mut finding = Finding::at(&step, &self.path, message);
                finding.expected = Some(format!("a response to {}", send.action));
                finding.found = Some("nothing".into());
                finding.waited_s = Some(waited);
                // Every CALL is answered, if only by a CALLERROR (Part 4, 4.2).
                finding.breach = true;
                finding.frame = world.frame_of(&id).map(|frame| shorten(&frame, 4000));
                world.find(Verdict::Fail, finding);
            }
            return false;
        };
        self.answered(send, answer, world)
    }

    pub(super) fn answered(&mut self, send: &Send, answer: Answer, world: &mut World) -> bool {
        let step = self.step.clone();
        match answer {
            Answer::Lost(_) if send.lost_allowed => {
                self.keep_answer(serde_json::json!({ "error": "lost" }), None, world);
            }
            Answer::Lost(lost) => {
                let message = format!("the connection was lost before {} was answered", send.action);
                let verdict = world.missing_verdict();
                let mut finding = Finding::at(&step, &self.path, message);
                finding.expected = Some(format!("a response to {}", send.action));
                finding.found = lost.how;
                finding.frame = lost.frame.map(|frame| shorten(&frame, 4000));
                world.find(verdict, finding);
                return false;
            }
            Answer::Error(code, text, input) => {
                world.takes(input, &step, &self.path, Role::Answer);
                let allowed = match &send.expect_error {
                    Some(codes) => codes.iter().any(|known| known.as_str() == code),
                    None => send.error_allowed,
                };
                if !allowed {
                    let message = format!("{} was answered with a CALLERROR", send.action);
                    let mut finding = Finding::at(&step, &self.path, message);
                    let response = || {
                        let checks = send.checks.describe(Some(&world.names(&self.scope)));
                        format!("{}Response {checks}", send.action).trim_end().to_owned()
                    };
                    finding.expected = Some(match &send.expect_error {
                        Some(codes) if send.error_allowed => {
                            format!("{} or CALLERROR {}", response(), alternatives(codes))
                        }
                        Some(codes) => format!("CALLERROR {}", alternatives(codes)),
                        None => response(),
                    });
                    finding.found = Some(format!("CALLERROR {code}"));
                    finding.frame = Some(shorten(&text, 4000));
                    world.find(Verdict::Fail, finding);
                    return false;
                }
                self.keep_answer(serde_json::json!({ "error": code }), Some(&text), world);
            }
            Answer::Result(payload, text, input) => {
                world.takes(input, &step, &self.path, Role::Answer);
                if let Some(codes) = send.expect_error.as_ref().filter(|_| !send.error_allowed) {
                    let message = format!("{} was answered, but should have been refused", send.action);
                    let mut finding = Finding::at(&step, &self.path, message);
                    finding.expected = Some(format!("CALLERROR {}", alternatives(codes)));
                    finding.found = Some("a CALLRESULT".into());
                    finding.frame = Some(shorten(&text, 4000));
                    world.find(Verdict::Fail, finding);
                    return false;
                }
                let found = send.checks.mismatches(&payload, &world.names(&self.scope));
                let Some(found) = world.evaluated(found, &step, &self.path) else { return false };
                if !found.is_empty() {
                    let message = format!("the response to {}", send.action);
                    let finding = Finding::at(&step, &self.path, message).mismatches(&found, &text);
                    world.find(Verdict::Fail, finding);
                    return false;
                }
                self.keep_answer(payload, Some(&text), world);
            }
        }
        true
    }

    /// `name.request`, `name.at`, when and where in the conversation it was answered, and the members of the response.
    /// The text is that of the answer, where there is one.
    pub(super) fn keep_answer(&self, answer: Value, text: Option<&str>, world: &mut World) {
        let Some(name) = &self.step.saved_as else { return };
        let mut kept = world.names(&self.scope).lookup(name).map(Cow::into_owned).unwrap_or_default();
        if let (Value::Object(kept), Value::Object(answer)) = (&mut kept, answer) {
            kept.insert("answered".into(), world.now.seconds().into());
            kept.insert("answered_place".into(), world.input.into());
            kept.extend(answer);
        }
        world.keep(name, kept);
        if let Some(text) = text {
            world.comes_from_answer(name, text);
        }
    }

    pub(super) fn running(&mut self, name: &str, world: &mut World) -> bool {
        let Body::Steps(steps) = &mut self.body else { return true };
        if !steps.advance(world) {
            return false;
        }
        let Some(reached) = self.reached(name, world) else { return true };
        let Some((evse, facts)) = world.evaluated(reached, &self.step, &self.path) else { return false };
        world.memory.evses.entry(evse).or_default().extend(facts);
        self.save(serde_json::json!({ "at": world.now.seconds() }), world);
        true
    }

    /// The EVSE of a state that is entered, and the facts that hold of it once the state is reached.
    pub(super) fn reached(&self, name: &str, world: &World) -> Option<Result<Reached, TemplateError>> {
        let Body::Steps(steps) = &self.body else { return None };
        let state = world.state(name)?;
        let scope = &steps.nodes.first()?.scope;
        let evse = scope.get("evse").and_then(|evse| evse["id"].as_u64()).unwrap_or(1).to_string();
        let mut facts = Map::new();
        if state.kind == StateKind::Reusable {
            facts.insert("state".into(), state.name.clone().into());
        }
        let names = world.names(scope);
        for (fact, template) in &state.reached {
            match template.evaluate(&names) {
                Ok(value) => facts.insert(fact.clone(), value),
                Err(error) => return Some(Err(error)),
            };
        }
        Some(Ok((evse, facts)))
    }

    pub(super) fn repeating(&mut self, steps: &[Arc<Step>], until: &Template, world: &mut World) -> bool {
        // Bounded by the steps' own deadlines; a SUT that answers without end is bounded here.
        for _ in 0..1000 {
            let Body::Steps(inner) = &mut self.body else { return true };
            if !inner.advance(world) {
                return false;
            }
            let holds = until.holds(&world.names(&self.scope));
            match world.evaluated(holds, &self.step, &self.path) {
                None => return false,
                Some(true) => return true,
                Some(false) => {
                    self.body = Body::Steps(Sequence::new(steps, &self.scope, &self.path, self.depth + 1));
                }
            }
        }
        let message = "the steps repeat without end (1000 rounds)";
        world.find(Verdict::Fail, Finding::at(&self.step, &self.path, message));
        false
    }

    pub(super) fn choosing(&mut self, world: &mut World) -> bool {
        let Body::OneOf(nodes, chosen) = &mut self.body else { return true };
        if let Some(index) = chosen {
            return nodes[*index].advance(world);
        }
        if nodes.is_empty() {
            return true;
        }
        for node in nodes.iter_mut() {
            if let StepKind::Expect(expect) = &node.step.clone().kind {
                node.shares(expect, world);
            }
        }
        // What came earlier may have settled it already.
        if let Some(index) = nodes.iter().position(|node| node.status == Status::Done) {
            *chosen = Some(index);
            return true;
        }
        let begin = |node: &Node| node.begins_with().and_then(|(expect, scope)| world.last_word(expect, scope));
        let last_word = nodes.iter().map(begin).collect::<Option<Vec<_>>>().and_then(|all| all.into_iter().next());
        let Body::OneOf(nodes, _) = &self.body else { return true };
        if self.gives_up_choosing(nodes, world).is_some_and(|until| world.now.mono_ns >= until) || last_word.is_some() {
            let wanted: Vec<String> = nodes.iter().map(Node::waiting_for).collect();
            let expects: Vec<(&Expect, &Scope)> = nodes.iter().filter_map(Node::begins_with).collect();
            let missed: Vec<_> = expects.iter().map(|(expect, scope)| ((*expect).clone(), (*scope).clone())).collect();
            let (described, mut finding) = self.missing(&expects, world);
            let waited = finding.waited_s.unwrap_or_default();
            if expects.len() < nodes.len() {
                finding.expected = Some(wanted.join(" | "));
                finding.message = format!("none of these came within {waited:.1} s: {}", wanted.join(" | "));
            }
            if let (Some(call), Some((expect, scope))) = (last_word, expects.first()) {
                world.tell_in_vain(&mut finding, &described, &call, (expect, scope));
            }
            let verdict = world.missing_verdict();
            world.find(verdict, finding);
            world.missed(&missed);
        }
        false
    }

    pub(super) fn serving(&mut self, world: &mut World) -> bool {
        let Body::Service(id) = self.body else { return true };
        let Some(index) = world.answers.iter().position(|(answered, _)| *answered == id) else { return false };
        world.takes(world.input, &self.step, &self.path, Role::Service);
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

    pub(super) fn save(&self, value: Value, world: &mut World) {
        if let Some(name) = &self.step.saved_as {
            world.keep(name, value);
        }
    }

    pub(super) fn finish(&mut self, world: &mut World, status: Status, outcome: &str) {
        self.status = status;
        if status == Status::Done {
            world.tested(&self.path, &self.step);
        }
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
}
