//! Judges the mutants of a recording and tells why those that live may live.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::Value;

use super::{
    Case, Concern, Fate, Mutation, Trace,
    conditions::{self, Possible},
    contents::everywhere,
    edit::{self, Judged},
    mutant::{Edit, Kind, Mutant, Mutants, Place, Target, Unit, is_optional, short},
    subjects::{self, Definitions},
};
use crate::{
    clock::Stamp,
    engine::{Engine, Input, Outcome},
    protocol::{rules::Rule, semantics::Semantics},
    replay::{Recording, pass_time},
    template::{Names, Template},
    verdict::{Failure, Verdict},
    yaml::shorten,
};

/// Audits a trace; what steps took under the numbers to leave is audited elsewhere.
pub(super) fn audit(trace: &Trace, leave: &HashSet<usize>) -> Case {
    let Trace { recording, outcome, numbers, product } = trace;
    let mut places: Vec<Place<'_>> = Vec::new();
    for (index, taken) in outcome.taken.iter().enumerate() {
        if let Some(at) = numbers.get(&taken.input) {
            places.push(Place { at: *at, taken, left: leave.contains(&index) });
        }
    }
    let Mutants { units, mut all, targets, .. } = Mutants::of(recording, &places);
    let paths = outcome.taken.iter().map(|taken| taken.path.as_str()).collect();
    let mut bench = Trial::new(recording.setup.protocol.semantics, units, paths);
    for place in &places {
        bench.took.entry(place.at).or_default().push(&place.taken.path);
    }
    all.sort_by_key(Mutant::at);
    each(recording, &all, |mutant| mutant.at(), |engine, now, mutant| bench.single(engine, recording, now, mutant));
    let open = all.iter().filter(|mutant| mutant.unit.is_some_and(|unit| !bench.caught.contains(&unit)));
    let mut everywhere: Vec<_> = open.flat_map(|mutant| everywhere(recording, mutant)).collect();
    everywhere.sort_by_key(Mutant::at);
    each(
        recording,
        &everywhere,
        |mutant| mutant.at(),
        |engine, now, mutant| {
            if mutant.unit.is_some_and(|unit| !bench.caught.contains(&unit)) {
                bench.single(engine, recording, now, mutant);
            }
        },
    );
    bench.excuse_the_labs(recording, &targets);
    let open: Vec<_> = targets.iter().filter(|target| !bench.caught.contains(&target.unit)).collect();
    let known = Definitions::of(recording);
    for nearest in conditions::nearest(recording, &places, &known, &open) {
        bench.conditions(recording, nearest);
    }
    let open: Vec<_> = open.into_iter().filter(|target| !bench.caught.contains(&target.unit)).collect();
    bench.conditions(recording, conditions::latest(recording, &places, &known, &open));
    Case { product: product.clone(), ..bench.case(recording) }
}

/// Shows each mutant, in the order of the recording, with an engine that was told everything before its place.
fn each<M>(
    recording: &Recording,
    mutants: impl IntoIterator<Item = M>,
    at: impl Fn(&M) -> usize,
    mut look: impl FnMut(&Engine, Stamp, M),
) {
    let mut engine = Engine::new(recording.setup.clone(), recording.started);
    let mut now = recording.started;
    let mut fed = 0;
    for mutant in mutants {
        while fed < at(&mutant) {
            let (at, input) = &recording.inputs[fed];
            now = pass_time(&mut engine, recording.started, now, at.mono_ns);
            if !engine.finished() {
                now = *at;
                engine.handle(now, input.clone());
                engine.effects();
            }
            fed += 1;
        }
        if engine.finished() {
            break;
        }
        look(&engine, now, mutant);
    }
}

/// The outcome of the recording as it is, and which of its inputs the engine counts as which.
pub(super) fn judged(recording: &Recording) -> (Outcome, HashMap<usize, usize>) {
    let mut engine = Engine::new(recording.setup.clone(), recording.started);
    let mut now = recording.started;
    let mut numbers = HashMap::new();
    for (index, (at, input)) in recording.inputs.iter().enumerate() {
        now = pass_time(&mut engine, recording.started, now, at.mono_ns);
        if engine.finished() {
            break;
        }
        now = *at;
        numbers.insert(engine.told(), index);
        engine.handle(now, input.clone());
        engine.effects();
    }
    now = pass_time(&mut engine, recording.started, now, u64::MAX);
    if !engine.finished() {
        engine.handle(now, Input::Interrupt);
    }
    (engine.outcome(), numbers)
}

/// Why another value may live.
const ALLOWED: &str = "the check allows the value";

/// True for the finding that a message does not follow its schema.
fn is_schema(step: &str) -> bool {
    Rule::at_step(step) == Some(Rule::SchemaValid)
}

