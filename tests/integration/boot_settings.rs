//! Settings of a CSMS that last: the reference CSMS in both styles, asked by the requests of a bench, over sockets.

use std::sync::{Arc, Mutex};

use crate::common::{ports::free_port, tool};
use axum::http::StatusCode;
use ocpp_attest::{
    clock::Clock,
    link::{Network, Secret},
    manual_action::{ActionOutcome, ManualAction},
    operator::Operator as _,
    simulator::{
        csms::{self, BootSetting, CsmsEndpoint, CsmsSetup, KnownStation},
        faults::Faults,
        operator::{self, SimulatedOperator},
    },
};
use serde_json::Value;
use tokio::net::TcpListener;

/// What the API was asked about settings, `configure next-boot Pending`.
type Asked = Arc<Mutex<Vec<String>>>;

/// The reference CSMS behind an API that takes manual actions as they are; where both listen.
async fn csms(boot_setting: BootSetting, asked: Asked) -> (String, String) {
    let (console, requests) = operator::pair(std::time::Duration::ZERO);
    let address = format!("127.0.0.1:{}", free_port());
    let setup = CsmsSetup {
        protocol: &ocpp_attest::protocol::OCPP_2_0_1,
        endpoints: vec![CsmsEndpoint { profile: 1, address: address.clone(), tls: None }],
        stations: vec![KnownStation {
            identity: "CS001".into(),
            password: Secret::new("attest-bench-secret"),
            serial_number: "CS001".into(),
            security_profile: 1,
        }],
        tokens: Value::Null,
        interval: 300,
        inventory: false,
        boot_setting,
        authority: None,
        faults: Faults::default(),
    };
    tokio::spawn(csms::run(setup, Network::Tcp, Clock::start(), requests));
    let api = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let api_address = api.local_addr().unwrap().to_string();
    let console = Arc::new(console);
    let handler = move |body: axum::body::Bytes| {
        let (asked, console) = (asked.clone(), console.clone());
        async move { act(&asked, &console, &body).await }
    };
    let service = axum::Router::new().fallback(handler);
    tokio::spawn(async move { axum::serve(api, service).await });
    (address, api_address)
}

async fn act(asked: &Asked, console: &SimulatedOperator, body: &[u8]) -> StatusCode {
    let action: ManualAction = serde_json::from_slice(body).unwrap();
    if let Some(what) = action.parameters.get("what").and_then(Value::as_str) {
        let value = action.parameters["value"].as_str().unwrap_or_default();
        asked.lock().unwrap().push(format!("{} {what} {value}", action.action));
    }
    match console.perform(action).await {
        ActionOutcome::Done => StatusCode::OK,
        _ => StatusCode::CONFLICT,
    }
}

const REQUEST: &str = "{ url: /, body: { action: \"{{ asked }}\", parameters: \"{{ parameters }}\", prompt: \"\" } }";

/// Verdicts and remarks of test cases, and what was asked about settings.
fn run(boot_setting: BootSetting, restore: &str, tests: &[&str]) -> (Vec<(String, String)>, Vec<String>, Vec<String>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let asked = Asked::default();
    let (ocpp, api) = runtime.block_on(csms(boot_setting, asked.clone()));
    let folder = tempfile::tempdir().unwrap();
    let (bench, out) = (folder.path().join("bench.yaml"), folder.path().join("out"));
    let text = format!(
        "url: ws://{ocpp}/ocpp\nsecurity-profile: 1\nfiles: '127.0.0.1:0'\nsettle-time: 0.1\npace: 0.01\npending-interval: 1\n\
         operator:\n  http:\n    base: http://{api}\n    send: {REQUEST}\n    configure: {REQUEST}\n{restore}"
    );
    std::fs::write(&bench, text).unwrap();
    let mut arguments = vec!["run", "--pics", "pics/reference-csms.yaml", "--bench", tool::text(&bench)];
    arguments.extend(["--out", tool::text(&out)]);
    arguments.extend(tests.iter().flat_map(|test| ["--test", *test]));
    let (_, said) = tool::attest(&arguments);
    let results = tool::json(&out.join("results.json"));
    let (mut verdicts, mut remarks) = (Vec::new(), Vec::new());
    for result in results["test-cases"].as_array().unwrap_or_else(|| panic!("{said}")) {
        let text = |key: &str| result[key].as_str().unwrap_or_default().to_owned();
        if tests.contains(&text("id").as_str()) {
            verdicts.push((text("verdict"), text("reason")));
            remarks.extend(
                result["remarks"].as_array().into_iter().flatten().map(|remark| remark.as_str().unwrap().into()),
            );
        }
    }
    let asked = asked.lock().unwrap().clone();
    (verdicts, remarks, asked)
}

const BOOTS: [&str; 4] = ["TC_B_02_CSMS", "TC_B_30_CSMS", "TC_B_31_CSMS", "TC_P_03_CSMS"];

fn passes(count: usize) -> Vec<(String, String)> {
    vec![("pass".into(), String::new()); count]
}

#[test]
fn a_setting_for_one_boot_needs_no_restoring() {
    let (verdicts, remarks, asked) = run(BootSetting::Once, "    restore: not-needed\n", &BOOTS);
    assert_eq!(verdicts, passes(4));
    assert_eq!(remarks, [""; 0]);
    assert_eq!(asked, ["configure next-boot Pending"; 3]);
}

#[test]
fn a_setting_that_lasts_is_restored_before_the_next_boot() {
    let restore = format!("    restore: {{ next-boot: {REQUEST} }}\n");
    let (verdicts, remarks, asked) = run(BootSetting::UntilRestored, &restore, &BOOTS);
    assert_eq!(verdicts, passes(4));
    assert_eq!(remarks, [""; 0]);
    let both = ["configure next-boot Pending", "restore next-boot Accepted"];
    assert_eq!(asked, [both, both, both].concat());
}

/// What can't be restored is never held against the product, and is said.
#[test]
fn a_setting_that_can_t_be_restored_decides_nothing() {
    let (verdicts, remarks, _) = run(BootSetting::UntilRestored, "", &BOOTS[..1]);
    let reason = "the manual action is not possible here: the bench has no request for `restore next-boot`: add one, or write \
                  `not-needed` if the CSMS restores the setting by itself";
    assert_eq!(verdicts, [("inconclusive".into(), reason.to_owned())]);
    assert_eq!(remarks, [format!("after 1 run BootRestored > 1 operator restore: {reason}")]);
}

/// The CSMS of a test case that ends early is restored all the same.
#[test]
fn a_test_case_that_does_not_get_on_restores_what_it_has_set() {
    let restore =
        format!("    restore: {{ next-boot: {REQUEST} }}\n    messages: {{ TriggerMessage: \"no button for it\" }}\n");
    let (verdicts, remarks, asked) = run(BootSetting::UntilRestored, &restore, &["TC_B_31_CSMS", "TC_P_03_CSMS"]);
    let reason = "the manual action is not possible here: no button for it";
    assert_eq!(verdicts, [("inconclusive".into(), reason.to_owned()), ("pass".into(), String::new())]);
    assert_eq!(remarks, [""; 0]);
    assert_eq!(asked, ["configure next-boot Pending", "restore next-boot Accepted"]);
}
