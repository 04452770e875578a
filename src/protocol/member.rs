//! Places in a message, followed through its schema: for telling a typing error in a test case before it is run.

use serde_json::Value;

use super::messages::Messages;
use crate::yaml::nearest;

/// Something that can't be in a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complaint {
    /// What was found.
    pub message: String,
    /// What to do.
    pub help: String,
}

/// A place in a message: the message itself, a member of it, a member of that.
#[derive(Debug, Clone, Copy)]
pub struct Member {
    messages: &'static Messages,
    schema: &'static Value,
    action: &'static str,
    /// What of the action it is in, `Request`; nothing where it is in no message.
    kind: &'static str,
    /// A list of such, not one of them.
    list: bool,
}

impl Member {
    fn root(messages: &'static Messages, action: &str, request: bool) -> Option<Self> {
        let action = messages.actions().find(|known| *known == action)?;
        let schema = messages.element(messages.body(action, request)?);
        let kind = if request { "Request" } else { "Response" };
        Some(Self { messages, schema, action, kind, list: false })
    }

    /// A member, or an element's member when this is a list; `None` where anything may stand (custom data).
    pub fn child(self, name: &str) -> Result<Option<Self>, Complaint> {
        let kind = self.schema.get("type").and_then(Value::as_str).filter(|kind| *kind != "object");
        if let Some(kind) = kind {
            let message = format!("{} has a value of type {kind} there, which has no member `{name}`", self.action);
            return Err(Complaint { message, help: "write the value itself, or a matcher".into() });
        }
        if self.schema.get("additionalProperties") != Some(&Value::Bool(false)) {
            return Ok(None);
        }
        let Some(properties) = self.schema.get("properties").and_then(Value::as_object) else { return Ok(None) };
        match properties.get(name) {
            Some(next) => Ok(Some(Self { schema: self.messages.element(next), list: next["type"] == "array", ..self })),
            None => {
                let known = properties.keys().map(String::as_str).filter(|known| *known != "customData");
                let help = nearest(name, known.clone()).map_or_else(
                    || format!("known there: {}", known.collect::<Vec<_>>().join(", ")),
                    |near| format!("did you mean `{near}`?"),
                );
                Err(Complaint { message: format!("{}{} has no `{name}` there", self.action, self.kind), help })
            }
        }
    }

    fn at(messages: &'static Messages, action: &str, request: bool, pointer: &str) -> Option<Self> {
        Self::root(messages, action, request)?.below(pointer)
    }

    /// The place that a JSON pointer names, seen from here.
    pub fn below(self, pointer: &str) -> Option<Self> {
        pointer.split('/').filter(|name| !name.is_empty()).try_fold(self, |place, name| {
            if name.parse::<usize>().is_ok() { Some(place.element()) } else { place.child(name).ok().flatten() }
        })
    }

    /// The names of its members, or of an element's when this is a list.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        self.schema.get("properties").and_then(Value::as_object).into_iter().flatten().map(|(name, _)| name.as_str())
    }

    /// True for a text that is the same in whichever case: an identifierString (Part 2, 2.1.4), a CiString (1.6, 7).
    pub fn ignores_case(self) -> bool {
        self.schema.get("primitive").is_some_and(|primitive| primitive == "identifierString" || primitive == "CiString")
    }

    /// True where a list of such stands.
    pub fn is_list(self) -> bool {
        self.list
    }

    /// An element of this list; what is no list is its own.
    #[must_use]
    pub fn element(self) -> Self {
        Self { list: false, ..self }
    }

    /// The words that may stand here, where only some may; or those that are standardised, where others may stand too (`words` in
    /// the bundle, as OCPP 2.1 has it of token types).
    pub fn words(self) -> Vec<&'static str> {
        let words = self.schema.get("enum").or_else(|| self.schema.get("words")).and_then(Value::as_array);
        words.into_iter().flatten().filter_map(Value::as_str).collect()
    }

    /// A legal value with nothing that is not required.
    pub fn example(self) -> Value {
        let one = self.messages.example(self.schema, 0);
        if self.list { Value::Array(vec![one]) } else { one }
    }

    /// What is wrong with the idea that this value could stand here (in a list: be an element).
    pub fn can_be(self, value: &Value) -> Option<Complaint> {
        let fits = match self.schema.get("type").and_then(Value::as_str)? {
            "string" => value.is_string(),
            "integer" => value.is_i64() || value.is_u64(),
            "number" => value.is_number(),
            "boolean" => value.is_boolean(),
            "object" => value.is_object(),
            _ => true,
        };
        if !fits {
            let kind = self.schema["type"].as_str().unwrap_or_default();
            return Some(Complaint {
                message: format!("{value} stands where {} has a value of type {kind}", self.action),
                help: "OCPP values never change their type; put text in quotation marks".into(),
            });
        }
        let known: Vec<&str> = self.schema.get("enum")?.as_array()?.iter().filter_map(Value::as_str).collect();
        let word = value.as_str()?;
        if known.contains(&word) {
            return None;
        }
        let help = nearest(word, known.iter().copied())
            .map_or_else(|| format!("known: {}", known.join(", ")), |near| format!("did you mean `{near}`?"));
        Some(Complaint { message: format!("invalid value `{word}`: {} does not allow it there", self.action), help })
    }
}

