//! The server that the SUT fetches firmware from and sends logs to: over HTTP, HTTPS, FTP, FTPS or SFTP.
//!
//! One protocol per run: the one that the bench chooses, or the first that the product has. HTTP and HTTPS run over the
//! run's [`Network`], so that a simulated run needs no socket; the others need real ones.

#[cfg(feature = "files")]
mod ftp;
#[cfg(feature = "files")]
mod ftps;
mod http;
#[cfg(feature = "files")]
mod sftp;
#[cfg_attr(not(feature = "files"), allow(dead_code))] // what only FTP and SFTP look at
mod store;
#[cfg(test)]
mod tests;

use std::{
    ops::RangeInclusive,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use bytes::Bytes;
use tokio::{sync::Semaphore, task::JoinHandle};
use url::Url;

pub use self::store::{Limits, Store, Upload};
use crate::{
    bench::Bench,
    certificate::ocsp::OcspResponder,
    clock::Clock,
    link::{Identity, Network, Secret, ServerTls, client::percent_encoded, network::Listener},
    pics::{Pics, SutKind},
    protocol::{Version, transfer::Protocol},
};

/// Where the OCSP responder is, beside the files.
const OCSP_PATH: &str = "/ocsp";
/// Most connections at a time; beyond it they are closed at once.
const MAX_CONNECTIONS: usize = 64;
/// How long a peer may take for a TLS handshake, a request's head or a login.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a connection may last that somebody transfers over.
const MAX_TRANSFER: Duration = Duration::from_mins(30);

/// Why there is no file server.
#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    /// This build doesn't speak the protocol.
    #[error("this build does not support {0} (it was built without the feature `files`)")]
    NotInThisBuild(Protocol),
    /// Only real sockets do.
    #[error("{0} needs real sockets, which a simulated run does not have; use HTTP or HTTPS")]
    NeedsSockets(Protocol),
    /// The address could not be bound.
    #[error("{0} can't be bound: {1}")]
    Bind(String, std::io::Error),
    /// The server could not be set up.
    #[error("the {0} server can't be set up: {1}")]
    Setup(Protocol, String),
}

/// User name and password that a peer has to give.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// User name.
    pub user: String,
    /// Password.
    pub password: Secret,
}

/// What file server there is to be.
#[derive(Debug, Clone)]
pub struct FileSetup {
    /// The protocol.
    pub protocol: Protocol,
    /// Where to listen, `host:port`.
    pub listen: String,
    /// `host` or `host:port` in URLs; empty: the bound address.
    pub public: String,
    /// What the peer has to give; `None`: nothing (SFTP then gets credentials of its own, for it can't do without).
    pub credentials: Option<Credentials>,
    /// Ports for FTP's data connections.
    pub passive_ports: RangeInclusive<u16>,
    /// What is served and received; servers with the same one share it, and its limits.
    pub store: Store,
}

