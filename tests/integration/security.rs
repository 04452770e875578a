//! Certificates and security profiles: a product with every option of them, under every profile, and what a faulty one
//! is caught at.

use ocpp_attest::{
    certificate,
    engine::{Effect, Input},
    link::{EndpointId, LinkCommand, LinkEvent, Secret},
    pics::{Answer, Pics},
    protocol::frame::Frame,
    replay::Recording,
    runner,
    verdict::Verdict,
};
use serde_json::json;

/// What the certified products leave out is in.
fn pics(name: &str) -> Pics {
    let mut pics = crate::common::pics(name);
    pics.features.insert("AS-2".into(), Answer::Bool(true));
    pics.questions.insert("AQ-3".into(), Answer::Bool(true));
    pics
}

fn run(pics: &Pics, bench: &str) -> runner::Yield {
    crate::common::run_these(pics, bench, true, &["TC_A_*", "TC_M_*", "TC_B_47_CS", "TC_B_50_CS"])
}

#[test]
fn every_security_option_passes_under_every_profile() {
    for (name, profiles) in [("cp-flex-plus-eu.yaml", &[1, 2, 3][..]), ("beny-bcpcv-ct2m-p.yaml", &[1, 2])] {
        let pics = pics(name);
        for profile in profiles {
            let results = run(&pics, &format!("security-profile: {profile}\n")).results;
            assert!(results.len() >= 20, "{name} {profile}: {}", results.len());
            for result in results {
                assert_eq!(result.verdict, Verdict::Pass, "{name} {profile} {}: {:?}", result.id, result.failures);
            }
        }
    }
}

/// A recording with one thing in it changed, wherever the change can be made.
fn mutants(recording: &Recording, change: impl Fn(&Recording, &mut Input) -> bool) -> impl Iterator<Item = Recording> {
    recording.inputs.iter().enumerate().filter_map(move |(at, (_, input))| {
        let mut input = input.clone();
        change(recording, &mut input).then(|| {
            let mut mutant = recording.clone();
            mutant.inputs[at].1 = input;
            mutant
        })
    })
}

fn in_text(input: &mut Input, from: &str, to: &str) -> bool {
    let Input::Link(LinkEvent::Text { text, .. }) = input else { return false };
    let changed = text.replace(from, to);
    let differs = changed != *text;
    *text = changed;
    differs
}

/// The list of installed certificates has this one as well.
fn also_listed(recording: &Recording, input: &mut Input, root: &str) -> bool {
    let Input::Link(LinkEvent::Text { text, .. }) = input else { return false };
    let Ok(Frame::CallResult { id, mut payload }) = Frame::read_back(text) else { return false };
    let bench = &recording.setup.bench;
    let issuer = if root.contains("next") { bench["root"].as_str().unwrap() } else { "" };
    let chain = format!("{}{issuer}", bench[root].as_str().unwrap());
    let Some(list) = payload["certificateHashDataChain"].as_array_mut() else { return false };
    let hash = certificate::hash_data(&chain, "SHA256");
    list.push(json!({ "certificateType": "CSMSRootCertificate", "certificateHashData": hash }));
    *text = Frame::CallResult { id, payload }.to_text();
    true
}

/// The station shows another certificate than it must.
fn other_certificate(recording: &Recording, input: &mut Input) -> bool {
    let Input::Link(LinkEvent::Opened { request, .. }) = input else { return false };
    let Some(tls) = &mut request.tls else { return false };
    tls.peer_chain = vec![recording.setup.bench["other_root"].as_str().unwrap().to_owned()];
    true
}

