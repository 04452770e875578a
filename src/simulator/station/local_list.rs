//! The local authorization list (block D).

use std::collections::{HashMap, HashSet};

use serde_json::{Value, json};

use super::{Station, cache::key};

/// The list that the CSMS has sent, and its version; 0: none was sent.
#[derive(Debug, Clone, Default)]
pub(super) struct LocalList {
    entries: HashMap<String, Value>,
    version: i64,
}

impl LocalList {
    pub(super) fn look_up(&self, token: &Value) -> Option<Value> {
        self.entries.get(&key(token)).cloned()
    }

    /// D01: replaces the list, or changes it.
    fn update(&mut self, payload: &Value) -> &'static str {
        let version = payload["versionNumber"].as_i64().unwrap_or(0);
        let list = payload["localAuthorizationList"].as_array().map(Vec::as_slice).unwrap_or_default();
        let full = payload["updateType"] == "Full";
        if !full && version <= self.version {
            return "VersionMismatch";
        }
        let mut names = HashSet::new();
        let unique = list.iter().all(|entry| names.insert(key(&entry["idToken"])));
        let complete = !full || list.iter().all(|entry| entry.get("idTokenInfo").is_some());
        // D01.FR.06: no token twice. D01.FR.18: version 0 stands for no list.
        if version < 1 || !unique || !complete {
            return "Failed";
        }
        if full {
            self.entries.clear();
        }
        for entry in list {
            let name = key(&entry["idToken"]);
            match entry.get("idTokenInfo") {
                Some(info) => {
                    self.entries.insert(name, info.clone());
                }
                None => {
                    self.entries.remove(&name);
                }
            }
        }
        self.version = version;
        "Accepted"
    }
}

impl Station {
    pub(super) fn has_local_list(&self) -> bool {
        !self.device.get("LocalAuthListCtrlr", "Enabled").is_empty()
    }

    pub(super) fn send_local_list(&mut self, payload: &Value) -> &'static str {
        let most = self.device.number("LocalAuthListCtrlr", "ItemsPerMessage");
        let items = payload["localAuthorizationList"].as_array().map_or(0, Vec::len);
        if !self.device.is("LocalAuthListCtrlr", "Enabled") || u64::try_from(items).unwrap_or(u64::MAX) > most {
            return "Failed";
        }
        let status = self.local_list.update(payload);
        self.device.put("LocalAuthListCtrlr", "Entries", self.local_list.entries.len().to_string());
        status
    }

    /// D02.FR.03: without a list there is version 0, and a list that is switched off is none.
    pub(super) fn local_list_version(&self) -> Value {
        let enabled = self.device.is("LocalAuthListCtrlr", "Enabled");
        json!({ "versionNumber": if enabled { self.local_list.version } else { 0 } })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn send(list: &mut LocalList, kind: &str, version: i64, entries: &Value) -> &'static str {
        list.update(&json!({ "updateType": kind, "versionNumber": version, "localAuthorizationList": entries }))
    }

    fn entry(text: &str, status: Option<&str>) -> Value {
        let mut entry = json!({ "idToken": { "idToken": text, "type": "ISO14443" } });
        if let Some(status) = status {
            entry["idTokenInfo"] = json!({ "status": status });
        }
        entry
    }

    #[test]
    fn a_list_is_replaced_changed_and_emptied() {
        let mut list = LocalList::default();
        let full = json!([entry("A", Some("Accepted")), entry("B", Some("Accepted"))]);
        assert_eq!(send(&mut list, "Full", 5, &full), "Accepted");
        let change = json!([entry("A", None), entry("B", Some("Blocked")), entry("C", Some("Accepted"))]);
        assert_eq!(send(&mut list, "Differential", 5, &change), "VersionMismatch");
        assert_eq!((list.entries.len(), list.version), (2, 5));
        assert_eq!(send(&mut list, "Differential", 6, &change), "Accepted");
        assert_eq!(list.look_up(&change[0]["idToken"]), None);
        assert_eq!(list.look_up(&change[1]["idToken"]), Some(json!({ "status": "Blocked" })));
        assert_eq!(send(&mut list, "Differential", 7, &Value::Null), "Accepted");
        assert_eq!((list.entries.len(), list.version), (2, 7));
        assert_eq!(send(&mut list, "Full", 3, &Value::Null), "Accepted");
        assert_eq!((list.entries.len(), list.version), (0, 3));
    }

    #[test]
    fn what_no_list_can_be_is_refused() {
        let mut list = LocalList::default();
        let twice = json!([entry("A", Some("Accepted")), entry("a", Some("Blocked"))]);
        assert_eq!(send(&mut list, "Full", 1, &twice), "Failed");
        assert_eq!(send(&mut list, "Full", 1, &json!([entry("A", None)])), "Failed");
        assert_eq!(send(&mut list, "Full", 0, &json!([entry("A", Some("Accepted"))])), "Failed");
        assert_eq!((list.entries.len(), list.version), (0, 0));
    }
}
