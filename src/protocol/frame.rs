//! RPC frames of OCPP-J (Part 4, section 4.2): reading them without trusting them, and writing them.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use super::error_code::Fault;

/// Deepest nesting accepted in a payload; OCPP's deepest message needs about 10.
pub const MAX_DEPTH: usize = 64;
/// Longest message id (Part 4, 4.1.4).
pub const MAX_ID: usize = 36;

/// Which message types a version of OCPP has on the wire (Part 4, 4.1.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WireFormat {
    /// CALL, CALLRESULT and CALLERROR (OCPP 2.0.1).
    ThreeTypes,
    /// The same, where a payload without members may be written as `null` (OCPP-J 1.6, 4.2.1 and 4.2.2).
    ThreeTypesWithNull,
    /// Those, CALLRESULTERROR and SEND (OCPP 2.1).
    FiveTypes,
}

impl WireFormat {
    /// The last of its message types; the first is 2.
    fn last(self) -> u64 {
        match self {
            WireFormat::ThreeTypes | WireFormat::ThreeTypesWithNull => 4,
            WireFormat::FiveTypes => 6,
        }
    }

    /// True where a CALLRESULT may be refused by a CALLRESULTERROR.
    pub fn refuses_results(self) -> bool {
        self == WireFormat::FiveTypes
    }

