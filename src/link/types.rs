//! What the engine and the link say to each other. No I/O here.

use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

/// A password or key: usable, never printed, and wiped from memory when it is dropped.
#[derive(Clone, Default)]
pub struct Secret {
    text: SecretString,
    /// The text is hexadecimal digits for the bytes that are meant.
    hexadecimal: bool,
}

/// How many bytes an AuthorizationKey of OCPP 1.6 has (A00.FR.205 of the security whitepaper).
pub(crate) const KEY_BYTES: std::ops::RangeInclusive<usize> = 16..=20;

impl Secret {
    /// Wraps a secret.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: SecretString::from(text.into()), hexadecimal: false }
    }

    /// A password of OCPP 1.6, whose messages have it in hexadecimal digits. It has at most 20 bytes, so that a text which is
    /// digits for 16 to 20 bytes can be no password itself; any other text stands for itself.
    pub fn authorization_key(text: impl Into<String>) -> Self {
        let text = text.into();
        let hexadecimal = bytes_of(&text).is_some_and(|bytes| KEY_BYTES.contains(&bytes.len()));
        Self { text: SecretString::from(text), hexadecimal }
    }

    /// True for the digits of an AuthorizationKey.
    pub fn is_hexadecimal(&self) -> bool {
        self.hexadecimal
    }

    /// The secret itself; never write it to an artefact.
    pub fn expose(&self) -> &str {
        self.text.expose_secret()
    }

    /// The bytes that are shown as a password.
    pub fn bytes(&self) -> Vec<u8> {
        let digits = self.hexadecimal.then(|| bytes_of(self.expose())).flatten();
        digits.unwrap_or_else(|| self.expose().as_bytes().to_vec())
    }

    /// The bytes as text, as the link tells what was shown.
    #[must_use]
    pub fn shown(&self) -> Self {
        Self::new(String::from_utf8_lossy(&self.bytes()))
    }

    /// The bytes in hexadecimal digits.
    pub fn digits(&self) -> String {
        if self.hexadecimal { self.expose().to_owned() } else { crate::certificate::hex(self.expose().as_bytes()) }
    }
}

/// The bytes that hexadecimal digits stand for.
pub(crate) fn bytes_of(digits: &str) -> Option<Vec<u8>> {
    let byte = |pair: &[u8]| {
        let pair = std::str::from_utf8(pair).ok().filter(|pair| pair.bytes().all(|digit| digit.is_ascii_hexdigit()))?;
        u8::from_str_radix(pair, 16).ok().filter(|_| pair.len() == 2)
    };
    digits.as_bytes().chunks(2).map(byte).collect()
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.expose() == other.expose() && self.hexadecimal == other.hexadecimal
    }
}

impl Eq for Secret {}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Number of a connection (attempt) within a run, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ConnId(pub u32);

/// Which of our CSMS end-points; 1 is the main one, 2 the one to migrate to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EndpointId(pub u8);

impl EndpointId {
    /// The main end-point.
    pub const MAIN: EndpointId = EndpointId(1);
    /// The end-point to migrate to.
    pub const SECOND: EndpointId = EndpointId(2);
}

/// Numbers the connections that a station of ours opens, apart from those that are accepted and from those of the other stations
/// of a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DialledConns(u32);

impl DialledConns {
    /// Accepted connections are counted from 1 and do not come that far.
    const FIRST: u32 = 1_000_000;
    /// Most connections that one station opens in a run.
    const PER_STATION: u32 = 10_000;

    /// The connections of a station of the pool, counted from 0.
    pub fn of_station(station: usize) -> Self {
        Self(u32::try_from(station).unwrap_or(0).saturating_mul(Self::PER_STATION))
    }

    /// The next one.
    pub fn dial(&mut self) -> ConnId {
        self.0 += 1;
        ConnId(Self::FIRST + self.0)
    }
}

/// TLS protocol versions, by their common names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum TlsVersion {
    /// SSL 3.0 (only ever seen in a ClientHello).
    #[serde(rename = "SSLv3")]
    Ssl3,
    /// TLS 1.0.
    #[serde(rename = "TLSv1.0")]
    V1_0,
    /// TLS 1.1.
    #[serde(rename = "TLSv1.1")]
    V1_1,
    /// TLS 1.2.
    #[serde(rename = "TLSv1.2")]
    V1_2,
    /// TLS 1.3.
    #[serde(rename = "TLSv1.3")]
    V1_3,
}

