//! What we send, and what is learnt from the answers to it.

use serde_json::Value;

use super::{Call, Conversation, Moment, Setting, own_station, semantics::PASSWORD_KEY, transactions::named};
use crate::{
    clock::ocpp_time,
    protocol::{ids, session::Phase},
};

impl Conversation {
    /// Fills in what every request of a kind needs: ids and times that only we know, and what is so unless it is said.
    pub(super) fn complete(&self, moment: &Moment, action: &str, payload: &mut Value, next: &mut dyn FnMut() -> u32) {
        let Value::Object(payload) = payload else { return };
        let messages = self.protocol.messages();
        ids::fill(messages, action, payload, next);
        if messages.requires(action, "timestamp") && !payload.contains_key("timestamp") {
            payload.insert("timestamp".into(), ocpp_time(moment.now.wall).into());
        }
        match action {
            "StatusNotification" => {
                payload.entry("errorCode").or_insert_with(|| "NoError".into());
            }
            "StartTransaction" => {
                let connector = payload.get("connectorId").and_then(Value::as_u64).unwrap_or_default();
                payload.entry("meterStart").or_insert_with(|| self.station.reading(connector).into());
            }
            "StopTransaction" => {
                let id = payload.get("transactionId").and_then(Value::as_i64);
                let connector = id.and_then(|id| self.around(moment).connector_of(id)).unwrap_or_default();
                payload.entry("meterStop").or_insert_with(|| self.station.reading(connector).into());
            }
            "MeterValues" if !payload.contains_key("meterValue") => {
                let connector = payload.get("connectorId").and_then(Value::as_u64).unwrap_or_default();
                for (name, value) in self.station.meter_values(&self.around(moment), connector) {
                    payload.entry(name).or_insert(value);
                }
            }
            _ => {}
        }
    }

    /// A CALL of ours was sent.
    pub(super) fn note_sent(&mut self, moment: &Moment, call: &Call) {
        let Call { action, payload, .. } = call;
        if !moment.tests_station {
            let around = self.around(moment);
            self.station.note_sent(&around, action, payload);
            // Ours are as the test case wants them, so there is nobody to complain about.
            self.of_test.told.learn(call);
        }
        self.registration.asks(action, payload);
        if let Some(request) = payload["requestId"].as_i64() {
            self.request_ids.entry(action.clone()).or_default().insert(request);
        }
    }

    /// Learns from an answer to our own call: values of configuration keys, and which of them we changed.
    pub(super) fn learn_result(&mut self, moment: &Moment, action: &str, request: &Value, response: &Value) {
        match (action, response["status"].as_str()) {
            ("GetConfiguration", _) => {
                for item in response["configurationKey"].as_array().into_iter().flatten() {
                    if let (Some(key), Some(value)) = (item["key"].as_str(), item["value"].as_str()) {
                        self.variables.insert(own_station::canonical(key).to_owned(), value.into());
                    }
                }
                for key in response["unknownKey"].as_array().into_iter().flatten().filter_map(Value::as_str) {
                    self.variables.remove(own_station::canonical(key));
                }
            }
            ("ChangeConfiguration", status) => {
                self.learn_setting(moment, request, matches!(status, Some("Accepted" | "RebootRequired")));
            }
            ("Reset", Some("Accepted")) => self.registration.reboots(true),
            ("RemoteStartTransaction", Some("Accepted")) => {
                self.leftovers.driver_comes(request["connectorId"].as_u64(), moment.now.seconds());
            }
            ("RemoteStopTransaction", Some("Rejected")) => {
                let id = named(request).map(|id| id.to_string()).unwrap_or_default();
                self.leftovers.transaction_is_unknown(&id);
            }
            _ => {}
        }
    }

    fn learn_setting(&mut self, moment: &Moment, request: &Value, taken: bool) {
        let (Some(key), Some(value)) = (request["key"].as_str(), request["value"].as_str()) else { return };
        let key = own_station::canonical(key);
        let of_test = &mut self.of_test;
        if matches!(moment.phase, Phase::Prepare | Phase::After) {
            of_test.put_back.push(key.to_owned());
        }
        if !taken || key == PASSWORD_KEY {
            return;
        }
        if let Some(Value::String(old)) = self.variables.get(key) {
            let known = of_test.originals.iter().any(|setting: &Setting| setting.variable == key);
            if !known && moment.phase != Phase::After {
                let (component, variable) = (String::new(), key.to_owned());
                of_test.originals.push(Setting { component, variable, value: old.clone() });
            }
        }
        self.variables.insert(key.to_owned(), value.into());
    }
}
