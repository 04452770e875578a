//! Every command, flag, argument, value, variable of the environment and exit status has a test that uses it. What is new and
//! has no entry here fails, and so does an entry whose test there is not, or does not use it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use clap::{Arg, Command};
use regex::Regex;

/// Tests, as `file::function`, and what they show. A flag is `command --flag`, a value of one
/// `command --flag=value`, an argument `command <NAME>`, a variable of the environment `command $NAME`.
const TESTS: &[(&str, &[&str])] = &[
    (
        "cli_gate::a_run_writes_the_reports_that_are_wanted",
        &[
            "run --format",
            "run --format=html",
            "run --format=md",
            "run --format=pdf",
            "run --format=full",
            "run --format=junit",
            "run --format=summary",
            "run --format=all",
            "run $OCPP_ATTEST_FORMAT",
        ],
    ),
    ("faults::the_command_line_tells_of_faults", &["run --fault"]),
    ("hostile::whatever_a_csms_does_there_is_a_verdict_and_a_sound_folder", &["simulate csms --fault"]),
    ("cli_simulate::a_station_does_wrong_what_it_is_told_to", &["simulate charging-station --fault"]),
    ("cli_files::the_test_cases_that_are_used_are_those_that_are_named", &["--testcases", "check"]),
    ("cli_gate::logs_go_to_standard_error_by_level_and_filter", &["--log"]),
    ("cli_files::the_environment_asks_for_logs_and_the_flag_is_stronger", &["$OCPP_ATTEST_LOG"]),
    (
        "cli_files::output_is_coloured_when_it_is_asked_to_be",
        &["--color", "--color=auto", "--color=always", "--color=never"],
    ),
    ("cli_files::a_pics_is_checked_with_every_defect_at_its_place", &["pics check <FILE>"]),
    (
        "cli_files::a_template_has_every_id_of_its_side_and_edition",
        &[
            "pics template <SUT>",
            "pics template <SUT>=charging-station",
            "pics template <SUT>=csms",
            "pics template --edition",
            "pics template --ocpp",
        ],
    ),
    ("cli_import::a_certificate_s_text_becomes_a_pics", &["pics import <CERTIFICATE>"]),
    ("cli_import::persons_are_named_where_that_is_wanted", &["pics import --with-names"]),
    ("cli_import::a_baseline_between_ours_is_told_and_may_be_chosen", &["pics import --baseline"]),
    ("cli_import::the_reader_of_pdfs_answers_whatever_it_is_given", &["pics read-pdf"]),
    (
        "cli_files::what_applies_is_listed_and_what_does_not_with_its_reason",
        &["list --pics", "list --all", "list --format", "list --format=text", "list --format=json"],
    ),
    ("cli_files::a_test_case_is_explained_by_its_name", &["explain <TEST_CASE>", "explain --pics", "explain --ocpp"]),
    (
        "cli_files::every_schema_holds_for_what_it_is_of",
        &[
            "schema <FORMAT>",
            "schema <FORMAT>=testcase",
            "schema <FORMAT>=state",
            "schema <FORMAT>=pics",
            "schema <FORMAT>=bench",
            "schema <FORMAT>=results",
            "schema <FORMAT>=expect",
            "schema <FORMAT>=run",
            "schema <FORMAT>=diff",
        ],
    ),
    (
        "cli_bench::what_is_wrong_with_a_bench_is_said_with_what_to_do",
        &["bench check <FILE>", "bench check --operator", "bench check --format", "bench check --format=json"],
    ),
    (
        "cli_bench::a_fresh_bench_is_sound_for_every_kind_of_product",
        &["bench check --pics", "bench init --pics", "bench init --fast"],
    ),
    (
        "cli_bench::the_file_servers_password_may_come_from_outside_the_file",
        &["bench check --file-password", "bench check $OCPP_ATTEST_FILE_PASSWORD"],
    ),
    (
        "cli_bench::the_environment_overrides_the_password",
        &["bench check --password", "bench check $OCPP_ATTEST_PASSWORD", "bench check --format=text"],
    ),
    ("cli_bench::a_csms_that_is_not_there_is_a_problem", &["bench init --out", "bench init --url"]),
    ("cli_bench::a_bench_is_made_for_the_name_that_the_station_knows", &["bench init --host"]),
    ("cli_bench::a_second_bench_has_ports_of_its_own", &["bench init --port"]),
    ("cli_bench::keys_are_their_owners_and_nothing_is_overwritten", &["bench init --force"]),
    (
        "cli_simulate::what_does_not_go_together_is_refused",
        &["simulate charging-station --pics", "simulate csms --pics"],
    ),
    (
        "cli_simulate::a_station_is_brought_to_the_harness_in_every_way",
        &[
            "simulate charging-station --connect",
            "simulate charging-station --identity",
            "simulate charging-station $OCPP_ATTEST_PASSWORD",
            "simulate charging-station --root",
            "simulate charging-station --authority",
            "simulate charging-station --security-profile",
            "simulate charging-station --operator",
            "run --password",
        ],
    ),
    (
        "cli_simulate::a_station_with_another_password_is_not_let_in",
        &["simulate charging-station --password", "run $OCPP_ATTEST_PASSWORD"],
    ),
    (
        "cli_simulate::a_csms_serves_who_it_is_told_of",
        &[
            "simulate csms --listen",
            "simulate csms --identity",
            "simulate csms --password",
            "simulate csms --authority",
            "simulate csms --operator",
        ],
    ),
    (
        "cli_simulate::a_csms_takes_its_password_and_profile_from_where_it_is_told",
        &["simulate csms $OCPP_ATTEST_PASSWORD", "simulate csms --security-profile"],
    ),
    ("cli_simulate::a_csms_forgets_a_boot_status_or_keeps_it", &["simulate csms --sticky-boot"]),
    (
        "cli_judging::a_calibration_is_as_long_as_it_is_asked_to_be",
        &["calibrate --samples", "calibrate --longest", "calibrate --idle-only", "calibrate --load", "calibrate --out"],
    ),
    (
        "cli_judging::an_audit_looks_at_what_it_is_asked_to",
        &[
            "audit --pics",
            "audit --sut",
            "audit --sut=charging-station",
            "audit --sut=csms",
            "audit --test",
            "audit --format",
            "audit --format=text",
            "audit --format=json",
            "audit --format=markdown",
            "audit --jobs",
        ],
    ),
    ("cli_judging::checks_that_name_no_requirement_are_listed", &["audit --requirements"]),
    ("replay::the_command_tells_same_from_different", &["replay <RUN_DIR>", "replay --format", "replay --format=json"]),
    (
        "cli_judging::a_run_is_judged_again_by_other_test_cases",
        &["replay --test", "replay --against", "replay --format=text"],
    ),
    ("cli_resume::a_run_goes_on_only_with_what_it_was_begun_with", &["run --pics", "run --bench", "run --out"]),
    (
        "cli_resume::a_killed_run_goes_on_to_the_verdicts_of_one_that_was_not",
        &["run --sut", "run --sut=simulated", "run --resume"],
    ),
    (
        "evidence::a_run_is_packaged_as_the_same_bytes_and_everything_in_it_holds",
        &["package <RUN_DIR>", "package --out", "verify <FILE.zip>"],
    ),
    (
        "evidence::a_signature_is_the_laboratory_s_or_foreign",
        &["package --sign", "package --certificate", "verify --format=text"],
    ),
    ("evidence::a_time_stamp_is_added_later", &["package --timestamp", "verify --root"]),
    (
        "evidence::what_a_vendor_keeps_to_itself_is_replaced_and_the_package_says_so",
        &["package --redact", "verify --format", "verify --format=json"],
    ),
    ("cli_simulate::a_station_is_brought_to_the_harness_in_every_way", &["run --tls-keys"]),
    ("evidence::a_capture_is_opened_by_wireshark", &["trace --out", "trace --format=pcapng"]),
    ("cli_gate::test_cases_are_chosen_and_left_out", &["run --test", "run --skip"]),
    ("cli_gate::a_shard_may_be_empty", &["run --shard"]),
    ("cli_gate::a_seed_gives_the_order", &["run --shuffle"]),
    ("cli_gate::a_lasting_product_boots_once", &["run --lasting"]),
    ("cli_gate::what_passes_only_on_retry_is_flaky_and_no_pass", &["run --retries"]),
    ("cli_gate::nothing_begins_after_the_first_failure_when_told_so", &["run --fail-fast"]),
    ("cli_gate::known_failures_do_not_fail_the_run", &["run --expect"]),
    ("cli_gate::a_known_failure_that_passes_is_told_and_fails_a_strict_run", &["run --strict"]),
    ("cli_gate::the_trace_is_written_while_the_run_goes_on", &["run --trace-to"]),
    (
        "cli_simulate::the_file_servers_password_reaches_the_product_and_no_file",
        &["run --operator", "run --file-password", "run $OCPP_ATTEST_FILE_PASSWORD"],
    ),
    ("benches::jobs_that_can_t_be_had_are_refused", &["run --jobs"]),
    ("cli_merge::four_shards_merged_are_the_whole_run", &["merge <RUN_DIR>", "merge --out"]),
    ("cli_merge::a_merged_run_passes_the_gate_that_its_parts_do", &["merge --expect", "merge --strict"]),
    (
        "cli_merge::the_conversation_of_a_run_is_printed_to_be_read",
        &[
            "trace <RUN_DIR>",
            "trace --test",
            "trace --format",
            "trace --format=text",
            "trace --format=json",
            "trace --wide",
            "trace --pretty",
        ],
    ),
    (
        "cli_judging::each_report_is_made_again_where_it_is_wanted",
        &[
            "report <RUN_DIR>",
            "report --format",
            "report --format=html",
            "report --format=md",
            "report --format=pdf",
            "report --format=full",
            "report --format=junit",
            "report --format=summary",
            "report --format=all",
            "report --out",
            "report --since",
        ],
    ),
    ("cli_files::files_are_put_into_one_form_and_nothing_is_written_to_check_it", &["fmt <PATH>", "fmt --check"]),
    (
        "cli_files::each_shell_has_its_completions",
        &[
            "completions <SHELL>",
            "completions <SHELL>=bash",
            "completions <SHELL>=elvish",
            "completions <SHELL>=fish",
            "completions <SHELL>=powershell",
            "completions <SHELL>=zsh",
        ],
    ),
    ("cli_bench::completions_and_manual_pages_are_printed", &["man --out"]),
    (
        "reports::a_comparison_tells_what_a_new_firmware_did",
        &[
            "diff <RUN_A>",
            "diff <RUN_B>",
            "diff --format",
            "diff --format=text",
            "diff --format=json",
            "diff --format=markdown",
        ],
    ),
    (
        "reports::the_exit_status_of_a_comparison_is_a_contract",
        &["diff --fail-on", "diff --fail-on=regressions", "diff --fail-on=changes"],
    ),
    (
        "workbench::only_who_has_a_fresh_link_of_the_terminal_gets_in",
        &["serve --listen", "serve --runs", "serve --host"],
    ),
    ("workbench::a_run_is_planned_started_watched_compared_and_handed_out", &["serve <DIR>", "serve --fault"]),
];

