//! Reports of the device model (B07, B08).

use serde_json::{Value, json};

use super::{
    Around, OwnStation,
    device::{Device, Variable},
    follow_up::{FollowUp, Message},
    items, refused, status,
};

/// Components and variables of a SummaryInventory (B07.FR.09).
const SUMMARY: ([&str; 3], [&str; 2]) = (["ChargingStation", "EVSE", "Connector"], ["AvailabilityState", "Available"]);
/// The variable with the maximum number of items in a message.
pub(super) const ITEMS: &str = "DeviceDataCtrlr.ItemsPerMessage[GetReport]";

/// Splits the items of a report into parts of at most `most` items; the flag tells whether more parts follow.
pub(super) fn parts(items: &[Value], most: usize) -> impl Iterator<Item = (&[Value], bool)> {
    let count = items.chunks(most.max(1)).len();
    items.chunks(most.max(1)).enumerate().map(move |(number, part)| (part, number + 1 < count))
}

impl OwnStation {
    pub(super) fn report(&self, around: &Around, action: &str, payload: &Value) -> Value {
        if !around.room {
            // B07.FR.13, B08.FR.16
            return refused("Rejected", "OutOfMemory");
        }
        let device = Device::new(self, around);
        status(if meant(&device, action, payload).is_empty() { "EmptyResultSet" } else { "Accepted" })
    }

    pub(super) fn reported(&self, around: &Around, action: &str, payload: &Value) -> Vec<FollowUp> {
        let device = Device::new(self, around);
        let items: Vec<Value> = meant(&device, action, payload).iter().map(|one| device.report(one)).collect();
        let whole = parts(&items, device.number(ITEMS)).enumerate().map(|(number, (part, more))| {
            let report = json!({
                "requestId": payload["requestId"],
                "generatedAt": around.time(),
                "seqNo": number,
                "tbc": more,
                "reportData": part,
            });
            FollowUp::new(action, Message::Whole("NotifyReport", report))
        });
        whole.collect()
    }
}

/// The variables that a request selects.
fn meant(device: &Device<'_>, action: &str, payload: &Value) -> Vec<Variable> {
    let base = payload["reportBase"].as_str().unwrap_or_default();
    let criteria: Vec<&str> = items(payload, "componentCriteria").filter_map(Value::as_str).collect();
    let named: Vec<&Value> = items(payload, "componentVariable").collect();
    let (components, variables) = SUMMARY;
    let is_meant = |variable: &Variable| match (action, base) {
        ("GetBaseReport", "ConfigurationInventory") => variable.definition.variable.is_writable(),
        ("GetBaseReport", "SummaryInventory") => {
            components.contains(&variable.definition.component.as_str()) && variables.contains(&variable.name())
        }
        ("GetBaseReport", _) => true,
        _ => {
            (criteria.is_empty() || criteria.iter().any(|criterion| fulfils(device, variable, criterion)))
                && (named.is_empty() || named.iter().any(|item| variable.is_meant_by(item)))
        }
    };
    device.variables().filter(is_meant).collect()
}

/// True if the component of a variable meets a criterion (B08.FR.07 to B08.FR.10). Without a variable of that name it counts as
/// active, available and enabled, and as having no problem.
fn fulfils(device: &Device<'_>, variable: &Variable, criterion: &str) -> bool {
    let mut own = device.variables().filter(|one| one.is_beside(variable) && one.name() == criterion).peekable();
    if own.peek().is_none() {
        return criterion != "Problem";
    }
    own.any(|one| device.value(&one) == "true")
}
