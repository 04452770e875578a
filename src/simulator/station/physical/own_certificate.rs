//! The station's own certificate, and the former one until the new one has proved itself.

use crate::{
    certificate::Certificate,
    link::{Identity, Secret},
};

/// A signing request that was not answered with a certificate yet.
#[derive(Debug, Clone)]
pub struct SigningRequest {
    /// The new key.
    pub key: Secret,
    /// The request.
    pub csr: String,
    /// What OCPP 2.1 calls it by.
    pub id: u64,
    /// The certificate is for EVs as well (a combined certificate).
    pub combined: bool,
    /// How often it was sent again.
    pub again: u64,
}

/// The station's own certificate.
#[derive(Debug, Clone, Default)]
pub struct OwnCertificate {
    newest: Option<Identity>,
    /// Kept until the newest has proved itself.
    former: Option<Identity>,
    /// The next attempts show the former one.
    shows_former: bool,
    /// What was asked for.
    pub asked: Option<SigningRequest>,
    /// A new certificate waits to be used.
    pub renewed: bool,
}

impl OwnCertificate {
    /// What the station is delivered with.
    pub fn delivered(identity: Option<Identity>) -> Self {
        Self { newest: identity, ..Self::default() }
    }

    /// The one to show to a CSMS.
    pub fn shown(&self) -> Option<&Identity> {
        self.former.as_ref().filter(|_| self.shows_former).or(self.newest.as_ref())
    }

    /// The one to show, as a certificate.
    pub fn certificate(&self) -> Option<Certificate> {
        self.shown().and_then(|own| Certificate::first(&own.chain))
    }

    /// Takes a new certificate.
    pub fn renew(&mut self, identity: Identity) {
        // Of two that came one upon the other, only the first is known to work.
        let replaced = self.newest.replace(identity);
        self.former = self.former.take().or(replaced);
        self.shows_former = false;
        self.renewed = true;
    }

    /// A02.FR.28, A03.FR.24: no entry of the priority list could be reached with the one; it is the other's turn.
    pub fn alternate(&mut self) {
        self.shows_former = self.former.is_some() && !self.shows_former;
    }

    /// Keeps the one that is shown alone; true when that discards the newest.
    pub fn settle(&mut self) -> bool {
        let former = self.former.take();
        let discards = std::mem::take(&mut self.shows_former) && former.is_some();
        if discards {
            self.newest = former;
        }
        discards
    }

    /// A reboot forgets what was asked for.
    pub fn forget_request(&mut self) {
        self.asked = None;
    }
}
