//! Files of a charge point of OCPP 1.6: names that are hostile, and the protocols that need sockets.

use std::{fs, path::Path};

use crate::common::{
    pics, run_faulty,
    tool::{attest, text},
};
use ocpp_attest::{
    protocol::OCPP_1_6,
    simulator::faults::{Fault, Faults},
    verdict::Verdict,
};

const STATION: &str = "pics/reference-station-1.6.yaml";
const DIAGNOSTICS: &str = "TC_045_1_CS";

/// A fault by which GetDiagnostics is answered with this name.
fn told(name: &str) -> String {
    format!("wrong-field GetDiagnostics response /fileName=\"{}\"", name.replace('\\', "\\\\"))
}

#[test]
fn the_name_in_get_diagnostics_leads_nowhere() {
    let pics = pics("reference-station-1.6.yaml");
    let (longest, too_long) = ("x".repeat(255), "x".repeat(256));
    for (name, verdict) in [
        ("../../../evil.sh", Verdict::Pass),
        ("/etc/passwd", Verdict::Pass),
        (r"C:\..\evil.exe", Verdict::Pass),
        ("CS001-diagnostics.log", Verdict::Pass),
        (&longest, Verdict::Pass),
        (&too_long, Verdict::Fail),
        // It has no diagnostics, and uploads some.
        ("", Verdict::Fail),
    ] {
        let faults: Faults = [Fault::read(&OCPP_1_6, &told(name)).unwrap()].into_iter().collect();
        let result = run_faulty(&pics, "", false, &[DIAGNOSTICS], &faults).results.remove(0);
        assert_eq!(result.verdict, verdict, "{name}: {:?}", result.failures);
        let another = result.remarks.iter().any(|remark| remark.contains("name of another file"));
        assert_eq!(
            another,
            verdict == Verdict::Pass && name != "CS001-diagnostics.log",
            "{name}: {:?}",
            result.remarks
        );
    }
}

#[test]
fn a_file_with_a_hostile_name_lies_where_ours_lie() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("deep").join("run");
    fs::create_dir(folder.path().join("deep")).unwrap();
    let fault = told("../../../<b>evil.sh");
    let (status, said) = attest(&[
        "run",
        "--pics",
        STATION,
        "--sut",
        "simulated",
        "--test",
        DIAGNOSTICS,
        "--fault",
        &fault,
        "--out",
        text(&out),
    ]);
    assert_eq!(status, Some(0), "{said}");
    let names = |folder: &Path| -> Vec<String> {
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    };
    assert_eq!(names(&out.join("uploads")), ["TC_045_1_CS-1.log"]);
    assert_eq!((names(folder.path()), names(&folder.path().join("deep"))), (vec!["deep".into()], vec!["run".into()]));
    assert!(!fs::read_to_string(out.join("report.html")).unwrap().contains("<b>evil"));
}

/// Over FTP, FTPS and SFTP, side by side.
#[cfg(feature = "files")]
#[test]
fn diagnostics_and_firmware_are_moved_over_sockets() {
    use crate::common::{ports::free_port, program::Program, tool::json};
    use ocpp_attest::services::pki::{KeyKind, Pki};

    const PASSWORD: &str = "Sesame-opens-1-6";
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (claims, authority) = (folder.join("pics.yaml"), folder.join("authority"));
    let claimed = fs::read_to_string(STATION).unwrap();
    let claimed = claimed.replace("ORS-24: [HTTP, HTTPS, FTP, FTPS]", "ORS-24: [FTP, FTPS, SFTP]");
    fs::write(&claims, claimed).unwrap();
    fs::create_dir(&authority).unwrap();
    Pki::kept(&authority, KeyKind::Ecdsa, jiff::Timestamp::now()).unwrap();
    let start = |protocol: &str| {
        let [port, files, passive, operator] = [(); 4].map(|()| free_port());
        let bench = folder.join(format!("{protocol}.yaml"));
        let settings = format!(
            "listen: 127.0.0.1:{port}\nlisten-second: ''\nhost: localhost\nsecurity-profile: 2\n\
             password: {PASSWORD}\nauthority: authority\nfirmware: {{ made: true }}\nfile-protocol: {protocol}\n\
             files-{}: 127.0.0.1:{files}\nftp-passive-ports: {passive}-{}\nfile-user: station\nfile-password: for files only\n\
             settle-time: 0.2\nconnect-timeout: 30\nreconnect-timeout: 30\nreboot-time: 30\n",
            protocol.to_lowercase(),
            passive + 1,
        );
        fs::write(&bench, settings).unwrap();
        let (own, out) = (format!("127.0.0.1:{operator}"), folder.join(protocol));
        let run = Program::start(&[
            "run",
            "--pics",
            text(&claims),
            "--bench",
            text(&bench),
            "--operator",
            &format!("http://{own}/"),
            "--out",
            text(&out),
            "--test",
            "TC_045_1_CS,TC_044_1_CS",
        ]);
        run.says("listening on ");
        let station = Program::start(&[
            "simulate",
            "charging-station",
            "--pics",
            text(&claims),
            "--connect",
            &format!("wss://localhost:{port}/ocpp"),
            "--authority",
            text(&authority),
            "--password",
            PASSWORD,
            "--security-profile",
            "2",
            "--operator",
            &own,
        ]);
        (protocol.to_owned(), run, station, out)
    };
    let started = ["FTP", "FTPS", "SFTP"].map(start);
    for (protocol, run, _station, out) in started {
        let (status, said) = run.ends();
        assert_eq!(status, Some(0), "{protocol}: {said}");
        let results = json(&out.join("results.json"));
        let cases = results["test-cases"].as_array().unwrap();
        let uploads: Vec<_> = cases.iter().flat_map(|case| case["uploads"].as_array().into_iter().flatten()).collect();
        assert_eq!(uploads.len(), 1, "{results}");
        assert_eq!(uploads[0]["protocol"], protocol.as_str(), "{results}");
    }
}
