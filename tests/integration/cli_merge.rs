//! Shards put together are the whole run; runs that do not belong together are refused. And a run's conversation is printed.

use std::{path::Path, sync::LazyLock};

use crate::common::tool::{self, attest, json};
use serde_json::Value;

fn run(out: &Path, more: &[&str]) -> (Option<i32>, String) {
    let run = ["run", "--pics", "pics/cp-flex-plus-eu.yaml", "--sut", "simulated", "--out", out.to_str().unwrap()];
    attest(&[&run[..], more].concat())
}

fn merge(runs: &[&Path], out: &Path, more: &[&str]) -> (Option<i32>, String) {
    let mut arguments = vec!["merge"];
    arguments.extend(runs.iter().map(|run| run.to_str().unwrap()));
    arguments.extend(["--out", out.to_str().unwrap()]);
    attest(&[&arguments[..], more].concat())
}

static TIME: LazyLock<regex::Regex> = LazyLock::new(|| regex::Regex::new(r"\d{4}-\d\d-\d\dT[0-9:.]+Z").unwrap());
static LOG: LazyLock<regex::Regex> = LazyLock::new(|| regex::Regex::new(r"^CS001-\d+\.log$").unwrap());

/// The results without what differs from run to run: ids, times, measured values.
fn comparable(folder: &Path) -> Value {
    fn strip(value: &mut Value) {
        match value {
            Value::Object(members) => {
                members.retain(|name, _| {
                    !["run-id", "started", "finished", "frame", "found", "started-s", "ended-s", "at-s", "duration-s"]
                        .contains(&name.as_str())
                        && !["min-s", "max-s", "average-s", "p50-s", "p90-s", "p99-s"].contains(&name.as_str())
                });
                members.values_mut().for_each(strip);
            }
            Value::Array(items) => items.iter_mut().for_each(strip),
            // What a step was about may be a signing request or a time.
            Value::String(text) => {
                text.truncate(text.find("-----BEGIN").unwrap_or(text.len()));
                // Whether a clock-aligned time is too near to be waited for depends on the time of day.
                if text == "skipped" {
                    "done".clone_into(text);
                }
                *text = TIME.replace_all(text, "TIME").into_owned();
                // A station may name its log by the request, whose id no two runs share.
                *text = LOG.replace_all(text, "CS001-REQUEST.log").into_owned();
            }
            _ => {}
        }
    }
    let mut results = json(&folder.join("results.json"));
    strip(&mut results);
    results
}

