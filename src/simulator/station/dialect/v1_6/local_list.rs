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
        let over = |limit: &str| u64::try_from(entries.len()).unwrap_or(u64::MAX) > self.configuration.number(limit);
        if over("SendLocalListMaxLength") || over("LocalAuthListMaxLength") {
            return "Failed";
        }
        let full = payload["updateType"] == "Full";
        let update_type = if full { UpdateType::Full } else { UpdateType::Differential };
        let list = entries
            .iter()
            .map(|entry| (key(entry["idTag"].as_str().unwrap_or_default()), entry.get("idTagInfo").cloned()))
            .collect();
        self.local_list.update(update_type, number(payload, "listVersion").unwrap_or(0), list).word()
    }

    /// 0 for an empty list, -1 where lists are not supported.
    pub(super) fn local_list_version(&self) -> Value {
        let version = if !self.configuration.knows("LocalAuthListEnabled") {
            -1
        } else if self.local_list.len() == 0 || !self.configuration.is("LocalAuthListEnabled") {
            0
        } else {
            self.local_list.version()
        };
        json!({ "listVersion": version })
    }
}
