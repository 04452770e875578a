//! The keys of the language: of test cases, of states, and of every kind of step. The reader's checks, the JSON Schema for
//! editors (`cli/schema`) and the tables of `docs/test-cases.md` come of these tables.

use std::collections::BTreeSet;

use super::{
    connection::{ConnectionAct, Outcome},
    service::SERVICES,
};
use crate::{
    manual_action::actions::ACTIONS,
    protocol::{Version, programme::SutKind, semantics::WordSet},
    vocabulary::{Owner, Property, Scope, Takes, words_of},
};

/// A kind of step.
#[derive(Debug)]
pub struct StepInfo {
    /// The key that says which kind it is; it comes first among the keys.
    pub keys: &'static [Property],
    /// What follows the key in the documents, `Action`.
    pub subject: &'static str,
    /// What it does, a sentence.
    pub about: &'static str,
}

impl StepInfo {
    /// The key of the kind.
    pub fn name(&self) -> &'static str {
        self.keys.first().map_or("", |key| key.name)
    }

    /// The kind of a step with these keys, and which of the keys says so. `optional` and `steps` are a kind of their own only
    /// where no other is named: other kinds have an `optional`, too.
    pub fn among<'k>(keys: impl Iterator<Item = &'k str> + Clone) -> Option<&'static StepInfo> {
        let mut named = keys.filter_map(|key| STEPS.iter().find(|step| step.name() == key));
        let first = named.clone().find(|step| !["optional", "steps"].contains(&step.name()));
        first.or_else(|| named.next())
    }

    /// All keys that a step of this kind can have.
    pub fn all_keys(&self) -> Vec<Property> {
        self.keys.iter().chain(&COMMON).copied().collect()
    }

    /// Who owns the keys, for what authors are told.
    pub fn owner(&self, scope: Scope) -> Owner<'static> {
        Owner::of_keys(self.name(), scope)
    }
}

const STEPS_OF: Takes = Takes::Defined("steps");
const CHECKS: Takes = Takes::Defined("checks");
const REQUIREMENT: Property = Property::optional("requirement", Takes::Defined("requirement"));

const fn citing(name: &'static str, is: &'static Takes, members: &'static [Property; 2]) -> Property {
    Property::optional(name, Takes::Either(members, is))
}

const NOT_BEFORE: [Property; 2] = [Property::required("is", Takes::Number), REQUIREMENT];
/// A CALLERROR of ours under a condition.
pub static REFUSAL: [Property; 2] =
    [Property::required("when", Takes::Expression), Property::required("is", Takes::Defined("error-code"))];
/// A distance in time, in a step or in a matcher.
pub static AFTER: [Property; 5] = [
    Property::required("at", Takes::Scalar).about("From where it is counted"),
    Property::optional("plus", Takes::Number).about("How much later"),
    Property::optional("every", Takes::Number).about("A multiple of this away, in a matcher"),
    Property::optional("tolerance", Takes::Number)
        .about("How much it may be off; `bench.time_tolerance` unless it is given"),
    REQUIREMENT,
];
/// What a composite schedule is compared with, in a matcher.
pub static COMPOSITE_OF: [Property; 3] = [
    Property::required("profiles", Takes::Anything).about("The charging profiles in force, a list"),
    Property::optional("begun", Takes::Scalar)
        .about("When relative profiles start; with the schedule unless it is given"),
    Property::optional("most", Takes::Number)
        .about("The limit of the equipment in the unit of the schedule; unknown unless it is given"),
];
const ALONE: [Property; 2] = [Property::required("is", Takes::Switch), REQUIREMENT];

/// The keys that any step can have.
pub const COMMON: [Property; 4] = [
    Property::optional("when", Takes::Expression).about("a condition; if it is false, the step is skipped"),
    Property::optional("as", Takes::Text).about("the name under which its result is kept"),
    Property::optional("requirement", Takes::Defined("requirement")).about("the requirement that a finding names"),
    Property::optional("note", Takes::Scalar).about("a remark for authors"),
];

