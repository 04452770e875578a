//! Firmware updates and diagnostics (5.9, 5.19).

use std::time::Duration;

use serde_json::{Value, json};

use super::{ChargePoint, Timer};
use crate::{
    services::{firmware::signature_is_valid, transfer::TransferError},
    simulator::station::physical,
};

/// How long the installation of an image takes.
const INSTALLATION: Duration = Duration::from_secs(3);
/// The wait between attempts where the central system does not say.
const RETRY_INTERVAL: u64 = 30;

fn time(value: &Value) -> Option<jiff::Timestamp> {
    value.as_str().and_then(|time| time.parse().ok())
}

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

/// What belongs to a signed update (L01 of the security whitepaper).
#[derive(Debug, Clone)]
struct Signed {
    request_id: i64,
    certificate: String,
    signature: String,
    install_at: Option<jiff::Timestamp>,
}

/// The firmware update, if there is one.
#[derive(Debug, Default)]
pub(super) struct Firmware {
    file: File,
    signed: Option<Signed>,
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
    /// The request, of a GetLog.
    request_id: Option<i64>,
    /// It is the security log that is wanted.
    of_security: bool,
    uploading: bool,
}

impl ChargePoint {
    // ---- firmware ----

    /// UpdateFirmware was answered: the image is retrieved as soon as its date has come.
    pub(super) fn update_firmware(&mut self, payload: &Value) {
        self.cancel(|timer| matches!(timer, Timer::Firmware(_)));
        self.physical.transfers.cancel_download();
        self.firmware = Firmware { file: File::of(payload), ..Firmware::default() };
        self.begin_at(time(&payload["retrieveDate"]), Stage::Download, None);
    }

    /// SignedUpdateFirmware was answered.
    pub(super) fn update_signed_firmware(&mut self, request_id: i64, payload: &Value) {
        let firmware = &payload["firmware"];
        let text = |name: &str| firmware[name].as_str().unwrap_or_default().to_owned();
        self.cancel(|timer| matches!(timer, Timer::Firmware(_)));
        self.physical.transfers.cancel_download();
        self.firmware = Firmware {
            file: File { location: text("location"), ..File::of(payload) },
            signed: Some(Signed {
                request_id,
                certificate: text("signingCertificate"),
                signature: text("signature"),
                install_at: time(&firmware["installDateTime"]),
            }),
            ..Firmware::default()
        };
        self.begin_at(time(&firmware["retrieveDateTime"]), Stage::Download, Some("DownloadScheduled"));
    }

    /// Begins a stage when its time has come; soon where that is past or not given.
    fn begin_at(&mut self, at: Option<jiff::Timestamp>, stage: Stage, scheduled: Option<&'static str>) {
        let now = self.physical.now();
        let wait = at.and_then(|at| Duration::try_from(at.duration_since(now)).ok()).unwrap_or_default();
        if let Some(status) = scheduled.filter(|_| !wait.is_zero()) {
            self.firmware_status(status);
        }
        self.schedule(wait.max(Duration::from_secs(1)), Timer::Firmware(stage));
    }

    /// An update is under way.
    pub(super) fn is_updating(&self) -> bool {
        let over = ["Installed", "InvalidSignature", "DownloadFailed", "InstallationFailed"];
        self.firmware.status.is_some_and(|status| !over.contains(&status))
    }

    fn firmware_status(&mut self, status: &'static str) {
        self.firmware.status = Some(status);
        match &self.firmware.signed {
            None => self.call("FirmwareStatusNotification", json!({ "status": status })),
            Some(signed) => {
                let payload = json!({ "status": status, "requestId": signed.request_id });
                self.call("SignedFirmwareStatusNotification", payload);
            }
        }
    }

