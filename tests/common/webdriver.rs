//! Chromium as a person would use it, driven over WebDriver (<https://www.w3.org/TR/webdriver2/>): as much of the protocol as
//! these tests need. What is waited for is waited for in the page itself, with a deadline.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use http_body_util::{BodyExt as _, Full};
use hyper::{Method, Request, body::Bytes};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde_json::{Value, json};

/// How long anything on the page may take to come about.
const PATIENCE: Duration = Duration::from_secs(90);

/// What a driver calls it when the page goes away from under a script that waits in it.
const LEFT: [&str; 2] = ["document unloaded", "script timeout"];

/// How WebDriver marks the id of an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// A browser, and the driver that it hangs on.
pub struct Browser {
    runtime: tokio::runtime::Runtime,
    client: Client<HttpConnector, Full<Bytes>>,
    driver: Child,
    /// `http://127.0.0.1:PORT/session/ID`, once there is a session.
    session: String,
    /// Cookies and caches of this browser alone.
    profile: tempfile::TempDir,
}

impl Browser {
    /// A browser on a desk.
    pub fn on_a_desk() -> Self {
        Self::start(&json!({}), &["--window-size=1280,1600"])
    }

    /// A browser as small as a phone's, and touched like one.
    pub fn on_a_phone() -> Self {
        let metrics = json!({ "width": 390, "height": 844, "pixelRatio": 2.0, "touch": true, "mobile": true });
        Self::start(&json!({ "mobileEmulation": { "deviceMetrics": metrics } }), &[])
    }

    fn start(options: &Value, arguments: &[&str]) -> Self {
        let profile = tempfile::tempdir().unwrap();
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver must be on the PATH (Debian: apt-get install chromium-driver)");
        let mut said = BufReader::new(driver.stdout.take().unwrap()).lines().map_while(Result::ok);
        let port = said
            .find_map(|line| Some(line.split_once("started successfully on port ")?.1.trim_end_matches('.').to_owned()))
            .expect("chromedriver tells its port");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let client = Client::builder(TokioExecutor::new()).build_http();
        let mut browser =
            Self { runtime, client, driver, session: format!("http://127.0.0.1:{port}/session"), profile };
        let own = format!("--user-data-dir={}", browser.profile.path().display());
        let mut all = vec![own.as_str(), "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic"];
        all.extend([
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
        ]);
        all.extend(arguments);
        let mut chrome = json!({ "args": all });
        chrome.as_object_mut().unwrap().extend(options.as_object().unwrap().clone());
        let wanted = json!({
            "browserName": "chrome",
            "goog:chromeOptions": chrome,
            "timeouts": { "script": u64::try_from(PATIENCE.as_millis()).unwrap() },
        });
        let made = browser.ask(&Method::POST, "", &json!({ "capabilities": { "alwaysMatch": wanted } }));
        browser.session = format!("{}/{}", browser.session, made["sessionId"].as_str().expect("a session"));
        browser
    }

    /// A command of WebDriver; its value.
    fn ask(&self, method: &Method, path: &str, body: &Value) -> Value {
        self.try_ask(method, path, body).unwrap_or_else(|why| panic!("{method} {path} {body}: {why}"))
    }

