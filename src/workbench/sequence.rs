//! The lines of a trace as the rows of a sequence diagram: between the lifelines of SUT and harness, an arrow for each message and
//! a note for everything else. Everything in a row is bounded, whatever the SUT sends.

use std::{collections::HashMap, sync::OnceLock};

use serde::Serialize;

use crate::{
    clock::Stamp,
    link::ConnId,
    protocol::{Protocol, frame::Frame, session::Call},
    record::{Direction, TraceEntry, TraceEvent},
    text::{visible, visible_line},
    verdict::Failure,
    yaml::shorten,
};

/// Longest label, characters.
const MAX_LABEL: usize = 160;
/// Longest detail, characters.
const MAX_DETAIL: usize = 240;
/// Longest text of a frame, characters.
const MAX_FRAME: usize = 6000;
/// Most calls that wait for an answer.
const MAX_CALLS: usize = 5000;

/// What a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum RowKind {
    /// A request.
    Call,
    /// Its answer.
    Result,
    /// Its refusal.
    Refusal,
    /// A message without an answer.
    Send,
    /// What is no message.
    Broken,
    /// A sign of life below OCPP.
    Ping,
    /// A connection was opened.
    Opened,
    /// It ended, or did not come about.
    Closed,
    /// A step of the test case.
    Step,
    /// Something is asked of the operator, or was done.
    Operator,
    /// A service of the harness, or a remark.
    Note,
    /// The verdict.
    Verdict,
}

/// A row of the diagram.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Row {
    kind: RowKind,
    /// Milliseconds since the test case began.
    at: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    from_sut: Option<bool>,
    label: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    detail: String,
    /// The frame, or the beginning of it.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "as_seen")]
    text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    station: Option<String>,
    /// How deep a step is nested.
    #[serde(skip_serializing_if = "is_zero")]
    depth: usize,
    /// The number of the finding that quotes this frame.
    #[serde(skip_serializing_if = "Option::is_none")]
    finding: Option<usize>,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde asks for a reference
fn is_zero(number: &usize) -> bool {
    *number == 0
}

/// A frame is kept as it came, to be compared, and shown so that nothing in it turns the text around.
#[allow(clippy::ref_option)] // serde asks for it
fn as_seen<S: serde::Serializer>(text: &Option<String>, out: S) -> Result<S::Ok, S::Error> {
    out.serialize_str(&visible(text.as_deref().unwrap_or_default()))
}

fn line(text: &str, most: usize) -> String {
    // What is hidden grows when it is shown, so it is cut before, and after.
    shorten(&visible_line(&shorten(text, most)), most)
}

/// Turns the lines of one test case into rows.
pub(super) struct Sequence {
    protocol: &'static Protocol,
    began: OnceLock<Stamp>,
    /// The actions of calls that wait for an answer, by station and message id.
    calls: HashMap<(Option<String>, String), String>,
    /// The steps that the next one may be nested in, from the outermost.
    within: Vec<String>,
}

impl Sequence {
    pub(super) fn new(protocol: &'static Protocol) -> Self {
        Self { protocol, began: OnceLock::new(), calls: HashMap::new(), within: Vec::new() }
    }

