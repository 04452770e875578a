//! What the page shows: kept here, sent whole whenever something has changed.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use axum::response::Response;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::{
    sync::{Notify, oneshot, watch},
    time::Instant,
};

use super::watched::Watched;
use crate::{
    manual_action::{
        ActionOutcome, ManualAction,
        actions::{self, ActionInfo},
    },
    verdict::Verdict,
    yaml::shorten,
};

/// Most steps of a test case that are shown; the report has them all.
const MAX_STEPS: usize = 40;
/// Most test cases that are over and shown.
const MAX_ENDED: usize = 30;
/// Most remarks on a test case that wait to be fetched.
const MAX_REMARKS: usize = 100;
/// Longest remark, characters.
const MAX_REMARK: usize = 500;

/// Why what a browser asked for was not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refused {
    /// The action is no longer asked for.
    #[error("This was already answered, or its time is over.")]
    Over,
    /// A test case that never came to its turn.
    #[error("There is no such test case in this run.")]
    Unknown,
    /// Nothing, or too much, was said.
    #[error("Write something, in at most 500 characters.")]
    Length,
    /// Too many remarks at once.
    #[error("There are too many remarks on this test case.")]
    TooMany,
    /// An answer that does not fit what was asked.
    #[error("This does not answer the question that was asked.")]
    Unfitting,
}

/// What the run and the browsers share.
#[derive(Debug)]
pub(super) struct PageState {
    watched: Watched<State>,
    noted: Notify,
    patience: Duration,
}

#[derive(Debug, Default)]
struct State {
    product: String,
    of: usize,
    running: Vec<Running>,
    ended: VecDeque<Ended>,
    /// Every test case of the run that came to its turn, with the remarks that nobody has fetched yet.
    remarks: HashMap<String, Vec<String>>,
    counts: [usize; 5],
    asked: Vec<Asked>,
    last_id: u64,
    paused: bool,
    aborted: bool,
    finished: Option<String>,
}

#[derive(Debug)]
struct Running {
    number: usize,
    id: String,
    title: String,
    purpose: String,
    steps: VecDeque<(String, Instant)>,
}

#[derive(Debug, Serialize)]
struct Ended {
    id: String,
    title: String,
    verdict: &'static str,
    reason: Option<String>,
}

#[derive(Debug)]
struct Asked {
    id: u64,
    action: ManualAction,
    question: bool,
    until: Instant,
    answer: oneshot::Sender<ActionOutcome>,
}

impl PageState {
    pub(super) fn new(product: String, patience: Duration) -> Self {
        Self { watched: Watched::new(State { product, ..State::default() }), noted: Notify::new(), patience }
    }

    /// The state as server-sent events.
    pub(super) fn events(self: Arc<Self>, close: watch::Receiver<bool>, breath: Duration) -> Response {
        let state = self.clone();
        self.watched.events(close, breath, move || state.snapshot().to_string())
    }

    pub(super) fn begins(&self, number: usize, of: usize, id: &str, title: &str, purpose: &str) {
        self.watched.change(|state| {
            state.of = of;
            state.remarks.entry(id.to_owned()).or_default();
            state.running.retain(|running| running.id != id);
            state.running.push(Running {
                number,
                id: id.to_owned(),
                title: title.to_owned(),
                purpose: purpose.to_owned(),
                steps: VecDeque::new(),
            });
        });
    }

    pub(super) fn step(&self, id: &str, step: &str) {
        self.watched.change(|state| {
            if let Some(running) = state.running.iter_mut().find(|running| running.id == id) {
                if running.steps.len() == MAX_STEPS {
                    running.steps.pop_front();
                }
                running.steps.push_back((shorten(step, 300), Instant::now()));
            }
        });
    }

    pub(super) fn ended(&self, id: &str, verdict: Verdict, reason: Option<&str>) {
        self.watched.change(|state| {
            let title = match state.running.iter().position(|running| running.id == id) {
                Some(place) => state.running.remove(place).title,
                None => String::new(),
            };
            state.counts[verdict as usize] += 1;
            state.ended.truncate(MAX_ENDED - 1);
            state.ended.push_front(Ended {
                id: id.to_owned(),
                title,
                verdict: verdict.word(),
                reason: reason.map(|reason| shorten(reason, 300)),
            });
        });
    }

