//! What passes through a run and must stay out of its folder: passwords and private keys.

use std::{collections::BTreeMap, fs, path::Path};

use crate::common::How;
use ocpp_attest::{
    bench::Bench,
    engine::{Effect, Input},
    link::{Identity, LinkCommand, LinkEvent, Secret, UpgradeRequest},
    protocol::{Version, frame::Frame},
    record::folder,
    replay::{Recording, Store},
    report::{self, Run},
    results,
    runner::Event,
    selection,
    testcase::{catalogue::Catalogue, dialect::Dialect, reader},
    verdict::Verdict,
    yaml::{Defects, Source},
};
use serde_json::Value;

/// Secrets by themselves, each with what it is.
type Secrets = BTreeMap<String, &'static str>;

/// The lines of private keys, which nothing else contains.
fn add_key(secrets: &mut Secrets, pem: &str) {
    for part in pem
        .split("-----BEGIN ")
        .skip(1)
        .filter(|part| part.split("-----").next().is_some_and(|kind| kind.ends_with("PRIVATE KEY")))
    {
        let body = part.split("-----").nth(1).unwrap_or_default();
        secrets.extend(body.lines().filter(|line| line.len() >= 40).map(|line| (line.to_owned(), "private key")));
    }
}

fn add_password(secrets: &mut Secrets, password: &str, what: &'static str) {
    if password.len() >= 4 {
        secrets.entry(password.to_owned()).or_insert(what);
    }
}

fn strings<'v>(value: &'v Value, found: &mut Vec<&'v str>) {
    match value {
        Value::String(text) => found.push(text),
        Value::Array(items) => items.iter().for_each(|item| strings(item, found)),
        Value::Object(members) => members.values().for_each(|member| strings(member, found)),
        _ => {}
    }
}

/// Everything secret in what the engine began with, was told and wanted: found here without asking those who redact.
fn secrets_of(recording: &Recording, secrets: &mut Secrets) {
    let mut texts = Vec::new();
    strings(&recording.setup.bench, &mut texts);
    let identities = recording.setup.identities.values().chain(recording.setup.client_identities.values());
    let identity = |identity: &Identity, secrets: &mut Secrets| add_key(secrets, identity.key.expose());
    for one in identities {
        identity(one, secrets);
    }
    let frame = |text: &str, secrets: &mut Secrets| {
        let Ok(Frame::Call { payload, .. }) = Frame::read_back(text) else { return };
        for item in payload["setVariableData"].as_array().into_iter().flatten() {
            if item["variable"]["name"] == "BasicAuthPassword" {
                let value = item["attributeValue"].as_str().unwrap_or_default();
                add_password(secrets, value, "password that a test case sets");
            }
        }
    };
    let request = |request: &UpgradeRequest, secrets: &mut Secrets| {
        let password = request.password.as_ref().map(Secret::expose).unwrap_or_default();
        add_password(secrets, password, "password of an upgrade request");
    };
    for (_, input) in &recording.inputs {
        match input {
            Input::Link(LinkEvent::Text { text, .. } | LinkEvent::Sent { text, .. }) => frame(text, secrets),
            Input::Link(LinkEvent::Opened { request: one, .. }) => request(one, secrets),
            Input::Link(LinkEvent::AttemptFailed { request: Some(one), .. }) => request(one, secrets),
            Input::ServiceDone(_, Ok(value)) => strings(value, &mut texts),
            _ => {}
        }
    }
    for (_, effect) in &recording.effects {
        match effect {
            Effect::Link(LinkCommand::SetPolicy(_, policy)) => {
                for password in &policy.passwords {
                    add_password(secrets, password.expose(), "password of an end-point");
                }
                for one in policy.tls.iter().flat_map(|tls| std::iter::once(&tls.identity).chain(&tls.rsa_identity)) {
                    identity(one, secrets);
                }
            }
            Effect::Link(LinkCommand::Connect(_, policy)) => {
                let password = policy.credentials.as_ref().map(|(_, password)| password.expose()).unwrap_or_default();
                add_password(secrets, password, "password of the harness as station");
                for one in policy.tls.iter().flat_map(|tls| &tls.identity) {
                    identity(one, secrets);
                }
            }
            _ => {}
        }
    }
    for text in texts {
        add_key(secrets, text);
    }
    for (secret, _) in &recording.secrets {
        if secret.expose().contains("PRIVATE KEY") {
            add_key(secrets, secret.expose());
        } else {
            add_password(secrets, secret.expose(), "known secret");
        }
    }
}

