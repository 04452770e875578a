//! The fuzzers' corpora as ordinary tests: what once broke something, and what is near to what once did.

#[path = "../../fuzz/targets.rs"]
mod targets;

use std::{fs, path::Path};

/// Feeds every file of a corpus, and every file cut off and garbled at many places.
fn feed(name: &str, target: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name);
    let mut files: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 3, "{} has too little in it", folder.display());
    for file in files {
        let data = fs::read(&file).unwrap();
        target(&data);
        let step = (data.len() / 40).max(1);
        for at in (0..data.len()).step_by(step) {
            target(&data[..at]);
            let mut garbled = data.clone();
            garbled[at] ^= 0x15;
            target(&garbled);
            garbled[at] = 0xff;
            target(&garbled);
            let mut twice = data[at..].to_vec();
            twice.extend_from_slice(&data[..at]);
            target(&twice);
        }
    }
}

#[test]
fn frames() {
    feed("frame", targets::frame);
}

#[test]
fn pics() {
    feed("pics", targets::pics);
}

#[test]
fn benches() {
    feed("bench", targets::bench);
}

#[test]
fn test_cases() {
    feed("test_case", targets::test_case);
}

#[test]
fn certificates() {
    feed("certificate", targets::certificate);
}
