//! What the tool says of files and test cases, without a product: PICS, lists, explanations, schemas, completions, colours.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::common::tool::{Said, attest, command, json, said, text};
use ocpp_attest::yaml::Source;
use serde_json::Value;

const STATION: &str = "pics/cp-flex-plus-eu.yaml";
/// A run in a second: two test cases that pass, one that fails.
const GATE: [&str; 10] = [
    "--testcases",
    "tests/fixtures/gate",
    "run",
    "--pics",
    STATION,
    "--sut",
    "simulated",
    "--test",
    "TC_Y_01_CS,TC_Y_02_CS",
    "--out",
];

fn run(out: &Path) {
    let (status, text) = attest(&[&GATE[..], &[text(out)]].concat());
    assert_eq!(status, Some(1), "{text}");
}

/// A YAML file as JSON.
fn yaml(path: &Path) -> Value {
    Source::read(path).unwrap().parse().unwrap().to_json()
}

fn files(folder: &str, extension: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|found| found == extension));
    files
}

#[test]
fn a_pics_is_checked_with_every_defect_at_its_place() {
    let (status, told) = attest(&["pics", "check", STATION]);
    assert_eq!((status, told.contains(": valid, ")), (Some(0), true), "{told}");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pics.yaml");
    let sound = fs::read_to_string(STATION).unwrap();
    fs::write(&file, sound.replacen("holder:", "holdr:", 1).replacen("C-01: ", "C-01: perhaps ", 1)).unwrap();
    let (status, told) = attest(&["pics", "check", text(&file)]);
    assert_eq!(status, Some(2), "{told}");
    assert!(told.contains("did you mean `holder`?") && told.contains("`C-01`"), "{told}");
    assert!(told.contains("pics.yaml:") && told.ends_with(" defects\n"), "{told}");
    assert_eq!(attest(&["pics", "check", text(&folder.path().join("nowhere.yaml"))]).0, Some(2));
}

#[test]
fn a_template_has_every_id_of_its_side_and_edition() {
    let template = |arguments: &[&str]| {
        let said = said(&[&["pics", "template"], arguments].concat());
        assert_eq!(said.status, Some(0), "{}", said.stderr);
        let root = Source::new("template.yaml", said.stdout.as_str()).parse().unwrap().to_json();
        let ids: Vec<String> = root["features"].as_object().unwrap().keys().cloned().collect();
        (root["sut"].clone(), root["edition"].clone(), ids)
    };
    let (sut, edition, third) = template(&["charging-station"]);
    assert_eq!((sut, edition), ("charging-station".into(), 3.into()));
    let (_, edition, fourth) = template(&["charging-station", "--edition", "4"]);
    assert_eq!(edition, 4);
    // What were profiles are features of edition 4.
    let has = |ids: &[String], id: &str| ids.iter().any(|known| known == id);
    assert!(has(&fourth, "LA-0") && !has(&third, "LA-0") && third.len() > 50, "{third:?}");
    let (sut, _, csms) = template(&["csms"]);
    assert!(sut == "csms" && csms != third, "{csms:?}");
    assert_eq!(template(&["csms", "--ocpp", "2.0.1"]).2, csms);
    assert_eq!(attest(&["pics", "template", "csms", "--ocpp", "3"]).0, Some(2));
    assert_eq!(attest(&["pics", "template", "charging-station", "--edition", "5"]).0, Some(2));
    assert_eq!(attest(&["pics", "template", "wallbox"]).0, Some(2));
}

#[test]
fn what_applies_is_listed_and_what_does_not_with_its_reason() {
    let listed = |arguments: &[&str]| {
        let said = said(&[&["list", "--pics", STATION], arguments].concat());
        assert_eq!(said.status, Some(0), "{}", said.stderr);
        said.stdout
    };
    let (short, whole) = (listed(&["--format", "text"]), listed(&["--all"]));
    assert_eq!(short, listed(&[]), "text is how it is printed when nothing is said");
    assert!(short.contains("TC_B_01_CS ") && !short.contains("left out"), "{short}");
    let left_out: Vec<&str> = whole.lines().filter(|line| line.contains(" left out ")).collect();
    assert_eq!(whole.lines().count(), short.lines().count() + left_out.len());
    assert!(left_out.len() > 10 && left_out.iter().all(|line| line.ends_with(']')), "{left_out:?}");
    assert_eq!(whole.lines().last(), short.lines().last());
    let json: Value = serde_json::from_str(&listed(&["--format", "json"])).unwrap();
    let entries = json.as_array().unwrap();
    assert_eq!(entries.len(), short.lines().count() - 1);
    assert!(entries.iter().all(|entry| entry["applicable"] == true));
}

