//! Reservations (5.1, 5.13).

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Around, OwnStation, status};
use crate::protocol::{schedule::time, session::Asked};

/// Maximum number of reservations.
const MOST: usize = 100;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Reservation {
    /// 0: any.
    connector: u64,
    expiry: Option<Timestamp>,
}

/// The reservations by their ids.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Reservations(BTreeMap<i64, Reservation>);

impl Reservations {
    /// A transaction has begun, which ends the reservation that it names.
    pub(super) fn is_used(&mut self, start: &Value) {
        if let Some(id) = start["reservationId"].as_i64() {
            self.0.remove(&id);
        }
    }

    /// The reservations that have not expired.
    fn current(&self, now: Timestamp) -> impl Iterator<Item = (i64, &Reservation)> {
        self.0.iter().filter(move |(_, one)| one.expiry.is_none_or(|expiry| expiry > now)).map(|(id, one)| (*id, one))
    }
}

impl OwnStation {
    pub(super) fn reserve(&self, around: &Around, payload: &Value, asked: Asked) -> Value {
        let connector = payload["connectorId"].as_u64().unwrap_or_default();
        let id = payload["reservationId"].as_i64();
        let zero = connector == 0 && !self.is_true(around, "ReserveConnectorZeroSupported");
        // Another test case than one about reservations could not play what follows.
        if asked == Asked::Unasked || zero || !around.has(connector) {
            return status("Rejected");
        }
        let free = |connector: &u64| {
            let taken = self
                .reservations
                .current(around.now.wall)
                .any(|(of, one)| Some(of) != id && (one.connector == *connector || one.connector == 0));
            let own = self.reservations.0.get(&id.unwrap_or_default()).is_some_and(|one| one.connector == *connector);
            let reported = self.reported.status(*connector);
            !taken && (reported == "Available" || (own && reported == "Reserved"))
        };
        let wanted: Vec<u64> = if connector == 0 { around.connectors.clone() } else { vec![connector] };
        let all_are = |word: &str| wanted.iter().all(|connector| self.reported.status(*connector) == word);
        status(match () {
            () if all_are("Faulted") => "Faulted",
            () if all_are("Unavailable") => "Unavailable",
            () if !wanted.iter().any(free) => "Occupied",
            () => "Accepted",
        })
    }

    pub(super) fn keep_reservation(&mut self, request: &Value) {
        let Some(id) = request["reservationId"].as_i64() else { return };
        let connector = request["connectorId"].as_u64().unwrap_or_default();
        if self.reservations.0.len() < MOST || self.reservations.0.contains_key(&id) {
            self.reservations.0.insert(id, Reservation { connector, expiry: time(&request["expiryDate"]) });
        }
    }

    pub(super) fn cancel_reservation(&self, around: &Around, payload: &Value) -> Value {
        let id = payload["reservationId"].as_i64();
        let known = self.reservations.current(around.now.wall).any(|(of, _)| Some(of) == id);
        status(if known { "Accepted" } else { "Rejected" })
    }

    pub(super) fn forget_reservation(&mut self, request: &Value) {
        if let Some(id) = request["reservationId"].as_i64() {
            self.reservations.0.remove(&id);
        }
    }
}
