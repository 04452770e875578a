//! The signature over a manifest: CMS SignedData (RFC 5652), detached, with one signer. Written and read in DER; of what others
//! write, time-stamp tokens (RFC 3161) are read too, which have their content inside.

use aws_lc_rs::digest::{SHA256, SHA384, SHA512, digest};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA384_ASN1, ECDSA_P384_SHA256_ASN1, ECDSA_P384_SHA384_ASN1,
    ECDSA_P521_SHA256_ASN1, ECDSA_P521_SHA384_ASN1, ECDSA_P521_SHA512_ASN1, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, UnparsedPublicKey, VerificationAlgorithm,
};
use der::{
    Decode as _, Encode as _, Sequence, Tag, TagNumber, Tagged as _,
    asn1::{Any, ObjectIdentifier, OctetString, SetOfVec},
};

use crate::certificate::Certificate;

const SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");
const DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.1");
const CONTENT_TYPE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.3");
const MESSAGE_DIGEST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.4");
const OID_SHA1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.14.3.2.26");
const OID_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");
const OID_SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.2");
const OID_SHA512: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.3");
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const RSA_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.11");
const RSA_SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.12");
const RSA_SHA512: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.13");
const ECDSA_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");
const ECDSA_SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.3");
const ECDSA_SHA512: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.4");

/// Most certificates that are read.
const MAX_CERTIFICATES: usize = 16;

/// Why a signature is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CmsError {
    /// It is no SignedData.
    #[error("it is not a CMS signature (RFC 5652) in DER: {0}")]
    Form(&'static str),
    /// It is over something else.
    #[error("it is over another content")]
    OtherContent,
    /// It is not of the key that it names.
    #[error("it does not fit the key of its certificate")]
    NotSigned,
    /// It is of a kind that this build can't check.
    #[error("it uses an algorithm that is not supported: {0}")]
    Unsupported(String),
}

#[derive(Debug, Clone, PartialEq, Eq, Sequence)]
struct Algorithm {
    oid: ObjectIdentifier,
    parameters: Option<Any>,
}

#[derive(Sequence)]
struct ContentInfo {
    content_type: ObjectIdentifier,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT")]
    content: Any,
}

#[derive(Sequence)]
struct Encapsulated {
    content_type: ObjectIdentifier,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    content: Option<OctetString>,
}

/// RFC 5652, 5.3. Attributes that are not signed are not read.
struct SignerInfo {
    /// Issuer and serial number (SEQUENCE), or subjectKeyIdentifier \[0\].
    signer: Any,
    digest: ObjectIdentifier,
    /// The signed attributes, as SET.
    attributes: Option<Vec<u8>>,
    algorithm: ObjectIdentifier,
    signature: Vec<u8>,
}

#[derive(Sequence)]
struct Attribute {
    oid: ObjectIdentifier,
    values: SetOfVec<Any>,
}

fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    let length = content.len();
    if length < 0x80 {
        out.push(u8::try_from(length).unwrap_or_default());
    } else {
        let bytes: Vec<u8> = length.to_be_bytes().into_iter().skip_while(|byte| *byte == 0).collect();
        out.push(0x80 | u8::try_from(bytes.len()).unwrap_or_default());
        out.extend(bytes);
    }
    out.extend_from_slice(content);
    out
}

fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    tlv(0x30, &parts.concat())
}

fn set(parts: &[&[u8]]) -> Vec<u8> {
    let mut sorted = parts.to_vec();
    sorted.sort_unstable();
    tlv(0x31, &sorted.concat())
}

fn oid(oid: ObjectIdentifier) -> Vec<u8> {
    tlv(0x06, oid.as_bytes())
}

/// Which algorithm a signature is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scheme {
    RsaSha256,
    EcdsaSha256,
    EcdsaSha384,
    EcdsaSha512,
}

impl Scheme {
    fn digest(self) -> (ObjectIdentifier, &'static aws_lc_rs::digest::Algorithm) {
        match self {
            Self::RsaSha256 | Self::EcdsaSha256 => (OID_SHA256, &SHA256),
            Self::EcdsaSha384 => (OID_SHA384, &SHA384),
            Self::EcdsaSha512 => (OID_SHA512, &SHA512),
        }
    }

