//! Faults as they are written on the command line, read with the place of every mistake, and written again.

use std::{fmt, time::Duration};

use serde_json::Value;

use super::{
    Fault, Part, Place, Which,
    kinds::{Info, KINDS, Members, Parameter, Scope, Setting, Takes},
    named::{NAMED, Named},
    units::{bytes, time},
};
use crate::{
    protocol::Protocol,
    yaml::{nearest, shorten},
};

/// What is wrong with a fault as it is written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct FaultError {
    /// Where, in characters from 1.
    pub column: usize,
    /// What was found.
    pub message: String,
    /// What to do.
    pub help: String,
}

/// A word with the column at which it begins.
struct Word {
    column: usize,
    text: String,
}

impl Word {
    fn wrong(&self, message: impl Into<String>, help: impl Into<String>) -> FaultError {
        FaultError { column: self.column, message: message.into(), help: help.into() }
    }

    /// The word as it is shown.
    fn shown(&self) -> String {
        shorten(&self.text, 60)
    }
}

/// Words between blanks; blanks in quotation marks belong to the word.
fn words(text: &str) -> Result<Vec<Word>, FaultError> {
    let mut words: Vec<Word> = Vec::new();
    let (mut quoted, mut escaped, mut inside) = (None, false, false);
    for (index, c) in text.chars().enumerate() {
        if c.is_whitespace() && quoted.is_none() {
            inside = false;
            continue;
        }
        if !inside {
            words.push(Word { column: index + 1, text: String::new() });
            inside = true;
        }
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted.is_some() => escaped = true,
            '"' => quoted = if quoted.is_some() { None } else { Some(index + 1) },
            _ => {}
        }
        if let Some(word) = words.last_mut() {
            word.text.push(c);
        }
    }
    match quoted {
        None => Ok(words),
        Some(column) => Err(FaultError {
            column,
            message: "a quotation mark is opened and not closed".into(),
            help: "write text with blanks as \"…\", and a quotation mark within it as \\\"".into(),
        }),
    }
}

/// Reads one fault.
pub(super) fn read(protocol: &'static Protocol, text: &str) -> Result<Fault, FaultError> {
    let mut words = words(text)?.into_iter();
    let Some(first) = words.next() else {
        return Err(FaultError {
            column: 1,
            message: "a fault is missing".into(),
            help: "write its kind and where it happens, such as `drop TransactionEvent:2`; `--fault list` shows all faults"
                .into(),
        });
    };
    if let Some(named) = NAMED.iter().find(|named| named.name == first.text) {
        return by_name(protocol, named, &first, words.next().as_ref());
    }
    let info = KINDS.iter().find(|info| info.name == first.text).ok_or_else(|| {
        let names = KINDS.iter().map(|info| info.name).chain(NAMED.iter().map(|named| named.name));
        let near = nearest(&first.text, names);
        let help = near.map_or_else(
            || format!("known: {}", KINDS.iter().map(|info| info.name).collect::<Vec<_>>().join(", ")),
            |near| format!("did you mean `{near}`? `--fault list` shows all faults"),
        );
        first.wrong(format!("unknown fault `{}`", first.shown()), help)
    })?;
    let mut reading =
        Reading { protocol, info, place: None, part: None, settings: Vec::new(), members: Vec::new(), when: None };
    let mut named = Vec::new();
    for word in words {
        if word.text.starts_with('/') {
            reading.member(&word)?;
            named.push(word);
        } else if let Some((name, value)) = word.text.split_once('=') {
            reading.parameter(&word, name, value)?;
        } else if let Some(part) = Part::ALL.into_iter().find(|part| part.word() == word.text) {
            reading.part(&word, part)?;
        } else {
            reading.place(&word)?;
        }
    }
    reading.finish(&first, &named)
}

