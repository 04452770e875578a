//! What test cases leave behind at the product, and which of them did: transactions, connectors that are not free,
//! drivers who are still waited for, variables that were not put back.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// What is left of the test cases before this one.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub(crate) struct Leftovers {
    /// Transactions by their id.
    pub(crate) transactions: HashMap<String, LeftTransaction>,
    /// The test case after which a connector was no longer Available, by the ids of EVSE and connector.
    #[serde(with = "pairs")]
    pub(crate) connectors: BTreeMap<(u64, u64), String>,
    /// Drivers who were authorised and have begun nothing yet.
    pub(crate) drivers: Vec<Driver>,
    /// The last test case, where it did not pass or left a transaction unfinished.
    pub(crate) by: Option<String>,
    /// How far the last firmware update got.
    pub(crate) firmware: Option<String>,
    /// Variables with the values that they had before a test case changed them and could not put them back.
    pub(crate) variables: Vec<LeftVariable>,
}

/// A transaction of a former test case, or of a time before the run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct LeftTransaction {
    /// The time of its Started; null where that never came.
    pub(crate) started: Value,
    /// The test case that left it; none: it is from before the run.
    pub(crate) by: Option<String>,
    pub(crate) evse: Option<u64>,
    /// Its Ended has not come.
    pub(crate) running: bool,
}

/// A driver who was authorised, seconds of the run ago.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Driver {
    evse: Option<u64>,
    at_s: f64,
}

/// A variable that is to be put back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct LeftVariable {
    pub(crate) component: String,
    pub(crate) variable: String,
    pub(crate) value: String,
    pub(crate) by: String,
}

/// Most transactions, drivers and variables that are kept.
const MAX_LEFT: usize = 4096;
/// How much longer than EVConnectionTimeOut a driver is waited for, seconds.
const MARGIN: f64 = 2.0;

impl Leftovers {
    /// A driver presented a token, pressed the start button or was authorised from afar.
    pub(crate) fn driver_comes(&mut self, evse: Option<u64>, at_s: f64) {
        if self.drivers.len() < MAX_LEFT {
            self.drivers.push(Driver { evse, at_s });
        }
    }

    /// The driver who came last was refused.
    pub(crate) fn driver_is_refused(&mut self) {
        self.drivers.pop();
    }

    /// Seconds for which a driver may still be waited for, where the station gives him so many from his authorisation on.
    pub(crate) fn driver_waits(&self, patience: f64, now_s: f64) -> f64 {
        let left = self.drivers.iter().map(|driver| driver.at_s + patience + MARGIN - now_s);
        left.fold(0.0, f64::max)
    }

    /// The station has booted: nobody is authorised any longer.
    pub(crate) fn boots(&mut self) {
        self.drivers.clear();
    }

    /// No transaction goes on any longer.
    pub(crate) fn transactions_end(&mut self) {
        self.transactions.values_mut().for_each(|left| left.running = false);
    }

    /// A driver at this EVSE began, went on or ended something, or was given up; at any, where it is not known which.
    pub(crate) fn driver_is_settled(&mut self, evse: Option<u64>) {
        self.drivers.retain(|driver| evse.is_some() && driver.evse.is_some() && driver.evse != evse);
    }

    /// A firmware update has got so far.
    pub(crate) fn firmware_is(&mut self, status: &Value) {
        let status = status.as_str().filter(|status| *status != "Idle");
        self.firmware = status.map(str::to_owned).or(self.firmware.take());
    }

    /// Something was told of a transaction that is known to be left behind.
    pub(crate) fn transaction_tells(&mut self, id: &str, evse: Option<u64>, ended: bool) {
        if let Some(left) = self.transactions.get_mut(id) {
            left.running &= !ended;
            left.evse = evse.or(left.evse);
        }
    }

    /// The station knows nothing of a transaction that it was asked to stop.
    pub(crate) fn transaction_is_unknown(&mut self, id: &str) {
        if let Some(left) = self.transactions.get_mut(id) {
            left.running = false;
        }
    }

    /// Takes in a transaction.
    pub(crate) fn leave(&mut self, id: String, left: LeftTransaction) {
        if self.transactions.len() < MAX_LEFT || self.transactions.contains_key(&id) {
            self.transactions.insert(id, left);
        }
    }

    /// Takes in a variable; one that is known keeps its first value.
    pub(crate) fn leave_variable(&mut self, left: LeftVariable) {
        let known = |one: &LeftVariable| one.component == left.component && one.variable == left.variable;
        if self.variables.len() < MAX_LEFT && !self.variables.iter().any(known) {
            self.variables.push(left);
        }
    }

    /// Notes which connectors are not Available after a test case.
    pub(crate) fn leave_connectors(&mut self, statuses: &BTreeMap<(u64, u64), String>, by: &str) {
        self.connectors.retain(|connector, _| statuses.get(connector).is_some_and(|status| status != "Available"));
        for (connector, _) in statuses.iter().filter(|(_, status)| *status != "Available") {
            self.connectors.entry(*connector).or_insert_with(|| by.to_owned());
        }
    }

    /// As expressions see it.
    pub(crate) fn describe(&self, statuses: &BTreeMap<(u64, u64), String>, patience: f64, now_s: f64) -> Value {
        let mut running: Vec<_> = self.transactions.iter().filter(|(_, left)| left.running).collect();
        running.sort_by_key(|(id, _)| *id);
        let transactions = running.into_iter().map(|(id, left)| {
            let by = left.by.as_deref().unwrap_or("a time before this run");
            json!({ "id": id, "evse": left.evse, "by": by })
        });
        let connectors = statuses.iter().filter(|(_, status)| *status != "Available").map(|(connector, status)| {
            let by = self.connectors.get(connector);
            json!({ "evse": connector.0, "connector": connector.1, "status": status, "by": by })
        });
        json!({
            "transactions": transactions.collect::<Vec<_>>(),
            "connectors": connectors.collect::<Vec<_>>(),
            "driver": self.driver_waits(patience, now_s),
            "firmware": self.firmware,
            "by": self.by,
        })
    }
}

/// A map whose keys are pairs, as a list.
mod pairs {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    type Map = BTreeMap<(u64, u64), String>;

    pub(super) fn serialize<S: Serializer>(map: &Map, serializer: S) -> Result<S::Ok, S::Error> {
        map.iter().collect::<Vec<_>>().serialize(serializer)
    }

    pub(super) fn deserialize<'d, D: Deserializer<'d>>(deserializer: D) -> Result<Map, D::Error> {
        Ok(Vec::<((u64, u64), String)>::deserialize(deserializer)?.into_iter().collect())
    }
}
