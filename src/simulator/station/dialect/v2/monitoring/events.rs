//! What monitors notice, and how it is told (N07, N08).

use std::time::Duration;

use serde_json::{Value, json};

use super::{CONTROLLER, Kind, Monitor};
use crate::{
    protocol::Version,
    simulator::station::dialect::v2::{
        Outgoing, Station, Timer,
        device::{Domain, Mutability},
        queue::MOST_WAITING,
        reports::{component, variable},
    },
};

/// Most events in one NotifyEvent.
const PART: usize = 10;

/// What has happened to a monitored variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Notice {
    /// A threshold is passed.
    Alerting,
    /// The value is back within the threshold (N07.FR.02).
    Cleared,
    Delta,
    Periodic,
}

impl Notice {
    /// The trigger in the event (`EventTriggerEnumType`).
    fn trigger(self) -> &'static str {
        match self {
            Self::Alerting | Self::Cleared => "Alerting",
            Self::Delta => "Delta",
            Self::Periodic => "Periodic",
        }
    }
}

impl Monitor {
    /// What a value means for the monitor.
    fn notices(&self, value: &str, domain: &Domain) -> Option<Notice> {
        match self.kind {
            Kind::UpperThreshold | Kind::LowerThreshold => match (self.exceeded, self.is_passed_by(value)) {
                (false, true) => Some(Notice::Alerting),
                (true, false) => Some(Notice::Cleared),
                _ => None,
            },
            Kind::Delta => {
                let changed = match domain {
                    // N07.FR.18: more than the value of the monitor.
                    Domain::Integer(..) | Domain::Decimal(..) => {
                        let number = |text: &str| text.parse::<f64>().unwrap_or_default();
                        (number(value) - number(&self.reference)).abs() > self.value
                    }
                    // N07.FR.19: any change.
                    _ => value != self.reference,
                };
                changed.then_some(Notice::Delta)
            }
            // No variable of this station has a target.
            Kind::TargetDelta | Kind::TargetDeltaRelative | Kind::Periodic | Kind::PeriodicClockAligned => None,
        }
    }
}

impl Station {
    /// Looks at every monitored variable, and tells what has changed.
    pub(in super::super) fn watch_variables(&mut self) {
        self.read_live_values();
        if !self.monitoring_enabled() {
            return;
        }
        let mut events = Vec::new();
        for at in 0..self.monitors.all.len() {
            let monitor = &self.monitors.all[at];
            let about = &self.device.variables[monitor.variable];
            if !self.is_in_force(monitor) || !self.is_deliverable(monitor) {
                continue;
            }
            let Some(notice) = monitor.notices(&about.value, &about.domain) else { continue };
            let value = about.value.clone();
            let monitor = &mut self.monitors.all[at];
            monitor.exceeded = notice == Notice::Alerting;
            monitor.reference = value;
            events.extend(self.event_of(at, notice));
        }
        self.notify(&events);
    }

    /// Values that the hardware knows.
    fn read_live_values(&mut self) {
        for index in 0..self.evses.len() {
            let (power, _) = self.physical.read(index, "Power.Active.Import");
            self.device.put_at("EVSE", (self.evses[index].id, None), "Power", &power.to_string());
        }
    }

    /// True when the monitor is switched on, and its condition about a transaction is fulfilled.
    fn is_in_force(&self, monitor: &Monitor) -> bool {
        let relevant = || match self.device.variables[monitor.variable].place {
            Some((id, _)) => self.evses.iter().any(|evse| evse.id == id && evse.transaction.is_some()),
            None => self.evses.iter().any(|evse| evse.transaction.is_some()),
        };
        monitor.active && (!monitor.transaction || relevant())
    }

