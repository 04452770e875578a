//! Matchers: what must hold of a value in a message, and the words for when it does not.

mod words;

use regex::Regex;
use serde_json::Value;

use super::{
    composite_of::CompositeOf,
    path::Place,
    requirements::Requirements,
    template::{Lookup, Over, Template, TemplateError},
};
use crate::{certificate, protocol::composite::Difference};

pub use super::path::Path;

/// Path → matcher, all of which must hold.
#[derive(Debug, Clone, Default)]
pub struct Checks {
    /// In the file's order.
    pub entries: Vec<(Path, Matcher)>,
}

/// What a value must be.
#[derive(Debug, Clone)]
pub enum Matcher {
    /// Equal; an object must have at least these members.
    Is(Template),
    /// The same text without regard to case, where the protocol has none.
    Identifier(Template),
    /// One of these.
    OneOf(Vec<Matcher>),
    /// Not there at all.
    Absent,
    /// There, whatever it is.
    Present,
    /// Anything but this (absent counts as not being it).
    Not(Box<Matcher>),
    /// Text that the pattern matches.
    Matches(Box<Regex>),
    /// A number or time at least this.
    AtLeast(Template),
    /// A number or time at most this.
    AtMost(Template),
    /// A number or time near this one, within so many (seconds).
    Near(Template, Template),
    /// A number or time at a distance from another.
    After(Box<After>),
    /// Every element of a list (which may be empty).
    Each(Box<Matcher>),
    /// At least one element of a list.
    Any(Box<Matcher>),
    /// A list, or a text with comma-separated members, that contains this.
    Contains(Template),
    /// One of the values in a list that an expression yields.
    AnyOf(Template),
    /// The same idToken, or idTag: the text without regard to case, and the type where one is given.
    Token(Template),
    /// The hash data of a chain's first certificate, in whichever algorithm, digits in any case.
    HashOf(Template),
    /// The composite schedule that charging profiles make.
    CompositeOf(Box<CompositeOf>),
    /// Holds only where the condition does; the condition sees the payload's members by name.
    When(Template, Box<Matcher>),
    /// An object's members.
    Members(Checks),
    /// All of these.
    All(Vec<Matcher>),
    /// What a breach of the inner one breaks: requirements of its own, instead of the step's.
    Citing(Requirements, Box<Matcher>),
    /// What a breach of the inner one says: a sentence of the author's, instead of what was wrong in general.
    Saying(Template, Box<Matcher>),
}

/// A number or a time at a distance from another, seconds for times.
#[derive(Debug, Clone)]
pub struct After {
    /// From where it is counted.
    pub at: Template,
    /// How far.
    pub distance: Distance,
    /// How much it may be off.
    pub tolerance: Template,
}

/// How far something is from something else.
#[derive(Debug, Clone)]
pub enum Distance {
    /// So far.
    Plus(Template),
    /// A multiple of this, before or after.
    Every(Template),
}

impl After {
    fn holds(&self, value: Option<&Value>, names: &dyn Lookup) -> Result<bool, TemplateError> {
        let tolerance = self.tolerance.number(names)?;
        let apart = compare(value, &*self.at.value(names)?);
        let off = match &self.distance {
            Distance::Plus(plus) => {
                let plus = plus.number(names)?;
                apart.map(|apart| (apart - plus).abs())
            }
            Distance::Every(every) => {
                let every = every.number(names)?;
                apart.map(|apart| apart.abs() % every).map(|rest| rest.min(every - rest))
            }
        };
        Ok(off.is_some_and(|off| off <= tolerance))
    }
}

/// What is at the place of a check that does not hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Found {
    /// Nothing.
    #[default]
    Absent,
    /// Nothing, because there is nothing around it: the JSON pointer of what is missing.
    AbsentWith(String),
    /// A value, as JSON.
    Value(String),
}

impl std::fmt::Display for Found {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Found::Absent => f.write_str("absent"),
            Found::AbsentWith(missing) => write!(f, "absent: there is no {missing}"),
            Found::Value(value) => f.write_str(value),
        }
    }
}

