//! The harness's own certificate authority.

use std::{
    path::Path,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use jiff::{SignedDuration, Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, KeyIdMethod, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256, PublicKeyData, SerialNumber, SignatureAlgorithm, SigningKey,
};
use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;

use self::{
    issue::{Subject, issue},
    issued::{Holder, Issued},
    vehicle::VehiclePki,
};
use crate::{
    certificate::{Certificate, SigningRequest, Verification, pem},
    link::{CertificateKind, Identity, Secret},
};

mod issue;
mod issued;
mod ocsp;
mod vehicle;

pub use ocsp::{AnsweredFor, CertificateStatus};

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

/// A certificate authority with a root that the SUT trusts, the root that is to succeed it, and others.
#[derive(Debug)]
pub struct Pki {
    key_kind: KeyKind,
    trusted: Root,
    /// The root before the trusted one, which has signed it; empty where it has signed itself.
    former: String,
    next: Root,
    unknown: Root,
    other: Root,
    manufacturer: Root,
    expired: String,
    /// The authorities of ISO 15118.
    vehicle: Arc<VehiclePki>,
    now: Timestamp,
    /// The key of all servers' certificates where it is an ECDSA key, made when there is a server.
    server_key: OnceLock<Key>,
    issued: Issued,
}

/// Roots that are the same for every authority of a process.
#[derive(Debug, Clone)]
struct Spare {
    /// The time for which they were made.
    at: Timestamp,
    unknown: Written,
    other: Written,
    manufacturer: Written,
    expired: String,
}

#[derive(Debug)]
struct Root {
    key: Key,
    pem: String,
    /// The name that its certificates have as their issuer, as it is encoded.
    name: Vec<u8>,
    /// How its certificates name its key.
    identifier: KeyIdMethod,
}

impl Root {
    /// A root of ours, or one that others have made: of its certificate nothing is written anew.
    fn new(pem: String, key: Key) -> Result<Self, PkiError> {
        let certificate = Certificate::first(&pem).ok_or_else(|| PkiError("there is no certificate in it".into()))?;
        let identifier = certificate.key_identifier().map_or(KeyIdMethod::Sha256, KeyIdMethod::PreSpecified);
        Ok(Self { key, name: certificate.subject().to_vec(), identifier, pem })
    }
}

/// A key that certificates share: to read an RSA key from text takes milliseconds, since it is proven then.
#[derive(Debug, Clone)]
struct Key(Arc<KeyPair>);

impl Key {
    fn read(pem: &str) -> Result<Self, PkiError> {
        Ok(Self(Arc::new(KeyPair::from_pem(pem)?)))
    }

    fn pem(&self) -> Secret {
        Secret::new(self.0.serialize_pem())
    }
}

impl PublicKeyData for Key {
    fn der_bytes(&self) -> &[u8] {
        self.0.der_bytes()
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        self.0.algorithm()
    }
}

impl SigningKey for Key {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        self.0.sign(message)
    }
}

/// A root as text, and its key.
#[derive(Debug, Clone)]
struct Written {
    pem: String,
    key: Key,
}

impl Written {
    fn of(root: &Root) -> Self {
        Self { pem: root.pem.clone(), key: root.key.clone() }
    }

    fn root(&self) -> Result<Root, PkiError> {
        Root::new(self.pem.clone(), self.key.clone())
    }

    /// The root `NAME.pem` and its key `NAME.key` of a folder, made there where they are missing.
    fn kept(folder: &Path, name: &str, make: impl FnOnce() -> Result<Root, PkiError>) -> Result<Self, PkiError> {
        let (certificate, key) = (folder.join(format!("{name}.pem")), folder.join(format!("{name}.key")));
        let failed = |path: &Path, error: std::io::Error| PkiError(format!("{}: {error}", path.display()));
        if !certificate.exists() {
            let made = Self::of(&make()?);
            std::fs::create_dir_all(folder).map_err(|error| failed(folder, error))?;
            write_private(&key, made.key.pem().expose()).map_err(|error| failed(&key, error))?;
            std::fs::write(&certificate, &made.pem).map_err(|error| failed(&certificate, error))?;
        }
        let read = |path: &Path| std::fs::read_to_string(path).map_err(|error| failed(path, error));
        Ok(Self { pem: read(&certificate)?, key: Key::read(&read(&key)?)? })
    }
}

