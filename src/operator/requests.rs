//! Manual actions done at the API of a CSMS, by the request templates of the bench.

use std::{collections::HashMap, sync::Arc, time::Duration};

use serde_json::{Map, Value};
use url::Url;

use super::{ActionOutcome, BoxFuture, ManualAction, Operator, actions, http};
use crate::{
    bench::{
        Bench,
        operator::{HttpRequests, Request, is_secret},
    },
    link::Secret,
    template::{Names, Template, TemplateError},
};

/// How long an answer may take where the bench does not say, seconds.
const PATIENCE: f64 = 60.0;

/// The operator of a bench with `operator: http:`, if it has one.
pub fn of_bench(bench: &Bench) -> Result<Option<Arc<dyn Operator>>, String> {
    let Some(requests) = bench.operator.clone() else { return Ok(None) };
    let roots = match requests.root.as_str() {
        "" => None,
        path => Some(std::fs::read_to_string(path).map_err(|error| format!("{path} can't be read: {error}"))?),
    };
    let stations = bench.as_stations(bench.pool(), false).into_iter();
    let stations = stations.map(|bench| (bench.identity, Value::Object(bench.values))).collect();
    Ok(Some(Arc::new(Requests { told: requests, roots, stations, bench: Value::Object(bench.values.clone()) })))
}

struct Requests {
    told: HttpRequests,
    /// What is trusted with `https`, PEM.
    roots: Option<String>,
    /// The bench as each station of the pool sees it.
    stations: HashMap<String, Value>,
    bench: Value,
}

/// A request whose templates are filled in.
struct Filled {
    method: String,
    url: Url,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Operator for Requests {
    fn perform(&self, action: ManualAction) -> BoxFuture<'_, ActionOutcome> {
        Box::pin(async move {
            let message = action.parameters.get("action").and_then(Value::as_str).filter(|_| action.action == "send");
            let request = self.told.request(&action.action, message);
            let wished = message.map_or_else(|| action.action.clone(), |message| format!("send {message}"));
            if let Some(reason) = request.refused {
                return ActionOutcome::NotPossible(reason);
            }
            let mut names = self.names(&action, message);
            let filled = match self.fill(&request, &names) {
                Ok(Some(filled)) => filled,
                Ok(None) => {
                    return ActionOutcome::NotPossible(format!("the bench has no request for `{wished}`"));
                }
                Err(reason) => return ActionOutcome::Failed(format!("the bench's request for `{wished}`: {reason}")),
            };
            // Nobody is to read there what only the API may.
            let clean = |text: &str| {
                let secret = filled.headers.iter().filter(|(name, _)| is_secret(name));
                secret.fold(text.to_owned(), |text, (_, value)| text.replace(value.as_str(), "[redacted]"))
            };
            let what = format!("{} {}", filled.method, shown_url(&filled.url));
            let seconds = request.timeout.unwrap_or(PATIENCE);
            let limit = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX);
            let Filled { method, url, headers, body } = &filled;
            let exchange = http::exchange(method, url, headers, body.clone(), self.roots.as_deref());
            let (status, text) = match tokio::time::timeout(limit, exchange).await {
                Ok(Ok(answer)) => answer,
                Ok(Err(error)) => return ActionOutcome::Failed(clean(&format!("{what}: {error}"))),
                Err(_) => {
                    return ActionOutcome::NotPossible(format!("{what} was not answered within {seconds} s"));
                }
            };
            let said = clean(&format!("{what} was answered {status}: {}", http::shown(&text)));
            names.insert("status".into(), status.into());
            let response = serde_json::from_str(&text).unwrap_or(Value::String(text));
            names.insert("response".into(), response);
            let question = actions::find(&action.action).is_some_and(actions::ActionInfo::is_question);
            judge(&request, status, &names, question, said)
        })
    }

    fn secrets(&self) -> Vec<Secret> {
        self.told.secrets.clone()
    }
}

impl Requests {
    fn names(&self, action: &ManualAction, message: Option<&str>) -> Names {
        let station = action.parameters.get("station").and_then(Value::as_str).unwrap_or_default();
        let mut names = Names::default();
        for (name, value) in [
            ("asked", Value::from(action.action.as_str())),
            ("action", message.unwrap_or(&action.action).into()),
            ("payload", action.parameters.get("payload").cloned().unwrap_or_else(|| Value::Object(Map::new()))),
            ("parameters", Value::Object(action.parameters.clone())),
            ("station", station.into()),
            ("bench", self.stations.get(station).unwrap_or(&self.bench).clone()),
            ("env", Value::Object(self.told.env.clone())),
        ] {
            names.insert(name.into(), value);
        }
        names
    }

    /// `None`: the bench does not say where to send it.
    fn fill(&self, request: &Request, names: &Names) -> Result<Option<Filled>, String> {
        let wrong = |error: TemplateError| error.to_string();
        let text = |template: &Template| template.evaluate(names).map(|value| scalar(&value)).map_err(wrong);
        let Some(url) = &request.url else { return Ok(None) };
        let mut url = text(url)?;
        if url.starts_with('/') {
            url = format!("{}{url}", text(&self.told.base)?.trim_end_matches('/'));
        }
        let url = Url::parse(&url).map_err(|error| format!("`{url}` is no URL ({error})"))?;
        let method = request.method.as_ref().map_or_else(|| Ok("POST".to_owned()), text)?;
        let mut headers = Vec::new();
        for (name, template) in &request.headers {
            match template.evaluate(names).map_err(wrong)? {
                Value::Null => {}
                value => headers.push((name.clone(), scalar(&value))),
            }
        }
        let body = match request.body.as_ref().map(|body| body.evaluate(names)).transpose().map_err(wrong)? {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::String(text)) => text.into_bytes(),
            Some(value) => {
                if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
                    headers.push(("Content-Type".into(), "application/json".into()));
                }
                value.to_string().into_bytes()
            }
        };
        Ok(Some(Filled { method, url, headers, body }))
    }
}

/// What an answer means.
fn judge(request: &Request, status: u16, names: &Names, question: bool, said: String) -> ActionOutcome {
    let among = |ranges: &Option<Vec<(u16, u16)>>, otherwise: &[(u16, u16)]| {
        ranges.as_deref().unwrap_or(otherwise).iter().any(|(from, to)| (*from..=*to).contains(&status))
    };
    if question && among(&request.denied, &[(417, 417)]) {
        return ActionOutcome::Denied(said);
    }
    if among(&request.not_possible, &[(409, 409), (501, 501)]) {
        return ActionOutcome::NotPossible(said);
    }
    if !among(&request.done, &[(200, 299)]) {
        return ActionOutcome::Failed(said);
    }
    match request.done_when.as_ref().map_or(Ok(true), |condition| condition.holds(names)) {
        Ok(true) => ActionOutcome::Done,
        Ok(false) if question => ActionOutcome::Denied(said),
        Ok(false) => ActionOutcome::NotPossible(said),
        // The answer lacks what the condition looks at.
        Err(error) => ActionOutcome::Failed(format!("{said}; done-when {error}")),
    }
}

fn scalar(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// A URL without what may be secret in it: user, password and query.
fn shown_url(url: &Url) -> String {
    let mut url = url.clone();
    let _ = url.set_password(None);
    let _ = url.set_username("");
    url.set_query(None);
    url.to_string()
}
