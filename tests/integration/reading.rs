//! What people read of test cases: their explanation, and what is wrong with one.

use crate::common::tool::attest;

#[test]
fn a_test_case_is_explained_in_words() {
    let pics = "pics/beny-bcpcv-ct2m-p.yaml";
    let (status, text) = attest(&["--testcases", "tests/fixtures/sound", "explain", "TC_Z_01_CS", "--pics", pics]);
    assert_eq!(status, Some(0), "{text}");
    insta::assert_snapshot!(text);
}

#[test]
fn every_defect_of_a_test_case_is_told_at_its_place() {
    let (status, text) = attest(&["--testcases", "tests/fixtures/defective", "check"]);
    assert_eq!(status, Some(2), "{text}");
    insta::assert_snapshot!(text);
}

#[test]
fn a_requirement_that_is_not_the_test_cases_own_is_told_at_its_place() {
    let (status, text) = attest(&["--testcases", "tests/fixtures/miscited", "check"]);
    assert_eq!(status, Some(2), "{text}");
    insta::assert_snapshot!(text);
}
