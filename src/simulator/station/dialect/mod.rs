//! What a station says: one dialect for each version of OCPP.

mod domain;
mod v1_6;
mod v2;

use tokio::time::Instant;

use super::{
    StationSetup,
    physical::{Event, NotPossible, Physical, Surroundings},
};

/// A station that speaks a version of OCPP. It drives the hardware: what happens there becomes messages, and requests become
/// operations.
pub(super) trait Dialect: Send {
    /// The hardware.
    fn physical(&mut self) -> &mut Physical;
    /// The station is switched on for the first time.
    fn powered(&mut self);
    /// Something happened to the hardware.
    fn happened(&mut self, event: Event) -> Result<(), NotPossible>;
    /// When the next timer is due.
    fn wake(&self) -> Option<Instant>;
    /// Handles the timers that are due.
    fn timers_due(&mut self);
    /// Sends the next CALL if there is one to send.
    fn send_next(&mut self);
}

/// The station of a setup, in the version of OCPP that its PICS names.
pub(super) fn of(setup: StationSetup, surroundings: Surroundings) -> Box<dyn Dialect> {
    let protocol = setup.pics.ocpp.protocol();
    match protocol.subprotocol {
        "ocpp1.6" => Box::new(v1_6::ChargePoint::new(protocol, setup, surroundings)),
        _ => Box::new(v2::Station::new(protocol, setup, surroundings)),
    }
}
