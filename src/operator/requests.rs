//! Manual actions done at the API of a CSMS, by the request templates of the bench.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use serde_json::{Map, Value, json};
use url::Url;

use super::{
    BoxFuture, Operator, http,
    patience::{self, Try, patiently},
};
use crate::{
    bench::{
        Bench,
        operator::{HttpRequests, Instead, Request, is_secret},
    },
    link::Secret,
    manual_action::{
        ActionOutcome, ManualAction,
        actions::{self, ActionInfo},
        settings::{CONFIGURE, RESTORE},
    },
    redaction::{REDACTED, Replacements},
    template::{Names, Template, TemplateError},
    vocabulary::Property,
};

/// How long an answer may take where the bench does not say, seconds.
const TIMEOUT: f64 = 60.0;
/// What is asked about is not there, or not yet, or the bench's URL is wrong.
const NOT_FOUND: u16 = 404;

/// The operator of a bench with `operator: http:`, if it has one.
pub fn of_bench(bench: &Bench) -> Result<Option<Arc<dyn Operator>>, String> {
    let Some(requests) = bench.operator.clone() else { return Ok(None) };
    let roots = match requests.root.as_str() {
        "" => None,
        path => Some(std::fs::read_to_string(path).map_err(|error| format!("{path} can't be read: {error}"))?),
    };
    let stations = bench.as_stations(bench.pool(), false).into_iter();
    let stations = stations.map(|bench| (bench.identity, Value::Object(bench.values))).collect();
    let patience = patience::of_bench(bench);
    let bench = Value::Object(bench.values.clone());
    Ok(Some(Arc::new(Requests { told: requests, roots, stations, bench, patience, sent: Mutex::default() })))
}

struct Requests {
    told: HttpRequests,
    /// What is trusted with `https`, PEM.
    roots: Option<String>,
    /// The bench as each station of the pool sees it.
    stations: HashMap<String, Value>,
    bench: Value,
    /// How long the same is asked again.
    patience: Duration,
    /// By station: the last message that the API was asked to send, and what it answered.
    sent: Mutex<HashMap<String, Value>>,
}

/// A request whose templates are filled in.
struct Filled {
    method: String,
    url: Url,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

/// What the API answered.
#[derive(Debug, Clone)]
struct Answer {
    status: u16,
    /// Its JSON, or its text.
    response: Value,
}

impl Answer {
    fn told(self, names: &mut Names) {
        names.insert("status", self.status.into());
        names.insert("response", self.response);
    }
}

impl Operator for Requests {
    fn perform(&self, action: ManualAction) -> BoxFuture<'_, ActionOutcome> {
        Box::pin(async move {
            let request = self.told.request(&action);
            let wished = wished(&action);
            match &request.instead {
                Some(Instead::NotNeeded) => return ActionOutcome::Done,
                Some(Instead::Refused(reason)) => return ActionOutcome::NotPossible(reason.clone()),
                None => {}
            }
            let mut names = self.names(&action);
            let (outcome, answer) = self.request(&action, &request, &wished, &names).await;
            let sent = action.action == "send" && outcome == ActionOutcome::Done;
            self.remember(&action, answer.as_ref().filter(|_| sent));
            if outcome != ActionOutcome::Done {
                return outcome;
            }
            if let Some(answer) = answer {
                answer.told(&mut names);
            }
            self.follow_up(&action, &request, &wished, names).await
        })
    }

    fn secrets(&self) -> Vec<Secret> {
        self.told.secrets.clone()
    }
}

/// What is asked for, in a few words.
fn wished(action: &ManualAction) -> String {
    let text = |name: &str| action.parameters.get(name).and_then(Value::as_str);
    let about = match action.action.as_str() {
        "send" => text("action"),
        CONFIGURE | RESTORE => text("what"),
        _ => None,
    };
    about.map_or_else(|| action.action.clone(), |about| format!("{} {about}", action.action))
}

/// Why nothing can be asked of the API.
fn missing(action: &ManualAction, wished: &str) -> String {
    let missing = format!("the bench has no request for `{wished}`");
    if action.action == RESTORE {
        return format!("{missing}: add one, or write `not-needed` if the CSMS restores the setting by itself");
    }
    missing
}