/// Runs test cases and writes everything that a run leaves behind.
fn write_run(out: &Path, product: &str, bench: &str, globs: &[&str]) -> Secrets {
    let (pics, bench) = (crate::common::pics(product), crate::common::bench(bench));
    let entries = selection::plan(&pics, &Catalogue::embedded(ocpp_attest::protocol::Version::V2_0_1).unwrap());
    let mut trace = Vec::new();
    let tell = |event| match event {
        Event::Trace(entry) => trace.push(*entry),
        Event::Uploaded(place, content) => folder::write_upload(out, &place, &content).unwrap(),
        _ => {}
    };
    let how = How { record: true, ..How::default() };
    let (ran, _) = crate::common::run_telling(&pics, &bench, how, globs, tell);
    assert!(ran.results.iter().any(|result| result.verdict == Verdict::Pass), "something ran");
    let mut secrets = Secrets::new();
    add_password(&mut secrets, bench.password.expose(), "password of the bench");
    let mut store = Store::begin(out);
    for recording in &ran.recordings {
        secrets_of(recording, &mut secrets);
        store.keep(recording).unwrap();
    }
    let info = results::RunInfo {
        run_id: "run".into(),
        started: jiff::Timestamp::UNIX_EPOCH,
        finished: jiff::Timestamp::UNIX_EPOCH,
        sut: "simulated".into(),
        faults: Vec::new(),
        shuffle: None,
        interrupted: false,
        resumed: Vec::new(),
        expectations: Vec::new(),
        calibration: None,
        tested_by: ocpp_attest::pics::model::TestedBy::default(),
    };
    // As if all had failed, with the whole trace in view: reports of failures tell more.
    let mut cases = ran.results;
    for case in &mut cases {
        case.verdict = Verdict::Fail;
    }
    let gathered = results::TraceSummary::of(&pics, &trace);
    let results = results::summarise(&pics, &entries, cases, &gathered, info);
    folder::create(out).unwrap();
    folder::write_results(out, &results).unwrap();
    let lines: String = trace.iter().map(|entry| serde_json::to_string(entry).unwrap() + "\n").collect();
    folder::write(out, "trace.jsonl", lines.as_bytes()).unwrap();
    report::write_all(
        out,
        report::Format::ALL,
        Run { pics: &pics, plan: &entries, results: &results, trace: &gathered, seal: None },
    )
    .unwrap();
    secrets
}

/// Every file below a folder that holds one of the secrets.
fn leaks(folder: &Path, secrets: &Secrets, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        // The test cases as they are published, with the password that a station must refuse.
        if path.is_dir() && path.file_name().is_some_and(|name| name == "testcases") {
            continue;
        }
        if path.is_dir() {
            leaks(&path, secrets, found);
            continue;
        }
        let text = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        for (secret, what) in secrets {
            if let Some(at) = text.find(secret.as_str()) {
                let from = text[..at].char_indices().rev().nth(80).map_or(0, |(at, _)| at);
                found.push(format!("{name}: {what} behind {:?}", &text[from..at]));
            }
        }
        if text.contains("PRIVATE KEY-----") {
            found.push(format!("{name}: a private key"));
        }
    }
}

