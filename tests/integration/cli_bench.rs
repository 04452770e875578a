//! `bench init`, `bench check`, completions, manual pages and the files for CI as a user calls them.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::common::{
    ports::free_port,
    tool::{self, Said, text},
};
use ocpp_attest::{
    bench::Bench,
    link::CertificateKind,
    services::pki::{KeyKind, Pki},
};

fn attest(arguments: &[&str]) -> (i32, String, String) {
    let said = tool::said(arguments);
    (said.status.unwrap(), said.stdout, said.stderr)
}

fn pics(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("pics").join(name).display().to_string()
}

/// A fresh bench whose ports are whatever is free.
fn init(folder: &Path, pics: &str, more: &[&str]) -> PathBuf {
    let mut arguments = vec!["bench", "init", "--pics", pics, "--out", text(folder)];
    arguments.extend(more);
    let (status, _, said) = attest(&arguments);
    assert_eq!(status, 0, "{said}");
    let file = folder.join("bench.yaml");
    let mut bench = fs::read_to_string(&file).unwrap();
    for port in ["9000", "9001", "9080", "9443", "9021", "9990", "9022"] {
        bench = bench.replace(&format!("\"127.0.0.1:{port}\""), "\"127.0.0.1:0\"");
    }
    fs::write(&file, bench).unwrap();
    file
}

#[test]
fn a_fresh_bench_is_sound_for_every_kind_of_product() {
    for name in [
        "reference-station.yaml",
        "cp-flex-plus-eu.yaml",
        "beny-bcpcv-ct2m-p.yaml",
        "simulated-station.yaml",
        "reference-station-1.6.yaml",
        "simulated-wallbox-1.6.yaml",
        "simulated-dc-station-1.6.yaml",
    ] {
        let folder = tempfile::tempdir().unwrap();
        let file = init(&folder.path().join("new"), &pics(name), &[]);
        let fast = init(&folder.path().join("fast"), &pics(name), &["--fast"]);
        for file in [&file, &fast] {
            let (status, said, _) = attest(&["bench", "check", text(file), "--pics", &pics(name)]);
            assert!(status == 0 && said.ends_with("\n0 problems, 0 warnings\n"), "{name}: {said}");
        }
        let seconds = |file| Bench::read(file).unwrap().values["transaction_duration"].as_f64().unwrap();
        assert!(seconds(&fast) < seconds(&file));
    }
    // What only one version or one profile is about stands only where it is needed.
    let text_of = |name: &str| {
        let folder = tempfile::tempdir().unwrap();
        fs::read_to_string(init(folder.path(), &pics(name), &[])).unwrap()
    };
    let (whole, old) = (text_of("reference-station.yaml"), text_of("reference-station-1.6.yaml"));
    for key in ["\niso15118:", "\ndisplay:", "\nmonitoring:", "\ntx-start-point:", "  master-pass:", "  emaid:"] {
        assert!(whole.contains(key) && !old.contains(key), "{key}");
    }
    // A CSMS must be there, and only who has it knows its root.
    let somebody = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}/ocpp", somebody.local_addr().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let file = init(folder.path(), &pics("reference-csms.yaml"), &["--url", &url]);
    let (status, said, _) = attest(&["bench", "check", text(&file)]);
    assert!(status == 0 && said.contains("accepts connections"), "{said}");
    // What is only a comment there can be read once it is none.
    let told = fs::read_to_string(&file).unwrap();
    let (before, comment) = told.split_once("# stations:").unwrap();
    let plain = comment.lines().filter(|line| !line.starts_with("# What the") && !line.starts_with("# has all"));
    let plain: Vec<&str> = plain.map(|line| line.strip_prefix("# ").unwrap_or_default()).collect();
    let before = before.replace("identity: CS001\n", "");
    let whole = folder.path().join("whole.yaml");
    fs::write(&whole, format!("{before}stations:\n{}\n", plain.join("\n"))).unwrap();
    let (_, said, wrong) = attest(&["bench", "check", text(&whole)]);
    assert!(said.contains("operator.http") && wrong.is_empty(), "{said}{wrong}");
    // Whether it takes stations without TLS is no question of its PICS.
    let (status, said, _) = attest(&["bench", "check", text(&file), "--pics", &pics("reference-csms.yaml")]);
    assert!(status == 0 && said.contains("security-profile       1, as the PICS allows"), "{said}");
}

