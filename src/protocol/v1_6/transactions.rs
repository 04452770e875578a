//! The transactions of a product: StartTransaction, its answer with the id, MeterValues, StopTransaction (4.7, 4.8, 4.10).

use std::{
    collections::HashSet,
    hash::{DefaultHasher, Hash, Hasher},
};

use serde_json::{Value, json};

use super::connectors::Connectors;
use crate::protocol::{leftovers::LeftTransaction, session::Call};

/// The id of a transaction whose id a charge point could not learn (errata 3.18).
pub(super) const UNKNOWN_ID: i64 = -1;
/// Most transactions, and meter values of all, that are followed.
const MAX_FOLLOWED: usize = 2000;

/// A transaction.
#[derive(Debug, Clone)]
struct Transaction {
    /// Given by the central system in its answer.
    id: Option<i64>,
    /// The StartTransaction.
    start: Value,
    /// The StopTransaction.
    stop: Option<Value>,
    /// The authorisation status of the answer.
    status: String,
    started_at: f64,
    meter_values: usize,
}

/// Transactions of a test case.
#[derive(Debug, Clone, Default)]
pub(super) struct Transactions {
    all: Vec<Transaction>,
    /// The MeterValues that have come, told apart by their content.
    seen_values: HashSet<u64>,
}

/// The transaction that a message names.
pub(super) fn named(payload: &Value) -> Option<i64> {
    payload["transactionId"].as_i64()
}

impl Transactions {
    /// When a transaction began, as far as it was told.
    pub(super) fn began(&self, id: i64) -> Option<jiff::Timestamp> {
        self.find(id)?.start["timestamp"].as_str()?.parse().ok()
    }

    /// All of them by id, as they are left by a test case.
    pub(super) fn left<'a>(&'a self, by: &'a str) -> impl Iterator<Item = (String, LeftTransaction)> + 'a {
        self.all.iter().filter_map(|known| {
            let left = LeftTransaction {
                started: known.start["timestamp"].clone(),
                by: Some(by.to_owned()),
                evse: known.start["connectorId"].as_u64(),
                running: known.stop.is_none(),
            };
            Some((known.id?.to_string(), left))
        })
    }

    /// True where every one of them has been stopped.
    pub(super) fn are_complete(&self) -> bool {
        self.all.iter().all(|known| known.id.is_some() && known.stop.is_some())
    }

    /// True before any has begun.
    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// True for a transaction that has begun and has this id.
    pub(super) fn knows(&self, id: i64) -> bool {
        self.find(id).is_some()
    }

    /// True for a transaction that has not been stopped.
    pub(super) fn is_running(&self, id: i64) -> bool {
        self.find(id).is_some_and(|known| known.stop.is_none())
    }

    /// The id of a transaction that began with this very message.
    pub(super) fn id_of(&self, start: &Value) -> Option<i64> {
        self.all.iter().find(|known| known.start == *start)?.id
    }

    fn find(&self, id: i64) -> Option<&Transaction> {
        self.all.iter().find(|known| known.id == Some(id))
    }

    /// True for a message that has come before, to the letter, as one comes again that was not processed (3.7.1).
    pub(super) fn is_repetition(&self, call: &Call) -> bool {
        let payload = &call.payload;
        match call.action.as_str() {
            "StartTransaction" => self.all.iter().any(|known| known.start == *payload),
            "StopTransaction" => self.all.iter().any(|known| known.stop.as_ref() == Some(payload)),
            "MeterValues" => self.seen_values.contains(&content(payload)),
            _ => false,
        }
    }

