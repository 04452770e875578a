//! TLS: rustls for what is sound today, OpenSSL (feature `legacy-tls`) for what rustls rightly refuses and a
//! conformance tool must still speak: static-RSA suites, and versions below 1.2 to see them refused.

use std::{io, sync::Arc, time::Duration};

use rustls::{
    ClientConfig, RootCertStore, ServerConfig, SupportedCipherSuite,
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject},
    time_provider::TimeProvider,
};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::{
    hello::Prefixed,
    keys,
    network::BoxStream,
    types::{AttemptFailure, ClientTls, HelloInfo, Identity, ServerTls, TlsInfo, TlsVersion},
    verify::{Clients, Roots, Servers},
};
use crate::{
    certificate::{Certificate, pem},
    clock::Clock,
};

/// Suites that rustls does not speak and OpenSSL stands in for, with OpenSSL's names.
pub const STATIC_RSA: [(&str, &str); 2] = [
    ("TLS_RSA_WITH_AES_128_GCM_SHA256", "AES128-GCM-SHA256"),
    ("TLS_RSA_WITH_AES_256_GCM_SHA384", "AES256-GCM-SHA384"),
];

fn needs_legacy(versions: &[TlsVersion], suites: &[String]) -> bool {
    versions.iter().any(|version| *version < TlsVersion::V1_2)
        || suites.iter().any(|suite| STATIC_RSA.iter().any(|(name, _)| name == suite))
}

/// Certificates are judged by the run's wall time, which under a paused clock is not the machine's.
#[derive(Debug)]
struct WallTime(Clock);

impl TimeProvider for WallTime {
    fn current_time(&self) -> Option<UnixTime> {
        let seconds = u64::try_from(self.0.now().wall.as_second()).ok()?;
        Some(UnixTime::since_unix_epoch(Duration::from_secs(seconds)))
    }
}

fn broken(what: impl std::fmt::Display) -> AttemptFailure {
    AttemptFailure::TlsRefusedByUs(format!("{what}"))
}

fn provider(suites: &[String]) -> Arc<CryptoProvider> {
    let mut provider = aws_lc_rs::default_provider();
    if !suites.is_empty() {
        // TLS 1.3 suites stay: C-41 lists those of TLS 1.2.
        provider.cipher_suites.retain(|suite| {
            matches!(suite, SupportedCipherSuite::Tls13(_)) || suites.contains(&suite_name(suite.suite()))
        });
    }
    Arc::new(provider)
}

fn suite_name(suite: rustls::CipherSuite) -> String {
    // rustls names TLS 1.3 suites TLS13_…; IANA names them TLS_….
    suite.as_str().unwrap_or("?").replace("TLS13_", "TLS_")
}

/// The cipher suites that we can speak, by IANA name.
pub fn cipher_suites() -> Vec<String> {
    let modern = aws_lc_rs::default_provider().cipher_suites;
    let modern = modern.iter().map(|suite| suite_name(suite.suite()));
    modern.chain(STATIC_RSA.iter().map(|(name, _)| (*name).to_owned())).collect()
}

fn rustls_versions(versions: &[TlsVersion]) -> Vec<&'static rustls::SupportedProtocolVersion> {
    let all: [(TlsVersion, &'static rustls::SupportedProtocolVersion); 2] =
        [(TlsVersion::V1_2, &rustls::version::TLS12), (TlsVersion::V1_3, &rustls::version::TLS13)];
    all.into_iter()
        .filter(|(version, _)| versions.is_empty() || versions.contains(version))
        .map(|(_, version)| version)
        .collect()
}

fn chain(pem: &str) -> Result<Vec<CertificateDer<'static>>, AttemptFailure> {
    CertificateDer::pem_slice_iter(pem.as_bytes()).collect::<Result<_, _>>().map_err(broken)
}

fn key(identity: &Identity) -> Result<PrivateKeyDer<'static>, AttemptFailure> {
    PrivateKeyDer::from_pem_slice(identity.key.expose().as_bytes()).map_err(broken)
}

fn roots(pem: &str) -> Result<Roots, AttemptFailure> {
    let mut store = RootCertStore::empty();
    for certificate in chain(pem)? {
        store.add(certificate).map_err(broken)?;
    }
    Ok(Roots { store, certificates: Certificate::bundle(pem) })
}

