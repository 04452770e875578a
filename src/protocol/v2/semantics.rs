//! What messages of OCPP 2.x mean, whatever has gone before.

use serde_json::{Value, json};

use super::{kpis, registration::BOOT, variables};
use crate::{
    link::Secret,
    protocol::{
        semantics::{Awaited, KpiDefinition, Sample, Semantics, VariableAsked, VariableMessage, WordSet},
        session::Call,
    },
    yaml::shorten,
};

/// The semantics of OCPP 2.x.
#[derive(Debug)]
pub struct Meanings;

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

    fn is_uncounted(&self, awaited: &Awaited, payload: &Value) -> bool {
        awaited.key == kpis::STOP_AUTHORIZATION && payload["transactionInfo"]["chargingState"] == "EVConnected"
    }

    fn disturbs(&self, action: &str, payload: &Value) -> bool {
        action == "TransactionEvent" && payload["triggerReason"] == "ChargingStateChanged"
    }

    fn variables(&self, asked: &[VariableAsked]) -> Option<VariableMessage> {
        Some(variables::message(asked))
    }

    fn place_of(&self, words: WordSet) -> Option<(&'static str, &'static str)> {
        Some(match words {
            WordSet::TokenTypes => ("Authorize", "/idToken/type"),
            WordSet::Measurands => ("MeterValues", "/meterValue/0/sampledValue/0/measurand"),
            WordSet::Interfaces => ("SetNetworkProfile", "/connectionData/ocppInterface"),
            WordSet::AttributeTypes => ("GetVariables", "/getVariableData/0/attributeType"),
            WordSet::RequestsOfCsms => return None,
            WordSet::ReadingContexts => ("MeterValues", "/meterValue/0/sampledValue/0/context"),
        })
    }

    fn summary(&self, call: &Call) -> String {
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

    fn is_periodic(&self, call: &Call, mentions: &dyn Fn(&str) -> bool) -> bool {
        call.action == "TransactionEvent"
            && call.payload["eventType"] == "Updated"
            && matches!(
                call.payload["triggerReason"].as_str(),
                Some("MeterValuePeriodic" | "MeterValueClock" | "RunningCost")
            )
            && !mentions("triggerReason")
            && !mentions("eventType")
    }

    fn begins_anew(&self, action: &str) -> bool {
        // What comes before a boot is nothing that is due after it (B01.FR.05).
        action == BOOT
    }

    fn is_last_word(&self, call: &Call) -> bool {
        // A download has failed when all its attempts have (L01.FR.30). That an upload has failed may be said of each of them
        // (N01.FR.10).
        const FIRMWARE: [&str; 5] =
            ["DownloadFailed", "InstallVerificationFailed", "InstallationFailed", "Installed", "InvalidSignature"];
        let last: &[&str] = match &*call.action {
            "FirmwareStatusNotification" => &FIRMWARE,
            "LogStatusNotification" => &["AcceptedCanceled", "Uploaded"],
            _ => return false,
        };
        call.payload["status"].as_str().is_some_and(|status| last.contains(&status))
    }

    fn comes_again(&self, action: &str) -> bool {
        // E13.
        action == "TransactionEvent"
    }

    /// A password or a shared secret in SetVariables, and a password in a network profile (OCPP 2.1), must not appear in any artefact.
    fn secrets(&self, payload: &Value) -> Vec<Secret> {
        const SECRET: [&str; 3] = ["ApnPassword", "BasicAuthPassword", "SharedSecret"];
        let items = payload["setVariableData"].as_array().into_iter().flatten();
        let set = items.filter(|item| item["variable"]["name"].as_str().is_some_and(|name| SECRET.contains(&name)));
        let set = set.filter_map(|item| item["attributeValue"].as_str());
        set.chain(payload.pointer("/connectionData/basicAuthPassword").and_then(Value::as_str))
            .map(Secret::new)
            .collect()
    }

    fn harmless(&self, tests_station: bool) -> &'static str {
        if tests_station { "Heartbeat" } else { "ClearCache" }
    }

    fn demanding(&self, tests_station: bool) -> &'static str {
        if tests_station { "StatusNotification" } else { "GetVariables" }
    }

    fn unasked(&self, tests_station: bool, sent: &dyn Fn(&str) -> bool) -> Sample {
        if tests_station {
            ("ReservationStatusUpdate", json!({ "reservationId": 1, "reservationUpdateStatus": "Expired" }))
        } else if sent("SignCertificate") {
            // A certificate is no surprise then.
            ("Reset", json!({ "type": "Immediate" }))
        } else {
            ("CertificateSigned", json!({ "certificateChain": "audit" }))
        }
    }

    fn after_the_end(&self, action: &str, payload: &Value) -> Option<Value> {
        if action != "TransactionEvent" || payload["eventType"] != "Ended" {
            return None;
        }
        let mut payload = payload.clone();
        payload["eventType"] = "Updated".into();
        payload["triggerReason"] = "MeterValuePeriodic".into();
        payload["seqNo"] = (payload["seqNo"].as_i64().unwrap_or(0) + 1).into();
        if let Some(info) = payload["transactionInfo"].as_object_mut() {
            info.remove("stoppedReason");
        }
        Some(payload)
    }

    fn tells_by_request(&self, names: &dyn Fn(&str) -> bool, action: &str) -> bool {
        match action {
            "TransactionEvent" => names("transaction") || names("transactions"),
            "StatusNotification" | "NotifyEvent" => names("connector_status") || names("connector_statuses"),
            _ => false,
        }
    }

    fn tells_by_answer(&self, names: &dyn Fn(&str) -> bool, payload: &Value) -> bool {
        (names("variable") || names("variables"))
            && (payload.get("getVariableResult").is_some() || payload.get("setVariableResult").is_some())
    }
}
