//! The station's certificate towards EVs (ISO 15118), and what OCSP says of it.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;
use tokio::time::Instant;

use super::{SigningRequest, certificates::leads_to};
use crate::{
    certificate::{Certificate, same_hash},
    link::Identity,
};

/// How long what OCSP says is kept (M06.FR.10).
const HOLDS: Duration = Duration::from_hours(7 * 24);

/// The station as the EV's counterpart: supply equipment communication controller.
#[derive(Debug, Clone, Default)]
pub struct Secc {
    newest: Option<Identity>,
    /// What was asked for.
    pub asked: Option<SigningRequest>,
    /// What was said of the chain's certificates, by their hash data.
    statuses: Vec<(Value, String)>,
    asked_status: Option<Instant>,
}

impl Secc {
    /// The certificates, the station's own first.
    pub fn chain(&self) -> Vec<Certificate> {
        self.newest.as_ref().map(|own| Certificate::chain(&own.chain)).unwrap_or_default()
    }

    /// True when an EV with these roots accepts the station.
    pub fn is_trusted(&self, roots: &[Certificate], now: Timestamp) -> bool {
        let chain = self.chain();
        !chain.is_empty() && leads_to(&chain, roots.iter(), now)
    }

    /// Takes a certificate in the place of the one before: of two from one root the newest is used (A02.FR.15).
    pub fn renew(&mut self, identity: Identity) {
        self.newest = Some(identity);
        self.statuses.clear();
        self.asked_status = None;
    }

    /// Gives the certificate up.
    pub fn discard(&mut self) {
        *self = Self { asked: self.asked.take(), ..Self::default() };
    }

    /// Keeps what OCSP says of a certificate.
    pub fn keep_status(&mut self, request: &Value, result: &str) {
        self.statuses.retain(|(known, _)| !same_hash(known, request));
        self.statuses.push((request.clone(), result.to_owned()));
    }

    /// How long until the statuses have to be asked for; none where there is no certificate.
    pub fn refresh_in(&self) -> Option<Duration> {
        self.newest.as_ref()?;
        Some(self.asked_status.map_or(Duration::ZERO, |at| HOLDS.saturating_sub(at.elapsed())))
    }

    /// The statuses are asked for now.
    pub fn asks_for_statuses(&mut self) {
        self.asked_status = Some(Instant::now());
    }
}
