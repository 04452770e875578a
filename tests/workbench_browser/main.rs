//! The workbench in a browser, as a laboratory works with it: a whole programme of the simulated product, a product that fails and
//! sends what no page should obey, and a station at which a person is asked to do things.
//!
//! A machine without Chromium can't run these: `cargo test --test workbench_browser -- --ignored`.

#[path = "../common/ports.rs"]
mod ports;
#[path = "../common/program.rs"]
mod program;
#[path = "../common/webdriver.rs"]
mod webdriver;

use std::path::Path;

use ports::free_port;
use program::Program;
use serde_json::{Value, json};
use webdriver::Browser;

const DOWN: char = '\u{e015}';
const ENTER: char = '\u{e007}';
const ESCAPE: char = '\u{e00c}';

/// A page that hangs out at the side has to be pushed about to be read.
const FITS: &str = "document.documentElement.scrollWidth <= document.documentElement.clientWidth";

fn serve(runs: &Path, arguments: &[&str]) -> (Program, String) {
    let workbench =
        Program::start(&[&["serve", "--listen", "0", "--runs", runs.to_str().unwrap()], arguments].concat());
    let link = workbench.says("workbench: ");
    (workbench, link)
}

/// Chooses the product whose file ends so; the plan is there when this returns.
fn choose(browser: &Browser, list: &str, file: &str) {
    let option =
        format!("[...document.querySelectorAll('{list} option')].find(one => one.text.endsWith({}))", json!(file));
    browser.until(&format!("!document.querySelector('{list}').disabled && {option}"));
    browser.look(&format!(
        "(() => {{ const list = document.querySelector('{list}'); list.value = {option}.value; list.dispatchEvent(new Event('change')); }})()"
    ));
    browser.until("!document.querySelector('#plan').hasAttribute('aria-busy')");
}

fn primary(browser: &Browser, words: &str) {
    browser.until(&format!("document.querySelector('#acts .main:not(:disabled)')?.textContent === {}", json!(words)));
}

/// Waits until the page shows this.
fn shows(browser: &Browser, what: &str) {
    browser.until(&format!("document.querySelector('#stage').dataset.shows === {}", json!(what)));
}

fn count(browser: &Browser, css: &str) -> u64 {
    browser.look(&format!("document.querySelectorAll({}).length", json!(css))).as_u64().unwrap()
}

#[test]
#[ignore = "needs chromium and chromedriver"]
fn a_whole_programme_is_chosen_run_watched_and_read() {
    let folder = tempfile::tempdir().unwrap();
    let (workbench, link) = serve(folder.path(), &["pics"]);
    let browser = Browser::on_a_desk();
    browser.enter(&link, "#phase");
    choose(&browser, "#pics", "cp-flex-plus-eu.yaml");
    primary(&browser, "Run all 163");
    assert_eq!(count(&browser, "#acts button"), 1, "there is one thing to do");
    assert!(browser.text("#command").starts_with("ocpp-attest run --pics pics/cp-flex-plus-eu.yaml --sut simulated "));

    // What does not apply says why.
    browser.press("#chips", "Not applicable246");
    browser.until("document.querySelector('#list li:not([hidden]) .second')?.textContent");
    assert_eq!(browser.look(FITS), true);
    browser.press("#chips", "To run163");

    // By keyboard: filtered, selected, opened, closed.
    browser.look("document.activeElement.blur()");
    browser.type_keys(&format!("/TC_B_0{DOWN} "));
    primary(&browser, "Run 1 selected");
    assert!(browser.text("#command").contains(" --test TC_B_01_CS "), "{}", browser.text("#command"));
    browser.type_keys(&ENTER.to_string());
    shows(&browser, "plan");
    assert!(browser.text("#stage").starts_with("TC_B_01_CS · Cold Boot Charging Station - Accepted"));
    browser.type_keys(&ESCAPE.to_string());
    shows(&browser, "welcome");
    browser.press("#plan", "Clear selection (1)");
    browser
        .look("(() => { const search = document.querySelector('#search'); search.value = ''; search.oninput(); })()");
    browser.picture("workbench-plan.png");

    // The whole programme, watched.
    browser.press("#acts", "Run all 163");
    primary(&browser, "Stop");
    browser.until("document.querySelectorAll('.seq .msg.from').length > 1 && document.querySelector('.seq .msg.to')");
    browser.until("document.querySelectorAll('#list .case.pass').length > 60");
    browser.picture("workbench-running.png");
    primary(&browser, "Run all 163");
    shows(&browser, "over");
    assert!(browser.text("#phase").starts_with("Everything passed · "), "{}", browser.text("#phase"));
    assert_eq!(count(&browser, "#list .case.pass"), 163);
    assert_eq!(browser.text("#stage .counts"), "163 passed");
    let reports = browser
        .look("[...document.querySelectorAll('.reports a')].map(one => one.getAttribute('href').split('/').pop())");
    assert!(reports.as_array().unwrap().contains(&json!("abstract.pdf")), "{reports}");
    let results: Value =
        serde_json::from_slice(&std::fs::read(find(folder.path()).join("results.json")).unwrap()).unwrap();
    assert_eq!(results["test-cases"].as_array().unwrap().len(), 163);

    // One of its test cases, from the folder.
    browser.look("document.querySelector('#list .case.pass .row').click()");
    shows(&browser, "case");
    assert!(count(&browser, "#stage .seq .msg") > 4);
    browser.press("#stage .seq .msg", "BootNotification (PowerUp)");
    browser.until("document.querySelector('#stage .seq .frame')?.textContent.includes('\"BootNotification\"')");
    browser.turn_dark();
    browser.picture("workbench-case.png");

    // The report opens, and reaches nothing of the workbench.
    let report = browser.look("document.querySelector('.reports a')?.href ?? null");
    assert_eq!(report, Value::Null, "a test case is looked at");
    browser.press("#stage", "Close");
    shows(&browser, "over");
    let report = browser.look("document.querySelector('.reports a.open').href");
    browser.open(report.as_str().unwrap());
    browser.until("document.querySelector('h1')?.textContent.includes('CP Flex Plus EU')");
    let reached =
        browser.look("fetch('/state', { credentials: 'include' }).then(answer => answer.status, () => 'refused')");
    assert_eq!(reached, "refused");
    drop(workbench);
}

