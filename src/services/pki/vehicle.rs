//! The authorities of ISO 15118: the V2G hierarchy that charging stations (SECCs) get their certificates from, and that of a
//! mobility operator, which gives EVs their contract certificates. ISO 15118-2 wants ECDSA keys on P-256 everywhere.

use std::{
    path::Path,
    sync::{Arc, OnceLock},
};

use der::{
    Encode, Sequence, TagMode, TagNumber,
    asn1::{ContextSpecific, Ia5StringRef, ObjectIdentifier},
};
use jiff::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DistinguishedName, DnType, DnValue, IsCa, KeyIdMethod,
    KeyUsagePurpose,
};
use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;

use super::{BACKDATED, Key, KeyKind, PkiError, Root, Subject, Written, date, issue, key_pair, serial, write_private};
use crate::{
    certificate::{Certificate, SigningRequest, Verification},
    link::{CertificateKind, Identity, Secret},
};

/// Where the status of these certificates is to be had. A station asks its CSMS (M06), so that nothing need listen there.
const RESPONDER: &str = "http://ocsp.ocpp-attest.example/";
/// The OID of authorityInfoAccess (RFC 5280, 4.2.2.1).
const AUTHORITY_INFO_ACCESS: [u64; 9] = [1, 3, 6, 1, 5, 5, 7, 1, 1];
/// id-ad-ocsp
const OCSP: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.1");
/// The OID of domainComponent, by which ISO 15118-2 tells the roles of certificates apart.
const DOMAIN_COMPONENT: [u64; 7] = [0, 9, 2342, 19_200_300, 100, 1, 25];
const ORGANISATION: &str = "ocpp-attest";

/// The root of a hierarchy, and the sub-CAs below it, the lowest last: that one signs.
#[derive(Debug)]
struct Hierarchy {
    title: &'static str,
    domain: &'static str,
    root: Root,
    below: [Root; 2],
}

/// The authorities of ISO 15118.
#[derive(Debug)]
pub(super) struct VehiclePki {
    v2g: Hierarchy,
    mobility: Hierarchy,
    now: Timestamp,
}

/// Certificates that a responder answers for.
pub(super) struct Answered {
    /// PEM, the lowest first, without the root.
    pub(super) chain: String,
    /// The issuer of each.
    pub(super) issuers: Vec<Root>,
}

/// Makes an authority of the given name, or takes it from where it is kept.
type Keep<'k> = dyn Fn(&str, &dyn Fn() -> Result<Root, PkiError>) -> Result<Root, PkiError> + 'k;

/// The name of a certificate, with the domain that tells its role.
pub(super) fn named(
    common_name: &str,
    organisation: &str,
    domain: &'static str,
) -> Result<DistinguishedName, PkiError> {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common_name);
    name.push(DnType::OrganizationName, organisation);
    name.push(DnType::CustomDnType(DOMAIN_COMPONENT.to_vec()), DnValue::Ia5String(domain.try_into()?));
    Ok(name)
}

/// AccessDescription (RFC 5280, 4.2.2.1), whose location is a URI.
#[derive(Sequence)]
struct AccessDescription<'d> {
    method: ObjectIdentifier,
    location: ContextSpecific<Ia5StringRef<'d>>,
}

/// The content of authorityInfoAccess that names an OCSP responder.
fn access(responder: &str) -> Result<Vec<u8>, PkiError> {
    let value = Ia5StringRef::new(responder)?;
    let location = ContextSpecific { tag_number: TagNumber(6), tag_mode: TagMode::Implicit, value };
    Ok(vec![AccessDescription { method: OCSP, location }].to_der()?)
}

/// The extension that says where the status of a certificate is to be had.
fn status_at(responder: &str) -> Result<CustomExtension, PkiError> {
    Ok(CustomExtension::from_oid_content(&AUTHORITY_INFO_ACCESS, access(responder)?))
}

/// An authority; its own root, or below another with so many more below it.
fn authority(name: &str, domain: &'static str, now: Timestamp, above: Option<(&Root, u8)>) -> Result<Root, PkiError> {
    authority_with(key_pair(KeyKind::Ecdsa)?, RESPONDER, name, domain, now, above)
}

