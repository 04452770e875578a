//! Plug and Charge, and the certificate that EVs see.

use super::*;
use crate::{
    link::CertificateKind,
    services::pki::{KeyKind, Pki},
    simulator::station::{
        Vehicle,
        physical::{EvSession, Identification},
    },
};

/// A station that an EV with a contract comes to, offline, with the roots of both.
async fn with_roots() -> (Station, std::sync::Arc<Pki>) {
    let mut station = station(pics("reference-station.yaml")).await;
    let pki = Pki::new(KeyKind::Ecdsa, station.physical.now()).unwrap();
    let contract = pki.contract("NLATTC00000001", None).unwrap().chain;
    station.physical.vehicle = Some(Vehicle { contract, roots: pki.v2g_root_pem().to_owned() });
    for (kind, root) in [("V2GRootCertificate", pki.v2g_root_pem()), ("MORootCertificate", pki.mobility_root_pem())] {
        let request = json!({ "certificateType": kind, "certificate": root });
        assert_eq!(station.install_certificate(&request), "Accepted");
    }
    (station, pki)
}

fn signed(station: &mut Station, sign: impl Fn(&str) -> String) -> &'static str {
    station.sign_vehicle_certificate();
    let csr = station.physical.certificates.secc.asked.as_ref().unwrap().csr.clone();
    station.certificate_signed(&json!({ "certificateChain": sign(&csr), "certificateType": "V2GCertificate" }))
}

#[tokio::test(start_paused = true)]
async fn only_a_valid_certificate_of_the_v2g_hierarchy_is_shown_to_evs() {
    let (mut station, pki) = with_roots().await;
    let now = station.physical.now();
    let listed = json!({ "certificateType": ["V2GCertificateChain"] });
    assert_eq!(signed(&mut station, |csr| pki.sign_request(csr, CertificateKind::Valid, now).unwrap()), "Rejected");
    assert_eq!(
        signed(&mut station, |csr| pki.sign_v2g_request(csr, CertificateKind::Expired, now).unwrap()),
        "Rejected"
    );
    assert_eq!(station.installed_certificates(&listed)["status"], "NotFound");
    assert_eq!(signed(&mut station, |csr| pki.sign_v2g_request(csr, CertificateKind::Valid, now).unwrap()), "Accepted");
    let chain = &station.installed_certificates(&listed)["certificateHashDataChain"][0];
    assert_eq!(chain["childCertificateHashData"].as_array().unwrap().len(), 2, "{chain}");
    let delete = json!({ "certificateHashData": chain["certificateHashData"] });
    assert_eq!(station.delete_certificate(&delete), "Accepted");
    assert_eq!(station.installed_certificates(&listed)["status"], "NotFound");
}

/// C07.FR.07 to 12.
#[tokio::test(start_paused = true)]
async fn a_contract_is_judged_offline_where_that_is_allowed() {
    for (allowed, unknown, rooted, charges) in [
        ("true", "true", true, true),
        ("false", "true", true, false),
        ("true", "false", true, false),
        ("true", "true", false, false),
    ] {
        let (mut station, pki) = with_roots().await;
        let now = station.physical.now();
        signed(&mut station, |csr| pki.sign_v2g_request(csr, CertificateKind::Valid, now).unwrap());
        if !rooted {
            let hash = crate::certificate::hash_data(pki.mobility_root_pem(), "SHA256").unwrap();
            assert_eq!(station.delete_certificate(&json!({ "certificateHashData": hash })), "Accepted");
        }
        station.device.put("ISO15118Ctrlr", "ContractValidationOffline", allowed);
        station.device.put("AuthCtrlr", "OfflineTxForUnknownIdEnabled", unknown);
        station.physical.evses[0].ev =
            EvSession { identification: Some(Identification::Contract), ..EvSession::default() };
        plug(&mut station);
        let authorized = station.evses[0].authorized.as_ref().map(|token| token["type"].clone());
        assert_eq!(authorized, charges.then(|| "eMAID".into()), "{allowed} {unknown} {rooted}");
    }
}
