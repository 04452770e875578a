//! The ways in: an end-point for each security profile, and who is let in by which.

use std::collections::{BTreeMap, HashMap};

use crate::{
    certificate::Certificate,
    link::{CertificateKind, EndpointId, Guest, Secret, ServerPolicy, ServerTls, UpgradeRequest},
    protocol::Protocol,
    services::pki::{KeyKind, Pki, PkiError},
};

/// An end-point for stations of one security profile (A00.FR.006).
#[derive(Debug, Clone)]
pub struct CsmsEndpoint {
    /// Security profile.
    pub profile: u8,
    /// The address to listen on.
    pub address: String,
    /// TLS, for profiles 2 and 3.
    pub tls: Option<ServerTls>,
}

impl CsmsEndpoint {
    /// A endpoint for a security profile, with certificates for these names where it needs them: two, for the cipher suites
    /// of both kinds (A00.FR.318).
    pub fn new(profile: u8, address: String, pki: &Pki, names: &[String]) -> Result<Self, PkiError> {
        let tls = if profile < 2 {
            None
        } else {
            Some(ServerTls {
                identity: pki.server(CertificateKind::Valid, names)?,
                rsa_identity: Some(pki.server_of(KeyKind::Rsa, CertificateKind::Valid, names)?),
                client_roots: (profile == 3).then(|| pki.root_pem().to_owned()),
                versions: Vec::new(),
                suites: Vec::new(),
            })
        };
        Ok(Self { profile, address, tls })
    }
}

/// A station as it is registered.
#[derive(Debug, Clone)]
pub struct KnownStation {
    /// Identity in the URL and user name.
    pub identity: String,
    /// Password of Basic authentication.
    pub password: Secret,
    /// Serial number, the common name of its certificate.
    pub serial_number: String,
    /// The security profile that it uses.
    pub security_profile: u8,
}

/// The endpoints, and the station that comes in by one of them.
pub(super) struct CsmsEndpoints {
    protocol: &'static Protocol,
    all: Vec<CsmsEndpoint>,
    station: KnownStation,
    /// Network profiles that the station took: slot → security profile.
    slots: BTreeMap<i64, u8>,
    /// Common name of the certificate on the open connection.
    common_name: Option<String>,
    welcome: bool,
}

impl CsmsEndpoints {
    pub(super) fn new(protocol: &'static Protocol, endpoints: Vec<CsmsEndpoint>, station: KnownStation) -> Self {
        Self { protocol, all: endpoints, station, slots: BTreeMap::new(), common_name: None, welcome: true }
    }

    pub(super) fn identity(&self) -> &str {
        &self.station.identity
    }

    /// How each endpoint treats the stations that come in by it.
    pub(super) fn policies_for<'d>(
        all: impl IntoIterator<Item = &'d CsmsEndpoints>,
    ) -> HashMap<EndpointId, ServerPolicy> {
        let mut common: HashMap<EndpointId, ServerPolicy> = HashMap::new();
        for (endpoint, policy) in all.into_iter().flat_map(CsmsEndpoints::policies) {
            let ServerPolicy { identity, passwords, refuse_upgrade, .. } = &policy;
            let guest =
                Guest { identity: identity.clone(), passwords: passwords.clone(), refuse_upgrade: *refuse_upgrade };
            common.entry(endpoint).and_modify(|common| common.others.push(guest)).or_insert(policy);
        }
        common
    }

    /// How each endpoint treats the station: only its own profile is let in, and one that it was just given (A00.FR.002,
    /// A05.FR.07).
    fn policies(&self) -> HashMap<EndpointId, ServerPolicy> {
        let open = |profile: u8| {
            profile == self.station.security_profile
                || (profile > self.station.security_profile && self.slots.values().any(|of| *of == profile))
        };
        let policy = |endpoint: &CsmsEndpoint| ServerPolicy {
            reachable: true,
            tls: endpoint.tls.clone(),
            identity: self.station.identity.clone(),
            passwords: if (1..3).contains(&endpoint.profile) {
                vec![self.station.password.clone()]
            } else {
                Vec::new()
            },
            subprotocols: vec![self.protocol.subprotocol.into()],
            refuse_upgrade: (!open(endpoint.profile)).then_some(403),
            others: Vec::new(),
            max_frame: 1 << 20,
        };
        self.all.iter().map(|endpoint| (EndpointId(endpoint.profile), policy(endpoint))).collect()
    }

    /// The station came in; false when its certificate is another's (A00.FR.405).
    pub(super) fn entered(&mut self, endpoint: EndpointId, request: &UpgradeRequest) -> bool {
        let chain = request.tls.as_ref().map(|tls| tls.peer_chain.as_slice()).unwrap_or_default();
        self.common_name = chain.first().and_then(|leaf| Certificate::first(leaf)).map(|leaf| leaf.common_name());
        self.welcome = endpoint.0 < 3 || self.common_name.as_deref() == Some(self.station.serial_number.as_str());
        if self.welcome {
            self.station.security_profile = self.station.security_profile.max(endpoint.0);
        }
        self.welcome
    }

    /// The station told its serial number, which must be its certificate's (B01.FR.11, B01.FR.12).
    pub(super) fn named(&mut self, serial_number: Option<&str>) {
        if self.station.security_profile == 3 && serial_number.is_some() && serial_number != self.common_name.as_deref()
        {
            self.welcome = false;
        }
    }

    /// The station is let in with this password from now on.
    pub(super) fn set_password(&mut self, password: &str) {
        self.station.password = self.protocol.semantics.password(&Secret::new(password));
    }

    /// The station is let in with this security profile from now on, whatever it has come to.
    pub(super) fn lower(&mut self, profile: u8) {
        self.station.security_profile = profile;
        self.slots.retain(|_, of| *of <= profile);
    }

    /// False when the connection has to be closed.
    pub(super) fn is_welcome(&self) -> bool {
        self.welcome
    }

    /// The station took a network profile: its security profile is let in, too.
    pub(super) fn slot_was_set(&mut self, slot: i64, profile: u8) {
        self.slots.insert(slot, profile);
    }
}
