mod forms;
pub(crate) mod invented;

use std::path::Path;

use super::{document::Document, *};
use crate::{
    pics::{Answer, reader, writer},
    yaml::Source,
};

const CERTIFICATES: [(&str, &str); 3] = [
    ("OCA.0201.0125.CS-chargepoint-cp-flex-plus.txt", "cp-flex-plus-eu.yaml"),
    ("OCA.0201.0032.CSMS-greenflux-ev-platform.txt", "greenflux-ev-platform.yaml"),
    ("OCA.0201.0146.CS-beny-bcpcv-ct2m-p.txt", "beny-bcpcv-ct2m-p.yaml"),
];

fn yaml(pics: &Pics) -> String {
    writer::to_yaml(pics, &format!("PICS of {}, as its certificate states it.", pics.product.designation))
}

fn import(text: &str) -> Imported {
    certificate(&Document::from_text("certificate.txt", text), None)
        .unwrap_or_else(|defects| panic!("{defects:?}\n{text}"))
}

fn refused(text: &str) -> String {
    match certificate(&Document::from_text("certificate.txt", text), None) {
        Ok(imported) => panic!("{imported:?}"),
        Err(defects) => defects.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"),
    }
}

fn told(remarks: &[Remark]) -> String {
    remarks.iter().map(|it| format!("{}: {}\n    → {}\n", it.place, it.message, it.help)).collect()
}

/// The certificate of an invented station, and its PICS.
fn station() -> (Pics, Vec<forms::Cells>) {
    let pics = invented::pics(SutKind::ChargingStation, Baseline::B2025_09, 7);
    let lines = forms::certificate(&pics);
    (pics, lines)
}

/// The certificate of an invented CSMS, and its PICS.
fn csms() -> (Pics, Vec<forms::Cells>) {
    let pics = invented::pics(SutKind::Csms, Baseline::B2024_06, 7);
    let lines = forms::certificate(&pics);
    (pics, lines)
}

#[test]
fn the_certificates_reproduce_the_files() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let certificates = root.join("../shared/certificates");
    if !certificates.is_dir() {
        eprintln!("the certificates are not at hand; comparison skipped");
        return;
    }
    for (certificate_name, file) in CERTIFICATES {
        let text = std::fs::read_to_string(certificates.join(certificate_name)).unwrap();
        let imported = certificate(&Document::from_text(certificate_name, &text), None).unwrap();
        let expected = std::fs::read_to_string(root.join("pics").join(file)).unwrap();
        assert_eq!(yaml(&imported.pics), expected, "{file}");
        assert_eq!(imported.remarks, [], "{file}");
    }
}

#[test]
fn a_written_pics_reads_back_as_itself() {
    for (_, file) in CERTIFICATES {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("pics").join(file);
        let pics = reader::read(&path).unwrap_or_else(|defects| panic!("{defects}"));
        assert_eq!(reader::read_source(&Source::new(file, yaml(&pics))).unwrap(), pics);
    }
}

#[test]
fn what_marks_its_cells_is_read_without_a_remark() {
    for (pics, lines) in [station(), csms()] {
        for (form, text) in [
            ("tabs", forms::between(&lines, "\t")),
            ("blanks", forms::between(&lines, "    ")),
            ("pipes", forms::between(&lines, " | ")),
            ("markdown", forms::markdown(&lines)),
            ("a mail", forms::between(&lines, "   ").lines().map(|line| format!("> {line}\r\n")).collect()),
        ] {
            let imported = import(&text);
            assert_eq!(told(&imported.remarks), "", "{form}");
            assert_eq!(yaml(&imported.pics), yaml(&pics), "{form}");
        }
    }
}

#[test]
fn what_word_processors_make_of_characters_is_undone() {
    let (pics, lines) = station();
    let text = forms::between(&lines, "\u{a0} \u{a0}")
        .replace("fi", "ﬁ")
        .replace("Authorization", "Author\u{ad}ization")
        .replace("C-", "C\u{2011}")
        .replace("AQ-", "AQ\u{2013}")
        .replace("Support for", "Support\u{2003}for\u{200b}");
    let imported = import(&text);
    assert_eq!(told(&imported.remarks), "");
    assert_eq!(yaml(&imported.pics), yaml(&pics));
    // Bytes that a PDF names the wrong way round.
    assert_eq!(text::plain("Certi昀椀cate of 昀 and 昀氀"), "Certificate of 昀 and fl");
}