fn nothing_secret_stays(product: &str, bench: &str, globs: &[&str], wanted: &[&str]) {
    let out = tempfile::tempdir().unwrap();
    let secrets = write_run(out.path(), product, bench, globs);
    for what in wanted {
        assert!(secrets.values().any(|known| known == what), "no {what} passed through: {:?}", secrets.values());
    }
    let mut found = Vec::new();
    leaks(out.path(), &secrets, &mut found);
    found.truncate(20);
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn of_a_station_s_run_no_password_and_no_key_stays() {
    let globs = [
        "TC_A_01*", "TC_A_09*", "TC_A_10*", "TC_A_11*", "TC_A_19*", "TC_A_2*", "TC_B_4*", "TC_L_01*", "TC_M_0*",
        "TC_N_2*", "TC_N_3*",
    ];
    let wanted = ["password of the bench", "password that a test case sets", "private key"];
    nothing_secret_stays("cp-flex-plus-eu.yaml", "password: bench-Passw0rd-of-sixteen\n", &globs, &wanted);
}

#[test]
fn of_a_run_with_client_certificates_no_key_stays() {
    let globs = ["TC_A_0*", "TC_A_1*", "TC_B_01*", "TC_M_2*"];
    nothing_secret_stays("cp-flex-plus-eu.yaml", "security-profile: 3\n", &globs, &["private key"]);
}

#[test]
fn of_a_csms_s_run_no_password_and_no_key_stays() {
    let globs = ["TC_A_*", "TC_B_01*", "TC_L_0*", "TC_M_*"];
    let wanted = ["password of the bench", "password that a test case sets", "private key"];
    nothing_secret_stays("greenflux-ev-platform.yaml", "password: bench-Passw0rd-of-sixteen\n", &globs, &wanted);
}

#[test]
fn a_leak_would_be_seen() {
    let out = tempfile::tempdir().unwrap();
    fs::create_dir(out.path().join("inner")).unwrap();
    fs::write(out.path().join("inner/a.txt"), "x hidden-word y").unwrap();
    let mut secrets = Secrets::new();
    add_password(&mut secrets, "hidden-word", "password");
    add_key(
        &mut secrets,
        &format!("-----BEGIN PRIVATE KEY-----\n{}\nAA==\n-----END PRIVATE KEY-----\n", "Q".repeat(64)),
    );
    assert_eq!(secrets.len(), 2);
    let mut found = Vec::new();
    leaks(out.path(), &secrets, &mut found);
    assert_eq!(found.len(), 1, "{found:?}");
}

/// Everything that is shown of defects: in a line, and with the lines of the file around it.
fn shown(defects: &Defects) -> String {
    let reports = defects.reports().into_iter().map(|report| format!("{:?}", miette::Report::new(report)));
    reports.fold(defects.to_string(), |all, report| all + &report)
}

#[test]
fn complaints_about_a_file_show_no_secret() {
    const SECRET: &str = "73218841";
    let bench = format!(
        "password: {SECRET}\nfile-password: [{SECRET}]\nlisten: 1\nstations:\n  - {{ identity: A, password: {SECRET} }}\n  \
         - identity: B\n    password: {SECRET}\noperator:\n  http:\n    base: http://x\n    defaults:\n      headers:\n        \
         Authorization: \"Bearer {SECRET} {{{{ oops\"\n        Cookie: [{SECRET}]\n"
    );
    let defects = Bench::read_source(&Source::new("b.yaml", bench)).unwrap_err();
    let told = shown(&defects);
    for wrong in ["`password` can't be a number", "`file-password` can't be a list", "`listen` can't be the number 1"] {
        assert!(told.contains(wrong), "{wrong}: {told}");
    }
    assert_eq!(defects.to_string().matches("`password` can't be a number").count(), 3, "{told}");
    assert!(told.contains("`Authorization` is wrong") && !told.contains(SECRET), "{told}");

    let case = format!(
        "id: TC_X_01_CS\ntitle: T\nsut: charging-station\nblock: B\nprotocols: [2.0.1]\npurpose: P.\n\
         certification: {{ 2.0.1: {{ 2024-06: {{ core: mandatory }} }} }}\nsteps:\n  - connection: accept\n    offer:\n      \
         password: {SECRET}\n      security-profile: 9\n"
    );
    let source = Source::new("c.yaml", case);
    let told = shown(&reader::test_case(&source, Dialect::today(Version::V2_0_1)).unwrap_err());
    assert!(told.contains("`password` must be text, found a number") && told.contains("found the number 9"), "{told}");
    assert!(!told.contains(SECRET), "{told}");
}
