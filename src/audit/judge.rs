//! Judges the mutants of a recording and tells why those that live may live.

use std::collections::{HashMap, HashSet};

use super::{
    Case, Fate, Mutation, Trace,
    mutants::{Change, Kind, Mutant, Mutants, Place, Unit, is_optional, shifted},
};
use crate::{
    clock::Stamp,
    engine::{Engine, Input, Outcome, Taken},
    replay::{Recording, pass_time},
    verdict::Verdict,
};

/// Audits a trace; steps at the places to leave are audited elsewhere.
pub(super) fn audit(trace: &Trace, leave: &HashSet<String>) -> Case {
    let Trace { recording, outcome, numbers, product } = trace;
    let place = |taken| Some(Place { at: *numbers.get(&taken_input(taken))?, taken });
    let places: Vec<Place<'_>> = outcome.taken.iter().filter_map(place).collect();
    let Mutants { units, mut all } = Mutants::of(recording, &places, leave);
    all.sort_by_key(|mutant| mutant.at);
    let paths: HashSet<&str> = outcome.taken.iter().map(|taken| taken.path.as_str()).collect();
    let mut engine = Engine::new(recording.setup.clone(), recording.started);
    let mut now = recording.started;
    let mut fed = 0;
    let mut mutations = Vec::new();
    let mut caught: HashSet<usize> = HashSet::new();
    for mutant in &all {
        while fed < mutant.at {
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
        let (outcome, over) = judge(engine.clone(), recording, now, mutant);
        let mut fate = fate(mutant, &units, &outcome, &paths);
        if over && matches!(fate, Fate::Unexplained(_)) && outcome.verdict == Verdict::Pass {
            fate = Fate::Explained("the test case is over by then".into());
        }
        catches(mutant, &units, &outcome, &fate, &mut caught);
        mutations.push((mutant.unit, mutation(mutant, fate)));
    }
    Case { product: product.clone(), ..case(recording, &units, mutations, &caught) }
}

fn taken_input(taken: &Taken) -> usize {
    taken.input
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

/// What comes after the engine was told everything before the mutant's place, and whether all was decided before what was
/// added came.
fn judge(mut engine: Engine, recording: &Recording, mut now: Stamp, mutant: &Mutant) -> (Outcome, bool) {
    let inputs = &recording.inputs[mutant.at..];
    let Some(((at, first), behind)) = inputs.split_first() else { return (engine.outcome(), false) };
    let mut over = false;
    let shift = if let Change::Shift(by) = mutant.change { by } else { 0 };
    let (mut here, mut swapped) = (Vec::new(), None);
    match &mutant.change {
        Change::Replace(input) => here.push(input.clone()),
        Change::Drop => {}
        Change::Before(input) => here.extend([input.clone(), first.clone()]),
        Change::After(input) => here.extend([first.clone(), input.clone()]),
        Change::Shift(_) => here.push(first.clone()),
        Change::Swap(other) => {
            let further = other - mutant.at - 1;
            here.extend(behind.get(further).map(|(_, input)| input.clone()));
            swapped = Some(further);
        }
    }
    let here = here.into_iter().map(|input| (*at, input));
    let rest = behind.iter().enumerate().map(|(index, (at, input))| {
        let input = if swapped == Some(index) { first } else { input };
        (*at, input.clone())
    });
    for (index, (at, input)) in here.chain(rest).enumerate() {
        let at = shifted(at, shift);
        now = pass_time(&mut engine, recording.started, now, at.mono_ns);
        over |= index == 1 && matches!(mutant.change, Change::After(_)) && engine.settled();
        if engine.finished() || engine.decided() {
            break;
        }
        now = at;
        engine.handle(now, input);
        engine.effects();
        if engine.decided() {
            break;
        }
    }
    if !engine.decided() {
        now = pass_time(&mut engine, recording.started, now, u64::MAX);
        if !engine.finished() && !engine.decided() {
            engine.handle(now, Input::Interrupt);
        }
    }
    (engine.outcome(), over)
}

/// True where a finding at `found` is one at `step`, within it or around it.
fn at_step(found: &str, step: &str) -> bool {
    found == step || step.starts_with(&format!("{found} > ")) || found.starts_with(&format!("{step} > "))
}

fn fate(mutant: &Mutant, units: &[Unit], outcome: &Outcome, paths: &HashSet<&str>) -> Fate {
    let failure = outcome.failures.first();
    let step = failure.map(|failure| failure.step.clone()).unwrap_or_default();
    let message = failure.map(|failure| failure.message.clone()).unwrap_or_default();
    match outcome.verdict {
        Verdict::Fail => Fate::Killed { at_step: at_step(&step, &mutant.step), step, message },
        Verdict::Inconclusive => Fate::Undecided { step, message },
        Verdict::Error => Fate::Unexplained(format!("the harness errs: {message} at {step}")),
        Verdict::Pass | Verdict::NotImplemented => lives(mutant, units, outcome, paths),
    }
}

/// Why a mutant may live.
fn lives(mutant: &Mutant, units: &[Unit], outcome: &Outcome, paths: &HashSet<&str>) -> Fate {
    let unit = mutant.unit.and_then(|unit| units.get(unit));
    let optional = unit.is_some_and(|unit| unit.optional) || is_optional(&mutant.step);
    let taken = |path: &str| outcome.taken.iter().any(|taken| taken.path == path);
    let explained = |reason: &str| Fate::Explained(reason.to_owned());
    match mutant.kind {
        Kind::Value | Kind::Removed | Kind::Type if unit.is_none() => explained("no check is about it"),
        // Whether the check allows it, or holds nothing at all, is seen from its other mutations.
        Kind::Value | Kind::Removed | Kind::Type => explained("the check allows it"),
        Kind::Dropped if optional => explained("it may be missing"),
        Kind::Dropped | Kind::Delayed if taken(&mutant.step) && mutant.kind == Kind::Dropped => {
            explained("another message of the kind took its place")
        }
        Kind::Delayed if optional => explained("it may be missing, so it may be late"),
        Kind::Delayed if taken(&mutant.step) => explained("the step does not limit when it comes"),
        Kind::Repeated => explained("such a message may come again"),
        Kind::Swapped if paths.iter().all(|path| taken(path)) => explained("the order is not demanded"),
        Kind::Swapped => explained("what was passed over is optional"),
        Kind::Dropped
        | Kind::Delayed
        | Kind::Duplicated
        | Kind::Early
        | Kind::Inserted
        | Kind::TurnedRound
        | Kind::Rule => Fate::Unexplained("it passes".into()),
    }
}

/// Notes which checks have caught something: at their step, and not only because of the schema.
fn catches(mutant: &Mutant, units: &[Unit], outcome: &Outcome, fate: &Fate, caught: &mut HashSet<usize>) {
    let schema = |step: &str| step == "rule: schema-valid messages";
    match fate {
        Fate::Killed { step, .. } if !schema(step) => {
            caught.extend(mutant.unit);
            // Conditions are caught by whatever they are about.
            let here = outcome.failures.first().map(|failure| failure.step.as_str());
            caught.extend(units.iter().position(|unit| Some(unit.step.as_str()) == here && is_condition(unit)));
        }
        Fate::Undecided { step, .. } => {
            caught.extend(mutant.unit);
            caught.extend(units.iter().position(|unit| unit.step == *step && is_condition(unit)));
        }
        // What the schema demands needs no check; one that only demands that it be there says no more.
        Fate::Killed { .. } => caught.extend(mutant.unit.filter(|unit| units[*unit].presence)),
        _ => {}
    }
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

fn case(
    recording: &Recording,
    units: &[Unit],
    mutations: Vec<(Option<usize>, Mutation)>,
    caught: &HashSet<usize>,
) -> Case {
    let mut survivors = Vec::new();
    for (index, unit) in units.iter().enumerate().filter(|(index, _)| !caught.contains(index)) {
        let tried = mutations.iter().filter(|(of, _)| *of == Some(index)).count();
        let reason = if unit.optional {
            Some("it stands in an alternative")
        } else if unit.conditional {
            Some("its condition did not hold in this run")
        } else {
            None
        };
        survivors.push(super::Check {
            step: unit.step.clone(),
            source: unit.source.clone(),
            check: unit.words.clone(),
            mutations: tried,
            reason: reason.map(str::to_owned),
        });
    }
    Case {
        id: recording.id.clone(),
        product: String::new(),
        variant: recording.setup.variant.clone(),
        checks: units.len(),
        caught: caught.iter().map(|unit| (units[*unit].source.clone(), units[*unit].words.clone())).collect(),
        mutations: mutations.into_iter().map(|(_, mutation)| mutation).collect(),
        survivors,
    }
}
