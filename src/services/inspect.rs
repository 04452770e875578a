//! What is to be seen of a certificate.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use rustls::{
    RootCertStore,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, UnixTime, pem::PemObject},
    server::WebPkiClientVerifier,
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use x509_parser::{certificate::X509Certificate, public_key::PublicKey};

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn first(rdn: Option<&x509_parser::x509::AttributeTypeAndValue<'_>>) -> Value {
    rdn.and_then(|attribute| attribute.as_str().ok()).map_or(Value::Null, Value::from)
}

/// Kind and length in bits of a public key.
fn strength(certificate: &X509Certificate<'_>) -> (&'static str, usize) {
    match certificate.public_key().parsed() {
        Ok(PublicKey::RSA(key)) => ("RSA", key.key_size()),
        // An uncompressed point is a byte and two coordinates.
        Ok(PublicKey::EC(point)) => ("EC", point.data().len().saturating_sub(1) / 2 * 8),
        Ok(PublicKey::DSA(_)) => ("DSA", 0),
        _ => ("other", 0),
    }
}

/// Facts of the first certificate of a chain (PEM); `trusted` where a root is known to judge it by.
pub fn certificate(chain: &str, root: Option<&str>, now: Timestamp) -> Result<Value, String> {
    let unreadable = |why: String| format!("the certificate can't be read: {why}");
    let ders: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(chain.as_bytes())
        .collect::<Result<_, _>>()
        .map_err(|error| unreadable(error.to_string()))?;
    let leaf = ders.first().ok_or_else(|| unreadable("there is none".into()))?;
    let (_, parsed) = x509_parser::parse_x509_certificate(leaf).map_err(|error| unreadable(error.to_string()))?;
    let (kind, bits) = strength(&parsed);
    let subject = parsed.subject();
    let mut facts = json!({
        "count": ders.len(),
        "serial_number": hex(parsed.raw_serial()),
        "key_kind": kind,
        "key_bits": bits,
        "public_key": hex(&Sha256::digest(parsed.public_key().raw)),
    });
    for (name, value) in [
        ("common_name", first(subject.iter_common_name().next())),
        ("organisation", first(subject.iter_organization().next())),
    ] {
        if !value.is_null() {
            facts[name] = value;
        }
    }
    if let Some(root) = root {
        facts["trusted"] = is_trusted(&ders, root, now).into();
    }
    Ok(facts)
}

/// True when a client that shows this chain would be let in by a server that trusts the root.
fn is_trusted(chain: &[CertificateDer<'static>], root: &str, now: Timestamp) -> bool {
    let mut store = RootCertStore::empty();
    for der in CertificateDer::pem_slice_iter(root.as_bytes()).flatten() {
        if store.add(der).is_err() {
            return false;
        }
    }
    let provider = Arc::new(aws_lc_rs::default_provider());
    let Ok(verifier) = WebPkiClientVerifier::builder_with_provider(Arc::new(store), provider).build() else {
        return false;
    };
    let seconds = u64::try_from(now.as_second()).unwrap_or_default();
    let Some((leaf, rest)) = chain.split_first() else { return false };
    verifier.verify_client_cert(leaf, rest, UnixTime::since_unix_epoch(Duration::from_secs(seconds))).is_ok()
}

/// The public key of a signing request (PEM), as [`certificate`] tells it.
pub fn request_key(csr: &str) -> Option<String> {
    use x509_parser::prelude::FromDer as _;
    let (_, pem) = x509_parser::pem::parse_x509_pem(csr.as_bytes()).ok()?;
    let (_, request) = x509_parser::certification_request::X509CertificationRequest::from_der(&pem.contents).ok()?;
    Some(hex(&Sha256::digest(request.certification_request_info.subject_pki.raw)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        link::CertificateKind,
        services::pki::{KeyKind, Pki, signing_request},
    };

    #[test]
    fn a_certificate_tells_its_facts() {
        let now: Timestamp = "2026-11-21T10:00:00Z".parse().unwrap();
        let pki = Pki::new(KeyKind::Ecdsa, now).unwrap();
        let (csr, _) = signing_request(KeyKind::Ecdsa, "CS001", "us").unwrap();
        let chain = pki.sign_request(&csr, CertificateKind::Valid).unwrap();
        let facts = certificate(&chain, Some(pki.root_pem()), now).unwrap();
        assert_eq!(facts["common_name"], "CS001");
        assert_eq!((&facts["key_kind"], &facts["key_bits"]), (&json!("EC"), &json!(256)));
        assert_eq!(facts["public_key"].as_str(), request_key(&csr).as_deref());
        assert_eq!(facts["trusted"], true);
        assert_eq!(certificate(&chain, Some(pki.other_root_pem()), now).unwrap()["trusted"], false);
        let expired = pki.client(CertificateKind::Expired, "CS001", "us").unwrap();
        assert_eq!(certificate(&expired.chain, Some(pki.root_pem()), now).unwrap()["trusted"], false);
        let server = pki.server_of(KeyKind::Rsa, CertificateKind::Valid, &["h".to_owned()]).unwrap();
        let facts = certificate(&server.chain, None, now).unwrap();
        assert_eq!((&facts["key_kind"], &facts["key_bits"]), (&json!("RSA"), &json!(2048)));
        assert!(facts.get("trusted").is_none());
        assert!(certificate("nothing", None, now).is_err());
    }
}
