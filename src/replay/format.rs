//! What is kept for replaying, as data: `inputs/TC_….jsonl` of a run folder. One line is one [`Line`].

use std::collections::{BTreeMap, HashSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    clock::Stamp,
    engine::{Effect, EndpointPolicies, Setup, Silence, SutMemory},
    link::{
        AttemptFailure, CertificateKind, ClientPolicy, ClientTls, ClosedBy, ConnId, DialledConns, EndpointId,
        HelloInfo, Identity, LinkCommand, LinkEvent, Secret, ServerPolicy, ServerTls, TlsInfo, TlsVersion,
        UpgradeRequest,
    },
    manual_action::ActionOutcome,
    pics::SutKind,
    protocol::{Protocol, session::Cover},
    verdict::{Failure, StepRecord, Verdict},
};

/// What the numbers of security profiles have over those of end-points in a recording.
const OF_PROFILE: u8 = 10;

/// Version of this format; it and all before it are read. Since 2 each line has its place in a hash chain; since 3 it is kept how soon
/// the SUT is silent; since 4 the fingerprint of a test case is over those states alone that it may run.
pub const FORMAT: u32 = 4;

/// One line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Line {
    /// A test case (a variant, an attempt) begins.
    Begins(Box<Begins>),
    /// The engine was told something, at so many nanoseconds of the run.
    Told { at: u64, what: Told },
    /// The engine wanted something done.
    Did(Did),
    /// What came of it.
    Ended(Box<Ended>),
}

/// What an engine began with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Begins {
    pub(super) format: u32,
    pub(super) tool_version: String,
    /// The version of OCPP; an earlier recording is of 2.0.1.
    #[serde(default)]
    pub(super) protocol: crate::protocol::Version,
    /// The side under test; where it is missing, the id of the test case tells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) side: Option<SutKind>,
    pub(super) test_case: String,
    /// SHA-256 over the test case and the states it may run.
    pub(super) sources: String,
    /// Part of the marks of secrets that the engine tells.
    pub(super) nonce: String,
    pub(super) variant: Map<String, Value>,
    pub(super) at: Stamp,
    pub(super) bench: Value,
    pub(super) pics: Value,
    /// By the number of the end-point; those of security profiles have theirs and [`OF_PROFILE`].
    pub(super) endpoints: BTreeMap<u8, Policy>,
    pub(super) certificates: Vec<CertificateKind>,
    pub(super) client: Option<Knock>,
    pub(super) client_certificates: Vec<CertificateKind>,
    pub(super) memory: Memory,
}

/// How an end-point behaves, without keys and passwords.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Policy {
    pub(super) reachable: bool,
    pub(super) tls: bool,
    pub(super) versions: Vec<TlsVersion>,
    pub(super) suites: Vec<String>,
    pub(super) subprotocols: Vec<String>,
    pub(super) refuse_upgrade: Option<u16>,
    pub(super) passwords: usize,
}

/// How we knock at a CSMS, without keys and passwords.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Knock {
    pub(super) url: String,
    pub(super) identity: String,
    pub(super) user: Option<String>,
    pub(super) subprotocols: Vec<String>,
    pub(super) tls: bool,
    pub(super) versions: Vec<TlsVersion>,
    pub(super) suites: Vec<String>,
    pub(super) certificate: bool,
}

/// What was known of the SUT.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Memory {
    open: Option<(ConnId, EndpointId)>,
    endpoint: Option<EndpointId>,
    evses: BTreeMap<String, Map<String, Value>>,
    security_profile: u8,
    passwords: Vec<String>,
    client: Option<Knock>,
    unanswered: Vec<String>,
    #[serde(default = "yes")]
    ordinary: bool,
    #[serde(default)]
    unanswered_pings: u32,
    last_id: u32,
    connections: DialledConns,
    /// How soon it is silent; an earlier recording has always waited in full.
    #[serde(default)]
    silence: Silence,
    /// What the session keeps.
    #[serde(flatten)]
    session: Map<String, Value>,
}

