//! Faults: what a simulated product is made to do wrong, for users to see what a failure looks like, and for tests.
//!
//! The products know nothing of it. Faults stand between a product and its link ([`FaultyLink`]): messages are changed,
//! lost, held or added there, and the bytes of its connections below that ([`wire`]). What a fault is and how it is
//! written is told by `docs/faulty-peers.md`.

mod kinds;
mod layer;
mod message;
mod named;
mod reader;
#[cfg(test)]
mod tests;
mod units;
mod wire;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use serde_json::Value;

use self::kinds::{Setting, Takes};
pub use self::{
    kinds::{Kind, list},
    layer::FaultyLink,
    named::names,
    reader::FaultError,
};
use crate::protocol::{Protocol, Version};

/// One side of an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Part {
    /// A CALL.
    Call,
    /// A CALLRESULT or CALLERROR.
    Response,
}

impl Part {
    const ALL: [Self; 2] = [Part::Call, Part::Response];

    fn word(self) -> &'static str {
        match self {
            Part::Call => "call",
            Part::Response => "response",
        }
    }
}

/// Which of many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Which {
    /// All of them.
    Every,
    /// The one with this number, from 1.
    Nth(u32),
    /// That one and all after it.
    From(u32),
}

impl Which {
    fn includes(self, number: u32) -> bool {
        match self {
            Which::Every => true,
            Which::Nth(wanted) => number == wanted,
            Which::From(first) => number >= first,
        }
    }
}

/// Where a fault happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// To messages.
    Messages {
        /// Of this action; none: of any.
        action: Option<String>,
        /// CALLs or answers; none: both.
        part: Option<Part>,
        /// Which of them.
        which: Which,
    },
    /// To connection attempts.
    Connections(Which),
}

/// One fault: what goes wrong, and where. It is read from and shown as the text of `--fault`.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    /// The version of OCPP whose messages it names.
    version: Version,
    /// Its name, where it was given by that.
    name: Option<&'static str>,
    kind: Kind,
    place: Place,
    /// Parameters as given.
    settings: Vec<(&'static str, Setting)>,
    /// Members that it names, with the values that they get.
    members: Vec<(String, Option<Value>)>,
    /// Only messages that have this value at this place.
    when: Option<(String, Value)>,
}

impl Fault {
    /// Reads a fault of a product that speaks this version of OCPP.
    ///
    /// # Errors
    ///
    /// With the place of the first mistake, and what to do.
    pub fn read(protocol: &'static Protocol, text: &str) -> Result<Self, FaultError> {
        reader::read(protocol, text)
    }

    /// What goes wrong.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    fn setting(&self, name: &str) -> Option<&Setting> {
        self.settings.iter().find(|(given, _)| *given == name).map(|(_, setting)| setting)
    }

    /// What a parameter is where nobody says.
    fn default(&self, name: &str) -> Option<Takes> {
        self.kind.info().parameters.iter().find(|parameter| parameter.name == name).map(|parameter| parameter.takes)
    }

    /// A parameter that is a number or a size, with its default; `None` where it has neither.
    fn number(&self, name: &str) -> Option<u64> {
        match (self.setting(name), self.default(name)) {
            (Some(Setting::Count(given) | Setting::Bytes(given)), _) => Some(*given),
            (_, Some(Takes::Count { default, .. } | Takes::Bytes { default, .. })) => Some(default),
            _ => None,
        }
    }

    fn time(&self, name: &str) -> Duration {
        match (self.setting(name), self.default(name)) {
            (Some(Setting::Time(given)), _) => *given,
            (_, Some(Takes::Time(milliseconds))) => Duration::from_millis(milliseconds),
            _ => Duration::ZERO,
        }
    }

    fn text(&self, name: &str) -> String {
        match (self.setting(name), self.default(name)) {
            (Some(Setting::Text(given)), _) => given.clone(),
            (_, Some(Takes::Text(default))) => default.to_owned(),
            _ => String::new(),
        }
    }
}

/// How often a fault could have happened, and did.
#[derive(Debug, Default)]
struct Tally {
    /// Messages or connections of the kind that it names, at most in the life of one product.
    seen: AtomicU32,
    /// How often it happened.
    done: AtomicU32,
}

impl Tally {
    fn saw(&self, number: u32) {
        self.seen.fetch_max(number, Ordering::Relaxed);
    }
}

