//! X.509 certificates and signing requests, as far as test cases and the reference products look into them. No I/O.
//!
//! A chain is PEM, leaf first; where a certificate's issuer matters, it is looked for in the rest of the chain, and then
//! the certificate itself.

mod key;
mod name;
pub mod ocsp;
pub(crate) mod path;
pub(crate) mod pem;
mod request;
mod signature;

use serde_json::{Value, json};
use sha2::{Digest, Sha256, Sha384, Sha512};
use x509_parser::{
    certificate::X509Certificate,
    extensions::{GeneralName, ParsedExtension},
    oid_registry::OID_PKIX_ACCESS_DESCRIPTOR_OCSP,
    prelude::FromDer,
    x509::SubjectPublicKeyInfo,
};

use self::signature::{Envelope, Signed};
pub use self::{
    request::{RequestError, SigningRequest, request_facts},
    signature::Verification,
};

/// Most certificates of a chain that are looked at.
const MAX_CHAIN: usize = 16;

/// A certificate, parsed as often as something is asked of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    der: Vec<u8>,
}

impl Certificate {
    /// The certificates of a PEM text, whatever else is in it; one that can't be read ends the list.
    pub fn chain(text: &str) -> Vec<Self> {
        let mut chain = Self::bundle(text);
        chain.truncate(MAX_CHAIN);
        chain
    }

    /// The certificates of a PEM text, as many as there are: the roots of a file.
    pub fn bundle(text: &str) -> Vec<Self> {
        pem::blocks(text)
            .into_iter()
            .map_while(Result::ok)
            .filter(pem::Block::is_certificate)
            .map_while(|block| Self::from_der(&block.der))
            .collect()
    }

    /// A certificate in DER, whatever follows it.
    pub(crate) fn from_der(der: &[u8]) -> Option<Self> {
        let (rest, _) = X509Certificate::from_der(der).ok()?;
        Some(Self { der: der[..der.len() - rest.len()].to_vec() })
    }

    /// Its DER.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The first certificate of a PEM text.
    pub fn first(pem: &str) -> Option<Self> {
        Self::chain(pem).into_iter().next()
    }