/// A check that does not hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mismatch {
    /// JSON pointer to the place.
    pub pointer: String,
    /// What was expected there.
    pub expected: String,
    /// What was found.
    pub found: Found,
    /// The requirements that the check names, the innermost counting; none: those of the step.
    pub requirements: Vec<String>,
    /// What the check says of it, the innermost counting; none: that it is not as expected.
    pub message: Option<String>,
}

impl Mismatch {
    /// Tells of what is absent because something around it is, which that is: `absent: there is no /evse`.
    fn with_what_is_missing_around(mut self, payload: &Value) -> Self {
        if self.found == Found::Absent && payload.pointer(&self.pointer).is_none() {
            let around = self.pointer.char_indices().skip(1).filter(|&(_, letter)| letter == '/');
            let missing = around.map(|(end, _)| &self.pointer[..end]).find(|around| payload.pointer(around).is_none());
            if let Some(missing) = missing {
                self.found = Found::AbsentWith(missing.to_owned());
            }
        }
        self
    }
}

/// Whether a mismatch is described, or only whether there is one matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Words {
    Wanted,
    Unwanted,
}

impl Checks {
    /// True when there is nothing to check.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// True when a path with this name is among them.
    pub fn mentions(&self, path: &str) -> bool {
        self.entries.iter().any(|(known, _)| known.text() == path)
    }

    /// What is looked at in a payload: for each thing that is demanded, in words, the places where it is.
    pub fn demands(&self, payload: &Value) -> Vec<Demand> {
        let mut found = Vec::new();
        self.collect(Some(payload), "", "", &mut found);
        found
    }

    fn collect(&self, value: Option<&Value>, pointer: &str, around: &str, found: &mut Vec<Demand>) {
        for (path, matcher) in &self.entries {
            let words = if around.is_empty() { path.text().to_owned() } else { format!("{around}.{}", path.text()) };
            match value {
                Some(value) => {
                    for (place, inner) in path.places(value) {
                        matcher.collect(inner, &format!("{pointer}{place}"), &words, found);
                    }
                }
                None => matcher.collect(None, &format!("{pointer}/{}", path.text()), &words, found),
            }
        }
    }

    /// Everything that does not hold of a payload.
    pub fn mismatches(&self, payload: &Value, names: &dyn Lookup) -> Result<Vec<Mismatch>, TemplateError> {
        let mut found = Vec::new();
        let examined = self.examine(payload, Place::At(""), names, Words::Wanted, &mut |mismatch| {
            found.push(mismatch.with_what_is_missing_around(payload));
        });
        // What is wrong is wrong, whatever can't be told of the rest.
        if found.is_empty() { examined.map(|()| found) } else { Ok(found) }
    }

    /// True when nothing is found; an expression that can't be evaluated counts, whatever else is found.
    pub fn hold(&self, payload: &Value, names: &dyn Lookup) -> Result<bool, TemplateError> {
        let mut holds = true;
        let examined = self.examine(payload, Place::At(""), names, Words::Unwanted, &mut |_| holds = false);
        if holds { examined.map(|()| true) } else { Ok(false) }
    }

    fn examine(
        &self,
        payload: &Value,
        at: Place<'_>,
        names: &dyn Lookup,
        words: Words,
        found: &mut dyn FnMut(Mismatch),
    ) -> Result<(), TemplateError> {
        let mut failed = None;
        for (path, matcher) in &self.entries {
            let examined = path.each(payload, at, &mut |value, place| {
                if let Some(mismatch) = matcher.examine(value, place, payload, names, words)? {
                    found(mismatch);
                }
                Ok(())
            });
            // One check that can't be made keeps none of the others from being made.
            failed = failed.or(examined.err());
        }
        failed.map_or(Ok(()), Err)
    }

    /// Every requirement that a check names, under whatever condition.
    pub fn cited(&self) -> Vec<&str> {
        let mut found = Vec::new();
        for (_, matcher) in &self.entries {
            matcher.cite(&mut found);
        }
        found
    }
}

