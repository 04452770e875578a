//! Conditions on the PICS: `C-49 and (C-30 or C-31)`, `not AQ-2`, `HFS-8 > 1`, `ORS-24:HTTP`, `profile:iso-15118`, `MODE-1-2-ONLY`.

use std::fmt;

use crate::{
    pics::{
        Answer, Pics, Profile,
        tables::{AnswerKind, Row},
        words::is_closed_word,
    },
    protocol::Protocol,
};

/// A parsed condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// Both.
    And(Box<Condition>, Box<Condition>),
    /// Either.
    Or(Box<Condition>, Box<Condition>),
    /// Not.
    Not(Box<Condition>),
    /// An id answered with Yes (or with a list that is not empty).
    Id(String),
    /// A numeric id above a bound.
    Above(String, i64),
    /// A list that contains a word.
    Contains(String, String),
    /// The PICS names the profile.
    Profile(Profile),
    /// The product is of the subtype.
    Subtype(&'static str),
}

/// A condition that can't be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("at character {at}: {message}")]
pub struct ConditionError {
    /// Offset in characters, from 0.
    pub at: usize,
    /// What is wrong.
    pub message: String,
}

/// An answer to a condition, with the atoms that decided it, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// Whether it holds.
    pub holds: bool,
    /// `C-13 is No`.
    pub because: Vec<String>,
}

impl Condition {
    /// Parses a condition; `or` binds weaker than `and`, `and` weaker than `not`.
    pub fn parse(text: &str, protocol: &'static Protocol) -> Result<Self, ConditionError> {
        let mut parser = Parser { protocol, tokens: tokens(text)?, next: 0, end: text.chars().count() };
        let condition = parser.or(0)?;
        match parser.peek() {
            None => Ok(condition),
            Some((at, token)) => Err(ConditionError { at: *at, message: format!("`{token}` was not expected here") }),
        }
    }

    /// Answers it for a PICS. Unanswered ids count as No.
    pub fn answer(&self, pics: &Pics) -> Answered {
        match self {
            Condition::And(left, right) => {
                let (left, right) = (left.answer(pics), right.answer(pics));
                match (left.holds, right.holds) {
                    (true, true) => joined(true, left, right),
                    (false, false) => joined(false, left, right),
                    (false, true) => left,
                    (true, false) => right,
                }
            }
            Condition::Or(left, right) => {
                let (left, right) = (left.answer(pics), right.answer(pics));
                match (left.holds, right.holds) {
                    (false, false) => joined(false, left, right),
                    (true, _) => left,
                    (false, true) => right,
                }
            }
            Condition::Not(inner) => {
                let inner = inner.answer(pics);
                Answered { holds: !inner.holds, because: inner.because }
            }
            Condition::Id(id) => {
                let holds = is_yes(id, pics);
                Answered { holds, because: vec![format!("{id} is {}", if holds { "Yes" } else { "No" })] }
            }
            Condition::Above(id, bound) => match pics.number(id) {
                Some(number) => Answered { holds: number > *bound, because: vec![format!("{id} is {number}")] },
                None => Answered { holds: false, because: vec![format!("{id} is not answered")] },
            },
            Condition::Contains(id, word) => {
                let holds = pics.list(id).iter().any(|known| known.eq_ignore_ascii_case(word));
                let lists = if holds { "lists" } else { "does not list" };
                Answered { holds, because: vec![format!("{id} {lists} {word}")] }
            }
            Condition::Profile(profile) => {
                let holds = pics.has_profile(*profile);
                let part = if holds { "part" } else { "not part" };
                Answered { holds, because: vec![format!("profile {} is {part} of this certification", profile.id())] }
            }
            Condition::Subtype(subtype) => {
                let holds = pics.product.subtype.as_deref() == Some(subtype);
                let is = if holds { "is" } else { "is not" };
                Answered { holds, because: vec![format!("the product {is} {subtype}")] }
            }
        }
    }
}

