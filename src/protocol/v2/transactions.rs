//! The transactions of a product, as their events tell them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use crate::{
    protocol::{leftovers::LeftTransaction, session::Call},
    yaml::shorten,
};

/// A transaction as its events tell it.
#[derive(Debug, Clone, Default)]
struct Transaction {
    id: String,
    evse: Option<u64>,
    seq: BTreeMap<i64, Value>,
    started: Option<i64>,
    ended: Option<i64>,
    charging_state: Option<String>,
    token: Option<Value>,
    started_at: f64,
    /// The event that came last, as it came.
    last_frame: String,
}

/// Events that a transaction lacks.
#[derive(Debug)]
pub(crate) struct Gap {
    /// What is wrong.
    pub(crate) message: String,
    /// What would have been right.
    pub(crate) expected: String,
    /// Which events there are.
    pub(crate) found: String,
    /// The event that came last.
    pub(crate) frame: String,
}

/// Transactions of a test case.
#[derive(Debug, Clone, Default)]
pub(crate) struct Transactions {
    all: Vec<Transaction>,
}

/// Most transactions and events that are followed.
const MAX_FOLLOWED: usize = 2000;

/// What is wrong with an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Complaint {
    pub(crate) message: String,
    /// What would have been right.
    pub(crate) expected: String,
    /// Where in the event.
    pub(crate) pointer: &'static str,
}

impl Transactions {
    /// When the transaction of an event began, as far as it was told.
    pub(crate) fn began(&self, payload: &Value) -> Option<jiff::Timestamp> {
        let known = self.find(payload)?;
        let started = known.started.and_then(|seq| known.seq.get(&seq))?;
        started["timestamp"].as_str()?.parse().ok()
    }

    /// All of them by id, as they are left by a test case.
    pub(crate) fn left<'a>(&'a self, by: &'a str) -> impl Iterator<Item = (String, LeftTransaction)> + 'a {
        self.all.iter().map(|known| {
            let started = known.started.and_then(|seq| known.seq.get(&seq));
            let left = LeftTransaction {
                started: started.map_or(Value::Null, |event| event["timestamp"].clone()),
                by: Some(by.to_owned()),
                evse: known.evse,
                running: known.ended.is_none(),
            };
            (known.id.clone(), left)
        })
    }

    /// True where every event of every one of them has come.
    pub(crate) fn are_complete(&self) -> bool {
        self.all.iter().all(Transaction::is_complete)
    }

    /// True where an event of this transaction has come.
    pub(crate) fn knows(&self, id: &str) -> bool {
        self.all.iter().any(|known| known.id == id)
    }

    /// True for an event that was received before, to the letter.
    pub(crate) fn is_repetition(&self, call: &Call) -> bool {
        let Some(seq) = call.payload["seqNo"].as_i64() else { return false };
        call.action == "TransactionEvent"
            && self
                .find(&call.payload)
                .and_then(|known| known.seq.get(&seq))
                .is_some_and(|known| same_event(known, &call.payload))
    }

