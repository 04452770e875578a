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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rcgen::{BasicConstraints, IsCa};

    use super::*;
    use crate::{
        certificate,
        services::pki::{KeyKind, key_pair, root},
    };

    /// An element in DER; the contents stay below 128 bytes each.
    fn element(tag: u8, contents: &[Vec<u8>]) -> Vec<u8> {
        let contents = contents.concat();
        let length = u8::try_from(contents.len()).unwrap();
        let length = if length < 128 { vec![length] } else { vec![0x81, length] };
        [vec![tag], length, contents].concat()
    }

    /// CN, C, O, OU, serialNumber, in the types UTF8String, PrintableString, TeletexString, IA5String, BMPString.
    fn attribute() -> impl Strategy<Value = Vec<u8>> {
        let kind = prop_oneof![Just(3u8), Just(6), Just(10), Just(11), Just(5)];
        let tag = prop_oneof![Just(0x0cu8), Just(0x13), Just(0x14), Just(0x16), Just(0x1e)];
        (kind, tag, "[A-Za-z0-9 ]{0,5}").prop_map(|(kind, tag, text)| {
            let units = |unit: u16| if tag == 0x1e { unit.to_be_bytes().to_vec() } else { vec![unit.to_be_bytes()[1]] };
            let text: Vec<u8> = text.encode_utf16().flat_map(units).collect();
            element(0x30, &[vec![0x06, 0x03, 0x55, 0x04, kind], element(tag, &[text])])
        })
    }

    fn name() -> impl Strategy<Value = Vec<u8>> {
        let rdn = proptest::collection::vec(attribute(), 1..3).prop_map(|attributes| element(0x31, &attributes));
        proptest::collection::vec(rdn, 0..5).prop_map(|rdns| element(0x30, &rdns))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn names_stay_as_they_are(issuer in name(), subject in name()) {
            let key = key_pair(KeyKind::Ecdsa).unwrap();
            let own = root("own", KeyKind::Ecdsa, jiff::Timestamp::now()).unwrap();
            let spki = key.subject_public_key_info();
            let mut params = CertificateParams::new(Vec::new()).unwrap();
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            // An authority of somebody else's, as a folder may hold it.
            let theirs = issue(&params, Subject::Theirs { name: &issuer, key: &spki }, &own).unwrap();
            let theirs = Root::new(theirs, key.clone()).unwrap();
            let issued = issue(&params, Subject::Theirs { name: &subject, key: &spki }, &theirs).unwrap();
            let issued = certificate::Certificate::first(&issued).unwrap();
            prop_assert_eq!(issued.subject(), &subject[..]);
            prop_assert_eq!(issued.key(), &spki[..]);
            let theirs = certificate::Certificate::first(&theirs.pem).unwrap();
            prop_assert_eq!(theirs.subject(), &issuer[..]);
            prop_assert!(issued.is_signed_by(&theirs));
        }
    }
}
