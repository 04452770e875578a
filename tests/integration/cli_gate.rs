//! The flags by which a run becomes a gate, and the exit statuses they lead to. The test cases are made for it
//! (`tests/fixtures/gate`): one passes, one fails, one passes only at the second attempt, one is undecided, one has no steps.

use std::path::{Path, PathBuf};

use crate::common::tool::{self, Said};
use serde_json::Value;

/// A run of the fixtures, with its folder.
struct Run {
    status: Option<i32>,
    stdout: String,
    stderr: String,
    out: PathBuf,
    _keep: tempfile::TempDir,
}

impl Run {
    fn results(&self) -> Value {
        tool::json(&self.out.join("results.json"))
    }

    /// Id and verdict, in the order of the results.
    fn verdicts(&self) -> Vec<String> {
        let cases = self.results()["test-cases"].clone();
        let word = |case: &Value, key: &str| case[key].as_str().unwrap().to_owned();
        cases.as_array().unwrap().iter().map(|case| format!("{} {}", word(case, "id"), word(case, "verdict"))).collect()
    }
}

fn run_with(global: &[&str], arguments: &[&str]) -> Run {
    let keep = tempfile::tempdir().unwrap();
    let out = keep.path().join("run");
    let own = global.contains(&"--testcases");
    let fixtures: &[&str] = if own { &[] } else { &["--testcases", "tests/fixtures/gate"] };
    let run = ["run", "--pics", "pics/cp-flex-plus-eu.yaml", "--sut", "simulated", "--out", tool::text(&out)];
    let Said { status, stdout, stderr } = tool::said(&[fixtures, global, &run, arguments].concat());
    Run { status, stdout, stderr, out, _keep: keep }
}

fn run(arguments: &[&str]) -> Run {
    run_with(&[], arguments)
}