    fn parsed(&self) -> Option<X509Certificate<'_>> {
        X509Certificate::from_der(&self.der).ok().map(|(_, certificate)| certificate)
    }

    /// What of it a check may look at.
    pub fn facts(&self) -> Value {
        let Some(certificate) = self.parsed() else { return Value::Null };
        let time = |time: x509_parser::time::ASN1Time| {
            jiff::Timestamp::from_second(time.timestamp()).map_or(Value::Null, |time| time.to_string().into())
        };
        json!({
            "subject": name::facts(certificate.subject()),
            "issuer": name::facts(certificate.issuer()),
            "serial": self.serial(),
            "key": key_facts(certificate.public_key()),
            "not_before": time(certificate.validity().not_before),
            "not_after": time(certificate.validity().not_after),
        })
    }

    /// The serial number, hexadecimal, without leading zeros.
    pub fn serial(&self) -> String {
        let serial = self.parsed().map(|certificate| hex(certificate.raw_serial())).unwrap_or_default();
        without_zeros(&serial)
    }

    /// The serial number as products write it: one that is negative, which RFC 5280 forbids and old authorities have, is
    /// read with its sign by some and without by others.
    fn serials(&self) -> Vec<String> {
        let mut serials = vec![self.serial()];
        let raw = self.parsed().map(|certificate| certificate.raw_serial().to_vec()).unwrap_or_default();
        if raw.first().is_some_and(|first| first & 0x80 != 0) {
            let mut amount: Vec<u8> = raw.iter().map(|byte| !byte).collect();
            for byte in amount.iter_mut().rev() {
                *byte = byte.wrapping_add(1);
                if *byte != 0 {
                    break;
                }
            }
            serials.push(format!("-{}", without_zeros(&hex(&amount))));
        }
        serials
    }

    /// Its subject, as it is encoded.
    pub fn subject(&self) -> &[u8] {
        self.parsed().map(|certificate| certificate.tbs_certificate.subject.as_raw()).unwrap_or_default()
    }

    /// Its issuer, as it is encoded.
    pub(crate) fn issuer(&self) -> Option<Vec<u8>> {
        self.parsed().map(|certificate| certificate.tbs_certificate.issuer.as_raw().to_vec())
    }

    /// True where it says that its owner may issue certificates, with so many other authorities below it.
    pub(crate) fn may_issue(&self, below: usize) -> bool {
        self.parsed().is_some_and(|certificate| {
            let constraints = certificate.basic_constraints().ok().flatten();
            let usage = certificate.key_usage().ok().flatten();
            constraints
                .is_some_and(|it| it.value.ca && it.value.path_len_constraint.is_none_or(|most| below <= most as usize))
                && usage.is_none_or(|it| it.value.key_cert_sign())
                && !certificate
                    .extensions()
                    .iter()
                    .any(|one| one.critical && matches!(one.parsed_extension(), ParsedExtension::NameConstraints(_)))
        })
    }

    /// True where it says that its owner makes time-stamps.
    pub(crate) fn is_for_time_stamps(&self) -> bool {
        self.parsed().is_some_and(|certificate| {
            certificate.extended_key_usage().ok().flatten().is_some_and(|it| it.value.time_stamping)
        })
    }

    /// Its public key (SubjectPublicKeyInfo), as it is encoded.
    pub fn key(&self) -> &[u8] {
        self.parsed().map(|certificate| certificate.tbs_certificate.subject_pki.raw).unwrap_or_default()
    }

    /// The bits of its public key, which OCSP hashes.
    pub(crate) fn key_bits(&self) -> Vec<u8> {
        let parsed = self.parsed();
        parsed.map(|certificate| certificate.public_key().subject_public_key.data.to_vec()).unwrap_or_default()
    }

    /// The serial number as it is encoded.
    pub(crate) fn serial_bytes(&self) -> Vec<u8> {
        self.parsed().map(|certificate| certificate.raw_serial().to_vec()).unwrap_or_default()
    }

    /// Its subjectKeyIdentifier.
    pub fn key_identifier(&self) -> Option<Vec<u8>> {
        let certificate = self.parsed()?;
        certificate.extensions().iter().find_map(|extension| match extension.parsed_extension() {
            ParsedExtension::SubjectKeyIdentifier(identifier) => Some(identifier.0.to_vec()),
            _ => None,
        })
    }

    /// Where OCSP tells its status (authorityInfoAccess).
    pub fn ocsp_responder(&self) -> Option<String> {
        let certificate = self.parsed()?;
        let access = certificate.extensions().iter().find_map(|extension| match extension.parsed_extension() {
            ParsedExtension::AuthorityInfoAccess(access) => Some(access),
            _ => None,
        })?;
        access.accessdescs.iter().find_map(|one| match &one.access_location {
            GeneralName::URI(location) if one.access_method == OID_PKIX_ACCESS_DESCRIPTOR_OCSP => {
                Some((*location).to_owned())
            }
            _ => None,
        })
    }

    /// Kind and length in bits of its key, the kind as test cases name it.
    pub fn key_strength(&self) -> (&'static str, usize) {
        let strength = self.parsed().map(|certificate| key::strength(certificate.public_key()));
        strength.map_or((key::Kind::Other.name(), 0), |(kind, bits)| (kind.name(), bits))
    }

    /// True when it is within its validity period.
    pub fn is_valid_at(&self, time: jiff::Timestamp) -> bool {
        self.parsed().is_some_and(|certificate| {
            let validity = certificate.validity();
            (validity.not_before.timestamp()..=validity.not_after.timestamp()).contains(&time.as_second())
        })
    }

    /// Whether the other certificate's owner signed it.
    pub fn verify(&self, issuer: &Self) -> Verification {
        let (Some(own), Some(issuer)) = (self.parsed(), issuer.parsed()) else { return Verification::Invalid };
        if !name::same(own.issuer(), issuer.subject()) {
            return Verification::Invalid;
        }
        match Envelope::read(&self.der) {
            Some(envelope) => envelope.verify(Signed::Certificate, &self.der, issuer.public_key()),
            None => Verification::Invalid,
        }
    }

    /// True when the other certificate's owner signed it.
    pub fn is_signed_by(&self, issuer: &Self) -> bool {
        self.verify(issuer).is_valid()
    }

    /// The one of these that signed it; where no verifier can tell, the one that has the issuer's name.
    fn issuer_among<'c>(&self, candidates: impl Iterator<Item = &'c Self>) -> Option<&'c Self> {
        let mut likely = None;
        for candidate in candidates {
            match self.verify(candidate) {
                Verification::Valid => return Some(candidate),
                Verification::Undecided(_) => likely = likely.or(Some(candidate)),
                Verification::Invalid => {}
            }
        }
        likely
    }

    /// True when its key is the one of a signing request.
    pub fn answers(&self, request: &str) -> bool {
        SigningRequest::read(request).is_ok_and(|request| request.key() == self.key())
    }

    /// The common name of its subject.
    pub fn common_name(&self) -> String {
        self.parsed().and_then(|certificate| name::common_name(certificate.subject())).unwrap_or_default()
    }

    /// The names and addresses that it is for (subjectAltName).
    pub fn names(&self) -> Vec<String> {
        let Some(certificate) = self.parsed() else { return Vec::new() };
        let Ok(Some(extension)) = certificate.subject_alternative_name() else { return Vec::new() };
        let name = |name: &GeneralName<'_>| match name {
            GeneralName::DNSName(name) => Some((*name).to_owned()),
            GeneralName::IPAddress(bytes) => match bytes.len() {
                4 => <[u8; 4]>::try_from(*bytes).ok().map(|bytes| std::net::IpAddr::from(bytes).to_string()),
                16 => <[u8; 16]>::try_from(*bytes).ok().map(|bytes| std::net::IpAddr::from(bytes).to_string()),
                _ => None,
            },
            _ => None,
        };
        extension.value.general_names.iter().filter_map(name).collect()
    }

    /// True when it is for a host: by its common name, which is what a station looks at (A00.FR.412), or by its
    /// subjectAltName.
    pub fn covers(&self, host: &str) -> bool {
        let name = host.trim_end_matches('.');
        !name.is_empty() && self.common_name().eq_ignore_ascii_case(name) || self.lists(host)
    }

    /// True when its subjectAltName has a host: its name, its address, or `*` in the place of the first label.
    pub fn lists(&self, host: &str) -> bool {
        let host = host.trim_end_matches('.');
        let is_address = host.parse::<std::net::IpAddr>().is_ok();
        self.names().iter().any(|name| match name.strip_prefix("*.") {
            Some(rest) => {
                !is_address && host.split_once('.').is_some_and(|(_, after)| after.eq_ignore_ascii_case(rest))
            }
            None => name.eq_ignore_ascii_case(host),
        })
    }

    /// Its CertificateHashData; `None` for an algorithm that OCPP does not know.
    pub fn hash_data(&self, issuer: &Self, algorithm: &str) -> Option<Value> {
        let (own, issuer) = (self.parsed()?, issuer.parsed()?);
        let digest = |bytes: &[u8]| {
            Some(match algorithm {
                "SHA256" => hex(&Sha256::digest(bytes)),
                "SHA384" => hex(&Sha384::digest(bytes)),
                "SHA512" => hex(&Sha512::digest(bytes)),
                _ => return None,
            })
        };
        Some(json!({
            "hashAlgorithm": algorithm,
            "issuerNameHash": digest(own.issuer().as_raw())?,
            "issuerKeyHash": digest(&issuer.public_key().subject_public_key.data)?,
            "serialNumber": self.serial(),
        }))
    }
}

