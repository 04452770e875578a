//! What the CSMS says: one dialect for each version of OCPP.

mod v1_6;
mod v2;

use serde_json::Value;

use super::{Common, CsmsSetup};
use crate::manual_action::ActionOutcome;

/// A version of OCPP as the CSMS speaks it with one station.
pub(super) trait Dialect: Send {
    /// Whether the station may send this CALL now.
    fn permits(&self, common: &Common, action: &str, payload: &Value) -> bool;
    /// The answer to a CALL of the station.
    fn respond(&mut self, common: &mut Common, action: &str, payload: &Value) -> Value;
    /// Why the operator can't have this CALL sent now, if that is so.
    fn forbids(&self, common: &Common, action: &str) -> Option<&'static str>;
    /// Fills in what the operator left out of a CALL.
    fn complete(&self, common: &mut Common, action: &str, payload: &mut Value);
    /// Has sent what must go out before a CALL of the operator.
    fn prepare(&self, common: &mut Common, action: &str, payload: &Value);
    /// A CALL goes out.
    fn asked(&mut self, common: &mut Common, action: &str, payload: &Value);
    /// The station answered a CALL.
    fn answered(&mut self, common: &mut Common, action: &str, request: &Value, response: &Value);
    /// Whether the console shows this value of a variable.
    fn shows(&self, component: &str, variable: &str, value: &str) -> ActionOutcome;
}

/// The dialect of a CSMS for one station.
pub(super) fn of(setup: &CsmsSetup) -> Box<dyn Dialect> {
    match setup.protocol.subprotocol {
        "ocpp1.6" => Box::new(v1_6::CentralSystem::default()),
        _ => Box::new(v2::Csms::new(setup.inventory)),
    }
}
