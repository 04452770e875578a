//! Steps on the connection: waiting for it, closing it, handshakes that must succeed or fail.

use serde_json::{Value, json};

use super::Node;
use crate::{
    clock::nanos,
    engine::{Role, exchange::Attempt, finding::Finding, world::World},
    link::{
        AttemptFailure, CertificateKind, ClientPolicy, ConnId, EndpointId, Identity, LinkCommand, Secret, ServerPolicy,
    },
    testcase::{
        connection::{ConnectionAct, Offer, OfferedCertificate, Outcome},
        model::Connection,
        template::Template,
    },
    verdict::Verdict,
};

/// A connection step under way.
#[derive(Debug, Clone)]
pub(crate) struct Waiting {
    /// When it gives up, nanoseconds of the run.
    pub(crate) until: Option<u64>,
    endpoint: EndpointId,
    /// How many attempts had been seen when it began.
    seen: usize,
    pongs: u32,
    messages: usize,
    /// The connection that was open is being closed.
    closing: bool,
    /// Only a connection opened after this second counts.
    since: f64,
    /// The connection that was open when the step began.
    open: Option<ConnId>,
    /// What is still to be done, once it is not too early for it.
    next: Next,
    /// How long it may take, nanoseconds.
    within: u64,
    /// How to knock from now on, once we were let in.
    remember: Option<(ClientPolicy, Option<u8>)>,
}

/// What a step does at the pace of the station that we play.
#[derive(Debug, Clone)]
enum Next {
    /// Nothing more.
    Wait,
    /// Close the open connection with this code.
    Close(u16),
    /// Drop the stream.
    Abort,
    /// Knock like this, once no connection is open any more.
    Knock(Box<ClientPolicy>),
    /// Close the open connection, and then knock.
    CloseAndKnock(Box<ClientPolicy>),
}

impl Waiting {
    /// True while something is still to be done by us.
    pub(crate) fn is_about_to_act(&self) -> bool {
        !matches!(self.next, Next::Wait)
    }
}

/// Begins the step; `None` when that failed.
pub(crate) fn begin(connection: &Connection, node: &mut Node, world: &mut World) -> Option<Waiting> {
    let step = node.step.clone();
    let number = |template: &Template, world: &mut World| {
        let number = template.number(&world.names(&node.scope));
        world.evaluated(number, &step, &node.path)
    };
    let endpoint = match &connection.endpoint {
        // While it is away the SUT is thought to come back where it was.
        None => world.open.as_ref().map(|open| open.endpoint).or(world.memory.endpoint).unwrap_or(EndpointId::MAIN),
        Some(template) => {
            if number(template, world)? > 1.0 {
                EndpointId::SECOND
            } else {
                EndpointId::MAIN
            }
        }
    };
    let offer = match &connection.offer {
        None => Offer::default(),
        Some(offer) => {
            let offered = world.evaluate(offer, &node.scope, &step, &node.path)?;
            world.fitting(Offer::of(connection.act, &offered), offer.names(), &step, &node.path)?
        }
    };
    let within = match &connection.within {
        None => world.seconds("reconnect_timeout", 120.0),
        Some(within) => number(within, world)?,
    };
    let since = match &connection.since {
        None => node.reached.seconds(),
        Some(since) => number(since, world)?,
    };
    let mut waiting = Waiting {
        until: Some(world.now.mono_ns.saturating_add(nanos(within))),
        within: nanos(within),
        endpoint,
        seen: world.attempts.len(),
        pongs: world.pongs,
        messages: world.messages,
        closing: false,
        since,
        open: world.open.as_ref().map(|open| open.conn),
        next: Next::Wait,
        remember: None,
    };
    match connection.act {
        ConnectionAct::Open | ConnectionAct::Reconnected | ConnectionAct::Closed => {}
        ConnectionAct::Close => waiting.next = Next::Close(1000),
        ConnectionAct::Abort => waiting.next = Next::Abort,
        ConnectionAct::Refuse => {
            set_policy(world, endpoint, |policy| match offer.status {
                Some(status) => policy.refuse_upgrade = Some(status),
                None => policy.reachable = false,
            });
        }
        ConnectionAct::Accept => {
            let policy = offered(&offer, endpoint, world, node)?;
            apply(world, endpoint, policy);
        }
        ConnectionAct::Handshake => {
            let policy = offered(&offer, endpoint, world, node)?;
            apply(world, endpoint, policy);
            if !offer.keep {
                if let Some(open) = &world.open {
                    world.link_command(LinkCommand::Close(open.conn, 1001));
                }
            }
        }
        ConnectionAct::Ping => {
            waiting.until = Some(world.now.mono_ns.saturating_add(nanos(world.seconds("response_timeout", 30.0))));
            match &world.open {
                Some(open) => world.link_command(LinkCommand::Ping(open.conn)),
                None => {
                    let verdict = world.missing_verdict();
                    world.find(verdict, Finding::at(&step, &node.path, "there is no connection to ping"));
                    return None;
                }
            }
        }
        ConnectionAct::Alive => {
            if world.memory.unanswered_pings < MAX_UNANSWERED_PINGS || !world.memory.ordinary {
                probe(&mut waiting, within, world);
            } else {
                waiting.open = None;
            }
        }
        ConnectionAct::Connect => {
            let policy = knock(&offer, world, node)?;
            if offer.remember {
                waiting.remember = Some((policy.clone(), offer.security_profile));
            }
            let policy = Box::new(policy);
            waiting.next = if world.connected() { Next::CloseAndKnock(policy) } else { Next::Knock(policy) };
        }
    }
    Some(waiting)
}