/// A file of known failures.
fn known(folder: &Path, entries: &[(&str, &str, &str)]) -> String {
    let mut text = "known-failures:\n".to_owned();
    for (test, verdict, expires) in entries {
        text.push_str(&format!(
            "  - test: {test}\n    verdict: {verdict}\n    reason: ticket 7\n    expires: {expires}\n"
        ));
    }
    if entries.is_empty() {
        text = "known-failures: []\n".into();
    }
    let path = folder.join("expect.yaml");
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

const LATER: &str = "2999-12-31";

#[test]
fn test_cases_are_chosen_and_left_out() {
    let chosen =
        |arguments: &[&str]| run(arguments).verdicts().iter().map(|line| line[..10].to_owned()).collect::<Vec<_>>();
    assert_eq!(chosen(&["--test", "TC_Y_01_CS,TC_Z_01_CS"]), ["TC_Y_01_CS", "TC_Z_01_CS"]);
    assert_eq!(chosen(&["--test", "TC_Y_01_CS", "--test", "B"]), ["TC_Y_01_CS", "TC_Z_01_CS", "TC_Z_02_CS"]);
    assert_eq!(chosen(&["--test", "profile:advanced-security"]), ["TC_Z_02_CS"]);
    assert_eq!(chosen(&["--skip", "block:A", "--skip", "TC_*_02_CS"]), ["TC_Z_01_CS"]);
    for (arguments, told) in [
        (["--test", "TC_Y_1_CS"], "did you mean `TC_Y_01_CS`?"),
        (["--test", "profile:reservation"], "this certification has advanced-security, core"),
        (["--skip", "X"], "the blocks of this side are A, B"),
        (["--skip", "*"], "none of the selected test cases applies"),
    ] {
        let run = run(&arguments);
        assert_eq!(run.status, Some(2), "{arguments:?}");
        assert!(run.stderr.contains(told), "{}", run.stderr);
        assert!(!run.out.exists(), "nothing is written when the input is wrong");
    }
}

#[test]
fn the_exit_status_tells_the_worst_verdict() {
    for (which, status) in [("TC_Y_01_CS", 0), ("TC_Y_01_CS,TC_Z_01_CS", 3), ("TC_Z_02_CS", 3), ("A,B", 1)] {
        assert_eq!(run(&["--test", which]).status, Some(status), "{which}");
    }
    // A test case that asks for what nothing can be is wrong, and says nothing of the product.
    let folder = tempfile::tempdir().unwrap();
    let sound = std::fs::read_to_string("tests/fixtures/gate/TC_Y_01_CS.yaml").unwrap();
    let wrong =
        sound.replace("- expect: BootNotification", "- expect: BootNotification\n  - assert: later('noon', 5) == ''");
    std::fs::write(folder.path().join("TC_Y_01_CS.yaml"), wrong).unwrap();
    let error = run_with(&["--testcases", tool::text(folder.path())], &["--test", "TC_Y_01_CS"]);
    assert_eq!(error.status, Some(4), "{}", error.stdout);
    assert_eq!(error.verdicts(), ["TC_Y_01_CS error"]);
}

#[test]
fn nothing_begins_after_the_first_failure_when_told_so() {
    let stopped = run(&["--fail-fast"]);
    assert_eq!(stopped.status, Some(1));
    assert_eq!(stopped.verdicts(), ["TC_Y_01_CS pass", "TC_Y_02_CS fail"]);
    assert_eq!(stopped.results()["interrupted"], true, "it is not complete, and says so");
    assert!(stopped.stdout.contains("ended early: 2 of 5"), "{}", stopped.stdout);
    // What is undecided does not stop it.
    let undecided = run(&["--fail-fast", "--test", "B"]);
    assert_eq!(undecided.verdicts(), ["TC_Z_01_CS inconclusive", "TC_Z_02_CS not-implemented"]);
    // An expected failure does not either.
    let folder = tempfile::tempdir().unwrap();
    let expect = known(folder.path(), &[("TC_Y_02_CS", "fail", LATER)]);
    assert_eq!(run(&["--fail-fast", "--test", "A", "--expect", &expect]).verdicts().len(), 3);
}

#[test]
fn what_passes_only_on_retry_is_flaky_and_no_pass() {
    assert_eq!(run(&["--test", "TC_Y_03_CS"]).verdicts(), ["TC_Y_03_CS fail"]);
    let flaky = run(&["--test", "TC_Y_03_CS", "--retries", "3"]);
    assert_eq!((flaky.status, flaky.verdicts()), (Some(3), vec!["TC_Y_03_CS inconclusive".to_owned()]));
    assert!(flaky.stdout.starts_with("flaky "), "{}", flaky.stdout);
    assert!(flaky.stdout.contains("1 inconclusive (1 of them flaky)"), "{}", flaky.stdout);
    let results = flaky.results();
    let case = &results["test-cases"][0];
    let attempts: Vec<&str> =
        case["attempts"].as_array().unwrap().iter().map(|attempt| attempt["verdict"].as_str().unwrap()).collect();
    assert_eq!(attempts, ["fail", "pass"], "no further attempt after the pass");
    assert!(case["reason"].as_str().unwrap().starts_with("flaky: passed at attempt 2; attempt 1: fail: "), "{case}");
    let core = results["profiles"].as_array().unwrap().iter().find(|profile| profile["name"] == "Core").unwrap();
    assert_eq!(core["result"], "Incomplete");
    let junit = std::fs::read_to_string(flaky.out.join("junit.xml")).unwrap();
    assert!(junit.contains("<skipped") && junit.contains("flaky: passed at attempt 2"), "{junit}");
    // What never passes is a failure, with every attempt; what passes at once has none.
    let failed = run(&["--test", "TC_Y_01_CS,TC_Y_02_CS", "--retries", "2"]);
    assert_eq!((failed.status, failed.verdicts()[1].as_str()), (Some(1), "TC_Y_02_CS fail"));
    let cases = failed.results()["test-cases"].clone();
    assert_eq!(cases[1]["attempts"].as_array().unwrap().len(), 3);
    assert!(cases[0].get("attempts").is_none());
}

#[test]
fn known_failures_do_not_fail_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let all = [("TC_Y_0[23]_CS", "fail", LATER), ("block:B", "[inconclusive, not-implemented]", LATER)];
    let expect = known(folder.path(), &all);
    let excused = run(&["--expect", &expect]);
    assert_eq!(excused.status, Some(0), "{}", excused.stdout);
    assert!(excused.stdout.contains("expected: TC_Y_02_CS until 2999-12-31: ticket 7"), "{}", excused.stdout);
    // The verdicts stay what they are.
    assert_eq!(excused.verdicts()[1], "TC_Y_02_CS fail");
    let results = excused.results();
    assert_eq!(results["verdict"], "fail");
    assert_eq!(results["expectations"][0]["outcome"], "met");
    let junit = std::fs::read_to_string(excused.out.join("junit.xml")).unwrap();
    assert!(junit.contains("known until 2999-12-31, ticket 7: fail: ") && !junit.contains("<failure"), "{junit}");
    assert_eq!(run(&["--expect", &expect, "--strict"]).status, Some(0));

    // One that is not known fails the run; so does one that does something else than is known.
    let some = known(folder.path(), &[("TC_Y_02_CS", "fail", LATER)]);
    assert_eq!(run(&["--expect", &some, "--test", "A"]).status, Some(1));
    assert_eq!(run(&["--expect", &some, "--test", "TC_Y_02_CS,B"]).status, Some(3));
    let other = known(folder.path(), &[("TC_Y_02_CS", "inconclusive", LATER)]);
    let otherwise = run(&["--expect", &other, "--test", "TC_Y_02_CS"]);
    assert_eq!(otherwise.status, Some(1));
    assert!(otherwise.stdout.contains("not as expected: TC_Y_02_CS"), "{}", otherwise.stdout);
    // Flaky must be said to be expected.
    let flaky = known(folder.path(), &[("TC_Y_03_CS", "flaky", LATER)]);
    assert_eq!(run(&["--expect", &flaky, "--test", "TC_Y_03_CS", "--retries", "1"]).status, Some(0));
    assert_eq!(run(&["--expect", &flaky, "--test", "TC_Y_03_CS"]).status, Some(1));
}

