//! A run that is killed loses at most the test case under way, and goes on.

use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::Stdio,
};

use crate::common::tool::{attest, command, json};
use ocpp_attest::record::chain::{self, Chained};
use serde_json::Value;

const PICS: &str = "pics/cp-flex-plus-eu.yaml";

/// Id and verdict of every test case, in the order of the results.
fn verdicts(folder: &Path) -> Vec<(String, String)> {
    let cases = json(&folder.join("results.json"))["test-cases"].clone();
    let word = |case: &Value, key: &str| case[key].as_str().unwrap().to_owned();
    cases.as_array().unwrap().iter().map(|case| (word(case, "id"), word(case, "verdict"))).collect()
}

/// Starts a run and kills it (SIGKILL) when it has told this many verdicts.
fn killed(arguments: &[&str], verdicts: usize) {
    let mut child = command(arguments).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let told = BufReader::new(child.stdout.take().unwrap()).lines().take(verdicts).count();
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(told, verdicts);
}

#[test]
fn a_killed_run_goes_on_to_the_verdicts_of_one_that_was_not() {
    let folders = tempfile::tempdir().unwrap();
    let (whole, torn) = (folders.path().join("whole"), folders.path().join("torn"));
    let run = ["run", "--pics", PICS, "--sut", "simulated", "--test", "TC_B_*", "--out"];
    let (status, text) = attest(&[&run[..], &[whole.to_str().unwrap()]].concat());
    assert_eq!(status, Some(0), "{text}");

    std::fs::create_dir(&torn).unwrap();
    std::fs::copy(whole.join("summary.md"), torn.join("summary.md")).unwrap();
    killed(&[&run[..], &[torn.to_str().unwrap()]].concat(), 3);
    assert!(!torn.join("results.json").exists(), "it was killed too late");
    assert!(!torn.join("summary.md").exists(), "the summary of an earlier run stands beside this one");
    // What a write cut in two leaves behind.
    let torn_line = |name: &str| {
        use std::io::Write as _;
        let mut file = std::fs::OpenOptions::new().append(true).open(torn.join(name)).unwrap();
        file.write_all(b"{\"id\":\"TC_B").unwrap();
    };
    torn_line("results.jsonl");
    torn_line("trace.jsonl");
    let (status, text) = attest(&["run", "--resume", torn.to_str().unwrap()]);
    assert_eq!(status, Some(0), "{text}");
    assert_eq!(verdicts(&torn), verdicts(&whole));
    assert!(verdicts(&torn).len() > 20);
    let again = text.lines().filter(|line| line.starts_with("pass ")).count();
    assert!(again <= verdicts(&torn).len() - 3, "finished test cases ran again:\n{text}");

    let results = json(&torn.join("results.json"));
    assert_eq!(results["resumed"].as_array().unwrap().len(), 1, "it is marked as resumed");
    let (torn_kpis, whole_kpis) = (&results["kpis"], &json(&whole.join("results.json"))["kpis"]);
    let samples = |kpis: &Value| kpis.as_array().unwrap().iter().map(|kpi| kpi["samples"].clone()).collect::<Vec<_>>();
    assert_eq!(samples(torn_kpis), samples(whole_kpis), "the KPIs are those of the whole trace");
    // Time goes on, and no line of the trace stands there twice.
    let trace = std::fs::read_to_string(torn.join("trace.jsonl")).unwrap();
    let times: Vec<u64> =
        trace.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["mono-ns"].as_u64().unwrap()).collect();
    assert!(times.is_sorted());
    // But for one that says that it was resumed, and those that stand for what was taken out. The hash chain leads over them.
    let of_resumption = |line: &&str| line.contains(r#""event":"resumed""#) || line.contains(r#""event":"withdrawn""#);
    let text = |folder: &Path| std::fs::read_to_string(folder.join("trace.jsonl")).unwrap();
    let lines = |folder: &Path| text(folder).lines().filter(|line| !of_resumption(line)).count();
    assert_eq!(lines(&torn), lines(&whole));
    let found = chain::of_file(&torn, "trace.jsonl").unwrap();
    assert!(matches!(found, Chained::Whole(_)), "{found:?}");
    let resumed = trace.lines().filter(|line| line.contains(r#""event":"resumed""#)).count();
    assert_eq!(resumed, 1, "the resumption is in the trace");

    // Killed while its reports were written, it only writes them.
    std::fs::remove_file(torn.join("report.html")).unwrap();
    let (status, text) = attest(&["run", "--resume", torn.to_str().unwrap()]);
    assert_eq!(status, Some(0), "{text}");
    assert!(!text.lines().any(|line| line.starts_with("pass ")), "finished test cases ran again:\n{text}");
    assert_eq!(verdicts(&torn), verdicts(&whole));
    assert!(torn.join("report.html").exists());

    let (status, text) = attest(&["run", "--resume", torn.to_str().unwrap()]);
    assert_eq!(status, Some(2), "{text}");
    assert!(text.contains("is complete"), "{text}");
}

#[test]
fn a_run_goes_on_only_with_what_it_was_begun_with() {
    let folders = tempfile::tempdir().unwrap();
    let folder = folders.path().join("run");
    let out = folder.to_str().unwrap();
    killed(&["run", "--pics", PICS, "--sut", "simulated", "--test", "TC_B_*", "--out", out], 1);
    let bench = folders.path().join("bench.yaml");
    std::fs::write(&bench, "message-timeout: 7\n").unwrap();
    let bench = bench.to_str().unwrap();
    for (other, told) in [
        (vec!["--pics", "pics/beny-bcpcv-ct2m-p.yaml"], "the PICS (edition: 3 then, 4 now)"),
        (vec!["--bench", bench], "the bench (message-timeout: 30 then, 7 now)"),
        (vec!["--test", "TC_C_*"], "the selection of test cases"),
        (vec!["--out", "elsewhere"], "cannot be used with"),
    ] {
        let (status, text) = attest(&[&["run", "--resume", out], &other[..]].concat());
        assert_eq!(status, Some(2), "{text}");
        assert!(text.contains(told), "{text}");
    }
    let (status, text) = attest(&["--testcases", "tests/fixtures/sound", "run", "--resume", out]);
    assert_eq!(status, Some(2), "{text}");
    assert!(text.contains("the text of the test cases is not what this run started with"), "{text}");

    let manifest = folder.join("run.json");
    let text = std::fs::read_to_string(&manifest).unwrap();
    let version = concat!("\"tool-version\": \"", env!("CARGO_PKG_VERSION"));
    std::fs::write(&manifest, text.replace(version, "\"tool-version\": \"0.0.7")).unwrap();
    let (status, told) = attest(&["run", "--resume", out]);
    assert_eq!(status, Some(2), "{told}");
    assert!(told.contains("the version of ocpp-attest (0.0.7 then,"), "{told}");
    std::fs::write(&manifest, &text[..text.len() / 2]).unwrap();
    let (status, told) = attest(&["run", "--resume", out]);
    assert_eq!(status, Some(2), "{told}");
    assert!(told.contains("run.json") && told.contains("changed or truncated"), "{told}");
    let (status, told) = attest(&["run", "--resume", folders.path().to_str().unwrap()]);
    assert_eq!(status, Some(2), "{told}");
    assert!(told.contains("name the folder of a run that"), "{told}");
}

#[test]
fn a_run_that_cannot_begin_leaves_the_earlier_one_as_it_is() {
    let folders = tempfile::tempdir().unwrap();
    let (out, bench) = (folders.path().join("run"), folders.path().join("bench.yaml"));
    let run = ["run", "--pics", "pics/cp-flex-plus-eu.yaml", "--test", "TC_B_06_CS", "--out", out.to_str().unwrap()];
    assert_eq!(attest(&[&run[..], &["--sut", "simulated"]].concat()).0, Some(0));
    let results = std::fs::read(out.join("results.json")).unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    std::fs::write(&bench, format!("listen: \"{address}\"\n")).unwrap();
    let (status, text) = attest(&[&run[..], &["--bench", bench.to_str().unwrap()]].concat());
    assert_eq!(status, Some(2), "{text}");
    assert!(text.contains(&format!("{address} can't be bound")) && text.contains("another run"), "{text}");
    assert_eq!(std::fs::read(out.join("results.json")).unwrap(), results);
}