impl FileSetup {
    /// What bench and PICS choose: the bench's protocol, else the first that the product has, else HTTP.
    pub fn of<'p>(bench: &Bench, pics: impl Into<Option<&'p Pics>>) -> Self {
        let claimed = pics.into().map(|pics| Protocol::among(pics.list("ORS-24"))).unwrap_or_default();
        let usable = claimed.iter().copied().find(|protocol| protocol.is_built_in()).or(claimed.first().copied());
        let protocol = bench.files.protocol.or(usable).unwrap_or(Protocol::Http);
        Self {
            protocol,
            listen: bench.files.listen(protocol).to_owned(),
            public: if bench.files.host.is_empty() { bench.host.clone() } else { bench.files.host.clone() },
            credentials: (!bench.files.user.is_empty())
                .then(|| Credentials { user: bench.files.user.clone(), password: bench.files.password.clone() }),
            passive_ports: bench.files.passive_ports.clone(),
            store: Store::default(),
        }
    }

    /// A server beside this one for another protocol, where the bench has its address: it shares the store, and has a port of its own.
    #[must_use]
    pub fn beside(&self, bench: &Bench, protocol: Protocol) -> Self {
        let host = Url::parse(&format!("ocpp://{}", self.public)).ok();
        let host = host.and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default();
        Self { protocol, listen: bench.files.listen(protocol).to_owned(), public: host, ..self.clone() }
    }

    /// True where a station that reaches the bench's CSMS over the network would not reach this server.
    pub fn is_out_of_reach(&self, bench: &Bench) -> bool {
        is_loopback(&self.listen) && !is_loopback(&bench.listen)
    }

    /// The servers beside this one over which a station of OCPP 2.1 uploads logs, too: it claims HTTP and HTTPS, and one of them is not this
    /// one's protocol.
    pub fn for_logs(&self, bench: &Bench, pics: &Pics) -> Vec<Self> {
        let claimed = Protocol::among(pics.list("ORS-24"));
        let other = |protocol: &Protocol| *protocol != self.protocol && claimed.contains(protocol);
        if pics.ocpp != Version::V2_1 || pics.sut != SutKind::ChargingStation {
            return Vec::new();
        }
        [Protocol::Http, Protocol::Https]
            .into_iter()
            .filter(other)
            .map(|protocol| self.beside(bench, protocol))
            .collect()
    }

    /// The same for a run in memory: HTTPS where the bench wants that, or the product has it and no HTTP; else HTTP.
    pub fn in_memory<'p>(bench: &Bench, pics: impl Into<Option<&'p Pics>>, host: &str) -> Self {
        let claimed = pics.into().map(|pics| Protocol::among(pics.list("ORS-24"))).unwrap_or_default();
        let only_secure = claimed.contains(&Protocol::Https) && !claimed.contains(&Protocol::Http);
        let secure = bench.files.protocol.map_or(only_secure, |protocol| protocol == Protocol::Https);
        let protocol = if secure { Protocol::Https } else { Protocol::Http };
        let address = format!("{host}:{}", protocol.port());
        Self {
            protocol,
            listen: address.clone(),
            public: address,
            credentials: None,
            passive_ports: 0..=0,
            store: Store::default(),
        }
    }
}

/// What the tasks of a server share.
#[derive(Debug, Clone)]
struct Shared {
    protocol: Protocol,
    store: Store,
    credentials: Option<Credentials>,
    /// Answers at [`OCSP_PATH`], where the server speaks HTTP.
    responder: OcspResponder,
    /// What is shown to clients that speak TLS.
    tls: Arc<RwLock<Option<ServerTls>>>,
    clock: Clock,
}

