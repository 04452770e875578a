//! The run under way, or the one that was last: kept here, and sent to each browser as far as it has not seen it.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use axum::response::Response;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::{
    refused::Refused,
    sequence::{self, Row, Sequence},
};
use crate::{
    operator::web::watched::Watched,
    protocol::Protocol,
    record::{TraceEntry, TraceEvent},
    text::visible_line,
    verdict::{TestCaseResult, Verdict},
    yaml::shorten,
};

/// Most rows of the running test case that are kept; its report has them all.
const MAX_ROWS: usize = 400;
/// Most lines that the run has said and that are kept.
const MAX_LOG: usize = 60;
/// Longest text that is shown of a reason or a line, characters.
const MAX_TEXT: usize = 400;

/// Where the run is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Phase {
    /// Nothing was run yet.
    #[default]
    Idle,
    /// A run is under way.
    Running,
    /// It was told to end.
    Stopping,
    /// It is over.
    Over,
}

/// What is run.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct About {
    pub(super) product: String,
    /// The id of the PICS.
    pub(super) pics: String,
    /// The id of the bench.
    pub(super) bench: String,
    /// The run folder, as it is shown.
    pub(super) folder: String,
    /// The id of the run in the list of runs.
    pub(super) key: String,
    pub(super) command: String,
    pub(super) chosen: Vec<String>,
    pub(super) started: jiff::Timestamp,
    /// A person is asked for manual actions.
    pub(super) person: bool,
}

/// What became of a test case, in short.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct CaseLine {
    pub(super) id: String,
    pub(super) title: String,
    pub(super) verdict: Verdict,
    word: &'static str,
    reason: Option<String>,
    seconds: f64,
}

impl CaseLine {
    pub(super) fn of(result: &TestCaseResult) -> Self {
        Self {
            id: result.id.clone(),
            title: shorten(&visible_line(&result.title), MAX_TEXT),
            verdict: result.verdict,
            word: result.word(),
            reason: result.reason.as_deref().map(|reason| shorten(&visible_line(reason), MAX_TEXT)),
            seconds: result.duration_s,
        }
    }
}

/// How a run ended.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Ending {
    exit: Option<i32>,
    words: String,
}

/// The running test case.
struct Case {
    /// Which of the run it is, so that a browser notices that it is another.
    number: u64,
    id: String,
    rows: VecDeque<Row>,
    /// How many rows were left out at the beginning.
    dropped: usize,
    sequence: Sequence,
}

#[derive(Default)]
struct State {
    run: u64,
    phase: Phase,
    about: Option<About>,
    protocol: Option<&'static Protocol>,
    results: Vec<CaseLine>,
    verdicts: HashMap<String, Verdict>,
    case: Option<Case>,
    cases: u64,
    /// What the operator's page of the run tells.
    operator: Value,
    log: VecDeque<String>,
    ending: Option<Ending>,
}

/// What a browser has seen.
#[derive(Debug, Default)]
pub(super) struct Seen {
    run: u64,
    about: bool,
    results: usize,
    case: u64,
    rows: usize,
}

/// The run that the page shows.
pub(super) struct Live {
    watched: Watched<State>,
}

impl Live {
    pub(super) fn new() -> Self {
        Self { watched: Watched::new(State::default()) }
    }

    /// The state as server-sent events, of results and rows what the browser has not seen.
    pub(super) fn events(self: Arc<Self>, close: watch::Receiver<bool>, breath: Duration) -> Response {
        let (live, mut seen) = (self.clone(), Seen::default());
        self.watched.events(close, breath, move || live.since(&mut seen).to_string())
    }

    /// A run is to begin: refused while there is one. Its number.
    pub(super) fn begin(&self, about: About, protocol: &'static Protocol) -> Result<u64, Refused> {
        let mut state = self.watched.state();
        if matches!(state.phase, Phase::Running | Phase::Stopping) {
            return Err(Refused::Busy);
        }
        let (run, cases) = (state.run + 1, state.cases);
        *state = State {
            run,
            phase: Phase::Running,
            about: Some(about),
            protocol: Some(protocol),
            cases,
            ..State::default()
        };
        drop(state);
        self.watched.tell();
        Ok(run)
    }

