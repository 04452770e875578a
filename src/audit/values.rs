//! Other values for a place in a message.

use serde_json::Value;

use crate::protocol::member::Member;

/// A certificate that nobody was given.
pub(super) const CERTIFICATE: &str = include_str!("weak.pem");

/// A sound signing request of a key that is too short.
const SIGNING_REQUEST: &str = include_str!("weak-request.pem");

/// A signing request of which no verifier can tell whose it is.
const UNDECIDED_REQUEST: &str = include_str!("undecided-request.pem");

/// Most other words of an enumeration that are tried.
const MOST_WORDS: usize = 8;

/// How long lists get at most.
const MOST_LENGTHENED: usize = 1_000;

/// Most elements that are left out of a list, one at a time.
const MOST_LEFT_OUT: usize = 12;

/// Legal values that are not this one.
pub(super) fn others(value: &Value, place: Option<Member>) -> Vec<Value> {
    match value {
        Value::Bool(value) => vec![(!value).into()],
        Value::Number(number) => match number.as_i64() {
            Some(number) => [number + 1, number + 1_000_000, 0, 1, -1]
                .into_iter()
                .filter(|other| *other != number)
                .map(Value::from)
                .collect(),
            None => number.as_f64().map(|number| Value::from(number + 1e6)).into_iter().collect(),
        },
        Value::String(text) => {
            let words = place.map(Member::words).unwrap_or_default();
            if words.is_empty() {
                other_texts(text)
            } else {
                words.into_iter().filter(|word| word != text).take(MOST_WORDS).map(Value::from).collect()
            }
        }
        Value::Array(items) if items.len() > 1 => vec![items[1..].to_vec().into(), items[..1].to_vec().into()],
        _ => Vec::new(),
    }
}

fn other_texts(text: &str) -> Vec<Value> {
    if let Ok(time) = text.parse::<jiff::Timestamp>() {
        // A day is too far away for any rule; seconds are for the checks of a test case.
        let day = jiff::SignedDuration::from_hours(24);
        let near = jiff::SignedDuration::from_secs(7);
        return [time.checked_add(day), time.checked_sub(day), time.checked_add(near), time.checked_sub(near)]
            .into_iter()
            .flatten()
            .map(|time| time.to_string().into())
            .collect();
    }
    if text.contains("BEGIN CERTIFICATE REQUEST") {
        return [SIGNING_REQUEST, UNDECIDED_REQUEST, "x"].map(Value::from).to_vec();
    }
    if text.contains("BEGIN CERTIFICATE") {
        return [CERTIFICATE, "x"].map(Value::from).to_vec();
    }
    let mut others: Vec<String> = Vec::new();
    match text {
        "true" => others.push("false".into()),
        "false" => others.push("true".into()),
        _ => {}
    }
    if let Ok(number) = text.parse::<i64>() {
        others.push((number.saturating_add(1)).to_string());
        others.push("0".into());
    } else if text.parse::<f64>().is_ok() {
        others.push("0.0".into());
    }
    // Of the same length, so that no limit of the schema is broken.
    let last = if text.ends_with('7') { '8' } else { '7' };
    let mut changed: String = text.chars().take(text.chars().count().saturating_sub(1)).collect();
    changed.push(last);
    others.push(changed);
    others.push("x".into());
    others.push(String::new());
    others.into_iter().filter(|other| other != text).map(Value::from).collect()
}

/// A value of another type.
pub(super) fn of_another_type(value: &Value) -> Value {
    match value {
        Value::String(_) => 4711.into(),
        Value::Object(_) | Value::Array(_) => "text".into(),
        _ => Value::Object(serde_json::Map::new()),
    }
}

/// Lengthens a list by copies of its last element until the element that a pointer names is the next.
pub(super) fn lengthen(root: &mut Value, pointer: &str) {
    let Some((around, name)) = pointer.rsplit_once('/') else { return };
    let (Some(Value::Array(items)), Ok(index)) = (root.pointer_mut(around), name.parse::<usize>()) else { return };
    if let Some(last) = items.last().cloned().filter(|_| index <= MOST_LENGTHENED) {
        items.resize(index.max(items.len()), last);
    }
}

