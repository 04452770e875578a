//! Reports of the monitors that there are (N02).

use serde_json::{Value, json};

use super::{Kind, Monitor};
use crate::{
    protocol::Version,
    simulator::station::dialect::v2::{
        Station,
        reports::{component, names, variable},
    },
};

/// Most variables in one NotifyMonitoringReport.
const PART: usize = 5;

/// True when a monitoring criterion selects monitors of a kind (N02.FR.12 to N02.FR.14).
fn selects(criterion: &Value, kind: Kind) -> bool {
    match criterion.as_str() {
        Some("ThresholdMonitoring") => kind.is_threshold(),
        // N02.FR.13
        Some("DeltaMonitoring") => kind.is_delta(),
        Some("PeriodicMonitoring") => kind.is_periodic(),
        _ => false,
    }
}

impl Station {
    fn reported_monitors(&self, payload: &Value) -> Vec<&Monitor> {
        let criteria = payload["monitoringCriteria"].as_array();
        let named = payload["componentVariable"].as_array();
        let of = |monitor: &&Monitor| {
            let variable = &self.device.variables[monitor.variable];
            criteria.is_none_or(|criteria| criteria.iter().any(|criterion| selects(criterion, monitor.kind)))
                && named.is_none_or(|named| named.iter().any(|item| names(item, variable)))
        };
        self.monitors.active().filter(of).collect()
    }

    /// The answer to a GetMonitoringReport.
    pub(in super::super) fn monitoring_report(&self, payload: &Value) -> Value {
        let (status, reason) = if !self.monitoring_enabled() {
            ("Rejected", "NotEnabled")
        } else if self.reported_monitors(payload).is_empty() {
            ("EmptyResultSet", "NotFound")
        } else {
            return json!({ "status": "Accepted" });
        };
        json!({ "status": status, "statusInfo": { "reasonCode": reason } })
    }

    /// The report itself, in as many parts as it needs; the monitors of one variable stand together.
    pub(in super::super) fn send_monitoring_report(&mut self, payload: &Value) {
        if self.monitoring_report(payload)["status"] != "Accepted" {
            return;
        }
        let mut items: Vec<(usize, Vec<Value>)> = Vec::new();
        for monitor in self.reported_monitors(payload) {
            let mut told = json!({
                "id": monitor.id,
                "transaction": monitor.transaction,
                "value": monitor.value,
                "type": monitor.kind.word(),
                "severity": monitor.severity,
            });
            if self.protocol.version == Version::V2_1 {
                told["eventNotificationType"] = monitor.origin.notification().into();
            }
            match items.iter_mut().find(|(about, _)| *about == monitor.variable) {
                Some((_, monitors)) => monitors.push(told),
                None => items.push((monitor.variable, vec![told])),
            }
        }
        let items: Vec<Value> = items
            .into_iter()
            .map(|(about, monitors)| {
                let about = &self.device.variables[about];
                json!({ "component": component(about), "variable": variable(about), "variableMonitoring": monitors })
            })
            .collect();
        let now = self.physical.wall();
        let parts: Vec<&[Value]> = items.chunks(PART).collect();
        for (number, part) in parts.iter().enumerate() {
            let report = json!({
                "requestId": payload["requestId"],
                "generatedAt": now,
                "seqNo": number,
                "tbc": number + 1 < parts.len(),
                "monitor": part,
            });
            self.call("NotifyMonitoringReport", report);
        }
    }
}
