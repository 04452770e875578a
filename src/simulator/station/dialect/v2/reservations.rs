//! Reservations (block H): what is reserved for whom, which EVSEs that keeps from everybody else, and how it ends.
//!
//! A reservation names an EVSE, a type of connector, or neither. An EVSE is Reserved as soon as the reservations could not all
//! be honoured without it: at once where the EVSE itself is named (H01.FR.23), otherwise when there are no more EVSEs left than
//! reservations (H01.FR.07, H01.FR.09, H01.FR.20, H01.FR.24).

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    Boot, Station, Timer,
    authorization::same,
    availability::narrow,
    evse::{Evse, Token},
};
use crate::pics::Profile;

/// What is reserved. The order is that in which a driver with several reservations uses them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Target {
    /// An EVSE, by its index.
    Evse(usize),
    /// Any EVSE with a connector of this type.
    ConnectorType(String),
    /// Any EVSE.
    Any,
}

/// A reservation.
#[derive(Debug, Clone)]
pub(super) struct Reservation {
    id: i64,
    token: Token,
    group: Option<Value>,
    expiry: Timestamp,
    /// When it was asked for.
    made: Timestamp,
    target: Target,
}

impl Reservation {
    /// Whether it is for whoever has this token, or is of this group.
    fn is_for(&self, token: &Token, group: Option<&Value>) -> bool {
        let of_group = self.group.as_ref().zip(group).is_some_and(|(ours, theirs)| same(ours, theirs));
        same(&self.token, token) || of_group
    }
}

/// How a reservation ended that nobody used.
#[derive(Debug, Clone, Copy)]
enum Ending {
    Expired,
    Removed,
}

/// The reservations of a station. They outlast a restart (B01.FR.13, B11.FR.05).
#[derive(Debug, Default)]
pub(super) struct Reservations {
    /// In the order in which they were made.
    made: Vec<Reservation>,
    /// Endings that the CSMS has not been told yet.
    untold: Vec<(i64, Ending)>,
}

impl Reservations {
    pub(super) fn is_empty(&self) -> bool {
        self.made.is_empty()
    }
}

/// Gives each reservation an EVSE of its own, the earlier ones first, with `fits[reservation][evse]`; the first one that
/// gets none.
fn unserved(fits: &[Vec<bool>]) -> Option<usize> {
    fn serve(one: usize, fits: &[Vec<bool>], tried: &mut [bool], owners: &mut [Option<usize>]) -> bool {
        for evse in 0..owners.len() {
            if fits[one][evse] && !std::mem::replace(&mut tried[evse], true) {
                let free = match owners[evse] {
                    None => true,
                    Some(other) => serve(other, fits, tried, owners),
                };
                if free {
                    owners[evse] = Some(one);
                    return true;
                }
            }
        }
        false
    }
    let evses = fits.first().map_or(0, Vec::len);
    let mut owners = vec![None; evses];
    (0..fits.len()).find(|one| !serve(*one, fits, &mut vec![false; evses], &mut owners))
}

impl Station {
    pub(super) fn has_reservations(&self) -> bool {
        self.pics.supports(Profile::RESERVATION)
    }

    // ---- what the CSMS asks for ----

    /// What a ReserveNow is about, if this station takes such reservations.
    fn wanted(&self, payload: &Value) -> Option<Target> {
        let kind = payload["connectorType"].as_str();
        let target = match (payload.get("evseId"), kind) {
            (Some(evse), _) => Target::Evse(self.physical.index_of(narrow(evse)?)?),
            (None, Some(kind)) => Target::ConnectorType(kind.to_owned()),
            (None, None) => Target::Any,
        };
        let supported = match target {
            Target::Evse(index) => kind.is_none_or(|kind| self.has_type(index, kind)),
            Target::ConnectorType(_) => self.pics.is_yes("R-1"),
            // H01.FR.18, H01.FR.19
            Target::Any => self.device.is("ReservationCtrlr", "NonEvseSpecific"),
        };
        supported.then_some(target)
    }

