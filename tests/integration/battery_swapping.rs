//! A swap station: no product in `pics/` is one, because most test cases are not written for it.

use crate::common::tool::{attest, text};

#[test]
fn a_swap_station_passes_the_test_cases_about_batteries() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let product = "fixtures/products/swap-station-2.1.yaml";
    let run = ["run", "--pics", product, "--sut", "simulated", "--test", "TC_S_*", "--out", text(&out)];
    // A station that is there for the whole run has batteries, with their transactions, before the test case begins.
    for kept in [&[][..], &["--lasting"]] {
        let (_, said) = attest(&[&run[..], kept].concat());
        for id in ["TC_S_102_CS", "TC_S_104_CS", "TC_S_105_CS"] {
            let passed = |line: &str| line.starts_with("pass ") && line.contains(id);
            assert!(said.lines().any(passed), "{id} {kept:?}: {said}");
        }
    }
}
