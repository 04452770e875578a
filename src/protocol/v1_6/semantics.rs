//! What messages of OCPP 1.6 mean, whatever has gone before.

use serde_json::{Value, json};

use super::{kpis, own_station, registration::BOOT};
use crate::{
    link::{KEY_BYTES, Secret, bytes_of},
    protocol::{
        semantics::{Awaited, KpiDefinition, Sample, Semantics, WordSet},
        session::Call,
    },
    yaml::shorten,
};

/// The semantics of OCPP 1.6.
#[derive(Debug)]
pub struct Meanings;

/// The messages that a charge point queues while it is offline, and repeats until they are processed (3.7, 3.7.1).
pub(super) const OF_TRANSACTIONS: [&str; 3] = ["StartTransaction", "StopTransaction", "MeterValues"];

/// The configuration key that holds the password of HTTP Basic authentication (OCPP-J 1.6, 6.2.2; security whitepaper, 7.2).
pub(in crate::protocol::v1_6) const PASSWORD_KEY: &str = "AuthorizationKey";

impl Semantics for Meanings {
    fn kpis(&self, tests_station: bool) -> &'static [KpiDefinition] {
        if tests_station { &kpis::OF_STATION } else { &kpis::OF_CSMS }
    }

    fn kpi_of_answer(&self, tests_station: bool, action: &str) -> &'static str {
        if !tests_station && action == "Authorize" { "authorize" } else { "response-time" }
    }

    fn awaited(&self, action: &str, request: &Value, response: &Value) -> Option<Awaited> {
        kpis::awaited(action, request, response)
    }

    /// A transaction that something else has stopped in the meantime.
    fn is_uncounted(&self, awaited: &Awaited, payload: &Value) -> bool {
        awaited.key == kpis::STOP_AUTHORIZATION && payload["reason"] != "Remote"
    }

    /// Charging and Finishing come with the message that is awaited, in either order.
    fn disturbs(&self, action: &str, payload: &Value) -> bool {
        action == "StatusNotification"
            && matches!(
                payload["status"].as_str(),
                Some("Preparing" | "SuspendedEV" | "SuspendedEVSE" | "Unavailable" | "Faulted")
            )
    }

    fn configuration_key(&self, name: &str) -> Option<bool> {
        Some(own_station::is_key(name))
    }

    fn place_of(&self, words: WordSet) -> Option<(&'static str, &'static str)> {
        match words {
            WordSet::Measurands => Some(("MeterValues", "/meterValue/0/sampledValue/0/measurand")),
            WordSet::ReadingContexts => Some(("MeterValues", "/meterValue/0/sampledValue/0/context")),
            // An idTag has no type, and 1.6 has no connection profiles.
            WordSet::TokenTypes | WordSet::Interfaces | WordSet::RequestsOfCsms | WordSet::AttributeTypes => None,
        }
    }

    fn summary(&self, call: &Call) -> String {
        const TELLING: [&str; 7] =
            ["/status", "/errorCode", "/reason", "/type", "/requestedMessage", "/key", "/certificateType"];
        let connector = call.payload["connectorId"].as_u64().map(|connector| format!("connector {connector}"));
        let details: Vec<String> = TELLING
            .iter()
            .filter_map(|pointer| call.payload.pointer(pointer)?.as_str())
            .filter(|text| *text != "NoError")
            .map(|text| shorten(text, 40))
            .collect();
        let details: Vec<String> = connector.into_iter().chain(details).collect();
        if details.is_empty() { call.action.clone() } else { format!("{} ({})", call.action, details.join(", ")) }
    }

    /// MeterValues stand for themselves in 1.6, so that a step which names them asks for them. Those of the clock are about no
    /// transaction: a step about a transaction does not ask for them.
    fn is_periodic(&self, call: &Call, mentions: &dyn Fn(&str) -> bool) -> bool {
        call.action == "MeterValues" && is_of_the_clock(&call.payload) && !mentions("meterValue")
    }

    fn begins_anew(&self, action: &str) -> bool {
        // What comes before a boot is nothing that is due after it (errata 3.22).
        action == BOOT
    }

    /// Errata of OCPP-J 1.6, 3.1.
    fn keeps_id_when_sent_again(&self) -> bool {
        true
    }

    fn is_last_word(&self, call: &Call) -> bool {
        // That a transfer has failed may be said of each attempt.
        const SIGNED: [&str; 4] = ["InstallVerificationFailed", "InstallationFailed", "Installed", "InvalidSignature"];
        let last: &[&str] = match &*call.action {
            "FirmwareStatusNotification" => &["InstallationFailed", "Installed"],
            "SignedFirmwareStatusNotification" => &SIGNED,
            "DiagnosticsStatusNotification" | "LogStatusNotification" => &["Uploaded"],
            _ => return false,
        };
        call.payload["status"].as_str().is_some_and(|status| last.contains(&status))
    }

    fn comes_again(&self, action: &str) -> bool {
        OF_TRANSACTIONS.contains(&action)
    }

    fn password(&self, password: &Secret) -> Secret {
        Secret::authorization_key(password.expose())
    }

    fn has_profile_0(&self) -> bool {
        true
    }

    fn password_length(&self) -> std::ops::RangeInclusive<usize> {
        KEY_BYTES
    }

    fn password_in_messages(&self, password: &Secret) -> String {
        self.password(password).digits()
    }

    /// A password in ChangeConfiguration must not appear in any artefact. It is sent as hexadecimal digits, and used as the bytes
    /// that they stand for; judged again, as many secrets must be told, whatever stands for the digits then.
    fn secrets(&self, payload: &Value) -> Vec<Secret> {
        let is_password = payload["key"].as_str().is_some_and(|key| key.eq_ignore_ascii_case(PASSWORD_KEY));
        let Some(value) = payload["value"].as_str().filter(|value| is_password && !value.is_empty()) else {
            return Vec::new();
        };
        // As the link tells what was shown.
        let shown = bytes_of(value).map_or_else(|| value.into(), |bytes| String::from_utf8_lossy(&bytes).into_owned());
        vec![Secret::new(value), Secret::new(shown)]
    }

    fn harmless(&self, tests_station: bool) -> &'static str {
        if tests_station { "Heartbeat" } else { "GetLocalListVersion" }
    }

    fn demanding(&self, tests_station: bool) -> &'static str {
        if tests_station { "StatusNotification" } else { "ChangeConfiguration" }
    }

    fn unasked(&self, tests_station: bool, sent: &dyn Fn(&str) -> bool) -> Sample {
        if tests_station {
            ("Authorize", json!({ "idTag": "audit" }))
        } else if sent("SignCertificate") {
            // A certificate is no surprise then.
            ("Reset", json!({ "type": "Hard" }))
        } else {
            ("CertificateSigned", json!({ "certificateChain": "audit" }))
        }
    }

    /// Nothing may be told of a transaction that is over.
    fn after_the_end(&self, action: &str, payload: &Value) -> Option<Value> {
        (action == "StopTransaction").then(|| {
            let mut payload = payload.clone();
            payload["meterStop"] = (payload["meterStop"].as_i64().unwrap_or(0) + 1).into();
            payload
        })
    }

    fn tells_by_request(&self, names: &dyn Fn(&str) -> bool, action: &str) -> bool {
        match action {
            "StartTransaction" | "StopTransaction" => names("transaction") || names("transactions"),
            "StatusNotification" => {
                names("connector_status")
                    || names("connector_statuses")
                    || names("transaction")
                    || names("transactions")
            }
            _ => false,
        }
    }

    fn tells_by_answer(&self, names: &dyn Fn(&str) -> bool, payload: &Value) -> bool {
        (names("variable") || names("variables")) && payload.get("configurationKey").is_some()
    }
}

