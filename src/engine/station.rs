//! The station that we play for a CSMS under test: what it answers when a test case does not say.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// Variables that any station has, with what they are at first.
const VARIABLES: [(&str, &str); 18] = [
    ("AlignedDataCtrlr.Interval", "900"),
    ("AuthCtrlr.AuthorizeRemoteStart", "true"),
    ("AuthCtrlr.LocalAuthorizeOffline", "true"),
    ("AuthCtrlr.LocalPreAuthorize", "false"),
    ("DeviceDataCtrlr.BytesPerMessage[GetReport]", "65000"),
    ("DeviceDataCtrlr.BytesPerMessage[GetVariables]", "65000"),
    ("DeviceDataCtrlr.ItemsPerMessage[GetReport]", "50"),
    ("DeviceDataCtrlr.ItemsPerMessage[GetVariables]", "50"),
    ("OCPPCommCtrlr.FileTransferProtocols", "HTTP"),
    ("OCPPCommCtrlr.HeartbeatInterval", "300"),
    ("OCPPCommCtrlr.MessageTimeout[Default]", "30"),
    ("OCPPCommCtrlr.NetworkConfigurationPriority", "1"),
    ("OCPPCommCtrlr.OfflineThreshold", "600"),
    ("SampledDataCtrlr.TxUpdatedInterval", "60"),
    ("SecurityCtrlr.CertificateEntries", "1"),
    ("TxCtrlr.EVConnectionTimeOut", "60"),
    ("TxCtrlr.TxStartPoint", "EVConnected,Authorized"),
    ("TxCtrlr.TxStopPoint", "EVConnected"),
];

/// Most variables that a CSMS may add.
const MAX_VARIABLES: usize = 2000;

/// What our station remembers.
#[derive(Debug, Clone, Default)]
pub(crate) struct OwnStation {
    /// Values that the CSMS set.
    set: BTreeMap<String, String>,
    /// Version of the local list; 0 before there is one.
    local_list: i64,
}

fn name_of(item: &Value) -> Option<String> {
    let part = |part: &Value| {
        let name = part["name"].as_str()?;
        Some(part["instance"].as_str().map_or_else(|| name.to_owned(), |instance| format!("{name}[{instance}]")))
    };
    Some(format!("{}.{}", part(&item["component"])?, part(&item["variable"])?))
}

impl OwnStation {
    fn value(&self, name: &str) -> Option<&str> {
        let first = || VARIABLES.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
        self.set.get(name).map(String::as_str).or_else(first)
    }

    /// Takes in what an answer, the test case's or our own, did.
    pub(crate) fn learn(&mut self, action: &str, request: &Value, reply: &Value) {
        if action == "SendLocalList" && reply["status"] == "Accepted" {
            self.local_list = request["versionNumber"].as_i64().unwrap_or(self.local_list);
        }
        if action != "SetVariables" {
            return;
        }
        let items = request["setVariableData"].as_array().into_iter().flatten();
        for (item, result) in items.zip(reply["setVariableResult"].as_array().into_iter().flatten()) {
            let (Some(name), Some(value)) = (name_of(item), item["attributeValue"].as_str()) else { continue };
            let taken = result["attributeStatus"] == "Accepted";
            if taken && !name.ends_with(".BasicAuthPassword") && self.set.len() < MAX_VARIABLES {
                self.set.insert(name, value.to_owned());
            }
        }
    }

    fn variable(&self, item: &Value) -> Value {
        let mut result = json!({ "component": item["component"], "variable": item["variable"] });
        let kind = item["attributeType"].as_str().unwrap_or("Actual");
        result["attributeType"] = kind.into();
        let name = name_of(item).unwrap_or_default();
        let component = name.split_once('.').map_or("", |(component, _)| component);
        let status = match self.value(&name) {
            _ if item["variable"]["name"] == "BasicAuthPassword" => "Rejected",
            Some(value) if kind == "Actual" => {
                result["attributeValue"] = value.into();
                "Accepted"
            }
            Some(_) => "NotSupportedAttributeType",
            None if VARIABLES.iter().any(|(known, _)| known.starts_with(&format!("{component}."))) => "UnknownVariable",
            None => "UnknownComponent",
        };
        result["attributeStatus"] = status.into();
        result
    }

    /// The answer to a CALL of the CSMS.
    pub(crate) fn reply(&self, action: &str, payload: &Value) -> Value {
        let items = |name: &str| payload[name].as_array().cloned().unwrap_or_default();
        match action {
            "GetVariables" => {
                let results = items("getVariableData");
                json!({ "getVariableResult": results.iter().map(|item| self.variable(item)).collect::<Vec<_>>() })
            }
            "SetVariables" => {
                let results = items("setVariableData").into_iter().map(|item| {
                    json!({
                        "component": item["component"], "variable": item["variable"], "attributeStatus": "Accepted",
                        "attributeType": item["attributeType"].as_str().unwrap_or("Actual"),
                    })
                });
                json!({ "setVariableResult": results.collect::<Vec<_>>() })
            }
            "SetVariableMonitoring" => {
                let results = items("setMonitoringData").into_iter().map(|item| {
                    json!({
                        "component": item["component"], "variable": item["variable"], "type": item["type"],
                        "severity": item["severity"], "status": "UnknownComponent",
                    })
                });
                json!({ "setMonitoringResult": results.collect::<Vec<_>>() })
            }
            "ClearVariableMonitoring" => {
                let results = items("id").into_iter().map(|id| json!({ "id": id, "status": "NotFound" }));
                json!({ "clearMonitoringResult": results.collect::<Vec<_>>() })
            }
            "GetBaseReport" | "GetReport" | "GetMonitoringReport" => json!({ "status": "EmptyResultSet" }),
            "TriggerMessage" => json!({ "status": "NotImplemented" }),
            "GetLocalListVersion" => json!({ "versionNumber": self.local_list }),
            "GetTransactionStatus" => json!({ "messagesInQueue": false }),
            "GetInstalledCertificateIds" => json!({ "status": "NotFound" }),
            "GetChargingProfiles" => json!({ "status": "NoProfiles" }),
            "GetDisplayMessages" => json!({ "status": "Unknown" }),
            "GetLog" | "GetCompositeSchedule" | "RequestStartTransaction" | "RequestStopTransaction" => {
                json!({ "status": "Rejected" })
            }
            "DataTransfer" => json!({ "status": "UnknownVendorId" }),
            "UnlockConnector" => json!({ "status": "UnknownConnector" }),
            _ => json!({ "status": "Accepted" }),
        }
    }
}
