//! Judges the certificates that peers show: as rustls does, and with a second opinion before one is refused
//! ([`path`]). A server's name may stand in its common name, where OCPP wants it (A00.FR.412, A00.FR.510).

use std::{iter::once, sync::Arc};

use jiff::Timestamp;
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::CryptoProvider,
    pki_types::{CertificateDer, ServerName, UnixTime},
    server::{
        VerifierBuilderError, WebPkiClientVerifier,
        danger::{ClientCertVerified, ClientCertVerifier},
    },
};

use crate::certificate::{
    Certificate,
    path::{self, Owner},
};

/// What a certificate may come from: as rustls wants it, and as it is read.
pub(super) struct Roots {
    pub(super) store: RootCertStore,
    pub(super) certificates: Vec<Certificate>,
}

/// Judges servers.
#[derive(Debug)]
pub(super) struct Servers {
    inner: Arc<WebPkiServerVerifier>,
    roots: Vec<Certificate>,
}

/// Judges clients, which have to show a certificate.
#[derive(Debug)]
pub(super) struct Clients {
    inner: Arc<dyn ClientCertVerifier>,
    roots: Vec<Certificate>,
}

impl Servers {
    pub(super) fn new(roots: Roots, provider: Arc<CryptoProvider>) -> Result<Self, VerifierBuilderError> {
        let inner = WebPkiServerVerifier::builder_with_provider(Arc::new(roots.store), provider).build()?;
        Ok(Self { inner, roots: roots.certificates })
    }
}

impl Clients {
    pub(super) fn new(roots: Roots, provider: Arc<CryptoProvider>) -> Result<Self, VerifierBuilderError> {
        let inner = WebPkiClientVerifier::builder_with_provider(Arc::new(roots.store), provider).build()?;
        Ok(Self { inner, roots: roots.certificates })
    }
}

/// True where another verifier takes what rustls refused.
fn is_taken_all_the_same(
    leaf: &CertificateDer<'_>,
    rest: &[CertificateDer<'_>],
    roots: &[Certificate],
    owner: Owner<'_>,
    now: UnixTime,
) -> bool {
    let seconds = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    let Ok(now) = Timestamp::from_second(seconds) else { return false };
    let chain: Vec<CertificateDer<'_>> = once(leaf).chain(rest).map(|der| CertificateDer::from(&der[..])).collect();
    path::second_opinion(&chain, roots, owner, now) == Some(true)
}

/// rustls looks at the name when all else is right, and at subjectAltName alone.
fn is_named_by_common_name(error: &Error, leaf: &CertificateDer<'_>, name: &ServerName<'_>) -> bool {
    let only_the_name = matches!(
        error,
        Error::InvalidCertificate(CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. })
    );
    let ServerName::DnsName(host) = name else { return false };
    only_the_name
        && Certificate::from_der(leaf).is_some_and(|leaf| leaf.common_name().eq_ignore_ascii_case(host.as_ref()))
}

impl ServerCertVerifier for Servers {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        rest: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Err(error) = self.inner.verify_server_cert(leaf, rest, name, ocsp_response, now) else {
            return Ok(ServerCertVerified::assertion());
        };
        let owner = name.to_str();
        if is_named_by_common_name(&error, leaf, name)
            || is_taken_all_the_same(leaf, rest, &self.roots, Owner::Server(&owner), now)
        {
            return Ok(ServerCertVerified::assertion());
        }
        Err(error)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

impl ClientCertVerifier for Clients {
    fn offer_client_auth(&self) -> bool {
        self.inner.offer_client_auth()
    }

    fn client_auth_mandatory(&self) -> bool {
        self.inner.client_auth_mandatory()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.inner.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        leaf: &CertificateDer<'_>,
        rest: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let Err(error) = self.inner.verify_client_cert(leaf, rest, now) else {
            return Ok(ClientCertVerified::assertion());
        };
        if is_taken_all_the_same(leaf, rest, &self.roots, Owner::Client, now) {
            return Ok(ClientCertVerified::assertion());
        }
        Err(error)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rustls::crypto::aws_lc_rs;

    use super::*;
    use crate::{
        link::CertificateKind,
        services::pki::{KeyKind, Pki},
    };

    fn at(now: Timestamp) -> UnixTime {
        UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(now.as_second()).unwrap()))
    }

    fn roots(text: &str) -> Roots {
        let certificates = Certificate::bundle(text);
        let mut store = RootCertStore::empty();
        for root in &certificates {
            store.add(CertificateDer::from(root.der().to_vec())).unwrap();
        }
        Roots { store, certificates }
    }

