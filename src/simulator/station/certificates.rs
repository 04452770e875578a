//! What the station trusts: roots (M03 to M05), and what a stronger security profile asks for (A05).

use serde_json::{Value, json};

use super::{Station, own_certificate::OwnCertificate};
use crate::{
    certificate::{Certificate, same_hash},
    link::Identity,
};

const CSMS_ROOT: &str = "CSMSRootCertificate";
const MANUFACTURER_ROOT: &str = "ManufacturerRootCertificate";

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

/// The certificates.
#[derive(Debug, Clone, Default)]
pub(super) struct Store {
    roots: Vec<Root>,
    /// Part of the firmware, so that no CSMS sees or deletes them.
    manufacturer: Vec<Certificate>,
    pub(super) own: OwnCertificate,
    /// The next attempt to connect trusts the root that was succeeded.
    try_fallback: bool,
}

impl Store {
    /// What the station is delivered with.
    pub(super) fn delivered(roots: &str, manufacturer: &str, client: Option<Identity>) -> Self {
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
        let manufacturer = Certificate::chain(manufacturer);
        Self { roots: roots.collect(), manufacturer, own: OwnCertificate::delivered(client), ..Self::default() }
    }

    /// The roots that a CSMS's certificate may come from, PEM.
    pub(super) fn trusted(&self) -> String {
        let roots = self.roots.iter().filter(|root| root.kind == CSMS_ROOT && root.fallback == self.try_fallback);
        roots.map(|root| root.pem.as_str()).collect()
    }

    fn roots_of(&self, kind: &'static str) -> impl Iterator<Item = &Certificate> {
        self.roots.iter().filter(move |root| root.kind == kind).map(|root| &root.certificate)
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
}

/// True for a chain, leaf first, in which all are in their time, each is signed by the next, and the last by a root.
fn leads_to<'r>(chain: &[Certificate], mut roots: impl Iterator<Item = &'r Certificate>, now: jiff::Timestamp) -> bool {
    chain.iter().all(|certificate| certificate.is_valid_at(now))
        && chain.windows(2).all(|pair| pair[0].is_signed_by(&pair[1]))
        && chain.last().is_some_and(|top| roots.any(|root| top.is_signed_by(root)))
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
        let own = self.certificates.own.certificate();
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

    /// A02.FR.06: for our key, in its time, for us, and from a CSMS root.
    pub(super) fn is_sound(&self, chain: &str, request: &str) -> bool {
        let chain = Certificate::chain(chain);
        let Some(leaf) = chain.first() else { return false };
        leaf.answers(request)
            && leaf.common_name() == self.identity
            && leads_to(&chain, self.certificates.roots_of(CSMS_ROOT), self.now())
    }

    /// L01.FR.12 and 21: what signs firmware is in its time, and comes from the manufacturer: from a root that the station
    /// is made with, or one that was installed.
    pub(super) fn signs_firmware(&self, pem: &str) -> bool {
        let roots = self.certificates.manufacturer.iter().chain(self.certificates.roots_of(MANUFACTURER_ROOT));
        leads_to(&Certificate::chain(pem), roots, self.now())
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
        let has_certificate = || self.certificates.own.certificate().is_some_and(|own| own.is_valid_at(self.now()));
        wanted.filter_map(|slot| self.profiles.iter().find(|(known, _)| *known == slot)).all(|(_, profile)| {
            let wanted = profile.security_profile;
            wanted == present || (wanted > present && has_root() && (wanted < 3 || has_certificate()))
        })
    }
}
