//! SFTP: russh and russh-sftp over our store.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use russh::{
    Channel, ChannelId, MethodKind, MethodSet,
    keys::{Algorithm, EcdsaCurve, PrivateKey},
    server::{Auth, ChannelOpenHandle, Config, Msg, Session},
};
use russh_sftp::protocol::{Attrs, Data, File, FileAttributes, Handle, Name, OpenFlags, Status, StatusCode, Version};
use tokio::net::{TcpListener, TcpStream};

use super::{
    Connections, PATIENCE, Shared, pause,
    store::{Entry, Offer, Receiving, Refusal},
};

/// How long a connection may say nothing.
const IDLE: Duration = Duration::from_mins(2);
/// Channels of a connection.
const MAX_CHANNELS: usize = 4;
/// Files that a channel may have open.
const MAX_OPEN: usize = 8;
/// Most bytes that are handed over at a time.
const MAX_READ: u32 = 64 * 1024;

/// The server's side of SSH, with a host key for the run.
pub(super) fn config() -> Result<Arc<Config>, String> {
    let make = |algorithm: Algorithm| {
        PrivateKey::random(&mut russh::keys::key::safe_rng(), algorithm).map_err(|error| error.to_string())
    };
    let keys = vec![make(Algorithm::Ed25519)?, make(Algorithm::Ecdsa { curve: EcdsaCurve::NistP256 })?];
    Ok(Arc::new(Config {
        methods: MethodSet::from(&[MethodKind::Password][..]),
        auth_rejection_time: Duration::from_secs(1),
        auth_rejection_time_initial: Some(Duration::ZERO),
        max_auth_attempts: 5,
        keys,
        inactivity_timeout: Some(IDLE),
        nodelay: true,
        ..Config::default()
    }))
}

/// Serves whoever connects.
pub(super) async fn serve(listener: TcpListener, shared: Shared, config: Arc<Config>) {
    let mut connections = Connections::new();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => connections.take(connection(stream, shared.clone(), config.clone())),
            Err(_) => pause().await,
        }
    }
}

async fn connection(stream: TcpStream, shared: Shared, config: Arc<Config>) {
    let peer = Peer { shared, channels: HashMap::new(), opened: 0 };
    let greeted = tokio::time::timeout(PATIENCE, russh::server::run_stream(config, stream, peer)).await;
    if let Ok(Ok(session)) = greeted {
        let _ = session.await;
    }
}

/// A connection.
struct Peer {
    shared: Shared,
    channels: HashMap<ChannelId, Channel<Msg>>,
    opened: usize,
}

impl russh::server::Handler for Peer {
    type Error = russh::Error;

    async fn auth_password(&mut self, user: &str, password: &str) -> Result<Auth, russh::Error> {
        Ok(if self.shared.knows(user, password) { Auth::Accept } else { Auth::reject() })
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), russh::Error> {
        if self.opened < MAX_CHANNELS {
            self.opened += 1;
            self.channels.insert(channel.id(), channel);
            reply.accept().await;
        }
        Ok(())
    }

    async fn channel_eof(&mut self, channel: ChannelId, session: &mut Session) -> Result<(), russh::Error> {
        session.close(channel)
    }

    async fn subsystem_request(
        &mut self,
        id: ChannelId,
        name: &str,
        session: &mut Session,
    ) -> Result<(), russh::Error> {
        match self.channels.remove(&id).filter(|_| name == "sftp") {
            Some(channel) => {
                session.channel_success(id)?;
                let files = Files { shared: self.shared.clone(), open: HashMap::new(), made: 0 };
                russh_sftp::server::run(channel.into_stream(), files).await;
                Ok(())
            }
            None => session.channel_failure(id),
        }
    }
}

/// A file or folder that is open.
enum Open {
    Reading(Offer),
    Writing(Receiving),
    Folder,
}

/// A channel's files.
struct Files {
    shared: Shared,
    open: HashMap<String, Open>,
    made: u64,
}

fn done(id: u32) -> Status {
    Status { id, status_code: StatusCode::Ok, error_message: String::new(), language_tag: "en".into() }
}

fn refused(refusal: Refusal) -> StatusCode {
    match refusal {
        Refusal::NoSuchPlace => StatusCode::NoSuchFile,
        Refusal::TooLarge | Refusal::Full => StatusCode::Failure,
    }
}

fn attributes(entry: Entry) -> FileAttributes {
    let mut attributes = FileAttributes::empty();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    attributes.mtime = u32::try_from(now).ok();
    attributes.atime = attributes.mtime;
    match entry {
        Entry::Folder => {
            attributes.permissions = Some(0o755);
            attributes.set_dir(true);
        }
        Entry::File(size) => {
            attributes.permissions = Some(0o644);
            attributes.set_regular(true);
            attributes.size = Some(size);
        }
    }
    attributes
}

impl Files {
    fn keep(&mut self, id: u32, open: Open) -> Result<Handle, StatusCode> {
        if self.open.len() >= MAX_OPEN {
            return Err(StatusCode::Failure);
        }
        self.made += 1;
        let handle = self.made.to_string();
        self.open.insert(handle.clone(), open);
        Ok(Handle { id, handle })
    }

