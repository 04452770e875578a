//! Whole test cases by way of the operator's page, in a browser: the run and the product are processes that talk over sockets,
//! and what the page asks for in words is done at the product as a person would do it.
//!
//! A machine without Chromium can't run these: `cargo test --test operator_browser -- --ignored`.

#[path = "../common/ports.rs"]
mod ports;
#[path = "../common/program.rs"]
mod program;
#[path = "../common/webdriver.rs"]
mod webdriver;

use std::path::{Path, PathBuf};

use http_body_util::Full;
use hyper::{Request, body::Bytes};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use ports::free_port;
use program::Program;
use serde_json::{Value, json};
use webdriver::Browser;

/// The page's card of what is to be done now, once it can be answered.
const ASKED: &str = "document.querySelector('#asked .act:not([data-seen]) button:not(:disabled)')";

/// The hands of a person: a simulated product that does what is posted to it.
struct Hands {
    runtime: tokio::runtime::Runtime,
    address: String,
}

impl Hands {
    fn at(product: &Program) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        Self { runtime, address: product.says("manual actions: ") }
    }

    /// Does what the page asks for in these words, with what stands below them.
    fn act(&self, prompt: &str, payload: &str) {
        let number = |after: &str| -> u64 {
            let rest = prompt.split_once(after).unwrap_or_else(|| panic!("no {after} in: {prompt}")).1;
            rest.chars().take_while(char::is_ascii_digit).collect::<String>().parse().unwrap()
        };
        let plug = || json!({ "evse": number("EVSE "), "connector": number("connector ") });
        let words: Vec<&str> = prompt.split(' ').collect();
        let (action, parameters) = match words[..] {
            ["Reboot", ..] => ("power-cycle", json!({})),
            ["Drive", "the", "EV", "into", ..] => ("drive-in", json!({ "evse": number("EVSE ") })),
            ["Drive", "the", "EV", "out", ..] => ("drive-out", json!({ "evse": number("EVSE ") })),
            ["Connect", ..] => ("connect-ev", plug()),
            ["Unplug", "the", "EV", ..] => ("disconnect-ev", plug()),
            ["Select", "EVSE", ..] => ("select-evse", json!({ "evse": number("EVSE ") })),
            ["Present", "the", "idToken", token, kind, ..] => {
                let kind = kind.trim_matches(['(', ')', '.']);
                ("present-token", json!({ "token": token, "type": kind, "evse": number("EVSE ") }))
            }
            ["Let", "the", "CSMS", "send", action, "to", "station", station, ..] => {
                let payload: Value = serde_json::from_str(payload).unwrap();
                ("send", json!({ "action": action, "payload": payload, "station": station }))
            }
            _ => panic!("what is one to do? {prompt}"),
        };
        let body = json!({ "action": action, "parameters": parameters, "prompt": prompt }).to_string();
        let request = Request::post(&self.address).body(Full::<Bytes>::from(body)).unwrap();
        let client = Client::builder(TokioExecutor::new()).build_http();
        let response = self.runtime.block_on(client.request(request)).unwrap();
        assert_eq!(response.status(), 204, "{prompt}");
    }
}

/// What the page asks for next; none if this test case is over before it asks for anything.
fn asked(browser: &Browser, test_case: &str) -> Option<String> {
    let over = format!("document.querySelector('#ended').innerText.includes({})", json!(test_case));
    if browser.until(&format!("{over} ? 'over' : {ASKED} && 'asked'")) == "over" {
        return None;
    }
    Some(browser.text("#asked .act:not([data-seen]) .prompt"))
}

/// Answers what is asked by one of its buttons, and waits until it is no longer asked.
fn answer(browser: &Browser, words: &str) {
    browser.look("document.querySelector('#asked .act').dataset.seen = 'yes'");
    browser.press("#asked", words);
}

/// Waits until what was answered is asked no longer.
fn gone(browser: &Browser) {
    browser.until("!document.querySelector('#asked [data-seen]')");
}

