//! Servers for logs that let in only who has the password: for a CSMS under test that has no such server of its own.

use std::{collections::BTreeMap, sync::Arc};

use tokio::sync::Mutex;

use crate::{
    clock::Clock,
    link::{Identity, Network, Secret},
    protocol::transfer::Protocol,
    services::files::{Credentials, FileServer, FileSetup, Limits},
};

/// The servers' name in a run in memory.
pub(super) const HOST: &str = "logs.attest.test";

/// Servers that are started when a test case asks for them, one for each protocol. Clones share them.
#[derive(Debug, Clone)]
pub(super) struct GuardedLogs {
    network: Network,
    clock: Clock,
    /// The host where real sockets are bound.
    listen: String,
    /// The host in URLs.
    public: String,
    identity: Identity,
    credentials: Credentials,
    running: Arc<Mutex<BTreeMap<&'static str, FileServer>>>,
}

impl GuardedLogs {
    /// Servers that listen at a host and have a certificate for the one in URLs.
    pub(super) fn new(network: &Network, listen: &str, public: &str, identity: Identity, clock: Clock) -> Self {
        Self {
            network: network.clone(),
            clock,
            listen: listen.to_owned(),
            public: public.to_owned(),
            identity,
            credentials: Credentials::made_up(),
            running: Arc::default(),
        }
    }

    /// What stands in URLs and has no place in an artefact.
    pub(super) fn secret(&self) -> Secret {
        self.credentials.password.clone()
    }

    /// A place for a log, with user and password.
    pub(super) async fn location(&self, secure: bool, test_case: &str) -> Result<String, String> {
        let protocol = if secure { Protocol::Https } else { Protocol::Http };
        let mut running = self.running.lock().await;
        if let Some(server) = running.get(protocol.scheme()) {
            return Ok(server.upload_location(test_case, 0));
        }
        let in_memory = matches!(self.network, Network::Memory(_));
        let setup = FileSetup {
            protocol,
            listen: if in_memory { format!("{HOST}:{}", protocol.port()) } else { format!("{}:0", self.listen) },
            public: if in_memory { format!("{HOST}:{}", protocol.port()) } else { self.public.clone() },
            credentials: Some(self.credentials.clone()),
            passive_ports: 0..=0,
            limits: Limits::default(),
        };
        let server = FileServer::start(&setup, &self.network, Some(self.identity.clone()), self.clock).await;
        let server = server.map_err(|error| error.to_string())?;
        let location = server.upload_location(test_case, 0);
        running.insert(protocol.scheme(), server);
        Ok(location)
    }
}
