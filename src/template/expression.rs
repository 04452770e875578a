//! Compiled expressions and texts, with the names that they use.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
    fmt::Debug,
    sync::{Arc, LazyLock, RwLock},
};

use minijinja::value::{Enumerator, Object};
use serde_json::Value;

use super::{
    TemplateError,
    functions::{LOOKS_UP, environment},
    names::Lookup,
};

/// The expression when the text is `{{ expression }}` and nothing else.
pub(super) fn whole_expression(text: &str) -> Option<&str> {
    let inner = text.trim().strip_prefix("{{")?.strip_suffix("}}")?;
    (!inner.contains("{{") && !inner.contains("}}")).then(|| inner.trim())
}

/// True for a text that has an expression or a statement somewhere.
pub(super) fn has_code(text: &str) -> bool {
    text.contains("{{") || text.contains("{%")
}

/// One expression.
pub(super) struct Expression {
    text: String,
    /// It is nothing but a path: it is followed without minijinja as long as it leads to something.
    path: Option<Path>,
    program: minijinja::Expression<'static, 'static>,
    needs: Arc<[Box<str>]>,
}

/// A text that mixes words and code.
pub(super) struct Text {
    program: minijinja::Template<'static, 'static>,
    needs: Arc<[Box<str>]>,
}

impl Debug for Expression {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Expression").field(&self.text).finish()
    }
}

impl Debug for Text {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Text").field(&self.program.source()).finish()
    }
}

/// What was compiled before, by its source: test cases repeat the same few hundred expressions. It is kept as long as the process
/// lives, so a source comes from a file, never from the SUT (see [`Template::literal`](super::Template::literal)).
struct Known<T>(LazyLock<RwLock<HashMap<String, Arc<T>>>>);

impl<T> Known<T> {
    const fn new() -> Self {
        Self(LazyLock::new(RwLock::default))
    }

    fn get(
        &self,
        source: &str,
        compile: impl FnOnce() -> Result<T, minijinja::Error>,
    ) -> Result<Arc<T>, minijinja::Error> {
        if let Some(known) = self.0.read().ok().and_then(|known| known.get(source).cloned()) {
            return Ok(known);
        }
        // What can't be compiled is not kept.
        let compiled = Arc::new(compile()?);
        if let Ok(mut known) = self.0.write() {
            known.insert(source.to_owned(), Arc::clone(&compiled));
        }
        Ok(compiled)
    }
}

impl Expression {
    /// Compiles an expression.
    pub(super) fn compiled(source: &str) -> Result<Arc<Self>, minijinja::Error> {
        static KNOWN: Known<Expression> = Known::new();
        KNOWN.get(source, || {
            let program = environment().compile_expression_owned(source.to_owned())?;
            Ok(Self { text: source.to_owned(), path: Path::parse(source), program, needs: needs([source]) })
        })
    }

    /// Names that it uses and does not define itself, with what is asked of them.
    pub(super) fn undeclared(&self) -> HashSet<String> {
        self.program.undeclared_variables(true)
    }

    /// Evaluates it; `None` where it yields none.
    pub(super) fn value<'n>(&self, names: &'n dyn Lookup) -> Result<Option<Cow<'n, Value>>, TemplateError> {
        if let Some(value) = self.path.as_ref().and_then(|path| path.follow(names)) {
            return Ok((!value.is_null()).then_some(value));
        }
        let result = self.result(names)?;
        if result.is_undefined() {
            return Err(self.error("the name is not defined".into()));
        }
        let value = serde_json::to_value(&result).map_err(|error| self.error(error.to_string()))?;
        Ok((!value.is_null()).then_some(Cow::Owned(value)))
    }

    /// True when what it yields is true as minijinja's `if` has it.
    pub(super) fn is_true(&self, names: &dyn Lookup) -> Result<bool, TemplateError> {
        self.result(names).map(|value| value.is_true())
    }

    fn result(&self, names: &dyn Lookup) -> Result<minijinja::Value, TemplateError> {
        self.program.eval(Seen::of(&self.needs, names)).map_err(|error| failed(&self.text, &error))
    }

    fn error(&self, reason: String) -> TemplateError {
        TemplateError { expression: self.text.clone(), reason }
    }
}

