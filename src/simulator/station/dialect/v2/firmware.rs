//! Firmware updates (L01): scheduled, cancelled, held back by transactions, verified, installed.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Boot, Station, Timer};
use crate::{
    services::{firmware::signature_is_valid, transfer::TransferError},
    simulator::station::physical,
};

/// A firmware update under way.
#[derive(Debug, Clone)]
pub struct Firmware {
    request_id: i64,
    request: Value,
    status: &'static str,
    /// The image is one that can be run.
    runs: bool,
    /// It is active once the connection is back.
    reconnects: bool,
    /// What waits until no transaction is left.
    waits_for: Option<Stage>,
}

/// What comes next in an update.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Download the image.
    Download,
    /// Install what was verified.
    Install,
    /// Run it.
    Activate,
}

/// States in which it waits for its time, or for drivers to leave.
const WAITS: [&str; 3] = ["Idle", "DownloadScheduled", "InstallScheduled"];
/// States in which an update is over.
const OVER: [&str; 5] =
    ["Installed", "InvalidSignature", "DownloadFailed", "InstallVerificationFailed", "InstallationFailed"];

impl Station {
    /// The answer to an UpdateFirmware.
    pub(super) fn update_firmware(&mut self, payload: &Value) -> &'static str {
        let certificate = payload["firmware"]["signingCertificate"].as_str().unwrap_or_default();
        // L01.FR.21, L01.FR.22; an update that nothing is signed for is none that a secure station takes.
        if !self.physical.certificates.signs_firmware(certificate, self.physical.now()) {
            return "InvalidCertificate";
        }
        let busy = self.firmware.as_ref().is_some_and(|firmware| !OVER.contains(&firmware.status));
        match busy {
            true if !self.pics.is_yes("C-60") => "Rejected",
            true => "AcceptedCanceled",
            false => "Accepted",
        }
    }

    /// Once the answer is out.
    pub(super) fn firmware_asked(&mut self, payload: &Value) {
        match self.update_firmware(payload) {
            "InvalidCertificate" if payload["firmware"].get("signingCertificate").is_some() => {
                self.security_event("InvalidFirmwareSigningCertificate");
            }
            "Accepted" | "AcceptedCanceled" => {
                self.cancel(|timer| matches!(timer, Timer::Firmware(_)));
                self.physical.transfers.cancel_download();
                let request_id = payload["requestId"].as_i64().unwrap_or(0);
                let request = payload.clone();
                self.firmware = Some(Firmware {
                    request_id,
                    request,
                    status: "Idle",
                    runs: false,
                    reconnects: false,
                    waits_for: None,
                });
                self.begin_at("retrieveDateTime", Stage::Download, "DownloadScheduled");
            }
            _ => {}
        }
    }

    /// Begins a stage when a time of the request has come (L01.FR.13, L01.FR.16): soon where it is past or not given, else
    /// then, and says that it is scheduled.
    fn begin_at(&mut self, time: &str, stage: Stage, scheduled: &'static str) {
        let time = self.firmware.as_ref().and_then(|firmware| firmware.request["firmware"][time].as_str());
        let time = time.and_then(|time| time.parse::<jiff::Timestamp>().ok());
        let wait =
            time.and_then(|time| Duration::try_from(time.duration_since(self.physical.now())).ok()).unwrap_or_default();
        if wait.is_zero() {
            self.schedule(Duration::from_secs(1), Timer::Firmware(stage));
        } else {
            self.firmware_status(scheduled);
            self.schedule(wait, Timer::Firmware(stage));
        }
    }

    fn firmware_status(&mut self, status: &'static str) {
        let Some(firmware) = &mut self.firmware else { return };
        firmware.status = status;
        let payload = json!({ "status": status, "requestId": firmware.request_id });
        self.call("FirmwareStatusNotification", payload);
        if OVER.contains(&status) {
            self.hold_evses(false);
            self.reset_if_idle();
        }
    }

    pub(super) fn report_firmware_status(&mut self) {
        let payload = match &self.firmware {
            Some(firmware) if firmware.status != "Installed" && firmware.status != "Idle" => {
                json!({ "status": firmware.status, "requestId": firmware.request_id })
            }
            _ => json!({ "status": "Idle" }),
        };
        self.call("FirmwareStatusNotification", payload);
    }

    /// An update is at work, rather than waiting.
    pub(super) fn is_updating(&self) -> bool {
        self.firmware.as_ref().is_some_and(|firmware| !OVER.contains(&firmware.status) && !self.update_waits())
    }

    /// An update waits: over a restart, too.
    pub(super) fn update_waits(&self) -> bool {
        self.firmware.as_ref().is_some_and(|firmware| WAITS.contains(&firmware.status))
    }

    /// The station restarts in the midst of an update: unless that is part of it, it has failed. Told once the station is
    /// back (L01.FR.01).
    pub(super) fn interrupt_update(&mut self) -> Option<Value> {
        let interrupted = self.is_updating();
        let firmware =
            self.firmware.as_mut().filter(|firmware| interrupted && firmware.status != "InstallRebooting")?;
        firmware.status = if firmware.status == "Downloading" { "DownloadFailed" } else { "InstallationFailed" };
        firmware.reconnects = false;
        Some(json!({ "status": firmware.status, "requestId": firmware.request_id }))
    }

    /// A driver is being served: a transaction runs, or a cable is plugged in.
    fn is_serving(&self) -> bool {
        self.evses.iter().any(|evse| evse.transaction.is_some())
            || self.physical.evses.iter().any(|evse| evse.plugged.is_some())
    }

    /// Waits for drivers, where this stage can't be done beside them; true when it does.
    fn held_back(&mut self, stage: Stage, beside: bool, status: &'static str) -> bool {
        if beside || !self.is_serving() {
            return false;
        }
        if self.firmware.as_ref().is_some_and(|firmware| firmware.status != status) {
            self.firmware_status(status);
        }
        if let Some(firmware) = &mut self.firmware {
            firmware.waits_for = Some(stage);
        }
        // L01.FR.07
        if !self.device.is("ChargingStation", "AllowNewSessionsPendingFirmwareUpdate") {
            self.hold_evses(true);
        }
        true
    }

    fn hold_evses(&mut self, hold: bool) {
        for index in 0..self.evses.len() {
            if self.evses[index].updating != hold {
                self.evses[index].updating = hold;
                self.report_status(index);
            }
        }
    }

    /// Goes on with an update that waited, once no driver is served any more (L01.FR.06).
    pub(super) fn update_if_idle(&mut self) {
        if self.is_serving() {
            return;
        }
        if let Some(stage) = self.firmware.as_mut().and_then(|firmware| firmware.waits_for.take()) {
            self.schedule(Duration::from_secs(1), Timer::Firmware(stage));
        }
    }

    pub(super) fn firmware_stage(&mut self, stage: Stage) {
        let install_beside = self.pics.is_yes("C-43");
        let download_beside = install_beside || self.pics.is_yes("AQ-7");
        if self.boot != Boot::Accepted && stage != Stage::Activate {
            self.schedule(Duration::from_secs(5), Timer::Firmware(stage)); // it has only just been switched on
            return;
        }
        match stage {
            Stage::Download if self.held_back(stage, download_beside, "DownloadScheduled") => {}
            Stage::Download => {
                self.firmware_status("Downloading");
                let Some(firmware) = &self.firmware else { return };
                let location = firmware.request["firmware"]["location"].as_str().unwrap_or_default().to_owned();
                let request_id = firmware.request_id;
                self.physical.fetch_file(request_id, location);
            }
            Stage::Install if self.held_back(stage, install_beside, "InstallScheduled") => {}
            Stage::Install => {
                self.firmware_status("Installing");
                self.schedule(Duration::from_secs(3), Timer::Firmware(Stage::Activate));
            }
            Stage::Activate => {
                let runs = self.firmware.as_ref().is_some_and(|firmware| firmware.runs);
                if !runs {
                    // L01.FR.29; the old firmware goes on.
                    self.firmware_status("InstallVerificationFailed");
                } else if self.is_serving() {
                    // The part that talks to the CSMS starts anew; charging goes on.
                    self.physical.close(1001);
                    if let Some(firmware) = &mut self.firmware {
                        firmware.reconnects = true;
                    }
                } else {
                    self.firmware_status("InstallRebooting");
                    self.schedule(Duration::from_secs(2), Timer::Restart("FirmwareUpdate"));
                }
            }
        }
    }

    /// The image is here, or is not.
    pub(super) fn firmware_downloaded(&mut self, request_id: i64, result: Result<Vec<u8>, TransferError>) {
        let awaited = |firmware: &&mut Firmware| firmware.request_id == request_id && firmware.status == "Downloading";
        let Some(firmware) = self.firmware.as_mut().filter(awaited) else { return };
        let Ok(image) = result else {
            self.firmware_status("DownloadFailed");
            return;
        };
        firmware.runs = physical::runs(&image);
        let text = |name: &str| firmware.request["firmware"][name].as_str().unwrap_or_default();
        let valid = signature_is_valid(&image, text("signature"), text("signingCertificate"));
        self.firmware_status("Downloaded");
        if !valid {
            self.firmware_status("InvalidSignature");
            self.security_event("InvalidFirmwareSignature");
            return;
        }
        self.firmware_status("SignatureVerified");
        self.begin_at("installDateTime", Stage::Install, "InstallScheduled");
    }

    /// The new firmware runs: after a boot, or when its part that talks to the CSMS is back.
    pub(super) fn firmware_runs(&mut self) {
        let begun =
            |firmware: &mut Firmware| std::mem::take(&mut firmware.reconnects) || firmware.status == "InstallRebooting";
        if self.firmware.as_mut().is_some_and(begun) {
            self.firmware_status("Installed");
            self.security_event("FirmwareUpdated");
        }
    }
}
