//! A central system that speaks OCPP 1.6.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::Dialect;
use crate::{
    link::CertificateKind,
    manual_action::ActionOutcome,
    simulator::csms::{Common, tokens::Tokens},
};

/// Most configuration keys, listed idTags and running transactions that are kept.
const MAX_KEPT: usize = 10_000;

/// What is known of one charge point.
#[derive(Default)]
pub(super) struct CentralSystem {
    transactions_made: i64,
    /// The transactions that run: id → idTag.
    running: BTreeMap<i64, String>,
    /// Configuration keys with their values, as the charge point told them.
    configuration: BTreeMap<String, String>,
    /// The local list as the charge point has it: idTag → idTagInfo.
    local_list: BTreeMap<String, Value>,
}

/// What is said of an idTag (7.27). Of one that nobody knows that is Invalid: OCPP 1.6 has no other word.
fn tag_info(tokens: &Tokens, id_tag: &str) -> Value {
    let judged = tokens.judge(id_tag, None);
    let status = if judged.status == "Unknown" { "Invalid" } else { judged.status };
    let mut info = json!({ "status": status });
    if let Some(parent) = judged.group {
        info["parentIdTag"] = parent.into();
    }
    info
}

fn text<'p>(payload: &'p Value, name: &str) -> &'p str {
    payload[name].as_str().unwrap_or_default()
}

impl CentralSystem {
    fn start(&mut self, common: &Common, payload: &Value) -> Value {
        let id_tag = text(payload, "idTag");
        let info = tag_info(&common.tokens, id_tag);
        self.transactions_made += 1;
        if self.running.len() >= MAX_KEPT {
            self.running.pop_first();
        }
        self.running.insert(self.transactions_made, id_tag.to_owned());
        json!({ "transactionId": self.transactions_made, "idTagInfo": info })
    }

    /// A transaction can't be prevented from stopping; what is said is about the idTag, where one is given (4.10).
    fn stop(&mut self, common: &Common, payload: &Value) -> Value {
        if let Some(id) = payload["transactionId"].as_i64() {
            self.running.remove(&id);
        }
        match payload["idTag"].as_str() {
            Some(id_tag) => json!({ "idTagInfo": tag_info(&common.tokens, id_tag) }),
            None => json!({}),
        }
    }

    /// Security whitepaper, A02: the certificate follows in a CertificateSigned.
    fn sign(common: &mut Common, payload: &Value) -> Value {
        let now = common.clock.now().wall;
        let authority = common.authority.as_ref();
        let signed = authority.and_then(|pki| pki.sign_request(text(payload, "csr"), CertificateKind::Valid, now).ok());
        let status = if signed.is_some() { "Accepted" } else { "Rejected" };
        if let Some(chain) = signed {
            common.call("CertificateSigned", json!({ "certificateChain": chain }));
        }
        json!({ "status": status })
    }

    fn learn(&mut self, key: &str, value: &str) {
        // A password is not for the eyes of operators.
        let secret = key.eq_ignore_ascii_case("AuthorizationKey");
        if !secret && (self.configuration.len() < MAX_KEPT || self.configuration.contains_key(key)) {
            self.configuration.insert(key.to_owned(), value.to_owned());
        }
    }

    fn setting_changed(&mut self, common: &mut Common, request: &Value) {
        let (key, value) = (text(request, "key"), text(request, "value"));
        self.learn(key, value);
        if key.eq_ignore_ascii_case("AuthorizationKey") {
            // It is kept as the bytes that come at the next upgrade (security whitepaper, 7.2; OCPP-J, 6.2).
            common.endpoints.set_password(value);
            common.endpoints_changed = true;
        } else if key.eq_ignore_ascii_case("SecurityProfile") {
            if let Ok(profile) = value.parse() {
                common.endpoints.slot_was_set(0, profile);
                common.endpoints_changed = true;
            }
        }
    }

    fn list_was_sent(&mut self, request: &Value) {
        if request["updateType"] == "Full" {
            self.local_list.clear();
        }
        for entry in request["localAuthorizationList"].as_array().into_iter().flatten() {
            let id_tag = text(entry, "idTag");
            match entry.get("idTagInfo") {
                Some(info) if self.local_list.len() < MAX_KEPT => {
                    self.local_list.insert(id_tag.to_owned(), info.clone());
                }
                _ => {
                    self.local_list.remove(id_tag);
                }
            }
        }
    }

