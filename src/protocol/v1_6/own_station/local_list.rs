//! The local authorization list (5.10, 5.15).

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Around, OwnStation, items, status};

/// The list.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub(super) struct LocalList {
    /// 0 while the list is empty (5.10).
    version: i64,
    /// The idTags in lower case.
    tags: BTreeSet<String>,
}

fn tag(entry: &Value) -> String {
    entry["idTag"].as_str().unwrap_or_default().to_lowercase()
}

impl LocalList {
    /// The idTags after an update (7.1).
    fn updated(&self, request: &Value) -> BTreeSet<String> {
        let mut tags = if request["updateType"] == "Full" { BTreeSet::new() } else { self.tags.clone() };
        for entry in items(request, "localAuthorizationList") {
            if entry["idTagInfo"].is_object() {
                tags.insert(tag(entry));
            } else {
                tags.remove(&tag(entry));
            }
        }
        tags
    }
}

impl OwnStation {
    pub(super) fn local_list_version(&self) -> Value {
        let list = &self.local_list;
        json!({ "listVersion": if list.tags.is_empty() { 0 } else { list.version } })
    }

    pub(super) fn send_local_list(&self, around: &Around, payload: &Value) -> Value {
        if !self.is_true(around, "LocalAuthListEnabled") {
            return status("NotSupported");
        }
        let full = payload["updateType"] == "Full";
        let version = payload["listVersion"].as_i64().unwrap_or_default();
        if !full && version <= self.local_list.version {
            return status("VersionMismatch");
        }
        let entries: Vec<String> = items(payload, "localAuthorizationList").map(tag).collect();
        let unique: BTreeSet<&String> = entries.iter().collect();
        // 7.1: an entry of a full list has its idTagInfo. Errata 3.52: 0 and -1 are no versions of a list.
        let incomplete = full && items(payload, "localAuthorizationList").any(|entry| !entry["idTagInfo"].is_object());
        let too_many = entries.len() > self.number(around, "SendLocalListMaxLength")
            || self.local_list.updated(payload).len() > self.number(around, "LocalAuthListMaxLength");
        let bad = version < 1 || unique.len() < entries.len() || incomplete || too_many;
        status(if bad { "Failed" } else { "Accepted" })
    }

    pub(super) fn keep_local_list(&mut self, around: &Around, request: &Value) {
        let tags = self.local_list.updated(request);
        if tags.len() <= self.number(around, "LocalAuthListMaxLength") {
            self.local_list.tags = tags;
        }
        self.local_list.version = request["listVersion"].as_i64().unwrap_or(self.local_list.version);
    }
}
