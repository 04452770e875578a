//! Reports of a product that puts markup, escape sequences and worse into everything it can say.

use std::path::Path;

use ocpp_attest::{
    clock::Stamp,
    pics::{Pics, reader},
    record::{Direction, TraceEntry, TraceEvent, summary},
    report::{self, Format, Run},
    verdict::{Failure, StepRecord, TestCaseResult, Verdict},
};
use serde_json::{Map, Value, json};

const HOSTILE: &str = "<script>document.title='owned'</script><img src=x onerror=alert(1)>\"'`|\n| x |</td></code></pre>\
                       </details></script><!-- ]]> &amp; {{ 7*7 }} [a](javascript:alert(1)) \u{1b}[2J\u{7}\u{0}\u{202e}\u{fffe}";

fn pics() -> Pics {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("pics/beny-bcpcv-ct2m-p.yaml");
    let mut pics = reader::read(&path).unwrap_or_else(|defects| panic!("{defects}"));
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
        pointer: Some(format!("/{HOSTILE}")),
        requirements: vec![text()],
        waited_s: Some(1.0),
        at_s: 1.0,
    };
    TestCaseResult {
        id: id.to_owned(),
        title: text(),
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
        remarks: vec![text()],
    }
}

fn rendered(format: Format) -> String {
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
    let info = summary::RunInfo {
        run_id: text(),
        started: jiff::Timestamp::UNIX_EPOCH,
        finished: jiff::Timestamp::UNIX_EPOCH,
        sut: text(),
        interrupted: true,
    };
    let cases = vec![
        case("TC_A_01_CS", Verdict::Fail, &frame),
        case("TC_B_01_CS", Verdict::Inconclusive, HOSTILE),
        case(HOSTILE, Verdict::Pass, HOSTILE),
    ];
    let results = summary::results(&pics, &[], cases, &trace, info);
    let run = Run { pics: &pics, plan: &[], results: &results, trace: &trace };
    String::from_utf8(report::render(format, run).unwrap()).unwrap()
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
    for format in [Format::Html, Format::Md] {
        let text = rendered(format);
        assert!(!text.contains("<script>document") && !text.contains("<img"), "{format:?}");
    }
}
