//! The events of monitors: values that change, and times that come (N07, N08).

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{
    Around,
    follow_up::{FollowUp, Message},
    model::MonitorKind,
    monitors::{Monitor, Monitors},
};

impl Monitor {
    /// Sets when its next periodic event is due, counted from now on (N08.FR.06, N08.FR.07).
    pub(super) fn schedule(&mut self, now: Timestamp) {
        let interval = SignedDuration::try_from_secs_f64(self.value).unwrap_or(SignedDuration::MAX);
        let next = match self.kind {
            MonitorKind::Periodic => now.checked_add(interval).ok(),
            // Aligned with the clock: from midnight (UTC) on, in whole intervals.
            MonitorKind::PeriodicClockAligned => {
                let (second, day, interval) = (now.as_second(), 86_400, interval.as_secs().clamp(1, 86_400));
                let midnight = second - second.rem_euclid(day);
                let passed = (second - midnight) / interval + 1;
                Timestamp::from_second((midnight + passed * interval).min(midnight + day)).ok()
            }
            _ => None,
        };
        self.due = next;
    }

    /// True where its events may be sent (N05.FR.03).
    fn may_tell(&self, level: i64, around: &Around) -> bool {
        self.severity <= level && !(self.transaction && around.running.is_empty())
    }
}

impl Monitors {
    /// When the next periodic event is due.
    pub(super) fn due(&self) -> Option<Timestamp> {
        self.custom.values().filter_map(|monitor| monitor.due).min()
    }

    /// The periodic events that are due. One that was missed is not made up for.
    pub(super) fn time_passes(&mut self, values: &BTreeMap<String, String>, around: &Around) -> Vec<FollowUp> {
        let (level, now) = (self.level(), around.now.wall);
        let mut events = Vec::new();
        for (id, monitor) in &mut self.custom {
            if monitor.due.is_none_or(|due| due > now) {
                continue;
            }
            monitor.schedule(now);
            if let Some(value) = values.get(&monitor.key).filter(|_| monitor.may_tell(level, around)) {
                let data = json!({
                    "timestamp": around.time(),
                    "trigger": "Periodic",
                    "actualValue": value,
                    "eventNotificationType": "CustomMonitor",
                    "variableMonitoringId": id,
                });
                events.push(FollowUp::new("SetVariableMonitoring", event(&monitor.key, data)));
            }
        }
        events
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
                MonitorKind::Periodic | MonitorKind::PeriodicClockAligned => continue,
                kind @ (MonitorKind::UpperThreshold | MonitorKind::LowerThreshold) => {
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
            if !monitor.may_tell(level, around) {
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
