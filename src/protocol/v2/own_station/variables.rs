//! Reading and setting variables (B05, B06).

use serde_json::{Value, json};

use super::{
    Around, Asked, OwnStation,
    connection::NetworkProfiles,
    device::{Device, Variable},
    items,
    model::{BadValue, Mutability},
};

/// Least length of a password (A00.FR.205); the model has the greatest.
const SHORTEST_PASSWORD: usize = 16;
/// The variable with the order of the network connection profiles.
pub(super) const PRIORITY: &str = "OCPPCommCtrlr.NetworkConfigurationPriority";

fn result_of(item: &Value) -> Value {
    json!({
        "component": item["component"],
        "variable": item["variable"],
        "attributeType": item["attributeType"].as_str().unwrap_or("Actual"),
    })
}

/// Finds the variable if its actual value is requested; otherwise the status.
fn actual(device: &Device<'_>, item: &Value) -> Result<Variable, &'static str> {
    let variable = device.find(item).map_err(super::device::Unknown::status)?;
    let actual = item.get("attributeType").is_none_or(|kind| kind == "Actual");
    if actual { Ok(variable) } else { Err("NotSupportedAttributeType") }
}

impl OwnStation {
    pub(super) fn get_variables(&self, around: &Around, payload: &Value) -> Value {
        let device = Device::new(self, around);
        let results = items(payload, "getVariableData").map(|item| {
            let mut result = result_of(item);
            let status = match actual(&device, item) {
                Err(status) => status,
                Ok(variable) if variable.definition.variable.mutability == Mutability::WriteOnly => {
                    result["attributeStatusInfo"] = json!({ "reasonCode": "WriteOnly" });
                    "Rejected"
                }
                Ok(variable) => {
                    result["attributeValue"] = device.value(&variable).into();
                    "Accepted"
                }
            };
            result["attributeStatus"] = status.into();
            result
        });
        json!({ "getVariableResult": results.collect::<Vec<_>>() })
    }

    pub(super) fn set_variables(&self, around: &Around, payload: &Value, asked: Asked) -> Value {
        let device = Device::new(self, around);
        let results = items(payload, "setVariableData").map(|item| {
            let mut result = result_of(item);
            let value = item["attributeValue"].as_str().unwrap_or_default();
            let status = match actual(&device, item) {
                Err(status) => status,
                Ok(variable) => match self.settable(&device, &variable, value, asked) {
                    Ok(()) if variable.definition.variable.reboot => "RebootRequired",
                    Ok(()) => "Accepted",
                    Err(reason) => {
                        result["attributeStatusInfo"] = json!({ "reasonCode": reason });
                        "Rejected"
                    }
                },
            };
            result["attributeStatus"] = status.into();
            result
        });
        json!({ "setVariableResult": results.collect::<Vec<_>>() })
    }

    /// Checks whether a variable can be set to a value; if not, returns the reason code.
    fn settable(
        &self,
        device: &Device<'_>,
        variable: &Variable,
        value: &str,
        asked: Asked,
    ) -> Result<(), &'static str> {
        if !variable.definition.variable.is_writable() {
            return Err("ReadOnly");
        }
        variable.definition.variable.admits(value, &device.values(variable)).map_err(|bad| match bad {
            BadValue::Format => "InvalidValue",
            BadValue::Range => "ValueOutOfRange",
        })?;
        match variable.key().as_str() {
            "SecurityCtrlr.BasicAuthPassword" if value.chars().count() < SHORTEST_PASSWORD => Err("InvalidValue"),
            // The bench has a fixed password. With another one the next run could not connect.
            "SecurityCtrlr.BasicAuthPassword" if asked == Asked::Unasked => Err("Unspecified"),
            // B09.FR.22
            key if NetworkProfiles::is_in_use(device, key) => Err("ActiveNetworkConf"),
            // B10.FR.02
            PRIORITY if !self.networks.has_all(device.around, value) => Err("InvalidNetworkConf"),
            _ => Ok(()),
        }
    }

    /// Stores the values that an answer accepted, except passwords.
    pub(super) fn keep_variables(&mut self, around: &Around, request: &Value, reply: &Value) {
        for (item, result) in items(request, "setVariableData").zip(items(reply, "setVariableResult")) {
            let taken = result["attributeStatus"] == "Accepted" || result["attributeStatus"] == "RebootRequired";
            let (true, Some(value)) = (taken, item["attributeValue"].as_str()) else { continue };
            let found = actual(&Device::new(self, around), item).ok();
            if let Some(variable) = found.filter(|one| one.definition.variable.mutability == Mutability::ReadWrite) {
                self.set.insert(variable.key(), value.to_owned());
            }
        }
    }
}
