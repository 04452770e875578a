//! A recording in which something is done otherwise, told to an engine.

use std::collections::HashSet;

use super::{
    mutant::{Edit, Mutant},
    sample,
};
use crate::{
    clock::Stamp,
    engine::{Effect, Engine, Input, Outcome},
    link::{ConnId, LinkEvent},
    protocol::frame::Frame,
    replay::{Recording, pass_time},
};

/// What came of a mutant.
pub(super) struct Judged {
    pub(super) outcome: Outcome,
    /// All was decided before anything of what was changed came.
    pub(super) over: bool,
    /// It did not come to an end by itself.
    pub(super) interrupted: bool,
    /// The numbers that the engine gave to what was changed.
    pub(super) told: Vec<usize>,
    /// The messages that were changed or added, as they came.
    pub(super) texts: Vec<String>,
    /// The engine as it was left, where a condition is asked for.
    pub(super) engine: Option<Engine>,
}

/// Tells an engine that has heard everything before the mutant's first edit what comes then.
pub(super) fn judge(engine: Engine, recording: &Recording, now: Stamp, mutant: &Mutant) -> Judged {
    let mut telling = Telling {
        engine,
        recording,
        now,
        over: false,
        interrupted: false,
        told: Vec::new(),
        texts: Vec::new(),
        gone: HashSet::new(),
        asked_for: 0,
        keep: mutant.condition.is_some(),
    };
    let mut edits = mutant.edits.iter().peekable();
    let mut shift = 0;
    let mut effects = recording.effects.iter().peekable();
    let mut asked = 0;
    for (index, (at, input)) in recording.inputs.iter().enumerate().skip(mutant.at()) {
        let (mut before, mut here, mut after, mut changed) = (Vec::new(), Some(input), Vec::new(), false);
        let (mut forbidden, mut unwanted) = (None, None);
        while let Some((_, edit)) = edits.next_if(|(of, _)| *of == index) {
            match edit {
                Edit::Replace(other) => (here, changed) = (Some(other), true),
                Edit::Drop => here = None,
                Edit::Before(other) => before.push(other),
                Edit::After(other) => after.push(other),
                Edit::Unwanted(conn, frame, number) => (here, unwanted) = (None, Some((*conn, frame, *number))),
                Edit::Forbidden(conn) => forbidden = Some(*conn),
                Edit::Shift(by) => shift += by,
            }
        }
        if let (Input::Link(LinkEvent::Opened { conn, .. }), false) = (input, here.is_some_and(is_opened)) {
            telling.gone.insert(*conn);
        }
        while let Some((_, effect)) = effects.next_if(|(after, _)| *after <= index) {
            asked += usize::from(matches!(effect, Effect::Operator(..)));
        }
        telling.asked_for = asked;
        if mutant.until.is_some_and(|until| index > until) {
            return telling.stop();
        }
        let at = shifted(*at, shift);
        let go_on = before.into_iter().all(|other| telling.tell(at, other, true))
            && here.is_none_or(|input| telling.tell(at, input, changed))
            && unwanted.is_none_or(|(conn, frame, number)| telling.unwanted(conn, at, frame, number, &mutant.step))
            && forbidden.is_none_or(|conn| telling.forbidden(conn, at, &mutant.step))
            && after.into_iter().all(|other| telling.tell(at, other, true));
        if !go_on {
            break;
        }
    }
    telling.end()
}

struct Telling<'r> {
    engine: Engine,
    recording: &'r Recording,
    now: Stamp,
    over: bool,
    interrupted: bool,
    told: Vec<usize>,
    texts: Vec<String>,
    /// Connections that did not come about.
    gone: HashSet<ConnId>,
    /// How many manual actions had been asked for when what is to be told next came.
    asked_for: usize,
    /// The engine is wanted back.
    keep: bool,
}

impl Telling<'_> {
    /// Tells the engine one thing; false when nothing more need be told.
    fn tell(&mut self, at: Stamp, input: &Input, changed: bool) -> bool {
        self.now = pass_time(&mut self.engine, self.recording.started, self.now, at.mono_ns);
        if changed && self.engine.asked() < self.asked_for {
            // What was changed is no more possible than what it stands for.
            return true;
        }
        if changed {
            self.over = self.engine.settled();
        }
        if self.engine.finished() || self.engine.decided() {
            return false;
        }
        if !changed && self.is_impossible(input) {
            return true;
        }
        if changed {
            self.told.push(self.engine.told());
            if let Input::Link(LinkEvent::Text { text, .. }) = input {
                self.texts.push(text.clone());
            }
        }
        self.now = at;
        self.engine.handle(at, input.clone());
        self.engine.effects();
        !self.engine.decided()
    }

    /// True for a recorded answer to a CALL that is not sent now, for what came on a connection that is not there now, and for
    /// what followed a manual action that is not asked for now: no product would do so.
    fn is_impossible(&self, input: &Input) -> bool {
        if self.engine.asked() < self.asked_for && !matches!(input, Input::Tick) {
            return true;
        }
        match input {
            Input::Link(LinkEvent::Text { conn, .. } | LinkEvent::Sent { conn, .. }) if self.gone.contains(conn) => {
                true
            }
            Input::Link(LinkEvent::Text { text, .. }) => match Frame::read_back(text) {
                Ok(Frame::CallResult { id, .. } | Frame::CallError { id, .. }) => !self.engine.awaits(&id),
                _ => false,
            },
            _ => false,
        }
    }

    fn unwanted(&mut self, conn: ConnId, at: Stamp, frame: &Frame, number: usize, step: &str) -> bool {
        self.now = pass_time(&mut self.engine, self.recording.started, self.now, at.mono_ns);
        let other = sample::unwanted(&self.engine, frame, number, step).unwrap_or_else(|| frame.clone());
        self.tell(at, &Input::Link(LinkEvent::Text { conn, text: other.to_text() }), true)
    }

    fn forbidden(&mut self, conn: ConnId, at: Stamp, step: &str) -> bool {
        match sample::forbidden(&self.engine, self.recording, step) {
            Some(text) => self.tell(at, &Input::Link(LinkEvent::Text { conn, text }), true),
            None => true,
        }
    }

    fn end(mut self) -> Judged {
        if !self.engine.decided() {
            self.now = pass_time(&mut self.engine, self.recording.started, self.now, u64::MAX);
            if !self.engine.finished() && !self.engine.decided() {
                self.engine.handle(self.now, Input::Interrupt);
                self.interrupted = true;
            }
        }
        self.stop()
    }

    fn stop(self) -> Judged {
        let engine = self.keep.then(|| self.engine.clone());
        let outcome = self.engine.outcome();
        Judged { outcome, over: self.over, interrupted: self.interrupted, told: self.told, texts: self.texts, engine }
    }
}

fn is_opened(input: &Input) -> bool {
    matches!(input, Input::Link(LinkEvent::Opened { .. }))
}

/// When an input comes in a mutant.
pub(super) fn shifted(at: Stamp, by: i64) -> Stamp {
    let by = jiff::SignedDuration::from_nanos(by);
    let mono_ns = i128::from(at.mono_ns) + by.as_nanos();
    Stamp {
        mono_ns: u64::try_from(mono_ns.max(0)).unwrap_or(u64::MAX),
        wall: at.wall.checked_add(by).unwrap_or(at.wall),
    }
}