/// True if one of several holds. One that can't be told does not matter if another holds.
fn any_holds(each: impl Iterator<Item = Result<Option<Mismatch>, TemplateError>>) -> Result<bool, TemplateError> {
    let mut failed = None;
    for one in each {
        match one {
            Ok(None) => return Ok(true),
            Ok(Some(_)) => {}
            Err(error) => failed = failed.or(Some(error)),
        }
    }
    failed.map_or(Ok(false), Err)
}

/// The composite schedules among which a message has the choice; none if it has another one.
fn composites(alternatives: &[Matcher]) -> Option<Vec<&CompositeOf>> {
    let schedules = alternatives.iter().map(|matcher| match matcher {
        Matcher::CompositeOf(composite) => Some(&**composite),
        _ => None,
    });
    schedules.collect()
}

/// One thing that is demanded of a payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Demand {
    /// Where, as it is written: `setVariableResult[0].attributeStatus`.
    pub words: String,
    /// JSON pointers of the values.
    pub places: Vec<String>,
    /// What is demanded is that there is nothing.
    pub absence: bool,
    /// It is only demanded under a condition.
    pub conditional: bool,
    /// What is demanded is that there is something, whatever it is.
    pub presence: bool,
}

impl Matcher {
    fn collect(&self, value: Option<&Value>, pointer: &str, words: &str, found: &mut Vec<Demand>) {
        let mut each = |matcher: &Matcher, words: String| {
            for (index, item) in value.and_then(Value::as_array).into_iter().flatten().enumerate() {
                matcher.collect(Some(item), &format!("{pointer}/{index}"), &words, found);
            }
        };
        match self {
            Matcher::Members(checks) => checks.collect(value, pointer, words, found),
            Matcher::Each(matcher) => each(matcher, format!("{words}[each]")),
            Matcher::Any(matcher) => each(matcher, format!("{words}[any]")),
            Matcher::Not(matcher) | Matcher::Citing(_, matcher) | Matcher::Saying(_, matcher) => {
                matcher.collect(value, pointer, words, found);
            }
            Matcher::When(_, matcher) => {
                let before = found.len();
                matcher.collect(value, pointer, words, found);
                found[before..].iter_mut().for_each(|demand| demand.conditional = true);
            }
            Matcher::All(matchers) => {
                for matcher in matchers {
                    matcher.collect(value, pointer, words, found);
                }
            }
            _ => {
                let place = pointer.to_owned();
                if let Some(known) = found.iter_mut().find(|known| known.words == words) {
                    if !known.places.contains(&place) {
                        known.places.push(place);
                    }
                    return;
                }
                found.push(Demand {
                    words: words.to_owned(),
                    places: vec![place],
                    absence: matches!(self, Matcher::Absent),
                    conditional: false,
                    presence: matches!(self, Matcher::Present),
                });
            }
        }
    }

    /// Checks a value; `None` when it holds.
    pub fn check(
        &self,
        value: Option<&Value>,
        pointer: &str,
        payload: &Value,
        names: &dyn Lookup,
    ) -> Result<Option<Mismatch>, TemplateError> {
        self.examine(value, Place::At(pointer), payload, names, Words::Wanted)
    }

