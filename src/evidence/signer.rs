//! Who signs a package: a laboratory's key and its certificates. And whether certificates lead to a root.

use std::path::Path;

use aws_lc_rs::digest::{SHA256, digest};
use jiff::Timestamp;
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, KeyUsagePurpose, SerialNumber};
use rustls::{
    SignatureScheme,
    crypto::aws_lc_rs::default_provider,
    pki_types::{PrivateKeyDer, pem::PemObject as _},
    sign::SigningKey,
};

use super::cms::{self, Scheme};
use crate::certificate::{Certificate, Verification, hex};

/// Most bytes of a file of keys or certificates.
const MAX_PEM: u64 = 1 << 20;
/// Most certificates between a signer and a root.
const MAX_PATH: usize = 8;

/// Why nothing can be signed with a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignerError {
    /// A file can't be read, or there is nothing in it.
    #[error("{path}: {reason}")]
    File {
        /// The file.
        path: String,
        /// What is wrong.
        reason: String,
        /// What to do.
        help: &'static str,
    },
    /// It can't sign.
    #[error("the key can't sign: {0}")]
    Key(String),
}

fn file_error(path: &Path, reason: impl Into<String>, help: &'static str) -> SignerError {
    SignerError::File { path: path.display().to_string(), reason: reason.into(), help }
}

fn text(path: &Path, help: &'static str) -> Result<String, SignerError> {
    let failed = |error: std::io::Error| file_error(path, format!("can't be read: {error}"), help);
    if std::fs::metadata(path).map_err(failed)?.len() > MAX_PEM {
        return Err(file_error(path, format!("has more than {MAX_PEM} bytes"), help));
    }
    std::fs::read_to_string(path).map_err(failed)
}

/// The certificates of a PEM file.
pub fn certificates(path: &Path) -> Result<Vec<Certificate>, SignerError> {
    let help = "name a PEM file with certificates (BEGIN CERTIFICATE)";
    let found = Certificate::bundle(&text(path, help)?);
    if found.is_empty() { Err(file_error(path, "contains no certificate", help)) } else { Ok(found) }
}

/// A key with the certificates that tell whose it is.
#[derive(Debug)]
pub struct Signer {
    key: std::sync::Arc<dyn SigningKey>,
    scheme: Scheme,
    rustls: SignatureScheme,
    chain: Vec<Certificate>,
    /// No certificate was given: it was made for the key.
    pub self_signed: bool,
}

impl Signer {
    /// Reads a private key in PEM (PKCS #8, SEC 1 or PKCS #1), and the certificates of its owner, leaf first. Without certificates one
    /// is made that says nothing but the key.
    pub fn read(key: &Path, chain: Option<&Path>) -> Result<Self, SignerError> {
        let help = "name a PEM file with an unencrypted ECDSA key (P-256, P-384, P-521) or RSA key";
        let pem = text(key, help)?;
        let der = PrivateKeyDer::from_pem_slice(pem.as_bytes())
            .map_err(|error| file_error(key, format!("contains no private key: {error}"), help))?;
        let signing = default_provider()
            .key_provider
            .load_private_key(der.clone_key())
            .map_err(|error| file_error(key, format!("the key can't be used: {error}"), help))?;
        let schemes = [
            (SignatureScheme::ECDSA_NISTP256_SHA256, Scheme::EcdsaSha256),
            (SignatureScheme::ECDSA_NISTP384_SHA384, Scheme::EcdsaSha384),
            (SignatureScheme::ECDSA_NISTP521_SHA512, Scheme::EcdsaSha512),
            (SignatureScheme::RSA_PKCS1_SHA256, Scheme::RsaSha256),
        ];
        let found = schemes.into_iter().find(|(rustls, _)| signing.choose_scheme(&[*rustls]).is_some());
        let (rustls, scheme) = found.ok_or_else(|| file_error(key, "the key is neither ECDSA nor RSA", help))?;
        let (chain, self_signed) = match chain {
            Some(path) => {
                let chain = certificates(path)?;
                let fits = signing.public_key().is_none_or(|key| chain.first().is_some_and(|one| one.key() == &*key));
                if !fits {
                    let help =
                        "put the certificate of this key first, and those of the authorities that issued it after it";
                    return Err(file_error(path, "its first certificate is of another key", help));
                }
                // Others have nothing to do with the signature, and nobody would vouch for them.
                let strange = strange(&chain, &[]);
                let chain = chain.into_iter().filter(|one| !strange.contains(&told(one))).collect();
                (chain, false)
            }
            None => (vec![self_signed(&der).map_err(|error| SignerError::Key(error.to_string()))?], true),
        };
        Ok(Self { key: signing, scheme, rustls, chain, self_signed })
    }

