//! Reports of the device model (B07, B08).

use serde_json::{Value, json};

use super::{
    Station,
    device::{self, Domain, Mutability, Variable},
    monitoring::kinds,
};
use crate::pics::Pics;

/// Most items of one NotifyReport.
const PART: usize = 20;

/// What is wrong with a component whose variable of this name is true (B07.FR.09).
const ABNORMAL: [&str; 4] = ["Problem", "Tripped", "Overload", "Fallback"];

impl Station {
    /// True when the variable's component has one of the criteria (B08.FR.07 to B08.FR.10, B08.FR.13). Without the
    /// variable of that name a component counts as active, available and enabled, and as having no problem.
    fn fulfils(&self, variable: &Variable, criteria: &[Value]) -> bool {
        criteria.iter().filter_map(Value::as_str).any(|criterion| {
            let own = self.device.variables.iter().find(|other| {
                other.component == variable.component && other.place == variable.place && other.name == criterion
            });
            own.map_or(criterion != "Problem", |own| own.value == "true")
        })
    }

    /// B07.FR.09: how available the station, its EVSEs and (where they differ from their EVSE) connectors are, and all that
    /// is known of components in an abnormal state.
    fn in_summary(&self, variable: &Variable) -> bool {
        let of_evse = || {
            let (id, _) = variable.place?;
            let state = |other: &&Variable| {
                (other.component, other.name, other.place) == ("EVSE", "AvailabilityState", Some((id, None)))
            };
            self.device.variables.iter().find(state).map(|known| known.value.as_str())
        };
        let available = match (variable.component, variable.name) {
            ("ChargingStation" | "EVSE", "AvailabilityState") => true,
            ("Connector", "AvailabilityState") => of_evse() != Some(variable.value.as_str()),
            _ => false,
        };
        let abnormal = |other: &Variable| {
            (other.component, other.place) == (variable.component, variable.place)
                && ABNORMAL.contains(&other.name)
                && other.value == "true"
        };
        available || self.device.variables.iter().any(abnormal)
    }

    fn reported(&self, action: &str, payload: &Value) -> Vec<&Variable> {
        let base = payload["reportBase"].as_str();
        let criteria = payload["componentCriteria"].as_array();
        let named = payload["componentVariable"].as_array();
        self.device
            .variables
            .iter()
            .filter(|variable| match (action, base) {
                ("GetBaseReport", Some("ConfigurationInventory")) => variable.mutability != Mutability::ReadOnly,
                ("GetBaseReport", Some("SummaryInventory")) => self.in_summary(variable),
                ("GetBaseReport", _) => true,
                _ => {
                    criteria.is_none_or(|criteria| self.fulfils(variable, criteria))
                        && named.is_none_or(|named| named.iter().any(|item| names(item, variable)))
                }
            })
            .collect()
    }

    /// The answer to a request for a report.
    pub(super) fn report(&self, action: &str, payload: &Value) -> Value {
        if payload["reportBase"] == "SummaryInventory" && !self.pics.is_yes("C-56") && !self.has_monitoring() {
            return json!({ "status": "NotSupported", "statusInfo": { "reasonCode": "UnsupportedParam" } });
        }
        let empty = self.reported(action, payload).is_empty();
        json!({ "status": if empty { "EmptyResultSet" } else { "Accepted" } })
    }

    /// The report itself, in as many parts as its items need.
    pub(super) fn send_report(&mut self, action: &str, payload: &Value) {
        if self.report(action, payload)["status"] != "Accepted" {
            return;
        }
        let now = self.physical.wall();
        self.device.put("ClockCtrlr", "DateTime", now.clone());
        let items: Vec<Value> =
            self.reported(action, payload).into_iter().map(|variable| item(variable, &self.pics)).collect();
        let parts: Vec<&[Value]> = items.chunks(PART).collect();
        for (number, part) in parts.iter().enumerate() {
            let more = number + 1 < parts.len();
            let report = json!({
                "requestId": payload["requestId"],
                "generatedAt": now,
                "seqNo": number,
                "tbc": more,
                "reportData": part,
            });
            self.call("NotifyReport", report);
        }
    }
}

/// True when a componentVariable of a GetReport stands for the variable: what it leaves out may be anything
/// (B08.FR.20 to B08.FR.25).
pub(super) fn names(item: &Value, variable: &Variable) -> bool {
    let (component, wanted) = (&item["component"], &item["variable"]);
    let same = |named: &Value, known: &str| named.as_str().is_some_and(|name| name.eq_ignore_ascii_case(known));
    let evse = component["evse"]["id"].as_u64();
    let connector = component["evse"]["connectorId"].as_u64();
    same(&component["name"], variable.component)
        && component["instance"]
            .as_str()
            .filter(|instance| !instance.is_empty())
            .is_none_or(|instance| variable.component_instance.as_deref() == Some(instance))
        && evse.is_none_or(|evse| variable.place.is_some_and(|(known, _)| u64::from(known) == evse))
        && connector.is_none_or(|connector| {
            variable.place.is_some_and(|(_, known)| known.is_some_and(|known| u64::from(known) == connector))
        })
        && (wanted.is_null() || same(&wanted["name"], variable.name))
        && wanted["instance"]
            .as_str()
            .is_none_or(|name| variable.instance.is_some_and(|known| known.eq_ignore_ascii_case(name)))
}

/// The component of a variable as messages name it.
pub(super) fn component(variable: &Variable) -> Value {
    let mut component = json!({ "name": variable.component });
    if let Some(instance) = &variable.component_instance {
        component["instance"] = instance.as_str().into();
    }
    if let Some((evse, connector)) = variable.place {
        component["evse"] = json!({ "id": evse });
        if let Some(connector) = connector {
            component["evse"]["connectorId"] = connector.into();
        }
    }
    component
}

/// The variable itself as messages name it.
pub(super) fn variable(variable: &Variable) -> Value {
    let mut named = json!({ "name": variable.name });
    if let Some(instance) = variable.instance {
        named["instance"] = instance.into();
    }
    named
}

fn item(about: &Variable, pics: &Pics) -> Value {
    let mutability = match about.mutability {
        Mutability::ReadOnly => "ReadOnly",
        Mutability::WriteOnly => "WriteOnly",
        Mutability::ReadWrite => "ReadWrite",
    };
    let mut attribute = json!({
        "type": "Actual", "mutability": mutability, "persistent": about.persistent, "constant": false,
    });
    if about.mutability != Mutability::WriteOnly {
        attribute["value"] = about.value.clone().into();
    }
    let mut characteristics =
        json!({ "dataType": about.domain.data_type(), "supportsMonitoring": !kinds(about, pics).is_empty() });
    if let Some(unit) = device::unit(about.component, about.name) {
        characteristics["unit"] = unit.into();
    }
    match &about.domain {
        Domain::Integer(min, max) => {
            characteristics["minLimit"] = (*min).into();
            characteristics["maxLimit"] = (*max).into();
        }
        Domain::Decimal(min, max) => {
            characteristics["minLimit"] = (*min).into();
            characteristics["maxLimit"] = (*max).into();
        }
        Domain::MemberList(all) | Domain::SequenceList(all) | Domain::OptionList(all) => {
            characteristics["valuesList"] = all.join(",").into();
        }
        Domain::Text(length) => characteristics["maxLimit"] = (*length).into(),
        Domain::Boolean | Domain::DateTime => {}
    }
    json!({
        "component": component(about),
        "variable": variable(about),
        "variableAttribute": [attribute],
        "variableCharacteristics": characteristics,
    })
}
