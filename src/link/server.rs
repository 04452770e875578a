//! The CSMS side of the link: end-points that do what their policy says.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use base64::Engine as _;
use tokio::{
    sync::{Semaphore, mpsc},
    task::{JoinError, JoinSet},
};
use tokio_tungstenite::tungstenite::{
    handshake::server::{ErrorResponse, Request, Response},
    http::{HeaderValue, StatusCode},
};

use super::{
    failure,
    handle::{LinkHandle, Order, Tasks},
    head::Overheard,
    hello,
    network::{BoxStream, Listener, Network},
    session::{self, Events, Out},
    thread::LinkThread,
    tls,
    types::{
        AttemptFailure, ConnId, EndpointId, HelloInfo, LinkCommand, LinkEvent, Secret, ServerPolicy, TlsInfo,
        UpgradeRequest,
    },
};
use crate::clock::Clock;

/// Time for TLS and the HTTP upgrade together.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(15);
/// Most attempts at a time.
const MAX_ATTEMPTS: usize = 64;
/// Most WebSockets open at a time.
const MAX_OPEN: usize = 128;
/// Events that wait to be looked at; beyond it the sockets are not read.
pub(super) const EVENT_BUFFER: usize = 256;

pub(super) type Policies = Arc<Mutex<HashMap<EndpointId, ServerPolicy>>>;
pub(super) type Connections = Arc<Mutex<HashMap<ConnId, mpsc::UnboundedSender<Out>>>>;

/// What lies behind these locks is whole between any two statements, so a panic elsewhere does not spoil it.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[derive(Clone)]
struct Shared {
    network: Network,
    clock: Clock,
    events: Events,
    policies: Policies,
    connections: Connections,
    next: Arc<AtomicU32>,
    attempts: Arc<Semaphore>,
    tap: Option<Arc<dyn Tap>>,
}

impl Shared {
    fn tapped(&self, conn: ConnId, stream: BoxStream) -> BoxStream {
        match &self.tap {
            Some(tap) => tap.stream(conn, stream),
            None => stream,
        }
    }
}

/// What meddles with connections below their messages: for who plays a product that does it wrong.
pub trait Tap: Send + Sync + std::fmt::Debug {
    /// The stream of a connection as it is used in the place of the real one, below TLS.
    fn stream(&self, conn: ConnId, stream: BoxStream) -> BoxStream;

    /// The sub-protocol that a server confirms in the place of the one that was agreed on.
    fn subprotocol(&self, conn: ConnId, agreed: Option<String>) -> Option<String>;
}

/// Binds the end-points and serves them. With no addresses it only serves [`LinkCommand::Connect`].
pub async fn serve(
    network: Network,
    addresses: &[(EndpointId, String)],
    policies: HashMap<EndpointId, ServerPolicy>,
    clock: Clock,
) -> std::io::Result<LinkHandle> {
    serve_through(network, addresses, policies, clock, None).await
}

/// The same with something that meddles with the connections.
pub async fn serve_through(
    network: Network,
    addresses: &[(EndpointId, String)],
    policies: HashMap<EndpointId, ServerPolicy>,
    clock: Clock,
    tap: Option<Arc<dyn Tap>>,
) -> std::io::Result<LinkHandle> {
    let (orders, ordered) = mpsc::unbounded_channel();
    let (events, received) = mpsc::channel(EVENT_BUFFER);
    let policies = Arc::new(Mutex::new(policies));
    let shared = Shared {
        network: network.clone(),
        clock,
        events,
        policies: policies.clone(),
        connections: Connections::default(),
        next: Arc::new(AtomicU32::new(1)),
        attempts: Arc::new(Semaphore::new(MAX_ATTEMPTS)),
        tap,
    };
    let connections = shared.connections.clone();
    let (tasks, addresses) = match network {
        Network::Memory(_) => {
            let (tasks, bound) = begin(addresses, ordered, shared).await?;
            (Tasks::Here(tasks), bound)
        }
        Network::Tcp => {
            let addresses = addresses.to_vec();
            let begin = move || async move { begin(&addresses, ordered, shared).await };
            let (thread, bound) = LinkThread::start(begin).await?;
            (Tasks::Thread(thread), bound)
        }
    };
    Ok(LinkHandle::new(orders, policies, received, addresses, connections, tasks))
}

