//! DER controls (R01, R04): set, superseded, started and stopped, reported and cleared. They outlive a restart.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{Station, Timer};
use crate::protocol::v2::der_control::{MEMBERS, member};

/// The controls of this station's inverters, in the words of `DCDERCtrlr.ModesSupported`.
pub const MODES: [&str; 10] = [
    "VoltWatt",
    "FreqWatt",
    "VoltVar",
    "HVMustTrip",
    "LVMustTrip",
    "FreqDroop",
    "FixedPFInject",
    "LimitMaxDischarge",
    "EnterService",
    "Gradients",
];
/// The component that describes the inverters.
pub const INVERTER: &str = "DCDERCtrlr";
/// Most controls that the station keeps.
const MOST: usize = 50;
/// Most controls in one report.
const PART: usize = 4;
/// The longest that a control lasts, seconds.
const LONGEST: f64 = 10.0 * 365.0 * 86_400.0;

/// When a scheduled control is in force.
#[derive(Debug, Clone, Copy)]
struct Span {
    start: Timestamp,
    end: Timestamp,
}

impl Span {
    fn of(content: &Value) -> Option<Self> {
        let start: Timestamp = content["startTime"].as_str()?.parse().ok()?;
        let seconds = content["duration"].as_f64().filter(|seconds| (0.0..=LONGEST).contains(seconds))?;
        let end = start.checked_add(SignedDuration::try_from_secs_f64(seconds).ok()?).ok()?;
        Some(Self { start, end })
    }
}

/// A control that was set.
#[derive(Debug, Clone)]
pub struct Control {
    id: String,
    /// Its type.
    pub kind: String,
    /// What it says, as it came.
    pub content: Value,
    priority: i64,
    superseded: bool,
    /// None for a default control.
    span: Option<Span>,
    /// A scheduled control whose time has come.
    running: bool,
}

impl Control {
    /// As ReportDERControl has it.
    fn report(&self) -> Value {
        let inner = match member(&self.kind) {
            "fixedPFAbsorb" | "fixedPFInject" => "fixedPF",
            other => other,
        };
        let mut report = json!({ "id": self.id, inner: self.content });
        if !matches!(inner, "enterService" | "gradient") {
            report["isDefault"] = self.span.is_none().into();
            report["isSuperseded"] = self.superseded.into();
        }
        if inner == "curve" {
            report["curveType"] = self.kind.clone().into();
        }
        report
    }
}

/// The controls, and what the CSMS was told of their effect.
#[derive(Debug, Default)]
pub struct Controls {
    all: Vec<Control>,
    /// The type and the fault of the alarm that is on.
    pub(super) alarm: Option<(String, &'static str)>,
}

impl Controls {
    /// The controls that are to be executed now: of each type the scheduled one, or else the default (R04.FR.09, R04.FR.11).
    pub fn in_force(&self) -> impl Iterator<Item = &Control> {
        self.all.iter().filter(|control| {
            let scheduled = |other: &Control| other.running && other.kind == control.kind;
            !control.superseded && (control.running || control.span.is_none() && !self.all.iter().any(scheduled))
        })
    }

    /// Puts a control beside the others; the ids that are superseded by that.
    fn add(&mut self, mut new: Control) -> Vec<String> {
        // What has the same id is replaced.
        self.all.retain(|known| known.id != new.id);
        let mut superseded = Vec::new();
        let rivals = self
            .all
            .iter_mut()
            .filter(|known| known.kind == new.kind && known.span.is_some() == new.span.is_some() && !known.superseded);
        for known in rivals {
            if known.priority < new.priority {
                // R04.FR.08
                new.superseded = true;
            } else if !known.running {
                // R04.FR.03, R04.FR.06; one that runs goes on until the new one begins (R04.FR.07).
                known.superseded = true;
                superseded.push(known.id.clone());
            }
        }
        if new.superseded {
            superseded.push(new.id.clone());
        }
        self.all.push(new);
        superseded
    }

