//! An EVSE: bay, connectors with their locks, cable, power path and meter.

use serde_json::{Map, Value};

use super::{Battery, EvSession, Physical};
use crate::{
    manual_action::ActionOutcome,
    pics::model,
    simulator::station::composite::{Supply, Tenths, Unit},
};

/// One EVSE.
#[derive(Debug, Clone)]
pub struct Evse {
    /// Id.
    pub id: u32,
    /// Connectors.
    pub connectors: Vec<Connector>,
    /// All its cables are fixed to the station.
    pub fixed_cable: bool,
    /// An EV stands in the bay.
    pub bay: bool,
    /// The connector that an EV is plugged into.
    pub plugged: Option<u32>,
    /// The cable is in, but the EV's end is out.
    pub ev_side_out: bool,
    /// The station holds the cable, and nobody can pull it.
    pub cable_held: bool,
    /// The power path is closed: energy flows unless one side suspends it.
    pub charging: bool,
    /// The EV has suspended charging, or is not ready to charge.
    pub ev_suspended: bool,
    /// How full the battery of its EV is, percent.
    pub state_of_charge: u8,
    /// What the EV does in its session.
    pub ev: EvSession,
    /// The station gives no energy.
    pub supply_suspended: bool,
    /// Meter reading, Wh.
    pub meter: f64,
    /// How it supplies an EV.
    pub supply: Supply,
    /// What a limit leaves of it, if one does.
    pub allowance: Option<Allowance>,
    /// What its EV is to take, or (less than nothing) to give back, W.
    pub setpoint: Option<f64>,
    /// What the state of the grid leaves of its power, W, if that is less than it would be otherwise.
    pub grid_limit: Option<f64>,
    /// The battery in the slot of a swap station.
    pub battery: Option<Battery>,
    /// What the driver is shown of the cost.
    pub cost: Option<Cost>,
}

/// What the driver at an EVSE is shown of the cost of the session.
#[derive(Debug, Clone, PartialEq)]
pub enum Cost {
    /// What it costs so far.
    Running(f64),
    /// What it has cost.
    Total(f64),
    /// A message in place of the cost.
    Unknown(String),
}

impl Cost {
    /// What a person answers who is asked about it (`check-cost`).
    pub fn answer(shown: Option<&Self>, question: &Map<String, Value>) -> ActionOutcome {
        let right = match shown {
            Some(Self::Running(cost)) => question["kind"] == "running" && question["cost"].as_f64() == Some(*cost),
            Some(Self::Total(cost)) => question["kind"] == "total" && question["cost"].as_f64() == Some(*cost),
            Some(Self::Unknown(_)) | None => false,
        };
        if right { ActionOutcome::Done } else { ActionOutcome::Denied(format!("the station shows {shown:?}")) }
    }
}

/// The most that an EV gets.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Allowance {
    /// Watts, all phases.
    pub watts: f64,
    /// Amperes, each phase.
    pub amperes: f64,
}

/// What an EV takes when nobody limits it, W.
pub const DEMAND: f64 = 7200.0;
/// The most that an EV takes when it is told how much, W.
const MOST_TAKEN: f64 = 10_000.0;
/// The most that it gives back, W.
const MOST_GIVEN_BACK: f64 = 5_000.0;

/// A connector.
#[derive(Debug, Clone)]
pub struct Connector {
    /// Id.
    pub id: u32,
    /// Its lock can't move.
    pub stuck: bool,
    /// It has a fault that keeps it from charging.
    pub faulty: bool,
}

impl Evse {
    /// An idle EVSE.
    pub fn new(of: &model::Evse) -> Self {
        Self {
            id: of.id,
            connectors: of
                .connectors
                .iter()
                .map(|known| Connector { id: known.id, stuck: false, faulty: false })
                .collect(),
            fixed_cable: of.connectors.iter().all(|connector| connector.cable == "fixed"),
            bay: false,
            plugged: None,
            ev_side_out: false,
            cable_held: false,
            charging: false,
            ev_suspended: false,
            state_of_charge: 55,
            ev: EvSession::default(),
            supply_suspended: false,
            meter: 1000.0 * f64::from(of.id),
            supply: match of.current.as_str() {
                "DC" => Supply { volts: 400, phases: None },
                _ => Supply { volts: 230, phases: Some(if of.phases.contains('3') { 3 } else { 1 }) },
            },
            allowance: None,
            setpoint: None,
            grid_limit: None,
            battery: None,
            cost: None,
        }
    }