    /// The fields of an event that an earlier one of its transaction has told already, and that are to be sent once
    /// (Part 2, E, 1.5; E01.FR.16, E03.FR.01, E07.FR.02).
    pub(crate) fn repeated(&self, payload: &Value) -> Vec<&'static str> {
        const ABOUT_A_DRIVER: [&str; 5] = ["Authorized", "Deauthorized", "RemoteStart", "RemoteStop", "StopAuthorized"];
        let (Some(known), Some(seq)) = (self.find(payload), payload["seqNo"].as_i64()) else { return Vec::new() };
        let mut earlier = known.seq.range(..seq).rev().map(|(_, event)| event);
        let same = |event: &Value, field: &str| event.get(field).is_some_and(|value| payload.get(field) == Some(value));
        // What was told before an EV came, or before it was gone for a while, must be told once more when it is there.
        let since_it_came = earlier.clone().take_while(|event| event["transactionInfo"]["chargingState"] != "Idle");
        let ev_is_there = |event: &Value| event["transactionInfo"]["chargingState"].is_string();
        let of_driver = payload["triggerReason"].as_str().is_some_and(|reason| ABOUT_A_DRIVER.contains(&reason));
        let mut repeated = Vec::new();
        if since_it_came.clone().any(ev_is_there) && since_it_came.clone().any(|event| same(event, "evse")) {
            repeated.push("evse");
        }
        if !of_driver
            && earlier.find(|event| event.get("idToken").is_some()).is_some_and(|event| same(event, "idToken"))
        {
            repeated.push("idToken");
        }
        repeated
    }

    /// True for a transaction that has not ended, its id in whichever case.
    pub(crate) fn is_running(&self, id: &str) -> bool {
        self.all.iter().any(|known| known.id.eq_ignore_ascii_case(id) && known.ended.is_none())
    }

    fn find(&self, payload: &Value) -> Option<&Transaction> {
        let id = payload["transactionInfo"]["transactionId"].as_str()?;
        self.all.iter().find(|known| known.id == id)
    }

    /// Takes an event in; the complaints are breaches of rules that always hold.
    pub(crate) fn learn(&mut self, call: &Call) -> Vec<Complaint> {
        let payload = &call.payload;
        let info = &payload["transactionInfo"];
        let (Some(id), Some(seq)) = (info["transactionId"].as_str(), payload["seqNo"].as_i64()) else {
            return Vec::new();
        };
        if self.all.len() >= MAX_FOLLOWED {
            return vec![Complaint {
                message: format!("more than {MAX_FOLLOWED} transactions"),
                expected: format!("at most {MAX_FOLLOWED} transactions in a test case"),
                pointer: "/transactionInfo/transactionId",
            }];
        }
        let mut complaints = Vec::new();
        let index = self.all.iter().position(|known| known.id == id).unwrap_or_else(|| {
            let started_at = call.at.seconds();
            self.all.push(Transaction { id: id.to_owned(), started_at, ..Transaction::default() });
            self.all.len() - 1
        });
        let known = &mut self.all[index];
        match known.seq.get(&seq) {
            Some(earlier) if same_event(earlier, payload) => return complaints,
            Some(earlier) => complaints.push(Complaint {
                message: format!("seqNo {seq} of transaction {id} was used for two different events"),
                expected: format!(
                    "another number: {seq} was that of {}, {}",
                    earlier["eventType"].as_str().unwrap_or_default(),
                    earlier["triggerReason"].as_str().unwrap_or_default()
                ),
                pointer: "/seqNo",
            }),
            None => {}
        }
        if known.seq.len() < MAX_FOLLOWED {
            known.seq.insert(seq, payload.clone());
        }
        known.last_frame = shorten(&call.text, 4000);
        match payload["eventType"].as_str() {
            Some("Started") => {
                if let Some(earlier) = known.started.filter(|earlier| *earlier != seq) {
                    complaints.push(Complaint {
                        message: format!("transaction {id} was started twice"),
                        expected: format!("one event Started: that with seqNo {earlier}"),
                        pointer: "/eventType",
                    });
                }
                known.started = Some(seq);
            }
            Some("Ended") => known.ended = Some(seq),
            _ => {}
        }
        if let (Some(started), Some(first)) = (known.started, known.seq.keys().next()) {
            if *first < started {
                complaints.push(Complaint {
                    message: format!("an event of transaction {id} has a lower seqNo than its Started"),
                    expected: format!("{started}, the seqNo of its Started, to be the lowest; the lowest is {first}"),
                    pointer: "/seqNo",
                });
            }
        }
        if let (Some(ended), Some(last)) = (known.ended, known.seq.keys().next_back()) {
            if *last > ended {
                let event = &known.seq[last];
                let reason = event["triggerReason"].as_str().unwrap_or_default();
                let kind = event["eventType"].as_str().unwrap_or_default();
                complaints.push(Complaint {
                    message: format!("transaction {id} has an event with a higher seqNo than its Ended"),
                    expected: format!(
                        "{ended}, the seqNo of its Ended, to be the highest; {kind} ({reason}) has {last}"
                    ),
                    pointer: "/seqNo",
                });
            }
        }
        known.evse = payload["evse"]["id"].as_u64().or(known.evse);
        if let Some(state) = info["chargingState"].as_str() {
            known.charging_state = Some(state.to_owned());
        }
        if let Some(token) = payload.get("idToken") {
            known.token = Some(token.clone());
        }
        complaints
    }

    /// Ended transactions with events missing.
    pub(crate) fn gaps(&self) -> Vec<Gap> {
        let mut gaps = Vec::new();
        for known in &self.all {
            let keys: BTreeSet<i64> = known.seq.keys().copied().collect();
            let (Some(first), Some(last)) = (keys.first(), keys.last()) else { continue };
            let mut add = |message: String, expected: String| {
                let found = format!("seqNo {}", spans(&keys));
                gaps.push(Gap { message, expected, found, frame: known.last_frame.clone() });
            };
            if known.started.is_none() {
                let message = format!("transaction {} has no event of type Started", known.id);
                add(message, "an event of type Started with the first seqNo".into());
            }
            let missing: BTreeSet<i64> =
                (*first..=*last).take(MAX_FOLLOWED).filter(|seq| !keys.contains(seq)).collect();
            if known.ended.is_some() && !missing.is_empty() {
                let message = format!("transaction {} has no seqNo {}", known.id, spans(&missing));
                add(message, format!("every seqNo from {first} to {last}"));
            }
        }
        gaps
    }

    /// The transaction of an EVSE (or one that has not named its EVSE yet), as expressions see it.
    pub(crate) fn describe(&self, evse: u64) -> Value {
        let its = |known: &&Transaction| known.evse.is_none_or(|of| of == evse);
        let running = self.all.iter().rev().filter(its).find(|known| known.ended.is_none());
        match running.or_else(|| self.all.iter().rev().find(its)) {
            None => {
                json!({
                    "id": "", "started": false, "ended": false, "running": false, "complete": false,
                    "charging_state": "", "next_seq": 0,
                })
            }
            Some(known) => known.describe(),
        }
    }

    /// All of them, oldest first.
    pub(crate) fn describe_all(&self) -> Value {
        self.all.iter().map(Transaction::describe).collect()
    }
}