type Witness = Arc<dyn Fn(&Fault) + Send + Sync>;

/// The faults of a product, and how often they happened. Clones count together.
#[derive(Clone, Default)]
pub struct Faults {
    list: Arc<[Fault]>,
    /// Over all products that have them.
    all: Arc<[Tally]>,
    /// Over this product alone.
    own: Arc<[Tally]>,
    witness: Option<Witness>,
}

impl std::fmt::Debug for Faults {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.list.iter().map(ToString::to_string)).finish()
    }
}

impl PartialEq for Faults {
    fn eq(&self, other: &Self) -> bool {
        self.list == other.list
    }
}

fn tallies(number: usize) -> Arc<[Tally]> {
    (0..number).map(|_| Tally::default()).collect()
}

impl FromIterator<Fault> for Faults {
    fn from_iter<I: IntoIterator<Item = Fault>>(faults: I) -> Self {
        let list: Arc<[Fault]> = faults.into_iter().collect();
        Self { all: tallies(list.len()), own: tallies(list.len()), list, witness: None }
    }
}

impl Faults {
    /// True for a sound product.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The faults as they are written.
    pub fn texts(&self) -> Vec<String> {
        self.list.iter().map(ToString::to_string).collect()
    }

    /// The same faults for a product of its own; what comes to pass there counts for this one, too.
    #[must_use]
    pub fn afresh(&self) -> Self {
        Self { own: tallies(self.list.len()), ..self.clone() }
    }

    /// Has whoever looks on told each time a fault comes to pass.
    #[must_use]
    pub fn witnessed(self, witness: impl Fn(&Fault) + Send + Sync + 'static) -> Self {
        Self { witness: Some(Arc::new(witness)), ..self }
    }

    /// A fault could have come to pass for the so-manieth time.
    fn saw(&self, index: usize, number: u32) {
        for tallies in [&self.all, &self.own] {
            if let Some(tally) = tallies.get(index) {
                tally.saw(number);
            }
        }
    }

    /// A fault happened.
    fn done(&self, index: usize) {
        for tallies in [&self.all, &self.own] {
            if let Some(tally) = tallies.get(index) {
                tally.done.fetch_add(1, Ordering::Relaxed);
            }
        }
        if let (Some(witness), Some(fault)) = (&self.witness, self.list.get(index)) {
            witness(fault);
        }
    }

    /// The faults that happened in the life of this product, with how often: `fault drop Heartbeat, 2 times`.
    pub fn happened(&self) -> Vec<String> {
        let counted = self.list.iter().zip(self.own.iter());
        counted
            .filter_map(|(fault, tally)| match tally.done.load(Ordering::Relaxed) {
                0 => None,
                1 => Some(format!("fault `{fault}` happened")),
                times => Some(format!("fault `{fault}` happened {times} times")),
            })
            .collect()
    }

    /// The faults that never happened in any product, each with the reason.
    pub fn never_happened(&self) -> Vec<String> {
        let counted = self.list.iter().zip(self.all.iter());
        counted
            .filter(|(_, tally)| tally.done.load(Ordering::Relaxed) == 0)
            .map(|(fault, tally)| {
                format!("fault `{fault}` never happened: {}", fault.missed(tally.seen.load(Ordering::Relaxed)))
            })
            .collect()
    }
}

impl Fault {
    /// Why it never happened, where at most so many of what it names were seen.
    fn missed(&self, seen: u32) -> String {
        let received = self.kind.info().scope == kinds::Scope::Received;
        let (which, what) = match &self.place {
            Place::Connections(which) => (*which, "connection was tried".to_owned()),
            Place::Messages { action, part, which } => {
                let of = action.as_deref().map(|action| format!("{action} ")).unwrap_or_default();
                let kind = match part {
                    None if received => "CALL",
                    None => "message",
                    Some(Part::Call) => "CALL",
                    Some(Part::Response) => "answer",
                };
                (*which, format!("{of}{kind} was {}", if received { "received" } else { "sent" }))
            }
        };
        let condition = if self.when.is_some() { " on this condition" } else { "" };
        let wanted = match which {
            Which::Every => 1,
            Which::Nth(number) | Which::From(number) => number,
        };
        match seen {
            0 => format!("no {what}{condition}"),
            _ if seen < wanted => format!("it applies to number {wanted}, and a product had at most {seen}{condition}"),
            _ => "there was nothing to change".to_owned(),
        }
    }
}
