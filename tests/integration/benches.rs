//! The benches in `fixtures/benches/`, each driving a CSMS by its HTTP API, and what is wrong with one.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use assert_cmd::cargo::cargo_bin;
use axum::{
    body::Bytes,
    http::{HeaderMap, Method, StatusCode, Uri},
};
use ocpp_attest::{
    bench::Bench,
    clock::Clock,
    link::{Network, Secret},
    manual_action::{ActionOutcome, ManualAction},
    operator::Operator as _,
    simulator::{
        csms::{self, CsmsEndpoint, CsmsSetup, KnownStation},
        faults::Faults,
        operator::{self, SimulatedOperator},
    },
    yaml::Source,
};
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;

fn folder() -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/benches")
}

/// What a CSMS's API was asked, as `METHOD target`, headers of interest, and body.
type Asked = Arc<Mutex<Vec<String>>>;

/// What a request of either bench wants of the CSMS.
fn wanted(method: &Method, path: &str, body: &Value) -> Option<ManualAction> {
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let send = |action: &str, payload: Value| ManualAction {
        action: "send".into(),
        parameters: json!({ "action": action, "payload": payload }).as_object().cloned().unwrap_or_default(),
        prompt: String::new(),
    };
    match (method.as_str(), parts.as_slice()) {
        ("POST", ["api", "octt", "2.0.1", _, action]) => {
            let name = action.split('-').map(|word| word[..1].to_uppercase() + &word[1..]).collect::<String>();
            Some(send(&name, body.clone()))
        }
        ("POST", ["api", "octt", "2.0.1", _, "call", action]) => Some(send(action, body.clone())),
        ("POST", ["v3", "chargers", _, "commands"]) => Some(send(body["command"].as_str()?, body["request"].clone())),
        ("POST", ["v3", "chargers", _, "reset"]) => {
            Some(send("Reset", json!({ "type": if body["immediate"] == true { "Immediate" } else { "OnIdle" } })))
        }
        _ => None,
    }
}

/// The reference CSMS behind an API, and where both listen.
async fn csms(identity: &str, password: &str) -> (String, String, Asked) {
    let (console, requests) = operator::pair(std::time::Duration::ZERO);
    let probe = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = probe.local_addr().unwrap().to_string();
    drop(probe);
    let setup = CsmsSetup {
        protocol: &ocpp_attest::protocol::OCPP_2_0_1,
        endpoints: vec![CsmsEndpoint { profile: 1, address: address.clone(), tls: None }],
        stations: vec![KnownStation {
            identity: identity.into(),
            password: Secret::new(password),
            serial_number: identity.into(),
            security_profile: 1,
        }],
        tokens: Value::Object(Map::new()),
        interval: 300,
        inventory: false,
        boot_setting: csms::BootSetting::default(),
        authority: None,
        faults: Faults::default(),
    };
    tokio::spawn(csms::run(setup, Network::Tcp, Clock::start(), requests));
    let asked = Asked::default();
    let api = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let api_address = api.local_addr().unwrap().to_string();
    let (seen, console) = (asked.clone(), Arc::new(console));
    let handler = move |method: Method, uri: Uri, headers: HeaderMap, body: Bytes| {
        let (seen, console) = (seen.clone(), console.clone());
        async move { answer(&seen, &console, &method, &uri, &headers, &body).await }
    };
    let service = axum::Router::new().fallback(handler);
    tokio::spawn(async move { axum::serve(api, service).await });
    (address, api_address, asked)
}