/// The first certificate of a chain, and its issuer where that is in the chain.
fn with_issuer(chain: &str) -> Option<(Certificate, Option<Certificate>)> {
    let chain = Certificate::chain(chain);
    let (own, rest) = chain.split_first()?;
    let issuer = own.issuer_among(rest.iter().chain([own])).cloned();
    Some((own.clone(), issuer))
}

/// The CertificateHashData of the first certificate of a chain. Without its issuer the key of the certificate itself
/// stands for the issuer's.
pub fn hash_data(chain: &str, algorithm: &str) -> Option<Value> {
    let (own, issuer) = with_issuer(chain)?;
    own.hash_data(issuer.as_ref().unwrap_or(&own), algorithm)
}

/// True for the hash data of the chain's first certificate, in whichever algorithm, the hexadecimal digits in any case.
/// Where the chain does not tell the issuer, its key is not compared: issuer and serial number name a certificate already.
pub fn is_hash_of(hash: &Value, chain: &str) -> bool {
    let Some((own, issuer)) = with_issuer(chain) else { return false };
    let algorithm = hash["hashAlgorithm"].as_str().unwrap_or_default();
    let Some(mut expected) = own.hash_data(issuer.as_ref().unwrap_or(&own), algorithm) else { return false };
    if issuer.is_none() {
        expected["issuerKeyHash"] = hash["issuerKeyHash"].clone();
    }
    own.serials().into_iter().any(|serial| {
        expected["serialNumber"] = serial.into();
        same_hash(hash, &expected)
    })
}