/// Every kind of step.
pub static STEPS: [StepInfo; 21] = [
    StepInfo {
        keys: &[
            Property::required("expect", Takes::Defined("action")),
            Property::optional("match", Takes::Defined("match")).about("which of them it is"),
            Property::optional("check", CHECKS).about("what must hold of it"),
            Property::optional("reply", Takes::Mapping).about("what we answer; the rest is filled in"),
            Property::optional("reply-error", Takes::Either(&REFUSAL, &Takes::Defined("error-code")))
                .about("answer with this CALLERROR; `{ when: condition, is: code }`, if the condition holds"),
            Property::optional("no-reply", Takes::Expression).about("answer nothing at all if this is true"),
            Property::optional("within", Takes::Number).about("seconds that it may take"),
            citing("no-earlier-than", &Takes::Number, &NOT_BEFORE).about("the second of the run before which it must not come"),
            Property::optional("after", Takes::Members(&AFTER)).about(
                "{ at: second of the run, plus: seconds, tolerance: seconds }: it must come that long after `at`, neither \
                 earlier (which breaks the `requirement` there) nor later, unless `within` says how long it may take",
            ),
            Property::optional("any-time-since", Takes::Number)
                .about("take one that has come since this second of the run, also one that another step has taken"),
            Property::optional("optional", Takes::Expression).about("it may be missing if this is true"),
            citing("nothing-else-before", &Takes::Switch, &ALONE).about("any other CALL before it is a failure"),
        ],
        subject: "Action",
        about: "The SUT must send this CALL.",
    },
    StepInfo {
        keys: &[
            Property::required("send", Takes::Defined("action")),
            Property::optional("payload", Takes::Mapping)
                .about("`requestId`, `remoteStartId` and times are filled in where they are required"),
            Property::optional("check", CHECKS).about("what must hold of the answer"),
            Property::optional("expect-error", Takes::Defined("error-codes")).about("the answer must be a CALLERROR with one of these codes"),
            Property::optional("error-allowed", Takes::Switch).about("a CALLERROR is accepted too; with `expect-error`, it must have one of these codes, and a CALLRESULT is accepted"),
            Property::optional("lost-allowed", Takes::Switch).about("the connection may be closed instead of an answer"),
            Property::optional("within", Takes::Number).about("seconds that the answer may take"),
        ],
        subject: "Action",
        about: "We send this CALL, as soon as no other CALL of ours is waiting for its answer.",
    },
    StepInfo {
        keys: &[
            Property::required("run", Takes::Text),
            Property::optional("with", Takes::Mapping).about("its parameters; `evse` is passed on"),
        ],
        subject: "State",
        about: "Runs a reusable state, a memory state or a procedure.",
    },
    StepInfo {
        keys: &[
            Property::required("operator", Takes::Keyword(manual_actions)),
            Property::optional("with", Takes::Mapping).about("its parameters"),
            Property::optional("optional", Takes::Switch).about("continue if it is not possible"),
        ],
        subject: "action",
        about: "Asks for a manual action, or asks a question; a question answered with no is a failure. With `as` the \
                `outcome` is kept: `asked`, `done`, `not-possible` …",
    },
    StepInfo {
        keys: &[
            Property::required("ask", Takes::Defined("action")),
            Property::optional("payload", Takes::Mapping).about("what the message is to contain"),
            Property::optional("meanwhile", STEPS_OF).about("steps between the question and the message"),
            Property::optional("match", Takes::Defined("match")).about("which message it is"),
            Property::optional("check", CHECKS).about("what must hold of it"),
            Property::optional("reply", Takes::Mapping).about("what we answer; the rest is filled in"),
            Property::optional("reply-error", Takes::Either(&REFUSAL, &Takes::Defined("error-code")))
                .about("answer with this CALLERROR; `{ when: condition, is: code }`, if the condition holds"),
            Property::optional("no-reply", Takes::Expression).about("answer nothing at all if this is true"),
            Property::optional("within", Takes::Number).about("seconds that it may take"),
            citing("nothing-else-before", &Takes::Switch, &ALONE).about("any other CALL before it is a failure"),
        ],
        subject: "Action",
        about: "Asks the operator of a CSMS under test to let it send this CALL to our station, and expects the CALL: \
                `operator: send` and `expect` in one.",
    },
    StepInfo {
        keys: &[
            Property::required("get", Takes::Defined("variables")),
            Property::optional("attribute", Takes::Named(attribute_types)).about("the type of the attribute"),
            Property::optional("status", Takes::Anything)
                .about("matcher for the status of each result, or `any`; `Accepted` unless it is given"),
            Property::optional("check", CHECKS).about("what must hold of each result"),
            Property::optional("error-allowed", Takes::Switch).about("a CALLERROR is accepted too"),
            Property::optional("within", Takes::Number).about("seconds that the answer may take"),
        ],
        subject: "Component.Variable",
        about: "Reads a variable of a station under test: a name, a list of names, or a mapping of names to matchers for \
                the values. A name is `Component[evse].Variable[instance]`.",
    },
    StepInfo {
        keys: &[
            Property::required("set", Takes::Mapping),
            Property::optional("attribute", Takes::Named(attribute_types)).about("the type of the attribute"),
            Property::optional("status", Takes::Anything)
                .about("matcher for the status of each result, or `any`; `Accepted` unless it is given"),
            Property::optional("check", CHECKS).about("what must hold of each result"),
            Property::optional("error-allowed", Takes::Switch).about("a CALLERROR is accepted too"),
            Property::optional("within", Takes::Number).about("seconds that the answer may take"),
        ],
        subject: "{ Component.Variable: value }",
        about: "Sets variables of a station under test.",
    },
    StepInfo {
        keys: &[Property::required("any-order", STEPS_OF)],
        subject: "steps",
        about: "All of these, in any order.",
    },
    StepInfo {
        keys: &[Property::required("one-of", STEPS_OF)],
        subject: "steps",
        about: "The first of these that the SUT takes up.",
    },
    StepInfo {
        keys: &[Property::required("optional", STEPS_OF)],
        subject: "steps",
        about: "These may happen; a group that has begun must be completed.",
    },
    StepInfo {
        keys: &[
            Property::required("repeat", STEPS_OF),
            Property::required("until", Takes::Expression).about("the condition, checked after each round"),
        ],
        subject: "steps",
        about: "Repeats the steps until the condition holds.",
    },
    StepInfo {
        keys: &[
            Property::required("for-each", Takes::Text),
            Property::required("in", Takes::List(&Takes::Anything)).about("the list"),
            Property::optional("order", Takes::Keyword(orders))
                .about("`any`: in any order; `listed`, one after the other, unless it is given"),
            Property::required("do", STEPS_OF).about("the steps"),
        ],
        subject: "name",
        about: "Runs the steps for every element of a list; the element has this name in them.",
    },
    StepInfo {
        keys: &[Property::required("steps", STEPS_OF)],
        subject: "steps",
        about: "These, one after the other.",
    },
    StepInfo {
        keys: &[Property::required("wait", Takes::Number)],
        subject: "seconds",
        about: "Lets time pass.",
    },
    StepInfo {
        keys: &[
            Property::required("settle", Takes::Number),
            Property::optional("by-evidence", Takes::Switch)
                .about("fewer will do once earlier test cases have shown how soon the SUT is silent"),
        ],
        subject: "seconds",
        about: "Waits until no message has come for that long.",
    },
    StepInfo {
        keys: &[
            Property::required("connection", Takes::Keyword(connection_acts)),
            Property::optional("endpoint", Takes::Number)
                .about("1 or 2; without it the one that the SUT is or was last connected to"),
            Property::optional("offer", Takes::Mapping).about("what we offer"),
            Property::optional("outcome", Takes::Keyword(outcomes)).about("the expected outcome"),
            Property::optional("check", CHECKS).about(
                "facts of the connection: `identity`, `user`, `subprotocol`, `tls.version`, `hello.suites`, `certificate` \
                 (the SUT's: `subject`, `serial`, `key`) …",
            ),
            Property::optional("within", Takes::Number).about("seconds that it may take"),
            Property::optional("since", Takes::Number).about("only a connection opened after this second of the run counts"),
            Property::optional("optional", Takes::Switch).about("continue if it does not happen"),
        ],
        subject: "act",
        about: "Waits for a connection event, or acts on the connection.",
    },
    StepInfo {
        keys: &[
            Property::required("service", Takes::Keyword(services)),
            Property::optional("with", Takes::Mapping).about("its parameters"),
        ],
        subject: "name",
        about: "Uses a service of the harness; `as` keeps what it yields.",
    },
    StepInfo {
        keys: &[Property::required("let", Takes::Mapping)],
        subject: "{ name: value }",
        about: "Keeps values under names.",
    },
    StepInfo {
        keys: &[
            Property::required("assert", Takes::Expression),
            Property::optional("otherwise", Takes::Scalar).about("what the finding says if it is false"),
            Property::optional("inconclusive", Takes::Switch)
                .about("a false condition only means that the test case cannot decide"),
        ],
        subject: "condition",
        about: "A condition must hold.",
    },
    StepInfo {
        keys: &[Property::required("remark", Takes::Defined("sentence"))],
        subject: "sentence",
        about: "Adds a sentence to the remarks of the result: an assumption that was made, something that could not be \
                checked. It decides nothing.",
    },
    StepInfo {
        keys: &[
            Property::required("never", Takes::Defined("action")),
            Property::optional("match", Takes::Defined("match")).about("which of them"),
            Property::required("during", Takes::Number).about("seconds; for all of the test there is `always`"),
        ],
        subject: "Action",
        about: "The SUT must not send this CALL.",
    },
];

