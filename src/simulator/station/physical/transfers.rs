//! File transfers under way: one to the station, one from it.

use std::time::Duration;

use tokio::{sync::mpsc, task::AbortHandle};

use super::{Event, Physical};
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

impl From<TransferDone> for Event {
    fn from(done: TransferDone) -> Self {
        Event::Transferred(done)
    }
}

/// What is under way.
#[derive(Debug)]
pub struct Transfers {
    done: mpsc::UnboundedSender<TransferDone>,
    download: Option<AbortHandle>,
    upload: Option<AbortHandle>,
}

impl Transfers {
    /// Nothing is under way.
    pub fn new(done: mpsc::UnboundedSender<TransferDone>) -> Self {
        Self { done, download: None, upload: None }
    }

    /// Ends a download.
    pub fn cancel_download(&mut self) {
        if let Some(task) = self.download.take() {
            task.abort();
        }
    }

    /// Ends an upload.
    pub fn cancel_upload(&mut self) {
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

impl Physical {
    /// A client with the roots that the station trusts.
    fn transferrer(&self) -> Client {
        Client { network: self.network.clone(), roots: Some(self.certificates.trusted()), clock: self.clock }
    }

    /// Refuses protocols that the product does not name.
    fn speaks(&self, location: &str) -> Result<(), TransferError> {
        let scheme = location.split(':').next().unwrap_or_default();
        let named = &self.equipment.file_protocols;
        let known = Protocol::parse(scheme).is_some_and(|protocol| Protocol::among(named).contains(&protocol));
        if known || named.is_empty() {
            return Ok(());
        }
        Err(TransferError::NotSupported(format!("{scheme} is not among {}", named.join(", "))))
    }

    /// Downloads a file.
    pub fn fetch_file(&mut self, request_id: i64, location: String) {
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

    /// Uploads a file into a folder.
    pub fn send_file(&mut self, request_id: i64, folder: String, name: String, content: Vec<u8>) {
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
}
