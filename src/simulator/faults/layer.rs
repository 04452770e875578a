//! What stands between a product and its link, and lets faults happen there.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    io,
    sync::Arc,
};

use serde_json::{Map, Value};
use tokio::time::{Instant, sleep_until};

use super::{
    Fault, Faults, Kind, Part, Place,
    kinds::Scope,
    message::{self, Content},
    wire::Wire,
};
use crate::{
    clock::{Clock, Stamp},
    link::{
        ClientPolicy, ConnId, EndpointId, LinkCommand, LinkEvent, LinkHandle, Network, Secret, ServerPolicy,
        serve_through,
    },
    protocol::{frame::Frame, member::Member},
};

/// Most CALLs of the other side that are remembered until they are answered.
const MAX_ASKED: usize = 10_000;

/// A link with faults in it; without faults it is the link.
#[derive(Debug)]
pub struct FaultyLink {
    link: LinkHandle,
    clock: Clock,
    faults: Faults,
    wire: Arc<Wire>,
    /// How many messages each fault could have happened to.
    seen: Vec<u32>,
    /// The action of each CALL of the other side that is not answered yet.
    asked: HashMap<(ConnId, String), String>,
    /// The id of the last CALL and of the last answer that was sent.
    last_ids: HashMap<Part, String>,
    /// The product's own id of a CALL that was sent with another one.
    renamed: HashMap<(ConnId, String), String>,
    /// What members had first, for each fault that keeps it.
    first: HashMap<usize, HashMap<String, Value>>,
    /// What is sent later.
    late: Vec<(Instant, LinkCommand)>,
    /// What changes places.
    held: Option<Held>,
    /// CALLs of which the product believes that they are answered.
    settled: HashSet<(ConnId, String)>,
    /// An answer that the product gets when the CALL before it in truth is answered.
    kept: Option<(String, (Stamp, LinkEvent))>,
    /// What the product hears next.
    heard: VecDeque<(Stamp, LinkEvent)>,
}

/// As what a product hears a CALL.
enum Heard {
    Never,
    AsItIs,
    As(Value),
}

/// A message that waits until another one is out.
#[derive(Debug)]
struct Held {
    index: usize,
    conn: ConnId,
    content: Content,
    /// The id, where it is a CALL.
    call: Option<String>,
    /// The CALL that went before it and has to be answered first.
    behind: Option<String>,
}

/// A message as faults look for it.
struct Passing<'m> {
    part: Part,
    action: &'m str,
    payload: &'m Value,
}

impl FaultyLink {
    /// Binds the end-points and serves them as [`crate::link::serve`] does, with faults.
    pub async fn serve(
        faults: Faults,
        network: Network,
        addresses: &[(EndpointId, String)],
        policies: HashMap<EndpointId, ServerPolicy>,
        clock: Clock,
    ) -> io::Result<Self> {
        let wire = Arc::new(Wire::new(faults.clone()));
        let tap = (!faults.is_empty()).then(|| wire.clone() as Arc<dyn crate::link::Tap>);
        let link = serve_through(network, addresses, policies, clock, tap).await?;
        let seen = vec![0; faults.list.len()];
        Ok(Self {
            link,
            clock,
            faults,
            wire,
            seen,
            asked: HashMap::new(),
            last_ids: HashMap::new(),
            renamed: HashMap::new(),
            first: HashMap::new(),
            late: Vec::new(),
            held: None,
            settled: HashSet::new(),
            kept: None,
            heard: VecDeque::new(),
        })
    }

    /// Asks for something.
    pub fn send(&mut self, command: LinkCommand) {
        if self.faults.is_empty() {
            return self.link.send(command);
        }
        match command {
            LinkCommand::Send(conn, text) => match Frame::read_back(&text) {
                Ok(frame) => self.outgoing(conn, frame),
                Err(_) => self.link.send(LinkCommand::Send(conn, text)),
            },
            LinkCommand::Connect(conn, policy) => {
                let policy = self.knocking(conn, policy);
                self.link.send(LinkCommand::Connect(conn, policy));
            }
            other => self.link.send(other),
        }
    }

    /// The next event; `None` when the link is gone. Nothing is lost where waiting for it is given up.
    pub async fn next(&mut self) -> Option<(Stamp, LinkEvent)> {
        loop {
            if let Some(heard) = self.heard.pop_front() {
                return Some(heard);
            }
            let due = self.late.iter().map(|(at, _)| *at).min();
            tokio::select! {
                biased;
                event = self.link.next() => {
                    let (at, event) = event?;
                    if self.faults.is_empty() {
                        return Some((at, event));
                    }
                    self.incoming(at, event);
                }
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => self.send_late(),
            }
        }
    }

