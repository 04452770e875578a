use std::path::Path;

use super::*;
use crate::{
    pics::reader,
    record::{Kpi, ProfileOutcome, ProfileResult},
    results,
    verdict::{Failure, TestCaseResult, UploadRecord, Verdict},
};

pub(super) fn pics(name: &str) -> Pics {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("pics").join(name);
    reader::read(&path).unwrap_or_else(|defects| panic!("{defects}"))
}

pub(super) fn results(pics: &Pics, text: &str) -> Results {
    let case = |id: &str, verdict: Verdict| TestCaseResult {
        id: id.into(),
        title: text.into(),
        block: String::new(),
        profiles: vec!["core".into()],
        requirements: vec!["B01.FR.01".into()],
        verdict,
        reason: Some(text.into()),
        duration_s: 1.25,
        started_s: 0.0,
        failures: vec![Failure {
            verdict,
            step: text.into(),
            source: None,
            message: text.into(),
            expected: Some(text.into()),
            found: Some(text.into()),
            frame: Some(text.into()),
            request: None,
            pointer: Some(text.into()),
            requirements: vec!["B01.FR.01".into()],
            further: Vec::new(),
            waited_s: None,
            at_s: 0.0,
        }],
        steps: Vec::new(),
        attempts: Vec::new(),
        remarks: vec![text.into()],
        uploads: vec![UploadRecord {
            file: Some("uploads/TC_N_25_CS-1.log".into()),
            name: text.into(),
            protocol: "FTP".into(),
            size: 4,
            sha256: "ab".repeat(32),
        }],
    };
    let kpi = |key: &str, samples: usize| Kpi {
        name: crate::kpi::definitions(pics).iter().find(|known| known.key == key).unwrap().name.into(),
        key: key.into(),
        min_s: (samples > 0).then_some(0.151),
        max_s: (samples > 0).then_some(0.829),
        average_s: (samples > 0).then_some(0.5),
        p50_s: (samples > 0).then_some(0.5),
        p90_s: (samples > 0).then_some(0.8),
        p99_s: (samples > 0).then_some(0.829),
        samples,
        limit_s: None,
    };
    let cases = vec![case("TC_B_01_CS", Verdict::Pass), case("TC_B_02_CS", Verdict::Fail)];
    let mut profiles = results::profiles(pics, &[], &cases);
    profiles[0] = ProfileResult { name: "Core".into(), result: ProfileOutcome::Fail };
    Results {
        format: crate::record::FORMAT,
        tool_version: "0.0.0".into(),
        run_id: "run-id".into(),
        started: "2026-11-21T10:00:00Z".parse().unwrap(),
        finished: "2026-11-21T11:00:00Z".parse().unwrap(),
        product: pics.product.designation.clone(),
        pics: Some(crate::record::PicsFacts::of(pics)),
        sut: "simulated".into(),
        faults: Vec::new(),
        shuffle: None,
        remarks: Vec::new(),
        interrupted: false,
        resumed: Vec::new(),
        verdict: Verdict::Fail,
        calibration: None,
        tested_by: crate::pics::model::TestedBy::default(),
        expectations: Vec::new(),
        causes: Vec::new(),
        profiles,
        kpis: crate::kpi::definitions(pics).iter().enumerate().map(|(n, one)| kpi(one.key, n % 2)).collect(),
        test_cases: cases,
    }
}

#[test]
fn no_report_of_an_earlier_run_outlives_the_beginning_of_another() {
    for format in Format::ALL {
        assert!(crate::record::writer::ENDING.contains(&format.file()), "{}", format.file());
    }
}

#[test]
fn what_several_messages_have_word_for_word_is_told_once() {
    let mut results = results(&pics("cp-flex-plus-eu.yaml"), "a");
    let failures = &mut results.test_cases[1].failures;
    let (first, mut other) = (failures[0].clone(), failures[0].clone());
    other.found = Some("b".into());
    failures.extend([first.clone(), other, first.clone()]);
    let told = |failures: &[Failure]| finding::distinct(failures).iter().map(|(_, more)| *more).collect::<Vec<_>>();
    assert_eq!(told(failures), [2, 0]);
    let xml = junit::xml(&results);
    assert_eq!(xml.matches("2 more times, in other messages").count(), 1, "{xml}");
    // What has no place in a message may be told of different things.
    let nowhere = Failure { pointer: None, ..first };
    assert_eq!(told(&[nowhere.clone(), nowhere]), [0, 0]);
}

#[test]
fn hostile_text_stays_text() {
    let hostile = "<script>alert(1)</script>\"'|`\n| x |</td></code><!--\u{7}";
    let mut pics = pics("beny-bcpcv-ct2m-p.yaml");
    pics.product.designation = hostile.into();
    pics.product.vendor = hostile.into();
    pics.vendor_settings = vec![crate::pics::model::VendorSetting {
        name: hostile.into(),
        value: hostile.into(),
        description: hostile.into(),
    }];
    let results = results(&pics, hostile);
    let model = abstract_model::build(&pics, &results);
    let run = Run { pics: &pics, plan: &[], results: &results, trace: &TraceSummary::new(&pics), seal: None };
    let full = String::from_utf8(render(Format::Full, run).unwrap()).unwrap();
    for page in [render::abstract_html(&model), full] {
        assert!(!page.contains("<script>alert"), "a script got through");
        assert!(!page.contains("<!--"), "a comment got through");
        assert!(page.contains("&lt;script&gt;"));
    }
    let markdown = render::abstract_markdown(&model);
    assert!(!markdown.contains("<script>"));
    for row in markdown.lines().filter(|line| line.contains("alert")) {
        assert!(row.starts_with('|') || row.starts_with('#'), "a cell broke out of its row: {row}");
    }
    assert!(junit::xml(&results).contains("&lt;script&gt;"));
}