    /// The row of a line; none for a line that begins a test case.
    #[allow(clippy::cast_possible_truncation)] // a run lasts days
    pub(super) fn row(&mut self, entry: &TraceEntry) -> Option<Row> {
        let began = *self.began.get_or_init(|| entry.at);
        let mut row = Row {
            kind: RowKind::Note,
            at: (entry.at.seconds_since(&began) * 1000.0).round() as i64,
            from_sut: None,
            label: String::new(),
            detail: String::new(),
            text: None,
            station: entry.station.as_deref().map(|station| line(station, 60)),
            depth: 0,
            finding: None,
        };
        let mut note = |kind, label: &str, detail: &str| {
            (row.kind, row.label, row.detail) = (kind, line(label, MAX_LABEL), line(detail, MAX_DETAIL));
        };
        match &entry.what {
            TraceEvent::TestCase { .. } | TraceEvent::Withdrawn { .. } => return None,
            TraceEvent::Resumed { .. } => note(RowKind::Note, "the run was resumed", ""),
            TraceEvent::Frame { direction, text } => {
                row.from_sut = Some(*direction == Direction::FromSut);
                row.text = Some(shorten(text, MAX_FRAME));
                self.frame(&mut row, entry, text);
            }
            TraceEvent::Garbage { what } => {
                note(RowKind::Broken, "no OCPP message", what);
                row.from_sut = Some(true);
            }
            TraceEvent::Ping { pong } => {
                note(RowKind::Ping, if *pong { "pong" } else { "ping" }, "");
                row.from_sut = Some(true);
            }
            TraceEvent::AttemptFailed { endpoint, failure, .. } => {
                note(RowKind::Closed, &format!("no connection at end-point {endpoint}"), &failure.words());
            }
            TraceEvent::Opened { path, user, subprotocol, tls, .. } => {
                let tls = tls.as_ref().map(|tls| format!(", {}", tls.version)).unwrap_or_default();
                let user = user.as_ref().map(|user| format!(" as {user}")).unwrap_or_default();
                let subprotocol = subprotocol.as_deref().unwrap_or("no sub-protocol");
                note(RowKind::Opened, "connected", &format!("{path}{user}, {subprotocol}{tls}"));
            }
            TraceEvent::Closed { code, by } => {
                let code = code.map(|code| format!(", code {code}")).unwrap_or_default();
                note(RowKind::Closed, "connection closed", &format!("by {by:?}{code}"));
            }
            TraceEvent::Operator { action, parameters } => {
                let parameters = serde_json::to_string(parameters).unwrap_or_default();
                note(RowKind::Operator, &format!("asked: {action}"), if parameters == "{}" { "" } else { &parameters });
            }
            TraceEvent::OperatorDone { action, outcome } => note(RowKind::Operator, action, outcome),
            TraceEvent::Remark { text } => note(RowKind::Note, "remark", text),
            TraceEvent::Notice { text } => note(RowKind::Note, "note", text),
            TraceEvent::Service { service, detail } => note(RowKind::Note, service, &detail.to_string()),
            TraceEvent::Upload(upload) => {
                note(
                    RowKind::Note,
                    &format!("file by {}", upload.protocol),
                    &format!("{}, {} bytes", upload.name, upload.size),
                );
            }
            TraceEvent::Step { step } => {
                while self.within.last().is_some_and(|outer| below(step, outer).is_none()) {
                    self.within.pop();
                }
                let own = self.within.last().and_then(|outer| below(step, outer)).unwrap_or(step);
                note(RowKind::Step, own, "");
                row.depth = self.within.len().min(8);
                self.within.push(step.clone());
            }
            TraceEvent::Verdict { verdict, .. } => note(RowKind::Verdict, verdict.word(), ""),
        }
        Some(row)
    }

    fn frame(&mut self, row: &mut Row, entry: &TraceEntry, text: &str) {
        let key = |id: String| (entry.station.clone(), id);
        let told = |action: String, payload: serde_json::Value| {
            let call = Call {
                conn: ConnId(0),
                id: String::new(),
                action,
                payload,
                at: entry.at,
                text: String::new(),
                input: 0,
            };
            line(&self.protocol.semantics.summary(&call), MAX_LABEL)
        };
        match Frame::read_back(text) {
            Ok(Frame::Call { id, action, payload }) => {
                (row.kind, row.label) = (RowKind::Call, told(action.clone(), payload));
                if self.calls.len() >= MAX_CALLS {
                    self.calls.clear();
                }
                self.calls.insert(key(id), action);
            }
            Ok(Frame::CallResult { id, payload }) => {
                let action = self.calls.remove(&key(id)).unwrap_or_else(|| "an answer to nothing".into());
                (row.kind, row.label) = (RowKind::Result, told(action, payload));
            }
            Ok(
                Frame::CallError { id, code, description, .. } | Frame::CallResultError { id, code, description, .. },
            ) => {
                let action = self.calls.remove(&key(id)).unwrap_or_else(|| "the answer".into());
                row.kind = RowKind::Refusal;
                row.label = line(&format!("{action} refused: {code}"), MAX_LABEL);
                row.detail = line(&description, MAX_DETAIL);
            }
            Ok(Frame::Send { action, payload, .. }) => {
                (row.kind, row.label) = (RowKind::Send, told(action, payload));
            }
            Err(error) => {
                (row.kind, row.label) = (RowKind::Broken, "broken frame".into());
                row.detail = line(&error.to_string(), MAX_DETAIL);
            }
        }
    }
}

/// A step without the one that it is nested in; none where it is not.
fn below<'s>(step: &'s str, outer: &str) -> Option<&'s str> {
    step.strip_prefix(outer)?.strip_prefix(" > ")
}

/// Marks the rows whose frames findings quote: of several alike the last one. True where a mark was set.
pub(super) fn mark<'r>(rows: impl DoubleEndedIterator<Item = &'r mut Row>, failures: &[Failure]) -> bool {
    let mut open: Vec<(usize, &str)> =
        failures.iter().enumerate().filter_map(|(number, one)| Some((number, one.frame.as_deref()?))).collect();
    let mut any = false;
    for row in rows.rev() {
        let Some(text) = &row.text else { continue };
        while let Some(place) = open.iter().position(|(_, frame)| alike(text, frame)) {
            let (number, _) = open.remove(place);
            row.finding = Some(row.finding.map_or(number, |before| before.min(number)));
            any = true;
        }
    }
    any
}

