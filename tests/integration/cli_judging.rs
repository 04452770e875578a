//! What judges again, and what measures the harness: `replay`, `audit`, `calibrate`. And reports made again.

use std::{fs, path::Path};

use crate::common::tool::{attest, json, said, text};
use serde_json::Value;

const STATION: &str = "pics/cp-flex-plus-eu.yaml";

fn run(out: &Path, more: &[&str]) {
    let fixtures = ["--testcases", "tests/fixtures/gate", "run", "--pics", STATION, "--sut", "simulated", "--out"];
    attest(&[&fixtures[..], &[text(out)], more].concat());
    assert!(out.join("results.json").exists());
}

/// The fixtures, one of them changed.
fn changed(folder: &Path, file: &str, from: &str, to: &str) -> String {
    let cases = folder.join(format!("cases-{file}"));
    fs::create_dir_all(&cases).unwrap();
    for entry in fs::read_dir("tests/fixtures/gate").unwrap().flatten() {
        let text = fs::read_to_string(entry.path()).unwrap();
        let this = entry.file_name() == file;
        assert!(!this || text.contains(from), "{text}");
        let text = if this { text.replacen(from, to, 1) } else { text };
        fs::write(cases.join(entry.file_name()), text).unwrap();
    }
    cases.display().to_string()
}

#[test]
fn a_run_is_judged_again_by_other_test_cases() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    run(&out, &["--test", "TC_Y_01_CS,TC_Y_02_CS"]);
    let replay = |more: &[&str]| attest(&[&["replay", text(&out)], more].concat());
    let (status, told) = replay(&["--test", "TC_Y_01*,TC_X_*", "--format", "text"]);
    assert!(status == Some(0) && told.contains("1 replayed, 1 as they were"), "{told}");
    // Another expectation of the same boot.
    let mild = changed(folder.path(), "TC_Y_02_CS.yaml", "Watchdog", "PowerUp");
    let (status, told) = replay(&["--against", &mild]);
    assert!(status == Some(0) && told.contains("fail -> pass"), "{told}");
    let strict = changed(
        folder.path(),
        "TC_Y_01_CS.yaml",
        "BootNotification",
        "BootNotification\n    check: { reason: Watchdog }",
    );
    let (status, told) = replay(&["--against", &strict, "--format", "json"]);
    assert_eq!(status, Some(1), "{told}");
    let lines: Value = serde_json::from_str(&told).unwrap();
    assert_eq!((&lines[0]["recorded"], &lines[0]["replayed"]), (&"pass".into(), &"fail".into()));
    // What the recording does not tell.
    let more = changed(folder.path(), "TC_Y_03_CS.yaml", "id:", "id:");
    fs::write(
        Path::new(&more).join("TC_Y_01_CS.yaml"),
        fs::read_to_string("tests/fixtures/gate/TC_Y_01_CS.yaml").unwrap() + "  - expect: Authorize\n",
    )
    .unwrap();
    let (status, told) = replay(&["--against", &more, "--test", "TC_Y_01*"]);
    assert!(status == Some(3) && told.contains("pass -> inconclusive"), "{told}");
    assert_eq!(replay(&["--against", "tests/fixtures/defective"]).0, Some(2));
}

#[test]
fn an_audit_looks_at_what_it_is_asked_to() {
    let audit = |more: &[&str]| {
        let base = ["audit", "--pics", STATION, "--test", "TC_B_01_CS"];
        said(&[&base[..], more].concat())
    };
    let plain = audit(&["--jobs", "1", "--format", "text"]);
    assert_eq!(plain.status, Some(0), "{}", plain.stdout);
    assert!(plain.stdout.contains("\n1 test cases, ") && plain.stdout.contains(", 0 unexplained"), "{}", plain.stdout);
    let together = audit(&["--sut", "charging-station", "--jobs", "2"]);
    assert_eq!(together.stdout, plain.stdout, "how many at a time changes nothing");
    let markdown = audit(&["--format", "markdown"]).stdout;
    assert!(markdown.starts_with("| test case |") && markdown.contains("\n| TC_B_01_CS |"), "{markdown}");
    let json: Value = serde_json::from_str(&audit(&["--format", "json"]).stdout).unwrap();
    assert_eq!(json["cases"].as_array().unwrap().len(), 1);
    // The product is a station.
    let none = audit(&["--sut", "csms"]);
    assert!(none.status == Some(2) && none.stderr.contains("no test case to audit"), "{}", none.stderr);
    assert_eq!(audit(&["--jobs", "0"]).status, Some(2));
}

