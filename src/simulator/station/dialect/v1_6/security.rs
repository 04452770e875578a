//! The security whitepaper: certificates, the password, security profiles, security events.

use serde_json::{Value, json};

use super::{ChargePoint, number};
use crate::{
    link::{Identity, Secret},
    services::pki::{self, KeyKind},
    simulator::station::{
        NetworkProfile,
        physical::{Deleted, Installation, RootKind, SigningRequest},
    },
};

/// The kinds of roots with their names (CertificateUseEnumType).
const KINDS: [(&str, RootKind); 2] =
    [("CentralSystemRootCertificate", RootKind::Csms), ("ManufacturerRootCertificate", RootKind::Manufacturer)];

/// Most events in the security log.
const LOGGED_EVENTS: usize = 1000;

fn kind(name: &Value) -> Option<RootKind> {
    KINDS.iter().find(|(known, _)| name == known).map(|(_, kind)| *kind)
}

impl ChargePoint {
    /// Writes an event into the security log, which keeps the newest (A04.FR.04).
    fn log_security_event(&mut self, kind: &str) {
        if self.security_log.len() == LOGGED_EVENTS {
            self.security_log.pop_front();
        }
        self.security_log.push_back(format!("{} {kind}\n", self.physical.wall()));
    }

    /// Tells of a critical event, now or as soon as there is a connection (A04.FR.01, A04.FR.02).
    pub(super) fn security_event(&mut self, kind: &str) {
        if self.features.security {
            self.log_security_event(kind);
            let payload = json!({ "type": kind, "timestamp": self.physical.wall() });
            self.call_kept("SecurityEventNotification", payload);
        }
    }

    // ---- roots ----

