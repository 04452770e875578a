//! The workbench over HTTP: the files of the page, what it asks for, what it lets do, and the state as server-sent events.

use std::{
    io::Read as _,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{DefaultBodyLimit, Path, RawQuery, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    middleware,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::{
    net::TcpListener,
    sync::{mpsc, watch},
    task::JoinHandle,
};
use tokio_stream::wrappers::ReceiverStream;

use super::{
    Settings, detail,
    inputs::Inputs,
    job::{Job, Stop},
    live::{About, Live, Seen},
    order::{Chosen, TestCases},
    refused::Refused,
    runs::{Runs, cases},
};
use crate::{
    operator::web::door::{Door, from_page, let_in},
    record::folder::default_name,
};

/// The files of the page: where each is served, what it is.
const PAGE: [(&str, &str, &str); 8] = [
    ("/", "text/html; charset=utf-8", include_str!("page/page.html")),
    ("/page.css", "text/css; charset=utf-8", include_str!("page/page.css")),
    ("/page.js", "text/javascript; charset=utf-8", include_str!("page/page.js")),
    ("/dom.js", "text/javascript; charset=utf-8", include_str!("page/dom.js")),
    ("/plan.js", "text/javascript; charset=utf-8", include_str!("page/plan.js")),
    ("/case.js", "text/javascript; charset=utf-8", include_str!("page/case.js")),
    ("/questions.js", "text/javascript; charset=utf-8", include_str!("page/questions.js")),
    ("/runs.js", "text/javascript; charset=utf-8", include_str!("page/runs.js")),
];

/// Longest body of a request, bytes: the ids of all test cases have room.
const MAX_BODY: usize = 64 * 1024;
/// Changes that come closer together than this are sent together.
const BREATH: Duration = Duration::from_millis(80);
/// How much of a file is sent at once, bytes.
const PIECE: usize = 64 * 1024;

/// A report is shown as a page of nobody: its script may draw, and reach nothing.
const REPORT_POLICY: &str = "sandbox allow-scripts allow-popups; default-src 'none'; script-src 'unsafe-inline'; \
                             style-src 'unsafe-inline'; img-src data:; font-src data:; base-uri 'none'; form-action 'none'; \
                             frame-ancestors 'none'";

/// What requests have to do with.
pub(super) struct Desk {
    inputs: Inputs,
    test_cases: TestCases,
    runs: Runs,
    traces: detail::Traces,
    live: Arc<Live>,
    program: PathBuf,
    job: Mutex<Option<Arc<Job>>>,
}

impl std::fmt::Debug for Desk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Desk").finish_non_exhaustive()
    }
}

impl Desk {
    pub(super) fn new(settings: Settings) -> Self {
        Self {
            inputs: Inputs::new(settings.folders, settings.faults),
            test_cases: TestCases::new(settings.test_cases),
            runs: Runs::new(settings.runs),
            traces: detail::Traces::default(),
            live: Arc::new(Live::new()),
            program: settings.program,
            job: Mutex::default(),
        }
    }

    fn job(&self) -> Option<Arc<Job>> {
        self.job.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The folder for a run that begins now, of a name that is free.
    fn new_folder(&self, product: &str, now: jiff::Timestamp) -> PathBuf {
        let name = default_name(product, now);
        let free = |name: &str| Some(self.runs.folder.join(name)).filter(|path| !path.exists());
        free(&name)
            .or_else(|| (2..100).find_map(|number| free(&format!("{name}-{number}"))))
            .unwrap_or_else(|| self.runs.folder.join(uuid::Uuid::new_v4().to_string()))
    }

    fn start(&self, start: &Start) -> Result<(), Refused> {
        let chosen = Chosen::read(&self.inputs, &self.test_cases, &start.pics, &start.bench)?;
        let tests = chosen.tests(&start.tests)?;
        let now = jiff::Timestamp::now();
        let out = self.new_folder(&chosen.pics.product.designation, now);
        let named = if start.tests.is_empty() { &[] } else { tests.as_slice() };
        let command = chosen.command(named, out.clone(), &self.test_cases, &self.inputs.faults);
        let about = About {
            product: chosen.pics.product.designation.clone(),
            pics: start.pics.clone(),
            bench: start.bench.clone(),
            folder: out.display().to_string(),
            key: super::inputs::id_of(&out),
            command: command.shown(),
            chosen: tests,
            started: now,
            person: command.asks_a_person,
        };
        self.live.begin(about, chosen.protocol)?;
        match Job::start(&self.program, &command, self.live.clone()) {
            Ok(job) => {
                *self.job.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(job));
                Ok(())
            }
            Err(error) => {
                self.live.said(&format!("{} can't be started: {error}", self.program.display()));
                self.live.over(Some(4));
                Err(Refused::Own(error.to_string()))
            }
        }
    }

