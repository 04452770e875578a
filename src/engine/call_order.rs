//! One CALL at a time: who has sent one waits for its answer, or for his own time-out (Part 4, 4.1.1).

use std::collections::HashMap;

use super::finding::Finding;
use crate::{
    clock::Stamp,
    link::ConnId,
    protocol::{Version, frame::Frame, rules::Rule, session::Call},
    yaml::shorten,
};

/// Answers of ours that took longer say nothing: the other side may have stopped waiting.
const PROMPT_S: f64 = 2.0;

/// CALLs of the SUT that we have not answered yet, each with the first CALL that came in the meantime.
#[derive(Debug, Clone, Default)]
pub(crate) struct CallOrder {
    open: HashMap<(ConnId, String), OpenCall>,
}

#[derive(Debug, Clone)]
struct OpenCall {
    came: Stamp,
    action: String,
    intruder: Option<Call>,
}

/// A CALL that did not wait for its turn.
#[derive(Debug)]
pub(crate) struct OverlappingCall {
    /// The CALL.
    pub(crate) call: Call,
    /// Action of the CALL that was not answered yet.
    pub(crate) before: String,
    /// Seconds between it and our answer to the one before.
    pub(crate) early_s: f64,
}

impl OverlappingCall {
    /// What it did, in a sentence.
    pub(crate) fn message(&self) -> String {
        let Self { call, before, early_s } = self;
        format!("{} was sent before {before} had been answered ({early_s:.3} s early)", call.action)
    }

    pub(crate) fn finding(&self, version: Version) -> Finding {
        let rule = Rule::OneCallAtATime;
        let mut finding = Finding::of_rule(rule, self.message()).of(rule.broken(version));
        finding.expected = Some("no CALL before all earlier ones are answered or timed out".into());
        finding.frame = Some(shorten(&self.call.text, 4000));
        finding
    }
}

impl CallOrder {
    /// A CALL of the SUT came.
    pub(crate) fn came(&mut self, call: &Call) {
        for ((conn, _), turn) in &mut self.open {
            if *conn == call.conn && turn.intruder.is_none() {
                turn.intruder = Some(call.clone());
            }
        }
        let turn = OpenCall { came: call.at, action: call.action.clone(), intruder: None };
        self.open.insert((call.conn, call.id.clone()), turn);
    }

    /// A frame of ours was written. Only now is it known that an answer was on its way, and promptly: a CALL that we leave
    /// without an answer may be given up by the other side whenever it likes.
    pub(crate) fn wrote(&mut self, conn: ConnId, text: &str, at: Stamp) -> Option<OverlappingCall> {
        if self.open.is_empty() {
            return None;
        }
        let (Frame::CallResult { id, .. } | Frame::CallError { id, .. }) = Frame::read_back(text).ok()? else {
            return None;
        };
        let turn = self.open.remove(&(conn, id))?;
        let prompt = at.seconds() - turn.came.seconds() < PROMPT_S;
        let call = turn.intruder.filter(|_| prompt)?;
        let early_s = at.seconds() - call.at.seconds();
        Some(OverlappingCall { call, before: turn.action, early_s })
    }

    /// A connection is over, and what was open on it with it.
    pub(crate) fn closed(&mut self, conn: ConnId) {
        self.open.retain(|(of, _), _| *of != conn);
    }
}