    fn try_ask(&self, method: &Method, path: &str, body: &Value) -> Result<Value, String> {
        let text = if body.is_null() { String::new() } else { body.to_string() };
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.session))
            .header("content-type", "application/json; charset=utf-8")
            .body(Full::from(text))
            .map_err(|error| error.to_string())?;
        self.runtime.block_on(async {
            let response = self.client.request(request).await.map_err(|error| error.to_string())?;
            let worked = response.status().is_success();
            let body = response.into_body().collect().await.map_err(|error| error.to_string())?.to_bytes();
            let mut answer: Value = serde_json::from_slice(&body).map_err(|error| error.to_string())?;
            let value = answer["value"].take();
            if worked { Ok(value) } else { Err(format!("{} {}", value["error"], value["message"])) }
        })
    }

    /// Opens an address.
    pub fn open(&self, url: &str) {
        self.ask(&Method::POST, "/url", &json!({ "url": url }));
    }

    /// Where the browser is.
    #[allow(dead_code)] // nor goes elsewhere
    pub fn address(&self) -> String {
        self.ask(&Method::GET, "/url", &Value::Null).as_str().unwrap().to_owned()
    }

    /// What an expression of JavaScript yields on the page.
    pub fn look(&self, expression: &str) -> Value {
        self.ask(&Method::POST, "/execute/sync", &json!({ "script": format!("return ({expression});"), "args": [] }))
    }

    /// Waits until an expression of JavaScript yields something that counts as true, and hands that back. It is tried again
    /// whenever anything on the page has changed.
    pub fn until(&self, expression: &str) -> Value {
        let script = format!(
            "const done = arguments[arguments.length - 1];
             const tried = () => {{ const found = ({expression}); if (found) {{ watch.disconnect(); done(found); }} return found; }};
             const watch = new MutationObserver(tried);
             watch.observe(document, {{ subtree: true, childList: true, attributes: true, characterData: true }});
             tried();"
        );
        let since = Instant::now();
        loop {
            match self.try_ask(&Method::POST, "/execute/async", &json!({ "script": script, "args": [] })) {
                Ok(found) => return found,
                // Before its time: the page was left for another one, as a link with a token leads on to the page itself.
                Err(why) if LEFT.iter().any(|left| why.contains(left)) && since.elapsed() < PATIENCE => {}
                Err(why) => {
                    let page = self.look("document.body.innerText");
                    panic!("it never came about that {expression}: {why}\n{}", page.as_str().unwrap_or_default())
                }
            }
        }
    }

    /// Opens a page by its link, and waits until it is live and there is something in the element that shows what it is about.
    pub fn enter(&self, link: &str, about: &str) {
        self.open(link);
        let about = json!(about);
        self.until(&format!(
            "document.querySelector('#line')?.textContent === 'live' && document.querySelector({about}).textContent"
        ));
    }

    /// Presses keys where the focus is: letters, and the keys that WebDriver has code points for.
    #[allow(dead_code)] // not each of the tests has a keyboard
    pub fn type_keys(&self, keys: &str) {
        let press = |key: char| [json!({ "type": "keyDown", "value": key }), json!({ "type": "keyUp", "value": key })];
        let actions: Vec<Value> = keys.chars().flat_map(press).collect();
        let keyboard = json!({ "type": "key", "id": "keyboard", "actions": actions });
        self.ask(&Method::POST, "/actions", &json!({ "actions": [keyboard] }));
    }

    /// Lets the page believe that a person likes it dark.
    #[allow(dead_code)] // nor looks at it in the dark
    pub fn turn_dark(&self) {
        let features = json!([{ "name": "prefers-color-scheme", "value": "dark" }]);
        let command = json!({ "cmd": "Emulation.setEmulatedMedia", "params": { "features": features } });
        self.ask(&Method::POST, "/goog/cdp/execute", &command);
    }

    /// Text of an element, as it is seen: found and read at once, as the page may replace it at any time.
    pub fn text(&self, css: &str) -> String {
        let text = self.look(&format!("document.querySelector({}).innerText", json!(css)));
        text.as_str().unwrap().trim().to_owned()
    }

    fn element(&self, css: &str) -> String {
        let found = self.ask(&Method::POST, "/element", &json!({ "using": "css selector", "value": css }));
        found[ELEMENT].as_str().unwrap().to_owned()
    }

    /// Presses the button under `within` with these words on it, once it can be pressed.
    pub fn press(&self, within: &str, words: &str) {
        let found = format!(
            "[...document.querySelectorAll({within})].find(one => one.innerText.trim() === {words} && !one.disabled && one.checkVisibility())",
            within = json!(format!("{within} button")),
            words = json!(words)
        );
        let button = self.until(&found);
        let element = button[ELEMENT].as_str().unwrap();
        self.ask(&Method::POST, &format!("/element/{element}/click"), &json!({}));
    }

    /// Types into an element.
    pub fn write(&self, css: &str, text: &str) {
        let element = self.element(css);
        self.ask(&Method::POST, &format!("/element/{element}/value"), &json!({ "text": text }));
    }

    /// A picture of what is seen, kept among the build's files to be looked at.
    pub fn picture(&self, name: &str) {
        use base64::Engine as _;
        let picture = self.ask(&Method::GET, "/screenshot", &Value::Null);
        let picture = base64::engine::general_purpose::STANDARD.decode(picture.as_str().unwrap()).unwrap();
        std::fs::write(std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(name), picture).unwrap();
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The end of the session ends the browser; without a session there is none.
        let _ = self.try_ask(&Method::DELETE, "", &Value::Null);
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
