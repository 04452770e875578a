//! A small CSMS in memory that behaves as it is told.

use std::{
    collections::{BTreeMap, HashSet, VecDeque},
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::{
    task::JoinHandle,
    time::{Instant, sleep, sleep_until},
};
use tokio_tungstenite::tungstenite::{
    Message,
    handshake::server::{Request, Response},
};

use ocpp_attest::{
    clock::Clock,
    link::{BoxStream, MemoryNetwork, Network},
    manual_action::{ActionOutcome, ManualAction},
    operator::{BoxFuture, Operator},
    protocol::frame::Frame,
};

/// The address to listen on.
const ADDRESS: &str = "csms.test:80";

/// Where stations connect to.
pub const URL: &str = "ws://csms.test:80/ocpp";

/// What the CSMS is like, and what it has seen.
pub struct Small {
    /// Stations that it keeps Pending, whatever they do.
    pub pending: Mutex<HashSet<String>>,
    /// Stations that are not let in.
    pub unknown: Mutex<HashSet<String>>,
    /// It leaves a connection open on which no sub-protocol was agreed on, and ignores what comes there.
    pub keeps_mute_connections: bool,
    /// It stays as it is when an operator lets it answer a boot with something else, and does not go back to Accepted.
    pub stays_pending: bool,
    /// It is gone once a message of ours with these words has come.
    pub dies_of: Mutex<Option<String>>,
    /// How long it takes to answer.
    pub answers_after: Duration,
    /// It asks for a report of itself so long after each boot.
    pub asks_after_boot: Vec<Duration>,
    /// Its operator says that a message was sent, and sends none.
    pub only_says_so: bool,
    /// Its time.
    pub clock: Clock,
    /// What the operator was asked.
    pub asked: Mutex<Vec<String>>,
    /// How many BootNotifications each station has sent.
    pub boots: Mutex<BTreeMap<String, usize>>,
    /// The operator brings it back when asked.
    pub is_brought_back: bool,
    /// Where it is.
    pub network: Network,
    /// What serves.
    pub serving: Mutex<Option<JoinHandle<()>>>,
}

impl Default for Small {
    fn default() -> Self {
        Self {
            pending: Mutex::default(),
            unknown: Mutex::default(),
            keeps_mute_connections: false,
            stays_pending: false,
            dies_of: Mutex::default(),
            answers_after: Duration::ZERO,
            asks_after_boot: Vec::new(),
            only_says_so: false,
            clock: Clock::start(),
            asked: Mutex::default(),
            boots: Mutex::default(),
            is_brought_back: false,
            network: Network::Memory(MemoryNetwork::default()),
            serving: Mutex::default(),
        }
    }
}

impl Small {
    /// Starts it.
    pub async fn start(small: Self) -> Arc<Self> {
        let small = Arc::new(small);
        small.clone().serve().await;
        small
    }

    /// Serves (again).
    pub async fn serve(self: Arc<Self>) {
        let mut listener = self.network.bind(ADDRESS).await.unwrap();
        let small = self.clone();
        let serving = tokio::spawn(async move {
            let mut stations = tokio::task::JoinSet::new();
            while let Ok(stream) = listener.accept().await {
                stations.spawn(small.clone().station(stream));
            }
        });
        *self.serving.lock().unwrap() = Some(serving);
    }

    /// Is gone, its connections with it.
    pub fn die(&self) {
        if let Some(serving) = self.serving.lock().unwrap().take() {
            serving.abort();
        }
    }

    #[allow(clippy::result_large_err)] // the type is the library's
    async fn station(self: Arc<Self>, stream: BoxStream) {
        let (mut identity, mut agreed) = (String::new(), false);
        let callback = |request: &Request, mut response: Response| {
            identity = request.uri().path().rsplit('/').next().unwrap_or_default().to_owned();
            if self.unknown.lock().unwrap().contains(&identity) {
                let refusal = Response::builder().status(404).body(None).unwrap();
                return Err(refusal);
            }
            let offered =
                request.headers().get("Sec-WebSocket-Protocol").map(|value| value.to_str().unwrap().to_owned());
            agreed = offered.is_some_and(|offered| offered.split(", ").any(|one| one == "ocpp2.0.1"));
            if agreed {
                response.headers_mut().insert("Sec-WebSocket-Protocol", "ocpp2.0.1".parse().unwrap());
            }
            Ok(response)
        };
        let Ok(mut socket) = tokio_tungstenite::accept_hdr_async(stream, callback).await else { return };
        if !agreed && self.keeps_mute_connections {
            // Not even a ping is answered.
            return std::future::pending().await;
        }
        if !agreed {
            return drop(socket.close(None).await);
        }
        let mut asks: VecDeque<Instant> = VecDeque::new();
        loop {
            let next = asks.front().copied();
            let message = tokio::select! {
                message = socket.next() => message,
                () = sleep_until(next.unwrap_or_else(Instant::now)), if next.is_some() => {
                    asks.pop_front();
                    if socket.send(Message::text(Self::report(asks.len()))).await.is_err() {
                        return;
                    }
                    continue;
                }
            };
            let Some(Ok(message)) = message else { return };
            let Message::Text(text) = message else { continue };
            let words = self.dies_of.lock().unwrap().clone();
            if words.is_some_and(|words| text.contains(&words)) {
                *self.dies_of.lock().unwrap() = None;
                return self.die();
            }
            let Ok(Frame::Call { id, action, payload }) = Frame::read_back(&text) else { continue };
            sleep(self.answers_after).await;
            if action == "BootNotification" {
                asks = self.asks_after_boot.iter().map(|after| Instant::now() + *after).collect();
            }
            let answer = Frame::CallResult { id, payload: self.answer(&identity, &action, &payload) };
            if socket.send(Message::text(answer.to_text())).await.is_err() {
                return;
            }
        }
    }

    fn report(number: usize) -> String {
        let payload = json!({ "requestId": number, "reportBase": "FullInventory" });
        Frame::Call { id: uuid::Uuid::new_v4().to_string(), action: "GetBaseReport".into(), payload }.to_text()
    }

    fn answer(&self, identity: &str, action: &str, payload: &Value) -> Value {
        let now = ocpp_attest::clock::ocpp_time(self.clock.now().wall);
        match action {
            "BootNotification" => {
                *self.boots.lock().unwrap().entry(identity.to_owned()).or_default() += 1;
                let mut pending = self.pending.lock().unwrap();
                let waits = pending.contains(identity);
                if !self.stays_pending {
                    pending.remove(identity);
                }
                json!({ "currentTime": now, "interval": 1, "status": if waits { "Pending" } else { "Accepted" } })
            }
            "Heartbeat" => json!({ "currentTime": now }),
            "DataTransfer" => json!({ "status": "UnknownVendorId" }),
            "Authorize" => json!({ "idTokenInfo": { "status": "Accepted" } }),
            "TransactionEvent" if payload.get("idToken").is_some() => {
                json!({ "idTokenInfo": { "status": "Accepted" } })
            }
            _ => json!({}),
        }
    }
}

/// Whoever is asked for something that the CSMS is to do.
pub struct Console(pub Arc<Small>);

impl Operator for Console {
    fn perform(&self, action: ManualAction) -> BoxFuture<'_, ActionOutcome> {
        Box::pin(async move {
            let small = &self.0;
            small.asked.lock().unwrap().push(action.action.clone());
            let text = |name: &str| action.parameters.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
            match action.action.as_str() {
                "configure" if text("what") == "next-boot" => {
                    small.pending.lock().unwrap().insert(text("station"));
                    ActionOutcome::Done
                }
                // A CSMS that goes on with Pending does so whatever its operator sets.
                "restore" if text("what") == "next-boot" => ActionOutcome::Done,
                "send" if small.only_says_so => ActionOutcome::Done,
                "restore-sut" if small.is_brought_back => {
                    small.clone().serve().await;
                    ActionOutcome::Done
                }
                other => ActionOutcome::NotPossible(format!("nobody here does `{other}`")),
            }
        })
    }
}