#[test]
fn what_a_faulty_product_says_of_its_security_is_seen() {
    const ANSWERS: [(&str, &str, &str); 29] = [
        ("TC_A_10_CS", "Rejected", "Accepted"),
        ("TC_A_11_CS", "BEGIN CERTIFICATE REQUEST", "BEGIN CERTIFICATE"),
        ("TC_A_11_CS", "Accepted", "Rejected"),
        ("TC_A_14_CS", "Rejected", "Accepted"),
        ("TC_A_14_CS", "InvalidChargingStationCertificate", "InvalidCsmsCertificate"),
        ("TC_A_15_CS", "Accepted", "NotImplemented"),
        ("TC_A_20_CS", "Rejected", "RebootRequired"),
        ("TC_A_20_CS", "Rejected", "Accepted"),
        ("TC_A_21_CS", "Rejected", "RebootRequired"),
        ("TC_A_21_CS", "Accepted", "Rejected"),
        ("TC_A_22_CS", "Rejected", "Accepted"),
        ("TC_A_23_CS", "Accepted", "Rejected"),
        ("TC_M_01_CS", "CSMSRootCertificate", "V2GRootCertificate"),
        ("TC_M_02_CS", "ManufacturerRootCertificate", "CSMSRootCertificate"),
        ("TC_M_02_CS", "SHA256", "SHA512"),
        ("TC_M_07_CS", "Rejected", "Accepted"),
        ("TC_M_09_CS", "Rejected", "Accepted"),
        ("TC_M_09_CS", "CSMSRootCertificate", "V2GRootCertificate"),
        ("TC_M_12_CS", "serialNumber\":\"", "serialNumber\":\"1"),
        ("TC_M_13_CS", "serialNumber\":\"", "serialNumber\":\"1"),
        ("TC_M_17_CS", "ManufacturerRootCertificate", "CSMSRootCertificate"),
        ("TC_M_18_CS", "CSMSRootCertificate", "ManufacturerRootCertificate"),
        ("TC_M_19_CS", "NotFound", "Accepted"),
        ("TC_M_20_CS", "Accepted", "NotFound"),
        ("TC_M_20_CS", "Accepted", "Failed"),
        ("TC_M_22_CS", "NotFound", "Failed"),
        ("TC_M_23_CS", "Failed", "Accepted"),
        ("TC_M_30_CS", "Accepted", "NotFound"),
        ("TC_M_31_CS", "serialNumber\":\"", "serialNumber\":\"1"),
    ];
    const LISTED: [(&str, &str); 4] = [
        ("TC_M_07_CS", "expired_next_root"),
        ("TC_M_09_CS", "other_root"),
        ("TC_M_20_CS", "next_root"),
        ("TC_M_30_CS", "root"),
    ];
    let recordings = run(&pics("cp-flex-plus-eu.yaml"), "").recordings;
    let of = |id: &str| -> Vec<&Recording> {
        let found: Vec<_> = recordings.iter().filter(|recording| recording.id == id).collect();
        assert!(!found.is_empty(), "{id} did not run");
        found
    };
    let mut missed = Vec::new();
    let mut caught = |id: &str, what: String, change: &dyn Fn(&Recording, &mut Input) -> bool| {
        for recording in of(id) {
            if !mutants(recording, change).any(|mutant| mutant.judge().verdict == Verdict::Fail) {
                missed.push(format!("{id}: {what}"));
            }
        }
    };
    for (id, from, to) in ANSWERS {
        caught(id, format!("{from} -> {to}"), &|_, input| in_text(input, from, to));
    }
    for (id, root) in LISTED {
        caught(id, format!("{root} is listed"), &|recording, input| also_listed(recording, input, root));
    }
    for id in ["TC_A_07_CS", "TC_A_11_CS", "TC_A_23_CS"] {
        caught(id, "another certificate".into(), &other_certificate);
    }
    assert!(missed.is_empty(), "not caught:\n{}", missed.join("\n"));
}

/// TC_A_23: a signing request that is sent again too soon, or at the same interval each time.
#[test]
fn signing_requests_keep_their_intervals() {
    let recordings = run(&pics("cp-flex-plus-eu.yaml"), "").recordings;
    let recording = recordings.iter().find(|recording| recording.id == "TC_A_23_CS").unwrap();
    let asks = |input: &Input| matches!(input, Input::Link(LinkEvent::Text { text, .. }) if text.contains("SignCertificate\""));
    let sent: Vec<usize> = (0..recording.inputs.len()).filter(|at| asks(&recording.inputs[*at].1)).collect();
    assert_eq!(sent.len(), 3);
    for (again, after, fails) in [(1, 20, false), (1, 12, true), (2, 40, false), (2, 20, true)] {
        let mut mutant = recording.clone();
        let late = std::time::Duration::from_secs(after);
        mutant.inputs[sent[again]].0 = recording.inputs[sent[again - 1]].0.plus(late);
        let verdict = mutant.judge().verdict;
        assert_eq!(verdict == Verdict::Fail, fails, "request {again} after {after} s: {verdict}");
    }
}