#[test]
fn cells_may_have_several_lines() {
    for (pics, lines) in [station(), csms()] {
        let mut lines = lines;
        lines.retain(|cells| !cells[0].starts_with("Conformance testing") && cells[0] != "Applied");
        for centred in [false, true] {
            let text = forms::page(&lines, centred);
            let imported = import(&text);
            let mut wanted = pics.clone();
            wanted.references.tested = None;
            wanted.references.evidence = None;
            assert_eq!(yaml(&imported.pics), yaml(&wanted), "{centred}\n{text}");
        }
    }
}

#[test]
fn what_is_guessed_in_a_text_without_columns_is_told() {
    let (pics, lines) = station();
    let imported = import(&forms::between(&lines, " "));
    assert_eq!(yaml(&imported.pics), yaml(&pics));
    insta::assert_snapshot!(told(&imported.remarks), @r#"
        certificate.txt:123:1: `C-40.1`: no column tells tested and supported measurands apart; the first 2 were taken as tested, for the others name them again
            → compare it with the certificate
        certificate.txt:124:1: `C-40.2`: no column tells tested and supported measurands apart; the first 1 were taken as tested, for the others name them again
            → compare it with the certificate
        certificate.txt:125:1: `C-40.3`: no column tells tested and supported measurands apart; the first 2 were taken as tested, for the others name them again
            → compare it with the certificate
        certificate.txt:126:1: `C-40.4`: no column tells tested and supported measurands apart; the first 6 were taken as tested, for the others name them again
            → compare it with the certificate
        certificate.txt:127:1: `C-40.5`: no column tells tested and supported measurands apart; the first 3 were taken as tested, for the others name them again
            → compare it with the certificate
        certificate.txt:208:1: where the cells of the vendor specific settings begin and end was guessed, from here on
            → compare `vendor-settings:` with the certificate
        "#);
}

#[test]
fn cells_below_each_other_are_read_and_columns_below_each_other_refused() {
    let (pics, mut lines) = csms();
    lines.retain(|cells| !pics.vendor_settings.iter().any(|setting| setting.name == cells[0]));
    let mut wanted = pics.clone();
    wanted.vendor_settings.clear();
    let imported = import(&forms::between(&lines, "\n"));
    assert_eq!(yaml(&imported.pics), yaml(&wanted));
    // As `pdftotext` without `-layout` writes most tables.
    let columns: String = lines
        .chunk_by(|one, other| one.len() == other.len())
        .flat_map(|table| {
            (0..table[0].len()).flat_map(|column| table.iter().map(move |row| row[column].clone() + "\n"))
        })
        .collect();
    let told = refused(&columns);
    assert!(told.contains("the columns of the tables stand one below the other"), "{told}");
    assert!(told.contains("pdftotext -layout"), "{told}");
}

/// The station's certificate with something in it changed.
fn changed(change: impl Fn(String) -> String) -> Imported {
    import(&change(forms::between(&station().1, "\t")))
}

#[test]
fn answers_are_taken_however_they_are_written_and_what_was_made_of_them_is_told() {
    let row = |id: &str, answer: &str| {
        let title = &crate::pics::tables::rows_of(id).next().unwrap().title;
        format!("{id}\t{title}\t{answer}\n")
    };
    let imported = changed(|text| {
        let kept = text.lines().filter(|line| {
            !["C-01", "C-02", "C-03", "C-04", "C-13", "C-14", "C-20", "ORS-1", "ORS-2", "ORS-3", "ORS-24", "HFS-12"]
                .iter()
                .any(|id| line.starts_with(&format!("{id}\t")))
        });
        let mut text: String = kept.map(|line| line.to_owned() + "\n").collect();
        let rows = [
            row("C-01", "YES"),
            row("C-02", "Yes (by RFID)"),
            row("C-03", "N/A"),
            row("C-04", "✓"),
            row("C-13", "–"),
            row("C-14", "perhaps"),
            row("C-20", ""),
            row("ORS-1", "1,000"),
            row("ORS-2", "30 seconds"),
            row("ORS-3", "unlimited"),
            row("ORS-24", "HTTP/FTP, Carrier pigeon"),
            row("HFS-12", "n.a."),
        ];
        text = text.replace("Additional Questions\n", &format!("{}\nAdditional Questions\n", rows.concat()));
        text
    });
    let answers =
        ["C-01", "C-02", "C-03", "C-04", "C-13", "C-14", "C-20", "ORS-1", "ORS-2", "ORS-3", "ORS-24", "HFS-12"];
    let answers: String = answers.iter().map(|id| format!("{id}: {:?}\n", imported.pics.answer(id))).collect();
    insta::assert_snapshot!(format!("{answers}\n{}", told(&imported.remarks)), @r#"
        C-01: Some(Bool(true))
        C-02: Some(Bool(true))
        C-03: Some(Bool(false))
        C-04: Some(Bool(true))
        C-13: Some(Bool(false))
        C-14: None
        C-20: None
        ORS-1: Some(Number(1000))
        ORS-2: Some(Number(30))
        ORS-3: None
        ORS-24: Some(List(["HTTP", "FTP", "Carrier", "pigeon"]))
        HFS-12: None

        certificate.txt:151:1: `C-02`: "Yes (by RFID)" was taken as "yes"; the rest was left out
            → compare it with the certificate
        certificate.txt:152:1: `C-03`: "N/A" was taken as No: what does not apply is not supported
            → compare it with the certificate
        certificate.txt:153:1: `C-04`: "✓" was taken as Yes
            → compare it with the certificate
        certificate.txt:154:1: `C-13`: "–" was taken as No: what does not apply is not supported
            → compare it with the certificate
        certificate.txt:155:1: `C-14` (Support for retrieving / deleting CustomerInformation - CustomerIdentifier) has an answer that can't be read: "perhaps"
            → fill it in: `C-14: …` (yes or no)
        certificate.txt:156:1: `C-20` (Allowing New Sessions Pending a FirmwareUpdate) has no answer
            → fill it in: `C-20: …` (yes or no)
        certificate.txt:157:1: `ORS-1`: "1,000" was taken as 1000
            → compare it with the certificate
        certificate.txt:158:1: `ORS-2`: "30 seconds" was taken as 30
            → compare it with the certificate
        certificate.txt:159:1: `ORS-3` (ItemsPerMessageSetVariables) has an answer that can't be read: "unlimited"
            → fill it in: `ORS-3: …` (a whole number)
        certificate.txt:160:1: `ORS-24` (Supported file transfer protocols) names what is not usual there: Carrier, pigeon
            → check that the line was read correctly
        certificate.txt:161:1: `HFS-12` (Number of displays) is "n.a."; it was left out
            → fill it in: `HFS-12: …` (a whole number)
        "#);
}

#[test]
fn rows_that_are_unknown_or_contradict_each_other_are_named() {
    let imported = changed(|text| {
        let text = text.replace("Advanced Security\tNot Tested", "Advanced Security\tFail");
        let text = text.replace("Smart Charging\tNot Tested", "Smart Charging\tsee annex");
        let rows = "C-999\tx\tYes\nC-99\tSupport for tea\tYes\nAQ-12\tA question of another side\tYes\n\
                    C-25\tSupport for setting a TimeOffset\tYes\nC-25\tSupport for setting a TimeOffset\tNo\n\
                    C-26\tSupport for something else altogether\tNo\n";
        let text = text.replace("C-25\t", "C-98\t").replace("C-26\t", "C-97\t");
        text.replace("Additional Questions\n", &format!("{rows}\nAdditional Questions\n"))
    });
    assert_eq!(imported.pics.answer("C-25"), None);
    insta::assert_snapshot!(told(&imported.remarks), @r#"
        certificate.txt:29:1: the result of `Advanced Security` is "Fail"; it was tested, so it is among the profiles
            → remove it from `profiles:` where it is not claimed
        certificate.txt:31:1: the result of `Smart Charging` could not be read: "see annex Support for what this profile is about."
            → add `smart-charging` to `profiles:` where it passed
        certificate.txt:90:1: `C-98` is no known id; its wording is that of `C-25`, and it was taken as that
            → compare it with the certificate
        certificate.txt:91:1: `C-97` is no known id; its wording is that of `C-26`, and it was taken as that
            → compare it with the certificate
        certificate.txt:158:1: `C-999` ("x") is no known id; its answer "Yes" was left out
            → check that the line was read correctly; nothing can be tested by it
        certificate.txt:159:1: `C-99` ("Support for tea") is no known id; its answer "Yes" was left out
            → check that the line was read correctly; nothing can be tested by it
        certificate.txt:160:1: `AQ-12` ("A question of another side") does not belong to a charging station, edition 3, baseline 2025-09; its answer "Yes" was left out
            → check side, edition and baseline
        certificate.txt:161:1: `C-25` is "Yes" here and "No" before (line 90); neither was taken
            → add `C-25: …` under `features:`
        certificate.txt:163:1: `C-26` is worded "Support for something else altogether" here; known is "Support for setting the TimeZone". The answer "No" was taken
            → check that both mean the same
        certificate.txt:163:1: `C-26` is "No" here and "Yes" before (line 91); neither was taken
            → add `C-26: …` under `features:`
        "#);
}

#[test]
fn a_question_with_a_new_number_is_known_by_its_wording() {
    let (pics, lines) = csms();
    let text = forms::between(&lines, "\t").replace("AQ-1\t", "AQ-17\t").replace("AQ-2\t", "AQ-12\t");
    let imported = import(&text);
    assert_eq!(imported.pics.questions, pics.questions);
    insta::assert_snapshot!(told(&imported.remarks), @r#"
        certificate.txt:87:1: `AQ-17` does not belong to baseline 2024-06; its wording is that of `AQ-1`, and it was taken as that
            → compare it with the certificate
        certificate.txt:88:1: `AQ-12` does not belong to baseline 2024-06; its wording is that of `AQ-2`, and it was taken as that
            → compare it with the certificate
        "#);
}

#[test]
fn only_certificates_of_this_version_are_read() {
    let (_, lines) = csms();
    let text = forms::between(&lines, "\t");
    insta::assert_snapshot!(
        [
            refused(&text.replace("OCPP 2.0.1", "OCPP 2.1")),
            refused(&text.replace("reference specification OCPP 2.0.1", "reference specification OCPP 1.6J")),
            refused(&text.replace("reference specification OCPP", "reference OCPP")),
            refused(
                &text.replace("Device Under Test:", "Device:").replace("Product Type", "Type").replace(".CSMS", "")
            ),
            refused("Dear reader,\nnothing of it is here.\n"),
        ]
        .join("\n\n"), @r#"
        certificate.txt:8:1: this is a document of OCPP 2.1
            → `pics import` reads certificates of OCPP 2.0.1 (editions 3 and 4)

        certificate.txt:8:1: OCPP 1.6 is named here, and OCPP 2.0.1 elsewhere
            → `pics import` reads certificates of OCPP 2.0.1 (editions 3 and 4)

        certificate.txt: edition and errata were not found: the certificate's sentence on its reference specification is missing
            → give the whole certificate, its first page included, or name the baseline: `--baseline 2025-09`

        certificate.txt: `Device Under Test` was not found, so that the side is not known
            → give the whole certificate; the line is `Device Under Test: Charging Station` or `… Charging Station Management System`

        certificate.txt: this is no certificate with its abstract test report: none of their tables was found
            → give the certificate's PDF, or its text by `pdftotext -layout`
        "#);
}

#[test]
fn a_baseline_that_is_given_is_taken_and_one_that_is_near_is_told() {
    let (_, lines) = csms();
    let text = forms::between(&lines, "\t").replace("Errata 2024-06", "Errata 2024-11");
    let document = Document::from_text("certificate.txt", &text);
    let near = certificate(&document, None).unwrap();
    assert_eq!(near.pics.baseline, Baseline::B2024_06);
    let given = certificate(&document, Some(Baseline::B2024_06)).unwrap();
    assert_eq!(given.pics, near.pics);
    let later = certificate(&document, Some(Baseline::B2026_02)).unwrap();
    assert_eq!((later.pics.baseline, later.pics.edition), (Baseline::B2026_02, 4));
    let first = |imported: &Imported| told(&imported.remarks[..1]);
    insta::assert_snapshot!([first(&near), first(&given), first(&later)].concat(), @r#"
        certificate.txt:8:1: there is no baseline for errata 2024-11; the newest of edition 3 that is not after them was taken, 2024-06
            → compare ids and answers with the certificate; `--baseline` takes another baseline
        certificate.txt:8:1: the certificate is of "OCPP 2.0.1 (Edition 3 FINAL, 2024-05-06 including Errata 2024-11)"; it was read by the baseline 2024-06, as was asked for
            → compare ids and answers with the certificate
        certificate.txt:8:1: the certificate is of "OCPP 2.0.1 (Edition 3 FINAL, 2024-05-06 including Errata 2024-11)"; it was read by the baseline 2026-02, as was asked for
            → compare ids and answers with the certificate
        "#);
    // An abstract without its certificate.
    let without = text.replace("reference specification", "specification");
    let document = Document::from_text("certificate.txt", &without);
    assert!(certificate(&document, None).is_err());
    assert_eq!(certificate(&document, Some(Baseline::B2024_06)).unwrap().pics.features, near.pics.features);
}

#[test]
fn a_row_that_goes_on_on_the_next_page_is_one() {
    use document::{Form, Line, Piece, Sheet};
    let row = |cells: &[&str]| Line {
        number: 0,
        form: Form::Cells,
        band: 0,
        pieces: (0_u32..)
            .zip(cells)
            .map(|(at, text)| Piece { x: f64::from(at) * 1000.0, end: 0.0, text: (*text).to_owned(), column: 1 })
            .collect(),
    };
    let text = |text: &str| Line {
        number: 0,
        form: Form::Loose,
        band: 0,
        pieces: vec![Piece { x: 5.0, end: 80.0, text: text.to_owned(), column: 1 }],
    };
    let (pics, lines) = station();
    let mut sheets = vec![Sheet::default()];
    let mut add = |line: Line, next: bool| {
        if next {
            sheets.push(Sheet::default());
        }
        sheets.last_mut().unwrap().lines.push(line);
    };
    for cells in &lines {
        let cells: Vec<&str> = cells.iter().map(String::as_str).collect();
        match cells.as_slice() {
            [""] => {}
            [only] => add(text(only), false),
            ["AQ-10", title, answer] => {
                add(row(&["AQ-", title, answer]), false);
                add(text("Page 3 of 6"), false);
                add(text("Invented certificate"), true);
                add(row(&["10", "", ""]), false);
            }
            ["C-21", title, answer] => {
                let (upper, lower) = title.split_at(title.find("Transaction").unwrap());
                add(row(&["C-21", upper.trim(), answer]), false);
                add(row(&["", lower, ""]), true);
            }
            ["OCPP triggered function response time", rest @ ..] if rest.len() == 3 => {
                add(row(&["OCPP triggered", rest[0], rest[1], rest[2]]), false);
                add(row(&["function response time", "", "", ""]), true);
            }
            cells => add(row(cells), false),
        }
    }
    let imported = certificate(&Document::from_sheets("certificate.pdf", sheets), None).unwrap();
    assert_eq!(told(&imported.remarks), "");
    assert_eq!(yaml(&imported.pics), yaml(&pics));
}

/// A PICS without what was guessed by how cells are centred.
fn certain(pics: &Pics, remarks: &[Remark]) -> String {
    let mut pics = pics.clone();
    for remark in remarks {
        if let Some(id) =
            remark.message.strip_suffix(": which lines belong to it was guessed, by how the cells are centred")
        {
            let id = id.trim_matches('`');
            for map in [&mut pics.hardware, &mut pics.features, &mut pics.settings] {
                map.shift_remove(id);
            }
        }
        if remark.message.starts_with("where the cells of the vendor specific settings begin") {
            pics.vendor_settings.clear();
        }
    }
    yaml(&pics)
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(24))]

    #[test]
    fn every_form_of_a_certificate_gives_the_pics_it_was_made_of(
        (sut, baseline, seed) in (
            proptest::sample::select(vec![SutKind::ChargingStation, SutKind::Csms]),
            proptest::sample::select(vec![Baseline::B2024_06, Baseline::B2025_09, Baseline::B2026_02]),
            0..u64::MAX,
        ),
    ) {
        let pics = invented::pics(sut, baseline, seed);
        let lines = forms::certificate(&pics);
        let texts = [
            forms::between(&lines, "\t"),
            forms::between(&lines, "    "),
            forms::between(&lines, " | "),
            forms::markdown(&lines),
            forms::page(&lines, false),
        ];
        for text in &texts {
            proptest::prop_assert_eq!(yaml(&import(text).pics), yaml(&pics), "{}", text);
        }
        let texts = [forms::between(&lines, " "), forms::page(&lines, true)];
        for text in texts {
            let imported = import(&text);
            // What is guessed may be wrong, and is told.
            let (found, wanted) = (certain(&imported.pics, &imported.remarks), certain(&pics, &imported.remarks));
            let differ: Vec<_> = found.lines().zip(wanted.lines()).find(|(one, other)| one != other).into_iter().collect();
            proptest::prop_assert!(found == wanted, "{differ:#?}\n{text}");
        }
    }

    #[test]
    fn what_is_lost_or_torn_changes_no_other_answer_unsaid(
        (sut, seed, form, at, how) in (
            proptest::sample::select(vec![SutKind::ChargingStation, SutKind::Csms]),
            0..u64::MAX,
            0..6_usize,
            0.0..1.0_f64,
            0..4_usize,
        ),
    ) {
        let pics = invented::pics(sut, Baseline::B2025_09, seed);
        let lines = forms::certificate(&pics);
        let text = match form {
            0 => forms::between(&lines, "\t"),
            1 => forms::between(&lines, "    "),
            2 => forms::between(&lines, " "),
            3 => forms::markdown(&lines),
            form => forms::page(&lines, form == 5),
        };
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
        let at = (20.0 + at * (lines.len() - 22) as f64) as usize;
        match how {
            0 => {
                lines.remove(at);
            }
            1 => {
                let next = lines.remove(at + 1);
                lines[at] += &format!(" {}", next.trim_start());
            }
            2 => {
                let half = lines[at].chars().count() / 2;
                let rest: String = lines[at].chars().skip(half).collect();
                lines[at] = lines[at].chars().take(half).collect();
                lines.insert(at + 1, rest);
            }
            _ => lines.insert(at, "Page 3 of 8    Certificate of an invented product    Yes".into()),
        }
        let torn = lines.join("\n");
        let Ok(imported) = certificate(&Document::from_text("x", &torn), None) else { return Ok(()) };
        let maps = |pics: &Pics| {
            let maps = [&pics.hardware, &pics.features, &pics.questions, &pics.settings];
            maps.into_iter().flatten().map(|(id, answer)| (id.clone(), answer.clone())).collect::<Vec<_>>()
        };
        let wanted = maps(&pics);
        let found = maps(&imported.pics);
        proptest::prop_assert!(found.len() + 3 > wanted.len(), "{} of {}", found.len(), wanted.len());
        for (id, answer) in found {
            if !matches!(answer, Answer::Bool(_) | Answer::Number(_)) {
                continue;
            }
            let right = wanted.iter().any(|(known, wanted)| *known == id && *wanted == answer);
            let said = imported.remarks.iter().any(|remark| remark.message.contains(&id));
            proptest::prop_assert!(right || said, "{id}: {answer:?}, line {at}\n{}", lines[at.saturating_sub(4)..(at + 4).min(lines.len())].join("\n"));
        }
    }

    #[test]
    fn no_text_makes_it_panic(
        text in "(C-0[1-9]|C-|40\\.1|HFS-9|AQ-1|Yes|No|Name|Max Value|Core|Pass|EVSE|1 AC 1 1 x Fixed|Vendor name:|Statement of Approval|\
                 OCPP 2\\.0\\.1|reference specification OCPP 2\\.0\\.1 \\(Edition 3, Errata 2024-06\\)|Configuration Setting|\t|\\||\n|\n\n| |   |é|\u{a0}){0,60}",
    ) {
        let document = Document::from_text("x", &text);
        for defects in certificate(&document, None).err().into_iter().flatten() {
            for report in defects.reports() {
                let _ = format!("{:?}", miette::Report::new(report));
            }
        }
        let _ = certificate(&document, Some(Baseline::B2024_06));
    }
}
