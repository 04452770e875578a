//! What a run folder keeps is judged again as it was.

use std::{collections::BTreeMap, fs, path::Path};

use sha2::{Digest as _, Sha256};

use crate::common::tool;
use ocpp_attest::{
    record::chain,
    replay::{self, Again, Kept, Store},
    testcase::{catalogue::Catalogue, library::Library},
    verdict::Verdict,
};

/// Runs test cases of a product on the simulated one and keeps them in a folder.
fn keep(name: &str, bench: &str, globs: &[&str], folder: &Path) -> Vec<replay::Recording> {
    let recordings = crate::common::run_these(&crate::common::pics(name), bench, true, globs).recordings;
    let mut store = Store::begin(folder);
    for recording in &recordings {
        store.keep(recording).unwrap();
    }
    recordings
}

fn all(folder: &Path) -> Vec<Kept> {
    replay::kept(folder).unwrap().iter().flat_map(|(_, path)| replay::read(path).unwrap()).collect()
}

fn library(folder: &Path, kept: &Kept) -> Library {
    let side = if kept.id().ends_with("_CSMS") {
        ocpp_attest::pics::SutKind::Csms
    } else {
        ocpp_attest::pics::SutKind::ChargingStation
    };
    Library::load(&Catalogue::from_folder(folder, ocpp_attest::protocol::Version::V2_0_1).unwrap(), side).unwrap()
}

/// The test cases of a run folder, one of its files changed.
fn changed(folder: &Path, file: &str, from: &str, to: &str) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for part in ["charging-station", "csms"] {
        copy_all(&replay::sources(folder).join(part), &copy.path().join(part));
    }
    let path = copy.path().join(file);
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{file}: {text}");
    fs::write(path, text.replacen(from, to, 1)).unwrap();
    copy
}

fn copy_all(from: &Path, to: &Path) {
    let Ok(entries) = fs::read_dir(from) else { return };
    fs::create_dir_all(to).unwrap();
    for path in entries.flatten().map(|entry| entry.path()) {
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_all(&path, &target);
        } else {
            fs::copy(path, target).unwrap();
        }
    }
}

fn against(folder: &Path, cases: &Path) -> Again {
    let kept = all(folder);
    let kept = kept.first().unwrap();
    replay::against(kept, &library(cases, kept)).unwrap()
}

/// Whatever a product is, what its run keeps is judged as it was, down to each step and each message of ours.
#[test]
fn every_simulated_run_replays_identically() {
    let mut programmes = BTreeMap::new();
    for name in [
        "beny-bcpcv-ct2m-p",
        "cp-flex-plus-eu",
        "greenflux-ev-platform",
        "reference-csms",
        "reference-station",
        "simulated-station",
    ] {
        let folder = tempfile::tempdir().unwrap();
        let recordings = keep(&format!("{name}.yaml"), "", &[], folder.path());
        let mut kept = all(folder.path());
        assert_eq!(kept.len(), recordings.len(), "{name}");
        let library = library(&replay::sources(folder.path()), &kept[0]);
        kept.sort_by_key(|kept| kept.id().to_owned());
        for kept in &kept {
            let again = replay::exactly(kept, &library).unwrap();
            assert_eq!(again.divergence, None, "{name}: {}", kept.id());
            assert_eq!(Some(again.verdict), kept.verdict(), "{name}: {}", kept.id());
            // By test cases that say the same, the same comes of it.
            if !["cp-flex-plus-eu", "greenflux-ev-platform"].contains(&name) {
                continue;
            }
            let again = replay::against(kept, &library).unwrap();
            assert_eq!((again.divergence, Some(again.verdict)), (None, kept.verdict()), "{name}: {}", kept.id());
        }
        programmes.insert(name, kept.len());
    }
    assert!(programmes.values().all(|count| *count > 80), "{programmes:?}");
}