    fn identifier(self) -> Vec<u8> {
        match self {
            Self::RsaSha256 => sequence(&[&oid(RSA_SHA256), &[5, 0]]),
            Self::EcdsaSha256 => sequence(&[&oid(ECDSA_SHA256)]),
            Self::EcdsaSha384 => sequence(&[&oid(ECDSA_SHA384)]),
            Self::EcdsaSha512 => sequence(&[&oid(ECDSA_SHA512)]),
        }
    }
}

/// Issuer and serial number of a certificate, as CMS names it.
fn issuer_and_serial(certificate: &Certificate) -> Option<Vec<u8>> {
    Some(sequence(&[certificate.issuer()?.as_slice(), &tlv(0x02, &certificate.serial_bytes())]))
}

/// A detached signature over a content: the certificates are the signer's and those that lead to a root.
pub(super) fn sign(
    content: &[u8],
    certificates: &[Certificate],
    scheme: Scheme,
    sign: impl FnOnce(&[u8]) -> Option<Vec<u8>>,
) -> Option<Vec<u8>> {
    let signer = issuer_and_serial(certificates.first()?)?;
    let (digest_oid, algorithm) = scheme.digest();
    let digest_algorithm = sequence(&[&oid(digest_oid)]);
    let hash = digest(algorithm, content);
    let content_type = sequence(&[&oid(CONTENT_TYPE), &set(&[&oid(DATA)])]);
    let message_digest = sequence(&[&oid(MESSAGE_DIGEST), &set(&[&tlv(0x04, hash.as_ref())])]);
    let attributes = set(&[&content_type, &message_digest]);
    let signature = sign(&attributes)?;
    // [0] IMPLICIT: the tag of the SET is another here than where it is signed.
    let attributes = [&[0xa0], &attributes[1..]].concat();
    let info =
        sequence(&[&[2, 1, 1], &signer, &digest_algorithm, &attributes, &scheme.identifier(), &tlv(0x04, &signature)]);
    let ders: Vec<&[u8]> = certificates.iter().map(Certificate::der).collect();
    let mut sorted = ders.clone();
    sorted.sort_unstable();
    let signed = sequence(&[
        &[2, 1, 1],
        &set(&[&digest_algorithm]),
        &sequence(&[&oid(DATA)]),
        &tlv(0xa0, &sorted.concat()),
        &set(&[&info]),
    ]);
    Some(sequence(&[&oid(SIGNED_DATA), &tlv(0xa0, &signed)]))
}

/// What a signature says of itself.
pub(super) struct Signed {
    /// The certificates in it, the signer's first.
    pub(super) certificates: Vec<Certificate>,
    /// The content, where it is inside.
    pub(super) content: Option<Vec<u8>>,
}

