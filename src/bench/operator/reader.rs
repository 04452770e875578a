//! Reads `operator:` of a bench file, with every defect at its place.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{FollowUp, HttpRequests, Instead, NOT_NEEDED, REQUEST_KEYS, Request, THEN, WHEN, is_secret};
use crate::{
    link::Secret,
    manual_action::{
        actions::{self, ActionInfo},
        settings::{RESTORE, Setting},
    },
    protocol::{Version, semantics::WordSet},
    template::{Names, Template},
    vocabulary::{self, Owner, words_of},
    yaml::{Defect, Kind, Node, nearest},
};

/// Names that templates of a request see.
const NAMES: [&str; 8] = ["asked", "action", "payload", "parameters", "station", "sent", "bench", "env"];
/// Names that only what comes after an answer sees.
const ANSWER_NAMES: [&str; 2] = ["status", "response"];
/// Methods that a request may have.
const METHODS: [&str; 6] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"];

/// Reads `operator:`; defects are added to the list. `bench` is what expressions see of it.
pub(in crate::bench) fn read(
    root: &Node,
    bench: &Map<String, Value>,
    defects: &mut Vec<Defect>,
) -> Option<HttpRequests> {
    let node = root.get("operator")?;
    let mut reader = Reader {
        bench,
        defects,
        about: About::default(),
        after_an_answer: false,
        env: Map::new(),
        secrets: Vec::new(),
    };
    reader.known_keys("operator", node, &["http"]);
    let Some(http) = node.get("http") else {
        reader.defect(
            node,
            "`operator` must be a mapping that says how manual actions are done",
            "write `http:` with requests under it",
        );
        return None;
    };
    let known: Vec<&str> = ["base", "root", "defaults", "messages"]
        .into_iter()
        .chain(actions::ACTIONS.iter().map(|action| action.name))
        .collect();
    reader.known_keys("http", http, &known);
    let base = http.get("base").map_or_else(|| Template::new("".into()), |node| reader.text_template(node, "base"));
    let root = match http.get("root").map(|node| (node, node.text())) {
        None => String::new(),
        Some((_, Some(path))) => path.to_owned(),
        Some((node, None)) => {
            reader.defect(node, format!("`root` can't be {}", node.describe()), "name a PEM file");
            String::new()
        }
    };
    let defaults = http.get("defaults").map(|node| reader.request(node, &[])).unwrap_or_default();
    let (mut requests, mut settings) = (BTreeMap::new(), BTreeMap::new());
    for (key, node) in http.map().unwrap_or_default() {
        let Some(action) = actions::find(&key.name) else { continue };
        reader.about = About { action: Some(action), message: None };
        let own = Setting::of(action.name);
        let words: Vec<&str> = own.iter().map(|setting| setting.word()).collect();
        requests.insert(key.name.clone(), reader.entry(node, &words));
        for (setting, node) in own.iter().filter_map(|setting| Some((*setting, node.get(setting.word())?))) {
            settings.insert((key.name.clone(), setting), reader.entry(node, &[]));
        }
    }
    let messages = reader.messages(http.get("messages"));
    let Reader { env, secrets, .. } = reader;
    Some(HttpRequests { base, root, defaults, actions: requests, settings, messages, env, secrets })
}

/// What a request is for, as far as that is known when the file is read.
#[derive(Debug, Clone, Default)]
struct About {
    action: Option<&'static ActionInfo>,
    /// Of `send`: the message.
    message: Option<String>,
}

struct Reader<'r> {
    bench: &'r Map<String, Value>,
    defects: &'r mut Vec<Defect>,
    about: About,
    /// Templates see the answer to the request before.
    after_an_answer: bool,
    env: Map<String, Value>,
    secrets: Vec<Secret>,
}

