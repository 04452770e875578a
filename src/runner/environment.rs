//! What a test case runs in: the link, the operator, the services, and the simulated product where there is one.

use std::{collections::HashMap, sync::Arc, time::Duration};

use serde_json::{Map, Value, json};
use tokio::{sync::mpsc, task::JoinSet};

use super::{
    certificates,
    error::EnvironmentError,
    files::{Files, Wanted},
    secrets::Secrets,
};
use crate::{
    bench::Bench,
    certificate::{Certificate, ocsp},
    clock::Clock,
    engine::{EndpointPolicies, SutMemory},
    link::{
        CertificateKind, ClientPolicy, ClientTls, EndpointId, Identity, LinkCommand, LinkHandle, MemoryNetwork,
        Network, Secret, serve,
    },
    operator::Operator,
    pics::{Pics, SutKind},
    protocol::Protocol,
    services::{
        inspect, meter,
        pki::{AnsweredFor, KeyKind, Pki, PkiError, signing_request},
    },
    simulator::{
        csms::{self, BootSetting, CsmsEndpoint, CsmsSetup, KnownStation},
        faults::Faults,
        operator::{Request, SimulatedOperator, slow_pair},
        station::{self, NetworkProfile, StationSetup, Vehicle},
    },
    testcase::service::{Authority, Revocation, Service},
};

/// What is tested.
#[derive(Clone)]
pub enum Product {
    /// The embedded simulator, with what goes wrong with it. It is reached in memory.
    Simulated(Faults),
    /// The one of the bench, which is reached by this network.
    Real(Network),
}

impl Product {
    /// True for the embedded simulator.
    pub fn is_simulated(&self) -> bool {
        matches!(self, Product::Simulated(_))
    }

    fn network(&self) -> Network {
        match self {
            Product::Simulated(_) => Network::Memory(MemoryNetwork::default()),
            Product::Real(network) => network.clone(),
        }
    }

    fn faults(self) -> Faults {
        match self {
            Product::Simulated(faults) => faults,
            Product::Real(_) => Faults::default(),
        }
    }
}

/// Whose file server an environment has.
pub(super) enum FilesOf {
    /// That of another environment, which runs beside it.
    Another(Box<Files>),
    /// Its own, which is started where a test case needs it.
    Own { wanted: Wanted },
}

/// What a test case runs in.
pub struct Environment {
    /// The version of OCPP that is tested.
    pub(crate) protocol: &'static Protocol,
    pub(crate) link: LinkHandle,
    pub(crate) operator: Arc<dyn Operator>,
    pub(super) files: Files,
    pub(crate) pki: Arc<Pki>,
    pub(crate) endpoints: EndpointPolicies,
    pub(crate) identities: HashMap<CertificateKind, Identity>,
    pub(crate) bench: Value,
    pub(crate) pics: Value,
    pub(crate) memory: SutMemory,
    pub(super) secrets: Secrets,
    pub(crate) identity: String,
    pub(crate) client: Option<ClientPolicy>,
    pub(crate) client_identities: HashMap<CertificateKind, Identity>,
    /// Who owns the station that we play.
    organisation: String,
    /// What a CSMS under test has its certificates from, if we were told.
    roots: Option<String>,
    clock: Clock,
    setup: Bench,
    hosts: [String; 2],
    simulated: bool,
    /// What goes wrong with the simulated product.
    pub(super) faults: Faults,
    tasks: JoinSet<()>,
}