impl Requests {
    /// Makes a request, again where that may help: what it came to, and what was answered last.
    async fn request(
        &self,
        action: &ManualAction,
        request: &Request,
        wished: &str,
        names: &Names,
    ) -> (ActionOutcome, Option<Answer>) {
        let filled = match self.fill(request, names) {
            Ok(Some(filled)) => filled,
            Ok(None) => return (ActionOutcome::NotPossible(missing(action, wished)), None),
            Err(reason) => {
                let reason = format!("the bench's request for `{wished}`: {reason}");
                return (ActionOutcome::NotPossible(reason), None);
            }
        };
        let question = actions::find(&action.action).is_some_and(ActionInfo::is_question);
        // What nobody asks again has no patience.
        let patience = if question || request.retry_while.is_some() { self.patience } else { Duration::default() };
        let last = Mutex::new(None);
        let outcome = patiently(patience, || self.attempt(request, &filled, names.clone(), question, &last)).await;
        (outcome, last.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    /// Makes the requests that follow one that is done.
    async fn follow_up(
        &self,
        action: &ManualAction,
        request: &Request,
        wished: &str,
        mut names: Names,
    ) -> ActionOutcome {
        for (step, index) in request.then.iter().zip(1..) {
            let of = format!("{wished}, request {index} under `then`");
            match step.when.as_ref().map_or(Ok(true), |when| when.is_true(&names)) {
                Ok(true) => {}
                Ok(false) => continue,
                Err(error) => {
                    return ActionOutcome::NotPossible(format!(
                        "the bench's `when` for `{of}` can't be evaluated: {error}"
                    ));
                }
            }
            let (outcome, answer) = self.request(action, &step.request, &of, &names).await;
            if outcome != ActionOutcome::Done {
                return outcome;
            }
            if let Some(answer) = answer {
                answer.told(&mut names);
            }
        }
        ActionOutcome::Done
    }

    /// Keeps what the API said of a message: some tell there and nowhere else what the station answered.
    fn remember(&self, action: &ManualAction, answer: Option<&Answer>) {
        if action.action != "send" {
            return;
        }
        let member = |name: &str| action.parameters.get(name).cloned().unwrap_or_default();
        let told = answer.map_or(Value::Null, |answer| {
            json!({
                "action": member("action"), "payload": member("payload"),
                "status": answer.status, "response": answer.response,
            })
        });
        let station = member("station").as_str().unwrap_or_default().to_owned();
        self.sent.lock().unwrap_or_else(PoisonError::into_inner).insert(station, told);
    }

    /// One exchange with the API, and what it came to. Whatever the API answers, or does not, is no error of ours.
    async fn attempt(
        &self,
        request: &Request,
        filled: &Filled,
        mut names: Names,
        question: bool,
        last: &Mutex<Option<Answer>>,
    ) -> Try {
        // Nobody is to read there what only the API may.
        let secret = filled.headers.iter().filter(|(name, _)| is_secret(name));
        let secrets = Replacements::new(secret.map(|(_, value)| (value.as_str(), REDACTED.to_owned())));
        let clean = |text: &str| secrets.apply(text);
        let what = format!("{} {}", filled.method, shown_url(&filled.url));
        let seconds = request.timeout.unwrap_or(TIMEOUT);
        let limit = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX);
        let Filled { method, url, headers, body } = filled;
        let exchange = http::exchange(method, url, headers, body.clone(), self.roots.as_deref());
        let (status, text) = match tokio::time::timeout(limit, exchange).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => return Try::Over(ActionOutcome::NotPossible(clean(&format!("{what}: {error}")))),
            Err(_) => {
                let reason = format!("{what} was not answered within {seconds} s");
                return Try::Over(ActionOutcome::NotPossible(reason));
            }
        };
        let said = clean(&format!("{what} was answered {status}: {}", http::shown(&text)));
        let answer = Answer { status, response: serde_json::from_str(&text).unwrap_or(Value::String(text)) };
        answer.clone().told(&mut names);
        *last.lock().unwrap_or_else(PoisonError::into_inner) = Some(answer);
        judge(request, status, &names, question, said)
    }

