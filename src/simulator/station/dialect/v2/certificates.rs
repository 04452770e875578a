//! What the station trusts: roots (M03 to M05), and what a stronger security profile asks for (A05).

use serde_json::{Value, json};

use super::Station;
use crate::simulator::station::physical::{Deleted, Installation, RootKind};

/// The kinds of roots with their names (InstallCertificateUseEnumType).
const KINDS: [(&str, RootKind); 5] = [
    ("CSMSRootCertificate", RootKind::Csms),
    ("ManufacturerRootCertificate", RootKind::Manufacturer),
    ("V2GRootCertificate", RootKind::VehicleToGrid),
    ("MORootCertificate", RootKind::MobilityOperator),
    ("OEMRootCertificate", RootKind::VehicleMaker), // since OCPP 2.1
];

/// The certificate that EVs see, with the sub-CAs above it (M03.FR.05).
const V2G_CHAIN: &str = "V2GCertificateChain";

fn kind(name: &Value) -> Option<RootKind> {
    KINDS.iter().find(|(known, _)| name == known).map(|(_, kind)| *kind)
}

impl Station {
    // ---- roots ----

    pub(super) fn install_certificate(&mut self, payload: &Value) -> &'static str {
        let Some(kind) = kind(&payload["certificateType"]) else { return "Rejected" };
        let how = Installation {
            kind,
            succession: self.device.is("SecurityCtrlr", "AdditionalRootCertificateCheck"),
            limit: self.pics.number("ORS-17").unwrap_or(10).max(1),
        };
        let now = self.physical.now();
        let pem = payload["certificate"].as_str().unwrap_or_default();
        if !self.physical.certificates.install(pem, how, now) {
            return "Rejected";
        }
        self.count_certificates();
        "Accepted"
    }

    fn count_certificates(&mut self) {
        let count = self.physical.certificates.installed();
        self.device.put("SecurityCtrlr", "CertificateEntries", count.to_string());
    }

    pub(super) fn installed_certificates(&self, payload: &Value) -> Value {
        let wanted: Option<Vec<RootKind>> =
            payload["certificateType"].as_array().map(|kinds| kinds.iter().filter_map(kind).collect());
        let listed = self.physical.certificates.listed(wanted.as_deref()).into_iter();
        let mut chain: Vec<Value> = listed
            .map(|(kind, hash)| {
                let name = KINDS.iter().find(|(_, known)| *known == kind).map_or("", |(name, _)| name);
                json!({ "certificateType": name, "certificateHashData": hash })
            })
            .collect();
        let asks_for_chain =
            payload["certificateType"].as_array().is_none_or(|kinds| kinds.contains(&V2G_CHAIN.into()));
        if let Some((own, above)) = self.physical.certificates.vehicle_chain().filter(|_| asks_for_chain) {
            let mut listed = json!({ "certificateType": V2G_CHAIN, "certificateHashData": own });
            if !above.is_empty() {
                listed["childCertificateHashData"] = above.into();
            }
            chain.push(listed);
        }
        if chain.is_empty() {
            json!({ "status": "NotFound" })
        } else {
            json!({ "status": "Accepted", "certificateHashDataChain": chain })
        }
    }

    pub(super) fn delete_certificate(&mut self, payload: &Value) -> &'static str {
        let last_too = self.pics.is_yes("AQ-1");
        match self.physical.certificates.delete(&payload["certificateHashData"], last_too) {
            Deleted::Refused => "Failed",
            Deleted::NotFound => "NotFound",
            Deleted::Gone => {
                self.count_certificates();
                "Accepted"
            }
        }
    }

    // ---- security profiles ----

    /// A05.FR.02, 03 and 10: what the profiles of a priority list need is there, and none is weaker than the present one.
    pub(super) fn may_use_profiles(&self, priority: &str) -> bool {
        let present = self.profile().map_or(1, |profile| profile.security_profile);
        let wanted = priority.split(',').filter_map(|slot| slot.trim().parse::<i64>().ok());
        let (now, certificates) = (self.physical.now(), &self.physical.certificates);
        let has_root = || certificates.has_valid_root(now);
        let has_certificate = || certificates.own.certificate().is_some_and(|own| own.is_valid_at(now));
        wanted.filter_map(|slot| self.profiles.iter().find(|(known, _)| *known == slot)).all(|(_, profile)| {
            let wanted = profile.security_profile;
            wanted == present
                || self.may_step_down(present, wanted)
                || (wanted > present && has_root() && (wanted < 3 || has_certificate()))
        })
    }
}
