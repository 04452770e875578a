use super::*;
use crate::pics::writer;

fn complaints(change: impl Fn(String) -> String) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("pics/beny-bcpcv-ct2m-p.yaml");
    let text = change(std::fs::read_to_string(path).unwrap());
    match read_source(&Source::new("beny.yaml", text)) {
        Ok(_) => "sound".into(),
        Err(defects) => defects.to_string(),
    }
}

#[test]
fn every_defect_is_named_at_once() {
    let found = complaints(|text| {
        text.replace("C-01: yes", "C-01: maybe")
            .replace("C-13: yes", "C-999: yes")
            .replace("HFS-8: 2", "HFS-8: 3")
            .replace("C-49: yes", "C-49: no")
            .replace("baseline: 2026-02", "baseline: 2025-09")
    });
    insta::assert_snapshot!(found);
}

#[test]
fn yes_and_no_in_any_case() {
    assert_eq!(complaints(|text| text.replace("C-01: yes", "C-01: YES").replace("C-02: no", "C-02: False")), "sound");
}

#[test]
fn the_template_is_a_sound_pics() {
    for sut in [SutKind::ChargingStation, SutKind::Csms] {
        for &baseline in Version::ALL.iter().flat_map(|version| version.protocol().baselines) {
            let text = writer::template(sut, baseline);
            if let Err(defects) = read_source(&Source::new("template.yaml", text)) {
                panic!("{sut:?} {baseline:?}: {defects}");
            }
        }
    }
}

proptest::proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "(sut|profiles|evses|features|product|C-01|: |- |\n| |\\[|\\]|\\{|\\}|yes|core|1|\"){0,40}") {
        let _ = read_source(&Source::new("x", text));
    }
}
