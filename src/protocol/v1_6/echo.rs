//! What a message must say again of the request that it answers: keys, connectors, request ids.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::protocol::{
    rules::Rule,
    session::{Breach, Call},
};

/// What a charge point sends later because of a request: with its requestId.
const FOLLOW_UPS: [(&str, &str, &str); 2] = [
    ("LogStatusNotification", "GetLog", "N01.FR.07"),
    ("SignedFirmwareStatusNotification", "SignedUpdateFirmware", "L01.FR.10"),
];

/// Holds an answer of the product against our request; `most_keys`: the GetConfigurationMaxKeys that the charge point has told.
pub(super) fn check_answer(
    action: &str,
    request: &Value,
    response: &Value,
    text: &str,
    most_keys: Option<usize>,
) -> Option<Breach> {
    match action {
        // More keys than it takes in one request may be left unanswered.
        "GetConfiguration" if request["key"].as_array().map(Vec::len) > most_keys.or(Some(usize::MAX)) => None,
        "GetConfiguration" => check_keys(request, response, text),
        "GetCompositeSchedule" => {
            let (asked, told) = (&request["connectorId"], response.get("connectorId")?);
            (asked != told).then(|| Breach {
                expected: Some(format!("/connectorId = {asked}")),
                found: Some(told.to_string()),
                pointer: Some("/connectorId".into()),
                requirements: vec!["1.6, 5.7".into()],
                ..breach("the schedule is for another connector than the one that was asked for".into(), text)
            })
        }
        _ => None,
    }
}

fn breach(message: String, text: &str) -> Breach {
    Breach::new(Rule::AnswersSayWhatWasAsked, message, text)
}

/// Each key that was asked for stands in the answer, as known or as unknown, and no other. Keys are the same in any case (7.15 to
/// 7.19).
fn check_keys(request: &Value, response: &Value, text: &str) -> Option<Breach> {
    let keys = |list: &Value, member: Option<&str>| -> Vec<String> {
        let items = list.as_array().into_iter().flatten();
        let key = |item: &Value| member.map_or(item.as_str(), |member| item[member].as_str()).map(str::to_lowercase);
        items.filter_map(key).collect()
    };
    let asked = keys(&request["key"], None);
    if asked.is_empty() {
        return None;
    }
    let mut told = keys(&response["configurationKey"], Some("key"));
    told.extend(keys(&response["unknownKey"], None));
    let of = |message: String, expected: String| {
        Some(Breach { expected: Some(expected), requirements: vec!["1.6, 5.8".into()], ..breach(message, text) })
    };
    if let Some(key) = asked.iter().find(|key| !told.contains(key)) {
        return of(format!("the answer says nothing of the key {key}"), format!("{key} as known or unknown key"));
    }
    let other = told.iter().find(|key| !asked.contains(key))?;
    of(format!("the answer has the key {other}, which was not asked for"), "only keys that were asked for".into())
}

/// Holds the requestId of a message against the requests of this run. Where there was none of its kind, what it belongs to was
/// asked for before the run.
pub(super) fn check_follow_up(request_ids: &BTreeMap<String, BTreeSet<i64>>, call: &Call) -> Option<Breach> {
    let (_, action, requirement) = FOLLOW_UPS.iter().find(|(action, ..)| *action == call.action)?;
    let id = call.payload["requestId"].as_i64()?;
    let asked = request_ids.get(*action).filter(|asked| !asked.contains(&id))?;
    let ids: Vec<String> = asked.iter().rev().take(5).map(ToString::to_string).collect();
    Some(Breach {
        expected: Some(format!("/requestId = {}", ids.join(" or "))),
        found: Some(id.to_string()),
        pointer: Some("/requestId".into()),
        requirements: vec![(*requirement).to_owned()],
        ..breach(format!("the requestId of {} does not belong to a {action} of ours", call.action), &call.text)
    })
}