const PROTOCOLS: Property = Property::required("protocols", Takes::List(&Takes::Keyword(versions)))
    .about("The versions of OCPP whose test case it is");

const DIFFERENCES: Property = Property::optional("differences", Takes::Mapping)
    .about("Per version of OCPP: what differs there from the versions before it");

/// The keys of a test case.
pub static TEST_CASE: [Property; 20] = [
    Property::required("id", Takes::Text).about("As in Part 6, and the file's name"),
    Property::required("title", Takes::Scalar),
    Property::required("sut", Takes::Keyword(suts)).about("The side under test"),
    Property::required("block", Takes::Text).about("The functional block"),
    PROTOCOLS,
    Property::optional("steps-for", Takes::List(&Takes::Keyword(versions)))
        .about("The versions for which the steps hold, where those are not all of `protocols`; for the others it has no steps yet"),
    Property::optional("use-cases", Takes::Defined("use-cases")),
    Property::optional("requirements", Takes::Defined("ids")).about("As Part 6 lists them"),
    Property::optional("further-requirements", Takes::Defined("reasons"))
        .about("Requirements that it proves and Part 6 does not list, each with the reason"),
    Property::optional("purpose", Takes::Scalar),
    Property::required("certification", Takes::Defined("certification"))
        .about("Per version of OCPP and baseline, each holding until the next one named"),
    Property::optional("note", Takes::Scalar).about("The chosen reading, where the specification is ambiguous"),
    DIFFERENCES,
    Property::optional("exclusive", Takes::Text).about("Why it runs alone and after all others"),
    Property::optional("needs", Takes::OneOrMore(&Takes::Members(&NEED))).about("What the bench must provide"),
    Property::optional("variants", Takes::List(&Takes::Mapping)).about("The steps run once for each"),
    Property::optional("before", Takes::Members(&BEFORE)),
    Property::optional("steps", STEPS_OF),
    Property::optional("always", Takes::List(&Takes::Members(&ALWAYS)))
        .about("Rules for every message of a kind, while the steps run"),
    Property::optional("after", STEPS_OF).about("Tidying up, whatever the verdict"),
];