/// The station reaches us by a name of ours.
#[test]
fn a_bench_is_made_for_the_name_that_the_station_knows() {
    let folder = tempfile::tempdir().unwrap();
    let file = init(folder.path(), &pics("reference-station.yaml"), &["--host", "bench.lab.example"]);
    let text = fs::read_to_string(file).unwrap();
    assert!(text.contains("host: \"bench.lab.example\"") && text.contains("listen: \"0.0.0.0:9000\""), "{text}");
}

#[test]
fn a_second_bench_has_ports_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let file = init(folder.path(), &pics("reference-station.yaml"), &["--port", "9200"]);
    let text = fs::read_to_string(file).unwrap();
    for line in ["listen: \"127.0.0.1:9200\"", "listen-second: \"127.0.0.1:9201\"", "files: \"127.0.0.1:9280\""] {
        assert!(text.contains(line), "{line}: {text}");
    }
    let (status, _, said) = attest(&["bench", "init", "--port", "65535"]);
    assert!(status == 2 && said.contains("65535"), "{said}");
}

#[cfg(unix)]
#[test]
fn keys_are_their_owners_and_nothing_is_overwritten() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let file = init(folder.path(), &pics("reference-station.yaml"), &[]);
    let key = folder.path().join("authority/root.key");
    for private in [&file, &key, &folder.path().join("authority/station.key")] {
        assert_eq!(fs::metadata(private).unwrap().permissions().mode() & 0o777, 0o600, "{}", private.display());
    }
    let before = fs::read_to_string(&key).unwrap();
    let again = ["bench", "init", "--out", text(folder.path())];
    let (status, _, said) = attest(&again);
    assert!(status == 2 && said.contains("already exists"), "{said}");
    assert_eq!(fs::read_to_string(&key).unwrap(), before);
    let (status, ..) = attest(&[again.as_slice(), &["--force"]].concat());
    assert_eq!(status, 0);
    assert_ne!(fs::read_to_string(&key).unwrap(), before);
}

/// A bench with much wrong about it.
fn wrong(folder: &Path, port: u16) -> PathBuf {
    let pki = Pki::new(KeyKind::Ecdsa, jiff::Timestamp::now()).unwrap();
    let shown = pki.server(CertificateKind::Expired, &["other.example".to_owned()]).unwrap();
    let another = Pki::new(KeyKind::Ecdsa, jiff::Timestamp::now()).unwrap();
    let key = another.server(CertificateKind::Valid, &["localhost".to_owned()]).unwrap().key;
    fs::write(folder.join("server.pem"), shown.chain).unwrap();
    fs::write(folder.join("server.key"), key.expose()).unwrap();
    fs::write(folder.join("root.pem"), pki.other_root_pem()).unwrap();
    #[cfg(unix)]
    fs::set_permissions(folder.join("server.key"), std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    let file = folder.join("bench.yaml");
    let bench = format!(
        "listen: \"127.0.0.1:{port}\"\nlisten-second: \"\"\nfiles: nonsense\nhost: localhost\nidentity: \"CS:1\"\npassword: short\n\
         certificate: {folder}/server.pem\nkey: {folder}/server.key\nroot: {folder}/root.pem\nsecurity-profile: 1\n\
         evse: {{ id: 7, connector: 1 }}\nevse-second: {{ id: 1, connector: 9 }}\ntx-start-point: DataSigned\n\
         response-timeout: 3\nreconnect-timeout: 5\nev-connection-timeout: 5\npending-interval: 5\n\
         tokens:\n  invalid: {{ idToken: d001d001, type: ISO14443 }}\n  other: {{ idToken: \"\", type: ISO14443 }}\n\
         \u{20} same-group: {{ idToken: \"X\", type: ISO14443 }}\n",
        folder = folder.display()
    );
    fs::write(&file, bench).unwrap();
    file
}

#[test]
fn what_is_wrong_with_a_bench_is_said_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let file = wrong(folder.path(), port);
    let product = folder.path().join("pics.yaml");
    let claims = fs::read_to_string(pics("reference-station.yaml")).unwrap();
    let limits = "performance: { communication: WiFi, maximum: { response-time: 10 } }\n";
    fs::write(&product, claims.replace("  C-61: yes", "  C-61: no") + limits).unwrap();
    let operator = format!("exec:{}/bench.sh", folder.path().display());
    let arguments = ["bench", "check", text(&file), "--pics", text(&product), "--operator", &operator];
    let (status, said, complaint) = attest(&arguments);
    assert_eq!(status, 2, "{complaint}");
    let said = said.replace(text(folder.path()), "FOLDER").replace(&port.to_string(), "PORT");
    let time = regex::Regex::new(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ").unwrap();
    insta::assert_snapshot!("bench_check_wrong", time.replace_all(&said, "TIME"));
    let (status, json, _) = attest(&[arguments.as_slice(), &["--format", "json"]].concat());
    assert_eq!(status, 2);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&json["format"], &json["verdict"]), (&1.into(), &"problem".into()));
    let findings = json["findings"].as_array().unwrap();
    let listen = findings.iter().find(|finding| finding["item"] == "listen").unwrap();
    assert_eq!(listen["level"], "problem");
    assert!(listen["help"].as_str().unwrap().contains("another port"), "{listen}");
}

