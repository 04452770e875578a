//! Reports of a product that puts markup, escape sequences and worse into everything it can say.

use crate::common::tool;
use ocpp_attest::{
    clock::Stamp,
    pics::Pics,
    record::{Direction, TraceEntry, TraceEvent},
    report::{self, Format, Run},
    results,
    verdict::{Failure, StepRecord, TestCaseResult, Verdict},
};
use serde_json::{Map, Value, json};

const HOSTILE: &str = "<script>document.title='owned'</script><img src=x onerror=alert(1)>\"'`|\n| x |</td></code></pre>\
                       </details></script><!-- ]]> &amp; {{ 7*7 }} [a](javascript:alert(1)) \u{1b}[2J\u{7}\u{0}\u{202e}\u{fffe}";

fn pics() -> Pics {
    let mut pics = crate::common::pics("beny-bcpcv-ct2m-p.yaml");
    pics.product.designation = HOSTILE.into();
    pics.product.vendor = HOSTILE.into();
    pics.product.firmware_version = Some(HOSTILE.into());
    pics
}

fn case(id: &str, verdict: Verdict, frame: &str) -> TestCaseResult {
    let text = || HOSTILE.to_owned();
    let failure = Failure {
        verdict,
        step: text(),
        source: Some(text()),
        message: text(),
        expected: Some(text()),
        found: Some(text()),
        frame: Some(frame.to_owned()),
        request: Some(text()),
        pointer: Some(format!("/{HOSTILE}")),
        requirements: vec![text()],
        further: Vec::new(),
        waited_s: Some(1.0),
        at_s: 1.0,
    };
    TestCaseResult {
        id: id.to_owned(),
        title: text(),
        block: String::new(),
        profiles: vec![text()],
        verdict,
        reason: Some(text()),
        requirements: vec![text(), "B01.FR.01".into()],
        duration_s: 1.0,
        started_s: 0.0,
        failures: vec![failure],
        steps: vec![StepRecord {
            phase: text(),
            step: text(),
            depth: 3,
            started_s: 0.0,
            ended_s: f64::NAN,
            outcome: text(),
        }],
        attempts: Vec::new(),
        uploads: Vec::new(),
        remarks: vec![text()],
    }
}

fn rendered(format: Format) -> String {
    with_run(|run| String::from_utf8(report::render(format, run).unwrap()).unwrap())
}

