//! Where two runs, or a run and what is to go on with it, are not alike.

use serde_json::{Map, Value};

use super::Problem;
use crate::yaml::shorten;

/// Anything as JSON, to be compared.
pub(super) fn value(of: &impl serde::Serialize) -> Result<Value, Problem> {
    serde_json::to_value(of).map_err(|error| Problem::Own(error.to_string()))
}

/// The first place where two values differ, with both values in short; none where they are equal.
pub(super) fn difference(then: &Value, now: &Value) -> Option<String> {
    below("", then, now)
}

fn below(path: &str, then: &Value, now: &Value) -> Option<String> {
    if let (Value::Object(then), Value::Object(now)) = (then, now) {
        let mut names = then.keys().chain(now.keys().filter(|name| !then.contains_key(*name)));
        return names.find_map(|name| {
            let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            let of = |members: &Map<String, Value>| members.get(name).cloned().unwrap_or_default();
            below(&path, &of(then), &of(now))
        });
    }
    let short = |value: &Value| shorten(&value.to_string(), 40);
    (then != now).then(|| format!("{path}: {} then, {} now", short(then), short(now)))
}

/// Refuses what is not the same as `what it should be`.
pub(super) fn same(as_what: &str, what: &str, then: &str, now: &str) -> Result<(), Problem> {
    if then == now { Ok(()) } else { Err(differs(as_what, &format!("the {what} ({then} then, {now} now)"))) }
}

/// The refusal.
pub(super) fn differs(as_what: &str, what: &str) -> Problem {
    let help =
        "one report can't mix verdicts that were reached differently: restore the earlier input, or start a new run";
    Problem::Input(format!("{what} is not {as_what}"), help.into())
}
