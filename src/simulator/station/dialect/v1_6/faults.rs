//! Faults of the charge point and its connectors (4.9). What a fault interrupts goes on when it is gone.

use super::ChargePoint;

impl ChargePoint {
    /// What is wrong with a connector, or with the charge point as a whole (ChargePointErrorCode, 7.6).
    pub(super) fn fault_of(&self, at: usize) -> Option<&'static str> {
        let connector = &self.connectors[at];
        let (session, evse) = (&self.sessions[connector.evse], &self.physical.evses[connector.evse]);
        let unlocked = session.lock_failed && session.transaction.is_none() && evse.plugged == Some(connector.id);
        self.fault_of_whole()
            .or(evse.is_faulty(connector.id).then_some("GroundFailure"))
            .or(unlocked.then_some("ConnectorLockFailure"))
    }

    /// What is wrong with the charge point as a whole.
    pub(super) fn fault_of_whole(&self) -> Option<&'static str> {
        self.physical.faulty.then_some("InternalError")
    }

    /// True when a connector has a fault, or the charge point as a whole.
    pub(super) fn is_faulted(&self, at: usize) -> bool {
        self.fault_of(at).is_some()
    }

    /// A fault came, or went.
    pub(super) fn faults_changed(&mut self) {
        self.end_reservations_of_faulted();
        self.report_all();
        for index in 0..self.sessions.len() {
            self.try_starting(index);
        }
    }
}
