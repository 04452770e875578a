//! RPC frames of OCPP-J (Part 4, section 4.2): reading them without trusting them, and writing them.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use super::error_code::Fault;

/// Deepest nesting accepted in a payload; OCPP's deepest message needs about 10.
pub const MAX_DEPTH: usize = 64;
/// Longest message id (Part 4, 4.1.4).
pub const MAX_ID: usize = 36;

/// In what the frames of a version differ from those of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WireFormat {
    /// A payload without members may be written as `null` (OCPP-J 1.6, 4.2.1 and 4.2.2).
    pub null_payload: bool,
}

impl WireFormat {
    /// OCPP 1.6.
    pub const OF_1_6: Self = Self { null_payload: true };
    /// OCPP 2.x.
    pub const OF_2_X: Self = Self { null_payload: false };
    /// Whatever any version allows: for looking at what has been judged already.
    pub const ANY: Self = Self { null_payload: true };
}

/// A frame.
#[derive(Debug, Clone, PartialEq)]
pub enum Frame {
    /// A request.
    Call {
        /// Message id.
        id: String,
        /// Action.
        action: String,
        /// Payload.
        payload: Value,
    },
    /// The answer to a request.
    CallResult {
        /// Message id of the request.
        id: String,
        /// Payload.
        payload: Value,
    },
    /// The refusal of a request.
    CallError {
        /// Message id of the request.
        id: String,
        /// Error code.
        code: String,
        /// Description.
        description: String,
        /// Details.
        details: Value,
    },
}

/// A text that is no proper frame.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct FrameError {
    /// What is wrong.
    pub reason: String,
    /// The message id, where it could be read, and whether the frame was a CALL (so that it can be refused).
    pub call_id: Option<String>,
    /// What kind of fault it is, for the code of the CALLERROR.
    pub fault: Fault,
}

impl Frame {
    /// Reads a frame of any version. Never panics, whatever the text.
    pub fn parse(text: &str) -> Result<Self, FrameError> {
        Self::parse_as(WireFormat::ANY, text)
    }

    /// Reads a frame as a version writes it. Never panics, whatever the text.
    pub fn parse_as(format: WireFormat, text: &str) -> Result<Self, FrameError> {
        let refuse = |reason: String, call_id: Option<String>, fault: Fault| FrameError { reason, call_id, fault };
        if depth(text) > MAX_DEPTH {
            return Err(refuse(format!("the JSON is nested deeper than {MAX_DEPTH}"), None, Fault::Framework));
        }
        let value = serde_json::from_str::<Strict>(text)
            .map_err(|error| refuse(format!("not valid JSON: {error}"), None, Fault::Framework))?
            .0;
        let Value::Array(items) = value else {
            return Err(refuse("a frame must be a JSON array".into(), None, Fault::Framework));
        };
        let kind = items.first().and_then(Value::as_u64);
        let id = items.get(1).and_then(Value::as_str).map(str::to_owned);
        let call_id = if kind == Some(2) { id.clone() } else { None };
        let Some(kind) = kind.filter(|kind| (2..=4).contains(kind)) else {
            let found = items.first().map_or_else(|| "nothing".to_owned(), ToString::to_string);
            return Err(refuse(
                format!("the message type must be 2, 3 or 4, found {found}"),
                call_id,
                Fault::MessageType,
            ));
        };
        let Some(id) = id else {
            return Err(refuse("the message id must be text".into(), None, Fault::Framework));
        };
        if id.is_empty() || id.chars().count() > MAX_ID {
            return Err(refuse(
                format!("the message id must have 1 to {MAX_ID} characters"),
                call_id,
                Fault::Framework,
            ));
        }
        let length = items.len();
        let wanted = [4, 3, 5][usize::try_from(kind - 2).unwrap_or(0)];
        if length != wanted {
            return Err(refuse(
                format!("a frame of type {kind} has {wanted} elements, this has {length}"),
                call_id,
                Fault::Form,
            ));
        }
        let mut rest = items.into_iter().skip(2);
        let mut next = || rest.next().unwrap_or(Value::Null);
        let payload = |value: Value| match value {
            Value::Null if format.null_payload => Value::Object(serde_json::Map::new()),
            other => other,
        };
        match kind {
            2 => match (next(), payload(next())) {
                (Value::String(action), payload @ Value::Object(_)) => Ok(Frame::Call { id, action, payload }),
                (Value::String(_), _) => Err(refuse("the payload must be an object".into(), call_id, Fault::Form)),
                _ => Err(refuse("the action must be text".into(), call_id, Fault::Form)),
            },
            3 => match payload(next()) {
                payload @ Value::Object(_) => Ok(Frame::CallResult { id, payload }),
                _ => Err(refuse("the payload must be an object".into(), None, Fault::Form)),
            },
            _ => match (next(), next(), next()) {
                (Value::String(code), Value::String(description), details @ Value::Object(_)) => {
                    Ok(Frame::CallError { id, code, description, details })
                }
                _ => Err(refuse(
                    "a CALLERROR has a code, a description and details (text, text, object)".into(),
                    None,
                    Fault::Form,
                )),
            },
        }
    }