fn joined(holds: bool, left: Answered, right: Answered) -> Answered {
    let mut because = left.because;
    for reason in right.because {
        if !because.contains(&reason) {
            because.push(reason);
        }
    }
    Answered { holds, because }
}

/// Yes, or a list that is not empty. An id without an answer counts as No, a grouping id (C-40) too: certificates
/// leave its cell empty. A PICS that wants it to count answers it itself.
fn is_yes(id: &str, pics: &Pics) -> bool {
    match pics.answer(id) {
        Some(Answer::Bool(value)) => *value,
        Some(Answer::Number(number)) => *number > 0,
        Some(Answer::Text(text)) => !text.is_empty(),
        Some(Answer::List(words)) => !words.is_empty(),
        Some(Answer::Measurands { tested, supported }) => !(tested.is_empty() && supported.is_empty()),
        None => false,
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Condition::And(left, right) => {
                for (index, side) in [left, right].into_iter().enumerate() {
                    if index > 0 {
                        f.write_str(" and ")?;
                    }
                    if matches!(**side, Condition::Or(..)) { write!(f, "({side})")? } else { write!(f, "{side}")? }
                }
                Ok(())
            }
            Condition::Or(left, right) => write!(f, "{left} or {right}"),
            Condition::Not(inner) => match **inner {
                Condition::And(..) | Condition::Or(..) => write!(f, "not ({inner})"),
                _ => write!(f, "not {inner}"),
            },
            Condition::Id(id) => f.write_str(id),
            Condition::Above(id, bound) => write!(f, "{id} > {bound}"),
            Condition::Contains(id, word) => write!(f, "{id}:{word}"),
            Condition::Profile(profile) => write!(f, "profile:{}", profile.id()),
            Condition::Subtype(subtype) => f.write_str(&subtype.to_uppercase()),
        }
    }
}

fn tokens(text: &str) -> Result<Vec<(usize, String)>, ConditionError> {
    let mut tokens: Vec<(usize, String)> = Vec::new();
    let mut word: Option<(usize, String)> = None;
    for (at, c) in text.chars().enumerate() {
        if c.is_ascii_alphanumeric() || "-.:".contains(c) {
            word.get_or_insert_with(|| (at, String::new())).1.push(c);
            continue;
        }
        tokens.extend(word.take());
        match c {
            '(' | ')' | '>' => tokens.push((at, c.to_string())),
            c if c.is_whitespace() => {}
            other => return Err(ConditionError { at, message: format!("`{other}` has no meaning in a condition") }),
        }
    }
    tokens.extend(word);
    Ok(tokens)
}

struct Parser {
    /// Whose ids and profiles are known.
    protocol: &'static Protocol,
    tokens: Vec<(usize, String)>,
    next: usize,
    end: usize,
}

/// Deepest nesting of parentheses and `not`.
const MAX_DEPTH: usize = 64;

impl Parser {
    fn peek(&self) -> Option<&(usize, String)> {
        self.tokens.get(self.next)
    }

    fn take(&mut self, wanted: &str) -> bool {
        let found = self.peek().is_some_and(|(_, token)| token == wanted);
        self.next += usize::from(found);
        found
    }

    fn or(&mut self, depth: usize) -> Result<Condition, ConditionError> {
        let mut left = self.and(depth)?;
        while self.take("or") {
            left = Condition::Or(Box::new(left), Box::new(self.and(depth)?));
        }
        Ok(left)
    }

    fn and(&mut self, depth: usize) -> Result<Condition, ConditionError> {
        let mut left = self.not(depth)?;
        while self.take("and") {
            left = Condition::And(Box::new(left), Box::new(self.not(depth)?));
        }
        Ok(left)
    }

