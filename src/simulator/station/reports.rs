//! Reports of the device model (B07, B08).

use serde_json::{Value, json};

use super::{
    Station,
    device::{Domain, Mutability, Variable},
};

impl Station {
    fn reported(&self, action: &str, payload: &Value) -> Vec<&Variable> {
        let base = payload["reportBase"].as_str();
        let wanted = payload["componentVariable"].as_array();
        self.device
            .variables
            .iter()
            .filter(|variable| match (action, base) {
                ("GetBaseReport", Some("ConfigurationInventory")) => variable.mutability != Mutability::ReadOnly,
                ("GetBaseReport", Some("SummaryInventory")) => {
                    ["AvailabilityState", "Available"].contains(&variable.name)
                }
                ("GetBaseReport", _) => true,
                _ => wanted.is_none_or(|wanted| {
                    wanted.iter().any(|item| {
                        item["component"]["name"] == variable.component
                            && item["variable"]["name"].as_str().is_none_or(|name| name == variable.name)
                    })
                }),
            })
            .collect()
    }

    /// The answer to a request for a report.
    pub(super) fn report(&self, action: &str, payload: &Value) -> Value {
        if payload["reportBase"] == "SummaryInventory" && !self.pics.is_yes("C-56") {
            return json!({ "status": "NotSupported" });
        }
        let empty = self.reported(action, payload).is_empty();
        json!({ "status": if empty { "EmptyResultSet" } else { "Accepted" } })
    }

    /// The report itself, in as many parts as its items need.
    pub(super) fn send_report(&mut self, action: &str, payload: &Value) {
        if self.report(action, payload)["status"] != "Accepted" {
            return;
        }
        let items: Vec<Value> = self.reported(action, payload).into_iter().map(item).collect();
        const PART: usize = 20;
        let parts: Vec<&[Value]> = items.chunks(PART).collect();
        let generated = self.wall();
        for (number, part) in parts.iter().enumerate() {
            let more = number + 1 < parts.len();
            let report = json!({
                "requestId": payload["requestId"],
                "generatedAt": generated,
                "seqNo": number,
                "tbc": more,
                "reportData": part,
            });
            self.call("NotifyReport", report);
        }
    }
}

fn item(variable: &Variable) -> Value {
    let mut component = json!({ "name": variable.component });
    if let Some((evse, connector)) = variable.place {
        component["evse"] = json!({ "id": evse });
        if let Some(connector) = connector {
            component["evse"]["connectorId"] = connector.into();
        }
    }
    let mut named = json!({ "name": variable.name });
    if let Some(instance) = variable.instance {
        named["instance"] = instance.into();
    }
    let mutability = match variable.mutability {
        Mutability::ReadOnly => "ReadOnly",
        Mutability::WriteOnly => "WriteOnly",
        Mutability::ReadWrite => "ReadWrite",
    };
    let mut attribute = json!({
        "type": "Actual", "mutability": mutability, "persistent": variable.persistent, "constant": false,
    });
    if variable.mutability != Mutability::WriteOnly {
        attribute["value"] = variable.value.clone().into();
    }
    let mut characteristics = json!({ "dataType": variable.domain.data_type(), "supportsMonitoring": false });
    match &variable.domain {
        Domain::Integer(min, max) => {
            characteristics["minLimit"] = (*min).into();
            characteristics["maxLimit"] = (*max).into();
        }
        Domain::MemberList(all) | Domain::OptionList(all) => characteristics["valuesList"] = all.join(",").into(),
        Domain::Text(length) => characteristics["maxLimit"] = (*length).into(),
        Domain::Boolean | Domain::DateTime => {}
    }
    json!({
        "component": component,
        "variable": named,
        "variableAttribute": [attribute],
        "variableCharacteristics": characteristics,
    })
}
