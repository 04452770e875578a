//! TransactionStore as the station tells them.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{costs::Energy, token_info};
use crate::simulator::csms::tokens::Tokens;

/// Most transactions that are kept; the oldest goes.
const MAX_KEPT: usize = 1000;

#[derive(Default)]
struct Transaction {
    /// Events by sequence number; they may come in any order (E04, E12).
    events: BTreeMap<i64, String>,
    ended: bool,
    energy: Energy,
}

/// The transactions of the station.
#[derive(Default)]
pub(super) struct TransactionStore {
    known: BTreeMap<String, Transaction>,
}

impl TransactionStore {
    /// Takes an event in. A TransactionEventRequest is never refused; a token in it is judged anew (E01.FR.11).
    pub(super) fn event(&mut self, payload: &Value, tokens: &Tokens) -> Value {
        let id = payload["transactionInfo"]["transactionId"].as_str().unwrap_or_default();
        if self.known.len() >= MAX_KEPT && !self.known.contains_key(id) {
            self.known.pop_first();
        }
        let transaction = self.known.entry(id.to_owned()).or_default();
        let kind = payload["eventType"].as_str().unwrap_or_default();
        transaction.ended |= kind == "Ended";
        transaction.events.insert(payload["seqNo"].as_i64().unwrap_or_default(), kind.to_owned());
        transaction.energy.learn(payload);
        let mut response = Map::new();
        if let Some(cost) = transaction.energy.cost().filter(|_| kind == "Ended") {
            response.insert("totalCost".into(), cost.into());
        }
        if let Some(token) = payload.get("idToken") {
            response.insert("idTokenInfo".into(), token_info(tokens, token));
        }
        json!(response)
    }

    /// What a transaction costs so far; none without a reading.
    pub(super) fn cost(&self, id: &str) -> Option<f64> {
        self.known.get(id).and_then(|transaction| transaction.energy.cost())
    }
}