/// Pings that a product may leave unanswered in a row before it is no longer asked by one.
const MAX_UNANSWERED_PINGS: u32 = 2;
/// How long the link may take to tell that a connection is closed, seconds.
const CLOSE_PATIENCE: f64 = 10.0;

/// Asks whether the open connection is alive, or closes one that a test case wanted otherwise than the bench.
fn probe(waiting: &mut Waiting, within: f64, world: &mut World) {
    let Some(conn) = waiting.open else { return };
    if world.memory.ordinary {
        waiting.until = Some(world.now.mono_ns.saturating_add(nanos(within)));
        world.link_command(LinkCommand::Ping(conn));
    } else {
        drop_connection(waiting, conn, world);
    }
}

fn drop_connection(waiting: &mut Waiting, conn: ConnId, world: &mut World) {
    waiting.closing = true;
    waiting.until = Some(world.now.mono_ns.saturating_add(nanos(CLOSE_PATIENCE)));
    world.link_command(LinkCommand::Close(conn, 1000));
}

/// True when it is known whether the connection that was open is alive; one that is not is closed by then.
fn probed(waiting: &mut Waiting, node: &Node, world: &mut World) -> bool {
    let Some(conn) = waiting.open.filter(|conn| world.open.as_ref().is_some_and(|open| open.conn == *conn)) else {
        return true;
    };
    let over = waiting.until.is_some_and(|until| world.now.mono_ns >= until);
    if waiting.closing {
        if over {
            world.link_command(LinkCommand::Abort(conn));
            world.forget_connection();
        }
        return over;
    }
    if world.pongs > waiting.pongs {
        world.memory.unanswered_pings = 0;
        return true;
    }
    if !over {
        return false;
    }
    world.memory.unanswered_pings += 1;
    if world.messages > waiting.messages {
        return true;
    }
    let waited = world.now.seconds_since(&node.reached);
    world.remark(format!("the open connection did not answer a ping within {waited:.1} s and was closed"));
    drop_connection(waiting, conn, world);
    false
}

fn set_policy(world: &mut World, endpoint: EndpointId, change: impl FnOnce(&mut ServerPolicy)) {
    if let Some(mut policy) = world.policies.get(&endpoint).cloned() {
        change(&mut policy);
        apply(world, endpoint, policy);
    }
}

fn apply(world: &mut World, endpoint: EndpointId, policy: ServerPolicy) {
    world.policies.insert(endpoint, policy.clone());
    world.link_command(LinkCommand::SetPolicy(endpoint, policy));
}

/// Lets the SUT in at every end-point as it is known by now, whatever a test case before left of them.
pub(crate) fn as_usual(world: &mut World) {
    for endpoint in [EndpointId::MAIN, EndpointId::SECOND] {
        if let Some(policy) = ordinary(endpoint, world) {
            apply(world, endpoint, policy);
        }
    }
}

