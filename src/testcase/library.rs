//! All test cases and states of one side, read and checked against each other.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use super::{
    catalogue::{Catalogue, Origin},
    citations,
    dialect::Dialect,
    model::{RunSite, State, Step, TestCase},
    reader,
    scope::Names,
};
use crate::{
    pics::SutKind,
    protocol::Version,
    vocabulary,
    yaml::{Defect, Defects, Source, nearest},
};

/// Everything that can be run against one side.
#[derive(Debug, Clone)]
pub struct Library {
    /// Test cases that have steps.
    pub cases: BTreeMap<String, Arc<TestCase>>,
    /// States and procedures.
    pub states: Arc<HashMap<String, Arc<State>>>,
    /// The version of OCPP.
    pub version: Version,
    /// The side under test.
    pub sut: SutKind,
}

impl Library {
    /// Reads all of a side; every defect of every file at once.
    pub fn load(catalogue: &Catalogue, sut: SutKind) -> Result<Self, Vec<Defects>> {
        Self::read(catalogue, sut, |_| true, catalogue.origin != Origin::Recorded)
    }

    /// These steps and all that they reach, in themselves or by the states that they run, each state once; in no order.
    pub fn reached<'l>(&'l self, steps: impl IntoIterator<Item = &'l Arc<Step>>) -> Vec<&'l Step> {
        let mut states: HashSet<&str> = HashSet::new();
        let mut pending: Vec<&Arc<Step>> = steps.into_iter().collect();
        let mut reached = Vec::new();
        while let Some(step) = pending.pop() {
            reached.push(&**step);
            pending.extend(step.inner());
            if let Some((name, _)) = step.run().filter(|(name, _)| states.insert(name)) {
                pending.extend(self.states.get(name).into_iter().flat_map(|state| &state.steps));
            }
        }
        reached
    }

    /// Reads what a run of these test cases needs. Those that are compiled in are sound, so that no others are read; a folder is
    /// read whole, as a mistake in one of its files may be one in all that use it.
    pub fn of(catalogue: &Catalogue, sut: SutKind, planned: &HashSet<&str>) -> Result<Self, Vec<Defects>> {
        match catalogue.origin {
            Origin::Embedded => Self::read(catalogue, sut, |id| planned.contains(id), false),
            Origin::Folder | Origin::Recorded => Self::load(catalogue, sut),
        }
    }

    fn read(
        catalogue: &Catalogue,
        sut: SutKind,
        wanted: impl Fn(&str) -> bool,
        names_are_checked: bool,
    ) -> Result<Self, Vec<Defects>> {
        let dialect = catalogue.dialect;
        let mut bad = Vec::new();
        let mut states = HashMap::new();
        // A state whose file has defects is there all the same: its users have none.
        let mut broken = Vec::new();
        for ((_, stem), source) in catalogue.states.iter().filter(|((of, _), _)| *of == sut) {
            match state(source, stem, sut, dialect) {
                Ok(None) => {}
                Ok(Some(state)) => {
                    states.insert(state.name.clone(), Arc::new(state));
                }
                Err(defects) => {
                    let file = std::path::Path::new(&*source.name).file_stem();
                    broken.extend(file.map(|name| name.to_string_lossy().into_owned()));
                    bad.push(defects);
                }
            }
        }
        let mut cases = BTreeMap::new();
        let of_side = catalogue.cases.iter().filter(|(id, entry)| entry.header.sut == sut && wanted(id));
        for (id, entry) in of_side {
            let unknown = |id: &String| dialect.protocol.requirements().text(id).is_none();
            if !entry.header.implemented && !entry.header.requirements.iter().any(unknown) {
                continue; // the head is all there is of it, and it is sound
            }
            match reader::test_case(&entry.source, dialect) {
                Ok(case) => {
                    cases.insert(id.clone(), Arc::new(case));
                }
                Err(defects) => bad.push(defects),
            }
        }
        let of_states = states.values().map(|state| (&state.source, &state.runs));
        for (source, runs) in of_states.chain(cases.values().map(|case| (&case.source, &case.runs))) {
            let defects = check_runs(runs, &states, &broken);
            if !defects.is_empty() {
                bad.push(source.defects(defects));
            }
        }
        // What a file with defects keeps is not known, and others may use it.
        if bad.is_empty() && names_are_checked {
            let names = Names::new(cases.values().map(|case| &**case), &states);
            let of_states = states.values().map(|state| (&state.source, names.of_state(state)));
            let of_cases = cases.values().map(|case| (&case.source, names.of_case(case)));
            let found = of_states.chain(of_cases).filter(|(_, defects)| !defects.is_empty());
            bad.extend(found.map(|(source, defects)| source.defects(defects)));
        }
        if bad.is_empty() {
            Ok(Self { cases, states: Arc::new(states), version: dialect.protocol.version, sut })
        } else {
            Err(bad)
        }
    }

    /// Requirements that test cases and states name and should not, or do not name and should. They decide what a finding
    /// cites and never a verdict, so a run does without.
    pub fn miscited(&self) -> Vec<Defects> {
        let requirements = self.version.protocol().requirements();
        let mut states: Vec<&Arc<State>> = self.states.values().collect();
        states.sort_by_key(|state| &state.name);
        let of_states =
            states.into_iter().map(|state| (&state.source, citations::of_state(state, &self.states, requirements)));
        let of_cases =
            self.cases.values().map(|case| (&case.source, citations::of_case(case, &self.states, requirements)));
        let found = of_states.chain(of_cases).filter(|(_, defects)| !defects.is_empty());
        found.map(|(source, defects)| source.defects(defects)).collect()
    }
}

/// Reads a state, which is found by the name and the folder of its file; none where it is for other versions of OCPP.
pub fn state(source: &Source, stem: &str, sut: SutKind, dialect: Dialect) -> Result<Option<State>, Defects> {
    let Some(state) = reader::state(source, dialect)? else { return Ok(None) };
    if state.name == stem && state.sut == sut {
        return Ok(Some(state));
    }
    let root = source.parse()?;
    let at = |key: &str| root.get(key).map_or(root.at, |node| node.at);
    let mut defects = Vec::new();
    if state.name != stem {
        let message = format!("`state` is {}, the file's name says {stem}", state.name);
        defects.push(Defect::new(at("state"), message, "make them agree"));
    }
    if state.sut != sut {
        defects.push(Defect::new(at("sut"), "`sut` is not the side in whose folder the file is", "make them agree"));
    }
    Err(source.defects(defects))
}

/// Names of states and of their parameters must exist. What runs a state that is broken is not to blame.
pub fn check_runs(runs: &[RunSite], states: &HashMap<String, Arc<State>>, broken: &[String]) -> Vec<Defect> {
    let mut defects = Vec::new();
    for RunSite { state, at, with } in runs {
        match states.get(state) {
            None if broken.contains(state) => {}
            None => {
                let help = nearest(state, states.keys().map(String::as_str))
                    .map_or_else(|| "add it under states/".to_owned(), |near| format!("did you mean `{near}`?"));
                defects.push(Defect::new(*at, format!("unknown state `{state}`"), help));
            }
            Some(found) => {
                let known = || found.parameters.iter().map(|(known, _)| known.as_str()).chain(["evse"]);
                for (name, at) in with.iter().filter(|(name, _)| !known().any(|known| known == name)) {
                    let help = vocabulary::help(name, known(), "it has");
                    defects.push(Defect::new(*at, format!("`{state}` has no parameter `{name}`"), help));
                }
            }
        }
    }
    defects
}