    /// A detached CMS signature over a content, DER.
    pub(super) fn sign(&self, content: &[u8]) -> Result<Vec<u8>, SignerError> {
        let sign = |message: &[u8]| self.key.choose_scheme(&[self.rustls])?.sign(message).ok();
        let cms = cms::sign(content, &self.chain, self.scheme, sign);
        cms.ok_or_else(|| SignerError::Key("the signature could not be made".into()))
    }
}

/// A certificate for a key that nobody has certified: it says which key it is and no more, and is always of the same content.
fn self_signed(key: &PrivateKeyDer<'_>) -> Result<Certificate, rcgen::Error> {
    let key = KeyPair::try_from(key)?;
    let hash = hex(digest(&SHA256, key.public_key_raw()).as_ref());
    let mut params = CertificateParams::default();
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, format!("ocpp-attest signer {}", &hash[..16]));
    params.distinguished_name = name;
    params.serial_number = Some(SerialNumber::from_slice(&digest(&SHA256, key.public_key_raw()).as_ref()[..8]));
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.not_before = rcgen::date_time_ymd(2020, 1, 1);
    params.not_after = rcgen::date_time_ymd(2120, 1, 1);
    let certificate = params.self_signed(&key)?;
    Certificate::from_der(certificate.der()).ok_or(rcgen::Error::CouldNotParseCertificate)
}

/// Why a signer is not trusted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Untrusted {
    /// It comes from none of the roots.
    #[error("{0}")]
    Foreign(String),
    /// Whose certificate, and when it was not valid.
    #[error("the certificate of {whose} is not valid at {at}")]
    NotValid { whose: String, at: String },
}

/// A certificate as people tell it from another: its name, and the beginning of its SHA-256.
fn told(certificate: &Certificate) -> String {
    let hash = hex(digest(&SHA256, certificate.der()).as_ref());
    format!("{:?} (SHA-256 {}…)", crate::text::visible_line(&certificate.common_name()), &hash[..16])
}

/// Whether a signer's certificates lead to one of these roots at a time; why not. A root may also be the signer's own certificate, or
/// another one of the same key.
pub(super) fn leads_to(chain: &[Certificate], roots: &[Certificate], at: Timestamp) -> Result<(), Untrusted> {
    let Some((signer, others)) = chain.split_first() else {
        return Err(Untrusted::Foreign("there is no certificate of the signer".into()));
    };
    let valid = |one: &Certificate| {
        let at_text = at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string();
        if one.is_valid_at(at) { Ok(()) } else { Err(Untrusted::NotValid { whose: told(one), at: at_text }) }
    };
    let mut current = signer;
    for below in 0..MAX_PATH {
        valid(current)?;
        let is_root = |root: &&Certificate| root.key() == current.key() && root.subject() == current.subject();
        if roots
            .iter()
            .any(|root| root.der() == current.der() || is_root(&root) || (below == 0 && root.key() == current.key()))
        {
            return Ok(());
        }
        let signed = |issuer: &&Certificate| matches!(current.verify(issuer), Verification::Valid);
        if let Some(root) = roots.iter().find(signed) {
            return valid(root);
        }
        let issuer =
            others.iter().find(|other| other.der() != current.der() && other.may_issue(below) && signed(other));
        current = issuer.ok_or_else(|| {
            let given: Vec<String> = roots.iter().take(MAX_PATH).map(told).collect();
            let text = format!(
                "the certificate of {} comes from none of the roots given: {}",
                told(current),
                given.join(", ")
            );
            Untrusted::Foreign(text)
        })?;
    }
    Err(Untrusted::Foreign("its chain of certificates is too long".into()))
}

