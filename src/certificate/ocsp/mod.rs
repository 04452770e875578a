//! An OCSP responder (RFC 6960): signed answers to whether a certificate is good, for GetCertificateStatus (M06) and for
//! products that look at the certificates of an EV. `responder` answers requests, `client` makes them and judges answers.

pub mod client;
mod responder;
#[cfg(all(test, feature = "legacy-tls"))]
mod tests;

use aws_lc_rs::digest;
use der::{
    Decode as _, Encode as _, Enumerated, Sequence, Tag, TagNumber,
    asn1::{Any, BitString, GeneralizedTime, ObjectIdentifier, OctetString},
};
use jiff::Timestamp;

pub(crate) use responder::MAX_REQUEST;
pub use responder::{Issuer, OcspResponder};

/// `id-pkix-ocsp-basic`, RFC 6960 4.2.1.
const BASIC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.1.1");
/// `id-pkix-ocsp-nonce`, RFC 6960 4.4.1.
const NONCE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.1.2");
/// What most OCSP clients hash with.
const SHA1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.14.3.2.26");
const SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");
const SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.2");
const SHA512: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.3");
/// `ecdsa-with-SHA256`, RFC 5758.
const ECDSA_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");
/// `sha256WithRSAEncryption`, RFC 4055.
const RSA_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.11");

/// How long an answer holds, seconds.
const VALIDITY: u64 = 7 * 86_400;

/// What an answer says of a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It is not revoked.
    Good,
    /// It is revoked since a time.
    Revoked(Timestamp),
    /// The responder does not know its issuer.
    Unknown,
}

/// The certificate that is asked about: what `OCSPRequestDataType` says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject<'s> {
    /// `SHA256`, `SHA384` or `SHA512`.
    pub algorithm: &'s str,
    /// Hash of the issuer's name, hexadecimal.
    pub issuer_name_hash: &'s str,
    /// Hash of the issuer's key, hexadecimal.
    pub issuer_key_hash: &'s str,
    /// The serial number, hexadecimal.
    pub serial: &'s str,
}

/// Who answers.
pub struct Responder<'r> {
    /// The name of its certificate, DER.
    pub name: &'r [u8],
    /// The certificate, DER, with those that lead from it to the root: a client finds the key of the signature in it.
    pub certificates: &'r [Vec<u8>],
    /// Signs with the key of the certificate.
    pub sign: &'r dyn Fn(&[u8]) -> Option<Vec<u8>>,
    /// True for an RSA key; the others are ECDSA keys on P-256.
    pub rsa: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Sequence)]
struct AlgorithmIdentifier {
    algorithm: ObjectIdentifier,
    parameters: Option<Any>,
}

#[derive(Debug, Clone, PartialEq, Eq, Sequence)]
struct CertId {
    hash_algorithm: AlgorithmIdentifier,
    issuer_name_hash: OctetString,
    issuer_key_hash: OctetString,
    serial_number: Any,
}

impl CertId {
    /// Whether this is its issuer, by the encoded name and the bits of the key.
    fn is_issued_by(&self, name: &[u8], key: &[u8]) -> bool {
        let algorithm = match self.hash_algorithm.algorithm {
            SHA1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
            SHA256 => &digest::SHA256,
            SHA384 => &digest::SHA384,
            SHA512 => &digest::SHA512,
            _ => return false,
        };
        let is = |hash: &OctetString, of: &[u8]| hash.as_bytes() == digest::digest(algorithm, of).as_ref();
        is(&self.issuer_name_hash, name) && is(&self.issuer_key_hash, key)
    }

    /// Whether it names the same certificate: the parameters of the algorithm, NULL or absent, don't matter.
    fn is_same(&self, other: &Self) -> bool {
        self.hash_algorithm.algorithm == other.hash_algorithm.algorithm
            && self.issuer_name_hash == other.issuer_name_hash
            && self.issuer_key_hash == other.issuer_key_hash
            && self.serial_number == other.serial_number
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Sequence)]
struct Extension {
    id: ObjectIdentifier,
    #[asn1(default = "Default::default")]
    critical: bool,
    value: OctetString,
}

#[derive(Sequence)]
struct SingleResponse {
    cert_id: CertId,
    /// CHOICE of good [0], revoked [1] and unknown [2].
    cert_status: Any,
    this_update: GeneralizedTime,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    next_update: Option<GeneralizedTime>,
    #[asn1(context_specific = "1", tag_mode = "EXPLICIT", optional = "true")]
    extensions: Option<Vec<Extension>>,
}

#[derive(Sequence)]
struct ResponseData {
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", default = "Default::default")]
    version: u8,
    /// CHOICE, byName [1].
    responder_id: Any,
    produced_at: GeneralizedTime,
    responses: Vec<SingleResponse>,
    #[asn1(context_specific = "1", tag_mode = "EXPLICIT", optional = "true")]
    extensions: Option<Vec<Extension>>,
}