/// Two texts, either of which may have been cut.
fn alike(one: &str, other: &str) -> bool {
    match (one.strip_suffix('…'), other.strip_suffix('…')) {
        (None, None) => one == other,
        (Some(one), None) => other.starts_with(one),
        (None, Some(other)) => one.starts_with(other),
        (Some(one), Some(other)) => one.starts_with(other) || other.starts_with(one),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::protocol::Version;

    fn rows(lines: &[Value]) -> Vec<Row> {
        let mut sequence = Sequence::new(Version::V2_0_1.protocol());
        let entry = |(number, line): (usize, &Value)| {
            let mut line = line.clone();
            line["mono-ns"] = json!(number * 1_500_000_000);
            line["wall"] = json!("2026-11-21T10:00:00Z");
            serde_json::from_value::<TraceEntry>(line).unwrap()
        };
        lines.iter().enumerate().map(entry).filter_map(|entry| sequence.row(&entry)).collect()
    }

    fn frame(direction: &str, text: &str) -> Value {
        json!({ "event": "frame", "direction": direction, "text": text })
    }

    #[test]
    fn requests_and_answers_are_arrows_with_what_tells_them_apart() {
        let rows = rows(&[
            json!({ "event": "test-case", "id": "TC_B_01_CS" }),
            json!({ "event": "step", "step": "1 run Booted" }),
            json!({ "event": "step", "step": "1 run Booted > 2 expect BootNotification" }),
            frame("from-sut", r#"[2,"7","BootNotification",{"reason":"PowerUp"}]"#),
            frame("to-sut", r#"[3,"7",{"status":"Accepted"}]"#),
            frame("from-sut", r#"[4,"9","NotSupported","no",{}]"#),
            frame("from-sut", "[2,"),
        ]);
        let told: Vec<_> =
            rows.iter().map(|row| (row.kind, row.at, row.from_sut, row.label.as_str(), row.depth)).collect();
        assert_eq!(
            told,
            [
                (RowKind::Step, 1500, None, "1 run Booted", 0),
                (RowKind::Step, 3000, None, "2 expect BootNotification", 1),
                (RowKind::Call, 4500, Some(true), "BootNotification (PowerUp)", 0),
                (RowKind::Result, 6000, Some(false), "BootNotification (Accepted)", 0),
                (RowKind::Refusal, 7500, Some(true), "the answer refused: NotSupported", 0),
                (RowKind::Broken, 9000, Some(true), "broken frame", 0),
            ]
        );
    }

    #[test]
    fn whatever_the_sut_sends_a_row_is_small_and_harmless() {
        let long = "\u{1b}[2J\u{202e}".repeat(20_000);
        let call = json!([2, long, long, { "status": long }]).to_string();
        for row in rows(&[
            frame("from-sut", &call),
            frame("from-sut", &long),
            json!({ "event": "garbage", "what": long }),
            json!({ "event": "opened", "endpoint": 1, "path": long, "user": long }),
            json!({ "event": "step", "step": long }),
        ]) {
            assert!(row.label.chars().count() <= MAX_LABEL, "{}", row.label.len());
            assert!(row.detail.chars().count() <= MAX_DETAIL, "{}", row.detail.len());
            assert!(!row.label.contains(['\u{1b}', '\u{202e}']) && !row.detail.contains(['\u{1b}', '\u{202e}']));
            assert!(row.text.is_none_or(|text| text.chars().count() <= MAX_FRAME));
        }
    }

    #[test]
    fn the_frame_of_a_finding_is_marked_and_of_two_alike_the_last() {
        let beat = r#"[2,"1","Heartbeat",{}]"#;
        let mut rows =
            rows(&[frame("from-sut", beat), frame("from-sut", beat), frame("from-sut", r#"[2,"2","X",{}]"#)]);
        let failure = |frame: &str| {
            let failure = json!({ "verdict": "fail", "step": "1 expect", "message": "m", "frame": frame, "at-s": 1.0 });
            serde_json::from_value::<Failure>(failure).unwrap()
        };
        assert!(mark(rows.iter_mut(), &[failure(beat), failure("[2,\"2\",…")]));
        assert_eq!(rows.iter().map(|row| row.finding).collect::<Vec<_>>(), [None, Some(0), Some(1)]);
        assert!(!mark(rows.iter_mut(), &[failure("[2,\"3\",…")]));
    }
}
