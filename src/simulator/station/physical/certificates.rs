//! The certificates that the station holds: roots of CSMSs and of firmware, and its own.

use jiff::Timestamp;
use serde_json::Value;

use super::{OwnCertificate, secc::Secc};
use crate::{
    certificate::{Certificate, same_hash},
    link::Identity,
};

/// What a root is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RootKind {
    /// For the certificates of CSMSs.
    Csms,
    /// For what signs firmware.
    Manufacturer,
    /// For vehicles to grid (ISO 15118).
    VehicleToGrid,
    /// For contracts of mobility operators.
    MobilityOperator,
    /// For what makers of vehicles have signed.
    VehicleMaker,
}

/// A root in the store.
#[derive(Debug, Clone)]
struct Root {
    kind: RootKind,
    pem: String,
    certificate: Certificate,
    /// The one that signed it: itself, or the root that it succeeded.
    issuer: Certificate,
    /// The station came with it.
    delivered: bool,
    /// Succeeded by another, and kept until that one has proved itself (M05.FR.12).
    fallback: bool,
}

/// How a root is installed.
#[derive(Debug, Clone, Copy)]
pub struct Installation {
    /// What it is for.
    pub kind: RootKind,
    /// A root for CSMSs succeeds the one before, which must have signed it (AdditionalRootCertificateCheck).
    pub succession: bool,
    /// Most roots of a kind.
    pub limit: i64,
}

/// What came of deleting a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deleted {
    /// It is gone.
    Gone,
    /// There is no such certificate.
    NotFound,
    /// The station needs it.
    Refused,
}

/// The certificates.
#[derive(Debug, Clone, Default)]
pub struct Store {
    roots: Vec<Root>,
    /// Part of the firmware, so that no CSMS sees or deletes them.
    manufacturer: Vec<Certificate>,
    /// The station's own.
    pub own: OwnCertificate,
    /// The one that it shows to EVs.
    pub secc: Secc,
    /// The next attempt to connect trusts the root that was succeeded.
    try_fallback: bool,
}

/// What the station can tell of a contract certificate.
#[derive(Debug, Clone, PartialEq)]
pub enum Contract {
    /// It is valid; with what OCSP is asked for.
    Valid(Vec<Value>),
    /// It comes from a root that the station does not have.
    Unknown,
    /// It is not valid.
    Invalid,
}

/// What OCSP is asked for about a chain, leaf first, whose last one is signed by one of the roots.
fn status_requests<'r>(chain: &[Certificate], mut roots: impl Iterator<Item = &'r Certificate>) -> Vec<Value> {
    let top = chain.last().and_then(|top| roots.find(|root| top.is_signed_by(root)));
    let issuers = chain.iter().skip(1).chain(top);
    let request = |(certificate, issuer): (&Certificate, &Certificate)| {
        let mut request = certificate.hash_data(issuer, "SHA256")?;
        request["responderURL"] = certificate.ocsp_responder()?.into();
        Some(request)
    };
    chain.iter().zip(issuers).filter_map(request).collect()
}

/// True for a chain, leaf first, in which all are in their time, each is signed by the next, and the last by a root.
pub(super) fn leads_to<'r>(
    chain: &[Certificate],
    mut roots: impl Iterator<Item = &'r Certificate>,
    now: Timestamp,
) -> bool {
    chain.iter().all(|certificate| certificate.is_valid_at(now))
        && chain.windows(2).all(|pair| pair[0].is_signed_by(&pair[1]))
        && chain.last().is_some_and(|top| roots.any(|root| top.is_signed_by(root)))
}

