//! What the page's script draws on demand: per test case its steps and everything that was said, as compact JSON.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use crate::{
    link::{AttemptFailure, ClosedBy},
    protocol::requirements::RequirementList,
    record::{Direction, TraceEntry, TraceEvent},
    verdict::{Failure, StepRecord, TestCaseResult},
    yaml::shorten,
};

/// Most events of one test case that the page holds; `trace.jsonl` has them all.
const MAX_EVENTS: usize = 5000;
/// Longest text of one event, characters.
const MAX_TEXT: usize = 20_000;
/// Longest text once the page is full, characters.
const MAX_TEXT_WHEN_FULL: usize = 200;
/// How many bytes of texts make a page full. A SUT that floods must not make a page that nobody can open.
const FULL: usize = 48 << 20;

/// Per test case, what happened, as the script reads it.
pub(super) struct Data<'t> {
    entries: HashMap<&'t str, Vec<&'t TraceEntry>>,
    spent: usize,
}

impl<'t> Data<'t> {
    pub(super) fn of(trace: &'t [TraceEntry]) -> Self {
        let mut entries: HashMap<&str, Vec<&TraceEntry>> = HashMap::new();
        for entry in trace {
            if let Some(id) = entry.test_case.as_deref() {
                entries.entry(id).or_default().push(entry);
            }
        }
        Self { entries, spent: 0 }
    }

    /// A test case as JSON that can stand within a `<script>`: nothing in it is markup.
    ///
    /// `t0` begin in seconds; `steps`: phase, depth, text, begin, end, outcome; `events`: kind, time, and what the kind needs;
    /// `cut`: how many events were left out; `requirements`: ids; `marks`: event, pointer, number of the finding.
    pub(super) fn of_case(&mut self, case: &TestCaseResult) -> String {
        let entries = self.entries.remove(case.id.as_str()).unwrap_or_default();
        let mut events: Vec<Value> = Vec::new();
        let mut cut = 0_usize;
        let mut step = 0;
        let mut texts: Vec<(usize, &str)> = Vec::new();
        for entry in entries {
            let Some(mut event) = self.event(entry, &case.steps, &mut step) else { continue };
            if events.len() >= MAX_EVENTS {
                cut += 1;
                continue;
            }
            if let TraceEvent::Frame { text, .. } = &entry.what {
                texts.push((events.len(), text));
            }
            event.insert(1, millis(entry.at.seconds()));
            events.push(Value::Array(event));
        }
        let marks: Vec<Value> = case.failures.iter().enumerate().filter_map(|(n, one)| mark(n, one, &texts)).collect();
        let data = json!({
            "t0": millis(case.started_s), "steps": steps(&case.steps), "events": events, "cut": cut, "marks": marks,
            "requirements": case.requirements,
        });
        in_script(&data)
    }

    fn text(&mut self, text: &str) -> Value {
        let text = shorten(text, if self.spent > FULL { MAX_TEXT_WHEN_FULL } else { MAX_TEXT });
        self.spent += text.len();
        text.into()
    }

    /// An event without its time; steps only where they are the test case's own.
    fn event(&mut self, entry: &TraceEntry, steps: &[StepRecord], next: &mut usize) -> Option<Vec<Value>> {
        Some(match &entry.what {
            TraceEvent::Frame { direction, text } => {
                let kind = if *direction == Direction::FromSut { "<" } else { ">" };
                vec![kind.into(), self.text(text)]
            }
            TraceEvent::Garbage { what } => vec!["g".into(), self.text(what)],
            TraceEvent::Ping { pong } => vec!["p".into(), if *pong { "pong" } else { "ping" }.into()],
            TraceEvent::Opened { path, subprotocol, tls, user, .. } => {
                let mut what = vec![path.clone()];
                what.extend(subprotocol.clone());
                what.extend(tls.as_ref().map(|tls| format!("{} {}", word(&tls.version), tls.suite)));
                what.extend(user.as_ref().map(|user| format!("user {user}")));
                vec!["o".into(), self.text(&what.join(" · "))]
            }
            TraceEvent::Closed { code, by } => {
                let by = match by {
                    ClosedBy::Sut => "closed by the SUT",
                    ClosedBy::Harness => "closed by the harness",
                    ClosedBy::Broken => "broken off",
                };
                let code = code.map(|code| format!(", code {code}")).unwrap_or_default();
                vec!["x".into(), format!("{by}{code}").into()]
            }
            TraceEvent::AttemptFailed { failure, .. } => vec!["a".into(), self.text(&attempt(failure))],
            TraceEvent::Operator { action, parameters } => {
                let parameters = Value::Object(parameters.clone()).to_string();
                vec!["q".into(), self.text(action), self.text(&parameters)]
            }
            TraceEvent::OperatorDone { action, outcome } => {
                vec!["r".into(), self.text(action), self.text(outcome)]
            }
            TraceEvent::Service { service, detail } => {
                vec!["s".into(), self.text(service), self.text(&detail.to_string())]
            }
            TraceEvent::Upload(upload) => {
                let place = upload.file.as_deref().unwrap_or("not kept");
                let what = format!("{} over {}, {} bytes: {place}", upload.name, upload.protocol, upload.size);
                vec!["s".into(), "upload".into(), self.text(&what)]
            }
            TraceEvent::Step { step } => {
                let found = steps.iter().skip(*next).position(|record| record.step == *step)?;
                let index = *next + found;
                *next = index + 1;
                if steps.get(index)?.depth > 0 {
                    return None;
                }
                vec!["n".into(), index.into()]
            }
            _ => return None,
        })
    }
}