#[test]
fn a_known_failure_that_passes_is_told_and_fails_a_strict_run() {
    let folder = tempfile::tempdir().unwrap();
    let expect = known(folder.path(), &[("TC_Y_01_CS", "fail", LATER)]);
    let lax = run(&["--expect", &expect, "--test", "TC_Y_01_CS"]);
    assert_eq!(lax.status, Some(0));
    assert!(lax.stdout.contains("passes: TC_Y_01_CS no longer fails"), "{}", lax.stdout);
    assert_eq!(run(&["--expect", &expect, "--test", "TC_Y_01_CS", "--strict"]).status, Some(1));
    assert_eq!(run(&["--expect", &expect, "--test", "TC_Y_01_CS,B", "--strict"]).status, Some(1));
    assert_eq!(run(&["--test", "TC_Y_01_CS", "--strict"]).status, Some(2), "--strict needs --expect");
}

#[test]
fn an_expired_entry_excuses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let expect = known(folder.path(), &[("TC_Y_02_CS", "fail", "2020-01-01")]);
    let expired = run(&["--expect", &expect, "--test", "TC_Y_02_CS"]);
    assert_eq!(expired.status, Some(1));
    assert!(expired.stderr.contains("expect.yaml:5:14: `TC_Y_02_CS` expired on 2020-01-01"), "{}", expired.stderr);
    assert!(expired.stdout.contains("expired: TC_Y_02_CS"), "{}", expired.stdout);
}

#[test]
fn mistakes_in_the_file_of_known_failures_are_told_at_their_place() {
    let folder = tempfile::tempdir().unwrap();
    for (entry, told) in [
        (("TC_Y_9_CS", "fail", LATER), "did you mean"),
        (("TC_Y_02_CS", "pass", LATER), "a verdict that can be expected"),
        (("TC_Y_02_CS", "fail", "tomorrow"), "a date was expected"),
    ] {
        let wrong = run(&["--expect", &known(folder.path(), &[entry])]);
        assert_eq!(wrong.status, Some(2), "{}", wrong.stderr);
        assert!(wrong.stderr.contains(told), "{}", wrong.stderr);
        assert!(!wrong.out.exists());
    }
}

#[test]
fn a_shard_may_be_empty() {
    // The ids of two test cases fill at most two of nine shards.
    let shards: Vec<Run> =
        (1..=9).map(|number| run(&["--test", "TC_Y_01_CS,TC_Z_01_CS", "--shard", &format!("{number}/9")])).collect();
    let empty: Vec<&Run> = shards.iter().filter(|run| run.verdicts().is_empty()).collect();
    assert!(empty.len() >= 7);
    for run in empty {
        assert_eq!(run.status, Some(0), "{}", run.stdout);
        assert!(run.stdout.contains("contains no test case"), "{}", run.stdout);
    }
    assert_eq!(shards.iter().map(|run| run.verdicts().len()).sum::<usize>(), 2);
    assert_eq!(run(&["--shard", "5/4"]).status, Some(2));
}

/// The ids in the order in which the tool told their verdicts.
fn order(run: &Run) -> Vec<&str> {
    let ids = run.stdout.lines().filter_map(|line| line.get(16..).filter(|rest| rest.starts_with("TC_")));
    ids.filter_map(|rest| rest.split(' ').next()).collect()
}

