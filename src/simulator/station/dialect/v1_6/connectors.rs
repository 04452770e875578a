//! Connectors and their status (3.8, 4.9).

use std::time::Duration;

use serde_json::json;

use super::{ChargePoint, Timer};
use crate::pics::Pics;

/// The status of a connector (ChargePointStatus, 7.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    Available,
    Preparing,
    Charging,
    SuspendedEvse,
    SuspendedEv,
    Finishing,
    Reserved,
    Unavailable,
    /// With its error code (ChargePointErrorCode, 7.6).
    Faulted(&'static str),
}

impl Status {
    pub(super) fn word(self) -> &'static str {
        match self {
            Status::Available => "Available",
            Status::Preparing => "Preparing",
            Status::Charging => "Charging",
            Status::SuspendedEvse => "SuspendedEVSE",
            Status::SuspendedEv => "SuspendedEV",
            Status::Finishing => "Finishing",
            Status::Reserved => "Reserved",
            Status::Unavailable => "Unavailable",
            Status::Faulted(_) => "Faulted",
        }
    }

    fn error_code(self) -> &'static str {
        match self {
            Status::Faulted(code) => code,
            _ => "NoError",
        }
    }
}

/// A connector, or (as number 0) the charge point as a whole.
#[derive(Debug, Clone)]
pub(super) struct Connector {
    /// The EVSE that it belongs to, by index.
    pub(super) evse: usize,
    /// Its id at that EVSE.
    pub(super) id: u32,
    /// It is operative.
    pub(super) operative: bool,
    /// What it becomes once no transaction runs on it.
    pub(super) scheduled: Option<bool>,
    /// The status that was reported last.
    pub(super) reported: Option<Status>,
}

impl Connector {
    /// The charge point as a whole.
    pub(super) fn whole() -> Self {
        Self { evse: 0, id: 0, operative: true, scheduled: None, reported: None }
    }
}

/// The connectors of a product, numbered from 1 in the order of its EVSEs.
pub(super) fn of(pics: &Pics) -> Vec<Connector> {
    let evses = pics.evses.iter().enumerate();
    evses
        .flat_map(|(evse, of)| of.connectors.iter().map(move |connector| (evse, connector.id)))
        .map(|(evse, id)| Connector { evse, id, ..Connector::whole() })
        .collect()
}

impl ChargePoint {
    /// The connector with this number, by index; 0 is none.
    pub(super) fn connector(&self, number: i64) -> Option<usize> {
        let at = usize::try_from(number).ok()?.checked_sub(1)?;
        (at < self.connectors.len()).then_some(at)
    }

    /// The number of the connector that an EVSE uses: the one that is plugged in, or its first.
    pub(super) fn connector_in_use(&self, index: usize) -> usize {
        let plugged = self.physical.evses[index].plugged;
        let started = self.sessions[index].transaction.as_ref().map(|transaction| transaction.connector);
        let with_cable = self.connectors.iter().position(|known| known.evse == index && Some(known.id) == plugged);
        let first = self.connectors.iter().position(|known| known.evse == index);
        started.or(with_cable).or(first).unwrap_or(0)
    }

    pub(super) fn status(&self, at: usize) -> Status {
        let connector = &self.connectors[at];
        let (session, evse) = (&self.sessions[connector.evse], &self.physical.evses[connector.evse]);
        let used = self.connector_in_use(connector.evse) == at;
        if let Some(code) = self.fault_of(at) {
            return Status::Faulted(code);
        }
        if !connector.operative {
            return Status::Unavailable;
        }
        if session.transaction.is_some() {
            return match (used, evse.charging) {
                // The EVSE serves one connector at a time.
                (false, _) => Status::Unavailable,
                (true, _) if !evse.supplies() => Status::SuspendedEvse,
                (true, true) if !evse.ev_suspended => Status::Charging,
                (true, _) => Status::SuspendedEv,
            };
        }
        let plugged = evse.plugged == Some(connector.id);
        if plugged && session.finishing {
            return Status::Finishing;
        }
        if used && session.id_tag.is_some() {
            return Status::Preparing;
        }
        // G2: a reserved connector waits for its token, whoever plugs in.
        if self.reservations.iter().any(|reservation| reservation.connector == Some(at)) {
            return Status::Reserved;
        }
        if plugged { Status::Preparing } else { Status::Available }
    }

    /// Reports the statuses of an EVSE's connectors where they changed.
    pub(super) fn report_evse(&mut self, index: usize) {
        for at in 0..self.connectors.len() {
            if self.connectors[at].evse == index {
                self.report(at);
            }
        }
    }

    /// Reports a connector's status where it changed. Changes that happen offline are told afterwards, as what they have
    /// come to (4.9).
    pub(super) fn report(&mut self, at: usize) {
        let minimum = self.configuration.number("MinimumStatusDuration");
        self.cancel(|timer| *timer == Timer::StatusLasted(at));
        if minimum == 0 || self.connectors[at].reported.is_none() {
            self.report_now(at);
        } else {
            self.schedule(Duration::from_secs(minimum), Timer::StatusLasted(at));
        }
    }

    pub(super) fn report_now(&mut self, at: usize) {
        let status = self.status(at);
        if self.connectors[at].reported == Some(status) || !self.online() {
            return;
        }
        self.connectors[at].reported = Some(status);
        let info = self.sessions[self.connectors[at].evse].info;
        self.notify(at + 1, status, info, false);
    }

    fn report_whole(&mut self) {
        let status = self.whole_status();
        if self.whole.reported == Some(status) || !self.online() {
            return;
        }
        self.whole.reported = Some(status);
        self.notify(0, status, None, false);
    }

    /// For connector 0 only Available, Unavailable and Faulted apply.
    pub(super) fn whole_status(&self) -> Status {
        if let Some(code) = self.fault_of_whole() {
            Status::Faulted(code)
        } else if self.whole.operative {
            Status::Available
        } else {
            Status::Unavailable
        }
    }

    /// Reports what changed of the charge point and all its connectors.
    pub(super) fn report_all(&mut self) {
        self.report_whole();
        for at in 0..self.connectors.len() {
            self.report(at);
        }
    }

    /// Every status will be reported again.
    pub(super) fn forget_reported(&mut self) {
        self.whole.reported = None;
        for connector in &mut self.connectors {
            connector.reported = None;
        }
    }

    /// Reports the present status of one connector, of the charge point (0), or of all of them.
    pub(super) fn report_triggered(&mut self, number: Option<i64>) {
        let count = i64::try_from(self.connectors.len()).unwrap_or(i64::MAX);
        for number in number.map_or(0..=count, |number| number..=number) {
            let status = match self.connector(number) {
                Some(at) => {
                    let status = self.status(at);
                    self.connectors[at].reported = Some(status);
                    status
                }
                None => self.whole_status(),
            };
            self.notify(usize::try_from(number).unwrap_or(0), status, None, true);
        }
    }

    fn notify(&mut self, number: usize, status: Status, info: Option<&str>, triggered: bool) {
        let mut payload = json!({
            "connectorId": number,
            "errorCode": status.error_code(),
            "status": status.word(),
            "timestamp": self.physical.wall(),
        });
        if let Some(info) = info {
            payload["info"] = info.into();
        }
        if triggered {
            self.call_triggered("StatusNotification", payload);
        } else {
            self.call("StatusNotification", payload);
        }
    }
}
