//! The reservations of a station, as the operator made them and the station ended them (H01 to H04).

use std::collections::BTreeSet;

use serde_json::Value;

/// Most reservations that are kept; the oldest goes.
const MAX_KEPT: usize = 1000;

/// The ids of the reservations that the station has accepted.
#[derive(Default)]
pub(super) struct Reservations(BTreeSet<i64>);

impl Reservations {
    /// An id that no reservation has, from a number on: one with an id that is taken would replace that reservation
    /// (H01.FR.02).
    pub(super) fn free_id(&self, number: i64) -> i64 {
        (number..=i64::MAX).find(|id| !self.0.contains(id)).unwrap_or(number)
    }

    /// Learns from an answer of the station.
    pub(super) fn answered(&mut self, action: &str, request: &Value, response: &Value) {
        if response["status"] != "Accepted" {
            return;
        }
        match (action, request["id"].as_i64(), request["reservationId"].as_i64()) {
            ("ReserveNow", Some(id), _) => {
                if self.0.len() >= MAX_KEPT {
                    self.0.pop_first();
                }
                self.0.insert(id);
            }
            ("CancelReservation", _, Some(id)) => {
                self.0.remove(&id);
            }
            _ => {}
        }
    }

    /// Learns from a message of the station: one that names a reservation ends it (H01.FR.15 to H01.FR.17, H04.FR.01).
    pub(super) fn told(&mut self, payload: &Value) {
        if let Some(id) = payload["reservationId"].as_i64() {
            self.0.remove(&id);
        }
    }
}