    fn examine(
        &self,
        value: Option<&Value>,
        at: Place<'_>,
        payload: &Value,
        names: &dyn Lookup,
        words: Words,
    ) -> Result<Option<Mismatch>, TemplateError> {
        let holds = match self {
            Matcher::Is(expected) => {
                let expected = expected.value(names)?;
                if expected.is_null() { value.is_none() } else { value.is_some_and(|value| covers(value, &expected)) }
            }
            Matcher::Identifier(expected) => {
                let expected = expected.value(names)?;
                if expected.is_null() {
                    value.is_none()
                } else {
                    value.is_some_and(|value| same_text(value, &expected))
                }
            }
            Matcher::OneOf(matchers) => {
                let each = matchers.iter().map(|matcher| matcher.examine(value, at, payload, names, Words::Unwanted));
                let holds = any_holds(each)?;
                if let (false, Words::Wanted, Some(value), Some(schedules)) =
                    (holds, words, value, composites(matchers))
                {
                    let difference = CompositeOf::none_of(&schedules, value, names)?;
                    return Ok(difference.map(|difference| self.schedule(difference, value, at, names)));
                }
                holds
            }
            Matcher::Absent => value.is_none(),
            Matcher::Present => value.is_some(),
            Matcher::Not(matcher) => matcher.examine(value, at, payload, names, Words::Unwanted)?.is_some(),
            Matcher::Matches(pattern) => value.and_then(Value::as_str).is_some_and(|text| pattern.is_match(text)),
            Matcher::AtLeast(bound) => {
                compare(value, &*bound.value(names)?).is_some_and(|difference| difference >= 0.0)
            }
            Matcher::AtMost(bound) => compare(value, &*bound.value(names)?).is_some_and(|difference| difference <= 0.0),
            Matcher::Near(centre, within) => {
                let within = within.number(names)?;
                compare(value, &*centre.value(names)?).is_some_and(|difference| difference.abs() <= within)
            }
            Matcher::After(after) => after.holds(value, names)?,
            Matcher::Each(matcher) => match value.and_then(Value::as_array) {
                Some(items) => {
                    for (index, item) in items.iter().enumerate() {
                        let place = Place::Element(&at, index);
                        if let Some(mismatch) = matcher.examine(Some(item), place, payload, names, words)? {
                            return Ok(Some(mismatch));
                        }
                    }
                    true
                }
                None => false,
            },
            Matcher::Any(matcher) => {
                let items = value.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
                // What is wrong with the only one is what is wrong.
                if let ([item], Words::Wanted) = (items, words) {
                    return matcher.examine(Some(item), Place::Element(&at, 0), payload, names, words);
                }
                any_holds(items.iter().map(|item| matcher.examine(Some(item), at, payload, names, Words::Unwanted)))?
            }
            Matcher::Contains(member) => {
                let member = member.value(names)?;
                match value {
                    Some(Value::Array(items)) => items.iter().any(|item| covers(item, &member)),
                    Some(Value::String(text)) => {
                        let member = member.as_str().map_or_else(|| member.to_string(), str::to_owned);
                        text.split(',').any(|part| part.trim() == member)
                    }
                    _ => false,
                }
            }
            Matcher::AnyOf(list) => {
                let list = list.value(names)?;
                list.as_array().is_some_and(|list| value.is_some_and(|value| list.iter().any(|one| covers(value, one))))
            }
            Matcher::Token(token) => {
                let token = token.value(names)?;
                value.is_some_and(|value| same_token(value, &token))
            }
            Matcher::HashOf(chain) => {
                let chain = chain.value(names)?;
                value.is_some_and(|value| certificate::is_hash_of(value, chain.as_str().unwrap_or_default()))
            }
            Matcher::CompositeOf(composite) => {
                let Some(value) = value else { return Ok(Some(self.mismatch(None, at, names, words))) };
                return Ok(composite.difference(value, names)?.map(|difference| match words {
                    Words::Wanted => self.schedule(difference, value, at, names),
                    Words::Unwanted => Mismatch::default(),
                }));
            }
            Matcher::When(condition, matcher) => {
                let names = Over::members(payload, names);
                if !condition.holds(&names)? {
                    return Ok(None);
                }
                return matcher.examine(value, at, payload, &names, words);
            }
            Matcher::Members(checks) => {
                let Some(value) = value else {
                    return Ok(Some(self.mismatch(None, at, names, words)));
                };
                let mut first = None;
                checks.examine(value, at, names, words, &mut |mismatch| {
                    first.get_or_insert(mismatch);
                })?;
                return Ok(first);
            }
            Matcher::All(matchers) => {
                for matcher in matchers {
                    if let Some(mismatch) = matcher.examine(value, at, payload, names, words)? {
                        return Ok(Some(mismatch));
                    }
                }
                true
            }
            Matcher::Citing(requirements, matcher) => {
                let mut found = matcher.examine(value, at, payload, names, words)?;
                let mismatch = found.as_mut().filter(|found| words == Words::Wanted && found.requirements.is_empty());
                if let Some(mismatch) = mismatch {
                    mismatch.requirements = requirements.broken(&Over::members(payload, names));
                }
                return Ok(found);
            }
            Matcher::Saying(sentence, matcher) => {
                let mut found = matcher.examine(value, at, payload, names, words)?;
                let mismatch = found.as_mut().filter(|found| words == Words::Wanted && found.message.is_none());
                if let Some(mismatch) = mismatch {
                    // The sentence may speak of what the message lacks; the finding stands without it.
                    if let Ok(sentence) = sentence.evaluate(&Over::members(payload, names)) {
                        mismatch.message = Some(sentence.as_str().map_or_else(|| sentence.to_string(), str::to_owned));
                    }
                }
                return Ok(found);
            }
        };
        Ok((!holds).then(|| self.mismatch(value, at, names, words)))
    }

