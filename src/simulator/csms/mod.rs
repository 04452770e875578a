//! The reference CSMS: answers and initiates as the specification demands, driven through the operator's interface.
//!
//! What does not depend on the version of OCPP is here: sockets and who is let in, stations, tokens, registration, one CALL at
//! a time, the console. What messages say is in `dialect/`: one dialect for each version.

mod certificate_status;
mod console;
mod dialect;
mod endpoints;
mod registration;
mod router;
mod tokens;

use std::{collections::VecDeque, sync::Arc, time::Duration};

use serde_json::{Map, Value};
use tokio::time::Instant;

use self::{
    certificate_status::{CertificateStatus, Inquiry},
    dialect::Dialect,
    endpoints::CsmsEndpoints,
    registration::Registration,
    tokens::Tokens,
};
pub use self::{
    endpoints::{CsmsEndpoint, KnownStation},
    registration::BootSetting,
};
use super::{faults::Faults, operator::Request};
use crate::{
    clock::{Clock, ocpp_time},
    link::{ConnId, LinkCommand, LinkEvent},
    protocol::{Protocol, frame::Frame},
    services::pki::Pki,
};

/// How long a station may take to answer a CALL.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// Close code for a station that may not go on.
const POLICY_VIOLATION: u16 = 1008;

/// What a CSMS is delivered with.
#[derive(Debug, Clone)]
pub struct CsmsSetup {
    /// The version of OCPP that it speaks.
    pub protocol: &'static Protocol,
    /// Where it listens: one endpoint for each security profile that it supports.
    pub endpoints: Vec<CsmsEndpoint>,
    /// The stations that it knows; it keeps them apart.
    pub stations: Vec<KnownStation>,
    /// Tokens it knows, by what they are: `valid`, `invalid`, `blocked` …
    pub tokens: Value,
    /// Heartbeat interval it gives, seconds.
    pub interval: u64,
    /// Whether it asks a station for its whole device model when it first boots (B07.FR.14).
    pub inventory: bool,
    /// How long a status holds that its operator sets for the next boot of a station.
    pub boot_setting: BootSetting,
    /// Who signs certificates for it; without one it signs none.
    pub authority: Option<Arc<Pki>>,
    /// What goes wrong with its messages and connections; nothing with those of a sound product.
    pub faults: Faults,
}

/// A CALL that waits for its answer.
struct OutstandingRequest {
    id: String,
    action: String,
    payload: Value,
    until: Instant,
}

/// What a dialect works with.
struct Common {
    protocol: &'static Protocol,
    clock: Clock,
    /// Who is let in has changed.
    endpoints_changed: bool,
    endpoints: CsmsEndpoints,
    registration: Registration,
    tokens: Tokens,
    /// Who signs certificates, if anybody does.
    authority: Option<Arc<Pki>>,
    /// CALLs to send, one at a time (OCPP-J, 4.1.1).
    queue: VecDeque<(String, Value)>,
    made: u64,
}

impl Common {
    /// The wall time as OCPP writes it.
    fn wall(&self) -> String {
        ocpp_time(self.clock.now().wall)
    }

    /// Has a CALL sent as soon as its turn comes.
    fn call(&mut self, action: &str, payload: Value) {
        self.queue.push_back((action.to_owned(), payload));
    }

    /// A number that was not used before.
    fn number(&mut self) -> u64 {
        self.made += 1;
        self.made
    }
}

/// The CSMS as one station has it.
struct Csms {
    common: Common,
    dialect: Box<dyn Dialect>,
    /// What is to be done on the link.
    orders: Vec<LinkCommand>,
    /// CALLs for which OCSP responders are to be asked.
    inquiries: Vec<Inquiry>,
    conn: Option<ConnId>,
    outstanding: Option<OutstandingRequest>,
}

pub use router::run;

impl Csms {
    fn new(setup: &CsmsSetup, station: KnownStation, clock: Clock) -> Self {
        let protocol = setup.protocol;
        Self {
            common: Common {
                protocol,
                clock,
                endpoints_changed: false,
                endpoints: CsmsEndpoints::new(protocol, setup.endpoints.clone(), station),
                registration: Registration::new(setup.interval, setup.boot_setting),
                tokens: Tokens::new(setup.tokens.clone()),
                authority: setup.authority.clone(),
                queue: VecDeque::new(),
                made: 0,
            },
            dialect: dialect::of(setup),
            orders: Vec::new(),
            inquiries: Vec::new(),
            conn: None,
            outstanding: None,
        }
    }

