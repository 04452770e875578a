//! The local authorization list (5.10, 5.15).

use serde_json::{Value, json};

use super::{ChargePoint, authorization::key, number};
use crate::simulator::station::physical::UpdateType;

impl ChargePoint {
    pub(super) fn send_local_list(&mut self, payload: &Value) -> &'static str {
        if !self.configuration.is("LocalAuthListEnabled") {
            return "NotSupported";
        }
        let entries = payload["localAuthorizationList"].as_array().map(Vec::as_slice).unwrap_or_default();
        let full = payload["updateType"] == "Full";
        let over =
            |limit: &str, count: usize| u64::try_from(count).unwrap_or(u64::MAX) > self.configuration.number(limit);
        let length = if full { entries.len() } else { self.length_with(entries) };
        if self.physical.list_broken
            || over("SendLocalListMaxLength", entries.len())
            || over("LocalAuthListMaxLength", length)
        {
            return "Failed";
        }
        let update_type = if full { UpdateType::Full } else { UpdateType::Differential };
        let list = entries
            .iter()
            .map(|entry| (key(entry["idTag"].as_str().unwrap_or_default()), entry.get("idTagInfo").cloned()))
            .collect();
        self.local_list.update(update_type, number(payload, "listVersion").unwrap_or(0), list).word()
    }

    /// How long the list is after a differential update.
    fn length_with(&self, entries: &[Value]) -> usize {
        let is_listed =
            |entry: &&Value| self.local_list.look_up(&key(entry["idTag"].as_str().unwrap_or_default())).is_some();
        let stays = |entry: &&Value| entry.get("idTagInfo").is_some();
        let added = entries.iter().filter(|entry| stays(entry) && !is_listed(entry)).count();
        let removed = entries.iter().filter(|entry| !stays(entry) && is_listed(entry)).count();
        (self.local_list.len() + added).saturating_sub(removed)
    }

    /// 0 for an empty list, -1 where lists are not supported; one that is switched off counts as not supported.
    pub(super) fn local_list_version(&self) -> Value {
        let version = if !self.configuration.is("LocalAuthListEnabled") {
            -1
        } else if self.local_list.len() == 0 {
            0
        } else {
            self.local_list.version()
        };
        json!({ "listVersion": version })
    }
}