    fn mismatch(&self, value: Option<&Value>, at: Place<'_>, names: &dyn Lookup, words: Words) -> Mismatch {
        if words == Words::Unwanted {
            return Mismatch::default();
        }
        Mismatch {
            pointer: at.to_string(),
            expected: self.describe(Some(names)),
            found: value.map_or(Found::Absent, |value| Found::Value(value.to_string())),
            requirements: Vec::new(),
            message: None,
        }
    }

    /// A composite schedule that is wrong.
    fn schedule(&self, difference: Difference, value: &Value, at: Place<'_>, names: &dyn Lookup) -> Mismatch {
        Mismatch {
            expected: difference.expected,
            message: Some(format!("The composite schedule is wrong: {}.", difference.problem)),
            ..self.mismatch(Some(value), at, names, Words::Wanted)
        }
    }

    fn cite<'m>(&'m self, found: &mut Vec<&'m str>) {
        match self {
            Matcher::Citing(requirements, matcher) => {
                found.extend(requirements.ids());
                matcher.cite(found);
            }
            Matcher::OneOf(matchers) | Matcher::All(matchers) => {
                for matcher in matchers {
                    matcher.cite(found);
                }
            }
            Matcher::Not(matcher)
            | Matcher::Each(matcher)
            | Matcher::Any(matcher)
            | Matcher::When(_, matcher)
            | Matcher::Saying(_, matcher) => {
                matcher.cite(found);
            }
            Matcher::Members(checks) => {
                for (_, matcher) in &checks.entries {
                    matcher.cite(found);
                }
            }
            _ => {}
        }
    }
}

/// True when `value` equals `expected`; objects may have more members than expected.
fn covers(value: &Value, expected: &Value) -> bool {
    match (value, expected) {
        (Value::Object(value), Value::Object(expected)) => {
            expected.iter().all(|(name, expected)| value.get(name).is_some_and(|value| covers(value, expected)))
        }
        (Value::Array(value), Value::Array(expected)) => {
            value.len() == expected.len() && value.iter().zip(expected).all(|(value, expected)| covers(value, expected))
        }
        (Value::Number(value), Value::Number(expected)) => value.as_f64() == expected.as_f64(),
        _ => value == expected,
    }
}

fn same_text(value: &Value, expected: &Value) -> bool {
    match (value, expected) {
        (Value::String(value), Value::String(expected)) => value.to_lowercase() == expected.to_lowercase(),
        _ => covers(value, expected),
    }
}

fn same_token(value: &Value, token: &Value) -> bool {
    // An idTag of OCPP 1.6 is text alone.
    let text = |value: &Value| value.get("idToken").unwrap_or(value).as_str().map(str::to_lowercase);
    text(value) == text(token) && token.get("type").is_none_or(|kind| value.get("type") == Some(kind))
}

/// `value - bound`: numbers as they are, times in seconds.
fn compare(value: Option<&Value>, bound: &Value) -> Option<f64> {
    let time = |text: &str| text.parse::<jiff::Timestamp>().ok();
    match (value?, bound) {
        (Value::String(value), Value::String(bound)) if time(bound).is_some() => {
            Some(time(value)?.duration_since(time(bound)?).as_secs_f64())
        }
        (value, bound) => Some(number(value)? - number(bound)?),
    }
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}
