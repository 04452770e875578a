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

/// What is wrong with answers of the simulated station, which supports all profiles.
fn complaints_about_all(from: &str, to: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("pics/simulated-station.yaml");
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text.contains(from), "{from}");
    match read_source(&Source::new("station.yaml", text.replace(from, to))) {
        Ok(_) => "sound".into(),
        Err(defects) => {
            defects.defects.iter().map(|defect| format!("{} ({})\n", defect.message, defect.help)).collect()
        }
    }
}

#[test]
fn a_profile_comes_with_its_options() {
    let found = [
        complaints_about_all("C-56: yes", "C-56: no"),
        complaints_about_all("SC-2.2: yes", "SC-2.2: no"),
        complaints_about_all("UI-1.2: yes\n  UI-1.3: yes", "UI-1.2: no\n  UI-1.3: no"),
        complaints_about_all(
            "UI-2.1: yes\n  UI-2.2: no\n  UI-2.3: no\n  UI-2.4: yes",
            "UI-2.1: no\n  UI-2.2: no\n  UI-2.3: no\n  UI-2.4: no",
        ),
    ];
    insta::assert_snapshot!(found.concat(), @r"
    C-56 is No, but Advanced Device Management comes with SummaryInventory (Part 5, TC_B_14 and TC_B_15) (answer C-56 with yes, or leave Advanced Device Management out)
    at least one of SC-2 must be Yes (answer one of its options with yes)
    at least one of UI-1 must be Yes (answer one of its options with yes)
    at least one of UI-2 must be Yes (answer one of its options with yes)
    ");
}

proptest::proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "(sut|profiles|evses|features|product|C-01|: |- |\n| |\\[|\\]|\\{|\\}|yes|core|1|\"){0,40}") {
        let _ = read_source(&Source::new("x", text));
    }
}
