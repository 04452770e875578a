//! What the reports of a run quote of a calibration sheet, where it holds for the machine of the run.

use std::path::Path;

use super::{Machine, SHEET_FORMAT, Sheet, load::EVERY_CORE_BUSY};
use crate::{link::priority, record::calibration::Calibration};

/// A sheet that can't be quoted: what is wrong, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {message}")]
pub struct CalibrationRefused {
    path: String,
    message: String,
    /// What to do about it.
    pub help: String,
}

/// Reads a calibration sheet (`calibration.json`) for a run on this machine.
pub fn read(path: &Path) -> Result<Calibration, CalibrationRefused> {
    let refuse = |message: String, help: &str| CalibrationRefused {
        path: path.display().to_string(),
        message,
        help: help.to_owned(),
    };
    let help = "name the calibration.json that `ocpp-attest calibrate` wrote";
    let text = std::fs::read(path).map_err(|error| refuse(format!("can't be read: {error}"), help))?;
    let value: serde_json::Value =
        serde_json::from_slice(&text).map_err(|error| refuse(format!("is not JSON: {error}"), help))?;
    let again = "run `ocpp-attest calibrate` with this build on this machine";
    match value["format"].as_u64() {
        Some(format) if format == u64::from(SHEET_FORMAT) => {}
        Some(format) => return Err(refuse(format!("has format {format}; this build knows {SHEET_FORMAT}"), again)),
        None => return Err(refuse("is not a calibration sheet: it has no `format`".into(), help)),
    }
    let sheet: Sheet =
        serde_json::from_value(value).map_err(|error| refuse(format!("is not a calibration sheet: {error}"), help))?;
    sheet.holds_for(&Machine::this()).map_err(|why| refuse(why, again))?;
    let Some(idle) = sheet.phases.first() else {
        return Err(refuse("contains no measurement".into(), again));
    };
    let under_load = sheet.phases.iter().find(|phase| phase.name == EVERY_CORE_BUSY);
    Ok(Calibration {
        performed: sheet.finished,
        tool_version: sheet.tool_version,
        machine: sheet.machine.name,
        uncertainty_s: idle.uncertainty_s,
        under_load_s: under_load.map(|phase| phase.uncertainty_s),
    })
}

impl Sheet {
    /// A sheet says nothing of another machine or another build.
    pub fn holds_for(&self, machine: &Machine) -> Result<(), String> {
        if (&self.machine.processor, self.machine.cores) != (&machine.processor, machine.cores) {
            let name = |machine: &Machine| format!("{} ({} cores)", machine.processor, machine.cores);
            return Err(format!("is of another machine: {}; this is {}", name(&self.machine), name(machine)));
        }
        let build = |optimised| if optimised { "an optimised build" } else { "a debug build" };
        let here = !cfg!(debug_assertions);
        if self.optimised != here {
            return Err(format!("is of {}; this is {}", build(self.optimised), build(here)));
        }
        if self.real_time && !priority::is_granted() {
            return Err("is of links with a real-time priority, which this user may not give to a thread".to_owned());
        }
        let version = env!("CARGO_PKG_VERSION");
        if self.tool_version != version {
            return Err(format!("is of ocpp-attest {}; this is {version}", self.tool_version));
        }
        Ok(())
    }
}
