//! What people do with the station: cables, tokens, power, network; and the meter.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Boot, Station, Timer};
use crate::{manual_action::ActionOutcome, simulator::operator::Request};

impl Station {
    /// Performs a manual action.
    pub(super) fn operated(&mut self, request: Request) {
        let parameters = &request.action.parameters;
        let number = |name: &str| parameters.get(name).and_then(Value::as_u64).and_then(|id| u32::try_from(id).ok());
        let evse = number("evse").unwrap_or(1);
        let connector = number("connector").unwrap_or(1);
        let outcome = match (request.action.action.as_str(), self.index_of(evse)) {
            ("power-cycle", _) => {
                self.restart("PowerUp");
                ActionOutcome::Done
            }
            ("network-down", _) => {
                self.network_up = false;
                if let Some(conn) = self.conn {
                    self.link.send(crate::link::LinkCommand::Abort(conn));
                }
                ActionOutcome::Done
            }
            ("network-up", _) => {
                self.network_up = true;
                self.schedule(Duration::from_secs(1), Timer::Connect);
                ActionOutcome::Done
            }
            ("store-customer", _) => {
                let identifier = parameters.get("identifier").and_then(Value::as_str).unwrap_or_default();
                self.customers.push(identifier.to_owned());
                ActionOutcome::Done
            }
            ("remove-certificate", _) => self.remove_certificate(),
            (_, None) => ActionOutcome::NotPossible(format!("there is no EVSE {evse}")),
            (action @ ("jam-lock" | "free-lock"), Some(index)) => {
                if self.jam(index, connector, action == "jam-lock") {
                    ActionOutcome::Done
                } else {
                    ActionOutcome::NotPossible("the connector has no lock".into())
                }
            }
            ("drive-in", Some(index)) => {
                self.drive_in(index);
                ActionOutcome::Done
            }
            ("drive-out", Some(index)) => {
                self.drive_out(index);
                ActionOutcome::Done
            }
            ("connect-ev", Some(index)) if self.evses[index].plugged.is_none() => {
                self.plug(index, connector);
                ActionOutcome::Done
            }
            ("connect-ev" | "reconnect-ev-side", Some(index)) => {
                self.plug_ev_side(index, connector);
                ActionOutcome::Done
            }
            ("disconnect-station-side", Some(index)) if self.evses[index].locked_for.is_some() => {
                ActionOutcome::NotPossible("the cable is locked".into())
            }
            ("disconnect-station-side", Some(index)) => {
                if self.evses[index].plugged.is_some() {
                    self.unplug(index, false);
                }
                ActionOutcome::Done
            }
            ("disconnect-ev", Some(index)) => {
                if self.evses[index].plugged.is_some() {
                    self.unplug(index, false);
                }
                ActionOutcome::Done
            }
            ("disconnect-ev-side", Some(index)) => {
                self.unplug(index, true);
                ActionOutcome::Done
            }
            ("select-evse", Some(index)) => {
                self.selected = Some(index);
                ActionOutcome::Done
            }
            ("present-token", Some(index)) => {
                let token = json!({ "idToken": parameters.get("token"), "type": parameters.get("type") });
                let index = if parameters.contains_key("evse") { index } else { self.evse_for_token() };
                self.present(index, token);
                ActionOutcome::Done
            }
            ("press-start", Some(index)) => {
                self.authorize(index, json!({ "idToken": "", "type": "NoAuthorization" }), None);
                ActionOutcome::Done
            }
            ("press-stop", Some(index)) => {
                self.stop_authorization(index, None, false);
                ActionOutcome::Done
            }
            ("stop-with-master-pass", Some(index)) => {
                let only = parameters.contains_key("evse").then_some(index);
                if self.master_pass_selected(only) {
                    ActionOutcome::Done
                } else {
                    ActionOutcome::NotPossible("there is no master pass screen".into())
                }
            }
            ("ev-not-ready" | "ev-suspend", Some(index)) => {
                self.suspend(index, true);
                ActionOutcome::Done
            }
            ("ev-resume", Some(index)) => {
                self.suspend(index, false);
                ActionOutcome::Done
            }
            (other, _) => ActionOutcome::NotPossible(format!("the simulated station does not support `{other}`")),
        };
        let _ = request.done.send(outcome);
    }

    /// The EVSE that a token is meant for when the driver selected none.
    fn evse_for_token(&self) -> usize {
        let occupied = self.evses.iter().position(|evse| evse.plugged.is_some() || evse.transaction.is_some());
        self.selected.or(occupied).unwrap_or(0)
    }

    /// True while nothing may be asked of the station but what its boot allows.
    pub(super) fn refuses_calls(&self) -> bool {
        self.boot == Boot::Rejected
    }
}
