//! Which names expressions may use where they stand: those of the engine, of the EVSE, of the state's parameters and of loops, and what
//! steps have kept before. A name that nothing there can define is a typing error, told when the files are read.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use super::model::{BUILT_IN, State, TestCase};
use crate::{
    template::Template,
    yaml::{Defect, Position, nearest},
};

/// A part of a test case, in the order in which they are run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Part {
    /// What is evaluated before anything is run.
    #[default]
    Head,
    /// The states that come first.
    Before,
    /// The test itself, or the steps of a state.
    Steps,
    /// The rules for all messages, which see what the test itself keeps.
    Always,
    /// Tidying up, and what holds after a state.
    After,
}

/// What a file says of names, in its order.
#[derive(Debug, Clone, Default)]
pub struct Mentions(Vec<Mention>);

#[derive(Debug, Clone)]
struct Mention {
    part: Part,
    /// The step of its part, counted from 0: what steps of one such step keep, its other steps may see, for they may come in any order
    /// or again and again.
    step: usize,
    what: What,
}

#[derive(Debug, Clone)]
enum What {
    /// An expression uses a name. The names of loops around it and of members of its message are in the list.
    Use {
        name: Arc<str>,
        at: Position,
        near: Arc<[String]>,
        /// A member of the message has this name, and is what the expression sees where the message has it.
        hidden: bool,
    },
    /// A step keeps something under a name.
    Keep(String),
    /// A state is run.
    Run(String),
}

/// Notes names while a file is read.
#[derive(Debug, Default)]
pub struct Notes {
    part: Part,
    step: usize,
    depth: usize,
    /// Names that are known here and not elsewhere: of loops and of messages.
    near: Vec<String>,
    /// The members of what the checks that are being read are about.
    members: Vec<String>,
    /// The members that expressions here see before anything else: those in conditions of checks.
    hiding: Vec<String>,
    mentions: Vec<Mention>,
}

impl Notes {
    /// From now on this part of the file is read; returns the one before.
    pub fn part(&mut self, part: Part) -> Part {
        std::mem::replace(&mut self.part, part)
    }

    /// A step begins.
    pub fn enter(&mut self) {
        self.step += usize::from(self.depth == 0);
        self.depth += 1;
    }

    /// A step ends.
    pub fn leave(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }

    /// Names that are known until [`Self::forget`] is called with what this returns.
    pub fn know(&mut self, names: impl IntoIterator<Item = String>) -> usize {
        let before = self.near.len();
        self.near.extend(names);
        before
    }

    /// See [`Self::know`].
    pub fn forget(&mut self, before: usize) {
        self.near.truncate(before);
    }

    /// From now on checks of something with these members are read; returns those of what is around it.
    pub fn members(&mut self, names: Vec<String>) -> Vec<String> {
        std::mem::replace(&mut self.members, names)
    }

    /// From now on expressions see those members first, until [`Self::show`] is called with what this returns.
    pub fn hide(&mut self) -> usize {
        let before = self.hiding.len();
        self.hiding.extend_from_slice(&self.members);
        before
    }

    /// See [`Self::hide`].
    pub fn show(&mut self, before: usize) {
        self.hiding.truncate(before);
    }

    /// An expression that stands at this place.
    pub fn uses(&mut self, template: &Template, at: Position) {
        let names = template.names();
        if !names.is_empty() {
            let near: Arc<[String]> = self.near.as_slice().into();
            for name in names {
                let hidden = self.hiding.iter().any(|member| **member == *name);
                self.note(What::Use { name, at, near: near.clone(), hidden });
            }
        }
    }

    /// A step keeps something under this name.
    pub fn keeps(&mut self, name: &str) {
        self.note(What::Keep(name.to_owned()));
    }

    /// A state of this name is run.
    pub fn runs(&mut self, state: &str) {
        self.note(What::Run(state.to_owned()));
    }

    fn note(&mut self, what: What) {
        self.mentions.push(Mention { part: self.part, step: self.step, what });
    }

    /// All of them, in the order in which they are run.
    pub fn finish(&mut self) -> Mentions {
        let mut mentions = std::mem::take(&mut self.mentions);
        mentions.sort_by_key(|mention| (mention.part, mention.step));
        Mentions(mentions)
    }
}

