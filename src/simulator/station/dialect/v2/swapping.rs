//! Battery swapping: the batteries in the slots are charged (S04), and handed out when somebody asks for one (S02).

use std::time::Duration;

use serde_json::{Value, json};

use super::{
    Station, Timer,
    device::{Device, Domain, Mutability, Variable},
};
use crate::pics::Pics;

/// How long a charging step takes.
const STEP: Duration = Duration::from_secs(30);
/// The component that says how batteries are swapped.
const CONTROLLER: &str = "BatterySwapCtrlr";
/// The battery in the slot of an EVSE.
const BATTERY: &str = "BatteryCartridge";

/// True when the product is a swap station.
pub(super) fn is_supported(pics: &Pics) -> bool {
    pics.is_yes("HFS-13")
}

/// The variables of a swap station.
pub(super) fn add_variables(device: &mut Device, pics: &Pics) {
    if !is_supported(pics) {
        return;
    }
    let whole = |value: i64, most: i64| (value.to_string(), Domain::Integer(0, most));
    let (read, write) = (Mutability::ReadOnly, Mutability::ReadWrite);
    let mut add = |component, place, name, instance, mutability, (value, domain): (String, Domain)| {
        device.variables.push(Variable {
            place,
            instance,
            ..Variable::new(component, name, mutability, (value, domain))
        });
    };
    add(CONTROLLER, None, "Available", None, read, ("true".into(), Domain::Boolean));
    add(CONTROLLER, None, "Enabled", None, write, ("true".into(), Domain::Boolean));
    add(CONTROLLER, None, "TargetSoC", None, write, whole(80, 100));
    add(CONTROLLER, None, "MaxSoC", None, write, whole(90, 100));
    add(CONTROLLER, None, "IdToken", None, write, (String::new(), Domain::Text(255)));
    add(CONTROLLER, None, "Timeout", Some("In"), write, whole(60, 3600));
    add(CONTROLLER, None, "Timeout", Some("Out"), write, whole(60, 3600));
    for evse in &pics.evses {
        for name in ["SoC", "SoH"] {
            add(BATTERY, Some((evse.id, None)), name, None, read, whole(0, 100));
        }
    }
}

impl Station {
    fn percent(&self, name: &str) -> f64 {
        self.device.get(CONTROLLER, name).parse().unwrap_or(100.0)
    }

    /// S04.FR.10: false for a target above the maximum, and a maximum below the target.
    pub(super) fn fits_swap_limits(&self, component: &str, name: &str, value: &str) -> bool {
        let Ok(value) = value.parse::<f64>() else { return true };
        match (component, name) {
            (CONTROLLER, "TargetSoC") => value <= self.percent("MaxSoC"),
            (CONTROLLER, "MaxSoC") => value >= self.percent("TargetSoC"),
            _ => true,
        }
    }

    /// S02.FR.01, S02.FR.04
    pub(super) fn request_swap(&self) -> Value {
        let target = self.percent("TargetSoC");
        let charged = |evse: &&crate::simulator::station::physical::Evse| {
            evse.battery.as_ref().is_some_and(|battery| battery.charge >= target)
        };
        if self.physical.evses.iter().any(|evse| charged(&evse)) {
            json!({ "status": "Accepted" })
        } else {
            json!({ "status": "Rejected", "statusInfo": { "reasonCode": "NoBatteryAvailable" } })
        }
    }

    /// The transactions of the slots are as the batteries in them: one begins with each battery, and after a boot (S04.FR.01,
    /// S04.FR.07, S04.FR.11).
    pub(super) fn watch_slots(&mut self) {
        if !is_supported(&self.pics) {
            return;
        }
        for index in 0..self.evses.len() {
            let there = self.physical.evses[index].battery.is_some();
            let connector = self.evses[index].connectors.first().map(|known| known.id);
            self.physical.evses[index].plugged = connector.filter(|_| there);
            self.report_status(index);
            match (there, self.evses[index].transaction.is_some()) {
                (true, false) => {
                    self.physical.evses[index].charging = true;
                    let max = self.percent("MaxSoC");
                    let full = self.physical.evses[index].battery.as_ref().is_some_and(|known| known.charge >= max);
                    self.physical.evses[index].supply_suspended = full;
                    self.evses[index].token_to_report = Some(self.swap_token());
                    self.start(index, "CablePluggedIn");
                }
                (false, true) => {
                    self.physical.evses[index].charging = false;
                    self.end(index, "EVCommunicationLost", Some("EVDisconnected"));
                }
                _ => {}
            }
        }
        self.tell_charge();
        self.cancel(|timer| *timer == Timer::Batteries);
        self.schedule(STEP, Timer::Batteries);
    }

    /// S04.FR.02, S04.FR.03
    fn swap_token(&self) -> Value {
        match self.device.get(CONTROLLER, "IdToken") {
            "" => json!({ "idToken": "", "type": "NoAuthorization" }),
            token => json!({ "idToken": token, "type": "Central" }),
        }
    }

    fn tell_charge(&mut self) {
        for index in 0..self.evses.len() {
            let place = (self.evses[index].id, None);
            let (charge, health) =
                self.physical.evses[index].battery.as_ref().map_or((0.0, 0.0), |known| (known.charge, known.health));
            self.device.put_at(BATTERY, place, "SoC", &format!("{:.0}", charge.floor()));
            self.device.put_at(BATTERY, place, "SoH", &format!("{health:.0}"));
        }
    }

    /// The batteries have been charged for a while. One that is full is charged no further, and its transaction goes on
    /// (S04.FR.06).
    pub(super) fn charge_batteries(&mut self) {
        let max = self.percent("MaxSoC");
        for index in 0..self.evses.len() {
            let evse = &mut self.physical.evses[index];
            let (gives, charging) = (evse.gives_energy(), evse.charging);
            let Some(battery) = evse.battery.as_mut().filter(|_| charging) else { continue };
            if gives {
                battery.gain(max);
            }
            let full = battery.charge >= max;
            let suspended = std::mem::replace(&mut evse.supply_suspended, full);
            if full != suspended && self.evses[index].transaction.is_some() {
                self.update(index, if full { "EnergyLimitReached" } else { "ChargingStateChanged" });
            }
        }
        self.tell_charge();
        self.schedule(STEP, Timer::Batteries);
    }
}