/// True where a finding at `found` is one at `step`, within it or around it.
fn at_step(found: &str, step: &str) -> bool {
    found == step || step.starts_with(&format!("{found} > ")) || found.starts_with(&format!("{step} > "))
}

/// What is known of the mutants of one recording.
struct Trial<'t> {
    semantics: &'static dyn Semantics,
    units: Vec<Unit>,
    paths: HashSet<&'t str>,
    /// The steps that took an input.
    took: HashMap<usize, Vec<&'t str>>,
    caught: HashSet<usize>,
    tried: BTreeMap<usize, usize>,
    /// How many other values were allowed.
    words: BTreeMap<usize, usize>,
    /// Why a check need not catch anything here.
    excused: HashMap<usize, String>,
    mutations: Vec<Mutation>,
}

impl<'t> Trial<'t> {
    fn new(semantics: &'static dyn Semantics, units: Vec<Unit>, paths: HashSet<&'t str>) -> Self {
        Self {
            semantics,
            units,
            paths,
            took: HashMap::new(),
            caught: HashSet::new(),
            tried: BTreeMap::new(),
            words: BTreeMap::new(),
            excused: HashMap::new(),
            mutations: Vec::new(),
        }
    }

    fn unit(&self, mutant: &Mutant) -> Option<&Unit> {
        mutant.unit.and_then(|unit| self.units.get(unit))
    }

    /// Tries what may break conditions until something has broken each.
    fn conditions(&mut self, recording: &Recording, mut possible: Vec<Possible<'_>>) {
        possible.retain(|possible| !self.caught.contains(&possible.unit()));
        each(recording, possible, Possible::at, |engine, now, possible| {
            if !self.caught.contains(&possible.unit()) {
                self.together(engine, recording, now, &possible.mutant());
            }
        });
    }

    /// One thing is otherwise: it must be caught, or there is a reason.
    fn single(&mut self, engine: &Engine, recording: &Recording, now: Stamp, mutant: &Mutant) {
        let judged = edit::judge(engine.clone(), recording, now, mutant);
        let mut fate = self.fate(mutant, &judged);
        if matches!(fate, Fate::Unexplained(_)) && judged.outcome.verdict == Verdict::Pass {
            if judged.over {
                fate = Fate::Explained("the test case is over by then".into());
            } else if mutant.kind == Kind::Early && bound_is_past(engine, recording, now, mutant) {
                let reason = "the bound is past when the step is reached";
                self.excused.extend(mutant.unit.map(|unit| (unit, reason.to_owned())));
                fate = Fate::Explained(reason.into());
            }
        }
        self.credit(mutant, &judged.outcome, &fate);
        self.excuse(mutant, &fate);
        if let Some(unit) = mutant.unit {
            *self.tried.entry(unit).or_default() += 1;
            let word = mutant.kind == Kind::Value && mutant.alters.is_some();
            // What is caught elsewhere or by a rule for every test, the check lets pass.
            let allowed = match &fate {
                Fate::Explained(reason) => reason == ALLOWED,
                Fate::Killed { at, .. } => *at != Concern::Step,
                _ => false,
            };
            *self.words.entry(unit).or_default() += usize::from(word && allowed);
        }
        self.mutations.push(mutation(mutant, fate));
    }

    /// Why the check need not have caught what something else caught.
    fn excuse(&mut self, mutant: &Mutant, fate: &Fate) {
        let (Some(unit), Fate::Killed { at, step, .. }) = (mutant.unit, fate) else { return };
        let unwanted = mutant.edits.iter().any(|(_, edit)| matches!(edit, Edit::Unwanted(..)));
        let others = self.took.get(&mutant.at()).into_iter().flatten().filter(|path| **path != mutant.step);
        let reason = match at {
            Concern::Rule if unwanted => "what it excludes is a breach of a rule for every test",
            Concern::Elsewhere if others.clone().any(|path| at_step(step, path)) => {
                "another step takes the same message and catches it"
            }
            _ => return,
        };
        self.excused.entry(unit).or_insert_with(|| reason.to_owned());
    }

    /// What a condition is about is otherwise. What does not break the condition is not counted: only that something does.
    fn together(&mut self, engine: &Engine, recording: &Recording, now: Stamp, mutant: &Mutant) {
        let Some(unit) = mutant.unit else { return };
        *self.tried.entry(unit).or_default() += 1;
        let judged = edit::judge(engine.clone(), recording, now, mutant);
        let fate = self.fate(mutant, &judged);
        let here = |failure: &Failure| failure.source.as_deref() == Some(short(&self.units[unit].source));
        let broken = judged.outcome.failures.iter().any(here);
        self.credit(mutant, &judged.outcome, &fate);
        if !broken
            && matches!(fate, Fate::Killed { .. } | Fate::Undecided { .. })
            && breaks(mutant, judged.engine.as_ref())
        {
            let reason = "what breaks it is caught by an earlier step already";
            self.excused.entry(unit).or_insert_with(|| reason.to_owned());
        }
        if broken || matches!(judged.outcome.verdict, Verdict::Error) {
            self.mutations.push(mutation(mutant, fate));
        }
    }

