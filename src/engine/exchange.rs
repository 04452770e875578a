//! What comes from the SUT, the operator and the services, as the engine keeps it.

use serde_json::Value;

use crate::{
    clock::Stamp,
    link::{AttemptFailure, ConnId, EndpointId},
    manual_action::ActionOutcome,
};

/// An answer to a CALL of ours.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    Result(Value, String, usize),
    Error(String, String, usize),
    /// The connection went away before it came.
    Lost,
}

/// An answer of the operator or of a service.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Reply {
    Operator(ActionOutcome),
    Service(Result<Value, String>),
}

/// Something that happened to an attempt to connect.
#[derive(Debug, Clone)]
pub(crate) struct Attempt {
    pub(crate) conn: ConnId,
    pub(crate) endpoint: EndpointId,
    pub(crate) at: Stamp,
    /// `upgraded`, or why not.
    pub(crate) outcome: Result<(), AttemptFailure>,
    /// What is known of it, as checks see it.
    pub(crate) facts: Value,
    /// Which of the engine's inputs it was.
    pub(crate) input: usize,
    /// The HTTP head that the SUT sent, where the attempt failed.
    pub(crate) head: Option<String>,
}

/// An open connection.
#[derive(Debug, Clone)]
pub(crate) struct Open {
    pub(crate) conn: ConnId,
    pub(crate) endpoint: EndpointId,
    pub(crate) at: Stamp,
}
