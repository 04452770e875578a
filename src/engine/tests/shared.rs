//! One message may tell what several steps wait for.

use super::{connected, ended, engine, says, sent};
use crate::verdict::Verdict;

/// Waits for the status of both connectors of an EVSE: whatever has come since this second of the run, or the next message alone.
fn waiting(since: &str) -> String {
    let told = |connector: u8| {
        format!(
            "      - one-of:\n          - expect: StatusNotification\n            match: {{ connectorId: {connector} }}\n{since}\
             \x20         - expect: NotifyEvent\n            match: {{ eventData: {{ any: {{ component: {{ evse: {{ connectorId: {connector} }} }} }} }} }}\n{since}"
        )
    };
    format!("steps:\n  - any-order:\n{}{}", told(1), told(2))
}

fn event(connectors: &[u8]) -> String {
    let data: Vec<String> = connectors
        .iter()
        .map(|connector| {
            format!(
                r#"{{"eventId":{connector},"timestamp":"1970-01-01T00:00:01Z","trigger":"Delta","actualValue":"Unavailable","eventNotificationType":"HardWiredNotification","component":{{"name":"Connector","evse":{{"id":1,"connectorId":{connector}}}}},"variable":{{"name":"AvailabilityState"}}}}"#
            )
        })
        .collect();
    format!(
        r#"[2,"e{}","NotifyEvent",{{"generatedAt":"1970-01-01T00:00:01Z","seqNo":0,"eventData":[{}]}}]"#,
        data.len(),
        data.join(",")
    )
}

#[test]
fn what_one_message_tells_of_two_connectors_counts_for_both() {
    let any_time = "            any-time-since: 0\n";
    let mut both = engine(&waiting(any_time), connected());
    says(&mut both, 1, &event(&[1, 2]));
    assert_eq!(sent(&mut both), [r#"[3,"e2",{}]"#], "it is answered once");
    let outcome = ended(both, 1);
    assert_eq!(outcome.verdict, Verdict::Pass, "{:?}", outcome.failures);

    // It counts for nothing that it does not tell, and a step that wants a message of its own does not share one.
    let missed = ["StatusNotification or NotifyEvent as expected", "another StatusNotification or NotifyEvent"];
    for ((since, told), missed) in [(any_time, &[1][..]), ("", &[1, 2][..])].into_iter().zip(missed) {
        let mut engine = engine(&waiting(since), connected());
        says(&mut engine, 1, &event(told));
        let outcome = ended(engine, 5);
        assert_eq!(outcome.failures[0].message, format!("{missed} did not come within 5.0 s"));
    }
}
