//! The KPIs of OCPP 2.0.1's certificates: what they are, and which messages they pair.

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
        description: "From asking for a report or a notification until the first message that brings it.",
    },
    KpiDefinition {
        key: "start-authorization",
        name: "Transaction authorization time by RequestStartTransactionRequest",
        description: "From RequestStartTransaction until its TransactionEvent, where no manual action and no charging \
                      state transition stands in between.",
    },
    KpiDefinition {
        key: STOP_AUTHORIZATION,
        name: "Transaction authorization end time by RequestStopTransactionRequest",
        description: "From RequestStopTransaction until its TransactionEvent, unless that one reports the charging \
                      state EVConnected.",
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
    if response.get("status") != Some(&"Accepted".into()) {
        return None;
    }
    let (key, later, holds): (_, &str, Vec<(&'static str, Value)>) = match action {
        "RequestStartTransaction" => {
            let id = request.get("remoteStartId")?.clone();
            let holds = vec![("/triggerReason", "RemoteStart".into()), ("/transactionInfo/remoteStartId", id)];
            ("start-authorization", "TransactionEvent", holds)
        }
        "RequestStopTransaction" => {
            let id = request.get("transactionId")?.clone();
            let holds = vec![("/triggerReason", "RemoteStop".into()), ("/transactionInfo/transactionId", id)];
            (STOP_AUTHORIZATION, "TransactionEvent", holds)
        }
        _ => ("triggered-function", fulfilment(action, request)?, Vec::new()),
    };
    let undisturbed = !holds.is_empty();
    Some(Awaited { key, request: action.to_owned(), action: later.to_owned(), holds, undisturbed })
}

/// The action that brings what was asked for.
fn fulfilment<'r>(action: &str, request: &'r Value) -> Option<&'r str> {
    Some(match action {
        "GetBaseReport" | "GetReport" => "NotifyReport",
        "GetMonitoringReport" => "NotifyMonitoringReport",
        "GetLog" => "LogStatusNotification",
        "CustomerInformation" => "NotifyCustomerInformation",
        "GetDisplayMessages" => "NotifyDisplayMessages",
        "GetChargingProfiles" => "ReportChargingProfiles",
        "TriggerMessage" => match request.get("requestedMessage")?.as_str()? {
            wanted if wanted.starts_with("Sign") => "SignCertificate",
            wanted => wanted,
        },
        _ => return None,
    })
}
