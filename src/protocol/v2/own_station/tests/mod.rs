//! Our station before scripted CSMSs: requests that no step waits for, what they are answered, and what follows.

mod added;
mod device;
mod managing;
mod monitors;
mod requests;
mod reservations;
mod sending;
mod verdicts;

use std::{collections::HashMap, sync::Arc};

use serde_json::{Map, Value, json};

use crate::{
    clock::Stamp,
    engine::{Effect, Engine, Input, Outcome, Setup, SutMemory},
    link::{ClosedBy, ConnId, EndpointId, LinkCommand, LinkEvent},
    protocol::{OCPP_2_0_1, Protocol, Version, frame::Frame},
    testcase::dialect::Dialect,
    testcase::reader,
    verdict::Verdict,
    yaml::Source,
};

/// A test case under way, and the CSMS that plays against it.
struct Play {
    protocol: &'static Protocol,
    engine: Engine,
    second: u64,
    asked: u32,
    /// What our station wrote and nobody has looked at yet.
    written: Vec<Frame>,
}

const CONN: ConnId = ConnId(1);
const QUIET: &str = "steps:\n  - wait: 500\n";

fn at(second: u64) -> Stamp {
    Stamp { mono_ns: 0, wall: jiff::Timestamp::UNIX_EPOCH }.plus(std::time::Duration::from_secs(second))
}

/// A bench with two EVSEs, the first of which has two connectors.
fn bench() -> Value {
    json!({
        "message_timeout": 5, "response_timeout": 5, "heartbeat_interval": 240, "identity": "CS 7", "model": "Model M",
        "vendor_name": "Vendor V", "own_ev_connection_timeout": 33, "configuration_slot": 1, "configuration_slot_second": 2,
        "evse": { "id": 1, "connector": 1 }, "evse_second": { "id": 2, "connector": 1 },
    })
}

fn connected() -> SutMemory {
    SutMemory { open: Some((CONN, EndpointId(1))), security_profile: 2, ..SutMemory::default() }
}

/// What is known of a CSMS that has accepted our station.
fn accepted() -> SutMemory {
    accepted_in(&OCPP_2_0_1)
}

fn accepted_in(protocol: &'static Protocol) -> SutMemory {
    let boot = "steps:\n  - send: BootNotification\n    payload: { reason: PowerUp, chargingStation: { model: M, vendorName: V } }\n";
    let session = protocol.restored(&Map::new()).unwrap();
    let mut play = Play::of(protocol, boot, SutMemory { session, ..connected() });
    play.answer(&json!({ "currentTime": "1970-01-01T00:00:00Z", "interval": 240, "status": "Accepted" }));
    play.end().memory
}

impl Play {
    fn begin(steps: &str, memory: SutMemory) -> Self {
        Self::of(&OCPP_2_0_1, steps, memory)
    }

    /// A CSMS that speaks a version of OCPP; the test case is of 2.0.1.
    fn of(protocol: &'static Protocol, steps: &str, memory: SutMemory) -> Self {
        let text = format!(
            "id: TC_B_06_CSMS\ntitle: T\nuse-cases: []\nrequirements: []\npurpose: P.\n\
             sut: csms\nblock: B\nprotocols: [2.0.1]\ncertification: {{ 2.0.1: {{ 2024-06: {{ core: mandatory }} }} }}\n{steps}"
        );
        let case = reader::test_case(&Source::new("TC_B_06_CSMS.yaml", text), Dialect::today(Version::V2_0_1))
            .unwrap_or_else(|bad| panic!("{bad}"));
        let setup = Setup {
            protocol,
            case: Arc::new(case),
            variant: Map::new(),
            states: Arc::new(HashMap::new()),
            bench: bench(),
            pics: Value::Null,
            endpoints: crate::engine::EndpointPolicies::default(),
            identities: HashMap::new(),
            client: None,
            client_identities: HashMap::new(),
            memory,
        };
        let mut play = Self { protocol, engine: Engine::new(setup, at(0)), second: 0, asked: 0, written: Vec::new() };
        play.collect();
        play
    }

    fn collect(&mut self) {
        for effect in self.engine.effects() {
            if let Effect::Link(LinkCommand::Send(_, text)) = effect {
                self.written.push(Frame::parse(&text, self.protocol.wire).unwrap());
            }
        }
    }

    fn tell(&mut self, event: LinkEvent) {
        self.engine.handle(at(self.second), Input::Link(event));
        self.collect();
    }

    fn says(&mut self, frame: &Frame) {
        self.tell(LinkEvent::Text { conn: CONN, text: frame.to_text() });
    }

