//! The context in which our charge point answers: the bench, the time, the running transactions.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::{
    clock::{Stamp, ocpp_time},
    template::Names,
};

/// A running transaction of our charge point.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Running {
    /// None before the central system has given it.
    pub(super) id: Option<i64>,
    pub(super) connector: u64,
    pub(super) charging: bool,
    /// When it began.
    pub(super) begun: Timestamp,
}

/// The context.
#[derive(Debug, Clone)]
pub(crate) struct Around {
    pub(super) now: Stamp,
    /// The names that expressions see.
    pub(super) names: Names,
    /// The connectors, from 1.
    pub(super) connectors: Vec<u64>,
    pub(super) running: Vec<Running>,
}

impl Around {
    /// Builds the context from the names that expressions see. A connector of 1.6 is what the bench calls an EVSE.
    pub(crate) fn of(names: Names, now: Stamp) -> Self {
        let bench = names.get("bench").cloned().unwrap_or_default();
        let mut connectors: Vec<u64> =
            ["evse", "evse_second"].iter().filter_map(|name| bench[name]["id"].as_u64()).filter(|id| *id > 0).collect();
        if connectors.is_empty() {
            connectors.push(1);
        }
        connectors.sort_unstable();
        connectors.dedup();
        let transactions = names.get("transactions").and_then(Value::as_array).into_iter().flatten();
        let running = transactions.filter(|one| one["running"] == true).map(|one| Running {
            id: one["id"].as_i64(),
            connector: one["connector"].as_u64().unwrap_or_default(),
            charging: one["charging_state"] == "Charging",
            begun: ago(now, one["at"].as_f64().unwrap_or_else(|| now.seconds())),
        });
        let running = running.collect();
        Self { now, names, connectors, running }
    }

    /// The current time as messages have it.
    pub(super) fn time(&self) -> String {
        ocpp_time(self.now.wall)
    }

    /// A setting of the bench; null if it has none of that name.
    pub(super) fn bench(&self, name: &str) -> &Value {
        self.names.get("bench").map_or(&Value::Null, |bench| &bench[name])
    }

    /// The security profile that the charge point uses.
    pub(super) fn security_profile(&self) -> u64 {
        self.names.get("security_profile").and_then(Value::as_u64).unwrap_or_default()
    }

    /// True if the charge point has this connector; 0 is the charge point itself.
    pub(super) fn has(&self, connector: u64) -> bool {
        connector == 0 || self.connectors.contains(&connector)
    }

    /// The connectors that a number selects: all with the charge point itself if it is 0 or absent, none if there is no such.
    pub(super) fn selected(&self, connector: Option<u64>) -> Vec<u64> {
        match connector {
            None | Some(0) => [0].into_iter().chain(self.connectors.iter().copied()).collect(),
            Some(one) => self.connectors.iter().copied().filter(|connector| *connector == one).collect(),
        }
    }

    /// The running transaction of a connector.
    pub(super) fn running_at(&self, connector: u64) -> Option<&Running> {
        self.running.iter().find(|one| one.connector == connector)
    }

    /// True if a transaction is running on a connector.
    pub(crate) fn is_charging_at(&self, connector: u64) -> bool {
        self.running_at(connector).is_some()
    }

    /// The connector of a running transaction.
    pub(crate) fn connector_of(&self, id: i64) -> Option<u64> {
        self.running.iter().find(|one| one.id == Some(id)).map(|one| one.connector)
    }
}

/// Converts a second of the run to wall time.
fn ago(now: Stamp, at: f64) -> Timestamp {
    let passed = SignedDuration::try_from_secs_f64((now.seconds() - at).max(0.0)).unwrap_or_default();
    now.wall.checked_sub(passed).unwrap_or(now.wall)
}