    /// Ends and begins what is due; for each the id, whether it begins, and the ids that are superseded by that.
    fn pass(&mut self, now: Timestamp) -> Vec<(String, bool, Vec<String>)> {
        let mut told = Vec::new();
        // R04.FR.10, R04.FR.22
        self.all.retain(|control| {
            let over = control.span.is_some_and(|span| span.end <= now);
            if over && control.running {
                told.push((control.id.clone(), false, Vec::new()));
            }
            !over
        });
        for at in 0..self.all.len() {
            let due = |control: &Control| control.span.is_some_and(|span| span.start <= now);
            if self.all[at].running || self.all[at].superseded || !due(&self.all[at]) {
                continue;
            }
            let (id, kind) = (self.all[at].id.clone(), self.all[at].kind.clone());
            let mut superseded = Vec::new();
            for other in self.all.iter_mut().filter(|other| other.running && other.kind == kind) {
                // R04.FR.21
                other.running = false;
                other.superseded = true;
                superseded.push(other.id.clone());
            }
            self.all[at].running = true;
            told.push((id, true, superseded));
        }
        told
    }

    /// When the next control begins or ends.
    fn next(&self) -> Option<Timestamp> {
        let of = |control: &Control| {
            let span = control.span?;
            Some(if control.running || control.superseded { span.end } else { span.start })
        };
        self.all.iter().filter_map(of).min()
    }

    fn meant(&self, payload: &Value) -> impl Iterator<Item = &Control> {
        let kind = payload["controlType"].as_str().map(str::to_owned);
        let id = payload["controlId"].as_str().map(str::to_owned);
        let default = payload["isDefault"].as_bool();
        self.all.iter().filter(move |control| {
            kind.as_ref().is_none_or(|kind| *kind == control.kind)
                && id.as_ref().is_none_or(|id| *id == control.id)
                && default.is_none_or(|default| default == control.span.is_none())
        })
    }
}

impl Station {
    /// True when the product has DER control.
    pub(super) fn controls_der(&self) -> bool {
        self.device.variables.iter().any(|variable| variable.component == INVERTER)
    }

    fn has_mode(payload: &Value) -> bool {
        payload["controlType"].as_str().is_none_or(|kind| MODES.contains(&kind))
    }

    pub(super) fn set_der_control(&mut self, payload: &Value) -> Value {
        let refused = |reason: &str| json!({ "status": "Rejected", "statusInfo": { "reasonCode": reason } });
        let kind = payload["controlType"].as_str().unwrap_or_default();
        if !MODES.contains(&kind) {
            return json!({ "status": "NotSupported" }); // R04.FR.01
        }
        let given: Vec<&str> = MEMBERS.into_iter().filter(|name| payload.get(name).is_some()).collect();
        if given != [member(kind)] {
            return refused("InvalidValue"); // R04.FR.17
        }
        let content = &payload[member(kind)];
        let is_default = payload["isDefault"] == true;
        let timed = content.get("startTime").is_some() || content.get("duration").is_some();
        let only_default = matches!(kind, "EnterService" | "Gradients");
        let span = Span::of(content);
        // R04.FR.13, R04.FR.15
        if is_default && timed || !is_default && (only_default || span.is_none()) {
            return refused("InvalidValue");
        }
        if self.der.all.len() >= MOST {
            return refused("OutOfStorage");
        }
        let superseded = self.der.add(Control {
            id: payload["controlId"].as_str().unwrap_or_default().to_owned(),
            kind: kind.to_owned(),
            content: content.clone(),
            priority: content["priority"].as_i64().unwrap_or(i64::MAX),
            superseded: false,
            span: span.filter(|_| !is_default),
            running: false,
        });
        let mut response = json!({ "status": "Accepted" });
        if !superseded.is_empty() {
            response["supersededIds"] = superseded.into();
        }
        response
    }

    pub(super) fn get_der_controls(&self, payload: &Value) -> &'static str {
        if !Self::has_mode(payload) {
            "NotSupported" // R04.FR.36
        } else if self.der.meant(payload).next().is_none() {
            "NotFound" // R04.FR.30
        } else {
            "Accepted"
        }
    }

    /// Reports the controls that were asked for, in as many parts as they need (R04.FR.31, R04.FR.32).
    pub(super) fn report_der_controls(&mut self, payload: &Value) {
        if !Self::has_mode(payload) {
            return;
        }
        let meant: Vec<&Control> = self.der.meant(payload).collect();
        let parts: Vec<Value> = meant
            .chunks(PART)
            .enumerate()
            .map(|(at, part)| {
                let more = (at + 1) * PART < meant.len();
                let mut report = json!({ "requestId": payload["requestId"], "tbc": more });
                for control in part {
                    let name = member(&control.kind);
                    if report.get(name).is_none() {
                        report[name] = json!([]);
                    }
                    if let Some(list) = report[name].as_array_mut() {
                        list.push(control.report());
                    }
                }
                report
            })
            .collect();
        for part in parts {
            self.call("ReportDERControl", part);
        }
    }