    /// What an ExtendedTriggerMessage asks for.
    pub(super) fn report_signed_firmware(&mut self) {
        let busy = self.firmware.status.filter(|_| self.is_updating());
        let payload = match (busy, &self.firmware.signed) {
            (Some(status), Some(signed)) => json!({ "status": status, "requestId": signed.request_id }),
            _ => json!({ "status": "Idle" }),
        };
        self.call_triggered("SignedFirmwareStatusNotification", payload);
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
            Stage::Activate if self.firmware.runs && self.firmware.signed.is_some() => {
                self.firmware_status("InstallRebooting");
                self.schedule(Duration::from_secs(2), Timer::Restart);
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
                self.verify(&image);
            }
            Err(_) if self.firmware.file.retries > 0 => {
                self.firmware.file.retries -= 1;
                let wait = Duration::from_secs(self.firmware.file.interval);
                self.schedule(wait, Timer::Firmware(Stage::Download));
            }
            Err(_) => self.firmware_status("DownloadFailed"),
        }
    }

    /// A signed image is verified before it is installed (L01.FR.04).
    fn verify(&mut self, image: &[u8]) {
        let Some(signed) = self.firmware.signed.clone() else {
            self.schedule(Duration::from_secs(1), Timer::Firmware(Stage::Install));
            return;
        };
        if !signature_is_valid(image, &signed.signature, &signed.certificate) {
            self.firmware_status("InvalidSignature");
            self.security_event("InvalidFirmwareSignature");
            return;
        }
        self.firmware_status("SignatureVerified");
        self.begin_at(signed.install_at, Stage::Install, Some("InstallScheduled"));
    }

    /// The charge point is accepted after a boot: an update that led to it is done.
    pub(super) fn firmware_runs(&mut self) {
        match self.firmware.status {
            Some("Installing" | "InstallRebooting") => {
                self.firmware_status("Installed");
                self.security_event("FirmwareUpdated");
            }
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
        self.diagnostics = Diagnostics { file: File::of(payload), name: name.clone(), ..Diagnostics::default() };
        self.cancel(|timer| *timer == Timer::Diagnostics);
        self.schedule(Duration::from_secs(1), Timer::Diagnostics);
        json!({ "fileName": name })
    }

    /// GetLog (N01 of the security whitepaper).
    pub(super) fn get_log(&mut self, payload: &Value) -> Value {
        let busy = self.diagnostics.uploading;
        let mut file = File::of(payload);
        payload["log"]["remoteLocation"].as_str().unwrap_or_default().clone_into(&mut file.location);
        let response = self.get_diagnostics(payload);
        self.diagnostics.file = file;
        self.diagnostics.request_id = payload["requestId"].as_i64();
        let mut name = response["fileName"].clone();
        if payload["logType"] == "SecurityLog" {
            self.diagnostics.of_security = true;
            self.diagnostics.name = format!("{}-security.log", self.physical.identity);
            name = self.diagnostics.name.clone().into();
        }
        json!({ "status": if busy { "AcceptedCanceled" } else { "Accepted" }, "filename": name })
    }

    /// What an ExtendedTriggerMessage asks for.
    pub(super) fn report_log(&mut self) {
        let payload = match self.diagnostics.request_id.filter(|_| self.diagnostics.uploading) {
            Some(request_id) => json!({ "status": "Uploading", "requestId": request_id }),
            None => json!({ "status": "Idle" }),
        };
        self.call_triggered("LogStatusNotification", payload);
    }

    fn diagnostics_status(&mut self, status: &'static str) {
        self.diagnostics.uploading = status == "Uploading";
        match self.diagnostics.request_id {
            None => self.call("DiagnosticsStatusNotification", json!({ "status": status })),
            Some(request_id) => {
                let status = if status == "UploadFailed" { "UploadFailure" } else { status };
                self.call("LogStatusNotification", json!({ "status": status, "requestId": request_id }));
            }
        }
    }

    pub(super) fn report_diagnostics(&mut self) {
        let status = if self.diagnostics.uploading { "Uploading" } else { "Idle" };
        self.call_triggered("DiagnosticsStatusNotification", json!({ "status": status }));
    }

    pub(super) fn upload_diagnostics(&mut self) {
        if !self.diagnostics.uploading {
            self.diagnostics_status("Uploading");
        }
        let content: String = if self.diagnostics.of_security {
            self.security_log.iter().map(String::as_str).collect()
        } else {
            format!("diagnostics of {}\n", self.physical.identity)
        };
        let (folder, name) = (self.diagnostics.file.location.clone(), self.diagnostics.name.clone());
        self.physical.send_file(0, folder, name, content.into_bytes());
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
