//! What is to be seen of a certificate.

use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::certificate::{Certificate, SigningRequest, Verification, hex, path};

/// Facts of the first certificate of a chain (PEM). Where a root is known to judge it by, `trusted` says whether it comes
/// from that; where that can't be told it is missing, and `undecided` says why (otherwise that is empty).
pub fn certificate(chain: &str, root: Option<&str>, now: Timestamp) -> Result<Value, String> {
    let chain = Certificate::chain(chain);
    let leaf = chain.first().ok_or("the certificate can't be read: there is no PEM certificate")?;
    let seen = leaf.facts();
    let (kind, bits) = leaf.key_strength();
    let mut facts = json!({
        "count": chain.len(),
        "serial_number": leaf.serial(),
        "key_kind": kind,
        "key_bits": bits,
        "public_key": hex(&Sha256::digest(leaf.key())),
    });
    for (name, member) in [("common_name", "common_name"), ("organisation", "organization")] {
        if let Some(value) = seen["subject"].get(member) {
            facts[name] = value.clone();
        }
    }
    if let Some(root) = root {
        facts["undecided"] = "".into();
        match path::client_path(&chain, &Certificate::bundle(root), now) {
            Verification::Valid => facts["trusted"] = true.into(),
            Verification::Invalid => facts["trusted"] = false.into(),
            Verification::Undecided(why) => facts["undecided"] = why.into(),
        }
    }
    Ok(facts)
}

/// The public key of a signing request (PEM), as [`certificate`] tells it.
pub fn request_key(csr: &str) -> Option<String> {
    SigningRequest::read(csr).ok().map(|request| hex(&Sha256::digest(request.key())))
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
        let chain = pki.sign_request(&csr, CertificateKind::Valid, now).unwrap();
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