#[derive(Sequence)]
struct BasicResponse {
    tbs_response_data: ResponseData,
    signature_algorithm: AlgorithmIdentifier,
    signature: BitString,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    certs: Option<Vec<Any>>,
}

#[derive(Enumerated, Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum ResponseStatus {
    Successful = 0,
    MalformedRequest = 1,
    InternalError = 2,
    TryLater = 3,
    SigRequired = 5,
    Unauthorized = 6,
}

#[derive(Sequence)]
struct ResponseBytes {
    response_type: ObjectIdentifier,
    response: OctetString,
}

#[derive(Sequence)]
struct OcspResponse {
    response_status: ResponseStatus,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    response_bytes: Option<ResponseBytes>,
}

/// An `OCSPResponse`, DER; none if the request is not in its form or the key does not sign.
pub fn response(subject: &Subject<'_>, status: Status, responder: &Responder<'_>, now: Timestamp) -> Option<Vec<u8>> {
    answer(vec![(cert_id(subject)?, status)], None, responder, now)
}

/// A signed answer for certificates of one issuer, with the nonce of the request where it has one.
fn answer(
    asked: Vec<(CertId, Status)>,
    nonce: Option<Extension>,
    responder: &Responder<'_>,
    now: Timestamp,
) -> Option<Vec<u8>> {
    let next = now.checked_add(std::time::Duration::from_secs(VALIDITY)).ok()?;
    let single = |(cert_id, status)| {
        let cert_status = match status {
            Status::Good => tagged(0, false, Vec::new())?,
            Status::Revoked(since) => tagged(1, true, generalized(since)?.to_der().ok()?)?,
            Status::Unknown => tagged(2, false, Vec::new())?,
        };
        let (this_update, next_update) = (generalized(now)?, Some(generalized(next)?));
        Some(SingleResponse { cert_id, cert_status, this_update, next_update, extensions: None })
    };
    let tbs_response_data = ResponseData {
        version: 0,
        responder_id: tagged(1, true, responder.name.to_vec())?,
        produced_at: generalized(now)?,
        responses: asked.into_iter().map(single).collect::<Option<_>>()?,
        extensions: nonce.map(|nonce| vec![nonce]),
    };
    let signature = (responder.sign)(&tbs_response_data.to_der().ok()?)?;
    let certificates = responder.certificates.iter().map(|der| Any::from_der(der).ok());
    let basic = BasicResponse {
        tbs_response_data,
        signature_algorithm: if responder.rsa {
            AlgorithmIdentifier { algorithm: RSA_SHA256, parameters: Some(Any::null()) }
        } else {
            AlgorithmIdentifier { algorithm: ECDSA_SHA256, parameters: None }
        },
        signature: BitString::from_bytes(&signature).ok()?,
        certs: Some(certificates.collect::<Option<_>>()?),
    };
    let bytes = ResponseBytes { response_type: BASIC, response: OctetString::new(basic.to_der().ok()?).ok()? };
    OcspResponse { response_status: ResponseStatus::Successful, response_bytes: Some(bytes) }.to_der().ok()
}

fn generalized(time: Timestamp) -> Option<GeneralizedTime> {
    let since = std::time::Duration::from_secs(u64::try_from(time.as_second()).ok()?);
    GeneralizedTime::from_unix_duration(since).ok()
}

fn cert_id(subject: &Subject<'_>) -> Option<CertId> {
    let algorithm = match subject.algorithm {
        "SHA256" => SHA256,
        "SHA384" => SHA384,
        "SHA512" => SHA512,
        _ => return None,
    };
    Some(CertId {
        hash_algorithm: AlgorithmIdentifier { algorithm, parameters: Some(Any::null()) },
        issuer_name_hash: OctetString::new(bytes(subject.issuer_name_hash)?).ok()?,
        issuer_key_hash: OctetString::new(bytes(subject.issuer_key_hash)?).ok()?,
        serial_number: integer(&bytes(subject.serial)?)?,
    })
}

/// A value with a context-specific tag.
fn tagged(number: u32, constructed: bool, content: Vec<u8>) -> Option<Any> {
    Any::new(Tag::ContextSpecific { constructed, number: TagNumber(number) }, content).ok()
}

/// Hexadecimal digits as bytes; an odd number of them lacks a leading zero.
fn bytes(digits: &str) -> Option<Vec<u8>> {
    let even = format!("{}{digits}", if digits.len() % 2 == 1 { "0" } else { "" });
    if !even.is_ascii() {
        return None;
    }
    (0..even.len()).step_by(2).map(|at| u8::from_str_radix(&even[at..at + 2], 16).ok()).collect()
}

/// A positive INTEGER.
fn integer(bytes: &[u8]) -> Option<Any> {
    let trimmed: &[u8] = match bytes.iter().position(|byte| *byte != 0) {
        Some(first) => &bytes[first..],
        None => &[0],
    };
    let mut content = Vec::new();
    if trimmed[0] >= 0x80 {
        content.push(0);
    }
    content.extend_from_slice(trimmed);
    Any::new(Tag::Integer, content).ok()
}