/// An authority with a certain key, whose status is to be had from a responder.
fn authority_with(
    key: Key,
    responder: &str,
    name: &str,
    domain: &'static str,
    now: Timestamp,
    above: Option<(&Root, u8)>,
) -> Result<Root, PkiError> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name = named(name, ORGANISATION, domain)?;
    params.serial_number = Some(serial());
    params.is_ca =
        IsCa::Ca(above.map_or(BasicConstraints::Unconstrained, |(_, depth)| BasicConstraints::Constrained(depth)));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.not_before = date(now, -30);
    params.not_after = date(now, 3650);
    let pem = match above {
        None => params.self_signed(&key)?.pem(),
        Some((above, _)) => {
            params.use_authority_key_identifier_extension = true;
            params.custom_extensions = vec![status_at(responder)?];
            issue(&params, Subject::Ours(&key), above)?
        }
    };
    Root::new(pem, key)
}

fn sub_ca_name(title: &str, number: u8) -> String {
    format!("ocpp-attest {title} sub-CA {number}")
}

impl Hierarchy {
    fn new(
        short: &str,
        title: &'static str,
        domain: &'static str,
        now: Timestamp,
        keep: &Keep<'_>,
    ) -> Result<Self, PkiError> {
        let root =
            keep(&format!("{short}-root"), &|| authority(&format!("ocpp-attest {title} root"), domain, now, None))?;
        let sub_ca = |number: u8, above: &Root| {
            keep(&format!("{short}-sub-ca-{number}"), &|| {
                authority(&sub_ca_name(title, number), domain, now, Some((above, 2 - number)))
            })
        };
        let first = sub_ca(1, &root)?;
        let second = sub_ca(2, &first)?;
        Ok(Self { title, domain, root, below: [first, second] })
    }

    /// The same authorities with new certificates for the sub-CAs, whose status is to be had from a responder: no product
    /// has an answer about them yet.
    fn renewed(&self, responder: &str, now: Timestamp) -> Result<Self, PkiError> {
        let renew = |number: u8, old: &Root, above: &Root| {
            let name = sub_ca_name(self.title, number);
            authority_with(old.key.clone(), responder, &name, self.domain, now, Some((above, 2 - number)))
        };
        let root = Written::of(&self.root).root()?;
        let first = renew(1, &self.below[0], &root)?;
        let second = renew(2, &self.below[1], &first)?;
        Ok(Self { title: self.title, domain: self.domain, root, below: [first, second] })
    }

    fn signer(&self) -> &Root {
        &self.below[1]
    }

    /// A certificate with what leads from it to the root, the root left out.
    fn chain(&self, leaf: &str) -> String {
        format!("{leaf}{}{}", self.below[1].pem, self.below[0].pem)
    }

    /// Whether a leaf comes from here.
    fn has_signed(&self, certificate: &Certificate) -> bool {
        Certificate::first(&self.signer().pem).is_some_and(|signer| certificate.is_signed_by(&signer))
    }
}

/// What leaves have in common.
fn leaf(now: Timestamp, usages: &[KeyUsagePurpose], responder: &str) -> Result<CertificateParams, PkiError> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.serial_number = Some(serial());
    params.is_ca = IsCa::ExplicitNoCa;
    params.use_authority_key_identifier_extension = true;
    params.not_before = date(now, -20);
    params.not_after = date(now, 365);
    params.key_usages = usages.to_vec();
    params.custom_extensions = vec![status_at(responder)?];
    Ok(params)
}

impl VehiclePki {
    /// Authorities that are made once per process, which saves time: every test case with a simulated product asks for them.
    pub(super) fn of_process(now: Timestamp) -> Result<Arc<Self>, PkiError> {
        static MADE: OnceLock<Arc<VehiclePki>> = OnceLock::new();
        if let Some(made) = MADE.get().filter(|made| super::is_near(made.now, now)) {
            return Ok(made.clone());
        }
        let made = Arc::new(Self::with(now, &|_, make| make())?);
        // Whoever needs another time keeps what was made for it.
        Ok(match MADE.set(made.clone()) {
            Err(_) => MADE.get().filter(|first| super::is_near(first.now, now)).cloned().unwrap_or(made),
            Ok(()) => made,
        })
    }

    /// Authorities that are kept in a folder, made there the first time.
    pub(super) fn kept(folder: &Path, now: Timestamp) -> Result<Self, PkiError> {
        Self::with(now, &|name, make| Written::kept(folder, name, make)?.root())
    }

