//! Faults of connections, below the messages: bytes that trickle, handshakes that stall, other sub-protocols.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, copy, duplex, split};

use super::{Faults, Kind, Place};
use crate::link::{BoxStream, ConnId, Tap};

/// Bytes that are under way between the product and its stream.
const BUFFER: usize = 64 * 1024;
/// How often a trickle moves on.
const TICK: Duration = Duration::from_millis(100);

/// What goes wrong with one connection.
#[derive(Debug, Clone, Default)]
pub(super) struct ConnectionFaults {
    /// Bytes a second; 0: as many as there are.
    rate: Arc<AtomicU32>,
    /// Bytes after which nothing more is heard.
    stall: Option<u64>,
    /// The sub-protocol in the place of the right one; `None` within: none at all.
    pub(super) subprotocol: Option<(usize, Option<String>)>,
    /// A fault that ends it as soon as it is open.
    pub(super) disconnect: Option<usize>,
    /// A fault that shows another password.
    pub(super) password: Option<usize>,
}

/// The connections of a product.
#[derive(Debug)]
pub(super) struct Wire {
    faults: Faults,
    /// Bytes may have to be slowed down or held back.
    meddles: bool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    attempts: u32,
    courses: HashMap<ConnId, ConnectionFaults>,
}

impl Wire {
    pub(super) fn new(faults: Faults) -> Self {
        let meddles = faults.list.iter().any(|fault| matches!(fault.kind, Kind::SlowBytes | Kind::Stall));
        Self { faults, meddles, state: Mutex::default() }
    }

    /// What lies behind the lock is whole between any two statements.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What goes wrong with a connection; decided when it is first asked for, which is when it is tried.
    pub(super) fn course(&self, conn: ConnId) -> ConnectionFaults {
        let mut state = self.state();
        if let Some(known) = state.courses.get(&conn) {
            return known.clone();
        }
        state.attempts += 1;
        let mut course = ConnectionFaults::default();
        for (index, fault) in self.faults.list.iter().enumerate() {
            let Place::Connections(which) = fault.place else { continue };
            self.faults.saw(index, state.attempts);
            if !which.includes(state.attempts) {
                continue;
            }
            match fault.kind {
                Kind::Stall => {
                    course.stall = fault.number("after");
                    self.faults.done(index);
                }
                Kind::SlowBytes => {
                    course.rate = Arc::new(AtomicU32::new(super::message::small(fault.number("rate"))));
                    self.faults.done(index);
                }
                Kind::WrongSubprotocol => {
                    let protocol = fault.text("protocol");
                    course.subprotocol = Some((index, (protocol != "none").then_some(protocol)));
                }
                Kind::Disconnect => course.disconnect = Some(index),
                Kind::WrongPassword => course.password = Some(index),
                _ => {}
            }
        }
        state.courses.insert(conn, course.clone());
        course
    }

    /// Makes a connection slow from here on.
    pub(super) fn slow_down(&self, conn: ConnId, rate: u32) {
        self.course(conn).rate.store(rate.max(1), Ordering::Relaxed);
    }

    /// A connection is over.
    pub(super) fn forget(&self, conn: ConnId) {
        self.state().courses.remove(&conn);
    }
}

impl Tap for Wire {
    fn stream(&self, conn: ConnId, stream: BoxStream) -> BoxStream {
        let course = self.course(conn);
        if !self.meddles {
            return stream;
        }
        let (ours, theirs) = duplex(BUFFER);
        tokio::spawn(pump(stream, theirs, course));
        Box::new(ours)
    }

    fn subprotocol(&self, conn: ConnId, agreed: Option<String>) -> Option<String> {
        match self.course(conn).subprotocol {
            None => agreed,
            Some((index, other)) => {
                self.faults.done(index);
                other
            }
        }
    }
}

/// Carries bytes between the product's end and the real stream, until the product lets go of its end.
async fn pump(stream: BoxStream, product: DuplexStream, course: ConnectionFaults) {
    let (mut from_peer, mut to_peer) = split(stream);
    let (mut from_product, mut to_product) = split(product);
    let inbound = async {
        let _ = copy(&mut from_peer, &mut to_product).await;
        let _ = to_product.shutdown().await;
        // What the product has still to say goes out all the same.
        std::future::pending::<()>().await;
    };
    let outbound = async {
        let mut bytes = [0; 4096];
        let mut left = course.stall.unwrap_or(u64::MAX);
        while let Ok(read @ 1..) = from_product.read(&mut bytes).await {
            let mut rest = &bytes[..read];
            while !rest.is_empty() && left > 0 {
                let rate = course.rate.load(Ordering::Relaxed);
                let piece = if rate == 0 { rest.len() } else { (rate as usize / 10).max(1) };
                let piece = piece.min(rest.len()).min(usize::try_from(left).unwrap_or(usize::MAX));
                let (now, later) = rest.split_at(piece);
                if to_peer.write_all(now).await.is_err() || to_peer.flush().await.is_err() {
                    return;
                }
                (rest, left) = (later, left - piece as u64);
                if rate > 0 {
                    tokio::time::sleep(if rate < 10 { Duration::from_secs(1) / rate } else { TICK }).await;
                }
            }
        }
        let _ = to_peer.shutdown().await;
    };
    tokio::select! {
        () = outbound => {}
        () = inbound => {}
    }
}
