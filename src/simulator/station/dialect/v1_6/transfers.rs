//! Firmware updates and diagnostics (5.9, 5.19).

use std::time::Duration;

use serde_json::{Value, json};

use super::{ChargePoint, Timer};
use crate::{services::transfer::TransferError, simulator::station::physical};

/// How long the installation of an image takes.
const INSTALLATION: Duration = Duration::from_secs(3);
/// The wait between attempts where the central system does not say.
const RETRY_INTERVAL: u64 = 30;

/// What comes next in an update.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Download the image.
    Download,
    /// Install it.
    Install,
    /// Run it.
    Activate,
}

/// A file that is fetched or sent, with the attempts that are left.
#[derive(Debug, Clone, Default)]
struct File {
    location: String,
    retries: i64,
    interval: u64,
}

impl File {
    fn of(payload: &Value) -> Self {
        Self {
            location: payload["location"].as_str().unwrap_or_default().to_owned(),
            retries: payload["retries"].as_i64().unwrap_or(0),
            interval: payload["retryInterval"].as_u64().unwrap_or(RETRY_INTERVAL),
        }
    }
}

/// The firmware update, if there is one.
#[derive(Debug, Default)]
pub(super) struct Firmware {
    file: File,
    /// What was told last; none while nothing is under way.
    status: Option<&'static str>,
    /// The image can be run.
    runs: bool,
    /// Installation waits until no driver is served.
    waits: bool,
}

/// The upload of diagnostics, if there is one.
#[derive(Debug, Default)]
pub(super) struct Diagnostics {
    file: File,
    name: String,
    uploading: bool,
}

impl ChargePoint {
    // ---- firmware ----

    /// UpdateFirmware was answered: the image is retrieved as soon as its date has come.
    pub(super) fn update_firmware(&mut self, payload: &Value) {
        self.cancel(|timer| matches!(timer, Timer::Firmware(_)));
        self.physical.transfers.cancel_download();
        self.firmware = Firmware { file: File::of(payload), ..Firmware::default() };
        let time = payload["retrieveDate"].as_str().and_then(|time| time.parse::<jiff::Timestamp>().ok());
        let wait = time.and_then(|at| Duration::try_from(at.duration_since(self.physical.now())).ok());
        self.schedule(wait.unwrap_or_default().max(Duration::from_secs(1)), Timer::Firmware(Stage::Download));
    }

    fn firmware_status(&mut self, status: &'static str) {
        self.firmware.status = Some(status);
        self.call("FirmwareStatusNotification", json!({ "status": status }));
    }

    pub(super) fn report_firmware(&mut self) {
        let busy = self.firmware.status.filter(|status| matches!(*status, "Downloading" | "Downloaded" | "Installing"));
        self.call_triggered("FirmwareStatusNotification", json!({ "status": busy.unwrap_or("Idle") }));
    }

    pub(super) fn firmware_stage(&mut self, stage: Stage) {
        let serving = self.sessions.iter().any(|session| session.transaction.is_some());
        match stage {
            Stage::Download => {
                self.firmware_status("Downloading");
                self.physical.fetch_file(0, self.firmware.file.location.clone());
            }
            Stage::Install if serving => self.firmware.waits = true,
            Stage::Install => {
                self.firmware_status("Installing");
                self.schedule(INSTALLATION, Timer::Firmware(Stage::Activate));
            }
            Stage::Activate if self.firmware.runs => self.restart(),
            Stage::Activate => self.firmware_status("InstallationFailed"),
        }
    }

    pub(super) fn update_if_idle(&mut self) {
        let serving = self.sessions.iter().any(|session| session.transaction.is_some());
        if !serving && std::mem::take(&mut self.firmware.waits) {
            self.schedule(Duration::from_secs(1), Timer::Firmware(Stage::Install));
        }
    }

    pub(super) fn firmware_downloaded(&mut self, result: Result<Vec<u8>, TransferError>) {
        if self.firmware.status != Some("Downloading") {
            return;
        }
        match result {
            Ok(image) => {
                self.firmware.runs = physical::runs(&image);
                self.firmware_status("Downloaded");
                self.schedule(Duration::from_secs(1), Timer::Firmware(Stage::Install));
            }
            Err(_) if self.firmware.file.retries > 0 => {
                self.firmware.file.retries -= 1;
                let wait = Duration::from_secs(self.firmware.file.interval);
                self.schedule(wait, Timer::Firmware(Stage::Download));
            }
            Err(_) => self.firmware_status("DownloadFailed"),
        }
    }

    /// The charge point is accepted after a boot: an update that led to it is done.
    pub(super) fn firmware_runs(&mut self) {
        match self.firmware.status {
            Some("Installing") => self.firmware_status("Installed"),
            Some("Downloading") if !self.timers.any(|timer| matches!(timer, Timer::Firmware(_))) => {
                self.firmware_status("DownloadFailed");
            }
            _ => {}
        }
    }

    // ---- diagnostics ----

    /// GetDiagnostics: the name of the file that will be uploaded.
    pub(super) fn get_diagnostics(&mut self, payload: &Value) -> Value {
        self.physical.transfers.cancel_upload();
        let name = format!("{}-diagnostics.log", self.physical.identity);
        self.diagnostics = Diagnostics { file: File::of(payload), name: name.clone(), uploading: false };
        self.cancel(|timer| *timer == Timer::Diagnostics);
        self.schedule(Duration::from_secs(1), Timer::Diagnostics);
        json!({ "fileName": name })
    }

    fn diagnostics_status(&mut self, status: &'static str) {
        self.diagnostics.uploading = status == "Uploading";
        self.call("DiagnosticsStatusNotification", json!({ "status": status }));
    }

    pub(super) fn report_diagnostics(&mut self) {
        let status = if self.diagnostics.uploading { "Uploading" } else { "Idle" };
        self.call_triggered("DiagnosticsStatusNotification", json!({ "status": status }));
    }

    pub(super) fn upload_diagnostics(&mut self) {
        if !self.diagnostics.uploading {
            self.diagnostics_status("Uploading");
        }
        let content = format!("diagnostics of {}\n", self.physical.identity).into_bytes();
        let (folder, name) = (self.diagnostics.file.location.clone(), self.diagnostics.name.clone());
        self.physical.send_file(0, folder, name, content);
    }

    pub(super) fn diagnostics_uploaded(&mut self, result: Result<(), TransferError>) {
        if !self.diagnostics.uploading {
            return;
        }
        match result {
            Ok(()) => self.diagnostics_status("Uploaded"),
            Err(_) if self.diagnostics.file.retries > 0 => {
                self.diagnostics.file.retries -= 1;
                self.schedule(Duration::from_secs(self.diagnostics.file.interval), Timer::Diagnostics);
            }
            Err(_) => self.diagnostics_status("UploadFailed"),
        }
    }

    /// A restart ends what was being transferred.
    pub(super) fn interrupt_transfers(&mut self) {
        self.physical.transfers.cancel_download();
        self.physical.transfers.cancel_upload();
        self.diagnostics.uploading = false;
    }
}