/// Checks a signature over a content, or over the content inside it, with the key of the certificate that it names.
pub(super) fn check(cms: &[u8], detached: Option<&[u8]>) -> Result<Signed, CmsError> {
    let form = |what| move |_| CmsError::Form(what);
    let info = ContentInfo::from_der(cms).map_err(form("no ContentInfo"))?;
    if info.content_type != SIGNED_DATA {
        return Err(CmsError::Form("no SignedData"));
    }
    let signed = info.content.to_der().map_err(form("no SignedData"))?;
    let parts = elements(&signed, SEQUENCE).ok_or(CmsError::Form("no SignedData"))?;
    let [version, digests, encapsulated, rest @ ..] = parts.as_slice() else {
        return Err(CmsError::Form("its SignedData is incomplete"));
    };
    let encapsulated = Encapsulated::from_der(encapsulated).map_err(form("its content is malformed"))?;
    let inside = encapsulated.content.map(|content| content.as_bytes().to_vec());
    let content = detached.or(inside.as_deref()).ok_or(CmsError::Form("it has no content"))?;
    let mut certificates = Vec::new();
    if let Some(list) = rest.iter().find(|part| part.first() == Some(&CERTIFICATES)) {
        let list = elements(list, CERTIFICATES).ok_or(CmsError::Form("its certificates are malformed"))?;
        certificates.extend(list.iter().take(MAX_CERTIFICATES).filter_map(|der| Certificate::from_der(der)));
        let is_whole = certificates.len() == list.len() && list.iter().all(|der| is_signed_as_it_says(der).is_some());
        if detached.is_some() && !is_whole {
            return Err(CmsError::Form("not all of its certificates can be read"));
        }
    }
    let infos = rest.last().and_then(|last| elements(last, SET)).ok_or(CmsError::Form("it has no signer"))?;
    let [info] = infos.as_slice() else { return Err(CmsError::Form("it does not have exactly one signer")) };
    let info = signer_info(info).ok_or(CmsError::Form("its SignerInfo is malformed"))?;
    // Of data, the version is that of the signer (RFC 5652, 5.1).
    let known: u8 = if info.signer.tag() == Tag::Sequence { 1 } else { 3 };
    if detached.is_some() && *version != [2, 1, known] {
        return Err(CmsError::Form("its version is not that of its signer"));
    }
    // No signature is over this list. What a time-stamp authority writes is taken as it is.
    let is_listed = |list: Vec<Vec<u8>>| list.len() == 1 && without_parameters(&list[0]) == Some(info.digest);
    if detached.is_some() && !elements(digests, SET).is_some_and(is_listed) {
        return Err(CmsError::Form("its list of digest algorithms is not that of its signer"));
    }
    let is_signer = |certificate: &Certificate| match info.signer.tag() {
        Tag::Sequence => issuer_and_serial(certificate) == info.signer.to_der().ok(),
        Tag::ContextSpecific { number: TagNumber(0), .. } => {
            certificate.key_identifier().as_deref() == Some(info.signer.value())
        }
        _ => false,
    };
    let at = certificates.iter().position(is_signer).ok_or(CmsError::Form("the signer's certificate is not in it"))?;
    certificates.swap(0, at);
    let algorithm = digest_algorithm(info.digest)?;
    let hash = digest(algorithm, content);
    let over = match &info.attributes {
        None => content.to_vec(),
        Some(attributes) => {
            attributes_fit(attributes, encapsulated.content_type, hash.as_ref())?;
            attributes.clone()
        }
    };
    let key = certificates[0].key_bits();
    let mut tried = false;
    for algorithm in algorithms(info.algorithm, info.digest) {
        tried = true;
        if UnparsedPublicKey::new(*algorithm, &key).verify(&over, &info.signature).is_ok() {
            return Ok(Signed { certificates, content: inside });
        }
    }
    Err(if tried { CmsError::NotSigned } else { CmsError::Unsupported(info.algorithm.to_string()) })
}

fn digest_algorithm(oid: ObjectIdentifier) -> Result<&'static aws_lc_rs::digest::Algorithm, CmsError> {
    match oid {
        OID_SHA256 => Ok(&SHA256),
        OID_SHA384 => Ok(&SHA384),
        OID_SHA512 => Ok(&SHA512),
        OID_SHA1 => Err(CmsError::Unsupported("SHA-1".into())),
        other => Err(CmsError::Unsupported(other.to_string())),
    }
}

/// What may verify a signature: of an elliptic curve the algorithm does not tell which.
fn algorithms(signature: ObjectIdentifier, digest: ObjectIdentifier) -> &'static [&'static dyn VerificationAlgorithm] {
    match (signature, digest) {
        (RSA_SHA256, _) | (RSA, OID_SHA256) => &[&RSA_PKCS1_2048_8192_SHA256],
        (RSA_SHA384, _) | (RSA, OID_SHA384) => &[&RSA_PKCS1_2048_8192_SHA384],
        (RSA_SHA512, _) | (RSA, OID_SHA512) => &[&RSA_PKCS1_2048_8192_SHA512],
        (ECDSA_SHA256, _) => &[&ECDSA_P256_SHA256_ASN1, &ECDSA_P384_SHA256_ASN1, &ECDSA_P521_SHA256_ASN1],
        (ECDSA_SHA384, _) => &[&ECDSA_P256_SHA384_ASN1, &ECDSA_P384_SHA384_ASN1, &ECDSA_P521_SHA384_ASN1],
        (ECDSA_SHA512, _) => &[&ECDSA_P521_SHA512_ASN1],
        _ => &[],
    }
}

