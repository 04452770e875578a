//! Certificates for the station, and those that it has.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{link::CertificateKind, services::pki::Pki};

/// Most certificates of a station that are kept.
const MAX_REPORTED: usize = 1000;

/// The CertificateSignedRequest for a SignCertificateRequest; none where nobody signs it (A02.FR.11, A02.FR.14). What EVs see
/// as well comes from the V2G hierarchy.
pub(super) fn sign(authority: Option<&Arc<Pki>>, payload: &Value, combined: bool, now: Timestamp) -> Option<Value> {
    let csr = payload["csr"].as_str().unwrap_or_default();
    let for_vehicles = match payload.get("certificateType") {
        Some(kind) => kind == "V2GCertificate",
        None => combined,
    };
    let chain = if for_vehicles {
        authority?.sign_v2g_request(csr, CertificateKind::Valid, now).ok()?
    } else {
        authority?.sign_request(csr, CertificateKind::Valid, now).ok()?
    };
    let mut signed = json!({ "certificateChain": chain });
    // A02.FR.14, and with OCPP 2.1 A02.FR.25.
    for name in ["certificateType", "requestId"] {
        if let Some(told) = payload.get(name) {
            signed[name] = told.clone();
        }
    }
    Some(signed)
}

/// What the station has.
#[derive(Default)]
pub(super) struct Certificates {
    /// Hash data as the station reported them.
    reported: Vec<Value>,
}

impl Certificates {
    /// True when the station has to be asked how it reports the certificate before it is told to delete it (M04.FR.07).
    pub(super) fn must_look(&self, request: &Value) -> bool {
        !self.reported.contains(&request["certificateHashData"])
    }

    /// Learns from an answer of the station.
    pub(super) fn answered(&mut self, action: &str, request: &Value, response: &Value) {
        match action {
            "GetInstalledCertificateIds" => {
                let chains = response["certificateHashDataChain"].as_array().into_iter().flatten();
                let reported = chains.flat_map(|chain| {
                    let children = chain["childCertificateHashData"].as_array().into_iter().flatten();
                    std::iter::once(&chain["certificateHashData"]).chain(children)
                });
                self.reported = reported.take(MAX_REPORTED).cloned().collect();
            }
            "DeleteCertificate" if response["status"] == "Accepted" => {
                self.reported.retain(|reported| *reported != request["certificateHashData"]);
            }
            _ => {}
        }
    }
}
