//! What the CSMS's operator does at its console.

use serde_json::{Value, json};

use super::{Csms, Request};
use crate::{ocpp::schema, operator::ActionOutcome};

impl Csms {
    pub(super) fn operated(&mut self, request: Request) {
        let parameters = &request.action.parameters;
        let text = |name: &str| parameters.get(name).and_then(Value::as_str).unwrap_or_default();
        let outcome = match request.action.action.as_str() {
            "configure" if text("what") == "next-boot" => {
                let interval = parameters.get("interval").and_then(Value::as_u64);
                self.provisioning.next_boot(text("value"), interval);
                ActionOutcome::Done
            }
            "send" => {
                let payload = parameters.get("payload").cloned().unwrap_or_else(|| json!({}));
                let action = text("action").to_owned();
                self.send(action, payload)
            }
            "check-variable" => self.provisioning.shows(text("component"), text("variable"), text("value")),
            other => ActionOutcome::NotPossible(format!("the simulated CSMS knows no `{other}`")),
        };
        let _ = request.done.send(outcome);
    }

    fn send(&mut self, action: String, mut payload: Value) -> ActionOutcome {
        if self.conn.is_none() {
            return ActionOutcome::NotPossible("the station is not connected".into());
        }
        if !self.provisioning.may_initiate() {
            return ActionOutcome::NotPossible("the station is rejected: nothing may be sent to it".into());
        }
        self.made += 1;
        for name in ["requestId", "remoteStartId"] {
            if schema::requires(&action, name) && payload.get(name).is_none() {
                payload[name] = self.made.into();
            }
        }
        if let Some(error) = schema::validate(&action, true, &payload).first() {
            return ActionOutcome::Failed(format!("{action}: {} {}", error.pointer, error.message));
        }
        if action == "DeleteCertificate" && self.certificates.must_look(&payload) {
            self.queue.push_back(("GetInstalledCertificateIds".into(), json!({})));
        }
        self.queue.push_back((action, payload));
        self.send_next();
        ActionOutcome::Done
    }
}
