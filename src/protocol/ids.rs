//! Ids that the sender of a request gives, and that name one thing each: filled in where a test case does not give them.

use serde_json::{Map, Value};

use super::messages::Messages;

/// Members of a request that a test case may leave to the engine, where the message requires them.
const OF_REQUEST: [&str; 2] = ["requestId", "remoteStartId"];

/// Fills in the ids that a request needs and does not have. `next` gives numbers that were never given before: an eventId
/// names one event of a station (Part 2, 2.22), a requestId one request, a remoteStartId one start.
pub fn fill(messages: &Messages, action: &str, payload: &mut Map<String, Value>, mut next: impl FnMut() -> u32) {
    for name in OF_REQUEST {
        if messages.requires(action, name) && !payload.contains_key(name) {
            payload.insert(name.into(), next().into());
        }
    }
    if action != "NotifyEvent" {
        return;
    }
    for event in payload.get_mut("eventData").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Value::Object(event) = event {
            event.entry("eventId").or_insert_with(|| next().into());
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::protocol::OCPP_2_0_1;

    #[test]
    fn what_has_an_id_keeps_it_and_no_two_are_the_same() {
        let filled = |action: &str, payload: Value| {
            let mut last = 6;
            let Value::Object(mut payload) = payload else { unreachable!() };
            fill(OCPP_2_0_1.messages(), action, &mut payload, || {
                last += 1;
                last
            });
            Value::Object(payload)
        };
        assert_eq!(filled("GetBaseReport", json!({})), json!({ "requestId": 7 }));
        assert_eq!(filled("GetBaseReport", json!({ "requestId": 1 })), json!({ "requestId": 1 }));
        assert_eq!(filled("Heartbeat", json!({})), json!({}));
        assert_eq!(
            filled("NotifyEvent", json!({ "eventData": [{}, { "eventId": 3 }, {}] })),
            json!({ "eventData": [{ "eventId": 7 }, { "eventId": 3 }, { "eventId": 8 }] })
        );
    }
}
