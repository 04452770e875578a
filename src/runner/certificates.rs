//! The certificates of a bench: its authority and roots, the contract of the EV, and what each end-point shows and demands.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::error::EnvironmentError;
use crate::{
    bench::Bench,
    clock::Clock,
    engine::EndpointPolicies,
    link::{CertificateKind, EndpointId, Identity, Secret, ServerPolicy, ServerTls},
    pics::Pics,
    protocol::Protocol,
    services::pki::{KeyKind, Pki, PkiError},
};

/// The roots as expressions see them. Without the key of the root that the SUT trusts there is none to succeed it.
pub(super) fn roots(pki: &Pki, bench: &Bench) -> Result<Map<String, Value>, EnvironmentError> {
    let own = bench.certificate.is_empty();
    let (root, chain) = if own || bench.root.is_empty() {
        (pki.root_pem().to_owned(), pki.root_chain_pem())
    } else {
        let read = std::fs::read_to_string(&bench.root);
        let root = read.map_err(|error| EnvironmentError::File(bench.root.clone(), error))?;
        // Test cases put other certificates before and after it.
        let root = format!("{}\n", root.trim_end());
        (root.clone(), root)
    };
    let (next, expired) =
        if own { (pki.next_root_pem().to_owned(), pki.expired_next_root_pem()?) } else { Default::default() };
    let other = pki.other_root_pem().to_owned();
    let roots = [
        ("root", root),
        ("root_chain", chain),
        ("next_root", next),
        ("expired_next_root", expired),
        ("other_root", other),
        ("expired_root", pki.expired_root_pem().to_owned()),
        ("manufacturer_root", pki.manufacturer_root_pem().to_owned()),
        ("v2g_root", pki.v2g_root_pem().to_owned()),
        ("mo_root", pki.mobility_root_pem().to_owned()),
    ];
    Ok(roots.into_iter().map(|(name, pem)| (name.to_owned(), pem.into())).collect())
}

/// The chain of the EV's contract certificate, whose eMAID the bench names; kept with the authority where there is one.
pub(super) fn contract(pki: &Pki, bench: &Bench, simulated: bool) -> Result<String, PkiError> {
    let emaid = bench.token("emaid");
    let folder = Some(&bench.authority).filter(|folder| !simulated && !folder.is_empty());
    let made = match folder {
        Some(folder) => pki.kept_contract(std::path::Path::new(folder), emaid),
        None => pki.contract(emaid, None),
    };
    made.map(|contract| contract.chain)
}

pub(super) fn authority(bench: &Bench, simulated: bool, kind: KeyKind, clock: Clock) -> Result<Arc<Pki>, PkiError> {
    if simulated {
        return Pki::of_process(kind, clock.now().wall);
    }
    if bench.authority.is_empty() {
        return Pki::new(kind, clock.now().wall);
    }
    Pki::kept(std::path::Path::new(&bench.authority), kind, clock.now().wall)
}

/// Suites that sign with ECDSA need such a key; anything else gets RSA.
pub(crate) fn key_kind(pics: &Pics) -> KeyKind {
    let suites = pics.list("C-41");
    let rsa_only =
        !suites.is_empty() && !suites.iter().any(|suite| suite.contains("_ECDSA_") || suite.starts_with("TLS_AES"));
    if rsa_only { KeyKind::Rsa } else { KeyKind::Ecdsa }
}

pub(super) fn identities(
    pki: &Pki,
    bench: &Bench,
    hosts: &[String],
) -> Result<HashMap<CertificateKind, Identity>, EnvironmentError> {
    let mut names: Vec<String> = hosts.to_vec();
    names.extend(["localhost".to_owned(), "127.0.0.1".to_owned()]);
    names.sort();
    names.dedup();
    let mut identities = HashMap::new();
    for kind in [
        CertificateKind::Valid,
        CertificateKind::Expired,
        CertificateKind::NotYetValid,
        CertificateKind::UnknownAuthority,
        CertificateKind::WrongName,
        CertificateKind::NextRoot,
        CertificateKind::OtherRoot,
    ] {
        identities.insert(kind, pki.server(kind, &names)?);
    }
    if !bench.certificate.is_empty() {
        let read =
            |path: &str| std::fs::read_to_string(path).map_err(|error| EnvironmentError::File(path.to_owned(), error));
        let identity = Identity { chain: read(&bench.certificate)?, key: Secret::new(read(&bench.key)?) };
        identities.insert(CertificateKind::Valid, identity);
    }
    Ok(identities)
}

/// The two end-points.
pub(super) fn endpoints(
    protocol: &Protocol,
    bench: &Bench,
    pki: &Pki,
    identities: &HashMap<CertificateKind, Identity>,
) -> EndpointPolicies {
    // A station may have its certificate from where the bench has its own.
    let told = std::fs::read_to_string(&bench.root).unwrap_or_default();
    let client_roots = format!("{}{told}", pki.client_roots());
    let tls = |profile: u8| {
        let identity = identities.get(&CertificateKind::Valid).filter(|_| profile >= 2)?;
        Some(ServerTls {
            identity: identity.clone(),
            rsa_identity: None,
            client_roots: (profile == 3).then(|| client_roots.clone()),
            versions: Vec::new(),
            suites: Vec::new(),
        })
    };
    let policy = |profile: u8| ServerPolicy {
        reachable: true,
        tls: tls(profile),
        identity: bench.identity.clone(),
        passwords: if (1..3).contains(&profile) { vec![bench.password.clone()] } else { Vec::new() },
        subprotocols: vec![protocol.subprotocol.into()],
        refuse_upgrade: None,
        others: Vec::new(),
        max_frame: 1 << 20,
    };
    let at = [EndpointId::MAIN, EndpointId::SECOND].map(|endpoint| (endpoint, policy(bench.security_profile)));
    EndpointPolicies { at: at.into(), of_profile: (0..=3).map(|profile| (profile, policy(profile))).collect() }
}