    fn fate(&self, mutant: &Mutant, judged: &Judged) -> Fate {
        let failures = &judged.outcome.failures;
        let first = failures.first();
        // Another rule for every test may have found it first; what counts is that the step finds it too.
        let by_schema = first.is_some_and(|first| is_schema(&first.step));
        let of_step = failures.iter().find(|failure| self.concern(mutant, judged, failure) == Concern::Step);
        let failure = of_step.filter(|_| !by_schema).or(first);
        let step = failure.map(|failure| failure.step.clone()).unwrap_or_default();
        let message = failure.map(|failure| failure.message.clone()).unwrap_or_default();
        match judged.outcome.verdict {
            Verdict::Fail => {
                let at = failure.map_or(Concern::Elsewhere, |failure| self.concern(mutant, judged, failure));
                Fate::Killed { at, step, message }
            }
            Verdict::Inconclusive if judged.interrupted => {
                Fate::Explained("the test case goes on with what the recording knows nothing of".into())
            }
            Verdict::Inconclusive => Fate::Undecided { step, message },
            Verdict::Error => Fate::Unexplained(format!("the harness errs: {message} at {step}")),
            Verdict::Pass | Verdict::NotImplemented => self.lives(mutant, judged),
        }
    }

    /// Whether what was found is what was done otherwise.
    fn concern(&self, mutant: &Mutant, judged: &Judged, failure: &Failure) -> Concern {
        let rule = Rule::at_step(&failure.step).is_some();
        let names = |text: &String| failure.frame.as_deref() == Some(shorten(text, 4000).as_str());
        let same_line = || {
            let unit = self.unit(mutant).map(|unit| short(&unit.source));
            unit.is_some() && failure.source.as_deref() == unit
        };
        if rule {
            Concern::Rule
        } else if at_step(&failure.step, &mutant.step) || same_line() || judged.texts.iter().any(names) {
            Concern::Step
        } else {
            Concern::Elsewhere
        }
    }

    /// Why a mutant may live.
    fn lives(&self, mutant: &Mutant, judged: &Judged) -> Fate {
        let optional = self.unit(mutant).is_some_and(|unit| unit.optional) || is_optional(&mutant.step);
        let by_step = || judged.outcome.taken.iter().filter(|taken| taken.path == mutant.step);
        let taken = by_step().next().is_some();
        let it = by_step().any(|taken| judged.told.contains(&taken.input));
        let explained = |reason: &str| Fate::Explained(reason.to_owned());
        match mutant.kind {
            Kind::Value if it => explained(ALLOWED),
            Kind::Removed if it => explained("the check allows that it is missing"),
            Kind::Added if it => explained("the check allows that it is there"),
            Kind::Value | Kind::Removed | Kind::Added if taken => {
                explained("such a message may come at any time, and the step found the one it waits for")
            }
            Kind::Dropped if taken => explained("another message of the kind took its place"),
            Kind::Delayed if taken && !optional => explained("the step does not limit when it comes"),
            Kind::Dropped if optional => explained("it may be missing"),
            Kind::Delayed if optional => explained("it may be missing, so it may be late"),
            Kind::Value | Kind::Removed | Kind::Added if optional => explained("what is optional did not come"),
            Kind::TurnedRound if taken && !it => explained("a later attempt is what the step waits for"),
            Kind::Repeated if judged.outcome.taken.iter().any(|taken| judged.told.contains(&taken.input)) => {
                explained("another step takes the second")
            }
            Kind::Repeated if self.semantics.comes_again(&mutant.action) => {
                explained("an event that comes again is one event")
            }
            Kind::Repeated => explained("such a message may come at any time"),
            Kind::Duplicated if self.semantics.keeps_id_when_sent_again() => {
                explained("a CALL that is sent again may keep its message id")
            }
            Kind::Swapped
                if self.paths.iter().all(|path| judged.outcome.taken.iter().any(|taken| taken.path == *path)) =>
            {
                explained("the order is not demanded")
            }
            Kind::Swapped => explained("what was passed over is optional"),
            _ => Fate::Unexplained("it passes".into()),
        }
    }

