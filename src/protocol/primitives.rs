//! What the primitive data types of OCPP demand beyond the JSON Schemas (2.x: Part 2, 2.1.4 and 2.1.5; 1.6: 2.3): the decimals of
//! times and numbers, the range of integers, the characters of a text; and what each time in a message means.
//!
//! The bundle says of each property what it needs: `format: date-time` with `time`, `primitive: identifierString` or `CiString`,
//! `default`.

use std::cell::RefCell;

use serde_json::Value;

use super::{
    messages::{Messages, SchemaError},
    shape::Leaf,
};

/// What the primitive data types of a version demand of every value; `usize::MAX` is no limit.
#[derive(Debug)]
pub struct DataTypes {
    /// Most decimals of a second.
    pub second_decimals: usize,
    /// Most decimals of a number that is sent to a charging station.
    pub station_decimals: usize,
    /// An integer is a signed 32-bit number.
    pub integers_have_32_bits: bool,
}

/// OCPP 2.x (Part 2, 2.1.4: dateTime, decimal, integer).
pub static OF_2_X: DataTypes = DataTypes { second_decimals: 3, station_decimals: 6, integers_have_32_bits: true };

/// OCPP 1.6, which limits none of them: receivers handle any fraction of a second (3.15), and where a number has a limit, its
/// schema says so (`multipleOf`).
pub static OF_1_6: DataTypes =
    DataTypes { second_decimals: usize::MAX, station_decimals: usize::MAX, integers_have_32_bits: false };

/// What a time in a message says, which decides how it is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Time {
    /// The sender's clock, read for this message.
    Current,
    /// When something was put together in answer to a request.
    Generated,
    /// When something happened; the message may have waited for the connection.
    Occurred,
    /// When a status began to hold or was looked at.
    Status,
    /// When a meter was read.
    Measured,
}

impl Time {
    pub(super) fn of(word: &str) -> Option<Self> {
        Some(match word {
            "current" => Self::Current,
            "generated" => Self::Generated,
            "occurred" => Self::Occurred,
            "status" => Self::Status,
            "measured" => Self::Measured,
            _ => return None,
        })
    }
}

/// A time in a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeAt {
    /// JSON pointer into the payload.
    pub pointer: String,
    /// What it says.
    pub time: Time,
    /// When, as far as it can be read.
    pub at: jiff::Timestamp,
}