/// The exit statuses, and a test that ends with each.
const STATUSES: [(u8, &str); 5] = [
    (0, "cli_gate::the_exit_status_tells_the_worst_verdict"),
    (1, "cli_gate::the_exit_status_tells_the_worst_verdict"),
    (2, "cli_gate::test_cases_are_chosen_and_left_out"),
    (3, "cli_gate::the_exit_status_tells_the_worst_verdict"),
    (4, "cli_gate::the_exit_status_tells_the_worst_verdict"),
];

/// What can be said to the tool, each with its test.
fn entries() -> impl Iterator<Item = (&'static str, &'static str)> {
    TESTS.iter().flat_map(|(place, said)| said.iter().map(move |said| (*said, *place)))
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Everything that can be said to a command, as it is named in the table.
fn said_to(command: &Command, path: &str, all: &mut BTreeSet<String>) {
    let named = |name: String| if path.is_empty() { name } else { format!("{path} {name}") };
    for arg in command.get_arguments() {
        let name = match arg.get_long() {
            Some(long) => format!("--{long}"),
            None => format!("<{}>", placeholder(arg)),
        };
        assert!(arg.get_short().is_none(), "{path} {name}: a short form needs an entry of its own");
        all.insert(named(name.clone()));
        all.extend(arg.get_env().map(|variable| named(format!("${}", variable.display()))));
        let values = arg.get_possible_values();
        let values = values.iter().filter(|_| arg.get_action().takes_values());
        all.extend(values.map(|value| named(format!("{name}={}", value.get_name()))));
    }
    for inner in command.get_subcommands() {
        said_to(inner, &named(inner.get_name().to_owned()), all);
    }
    if command.get_subcommands().next().is_none() && command.get_arguments().next().is_none() {
        all.insert(path.to_owned());
    }
}

fn placeholder(arg: &Arg) -> String {
    let names = arg.get_value_names().and_then(|names| names.first().map(ToString::to_string));
    names.unwrap_or_else(|| arg.get_id().as_str().to_uppercase())
}

/// A test file: its tests, and what they share, as texts.
struct File {
    tests: BTreeMap<String, String>,
    shared: String,
}

/// Reads a test file, as rustfmt lays it out: what begins in the first column ends with the next line that closes there.
fn read(name: &str) -> Option<File> {
    let text = fs::read_to_string(root().join("tests/integration").join(format!("{name}.rs"))).ok()?;
    let function = Regex::new(r"^(?:pub )?(?:async )?fn (\w+)").unwrap();
    let mut file = File { tests: BTreeMap::new(), shared: String::new() };
    let (mut is_test, mut current) = (false, None::<String>);
    for line in text.lines() {
        if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
            is_test = true;
        } else if let Some(found) = function.captures(line) {
            current = is_test.then(|| found[1].to_owned());
            is_test = false;
        }
        match &current {
            Some(test) => {
                let body = file.tests.entry(test.clone()).or_default();
                body.push_str(line);
                body.push('\n');
            }
            None if !line.starts_with("//") => {
                file.shared.push_str(line);
                file.shared.push('\n');
            }
            None => {}
        }
        if line == "}" {
            current = None;
        }
    }
    Some(file)
}