impl Environment {
    /// Binds what is to be bound, and starts a simulated product where one is wanted. Stations that run side by side share a
    /// file server.
    pub(super) async fn start(
        pics: &Pics,
        bench: &Bench,
        product: Product,
        operator: Option<Arc<dyn Operator>>,
        clock: Clock,
        files: FilesOf,
    ) -> Result<Self, EnvironmentError> {
        let mut bench = bench.clone();
        bench.password = pics.ocpp.protocol().semantics.password(&bench.password);
        let bench = &bench;
        if pics.sut == SutKind::Csms {
            return Self::start_for_csms(pics, bench, product, operator, clock, files).await;
        }
        let (simulated, network) = (product.is_simulated(), product.network());
        let faults = product.faults();
        let (hosts, listen, second) = if simulated {
            let (first, second) = ("csms.attest.test", "csms2.attest.test");
            ([first.to_owned(), second.to_owned()], format!("{first}:443"), format!("{second}:443"))
        } else {
            ([bench.host.clone(), bench.host.clone()], bench.listen.clone(), bench.listen_second.clone())
        };
        let pki = certificates::authority(bench, simulated, certificates::key_kind(pics), clock)?;
        let identities = certificates::identities(&pki, bench, &hosts)?;
        let endpoints = certificates::endpoints(pics.ocpp.protocol(), bench, &pki, &identities);
        let addresses: Vec<(EndpointId, String)> = [(EndpointId::MAIN, listen), (EndpointId::SECOND, second)]
            .into_iter()
            .filter(|(_, address)| !address.is_empty())
            .collect();
        let link = serve(network.clone(), &addresses, endpoints.at.clone(), clock)
            .await
            .map_err(|error| EnvironmentError::Bind(bench.listen.clone(), error))?;
        let files = match files {
            FilesOf::Another(files) => *files,
            FilesOf::Own { wanted } => Files::start(pics, bench, &network, &pki, None, clock, wanted).await?,
        };
        let url = |endpoint: EndpointId, host: &str, profile: u8| {
            let address = link.address(endpoint).unwrap_or_default();
            let port = address.rsplit(':').next().unwrap_or("443");
            format!("{}://{host}:{port}/ocpp", if profile >= 2 { "wss" } else { "ws" })
        };
        let mut values = bench.values.clone();
        for (key, endpoint, host) in
            [("csms_url", EndpointId::MAIN, &hosts[0]), ("csms_url_second", EndpointId::SECOND, &hosts[1])]
        {
            values.insert(key.into(), url(endpoint, host, bench.security_profile).into());
            values.insert(format!("{key}_secure"), url(endpoint, host, 2).into());
            values.insert(format!("{key}_plain"), url(endpoint, host, 1).into());
        }
        values.extend(certificates::roots(&pki, bench)?);
        for (key, points) in [("tx_start_point", pics.tx_start_points()), ("tx_stop_point", pics.tx_stop_points())] {
            if values.get(key).and_then(Value::as_str).is_none_or(str::is_empty) {
                values.insert(key.into(), points.first().copied().unwrap_or("EVConnected").into());
            }
        }
        let contract = certificates::contract(&pki, bench, simulated)?;
        values.insert("contract".into(), contract.as_str().into());
        if simulated {
            exchange_by_ourselves(&mut values);
        }
        let mut tasks = JoinSet::new();
        let operator = match operator {
            Some(operator) => operator,
            None => {
                let (operator, requests) = simulated_operator(bench);
                let profile = NetworkProfile {
                    url: url(EndpointId::MAIN, &hosts[0], bench.security_profile),
                    security_profile: bench.security_profile,
                };
                let setup = StationSetup {
                    pics: pics.clone(),
                    identity: bench.identity.clone(),
                    password: bench.password.clone(),
                    profiles: vec![(1, profile)],
                    roots: pki.root_pem().to_owned(),
                    manufacturer_roots: pki.manufacturer_root_pem().to_owned(),
                    certificate: (bench.security_profile == 3)
                        .then(|| pki.client(CertificateKind::Valid, &bench.identity, &pics.product.vendor))
                        .transpose()?,
                    vehicle: Some(Vehicle { contract: contract.clone(), roots: pki.v2g_root_pem().to_owned() }),
                    variables: Vec::new(),
                    faults: faults.clone(),
                };
                let network = network.clone();
                tasks.spawn(async move {
                    let _ = station::run(setup, network, clock, requests).await;
                });
                Arc::new(operator)
            }
        };
        let own = forms_of(pics, &bench.password).into_iter().chain(bench.secrets_within());
        let secrets = operator.secrets().into_iter().chain(own).chain(files.secrets()).collect();
        Ok(Self {
            protocol: pics.ocpp.protocol(),
            link,
            operator,
            pki,
            endpoints,
            identities,
            bench: Value::Object(values),
            pics: super::pics_names(pics),
            memory: SutMemory::begin(pics.ocpp.protocol(), bench.security_profile, clock.now().wall),
            secrets,
            identity: bench.identity.clone(),
            client: None,
            client_identities: HashMap::new(),
            organisation: pics.product.vendor.clone(),
            roots: None,
            clock,
            setup: bench.clone(),
            hosts,
            simulated,
            faults,
            tasks,
            files,
        })
    }

