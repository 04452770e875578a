//! Network connection profiles (B09).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Around, OwnStation, device::Device, refused, status, variables::PRIORITY};

/// The slots that the CSMS has filled, with the security profile of each.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct NetworkProfiles(BTreeMap<i64, u64>);

impl NetworkProfiles {
    /// True if every slot of a list has a profile (B10.FR.01). The first slot of the bench is filled from the factory.
    pub(super) fn has_all(&self, around: &Around, list: &str) -> bool {
        let first = around.bench("configuration_slot").as_i64().unwrap_or(1);
        let slots: Vec<&str> = list.split(',').map(str::trim).filter(|slot| !slot.is_empty()).collect();
        let has = |slot: &&str| slot.parse::<i64>().is_ok_and(|slot| slot == first || self.0.contains_key(&slot));
        !slots.is_empty() && slots.iter().all(has)
    }

    /// True for a variable of NetworkConfiguration whose slot is in NetworkConfigurationPriority.
    pub(super) fn is_in_use(device: &Device<'_>, key: &str) -> bool {
        let slot = key.strip_prefix("NetworkConfiguration[").and_then(|rest| rest.split_once(']'));
        slot.is_some_and(|(slot, _)| {
            device.value_of(PRIORITY).unwrap_or_default().split(',').any(|used| used.trim() == slot)
        })
    }
}

impl OwnStation {
    pub(super) fn set_network_profile(&self, around: &Around, payload: &Value) -> Value {
        let device = Device::new(self, around);
        let slot = payload["configurationSlot"].to_string();
        let variable = device.variables().find(|variable| variable.key() == PRIORITY);
        let profile = payload["connectionData"]["securityProfile"].as_u64();
        let url = payload["connectionData"]["ocppCsmsUrl"].as_str().unwrap_or_default();
        if !variable.is_some_and(|variable| device.values(&variable).contains(&slot)) {
            refused("Rejected", "InvalidConfSlot") // B09.FR.05
        } else if profile.is_none_or(|profile| profile < around.security_profile()) {
            refused("Rejected", "NoSecurityDowngrade") // B09.FR.04
        } else if profile > Some(3) || !["ws://", "wss://"].iter().any(|scheme| url.starts_with(scheme)) {
            refused("Rejected", "InvalidNetworkConf") // B09.FR.02
        } else {
            status("Accepted")
        }
    }

    /// B09.FR.09, B09.FR.11, B09.FR.12; in OCPP 2.0.1 there are no such variables.
    fn show_network_profile(&mut self, slot: i64, profile: &Value) {
        const SHOWN: [(&str, &str); 9] = [
            ("OcppCsmsUrl", "/ocppCsmsUrl"),
            ("OcppInterface", "/ocppInterface"),
            ("OcppTransport", "/ocppTransport"),
            ("MessageTimeout", "/messageTimeout"),
            ("SecurityProfile", "/securityProfile"),
            ("Identity", "/identity"),
            ("Apn", "/apn/apn"),
            ("ApnUserName", "/apn/apnUserName"),
            ("ApnAuthentication", "/apn/apnAuthentication"),
        ];
        let mut show = |name: &str, value: String| {
            self.set.insert(format!("NetworkConfiguration[{slot}].{name}"), value);
        };
        for (name, pointer) in SHOWN {
            match profile.pointer(pointer) {
                Some(Value::String(text)) => show(name, text.clone()),
                Some(other) => show(name, other.to_string()),
                None => {}
            }
        }
        show("ApnEnabled", profile.get("apn").is_some().to_string());
        show("VpnEnabled", profile.get("vpn").is_some().to_string());
    }

    pub(super) fn keep_network_profile(&mut self, around: &Around, request: &Value) {
        let slot = request["configurationSlot"].to_string();
        let device = Device::new(self, around);
        let variable = device.variables().find(|variable| variable.key() == PRIORITY);
        let known = variable.is_some_and(|variable| device.values(&variable).contains(&slot));
        if let (true, Some(slot)) = (known, request["configurationSlot"].as_i64()) {
            let profile = &request["connectionData"];
            self.networks.0.insert(slot, profile["securityProfile"].as_u64().unwrap_or_default());
            self.show_network_profile(slot, profile);
        }
    }
}