/// The bench's policy for an end-point, with the password and the security profile that the SUT has come to.
fn ordinary(endpoint: EndpointId, world: &World) -> Option<ServerPolicy> {
    let mut policy = world.setup().endpoints.at.get(&endpoint).cloned()?;
    world.memory.admit(&mut policy);
    let profile = world.memory.security_profile;
    if let Some(of_profile) = world.setup().endpoints.of_profile.get(&profile) {
        policy.tls = of_profile.tls.clone();
        if of_profile.passwords.is_empty() {
            policy.passwords.clear();
        }
    }
    Some(policy)
}

/// The end-point's ordinary policy with what the step offers.
fn offered(offer: &Offer, endpoint: EndpointId, world: &mut World, node: &Node) -> Option<ServerPolicy> {
    // What a test case raised stays raised, for this test case and the next.
    if let Some(profile) = offer.security_profile {
        world.memory.security_profile = profile;
    }
    let Some(mut policy) = ordinary(endpoint, world) else {
        let message = format!("the bench has no CSMS end-point {}", endpoint.0);
        world.find(Verdict::Inconclusive, Finding::at(&node.step, &node.path, message));
        return None;
    };
    if let Some(password) = &offer.password {
        let password = world.setup().protocol.semantics.password(&Secret::new(password));
        world.hide_password(&password);
        world.memory.passwords.push(password);
        world.memory.admit(&mut policy);
    }
    policy.refuse_upgrade = offer.status.or(policy.refuse_upgrade);
    if let Some(protocols) = &offer.subprotocols {
        policy.subprotocols.clone_from(protocols);
    }
    let certificate = match &offer.certificate {
        Some(OfferedCertificate::Kind(kind)) => *kind,
        _ => CertificateKind::Valid,
    };
    let identity = world.setup().identities.get(&certificate).cloned();
    if let Some(tls) = &mut policy.tls {
        if certificate != CertificateKind::Valid {
            match identity {
                Some(identity) => tls.identity = identity,
                None => {
                    let message = format!("the bench has no certificate of the kind {certificate:?}");
                    world.find(Verdict::Inconclusive, Finding::at(&node.step, &node.path, message));
                    return None;
                }
            }
        }
        if let Some(versions) = &offer.versions {
            tls.versions.clone_from(versions);
        }
        if let Some(suites) = &offer.suites {
            tls.suites.clone_from(suites);
        }
    }
    Some(policy)
}

/// The certificate to show as a station: one of the bench's, or one that the test case has come by.
fn certificate_of(offer: &Offer, world: &World) -> Option<Identity> {
    match offer.certificate.as_ref()? {
        OfferedCertificate::Own { chain, key } => Some(Identity { chain: chain.clone(), key: Secret::new(key) }),
        OfferedCertificate::Kind(kind) => world.setup().client_identities.get(kind).cloned(),
    }
}

/// How to knock at the CSMS.
fn knock(offer: &Offer, world: &mut World, node: &Node) -> Option<ClientPolicy> {
    let usual = world.memory.client.clone().or_else(|| world.setup().client.clone());
    let known = world.memory.client.clone().filter(|_| !offer.as_configured);
    let Some(mut policy) = known.or_else(|| world.setup().client.clone()) else {
        world
            .find(Verdict::Error, Finding::at(&node.step, &node.path, "`connection: connect` is for CSMSs under test"));
        return None;
    };
    if offer.without_credentials {
        policy.credentials = None;
    }
    if let Some((user, password)) = &mut policy.credentials {
        if let Some(new) = &offer.user {
            user.clone_from(new);
        }
        if let Some(new) = &offer.password {
            *password = world.setup().protocol.semantics.password(&Secret::new(new));
            world.hide_password(password);
        }
    }
    if let Some(identity) = &offer.identity {
        policy.identity.clone_from(identity);
    }
    if let Some(protocols) = &offer.subprotocols {
        policy.subprotocols.clone_from(protocols);
    }
    if let Some(url) = &offer.url {
        policy.url.clone_from(url);
    }
    let identity = certificate_of(offer, world);
    if offer.certificate.is_some() && identity.is_none() {
        let message = "the bench has no such client certificate";
        world.find(Verdict::Inconclusive, Finding::at(&node.step, &node.path, message));
        return None;
    }
    if offer.security_profile == Some(3) {
        // The certificate stands in for the password.
        policy.credentials = None;
    }
    if let Some(tls) = &mut policy.tls {
        if let Some(versions) = &offer.versions {
            tls.versions.clone_from(versions);
        }
        if let Some(suites) = &offer.suites {
            tls.suites.clone_from(suites);
        }
        if identity.is_some() {
            tls.identity = identity;
        }
    }
    world.knocked_as_usual = offer.remember || usual.as_ref() == Some(&policy);
    Some(policy)
}

