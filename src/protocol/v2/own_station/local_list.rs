//! The local authorization list (D01, D02).

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Around, OwnStation, device::Device, items, refused, status};

/// The list.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub(super) struct LocalList {
    /// 0 before there is one (D02.FR.02).
    version: i64,
    /// `type:idToken` in lower case.
    tokens: BTreeSet<String>,
}

fn token(entry: &Value) -> String {
    let part = |name: &str| entry["idToken"][name].as_str().unwrap_or_default().to_lowercase();
    format!("{}:{}", part("type"), part("idToken"))
}

impl LocalList {
    pub(super) fn count(&self) -> usize {
        self.tokens.len()
    }

    /// The tokens after an update (D01.FR.04, D01.FR.05, D01.FR.15 to D01.FR.17).
    fn updated(&self, request: &Value) -> BTreeSet<String> {
        let mut tokens = if request["updateType"] == "Full" { BTreeSet::new() } else { self.tokens.clone() };
        for entry in items(request, "localAuthorizationList") {
            if entry["idTokenInfo"].is_object() {
                tokens.insert(token(entry));
            } else {
                tokens.remove(&token(entry));
            }
        }
        tokens
    }
}

impl OwnStation {
    pub(super) fn local_list_version(&self, around: &Around) -> Value {
        let enabled = Device::new(self, around).is_enabled("LocalAuthListCtrlr");
        json!({ "versionNumber": if enabled { self.local_list.version } else { 0 } })
    }

    pub(super) fn send_local_list(&self, around: &Around, payload: &Value) -> Value {
        let device = Device::new(self, around);
        if !device.is_enabled("LocalAuthListCtrlr") {
            return refused("Failed", "NotEnabled");
        }
        let version = payload["versionNumber"].as_i64().unwrap_or_default();
        if payload["updateType"] == "Differential" && version <= self.local_list.version {
            return status("VersionMismatch"); // D01.FR.19
        }
        let entries: Vec<String> = items(payload, "localAuthorizationList").map(token).collect();
        let unique: BTreeSet<&String> = entries.iter().collect();
        if version < 1 || unique.len() < entries.len() {
            return refused("Failed", "InvalidValue"); // D01.FR.18, D01.FR.06
        }
        if self.local_list.updated(payload).len() > device.limit("LocalAuthListCtrlr.Entries") {
            return refused("Failed", "OutOfStorage");
        }
        status("Accepted")
    }

    pub(super) fn keep_local_list(&mut self, around: &Around, request: &Value) {
        let tokens = self.local_list.updated(request);
        if tokens.len() <= Device::new(self, around).limit("LocalAuthListCtrlr.Entries") {
            self.local_list.tokens = tokens;
        }
        self.local_list.version = request["versionNumber"].as_i64().unwrap_or(self.local_list.version);
    }
}