async fn answer(
    seen: &Asked,
    console: &SimulatedOperator,
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
    body: &[u8],
) -> (StatusCode, String) {
    let shown: BTreeMap<&str, &str> = headers
        .iter()
        .filter(|(name, _)| *name != "host" && *name != "content-length")
        .map(|(name, value)| (name.as_str(), value.to_str().unwrap_or("?")))
        .collect();
    let line = format!("{method} {uri} {shown:?} {}", String::from_utf8_lossy(body));
    seen.lock().unwrap().push(line);
    if method == Method::GET {
        return (StatusCode::OK, json!({ "value": "600" }).to_string());
    }
    let body = serde_json::from_slice(body).unwrap_or_default();
    let Some(action) = wanted(method, uri.path(), &body) else { return (StatusCode::NOT_IMPLEMENTED, String::new()) };
    let outcome = console.perform(action).await;
    if uri.path().contains("/call/") {
        let result = if outcome == ActionOutcome::Done { "Accepted" } else { "Failed" };
        return (StatusCode::OK, json!({ "result": result }).to_string());
    }
    match outcome {
        ActionOutcome::Done => (StatusCode::OK, json!({ "status": "sent" }).to_string()),
        other => (StatusCode::CONFLICT, format!("{other:?}")),
    }
}

/// Runs test cases through a bench, whose addresses are put in; what the tool printed, what the API was asked, and
/// everything in the run folder.
fn run(name: &str, tests: &[&str], jobs: &str) -> (Option<i32>, String, Vec<String>, String) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let text = std::fs::read_to_string(folder().join(name)).unwrap();
    let root = Source::new(name, text.as_str()).parse().unwrap();
    let station = &root.get("stations").and_then(|stations| stations.list()).unwrap()[0];
    let said = |key: &str| station.get(key).or_else(|| root.get(key)).and_then(ocpp_attest::yaml::Node::scalar);
    let (identity, password) = (said("identity").unwrap(), said("password").unwrap());
    let (ocpp, api, asked) = runtime.block_on(csms(&identity, &password));
    let text = text
        .replace("wss://127.0.0.1:9000", &format!("ws://{ocpp}"))
        .replace("security-profile: 2", "security-profile: 1\nsettle-time: 0.2\npace: 0\nfiles: '127.0.0.1:0'")
        .replace("https://127.0.0.1:9170", &format!("http://{api}"))
        .replace("http://127.0.0.1:9170", &format!("http://{api}"));
    let folder = tempfile::tempdir().unwrap();
    let bench = folder.path().join("bench.yaml");
    std::fs::write(&bench, text).unwrap();
    let out = folder.path().join("out");
    let mut command = std::process::Command::new(cargo_bin("ocpp-attest"));
    command.current_dir(env!("CARGO_MANIFEST_DIR")).env("NO_COLOR", "1").env("CSMS_TOKEN", "t0ken-of-the-lab");
    command
        .args(["run", "--jobs", jobs, "--pics", "pics/greenflux-ev-platform.yaml"])
        .arg("--bench")
        .arg(&bench)
        .arg("--out")
        .arg(&out);
    for test in tests {
        command.args(["--test", test]);
    }
    let output = command.output().unwrap();
    let printed = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    let mut written = String::new();
    for file in std::fs::read_dir(&out).unwrap().flatten().filter(|file| file.path().is_file()) {
        written.push_str(&String::from_utf8_lossy(&std::fs::read(file.path()).unwrap()));
    }
    let asked = asked.lock().unwrap().clone();
    (output.status.code(), printed, asked, written)
}

#[test]
fn the_convention_of_the_octt_drives_a_csms() {
    let (_, printed, asked, _) = run("csms-octt-api.yaml", &["TC_B_20_CSMS", "TC_B_06_CSMS"], "1");
    assert!(printed.contains("1 passed, 0 failed, 1 inconclusive"), "{printed}");
    insta::assert_snapshot!(asked.join("\n"));
}

/// Its other spelling, which tells in the body alone whether it was done.
#[test]
fn the_other_spelling_of_the_convention_drives_a_csms() {
    let (_, printed, asked, _) = run("csms-octt-call-api.yaml", &["TC_B_20_CSMS", "TC_B_06_CSMS"], "1");
    assert!(printed.contains("1 passed, 0 failed, 1 inconclusive"), "{printed}");
    let reset = r#"POST /api/octt/2.0.1/CS001/call/Reset {"content-type": "application/json"} {"type":"OnIdle"}"#;
    assert!(asked.iter().any(|line| line == reset), "{asked:?}");
    assert!(asked.iter().all(|line| line.contains("/CS001/call/")), "{asked:?}");
}