/// What an engine was told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub(super) enum Told {
    Text {
        conn: ConnId,
        text: String,
    },
    Sent {
        conn: ConnId,
        text: String,
    },
    Opened {
        conn: ConnId,
        endpoint: EndpointId,
        request: Request,
        subprotocol: Option<String>,
    },
    AttemptFailed {
        conn: ConnId,
        endpoint: EndpointId,
        failure: AttemptFailure,
        request: Option<Request>,
        hello: Option<HelloInfo>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        head: Option<String>,
    },
    Garbage {
        conn: ConnId,
        what: String,
    },
    Ping {
        conn: ConnId,
        pong: bool,
    },
    Closed {
        conn: ConnId,
        code: Option<u16>,
        by: ClosedBy,
    },
    OperatorDone {
        id: u32,
        outcome: ActionOutcome,
    },
    ServiceDone {
        id: u32,
        answer: Option<Value>,
        refused: Option<String>,
    },
    Tick,
    Interrupt,
}

/// An upgrade request; the password is one that stands for it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Request {
    pub(super) path: String,
    pub(super) identity: Option<String>,
    pub(super) user: Option<String>,
    pub(super) password: Option<String>,
    pub(super) subprotocols: Vec<String>,
    pub(super) tls: Option<TlsInfo>,
}

/// What an engine wanted done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub(super) enum Did {
    Send { conn: ConnId, text: String },
    Close { conn: ConnId, code: u16 },
    Abort { conn: ConnId },
    Ping { conn: ConnId },
    Policy { endpoint: EndpointId, policy: Policy },
    Connect { conn: ConnId, knock: Knock },
    Operator { id: u32, action: String, parameters: Map<String, Value> },
    Service { id: u32, service: String, with: Value },
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Ended {
    pub(super) verdict: Verdict,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) failures: Vec<Failure>,
    pub(super) steps: Vec<StepRecord>,
}

/// What recordings of an earlier version do not tell.
fn yes() -> bool {
    true
}

/// Stands where a key or a certificate of the harness is not kept; the engine only hands them on.
const NOT_KEPT: &str = "not kept";

fn identity() -> Identity {
    Identity { chain: NOT_KEPT.into(), key: Secret::new(NOT_KEPT) }
}

impl Policy {
    fn of(policy: &ServerPolicy) -> Self {
        let tls = policy.tls.as_ref();
        Self {
            reachable: policy.reachable,
            tls: tls.is_some(),
            versions: tls.map(|tls| tls.versions.clone()).unwrap_or_default(),
            suites: tls.map(|tls| tls.suites.clone()).unwrap_or_default(),
            subprotocols: policy.subprotocols.clone(),
            refuse_upgrade: policy.refuse_upgrade,
            passwords: policy.passwords.len(),
        }
    }

    fn restored(&self) -> ServerPolicy {
        ServerPolicy {
            reachable: self.reachable,
            tls: self.tls.then(|| ServerTls {
                identity: identity(),
                rsa_identity: None,
                client_roots: None,
                versions: self.versions.clone(),
                suites: self.suites.clone(),
            }),
            identity: String::new(),
            passwords: vec![Secret::new(NOT_KEPT); self.passwords.min(16)],
            subprotocols: self.subprotocols.clone(),
            refuse_upgrade: self.refuse_upgrade,
            others: Vec::new(),
            max_frame: 1 << 20,
        }
    }
}

impl Knock {
    fn of(policy: &ClientPolicy) -> Self {
        let tls = policy.tls.as_ref();
        Self {
            url: policy.url.clone(),
            identity: policy.identity.clone(),
            user: policy.credentials.as_ref().map(|(user, _)| user.clone()),
            subprotocols: policy.subprotocols.clone(),
            tls: tls.is_some(),
            versions: tls.map(|tls| tls.versions.clone()).unwrap_or_default(),
            suites: tls.map(|tls| tls.suites.clone()).unwrap_or_default(),
            certificate: tls.is_some_and(|tls| tls.identity.is_some()),
        }
    }

    fn restored(&self) -> ClientPolicy {
        ClientPolicy {
            url: self.url.clone(),
            identity: self.identity.clone(),
            credentials: self.user.clone().map(|user| (user, Secret::new(NOT_KEPT))),
            subprotocols: self.subprotocols.clone(),
            tls: self.tls.then(|| ClientTls {
                roots: None,
                identity: self.certificate.then(identity),
                versions: self.versions.clone(),
                suites: self.suites.clone(),
            }),
            max_frame: 1 << 20,
        }
    }
}

