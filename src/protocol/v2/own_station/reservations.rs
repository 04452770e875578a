//! Reservations (H01 to H04).

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    Around, Asked, OwnStation,
    device::Device,
    follow_up::{FollowUp, Message},
    refused, status,
};
use crate::protocol::schedule::time;

/// Maximum number of reservations.
const MOST: usize = 100;

/// What a request names.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Reservation {
    evse: Option<u64>,
    connector_type: Option<String>,
    expiry: Option<Timestamp>,
}

impl Reservation {
    fn of(request: &Value) -> Self {
        Self {
            evse: request["evseId"].as_u64(),
            connector_type: request["connectorType"].as_str().map(str::to_owned),
            expiry: time(&request["expiryDateTime"]),
        }
    }

    fn is_over(&self, now: Timestamp) -> bool {
        self.expiry.is_some_and(|expiry| expiry <= now)
    }
}

/// The reservations by their ids.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Reservations(BTreeMap<i64, Reservation>);

impl Reservations {
    /// A reservation is over: used by a transaction, or ended by our station.
    pub(super) fn ends(&mut self, message: &Value) {
        if let Some(id) = message["reservationId"].as_i64() {
            self.0.remove(&id);
        }
    }

    /// Those that have not expired, without the one of this id.
    fn current(&self, now: Timestamp, except: Option<i64>) -> Vec<&Reservation> {
        self.0.iter().filter(|(id, one)| Some(**id) != except && !one.is_over(now)).map(|(_, one)| one).collect()
    }
}

/// True if each reservation can have an EVSE of its own.
fn honoured(reservations: &[&Reservation], free: &[u64], suits: &impl Fn(&Reservation, u64) -> bool) -> bool {
    let Some((first, rest)) = reservations.split_first() else { return true };
    reservations.len() <= free.len()
        && free.iter().filter(|evse| suits(first, **evse)).any(|evse| {
            let left: Vec<u64> = free.iter().copied().filter(|other| other != evse).collect();
            honoured(rest, &left, suits)
        })
}

impl OwnStation {
    /// True if all that a reservation names is there in this EVSE.
    fn suits(&self, around: &Around, reservation: &Reservation, evse: u64) -> bool {
        let device = Device::new(self, around);
        let mut connectors = around.connectors().filter(|(of, _)| *of == evse);
        let has = |kind: &str, connector: u64| {
            device.value_of(&format!("Connector/{evse}/{connector}.ConnectorType")).is_some_and(|own| own == kind)
        };
        reservation.evse.is_none_or(|named| named == evse)
            && reservation.connector_type.as_deref().is_none_or(|kind| connectors.any(|(_, one)| has(kind, one)))
    }

    /// True if every connector of an EVSE has one of these statuses.
    fn evse_is(&self, around: &Around, evse: u64, statuses: &[&str]) -> bool {
        let mut connectors = around.connectors().filter(|(of, _)| *of == evse);
        connectors.all(|place| statuses.contains(&self.reported_state.status(place)))
    }

    /// The EVSEs that nobody uses.
    fn free_evses(&self, around: &Around) -> Vec<u64> {
        let evses = around.evses.iter().map(|evse| evse.id);
        evses.filter(|evse| self.evse_is(around, *evse, &["Available", "Reserved"])).collect()
    }

    pub(super) fn reserve(&self, around: &Around, payload: &Value, asked: Asked) -> Value {
        let new = Reservation::of(payload);
        if !Device::new(self, around).is_enabled("ReservationCtrlr") {
            return refused("Rejected", "NotEnabled"); // H01.FR.01
        }
        if new.evse.is_some_and(|evse| !around.has_evse(evse)) {
            return refused("Rejected", "UnknownEvse");
        }
        let targets: Vec<u64> =
            around.evses.iter().map(|evse| evse.id).filter(|evse| self.suits(around, &new, *evse)).collect();
        if targets.is_empty() {
            return refused("Rejected", "UnknownConnectorType");
        }
        if new.is_over(around.now.wall) {
            return refused("Rejected", "InvalidValue");
        }
        // Another test case than one about reservations could not play what follows.
        if asked == Asked::Unasked {
            return refused("Rejected", "Unspecified");
        }
        // H01.FR.02: one with the same id is replaced.
        let mut wanted = self.reservations.current(around.now.wall, payload["id"].as_i64());
        wanted.push(&new);
        let all_are = |word: &str| targets.iter().all(|evse| self.evse_is(around, *evse, &[word]));
        let suits = |one: &Reservation, evse: u64| self.suits(around, one, evse);
        status(match () {
            () if honoured(&wanted, &self.free_evses(around), &suits) => "Accepted",
            () if all_are("Faulted") => "Faulted",         // H01.FR.12
            () if all_are("Unavailable") => "Unavailable", // H01.FR.14
            () => "Occupied",                              // H01.FR.11
        })
    }

    pub(super) fn keep_reservation(&mut self, request: &Value) {
        let Some(id) = request["id"].as_i64() else { return };
        let kept = &mut self.reservations.0;
        if kept.len() < MOST || kept.contains_key(&id) {
            kept.insert(id, Reservation::of(request));
        }
    }

    pub(super) fn cancel_reservation(&self, around: &Around, payload: &Value) -> Value {
        let id = payload["reservationId"].as_i64().unwrap_or_default();
        let known = self.reservations.0.get(&id).is_some_and(|one| !one.is_over(around.now.wall));
        if known { status("Accepted") } else { refused("Rejected", "NotFound") }
    }

    /// StatusNotifications for connectors that are Reserved now, or no longer (H01.FR.20, H01.FR.23, H01.FR.24, H02.FR.04, H02.FR.06).
    pub(super) fn reservations_changed(&mut self, around: &Around, because: &str) -> Vec<FollowUp> {
        let all = self.reservations.current(around.now.wall, None);
        let free = self.free_evses(around);
        let suits = |one: &Reservation, evse: u64| self.suits(around, one, evse);
        let mut changed = Vec::new();
        for evse in &free {
            let others: Vec<u64> = free.iter().copied().filter(|other| other != evse).collect();
            let status = if honoured(&all, &others, &suits) { "Available" } else { "Reserved" };
            let connectors = around.connectors().filter(|(of, _)| of == evse);
            changed.extend(
                connectors.filter(|place| self.reported_state.status(*place) != status).map(|place| (place, status)),
            );
        }
        let tell = |((evse, connector), status): ((u64, u64), &'static str)| {
            self.reported_state.becomes((evse, connector), status);
            FollowUp::new(because, Message::Status { evse, connector })
        };
        changed.into_iter().map(tell).collect()
    }
}
