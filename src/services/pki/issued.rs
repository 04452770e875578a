//! What an authority has issued of its own accord. A test case with a fresh product gets the same again: to sign costs more than all else
//! that a simulated bench begins with.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use super::{KeyKind, PkiError};
use crate::link::{CertificateKind, Identity};

/// For whom a certificate is, and what kind it is of.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Holder {
    /// A server with these names.
    Server(KeyKind, CertificateKind, Vec<String>),
    /// A station: common name and organisation.
    Station(CertificateKind, String, String),
    /// The EV with this eMAID.
    Contract(String),
    /// A root that has expired, of which only the certificate is of use.
    ExpiredRoot,
}

/// Certificates with their keys, by who holds them.
#[derive(Debug, Default)]
pub(super) struct Issued(Mutex<HashMap<Holder, Identity>>);

impl Issued {
    /// The certificate of a holder, issued the first time.
    pub(super) fn to(
        &self,
        holder: Holder,
        issue: impl FnOnce() -> Result<Identity, PkiError>,
    ) -> Result<Identity, PkiError> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(identity) = known.get(&holder) {
            return Ok(identity.clone());
        }
        let identity = issue()?;
        known.insert(holder, identity.clone());
        Ok(identity)
    }
}
