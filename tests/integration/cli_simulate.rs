//! The reference products as processes of their own, and runs against them over loopback sockets: how they are told where to
//! connect, as whom and with which secrets.

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
};

use crate::common::{
    ports::free_port,
    tool::{Said, attest, command, said, text},
};
use ocpp_attest::services::pki::{KeyKind, Pki};

const STATION: &str = "pics/cp-flex-plus-eu.yaml";
const CSMS: &str = "pics/reference-csms.yaml";
/// What must not be seen anywhere.
const SECRET: &str = "Sesame-opens-this-bench";
const OTHER: &str = "Sesame-opens-others-only";

/// A reference product at work; it ends with the test.
struct Product {
    child: Child,
    stdout: BufReader<ChildStdout>,
}

impl Drop for Product {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Product {
    fn start(mut command: Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        Self { child, stdout }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        line
    }

    /// Where it takes manual actions, once it is at work.
    fn operator(&mut self) -> String {
        let line = self.line();
        let url = line.trim().strip_prefix("manual actions: ").unwrap_or_else(|| panic!("{line}")).to_owned();
        let at_work = self.line();
        assert!(at_work.contains(" connects to ") || at_work.starts_with("listening on "), "{at_work}");
        url
    }
}

/// A certificate authority in its folder.
fn authority(folder: &Path) -> PathBuf {
    let authority = folder.join("authority");
    fs::create_dir(&authority).unwrap();
    Pki::kept(&authority, KeyKind::Ecdsa, jiff::Timestamp::now()).unwrap();
    authority
}

fn bench(folder: &Path, name: &str, settings: &str) -> PathBuf {
    let file = folder.join(name);
    let times = "connect-timeout: 15\nreconnect-timeout: 20\nreboot-time: 20\nmessage-timeout: 10\nsettle-time: 0.2\n";
    fs::write(&file, format!("listen-second: ''\nfiles: '127.0.0.1:0'\n{times}{settings}")).unwrap();
    file
}

/// A run of one test case; its exit status and what it said.
fn run(arguments: &[&str], environment: &[(&str, &str)]) -> (Option<i32>, String) {
    let mut command = command(&[&["run"], arguments].concat());
    command.envs(environment.iter().copied());
    let said = Said::of(command);
    (said.status, said.stdout + &said.stderr)
}

/// A station that the harness tests; the exit status of the run, and what it said.
fn meets(
    folder: &Path,
    name: &str,
    settings: &str,
    station: &[&str],
    tested: &[&str],
    environment: [&[(&str, &str)]; 2],
) -> (Option<i32>, String) {
    let port = free_port();
    let bench = bench(folder, &format!("{name}.yaml"), &format!("listen: 127.0.0.1:{port}\n{settings}"));
    let scheme = if settings.contains("security-profile: 1") { "ws" } else { "wss" };
    let url = format!("{scheme}://localhost:{port}/ocpp");
    let base = ["simulate", "charging-station", "--pics", STATION, "--connect", &url, "--operator", "127.0.0.1:0"];
    let mut command = command(&[&base[..], station].concat());
    command.envs(environment[0].iter().copied());
    let mut product = Product::start(command);
    let operator = product.operator();
    let out = folder.join(name);
    let base = ["--pics", STATION, "--bench", text(&bench), "--test", "TC_B_01_CS", "--operator", &operator];
    let (status, told) = run(&[&base[..], &["--out", text(&out)], tested].concat(), environment[1]);
    let trace = fs::read_to_string(out.join("trace.jsonl")).unwrap();
    for secret in [SECRET, OTHER] {
        assert!(!told.contains(secret) && !trace.contains(secret), "{name}: {told}");
    }
    (status, told)
}

/// The same, and the station passes.
fn passes(
    folder: &Path,
    name: &str,
    settings: &str,
    station: &[&str],
    tested: &[&str],
    environment: [&[(&str, &str)]; 2],
) {
    let (status, told) = meets(folder, name, settings, station, tested, environment);
    assert_eq!(status, Some(0), "{name}: {told}");
}

#[test]
fn a_station_is_brought_to_the_harness_in_every_way() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let authority = authority(folder);
    let (authority, root) = (text(&authority), authority.join("root.pem"));
    let root = text(&root);
    let trusted = format!("authority: {authority}\n");
    let with = |profile: u8| format!("{trusted}security-profile: {profile}\n");
    let none: [&[(&str, &str)]; 2] = [&[], &[]];
    let variable = [("OCPP_ATTEST_PASSWORD", SECRET)];
    let keys = folder.join("keys.log");
    let with_keys = ["--tls-keys", text(&keys)];
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let station = ["--identity", "CS7", "--password", SECRET];
            let settings = format!("identity: CS7\nsecurity-profile: 1\npassword: {OTHER}\n");
            passes(folder, "profile-1", &settings, &station, &["--password", SECRET], none);
        });
        scope.spawn(|| {
            let (status, told) = meets(folder, "by-root", &with(2), &["--root", root], &with_keys, none);
            assert_eq!(status, Some(0), "{told}");
            assert!(told.contains("WARNING: --tls-keys: whoever has "), "{told}");
        });
        scope.spawn(|| {
            let station = ["--authority", authority];
            passes(folder, "by-authority", &with(2), &station, &[], [&variable, &variable]);
        });
        scope.spawn(|| {
            let station = ["--authority", authority, "--security-profile", "3"];
            passes(folder, "profile-3", &with(3), &station, &[], none);
        });
    });
    // Those of the run that was asked for them, and of no other; nobody else may read them.
    let keys = fs::read_to_string(keys).unwrap();
    let secret = regex::Regex::new("^(CLIENT_TRAFFIC_SECRET_0|CLIENT_RANDOM) [0-9a-f]{64} [0-9a-f]{64,96}$").unwrap();
    assert!(keys.lines().any(|line| secret.is_match(line)), "{keys}");
}

