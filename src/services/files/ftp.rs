//! FTP: libunftp over our store.

use std::{
    fmt::Debug,
    io::Cursor,
    ops::RangeInclusive,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use async_trait::async_trait;
use libunftp::{
    Server, ServerBuilder, ServerError,
    options::{PassiveHost, SiteMd5},
};
use rustls::ServerConfig;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use unftp_core::{
    auth::{AuthenticationError, Authenticator, Credentials, DefaultUser, Principal},
    storage::{Error, ErrorKind, Fileinfo, Metadata, Result, StorageBackend},
};

use super::{
    Connections, MAX_TRANSFER, Shared, pause,
    store::{Entry, Refusal, Store},
};
use crate::protocol::transfer::Protocol;

/// How long a session may say nothing, seconds.
const IDLE: u64 = 120;
/// Bytes that a transfer holds on the way.
const PIPE: usize = 64 * 1024;

/// Serves whoever connects; data connections are told to come to `host` where one is named.
pub(super) async fn serve(listener: TcpListener, shared: Shared, host: Option<String>, ports: RangeInclusive<u16>) {
    let mut connections = Connections::new();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => connections.take(session(stream, shared.clone(), host.clone(), ports.clone())),
            Err(_) => pause().await,
        }
    }
}

async fn session(stream: TcpStream, shared: Shared, host: Option<String>, ports: RangeInclusive<u16>) {
    if let Ok(server) = server(&shared, host.as_deref(), &ports, None) {
        let _ = server.service(stream).await;
    }
}

/// A server for one session; with a configuration of TLS it wants that on both connections.
pub(super) fn server(
    shared: &Shared,
    host: Option<&str>,
    ports: &RangeInclusive<u16>,
    tls: Option<Arc<ServerConfig>>,
) -> std::result::Result<Server<Storage, DefaultUser>, ServerError> {
    let (store, protocol) = (shared.store.clone(), shared.protocol);
    let storage = Box::new(move || Storage { store: store.clone(), protocol });
    let mut builder = ServerBuilder::with_authenticator(storage, Arc::new(Login(shared.clone())))
        .greeting("ocpp-attest")
        .passive_ports(ports.clone())
        .idle_session_timeout(IDLE)
        .sitemd5(SiteMd5::None);
    if let Some(host) = host {
        builder = builder.passive_host(PassiveHost::from(host));
    }
    if let Some(tls) = tls {
        builder = builder.ftps_manual::<PathBuf>(tls).ftps_required(true, true);
    }
    builder.build()
}

/// Lets in who has the credentials, or anybody where none are wanted.
#[derive(Debug)]
struct Login(Shared);

#[async_trait]
impl Authenticator for Login {
    async fn authenticate(
        &self,
        username: &str,
        given: &Credentials,
    ) -> std::result::Result<Principal, AuthenticationError> {
        if self.0.knows(username, given.password.as_deref().unwrap_or_default()) {
            Ok(Principal { username: username.to_owned() })
        } else {
            Err(AuthenticationError::BadPassword)
        }
    }
}

/// Our store as libunftp sees storage.
#[derive(Debug)]
pub(super) struct Storage {
    store: Store,
    protocol: Protocol,
}

#[derive(Debug)]
pub(super) struct Facts(Entry);

impl Metadata for Facts {
    fn len(&self) -> u64 {
        match self.0 {
            Entry::File(size) => size,
            Entry::Folder => 0,
        }
    }

    fn is_dir(&self) -> bool {
        self.0 == Entry::Folder
    }

    fn is_file(&self) -> bool {
        self.0 != Entry::Folder
    }

    fn is_symlink(&self) -> bool {
        false
    }

    fn modified(&self) -> Result<SystemTime> {
        Ok(SystemTime::UNIX_EPOCH)
    }

    fn gid(&self) -> u32 {
        0
    }

    fn uid(&self) -> u32 {
        0
    }
}

fn text<P: AsRef<Path>>(path: P) -> Result<String> {
    path.as_ref().to_str().map(str::to_owned).ok_or_else(|| ErrorKind::FileNameNotAllowedError.into())
}

fn refused(refusal: Refusal) -> Error {
    let kind = match refusal {
        Refusal::NoSuchPlace => ErrorKind::PermanentFileNotAvailable,
        Refusal::TooLarge => ErrorKind::ExceededStorageAllocationError,
        Refusal::Full => ErrorKind::InsufficientStorageSpaceError,
    };
    Error::new(kind, refusal)
}

