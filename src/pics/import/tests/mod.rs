mod forms;
pub(crate) mod invented;
mod properties;
mod versions;

use std::path::Path;

use super::{document::Document, *};
use crate::{
    formatter,
    pics::{reader, writer},
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
        let mut imported = certificate(&Document::from_text(certificate_name, &text), None).unwrap();
        imported.pics.approval = imported.pics.approval.without_names();
        let expected = std::fs::read_to_string(root.join("pics").join(file)).unwrap();
        let written = formatter::format(&Source::new(file, yaml(&imported.pics))).unwrap().unwrap();
        assert_eq!(written, expected, "{file}");
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
        certificate.txt:10:1: by whom it was tested, and on what evidence, was told apart by the date: "Meltemi Prüfhaus November 23, 2025" and "Invented_PICS-2.2.0 - signed"
            → compare `tested` and `evidence` under `references:` with the certificate
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
        let title = &known_ids().rows_of(id).next().unwrap().title;
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
        certificate.txt:90:1: unknown id `C-98`; its wording is that of `C-25`, and it was taken as that
            → compare it with the certificate
        certificate.txt:91:1: unknown id `C-97`; its wording is that of `C-26`, and it was taken as that
            → compare it with the certificate
        certificate.txt:158:1: unknown id `C-999` ("x"); its answer "Yes" was left out
            → check that the line was read correctly; nothing can be tested by it
        certificate.txt:159:1: unknown id `C-99` ("Support for tea"); its answer "Yes" was left out
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
fn what_is_of_another_programme_is_named() {
    let imported = changed(|text| {
        let text = text.replace("Core\tPass\t", "Bidirectional Power Transfer\tPass\tBoth ways.\nCore\tPass\t");
        let rows = "V2X-1\tSupport for both ways\tYes\nPT-10.2\tSupport for more\tNo\n";
        let text = text.replace("C-02\t", &format!("{rows}C-02\t"));
        let lost =
            |line: &&str| !["C-40.3\t", "HFS-10\t", "OCPP response time\t"].iter().any(|start| line.starts_with(start));
        text.lines().filter(lost).map(|line| line.to_owned() + "\n").collect()
    });
    insta::assert_snapshot!(told(&imported.remarks), @r#"
        certificate.txt: the maximum of `OCPP response time` was not found
            → fill in `response-time` under `performance: maximum:`, in seconds
        certificate.txt: not found, and so left without an answer: `HFS-10`, `C-40.3`
            → fill in those that the certificate answers
        certificate.txt:28:1: unknown certification profile `Bidirectional Power Transfer`; its result "Pass" was left out
            → check version, edition and baseline of the certificate
        certificate.txt:61:1: unknown id `V2X-1` ("Support for both ways"); its answer "Yes" was left out
            → check that the line was read correctly; nothing can be tested by it
        certificate.txt:62:1: unknown id `PT-10.2` ("Support for more"); its answer "No" was left out
            → check that the line was read correctly; nothing can be tested by it
        "#);
}

#[test]
fn an_unknown_profile_whose_name_has_two_lines_is_named_too() {
    let (_, mut lines) = station();
    let at = lines.iter().position(|cells| cells[0] == "Smart Charging").unwrap();
    lines.insert(at + 1, ["Bidirectional", "Pass", "Both ways."].map(str::to_owned).to_vec());
    lines.insert(at + 2, ["Power Transfer", "", ""].map(str::to_owned).to_vec());
    for centred in [false, true] {
        let told = told(&import(&forms::page(&lines, centred)).remarks);
        assert!(told.contains("unknown certification profile `Bidirectional`"), "{told}");
    }
}

#[test]
fn measured_times_are_no_maxima() {
    let imported = changed(|text| {
        let at = text.find("Name\tMax Value").unwrap();
        let to = text.find("Name\tMin Value").unwrap();
        text[..at].to_owned() + &text[to..]
    });
    assert!(imported.pics.performance.maximum.is_empty());
    assert!(told(&imported.remarks).contains("the maximum of `OCPP response time` was not found"));
}

#[test]
fn cells_that_stand_one_blank_apart_are_told_apart_by_the_wording() {
    let (pics, lines) = station();
    let text = forms::between(&lines, "    ");
    let titles = ["OCPP triggered function response time", "SampledTxEUpdated Measurands", "AlignedData Measurands"];
    let narrow = |line: &str| {
        let Some(title) = titles.iter().find(|title| line.contains(**title) && !line.contains("0.15")) else {
            return line.to_owned() + "\n";
        };
        // The last word of the title stands in the next line, and what follows the others one blank behind them.
        let (first, last) = title.rsplit_once(' ').unwrap();
        let indent = if line.starts_with(title) { "" } else { "          " };
        line.replace(&format!("{title}    "), &format!("{first} ")) + &format!("\n{indent}{last}\n")
    };
    let narrowed: String = text.lines().map(narrow).collect();
    assert_eq!(narrowed.lines().count(), text.lines().count() + titles.len());
    let imported = import(&narrowed);
    assert_eq!(yaml(&imported.pics), yaml(&pics));
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
