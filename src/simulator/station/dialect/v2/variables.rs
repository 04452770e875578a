//! Variables read and written (B05, B06), and how much of that fits in one message.

use serde_json::{Value, json};

use super::{
    Station,
    device::{Mutability, Variable},
};
use crate::link::Secret;

/// Text that is there and says something: an empty instance is none (B06.FR.15).
fn instance(named: &Value) -> Option<&str> {
    named["instance"].as_str().filter(|text| !text.is_empty())
}

fn narrow(number: &Value) -> Option<u32> {
    number.as_u64().map(|number| u32::try_from(number).unwrap_or(u32::MAX))
}

/// Thresholds of load balancing may be taken away again.
fn may_be_empty(variable: &Variable, value: &str) -> bool {
    value.is_empty() && (variable.component, variable.name) == ("V2XChargingCtrlr", "LocalLoadBalancing")
}

impl Station {
    /// B06.FR.16/17, B08.FR.17/18, N06.FR.06/07: the error for a message with more in it than the device model promises to take.
    pub(super) fn over_limit(&self, action: &str, payload: &Value, bytes: usize) -> Option<&'static str> {
        let (component, which, items) = match action {
            "GetVariables" => ("DeviceDataCtrlr", "GetVariables", "getVariableData"),
            "SetVariables" => ("DeviceDataCtrlr", "SetVariables", "setVariableData"),
            // N02.FR.07: a report of monitors has the limits of a report.
            "GetReport" | "GetMonitoringReport" => ("DeviceDataCtrlr", "GetReport", "componentVariable"),
            "SetVariableMonitoring" => ("MonitoringCtrlr", "SetVariableMonitoring", "setMonitoringData"),
            "ClearVariableMonitoring" => ("MonitoringCtrlr", "ClearVariableMonitoring", "id"),
            _ => return None,
        };
        let over = |name: &str, found: usize| {
            self.device
                .instance(component, name, which)
                .is_some_and(|limit| limit.parse().is_ok_and(|limit: usize| found > limit))
        };
        if over("ItemsPerMessage", payload[items].as_array().map_or(0, Vec::len)) {
            return Some("OccurrenceConstraintViolation");
        }
        over("BytesPerMessage", bytes).then_some("FormatViolation")
    }

    pub(super) fn find_variable(&self, item: &Value) -> Result<usize, &'static str> {
        let component = &item["component"];
        let evse = &component["evse"];
        let place = narrow(&evse["id"]).map(|id| (id, narrow(&evse["connectorId"])));
        let same_component = |variable: &Variable| {
            component["name"].as_str().is_some_and(|name| name.eq_ignore_ascii_case(variable.component))
                && variable.place == place
                && instance(component) == variable.component_instance.as_deref()
        };
        let same_name = |variable: &Variable| {
            item["variable"]["name"].as_str().is_some_and(|name| name.eq_ignore_ascii_case(variable.name))
                && instance(&item["variable"]).map(str::to_lowercase) == variable.instance.map(str::to_lowercase)
        };
        let found = self.device.variables.iter().position(|variable| same_component(variable) && same_name(variable));
        match found {
            Some(index) => Ok(index),
            None if self.device.variables.iter().any(same_component) => Err("UnknownVariable"),
            None => Err("UnknownComponent"),
        }
    }

    pub(super) fn get_variables(&mut self, payload: &Value) -> Value {
        let now = self.physical.wall();
        self.device.put("ClockCtrlr", "DateTime", now);
        let results = payload["getVariableData"].as_array().into_iter().flatten().map(|item| {
            let kind = item["attributeType"].as_str().unwrap_or("Actual");
            let mut result =
                json!({ "component": item["component"], "variable": item["variable"], "attributeType": kind });
            let status = match self.find_variable(item) {
                Err(status) => status,
                Ok(_) if kind != "Actual" => "NotSupportedAttributeType",
                Ok(index) => match &self.device.variables[index] {
                    variable if variable.mutability == Mutability::WriteOnly => "Rejected",
                    variable => {
                        result["attributeValue"] = variable.value.clone().into();
                        "Accepted"
                    }
                },
            };
            result["attributeStatus"] = status.into();
            result
        });
        json!({ "getVariableResult": results.collect::<Vec<_>>() })
    }

    pub(super) fn set_variables(&mut self, payload: &Value) -> Value {
        let mut results = Vec::new();
        for item in payload["setVariableData"].as_array().into_iter().flatten() {
            let kind = item["attributeType"].as_str().unwrap_or("Actual");
            let value = item["attributeValue"].as_str().unwrap_or_default();
            let outcome = match self.find_variable(item) {
                Err(status) => Err((status, None)),
                Ok(_) if kind != "Actual" => Err(("NotSupportedAttributeType", None)),
                Ok(index) => self.set_variable(index, value).map_err(|reason| ("Rejected", Some(reason))),
            };
            let (status, reason) = match outcome {
                Ok(status) => (status, None),
                Err(refused) => refused,
            };
            let mut result = json!({
                "component": item["component"],
                "variable": item["variable"],
                "attributeType": kind,
                "attributeStatus": status,
            });
            if let Some(reason) = reason {
                result["attributeStatusInfo"] = json!({ "reasonCode": reason });
            }
            results.push(result);
        }
        json!({ "setVariableResult": results })
    }

    /// Sets a variable; the reason code where that is refused.
    fn set_variable(&mut self, index: usize, value: &str) -> Result<&'static str, &'static str> {
        let variable = &self.device.variables[index];
        if variable.mutability == Mutability::ReadOnly {
            return Err("ReadOnly");
        }
        if variable.component == "NetworkConfiguration" && variable.domain.admits(value) {
            return self.set_of_slot(index, value);
        }
        if !variable.domain.admits(value) && !may_be_empty(variable, value) {
            return Err(if variable.domain.is_formatted(value) { "ValueOutOfRange" } else { "InvalidValue" });
        }
        if !self.fits_swap_limits(variable.component, variable.name, value) {
            return Err("ValueOutOfRange");
        }
        if (variable.component, variable.name) == ("OCPPCommCtrlr", "NetworkConfigurationPriority") {
            self.prepare_slots(value);
        }
        let variable = &self.device.variables[index];
        match (variable.component, variable.name) {
            ("SecurityCtrlr", "Identity") => self.clear_credential("Identity"),
            // A01.FR.12 / B05: at least 16 characters, at most 40.
            ("SecurityCtrlr", "BasicAuthPassword") => {
                if value.chars().count() < 16 {
                    return Err("InvalidValue");
                }
                self.physical.password = Secret::new(value);
                self.clear_credential("BasicAuthPassword");
                let variable = &self.device.variables[index];
                // Nobody can read it; how often it changed is what a monitor sees.
                let changes = variable.value.parse::<u64>().unwrap_or(0) + 1;
                self.device.variables[index].value = changes.to_string();
                return Ok("Accepted");
            }
            // B10.FR.02: only profiles that have been set can be put in order.
            ("OCPPCommCtrlr", "NetworkConfigurationPriority")
                if !self.has_profiles(value) || !self.may_use_profiles(value) =>
            {
                return Err("InvalidNetworkConf");
            }
            _ => {}
        }
        let at_once = self.order_holds_at_once(&self.device.variables[index].value, value);
        let variable = &mut self.device.variables[index];
        value.clone_into(&mut variable.value);
        Ok(if variable.reboot && !at_once { "RebootRequired" } else { "Accepted" })
    }

    pub(super) fn variables_were_set(&mut self, payload: &Value) {
        for item in payload["setVariableData"].as_array().into_iter().flatten() {
            match item["variable"]["name"].as_str() {
                // A01: the new password is used from the next connection on, which is made at once.
                Some("BasicAuthPassword") => {
                    let taken =
                        item["attributeValue"].as_str().is_some_and(|value| value == self.physical.password.expose());
                    if taken {
                        self.physical.close(1000);
                    }
                }
                Some("Enabled") => self.apply_limits(),
                Some("HeartbeatInterval") => self.schedule_heartbeat(),
                Some("Interval" | "TxEndedInterval") => self.schedule_aligned(),
                _ => {}
            }
        }
    }
}
