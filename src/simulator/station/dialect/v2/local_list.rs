//! The local authorization list (block D).

use serde_json::{Value, json};

use super::{Station, key};
use crate::simulator::station::physical::UpdateType;

impl Station {
    pub(super) fn has_local_list(&self) -> bool {
        !self.device.get("LocalAuthListCtrlr", "Enabled").is_empty()
    }

    /// D01: replaces the list, or changes it.
    pub(super) fn send_local_list(&mut self, payload: &Value) -> &'static str {
        let most = self.device.number("LocalAuthListCtrlr", "ItemsPerMessage");
        let items = payload["localAuthorizationList"].as_array().map(Vec::as_slice).unwrap_or_default();
        let over = u64::try_from(items.len()).unwrap_or(u64::MAX) > most;
        if self.physical.list_broken || !self.device.is("LocalAuthListCtrlr", "Enabled") || over {
            return "Failed";
        }
        let version = payload["versionNumber"].as_i64().unwrap_or(0);
        let full = payload["updateType"] == "Full";
        let update_type = if full { UpdateType::Full } else { UpdateType::Differential };
        let list = items.iter().map(|entry| (key(&entry["idToken"]), entry.get("idTokenInfo").cloned())).collect();
        let status = self.local_list.update(update_type, version, list);
        self.device.put("LocalAuthListCtrlr", "Entries", self.local_list.len().to_string());
        status.word()
    }

    /// D02.FR.03: without a list there is version 0, and a list that is switched off is none.
    pub(super) fn local_list_version(&self) -> Value {
        let enabled = self.device.is("LocalAuthListCtrlr", "Enabled");
        json!({ "versionNumber": if enabled { self.local_list.version() } else { 0 } })
    }
}