/// The station sends a signing request that another tool made (`tests/fixtures/requests`).
fn other_request(input: &mut Input, name: &str) -> bool {
    let Input::Link(LinkEvent::Text { text, .. }) = input else { return false };
    let Ok(Frame::Call { id, action, mut payload }) = Frame::read_back(text) else { return false };
    if action != "SignCertificate" {
        return false;
    }
    let path = format!("{}/tests/fixtures/requests/{name}.csr", env!("CARGO_MANIFEST_DIR"));
    payload["csr"] = std::fs::read_to_string(path).unwrap().into();
    *text = Frame::Call { id, action, payload }.to_text();
    true
}

#[test]
fn a_station_fails_only_by_a_request_that_is_surely_wrong() {
    // Without a second verifier, what the first does not know is nobody's fault.
    let by_second = |verdict| if cfg!(feature = "legacy-tls") { verdict } else { Verdict::Inconclusive };
    let requests = [
        ("two-ous", Verdict::Pass),
        ("keytool-ec", Verdict::Pass),
        ("microsoft-attributes", Verdict::Pass),
        ("challenge-teletex", Verdict::Pass),
        ("rsa-pss-salt-32", Verdict::Pass),
        ("rsa-pss-salt-222", by_second(Verdict::Pass)),
        ("rsa-pss-key", by_second(Verdict::Pass)),
        ("brainpool", by_second(Verdict::Pass)),
        ("unknown-algorithm", Verdict::Inconclusive),
        ("no-attributes", Verdict::Inconclusive),
        ("rsa-1024", Verdict::Fail),
        ("wrong-signature", Verdict::Fail),
        ("wrong-signature-rsa-pss", by_second(Verdict::Fail)),
    ];
    let recordings = crate::common::run_these(&pics("cp-flex-plus-eu.yaml"), "", true, &["TC_A_11_CS"]).recordings;
    for (name, verdict) in requests {
        let mut judged = recordings.iter().flat_map(|recording| {
            mutants(recording, move |_, input| other_request(input, name)).map(|mutant| mutant.judge())
        });
        let first = judged.next().unwrap_or_else(|| panic!("{name}: no request was sent"));
        assert_eq!(first.verdict, verdict, "{name}: {:?}", first.failures);
        let told = first.failures.first().map(|finding| finding.message.as_str()).unwrap_or_default();
        match name {
            "unknown-algorithm" => {
                insta::assert_snapshot!(told, @"Whether the CSR is sound can't be told: no verifier in this build supports signature algorithm 0.4.0.127.0.7.1.1.4.1.3, with its parameters, and a key of 256 bits (EC).");
            }
            "rsa-1024" => insta::assert_snapshot!(told, @"The CSR's key is too short: RSA, 1024 bits."),
            _ => {}
        }
    }
}

/// A station may be back with its new password before the answer that announces it has been read.
#[test]
fn a_new_password_opens_the_door_before_it_is_set() {
    let done = crate::common::run_these(
        &crate::common::pics("cp-flex-plus-eu.yaml"),
        "security-profile: 2\n",
        true,
        &["TC_A_09_CS"],
    );
    let recording = &done.recordings[0];
    let sets = |effect: &&Effect| {
        let Effect::Link(LinkCommand::Send(_, text)) = effect else { return false };
        text.contains("BasicAuthPassword") && text.contains("attest-new-")
    };
    let effects: Vec<&Effect> = recording.effects.iter().map(|(_, effect)| effect).collect();
    let before = &effects[..effects.iter().position(sets).unwrap()];
    let admitted = before.iter().rev().find_map(|effect| match effect {
        Effect::Link(LinkCommand::SetPolicy(_, policy)) => Some(policy.passwords.iter().map(Secret::expose)),
        _ => None,
    });
    let admitted: Vec<&str> = admitted.unwrap().collect();
    assert!(admitted.len() == 2 && admitted[1].starts_with("attest-new-"), "the former one and the new one");
    // It is no matter which one the station takes: that is checked.
    let with_the_former = mutants(recording, |recording, input| {
        let Input::Link(LinkEvent::Opened { request, .. }) = input else { return false };
        let new = request.password.as_ref().is_some_and(|password| password.expose().starts_with("attest-new-"));
        request.password = Some(recording.setup.endpoints.at[&EndpointId::MAIN].passwords[0].clone());
        new
    });
    let mut judged = 0;
    for mutant in with_the_former {
        let result = mutant.judge();
        assert_eq!(result.verdict, Verdict::Fail);
        assert!(format!("{:?}", result.failures[0]).contains("/password"), "{:?}", result.failures[0]);
        judged += 1;
    }
    assert!(judged > 0);
}