    /// Takes a message in; the complaints are breaches of the rules for transactions.
    pub(super) fn learn(&mut self, call: &Call) -> Vec<String> {
        let payload = &call.payload;
        match call.action.as_str() {
            "StartTransaction" => {
                self.begin(payload, call.at.seconds());
                Vec::new()
            }
            "StopTransaction" => self.stop(payload).into_iter().collect(),
            "MeterValues" => {
                if self.seen_values.len() < MAX_FOLLOWED {
                    self.seen_values.insert(content(payload));
                }
                let Some(id) = named(payload) else { return Vec::new() };
                if let Some(known) = self.all.iter_mut().find(|known| known.id == Some(id)) {
                    known.meter_values += 1;
                    return Vec::new();
                }
                unknown(id, "MeterValues").into_iter().collect()
            }
            _ => Vec::new(),
        }
    }

    fn stop(&mut self, payload: &Value) -> Option<String> {
        let id = named(payload)?;
        let Some(known) = self.all.iter_mut().find(|known| known.id == Some(id)) else {
            return unknown(id, "StopTransaction");
        };
        match &known.stop {
            Some(earlier) if earlier == payload => None,
            Some(_) => Some(format!("transaction {id} was stopped twice, with different StopTransactions")),
            None => {
                known.stop = Some(payload.clone());
                None
            }
        }
    }

    fn begin(&mut self, start: &Value, at: f64) -> Option<&mut Transaction> {
        let known = self.all.iter().position(|known| known.start == *start);
        let index = match known {
            Some(index) => index,
            None if self.all.len() >= MAX_FOLLOWED => return None,
            None => {
                self.all.push(Transaction {
                    id: None,
                    start: start.clone(),
                    stop: None,
                    status: String::new(),
                    started_at: at,
                    meter_values: 0,
                });
                self.all.len() - 1
            }
        };
        self.all.get_mut(index)
    }

    /// The central system has answered a StartTransaction.
    pub(super) fn given(&mut self, start: &Value, answer: &Value, at: f64) {
        if let Some(known) = self.begin(start, at) {
            known.id = named(answer).or(known.id);
            known.status = answer["idTagInfo"]["status"].as_str().unwrap_or_default().to_owned();
        }
    }

    /// The transaction of a connector, as expressions see it.
    pub(super) fn describe(&self, connector: u64, statuses: &Connectors) -> Value {
        let its = |known: &&Transaction| known.start["connectorId"] == connector;
        let running = self.all.iter().rev().filter(its).find(|known| known.stop.is_none());
        match running.or_else(|| self.all.iter().rev().find(its)) {
            None => json!({
                "id": null, "started": false, "ended": false, "running": false, "complete": false, "charging_state": "",
            }),
            Some(known) => known.describe(statuses),
        }
    }

    /// All of them, oldest first.
    pub(super) fn describe_all(&self, statuses: &Connectors) -> Value {
        self.all.iter().map(|known| known.describe(statuses)).collect()
    }
}

impl Transaction {
    fn describe(&self, statuses: &Connectors) -> Value {
        let connector = self.start["connectorId"].as_u64().unwrap_or_default();
        let state = match statuses.status(connector) {
            _ if self.stop.is_some() => "",
            Some("Preparing" | "Finishing") => "EVConnected",
            Some(status @ ("Charging" | "SuspendedEV" | "SuspendedEVSE")) => status,
            _ => "",
        };
        let stop = self.stop.as_ref();
        json!({
            "id": self.id,
            "evse": connector,
            "connector": connector,
            "started": true,
            "ended": stop.is_some(),
            "running": stop.is_none(),
            "complete": self.id.is_some() && stop.is_some(),
            "charging_state": state,
            "token": self.start["idTag"],
            "status": self.status,
            "meter_start": self.start["meterStart"],
            "meter_stop": stop.map(|stop| stop["meterStop"].clone()),
            "started_at": self.start["timestamp"],
            "at": self.started_at,
            "meter_values": self.meter_values,
        })
    }
}

/// The complaint about a message of a transaction that never began.
fn unknown(id: i64, action: &str) -> Option<String> {
    (id != UNKNOWN_ID).then(|| format!("{action} names transaction {id}, an id that was not given in this run"))
}

fn content(payload: &Value) -> u64 {
    let mut hasher = DefaultHasher::new();
    payload.to_string().hash(&mut hasher);
    hasher.finish()
}
