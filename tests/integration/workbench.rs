//! The workbench over HTTP, as its page uses it: who is let in, what may be chosen, and runs from their start to their reports. The
//! runs are processes of the tool, against its simulated products.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, ChildStderr, Stdio},
};

use http_body_util::{BodyExt as _, Full};
use hyper::{Method, Request, Response, body::Bytes, header};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde_json::{Value, json};

use crate::common::tool;

/// How long anything may take to come about.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(90);

const STATION: &str = "pics/cp-flex-plus-eu.yaml";

/// A workbench, and a browser that it let in.
struct Workbench {
    process: Child,
    said: std::io::Lines<BufReader<ChildStderr>>,
    runtime: tokio::runtime::Runtime,
    client: Client<HttpConnector, Full<Bytes>>,
    origin: String,
    cookie: String,
}

/// An answer: status, headers, body.
type Answer = (u16, header::HeaderMap, String);

impl Workbench {
    /// A workbench for these folders.
    fn start(runs: &Path, arguments: &[&str]) -> Self {
        let all = [&["serve", "--listen", "127.0.0.1:0", "--runs", tool::text(runs)], arguments].concat();
        let mut process = tool::command(&all).stdin(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let said = BufReader::new(process.stderr.take().unwrap()).lines();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let client = Client::builder(TokioExecutor::new()).build_http();
        let mut workbench = Self { process, said, runtime, client, origin: String::new(), cookie: String::new() };
        let link = workbench.link();
        workbench.origin = link.split_once("/?").unwrap().0.to_owned();
        workbench.cookie = workbench.enter(&link);
        workbench
    }

    /// The link that was printed last.
    fn link(&mut self) -> String {
        let line = self.said.by_ref().map(Result::unwrap).find(|line| line.contains("?token=")).unwrap();
        line[line.find("http://").unwrap()..].to_owned()
    }

    fn enter(&self, link: &str) -> String {
        let (status, headers, body) = self.ask(Method::GET, link, &[], "");
        assert_eq!(status, 200, "{body}");
        headers["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned()
    }

    fn ask(&self, method: Method, url: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut request = Request::builder().method(method).uri(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::from(body.to_owned())).unwrap();
        self.runtime.block_on(async {
            let response: Response<_> = self.client.request(request).await.unwrap();
            let (status, headers) = (response.status().as_u16(), response.headers().clone());
            let body = response.into_body().collect().await.unwrap().to_bytes();
            (status, headers, String::from_utf8_lossy(&body).into_owned())
        })
    }

    fn get(&self, path: &str) -> Answer {
        self.ask(Method::GET, &format!("{}{path}", self.origin), &[("cookie", &self.cookie)], "")
    }

    fn json(&self, path: &str) -> Value {
        let (status, _, body) = self.get(path);
        assert_eq!(status, 200, "{path}: {body}");
        serde_json::from_str(&body).unwrap()
    }

    fn post(&self, path: &str, body: &Value) -> (u16, String) {
        let headers =
            [("cookie", self.cookie.as_str()), ("origin", &self.origin), ("content-type", "application/json")];
        let (status, _, text) = self.ask(Method::POST, &format!("{}{path}", self.origin), &headers, &body.to_string());
        (status, text)
    }

    /// The id of the PICS whose file ends so.
    fn pics(&self, file: &str) -> String {
        let choices = self.json("/choices");
        let found =
            choices["pics"].as_array().unwrap().iter().find(|one| one["file"].as_str().unwrap().ends_with(file));
        found.unwrap_or_else(|| panic!("{file} is not in {choices}"))["id"].as_str().unwrap().to_owned()
    }

    /// Runs these test cases of the simulated product.
    fn run(&self, pics: &str, tests: &[&str]) -> Value {
        let started = self.post("/start", &json!({ "pics": pics, "bench": "simulated", "tests": tests }));
        assert_eq!(started, (204, String::new()));
        self.until(|state| state["phase"] == "over")
    }

    /// Follows the events until the state is so; all results and rows that came by then are in it.
    fn until(&self, wanted: impl Fn(&Value) -> bool) -> Value {
        let request = Request::get(format!("{}/events", self.origin)).header("cookie", &self.cookie);
        let request = request.body(Full::default()).unwrap();
        let last = std::cell::RefCell::new(Value::Null);
        let following = async {
            let mut body = self.client.request(request).await.unwrap().into_body();
            let (mut text, mut results, mut rows) = (Vec::new(), Vec::new(), Vec::new());
            let mut number = Value::Null;
            loop {
                text.extend_from_slice(&body.frame().await.expect("the events went on").unwrap().into_data().unwrap());
                while let Some(end) = text.windows(2).position(|pair| pair == b"\n\n") {
                    let event: Vec<u8> = text.drain(..end + 2).collect();
                    let Some(event) = event.strip_prefix(b"data: ") else { continue };
                    let mut state: Value = serde_json::from_slice(event).unwrap();
                    if state["results-from"] == 0 {
                        results.clear();
                    }
                    results.append(state["results"].as_array_mut().unwrap());
                    if state["case"]["number"] != number {
                        number = state["case"]["number"].clone();
                        rows.clear();
                    }
                    rows.append(&mut state["case"]["rows"].as_array().cloned().unwrap_or_default());
                    if wanted(&state) {
                        state["results"] = results.into();
                        state["rows"] = rows.into();
                        return state;
                    }
                    last.replace(state);
                }
            }
        };
        let followed = async { tokio::time::timeout(PATIENCE, following).await };
        self.runtime.block_on(followed).unwrap_or_else(|_| panic!("it never came about: {}", last.borrow()))
    }

    /// Ends it as Ctrl-C does.
    fn end(mut self) -> Option<i32> {
        let ended = std::process::Command::new("kill").args(["-INT", &self.process.id().to_string()]).status().unwrap();
        assert!(ended.success());
        self.process.wait().unwrap().code()
    }
}

impl Drop for Workbench {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A simulated station as a process.
#[cfg(unix)]
struct Station(Child);

#[cfg(unix)]
impl Drop for Station {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn only_who_has_a_fresh_link_of_the_terminal_gets_in() {
    let folder = tempfile::tempdir().unwrap();
    let mut workbench = Workbench::start(folder.path(), &["--host", "bench.example"]);
    let at = |path: &str| format!("{}{path}", workbench.origin);
    for path in ["/", "/page.js", "/choices", "/events", "/runs", "/?token=", &format!("/?token={}", "A".repeat(32))] {
        let (status, _, body) = workbench.ask(Method::GET, &at(path), &[], "");
        assert_eq!(status, 401, "{path}: {body}");
    }
    let (status, headers, page) = workbench.get("/");
    assert!(status == 200 && page.contains("<main>"));
    let policy = headers["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'; script-src 'self'; ") && !policy.contains("unsafe"), "{policy}");
    let evil = [("cookie", workbench.cookie.as_str()), ("host", "evil.example")];
    assert_eq!(workbench.ask(Method::GET, &at("/choices"), &evil, "").0, 421, "a name that is not ours");
    let port = workbench.origin.rsplit(':').next().unwrap();
    let named = format!("bench.example:{port}");
    let named = [("cookie", workbench.cookie.as_str()), ("host", &named)];
    assert_eq!(workbench.ask(Method::GET, &at("/choices"), &named, "").0, 200, "a name that is");
    let own = workbench.origin.clone();
    for (origin, kind) in
        [("http://evil.example", "application/json"), ("null", "application/json"), (own.as_str(), "text/plain")]
    {
        for path in ["/start", "/stop", "/link", "/pause", "/remarks", "/runs/1/actions/1"] {
            let headers = [("cookie", workbench.cookie.as_str()), ("origin", origin), ("content-type", kind)];
            assert_eq!(workbench.ask(Method::POST, &at(path), &headers, "{}").0, 403, "{origin} {kind} {path}");
        }
    }
    let next = workbench.link();
    assert_ne!(workbench.enter(&next), workbench.cookie, "the next link lets another browser in");
    assert_eq!(workbench.ask(Method::GET, &next, &[], "").0, 401, "and no second one");
    assert_eq!(workbench.end(), Some(0));
}

#[test]
fn a_run_is_planned_started_watched_compared_and_handed_out() {
    let folder = tempfile::tempdir().unwrap();
    let runs = folder.path().join("runs");
    let fault = "wrong-field BootNotification /reason=<img/src=x>";
    let workbench = Workbench::start(&runs, &["pics", "--fault", fault]);
    let pics = workbench.pics(STATION);

    // The plan, with the reasons.
    let plan = workbench.json(&format!("/plan?pics={pics}&bench=simulated"));
    let entries = plan["entries"].as_array().unwrap();
    let count = |applicable: bool| entries.iter().filter(|one| one["applicable"] == applicable).count();
    assert_eq!((plan["side"].as_str(), count(true)), (Some("charging station"), 163));
    let left_out = entries.iter().find(|one| one["applicable"] == false).unwrap();
    assert!(!left_out["reason"].as_str().unwrap().is_empty(), "{left_out}");
    assert_eq!(workbench.json("/state")["phase"], "idle");
    assert_eq!(workbench.post("/stop", &json!({})).0, 409, "nothing runs");

    // What can't be run is refused, and nothing begins.
    let start = |pics: &str, tests: &Value| {
        let body = json!({ "pics": pics, "bench": "simulated", "tests": tests });
        workbench.post("/start", &body).0
    };
    assert_eq!(start("../../etc/passwd", &json!([])), 404);
    assert_eq!(start(&pics, &json!([left_out["id"]])), 400);
    assert_eq!(start(&pics, &json!(["--out=/tmp/x"])), 400);
    assert_eq!(workbench.json("/state")["phase"], "idle");

    // A run that fails: watched, and told in its folder as any other.
    let state = workbench.run(&pics, &["TC_B_01_CS", "TC_A_01_CS"]);
    assert_eq!(state["ending"]["exit"], 1, "{state}");
    let about = workbench.json("/state")["about"].clone();
    let command = about["command"].as_str().unwrap();
    let out = format!("--fault '{fault}' --test TC_A_01_CS,TC_B_01_CS --out ");
    let expected = format!("ocpp-attest run --pics {STATION} --sut simulated ");
    let (expected, words) = (expected + &out, command.split_once(&out).unwrap());
    assert!(command.starts_with(&expected), "{command}");
    assert_eq!(words.1, about["folder"].as_str().unwrap());
    let done: Vec<_> = state["results"].as_array().unwrap().iter().map(|one| (&one["id"], &one["verdict"])).collect();
    assert_eq!(done, [(&json!("TC_A_01_CS"), &json!("fail")), (&json!("TC_B_01_CS"), &json!("fail"))]);
    let rows = state["rows"].as_array().unwrap();
    let wrong: Vec<&Value> = rows.iter().filter(|row| row.get("finding").is_some()).collect();
    assert!(
        wrong.iter().any(|row| row["label"].as_str().unwrap().starts_with("BootNotification (<img/src=x>")),
        "{rows:?}"
    );
    assert!(rows.iter().any(|row| row["kind"] == "step") && rows.iter().any(|row| row["kind"] == "refusal"));
    let results = tool::json(&Path::new(words.1).join("results.json"));
    assert_eq!(results["verdict"], "fail");

    // Its failure, beside the frame.
    let key = about["key"].as_str().unwrap();
    let case = workbench.json(&format!("/runs/{key}/cases/TC_B_01_CS"));
    let finding = &case["findings"][0];
    let marked = finding["frame"].as_array().unwrap().iter().filter(|line| line["marked"] == true);
    let marked: Vec<&str> = marked.map(|line| line["text"].as_str().unwrap().trim()).collect();
    assert!(marked.len() == 1 && marked[0].contains("<img/src=x>"), "{finding}");
    assert!(case["rows"].as_array().unwrap().iter().any(|row| row["finding"] == 0));
    assert_eq!(workbench.get(&format!("/runs/{key}/cases/TC_X")).0, 404);
    assert_eq!(workbench.get(&format!("/runs/{key}/compare")).0, 404, "nothing to compare with");
    assert_eq!(workbench.json(&format!("/runs/{key}"))["before"], false);

    // The same again: nothing changed, and one that was not run this time.
    let again = workbench.run(&pics, &["TC_B_01_CS"]);
    assert_eq!(again["run"], 2);
    let second = workbench.json("/state")["about"]["key"].as_str().unwrap().to_owned();
    assert_eq!(workbench.json(&format!("/runs/{second}"))["before"], true);
    let compared = workbench.json(&format!("/runs/{second}/compare"));
    assert_eq!((&compared["key"], &compared["unchanged"]), (&json!(key), &json!(1)));
    assert_eq!(compared["test-cases"][0]["what"], "gone");
    let listed = workbench.json("/runs");
    let keys: Vec<&str> = listed["runs"].as_array().unwrap().iter().map(|run| run["key"].as_str().unwrap()).collect();
    assert_eq!(keys, [second.as_str(), key], "the newest first");

    // The reports: pages without rights, everything else to be saved, and nothing beside them.
    let (status, headers, report) = workbench.get(&format!("/runs/{key}/files/report.html"));
    assert!(status == 200 && report.contains("TC_B_01_CS"));
    let policy = headers["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("sandbox allow-scripts") && !policy.contains("allow-same-origin"), "{policy}");
    let (status, headers, junit) = workbench.get(&format!("/runs/{key}/files/junit.xml"));
    assert_eq!((status, junit), (200, fs::read_to_string(Path::new(words.1).join("junit.xml")).unwrap()));
    let name = Path::new(words.1).file_name().unwrap().to_str().unwrap();
    assert_eq!(headers["content-disposition"], format!("attachment; filename=\"{name}-junit.xml\"").as_str());
    let (status, headers, _) = workbench.get(&format!("/runs/{key}/package"));
    assert_eq!(status, 200);
    assert_eq!(headers["content-disposition"], format!("attachment; filename=\"{name}.zip\"").as_str());
    assert_eq!(workbench.get("/runs/0000/package").0, 404);
    for file in ["run.json", "..%2Frun.json", "%2e%2e%2f%2e%2e%2fetc%2fpasswd", "inputs", ".lock"] {
        assert_eq!(workbench.get(&format!("/runs/{key}/files/{file}")).0, 404, "{file}");
    }
    for key in ["..", "%2e%2e", "..%2f..", "", "0000"] {
        assert_eq!(workbench.get(&format!("/runs/{key}/files/junit.xml")).0, 404, "{key}");
    }
    assert_eq!(workbench.end(), Some(0));
}

#[test]
fn what_lies_in_the_folders_is_shown_and_never_trusted() {
    let folder = tempfile::tempdir().unwrap();
    let (inputs, runs) = (folder.path().join("inputs"), folder.path().join("runs"));
    for made in [&inputs, &runs, &inputs.join("deeper.yaml")] {
        fs::create_dir_all(made).unwrap();
    }
    let station = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(STATION)).unwrap();
    let write = |name: &str, text: &str| fs::write(inputs.join(name), text).unwrap();
    write("<b>x'; rm -rf.yaml", &station);
    write("broken.yaml", &station.replace("edition: 3", "edition: 99"));
    write("bench.yaml", "listen: 127.0.0.1:1\npassword: a-secret-of-this-bench\n");
    write("other.yaml", "something: else\n");
    write("notes.txt", &station);
    fs::write(folder.path().join("outside.yaml"), &station).unwrap();
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("../outside.yaml", inputs.join("link.yaml")).unwrap();
        std::os::unix::fs::symlink(&inputs, runs.join("run")).unwrap();
    }
    fs::create_dir(runs.join("no-run")).unwrap();
    fs::create_dir(runs.join("odd-run")).unwrap();
    fs::write(runs.join("odd-run/run.json"), "{\"format\": \"\u{1b}[2J\"}").unwrap();

    let workbench = Workbench::start(&runs, &[tool::text(&inputs)]);
    let choices = workbench.json("/choices");
    let files = |list: &str| -> Vec<String> {
        let file = |one: &Value| one["file"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
        choices[list].as_array().unwrap().iter().map(file).collect()
    };
    assert_eq!(files("pics"), ["<b>x'; rm -rf.yaml", "broken.yaml"]);
    assert_eq!(files("benches"), ["bench.yaml"]);
    assert!(!choices.to_string().contains("a-secret-of-this-bench"));
    assert_eq!(workbench.json("/runs")["runs"], json!([]));

    // A name that a shell would obey is quoted in the command line.
    let odd = workbench.pics("rm -rf.yaml");
    let plan = workbench.json(&format!("/plan?pics={odd}&bench=simulated"));
    let command = plan["command"][0].as_str().unwrap();
    assert!(command.contains(r"<b>x'\''; rm -rf.yaml' --sut simulated"), "{command}");

    // Defects are told with their place and what to do; so is what the bench has to do with a person.
    let broken = workbench.pics("broken.yaml");
    let (status, _, body) = workbench.get(&format!("/plan?pics={broken}&bench=simulated"));
    let told: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(status, 422);
    assert!(told["defects"][0]["place"].as_str().unwrap().ends_with("broken.yaml:4:10"), "{told}");
    let bench = choices["benches"][0]["id"].as_str().unwrap();
    let plan = workbench.json(&format!("/plan?pics={odd}&bench={bench}"));
    assert!(plan["command"][1].as_str().unwrap().starts_with(" --operator web --out "), "{plan}");

    // A file that is gone is no longer there for the asking.
    fs::remove_file(inputs.join("broken.yaml")).unwrap();
    assert_eq!(workbench.get(&format!("/plan?pics={broken}&bench=simulated")).0, 404);
}

/// A station that connects, and at which nobody does what is asked.
#[cfg(unix)]
#[test]
fn a_run_is_stopped_as_ctrl_c_does_and_its_questions_come_to_the_page() {
    let folder = tempfile::tempdir().unwrap();
    let (inputs, runs) = (folder.path().join("inputs"), folder.path().join("runs"));
    fs::create_dir_all(&inputs).unwrap();
    let port = crate::common::ports::free_port();
    let bench = format!(
        "listen: 127.0.0.1:{port}\nlisten-second: ''\nfiles: 127.0.0.1:{}\nsecurity-profile: 1\nsettle-time: 1\n",
        crate::common::ports::free_port()
    );
    fs::write(inputs.join("bench.yaml"), bench).unwrap();
    let reference = "pics/reference-station.yaml";
    let workbench = Workbench::start(&runs, &["pics", tool::text(&inputs)]);
    let pics = workbench.pics(reference);
    let bench = workbench.json("/choices")["benches"][0]["id"].clone();
    let start = json!({ "pics": pics, "bench": bench, "tests": ["TC_C_02_CS", "TC_C_06_CS"] });
    assert_eq!(workbench.post("/start", &start).0, 204);
    assert_eq!(workbench.post("/start", &start).0, 409, "one run after the other");
    workbench.until(|state| state["case"]["id"] == "TC_C_02_CS");
    let at = format!("ws://127.0.0.1:{port}/ocpp");
    let _station = Station(
        tool::command(&["simulate", "charging-station", "--pics", reference, "--connect", &at])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap(),
    );

    // A question is asked, and answered once.
    let asked = workbench.until(|state| state["operator"]["asked"][0]["id"].is_u64());
    let question = &asked["operator"]["asked"][0];
    assert!(!question["prompt"].as_str().unwrap().is_empty());
    let (run, id) = (asked["run"].as_u64().unwrap(), question["id"].as_u64().unwrap());
    let answer = json!({ "answer": "not-possible", "reason": "no hands <b>" });
    assert_eq!(workbench.post(&format!("/runs/{}/actions/{id}", run + 1), &answer).0, 409, "of another run");
    assert_eq!(workbench.post("/pause", &json!({ "paused": true })).0, 204);
    assert_eq!(workbench.until(|state| state["operator"]["paused"] == true)["phase"], "running");
    assert_eq!(workbench.post(&format!("/runs/{run}/actions/{id}"), &answer).0, 204);
    assert_eq!(workbench.post(&format!("/runs/{run}/actions/{id}"), &answer).0, 409, "it was answered");

    // Stopped while it is paused: its folder is written, and tells so.
    // The test case can do without some of it, and not without an EV that is connected; then it tidies up.
    let mut answered = id;
    let done = loop {
        let next = |state: &Value| state["operator"]["asked"][0]["id"].as_u64().filter(|next| *next > answered);
        let state = workbench.until(|state| state["done"] == 1 || next(state).is_some());
        let Some(id) = next(&state) else { break state };
        assert_eq!(workbench.post(&format!("/runs/{run}/actions/{id}"), &answer).0, 204);
        answered = id;
    };
    assert_eq!(done["results"][0]["verdict"], "inconclusive", "{done}");
    assert_eq!(workbench.post("/stop", &json!({})).0, 204);
    let over = workbench.until(|state| state["phase"] == "over");
    assert_eq!(over["ending"]["exit"], 3, "{over}");
    assert!(!over["log"].to_string().contains("token="), "the link of the run's own page is nobody's business");
    let about = workbench.json("/state")["about"].clone();
    let outcome = workbench.json(&format!("/runs/{}", about["key"].as_str().unwrap()));
    assert_eq!((&outcome["interrupted"], &outcome["run"]["complete"]), (&json!(true), &json!(true)));
    let results = tool::json(&Path::new(about["folder"].as_str().unwrap()).join("results.json"));
    assert_eq!(results["interrupted"], true);

    // One that is killed leaves what can be resumed; and the workbench is as it was.
    assert_eq!(workbench.post("/start", &start).0, 204);
    workbench.until(|state| state["case"]["id"] == "TC_C_02_CS");
    assert_eq!(workbench.post("/stop", &json!({ "kill": true })).0, 204);
    let killed = workbench.until(|state| state["phase"] == "over");
    assert_eq!(killed["ending"]["exit"], Value::Null);
    let listed = workbench.json("/runs");
    assert_eq!(listed["runs"][0]["complete"], false, "{listed}");

    // A run that can't begin says why. And Ctrl-C ends the workbench with the run that is under way.
    let taken = std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
    assert_eq!(workbench.post("/start", &start).0, 204);
    let refused = workbench.until(|state| state["phase"] == "over");
    assert_eq!(refused["ending"]["exit"], 2, "{refused}");
    assert!(refused["log"].to_string().contains(&port.to_string()), "{refused}");
    assert!(!refused["log"].to_string().contains("can't be shown"), "{refused}");
    drop(taken);
    assert_eq!(workbench.post("/start", &start).0, 204);
    workbench.until(|state| state["case"]["id"] == "TC_C_02_CS");
    let last = workbench.json("/state")["about"]["folder"].as_str().unwrap().to_owned();
    assert_eq!(workbench.end(), Some(0));
    assert_eq!(tool::json(&Path::new(&last).join("results.json"))["interrupted"], true);
}