    /// 5.15: when a list of changes is refused, the full list follows.
    fn send_full_list(&mut self, common: &mut Common, request: &Value) {
        self.list_was_sent(request);
        let list: Vec<Value> =
            self.local_list.iter().map(|(id_tag, info)| json!({ "idTag": id_tag, "idTagInfo": info })).collect();
        let version = request["listVersion"].clone();
        common.call(
            "SendLocalList",
            json!({ "listVersion": version, "updateType": "Full", "localAuthorizationList": list }),
        );
    }
}

impl Dialect for CentralSystem {
    fn permits(&self, common: &Common, action: &str, _: &Value) -> bool {
        common.registration.permits(action, action)
    }

    fn respond(&mut self, common: &mut Common, action: &str, payload: &Value) -> Value {
        match action {
            "BootNotification" => {
                common.endpoints.named(payload["chargePointSerialNumber"].as_str());
                let (status, interval) = common.registration.boot();
                json!({ "status": status, "currentTime": common.wall(), "interval": interval })
            }
            "Heartbeat" => json!({ "currentTime": common.wall() }),
            "Authorize" => json!({ "idTagInfo": tag_info(&common.tokens, text(payload, "idTag")) }),
            "StartTransaction" => self.start(common, payload),
            "StopTransaction" => self.stop(common, payload),
            "DataTransfer" => json!({ "status": "UnknownVendorId" }),
            "SignCertificate" => Self::sign(common, payload),
            _ => json!({}),
        }
    }

    /// 4.2: nothing while rejected, and no remote start or stop while pending.
    fn forbids(&self, common: &Common, action: &str, _: &Value) -> Option<&'static str> {
        let remote = matches!(action, "RemoteStartTransaction" | "RemoteStopTransaction");
        if common.registration.is("Rejected") {
            Some("the charge point is rejected: nothing may be sent to it")
        } else if remote && common.registration.is("Pending") {
            Some("the charge point is pending: transactions can't be started or stopped")
        } else {
            None
        }
    }

    fn complete(&self, common: &mut Common, action: &str, payload: &mut Value) {
        let number = common.number();
        for name in ["requestId", "reservationId"] {
            let wanted = name == "requestId" || action == "ReserveNow";
            if wanted && common.protocol.messages().requires(action, name) && payload.get(name).is_none() {
                payload[name] = number.into();
            }
        }
        if action == "RemoteStopTransaction" && payload.get("transactionId").is_none() {
            if let Some((id, _)) = self.running.last_key_value() {
                payload["transactionId"] = (*id).into();
            }
        }
    }

    fn prepare(&self, _: &mut Common, _: &str, _: &Value) {}

    /// What a CALL asks for will be let in.
    fn asked(&mut self, common: &mut Common, action: &str, payload: &Value) {
        if matches!(action, "TriggerMessage" | "ExtendedTriggerMessage") {
            let wanted = match text(payload, "requestedMessage") {
                "SignChargePointCertificate" => "SignCertificate",
                other => other,
            };
            common.registration.allow(wanted.to_owned());
        }
    }

    fn answered(&mut self, common: &mut Common, action: &str, request: &Value, response: &Value) {
        match (action, text(response, "status")) {
            ("GetConfiguration", _) => {
                for item in response["configurationKey"].as_array().into_iter().flatten() {
                    if let (Some(key), Some(value)) = (item["key"].as_str(), item["value"].as_str()) {
                        self.learn(key, value);
                    }
                }
            }
            ("ChangeConfiguration", "Accepted" | "RebootRequired") => self.setting_changed(common, request),
            ("SendLocalList", "Accepted") => self.list_was_sent(request),
            ("SendLocalList", "Failed" | "VersionMismatch") if request["updateType"] == "Differential" => {
                self.send_full_list(common, request);
            }
            _ => {}
        }
    }

    /// A variable is a configuration key here; there are no components.
    fn shows(&self, _: &str, variable: &str, value: &str) -> ActionOutcome {
        match self.configuration.get(variable) {
            Some(found) if found == value => ActionOutcome::Done,
            Some(found) => ActionOutcome::Denied(format!("{variable} is shown as `{found}`")),
            None => ActionOutcome::Denied(format!("{variable} is not shown")),
        }
    }
}