/// Does whatever the page asks for until the test case is over; says what that was.
fn work_through(browser: &Browser, hands: &Hands, test_case: &str) -> Vec<String> {
    let mut done = Vec::new();
    while let Some(prompt) = asked(browser, test_case) {
        let payload = browser.look("document.querySelector('#asked .act pre')?.textContent ?? ''");
        hands.act(&prompt, payload.as_str().unwrap());
        answer(browser, "Done");
        gone(browser);
        done.push(prompt);
    }
    done
}

fn write(folder: &Path, bench: &str) -> PathBuf {
    let file = folder.join("bench.yaml");
    std::fs::write(&file, bench).unwrap();
    file
}

fn run(pics: &str, bench: &Path, out: &Path, tests: &str) -> Program {
    let (bench, out) = (bench.to_str().unwrap(), out.to_str().unwrap());
    let how = ["--operator", "web:0", "--bench", bench, "--out", out, "--test", tests];
    Program::start(&[&["run", "--pics", pics], &how[..]].concat())
}

fn results(out: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(out.join("results.json")).unwrap()).unwrap()
}

/// Id and verdict of each test case that came to its turn.
fn verdicts(results: &Value) -> Value {
    results["test-cases"].as_array().unwrap().iter().map(|case| json!([case["id"], case["verdict"]])).collect()
}

/// The lines of a test case's trace with this event.
fn events(out: &Path, test_case: &str, event: &str) -> Vec<Value> {
    let trace = std::fs::read_to_string(out.join("trace.jsonl")).unwrap();
    let lines = trace.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter(|line| line["test-case"] == test_case && line["event"] == event).collect()
}

