//! Products with faults, in memory: each kind of fault comes to the verdict that one expects, at the place concerned.

use crate::{
    common::{pics, run_faulty},
    faults_2_1,
};
use assert_cmd::Command;
use ocpp_attest::{
    protocol::OCPP_2_0_1,
    simulator::faults::{Fault, Faults, Kind},
    verdict::{TestCaseResult, Verdict},
};

fn faults(texts: &[&str]) -> Faults {
    texts.iter().map(|text| Fault::read(&OCPP_2_0_1, text).unwrap_or_else(|error| panic!("{text}: {error}"))).collect()
}

fn run(pics_name: &str, test_case: &str, fault: &str) -> TestCaseResult {
    let faults = faults(&[fault]);
    let results = run_faulty(&pics(pics_name), "", false, &[test_case.to_owned()], &faults).results;
    let [result] = results.try_into().unwrap_or_else(|results| panic!("{fault}: {results:?}"));
    let told = result.remarks.iter().any(|remark| remark.contains("` happened"));
    assert!(told && faults.never_happened().is_empty(), "{test_case}, {fault}: {:?}", faults.never_happened());
    result
}

/// The deciding finding, or all that there are for a rule that is broken besides others.
fn found(result: &TestCaseResult, step: &str, message: &str) -> bool {
    result.failures.iter().any(|failure| {
        let told = [Some(&failure.message), failure.expected.as_ref(), failure.found.as_ref()];
        failure.verdict == result.verdict
            && failure.step.contains(step)
            && told.into_iter().flatten().any(|text| text.contains(message))
    })
}

