//! Packages: what one holds is what was run, and who signed it.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::LazyLock,
};

use ocpp_attest::{
    evidence::{
        check,
        container::{self, Member},
        package::{self, Options},
    },
    record::seal,
};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use serde_json::Value;

use crate::common::tool::{attest, said, text};

/// One run, and the package of it, for all tests here and of what is forged.
pub(crate) struct Made {
    _folder: tempfile::TempDir,
    run: PathBuf,
    pub(crate) package: Vec<u8>,
}

pub(crate) static MADE: LazyLock<Made> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let (status, said) = attest(&[
        "run",
        "--pics",
        "pics/cp-flex-plus-eu.yaml",
        "--sut",
        "simulated",
        "--test",
        "TC_B_0[16]_CS,TC_C_02_CS",
        "--format",
        "all",
        "--out",
        text(&run),
    ]);
    assert_eq!(status, Some(0), "{said}");
    let package = package::package(std::slice::from_ref(&run), &Options::default()).unwrap().file;
    Made { _folder: folder, run, package }
});

pub(crate) type Members = BTreeMap<String, Vec<u8>>;

pub(crate) fn members(file: &[u8]) -> Members {
    container::read(file).unwrap().into_iter().map(|Member { path, content }| (path, content)).collect()
}

pub(crate) fn written(members: Members) -> Vec<u8> {
    container::write(members.into_iter().map(|(path, content)| Member { path, content }).collect()).unwrap()
}

