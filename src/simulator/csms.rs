//! The reference CSMS: answers and initiates as Part 2 demands, driven through the operator's interface.

use std::collections::{HashMap, VecDeque};

use serde_json::{Map, Value, json};
use tokio::sync::mpsc;

use super::operator::Request;
use crate::{
    clock::Clock,
    link::{ConnId, EndpointId, LinkCommand, LinkEvent, LinkHandle, Network, ServerPolicy, serve},
    ocpp::{frame::Frame, schema},
    operator::ActionOutcome,
};

/// What a CSMS is delivered with.
#[derive(Debug, Clone)]
pub struct CsmsSetup {
    /// Where it listens.
    pub address: String,
    /// TLS, credentials and sub-protocols.
    pub policy: ServerPolicy,
    /// Tokens it knows, by what they are: `valid`, `invalid`, `blocked` …
    pub tokens: Value,
    /// Heartbeat interval it gives, seconds.
    pub interval: u64,
}

struct Csms {
    setup: CsmsSetup,
    clock: Clock,
    link: LinkHandle,
    conn: Option<ConnId>,
    /// Statuses for the next BootNotifications, before Accepted.
    next_boots: VecDeque<(String, u64)>,
    made: u64,
}

/// Runs a CSMS until its operator goes away.
pub async fn run(
    setup: CsmsSetup,
    network: Network,
    clock: Clock,
    mut requests: mpsc::UnboundedReceiver<Request>,
) -> std::io::Result<()> {
    let addresses = [(EndpointId::MAIN, setup.address.clone())];
    let policies = HashMap::from([(EndpointId::MAIN, setup.policy.clone())]);
    let link = serve(network, &addresses, policies, clock).await?;
    let mut csms = Csms { setup, clock, link, conn: None, next_boots: VecDeque::new(), made: 0 };
    loop {
        tokio::select! {
            biased;
            event = csms.link.next() => match event {
                Some((_, event)) => csms.linked(event),
                None => return Ok(()),
            },
            request = requests.recv() => match request {
                Some(request) => csms.operated(request),
                None => return Ok(()),
            },
        }
    }
}

impl Csms {
    fn linked(&mut self, event: LinkEvent) {
        match event {
            LinkEvent::Opened { conn, .. } => self.conn = Some(conn),
            LinkEvent::Closed { conn, .. } if self.conn == Some(conn) => {
                self.conn = None;
            }
            LinkEvent::Text { conn, text } => self.received(conn, &text),
            _ => {}
        }
    }

    fn received(&mut self, conn: ConnId, text: &str) {
        let refusal = |id: String, code: &str, description: String| Frame::CallError {
            id,
            code: code.to_owned(),
            description: description.chars().take(255).collect(),
            details: Value::Object(Map::new()),
        };
        let reply = match Frame::parse(text) {
            Err(error) => error.call_id.map(|id| refusal(id, error.code, error.reason)),
            Ok(Frame::Call { id, action, payload }) => Some(match schema::validate(&action, true, &payload).first() {
                Some(error) => refusal(id, error.code, error.message.clone()),
                None => Frame::CallResult { id, payload: self.respond(&action, &payload) },
            }),
            Ok(Frame::CallResult { .. } | Frame::CallError { .. }) => None,
        };
        if let Some(reply) = reply {
            self.link.send(LinkCommand::Send(conn, reply.to_text()));
        }
    }

    fn respond(&mut self, action: &str, payload: &Value) -> Value {
        let now = self.clock.now().wall.to_string();
        match action {
            "BootNotification" => {
                let (status, interval) =
                    self.next_boots.pop_front().unwrap_or_else(|| ("Accepted".into(), self.setup.interval));
                json!({ "currentTime": now, "interval": interval, "status": status })
            }
            "Heartbeat" => json!({ "currentTime": now }),
            "Authorize" => json!({ "idTokenInfo": self.judge(&payload["idToken"]) }),
            "TransactionEvent" => match payload.get("idToken") {
                Some(token) => json!({ "idTokenInfo": self.judge(token) }),
                None => json!({}),
            },
            "SignCertificate" => json!({ "status": "Accepted" }),
            "DataTransfer" => json!({ "status": "UnknownVendorId" }),
            "NotifyEVChargingNeeds" => json!({ "status": "Rejected" }),
            "NotifyEVChargingSchedule" => json!({ "status": "Accepted" }),
            "GetCertificateStatus" => json!({ "status": "Failed" }),
            "Get15118EVCertificate" => json!({ "status": "Failed", "exiResponse": "" }),
            _ => json!({}),
        }
    }

    fn judge(&self, token: &Value) -> Value {
        let text = token["idToken"].as_str().unwrap_or_default();
        let known = self.setup.tokens.as_object().into_iter().flatten().find(|(_, known)| {
            known["idToken"].as_str().is_some_and(|known| known.eq_ignore_ascii_case(text))
                && known["type"] == token["type"]
        });
        let status = match known.map(|(name, _)| name.as_str()) {
            Some("invalid") => "Invalid",
            Some("blocked") => "Blocked",
            Some("expired") => "Expired",
            Some("unknown") => "Unknown",
            Some(_) => "Accepted",
            None if token["type"] == "NoAuthorization" => "Accepted",
            None => "Unknown",
        };
        let mut info = json!({ "status": status });
        if let Some(group) = known.and_then(|(_, known)| known.get("group")) {
            info["groupIdToken"] = json!({ "idToken": group, "type": "Central" });
        }
        info
    }

    fn operated(&mut self, request: Request) {
        let parameters = &request.action.parameters;
        let text = |name: &str| parameters.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let outcome = match request.action.action.as_str() {
            "configure" if text("what") == "next-boot" => {
                let interval = parameters.get("interval").and_then(Value::as_u64).unwrap_or(self.setup.interval);
                self.next_boots.push_back((text("value"), interval));
                ActionOutcome::Done
            }
            "send" => self.send(&text("action"), parameters.get("payload").cloned().unwrap_or_else(|| json!({}))),
            other => ActionOutcome::NotPossible(format!("the simulated CSMS knows no `{other}`")),
        };
        let _ = request.done.send(outcome);
    }

    fn send(&mut self, action: &str, mut payload: Value) -> ActionOutcome {
        let Some(conn) = self.conn else { return ActionOutcome::NotPossible("the station is not connected".into()) };
        self.made += 1;
        for name in ["requestId", "remoteStartId"] {
            if schema::requires(action, name) && payload.get(name).is_none() {
                payload[name] = self.made.into();
            }
        }
        if let Some(error) = schema::validate(action, true, &payload).first() {
            return ActionOutcome::Failed(format!("{action}: {} {}", error.pointer, error.message));
        }
        let frame = Frame::Call { id: format!("csms-{}", self.made), action: action.to_owned(), payload };
        self.link.send(LinkCommand::Send(conn, frame.to_text()));
        ActionOutcome::Done
    }
}
