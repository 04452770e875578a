//! Dynamic charging profiles, whose only period the CSMS updates (K28), by its own request or when the station asks.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Station, Timer, smart_charging::Installed};
use crate::simulator::station::composite::{Kind, Profile};

impl Installed {
    pub(super) fn is_dynamic(&self) -> bool {
        matches!(self.profile.kind, Kind::Dynamic(_))
    }

    /// Puts values into the only period, from a time on (K28.FR.09, K29.FR.06); false if they make no profile.
    pub(super) fn update(&mut self, values: &Value, now: &str) -> bool {
        let mut message = self.message.clone();
        let period = &mut message["chargingSchedule"][0]["chargingSchedulePeriod"][0];
        for (name, value) in values.as_object().into_iter().flatten() {
            period[name.as_str()] = value.clone();
        }
        message["dynUpdateTime"] = now.into();
        let Ok(profile) = Profile::read(&message) else { return false };
        (self.message, self.profile) = (message, profile);
        true
    }
}

impl Station {
    fn dynamic_profile(&mut self, id: &Value) -> Option<&mut Installed> {
        self.charging_profiles.iter_mut().find(|known| *id == known.profile.id && known.is_dynamic())
    }

    /// K28.FR.06, K28.FR.11
    pub(super) fn update_dynamic_schedule(&mut self, payload: &Value) -> Value {
        let now = self.physical.wall();
        let known = self.dynamic_profile(&payload["chargingProfileId"]);
        let reason = match known.map(|known| known.update(&payload["scheduleUpdate"], &now)) {
            Some(true) => return json!({ "status": "Accepted" }),
            Some(false) => "InvalidSchedule",
            None => "InvalidProfile",
        };
        json!({ "status": "Rejected", "statusInfo": { "reasonCode": reason } })
    }

    /// After an update, the next one is due an interval later (K28.FR.10).
    pub(super) fn await_updates(&mut self, id: &Value) {
        let Some(known) = self.dynamic_profile(id) else { return };
        let (id, interval) = (known.profile.id, known.message["dynUpdateInterval"].as_u64().unwrap_or(0));
        self.cancel(|timer| *timer == Timer::Pull(id));
        if interval > 0 {
            self.schedule(Duration::from_secs(interval), Timer::Pull(id));
        }
    }

    /// After a boot, updates are asked for again.
    pub(super) fn await_all_updates(&mut self) {
        let ids: Vec<i64> = self.charging_profiles.iter().map(|known| known.profile.id).collect();
        for id in ids {
            self.await_updates(&id.into());
        }
    }

    /// Asks for an update of a profile, if it is still there.
    pub(super) fn pull_update(&mut self, id: i64) {
        if self.dynamic_profile(&id.into()).is_some() {
            if self.online() {
                self.call("PullDynamicScheduleUpdate", json!({ "chargingProfileId": id }));
            }
            self.await_updates(&id.into());
        }
    }

    /// K28.FR.08: what the CSMS answers takes effect at once.
    pub(super) fn update_pulled(&mut self, request: &Value, response: &Value) {
        let now = self.physical.wall();
        let id = &request["chargingProfileId"];
        if response["status"] != "Accepted" {
            return;
        }
        if let Some(known) = self.dynamic_profile(id)
            && known.update(&response["scheduleUpdate"], &now)
        {
            self.await_updates(id);
            self.apply_limits();
        }
    }
}