impl Shared {
    fn tls(&self) -> Option<ServerTls> {
        self.tls.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// True when these are the credentials, or none are wanted.
    #[cfg(feature = "files")]
    fn knows(&self, user: &str, password: &str) -> bool {
        self.credentials.as_ref().is_none_or(|known| known.are(user, password))
    }

    /// The same at a path, which may be guarded where the server is not.
    fn lets_in(&self, path: &str, user: &str, password: &str) -> bool {
        match &self.credentials {
            Some(known) => known.are(user, password),
            None => self.store.guard(path).is_none_or(|known| known.are(user, password)),
        }
    }
}

/// A file server. Clones are the same server; it ends with the last of them.
#[derive(Debug, Clone)]
pub struct FileServer {
    /// `scheme://user:password@host:port`
    base: String,
    /// `host:port` for other products.
    public: String,
    address: String,
    shared: Shared,
    _task: Arc<Task>,
}

/// A task that ends with whoever holds it.
#[derive(Debug)]
struct Task(JoinHandle<()>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn server_tls(identity: Identity) -> ServerTls {
    ServerTls { identity, rsa_identity: None, client_roots: None, versions: Vec::new(), suites: Vec::new() }
}

impl FileServer {
    /// Binds and serves; HTTPS and FTPS show the certificate.
    pub async fn start(
        setup: &FileSetup,
        network: &Network,
        identity: Option<Identity>,
        clock: Clock,
    ) -> Result<Self, FilesError> {
        let protocol = setup.protocol;
        if !protocol.is_built_in() {
            return Err(FilesError::NotInThisBuild(protocol));
        }
        if protocol.has_tls() && identity.is_none() {
            return Err(FilesError::Setup(protocol, "it has no certificate".into()));
        }
        let failed = |error| FilesError::Bind(setup.listen.clone(), error);
        let listener = network.bind(&setup.listen).await.map_err(failed)?;
        let address = listener.address();
        let credentials = setup.credentials.clone().or_else(|| (protocol == Protocol::Sftp).then(Credentials::made_up));
        let shared = Shared {
            protocol,
            store: setup.store.clone(),
            credentials,
            responder: OcspResponder::default(),
            tls: Arc::new(RwLock::new(identity.filter(|_| protocol.has_tls()).map(server_tls))),
            clock,
        };
        let public = public(&setup.public, &address);
        let task = match (protocol, listener) {
            (Protocol::Http | Protocol::Https, listener) => tokio::spawn(http::serve(listener, shared.clone())),
            #[cfg(feature = "files")]
            (Protocol::Ftp | Protocol::Ftps, Listener::Tcp(listener)) => {
                let host = public.rsplit_once(':').map_or(public.as_str(), |(host, _)| host);
                // Where nobody says otherwise, data goes where the control connection went.
                let host = (!setup.public.is_empty()).then(|| host.to_owned());
                let (shared, ports) = (shared.clone(), setup.passive_ports.clone());
                match protocol {
                    Protocol::Ftp => tokio::spawn(ftp::serve(listener, shared, host, ports)),
                    _ => tokio::spawn(ftps::serve(listener, shared, host, ports)),
                }
            }
            #[cfg(feature = "files")]
            (Protocol::Sftp, Listener::Tcp(listener)) => {
                let config = sftp::config().map_err(|why| FilesError::Setup(protocol, why))?;
                tokio::spawn(sftp::serve(listener, shared.clone(), config))
            }
            #[cfg(not(feature = "files"))]
            (_, Listener::Tcp(_)) => return Err(FilesError::NotInThisBuild(protocol)),
            (_, Listener::Memory(..)) => return Err(FilesError::NeedsSockets(protocol)),
        };
        let login = shared.credentials.as_ref().map(Credentials::login).unwrap_or_default();
        Ok(Self {
            base: format!("{}://{login}{public}", protocol.scheme()),
            public,
            address,
            shared,
            _task: Arc::new(Task(task)),
        })
    }

    /// The protocol it speaks.
    pub fn protocol(&self) -> Protocol {
        self.shared.protocol
    }

    /// The address it is bound to, `host:port`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// What stands in URLs and has no place in an artefact.
    pub fn secrets(&self) -> Vec<Secret> {
        let Some(known) = &self.shared.credentials else { return Vec::new() };
        let encoded = percent_encoded(known.password.expose());
        vec![known.password.clone(), Secret::new(encoded)]
    }

    /// Shows another certificate from now on.
    pub fn show(&self, identity: Identity) {
        let mut tls = self.shared.tls.write().unwrap_or_else(PoisonError::into_inner);
        if tls.is_some() {
            *tls = Some(server_tls(identity));
        }
    }

    /// The OCSP responder, and its URL; none where the server doesn't speak HTTP.
    pub fn responder(&self) -> Option<(&OcspResponder, String)> {
        let protocol = self.protocol();
        let speaks = matches!(protocol, Protocol::Http | Protocol::Https);
        speaks.then(|| (&self.shared.responder, format!("{}://{}{OCSP_PATH}", protocol.scheme(), self.public)))
    }

    /// Offers a file whose transfer takes at least so many seconds; the answer is its URL.
    pub fn offer(&self, name: &str, content: Bytes, slow: u64) -> String {
        format!("{}{}", self.base, self.shared.store.offer(name, content, slow))
    }

    /// A folder to upload to for a test case, where an upload takes at least so many seconds.
    pub fn upload_location(&self, test_case: &str, slow: u64) -> String {
        format!("{}{}", self.base, self.shared.store.folder(test_case, slow))
    }

    /// A folder to upload to for a test case, which lets in only who gives these credentials; where the server demands some of its own, those
    /// count. Only for servers that speak HTTP.
    pub fn guarded_location(&self, test_case: &str, guard: &Credentials) -> String {
        if self.shared.credentials.is_some() {
            return self.upload_location(test_case, 0);
        }
        let folder = self.shared.store.guarded_folder(test_case, guard.clone());
        format!("{}://{}{}{folder}", self.protocol().scheme(), guard.login(), self.public)
    }

    /// The place of a folder (as `upload_location` yields it) that sends whoever comes there to it; none where the server doesn't
    /// speak HTTP.
    pub fn moved_location(&self, location: &str) -> Option<String> {
        let speaks = matches!(self.protocol(), Protocol::Http | Protocol::Https);
        speaks.then(|| format!("{}{}{}", self.base, http::MOVED, self.path(location)))
    }

    /// A folder that is not there.
    pub fn missing_location(&self) -> String {
        format!("{}/no-such-folder", self.base)
    }

    fn path<'u>(&self, url: &'u str) -> &'u str {
        url.strip_prefix(&self.base).unwrap_or(url)
    }