    pub(super) fn ask(&self, action: ManualAction, answer: oneshot::Sender<ActionOutcome>) -> u64 {
        let question = actions::find(&action.action).is_some_and(ActionInfo::is_question);
        let until = Instant::now() + self.patience;
        let mut id = 0;
        self.watched.change(|state| {
            state.last_id += 1;
            id = state.last_id;
            if !state.aborted {
                state.asked.push(Asked { id, action, question, until, answer });
            }
        });
        id
    }

    pub(super) fn withdraw(&self, id: u64) {
        if self.watched.state().asked.iter().any(|asked| asked.id == id) {
            self.watched.change(|state| state.asked.retain(|asked| asked.id != id));
        }
    }

    /// Hands an answer to who waits for it. Only a question can be denied.
    pub(super) fn answer(&self, id: u64, outcome: ActionOutcome) -> Result<(), Refused> {
        let mut state = self.watched.state();
        let place = state.asked.iter().position(|asked| asked.id == id).ok_or(Refused::Over)?;
        if matches!(outcome, ActionOutcome::Denied(_)) && !state.asked[place].question {
            return Err(Refused::Unfitting);
        }
        let asked = state.asked.remove(place);
        drop(state);
        self.watched.tell();
        asked.answer.send(outcome).map_err(|_| Refused::Over)
    }

    /// Keeps a remark until the run fetches it.
    pub(super) fn remark(&self, test_case: &str, text: &str) -> Result<(), Refused> {
        let text: String = text.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        if text.is_empty() || text.chars().count() > MAX_REMARK {
            return Err(Refused::Length);
        }
        let mut state = self.watched.state();
        let remarks = state.remarks.get_mut(test_case).ok_or(Refused::Unknown)?;
        if remarks.len() >= MAX_REMARKS {
            return Err(Refused::TooMany);
        }
        remarks.push(text);
        drop(state);
        self.noted.notify_waiters();
        Ok(())
    }

    /// Resolves once there are remarks on a test case, and takes them.
    pub(super) async fn remarks(&self, test_case: &str) -> Vec<String> {
        loop {
            // Enabled before looking, so that nothing noted in between is missed.
            let noted = self.noted.notified();
            tokio::pin!(noted);
            noted.as_mut().enable();
            let found = self.watched.state().remarks.get_mut(test_case).map(std::mem::take).unwrap_or_default();
            if !found.is_empty() {
                return found;
            }
            noted.await;
        }
    }

    pub(super) fn pause(&self, paused: bool) {
        self.watched.change(|state| state.paused = paused);
    }

    /// The run is to end; nobody needs to do anything any more.
    pub(super) fn abort(&self) {
        self.watched.change(|state| {
            state.aborted = true;
            state.asked.clear();
        });
    }

    pub(super) fn finish(&self, summary: &str) {
        self.watched.change(|state| {
            state.asked.clear();
            state.running.clear();
            state.finished = Some(summary.to_owned());
        });
    }

    /// Everything that the page shows.
    pub(super) fn snapshot(&self) -> Value {
        let state = self.watched.state();
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let running = state.running.iter().map(|running| {
            let steps = running.steps.iter().map(|(step, _)| step.as_str());
            json!({
                "number": running.number,
                "id": running.id,
                "title": running.title,
                "purpose": running.purpose,
                "steps": steps.collect::<Vec<_>>(),
                "since": running.steps.back().map(|(_, since)| millis(since.elapsed())),
            })
        });
        let asked = state.asked.iter().map(|asked| {
            json!({
                "id": asked.id,
                "action": asked.action.action,
                "prompt": asked.action.prompt,
                "parameters": asked.action.parameters,
                "question": asked.question,
                "left": millis(asked.until.saturating_duration_since(Instant::now())),
            })
        });
        let words = [Verdict::Pass, Verdict::NotImplemented, Verdict::Inconclusive, Verdict::Fail, Verdict::Error];
        let counts =
            words.into_iter().map(|verdict| (verdict.word().to_owned(), state.counts[verdict as usize].into()));
        json!({
            "product": state.product,
            "of": state.of,
            "running": running.collect::<Vec<_>>(),
            "asked": asked.collect::<Vec<_>>(),
            "ended": state.ended,
            "counts": counts.collect::<serde_json::Map<_, _>>(),
            "patience": millis(self.patience),
            "paused": state.paused,
            "aborted": state.aborted,
            "finished": state.finished,
        })
    }
}
