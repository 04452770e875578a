//! The harness's own certificate authority.

use std::{
    path::Path,
    sync::{Arc, OnceLock},
};

use jiff::{SignedDuration, Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256,
};
use time::OffsetDateTime;

use crate::link::{CertificateKind, Identity, Secret};

/// What kind of key a certificate has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyKind {
    /// ECDSA, P-256.
    Ecdsa,
    /// RSA, 2048 bits: what static-RSA suites need.
    Rsa,
}

/// A certificate that could not be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct PkiError(String);

impl From<rcgen::Error> for PkiError {
    fn from(error: rcgen::Error) -> Self {
        Self(error.to_string())
    }
}

/// A certificate authority with a root that the SUT trusts, and one that it does not know.
#[derive(Debug)]
pub struct Pki {
    key_kind: KeyKind,
    trusted: Root,
    unknown: Root,
    now: Timestamp,
}

#[derive(Debug)]
struct Root {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

/// RSA keys take long to make, so a process makes few of them and uses them for all it signs.
fn key_pair(kind: KeyKind) -> Result<KeyPair, PkiError> {
    static RSA: OnceLock<Option<String>> = OnceLock::new();
    match kind {
        KeyKind::Ecdsa => Ok(KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?),
        KeyKind::Rsa => {
            let made = || KeyPair::generate_for(&PKCS_RSA_SHA256).ok().map(|key| key.serialize_pem());
            let pem = RSA.get_or_init(made).as_ref().ok_or_else(|| PkiError("no RSA key could be made".into()))?;
            Ok(KeyPair::from_pem(pem)?)
        }
    }
}

fn date(time: Timestamp, days: i64) -> OffsetDateTime {
    let shifted = time.checked_add(SignedDuration::from_hours(24 * days)).unwrap_or(time);
    OffsetDateTime::from_unix_timestamp(shifted.as_second()).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

fn root(name: &str, kind: KeyKind, now: Timestamp) -> Result<Root, PkiError> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name = named(name, "ocpp-attest");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.not_before = date(now, -30);
    params.not_after = date(now, 3650);
    let key = key_pair(kind)?;
    let pem = params.self_signed(&key)?.pem();
    Ok(Root { issuer: Issuer::new(params, key), pem })
}

/// Writes a file that only its owner can read.
fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    use std::io::Write as _;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(text.as_bytes())
}

fn named(common_name: &str, organisation: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common_name);
    name.push(DnType::OrganizationName, organisation);
    name
}

impl Pki {
    /// A fresh authority; certificates are valid around `now`.
    pub fn new(key_kind: KeyKind, now: Timestamp) -> Result<Arc<Self>, PkiError> {
        Ok(Arc::new(Self {
            key_kind,
            trusted: root("ocpp-attest root", key_kind, now)?,
            unknown: root("ocpp-attest unknown root", key_kind, now)?,
            now,
        }))
    }

    /// An authority whose root is kept in a folder (`root.pem`, `root.key`), made there the first time, so that a real
    /// product can be given the root once.
    pub fn kept(folder: &Path, key_kind: KeyKind, now: Timestamp) -> Result<Arc<Self>, PkiError> {
        let (certificate, key) = (folder.join("root.pem"), folder.join("root.key"));
        let failed = |path: &Path, error: std::io::Error| PkiError(format!("{}: {error}", path.display()));
        if !certificate.exists() {
            let root = root("ocpp-attest root", key_kind, now)?;
            std::fs::create_dir_all(folder).map_err(|error| failed(folder, error))?;
            write_private(&key, &root.issuer.key().serialize_pem()).map_err(|error| failed(&key, error))?;
            std::fs::write(&certificate, &root.pem).map_err(|error| failed(&certificate, error))?;
        }
        let pem = std::fs::read_to_string(&certificate).map_err(|error| failed(&certificate, error))?;
        let key_pem = std::fs::read_to_string(&key).map_err(|error| failed(&key, error))?;
        let issuer = Issuer::from_ca_cert_pem(&pem, KeyPair::from_pem(&key_pem)?)?;
        let unknown = root("ocpp-attest unknown root", key_kind, now)?;
        Ok(Arc::new(Self { key_kind, trusted: Root { issuer, pem }, unknown, now }))
    }

