//! What follows from what happens to the hardware.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Boot, Station, Timer};
use crate::simulator::station::physical::{Event, NotPossible, Token, TransferDone};

/// How long the shock sensor stays active.
const CALM: Duration = Duration::from_secs(2);

/// A token as messages name it.
fn id_token(token: &Token) -> Value {
    json!({ "idToken": token.text, "type": token.kind })
}

impl Station {
    /// Does what an event demands.
    pub(super) fn take_in(&mut self, event: Event) -> Result<(), NotPossible> {
        match event {
            Event::Connected => self.connected(),
            Event::ConnectionFailed { certificate } => self.connection_failed(certificate),
            Event::Received(text) => self.received(&text),
            Event::Disconnected => self.disconnected(),
            Event::NetworkBack => self.schedule(Duration::from_secs(1), Timer::Connect),
            Event::PowerCycled { away } => self.power_was_away(away),
            Event::LimitEntered { index, kind, value } => return self.limit_entered(index, kind, value),
            Event::DroveIn(index) => self.drove_in(index),
            Event::DroveOut(index) => self.drove_out(index),
            Event::Plugged(index) => self.plugged(index),
            Event::EvSidePlugged(index) => self.ev_side_plugged(index),
            Event::Unplugged { index, ev_side_only, was_charging, was_connected } => {
                self.unplugged(index, ev_side_only, was_charging, was_connected);
            }
            Event::TokenPresented(index, token) => {
                let token = id_token(&token);
                let index = index.unwrap_or_else(|| self.evse_for_token(&token));
                self.present(index, token);
            }
            Event::StartPressed(index) => {
                self.authorize(index, json!({ "idToken": "", "type": "NoAuthorization" }), None);
            }
            Event::CardPresented(index) => return self.card_presented(index),
            Event::VatNumberEntered(index, number) => return self.vat_number_entered(index, &number),
            Event::StopPressed(index) => self.stop_authorization(index, None, false),
            Event::MasterPassUsed(only) => {
                if !self.master_pass_selected(only) {
                    return Err(NotPossible("there is no master pass screen".into()));
                }
            }
            Event::EvSuspended { index, suspended } => self.ev_suspended(index, suspended),
            Event::NeedsChanged(index) => self.needs_changed(index),
            Event::SessionStopped(index) => self.session_stopped(index),
            Event::BatteriesMoved => self.watch_slots(),
            Event::PriorityWanted { index, wanted } => self.priority_wanted(index, wanted),
            Event::ExternalSystem(index, said) => self.external_system_spoke(index, said)?,
            Event::ExternalSchedule(index, unit) => self.external_schedule_came(index, unit)?,
            Event::Charged => self.apply_limits(),
            Event::Shaken => {
                if self.device.variable("ShockSensor", "Active").is_none() {
                    return Err(NotPossible("nothing is hard-wired in this station".into()));
                }
                self.device.put("ShockSensor", "Active", "true");
                self.schedule(CALM, Timer::Calm);
            }
            Event::FaultsChanged => {
                self.physical.set_faulty(false);
                return Err(NotPossible("no fault of this station can be provoked".into()));
            }
            Event::LockFreed { index, connector } => self.lock_freed(index, connector),
            Event::Transferred(TransferDone::Download(request_id, result)) => {
                self.firmware_downloaded(request_id, result);
            }
            Event::Transferred(TransferDone::Upload(request_id, result)) => self.log_uploaded(request_id, result),
        }
        Ok(())
    }

    /// The EVSE that a token is meant for when the driver selected none.
    fn evse_for_token(&self, token: &Value) -> usize {
        let busy =
            |index: &usize| self.physical.evses[*index].plugged.is_some() || self.evses[*index].transaction.is_some();
        self.physical
            .selected
            .or_else(|| self.reserved_for(token))
            .or_else(|| (0..self.evses.len()).find(busy))
            .unwrap_or(0)
    }

    /// True while nothing may be asked of the station but what its boot allows.
    pub(super) fn refuses_calls(&self) -> bool {
        self.boot == Boot::Rejected
    }
}
