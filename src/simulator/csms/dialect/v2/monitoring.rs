//! The monitors of a station, as it told of them (N02 to N08).

use std::collections::BTreeMap;

use serde_json::Value;

use crate::manual_action::ActionOutcome;

/// Most monitors of a station that are kept.
const MAX_KEPT: usize = 10_000;

/// A monitor with the variable that it is on.
struct Monitor {
    component: Value,
    variable: Value,
    kind: Value,
    value: Value,
}

/// The monitors of a station, by id.
#[derive(Default)]
pub(super) struct Monitors {
    known: BTreeMap<i64, Monitor>,
}

fn items<'v>(payload: &'v Value, name: &str) -> impl Iterator<Item = &'v Value> {
    payload[name].as_array().into_iter().flatten()
}

impl Monitors {
    fn keep(&mut self, id: &Value, of: &Value, monitor: &Value) {
        let Some(id) = id.as_i64().filter(|id| self.known.len() < MAX_KEPT || self.known.contains_key(id)) else {
            return;
        };
        let (component, variable) = (of["component"].clone(), of["variable"].clone());
        let (kind, value) = (monitor["type"].clone(), monitor["value"].clone());
        self.known.insert(id, Monitor { component, variable, kind, value });
    }

    /// Learns from an answer of the station.
    pub(super) fn answered(&mut self, action: &str, request: &Value, response: &Value) {
        match action {
            "SetVariableMonitoring" => {
                let same = |item: &&Value, result: &Value| {
                    ["component", "variable", "type", "severity"].iter().all(|name| item[*name] == result[*name])
                };
                for result in items(response, "setMonitoringResult").filter(|result| result["status"] == "Accepted") {
                    if let Some(item) = items(request, "setMonitoringData").find(|item| same(item, result)) {
                        self.keep(&result["id"], item, item);
                    }
                }
            }
            // A monitor that is not found is none (N06.FR.02).
            "ClearVariableMonitoring" => {
                for result in items(response, "clearMonitoringResult").filter(|result| result["status"] != "Rejected") {
                    if let Some(id) = result["id"].as_i64() {
                        self.known.remove(&id);
                    }
                }
            }
            // Custom monitors are gone (N03.FR.04, N03.FR.05), and which others there are is for a report to tell.
            "SetMonitoringBase" if response["status"] == "Accepted" && request["monitoringBase"] != "All" => {
                self.known.clear();
            }
            _ => {}
        }
    }

    /// Takes a part of a report in.
    pub(super) fn reported(&mut self, payload: &Value) {
        for of in items(payload, "monitor") {
            for monitor in items(of, "variableMonitoring") {
                self.keep(&monitor["id"], of, monitor);
            }
        }
    }

    /// Whether the console shows such a monitor.
    pub(super) fn shows(&self, asked: &Value) -> ActionOutcome {
        let value = |value: &Value| value.as_f64().or_else(|| value.as_str()?.parse().ok());
        let found = self.known.values().any(|monitor| {
            monitor.component["name"] == asked["component"]
                && monitor.component["evse"]["id"] == asked["evse"]
                && monitor.variable["name"] == asked["variable"]
                && monitor.kind == asked["type"]
                && value(&monitor.value) == value(&asked["value"])
        });
        if found { ActionOutcome::Done } else { ActionOutcome::Denied("no such monitor is shown".into()) }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_monitor_is_shown_from_when_the_station_tells_of_it_until_it_is_cleared() {
        let of = |evse: u64| {
            let component = json!({ "name": "EVSE", "evse": { "id": evse } });
            json!({ "component": component, "variable": { "name": "Power" }, "type": "UpperThreshold", "severity": 5 })
        };
        let mut monitors = Monitors::default();
        let shown = |monitors: &Monitors, evse: u64, value: i64| {
            let asked = json!({
                "component": "EVSE", "evse": evse, "variable": "Power", "type": "UpperThreshold", "value": value,
            });
            monitors.shows(&asked) == ActionOutcome::Done
        };
        let (mut item, mut result) = (of(1), of(1));
        item["value"] = 7000.into();
        result["id"] = 12.into();
        result["status"] = "Rejected".into();
        let asked = json!({ "setMonitoringData": [item] });
        monitors.answered("SetVariableMonitoring", &asked, &json!({ "setMonitoringResult": [result] }));
        assert!(!shown(&monitors, 1, 7000));
        result["status"] = "Accepted".into();
        monitors.answered("SetVariableMonitoring", &asked, &json!({ "setMonitoringResult": [result] }));
        let mut reported = of(2);
        let data = json!({ "id": 13, "type": "UpperThreshold", "value": 8000.0, "severity": 5, "transaction": false });
        reported["variableMonitoring"] = json!([data]);
        monitors.reported(&json!({ "monitor": [reported] }));
        assert!(shown(&monitors, 1, 7000) && shown(&monitors, 2, 8000));
        assert!(!shown(&monitors, 2, 7000));
        let cleared = json!([{ "id": 12, "status": "Accepted" }, { "id": 13, "status": "Rejected" }]);
        let cleared = json!({ "clearMonitoringResult": cleared });
        monitors.answered("ClearVariableMonitoring", &json!({ "id": [12, 13] }), &cleared);
        assert!(!shown(&monitors, 1, 7000) && shown(&monitors, 2, 8000));
        let base = json!({ "monitoringBase": "FactoryDefault" });
        monitors.answered("SetMonitoringBase", &base, &json!({ "status": "Accepted" }));
        assert!(!shown(&monitors, 2, 8000));
    }
}
