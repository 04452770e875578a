//! What the CSMS's operator does at its console.

use serde_json::{Value, json};

use super::{Csms, Request};
use crate::manual_action::{
    ActionOutcome,
    settings::{CONFIGURE, RESTORE, Setting},
};

impl Csms {
    pub(super) fn operated(&mut self, request: Request) {
        let parameters = &request.action.parameters;
        let text = |name: &str| parameters.get(name).and_then(Value::as_str).unwrap_or_default();
        let outcome = match request.action.action.as_str() {
            CONFIGURE if Setting::named(text("what")) == Some(Setting::NextBoot) => {
                let interval = parameters.get("interval").and_then(Value::as_u64);
                self.common.registration.next_boot(text("value"), interval);
                ActionOutcome::Done
            }
            CONFIGURE => match Setting::named(text("what")) {
                Some(setting) => self.dialect.set(setting, text("value")),
                None => ActionOutcome::NotPossible(format!("the simulated CSMS has no setting `{}`", text("what"))),
            },
            RESTORE => match Setting::named(text("what")) {
                Some(setting) => self.restore(setting, parameters.get("value").unwrap_or(&Value::Null)),
                None => ActionOutcome::NotPossible(format!("the simulated CSMS has no setting `{}`", text("what"))),
            },
            "send" => {
                let payload = parameters.get("payload").cloned().unwrap_or_else(|| json!({}));
                let action = text("action").to_owned();
                self.send(action, payload)
            }
            "check-variable" => self.dialect.shows(text("component"), text("variable"), text("value")),
            "check-monitor" => self.dialect.shows_monitor(&Value::Object(parameters.clone())),
            other => {
                let done = self.dialect.operated(&mut self.common, other, parameters);
                self.send_next();
                done.unwrap_or_else(|| {
                    ActionOutcome::NotPossible(format!("the simulated CSMS does not support `{other}`"))
                })
            }
        };
        let _ = request.done.send(outcome);
    }

    /// Sets back what was set at the console or by messages.
    fn restore(&mut self, setting: Setting, value: &Value) -> ActionOutcome {
        match setting {
            Setting::NextBoot => {
                self.common.registration.accept_boots();
                return ActionOutcome::Done;
            }
            Setting::SecurityProfile => match value.as_u64().and_then(|profile| u8::try_from(profile).ok()) {
                Some(profile) => self.common.endpoints.lower(profile),
                None => return ActionOutcome::NotPossible("invalid security profile".into()),
            },
            Setting::EnergyTransfer | Setting::EvSchedules => {
                return self.dialect.set(setting, value.as_str().unwrap_or_default());
            }
            Setting::Password => match value.as_str() {
                Some(password) => self.common.endpoints.set_password(password),
                None => return ActionOutcome::NotPossible("invalid password".into()),
            },
        }
        self.common.endpoints_changed = true;
        ActionOutcome::Done
    }

    fn send(&mut self, action: String, mut payload: Value) -> ActionOutcome {
        if self.conn.is_none() {
            return ActionOutcome::NotPossible("the station is not connected".into());
        }
        self.dialect.complete(&mut self.common, &action, &mut payload);
        if let Some(error) = self.common.protocol.messages().validate(&action, true, &payload).first() {
            return ActionOutcome::Failed(format!("{action}: {} {}", error.pointer, error.message));
        }
        if let Some(reason) = self.dialect.forbids(&self.common, &action, &payload) {
            return ActionOutcome::NotPossible(reason.into());
        }
        self.dialect.prepare(&mut self.common, &action, &payload);
        for part in self.dialect.split(&action, payload) {
            self.common.queue.push_back((action.clone(), part));
        }
        self.send_next();
        ActionOutcome::Done
    }
}
