//! A person acts late, and says that something is done seconds after it is, when the product has sent what follows from it.

use crate::common::tool::attest;

/// What does not pass with such an operator.
fn not_passed(operator: &str, pics: &str, tests: &str) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let (bench, out) = (folder.path().join("bench.yaml"), folder.path().join("run"));
    std::fs::write(&bench, operator).unwrap();
    let run = ["run", "--pics", pics, "--sut", "simulated", "--test", tests];
    let (bench, out) = (bench.to_str().unwrap(), out.to_str().unwrap());
    let (_, said) = attest(&[&run[..], &["--bench", bench, "--out", out]].concat());
    assert!(said.contains("\npass ") || said.starts_with("pass "), "{said}");
    let lines =
        said.lines().filter(|line| ["fail ", "error ", "inconclusive "].iter().any(|word| line.starts_with(word)));
    lines.filter_map(|line| line.split_whitespace().nth(1)).map(str::to_owned).collect()
}

/// Ten seconds from the act to the word.
const LATE: &str = "simulated-operator-delay: 10\n";

#[test]
fn a_station_is_judged_alike_however_long_the_person_takes() {
    assert_eq!(not_passed(LATE, "pics/reference-station.yaml", "*"), [""; 0]);
}

#[test]
fn a_station_of_2_1_is_judged_alike_however_long_the_person_takes() {
    // In TC_B_52 the person is too slow, as above. What 2.0.1 has too is run there; here is what is new, or done in another way.
    for (tests, not) in [("TC_?_1??_CS", vec![]), ("block:B", vec!["TC_B_52_CS"]), ("TC_K_5?_CS", vec![])] {
        assert_eq!(not_passed("pics/reference-station-2.1.yaml", tests), not, "{tests}");
    }
}

#[test]
fn a_charge_point_of_1_6_is_judged_alike_however_long_the_person_takes() {
    assert_eq!(not_passed(LATE, "pics/reference-station-1.6.yaml", "*"), [""; 0]);
}

/// What was not the same before a test case went on as soon as it saw that an action is done.
#[test]
fn a_station_of_2_1_is_judged_alike_however_long_the_person_takes() {
    let some = "TC_C_103_CS,TC_C_123_CS,TC_E_05_CS,TC_E_104_CS,TC_I_109_CS,TC_K_56_CS,TC_K_113_CS,TC_K_116_CS";
    assert_eq!(not_passed(LATE, "pics/reference-station-2.1.yaml", some), [""; 0]);
}

#[test]
fn a_station_of_2_1_is_judged_alike_however_long_the_person_takes() {
    // An EV tells its needs, and energy flows, before the person has said that it is plugged in.
    assert_eq!(not_passed("pics/reference-station-2.1.yaml", "TC_K_11[3-6]_CS,TC_I_109_CS"), [""; 0]);
    assert_eq!(not_passed("pics/simulated-v2x-charger-2.1.yaml", "block:Q,TC_K_101_CS"), [""; 0]);
}