    /// Its message types, for messages.
    fn types(self) -> &'static str {
        match self {
            WireFormat::ThreeTypes | WireFormat::ThreeTypesWithNull => "2, 3 or 4",
            WireFormat::FiveTypes => "2, 3, 4, 5 or 6",
        }
    }
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
    /// The refusal of a CALLRESULT (OCPP 2.1).
    CallResultError {
        /// Message id of the CALLRESULT.
        id: String,
        /// Error code.
        code: String,
        /// Description.
        description: String,
        /// Details.
        details: Value,
    },
    /// A message that is not answered (OCPP 2.1).
    Send {
        /// Message id.
        id: String,
        /// Action.
        action: String,
        /// Payload.
        payload: Value,
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
    /// Reads a frame of a wire format. Never panics, whatever the text.
    pub fn parse(text: &str, wire: WireFormat) -> Result<Self, FrameError> {
        let refuse = |reason: String, call_id: Option<String>, fault: Fault| FrameError { reason, call_id, fault };
        if depth(text) > MAX_DEPTH {
            return Err(refuse(format!("the JSON is nested deeper than {MAX_DEPTH}"), None, Fault::Framework));
        }
        if text.starts_with('\u{feff}') {
            let reason = "it begins with a byte-order mark (U+FEFF), which JSON must not (RFC 8259, 8.1)";
            return Err(refuse(reason.into(), None, Fault::Framework));
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
        let Some(kind) = kind.filter(|kind| (2..=wire.last()).contains(kind)) else {
            let found = items.first().map_or_else(|| "nothing".to_owned(), ToString::to_string);
            return Err(refuse(
                format!("the message type must be {}, found {found}", wire.types()),
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
        let wanted = [4, 3, 5, 5, 4][usize::try_from(kind - 2).unwrap_or(0)];
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
            Value::Null if wire == WireFormat::ThreeTypesWithNull => Value::Object(serde_json::Map::new()),
            other => other,
        };
        match kind {
            2 | 6 => match (next(), payload(next())) {
                (Value::String(action), payload @ Value::Object(_)) if kind == 2 => {
                    Ok(Frame::Call { id, action, payload })
                }
                (Value::String(action), payload @ Value::Object(_)) => Ok(Frame::Send { id, action, payload }),
                (Value::String(_), _) => Err(refuse("the payload must be an object".into(), call_id, Fault::Form)),
                _ => Err(refuse("the action must be text".into(), call_id, Fault::Form)),
            },
            3 => match payload(next()) {
                payload @ Value::Object(_) => Ok(Frame::CallResult { id, payload }),
                _ => Err(refuse("the payload must be an object".into(), None, Fault::Form)),
            },
            _ => match (next(), next(), next()) {
                (Value::String(code), Value::String(description), details @ Value::Object(_)) => Ok(if kind == 4 {
                    Frame::CallError { id, code, description, details }
                } else {
                    Frame::CallResultError { id, code, description, details }
                }),
                _ => {
                    let name = if kind == 4 { "CALLERROR" } else { "CALLRESULTERROR" };
                    Err(refuse(
                        format!("a {name} has a code, a description and details (text, text, object)"),
                        None,
                        Fault::Form,
                    ))
                }
            },
        }
    }

    /// Reads a frame that is our own or of a trace: its wire format was judged when it came.
    pub fn read_back(text: &str) -> Result<Self, FrameError> {
        Self::parse(text, WireFormat::FiveTypes)
    }

    /// The frame as text.
    pub fn to_text(&self) -> String {
        let text = match self {
            Frame::Call { id, action, payload } => serde_json::to_string(&(2, id, action, payload)),
            Frame::CallResult { id, payload } => serde_json::to_string(&(3, id, payload)),
            Frame::CallError { id, code, description, details } => {
                serde_json::to_string(&(4, id, code, description, details))
            }
            Frame::CallResultError { id, code, description, details } => {
                serde_json::to_string(&(5, id, code, description, details))
            }
            Frame::Send { id, action, payload } => serde_json::to_string(&(6, id, action, payload)),
        };
        // Texts and JSON values can always be written.
        text.unwrap_or_default()
    }

    /// The message id.
    pub fn id(&self) -> &str {
        match self {
            Frame::Call { id, .. }
            | Frame::CallResult { id, .. }
            | Frame::CallError { id, .. }
            | Frame::CallResultError { id, .. }
            | Frame::Send { id, .. } => id,
        }
    }

    /// The same frame with another message id.
    #[must_use]
    pub fn with_id(mut self, new: String) -> Self {
        match &mut self {
            Frame::Call { id, .. }
            | Frame::CallResult { id, .. }
            | Frame::CallError { id, .. }
            | Frame::CallResultError { id, .. }
            | Frame::Send { id, .. } => *id = new,
        }
        self
    }

    /// The payload, where a frame of this type has one.
    pub fn payload_mut(&mut self) -> Option<&mut Value> {
        match self {
            Frame::Call { payload, .. } | Frame::CallResult { payload, .. } | Frame::Send { payload, .. } => {
                Some(payload)
            }
            Frame::CallError { .. } | Frame::CallResultError { .. } => None,
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
        for (text, since_2_1) in [
            (r#"[2,"a","Heartbeat",{}]"#, false),
            (r#"[3,"a",{"currentTime":"2026-11-21T10:00:00Z"}]"#, false),
            (r#"[4,"a","InternalError","",{}]"#, false),
            (r#"[5,"a","TypeConstraintViolation","currentTime is no time",{}]"#, true),
            (r#"[6,"a","NotifyPeriodicEventStream",{"id":1}]"#, true),
        ] {
            assert_eq!(Frame::parse(text, WireFormat::FiveTypes).unwrap().to_text(), text);
            let older = Frame::parse(text, WireFormat::ThreeTypes);
            assert_eq!(older.as_ref().map_err(|error| error.fault).err(), since_2_1.then_some(Fault::MessageType));
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        let deep = format!("[2,\"a\",\"X\",{}{}]", "[".repeat(2000), "]".repeat(2000));
        for (text, reason, call_id) in [
            ("{", "not valid JSON", None),
            ("\u{feff}[2,\"a\",\"X\",{}]", "byte-order mark", None),
            ("{}", "must be a JSON array", None),
            ("[7,\"a\"]", "2, 3, 4, 5 or 6, found 7", None),
            ("[2,7,\"X\",{}]", "id must be text", None),
            ("[2,\"a\",\"X\"]", "has 4 elements, this has 3", Some("a")),
            ("[2,\"a\",\"X\",[]]", "must be an object", Some("a")),
            ("[2,\"a\",\"X\",{\"b\":1,\"b\":2}]", "duplicate member", None),
            ("[4,\"a\",\"X\",{},{}]", "a CALLERROR has", None),
            ("[5,\"a\",\"X\",{},{}]", "a CALLRESULTERROR has", None),
            ("[5,\"a\",\"X\",{}]", "has 5 elements, this has 4", None),
            // What is not to be answered is not refused either (Part 4, 4.2.4).
            ("[6,\"a\",\"X\",[]]", "must be an object", None),
            ("[6,\"a\",\"X\"]", "has 4 elements, this has 3", None),
            (&deep, "nested deeper", None),
        ] {
            let error = Frame::parse(text, WireFormat::FiveTypes).unwrap_err();
            assert!(error.reason.contains(reason), "{text}: {error}");
            assert_eq!(error.call_id.as_deref(), call_id, "{text}");
        }
        let error = Frame::parse("[5,\"a\"]", WireFormat::ThreeTypes).unwrap_err();
        assert_eq!(error.reason, "the message type must be 2, 3 or 4, found 5");
    }

    /// Any frame of a wire format.
    fn any_frame() -> impl proptest::strategy::Strategy<Value = Frame> {
        use proptest::prelude::*;
        let text = || "[ -~äß\"\\\\]{0,12}";
        let payload = proptest::collection::vec((text(), any::<i32>()), 0..4)
            .prop_map(|members| members.into_iter().map(|(name, value)| (name, Value::from(value))).collect::<Value>());
        (0..5, "[a-z0-9-]{1,36}", text(), text(), payload).prop_map(|(kind, id, word, other, payload)| match kind {
            0 => Frame::Call { id, action: word, payload },
            1 => Frame::CallResult { id, payload },
            2 => Frame::CallError { id, code: word, description: other, details: payload },
            3 => Frame::CallResultError { id, code: word, description: other, details: payload },
            _ => Frame::Send { id, action: word, payload },
        })
    }

    #[test]
    fn only_1_6_has_payloads_that_are_null() {
        for text in [r#"[2,"a","Heartbeat",null]"#, r#"[3,"a",null]"#] {
            let read = Frame::parse(text, WireFormat::ThreeTypesWithNull).unwrap();
            assert!(read.to_text().ends_with("{}]"), "{}", read.to_text());
            assert!(Frame::parse(text, WireFormat::ThreeTypes).unwrap_err().reason.contains("must be an object"));
        }
        assert!(Frame::parse(r#"[4,"a","GenericError","",null]"#, WireFormat::ThreeTypesWithNull).is_err());
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[\\[\\]{}\",:a-c0-9\\\\ ]{0,60}") {
            for wire in [WireFormat::ThreeTypes, WireFormat::FiveTypes] {
                if let Ok(frame) = Frame::parse(&text, wire) {
                    assert_eq!(Frame::parse(&frame.to_text(), wire), Ok(frame));
                }
            }
        }

        #[test]
        fn every_frame_is_read_as_it_was_written_where_the_wire_format_has_its_type(frame in any_frame()) {
            let newer = matches!(frame, Frame::CallResultError { .. } | Frame::Send { .. });
            let text = frame.to_text();
            assert_eq!(Frame::parse(&text, WireFormat::FiveTypes).as_ref(), Ok(&frame));
            assert_eq!(Frame::parse(&text, WireFormat::ThreeTypes).is_err(), newer);
            assert_eq!(frame.clone().with_id("other".into()).id(), "other");
        }
    }
}
