//! Transfers as a station does them: fetching a file, sending one.

#[cfg(feature = "files")]
mod ftp;
mod http;
#[cfg(feature = "files")]
mod sftp;

use std::{pin::Pin, time::Duration};

use url::Url;

use crate::{
    clock::Clock,
    link::{ClientTls, Network, TlsVersion, server::percent_decoded},
    protocol::transfer::Protocol,
};

/// Largest file that is fetched, bytes.
const MAX_DOWNLOAD: usize = 256 << 20;
/// How long a server may take to let us in.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a transfer may take.
const MAX_TRANSFER: Duration = Duration::from_mins(30);

/// Why a transfer did not come about.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransferError {
    /// The URL is none that can be used.
    #[error("{0}")]
    NotSupported(String),
    /// The server does not let us.
    #[error("the server does not permit it: {0}")]
    Denied(String),
    /// Anything else: no connection, no such file, broken off.
    #[error("{0}")]
    Failed(String),
}

impl TransferError {
    fn failed(error: impl std::fmt::Display) -> Self {
        Self::Failed(error.to_string())
    }
}

/// Who transfers.
#[derive(Debug, Clone)]
pub struct Client {
    /// How it gets anywhere.
    pub network: Network,
    /// Roots that it trusts, PEM; `None`: any certificate will do.
    pub roots: Option<String>,
    /// The time by which it judges certificates.
    pub clock: Clock,
}

/// A URL taken apart.
struct Target {
    protocol: Protocol,
    host: String,
    port: u16,
    /// As it stands in the URL.
    encoded: String,
    /// Without percent-encoding.
    #[cfg_attr(not(feature = "files"), allow(dead_code))] // HTTP sends it encoded
    path: String,
    user: String,
    password: String,
}

impl Target {
    fn parse(url: &str) -> Result<Self, TransferError> {
        let unusable = |why: &str| TransferError::NotSupported(format!("the URL can't be used: {why}"));
        let url = Url::parse(url).map_err(|error| unusable(&error.to_string()))?;
        let protocol =
            Protocol::parse(url.scheme()).ok_or_else(|| unusable(&format!("unknown protocol {}", url.scheme())))?;
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or_else(|| unusable("it names no host"))?;
        let path = percent_decoded(url.path());
        // What a command line of FTP would end at.
        if path.contains(char::is_control) {
            return Err(unusable("its path holds control characters"));
        }
        Ok(Self {
            protocol,
            host: host.trim_start_matches('[').trim_end_matches(']').to_owned(),
            port: url.port().unwrap_or(protocol.port()),
            encoded: url[url::Position::BeforePath..url::Position::AfterQuery].to_owned(),
            path,
            user: percent_decoded(url.username()),
            password: percent_decoded(url.password().unwrap_or_default()),
        })
    }
}

impl Client {
    fn tls(&self) -> ClientTls {
        ClientTls {
            roots: self.roots.clone(),
            identity: None,
            versions: vec![TlsVersion::V1_2, TlsVersion::V1_3],
            suites: Vec::new(),
        }
    }

    /// Fetches a file.
    pub async fn download(&self, url: &str) -> Result<Vec<u8>, TransferError> {
        let target = Target::parse(url)?;
        within(Box::pin(async {
            match target.protocol {
                Protocol::Http | Protocol::Https => http::download(self, &target).await,
                #[cfg(feature = "files")]
                Protocol::Ftp | Protocol::Ftps => ftp::download(self, &target).await,
                #[cfg(feature = "files")]
                Protocol::Sftp => sftp::download(self, &target).await,
                #[cfg(not(feature = "files"))]
                other => Err(TransferError::NotSupported(format!("this build does not support {other}"))),
            }
        }))
        .await
    }

    /// Sends a file into a folder.
    pub async fn upload(&self, folder: &str, name: &str, content: Vec<u8>) -> Result<(), TransferError> {
        let target = Target::parse(&format!("{}/{name}", folder.trim_end_matches('/')))?;
        within(Box::pin(async {
            match target.protocol {
                Protocol::Http | Protocol::Https => http::upload(self, &target, content).await,
                #[cfg(feature = "files")]
                Protocol::Ftp | Protocol::Ftps => ftp::upload(self, &target, content).await,
                #[cfg(feature = "files")]
                Protocol::Sftp => sftp::upload(self, &target, content).await,
                #[cfg(not(feature = "files"))]
                other => Err(TransferError::NotSupported(format!("this build does not support {other}"))),
            }
        }))
        .await
    }

    /// The HTTP status with which a server answers a file that is sent to a location, with the credentials of the location or without
    /// any. The file has a name of ours only where the location ends with a slash (OCPP 2.1, N01.FR.21, N01.FR.29).
    pub async fn status_of_upload(
        &self,
        location: &str,
        name: &str,
        content: Vec<u8>,
        anonymous: bool,
    ) -> Result<u16, TransferError> {
        let whole = if location.ends_with('/') { format!("{location}{name}") } else { location.to_owned() };
        let mut target = Target::parse(&whole)?;
        if !matches!(target.protocol, Protocol::Http | Protocol::Https) {
            return Err(TransferError::NotSupported(format!("{} has no HTTP status", target.protocol)));
        }
        if anonymous {
            target.user.clear();
        }
        patiently(http::status_of_upload(self, &target, content)).await
    }

    /// Sends an OCSP request to a responder (RFC 6960, A.1); the answer is its response.
    pub async fn ask_status(&self, url: &str, request: Vec<u8>) -> Result<Vec<u8>, TransferError> {
        let target = Target::parse(url)?;
        if !matches!(target.protocol, Protocol::Http | Protocol::Https) {
            return Err(TransferError::NotSupported("OCSP responders are asked over HTTP".into()));
        }
        patiently(http::ask_status(self, &target, request)).await
    }

    #[cfg(feature = "files")]
    async fn socket(&self, target: &Target) -> Result<tokio::net::TcpStream, TransferError> {
        if matches!(self.network, Network::Memory(_)) {
            return Err(TransferError::NotSupported(format!("{} needs real sockets", target.protocol)));
        }
        let stream = tokio::net::TcpStream::connect((target.host.as_str(), target.port));
        patiently(stream).await
    }
}

/// A transfer that is over in its time; it comes boxed, for the state of an SFTP session is large.
async fn within<T>(transfer: Pin<Box<impl Future<Output = Result<T, TransferError>>>>) -> Result<T, TransferError> {
    let late = || TransferError::Failed(format!("it did not end within {} s", MAX_TRANSFER.as_secs()));
    tokio::time::timeout(MAX_TRANSFER, transfer).await.map_err(|_| late())?
}

/// Waits for a server to let us in.
async fn patiently<T, E: std::fmt::Display>(step: impl Future<Output = Result<T, E>>) -> Result<T, TransferError> {
    let late = || TransferError::Failed(format!("no answer within {} s", PATIENCE.as_secs()));
    tokio::time::timeout(PATIENCE, step).await.map_err(|_| late())?.map_err(TransferError::failed)
}