    /// The number of the run that is under way.
    pub(super) fn running(&self) -> Option<u64> {
        let state = self.watched.state();
        matches!(state.phase, Phase::Running | Phase::Stopping).then_some(state.run)
    }

    /// A line of the trace.
    pub(super) fn trace(&self, entry: &TraceEntry) {
        self.watched.change(|state| {
            let Some(protocol) = state.protocol else { return };
            if let TraceEvent::TestCase { id } = &entry.what {
                state.cases += 1;
                let (number, id) = (state.cases, id.clone());
                let mut sequence = Sequence::new(protocol);
                let _ = sequence.row(entry);
                state.case = Some(Case { number, id, rows: VecDeque::new(), dropped: 0, sequence });
                return;
            }
            let Some(case) = state.case.as_mut() else { return };
            if entry.test_case.as_ref() != Some(&case.id) {
                return;
            }
            if let Some(row) = case.sequence.row(entry) {
                if case.rows.len() == MAX_ROWS {
                    case.rows.pop_front();
                    case.dropped += 1;
                }
                case.rows.push_back(row);
            }
        });
    }

    /// A result was written.
    pub(super) fn result(&self, result: &TestCaseResult) {
        self.watched.change(|state| {
            state.verdicts.insert(result.id.clone(), result.verdict);
            state.results.push(CaseLine::of(result));
            if let Some(case) = state.case.as_mut().filter(|case| case.id == result.id) {
                if sequence::mark(case.rows.iter_mut(), &result.failures) {
                    // Rows that were sent already have changed.
                    state.cases += 1;
                    case.number = state.cases;
                }
            }
        });
    }

    /// The run has said something.
    pub(super) fn said(&self, words: &str) {
        let words = shorten(&visible_line(&shorten(words, MAX_TEXT)), MAX_TEXT);
        self.watched.change(|state| {
            if state.log.len() == MAX_LOG {
                state.log.pop_front();
            }
            state.log.push_back(words);
        });
    }

    /// What the operator's page of the run tells: what is asked, and whether it is paused.
    pub(super) fn operator(&self, told: Value) {
        self.watched.change(|state| state.operator = told);
    }

    pub(super) fn stopping(&self) {
        self.watched.change(|state| {
            if state.phase == Phase::Running {
                state.phase = Phase::Stopping;
            }
        });
    }

    /// The run is over.
    pub(super) fn over(&self, exit: Option<i32>) {
        self.watched.change(|state| {
            let words = match exit {
                Some(0) => "Everything passed",
                Some(1) => "At least one test case failed",
                Some(2) => "The run could not begin: what it said stands below",
                Some(3) => "Nothing failed, but something was not decided",
                Some(_) => "The harness itself failed: what it said stands below",
                None => "The run was killed: what had ended by then is kept",
            };
            state.phase = Phase::Over;
            state.operator = Value::Null;
            state.ending = Some(Ending { exit, words: words.into() });
        });
    }

