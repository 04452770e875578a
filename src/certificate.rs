//! X.509 certificates and signing requests, as far as test cases and the reference products look into them. No I/O.
//!
//! A chain is PEM, leaf first; where a certificate's issuer matters, it is the next in the chain, or the certificate
//! itself when it is the last.

use serde_json::{Value, json};
use sha2::{Digest, Sha256, Sha384, Sha512};
use x509_parser::{
    certificate::X509Certificate,
    certification_request::X509CertificationRequest,
    extensions::GeneralName,
    pem::Pem,
    prelude::FromDer,
    public_key::PublicKey,
    x509::{SubjectPublicKeyInfo, X509Name},
};

/// Most certificates of a chain that are looked at.
const MAX_CHAIN: usize = 16;

/// A certificate, parsed as often as something is asked of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    der: Vec<u8>,
}

impl Certificate {
    /// The certificates of a PEM text; what is no certificate ends the list.
    pub fn chain(pem: &str) -> Vec<Self> {
        Pem::iter_from_buffer(pem.as_bytes())
            .take(MAX_CHAIN)
            .map_while(Result::ok)
            .map(|block| Self { der: block.contents })
            .take_while(|certificate| certificate.parsed().is_some())
            .collect()
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
            "subject": name(certificate.subject()),
            "issuer": name(certificate.issuer()),
            "serial": self.serial(),
            "key": key(certificate.public_key()),
            "not_before": time(certificate.validity().not_before),
            "not_after": time(certificate.validity().not_after),
        })
    }

    /// The serial number, hexadecimal, without leading zeros.
    pub fn serial(&self) -> String {
        let serial = self.parsed().map(|certificate| hex(certificate.raw_serial())).unwrap_or_default();
        let serial = serial.trim_start_matches('0');
        if serial.is_empty() { "0".into() } else { serial.to_owned() }
    }

    /// True when it is within its validity period.
    pub fn is_valid_at(&self, time: jiff::Timestamp) -> bool {
        self.parsed().is_some_and(|certificate| {
            let validity = certificate.validity();
            (validity.not_before.timestamp()..=validity.not_after.timestamp()).contains(&time.as_second())
        })
    }

    /// True when the other certificate's owner signed it.
    pub fn is_signed_by(&self, issuer: &Self) -> bool {
        let (Some(own), Some(issuer)) = (self.parsed(), issuer.parsed()) else { return false };
        own.issuer().as_raw() == issuer.subject().as_raw() && own.verify_signature(Some(issuer.public_key())).is_ok()
    }

    /// True when its key is the one of a signing request.
    pub fn answers(&self, request: &str) -> bool {
        let Ok((_, block)) = x509_parser::pem::parse_x509_pem(request.as_bytes()) else { return false };
        let Ok((_, request)) = X509CertificationRequest::from_der(&block.contents) else { return false };
        let wanted = request.certification_request_info.subject_pki.raw;
        self.parsed().is_some_and(|certificate| certificate.public_key().raw == wanted)
    }

    /// The common name of its subject.
    pub fn common_name(&self) -> String {
        self.facts()["subject"]["common_name"].as_str().unwrap_or_default().to_owned()
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

    /// True when it is for a host: by its name, by its address, or by `*` in the place of the first label.
    pub fn covers(&self, host: &str) -> bool {
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

/// The CertificateHashData of the first certificate of a chain.
pub fn hash_data(chain: &str, algorithm: &str) -> Option<Value> {
    let chain = Certificate::chain(chain);
    let own = chain.first()?;
    own.hash_data(chain.get(1).unwrap_or(own), algorithm)
}

/// True for the hash data of the chain's first certificate, in whichever algorithm, the hexadecimal digits in any case.
pub fn is_hash_of(hash: &Value, chain: &str) -> bool {
    let algorithm = hash["hashAlgorithm"].as_str().unwrap_or_default();
    hash_data(chain, algorithm).is_some_and(|expected| same_hash(hash, &expected))
}

/// True when two hash data name the same certificate.
pub fn same_hash(one: &Value, other: &Value) -> bool {
    ["hashAlgorithm", "issuerNameHash", "issuerKeyHash", "serialNumber"].iter().all(|member| {
        matches!((one[member].as_str(), other[member].as_str()), (Some(one), Some(other)) if one.eq_ignore_ascii_case(other))
    })
}

/// What of a signing request a check may look at; `problem` says what is wrong with it, where something is.
pub fn request_facts(pem: &str) -> Value {
    let problem = |what: String| json!({ "problem": what });
    let block = match x509_parser::pem::parse_x509_pem(pem.as_bytes()) {
        Ok((_, block)) => block,
        Err(error) => return problem(format!("no PEM: {error}")),
    };
    if !["CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"].contains(&block.label.as_str()) {
        return problem(format!("its PEM label is {}", crate::yaml::shorten(&block.label, 60)));
    }
    let request = match X509CertificationRequest::from_der(&block.contents) {
        Ok((_, request)) => request,
        Err(error) => return problem(format!("no PKCS #10 request (RFC 2986): {error}")),
    };
    let info = &request.certification_request_info;
    let mut facts = json!({ "subject": name(&info.subject), "key": key(&info.subject_pki) });
    // What can't be verified here (an unusual curve) is not held against it.
    if matches!(request.verify_signature(), Err(x509_parser::error::X509Error::SignatureVerificationError)) {
        facts["problem"] = "its signature is not that of its own key".into();
    }
    facts
}

/// Subject and public key (DER) of a signing request.
pub(crate) fn request_parts(pem: &str) -> Option<(Vec<(String, String)>, Vec<u8>)> {
    let (_, block) = x509_parser::pem::parse_x509_pem(pem.as_bytes()).ok()?;
    let (_, request) = X509CertificationRequest::from_der(&block.contents).ok()?;
    let info = &request.certification_request_info;
    let attributes = info.subject.iter_attributes();
    let subject = attributes.filter_map(|one| Some((one.attr_type().to_id_string(), one.as_str().ok()?.to_owned())));
    Some((subject.collect(), info.subject_pki.raw.to_vec()))
}

fn name(name: &X509Name<'_>) -> Value {
    let mut facts = json!({});
    let first = [("common_name", name.iter_common_name().next()), ("organization", name.iter_organization().next())];
    for (attribute, found) in first {
        if let Some(text) = found.and_then(|found| found.as_str().ok()) {
            facts[attribute] = text.into();
        }
    }
    facts
}

fn key(key: &SubjectPublicKeyInfo<'_>) -> Value {
    let parsed = key.parsed();
    let kind = match &parsed {
        Ok(PublicKey::RSA(_)) => "RSA",
        Ok(PublicKey::EC(_)) => "EC",
        Ok(PublicKey::DSA(_)) => "DSA",
        _ => "other",
    };
    json!({ "kind": kind, "bits": parsed.map_or(0, |key| key.key_size()) })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
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