    fn with(now: Timestamp, keep: &Keep<'_>) -> Result<Self, PkiError> {
        Ok(Self {
            v2g: Hierarchy::new("v2g", "V2G", "V2G", now, keep)?,
            mobility: Hierarchy::new("mo", "mobility operator", "MO", now, keep)?,
            now,
        })
    }

    /// Everybody who signs here.
    pub(super) fn issuers(&self) -> impl Iterator<Item = &Root> {
        [&self.v2g, &self.mobility].into_iter().flat_map(|hierarchy| hierarchy.below.iter().chain([&hierarchy.root]))
    }

    pub(super) fn v2g_root(&self) -> &str {
        &self.v2g.root.pem
    }

    pub(super) fn mobility_root(&self) -> &str {
        &self.mobility.root.pem
    }

    /// The contract certificate of an EV, with its key. Its common name is the eMAID.
    pub(super) fn contract(&self, emaid: &str, responder: Option<&str>) -> Result<Identity, PkiError> {
        self.contract_from(&self.mobility, emaid, responder.unwrap_or(RESPONDER))
    }

    fn contract_from(&self, mobility: &Hierarchy, emaid: &str, responder: &str) -> Result<Identity, PkiError> {
        let usages = [
            KeyUsagePurpose::DigitalSignature,
            KeyUsagePurpose::ContentCommitment,
            KeyUsagePurpose::KeyEncipherment,
            KeyUsagePurpose::KeyAgreement,
        ];
        let mut params = leaf(self.now, &usages, responder)?;
        params.distinguished_name = named(emaid, ORGANISATION, "MO")?;
        let key = key_pair(KeyKind::Ecdsa)?;
        let leaf = issue(&params, Subject::Ours(&key), mobility.signer())?;
        Ok(Identity { chain: mobility.chain(&leaf), key: key.pem() })
    }

    /// A new contract certificate for an eMAID, or the V2G sub-CAs where there is none: the certificates, the lowest first,
    /// each with its issuer, and with the root at the end. All are new, with the URL of a responder.
    pub(super) fn answered(&self, emaid: Option<&str>, responder: &str) -> Result<Answered, PkiError> {
        let hierarchy = if emaid.is_some() { &self.mobility } else { &self.v2g };
        let renewed = hierarchy.renewed(responder, self.now)?;
        let chain = match emaid {
            Some(emaid) => self.contract_from(&renewed, emaid, responder)?.chain,
            None => renewed.chain(""),
        };
        let [first, second] = renewed.below;
        let mut issuers = vec![first, renewed.root];
        if emaid.is_some() {
            issuers.insert(0, second);
        }
        Ok(Answered { chain, issuers })
    }

    /// The contract certificate of an EV, kept in a folder (`contract.pem` with `contract.key`) so that a real EV can be
    /// given it once. One of another eMAID, or one that the mobility operator did not sign, is replaced.
    pub(super) fn kept_contract(&self, folder: &Path, emaid: &str) -> Result<Identity, PkiError> {
        let (certificate, key) = (folder.join("contract.pem"), folder.join("contract.key"));
        let failed = |path: &Path, error: std::io::Error| PkiError(format!("{}: {error}", path.display()));
        // A run and a simulator may both be about to make it: whoever comes second takes what the first one has made.
        let root = folder.join("mo-root.pem");
        let held = std::fs::File::open(&root).map_err(|error| failed(&root, error))?;
        held.lock().map_err(|error| failed(&root, error))?;
        if let (Ok(chain), Ok(key)) = (std::fs::read_to_string(&certificate), std::fs::read_to_string(&key)) {
            let fits = Certificate::first(&chain).is_some_and(|leaf| {
                leaf.common_name() == emaid && leaf.is_valid_at(self.now) && self.mobility.has_signed(&leaf)
            });
            if fits {
                return Ok(Identity { chain, key: Secret::new(key) });
            }
        }
        let made = self.contract(emaid, None)?;
        let _ = std::fs::remove_file(&key);
        write_private(&key, made.key.expose()).map_err(|error| failed(&key, error))?;
        std::fs::write(&certificate, &made.chain).map_err(|error| failed(&certificate, error))?;
        Ok(made)
    }

