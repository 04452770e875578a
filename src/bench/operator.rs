//! How manual actions are done at the API of a CSMS: HTTP requests, each from templates, told in the bench file.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::{
    link::Secret,
    ocpp::schema,
    operator::actions,
    template::{Names, Template},
    yaml::{Defect, Kind, Node, nearest},
};

/// What the bench file says under `operator: http:`.
#[derive(Debug, Clone)]
pub struct HttpRequests {
    /// What a URL that begins with `/` is appended to.
    pub base: Template,
    /// Root certificates for `https` (PEM file); empty: the system's.
    pub root: String,
    /// Holds for every request.
    defaults: Request,
    /// Per manual action (`send`, `configure`, `check-variable` …), laid over the defaults.
    actions: BTreeMap<String, Request>,
    /// Per OCPP action that is to be sent, laid over `send`.
    messages: BTreeMap<String, Request>,
    /// Environment variables that templates name, with their values.
    pub env: Map<String, Value>,
    /// What must not appear in any artefact.
    pub secrets: Vec<Secret>,
}

/// A request, or a part of one that is laid over another.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// `POST`, unless it says otherwise.
    pub method: Option<Template>,
    /// Where to.
    pub url: Option<Template>,
    /// Headers by name; one that yields `none` is left out.
    pub headers: Vec<(String, Template)>,
    /// What is sent: text as it is, anything else as JSON.
    pub body: Option<Template>,
    /// Status codes that mean that it was done; `None`: 200 to 299.
    pub done: Option<Vec<(u16, u16)>>,
    /// Status codes that mean that it is not possible here; `None`: 409 and 501.
    pub not_possible: Option<Vec<(u16, u16)>>,
    /// Status codes that answer a question with no; `None`: 417.
    pub denied: Option<Vec<(u16, u16)>>,
    /// What must also hold of the answer (`status`, `response`) for it to be done.
    pub done_when: Option<Template>,
    /// How long the answer may take, seconds.
    pub timeout: Option<f64>,
    /// It can't be done at this product, for this reason.
    pub refused: Option<String>,
}

/// Keys of a request.
pub(crate) const REQUEST_KEYS: [&str; 9] =
    ["method", "url", "headers", "body", "done", "not-possible", "denied", "done-when", "timeout"];
/// Names that templates of a request see.
const NAMES: [&str; 7] = ["asked", "action", "payload", "parameters", "station", "bench", "env"];
/// Names that only a condition on the answer sees.
const ANSWER_NAMES: [&str; 2] = ["status", "response"];
/// Methods that a request may have.
const METHODS: [&str; 6] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"];
/// Headers, by what is in their name, whose values nobody else may see.
const SECRET_HEADERS: [&str; 6] = ["authorization", "cookie", "token", "key", "secret", "password"];

impl HttpRequests {
    /// The request for a manual action, and for `send` the message that is to be sent.
    pub fn request(&self, asked: &str, message: Option<&str>) -> Request {
        let mut request = self.defaults.clone();
        let own = message.and_then(|message| self.messages.get(message));
        for layer in self.actions.get(asked).into_iter().chain(own) {
            request.lay_over(layer);
        }
        request
    }
}

impl Request {
    fn lay_over(&mut self, layer: &Request) {
        fn take<T: Clone>(slot: &mut Option<T>, new: Option<&T>) {
            if let Some(new) = new {
                *slot = Some(new.clone());
            }
        }
        take(&mut self.method, layer.method.as_ref());
        take(&mut self.url, layer.url.as_ref());
        take(&mut self.body, layer.body.as_ref());
        take(&mut self.done, layer.done.as_ref());
        take(&mut self.not_possible, layer.not_possible.as_ref());
        take(&mut self.denied, layer.denied.as_ref());
        take(&mut self.done_when, layer.done_when.as_ref());
        take(&mut self.timeout, layer.timeout.as_ref());
        // A request of its own is what can be done after all.
        self.refused.clone_from(&layer.refused);
        for (name, value) in &layer.headers {
            self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
            self.headers.push((name.clone(), value.clone()));
        }
    }
}

