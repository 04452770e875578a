//! The meter: what it reads, and when readings that are aligned with the clock are taken.

use std::time::Duration;

use jiff::Timestamp;

use super::Physical;
use crate::clock::ocpp_time;

/// What a reading is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Watt-hours.
    WattHour,
    /// Watts.
    Watt,
    /// Amperes.
    Ampere,
    /// Volts.
    Volt,
    /// Percent.
    Percent,
    /// Hertz.
    Hertz,
    /// A number alone.
    None,
}

impl Physical {
    /// Lets the meter count the energy that flowed since it was read last.
    pub fn count_energy(&mut self, index: usize) {
        let evse = &self.evses[index];
        if evse.gives_energy() && evse.returns() <= 0.0 {
            self.flowed(index);
        }
    }

    /// Lets the meter count energy that has flowed.
    pub fn flowed(&mut self, index: usize) {
        self.evses[index].meter += 25.0;
    }

    /// What the meter reads of a measurand, in the words of OCPP's list of measurands.
    pub fn read(&self, index: usize, measurand: &str) -> (f64, Unit) {
        let evse = &self.evses[index];
        let charging = evse.gives_energy();
        let watts = |most: f64| evse.allowance.map_or(most, |allowance| allowance.watts.min(most));
        let amperes = |most: f64| evse.allowance.map_or(most, |allowance| allowance.amperes.min(most));
        match measurand {
            "Energy.Active.Import.Register" => (evse.meter, Unit::WattHour),
            text if text.starts_with("Energy") => (0.0, Unit::WattHour),
            text if text.starts_with("Power.Factor") => (1.0, Unit::None),
            "Power.Offered" => (watts(7400.0), Unit::Watt),
            "Power.Active.Setpoint" => (evse.setpoint.unwrap_or(0.0), Unit::Watt),
            "Power.Active.Residual" => {
                (evse.setpoint.map_or(0.0, |setpoint| (evse.draws() + evse.returns()) - setpoint.abs()), Unit::Watt)
            }
            "Power.Active.Export" => (evse.returns(), Unit::Watt),
            text if text.starts_with("Power") => (evse.draws(), Unit::Watt),
            "Current.Offered" => (amperes(32.0), Unit::Ampere),
            text if text.starts_with("Current") => (if charging { amperes(31.0) } else { 0.0 }, Unit::Ampere),
            "Voltage" => (230.0, Unit::Volt),
            "SoC" => {
                let of_vehicle = f64::from(evse.state_of_charge);
                (evse.battery.as_ref().map_or(of_vehicle, |battery| battery.charge.floor()), Unit::Percent)
            }
            "Frequency" => (50.0, Unit::Hertz),
            _ => (0.0, Unit::None),
        }
    }

    /// The time until the next multiple of the interval (in seconds) since midnight.
    pub fn until_aligned(&self, interval: u64) -> Duration {
        let now = self.now();
        let seconds = u64::try_from(now.as_second().rem_euclid(86_400)).unwrap_or(0);
        let nanos = u64::try_from(now.subsec_nanosecond()).unwrap_or(0);
        Duration::from_secs(interval - seconds % interval).saturating_sub(Duration::from_nanos(nanos))
    }

    /// The mark of the interval that is now, or was a moment ago: one time for all EVSEs.
    pub fn mark(&self, interval: u64) -> String {
        let now = self.now();
        let interval = i64::try_from(interval.max(1)).unwrap_or(1);
        // Half an interval later, so that a timer that is early does not find the mark before.
        let passed = (now.as_second().rem_euclid(86_400) + interval / 2).rem_euclid(interval) - interval / 2;
        Timestamp::from_second(now.as_second() - passed).map_or_else(|_| self.wall(), ocpp_time)
    }
}
