//! The line to the operator's page that a run serves for itself: the workbench is a browser of that page, shows what is asked
//! there, and hands answers on. So a manual action is asked, timed and recorded as in any other run.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::body::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{Method, Request, Response, body::Incoming, header};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde_json::{Map, Value};

use super::{live::Live, refused::Refused};

/// Longest state of the page that is read, bytes.
const MAX_STATE: usize = 4 << 20;
/// Longest answer that is read, bytes.
const MAX_ANSWER: usize = 64 << 10;
/// How long the page may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a run may take to end once its page is gone.
const GRACE: Duration = Duration::from_secs(3);

/// A line that may be open.
#[derive(Clone)]
pub(super) struct Line {
    live: Arc<Live>,
    open: Arc<Mutex<Option<Open>>>,
    closed: Arc<AtomicBool>,
}

impl std::fmt::Debug for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Line").finish_non_exhaustive()
    }
}

/// Where the page is, and what lets us in.
#[derive(Clone)]
struct Open {
    base: String,
    cookie: String,
}

fn client() -> Client<HttpConnector, Full<Bytes>> {
    Client::builder(TokioExecutor::new()).build_http()
}

impl Line {
    pub(super) fn new(live: Arc<Live>) -> Self {
        Self { live, open: Arc::default(), closed: Arc::default() }
    }

    fn set(&self, open: Option<Open>) {
        *self.open.lock().unwrap_or_else(PoisonError::into_inner) = open;
    }

    /// Opens the page by its link, and tells what it shows for as long as it does.
    pub(super) fn open(&self, link: &str) {
        let (line, link) = (self.clone(), link.to_owned());
        tokio::spawn(async move {
            if let Err(why) = line.follow(&link).await {
                // A run that could not begin takes its page with it, and says itself why.
                tokio::time::sleep(GRACE).await;
                if line.closed.load(Ordering::Relaxed) {
                    return;
                }
                line.live.said(&format!("the questions of this run can't be shown: {why}"));
            }
        });
    }

    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
        self.set(None);
    }

    async fn follow(&self, link: &str) -> Result<(), String> {
        let (base, _) = link.split_once("/?token=").ok_or("its link is none")?;
        let entered = ask(Method::GET, link, &[], Bytes::new()).await?;
        let cookie = entered.headers().get(header::SET_COOKIE).and_then(|cookie| cookie.to_str().ok());
        let cookie = cookie.and_then(|cookie| cookie.split(';').next()).ok_or("it did not let us in")?.to_owned();
        let open = Open { base: base.to_owned(), cookie };
        self.set(Some(open.clone()));
        let response = ask(Method::GET, &format!("{base}/events"), &[("cookie", &open.cookie)], Bytes::new()).await?;
        let mut body = response.into_body();
        let mut text = Vec::new();
        while let Some(frame) = body.frame().await {
            // The run is over, and its page with it.
            let Ok(frame) = frame else { break };
            let Ok(data) = frame.into_data() else { continue };
            text.extend_from_slice(&data);
            if text.len() > MAX_STATE {
                return Err("its state is too long".into());
            }
            while let Some(end) = text.windows(2).position(|pair| pair == b"\n\n") {
                let event: Vec<u8> = text.drain(..end + 2).collect();
                if let Some(state) = event.strip_prefix(b"data: ") {
                    self.live.operator(told(state));
                }
            }
        }
        Ok(())
    }

    /// Hands on what a browser posts: an answer, a remark, a pause.
    pub(super) async fn post(&self, path: &str, body: Bytes) -> Result<(), Refused> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(Open { base, cookie }) = open else {
            return Err(Refused::NotTaken("nobody is asked anything in it.".into()));
        };
        let headers = [("cookie", cookie.as_str()), ("origin", &base), ("content-type", "application/json")];
        let response = ask(Method::POST, &format!("{base}{path}"), &headers, body).await.map_err(Refused::NotTaken)?;
        if response.status().is_success() {
            return Ok(());
        }
        let answer = Limited::new(response.into_body(), MAX_ANSWER).collect().await;
        let answer = answer.map(|answer| String::from_utf8_lossy(&answer.to_bytes()).into_owned()).unwrap_or_default();
        Err(Refused::NotTaken(answer))
    }
}

/// What of the page's state concerns the workbench.
fn told(state: &[u8]) -> Value {
    let state: Map<String, Value> = serde_json::from_slice(state.trim_ascii()).unwrap_or_default();
    ["asked", "paused", "aborted", "patience"]
        .into_iter()
        .filter_map(|name| Some((name.to_owned(), state.get(name)?.clone())))
        .collect::<Map<String, Value>>()
        .into()
}

async fn ask(method: Method, url: &str, headers: &[(&str, &str)], body: Bytes) -> Result<Response<Incoming>, String> {
    let mut request = Request::builder().method(method).uri(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Full::new(body)).map_err(|error| error.to_string())?;
    match tokio::time::timeout(PATIENCE, client().request(request)).await {
        Ok(response) => response.map_err(|error| error.to_string()),
        Err(_) => Err("it does not answer".into()),
    }
}