#[test]
fn a_station_with_another_password_is_not_let_in() {
    let folder = tempfile::tempdir().unwrap();
    let settings = "security-profile: 1\n";
    let environment: [&[(&str, &str)]; 2] = [&[], &[("OCPP_ATTEST_PASSWORD", OTHER)]];
    let (status, told) = meets(folder.path(), "run", settings, &["--password", SECRET], &[], environment);
    assert_eq!(status, Some(3), "{told}");
}

#[test]
fn a_station_does_wrong_what_it_is_told_to() {
    let folder = tempfile::tempdir().unwrap();
    let faulty = ["--fault", "wrong-type BootNotification /reason"];
    let (status, told) = meets(folder.path(), "run", "security-profile: 1\n", &faulty, &[], [&[], &[]]);
    assert_eq!(status, Some(1), "{told}");
    assert!(told.contains("does not follow its schema"), "{told}");
}

/// A run of one test case against a CSMS.
fn tests_csms(bench: &Path, operator: &str, more: &[&str], environment: &[(&str, &str)]) -> (Option<i32>, String) {
    let out = bench.with_extension("run");
    let base = ["--pics", CSMS, "--bench", text(bench), "--operator", operator, "--out", text(&out)];
    run(&[&base[..], more].concat(), environment)
}

#[test]
fn a_csms_serves_who_it_is_told_of() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let authority = authority(folder);
    let port = free_port();
    let listen = format!("127.0.0.1:{port}");
    let base = ["simulate", "csms", "--pics", CSMS, "--listen", &listen, "--operator", "127.0.0.1:0"];
    let told = ["--identity", "CS-A", "--identity", "CS-B,3", "--authority", text(&authority), "--password", SECRET];
    let mut product = Product::start(command(&[&base[..], &told].concat()));
    let operator = product.operator();
    let trusted = format!("authority: {0}\nroot: {0}/root.pem\npassword: {SECRET}\n", authority.display());
    let url = |port: u16| format!("url: wss://localhost:{port}/ocpp\n");
    for (identity, profile, status) in [("CS-A", 2, 0), ("CS-B", 3, 0), ("CS-C", 2, 3)] {
        let settings =
            format!("{trusted}{}identity: {identity}\nsecurity-profile: {profile}\n", url(port + profile - 2));
        let bench = bench(folder, &format!("{identity}.yaml"), &settings);
        // What is to be sent is asked of the product by HTTP.
        let (found, said) = tests_csms(&bench, &operator, &["--test", "TC_B_06_CSMS"], &[]);
        assert_eq!(found, Some(status), "{identity}: {said}");
    }
    // That nobody is let in fails the test case that is about it; in the others it may as well be the bench.
    let stranger = folder.join("CS-C.yaml");
    let (found, said) = tests_csms(&stranger, &operator, &["--test", "TC_A_01_CSMS"], &[]);
    assert_eq!(found, Some(1), "{said}");
    assert!(said.contains("the SUT refused the upgrade with 404: unknown identity or path"), "{said}");
}

