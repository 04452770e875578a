//! ChangeAvailability (5.2). What the central system takes out of service stays so over a restart.

use serde_json::Value;

use super::{ChargePoint, number};

impl ChargePoint {
    fn in_transaction(&self, at: usize) -> bool {
        self.sessions[self.connectors[at].evse].transaction.as_ref().is_some_and(|tx| tx.connector == at)
    }

    /// The connectors that a ChangeAvailability is about; `None` where it names what is not there.
    fn addressed(&self, payload: &Value) -> Option<Vec<usize>> {
        match number(payload, "connectorId")? {
            0 => Some((0..self.connectors.len()).collect()),
            other => self.connector(other).map(|at| vec![at]),
        }
    }

    /// The answer.
    pub(super) fn change_availability(&self, payload: &Value) -> &'static str {
        let Some(connectors) = self.addressed(payload) else { return "Rejected" };
        let operative = payload["type"] == "Operative";
        let waits = |at: &usize| self.in_transaction(*at) && self.connectors[*at].operative != operative;
        if connectors.iter().any(waits) { "Scheduled" } else { "Accepted" }
    }

    /// Does what was answered: at once, or after the transaction that runs.
    pub(super) fn apply_availability(&mut self, payload: &Value) {
        let Some(connectors) = self.addressed(payload) else { return };
        let operative = payload["type"] == "Operative";
        for at in connectors {
            self.connectors[at].scheduled = Some(operative);
        }
        if number(payload, "connectorId") == Some(0) {
            self.whole.scheduled = Some(operative);
        }
        self.apply_waiting();
    }

    /// What waited for the end of a transaction takes effect.
    pub(super) fn apply_waiting(&mut self) {
        for at in 0..self.connectors.len() {
            if !self.in_transaction(at) {
                if let Some(operative) = self.connectors[at].scheduled.take() {
                    self.connectors[at].operative = operative;
                    if !operative {
                        self.end_reservation_of(at);
                    }
                }
            }
        }
        let busy = (0..self.connectors.len()).any(|at| self.connectors[at].scheduled.is_some());
        if let Some(operative) = self.whole.scheduled.filter(|_| !busy) {
            self.whole.scheduled = None;
            self.whole.operative = operative;
            if !operative {
                self.end_unspecific_reservations();
            }
        }
        self.report_all();
        self.update_if_idle();
    }
}
