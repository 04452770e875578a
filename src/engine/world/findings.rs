//! What is found while a test case runs: failures, remarks, what each step proves, and whether anything of the subject was tested.

use std::{collections::HashSet, sync::Arc};

use super::{Answered, Finding, MAX_KEPT, World};
use crate::{
    clock::Stamp,
    engine::{Phase, Role, Scope, taken::Taken},
    protocol::{rules::Rule, session::Breach},
    testcase::{
        matcher::Checks,
        model::{Always, Send, Step},
    },
    verdict::{Failure, Verdict},
    yaml::shorten,
};

/// Most findings that are kept of one test case.
const MAX_FAILURES: usize = 50;
/// Most remarks of the engine on one test case.
const MAX_REMARKS: usize = 20;

impl World {
    /// Records a finding; the first decides the verdict, the others stand behind it. What can't be done while tidying up is only a
    /// remark; a breach of a rule for every test is one in every phase.
    pub(crate) fn find(&mut self, verdict: Verdict, mut finding: Finding) {
        self.complaints += 1;
        if let Some(rule) = finding.rule.filter(|_| finding.requirements.is_empty()) {
            let protocol = self.setup.protocol;
            finding.requirements = rule.broken_by(protocol.version, self.is_station_test(), protocol.requirements());
        }
        if finding.requirements.is_empty() && !finding.in_between {
            finding.requirements = self.requirements_of(&finding.step);
        }
        if finding.requirements.is_empty() && finding.breach {
            finding.requirements = Rule::OurMessagesAreAnswered.broken(self.setup.protocol.version);
        }
        let of_tidying = self.phase == Phase::After && finding.rule.is_none();
        if of_tidying || self.failures.len() >= MAX_FAILURES {
            let found = finding.found.map(|found| format!(" (found {found})")).unwrap_or_default();
            self.remark(format!("{} {}: {}{found}", self.phase.word(), finding.step, finding.message));
            return;
        }
        let mut verdict = verdict;
        let unprepared = self.phase == Phase::Prepare && finding.of_step && verdict <= Verdict::Fail;
        // What is tested was not begun, whatever kept it from that.
        if unprepared && !finding.breach {
            verdict = Verdict::Inconclusive;
        }
        let request = finding.frame.as_deref().and_then(|frame| self.request_of(frame));
        let failure = Failure {
            verdict,
            step: finding.step,
            source: finding.source,
            message: finding.message,
            expected: finding.expected,
            found: finding.found,
            frame: finding.frame,
            request,
            pointer: finding.pointer,
            requirements: finding.requirements,
            further: finding.further,
            waited_s: finding.waited_s,
            at_s: self.now.seconds(),
        };
        if unprepared {
            self.unprepared = Some(match (&failure.expected, &failure.found) {
                (None, Some(found)) => format!("{} ({found})", failure.message),
                _ => failure.in_a_line(),
            });
        }
        self.failures.push(failure);
    }

    /// The CALL of ours that this frame answers, if it is the last answer: whoever reads of a wrong answer needs to know the question.
    fn request_of(&self, frame: &str) -> Option<String> {
        let Answered { text, id, call, .. } = self.answer.as_ref()?;
        (shorten(text, 4000) == frame).then(|| shorten(&call.to_text(id), 4000))
    }

    /// That nothing came since a step was reached, and after which answer to a CALL of ours, if that has led to it.
    pub(crate) fn nothing_since(&self, reached: Stamp) -> String {
        match &self.answer {
            Some(answer) if answer.at == reached => {
                let at = answer.at.seconds_since(&self.began);
                format!("nothing after the answer to {} at {at:.3} s", answer.call.action)
            }
            _ => "nothing".into(),
        }
    }

    /// Records breaches of rules that hold for every test.
    pub(crate) fn breaches(&mut self, breaches: impl IntoIterator<Item = Breach>) {
        for breach in breaches {
            self.find(Verdict::Fail, breach.into());
        }
    }

    /// Keeps a sentence for whoever reads the result.
    pub(crate) fn remark(&mut self, sentence: String) {
        if self.remarks.len() < MAX_REMARKS && !self.remarks.contains(&sentence) {
            self.remarks.push(sentence);
        }
    }

    /// Notes what a step proves; what goes wrong at it or within it breaks that.
    pub(crate) fn proves(&mut self, path: &str, requirements: Vec<String>) {
        if requirements.is_empty() {
            self.proven.remove(path);
        } else {
            self.proven.insert(path.to_owned(), requirements);
        }
    }

    /// The requirements of this step, or of the nearest around it that names any.
    pub(super) fn requirements_of(&self, path: &str) -> Vec<String> {
        let mut path = path;
        loop {
            match (self.proven.get(path), path.rsplit_once(" > ")) {
                (Some(requirements), _) => return requirements.clone(),
                (None, Some((outer, _))) => path = outer,
                (None, None) => return Vec::new(),
            }
        }
    }