/// A fault that is given by its name.
fn by_name(
    protocol: &'static Protocol,
    named: &'static Named,
    first: &Word,
    more: Option<&Word>,
) -> Result<Fault, FaultError> {
    if let Some(more) = more {
        let help = format!("leave it out, or write the fault yourself: `{}`", named.text);
        return Err(more.wrong(format!("`{}` takes nothing more, but `{}` follows", named.name, more.shown()), help));
    }
    let fault = read(protocol, named.text).map_err(|_| {
        let message = format!("`{}` is about messages that {} does not have", named.name, protocol.name);
        first.wrong(message, format!("it stands for `{}`", named.text))
    })?;
    Ok(Fault { name: Some(named.name), ..fault })
}

struct Reading {
    protocol: &'static Protocol,
    info: &'static Info,
    place: Option<Place>,
    part: Option<Part>,
    settings: Vec<(&'static str, Setting)>,
    members: Vec<(String, Option<Value>)>,
    when: Option<(String, Value)>,
}

impl Reading {
    fn member(&mut self, word: &Word) -> Result<(), FaultError> {
        let name = self.info.name;
        let (pointer, value) = match word.text.split_once('=') {
            Some((pointer, value)) => (pointer, Some(self::value(value))),
            None => (word.text.as_str(), None),
        };
        match (self.info.members, &value) {
            (Members::None, _) => {
                return Err(word.wrong(
                    format!("`{name}` changes no member, but `{}` names one", word.shown()),
                    "remove it, or select messages with when=/member=value",
                ));
            }
            (Members::Named, Some(_)) => {
                let help = format!("name the member alone: `{}`", shorten(pointer, 60));
                return Err(word.wrong(format!("`{name}` does not take a value for a member"), help));
            }
            (Members::Valued, None) => {
                let help = format!("write it after the member: `{}=…`", shorten(pointer, 60));
                return Err(word.wrong(format!("the value of `{}` is missing", shorten(pointer, 60)), help));
            }
            _ => {}
        }
        if self.members.iter().any(|(known, _)| known == pointer) {
            return Err(word.wrong(format!("`{}` is given twice", shorten(pointer, 60)), "remove one of them"));
        }
        self.members.push((pointer.to_owned(), value));
        Ok(())
    }

    fn parameter(&mut self, word: &Word, name: &str, value: &str) -> Result<(), FaultError> {
        let twice = || word.wrong(format!("`{name}` is given twice"), "remove one of them");
        if name == "when" {
            let condition = value.split_once('=').filter(|(pointer, _)| pointer.starts_with('/'));
            let Some((pointer, value)) = condition else {
                return Err(word.wrong(
                    format!("invalid condition `{}`", word.shown()),
                    "write a member and its value: `when=/eventType=Ended`",
                ));
            };
            if self.when.is_some() {
                return Err(twice());
            }
            self.when = Some((pointer.to_owned(), self::value(value)));
            return Ok(());
        }
        let Some(known) = self.info.parameters.iter().find(|parameter| parameter.name == name) else {
            let of = self.info.name;
            let names = || self.info.parameters.iter().map(|parameter| parameter.name).chain(["when"]);
            let help = match nearest(name, names()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("`{of}` takes {}; members begin with a slash", names().collect::<Vec<_>>().join(", ")),
            };
            return Err(word.wrong(format!("`{of}` has no parameter `{}`", shorten(name, 40)), help));
        };
        if self.settings.iter().any(|(given, _)| *given == name) {
            return Err(twice());
        }
        self.settings.push((known.name, setting(word, known, value)?));
        Ok(())
    }

    fn part(&mut self, word: &Word, part: Part) -> Result<(), FaultError> {
        if self.info.scope == Scope::Received {
            let message = format!("`{}` applies to CALLs of the other side", self.info.name);
            return Err(word.wrong(message, format!("leave `{}` out", word.text)));
        }
        if self.part.replace(part).is_some() {
            return Err(word.wrong("`call` or `response` is given twice", "use one of them, or none for both"));
        }
        Ok(())
    }