/// What must stand in a test, or in what it shares with the others of its file.
fn wanted(said: &str) -> Vec<Regex> {
    let word = |word: &str| Regex::new(&format!(r#"(?:^|["\s,=]){}(?:$|["\s,=])"#, regex::escape(word))).unwrap();
    let mut wanted = Vec::new();
    for part in said.split(' ') {
        let (name, value) = part.split_once('=').map_or((part, None), |(name, value)| (name, Some(value)));
        // An argument has no name in a call.
        if !name.starts_with('<') {
            wanted.push(word(name.trim_start_matches('$')));
        }
        wanted.extend(value.map(word));
    }
    wanted
}

#[test]
fn whatever_can_be_said_to_the_tool_has_a_test() {
    let mut all = BTreeSet::new();
    said_to(&ocpp_attest::cli::command(), "", &mut all);
    let known: BTreeSet<&str> = entries().map(|(said, _)| said).collect();
    assert_eq!(known.len(), entries().count(), "something stands twice");
    let there: BTreeSet<&str> = all.iter().map(String::as_str).collect();
    assert_eq!(there.difference(&known).collect::<Vec<_>>(), [&""; 0], "write a test, and an entry here");
    assert_eq!(known.difference(&there).collect::<Vec<_>>(), [&""; 0], "there is no such thing any more");
}

#[test]
fn every_entry_names_a_test_that_uses_it() {
    let mut files: BTreeMap<&str, Option<File>> = BTreeMap::new();
    let mut wrong = Vec::new();
    for (said, place) in entries() {
        let (name, test) = place.split_once("::").unwrap();
        let file = files.entry(name).or_insert_with(|| read(name));
        let Some((file, body)) = file.as_ref().and_then(|file| Some((file, file.tests.get(test)?))) else {
            wrong.push(format!("{said}: there is no test {place}"));
            continue;
        };
        for wanted in wanted(said) {
            if !wanted.is_match(body) && !wanted.is_match(&file.shared) {
                wrong.push(format!("{said}: {place} has no {}", wanted.as_str()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A variable that is read past clap would have no entry above.
#[test]
fn every_variable_of_the_environment_is_in_the_help() {
    let mut all = BTreeSet::new();
    said_to(&ocpp_attest::cli::command(), "", &mut all);
    let variable = Regex::new(r"OCPP_ATTEST_[A-Z_]+").unwrap();
    let sources = |folder: &str| {
        text_files(&root().join(folder)).into_iter().map(|path| fs::read_to_string(path).unwrap()).collect::<String>()
    };
    let read = sources("src");
    let read: BTreeSet<&str> = variable.find_iter(&read).map(|found| found.as_str()).collect();
    let known: BTreeSet<&str> = all.iter().filter_map(|said| Some(said.split_once('$')?.1)).collect();
    assert_eq!(read, known);
    let readme = fs::read_to_string(root().join("README.md")).unwrap() + &sources("docs");
    let untold: Vec<_> = known.iter().filter(|name| !readme.contains(**name)).collect();
    assert!(untold.is_empty(), "{untold:?} is not documented");
}

/// Every source and every page below a folder, but for tests with a variable of their own.
fn text_files(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            files.extend(text_files(&path));
        } else if !path.ends_with("example_tests.rs")
            && path.extension().is_some_and(|extension| extension == "rs" || extension == "md")
        {
            files.push(path);
        }
    }
    files
}

#[test]
fn every_exit_status_is_documented_and_has_a_test() {
    let source = fs::read_to_string(root().join("src/cli/mod.rs")).unwrap();
    let constant = Regex::new(r"pub const \w+: u8 = (\d+);").unwrap();
    let defined: BTreeSet<u8> = constant.captures_iter(&source).map(|found| found[1].parse().unwrap()).collect();
    assert_eq!(defined, STATUSES.iter().map(|(status, _)| *status).collect());
    let text = |path: &str| fs::read_to_string(root().join(path)).unwrap();
    let (readme, ci) = (text("README.md"), text("docs/ci.md"));
    let told = readme.lines().find(|line| line.starts_with("Exit status: ")).unwrap();
    for (status, place) in STATUSES {
        let (name, test) = place.split_once("::").unwrap();
        let body = read(name).unwrap().tests.remove(test).unwrap_or_default();
        let ends = Regex::new(&format!(r"Some\({status}\)|, {status}\)")).unwrap();
        assert!(ends.is_match(&body), "{place} does not end with {status}");
        assert!(Regex::new(&format!(r"[ ,]{status} ")).unwrap().is_match(told), "README.md does not tell of {status}");
        assert!(ci.contains(&format!("\n| {status} | ")), "docs/ci.md does not tell of {status}");
    }
}

#[test]
fn the_table_would_notice() {
    let file = read("cli_flags").unwrap();
    assert!(file.tests.contains_key("the_table_would_notice") && !file.tests.contains_key("read"));
    assert!(file.shared.contains("fn placeholder") && !file.shared.contains("fn the_table_would_notice"));
    let uses = |said: &str, text: &str| wanted(said).iter().all(|wanted| wanted.is_match(text));
    assert!(uses("bench check --format=json", r#"attest(&["bench", "check", file, "--format", "json"])"#));
    assert!(!uses("bench check --format=json", r#"attest(&["bench", "check", file, "--format", "jsonl"])"#));
    assert!(!uses("bench check --form", r#"attest(&["bench", "check", file, "--format", "json"])"#));
    assert!(uses("run $OCPP_X", r#"run(&["run"], &[("OCPP_X", "1")])"#));
}
