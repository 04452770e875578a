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
