//! What must hold for any bytes at all. The fuzzers feed these; `tests/corpus.rs` feeds them the corpora.
#![allow(dead_code)] // every fuzzer uses one of them

use ocpp_attest::{
    bench::Bench,
    certificate::{self, Certificate},
    pics::{
        import::{self, Content, document::Document},
        reader as pics_reader, writer,
    },
    protocol::Version,
    protocol::frame::Frame,
    testcase::{dialect::Dialect, reader},
    yaml::{Defects, Source},
};

/// A frame is refused, or reads the same when it is written and read again; the validator takes whatever payload it has.
pub fn frame(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    for version in Version::ALL {
        let protocol = version.protocol();
        match Frame::parse(&text, protocol.wire) {
            Ok(frame) => {
                assert_eq!(Frame::parse(&frame.to_text(), protocol.wire).as_ref(), Ok(&frame));
                if let Frame::Call { action, payload, .. } | Frame::Send { action, payload, .. } = &frame {
                    protocol.messages().validate(action, true, payload);
                    protocol.messages().validate(action, false, payload);
                }
            }
            Err(error) => assert!(!error.reason.is_empty()),
        }
    }
}

/// A PICS has defects at places that exist, or is written and read again as the same.
pub fn pics(data: &[u8]) {
    let source = source(data);
    match pics_reader::read_source(&source) {
        Ok(pics) => {
            let written = writer::to_yaml(&pics, "");
            let again = pics_reader::read_source(&Source::new("again.yaml", written.as_str()));
            let again = again.unwrap_or_else(|defects| panic!("{defects}\n{written}"));
            assert_eq!(writer::to_yaml(&again, ""), written);
        }
        Err(defects) => shown(&defects),
    }
    // A PDF is read in a process of its own.
    if let Content::Text(text, _) = import::content(data) {
        match import::certificate(&Document::from_text("fuzz.txt", &text), None) {
            Ok(imported) => {
                let written = writer::to_yaml(&imported.pics, "");
                assert!(Source::new("written.yaml", written.as_str()).parse().is_ok(), "{written}");
                assert!(
                    imported.remarks.iter().all(|remark| !remark.help.is_empty() && !remark.message.contains('\n'))
                );
            }
            Err(files) => files.iter().for_each(shown),
        }
    }
}

/// A bench has defects at places that exist, or is a bench.
pub fn bench(data: &[u8]) {
    if let Err(defects) = Bench::read_source(&source(data)) {
        shown(&defects);
    }
}

/// A test case or state has defects at places that exist, or is one.
pub fn test_case(data: &[u8]) {
    let source = source(data);
    if let Err(defects) = reader::test_case(&source, Dialect::today(Version::default())) {
        shown(&defects);
    }
    if let Err(defects) = reader::state(&source, Dialect::today(Version::default())) {
        shown(&defects);
    }
}

/// Certificates and signing requests tell of themselves, or nothing.
pub fn certificate(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    for found in Certificate::chain(&text) {
        found.facts();
        found.serial();
        found.is_valid_at(jiff::Timestamp::UNIX_EPOCH);
        found.is_signed_by(&found);
        found.answers(&text);
        found.hash_data(&found, "SHA256");
    }
    certificate::request_facts(&text);
    certificate::hash_data(&text, "SHA512");
}

fn source(data: &[u8]) -> Source {
    Source::new("fuzz.yaml", String::from_utf8_lossy(data).into_owned())
}

/// Every defect can be shown to a person: its place lies in the file, and it says what to do.
fn shown(defects: &Defects) {
    assert!(!defects.defects.is_empty());
    let lines = defects.source_file.text.split('\n').count().max(1);
    for defect in &defects.defects {
        assert!(!defect.message.is_empty(), "a defect without a message");
        assert!(defect.at.line <= lines + 1, "line {} of {lines}: {}", defect.at.line, defect.message);
    }
    for report in defects.reports() {
        let _ = format!("{:?}", miette::Report::new(report));
    }
    let _ = defects.to_string();
}
