//! An external system beside the station, such as an energy management system.

use serde_json::{Map, Value};

use super::Event;
use crate::simulator::station::composite::Unit;

/// What an external system gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExternalKind {
    /// A limit of what an EVSE may take.
    Limit,
    /// What it is to take.
    Setpoint,
    /// What is generated on site for it.
    LocalGeneration,
}

/// What an external system says of an EVSE.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct External {
    /// What it gives.
    pub kind: ExternalKind,
    /// How much; none where it no longer gives anything.
    pub amount: Option<f64>,
    /// What that is in.
    pub unit: Unit,
}

impl External {
    /// What the manual action `external-system` lets the system say.
    pub fn event(index: usize, parameters: &Map<String, Value>) -> Event {
        let word = |name: &str| parameters.get(name).and_then(Value::as_str).unwrap_or_default();
        let kind = match word("gives") {
            "setpoint" => ExternalKind::Setpoint,
            "local-generation" => ExternalKind::LocalGeneration,
            _ => ExternalKind::Limit,
        };
        let amount = parameters.get("amount").and_then(Value::as_f64);
        let said = Self { kind, amount, unit: Unit::of(word("unit")).unwrap_or(Unit::Ampere) };
        Event::ExternalSystem(index, said)
    }
}
