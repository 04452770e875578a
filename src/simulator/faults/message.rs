//! What faults make of one message.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use super::{Fault, Kind};
use crate::{
    link::{ConnId, LinkCommand},
    protocol::frame::Frame,
};

/// A message on its way out.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Content {
    Frame(Frame),
    Text(String),
    /// Bytes; true for a binary message.
    Bytes(Vec<u8>, bool),
}

/// A number as small as it was made to be when it was read.
pub(super) fn small(number: Option<u64>) -> u32 {
    number.and_then(|number| u32::try_from(number).ok()).unwrap_or(u32::MAX)
}

impl Content {
    /// What writes it.
    pub(super) fn command(self, conn: ConnId) -> LinkCommand {
        match self {
            Content::Frame(frame) => LinkCommand::Send(conn, frame.to_text()),
            Content::Text(text) => LinkCommand::Send(conn, text),
            Content::Bytes(bytes, binary) => LinkCommand::SendBytes(conn, bytes, binary),
        }
    }

    fn text(&self) -> String {
        match self {
            Content::Frame(frame) => frame.to_text(),
            Content::Text(text) => text.clone(),
            Content::Bytes(bytes, _) => String::from_utf8_lossy(bytes).into_owned(),
        }
    }
}

/// Changes the content as a fault does; false where there was nothing to change.
pub(super) fn change(content: &mut Content, fault: &Fault, named: bool) -> bool {
    match (fault.kind, &mut *content) {
        (Kind::WrongField, Content::Frame(frame)) => {
            let Some(payload) = frame.payload_mut() else { return false };
            // Where any action is meant, only those are that have the member.
            let set = |(pointer, value): &(String, Option<Value>)| {
                let value = value.clone().unwrap_or_default();
                (named || payload.pointer(pointer).is_some()) && set(payload, pointer, value)
            };
            fault.members.iter().map(set).fold(false, |done, one| done | one)
        }
        (Kind::MissingField, Content::Frame(frame)) => {
            let Some(payload) = frame.payload_mut() else { return false };
            fault.members.iter().map(|(pointer, _)| remove(payload, pointer)).fold(false, |done, one| done | one)
        }
        (Kind::WrongType, Content::Frame(frame)) => {
            let Some(payload) = frame.payload_mut() else { return false };
            let turn = |(pointer, _): &(String, Option<Value>)| {
                let other = payload.pointer(pointer).map(of_another_type);
                other.is_some_and(|other| set(payload, pointer, other))
            };
            fault.members.iter().map(turn).fold(false, |done, one| done | one)
        }
        (Kind::WrongSign, Content::Frame(frame)) => recount(frame, fault, |number| -number),
        (Kind::Rounded, Content::Frame(frame)) => {
            let decimals = i32::try_from(small(fault.number("decimals"))).unwrap_or(0);
            let factor = 10_f64.powi(decimals);
            recount(frame, fault, |number| (number * factor).round() / factor)
        }
        (Kind::DeepJson, Content::Frame(Frame::Call { .. } | Frame::CallResult { .. } | Frame::Send { .. })) => {
            let Content::Frame(frame) = content else { return false };
            let depth = usize::try_from(fault.number("depth").unwrap_or(0)).unwrap_or(0);
            // By hand: no serializer has to follow it down.
            let Some(Value::Object(members)) = frame.payload_mut() else { return false };
            members.insert("customData".into(), json!({ "vendorId": "org.ocpp-attest", "deep": "\u{1}" }));
            let nested = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
            *content = Content::Text(frame.to_text().replacen("\"\\u0001\"", &nested, 1));
            true
        }
        (Kind::Truncated, _) => {
            let text = content.text();
            let half = text.char_indices().nth(text.chars().count() / 2).map_or(0, |(at, _)| at);
            *content = Content::Text(text[..half].to_owned());
            true
        }
        (Kind::Garbage, _) => {
            *content = Content::Text(fault.text("text"));
            true
        }
        (Kind::Oversize, _) => {
            let mut text = content.text();
            let size = usize::try_from(fault.number("size").unwrap_or(0)).unwrap_or(0);
            let missing = size.saturating_sub(text.len());
            // Blanks between the frame's first bracket and what follows it mean nothing.
            text.insert_str(text.len().min(1), &" ".repeat(missing));
            *content = Content::Text(text);
            missing > 0
        }
        (Kind::Binary, _) => {
            *content = Content::Bytes(content.text().into_bytes(), true);
            true
        }
        (Kind::InvalidUtf8, _) => {
            let text = content.text();
            let mut bytes = text.into_bytes();
            let at = bytes.iter().rposition(|byte| *byte == b'"').unwrap_or(bytes.len());
            bytes.splice(at..at, [0xff, 0xfe]);
            *content = Content::Bytes(bytes, false);
            true
        }
        _ => false,
    }
}

