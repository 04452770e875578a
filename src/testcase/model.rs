//! The test-case language as data: steps, states, test cases. `docs/test-cases.md` describes it for authors.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::{
    manual_action::actions::ActionInfo,
    pics::SutKind,
    protocol::{Protocol, error_code::ErrorCode},
    testcase::{
        catalogue::Header,
        connection::{ConnectionAct, Outcome},
        matcher::Checks,
        requirements::Requirements,
        scope::Mentions,
        service::ServiceInfo,
        template::Template,
    },
    yaml::{Position, Source},
};

/// The names that the engine gives to expressions; what a step keeps must have another one.
pub const BUILT_IN: [&str; 27] = [
    "accepted",
    "bench",
    "connected",
    "connected_since",
    "connector_status",
    "connector_statuses",
    "elapsed",
    "endpoint",
    "facts",
    "instant",
    "left",
    "message",
    "next_id",
    "now",
    "pics",
    "protocol",
    "refused_attempts",
    "registration",
    "security_profile",
    "state",
    "test_case",
    "transaction",
    "transactions",
    "tx_start_point",
    "tx_stop_point",
    "variables",
    "variant",
];

/// A test case, whole.
#[derive(Debug, Clone)]
pub struct TestCase {
    /// What the catalogue knows of it.
    pub header: Header,
    /// The version of OCPP that it was read for.
    pub protocol: &'static Protocol,
    /// Where it was read from.
    pub source: Source,
    /// Kinds of the same test, each run in turn, the worst verdict counting; empty: run once.
    pub variants: Vec<Map<String, Value>>,
    /// What the bench must provide beyond the PICS; false makes the test case inconclusive, with the text as the reason.
    pub needs: Vec<Need>,
    /// Configuration variables to bring about first.
    pub variables: Vec<VariableSetting>,
    /// The procedure `Prepared` comes first; not where whether the SUT lets us in is what the test case is about.
    pub prepared: bool,
    /// Steps that reach the starting state.
    pub before: Vec<Arc<Step>>,
    /// The test itself; `None`: not implemented.
    pub steps: Option<Vec<Arc<Step>>>,
    /// Steps that tidy up, whatever the verdict.
    pub after: Vec<Arc<Step>>,
    /// Rules that hold throughout the main part.
    pub always: Vec<Always>,
    /// Every requirement that its steps, checks and rules name.
    pub citations: Vec<Citation>,
    /// Every state that its steps run.
    pub runs: Vec<RunSite>,
    /// The names that its expressions use and its steps keep.
    pub names: Mentions,
    /// How many citations stand at the test itself, not at what comes before and after it.
    pub cited_by_test: usize,
    /// What it names beyond the list of Part 6.
    pub further: Vec<Citation>,
}

/// A condition on the bench, with the reason when it does not hold.
#[derive(Debug, Clone)]
pub struct Need {
    /// The condition.
    pub condition: Template,
    /// What to say when it is false.
    pub otherwise: String,
}

/// A variable that the test needs at a value.
#[derive(Debug, Clone)]
pub struct VariableSetting {
    /// Component.
    pub component: String,
    /// Variable, with instance in brackets where there is one.
    pub variable: String,
    /// The value (or what the value must contain).
    pub value: Template,
    /// True: the value is a member that the list must contain.
    pub contains: bool,
    /// Members that the list must not have.
    pub without: Vec<String>,
    /// Skipped when false.
    pub when: Option<Template>,
    /// Where it stands.
    pub at: Position,
}

/// What a state file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StateKind {
    /// A reusable state of Part 6: reaching it is remembered per EVSE.
    Reusable,
    /// A memory state of Part 6.
    Memory,
    /// A procedure of ours: steps with a name.
    Procedure,
}

/// A reusable state, memory state or procedure.
#[derive(Debug, Clone)]
pub struct State {
    /// Its name, as in Part 6.
    pub name: String,
    /// What it is.
    pub kind: StateKind,
    /// The side under test it belongs to.
    pub sut: SutKind,
    /// What it brings about, in a sentence.
    pub purpose: String,
    /// Parameters with their defaults.
    pub parameters: Vec<(String, Template)>,
    /// The steps.
    pub steps: Vec<Arc<Step>>,
    /// Facts about the EVSE that hold once it is reached.
    pub reached: Vec<(String, Template)>,
    /// The requirements that its steps prove, so that they may name them, and so may the test cases that run it.
    pub requirements: Vec<Citation>,
    /// Every requirement that its steps and checks name.
    pub citations: Vec<Citation>,
    /// Every state that its steps run.
    pub runs: Vec<RunSite>,
    /// The names that its expressions use and its steps keep.
    pub names: Mentions,
    /// Where it was read from.
    pub source: Source,
}