/// Reads `operator:`; defects are added to the list. `bench` is what expressions see of it.
pub(super) fn read(root: &Node, bench: &Map<String, Value>, defects: &mut Vec<Defect>) -> Option<HttpRequests> {
    let node = root.get("operator")?;
    let mut reader = Reader { bench, defects, env: Map::new(), secrets: Vec::new() };
    reader.known_keys(node, &["http"]);
    let Some(http) = node.get("http") else {
        reader.defect(node, "`operator` says how manual actions are done", "write `http:` with requests under it");
        return None;
    };
    let known: Vec<&str> = ["base", "root", "defaults", "messages"]
        .into_iter()
        .chain(actions::ACTIONS.iter().map(|action| action.name))
        .collect();
    reader.known_keys(http, &known);
    let base = http.get("base").map_or_else(|| Template::new("".into()), |node| reader.text_template(node, "base"));
    let root = match http.get("root").map(|node| (node, node.text())) {
        None => String::new(),
        Some((_, Some(path))) => path.to_owned(),
        Some((node, None)) => {
            reader.defect(node, format!("`root` can't be {}", node.describe()), "name a PEM file");
            String::new()
        }
    };
    let defaults = http.get("defaults").map(|node| reader.request(node)).unwrap_or_default();
    let mut requests = BTreeMap::new();
    for (key, node) in http.map().unwrap_or_default() {
        if actions::find(&key.name).is_some() {
            requests.insert(key.name.clone(), reader.request(node));
        }
    }
    let mut messages = BTreeMap::new();
    if let Some(node) = http.get("messages") {
        let Some(entries) = node.map() else {
            reader.defect(node, format!("`messages` can't be {}", node.describe()), "write `Reset: { url: … }` lines");
            return None;
        };
        for (key, node) in entries {
            if !schema::sent_by(&key.name, false) {
                let known = || schema::actions().filter(|action| schema::sent_by(action, false));
                let help = nearest(&key.name, known()).map_or_else(
                    || format!("known: {}", known().collect::<Vec<_>>().join(", ")),
                    |near| format!("did you mean `{near}`?"),
                );
                let message = format!("`{}` is no message that a CSMS sends", key.name);
                reader.defects.push(Defect::new(key.at, message, help));
            }
            let request = reader.request(node);
            messages.insert(key.name.clone(), request);
        }
    }
    let Reader { env, secrets, .. } = reader;
    Some(HttpRequests { base, root, defaults, actions: requests, messages, env, secrets })
}

struct Reader<'r> {
    bench: &'r Map<String, Value>,
    defects: &'r mut Vec<Defect>,
    env: Map<String, Value>,
    secrets: Vec<Secret>,
}