    fn takes_server(root: &str, leaf: &Certificate, host: &str, now: Timestamp) -> bool {
        let servers = Servers::new(roots(root), Arc::new(aws_lc_rs::default_provider())).unwrap();
        let name = ServerName::try_from(host.to_owned()).unwrap();
        servers.verify_server_cert(&CertificateDer::from(leaf.der()), &[], &name, &[], at(now)).is_ok()
    }

    #[test]
    fn a_server_may_have_its_name_in_its_common_name_alone() {
        let now = Timestamp::now();
        let pki = Pki::new(KeyKind::Ecdsa, now).unwrap();
        // A client's certificate has no subjectAltName.
        let of = |kind| Certificate::first(&pki.client(kind, "csms.example", "CSO").unwrap().chain).unwrap();
        let leaf = of(CertificateKind::Valid);
        assert!(leaf.names().is_empty());
        assert!(takes_server(pki.root_pem(), &leaf, "csms.example", now));
        assert!(takes_server(pki.root_pem(), &leaf, "CSMS.example", now));
        assert!(!takes_server(pki.root_pem(), &leaf, "other.example", now));
        assert!(!takes_server(pki.other_root_pem(), &leaf, "csms.example", now));
        assert!(!takes_server(pki.root_pem(), &of(CertificateKind::Expired), "csms.example", now));
        assert!(!takes_server(pki.root_pem(), &of(CertificateKind::UnknownAuthority), "csms.example", now));
    }

    /// A root whose key is for RSA-PSS, and a certificate of it, both signed with as long a salt as fits.
    #[cfg(feature = "legacy-tls")]
    fn signed_by_pss(common_name: &str) -> (String, Certificate) {
        use openssl::{
            asn1::Asn1Time,
            bn::BigNum,
            ec::{EcGroup, EcKey},
            hash::MessageDigest,
            nid::Nid,
            pkey::{Id, PKey, Private},
            pkey_ctx::PkeyCtx,
            x509::{X509, X509Name, extension::BasicConstraints},
        };
        let mut generator = PkeyCtx::new_id(Id::RSA_PSS).unwrap();
        generator.keygen_init().unwrap();
        generator.set_rsa_keygen_bits(2048).unwrap();
        let authority = generator.keygen().unwrap();
        let curve = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
        let own = PKey::from_ec_key(EcKey::generate(&curve).unwrap()).unwrap();
        let made = |key: &PKey<Private>, name: &str, serial: u32| {
            let named = |name: &str| {
                let mut builder = X509Name::builder().unwrap();
                builder.append_entry_by_text("CN", name).unwrap();
                builder.build()
            };
            let mut builder = X509::builder().unwrap();
            builder.set_version(2).unwrap();
            let serial = BigNum::from_u32(serial).unwrap().to_asn1_integer().unwrap();
            builder.set_serial_number(&serial).unwrap();
            builder.set_subject_name(&named(name)).unwrap();
            builder.set_issuer_name(&named("root")).unwrap();
            builder.set_pubkey(key).unwrap();
            builder.set_not_before(&Asn1Time::days_from_now(0).unwrap()).unwrap();
            builder.set_not_after(&Asn1Time::days_from_now(10).unwrap()).unwrap();
            let mut constraints = BasicConstraints::new();
            let constraints = if name == "root" { constraints.critical().ca() } else { &mut constraints };
            builder.append_extension(constraints.build().unwrap()).unwrap();
            builder.sign(&authority, MessageDigest::sha256()).unwrap();
            builder.build().to_der().unwrap()
        };
        let (root, leaf) = (made(&authority, "root", 1), made(&own, common_name, 2));
        (crate::certificate::pem::write("CERTIFICATE", &root), Certificate::from_der(&leaf).unwrap())
    }

    #[cfg(feature = "legacy-tls")]
    #[test]
    fn what_rustls_cannot_verify_is_taken_by_a_second_opinion() {
        let (now, day) = (Timestamp::now(), jiff::SignedDuration::from_hours(24));
        let now = now + jiff::SignedDuration::from_mins(1);
        let (root, leaf) = signed_by_pss("csms.example");
        assert!(takes_server(&root, &leaf, "csms.example", now));
        assert!(!takes_server(&root, &leaf, "other.example", now));
        assert!(!takes_server(&root, &leaf, "csms.example", now + day * 11));
        let (another, _) = signed_by_pss("csms.example");
        assert!(!takes_server(&another, &leaf, "csms.example", now), "the same name, another key");
        let clients = |root: &str| Clients::new(roots(root), Arc::new(aws_lc_rs::default_provider())).unwrap();
        let shown = CertificateDer::from(leaf.der());
        assert!(clients(&root).verify_client_cert(&shown, &[], at(now)).is_ok());
        assert!(clients(&another).verify_client_cert(&shown, &[], at(now)).is_err());
    }
}
