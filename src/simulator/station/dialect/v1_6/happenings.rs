//! What follows from what happens to the hardware.

use std::time::Duration;

use super::{ChargePoint, Timer, same_tag, short};
use crate::simulator::station::physical::{Event, NotPossible, TransferDone};

/// What StatusNotification says of a cable that was pulled from the EV (4.9).
const EV_SIDE: &str = "EV side disconnected";

impl ChargePoint {
    /// Does what an event demands.
    pub(super) fn take_in(&mut self, event: Event) -> Result<(), NotPossible> {
        match event {
            Event::Connected => self.connected(),
            Event::ConnectionFailed { certificate } => self.connection_failed(certificate),
            Event::Received(text) => self.received(&text),
            Event::Disconnected => self.disconnected(),
            Event::NetworkBack => self.schedule(Duration::from_secs(1), Timer::Connect),
            Event::PowerCycled { .. } => self.power_was_away(),
            Event::LimitEntered { .. } => return Err(NotPossible("no transaction of OCPP 1.6 has a limit".into())),
            // A bay makes no difference to a connector.
            Event::DroveIn(_) | Event::DroveOut(_) => {}
            Event::Plugged(index) | Event::EvSidePlugged(index) => self.plugged(index),
            Event::Unplugged { index, ev_side_only, .. } => self.unplugged(index, ev_side_only),
            Event::TokenPresented(index, token) => {
                let index = index.unwrap_or_else(|| self.evse_for_token());
                self.present(index, short(&token.text, 20));
            }
            Event::StopPressed(index) => self.stop(index, "Local", None),
            Event::StartPressed(_) => {
                return Err(NotPossible("a charge point of OCPP 1.6 needs an idTag to start".into()));
            }
            Event::MasterPassUsed(_) => {
                return Err(NotPossible("OCPP 1.6 knows no master pass".into()));
            }
            Event::EvSuspended { index, .. } => self.report_evse(index),
            Event::Shaken => return Err(NotPossible("OCPP 1.6 knows no monitors".into())),
            Event::CardPresented(_) | Event::VatNumberEntered(..) => {
                return Err(NotPossible("OCPP 1.6 knows no payments".into()));
            }
            Event::NeedsChanged(_) | Event::SessionStopped(_) => {
                return Err(NotPossible("OCPP 1.6 knows no ISO 15118".into()));
            }
            Event::FaultsChanged => self.faults_changed(),
            Event::LockFreed { index, .. } => {
                self.sessions[index].lock_failed = false;
                self.report_evse(index);
                self.try_starting(index);
            }
            Event::Transferred(TransferDone::Download(_, result)) => self.firmware_downloaded(result),
            Event::Charged => {}
            Event::PriorityWanted { .. }
            | Event::ExternalSystem(..)
            | Event::ExternalSchedule(..)
            | Event::BatteriesMoved => {
                return Err(NotPossible("OCPP 1.6 has nothing of the kind".into()));
            }
            Event::Transferred(TransferDone::Upload(_, result)) => self.diagnostics_uploaded(result),
        }
        Ok(())
    }

    /// The EVSE that a token is meant for when the driver selected none.
    fn evse_for_token(&self) -> usize {
        let busy = |index: &usize| {
            self.physical.evses[*index].plugged.is_some() || self.sessions[*index].transaction.is_some()
        };
        self.physical.selected.or_else(|| (0..self.sessions.len()).find(busy)).unwrap_or(0)
    }

    fn plugged(&mut self, index: usize) {
        self.cancel(|timer| *timer == Timer::ConnectionTimeout(index));
        self.physical.evses[index].cable_held = false;
        let evse = &self.physical.evses[index];
        let lock_failed = evse.plugged.is_some_and(|plugged| evse.is_stuck(plugged));
        let session = &mut self.sessions[index];
        session.cable_of = None;
        session.info = None;
        session.lock_failed = lock_failed;
        if session.transaction.is_some() {
            // 4.10: if the EV is reconnected, energy transfer is allowed again.
            self.physical.evses[index].charging = true;
            self.report_evse(index);
        } else {
            // F2: a new cable, or the old one again, begins anew.
            session.finishing = false;
            self.report_evse(index);
            self.try_starting(index);
        }
    }

    fn unplugged(&mut self, index: usize, ev_side_only: bool) {
        if self.sessions[index].transaction.is_some() {
            let stops = self.configuration.is("StopTransactionOnEVSideDisconnect");
            let unlocks = stops && self.configuration.is("UnlockConnectorOnEVSideDisconnect");
            let owner = self.sessions[index].id_tag.clone();
            self.sessions[index].info = Some(EV_SIDE);
            if ev_side_only && !self.physical.evses[index].fixed_cable && !unlocks {
                // The connector stays locked until the user presents the identifier.
                self.physical.evses[index].cable_held = true;
                self.sessions[index].cable_of = owner;
            }
            if stops {
                self.stop(index, "EVDisconnected", None);
            }
        } else if self.physical.evses[index].plugged.is_none() {
            let session = &mut self.sessions[index];
            session.id_tag = None;
            session.parent = None;
            session.profile_to_come = None;
        }
        if self.physical.evses[index].plugged.is_none() {
            self.sessions[index].finishing = false;
            self.sessions[index].lock_failed = false;
        }
        self.report_evse(index);
        self.sessions[index].info = None;
        self.apply_waiting();
    }

    /// Whoever owns the cable gets it back; true when that was all that the token was presented for.
    pub(super) fn release_cable(&mut self, index: usize, id_tag: &str) -> bool {
        let session = &mut self.sessions[index];
        let owns = session.cable_of.as_ref().is_some_and(|owner| same_tag(owner, id_tag));
        if !owns {
            return false;
        }
        session.cable_of = None;
        self.physical.evses[index].cable_held = false;
        session.transaction.is_none()
    }
}