    /// The station did not answer in time.
    fn overdue(&mut self) {
        self.outstanding = None;
        self.send_next();
    }

    fn linked(&mut self, event: LinkEvent) {
        match event {
            LinkEvent::Opened { conn, endpoint, request, .. } => {
                self.conn = Some(conn);
                self.outstanding = None;
                self.common.queue.clear();
                self.common.registration.connected();
                if !self.common.endpoints.entered(endpoint, &request) {
                    self.orders.push(LinkCommand::Close(conn, POLICY_VIOLATION));
                }
                self.common.endpoints_changed = true;
            }
            LinkEvent::Closed { conn, .. } if self.conn == Some(conn) => {
                self.conn = None;
                self.outstanding = None;
                self.common.queue.clear();
            }
            LinkEvent::Text { conn, text } if self.conn == Some(conn) => self.received(conn, &text),
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
        let reply = match Frame::parse(text, self.common.protocol.wire) {
            Err(error) => error
                .call_id
                .map(|id| refusal(id, self.common.protocol.error_codes.of_fault(error.fault), error.reason)),
            Ok(Frame::Call { id, action, payload }) => {
                Some(match self.common.protocol.messages().validate(&action, true, &payload).first() {
                    Some(error) => refusal(id, error.code, error.message.clone()),
                    None if !self.dialect.permits(&self.common, &action, &payload) => {
                        refusal(id, "SecurityError", "the station is not accepted".into())
                    }
                    None => {
                        let asked = self.dialect.inquiries(&self.common, &action, &payload);
                        if !asked.is_empty() {
                            self.inquiries.push(Inquiry { conn, id, action, payload, asked });
                            return;
                        }
                        Frame::CallResult { id, payload: self.dialect.respond(&mut self.common, &action, &payload) }
                    }
                })
            }
            Ok(Frame::CallResult { id, payload }) => {
                self.answered(&id, Some(&payload));
                None
            }
            Ok(Frame::CallError { id, .. }) => {
                self.answered(&id, None);
                None
            }
            // A response that the station could not process stays as it was, and a SEND is never answered (Part 4, 4.2.4).
            Ok(Frame::CallResultError { .. } | Frame::Send { .. }) => None,
        };
        if let Some(reply) = reply {
            self.orders.push(LinkCommand::Send(conn, reply.to_text()));
        }
        if !self.common.endpoints.is_welcome() {
            self.orders.push(LinkCommand::Close(conn, POLICY_VIOLATION));
        }
        self.send_next();
    }

    /// The OCSP responders were asked.
    fn inquired(&mut self, inquiry: Inquiry, found: &[Option<CertificateStatus>]) {
        let Inquiry { conn, id, action, payload, .. } = inquiry;
        if self.conn == Some(conn) {
            let payload = self.dialect.conclude(&mut self.common, &action, &payload, found);
            self.orders.push(LinkCommand::Send(conn, Frame::CallResult { id, payload }.to_text()));
        }
        self.send_next();
    }

    /// The station answered a CALL of ours, or refused it.
    fn answered(&mut self, id: &str, response: Option<&Value>) {
        let Some(call) = self.outstanding.take_if(|call| call.id == id) else { return };
        let Some(response) = response else { return };
        self.dialect.answered(&mut self.common, &call.action, &call.payload, response);
    }

    /// Sends the next CALL, when none waits for its answer.
    fn send_next(&mut self) {
        let (Some(conn), None) = (self.conn, &self.outstanding) else { return };
        let Some((action, payload)) = self.common.queue.pop_front() else { return };
        let id = format!("csms-{}", self.common.number());
        self.dialect.asked(&mut self.common, &action, &payload);
        let frame = Frame::Call { id: id.clone(), action: action.clone(), payload: payload.clone() };
        self.orders.push(LinkCommand::Send(conn, frame.to_text()));
        self.outstanding = Some(OutstandingRequest { id, action, payload, until: Instant::now() + ANSWER_TIMEOUT });
    }
}