    fn send_late(&mut self) {
        let now = Instant::now();
        let (due, late) = std::mem::take(&mut self.late).into_iter().partition(|(at, _)| *at <= now);
        self.late = late;
        let due: Vec<_> = due;
        for (_, command) in due {
            self.link.send(command);
        }
    }

    /// The faults of some kinds that happen to this message now.
    fn hits(&mut self, passing: &Passing<'_>, received: bool) -> Vec<usize> {
        let mut hits = Vec::new();
        for (index, (fault, seen)) in self.faults.list.iter().zip(&mut self.seen).enumerate() {
            let of_received = fault.kind.info().scope == Scope::Received;
            let Place::Messages { action, part, which } = &fault.place else { continue };
            let meant = of_received == received
                && action.as_deref().is_none_or(|action| action == passing.action)
                && part.is_none_or(|part| part == passing.part)
                && fault.when.as_ref().is_none_or(|(pointer, value)| passing.payload.pointer(pointer) == Some(value));
            if !meant {
                continue;
            }
            *seen = seen.saturating_add(1);
            self.faults.saw(index, *seen);
            if which.includes(*seen) {
                hits.push(index);
            }
        }
        hits
    }

    fn fault(&self, index: usize) -> Option<&Fault> {
        self.faults.list.get(index)
    }

    // ---- what the product says ----

    fn outgoing(&mut self, conn: ConnId, frame: Frame) {
        let null = Value::Null;
        let asked = match &frame {
            Frame::Call { .. } | Frame::CallResultError { .. } | Frame::Send { .. } => None,
            Frame::CallResult { id, .. } | Frame::CallError { id, .. } => self.asked.remove(&(conn, id.clone())),
        };
        let passing = match &frame {
            Frame::Call { action, payload, .. } | Frame::Send { action, payload, .. } => {
                Passing { part: Part::Call, action, payload }
            }
            Frame::CallResult { payload, .. } => {
                Passing { part: Part::Response, action: asked.as_deref().unwrap_or_default(), payload }
            }
            Frame::CallError { .. } | Frame::CallResultError { .. } => {
                Passing { part: Part::Response, action: asked.as_deref().unwrap_or_default(), payload: &null }
            }
        };
        let (part, hits) = (passing.part, self.hits(&passing, false));
        // Another message goes before the one that changes places.
        let behind = self.held.take_if(|held| held.conn == conn);
        let own_id = frame.id().to_owned();
        let mut content = Content::Frame(frame.clone());
        self.change_ids(conn, &mut content, part, &hits);
        if let Content::Frame(sent) = &content {
            self.last_ids.insert(part, sent.id().to_owned());
        }
        self.change_content(&mut content, &hits);
        self.dispatch(conn, content, &frame, &hits);
        if let Some(held) = behind {
            self.release(held, (part == Part::Call).then_some(own_id));
        }
    }

    /// Faults that give a message another id.
    fn change_ids(&mut self, conn: ConnId, content: &mut Content, part: Part, hits: &[usize]) {
        for index in hits {
            let id = match self.fault(*index).map(|fault| (fault.kind, fault)) {
                Some((Kind::WrongId, fault)) => Some(fault.text("id")),
                Some((Kind::RepeatedId, _)) => self.last_ids.get(&part).cloned(),
                _ => None,
            };
            let (Some(id), Content::Frame(frame)) = (id, &mut *content) else { continue };
            if id == frame.id() {
                continue;
            }
            if part == Part::Call {
                self.renamed.insert((conn, id.clone()), frame.id().to_owned());
            }
            *frame = frame.clone().with_id(id);
            self.faults.done(*index);
        }
    }

    /// Faults that change what a message says, and those after them how it is written.
    fn change_content(&mut self, content: &mut Content, hits: &[usize]) {
        let written = |kind: Kind| {
            matches!(kind, Kind::Truncated | Kind::Garbage | Kind::Oversize | Kind::Binary | Kind::InvalidUtf8)
        };
        for last in [false, true] {
            for index in hits {
                let Some(fault) = self.faults.list.get(*index).filter(|fault| written(fault.kind) == last) else {
                    continue;
                };
                let named = matches!(&fault.place, Place::Messages { action: Some(_), .. });
                let done = match (fault.kind, &mut *content) {
                    (Kind::Stale, Content::Frame(frame)) => {
                        let first = self.first.entry(*index).or_default();
                        frame.payload_mut().is_some_and(|payload| message::keep_first(payload, fault, first))
                    }
                    (_, content) => message::change(content, fault, named),
                };
                if done {
                    self.faults.done(*index);
                }
            }
        }
    }

