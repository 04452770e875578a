//! Transactions that an interruption of the power meets: they go on afterwards, or end (E17).

use std::time::Duration;

use super::{
    Station, Timer,
    device::{Device, Domain, Mutability, Variable},
    evse::Token,
};
use crate::{pics::Pics, protocol::Version};

/// How long the station takes to start.
const START: Duration = Duration::from_secs(5);

/// What was stored of the transactions when the power went.
#[derive(Debug, Clone)]
pub(super) struct Interruption {
    /// How long the power was away, seconds.
    away: u64,
    /// For each EVSE who was authorised, and whether the power path was closed.
    stored: Vec<(Option<Token>, bool)>,
}

/// The variables of a station that resumes transactions.
pub(super) fn add_variables(device: &mut Device, pics: &Pics) {
    if pics.ocpp != Version::V2_1 || !(pics.is_yes("C-62") || pics.is_yes("C-64")) {
        return;
    }
    let all = [
        ("ResumptionTimeout", "60", Domain::Integer(0, 86_400)),
        ("AllowEnergyTransferResumption", "true", Domain::Boolean),
    ];
    for (name, value, domain) in all {
        if device.variable("TxCtrlr", name).is_none() {
            device.variables.push(Variable::new("TxCtrlr", name, Mutability::ReadWrite, (value.into(), domain)));
        }
    }
}

impl Station {
    /// The power was away, for so many seconds.
    pub(super) fn power_was_away(&mut self, away: u64) {
        if self.protocol.version == Version::V2_1 {
            let stored = |index: usize| (self.evses[index].authorized.clone(), self.physical.evses[index].charging);
            self.interruption = Some(Interruption { away, stored: (0..self.evses.len()).map(stored).collect() });
        }
        self.restart("PowerUp");
        if away > 0 {
            self.cancel(|timer| *timer == Timer::Connect);
            self.schedule(START + Duration::from_secs(away), Timer::Connect);
        }
    }

    /// The station is accepted again: what becomes of the transactions that the interruption met.
    pub(super) fn settle_interrupted(&mut self) {
        let Some(interruption) = self.interruption.take() else { return };
        let timeout = self.device.number("TxCtrlr", "ResumptionTimeout");
        let resumes = timeout > 0 && interruption.away <= timeout;
        for (index, (authorized, charged)) in interruption.stored.into_iter().enumerate() {
            if self.evses[index].transaction.is_none() {
                continue;
            }
            if !resumes {
                // E17.FR.20, E17.FR.21
                self.end(index, "AbnormalCondition", Some("PowerLoss"));
                continue;
            }
            self.evses[index].authorized = authorized;
            if charged && self.physical.evses[index].connected() {
                // E17.FR.11, E17.FR.12
                self.physical.evses[index].charging = true;
                self.physical.evses[index].supply_suspended =
                    !self.device.is("TxCtrlr", "AllowEnergyTransferResumption");
            }
            self.update(index, "TxResumed"); // E17.FR.14
            self.schedule_samples(index);
            self.schedule_sample_for_end(index);
            self.schedule_running_cost(index);
            self.review_limits(index);
        }
    }
}