type States = HashMap<String, Arc<State>>;

/// What is wrong with the names in test cases and states; `Ok` of each is the file that it is told of.
pub struct Names<'s> {
    states: &'s States,
    /// What each state keeps, with the states that it runs.
    kept: HashMap<&'s str, BTreeSet<&'s str>>,
    /// What is kept by those that run each state, and by what they run.
    around: HashMap<&'s str, BTreeSet<&'s str>>,
}

impl<'s> Names<'s> {
    /// Looks through all test cases and states of a side. `always_run` are the states that the engine itself runs before every test case.
    pub fn new(cases: impl Iterator<Item = &'s TestCase>, states: &'s States) -> Self {
        let mut names = Self { states, kept: HashMap::new(), around: HashMap::new() };
        for name in states.keys() {
            let mut run = BTreeSet::new();
            names.reach(name, &mut run);
            let kept = run.iter().filter_map(|state| states.get(*state)).flat_map(|state| state.names.kept()).collect();
            names.kept.insert(name, kept);
        }
        for case in cases {
            let mut run = BTreeSet::new();
            for state in case.names.run().chain(BY_THE_ENGINE) {
                names.reach(state, &mut run);
            }
            let kept = run.iter().flat_map(|state| names.kept.get(state).into_iter().flatten().copied());
            let kept: BTreeSet<&str> = kept.chain(case.names.kept()).collect();
            for state in run {
                names.around.entry(state).or_default().extend(kept.iter().copied());
            }
        }
        names
    }

    /// The state and all that it runs.
    fn reach(&self, name: &'s str, found: &mut BTreeSet<&'s str>) {
        let Some((name, state)) = self.states.get_key_value(name) else { return };
        if found.insert(name) {
            for inner in state.names.run() {
                self.reach(inner, found);
            }
        }
    }

    /// What is wrong with the names of a test case.
    pub fn of_case<'m>(&self, case: &'m TestCase) -> Vec<Defect>
    where
        's: 'm,
    {
        let from_the_engine = BY_THE_ENGINE.iter().filter_map(|state| self.kept.get(state)).flatten().copied();
        self.check(&case.names, from_the_engine.collect())
    }

    /// What is wrong with the names of a state.
    pub fn of_state<'m>(&self, state: &'m State) -> Vec<Defect>
    where
        's: 'm,
    {
        // Nothing is known of those that run a state when they are not there, as in a folder with a part of all test cases.
        let Some(around) = self.around.get(state.name.as_str()) else { return Vec::new() };
        let parameters = state.parameters.iter().map(|(name, _)| name.as_str());
        self.check(&state.names, parameters.chain(around.iter().copied()).collect())
    }

    fn check<'m>(&self, mentions: &'m Mentions, mut known: BTreeSet<&'m str>) -> Vec<Defect>
    where
        's: 'm,
    {
        let built_in: BTreeSet<&str> = BUILT_IN.into_iter().chain(["evse"]).collect();
        let mut defects: Vec<Defect> = Vec::new();
        for mentions in mentions.0.chunk_by(|one, next| (one.part, one.step) == (next.part, next.step)) {
            for Mention { what, .. } in mentions {
                match what {
                    What::Keep(name) => {
                        known.insert(name);
                    }
                    What::Run(state) => known.extend(self.kept.get(state.as_str()).into_iter().flatten().copied()),
                    What::Use { .. } => {}
                }
            }
            for Mention { what, .. } in mentions {
                let What::Use { name, at, near, hidden } = what else { continue };
                if *hidden && known.contains(&**name) {
                    let message = format!("`{name}` is a member of the message, and something that is kept or given");
                    let help = "a condition sees the member where the message has it, and the other where it has not: \
                                give the other a name of its own";
                    defects.push(Defect::new(*at, message, help));
                }
                let is_known = known.contains(&**name) || built_in.contains(&**name);
                if is_known || near.iter().any(|near| **near == **name) {
                    continue;
                }
                let all = || known.union(&built_in).copied().chain(near.iter().map(String::as_str));
                let help = nearest(name, all()).map_or_else(
                    || {
                        "no step before this one keeps it (`as`, `let`), and no parameter or loop has this name"
                            .to_owned()
                    },
                    |near| format!("did you mean `{near}`?"),
                );
                defects.push(Defect::new(*at, format!("undefined name `{name}`"), help));
            }
        }
        defects
    }
}

