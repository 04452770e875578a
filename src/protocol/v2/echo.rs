//! What a message must say again of the request that it answers: components and variables, types, request ids.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::protocol::{
    rules::Rule,
    session::{Breach, Call},
};

/// A response with an element for each element of the request.
struct Elements {
    action: &'static str,
    request: &'static str,
    response: &'static str,
    /// What of an element is said again; nothing: the element is a plain value, said again under this name.
    members: &'static [&'static str],
    plain: &'static str,
    count: &'static str,
    same: &'static str,
}

const ELEMENTS: [Elements; 4] = [
    Elements {
        action: "GetVariables",
        request: "getVariableData",
        response: "getVariableResult",
        members: &["attributeType", "component", "variable"],
        plain: "",
        count: "B06.FR.01",
        same: "B06.FR.02",
    },
    Elements {
        action: "SetVariables",
        request: "setVariableData",
        response: "setVariableResult",
        members: &["attributeType", "component", "variable"],
        plain: "",
        count: "B05.FR.01",
        same: "B05.FR.02",
    },
    Elements {
        action: "SetVariableMonitoring",
        request: "setMonitoringData",
        response: "setMonitoringResult",
        members: &["type", "severity", "component", "variable"],
        plain: "",
        count: "N04.FR.01",
        same: "N04.FR.02",
    },
    Elements {
        action: "ClearVariableMonitoring",
        request: "id",
        response: "clearMonitoringResult",
        members: &[],
        plain: "id",
        count: "N06.FR.01",
        same: "N06.FR.02",
    },
];

/// What a station sends later because of a request: with its requestId.
const FOLLOW_UPS: [(&str, &[&str], &str); 9] = [
    ("NotifyReport", &["GetBaseReport", "GetReport"], "B07.FR.04"),
    ("NotifyMonitoringReport", &["GetMonitoringReport"], "N02.FR.04"),
    ("NotifyCustomerInformation", &["CustomerInformation"], ""),
    ("NotifyDisplayMessages", &["GetDisplayMessages"], ""),
    ("ReportChargingProfiles", &["GetChargingProfiles"], "K09.FR.01"),
    ("LogStatusNotification", &["GetLog"], "N01.FR.07"),
    ("FirmwareStatusNotification", &["UpdateFirmware"], "L01.FR.10"),
    ("PublishFirmwareStatusNotification", &["PublishFirmware"], ""),
    ("ReportDERControl", &["GetDERControl"], "R04.FR.31"),
];

/// True where the answer to this action has an element for each of the request.
pub(super) fn repeats(action: &str) -> bool {
    ELEMENTS.iter().any(|elements| elements.action == action)
}

/// Holds an answer of the SUT against our request.
pub(super) fn check_answer(action: &str, request: &Value, response: &Value, text: &str) -> Option<Breach> {
    let elements = ELEMENTS.iter().find(|elements| elements.action == action)?;
    let list = |payload: &Value, name: &str| payload[name].as_array().cloned().unwrap_or_default();
    let (asked, told) = (list(request, elements.request), list(response, elements.response));
    let mut breach = Breach::new(Rule::AnswersSayWhatWasAsked, String::new(), text);
    if asked.len() != told.len() {
        breach.message =
            format!("{action}Response has {} elements for {} that were asked for", told.len(), asked.len());
        breach.expected = Some(format!("{} elements in {}", asked.len(), elements.response));
        breach.found = Some(told.len().to_string());
        breach.pointer = Some(format!("/{}", elements.response));
        breach.requirements = vec![elements.count.into()];
        return Some(breach);
    }
    // In any order: each is one of those that were asked for, and none of them twice.
    let mut open: Vec<&Value> = asked.iter().collect();
    for (index, one) in told.iter().enumerate() {
        if let Some(found) = open.iter().position(|wanted| elements.differs(wanted, one).is_none()) {
            open.remove(found);
            continue;
        }
        let nearest = asked.get(index).filter(|wanted| open.contains(wanted)).or(open.first().copied());
        let Some((place, wanted, found)) = nearest.and_then(|wanted| elements.differs(wanted, one)) else { continue };
        breach.message = format!("an element of {action}Response does not belong to the request");
        breach.pointer = Some(format!("/{}/{index}{place}", elements.response));
        breach.expected = Some(wanted);
        breach.found = Some(found);
        breach.requirements = vec![elements.same.into()];
        return Some(breach);
    }
    None
}

