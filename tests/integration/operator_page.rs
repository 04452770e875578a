//! The operator's page over HTTP: who is let in, how an action is answered, and that nothing hangs.

use std::{sync::Arc, time::Duration};

use http_body_util::{BodyExt, Full};
use hyper::{Method, Request, Response, body::Bytes};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use ocpp_attest::{
    manual_action::{ActionOutcome, ManualAction},
    operator::{
        Operator,
        web::{About, Page},
    },
    verdict::Verdict,
};
use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};

struct Bench {
    page: Arc<Page>,
    client: Client<HttpConnector, Full<Bytes>>,
    said: mpsc::UnboundedReceiver<String>,
    stop: watch::Receiver<bool>,
}

impl Bench {
    async fn start() -> Self {
        let (say, said) = mpsc::unbounded_channel();
        let (stop, stopped) = watch::channel(false);
        let about = About {
            product: "Charger <1>".into(),
            patience: Duration::from_mins(1),
            hosts: vec!["bench.example".into()],
        };
        let address = "127.0.0.1:0".parse().unwrap();
        let page =
            Page::start(address, about, Arc::new(stop), move |words| drop(say.send(words.to_owned()))).await.unwrap();
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self { page, client, said, stop: stopped }
    }

    /// The path and query of the link that was printed last.
    async fn link(&mut self) -> String {
        let words = self.said.recv().await.unwrap();
        words[words.find("/?token=").unwrap()..].to_owned()
    }

    async fn ask(&self, method: Method, path: &str, headers: &[(&str, &str)], body: &Value) -> (u16, String, String) {
        let mut request = Request::builder().method(method).uri(format!("http://{}{path}", self.page.address()));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let response: Response<_> = self.client.request(request.body(body.into()).unwrap()).await.unwrap();
        let cookie = response.headers().get("set-cookie").map(|value| value.to_str().unwrap().to_owned());
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, cookie.unwrap_or_default(), String::from_utf8(body.to_vec()).unwrap())
    }

    /// A browser's cookie.
    async fn browser(&mut self) -> String {
        let link = self.link().await;
        let (status, cookie, _) = self.ask(Method::GET, &link, &[], &Value::Null).await;
        assert_eq!(status, 200);
        cookie.split(';').next().unwrap().to_owned()
    }

    async fn post(&self, cookie: &str, path: &str, body: &Value) -> (u16, String) {
        let origin = format!("http://{}", self.page.address());
        let headers = [("cookie", cookie), ("origin", origin.as_str()), ("content-type", "application/json")];
        let (status, _, text) = self.ask(Method::POST, path, &headers, body).await;
        (status, text)
    }

    async fn state(&self, cookie: &str) -> Value {
        let (status, _, text) = self.ask(Method::GET, "/state", &[("cookie", cookie)], &Value::Null).await;
        assert_eq!(status, 200);
        serde_json::from_str(&text).unwrap()
    }

    /// Asks for an action; it is there when this returns.
    async fn action(&self, name: &str, cookie: &str) -> (tokio::task::JoinHandle<ActionOutcome>, u64) {
        let page = self.page.clone();
        let action = ManualAction {
            action: name.to_owned(),
            parameters: json!({ "evse": 1 }).as_object().cloned().unwrap(),
            prompt: "Press <b>start</b>.".into(),
        };
        let before = self.state(cookie).await["asked"].as_array().unwrap().len();
        let acting = tokio::spawn(async move { page.perform(action).await });
        loop {
            let state = self.state(cookie).await;
            let asked = state["asked"].as_array().unwrap();
            if asked.len() > before {
                return (acting, asked[before]["id"].as_u64().unwrap());
            }
        }
    }
}