impl Memory {
    pub(super) fn of(memory: &SutMemory, cover: &dyn Fn(&str) -> String, value: &dyn Fn(&Value) -> Value) -> Self {
        let covered = |members: &Map<String, Value>| {
            members.iter().map(|(name, inner)| (name.clone(), value(inner))).collect::<Map<_, _>>()
        };
        let mut unanswered: Vec<String> = memory.unanswered.iter().cloned().collect();
        unanswered.sort();
        Self {
            open: memory.open,
            endpoint: memory.endpoint,
            evses: memory.evses.iter().map(|(evse, facts)| (evse.clone(), covered(facts))).collect(),
            security_profile: memory.security_profile,
            passwords: memory.passwords.iter().map(|password| cover(password.expose())).collect(),
            client: memory.client.as_ref().map(Knock::of),
            unanswered,
            ordinary: memory.ordinary,
            unanswered_pings: memory.unanswered_pings,
            last_id: memory.last_id,
            connections: memory.connections,
            silence: memory.silence.clone(),
            session: memory.session.keep(&Cover { text: cover, value }),
        }
    }

    fn restored(&self, protocol: &'static Protocol) -> Option<SutMemory> {
        Some(SutMemory {
            session: protocol.restored(&self.session).ok()?,
            open: self.open,
            endpoint: self.endpoint,
            evses: self.evses.clone(),
            security_profile: self.security_profile,
            passwords: self.passwords.iter().map(Secret::new).collect(),
            client: self.client.as_ref().map(Knock::restored),
            unanswered: self.unanswered.iter().cloned().collect::<HashSet<_>>(),
            ordinary: self.ordinary,
            unanswered_pings: self.unanswered_pings,
            last_id: self.last_id,
            connections: self.connections,
            silence: self.silence.clone(),
        })
    }
}

impl Begins {
    /// The parts of a setup that are kept; bench, PICS and memory come covered.
    pub(super) fn policies(setup: &Setup) -> (BTreeMap<u8, Policy>, Option<Knock>) {
        let EndpointPolicies { at, of_profile } = &setup.endpoints;
        let at = at.iter().map(|(endpoint, policy)| (endpoint.0, policy));
        let of_profile = of_profile.iter().map(|(profile, policy)| (profile + OF_PROFILE, policy));
        let endpoints = at.chain(of_profile).map(|(number, policy)| (number, Policy::of(policy))).collect();
        (endpoints, setup.client.as_ref().map(Knock::of))
    }

    fn endpoint_policies(&self) -> EndpointPolicies {
        let mut policies = EndpointPolicies::default();
        for (number, policy) in &self.endpoints {
            let policy = policy.restored();
            match number.checked_sub(OF_PROFILE) {
                Some(profile) => policies.of_profile.insert(profile, policy),
                None => policies.at.insert(EndpointId(*number), policy),
            };
        }
        policies
    }

    /// A setup to judge again with, for the same test case or another version of it.
    pub(super) fn setup(&self, library: &crate::testcase::library::Library) -> Option<Setup> {
        let identities = |kinds: &[CertificateKind]| kinds.iter().map(|kind| (*kind, identity())).collect();
        Some(Setup {
            protocol: self.protocol.protocol(),
            case: library.cases.get(&self.test_case)?.clone(),
            variant: self.variant.clone(),
            states: library.states.clone(),
            bench: self.bench.clone(),
            pics: self.pics.clone(),
            endpoints: self.endpoint_policies(),
            identities: identities(&self.certificates),
            client: self.client.as_ref().map(Knock::restored),
            client_identities: identities(&self.client_certificates),
            memory: self.memory.restored(self.protocol.protocol())?,
        })
    }
}

impl Request {
    pub(super) fn of(request: &UpgradeRequest, text: &dyn Fn(&str) -> String, password: Option<String>) -> Self {
        Self {
            path: text(&request.path),
            identity: request.identity.as_deref().map(text),
            user: request.user.as_deref().map(text),
            password,
            subprotocols: request.subprotocols.clone(),
            tls: request.tls.clone(),
        }
    }

    pub(super) fn restored(&self, text: &dyn Fn(&str) -> String) -> UpgradeRequest {
        UpgradeRequest {
            path: text(&self.path),
            identity: self.identity.as_deref().map(text),
            user: self.user.as_deref().map(text),
            password: self.password.as_deref().map(|password| Secret::new(text(password))),
            subprotocols: self.subprotocols.clone(),
            tls: self.tls.clone(),
        }
    }
}