#[test]
fn a_seed_gives_the_order() {
    let shuffled = |seed: &str| run(&["--shuffle", seed]);
    let (planned, one, again) = (run(&[]), shuffled("1"), shuffled("1"));
    assert_eq!(order(&planned).len(), 5);
    assert_ne!(order(&planned), order(&one));
    assert_eq!(order(&one), order(&again));
    assert_eq!(planned.verdicts(), one.verdicts(), "the report has the order of the plan");
    assert_eq!(run(&["--shuffle", "anyhow"]).status, Some(2));
}

#[test]
fn a_lasting_product_boots_once() {
    let tests = ["--test", "TC_Y_01_CS,TC_Z_01_CS"];
    assert_eq!(run(&tests).verdicts(), ["TC_Y_01_CS pass", "TC_Z_01_CS inconclusive"]);
    let lasting = run(&[&tests[..], &["--lasting"]].concat());
    assert_eq!(lasting.verdicts(), ["TC_Y_01_CS pass", "TC_Z_01_CS fail"], "{}", lasting.stdout);
    assert!(lasting.stdout.contains("BootNotification did not come"), "{}", lasting.stdout);
}

#[test]
fn the_trace_is_written_while_the_run_goes_on() {
    let trace = |run: &Run| tool::unchained(&run.out.join("trace.jsonl"));
    let piped = run(&["--test", "TC_Y_01_CS", "--trace-to", "-"]);
    assert_eq!(piped.status, Some(0));
    assert_eq!(piped.stdout, trace(&piped), "standard output has the trace and nothing else");
    assert!(piped.stderr.contains("pass            TC_Y_01_CS"), "{}", piped.stderr);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("live.jsonl");
    let filed = run(&["--test", "TC_Y_01_CS", "--trace-to", path.to_str().unwrap()]);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), trace(&filed));
    assert!(filed.stdout.contains("pass            TC_Y_01_CS"), "{}", filed.stdout);
    let nowhere = run(&["--trace-to", "/no/such/folder/live.jsonl"]);
    assert_eq!(nowhere.status, Some(2));
    assert!(nowhere.stderr.contains("name another file with --trace-to"), "{}", nowhere.stderr);
}

#[test]
fn logs_go_to_standard_error_by_level_and_filter() {
    let logged = |filter: &str| {
        let run = run_with(&["--log", filter], &["--test", "TC_Y_01_CS"]);
        assert_eq!(run.status, Some(0));
        assert!(run.stdout.starts_with("pass "), "{}", run.stdout);
        run.stderr
    };
    assert_eq!(logged("error"), "");
    let info = logged("info");
    assert!(info.contains("TC_Y_01_CS begins") && !info.contains("BootNotification"), "{info}");
    assert!(logged("debug").contains("1 expect BootNotification"));
    let frames = logged("ocpp_attest::frames=trace");
    assert!(frames.contains("PowerUp") && !frames.contains("begins"), "{frames}");
    let wrong = run_with(&["--log", "ocpp_attest=loud"], &[]);
    assert_eq!(wrong.status, Some(2));
    assert!(wrong.stderr.contains("write error, warn, info, debug or trace"), "{}", wrong.stderr);
}

#[test]
fn a_run_writes_the_reports_that_are_wanted() {
    let all = ["abstract.html", "abstract.md", "abstract.pdf", "report.html", "junit.xml", "summary.md"];
    let written = |out: &Path| all.into_iter().filter(|report| out.join(report).is_file()).collect::<Vec<_>>();
    let wanted = |formats: &str| run(&["--test", "TC_Y_01_CS", "--format", formats]);
    let pdf = cfg!(feature = "pdf");
    let few = wanted("junit,md");
    assert_eq!(written(&few.out), ["abstract.md", "junit.xml"]);
    assert!(few.stdout.contains("junit.xml\n        also: results.json"), "{}", few.stdout);
    let most = wanted("html,full,summary");
    assert_eq!(written(&most.out), ["abstract.html", "report.html", "summary.md"]);
    assert!(most.stdout.contains("abstract.html\n        also: report.html"), "{}", most.stdout);
    assert_eq!(wanted("pdf").out.join("abstract.pdf").is_file(), pdf);
    assert_eq!(written(&wanted("all").out).len(), if pdf { 6 } else { 5 });

    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    let said = ["run", "--pics", "pics/cp-flex-plus-eu.yaml", "--sut", "simulated", "--out", tool::text(&out)];
    let mut by_environment = tool::command(&[&["--testcases", "tests/fixtures/gate"], &said[..]].concat());
    by_environment.env("OCPP_ATTEST_FORMAT", "junit");
    Said::of(by_environment);
    assert_eq!(written(&out), ["junit.xml"]);
}