    /// Notes which step took which input.
    pub(crate) fn takes(&mut self, input: usize, step: &Arc<Step>, path: &str, role: Role) {
        if self.taken.len() < MAX_KEPT {
            let step = Some(step.clone());
            let (phase, path, scope) = (self.phase.word(), path.to_owned(), Scope::default());
            self.taken.push(Taken { input, phase, path, step, role, scope });
        }
    }

    /// Notes that a condition was held against what is known, with what its parameters stood for.
    pub(crate) fn weighs(&mut self, step: &Arc<Step>, path: &str, scope: &Scope) {
        if self.taken.len() < MAX_KEPT {
            let (input, phase, path, step) = (self.input, self.phase.word(), path.to_owned(), Some(step.clone()));
            self.taken.push(Taken { input, phase, path, step, role: Role::Condition, scope: scope.clone() });
        }
    }

    /// Notes that a rule of the test case was held against an input.
    pub(crate) fn ruled(&mut self, input: usize, rule: usize) {
        if self.taken.len() < MAX_KEPT {
            let (phase, path) = (self.phase.word(), String::from("always"));
            self.taken.push(Taken {
                input,
                phase,
                path,
                step: None,
                role: Role::Always(rule),
                scope: Scope::default(),
            });
        }
    }

    /// True when a step took it.
    pub(crate) fn is_taken(&self, input: usize) -> bool {
        self.taken.iter().any(|taken| taken.input == input && taken.step.is_some())
    }

    /// How many findings were made, remarks included.
    pub(crate) fn complaints(&self) -> usize {
        self.complaints
    }

    /// True when a finding was made.
    pub(crate) fn decided(&self) -> bool {
        !self.failures.is_empty()
    }

    /// The verdict for something the SUT did not do in this phase: a precondition that is not reached decides nothing. The states
    /// that a test case begins with are part of it (Part 6, 2.1 and the tables of the test cases).
    pub(crate) fn missing_verdict(&self) -> Verdict {
        if self.phase == Phase::Prepare { Verdict::Inconclusive } else { Verdict::Fail }
    }

    /// Notes that a step of the test case has held something against what it demands.
    pub(crate) fn tested(&mut self, path: &str, step: &Step) {
        if self.phase != Phase::Main {
            return;
        }
        let message = step.message().filter(|_| !step.send().is_some_and(Send::takes_any_error));
        let checks = message.map(|message| message.checks).or(step.connection().map(|connection| &connection.checks));
        if checks.is_none() && step.condition().is_none() && step.forbids().is_none() {
            return;
        }
        self.tested.extend(checks.into_iter().flat_map(Checks::cited).map(str::to_owned));
        self.testing_steps.insert(path.to_owned());
    }

    /// Notes that somebody has looked at what a step asks about, and found it as it must be.
    pub(crate) fn looked_at(&mut self, path: &str) {
        if self.phase == Phase::Main {
            self.testing_steps.insert(path.to_owned());
        }
    }

    /// The requirements that the main part has held something against. What is part of a state or of a group proves what that
    /// proves, too.
    fn tested_requirements(&self) -> HashSet<&str> {
        let mut tested: HashSet<&str> = self.tested.iter().map(String::as_str).collect();
        for step in &self.testing_steps {
            let mut around = Some(step.as_str());
            while let Some(path) = around {
                tested.extend(self.proven.get(path).into_iter().flatten().map(String::as_str));
                around = path.rsplit_once(" > ").map(|(outer, _)| outer);
            }
        }
        tested
    }

    /// Notes that a rule of the test case for every message of a kind was held against one.
    pub(crate) fn tested_by_rule(&mut self, rule: &Always) {
        let cited = rule.checks.iter().flat_map(Checks::cited).chain(rule.requirements.ids());
        self.tested.extend(cited.map(str::to_owned));
    }

    /// What can only be judged at the end. A test case that held nothing against any requirement that it is about has not
    /// tested its subject, and decides nothing.
    pub(crate) fn end_of_main(&mut self) {
        let case = self.setup.case.clone();
        // What must never come did not.
        case.always.iter().filter(|rule| rule.checks.is_none()).for_each(|rule| self.tested_by_rule(rule));
        let about = case.header.proves();
        let tested = self.tested_requirements();
        if !about.is_empty() && !about.iter().any(|id| tested.contains(id.as_str())) {
            let message = "the subject of this test case was not tested: every step that proves one of its requirements was skipped";
            let mut finding = Finding::new("", message);
            finding.expected = Some(format!("a check of {}", about.join(", ")));
            self.find(Verdict::Inconclusive, finding);
        }
        let breaches = self.memory.session.judge_end();
        self.breaches(breaches);
    }
}