impl Text {
    /// Compiles a text.
    pub(super) fn compiled(source: &str) -> Result<Arc<Self>, minijinja::Error> {
        static KNOWN: Known<Text> = Known::new();
        KNOWN.get(source, || {
            environment().template_from_str(source)?;
            // minijinja keeps a template that owns its source by its name only, behind a lock.
            let program = environment().template_from_str(Box::leak(source.to_owned().into_boxed_str()))?;
            Ok(Self { program, needs: needs_of_text(source) })
        })
    }

    /// Names that it uses and does not define itself, with what is asked of them.
    pub(super) fn undeclared(&self) -> HashSet<String> {
        self.program.undeclared_variables(true)
    }

    /// Renders it.
    pub(super) fn render(&self, names: &dyn Lookup) -> Result<String, TemplateError> {
        self.program.render(Seen::of(&self.needs, names)).map_err(|error| failed(self.program.source(), &error))
    }
}

pub(super) fn failed(source: &str, error: &minijinja::Error) -> TemplateError {
    let mut reason = error.kind().to_string();
    if let Some(detail) = error.detail() {
        reason = format!("{reason}: {detail}");
    }
    TemplateError { expression: source.to_owned(), reason }
}

/// The names that an expression needs, with their values: its context.
#[derive(Debug)]
struct Seen {
    names: Arc<[Box<str>]>,
    values: Vec<Option<minijinja::Value>>,
}

impl Seen {
    fn of(needs: &Arc<[Box<str>]>, names: &dyn Lookup) -> minijinja::Value {
        let values = needs.iter().map(|name| names.prepared(name)).collect();
        minijinja::Value::from_object(Self { names: Arc::clone(needs), values })
    }
}

impl Object for Seen {
    fn get_value(self: &Arc<Self>, key: &minijinja::Value) -> Option<minijinja::Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<minijinja::Value> {
        let at = self.names.iter().position(|name| **name == *key)?;
        self.values.get(at)?.clone()
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::NonEnumerable
    }
}

/// The code in a text: what stands between the marks of expressions and statements.
fn code(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let begin = rest.find("{{").into_iter().chain(rest.find("{%")).min()?;
        let code = &rest[begin + 2..];
        let mut end = code;
        while !(end.is_empty() || end.starts_with("}}") || end.starts_with("%}")) {
            let mut letters = end.chars();
            let letter = letters.next();
            end = match letter {
                Some(quote @ ('\'' | '"')) => after_string(letters.as_str(), quote),
                _ => letters.as_str(),
            };
        }
        let code = &code[..code.len() - end.len()];
        rest = end;
        Some(code)
    })
}

/// The names that a text may look up. Where it is not sure what is code, every word counts.
fn needs_of_text(text: &str) -> Arc<[Box<str>]> {
    if text.contains("{#") || text.contains("raw") {
        return needs(text.split(|letter: char| !letter.is_alphanumeric() && letter != '_'));
    }
    needs(code(text))
}

/// The names that code may look up: its words, but for those in quotes and those after a dot, and what its functions look up
/// themselves. Minijinja's own list leaves out names in slices. A name too many does no harm.
fn needs<'s>(code: impl IntoIterator<Item = &'s str>) -> Arc<[Box<str>]> {
    let mut names: Vec<Box<str>> = Vec::new();
    for code in code {
        names.extend(words(code).map(Into::into));
    }
    for (function, looks_up) in LOOKS_UP {
        if names.iter().any(|name| **name == *function) {
            names.push(looks_up.into());
        }
    }
    names.sort_unstable();
    names.dedup();
    names.into()
}

