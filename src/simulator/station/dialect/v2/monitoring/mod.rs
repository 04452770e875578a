//! Monitors of variables: set, cleared, chosen by base and level (N03 to N06).
//!
//! [`report`] tells which there are (N02), [`events`] what they notice (N07, N08).

mod events;
mod report;
mod streams;

use serde_json::{Value, json};

pub(super) use self::streams::Streams;

use super::{
    Station, Timer,
    device::{Domain, Variable},
};
use crate::{
    pics::{Pics, Profile},
    protocol::Version,
};

/// Most monitors that the station keeps.
const MOST: usize = 100;
/// The severities that there are (2.42).
const SEVERITIES: std::ops::RangeInclusive<i64> = 0..=9;
/// The longest interval of a periodic monitor, in seconds: one year.
const LONGEST: f64 = 31_536_000.0;
/// The component that tells how monitoring is set.
const CONTROLLER: &str = "MonitoringCtrlr";

/// What a monitor waits for (`MonitorEnumType`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    UpperThreshold,
    LowerThreshold,
    Delta,
    /// Since OCPP 2.1, as is the next one: away from the target of the variable.
    TargetDelta,
    TargetDeltaRelative,
    Periodic,
    PeriodicClockAligned,
}

impl Kind {
    const ALL: [Self; 7] = [
        Self::UpperThreshold,
        Self::LowerThreshold,
        Self::Delta,
        Self::Periodic,
        Self::PeriodicClockAligned,
        Self::TargetDelta,
        Self::TargetDeltaRelative,
    ];
    /// Those of OCPP 2.0.1 for numbers.
    const NUMERIC: &[Self] = Self::ALL.split_at(5).0;
    /// What makes sense where there are no numbers.
    const NOT_NUMERIC: [Self; 3] = [Self::Delta, Self::Periodic, Self::PeriodicClockAligned];

    fn word(self) -> &'static str {
        match self {
            Self::UpperThreshold => "UpperThreshold",
            Self::LowerThreshold => "LowerThreshold",
            Self::Delta => "Delta",
            Self::TargetDelta => "TargetDelta",
            Self::TargetDeltaRelative => "TargetDeltaRelative",
            Self::Periodic => "Periodic",
            Self::PeriodicClockAligned => "PeriodicClockAligned",
        }
    }

    fn of(word: &Value) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| word == kind.word())
    }

    fn is_threshold(self) -> bool {
        matches!(self, Self::UpperThreshold | Self::LowerThreshold)
    }

    fn is_delta(self) -> bool {
        matches!(self, Self::Delta | Self::TargetDelta | Self::TargetDeltaRelative)
    }

    fn is_periodic(self) -> bool {
        matches!(self, Self::Periodic | Self::PeriodicClockAligned)
    }
}

/// Who made a monitor (`EventNotificationEnumType`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    HardWired,
    Preconfigured,
    Custom,
}

impl Origin {
    /// The type of the events that such a monitor makes.
    const fn notification(self) -> &'static str {
        match self {
            Self::HardWired => "HardWiredMonitor",
            Self::Preconfigured => "PreconfiguredMonitor",
            Self::Custom => "CustomMonitor",
        }
    }
}

/// A monitor.
#[derive(Debug, Clone)]
struct Monitor {
    id: i64,
    /// The index of its variable in the device model.
    variable: usize,
    kind: Kind,
    value: f64,
    severity: i64,
    /// It is active only during a transaction.
    transaction: bool,
    origin: Origin,
    /// False for a preconfigured monitor that is switched off.
    active: bool,
    /// The threshold is passed, and that was told.
    exceeded: bool,
    /// The value that changes are counted from.
    reference: String,
    /// The preconfigured monitor that it replaced (N04.FR.15).
    overrules: Option<Box<Monitor>>,
}

