//! `pics import`: what becomes of certificates as people have them, and of files that mean harm.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::Stdio,
};

use crate::common::tool::{Said, attest, command, said, text};

/// What every certificate says, and nothing of what only a whole one does.
const CERTIFICATE: &str = "Certificate Holder\tWallbox Works\nDevice Under Test\tCharging Station\nVendor name\tWallbox Works\n\
    Product Designation\tWW-1\nFirmware Version\t1.0\nTest Result Summary\nCore\tPass\n\
    The reference specification is OCPP 2.0.1 Edition 3, Errata 2024-06.\n";

/// Imports what is written to a file.
fn import(content: impl AsRef<[u8]>, arguments: &[&str]) -> Said {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("certificate");
    fs::write(&file, content).unwrap();
    let mut said = said(&[&["pics", "import", text(&file)], arguments].concat());
    let folder = format!("{}/", text(folder.path()));
    for text in [&mut said.stdout, &mut said.stderr] {
        *text = text.replace(&folder, "");
    }
    said
}

fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("reports/examples").join(name)
}

#[test]
fn a_certificate_s_text_becomes_a_pics() {
    // What it lacks is told; what it has is printed all the same.
    let part = import(CERTIFICATE, &[]);
    assert_eq!(part.status, Some(2));
    assert!(part.stderr.contains("`C-01` is not answered"), "{}", part.stderr);
    assert!(part.stdout.contains("designation: WW-1") && part.stdout.contains("baseline: 2024-06"), "{}", part.stdout);
    let nothing = import("Dear reader,\n", &[]);
    assert_eq!((nothing.status, nothing.stdout.as_str()), (Some(2), ""));
    assert!(nothing.stderr.contains("this is not a certificate"), "{}", nothing.stderr);
    // Published ones are not ours to keep here.
    let published = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/certificates");
    for path in fs::read_dir(published).into_iter().flatten().map(|entry| entry.unwrap().path()) {
        if path.file_name().unwrap().to_string_lossy().starts_with("OCA.") {
            assert_sound(&import(fs::read(&path).unwrap(), &[]));
        }
    }
}

#[test]
fn persons_are_named_where_that_is_wanted() {
    let approval = "Statement of Approval\nVendor\nName\tJane Example\tDate: 2025-01-31\nCompany\tWallbox Works\tSignature:\n\
        Test Laboratory\nName\tJohn Example\tDate: 2025-01-31\nName reviewer\tJo Example\tSignature:\nCompany\tThe Laboratory\n";
    let certificate = format!("{CERTIFICATE}{approval}");
    let without = import(&certificate, &[]).stdout;
    assert!(!without.contains("Example") && without.contains("company: The Laboratory"), "{without}");
    let with = import(&certificate, &["--with-names"]).stdout;
    for name in ["name: Jane Example", "name: John Example", "reviewer: Jo Example"] {
        assert!(with.contains(name), "{with}");
    }
}

/// It was imported without a word, and is a PICS.
#[track_caller]
fn assert_sound(said: &Said) {
    assert_eq!((said.status, said.stderr.as_str()), (Some(0), ""));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pics.yaml");
    fs::write(&file, &said.stdout).unwrap();
    let (status, told) = attest(&["pics", "check", text(&file)]);
    assert_eq!(status, Some(0), "{told}");
}

#[test]
fn an_abstract_is_imported_as_what_it_is_whatever_its_name() {
    for product in ["cp-flex-plus-eu", "greenflux-ev-platform", "beny-bcpcv-ct2m-p"] {
        let markdown = fs::read_to_string(example(product).join("abstract.md")).unwrap();
        let from_text = import(&markdown, &[]);
        assert_sound(&from_text);
        // Bytes of another program, lines of another system.
        let units: Vec<u8> = markdown.replace('\n', "\r\n").encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(import([vec![0xff, 0xfe], units].concat(), &[]).stdout, from_text.stdout);
        if cfg!(feature = "pdf") {
            let from_pdf = import(fs::read(example(product).join("abstract.pdf")).unwrap(), &[]);
            assert_sound(&from_pdf);
            assert_eq!(from_pdf.stdout, from_text.stdout);
        }
    }
}

