//! Reservations (3.11, 5.1, 5.13).

use std::time::Duration;

use serde_json::Value;

use super::{ChargePoint, Timer, connectors::Status, number, same_tag};

/// A reservation.
#[derive(Debug, Clone)]
pub(super) struct Reservation {
    id: i64,
    /// The connector, by index; `None`: any one of them (connector 0).
    pub(super) connector: Option<usize>,
    id_tag: String,
    parent: Option<String>,
}

impl Reservation {
    fn is_for(&self, id_tag: &str, parent: Option<&str>) -> bool {
        let same_parent = self.parent.as_deref().zip(parent).is_some_and(|(own, other)| same_tag(own, other));
        same_tag(&self.id_tag, id_tag) || same_parent
    }
}

impl ChargePoint {
    /// ReserveNow.
    pub(super) fn reserve(&mut self, payload: &Value) -> &'static str {
        let (Some(id), Some(wanted)) = (number(payload, "reservationId"), number(payload, "connectorId")) else {
            return "Rejected";
        };
        let text = |name: &str| payload[name].as_str().map(str::to_owned);
        let expiry = payload["expiryDate"].as_str().and_then(|time| time.parse::<jiff::Timestamp>().ok());
        let Some(left) = expiry.and_then(|at| Duration::try_from(at.duration_since(self.physical.now())).ok()) else {
            return "Rejected";
        };
        let connector = match wanted {
            0 if !self.configuration.is("ReserveConnectorZeroSupported") => return "Rejected",
            0 => None,
            other => match self.connector(other) {
                Some(at) => Some(at),
                None => return "Rejected",
            },
        };
        // The one with the same id is replaced.
        let others: Vec<Reservation> = self.reservations.iter().filter(|known| known.id != id).cloned().collect();
        let free = |at: usize| {
            let status = self.status(at);
            let own = |known: &Reservation| known.id == id && known.connector == Some(at);
            let unused =
                status == Status::Available || (status == Status::Reserved && self.reservations.iter().any(own));
            unused && !self.evse_is_taken(at)
        };
        let state = match connector {
            Some(at) if self.is_faulted(at) => Err("Faulted"),
            Some(at) if !self.connectors[at].operative => Err("Unavailable"),
            Some(at) if !free(at) => Err("Occupied"),
            None if (0..self.connectors.len()).all(|at| self.is_faulted(at)) => Err("Faulted"),
            None if !self.whole.operative || self.connectors.iter().all(|known| !known.operative) => Err("Unavailable"),
            _ => Ok(()),
        };
        if let Err(status) = state {
            return status;
        }
        // Those for any connector leave as many free as they are.
        let unspecific = others.iter().filter(|known| known.connector.is_none()).count();
        if self.count_evses(free) <= unspecific {
            return "Occupied";
        }
        let id_tag = text("idTag").unwrap_or_default();
        self.reservations = others;
        self.reservations.push(Reservation { id, connector, id_tag, parent: text("parentIdTag") });
        self.cancel(|timer| *timer == Timer::ReservationEnds(id));
        self.schedule(left, Timer::ReservationEnds(id));
        "Accepted"
    }

    /// An EVSE serves one connector at a time: somebody uses another one of its connectors.
    fn evse_is_taken(&self, at: usize) -> bool {
        let connector = &self.connectors[at];
        let plugged = self.physical.evses[connector.evse].plugged;
        let used = plugged.is_some() || self.sessions[connector.evse].id_tag.is_some();
        used && self.connector_in_use(connector.evse) != at
    }

    /// How many EVSEs have such a connector.
    fn count_evses(&self, is_such: impl Fn(usize) -> bool) -> usize {
        let of_evse = |index: usize| (0..self.connectors.len()).filter(move |at| self.connectors[*at].evse == index);
        (0..self.sessions.len()).filter(|index| of_evse(*index).any(&is_such)).count()
    }

    /// The answer to a CancelReservation.
    pub(super) fn cancel_reservation(&self, payload: &Value) -> &'static str {
        let id = number(payload, "reservationId");
        if self.reservations.iter().any(|known| Some(known.id) == id) { "Accepted" } else { "Rejected" }
    }

    pub(super) fn reservation_ends(&mut self, id: i64) {
        self.cancel(|timer| *timer == Timer::ReservationEnds(id));
        self.reservations.retain(|known| known.id != id);
        self.report_all();
    }

    /// A connector goes out of service, and its reservation with it.
    pub(super) fn end_reservation_of(&mut self, at: usize) {
        self.end_reservations(|known| known.connector == Some(at));
    }

    /// The charge point as a whole goes out of service, and the reservations of any connector with it.
    pub(super) fn end_unspecific_reservations(&mut self) {
        self.end_reservations(|known| known.connector.is_none());
    }

    /// The charge point or a connector has a fault, which ends the reservations of it (5.13).
    pub(super) fn end_reservations_of_faulted(&mut self) {
        let faulted: Vec<usize> = (0..self.connectors.len()).filter(|at| self.is_faulted(*at)).collect();
        let whole = self.physical.faulty;
        self.end_reservations(|known| known.connector.map_or(whole, |at| faulted.contains(&at)));
    }

    /// Reservations end before they expire. One that is made with the same id later has a time of its own.
    fn end_reservations(&mut self, ends: impl Fn(&Reservation) -> bool) {
        let ended: Vec<i64> = self.reservations.iter().filter(|known| ends(known)).map(|known| known.id).collect();
        self.reservations.retain(|known| !ended.contains(&known.id));
        self.cancel(|timer| matches!(timer, Timer::ReservationEnds(id) if ended.contains(id)));
    }

    /// Whether a token may charge at a connector in spite of the reservations.
    pub(super) fn reservations_admit(&self, at: usize, id_tag: &str, parent: Option<&str>) -> bool {
        let mut at_connector = self.reservations.iter().filter(|known| known.connector == Some(at));
        if let Some(reservation) = at_connector.next() {
            return reservation.is_for(id_tag, parent);
        }
        let unspecific = self.reservations.iter().filter(|known| known.connector.is_none());
        let of_others = unspecific.filter(|known| !known.is_for(id_tag, parent)).count();
        // This one is taken, if it counts as free at all.
        let own = self.connectors[at].evse;
        let free = |other: usize| self.connectors[other].evse != own && self.status(other) == Status::Available;
        of_others <= self.count_evses(free)
    }

    /// Whether a token may turn out to be admitted, once the central system has told its parent (5.13).
    pub(super) fn reservations_may_admit(&self, at: usize, id_tag: &str, parent: Option<&str>) -> bool {
        let here = |known: &&Reservation| known.connector.is_none_or(|connector| connector == at);
        let for_groups = self.reservations.iter().filter(here).any(|known| known.parent.is_some());
        self.reservations_admit(at, id_tag, parent) || (parent.is_none() && for_groups)
    }

    /// A transaction starts: the reservation that it ends.
    pub(super) fn use_reservation(&mut self, at: usize, id_tag: &str, parent: Option<String>) -> Option<i64> {
        let its = |known: &Reservation| {
            known.connector.is_none_or(|connector| connector == at) && known.is_for(id_tag, parent.as_deref())
        };
        let found = self.reservations.iter().position(its)?;
        let id = self.reservations.remove(found).id;
        self.cancel(|timer| *timer == Timer::ReservationEnds(id));
        Some(id)
    }
}