    fn not(&mut self, depth: usize) -> Result<Condition, ConditionError> {
        let at = self.peek().map_or(self.end, |(at, _)| *at);
        if depth > MAX_DEPTH {
            return Err(ConditionError { at, message: "nested too deeply".into() });
        }
        if self.take("not") {
            return Ok(Condition::Not(Box::new(self.not(depth + 1)?)));
        }
        if self.take("(") {
            let inner = self.or(depth + 1)?;
            if !self.take(")") {
                let at = self.peek().map_or(self.end, |(at, _)| *at);
                return Err(ConditionError { at, message: "`)` was expected".into() });
            }
            return Ok(inner);
        }
        let Some((at, word)) = self.peek().cloned() else {
            return Err(ConditionError { at, message: "the condition ends too early".into() });
        };
        self.next += 1;
        if self.take(">") {
            let number = self.peek().and_then(|(_, token)| token.parse().ok());
            self.next += 1;
            return match number {
                Some(bound) if self.protocol.pics_tables().is_known(&word) => Ok(Condition::Above(word, bound)),
                Some(_) => Err(ConditionError { at, message: format!("unknown id `{word}`") }),
                None => Err(ConditionError { at, message: "`>` needs a whole number".into() }),
            };
        }
        if let Some(name) = word.strip_prefix("profile:") {
            return self
                .protocol
                .profile(name)
                .map(Condition::Profile)
                .ok_or_else(|| ConditionError { at, message: format!("unknown certification profile `{name}`") });
        }
        if let Some((id, wanted)) = word.split_once(':') {
            let is_list = |row: &Row| row.kind == AnswerKind::List;
            if !self.protocol.pics_tables().rows_of(id).any(is_list) || !is_closed_word(id, wanted) {
                let message = format!("`{id}` takes no list with the word `{wanted}`");
                return Err(ConditionError { at, message });
            }
            return Ok(Condition::Contains(id.to_owned(), wanted.to_owned()));
        }
        match word.as_str() {
            "MODE-1-2-ONLY" => Ok(Condition::Subtype("mode-1-2-only")),
            "WIRELESS" => Ok(Condition::Subtype("wireless")),
            id if self.protocol.pics_tables().is_known(id) => Ok(Condition::Id(word)),
            other => Err(ConditionError { at, message: format!("unknown id `{other}`") }),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::pics::{Baseline, SutKind};

    fn parse(text: &str) -> Result<Condition, ConditionError> {
        Condition::parse(text, &crate::protocol::OCPP_2_0_1)
    }

    fn pics(yes: &[&str]) -> Pics {
        let mut pics = Pics {
            sut: SutKind::ChargingStation,
            ocpp: crate::protocol::Version::V2_0_1,
            edition: 3,
            baseline: Baseline::B2025_09,
            product: crate::pics::model::Product::default(),
            profiles: vec![Profile::CORE],
            hardware: indexmap::IndexMap::new(),
            evses: vec![],
            features: indexmap::IndexMap::new(),
            questions: indexmap::IndexMap::new(),
            settings: indexmap::IndexMap::new(),
            vendor_settings: vec![],
            performance: crate::pics::model::Performance::default(),
            laboratory: crate::pics::model::Laboratory::default(),
            approval: crate::pics::model::Approval::default(),
            references: crate::pics::model::References::default(),
        };
        pics.hardware.insert("HFS-8".into(), Answer::Number(2));
        pics.settings.insert("ORS-24".into(), Answer::List(vec!["HTTPS".into(), "SFTP".into()]));
        for id in yes {
            pics.features.insert((*id).into(), Answer::Bool(true));
        }
        pics
    }

    #[test]
    fn the_reason_names_what_decided() {
        let condition = parse("C-49 and (C-30 or C-31) and not AQ-2").unwrap();
        let because = |yes: &[&str]| condition.answer(&pics(yes)).because.join(", ");
        assert_eq!(because(&["C-49", "C-31"]), "C-49 is Yes, C-31 is Yes, AQ-2 is No");
        assert_eq!(because(&["C-49"]), "C-30 is No, C-31 is No");
        assert_eq!(because(&["C-30", "C-49", "AQ-2"]), "AQ-2 is Yes");
    }

    #[test]
    fn atoms_of_every_kind() {
        for (text, expected) in [
            ("HFS-8 > 1", true),
            ("HFS-8 > 2", false),
            ("profile:core and not profile:iso-15118", true),
            ("MODE-1-2-ONLY or WIRELESS", false),
            ("C-09", false),
            ("C-09 or C-09.2", true),
            ("ORS-24:HTTPS and not ORS-24:FTP", true),
        ] {
            assert_eq!(parse(text).unwrap().answer(&pics(&["C-09.2"])).holds, expected, "{text}");
        }
    }

    #[test]
    fn mistakes_have_a_place() {
        for (text, at) in [
            ("C-49 and", 8),
            ("C-49 C-30", 5),
            ("(C-49", 5),
            ("C-999", 0),
            ("C-49 & C-30", 5),
            ("not", 3),
            ("ORS-24:GOPHER", 0),
            ("C-49:HTTP", 0),
        ] {
            assert_eq!(parse(text).unwrap_err().at, at, "{text}");
        }
    }

    /// Evaluates a condition by rewriting its text until only T or F is left: slow, simple, independent.
    fn by_rewriting(text: &str, yes: &[&str]) -> bool {
        let mut text = format!("({text})");
        let mut ids: Vec<&str> = ["C-01", "C-02", "C-03", "C-30", "C-31"].into();
        ids.sort_by_key(|id| std::cmp::Reverse(id.len()));
        for id in ids {
            text = text.replace(id, if yes.contains(&id) { "T" } else { "F" });
        }
        let mut text = text.replace(' ', "").replace("not", "!").replace("and", "&").replace("or", "|");
        loop {
            let before = text.clone();
            for (from, to) in [("!T", "F"), ("!F", "T"), ("(T)", "T"), ("(F)", "F")] {
                text = text.replace(from, to);
            }
            if text == before {
                for (from, to) in [("T&T", "T"), ("T&F", "F"), ("F&T", "F"), ("F&F", "F")] {
                    text = text.replacen(from, to, 1);
                }
            }
            if text == before {
                for (from, to) in [("T|T", "T"), ("T|F", "T"), ("F|T", "T"), ("F|F", "F")] {
                    let safe = text
                        .match_indices(from)
                        .map(|(at, _)| at)
                        .find(|at| !text[..*at].ends_with(['&', '!']) && !text[at + 3..].starts_with('&'));
                    if let Some(at) = safe {
                        text.replace_range(at..at + 3, to);
                        break;
                    }
                }
            }
            if text == before {
                return text == "T";
            }
        }
    }

    fn any_condition() -> impl Strategy<Value = Condition> {
        let leaf = prop::sample::select(vec!["C-01", "C-02", "C-03", "C-30", "C-31"])
            .prop_map(|id: &str| Condition::Id(id.to_owned()));
        leaf.prop_recursive(4, 24, 2, |inner| {
            prop_oneof![
                (inner.clone(), inner.clone()).prop_map(|(l, r)| Condition::And(Box::new(l), Box::new(r))),
                (inner.clone(), inner.clone()).prop_map(|(l, r)| Condition::Or(Box::new(l), Box::new(r))),
                inner.prop_map(|inner| Condition::Not(Box::new(inner))),
            ]
        })
    }

    proptest! {
        #[test]
        fn agrees_with_an_independent_evaluator(
            condition in any_condition(),
            yes in prop::sample::subsequence(vec!["C-01", "C-02", "C-03", "C-30", "C-31"], 0..=5),
        ) {
            let text = condition.to_string();
            let parsed = parse(&text).unwrap();
            prop_assert_eq!(parsed.answer(&pics(&yes)).holds, by_rewriting(&text, &yes), "{}", text);
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,60}") {
            let _ = parse(&text);
        }
    }
}