    /// The harness plays the station.
    async fn start_for_csms(
        pics: &Pics,
        bench: &Bench,
        product: Product,
        operator: Option<Arc<dyn Operator>>,
        clock: Clock,
        files: FilesOf,
    ) -> Result<Self, EnvironmentError> {
        let (simulated, network) = (product.is_simulated(), product.network());
        let faults = product.faults();
        let pki = certificates::authority(bench, simulated, KeyKind::Ecdsa, clock)?;
        let read =
            |path: &str| std::fs::read_to_string(path).map_err(|error| EnvironmentError::File(path.to_owned(), error));
        let roots = if simulated {
            Some(pki.root_pem().to_owned())
        } else if bench.root.is_empty() {
            None
        } else {
            Some(read(&bench.root)?)
        };
        let serial_number = serial_number(bench);
        let certificate = match (simulated, bench.certificate.is_empty()) {
            (false, false) => Identity { chain: read(&bench.certificate)?, key: Secret::new(read(&bench.key)?) },
            _ => pki.client(CertificateKind::Valid, &serial_number, &pics.product.vendor)?,
        };
        let (url, upgraded) = if simulated {
            (simulated_url(bench.security_profile), simulated_url(bench.security_profile + 1))
        } else {
            (bench.url.clone(), upgraded_url(bench))
        };
        let mut values = bench.values.clone();
        values.extend(certificates::roots(&pki, bench)?);
        if simulated {
            // It has registered us when it has answered.
            values.insert("pace".into(), 0.into());
            exchange_by_ourselves(&mut values);
        }
        values.insert("contract".into(), certificates::contract(&pki, bench, simulated)?.into());
        if let Some(root) = &roots {
            values.insert("root".into(), root.as_str().into());
        }
        values.insert("url".into(), url.as_str().into());
        values.insert("url_upgraded".into(), upgraded.into());
        values.insert("url_fqdn".into(), fqdn(&url).into());
        values.insert("serial_number".into(), serial_number.clone().into());
        let client = ClientPolicy {
            url,
            identity: bench.identity.clone(),
            credentials: (1..3)
                .contains(&bench.security_profile)
                .then(|| (bench.identity.clone(), bench.password.clone())),
            subprotocols: vec![pics.ocpp.protocol().subprotocol.into()],
            // At hand for `wss`, whether the bench begins with it or a test case comes to it.
            tls: Some(ClientTls {
                roots: roots.clone(),
                identity: (bench.security_profile == 3).then(|| certificate.clone()),
                versions: Vec::new(),
                suites: Vec::new(),
            }),
            max_frame: 1 << 20,
        };
        let mut client_identities = HashMap::from([(CertificateKind::Valid, certificate)]);
        for kind in [CertificateKind::Expired, CertificateKind::UnknownAuthority, CertificateKind::WrongName] {
            client_identities.insert(kind, pki.client(kind, &serial_number, &pics.product.vendor)?);
        }
        let link = serve(network.clone(), &[], HashMap::new(), clock)
            .await
            .map_err(|error| EnvironmentError::Bind(bench.url.clone(), error))?;
        let files = match files {
            FilesOf::Another(files) => *files,
            FilesOf::Own { wanted } => {
                Files::start(pics, bench, &network, &pki, roots.as_deref(), clock, wanted).await?
            }
        };
        let mut tasks = JoinSet::new();
        let operator = match operator {
            Some(operator) => operator,
            None => {
                let (operator, requests) = simulated_operator(bench);
                let setup = CsmsSetup { faults: faults.clone(), ..reference_csms(pics, bench, &pki, &serial_number)? };
                let network = network.clone();
                tasks.spawn(async move {
                    let _ = csms::run(setup, network, clock, requests).await;
                });
                Arc::new(operator)
            }
        };
        let own = forms_of(pics, &bench.password).into_iter().chain(bench.secrets_within());
        let secrets = operator.secrets().into_iter().chain(own).chain(files.secrets()).collect();
        Ok(Self {
            protocol: pics.ocpp.protocol(),
            link,
            operator,
            pki,
            endpoints: EndpointPolicies::default(),
            identities: HashMap::new(),
            bench: Value::Object(values),
            pics: super::pics_names(pics),
            memory: SutMemory::begin(pics.ocpp.protocol(), bench.security_profile, clock.now().wall),
            secrets,
            identity: bench.identity.clone(),
            client: Some(client),
            client_identities,
            organisation: pics.product.vendor.clone(),
            roots,
            clock,
            setup: bench.clone(),
            hosts: [bench.host.clone(), bench.host.clone()],
            simulated,
            faults,
            tasks,
            files,
        })
    }