#[test]
fn a_csms_takes_its_password_and_profile_from_where_it_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let variable = [("OCPP_ATTEST_PASSWORD", SECRET)];
    let authority = authority(folder);
    for (name, more, scheme) in [
        ("first", &["--security-profile", "1"][..], "ws"),
        ("third", &["--security-profile", "3", "--authority", text(&authority)], "wss"),
    ] {
        let port = free_port();
        let listen = format!("127.0.0.1:{port}");
        let base = ["simulate", "csms", "--pics", CSMS, "--listen", &listen, "--operator", "127.0.0.1:0"];
        let mut command = command(&[&base[..], more].concat());
        command.envs(variable);
        let mut product = Product::start(command);
        let operator = product.operator();
        let profile = more[1];
        let settings = format!(
            "url: {scheme}://localhost:{port}/ocpp\nsecurity-profile: {profile}\nauthority: {0}\nroot: {0}/root.pem\n",
            authority.display()
        );
        let bench = bench(folder, &format!("{name}.yaml"), &settings);
        let (status, told) = tests_csms(&bench, &operator, &["--test", "TC_B_01_CSMS"], &variable);
        assert_eq!(status, Some(0), "{name}: {told}");
    }
}

#[test]
fn the_file_servers_password_reaches_the_product_and_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    let base = ["simulate", "csms", "--pics", CSMS, "--listen", &format!("127.0.0.1:{port}")];
    let mut product = Product::start(command(&base));
    assert!(product.line().starts_with("listening on "));
    // What it is told on standard input it answers on standard output.
    product.child.stdin.as_mut().unwrap().write_all(b"turn it off and on\n").unwrap();
    assert!(product.line().contains("expected"), "no action");

    // An operator that notes what it is asked to do, and can't do it.
    let (asked, script) = (folder.path().join("asked.json"), folder.path().join("operator.sh"));
    fs::write(&script, format!("#!/bin/sh\ncat >> '{}'\nexit 1\n", asked.display())).unwrap();
    #[cfg(unix)]
    fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    let settings =
        format!("url: ws://127.0.0.1:{port}/ocpp\nsecurity-profile: 1\nfile-user: lab\nfile-password: {OTHER}\n");
    let bench = bench(folder.path(), "bench.yaml", &settings);
    let operator = format!("exec:{}", script.display());
    for (more, environment) in
        [(&["--file-password", SECRET][..], &[][..]), (&[], &[("OCPP_ATTEST_FILE_PASSWORD", SECRET)])]
    {
        let _ = fs::remove_file(&asked);
        let (status, told) = tests_csms(&bench, &operator, &[&["--test", "TC_N_25_CSMS"], more].concat(), environment);
        assert_eq!(status, Some(3), "{told}");
        let known = fs::read_to_string(&asked).unwrap();
        assert!(known.contains(&format!("lab:{SECRET}@")) && !known.contains(OTHER), "{known}");
        let out = bench.with_extension("run");
        for file in ["trace.jsonl", "results.json", "bench.yaml", "report.html"] {
            let written = fs::read_to_string(out.join(file)).unwrap();
            assert!(!written.contains(SECRET) && !written.contains(OTHER), "{file}");
        }
    }
}

