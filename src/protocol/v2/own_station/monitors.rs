//! Monitors of variables (N02 to N07).
//!
//! Our station has a preconfigured monitor on its main meter, whose events (clock-aligned readings) are sent by test cases alone, and
//! a hard-wired one on its temperature.

use std::collections::BTreeMap;

use jiff::Timestamp;
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
/// Longest interval of periodic events, seconds.
const LONGEST: f64 = 31_536_000.0;
/// The lowest severity; 0 is the highest.
const LOWEST: i64 = 9;
/// The preconfigured monitor: its id, its variable, and the variable with its interval.
const PRECONFIGURED: (i64, &str, &str) = (1, "FiscalMetering.EnergyImportRegister", "AlignedDataCtrlr.Interval");
/// The hard-wired monitor, an upper threshold: its id, its variable, its value and its severity.
const HARD_WIRED: (i64, &str, f64, i64) = (2, "TemperatureSensor.Temperature", 80.0, 2);

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
pub(super) struct Monitor {
    /// The full name of its variable.
    pub(super) key: String,
    pub(super) kind: MonitorKind,
    pub(super) value: f64,
    pub(super) severity: i64,
    /// Only while a transaction goes on.
    pub(super) transaction: bool,
    /// The value at the last event, or when the monitor was set.
    pub(super) last: String,
    /// The threshold is exceeded.
    pub(super) passed: bool,
    /// When the next periodic event is due.
    #[serde(default)]
    pub(super) due: Option<Timestamp>,
}

/// The monitors that the CSMS has set, with monitoring base and level.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub(super) struct Monitors {
    base: Base,
    /// None before the CSMS has set one.
    level: Option<i64>,
    pub(super) custom: BTreeMap<i64, Monitor>,
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

    /// True if the variable has a monitor that the CSMS has not set.
    pub(super) fn is_given(key: &str) -> bool {
        key == PRECONFIGURED.1 || key == HARD_WIRED.1
    }

    /// True while the preconfigured monitor is there and not replaced (N03.FR.05, N04.FR.15).
    fn has_preconfigured(&self) -> bool {
        self.base != Base::HardWiredOnly && !self.custom.contains_key(&PRECONFIGURED.0)
    }

    /// The variables with monitors of the CSMS.
    pub(super) fn watched(&self) -> impl Iterator<Item = &str> {
        self.custom.values().map(|monitor| monitor.key.as_str())
    }

    fn free_id(&self) -> i64 {
        self.custom.keys().next_back().map_or(HARD_WIRED.0, |last| (*last).max(HARD_WIRED.0)).saturating_add(1)
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
            MonitorKind::Periodic | MonitorKind::PeriodicClockAligned => !(1.0..=LONGEST).contains(&value),
        };
        if outside || !(0..=LOWEST).contains(&severity) {
            return Err(refused("Rejected", "ValueOutOfRange"));
        }
        let key = variable.key();
        let id = item["id"].as_i64();
        let replaceable = |id: i64| match self.custom.get(&id) {
            Some(known) => known.key == key,
            None => id == PRECONFIGURED.0 && self.has_preconfigured() && key == PRECONFIGURED.1, // N04.FR.12
        };
        // N04.FR.13, N04.FR.16, N04.FR.18
        if id.is_some_and(|id| !replaceable(id)) {
            return Err(refused("Rejected", "NotFound"));
        }
        let twin = |(known, one): (&i64, &Monitor)| {
            Some(*known) != id && one.key == key && one.kind == kind && one.severity == severity
        };
        let given_twin = (kind == MonitorKind::PeriodicClockAligned
            && (key.as_str(), severity) == (PRECONFIGURED.1, LOWEST)
            && id != Some(PRECONFIGURED.0)
            && self.has_preconfigured())
            || (kind == MonitorKind::UpperThreshold && (key.as_str(), severity) == (HARD_WIRED.1, HARD_WIRED.3));
        if given_twin || self.custom.iter().any(twin) {
            return Err(status("Duplicate")); // N04.FR.10
        }
        if id.is_none() && self.custom.len() >= MOST {
            return Err(refused("Rejected", "OutOfStorage"));
        }
        let id = id.unwrap_or_else(|| self.free_id());
        let transaction = item["transaction"] == true;
        let last = device.value(&variable);
        // A threshold that was exceeded is told to be cleared if it is not any more (N07.FR.11).
        let passed = self.custom.get(&id).is_some_and(|former| former.kind == kind && former.passed);
        let mut monitor = Monitor { key, kind, value, severity, transaction, last, passed, due: None };
        monitor.schedule(device.around.now.wall);
        self.custom.insert(id, monitor);
        Ok(id)
    }
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
                Some(id) if id == PRECONFIGURED.0 || id == HARD_WIRED.0 => "Rejected", // N06.FR.03
                _ if known => "Accepted",
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
            let custom = self
                .monitors
                .custom
                .iter()
                .filter(|(_, monitor)| monitor.key == key && meets(monitor.kind.criterion()));
            let mut found: Vec<Value> = custom
                .map(|(id, monitor)| {
                    json!({
                        "id": id, "transaction": monitor.transaction, "value": monitor.value, "type": monitor.kind,
                        "severity": monitor.severity,
                    })
                })
                .collect();
            let (id, own, interval) = PRECONFIGURED;
            if own == key && self.monitors.has_preconfigured() && meets("PeriodicMonitoring") {
                found.push(json!({
                    "id": id, "transaction": false, "value": device.number(interval), "type": "PeriodicClockAligned",
                    "severity": LOWEST,
                }));
            }
            let (id, own, value, severity) = HARD_WIRED;
            if own == key && meets("ThresholdMonitoring") {
                found.push(json!({
                    "id": id, "transaction": false, "value": value, "type": "UpperThreshold", "severity": severity,
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
