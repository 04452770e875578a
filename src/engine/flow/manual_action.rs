//! Manual actions: asking the operator, and what its answer means.

use serde_json::{Value, json};

use super::{Body, Node, Sequence, Status};
use crate::{
    engine::{
        Effect, Phase, Role,
        exchange::Reply,
        finding::Finding,
        world::{Unsaid, World, outcome_of},
    },
    manual_action::{ActionOutcome, ManualAction, actions::ActionInfo},
    testcase::{
        model::StepKind,
        template::{Names, Template, names_of},
    },
};

/// How far a manual action is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Asked {
    /// It has not been asked for.
    NotYet,
    /// It has, under this number.
    For(u32),
    /// What follows from it has come; the operator has not said yet that it is done.
    Seen(u32),
}

impl Sequence {
    /// What must come of the manual action that is under way has come: the person who did it may say so later.
    pub(super) fn acted_visibly(&mut self, world: &World) {
        if world.is_station_test() && world.phase != Phase::After {
            self.see_act();
        }
    }

    /// The same for the innermost step under way. A question is none that a message answers.
    fn see_act(&mut self) {
        let under_way = self.nodes.get_mut(self.cursor).filter(|node| node.status == Status::Active);
        let Some(Node { step, body, .. }) = under_way else { return };
        match (&step.kind, body) {
            (StepKind::Operator { action, .. }, Body::Operator(asked)) if !action.is_question() => {
                if let Asked::For(id) = *asked {
                    *asked = Asked::Seen(id);
                }
            }
            (_, Body::Steps(steps)) => steps.see_act(),
            _ => {}
        }
    }
}

impl Node {
    pub(super) fn operating(
        &mut self,
        action: &'static ActionInfo,
        with: &[(String, Template)],
        optional: bool,
        world: &mut World,
    ) -> bool {
        let Body::Operator(asked) = self.body else { return true };
        let step = self.step.clone();
        let (Asked::For(id) | Asked::Seen(id)) = asked else {
            // One thing at a time: who is still busy with the last action is not asked for another one.
            if !world.too_early(self.reached) && world.unsaid.is_none() {
                self.ask(action, with, world);
            }
            return false;
        };
        let Some(index) = world.answers.iter().position(|(answered, _)| *answered == id) else {
            if !matches!(asked, Asked::Seen(_)) {
                return false;
            }
            world.unsaid = Some(Unsaid { id, action, optional, at: Finding::at(&step, &self.path, String::new()) });
            self.save(json!({ "outcome": ActionOutcome::Done.word(), "at": world.now.seconds() }), world);
            return true;
        };
        world.takes(world.input, &step, &self.path, Role::Operator);
        let Reply::Operator(outcome) = world.answers.swap_remove(index).1 else { return false };
        self.save(json!({ "outcome": outcome.word(), "at": world.now.seconds() }), world);
        if outcome != ActionOutcome::Done {
            world.not_acted(action.name);
        } else if action.is_question() {
            world.looked_at(&self.path);
        }
        if let Some((verdict, message)) = outcome_of(outcome, action, optional) {
            world.find(verdict, Finding::at(&step, &self.path, message));
            return false;
        }
        true
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
        self.body = Body::Operator(Asked::For(id));
        world.effects.push(Effect::Operator(id, ManualAction { action: action.name.to_owned(), parameters, prompt }));
    }
}