#[test]
fn what_does_not_go_together_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let nowhere = text(folder.path()).to_owned() + "/nowhere";
    let station = |more: &[&str]| attest(&[&["simulate", "charging-station", "--pics", STATION], more].concat());
    let csms =
        |more: &[&str]| attest(&[&["simulate", "csms", "--pics", CSMS, "--listen", "127.0.0.1:0"], more].concat());
    let secure = ["--connect", "wss://127.0.0.1:9/ocpp"];
    for ((status, told), reason) in [
        (station(&["--connect", "http://127.0.0.1:9/"]), "invalid WebSocket URL"),
        (station(&["--connect", "ws://127.0.0.1:9/", "--security-profile", "2"]), "does not match"),
        (station(&[&secure[..], &["--security-profile", "3"]].concat()), "needs a certificate"),
        (station(&[&secure[..], &["--root", &nowhere]].concat()), "nowhere"),
        (station(&[&secure[..], &["--root", &nowhere, "--authority", &nowhere]].concat()), "cannot be used with"),
        (station(&["--connect", "ws://127.0.0.1:9/", "--operator", "nonsense"]), "can't be bound"),
        (csms(&["--security-profile", "2"]), "needs certificates"),
        (csms(&["--identity", "CS1,3"]), "this security profile is not available"),
        (attest(&["simulate", "csms", "--pics", STATION, "--listen", "127.0.0.1:0"]), "the PICS of a charging station"),
        (attest(&["simulate", "charging-station", "--pics", CSMS, "--connect", "ws://a/"]), "the PICS of a CSMS"),
    ] {
        assert_eq!(status, Some(2), "{told}");
        assert!(told.contains(reason), "{told}");
    }
    assert!(said(&["simulate"]).stderr.contains("charging-station"));
}

/// With the service for manual actions the boot is restored in either style. A bench that says that nobody has to tells them
/// apart.
#[test]
fn a_csms_forgets_a_boot_status_or_keeps_it() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for (name, more, unrestored) in [("once", &[][..], Some(0)), ("sticky", &["--sticky-boot"][..], Some(1))] {
        let listen = format!("127.0.0.1:{}", free_port());
        let base = ["simulate", "csms", "--pics", CSMS, "--listen", &listen, "--operator", "127.0.0.1:0"];
        let mut product = Product::start(command(&[&base[..], more].concat()));
        let operator = product.operator();
        let settings = format!("url: ws://{listen}/ocpp\nsecurity-profile: 1\npending-interval: 1\n");
        let restoring = bench(folder, &format!("{name}.yaml"), &settings);
        let (found, said) = tests_csms(&restoring, &operator, &["--test", "TC_B_02_CSMS"], &[]);
        assert_eq!(found, Some(0), "{name}: {said}");
        let requests = format!(
            "{settings}operator:\n  http:\n    restore: not-needed\n    configure:\n      url: {operator}\n      \
             body: {{ action: \"{{{{ asked }}}}\", parameters: \"{{{{ parameters }}}}\", prompt: '' }}\n"
        );
        let forgetting = bench(folder, &format!("{name}-forgets.yaml"), &requests);
        let out = folder.join(format!("{name}.out"));
        let arguments = ["--pics", CSMS, "--bench", text(&forgetting), "--out", text(&out), "--test", "TC_B_02_CSMS"];
        let (found, said) = run(&arguments, &[]);
        assert_eq!(found, unrestored, "{name}: {said}");
    }
}