impl Reader<'_> {
    fn defect(&mut self, node: &Node, message: impl Into<String>, help: impl Into<String>) {
        self.defects.push(Defect::new(node.at, message, help));
    }

    fn known_keys(&mut self, name: &str, node: &Node, known: &[&str]) {
        self.defects.extend(vocabulary::check_keys(Owner::of_keys(name, None), known, node));
    }

    /// Requests for messages that `send` is not right for.
    fn messages(&mut self, node: Option<&Node>) -> BTreeMap<String, Request> {
        let mut messages = BTreeMap::new();
        let Some(node) = node else { return messages };
        if node.map().is_none() {
            self.defect(node, format!("`messages` can't be {}", node.describe()), "write `Reset: { url: … }` lines");
        }
        // A bench is for stations or CSMSs of any version.
        let known = words_of(WordSet::RequestsOfCsms, None);
        for (key, node) in node.map().unwrap_or_default() {
            if !known.contains(&key.name) {
                let help = vocabulary::help(&key.name, known.iter().map(String::as_str), "known");
                let message = format!("`{}` is not a message that a CSMS sends", key.name);
                self.defects.push(Defect::new(key.at, message, help));
            }
            self.about = About { action: actions::find("send"), message: Some(key.name.clone()) };
            let request = self.entry(node, &[]);
            messages.insert(key.name.clone(), request);
        }
        messages
    }

    /// A request with what follows it; `parts` are keys that it may have beside its own.
    fn entry(&mut self, node: &Node, parts: &[&str]) -> Request {
        let known: Vec<&str> = parts.iter().copied().chain([THEN]).collect();
        let mut request = self.request(node, &known);
        let Some(then) = node.get(THEN) else { return request };
        let steps = then.list().unwrap_or(std::slice::from_ref(then));
        request.then = steps.iter().map(|step| self.follow_up(step)).collect();
        request
    }

    fn follow_up(&mut self, node: &Node) -> FollowUp {
        if node.map().is_none() {
            self.defect(node, format!("a further request can't be {}", node.describe()), "write `url: …` and so on");
            return FollowUp { when: None, request: Request::default() };
        }
        self.after_an_answer = true;
        let request = self.request(node, &[WHEN]);
        self.after_an_answer = false;
        if request.url.is_none() {
            self.defect(node, "a further request needs a URL", "write `url: …`");
        }
        FollowUp { when: node.get(WHEN).map(|when| self.condition(when)), request }
    }

    /// A request; `parts` are keys that it may have beside its own.
    fn request(&mut self, node: &Node, parts: &[&str]) -> Request {
        let mut request = Request::default();
        if let Some(text) = node.text() {
            request.instead = Some(self.instead(node, text));
            return request;
        }
        let Some(entries) = node.map() else {
            let message = format!("a request can't be {}", node.describe());
            self.defect(
                node,
                message,
                "write `url: …` and the other keys, or a sentence that says why it is not possible",
            );
            return request;
        };
        let known: Vec<&str> = REQUEST_KEYS.into_iter().chain(parts.iter().copied()).collect();
        self.known_keys("a request", node, &known);
        for (key, value) in entries {
            match key.name.as_str() {
                "method" => request.method = Some(self.method(value)),
                "url" => request.url = Some(self.url(value)),
                "headers" => request.headers = self.headers(value),
                "body" => request.body = Some(self.template(value)),
                "done" => request.done = Some(self.statuses(value)),
                "not-possible" => request.not_possible = Some(self.statuses(value)),
                "denied" => request.denied = Some(self.statuses(value)),
                "done-when" => request.done_when = Some(self.condition(value)),
                "retry-while" => request.retry_while = Some(self.condition(value)),
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

    /// `Reset: not possible, for …`: a sentence instead of a request; or the word that none is needed.
    fn instead(&mut self, node: &Node, text: &str) -> Instead {
        let plain = text.trim().trim_end_matches('.').to_ascii_lowercase().replace([' ', '_'], "-");
        if ![NOT_NEEDED, "notneeded"].contains(&plain.as_str()) {
            return Instead::Refused(text.to_owned());
        }
        if text != NOT_NEEDED {
            self.defect(node, format!("invalid reason `{text}`"), format!("did you mean `{NOT_NEEDED}`?"));
        } else if self.about.action.is_none_or(|action| action.name != RESTORE) {
            let message =
                format!("`{NOT_NEEDED}` is for `{RESTORE}`: it says that the CSMS restores a setting by itself");
            self.defect(node, message, "write a request, or a sentence that says why it can't be done");
        }
        Instead::NotNeeded
    }

    fn text_template(&mut self, node: &Node, key: &str) -> Template {
        if node.text().is_none_or(str::is_empty) {
            self.defect(node, format!("`{key}` can't be {}", node.describe()), "write text (in quotes)");
            return Template::new("".into());
        }
        self.template(node)
    }

    fn method(&mut self, node: &Node) -> Template {
        let template = self.text_template(node, "method");
        if let Some(method) = node.text().filter(|text| !text.contains("{{") && !METHODS.contains(text)) {
            let help = nearest(method, METHODS)
                .map_or_else(|| format!("known: {}", METHODS.join(", ")), |near| format!("did you mean `{near}`?"));
            self.defect(node, format!("unknown HTTP method `{method}`"), help);
        }
        template
    }

    fn url(&mut self, node: &Node) -> Template {
        let template = self.text_template(node, "url");
        let begins = |start: &str| node.text().is_some_and(|text| text.starts_with(start));
        if !node.text().is_none_or(str::is_empty) && !["http://", "https://", "/", "{{"].into_iter().any(begins) {
            let help = "start with http://, https://, or with / to extend `base`";
            self.defect(node, format!("invalid URL: {}", node.describe()), help);
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
                let message = format!("invalid header name `{}`", key.name);
                self.defects.push(Defect::new(key.at, message, "write letters, digits and dashes"));
            }
            if value.scalar().is_none() {
                self.defect(value, format!("a header can't be {}", value.describe()), "write text (in quotes)");
                continue;
            }
            let found = self.defects.len();
            let template = self.template(value);
            if is_secret(&key.name) {
                let text = value.scalar().unwrap_or_default();
                for defect in self.defects.iter_mut().skip(found).filter(|defect| defect.message.contains(text.trim()))
                {
                    defect.message = format!("the expression in `{}` is wrong; it is secret and not shown", key.name);
                }
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
                    let message = format!("invalid HTTP status: {}", item.describe());
                    self.defect(item, message, "write 200, 200-299, or a list of these");
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
        if !template.is_expression() {
            self.defect(node, "this is text with expressions, not a condition", "write one expression, without {{ }}");
            return template;
        }
        self.check(node, &template, &Self::names(true));
        template
    }

    fn template(&mut self, node: &Node) -> Template {
        let template = Template::new(node.to_json());
        self.check(node, &template, &Self::names(self.after_an_answer));
        template
    }

    fn names(after_an_answer: bool) -> Vec<&'static str> {
        let answer = if after_an_answer { ANSWER_NAMES.as_slice() } else { &[] };
        NAMES.into_iter().chain(answer.iter().copied()).collect()
    }

    /// Everything about a template that can be told before it is needed.
    fn check(&mut self, node: &Node, template: &Template, names: &[&str]) {
        let errors = template.syntax_errors();
        for error in &errors {
            self.defect(node, format!("this can't be read: {error}"), "correct it; the language is minijinja");
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
                self.defect(node, format!("undefined name `{name}`"), help);
            } else if name == "bench" && !member.is_empty() && !self.bench.contains_key(member) {
                let near = nearest(member, self.bench.keys().map(String::as_str));
                let help = match near {
                    _ if is_secret(member) => {
                        "secrets are not included: `restore` has the password as `parameters.value`, and `env` is the environment"
                            .to_owned()
                    }
                    Some(near) => format!("did you mean `bench.{near}`?"),
                    None => "`schema bench` lists all keys; write _ for -".to_owned(),
                };
                self.defect(node, format!("the bench has no `{member}`"), help);
            } else if name == "parameters" && !member.is_empty() {
                self.parameter(node, member);
            } else if name == "payload" {
                self.payload(node, &path);
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
        self.sample(node, template);
    }

    /// A parameter that the manual action does not have can't be told.
    fn parameter(&mut self, node: &Node, name: &str) {
        let Some(action) = self.about.action else { return };
        let known = || action.parameters.iter().map(|parameter| parameter.name);
        if !known().any(|known| known == name) {
            let help = nearest(name, known()).map_or_else(
                || format!("it has: {}", known().collect::<Vec<_>>().join(", ")),
                |near| format!("did you mean `parameters.{near}`?"),
            );
            self.defect(node, format!("`{}` has no parameter `{name}`", action.name), help);
        }
    }

    /// A place that the message does not have can't be in it.
    fn payload(&mut self, node: &Node, path: &str) {
        let Some(message) = self.about.message.as_deref() else { return };
        let mut nearest: Option<crate::protocol::member::Complaint> = None;
        for version in Version::ALL {
            let Some(message) = version.protocol().messages().message(message, true) else { continue };
            let mut place = Some(message);
            let complaint = path.split('.').skip(1).find_map(|name| match place?.child(name) {
                Ok(next) => {
                    place = next;
                    None
                }
                Err(complaint) => Some(complaint),
            });
            match complaint {
                None => return,
                // The version that the author has in mind is the one that knows something near.
                Some(complaint) if nearest.is_none() || complaint.help.starts_with("did you mean") => {
                    nearest = Some(complaint);
                }
                Some(_) => {}
            }
        }
        if let Some(complaint) = nearest {
            self.defect(node, complaint.message, complaint.help);
        }
    }

    /// Filters and functions are looked up when they are used; what lacks a value here may have one then.
    fn sample(&mut self, node: &Node, template: &Template) {
        let mut sample = Names::default();
        for (name, value) in [
            ("asked", Value::from("send")),
            ("action", "Reset".into()),
            ("payload", Value::Object(Map::new())),
            ("parameters", Value::Object(Map::new())),
            ("station", "CS001".into()),
            ("sent", Value::Object(Map::new())),
            ("bench", Value::Object(self.bench.clone())),
            ("env", Value::Object(self.env.clone())),
            ("status", 200.into()),
            ("response", Value::Object(Map::new())),
        ] {
            sample.insert(name, value);
        }
        if let Err(error) = template.evaluate(&sample) {
            if error.reason.contains("unknown") {
                self.defect(
                    node,
                    error.to_string(),
                    "available: kebab, base64, url_encoded, tojson and those of minijinja",
                );
            }
        }
    }
}
