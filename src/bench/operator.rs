//! How manual actions are done at the API of a CSMS: HTTP requests, each from templates, told in the bench file.

mod reader;

use std::collections::BTreeMap;

use serde_json::{Map, Value};

pub(super) use self::reader::read;
use crate::{
    link::Secret,
    manual_action::{
        ManualAction,
        settings::{CONFIGURE, RESTORE, Setting},
    },
    template::Template,
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
    /// Per manual action and setting that it is about, laid over those of the action.
    settings: BTreeMap<(String, Setting), Request>,
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
    /// As long as this holds of the answer, the same is asked again, until the bench's `operator-patience` is over.
    pub retry_while: Option<Template>,
    /// How long the answer may take, seconds.
    pub timeout: Option<f64>,
    /// What else is asked once it is done, one after the other.
    pub then: Vec<FollowUp>,
    /// What stands in the place of a request.
    pub instead: Option<Instead>,
}

/// A further request of the same manual action: a CSMS may need more than one for what its operator does in one go.
#[derive(Debug, Clone)]
pub struct FollowUp {
    /// It is made where this holds (names of the request, and `status` and `response` of the one before).
    pub when: Option<Template>,
    /// The request, laid over the defaults.
    pub request: Request,
}

/// What a bench has instead of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Instead {
    /// It can't be done at this product, for this reason.
    Refused(String),
    /// Nobody has to do it: the product undoes a setting by itself.
    NotNeeded,
}

/// The word for [`Instead::NotNeeded`].
pub(crate) const NOT_NEEDED: &str = "not-needed";

/// Keys of a request.
pub(crate) const REQUEST_KEYS: [&str; 10] =
    ["method", "url", "headers", "body", "done", "not-possible", "denied", "done-when", "retry-while", "timeout"];
/// The key for further requests.
pub(crate) const THEN: &str = "then";
/// The key for when a further request is made.
pub(crate) const WHEN: &str = "when";
/// Headers, by what is in their name, whose values nobody else may see.
const SECRET_HEADERS: [&str; 6] = ["authorization", "cookie", "token", "key", "secret", "password"];

impl HttpRequests {
    /// The request for a manual action: for `send` that of the message, for `configure` and `restore` that of the setting.
    pub fn request(&self, action: &ManualAction) -> Request {
        let text = |name: &str| action.parameters.get(name).and_then(Value::as_str);
        let mut request = self.of_action(&action.action, text("what").and_then(Setting::named));
        let message = text("action").filter(|_| action.action == "send");
        if let Some(layer) = message.and_then(|message| self.messages.get(message)) {
            request.lay_over(layer);
        }
        for step in &mut request.then {
            let mut whole = self.defaults.clone();
            whole.lay_over(&step.request);
            step.request = whole;
        }
        request
    }

    /// Settings that have a request by which they are made, while nothing says how they are undone.
    pub fn never_restored(&self) -> Vec<Setting> {
        let made = |setting: Setting| {
            let request = self.of_action(CONFIGURE, Some(setting));
            request.instead.is_none() && request.url.is_some()
        };
        let untold = |setting: Setting| {
            let request = self.of_action(RESTORE, Some(setting));
            request.instead.is_none() && request.url.is_none()
        };
        Setting::of(CONFIGURE).iter().copied().filter(|setting| made(*setting) && untold(*setting)).collect()
    }

    fn of_action(&self, action: &str, setting: Option<Setting>) -> Request {
        let setting = setting.and_then(|setting| self.settings.get(&(action.to_owned(), setting)));
        let mut request = self.defaults.clone();
        for layer in self.actions.get(action).into_iter().chain(setting) {
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
        take(&mut self.retry_while, layer.retry_while.as_ref());
        take(&mut self.timeout, layer.timeout.as_ref());
        if !layer.then.is_empty() {
            self.then.clone_from(&layer.then);
        }
        // A request of its own is what can be done after all.
        self.instead.clone_from(&layer.instead);
        for (name, value) in &layer.headers {
            self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
            self.headers.push((name.clone(), value.clone()));
        }
    }
}

/// True for a header whose value nobody else may see.
pub fn is_secret(header: &str) -> bool {
    let name = header.to_ascii_lowercase();
    SECRET_HEADERS.iter().any(|part| name.contains(part))
}