/// Binds the end-points and starts the tasks of the link on this runtime; with the addresses that they are bound to.
async fn begin(
    addresses: &[(EndpointId, String)],
    orders: mpsc::UnboundedReceiver<Order>,
    shared: Shared,
) -> std::io::Result<(JoinSet<()>, HashMap<EndpointId, String>)> {
    let mut tasks = JoinSet::new();
    let mut bound = HashMap::new();
    for (endpoint, address) in addresses {
        let listener = shared.network.bind(address).await?;
        bound.insert(*endpoint, listener.address());
        tasks.spawn(listen(listener, *endpoint, shared.clone()));
    }
    tasks.spawn(obey(orders, shared));
    Ok((tasks, bound))
}

async fn obey(mut orders: mpsc::UnboundedReceiver<Order>, shared: Shared) {
    let mut clients = JoinSet::new();
    loop {
        let order = tokio::select! {
            biased;
            order = orders.recv() => order,
            Some(ended) = clients.join_next() => {
                pass_on_panic(ended);
                continue;
            }
        };
        let command = match order {
            Some(Order::Command(command)) => command,
            Some(Order::Settle(told)) => {
                // A task that has used up its turn between a stamp and its event gets another.
                tokio::task::yield_now().await;
                let _ = told.send(());
                continue;
            }
            None => return,
        };
        let out = |conn: ConnId, out: Out| {
            if let Some(connection) = lock(&shared.connections).get(&conn) {
                let _ = connection.send(out);
            }
        };
        match command {
            // The handle has done it already.
            LinkCommand::SetPolicy(..) => {}
            LinkCommand::Connect(conn, policy) => {
                let (network, clock, events) = (shared.network.clone(), shared.clock, shared.events.clone());
                let (connections, tap) = (shared.connections.clone(), shared.clone());
                clients.spawn(async move {
                    let wrap = |stream| tap.tapped(conn, stream);
                    let mut head = None;
                    match super::client::open_through(&network, &policy, clock, wrap, &mut head).await {
                        Ok((socket, request, subprotocol)) => {
                            let opened = LinkEvent::Opened { conn, endpoint: EndpointId::MAIN, request, subprotocol };
                            let commands = register(&connections, conn);
                            if events.send((clock.now(), opened)).await.is_ok() {
                                session::run(socket, conn, clock, events, commands).await;
                            }
                            forget(&connections, conn);
                        }
                        Err(failure) => {
                            let endpoint = EndpointId::MAIN;
                            let failed =
                                LinkEvent::AttemptFailed { conn, endpoint, failure, request: None, hello: None, head };
                            let _ = events.send((clock.now(), failed)).await;
                        }
                    }
                });
            }
            LinkCommand::Send(conn, text) => out(conn, Out::Text(text)),
            LinkCommand::SendBytes(conn, bytes, binary) => out(conn, Out::Bytes(bytes, binary)),
            LinkCommand::Close(conn, code) => out(conn, Out::Close(code)),
            LinkCommand::Abort(conn) => out(conn, Out::Abort),
            LinkCommand::Ping(conn) => out(conn, Out::Ping),
        }
    }
}

fn register(connections: &Connections, conn: ConnId) -> mpsc::UnboundedReceiver<Out> {
    let (sender, receiver) = mpsc::unbounded_channel();
    lock(connections).insert(conn, sender);
    receiver
}

fn forget(connections: &Connections, conn: ConnId) {
    lock(connections).remove(&conn);
}

/// A panic in the task of a connection is one of the link: its engine would wait for what is never told.
fn pass_on_panic(ended: Result<(), JoinError>) {
    if let Err(error) = ended {
        if let Ok(panic) = error.try_into_panic() {
            std::panic::resume_unwind(panic);
        }
    }
}