#[tokio::test]
async fn only_who_has_a_fresh_link_is_let_in() {
    let mut bench = Bench::start().await;
    for path in ["/", "/page.js", "/state", "/events", "/?token=", "/?token=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"] {
        let (status, cookie, _) = bench.ask(Method::GET, path, &[], &Value::Null).await;
        assert_eq!((status, cookie.as_str()), (401, ""), "{path}");
    }
    let (status, _) = bench.post("", "/abort", &json!({})).await;
    assert_eq!(status, 401);
    let link = bench.link().await;
    let (status, cookie, _) = bench.ask(Method::GET, &link, &[], &Value::Null).await;
    assert_eq!(status, 200);
    assert!(cookie.ends_with("; Path=/; HttpOnly; SameSite=Strict"), "{cookie}");
    let (again, none, _) = bench.ask(Method::GET, &link, &[], &Value::Null).await;
    assert_eq!((again, none.as_str()), (401, ""), "a link works once");
    let cookie = cookie.split(';').next().unwrap();
    let (status, _, page) = bench.ask(Method::GET, "/", &[("cookie", cookie)], &Value::Null).await;
    assert!(status == 200 && page.contains("<main>"));
    let evil = [("cookie", cookie), ("host", "evil.example:80")];
    let (status, ..) = bench.ask(Method::GET, "/", &evil, &Value::Null).await;
    assert_eq!(status, 421, "a name that is not ours");
    assert_eq!(bench.browser().await.split('=').next(), cookie.split('=').next(), "the next link lets another one in");
    assert!(!*bench.stop.borrow());
}

#[tokio::test]
async fn another_site_can_change_nothing() {
    let mut bench = Bench::start().await;
    let cookie = bench.browser().await;
    let own = format!("http://{}", bench.page.address());
    for (origin, kind) in
        [("http://evil.example", "application/json"), ("null", "application/json"), (&own, "text/plain")]
    {
        let headers = [("cookie", cookie.as_str()), ("origin", origin), ("content-type", kind)];
        let (status, ..) = bench.ask(Method::POST, "/abort", &headers, &json!({})).await;
        assert_eq!(status, 403, "{origin} {kind}");
    }
    assert!(!*bench.stop.borrow());
    assert_eq!(bench.post(&cookie, "/abort", &json!({})).await.0, 204);
    assert!(*bench.stop.borrow());
    assert_eq!(bench.state(&cookie).await["aborted"], true);
}

#[tokio::test]
async fn an_action_is_answered_once_whichever_browser_is_first() {
    let mut bench = Bench::start().await;
    let (one, other) = (bench.browser().await, bench.browser().await);
    bench.page.begins(1, 2, "TC_C_02_CS", "Title", "Purpose.");
    bench.page.step("TC_C_02_CS", "1 operator press-start");
    let (acting, id) = bench.action("press-start", &one).await;
    let seen = bench.state(&other).await;
    assert_eq!(seen["asked"][0]["prompt"], "Press <b>start</b>.");
    assert_eq!(seen["running"][0]["steps"], json!(["1 operator press-start"]));
    assert!((1..=60_000).contains(&seen["asked"][0]["left"].as_u64().unwrap()));
    let denied = json!({ "answer": "denied" });
    assert_eq!(bench.post(&one, &format!("/actions/{id}"), &denied).await.0, 400, "there is nothing to deny");
    assert_eq!(bench.post(&one, &format!("/actions/{id}"), &json!({ "answer": "done" })).await.0, 204);
    assert_eq!(bench.post(&other, &format!("/actions/{id}"), &json!({ "answer": "done" })).await.0, 409);
    assert_eq!(acting.await.unwrap(), ActionOutcome::Done);
    let (acting, id) = bench.action("check-variable", &one).await;
    let no = json!({ "answer": "denied", "reason": "it shows 5" });
    assert_eq!(bench.post(&other, &format!("/actions/{id}"), &no).await.0, 204);
    assert_eq!(acting.await.unwrap(), ActionOutcome::Denied("it shows 5".into()));
    let (acting, id) = bench.action("press-start", &one).await;
    assert_eq!(bench.post(&one, &format!("/actions/{id}"), &json!({ "answer": "not-possible" })).await.0, 204);
    assert_eq!(acting.await.unwrap(), ActionOutcome::NotPossible("the operator says so".into()));
    bench.page.ended("TC_C_02_CS", Verdict::Fail, Some("why"));
    let state = bench.state(&one).await;
    assert_eq!(state["ended"][0], json!({ "id": "TC_C_02_CS", "title": "Title", "verdict": "fail", "reason": "why" }));
    assert_eq!((&state["counts"]["fail"], &state["running"]), (&json!(1), &json!([])));
}