/// What rustls agreed on.
fn info(common: &rustls::CommonState, hello: Option<HelloInfo>) -> TlsInfo {
    let version = match common.protocol_version() {
        Some(rustls::ProtocolVersion::TLSv1_3) => TlsVersion::V1_3,
        _ => TlsVersion::V1_2,
    };
    let suite = common.negotiated_cipher_suite().map_or_else(String::new, |suite| suite_name(suite.suite()));
    let peer_chain =
        common.peer_certificates().unwrap_or_default().iter().map(|der| pem::write("CERTIFICATE", der)).collect();
    TlsInfo { version, suite, peer_chain, hello }
}

/// The name of the alert with which the peer broke off, when that is what happened to a stream.
pub fn alert(error: &io::Error) -> Option<String> {
    match error.get_ref()?.downcast_ref::<rustls::Error>()? {
        rustls::Error::AlertReceived(alert) => Some(alert_name(*alert)),
        _ => None,
    }
}

/// The name of an alert as the RFCs write it: `unknown_ca`.
fn alert_name(alert: rustls::AlertDescription) -> String {
    let Some(name) = alert.as_str() else { return format!("number {}", u8::from(alert)) };
    let mut words = String::new();
    let mut after_small = false;
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && after_small {
            words.push('_');
        }
        after_small = letter.is_ascii_lowercase();
        words.push(letter.to_ascii_lowercase());
    }
    words
}

/// Where a handshake was that we serve: the SUT's ClientHello has come, its Finished has not.
const AS_SERVER: &str = "after its ClientHello and before its Finished";
/// Where a handshake was that we began.
const AS_CLIENT: &str = "after our ClientHello and before the handshake was finished";

/// The alert or close with which the peer broke off, or our own reason.
fn refused(error: &io::Error, stage: &str) -> AttemptFailure {
    if let Some(alert) = alert(error) {
        return AttemptFailure::TlsRefusedBySut(format!("it sent the alert {alert} {stage}"));
    }
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(other) => AttemptFailure::TlsRefusedByUs(match alert_sent(other) {
            Some(alert) => format!("{other}; we sent the alert {} {stage}", alert_name(alert)),
            None => other.to_string(),
        }),
        None => AttemptFailure::TlsRefusedBySut(format!(
            "it closed the connection without an alert {stage} ({})",
            error.kind()
        )),
    }
}

/// The alert that rustls sends for what it finds wrong, where that is certain.
fn alert_sent(error: &rustls::Error) -> Option<rustls::AlertDescription> {
    match error {
        rustls::Error::InvalidCertificate(problem) => Some(problem.clone().into()),
        _ => None,
    }
}

/// What rustls needs to be a server.
pub fn server_config(tls: &ServerTls, clock: Clock) -> Result<ServerConfig, AttemptFailure> {
    let builder = ServerConfig::builder_with_details(provider(&tls.suites), Arc::new(WallTime(clock)))
        .with_protocol_versions(&rustls_versions(&tls.versions))
        .map_err(broken)?;
    let builder = match &tls.client_roots {
        None => builder.with_no_client_auth(),
        Some(pem) => {
            let clients = Clients::new(roots(pem)?, provider(&[])).map_err(broken)?;
            builder.with_client_cert_verifier(Arc::new(clients))
        }
    };
    let mut config = builder.with_single_cert(chain(&tls.identity.chain)?, key(&tls.identity)?).map_err(broken)?;
    config.key_log = keys::of_rustls();
    Ok(config)
}

/// The server's side of a handshake.
pub async fn accept(
    stream: Prefixed,
    tls: &ServerTls,
    hello: Option<HelloInfo>,
    clock: Clock,
) -> Result<(BoxStream, TlsInfo), AttemptFailure> {
    // A peer that offers nothing but static RSA can only be served by the stand-in.
    let only_static = hello.as_ref().is_some_and(|hello| {
        let offers = |wanted: &dyn Fn(&str) -> bool| hello.suites.iter().any(|suite| wanted(suite));
        offers(&|suite| STATIC_RSA.iter().any(|(name, _)| *name == suite))
            && !offers(&|suite| {
                suite.contains("DHE_") || suite.starts_with("TLS_AES") || suite.starts_with("TLS_CHACHA")
            })
    });
    if needs_legacy(&tls.versions, &tls.suites) || (only_static && tls.suites.is_empty()) {
        let mut tls = tls.clone();
        if let (true, Some(identity)) = (only_static, tls.rsa_identity.take()) {
            tls.identity = identity;
        }
        return legacy::accept(stream, &tls, hello, clock).await;
    }
    let config = server_config(tls, clock)?;
    match TlsAcceptor::from(Arc::new(config)).accept(stream).await {
        Ok(stream) => {
            let info = info(stream.get_ref().1, hello);
            Ok((Box::new(stream), info))
        }
        Err(error) => Err(refused(&error, AS_SERVER)),
    }
}

