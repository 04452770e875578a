//! Certificates for the station.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::{link::CertificateKind, services::pki::Pki};

/// Who signs, if anybody does.
pub(super) struct Certificates {
    authority: Option<Arc<Pki>>,
}

impl Certificates {
    pub(super) fn new(authority: Option<Arc<Pki>>) -> Self {
        Self { authority }
    }

    /// The status for a SignCertificateRequest, and the CertificateSignedRequest that follows (A02.FR.11, A02.FR.14).
    pub(super) fn sign(&self, payload: &Value) -> (&'static str, Option<Value>) {
        let csr = payload["csr"].as_str().unwrap_or_default();
        let chain =
            self.authority.as_ref().and_then(|authority| authority.sign_request(csr, CertificateKind::Valid).ok());
        let Some(chain) = chain else { return ("Rejected", None) };
        let mut signed = json!({ "certificateChain": chain });
        if let Some(kind) = payload.get("certificateType") {
            signed["certificateType"] = kind.clone();
        }
        ("Accepted", Some(signed))
    }
}