    fn look(&self, id: u32, path: &str) -> Result<Attrs, StatusCode> {
        let entry = self.shared.store.entry(path).ok_or(StatusCode::NoSuchFile)?;
        Ok(Attrs { id, attrs: attributes(entry) })
    }
}

impl russh_sftp::server::Handler for Files {
    type Error = StatusCode;

    fn unimplemented(&self) -> StatusCode {
        StatusCode::OpUnsupported
    }

    async fn init(&mut self, _: u32, _: HashMap<String, String>) -> Result<Version, StatusCode> {
        Ok(Version::new())
    }

    async fn open(&mut self, id: u32, path: String, flags: OpenFlags, _: FileAttributes) -> Result<Handle, StatusCode> {
        if flags.contains(OpenFlags::WRITE) {
            let receiving = self.shared.store.receive(&path, self.shared.protocol).map_err(refused)?;
            return self.keep(id, Open::Writing(receiving));
        }
        let offer = self.shared.store.offered(&path).ok_or(StatusCode::NoSuchFile)?;
        self.shared.store.fetched(&path);
        self.keep(id, Open::Reading(offer))
    }

    async fn read(&mut self, id: u32, handle: String, offset: u64, length: u32) -> Result<Data, StatusCode> {
        let Some(Open::Reading(offer)) = self.open.get(&handle) else { return Err(StatusCode::Failure) };
        let (content, slow): (Bytes, Duration) = (offer.content.clone(), offer.slow);
        let begin = usize::try_from(offset).unwrap_or(usize::MAX).min(content.len());
        let count = (length.min(MAX_READ) as usize).min(content.len() - begin);
        if count == 0 {
            return Err(StatusCode::Eof);
        }
        // Each piece takes its share of the time.
        let share = u32::try_from(count).unwrap_or(u32::MAX);
        let whole = u32::try_from(content.len()).unwrap_or(u32::MAX).max(1);
        tokio::time::sleep(slow.mul_f64(f64::from(share) / f64::from(whole))).await;
        Ok(Data { id, data: content.slice(begin..begin + count).to_vec() })
    }

    async fn write(&mut self, id: u32, handle: String, offset: u64, data: Vec<u8>) -> Result<Status, StatusCode> {
        let Some(Open::Writing(receiving)) = self.open.get_mut(&handle) else { return Err(StatusCode::Failure) };
        if let Err(refusal) = receiving.write_at(offset, &data) {
            // What is not whole is no upload, whatever the peer does with it next.
            self.open.remove(&handle);
            return Err(refused(refusal));
        }
        Ok(done(id))
    }

    async fn close(&mut self, id: u32, handle: String) -> Result<Status, StatusCode> {
        if let Open::Writing(receiving) = self.open.remove(&handle).ok_or(StatusCode::Failure)? {
            tokio::time::sleep(receiving.slow).await;
            receiving.finish();
        }
        Ok(done(id))
    }

    async fn stat(&mut self, id: u32, path: String) -> Result<Attrs, StatusCode> {
        self.look(id, &path)
    }

    async fn lstat(&mut self, id: u32, path: String) -> Result<Attrs, StatusCode> {
        self.look(id, &path)
    }

    async fn fstat(&mut self, id: u32, handle: String) -> Result<Attrs, StatusCode> {
        let entry = match self.open.get(&handle).ok_or(StatusCode::Failure)? {
            Open::Reading(offer) => Entry::File(offer.content.len() as u64),
            Open::Writing(receiving) => Entry::File(receiving.size()),
            Open::Folder => Entry::Folder,
        };
        Ok(Attrs { id, attrs: attributes(entry) })
    }

    /// Times and modes are taken note of by nobody.
    async fn setstat(&mut self, id: u32, path: String, _: FileAttributes) -> Result<Status, StatusCode> {
        self.look(id, &path).map(|_| done(id))
    }

    async fn fsetstat(&mut self, id: u32, handle: String, _: FileAttributes) -> Result<Status, StatusCode> {
        self.open.get(&handle).map(|_| done(id)).ok_or(StatusCode::Failure)
    }

    /// What is there is not told: a peer knows where it was sent to.
    async fn opendir(&mut self, id: u32, path: String) -> Result<Handle, StatusCode> {
        match self.shared.store.entry(&path) {
            Some(Entry::Folder) => self.keep(id, Open::Folder),
            _ => Err(StatusCode::NoSuchFile),
        }
    }

    async fn readdir(&mut self, _: u32, _: String) -> Result<Name, StatusCode> {
        Err(StatusCode::Eof)
    }

    /// Folders need not be made: a file may be put anywhere below its place.
    async fn mkdir(&mut self, id: u32, path: String, _: FileAttributes) -> Result<Status, StatusCode> {
        if self.shared.store.takes(&path) { Ok(done(id)) } else { Err(StatusCode::PermissionDenied) }
    }

    async fn rename(&mut self, id: u32, from: String, to: String) -> Result<Status, StatusCode> {
        self.shared.store.rename(&from, &to).map_err(refused)?;
        Ok(done(id))
    }

    async fn realpath(&mut self, id: u32, path: String) -> Result<Name, StatusCode> {
        let path: String = path.chars().filter(|c| !c.is_control()).take(1024).collect();
        let path = format!("/{}", path.trim_start_matches(['.', '/']));
        Ok(Name { id, files: vec![File::dummy(path)] })
    }
}