/// Sets what a pointer names; false where unknown location.
pub(super) fn set(root: &mut Value, pointer: &str, value: Value) -> bool {
    if let Some(place) = root.pointer_mut(pointer) {
        *place = value;
        return true;
    }
    let Some((around, name)) = pointer.rsplit_once('/') else { return false };
    match root.pointer_mut(around) {
        Some(Value::Object(members)) => {
            members.insert(name.to_owned(), value);
            true
        }
        Some(Value::Array(items)) if name.parse() == Ok(items.len()) => {
            items.push(value);
            true
        }
        _ => false,
    }
}

/// Takes away what a pointer names; false where there is nothing.
pub(super) fn remove(root: &mut Value, pointer: &str) -> bool {
    let Some((around, name)) = pointer.rsplit_once('/') else { return false };
    match root.pointer_mut(around) {
        Some(Value::Object(members)) => members.shift_remove(name).is_some(),
        Some(Value::Array(items)) => match name.parse::<usize>() {
            Ok(index) if index < items.len() => {
                items.remove(index);
                true
            }
            _ => false,
        },
        _ => false,
    }
}

/// The outermost place on the way to a pointer that is not there.
pub(super) fn first_absent(payload: &Value, pointer: &str) -> String {
    let mut way = String::new();
    for name in pointer.split('/').skip(1) {
        way = format!("{way}/{name}");
        if payload.pointer(&way).is_none() {
            break;
        }
    }
    way
}

/// Lists with other elements than this one, and in words what is with them.
pub(super) fn other_lists(value: Option<&Value>) -> Vec<(&'static str, Value)> {
    let Some(items) = value.and_then(Value::as_array) else { return Vec::new() };
    let (Some(first), Some(last)) = (items.first(), items.last()) else { return Vec::new() };
    let mut all = Vec::new();
    if items.len() > 1 {
        all.push(("lacks its first element", items[1..].to_vec()));
        all.push(("lacks its last element", items[..items.len() - 1].to_vec()));
        all.push(("has but its first element", vec![first.clone()]));
    }
    all.push(("has an element twice", items.iter().chain([last]).cloned().collect()));
    all.push(("has no element", Vec::new()));
    all.into_iter().map(|(what, items)| (what, items.into())).collect()
}

/// A list without one of the elements in its midst (of many, the nearest ones), and without all of them.
pub(super) fn without_one(value: Option<&Value>, near: impl Fn(&Value) -> u32) -> Vec<(&'static str, Value)> {
    let items = value.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let midst = 1..items.len().saturating_sub(1);
    let without = |index: usize| -> Value {
        items.iter().enumerate().filter(|(other, _)| *other != index).map(|(_, item)| item.clone()).collect()
    };
    let mut nearest: Vec<usize> = midst.clone().collect();
    nearest.sort_by_cached_key(|index| std::cmp::Reverse(near(&items[*index])));
    let ends = (midst.len() > 1).then(|| ("has but its first and last element", without_all(items)));
    nearest.into_iter().take(MOST_LEFT_OUT).map(|index| ("lacks an element", without(index))).chain(ends).collect()
}

fn without_all(items: &[Value]) -> Value {
    items.first().into_iter().chain(items.last()).cloned().collect()
}

/// Pointers of everything below a place that is no list and no object, the place itself where it is such.
pub(super) fn leaves(root: &Value, pointer: &str, most: usize) -> Vec<String> {
    fn walk(value: &Value, pointer: String, most: usize, found: &mut Vec<String>) {
        if found.len() >= most {
            return;
        }
        match value {
            Value::Object(members) => {
                for (name, value) in members {
                    walk(value, format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1")), most, found);
                }
            }
            Value::Array(items) => {
                for (index, value) in items.iter().enumerate() {
                    walk(value, format!("{pointer}/{index}"), most, found);
                }
            }
            _ => found.push(pointer),
        }
    }
    let mut found = Vec::new();
    if let Some(value) = root.pointer(pointer) {
        walk(value, pointer.to_owned(), most, &mut found);
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    #[test]
    fn an_element_far_behind_the_last_can_be_added() {
        let mut payload = json!({ "periods": [{ "limit": 16 }] });
        super::lengthen(&mut payload, "/periods/2");
        assert!(super::set(&mut payload, "/periods/2", json!({ "limit": 7 })));
        assert_eq!(payload, json!({ "periods": [{ "limit": 16 }, { "limit": 16 }, { "limit": 7 }] }));
        super::lengthen(&mut payload, "/periods/1");
        super::lengthen(&mut payload, "/periods/none");
        assert_eq!(payload["periods"].as_array().map(Vec::len), Some(3));
    }
}