/// RSA keys take long to make, so a process makes one and uses it for all it signs.
fn key_pair(kind: KeyKind) -> Result<Key, PkiError> {
    static RSA: OnceLock<Option<Key>> = OnceLock::new();
    let made = |algorithm| Ok(Key(Arc::new(KeyPair::generate_for(algorithm)?)));
    match kind {
        KeyKind::Ecdsa => made(&PKCS_ECDSA_P256_SHA256),
        KeyKind::Rsa => RSA
            .get_or_init(|| made(&PKCS_RSA_SHA256).ok())
            .clone()
            .ok_or_else(|| PkiError("no RSA key could be made".into())),
    }
}

fn date(time: Timestamp, days: i64) -> OffsetDateTime {
    let shifted = time.checked_add(SignedDuration::from_hours(24 * days)).unwrap_or(time);
    OffsetDateTime::from_unix_timestamp(shifted.as_second()).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

/// Random, so that no two certificates share one even where they share a key; without leading zeros, about which
/// products differ.
fn serial() -> SerialNumber {
    let mut bytes: [u8; 16] = rand::random();
    bytes[0] = bytes[0] & 0x6f | 0x10;
    SerialNumber::from_slice(&bytes)
}

/// A root, signed by itself, or by the one that it succeeds; expired when its last day is past.
fn root_until(name: &str, kind: KeyKind, now: Timestamp, last_day: i64, by: Option<&Root>) -> Result<Root, PkiError> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name = named(name, "ocpp-attest");
    params.serial_number = Some(serial());
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.not_before = date(now, -30);
    params.not_after = date(now, last_day);
    let key = key_pair(kind)?;
    let pem = match by {
        None => params.self_signed(&key)?.pem(),
        Some(by) => {
            params.use_authority_key_identifier_extension = true;
            issue(&params, Subject::Ours(&key), by)?
        }
    };
    Root::new(pem, key)
}

fn root(name: &str, kind: KeyKind, now: Timestamp) -> Result<Root, PkiError> {
    root_until(name, kind, now, 3650, None)
}

/// The root to succeed another, which signs it.
fn successor(of: &Root, kind: KeyKind, now: Timestamp) -> Result<Root, PkiError> {
    let name = format!("ocpp-attest root {:08x}", rand::random::<u32>());
    root_until(&name, kind, now, 3650, Some(of))
}

/// True where what was made for one time serves another: a run in virtual time may be months away from the one before it.
fn is_near(made: Timestamp, now: Timestamp) -> bool {
    made.duration_since(now).abs() < SignedDuration::from_hours(24)
}

/// Made once per process, which saves time.
fn spare(kind: KeyKind, now: Timestamp) -> Result<Spare, PkiError> {
    static MADE: [OnceLock<Spare>; 2] = [OnceLock::new(), OnceLock::new()];
    let place = &MADE[usize::from(kind == KeyKind::Rsa)];
    if let Some(made) = place.get().filter(|made| is_near(made.at, now)) {
        return Ok(made.clone());
    }
    let made = Spare {
        at: now,
        unknown: Written::of(&root("ocpp-attest unknown root", kind, now)?),
        other: Written::of(&root("ocpp-attest other root", kind, now)?),
        manufacturer: Written::of(&root(MANUFACTURER, kind, now)?),
        expired: root_until("ocpp-attest expired root", kind, now, -10, None)?.pem,
    };
    // Whoever needs another time keeps what was made for it.
    Ok(match place.set(made.clone()) {
        Err(_) => place.get().filter(|first| is_near(first.at, now)).cloned().unwrap_or(made),
        Ok(()) => made,
    })
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

const MANUFACTURER: &str = "ocpp-attest manufacturer root";

fn named(common_name: &str, organisation: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common_name);
    name.push(DnType::OrganizationName, organisation);
    name
}

impl Pki {
    /// A fresh authority; certificates are valid around `now`.
    pub fn new(key_kind: KeyKind, now: Timestamp) -> Result<Arc<Self>, PkiError> {
        let manufacturer = spare(key_kind, now)?.manufacturer.root()?;
        let vehicle = VehiclePki::of_process(now)?;
        Self::around(root("ocpp-attest root", key_kind, now)?, String::new(), manufacturer, vehicle, key_kind, now)
    }

    /// The authority of all simulated benches of a process, which saves time; another when the run's time has moved on.
    pub fn of_process(key_kind: KeyKind, now: Timestamp) -> Result<Arc<Self>, PkiError> {
        static MADE: [Mutex<Option<Arc<Pki>>>; 2] = [Mutex::new(None), Mutex::new(None)];
        let mut made = MADE[usize::from(key_kind == KeyKind::Rsa)].lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(made) = made.as_ref().filter(|made| is_near(made.now, now)) {
            return Ok(Arc::clone(made));
        }
        let new = Self::new(key_kind, now)?;
        *made = Some(Arc::clone(&new));
        Ok(new)
    }