/// A check has a requirement of its own, beside it or around it; what has none is listed with what is named instead.
#[test]
fn checks_that_name_no_requirement_are_listed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("charging-station/B/TC_B_06_CS.yaml");
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    let steps = "  - expect: StatusNotification\n    check:\n      connectorStatus: Available\n      evseId: { is: 1, requirement: B01.FR.05 }\n  \
                 - steps:\n      - send: GetVariables\n        payload: { getVariableData: [{ component: { name: A }, variable: { name: B } }] }\n        \
                 check: { \"getVariableResult[0].attributeStatus\": Accepted }\n    requirement: B06.FR.01\n";
    let head = "id: TC_B_06_CS\ntitle: Get\nsut: charging-station\nblock: B\nprotocols: [2.0.1]\nuse-cases: [B06]\n\
                requirements: [B01.FR.05, B06.FR.01]\npurpose: x\ncertification:\n  2.0.1:\n    2024-06: { core: mandatory }\nsteps:\n";
    std::fs::write(&file, format!("{head}{steps}")).unwrap();
    let listed = |more: &[&str]| {
        let base = ["--testcases", text(folder.path()), "audit", "--requirements", "--sut", "charging-station"];
        let told = said(&[&base[..], more].concat());
        assert_eq!(told.status, Some(0), "{}", told.stderr);
        told.stdout
    };
    let json: Value = serde_json::from_str(&listed(&["--format", "json"])).unwrap();
    let found: Vec<(&str, &str, &str)> = json
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            (one["step"].as_str().unwrap(), one["checks"][0].as_str().unwrap(), one["instead"].as_str().unwrap())
        })
        .collect();
    assert_eq!(
        found,
        [
            ("expect StatusNotification", "connectorStatus", ""),
            ("send GetVariables", "getVariableResult[0].attributeStatus", "B06.FR.01"),
        ]
    );
    let told = listed(&[]);
    assert!(told.contains("2 checks at 2 steps") && told.contains("connectorStatus -> nothing here"), "{told}");
    assert!(listed(&["--test", "TC_C_*"]).contains("0 checks"));
}

#[test]
fn a_calibration_is_as_long_as_it_is_asked_to_be() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("sheet");
    let calibrate = |more: &[&str]| {
        let base = ["calibrate", "--samples", "20", "--longest", "0.01", "--out", text(&out)];
        let (status, told) = attest(&[&base[..], more].concat());
        assert_eq!(status, Some(0), "{told}");
        assert!(out.join("calibration.html").exists());
        json(&out.join("calibration.json"))
    };
    let idle = calibrate(&["--idle-only"]);
    let phases = idle["phases"].as_array().unwrap();
    assert_eq!((phases.len(), &phases[0]["name"]), (1, &"idle".into()), "{idle}");
    assert_eq!(phases[0]["error"]["samples"], 20);
    assert!(phases[0]["delays-s"][1].as_f64().unwrap() <= 0.01, "{idle}");
    assert_eq!(calibrate(&[])["phases"].as_array().unwrap().len(), 2);
    let side_by_side = calibrate(&["--idle-only", "--load", "2"]);
    assert_eq!(side_by_side["phases"][1]["name"], "2 side by side, reports being written, one core busy");
    for wrong in [["--samples", "1"], ["--longest", "61"], ["--longest", "-1"], ["--longest", "NaN"], ["--load", "0"]] {
        assert_eq!(attest(&[&["calibrate", "--out", "no/such"], &wrong[..]].concat()).0, Some(2), "{wrong:?}");
        assert!(!Path::new("no").exists());
    }
}

#[test]
fn each_report_is_made_again_where_it_is_wanted() {
    let folder = tempfile::tempdir().unwrap();
    let (out, elsewhere) = (folder.path().join("run"), folder.path().join("elsewhere"));
    run(&out, &["--test", "TC_Y_01_CS,TC_Y_02_CS", "--format", "all"]);
    let report = |more: &[&str]| said(&[&["report", text(&out)], more].concat());
    let formats = [
        ("html", "abstract.html", "<!DOCTYPE html>"),
        ("md", "abstract.md", "# "),
        ("pdf", "abstract.pdf", "%PDF-"),
        ("full", "report.html", "<!DOCTYPE html>"),
        ("junit", "junit.xml", "<?xml "),
        ("summary", "summary.md", "### "),
    ];
    for (format, file, begins) in formats {
        let made = fs::read(out.join(file)).unwrap();
        assert!(made.to_ascii_lowercase().starts_with(&begins.to_ascii_lowercase().into_bytes()), "{format}");
        fs::remove_file(out.join(file)).unwrap();
        assert_eq!(report(&["--format", format]).status, Some(0));
        assert!(fs::read(out.join(file)).unwrap() == made, "{format}: the same every time");
    }
    let piped = report(&["--format", "md", "--out", "-"]);
    assert_eq!(piped.stdout, fs::read_to_string(out.join("abstract.md")).unwrap());
    assert_eq!(report(&["--format", "junit,md", "--out", text(&elsewhere)]).status, Some(0));
    assert_eq!(fs::read_dir(&elsewhere).unwrap().count(), 2);
    assert_eq!(report(&["--format", "all", "--out", text(&elsewhere)]).status, Some(0));
    assert_eq!(fs::read_dir(&elsewhere).unwrap().count(), formats.len());
    let both = report(&["--format", "junit,md", "--out", "-"]);
    assert!(both.status == Some(2) && both.stderr.contains("only one report"), "{}", both.stderr);
    assert_eq!(report(&["--format", "word"]).status, Some(2));

    // What changed since an earlier run, which here had another verdict.
    let before = folder.path().join("before");
    run(&before, &["--test", "TC_Y_01_CS,TC_Y_02_CS"]);
    let path = before.join("results.json");
    let mut results = json(&path);
    results["test-cases"][1]["verdict"] = "pass".into();
    fs::write(&path, results.to_string()).unwrap();
    let plain = report(&["--format", "summary", "--out", "-"]).stdout;
    let since = report(&["--format", "summary", "--out", "-", "--since", text(&before)]).stdout;
    assert!(since.contains("1 broken, 1 unchanged") && !plain.contains("Compared with"), "{since}");
    assert_eq!(report(&["--since", text(folder.path())]).status, Some(2));
}