    /// How often a URL was fetched.
    pub fn downloads(&self, url: &str) -> u32 {
        self.shared.store.downloads(self.path(url))
    }

    /// Names (as the SUT gave them, last part only) and sizes of what has arrived at an upload's URL.
    pub fn received(&self, url: &str) -> Vec<(String, u64)> {
        self.shared.store.received(&path_of(url))
    }

    /// What has arrived for a test case (or for any) since this was asked for the last time.
    pub fn collect(&self, test_case: Option<&str>) -> Vec<Upload> {
        self.shared.store.collect(test_case)
    }
}

impl Credentials {
    /// Credentials that nobody has had before.
    pub fn made_up() -> Self {
        Self { user: "attest".into(), password: Secret::new(uuid::Uuid::new_v4().simple().to_string()) }
    }

    fn are(&self, user: &str, password: &str) -> bool {
        let (own, given) = (self.password.expose().as_bytes(), password.as_bytes());
        aws_lc_rs::constant_time::verify_slices_are_equal(own, given).is_ok() && self.user == user
    }

    /// `user:password@`, as in URLs.
    fn login(&self) -> String {
        format!("{}:{}@", percent_encoded(&self.user), percent_encoded(self.password.expose()))
    }
}

/// True for an address of this machine alone.
pub fn is_loopback(address: &str) -> bool {
    address.starts_with("127.") || address.starts_with("localhost") || address.starts_with("[::1]")
}

/// The path of a place at a server, as its store knows it.
pub fn path_of(location: &str) -> String {
    Url::parse(location).map_or_else(|_| location.to_owned(), |url| url.path().to_owned())
}

/// `host:port` in URLs: what was told, with the bound port where none was.
fn public(told: &str, bound: &str) -> String {
    if told.is_empty() {
        return bound.to_owned();
    }
    let has_port = Url::parse(&format!("ocpp://{told}")).is_ok_and(|url| url.port().is_some());
    if has_port {
        return told.to_owned();
    }
    let port = bound.rsplit(':').next().unwrap_or_default();
    let host = if told.contains(':') && !told.starts_with('[') { format!("[{told}]") } else { told.to_owned() };
    format!("{host}:{port}")
}

/// The connections of a server, as many as there are slots for; they end with it.
struct Connections {
    slots: Arc<Semaphore>,
    tasks: tokio::task::JoinSet<()>,
}

impl Connections {
    fn new() -> Self {
        Self { slots: Arc::new(Semaphore::new(MAX_CONNECTIONS)), tasks: tokio::task::JoinSet::new() }
    }

    /// Serves one in a task of its own, in its time; where there is no slot left, it is dropped and so closed.
    fn take(&mut self, serving: impl Future<Output = ()> + Send + 'static) {
        while self.tasks.try_join_next().is_some() {}
        if let Ok(slot) = self.slots.clone().try_acquire_owned() {
            self.tasks.spawn(async move {
                let _ = tokio::time::timeout(MAX_TRANSFER, serving).await;
                drop(slot);
            });
        }
    }
}

/// A connection could not be taken: out of file handles, most likely. Some come back.
async fn pause() {
    tokio::time::sleep(Duration::from_millis(100)).await;
}
