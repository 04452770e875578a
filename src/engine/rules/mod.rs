//! The rules that hold for every test.

pub(crate) mod echo;
pub(crate) mod registration;
pub(crate) mod times;

use super::{call_order::OverlappingCall, exchange::Call, world::Finding};
use crate::yaml::shorten;

/// True for a TransactionEvent that only carries meter values or reports a change of the charging state.
pub(crate) fn is_periodic(call: &Call) -> bool {
    call.action == "TransactionEvent"
        && call.payload["eventType"] == "Updated"
        && matches!(call.payload["triggerReason"].as_str(), Some("MeterValuePeriodic" | "MeterValueClock"))
}

/// True for a message with which everything begins anew: what comes before it is nothing that is due after it (B01.FR.05).
pub(crate) fn begins_anew(action: &str) -> bool {
    action == registration::BOOT
}

/// A message in a few words: its action and what distinguishes it.
pub(crate) fn summary(call: &Call) -> String {
    const TELLING: [&str; 8] = [
        "/status",
        "/reason",
        "/type",
        "/connectorStatus",
        "/eventType",
        "/triggerReason",
        "/transactionInfo/chargingState",
        "/requestedMessage",
    ];
    let details: Vec<String> = TELLING
        .iter()
        .filter_map(|pointer| call.payload.pointer(pointer)?.as_str())
        .map(|text| shorten(text, 40))
        .collect();
    if details.is_empty() { call.action.clone() } else { format!("{} ({})", call.action, details.join(", ")) }
}

/// The finding for a CALL that came before its turn.
pub(crate) fn out_of_turn(early: &OverlappingCall) -> Finding {
    let message = format!(
        "{} was sent before {} had been answered ({:.3} s early)",
        early.call.action, early.before, early.early_s
    );
    let mut finding = Finding::new("rule: one CALL at a time", message).of(vec!["Part 4, 4.1.1".into()]);
    finding.expected = Some("a CALL only once all earlier ones are answered or timed out".into());
    finding.frame = Some(shorten(&early.call.text, 4000));
    finding
}