#[test]
fn a_test_case_is_explained_by_its_name() {
    let (status, plain) = attest(&["explain", "tc_b_01_cs"]);
    assert_eq!(status, Some(0), "{plain}");
    assert!(plain.starts_with("TC_B_01_CS  ") && !plain.contains("\nFor "), "{plain}");
    let (_, told) = attest(&["explain", "TC_B_01_CS", "--pics", STATION]);
    assert!(told.contains(" it applies: ") && told.len() > plain.len(), "{told}");
    assert!(plain.contains("  OCPP 2.1 since "), "{plain}");
    let (_, plain) = attest(&["explain", "TC_B_01_CS", "--ocpp", "2.0.1"]);
    assert!(!plain.contains("2.1 since"), "{plain}");
    assert_eq!(attest(&["explain", "TC_B_01_CS", "--ocpp", "2.2"]).0, Some(2));
    let (_, told) = attest(&["explain", "TC_B_06"]);
    assert!(told.contains("did you mean TC_B_06_CS or TC_B_06_CSMS?"), "{told}");
    let (status, told) = attest(&["explain", "TC_B_1_CS"]);
    assert!(status == Some(2) && told.contains("did you mean TC_B_"), "{told}");
}

#[test]
fn the_test_cases_that_are_used_are_those_that_are_named() {
    let (status, told) = attest(&["check"]);
    assert_eq!(status, Some(0), "{told}");
    let (status, told) = attest(&["--testcases", "tests/fixtures/sound", "check"]);
    assert!(status == Some(0) && told.contains('1'), "{told}");
    let (status, told) = attest(&["check", "--testcases", "tests/fixtures/defective"]);
    assert_eq!(status, Some(2), "{told}");
    assert_eq!(attest(&["check", "--testcases", "no/such/folder"]).0, Some(2));
}

#[test]
fn every_schema_holds_for_what_it_is_of() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    run(&out);
    let known = folder.path().join("known.yaml");
    let entry = "{ test: TC_Y_02_CS, verdict: fail, reason: ticket 7, expires: 2999-12-31 }";
    fs::write(&known, format!("known-failures:\n  - {entry}\n")).unwrap();
    let diff = said(&["diff", text(&out), text(&out), "--format", "json"]).stdout;
    let all = |files: Vec<PathBuf>| files.iter().map(|path| yaml(path)).collect::<Vec<Value>>();
    for (format, instances) in [
        ("testcase", all(files("testcases/2.x/charging-station/B", "yaml"))),
        ("state", all(files("testcases/2.x/charging-station/states", "yaml"))),
        ("pics", all(files("pics", "yaml"))),
        ("bench", all(files("fixtures/benches", "yaml"))),
        ("results", vec![json(&out.join("results.json"))]),
        ("expect", vec![yaml(&known)]),
        ("run", vec![json(&out.join("run.json"))]),
        ("diff", vec![serde_json::from_str(&diff).unwrap()]),
    ] {
        let printed = said(&["schema", format]);
        assert_eq!(printed.status, Some(0), "{}", printed.stderr);
        let schema: Value = serde_json::from_str(&printed.stdout).unwrap();
        let validator = jsonschema::validator_for(&schema).unwrap();
        assert!(!instances.is_empty());
        for mut instance in instances {
            let complaints: Vec<String> =
                validator.iter_errors(&instance).map(|error| format!("{}: {error}", error.instance_path())).collect();
            assert_eq!(complaints, [""; 0], "{format}: {instance}");
            // And not for anything.
            let (name, member) = instance.as_object_mut().unwrap().iter_mut().next().unwrap();
            let name = name.clone();
            *member = Value::Array(vec![Value::Null]);
            assert!(!validator.is_valid(&instance), "{format} takes anything as `{name}`");
        }
    }
    assert_eq!(attest(&["schema", "certificate"]).0, Some(2));
}

