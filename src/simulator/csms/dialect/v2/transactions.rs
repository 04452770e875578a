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
    /// The station calculates what it costs (I12).
    own_costs: bool,
    energy: Energy,
}

impl Transaction {
    fn cost(&self) -> Option<f64> {
        self.energy.cost().filter(|_| !self.own_costs)
    }
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
        if let Some(costs) = payload.get("costDetails") {
            transaction.own_costs = costs["failureToCalculate"] != true;
        }
        transaction.energy.learn(payload);
        let mut response = Map::new();
        // What the station has calculated is known as well (I03.FR.02, C20.FR.03).
        let total = &payload["costDetails"]["totalCost"]["total"];
        if let Some(total) = total["inclTax"].as_f64().filter(|_| kind == "Ended" && transaction.own_costs) {
            response.insert("totalCost".into(), total.into());
        }
        if let Some(cost) = transaction.cost().filter(|_| kind == "Ended") {
            response.insert("totalCost".into(), cost.into());
        }
        if let Some(token) = payload.get("idToken") {
            response.insert("idTokenInfo".into(), token_info(tokens, token));
        }
        json!(response)
    }

    /// What a transaction costs so far; none without a reading, and where the station calculates it.
    pub(super) fn cost(&self, id: &str) -> Option<f64> {
        self.known.get(id).and_then(Transaction::cost)
    }

    /// Whether the station calculates what a transaction costs.
    pub(super) fn has_own_costs(&self, id: &str) -> bool {
        self.known.get(id).is_some_and(|transaction| transaction.own_costs)
    }

    /// A transaction that is running.
    pub(super) fn running(&self) -> Option<&str> {
        self.known.iter().find(|(_, transaction)| !transaction.ended).map(|(id, _)| id.as_str())
    }
}