impl Reader<'_> {
    fn defect(&mut self, node: &Node, message: impl Into<String>, help: impl Into<String>) {
        self.defects.push(Defect::new(node.at, message, help));
    }

    fn known_keys(&mut self, node: &Node, known: &[&str]) {
        self.defects.extend(node.unknown_keys(known));
    }

    fn request(&mut self, node: &Node) -> Request {
        let mut request = Request::default();
        // `Reset: not possible, for …`: a sentence instead of a request.
        if let Some(reason) = node.text() {
            request.refused = Some(reason.to_owned());
            return request;
        }
        self.known_keys(node, &REQUEST_KEYS);
        for (key, value) in node.map().unwrap_or_default() {
            match key.name.as_str() {
                "method" => request.method = Some(self.method(value)),
                "url" => request.url = Some(self.url(value)),
                "headers" => request.headers = self.headers(value),
                "body" => request.body = Some(self.template(value, &NAMES)),
                "done" => request.done = Some(self.statuses(value)),
                "not-possible" => request.not_possible = Some(self.statuses(value)),
                "denied" => request.denied = Some(self.statuses(value)),
                "done-when" => request.done_when = Some(self.condition(value)),
                "timeout" => {
                    let seconds = match value.kind {
                        Kind::Integer(seconds) => u32::try_from(seconds).ok().map(f64::from),
                        Kind::Float(seconds) => Some(seconds),
                        _ => None,
                    };
                    request.timeout = seconds.filter(|seconds| *seconds > 0.0 && seconds.is_finite());
                    if request.timeout.is_none() {
                        self.defect(
                            value,
                            format!("`timeout` can't be {}", value.describe()),
                            "write seconds, above 0",
                        );
                    }
                }
                _ => {}
            }
        }
        request
    }

    fn text_template(&mut self, node: &Node, key: &str) -> Template {
        if node.text().is_none_or(str::is_empty) {
            self.defect(node, format!("`{key}` can't be {}", node.describe()), "write text (in quotes)");
            return Template::new("".into());
        }
        self.template(node, &NAMES)
    }

    fn method(&mut self, node: &Node) -> Template {
        let template = self.text_template(node, "method");
        if let Some(method) = node.text().filter(|text| !text.contains("{{") && !METHODS.contains(text)) {
            let help = nearest(method, METHODS)
                .map_or_else(|| format!("known: {}", METHODS.join(", ")), |near| format!("did you mean `{near}`?"));
            self.defect(node, format!("`{method}` is no method"), help);
        }
        template
    }

    fn url(&mut self, node: &Node) -> Template {
        let template = self.text_template(node, "url");
        let begins = |start: &str| node.text().is_some_and(|text| text.starts_with(start));
        if !node.text().is_none_or(str::is_empty) && !["http://", "https://", "/", "{{"].into_iter().any(begins) {
            let help = "begin with http://, https://, or with / to go on from `base`";
            self.defect(node, format!("{} is no URL", node.describe()), help);
        }
        template
    }

    fn headers(&mut self, node: &Node) -> Vec<(String, Template)> {
        let Some(entries) = node.map() else {
            self.defect(node, format!("`headers` can't be {}", node.describe()), "write `Name: value` lines");
            return Vec::new();
        };
        let mut headers = Vec::new();
        for (key, value) in entries {
            if hyper::header::HeaderName::try_from(key.name.as_str()).is_err() {
                let message = format!("`{}` is no name of a header", key.name);
                self.defects.push(Defect::new(key.at, message, "write letters, digits and dashes"));
            }
            if value.scalar().is_none() {
                self.defect(value, format!("a header can't be {}", value.describe()), "write text (in quotes)");
                continue;
            }
            let template = self.template(value, &NAMES);
            if is_secret(&key.name) {
                // What stands in the file itself, and what comes from the environment.
                for path in template.undeclared() {
                    let told = path.strip_prefix("env.").and_then(|name| self.env.get(name)?.as_str());
                    self.secrets.extend(told.map(Secret::new));
                }
                let text = value.scalar().unwrap_or_default();
                let words = text.split_whitespace().filter(|word| !word.contains(['{', '}']) && word.len() >= 8);
                self.secrets.extend(words.map(Secret::new));
            }
            headers.push((key.name.clone(), template));
        }
        headers
    }

    fn statuses(&mut self, node: &Node) -> Vec<(u16, u16)> {
        let read = |item: &Node| -> Option<(u16, u16)> {
            let text = item.scalar()?;
            let (from, to) = text.split_once('-').unwrap_or((&text, &text));
            let range = (from.trim().parse().ok()?, to.trim().parse().ok()?);
            (100 <= range.0 && range.0 <= range.1 && range.1 <= 599).then_some(range)
        };
        let mut ranges = Vec::new();
        for item in node.list().unwrap_or(std::slice::from_ref(node)) {
            match read(item) {
                Some(range) => ranges.push(range),
                None => {
                    let message = format!("{} is no HTTP status", item.describe());
                    self.defect(item, message, "write 200, 200-299, or a list of such");
                }
            }
        }
        ranges
    }

    fn condition(&mut self, node: &Node) -> Template {
        let Some(text) = node.scalar() else {
            self.defect(node, format!("a condition can't be {}", node.describe()), "write it as text");
            return Template::expression("true");
        };
        let template = Template::expression(&text);
        let names: Vec<&str> = NAMES.into_iter().chain(ANSWER_NAMES).collect();
        self.check(node, &template, &names);
        template
    }

    fn template(&mut self, node: &Node, names: &[&str]) -> Template {
        let template = Template::new(node.to_json());
        self.check(node, &template, names);
        template
    }

    /// Everything about a template that can be told before it is needed.
    fn check(&mut self, node: &Node, template: &Template, names: &[&str]) {
        let errors = template.syntax_errors();
        for error in &errors {
            self.defect(node, format!("this can't be read: {error}"), "mend it; it is minijinja's language");
        }
        if !errors.is_empty() {
            return;
        }
        let found = self.defects.len();
        for path in template.undeclared() {
            let (name, member) = path.split_once('.').unwrap_or((&path, ""));
            let member = member.split('.').next().unwrap_or_default();
            if !names.contains(&name) {
                let help = nearest(name, names.iter().copied()).map_or_else(
                    || format!("known here: {}", names.join(", ")),
                    |near| format!("did you mean `{near}`?"),
                );
                self.defect(node, format!("the name `{name}` is not defined"), help);
            } else if name == "bench" && !member.is_empty() && !self.bench.contains_key(member) {
                let help = nearest(member, self.bench.keys().map(String::as_str)).map_or_else(
                    || "`schema bench` lists what there is, with _ for -".to_owned(),
                    |near| format!("did you mean `bench.{near}`?"),
                );
                self.defect(node, format!("the bench has no `{member}`"), help);
            } else if name == "env" && !member.is_empty() && !self.env.contains_key(member) {
                match std::env::var(member) {
                    Ok(value) => {
                        if is_secret(member) {
                            self.secrets.push(Secret::new(value.as_str()));
                        }
                        self.env.insert(member.to_owned(), value.into());
                    }
                    Err(_) => {
                        let message = format!("the environment variable {member} is not set");
                        self.defect(node, message, format!("run it with {member}=… before the command"));
                    }
                }
            }
        }
        if self.defects.len() > found {
            return;
        }
        // Filters and functions are looked up when they are used; what lacks a value here may have one then.
        let mut sample = Names::default();
        for (name, value) in [
            ("asked", Value::from("send")),
            ("action", "Reset".into()),
            ("payload", Value::Object(Map::new())),
            ("parameters", Value::Object(Map::new())),
            ("station", "CS001".into()),
            ("bench", Value::Object(self.bench.clone())),
            ("env", Value::Object(self.env.clone())),
            ("status", 200.into()),
            ("response", Value::Object(Map::new())),
        ] {
            sample.insert(name.into(), value);
        }
        if let Err(error) = template.evaluate(&sample) {
            if error.reason.contains("unknown") {
                self.defect(
                    node,
                    error.to_string(),
                    "kebab, base64, url_encoded, tojson and minijinja's own are there",
                );
            }
        }
    }
}

/// True for a header whose value nobody else may see.
pub fn is_secret(header: &str) -> bool {
    let name = header.to_ascii_lowercase();
    SECRET_HEADERS.iter().any(|part| name.contains(part))
}
