//! A person says that something is done seconds after it is, when the product has sent what follows from it.

use crate::common::tool::attest;

/// What does not pass with an operator who needs three seconds to say that an action is done.
fn not_passed(pics: &str, tests: &str) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let (bench, out) = (folder.path().join("bench.yaml"), folder.path().join("run"));
    std::fs::write(&bench, "simulated-operator-delay: 3\n").unwrap();
    let run = ["run", "--pics", pics, "--sut", "simulated", "--test", tests];
    let (bench, out) = (bench.to_str().unwrap(), out.to_str().unwrap());
    let (_, said) = attest(&[&run[..], &["--bench", bench, "--out", out]].concat());
    assert!(said.contains("\npass "), "{said}");
    let lines =
        said.lines().filter(|line| ["fail ", "error ", "inconclusive "].iter().any(|word| line.starts_with(word)));
    lines.filter_map(|line| line.split_whitespace().nth(1)).map(str::to_owned).collect()
}

#[test]
fn a_station_is_judged_alike_however_long_the_person_takes() {
    // In TC_B_52 the station is offline for longer than its threshold; in TC_K_56 the CSMS goes away while the EV negotiates. For
    // both the person is too slow: inconclusive.
    assert_eq!(not_passed("pics/reference-station.yaml", "*"), ["TC_B_52_CS", "TC_K_56_CS"]);
}

#[test]
fn a_charge_point_of_1_6_is_judged_alike_however_long_the_person_takes() {
    assert_eq!(not_passed("pics/reference-station-1.6.yaml", "*"), [""; 0]);
}

#[test]
fn a_station_of_2_1_is_judged_alike_however_long_the_person_takes() {
    // Payments and limits are confirmed, an EV tells its needs, and energy flows before the person has said that it is plugged in.
    let of_reference = "TC_C_103_CS,TC_C_12*,TC_E_10[0-4]_CS,TC_K_11[3-6]_CS,TC_I_109_CS";
    assert_eq!(not_passed("pics/reference-station-2.1.yaml", of_reference), [""; 0]);
    assert_eq!(not_passed("pics/simulated-v2x-wallbox-2.1.yaml", "block:Q,TC_K_101_CS"), [""; 0]);
}
