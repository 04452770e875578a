//! Certificates that are installed at our charge point (security whitepaper, M03 to M05, A02).

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Around, OwnStation, status};
use crate::{
    certificate::{self, Certificate},
    protocol::session::Asked,
};

/// The algorithm of the hash data that the charge point reports.
const ALGORITHM: &str = "SHA256";
/// The type of the root certificate of the central system.
const CENTRAL_SYSTEM_ROOT: &str = "CentralSystemRootCertificate";

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Installed {
    kind: String,
    pem: String,
}

/// The certificates that the central system has installed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Certificates(Vec<Installed>);

impl Certificates {
    fn position(&self, hash: &Value) -> Option<usize> {
        self.0.iter().position(|one| certificate::is_hash_of(hash, &one.pem))
    }
}

/// The factory-installed root certificate, if the charge point uses TLS.
fn root(around: &Around) -> Option<&str> {
    around.bench("root").as_str().filter(|pem| !pem.is_empty() && around.security_profile() > 1)
}

impl OwnStation {
    fn has_room_for_certificate(&self, around: &Around) -> bool {
        self.certificates.0.len() < self.number(around, "CertificateStoreMaxLength")
    }

    pub(super) fn install_certificate(&self, around: &Around, payload: &Value) -> Value {
        let pem = payload["certificate"].as_str().unwrap_or_default();
        let known = self.certificates.0.iter().any(|one| one.pem == pem);
        // M05.FR.03, M05.FR.06
        let valid = Certificate::first(pem).is_some_and(|found| found.is_valid_at(around.now.wall));
        status(if valid && (known || self.has_room_for_certificate(around)) { "Accepted" } else { "Rejected" })
    }

    pub(super) fn keep_certificate(&mut self, around: &Around, request: &Value) {
        let text = |name: &str| request[name].as_str().unwrap_or_default().to_owned();
        let installed = Installed { kind: text("certificateType"), pem: text("certificate") };
        self.certificates.0.retain(|one| *one != installed);
        if self.has_room_for_certificate(around) {
            self.certificates.0.push(installed);
        }
    }

    pub(super) fn installed_certificates(&self, around: &Around, payload: &Value) -> Value {
        let own = root(around).map(|pem| (CENTRAL_SYSTEM_ROOT, pem));
        let all = own.into_iter().chain(self.certificates.0.iter().map(|one| (one.kind.as_str(), one.pem.as_str())));
        let wanted = all.filter(|(kind, _)| payload["certificateType"] == *kind);
        let mut found: Vec<Value> = Vec::new();
        for hash in wanted.filter_map(|(_, pem)| certificate::hash_data(pem, ALGORITHM)) {
            // The root that the connection needs may have been installed once more.
            if !found.contains(&hash) {
                found.push(hash);
            }
        }
        if found.is_empty() {
            return status("NotFound"); // M03.FR.02
        }
        json!({ "status": "Accepted", "certificateHashData": found })
    }

    pub(super) fn delete_certificate(&self, around: &Around, payload: &Value) -> Value {
        let hash = &payload["certificateHashData"];
        let in_use = || root(around).is_some_and(|pem| certificate::is_hash_of(hash, pem));
        status(match self.certificates.position(hash) {
            Some(_) => "Accepted",
            None if in_use() => "Failed", // M04.FR.06
            None => "NotFound",
        })
    }

    pub(super) fn forget_certificate(&mut self, request: &Value) {
        if let Some(position) = self.certificates.position(&request["certificateHashData"]) {
            self.certificates.0.remove(position);
        }
    }

    pub(super) fn certificate_signed(&self, asked: Asked) -> Value {
        status(if asked == Asked::ByStep || self.awaits_certificate() { "Accepted" } else { "Rejected" })
    }

    /// Closes a signing request, whether or not the certificate is accepted.
    pub(super) fn certificate_came(&mut self) {
        self.reported.signing_requests = self.reported.signing_requests.saturating_sub(1);
    }
}
