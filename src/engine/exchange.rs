//! What comes from the SUT, the operator and the services, as the engine keeps it.

use serde_json::Value;

use crate::{
    clock::Stamp,
    link::{AttemptFailure, ClosedBy, ConnId, EndpointId},
    manual_action::ActionOutcome,
};

/// An answer to a CALL of ours.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    Result(Value, String, usize),
    Error(String, String, usize),
    /// The connection went away before it came.
    Lost(Lost),
}

/// What is known of a CALL of ours whose connection went away.
#[derive(Debug, Clone)]
pub(crate) struct Lost {
    /// How the connection ended, in words.
    pub(crate) how: Option<String>,
    /// The CALL; none that was still to be sent.
    pub(crate) frame: Option<String>,
}

/// The end of a connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ending {
    pub(crate) at: Stamp,
    pub(crate) by: ClosedBy,
    /// Of the close frame, where there was one.
    pub(crate) code: Option<u16>,
}

impl Ending {
    /// In words, with the second of the test case that began then.
    pub(crate) fn words(self, began: Stamp) -> String {
        let at = self.at.seconds_since(&began);
        let code = self.code.map(|code| format!(" (close code {code})")).unwrap_or_default();
        match self.by {
            ClosedBy::Sut => format!("the connection was closed by the SUT at {at:.3} s{code}"),
            ClosedBy::Harness => format!("the connection was closed by the harness at {at:.3} s{code}"),
            ClosedBy::Broken => format!("the connection broke at {at:.3} s, without a close frame of either side"),
        }
    }
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
