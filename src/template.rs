//! Templates: YAML values whose strings may hold expressions (`{{ … }}`, minijinja's), strict about undefined names. They are
//! compiled when they are made, which the readers of files do.
//!
//! A string that is one whole expression keeps the expression's type; an expression that yields `none` drops the
//! property it stands for (OCPP knows no null).

mod bounded;
mod expression;
mod functions;
mod names;
mod needs;
mod path;
mod tariff;
#[cfg(test)]
mod tests;

use std::{borrow::Cow, sync::Arc};

use serde_json::{Map, Value};

use expression::{Expression, Text, failed, has_code, whole_expression};
pub use functions::connector_id;
pub(crate) use names::convert;
pub use names::{Lookup, Names, Over, Prepared, Values};

/// A value with expressions in it. A copy shares it.
#[derive(Debug, Clone)]
pub struct Template(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    value: Value,
    compiled: Compiled,
}

/// What stands at a place of the value, with the same shape.
#[derive(Debug)]
enum Compiled {
    /// The value as it is, all the way down.
    Literal,
    Expression(Result<Arc<Expression>, TemplateError>),
    Text(Result<Arc<Text>, TemplateError>),
    List(Vec<Compiled>),
    Map(Vec<Compiled>),
}

/// An expression that could not be evaluated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{expression}`: {reason}")]
pub struct TemplateError {
    /// The expression.
    pub expression: String,
    /// Why.
    pub reason: String,
}

impl TemplateError {
    /// Names that the expression uses and does not define itself.
    pub fn names(&self) -> Vec<Arc<str>> {
        let text = self.expression.as_str();
        match whole_expression(text) {
            None if has_code(text) => Template::new(Value::String(text.to_owned())).names(),
            _ => Template::expression(text).names(),
        }
    }
}

impl Template {
    /// A template over a value; strings in it may hold `{{ … }}`.
    pub fn new(value: Value) -> Self {
        let compiled = Compiled::of(&value);
        Self(Arc::new(Inner { value, compiled }))
    }

    /// A value that is taken as it is: what others say is no expression of ours.
    pub fn literal(value: Value) -> Self {
        Self(Arc::new(Inner { value, compiled: Compiled::Literal }))
    }

    /// A template that is one bare expression, as `when:` and `assert:` have it.
    pub fn expression(text: &str) -> Self {
        let text = text.trim();
        if whole_expression(text).is_some() {
            return Self::new(Value::String(text.to_owned()));
        }
        Self::new(Value::String(format!("{{{{ {text} }}}}")))
    }

    /// The template's own text, for people.
    pub fn text(&self) -> String {
        match &self.0.value {
            Value::String(text) => whole_expression(text).unwrap_or(text).to_owned(),
            other => other.to_string(),
        }
    }

    /// The raw value.
    pub fn raw(&self) -> &Value {
        &self.0.value
    }

    /// Syntax errors of every expression in it (names are only known when it runs).
    pub fn syntax_errors(&self) -> Vec<TemplateError> {
        let mut errors = Vec::new();
        self.0.compiled.walk(&mut |compiled| {
            if let Compiled::Expression(Err(error)) | Compiled::Text(Err(error)) = compiled {
                errors.push(error.clone());
            }
        });
        errors
    }

    /// Names that it uses and does not define itself, `env` or `bench.identity`.
    pub fn undeclared(&self) -> Vec<String> {
        let mut names = Vec::new();
        self.0.compiled.walk(&mut |compiled| match compiled {
            Compiled::Expression(Ok(expression)) => names.extend(expression.undeclared()),
            Compiled::Text(Ok(text)) => names.extend(text.undeclared()),
            _ => {}
        });
        names.sort();
        names.dedup();
        names
    }

    /// Names that it uses and does not define itself, without what is asked of them and without functions.
    pub fn names(&self) -> Vec<Arc<str>> {
        let mut names: Vec<Arc<str>> = Vec::new();
        self.0.compiled.walk(&mut |compiled| match compiled {
            Compiled::Expression(Ok(expression)) => names.extend(expression.names().iter().cloned()),
            Compiled::Text(Ok(text)) => names.extend(text.names().iter().cloned()),
            _ => {}
        });
        names.sort();
        names.dedup();
        names
    }

    /// The paths in its expressions, each with what it stands for; `None` where it stands for nothing.
    pub fn read(&self, names: &dyn Lookup) -> Vec<(String, Option<Value>)> {
        let mut read = Vec::new();
        self.0.compiled.walk(&mut |compiled| {
            if let Compiled::Expression(Ok(expression)) = compiled {
                read.extend(expression.read(names));
            }
        });
        read
    }

    /// Evaluates it.
    pub fn evaluate(&self, names: &dyn Lookup) -> Result<Value, TemplateError> {
        self.value(names).map(Cow::into_owned)
    }

