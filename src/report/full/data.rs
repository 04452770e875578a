//! What the page's script draws on demand: per test case its steps and everything that was said, as compact JSON.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::{
    link::ClosedBy,
    protocol::requirements::RequirementList,
    record::{Direction, Results, TraceEntry, TraceEvent, index::TraceIndex, read::ReadError},
    verdict::{Failure, StepRecord, TestCaseResult, Verdict},
    yaml::shorten,
};

/// Most lines of one test case that the page holds; `trace.jsonl` has them all.
const MAX_LINES: usize = 5000;
/// Fewest lines of a test case that the page holds, however many others there are.
const MIN_LINES: usize = 200;
/// Most lines of all test cases; where there are more, those that passed are cut shorter.
const MAX_LINES_OF_ALL: usize = 120_000;
/// Longest text of one event, characters.
const MAX_TEXT: usize = 20_000;
/// Longest text once the page is full, characters.
const MAX_TEXT_WHEN_FULL: usize = 200;
/// How many bytes of texts make a page full. A SUT that floods must not make a page that nobody can open.
const FULL: usize = 48 << 20;

/// Per test case, what happened, as the script reads it.
pub(super) struct Data<'t> {
    lines: &'t TraceIndex,
    spent: usize,
    /// Most lines of a test case that passed.
    of_passed: usize,
}

/// What of a test case goes into the page.
#[derive(Default)]
struct Shown {
    list: Vec<Value>,
    /// How many lines were left out since the last event.
    left_out: usize,
    /// The frames that are shown, where something refers to frames.
    texts: Vec<(usize, String)>,
}

impl<'t> Data<'t> {
    pub(super) fn of(lines: &'t TraceIndex, results: &Results) -> Self {
        let (passed, others): (Vec<_>, Vec<_>) =
            results.test_cases.iter().partition(|case| case.verdict == Verdict::Pass);
        let sum =
            |cases: &[&TestCaseResult]| cases.iter().map(|case| lines.count(&case.id).min(MAX_LINES)).sum::<usize>();
        let (of_passed, of_others) = (sum(&passed), sum(&others));
        let of_passed = if of_passed + of_others <= MAX_LINES_OF_ALL {
            MAX_LINES
        } else {
            (MAX_LINES_OF_ALL.saturating_sub(of_others) / passed.len().max(1)).max(MIN_LINES)
        };
        Self { lines, spent: 0, of_passed }
    }

    /// A test case as JSON that can stand within a `<script>`: nothing in it is markup.
    ///
    /// `t0` begin in seconds; `steps`: phase, depth, text, begin, end, outcome; `events`: kind, time, and what the kind needs;
    /// `requirements`: ids; `marks`: event, pointer, number of the finding.
    ///
    /// Of a test case with too many lines the page has the beginning and the end, the steps, and the frames of findings.
    pub(super) fn of_case(&mut self, case: &TestCaseResult) -> Result<String, ReadError> {
        let count = self.lines.count(&case.id);
        let limit = if case.verdict == Verdict::Pass { self.of_passed.min(MAX_LINES) } else { MAX_LINES };
        let after_gap = if count > limit { count - limit / 4 } else { 0 };
        let before_gap = if count > limit { limit - limit / 4 } else { count };
        let quoted: Vec<String> = case.failures.iter().filter_map(quoted).collect();
        let (mut found, mut step) = (Shown::default(), 0);
        self.lines.each_line(&case.id, |number, line| {
            let shown = number < before_gap || number >= after_gap;
            // What is a step decides which step comes next. A frame's text can't look like one: its quotes are escaped.
            let wanted =
                || line.contains("\"event\":\"step\"") || quoted.iter().any(|quoted| line.contains(quoted.as_str()));
            if !shown && (found.list.len() > 2 * MAX_LINES || !wanted()) {
                found.left_out += 1;
                return;
            }
            let Ok(entry) = serde_json::from_str::<TraceEntry>(line) else { return };
            let Some(mut event) = self.event(&entry, &case.steps, &mut step) else { return };
            let at = millis(entry.at.seconds());
            if found.left_out > 0 {
                let (left_out, lines) = (found.left_out, if found.left_out == 1 { "line" } else { "lines" });
                found.list.push(json!(["c", at, format!("{left_out} {lines} left out, see trace.jsonl")]));
                found.left_out = 0;
            }
            if let (TraceEvent::Frame { text, .. }, false) = (entry.what, quoted.is_empty()) {
                found.texts.push((found.list.len(), text));
            }
            event.insert(1, at);
            found.list.push(Value::Array(event));
        })?;
        let Shown { list: events, texts, .. } = found;
        let marks: Vec<Value> = case.failures.iter().enumerate().filter_map(|(n, one)| mark(n, one, &texts)).collect();
        let data = json!({
            "t0": millis(case.started_s), "steps": steps(&case.steps), "events": events, "marks": marks,
            "requirements": case.requirements,
        });
        Ok(in_script(&data))
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
            TraceEvent::AttemptFailed { failure, .. } => vec!["a".into(), self.text(&failure.words())],
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
fn mark(number: usize, failure: &Failure, texts: &[(usize, String)]) -> Option<Value> {
    let frame = failure.frame.as_deref()?;
    let whole = whole(failure, texts.iter().map(|(_, text)| text.as_str()))?;
    // The last one that came by then: a SUT may send the same twice.
    let (event, _) = texts.iter().rev().find(|(_, text)| text == whole || text == frame)?;
    Some(json!([event, failure.pointer, number]))
}

/// The frame of a finding, or the beginning of it, as it stands within a line of the trace.
fn quoted(failure: &Failure) -> Option<String> {
    let frame = failure.frame.as_deref()?;
    let text = serde_json::to_string(frame.strip_suffix('…').unwrap_or(frame)).ok()?;
    Some(text.strip_prefix('"')?.strip_suffix('"')?.to_owned())
}

/// The whole frames of findings that quote no more than the beginning, by the number of the finding, of the first so many.
pub(super) fn whole_frames(
    case: &TestCaseResult,
    findings: usize,
    lines: &TraceIndex,
) -> Result<BTreeMap<usize, String>, ReadError> {
    let shortened = |failure: &Failure| failure.frame.as_ref().is_some_and(|frame| frame.ends_with('…'));
    let mut wanted: Vec<(usize, &Failure, String)> = case
        .failures
        .iter()
        .enumerate()
        .take(findings)
        .filter(|(_, failure)| shortened(failure))
        .filter_map(|(number, failure)| Some((number, failure, quoted(failure)?)))
        .collect();
    let mut frames = BTreeMap::new();
    if wanted.is_empty() {
        return Ok(frames);
    }
    lines.each_line(&case.id, |_, line| {
        if !wanted.iter().any(|(.., quoted)| line.contains(quoted.as_str())) {
            return;
        }
        let Ok(TraceEntry { what: TraceEvent::Frame { text, .. }, .. }) = serde_json::from_str(line) else { return };
        wanted.retain(|(number, failure, _)| {
            let found = whole(failure, std::iter::once(text.as_str())).is_some();
            if found {
                frames.insert(*number, text.clone());
            }
            !found
        });
    })?;
    Ok(frames)
}

/// The frame of a finding as the trace holds it, for findings quote no more than its beginning.
fn whole<'t>(failure: &Failure, mut texts: impl Iterator<Item = &'t str>) -> Option<&'t str> {
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