    /// The answer to a ReserveNow.
    pub(super) fn reserve(&self, payload: &Value) -> &'static str {
        // H01.FR.01
        let enabled = self.device.is("ReservationCtrlr", "Enabled") && self.boot == Boot::Accepted;
        let Some(new) = self.reservation(payload).filter(|new| enabled && new.expiry > self.physical.now()) else {
            return "Rejected";
        };
        let targets: Vec<usize> = (0..self.evses.len()).filter(|index| self.suits(&new.target, *index)).collect();
        // H01.FR.02: one with the same id is replaced.
        let others = self.reservations.made.iter().filter(|made| made.id != new.id);
        let mut fits: Vec<Vec<bool>> = others.map(|other| self.fits(other)).collect();
        let ready = |index: usize| {
            let evse = &self.evses[index];
            !(evse.resetting || evse.awaits_reset)
        };
        let own = self.fits(&new);
        fits.push((0..self.evses.len()).map(|index| own[index] && ready(index)).collect());
        if targets.is_empty() {
            "Rejected"
        } else if unserved(&fits).is_none() {
            "Accepted"
        } else if targets.iter().any(|index| self.in_service(&new.target, *index) && ready(*index)) {
            "Occupied" // H01.FR.11
        } else {
            "Unavailable" // H01.FR.14
        }
    }

    fn reservation(&self, payload: &Value) -> Option<Reservation> {
        Some(Reservation {
            id: payload["id"].as_i64()?,
            token: payload["idToken"].clone(),
            group: payload.get("groupIdToken").cloned(),
            expiry: payload["expiryDateTime"].as_str()?.parse().ok()?,
            made: self.physical.now(),
            target: self.wanted(payload)?,
        })
    }

    /// Makes the reservation that was promised.
    pub(super) fn make_reservation(&mut self, payload: &Value) {
        if let Some(new) = self.reservation(payload).filter(|_| self.reserve(payload) == "Accepted") {
            self.reservations.made.retain(|made| made.id != new.id);
            self.reservations.made.push(new);
            self.review_reservations();
        }
    }

    /// The answer to a CancelReservation (H02.FR.01, H02.FR.02).
    pub(super) fn cancel_reservation(&self, payload: &Value) -> &'static str {
        let known = self.reservations.made.iter().any(|made| payload["reservationId"] == made.id);
        if known { "Accepted" } else { "Rejected" }
    }

    /// Forgets a reservation that the CSMS has cancelled, and so knows about.
    pub(super) fn forget_reservation(&mut self, payload: &Value) {
        self.reservations.made.retain(|made| payload["reservationId"] != made.id);
        self.review_reservations();
    }

    // ---- which EVSEs are reserved ----

    fn has_type(&self, index: usize, kind: &str) -> bool {
        self.pics.evses[index].connectors.iter().any(|connector| connector.kind == kind)
    }

    fn suits(&self, target: &Target, index: usize) -> bool {
        match target {
            Target::Evse(named) => *named == index,
            Target::ConnectorType(kind) => self.has_type(index, kind),
            Target::Any => true,
        }
    }

    /// The EVSE has a connector for it that is not Unavailable. A reset takes no EVSE away for good (B11.FR.05).
    fn in_service(&self, target: &Target, index: usize) -> bool {
        let evse = &self.evses[index];
        let operative = (evse.operative && self.operative) || evse.waits;
        let mut connectors = evse.connectors.iter().zip(&self.pics.evses[index].connectors);
        let right = |kind: &str| !matches!(target, Target::ConnectorType(wanted) if wanted != kind);
        operative && !evse.updating && connectors.any(|(state, of)| (state.operative || state.waits) && right(&of.kind))
    }

    /// Somebody uses the EVSE. A stranger who has plugged in at a reserved EVSE does not (G01.FR.09).
    fn taken(&self, index: usize) -> bool {
        let evse = &self.evses[index];
        let plugged = self.physical.evses[index].plugged.is_some() && !evse.stranger;
        plugged || evse.authorized.is_some() || evse.claimed.is_some()
    }

    /// For each EVSE, whether the reservation can be honoured there.
    fn fits(&self, reservation: &Reservation) -> Vec<bool> {
        let target = &reservation.target;
        let fits = |index| self.suits(target, index) && self.in_service(target, index) && !self.taken(index);
        (0..self.evses.len()).map(fits).collect()
    }

    /// Ends what has expired or can't be honoured any longer, and reports what has changed.
    pub(super) fn review_reservations(&mut self) {
        let now = self.physical.now();
        let before = self.reservations.made.len();
        let expired = |made: &Reservation| made.expiry <= now;
        let ids = self.reservations.made.iter().filter(|made| expired(made)).map(|made| (made.id, Ending::Expired));
        let mut ended: Vec<(i64, Ending)> = ids.collect();
        self.reservations.made.retain(|made| !expired(made));
        let mut fits: Vec<Vec<bool>> = self.reservations.made.iter().map(|made| self.fits(made)).collect();
        // H01.FR.17
        while let Some(lost) = unserved(&fits) {
            fits.remove(lost);
            ended.push((self.reservations.made.remove(lost).id, Ending::Removed));
        }
        for index in 0..self.evses.len() {
            let without: Vec<Vec<bool>> = fits
                .iter()
                .map(|one| one.iter().enumerate().map(|(at, fits)| *fits && at != index).collect())
                .collect();
            let reserved = unserved(&without).is_some();
            let evse: &mut Evse = &mut self.evses[index];
            if evse.reserved != reserved {
                evse.reserved = reserved;
                evse.stranger &= reserved;
                self.report_status(index);
            }
        }
        self.reservations.untold.extend(ended);
        self.tell_endings();
        self.cancel(|timer| *timer == Timer::ReservationEnds);
        if let Some(next) = self.reservations.made.iter().map(|made| made.expiry).min() {
            let wait = Duration::try_from(next.duration_since(now)).unwrap_or_default();
            self.schedule(wait, Timer::ReservationEnds);
        }
        if self.reservations.made.len() < before {
            self.reset_if_idle();
        }
    }

    /// H01.FR.17, H04.FR.01; what ended without a connection is told when there is one again.
    fn tell_endings(&mut self) {
        if !self.online() {
            return;
        }
        for (id, ending) in std::mem::take(&mut self.reservations.untold) {
            let status = match ending {
                Ending::Expired => "Expired",
                Ending::Removed => "Removed",
            };
            let payload = json!({ "reservationId": id, "reservationUpdateStatus": status });
            self.call("ReservationStatusUpdate", payload);
        }
    }

    // ---- who uses them ----

    /// Uses the reservation that there is for a driver at this EVSE, if any (H03.FR.09); false where the EVSE is kept for
    /// somebody else (H03.FR.01 to H03.FR.06).
    pub(super) fn claim(&mut self, index: usize, token: &Token, group: Option<&Value>) -> bool {
        if self.evses[index].claimed.is_some() {
            return true;
        }
        let made = &self.reservations.made;
        let usable =
            (0..made.len()).filter(|at| self.suits(&made[*at].target, index) && made[*at].is_for(token, group));
        let Some(at) = usable.min_by_key(|at| &made[*at].target) else { return !self.evses[index].reserved };
        let used = self.reservations.made.remove(at);
        let evse = &mut self.evses[index];
        evse.claimed = Some(used.id);
        evse.reserved_since = Some(used.made);
        evse.stranger = false;
        // H03.FR.10
        self.review_reservations();
        true
    }

    /// Whether a driver may use the EVSE: nobody else has reserved it (F01.FR.21, F01.FR.22, F02.FR.23, F02.FR.24).
    pub(super) fn is_open_to(&self, index: usize, token: &Token, group: Option<&Value>) -> bool {
        let mut made = self.reservations.made.iter();
        !self.evses[index].reserved || made.any(|made| self.suits(&made.target, index) && made.is_for(token, group))
    }

    /// The EVSE that is reserved for a driver by its number.
    pub(super) fn reserved_for(&self, token: &Token) -> Option<usize> {
        self.reservations.made.iter().find_map(|made| match made.target {
            Target::Evse(index) if same(&made.token, token) => Some(index),
            _ => None,
        })
    }
}
