//! What a station looks after by itself: its certificate, whom it takes firmware from, and when it may reset.

use jiff::SignedDuration;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use serde_json::{Value, json};

use super::{super::*, pics, station};
use crate::{
    certificate::Certificate,
    link::{ConnId, Identity, Secret},
    manual_action::ManualAction,
    services::pki,
    simulator::station::physical::{Store, TransferDone},
};

/// A certificate authority of the test's own.
struct Authority(Issuer<'static, KeyPair>, String);

fn params(name: &str, authority: bool, days: i64) -> CertificateParams {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    let now = time::OffsetDateTime::now_utc();
    params.not_before = now - time::Duration::days(40);
    params.not_after = now + time::Duration::days(days);
    if authority {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    }
    params
}

impl Authority {
    fn root(name: &str) -> Self {
        let (params, key) = (params(name, true, 1000), KeyPair::generate().unwrap());
        let pem = params.self_signed(&key).unwrap().pem();
        Self(Issuer::new(params, key), pem)
    }

    fn below(&self, name: &str) -> Self {
        let (params, key) = (params(name, true, 500), KeyPair::generate().unwrap());
        let pem = params.signed_by(&key, &self.0).unwrap().pem();
        Self(Issuer::new(params, key), pem)
    }

    fn leaf(&self, name: &str, days: i64) -> Identity {
        let key = KeyPair::generate().unwrap();
        let chain = params(name, false, days).signed_by(&key, &self.0).unwrap().pem();
        Identity { chain, key: Secret::new(key.serialize_pem()) }
    }
}

/// Connected and accepted, with security profile 3.
async fn accepted(pics_name: &str) -> Station {
    let mut station = station(pics(pics_name)).await;
    station.profiles[0].1.security_profile = 3;
    station.physical.conn = Some(ConnId(1));
    station.boot = Boot::Accepted;
    station
}

/// What the station wants to send, action and payload, taken from its queue.
fn wants(station: &mut Station) -> Vec<(&'static str, Value)> {
    station.queue.drain(..).map(|outgoing| (outgoing.action, outgoing.payload)).collect()
}

fn act(station: &mut Station, action: &str, parameters: Value) -> Result<(), NotPossible> {
    let action = ManualAction {
        action: action.into(),
        parameters: parameters.as_object().unwrap().clone(),
        prompt: String::new(),
    };
    let event = station.physical.perform(&action)?;
    event.map_or(Ok(()), |event| station.happened(event))
}

#[tokio::test(start_paused = true)]
async fn firmware_comes_from_the_manufacturer_alone() {
    let mut station = station(pics("cp-flex-plus-eu.yaml")).await;
    let (maker, other) = (Authority::root("maker"), Authority::root("other maker"));
    let department = maker.below("firmware department");
    station.physical.certificates = Store::delivered(&other.1, &maker.1, None);
    let asked = |certificate: &str| json!({ "requestId": 1, "firmware": { "signingCertificate": certificate } });
    let below = department.leaf("signer", 300).chain;
    for (what, certificate, answer) in [
        ("straight from the root", maker.leaf("signer", 300).chain, "Accepted"),
        ("with the certificate between", format!("{below}{}", department.1), "Accepted"),
        ("without the certificate between", below, "InvalidCertificate"),
        ("expired", maker.leaf("signer", -1).chain, "InvalidCertificate"),
        ("from the root of the CSMS", other.leaf("signer", 300).chain, "InvalidCertificate"),
        ("none", String::new(), "InvalidCertificate"),
    ] {
        assert_eq!(station.update_firmware(&asked(&certificate)), answer, "{what}");
    }
    let install = json!({ "certificateType": "ManufacturerRootCertificate", "certificate": other.1 });
    assert_eq!(station.install_certificate(&install), "Accepted");
    assert_eq!(station.update_firmware(&asked(&other.leaf("signer", 300).chain)), "Accepted");
}

#[tokio::test(start_paused = true)]
async fn a_certificate_near_its_end_is_renewed() {
    let mut station = accepted("cp-flex-plus-eu.yaml").await;
    let root = Authority::root("operator");
    for (days, asks) in [(40, false), (20, true), (-1, true)] {
        station.physical.certificates = Store::delivered(&root.1, "", Some(root.leaf("CS001", days)));
        station.renew_in_time();
        let asked: Vec<&str> = wants(&mut station).iter().map(|(action, _)| *action).collect();
        assert_eq!(asked, if asks { vec!["SignCertificate"] } else { vec![] }, "{days} days before its end");
    }
    // It is looked at again the next day, and one request at a time is enough.
    assert!(station.timers.any(|timer| *timer == Timer::Renewal));
    station.renew_in_time();
    assert_eq!(wants(&mut station), []);
    // Offline it can wait; what is not there needs no renewal.
    station.physical.certificates.own.forget_request();
    station.physical.conn = None;
    station.renew_in_time();
    assert!(station.queue.is_empty());
    station.physical.certificates = Store::delivered(&root.1, "", None);
    station.timers.retain(|_| false);
    station.renew_in_time();
    assert!(!station.timers.any(|_| true));
}

/// Lets the station have a new certificate; the answer is the former and the new one.
fn renewed(station: &mut Station) -> (Certificate, Certificate) {
    let root = pki::Pki::new(pki::KeyKind::Ecdsa, station.physical.now()).unwrap();
    let former = root.client(crate::link::CertificateKind::Valid, "CS001", "owner").unwrap();
    station.physical.certificates = Store::delivered(root.root_pem(), "", Some(former));
    let former = station.physical.certificates.own.certificate().unwrap();
    station.sign_certificate(false);
    let (_, request) = wants(station).pop().unwrap();
    let chain = root
        .sign_request(request["csr"].as_str().unwrap(), crate::link::CertificateKind::Valid, station.physical.now())
        .unwrap();
    assert_eq!(station.certificate_signed(&json!({ "certificateChain": chain })), "Accepted");
    (former, Certificate::first(&chain).unwrap())
}

#[tokio::test(start_paused = true)]
async fn a_new_certificate_that_works_is_the_only_one() {
    let mut station = accepted("cp-flex-plus-eu.yaml").await;
    let (_, new) = renewed(&mut station);
    station.certificate_works(2); // nothing was shown
    station.physical.certificates.own.alternate();
    assert_ne!(station.physical.certificates.own.certificate().as_ref(), Some(&new));
    station.physical.certificates.own.alternate();
    station.certificate_works(3);
    station.physical.certificates.own.alternate();
    assert_eq!(station.physical.certificates.own.certificate(), Some(new));
    assert_eq!(wants(&mut station), []);
}

#[tokio::test(start_paused = true)]
async fn a_new_certificate_that_no_csms_takes_is_given_up() {
    for (falls_back, pics_name) in [(true, "cp-flex-plus-eu.yaml"), (false, "beny-bcpcv-ct2m-p.yaml")] {
        let mut station = accepted(pics_name).await;
        station.pics.features.insert("C-47".into(), crate::pics::Answer::Bool(falls_back));
        station.slot_works();
        let (former, new) = renewed(&mut station);
        let attempts = station.device.number("OCPPCommCtrlr", "NetworkProfileConnectionAttempts").max(1);
        let mut shown = Vec::new();
        for _ in 0..3 * attempts {
            shown.push(station.physical.certificates.own.certificate().unwrap());
            station.attempt_failed();
        }
        // B10.FR.08: old and new by turns; B10.FR.07: the old one, and there it stays.
        let times = usize::try_from(attempts).unwrap();
        let third = if falls_back { &former } else { &new };
        let expected = [vec![&new; times], vec![&former; times], vec![third; times]].concat();
        assert_eq!(shown.iter().collect::<Vec<_>>(), expected, "C-47 {falls_back}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_csms_hears_that_a_new_certificate_was_discarded() {
    let mut station = accepted("beny-bcpcv-ct2m-p.yaml").await;
    let (former, _) = renewed(&mut station);
    station.physical.certificates.own.alternate();
    station.certificate_works(3);
    let told = wants(&mut station);
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].1["type"], "DiscardedRenewedClientCertificate");
    station.physical.certificates.own.alternate();
    assert_eq!(station.physical.certificates.own.certificate(), Some(former));
}

#[tokio::test(start_paused = true)]
async fn a_reset_on_idle_waits_for_what_it_would_interfere_with() {
    let on_idle = json!({ "type": "OnIdle" });
    let upload = json!({ "requestId": 4, "logType": "DiagnosticsLog", "log": { "remoteLocation": "http://nowhere/" } });
    let mut station = accepted("beny-bcpcv-ct2m-p.yaml").await;
    assert_eq!(station.reset(&on_idle), "Accepted");
    station.get_log(&upload);
    assert_eq!(station.reset(&on_idle), "Scheduled");
    assert_eq!(
        station.reset(&json!({ "type": "OnIdle", "evseId": 1 })),
        station.reset(&json!({ "type": "Immediate", "evseId": 1 }))
    );
    assert_eq!(station.reset(&json!({ "type": "Immediate" })), "Accepted");
    station.begin_reset(&on_idle);
    // B12: what was available is not any more.
    let statuses: Vec<Value> =
        wants(&mut station).into_iter().map(|(_, payload)| payload["connectorStatus"].clone()).collect();
    assert_eq!(statuses, ["Unavailable", "Unavailable"]);
    let restarts = |station: &Station| station.timers.any(|timer| *timer == Timer::Restart("ScheduledReset"));
    assert!(!restarts(&station));
    station.happened(Event::Transferred(TransferDone::Upload(4, Ok(())))).unwrap();
    assert!(restarts(&station));
}

#[tokio::test(start_paused = true)]
async fn what_a_restart_puts_an_end_to_is_told_after_it() {
    let mut station = accepted("beny-bcpcv-ct2m-p.yaml").await;
    let maker = Authority::root("maker");
    station.physical.certificates = Store::delivered("", &maker.1, None);
    let update = |firmware: Value| {
        let mut firmware = firmware;
        firmware["signingCertificate"] = maker.leaf("signer", 300).chain.into();
        json!({ "requestId": 9, "firmware": firmware })
    };
    // One that waits for its time waits on.
    let later = station.physical.now().checked_add(SignedDuration::from_hours(2)).unwrap();
    station.firmware_asked(&update(json!({ "retrieveDateTime": later.to_string() })));
    assert_eq!(station.reset(&json!({ "type": "OnIdle" })), "Accepted");
    station.restart("RemoteReset");
    assert!(station.timers.any(|timer| *timer == Timer::Firmware(firmware::Stage::Download)));
    assert_eq!(station.interrupted, []);
    // One at work is lost.
    station.physical.conn = Some(ConnId(2));
    station.boot = Boot::Accepted;
    station.firmware_asked(&update(json!({ "location": "http://nowhere/" })));
    station.firmware_stage(firmware::Stage::Download);
    assert_eq!(station.reset(&json!({ "type": "OnIdle" })), "Scheduled");
    station.restart("RemoteReset");
    station.physical.conn = Some(ConnId(3));
    station.boot = Boot::Asked;
    wants(&mut station);
    station.boot_answered(&json!({ "status": "Accepted", "interval": 300 }));
    let told = wants(&mut station);
    let failure = json!({ "status": "DownloadFailed", "requestId": 9 });
    assert!(told.contains(&("FirmwareStatusNotification", failure)), "{told:?}");
    // The download that goes on in the background is nobody's any more.
    station.happened(Event::Transferred(TransferDone::Download(9, Ok(Vec::new())))).unwrap();
    assert_eq!(wants(&mut station), []);
}

#[tokio::test(start_paused = true)]
async fn a_jammed_lock_neither_opens_nor_lets_energy_through() {
    let mut station = accepted("beny-bcpcv-ct2m-p.yaml").await;
    let connector = json!({ "evse": 1, "connector": 1 });
    // A fixed cable has no lock.
    assert!(act(&mut station, "jam-lock", connector.clone()).is_err());
    let mut station = accepted("simulated-station.yaml").await;
    let detachable = (0..station.evses.len()).find(|index| !station.physical.evses[*index].fixed_cable).unwrap();
    let connector =
        json!({ "evse": station.evses[detachable].id, "connector": station.evses[detachable].connectors[0].id });
    let unlock = json!({ "evseId": connector["evse"], "connectorId": connector["connector"] });
    assert_eq!(station.unlock(&unlock), "Unlocked");
    act(&mut station, "jam-lock", connector.clone()).unwrap();
    assert_eq!(station.unlock(&unlock), "UnlockFailed");
    act(&mut station, "connect-ev", connector.clone()).unwrap();
    station.authorize(detachable, json!({ "idToken": "D001D001", "type": "ISO14443" }), None);
    assert!(!station.physical.evses[detachable].charging);
    let problems = |station: &mut Station| -> Vec<Value> {
        let events = wants(station).into_iter().filter(|(action, _)| *action == "NotifyEvent");
        events.map(|(_, payload)| payload["eventData"][0].clone()).collect()
    };
    let told = problems(&mut station);
    assert_eq!(told.len(), 1);
    assert_eq!(told[0]["component"]["name"], "ConnectorPlugRetentionLock");
    assert_eq!((&told[0]["variable"]["name"], &told[0]["actualValue"]), (&json!("Problem"), &json!("true")));
    act(&mut station, "free-lock", connector).unwrap();
    assert!(station.physical.evses[detachable].charging);
    assert_eq!(problems(&mut station)[0]["actualValue"], "false");
}