#[test]
fn a_baseline_between_ours_is_told_and_may_be_chosen() {
    let between = CERTIFICATE.replace("2024-06", "2024-11");
    let said = import(&between, &[]);
    let remark = "certificate:8:1: there is no baseline for errata 2024-11; the newest of edition 3 that is not after them was taken, 2024-06";
    assert!(said.stderr.contains(&format!("warning: {remark}\n  help: ")), "{}", said.stderr);
    assert!(
        said.stdout.contains(&format!("# - {remark}\n#   -> ")) && said.stdout.contains("baseline: 2024-06"),
        "{}",
        said.stdout
    );
    let chosen = import(&between, &["--baseline", "2025-09"]);
    assert!(chosen.stdout.contains("baseline: 2025-09"), "{}", chosen.stdout);
    assert!(chosen.stderr.contains("it was read by the baseline 2025-09, as was asked for"), "{}", chosen.stderr);
    let unknown = import(&between, &["--baseline", "2024-11"]);
    assert_eq!(unknown.status, Some(2));
    assert!(unknown.stderr.contains("write one of: 2024-06, 2025-09, 2026-02"), "{}", unknown.stderr);
}

#[test]
fn what_is_no_certificate_of_this_version_is_refused_by_its_name() {
    for (content, told) in [
        (CERTIFICATE.replace("2.0.1", "2.1").into_bytes(), "this is a document of OCPP 2.1"),
        (CERTIFICATE.replace("2.0.1", "1.6").into_bytes(), "this is a document of OCPP 1.6"),
        (b"PK\x03\x04 word/document.xml".to_vec(), "it is an Office document"),
        (b"\x89PNG\r\n\x1a\n".to_vec(), "it is an image"),
        (b"<!DOCTYPE html><title>x</title>".to_vec(), "it is a page of HTML"),
        (Vec::new(), "it is empty"),
        (vec![b'x'; 5 << 20], "it is too large; at most 4 MiB are read"),
    ] {
        let said = import(&content, &[]);
        assert_eq!((said.status, said.stdout.as_str()), (Some(2), ""));
        assert!(said.stderr.contains(told) && said.stderr.contains("help: "), "{told}: {}", said.stderr);
    }
    let nowhere = said(&["pics", "import", "no/such/certificate.pdf"]);
    assert_eq!(nowhere.status, Some(2));
    assert!(nowhere.stderr.contains("can't read it"), "{}", nowhere.stderr);
}

/// A PDF of one page with this content, and with these entries in its page.
fn pdf(content: &[u8], page: &str) -> Vec<u8> {
    let mut out = b"%PDF-1.7\n".to_vec();
    let mut places = Vec::new();
    let stream = [format!("<< /Length {} >>\nstream\n", content.len()).as_bytes(), content, b"\nendstream"].concat();
    let page = format!(
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F 5 0 R >> /XObject << /X 6 0 R >> >> \
         {page} >>"
    );
    let image = "<< /Type /XObject /Subtype /Image /Width 1 /Height 1 /ColorSpace /DeviceGray /BitsPerComponent 8 /Length 1 >>\n\
                 stream\n0\nendstream";
    for object in [
        b"<< /Type /Catalog /Pages 2 0 R >>".to_vec(),
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_vec(),
        page.into_bytes(),
        stream,
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>".to_vec(),
        image.as_bytes().to_vec(),
    ] {
        places.push(out.len());
        out.extend(format!("{} 0 obj\n", places.len()).as_bytes());
        out.extend(object);
        out.extend(b"\nendobj\n");
    }
    let table = out.len();
    out.extend(format!("xref\n0 {}\n0000000000 65535 f \n", places.len() + 1).as_bytes());
    for place in &places {
        out.extend(format!("{place:010} 00000 n \n").as_bytes());
    }
    out.extend(format!("trailer\n<< /Size {} /Root 1 0 R >>\nstartxref\n{table}\n%%EOF", places.len() + 1).as_bytes());
    out
}