    /// Sends a message, unless a fault has another fate for it.
    fn dispatch(&mut self, conn: ConnId, content: Content, frame: &Frame, hits: &[usize]) {
        let mut copies = Vec::new();
        let mut late = None;
        for index in hits {
            let Some(fault) = self.faults.list.get(*index) else { continue };
            match fault.kind {
                Kind::Drop => {
                    self.faults.done(*index);
                    return;
                }
                Kind::Disconnect => {
                    self.faults.done(*index);
                    return self.link.send(goodbye(fault, conn));
                }
                Kind::WrongOrder if self.held.is_none() && self.kept.is_none() => {
                    return self.hold(*index, conn, content, frame);
                }
                Kind::Delay => {
                    late = Some(fault.time("for"));
                    self.faults.done(*index);
                }
                Kind::Duplicate => {
                    copies.push(content.clone());
                    self.faults.done(*index);
                }
                Kind::Flood => {
                    copies.extend((1..=message::small(fault.number("count"))).map(|number| another(&content, number)));
                    self.faults.done(*index);
                }
                Kind::SlowBytes => {
                    self.wire.slow_down(conn, message::small(fault.number("rate")));
                    self.faults.done(*index);
                }
                _ => {}
            }
        }
        for content in std::iter::once(content).chain(copies) {
            let command = content.command(conn);
            match late {
                None => self.link.send(command),
                Some(by) => self.late.push((Instant::now() + by, command)),
            }
        }
    }

    /// Keeps a message back until the next one is out. The product has to go on for there to be a next one: of a CALL it
    /// is told that it was answered.
    fn hold(&mut self, index: usize, conn: ConnId, content: Content, frame: &Frame) {
        let mut call = None;
        if let Frame::Call { id, action, .. } = frame {
            call = Some(id.clone());
            let fault = self.faults.list.get(index);
            let answer = fault.and_then(|fault| fault.version.protocol().messages().message(action, false));
            let payload = answer.map_or_else(|| Value::Object(Map::new()), Member::example);
            let text = Frame::CallResult { id: id.clone(), payload }.to_text();
            self.heard.push_back((self.clock.now(), LinkEvent::Text { conn, text }));
        }
        self.held = Some(Held { index, conn, content, call, behind: None });
    }

    /// Another message is out: the one that changes places with it follows, a CALL as soon as that one is answered.
    fn release(&mut self, mut held: Held, behind: Option<String>) {
        if behind.is_some() && held.call.is_some() {
            held.behind = behind;
            self.held = Some(held);
            return;
        }
        self.send_held(held);
    }

    fn send_held(&mut self, held: Held) {
        self.faults.done(held.index);
        if let Some(id) = held.call {
            self.settled.insert((held.conn, id));
        }
        self.link.send(held.content.command(held.conn));
    }

    /// How the product knocks.
    fn knocking(&mut self, conn: ConnId, mut policy: ClientPolicy) -> ClientPolicy {
        let course = self.wire.course(conn);
        if let Some((index, protocol)) = course.subprotocol {
            policy.subprotocols = protocol.into_iter().collect();
            self.faults.done(index);
        }
        if let (Some(index), Some((_, password))) = (course.password, &mut policy.credentials) {
            *password = Secret::new("not-the-right-password");
            self.faults.done(index);
        }
        policy
    }

    // ---- what the product hears ----

    fn incoming(&mut self, at: Stamp, event: LinkEvent) {
        match &event {
            LinkEvent::Text { conn, text } => {
                let conn = *conn;
                match Frame::read_back(text) {
                    Ok(Frame::Call { id, action, payload }) => match self.heard_call(conn, &id, &action, payload) {
                        Heard::Never => return,
                        Heard::AsItIs => {}
                        Heard::As(payload) => {
                            let text = Frame::Call { id, action, payload }.to_text();
                            self.heard.push_back((at, LinkEvent::Text { conn, text }));
                            return;
                        }
                    },
                    Ok(frame @ (Frame::CallResult { .. } | Frame::CallError { .. })) => {
                        return self.answered(at, conn, frame);
                    }
                    Ok(Frame::CallResultError { .. } | Frame::Send { .. }) | Err(_) => {}
                }
            }
            LinkEvent::Opened { conn, .. } => {
                if let Some(index) = self.wire.course(*conn).disconnect {
                    if let Some(fault) = self.fault(index) {
                        self.link.send(goodbye(fault, *conn));
                        self.faults.done(index);
                    }
                }
            }
            LinkEvent::Closed { conn, .. } | LinkEvent::AttemptFailed { conn, .. } => self.forget(*conn),
            _ => {}
        }
        self.heard.push_back((at, event));
    }