impl Monitor {
    /// True when a value is beyond the threshold; on it is not beyond (N07.FR.16, N07.FR.17).
    fn is_passed_by(&self, value: &str) -> bool {
        value.parse::<f64>().is_ok_and(|number| match self.kind {
            Kind::UpperThreshold => number > self.value,
            Kind::LowerThreshold => number < self.value,
            _ => false,
        })
    }
}

/// All monitors, and how severe an event must be to be told.
#[derive(Debug)]
pub(super) struct Monitors {
    all: Vec<Monitor>,
    level: i64,
    last_id: i64,
}

/// The kinds of monitors that a variable may have.
pub(super) fn kinds(variable: &Variable, pics: &Pics) -> &'static [Kind] {
    if !is_offered(pics) {
        return &[];
    }
    match (variable.component, variable.name) {
        ("EVSE", "Power") if pics.ocpp.protocol().version == Version::V2_1 => &Kind::ALL,
        ("EVSE", "Power") => Kind::NUMERIC,
        (
            "ChargingStation" | "EVSE" | "Connector" | "ConnectorPlugRetentionLock" | "ShockSensor",
            "AvailabilityState" | "Available" | "Problem" | "Active",
        ) => &Kind::NOT_NUMERIC,
        ("SecurityCtrlr", "BasicAuthPassword") if pics.is_yes("AQ-10") => &[Kind::Delta],
        _ => &[],
    }
}

/// True when the product has monitors.
pub(super) fn is_offered(pics: &Pics) -> bool {
    pics.supports(Profile::ADVANCED_DEVICE_MANAGEMENT)
}

impl Monitors {
    /// The monitors that the product is delivered with: a hard-wired one (AQ-5) that tells of shocks, and a
    /// preconfigured one (AQ-6) that warns of an EVSE near its limit.
    pub(super) fn new(pics: &Pics, variables: &[Variable]) -> Self {
        let mut monitors = Self { all: Vec::new(), level: *SEVERITIES.end(), last_id: 0 };
        if !is_offered(pics) {
            return monitors;
        }
        let delivered = [
            ("AQ-5", "ShockSensor", "Active", Kind::Delta, 1.0, 3, Origin::HardWired),
            ("AQ-6", "EVSE", "Power", Kind::UpperThreshold, 0.99, 4, Origin::Preconfigured),
        ];
        for (question, component, name, kind, value, severity, origin) in delivered {
            let of = |variable: &Variable| variable.component == component && variable.name == name;
            let Some(variable) = variables.iter().position(of).filter(|_| pics.is_yes(question)) else { continue };
            // Of a threshold it is the part of the limit.
            let value =
                if kind == Kind::UpperThreshold { value * limits(&variables[variable].domain).1 } else { value };
            monitors.last_id += 1;
            monitors.all.push(Monitor {
                id: monitors.last_id,
                variable,
                kind,
                value,
                severity,
                transaction: false,
                origin,
                active: true,
                exceeded: false,
                reference: variables[variable].value.clone(),
                overrules: None,
            });
        }
        monitors
    }

    fn active(&self) -> impl Iterator<Item = &Monitor> {
        self.all.iter().filter(|monitor| monitor.active)
    }

    fn position(&self, id: i64) -> Option<usize> {
        self.all.iter().position(|monitor| monitor.id == id && monitor.active)
    }
}

/// Why a monitor is not set: the status of the result, and a reason code.
type Refusal = (&'static str, Option<&'static str>);

/// The least and the most that a variable can be.
fn limits(domain: &Domain) -> (f64, f64) {
    match domain {
        #[expect(clippy::cast_precision_loss, reason = "limits of variables are small")]
        Domain::Integer(min, max) => (*min as f64, *max as f64),
        Domain::Decimal(min, max) => (*min, *max),
        _ => (f64::MIN, f64::MAX),
    }
}