    fn around(
        trusted: Root,
        former: String,
        manufacturer: Root,
        vehicle: Arc<VehiclePki>,
        key_kind: KeyKind,
        now: Timestamp,
    ) -> Result<Arc<Self>, PkiError> {
        let spare = spare(key_kind, now)?;
        Ok(Arc::new(Self {
            key_kind,
            next: successor(&trusted, key_kind, now)?,
            trusted,
            former,
            unknown: spare.unknown.root()?,
            other: spare.other.root()?,
            manufacturer,
            expired: spare.expired,
            vehicle,
            now,
            server_key: OnceLock::new(),
            issued: Issued::default(),
        }))
    }

    /// The authority once the SUT trusts the next root in place of the former; kept in the folder where there is one.
    pub fn succeeded(&self, folder: Option<&Path>) -> Result<Arc<Self>, PkiError> {
        let next = Written::of(&self.next);
        if let Some(folder) = folder {
            let failed = |path: &Path, error: std::io::Error| PkiError(format!("{}: {error}", path.display()));
            let key = next.key.pem();
            for (name, text) in [("root.key", key.expose()), ("root.pem", &next.pem)] {
                let (path, new) = (folder.join(name), folder.join(format!("{name}.new")));
                let _ = std::fs::remove_file(&new);
                write_private(&new, text).map_err(|error| failed(&new, error))?;
                std::fs::rename(&path, folder.join(format!("former-{name}"))).map_err(|error| failed(&path, error))?;
                std::fs::rename(&new, &path).map_err(|error| failed(&path, error))?;
            }
        }
        let (former, manufacturer) = (self.trusted.pem.clone(), Written::of(&self.manufacturer).root()?);
        Self::around(next.root()?, former, manufacturer, Arc::clone(&self.vehicle), self.key_kind, self.now)
    }

    /// An authority whose roots are kept in a folder (`root.pem` with `root.key`, and of the manufacturer
    /// `manufacturer.pem` with `manufacturer.key`; of ISO 15118 `v2g-root.pem` and `mo-root.pem` with their sub-CAs), made
    /// there the first time, so that a real product can be given them once.
    pub fn kept(folder: &Path, key_kind: KeyKind, now: Timestamp) -> Result<Arc<Self>, PkiError> {
        let trusted = Written::kept(folder, "root", || root("ocpp-attest root", key_kind, now))?;
        let manufacturer = Written::kept(folder, "manufacturer", || root(MANUFACTURER, key_kind, now))?;
        let former = std::fs::read_to_string(folder.join("former-root.pem")).unwrap_or_default();
        let vehicle = Arc::new(VehiclePki::kept(folder, now)?);
        Self::around(trusted.root()?, former, manufacturer.root()?, vehicle, key_kind, now)
    }

    /// The trusted root, PEM.
    pub fn root_pem(&self) -> &str {
        &self.trusted.pem
    }

    /// The trusted root, PEM, and behind it the one that has signed it, where that is another.
    pub fn root_chain_pem(&self) -> String {
        format!("{}{}", self.trusted.pem, self.former)
    }

    /// Another root, PEM, which nobody trusts yet.
    pub fn other_root_pem(&self) -> &str {
        &self.other.pem
    }

    /// The root that may succeed the trusted one, which has signed it.
    pub fn next_root_pem(&self) -> &str {
        &self.next.pem
    }

    /// A manufacturer's root.
    pub fn manufacturer_root_pem(&self) -> &str {
        &self.manufacturer.pem
    }

    /// A root that has expired: signed by itself.
    pub fn expired_root_pem(&self) -> &str {
        &self.expired
    }

    /// A root that has expired: signed by the trusted one.
    pub fn expired_next_root_pem(&self) -> Result<String, PkiError> {
        let made = || {
            let root = root_until("ocpp-attest expired root", self.key_kind, self.now, -10, Some(&self.trusted))?;
            Ok(Identity { chain: root.pem, key: root.key.pem() })
        };
        self.issued.to(Holder::ExpiredRoot, made).map(|root| root.chain)
    }

    /// What client certificates may chain to: the trusted root and its successor, and the V2G root, from which a combined
    /// certificate comes (A00.FR.428).
    pub fn client_roots(&self) -> String {
        format!("{}{}{}", self.trusted.pem, self.next.pem, self.v2g_root_pem())
    }

    /// The root of charging stations' certificates for ISO 15118, PEM.
    pub fn v2g_root_pem(&self) -> &str {
        self.vehicle.v2g_root()
    }