    /// The frame as text.
    pub fn to_text(&self) -> String {
        let text = match self {
            Frame::Call { id, action, payload } => serde_json::to_string(&(2, id, action, payload)),
            Frame::CallResult { id, payload } => serde_json::to_string(&(3, id, payload)),
            Frame::CallError { id, code, description, details } => {
                serde_json::to_string(&(4, id, code, description, details))
            }
        };
        // Texts and JSON values can always be written.
        text.unwrap_or_default()
    }

    /// The message id.
    pub fn id(&self) -> &str {
        match self {
            Frame::Call { id, .. } | Frame::CallResult { id, .. } | Frame::CallError { id, .. } => id,
        }
    }
}

/// Nesting depth, without parsing (so that no parser has to recurse into hostile depth).
fn depth(text: &str) -> usize {
    let (mut depth, mut deepest, mut in_text, mut escaped) = (0usize, 0usize, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            b'[' | b'{' if !in_text => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' if !in_text => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// A JSON value without duplicate member names, which `serde_json` would drop silently.
struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct StrictVisitor;
        impl<'de> Visitor<'de> for StrictVisitor {
            type Value = Strict;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON value")
            }
            fn visit_unit<E>(self) -> Result<Strict, E> {
                Ok(Strict(Value::Null))
            }
            fn visit_bool<E>(self, value: bool) -> Result<Strict, E> {
                Ok(Strict(Value::Bool(value)))
            }
            fn visit_i64<E>(self, value: i64) -> Result<Strict, E> {
                Ok(Strict(Value::from(value)))
            }
            fn visit_u64<E>(self, value: u64) -> Result<Strict, E> {
                Ok(Strict(Value::from(value)))
            }
            fn visit_f64<E>(self, value: f64) -> Result<Strict, E> {
                Ok(Strict(Value::from(value)))
            }
            fn visit_str<E>(self, value: &str) -> Result<Strict, E> {
                Ok(Strict(Value::String(value.to_owned())))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Strict, A::Error> {
                let mut items = Vec::new();
                while let Some(Strict(item)) = seq.next_element()? {
                    items.push(item);
                }
                Ok(Strict(Value::Array(items)))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Strict, A::Error> {
                let mut object = serde_json::Map::new();
                while let Some(name) = map.next_key::<String>()? {
                    let Strict(value) = map.next_value()?;
                    if object.contains_key(&name) {
                        return Err(serde::de::Error::custom(format_args!("duplicate member `{name}`")));
                    }
                    object.insert(name, value);
                }
                Ok(Strict(Value::Object(object)))
            }
        }
        deserializer.deserialize_any(StrictVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_survive_a_round_trip() {
        for text in [
            r#"[2,"a","Heartbeat",{}]"#,
            r#"[3,"a",{"currentTime":"2026-11-21T10:00:00Z"}]"#,
            r#"[4,"a","InternalError","",{}]"#,
        ] {
            assert_eq!(Frame::parse(text).unwrap().to_text(), text);
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        let deep = format!("[2,\"a\",\"X\",{}{}]", "[".repeat(2000), "]".repeat(2000));
        for (text, reason, call_id) in [
            ("{", "not valid JSON", None),
            ("{}", "must be a JSON array", None),
            ("[5,\"a\"]", "2, 3 or 4, found 5", None),
            ("[2,7,\"X\",{}]", "id must be text", None),
            ("[2,\"a\",\"X\"]", "has 4 elements, this has 3", Some("a")),
            ("[2,\"a\",\"X\",[]]", "must be an object", Some("a")),
            ("[2,\"a\",\"X\",{\"b\":1,\"b\":2}]", "duplicate member", None),
            ("[4,\"a\",\"X\",{},{}]", "a CALLERROR has", None),
            (&deep, "nested deeper", None),
        ] {
            let error = Frame::parse(text).unwrap_err();
            assert!(error.reason.contains(reason), "{text}: {error}");
            assert_eq!(error.call_id.as_deref(), call_id, "{text}");
        }
    }

    #[test]
    fn only_1_6_has_payloads_that_are_null() {
        for text in [r#"[2,"a","Heartbeat",null]"#, r#"[3,"a",null]"#] {
            let read = Frame::parse_as(WireFormat::OF_1_6, text).unwrap();
            assert!(read.to_text().ends_with("{}]"), "{}", read.to_text());
            assert!(Frame::parse_as(WireFormat::OF_2_X, text).unwrap_err().reason.contains("must be an object"));
        }
        assert!(Frame::parse_as(WireFormat::OF_1_6, r#"[4,"a","GenericError","",null]"#).is_err());
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[\\[\\]{}\",:a-c0-9\\\\ ]{0,60}") {
            if let Ok(frame) = Frame::parse(&text) {
                assert_eq!(Frame::parse(&frame.to_text()), Ok(frame));
            }
        }
    }
}