    pub(super) fn clear_der_controls(&mut self, payload: &Value) -> &'static str {
        if !Self::has_mode(payload) {
            return "NotSupported"; // R04.FR.43
        }
        let ids: Vec<String> = self.der.meant(payload).map(|control| control.id.clone()).collect();
        // R04.FR.44: without type and id it is accepted, whatever there is.
        let named = payload.get("controlType").is_some() || payload.get("controlId").is_some();
        if named && ids.is_empty() {
            return "NotFound"; // R04.FR.41, R04.FR.42
        }
        self.der.all.retain(|control| !ids.contains(&control.id));
        "Accepted"
    }

    /// Begins and ends controls whose time has come, and looks again when the next is due (R04.FR.20 to R04.FR.22).
    pub(super) fn der_due(&mut self) {
        let now = self.physical.now();
        for (id, started, superseded) in self.der.pass(now) {
            let mut payload = json!({ "controlId": id, "started": started, "timestamp": self.physical.wall() });
            if !superseded.is_empty() {
                payload["supersededIds"] = superseded.into();
            }
            self.call("NotifyDERStartStop", payload);
        }
        self.cancel(|timer| *timer == Timer::Der);
        if let Some(next) = self.der.next() {
            let wait = Duration::try_from(next.duration_since(now)).unwrap_or_default();
            self.schedule(wait.max(Duration::from_millis(1)), Timer::Der);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    fn control(id: &str, priority: i64, span: Option<(i64, i64)>) -> Control {
        Control {
            id: id.into(),
            kind: "VoltWatt".into(),
            content: json!({ "priority": priority }),
            priority,
            superseded: false,
            span: span.map(|(start, lasts)| Span { start: at(start), end: at(start + lasts) }),
            running: false,
        }
    }

    fn in_force(controls: &Controls) -> Vec<&str> {
        controls.in_force().map(|control| control.id.as_str()).collect()
    }

    #[test]
    fn a_scheduled_control_is_executed_in_place_of_the_default_until_it_ends() {
        let mut controls = Controls::default();
        assert!(controls.add(control("default", 1, None)).is_empty());
        assert!(controls.add(control("scheduled", 9, Some((60, 60)))).is_empty());
        assert_eq!(in_force(&controls), ["default"]);
        assert_eq!(controls.next(), Some(at(60)));
        assert_eq!(controls.pass(at(60)), [("scheduled".to_owned(), true, vec![])]);
        assert_eq!(in_force(&controls), ["scheduled"]);
        assert_eq!(controls.pass(at(120)), [("scheduled".to_owned(), false, vec![])]);
        assert_eq!(in_force(&controls), ["default"]);
        assert_eq!(controls.all.len(), 1); // R04.FR.10
    }

    #[test]
    fn what_runs_is_superseded_when_its_better_begins_and_does_not_come_back() {
        let mut controls = Controls::default();
        controls.add(control("first", 6, Some((0, 300))));
        controls.pass(at(0));
        assert!(controls.add(control("second", 5, Some((60, 60)))).is_empty());
        assert_eq!(in_force(&controls), ["first"]);
        assert_eq!(controls.pass(at(60)), [("second".to_owned(), true, vec!["first".to_owned()])]);
        assert_eq!(controls.pass(at(120)), [("second".to_owned(), false, vec![])]);
        assert_eq!(in_force(&controls), [""; 0]);
        assert_eq!(controls.pass(at(300)), []);
        assert_eq!(controls.all.len(), 0);
    }

    #[test]
    fn a_control_that_comes_after_a_better_one_is_superseded_at_once() {
        let mut controls = Controls::default();
        controls.add(control("first", 5, Some((0, 60))));
        controls.pass(at(0));
        assert_eq!(controls.add(control("second", 6, Some((20, 7200)))), ["second"]);
        assert_eq!(controls.pass(at(30)), []);
        assert_eq!(in_force(&controls), ["first"]);
    }
}