/// What rustls needs to be a client.
pub fn client_config(tls: &ClientTls, clock: Clock) -> Result<ClientConfig, AttemptFailure> {
    let builder = ClientConfig::builder_with_details(provider(&tls.suites), Arc::new(WallTime(clock)))
        .with_protocol_versions(&rustls_versions(&tls.versions))
        .map_err(broken)?;
    let builder = match &tls.roots {
        Some(pem) if roots(pem)?.store.is_empty() => builder.with_root_certificates(RootCertStore::empty()),
        Some(pem) => {
            let servers = Servers::new(roots(pem)?, provider(&[])).map_err(broken)?;
            builder.dangerous().with_custom_certificate_verifier(Arc::new(servers))
        }
        None => builder.dangerous().with_custom_certificate_verifier(Arc::new(AnyCertificate)),
    };
    let mut config = match &tls.identity {
        Some(identity) => builder.with_client_auth_cert(chain(&identity.chain)?, key(identity)?).map_err(broken)?,
        None => builder.with_no_client_auth(),
    };
    config.key_log = keys::of_rustls();
    Ok(config)
}

/// True when a key (PEM) is that of the first certificate of a chain (PEM); an error when either can't be used.
pub fn keys_match(certificate: &str, private_key: &str) -> Result<bool, String> {
    let identity = Identity { chain: certificate.to_owned(), key: super::Secret::new(private_key) };
    let unusable = |_| "the key can't be used".to_owned();
    let private_key = key(&identity).map_err(unusable)?;
    let key = aws_lc_rs::sign::any_supported_type(&private_key).map_err(|_| "the key can't be used".to_owned())?;
    let chain = chain(certificate).map_err(|_| "its certificate can't be used".to_owned())?;
    match rustls::sign::CertifiedKey::new(chain, key).keys_match() {
        Ok(()) => Ok(true),
        Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::KeyMismatch)) => Ok(false),
        Err(error) => Err(error.to_string()),
    }
}

/// The client's side of a handshake.
pub async fn connect(
    stream: BoxStream,
    tls: &ClientTls,
    host: &str,
    clock: Clock,
) -> Result<(BoxStream, TlsInfo), AttemptFailure> {
    if needs_legacy(&tls.versions, &tls.suites) {
        return legacy::connect(stream, tls, host, clock).await;
    }
    let config = client_config(tls, clock)?;
    let name = ServerName::try_from(host.to_owned()).map_err(broken)?;
    match TlsConnector::from(Arc::new(config)).connect(name, stream).await {
        Ok(stream) => {
            let info = info(stream.get_ref().1, None);
            Ok((Box::new(stream), info))
        }
        Err(error) => Err(refused(&error, AS_CLIENT)),
    }
}

/// Accepts whatever certificate a server shows: the tester said so by naming no root.
#[derive(Debug)]
struct AnyCertificate;

impl rustls::client::danger::ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: rustls::pki_types::UnixTime,
    ) -> Result<rustls::client::danger::ServerCertVerified, rustls::Error> {
        Ok(rustls::client::danger::ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        let supported = aws_lc_rs::default_provider().signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, &supported)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        let supported = aws_lc_rs::default_provider().signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, &supported)
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        aws_lc_rs::default_provider().signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(feature = "legacy-tls")]
mod legacy {
    //! OpenSSL behind the same two functions.

    use std::pin::Pin;

    use openssl::{
        pkey::PKey,
        ssl::{Ssl, SslContext, SslContextBuilder, SslMethod, SslMode, SslVerifyMode, SslVersion},
        x509::{X509, store::X509StoreBuilder, verify::X509VerifyFlags},
    };
    use tokio_openssl::SslStream;

    use super::{
        AS_CLIENT, AS_SERVER, AttemptFailure, BoxStream, ClientTls, Clock, HelloInfo, Identity, Prefixed, STATIC_RSA,
        ServerTls, TlsInfo, TlsVersion, broken, keys,
    };

