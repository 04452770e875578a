//! Numbers of a bench: how great they may be, and which of them must be whole because messages take nothing else there.

use serde_json::Value;

use crate::yaml::{Defect, Node};

/// No time and no number of a bench is greater (30 years): beyond that, dates can't be calculated.
pub(crate) const GREATEST: u64 = 1_000_000_000;

/// Numbers that messages take as whole ones.
const WHOLE: [&str; 16] = [
    "security-profile",
    "evse.id",
    "evse.connector",
    "evse-second.id",
    "evse-second.connector",
    "configuration-slot",
    "configuration-slot-second",
    "heartbeat-interval",
    "pending-interval",
    "own-aligned-interval",
    "own-sampled-interval",
    "own-ev-connection-timeout",
    "log-retry-interval",
    "display.evse",
    "monitoring.severity",
    "monitoring.preconfigured-monitor",
];

/// True for a key (`a.b` within a mapping) whose number must be a whole one.
pub(crate) fn is_whole(key: &str) -> bool {
    WHOLE.contains(&key)
}

/// The greatest number that a key takes.
pub(crate) fn greatest(key: &str) -> u64 {
    match key {
        "security-profile" => 3,
        "monitoring.severity" => 8,
        _ => GREATEST,
    }
}

/// What is wrong with the number of a key.
pub(super) fn defect(key: &str, value: &Value, node: &Node) -> Option<Defect> {
    let number = value.as_f64()?;
    let (greatest, whole) = (greatest(key), is_whole(key));
    // No number of this size is rounded.
    #[allow(clippy::cast_precision_loss)]
    let fits = (0.0..=greatest as f64).contains(&number) && (!whole || value.as_u64().is_some());
    (!fits).then(|| {
        let kind = if whole { "a whole number" } else { "a number" };
        Defect::new(
            node.at,
            format!("`{key}` can't be {}", node.describe()),
            format!("write {kind} from 0 to {greatest}"),
        )
    })
}