#[test]
fn what_is_kept_holds_no_secret() {
    let password = "Sesame-opens_2many.endpoints";
    for (name, globs) in
        [("greenflux-ev-platform.yaml", ["TC_A_0*", "TC_A_1*"]), ("cp-flex-plus-eu.yaml", ["TC_A_0*", "TC_A_1*"])]
    {
        let folder = tempfile::tempdir().unwrap();
        let recordings = keep(name, &format!("password: {password}\nsecurity-profile: 1\n"), &globs, folder.path());
        let given: Vec<_> = recordings.iter().flat_map(|recording| &recording.secrets).collect();
        assert!(given.len() > 3, "{name}: passwords and keys passed through");
        for (_, path) in replay::kept(folder.path()).unwrap() {
            let text = fs::read_to_string(&path).unwrap();
            for (secret, _) in &given {
                assert!(!text.contains(secret.expose()), "{}", path.display());
            }
            assert!(!text.contains("PRIVATE KEY"), "{}", path.display());
        }
        for kept in all(folder.path()) {
            let again = replay::exactly(&kept, &library(&replay::sources(folder.path()), &kept)).unwrap();
            assert_eq!((again.divergence, Some(again.verdict)), (None, kept.verdict()), "{}", kept.id());
        }
    }
}

#[test]
fn a_corrected_test_case_tells_what_it_would_have_said() {
    let folder = tempfile::tempdir().unwrap();
    keep("cp-flex-plus-eu.yaml", "", &["TC_B_06_CS"], folder.path());
    let file = "charging-station/B/TC_B_06_CS.yaml";
    // A check that the product does not fulfil.
    let stricter = changed(folder.path(), file, "status: { is: Accepted", "status: { is: Rejected");
    let again = against(folder.path(), stricter.path());
    assert_eq!(again.verdict, Verdict::Fail, "{:?}", again.failures.first());
    assert!(again.failures[0].step.contains("send GetVariables"), "{:?}", again.failures[0]);
    // Another message: the product was never asked that.
    let asks = changed(folder.path(), file, "get: { OCPPCommCtrlr.", "get: { ClockCtrlr.");
    let again = against(folder.path(), asks.path());
    assert_eq!(again.verdict, Verdict::Inconclusive);
    let divergence = again.divergence.unwrap();
    assert!(divergence.found.contains("ClockCtrlr") && divergence.expected.contains("OCPPCommCtrlr"), "{divergence:?}");
}

#[test]
fn what_was_changed_in_a_recording_is_named() {
    let folder = tempfile::tempdir().unwrap();
    keep("cp-flex-plus-eu.yaml", "", &["TC_B_06_CS"], folder.path());
    let path = folder.path().join("inputs/TC_B_06_CS.jsonl");
    let text = fs::read_to_string(&path).unwrap();
    let tell = |text: &str| {
        fs::write(&path, text).unwrap();
        let kept = all(folder.path());
        let library = library(&replay::sources(folder.path()), &kept[0]);
        replay::exactly(&kept[0], &library).unwrap().divergence.unwrap()
    };
    let divergence = tell(&text.replace("{\"verdict\":\"pass\"", "{\"verdict\":\"fail\""));
    assert!(divergence.expected.contains("fail") && divergence.found.contains("pass"), "{divergence:?}");
    let last = text.rfind("\\\"attributeStatus\\\":\\\"Accepted\\\"").unwrap();
    let refused = format!("{}{}", &text[..last], text[last..].replacen("Accepted", "Rejected", 1));
    let divergence = tell(&refused);
    assert!(divergence.step.contains("GetVariables") || divergence.step.contains("run"), "{divergence:?}");
    let cut = text.lines().take(text.lines().count() - 1).collect::<Vec<_>>().join("\n");
    assert!(tell(&cut).found.contains("ends too early"));
    fs::write(&path, text.replacen("\"format\":4", "\"format\":7", 1)).unwrap();
    assert!(replay::read(&path).unwrap_err().to_string().contains("format 7"));
    assert!(replay::kept(&folder.path().join("inputs")).unwrap_err().to_string().contains("nothing to replay"));
}