fn with_run<T>(look: impl FnOnce(Run<'_>) -> T) -> T {
    let pics = pics();
    let text = || HOSTILE.to_owned();
    let frame = json!([2, HOSTILE, HOSTILE, { HOSTILE: { HOSTILE: [HOSTILE] } }]).to_string();
    let members: Map<String, Value> = [(text(), Value::String(text()))].into_iter().collect();
    let frames =
        [frame.clone(), text(), "[".repeat(50_000), format!("[2,\"1\",\"A\",{{\"a\":\"{}\"}}]", "x".repeat(200_000))];
    let trace: Vec<TraceEntry> = frames
        .into_iter()
        .map(|text| TraceEvent::Frame { direction: Direction::FromSut, text })
        .chain([
            TraceEvent::Garbage { what: text() },
            TraceEvent::Opened { endpoint: 1, path: text(), user: Some(text()), subprotocol: Some(text()), tls: None },
            TraceEvent::Operator { action: text(), parameters: members },
            TraceEvent::OperatorDone { action: text(), outcome: text() },
            TraceEvent::Service { service: text(), detail: json!({ HOSTILE: HOSTILE }) },
            TraceEvent::Step { step: text() },
        ])
        .map(|what| TraceEntry {
            at: Stamp { mono_ns: 5, wall: jiff::Timestamp::UNIX_EPOCH },
            test_case: Some("TC_A_01_CS".into()),
            station: Some(text()),
            conn: None,
            what,
        })
        .collect();
    let info = results::RunInfo {
        calibration: None,
        tested_by: ocpp_attest::pics::model::TestedBy::default(),
        run_id: text(),
        started: jiff::Timestamp::UNIX_EPOCH,
        finished: jiff::Timestamp::UNIX_EPOCH,
        sut: text(),
        faults: vec![text()],
        shuffle: None,
        interrupted: true,
        resumed: Vec::new(),
        expectations: Vec::new(),
    };
    let cases = vec![
        case("TC_A_01_CS", Verdict::Fail, &frame),
        case("TC_B_01_CS", Verdict::Inconclusive, HOSTILE),
        case(HOSTILE, Verdict::Pass, HOSTILE),
    ];
    let trace = results::TraceSummary::of(&pics, &trace);
    let results = results::summarise(&pics, &[], cases, &trace, info);
    look(Run { pics: &pics, plan: &[], results: &results, trace: &trace, seal: None })
}

#[test]
fn no_script_but_ours_is_in_the_full_report() {
    let page = rendered(Format::Full);
    // One per test case, one with the requirements, and the one that runs.
    assert_eq!(page.matches("<script").count(), 5);
    assert_eq!(page.matches("<script>").count(), 1);
    assert_eq!(page.matches("</script").count(), 5);
    for markup in ["<img", "<!--", "'owned'</script", "onerror=alert(1)>\"", "49 [a]"] {
        assert!(!page.contains(markup), "{markup}");
    }
    assert_eq!(page.matches("</details>").count(), page.matches("<details").count());
    let data: Vec<Value> = page
        .split("<script type=\"application/json\" id=\"data-")
        .skip(1)
        .map(|part| {
            let json = part.split_once("\">").unwrap().1.split_once("</script>").unwrap().0;
            serde_json::from_str(json).unwrap_or_else(|error| panic!("{error}: {json}"))
        })
        .collect();
    assert_eq!(data.len(), 4);
    assert_eq!(data[1]["events"][0][2], json!([2, HOSTILE, HOSTILE, { HOSTILE: { HOSTILE: [HOSTILE] } }]).to_string());
    assert_eq!(data[1]["marks"][0][0], 0, "the frame in question is found");
    // A frame of 200 kB is not held whole.
    assert!(page.len() < 500_000, "{}", page.len());
}

#[test]
fn nothing_loads_or_runs_by_the_page_s_own_rules() {
    let page = rendered(Format::Full);
    let policy = page.split_once("Content-Security-Policy\" content=\"").unwrap().1.split_once('"').unwrap().0;
    assert!(policy.starts_with("default-src 'none';"), "{policy}");
    assert!(policy.contains("script-src 'sha256-") && !policy.contains("script-src 'unsafe-inline'"), "{policy}");
    let script = page.rsplit_once("<script>").unwrap().1.split_once("</script>").unwrap().0;
    let hash = {
        use base64::Engine as _;
        use sha2::Digest as _;
        base64::engine::general_purpose::STANDARD.encode(sha2::Sha256::digest(script))
    };
    // The hash is in an attribute, where `+`, `/` and `=` may be written as references.
    let written = policy.replace("&#x2f;", "/").replace("&#x2b;", "+").replace("&#x3d;", "=");
    assert!(written.contains(&hash), "{policy}: {hash}");
    for outside in ["http://", "https://", "url(", "@import", "innerHTML", "document.write", "eval("] {
        let ours = page.replace("http://www.w3.org/2000/svg", "");
        assert!(!ours.contains(outside), "{outside}");
    }
}

#[test]
fn hostile_text_stays_text_in_every_page() {
    for format in [Format::Html, Format::Md, Format::Summary] {
        let text = rendered(format);
        assert!(!text.contains("<script>document") && !text.contains("<img"), "{format:?}");
        assert!(!text.contains(['\u{1b}', '\u{202e}', '\u{7}', '\u{0}']), "{format:?}");
    }
    let summary = rendered(Format::Summary);
    assert!(!summary.contains("[a]("), "{summary}");
    assert!(summary.lines().filter(|line| line.starts_with("| fail |")).count() == 1, "{summary}");
}

#[test]
fn junit_is_xml_whatever_a_product_says() {
    let xml = rendered(Format::Junit);
    let allowed = |letter: char| matches!(letter, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..='\u{10ffff}');
    assert!(xml.chars().all(allowed), "a character that XML does not know");
    for markup in ["<script", "<img", "<!--", "]]>"] {
        assert!(!xml.contains(markup), "{markup}");
    }
    assert_eq!(xml.matches("<testcase ").count(), 3);
    assert_eq!((xml.matches("<failure ").count(), xml.matches("<skipped ").count()), (1, 1), "{xml}");
    assert!(xml.contains("<testsuite name=\"A Security\""), "{xml}");
    assert!(xml.contains("property name=\"run-id\""));
    // What stands in a failure is shown, escapes and all.
    assert!(xml.contains("\\u{1b}[2J"), "{xml}");
}

#[test]
fn results_follow_the_published_schema() {
    let schema: Value = serde_json::from_str(include_str!("../../docs/results.schema.json")).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let mut results = with_run(|run| serde_json::to_value(run.results).unwrap());
    // A number that is none has no place in JSON; it comes out as null, and the schema says so.
    assert_eq!(results["test-cases"][0]["steps"][0]["ended-s"], Value::Null);
    for case in results["test-cases"].as_array_mut().unwrap() {
        case["steps"][0]["ended-s"] = 1.0.into();
    }
    let complaints: Vec<String> =
        validator.iter_errors(&results).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert_eq!(complaints, [""; 0]);
    results["verdict"] = "passed".into();
    assert!(!validator.is_valid(&results));
}

/// A run folder with nothing but results in it, which is all that `diff` reads.
fn folder_of(change: impl FnOnce(&mut Value)) -> tempfile::TempDir {
    let out = tempfile::tempdir().unwrap();
    let mut results = with_run(|run| serde_json::to_value(run.results).unwrap());
    let kpi = |max: f64| {
        json!({ "name": "OCPP response time", "key": "response-time", "min-s": 0.1, "average-s": 0.2, "max-s": max,
                "p50-s": 0.15, "p90-s": 0.3, "p99-s": max, "samples": 9, "limit-s": 3.0 })
    };
    let case = |id: &str, verdict: &str| {
        json!({ "id": id, "title": format!("Title of {id}"), "profiles": ["core"], "verdict": verdict, "duration-s": 1.0,
                "reason": if verdict == "pass" { Value::Null } else { "expected Accepted, found Rejected".into() } })
    };
    results["product"] = "Station".into();
    results["run-id"] = "run".into();
    results["sut"] = "0.0.0.0:9000".into();
    results["interrupted"] = false.into();
    results["pics"]["version"] = "1.0".into();
    results["kpis"] = json!([kpi(1.0)]);
    results["profiles"] = json!([{ "name": "Core", "result": "Pass" }]);
    results["test-cases"] = json!([
        case("TC_A_01_CS", "pass"),
        case("TC_B_01_CS", "pass"),
        case("TC_C_01_CS", "fail"),
        case("TC_D_01_CS", "inconclusive")
    ]);
    change(&mut results);
    std::fs::write(out.path().join("results.json"), results.to_string()).unwrap();
    out
}

fn diff(before: &tempfile::TempDir, after: &tempfile::TempDir, more: &[&str]) -> (Option<i32>, String) {
    let said = tool::said(&[&["diff", tool::text(before.path()), tool::text(after.path())], more].concat());
    (said.status, said.stdout)
}

fn worse(results: &mut Value) {
    results["test-cases"][1]["verdict"] = "fail".into();
    results["test-cases"][1]["reason"] = "expected Accepted, found Rejected\u{1b}[2J".into();
    results["test-cases"][2]["verdict"] = "pass".into();
    results["test-cases"][3]["id"] = "TC_E_01_CS".into();
    results["kpis"][0]["max-s"] = 3.5.into();
    results["profiles"][0]["result"] = "Fail".into();
    results["pics"]["version"] = "1.1".into();
    results["pics"]["baseline"] = "2025-09".into();
    results["pics"]["answers-sha256"] = "0".into();
}

#[test]
fn a_comparison_tells_what_a_new_firmware_did() {
    let (before, after) = (folder_of(|_| {}), folder_of(worse));
    let text = diff(&before, &after, &["--format", "text"]).1;
    assert_eq!(text, diff(&before, &after, &[]).1, "text is how it is told when nothing is said");
    insta::assert_snapshot!("diff_text", text);
    insta::assert_snapshot!("diff_markdown", diff(&before, &after, &["--format", "markdown"]).1);
    let json: Value = serde_json::from_str(&diff(&before, &after, &["--format", "json"]).1).unwrap();
    assert_eq!((&json["regressed"], &json["unchanged"]), (&true.into(), &1.into()));
    let words: Vec<&str> =
        json["test-cases"].as_array().unwrap().iter().map(|change| change["what"].as_str().unwrap()).collect();
    assert_eq!(words, ["broken", "fixed", "new", "gone"]);
}

#[test]
fn the_exit_status_of_a_comparison_is_a_contract() {
    let (before, after) = (folder_of(|_| {}), folder_of(worse));
    let better = folder_of(|results| results["test-cases"][2]["verdict"] = "pass".into());
    let slower = folder_of(|results| results["kpis"][0]["max-s"] = 3.5.into());
    let fail_on = |what: &'static str| ["--fail-on", what];
    assert_eq!(diff(&before, &after, &[]).0, Some(0), "what is found is no failure unless it is asked for");
    assert_eq!(diff(&before, &after, &fail_on("regressions")).0, Some(1));
    assert_eq!(diff(&before, &slower, &fail_on("regressions")).0, Some(1));
    assert_eq!(diff(&before, &better, &fail_on("regressions")).0, Some(0));
    assert_eq!(diff(&before, &better, &fail_on("changes")).0, Some(1));
    assert_eq!(diff(&before, &before, &fail_on("changes")).0, Some(0));
    let nothing = tempfile::tempdir().unwrap();
    assert_eq!(diff(&before, &nothing, &[]).0, Some(2));
}