impl Told {
    /// As the engine takes it, marks of secrets resolved by `text`.
    pub(super) fn restored(
        &self,
        text: &dyn Fn(&str) -> String,
        value: &dyn Fn(&Value) -> Value,
    ) -> crate::engine::Input {
        use crate::engine::Input;
        let link = Input::Link;
        match self.clone() {
            Told::Text { conn, text: frame } => link(LinkEvent::Text { conn, text: text(&frame) }),
            Told::Sent { conn, text: frame } => link(LinkEvent::Sent { conn, text: text(&frame) }),
            Told::Opened { conn, endpoint, request, subprotocol } => {
                link(LinkEvent::Opened { conn, endpoint, request: request.restored(text), subprotocol })
            }
            Told::AttemptFailed { conn, endpoint, failure, request, hello, head } => link(LinkEvent::AttemptFailed {
                conn,
                endpoint,
                failure,
                request: request.map(|request| request.restored(text)),
                hello,
                head: head.map(|head| text(&head)),
            }),
            Told::Garbage { conn, what } => link(LinkEvent::Garbage { conn, what }),
            Told::Ping { conn, pong } => link(LinkEvent::Ping { conn, pong }),
            Told::Closed { conn, code, by } => link(LinkEvent::Closed { conn, code, by }),
            Told::OperatorDone { id, outcome } => Input::OperatorDone(id, outcome),
            Told::ServiceDone { id, answer, refused } => {
                Input::ServiceDone(id, answer.map(|answer| value(&answer)).ok_or(refused.unwrap_or_default()))
            }
            Told::Tick => Input::Tick,
            Told::Interrupt => Input::Interrupt,
        }
    }
}

impl Did {
    /// What is kept of an effect; nothing of those that only inform.
    pub(super) fn of(effect: &Effect, text: &dyn Fn(&str) -> String, value: &dyn Fn(&Value) -> Value) -> Option<Self> {
        Some(match effect {
            Effect::Link(LinkCommand::Send(conn, frame)) => Did::Send { conn: *conn, text: text(frame) },
            // The harness itself writes texts only.
            Effect::Link(LinkCommand::SendBytes(..)) => return None,
            Effect::Link(LinkCommand::Close(conn, code)) => Did::Close { conn: *conn, code: *code },
            Effect::Link(LinkCommand::Abort(conn)) => Did::Abort { conn: *conn },
            Effect::Link(LinkCommand::Ping(conn)) => Did::Ping { conn: *conn },
            Effect::Link(LinkCommand::SetPolicy(endpoint, policy)) => {
                Did::Policy { endpoint: *endpoint, policy: Policy::of(policy) }
            }
            Effect::Link(LinkCommand::Connect(conn, policy)) => Did::Connect { conn: *conn, knock: Knock::of(policy) },
            Effect::Operator(id, action) => {
                let parameters = match value(&Value::Object(action.parameters.clone())) {
                    Value::Object(parameters) => parameters,
                    _ => Map::new(),
                };
                Did::Operator { id: *id, action: action.action.clone(), parameters }
            }
            Effect::Service(id, request) => {
                Did::Service { id: *id, service: request.name.to_owned(), with: value(&request.with) }
            }
            Effect::Step(_) | Effect::Secret(_) => return None,
        })
    }

    /// With its texts changed, for marks of secrets.
    pub(super) fn with(&self, text: &dyn Fn(&str) -> String, value: &dyn Fn(&Value) -> Value) -> Self {
        match self.clone() {
            Did::Send { conn, text: frame } => Did::Send { conn, text: text(&frame) },
            Did::Operator { id, action, parameters } => {
                let parameters = parameters.iter().map(|(name, inner)| (name.clone(), value(inner))).collect();
                Did::Operator { id, action, parameters }
            }
            Did::Service { id, service, with } => Did::Service { id, service, with: value(&with) },
            other => other,
        }
    }

    /// In words, for people.
    pub(super) fn words(&self) -> String {
        let said = |value: &Value| crate::yaml::shorten(&value.to_string(), 300);
        match self {
            Did::Send { text, .. } => format!("send {}", crate::yaml::shorten(text, 400)),
            Did::Close { code, .. } => format!("close the connection ({code})"),
            Did::Abort { .. } => "drop the connection".into(),
            Did::Ping { .. } => "send a ping".into(),
            Did::Policy { endpoint, policy } => {
                let policy = serde_json::to_value(policy).unwrap_or_default();
                format!("behave as end-point {} like {}", endpoint.0, said(&policy))
            }
            Did::Connect { knock, .. } => {
                format!("connect like {}", said(&serde_json::to_value(knock).unwrap_or_default()))
            }
            Did::Operator { action, parameters, .. } => {
                format!("ask the operator for {action} {}", said(&Value::Object(parameters.clone())))
            }
            Did::Service { service, with, .. } => format!("ask the service {service} {}", said(with)),
        }
    }
}
