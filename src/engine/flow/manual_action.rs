//! Manual actions: asking the operator, and what its answer means.

use serde_json::{Value, json};

use super::{Body, Node};
use crate::{
    engine::{Effect, Role, exchange::Reply, finding::Finding, world::World},
    manual_action::{ActionOutcome, ManualAction, actions::ActionInfo},
    testcase::template::{Names, Template, names_of},
    verdict::Verdict,
};

impl Node {
    pub(super) fn operating(
        &mut self,
        action: &ActionInfo,
        with: &[(String, Template)],
        optional: bool,
        world: &mut World,
    ) -> bool {
        let Body::Operator(asked) = self.body else { return true };
        let step = self.step.clone();
        let Some(id) = asked else {
            if !world.too_early(self.reached) {
                self.ask(action, with, world);
            }
            return false;
        };
        let Some(index) = world.answers.iter().position(|(answered, _)| *answered == id) else { return false };
        world.takes(world.input, &step, &self.path, Role::Operator);
        let reply = world.answers.swap_remove(index).1;
        if let Reply::Operator(outcome) = &reply {
            self.save(json!({ "outcome": outcome.word(), "at": world.now.seconds() }), world);
            if *outcome != ActionOutcome::Done {
                world.not_acted(action.name);
            }
        }
        match reply {
            Reply::Operator(ActionOutcome::Done) => {
                if action.is_question() {
                    world.looked_at(&self.path);
                }
                true
            }
            Reply::Operator(ActionOutcome::NotPossible(_)) if optional => true,
            Reply::Operator(ActionOutcome::NotPossible(reason)) => {
                let message = format!("the manual action is not possible here: {reason}");
                world.find(Verdict::Inconclusive, Finding::at(&self.step, &self.path, message));
                false
            }
            Reply::Operator(ActionOutcome::Denied(reason)) => {
                let (verdict, what) = if action.is_question() {
                    (Verdict::Fail, "the operator's answer to the question is no")
                } else {
                    // Nothing was asked that the SUT could be blamed for.
                    (Verdict::Error, "the operator answered no to an action that is not a question")
                };
                world.find(verdict, Finding::at(&step, &self.path, format!("{what}: {reason}")));
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

    /// Asks the operator to act; where that can't be put into words, it is a finding.
    fn ask(&mut self, action: &ActionInfo, with: &[(String, Template)], world: &mut World) {
        let Some(mut parameters) = self.parameters(with, world) else { return };
        let checked = action.check(&parameters, Some(world.setup().protocol));
        if world.fitting(checked, names_of(with), &self.step, &self.path).is_none() {
            return;
        }
        let to_send = parameters.get("action").and_then(Value::as_str).map(str::to_owned);
        if let (Some(action), Some(payload)) = (to_send, parameters.get_mut("payload")) {
            // A CSMS that sends what it is given needs all of it; one that numbers for itself may do so.
            world.complete_request(&action, payload);
        }
        let names = parameters.clone();
        let prompt = Template::new(Value::String(action.prompt.to_owned())).evaluate(&Names::from(names.clone()));
        let prompt = match prompt {
            Ok(Value::String(prompt)) => prompt,
            _ => format!("{} {}", action.name, Value::Object(names)),
        };
        world.acted(action.name, &parameters);
        if let Some(payload) = parameters.get("payload") {
            world.hide_secrets(payload);
        }
        self.save(json!({ "outcome": "asked", "at": world.now.seconds() }), world);
        let id = world.fresh_id();
        self.body = Body::Operator(Some(id));
        world.effects.push(Effect::Operator(id, ManualAction { action: action.name.to_owned(), parameters, prompt }));
    }
}
