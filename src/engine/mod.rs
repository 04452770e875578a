//! Interprets one test case. No I/O: link events, answers of operator and services, and the passing of time go in;
//! effects come out. The same inputs at the same times give the same verdict, so a recorded run can be replayed.

mod call_order;
mod exchange;
mod finding;
mod flow;
mod outbox;
mod pacing;
mod silence;
mod sut_state;
mod taken;
#[cfg(test)]
mod tests;
mod world;

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use serde_json::{Map, Value};

use crate::{
    clock::Stamp,
    link::{CertificateKind, ClientPolicy, EndpointId, Identity, LinkCommand, LinkEvent, Secret, ServerPolicy},
    manual_action::{ActionOutcome, ManualAction},
    pics::SutKind,
    protocol::Protocol,
    testcase::{
        model::{State, Step, TestCase},
        service::ServiceRequest,
        template::{Lookup, Names, Template},
    },
    verdict::{Failure, StepRecord, Verdict},
    yaml::Position,
};

pub(crate) use crate::protocol::session::Phase;
use flow::Sequence;
pub use silence::{Silence, Watched};
pub use sut_state::SutMemory;
pub use taken::{Role, Taken};
use world::{Unclaimed, World};

/// What the engine needs to know before it starts.
#[derive(Debug, Clone)]
pub struct Setup {
    /// The version of OCPP that is tested.
    pub protocol: &'static Protocol,
    /// The test case.
    pub case: Arc<TestCase>,
    /// The variant to run.
    pub variant: Map<String, Value>,
    /// States and procedures by name.
    pub states: Arc<HashMap<String, Arc<State>>>,
    /// The bench as expressions see it.
    pub bench: Value,
    /// The PICS's answers as expressions see them: id → answer, and `profiles`.
    pub pics: Value,
    /// How our CSMS end-points behave when nothing else is asked of them.
    pub endpoints: EndpointPolicies,
    /// Certificates to show as CSMS.
    pub identities: HashMap<CertificateKind, Identity>,
    /// How we knock at a CSMS when nothing else is asked.
    pub client: Option<ClientPolicy>,
    /// Certificates to show as station.
    pub client_identities: HashMap<CertificateKind, Identity>,
    /// What is known of the SUT from earlier test cases.
    pub memory: SutMemory,
}

/// How our CSMS end-points behave.
#[derive(Debug, Clone, Default)]
pub struct EndpointPolicies {
    /// Each of them as the bench begins.
    pub at: HashMap<EndpointId, ServerPolicy>,
    /// What they become under the security profiles that a test case may go to.
    pub of_profile: BTreeMap<u8, ServerPolicy>,
}

/// What happens to the engine.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// Something on the link.
    Link(LinkEvent),
    /// A manual action ended.
    OperatorDone(u32, ActionOutcome),
    /// A service answered.
    ServiceDone(u32, Result<Value, String>),
    /// Time has passed.
    Tick,
    /// The user wants it to end.
    Interrupt,
}

/// What the engine wants done.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// On the link.
    Link(LinkCommand),
    /// By the operator.
    Operator(u32, ManualAction),
    /// By a service of the harness.
    Service(u32, ServiceRequest),
    /// A step was reached (for the trace and for progress).
    Step(String),
    /// This text must not appear in any artefact.
    Secret(Secret),
}

/// What came of it.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The verdict.
    pub verdict: Verdict,
    /// The findings, the deciding one first.
    pub failures: Vec<Failure>,
    /// The steps.
    pub steps: Vec<StepRecord>,
    /// Remarks.
    pub remarks: Vec<String>,
    /// What is now known of the SUT.
    pub memory: SutMemory,
    /// What it has shown of how soon the SUT is silent.
    pub watched: Watched,
    /// Why the general preconditions were not reached, where they were not.
    pub unprepared: Option<String>,
    /// True where nobody was there: no connection was open, and no attempt to connect got as far as an answer.
    pub absent: bool,
    /// Which step took which input, in order.
    pub taken: Vec<Taken>,
}

