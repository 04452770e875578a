//! Monitors of variables (N02 to N07).
//!
//! Our station has one preconfigured monitor, on its main meter. The test cases report clock-aligned readings as its events.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Around, OwnStation,
    device::{Device, Variable},
    follow_up::{FollowUp, Message},
    items,
    model::MonitorKind,
    refused,
    reports::{ITEMS, parts},
    status,
};

/// Maximum number of monitors that the CSMS may set.
const MOST: usize = 100;
/// The lowest severity; 0 is the highest.
const LOWEST: i64 = 9;
/// The preconfigured monitor: its id, its variable, and the variable with its interval.
const PRECONFIGURED: (i64, &str, &str) = (1, "FiscalMetering.EnergyImportRegister", "AlignedDataCtrlr.Interval");

/// `MonitoringBaseEnumType`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
enum Base {
    #[default]
    All,
    FactoryDefault,
    HardWiredOnly,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Monitor {
    /// The full name of its variable.
    key: String,
    kind: MonitorKind,
    value: f64,
    severity: i64,
    /// Only while a transaction goes on.
    transaction: bool,
    /// The value at the last event, or when the monitor was set.
    last: String,
    /// The threshold is exceeded.
    passed: bool,
}

/// The monitors that the CSMS has set, with monitoring base and level.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub(super) struct Monitors {
    base: Base,
    /// None before the CSMS has set one.
    level: Option<i64>,
    custom: BTreeMap<i64, Monitor>,
}

impl Monitors {
    pub(super) fn base(&self) -> Value {
        json!(self.base)
    }

    pub(super) fn level(&self) -> i64 {
        self.level.unwrap_or(LOWEST)
    }

    /// True if the CSMS has set none.
    pub(super) fn is_empty(&self) -> bool {
        self.custom.is_empty()
    }

    /// True if the variable has the preconfigured monitor.
    pub(super) fn is_preconfigured(key: &str) -> bool {
        key == PRECONFIGURED.1
    }

    /// The variables with monitors of the CSMS.
    pub(super) fn watched(&self) -> impl Iterator<Item = &str> {
        self.custom.values().map(|monitor| monitor.key.as_str())
    }

    fn free_id(&self) -> i64 {
        self.custom.keys().next_back().map_or(PRECONFIGURED.0, |last| (*last).max(PRECONFIGURED.0)).saturating_add(1)
    }

    /// Sets a monitor. Returns its id, or the status of the refusal.
    fn set(&mut self, device: &Device<'_>, item: &Value) -> Result<i64, Value> {
        let variable = device.find(item).map_err(|unknown| status(unknown.status()))?;
        let definition = &variable.definition.variable;
        let kind = serde_json::from_value::<MonitorKind>(item["type"].clone()).ok();
        let Some(kind) = kind.filter(|kind| definition.monitors.contains(kind)) else {
            return Err(status("UnsupportedMonitorType")); // N04.FR.05
        };
        let value = item["value"].as_f64().unwrap_or_default();
        let severity = item["severity"].as_i64().unwrap_or(LOWEST);
        let outside = match kind {
            MonitorKind::Delta => value < 0.0, // N04.FR.14
            // N04.FR.06
            MonitorKind::UpperThreshold | MonitorKind::LowerThreshold => {
                definition.admits(&value.to_string(), &[]).is_err()
            }
        };
        if outside || !(0..=LOWEST).contains(&severity) {
            return Err(refused("Rejected", "ValueOutOfRange"));
        }
        let key = variable.key();
        let id = item["id"].as_i64();
        // N04.FR.13, N04.FR.16, N04.FR.18
        if id.is_some_and(|id| self.custom.get(&id).is_none_or(|known| known.key != key)) {
            return Err(refused("Rejected", "NotFound"));
        }
        let twin = |(known, one): (&i64, &Monitor)| {
            Some(*known) != id && one.key == key && one.kind == kind && one.severity == severity
        };
        if self.custom.iter().any(twin) {
            return Err(status("Duplicate")); // N04.FR.10
        }
        if id.is_none() && self.custom.len() >= MOST {
            return Err(refused("Rejected", "OutOfStorage"));
        }
        let id = id.unwrap_or_else(|| self.free_id());
        let transaction = item["transaction"] == true;
        let last = device.value(&variable);
        self.custom.insert(id, Monitor { key, kind, value, severity, transaction, last, passed: false });
        Ok(id)
    }