/// One step.
#[derive(Debug, Clone)]
pub struct Step {
    /// Where it stands.
    pub at: Position,
    /// The file it stands in.
    pub file: Arc<str>,
    /// Skipped when false.
    pub when: Option<Template>,
    /// Name under which its result is kept.
    pub saved_as: Option<String>,
    /// Requirements that a breach breaks, where the check that fails names none.
    pub requirements: Requirements,
    /// What it is called, where its kind does not say what stands in the file: `ask Reset`.
    pub title: Option<Arc<str>>,
    /// What it does.
    pub kind: StepKind,
}

/// A CALL that the SUT must send.
#[derive(Debug, Clone)]
pub struct Expect {
    /// The action, `BootNotification`.
    pub action: String,
    /// Which of them it is.
    pub matches: Checks,
    /// What must hold of it.
    pub checks: Checks,
    /// What we answer; `None`: what the specification suggests.
    pub reply: Option<Template>,
    /// Answer with a CALLERROR instead.
    pub reply_error: Option<Refusal>,
    /// True: it stays unanswered.
    pub no_reply: Option<Template>,
    /// Seconds after the step is reached.
    pub within: Option<Template>,
    /// A time (seconds of the run) before which it must not come.
    pub no_earlier_than: Option<Bound>,
    /// A message that came since this time (seconds of the run) will do, even if it was taken as background.
    pub any_time_since: Option<Template>,
    /// True: it may be missing.
    pub optional: Option<Template>,
    /// Any other CALL before it is a failure, which breaks these requirements; none: those of the step.
    pub nothing_else_before: Option<Requirements>,
}

/// A CALLERROR of ours.
#[derive(Debug, Clone)]
pub struct Refusal {
    /// Its code.
    pub code: ErrorCode,
    /// Only where this holds.
    pub when: Option<Template>,
}

/// A bound on the time at which something comes.
#[derive(Debug, Clone)]
pub struct Bound {
    /// The time.
    pub is: Template,
    /// Requirements that a breach of this bound breaks; none: those of the step.
    pub requirements: Requirements,
}

/// A requirement that a file names as broken by a breach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Citation {
    /// Its id.
    pub id: String,
    /// Where it stands.
    pub at: Position,
}

/// A state that a file runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunSite {
    /// Its name.
    pub state: String,
    /// Where it stands.
    pub at: Position,
    /// The parameters that are given, each with its place.
    pub with: Vec<(String, Position)>,
}

/// A CALL of ours.
#[derive(Debug, Clone)]
pub struct Send {
    /// The action.
    pub action: String,
    /// The payload.
    pub payload: Template,
    /// What must hold of the CALLRESULT.
    pub checks: Checks,
    /// The answer must be a CALLERROR with one of these codes.
    pub expect_error: Option<Vec<ErrorCode>>,
    /// A CALLRESULT or a CALLERROR will do; checks apply to the former, and the codes to the latter where there are any.
    pub error_allowed: bool,
    /// The connection may be closed instead of an answer.
    pub lost_allowed: bool,
    /// Seconds for the answer.
    pub within: Option<Template>,
}

impl Send {
    /// True where any CALLERROR will do.
    pub fn takes_any_error(&self) -> bool {
        self.error_allowed && self.expect_error.is_none()
    }

    /// True where a CALLRESULT won't do.
    pub fn wants_error(&self) -> bool {
        !self.error_allowed && self.expect_error.is_some()
    }
}

/// A step on the connection.
#[derive(Debug, Clone)]
pub struct Connection {
    /// What to do.
    pub act: ConnectionAct,
    /// End-point, 1 or 2.
    pub endpoint: Option<Template>,
    /// What we offer; yields an [`Offer`](super::connection::Offer).
    pub offer: Option<Template>,
    /// What must come of it.
    pub outcome: Option<Outcome>,
    /// Facts of the attempt that must hold (`status`, `user`, `subprotocol`, `tls.version`, `hello.versions` …).
    pub checks: Checks,
    /// Seconds it may take.
    pub within: Option<Template>,
    /// Only a connection opened after this time (seconds of the run) counts.
    pub since: Option<Template>,
    /// Go on when it does not come about in time.
    pub optional: bool,
}