/// Makes other numbers of those that the fault names; whole ones stay whole. False where none is another one.
fn recount(frame: &mut Frame, fault: &Fault, change: impl Fn(f64) -> f64) -> bool {
    let Some(payload) = frame.payload_mut() else { return false };
    let turn = |(pointer, _): &(String, Option<Value>)| {
        let Some(there) = payload.pointer_mut(pointer) else { return false };
        let Some(number) = there.as_f64() else { return false };
        let other = change(number);
        #[expect(clippy::cast_possible_truncation, reason = "a whole number that was one before")]
        let other = if there.is_i64() { Value::from(other as i64) } else { Value::from(other) };
        std::mem::replace(there, other.clone()) != other
    };
    fault.members.iter().map(turn).fold(false, |done, one| done | one)
}

/// Changes a CALL of the other side before the product hears it; false where there was nothing to change.
pub(super) fn misread(payload: &mut Value, fault: &Fault) -> bool {
    let change = |(pointer, value): &(String, Option<Value>)| match (fault.kind, value) {
        (Kind::Misread, Some(value)) => set(payload, pointer, value.clone()),
        (Kind::Overlook, _) => remove(payload, pointer),
        _ => false,
    };
    fault.members.iter().map(change).fold(false, |done, one| done | one)
}

/// Puts the values that members had first into the place of those that they have now; false where they are the same.
pub(super) fn keep_first(payload: &mut Value, fault: &Fault, first: &mut HashMap<String, Value>) -> bool {
    let keep = |(pointer, _): &(String, Option<Value>)| {
        let Some(there) = payload.pointer_mut(pointer) else { return false };
        let known = first.entry(pointer.clone()).or_insert_with(|| there.clone()).clone();
        std::mem::replace(there, known.clone()) != known
    };
    fault.members.iter().map(keep).fold(false, |done, one| done | one)
}

/// Sets a member, or adds it to what there is; false where it had the value already, or there is nothing to have it.
fn set(payload: &mut Value, pointer: &str, value: Value) -> bool {
    if let Some(there) = payload.pointer_mut(pointer) {
        return std::mem::replace(there, value.clone()) != value;
    }
    let Some((parent, name)) = split(pointer) else { return false };
    match payload.pointer_mut(&parent) {
        Some(Value::Object(members)) => {
            members.insert(name, value);
            true
        }
        Some(Value::Array(items)) if name.parse() == Ok(items.len()) => {
            items.push(value);
            true
        }
        _ => false,
    }
}

fn remove(payload: &mut Value, pointer: &str) -> bool {
    let Some((parent, name)) = split(pointer) else { return false };
    match payload.pointer_mut(&parent) {
        Some(Value::Object(members)) => members.shift_remove(&name).is_some(),
        Some(Value::Array(items)) => match name.parse::<usize>() {
            Ok(at) if at < items.len() => {
                items.remove(at);
                true
            }
            _ => false,
        },
        _ => false,
    }
}

/// The pointer of what holds a member, and the member's name.
fn split(pointer: &str) -> Option<(String, String)> {
    let (parent, name) = pointer.rsplit_once('/')?;
    Some((parent.to_owned(), name.replace("~1", "/").replace("~0", "~")))
}

fn of_another_type(value: &Value) -> Value {
    match value {
        Value::String(_) => 42.into(),
        Value::Number(number) => number.to_string().into(),
        Value::Bool(_) | Value::Null => "true".into(),
        Value::Array(_) => Value::Object(Map::new()),
        Value::Object(_) => Value::Array(Vec::new()),
    }
}
