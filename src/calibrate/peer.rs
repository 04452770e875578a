//! A station whose response times are known: a thread with a blocking socket, beside the harness's runtime.

use std::{
    io,
    net::TcpStream,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use base64::Engine as _;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned, pki_types::pem::PemObject as _};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{self, Message, client::IntoClientRequest as _, http::HeaderValue};

use crate::link::priority;

/// The password of the calibration's bench; it guards nothing.
pub(super) const PASSWORD: &str = "calibration-peer-password";

/// How long the peer tries to find the harness, and waits for a message.
const PATIENCE: Duration = Duration::from_secs(30);
/// The last stretch of a delay is not slept but counted down, for a sleeper wakes when it pleases the machine.
const COUNTED: Duration = Duration::from_micros(300);

/// The peer.
pub(super) struct Peer {
    /// Where the harness listens.
    pub(super) address: String,
    /// Identity of the station.
    pub(super) identity: String,
    /// The file with the root to trust.
    pub(super) roots: PathBuf,
    /// How long to take, request by request.
    pub(super) delays: Vec<Duration>,
}

/// Delays from nothing to the longest, most of them short, in an order that is always the same.
pub(super) fn delays(samples: usize, longest: Duration, seed: usize) -> Vec<Duration> {
    // The golden ratio's multiples spread evenly over 0 to 1 without ever repeating.
    const GOLDEN: f64 = 0.618_033_988_749_894_9;
    (0..samples)
        .map(|number| {
            #[allow(clippy::cast_precision_loss)] // some thousands
            let spread = ((number + seed * 7919) as f64 * GOLDEN).fract();
            longest.mul_f64(spread.powi(12))
        })
        .collect()
}

impl Peer {
    /// Connects, boots and answers until every delay is used or the harness closes; what each took.
    pub(super) fn answer(self) -> io::Result<Vec<Duration>> {
        priority::ask_for(priority::OF_PEER);
        let mut socket = self.connect()?;
        let broken = |error: tungstenite::Error| io::Error::other(error.to_string());
        let boot = json!([2, "boot", "BootNotification", {
            "reason": "PowerUp",
            "chargingStation": { "model": "Peer", "vendorName": "ocpp-attest" },
        }]);
        socket.send(Message::text(boot.to_string())).map_err(broken)?;
        let mut known = Vec::new();
        let mut delays = self.delays.iter();
        loop {
            let message = match socket.read() {
                Ok(message) => message,
                // The harness has all it wanted.
                Err(_) if known.len() == self.delays.len() => return Ok(known),
                Err(error) => return Err(broken(error)),
            };
            let read = Instant::now();
            let Message::Text(text) = message else { continue };
            let Ok(Value::Array(frame)) = serde_json::from_str(text.as_str()) else { continue };
            let [kind, id, ..] = frame.as_slice() else { continue };
            if *kind != 2 {
                continue;
            }
            let delay = delays.next().copied().unwrap_or_default();
            let answer = Message::text(answer(id).to_string());
            wait_until(read + delay);
            let took = read.elapsed();
            socket.send(answer).map_err(broken)?;
            known.push(took);
            if known.len() == self.delays.len() {
                let _ = socket.close(None);
            }
        }
    }

    fn connect(&self) -> io::Result<tungstenite::WebSocket<StreamOwned<ClientConnection, TcpStream>>> {
        let invalid = |error: &dyn std::fmt::Display| io::Error::other(error.to_string());
        let begun = Instant::now();
        let stream = loop {
            match TcpStream::connect(&self.address) {
                Ok(stream) => break stream,
                Err(error) if begun.elapsed() > PATIENCE => return Err(error),
                Err(_) => std::thread::sleep(Duration::from_millis(20)),
            }
        };
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut roots = RootCertStore::empty();
        for root in rustls::pki_types::CertificateDer::pem_file_iter(&self.roots).map_err(|error| invalid(&error))? {
            let root = root.map_err(|error| invalid(&error))?;
            roots.add(root).map_err(|error| invalid(&error))?;
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| invalid(&error))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = "localhost".try_into().map_err(|error: rustls::pki_types::InvalidDnsNameError| invalid(&error))?;
        let tls = ClientConnection::new(Arc::new(config), name).map_err(|error| invalid(&error))?;
        let mut request =
            format!("wss://localhost/ocpp/{}", self.identity).into_client_request().map_err(|error| invalid(&error))?;
        let credentials = base64::engine::general_purpose::STANDARD.encode(format!("{}:{PASSWORD}", self.identity));
        let headers = request.headers_mut();
        let credentials = HeaderValue::from_str(&format!("Basic {credentials}")).map_err(|error| invalid(&error))?;
        headers.insert("Authorization", credentials);
        headers.insert(
            "Sec-WebSocket-Protocol",
            HeaderValue::from_static(crate::protocol::Version::default().protocol().subprotocol),
        );
        let (socket, _) =
            tungstenite::client(request, StreamOwned::new(tls, stream)).map_err(|error| invalid(&error))?;
        Ok(socket)
    }
}

fn answer(id: &Value) -> Value {
    json!([3, id, { "getVariableResult": [{
        "attributeStatus": "Accepted",
        "attributeValue": "300",
        "component": { "name": "OCPPCommCtrlr" },
        "variable": { "name": "HeartbeatInterval" },
    }] }])
}

/// Sleeps most of the time, and counts down the rest.
fn wait_until(due: Instant) {
    if let Some(left) = due.checked_duration_since(Instant::now()).and_then(|left| left.checked_sub(COUNTED)) {
        std::thread::sleep(left);
    }
    while Instant::now() < due {
        std::hint::spin_loop();
    }
}
