//! How many elements a station takes in one message, and the messages that a longer list becomes.

use serde_json::Value;

use super::variables::Variables;

/// A message, its list, and the variable with the most elements that the list may have.
const LIMITED: [(&str, &str, &str); 4] = [
    ("GetVariables", "getVariableData", "DeviceDataCtrlr.ItemsPerMessage[GetVariables]"), // B06.FR.05
    ("SetVariables", "setVariableData", "DeviceDataCtrlr.ItemsPerMessage[SetVariables]"), // B05.FR.11
    ("SetVariableMonitoring", "setMonitoringData", "MonitoringCtrlr.ItemsPerMessage[SetVariableMonitoring]"), // N04.FR.09
    ("ClearVariableMonitoring", "id", "MonitoringCtrlr.ItemsPerMessage[ClearVariableMonitoring]"), // N06.FR.04
];

/// The messages to send in place of one, in order.
pub(super) fn split(variables: &Variables, action: &str, payload: Value) -> Vec<Value> {
    let Some((_, list, limit)) = LIMITED.iter().find(|(limited, ..)| *limited == action) else { return vec![payload] };
    let most = variables.value(limit).and_then(|value| value.parse::<usize>().ok()).filter(|most| *most > 0);
    let Some((items, most)) = payload[*list].as_array().zip(most).filter(|(items, most)| items.len() > *most) else {
        return vec![payload];
    };
    let part = |items: &[Value]| {
        let mut part = payload.clone();
        part[*list] = items.to_vec().into();
        part
    };
    items.chunks(most).map(part).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn no_message_has_more_elements_than_the_station_takes() {
        let mut variables = Variables::default();
        let asked = json!({ "id": [1, 2, 3, 4, 5] });
        assert_eq!(split(&variables, "ClearVariableMonitoring", asked.clone()), std::slice::from_ref(&asked));
        let variable = json!({ "name": "ItemsPerMessage", "instance": "ClearVariableMonitoring" });
        let report = json!({ "reportData": [{
            "component": { "name": "MonitoringCtrlr" }, "variable": variable, "variableAttribute": [{ "value": "2" }],
        }] });
        variables.reported(&report);
        let parts = split(&variables, "ClearVariableMonitoring", asked);
        assert_eq!(parts, [json!({ "id": [1, 2] }), json!({ "id": [3, 4] }), json!({ "id": [5] })]);
        let short = json!({ "id": [7, 8] });
        assert_eq!(split(&variables, "ClearVariableMonitoring", short.clone()), [short]);
    }
}
