//! Schedules of limits that an external system gives an EVSE (Q06.FR.01, Q06.FR.10).

use serde_json::json;

use super::{Station, external_limits::SOURCE, smart_charging::Installed};
use crate::simulator::station::{
    composite::{Profile, Purpose, Unit},
    physical::NotPossible,
};

/// The periods of the schedule: from which second on, and the part of what the EVSE is built for, percent.
const PERIODS: [(i64, f64); 3] = [(0, 50.0), (1800, 40.0), (3600, 60.0)];

impl Station {
    /// The external system gives an EVSE a schedule of limits from now on.
    pub(super) fn external_schedule_came(&mut self, index: usize, unit: Unit) -> Result<(), NotPossible> {
        if !self.has_external_system() {
            return Err(NotPossible("no external system can be connected to this station".into()));
        }
        // Q06.FR.08
        if self.device.is("SmartChargingCtrlr", "ExternalConstraintsProfileDisallowed") {
            return Ok(());
        }
        let evse = self.evses[index].id;
        let rated = self.physical.evses[index].rated(unit).number();
        let phases = self.physical.evses[index].supply.phases;
        let periods = PERIODS.map(|(start, percent)| {
            let limit = (rated * percent / 100.0).round();
            let mut period = json!({ "startPeriod": start, "limit": limit, "operationMode": "ExternalLimits" });
            if let Some(phases) = phases {
                period["numberPhases"] = phases.into();
            }
            period
        });
        let id = self.next_external_id();
        let schedule = json!([{
            "id": id,
            "startSchedule": self.physical.wall(),
            "chargingRateUnit": unit.name(),
            "chargingSchedulePeriod": periods,
        }]);
        let message = json!({
            "id": id,
            "stackLevel": 0,
            "chargingProfilePurpose": "ChargingStationExternalConstraints",
            "chargingProfileKind": "Absolute",
            "chargingSchedule": schedule,
        });
        let own = |known: &Installed| {
            known.source == SOURCE && known.evse == evse && known.profile.purpose == Purpose::ExternalConstraints
        };
        self.charging_profiles.retain(|known| !own(known));
        if let Ok(profile) = Profile::read(&message) {
            self.install_profile(Installed { source: SOURCE, ..Installed::new(evse, message, profile) });
        }
        let mut payload = json!({
            "evseId": evse,
            "chargingLimit": { "chargingLimitSource": SOURCE, "isLocalGeneration": false },
        });
        if self.device.is("SmartChargingCtrlr", "NotifyChargingLimitWithSchedules") {
            payload["chargingSchedule"] = schedule;
        }
        self.call("NotifyChargingLimit", payload);
        self.apply_limits();
        Ok(())
    }
}