fn words(code: &str) -> impl Iterator<Item = &str> {
    let mut rest = code;
    let mut after_dot = false;
    std::iter::from_fn(move || {
        while let Some(letter) = rest.chars().next() {
            let is_word = |letter: char| letter.is_alphanumeric() || letter == '_';
            if is_word(letter) {
                let end = rest.find(|letter| !is_word(letter)).unwrap_or(rest.len());
                let word = &rest[..end];
                rest = &rest[end..];
                if !std::mem::take(&mut after_dot) && !letter.is_numeric() {
                    return Some(word);
                }
                continue;
            }
            if matches!(letter, '\'' | '"') {
                rest = after_string(&rest[1..], letter);
                after_dot = false;
                continue;
            }
            if !letter.is_whitespace() {
                after_dot = letter == '.';
            }
            rest = &rest[letter.len_utf8()..];
        }
        None
    })
}

/// What follows a string literal whose opening quote has been read.
fn after_string(text: &str, quote: char) -> &str {
    let mut escaped = false;
    for (at, letter) in text.char_indices() {
        match letter {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            letter if letter == quote => return &text[at + 1..],
            _ => {}
        }
    }
    ""
}

/// A path: `bench.tokens.valid`, `pics.evses[0]`.
struct Path {
    root: Box<str>,
    keys: Vec<Key>,
}

enum Key {
    Member(Box<str>),
    Index(usize),
}

/// Words of the language that stand for no name, or for more than one.
const RESERVED: [&str; 17] = [
    "true", "True", "false", "False", "none", "None", "not", "and", "or", "if", "else", "in", "is", "loop", "self",
    "super", "for",
];

impl Path {
    /// A path; `None` for anything else, and for what it is not sure about.
    fn parse(text: &str) -> Option<Self> {
        let identifier = |text: &str| {
            let end = text.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_').unwrap_or(text.len());
            let fits = text.starts_with(|letter: char| letter.is_ascii_alphabetic() || letter == '_');
            fits.then_some(end)
        };
        let end = identifier(text)?;
        let (root, mut rest) = text.split_at(end);
        if RESERVED.contains(&root) {
            return None;
        }
        let mut keys = Vec::new();
        while !rest.is_empty() {
            if let Some(after) = rest.strip_prefix('.') {
                let (member, after) = after.split_at(identifier(after)?);
                keys.push(Key::Member(member.into()));
                rest = after;
            } else {
                let (index, after) = rest.strip_prefix('[')?.split_once(']')?;
                if index.is_empty() || !index.bytes().all(|byte| byte.is_ascii_digit()) {
                    return None;
                }
                keys.push(Key::Index(index.parse().ok()?));
                rest = after;
            }
        }
        Some(Self { root: root.into(), keys })
    }

    /// Where it leads; `None` where it leads nowhere, which is for minijinja to say something about.
    fn follow<'n>(&self, names: &'n dyn Lookup) -> Option<Cow<'n, Value>> {
        match names.lookup(&self.root)? {
            Cow::Borrowed(value) => self.walk(value).map(Cow::Borrowed),
            Cow::Owned(value) if self.keys.is_empty() => Some(Cow::Owned(value)),
            Cow::Owned(value) => self.walk(&value).cloned().map(Cow::Owned),
        }
    }

    fn walk<'v>(&self, mut value: &'v Value) -> Option<&'v Value> {
        for key in &self.keys {
            value = match (key, value) {
                (Key::Member(name), Value::Object(members)) => members.get(&**name)?,
                (Key::Index(index), Value::Array(items)) => items.get(*index)?,
                _ => return None,
            };
        }
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_names_unless_quoted_or_after_a_dot() {
        let found: Vec<&str> = words(r#"a.b + c['d'] | f(x="it's \" y", z=2e) and evse . id [i:j]"#).collect();
        assert_eq!(found, ["a", "c", "f", "x", "z", "and", "evse", "i", "j"]);
    }

    #[test]
    fn names_of_a_text_stand_in_its_code() {
        let text = "of {{ a }} and {% for b in c %}{{ b.now }}{% endfor %}";
        let found = needs_of_text(text);
        assert_eq!(found.iter().map(|name| &**name).collect::<Vec<_>>(), ["a", "b", "c", "endfor", "for", "in"]);
        let found: Vec<&str> = code("{{ '}}' ~ a }} b {{ c }}").collect();
        assert_eq!(found, [" '}}' ~ a ", " c "]);
        assert!(needs(["supports('C-01')"]).iter().any(|name| **name == *"pics"));
    }
}
