//! An OCSP responder (RFC 6960): signed answers to whether a certificate is good, for GetCertificateStatus (M06) and for
//! products that look at the certificates of an EV.

use der::{
    Decode as _, Encode as _, Enumerated, Sequence, Tag, TagNumber,
    asn1::{Any, BitString, GeneralizedTime, ObjectIdentifier, OctetString},
};
use jiff::Timestamp;

/// `id-pkix-ocsp-basic`, RFC 6960 4.2.1.
const BASIC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.1.1");
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
    /// The certificate, DER: a client finds the key of the signature in it.
    pub certificate: &'r [u8],
    /// Signs with the key of the certificate.
    pub sign: &'r dyn Fn(&[u8]) -> Option<Vec<u8>>,
    /// True for an RSA key; the others are ECDSA keys on P-256.
    pub rsa: bool,
}

#[derive(Sequence)]
struct AlgorithmIdentifier {
    algorithm: ObjectIdentifier,
    parameters: Option<Any>,
}

#[derive(Sequence)]
struct CertId {
    hash_algorithm: AlgorithmIdentifier,
    issuer_name_hash: OctetString,
    issuer_key_hash: OctetString,
    serial_number: Any,
}

#[derive(Sequence)]
struct SingleResponse {
    cert_id: CertId,
    /// CHOICE of good [0], revoked [1] and unknown [2].
    cert_status: Any,
    this_update: GeneralizedTime,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    next_update: Option<GeneralizedTime>,
}

#[derive(Sequence)]
struct ResponseData {
    /// CHOICE, byName [1].
    responder_id: Any,
    produced_at: GeneralizedTime,
    responses: Vec<SingleResponse>,
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
    let time = |time: Timestamp| {
        let since = std::time::Duration::from_secs(u64::try_from(time.as_second()).ok()?);
        GeneralizedTime::from_unix_duration(since).ok()
    };
    let next = now.checked_add(std::time::Duration::from_secs(VALIDITY)).ok()?;
    let cert_status = match status {
        Status::Good => tagged(0, false, Vec::new())?,
        Status::Revoked(since) => tagged(1, true, time(since)?.to_der().ok()?)?,
        Status::Unknown => tagged(2, false, Vec::new())?,
    };
    let single = SingleResponse {
        cert_id: cert_id(subject)?,
        cert_status,
        this_update: time(now)?,
        next_update: Some(time(next)?),
    };
    let tbs_response_data = ResponseData {
        responder_id: tagged(1, true, responder.name.to_vec())?,
        produced_at: time(now)?,
        responses: vec![single],
    };
    let signature = (responder.sign)(&tbs_response_data.to_der().ok()?)?;
    let basic = BasicResponse {
        tbs_response_data,
        signature_algorithm: if responder.rsa {
            AlgorithmIdentifier { algorithm: RSA_SHA256, parameters: Some(Any::null()) }
        } else {
            AlgorithmIdentifier { algorithm: ECDSA_SHA256, parameters: None }
        },
        signature: BitString::from_bytes(&signature).ok()?,
        certs: Some(vec![Any::from_der(responder.certificate).ok()?]),
    };
    let bytes = ResponseBytes { response_type: BASIC, response: OctetString::new(basic.to_der().ok()?).ok()? };
    OcspResponse { response_status: ResponseStatus::Successful, response_bytes: Some(bytes) }.to_der().ok()
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
