//! What of a conversation goes into a recording, and comes back from it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Connectors, Conversation, OfTest, OwnStation, Protocol, Registration};
use crate::protocol::{
    leftovers::Leftovers,
    session::{Cover, Session},
};

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
struct Kept {
    registration: Registration,
    variables: Map<String, Value>,
    leftovers: Leftovers,
    contact_s: Option<f64>,
    since: Option<jiff::Timestamp>,
    request_ids: BTreeMap<String, BTreeSet<i64>>,
    connectors: Vec<(u64, String)>,
    last_transaction: i64,
    /// What our own charge point remembers.
    station: Value,
}

impl Conversation {
    pub(super) fn kept(&self, cover: &Cover<'_>) -> Map<String, Value> {
        let mut leftovers = self.leftovers.clone();
        leftovers.variables.iter_mut().for_each(|left| left.value = (cover.text)(&left.value));
        let kept = Kept {
            registration: self.registration.clone(),
            variables: self.variables.iter().map(|(name, inner)| (name.clone(), (cover.value)(inner))).collect(),
            leftovers,
            contact_s: self.contact_s,
            since: self.since,
            request_ids: self.request_ids.clone(),
            connectors: self.connectors.0.iter().map(|(id, status)| (*id, status.clone())).collect(),
            last_transaction: self.last_transaction,
            station: (cover.value)(&serde_json::to_value(&self.station).unwrap_or_default()),
        };
        match serde_json::to_value(&kept) {
            Ok(Value::Object(members)) => members,
            _ => Map::new(),
        }
    }
}

/// A conversation as a recording kept it.
///
/// # Errors
///
/// When something in it can't be read.
pub(in crate::protocol) fn restored(
    protocol: &'static Protocol,
    members: &Map<String, Value>,
) -> Result<Box<dyn Session>, serde_json::Error> {
    let kept: Kept = serde_json::from_value(Value::Object(members.clone()))?;
    let station = if kept.station.is_null() { OwnStation::default() } else { serde_json::from_value(kept.station)? };
    Ok(Box::new(Conversation {
        protocol,
        registration: kept.registration,
        variables: kept.variables,
        connectors: Connectors(kept.connectors.into_iter().collect()),
        station,
        leftovers: kept.leftovers,
        request_ids: kept.request_ids,
        contact_s: kept.contact_s,
        since: kept.since,
        last_transaction: kept.last_transaction,
        of_test: OfTest::default(),
    }))
}
