//! What we send, and what is learnt from the answers to it.

use serde_json::Value;

use super::{Call, Conversation, Moment, Setting};
use crate::{
    clock::ocpp_time,
    protocol::{ids, session::Phase},
};

impl Conversation {
    /// Fills in what every request of a kind needs: ids and times that only we know.
    pub(super) fn complete(&self, moment: &Moment, action: &str, payload: &mut Value, next: &mut dyn FnMut() -> u32) {
        let Value::Object(payload) = payload else { return };
        let messages = self.protocol.messages();
        ids::fill(messages, action, payload, next);
        for name in ["timestamp", "generatedAt"] {
            if messages.requires(action, name) && !payload.contains_key(name) {
                payload.insert(name.into(), ocpp_time(moment.now.wall).into());
            }
        }
    }

    /// A CALL of ours was sent.
    pub(super) fn note_sent(&mut self, moment: &Moment, call: &Call) {
        let Call { action, payload, .. } = call;
        if !moment.tests_station {
            let around = self.around(moment);
            self.station.note_sent(&around, action, payload);
            if action == "TransactionEvent" {
                // Ours are as the test case wants them, so there is nobody to complain about.
                self.of_test.told.learn(call);
            }
        }
        self.registration.asks(action, payload);
        if let Some(request) = payload["requestId"].as_i64() {
            self.request_ids.entry(action.clone()).or_default().insert(request);
        }
        if self.station.is_monitored() {
            let around = self.around(moment);
            let events = self.station.monitor_events(&around);
            self.promise(events);
        }
    }

    /// Learns from an answer to our own call: values of variables, and which of them we changed.
    pub(super) fn learn_result(&mut self, moment: &Moment, action: &str, request: &Value, response: &Value) {
        let transaction = || request["transactionId"].as_str().unwrap_or_default();
        match (action, response["status"].as_str()) {
            ("GetVariables", _) => {
                for item in response["getVariableResult"].as_array().into_iter().flatten() {
                    let actual = item.get("attributeType").is_none_or(|kind| kind == "Actual");
                    if let (true, Some(value)) = (actual, item.get("attributeValue")) {
                        self.learn_value(item, value);
                    }
                }
            }
            ("SetVariables", _) => self.learn_settings(moment, request, response),
            ("Reset", Some("Accepted" | "Scheduled")) if request.get("evseId").is_none() => {
                self.registration.reboots(true);
            }
            ("RequestStartTransaction", Some("Accepted")) => {
                self.leftovers.driver_comes(request["evseId"].as_u64(), moment.now.seconds());
            }
            ("RequestStopTransaction", Some("Rejected")) => self.leftovers.transaction_is_unknown(transaction()),
            ("GetTransactionStatus", _) if response["ongoingIndicator"] == false => {
                self.leftovers.transaction_is_unknown(transaction());
            }
            _ => {}
        }
    }

    fn learn_settings(&mut self, moment: &Moment, request: &Value, response: &Value) {
        let items = request["setVariableData"].as_array().into_iter().flatten();
        for (item, result) in items.zip(response["setVariableResult"].as_array().into_iter().flatten()) {
            let taken = result["attributeStatus"] == "Accepted" || result["attributeStatus"] == "RebootRequired";
            let Some((component, variable)) = placed(item) else { continue };
            let (component, variable) = (component.as_str(), variable.as_str());
            let of_test = &mut self.of_test;
            if matches!(moment.phase, Phase::Prepare | Phase::After) {
                of_test.put_back.push((component.to_owned(), variable.to_owned()));
            }
            let Some(value) = item["attributeValue"].as_str().filter(|_| taken) else { continue };
            if variable == "BasicAuthPassword" {
                continue;
            }
            if let Some(Value::String(old)) = self.variables.get(&format!("{component}.{variable}")) {
                let known = |setting: &Setting| setting.component == component && setting.variable == variable;
                if !of_test.originals.iter().any(known) && moment.phase != Phase::After {
                    let (component, variable) = (component.to_owned(), variable.to_owned());
                    of_test.originals.push(Setting { component, variable, value: old.clone() });
                }
            }
            self.learn_value(item, &value.into());
        }
    }

    /// The value of a variable, under its name and, where it is that of an EVSE, under that with the EVSE, too.
    fn learn_value(&mut self, item: &Value, value: &Value) {
        let Some((component, variable)) = placed(item) else { return };
        if let Some(name) = item["component"]["name"].as_str() {
            self.variables.insert(format!("{name}.{variable}"), value.clone());
        }
        self.variables.insert(format!("{component}.{variable}"), value.clone());
    }
}

/// `Component` or `Component[evse]`, and `Variable` or `Variable[instance]`, of an element of GetVariables or SetVariables.
fn placed(item: &Value) -> Option<(String, String)> {
    let (component, variable) = (&item["component"], &item["variable"]);
    let evse = component["evse"]["id"].as_u64().map(|evse| format!("[{evse}]"));
    let instance = variable["instance"].as_str().map(|instance| format!("[{instance}]"));
    Some((
        format!("{}{}", component["name"].as_str()?, evse.unwrap_or_default()),
        format!("{}{}", variable["name"].as_str()?, instance.unwrap_or_default()),
    ))
}