/// Numbers with those in a row told as one: `0–2, 4`.
fn spans(numbers: &BTreeSet<i64>) -> String {
    const MOST: usize = 20;
    let mut spans: Vec<(i64, i64)> = Vec::new();
    for number in numbers {
        match spans.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(*number) => *last = *number,
            _ => spans.push((*number, *number)),
        }
    }
    let told = |(first, last): &(i64, i64)| if first == last { first.to_string() } else { format!("{first}–{last}") };
    let mut words: Vec<String> = spans.iter().take(MOST).map(told).collect();
    if spans.len() > MOST {
        words.push("…".into());
    }
    words.join(", ")
}

/// True for an event that is sent again. What was still in the queue when the connection was lost is marked as offline
/// from then on (E11.FR.07).
fn same_event(one: &Value, other: &Value) -> bool {
    let (Value::Object(one), Value::Object(other)) = (one, other) else { return one == other };
    let but_offline = |event: &Map<String, Value>| event.iter().filter(|(name, _)| *name != "offline").count();
    but_offline(one) == but_offline(other)
        && one.iter().all(|(name, value)| name == "offline" || other.get(name) == Some(value))
}

impl Transaction {
    /// True when the Ended has come, and every event before it.
    fn is_complete(&self) -> bool {
        let Some(((first, last), count)) = self.started.zip(self.ended).zip(i64::try_from(self.seq.len()).ok()) else {
            return false;
        };
        last - first + 1 == count
    }

    fn describe(&self) -> Value {
        json!({
            "id": self.id,
            "evse": self.evse,
            "started": true,
            "ended": self.ended.is_some(),
            "running": self.ended.is_none(),
            "complete": self.is_complete(),
            "charging_state": self.charging_state.clone().unwrap_or_default(),
            "token": self.token,
            "at": self.started_at,
            "events": self.seq.len(),
            "next_seq": self.seq.keys().next_back().map_or(0, |last| last + 1),
        })
    }
}
