//! Network connection profiles: setting them (B09), and which one is tried when (B10, Part 4 section 5.3).

use std::time::Duration;

use serde_json::{Value, json};

use super::{NetworkProfile, Station};
use crate::protocol::Version;

/// A security profile as a small number.
fn step(profile: u64) -> u8 {
    u8::try_from(profile).unwrap_or(u8::MAX)
}

impl Station {
    /// The profile in use.
    pub(super) fn profile(&self) -> Option<&NetworkProfile> {
        self.profiles.iter().find(|(slot, _)| *slot == self.active_slot).map(|(_, profile)| profile)
    }

    fn knows(&self, slot: i64) -> bool {
        self.profiles.iter().any(|(known, _)| *known == slot)
    }

    /// True when every slot of a list holds a profile.
    pub(super) fn has_profiles(&self, list: &str) -> bool {
        !list.is_empty() && list.split(',').all(|slot| slot.trim().parse().is_ok_and(|slot| self.knows(slot)))
    }

    /// The slots to try, in their order.
    fn priority(&self) -> Vec<i64> {
        let list = self.device.get("OCPPCommCtrlr", "NetworkConfigurationPriority");
        list.split(',').filter_map(|slot| slot.trim().parse().ok()).filter(|slot| self.knows(*slot)).collect()
    }

    /// B10.FR.04: after a reboot the first entry comes first.
    pub(super) fn first_slot(&mut self) {
        self.failed_attempts = 0;
        self.exhausted_slots = 0;
        self.fallen_back = false;
        if let Some(slot) = self.priority().first() {
            self.active_slot = *slot;
        }
    }

    /// A connection stands; true when it is another profile's than the last one was.
    pub(super) fn slot_works(&mut self) -> bool {
        self.failed_attempts = 0;
        self.exhausted_slots = 0;
        self.fallen_back = false;
        let other = self.last_good_slot.is_some_and(|slot| slot != self.active_slot);
        self.last_good_slot = Some(self.active_slot);
        self.device.put("OCPPCommCtrlr", "ActiveNetworkProfile", self.active_slot.to_string());
        other
    }

    /// An attempt failed: the next one is made with the same profile, or with the next (B10.FR.03).
    pub(super) fn attempt_failed(&mut self) {
        self.failed_attempts += 1;
        let attempts = self.device.number("OCPPCommCtrlr", "NetworkProfileConnectionAttempts").max(1);
        if self.fallen_back || !self.failed_attempts.is_multiple_of(attempts) {
            return;
        }
        let priority = self.priority();
        self.exhausted_slots += 1;
        if self.exhausted_slots >= priority.len().max(1) {
            self.exhausted_slots = 0;
            self.physical.certificates.own.alternate();
            if let Some(slot) = self.last_good_slot.filter(|slot| self.pics.is_yes("C-47") && self.knows(*slot)) {
                // B10.FR.07: from here on the station reconnects where it was connected last.
                self.fallen_back = true;
                self.failed_attempts = if slot == self.active_slot { self.failed_attempts - 1 } else { 0 };
                self.active_slot = slot;
                return;
            }
        }
        // B10.FR.08: after the last entry the first is tried again.
        let at = priority.iter().position(|slot| *slot == self.active_slot);
        if let Some(slot) = at.and_then(|at| priority.get((at + 1) % priority.len())) {
            self.failed_attempts = if *slot == self.active_slot { self.failed_attempts } else { 0 };
            self.active_slot = *slot;
        }
    }

    /// Part 4, 5.3: the wait doubles with every failure, so many times.
    pub(super) fn back_off(&self) -> Duration {
        let minimum = self.device.number("OCPPCommCtrlr", "RetryBackOffWaitMinimum").max(1);
        let repeats = self.device.number("OCPPCommCtrlr", "RetryBackOffRepeatTimes");
        Duration::from_secs(minimum << self.failed_attempts.min(repeats).min(16))
    }

    /// A05.FR.06: once a stronger security profile has worked, the weaker ones are gone for good.
    pub(super) fn forget_weaker_profiles(&mut self, security_profile: u8) {
        self.profiles.retain(|(_, profile)| profile.security_profile >= security_profile);
        let kept: Vec<String> = self.priority().iter().map(ToString::to_string).collect();
        self.device.put("OCPPCommCtrlr", "NetworkConfigurationPriority", kept.join(","));
    }

    pub(super) fn set_network_profile(&mut self, payload: &Value) -> Value {
        let rejected = |reason: &str| json!({ "status": "Rejected", "statusInfo": { "reasonCode": reason } });
        let data = &payload["connectionData"];
        let (Some(slot), Some(url), Some(profile)) =
            (payload["configurationSlot"].as_i64(), data["ocppCsmsUrl"].as_str(), data["securityProfile"].as_u64())
        else {
            return rejected("InvalidNetworkConf");
        };
        let slots = self.device.variable("OCPPCommCtrlr", "NetworkConfigurationPriority");
        if !slots.is_some_and(|slots| slots.domain.admits(&slot.to_string())) {
            return rejected("InvalidConfSlot"); // B09.FR.05
        }
        let current = self.profile().map_or(1, |profile| u64::from(profile.security_profile));
        if profile < current && !self.may_step_down(step(current), step(profile)) {
            return rejected("NoSecurityDowngrade"); // B09.FR.04
        }
        // What a stronger profile needs is asked when it is put to use (A05.FR.02 and 03).
        let sound = profile <= 3
            && Self::is_plain_profile(data)
            && (profile >= 2) == url.starts_with("wss://")
            && data["ocppTransport"] == "JSON"
            && (data["ocppVersion"] == "OCPP20" || self.protocol.version == Version::V2_1);
        if !sound {
            return rejected("InvalidNetworkConf"); // B09.FR.02
        }
        self.show_profile(slot, data);
        let profile = NetworkProfile { url: url.to_owned(), security_profile: u8::try_from(profile).unwrap_or(1) };
        self.profiles.retain(|(known, _)| *known != slot);
        self.profiles.push((slot, profile));
        json!({ "status": "Accepted" })
    }
}