    /// Lets seconds pass.
    fn pass(&mut self, seconds: u64) {
        self.second += seconds;
        self.engine.handle(at(self.second), Input::Tick);
        self.collect();
    }

    fn lose_connection(&mut self) {
        self.tell(LinkEvent::Closed { conn: CONN, code: None, by: ClosedBy::Broken });
    }

    /// The CSMS asks for something; our answer, which is the first thing that is written then.
    fn ask(&mut self, action: &str, payload: &Value) -> Value {
        assert_eq!(self.protocol.messages().validate(action, true, payload), [], "{action}");
        self.asked += 1;
        let id = format!("ask-{}", self.asked);
        let before = self.written.len();
        self.says(&Frame::Call { id: id.clone(), action: action.into(), payload: payload.clone() });
        match self.written.remove(before) {
            Frame::CallResult { id: of, payload } if of == id => {
                assert_eq!(self.protocol.messages().validate(action, false, &payload), [], "{action}: {payload}");
                payload
            }
            other => panic!("{action}: {other:?}"),
        }
    }

    /// The CALL of our station that waits for an answer.
    fn call(&mut self) -> Option<(String, Value)> {
        assert!(self.written.len() < 2, "one at a time: {:?}", self.written);
        match self.written.first()? {
            Frame::Call { action, payload, .. } => {
                assert_eq!(self.protocol.messages().validate(action, true, payload), [], "{action}: {payload}");
                Some((action.clone(), payload.clone()))
            }
            other => panic!("{other:?}"),
        }
    }

    /// Answers it.
    fn answer(&mut self, response: &Value) {
        let frame = self.written.remove(0);
        self.says(&Frame::CallResult { id: frame.id().to_owned(), payload: response.clone() });
    }

    /// All that our station sends by itself until it has nothing to send any more, each message answered.
    fn follow_ups(&mut self) -> Vec<(String, Value)> {
        let mut all = Vec::new();
        while let Some((action, payload)) = self.call() {
            let response = match action.as_str() {
                "BootNotification" => {
                    json!({ "currentTime": "1970-01-01T00:00:00Z", "interval": 300, "status": "Accepted" })
                }
                "Heartbeat" => json!({ "currentTime": "1970-01-01T00:00:00Z" }),
                _ => json!({}),
            };
            all.push((action, payload));
            self.answer(&response);
        }
        all
    }

    /// The items of a report that a request leads to, put together from its parts.
    fn report(&mut self, action: &str, request: &Value) -> Vec<Value> {
        assert_eq!(self.ask(action, request)["status"], "Accepted", "{request}");
        let (message, list) = match action {
            "GetMonitoringReport" => ("NotifyMonitoringReport", "monitor"),
            _ => ("NotifyReport", "reportData"),
        };
        let parts = self.follow_ups();
        let mut items = Vec::new();
        for (number, (action, part)) in parts.iter().enumerate() {
            assert_eq!((action.as_str(), &part["requestId"]), (message, &request["requestId"]));
            assert_eq!((&part["seqNo"], &part["tbc"]), (&json!(number), &json!(number + 1 < parts.len())));
            let part = part[list].as_array().unwrap();
            assert!((1..=50).contains(&part.len()));
            items.extend(part.iter().cloned());
        }
        items
    }

    /// Ends the test case.
    fn end(mut self) -> Outcome {
        self.pass(1000);
        assert!(self.engine.finished(), "{}", self.engine.waiting_for());
        self.engine.outcome()
    }

    /// The verdict and the finding by now.
    fn verdict(self) -> (Verdict, String) {
        let outcome = self.end();
        let failure = outcome.failures.first();
        (outcome.verdict, failure.map(|failure| format!("{}: {}", failure.step, failure.message)).unwrap_or_default())
    }
}

/// The full name of a reported item, `Connector/1/1.AvailabilityState`.
fn name(item: &Value) -> String {
    let (component, variable) = (&item["component"], &item["variable"]);
    let place = |key: &str| component["evse"][key].as_u64().map(|id| format!("/{id}")).unwrap_or_default();
    let instance = variable["instance"].as_str().map(|instance| format!("[{instance}]")).unwrap_or_default();
    let text = |value: &Value| value["name"].as_str().unwrap_or_default().to_owned();
    format!("{}{}{}.{}{instance}", text(component), place("id"), place("connectorId"), text(variable))
}

fn value(item: &Value) -> &str {
    item["variableAttribute"][0]["value"].as_str().unwrap_or_default()
}
