//! Log uploads (N01).

use std::time::Duration;

use serde_json::{Value, json};

use super::{Station, Timer};
use crate::{protocol::Version, services::transfer::TransferError};

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

impl Station {
    // ---- logs (N01) ----

    pub(super) fn get_log(&mut self, payload: &Value) -> Value {
        let mut location = payload["log"]["remoteLocation"].as_str().unwrap_or_default().to_owned();
        let request_id = payload["requestId"].as_i64().unwrap_or(0);
        let mut name = format!("{}-{request_id}.log", self.physical.identity);
        // N01.FR.29: a location that names the file is used as it is.
        if self.protocol.version == Version::V2_1
            && let Some((_, named)) = location.rsplit_once('/').filter(|(_, named)| !named.is_empty())
        {
            named.clone_into(&mut name);
            location.truncate(location.len() - name.len());
        }
        let busy = self.is_uploading();
        if busy {
            self.physical.transfers.cancel_upload();
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
        let content = format!("log of {}\n", self.physical.identity).into_bytes();
        self.physical.send_file(log.request_id, log.location, log.name, content);
    }

    pub(super) fn is_uploading(&self) -> bool {
        self.log.as_ref().is_some_and(|log| log.status == "Uploading")
    }

    /// The station restarts in the midst of an upload, which has failed; told once the station is back.
    pub(super) fn interrupt_upload(&mut self) -> Option<Value> {
        let log = self.log.as_mut().filter(|log| log.status == "Uploading")?;
        log.status = "UploadFailure";
        Some(json!({ "status": log.status, "requestId": log.request_id }))
    }

    /// An attempt is over. How the upload went is told once, after the last one (N01.FR.10).
    pub(super) fn log_uploaded(&mut self, request_id: i64, result: Result<(), TransferError>) {
        let awaited = |log: &&mut Log| log.request_id == request_id && log.status == "Uploading";
        let Some(log) = self.log.as_mut().filter(awaited) else { return };
        let over = match result {
            Ok(()) => Some("Uploaded"),
            // It would be the same another time.
            Err(TransferError::NotSupported(_)) => Some("NotSupportedOperation"),
            Err(TransferError::Denied(_)) => (log.retries <= 0).then_some("PermissionDenied"),
            Err(TransferError::Failed(_)) => (log.retries <= 0).then_some("UploadFailure"),
        };
        if let Some(status) = over {
            self.log_status(status);
            self.reset_if_idle();
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
}
