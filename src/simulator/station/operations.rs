//! Long operations: log uploads, firmware updates.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Station, Timer};
use crate::services::bench;

/// A firmware update under way.
#[derive(Debug, Clone)]
pub struct Firmware {
    request_id: i64,
    request: Value,
    status: &'static str,
}

/// A log upload under way.
#[derive(Debug, Clone)]
pub struct Log {
    request_id: i64,
    location: String,
    name: String,
    status: &'static str,
    /// Attempts left, should this one fail, and the seconds from one to the next.
    retries: i64,
    interval: u64,
    begun: tokio::time::Instant,
}

/// A file transfer came to its end.
#[derive(Debug)]
pub struct TransferDone {
    /// True for an upload.
    upload: bool,
    request_id: i64,
    result: Result<Vec<u8>, String>,
}

impl Station {
    // ---- logs (N01) ----

    pub(super) fn get_log(&mut self, payload: &Value) -> Value {
        let location = payload["log"]["remoteLocation"].as_str().unwrap_or_default().to_owned();
        let request_id = payload["requestId"].as_i64().unwrap_or(0);
        let name = format!("{}-{request_id}.log", self.identity);
        let busy = self.log.as_ref().is_some_and(|log| log.status == "Uploading");
        if busy {
            let cancelled = self.log.as_ref().map_or(0, |log| log.request_id);
            self.call("LogStatusNotification", json!({ "status": "AcceptedCanceled", "requestId": cancelled }));
        }
        self.log = Some(Log {
            request_id,
            location,
            name: name.clone(),
            status: "Uploading",
            retries: payload["retries"].as_i64().unwrap_or(0),
            interval: payload["retryInterval"].as_u64().unwrap_or(30),
            begun: tokio::time::Instant::now(),
        });
        self.cancel(|timer| matches!(timer, Timer::Log(_)));
        self.schedule(Duration::from_secs(1), Timer::Log(0));
        json!({ "status": if busy { "AcceptedCanceled" } else { "Accepted" }, "filename": name })
    }

    pub(super) fn log_stage(&mut self, attempt: usize) {
        if attempt == 0 {
            self.log_status("Uploading");
        }
        let Some(log) = &mut self.log else { return };
        log.begun = tokio::time::Instant::now();
        let log = log.clone();
        let (network, done) = (self.network.clone(), self.files.clone());
        let location = format!("{}/{}", log.location.trim_end_matches('/'), log.name);
        let content = format!("log of {}\n", self.identity).into_bytes();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(2)).await;
            let result = bench::upload(&network, &location, content).await.map(|()| Vec::new());
            let _ = done.send(TransferDone { upload: true, request_id: log.request_id, result });
        });
    }

    /// An attempt is over. How the upload went is told once, after the last one (N01.FR.10).
    fn log_uploaded(&mut self, request_id: i64, done: bool) {
        let Some(log) = self.log.as_mut().filter(|log| log.request_id == request_id) else { return };
        if done || log.retries <= 0 {
            self.log_status(if done { "Uploaded" } else { "UploadFailure" });
            return;
        }
        log.retries -= 1;
        let wait = Duration::from_secs(log.interval).saturating_sub(log.begun.elapsed());
        self.schedule(wait, Timer::Log(1));
    }

    fn log_status(&mut self, status: &'static str) {
        let Some(log) = &mut self.log else { return };
        log.status = status;
        let payload = json!({ "status": status, "requestId": log.request_id });
        self.call("LogStatusNotification", payload);
    }

    pub(super) fn report_log_status(&mut self) {
        let payload = match &self.log {
            Some(log) if log.status == "Uploading" => json!({ "status": log.status, "requestId": log.request_id }),
            _ => json!({ "status": "Idle" }),
        };
        self.call("LogStatusNotification", payload);
    }

    // ---- firmware (L01) ----

    pub(super) fn update_firmware(&mut self, payload: &Value) -> &'static str {
        let certificate = payload["firmware"]["signingCertificate"].as_str().unwrap_or_default();
        if !certificate.is_empty() && x509_parser::pem::parse_x509_pem(certificate.as_bytes()).is_err() {
            return "InvalidCertificate";
        }
        let request_id = payload["requestId"].as_i64().unwrap_or(0);
        let busy = self
            .firmware
            .as_ref()
            .is_some_and(|firmware| !["Installed", "InvalidSignature", "DownloadFailed"].contains(&firmware.status));
        if busy && !self.pics.is_yes("C-60") {
            return "Rejected";
        }
        self.cancel(|timer| matches!(timer, Timer::Firmware(_)));
        self.firmware = Some(Firmware { request_id, request: payload.clone(), status: "Idle" });
        self.schedule(Duration::from_secs(1), Timer::Firmware(0));
        if busy { "AcceptedCanceled" } else { "Accepted" }
    }

    fn firmware_status(&mut self, status: &'static str) {
        let Some(firmware) = &mut self.firmware else { return };
        firmware.status = status;
        let payload = json!({ "status": status, "requestId": firmware.request_id });
        self.call("FirmwareStatusNotification", payload);
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

    pub(super) fn firmware_stage(&mut self, stage: usize) {
        match stage {
            0 => {
                self.firmware_status("Downloading");
                let Some(firmware) = &self.firmware else { return };
                let location = firmware.request["firmware"]["location"].as_str().unwrap_or_default().to_owned();
                let (network, done, request_id) = (self.network.clone(), self.files.clone(), firmware.request_id);
                tokio::spawn(async move {
                    tokio::time::sleep(Duration::from_secs(2)).await;
                    let result = bench::download(&network, &location).await;
                    let _ = done.send(TransferDone { upload: false, request_id, result });
                });
            }
            1 => {
                // L01.FR.06/07: what can't charge any more is not offered any more; running transactions come first.
                self.firmware_status("Installing");
                self.schedule(Duration::from_secs(3), Timer::Firmware(2));
            }
            _ => {
                self.firmware_status("InstallRebooting");
                self.schedule(Duration::from_secs(2), Timer::Restart("FirmwareUpdate"));
            }
        }
    }

    pub(super) fn transferred(&mut self, done: TransferDone) {
        if done.upload {
            self.log_uploaded(done.request_id, done.result.is_ok());
            return;
        }
        let Some(firmware) = self.firmware.clone().filter(|firmware| firmware.request_id == done.request_id) else {
            return;
        };
        let Ok(image) = done.result else {
            self.firmware_status("DownloadFailed");
            return;
        };
        self.firmware_status("Downloaded");
        let text = |name: &str| firmware.request["firmware"][name].as_str().unwrap_or_default();
        if bench::signature_is_valid(&image, text("signature"), text("signingCertificate")) {
            self.firmware_status("SignatureVerified");
            self.schedule(Duration::from_secs(1), Timer::Firmware(1));
        } else {
            self.firmware_status("InvalidSignature");
            self.security_event("InvalidFirmwareSignature");
        }
    }

    /// The new firmware runs.
    pub(super) fn firmware_after_boot(&mut self) {
        if self.firmware.as_ref().is_some_and(|firmware| firmware.status == "InstallRebooting") {
            self.firmware_status("Installed");
            self.security_event("FirmwareUpdated");
        }
    }
}
