//! Event streams that a station opens for monitors with a short period (N11 to N15).

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// Most streams of a station.
const MAX_OPEN: usize = 100;

/// The open streams of a station: the id of the monitor of each, by the id of the stream.
#[derive(Default)]
pub(super) struct EventStreams(BTreeMap<i64, i64>);

impl EventStreams {
    /// The answer to an OpenPeriodicEventStreamRequest (N11.FR.05, N11.FR.06).
    pub(super) fn open(&mut self, request: &Value) -> Value {
        let stream = &request["constantStreamData"];
        let ids = stream["id"].as_i64().zip(stream["variableMonitoringId"].as_i64());
        let Some((id, monitor)) = ids.filter(|(id, _)| self.0.len() < MAX_OPEN || self.0.contains_key(id)) else {
            return json!({ "status": "Rejected" });
        };
        self.0.insert(id, monitor);
        json!({ "status": "Accepted" })
    }

    /// The answer to a ClosePeriodicEventStreamRequest (N13.FR.02).
    pub(super) fn close(&mut self, request: &Value) -> Value {
        if let Some(id) = request["id"].as_i64() {
            self.0.remove(&id);
        }
        json!({})
    }

    /// Why the CSMS does not send this, if that is so.
    pub(super) fn forbids(&self, action: &str, request: &Value) -> Option<&'static str> {
        let is_open = request["id"].as_i64().is_some_and(|id| self.0.contains_key(&id));
        (action == "AdjustPeriodicEventStream" && !is_open)
            .then_some("the station has no such event stream open (N14.FR.01)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_can_be_adjusted_from_when_it_is_opened_until_it_is_closed() {
        let mut streams = EventStreams::default();
        let adjust = json!({ "id": 2, "params": { "interval": 15 } });
        assert!(streams.forbids("AdjustPeriodicEventStream", &adjust).is_some());
        let stream = json!({ "id": 2, "variableMonitoringId": 3, "params": { "interval": 10 } });
        assert_eq!(streams.open(&json!({ "constantStreamData": stream }))["status"], "Accepted");
        assert_eq!(streams.forbids("AdjustPeriodicEventStream", &adjust), None);
        streams.close(&json!({ "id": 2 }));
        assert!(streams.forbids("AdjustPeriodicEventStream", &adjust).is_some());
    }
}