#[tokio::test]
async fn what_nobody_waits_for_any_longer_is_not_asked() {
    let mut bench = Bench::start().await;
    let cookie = bench.browser().await;
    let (acting, id) = bench.action("press-start", &cookie).await;
    acting.abort();
    assert!(acting.await.unwrap_err().is_cancelled());
    assert_eq!(bench.state(&cookie).await["asked"], json!([]));
    assert_eq!(bench.post(&cookie, &format!("/actions/{id}"), &json!({ "answer": "done" })).await.0, 409);
    // Aborting leaves nobody waiting, before or after.
    let (acting, _) = bench.action("press-start", &cookie).await;
    bench.post(&cookie, "/abort", &json!({})).await;
    assert!(matches!(acting.await.unwrap(), ActionOutcome::NotPossible(_)));
    let late = ManualAction { action: "press-start".into(), parameters: serde_json::Map::new(), prompt: String::new() };
    assert!(matches!(bench.page.perform(late).await, ActionOutcome::NotPossible(_)));
}

#[tokio::test]
async fn a_pause_holds_the_next_test_case_until_somebody_goes_on() {
    let mut bench = Bench::start().await;
    let cookie = bench.browser().await;
    bench.page.ready().await;
    bench.post(&cookie, "/pause", &json!({ "paused": true })).await;
    let page = bench.page.clone();
    let waiting = tokio::spawn(async move { page.ready().await });
    assert_eq!(bench.state(&cookie).await["paused"], true);
    assert!(!waiting.is_finished());
    bench.post(&cookie, "/pause", &json!({ "paused": false })).await;
    waiting.await.unwrap();
}

#[tokio::test]
async fn remarks_reach_the_test_case_that_they_are_about() {
    let mut bench = Bench::start().await;
    let cookie = bench.browser().await;
    let remark = |test_case: &str, text: &str| json!({ "test-case": test_case, "text": text });
    assert_eq!(bench.post(&cookie, "/remarks", &remark("TC_C_02_CS", "too early")).await.0, 404);
    bench.page.begins(1, 2, "TC_C_02_CS", "Title", "");
    let page = bench.page.clone();
    let waiting = tokio::spawn(async move { page.remarks("TC_C_02_CS").await });
    assert_eq!(bench.post(&cookie, "/remarks", &remark("TC_C_02_CS", " locked:\nyes ")).await.0, 204);
    assert_eq!(waiting.await.unwrap(), ["locked: yes"]);
    for bad in [String::new(), "x".repeat(501)] {
        assert_eq!(bench.post(&cookie, "/remarks", &remark("TC_C_02_CS", &bad)).await.0, 400);
    }
    bench.page.ended("TC_C_02_CS", Verdict::Pass, None);
    bench.page.begins(2, 2, "TC_C_06_CS", "Title", "");
    assert_eq!(bench.post(&cookie, "/remarks", &remark("TC_C_02_CS", "late")).await.0, 204);
    assert_eq!(bench.page.remarks("TC_C_02_CS").await, ["late"]);
}

#[tokio::test]
async fn browsers_get_the_state_at_once_whenever_it_changes_and_at_the_end() {
    let mut bench = Bench::start().await;
    let cookie = bench.browser().await;
    let uri = format!("http://{}/events", bench.page.address());
    let request = Request::get(uri).header("cookie", &cookie).body(Full::default()).unwrap();
    let mut events = bench.client.request(request).await.unwrap().into_body();
    let next = async |events: &mut hyper::body::Incoming| -> Option<Value> {
        loop {
            let frame = events.frame().await?.unwrap();
            let text = String::from_utf8(frame.into_data().ok()?.to_vec()).unwrap();
            if let Some(state) = text.strip_prefix("data: ") {
                return Some(serde_json::from_str(state.trim()).unwrap());
            }
        }
    };
    assert_eq!(next(&mut events).await.unwrap()["running"], json!([]));
    bench.page.begins(1, 1, "TC_C_02_CS", "Title", "");
    assert_eq!(next(&mut events).await.unwrap()["running"][0]["id"], "TC_C_02_CS");
    let page = bench.page.clone();
    let finishing = tokio::spawn(async move { page.finish("All is written.").await });
    let mut last = None;
    while let Some(state) = next(&mut events).await {
        last = Some(state);
    }
    assert_eq!(last.unwrap()["finished"], "All is written.");
    finishing.await.unwrap();
}
