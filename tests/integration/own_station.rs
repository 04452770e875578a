//! The station that the harness plays, before small CSMSs over loopback that do what practice does: one that wants to know a new
//! station before it accepts it, one that tells the running cost.

use std::{
    path::Path,
    sync::{Arc, Mutex},
};

use crate::common::tool::{Said, command, json, text};
use futures_util::{SinkExt as _, StreamExt as _};
use ocpp_attest::protocol::{OCPP_2_0_1, frame::Frame};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_tungstenite::tungstenite::{
    Message,
    handshake::server::{ErrorResponse, Request, Response},
    http::HeaderValue,
};

/// What a CSMS does beside what every CSMS does.
type Manner = Box<dyn FnMut(&mut Csms, &str, &Value) -> Value + Send>;

/// A CSMS with one station.
struct Csms {
    /// CALLs to send, one at a time.
    queue: Vec<(&'static str, Value)>,
    /// The status that the station has.
    status: &'static str,
    /// What the station sent, in order, with the status that it had then.
    seen: Vec<(String, &'static str, Value)>,
    /// What it answered, in order.
    answers: Vec<(&'static str, Value)>,
}

fn answer(csms: &Csms, action: &str) -> Value {
    match action {
        "BootNotification" => json!({ "currentTime": now(), "interval": 300, "status": csms.status }),
        "Heartbeat" => json!({ "currentTime": now() }),
        "Authorize" => json!({ "idTokenInfo": { "status": "Accepted" } }),
        _ => json!({}),
    }
}

fn now() -> String {
    ocpp_attest::clock::ocpp_time(jiff::Timestamp::now())
}

#[allow(clippy::result_large_err, clippy::unnecessary_wraps)] // the handshake's own types
fn confirm(_: &Request, mut response: Response) -> Result<Response, ErrorResponse> {
    response.headers_mut().insert("Sec-WebSocket-Protocol", HeaderValue::from_static("ocpp2.0.1"));
    Ok(response)
}

async fn serve(listener: TcpListener, csms: Arc<Mutex<Csms>>, mut manner: Manner) {
    while let Ok((stream, _)) = listener.accept().await {
        let Ok(mut socket) = tokio_tungstenite::accept_hdr_async(stream, confirm).await else { continue };
        let mut waiting: Option<&'static str> = None;
        let mut count = 0;
        while let Some(Ok(message)) = socket.next().await {
            let Message::Text(message) = message else { continue };
            let reply = {
                let mut csms = csms.lock().unwrap();
                match Frame::parse(message.as_str(), OCPP_2_0_1.wire).unwrap() {
                    Frame::Call { id, action, payload } => {
                        assert_eq!(OCPP_2_0_1.messages().validate(&action, true, &payload), [], "{action}: {payload}");
                        let status = csms.status;
                        csms.seen.push((action.clone(), status, payload.clone()));
                        let mut response = manner(&mut csms, &action, &payload);
                        if response.is_null() {
                            response = answer(&csms, &action);
                        }
                        Some(Frame::CallResult { id, payload: response })
                    }
                    Frame::CallResult { payload, .. } => {
                        let action = waiting.take().unwrap();
                        assert_eq!(OCPP_2_0_1.messages().validate(action, false, &payload), [], "{action}: {payload}");
                        csms.answers.push((action, payload));
                        None
                    }
                    refused => panic!("{refused:?}"),
                }
            };
            let mut out: Vec<Frame> = reply.into_iter().collect();
            if waiting.is_none() && !csms.lock().unwrap().queue.is_empty() {
                let (action, payload) = csms.lock().unwrap().queue.remove(0);
                count += 1;
                waiting = Some(action);
                out.push(Frame::Call { id: format!("c{count}"), action: action.into(), payload });
            }
            for frame in out {
                socket.send(Message::text(frame.to_text())).await.unwrap();
            }
        }
    }
}

/// Runs test cases against a CSMS of this manner: what the tool said, the verdicts by test case, and what the CSMS saw.
fn run(status: &'static str, tests: &[&str], manner: Manner) -> (Said, Vec<(String, String)>, Csms) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    let csms = Csms { queue: Vec::new(), status, seen: Vec::new(), answers: Vec::new() };
    let csms = Arc::new(Mutex::new(csms));
    runtime.spawn(serve(listener, csms.clone(), manner));
    let folder = tempfile::tempdir().unwrap();
    let bench = folder.path().join("bench.yaml");
    std::fs::write(&bench, bench_of(&address.to_string())).unwrap();
    let out = folder.path().join("out");
    let mut tool = command(&["run", "--pics", "pics/greenflux-ev-platform.yaml", "--bench", text(&bench)]);
    tool.args(["--operator", "exec:false", "--out", text(&out)]);
    for test in tests {
        tool.args(["--test", test]);
    }
    let said = Said::of(tool);
    let verdicts = verdicts(&out);
    runtime.shutdown_background();
    let csms = std::mem::replace(
        &mut *csms.lock().unwrap(),
        Csms { queue: Vec::new(), status, seen: Vec::new(), answers: Vec::new() },
    );
    (said, verdicts, csms)
}

fn bench_of(address: &str) -> String {
    format!(
        "url: ws://{address}/ocpp\nsecurity-profile: 1\nsettle-time: 0.2\nsampled-interval: 0.2\nconnect-timeout: 20\n\
         message-timeout: 5\nresponse-timeout: 5\nfiles: '127.0.0.1:0'\nvendor-name: Small\n"
    )
}

fn verdicts(out: &Path) -> Vec<(String, String)> {
    let results = json(&out.join("results.json"));
    let cases = results["test-cases"].as_array().unwrap();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    cases.iter().map(|case| (text(&case["id"]), text(&case["verdict"]))).collect()
}

fn passed(ids: &[&str]) -> Vec<(String, String)> {
    ids.iter().map(|id| ((*id).to_owned(), "pass".to_owned())).collect()
}

#[test]
fn a_csms_that_wants_the_inventory_of_a_new_station_accepts_it_in_the_end() {
    // It asks once the boot is answered, and triggers the next one when the report is complete.
    let manner = |csms: &mut Csms, action: &str, payload: &Value| {
        match action {
            "BootNotification" if payload["reason"] == "Triggered" => csms.status = "Accepted",
            "BootNotification" if csms.status == "Pending" => {
                csms.queue.push(("GetBaseReport", json!({ "requestId": 11, "reportBase": "FullInventory" })));
            }
            "NotifyReport" if payload["tbc"] == false => {
                csms.queue.push(("TriggerMessage", json!({ "requestedMessage": "BootNotification" })));
            }
            _ => {}
        }
        Value::Null
    };
    let ids = ["TC_A_01_CSMS", "TC_B_01_CSMS"];
    let (said, verdicts, csms) = run("Pending", &ids, Box::new(manner));
    assert_eq!(verdicts, passed(&ids), "{said:?}");
    // While it was Pending the station sent nothing but its boots and what it was asked for.
    let pending: Vec<&str> =
        csms.seen.iter().filter(|(_, status, _)| *status == "Pending").map(|(action, ..)| action.as_str()).collect();
    let boots = pending.iter().filter(|action| **action == "BootNotification").count();
    assert_eq!(boots, 2, "{pending:?}");
    assert!(pending.iter().all(|action| ["BootNotification", "NotifyReport"].contains(action)), "{pending:?}");
    let parts: Vec<&Value> =
        csms.seen.iter().filter(|(action, ..)| action == "NotifyReport").map(|(_, _, payload)| payload).collect();
    assert!(parts.iter().enumerate().all(|(number, part)| part["seqNo"] == number && part["requestId"] == 11));
    let items: Vec<&Value> = parts.iter().flat_map(|part| part["reportData"].as_array().unwrap()).collect();
    let vendor = items.iter().find(|item| item["variable"]["name"] == "VendorName").unwrap();
    assert_eq!(vendor["variableAttribute"][0]["value"], "Small");
    assert!(csms.answers.iter().all(|(_, answer)| answer["status"] == "Accepted"), "{:?}", csms.answers);
}

#[test]
fn a_csms_that_accepts_a_new_station_after_its_interval_is_waited_for() {
    let manner = |csms: &mut Csms, action: &str, _: &Value| {
        if action != "BootNotification" || csms.status == "Accepted" {
            return Value::Null;
        }
        let boots = csms.seen.iter().filter(|(action, ..)| action == "BootNotification").count();
        if boots == 2 {
            csms.status = "Accepted";
        }
        json!({ "currentTime": now(), "interval": 2, "status": csms.status })
    };
    let (said, verdicts, csms) = run("Pending", &["TC_B_01_CSMS"], Box::new(manner));
    assert_eq!(verdicts, passed(&["TC_B_01_CSMS"]), "{said:?}");
    assert!(csms.seen.iter().all(|(action, status, _)| action == "BootNotification" || *status == "Accepted"));
}

#[test]
fn a_csms_that_tells_the_running_cost_passes() {
    let manner = |csms: &mut Csms, action: &str, payload: &Value| {
        if action == "TransactionEvent" && payload["triggerReason"] == "MeterValuePeriodic" {
            let transaction = payload["transactionInfo"]["transactionId"].clone();
            csms.queue.push(("CostUpdated", json!({ "totalCost": 0.25, "transactionId": transaction })));
        }
        match payload.get("idToken") {
            Some(_) => json!({ "idTokenInfo": { "status": "Accepted" } }),
            None => Value::Null,
        }
    };
    let (said, verdicts, csms) = run("Accepted", &["TC_J_09_CSMS"], Box::new(manner));
    assert_eq!(verdicts, passed(&["TC_J_09_CSMS"]), "{said:?}");
    assert_eq!(
        csms.answers.iter().filter(|(action, answer)| *action == "CostUpdated" && *answer == json!({})).count(),
        3
    );
}

#[test]
fn a_csms_that_resets_the_station_meanwhile_leaves_the_test_case_undecided() {
    let manner = |csms: &mut Csms, action: &str, payload: &Value| {
        if action == "TransactionEvent" && payload["triggerReason"] == "MeterValuePeriodic" {
            csms.queue.push(("Reset", json!({ "type": "Immediate" })));
        }
        match payload.get("idToken") {
            Some(_) => json!({ "idTokenInfo": { "status": "Accepted" } }),
            None => Value::Null,
        }
    };
    let (said, verdicts, _) = run("Accepted", &["TC_J_09_CSMS"], Box::new(manner));
    assert_eq!(verdicts, [("TC_J_09_CSMS".to_owned(), "inconclusive".to_owned())], "{said:?}");
    assert!(said.stdout.contains("Reset (Immediate) was not expected here: The CSMS may reset"), "{}", said.stdout);
}
