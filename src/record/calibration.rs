//! What the reports of a run quote of the harness's own calibration.

use serde::{Deserialize, Serialize};

/// What is quoted beside the KPIs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Calibration {
    /// When the harness was calibrated (UTC).
    #[schemars(with = "String")]
    pub performed: jiff::Timestamp,
    /// The version of the tool that was.
    pub tool_version: String,
    /// The machine's name.
    pub machine: String,
    /// Expanded uncertainty (k = 2) of a response time, seconds, on the idle machine.
    pub uncertainty_s: f64,
    /// The same under load, where that was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub under_load_s: Option<f64>,
}

impl Calibration {
    /// As the reports say it.
    pub fn sentence(&self) -> String {
        let milliseconds = |seconds: f64| format!("{:.2} ms", seconds * 1e3);
        let under_load =
            self.under_load_s.map(|seconds| format!(", {} under load", milliseconds(seconds))).unwrap_or_default();
        format!(
            "Measured to within {} (expanded uncertainty, k = 2{under_load}), by the calibration of {}.",
            milliseconds(self.uncertainty_s),
            self.performed.strftime("%Y-%m-%d")
        )
    }
}