/// What the operator's API has no request for is told before a run, with the test cases that it decides nothing in.
#[test]
fn manual_actions_without_a_request_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bench.yaml");
    let told = |requests: &str| {
        let bench = format!(
            "url: ws://127.0.0.1:9/ocpp\nsecurity-profile: 1\noperator:\n  http:\n    base: http://127.0.0.1:9\n{requests}"
        );
        fs::write(&file, bench).unwrap();
        let (_, said, _) = attest(&["bench", "check", text(&file), "--pics", &pics("greenflux-ev-platform.yaml")]);
        let lines = said.lines().filter(|line| line.contains("operator.http") && line.contains("request"));
        lines.collect::<Vec<_>>().join("\n")
    };
    let some = told("    send: { url: /send }\n    messages:\n      ClearCache: it has no such button\n");
    assert!(some.starts_with("warning ") && !some.contains("send ClearCache"), "{some}");
    assert!(some.contains("check-variable (TC_B_06_CSMS, TC_B_07_CSMS, TC_B_09_CSMS and "), "{some}");
    assert!(some.contains("\nwarning   operator.http          it has no request for configure next-boot ("), "{some}");
    let all = told("    defaults: { url: /all }\n");
    assert!(all.starts_with("ok ") && all.contains("for each manual action"), "{all}");
}

#[test]
fn the_environment_overrides_the_password() {
    let folder = tempfile::tempdir().unwrap();
    let file = init(folder.path(), &pics("reference-station.yaml"), &[]);
    let check = |more: &[&str], password: &str| {
        let mut command = tool::command(&[&["bench", "check", text(&file)], more].concat());
        command.env("OCPP_ATTEST_PASSWORD", password);
        let said = Said::of(command).stdout;
        assert!(!said.contains("short-one"), "{said}");
        said
    };
    let said = check(&["--format", "text"], "short-one");
    assert!(said.contains("it has 9 characters"), "{said}");
    // What is said is stronger than what is around.
    assert!(!check(&["--password", "long-enough-to-be-taken"], "short-one").contains("it has 9 characters"));
    assert!(check(&["--password", "short-one"], "long-enough-to-be-taken").contains("it has 9 characters"));
    let (_, help, _) = attest(&["run", "--help"]);
    assert!(help.contains("[env: OCPP_ATTEST_PASSWORD]"), "{help}");
}

/// What a check says of a bench, with this environment and these arguments.
fn checked(file: &Path, environment: &[(&str, &str)], more: &[&str]) -> (i32, String) {
    let mut command = tool::command(&[&["bench", "check", text(file)], more].concat());
    command.envs(environment.iter().copied());
    let said = Said::of(command);
    (said.status.unwrap(), said.stdout + &said.stderr)
}

