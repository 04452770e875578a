//! What the station trusts, and what it shows of itself: roots (M03 to M05), its own certificate (A02, A03), and what a
//! stronger security profile asks for (A05).

use std::time::Duration;

use serde_json::{Value, json};

use super::{Station, Timer};
use crate::{
    certificate::{Certificate, same_hash},
    link::{Identity, LinkCommand, Secret},
    operator::ActionOutcome,
    services::pki::{self, KeyKind},
};

const CSMS_ROOT: &str = "CSMSRootCertificate";

/// A root in the store.
#[derive(Debug, Clone)]
struct Root {
    kind: String,
    pem: String,
    certificate: Certificate,
    /// The one that signed it: itself, or the root that it succeeded.
    issuer: Certificate,
    /// The station came with it.
    delivered: bool,
    /// Succeeded by another, and kept until that one has proved itself (M05.FR.12).
    fallback: bool,
}

/// A signing request that was not answered with a certificate yet.
#[derive(Debug, Clone)]
struct Asked {
    key: Secret,
    csr: String,
    /// How often it was sent again.
    again: u64,
}

/// The certificates.
#[derive(Debug, Clone, Default)]
pub(super) struct Store {
    roots: Vec<Root>,
    client: Option<Identity>,
    asked: Option<Asked>,
    /// The next attempt to connect trusts the root that was succeeded.
    try_fallback: bool,
    /// A new certificate waits to be used.
    renewed: bool,
}

impl Store {
    /// What the station is delivered with.
    pub(super) fn delivered(roots: &str, client: Option<Identity>) -> Self {
        let blocks = roots.split_inclusive("-----END CERTIFICATE-----\n");
        let roots = blocks.filter_map(|pem| {
            let certificate = Certificate::first(pem)?;
            Some(Root {
                kind: CSMS_ROOT.into(),
                pem: pem.to_owned(),
                issuer: certificate.clone(),
                certificate,
                delivered: true,
                fallback: false,
            })
        });
        Self { roots: roots.collect(), client, ..Self::default() }
    }

    /// The roots that a CSMS's certificate may come from, PEM.
    pub(super) fn trusted(&self) -> String {
        let roots = self.roots.iter().filter(|root| root.kind == CSMS_ROOT && root.fallback == self.try_fallback);
        roots.map(|root| root.pem.as_str()).collect()
    }

    /// The station's own certificate.
    pub(super) fn client(&self) -> Option<&Identity> {
        self.client.as_ref()
    }

    /// Turns to the former root after a failure with the new one; false when there is none to turn to.
    pub(super) fn fall_back(&mut self) -> bool {
        let turn = !self.try_fallback && self.roots.iter().any(|root| root.fallback);
        self.try_fallback = turn;
        turn
    }

    /// M05.FR.13: the new root has proved itself, the former goes.
    pub(super) fn connected(&mut self, security_profile: u8) {
        if security_profile >= 2 && !self.try_fallback {
            self.roots.retain(|root| !root.fallback);
        }
        self.try_fallback = false;
    }

    /// A reboot forgets what was asked for.
    pub(super) fn forget_request(&mut self) {
        self.asked = None;
    }
}

impl Station {
    pub(super) fn now(&self) -> jiff::Timestamp {
        self.clock.now().wall
    }

    // ---- roots ----

