//! An external system beside the station, such as an energy management system.

use serde_json::{Map, Value};

use super::Event;
use crate::simulator::station::composite::Unit;

/// What an external system gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExternalKind {
    /// A limit of what an EVSE may take.
    Limit,
    /// A limit of what it may give back.
    DischargeLimit,
    /// What it is to take.
    Setpoint,
    /// What it is to take of reactive power.
    ReactiveSetpoint,
    /// What is generated on site for it.
    LocalGeneration,
}

impl ExternalKind {
    /// The member of a charging schedule's period.
    pub fn member(self) -> &'static str {
        match self {
            Self::Limit | Self::LocalGeneration => "limit",
            Self::DischargeLimit => "dischargeLimit",
            Self::Setpoint => "setpoint",
            Self::ReactiveSetpoint => "setpointReactive",
        }
    }

    /// The operation mode of a period in which it counts.
    pub fn mode(self) -> &'static str {
        match self {
            Self::Limit | Self::LocalGeneration | Self::DischargeLimit => "ExternalLimits",
            Self::Setpoint | Self::ReactiveSetpoint => "ExternalSetpoint",
        }
    }

    /// True for what only a station has that transfers energy in both directions.
    pub fn is_of_v2x(self) -> bool {
        matches!(self, Self::DischargeLimit | Self::Setpoint | Self::ReactiveSetpoint)
    }
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
            "discharge-limit" => ExternalKind::DischargeLimit,
            "setpoint" => ExternalKind::Setpoint,
            "reactive-setpoint" => ExternalKind::ReactiveSetpoint,
            "local-generation" => ExternalKind::LocalGeneration,
            _ => ExternalKind::Limit,
        };
        let amount = parameters.get("amount").and_then(Value::as_f64);
        let said = Self { kind, amount, unit: Unit::of(word("unit")).unwrap_or(Unit::Ampere) };
        Event::ExternalSystem(index, said)
    }
}
