//! What messages of a version of OCPP mean, whatever has gone before. What has gone before is a [`super::session::Session`].

use std::fmt;

use serde_json::Value;

use super::session::Call;
use crate::link::Secret;

/// One KPI as certificates define it.
#[derive(Debug, Clone, Copy)]
pub struct KpiDefinition {
    /// Key in the PICS's `performance.maximum`.
    pub key: &'static str,
    /// Name as printed.
    pub name: &'static str,
    /// What it measures, in our words.
    pub description: &'static str,
}

/// A message that a request of ours has promised for later, and that a KPI waits for.
#[derive(Debug, Clone, PartialEq)]
pub struct Awaited {
    /// The key of the KPI.
    pub key: &'static str,
    /// The action of the request.
    pub request: String,
    /// The action that brings it.
    pub action: String,
    /// What must be in it, by JSON pointer.
    pub holds: Vec<(&'static str, Value)>,
    /// A manual action, or a change of the charging state, in between spoils the measurement.
    pub undisturbed: bool,
}

impl Awaited {
    /// True for the message that is awaited.
    pub fn is(&self, action: &str, payload: &Value) -> bool {
        self.action == action && self.holds.iter().all(|(pointer, value)| payload.pointer(pointer) == Some(value))
    }
}

/// A set of words that messages take values from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WordSet {
    /// The types of an idToken.
    TokenTypes,
    /// The contexts of a reading.
    ReadingContexts,
    /// What is measured.
    Measurands,
    /// The network interfaces of a connection profile.
    Interfaces,
    /// The actions of the requests that a CSMS can be asked to send.
    RequestsOfCsms,
    /// The types of a variable's attribute.
    AttributeTypes,
}

/// A variable of a station as test cases name it. Each text may be an expression.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VariableName {
    /// The component.
    pub component: String,
    /// Its EVSE.
    pub evse: Option<String>,
    /// Its connector.
    pub connector: Option<String>,
    /// The variable.
    pub variable: String,
    /// The variable's instance.
    pub instance: Option<String>,
}

/// What is asked of a variable.
#[derive(Debug, Clone)]
pub struct VariableAsked {
    /// Which.
    pub name: VariableName,
    /// The type of the attribute.
    pub attribute: Option<String>,
    /// The value that it is to have; `None`: it is read.
    pub value: Option<String>,
}

/// The message that reads or sets variables.
#[derive(Debug, Clone)]
pub struct VariableMessage {
    /// The action.
    pub action: &'static str,
    /// The payload.
    pub payload: Value,
    /// The member of the answer that has a result for each variable.
    pub results: &'static str,
    /// The member of a result that has the status.
    pub status: &'static str,
    /// The member of a result that has the value.
    pub value: &'static str,
    /// The members by which the result of each variable is recognised: path and value.
    pub told_by: Vec<Vec<(&'static str, String)>>,
}

/// A message for the mutation audit: its action and payload.
pub type Sample = (&'static str, Value);

/// What messages mean.
pub trait Semantics: fmt::Debug + Sync {
    /// The KPIs of a side, in print order.
    fn kpis(&self, tests_station: bool) -> &'static [KpiDefinition];

    /// The key of the KPI that counts the time until a request of ours was answered.
    fn kpi_of_answer(&self, tests_station: bool, action: &str) -> &'static str;

    /// What a request that a station has answered with this promises for later.
    fn awaited(&self, action: &str, request: &Value, response: &Value) -> Option<Awaited>;

    /// True for an awaited message that is none that a KPI counts.
    fn is_uncounted(&self, awaited: &Awaited, payload: &Value) -> bool;

    /// True for a message that spoils what must be undisturbed.
    fn disturbs(&self, action: &str, payload: &Value) -> bool;

    /// The message that reads variables of a station, or sets them (where they have values); `None` where this version has none.
    fn variables(&self, _asked: &[VariableAsked]) -> Option<VariableMessage> {
        None
    }

    /// Whether this is a standard configuration key; `None` where a version has components with variables instead.
    fn configuration_key(&self, _name: &str) -> Option<bool> {
        None
    }

    /// Where a set of words stands in the messages: the action of a request, and a JSON pointer.
    fn place_of(&self, words: WordSet) -> Option<(&'static str, &'static str)>;

    /// A message in a few words: its action and what distinguishes it.
    fn summary(&self, call: &Call) -> String;

    /// True for a message that is sent at its interval whatever happens, unless a step asks for it by a member that says so:
    /// `mentions` tells which members the step names.
    fn is_periodic(&self, call: &Call, mentions: &dyn Fn(&str) -> bool) -> bool;

    /// True for an action with which everything begins anew: what comes before it is nothing that is due after it.
    fn begins_anew(&self, action: &str) -> bool;

    /// True for a message that is the last word about what it reports on, such as a transfer: nothing more comes of it unless it is
    /// asked for anew.
    fn is_last_word(&self, call: &Call) -> bool;

    /// True for a message that a product sends again until it is answered, so that all that comes after it waits.
    fn comes_again(&self, action: &str) -> bool;

    /// True where a CALL that is sent again may keep its message id.
    fn keeps_id_when_sent_again(&self) -> bool {
        false
    }

    /// A password of HTTP Basic authentication as it is written in a bench or in a message, as the link shows and checks it.
    fn password(&self, password: &Secret) -> Secret {
        password.clone()
    }

    /// True where a station may connect without any authentication: security profile 0.
    fn has_profile_0(&self) -> bool {
        false
    }

    /// How many bytes a password may have (A00.FR.205).
    fn password_length(&self) -> std::ops::RangeInclusive<usize> {
        16..=40
    }

    /// A password as messages have it.
    fn password_in_messages(&self, password: &Secret) -> String {
        password.expose().to_owned()
    }

    /// Secrets in a payload.
    fn secrets(&self, payload: &Value) -> Vec<Secret>;

    /// A message that the product may send at any time, with an empty payload.
    fn harmless(&self, tests_station: bool) -> &'static str;

    /// An action of the product's that needs more than an empty payload.
    fn demanding(&self, tests_station: bool) -> &'static str;

    /// A message that the product may not send when nobody asked for it; `sent`: whether we have sent such an action.
    fn unasked(&self, tests_station: bool, sent: &dyn Fn(&str) -> bool) -> Sample;

    /// What an event that ends a transaction becomes when it comes after that; `None` for any other message.
    fn after_the_end(&self, action: &str, payload: &Value) -> Option<Value>;

    /// True when a request of the product brings about what an expression sees under one of these names.
    fn tells_by_request(&self, names: &dyn Fn(&str) -> bool, action: &str) -> bool;

    /// True when an answer of the product brings about what an expression sees under one of these names.
    fn tells_by_answer(&self, names: &dyn Fn(&str) -> bool, payload: &Value) -> bool;
}