    /// True when an event can be sent, or kept until the station is online (N07.FR.04, N08.FR.03). Other monitors are not
    /// looked at while the station is offline, so that the CSMS learns afterwards what holds by then (remark of N07).
    fn is_deliverable(&self, monitor: &Monitor) -> bool {
        let kept =
            self.device.variable(CONTROLLER, "OfflineQueuingSeverity").and_then(|known| known.value.parse().ok());
        self.online() || kept.is_some_and(|kept: i64| monitor.severity <= kept)
    }

    /// The event of a monitor; none where the CSMS does not want to know (N07.FR.15).
    fn event_of(&mut self, at: usize, notice: Notice) -> Option<Value> {
        let monitor = &self.monitors.all[at];
        if monitor.severity > self.monitors.level {
            return None;
        }
        self.events_made += 1;
        let about = &self.device.variables[monitor.variable];
        // N07.FR.10.
        let value = if about.mutability == Mutability::WriteOnly { "" } else { &about.value };
        let mut event = json!({
            "eventId": self.events_made,
            "timestamp": self.physical.wall(),
            "trigger": notice.trigger(),
            "actualValue": value,
            "variableMonitoringId": monitor.id,
            "eventNotificationType": monitor.origin.notification(),
            "component": component(about),
            "variable": variable(about),
        });
        // N07.FR.20
        if self.protocol.version == Version::V2_1 {
            event["severity"] = monitor.severity.into();
        }
        if notice == Notice::Cleared {
            event["cleared"] = true.into();
        }
        let of_place = |evse: &&super::super::evse::Evse| about.place.is_some_and(|(id, _)| id == evse.id);
        if let Some(running) = self.evses.iter().find(of_place).and_then(|evse| evse.transaction.as_ref()) {
            event["transactionId"] = running.id.clone().into();
        }
        Some(event)
    }

    /// Sends events, or keeps them until the station is online.
    fn notify(&mut self, events: &[Value]) {
        let now = self.physical.wall();
        let last = events.chunks(PART).count().saturating_sub(1);
        for (number, part) in events.chunks(PART).enumerate() {
            let payload = json!({ "generatedAt": now, "seqNo": number, "tbc": number < last, "eventData": part });
            if self.online() {
                self.call("NotifyEvent", payload);
            } else if self.queue.len() < MOST_WAITING {
                self.queue.push_back(Outgoing { action: "NotifyEvent", payload, failures: 0 });
            }
        }
    }

    // ---- periodic monitors (N08) ----

    /// Starts the timers of all periodic monitors that have none.
    pub(in super::super) fn schedule_monitors(&mut self) {
        let ids: Vec<i64> = self.monitors.active().map(|monitor| monitor.id).collect();
        for id in ids {
            if !self.timers.any(|timer| *timer == Timer::Monitor(id)) {
                self.schedule_monitor(id);
            }
        }
    }

    /// Starts the timer of a periodic monitor anew.
    pub(super) fn schedule_monitor(&mut self, id: i64) {
        self.cancel(|timer| *timer == Timer::Monitor(id));
        let Some(at) = self.monitors.position(id) else { return };
        let monitor = &self.monitors.all[at];
        let wait = match monitor.kind {
            Kind::Periodic => Duration::from_secs_f64(monitor.value),
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked when it was set")]
            Kind::PeriodicClockAligned => self.physical.until_aligned(monitor.value as u64),
            _ => return,
        };
        self.schedule(wait, Timer::Monitor(id));
    }

    /// The interval of a periodic monitor has passed.
    pub(in super::super) fn monitor_due(&mut self, id: i64) {
        let Some(at) = self.monitors.position(id) else { return };
        self.schedule_monitor(id);
        self.read_live_values();
        let monitor = &self.monitors.all[at];
        if self.monitoring_enabled() && self.is_in_force(monitor) && self.is_deliverable(monitor) {
            let value = self.device.variables[monitor.variable].value.clone();
            if self.stream_takes(id, &value) {
                return;
            }
            let event = self.event_of(at, Notice::Periodic);
            self.notify(event.as_slice());
        }
    }
}