impl Messages {
    /// Everything in a payload that breaks the rules of the primitive data types. The payload must be valid by its schema.
    pub fn breaches(&self, action: &str, request: bool, payload: &Value) -> Vec<SchemaError> {
        let to_station = self.sent_by(action, !request);
        let found = RefCell::new(Vec::new());
        let breach = |pointer: &str, message: String, code: &'static str| {
            found.borrow_mut().push(SchemaError {
                pointer: pointer.to_owned(),
                member: None,
                message,
                expected: None,
                code,
            });
        };
        self.visit(action, request, payload, &mut |pointer, leaf, value| match value {
            Value::String(text) if leaf.date_time => {
                let decimals = decimals_of_seconds(text);
                let most = self.data_types.second_decimals;
                if decimals > most {
                    let message =
                        format!("{text:?} has {decimals} decimals of a second, a dateTime has at most {most}");
                    breach(pointer, message, self.codes.form);
                }
            }
            Value::String(text) if leaf.identifier => {
                if let Some(other) = text.chars().find(|letter| !is_of_identifier(*letter)) {
                    let message = format!("{text:?} has {other:?}, which an identifierString may not have");
                    breach(pointer, message, self.codes.form);
                }
            }
            Value::String(text) if leaf.printable => {
                if let Some(other) = text.chars().find(|letter| !matches!(letter, ' '..='~')) {
                    let message = format!("{text:?} has {other:?}, a CiString has only printable ASCII characters");
                    breach(pointer, message, "PropertyConstraintViolation");
                }
            }
            Value::Number(number) if leaf.integer && self.data_types.integers_have_32_bits => {
                let fits =
                    number.as_f64().is_some_and(|number| (f64::from(i32::MIN)..=f64::from(i32::MAX)).contains(&number));
                if !fits {
                    let message = format!("{number} does not fit into a signed 32-bit number");
                    breach(pointer, message, "PropertyConstraintViolation");
                }
            }
            Value::Number(number) if leaf.number && to_station => {
                let decimals = decimals_of(number);
                let most = self.data_types.station_decimals;
                if decimals > most {
                    let message = format!("{number} has {decimals} decimals, a station takes at most {most}");
                    breach(pointer, message, "PropertyConstraintViolation");
                }
            }
            _ => {}
        });
        found.into_inner()
    }

    /// The times in a payload that are to be judged.
    pub fn times(&self, action: &str, request: bool, payload: &Value) -> Vec<TimeAt> {
        let mut found = Vec::new();
        self.visit(action, request, payload, &mut |pointer, leaf, value| {
            let text = value.as_str().filter(|_| leaf.time.is_some());
            if let (Some(time), Some(Ok(at))) = (leaf.time, text.map(str::parse)) {
                found.push(TimeAt { pointer: pointer.to_owned(), time, at });
            }
        });
        found
    }

    /// The payload with every member that may be left out and has a default. A default that holds only under a condition
    /// (`default-if`) stays out.
    #[must_use]
    pub fn with_defaults(&self, action: &str, request: bool, mut payload: Value) -> Value {
        if let Some(shape) = self.shape(action, request) {
            shape.fill(&mut payload);
        }
        payload
    }

    /// Visits every member of a payload that its schema knows: JSON pointer, what the bundle says of it, value.
    fn visit(&self, action: &str, request: bool, payload: &Value, look: &mut impl FnMut(&str, &Leaf, &Value)) {
        if let Some(shape) = self.shape(action, request) {
            shape.visit(payload, &mut String::new(), look);
        }
    }

    /// True where a value is the default of its place, so that leaving it out says the same.
    pub fn is_default(&self, action: &str, request: bool, pointer: &str, value: &Value) -> bool {
        let Some((parent, name)) = pointer.rsplit_once('/') else { return false };
        let mut schema = match self.body(action, request) {
            Some(body) => self.resolved(body),
            None => return false,
        };
        for part in parent.split('/').skip(1) {
            let next = match part.parse::<usize>() {
                Ok(_) => schema.get("items"),
                Err(_) => schema.get("properties").and_then(|properties| properties.get(part)),
            };
            match next {
                Some(next) => schema = self.resolved(next),
                None => return false,
            }
        }
        let property =
            schema.get("properties").and_then(|properties| properties.get(name)).map(|schema| self.resolved(schema));
        property.is_some_and(|property| property.get("default-if").is_none() && property.get("default") == Some(value))
    }
}

/// True for a character of an identifierString (Part 2, 2.1.4).
pub fn is_of_identifier(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || "*-_=:+|@.".contains(letter)
}

fn decimals_of_seconds(text: &str) -> usize {
    let after = text.split_once('.').map_or("", |(_, after)| after);
    after.bytes().take_while(u8::is_ascii_digit).count()
}