#[test]
#[ignore = "needs chromium and chromedriver"]
fn a_person_works_a_station_through_a_run() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    let (port, files) = (free_port(), free_port());
    let bench = format!(
        "listen: 127.0.0.1:{port}\nlisten-second: ''\nfiles: 127.0.0.1:{files}\nsecurity-profile: 1\n\
         settle-time: 1\nmessage-timeout: 4\n"
    );
    let pics = "pics/reference-station.yaml";
    let bench = write(folder.path(), &bench);
    let run = run(pics, &bench, &out, "TC_C_02_CS,TC_C_06_CS,TC_C_07_CS,TC_C_09_CS");
    let link = run.says("operator's page: ");
    let (page, _) = link.split_once("?token=").unwrap();
    let station = format!("ws://127.0.0.1:{port}/ocpp");
    let station = ["simulate", "charging-station", "--pics", pics, "--connect", &station, "--operator", "127.0.0.1:0"];
    let station = Program::start(&station);
    let hands = Hands::at(&station);

    // Without a link of the terminal nobody gets in.
    let browser = Browser::on_a_desk();
    let refused = |address: &str, told: &str| {
        browser.open(address);
        assert!(browser.text("body").contains(told), "{}", browser.text("body"));
        let status = "fetch('/state').then(answer => answer.status)";
        assert_eq!(browser.look(status), 401, "{address}");
    };
    refused(page, "Open the link that the run has printed on its terminal.");
    refused(&format!("{page}?token={}", "A".repeat(32)), "This link was already used, or belongs to another run.");
    browser.enter(&link, "#place");
    assert_eq!(browser.address(), page, "the token does not stay in the address");
    assert_eq!(browser.text("#product"), "Reference station");

    // The first test case is done as asked; meanwhile a pause, and what is seen goes into the record.
    assert_eq!(asked(&browser, "TC_C_02_CS").as_deref(), Some("Drive the EV into the parking bay of EVSE 1."));
    let size = browser.look("parseFloat(getComputedStyle(document.querySelector('.act .prompt')).fontSize)");
    assert!(size.as_f64().unwrap() >= 24.0, "large words: {size} px");
    let left = browser.text("#asked .left");
    assert!(regex::Regex::new(r"^(10:00|9:[0-5]\d) left$").unwrap().is_match(&left), "a countdown: {left}");
    assert!(browser.text("#running").contains("A driver whose token the CSMS calls invalid gets no authorisation."));
    browser.press("main", "Pause");
    let banner = browser.until("document.querySelector('#banner').textContent");
    assert_eq!(banner, "The run pauses once this test case is over.");
    for (seen, words) in [("connector stays locked", "Yes"), ("display shows an error", "No")] {
        browser.write("#text", seen);
        browser.press("#remark", words);
        browser.until(&format!("document.querySelector('#noted').textContent.includes({})", json!(seen)));
    }
    browser.picture("operator-desk.png");
    let done = work_through(&browser, &hands, "TC_C_02_CS");
    assert!(done.iter().any(|prompt| prompt.starts_with("Present the idToken ")), "{done:?}");
    assert!(done.iter().any(|prompt| prompt.starts_with("Unplug the EV from EVSE 1, connector 1")), "{done:?}");
    assert_eq!(done.last().unwrap(), "Drive the EV out of the parking bay of EVSE 1.");
    let ended = browser.text("#ended li:first-child");
    assert!(ended.starts_with("pass") && ended.contains("TC_C_02_CS"), "{ended}");
    browser.look("document.querySelector('#ended li').known = true");

    // Nothing begins until somebody says so.
    browser.until("document.querySelector('#banner').textContent === 'The run is paused.'");
    assert_eq!(browser.look("document.querySelectorAll('#running > *, #asked > *').length"), 0);
    browser.press("main", "Go on");

    // What is not possible leaves the second undecided, with the operator's words.
    while let Some(prompt) = asked(&browser, "TC_C_06_CS") {
        if !prompt.starts_with("Connect the EV") {
            hands.act(&prompt, "");
            answer(&browser, "Done");
            gone(&browser);
            continue;
        }
        answer(&browser, "Not possible");
        browser.until("document.querySelector('#sure').open");
        assert_eq!(browser.text("#question"), "Is it not possible here?");
        browser.press("#sure", "Back");
        browser.press("#asked", "Not possible");
        browser.until("document.querySelector('#sure').open");
        browser.write("#reason", "the cable is on loan");
        browser.press("#sure", "Not possible");
        gone(&browser);
    }
    let ended = browser.text("#ended li:first-child");
    assert!(ended.starts_with("inconclusive") && ended.contains("the cable is on loan"), "{ended}");
    let same = browser.look("document.querySelector('#ended li:last-child').known === true");
    assert_eq!(same, true, "a line stays the same, so that what was marked to be copied stays marked");

    // The third is aborted, the fourth never comes to its turn.
    assert!(asked(&browser, "TC_C_07_CS").is_some());
    browser.press("main", "Abort …");
    browser.until("document.querySelector('#sure').open");
    browser.press("#sure", "Back");
    assert!(browser.look(ASKED).is_object(), "it goes on");
    browser.press("main", "Abort …");
    browser.press("#sure", "Abort the run");
    browser.until("document.querySelector('#banner').textContent.startsWith('The run is over.')");
    let (status, said) = run.ends();
    assert_eq!(status, Some(3), "{said}");
    assert!(said.contains("ended early: 3 of 4 test cases were run"), "{said}");

    // All of it is in the run folder.
    let results = results(&out);
    let cases = results["test-cases"].as_array().unwrap();
    let expected = json!([["TC_C_02_CS", "pass"], ["TC_C_06_CS", "inconclusive"], ["TC_C_07_CS", "inconclusive"]]);
    assert_eq!(verdicts(&results), expected);
    assert!(cases[1]["reason"].as_str().unwrap().contains("the cable is on loan"), "{}", cases[1]);
    assert_eq!(cases[2]["reason"], "interrupted by the user");
    let seen = cases[0]["remarks"].to_string();
    assert!(seen.contains("connector stays locked: yes") && seen.contains("display shows an error: no"), "{seen}");
    assert_eq!(events(&out, "TC_C_02_CS", "remark").len(), 2);
    let outcomes = |test_case| events(&out, test_case, "operator-done");
    assert_eq!(outcomes("TC_C_02_CS").len(), done.len());
    assert!(outcomes("TC_C_02_CS").iter().all(|outcome| outcome["outcome"] == "Done"));
    let refused = outcomes("TC_C_06_CS");
    let refused = refused.iter().find(|outcome| outcome["action"] == "connect-ev").unwrap();
    assert_eq!(refused["outcome"], "NotPossible(\"the cable is on loan\")");
    let report = std::fs::read_to_string(out.join("report.html")).unwrap();
    assert!(report.contains("the cable is on loan") && report.contains("connector stays locked: yes"));
}