/// The keys of a test case that are no part of the catalogue: what is read only where the test case is to be run.
pub const BODY: [&str; 6] = ["needs", "variants", "before", "steps", "after", "always"];

/// What the bench must provide.
pub static NEED: [Property; 2] = [
    Property::required("that", Takes::Expression).about("A condition"),
    Property::required("otherwise", Takes::Text).about("Why the test case is inconclusive if it is false"),
];

/// What comes before the steps.
pub static BEFORE: [Property; 4] = [
    Property::optional("prepared", Takes::Switch)
        .about("False: without `Prepared`, because the test case is about whether the SUT accepts us"),
    Property::optional("variables", Takes::List(&Takes::Mapping)).about("`Component.Variable: value`, set beforehand"),
    Property::optional("state", Takes::Defined("state")),
    Property::optional("states", STEPS_OF),
];

/// What a list that is a configuration variable must contain.
pub static LIST_SETTING: [Property; 2] =
    [Property::required("contains", Takes::Scalar), Property::optional("without", Takes::OneOrMore(&Takes::Scalar))];

/// A rule of `always`.
pub static ALWAYS: [Property; 6] = [
    Property::optional("every", Takes::Defined("action")),
    Property::optional("never", Takes::Defined("action")),
    Property::optional("match", Takes::Defined("match")),
    Property::optional("check", CHECKS),
    REQUIREMENT,
    Property::optional("note", Takes::Scalar),
];