#[test]
fn files_are_put_into_one_form_and_nothing_is_written_to_check_it() {
    const UNTIDY: &str = "steps: []\npurpose: P  # why\nstate:   S\n";
    const TIDY: &str = "state: S\npurpose: P  # why\nsteps: []\n";
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("states/S.yaml");
    fs::create_dir(folder.path().join("states")).unwrap();
    fs::write(&file, UNTIDY).unwrap();
    fs::write(folder.path().join("other.yaml"), "neither:   this\n").unwrap();
    let folder = text(folder.path());

    let checked = said(&["fmt", "--check", folder]);
    assert_eq!((checked.status, checked.stdout), (Some(2), format!("not formatted: {folder}/states/S.yaml\n")));
    assert!(checked.stderr.contains(&format!("run `ocpp-attest fmt {folder}`")), "{}", checked.stderr);
    assert_eq!(fs::read_to_string(&file).unwrap(), UNTIDY);

    assert_eq!(attest(&["fmt", folder]), (Some(0), format!("formatted: {folder}/states/S.yaml\n")));
    assert_eq!(fs::read_to_string(&file).unwrap(), TIDY);
    assert_eq!(attest(&["fmt", "--check", folder, text(&file)]), (Some(0), String::new()));

    // What is named by itself must be one of ours, and must be readable.
    let (status, told) = attest(&["fmt", &format!("{folder}/other.yaml")]);
    assert!(status == Some(2) && told.contains("no test case, state, PICS or bench"), "{told}");
    fs::write(&file, "state: [\n").unwrap();
    let (status, told) = attest(&["fmt", folder]);
    assert!(status == Some(2) && told.contains("S.yaml:"), "{told}");
    assert_eq!(fs::read_to_string(&file).unwrap(), "state: [\n");
}

#[test]
fn standard_input_is_put_into_its_form_on_standard_output() {
    let formatted = |arguments: &[&str], input: &str| {
        use std::io::Write as _;
        let mut command = command(arguments);
        command.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
        let mut child = command.stderr(std::process::Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let (tidy, untidy) = ("state: S\npurpose: P\n", "purpose: P\nstate: S\n");
    assert_eq!(formatted(&["fmt"], untidy), (Some(0), tidy.to_owned()));
    assert_eq!(formatted(&["fmt", "--check"], untidy), (Some(2), String::new()));
    assert_eq!(formatted(&["fmt", "--check"], tidy), (Some(0), String::new()));
}

#[test]
fn each_shell_has_its_completions() {
    for (shell, word) in [
        ("bash", "complete -F _ocpp__attest"),
        ("elvish", "set edit:completion:arg-completer[ocpp-attest]"),
        ("fish", "complete -c ocpp-attest"),
        ("powershell", "Register-ArgumentCompleter -Native -CommandName 'ocpp-attest'"),
        ("zsh", "#compdef ocpp-attest"),
    ] {
        let (status, script) = attest(&["completions", shell]);
        assert_eq!(status, Some(0));
        assert!(script.contains(word) && script.contains("fail-fast"), "{shell}: {}", &script[..200]);
    }
}

#[test]
fn output_is_coloured_when_it_is_asked_to_be() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    run(&out);
    let colour = '\u{1b}';
    for (when, coloured) in [("always", true), ("never", false), ("auto", false)] {
        let trace = said(&["trace", text(&out), "--color", when]);
        assert_eq!(trace.stdout.contains(colour), coloured, "{when}");
        let defects = said(&["--color", when, "--testcases", "tests/fixtures/defective", "check"]);
        assert_eq!(defects.stderr.contains(colour), coloured, "{when}");
        let verdicts = said(&[&["--color", when], &GATE[..], &[text(&folder.path().join("again"))]].concat());
        assert_eq!(verdicts.stdout.contains(colour), coloured, "{when}");
        let logged = said(&[&["--color", when, "--log", "info"], &GATE[..], &[text(&out)]].concat());
        assert!(logged.stderr.contains("TC_Y_01_CS begins"), "{}", logged.stderr);
        assert_eq!(logged.stderr.contains(colour), coloured, "{when}");
    }
    assert_eq!(attest(&["--color", "sometimes", "check"]).0, Some(2));
}

#[test]
fn the_environment_asks_for_logs_and_the_flag_is_stronger() {
    let folder = tempfile::tempdir().unwrap();
    let logged = |more: &[&str]| {
        let mut command = command(&[more, &GATE[..], &[text(&folder.path().join("run"))]].concat());
        command.env("OCPP_ATTEST_LOG", "info");
        Said::of(command).stderr
    };
    assert!(logged(&[]).contains("TC_Y_01_CS begins"));
    assert_eq!(logged(&["--log", "error"]), "");
}
