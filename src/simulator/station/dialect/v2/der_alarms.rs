//! What DER controls do to the power of EVs, and what the CSMS hears of it (R05).

use serde_json::{Value, json};

use super::{Station, der::Control, operation_modes};
use crate::simulator::station::composite::Unit;

/// The voltage of a grid in good order, percent of the nominal one.
const VOLTAGE: f64 = 100.0;
/// Its frequency, Hz.
const FREQUENCY: f64 = 50.0;

/// What a curve says at a place.
fn at(curve: &Value, x: f64) -> Option<f64> {
    let points = curve["curveData"].as_array()?.iter();
    operation_modes::at(points.filter_map(|point| Some((point["x"].as_f64()?, point["y"].as_f64()?))), x)
}

/// The part of an inverter's power that a control leaves, and the fault of the grid that it is there for.
fn effect(control: &Control) -> Option<(f64, &'static str)> {
    let (place, fault) = match control.kind.as_str() {
        "VoltWatt" => (VOLTAGE, "OverVoltage"),
        "FreqWatt" => (FREQUENCY, "OverFrequency"),
        _ => return None,
    };
    at(&control.content, place).map(|percent| (percent.clamp(0.0, 100.0) / 100.0, fault))
}

impl Station {
    /// Lets inverters follow the controls that are in force, and tells once when that begins, goes over to another control, and ends.
    pub(super) fn watch_der(&mut self) {
        let effects = self.der.in_force().filter_map(|control| {
            let (part, fault) = effect(control)?;
            Some((part, control.kind.clone(), fault))
        });
        let strictest = effects.min_by(|one, other| one.0.total_cmp(&other.0));
        let mut deviates = false;
        for evse in &mut self.physical.evses {
            evse.grid_limit = None;
            let wanted = evse.draws();
            let limit = strictest.as_ref().map(|(part, ..)| part * evse.rated(Unit::Watt).number());
            if limit.is_some_and(|limit| limit < wanted.abs()) {
                evse.grid_limit = limit;
                deviates = true;
            }
        }
        let now = strictest.filter(|_| deviates).map(|(_, kind, fault)| (kind, fault));
        if now == self.der.alarm {
            return;
        }
        // R05.FR.01, R05.FR.03, R05.FR.04: what takes over is told, and not the end of what it takes over from.
        let (told, ended) = match (&self.der.alarm, &now) {
            (_, Some(begun)) => (begun.clone(), false),
            (Some(over), None) => (over.clone(), true),
            (None, None) => return,
        };
        let mut payload = json!({ "controlType": told.0, "gridEventFault": told.1, "timestamp": self.physical.wall() });
        if ended {
            payload["alarmEnded"] = true.into();
        }
        self.der.alarm = now;
        self.call("NotifyDERAlarm", payload);
    }
}