/// The keys of a state or procedure.
pub static STATE: [Property; 11] = [
    Property::required("state", Takes::Text).about("Its name, as in Part 6, and the file's name"),
    Property::required("sut", Takes::Keyword(suts)),
    PROTOCOLS,
    Property::optional("kind", Takes::Keyword(state_kinds)),
    Property::required("purpose", Takes::Scalar),
    Property::optional("requirements", Takes::Defined("ids")).about("What its steps prove"),
    Property::optional("note", Takes::Scalar),
    DIFFERENCES,
    Property::optional("parameters", Takes::Mapping).about("With their defaults"),
    Property::optional("steps", STEPS_OF),
    Property::optional("reached", Takes::Mapping).about("Facts of the EVSE that hold afterwards"),
];

/// The types of a variable's attribute.
fn attribute_types(scope: Scope) -> Vec<String> {
    words_of(WordSet::AttributeTypes, scope)
}

fn orders(_: Scope) -> Vec<String> {
    ["listed", "any"].map(str::to_owned).to_vec()
}

fn manual_actions(_: Scope) -> Vec<String> {
    ACTIONS.iter().map(|action| action.name.to_owned()).collect()
}

fn services(_: Scope) -> Vec<String> {
    SERVICES.iter().map(|service| service.name.to_owned()).collect()
}

fn connection_acts(_: Scope) -> Vec<String> {
    ConnectionAct::WORDS.iter().map(|&word| word.to_owned()).collect()
}

fn outcomes(_: Scope) -> Vec<String> {
    Outcome::OF_HANDSHAKE.iter().chain(&Outcome::OF_CONNECT).map(|&word| word.to_owned()).collect()
}

fn state_kinds(_: Scope) -> Vec<String> {
    ["reusable", "memory", "procedure"].map(str::to_owned).to_vec()
}

fn suts(_: Scope) -> Vec<String> {
    SutKind::WORDS.map(|(word, _)| word.to_owned()).to_vec()
}

fn versions(_: Scope) -> Vec<String> {
    Version::WORDS.map(|(word, _)| word.to_owned()).to_vec()
}

/// Every error code, for the schema.
pub fn error_codes() -> Vec<String> {
    let all = Version::ALL.into_iter().flat_map(|version| version.protocol().error_codes.all);
    all.map(|&code| code.to_owned()).collect::<BTreeSet<String>>().into_iter().collect()
}