/// Seconds with three places, so that the numbers stay short.
fn millis(seconds: f64) -> Value {
    ((seconds * 1000.0).round() / 1000.0).into()
}

fn word(value: &impl serde::Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

fn attempt(failure: &AttemptFailure) -> String {
    match failure {
        AttemptFailure::TlsRefusedBySut(why) => format!("the SUT broke off the TLS handshake: {why}"),
        AttemptFailure::TlsRefusedByUs(why) => format!("the harness broke off the TLS handshake: {why}"),
        AttemptFailure::ClosedBeforeUpgrade => "closed by the SUT before the upgrade".into(),
        AttemptFailure::UpgradeRefusedByUs(status, why) => format!("the harness refused the upgrade: {status} {why}"),
        AttemptFailure::UpgradeRefusedBySut(status) => format!("the SUT refused the upgrade: {status}"),
        AttemptFailure::BadUpgrade(why) => format!("the upgrade was answered wrongly: {why}"),
        AttemptFailure::Unreachable(why) => format!("unreachable: {why}"),
        AttemptFailure::TimedOut => "the time for the handshake ran out".into(),
    }
}

/// The steps, each with its own text only: what it is nested in stands before it.
fn steps(records: &[StepRecord]) -> Vec<Value> {
    let mut around: Vec<&str> = Vec::new();
    let own = |record: &'_ StepRecord, parent: Option<&str>| -> String {
        let inside = parent.and_then(|parent| record.step.strip_prefix(parent)?.strip_prefix(" > "));
        inside.unwrap_or(&record.step).to_owned()
    };
    let mut list = Vec::new();
    for record in records {
        around.truncate(record.depth);
        let text = own(record, around.last().copied());
        // A step whose parent was never noted still gets its place.
        around.resize(record.depth, "");
        around.push(&record.step);
        list.push(json!([
            record.phase,
            record.depth,
            shorten(&text, 500),
            millis(record.started_s),
            millis(record.ended_s),
            record.outcome,
        ]));
    }
    list
}

/// Which event holds the frame of a finding.
fn mark(number: usize, failure: &Failure, texts: &[(usize, &str)]) -> Option<Value> {
    let frame = failure.frame.as_deref()?;
    let whole = whole(failure, texts.iter().map(|(_, text)| *text))?;
    // The last one that came by then: a SUT may send the same twice.
    let (event, _) = texts.iter().rev().find(|(_, text)| *text == whole || *text == frame)?;
    Some(json!([event, failure.pointer, number]))
}

/// The frame of a finding as the trace holds it, for findings quote no more than its beginning.
pub(super) fn whole<'t>(failure: &Failure, mut texts: impl Iterator<Item = &'t str>) -> Option<&'t str> {
    let frame = failure.frame.as_deref()?;
    let start = frame.strip_suffix('…');
    texts.find(|text| *text == frame || start.is_some_and(|start| text.starts_with(start)))
}

/// JSON that can stand in a `<script>` element: no `<`, so neither an end tag nor a comment.
fn in_script(data: &Value) -> String {
    data.to_string().replace('<', "\\u003c")
}

/// Requirement texts for the script.
pub(super) fn texts<'i>(ids: impl Iterator<Item = &'i str>, known: &RequirementList) -> String {
    let texts = ids.filter_map(|id| Some((id.to_owned(), known.text(id)?.into())));
    in_script(&Value::Object(texts.collect::<Map<_, _>>()))
}
