//! The station's own certificate: signed when the CSMS asks for it (A02) or when it comes to its end (A03), put to use, and
//! given up for the former one where no CSMS takes it.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Station, Timer};
use crate::{
    link::Identity,
    services::pki::{self, KeyKind},
    simulator::station::physical::SigningRequest,
};

/// A03.FR.02: one month.
const RENEWED_BEFORE: jiff::SignedDuration = jiff::SignedDuration::from_hours(30 * 24);
/// How often its end is looked at.
const DAY: Duration = Duration::from_hours(24);

impl Station {
    /// A03.FR.02: a certificate that ends within a month is renewed; looked at when the station is accepted, and every day.
    pub(super) fn renew_in_time(&mut self) {
        self.cancel(|timer| *timer == Timer::Renewal);
        let Some(certificate) = self.physical.certificates.own.certificate() else { return };
        self.schedule(DAY, Timer::Renewal);
        let ends = !self.physical.now().checked_add(RENEWED_BEFORE).is_ok_and(|then| certificate.is_valid_at(then));
        if ends && self.online() && self.physical.certificates.own.asked.is_none() {
            self.sign_certificate();
        }
    }

    /// A02: a new key, and a request for its certificate.
    pub(super) fn sign_certificate(&mut self) {
        let organisation = self.device.get("SecurityCtrlr", "OrganizationName").to_owned();
        let suites = self.pics.list("C-41");
        let rsa = !suites.is_empty() && suites.iter().all(|suite| suite.contains("_RSA_"));
        let kind = if rsa { KeyKind::Rsa } else { KeyKind::Ecdsa };
        if let Ok((csr, key)) = pki::signing_request(kind, &self.physical.identity, &organisation) {
            self.cancel(|timer| *timer == Timer::SignAgain);
            self.physical.certificates.own.asked = Some(SigningRequest { key, csr, again: 0 });
            self.ask_to_sign();
        }
    }

    fn ask_to_sign(&mut self) {
        if let Some(asked) = &self.physical.certificates.own.asked {
            let payload = json!({ "csr": asked.csr, "certificateType": "ChargingStationCertificate" });
            self.call("SignCertificate", payload);
        }
    }

    /// A02.FR.17 to 19: what was accepted but not signed is asked for again, after twice the time each time.
    pub(super) fn sign_answered(&mut self, response: &Value) {
        let repeats = self.device.number("SecurityCtrlr", "CertSigningRepeatTimes");
        let minimum = self.device.number("SecurityCtrlr", "CertSigningWaitMinimum");
        let Some(asked) = &self.physical.certificates.own.asked else { return };
        if response["status"] != "Accepted" {
            self.physical.certificates.own.asked = None;
        } else if minimum > 0 && asked.again <= repeats {
            let wait = Duration::from_secs(minimum << asked.again.min(16));
            self.schedule(wait, Timer::SignAgain);
        }
    }

    pub(super) fn sign_again(&mut self) {
        if let Some(asked) = &mut self.physical.certificates.own.asked {
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
        let asked = self.physical.certificates.own.asked.take();
        let is_own = payload.get("certificateType").is_none_or(|kind| kind == "ChargingStationCertificate");
        match asked.filter(|asked| {
            is_own
                && self.physical.certificates.is_sound(chain, &asked.csr, &self.physical.identity, self.physical.now())
        }) {
            Some(asked) => {
                self.physical.certificates.own.renew(Identity { chain: chain.to_owned(), key: asked.key });
                "Accepted"
            }
            None => {
                self.security_event("InvalidChargingStationCertificate"); // A02.FR.07
                "Rejected"
            }
        }
    }

    /// A02.FR.08: the new certificate is used at once.
    pub(super) fn use_new_certificate(&mut self) {
        let renewed = std::mem::take(&mut self.physical.certificates.own.renewed);
        let shown = self.profile().is_some_and(|profile| profile.security_profile == 3);
        if renewed && shown {
            self.physical.close(1000);
        }
    }

    /// A connection stands; what was shown for it is the only certificate from here on (A02.FR.10).
    pub(super) fn certificate_works(&mut self, security_profile: u8) {
        if security_profile == 3 && self.physical.certificates.own.settle() {
            self.security_event("DiscardedRenewedClientCertificate"); // A02.FR.29
        }
    }
}