    /// Signs the request of a station for its V2G certificate; the answer is the chain, leaf first, without the root.
    pub(super) fn sign_request(&self, csr: &str, kind: CertificateKind, now: Timestamp) -> Result<String, PkiError> {
        let request = SigningRequest::read(csr).map_err(|error| PkiError(error.to_string()))?;
        if request.verify() == Verification::Invalid {
            return Err(PkiError("its signature was not made with its own key".into()));
        }
        let usages = [KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyAgreement];
        let mut params = leaf(self.now, &usages, RESPONDER)?;
        if kind == CertificateKind::Expired {
            params.not_after = date(self.now, -10);
        } else {
            params.not_before =
                OffsetDateTime::from_unix_timestamp(now.as_second() - BACKDATED).unwrap_or(params.not_before);
        }
        params.key_identifier_method = KeyIdMethod::PreSpecified(Sha256::digest(request.key())[..20].to_vec());
        let subject = Subject::Theirs { name: request.subject(), key: request.key() };
        Ok(self.v2g.chain(&issue(&params, subject, self.v2g.signer())?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        certificate::path,
        services::pki::{Pki, vehicle_signing_request},
    };

    #[test]
    fn a_contract_leads_to_the_mobility_operator_and_tells_where_its_status_is_to_be_had() {
        let now = Timestamp::now();
        let pki = Pki::new(KeyKind::Rsa, now).unwrap();
        let contract = Certificate::chain(&pki.contract("NLATTC00000001", Some("http://ocsp.test/")).unwrap().chain);
        assert_eq!(contract.len(), 3);
        assert_eq!(contract[0].common_name(), "NLATTC00000001");
        assert_eq!(contract[0].ocsp_responder().as_deref(), Some("http://ocsp.test/"));
        assert_eq!(contract[1].ocsp_responder().as_deref(), Some(RESPONDER));
        let leads_to = |root: &str| path::client_path(&contract, &Certificate::bundle(root), now).is_valid();
        assert!(leads_to(pki.mobility_root_pem()) && !leads_to(pki.v2g_root_pem()) && !leads_to(pki.root_pem()));
    }

    #[test]
    fn a_station_gets_its_certificate_from_the_lowest_sub_ca() {
        let now = Timestamp::now();
        let pki = Pki::new(KeyKind::Ecdsa, now).unwrap();
        let (csr, _) = vehicle_signing_request("SECC1", "CSO", "NL").unwrap();
        let chain = pki.sign_v2g_request(&csr, CertificateKind::Valid, now).unwrap();
        let certificates = Certificate::chain(&chain);
        assert!(certificates[0].answers(&csr) && certificates[0].is_valid_at(now));
        assert!(certificates.windows(2).all(|pair| pair[0].is_signed_by(&pair[1])));
        let above = pki.with_those_above(&chain);
        assert_eq!(above.iter().map(|pem| Certificate::chain(pem).len()).collect::<Vec<_>>(), [4, 3, 2]);
        assert!(above.iter().all(|pem| pem.ends_with(pki.v2g_root_pem().trim_start())));
        let expired = pki.sign_v2g_request(&csr, CertificateKind::Expired, now).unwrap();
        assert!(!Certificate::first(&expired).unwrap().is_valid_at(now));
        assert!(pki.sign_v2g_request("nothing", CertificateKind::Valid, now).is_err());
    }

    #[test]
    fn who_makes_the_contract_at_the_same_time_gets_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let pki = Pki::kept(folder.path(), KeyKind::Ecdsa, Timestamp::now()).unwrap();
        let made = std::thread::scope(|scope| {
            let makers =
                [(); 4].map(|()| scope.spawn(|| pki.kept_contract(folder.path(), "NLATTC00000001").unwrap().chain));
            makers.map(|maker| maker.join().unwrap())
        });
        assert!(made.iter().all(|chain| *chain == made[0]));
    }

    #[test]
    fn a_contract_is_kept_until_the_bench_names_another_emaid() {
        let folder = tempfile::tempdir().unwrap();
        let now = Timestamp::now();
        let kept = |emaid: &str| {
            let pki = Pki::kept(folder.path(), KeyKind::Ecdsa, now).unwrap();
            pki.kept_contract(folder.path(), emaid).unwrap().chain
        };
        let first = kept("NLATTC00000001");
        assert_eq!(kept("NLATTC00000001"), first);
        assert_eq!(Certificate::first(&kept("NLATTC00000002")).unwrap().common_name(), "NLATTC00000002");
    }
}