impl TlsVersion {
    /// Their names, the oldest first.
    pub const WORDS: [&'static str; 5] = ["SSLv3", "TLSv1.0", "TLSv1.1", "TLSv1.2", "TLSv1.3"];
}

impl std::fmt::Display for TlsVersion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(Self::WORDS[*self as usize])
    }
}

/// What a ClientHello offered.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct HelloInfo {
    /// Versions, highest first.
    pub versions: Vec<TlsVersion>,
    /// Cipher suites by IANA name (unknown ones as `0x1234`), in the client's order.
    pub suites: Vec<String>,
    /// Server name indication.
    pub server_name: Option<String>,
}

/// What a completed TLS handshake agreed on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct TlsInfo {
    /// Version.
    pub version: TlsVersion,
    /// Cipher suite, IANA name.
    pub suite: String,
    /// The peer's certificate chain, PEM, leaf first; empty when it showed none.
    pub peer_chain: Vec<String>,
    /// The ClientHello (server side only).
    pub hello: Option<HelloInfo>,
}

/// An HTTP upgrade request as it came in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UpgradeRequest {
    /// Path as sent.
    pub path: String,
    /// Last path segment, percent-decoded: the station's identity.
    pub identity: Option<String>,
    /// User name of HTTP Basic authentication.
    pub user: Option<String>,
    /// Password of HTTP Basic authentication.
    pub password: Option<Secret>,
    /// Sub-protocols offered, in order.
    pub subprotocols: Vec<String>,
    /// TLS, when there is any.
    pub tls: Option<TlsInfo>,
}

/// Which certificate the harness shows (or demands the SUT to meet).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CertificateKind {
    /// A sound certificate from the trusted root.
    #[default]
    Valid,
    /// From a root that the SUT does not know.
    UnknownAuthority,
    /// From the trusted root, but expired.
    Expired,
    /// From the trusted root, but valid only in some days.
    NotYetValid,
    /// From the trusted root, for another name.
    WrongName,
    /// From the root that is to succeed the trusted one.
    NextRoot,
    /// From a root of its own that the SUT can be given.
    OtherRoot,
}

impl CertificateKind {
    /// The names that test cases use.
    pub const WORDS: [&'static str; 7] =
        ["valid", "unknown-authority", "expired", "not-yet-valid", "wrong-name", "next-root", "other-root"];
    /// Of those, what a station of ours can show.
    pub const OF_CLIENTS: [&'static str; 4] = ["valid", "unknown-authority", "expired", "wrong-name"];
}

/// A certificate chain with its key, PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Chain, leaf first.
    pub chain: String,
    /// Private key (PKCS#8).
    pub key: Secret,
}

/// TLS as a server does it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerTls {
    /// What to show.
    pub identity: Identity,
    /// What to show to clients that offer nothing but static RSA, where `identity` has no RSA key.
    pub rsa_identity: Option<Identity>,
    /// Roots (PEM) a client certificate must chain to; `None`: no client certificate is asked for.
    pub client_roots: Option<String>,
    /// Versions to speak.
    pub versions: Vec<TlsVersion>,
    /// Cipher suites to speak by IANA name; empty: the stack's own choice.
    pub suites: Vec<String>,
}

/// How an end-point treats those who knock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerPolicy {
    /// `false`: the TCP connection is closed at once (CSMS "down").
    pub reachable: bool,
    /// TLS, or plain.
    pub tls: Option<ServerTls>,
    /// The identity that may connect.
    pub identity: String,
    /// Passwords that are right; empty: Basic authentication is not demanded (security profile 3).
    pub passwords: Vec<Secret>,
    /// Sub-protocols we speak; the first of the client's that we speak is chosen. Empty: none is confirmed.
    pub subprotocols: Vec<String>,
    /// Refuse every upgrade with this HTTP status.
    pub refuse_upgrade: Option<u16>,
    /// Others that may connect, each on terms of their own.
    pub others: Vec<Guest>,
    /// Largest message accepted, bytes; beyond it the connection is closed (1009).
    pub max_frame: usize,
}

/// Another that may connect to an end-point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guest {
    /// The identity.
    pub identity: String,
    /// Passwords that are right; empty: Basic authentication is not demanded.
    pub passwords: Vec<Secret>,
    /// Refuse its upgrades with this HTTP status.
    pub refuse_upgrade: Option<u16>,
}

