//! Calls of the SUT that no step has asked for: rules for all of them, what is background, and what is learnt from them.

use super::{World, cannot_be_evaluated};
use crate::{
    engine::{
        Phase,
        finding::{Finding, file_name},
    },
    protocol::session::{Asked, Call, Learnt},
    verdict::Verdict,
    yaml::shorten,
};

/// What the steps make of a CALL that none of them has claimed.
#[derive(Debug)]
pub(crate) struct Unclaimed {
    /// What would have been right, in words.
    pub(crate) right: String,
    /// Some step waits for another message of this action.
    pub(crate) wanted: bool,
    /// The step under way waits for a message, in whose place this one came.
    pub(crate) in_its_place: bool,
    /// Something was found wrong with it already: that it must not come here, or what it must have.
    pub(crate) told: bool,
}

impl World {
    /// Rules of the test case for every message of a kind.
    pub(crate) fn apply_always(&mut self, call: &Call) {
        if self.phase != Phase::Main {
            return;
        }
        for (index, rule) in self.setup.case.clone().always.iter().enumerate() {
            if rule.action != call.action {
                continue;
            }
            if rule.matches.hold(&call.payload, &self.names_outside()) != Ok(true) {
                continue;
            }
            self.ruled(call.input, index);
            self.tested_by_rule(rule);
            let base = Finding {
                source: Some(format!("{}:{}", file_name(&rule.file), rule.at.line)),
                requirements: rule.requirements.broken(&self.names_outside()),
                frame: Some(shorten(&call.text, 4000)),
                ..Finding::default()
            };
            match &rule.checks {
                None => self.find(
                    Verdict::Fail,
                    Finding {
                        step: format!("always: never {}", call.action),
                        message: format!("{} must not come here", call.action),
                        ..base
                    },
                ),
                Some(checks) => match checks.mismatches(&call.payload, &self.names_outside()) {
                    Ok(found) => {
                        if !found.is_empty() {
                            let finding = Finding {
                                step: format!("always: every {}", call.action),
                                message: call.action.clone(),
                                ..base
                            };
                            self.find(Verdict::Fail, finding.mismatches(&found, &call.text));
                        }
                    }
                    Err(error) => {
                        let (verdict, message) = cannot_be_evaluated(&error);
                        self.find(verdict, Finding { step: "always".into(), message, ..base });
                    }
                },
            }
        }
    }

    /// A message that no step claimed: it is answered, and `unsolicited` says what it means. A step that waits for such a message
    /// (`wanted`) has got another one than it wants. One finding about it is enough.
    pub(crate) fn background(&mut self, call: &Call, unclaimed: Unclaimed, at: Finding) {
        if let Some(watch) = &mut self.watch {
            self.watched.unasked(watch);
        }
        let meaning = self.memory.session.unsolicited(&self.moment(), call);
        match meaning {
            Some(_) => self.default_reply(call, Asked::Unasked),
            None => self.refuse(call.conn, &call.id, "NotSupported", "the other side sends such a request"),
        }
        let remark = self.memory.session.remark_on_reconnect(call).filter(|_| self.is_station_test());
        if let Some(remark) = remark.filter(|_| std::mem::take(&mut self.cut_by_us)) {
            self.remark(remark.into());
            return;
        }
        if self.phase != Phase::Main || unclaimed.told {
            return;
        }
        let Some(mut verdict) = meaning.map_or(Some(Verdict::Fail), |meaning| meaning.verdict) else { return };
        let mut message = format!("{} was not expected here", self.summary(call));
        if unclaimed.wanted {
            verdict = Verdict::Fail;
        } else if let Some(meaning) = meaning {
            message = format!("{message}: {}", meaning.reason);
        }
        let mut requirements = Vec::new();
        if unclaimed.wanted && unclaimed.in_its_place {
            requirements = self.requirements_of(&at.step);
        }
        if let Some(meaning) = meaning.filter(|_| requirements.is_empty() && verdict == Verdict::Fail) {
            requirements = match meaning.breaks {
                Some(broken) => vec![broken.to_owned()],
                None if self.is_station_test() => self.sources(meaning.reason),
                None => Vec::new(),
            };
        }
        let mut finding = Finding { message, requirements, in_between: true, ..at };
        finding.expected = Some(unclaimed.right);
        finding.found = Some(self.summary(call));
        finding.frame = Some(shorten(&call.text, 4000));
        self.find(verdict, finding);
    }

    /// What a message breaks that no step waits for: the requirement that the last sentence of the reason names which names any. Where
    /// it names several, which of them is broken is not certain.
    fn sources(&self, reason: &str) -> Vec<String> {
        let known = self.setup.protocol.requirements();
        let named = |sentence: &str| known.cited(sentence).map(str::to_owned).collect::<Vec<_>>();
        let last = reason.rsplit(". ").map(named).find(|ids| !ids.is_empty());
        last.filter(|ids| ids.len() == 1).unwrap_or_default()
    }

    /// True for a CALL about something that a former test case left behind: it is answered, and tells nothing here.
    pub(crate) fn left_behind(&mut self, call: &Call) -> bool {
        let moment = self.moment();
        let (left, learnt) = self.memory.session.is_left_behind(&moment, call);
        self.note(learnt);
        if left {
            self.default_reply(call, Asked::Unasked);
        }
        left
    }

    /// A duplicate of a message that was already answered may come again after a reconnect.
    pub(crate) fn late(&mut self, call: &Call) -> bool {
        let again = self.memory.session.is_repetition(call);
        if again {
            self.default_reply(call, Asked::Unasked);
        }
        again
    }

    /// Learns from a message, once the steps have seen it.
    pub(crate) fn learn(&mut self, call: &Call) {
        let learnt = self.memory.session.learn(call);
        self.note(learnt);
    }

    fn note(&mut self, learnt: Learnt) {
        for remark in learnt.remarks {
            self.remark(remark);
        }
        self.breaches(learnt.breaches);
    }

    /// The latest call of these actions before a time that no step has taken.
    pub(crate) fn untaken_before(&self, seconds: f64, is_wanted: impl Fn(&Call) -> bool) -> Option<&Call> {
        // What came while the test case was still prepared is about something else.
        let since = self.prepared_at.mono_ns;
        let of_test = self.received.iter().rev().map(|call| &**call).filter(|call| call.at.mono_ns >= since);
        let mut early = of_test.filter(|call| call.at.seconds() < seconds);
        early.find(|call| is_wanted(call) && !self.is_taken(call.input))
    }

    /// True when a call has just come, and not before a time.
    pub(crate) fn has_just_come(&self, since: f64) -> bool {
        self.received.last().is_some_and(|call| call.input == self.input && call.at.seconds() >= since)
    }

    /// Calls received since a time, latest last.
    pub(crate) fn received_since(&self, seconds: f64) -> impl Iterator<Item = &Call> {
        self.received.iter().map(|call| &**call).filter(move |call| call.at.seconds() >= seconds)
    }
}