impl Phase {
    fn word(self) -> &'static str {
        match self {
            Phase::Prepare => "prepare",
            Phase::Before => "before",
            Phase::Main => "main",
            Phase::After => "after",
        }
    }
}

/// One test case under way.
#[derive(Debug, Clone)]
pub struct Engine {
    world: World,
    phases: Vec<(Phase, Sequence)>,
    current: usize,
    /// How many inputs it was told.
    told: usize,
    /// When it is given up at last, nanoseconds of the run.
    last_ns: u64,
}

/// How long a test case may take at most, nanoseconds. None comes near it: steps that never end are a mistake of ours, and must not fill
/// a disk where time is virtual.
const LONGEST_NS: u64 = 24 * 3600 * 1_000_000_000;
/// The same in seconds.
pub(crate) const LONGEST_S: f64 = 24.0 * 3600.0;

/// Names of the procedures that the engine itself runs, where the catalogue has them.
const PREPARED: &str = "Prepared";
const VARIABLE_SET: &str = "VariableSet";
const RESTORED: &str = "Restored";
/// States that any test case may run, although none of its steps does.
pub(crate) const OF_EVERY_TEST_CASE: [&str; 3] = [PREPARED, VARIABLE_SET, RESTORED];

impl Engine {
    /// Starts a test case.
    pub fn new(setup: Setup, now: Stamp) -> Self {
        let case = setup.case.clone();
        let mut world = World::new(setup, now);
        let scope = world.root_scope();
        let run = |state: &str, with: Vec<(String, Template)>, at: Position| {
            Arc::new(Step::run_of(state, with, at, case.source.name.clone()))
        };
        let mut prepare = Vec::new();
        if case.prepared && world.has_state(PREPARED) {
            prepare.push(run(PREPARED, Vec::new(), Position::default()));
            if world.has_state(VARIABLE_SET) {
                prepare.extend(world.memory.session.left_settings().iter().map(|left| {
                    let mut with = named(&left.component, &left.variable);
                    with.push(("value".into(), Template::literal(Value::String(left.value.clone()))));
                    with.push(("only_if_writable".into(), Template::new(Value::Bool(true))));
                    run(VARIABLE_SET, with, Position::default())
                }));
            }
        }
        // What Part 6 calls the configuration state is a precondition like these.
        for setting in &case.variables {
            let with = vec![
                ("value".into(), setting.value.clone()),
                ("contains".into(), Template::new(Value::Bool(setting.contains))),
                ("without".into(), Template::new(setting.without.clone().into())),
            ];
            let with = named(&setting.component, &setting.variable).into_iter().chain(with).collect();
            let mut step = (*run(VARIABLE_SET, with, setting.at)).clone();
            step.when.clone_from(&setting.when);
            prepare.push(Arc::new(step));
        }
        let main = case.steps.clone().unwrap_or_default();
        let phases = vec![
            (Phase::Prepare, Sequence::new(&prepare, &scope, "", 0)),
            (Phase::Before, Sequence::new(&case.before, &scope, "", 0)),
            (Phase::Main, Sequence::new(&main, &scope, "", 0)),
            (Phase::After, Sequence::new(&case.after, &scope, "", 0)),
        ];
        for need in &case.needs {
            match need.condition.holds(&world.names(&scope)) {
                Ok(true) => {}
                Ok(false) => {
                    world.find(Verdict::Inconclusive, finding::Finding::new("needs", need.otherwise.clone()));
                    break;
                }
                Err(error) => {
                    let (verdict, message) = world::cannot_be_evaluated(&error);
                    world.find(verdict, finding::Finding::new("needs", message));
                    break;
                }
            }
        }
        let mut engine = Self { world, phases, current: 0, told: 0, last_ns: now.mono_ns.saturating_add(LONGEST_NS) };
        if engine.world.decided() {
            // Nothing was begun, so there is nothing to tidy up.
            engine.current = engine.phases.len();
        } else {
            flow::connection::as_usual(&mut engine.world);
            engine.advance();
        }
        engine
    }