/// The signed attributes must name the content's type and digest, each once.
fn attributes_fit(attributes: &[u8], content_type: ObjectIdentifier, hash: &[u8]) -> Result<(), CmsError> {
    let malformed = CmsError::Form("its signed attributes are malformed");
    let all = elements(attributes, SET).ok_or(malformed.clone())?;
    let all: Vec<Attribute> =
        all.iter().map(|one| Attribute::from_der(one)).collect::<Result<_, _>>().map_err(|_| malformed.clone())?;
    let value = |oid: ObjectIdentifier| {
        let mut found = all.iter().filter(|attribute| attribute.oid == oid);
        match (found.next(), found.next()) {
            (Some(one), None) if one.values.len() == 1 => one.values.get(0).cloned(),
            _ => None,
        }
    };
    let said = value(CONTENT_TYPE).and_then(|value| value.decode_as::<ObjectIdentifier>().ok());
    if said != Some(content_type) {
        return Err(malformed);
    }
    match value(MESSAGE_DIGEST).and_then(|value| value.decode_as::<OctetString>().ok()) {
        Some(said) if said.as_bytes() == hash => Ok(()),
        Some(_) => Err(CmsError::OtherContent),
        None => Err(malformed),
    }
}

fn signer_info(der: &[u8]) -> Option<SignerInfo> {
    let parts = elements(der, SEQUENCE)?;
    let [version, signer, digest, rest @ ..] = parts.as_slice() else { return None };
    // 1 with issuer and serial number, 3 with a key identifier (RFC 5652, 5.3).
    if !matches!((version.as_slice(), signer.first()), ([2, 1, 1], Some(0x30)) | ([2, 1, 3], Some(0x80))) {
        return None;
    }
    let (attributes, rest) = match rest {
        [attributes, rest @ ..] if attributes.first() == Some(&0xa0) => {
            (Some([&[0x31], attributes.get(1..)?].concat()), rest)
        }
        rest => (None, rest),
    };
    let [algorithm, signature, ..] = rest else { return None };
    Some(SignerInfo {
        signer: Any::from_der(signer).ok()?,
        digest: without_parameters(digest)?,
        attributes,
        algorithm: without_parameters(algorithm)?,
        signature: OctetString::from_der(signature).ok()?.as_bytes().to_vec(),
    })
}

/// A certificate whose algorithm, over which no signature is, is the one within it, over which there is one (RFC 5280, 4.1.1.2).
fn is_signed_as_it_says(der: &[u8]) -> Option<()> {
    const BIT_STRING: u8 = 3;
    const VERSION: u8 = 0xa0;
    let parts = elements(der, SEQUENCE)?;
    let [content, algorithm, signature] = parts.as_slice() else { return None };
    let within = elements(content, SEQUENCE)?;
    let after_version = usize::from(within.first()?.first() == Some(&VERSION));
    (within.get(after_version + 1)? == algorithm && signature.first() == Some(&BIT_STRING)).then_some(())
}

/// The algorithm of an identifier that has no parameters, as those that are supported have none.
fn without_parameters(der: &[u8]) -> Option<ObjectIdentifier> {
    let Algorithm { oid, parameters } = Algorithm::from_der(der).ok()?;
    parameters.is_none_or(|parameters| parameters.tag() == Tag::Null).then_some(oid)
}

/// The tag of a SEQUENCE, a SET, and of the certificates in a SignedData.
pub(super) const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const CERTIFICATES: u8 = 0xa0;

/// The elements inside a constructed one of this tag, each with tag and length. Nothing where a length leads out of it.
pub(super) fn elements(der: &[u8], tag: u8) -> Option<Vec<Vec<u8>>> {
    let (_, mut inside, rest) = element(der).filter(|_| der.first() == Some(&tag))?;
    let mut all = Vec::new();
    while !inside.is_empty() && rest.is_empty() {
        let (whole, _, after) = element(inside)?;
        all.push(whole.to_vec());
        inside = after;
    }
    rest.is_empty().then_some(all)
}

/// The first element: with tag and length, its content, and what follows it. Only lengths in DER are read.
fn element(der: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let first = *der.get(1)?;
    let (length, head) = if first < 0x80 {
        (usize::from(first), 2)
    } else {
        let count = usize::from(first & 0x7f);
        let bytes = der.get(2..2 + count).filter(|_| (1..=4).contains(&count))?;
        (bytes.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)), 2 + count)
    };
    let end = head.checked_add(length)?;
    Some((der.get(..end)?, &der[head..end], &der[end..]))
}