    /// Does what a test case asks of the harness's services.
    pub(crate) fn serve(&mut self, service: &Service) -> Result<Value, String> {
        if let Some(served) = self.files.serve(service, &self.pki) {
            return served;
        }
        match service {
            Service::Sign { authority: Authority::Csms, .. } if !self.setup.certificate.is_empty() => {
                Err("the bench does not have the key of the root that the SUT trusts, so it can't sign for the SUT"
                    .into())
            }
            Service::Sign { csr, certificate, authority } => {
                let now = self.clock.now().wall;
                let signed = match authority {
                    Authority::Csms => self.pki.sign_request(csr, *certificate, now),
                    Authority::V2g => self.pki.sign_v2g_request(csr, *certificate, now),
                };
                signed
                    .map(|chain| json!({ "chain": chain }))
                    .map_err(|error| format!("the CSR can't be signed: {error}"))
            }
            Service::Ocsp { chain, status } => {
                let now = self.clock.now().wall;
                let answers = self.pki.certificate_statuses(chain, ocsp_status(*status, now), now);
                let answers = answers.iter().map(|one| json!({ "hash": one.hash, "result": one.result }));
                let certificates = self.pki.with_those_above(chain);
                Ok(json!({ "answers": answers.collect::<Vec<_>>(), "certificates": certificates }))
            }
            Service::OcspResponder { emaid, status } => {
                let (responder, url) = self.files.responder()?;
                let which = emaid.as_deref().map_or(AnsweredFor::V2gSubCas, AnsweredFor::Contract);
                let status = ocsp_status(*status, self.clock.now().wall);
                let issued = self.pki.issue_answered(which, status, responder, &url);
                issued
                    .map(|(chain, requests)| json!({ "chain": chain, "requests": requests }))
                    .map_err(|error| format!("the certificates can't be issued: {error}"))
            }
            Service::OcspRequests { chain } => {
                let (responder, _) = self.files.responder()?;
                let counts: Vec<u32> = Certificate::chain(chain).iter().map(|one| responder.asked(one)).collect();
                Ok(json!({ "counts": counts }))
            }
            Service::Csr { organization } => {
                let owner = organization.as_ref().unwrap_or(&self.organisation);
                let name = self.bench["serial_number"].as_str().unwrap_or(&self.identity);
                let (csr, key) = signing_request(KeyKind::Ecdsa, name, owner).map_err(|error| error.to_string())?;
                Ok(json!({ "public_key": inspect::request_key(&csr), "csr": csr, "key": key.expose() }))
            }
            Service::SignedMeterValue { time, value, context } => {
                let serial_number = self.bench["serial_number"].as_str().unwrap_or(&self.identity);
                meter::signed_value(serial_number, time, *value, context)
                    .ok_or_else(|| "the reading can't be signed".to_owned())
            }
            Service::Certificate { chain } => inspect::certificate(chain, self.roots.as_deref(), self.clock.now().wall),
            // Under the name of what the trace leaves out.
            Service::Password {} => {
                Ok(json!({ "key": self.protocol.semantics.password_in_messages(&self.setup.password) }))
            }
            Service::SucceedRoot {} => {
                self.succeed_root().map_err(|error| error.to_string())?;
                Ok(json!({}))
            }
            // Done by the files.
            Service::Firmware { .. }
            | Service::Downloads { .. }
            | Service::Log { .. }
            | Service::Uploads { .. }
            | Service::Fetch { .. }
            | Service::GuardedLog { .. }
            | Service::UploadStatus { .. }
            | Service::Deliver { .. } => Err("this service is not offered here".into()),
        }
    }

    /// The SUT trusts the next root now: what the CSMS shows from here on comes from that one.
    fn succeed_root(&mut self) -> Result<(), EnvironmentError> {
        let folder = Some(&self.setup.authority).filter(|folder| !self.simulated && !folder.is_empty());
        self.pki = self.pki.succeeded(folder.map(std::path::Path::new))?;
        self.identities = certificates::identities(&self.pki, &self.setup, &self.hosts)?;
        self.endpoints = certificates::endpoints(self.protocol, &self.setup, &self.pki, &self.identities);
        if let Some(mut policy) = self.endpoints.of_profile.get(&self.memory.security_profile).cloned() {
            self.memory.admit(&mut policy);
            for endpoint in [EndpointId::MAIN, EndpointId::SECOND] {
                self.link.send(LinkCommand::SetPolicy(endpoint, policy.clone()));
            }
        }
        self.files.root_changed(SutKind::ChargingStation, &self.setup, &self.pki)?;
        if let Value::Object(values) = &mut self.bench {
            values.extend(certificates::roots(&self.pki, &self.setup)?);
        }
        Ok(())
    }

    /// True when a CSMS is under test.
    pub(super) fn is_for_csms(&self) -> bool {
        self.client.is_some()
    }

    /// True while the simulated product (if any) is alive.
    pub fn is_simulated(&self) -> bool {
        !self.tasks.is_empty()
    }
}