/// Whether a monitor of this kind can have this value on a variable (N04.FR.06, N04.FR.14).
fn check_value(kind: Kind, value: f64, domain: &Domain) -> Result<(), Refusal> {
    let limits = limits(domain);
    let right = match kind {
        Kind::Delta | Kind::TargetDelta | Kind::TargetDeltaRelative => value >= 0.0,
        Kind::UpperThreshold | Kind::LowerThreshold => (limits.0..=limits.1).contains(&value),
        Kind::Periodic | Kind::PeriodicClockAligned => (1.0..=LONGEST).contains(&value),
    };
    let reason = if value < 0.0 && kind.is_delta() { "ValuePositiveOnly" } else { "ValueOutOfRange" };
    if right { Ok(()) } else { Err(("Rejected", Some(reason))) }
}

impl Station {
    pub(super) fn has_monitoring(&self) -> bool {
        is_offered(&self.pics)
    }

    fn monitoring_enabled(&self) -> bool {
        self.device.is(CONTROLLER, "Enabled")
    }

    // ---- N04 ----

    pub(super) fn set_monitors(&mut self, payload: &Value) -> Value {
        let mut results = Vec::new();
        for item in payload["setMonitoringData"].as_array().into_iter().flatten() {
            let outcome = self.set_monitor(item);
            let mut result = json!({
                "status": "Accepted",
                "type": item["type"],
                "severity": item["severity"],
                "component": item["component"],
                "variable": item["variable"],
            });
            match outcome {
                Ok(id) => result["id"] = id.into(),
                Err((status, reason)) => {
                    result["status"] = status.into();
                    if let Some(reason) = reason {
                        result["statusInfo"] = json!({ "reasonCode": reason });
                    }
                }
            }
            results.push(result);
        }
        json!({ "setMonitoringResult": results })
    }

    /// Sets a monitor, or replaces one; its id.
    fn set_monitor(&mut self, item: &Value) -> Result<i64, Refusal> {
        let variable = self.find_variable(item).map_err(|status| (status, None))?;
        if !self.monitoring_enabled() {
            return Err(("Rejected", Some("NotEnabled")));
        }
        let replaced = match item["id"].as_i64() {
            None => None,
            Some(id) => Some(self.replaceable(id, variable)?),
        };
        let about = &self.device.variables[variable];
        let kind = Kind::of(&item["type"])
            .filter(|kind| kinds(about, &self.pics).contains(kind))
            .ok_or(("UnsupportedMonitorType", None))?;
        let severity = item["severity"].as_i64().filter(|severity| SEVERITIES.contains(severity));
        let severity = severity.ok_or(("Rejected", Some("ValueOutOfRange")))?;
        let value = item["value"].as_f64().unwrap_or_default();
        check_value(kind, value, &about.domain)?;
        let other = |monitor: &Monitor| {
            (monitor.variable, monitor.kind, monitor.severity) == (variable, kind, severity)
                && item["id"].as_i64() != Some(monitor.id)
        };
        if self.monitors.active().any(other) {
            return Err(("Duplicate", None));
        }
        if replaced.is_none() && self.monitors.all.len() >= MOST {
            return Err(("Rejected", Some("OutOfMemory")));
        }
        let id = item["id"].as_i64().unwrap_or(self.monitors.last_id + 1);
        let stream = item.get("periodicEventStream").filter(|_| kind.is_periodic());
        if stream.is_some() && !self.streams.have_room_for(id) {
            return Err(("Rejected", Some("TooManyElements")));
        }
        let mut monitor = Monitor {
            id,
            variable,
            kind,
            value,
            severity,
            transaction: item["transaction"] == true,
            origin: Origin::Custom,
            active: true,
            exceeded: false,
            reference: about.value.clone(),
            overrules: None,
        };
        match replaced {
            Some(at) => {
                let former = &self.monitors.all[at];
                // N07.FR.11: an alert that the new threshold ends will be cleared; one that goes on is told anew.
                monitor.exceeded = former.kind == kind && former.exceeded && !monitor.is_passed_by(&about.value);
                monitor.overrules = match former.origin {
                    Origin::Preconfigured => Some(Box::new(former.clone())),
                    _ => former.overrules.clone(),
                };
                self.monitors.all[at] = monitor;
            }
            None => self.monitors.all.push(monitor),
        }
        self.monitors.last_id = self.monitors.last_id.max(id);
        self.streams.monitor_set(id, stream);
        self.schedule_monitor(id);
        Ok(id)
    }