impl Store {
    /// What the station is delivered with.
    pub fn delivered(roots: &str, manufacturer: &str, client: Option<Identity>) -> Self {
        let blocks = roots.split_inclusive("-----END CERTIFICATE-----\n");
        let roots = blocks.filter_map(|pem| {
            let certificate = Certificate::first(pem)?;
            Some(Root {
                kind: RootKind::Csms,
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
    pub fn trusted(&self) -> String {
        let roots = self.roots.iter().filter(|root| root.kind == RootKind::Csms && root.fallback == self.try_fallback);
        roots.map(|root| root.pem.as_str()).collect()
    }

    fn roots_of(&self, kind: RootKind) -> impl Iterator<Item = &Certificate> {
        self.roots.iter().filter(move |root| root.kind == kind).map(|root| &root.certificate)
    }

    /// True when there is a root for CSMSs that is in its time.
    pub fn has_valid_root(&self, now: Timestamp) -> bool {
        self.roots_of(RootKind::Csms).any(|root| root.is_valid_at(now))
    }

    /// Turns to the former root after a failure with the new one; false when there is none to turn to.
    pub fn fall_back(&mut self) -> bool {
        let turn = !self.try_fallback && self.roots.iter().any(|root| root.fallback);
        self.try_fallback = turn;
        turn
    }

    /// M05.FR.13: the new root has proved itself, the former goes.
    pub fn connected(&mut self, security_profile: u8) {
        if security_profile >= 2 && !self.try_fallback {
            self.roots.retain(|root| !root.fallback);
        }
        self.try_fallback = false;
    }

    /// Installs a root; false where it is refused.
    pub fn install(&mut self, pem: &str, how: Installation, now: Timestamp) -> bool {
        let Installation { kind, succession, limit } = how;
        // M05.FR.07
        let Some(certificate) = Certificate::first(pem).filter(|new| new.is_valid_at(now)) else { return false };
        let same = |root: &Root| root.kind == kind && root.certificate == certificate && !root.fallback;
        if self.roots.iter().any(same) {
            return true; // M05.FR.17: replaced by itself
        }
        let current = self.roots.iter().find(|root| root.kind == kind && !root.fallback);
        let succeeds = kind == RootKind::Csms && succession;
        let signer = current.map(|root| &root.certificate).filter(|root| certificate.is_signed_by(root));
        let issuer = match signer {
            Some(signer) => signer.clone(),
            // M05.FR.11
            None if succeeds && current.is_some() => return false,
            None if certificate.is_signed_by(&certificate) => certificate.clone(),
            None => return false,
        };
        // M05.FR.06. Counted per type and without what the station came with: a product that names 1 holds a root of
        // each of two types in TC_M_17 all the same.
        let held = self.roots.iter().filter(|root| root.kind == kind && !root.delivered && !root.fallback);
        if !succeeds && i64::try_from(held.count()).unwrap_or(i64::MAX) >= limit {
            return false;
        }
        if succeeds {
            // M05.FR.09 and 12: one, and one to fall back on.
            self.roots.retain(|root| root.kind != RootKind::Csms || !root.fallback);
            for root in self.roots.iter_mut().filter(|root| root.kind == RootKind::Csms) {
                root.fallback = true;
            }
        }
        let pem = format!("{}\n", pem.trim_end());
        self.roots.push(Root { kind, pem, certificate, issuer, delivered: false, fallback: false });
        true
    }

    /// How many roots were installed.
    pub fn installed(&self) -> usize {
        self.roots.iter().filter(|root| !root.delivered).count()
    }

    /// The roots of some kinds, each with its hash data; of all kinds where none is named.
    pub fn listed(&self, kinds: Option<&[RootKind]>) -> Vec<(RootKind, Value)> {
        let wanted = |root: &&Root| kinds.is_none_or(|kinds| kinds.contains(&root.kind));
        let hashed = |root: &Root| Some((root.kind, root.certificate.hash_data(&root.issuer, "SHA256")?));
        self.roots.iter().filter(wanted).filter_map(hashed).collect()
    }

    /// Deletes the root with this hash data; the last one for CSMSs only where that is allowed.
    pub fn delete(&mut self, wanted: &Value, last_too: bool) -> Deleted {
        let is_wanted = |certificate: &Certificate, issuer: &Certificate| {
            certificate.hash_data(issuer, "SHA256").is_some_and(|hash| same_hash(&hash, wanted))
        };
        // M04.FR.06
        let own = self.own.certificate();
        if own.is_some_and(|own| self.roots.iter().any(|root| is_wanted(&own, &root.certificate))) {
            return Deleted::Refused;
        }
        let v2g = self.secc.chain();
        let issuers = v2g.iter().skip(1).chain(self.roots_of(RootKind::VehicleToGrid));
        let issuers: Vec<Certificate> = issuers.cloned().collect();
        if v2g.iter().any(|one| issuers.iter().any(|issuer| is_wanted(one, issuer))) {
            // Without one of them the others are of no use (M04.FR.08).
            self.secc.discard();
            return Deleted::Gone;
        }
        let found = self.roots.iter().position(|root| is_wanted(&root.certificate, &root.issuer));
        let Some(found) = found else { return Deleted::NotFound };
        let kind = self.roots[found].kind;
        let last = self.roots.iter().filter(|root| root.kind == kind).count() == 1;
        if last && kind == RootKind::Csms && !last_too {
            return Deleted::Refused; // M04.FR.03
        }
        self.roots.remove(found);
        if !self.roots.iter().any(|root| root.kind == RootKind::Csms && !root.fallback) {
            self.roots.iter_mut().for_each(|root| root.fallback = false);
        }
        Deleted::Gone
    }

    /// A02.FR.06: for our key, in its time, for us, and from a CSMS root.
    pub fn is_sound(&self, chain: &str, request: &str, identity: &str, now: Timestamp) -> bool {
        let chain = Certificate::chain(chain);
        let Some(leaf) = chain.first() else { return false };
        leaf.answers(request) && leaf.common_name() == identity && leads_to(&chain, self.roots_of(RootKind::Csms), now)
    }

    /// A02.FR.06, for the certificate that EVs see: for our key, in its time, for us, and from a V2G root.
    pub fn is_sound_for_vehicles(&self, chain: &str, request: &str, name: &str, now: Timestamp) -> bool {
        let chain = Certificate::chain(chain);
        let Some(leaf) = chain.first() else { return false };
        leaf.answers(request)
            && leaf.common_name() == name
            && leads_to(&chain, self.roots_of(RootKind::VehicleToGrid), now)
    }

    /// What OCSP is asked for about the certificates that EVs see (M06).
    pub fn vehicle_status_requests(&self) -> Vec<Value> {
        status_requests(&self.secc.chain(), self.roots_of(RootKind::VehicleToGrid))
    }

    /// The hash data of the certificate that EVs see, and that of the sub-CAs above it (M03.FR.05).
    pub fn vehicle_chain(&self) -> Option<(Value, Vec<Value>)> {
        let mut hashes = self.vehicle_status_requests().into_iter().map(|mut hash| {
            if let Some(members) = hash.as_object_mut() {
                members.shift_remove("responderURL");
            }
            hash
        });
        Some((hashes.next()?, hashes.collect()))
    }

    /// What the station can tell of a contract, leaf first: its root is one of a mobility operator, or a V2G root.
    pub fn judge_contract(&self, chain: &[Certificate], now: Timestamp) -> Contract {
        let roots = || self.roots_of(RootKind::MobilityOperator).chain(self.roots_of(RootKind::VehicleToGrid));
        if leads_to(chain, roots(), now) {
            return Contract::Valid(status_requests(chain, roots()));
        }
        let known = chain.last().is_some_and(|top| roots().any(|root| top.is_signed_by(root)));
        if known || chain.is_empty() { Contract::Invalid } else { Contract::Unknown }
    }

    /// L01.FR.12 and 21: what signs firmware is in its time, and comes from the manufacturer: from a root that the station
    /// is made with, or one that was installed.
    pub fn signs_firmware(&self, pem: &str, now: Timestamp) -> bool {
        let roots = self.manufacturer.iter().chain(self.roots_of(RootKind::Manufacturer));
        leads_to(&Certificate::chain(pem), roots, now)
    }
}