/// A text at a place of a page.
fn shown(x: u32, y: u32, text: &str) -> String {
    let text = text.replace('(', "\\(").replace(')', "\\)");
    format!("BT /F 10 Tf {x} {y} Td ({text}) Tj ET\n")
}

#[cfg(feature = "pdf")]
#[test]
fn a_pdf_without_rules_and_fonts_is_read_by_its_places() {
    // The fonts are the reader's, and nothing but places tells cells apart.
    let mut page = String::new();
    for (line, cells) in CERTIFICATE.lines().enumerate() {
        let y = 800 - 20 * u32::try_from(line).unwrap();
        for (column, cell) in cells.split('\t').enumerate() {
            page += &shown(50 + 200 * u32::try_from(column).unwrap(), y, cell);
        }
    }
    page += &shown(50, 500, "C-21");
    page += &shown(250, 500, "No");
    page += &shown(90, 506, "Support for queuing all or only Transaction related");
    page = page.replace("250 500 Td", "400 500 Td");
    page += &shown(90, 494, "messages until they are delivered to the CSMS");
    let said = import(pdf(page.as_bytes(), ""), &[]);
    assert!(said.stdout.contains("designation: WW-1"), "{}{}", said.stdout, said.stderr);
    assert!(said.stdout.contains("  C-21: no\n"), "{}{}", said.stdout, said.stderr);
    // The places of remarks name the page.
    let between = import(pdf(page.replace("2024-06", "2024-11").as_bytes(), ""), &[]);
    assert!(between.stderr.contains("certificate page 1:8:1: there is no baseline"), "{}", between.stderr);
}

#[cfg(feature = "pdf")]
#[test]
fn a_pdf_that_can_t_be_read_says_what_to_do() {
    let whole = fs::read(example("greenflux-ev-platform").join("abstract.pdf")).unwrap();
    for (content, told, help) in [
        (pdf(b"q 500 0 0 700 0 0 cm /X Do Q", ""), "holds images only, no text: it is a scan", "ocrmypdf"),
        (pdf(b"", ""), "the PDF holds no text", "check that this is the certificate"),
        (whole[..whole.len() / 2].to_vec(), "the PDF is damaged", "download it again"),
        (b"%PDF-1.7\nnothing of it".to_vec(), "the PDF is damaged", "download it again"),
        // A stack of its own does not hold what a file may nest.
        (pdf(&vec![b'['; 3 << 20], ""), "it is nested too deeply", "print it to a new PDF"),
        (pdf(b"", &format!("/Q {}", "<</A ".repeat(1 << 20))), "it is nested too deeply", "print it to a new PDF"),
    ] {
        let said = import(&content, &[]);
        assert_eq!((said.status, said.stdout.as_str()), (Some(2), ""), "{told}");
        assert!(said.stderr.contains(told) && said.stderr.contains(help), "{told}: {}", said.stderr);
    }
}

#[cfg(feature = "pdf")]
#[test]
fn the_reader_of_pdfs_answers_whatever_it_is_given() {
    let answer = |content: &[u8]| {
        let mut child = command(&["pics", "read-pdf"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(content).unwrap();
        let output = child.wait_with_output().unwrap();
        serde_json::from_slice::<serde_json::Value>(&output.stdout).unwrap()
    };
    assert_eq!(answer(b"nothing"), serde_json::json!({ "Err": "Damaged" }));
    let sheets = answer(&fs::read(example("greenflux-ev-platform").join("abstract.pdf")).unwrap());
    assert!(sheets["Ok"].as_array().is_some_and(|pages| pages.len() > 2));
    // It is the tool's own, and in nobody's way.
    assert!(!said(&["pics", "--help"]).stdout.contains("read-pdf"));
}