    /// The root of a mobility operator, from which contract certificates come, PEM.
    pub fn mobility_root_pem(&self) -> &str {
        self.vehicle.mobility_root()
    }

    /// A contract certificate for an EV; its status is to be had from the responder, where one is given.
    pub fn contract(&self, emaid: &str, responder: Option<&str>) -> Result<Identity, PkiError> {
        match responder {
            None => self.issued.to(Holder::Contract(emaid.to_owned()), || self.vehicle.contract(emaid, None)),
            Some(_) => self.vehicle.contract(emaid, responder),
        }
    }

    /// The contract certificate in `contract.pem` and `contract.key` of a folder, made there where there is none for the
    /// eMAID.
    pub fn kept_contract(&self, folder: &Path, emaid: &str) -> Result<Identity, PkiError> {
        self.vehicle.kept_contract(folder, emaid)
    }

    /// Signs the request of a station for its certificate for ISO 15118; the answer is the chain, leaf first, PEM.
    pub fn sign_v2g_request(&self, csr: &str, kind: CertificateKind, now: Timestamp) -> Result<String, PkiError> {
        self.vehicle.sign_request(csr, kind, now)
    }

    /// The certificates of a chain that were issued here, each with those above it up to the root, PEM.
    pub fn with_those_above(&self, chain: &str) -> Vec<String> {
        let issuer = |certificate: &Certificate| {
            self.issuers().into_iter().find_map(|root| {
                let issuer = Certificate::first(&root.pem)?;
                (issuer != *certificate && certificate.is_signed_by(&issuer)).then_some(issuer)
            })
        };
        let above = |certificate: Certificate| {
            let whole = std::iter::successors(Some(certificate), issuer).take(8);
            let pems: Vec<String> = whole.map(|one| pem::write("CERTIFICATE", one.der())).collect();
            (pems.len() > 1).then(|| pems.concat())
        };
        Certificate::chain(chain).into_iter().filter_map(above).collect()
    }

    /// A server's certificate with its key.
    pub fn server(&self, kind: CertificateKind, names: &[String]) -> Result<Identity, PkiError> {
        self.server_of(self.key_kind, kind, names)
    }

    /// A server's certificate with a key of a certain kind.
    pub fn server_of(&self, key: KeyKind, kind: CertificateKind, names: &[String]) -> Result<Identity, PkiError> {
        let names = if kind == CertificateKind::WrongName { vec!["wrong.example".to_owned()] } else { names.to_vec() };
        let holder = Holder::Server(key, kind, names.clone());
        self.issued.to(holder, || self.new_server(key, kind, names))
    }

    fn new_server(&self, key: KeyKind, kind: CertificateKind, names: Vec<String>) -> Result<Identity, PkiError> {
        let common_name = names.first().cloned().unwrap_or_else(|| "localhost".into());
        let mut params = CertificateParams::new(names)?;
        params.distinguished_name = named(&common_name, "ocpp-attest");
        // What a server's certificate is like does not depend on its key, so that one is enough.
        let key = match (key, self.server_key.get()) {
            (KeyKind::Ecdsa, Some(known)) => known.clone(),
            (KeyKind::Ecdsa, None) => {
                let made = key_pair(key)?;
                self.server_key.get_or_init(|| made).clone()
            }
            (KeyKind::Rsa, _) => key_pair(key)?,
        };
        self.issue(params, key, kind)
    }

    /// A station's certificate with its key.
    pub fn client(&self, kind: CertificateKind, common_name: &str, organisation: &str) -> Result<Identity, PkiError> {
        let common_name = if kind == CertificateKind::WrongName { "another-station" } else { common_name };
        let holder = Holder::Station(kind, common_name.to_owned(), organisation.to_owned());
        self.issued.to(holder, || {
            let mut params = CertificateParams::new(Vec::new())?;
            params.distinguished_name = named(common_name, organisation);
            self.issue(params, key_pair(self.key_kind)?, kind)
        })
    }

    /// What leaves of a kind have in common: their validity, and what they may be used for, by the key usage alone
    /// (A00.FR.508, 512 and 514). Only a plain RSA key may encrypt (RFC 4055, RFC 8813).
    fn leaf(&self, params: &mut CertificateParams, kind: CertificateKind, enciphers: bool) {
        params.serial_number = Some(serial());
        params.is_ca = IsCa::ExplicitNoCa;
        params.use_authority_key_identifier_extension = true;
        params.not_before = date(self.now, if kind == CertificateKind::NotYetValid { 10 } else { -20 });
        params.not_after = date(self.now, if kind == CertificateKind::Expired { -10 } else { 365 });
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        if enciphers {
            params.key_usages.push(KeyUsagePurpose::KeyEncipherment);
        }
    }