impl Messages {
    /// The message itself; `None` for an unknown action.
    pub fn message(&'static self, action: &str, request: bool) -> Option<Member> {
        Member::root(self, action, request)
    }

    /// What is no message and has a JSON Schema of its own, under the name that complaints give it.
    pub fn beside(&'static self, schema: &'static Value, name: &'static str) -> Member {
        Member { messages: self, schema, action: name, kind: "", list: false }
    }

    /// The place in a message that a JSON pointer names.
    pub fn member(&'static self, action: &str, request: bool, pointer: &str) -> Option<Member> {
        Member::at(self, action, request, pointer)
    }

    fn example(&self, schema: &Value, depth: usize) -> Value {
        if let Some(word) = schema["enum"].get(0).or_else(|| schema["words"].get(0)) {
            return word.clone();
        }
        match schema["type"].as_str() {
            Some("object") if depth < 12 => {
                let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
                let member = |name: &str| {
                    let member = &schema["properties"][name];
                    let one = self.example(self.element(member), depth + 1);
                    // A list is resolved to what it is a list of.
                    let list = member["type"] == "array";
                    (name.to_owned(), if list { Value::Array(vec![one]) } else { one })
                };
                Value::Object(required.map(member).collect())
            }
            Some("integer" | "number") => {
                let least = schema["minimum"].as_i64().unwrap_or(0).max(1);
                schema["maximum"].as_i64().map_or(least, |most| least.min(most)).into()
            }
            Some("boolean") => true.into(),
            Some("string") if schema["format"] == "date-time" => "2026-01-01T00:00:00Z".into(),
            Some("string") if schema["format"] == "uri" => "http://localhost/x".into(),
            Some("string") => "x".into(),
            _ => Value::Object(serde_json::Map::new()),
        }
    }

    /// What a schema refers to, and of a list what it is a list of.
    fn element<'s>(&'s self, mut schema: &'s Value) -> &'s Value {
        loop {
            let resolved = self.resolved(schema);
            match resolved.get("items") {
                _ if !std::ptr::eq(resolved, schema) => schema = resolved,
                Some(items) => schema = items,
                None => return schema,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::protocol::OCPP_2_0_1;

    #[test]
    fn names_and_values_are_followed_through_lists_and_types() {
        let root = OCPP_2_0_1.messages().message("GetVariables", false).unwrap();
        let result = root.child("getVariableResult").unwrap().unwrap();
        let status = result.child("attributeStatus").unwrap().unwrap();
        assert_eq!(status.can_be(&json!("Accepted")), None);
        assert_eq!(status.can_be(&json!("Acepted")).unwrap().help, "did you mean `Accepted`?");
        assert!(status.can_be(&json!(1)).unwrap().message.contains("type string"));
        assert_eq!(result.child("atributeStatus").unwrap_err().help, "did you mean `attributeStatus`?");
        assert!(result.is_list() && result.example()[0]["component"].is_object());
        let first = OCPP_2_0_1.messages().member("GetVariables", false, "/getVariableResult/0").unwrap();
        assert!(!first.is_list() && first.example()["component"].is_object());
        let custom = root.child("customData").unwrap().unwrap();
        assert!(custom.child("anything").unwrap().is_none());
    }
}
