//! What a client of a responder does: it asks about a certificate, and judges the answer.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey, VerificationAlgorithm,
};
use der::{Decode as _, Encode as _, Tag, TagNumber, Tagged as _};
use jiff::Timestamp;
use serde_json::Value;

use super::{
    BASIC, BasicResponse, CertId, ECDSA_SHA256, OcspResponse, RSA_SHA256, ResponseStatus, Subject, cert_id,
    generalized, responder,
};
use crate::certificate::Certificate;

/// What an answer says of a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It is not revoked.
    Good,
    /// It is revoked.
    Revoked,
    /// The responder does not know it.
    Unknown,
}

impl Standing {
    /// As test cases name it.
    pub fn word(self) -> &'static str {
        match self {
            Standing::Good => "good",
            Standing::Revoked => "revoked",
            Standing::Unknown => "unknown",
        }
    }
}

/// Why an answer says nothing of a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// The hash data are not such that a request could be made of them.
    #[error("the hash data of the certificate are malformed")]
    HashData,
    /// It is no `OCSPResponse` in DER.
    #[error("it is not an OCSPResponse (RFC 6960) in DER")]
    NotAResponse,
    /// The responder refuses.
    #[error("it is an error response and has no status of the certificate")]
    Refused,
    /// It is about other certificates.
    #[error("it has no status of the certificate that was asked for")]
    OtherCertificate,
    /// Nobody signed it who may.
    #[error("it is not signed by the issuer of the certificate")]
    NotSigned,
    /// It held, or will hold, at another time.
    #[error("it is outdated")]
    Outdated,
}

/// The certificate that OCPP's `OCSPRequestDataType` names.
fn asked(hash: &Value) -> Option<CertId> {
    let text = |member: &str| hash[member].as_str();
    cert_id(&Subject {
        algorithm: text("hashAlgorithm")?,
        issuer_name_hash: text("issuerNameHash")?,
        issuer_key_hash: text("issuerKeyHash")?,
        serial: text("serialNumber")?,
    })
}

/// An `OCSPRequest` for an `OCSPRequestDataType`, DER.
pub fn request(hash: &Value) -> Option<Vec<u8>> {
    responder::request(asked(hash)?, None)
}

/// What an `OCSPResponse` in DER says of the certificate that an `OCSPRequestDataType` names, if it holds at the time. The
/// answer must be signed by the certificate's issuer, whose key the hash data name; certificates of responders that an issuer
/// has authorized are not supported.
pub fn judge(response: &[u8], hash: &Value, now: Option<Timestamp>) -> Result<Standing, AnswerError> {
    let asked = asked(hash).ok_or(AnswerError::HashData)?;
    let response = OcspResponse::from_der(response).map_err(|_| AnswerError::NotAResponse)?;
    if response.response_status != ResponseStatus::Successful {
        return Err(AnswerError::Refused);
    }
    let bytes =
        response.response_bytes.filter(|bytes| bytes.response_type == BASIC).ok_or(AnswerError::NotAResponse)?;
    let basic = BasicResponse::from_der(bytes.response.as_bytes()).map_err(|_| AnswerError::NotAResponse)?;
    if !is_signed_by_issuer(&basic, &asked) {
        return Err(AnswerError::NotSigned);
    }
    let mut all = basic.tbs_response_data.responses.iter();
    let found = all.find(|one| one.cert_id.is_same(&asked)).ok_or(AnswerError::OtherCertificate)?;
    if let Some(now) = now.and_then(generalized) {
        let (now, from) = (now.to_unix_duration(), found.this_update.to_unix_duration());
        if from > now || found.next_update.is_some_and(|until| until.to_unix_duration() < now) {
            return Err(AnswerError::Outdated);
        }
    }
    match found.cert_status.tag() {
        Tag::ContextSpecific { number: TagNumber(0), .. } => Ok(Standing::Good),
        Tag::ContextSpecific { number: TagNumber(1), .. } => Ok(Standing::Revoked),
        Tag::ContextSpecific { number: TagNumber(2), .. } => Ok(Standing::Unknown),
        _ => Err(AnswerError::NotAResponse),
    }
}

fn is_signed_by_issuer(basic: &BasicResponse, asked: &CertId) -> bool {
    let algorithm: &'static dyn VerificationAlgorithm = match basic.signature_algorithm.algorithm {
        ECDSA_SHA256 => &ECDSA_P256_SHA256_ASN1,
        RSA_SHA256 => &RSA_PKCS1_2048_8192_SHA256,
        _ => return false,
    };
    let (Ok(signed), Some(signature)) = (basic.tbs_response_data.to_der(), basic.signature.as_bytes()) else {
        return false;
    };
    let certificates =
        basic.certs.iter().flatten().take(8).filter_map(|one| Certificate::from_der(&one.to_der().ok()?));
    certificates
        .filter(|one| asked.is_issued_by(one.subject(), &one.key_bits()))
        .any(|one| UnparsedPublicKey::new(algorithm, one.key_bits()).verify(&signed, signature).is_ok())
}
