//! The charging station that the harness plays for a CSMS under test: what it does if a test case does not say.
//!
//! A request is processed in three steps. [`OwnStation::reply`] composes the answer and changes nothing. [`OwnStation::apply`]
//! changes the state according to the answer, which may be the test case's. [`OwnStation::follow_ups`] returns the messages that an
//! answer of the station promises; the outbox (`protocol/v2/promises.rs`) sends them.

mod around;
mod availability;
mod certificates;
mod connection;
mod customers;
mod device;
mod displays;
mod follow_up;
mod last_reported;
mod local_list;
mod model;
mod monitor_events;
mod monitors;
mod profiles;
mod replies;
mod reports;
mod request_rules;
mod reservations;
mod schedule;
mod tariffs;
#[cfg(test)]
mod tests;
mod triggers;
mod variables;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::protocol::session::Asked;

pub(crate) use self::{
    around::Around,
    follow_up::{FollowUp, Message},
};
use self::{
    certificates::Certificates, connection::NetworkProfiles, displays::DisplayMessages, last_reported::LastReported,
    local_list::LocalList, monitors::Monitors, profiles::ChargingProfiles, reservations::Reservations,
    tariffs::Tariffs,
};
pub(crate) use crate::protocol::own_registration::{Registration, Status};

/// The state of our station. It outlasts a test case, because a station stores it persistently (D01.FR.10, K01.FR.27, N07.FR.13,
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
    /// The profiles of remote starts whose transaction has not begun, by remoteStartId.
    awaited_profiles: BTreeMap<i64, Value>,
    messages: DisplayMessages,
    certificates: Certificates,
    networks: NetworkProfiles,
    reservations: Reservations,
    tariffs: Tariffs,
    reported_state: LastReported,
}

impl OwnStation {
    /// Values that the CSMS set, as expressions of test cases see them.
    pub(crate) fn set_values(&self) -> impl Iterator<Item = (String, Value)> {
        self.set.iter().map(|(name, value)| (name.clone(), value.clone().into()))
    }

    /// A test case begins: it judges only what the CSMS does from here on.
    pub(crate) fn begin_test(&mut self) {
        self.profiles.leave_behind();
    }

    /// True if a signing request is open.
    pub(crate) fn awaits_certificate(&self) -> bool {
        self.reported_state.signing_requests > 0
    }
}

/// A status with a reason (`StatusInfoType`).
fn refused(status: &str, reason: &str) -> Value {
    json!({ "status": status, "statusInfo": { "reasonCode": reason } })
}

/// A status without a reason.
fn status(status: &str) -> Value {
    json!({ "status": status })
}

/// True for the same identifier: an identifierString has no case (Part 2, 2.1.4).
fn is_same(value: &Value, id: &str) -> bool {
    value.as_str().is_some_and(|value| value.eq_ignore_ascii_case(id))
}

/// The members of a list; none if there is no list.
fn items<'v>(payload: &'v Value, name: &str) -> impl Iterator<Item = &'v Value> {
    payload[name].as_array().into_iter().flatten()
}

/// A copy without customData, which our station does not store.
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