    /// The root that certificates of this kind come from.
    fn root_of(&self, kind: CertificateKind) -> &Root {
        match kind {
            CertificateKind::UnknownAuthority => &self.unknown,
            CertificateKind::NextRoot => &self.next,
            CertificateKind::OtherRoot => &self.other,
            _ => &self.trusted,
        }
    }

    fn issue(&self, mut params: CertificateParams, key: Key, kind: CertificateKind) -> Result<Identity, PkiError> {
        self.leaf(&mut params, kind, key.0.algorithm() == &PKCS_RSA_SHA256);
        Ok(Identity { chain: issue(&params, Subject::Ours(&key), self.root_of(kind))?, key: key.pem() })
    }

    /// All that issue certificates.
    fn issuers(&self) -> Vec<&Root> {
        let own = [&self.trusted, &self.next, &self.unknown, &self.other, &self.manufacturer];
        own.into_iter().chain(self.vehicle.issuers()).collect()
    }

    /// A certificate for signing firmware, from the manufacturer's root, and the signature (base64) of an image.
    pub fn sign_firmware(&self, image: &[u8], kind: CertificateKind) -> Result<(String, String), PkiError> {
        use base64::Engine as _;
        let mut params = CertificateParams::new(Vec::new())?;
        params.distinguished_name = named("ocpp-attest firmware signing", "ocpp-attest");
        self.leaf(&mut params, kind, false);
        let key = key_pair(KeyKind::Ecdsa)?;
        let root = if kind == CertificateKind::UnknownAuthority { &self.unknown } else { &self.manufacturer };
        let certificate = issue(&params, Subject::Ours(&key), root)?;
        let signature = key.sign(image)?;
        Ok((certificate, base64::engine::general_purpose::STANDARD.encode(signature)))
    }

    /// Signs a certificate signing request; the answer is the chain, leaf first, PEM.
    ///
    /// Of the request only subject and key are taken over, as they are encoded: what else it asks for is the authority's
    /// to decide. A request that is not its key's owner's, or whose key is too weak, is refused; one of which nothing here
    /// can tell whose it is, is signed.
    pub fn sign_request(&self, csr: &str, kind: CertificateKind, now: Timestamp) -> Result<String, PkiError> {
        let request = SigningRequest::read(csr).map_err(|error| PkiError(error.to_string()))?;
        if request.verify() == Verification::Invalid {
            return Err(PkiError("its signature was not made with its own key".into()));
        }
        if let Some(weakness) = request.weakness() {
            return Err(PkiError(weakness));
        }
        let mut params = CertificateParams::new(Vec::new())?;
        self.leaf(&mut params, kind, request.can_encipher());
        if kind != CertificateKind::Expired {
            // Later than that of the certificate which it replaces (A02.FR.09, before the errata of 2025-01), and early
            // enough for a station whose clock is somewhat behind (A02.FR.06).
            params.not_before =
                OffsetDateTime::from_unix_timestamp(now.as_second() - BACKDATED).unwrap_or(params.not_before);
        }
        params.key_identifier_method = KeyIdMethod::PreSpecified(Sha256::digest(request.key())[..20].to_vec());
        let subject = Subject::Theirs { name: request.subject(), key: request.key() };
        issue(&params, subject, self.root_of(kind))
    }
}

/// How long before it is signed a station's certificate begins, seconds.
const BACKDATED: i64 = 3600;

/// A key and a signing request for it, as a station makes them for its certificate towards EVs (ISO 15118-2, annex F).
pub fn vehicle_signing_request(secc: &str, organisation: &str, country: &str) -> Result<(String, Secret), PkiError> {
    let key = key_pair(KeyKind::Ecdsa)?;
    let mut params = CertificateParams::new(Vec::new())?;
    let mut name = vehicle::named(secc, organisation, "CPO")?;
    name.push(DnType::CountryName, country);
    params.distinguished_name = name;
    let csr = params.serialize_request(&key)?.pem()?;
    Ok((csr, key.pem()))
}

/// A key and a signing request for it, as a station makes them.
pub fn signing_request(kind: KeyKind, common_name: &str, organisation: &str) -> Result<(String, Secret), PkiError> {
    let key = key_pair(kind)?;
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name = named(common_name, organisation);
    let csr = params.serialize_request(&key)?.pem()?;
    Ok((csr, key.pem()))
}
