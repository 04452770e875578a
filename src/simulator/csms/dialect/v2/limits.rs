//! The limits of transactions that the CSMS sets (E16).

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// Most transactions whose limits are kept; the oldest goes.
const MAX_KEPT: usize = 1000;

/// The limits of a transaction, by their names.
pub(super) type Limit = Map<String, Value>;

/// What is known of the limits of a transaction.
#[derive(Debug, Default)]
struct Known {
    /// What the CSMS has set, and has not told yet.
    wanted: Limit,
    /// What holds: told by the CSMS, or by the station.
    told: Limit,
}

/// The limits of a station's transactions.
#[derive(Debug, Default)]
pub(super) struct Limits {
    /// For the next transaction.
    next: Limit,
    of: BTreeMap<String, Known>,
}

fn is_no_higher(one: &Value, other: &Value) -> bool {
    one.as_f64().zip(other.as_f64()).is_some_and(|(one, other)| one <= other)
}

impl Limits {
    /// A limit for the transaction that is running, or else for the next one.
    pub(super) fn set(&mut self, running: Option<&str>, limit: Limit) {
        match running {
            Some(id) => self.kept(id).wanted.extend(limit),
            None => self.next.extend(limit),
        }
    }

    /// The limits of a transaction that starts.
    pub(super) fn starts(&mut self, id: &str) {
        let next = std::mem::take(&mut self.next);
        self.kept(id).wanted.extend(next);
    }

    /// What the station tells of its limits. One that is no higher than what the CSMS wants is kept to anyway (E16.FR.08).
    pub(super) fn told(&mut self, id: &str, limit: &Value) {
        if let Some(limit) = limit.as_object() {
            let known = self.kept(id);
            known.wanted.retain(|name, wanted| !limit.get(name).is_some_and(|told| is_no_higher(told, wanted)));
            known.told.extend(limit.clone());
        }
    }

    /// What an event is answered with: each limit once (E16.FR.02), of those that the station supports (E16.FR.12).
    pub(super) fn take_news(&mut self, id: &str, supported: &str) -> Option<Limit> {
        let known = self.of.get_mut(id)?;
        let new: Limit = std::mem::take(&mut known.wanted)
            .into_iter()
            .filter(|(name, _)| supported.split(',').any(|one| one.trim() == name))
            .collect();
        known.told.extend(new.clone());
        (!new.is_empty()).then_some(new)
    }

    /// Whether the cost of a transaction is limited.
    pub(super) fn has_most_cost(&self, id: &str) -> bool {
        self.of.get(id).is_some_and(|known| known.told.contains_key("maxCost"))
    }

    pub(super) fn ended(&mut self, id: &str) {
        self.of.remove(id);
    }

    fn kept(&mut self, id: &str) -> &mut Known {
        if self.of.len() >= MAX_KEPT && !self.of.contains_key(id) {
            self.of.pop_first();
        }
        self.of.entry(id.to_owned()).or_default()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn limit(value: Value) -> Limit {
        value.as_object().cloned().unwrap_or_default()
    }

    #[test]
    fn a_limit_is_told_once_and_only_where_it_changes_anything() {
        let mut limits = Limits::default();
        limits.set(None, limit(json!({ "maxCost": 10, "maxSoC": 80 })));
        limits.starts("a");
        assert_eq!(limits.take_news("a", "maxCost,maxEnergy"), Some(limit(json!({ "maxCost": 10 }))));
        assert_eq!(limits.take_news("a", "maxCost,maxEnergy"), None);
        limits.set(Some("a"), limit(json!({ "maxEnergy": 6000, "maxTime": 60 })));
        limits.told("a", &json!({ "maxCost": 10, "maxEnergy": 5000, "maxTime": 90 }));
        assert_eq!(limits.take_news("a", "maxEnergy,maxTime"), Some(limit(json!({ "maxTime": 60 })))); // E16.FR.08
        // What the operator changes is told even if it is higher.
        limits.set(Some("a"), limit(json!({ "maxEnergy": 7000 })));
        assert_eq!(limits.take_news("a", "maxEnergy"), Some(limit(json!({ "maxEnergy": 7000 }))));
        assert!(limits.has_most_cost("a"));
        limits.starts("b");
        assert_eq!(limits.take_news("b", "maxCost"), None);
    }
}