#[async_trait]
impl StorageBackend<DefaultUser> for Storage {
    type Metadata = Facts;

    async fn metadata<P: AsRef<Path> + Send + Debug>(&self, _: &DefaultUser, path: P) -> Result<Facts> {
        let entry = self.store.entry(&text(path)?).map(Facts);
        entry.ok_or_else(|| ErrorKind::PermanentFileNotAvailable.into())
    }

    /// What is there is not told: a peer knows where it was sent to.
    async fn list<P: AsRef<Path> + Send + Debug>(
        &self,
        _: &DefaultUser,
        path: P,
    ) -> Result<Vec<Fileinfo<PathBuf, Facts>>> {
        match self.store.entry(&text(path)?) {
            Some(_) => Ok(Vec::new()),
            None => Err(ErrorKind::PermanentDirectoryNotAvailable.into()),
        }
    }

    async fn get<P: AsRef<Path> + Send + Debug>(
        &self,
        _: &DefaultUser,
        path: P,
        _: u64,
    ) -> Result<Box<dyn AsyncRead + Send + Sync + Unpin>> {
        let path = text(path)?;
        let offer = self.store.offered(&path).ok_or(ErrorKind::PermanentFileNotAvailable)?;
        self.store.fetched(&path);
        let seconds = usize::try_from(offer.slow.as_secs()).unwrap_or(0);
        if seconds == 0 {
            return Ok(Box::new(Cursor::new(offer.content)));
        }
        let (mut ours, theirs) = tokio::io::duplex(PIPE);
        let piece = offer.content.len().div_ceil(seconds).max(1);
        tokio::spawn(async move {
            let mut rest = offer.content;
            for _ in 0..seconds {
                tokio::time::sleep(Duration::from_secs(1)).await;
                if ours.write_all(&rest.split_to(piece.min(rest.len()))).await.is_err() {
                    return;
                }
            }
        });
        Ok(Box::new(theirs))
    }

    async fn put<P, R>(&self, _: &DefaultUser, mut input: R, path: P, start: u64) -> Result<u64>
    where
        P: AsRef<Path> + Send + Debug,
        R: AsyncRead + Send + Sync + Unpin + 'static,
    {
        if start > 0 {
            return Err(ErrorKind::CommandNotImplemented.into());
        }
        let mut receiving = self.store.receive(&text(path)?, self.protocol).map_err(refused)?;
        let transfer = async {
            let mut piece = vec![0; PIPE];
            loop {
                let count = input.read(&mut piece).await?;
                if count == 0 {
                    break;
                }
                receiving.append(piece.get(..count).unwrap_or_default()).map_err(refused)?;
            }
            tokio::time::sleep(receiving.slow).await;
            Ok::<_, Error>(receiving)
        };
        let receiving =
            tokio::time::timeout(MAX_TRANSFER, transfer).await.map_err(|_| ErrorKind::ConnectionClosed)??;
        let size = receiving.size();
        receiving.finish();
        Ok(size)
    }

    async fn del<P: AsRef<Path> + Send + Debug>(&self, _: &DefaultUser, _: P) -> Result<()> {
        Err(ErrorKind::PermissionDenied.into())
    }

    /// Folders need not be made: a file may be put anywhere below its place.
    async fn mkd<P: AsRef<Path> + Send + Debug>(&self, _: &DefaultUser, path: P) -> Result<()> {
        if self.store.takes(&text(path)?) { Ok(()) } else { Err(ErrorKind::PermissionDenied.into()) }
    }

    async fn rename<P: AsRef<Path> + Send + Debug>(&self, _: &DefaultUser, from: P, to: P) -> Result<()> {
        self.store.rename(&text(from)?, &text(to)?).map_err(refused)
    }

    async fn rmd<P: AsRef<Path> + Send + Debug>(&self, _: &DefaultUser, _: P) -> Result<()> {
        Err(ErrorKind::PermissionDenied.into())
    }

    async fn cwd<P: AsRef<Path> + Send + Debug>(&self, _: &DefaultUser, path: P) -> Result<()> {
        let path = text(path)?;
        match self.store.entry(&path) {
            Some(Entry::Folder) => Ok(()),
            None if self.store.takes(&path) => Ok(()),
            _ => Err(ErrorKind::PermanentDirectoryNotAvailable.into()),
        }
    }
}