    /// Evaluates it; what stands there or is known already is not copied.
    pub fn value<'v>(&'v self, names: &'v dyn Lookup) -> Result<Cow<'v, Value>, TemplateError> {
        let value = self.0.compiled.evaluate(&self.0.value, names)?;
        Ok(value.unwrap_or(Cow::Owned(Value::Null)))
    }

    /// Evaluates it as a condition: it must yield true or false.
    pub fn holds(&self, names: &dyn Lookup) -> Result<bool, TemplateError> {
        match &*self.value(names)? {
            Value::Bool(value) => Ok(*value),
            other => Err(TemplateError {
                expression: self.text(),
                reason: format!("a condition must yield true or false, this yields {other}"),
            }),
        }
    }

    /// True for one bare expression: what [`Self::holds`] and [`Self::is_true`] need.
    pub fn is_expression(&self) -> bool {
        matches!(self.0.compiled, Compiled::Expression(_))
    }

    /// Evaluates it as a condition on what others say: anything but false, 0, none and what is empty is true, as minijinja's
    /// `if` has it. `Err` says why it can't be told, for example because of a name that is not there.
    pub fn is_true(&self, names: &dyn Lookup) -> Result<bool, TemplateError> {
        if let Compiled::Expression(Ok(expression)) = &self.0.compiled {
            return expression.is_true(names);
        }
        let text = self.text();
        Expression::compiled(&text).map_err(|error| failed(&text, &error))?.is_true(names)
    }

    /// Evaluates it as a number (seconds, a count).
    pub fn number(&self, names: &dyn Lookup) -> Result<f64, TemplateError> {
        let value = self.value(names)?;
        let number = match &*value {
            Value::Number(number) => number.as_f64(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        number.filter(|number: &f64| number.is_finite()).ok_or_else(|| TemplateError {
            expression: self.text(),
            reason: format!("a number is needed, this yields {value}"),
        })
    }
}

/// Names that the templates of parameters use.
pub fn names_of(parameters: &[(String, Template)]) -> Vec<Arc<str>> {
    parameters.iter().flat_map(|(_, template)| template.names()).collect()
}

impl PartialEq for Template {
    fn eq(&self, other: &Self) -> bool {
        self.0.value == other.0.value
    }
}

impl Compiled {
    fn of(value: &Value) -> Self {
        match value {
            Value::String(text) => match whole_expression(text) {
                Some(source) => Self::Expression(Expression::compiled(source).map_err(|error| failed(source, &error))),
                None if has_code(text) => Self::Text(Text::compiled(text).map_err(|error| failed(text, &error))),
                None => Self::Literal,
            },
            Value::Array(items) => {
                let items: Vec<_> = items.iter().map(Self::of).collect();
                if items.iter().all(Self::is_literal) { Self::Literal } else { Self::List(items) }
            }
            Value::Object(members) => {
                let members: Vec<_> = members.values().map(Self::of).collect();
                if members.iter().all(Self::is_literal) { Self::Literal } else { Self::Map(members) }
            }
            _ => Self::Literal,
        }
    }

    fn is_literal(&self) -> bool {
        matches!(self, Self::Literal)
    }

    fn walk<'c>(&'c self, visit: &mut impl FnMut(&'c Self)) {
        visit(self);
        if let Self::List(items) | Self::Map(items) = self {
            for item in items {
                item.walk(visit);
            }
        }
    }

    /// What stands at the place; `None` where an expression yields none.
    fn evaluate<'v>(
        &'v self,
        value: &'v Value,
        names: &'v dyn Lookup,
    ) -> Result<Option<Cow<'v, Value>>, TemplateError> {
        Ok(match (self, value) {
            (Self::Expression(expression), _) => expression.as_ref().map_err(Clone::clone)?.value(names)?,
            (Self::Text(text), _) => {
                let text = text.as_ref().map_err(Clone::clone)?.render(names)?;
                Some(Cow::Owned(Value::String(text)))
            }
            (Self::List(compiled), Value::Array(items)) => {
                let mut list = Vec::with_capacity(items.len());
                for (compiled, item) in compiled.iter().zip(items) {
                    list.extend(compiled.evaluate(item, names)?.map(Cow::into_owned));
                }
                Some(Cow::Owned(Value::Array(list)))
            }
            (Self::Map(compiled), Value::Object(members)) => {
                let mut object = Map::new();
                for (compiled, (name, member)) in compiled.iter().zip(members) {
                    if let Some(member) = compiled.evaluate(member, names)? {
                        object.insert(name.clone(), member.into_owned());
                    }
                }
                Some(Cow::Owned(Value::Object(object)))
            }
            (_, value) => Some(Cow::Borrowed(value)),
        })
    }
}
