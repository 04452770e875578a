//! What the owner of a link holds of it.

use std::{collections::HashMap, time::Duration};

use tokio::{
    sync::{mpsc, oneshot},
    task::JoinSet,
};

use super::{
    server::{Connections, Policies, lock},
    session::Out,
    thread::LinkThread,
    types::{EndpointId, LinkCommand, LinkEvent},
};
use crate::clock::Stamp;

/// The code of a close frame that says that we go away (RFC 6455, 7.4.1).
const GOING_AWAY: u16 = 1001;
/// How long peers may take to answer our last close frames, and how often to look.
const PARTING: Duration = Duration::from_secs(1);
const PARTING_LOOK: Duration = Duration::from_millis(10);

/// A hold on the link: what to do goes in, what happened comes out. Dropping it ends the link.
#[derive(Debug)]
pub struct LinkHandle {
    orders: mpsc::UnboundedSender<Order>,
    policies: Policies,
    events: mpsc::Receiver<(Stamp, LinkEvent)>,
    addresses: HashMap<EndpointId, String>,
    connections: Connections,
    tasks: Tasks,
}

/// Where the tasks of a link run.
#[derive(Debug)]
pub(super) enum Tasks {
    /// On the runtime of who holds the handle.
    Here(JoinSet<()>),
    /// On a thread of their own.
    Thread(LinkThread),
}

/// What the handle asks of the tasks.
#[derive(Debug)]
pub(super) enum Order {
    Command(LinkCommand),
    /// To answer when everything is told that is stamped.
    Settle(oneshot::Sender<()>),
}

impl LinkHandle {
    pub(super) fn new(
        orders: mpsc::UnboundedSender<Order>,
        policies: Policies,
        events: mpsc::Receiver<(Stamp, LinkEvent)>,
        addresses: HashMap<EndpointId, String>,
        connections: Connections,
        tasks: Tasks,
    ) -> Self {
        Self { orders, policies, events, addresses, connections, tasks }
    }

    /// Asks for something. A new policy is in force when this returns, for every connection that comes later.
    pub fn send(&self, command: LinkCommand) {
        if let LinkCommand::SetPolicy(endpoint, policy) = command {
            lock(&self.policies).insert(endpoint, policy);
        } else {
            let _ = self.orders.send(Order::Command(command));
        }
    }

    /// The next event; `None` when the link is gone.
    pub async fn next(&mut self) -> Option<(Stamp, LinkEvent)> {
        self.events.recv().await
    }

    /// How many events have happened by now that were not taken yet. Whoever is about to act on the time takes these first: one with an
    /// earlier stamp may be on its way from the thread of the link.
    pub async fn settle(&self) -> usize {
        if let Tasks::Thread(_) = self.tasks {
            let (told, settled) = oneshot::channel();
            // Between a stamp and its event no other task of that thread has a turn, unless the queue is full.
            if self.orders.send(Order::Settle(told)).is_ok() {
                let _ = settled.await;
            }
        }
        self.events.len()
    }

    /// An event that has happened and was not taken yet.
    pub fn try_next(&mut self) -> Option<(Stamp, LinkEvent)> {
        self.events.try_recv().ok()
    }

    /// The address an end-point is bound to.
    pub fn address(&self, endpoint: EndpointId) -> Option<&str> {
        self.addresses.get(&endpoint).map(String::as_str)
    }

    /// Takes leave of every peer that is connected, as WebSocket and TLS want it: a stream that just ends looks like a failure.
    pub async fn part(&mut self) {
        for connection in lock(&self.connections).values() {
            let _ = connection.send(Out::Close(GOING_AWAY));
        }
        let gone = async {
            while !lock(&self.connections).is_empty() {
                tokio::select! {
                    // Nobody wants to know what comes now.
                    Some(_) = self.events.recv() => {}
                    () = tokio::time::sleep(PARTING_LOOK) => {}
                }
            }
        };
        let _ = tokio::time::timeout(PARTING, gone).await;
    }

    /// True while tasks of the link are alive.
    pub fn is_alive(&self) -> bool {
        match &self.tasks {
            Tasks::Here(tasks) => !tasks.is_empty(),
            Tasks::Thread(thread) => thread.is_alive(),
        }
    }
}