#[test]
fn an_empty_variable_leaves_the_bench_its_password() {
    let folder = tempfile::tempdir().unwrap();
    let file = init(folder.path(), &pics("reference-station.yaml"), &[]);
    let (status, said) = checked(&file, &[("OCPP_ATTEST_PASSWORD", "")], &[]);
    assert!(status == 0 && said.contains("password               valid length"), "{said}");
}

#[test]
fn whoever_performs_manual_actions_must_be_there() {
    let folder = tempfile::tempdir().unwrap();
    let file = init(folder.path(), &pics("reference-station.yaml"), &[]);
    let script = folder.path().join("bench.sh");
    fs::write(&script, "#!/bin/sh\n").unwrap();
    let somebody = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let there = somebody.local_addr().unwrap();
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for (operator, status, told) in [
        ("exec:true".to_owned(), 0, "true can be executed".to_owned()),
        (format!("exec:{}", script.display()), 2, "bench.sh: it can't be executed".into()),
        (format!("http://{there}/act"), 0, format!("{there} accepts connections")),
        (format!("http://{gone}/act"), 2, format!("{gone} can't be reached")),
        (format!("web:{there}"), 2, format!("{there} can't be bound")),
        ("web:0".to_owned(), 0, "127.0.0.1:0 is free".into()),
        ("somebody".to_owned(), 2, "write prompt, web, exec:COMMAND or http://host:port/path".into()),
    ] {
        let (found, said) = checked(&file, &[], &["--operator", &operator]);
        assert!(found == status && said.contains(&told), "{operator}: {said}");
    }
}

#[test]
fn the_certificate_of_a_csms_is_judged_by_its_root() {
    use std::io::{BufRead as _, BufReader};
    let folder = tempfile::tempdir().unwrap();
    let (ours, theirs) = (folder.path().join("ours"), folder.path().join("theirs"));
    let file = init(&ours, &pics("reference-csms.yaml"), &[]);
    init(&theirs, &pics("reference-csms.yaml"), &[]);
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let address = format!("127.0.0.1:{port}");
    let mut csms = std::process::Command::new(env!("CARGO_BIN_EXE_ocpp-attest"))
        .args(["simulate", "csms", "--pics", &pics("reference-csms.yaml"), "--listen", &address])
        .args(["--security-profile", "3", "--authority", text(&theirs.join("authority"))])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let said = BufReader::new(csms.stdout.take().unwrap()).lines().next().unwrap().unwrap();
    assert!(said.contains("listening on"), "{said}");
    let template = fs::read_to_string(&file).unwrap();
    let with_root = |root: &Path| {
        let keys = ["url:", "root:", "security-profile:"];
        let kept = template.lines().filter(|line| !keys.iter().any(|key| line.starts_with(key)));
        let kept = kept.collect::<Vec<_>>().join("\n");
        let told = format!("{kept}\nurl: wss://{address}/ocpp\nroot: {}\nsecurity-profile: 3\n", root.display());
        fs::write(&file, told).unwrap();
        // The listener may be a moment behind what was said.
        loop {
            let (status, said) = checked(&file, &[], &[]);
            if !said.contains("can't be reached") {
                break (status, said);
            }
        }
    };
    let (status, right) = with_root(&theirs.join("authority/root.pem"));
    assert!(status == 0 && right.contains("speaks TLS"), "{right}");
    let (status, wrong) = with_root(&ours.join("authority/root.pem"));
    assert!(status == 2 && wrong.contains("accepts connections, but the TLS handshake fails"), "{wrong}");
    // Roots that have nothing to do with each other may stand in one file.
    let roots = [&ours, &theirs].map(|folder| fs::read_to_string(folder.join("authority/root.pem")).unwrap());
    fs::write(folder.path().join("bundle.pem"), roots.concat()).unwrap();
    let (status, both) = with_root(&folder.path().join("bundle.pem"));
    assert!(status == 0 && both.contains("2 roots (") && both.contains("speaks TLS"), "{both}");
    csms.kill().unwrap();
    csms.wait().unwrap();
}