    fn ssl_version(version: TlsVersion) -> SslVersion {
        match version {
            TlsVersion::Ssl3 => SslVersion::SSL3,
            TlsVersion::V1_0 => SslVersion::TLS1,
            TlsVersion::V1_1 => SslVersion::TLS1_1,
            TlsVersion::V1_2 => SslVersion::TLS1_2,
            TlsVersion::V1_3 => SslVersion::TLS1_3,
        }
    }

    fn configure(
        context: &mut SslContextBuilder,
        identity: Option<&Identity>,
        versions: &[TlsVersion],
        suites: &[String],
    ) -> Result<(), AttemptFailure> {
        // The chain is shown as it is given: OpenSSL would add what it finds among the roots.
        context.set_mode(SslMode::NO_AUTO_CHAIN);
        if let Some(identity) = identity {
            let mut certificates = X509::stack_from_pem(identity.chain.as_bytes()).map_err(broken)?.into_iter();
            if let Some(leaf) = certificates.next() {
                context.set_certificate(&leaf).map_err(broken)?;
            }
            for certificate in certificates {
                context.add_extra_chain_cert(certificate).map_err(broken)?;
            }
            let key = PKey::private_key_from_pem(identity.key.expose().as_bytes()).map_err(broken)?;
            context.set_private_key(&key).map_err(broken)?;
        }
        context.set_min_proto_version(versions.iter().min().copied().map(ssl_version)).map_err(broken)?;
        let highest = versions.iter().max().copied().unwrap_or(TlsVersion::V1_2);
        context.set_max_proto_version(Some(ssl_version(highest))).map_err(broken)?;
        let named: Vec<&str> = suites
            .iter()
            .filter_map(|suite| {
                STATIC_RSA.iter().find(|(name, _)| name == suite).map(|(_, openssl)| *openssl).or({
                    match suite.as_str() {
                        "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256" => Some("ECDHE-ECDSA-AES128-GCM-SHA256"),
                        "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384" => Some("ECDHE-ECDSA-AES256-GCM-SHA384"),
                        "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256" => Some("ECDHE-RSA-AES128-GCM-SHA256"),
                        "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384" => Some("ECDHE-RSA-AES256-GCM-SHA384"),
                        _ => None,
                    }
                })
            })
            .collect();
        // Below TLS 1.2 OpenSSL signs only at security level 0.
        let list = if highest < TlsVersion::V1_2 || named.is_empty() {
            "ALL:@SECLEVEL=0".to_owned()
        } else {
            format!("{}:@SECLEVEL=0", named.join(":"))
        };
        context.set_cipher_list(&list).map_err(broken)
    }

    fn trust(context: &mut SslContextBuilder, pem: &str) -> Result<(), AttemptFailure> {
        let mut store = X509StoreBuilder::new().map_err(broken)?;
        for root in X509::stack_from_pem(pem.as_bytes()).map_err(broken)? {
            store.add_cert(root).map_err(broken)?;
        }
        // What is trusted is an anchor, even when another authority has signed it.
        store.set_flags(X509VerifyFlags::PARTIAL_CHAIN).map_err(broken)?;
        context.set_cert_store(store.build());
        Ok(())
    }

    fn info(ssl: &openssl::ssl::SslRef, hello: Option<HelloInfo>) -> TlsInfo {
        let version = match ssl.version2() {
            Some(SslVersion::TLS1_3) => TlsVersion::V1_3,
            Some(SslVersion::TLS1_1) => TlsVersion::V1_1,
            Some(SslVersion::TLS1) => TlsVersion::V1_0,
            _ => TlsVersion::V1_2,
        };
        let suite = ssl.current_cipher().and_then(openssl::ssl::SslCipherRef::standard_name).unwrap_or("?").to_owned();
        // OpenSSL's chain has the leaf in it on the client's side only.
        let leaf = ssl.peer_certificate().filter(|_| ssl.is_server());
        let chain = ssl.peer_cert_chain().map(|chain| chain.iter().map(ToOwned::to_owned).collect::<Vec<_>>());
        let pems = leaf.into_iter().chain(chain.unwrap_or_default()).filter_map(|one| one.to_pem().ok());
        let peer_chain = pems.map(|pem| String::from_utf8_lossy(&pem).into_owned()).collect();
        TlsInfo { version, suite, peer_chain, hello }
    }