/// What a step does.
#[derive(Debug, Clone)]
pub enum StepKind {
    /// The SUT must send a CALL.
    Expect(Expect),
    /// We send a CALL.
    Send(Send),
    /// A state or procedure is run.
    Run {
        /// Its name.
        state: String,
        /// Its parameters.
        with: Vec<(String, Template)>,
    },
    /// A manual action.
    Operator {
        /// Which.
        action: &'static ActionInfo,
        /// Its parameters.
        with: Vec<(String, Template)>,
        /// Go on without it when it can't be done here.
        optional: bool,
    },
    /// All of these, in any order.
    AnyOrder(Vec<Arc<Step>>),
    /// The first of these that the SUT takes up.
    OneOf(Vec<Arc<Step>>),
    /// May happen; once begun it must be finished.
    Optional(Vec<Arc<Step>>),
    /// Again and again until the condition holds.
    Repeat {
        /// The steps.
        steps: Vec<Arc<Step>>,
        /// Evaluated after each round.
        until: Template,
    },
    /// The steps once for each element of a list.
    ForEach {
        /// The list.
        items: Template,
        /// The name of the element.
        item: String,
        /// The steps.
        steps: Vec<Arc<Step>>,
        /// One after the other; otherwise in any order.
        in_order: bool,
    },
    /// These, one after the other.
    Group(Vec<Arc<Step>>),
    /// Let time pass, seconds.
    Wait(Template),
    /// Let time pass until nothing has come for a while.
    Settle {
        /// Seconds.
        seconds: Template,
        /// Fewer will do once earlier test cases have shown how soon the SUT is silent.
        by_evidence: bool,
    },
    /// The connection.
    Connection(Connection),
    /// A service of the harness.
    Service {
        /// Which.
        service: &'static ServiceInfo,
        /// What it gets.
        with: Vec<(String, Template)>,
    },
    /// Keep values under names.
    Set(Vec<(String, Template)>),
    /// A condition that must hold.
    Assert {
        /// The condition.
        condition: Template,
        /// What to say when it does not.
        otherwise: Option<String>,
        /// A false condition means that the test can't decide, not that the SUT failed.
        inconclusive: bool,
    },
    /// A sentence for whoever reads the result, which changes no verdict.
    Remark(Template),
    /// No such CALL for so many seconds.
    Never {
        /// The action.
        action: String,
        /// Which.
        matches: Checks,
        /// Seconds.
        during: Template,
    },
}

/// A rule for every message of a kind.
#[derive(Debug, Clone)]
pub struct Always {
    /// The action.
    pub action: String,
    /// Which of them.
    pub matches: Checks,
    /// What must hold; `None`: none may come at all.
    pub checks: Option<Checks>,
    /// Requirements that a breach breaks, where the check that fails names none.
    pub requirements: Requirements,
    /// Where it stands.
    pub at: Position,
    /// The file it stands in.
    pub file: Arc<str>,
}

impl Step {
    /// A step that only does this.
    pub fn bare(at: Position, file: Arc<str>, kind: StepKind) -> Self {
        Self { at, file, when: None, saved_as: None, requirements: Requirements::default(), title: None, kind }
    }

    /// A step that runs a state.
    pub fn run_of(state: &str, with: Vec<(String, Template)>, at: Position, file: Arc<str>) -> Self {
        Self::bare(at, file, StepKind::Run { state: state.to_owned(), with })
    }

    /// The steps as one, which stands where `around` stands.
    pub fn group_of(steps: &[Arc<Step>], around: &Step) -> Self {
        let group = Self::bare(around.at, around.file.clone(), StepKind::Group(steps.to_vec()));
        Self { requirements: around.requirements.clone(), ..group }
    }

    /// A line a person recognises it by: `expect BootNotification`.
    pub fn label(&self) -> String {
        if let Some(title) = &self.title {
            return title.to_string();
        }
        match &self.kind {
            StepKind::Expect(expect) => format!("expect {}", expect.action),
            StepKind::Send(send) => format!("send {}", send.action),
            StepKind::Run { state, .. } => format!("run {state}"),
            StepKind::Operator { action, .. } => format!("operator {}", action.name),
            StepKind::AnyOrder(_) => "any-order".into(),
            StepKind::OneOf(_) => "one-of".into(),
            StepKind::Optional(_) => "optional".into(),
            StepKind::Repeat { .. } => "repeat".into(),
            StepKind::ForEach { item, .. } => format!("for-each {item}"),
            StepKind::Group(_) => "steps".into(),
            StepKind::Wait(_) => "wait".into(),
            StepKind::Settle { .. } => "settle".into(),
            StepKind::Connection(connection) => format!("connection {}", connection.act.word()),
            StepKind::Service { service, .. } => format!("service {}", service.name),
            StepKind::Set(_) => "let".into(),
            StepKind::Assert { condition, .. } => format!("assert {}", condition.text()),
            StepKind::Remark(_) => "remark".into(),
            StepKind::Never { action, .. } => format!("never {action}"),
        }
    }
}
