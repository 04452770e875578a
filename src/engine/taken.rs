//! Which step took what it was told, so that a check can be traced to the message that it was held against.

use std::sync::Arc;

use crate::{template::Names, testcase::model::Step};

/// What a step took an input for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The CALL that it expected.
    Call,
    /// The answer to its CALL.
    Answer,
    /// The end of an attempt to connect.
    Attempt,
    /// The answer of a service.
    Service,
    /// The answer of the operator.
    Operator,
    /// A condition on what is known by then.
    Condition,
    /// A rule of the test case for every message of a kind, by its number.
    Always(usize),
}

/// An input that was taken.
#[derive(Debug, Clone)]
pub struct Taken {
    /// Its number, from 0.
    pub input: usize,
    /// The phase of the test case.
    pub phase: &'static str,
    /// The step, with the states that it is nested in.
    pub path: String,
    /// The step; none for a rule that always holds.
    pub step: Option<Arc<Step>>,
    /// What for.
    pub role: Role,
    /// Of a condition: what the parameters and the elements of loops around it stood for.
    pub scope: Names,
}
