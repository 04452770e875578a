//! Reading and setting configuration keys (5.3, 5.8).

use serde_json::{Value, json};

use super::{
    Around, OwnStation, items,
    keys::{Access, Key, key, keys},
    status,
};
use crate::{
    link::Secret,
    protocol::{session::Asked, v1_6::semantics::PASSWORD_KEY},
};

/// The key of the security profile.
const PROFILE: &str = "SecurityProfile";
/// The default measurand of a sampled value.
pub(super) const ENERGY: &str = "Energy.Active.Import.Register";
/// Power of a connector while charging, W.
const POWER: usize = 3680;
/// Voltage, V.
const VOLTAGE: usize = 230;

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

impl OwnStation {
    /// The value of a key.
    fn value(&self, around: &Around, key: &Key) -> String {
        if let Some(set) = self.set.get(&key.name) {
            return set.clone();
        }
        let mut names = around.names.clone();
        let interval = self.registration.heartbeat_interval().unwrap_or(300).min(86_400);
        let station = json!({ "connectors": around.connectors.len(), "heartbeat_interval": interval });
        names.insert("station", station);
        text(&key.value.evaluate(&names).unwrap_or_default())
    }

    /// The value of a key by its name; empty if there is none.
    pub(super) fn value_of(&self, around: &Around, name: &str) -> String {
        key(name).map(|key| self.value(around, key)).unwrap_or_default()
    }

    /// The value as a number; 0 if it is none.
    pub(super) fn number(&self, around: &Around, name: &str) -> usize {
        self.value_of(around, name).parse().unwrap_or_default()
    }

    /// True for a key with this truth value.
    pub(super) fn is_true(&self, around: &Around, name: &str) -> bool {
        self.value_of(around, name).eq_ignore_ascii_case("true")
    }

    pub(super) fn get_configuration(&self, around: &Around, payload: &Value) -> Value {
        let wanted: Vec<&str> = items(payload, "key").filter_map(Value::as_str).collect();
        let found: Vec<&Key> = if wanted.is_empty() {
            keys().iter().collect()
        } else {
            wanted.iter().filter_map(|name| key(name)).collect()
        };
        let entries = found.into_iter().map(|key| {
            let mut entry = json!({ "key": key.name, "readonly": !key.is_writable() });
            if key.access != Access::W {
                entry["value"] = self.value(around, key).into();
            }
            entry
        });
        let mut answer = json!({ "configurationKey": entries.collect::<Vec<_>>() });
        let unknown: Vec<&str> = wanted.into_iter().filter(|name| key(name).is_none()).collect();
        if !unknown.is_empty() {
            answer["unknownKey"] = unknown.into();
        }
        answer
    }

    pub(super) fn change_configuration(around: &Around, payload: &Value, asked: Asked) -> Value {
        let value = payload["value"].as_str().unwrap_or_default();
        let Some(key) = payload["key"].as_str().and_then(key) else { return status("NotSupported") };
        if !key.is_writable() || !key.admits(value) || !Self::may_become(around, key, value, asked) {
            return status("Rejected");
        }
        status(if key.reboot { "RebootRequired" } else { "Accepted" })
    }

    /// What keys demand of a new value beside their type.
    fn may_become(around: &Around, key: &Key, value: &str, asked: Asked) -> bool {
        match key.name.as_str() {
            // The bench has a fixed password and profile. With others the next run could not connect.
            PASSWORD_KEY => asked == Asked::ByStep && Secret::authorization_key(value).is_hexadecimal(),
            // A05.FR.01
            PROFILE => {
                asked == Asked::ByStep && value.parse().is_ok_and(|wanted: u64| wanted > around.security_profile())
            }
            _ => true,
        }
    }

    /// Stores a value that an answer accepted, except passwords.
    pub(super) fn keep_configuration(&mut self, request: &Value, reply: &Value) {
        let taken = reply["status"] == "Accepted" || reply["status"] == "RebootRequired";
        let (true, Some(value)) = (taken, request["value"].as_str()) else { return };
        let found = request["key"].as_str().and_then(key);
        if let Some(key) = found.filter(|key| key.access == Access::Rw && key.name != PROFILE) {
            self.set.insert(key.name.clone(), value.to_owned());
        }
    }

    /// The interval of heartbeats is the one that came with the last acceptance (4.2).
    pub(super) fn forget_heartbeat_interval(&mut self) {
        self.set.remove("HeartbeatInterval");
    }

    /// The sampled values of a connector for the measurands that are configured (5.17).
    pub(super) fn measured(&self, around: &Around, connector: u64) -> Vec<Value> {
        let listed = self.value_of(around, "MeterValuesSampledData");
        let charging = |one: &&super::around::Running| one.charging && (connector == 0 || one.connector == connector);
        let power = around.running.iter().filter(charging).count() * POWER;
        let sample = |measurand: &str| {
            let (value, unit) = match measurand {
                ENERGY => (self.reading(connector).to_string(), "Wh"),
                "Power.Active.Import" => (power.to_string(), "W"),
                "Current.Import" => ((power / VOLTAGE).to_string(), "A"),
                "Voltage" => (VOLTAGE.to_string(), "V"),
                _ => return None,
            };
            Some(json!({ "value": value, "context": "Trigger", "measurand": measurand, "unit": unit }))
        };
        let mut values: Vec<Value> = listed.split(',').map(str::trim).filter_map(sample).collect();
        if values.is_empty() {
            // A meter value has at least one sample, even if the list is empty.
            values.extend(sample(ENERGY));
        }
        values
    }
}
