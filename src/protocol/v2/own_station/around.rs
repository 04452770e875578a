//! The context in which our station answers: the bench, the time, the running transactions.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::{
    clock::{Stamp, ocpp_time},
    protocol::Version,
    template::Names,
};

/// An EVSE of our station, with its connectors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Evse {
    pub(super) id: u64,
    pub(super) connectors: Vec<u64>,
}

/// A running transaction of our station.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Running {
    pub(super) id: String,
    pub(super) evse: Option<u64>,
    pub(super) charging_state: String,
    pub(super) authorized: bool,
    pub(super) next_seq: u64,
    /// When it began.
    pub(super) begun: Timestamp,
}

/// The context.
#[derive(Debug, Clone)]
pub(crate) struct Around {
    /// The version of OCPP.
    pub(super) version: Version,
    pub(super) now: Stamp,
    /// The names that expressions see.
    pub(super) names: Names,
    pub(super) evses: Vec<Evse>,
    pub(super) running: Vec<Running>,
    /// The outbox has room for another report.
    pub(super) room: bool,
}

impl Around {
    /// Builds the context from the names that expressions see.
    pub(crate) fn of(version: Version, names: Names, now: Stamp, room: bool) -> Self {
        let mut evses: Vec<Evse> = Vec::new();
        let bench = names.get("bench").unwrap_or(&Value::Null);
        for name in ["evse", "evse_second"] {
            let (Some(id), connector) = (bench[name]["id"].as_u64(), bench[name]["connector"].as_u64().unwrap_or(1))
            else {
                continue;
            };
            match evses.iter_mut().find(|known| known.id == id) {
                Some(known) if known.connectors.contains(&connector) => {}
                Some(known) => known.connectors.push(connector),
                None => evses.push(Evse { id, connectors: vec![connector] }),
            }
        }
        if evses.is_empty() {
            evses.push(Evse { id: 1, connectors: vec![1] });
        }
        evses.sort_by_key(|evse| evse.id);
        let transactions = names.get("transactions").and_then(Value::as_array).into_iter().flatten();
        let running = transactions.filter(|one| one["running"] == true).map(|one| Running {
            id: one["id"].as_str().unwrap_or_default().to_owned(),
            evse: one["evse"].as_u64(),
            charging_state: one["charging_state"].as_str().unwrap_or_default().to_owned(),
            authorized: one["token"].is_object(),
            next_seq: one["next_seq"].as_u64().unwrap_or_default(),
            begun: ago(now, one["at"].as_f64().unwrap_or_else(|| now.seconds())),
        });
        let running = running.collect();
        Self { version, now, names, evses, running, room }
    }

    /// The current time as messages have it.
    pub(super) fn time(&self) -> String {
        time(self.now.wall)
    }

    /// A setting of the bench; null if it has none of that name.
    pub(super) fn bench(&self, name: &str) -> &Value {
        self.names.get("bench").map_or(&Value::Null, |bench| &bench[name])
    }

    /// The security profile that the station uses.
    pub(super) fn security_profile(&self) -> u64 {
        self.names.get("security_profile").and_then(Value::as_u64).unwrap_or_default()
    }

    /// True if the station has this EVSE.
    pub(super) fn has_evse(&self, id: u64) -> bool {
        self.evses.iter().any(|evse| evse.id == id)
    }

    /// All connectors, by the ids of EVSE and connector.
    pub(super) fn connectors(&self) -> impl Iterator<Item = (u64, u64)> {
        self.evses.iter().flat_map(|evse| evse.connectors.iter().map(|connector| (evse.id, *connector)))
    }

    /// The connectors that an `EVSEType` selects: all of the station if it is absent, all of the EVSE if it has no connectorId.
    pub(super) fn named_connectors(&self, evse: &Value) -> impl Iterator<Item = (u64, u64)> {
        let (id, connector) = (evse["id"].as_u64(), evse["connectorId"].as_u64());
        let whole = evse.is_null();
        self.connectors()
            .filter(move |(of, one)| whole || (Some(*of) == id && connector.is_none_or(|connector| connector == *one)))
    }

    /// The running transaction of an EVSE.
    pub(super) fn running_at(&self, evse: u64) -> Option<&Running> {
        self.running.iter().find(|one| one.evse == Some(evse))
    }

    /// A running transaction, by its id in whichever case.
    pub(super) fn running(&self, id: &str) -> Option<&Running> {
        self.running.iter().find(|one| one.id.eq_ignore_ascii_case(id))
    }
}

/// Converts a second of the run to wall time.
fn ago(now: Stamp, at: f64) -> Timestamp {
    let passed = SignedDuration::try_from_secs_f64((now.seconds() - at).max(0.0)).unwrap_or_default();
    now.wall.checked_sub(passed).unwrap_or(now.wall)
}

/// Formats a time for a message.
pub(super) fn time(time: Timestamp) -> String {
    ocpp_time(time)
}