/// The certificates beside a signer's that did not issue it, directly or through others, or that were changed since they signed themselves.
/// Nothing rests on them, and no signature is over them.
pub(super) fn strange(chain: &[Certificate], roots: &[Certificate]) -> Vec<String> {
    let mut known: Vec<usize> = if chain.is_empty() { Vec::new() } else { vec![0] };
    let mut next = 0;
    while let Some(current) = known.get(next).map(|at| &chain[*at]) {
        let issued = |other: &Certificate| !matches!(current.verify(other), Verification::Invalid);
        for (at, other) in chain.iter().enumerate() {
            if !known.contains(&at) && issued(other) && is_whole(other, chain, roots) {
                known.push(at);
            }
        }
        next += 1;
    }
    chain.iter().enumerate().filter(|(at, _)| !known.contains(at)).map(|(_, other)| told(other)).collect()
}

/// True for a certificate that one of the chain or of the roots has signed, itself perhaps, or that is a root. Where no roots are given, the
/// last of a chain may be of somebody who is not there.
fn is_whole(certificate: &Certificate, chain: &[Certificate], roots: &[Certificate]) -> bool {
    let signed = |by: &Certificate| !matches!(certificate.verify(by), Verification::Invalid);
    if roots.is_empty() {
        let is_root = certificate.issuer().is_some_and(|issuer| issuer == certificate.subject());
        return !is_root || signed(certificate);
    }
    let valid = |by: &Certificate| matches!(certificate.verify(by), Verification::Valid);
    roots.iter().any(|root| root.der() == certificate.der()) || chain.iter().chain(roots).any(valid)
}

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints, IsCa, Issuer};

    use super::*;

    fn params(name: &str) -> CertificateParams {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params
    }

    /// Of a signature with a chain of two certificates, no bit can be changed.
    #[test]
    fn every_bit_of_a_signature_counts() {
        let mut root = params("Root");
        root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        root.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let (root_key, key) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
        let root_pem = root.self_signed(&root_key).unwrap().pem();
        let leaf = params("Lab").signed_by(&key, &Issuer::new(root, root_key)).unwrap().pem();
        let folder = tempfile::tempdir().unwrap();
        let put = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let (key, chain) = (put("key.pem", &key.serialize_pem()), put("chain.pem", &(leaf + &root_pem)));
        let cms = Signer::read(&key, Some(&chain)).unwrap().sign(b"a manifest").unwrap();
        let roots = Certificate::chain(&root_pem);
        let holds = |cms: &[u8]| {
            cms::check(cms, Some(b"a manifest")).is_ok_and(|signed| {
                strange(&signed.certificates, &roots).is_empty()
                    && leads_to(&signed.certificates, &roots, Timestamp::now()).is_ok()
            })
        };
        assert!(holds(&cms));
        for at in 0..cms.len() {
            for bit in 0..8 {
                let mut changed = cms.clone();
                changed[at] ^= 1 << bit;
                assert!(
                    !holds(&changed),
                    "bit {bit} of byte {at} of {}: {:02x?}",
                    cms.len(),
                    &cms[at.saturating_sub(6)..cms.len().min(at + 6)]
                );
            }
        }
        // A certificate that issued nothing is left out.
        let other = params("Other").self_signed(&KeyPair::generate().unwrap()).unwrap().pem();
        let more = put("more.pem", &(std::fs::read_to_string(&chain).unwrap() + &other));
        assert_eq!(Signer::read(&key, Some(&more)).unwrap().chain.len(), 2);
    }
}