    /// Something happened.
    pub fn handle(&mut self, now: Stamp, input: Input) {
        self.world.now = now;
        self.world.input = self.told;
        self.told += 1;
        match input {
            Input::Link(event) => self.link(event),
            Input::OperatorDone(id, outcome) => {
                if let Some(outcome) = self.world.said_at_last(id, outcome) {
                    self.world.answers.push((id, exchange::Reply::Operator(outcome)));
                }
            }
            Input::ServiceDone(id, result) => self.world.answers.push((id, exchange::Reply::Service(result))),
            Input::Tick => {}
            Input::Interrupt => {
                let mut finding = finding::Finding::new("", "interrupted by the user");
                if let Some((_, failure)) = self.world.last_failed_attempt().filter(|_| !self.world.connected()) {
                    finding.found = Some(format!("the last attempt to connect: {}", failure.words()));
                }
                self.world.find(Verdict::Inconclusive, finding);
                self.current = self.phases.len();
            }
        }
        if now.mono_ns >= self.last_ns && !self.finished() {
            let message = format!("the test case has not ended within 24 h; it was waiting for {}", self.waiting_for());
            self.world.find(Verdict::Error, finding::Finding::new("", message));
            self.current = self.phases.len();
        }
        self.advance();
    }

    /// Takes what is to be done.
    pub fn effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.world.effects)
    }

    /// When something will happen by the passing of time alone, nanoseconds of the run.
    pub fn deadline(&self) -> Option<u64> {
        let (_, sequence) = self.phases.get(self.current)?;
        let world = &self.world;
        let deadlines = [sequence.deadline(world), world.outbox.deadline(), world.promise_due(), world.event_due()];
        deadlines.into_iter().flatten().min()
    }

    /// True when the test case is over.
    pub fn finished(&self) -> bool {
        self.current >= self.phases.len()
    }

    /// True when nothing can change the verdict any more: something was found, or what is left is tidying up.
    pub fn settled(&self) -> bool {
        self.world.decided() || self.current + 1 >= self.phases.len()
    }

    /// How many inputs it was told.
    pub fn told(&self) -> usize {
        self.told
    }

    /// True when a finding was made.
    pub fn decided(&self) -> bool {
        self.world.decided()
    }

    /// The steps that are under way, for people.
    pub fn waiting_for(&self) -> String {
        self.phases.get(self.current).map(|(_, sequence)| sequence.waiting_for()).unwrap_or_default()
    }

    /// How many manual actions it has asked for.
    pub fn asked(&self) -> usize {
        self.world.asked
    }

    /// The names that an expression sees by now, outside of any state.
    pub fn names(&self) -> impl Lookup + '_ {
        self.world.names_outside()
    }

    /// True when a CALL of ours with this id waits for its answer.
    pub fn awaits(&self, id: &str) -> bool {
        self.world.awaits(id)
    }

    /// The version of OCPP that is spoken.
    pub fn protocol(&self) -> &'static Protocol {
        self.world.setup().protocol
    }

    /// The step at a path that is under way, and the names that its expressions see.
    pub fn under_way(&self, path: &str) -> Option<(Arc<Step>, impl Lookup + '_)> {
        let (_, sequence) = self.phases.get(self.current)?;
        sequence.under_way(path, &self.world)
    }

    /// The outcome of a test case that is over.
    pub fn outcome(mut self) -> Outcome {
        for (phase, sequence) in &self.phases {
            self.world.phase = *phase;
            sequence.close(&mut self.world);
        }
        self.world.outcome()
    }

    /// Goes as far as it can: the steps first, then what our station has to send by itself.
    fn advance(&mut self) {
        self.world.take_answer_to_promise();
        self.world.let_time_pass();
        self.proceed();
        if !self.finished() && self.world.send_promise() {
            self.proceed();
        }
    }

    fn proceed(&mut self) {
        let after = self.phases.len() - 1;
        // Where a rule for every test is broken the step that waited for the message still judges what it is about.
        if self.world.decided() && self.current < after {
            if let Some((phase, sequence)) = self.phases.get_mut(self.current) {
                self.world.phase = *phase;
                sequence.judge(&mut self.world);
            }
        }
        loop {
            // A finding ends what is under way; what is left is to tidy up.
            if self.world.decided() && self.current < after {
                self.enter_after(after);
            }
            let Some((phase, sequence)) = self.phases.get_mut(self.current) else { return };
            self.world.phase = *phase;
            let tidying = *phase == Phase::After;
            let done = if tidying { sequence.tidy(&mut self.world) } else { sequence.advance(&mut self.world) };
            if self.world.decided() && self.current < after {
                continue;
            }
            // Whoever acts is not called off half-way.
            if !done || (tidying && (!self.world.has_kept_promises() || self.world.unsaid.is_some())) {
                return;
            }
            if self.current == after - 1 {
                self.world.end_of_main();
            }
            self.next_phase();
        }
    }

    fn next_phase(&mut self) {
        if self.current == 0 {
            self.world.prepared_at = self.world.now;
        }
        self.current += 1;
        if self.current == self.phases.len() - 1 && !self.world.decided() {
            self.enter_after(self.current);
        }
    }

    /// Tidying up: the test case's own steps, then the variables that it changed.
    fn enter_after(&mut self, after: usize) {
        self.current = after;
        let mut steps = self.world.case().after.clone();
        let run = |world: &World, state: &str, with: Vec<(String, Template)>| {
            Arc::new(Step::run_of(state, with, Position::default(), world.case().source.name.clone()))
        };
        if let Some(restored) = self.world.state(RESTORED) {
            // Step by step, for what can't be done must not keep the rest from being done.
            steps.extend(restored.steps.iter().cloned());
        }
        if self.world.has_state(VARIABLE_SET) && self.world.connected() {
            for left in self.world.memory.session.changed_settings() {
                let mut with = named(&left.component, &left.variable);
                with.push(("value".into(), Template::literal(Value::String(left.value))));
                steps.push(run(&self.world, VARIABLE_SET, with));
            }
        }
        let scope = self.world.root_scope();
        self.phases[after].1 = Sequence::new(&steps, &scope, "", 0);
    }

    fn link(&mut self, event: LinkEvent) {
        let Some(call) = self.world.link(event) else { return };
        let Some((phase, sequence)) = self.phases.get_mut(self.current) else { return };
        self.world.phase = *phase;
        if self.world.left_behind(&call) {
            return;
        }
        self.world.came_too_late(&call);
        let complaints = self.world.complaints();
        self.world.apply_always(&call);
        if sequence.offer(&call, &mut self.world) != flow::Matched::Consumed && !self.world.late(&call) {
            let current = sequence.current();
            let at = current.map(|node| finding::Finding::at(&node.step, &node.path, String::new()));
            let unclaimed = Unclaimed {
                right: sequence.wanted(&self.world),
                wanted: sequence.wants_action(&call.action),
                in_its_place: current.is_some_and(|node| node.step.awaits_a_call()),
                told: self.world.complaints() > complaints,
            };
            self.world.background(&call, unclaimed, at.unwrap_or_default());
        }
        self.world.learn(&call);
    }
}

/// The parameters that name a variable; its instance stands in brackets.
fn named(component: &str, variable: &str) -> Vec<(String, Template)> {
    let text = |text: &str| Template::literal(Value::String(text.to_owned()));
    let (component, evse) = bracketed(component);
    let (name, instance) = bracketed(variable);
    let mut with = vec![("component".to_owned(), text(component)), ("variable".to_owned(), text(name))];
    with.extend(evse.map(|evse| {
        let number = evse.parse::<u64>().map_or_else(|_| text(evse), |number| Template::literal(number.into()));
        ("of_evse".to_owned(), number)
    }));
    with.extend(instance.map(|instance| ("instance".to_owned(), text(instance))));
    with
}

/// A name, and what stands in brackets behind it.
fn bracketed(name: &str) -> (&str, Option<&str>) {
    match name.strip_suffix(']').and_then(|name| name.split_once('[')) {
        Some((name, bracketed)) => (name, Some(bracketed)),
        None => (name, None),
    }
}

/// Names an expression sees; see `docs/test-cases.md`.
pub(crate) type Scope = Names;

/// The side under test of a test case, for those who only have the engine's setup.
pub fn sut(setup: &Setup) -> SutKind {
    setup.case.header.sut
}
