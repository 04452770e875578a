//! Whether the requirements that test cases and states name are theirs to name: each binds the side under test, and stands in a
//! list that says what is proven there. So a failure never cites what the product does not have to obey, or what somebody
//! else's test case is about.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use super::model::{Citation, State, Step, StepKind, TestCase};
use crate::{
    pics::SutKind,
    protocol::requirements::{RequirementList, Side},
    yaml::{Defect, Position},
};

/// States by name.
type States = HashMap<String, Arc<State>>;

/// What is wrong with the requirements of a state.
pub(super) fn of_state(state: &State, states: &States, known: &RequirementList) -> Vec<Defect> {
    let mut listed: BTreeSet<&str> = state.requirements.iter().map(|citation| citation.id.as_str()).collect();
    of_states_run(&state.steps, states, &mut listed);
    let mut defects: Vec<Defect> =
        state.requirements.iter().filter_map(|citation| of_the_other_side(citation, state.sut, known)).collect();
    let help = "add it to the state's `requirements`, or name one that is in it";
    defects.extend(
        state.citations.iter().filter_map(|citation| misplaced(citation, state.sut, &listed, "state", help, known)),
    );
    defects
}

/// What is wrong with the requirements of a test case.
pub(super) fn of_case(case: &TestCase, states: &States, known: &RequirementList) -> Vec<Defect> {
    let sut = case.header.sut;
    let listed = case.header.proves();
    let mut listed: BTreeSet<&str> = listed.iter().map(String::as_str).collect();
    for steps in [Some(&case.before), case.steps.as_ref(), Some(&case.after)].into_iter().flatten() {
        of_states_run(steps, states, &mut listed);
    }
    let help = "name the one that is in `requirements`; where Part 6 forgot it, add it to `further-requirements` with the reason";
    let cited =
        case.citations.iter().filter_map(|citation| misplaced(citation, sut, &listed, "test case", help, known));
    let mut defects: Vec<Defect> = cited.collect();
    defects.extend(case.further.iter().filter_map(|citation| superfluous(citation, case)));
    if let Some(steps) = case.steps.as_ref().filter(|steps| !tests_its_subject(case, steps, states)) {
        let at = steps.first().map_or(Position::default(), |step| step.at);
        let help = "put `requirement:` at the step or check that proves one of the list; where Part 6 lists none, name it in \
                    `further-requirements` with the reason";
        let message =
            "no step and no check of this test case names a requirement that it lists, so it could never pass";
        defects.push(Defect::new(at, message, help));
    }
    defects
}

/// True where a step of the test itself, or of a state that it runs, names a requirement that the test case is about. A run
/// in which none was held against anything is inconclusive.
fn tests_its_subject(case: &TestCase, steps: &[Arc<Step>], states: &States) -> bool {
    let about = case.header.proves();
    let mut named: BTreeSet<&str> =
        case.citations[..case.cited_by_test].iter().map(|cited| cited.id.as_str()).collect();
    follow(steps, states, &mut BTreeSet::new(), &mut |state| {
        named.extend(state.citations.iter().map(|cited| cited.id.as_str()));
    });
    named.iter().any(|id| about.iter().any(|listed| listed == id))
}

/// A requirement that only somebody else must obey.
fn of_the_other_side(citation: &Citation, sut: SutKind, known: &RequirementList) -> Option<Defect> {
    let side = known.side(&citation.id)?; // an unknown one is told already
    let whom = match (side, sut) {
        (Side::Both, _) | (Side::ChargingStation, SutKind::ChargingStation) | (Side::Csms, SutKind::Csms) => {
            return None;
        }
        (Side::Neither, _) => "neither the charging station nor the CSMS",
        (Side::Csms, _) => "the CSMS alone",
        (Side::ChargingStation, _) => "the charging station alone",
    };
    let tested = match sut {
        SutKind::ChargingStation => "a charging station",
        SutKind::Csms => "a CSMS",
    };
    let message = format!("{} binds {whom}, and this is about {tested}", citation.id);
    Some(Defect::new(citation.at, message, "name the requirement that the product breaks when this goes wrong"))
}

/// A requirement that is named at a step or check and must not be.
fn misplaced(
    citation: &Citation,
    sut: SutKind,
    listed: &BTreeSet<&str>,
    whose: &str,
    help: &str,
    known: &RequirementList,
) -> Option<Defect> {
    known.side(&citation.id)?; // an unknown one is told already
    of_the_other_side(citation, sut, known).or_else(|| {
        let message = format!("{} is in no list of this {whose}, nor of a state that it runs", citation.id);
        (!listed.contains(citation.id.as_str())).then(|| Defect::new(citation.at, message, help))
    })
}

/// A requirement that need not stand in `further-requirements`.
fn superfluous(citation: &Citation, case: &TestCase) -> Option<Defect> {
    let Citation { id, at } = citation;
    if case.header.requirements.contains(id) {
        return Some(Defect::new(*at, format!("{id} is in `requirements` already"), "name it once"));
    }
    (!case.citations.iter().any(|cited| cited.id == *id)).then(|| {
        Defect::new(*at, format!("no step and no check names {id}"), "put it at what proves it, or leave it out")
    })
}

/// The requirements that the states list which steps run, and which those run.
fn of_states_run<'s>(steps: &[Arc<Step>], states: &'s States, listed: &mut BTreeSet<&'s str>) {
    follow(steps, states, &mut BTreeSet::new(), &mut |state| {
        listed.extend(state.requirements.iter().map(|citation| citation.id.as_str()));
    });
}

/// Tells each state once that steps run, with those that it runs itself.
fn follow<'s>(
    steps: &[Arc<Step>],
    states: &'s States,
    known: &mut BTreeSet<&'s str>,
    tell: &mut impl FnMut(&'s State),
) {
    for step in steps {
        if let StepKind::Run { state, .. } = &step.kind {
            let Some(state) = states.get(state).filter(|state| known.insert(&state.name)) else { continue };
            tell(state);
            follow(&state.steps, states, known, tell);
        }
        follow(step.inner(), states, known, tell);
    }
}
