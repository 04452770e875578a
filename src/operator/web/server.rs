//! The page over HTTP: the files of the page, the state as server-sent events, and what a browser may ask for.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Path, State},
    http::{HeaderMap, StatusCode, header},
    middleware,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::json;
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

use super::{
    door::{Door, from_page, let_in},
    page_state::{PageState, Refused},
};
use crate::manual_action::ActionOutcome;

const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// Longest body of a request, bytes.
const MAX_BODY: usize = 16 * 1024;
/// Changes that come closer together than this are sent together.
const BREATH: Duration = Duration::from_millis(60);

/// What requests have to do with.
pub(super) struct Service {
    pub(super) state: Arc<PageState>,
    pub(super) paused: watch::Sender<bool>,
    pub(super) stop: Arc<watch::Sender<bool>>,
    pub(super) door: Arc<Door>,
}

type Shared = State<(Arc<Service>, watch::Receiver<bool>)>;

pub(super) fn serve(listener: TcpListener, service: Service, mut close: watch::Receiver<bool>) -> JoinHandle<()> {
    let door = service.door.clone();
    let state = (Arc::new(service), close.clone());
    let changes = Router::new()
        .route("/actions/{id}", post(answer))
        .route("/remarks", post(remark))
        .route("/pause", post(pause))
        .route("/abort", post(abort))
        .route("/link", post(link))
        .route_layer(middleware::from_fn_with_state(door.clone(), from_page));
    let pages = Router::new()
        .route("/", get(|| async { file("text/html; charset=utf-8", PAGE) }))
        .route("/page.css", get(|| async { file("text/css; charset=utf-8", STYLE) }))
        .route("/page.js", get(|| async { file("text/javascript; charset=utf-8", SCRIPT) }))
        .route("/state", get(state_now))
        .route("/events", get(events));
    let service = pages
        .merge(changes)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(middleware::from_fn_with_state(door, let_in))
        .with_state(state);
    tokio::spawn(async move {
        let closed = async move {
            let _ = close.wait_for(|close| *close).await;
        };
        let _ = axum::serve(listener, service).with_graceful_shutdown(closed).await;
    })
}

fn file(kind: &'static str, content: &'static str) -> Response {
    ([(header::CONTENT_TYPE, kind)], content).into_response()
}

async fn state_now(State((service, _)): Shared) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], service.state.snapshot().to_string()).into_response()
}

/// The state, now and whenever it has changed. A browser that is slow gets the newest only.
async fn events(State((service, close)): Shared) -> Response {
    service.state.clone().events(close, BREATH)
}

fn said(result: Result<(), Refused>) -> Response {
    match result {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(refused) => {
            let status = match refused {
                Refused::Over => StatusCode::CONFLICT,
                Refused::Unknown => StatusCode::NOT_FOUND,
                Refused::TooMany => StatusCode::TOO_MANY_REQUESTS,
                Refused::Length | Refused::Unfitting => StatusCode::BAD_REQUEST,
            };
            (status, refused.to_string()).into_response()
        }
    }
}

fn read<'b, T: Deserialize<'b>>(body: &'b Bytes) -> Result<T, (StatusCode, String)> {
    serde_json::from_slice(body).map_err(|error| (StatusCode::BAD_REQUEST, error.to_string()))
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Answer {
    Done,
    NotPossible,
    Denied,
}

#[derive(Deserialize)]
struct Answered {
    answer: Answer,
    #[serde(default)]
    reason: String,
}

async fn answer(State((service, _)): Shared, Path(id): Path<u64>, body: Bytes) -> Response {
    let answered: Answered = match read(&body) {
        Ok(answered) => answered,
        Err(refusal) => return refusal.into_response(),
    };
    let reason = crate::yaml::shorten(answered.reason.trim(), 300);
    let reason = |without: &str| if reason.is_empty() { without.to_owned() } else { reason.clone() };
    said(service.state.answer(
        id,
        match answered.answer {
            Answer::Done => ActionOutcome::Done,
            Answer::NotPossible => ActionOutcome::NotPossible(reason("the operator says so")),
            Answer::Denied => ActionOutcome::Denied(reason("the operator says no")),
        },
    ))
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Remark {
    test_case: String,
    text: String,
}

async fn remark(State((service, _)): Shared, body: Bytes) -> Response {
    match read::<Remark>(&body) {
        Ok(remark) => said(service.state.remark(&remark.test_case, &remark.text)),
        Err(refusal) => refusal.into_response(),
    }
}

#[derive(Deserialize)]
struct Pause {
    paused: bool,
}

async fn pause(State((service, _)): Shared, body: Bytes) -> Response {
    match read::<Pause>(&body) {
        Ok(pause) => {
            service.paused.send_replace(pause.paused);
            service.state.pause(pause.paused);
            said(Ok(()))
        }
        Err(refusal) => refusal.into_response(),
    }
}

async fn abort(State((service, _)): Shared) -> Response {
    service.state.abort();
    service.stop.send_replace(true);
    said(Ok(()))
}

/// A link for another browser, a phone's say.
async fn link(State((service, _)): Shared, headers: HeaderMap) -> Response {
    let url = service.door.link(&headers);
    ([(header::CONTENT_TYPE, "application/json")], json!({ "url": url }).to_string()).into_response()
}