#[test]
fn four_shards_merged_are_the_whole_run() {
    let folders = tempfile::tempdir().unwrap();
    let at = |name: &str| folders.path().join(name);
    assert_eq!(run(&at("whole"), &[]).0, Some(0));
    let shards: Vec<_> = (1..=4).map(|number| (at(&format!("shard-{number}")), format!("{number}/4"))).collect();
    for (folder, shard) in &shards {
        let (status, text) = run(folder, &["--shard", shard]);
        assert_eq!(status, Some(0), "{text}");
    }
    let runs: Vec<&Path> = shards.iter().map(|(folder, _)| folder.as_path()).collect();
    let (status, text) = merge(&runs, &at("merged"), &[]);
    assert_eq!(status, Some(0), "{text}");
    assert_eq!(comparable(&at("merged")), comparable(&at("whole")));
    // Simulated time is exact, so that the KPIs are the same to the last digit.
    let results = |name: &str| json(&at(name).join("results.json"));
    assert_eq!(results("merged")["kpis"], results("whole")["kpis"]);
    assert_eq!(results("whole")["test-cases"].as_array().unwrap().len(), 163);
    // The abstract is that of the whole run, but for which run it was and when.
    let words = |name: &str| {
        let text = std::fs::read_to_string(at(name).join("abstract.md")).unwrap();
        let own = ["| Run ID |", "| Tested |", "**Seal**"];
        assert!(own.iter().all(|row| text.contains(row)), "{text}");
        text.lines().filter(|line| !own.iter().any(|row| line.starts_with(row))).collect::<Vec<_>>().join("\n")
    };
    assert_eq!(words("merged"), words("whole"));
    // How many clock-aligned readings fall into a test case depends on the time of day.
    let lines = |folder: &Path| {
        let trace = std::fs::read_to_string(folder.join("trace.jsonl")).unwrap();
        trace.lines().filter(|line| !line.contains(r#""test-case":"TC_J_0"#)).count()
    };
    assert_eq!(lines(&at("merged")), lines(&at("whole")));
    for report in ["abstract.html", "abstract.md", "report.html", "junit.xml", "plan.json", "pics.yaml", "bench.yaml"] {
        assert!(at("merged").join(report).exists(), "{report}");
    }
    assert_eq!(json(&at("merged").join("run.json"))["merged"].as_array().unwrap().len(), 4);
    // A merged run is a run: it can be merged again, reported on, and judged again.
    let (status, text) = attest(&["report", at("merged").to_str().unwrap()]);
    assert_eq!(status, Some(0), "{text}");
    let replayed = |name: &str| {
        let (status, text) = attest(&["replay", at(name).to_str().unwrap()]);
        assert_eq!(status, Some(0), "{text}");
        text
    };
    assert!(replayed("merged").ends_with(" as they were, 0 not\n"));
    assert_eq!(replayed("merged"), replayed("whole"));

    // Without one of them it is not complete, and says which is missing.
    let (status, text) = merge(&runs[..3], &at("three"), &[]);
    assert_eq!(status, Some(3), "{text}");
    assert!(text.contains("missing: shard 4/4"), "{text}");
    assert_eq!(json(&at("three").join("results.json"))["interrupted"], true);
    let (status, _) = merge(&[&at("three"), runs[3]], &at("all"), &[]);
    assert_eq!(status, Some(0));
    assert_eq!(comparable(&at("all")), comparable(&at("whole")));
}

#[test]
fn runs_that_do_not_belong_together_are_refused() {
    let folders = tempfile::tempdir().unwrap();
    let at = |name: &str| folders.path().join(name);
    let gate = ["--testcases", "tests/fixtures/gate"];
    let pass = ["--test", "TC_Y_01_CS"];
    assert_eq!(run(&at("one"), &[&gate[..], &pass].concat()).0, Some(0));
    let refused = |runs: &[&str], told: &str| {
        let folders: Vec<_> = runs.iter().map(|name| at(name)).collect();
        let (status, text) =
            merge(&folders.iter().map(std::path::PathBuf::as_path).collect::<Vec<_>>(), &at("out"), &[]);
        assert_eq!(status, Some(2), "{text}");
        assert!(text.contains(told), "{text}");
        assert!(!at("out").exists(), "nothing is written");
    };
    refused(&["one", "one"], "are the same run");
    refused(&["one", "nowhere"], "nowhere");

    let text = std::fs::read_to_string("pics/cp-flex-plus-eu.yaml").unwrap();
    let pics = at("pics.yaml");
    std::fs::write(&pics, text.replace("cp-flex", "other").replacen("designation: ", "designation: X ", 1)).unwrap();
    let two = ["run", "--pics", pics.to_str().unwrap(), "--sut", "simulated", "--out"];
    let (status, told) = attest(&[&gate[..], &two, &[at("two").to_str().unwrap()], &pass].concat());
    assert_eq!(status, Some(0), "{told}");
    refused(&["one", "two"], "conflict: product.designation: ");

    assert_eq!(run(&at("other-texts"), &["--test", "TC_B_01_CS"]).0, Some(0));
    refused(&["one", "other-texts"], "different versions of the test cases");

    let bench = at("bench.yaml");
    std::fs::write(&bench, "message-timeout: 7\n").unwrap();
    let more = [&gate[..], &pass, &["--bench", bench.to_str().unwrap()]].concat();
    assert_eq!(run(&at("impatient"), &more).0, Some(0));
    refused(&["one", "impatient"], "conflict: message-timeout: 30 and 7");

    // Where the product is may differ from shard to shard.
    let places = "identity: CS002\nlisten: 127.0.0.1:9900\nfiles: 0\nfiles-https: 0\nfiles-sftp: 0\nfile-host: lab-2.example\nftp-passive-ports: 51000-51100\n";
    std::fs::write(&bench, places).unwrap();
    assert_eq!(run(&at("elsewhere"), &more).0, Some(0));
    assert_eq!(merge(&[&at("one"), &at("elsewhere")], &at("both"), &[]).0, Some(0));

    // One test case, two verdicts: at the second attempt this one passes.
    let third = ["--test", "TC_Y_03_CS"];
    assert_eq!(run(&at("failed"), &[&gate[..], &third].concat()).0, Some(1));
    assert_eq!(run(&at("flaky"), &[&gate[..], &third, &["--retries", "1"]].concat()).0, Some(3));
    refused(&["failed", "flaky"], "TC_Y_03_CS is fail in");

    let manifest = at("elsewhere").join("run.json");
    let text = std::fs::read_to_string(&manifest).unwrap();
    let version = concat!("\"tool-version\": \"", env!("CARGO_PKG_VERSION"));
    std::fs::write(&manifest, text.replace(version, "\"tool-version\": \"0.0.7")).unwrap();
    refused(&["one", "elsewhere"], "by 0.0.7");
}

#[test]
fn a_merged_run_passes_the_gate_that_its_parts_do() {
    let folders = tempfile::tempdir().unwrap();
    let at = |name: &str| folders.path().join(name);
    let gate = ["--testcases", "tests/fixtures/gate"];
    run(&at("one"), &[&gate[..], &["--test", "TC_Y_01_CS"]].concat());
    run(&at("two"), &[&gate[..], &["--test", "TC_Y_02_CS"]].concat());
    let expect = at("expect.yaml");
    let entry = "known-failures:\n  - { test: TC_Y_02_CS, verdict: fail, reason: ticket 7, expires: 2999-01-01 }\n";
    std::fs::write(&expect, entry).unwrap();
    assert_eq!(merge(&[&at("one"), &at("two")], &at("out"), &[]).0, Some(1));
    assert_eq!(
        merge(&[&at("one"), &at("two")], &at("out"), &["--expect", expect.to_str().unwrap(), "--strict"]).0,
        Some(0)
    );
    assert_eq!(merge(&[&at("one")], &at("one"), &[]).0, Some(2), "a run is not merged into itself");
}

#[test]
fn the_conversation_of_a_run_is_printed_to_be_read() {
    let folders = tempfile::tempdir().unwrap();
    let out = folders.path().join("run");
    let gate = ["--testcases", "tests/fixtures/gate", "--test", "A", "--retries", "1"];
    assert_eq!(run(&out, &gate).0, Some(1));
    let folder = out.to_str().unwrap();
    let (status, text) = attest(&["trace", folder, "--test", "TC_Y_01_CS,TC_Y_03_CS", "--format", "text"]);
    assert_eq!(status, Some(0), "{text}");
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(r"20\d\d-\d\d-\d\dT[0-9:.]+Z", "TIME");
    settings.bind(|| insta::assert_snapshot!(text));

    let (_, lines) = attest(&["trace", folder, "--test", "TC_Y_01_CS", "--format", "json"]);
    assert_eq!(lines.lines().count(), 5);
    for line in lines.lines() {
        assert_eq!(serde_json::from_str::<Value>(line).unwrap()["test-case"], "TC_Y_01_CS");
    }
    let (_, wide) = attest(&["trace", folder, "--test", "TC_Y_01_CS", "--wide"]);
    assert!(wide.contains("\"serialNumber\":\"CS001\"") && !wide.contains('…'), "{wide}");
    let (_, pretty) = attest(&["trace", folder, "--test", "TC_Y_01_CS", "--pretty"]);
    assert!(pretty.contains("\n                             \"reason\": \"PowerUp\",\n"), "{pretty}");
    assert_eq!(attest(&["trace", folder, "--wide", "--pretty"]).0, Some(2));
    let (_, all) = attest(&["trace", folder, "--format", "json"]);
    assert_eq!(all, tool::unchained(&out.join("trace.jsonl")));
    assert_eq!(attest(&["trace", folder, "--test", "Z"]).0, Some(2));
    assert_eq!(attest(&["trace", folders.path().to_str().unwrap()]).0, Some(2));

    // What the product says can't command the terminal.
    let line = r#"{"mono-ns":5,"wall":"2026-11-21T10:00:00Z","test-case":"TC_Y_01_CS","event":"garbage","what":"\u001b[2J\u0007"}"#;
    std::fs::write(out.join("trace.jsonl"), format!("{line}\n")).unwrap();
    let (_, text) = attest(&["trace", folder]);
    assert!(text.contains(r"\u{1b}[2J\u{7}") && !text.contains('\u{1b}'), "{text}");
}