/// States that the engine itself runs before every test case.
const BY_THE_ENGINE: [&str; 3] = ["Prepared", "VariableSet", "Restored"];

impl Mentions {
    fn kept(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|mention| match &mention.what {
            What::Keep(name) => Some(name.as_str()),
            _ => None,
        })
    }

    fn run(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|mention| match &mention.what {
            What::Run(state) => Some(state.as_str()),
            _ => None,
        })
    }

    /// Every name that is used, with its place.
    pub fn used(&self) -> impl Iterator<Item = (&str, Position)> {
        self.0.iter().filter_map(|mention| match &mention.what {
            What::Use { name, at, .. } => Some((&**name, *at)),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        protocol::Version,
        testcase::{dialect::Dialect, reader},
        yaml::{Defects, Source},
    };

    /// What is wrong with the names of a test case that runs no states.
    fn defects(text: &str) -> Defects {
        let source = Source::new("c.yaml", text);
        let case =
            reader::test_case(&source, Dialect::today(Version::V2_0_1)).unwrap_or_else(|error| panic!("{error}"));
        let states = HashMap::new();
        source.defects(Names::new(std::iter::once(&case), &states).of_case(&case))
    }

    #[test]
    fn a_name_is_known_behind_what_keeps_it() {
        let text = "id: TC_B_99_CS
title: T
sut: charging-station
block: B
protocols: [2.0.1]
use-cases: []
requirements: []
purpose: P.
certification: { 2.0.1: { 2024-06: { core: mandatory } } }
needs: { that: protocol == '2.0.1' and bench.security_profil == 1 and kept, otherwise: O. }
steps:
  - assert: booted.reason == 'PowerUp'
  - expect: BootNotification
    as: booted
    check: { reason: { when: chargingStation is defined and bootd is undefined, is: PowerUp } }
  - for-each: one
    in: \"{{ [1] }}\"
    do:
      - assert: one > 0 and kept is defined and evse.id == 1
      - let: { kept: 1 }
  - assert: one > 0 and booted is defined and starts_at('Authorized')
always:
  - every: Heartbeat
    check: { customData: { when: kept and boted is defined, is: { present: true } } }
";
        insta::assert_snapshot!(defects(text), @r"
        c.yaml:10:16: undefined name `kept`
            → no step before this one keeps it (`as`, `let`), and no parameter or loop has this name
        c.yaml:12:13: undefined name `booted`
            → no step before this one keeps it (`as`, `let`), and no parameter or loop has this name
        c.yaml:15:30: undefined name `bootd`
            → did you mean `booted`?
        c.yaml:21:13: undefined name `one`
            → no step before this one keeps it (`as`, `let`), and no parameter or loop has this name
        c.yaml:24:34: undefined name `boted`
            → did you mean `booted`?
        ");
    }

    #[test]
    fn what_a_condition_may_take_for_a_member_of_the_message_is_a_mistake() {
        let text = "id: TC_B_99_CS
title: T
sut: charging-station
block: B
protocols: [2.0.1]
use-cases: []
requirements: []
purpose: P.
certification: { 2.0.1: { 2024-06: { core: mandatory } } }
steps:
  - let: { reason: PowerUp, model: M }
  - expect: BootNotification
    match: { reason: \"{{ reason }}\" }
    check:
      reason: { when: reason == 'PowerUp', is: \"{{ reason }}\" }
      chargingStation: { when: model == 'M', is: { model: { when: model is defined, is: M }, vendorName: { when: evse, is: V } } }
";
        insta::assert_snapshot!(defects(text), @r"
        c.yaml:15:23: `reason` is a member of the message, and something that is kept or given
            → a condition sees the member where the message has it, and the other where it has not: give the other a name of its own
        c.yaml:15:48: `reason` is a member of the message, and something that is kept or given
            → a condition sees the member where the message has it, and the other where it has not: give the other a name of its own
        c.yaml:16:67: `model` is a member of the message, and something that is kept or given
            → a condition sees the member where the message has it, and the other where it has not: give the other a name of its own
        ");
    }
}
