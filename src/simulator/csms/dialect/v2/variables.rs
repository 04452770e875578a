//! What is known of the station's device model.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::manual_action::ActionOutcome;

/// Most variables that are kept.
const MAX_VARIABLES: usize = 20_000;

/// The variables of a station.
#[derive(Default)]
pub(super) struct Variables {
    /// `Component.Variable` → value.
    known: BTreeMap<String, String>,
}

/// `Component[instance].Variable[instance]`, instances only where there are any.
fn name_of(item: &Value) -> Option<String> {
    let part = |part: &Value| {
        let name = part["name"].as_str()?;
        Some(part["instance"].as_str().map_or_else(|| name.to_owned(), |instance| format!("{name}[{instance}]")))
    };
    Some(format!("{}.{}", part(&item["component"])?, part(&item["variable"])?))
}

fn was_set(result: &Value) -> bool {
    result["attributeStatus"] == "Accepted" || result["attributeStatus"] == "RebootRequired"
}

/// The password that a station took with a SetVariables.
pub(super) fn new_password<'r>(request: &'r Value, response: &Value) -> Option<&'r str> {
    let results = response["setVariableResult"].as_array().into_iter().flatten();
    let taken = |name: &Value| results.clone().any(|result| result["variable"]["name"] == *name && was_set(result));
    let items = request["setVariableData"].as_array().into_iter().flatten();
    items
        .filter(|item| item["component"]["name"] == "SecurityCtrlr" && item["variable"]["name"] == "BasicAuthPassword")
        .filter(|item| taken(&item["variable"]["name"]))
        .find_map(|item| item["attributeValue"].as_str())
}

impl Variables {
    pub(super) fn answered(&mut self, action: &str, request: &Value, response: &Value) {
        match action {
            "GetVariables" => {
                for item in response["getVariableResult"].as_array().into_iter().flatten() {
                    let actual = item.get("attributeType").is_none_or(|kind| kind == "Actual");
                    if actual && item["attributeStatus"] == "Accepted" {
                        self.learn(item, &item["attributeValue"]);
                    }
                }
            }
            "SetVariables" => {
                let results = response["setVariableResult"].as_array().map(Vec::as_slice).unwrap_or_default();
                for item in request["setVariableData"].as_array().into_iter().flatten() {
                    let taken = results.iter().any(|result| name_of(result) == name_of(item) && was_set(result));
                    let actual = item.get("attributeType").is_none_or(|kind| kind == "Actual");
                    // Passwords and secrets are not for the eyes of operators (A01.FR.09).
                    let secret = ["BasicAuthPassword", "SharedSecret", "ApnPassword"];
                    if taken && actual && !secret.iter().any(|secret| item["variable"]["name"] == *secret) {
                        self.learn(item, &item["attributeValue"]);
                    }
                }
            }
            _ => {}
        }
    }

    /// Takes a part of a report in.
    pub(super) fn reported(&mut self, payload: &Value) -> Value {
        for item in payload["reportData"].as_array().into_iter().flatten() {
            for attribute in item["variableAttribute"].as_array().into_iter().flatten() {
                if attribute.get("type").is_none_or(|kind| kind == "Actual") {
                    self.learn(item, &attribute["value"]);
                }
            }
        }
        json!({})
    }

    /// Takes events in.
    pub(super) fn happened(&mut self, payload: &Value) -> Value {
        for event in payload["eventData"].as_array().into_iter().flatten() {
            self.learn(event, &event["actualValue"]);
        }
        json!({})
    }

    /// The value of a variable.
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        self.known.get(name).map(String::as_str)
    }

    fn learn(&mut self, item: &Value, value: &Value) {
        if let (Some(name), Some(value)) = (name_of(item), value.as_str()) {
            if self.known.len() < MAX_VARIABLES || self.known.contains_key(&name) {
                self.known.insert(name, value.to_owned());
            }
        }
    }

    /// Whether the console shows this value of a variable.
    pub(super) fn shows(&self, component: &str, variable: &str, value: &str) -> ActionOutcome {
        let name = format!("{component}.{variable}");
        match self.known.get(&name) {
            Some(found) if found == value => ActionOutcome::Done,
            Some(found) => ActionOutcome::Denied(format!("{name} is shown as `{found}`")),
            None => ActionOutcome::Denied(format!("{name} is not shown")),
        }
    }
}
