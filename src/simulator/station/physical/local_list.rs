//! The local authorization list.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

/// How a list is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpdateType {
    /// It replaces the list.
    Full,
    /// It changes the list.
    Differential,
}

/// What came of an update.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListUpdate {
    /// It is in force.
    Accepted,
    /// It is no list.
    Failed,
    /// It does not follow on what the station has.
    VersionMismatch,
}

impl ListUpdate {
    /// The word of OCPP, which is the same in all versions.
    pub fn word(self) -> &'static str {
        match self {
            ListUpdate::Accepted => "Accepted",
            ListUpdate::Failed => "Failed",
            ListUpdate::VersionMismatch => "VersionMismatch",
        }
    }
}

/// The list that the CSMS has sent, by a key that the dialect makes of the token, and its version; 0: none was sent.
#[derive(Debug, Clone, Default)]
pub struct LocalList {
    entries: HashMap<String, Value>,
    version: i64,
}

impl LocalList {
    /// What the list says of a token.
    pub fn look_up(&self, key: &str) -> Option<Value> {
        self.entries.get(key).cloned()
    }

    /// The version.
    pub fn version(&self) -> i64 {
        self.version
    }

    /// How many tokens are in the list.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Replaces the list, or changes it: a token without information is removed.
    pub fn update(&mut self, update_type: UpdateType, version: i64, list: Vec<(String, Option<Value>)>) -> ListUpdate {
        let full = update_type == UpdateType::Full;
        if !full && version <= self.version {
            return ListUpdate::VersionMismatch;
        }
        let mut names = HashSet::new();
        let unique = list.iter().all(|(key, _)| names.insert(key));
        let complete = !full || list.iter().all(|(_, info)| info.is_some());
        // Version 0 stands for no list (D01.FR.18), and no list has a token twice (D01.FR.06).
        if version < 1 || !unique || !complete {
            return ListUpdate::Failed;
        }
        if full {
            self.entries.clear();
        }
        for (key, info) in list {
            match info {
                Some(info) => self.entries.insert(key, info),
                None => self.entries.remove(&key),
            };
        }
        self.version = version;
        ListUpdate::Accepted
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{ListUpdate::*, UpdateType::*, *};

    fn entry(key: &str, status: Option<&str>) -> (String, Option<Value>) {
        (key.to_owned(), status.map(|status| json!({ "status": status })))
    }

    #[test]
    fn a_list_is_replaced_changed_and_emptied() {
        let mut list = LocalList::default();
        let full = vec![entry("A", Some("Accepted")), entry("B", Some("Accepted"))];
        assert_eq!(list.update(Full, 5, full), Accepted);
        let change = vec![entry("A", None), entry("B", Some("Blocked")), entry("C", Some("Accepted"))];
        assert_eq!(list.update(Differential, 5, change.clone()), VersionMismatch);
        assert_eq!((list.len(), list.version()), (2, 5));
        assert_eq!(list.update(Differential, 6, change), Accepted);
        assert_eq!(list.look_up("A"), None);
        assert_eq!(list.look_up("B"), Some(json!({ "status": "Blocked" })));
        assert_eq!(list.update(Differential, 7, Vec::new()), Accepted);
        assert_eq!((list.len(), list.version()), (2, 7));
        assert_eq!(list.update(Full, 3, Vec::new()), Accepted);
        assert_eq!((list.len(), list.version()), (0, 3));
    }

    #[test]
    fn what_no_list_can_be_is_refused() {
        let mut list = LocalList::default();
        let twice = vec![entry("a", Some("Accepted")), entry("a", Some("Blocked"))];
        assert_eq!(list.update(Full, 1, twice), Failed);
        assert_eq!(list.update(Full, 1, vec![entry("A", None)]), Failed);
        assert_eq!(list.update(Full, 0, vec![entry("A", Some("Accepted"))]), Failed);
        assert_eq!((list.len(), list.version()), (0, 0));
    }
}
