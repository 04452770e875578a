//! The station's own certificate: signed when the CSMS asks for it (A02) or when it comes to its end (A03), put to use, and
//! given up for the former one where no CSMS takes it.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Station, Timer};
use crate::{
    certificate::Certificate,
    link::{Identity, LinkCommand, Secret},
    manual_action::ActionOutcome,
    services::pki::{self, KeyKind},
};

/// A03.FR.02: one month.
const RENEWED_BEFORE: jiff::SignedDuration = jiff::SignedDuration::from_hours(30 * 24);
/// How often its end is looked at.
const DAY: Duration = Duration::from_hours(24);

/// A signing request that was not answered with a certificate yet.
#[derive(Debug, Clone)]
struct Asked {
    key: Secret,
    csr: String,
    /// How often it was sent again.
    again: u64,
}

/// The station's own certificate.
#[derive(Debug, Clone, Default)]
pub(super) struct OwnCertificate {
    newest: Option<Identity>,
    /// Kept until the newest has proved itself.
    former: Option<Identity>,
    /// The next attempts show the former one.
    shows_former: bool,
    asked: Option<Asked>,
    /// A new certificate waits to be used.
    renewed: bool,
}

impl OwnCertificate {
    /// What the station is delivered with.
    pub(super) fn delivered(identity: Option<Identity>) -> Self {
        Self { newest: identity, ..Self::default() }
    }

    /// The one to show to a CSMS.
    pub(super) fn shown(&self) -> Option<&Identity> {
        self.former.as_ref().filter(|_| self.shows_former).or(self.newest.as_ref())
    }

    /// The one to show, as a certificate.
    pub(super) fn certificate(&self) -> Option<Certificate> {
        self.shown().and_then(|own| Certificate::first(&own.chain))
    }

    fn renew(&mut self, identity: Identity) {
        // Of two that came one upon the other, only the first is known to work.
        let replaced = self.newest.replace(identity);
        self.former = self.former.take().or(replaced);
        self.shows_former = false;
        self.renewed = true;
    }

    /// A02.FR.28, A03.FR.24: no entry of the priority list could be reached with the one; it is the other's turn.
    pub(super) fn alternate(&mut self) {
        self.shows_former = self.former.is_some() && !self.shows_former;
    }

    /// Keeps the one that is shown alone; true when that discards the newest.
    fn settle(&mut self) -> bool {
        let former = self.former.take();
        let discards = std::mem::take(&mut self.shows_former) && former.is_some();
        if discards {
            self.newest = former;
        }
        discards
    }

    /// A reboot forgets what was asked for.
    pub(super) fn forget_request(&mut self) {
        self.asked = None;
    }
}

impl Station {
    /// A03.FR.02: a certificate that ends within a month is renewed; looked at when the station is accepted, and every day.
    pub(super) fn renew_in_time(&mut self) {
        self.cancel(|timer| *timer == Timer::Renewal);
        let Some(certificate) = self.certificates.own.certificate() else { return };
        self.schedule(DAY, Timer::Renewal);
        let ends = !self.now().checked_add(RENEWED_BEFORE).is_ok_and(|then| certificate.is_valid_at(then));
        if ends && self.online() && self.certificates.own.asked.is_none() {
            self.sign_certificate();
        }
    }

    /// A02: a new key, and a request for its certificate.
    pub(super) fn sign_certificate(&mut self) {
        let organisation = self.device.get("SecurityCtrlr", "OrganizationName").to_owned();
        let suites = self.pics.list("C-41");
        let rsa = !suites.is_empty() && suites.iter().all(|suite| suite.contains("_RSA_"));
        let kind = if rsa { KeyKind::Rsa } else { KeyKind::Ecdsa };
        if let Ok((csr, key)) = pki::signing_request(kind, &self.identity, &organisation) {
            self.cancel(|timer| *timer == Timer::SignAgain);
            self.certificates.own.asked = Some(Asked { key, csr, again: 0 });
            self.ask_to_sign();
        }
    }

    fn ask_to_sign(&mut self) {
        if let Some(asked) = &self.certificates.own.asked {
            let payload = json!({ "csr": asked.csr, "certificateType": "ChargingStationCertificate" });
            self.call("SignCertificate", payload);
        }
    }

    /// A02.FR.17 to 19: what was accepted but not signed is asked for again, after twice the time each time.
    pub(super) fn sign_answered(&mut self, response: &Value) {
        let repeats = self.device.number("SecurityCtrlr", "CertSigningRepeatTimes");
        let minimum = self.device.number("SecurityCtrlr", "CertSigningWaitMinimum");
        let Some(asked) = &self.certificates.own.asked else { return };
        if response["status"] != "Accepted" {
            self.certificates.own.asked = None;
        } else if minimum > 0 && asked.again <= repeats {
            let wait = Duration::from_secs(minimum << asked.again.min(16));
            self.schedule(wait, Timer::SignAgain);
        }
    }

    pub(super) fn sign_again(&mut self) {
        if let Some(asked) = &mut self.certificates.own.asked {
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
        let asked = self.certificates.own.asked.take();
        let is_own = payload.get("certificateType").is_none_or(|kind| kind == "ChargingStationCertificate");
        match asked.filter(|asked| is_own && self.is_sound(chain, &asked.csr)) {
            Some(asked) => {
                self.certificates.own.renew(Identity { chain: chain.to_owned(), key: asked.key });
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
        let renewed = std::mem::take(&mut self.certificates.own.renewed);
        let shown = self.profile().is_some_and(|profile| profile.security_profile == 3);
        if let Some(conn) = self.conn.filter(|_| renewed && shown) {
            self.link.send(LinkCommand::Close(conn, 1000));
        }
    }

    /// A connection stands; what was shown for it is the only certificate from here on (A02.FR.10).
    pub(super) fn certificate_works(&mut self, security_profile: u8) {
        if security_profile == 3 && self.certificates.own.settle() {
            self.security_event("DiscardedRenewedClientCertificate"); // A02.FR.29
        }
    }

    /// The installer's tool takes the station's certificate away, where there is such a tool.
    pub(super) fn remove_certificate(&mut self) -> ActionOutcome {
        if self.certificates.own.shown().is_some() && !self.pics.is_yes("AQ-3") {
            return ActionOutcome::NotPossible("the certificate of this station can't be removed".into());
        }
        self.certificates.own = OwnCertificate::default();
        ActionOutcome::Done
    }
}