    /// The trusted root, PEM.
    pub fn root_pem(&self) -> &str {
        &self.trusted.pem
    }

    /// Another root, PEM, which nobody trusts yet.
    pub fn other_root_pem(&self) -> &str {
        &self.unknown.pem
    }

    /// A server's certificate with its key.
    pub fn server(&self, kind: CertificateKind, names: &[String]) -> Result<Identity, PkiError> {
        self.server_of(self.key_kind, kind, names)
    }

    /// A server's certificate with a key of a certain kind.
    pub fn server_of(&self, key: KeyKind, kind: CertificateKind, names: &[String]) -> Result<Identity, PkiError> {
        let names = if kind == CertificateKind::WrongName { vec!["wrong.example".to_owned()] } else { names.to_vec() };
        let common_name = names.first().cloned().unwrap_or_else(|| "localhost".into());
        let mut params = CertificateParams::new(names)?;
        params.distinguished_name = named(&common_name, "ocpp-attest");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        self.issue(params, key, kind)
    }

    /// A station's certificate with its key.
    pub fn client(&self, kind: CertificateKind, common_name: &str, organisation: &str) -> Result<Identity, PkiError> {
        let common_name = if kind == CertificateKind::WrongName { "another-station" } else { common_name };
        let mut params = CertificateParams::new(Vec::new())?;
        params.distinguished_name = named(common_name, organisation);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.issue(params, self.key_kind, kind)
    }

    fn issue(&self, mut params: CertificateParams, key: KeyKind, kind: CertificateKind) -> Result<Identity, PkiError> {
        let root = if kind == CertificateKind::UnknownAuthority { &self.unknown } else { &self.trusted };
        params.not_before = date(self.now, -20);
        params.not_after = date(self.now, if kind == CertificateKind::Expired { -10 } else { 365 });
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
        let key = key_pair(key)?;
        let certificate = params.signed_by(&key, &root.issuer)?;
        Ok(Identity { chain: certificate.pem(), key: Secret::new(key.serialize_pem()) })
    }

    /// A certificate for signing firmware, and the signature (base64) of an image.
    pub fn sign_firmware(&self, image: &[u8]) -> Result<(String, String), PkiError> {
        use base64::Engine as _;
        use rcgen::SigningKey as _;
        let mut params = CertificateParams::new(Vec::new())?;
        params.distinguished_name = named("ocpp-attest firmware signing", "ocpp-attest");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::CodeSigning];
        params.not_before = date(self.now, -20);
        params.not_after = date(self.now, 365);
        let key = key_pair(KeyKind::Ecdsa)?;
        let certificate = params.signed_by(&key, &self.trusted.issuer)?;
        let signature = key.sign(image)?;
        Ok((certificate.pem(), base64::engine::general_purpose::STANDARD.encode(signature)))
    }

    /// Signs a certificate signing request; the answer is the chain, leaf first, PEM.
    pub fn sign_request(&self, csr: &str) -> Result<String, PkiError> {
        let mut request = CertificateSigningRequestParams::from_pem(csr)?;
        request.params.not_before = date(self.now, -1);
        request.params.not_after = date(self.now, 365);
        Ok(request.signed_by(&self.trusted.issuer)?.pem())
    }
}

/// A key and a signing request for it, as a station makes them.
pub fn signing_request(common_name: &str, organisation: &str) -> Result<(String, Secret), PkiError> {
    let key = key_pair(KeyKind::Ecdsa)?;
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name = named(common_name, organisation);
    let csr = params.serialize_request(&key)?.pem()?;
    Ok((csr, Secret::new(key.serialize_pem())))
}
