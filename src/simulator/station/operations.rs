//! Long operations: log uploads.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Station, Timer};
use crate::services::bench;

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
    pub(super) upload: bool,
    pub(super) request_id: i64,
    pub(super) result: Result<Vec<u8>, String>,
}

impl Station {
    // ---- logs (N01) ----

    pub(super) fn get_log(&mut self, payload: &Value) -> Value {
        let location = payload["log"]["remoteLocation"].as_str().unwrap_or_default().to_owned();
        let request_id = payload["requestId"].as_i64().unwrap_or(0);
        let name = format!("{}-{request_id}.log", self.identity);
        let busy = self.is_uploading();
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
    fn log_uploaded(&mut self, request_id: i64, done: bool) {
        let awaited = |log: &&mut Log| log.request_id == request_id && log.status == "Uploading";
        let Some(log) = self.log.as_mut().filter(awaited) else { return };
        if done || log.retries <= 0 {
            self.log_status(if done { "Uploaded" } else { "UploadFailure" });
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

    pub(super) fn transferred(&mut self, done: TransferDone) {
        if done.upload {
            self.log_uploaded(done.request_id, done.result.is_ok());
            return;
        }
        self.firmware_downloaded(done);
    }
}
