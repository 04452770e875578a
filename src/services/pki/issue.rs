//! Issues certificates.
//!
//! rcgen writes them. It makes every name anew from a map: of an attribute that occurs twice one is lost, and string types
//! change; and it knows a few kinds of keys. So the names and the key that others have made are put in afterwards, as
//! they are encoded (RFC 5280, sections 4.1.2.4 and 4.1.2.6), and the certificate is signed then.

use der::{
    Decode, Encode, Sequence,
    asn1::{AnyRef, BitStringRef},
};
use rcgen::{CertificateParams, Issuer, PublicKeyData, SignatureAlgorithm, SigningKey};

use super::{Key, PkiError, Root};
use crate::certificate::pem;

/// Whom a certificate is for.
pub(super) enum Subject<'s> {
    /// The name is that of the parameters, the key one of ours.
    Ours(&'s Key),
    /// Name and key (SubjectPublicKeyInfo) of a request, as they are encoded there.
    Theirs { name: &'s [u8], key: &'s [u8] },
}

#[derive(Sequence)]
struct Certificate<'d> {
    content: Content<'d>,
    algorithm: AnyRef<'d>,
    signature: BitStringRef<'d>,
}

/// TBSCertificate, of version 3 and with extensions.
#[derive(Sequence)]
struct Content<'d> {
    version: AnyRef<'d>,
    serial: AnyRef<'d>,
    algorithm: AnyRef<'d>,
    issuer: AnyRef<'d>,
    validity: AnyRef<'d>,
    subject: AnyRef<'d>,
    key: AnyRef<'d>,
    extensions: AnyRef<'d>,
}

impl From<der::Error> for PkiError {
    fn from(error: der::Error) -> Self {
        Self(format!("no DER: {error}"))
    }
}

/// A key that leaves the signature out.
struct Unsigned<'k>(&'k Key);

impl PublicKeyData for Unsigned<'_> {
    fn der_bytes(&self) -> &[u8] {
        self.0.der_bytes()
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        self.0.algorithm()
    }
}

impl SigningKey for Unsigned<'_> {
    fn sign(&self, _: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        Ok(Vec::new())
    }
}

/// A certificate, PEM, as the parameters say, from a root.
pub(super) fn issue(params: &CertificateParams, subject: Subject<'_>, root: &Root) -> Result<String, PkiError> {
    let mut issuer = CertificateParams::new(Vec::new())?;
    issuer.key_identifier_method = root.identifier.clone();
    let written_for = match subject {
        Subject::Ours(key) => key,
        Subject::Theirs { .. } => &root.key,
    };
    let written = params.signed_by(written_for, &Issuer::from_params(&issuer, Unsigned(&root.key)))?;
    let Certificate { mut content, algorithm, .. } = Certificate::from_der(written.der())?;
    content.issuer = AnyRef::from_der(&root.name)?;
    if let Subject::Theirs { name, key } = subject {
        content.subject = AnyRef::from_der(name)?;
        content.key = AnyRef::from_der(key)?;
    }
    let signature = root.key.sign(&content.to_der()?)?;
    let certificate = Certificate { content, algorithm, signature: BitStringRef::from_bytes(&signature)? };
    Ok(pem::write("CERTIFICATE", &certificate.to_der()?))
}