fn decimals_of(number: &serde_json::Number) -> usize {
    // Never in powers of ten, and as short as it can be to be the same number again.
    let text = number.as_f64().map(|number| number.to_string()).unwrap_or_default();
    text.split_once('.').map_or(0, |(_, decimals)| decimals.len())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::protocol::{OCPP_1_6, OCPP_2_0_1, OCPP_2_1};

    fn told(action: &str, request: bool, payload: &Value) -> Vec<String> {
        let breaches = OCPP_2_0_1.messages().breaches(action, request, payload);
        breaches.iter().map(|breach| format!("{}: {}", breach.pointer, breach.message)).collect()
    }

    #[test]
    fn what_the_schemas_do_not_say_of_data_types_is_found() {
        let event = json!({
            "eventType": "Started", "timestamp": "2026-11-29T00:14:03.844802Z", "triggerReason": "Authorized", "seqNo": 0,
            "transactionInfo": { "transactionId": "a b" }, "evse": { "id": 2_147_483_648_u64 },
            "idToken": { "idToken": "Ä1", "type": "Central" },
            "meterValue": [{ "timestamp": "2026-11-29T00:14:03.844Z", "sampledValue": [{ "value": 0.123_456_78 }] }],
        });
        insta::assert_snapshot!(told("TransactionEvent", true, &event).join("\n"), @r#"
        /timestamp: "2026-11-29T00:14:03.844802Z" has 6 decimals of a second, a dateTime has at most 3
        /transactionInfo/transactionId: "a b" has ' ', which an identifierString may not have
        /evse/id: 2147483648 does not fit into a signed 32-bit number
        /idToken/idToken: "Ä1" has 'Ä', which an identifierString may not have
        "#);
    }

    #[test]
    fn ocpp_1_6_limits_characters_and_leaves_decimals_to_its_schemas() {
        let told = |action: &str, payload: &Value| {
            assert_eq!(OCPP_1_6.messages().validate(action, true, payload), []);
            let breaches = OCPP_1_6.messages().breaches(action, true, payload);
            breaches.iter().map(|breach| format!("{}: {}", breach.pointer, breach.message)).collect::<Vec<_>>()
        };
        let start = |token: &str| json!({ "connectorId": 1, "idTag": token, "meterStart": 3_000_000_000_u64, "timestamp": "2026-11-29T00:14:03.844802Z" });
        assert_eq!(told("StartTransaction", &start("a b_#~")), [""; 0]);
        let breach = "/idTag: \"\u{c4}1\" has '\u{c4}', a CiString has only printable ASCII characters";
        assert_eq!(told("StartTransaction", &start("\u{c4}1")), [breach]);
        assert_eq!(told("DataTransfer", &json!({ "vendorId": "x", "data": "\u{c4}\n" })), [""; 0], "a plain text");
    }

    #[test]
    fn only_what_is_sent_to_a_station_has_few_decimals() {
        let cost = |cost: f64| told("CostUpdated", true, &json!({ "totalCost": cost, "transactionId": "1" })).len();
        assert_eq!((cost(1.234_567), cost(1.234_567_8), cost(0.000_000_1), cost(8.7)), (0, 1, 1, 0));
        let answer = |cost: f64| told("TransactionEvent", false, &json!({ "totalCost": cost })).len();
        assert_eq!((answer(0.1), answer(1.0 / 3.0)), (0, 1));
    }

    #[test]
    fn a_member_that_is_left_out_is_its_default() {
        let values = json!({ "evseId": 1, "meterValue": [{ "timestamp": "2026-11-29T00:00:00Z", "sampledValue": [
            { "value": 1.0 }, { "value": 2.0, "context": "Sample.Clock", "unitOfMeasure": {} }] }] });
        let filled = OCPP_2_0_1.messages().with_defaults("MeterValues", true, values);
        let sampled = &filled["meterValue"][0]["sampledValue"];
        assert_eq!(sampled[0]["context"], "Sample.Periodic");
        assert_eq!(sampled[0]["measurand"], "Energy.Active.Import.Register");
        assert_eq!((&sampled[1]["context"], &sampled[1]["location"]), (&json!("Sample.Clock"), &json!("Outlet")));
        assert_eq!(sampled[1]["unitOfMeasure"], json!({ "multiplier": 0 }));
        let place = "/meterValue/0/sampledValue/0/context";
        assert!(OCPP_2_0_1.messages().is_default("MeterValues", true, place, &json!("Sample.Periodic")));
        assert!(!OCPP_2_0_1.messages().is_default("MeterValues", true, place, &json!("Sample.Clock")));
    }

    #[test]
    fn every_time_says_how_it_is_judged_or_why_it_is_not() {
        fn walk(schema: &Value, place: &str, found: &mut usize) {
            if schema["format"] == "date-time" {
                *found += 1;
                let reason = schema["time"]["unjudged"].as_str().filter(|reason| reason.len() > 10);
                let known = schema["time"].as_str().and_then(Time::of);
                assert!(reason.is_some() != known.is_some(), "{place}: {}", schema["time"]);
            }
            for (name, inner) in schema.as_object().into_iter().flatten() {
                walk(inner, &format!("{place}/{name}"), found);
            }
        }
        for (protocol, times) in [(&OCPP_1_6, 20), (&OCPP_2_0_1, 25), (&OCPP_2_1, 46)] {
            let mut found = 0;
            walk(protocol.messages().bundle(), "", &mut found);
            assert_eq!(found, times, "{}", protocol.name);
        }
        let times =
            OCPP_2_0_1.messages().times("Heartbeat", false, &json!({ "currentTime": "2026-11-29T01:00:00+01:00" }));
        assert_eq!((times[0].time, times[0].at.to_string().as_str()), (Time::Current, "2026-11-29T00:00:00Z"));
    }
}
