//! Network profiles by the variables of NetworkConfiguration, and who the station is there (B09, since OCPP 2.1).

use std::collections::HashMap;

use serde_json::Value;

use super::{NetworkProfile, Station, device::Mutability};
use crate::{link::Secret, protocol::Version};

/// Shortest password (A00.FR.205).
const SHORTEST_PASSWORD: usize = 16;

/// The passwords of the slots that have one of their own.
pub(super) type Passwords = HashMap<i64, Secret>;

fn fits(password: &str) -> bool {
    password.chars().count() >= SHORTEST_PASSWORD
}

impl Station {
    /// The station has NetworkConfiguration.
    fn configures_slots(&self) -> bool {
        self.protocol.version == Version::V2_1
    }

    /// A station is delivered with who it is in its slots, too.
    pub(super) fn deliver_credentials(&mut self) {
        if !self.configures_slots() {
            return;
        }
        let slots: Vec<i64> = self.profiles.iter().map(|(slot, _)| *slot).collect();
        for slot in slots {
            self.device.put_slot(slot, "Identity", self.physical.identity.clone());
            self.passwords.insert(slot, self.physical.password.clone());
        }
    }

    /// B09.FR.28: what the slot in use says of identity and password counts; otherwise what SecurityCtrlr says.
    pub(super) fn take_credentials(&mut self) {
        if !self.configures_slots() {
            return;
        }
        let identity = self.device.of_slot(self.active_slot, "Identity").to_owned();
        if !identity.is_empty() {
            self.device.put("SecurityCtrlr", "Identity", identity);
        }
        let identity = self.device.get("SecurityCtrlr", "Identity");
        if !identity.is_empty() {
            identity.clone_into(&mut self.physical.identity);
        }
        if let Some(password) = self.passwords.get(&self.active_slot) {
            self.physical.password = password.clone();
        }
    }

    /// B09.FR.26 and 27: what is set in SecurityCtrlr is no longer hidden by the slot in use.
    pub(super) fn clear_credential(&mut self, name: &str) {
        if !self.configures_slots() {
            return;
        }
        self.device.put_slot(self.active_slot, name, "");
        if name == "BasicAuthPassword" {
            self.passwords.remove(&self.active_slot);
        }
    }

    /// B09.FR.09 and 11: a network profile that was accepted shows in the variables of its slot.
    pub(super) fn show_profile(&mut self, slot: i64, data: &Value) {
        for (name, member) in [
            ("OcppCsmsUrl", "ocppCsmsUrl"),
            ("OcppInterface", "ocppInterface"),
            ("OcppTransport", "ocppTransport"),
            ("OcppVersion", "ocppVersion"),
            ("MessageTimeout", "messageTimeout"),
            ("SecurityProfile", "securityProfile"),
            ("Identity", "identity"),
        ] {
            let value = match &data[member] {
                Value::Null => String::new(),
                value => value.as_str().map_or_else(|| value.to_string(), str::to_owned),
            };
            self.device.put_slot(slot, name, value);
        }
        match data["basicAuthPassword"].as_str() {
            Some(password) => self.passwords.insert(slot, Secret::new(password)),
            None => self.passwords.remove(&slot),
        };
    }

    /// What is wrong with those parts of a network profile that only OCPP 2.1 has: there is no VPN and no APN.
    pub(super) fn is_plain_profile(data: &Value) -> bool {
        data.get("apn").is_none() && data.get("vpn").is_none() && data["basicAuthPassword"].as_str().is_none_or(fits)
    }

    /// A05.FR.08, B09.FR.31: with leave, the security profile may go down from 3 to 2, and never to 1.
    pub(super) fn may_step_down(&self, from: u8, to: u8) -> bool {
        (from, to) == (3, 2) && self.device.is("SecurityCtrlr", "AllowSecurityProfileDowngrade")
    }

    fn in_use(&self, slot: i64) -> bool {
        self.device.lists("OCPPCommCtrlr", "NetworkConfigurationPriority", &slot.to_string())
    }

    /// Sets a variable of NetworkConfiguration (B09.FR.22 to 25); the reason code where that is refused.
    pub(super) fn set_of_slot(&mut self, index: usize, value: &str) -> Result<&'static str, &'static str> {
        let variable = &self.device.variables[index];
        let slot = variable.component_instance.as_deref().and_then(|slot| slot.parse().ok());
        let Some(slot) = slot.filter(|_| variable.mutability != Mutability::ReadOnly) else { return Err("ReadOnly") };
        if self.in_use(slot) {
            return Err("PriorityNetworkConf");
        }
        match variable.name {
            "OcppCsmsUrl" if !value.starts_with("ws://") && !value.starts_with("wss://") => {
                return Err("InvalidValue");
            }
            "SecurityProfile" => {
                let present = self.profile().map_or(1, |profile| profile.security_profile);
                let wanted = value.parse().unwrap_or(0);
                if wanted < present && !self.may_step_down(present, wanted) {
                    return Err("NoSecurityDowngrade"); // B09.FR.32, B09.FR.35
                }
            }
            "BasicAuthPassword" => {
                if !fits(value) {
                    return Err("InvalidValue");
                }
                self.passwords.insert(slot, Secret::new(value));
                let changes = variable.value.parse::<u64>().unwrap_or(0) + 1;
                self.device.variables[index].value = changes.to_string();
                return Ok("Accepted");
            }
            _ => {}
        }
        value.clone_into(&mut self.device.variables[index].value);
        Ok("Accepted")
    }

    /// The network profile that the variables of a slot make, if it is a valid one.
    fn configured(&self, slot: i64) -> Option<NetworkProfile> {
        let url = self.device.of_slot(slot, "OcppCsmsUrl").to_owned();
        let security_profile: u8 = self.device.of_slot(slot, "SecurityProfile").parse().ok()?;
        let secure = url.strip_prefix("wss://");
        let host = if security_profile >= 2 { secure } else { url.strip_prefix("ws://") };
        let sound = host.is_some_and(|host| !host.is_empty()) && security_profile >= 1;
        sound.then_some(NetworkProfile { url, security_profile })
    }

    /// A new order of the slots: those that it adds get the profiles that their variables make (B09.FR.33 and 34).
    pub(super) fn prepare_slots(&mut self, priority: &str) {
        if !self.configures_slots() {
            return;
        }
        for slot in priority.split(',').filter_map(|slot| slot.trim().parse::<i64>().ok()) {
            if self.in_use(slot) {
                continue;
            }
            self.profiles.retain(|(known, _)| *known != slot);
            if let Some(profile) = self.configured(slot) {
                self.profiles.push((slot, profile));
            }
        }
    }

    /// A new order that only adds or takes out slots behind the first holds at once (B09.FR.20, B09.FR.33).
    pub(super) fn order_holds_at_once(&self, before: &str, after: &str) -> bool {
        let slots = |text: &str| text.split(',').map(|slot| slot.trim().to_owned()).collect::<Vec<_>>();
        let (before, after) = (slots(before), slots(after));
        let common = |one: &[String], other: &[String]| {
            one.iter().filter(|slot| other.contains(slot)).cloned().collect::<Vec<_>>()
        };
        let only_fewer = after.iter().all(|slot| before.contains(slot));
        self.configures_slots()
            && common(&before, &after) == common(&after, &before)
            && (only_fewer || before.first() == after.first())
    }
}