    fn refused(error: &openssl::ssl::Error, stage: &str) -> AttemptFailure {
        let text = error.ssl_error().map_or_else(|| error.to_string(), std::string::ToString::to_string);
        match error.ssl_error() {
            // Alerts that come from the peer are named in OpenSSL's reasons: "tlsv1 alert unknown ca".
            Some(stack) => match stack.errors().iter().find_map(|e| e.reason()?.split_once("alert ")) {
                Some((_, alert)) => {
                    let alert = alert.trim().replace(' ', "_");
                    AttemptFailure::TlsRefusedBySut(format!("it sent the alert {alert} {stage}"))
                }
                None => AttemptFailure::TlsRefusedByUs(text),
            },
            None => {
                AttemptFailure::TlsRefusedBySut(format!("it closed the connection without an alert {stage} ({text})"))
            }
        }
    }

    /// The keys are written where a run asks for it.
    fn tell_keys(context: &mut SslContextBuilder) {
        if keys::wanted() {
            context.set_keylog_callback(|_, line| keys::line(line));
        }
    }

    pub async fn accept(
        stream: Prefixed,
        tls: &ServerTls,
        hello: Option<HelloInfo>,
        clock: Clock,
    ) -> Result<(BoxStream, TlsInfo), AttemptFailure> {
        let mut context = SslContext::builder(SslMethod::tls_server()).map_err(broken)?;
        configure(&mut context, Some(&tls.identity), &tls.versions, &tls.suites)?;
        tell_keys(&mut context);
        if let Some(pem) = &tls.client_roots {
            trust(&mut context, pem)?;
            context.set_verify(SslVerifyMode::PEER | SslVerifyMode::FAIL_IF_NO_PEER_CERT);
        }
        let mut ssl = Ssl::new(&context.build()).map_err(broken)?;
        ssl.param_mut().set_time(clock.now().wall.as_second());
        let mut stream = SslStream::new(ssl, stream).map_err(broken)?;
        match Pin::new(&mut stream).accept().await {
            Ok(()) => {
                let info = info(stream.ssl(), hello);
                Ok((Box::new(stream), info))
            }
            Err(error) => Err(refused(&error, AS_SERVER)),
        }
    }

    pub async fn connect(
        stream: BoxStream,
        tls: &ClientTls,
        host: &str,
        clock: Clock,
    ) -> Result<(BoxStream, TlsInfo), AttemptFailure> {
        let mut context = SslContext::builder(SslMethod::tls_client()).map_err(broken)?;
        configure(&mut context, tls.identity.as_ref(), &tls.versions, &tls.suites)?;
        tell_keys(&mut context);
        match &tls.roots {
            Some(pem) => {
                trust(&mut context, pem)?;
                context.set_verify(SslVerifyMode::PEER);
            }
            None => context.set_verify(SslVerifyMode::NONE),
        }
        let mut ssl = Ssl::new(&context.build()).map_err(broken)?;
        ssl.param_mut().set_time(clock.now().wall.as_second());
        if host.parse::<std::net::IpAddr>().is_err() {
            ssl.set_hostname(host).map_err(broken)?;
            ssl.param_mut().set_host(host).map_err(broken)?;
        } else if let Ok(address) = host.parse() {
            ssl.param_mut().set_ip(address).map_err(broken)?;
        }
        let mut stream = SslStream::new(ssl, stream).map_err(broken)?;
        match Pin::new(&mut stream).connect().await {
            Ok(()) => {
                let info = info(stream.ssl(), None);
                Ok((Box::new(stream), info))
            }
            Err(error) => Err(refused(&error, AS_CLIENT)),
        }
    }
}

#[cfg(not(feature = "legacy-tls"))]
mod legacy {
    //! Says that this build can't.

    use super::{AttemptFailure, BoxStream, ClientTls, Clock, HelloInfo, Prefixed, ServerTls, TlsInfo};

    const WHY: &str =
        "this build lacks the feature legacy-tls: it supports neither static-RSA suites nor TLS below 1.2";

    pub async fn accept(
        _: Prefixed,
        _: &ServerTls,
        _: Option<HelloInfo>,
        _: Clock,
    ) -> Result<(BoxStream, TlsInfo), AttemptFailure> {
        Err(AttemptFailure::TlsRefusedByUs(WHY.into()))
    }

    pub async fn connect(
        _: BoxStream,
        _: &ClientTls,
        _: &str,
        _: Clock,
    ) -> Result<(BoxStream, TlsInfo), AttemptFailure> {
        Err(AttemptFailure::TlsRefusedByUs(WHY.into()))
    }
}