#[test]
fn the_file_servers_password_may_come_from_outside_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = init(folder.path(), &pics("reference-station.yaml"), &[]);
    let bench = fs::read_to_string(&file).unwrap();
    fs::write(&file, bench + "file-user: lab\n").unwrap();
    let check = |more: &[&str], environment: &str| {
        let mut command = tool::command(&[&["bench", "check", text(&file)], more].concat());
        if !environment.is_empty() {
            command.env("OCPP_ATTEST_FILE_PASSWORD", environment);
        }
        let said = Said::of(command);
        (said.status, said.stderr)
    };
    let (status, said) = check(&[], "");
    assert!(status == Some(2) && said.contains("a password for files of 0 characters"), "{said}");
    assert!(said.contains("OCPP_ATTEST_FILE_PASSWORD"), "{said}");
    assert_eq!(check(&[], "long-enough").0, Some(0));
    assert_eq!(check(&["--file-password", "long-enough"], "short").0, Some(0));
    let (status, said) = check(&["--file-password", "short"], "long-enough");
    assert!(status == Some(2) && said.contains("a password for files of 5 characters"), "{said}");
}

#[test]
fn a_csms_that_is_not_there_is_a_problem() {
    let folder = tempfile::tempdir().unwrap();
    // Bound and let go: nobody listens there.
    let port = free_port();
    let url = format!("wss://127.0.0.1:{port}/ocpp");
    let file = init(folder.path(), &pics("reference-csms.yaml"), &["--url", &url]);
    let (status, said, _) = attest(&["bench", "check", text(&file), "--pics", &pics("reference-csms.yaml")]);
    assert_eq!(status, 2);
    assert!(said.contains(&format!("127.0.0.1:{port} can't be reached")), "{said}");
    assert!(said.contains("any certificate of the CSMS is accepted"), "{said}");
    let (status, _, said) = attest(&["bench", "init", "--out", text(&folder.path().join("x")), "--url", "http://a/"]);
    assert!(status == 2 && said.contains("invalid WebSocket URL"), "{said}");
    assert!(!folder.path().join("x").exists(), "nothing is half made");
}

#[test]
fn completions_and_manual_pages_are_printed() {
    let (status, bash, _) = attest(&["completions", "bash"]);
    assert!(status == 0 && bash.contains("complete -F _ocpp__attest"), "{}", bash.len());
    let (status, page, _) = attest(&["man"]);
    assert!(status == 0 && page.contains(".TH ocpp-attest 1"), "{page}");
    let folder = tempfile::tempdir().unwrap();
    let (status, ..) = attest(&["man", "--out", text(folder.path())]);
    assert_eq!(status, 0);
    assert!(folder.path().join("ocpp-attest-bench-init.1").exists());
    let (status, _, said) = attest(&["completions", "tcsh"]);
    assert!(status == 2 && said.contains("possible values"), "{said}");
}

