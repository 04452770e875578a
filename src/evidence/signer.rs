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

/// Whether a signer's certificates lead to one of these roots at a time; why not. A root may also be the signer's own certificate, or
/// another one of the same key.
pub(super) fn leads_to(chain: &[Certificate], roots: &[Certificate], at: Timestamp) -> Result<(), String> {
    let Some((signer, others)) = chain.split_first() else {
        return Err("there is no certificate of the signer".into());
    };
    let name = |one: &Certificate| crate::text::visible_line(&one.common_name()).into_owned();
    let mut current = signer;
    for below in 0..MAX_PATH {
        if !current.is_valid_at(at) {
            return Err(format!("the certificate of {:?} was not valid at {at}", name(current)));
        }
        let is_root = |root: &&Certificate| root.key() == current.key() && root.subject() == current.subject();
        if roots
            .iter()
            .any(|root| root.der() == current.der() || is_root(&root) || (below == 0 && root.key() == current.key()))
        {
            return Ok(());
        }
        let signed = |issuer: &&Certificate| matches!(current.verify(issuer), Verification::Valid);
        if let Some(root) = roots.iter().find(signed) {
            let valid = root.is_valid_at(at);
            return if valid { Ok(()) } else { Err(format!("the root {:?} was not valid at {at}", name(root))) };
        }
        let issuer =
            others.iter().find(|other| other.der() != current.der() && other.may_issue(below) && signed(other));
        current =
            issuer.ok_or_else(|| format!("the certificate of {:?} comes from none of the roots", name(current)))?;
    }
    Err("its chain of certificates is too long".into())
}