    fn stop(&self, how: Stop) -> Result<(), Refused> {
        self.live.running().ok_or(Refused::Idle)?;
        let job = self.job().ok_or(Refused::Idle)?;
        self.live.stopping();
        job.stop(how);
        Ok(())
    }

    /// Ends the run, if there is one, and waits for its end.
    pub(super) async fn end_run(&self) {
        if self.stop(Stop::Orderly).is_ok() {
            if let Some(job) = self.job() {
                job.ended().await;
            }
        }
    }
}

type Shared = State<(Arc<Desk>, Arc<Door>, watch::Receiver<bool>)>;

pub(super) fn serve(
    listener: TcpListener,
    desk: Arc<Desk>,
    door: Arc<Door>,
    mut close: watch::Receiver<bool>,
) -> JoinHandle<()> {
    let state = (desk, door.clone(), close.clone());
    let changes = Router::new()
        .route("/start", post(start))
        .route("/stop", post(stop))
        .route("/runs/{key}/actions/{id}", post(answer))
        .route("/remarks", post(|state: Shared, body: Bytes| hand_on(state, "/remarks", body)))
        .route("/pause", post(|state: Shared, body: Bytes| hand_on(state, "/pause", body)))
        .route("/link", post(link))
        .route_layer(middleware::from_fn_with_state(door.clone(), from_page));
    let mut pages = Router::new()
        .route("/choices", get(choices))
        .route("/plan", get(plan))
        .route("/state", get(state_now))
        .route("/events", get(events))
        .route("/runs", get(runs))
        .route("/runs/{key}", get(outcome))
        .route("/runs/{key}/compare", get(compare))
        .route("/runs/{key}/cases/{id}", get(case))
        .route("/runs/{key}/files/{file}", get(report))
        .route("/runs/{key}/package", get(package));
    for (path, kind, content) in PAGE {
        pages = pages.route(path, get(move || async move { ([(header::CONTENT_TYPE, kind)], content) }));
    }
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

fn json(value: &impl Serialize) -> Response {
    match serde_json::to_string(value) {
        Ok(text) => ([(header::CONTENT_TYPE, "application/json")], text).into_response(),
        Err(error) => Refused::Own(error.to_string()).into_response(),
    }
}

/// Reads files, off the threads that serve.
async fn off<T: Send + 'static>(work: impl FnOnce() -> Result<T, Refused> + Send + 'static) -> Result<T, Refused> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(Refused::Own(error.to_string())))
}