    fn place(&mut self, word: &Word) -> Result<(), FaultError> {
        let (name, count) = match word.text.split_once(':') {
            Some((name, count)) => (name, Some(count)),
            None => (word.text.as_str(), None),
        };
        let which = match count {
            None => Which::Every,
            Some(count) => which(count).ok_or_else(|| {
                let message = format!("`{}` does not say which one", shorten(count, 40));
                word.wrong(
                    message,
                    format!("write `{0}:2` for the second one, `{0}:2+` for it and all after it", shorten(name, 40)),
                )
            })?,
        };
        let on_connections = matches!(self.info.scope, Scope::Connections | Scope::Both);
        let place = match name {
            "connection" if on_connections => Place::Connections(which),
            "connection" => {
                let help = format!("name an action, as in `{}`", self.info.example);
                return Err(word.wrong(format!("`{}` happens to messages, not to connections", self.info.name), help));
            }
            "" | "*" => Place::Messages { action: None, part: None, which },
            action if self.protocol.messages().is_action(action) => {
                Place::Messages { action: Some(action.to_owned()), part: None, which }
            }
            other => {
                let words = ["connection", "call", "response"];
                let near = nearest(other, self.protocol.messages().actions().chain(words));
                let help = near.map_or_else(
                    || "use an action such as `BootNotification`, `*` for all, or `connection`".to_owned(),
                    |near| format!("did you mean `{near}`?"),
                );
                return Err(word.wrong(format!("unknown {} action `{}`", self.protocol.name, shorten(other, 60)), help));
            }
        };
        if self.info.scope == Scope::Connections && !matches!(place, Place::Connections(_)) {
            let help = format!("write `{} connection:1`, or leave the place out for all", self.info.name);
            return Err(word.wrong(format!("`{}` happens to connections, not to messages", self.info.name), help));
        }
        if self.place.is_some() {
            let help = "a fault has one place; use another --fault for the other";
            return Err(word.wrong(format!("a second place: `{}`", word.shown()), help));
        }
        self.place = Some(place);
        Ok(())
    }

    fn finish(self, first: &Word, named: &[Word]) -> Result<Fault, FaultError> {
        let name = self.info.name;
        if self.info.members != Members::None && self.members.is_empty() {
            let help = format!("name it as in `{}`", self.info.example);
            return Err(first.wrong(format!("`{name}` does not say which member"), help));
        }
        let everywhere = match self.info.scope {
            Scope::Connections => Place::Connections(Which::Every),
            _ => Place::Messages { action: None, part: None, which: Which::Every },
        };
        let mut place = self.place.unwrap_or(everywhere);
        match (&mut place, self.part) {
            (Place::Messages { part, .. }, given) => *part = given,
            (Place::Connections(_), Some(part)) => {
                let message = format!("`{}` does not apply to a connection", part.word());
                return Err(first.wrong(message, format!("leave `{}` out", part.word())));
            }
            (Place::Connections(_), None) if self.when.is_some() => {
                return Err(first.wrong("a connection has no members for `when`", "leave `when` out"));
            }
            (Place::Connections(_), None) => {}
        }
        if let (Place::Messages { action: Some(action), part, .. }, Members::Named) = (&place, self.info.members) {
            for word in named {
                exists(self.protocol, word, action, *part)?;
            }
        }
        Ok(Fault {
            version: self.protocol.version,
            name: None,
            kind: self.info.kind,
            place,
            settings: self.settings,
            members: self.members,
            when: self.when,
        })
    }
}

/// A member that is to be missing, or of another type, must be one that there is.
fn exists(protocol: &'static Protocol, word: &Word, action: &str, part: Option<Part>) -> Result<(), FaultError> {
    let requests: &[bool] = match part {
        Some(Part::Call) => &[true],
        Some(Part::Response) => &[false],
        None => &[true, false],
    };
    if requests.iter().any(|request| protocol.messages().member(action, *request, &word.text).is_some()) {
        return Ok(());
    }
    let names: Vec<&str> =
        word.text.split('/').filter(|name| !name.is_empty() && name.parse::<usize>().is_err()).collect();
    let complaint = requests.iter().find_map(|request| {
        let mut place = protocol.messages().message(action, *request)?;
        for name in &names {
            match place.child(name) {
                Ok(Some(next)) => place = next,
                Ok(None) => return None,
                Err(complaint) => return Some(complaint),
            }
        }
        None
    });
    match complaint {
        Some(complaint) => Err(word.wrong(complaint.message, complaint.help)),
        // Custom data may hold anything.
        None => Ok(()),
    }
}

fn which(text: &str) -> Option<Which> {
    let (number, on) = text.strip_suffix('+').map_or((text, false), |number| (number, true));
    let number = number.parse().ok().filter(|number| *number >= 1)?;
    Some(if on { Which::From(number) } else { Which::Nth(number) })
}

/// JSON, or text as it is.
fn value(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| text.into())
}