    /// The state, and of results and rows what `seen` has not.
    pub(super) fn since(&self, seen: &mut Seen) -> Value {
        let state = self.watched.state();
        if seen.run != state.run {
            *seen = Seen { run: state.run, ..Seen::default() };
        }
        let results = (seen.results, &state.results[seen.results.min(state.results.len())..]);
        let case = state.case.as_ref().map(|case| {
            if seen.case != case.number {
                (seen.case, seen.rows) = (case.number, 0);
            }
            let from = seen.rows.max(case.dropped);
            let rows: Vec<&Row> = case.rows.iter().skip(from - case.dropped).collect();
            seen.rows = from + rows.len();
            json!({ "number": case.number, "id": case.id, "from": from, "rows": rows, "left-out": case.dropped })
        });
        let mut counts = HashMap::<&str, usize>::new();
        for verdict in state.verdicts.values() {
            *counts.entry(verdict.word()).or_default() += 1;
        }
        let told = json!({
            "run": state.run,
            "phase": state.phase,
            "about": if seen.about { None } else { state.about.as_ref() },
            "counts": counts,
            "done": state.verdicts.len(),
            "results-from": results.0,
            "results": results.1,
            "case": case,
            "operator": state.operator,
            "log": state.log,
            "ending": state.ending,
        });
        let now = state.results.len();
        drop(state);
        (seen.results, seen.about) = (now, true);
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Version;

    fn about() -> About {
        About {
            product: "P".into(),
            pics: "a".into(),
            bench: "b".into(),
            folder: "f".into(),
            key: "k".into(),
            command: "c".into(),
            chosen: vec!["TC_X".into()],
            started: jiff::Timestamp::UNIX_EPOCH,
            person: false,
        }
    }

    fn entry(event: Value) -> TraceEntry {
        let mut line = json!({ "mono-ns": 1, "wall": "2026-11-21T10:00:00Z", "test-case": "TC_X" });
        line.as_object_mut().unwrap().extend(event.as_object().unwrap().clone());
        serde_json::from_value(line).unwrap()
    }

    fn step(live: &Live, number: usize) {
        live.trace(&entry(json!({ "event": "step", "step": format!("{number} settle") })));
    }

    /// Labels of the rows that come, and where they belong.
    fn rows(told: &Value) -> (u64, Vec<&str>) {
        let labels = told["case"]["rows"].as_array().unwrap().iter().map(|row| row["label"].as_str().unwrap());
        (told["case"]["from"].as_u64().unwrap(), labels.collect())
    }

    #[test]
    fn a_browser_is_sent_what_it_has_not_seen_and_no_more_than_is_kept() {
        let live = Live::new();
        live.begin(about(), Version::V2_0_1.protocol()).unwrap();
        assert!(live.begin(about(), Version::V2_0_1.protocol()).is_err(), "one run after the other");
        live.trace(&entry(json!({ "event": "test-case", "id": "TC_X" })));
        let mut seen = Seen::default();
        step(&live, 1);
        let told = live.since(&mut seen);
        assert_eq!((rows(&told), &told["about"]["key"]), ((0, vec!["1 settle"]), &json!("k")));
        step(&live, 2);
        let told = live.since(&mut seen);
        assert_eq!((rows(&told), &told["about"]), ((1, vec!["2 settle"]), &Value::Null));
        assert_eq!(rows(&live.since(&mut seen)), (2, vec![]));
        for number in 3..=MAX_ROWS + 2 {
            step(&live, number);
        }
        let told = live.since(&mut Seen::default());
        assert_eq!((rows(&told).0, rows(&told).1.len(), &told["case"]["left-out"]), (2, MAX_ROWS, &json!(2)));
        assert_eq!(rows(&live.since(&mut seen)).0, 2, "one that was slow has lost nothing that it needs");
    }

    #[test]
    fn rows_that_a_result_marks_are_sent_again() {
        let live = Live::new();
        live.begin(about(), Version::V2_0_1.protocol()).unwrap();
        live.trace(&entry(json!({ "event": "test-case", "id": "TC_X" })));
        let frame = "[2,\"1\",\"Y\",{}]";
        live.trace(&entry(json!({ "event": "frame", "direction": "from-sut", "text": frame })));
        let mut seen = Seen::default();
        let before = live.since(&mut seen);
        let result = json!({
            "id": "TC_X", "title": "t", "profiles": [], "verdict": "fail", "reason": "\u{1b}[2J", "duration-s": 1.0,
            "failures": [{ "verdict": "fail", "step": "1 expect", "message": "m", "frame": frame, "at-s": 1.0 }],
        });
        live.result(&serde_json::from_value(result).unwrap());
        let after = live.since(&mut seen);
        assert_ne!(before["case"]["number"], after["case"]["number"]);
        assert_eq!((&after["case"]["rows"][0]["finding"], after["done"].as_u64()), (&json!(0), Some(1)));
        assert!(!after["results"][0]["reason"].as_str().unwrap().contains('\u{1b}'));
        live.over(Some(1));
        assert_eq!(live.running(), None);
        assert_eq!(live.begin(about(), Version::V2_0_1.protocol()).unwrap(), 2);
        let told = live.since(&mut seen);
        assert_eq!(
            (&told["results"], &told["case"], told["about"]["key"].as_str()),
            (&json!([]), &Value::Null, Some("k"))
        );
    }
}