async fn listen(mut listener: Listener, endpoint: EndpointId, shared: Shared) {
    let mut tasks = JoinSet::new();
    loop {
        let stream = tokio::select! {
            stream = listener.accept() => stream,
            Some(ended) = tasks.join_next() => {
                pass_on_panic(ended);
                continue;
            }
        };
        let Ok(stream) = stream else {
            // Out of file descriptors, or the network is gone: do not spin.
            tokio::time::sleep(Duration::from_millis(100)).await;
            if matches!(listener, Listener::Memory(..)) {
                return;
            }
            continue;
        };
        let Ok(permit) = shared.attempts.clone().try_acquire_owned() else { continue };
        let conn = ConnId(shared.next.fetch_add(1, Ordering::Relaxed));
        let shared = shared.clone();
        tasks.spawn(async move {
            let policy = lock(&shared.policies).get(&endpoint).cloned();
            let mut seen = Seen::default();
            let Some(policy) = policy.filter(|policy| policy.reachable) else {
                let failure = AttemptFailure::UpgradeRefusedByUs(0, "the end-point is down".into());
                let failed =
                    LinkEvent::AttemptFailed { conn, endpoint, failure, request: None, hello: None, head: None };
                let _ = shared.events.send((shared.clock.now(), failed)).await;
                return;
            };
            let stream = shared.tapped(conn, stream);
            let attempt =
                tokio::time::timeout(HANDSHAKE_TIMEOUT, attempt(stream, conn, &policy, &shared, &mut seen)).await;
            drop(permit);
            match attempt.unwrap_or(Err(AttemptFailure::TimedOut)) {
                Ok((socket, subprotocol)) => {
                    let Some(request) = seen.request else { return };
                    let commands = register(&shared.connections, conn);
                    let opened = LinkEvent::Opened { conn, endpoint, request, subprotocol };
                    if shared.events.send((shared.clock.now(), opened)).await.is_ok() {
                        session::run(socket, conn, shared.clock, shared.events.clone(), commands).await;
                    }
                    forget(&shared.connections, conn);
                }
                Err(failure) => {
                    let Seen { hello, request, overheard } = seen;
                    let head = overheard.head();
                    let failed = LinkEvent::AttemptFailed { conn, endpoint, failure, request, hello, head };
                    let _ = shared.events.send((shared.clock.now(), failed)).await;
                }
            }
        });
    }
}

/// That no sub-protocol suits, with what was offered.
fn nothing_in_common(offered: &[String], ours: &[String]) -> String {
    const MOST_TOLD: usize = 5;
    const LONGEST_TOLD: usize = 40;
    let short = |name: &String| name.chars().take(LONGEST_TOLD).flat_map(char::escape_debug).collect::<String>();
    let mut told: Vec<String> = offered.iter().take(MOST_TOLD).map(|name| format!("`{}`", short(name))).collect();
    if offered.len() > MOST_TOLD {
        told.push(format!("{} more", offered.len() - MOST_TOLD));
    }
    let told = if told.is_empty() { "none".to_owned() } else { told.join(", ") };
    format!("no sub-protocol in common: it offered {told}, not {}", ours.join(" or "))
}

/// What was seen of an attempt, however far it came.
#[derive(Default)]
struct Seen {
    hello: Option<HelloInfo>,
    request: Option<UpgradeRequest>,
    overheard: Overheard,
}

type Socket = tokio_tungstenite::WebSocketStream<BoxStream>;