    /// The events that new values trigger (N07.FR.02, N07.FR.16 to N07.FR.19).
    pub(super) fn changed(&mut self, values: &BTreeMap<String, String>, around: &Around) -> Vec<FollowUp> {
        let level = self.level();
        let mut events = Vec::new();
        for (id, monitor) in &mut self.custom {
            let Some(value) = values.get(&monitor.key) else { continue };
            let number = value.parse::<f64>().ok();
            let (trigger, cleared) = match monitor.kind {
                MonitorKind::Delta => {
                    let far = match (number, monitor.last.parse::<f64>().ok()) {
                        (Some(now), Some(last)) => (now - last).abs() > monitor.value,
                        _ => *value != monitor.last,
                    };
                    if !far {
                        continue;
                    }
                    monitor.last.clone_from(value);
                    ("Delta", false)
                }
                kind => {
                    let passed = number.is_some_and(|now| match kind {
                        MonitorKind::UpperThreshold => now > monitor.value,
                        _ => now < monitor.value,
                    });
                    if passed == std::mem::replace(&mut monitor.passed, passed) {
                        continue;
                    }
                    ("Alerting", !passed)
                }
            };
            // N05.FR.03
            if monitor.severity > level || (monitor.transaction && around.running.is_empty()) {
                continue;
            }
            let mut data = json!({
                "timestamp": around.time(),
                "trigger": trigger,
                "actualValue": value,
                "eventNotificationType": "CustomMonitor",
                "variableMonitoringId": id,
            });
            if cleared {
                data["cleared"] = true.into();
            }
            events.push((monitor.key.clone(), data));
        }
        events.into_iter().map(|(key, data)| FollowUp::new("SetVariableMonitoring", event(&key, data))).collect()
    }
}

/// An event of the variable with this full name.
fn event(key: &str, mut data: Value) -> Message {
    let (component, variable) = key.split_once('.').unwrap_or((key, ""));
    let mut place = component.split('/');
    data["component"] = json!({ "name": place.next() });
    let numbers: Vec<u64> = place.filter_map(|number| number.parse().ok()).collect();
    match numbers.as_slice() {
        [evse] => data["component"]["evse"] = json!({ "id": evse }),
        [evse, connector] => data["component"]["evse"] = json!({ "id": evse, "connectorId": connector }),
        _ => {}
    }
    data["variable"] = match variable.strip_suffix(']').and_then(|variable| variable.split_once('[')) {
        Some((name, instance)) => json!({ "name": name, "instance": instance }),
        None => json!({ "name": variable }),
    };
    Message::Event(data)
}

impl OwnStation {
    pub(super) fn set_monitors(&self, around: &Around, payload: &Value) -> Value {
        let device = Device::new(self, around);
        let mut monitors = self.monitors.clone();
        let results = items(payload, "setMonitoringData").map(|item| {
            let mut result = json!({
                "component": item["component"], "variable": item["variable"], "type": item["type"],
                "severity": item["severity"],
            });
            let outcome = match monitors.set(&device, item) {
                Ok(id) => json!({ "id": id, "status": "Accepted" }),
                Err(refusal) => refusal,
            };
            if let (Value::Object(result), Value::Object(outcome)) = (&mut result, outcome) {
                result.extend(outcome);
            }
            result
        });
        json!({ "setMonitoringResult": results.collect::<Vec<_>>() })
    }

    /// Sets the monitors of a request.
    pub(super) fn keep_monitors(&mut self, around: &Around, request: &Value) {
        let mut monitors = self.monitors.clone();
        let device = Device::new(self, around);
        for item in items(request, "setMonitoringData") {
            // A refusal changes nothing.
            let _ = monitors.set(&device, item);
        }
        self.monitors = monitors;
    }

    pub(super) fn clear_monitors(&self, payload: &Value) -> Value {
        let results = items(payload, "id").map(|id| {
            let known = id.as_i64().is_some_and(|id| self.monitors.custom.contains_key(&id));
            let status = match id.as_i64() {
                _ if known => "Accepted",
                Some(id) if id == PRECONFIGURED.0 => "Rejected", // N06.FR.03
                _ => "NotFound",
            };
            json!({ "id": id, "status": status })
        });
        json!({ "clearMonitoringResult": results.collect::<Vec<_>>() })
    }

