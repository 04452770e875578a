//! One test case of a run: its findings, each beside its frame, and what was said, from the run folder.

use std::{
    collections::{HashMap, VecDeque},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::SystemTime,
};

use serde::Serialize;
use serde_json::{Value, json};

use super::{refused::Refused, sequence};
use crate::{
    pics::reader,
    protocol::{Protocol, requirements::RequirementList},
    record::{TraceEntry, index::TraceIndex, read},
    report::{Line, lay_out},
    text::{ids, visible_line},
    verdict::{Failure, TestCaseResult},
    yaml::shorten,
};

/// Most rows of a test case that are shown; its report and the trace have them all.
const MAX_ROWS: usize = 1500;
/// Most findings that are shown.
const MAX_FINDINGS: usize = 12;
/// Longest text that is shown, characters.
const MAX_TEXT: usize = 2000;
/// Most lines of a trace whose places are kept, so that the next test case of the same run is found at once.
const MAX_KEPT: usize = 4;

/// The places of a trace's lines, with when the trace was as it is.
type Kept = (PathBuf, Option<SystemTime>, Arc<TraceIndex>);

/// Where the lines of the runs that were looked at last are.
#[derive(Default)]
pub(super) struct Traces(Mutex<VecDeque<Kept>>);

impl Traces {
    fn of(&self, folder: &Path) -> Result<Arc<TraceIndex>, Refused> {
        let changed = std::fs::metadata(folder.join("trace.jsonl")).and_then(|about| about.modified()).ok();
        let kept = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((.., index)) = kept().iter().find(|(path, then, _)| path == folder && *then == changed) {
            return Ok(index.clone());
        }
        let index = Arc::new(TraceIndex::read(folder, |_| {})?);
        let mut kept = kept();
        kept.retain(|(path, ..)| path != folder);
        kept.truncate(MAX_KEPT - 1);
        kept.push_front((folder.to_owned(), changed, index.clone()));
        Ok(index)
    }
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Finding {
    verdict: &'static str,
    message: String,
    expected: Option<String>,
    found: Option<String>,
    pointer: Option<String>,
    further: Vec<HashMap<&'static str, String>>,
    requirements: Vec<String>,
    step: String,
    source: Option<String>,
    /// Seconds since the test case began.
    at: f64,
    waited: Option<f64>,
    frame: Vec<FrameLine>,
    /// The CALL of ours that the frame answers.
    request: Vec<FrameLine>,
}

#[derive(Serialize)]
struct FrameLine {
    text: String,
    marked: bool,
}

fn shown(text: &str) -> String {
    shorten(&visible_line(&shorten(text, MAX_TEXT)), MAX_TEXT)
}

fn finding(failure: &Failure, case: &TestCaseResult, known: &RequirementList) -> Finding {
    let line =
        |Line { indent, text, marked }: Line| FrameLine { text: format!("{}{}", indent, visible_line(&text)), marked };
    let laid_out = |frame: Option<&str>, pointer: Option<&str>| {
        frame.map(|frame| lay_out(frame, pointer)).into_iter().flatten().map(line).collect()
    };
    let further = failure.further.iter().take(MAX_FINDINGS).map(|place| {
        let mut told = HashMap::from([("expected", shown(&place.expected)), ("found", shown(&place.found))]);
        if let Some(message) = &place.message {
            told.insert("message", shown(message));
        }
        if !place.requirements.is_empty() {
            told.insert("requirements", ids(&place.requirements));
        }
        told
    });
    Finding {
        verdict: failure.verdict.word(),
        message: shown(&failure.message),
        expected: failure.expected.as_deref().map(shown),
        found: failure.found.as_deref().map(shown),
        pointer: failure.pointer.as_deref().map(shown),
        further: further.collect(),
        requirements: known.lines(&failure.requirements),
        step: shown(&failure.step),
        source: failure.source.as_deref().map(shown),
        at: failure.at_s - case.started_s,
        waited: failure.waited_s,
        frame: laid_out(failure.frame.as_deref(), failure.pointer.as_deref()),
        request: laid_out(failure.request.as_deref(), None),
    }
}

/// What is shown of a test case.
pub(super) fn of_case(folder: &Path, cases: &[TestCaseResult], id: &str, traces: &Traces) -> Result<Value, Refused> {
    let case = cases.iter().find(|case| case.id == id).ok_or(Refused::NoSuchRun)?;
    let pics = reader::read(&folder.join(read::PICS_FILE))?;
    let protocol: &'static Protocol = pics.ocpp.protocol();
    let index = traces.of(folder)?;
    let mut sequence = sequence::Sequence::new(protocol);
    let (mut rows, count) = (Vec::new(), index.count(id));
    // Of a long one the beginning and, as that is where it went wrong, the end.
    let gap = (MAX_ROWS / 4, count.saturating_sub(3 * MAX_ROWS / 4));
    let (mut left_out, mut gap_at) = (0, 0);
    index.each_line(id, |number, line| {
        let Ok(entry) = serde_json::from_str::<TraceEntry>(line) else { return };
        let row = sequence.row(&entry);
        if number >= gap.0 && number < gap.1 {
            (left_out, gap_at) = (left_out + 1, rows.len());
        } else {
            rows.extend(row);
        }
    })?;
    sequence::mark(rows.iter_mut(), &case.failures);
    let findings: Vec<Finding> = case
        .failures
        .iter()
        .take(MAX_FINDINGS)
        .map(|failure| finding(failure, case, protocol.requirements()))
        .collect();
    let uploads = case.uploads.iter().take(20).map(|one| shown(&format!("{} ({} bytes)", one.name, one.size)));
    Ok(json!({
        "id": case.id,
        "title": shown(&case.title),
        "verdict": case.verdict,
        "word": case.word(),
        "reason": case.reason.as_deref().map(shown),
        "seconds": case.duration_s,
        "requirements": protocol.requirements().lines(&case.requirements),
        "findings": findings,
        "more-findings": case.failures.len().saturating_sub(MAX_FINDINGS),
        "remarks": case.remarks.iter().take(50).map(|remark| shown(remark)).collect::<Vec<_>>(),
        "uploads": uploads.collect::<Vec<_>>(),
        "attempts": case.attempts.iter().map(|one| one.verdict.word()).collect::<Vec<_>>(),
        "rows": rows,
        "left-out": left_out,
        "gap-at": gap_at,
    }))
}