fn connect(policy: ClientPolicy, world: &mut World) {
    let conn = world.memory.connections.dial();
    world.link_command(LinkCommand::Connect(conn, policy));
}

/// Does what is still to be done by us, unless it is too early.
fn act(waiting: &mut Waiting, node: &Node, world: &mut World) {
    if !waiting.is_about_to_act() || world.too_early(node.reached) {
        return;
    }
    let open = world.open.as_ref().map(|open| open.conn);
    waiting.next = match (std::mem::replace(&mut waiting.next, Next::Wait), open) {
        (Next::Close(code), Some(open)) => {
            world.link_command(LinkCommand::Close(open, code));
            Next::Wait
        }
        (Next::Abort, Some(open)) => {
            world.link_command(LinkCommand::Abort(open));
            Next::Wait
        }
        // The link tells of the end, whether the SUT takes part in it or not.
        (Next::CloseAndKnock(policy), Some(open)) => {
            world.link_command(LinkCommand::Close(open, 1000));
            Next::Knock(policy)
        }
        (Next::CloseAndKnock(policy) | Next::Knock(policy), None) => {
            if world.pace.is_set() {
                // Its time is measured from when we knock.
                waiting.until = Some(world.now.mono_ns.saturating_add(waiting.within));
            }
            connect(*policy, world);
            Next::Wait
        }
        (knock @ Next::Knock(_), Some(_)) => knock,
        (Next::Wait | Next::Close(_) | Next::Abort, _) => Next::Wait,
    };
}

/// Looks whether the step is done; its facts when it is.
pub(crate) fn advance(
    connection: &Connection,
    waiting: &mut Waiting,
    node: &mut Node,
    world: &mut World,
) -> Option<Value> {
    act(waiting, node, world);
    let at = json!({ "at": world.now.seconds() });
    match connection.act {
        ConnectionAct::Close | ConnectionAct::Abort if waiting.is_about_to_act() => return None,
        ConnectionAct::Close | ConnectionAct::Abort | ConnectionAct::Refuse | ConnectionAct::Accept => return Some(at),
        ConnectionAct::Closed => match &world.open {
            None => return Some(at),
            // A quick SUT is back before the end of the old connection is seen.
            Some(open) if Some(open.conn) != waiting.open => return Some(json!({ "at": open.at.seconds() })),
            Some(_) => {}
        },
        ConnectionAct::Alive => return probed(waiting, node, world).then_some(at),
        ConnectionAct::Ping if world.pongs > waiting.pongs => return Some(at),
        ConnectionAct::Open | ConnectionAct::Reconnected => {
            let wanted = connection.endpoint.is_some();
            let good = world.open.as_ref().is_some_and(|open| {
                let anew = connection.act == ConnectionAct::Open || open.at.seconds() >= waiting.since;
                anew && (!wanted || open.endpoint == waiting.endpoint)
            });
            if good {
                let last = world.attempts.iter().rev().find(|attempt| attempt.outcome.is_ok());
                let (input, facts) = (last.map(|attempt| attempt.input), last.map(facts));
                if let Some(input) = input {
                    world.takes(input, &node.step, &node.path, Role::Attempt);
                }
                return checked(connection, facts.unwrap_or(at), node, world);
            }
        }
        ConnectionAct::Handshake | ConnectionAct::Connect => {
            let attempt = world.attempts.get(waiting.seen).cloned();
            if let Some(attempt) = attempt {
                waiting.seen += 1;
                world.takes(attempt.input, &node.step, &node.path, Role::Attempt);
                if let (Ok(()), Some((policy, profile))) = (&attempt.outcome, waiting.remember.take()) {
                    world.memory.client = Some(policy);
                    world.memory.security_profile = profile.unwrap_or(world.memory.security_profile);
                }
                return attempted(connection, &attempt, node, world);
            }
        }
        ConnectionAct::Ping => {}
    }
    if waiting.until.is_some_and(|until| world.now.mono_ns >= until) {
        if connection.optional {
            return Some(at);
        }
        let waited = world.now.seconds_since(&node.reached);
        let what = match connection.act {
            ConnectionAct::Open => "the SUT did not connect",
            ConnectionAct::Reconnected => "the SUT did not connect again",
            ConnectionAct::Closed => "the SUT did not close the connection",
            ConnectionAct::Ping => "no pong came",
            ConnectionAct::Connect => "the handshake with the SUT was not over",
            _ => "the SUT made no attempt to connect",
        };
        let mut finding = Finding::at(&node.step, &node.path, format!("{what} within {waited:.1} s"));
        finding.waited_s = Some(waited);
        if let Some((last, failure)) = world.last_failed_attempt() {
            finding.found = Some(format!("the last attempt: {}", failure.words()));
            finding.frame.clone_from(&last.head);
        } else if matches!(connection.act, ConnectionAct::Open | ConnectionAct::Reconnected) {
            let why = if world.connected() {
                "no attempt: the connection that it had is still open"
            } else {
                "no attempt: nobody opened a connection and said anything on it (address, firewall, or it is not started)"
            };
            finding.found = Some(why.into());
        } else if connection.act == ConnectionAct::Closed && world.connected() {
            finding.found = Some("the connection is still open".into());
        }
        let verdict = world.missing_verdict();
        world.find(verdict, finding);
    }
    None
}

