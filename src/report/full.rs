//! The full report: every test case with its steps, findings and messages, in one page that works offline.

use std::collections::HashMap;

use serde::Serialize;
use serde_json::Value;

use super::render;
use crate::{
    ocpp::frame::Frame,
    pics::Pics,
    record::{Direction, Kpi, Results, TraceEntry, TraceEvent},
    verdict::{TestCaseResult, Verdict},
    yaml::shorten,
};

#[derive(Serialize)]
struct Page<'r> {
    product: &'r str,
    run_id: &'r str,
    started: String,
    sut: &'r str,
    counts: Vec<(&'static str, usize)>,
    cases: Vec<Case<'r>>,
    kpis: &'r [Kpi],
}

#[derive(Serialize)]
struct Case<'r> {
    result: &'r TestCaseResult,
    verdict: &'static str,
    messages: Vec<Message>,
}

#[derive(Serialize)]
struct Message {
    at: String,
    arrow: &'static str,
    what: String,
    detail: String,
}

/// Most messages shown for one test case; the trace has them all.
const MAX_MESSAGES: usize = 2000;

/// The full report.
pub(super) fn html(pics: &Pics, results: &Results, trace: &[TraceEntry]) -> String {
    let mut messages: HashMap<&str, Vec<Message>> = HashMap::new();
    let mut actions: HashMap<String, String> = HashMap::new();
    for entry in trace {
        let Some(id) = entry.test_case.as_deref() else { continue };
        let list = messages.entry(id).or_default();
        if let Some(message) = message(entry, &mut actions).filter(|_| list.len() < MAX_MESSAGES) {
            list.push(message);
        }
    }
    let count = |verdict: Verdict| results.test_cases.iter().filter(|case| case.verdict == verdict).count();
    let page = Page {
        product: &pics.product.designation,
        run_id: &results.run_id,
        started: results.started.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
        sut: &results.sut,
        counts: [Verdict::Pass, Verdict::Fail, Verdict::Inconclusive, Verdict::Error, Verdict::NotImplemented]
            .into_iter()
            .map(|verdict| (verdict.word(), count(verdict)))
            .collect(),
        cases: results
            .test_cases
            .iter()
            .map(|result| Case {
                result,
                verdict: result.verdict.word(),
                messages: messages.remove(result.id.as_str()).unwrap_or_default(),
            })
            .collect(),
        kpis: &results.kpis,
    };
    render::html(include_str!("full.html"), &page)
}

fn message(entry: &TraceEntry, actions: &mut HashMap<String, String>) -> Option<Message> {
    let (arrow, what, detail) = match &entry.what {
        TraceEvent::Frame { direction, text } => {
            let arrow = if *direction == Direction::FromSut { "SUT →" } else { "→ SUT" };
            let what = match Frame::parse(text) {
                Ok(Frame::Call { id, action, .. }) => {
                    actions.insert(id, action.clone());
                    action
                }
                Ok(Frame::CallResult { id, .. }) => {
                    format!("{}Response", actions.get(&id).map_or("?", String::as_str))
                }
                Ok(Frame::CallError { id, code, .. }) => {
                    format!("{} refused: {code}", actions.get(&id).map_or("?", String::as_str))
                }
                Err(error) => format!("broken frame: {error}"),
            };
            (arrow, what, shorten(text, 20_000))
        }
        TraceEvent::Garbage { what } => ("SUT →", "not OCPP-J".to_owned(), what.clone()),
        TraceEvent::AttemptFailed { failure, hello, .. } => {
            ("connection", "attempt failed".to_owned(), format!("{failure:?} {hello:?}"))
        }
        TraceEvent::Opened { path, subprotocol, tls, .. } => {
            let tls = tls.as_ref().map(|tls| format!("{:?} {}", tls.version, tls.suite)).unwrap_or_default();
            ("connection", "opened".to_owned(), format!("{path} {} {tls}", subprotocol.as_deref().unwrap_or("")))
        }
        TraceEvent::Closed { code, by } => ("connection", "closed".to_owned(), format!("{by:?} {code:?}")),
        TraceEvent::Operator { action, parameters } => {
            ("operator", action.clone(), Value::Object(parameters.clone()).to_string())
        }
        TraceEvent::Remark { text } => ("operator", "remark".to_owned(), text.clone()),
        _ => return None,
    };
    Some(Message { at: format!("{:.3}", entry.at.seconds()), arrow, what, detail })
}