    pub(super) fn forget_monitors(&mut self, reply: &Value) {
        for result in items(reply, "clearMonitoringResult").filter(|result| result["status"] == "Accepted") {
            if let Some(id) = result["id"].as_i64() {
                self.monitors.custom.remove(&id);
            }
        }
    }

    /// N03.FR.03 to N03.FR.05
    pub(super) fn keep_monitoring_base(&mut self, request: &Value) {
        self.monitors.base = serde_json::from_value(request["monitoringBase"].clone()).unwrap_or_default();
        if self.monitors.base != Base::All {
            self.monitors.custom.clear();
        }
    }

    pub(super) fn set_monitoring_level(payload: &Value) -> Value {
        let right = payload["severity"].as_i64().is_some_and(|level| (0..=LOWEST).contains(&level));
        if right { status("Accepted") } else { refused("Rejected", "ValueOutOfRange") } // N05.FR.02
    }

    pub(super) fn keep_monitoring_level(&mut self, request: &Value) {
        self.monitors.level = request["severity"].as_i64().filter(|level| (0..=LOWEST).contains(level));
    }

    pub(super) fn monitoring_report(&self, around: &Around, payload: &Value) -> Value {
        if !around.room {
            return refused("Rejected", "OutOfMemory");
        }
        let device = Device::new(self, around);
        status(if self.monitors_meant(&device, payload).is_empty() { "EmptyResultSet" } else { "Accepted" })
    }

    pub(super) fn monitors_reported(&self, around: &Around, payload: &Value) -> Vec<FollowUp> {
        let device = Device::new(self, around);
        let monitors: Vec<Value> = self
            .monitors_meant(&device, payload)
            .into_iter()
            .map(|(variable, monitors)| {
                json!({
                    "component": variable.component(), "variable": variable.variable(), "variableMonitoring": monitors,
                })
            })
            .collect();
        let whole = parts(&monitors, device.number(ITEMS)).enumerate().map(|(number, (part, more))| {
            let report = json!({
                "requestId": payload["requestId"],
                "generatedAt": around.time(),
                "seqNo": number,
                "tbc": more,
                "monitor": part,
            });
            FollowUp::new("GetMonitoringReport", Message::Whole("NotifyMonitoringReport", report))
        });
        whole.collect()
    }

    /// The monitors that a GetMonitoringReport selects (`VariableMonitoringType`), by variable.
    fn monitors_meant(&self, device: &Device<'_>, payload: &Value) -> Vec<(Variable, Vec<Value>)> {
        let criteria: Vec<&str> = items(payload, "monitoringCriteria").filter_map(Value::as_str).collect();
        let named: Vec<&Value> = items(payload, "componentVariable").collect();
        // N02.FR.12 to N02.FR.14
        let meets = |criterion: &str| criteria.is_empty() || criteria.contains(&criterion);
        let monitors_of = |variable: &Variable| {
            let key = variable.key();
            let custom = self.monitors.custom.iter().filter(|(_, monitor)| {
                let delta = monitor.kind == MonitorKind::Delta;
                monitor.key == key && meets(if delta { "DeltaMonitoring" } else { "ThresholdMonitoring" })
            });
            let mut found: Vec<Value> = custom
                .map(|(id, monitor)| {
                    json!({
                        "id": id, "transaction": monitor.transaction, "value": monitor.value, "type": monitor.kind,
                        "severity": monitor.severity,
                    })
                })
                .collect();
            let (id, own, interval) = PRECONFIGURED;
            if own == key && self.monitors.base != Base::HardWiredOnly && meets("PeriodicMonitoring") {
                found.push(json!({
                    "id": id, "transaction": false, "value": device.number(interval), "type": "PeriodicClockAligned",
                    "severity": LOWEST,
                }));
            }
            found
        };
        device
            .variables()
            .filter(|variable| named.is_empty() || named.iter().any(|item| variable.is_meant_by(item)))
            .map(|variable| (variable, monitors_of(&variable)))
            .filter(|(_, monitors)| !monitors.is_empty())
            .collect()
    }
}
