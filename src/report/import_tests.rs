//! The abstract has the tables of a certificate: what is imported from it is the PICS that it was made of.

use super::{
    abstract_model::{self, Abstract},
    render,
    tests::{pics, results},
};
use crate::{
    pics::{
        Answer, Baseline, Pics, SutKind,
        import::{self, Imported, document::Document, tests::invented},
        model::References,
        reader,
        tables::{self, AnswerKind, Part},
        writer,
    },
    record::ProfileOutcome,
    yaml::Source,
};

const FILES: [&str; 6] = [
    "beny-bcpcv-ct2m-p.yaml",
    "cp-flex-plus-eu.yaml",
    "greenflux-ev-platform.yaml",
    "reference-csms.yaml",
    "reference-station.yaml",
    "simulated-station.yaml",
];

fn model(pics: &Pics) -> Abstract {
    let mut results = results(pics, "text");
    "wss://csms.example/ocpp".clone_into(&mut results.sut);
    for profile in &mut results.profiles {
        let asked = pics.profiles.iter().any(|asked| asked.title() == profile.name);
        profile.result = if asked { ProfileOutcome::Pass } else { ProfileOutcome::NotTested };
    }
    abstract_model::build(pics, &results)
}

/// The PICS as far as the abstract tells it.
fn told(pics: &Pics) -> Pics {
    let mut told = pics.clone();
    told.product.holder.clear();
    told.product.subtype = None;
    told.references = References::default();
    told.approval.vendor.date = None;
    told.approval.laboratory.date = None;
    // A reviewer without a name is a line to be filled in.
    told.approval.laboratory.reviewer = told.approval.laboratory.reviewer.filter(|name| !name.is_empty());
    for map in [&mut told.hardware, &mut told.features, &mut told.questions, &mut told.settings] {
        map.retain(|_, answer| !matches!(answer, Answer::List(words) if words.is_empty()));
    }
    // What is not answered is printed as No among the features, and tables of other profiles are not printed.
    for section in tables::sections(pics.sut, pics.baseline) {
        for row in section.rows().filter(|_| section.part == Part::Features) {
            if !tables::printed(&section, pics) {
                told.features.shift_remove(&row.id);
            } else if row.kind == AnswerKind::YesNo && pics.answer(&row.id).is_none() {
                told.features.insert(row.id.clone(), Answer::Bool(false));
            }
        }
    }
    told
}

#[track_caller]
fn assert_told(imported: &Imported, pics: &Pics, what: &str) {
    assert_eq!(imported.remarks, [], "{what}");
    assert_eq!(writer::to_yaml(&imported.pics, ""), writer::to_yaml(&told(pics), ""), "{what}");
    let yaml = Source::new("imported.yaml", writer::to_yaml(&imported.pics, ""));
    if let Err(defects) = reader::read_source(&yaml) {
        panic!("{what}: {defects}");
    }
}

/// The abstract's tables with something between their cells, as they are copied out of a page.
fn copied(model: &Abstract, between: &str) -> String {
    let mut text = format!("{}\n", model.heading);
    for section in &model.sections {
        text += &format!("\n{}\n{}\n", section.title, section.text);
        for table in &section.tables {
            let heads = Some(&table.columns).filter(|columns| !columns.is_empty());
            for row in heads.into_iter().chain(&table.rows) {
                text += &(row.join(between).replace('\n', " ") + "\n");
            }
            text.push('\n');
        }
    }
    text
}

fn import(text: &str) -> Imported {
    import::certificate(&Document::from_text("abstract", text), None)
        .unwrap_or_else(|defects| panic!("{defects:?}\n{text}"))
}

#[test]
fn the_abstract_as_text_gives_back_its_pics() {
    for file in FILES {
        let pics = pics(file);
        let model = model(&pics);
        assert_told(&import(&render::abstract_markdown(&model)), &pics, file);
        for between in ["\t", "     ", " | "] {
            assert_told(&import(&copied(&model, between)), &pics, file);
        }
    }
}

#[cfg(feature = "pdf")]
#[test]
fn the_abstract_as_pdf_gives_back_its_pics() {
    for file in FILES {
        let pics = pics(file);
        let pdf = super::pdf::abstract_pdf(&model(&pics)).unwrap();
        let document = Document::from_sheets("abstract.pdf", import::pdf::read(pdf).unwrap());
        let imported = import::certificate(&document, None).unwrap_or_else(|defects| panic!("{file}: {defects:?}"));
        assert_told(&imported, &pics, file);
    }
}

#[test]
fn what_was_not_passed_was_claimed_all_the_same() {
    let pics = pics("cp-flex-plus-eu.yaml");
    let mut results = results(&pics, "text");
    results.profiles[0].result = ProfileOutcome::Fail;
    results.profiles[1].result = ProfileOutcome::Incomplete;
    for profile in &mut results.profiles[2..] {
        profile.result = ProfileOutcome::NotTested;
    }
    let imported = import(&render::abstract_markdown(&abstract_model::build(&pics, &results)));
    assert_eq!(imported.pics.profiles, pics.profiles);
    let told: Vec<&str> = imported.remarks.iter().map(|remark| remark.message.as_str()).collect();
    insta::assert_snapshot!(told.join("\n"), @r#"
    the result of `Core` is "Fail"; it was tested, so it is among the profiles
    the result of `Advanced Security` is "Incomplete"; it was tested, so it is among the profiles
    "#);
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(16))]

    #[test]
    fn every_pics_comes_back_out_of_its_abstract(
        (sut, baseline, seed) in (
            proptest::sample::select(vec![SutKind::ChargingStation, SutKind::Csms]),
            proptest::sample::select(vec![Baseline::B2024_06, Baseline::B2025_09, Baseline::B2026_02]),
            0..u64::MAX,
        ),
    ) {
        let pics = invented::pics(sut, baseline, seed);
        let model = model(&pics);
        let texts = [render::abstract_markdown(&model), copied(&model, "\t"), copied(&model, "    "), copied(&model, " | ")];
        for text in texts {
            let imported = import(&text);
            proptest::prop_assert_eq!(writer::to_yaml(&imported.pics, ""), writer::to_yaml(&told(&pics), ""), "{}", text);
        }
    }
}
