//! Compiled expressions and texts, with the names that they use.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
    fmt::Debug,
    sync::{Arc, LazyLock, OnceLock, RwLock},
};

use minijinja::value::{Enumerator, Object};
use serde_json::Value;

use super::{
    TemplateError,
    functions::environment,
    names::Lookup,
    needs::{needs, needs_of_text},
    path::Path,
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
    names: OnceLock<Box<[Arc<str>]>>,
}

/// A text that mixes words and code.
pub(super) struct Text {
    program: minijinja::Template<'static, 'static>,
    needs: Arc<[Box<str>]>,
    names: OnceLock<Box<[Arc<str>]>>,
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
            Ok(Self {
                text: source.to_owned(),
                path: Path::parse(source),
                program,
                needs: needs([source]),
                names: OnceLock::new(),
            })
        })
    }

    /// Names that it uses and does not define itself, with what is asked of them.
    pub(super) fn undeclared(&self) -> HashSet<String> {
        self.program.undeclared_variables(true)
    }

    /// The same without what is asked of them, and without functions. It is looked for once.
    pub(super) fn names(&self) -> &[Arc<str>] {
        self.names.get_or_init(|| without_functions(self.program.undeclared_variables(false)))
    }

    /// Evaluates it; `None` where it yields none.
    pub(super) fn value<'n>(&self, names: &'n dyn Lookup) -> Result<Option<Cow<'n, Value>>, TemplateError> {
        if let Some(value) = self.path.as_ref().and_then(|path| path.follow(names)) {
            return Ok((!value.is_null()).then_some(value));
        }
        Ok(self.by_minijinja(names)?.map(Cow::Owned))
    }

    fn by_minijinja(&self, names: &dyn Lookup) -> Result<Option<Value>, TemplateError> {
        let result = self.result(names)?;
        if result.is_undefined() {
            return Err(self.error("the name is not defined".into()));
        }
        let value = serde_json::to_value(&result).map_err(|error| self.error(error.to_string()))?;
        Ok((!value.is_null()).then_some(value))
    }

    /// The paths in it, each with what it stands for.
    pub(super) fn read(&self, names: &dyn Lookup) -> Vec<(String, Option<Value>)> {
        let value = |path: Path| path.follow(names).map(Cow::into_owned);
        Path::all_in(&self.text).into_iter().map(|(text, path)| (text.to_owned(), value(path))).collect()
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
            Ok(Self { program, needs: needs_of_text(source), names: OnceLock::new() })
        })
    }

    /// Names that it uses and does not define itself, with what is asked of them.
    pub(super) fn undeclared(&self) -> HashSet<String> {
        self.program.undeclared_variables(true)
    }

    /// The same without what is asked of them, and without functions. It is looked for once.
    pub(super) fn names(&self) -> &[Arc<str>] {
        self.names.get_or_init(|| without_functions(self.program.undeclared_variables(false)))
    }

    /// Renders it.
    pub(super) fn render(&self, names: &dyn Lookup) -> Result<String, TemplateError> {
        self.program.render(Seen::of(&self.needs, names)).map_err(|error| failed(self.program.source(), &error))
    }
}

fn without_functions(names: HashSet<String>) -> Box<[Arc<str>]> {
    let functions: HashSet<&str> = environment().globals().map(|(name, _)| name).collect();
    let mut names: Vec<Arc<str>> =
        names.into_iter().filter(|name| !functions.contains(name.as_str())).map(Arc::from).collect();
    names.sort();
    names.into()
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Map, json};

    use super::*;
    use crate::template::Names;

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            "\\PC{0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
                prop::collection::vec(("[abc]", inner), 0..4)
                    .prop_map(|members| Value::Object(members.into_iter().collect::<Map<_, _>>())),
            ]
        })
    }

    proptest! {
        #[test]
        fn a_path_leads_where_minijinja_goes(value in json(), path in "a(\\.[abc]|\\[[0-3]\\]){0,4}") {
            let mut names = Names::default();
            names.insert("a", value);
            let expression = Expression::compiled(&path).unwrap();
            prop_assert!(expression.path.is_some());
            let short = expression.value(&names).map(|value| value.map(Cow::into_owned));
            prop_assert_eq!(short, expression.by_minijinja(&names));
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,40}") {
            let _ = Expression::compiled(&text);
            let _ = needs_of_text(&text).len();
        }
    }

    #[test]
    fn names_in_slices_are_found() {
        let mut names = Names::default();
        names.insert("list", json!([1, 2, 3]));
        names.insert("last", json!(2));
        let value = Expression::compiled("list[:last]").unwrap().value(&names).unwrap().map(Cow::into_owned);
        assert_eq!(value, Some(json!([1, 2])));
    }
}