/// TLS as a client does it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientTls {
    /// Roots to trust (PEM); `None`: any certificate is accepted (a tester's choice, recorded).
    pub roots: Option<String>,
    /// Client certificate.
    pub identity: Option<Identity>,
    /// Versions to offer.
    pub versions: Vec<TlsVersion>,
    /// Cipher suites to offer by IANA name; empty: the stack's own choice.
    pub suites: Vec<String>,
}

/// How to knock at a CSMS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientPolicy {
    /// `ws://…` or `wss://…`, without the identity.
    pub url: String,
    /// Identity, appended to the path.
    pub identity: String,
    /// HTTP Basic user and password.
    pub credentials: Option<(String, Secret)>,
    /// Sub-protocols to offer.
    pub subprotocols: Vec<String>,
    /// TLS for `wss`.
    pub tls: Option<ClientTls>,
    /// Largest message accepted, bytes.
    pub max_frame: usize,
}

/// Who ended a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClosedBy {
    /// The SUT.
    Sut,
    /// The harness.
    Harness,
    /// Neither said goodbye: the stream broke.
    Broken,
}

/// Why a connection attempt did not become a WebSocket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AttemptFailure {
    /// A TCP connection was opened, and closed before a whole ClientHello had come: nobody has refused anything.
    NoClientHello(String),
    /// The SUT broke off the TLS handshake (alert or close): with which alert, and at which stage.
    TlsRefusedBySut(String),
    /// We broke off the TLS handshake.
    TlsRefusedByUs(String),
    /// TLS was done, but the SUT closed before an upgrade request came.
    ClosedBeforeUpgrade,
    /// We refused the upgrade, with the status.
    UpgradeRefusedByUs(u16, String),
    /// The SUT refused the upgrade (it is a server), with the status.
    UpgradeRefusedBySut(u16),
    /// The answer to the upgrade was not a proper one (missing sub-protocol, wrong accept key…).
    BadUpgrade(String),
    /// TCP could not be established.
    Unreachable(String),
    /// The time for the handshake ran out.
    TimedOut,
}

/// What happened on the link.
#[derive(Debug, Clone, PartialEq)]
pub enum LinkEvent {
    /// An attempt failed. `request` when it came as far as the HTTP upgrade, `hello` when TLS began.
    AttemptFailed {
        /// Attempt.
        conn: ConnId,
        /// End-point.
        endpoint: EndpointId,
        /// Why.
        failure: AttemptFailure,
        /// The upgrade request, if there was one.
        request: Option<UpgradeRequest>,
        /// The ClientHello, if there was one.
        hello: Option<HelloInfo>,
        /// The HTTP head that the other side sent, a request or an answer, without secrets.
        head: Option<String>,
    },
    /// A WebSocket is open.
    Opened {
        /// Connection.
        conn: ConnId,
        /// End-point.
        endpoint: EndpointId,
        /// The request that was granted (ours, when we are the client).
        request: UpgradeRequest,
        /// The sub-protocol agreed on.
        subprotocol: Option<String>,
    },
    /// A text message came.
    Text {
        /// Connection.
        conn: ConnId,
        /// The text, whole, at most `max_frame` bytes.
        text: String,
    },
    /// A text message was written.
    Sent {
        /// Connection.
        conn: ConnId,
        /// The text.
        text: String,
    },
    /// Something came that OCPP-J does not allow: a binary message, invalid UTF-8, an oversized or broken frame.
    Garbage {
        /// Connection.
        conn: ConnId,
        /// What it was.
        what: String,
    },
    /// A WebSocket ping or pong came.
    Ping {
        /// Connection.
        conn: ConnId,
        /// True for a pong.
        pong: bool,
    },
    /// The connection is over.
    Closed {
        /// Connection.
        conn: ConnId,
        /// Close code, where there was a close frame.
        code: Option<u16>,
        /// Who ended it.
        by: ClosedBy,
    },
}

/// What the engine asks of the link.
#[derive(Debug, Clone, PartialEq)]
pub enum LinkCommand {
    /// From now on the end-point behaves like this (connections already open stay).
    SetPolicy(EndpointId, ServerPolicy),
    /// Knock at the CSMS (the harness plays station). The attempt is reported with this id.
    Connect(ConnId, ClientPolicy),
    /// Write a text message.
    Send(ConnId, String),
    /// Write bytes that need be no text, as a binary message or as a text message: for who plays a product that does
    /// it wrong.
    SendBytes(ConnId, Vec<u8>, bool),
    /// Close with a close frame.
    Close(ConnId, u16),
    /// Drop the stream without a goodbye.
    Abort(ConnId),
    /// Send a WebSocket ping.
    Ping(ConnId),
}