fn come_to(pics: &str, expected: &[(&str, &str, Verdict, &str, &str)]) {
    let mut wrong = Vec::new();
    for (test_case, fault, verdict, step, message) in expected {
        let result = run(pics, test_case, fault);
        if result.verdict != *verdict || !found(&result, step, message) {
            let failures: Vec<_> =
                result.failures.iter().map(|failure| (&failure.step, &failure.message, &failure.found)).collect();
            wrong.push(format!("{test_case}, {fault}: {}: {failures:?}", result.verdict));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

const STATION: [(&str, &str, Verdict, &str, &str); 29] = {
    use Verdict::{Fail, Inconclusive};
    const T: &str = "TC_B_06_CS";
    const OPEN: &str = "connection open";
    [
        (T, "drop GetVariables", Fail, "send GetVariables", "GetVariables was not answered within 30.0 s"),
        (T, "drop BootNotification", Inconclusive, "expect BootNotification", "did not come within"),
        (T, "no-reply GetVariables", Fail, "send GetVariables", "was not answered within 30.0 s"),
        (T, "call-error GetVariables code=NotSupported", Fail, "send GetVariables", "CALLERROR NotSupported"),
        (T, "delay GetVariables for=45s", Fail, "send GetVariables", "was not answered within 30.0 s"),
        (T, "duplicate StatusNotification:1", Fail, "rule: unique message ids", "was used before"),
        (
            T,
            "flood StatusNotification:1 count=2000",
            Fail,
            "rule: one CALL at a time",
            "before StatusNotification had been",
        ),
        (
            T,
            "flood StatusNotification:1 count=1",
            Fail,
            "rule: one CALL at a time",
            "before StatusNotification had been",
        ),
        ("TC_E_01_CS", "wrong-order TransactionEvent:1", Fail, "expect TransactionEvent", "/eventType = \"Started\""),
        (
            T,
            "wrong-field GetVariables /getVariableResult/0/attributeStatus=Rejected",
            Fail,
            "1 send GetVariables",
            "/getVariableResult/0/attributeStatus = \"Accepted\"",
        ),
        (
            T,
            "wrong-field StatusNotification /timestamp=2040-01-01T00:00:00Z when=/connectorStatus=Available",
            Fail,
            "rule: timestamps near now",
            "days after the moment it came",
        ),
        // A clock that is years behind is no queue.
        (
            "TC_E_01_CS",
            "wrong-field TransactionEvent /timestamp=2020-01-01T00:00:00Z",
            Fail,
            "rule: timestamps near now",
            "a time in TransactionEventRequest is ",
        ),
        (
            "TC_B_12_CS",
            "wrong-field NotifyReport /generatedAt=2020-01-01T00:00:00Z",
            Fail,
            "rule: timestamps near now",
            "a time in NotifyReportRequest is ",
        ),
        (
            T,
            "missing-field GetVariables /getVariableResult/0/variable",
            Fail,
            "rule: schema-valid messages",
            "a member variable",
        ),
        (T, "wrong-type BootNotification /chargingStation/model", Fail, "rule: schema-valid messages", "42"),
        (T, "repeated-id StatusNotification", Fail, "rule: unique message ids", "was used before"),
        (T, "wrong-id GetVariables", Fail, "rule: answers to our calls only", "has the id nobody-asked"),
        (
            T,
            "garbage BootNotification:1 text=\"<script>alert(1)</script>\"",
            Fail,
            "rule: well-formed frames",
            "not valid JSON",
        ),
        (T, "truncated GetVariables", Fail, "rule: well-formed frames", "EOF while parsing"),
        (T, "deep-json BootNotification", Fail, "rule: well-formed frames", "nested deeper than 64"),
        (
            T,
            "oversize BootNotification size=3MB",
            Fail,
            "rule: only text messages",
            "a message of 3000000 bytes; the harness takes at most 1048576 bytes",
        ),
        (T, "binary StatusNotification", Fail, "rule: only text messages", "a binary message of"),
        (T, "invalid-utf8 StatusNotification:1", Fail, "rule: only text messages", "invalid utf-8"),
        (
            T,
            "disconnect GetVariables",
            Inconclusive,
            "send GetVariables",
            "the connection was lost before GetVariables",
        ),
        (T, "slow-bytes GetVariables rate=1", Fail, "send GetVariables", "was not answered within 30.0 s"),
        (T, "slow-bytes connection", Inconclusive, OPEN, "the handshake took too long"),
        (T, "stall connection", Inconclusive, OPEN, "the handshake took too long"),
        (T, "wrong-subprotocol", Inconclusive, OPEN, "no sub-protocol in common"),
        (T, "wrong-password", Inconclusive, OPEN, "the password is wrong"),
    ]
};

const CSMS: [(&str, &str, Verdict, &str, &str); 22] = {
    use Verdict::{Fail, Inconclusive};
    const T: &str = "TC_B_06_CSMS";
    const BOOT: &str = "TC_B_01_CSMS";
    const HANDSHAKE: &str = "connection connect";
    [
        (BOOT, "drop BootNotification", Fail, "send BootNotification", "was not answered within 30.0 s"),
        (T, "drop GetVariables", Fail, "expect GetVariables", "did not come within 30.0 s"),
        (BOOT, "no-reply BootNotification", Fail, "send BootNotification", "was not answered within 30.0 s"),
        (BOOT, "call-error BootNotification", Fail, "send BootNotification", "CALLERROR InternalError"),
        (BOOT, "delay BootNotification for=40s", Fail, "send BootNotification", "was not answered within 30.0 s"),
        (T, "duplicate GetVariables", Fail, "rule: unique message ids", "was used before"),
        (T, "flood GetVariables count=3", Fail, "rule: one CALL at a time", "before GetVariables had been answered"),
        (
            BOOT,
            "wrong-field BootNotification /status=Rejected",
            Fail,
            "send BootNotification",
            "/status one of [\"Accepted\" | \"Pending\"]",
        ),
        // A CSMS may let a station wait that is new to it, but then nothing can be tested.
        (BOOT, "wrong-field BootNotification /status=Pending", Inconclusive, "assert accepted", "it said Pending"),
        (BOOT, "missing-field BootNotification /interval", Fail, "rule: schema-valid messages", "a member interval"),
        (T, "wrong-type GetVariables /getVariableData", Fail, "rule: schema-valid messages", "a value of type array"),
        (BOOT, "wrong-id BootNotification", Fail, "rule: answers to our calls only", "has the id nobody-asked"),
        (BOOT, "garbage BootNotification", Fail, "rule: well-formed frames", "not valid JSON"),
        (BOOT, "truncated BootNotification", Fail, "rule: well-formed frames", "not valid JSON"),
        (T, "deep-json GetVariables", Fail, "rule: well-formed frames", "nested deeper than 64"),
        (
            T,
            "oversize GetVariables",
            Fail,
            "rule: only text messages",
            "a message of 2000000 bytes; the harness takes at most 1048576 bytes",
        ),
        (T, "binary GetVariables", Fail, "rule: only text messages", "a binary message of"),
        (T, "disconnect GetVariables", Fail, "expect GetVariables", "the connection broke at"),
        ("TC_A_01_CSMS", "stall connection", Fail, HANDSHAKE, "opened"),
        // Where the connection is not what is tested, it may as well be the bench.
        (T, "stall connection", Inconclusive, HANDSHAKE, "opened"),
        (BOOT, "wrong-subprotocol", Fail, HANDSHAKE, "`ocpp1.6` was not offered"),
        (BOOT, "wrong-subprotocol protocol=none", Fail, "rule: sub-protocol as negotiated", "no such header"),
    ]
};

#[test]
fn each_fault_of_a_station_comes_to_its_verdict() {
    come_to("cp-flex-plus-eu.yaml", &STATION);
}

#[test]
fn each_fault_of_a_csms_comes_to_its_verdict() {
    come_to("reference-csms.yaml", &CSMS);
}

#[test]
fn every_kind_of_fault_is_tried_and_documented() {
    let page = include_str!("../../docs/faulty-peers.md");
    for kind in Kind::all() {
        let tried = |fault: &str| fault.split(' ').next() == Some(kind.name());
        let tried = STATION.iter().any(|(_, fault, ..)| tried(fault)) || faults_2_1::kinds().contains(&kind);
        assert!(tried, "{} is not tried", kind.name());
        assert!(page.contains(&format!("| `{}` | ", kind.name())), "{} is not in docs/faulty-peers.md", kind.name());
    }
}

/// A station that is told that its message was answered, and sends the next one first, still waits for its turn.
#[test]
fn messages_in_the_wrong_order_still_go_one_at_a_time() {
    let result = run("cp-flex-plus-eu.yaml", "TC_E_01_CS", "wrong-order TransactionEvent:1");
    assert!(!found(&result, "rule: one CALL at a time", ""), "{:?}", result.failures);
}

#[test]
fn a_fault_in_one_attempt_does_not_spoil_the_next() {
    let faults = faults(&["stall connection:1", "disconnect connection:2", "slow-bytes connection:3 rate=2000"]);
    let these = ["TC_B_06_CS".to_owned()];
    let results = run_faulty(&pics("cp-flex-plus-eu.yaml"), "", false, &these, &faults).results;
    assert_eq!(results[0].verdict, Verdict::Pass, "{:?}", results[0].reason);
    assert!(faults.never_happened().is_empty());
    assert_eq!(results[0].remarks.iter().filter(|remark| remark.contains("` happened")).count(), 3);
}

#[test]
fn a_fault_that_never_came_to_pass_says_why() {
    let texts = [
        "drop NotifyReport:40",
        "no-reply UnlockConnector",
        "missing-field StatusNotification /customData",
        "stall connection:9",
        "drop StatusNotification when=/connectorStatus=Faulted",
    ];
    let faults = faults(&texts);
    let these = ["TC_B_12_CS".to_owned()];
    let results = run_faulty(&pics("cp-flex-plus-eu.yaml"), "", false, &these, &faults).results;
    assert_eq!(results[0].verdict, Verdict::Pass, "{:?}", results[0].reason);
    assert!(!results[0].remarks.iter().any(|remark| remark.contains("` happened")), "{:?}", results[0].remarks);
    insta::assert_snapshot!(faults.never_happened().join("\n"));
}

/// The whole programme against a station with these faults.
fn programme(texts: &[&str]) -> Vec<TestCaseResult> {
    let results = run_faulty(&pics("cp-flex-plus-eu.yaml"), "", false, &[""; 0], &faults(texts)).results;
    assert!(results.len() >= 150, "only {} test cases ran", results.len());
    assert!(results.iter().all(|result| result.verdict != Verdict::Error), "an error of the harness");
    results
}

fn passed(results: &[TestCaseResult]) -> Vec<&str> {
    let passed = results.iter().filter(|result| result.verdict == Verdict::Pass);
    passed.map(|result| result.id.as_str()).collect()
}

/// A station that connects and says nothing passes nothing.
#[test]
fn total_silence_passes_nothing() {
    assert_eq!(passed(&programme(&["drop"])), [""; 0]);
}

/// A station that speaks and answers nothing passes at most what asks nothing of it.
#[test]
fn a_station_that_never_answers_passes_nothing_that_asks() {
    let results = programme(&["no-reply"]);
    for result in results.iter().filter(|result| result.verdict == Verdict::Pass) {
        let asked = result.steps.iter().find(|step| step.step.contains("send ") && step.outcome == "done");
        assert!(asked.is_none(), "{} passed, though it was not answered: {asked:?}", result.id);
    }
}

/// What breaks a rule that holds for every test case fails every test case in which it came to pass.
#[test]
fn what_every_test_case_forbids_fails_each_in_which_it_happens() {
    for fault in ["wrong-type * /timestamp", "repeated-id response", "truncated *:5"] {
        let results = programme(&[fault]);
        let happened = |result: &&TestCaseResult| result.remarks.iter().any(|remark| remark.contains("` happened"));
        let (hit, spared): (Vec<_>, Vec<_>) = results.iter().partition(happened);
        assert!(hit.len() > 100, "{fault}: only in {} test cases, not in {}", hit.len(), spared.len());
        let unharmed: Vec<&str> =
            hit.iter().filter(|result| result.verdict != Verdict::Fail).map(|result| result.id.as_str()).collect();
        assert_eq!(unharmed, [""; 0], "{fault}");
    }
}

fn tool() -> Command {
    let mut tool = Command::new(env!("CARGO_BIN_EXE_ocpp-attest"));
    tool.current_dir(env!("CARGO_MANIFEST_DIR"));
    tool
}

#[test]
fn the_command_line_tells_of_faults() {
    let list = tool().args(["run", "--fault", "list"]).assert().code(0).get_output().stdout.clone();
    assert!(String::from_utf8_lossy(&list).starts_with("A fault is written"));
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    let run = |faults: &[&str], sut: &[&str]| {
        let mut tool = tool();
        tool.args(["run", "--pics", "pics/cp-flex-plus-eu.yaml", "--test", "TC_B_06_CS"]).args(sut);
        tool.arg("--out").arg(&out).args(faults.iter().flat_map(|fault| ["--fault", fault]));
        let output = tool.output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
    };
    let simulated = ["--sut", "simulated"];
    let (status, said) = run(&["dorp X", "drop Hartbeat"], &simulated);
    assert_eq!(status, Some(2), "{said}");
    for words in ["unknown fault `dorp`", "did you mean `Heartbeat`?", "--fault:1:6", "2 defects"] {
        assert!(said.contains(words), "{words} is missing:\n{said}");
    }
    assert!(!out.exists(), "something was written");
    let (status, said) = run(&["drop Heartbeat"], &[]);
    assert!(status == Some(2) && said.contains("add --sut simulated"), "{said}");
    // It passes, and proves nothing.
    let (status, said) = run(&["drop UnlockConnector"], &simulated);
    assert!(status == Some(3) && said.contains("never happened: no UnlockConnector message was sent"), "{said}");
    let (status, said) = run(&["drop GetVariables"], &simulated);
    assert!(status == Some(1) && !said.contains("never happened"), "{said}");
    let manifest = std::fs::read_to_string(out.join("run.json")).unwrap();
    assert!(manifest.contains("drop GetVariables"), "{manifest}");
    // Nobody who reads a report of it takes what went wrong for the simulator's own doing.
    for report in ["results.json", "abstract.html", "abstract.md", "report.html", "summary.md", "junit.xml"] {
        let report = std::fs::read_to_string(out.join(report)).unwrap_or_else(|error| panic!("{report}: {error}"));
        assert!(report.contains("drop GetVariables"), "{report}");
    }
}

/// Names and places that a product chooses are shown, and never used: not as a file of ours, not as markup.
#[test]
fn names_that_lead_elsewhere_stay_names() {
    let name = r#""../../../x<script>alert(1)</script>\u001b[2J""#;
    for (pics, test_case, place) in [
        ("cp-flex-plus-eu", "TC_N_25_CS", "GetLog /filename"),
        ("cp-flex-plus-eu", "TC_B_12_CS", "BootNotification /chargingStation/model"),
        ("reference-csms", "TC_N_25_CSMS", "GetLog /log/remoteLocation"),
        ("reference-csms", "TC_B_06_CSMS", "GetVariables /getVariableData/0/variable/instance"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("a/b/c/run");
        let fault = format!("wrong-field {place}={name}");
        let pics = format!("pics/{pics}.yaml");
        let mut tool = tool();
        tool.args(["run", "--sut", "simulated", "--pics", &pics, "--test", test_case, "--fault", &fault]);
        let output = tool.arg("--out").arg(&out).output().unwrap();
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert!(matches!(output.status.code(), Some(0 | 1)), "{fault}: {said}");
        assert!(!said.contains("never happened") && !said.contains('\u{1b}'), "{fault}: {said}");
        let only = |folder: &std::path::Path, names: &[&str]| {
            let mut found: Vec<_> =
                std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
            found.sort();
            assert_eq!(found, names, "{fault}: in {}", folder.display());
        };
        only(folder.path(), &["a"]);
        only(&folder.path().join("a/b"), &["c"]);
        only(&folder.path().join("a/b/c"), &["run"]);
        for upload in std::fs::read_dir(out.join("uploads")).into_iter().flatten() {
            let name = upload.unwrap().file_name().into_string().unwrap();
            assert!(name.starts_with(test_case), "{fault}: {name}");
        }
        for page in ["abstract.html", "report.html", "summary.md", "abstract.md"] {
            let page = std::fs::read_to_string(out.join(page)).unwrap();
            assert!(!page.contains("<script>alert(1)"), "{fault}: a page runs what the product says");
        }
    }
}

/// A finding says by itself what was wrong, where it stands in which frame, and what it breaks.
#[test]
fn a_finding_needs_no_other_document() {
    let station = "cp-flex-plus-eu.yaml";
    // What is said, the place, what the frame has, and what is broken.
    for (test_case, fault, words, pointer, frame, requirement) in [
        (
            "TC_B_01_CS",
            "garbage BootNotification:1 text=\u{feff}[2,\"1\",\"Heartbeat\",{}]",
            "byte-order mark",
            None,
            "Heartbeat",
            Some("Part 4, 4.2"),
        ),
        (
            "TC_B_01_CS",
            "wrong-field BootNotification /extra=1",
            "schema",
            Some("/extra"),
            "\"extra\":1",
            Some("Part 3"),
        ),
        ("TC_B_01_CS", "missing-field BootNotification /reason", "schema", Some("/reason"), "Boot", Some("Part 3")),
        (
            "TC_E_37_CS",
            "wrong-field TransactionEvent /seqNo=9 when=/eventType=Ended",
            "has no seqNo 3–8",
            None,
            "\"seqNo\":9,",
            Some("E01.FR.07"),
        ),
        (
            "TC_B_01_CS",
            "wrong-subprotocol protocol=ocpp1.6",
            "did not connect",
            None,
            "Sec-WebSocket-Protocol: ocpp1.6",
            None,
        ),
    ] {
        let result = run(station, test_case, fault);
        let failure = &result.failures[0];
        assert!(failure.message.contains(words), "{fault}: {failure:?}");
        assert_eq!(failure.pointer.as_deref(), pointer, "{fault}");
        assert!(failure.frame.as_deref().is_some_and(|text| text.contains(frame)), "{fault}: {failure:?}");
        assert_eq!(failure.requirements.first().map(String::as_str), requirement, "{fault}: {failure:?}");
    }
}

/// What a finding names as broken belongs to what went wrong, and not to the step where it did.
#[test]
fn a_finding_names_the_requirement_of_the_check() {
    const SIMULATED: &str = "simulated-station.yaml";
    let cases = [
        ("cp-flex-plus-eu.yaml", "TC_E_04_CS", "missing-field TransactionEvent:1 /evse/connectorId", "E01.FR.16"),
        (
            "cp-flex-plus-eu.yaml",
            "TC_E_04_CS",
            "wrong-field TransactionEvent /transactionInfo/chargingState=Idle when=/triggerReason=CablePluggedIn",
            "E01.FR.18",
        ),
        ("cp-flex-plus-eu.yaml", "TC_B_03_CS", "drop BootNotification:3+", "B03.FR.06"),
        (SIMULATED, "TC_B_21_CS", "wrong-field BootNotification /reason=PowerUp", "B01.FR.09"),
        (SIMULATED, "TC_E_08_CS", "wrong-field TransactionEvent /eventType=Updated when=/eventType=Ended", "E06.FR.07"),
        (SIMULATED, "TC_F_08_CS", "drop TransactionEvent when=/triggerReason=RemoteStop", "F03.FR.02"),
        (SIMULATED, "TC_G_18_CS", "wrong-field StatusNotification:4 /connectorStatus=Available", "B01.FR.07"),
        ("reference-csms.yaml", "TC_G_03_CSMS", "drop ChangeAvailability", "Part 2, G03"),
        ("reference-csms.yaml", "TC_E_10_CSMS", "missing-field TransactionEvent /idTokenInfo", "E01.FR.12"),
    ];
    for (pics, test_case, fault, requirement) in cases {
        let result = run(pics, test_case, fault);
        assert_eq!(result.verdict, Verdict::Fail, "{test_case} {fault}");
        assert_eq!(result.failures[0].requirements, [requirement], "{test_case} {fault}: {:?}", result.failures[0]);
    }
}
