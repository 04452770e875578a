//! No part of the tool but `protocol/` and `simulator/` depends on the actions of a version of OCPP.

use std::{
    fs,
    path::{Path, PathBuf},
};

use ocpp_attest::protocol::Version;

/// Files that speak OCPP themselves, with the reason.
const EXCEPTIONS: [(&str, &str); 3] = [
    ("calibrate/peer.rs", "the peer that calibration measures is a charging station"),
    ("bench/operator/reader.rs", "a sample that the expressions of a bench are tried with"),
    ("pics/reader/words.rs", "a time source has the name of an action"),
];

/// All Rust files of a folder that are no tests.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        let stem = entry.file_stem().unwrap().to_string_lossy().into_owned();
        if entry.is_dir() && stem != "tests" {
            sources(&entry, found);
        } else if entry.extension().is_some_and(|extension| extension == "rs") && !stem.ends_with("tests") {
            found.push(entry);
        }
    }
}

/// The string literals of a line without its comment; texts that go over several lines are prose.
fn literals(line: &str) -> impl Iterator<Item = &str> {
    let code = line.split("//").next().unwrap_or_default();
    code.split('"').skip(1).step_by(2)
}

#[test]
fn actions_are_named_by_the_protocol_and_the_simulators_alone() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&folder, &mut files);
    assert!(files.len() > 200, "{}", files.len());
    let messages: Vec<_> = Version::WORDS.iter().map(|(_, version)| version.protocol().messages()).collect();
    let mut named = Vec::new();
    for file in files {
        let place = file.strip_prefix(&folder).unwrap().to_string_lossy().into_owned();
        let excepted = EXCEPTIONS.iter().any(|(known, _)| *known == place);
        if place.starts_with("protocol/") || place.starts_with("simulator/") || excepted {
            continue;
        }
        let text = fs::read_to_string(&file).unwrap();
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        for (line, text) in code.lines().enumerate() {
            let is_action = |literal: &&str| messages.iter().any(|messages| messages.is_action(literal));
            named.extend(literals(text).filter(is_action).map(|action| format!("{place}:{}: {action}", line + 1)));
        }
    }
    assert!(named.is_empty(), "actions are named outside of src/protocol/ and src/simulator/:\n{}", named.join("\n"));
}
