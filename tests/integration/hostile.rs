//! Products that flood, stall, lie or die, over real sockets: each makes a verdict and a sound run folder.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    path::Path,
    process::Stdio,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use crate::common::ports::free_port;
use assert_cmd::Command;
use serde_json::Value;

/// What a product does with its stream; false when it may try again.
type Behaviour = fn(&mut TcpStream) -> std::io::Result<()>;

const BEHAVIOURS: [(&str, Behaviour); 13] = [
    ("says nothing", |stream| wait_for_the_end(stream)),
    ("speaks TLS where none is", |stream| {
        stream.write_all(b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00")?;
        wait_for_the_end(stream)
    }),
    ("stalls in the middle of its upgrade request", |stream| {
        stream.write_all(b"GET /ocpp/CS001 HTTP/1.1\r\nHost: localhost\r\nUpgra")?;
        wait_for_the_end(stream)
    }),
    ("announces a hundred megabytes and sends them", |stream| {
        upgrade(stream)?;
        stream.write_all(&[0x81, 0xff])?;
        stream.write_all(&(100_u64 << 20).to_be_bytes())?;
        stream.write_all(&[0; 4])?;
        for _ in 0..1600 {
            stream.write_all(&[b'['; 65536])?;
        }
        wait_for_the_end(stream)
    }),
    ("sends a hundred megabytes in small fragments", |stream| {
        upgrade(stream)?;
        stream.write_all(&[0x01, 0xfe, 0x10, 0x00, 0, 0, 0, 0])?;
        stream.write_all(&[b'['; 4096])?;
        for _ in 0..25_600 {
            stream.write_all(&[0x00, 0xfe, 0x10, 0x00, 0, 0, 0, 0])?;
            stream.write_all(&[b'['; 4096])?;
        }
        wait_for_the_end(stream)
    }),
    ("nests a thousand deep", |stream| {
        upgrade(stream)?;
        let deep =
            format!(r#"[2,"1","DataTransfer",{{"vendorId":"x","data":{}{}}}]"#, "[".repeat(1000), "]".repeat(1000));
        text(stream, deep.as_bytes())?;
        answer_for_ever(stream)
    }),
    ("nests a hundred thousand deep", |stream| {
        upgrade(stream)?;
        text(stream, "[".repeat(100_000).as_bytes())?;
        answer_for_ever(stream)
    }),
    ("sends what is no UTF-8", |stream| {
        upgrade(stream)?;
        text(stream, b"[2,\"\xff\xfe\",\"Heartbeat\",{}]")?;
        wait_for_the_end(stream)
    }),
    ("floods", |stream| {
        upgrade(stream)?;
        for number in 0..20_000 {
            text(stream, format!(r#"[2,"{number}","Heartbeat",{{}}]"#).as_bytes())?;
        }
        answer_for_ever(stream)
    }),
    ("sends names that lead elsewhere", |stream| {
        upgrade(stream)?;
        let name = "../../../../tmp/x\\u0000<script>alert(1)</script>\\u001b[2J";
        text(stream, format!(r#"[2,"{name}","../{name}",{{"{name}":"{name}"}}]"#).as_bytes())?;
        answer_for_ever(stream)
    }),
    ("repeats a member, and a message id", |stream| {
        upgrade(stream)?;
        text(stream, br#"[2,"1","Heartbeat",{"a":1,"a":2}]"#)?;
        text(stream, br#"[2,"1","Heartbeat",{}]"#)?;
        answer_for_ever(stream)
    }),
    ("answers what nobody asked", |stream| {
        upgrade(stream)?;
        for id in ["1", "", "\\ud800"] {
            text(stream, format!(r#"[3,"{id}",{{}}]"#).as_bytes())?;
            text(stream, format!(r#"[4,"{id}","NoSuchCode","{}",{{}}]"#, "x".repeat(100_000)).as_bytes())?;
        }
        answer_for_ever(stream)
    }),
    ("dies in the middle of a frame", |stream| {
        upgrade(stream)?;
        stream.write_all(&[0x81, 0xfe, 0x0f, 0xff, 0, 0, 0, 0, b'['])
    }),
];

/// Reads and forgets until the harness closes, or for as long as any test lasts.
fn wait_for_the_end(stream: &mut TcpStream) -> std::io::Result<()> {
    let mut waste = [0; 4096];
    while stream.read(&mut waste)? > 0 {}
    Ok(())
}

/// Takes whatever comes and answers every frame with the same nonsense.
fn answer_for_ever(stream: &mut TcpStream) -> std::io::Result<()> {
    let mut waste = [0; 4096];
    while stream.read(&mut waste)? > 0 {
        text(stream, br#"[3,"not yours",{}]"#)?;
    }
    Ok(())
}

/// The upgrade of a station that does everything right.
fn upgrade(stream: &mut TcpStream) -> std::io::Result<()> {
    // CS001:attest-bench-secret
    let request = "GET /ocpp/CS001 HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                   Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
                   Sec-WebSocket-Protocol: ocpp2.0.1\r\n\
                   Authorization: Basic Q1MwMDE6YXR0ZXN0LWJlbmNoLXNlY3JldA==\r\n\r\n";
    stream.write_all(request.as_bytes())?;
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte)? > 0 {
        head.push(byte[0]);
    }
    assert!(head.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&head));
    Ok(())
}

/// A text message, masked with zeros.
fn text(stream: &mut TcpStream, payload: &[u8]) -> std::io::Result<()> {
    let mut frame = vec![0x81];
    match payload.len() {
        length @ 0..=125 => frame.push(0x80 | u8::try_from(length).unwrap_or_default()),
        length @ 126..=0xffff => {
            frame.push(0xfe);
            frame.extend_from_slice(&u16::try_from(length).unwrap_or_default().to_be_bytes());
        }
        length => {
            frame.push(0xff);
            frame.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    frame.extend_from_slice(&[0; 4]);
    frame.extend_from_slice(payload);
    stream.write_all(&frame)
}

/// What came of a run: the exit status, what was printed, and the folder's `results.json`.
type Ran = (Option<i32>, String, Value);

/// Has the harness test whatever is where the bench says.
fn test(pics: &str, test_case: &str, places: &str, folder: &Path) -> Ran {
    let bench = folder.join("bench.yaml");
    let files = free_port();
    let text = format!(
        "{places}files: 127.0.0.1:{files}\nsecurity-profile: 1\nconnect-timeout: 4\nreconnect-timeout: 4\n\
         reboot-time: 4\nmessage-timeout: 2\nresponse-timeout: 2\nboot-wait: 1\nsettle-time: 0.3\n"
    );
    fs::write(&bench, text).unwrap();
    let out = folder.join("run");
    let output = Command::new(env!("CARGO_BIN_EXE_ocpp-attest"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["run", "--pics", pics, "--test", test_case, "--operator", "exec:true"])
        .arg("--bench")
        .arg(&bench)
        .arg("--out")
        .arg(&out)
        .timeout(Duration::from_mins(3))
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    let results = fs::read(out.join("results.json")).unwrap_or_default();
    (output.status.code(), printed, serde_json::from_slice(&results).unwrap_or_default())
}

/// Tests a station that behaves like this.
fn run(behaviour: Behaviour, folder: &Path) -> Ran {
    let port = free_port();
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                if let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) {
                    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
                    stream.set_write_timeout(Some(Duration::from_secs(20))).unwrap();
                    let _ = behaviour(&mut stream);
                }
                std::thread::sleep(Duration::from_millis(50));
            }
        });
        let places = format!("listen: 127.0.0.1:{port}\nlisten-second: ''\n");
        let ran = test("pics/reference-station.yaml", "TC_B_01_CS", &places, folder);
        over.store(true, Ordering::Relaxed);
        ran
    })
}

/// What a CSMS does wrong; the reference CSMS with this fault.
const FAULTS: [&str; 18] = [
    "stall connection after=0",
    "stall connection after=40",
    "slow-bytes connection rate=2",
    "slow-bytes BootNotification rate=5",
    "wrong-subprotocol",
    "oversize BootNotification size=100MB",
    "deep-json BootNotification depth=1000",
    "deep-json BootNotification depth=100000",
    "invalid-utf8 BootNotification",
    "binary BootNotification",
    "flood BootNotification",
    "truncated BootNotification",
    "disconnect BootNotification",
    "wrong-id BootNotification id=../../../../tmp/x",
    "garbage BootNotification text=\"<script>alert(1)</script>\\u001b[2J\"",
    "wrong-field BootNotification /status=\"../../x<script>alert(1)</script>\\u001b[2J\"",
    "call-error BootNotification code=../../x description=\"<script>alert(1)</script>\\u001b[2J\"",
    "wrong-type BootNotification /interval",
];

/// Tests the reference CSMS with a fault.
fn run_csms(fault: &str, folder: &Path) -> Ran {
    let port = free_port();
    let mut csms = std::process::Command::new(env!("CARGO_BIN_EXE_ocpp-attest"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["simulate", "csms", "--pics", "pics/reference-csms.yaml", "--fault", fault])
        .args(["--listen", &format!("127.0.0.1:{port}")])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert_eq!(csms.try_wait().unwrap(), None, "{fault}: the CSMS has gone");
        std::thread::sleep(Duration::from_millis(50));
    }
    let places = format!("url: ws://127.0.0.1:{port}/ocpp\n");
    let ran = test("pics/reference-csms.yaml", "TC_B_01_CSMS", &places, folder);
    csms.kill().unwrap();
    csms.wait().unwrap();
    ran
}

/// There is a verdict, and everything that is written is whole and harmless.
fn judged(name: &str, (status, printed, results): &Ran, folder: &Path) {
    assert!(matches!(status, Some(1 | 3)), "{name}: exit status {status:?}\n{printed}");
    assert!(!printed.contains("panicked"), "{name}: {printed}");
    assert!(!printed.contains('\u{1b}'), "{name}: an escape sequence reaches the terminal");
    let verdict = &results["test-cases"][0]["verdict"];
    assert!(verdict == "fail" || verdict == "inconclusive", "{name}: {verdict}");
    let run = folder.join("run");
    for file in ["abstract.html", "report.html", "junit.xml", "trace.jsonl"] {
        assert!(run.join(file).is_file(), "{name}: {file} is missing");
    }
    let trace = fs::read_to_string(run.join("trace.jsonl")).unwrap();
    for line in trace.lines() {
        serde_json::from_str::<Value>(line).unwrap_or_else(|error| panic!("{name}: {error}: {line}"));
    }
    for file in ["abstract.html", "report.html"] {
        let page = fs::read_to_string(run.join(file)).unwrap();
        assert!(!page.contains("<script>alert(1)"), "{name}: {file} runs what the product says");
    }
    let size: u64 = fs::read_dir(&run).unwrap().filter_map(|entry| Some(entry.ok()?.metadata().ok()?.len())).sum();
    assert!(size < 60 << 20, "{name}: the folder has {size} bytes");
}

#[test]
fn whatever_a_station_does_there_is_a_verdict_and_a_sound_folder() {
    std::thread::scope(|scope| {
        let tests: Vec<_> = BEHAVIOURS
            .into_iter()
            .map(|(name, behaviour)| {
                scope.spawn(move || {
                    let folder = tempfile::tempdir().unwrap();
                    (name, run(behaviour, folder.path()), folder)
                })
            })
            .collect();
        for test in tests {
            let (name, ran, folder) = test.join().unwrap();
            judged(name, &ran, folder.path());
        }
    });
}

#[test]
fn whatever_a_csms_does_there_is_a_verdict_and_a_sound_folder() {
    std::thread::scope(|scope| {
        let tests = FAULTS.map(|fault| {
            scope.spawn(move || {
                let folder = tempfile::tempdir().unwrap();
                (fault, run_csms(fault, folder.path()), folder)
            })
        });
        for test in tests {
            let (fault, ran, folder) = test.join().unwrap();
            judged(fault, &ran, folder.path());
        }
    });
}