#[test]
fn a_run_is_packaged_as_the_same_bytes_and_everything_in_it_holds() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run.zip");
    let made = said(&["package", text(&MADE.run), "--out", text(&out)]);
    assert_eq!(made.status, Some(0), "{}", made.stderr);
    // The manifest names the executable that made it; all the rest is the same.
    let (own, other) = (members(&fs::read(&out).unwrap()), members(&MADE.package));
    let differ: Vec<&String> =
        own.iter().filter(|(path, content)| other.get(*path) != Some(content)).map(|(path, _)| path).collect();
    assert_eq!(differ, ["manifest.json"]);
    assert_eq!(package::package(std::slice::from_ref(&MADE.run), &Options::default()).unwrap().file, MADE.package);
    let verified = said(&["verify", text(&out)]);
    assert_eq!(verified.status, Some(0), "{}{}", verified.stdout, verified.stderr);
    let mut settings = insta::Settings::clone_current();
    for (pattern, by) in [
        (r"\b[0-9a-f]{64}\b", "HASH"),
        (r"all \d+ files", "all N files"),
        (r"\(\d+ lines\)", "(N lines)"),
        (r"the \d+ messages", "the N messages"),
        (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", "TIME"),
        (r"abstract\.md, abstract\.pdf,", "abstract.md,"),
    ] {
        settings.add_filter(pattern, by);
    }
    settings.bind(|| insta::assert_snapshot!(verified.stdout, @r"
    note        the package is not signed: nobody vouches for it
    holds       all N files are those of the manifest, byte for byte
    holds       runs/1: the evidence has the seal HASH (sealed when it ended)
    holds       runs/1: the hash chains of 4 files (N lines) are whole: nothing was cut, inserted or changed
    note        runs/1: it says of CP Flex Plus EU (CP840-LTE-ETH-16A3-L5-MID) (OCPP 2.0.1): 3 of 3 test cases passed, the verdict of the run is pass; from TIME to TIME; no laboratory is named
    note        runs/1: not a real product: the run was made against the embedded simulator, with the times of a virtual clock
    holds       runs/1: 3 recordings judged again: every step, every message of ours and every verdict as recorded
    holds       runs/1: the test cases are word for word those of this ocpp-attest
    holds       runs/1: 3 of 3 verdicts in results.json are those of the recordings
    holds       runs/1: the trace has the N messages of the recordings, word for word and at the same times
    holds       runs/1: profiles, KPIs and the verdict of the whole run follow from verdicts and trace
    holds       runs/1: abstract.html, abstract.md, report.html, junit.xml, summary.md say what the results say, byte for byte

    everything that was checked holds
    "));
    // Other tools open it, and `sha256sum` checks the seal.
    if let Ok(unzipped) =
        Command::new("unzip").args(["-q", text(&out), "-d", text(&folder.path().join("all"))]).status()
    {
        assert!(unzipped.success());
        let sum = Command::new("sha256sum")
            .args(["-c", "--quiet", "seal.sha256"])
            .current_dir(folder.path().join("all/runs/1"))
            .status();
        assert!(sum.is_ok_and(|status| status.success()));
    }
    // The abstract names the seal.
    let seal = seal::read(&MADE.run).unwrap();
    for report in ["abstract.md", "abstract.html", "report.html"] {
        assert!(fs::read_to_string(MADE.run.join(report)).unwrap().contains(&seal), "{report}");
    }
}

#[test]
fn a_run_that_was_changed_is_not_packaged() {
    let copy = tempfile::tempdir().unwrap();
    crate::common::tool::copy_all(&MADE.run, copy.path());
    let out = copy.path().join("run.zip");
    let pack = || said(&["package", text(copy.path()), "--out", text(&out)]);
    let results = copy.path().join("results.json");
    let before = fs::read_to_string(&results).unwrap();
    fs::write(&results, before.replace("\"interrupted\": false", "\"interrupted\":  false")).unwrap();
    let changed = pack();
    assert_eq!(changed.status, Some(2));
    assert!(changed.stderr.contains("since the run was sealed, results.json was changed"), "{}", changed.stderr);
    fs::write(&results, before).unwrap();
    let trace = copy.path().join("trace.jsonl");
    let lines = fs::read_to_string(&trace).unwrap();
    fs::write(&trace, lines.lines().skip(1).map(|line| line.to_owned() + "\n").collect::<String>()).unwrap();
    let cut = pack();
    assert_eq!(cut.status, Some(2));
    assert!(cut.stderr.contains("trace.jsonl: the hash chain breaks at line 1"), "{}", cut.stderr);
    assert!(!out.exists());
    assert_eq!(said(&["verify", text(&results)]).status, Some(2), "a file that is no package");
}

struct Laboratory {
    root: String,
    key: String,
    chain: String,
}

fn laboratory(
    name: &str,
    usage: Option<ExtendedKeyUsagePurpose>,
    algorithm: &'static rcgen::SignatureAlgorithm,
) -> Laboratory {
    let params = |name: String| {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(2100, 1, 1);
        params
    };
    let mut root = params(format!("{name} root"));
    root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    root.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let root_key = KeyPair::generate().unwrap();
    let root_pem = root.self_signed(&root_key).unwrap().pem();
    let mut leaf = params(name.to_owned());
    leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    leaf.use_authority_key_identifier_extension = true;
    leaf.extended_key_usages = usage.into_iter().collect();
    let key = KeyPair::generate_for(algorithm).unwrap();
    let chain = leaf.signed_by(&key, &Issuer::new(root, root_key)).unwrap().pem();
    Laboratory { root: root_pem, key: key.serialize_pem(), chain }
}

fn openssl(within: &Path, arguments: &[&str]) -> Option<bool> {
    let done = Command::new("openssl").args(arguments).current_dir(within).output().ok()?;
    if !done.status.success() {
        eprintln!("openssl {arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
    }
    Some(done.status.success())
}

#[test]
fn a_signature_is_the_laboratory_s_or_foreign() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let put = |name: &str, content: &str| {
        fs::write(at(name), content).unwrap();
        text(&at(name)).to_owned()
    };
    let mut packages = Vec::new();
    for (name, algorithm) in [("Lab", &rcgen::PKCS_ECDSA_P384_SHA384), ("Other", &rcgen::PKCS_RSA_SHA256)] {
        let lab = laboratory(name, None, algorithm);
        let (key, chain) = (put(&format!("{name}.key"), &lab.key), put(&format!("{name}.pem"), &lab.chain));
        put(&format!("{name}-root.pem"), &lab.root);
        let out = at(&format!("{name}.zip"));
        let made = said(&["package", text(&MADE.run), "--out", text(&out), "--sign", &key, "--certificate", &chain]);
        assert_eq!(made.status, Some(0), "{}", made.stderr);
        packages.push(fs::read(&out).unwrap());
        let all = members(&fs::read(&out).unwrap());
        fs::write(at("manifest.json"), &all["manifest.json"]).unwrap();
        fs::write(at("manifest.cms"), &all["manifest.cms"]).unwrap();
        let root = format!("{name}-root.pem");
        let verify = [
            "cms",
            "-verify",
            "-binary",
            "-inform",
            "DER",
            "-in",
            "manifest.cms",
            "-content",
            "manifest.json",
            "-CAfile",
            &root,
            "-out",
            "out",
        ];
        assert_ne!(openssl(folder.path(), &verify), Some(false), "{name}");
    }
    let judged = |file: Vec<u8>, roots: &[&str]| {
        let roots =
            roots.iter().flat_map(|name| ocpp_attest::evidence::signer::certificates(&at(name)).unwrap()).collect();
        let checked = check::check(&file, &check::Trust { roots }).unwrap();
        checked
            .lines
            .iter()
            .filter(|line| line.run.is_none())
            .map(|line| format!("{:?} {}", line.outcome, line.text))
            .collect::<Vec<_>>()
    };
    let own = judged(packages[0].clone(), &["Lab-root.pem"]);
    assert!(own.contains(&r#"Holds the signer "Lab" comes from a root given"#.to_owned()), "{own:?}");
    // The certificate itself may be given for a root.
    let leaf = judged(packages[1].clone(), &["Other.pem"]);
    assert!(leaf.contains(&r#"Holds the signer "Other" comes from a root given"#.to_owned()), "{leaf:?}");
    let foreign = judged(packages[1].clone(), &["Lab-root.pem"]);
    let is_told = |line: &String| {
        line.starts_with(r#"Differs the signature is a foreign one: the certificate of "Other" (SHA-256 "#)
            && line.contains(r#"comes from none of the roots given: "Lab root" (SHA-256 "#)
    };
    assert!(foreign.iter().any(is_told), "{foreign:?}");
    fs::write(at("unsigned.zip"), &MADE.package).unwrap();
    let unsigned = said(&[
        "verify",
        at("unsigned.zip").to_str().unwrap(),
        "--root",
        at("Lab-root.pem").to_str().unwrap(),
        "--format",
        "text",
    ]);
    assert_eq!(unsigned.status, Some(1), "{}", unsigned.stdout);
    assert!(
        unsigned.stdout.starts_with("DIFFERS     the package is not signed, and a signature"),
        "{}",
        unsigned.stdout
    );
    // A signature of another manifest.
    let mut mixed = members(&packages[0]);
    let mut text: Vec<u8> = mixed["manifest.json"].clone();
    text.push(b'\n');
    mixed.insert("manifest.json".into(), text);
    let mixed = judged(written(mixed), &["Lab-root.pem"]);
    assert!(mixed.contains(&"Differs the signature does not hold: it is over another content".to_owned()), "{mixed:?}");
    let mut broken = members(&packages[0]);
    let signature = broken.get_mut("manifest.cms").unwrap();
    let last = signature.len() - 1;
    signature[last] ^= 1;
    let broken = judged(written(broken), &[]);
    assert!(broken.iter().any(|line| line.starts_with("Differs the signature does not hold: ")), "{broken:?}");
    // No byte of the signature's file can be changed.
    let length = members(&packages[0])["manifest.cms"].len();
    for at in (0..length).step_by(60) {
        let mut broken = members(&packages[0]);
        broken.get_mut("manifest.cms").unwrap()[at] ^= 1;
        let broken = judged(written(broken), &["Lab-root.pem"]);
        let is_refused = |line: &String| {
            ["Differs the signature ", "Differs the certificate of "].iter().any(|it| line.starts_with(it))
        };
        assert!(broken.iter().any(is_refused), "{at}: {broken:?}");
    }
    // A key without a certificate, the wrong certificate, and no key.
    let bare = said(&[
        "package",
        MADE.run.to_str().unwrap(),
        "--out",
        at("bare.zip").to_str().unwrap(),
        "--sign",
        at("Lab.key").to_str().unwrap(),
    ]);
    assert!(bare.status == Some(0) && bare.stderr.contains("no certificate of an authority"), "{}", bare.stderr);
    let bare = judged(fs::read(at("bare.zip")).unwrap(), &["Lab.pem"]);
    assert!(bare.iter().any(|line| line.starts_with("Holds the signer")), "{bare:?}");
    for (key, chain, why) in
        [("Lab.key", "Other.pem", "of another key"), ("Lab.pem", "Lab.pem", "contains no private key")]
    {
        let (key, chain) = (at(key), at(chain));
        let refused = said(&[
            "package",
            MADE.run.to_str().unwrap(),
            "--out",
            at("x.zip").to_str().unwrap(),
            "--sign",
            key.to_str().unwrap(),
            "--certificate",
            chain.to_str().unwrap(),
        ]);
        assert!(refused.status == Some(2) && refused.stderr.contains(why), "{}", refused.stderr);
    }
}

#[test]
fn a_time_stamp_is_added_later() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let authority = laboratory("Clock", Some(ExtendedKeyUsagePurpose::TimeStamping), &rcgen::PKCS_RSA_SHA256);
    fs::write(at("run.zip"), &MADE.package).unwrap();
    fs::write(at("manifest.json"), &members(&MADE.package)["manifest.json"]).unwrap();
    for (name, content) in [("tsa.key", &authority.key), ("tsa.pem", &authority.chain), ("root.pem", &authority.root)] {
        fs::write(at(name), content).unwrap();
    }
    fs::write(at("serial"), "01\n").unwrap();
    // openssl wants the purpose of an authority's certificate to be critical, which rcgen does not write.
    let extensions = "[ext]\nextendedKeyUsage=critical,timeStamping\nkeyUsage=critical,digitalSignature\n";
    let config = "[tsa]\ndefault_tsa=t\n[t]\nserial=serial\ndefault_policy=1.2.3.4\ndigests=sha256\nsigner_digest=sha256\naccuracy=secs:1\n";
    fs::write(at("tsa.cnf"), format!("{config}{extensions}")).unwrap();
    let steps: [&[&str]; 3] = [
        &[
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-subj",
            "/CN=Clock",
            "-keyout",
            "tsa.key",
            "-out",
            "tsa.pem",
            "-days",
            "30",
            "-config",
            "tsa.cnf",
            "-extensions",
            "ext",
        ],
        &["ts", "-query", "-data", "manifest.json", "-sha256", "-cert", "-out", "query.tsq"],
        &[
            "ts",
            "-reply",
            "-config",
            "tsa.cnf",
            "-queryfile",
            "query.tsq",
            "-signer",
            "tsa.pem",
            "-inkey",
            "tsa.key",
            "-out",
            "answer.tsr",
        ],
    ];
    for step in steps {
        if openssl(folder.path(), step) != Some(true) {
            eprintln!("openssl makes no time-stamps here: nothing is tested");
            return;
        }
    }
    let added = said(&["package", "--timestamp", text(&at("answer.tsr")), "--out", text(&at("run.zip"))]);
    assert_eq!(added.status, Some(0), "{}", added.stderr);
    let verified = said(&["verify", text(&at("run.zip")), "--root", text(&at("tsa.pem"))]);
    assert!(
        verified.stdout.contains("a time-stamp by \"Clock\" says that the manifest existed at 20"),
        "{}",
        verified.stdout
    );
    assert!(verified.stdout.contains("its authority comes from a root given"), "{}", verified.stdout);
    let other = written({
        let mut all = members(&MADE.package);
        all.get_mut("manifest.json").unwrap().push(b'\n');
        all
    });
    fs::write(at("other.zip"), other).unwrap();
    let refused = said(&["package", "--timestamp", text(&at("answer.tsr")), "--out", text(&at("other.zip"))]);
    assert!(
        refused.status == Some(2) && refused.stderr.contains("it is the time-stamp of another file"),
        "{}",
        refused.stderr
    );
}

#[test]
fn what_a_vendor_keeps_to_itself_is_replaced_and_the_package_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("redacted.zip");
    let made = said(&["package", text(&MADE.run), "--out", text(&out), "--redact"]);
    assert!(made.status == Some(0) && made.stdout.starts_with("redacted: "), "{}{}", made.stdout, made.stderr);
    let all = members(&fs::read(&out).unwrap());
    let plain = members(&MADE.package);
    let trace = String::from_utf8(plain["runs/1/trace.jsonl"].clone()).unwrap();
    let serial = regex::Regex::new(r#"serialNumber\\":\\"([^\\]+)\\""#).unwrap();
    let serial = serial.captures(&trace).unwrap()[1].to_owned();
    for (path, content) in
        all.iter().filter(|(path, _)| !path.contains("/testcases/") && !path.ends_with("/abstract.pdf"))
    {
        assert!(!String::from_utf8_lossy(content).contains(&serial), "{path} has {serial}");
    }
    let manifest: Value = serde_json::from_slice(&all["manifest.json"]).unwrap();
    assert_eq!(manifest["redacted"]["original-seals"][0].as_str(), seal::read(&MADE.run).as_deref());
    let verified = said(&["verify", text(&out), "--format", "json"]);
    assert_eq!(verified.status, Some(0), "{}", verified.stdout);
    let lines: Value = serde_json::from_str(&verified.stdout).unwrap();
    assert!(lines["lines"][0]["text"].as_str().unwrap().starts_with("the package is redacted: "), "{lines}");
}

#[test]
fn a_capture_is_opened_by_wireshark() {
    let folder = tempfile::tempdir().unwrap();
    let capture = folder.path().join("run.pcapng");
    let made = said(&["trace", text(&MADE.run), "--test", "TC_B_06_CS", "--format", "pcapng", "--out", text(&capture)]);
    assert_eq!(made.status, Some(0), "{}", made.stderr);
    let file = fs::read(&capture).unwrap();
    assert_eq!(&file[..4], [0x0a, 0x0d, 0x0d, 0x0a]);
    let trace = fs::read_to_string(MADE.run.join("trace.jsonl")).unwrap();
    let frames =
        trace.lines().filter(|line| line.contains("TC_B_06_CS") && line.contains(r#""event":"frame""#)).count();
    let fields = [
        "-T",
        "fields",
        "-e",
        "ip.src",
        "-e",
        "frame.comment",
        "-e",
        "tcp.analysis.flags",
        "-e",
        "websocket.payload.text",
    ];
    let shark = Command::new("tshark")
        .args(["-r", text(&capture), "-o", "tcp.check_checksum:TRUE", "-Y", "websocket.opcode == 1"])
        .args(fields)
        .output();
    let Ok(shark) = shark else {
        eprintln!("tshark is not here: what it sees is not tested");
        return;
    };
    assert!(shark.status.success(), "{}", String::from_utf8_lossy(&shark.stderr));
    let seen = String::from_utf8_lossy(&shark.stdout);
    assert_eq!(seen.lines().count(), frames, "{seen}");
    for line in seen.lines() {
        let parts: Vec<&str> = line.split('\t').collect();
        assert!(["192.0.2.1", "198.51.100.1"].contains(&parts[0]), "{line}");
        assert!(parts[1].contains("TC_B_06_CS") && parts[1].contains(" s of the run"), "{line}");
        assert_eq!(parts[2], "", "TCP in order: {line}");
    }
    assert!(seen.contains(", step "), "{seen}");
    let bad = Command::new("tshark")
        .args(["-r", text(&capture), "-Y", "_ws.malformed || tcp.checksum.status == 0"])
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&bad.stdout), "");
}
