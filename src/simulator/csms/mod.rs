//! The reference CSMS: answers and initiates as Part 2 demands, driven through the operator's interface.

mod authorization;
mod certificates;
mod console;
mod customers;
mod endpoints;
mod provisioning;
mod router;
mod transactions;

use std::{collections::VecDeque, sync::Arc, time::Duration};

use serde_json::{Map, Value, json};
use tokio::time::Instant;

use self::{
    authorization::Tokens, certificates::Certificates, customers::Customers, endpoints::CsmsEndpoints,
    provisioning::Provisioning, transactions::TransactionStore,
};
pub use self::{
    endpoints::{CsmsEndpoint, KnownStation},
    provisioning::BootSetting,
};
use super::{faults::Faults, operator::Request};
use crate::{
    clock::{Clock, ocpp_time},
    link::{ConnId, LinkCommand, LinkEvent},
    protocol::{OCPP_2_0_1, frame::Frame},
    services::pki::Pki,
};

/// How long a station may take to answer a CALL.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// Close code for a station that may not go on.
const POLICY_VIOLATION: u16 = 1008;

/// What a CSMS is delivered with.
#[derive(Debug, Clone)]
pub struct CsmsSetup {
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

/// The CSMS as one station has it.
struct Csms {
    clock: Clock,
    /// What is to be done on the link.
    orders: Vec<LinkCommand>,
    /// Who is let in has changed.
    endpoints_changed: bool,
    endpoints: CsmsEndpoints,
    provisioning: Provisioning,
    tokens: Tokens,
    transactions: TransactionStore,
    certificates: Certificates,
    customers: Customers,
    conn: Option<ConnId>,
    /// CALLs to send, one at a time (Part 4, 4.1.1).
    queue: VecDeque<(String, Value)>,
    outstanding: Option<OutstandingRequest>,
    made: u64,
}

pub use router::run;

impl Csms {
    fn new(setup: &CsmsSetup, station: KnownStation, clock: Clock) -> Self {
        Self {
            clock,
            orders: Vec::new(),
            endpoints_changed: false,
            endpoints: CsmsEndpoints::new(setup.endpoints.clone(), station),
            provisioning: Provisioning::new(setup.interval, setup.inventory, setup.boot_setting),
            tokens: Tokens::new(setup.tokens.clone()),
            transactions: TransactionStore::default(),
            certificates: Certificates::new(setup.authority.clone()),
            customers: Customers::default(),
            conn: None,
            queue: VecDeque::new(),
            outstanding: None,
            made: 0,
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
                self.queue.clear();
                self.provisioning.connected();
                if !self.endpoints.entered(endpoint, &request) {
                    self.orders.push(LinkCommand::Close(conn, POLICY_VIOLATION));
                }
                self.endpoints_changed = true;
            }
            LinkEvent::Closed { conn, .. } if self.conn == Some(conn) => {
                self.conn = None;
                self.outstanding = None;
                self.queue.clear();
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
        let reply = match Frame::parse(text, OCPP_2_0_1.wire) {
            Err(error) => {
                error.call_id.map(|id| refusal(id, OCPP_2_0_1.error_codes.of_fault(error.fault), error.reason))
            }
            Ok(Frame::Call { id, action, payload }) => {
                Some(match OCPP_2_0_1.messages().validate(&action, true, &payload).first() {
                    Some(error) => refusal(id, error.code, error.message.clone()),
                    None if !self.provisioning.permits(&action, &payload) => {
                        refusal(id, "SecurityError", "the station is not accepted".into())
                    }
                    None => Frame::CallResult { id, payload: self.respond(&action, &payload) },
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
        if !self.endpoints.is_welcome() {
            self.orders.push(LinkCommand::Close(conn, POLICY_VIOLATION));
        }
        self.send_next();
    }

    fn respond(&mut self, action: &str, payload: &Value) -> Value {
        let now = ocpp_time(self.clock.now().wall);
        match action {
            "BootNotification" => {
                self.endpoints.named(payload["chargingStation"]["serialNumber"].as_str());
                let response = self.provisioning.boot(&now);
                if self.provisioning.wants_inventory() {
                    self.made += 1;
                    let request = json!({ "requestId": self.made, "reportBase": "FullInventory" });
                    self.queue.push_back(("GetBaseReport".into(), request));
                }
                response
            }
            "Heartbeat" => json!({ "currentTime": now }),
            "NotifyReport" => self.provisioning.reported(payload),
            "Authorize" => json!({ "idTokenInfo": self.tokens.judge(&payload["idToken"]) }),
            "TransactionEvent" => self.transactions.event(payload, &self.tokens),
            "SignCertificate" => {
                let (status, signed) = self.certificates.sign(payload, self.clock.now().wall);
                if let Some(signed) = signed {
                    self.queue.push_back(("CertificateSigned".into(), signed));
                }
                json!({ "status": status })
            }
            "DataTransfer" => json!({ "status": "UnknownVendorId" }),
            "NotifyEVChargingNeeds" => json!({ "status": "Rejected" }),
            "NotifyEVChargingSchedule" => json!({ "status": "Accepted" }),
            "GetCertificateStatus" => json!({ "status": "Failed" }),
            "Get15118EVCertificate" => json!({ "status": "Failed", "exiResponse": "" }),
            _ => json!({}),
        }
    }

    /// The station answered a CALL of ours, or refused it.
    fn answered(&mut self, id: &str, response: Option<&Value>) {
        let Some(call) = self.outstanding.take_if(|call| call.id == id) else { return };
        let Some(response) = response else { return };
        self.provisioning.answered(&call.action, &call.payload, response);
        self.tokens.answered(&call.action, &call.payload, response);
        self.certificates.answered(&call.action, &call.payload, response);
        if let Some(update) = self.customers.answered(&call.action, &call.payload, response) {
            self.queue.push_back(("SendLocalList".into(), update));
        }
        if self.endpoints.answered(&call.action, &call.payload, response) {
            self.endpoints_changed = true;
        }
    }

    /// Sends the next CALL, when none waits for its answer.
    fn send_next(&mut self) {
        let (Some(conn), None) = (self.conn, &self.outstanding) else { return };
        let Some((action, payload)) = self.queue.pop_front() else { return };
        self.made += 1;
        let id = format!("csms-{}", self.made);
        self.provisioning.asked(&action, &payload);
        let frame = Frame::Call { id: id.clone(), action: action.clone(), payload: payload.clone() };
        self.orders.push(LinkCommand::Send(conn, frame.to_text()));
        self.outstanding = Some(OutstandingRequest { id, action, payload, until: Instant::now() + ANSWER_TIMEOUT });
    }
}
