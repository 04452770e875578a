//! Faults of the charge point and its connectors (4.9). What a fault interrupts goes on when it is gone.

use super::ChargePoint;

impl ChargePoint {
    /// True when a connector has a fault, or the charge point as a whole.
    pub(super) fn is_faulted(&self, at: usize) -> bool {
        let connector = &self.connectors[at];
        self.physical.faulty || self.physical.evses[connector.evse].is_faulty(connector.id)
    }

    /// What StatusNotification says is wrong (7.6).
    pub(super) fn error_code(&self) -> &'static str {
        if self.physical.faulty { "InternalError" } else { "GroundFailure" }
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
