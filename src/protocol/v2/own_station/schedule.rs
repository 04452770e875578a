//! The composite schedule of the charging profiles (K08).

use serde_json::{Value, json};

use super::{Around, OwnStation, device::Device, is_same, profiles::Installed, refused, request_rules::EXTERNAL};
use crate::protocol::schedule::{Active, DAY, PHASES, Purpose, VOLTAGE, limits};

/// Maximum current of an EVSE, A per phase.
const MOST: f64 = 32.0;
/// Maximum duration of a composite schedule, seconds.
const LONGEST: i64 = 7 * DAY;
/// Maximum number of periods (the schema's maximum for a schedule).
const MOST_PERIODS: usize = 1024;

impl OwnStation {
    pub(super) fn composite_schedule(&self, around: &Around, payload: &Value) -> Value {
        let device = Device::new(self, around);
        let Some(evse) = payload["evseId"].as_u64().filter(|evse| *evse == 0 || around.has_evse(*evse)) else {
            return refused("Rejected", "UnknownEvse"); // K08.FR.05
        };
        let unit = payload["chargingRateUnit"].as_str().unwrap_or("A");
        let units = device.value_of("SmartChargingCtrlr.RateUnit").unwrap_or_default();
        if !units.split(',').any(|known| known == unit) {
            return refused("Rejected", "UnsupportedRateUnit"); // K08.FR.07
        }
        let Some(duration) = payload["duration"].as_i64().filter(|duration| (0..=LONGEST).contains(duration)) else {
            return refused("Rejected", "ValueOutOfRange");
        };
        let now = around.now.wall;
        let running = around.running_at(evse);
        let begun = running.map_or(now, |one| one.begun);
        // K01.FR.17, K08.FR.04
        let active = |one: &Installed| match one.purpose() {
            "ChargingStationMaxProfile" if one.evse == 0 => Some(Purpose::Station),
            EXTERNAL if one.evse == evse || one.evse == 0 => Some(Purpose::External),
            "TxDefaultProfile" if evse > 0 && (one.evse == evse || one.evse == 0) => Some(Purpose::Default),
            "TxProfile" if running.is_some_and(|running| is_same(&one.profile["transactionId"], &running.id)) => {
                Some(Purpose::Transaction)
            }
            _ => None,
        };
        let all: Vec<Active<'_>> = self
            .profiles
            .iter()
            .filter_map(|one| {
                let (profile, schedule) = (&one.profile, &one.profile["chargingSchedule"][0]);
                active(one).map(|purpose| Active { purpose, profile, schedule, begun })
            })
            .collect();
        let most = if unit == "A" { MOST } else { MOST * VOLTAGE * PHASES };
        let most = if evse == 0 { around.evses.iter().map(|_| most).sum() } else { most };
        let periods = limits(&all, now, duration, unit, most).into_iter().take(MOST_PERIODS);
        let periods = periods.map(|(start, limit)| json!({ "startPeriod": start, "limit": limit, "numberPhases": 3 }));
        json!({
            "status": "Accepted",
            "schedule": {
                "evseId": evse,
                "duration": duration,
                "scheduleStart": around.time(),
                "chargingRateUnit": unit,
                "chargingSchedulePeriod": periods.collect::<Vec<_>>(),
            },
        })
    }
}