async fn attempt(
    stream: BoxStream,
    conn: ConnId,
    policy: &ServerPolicy,
    shared: &Shared,
    seen: &mut Seen,
) -> Result<(Socket, Option<String>), AttemptFailure> {
    let (stream, info): (BoxStream, Option<TlsInfo>) = match &policy.tls {
        None => (stream, None),
        Some(tls) => {
            let (hello, stream) = hello::peek(stream).await?;
            seen.hello.clone_from(&hello);
            if hello.is_none() && stream.read_ahead().starts_with(b"GET ") {
                seen.overheard.keep(stream.read_ahead());
                let why = "the SUT sent an HTTP request where TLS must begin: it connects by ws, and wss is wanted";
                return Err(AttemptFailure::TlsRefusedByUs(why.into()));
            }
            if hello.is_none() {
                let first = stream.read_ahead().iter().take(16).map(|byte| format!("{byte:02x}")).collect::<Vec<_>>();
                let why =
                    format!("the SUT sent no ClientHello where TLS must begin, but the bytes {}", first.join(" "));
                return Err(AttemptFailure::TlsRefusedByUs(why));
            }
            let offer = hello.as_ref().map(failure::offer).unwrap_or_default();
            let offered = hello.as_ref().map(|hello| hello.versions.clone()).unwrap_or_default();
            let (stream, info) =
                tls::accept(stream, tls, hello, shared.clock).await.map_err(|failure| match failure {
                    // Not to offer the only version that we speak is the SUT's way to refuse it.
                    AttemptFailure::TlsRefusedByUs(_)
                        if !tls.versions.is_empty()
                            && !offered.iter().any(|version| tls.versions.contains(version)) =>
                    {
                        AttemptFailure::TlsRefusedBySut(format!(
                            "its ClientHello offers only {}",
                            failure::list(&offered)
                        ))
                    }
                    AttemptFailure::TlsRefusedByUs(why) => {
                        let takes = failure::takes(&tls.versions, &tls.suites);
                        AttemptFailure::TlsRefusedByUs(format!("{why}. The SUT offers {offer}; we take {takes}"))
                    }
                    other => other,
                })?;
            (stream, Some(info))
        }
    };
    let stream = seen.overheard.over(stream);
    let mut decision = None;
    #[allow(clippy::result_large_err)] // the type is the library's
    let callback = |request: &Request, mut response: Response| -> Result<Response, ErrorResponse> {
        let (upgrade, password) = upgrade_request(request, info.clone());
        let decided = if lock(&shared.connections).len() < MAX_OPEN {
            decide(policy, &upgrade, password.as_deref())
        } else {
            Err((503, format!("{MAX_OPEN} connections are open already")))
        };
        seen.request = Some(upgrade);
        match decided {
            Ok(subprotocol) => {
                let confirmed = match &shared.tap {
                    Some(tap) => tap.subprotocol(conn, subprotocol.clone()),
                    None => subprotocol.clone(),
                };
                if let Some(value) = confirmed.as_deref().and_then(|text| HeaderValue::from_str(text).ok()) {
                    response.headers_mut().insert("Sec-WebSocket-Protocol", value);
                }
                decision = Some(Ok(subprotocol));
                Ok(response)
            }
            Err((status, why)) => {
                let mut refusal = ErrorResponse::new(None);
                *refusal.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::FORBIDDEN);
                if status == 401 {
                    let challenge = HeaderValue::from_static("Basic realm=\"OCPP\"");
                    refusal.headers_mut().insert("WWW-Authenticate", challenge);
                }
                decision = Some(Err(AttemptFailure::UpgradeRefusedByUs(status, why)));
                Err(refusal)
            }
        }
    };
    let config = session::config(policy.max_frame);
    let result = tokio_tungstenite::accept_hdr_async_with_config(stream, callback, Some(config)).await;
    match (decision, result) {
        (Some(Ok(subprotocol)), Ok(mut socket)) => {
            if subprotocol.is_none() && !policy.subprotocols.is_empty() {
                // Part 4, 3.1.2: without a common sub-protocol the handshake ends without that header, then it closes.
                let _ = socket.close(None).await;
                let offered = seen.request.as_ref().map(|request| request.subprotocols.as_slice()).unwrap_or_default();
                let why = nothing_in_common(offered, &policy.subprotocols);
                return Err(AttemptFailure::UpgradeRefusedByUs(101, why));
            }
            Ok((socket, subprotocol))
        }
        (Some(Err(failure)), _) => Err(failure),
        (_, Err(error)) => match error {
            // With TLS 1.3 some clients judge our certificate only after their side of the handshake is done.
            tokio_tungstenite::tungstenite::Error::Io(error) => Err(tls::alert(&error)
                .map_or(AttemptFailure::ClosedBeforeUpgrade, |alert| {
                    AttemptFailure::TlsRefusedBySut(format!("it sent the alert {alert} after its Finished"))
                })),
            tokio_tungstenite::tungstenite::Error::Protocol(
                tokio_tungstenite::tungstenite::error::ProtocolError::HandshakeIncomplete,
            ) => Err(AttemptFailure::ClosedBeforeUpgrade),
            tokio_tungstenite::tungstenite::Error::AttackAttempt => {
                Err(AttemptFailure::BadUpgrade("the request head is too long, or comes in too many pieces".into()))
            }
            other => Err(AttemptFailure::BadUpgrade(other.to_string())),
        },
        (None, Ok(_)) => Err(AttemptFailure::BadUpgrade("no request was seen".into())),
    }
}

