//! Resets of the station and of single EVSEs (B11, B12).

use std::time::Duration;

use serde_json::Value;

use super::{Station, Timer, reset_and_resume::resumes};

/// How long an EVSE takes to reset.
const EVSE_RESET: Duration = Duration::from_secs(3);

impl Station {
    fn evse_to_reset(&self, payload: &Value) -> Option<usize> {
        payload["evseId"].as_u64().and_then(|evse| self.physical.index_of(u32::try_from(evse).ok()?))
    }

    fn busy(&self, index: usize) -> bool {
        self.evses[index].transaction.is_some()
    }

    /// B11: whether an EVSE (or, without one, the station) has something under way that a reset would interfere with: a
    /// transaction, a locked cable or a reservation, and for the station also an update or an upload.
    fn is_idle(&self, evse: Option<usize>) -> bool {
        let idle = |index: usize| {
            let evse = &self.evses[index];
            !self.busy(index) && evse.locked_for.is_none() && !evse.reserved
        };
        match evse {
            Some(index) => idle(index),
            None => {
                (0..self.evses.len()).all(idle)
                    && self.reservations.is_empty()
                    && !self.is_updating()
                    && !self.is_uploading()
            }
        }
    }

    pub(super) fn reset(&self, payload: &Value) -> &'static str {
        let idle = match (payload.get("evseId"), self.evse_to_reset(payload)) {
            (None, _) => self.is_idle(None),
            (Some(_), Some(index)) if self.pics.is_yes("C-13") => self.is_idle(Some(index)),
            // B11.FR.09, B12.FR.09: a station that can't reset an EVSE says so.
            _ => return "Rejected",
        };
        if resumes(payload) && !self.can_resume() {
            return "Rejected";
        }
        if !idle && payload["type"] == "OnIdle" { "Scheduled" } else { "Accepted" }
    }

    pub(super) fn begin_reset(&mut self, payload: &Value) {
        if self.reset(payload) == "Rejected" {
            return;
        }
        let single = payload.get("evseId").is_some();
        let evse = self.evse_to_reset(payload).filter(|_| self.pics.is_yes("C-13"));
        if single && evse.is_none() {
            return;
        }
        let concerned: Vec<usize> = evse.map_or_else(|| (0..self.evses.len()).collect(), |index| vec![index]);
        if payload["type"] == "OnIdle" && !self.is_idle(evse) {
            // B12: what is available takes no EV any more.
            for index in &concerned {
                let evse = &self.evses[*index];
                let free = self.physical.evses[*index].plugged.is_none() && !self.busy(*index) && !evse.reserved;
                self.evses[*index].awaits_reset = free;
                self.report_status(*index);
            }
            match evse {
                Some(index) => self.evses[index].reset_when_idle = true,
                None => self.reset_when_idle = true,
            }
            return;
        }
        for index in concerned {
            if self.busy(index) && resumes(payload) {
                self.interrupt(index);
            } else if self.busy(index) {
                self.end(index, "ResetCommand", Some("ImmediateReset"));
            }
        }
        match evse {
            Some(index) => self.reset_evse(index),
            None => self.schedule(Duration::from_secs(2), Timer::Restart("RemoteReset")),
        }
    }

    /// A reset that waits for the end of transactions (B12.FR.03, B12.FR.07).
    pub(super) fn reset_if_idle(&mut self) {
        if self.reset_when_idle && self.is_idle(None) {
            self.reset_when_idle = false;
            self.schedule(Duration::from_secs(2), Timer::Restart("ScheduledReset"));
        }
        for index in 0..self.evses.len() {
            if self.evses[index].reset_when_idle && self.is_idle(Some(index)) {
                self.reset_evse(index);
            }
        }
    }

    fn reset_evse(&mut self, index: usize) {
        let evse = &mut self.evses[index];
        evse.reset_when_idle = false;
        evse.awaits_reset = false;
        evse.resetting = true;
        evse.claimed = None;
        if !self.is_interrupted(index) {
            let evse = &mut self.evses[index];
            evse.authorized = None;
            evse.remote_start = None;
            evse.token_to_report = None;
            evse.reservation_to_report = None;
        }
        self.cancel_connection_timeout(index);
        self.report_status(index);
        self.cancel(|timer| *timer == Timer::EvseReset(index));
        self.schedule(EVSE_RESET, Timer::EvseReset(index));
    }

    /// The EVSE is back. What the CSMS made inoperative still is (B12.FR.06).
    pub(super) fn evse_was_reset(&mut self, index: usize) {
        self.evses[index].resetting = false;
        self.report_status(index);
        self.resume(Some(index));
    }
}