    /// Notes which checks have caught something: at their step, and not only because of a rule for every message.
    fn credit(&mut self, mutant: &Mutant, outcome: &Outcome, fate: &Fate) {
        let here =
            |unit: &Unit| outcome.failures.iter().any(|failure| failure.source.as_deref() == Some(short(&unit.source)));
        let conditions = self.units.iter().enumerate().filter(|(_, unit)| is_condition(unit) && here(unit));
        let conditions: Vec<usize> = conditions.map(|(index, _)| index).collect();
        let caught = match fate {
            Fate::Killed { at: Concern::Step, .. } => true,
            Fate::Undecided { step, .. } => at_step(step, &mutant.step),
            // What the schema demands needs no check; one that only demands that it be there says no more.
            Fate::Killed { step, .. } => is_schema(step) && self.unit(mutant).is_some_and(|unit| unit.presence),
            _ => false,
        };
        if caught && mutant.kind != Kind::Together {
            self.caught.extend(mutant.unit);
        }
        // That a message must come is shown wherever its step misses it.
        for missing in outcome.failures.iter().filter(|failure| failure.is_of_missing_message()) {
            let comes = |unit: &Unit| unit.step == missing.step && unit.words.ends_with(" comes");
            self.caught.extend(self.units.iter().position(comes));
        }
        if matches!(fate, Fate::Killed { .. } | Fate::Undecided { .. }) {
            self.caught.extend(conditions);
        }
    }

    /// Conditions that the bench alone makes true, whatever the SUT does.
    fn excuse_the_labs(&mut self, recording: &Recording, targets: &[Target]) {
        let mut names = Names::default();
        names.insert("bench", recording.setup.bench.clone());
        names.insert("pics", recording.setup.pics.clone());
        names.insert("variant", Value::Object(recording.setup.variant.clone()));
        for target in targets {
            let alternatives = subjects::alternatives(&target.condition.text());
            let mut labs = alternatives.iter().filter(|alternative| !subjects::about_the_product(alternative));
            if labs.any(|alternative| Template::expression(alternative).holds(&names) == Ok(true)) {
                self.excused.insert(target.unit, "this bench alone makes it true".into());
            }
        }
    }

    fn case(self, recording: &Recording) -> Case {
        let mut survivors = Vec::new();
        for (index, unit) in self.units.iter().enumerate().filter(|(index, _)| !self.caught.contains(index)) {
            let reason = if let Some(reason) = self.excused.get(&index) {
                Some(reason.as_str())
            } else if unit.words_else > 0 && self.words.get(&index) >= Some(&unit.words_else) {
                Some("it allows every word that may stand there")
            } else if unit.optional {
                Some("it stands in an alternative")
            } else if unit.conditional {
                Some("its condition did not hold in this run")
            } else {
                None
            };
            survivors.push(super::Check {
                step: unit.step.clone(),
                source: short(&unit.source).to_owned(),
                place: unit.source.clone(),
                check: unit.words.clone(),
                mutations: self.tried.get(&index).copied().unwrap_or_default(),
                reason: reason.map(str::to_owned),
            });
        }
        Case {
            id: recording.id.clone(),
            product: String::new(),
            variant: recording.setup.variant.clone(),
            checks: self.units.len(),
            caught: self
                .caught
                .iter()
                .map(|unit| (self.units[*unit].source.clone(), self.units[*unit].words.clone()))
                .collect(),
            mutations: self.mutations,
            survivors,
        }
    }
}

/// True where a condition would not hold of a recording that an earlier step has failed already.
fn breaks(mutant: &Mutant, engine: Option<&Engine>) -> bool {
    let (Some(condition), Some(engine)) = (&mutant.condition, engine) else { return false };
    condition.holds(&engine.names()) == Ok(false)
}

/// True where nothing could come before the time that a step names: it had passed when the message before came.
fn bound_is_past(engine: &Engine, recording: &Recording, now: Stamp, mutant: &Mutant) -> bool {
    let mut engine = engine.clone();
    let Some((at, _)) = recording.inputs.get(mutant.at()) else { return false };
    let now = pass_time(&mut engine, recording.started, now, at.mono_ns).max(now);
    let Some((step, names)) = engine.under_way(&mutant.step) else { return false };
    let Some(expect) = step.expect() else { return false };
    let bound = expect.no_earlier_than.as_ref().and_then(|bound| bound.is.number(&names).ok());
    bound.is_some_and(|bound| bound <= now.seconds())
}

fn is_condition(unit: &Unit) -> bool {
    unit.words.starts_with("assert ") || unit.words.starts_with("never ")
}

fn mutation(mutant: &Mutant, fate: Fate) -> Mutation {
    Mutation {
        kind: mutant.kind,
        step: mutant.step.clone(),
        action: mutant.action.clone(),
        what: mutant.what.clone(),
        fate,
    }
}
