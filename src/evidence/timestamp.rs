//! A time-stamp (RFC 3161) that is added to a package later: the answer of an authority to a query over the signature, or over the
//! manifest where there is no signature.

use aws_lc_rs::digest::{SHA256, SHA384, SHA512, digest};
use der::{
    Decode as _,
    asn1::{Any, GeneralizedTime, ObjectIdentifier, OctetString},
};
use jiff::Timestamp;

use super::cms::{self, CmsError, SEQUENCE, elements};
use crate::certificate::Certificate;

const OID_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");
const OID_SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.2");
const OID_SHA512: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.3");
/// Largest answer that is taken, bytes.
pub(super) const MAX: usize = 1 << 20;

/// Why an answer is no time-stamp of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TimestampError {
    /// It is no answer, or one that refuses.
    #[error("it is not a granted time-stamp (RFC 3161): {0}")]
    Form(&'static str),
    /// The signature in it is none.
    #[error("the signature of the time-stamp authority does not hold: {0}")]
    Signature(#[from] CmsError),
    /// It is about something else.
    #[error("it is the time-stamp of another file")]
    OtherFile,
}

/// What a time-stamp says.
pub(super) struct Stamped {
    /// When the authority saw the file.
    pub(super) time: Timestamp,
    /// The authority's certificates, its own first.
    pub(super) certificates: Vec<Certificate>,
}

/// Reads an answer (TimeStampResp, DER) about a file. The authority's signature is checked, not whose it is.
pub(super) fn read(answer: &[u8], file: &[u8]) -> Result<Stamped, TimestampError> {
    let form = TimestampError::Form;
    let parts = elements(answer, SEQUENCE).ok_or(form("it is not DER"))?;
    let [status, token] = parts.as_slice() else { return Err(form("it holds no token")) };
    let status = elements(status, SEQUENCE).and_then(|status| u8::from_der(status.first()?).ok());
    if !matches!(status, Some(0 | 1)) {
        return Err(form("the authority has refused"));
    }
    let signed = cms::check(token, None)?;
    let info = signed.content.ok_or(form("its token is empty"))?;
    let info = elements(&info, SEQUENCE).ok_or(form("its content is malformed"))?;
    let [_version, _policy, imprint, _serial, time, ..] = info.as_slice() else {
        return Err(form("its content is incomplete"));
    };
    let imprint = elements(imprint, SEQUENCE).ok_or(form("its imprint is malformed"))?;
    let [algorithm, hash] = imprint.as_slice() else { return Err(form("its imprint is malformed")) };
    let algorithm = elements(algorithm, SEQUENCE).and_then(|parts| ObjectIdentifier::from_der(parts.first()?).ok());
    let algorithm = match algorithm {
        Some(OID_SHA256) => &SHA256,
        Some(OID_SHA384) => &SHA384,
        Some(OID_SHA512) => &SHA512,
        _ => return Err(form("its hash is neither SHA-256, SHA-384 nor SHA-512")),
    };
    let hash = OctetString::from_der(hash).map_err(|_| form("its imprint is malformed"))?;
    if hash.as_bytes() != digest(algorithm, file).as_ref() {
        return Err(TimestampError::OtherFile);
    }
    let time = moment(time).ok_or(form("its time is malformed"))?;
    Ok(Stamped { time, certificates: signed.certificates })
}

/// A GeneralizedTime; fractions of a second, which DER's strict form does not have, are left out.
fn moment(der: &[u8]) -> Option<Timestamp> {
    let any = Any::from_der(der).ok()?;
    let text = std::str::from_utf8(any.value()).ok()?;
    let whole = text.split(['.', 'Z']).next()?;
    let strict = GeneralizedTime::from_der(&[&[0x18, 15], format!("{whole}Z").as_bytes()].concat()).ok()?;
    Timestamp::from_second(i64::try_from(strict.to_unix_duration().as_secs()).ok()?).ok()
}