    fn names(&self, action: &ManualAction) -> Names {
        let text = |name: &str| action.parameters.get(name).and_then(Value::as_str);
        let message = text("action").filter(|_| action.action == "send");
        let station = text("station").unwrap_or_default();
        // A parameter that may be missing is none, so that whatever stands for it is left out.
        let known = actions::find(&action.action).map_or(&[][..], |known| known.parameters);
        let mut parameters: Map<String, Value> = known.iter().map(absent).collect();
        parameters.extend(action.parameters.clone());
        let sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner).get(station).cloned().unwrap_or_default();
        let mut names = Names::default();
        for (name, value) in [
            ("asked", Value::from(action.action.as_str())),
            ("action", message.unwrap_or(&action.action).into()),
            ("payload", action.parameters.get("payload").cloned().unwrap_or_else(|| Value::Object(Map::new()))),
            ("parameters", Value::Object(parameters)),
            ("station", station.into()),
            ("sent", sent),
            ("bench", self.stations.get(station).unwrap_or(&self.bench).clone()),
            ("env", Value::Object(self.told.env.clone())),
        ] {
            names.insert(name, value);
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
        let url = Url::parse(&url).map_err(|error| format!("invalid URL `{url}` ({error})"))?;
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

fn absent(parameter: &Property) -> (String, Value) {
    (parameter.name.to_owned(), Value::Null)
}

/// What an answer means.
fn judge(request: &Request, status: u16, names: &Names, question: bool, said: String) -> Try {
    let among = |ranges: &Option<Vec<(u16, u16)>>, otherwise: &[(u16, u16)]| {
        ranges.as_deref().unwrap_or(otherwise).iter().any(|(from, to)| (*from..=*to).contains(&status))
    };
    let again = match request.retry_while.as_ref().map(|condition| condition.is_true(names)) {
        Some(Ok(again)) => again,
        // It speaks of something that this answer does not have.
        None | Some(Err(_)) => false,
    };
    let outcome = if question && among(&request.denied, &[(417, 417)]) {
        return Try::NotYet(ActionOutcome::Denied(said));
    } else if among(&request.not_possible, &[(409, 409), (501, 501)]) {
        ActionOutcome::NotPossible(said)
    } else if among(&request.done, &[(200, 299)]) {
        match request.done_when.as_ref().map_or(Ok(true), |condition| condition.is_true(names)) {
            Ok(true) => ActionOutcome::Done,
            Err(error) if question && names.get("response").is_some_and(is_page) => {
                let help = "the answer is text, not the JSON that done-when is about";
                return Try::NotYet(ActionOutcome::NotPossible(format!("{said}; {help}: {error}")));
            }
            holds => {
                let why =
                    holds.err().map(|error| format!("; done-when can't be evaluated: {error}")).unwrap_or_default();
                if question {
                    return Try::NotYet(ActionOutcome::Denied(said + &why));
                }
                ActionOutcome::NotPossible(said + &why)
            }
        }
    } else if question && status == NOT_FOUND {
        let help = "if this status means that the CSMS does not know it, write `denied: 404` in the bench";
        return Try::NotYet(ActionOutcome::NotPossible(format!("{said}; {help}")));
    } else {
        let help = "the bench does not cover this status under `done`, `not-possible` or `denied`";
        ActionOutcome::NotPossible(format!("{said}; {help}"))
    };
    if again { Try::NotYet(outcome) } else { Try::Over(outcome) }
}

/// True for an answer of text.
fn is_page(response: &Value) -> bool {
    response.as_str().is_some_and(|text| !text.is_empty())
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Conditions over what an API answers, as benches have them.
    const CONDITIONS: [&str; 9] = [
        "response.value == parameters.value",
        "response.result[0].attributeValue == parameters.value",
        "response.result in [true, 'Accepted']",
        "(response | first).a and (response | last).b",
        "response | selectattr('a', 'equalto', 1) | list",
        "response.a and response.b",
        "response.a + 1 > 2",
        "response | length",
        "missing.name",
    ];

    #[test]
    fn the_page_of_a_login_answers_no_question() {
        let judged = |response: Value| {
            let mut names = Names::default();
            names.insert("parameters", json!({ "value": "x" }));
            Answer { status: 200, response }.told(&mut names);
            let done_when = Some(Template::expression("response.result.status == parameters.value"));
            let (Try::Over(outcome) | Try::NotYet(outcome)) =
                judge(&Request { done_when, ..Request::default() }, 200, &names, true, String::new());
            outcome
        };
        assert!(matches!(judged("<html>Log in</html>".into()), ActionOutcome::NotPossible(_)));
        assert!(matches!(judged(json!({ "result": {} })), ActionOutcome::Denied(_)));
        assert!(matches!(judged(json!({ "result": { "status": "x" } })), ActionOutcome::Done));
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            "\\PC{0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 16, 3, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Value::Array),
                prop::collection::vec(("a|b|value|result", inner), 0..3)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// No answer is an error of ours, and only a question can be answered with no.
        #[test]
        fn no_answer_of_an_api_is_an_error(response in any_json(), status in 100_u16..600, question: bool) {
            let mut names = Names::default();
            names.insert("parameters", json!({ "value": "x" }));
            Answer { status, response }.told(&mut names);
            for condition in CONDITIONS {
                let condition = Some(Template::expression(condition));
                let request = Request { done_when: condition.clone(), retry_while: condition, ..Request::default() };
                let (Try::Over(outcome) | Try::NotYet(outcome)) = judge(&request, status, &names, question, String::new());
                match outcome {
                    ActionOutcome::Done => prop_assert!((200..300).contains(&status)),
                    ActionOutcome::NotPossible(_) => {}
                    ActionOutcome::Denied(_) => prop_assert!(question),
                    ActionOutcome::Failed(why) => prop_assert!(false, "{why}"),
                }
            }
        }
    }
}
