//! File transfers under way: one to the station, one from it.

use std::time::Duration;

use tokio::{sync::mpsc, task::AbortHandle};

use super::Station;
use crate::{
    protocol::transfer::Protocol,
    services::transfer::{Client, TransferError},
};

/// How long a station takes before it connects.
const PREPARATION: Duration = Duration::from_secs(2);

/// A file transfer came to its end.
#[derive(Debug)]
pub enum TransferDone {
    /// A download, by the id of its request.
    Download(i64, Result<Vec<u8>, TransferError>),
    /// An upload, by the id of its request.
    Upload(i64, Result<(), TransferError>),
}

/// What is under way.
#[derive(Debug)]
pub struct Transfers {
    done: mpsc::UnboundedSender<TransferDone>,
    download: Option<AbortHandle>,
    upload: Option<AbortHandle>,
}

impl Transfers {
    pub(super) fn new(done: mpsc::UnboundedSender<TransferDone>) -> Self {
        Self { done, download: None, upload: None }
    }

    pub(super) fn cancel_download(&mut self) {
        if let Some(task) = self.download.take() {
            task.abort();
        }
    }

    pub(super) fn cancel_upload(&mut self) {
        if let Some(task) = self.upload.take() {
            task.abort();
        }
    }
}

impl Drop for Transfers {
    fn drop(&mut self) {
        self.cancel_download();
        self.cancel_upload();
    }
}

impl Station {
    /// A client as the product has it: with its trusted roots.
    fn transferrer(&self) -> Client {
        Client { network: self.network.clone(), roots: Some(self.certificates.trusted()), clock: self.clock }
    }

    /// Refuses protocols that FileTransferProtocols does not name.
    fn speaks(&self, location: &str) -> Result<(), TransferError> {
        let scheme = location.split(':').next().unwrap_or_default();
        let named = self.pics.list("ORS-24");
        let known = Protocol::parse(scheme).is_some_and(|protocol| Protocol::among(named).contains(&protocol));
        if known || named.is_empty() {
            return Ok(());
        }
        Err(TransferError::NotSupported(format!("{scheme} is not among {}", named.join(", "))))
    }

    pub(super) fn fetch_file(&mut self, request_id: i64, location: String) {
        self.transfers.cancel_download();
        let (client, spoken, done) = (self.transferrer(), self.speaks(&location), self.transfers.done.clone());
        let task = tokio::spawn(async move {
            tokio::time::sleep(PREPARATION).await;
            let result = match spoken {
                Ok(()) => client.download(&location).await,
                Err(error) => Err(error),
            };
            let _ = done.send(TransferDone::Download(request_id, result));
        });
        self.transfers.download = Some(task.abort_handle());
    }

    pub(super) fn send_file(&mut self, request_id: i64, folder: String, name: String, content: Vec<u8>) {
        self.transfers.cancel_upload();
        let (client, spoken, done) = (self.transferrer(), self.speaks(&folder), self.transfers.done.clone());
        let task = tokio::spawn(async move {
            tokio::time::sleep(PREPARATION).await;
            let result = match spoken {
                Ok(()) => client.upload(&folder, &name, content).await,
                Err(error) => Err(error),
            };
            let _ = done.send(TransferDone::Upload(request_id, result));
        });
        self.transfers.upload = Some(task.abort_handle());
    }

    pub(super) fn transferred(&mut self, done: TransferDone) {
        match done {
            TransferDone::Download(request_id, result) => self.firmware_downloaded(request_id, result),
            TransferDone::Upload(request_id, result) => self.log_uploaded(request_id, result),
        }
    }
}