/// True when two hash data name the same certificate.
pub fn same_hash(one: &Value, other: &Value) -> bool {
    ["hashAlgorithm", "issuerNameHash", "issuerKeyHash", "serialNumber"].iter().all(|member| {
        matches!((one[member].as_str(), other[member].as_str()), (Some(one), Some(other)) if one.eq_ignore_ascii_case(other))
    })
}

fn key_facts(key: &SubjectPublicKeyInfo<'_>) -> Value {
    let (kind, bits) = key::strength(key);
    json!({ "kind": kind.name(), "bits": bits })
}

fn without_zeros(hex: &str) -> String {
    let trimmed = hex.trim_start_matches('0');
    if trimmed.is_empty() { "0".into() } else { trimmed.to_owned() }
}

/// Bytes as lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::services::pki::{self, KeyKind, Pki};

    #[test]
    fn a_certificate_is_known_by_its_hash_data_and_signer() {
        let pki = Pki::new(KeyKind::Ecdsa, jiff::Timestamp::now()).unwrap();
        let [root, next] = [pki.root_pem(), pki.next_root_pem()].map(|pem| Certificate::first(pem).unwrap());
        assert!(root.is_signed_by(&root) && next.is_signed_by(&root) && !root.is_signed_by(&next));
        assert_ne!(root.serial(), next.serial());
        let chain = format!("{}{}", pki.next_root_pem(), pki.root_pem());
        for algorithm in ["SHA256", "SHA384", "SHA512"] {
            let mut hash = hash_data(&chain, algorithm).unwrap();
            hash["issuerKeyHash"] = hash["issuerKeyHash"].as_str().unwrap().to_uppercase().into();
            assert!(is_hash_of(&hash, &chain) && !is_hash_of(&hash, pki.root_pem()));
        }
        assert_eq!(hash_data(&chain, "MD5"), None);
        assert_eq!(hash_data("nonsense", "SHA256"), None);
    }

    #[test]
    fn a_certificate_covers_the_names_that_it_is_for() {
        let pki = Pki::new(KeyKind::Ecdsa, jiff::Timestamp::now()).unwrap();
        let names = ["bench.example", "*.lab.example", "10.0.0.7", "::1"].map(str::to_owned);
        let chain = pki.server(crate::link::CertificateKind::Valid, &names).unwrap().chain;
        let leaf = Certificate::first(&chain).unwrap();
        assert_eq!(leaf.names(), names);
        for host in ["bench.example", "BENCH.example", "a.lab.example", "10.0.0.7", "::1"] {
            assert!(leaf.covers(host), "{host}");
        }
        let named = pki.client(crate::link::CertificateKind::Valid, "csms.example", "CSO").unwrap().chain;
        let named = Certificate::first(&named).unwrap();
        assert!(
            named.covers("CSMS.example.") && !named.lists("csms.example") && !named.covers("") && !named.covers("x")
        );
        for host in ["example", "x.bench.example", "lab.example", "a.b.lab.example", "10.0.0.8", ""] {
            assert!(!leaf.covers(host), "{host}");
        }
    }

    #[test]
    fn a_signing_request_tells_its_key_and_what_is_wrong_with_it() {
        for (kind, name, bits) in [(KeyKind::Ecdsa, "EC", 256), (KeyKind::Rsa, "RSA", 2048)] {
            let (csr, _) = pki::signing_request(kind, "CS 1", "Vendor").unwrap();
            let facts = request_facts(&csr);
            assert_eq!(facts["key"], json!({ "kind": name, "bits": bits }));
            assert_eq!(facts["subject"], json!({ "common_name": "CS 1", "organization": "Vendor" }));
            assert_eq!(facts.get("problem"), None);
        }
        assert!(request_facts("nothing")["problem"].is_string());
        let broken = "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n";
        assert!(request_facts(broken)["problem"].is_string());
    }
}