/// The request as it is told, and the password as it came: its bytes need not be text.
fn upgrade_request(request: &Request, tls: Option<TlsInfo>) -> (UpgradeRequest, Option<Vec<u8>>) {
    let path = request.uri().path().chars().take(512).collect::<String>();
    let identity = path.rsplit('/').next().filter(|last| !last.is_empty()).map(percent_decoded);
    let (user, password) = request.headers().get("Authorization").and_then(credentials).unzip();
    let subprotocols = request
        .headers()
        .get_all("Sec-WebSocket-Protocol")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|protocol| protocol.trim().chars().take(64).collect::<String>())
        .take(32)
        .collect();
    let told = password.as_deref().map(|password| Secret::new(String::from_utf8_lossy(password)));
    (UpgradeRequest { path, identity, user, password: told, subprotocols, tls }, password)
}

/// User and password of HTTP Basic authentication.
fn credentials(header: &HeaderValue) -> Option<(String, Vec<u8>)> {
    let (scheme, encoded) = header.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("Basic") {
        return None;
    }
    let decoded = base64::engine::general_purpose::STANDARD.decode(encoded.trim()).ok()?;
    let colon = decoded.iter().position(|byte| *byte == b':')?;
    Some((String::from_utf8_lossy(&decoded[..colon]).into_owned(), decoded[colon + 1..].to_vec()))
}

/// A text of a URL without its percent-encoding.
pub(crate) fn percent_decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// Grants the upgrade (with the sub-protocol), or refuses it with a status and the reason.
fn decide(
    policy: &ServerPolicy,
    request: &UpgradeRequest,
    password: Option<&[u8]>,
) -> Result<Option<String>, (u16, String)> {
    let other = policy.others.iter().find(|other| request.identity.as_deref() == Some(other.identity.as_str()));
    let (identity, passwords, refuse_upgrade) = other
        .map_or((&policy.identity, &policy.passwords, policy.refuse_upgrade), |other| {
            (&other.identity, &other.passwords, other.refuse_upgrade)
        });
    if let Some(status) = refuse_upgrade {
        return Err((status, "refused because the test case demands it".into()));
    }
    if request.identity.as_deref() != Some(identity.as_str()) {
        let found = request.identity.clone().unwrap_or_default();
        let closing = request.path.strip_suffix('/').filter(|path| path.len() > 1);
        let why = match closing {
            // OCPP-J 3.1.1: the identity is what follows the last `/` of the URL, and nothing follows this one.
            Some(_) => format!(
                "the path ends with `/`, so it has no identity: the station appends `/` and its identity to the URL of the CSMS \
                 (Part 4, 3.1.1), here `{identity}`, and nothing behind it"
            ),
            None => format!("the identity in the path is `{found}`, the bench expects `{identity}`"),
        };
        return Err((404, why));
    }
    if !passwords.is_empty() {
        let (Some(user), Some(password)) = (&request.user, password) else {
            return Err((401, "no HTTP Basic credentials".into()));
        };
        if user != identity {
            return Err((401, format!("the user name `{user}` is not the identity")));
        }
        if !passwords.iter().any(|right| right.bytes() == password) {
            return Err((401, "the password is wrong".into()));
        }
    }
    Ok(request.subprotocols.iter().find(|offered| policy.subprotocols.contains(offered)).cloned())
}