    pub(super) fn install_certificate(&mut self, payload: &Value) -> &'static str {
        let kind = payload["certificateType"].as_str().unwrap_or_default();
        let pem = payload["certificate"].as_str().unwrap_or_default();
        // M05.FR.07
        let Some(certificate) = Certificate::first(pem).filter(|new| new.is_valid_at(self.now())) else {
            return "Rejected";
        };
        let same = |root: &Root| root.kind == kind && root.certificate == certificate && !root.fallback;
        if self.certificates.roots.iter().any(same) {
            return "Accepted"; // M05.FR.17: replaced by itself
        }
        let current = self.certificates.roots.iter().find(|root| root.kind == kind && !root.fallback);
        let succeeds = kind == CSMS_ROOT && self.device.is("SecurityCtrlr", "AdditionalRootCertificateCheck");
        let signer = current.map(|root| &root.certificate).filter(|root| certificate.is_signed_by(root));
        let issuer = match signer {
            Some(signer) => signer.clone(),
            // M05.FR.11
            None if succeeds && current.is_some() => return "Rejected",
            None if certificate.is_signed_by(&certificate) => certificate.clone(),
            None => return "Rejected",
        };
        // M05.FR.06. Counted per type and without what the station came with: a product that names 1 holds a root of
        // each of two types in TC_M_17 all the same.
        let limit = self.pics.number("ORS-17").unwrap_or(10).max(1);
        let held = self.certificates.roots.iter().filter(|root| root.kind == kind && !root.delivered && !root.fallback);
        if !succeeds && i64::try_from(held.count()).unwrap_or(i64::MAX) >= limit {
            return "Rejected";
        }
        if succeeds {
            // M05.FR.09 and 12: one, and one to fall back on.
            self.certificates.roots.retain(|root| root.kind != CSMS_ROOT || !root.fallback);
            for root in self.certificates.roots.iter_mut().filter(|root| root.kind == CSMS_ROOT) {
                root.fallback = true;
            }
        }
        let (kind, pem) = (kind.to_owned(), format!("{}\n", pem.trim_end()));
        self.certificates.roots.push(Root { kind, pem, certificate, issuer, delivered: false, fallback: false });
        self.count_certificates();
        "Accepted"
    }

    fn count_certificates(&mut self) {
        let count = self.certificates.roots.iter().filter(|root| !root.delivered).count();
        self.device.put("SecurityCtrlr", "CertificateEntries", count.to_string());
    }

    pub(super) fn installed_certificates(&self, payload: &Value) -> Value {
        let wanted: Option<Vec<&str>> =
            payload["certificateType"].as_array().map(|kinds| kinds.iter().filter_map(Value::as_str).collect());
        let chain: Vec<Value> = self
            .certificates
            .roots
            .iter()
            .filter(|root| wanted.as_ref().is_none_or(|wanted| wanted.contains(&root.kind.as_str())))
            .filter_map(|root| {
                let hash = root.certificate.hash_data(&root.issuer, "SHA256")?;
                Some(json!({ "certificateType": root.kind, "certificateHashData": hash }))
            })
            .collect();
        if chain.is_empty() {
            json!({ "status": "NotFound" })
        } else {
            json!({ "status": "Accepted", "certificateHashDataChain": chain })
        }
    }

    pub(super) fn delete_certificate(&mut self, payload: &Value) -> &'static str {
        let wanted = &payload["certificateHashData"];
        let is_wanted = |certificate: &Certificate, issuer: &Certificate| {
            certificate.hash_data(issuer, "SHA256").is_some_and(|hash| same_hash(&hash, wanted))
        };
        // M04.FR.06
        let own = self.certificates.client.as_ref().and_then(|own| Certificate::first(&own.chain));
        if own.is_some_and(|own| self.certificates.roots.iter().any(|root| is_wanted(&own, &root.certificate))) {
            return "Failed";
        }
        let found = self.certificates.roots.iter().position(|root| is_wanted(&root.certificate, &root.issuer));
        let Some(found) = found else { return "NotFound" };
        let kind = self.certificates.roots[found].kind.clone();
        let last = self.certificates.roots.iter().filter(|root| root.kind == kind).count() == 1;
        if last && kind == CSMS_ROOT && !self.pics.is_yes("AQ-1") {
            return "Failed"; // M04.FR.03
        }
        self.certificates.roots.remove(found);
        if !self.certificates.roots.iter().any(|root| root.kind == CSMS_ROOT && !root.fallback) {
            self.certificates.roots.iter_mut().for_each(|root| root.fallback = false);
        }
        self.count_certificates();
        "Accepted"
    }

    // ---- the station's own certificate ----

    /// A02: a new key, and a request for its certificate.
    pub(super) fn sign_certificate(&mut self) {
        let organisation = self.device.get("SecurityCtrlr", "OrganizationName").to_owned();
        let suites = self.pics.list("C-41");
        let rsa = !suites.is_empty() && suites.iter().all(|suite| suite.contains("_RSA_"));
        let kind = if rsa { KeyKind::Rsa } else { KeyKind::Ecdsa };
        if let Ok((csr, key)) = pki::signing_request(kind, &self.identity, &organisation) {
            self.cancel(|timer| *timer == Timer::SignAgain);
            self.certificates.asked = Some(Asked { key, csr, again: 0 });
            self.ask_to_sign();
        }
    }

    fn ask_to_sign(&mut self) {
        if let Some(asked) = &self.certificates.asked {
            let payload = json!({ "csr": asked.csr, "certificateType": "ChargingStationCertificate" });
            self.call("SignCertificate", payload);
        }
    }

    /// A02.FR.17 to 19: what was accepted but not signed is asked for again, after twice the time each time.
    pub(super) fn sign_answered(&mut self, response: &Value) {
        let repeats = self.device.number("SecurityCtrlr", "CertSigningRepeatTimes");
        let minimum = self.device.number("SecurityCtrlr", "CertSigningWaitMinimum");
        let Some(asked) = &self.certificates.asked else { return };
        if response["status"] != "Accepted" {
            self.certificates.asked = None;
        } else if minimum > 0 && asked.again <= repeats {
            let wait = Duration::from_secs(minimum << asked.again.min(16));
            self.schedule(wait, Timer::SignAgain);
        }
    }

    pub(super) fn sign_again(&mut self) {
        if let Some(asked) = &mut self.certificates.asked {
            asked.again += 1;
            self.ask_to_sign();
        }
    }

    pub(super) fn certificate_signed(&mut self, payload: &Value) -> &'static str {
        let chain = payload["certificateChain"].as_str().unwrap_or_default();
        let limit = self.device.number("SecurityCtrlr", "MaxCertificateChainSize");
        if limit > 0 && u64::try_from(chain.len()).unwrap_or(u64::MAX) > limit {
            return "Rejected"; // A02.FR.16
        }
        self.cancel(|timer| *timer == Timer::SignAgain);
        let asked = self.certificates.asked.take();
        let is_own = payload.get("certificateType").is_none_or(|kind| kind == "ChargingStationCertificate");
        match asked.filter(|asked| is_own && self.is_sound(chain, &asked.csr)) {
            Some(asked) => {
                self.certificates.client = Some(Identity { chain: chain.to_owned(), key: asked.key });
                self.certificates.renewed = true;
                "Accepted"
            }
            None => {
                self.security_event("InvalidChargingStationCertificate"); // A02.FR.07
                "Rejected"
            }
        }
    }

    /// A02.FR.06: for our key, in its time, for us, and from a CSMS root.
    fn is_sound(&self, chain: &str, request: &str) -> bool {
        let chain = Certificate::chain(chain);
        let (Some(leaf), Some(top)) = (chain.first(), chain.last()) else { return false };
        leaf.answers(request)
            && leaf.common_name() == self.identity
            && chain.iter().all(|certificate| certificate.is_valid_at(self.now()))
            && chain.windows(2).all(|pair| pair[0].is_signed_by(&pair[1]))
            && self.certificates.roots.iter().any(|root| root.kind == CSMS_ROOT && top.is_signed_by(&root.certificate))
    }

    /// A02.FR.08: the new certificate is used at once.
    pub(super) fn use_new_certificate(&mut self) {
        let renewed = std::mem::take(&mut self.certificates.renewed);
        let shown = self.profile().is_some_and(|profile| profile.security_profile == 3);
        if let Some(conn) = self.conn.filter(|_| renewed && shown) {
            self.link.send(LinkCommand::Close(conn, 1000));
        }
    }

    /// The installer's tool takes the station's certificate away, where there is such a tool.
    pub(super) fn remove_certificate(&mut self) -> ActionOutcome {
        if self.certificates.client.is_some() && !self.pics.is_yes("AQ-3") {
            return ActionOutcome::NotPossible("the certificate of this station can't be removed".into());
        }
        self.certificates.client = None;
        ActionOutcome::Done
    }

    // ---- security profiles ----

    /// A05.FR.02, 03 and 10: what the profiles of a priority list need is there, and none is weaker than the present one.
    pub(super) fn may_use_profiles(&self, priority: &str) -> bool {
        let present = self.profile().map_or(1, |profile| profile.security_profile);
        let wanted = priority.split(',').filter_map(|slot| slot.trim().parse::<i64>().ok());
        let has_root = || {
            let mut roots = self.certificates.roots.iter().filter(|root| root.kind == CSMS_ROOT);
            roots.any(|root| root.certificate.is_valid_at(self.now()))
        };
        let has_certificate = || {
            let own = self.certificates.client.as_ref().and_then(|own| Certificate::first(&own.chain));
            own.is_some_and(|own| own.is_valid_at(self.now()))
        };
        wanted.filter_map(|slot| self.profiles.iter().find(|(known, _)| *known == slot)).all(|(_, profile)| {
            let wanted = profile.security_profile;
            wanted == present || (wanted > present && has_root() && (wanted < 3 || has_certificate()))
        })
    }
}