    /// InstallCertificate (M05).
    pub(super) fn install_certificate(&mut self, payload: &Value) -> &'static str {
        let Some(kind) = kind(&payload["certificateType"]) else { return "Rejected" };
        let limit = i64::try_from(self.configuration.number("CertificateStoreMaxLength")).unwrap_or(i64::MAX);
        let succession = self.configuration.is("AdditionalRootCertificateCheck");
        let how = Installation { kind, succession, limit };
        let (now, pem) = (self.physical.now(), payload["certificate"].as_str().unwrap_or_default());
        if self.physical.certificates.install(pem, how, now) { "Accepted" } else { "Rejected" }
    }

    /// GetInstalledCertificateIds (M03).
    pub(super) fn installed_certificates(&self, payload: &Value) -> Value {
        let wanted: Vec<RootKind> = kind(&payload["certificateType"]).into_iter().collect();
        let listed = self.physical.certificates.listed(Some(&wanted));
        if listed.is_empty() {
            return json!({ "status": "NotFound" });
        }
        let hashes: Vec<Value> = listed.into_iter().map(|(_, hash)| hash).collect();
        json!({ "status": "Accepted", "certificateHashData": hashes })
    }

    /// DeleteCertificate (M04). The last root for central systems is in use where the connection is secure (M04.FR.06).
    pub(super) fn delete_certificate(&mut self, payload: &Value) -> &'static str {
        let last_too = self.security_profile() < 2;
        match self.physical.certificates.delete(&payload["certificateHashData"], last_too) {
            Deleted::Refused => "Failed",
            Deleted::NotFound => "NotFound",
            Deleted::Gone => "Accepted",
        }
    }

    // ---- the own certificate ----

    /// A02, A03: a new key, and a request for its certificate.
    pub(super) fn sign_certificate(&mut self) {
        let organisation = self.configuration.get("CpoName").to_owned();
        if let Ok((csr, key)) = pki::signing_request(KeyKind::Ecdsa, &self.physical.identity, &organisation) {
            self.call_triggered("SignCertificate", json!({ "csr": csr }));
            self.physical.certificates.own.asked = Some(SigningRequest { key, csr, id: 0, combined: false, again: 0 });
        }
    }

    pub(super) fn sign_answered(&mut self, response: &Value) {
        if response["status"] != "Accepted" {
            self.physical.certificates.own.asked = None;
        }
    }

    /// CertificateSigned.
    pub(super) fn certificate_signed(&mut self, payload: &Value) -> &'static str {
        let chain = payload["certificateChain"].as_str().unwrap_or_default();
        let limit = self.configuration.number("CertificateSignedMaxChainSize");
        let fits = u64::try_from(chain.len()).is_ok_and(|length| length <= limit);
        let asked = self.physical.certificates.own.asked.take().filter(|_| fits);
        let (identity, now) = (&self.physical.identity, self.physical.now());
        let sound = |asked: &SigningRequest| self.physical.certificates.is_sound(chain, &asked.csr, identity, now);
        match asked.filter(sound) {
            Some(asked) => {
                self.physical.certificates.own.renew(Identity { chain: chain.to_owned(), key: asked.key });
                "Accepted"
            }
            None => {
                self.security_event("InvalidChargePointCertificate");
                "Rejected"
            }
        }
    }

    /// The new certificate is used at once.
    pub(super) fn use_new_certificate(&mut self) {
        if std::mem::take(&mut self.physical.certificates.own.renewed) && self.security_profile() == 3 {
            self.physical.close(1000);
        }
    }

    // ---- password and security profile ----

    pub(super) fn security_profile(&self) -> u8 {
        self.profile.as_ref().map_or(1, |profile| profile.security_profile)
    }

    /// Whether a security profile can be taken: a higher one, with all that it needs (A05.FR.01 to A05.FR.04).
    pub(super) fn may_use_profile(&self, value: &str) -> bool {
        let now = self.physical.now();
        let certificates = &self.physical.certificates;
        let Ok(wanted) = value.parse::<u8>() else { return false };
        let has_password = !self.physical.password.expose().is_empty();
        let has_certificate = certificates.own.certificate().is_some_and(|own| own.is_valid_at(now));
        wanted > self.security_profile()
            && wanted <= 3
            && (wanted == 3 || has_password)
            && (wanted < 2 || certificates.has_valid_root(now))
            && (wanted < 3 || has_certificate)
    }

    /// The charge point reconnects with the new password or profile. That is no critical event, so only the log has it.
    pub(super) fn security_changed(&mut self, key: &str, value: &str) {
        self.log_security_event("ReconfigurationOfSecurityParameters");
        if key.eq_ignore_ascii_case("AuthorizationKey") {
            self.physical.password = Secret::authorization_key(value);
        } else if let (Ok(security_profile), Some(profile)) = (value.parse::<u8>(), self.profile.clone()) {
            let url = match profile.url.strip_prefix("ws://") {
                Some(rest) if security_profile >= 2 => format!("wss://{rest}"),
                _ => profile.url.clone(),
            };
            self.former_profile = Some(profile);
            self.profile = Some(NetworkProfile { url, security_profile });
        }
        self.physical.close(1000);
    }

    /// With a new security profile the central system can't be reached: the former one is used again (A05).
    pub(super) fn fall_back(&mut self) {
        if let Some(former) = self.former_profile.take() {
            self.configuration.put("SecurityProfile", &former.security_profile.to_string());
            self.profile = Some(former);
        }
    }

    // ---- ExtendedTriggerMessage ----

    /// The answer.
    pub(super) fn extended_trigger(&self, payload: &Value) -> &'static str {
        match payload["requestedMessage"].as_str() {
            Some("SignChargePointCertificate") if self.configuration.get("CpoName").is_empty() => "Rejected",
            Some("SignChargePointCertificate" | "LogStatusNotification") => "Accepted",
            _ => self.trigger(payload),
        }
    }

    /// Sends what was asked for and promised.
    pub(super) fn extended_triggered(&mut self, payload: &Value) {
        if self.extended_trigger(payload) != "Accepted" {
            return;
        }
        match payload["requestedMessage"].as_str() {
            Some("SignChargePointCertificate") => self.sign_certificate(),
            Some("LogStatusNotification") => self.report_log(),
            Some("FirmwareStatusNotification") => self.report_signed_firmware(),
            _ => self.triggered(payload),
        }
    }

    // ---- signed firmware ----

    /// The answer to a SignedUpdateFirmware (L01).
    pub(super) fn signed_update(&self, payload: &Value) -> &'static str {
        let certificate = payload["firmware"]["signingCertificate"].as_str().unwrap_or_default();
        if !self.physical.certificates.signs_firmware(certificate, self.physical.now()) {
            "InvalidCertificate"
        } else if self.is_updating() {
            "AcceptedCanceled"
        } else {
            "Accepted"
        }
    }

    /// Once the answer is out.
    pub(super) fn begin_signed_update(&mut self, payload: &Value) {
        let certificate = payload["firmware"]["signingCertificate"].as_str().unwrap_or_default();
        if self.physical.certificates.signs_firmware(certificate, self.physical.now()) {
            self.update_signed_firmware(number(payload, "requestId").unwrap_or(0), payload);
        } else {
            self.security_event("InvalidFirmwareSigningCertificate");
        }
    }
}
