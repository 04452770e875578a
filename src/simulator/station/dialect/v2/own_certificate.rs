//! The station's own certificate: signed when the CSMS asks for it (A02) or when it comes to its end (A03), put to use, and
//! given up for the former one where no CSMS takes it.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Station, Timer};
use crate::{
    certificate::Certificate,
    link::Identity,
    protocol::Version,
    services::pki::{self, KeyKind},
    simulator::station::physical::SigningRequest,
};

/// A03.FR.02: one month.
const RENEWED_BEFORE: jiff::SignedDuration = jiff::SignedDuration::from_hours(30 * 24);
/// How often its end is looked at.
const DAY: Duration = Duration::from_hours(24);

/// What a certificate of the station is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    /// The connection to the CSMS; a combined certificate is for EVs as well.
    Csms,
    /// EVs (ISO 15118).
    Vehicles,
}

impl Use {
    /// What a message is about that names a type of certificate, or none.
    fn of(payload: &Value) -> Self {
        if payload["certificateType"] == Self::Vehicles.certificate_type() { Self::Vehicles } else { Self::Csms }
    }

    /// CertificateSigningUseEnumType
    fn certificate_type(self) -> &'static str {
        match self {
            Self::Csms => "ChargingStationCertificate",
            Self::Vehicles => "V2GCertificate",
        }
    }
}

impl Station {
    /// A03.FR.02: a certificate that ends within a month is renewed; looked at when the station is accepted, and every day.
    pub(super) fn renew_in_time(&mut self) {
        self.cancel(|timer| *timer == Timer::Renewal);
        let own = self.physical.certificates.own.certificate();
        let vehicle = self.physical.certificates.secc.chain().into_iter().next();
        if own.is_none() && vehicle.is_none() {
            return;
        }
        self.schedule(DAY, Timer::Renewal);
        let then = self.physical.now().checked_add(RENEWED_BEFORE);
        let ends = |certificate: Option<Certificate>| {
            certificate.is_some_and(|certificate| !then.as_ref().is_ok_and(|then| certificate.is_valid_at(*then)))
        };
        let combined = own.is_some() && own == vehicle;
        if ends(own) && self.online() && self.physical.certificates.own.asked.is_none() {
            self.sign_certificate(combined);
        }
        if !combined && ends(vehicle) && self.online() && self.physical.certificates.secc.asked.is_none() {
            self.sign_vehicle_certificate();
        }
    }

    fn asked_for(&mut self, purpose: Use) -> &mut Option<SigningRequest> {
        match purpose {
            Use::Csms => &mut self.physical.certificates.own.asked,
            Use::Vehicles => &mut self.physical.certificates.secc.asked,
        }
    }

    /// A02: a new key, and a request for its certificate; one that EVs see as well, where it is combined.
    pub(super) fn sign_certificate(&mut self, combined: bool) {
        let organisation = self.device.get("SecurityCtrlr", "OrganizationName").to_owned();
        let suites = self.pics.list("C-41");
        let rsa = !suites.is_empty() && suites.iter().all(|suite| suite.contains("_RSA_"));
        // EVs know ECDSA alone.
        let kind = if rsa && !combined { KeyKind::Rsa } else { KeyKind::Ecdsa };
        if let Ok((csr, key)) = pki::signing_request(kind, &self.physical.identity, &organisation) {
            self.ask_anew(Use::Csms, SigningRequest { key, csr, id: 0, combined, again: 0 });
        }
    }

    /// A02, for the certificate that EVs see.
    pub(super) fn sign_vehicle_certificate(&mut self) {
        let text = |name: &str| self.device.get("ISO15118Ctrlr", name).to_owned();
        let (name, organisation, country) = (text("SeccId"), text("OrganizationName"), text("CountryName"));
        if let Ok((csr, key)) = pki::vehicle_signing_request(&name, &organisation, &country) {
            self.ask_anew(Use::Vehicles, SigningRequest { key, csr, id: 0, combined: false, again: 0 });
        }
    }

