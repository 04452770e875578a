//! Batteries in the slots of a swap station.

use super::{Event, Physical};

/// How full a battery is that somebody puts in, percent.
const RETURNED: f64 = 62.0;
/// What a battery gains in a charging step, percent.
const GAIN: f64 = 0.5;

/// A battery in a slot.
#[derive(Debug, Clone, PartialEq)]
pub struct Battery {
    /// Serial number.
    pub serial: String,
    /// State of charge, percent.
    pub charge: f64,
    /// State of health, percent.
    pub health: f64,
}

impl Battery {
    /// A battery that a driver has emptied, in the slot of an EVSE.
    pub fn returned(evse: u32) -> Self {
        Self { serial: format!("BAT-{evse:04}"), charge: RETURNED - f64::from(evse % 20), health: 97.0 }
    }

    /// It is charged for a while, up to a state of charge.
    pub fn gain(&mut self, most: f64) {
        self.charge = (self.charge + GAIN).min(most);
    }
}

impl Physical {
    /// Fills the slots of a swap station that are empty, or empties all; none at a station that swaps nothing.
    pub fn fill_slots(&mut self, filled: bool) -> Option<Event> {
        if !self.equipment.swaps_batteries {
            return None;
        }
        for evse in &mut self.evses {
            if !filled {
                evse.battery = None;
            } else if evse.battery.is_none() {
                evse.battery = Some(Battery::returned(evse.id));
            }
        }
        Some(Event::BatteriesMoved)
    }
}
