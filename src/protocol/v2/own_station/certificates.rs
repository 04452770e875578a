//! Certificates that are installed at our station (M03 to M05, A02).

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Around, Asked, OwnStation, device::Device, items, refused, status};
use crate::certificate::{self, Certificate};

/// The algorithm of the hash data that the station reports.
const ALGORITHM: &str = "SHA256";
/// The type of the root certificate of the CSMS.
const CSMS_ROOT: &str = "CSMSRootCertificate";

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Installed {
    kind: String,
    pem: String,
}

/// The certificates that the CSMS has installed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Certificates(Vec<Installed>);

impl Certificates {
    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    fn position(&self, hash: &Value) -> Option<usize> {
        self.0.iter().position(|one| certificate::is_hash_of(hash, &one.pem))
    }
}

/// The factory-installed root certificate, if the station uses TLS.
fn root(around: &Around) -> Option<&str> {
    around.bench("root").as_str().filter(|pem| !pem.is_empty() && around.security_profile() > 1)
}

impl OwnStation {
    pub(super) fn install_certificate(&self, around: &Around, payload: &Value) -> Value {
        let pem = payload["certificate"].as_str().unwrap_or_default();
        let known = self.certificates.0.iter().any(|one| one.pem == pem);
        match Certificate::first(pem) {
            None => refused("Rejected", "InvalidCertificate"), // M05.FR.07
            Some(found) if !found.is_valid_at(around.now.wall) => refused("Rejected", "InvalidCertificate"),
            // M05.FR.06
            Some(_) if !known && self.certificates.count() >= most(self, around) => refused("Rejected", "OutOfStorage"),
            Some(_) => status("Accepted"),
        }
    }

    pub(super) fn keep_certificate(&mut self, around: &Around, request: &Value) {
        let text = |name: &str| request[name].as_str().unwrap_or_default().to_owned();
        let installed = Installed { kind: text("certificateType"), pem: text("certificate") };
        self.certificates.0.retain(|one| *one != installed); // M05.FR.17
        if self.certificates.count() < most(self, around) {
            self.certificates.0.push(installed);
        }
    }

    pub(super) fn installed_certificates(&self, around: &Around, payload: &Value) -> Value {
        let wanted: Vec<&Value> = items(payload, "certificateType").collect();
        let own = root(around).map(|pem| (CSMS_ROOT, pem));
        let all = own.into_iter().chain(self.certificates.0.iter().map(|one| (one.kind.as_str(), one.pem.as_str())));
        let mut found: Vec<Value> = Vec::new();
        for (kind, pem) in all.filter(|(kind, _)| wanted.is_empty() || wanted.iter().any(|wanted| *wanted == kind)) {
            let Some(hash) = certificate::hash_data(pem, ALGORITHM) else { continue };
            let one = json!({ "certificateType": kind, "certificateHashData": hash });
            // What the station has from the factory is there once, even if the CSMS installs it again (M05.FR.17).
            if !found.contains(&one) {
                found.push(one);
            }
        }
        if found.is_empty() {
            return status("NotFound");
        }
        json!({ "status": "Accepted", "certificateHashDataChain": found })
    }

    pub(super) fn delete_certificate(&self, around: &Around, payload: &Value) -> Value {
        let hash = &payload["certificateHashData"];
        if self.certificates.position(hash).is_some() {
            status("Accepted")
        } else if root(around).is_some_and(|pem| certificate::is_hash_of(hash, pem)) {
            // M04.FR.03: the station needs it to connect.
            status("Failed")
        } else {
            status("NotFound")
        }
    }

    pub(super) fn forget_certificate(&mut self, request: &Value) {
        if let Some(position) = self.certificates.position(&request["certificateHashData"]) {
            self.certificates.0.remove(position);
        }
    }

    pub(super) fn certificate_signed(&self, asked: Asked) -> Value {
        if asked == Asked::ByStep || self.awaits_certificate() {
            status("Accepted")
        } else {
            refused("Rejected", "InvalidMessageSeq")
        }
    }

    /// Closes a signing request, whether or not the certificate is accepted (A02.FR.20).
    pub(super) fn certificate_came(&mut self) {
        self.reported_state.signing_requests = self.reported_state.signing_requests.saturating_sub(1);
    }
}

fn most(station: &OwnStation, around: &Around) -> usize {
    Device::new(station, around).limit("SecurityCtrlr.CertificateEntries")
}