/// The only run folder.
fn find(runs: &Path) -> std::path::PathBuf {
    std::fs::read_dir(runs).unwrap().next().unwrap().unwrap().path()
}

#[test]
#[ignore = "needs chromium and chromedriver"]
fn what_a_failing_product_sends_is_shown_and_obeyed_by_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let evil = "<img/src=x/onerror=window.hacked=1><script>window.hacked=1</script>\u{202e}";
    let long = "W".repeat(3000);
    let model = format!("wrong-field BootNotification /chargingStation/model={evil}{long}");
    let reason = format!("wrong-field BootNotification /reason={evil}");
    let (_workbench, link) = serve(folder.path(), &["pics", "--fault", &model, "--fault", &reason]);
    let browser = Browser::on_a_phone();
    browser.enter(&link, "#phase");
    choose(&browser, "#pics", "cp-flex-plus-eu.yaml");
    primary(&browser, "Run all 163");
    assert_eq!(browser.look(FITS), true);
    browser.picture("workbench-phone.png");
    let select = "['TC_B_01_CS', 'TC_B_02_CS', 'TC_B_06_CS'].forEach(id => document.querySelector(`[aria-label='Select ${id}']`).click())";
    browser.look(&format!("(() => {{ {select} }})()"));
    browser.press("#acts", "Run 3 selected");
    shows(&browser, "over");
    primary(&browser, "Run again the 3 not passed");
    assert!(browser.text("#stage .counts").ends_with("3 failed"), "{}", browser.text("#stage .counts"));
    assert_eq!(browser.look(FITS), true);

    // The failure, beside its frame, and in the sequence.
    browser.look("[...document.querySelectorAll('#stage .changes .change')].find(one => one.innerText.includes('TC_B_01_CS')).click()");
    shows(&browser, "case");
    let marked = browser.text("#stage .finding mark");
    assert!(marked.contains("<img/src=x/onerror=window.hacked=1>"), "{marked}");
    assert!(count(&browser, "#stage .seq .msg.wrong .wrong-mark") >= 1);
    assert_eq!(browser.look(FITS), true);
    browser.picture("workbench-phone-finding.png");
    browser.press("#stage .beside", "Show in the sequence");
    let seen = "(() => { const box = document.querySelector('#stage .wrong .arrow').getBoundingClientRect(); return box.top > 0 && box.bottom < innerHeight; })()";
    assert_eq!(browser.look(seen), true);
    browser.press("#stage .seq .wrong", &browser.text("#stage .seq .wrong .arrow"));
    browser.until("document.querySelector('#stage .seq .wrong .frame')");
    browser.picture("workbench-phone-sequence.png");
    assert_eq!(browser.look(FITS), true);
    assert_eq!(
        browser.look("[typeof window.hacked, document.images.length, document.querySelectorAll('body script').length]"),
        json!(["undefined", 0, 0])
    );
    let turned = browser.look("document.body.innerText.includes('\u{202e}')");
    assert_eq!(turned, false, "nothing turns the text around");

    // What failed is run again, and held against the run before.
    browser.look("document.querySelector('#stage .between .plain').click()");
    browser.press("#acts", "Run again the 3 not passed");
    browser.until("document.querySelectorAll('#runs > li').length === 2");
    browser.until("document.querySelector('.compared')?.textContent.includes('3 as before')");
    assert!(browser.text(".compared code").starts_with("ocpp-attest diff "));
}

