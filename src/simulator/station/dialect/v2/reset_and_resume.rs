//! A reset after which transactions go on (B13).

use serde_json::Value;

use super::Station;

/// A transaction that a reset interrupts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Interrupted {
    index: usize,
    /// The power path was closed.
    charging: bool,
}

/// The request is for a reset after which transactions go on.
pub(super) fn resumes(payload: &Value) -> bool {
    payload["type"] == "ImmediateAndResume"
}

impl Station {
    /// B13.FR.01: only a station that resumes transactions resets that way.
    pub(super) fn can_resume(&self) -> bool {
        self.device.number("TxCtrlr", "ResumptionTimeout") > 0
    }

    /// B13.FR.04, B13.FR.10 and B13.FR.20: the reset is told, and energy stops flowing.
    pub(super) fn interrupt(&mut self, index: usize) {
        let state = self.evses[index].transaction.as_ref().map(|running| running.charging_state);
        self.event(index, "Updated", "ResetCommand", state, None);
        let charging = self.physical.evses[index].charging;
        self.physical.evses[index].charging = false;
        self.resumption.retain(|known| known.index != index);
        self.resumption.push(Interrupted { index, charging });
    }

    /// The transaction there goes on after the reset.
    pub(super) fn is_interrupted(&self, index: usize) -> bool {
        self.resumption.iter().any(|known| known.index == index)
    }

    /// B13.FR.12 to 14, B13.FR.23 to 25, B13.FR.30: every transaction, or that of one EVSE, goes on in the state it had, with energy or without.
    pub(super) fn resume(&mut self, only: Option<usize>) {
        let (now, later) = std::mem::take(&mut self.resumption)
            .into_iter()
            .partition(|known| only.is_none_or(|index| known.index == index));
        self.resumption = later;
        let now: Vec<Interrupted> = now;
        for Interrupted { index, charging } in now {
            if self.evses[index].transaction.is_none() {
                continue;
            }
            if charging && self.physical.evses[index].connected() {
                self.physical.evses[index].charging = true;
                if !self.device.is("TxCtrlr", "AllowEnergyTransferResumption") {
                    self.physical.evses[index].supply_suspended = true;
                }
                self.limit_energy(index);
            }
            self.update(index, "TxResumed");
            self.schedule_samples(index);
            self.schedule_sample_for_end(index);
            self.schedule_running_cost(index);
            self.review_limits(index);
            self.apply_limits();
        }
    }
}
