//! The responder that products reach over HTTP (RFC 6960, appendix A): it answers for the certificates that it was given.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use der::{Decode as _, Encode as _, Sequence, asn1::Any};
use jiff::Timestamp;

use super::{CertId, Extension, NONCE, OcspResponse, Responder, ResponseStatus, Status, answer, integer};
use crate::certificate::Certificate;

/// Longest request that is read, bytes.
pub(crate) const MAX_REQUEST: usize = 16 << 10;
/// Most certificates that one request may ask about.
const MAX_ASKED: usize = 16;
/// Longest nonce that is sent back, bytes as an extension's value (RFC 9654, 2.1: 128 octets).
const MAX_NONCE: usize = 131;

#[derive(Sequence)]
struct OcspRequest {
    tbs_request: TbsRequest,
    /// The signature of a request is optional, and nobody is refused here.
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    signature: Option<Any>,
}

#[derive(Sequence)]
struct TbsRequest {
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", default = "Default::default")]
    version: u8,
    #[asn1(context_specific = "1", tag_mode = "EXPLICIT", optional = "true")]
    requestor: Option<Any>,
    requests: Vec<SingleRequest>,
    #[asn1(context_specific = "2", tag_mode = "EXPLICIT", optional = "true")]
    extensions: Option<Vec<Extension>>,
}

#[derive(Sequence)]
struct SingleRequest {
    cert_id: CertId,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    extensions: Option<Vec<Extension>>,
}

/// An `OCSPRequest` about one certificate, DER.
pub(super) fn request(cert_id: CertId, nonce: Option<Extension>) -> Option<Vec<u8>> {
    let requests = vec![SingleRequest { cert_id, extensions: None }];
    let tbs_request = TbsRequest { version: 0, requestor: None, requests, extensions: nonce.map(|nonce| vec![nonce]) };
    OcspRequest { tbs_request, signature: None }.to_der().ok()
}

/// Who has issued certificates, and signs the answers about them.
pub struct Issuer {
    /// Its certificate, with those that lead from it to the root.
    pub chain: Vec<Certificate>,
    /// Signs with its key.
    pub sign: Box<dyn Fn(&[u8]) -> Option<Vec<u8>> + Send + Sync>,
    /// True for an RSA key; the others are ECDSA keys on P-256.
    pub rsa: bool,
}

impl Issuer {
    fn certificate(&self) -> Option<&Certificate> {
        self.chain.first()
    }

    fn has_issued(&self, asked: &CertId) -> bool {
        self.certificate().is_some_and(|own| asked.is_issued_by(own.subject(), &own.key_bits()))
    }
}

impl fmt::Debug for Issuer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Issuer").field("chain", &self.chain).finish_non_exhaustive()
    }
}

/// A certificate that is answered for.
#[derive(Debug)]
struct Known {
    serial: Any,
    issuer: Arc<Issuer>,
    status: Status,
    asked: u32,
}

/// A responder. Clones are the same one.
#[derive(Debug, Clone, Default)]
pub struct OcspResponder {
    known: Arc<Mutex<Vec<Known>>>,
}

impl OcspResponder {
    fn lock(&self) -> MutexGuard<'_, Vec<Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers for a certificate from now on.
    pub fn answer_for(&self, certificate: &Certificate, issuer: Issuer, status: Status) {
        let Some(serial) = integer(&certificate.serial_bytes()) else { return };
        self.lock().push(Known { serial, issuer: Arc::new(issuer), status, asked: 0 });
    }

    /// How often the status of a certificate was asked for.
    pub fn asked(&self, certificate: &Certificate) -> u32 {
        let Some(serial) = integer(&certificate.serial_bytes()) else { return 0 };
        let issued = |known: &&Known| {
            known.serial == serial && known.issuer.certificate().is_some_and(|issuer| certificate.is_signed_by(issuer))
        };
        self.lock().iter().find(issued).map_or(0, |known| known.asked)
    }

    /// The `OCSPResponse` to a request, DER.
    pub fn respond(&self, request: &[u8], now: Timestamp) -> Vec<u8> {
        let refusal = |response_status| {
            // Five bytes, which can always be encoded.
            OcspResponse { response_status, response_bytes: None }.to_der().unwrap_or_default()
        };
        let request = match OcspRequest::from_der(request) {
            Ok(request) if request.tbs_request.version == 0 => request.tbs_request,
            _ => return refusal(ResponseStatus::MalformedRequest),
        };
        if request.requests.is_empty() || request.requests.len() > MAX_ASKED {
            return refusal(ResponseStatus::MalformedRequest);
        }
        let mut known = self.lock();
        let mut signer: Option<Arc<Issuer>> = None;
        let mut asked = Vec::new();
        for SingleRequest { cert_id, .. } in request.requests {
            let issuer = known.iter().find(|one| one.issuer.has_issued(&cert_id)).map(|one| Arc::clone(&one.issuer));
            if let Some(issuer) = issuer {
                // One signature can't speak for two authorities (RFC 6960, 4.2.2.2).
                if signer.as_ref().is_some_and(|signer| !signer.has_issued(&cert_id)) {
                    return refusal(ResponseStatus::Unauthorized);
                }
                signer.get_or_insert(issuer);
            }
            let certificate =
                known.iter_mut().find(|one| one.serial == cert_id.serial_number && one.issuer.has_issued(&cert_id));
            let status = certificate.map_or(Status::Unknown, |one| {
                one.asked = one.asked.saturating_add(1);
                // The one that this certificate came with, whose chain fits it.
                signer = Some(Arc::clone(&one.issuer));
                one.status
            });
            asked.push((cert_id, status));
        }
        drop(known);
        let Some(signer) = signer else { return refusal(ResponseStatus::Unauthorized) };
        let mut extensions = request.extensions.unwrap_or_default().into_iter();
        let nonce = extensions.find(|one| one.id == NONCE && one.value.as_bytes().len() <= MAX_NONCE);
        let certificates: Vec<Vec<u8>> = signer.chain.iter().map(|one| one.der().to_vec()).collect();
        let name = signer.certificate().map(Certificate::subject).unwrap_or_default();
        let responder = Responder { name, certificates: &certificates, sign: &signer.sign, rsa: signer.rsa };
        answer(asked, nonce, &responder, now).unwrap_or_else(|| refusal(ResponseStatus::InternalError))
    }
}
