//! DER controls that the CSMS sets at a station (R04).

use serde_json::Value;

use crate::protocol::v2::der_control::{MEMBERS, member};

/// Gives a control an id that has none.
pub(super) fn complete(action: &str, payload: &mut Value, number: u64) {
    if action == "SetDERControl" && payload.get("controlId").is_none() {
        payload["controlId"] = format!("control-{number}").into();
    }
}

/// Why the CSMS does not send this, if that is so.
pub(super) fn forbids(action: &str, payload: &Value) -> Option<&'static str> {
    if action != "SetDERControl" {
        return None;
    }
    let kind = payload["controlType"].as_str().unwrap_or_default();
    let given: Vec<&str> = MEMBERS.into_iter().filter(|control| payload.get(control).is_some()).collect();
    if given != [member(kind)] {
        return Some("the control is not the one of its type (R04.FR.16)");
    }
    let control = &payload[member(kind)];
    if payload["isDefault"] == true {
        let timed = control.get("startTime").is_some() || control.get("duration").is_some();
        return timed.then_some("a default control has no time (R04.FR.12)");
    }
    matches!(kind, "EnterService" | "Gradients").then_some("such a control is a default one (R04.FR.14)")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_control_that_breaks_a_requirement_is_not_sent() {
        let told = |is_default: bool, kind: &str, member: &str, control: Value| {
            let told =
                forbids("SetDERControl", &json!({ "isDefault": is_default, "controlType": kind, (member): control }));
            told.and_then(|told| told.split_once('(')).map_or("", |(_, id)| id.trim_end_matches(')')).to_owned()
        };
        assert_eq!(told(true, "FreqDroop", "freqDroop", json!({})), "");
        assert_eq!(told(false, "FreqWatt", "curve", json!({ "duration": 900 })), "");
        assert_eq!(told(true, "FreqWatt", "curve", json!({ "duration": 900 })), "R04.FR.12");
        assert_eq!(told(false, "Gradients", "gradient", json!({})), "R04.FR.14");
        assert_eq!(told(true, "FreqWatt", "freqDroop", json!({})), "R04.FR.16");
    }
}
