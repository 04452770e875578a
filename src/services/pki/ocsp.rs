//! The authority as the OCSP responder of what it has issued.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use rcgen::{PKCS_RSA_SHA256, SigningKey as _};
use serde_json::Value;

use super::{Pki, PkiError, Root};
use crate::{
    certificate::Certificate,
    certificate::ocsp::{Issuer, OcspResponder, Responder, Status, Subject, response},
};

/// Which certificates are issued for an OCSP responder to answer for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnsweredFor<'a> {
    /// The contract certificate of an EV, of this eMAID, and the sub-CAs of the mobility operator.
    Contract(&'a str),
    /// The sub-CAs of the V2G root.
    V2gSubCas,
}

/// An answer to whether one certificate is good.
#[derive(Debug, Clone, PartialEq)]
pub struct CertificateStatus {
    /// The certificate, as `OCSPRequestDataType` names it, but for the responder's URL.
    pub hash: Value,
    /// The `OCSPResponse`, DER in base64.
    pub result: String,
}

impl Pki {
    /// Answers for the certificates of a chain that were issued here, in every hash algorithm that a product may ask with.
    pub fn certificate_statuses(&self, chain: &str, status: Status, now: Timestamp) -> Vec<CertificateStatus> {
        let mut statuses = Vec::new();
        for certificate in Certificate::chain(chain) {
            let Some((issuer, root)) = self.issuer_of(&certificate) else { continue };
            for algorithm in ["SHA256", "SHA384", "SHA512"] {
                let Some(hash) = certificate.hash_data(&issuer, algorithm) else { continue };
                let result = answer(&hash, status, &issuer, root, now);
                statuses.extend(result.map(|result| CertificateStatus { hash, result }));
            }
        }
        statuses
    }

    /// Issues certificates anew that name the responder at a URL, and has it answer for them: with the status for the first
    /// one, and that those above it are good. The answer is the chain, PEM, without the root, and for each of its
    /// certificates the `OCSPRequestDataType`.
    pub fn issue_answered(
        &self,
        which: AnsweredFor<'_>,
        status: Status,
        responder: &OcspResponder,
        url: &str,
    ) -> Result<(String, Vec<Value>), PkiError> {
        let emaid = match which {
            AnsweredFor::Contract(emaid) => Some(emaid),
            AnsweredFor::V2gSubCas => None,
        };
        let answered = self.vehicle.answered(emaid, url)?;
        let certificates = Certificate::chain(&answered.chain);
        let mut requests = Vec::new();
        for (at, (certificate, root)) in certificates.iter().zip(&answered.issuers).enumerate() {
            let issuer = Certificate::first(&root.pem);
            let mut request = issuer
                .as_ref()
                .and_then(|issuer| certificate.hash_data(issuer, "SHA256"))
                .ok_or_else(|| PkiError("a certificate that was issued can't be read".into()))?;
            request["responderURL"] = url.into();
            requests.push(request);
            // Above a sub-CA there are others; the root speaks for itself.
            let mut chain: Vec<Certificate> = certificates[at + 1..].to_vec();
            if chain.is_empty() {
                chain.extend(issuer);
            }
            let key = root.key.clone();
            let rsa = key.0.algorithm() == &PKCS_RSA_SHA256;
            let issuer = Issuer { chain, sign: Box::new(move |message| key.sign(message).ok()), rsa };
            responder.answer_for(certificate, issuer, if at == 0 { status } else { Status::Good });
        }
        Ok((answered.chain, requests))
    }

    fn issuer_of(&self, certificate: &Certificate) -> Option<(Certificate, &Root)> {
        let issues =
            |root: &&Root| Certificate::first(&root.pem).is_some_and(|issuer| certificate.is_signed_by(&issuer));
        let root = self.issuers().into_iter().find(issues)?;
        Some((Certificate::first(&root.pem)?, root))
    }
}

fn answer(hash: &Value, status: Status, issuer: &Certificate, root: &Root, now: Timestamp) -> Option<String> {
    let text = |member: &str| hash[member].as_str().unwrap_or_default();
    let subject = Subject {
        algorithm: text("hashAlgorithm"),
        issuer_name_hash: text("issuerNameHash"),
        issuer_key_hash: text("issuerKeyHash"),
        serial: text("serialNumber"),
    };
    let responder = Responder {
        name: &root.name,
        certificates: &[issuer.der().to_vec()],
        sign: &|message| root.key.sign(message).ok(),
        rsa: root.key.0.algorithm() == &PKCS_RSA_SHA256,
    };
    response(&subject, status, &responder, now).map(|response| STANDARD.encode(response))
}

#[cfg(all(test, feature = "legacy-tls"))]
mod tests {
    use openssl::{
        hash::MessageDigest,
        ocsp::{OcspCertId, OcspCertStatus, OcspFlag, OcspResponse, OcspResponseStatus},
        stack::Stack,
        x509::{X509, store::X509StoreBuilder},
    };

    use super::*;
    use crate::{
        certificate,
        link::CertificateKind,
        services::pki::{KeyKind, signing_request},
    };

    /// OpenSSL takes the answers for what they are.
    #[test]
    fn answers_are_signed_by_the_issuer() {
        let now = Timestamp::now();
        for kind in [KeyKind::Ecdsa, KeyKind::Rsa] {
            let pki = Pki::new(kind, now).unwrap();
            let (csr, _) = signing_request(KeyKind::Ecdsa, "station", "vendor").unwrap();
            let chain = pki.sign_request(&csr, CertificateKind::Valid, now).unwrap();
            let [leaf, root] = [chain.as_str(), pki.root_pem()].map(|pem| X509::from_pem(pem.as_bytes()).unwrap());
            let mut store = X509StoreBuilder::new().unwrap();
            store.add_cert(root.clone()).unwrap();
            let store = store.build();
            let revoked = Status::Revoked(now);
            for (status, word) in [
                (Status::Good, OcspCertStatus::GOOD),
                (revoked, OcspCertStatus::REVOKED),
                (Status::Unknown, OcspCertStatus::UNKNOWN),
            ] {
                let statuses = pki.certificate_statuses(&chain, status, now);
                assert!(statuses.len() >= 3, "one for each algorithm");
                for (one, digest) in
                    statuses.iter().zip([MessageDigest::sha256(), MessageDigest::sha384(), MessageDigest::sha512()])
                {
                    assert!(certificate::is_hash_of(&one.hash, &chain), "{}", one.hash);
                    let response = OcspResponse::from_der(&STANDARD.decode(&one.result).unwrap()).unwrap();
                    assert_eq!(response.status(), OcspResponseStatus::SUCCESSFUL);
                    let basic = response.basic().unwrap();
                    basic.verify(&Stack::new().unwrap(), &store, OcspFlag::empty()).unwrap();
                    let id = OcspCertId::from_cert(digest, &leaf, &root).unwrap();
                    let found = basic.find_status(&id).expect("the certificate that was asked about");
                    assert_eq!(found.status, word);
                    found.check_validity(300, Some(60)).unwrap();
                }
            }
        }
    }

    #[test]
    fn others_certificates_are_not_answered_for() {
        let now = Timestamp::now();
        let pki = Pki::new(KeyKind::Ecdsa, now).unwrap();
        assert_eq!(pki.certificate_statuses("no certificate", Status::Good, now), []);
        let stranger = include_str!("../../audit/weak.pem");
        assert_eq!(pki.certificate_statuses(stranger, Status::Good, now), []);
    }
}