    /// The index of a monitor that may be replaced by one on this variable (N04.FR.13, N04.FR.16, N04.FR.18).
    fn replaceable(&self, id: i64, variable: usize) -> Result<usize, Refusal> {
        let at = self.monitors.position(id).ok_or(("Rejected", Some("NotFound")))?;
        let known = &self.monitors.all[at];
        if known.variable != variable || known.origin == Origin::HardWired {
            return Err(("Rejected", Some("InvalidValue")));
        }
        Ok(at)
    }

    // ---- N06 ----

    pub(super) fn clear_monitors(&mut self, payload: &Value) -> Value {
        let mut results = Vec::new();
        for id in payload["id"].as_array().into_iter().flatten().filter_map(Value::as_i64) {
            let (status, reason) = match self.monitors.position(id) {
                _ if !self.monitoring_enabled() => ("Rejected", Some("NotEnabled")),
                None => ("NotFound", Some("NotFound")),
                Some(at) if self.monitors.all[at].origin == Origin::HardWired => ("Rejected", None),
                Some(at) => {
                    self.remove_monitor(at);
                    ("Accepted", None)
                }
            };
            let mut result = json!({ "status": status, "id": id });
            if let Some(reason) = reason {
                result["statusInfo"] = json!({ "reasonCode": reason });
            }
            results.push(result);
        }
        json!({ "clearMonitoringResult": results })
    }

    /// Removes a monitor. A preconfigured one, overruled or not, is only switched off: a monitoring base can bring it
    /// back.
    fn remove_monitor(&mut self, at: usize) {
        let id = self.monitors.all[at].id;
        self.cancel(|timer| *timer == Timer::Monitor(id));
        self.streams.monitor_gone(id);
        let monitor = &mut self.monitors.all[at];
        if let Some(former) = monitor.overrules.take() {
            *monitor = *former;
        }
        monitor.active = false;
        if monitor.origin == Origin::Custom {
            self.monitors.all.remove(at);
        }
    }

    // ---- N03, N05 ----

    pub(super) fn set_monitoring_base(&mut self, payload: &Value) -> Value {
        if !self.monitoring_enabled() {
            return json!({ "status": "Rejected", "statusInfo": { "reasonCode": "NotEnabled" } });
        }
        let base = payload["monitoringBase"].as_str().unwrap_or("All");
        if base != "All" {
            for at in (0..self.monitors.all.len()).rev() {
                let monitor = &self.monitors.all[at];
                if monitor.origin == Origin::Custom || base == "HardWiredOnly" && monitor.origin != Origin::HardWired {
                    self.remove_monitor(at);
                }
            }
        }
        if base != "HardWiredOnly" {
            for monitor in self.monitors.all.iter_mut().filter(|monitor| !monitor.active) {
                monitor.active = true;
                monitor.exceeded = false;
                monitor.reference.clone_from(&self.device.variables[monitor.variable].value);
            }
            self.schedule_monitors();
        }
        self.device.put(CONTROLLER, "ActiveMonitoringBase", base);
        json!({ "status": "Accepted" })
    }

    pub(super) fn set_monitoring_level(&mut self, payload: &Value) -> Value {
        let rejected = |reason: &str| json!({ "status": "Rejected", "statusInfo": { "reasonCode": reason } });
        if !self.monitoring_enabled() {
            return rejected("NotEnabled");
        }
        match payload["severity"].as_i64().filter(|severity| SEVERITIES.contains(severity)) {
            None => rejected("ValueOutOfRange"),
            Some(severity) => {
                self.monitors.level = severity;
                self.device.put(CONTROLLER, "ActiveMonitoringLevel", severity.to_string());
                json!({ "status": "Accepted" })
            }
        }
    }
}
