//! What was found wrong, until it becomes a failure of the result.

use indexmap::IndexMap;
use serde_json::Value;

use crate::{
    protocol::{messages::SchemaError, rules::Rule, session::Breach},
    testcase::{
        matcher::{Found, Mismatch},
        model::Step,
    },
    verdict::FurtherPlace,
    yaml::shorten,
};

/// Most further places of one message that a finding names.
const MAX_FURTHER: usize = 20;

/// A finding in the making.
#[derive(Debug, Clone, Default)]
pub(crate) struct Finding {
    pub(crate) step: String,
    pub(crate) source: Option<String>,
    pub(crate) message: String,
    pub(crate) expected: Option<String>,
    pub(crate) found: Option<String>,
    pub(crate) frame: Option<String>,
    pub(crate) pointer: Option<String>,
    pub(crate) requirements: Vec<String>,
    pub(crate) further: Vec<FurtherPlace>,
    pub(crate) waited_s: Option<f64>,
    /// It came in between, and says nothing of what the steps around it prove.
    pub(crate) in_between: bool,
    /// A step found it, and not a rule that holds for every test.
    pub(crate) of_step: bool,
    /// The rule for every test that is broken.
    pub(crate) rule: Option<Rule>,
    /// The protocol itself is broken, whatever the step is for: a failure in the preparation, too.
    pub(crate) breach: bool,
}

impl Finding {
    pub(crate) fn new(step: impl Into<String>, message: impl Into<String>) -> Self {
        Self { step: step.into(), message: message.into(), ..Self::default() }
    }

    /// A breach of a rule that holds for every test.
    pub(crate) fn of_rule(rule: Rule, message: impl Into<String>) -> Self {
        Self { rule: Some(rule), ..Self::new(rule.step(), message) }
    }

    /// At a step. What it breaks is what the step, or the nearest around it, has been noted to prove.
    pub(crate) fn at(step: &Step, path: &str, message: impl Into<String>) -> Self {
        Self {
            source: Some(format!("{}:{}", file_name(&step.file), step.at.line)),
            of_step: true,
            ..Self::new(path, message)
        }
    }

    /// What checks found in one message, at least one mismatch: the first is told in full, the others as further places. The
    /// requirements that a check names stand instead of the step's. The message of this finding is the subject: `TransactionEvent`.
    pub(crate) fn mismatches(mut self, found: &[Mismatch], frame: &str) -> Self {
        let Some((first, others)) = found.split_first() else { return self };
        let sent = sent(frame);
        self.message = what_is_wrong(&self.message, first, others.len());
        let mut finding = self.mismatch(first, frame);
        finding.found = Some(shorten(&as_sent(first, sent.as_ref()), 500));
        let further = |mismatch: &Mismatch| FurtherPlace {
            message: mismatch.message.clone(),
            expected: expected(mismatch),
            found: shorten(&as_sent(mismatch, sent.as_ref()), 500),
            requirements: mismatch.requirements.clone(),
        };
        finding.further = others.iter().take(MAX_FURTHER).map(further).collect();
        finding
    }

    /// Where a message does not follow its schema: the first place is told in full, the others as further places.
    pub(crate) fn of_schema(mut self, errors: &[SchemaError], payload: &Value, frame: &str) -> Self {
        let mut places: IndexMap<String, Vec<&SchemaError>> = IndexMap::new();
        for error in errors {
            places.entry(error.place()).or_default().push(error);
        }
        let told = |place: &str, errors: &[&SchemaError]| {
            let expected: Vec<&str> = errors.iter().filter_map(|error| error.expected.as_deref()).collect();
            let found = payload.pointer(place).map_or_else(|| "absent".to_owned(), Value::to_string);
            // What has no words for what would be right says itself what is wrong.
            let wrong = errors.iter().find(|error| error.expected.is_none()).map(|error| error.message.clone());
            (expected.join(", "), shorten(&wrong.unwrap_or(found), 500))
        };
        let mut places = places.iter();
        if let Some((place, errors)) = places.next() {
            let (expected, found) = told(place, errors);
            self.pointer = Some(place.clone());
            self.expected = Some(expected).filter(|expected| !expected.is_empty());
            self.found = Some(found);
        }
        let further = |(place, errors): (&String, &Vec<&SchemaError>)| {
            let (expected, found) = told(place, errors);
            FurtherPlace { message: None, expected: format!("{place} {expected}"), found, requirements: Vec::new() }
        };
        if places.len() > 0 {
            self.message = format!("{}, in {} places", self.message, places.len() + 1);
        }
        self.further = places.take(MAX_FURTHER).map(further).collect();
        self.frame = Some(shorten(frame, 4000));
        self
    }

    fn mismatch(mut self, mismatch: &Mismatch, frame: &str) -> Self {
        self.expected = Some(expected(mismatch));
        self.pointer = Some(mismatch.pointer.clone());
        self.frame = Some(shorten(frame, 4000));
        if let Some(message) = &mismatch.message {
            self.message.clone_from(message);
        }
        self.of(mismatch.requirements.clone())
    }

    /// Requirements that stand instead of the step's, where there are any.
    pub(crate) fn of(mut self, requirements: Vec<String>) -> Self {
        if !requirements.is_empty() {
            self.requirements = requirements;
        }
        self
    }
}

/// What is wrong with a message, in one sentence: the member, or how many places.
fn what_is_wrong(subject: &str, first: &Mismatch, others: usize) -> String {
    // An element of a list has no name of its own.
    let last = first.pointer.rsplit('/').next().filter(|last| last.parse::<usize>().is_err());
    let member = last.unwrap_or(&first.pointer);
    match (&first.found, first.expected.as_str()) {
        _ if others > 0 => format!("{subject} is wrong in {} places", others + 1),
        _ if member.is_empty() => format!("{subject} is not as expected"),
        (Found::Absent | Found::AbsentWith(_), _) => format!("{subject} lacks {member}"),
        (Found::Value(_), "absent") => format!("{subject} must not have {member}"),
        (Found::Value(_), _) => format!("{subject} has a wrong {member}"),
    }
}

/// The payload as it was sent: what is judged has the schema's default values filled in.
fn sent(frame: &str) -> Option<Value> {
    let Ok(Value::Array(mut frame)) = serde_json::from_str(frame) else { return None };
    // That of a CALL or SEND is the fourth element, that of a CALLRESULT the third.
    if (3..=4).contains(&frame.len()) { frame.pop() } else { None }
}

/// What was found, as the SUT has written it.
fn as_sent(mismatch: &Mismatch, sent: Option<&Value>) -> String {
    let value = matches!(mismatch.found, Found::Value(_));
    let written = sent.filter(|_| value).and_then(|sent| sent.pointer(&mismatch.pointer));
    written.map_or_else(|| mismatch.found.to_string(), Value::to_string)
}

impl From<Breach> for Finding {
    fn from(breach: Breach) -> Self {
        Self {
            expected: breach.expected,
            found: breach.found,
            pointer: breach.pointer,
            frame: breach.frame,
            requirements: breach.requirements,
            ..Self::of_rule(breach.rule, breach.message)
        }
    }
}

fn expected(mismatch: &Mismatch) -> String {
    format!("{} {}", mismatch.pointer, mismatch.expected)
}

pub(crate) fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}
