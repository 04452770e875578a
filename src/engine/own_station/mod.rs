//! The station that we play for a CSMS under test: what it is, what it remembers, and what it does when a test case does not say.
//!
//! A request is answered in two steps. [`OwnStation::reply`] says what a conforming station answers and changes nothing;
//! [`OwnStation::apply`] does what the answer says, whether that is ours or the test case's. What an answer of ours promises is
//! told by [`OwnStation::follow_ups`]; the outbox (`engine/outbox.rs`) sends it.

mod around;
mod availability;
mod certificates;
mod connection;
mod customers;
mod device;
mod displays;
mod follow_up;
mod local_list;
mod model;
mod monitors;
mod profiles;
mod registration;
mod replies;
mod reports;
mod schedule;
#[cfg(test)]
mod tests;
mod told;
mod triggers;
mod variables;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub(crate) use self::{
    around::Around,
    follow_up::{FollowUp, Message},
    registration::{Registration, Status},
};
use self::{
    certificates::Certificates, connection::NetworkProfiles, displays::DisplayMessages, local_list::LocalList,
    monitors::Monitors, profiles::ChargingProfiles, told::Told,
};

/// Whether a step of the test case waits for a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    /// A step took it, and leaves the answer to the station: what it waits for is granted.
    ByStep,
    /// Nobody waits for it.
    Unasked,
}

/// What our station remembers: all of it outlasts a test case, as it does in a station (B05, D01.FR.10, K01.FR.27, N07.FR.13,
/// O01.FR.10).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct OwnStation {
    /// Whether the CSMS has accepted it.
    pub(crate) registration: Registration,
    /// Values of variables that the CSMS set, by their full names.
    set: BTreeMap<String, String>,
    local_list: LocalList,
    monitors: Monitors,
    profiles: ChargingProfiles,
    messages: DisplayMessages,
    certificates: Certificates,
    networks: NetworkProfiles,
    told: Told,
}

impl OwnStation {
    /// Values that the CSMS set, as expressions of test cases see them.
    pub(crate) fn set_values(&self) -> impl Iterator<Item = (String, Value)> {
        self.set.iter().map(|(name, value)| (name.clone(), value.clone().into()))
    }

    /// True where it has sent a signing request, so that a signed certificate may come.
    pub(crate) fn awaits_certificate(&self) -> bool {
        self.told.signing_requests > 0
    }
}

/// A status with a reason (`StatusInfoType`).
fn refused(status: &str, reason: &str) -> Value {
    json!({ "status": status, "statusInfo": { "reasonCode": reason } })
}

/// A status alone.
fn status(status: &str) -> Value {
    json!({ "status": status })
}

/// The members of a list, none where there is no list.
fn items<'v>(payload: &'v Value, name: &str) -> impl Iterator<Item = &'v Value> {
    payload[name].as_array().into_iter().flatten()
}

/// A copy without what vendors add, which our station does not keep.
fn without_custom_data(value: &Value) -> Value {
    match value {
        Value::Object(members) => members
            .iter()
            .filter(|(name, _)| *name != "customData")
            .map(|(name, member)| (name.clone(), without_custom_data(member)))
            .collect(),
        Value::Array(items) => items.iter().map(without_custom_data).collect(),
        other => other.clone(),
    }
}