/// The status that an OCSP responder tells.
fn ocsp_status(status: Revocation, now: jiff::Timestamp) -> ocsp::Status {
    match status {
        Revocation::Good => ocsp::Status::Good,
        Revocation::Revoked => ocsp::Status::Revoked(now),
        Revocation::Unknown => ocsp::Status::Unknown,
    }
}

/// The serial number of the station that we play, the common name of its certificate.
fn serial_number(bench: &Bench) -> String {
    let told = bench.values.get("serial_number").and_then(Value::as_str).filter(|told| !told.is_empty());
    told.unwrap_or(&bench.identity).to_owned()
}

/// The CSMS's URL for the next security profile: what the bench says, or the same place, by TLS.
fn upgraded_url(bench: &Bench) -> String {
    let told = bench.values.get("url_upgraded").and_then(Value::as_str).filter(|told| !told.is_empty());
    told.map_or_else(|| bench.url.replacen("ws://", "wss://", 1), str::to_owned)
}

/// The host of a URL, where it is a name; empty where it is an address.
fn fqdn(url: &str) -> String {
    match url::Url::parse(url).as_ref().map(url::Url::host) {
        Ok(Some(url::Host::Domain(name))) if name.parse::<std::net::IpAddr>().is_err() => name.to_owned(),
        _ => String::new(),
    }
}

const CSMS_HOST: &str = "csms.attest.test";

/// The reference CSMS has a port for each security profile.
fn simulated_port(profile: u8) -> u16 {
    match profile {
        0 | 1 => 80,
        2 => 443,
        _ => 8443,
    }
}

fn simulated_url(profile: u8) -> String {
    let scheme = if profile >= 2 { "wss" } else { "ws" };
    format!("{scheme}://{CSMS_HOST}:{}/ocpp", simulated_port(profile))
}

fn reference_csms(pics: &Pics, bench: &Bench, pki: &Arc<Pki>, serial_number: &str) -> Result<CsmsSetup, PkiError> {
    let names = [CSMS_HOST.to_owned()];
    let endpoint =
        |profile: u8| CsmsEndpoint::new(profile, format!("{CSMS_HOST}:{}", simulated_port(profile)), pki, &names);
    Ok(CsmsSetup {
        protocol: pics.ocpp.protocol(),
        // Profiles 0 and 1 have one port.
        endpoints: vec![endpoint(bench.security_profile.min(1))?, endpoint(2)?, endpoint(3)?],
        stations: vec![KnownStation {
            identity: bench.identity.clone(),
            password: bench.password.clone(),
            serial_number: serial_number.to_owned(),
            security_profile: bench.security_profile,
        }],
        tokens: bench.values.get("tokens").cloned().unwrap_or_default(),
        interval: bench.values.get("heartbeat_interval").and_then(Value::as_u64).unwrap_or(300),
        inventory: pics.is_yes("C-50.1"),
        boot_setting: BootSetting::default(),
        authority: Some(pki.clone()),
        faults: Faults::default(),
    })
}

/// The simulated operator, who acts as late, and says so as late after that, as the bench has it.
fn simulated_operator(bench: &Bench) -> (SimulatedOperator, mpsc::UnboundedReceiver<Request>) {
    let seconds = |name: &str| bench.values.get(name).and_then(Value::as_f64).unwrap_or_default();
    let time = |name: &str| Duration::try_from_secs_f64(seconds(name)).unwrap_or_default();
    slow_pair(time("simulated_operator_reaction"), time("simulated_operator_delay"))
}

/// What EV and contract pool say to each other about contract certificates is theirs. Where both are simulated, it need only
/// look like EXI: its first byte is the header of a document without options.
fn exchange_by_ourselves(values: &mut Map<String, Value>) {
    use base64::Engine as _;
    let Some(Value::Object(messages)) = values.get_mut("iso15118") else { return };
    let of_2 = ["install_request", "install_response", "update_request", "update_response"];
    let of_20 = ["install_request_20", "install_response_20"];
    for name in of_2.into_iter().chain(of_20) {
        let exi = [&[0x80], name.as_bytes()].concat();
        messages.insert(name.into(), base64::engine::general_purpose::STANDARD.encode(exi).into());
    }
}

/// A password as it is given, shown and sent.
fn forms_of(pics: &Pics, password: &Secret) -> Vec<Secret> {
    let sent = Secret::new(pics.ocpp.protocol().semantics.password_in_messages(password));
    vec![password.clone(), password.shown(), sent]
}

/// Names of the simulated bench, for tests.
pub fn simulated() -> Map<String, Value> {
    Bench::default().values
}