#[test]
fn an_api_of_its_own_drives_a_csms_and_its_secrets_stay_secret() {
    let (status, printed, asked, written) = run("csms-own-api.yaml", &["TC_B_20_CSMS", "TC_B_06_CSMS"], "1");
    assert_eq!(status, Some(0), "{printed}");
    insta::assert_snapshot!(asked.join("\n"));
    assert!(written.contains("TC_B_20_CSMS"));
    for secret in ["t0ken-of-the-lab", "password-of-lab-01"] {
        assert!(!printed.contains(secret) && !written.contains(secret), "{secret} is in an artefact");
    }
}

/// The CSMS of this test knows only the first of the eight: whoever it does not let in spoils no verdict.
#[test]
fn a_station_that_the_csms_does_not_know_is_left_out() {
    let (status, printed, _, written) = run("csms-octt-api.yaml", &["TC_B_20_CSMS", "TC_P_03_CSMS"], "2");
    assert_eq!(status, Some(0), "{printed}");
    assert!(printed.contains("as CS001, CS002 side by side"), "{printed}");
    assert!(written.contains("CS002 is withdrawn"));
}

/// Jobs that the bench or the product can't have are refused, with what to do about it.
#[test]
fn jobs_that_can_t_be_had_are_refused() {
    let refusal = |pics: &str, arguments: &[&str]| {
        let mut command = std::process::Command::new(cargo_bin("ocpp-attest"));
        command.current_dir(env!("CARGO_MANIFEST_DIR")).env("NO_COLOR", "1").args(["run", "--pics", pics, "--out"]);
        let folder = tempfile::tempdir().unwrap();
        let output = command.arg(folder.path().join("out")).args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        assert!(!folder.path().join("out").join("trace.jsonl").exists());
        String::from_utf8(output.stderr).unwrap()
    };
    let bench = "fixtures/benches/csms-octt-api.yaml";
    let (csms, station) = ("pics/greenflux-ev-platform.yaml", "pics/cp-flex-plus-eu.yaml");
    insta::assert_snapshot!(
        [
            refusal(csms, &["--bench", bench, "--jobs", "9"]),
            refusal(csms, &["--bench", bench, "--jobs", "8", "--operator", "prompt"]),
            refusal(station, &["--sut", "simulated", "--jobs", "2"]),
        ]
        .concat()
    );
}

/// None of them may be forgotten here.
#[test]
fn every_bench_has_a_test() {
    let mut names: Vec<String> = std::fs::read_dir(folder())
        .unwrap()
        .flatten()
        .map(|file| file.file_name().to_string_lossy().into_owned())
        .filter(|name| name.starts_with("csms"))
        .collect();
    names.sort();
    assert_eq!(names, ["csms-octt-api.yaml", "csms-octt-call-api.yaml", "csms-own-api.yaml"]);
}

#[test]
fn every_defect_of_the_requests_is_told_at_its_place() {
    let text = r#"operator:
  http:
    base: "http://{{ hots }}"
    rot: x.pem
    defaults:
      method: PSOT
      timeout: 0
      done: [200, 600]
      headers: { "Bad Name": x, Authorization: "Bearer {{ env.NOBODY_SETS_THIS }}", X: { a: 1 } }
    send:
      url: ftp://csms/{{ station }}
      body: "{{ payload | tojsn }}"
      done-when: response.status = 'sent'
    configure: { url: "/{{ bench.identty }}", bdy: 1, password: { url: "/x" } }
    messages:
      Resett: { url: "/{{ status }}" }
      BootNotification: { url: "/x" }
      GetVariables: 12
      UnlockConnector: { url: "/{{ payload.evsId }}", body: "{{ parameters.pauload }}" }
      Reset: { retry-while: "{{ status }} == {{ response.code }}" }
    restore:
      next-boot: not needed
      password: { body: "{{ parameters.password }}" }
      nextboot: { url: "/x" }
    check-variable: not-needed
"#;
    let defects = Bench::read_source(&Source::new("bench.yaml", text)).unwrap_err();
    insta::assert_snapshot!(defects.to_string());
}
