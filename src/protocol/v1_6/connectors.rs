//! The status of connectors, as the charge point under test tells it (4.9). Connector 0 is the charge point itself.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::registration::BOOT;
use crate::protocol::{
    rules::Rule,
    session::{Breach, Call, Learnt},
};

/// Most connectors that are followed.
const MAX_CONNECTORS: usize = 1000;

/// The changes of status that the table of 4.9 has (with B6 of errata 3.20): to which statuses each may change. From Faulted, a
/// connector returns to what it was.
const TRANSITIONS: [(&str, &[&str]); 8] = [
    ("Available", &["Preparing", "Charging", "SuspendedEV", "SuspendedEVSE", "Reserved", "Unavailable", "Faulted"]),
    ("Preparing", &["Available", "Charging", "SuspendedEV", "SuspendedEVSE", "Finishing", "Faulted"]),
    ("Charging", &["Available", "SuspendedEV", "SuspendedEVSE", "Finishing", "Unavailable", "Faulted"]),
    ("SuspendedEV", &["Available", "Charging", "SuspendedEVSE", "Finishing", "Unavailable", "Faulted"]),
    ("SuspendedEVSE", &["Available", "Charging", "SuspendedEV", "Finishing", "Unavailable", "Faulted"]),
    ("Finishing", &["Available", "Preparing", "Unavailable", "Faulted"]),
    ("Reserved", &["Available", "Preparing", "Unavailable", "Faulted"]),
    ("Unavailable", &["Available", "Preparing", "Charging", "SuspendedEV", "SuspendedEVSE", "Faulted"]),
];

/// What was last told of connectors, by their numbers; nothing since a boot that told none.
#[derive(Debug, Clone, Default)]
pub(super) struct Connectors(pub(super) BTreeMap<u64, String>);

impl Connectors {
    /// As expressions see them. A connector of 1.6 is an EVSE of its own, with the same number.
    pub(super) fn describe(&self) -> Value {
        let statuses = self.0.iter();
        statuses.map(|(id, status)| json!({ "evse": id, "connector": id, "status": status })).collect()
    }

    /// The status of a connector.
    pub(super) fn status(&self, connector: u64) -> Option<&str> {
        self.0.get(&connector).map(String::as_str)
    }

    /// The statuses of connectors as leftovers know them; the charge point itself is none.
    pub(super) fn by_evse(&self) -> BTreeMap<(u64, u64), String> {
        let connectors = self.0.iter().filter(|(id, _)| **id > 0);
        connectors.map(|(id, status)| ((*id, *id), status.clone())).collect()
    }

    /// Learns the status of connectors from a message that tells it.
    pub(super) fn learn(&mut self, call: &Call) -> Learnt {
        let mut learnt = Learnt::default();
        if call.action == BOOT {
            // They are told anew (errata 3.22).
            self.0.clear();
            return learnt;
        }
        if call.action != "StatusNotification" {
            return learnt;
        }
        let (Some(connector), Some(status)) = (call.payload["connectorId"].as_u64(), call.payload["status"].as_str())
        else {
            return learnt;
        };
        learnt.breaches.extend(misuse(connector, status, call));
        if let Some(before) = self.status(connector).filter(|_| connector > 0) {
            // A status that did not last need not be told (MinimumStatusDuration), so a step that is missing is no proof.
            let known = TRANSITIONS.iter().find(|(from, _)| *from == before);
            if before != status && known.is_some_and(|(_, to)| !to.contains(&status)) {
                learnt.remarks.push(format!(
                    "connector {connector} changed from {before} to {status}, which the table of 1.6, 4.9 does not have; a status \
                     in between may have been too short to be told"
                ));
            }
        }
        if self.0.len() < MAX_CONNECTORS || self.0.contains_key(&connector) {
            self.0.insert(connector, status.to_owned());
        }
        learnt
    }
}

/// What no charge point may tell of a connector, whatever it told before.
fn misuse(connector: u64, status: &str, call: &Call) -> Option<Breach> {
    const OF_THE_WHOLE: [&str; 3] = ["Available", "Unavailable", "Faulted"];
    const WITH_AN_EV: [&str; 4] = ["Preparing", "SuspendedEV", "SuspendedEVSE", "Finishing"];
    let (message, expected) = if connector == 0 && !OF_THE_WHOLE.contains(&status) {
        ("the charge point (connector 0) has a status that only a connector may have", OF_THE_WHOLE.join(", "))
    } else if call.payload["errorCode"] == "EVCommunicationError" && !WITH_AN_EV.contains(&status) {
        ("EVCommunicationError comes with a status that it may not come with", WITH_AN_EV.join(", "))
    } else {
        return None;
    };
    Some(Breach {
        expected: Some(format!("/status = one of {expected}")),
        found: Some(status.to_owned()),
        pointer: Some("/status".into()),
        requirements: vec!["1.6, 4.9".into()],
        ..Breach::new(Rule::StatusOfConnectors, message, &call.text)
    })
}
