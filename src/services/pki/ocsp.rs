//! The Online Certificate Status Protocol (RFC 6960): responses of an authority about certificates that it has signed.

use base64::Engine as _;
use der::{
    Encode, Sequence,
    asn1::{AnyRef, BitString, GeneralizedTime, Null, ObjectIdentifier, OctetString, UintRef},
    asn1::{ContextSpecific, Ia5StringRef},
};
use jiff::{SignedDuration, Timestamp};
use rcgen::SigningKey;
use serde::Deserialize;
use serde_json::Value;

use super::PkiError;

/// id-ad-ocsp
const ACCESS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.1");
/// id-pkix-ocsp-basic
const BASIC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.1.1");
/// ecdsa-with-SHA256
const ECDSA_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");
/// How long a response holds: a station refreshes what it has at least once a week (M06.FR.10).
const HOLDS: SignedDuration = SignedDuration::from_hours(24 * 7);

/// What an authority says of a certificate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CertificateStatus {
    /// It was not revoked.
    #[default]
    Good,
    /// It was.
    Revoked,
}

#[derive(Sequence)]
struct Algorithm {
    oid: ObjectIdentifier,
    #[asn1(optional = "true")]
    parameters: Option<Null>,
}

#[derive(Sequence)]
struct CertId<'d> {
    algorithm: Algorithm,
    issuer_name: OctetString,
    issuer_key: OctetString,
    serial: UintRef<'d>,
}

/// What stands at `[n]`, of a type that the encoding itself says.
type Tagged<T> = ContextSpecific<T>;

#[derive(Sequence)]
struct Revoked {
    at: GeneralizedTime,
}

#[derive(Sequence)]
struct SingleResponse<'d> {
    certificate: CertId<'d>,
    status: AnyRef<'d>,
    this_update: GeneralizedTime,
    next_update: Tagged<GeneralizedTime>,
}

#[derive(Sequence)]
struct ResponseData<'d> {
    responder: Tagged<AnyRef<'d>>,
    produced_at: GeneralizedTime,
    responses: Vec<SingleResponse<'d>>,
}

#[derive(Sequence)]
struct BasicResponse<'d> {
    data: AnyRef<'d>,
    algorithm: Algorithm,
    signature: BitString,
}

#[derive(Sequence)]
struct ResponseBytes {
    kind: ObjectIdentifier,
    response: OctetString,
}

#[derive(Sequence)]
struct OcspResponse<'d> {
    status: AnyRef<'d>,
    bytes: Tagged<ResponseBytes>,
}

#[derive(Sequence)]
struct AccessDescription<'d> {
    method: ObjectIdentifier,
    location: Tagged<Ia5StringRef<'d>>,
}

fn tagged<T>(number: u32, implicit: bool, value: T) -> Tagged<T> {
    let tag_mode = if implicit { der::TagMode::Implicit } else { der::TagMode::Explicit };
    ContextSpecific { tag_number: der::TagNumber(number), tag_mode, value }
}

/// The content of authorityInfoAccess that names a responder.
pub(super) fn access(responder: &str) -> Result<Vec<u8>, PkiError> {
    let location = tagged(6, true, Ia5StringRef::new(responder)?);
    Ok(vec![AccessDescription { method: ACCESS, location }].to_der()?)
}

fn time(at: Timestamp) -> Result<GeneralizedTime, PkiError> {
    let seconds = u64::try_from(at.as_second()).unwrap_or_default();
    Ok(GeneralizedTime::from_unix_duration(std::time::Duration::from_secs(seconds))?)
}

fn bytes(hash: &Value, member: &str) -> Result<Vec<u8>, PkiError> {
    let text = hash[member].as_str().unwrap_or_default();
    let text = if text.len() % 2 == 0 { text.to_owned() } else { format!("0{text}") };
    let byte = |at: usize| text.get(at..at + 2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
    let bytes: Option<Vec<u8>> = (0..text.len()).step_by(2).map(byte).collect();
    bytes.filter(|bytes| !bytes.is_empty()).ok_or_else(|| PkiError(format!("{member} is not hexadecimal")))
}

fn digest(hash: &Value) -> Result<ObjectIdentifier, PkiError> {
    let name = hash["hashAlgorithm"].as_str().unwrap_or_default();
    let last = match name {
        "SHA256" => 1,
        "SHA384" => 2,
        "SHA512" => 3,
        other => return Err(PkiError(format!("unknown hash algorithm `{other}`"))),
    };
    Ok(ObjectIdentifier::new(&format!("2.16.840.1.101.3.4.2.{last}")).map_err(der::Error::from)?)
}

/// A response (base64 of DER) about the certificate with this CertificateHashData, from the authority of the given name (as
/// it is encoded) and ECDSA key.
pub(super) fn response(
    hash: &Value,
    status: CertificateStatus,
    authority: &[u8],
    key: &impl SigningKey,
    now: Timestamp,
) -> Result<String, PkiError> {
    let serial = bytes(hash, "serialNumber")?;
    let certificate = CertId {
        algorithm: Algorithm { oid: digest(hash)?, parameters: Some(Null) },
        issuer_name: OctetString::new(bytes(hash, "issuerNameHash")?)?,
        issuer_key: OctetString::new(bytes(hash, "issuerKeyHash")?)?,
        serial: UintRef::new(&serial)?,
    };
    let status = match status {
        CertificateStatus::Good => tagged(0, true, Null).to_der()?,
        CertificateStatus::Revoked => tagged(1, true, Revoked { at: time(now)? }).to_der()?,
    };
    let until = now.checked_add(HOLDS).unwrap_or(now);
    let single = SingleResponse {
        certificate,
        status: AnyRef::try_from(&status[..])?,
        this_update: time(now)?,
        next_update: tagged(0, false, time(until)?),
    };
    let responder = tagged(1, false, AnyRef::try_from(authority)?);
    let data = ResponseData { responder, produced_at: time(now)?, responses: vec![single] }.to_der()?;
    let signature = BitString::from_bytes(&key.sign(&data)?)?;
    let algorithm = Algorithm { oid: ECDSA_SHA256, parameters: None };
    let basic = BasicResponse { data: AnyRef::try_from(&data[..])?, algorithm, signature }.to_der()?;
    let bytes = tagged(0, false, ResponseBytes { kind: BASIC, response: OctetString::new(basic)? });
    // ENUMERATED 0: successful.
    let response = OcspResponse { status: AnyRef::try_from(&[0x0a, 1, 0][..])?, bytes }.to_der()?;
    Ok(base64::engine::general_purpose::STANDARD.encode(response))
}