/// What bash would offer for the last of these words.
#[cfg(unix)]
fn offered(words: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("completions");
    fs::write(&script, attest(&["completions", "bash"]).1).unwrap();
    let [before @ .., previous, last] = words else { panic!("a command and what follows") };
    let typed = before.iter().chain([previous, last]).map(|word| format!("'{word}'")).collect::<Vec<_>>().join(" ");
    let asked = format!(
        "source {}; COMP_WORDS=({typed}); COMP_CWORD={}; _ocpp__attest ocpp-attest '{last}' '{previous}'; echo \"${{COMPREPLY[@]}}\"",
        script.display(),
        words.len() - 1
    );
    let output = std::process::Command::new("bash").args(["--norc", "-c", &asked]).output().unwrap();
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[cfg(unix)]
#[test]
fn bash_completes_commands_their_flags_and_values() {
    assert_eq!(offered(&["ocpp-attest", "mer"]), "merge");
    assert_eq!(offered(&["ocpp-attest", "run", "--fail"]), "--fail-fast");
    assert_eq!(offered(&["ocpp-attest", "bench", "in"]), "init");
    assert_eq!(offered(&["ocpp-attest", "simulate", "charging-station", "--conn"]), "--connect");
    assert_eq!(offered(&["ocpp-attest", "run", "--sut", ""]), "simulated");
}

/// Everything that a CI file says to the tool must be known to it.
#[test]
fn the_files_for_ci_use_flags_that_there_are() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let flag = regex::Regex::new(r"--[a-z][a-z-]+").unwrap();
    let known = ["run", "merge"].map(|command| attest(&[command, "--help"])).map(|(status, help, _)| {
        assert_eq!(status, 0);
        help
    });
    for file in ["action.yml", "docs/ci/github.yml", "docs/ci/gitlab.yml", "deploy/kubernetes-job.yaml"] {
        let text = fs::read_to_string(root.join(file)).unwrap();
        let mut found = 0;
        // A command goes on over lines that end with a backslash.
        for line in text.replace("\\\n", " ").lines() {
            let is_call =
                line.contains("ocpp-attest run") || line.contains("ocpp-attest merge") || line.contains("arguments");
            for flag in flag.find_iter(line).filter(|_| is_call && !line.trim_start().starts_with('#')) {
                found += 1;
                assert!(known.iter().any(|help| help.contains(flag.as_str())), "{file}: {}", flag.as_str());
            }
        }
        assert!(found >= 1, "{file}");
    }
}

/// The API of the bench's own operator is looked for, where it is.
#[test]
fn the_bench_s_own_operator_must_be_there() {
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    let file = init(folder.path(), &pics("reference-station.yaml"), &[]);
    let text_then = fs::read_to_string(&file).unwrap();
    fs::write(
        &file,
        format!("{text_then}operator:\n  http:\n    base: http://127.0.0.1:{port}\n    defaults: {{ url: /act }}\n"),
    )
    .unwrap();
    let (status, said, complaint) = attest(&["bench", "check", text(&file)]);
    assert_eq!(status, 2, "{complaint}");
    assert!(said.contains(&format!("operator.http          127.0.0.1:{port} can't be reached")), "{said}");
}

/// What a bench for this CSMS has of what only payments and EVs with contracts need.
fn of_drivers(pics: &str) -> Vec<&'static str> {
    let folder = tempfile::tempdir().unwrap();
    let file = init(&folder.path().join("new"), pics, &["--url", "wss://csms.example/ocpp"]);
    let bench = Bench::read(&file).unwrap();
    let text = fs::read_to_string(file).unwrap();
    let keys = ["prepaid", "no-credit", "driver-tariff", "emaid", "payment", "vat-number-invalid"];
    let there: Vec<&str> = keys
        .into_iter()
        .filter(|key| text.lines().any(|line| line.trim_start().starts_with(&format!("{key}:"))))
        .collect();
    assert_eq!(bench.values["tokens"]["driver_tariff"]["idToken"], "D001D011");
    there
}

#[test]
fn the_bench_of_a_csms_names_the_cards_and_payments_that_its_test_cases_are_about() {
    let folder = tempfile::tempdir().unwrap();
    let without = |name: &str, what: &[(&str, &str)]| {
        let mut text = fs::read_to_string(pics("reference-csms-2.1.yaml")).unwrap();
        for (from, to) in what {
            assert!(text.contains(from), "{from}");
            text = text.replace(from, to);
        }
        let file = folder.path().join(name);
        fs::write(&file, text).unwrap();
        file.display().to_string()
    };
    let profiles =
        "profiles: [core, advanced-security, smart-charging, iso-15118, bidirectional-power-transfer, der-control]";
    let charging = without("charging.yaml", &[(profiles, "profiles: [core, smart-charging]"), ("P-0: yes", "P-0: no")]);
    let core = without("core.yaml", &[(profiles, "profiles: [core]")]);
    let all = ["prepaid", "no-credit", "driver-tariff", "emaid", "payment", "vat-number-invalid"];
    assert_eq!(of_drivers(&pics("reference-csms-2.1.yaml")), all);
    assert_eq!(of_drivers(&charging), ["emaid"]);
    assert_eq!(of_drivers(&core), ["prepaid", "no-credit", "driver-tariff", "payment", "vat-number-invalid"]);
}
