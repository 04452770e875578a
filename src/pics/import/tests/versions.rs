//! Which documents are read, and by which baseline.

use super::{csms, forms, refused, station, told};
use crate::pics::{
    Baseline,
    import::{Imported, certificate, document::Document},
};

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

        certificate.txt: this is not a certificate with an abstract test report: none of their tables was found
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
fn a_form_without_a_statement_is_read_by_the_baseline_that_is_given() {
    let (pics, lines) = station();
    let text = forms::between(&lines, "\t")
        .replace("reference specification", "document")
        .replace("Test Report OCPP", "PICS OCPP");
    let read = |text: &str| certificate(&Document::from_text("form.txt", text), Some(Baseline::B2025_09));
    assert_eq!(read(&text).unwrap().pics.features, pics.features);
    assert_eq!(told(&read(&text).unwrap().remarks), "");
    let other = read(&text.replace("2.0.1", "2.1")).unwrap_err();
    assert!(other[0].to_string().contains("this is a document of OCPP 2.1"), "{}", other[0]);
    let silent = read(&text.replace("OCPP 2.0.1", "OCPP")).unwrap();
    assert!(told(&silent.remarks).contains("no version of OCPP was found"));
}
