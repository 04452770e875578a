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
/// Longer from the question to the act than a message may take, and than three of them.
const SLOW: &str = "simulated-operator-reaction: 40\nmessage-timeout: 10\n";

#[test]
fn a_station_is_judged_alike_however_long_the_person_takes() {
    assert_eq!(not_passed(LATE, "pics/reference-station.yaml", "*"), [""; 0]);
}

#[test]
fn a_charge_point_of_1_6_is_judged_alike_however_long_the_person_takes() {
    assert_eq!(not_passed(LATE, "pics/reference-station-1.6.yaml", "*"), [""; 0]);
}

/// What is new in 2.1, or done in another way than in 2.0.1: an EV tells its needs, and energy flows, before the person has said that it is
/// plugged in.
#[test]
fn a_station_of_2_1_is_judged_alike_however_long_the_person_takes() {
    for (pics, tests) in [
        ("pics/reference-station-2.1.yaml", "TC_?_1??_CS,TC_B_5?_CS,TC_E_05_CS,TC_K_5?_CS"),
        ("pics/simulated-v2x-charger-2.1.yaml", "block:Q,TC_K_101_CS"),
    ] {
        assert_eq!(not_passed(LATE, pics, tests), [""; 0], "{pics}");
    }
}

/// Somebody who walks to the car, or reads what the display says while the next meter value is on its way.
#[test]
fn a_payment_and_a_running_cost_are_judged_alike_however_late_the_person_acts() {
    let tests = "TC_C_103_CS,TC_C_106_CS,TC_C_123_CS,TC_C_128_CS,TC_I_07_CS";
    assert_eq!(not_passed(SLOW, "pics/reference-station-2.1.yaml", tests), [""; 0]);
}