impl Elements {
    /// Where an element does not say what was asked for: the place in it, what is wanted there, and what is found.
    fn differs(&self, asked: &Value, told: &Value) -> Option<(String, String, String)> {
        if self.members.is_empty() {
            let found = &told[self.plain];
            return (found != asked).then(|| (format!("/{}", self.plain), asked.to_string(), found.to_string()));
        }
        self.members.iter().find_map(|name| difference(asked.get(name), told.get(name), &format!("/{name}")))
    }
}

/// The first place at which two values differ; names and instances are the same in any case (Part 2, 2.16 and 2.53).
fn difference(asked: Option<&Value>, told: Option<&Value>, place: &str) -> Option<(String, String, String)> {
    let empty = |value: Option<&Value>| value.is_none_or(|value| value.as_str().is_some_and(str::is_empty));
    match (asked, told) {
        (Some(Value::Object(one)), Some(Value::Object(other))) => {
            let mut names: Vec<&String> = one.keys().chain(other.keys()).filter(|name| *name != "customData").collect();
            names.sort();
            names.dedup();
            names.into_iter().find_map(|name| difference(one.get(name), other.get(name), &format!("{place}/{name}")))
        }
        (Some(Value::String(one)), Some(Value::String(other))) if one.eq_ignore_ascii_case(other) => None,
        (one, other) if one == other || (empty(one) && empty(other)) => None,
        (one, other) => {
            let shown = |value: Option<&Value>| value.map_or_else(|| "nothing".to_owned(), ToString::to_string);
            Some((place.to_owned(), shown(one), shown(other)))
        }
    }
}

/// Holds the requestId of a message against the requests of this run. Where there was none of its kind, what it belongs to was
/// asked for before the run.
pub(super) fn check_follow_up(request_ids: &BTreeMap<String, BTreeSet<i64>>, call: &Call) -> Option<Breach> {
    let (_, actions, requirement) = FOLLOW_UPS.iter().find(|(action, ..)| *action == call.action)?;
    let id = call.payload["requestId"].as_i64()?;
    let asked: Vec<i64> = actions.iter().filter_map(|action| request_ids.get(*action)).flatten().copied().collect();
    if asked.is_empty() || asked.contains(&id) {
        return None;
    }
    let message = format!("the requestId of {} does not belong to a {} of ours", call.action, actions.join(" or "));
    let ids: Vec<String> = asked.iter().rev().take(5).map(ToString::to_string).collect();
    Some(Breach {
        expected: Some(format!("/requestId = {}", ids.join(" or "))),
        found: Some(id.to_string()),
        pointer: Some("/requestId".into()),
        requirements: [*requirement].into_iter().filter(|id| !id.is_empty()).map(str::to_owned).collect(),
        ..Breach::new(Rule::AnswersSayWhatWasAsked, message, &call.text)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_element_says_again_what_identifies_it() {
        let asked = json!({ "component": { "name": "EVSE", "evse": { "id": 1 } },
            "variable": { "name": "Power", "instance": "Default" }, "attributeType": "Actual" });
        let differs = |change: &dyn Fn(&mut Value)| {
            let mut told = asked.clone();
            told["attributeStatus"] = "Accepted".into();
            change(&mut told);
            ELEMENTS[0].differs(&asked, &told).map(|(place, ..)| place)
        };
        assert_eq!(differs(&|_| {}), None);
        assert_eq!(differs(&|told| told["component"]["name"] = "evse".into()), None);
        assert_eq!(differs(&|told| told["component"]["customData"] = json!({ "vendorId": "x" })), None);
        let without = |told: &mut Value| {
            told["variable"].as_object_mut().map(|members| members.remove("instance"));
        };
        assert_eq!(differs(&without).as_deref(), Some("/variable/instance"));
        assert_eq!(differs(&|told| told["component"]["evse"]["id"] = 2.into()).as_deref(), Some("/component/evse/id"));
        assert_eq!(differs(&|told| told["attributeType"] = "Target".into()).as_deref(), Some("/attributeType"));
    }
}