/// True for meter values that were taken at a clock-aligned time (3.16.2).
fn is_of_the_clock(payload: &Value) -> bool {
    let values = payload["meterValue"].as_array().into_iter().flatten();
    let mut samples = values.flat_map(|value| value["sampledValue"].as_array().into_iter().flatten()).peekable();
    samples.peek().is_some() && samples.all(|sample| sample["context"] == "Sample.Clock")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{clock::Stamp, link::ConnId};

    fn call(action: &str, payload: Value) -> Call {
        Call {
            conn: ConnId(1),
            id: "1".into(),
            action: action.into(),
            payload,
            at: Stamp { mono_ns: 0, wall: jiff::Timestamp::UNIX_EPOCH },
            text: String::new(),
            input: 0,
        }
    }

    #[test]
    fn a_password_is_a_secret_in_both_its_forms() {
        let secrets = |key: &str, value: &str| {
            let secrets = Meanings.secrets(&json!({ "key": key, "value": value }));
            secrets.iter().map(|secret| secret.expose().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(secrets("AuthorizationKey", "6162636421"), ["6162636421", "abcd!"]);
        assert_eq!(secrets("authorizationkey", "FF00"), ["FF00", "\u{fffd}\0"], "its bytes are no text");
        assert_eq!(secrets("AuthorizationKey", "odd"), ["odd", "odd"]);
        assert!(secrets("HeartbeatInterval", "86400").is_empty());
    }

    #[test]
    fn a_password_has_a_form_in_messages_and_digits_are_its_bytes() {
        let digits = "6174746573742d6e65772d70617373776f7264";
        let password = |text: &str| Meanings.password(&Secret::new(text));
        assert_eq!((password(digits).expose(), password(digits).bytes()), (digits, b"attest-new-password".to_vec()));
        assert_eq!(Meanings.password_in_messages(&password(digits)), digits);
        assert_eq!(Meanings.password_in_messages(&password("attest-new-password")), digits);
        let (long, odd) = ("0".repeat(42), "0".repeat(33));
        for text in ["00112233445566778899", "not hexadecimal, though it is long", long.as_str(), odd.as_str()] {
            assert_eq!(password(text).bytes(), text.as_bytes(), "{text}");
        }
    }

    #[test]
    fn what_a_request_promises_is_told_by_its_own_messages() {
        let accepted = json!({ "status": "Accepted" });
        let awaited = |action: &str, request: Value| {
            let awaited = Meanings.awaited(action, &request, &accepted)?;
            Some((awaited.key, awaited.action))
        };
        let trigger = |wanted: &str| json!({ "requestedMessage": wanted });
        let triggered = |action: &str| Some(("triggered-function", action.to_owned()));
        assert_eq!(
            awaited("ExtendedTriggerMessage", trigger("FirmwareStatusNotification")),
            triggered("SignedFirmwareStatusNotification")
        );
        assert_eq!(
            awaited("TriggerMessage", trigger("FirmwareStatusNotification")),
            triggered("FirmwareStatusNotification")
        );
        assert_eq!(
            awaited("ExtendedTriggerMessage", trigger("SignChargePointCertificate")),
            triggered("SignCertificate")
        );
        assert_eq!(awaited("GetDiagnostics", json!({})), None, "no file, no upload");
        let start = json!({ "idTag": "A", "connectorId": 2 });
        let awaited = Meanings.awaited("RemoteStartTransaction", &start, &accepted).unwrap();
        assert!(awaited.is("StartTransaction", &json!({ "idTag": "A", "connectorId": 2, "meterStart": 0 })));
        assert!(!awaited.is("StartTransaction", &json!({ "idTag": "A", "connectorId": 1, "meterStart": 0 })));
        let stop = Meanings.awaited("RemoteStopTransaction", &json!({ "transactionId": 7 }), &accepted).unwrap();
        assert!(Meanings.is_uncounted(&stop, &json!({ "transactionId": 7, "reason": "Local" })));
    }

    #[test]
    fn meter_values_of_the_clock_are_background_unless_a_step_looks_into_them() {
        let values = |contexts: &[&str]| {
            let sampled: Vec<Value> = contexts.iter().map(|of| json!({ "value": "1", "context": of })).collect();
            call("MeterValues", json!({ "connectorId": 1, "meterValue": [{ "sampledValue": sampled }] }))
        };
        let periodic = |call: &Call, member: &str| Meanings.is_periodic(call, &|name| name == member);
        assert!(periodic(&values(&["Sample.Clock"]), "transactionId"));
        assert!(!periodic(&values(&["Sample.Clock"]), "meterValue"));
        assert!(!periodic(&values(&["Sample.Clock", "Sample.Periodic"]), ""));
        assert!(!periodic(&values(&["Sample.Periodic"]), "") && !periodic(&values(&[]), ""));
    }

    #[test]
    fn a_summary_says_what_distinguishes_a_message() {
        let status = json!({ "connectorId": 1, "status": "Charging", "errorCode": "NoError" });
        assert_eq!(Meanings.summary(&call("StatusNotification", status)), "StatusNotification (connector 1, Charging)");
        assert_eq!(Meanings.summary(&call("Heartbeat", json!({}))), "Heartbeat");
    }
}