    /// The slot of a swap station has a battery.
    #[must_use]
    pub fn with_battery(self, swaps: bool) -> Self {
        let battery = swaps.then(|| Battery::returned(self.id));
        Self { battery, ..self }
    }

    /// True when the EVSE has this connector.
    pub fn has(&self, connector: u32) -> bool {
        self.connectors.iter().any(|known| known.id == connector)
    }

    /// True when an EV is connected.
    pub fn connected(&self) -> bool {
        self.plugged.is_some() && !self.ev_side_out
    }

    /// True when energy flows.
    pub fn gives_energy(&self) -> bool {
        let faulty = self.plugged.is_some_and(|plugged| self.is_faulty(plugged));
        self.charging && !self.ev_suspended && self.supplies() && !faulty
    }

    /// True when the station would give energy.
    pub fn supplies(&self) -> bool {
        !self.supply_suspended && self.allowance.is_none_or(|allowance| allowance.watts > 0.0)
    }

    /// The power that an EV takes, W.
    pub fn draws(&self) -> f64 {
        let wanted = self.setpoint.map_or(DEMAND, |setpoint| setpoint.clamp(0.0, MOST_TAKEN));
        let offered = self.allowance.map_or(wanted, |allowance| allowance.watts.min(wanted));
        let offered = self.grid_limit.map_or(offered, |limit| offered.min(limit));
        if self.gives_energy() { offered } else { 0.0 }
    }

    /// The power that an EV gives back, W.
    pub fn returns(&self) -> f64 {
        let wanted = self.setpoint.map_or(0.0, |setpoint| (-setpoint).clamp(0.0, MOST_GIVEN_BACK));
        let offered = self.grid_limit.map_or(wanted, |limit| wanted.min(limit));
        if self.gives_energy() { offered } else { 0.0 }
    }

    /// What the EVSE is built for: 32 A on each phase, or 125 A of direct current.
    pub fn rated(&self, unit: Unit) -> Tenths {
        let amperes = if self.supply.phases.is_some() { 32 } else { 125 };
        Tenths(match unit {
            Unit::Ampere => amperes * 10,
            Unit::Watt => amperes * 10 * self.supply.volts * self.supply.phases.unwrap_or(1),
        })
    }

    /// True when the lock of a connector can't move.
    pub fn is_stuck(&self, connector: u32) -> bool {
        self.connectors.iter().any(|known| known.id == connector && known.stuck)
    }

    /// True when a connector has a fault.
    pub fn is_faulty(&self, connector: u32) -> bool {
        self.connectors.iter().any(|known| known.id == connector && known.faulty)
    }
}

impl Physical {
    /// Jams the lock of a connector, or frees it; false for a fixed cable, which has none.
    pub fn jam(&mut self, index: usize, connector: u32, stuck: bool) -> bool {
        let evse = &mut self.evses[index];
        if evse.fixed_cable || !evse.has(connector) {
            return false;
        }
        for known in evse.connectors.iter_mut().filter(|known| known.id == connector) {
            known.stuck = stuck;
        }
        true
    }

    /// Gives the station a fault, with all its connectors, or takes it away.
    pub fn set_faulty(&mut self, faulty: bool) {
        self.faulty = faulty;
        for connector in self.evses.iter_mut().flat_map(|evse| &mut evse.connectors) {
            connector.faulty = faulty;
        }
    }

    /// Gives a connector a fault, or takes it away; false where there is no such connector.
    pub fn set_connector_faulty(&mut self, index: usize, connector: u32, faulty: bool) -> bool {
        let Some(known) = self.evses[index].connectors.iter_mut().find(|known| known.id == connector) else {
            return false;
        };
        known.faulty = faulty;
        true
    }
}