#[test]
fn a_test_case_is_another_when_a_state_that_it_may_run_is() {
    let folder = tempfile::tempdir().unwrap();
    keep("cp-flex-plus-eu.yaml", "", &["TC_B_06_CS"], folder.path());
    let kept = all(folder.path()).remove(0);
    let is_another = |file: &str, kept: &Kept| {
        let copy = changed(folder.path(), file, "\n", " # as before\n");
        replay::changed(kept, &library(copy.path(), kept))
    };
    let [own, run, other] = ["B/TC_B_06_CS", "states/Booted", "states/Reserved"];
    let [own, run, other] = [own, run, other].map(|file| format!("charging-station/{file}.yaml"));
    assert!(!replay::changed(&kept, &library(&replay::sources(folder.path()), &kept)));
    assert!(is_another(&own, &kept) && is_another(&run, &kept));
    assert!(!is_another(&other, &kept), "no step comes to it");

    // Before format 4 every state of the side counted.
    let library = library(&replay::sources(folder.path()), &kept);
    let mut hash = Sha256::new();
    let mut take = |text: &str| {
        hash.update(text.len().to_le_bytes());
        hash.update(text);
    };
    take(&library.cases["TC_B_06_CS"].source.text);
    for (name, state) in library.states.iter().collect::<BTreeMap<_, _>>() {
        take(name);
        take(&state.source.text);
    }
    let sources: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    let path = folder.path().join("inputs/TC_B_06_CS.jsonl");
    let text = fs::read_to_string(&path).unwrap();
    let before = &text[text.find("\"sources\":\"").unwrap()..][..11 + 64];
    let text = text.replacen(before, &format!("\"sources\":\"{sources}"), 1);
    fs::write(&path, text.replacen("\"format\":4", "\"format\":3", 1)).unwrap();
    let kept = all(folder.path()).remove(0);
    assert!(!replay::changed(&kept, &library));
    assert!(is_another(&other, &kept));
}

#[test]
fn the_command_tells_same_from_different() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let command = |arguments: &[&str]| {
        let said = tool::said(arguments);
        (said.status, said.stdout, said.stderr)
    };
    let (pics, out) = ("pics/cp-flex-plus-eu.yaml", tool::text(&run));
    let (code, ..) = command(&["run", "--pics", pics, "--sut", "simulated", "--test", "TC_B_0[16]_CS", "--out", out]);
    assert_eq!(code, Some(0));
    let (code, told, _) = command(&["replay", out]);
    assert_eq!(code, Some(0), "{told}");
    assert!(told.contains("same     TC_B_06_CS     pass") && told.contains("2 replayed, 2 as they were"), "{told}");
    let path = run.join("inputs/TC_B_06_CS.jsonl");
    fs::write(&path, fs::read_to_string(&path).unwrap().replace("{\"verdict\":\"pass\"", "{\"verdict\":\"fail\""))
        .unwrap();
    let (code, told, _) = command(&["replay", out, "--format", "json"]);
    assert_eq!(code, Some(1));
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert_eq!(told[1]["same"], false, "{told}");
    assert_eq!(told[1]["divergence"]["expected"], "fail");
    let note = told[1]["note"].as_str().unwrap();
    assert!(note.starts_with("TC_B_06_CS.jsonl: the hash chain breaks at line "), "{note}");
    // A recording of an earlier version has no chain, and says nothing worse for it.
    let unchained = |path: &Path| {
        let lines = fs::read_to_string(path).unwrap().replace("{\"verdict\":\"fail\"", "{\"verdict\":\"pass\"");
        let line = |line: &str| String::from_utf8(chain::split(line.as_bytes()).0).unwrap() + "\n";
        lines.lines().map(line).collect::<String>().replacen("\"format\":4", "\"format\":1", 1)
    };
    fs::write(&path, unchained(&path)).unwrap();
    let (code, told, _) = command(&["replay", out]);
    assert_eq!(code, Some(0), "{told}");
    assert!(told.ends_with("1 of them without a hash chain: an earlier version recorded them\n"), "{told}");
    let (code, _, said) = command(&["replay", out, "--test", "TC_X*"]);
    assert_eq!(code, Some(2), "{said}");
    let (code, _, said) = command(&["replay", folder.path().to_str().unwrap()]);
    assert!(code == Some(2) && said.contains("contains nothing to replay"), "{said}");
}
