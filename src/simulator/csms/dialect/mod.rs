//! What the CSMS says: one dialect for each version of OCPP.

mod v1_6;
mod v2;

use serde_json::{Map, Value};

use super::{Common, CsmsSetup, certificate_status::CertificateStatus};
use crate::{
    manual_action::{ActionOutcome, settings::Setting},
    protocol::Version,
};

/// A version of OCPP as the CSMS speaks it with one station.
pub(super) trait Dialect: Send {
    /// Whether the station may send this CALL now.
    fn permits(&self, common: &Common, action: &str, payload: &Value) -> bool;
    /// The answer to a CALL of the station.
    fn respond(&mut self, common: &mut Common, action: &str, payload: &Value) -> Value;
    /// The certificates (OCSPRequestDataType) whose status has to be known before a CALL can be answered.
    fn inquiries(&self, _: &Common, _: &str, _: &Value) -> Vec<Value> {
        Vec::new()
    }
    /// The answer to a CALL with such certificates, by what is known of each.
    fn conclude(
        &mut self,
        common: &mut Common,
        action: &str,
        payload: &Value,
        _: &[Option<CertificateStatus>],
    ) -> Value {
        self.respond(common, action, payload)
    }
    /// Why the operator can't have this CALL sent now, if that is so.
    fn forbids(&self, common: &Common, action: &str, payload: &Value) -> Option<&'static str>;
    /// The CALLs that a CALL of the operator becomes because the station takes only so many elements in one.
    fn split(&self, _: &str, payload: Value) -> Vec<Value> {
        vec![payload]
    }
    /// Fills in what the operator left out of a CALL.
    fn complete(&self, common: &mut Common, action: &str, payload: &mut Value);
    /// Has sent what must go out before a CALL of the operator.
    fn prepare(&self, common: &mut Common, action: &str, payload: &Value);
    /// A CALL goes out.
    fn asked(&mut self, common: &mut Common, action: &str, payload: &Value);
    /// The station answered a CALL.
    fn answered(&mut self, common: &mut Common, action: &str, request: &Value, response: &Value);
    /// The operator makes a setting of the CSMS, or undoes it.
    fn set(&mut self, setting: Setting, _: &str) -> ActionOutcome {
        ActionOutcome::NotPossible(format!("this version of OCPP has no use for `{}`", setting.word()))
    }
    /// What comes of something else that is done at the console; `None` for what this version does not have.
    fn operated(&mut self, _: &mut Common, _: &str, _: &Map<String, Value>) -> Option<ActionOutcome> {
        None
    }
    /// Whether the console shows this value of a variable.
    fn shows(&self, component: &str, variable: &str, value: &str) -> ActionOutcome;
    /// Whether the console shows such a monitor of a variable.
    fn shows_monitor(&self, _: &Value) -> ActionOutcome {
        ActionOutcome::NotPossible("this version of OCPP has no monitors".into())
    }
}

/// The dialect of a CSMS for one station.
pub(super) fn of(setup: &CsmsSetup) -> Box<dyn Dialect> {
    match setup.protocol.version {
        Version::V1_6 => Box::new(v1_6::CentralSystem::default()),
        Version::V2_0_1 | Version::V2_1 => Box::new(v2::Csms::new(setup.inventory)),
    }
}