fn setting(word: &Word, parameter: &Parameter, text: &str) -> Result<Setting, FaultError> {
    let name = parameter.name;
    let shown = shorten(text, 40);
    let count = |min: u64, max: u64| {
        let number = text.parse().ok().filter(|number| (min..=max).contains(number));
        number.map(Setting::Count).ok_or_else(|| {
            word.wrong(
                format!("invalid value `{shown}` for `{name}`"),
                format!("write a whole number from {min} to {max}"),
            )
        })
    };
    match parameter.takes {
        Takes::Time(_) => {
            let units = [("ms", 1), ("s", 1000), ("min", 60_000)];
            let time = measured(text, &units).filter(|milliseconds| *milliseconds <= 86_400_000);
            time.map(|milliseconds| Setting::Time(Duration::from_millis(milliseconds))).ok_or_else(|| {
                let help = "write a number with its unit, at most a day: 500ms, 30s, 2min";
                word.wrong(format!("invalid time `{shown}`"), help)
            })
        }
        Takes::Bytes { max, .. } => {
            let size = measured(text, &[("B", 1), ("kB", 1000), ("MB", 1_000_000)]).filter(|size| *size <= max);
            size.map(Setting::Bytes).ok_or_else(|| {
                let help = format!("write a number with its unit, at most {}: 500B, 20kB, 2MB", bytes(max));
                word.wrong(format!("invalid size `{shown}`"), help)
            })
        }
        Takes::Count { min, max, .. } | Takes::Maybe { min, max } => count(min, max),
        Takes::Text(_) => Ok(Setting::Text(match value(text) {
            Value::String(text) => text,
            _ => text.to_owned(),
        })),
    }
}

fn measured(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let (_, factor) = units.iter().find(|(name, _)| *name == unit)?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

/// Text as it is read again: as it is, or as JSON where that would be read as something else.
fn written(text: &str) -> String {
    let plain = !text.contains(['"', '\\']) && !text.contains(char::is_whitespace);
    if plain && value(text).as_str() == Some(text) { text.to_owned() } else { Value::from(text).to_string() }
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Setting::Time(given) => f.write_str(&time(*given)),
            Setting::Bytes(given) => f.write_str(&bytes(*given)),
            Setting::Count(given) => write!(f, "{given}"),
            Setting::Text(text) => f.write_str(&written(text)),
        }
    }
}

impl fmt::Display for Which {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Which::Every => Ok(()),
            Which::Nth(number) => write!(f, ":{number}"),
            Which::From(number) => write!(f, ":{number}+"),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let given = |value: &Value| match value {
            Value::String(text) => written(text),
            other => other.to_string(),
        };
        if let Some(name) = self.name {
            return f.write_str(name);
        }
        f.write_str(self.kind.name())?;
        match &self.place {
            Place::Connections(which) => write!(f, " connection{which}")?,
            Place::Messages { action, part, which } => {
                write!(f, " {}{which}", action.as_deref().unwrap_or("*"))?;
                if let Some(part) = part {
                    write!(f, " {}", part.word())?;
                }
            }
        }
        for (pointer, value) in &self.members {
            match value {
                None => write!(f, " {pointer}")?,
                Some(value) => write!(f, " {pointer}={}", given(value))?,
            }
        }
        for (name, setting) in &self.settings {
            write!(f, " {name}={setting}")?;
        }
        if let Some((pointer, value)) = &self.when {
            write!(f, " when={pointer}={}", given(value))?;
        }
        Ok(())
    }
}
