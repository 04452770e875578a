//! The KPIs of a product that speaks OCPP 1.6: the same measurements as for OCPP 2.x, taken with the messages of 1.6.

use serde_json::Value;

use crate::protocol::semantics::{Awaited, KpiDefinition};

/// The key of the KPI that is measured when a transaction is stopped from afar.
pub(super) const STOP_AUTHORIZATION: &str = "stop-authorization";

pub(super) const OF_STATION: [KpiDefinition; 4] = [
    KpiDefinition {
        key: "response-time",
        name: "OCPP response time",
        description: "From sending an OCPP request to the product until its response is in; every request counts.",
    },
    KpiDefinition {
        key: "triggered-function",
        name: "OCPP triggered function response time",
        description: "From asking for a notification or an upload until the first message that tells of it.",
    },
    KpiDefinition {
        key: "start-authorization",
        name: "Transaction authorization time by RemoteStartTransaction.req",
        description: "From RemoteStartTransaction.req until its StartTransaction.req, where no manual action and no new \
                      status of a connector stands in between.",
    },
    KpiDefinition {
        key: STOP_AUTHORIZATION,
        name: "Transaction authorization end time by RemoteStopTransaction.req",
        description: "From RemoteStopTransaction.req until its StopTransaction.req with the reason Remote.",
    },
];

pub(super) const OF_CSMS: [KpiDefinition; 2] = [
    KpiDefinition {
        key: "response-time",
        name: "OCPP response time",
        description: "From sending an OCPP request to the product until its response is in; every request counts but \
                      Authorize.",
    },
    KpiDefinition {
        key: "authorize",
        name: "Response time Authorize",
        description: "From sending Authorize until its response is in.",
    },
];

/// What a request promises for later, once a station has accepted it.
pub(super) fn awaited(action: &str, request: &Value, response: &Value) -> Option<Awaited> {
    let accepted = match action {
        // Its response has no status, but names the file that will be uploaded (5.9).
        "GetDiagnostics" => response.get("fileName").is_some(),
        _ => response.get("status") == Some(&"Accepted".into()),
    };
    if !accepted {
        return None;
    }
    let (key, later, holds): (_, _, Vec<(&'static str, Value)>) = match action {
        "RemoteStartTransaction" => {
            let mut holds = vec![("/idTag", request.get("idTag")?.clone())];
            holds.extend(request.get("connectorId").map(|connector| ("/connectorId", connector.clone())));
            ("start-authorization", "StartTransaction", holds)
        }
        "RemoteStopTransaction" => {
            let holds = vec![("/transactionId", request.get("transactionId")?.clone())];
            (STOP_AUTHORIZATION, "StopTransaction", holds)
        }
        _ => ("triggered-function", fulfilment(action, request)?, Vec::new()),
    };
    let undisturbed = !holds.is_empty();
    Some(Awaited { key, request: action.to_owned(), action: later.to_owned(), holds, undisturbed })
}

/// The action that brings what was asked for.
fn fulfilment<'r>(action: &str, request: &'r Value) -> Option<&'r str> {
    Some(match action {
        "GetDiagnostics" => "DiagnosticsStatusNotification",
        "GetLog" => "LogStatusNotification",
        "TriggerMessage" | "ExtendedTriggerMessage" => triggered(action, request.get("requestedMessage")?.as_str()?),
        _ => return None,
    })
}

/// The action that a trigger asks for (security whitepaper, 6.16, for the extended one).
pub(super) fn triggered<'r>(action: &str, wanted: &'r str) -> &'r str {
    match wanted {
        "SignChargePointCertificate" => "SignCertificate",
        "FirmwareStatusNotification" if action == "ExtendedTriggerMessage" => "SignedFirmwareStatusNotification",
        wanted => wanted,
    }
}
