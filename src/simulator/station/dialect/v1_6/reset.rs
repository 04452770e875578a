//! Reset, and what a restart keeps (5.14).

use std::time::Duration;

use serde_json::Value;

use super::{ChargePoint, Timer, boot::Registration, transfers::Stage};

/// How long the charge point takes from the answer to a Reset to its restart.
const RESET: Duration = Duration::from_secs(2);
/// How long it takes to start.
const START: Duration = Duration::from_secs(5);

impl ChargePoint {
    /// The answer to a Reset is out: transactions end, and the charge point restarts.
    pub(super) fn begin_reset(&mut self, payload: &Value) {
        let reason = if payload["type"] == "Hard" { "HardReset" } else { "SoftReset" };
        for index in 0..self.sessions.len() {
            self.stop(index, reason, None);
        }
        self.cancel(|timer| *timer == Timer::Restart);
        self.schedule(RESET, Timer::Restart);
    }

    /// The power goes, and comes back. Transactions end; without back-up power the central system hears of that after the
    /// boot.
    pub(super) fn power_was_away(&mut self) {
        for index in 0..self.sessions.len() {
            self.stop(index, "PowerLoss", None);
        }
        if self.features.back_up_power {
            self.cancel(|timer| *timer == Timer::Restart);
            self.schedule(RESET, Timer::Restart);
        } else {
            self.restart();
        }
    }

    /// Restarts. Availability, configuration, list, cache, reservations, charging profiles (errata 3.37), and
    /// transaction-related messages that were not
    /// delivered outlive that.
    pub(super) fn restart(&mut self) {
        self.physical.close(1001);
        self.physical.conn = None;
        self.keep_undelivered();
        self.boots += 1;
        self.registration = Registration::Down;
        let waits = |timer: &Timer| {
            matches!(timer, Timer::ReservationEnds(_) | Timer::Firmware(Stage::Download) | Timer::Limits)
        };
        self.timers.retain(waits);
        for index in 0..self.sessions.len() {
            let session = &mut self.sessions[index];
            session.id_tag = None;
            session.parent = None;
            session.finishing = false;
            session.profile_to_come = None;
            self.physical.evses[index].charging = false;
        }
        self.interrupt_transfers();
        self.schedule(START, Timer::Connect);
    }
}