    fn ask_anew(&mut self, purpose: Use, mut request: SigningRequest) {
        self.cancel(|timer| *timer == Timer::SignAgain(purpose));
        self.signing_requests += 1;
        request.id = self.signing_requests;
        *self.asked_for(purpose) = Some(request);
        self.ask_to_sign(purpose);
    }

    fn ask_to_sign(&mut self, purpose: Use) {
        let numbered = self.protocol.version == Version::V2_1;
        let Some(asked) = self.asked_for(purpose) else { return };
        let mut payload = json!({ "csr": asked.csr });
        // Without a type it is for both (A02.FR.13).
        if !asked.combined {
            payload["certificateType"] = purpose.certificate_type().into();
        }
        if numbered {
            payload["requestId"] = asked.id.into();
        }
        self.call("SignCertificate", payload);
    }

    /// A02.FR.17 to 19: what was accepted but not signed is asked for again, after twice the time each time.
    pub(super) fn sign_answered(&mut self, request: &Value, response: &Value) {
        let purpose = Use::of(request);
        let repeats = self.device.number("SecurityCtrlr", "CertSigningRepeatTimes");
        let minimum = self.device.number("SecurityCtrlr", "CertSigningWaitMinimum");
        let Some(again) = self.asked_for(purpose).as_ref().map(|asked| asked.again) else { return };
        if response["status"] != "Accepted" {
            *self.asked_for(purpose) = None;
        } else if minimum > 0 && again <= repeats {
            let wait = Duration::from_secs(minimum << again.min(16));
            self.schedule(wait, Timer::SignAgain(purpose));
        }
    }

    pub(super) fn sign_again(&mut self, purpose: Use) {
        if let Some(asked) = self.asked_for(purpose) {
            asked.again += 1;
            self.ask_to_sign(purpose);
        }
    }

    pub(super) fn certificate_signed(&mut self, payload: &Value) -> &'static str {
        let chain = payload["certificateChain"].as_str().unwrap_or_default();
        let limit = self.device.number("SecurityCtrlr", "MaxCertificateChainSize");
        if limit > 0 && u64::try_from(chain.len()).unwrap_or(u64::MAX) > limit {
            return "Rejected"; // A02.FR.16
        }
        let purpose = Use::of(payload);
        let answered = payload["requestId"].as_u64();
        if answered.is_some() && answered != self.asked_for(purpose).as_ref().map(|asked| asked.id) {
            return "Rejected"; // A02.FR.26
        }
        self.cancel(|timer| *timer == Timer::SignAgain(purpose));
        let asked = self.asked_for(purpose).take();
        let Some(asked) = asked.filter(|asked| self.is_sound(purpose, asked, chain)) else {
            self.security_event("InvalidChargingStationCertificate"); // A02.FR.07
            return "Rejected";
        };
        let identity = Identity { chain: chain.to_owned(), key: asked.key };
        if purpose == Use::Vehicles || asked.combined {
            self.physical.certificates.secc.renew(identity.clone());
        }
        if purpose == Use::Csms {
            self.physical.certificates.own.renew(identity);
        }
        "Accepted"
    }

    /// A02.FR.06. A combined certificate comes from a V2G root.
    fn is_sound(&self, purpose: Use, asked: &SigningRequest, chain: &str) -> bool {
        let (certificates, now) = (&self.physical.certificates, self.physical.now());
        let identity = &self.physical.identity;
        match purpose {
            Use::Vehicles => {
                let name = self.device.get("ISO15118Ctrlr", "SeccId");
                certificates.is_sound_for_vehicles(chain, &asked.csr, name, now)
            }
            Use::Csms if asked.combined => certificates.is_sound_for_vehicles(chain, &asked.csr, identity, now),
            Use::Csms => certificates.is_sound(chain, &asked.csr, identity, now),
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