fn facts(attempt: &Attempt) -> Value {
    let mut facts = attempt.facts.clone();
    facts["at"] = attempt.at.seconds().into();
    facts["endpoint"] = attempt.endpoint.0.into();
    facts
}

/// An attempt came to an end: was it the outcome that was wanted?
fn attempted(connection: &Connection, attempt: &Attempt, node: &mut Node, world: &mut World) -> Option<Value> {
    let wanted = connection.outcome.unwrap_or(Outcome::Upgraded);
    let good = wanted.is_met(attempt.outcome.as_ref().copied(), &attempt.facts);
    if good {
        return checked(connection, facts(attempt), node, world);
    }
    // While we wait for a good connection the SUT may still be failing on what went before.
    if wanted == Outcome::Upgraded && attempt.conn.0 > 0 && attempt.outcome.is_err() {
        return None;
    }
    // Who has not begun TLS has met nothing that could be refused: a port scan, or a SUT that begins once more.
    if matches!(attempt.outcome, Err(AttemptFailure::NoClientHello(_))) {
        return None;
    }
    let found = match &attempt.outcome {
        Ok(()) => "the WebSocket was opened".to_owned(),
        Err(failure) => failure.words(),
    };
    let mut finding = Finding::at(&node.step, &node.path, "the handshake did not end as expected");
    finding.expected = Some(wanted.word().to_owned());
    finding.found = Some(found);
    finding.frame.clone_from(&attempt.head);
    let verdict = match &attempt.outcome {
        Err(AttemptFailure::Unreachable(_) | AttemptFailure::TlsRefusedByUs(_)) => Verdict::Inconclusive,
        Ok(()) | Err(AttemptFailure::BadUpgrade(_)) => Verdict::Fail,
        // Whose fault it is that nobody is let in, the bench's or the product's, the test cases about that find out.
        Err(_) => world.missing_verdict(),
    };
    world.find(verdict, finding);
    None
}

fn checked(connection: &Connection, facts: Value, node: &mut Node, world: &mut World) -> Option<Value> {
    let found = connection.checks.mismatches(&facts, &world.names(&node.scope));
    let found = world.evaluated(found, &node.step, &node.path)?;
    if !found.is_empty() {
        let finding = Finding::at(&node.step, &node.path, "the connection");
        world.find(Verdict::Fail, finding.mismatches(&found, ""));
        return None;
    }
    Some(facts)
}