#[test]
#[ignore = "needs chromium and chromedriver"]
fn a_person_answers_what_a_test_case_asks_while_its_sequence_grows() {
    let folder = tempfile::tempdir().unwrap();
    let (runs, port) = (folder.path().join("runs"), free_port());
    let bench = format!(
        "listen: 127.0.0.1:{port}\nlisten-second: ''\nfiles: 127.0.0.1:{}\nsecurity-profile: 1\nsettle-time: 1\n",
        free_port()
    );
    std::fs::write(folder.path().join("bench.yaml"), bench).unwrap();
    let (_workbench, link) = serve(&runs, &["pics", folder.path().to_str().unwrap()]);
    let pics = "pics/reference-station.yaml";
    let browser = Browser::on_a_desk();
    browser.enter(&link, "#phase");
    choose(&browser, "#pics", pics);
    choose(&browser, "#bench", "bench.yaml");
    browser.until("document.querySelector('#command').textContent.includes(' --operator web ')");
    browser.look("document.querySelector(`[aria-label='Select TC_C_02_CS']`).click()");
    browser.press("#acts", "Run 1 selected");
    let station = format!("ws://127.0.0.1:{port}/ocpp");
    let _station = Program::start(&["simulate", "charging-station", "--pics", pics, "--connect", &station]);

    let prompt = browser.until("document.querySelector('#asked .act .prompt')?.textContent");
    assert_eq!(prompt, "Drive the EV into the parking bay of EVSE 1.");
    browser.until("[...document.querySelectorAll('.seq .msg.from .label')].some(one => one.textContent.startsWith('BootNotification'))");
    browser.until("document.querySelector('.seq .mark.operator')");
    browser.write("form.remark input", "connector stays locked");
    browser.press("form.remark", "Note it");
    browser.until("document.querySelector('form.remark [role=status]').textContent.startsWith('Noted for TC_C_02_CS')");
    browser.press("#acts", "Pause");
    browser.until("document.querySelector('#phase').textContent.startsWith('Paused')");
    browser.press("#acts", "Go on");
    browser.picture("workbench-asked.png");
    // The test case can do without some, and not without an EV that is connected; then it tidies up.
    let next = "document.querySelector('#stage').dataset.shows === 'over' ? 'over' : \
                document.querySelector('#asked .act:not([data-seen]) button:not(:disabled)') && 'asked'";
    while browser.until(next) == "asked" {
        browser.look("document.querySelector('#asked .act').dataset.seen = 'yes'");
        browser.press("#asked", "Not possible");
        browser.until("document.querySelector('#sure').open");
        browser.write("#reason", "the EV is on loan");
        browser.press("#sure", "Not possible");
        browser.until("!document.querySelector('#asked [data-seen]')");
    }
    browser.until("document.querySelector('#stage .changes')?.textContent.includes('the EV is on loan')");
    assert_eq!(count(&browser, "#asked > *"), 0);

    // Again, and stopped this time.
    browser.press("#acts", "Run again the 1 not passed");
    browser.until("document.querySelector('#asked .act')");
    browser.press("#acts", "Stop");
    shows(&browser, "over");
    browser.until("document.querySelector('#stage .notice')?.textContent.startsWith('This run was ended early.')");
    assert_eq!(count(&browser, "#asked > *"), 0);
    browser.until("document.querySelectorAll('#runs > li').length === 2");
}