#[test]
#[ignore = "needs chromium and chromedriver"]
fn questions_about_a_csms_are_answered_on_a_phone() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    let address = format!("127.0.0.1:{}", free_port());
    let pics = "pics/reference-csms.yaml";
    let csms = ["simulate", "csms", "--pics", pics, "--listen", &address, "--operator", "127.0.0.1:0"];
    let csms = Program::start(&csms);
    let hands = Hands::at(&csms);
    csms.says("listening on ");
    let bench = write(folder.path(), &format!("url: ws://{address}/ocpp\nsecurity-profile: 1\nsettle-time: 1\n"));
    let run = run(pics, &bench, &out, "TC_B_06_CSMS,TC_B_09_CSMS");
    let browser = Browser::on_a_phone();
    browser.enter(&run.says("operator's page: "), "#place");

    let question = |test_case: &str, words: &str| {
        let prompt = asked(&browser, test_case).unwrap();
        assert!(prompt.starts_with("Let the CSMS send "), "{prompt}");
        let payload = browser.text("#asked pre");
        hands.act(&prompt, &payload);
        answer(&browser, "Done");
        gone(&browser);
        let prompt = asked(&browser, test_case).unwrap();
        assert!(prompt.starts_with(words), "{prompt}");
    };
    question("TC_B_06_CSMS", "Does the CSMS show OCPPCommCtrlr.OfflineThreshold = 600 for station ");
    // Nothing hangs out at the side, and every button of the card can be hit by a thumb.
    let wide = "[document.documentElement.scrollWidth, innerWidth]";
    assert_eq!(browser.look(wide), json!([390, 390]));
    let low =
        "Math.min(...[...document.querySelectorAll('#asked button')].map(one => one.getBoundingClientRect().height))";
    assert!(browser.look(low).as_f64().unwrap() >= 48.0);
    let last =
        "Math.max(...[...document.querySelectorAll('#asked button')].map(one => one.getBoundingClientRect().bottom))";
    assert!(browser.look(last).as_f64().unwrap() <= 844.0, "what can be answered is seen without scrolling");
    browser.picture("operator-phone.png");
    answer(&browser, "Yes");
    browser.until("document.querySelector('#ended').innerText.includes('TC_B_06_CSMS')");
    assert!(browser.text("#ended li:first-child").starts_with("pass"));

    question("TC_B_09_CSMS", "Does the CSMS show OCPPCommCtrlr.OfflineThreshold = 123 for station ");
    answer(&browser, "No");
    browser.until("document.querySelector('#sure').open");
    assert_eq!(browser.text("#consequence"), "The product fails this test case.");
    browser.write("#reason", "it shows 600");
    browser.press("#sure", "No, it is not");
    let over = browser.until("document.querySelector('#banner').textContent");
    assert!(over.as_str().unwrap().starts_with("The run is over. Its reports are in "), "{over}");
    browser.picture("operator-phone-over.png");

    let (status, said) = run.ends();
    assert_eq!(status, Some(1), "{said}");
    let results = results(&out);
    assert_eq!(verdicts(&results), json!([["TC_B_06_CSMS", "pass"], ["TC_B_09_CSMS", "fail"]]));
    let reason = results["test-cases"][1]["reason"].as_str().unwrap();
    assert!(reason.contains("it shows 600"), "{reason}");
    let answers: Vec<_> = ["TC_B_06_CSMS", "TC_B_09_CSMS"]
        .map(|id| events(&out, id, "operator-done").last().unwrap()["outcome"].clone())
        .into();
    assert_eq!(answers, ["Done", "Denied(\"it shows 600\")"]);
}
