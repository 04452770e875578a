//! The charge point that the harness plays for a central system under test: what it does if a test case does not say.
//!
//! A request is processed in three steps. [`OwnStation::reply`] composes the answer and changes nothing. [`OwnStation::apply`]
//! changes the state according to the answer, which may be the test case's. [`OwnStation::follow_ups`] returns the messages that an
//! answer of the charge point promises; the outbox (`protocol/v1_6/promises.rs`) sends them.

mod around;
mod availability;
mod certificates;
mod configuration;
mod keys;
mod last_reported;
mod local_list;
mod profiles;
mod replies;
pub(super) mod request_rules;
mod reservations;
#[cfg(test)]
mod tests;
mod triggers;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub(super) use self::{
    around::Around,
    keys::{canonical, is_key},
    triggers::FollowUp,
};
use self::{
    certificates::Certificates, last_reported::LastReported, local_list::LocalList, profiles::ChargingProfiles,
    reservations::Reservations,
};
use crate::protocol::own_registration::Registration;

/// The state of our charge point. It outlasts a test case, because a charge point stores it persistently (5.2, 5.14, errata 3.37).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub(super) struct OwnStation {
    /// Whether the central system has accepted it.
    pub(super) registration: Registration,
    /// Values of configuration keys that the central system set.
    set: BTreeMap<String, String>,
    local_list: LocalList,
    profiles: ChargingProfiles,
    reservations: Reservations,
    certificates: Certificates,
    reported: LastReported,
}

impl OwnStation {
    /// Values that the central system set, as expressions of test cases see them.
    pub(super) fn set_values(&self) -> impl Iterator<Item = (String, Value)> {
        self.set.iter().map(|(name, value)| (name.clone(), value.clone().into()))
    }

    /// True if a signing request is open.
    pub(super) fn awaits_certificate(&self) -> bool {
        self.reported.signing_requests > 0
    }

    /// The energy register of a connector, Wh.
    pub(super) fn reading(&self, connector: u64) -> i64 {
        self.reported.reading(connector)
    }

    /// The statuses of connectors that it told.
    pub(super) fn statuses(&self) -> super::Connectors {
        super::Connectors(self.reported.statuses.clone())
    }
}

/// An answer that is a status.
fn status(status: &str) -> Value {
    json!({ "status": status })
}

/// The members of a list; none if there is no list.
fn items<'v>(payload: &'v Value, name: &str) -> impl Iterator<Item = &'v Value> {
    payload[name].as_array().into_iter().flatten()
}
