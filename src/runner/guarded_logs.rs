//! Places for logs that let in only who has the password: for a station under test, whose logs come over HTTP and over HTTPS, and for a CSMS
//! under test that has no such server of its own.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
};

use tokio::sync::Mutex;

use crate::{
    bench::Bench,
    clock::Clock,
    link::{Identity, Network, Secret},
    pics::SutKind,
    protocol::transfer::Protocol,
    services::files::{Credentials, FileServer, FileSetup},
};

/// The servers' name in a run in memory.
pub(super) const HOST: &str = "logs.attest.test";

/// Places at the run's file server, where that speaks the protocol, else at a server that is started when a test case asks for it.
/// Clones share them.
#[derive(Debug, Clone)]
pub(super) struct GuardedLogs {
    network: Network,
    clock: Clock,
    /// The run's server, where places at it will do.
    main: Option<FileServer>,
    /// What is started for HTTP and for HTTPS, or why it can't be.
    http: Result<FileSetup, String>,
    https: Result<FileSetup, String>,
    identity: Arc<RwLock<Identity>>,
    credentials: Credentials,
    running: Arc<Mutex<BTreeMap<&'static str, FileServer>>>,
}

impl GuardedLogs {
    /// Places beside the server of this setup; servers show the certificate.
    pub(super) fn new(
        sut: SutKind,
        bench: &Bench,
        setup: &FileSetup,
        main: Option<&FileServer>,
        network: &Network,
        identity: Identity,
        clock: Clock,
    ) -> Self {
        let server = |protocol: Protocol| match (network, sut) {
            (Network::Memory(_), _) => {
                let address = format!("{HOST}:{}", protocol.port());
                let setup = setup.beside(bench, protocol);
                Ok(FileSetup { listen: address.clone(), public: address, ..setup })
            }
            (Network::Tcp, SutKind::ChargingStation) => reachable(bench, setup.beside(bench, protocol)),
            // The CSMS hands the place on to our own station, which finds any port.
            (Network::Tcp, SutKind::Csms) => {
                let listen = bench.files.listen(Protocol::Http).rsplit_once(':').map_or("0.0.0.0", |(host, _)| host);
                let setup = setup.beside(bench, protocol);
                Ok(FileSetup { listen: format!("{listen}:0"), credentials: None, ..setup })
            }
        };
        let given = setup.credentials.clone().filter(|_| sut == SutKind::ChargingStation);
        Self {
            network: network.clone(),
            clock,
            main: main.filter(|_| sut == SutKind::ChargingStation).cloned(),
            http: server(Protocol::Http),
            https: server(Protocol::Https),
            identity: Arc::new(RwLock::new(identity)),
            credentials: given.unwrap_or_else(Credentials::made_up),
            running: Arc::default(),
        }
    }

    /// What stands in URLs and has no place in an artefact.
    pub(super) fn secret(&self) -> Secret {
        self.credentials.password.clone()
    }

    /// Servers show another certificate from now on.
    pub(super) fn show(&self, identity: Identity) {
        *self.identity.write().unwrap_or_else(PoisonError::into_inner) = identity;
    }

    /// A place for a log, with user and password.
    pub(super) async fn location(&self, secure: bool, test_case: &str) -> Result<String, String> {
        let (protocol, setup) = if secure { (Protocol::Https, &self.https) } else { (Protocol::Http, &self.http) };
        if let Some(main) = self.main.as_ref().filter(|main| main.protocol() == protocol) {
            return Ok(main.guarded_location(test_case, &self.credentials));
        }
        let setup = setup.as_ref().map_err(Clone::clone)?;
        let identity = self.identity.read().unwrap_or_else(PoisonError::into_inner).clone();
        let mut running = self.running.lock().await;
        if let Some(server) = running.get(protocol.scheme()) {
            server.show(identity);
            return Ok(server.guarded_location(test_case, &self.credentials));
        }
        let server = FileServer::start(setup, &self.network, Some(identity), self.clock).await;
        let server = server.map_err(|error| error.to_string())?;
        let location = server.guarded_location(test_case, &self.credentials);
        running.insert(protocol.scheme(), server);
        Ok(location)
    }
}

/// The setup, unless the station is somewhere else and could not come to it: then a station that does all right would fail.
fn reachable(bench: &Bench, setup: FileSetup) -> Result<FileSetup, String> {
    if setup.is_out_of_reach(bench) {
        let key = if setup.protocol == Protocol::Http { "files" } else { "files-https" };
        return Err(format!(
            "the {} server listens on {}, where only this machine reaches it: set `{key}` in the bench, as in \"0.0.0.0:9443\"",
            setup.protocol, setup.listen
        ));
    }
    Ok(setup)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        services::pki::{KeyKind, Pki},
        yaml::Source,
    };

    fn logs(bench: &str) -> GuardedLogs {
        let bench = Bench::read_source(&Source::new("b.yaml", bench)).unwrap();
        let clock = Clock::start();
        let identity = Pki::new(KeyKind::Ecdsa, clock.now().wall)
            .and_then(|pki| pki.server(crate::link::CertificateKind::Valid, &["localhost".into()]));
        let setup = FileSetup::of(&bench, None::<&crate::pics::Pics>);
        GuardedLogs::new(SutKind::ChargingStation, &bench, &setup, None, &Network::Tcp, identity.unwrap(), clock)
    }

    #[tokio::test]
    async fn a_server_beside_the_runs_own_has_the_address_of_the_bench() {
        let logs = logs("host: localhost\nfile-host: lab.example:8443\nfiles-https: 0\n");
        let location = url::Url::parse(&logs.location(true, "TC_N_103_CS").await.unwrap()).unwrap();
        assert_eq!(
            (location.scheme(), location.host_str(), location.username()),
            ("https", Some("lab.example"), "attest")
        );
        assert!(location.port().is_some_and(|port| port != 8443), "{location}");
        assert_eq!(location.password(), Some(logs.secret().expose()));
        let again = url::Url::parse(&logs.location(true, "TC_N_103_CS").await.unwrap()).unwrap();
        assert_eq!(again.port(), location.port());
    }

    #[tokio::test]
    async fn a_place_that_a_station_elsewhere_could_not_reach_is_none() {
        let logs = logs("listen: 0.0.0.0:9000\nhost: lab\nfiles: 0.0.0.0:9080\n");
        insta::assert_snapshot!(logs.location(true, "TC_N_103_CS").await.unwrap_err(), @r#"the HTTPS server listens on 127.0.0.1:9443, where only this machine reaches it: set `files-https` in the bench, as in "0.0.0.0:9443""#);
    }
}