/// A value of the query.
fn asked(query: Option<&str>, name: &str) -> Option<String> {
    let mut pairs = url::form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

async fn choices(State((desk, ..)): Shared) -> Result<Response, Refused> {
    off(move || Ok(json(&desk.inputs.choices()))).await
}

async fn plan(State((desk, ..)): Shared, RawQuery(query): RawQuery) -> Result<Response, Refused> {
    let (pics, bench) = (asked(query.as_deref(), "pics"), asked(query.as_deref(), "bench"));
    off(move || {
        let chosen =
            Chosen::read(&desk.inputs, &desk.test_cases, &pics.unwrap_or_default(), &bench.unwrap_or_default())?;
        let out = desk.new_folder(&chosen.pics.product.designation, jiff::Timestamp::now());
        Ok(json(&chosen.plan(&desk.test_cases, out, &desk.inputs.faults)))
    })
    .await
}

async fn state_now(State((desk, ..)): Shared) -> Response {
    json(&desk.live.since(&mut Seen::default()))
}

/// The state, now and whenever it has changed, with what is new of results and rows. A browser that is slow gets it less often.
async fn events(State((desk, _, close)): Shared) -> Response {
    desk.live.clone().events(close, BREATH)
}

async fn runs(State((desk, ..)): Shared) -> Result<Response, Refused> {
    off(move || Ok(json(&desk.runs.list()))).await
}

async fn outcome(State((desk, ..)): Shared, Path(key): Path<String>) -> Result<Response, Refused> {
    off(move || Ok(json(&desk.runs.outcome(&key)?))).await
}

async fn compare(
    State((desk, ..)): Shared,
    Path(key): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Refused> {
    off(move || Ok(json(&desk.runs.compare(&key, asked(query.as_deref(), "with").as_deref())?))).await
}

async fn case(State((desk, ..)): Shared, Path((key, id)): Path<(String, String)>) -> Result<Response, Refused> {
    off(move || {
        let folder = desk.runs.find(&key)?;
        Ok(json(&detail::of_case(&folder, &cases(&folder)?, &id, &desk.traces)?))
    })
    .await
}

/// A report: a page is shown, by itself and without any right; anything else is saved.
async fn report(State((desk, ..)): Shared, Path((key, file)): Path<(String, String)>) -> Result<Response, Refused> {
    let (report, name, mut from) = off(move || {
        let (path, report, name) = desk.runs.report(&key, &file)?;
        let from = std::fs::File::open(&path).map_err(|error| Refused::Own(error.to_string()))?;
        Ok((report, name, from))
    })
    .await?;
    let (pieces, stream) = mpsc::channel::<std::io::Result<Bytes>>(2);
    tokio::task::spawn_blocking(move || {
        let mut piece = vec![0; PIECE];
        loop {
            let read = match from.read(&mut piece) {
                Ok(0) => break,
                Ok(read) => Ok(Bytes::copy_from_slice(&piece[..read])),
                Err(error) => Err(error),
            };
            let last = read.is_err();
            if pieces.blocking_send(read).is_err() || last {
                break;
            }
        }
    });
    let mut response = Body::from_stream(ReceiverStream::new(stream)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(report.kind));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(REPORT_POLICY));
    if !report.page {
        headers.insert(header::CONTENT_DISPOSITION, attachment(&name)?);
    }
    Ok(response)
}

/// The evidence of a run as one file, made when it is asked for.
async fn package(State((desk, ..)): Shared, Path(key): Path<String>) -> Result<Response, Refused> {
    let (file, name) = off(move || desk.runs.package(&key)).await?;
    let kind = HeaderValue::from_static("application/zip");
    Ok(([(header::CONTENT_TYPE, kind), (header::CONTENT_DISPOSITION, attachment(&name)?)], file).into_response())
}

/// A browser saves it under this name.
fn attachment(name: &str) -> Result<HeaderValue, Refused> {
    HeaderValue::from_str(&format!("attachment; filename=\"{name}\"")).map_err(|_| Refused::NoSuchRun)
}

fn read<'b, T: Deserialize<'b>>(body: &'b Bytes) -> Result<T, Refused> {
    serde_json::from_slice(body).map_err(|error| Refused::Malformed(error.to_string()))
}

#[derive(Deserialize)]
struct Start {
    pics: String,
    bench: String,
    /// Only these; none: all that apply.
    #[serde(default)]
    tests: Vec<String>,
}

async fn start(State((desk, ..)): Shared, body: Bytes) -> Result<Response, Refused> {
    let start: Start = read(&body)?;
    // The process belongs to this runtime, whichever thread starts it.
    off(move || desk.start(&start)).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

#[derive(Deserialize)]
struct HowToStop {
    /// Without waiting for the reports.
    #[serde(default)]
    kill: bool,
}

async fn stop(State((desk, ..)): Shared, body: Bytes) -> Result<Response, Refused> {
    let how = if read::<HowToStop>(&body)?.kill { Stop::Kill } else { Stop::Orderly };
    desk.stop(how)?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// An answer to what was asked in this run, and in no other: the numbers of questions begin anew with each.
async fn answer(
    State((desk, ..)): Shared,
    Path((run, id)): Path<(u64, u64)>,
    body: Bytes,
) -> Result<Response, Refused> {
    if desk.live.running() != Some(run) {
        return Err(Refused::Idle);
    }
    post_on(&desk, &format!("/actions/{id}"), body).await
}

async fn hand_on(State((desk, ..)): Shared, path: &str, body: Bytes) -> Result<Response, Refused> {
    post_on(&desk, path, body).await
}

async fn post_on(desk: &Desk, path: &str, body: Bytes) -> Result<Response, Refused> {
    let job = desk.job().ok_or(Refused::Idle)?;
    job.operator.post(path, body).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// A link for another browser, a phone's say.
async fn link(State((_, door, _)): Shared, headers: HeaderMap) -> Response {
    json(&json!({ "url": door.link(&headers) }))
}