    /// A CALL for the product, and as what it comes to hear of it.
    fn heard_call(&mut self, conn: ConnId, id: &str, action: &str, mut payload: Value) -> Heard {
        let hits = self.hits(&Passing { part: Part::Call, action, payload: &payload }, true);
        let mut changed = false;
        for index in hits {
            let Some(fault) = self.faults.list.get(index) else { continue };
            let answer = match fault.kind {
                Kind::Misread | Kind::Overlook => {
                    if message::misread(&mut payload, fault) {
                        changed = true;
                        self.faults.done(index);
                    }
                    continue;
                }
                Kind::CallError => {
                    let (code, description) = (fault.text("code"), fault.text("description"));
                    let details = Value::Object(Map::new());
                    Some(Frame::CallError { id: id.to_owned(), code, description, details })
                }
                Kind::Pretend => Some(Frame::CallResult { id: id.to_owned(), payload: pretence(fault, action) }),
                _ => None,
            };
            if let Some(answer) = answer {
                self.link.send(LinkCommand::Send(conn, answer.to_text()));
            }
            self.faults.done(index);
            return Heard::Never;
        }
        if self.asked.len() < MAX_ASKED {
            self.asked.insert((conn, id.to_owned()), action.to_owned());
        }
        if changed { Heard::As(payload) } else { Heard::AsItIs }
    }

    /// An answer to a CALL of the product.
    fn answered(&mut self, at: Stamp, conn: ConnId, frame: Frame) {
        let frame = match self.renamed.remove(&(conn, frame.id().to_owned())) {
            Some(own) => frame.with_id(own),
            None => frame,
        };
        let id = frame.id().to_owned();
        if self.settled.remove(&(conn, id.clone())) {
            // The product has had an answer to it; now it gets the one that came too early for it.
            if let Some((_, kept)) = self.kept.take_if(|(behind, _)| *behind == id) {
                self.heard.push_back(kept);
            }
            return;
        }
        let heard = (at, LinkEvent::Text { conn, text: frame.to_text() });
        match self.held.take_if(|held| held.conn == conn && held.behind.as_deref() == Some(id.as_str())) {
            Some(held) => {
                self.kept = held.call.clone().map(|call| (call, heard));
                self.send_held(held);
            }
            None => self.heard.push_back(heard),
        }
    }

    fn forget(&mut self, conn: ConnId) {
        self.asked.retain(|(of, _), _| *of != conn);
        self.renamed.retain(|(of, _), _| *of != conn);
        self.settled.retain(|(of, _)| *of != conn);
        self.held.take_if(|held| held.conn == conn);
        self.kept.take_if(|(_, (_, event))| matches!(event, LinkEvent::Text { conn: of, .. } if *of == conn));
        self.late.retain(
            |(_, command)| !matches!(command, LinkCommand::Send(of, _) | LinkCommand::SendBytes(of, ..) if *of == conn),
        );
        self.wire.forget(conn);
    }
}

/// What a product that does nothing answers: the least that the schema allows, and that all is well.
fn pretence(fault: &Fault, action: &str) -> Value {
    let answer = fault.version.protocol().messages().message(action, false);
    let mut payload = answer.map_or_else(|| Value::Object(Map::new()), Member::example);
    if let Some(status) = payload.get_mut("status") {
        *status = fault.text("status").into();
    }
    payload
}

/// What ends a connection as the fault says.
fn goodbye(fault: &Fault, conn: ConnId) -> LinkCommand {
    match fault.number("code").and_then(|code| u16::try_from(code).ok()) {
        Some(code) => LinkCommand::Close(conn, code),
        None => LinkCommand::Abort(conn),
    }
}

/// The same message again; a CALL with an id of its own.
fn another(content: &Content, number: u32) -> Content {
    match content {
        Content::Frame(frame @ Frame::Call { .. }) => Content::Frame(frame.clone().with_id(format!("flood-{number}"))),
        other => other.clone(),
    }
}
