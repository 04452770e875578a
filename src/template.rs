//! Templates: YAML values whose strings may hold expressions (`{{ … }}`, minijinja's), strict about undefined names.
//!
//! A string that is one whole expression keeps the expression's type; an expression that yields `none` drops the
//! property it stands for (OCPP knows no null).

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, OnceLock, RwLock},
};

use base64::Engine as _;
use minijinja::{Environment, Expression, UndefinedBehavior, value::Serde};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use crate::clock::ocpp_time;

/// Values by name: the parameters of a state or of a manual action, a scope.
pub type Values = Map<String, Value>;

/// Values by name that outlast an expression: shared instead of copied, and made ready for expressions once.
#[derive(Debug, Clone, Default)]
pub struct Lasting(Arc<HashMap<String, Arc<Prepared>>>);

#[derive(Debug)]
struct Prepared {
    value: Value,
    ready: OnceLock<minijinja::Value>,
}

impl Lasting {
    /// Gives a name a value; replaces the one it had.
    pub fn insert(&mut self, name: String, value: Value) {
        Arc::make_mut(&mut self.0).insert(name, Arc::new(Prepared { value, ready: OnceLock::new() }));
    }

    /// What a name stands for.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).map(|prepared| &prepared.value)
    }

    fn ready(&self, name: &str) -> Option<minijinja::Value> {
        let prepared = self.0.get(name)?;
        Some(prepared.ready.get_or_init(|| minijinja::Value::from(Serde(&prepared.value))).clone())
    }

    fn iter(&self) -> impl Iterator<Item = (String, Value)> {
        self.0.iter().map(|(name, prepared)| (name.clone(), prepared.value.clone()))
    }
}

impl From<Values> for Lasting {
    fn from(values: Values) -> Self {
        let mut lasting = Self::default();
        for (name, value) in values {
            lasting.insert(name, value);
        }
        lasting
    }
}

/// Values that an expression sees, by name, in layers of which the later hide the earlier: what holds for the whole test
/// case, what is so at the moment, what a test case keeps, and a scope's own.
#[derive(Debug, Clone, Default)]
pub struct Names {
    fixed: Lasting,
    moment: Values,
    kept: Lasting,
    own: Values,
}

impl Names {
    /// Names over what holds for the whole test case.
    pub fn over(fixed: &Lasting) -> Self {
        Self { fixed: fixed.clone(), ..Self::default() }
    }

    /// Lays what a test case keeps over everything that is there.
    pub fn lay(&mut self, kept: &Lasting) {
        self.moment.append(&mut self.own);
        self.kept = kept.clone();
    }

    /// Gives a name a value; hides the one it had.
    pub fn insert(&mut self, name: String, value: Value) {
        self.own.insert(name, value);
    }

    /// Several at once.
    pub fn extend(&mut self, values: impl IntoIterator<Item = (String, Value)>) {
        self.own.extend(values);
    }

    /// The names that there are.
    #[cfg(test)]
    pub(crate) fn all_names(&self) -> std::collections::BTreeSet<String> {
        self.all().into_iter().map(|(name, _)| name).collect()
    }

    /// What a name stands for.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.own
            .get(name)
            .or_else(|| self.kept.get(name))
            .or_else(|| self.moment.get(name))
            .or_else(|| self.fixed.get(name))
    }

    /// The same for an expression.
    fn ready(&self, name: &str) -> Option<minijinja::Value> {
        let ready = |value: &Value| minijinja::Value::from(Serde(value));
        (self.own.get(name).map(ready))
            .or_else(|| self.kept.ready(name))
            .or_else(|| self.moment.get(name).map(ready))
            .or_else(|| self.fixed.ready(name))
    }

    /// All of them, for a text that mixes words and expressions.
    fn all(&self) -> Values {
        let mut all: Values = self.fixed.iter().collect();
        all.extend(self.moment.clone());
        all.extend(self.kept.iter());
        all.extend(self.own.clone());
        all
    }
}

impl From<Values> for Names {
    fn from(own: Values) -> Self {
        Self { own, ..Self::default() }
    }
}

/// A value with expressions in it.
#[derive(Debug, Clone, PartialEq)]
pub struct Template {
    value: Value,
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

impl Template {
    /// A template over a value; strings in it may hold `{{ … }}`.
    pub fn new(value: Value) -> Self {
        Self { value }
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
        match &self.value {
            Value::String(text) => whole_expression(text).unwrap_or(text).to_owned(),
            other => other.to_string(),
        }
    }

    /// The raw value.
    pub fn raw(&self) -> &Value {
        &self.value
    }

    /// Syntax errors of every expression in it (names are only known when it runs).
    pub fn syntax_errors(&self) -> Vec<TemplateError> {
        let mut errors = Vec::new();
        walk(&self.value, &mut |text| {
            if let Some(expression) = whole_expression(text) {
                if let Err(error) = environment().compile_expression(expression) {
                    errors.push(failed(expression, &error));
                }
            } else if text.contains("{{") || text.contains("{%") {
                if let Err(error) = environment().template_from_str(text) {
                    errors.push(failed(text, &error));
                }
            }
        });
        errors
    }

    /// Names that it uses and does not define itself, `env` or `bench.identity`.
    pub fn undeclared(&self) -> Vec<String> {
        let mut names = Vec::new();
        walk(&self.value, &mut |text| {
            if let Some(expression) = whole_expression(text) {
                names.extend(
                    environment()
                        .compile_expression(expression)
                        .map(|known| known.undeclared_variables(true))
                        .into_iter()
                        .flatten(),
                );
            } else if text.contains("{{") || text.contains("{%") {
                names.extend(
                    environment()
                        .template_from_str(text)
                        .map(|known| known.undeclared_variables(true))
                        .into_iter()
                        .flatten(),
                );
            }
        });
        names.sort();
        names.dedup();
        names
    }

    /// Evaluates it.
    pub fn evaluate(&self, names: &Names) -> Result<Value, TemplateError> {
        evaluate(&self.value, names).map(|value| value.unwrap_or(Value::Null))
    }

    /// Evaluates it as a condition: it must yield true or false.
    pub fn holds(&self, names: &Names) -> Result<bool, TemplateError> {
        match self.evaluate(names)? {
            Value::Bool(value) => Ok(value),
            other => Err(TemplateError {
                expression: self.text(),
                reason: format!("a condition must yield true or false, this yields {other}"),
            }),
        }
    }

    /// True for one bare expression: what [`Self::holds`] and [`Self::is_true`] need.
    pub fn is_expression(&self) -> bool {
        self.value.as_str().is_some_and(|text| whole_expression(text).is_some())
    }

    /// Evaluates it as a condition on what others say: anything but false, 0, none and what is empty is true, as minijinja's
    /// `if` has it. `Err` says why it can't be told, for example because of a name that is not there.
    pub fn is_true(&self, names: &Names) -> Result<bool, TemplateError> {
        let text = self.text();
        let told = Compiled::of(&text).and_then(|compiled| compiled.evaluate(names));
        told.map(|value| value.is_true()).map_err(|error| failed(&text, &error))
    }

    /// Evaluates it as a number (seconds, a count).
    pub fn number(&self, names: &Names) -> Result<f64, TemplateError> {
        let value = self.evaluate(names)?;
        let number = match &value {
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

fn walk(value: &Value, visit: &mut impl FnMut(&str)) {
    match value {
        Value::String(text) => visit(text),
        Value::Array(items) => items.iter().for_each(|item| walk(item, visit)),
        Value::Object(entries) => entries.values().for_each(|item| walk(item, visit)),
        _ => {}
    }
}

/// The expression when the text is `{{ expression }}` and nothing else.
fn whole_expression(text: &str) -> Option<&str> {
    let inner = text.trim().strip_prefix("{{")?.strip_suffix("}}")?;
    (!inner.contains("{{") && !inner.contains("}}")).then(|| inner.trim())
}

fn evaluate(value: &Value, names: &Names) -> Result<Option<Value>, TemplateError> {
    Ok(match value {
        Value::String(text) => match whole_expression(text) {
            Some(expression) => {
                let result = Compiled::of(expression)
                    .and_then(|compiled| compiled.evaluate(names))
                    .map_err(|error| failed(expression, &error))?;
                if result.is_undefined() {
                    return Err(TemplateError {
                        expression: expression.to_owned(),
                        reason: "the name is not defined".into(),
                    });
                }
                let value = serde_json::to_value(&result)
                    .map_err(|error| TemplateError { expression: expression.to_owned(), reason: error.to_string() })?;
                (!value.is_null()).then_some(value)
            }
            None if text.contains("{{") || text.contains("{%") => Some(Value::String(
                environment().render_str(text, Serde(names.all())).map_err(|error| failed(text, &error))?,
            )),
            None => Some(value.clone()),
        },
        Value::Array(items) => Some(Value::Array(
            items.iter().filter_map(|item| evaluate(item, names).transpose()).collect::<Result<_, _>>()?,
        )),
        Value::Object(entries) => {
            let mut object = Map::new();
            for (key, entry) in entries {
                if let Some(entry) = evaluate(entry, names)? {
                    object.insert(key.clone(), entry);
                }
            }
            Some(Value::Object(object))
        }
        other => Some(other.clone()),
    })
}

/// A compiled expression and the names it needs, so that nothing else is converted for it.
struct Compiled {
    expression: Expression<'static, 'static>,
    needs: Vec<String>,
}

impl Compiled {
    /// Compiled once per process: the same few hundred expressions are evaluated over and over.
    fn of(expression: &str) -> Result<Arc<Self>, minijinja::Error> {
        static KNOWN: LazyLock<RwLock<HashMap<String, Arc<Compiled>>>> = LazyLock::new(RwLock::default);
        if let Some(known) = KNOWN.read().ok().and_then(|known| known.get(expression).cloned()) {
            return Ok(known);
        }
        let compiled = environment().compile_expression_owned(expression.to_owned())?;
        // Every word of it may be a name (minijinja's own list of names leaves out those in slices); what a function
        // looks up itself is added.
        let word = |letter: char| letter.is_alphanumeric() || letter == '_';
        let mut needs: Vec<String> =
            expression.split(|letter| !word(letter)).filter(|word| !word.is_empty()).map(str::to_owned).collect();
        needs.sort();
        needs.dedup();
        for (function, looks_up) in LOOKS_UP {
            if needs.iter().any(|name| name == function) {
                needs.push((*looks_up).to_owned());
            }
        }
        let compiled = Arc::new(Self { expression: compiled, needs });
        if let Ok(mut known) = KNOWN.write() {
            known.insert(expression.to_owned(), Arc::clone(&compiled));
        }
        Ok(compiled)
    }

    fn evaluate(&self, names: &Names) -> Result<minijinja::Value, minijinja::Error> {
        let seen: HashMap<&str, minijinja::Value> =
            self.needs.iter().filter_map(|name| Some((name.as_str(), names.ready(name)?))).collect();
        self.expression.eval(Serde(seen))
    }
}

/// Functions that read a name which does not stand in the expression.
const LOOKS_UP: &[(&str, &str)] = &[
    ("starts_at", "tx_start_point"),
    ("stops_at", "tx_stop_point"),
    ("supports", "pics"),
    ("has_fixed_cable", "pics"),
    ("variable", "variables"),
];

fn failed(expression: &str, error: &minijinja::Error) -> TemplateError {
    let mut reason = error.kind().to_string();
    if let Some(detail) = error.detail() {
        reason = format!("{reason}: {detail}");
    }
    TemplateError { expression: expression.to_owned(), reason }
}

/// The environment with the functions that test cases may use.
fn environment() -> &'static Environment<'static> {
    static ENVIRONMENT: OnceLock<Environment<'static>> = OnceLock::new();
    ENVIRONMENT.get_or_init(|| {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.add_function("starts_at", |state: &minijinja::State, point: String| {
            contains(state, "tx_start_point", &point)
        });
        environment.add_function("stops_at", |state: &minijinja::State, point: String| {
            contains(state, "tx_stop_point", &point)
        });
        environment.add_function("supports", |state: &minijinja::State, id: String| {
            state
                .lookup("pics")
                .and_then(|pics| pics.get_attr(&id).ok())
                .is_some_and(|answer| !answer.is_undefined() && answer.is_true())
        });
        environment.add_function("variable", |state: &minijinja::State, name: String| {
            let value = state.lookup("variables").and_then(|variables| variables.get_attr(&name).ok());
            value.filter(|value| !value.is_undefined()).unwrap_or(minijinja::Value::from(()))
        });
        environment.add_function("has_fixed_cable", |state: &minijinja::State, evse: Serde<Value>| {
            let pics = state.lookup("pics").map(|pics| serde_json::to_value(&pics).unwrap_or_default());
            let evses = pics.as_ref().and_then(|pics| pics["evses"].as_array()).map(Vec::as_slice).unwrap_or_default();
            evses.iter().filter(|known| known["id"] == evse.0["id"]).any(|known| {
                let connectors = known["connectors"].as_array().into_iter().flatten();
                let mut cables = connectors.zip(known["cables"].as_array().into_iter().flatten());
                cables.any(|(connector, cable)| *connector == evse.0["connector"] && *cable == "fixed")
            })
        });
        environment.add_function("id_token", |token: Serde<Value>| {
            minijinja::Value::from(Serde(serde_json::json!({ "idToken": token.0["idToken"], "type": token.0["type"] })))
        });
        environment.add_function("seconds_between", |from: String, to: String| {
            let parse = |text: &str| {
                text.parse::<jiff::Timestamp>()
                    .map_err(|error| minijinja::Error::new(minijinja::ErrorKind::InvalidOperation, error.to_string()))
            };
            Ok::<f64, minijinja::Error>(parse(&to)?.duration_since(parse(&from)?).as_secs_f64())
        });
        environment.add_function("later", |time: String, seconds: f64| shift(&time, seconds));
        environment.add_function("earlier", |time: String, seconds: f64| shift(&time, -seconds));
        environment.add_function("uuid", |of: String| uuid_of(&of));
        environment.add_function("certificate", |chain: String| {
            let facts = crate::certificate::Certificate::first(&chain).map_or(Value::Null, |first| first.facts());
            minijinja::Value::from(Serde(facts))
        });
        environment.add_function("signing_request", |pem: String| {
            minijinja::Value::from(Serde(crate::certificate::request_facts(&pem)))
        });
        environment.add_function("hash_data", |chain: String, algorithm: String| {
            minijinja::Value::from(Serde(crate::certificate::hash_data(&chain, &algorithm).unwrap_or(Value::Null)))
        });
        environment.add_filter("of_certificate", |entries: Serde<Vec<Value>>, chain: String| {
            let mut entries = entries.0;
            entries.retain(|entry| crate::certificate::is_hash_of(&entry["certificateHashData"], &chain));
            minijinja::Value::from(Serde(entries))
        });
        environment.add_filter("members", |text: String| {
            text.split(',').map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect::<Vec<_>>()
        });
        environment.add_filter("kebab", |name: String| kebab(&name));
        environment.add_filter("base64", |text: String| base64::engine::general_purpose::STANDARD.encode(text));
        environment.add_filter("url_encoded", |text: String| url_encoded(&text));
        environment.add_filter("sorted_by", |items: Serde<Vec<Value>>, key: String| {
            let mut items = items.0;
            items.sort_by_key(|item| item.get(&key).and_then(Value::as_i64).unwrap_or(i64::MAX));
            minijinja::Value::from(Serde(items))
        });
        environment
    })
}

/// An id as long as OCPP allows (36 characters) that is as unlike any other as the text it is made of.
fn uuid_of(text: &str) -> String {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&Sha256::digest(text.as_bytes())[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid().to_string()
}

/// `GetBaseReport` as `get-base-report`.
fn kebab(name: &str) -> String {
    let mut text = String::with_capacity(name.len() + 4);
    let mut before = '-';
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && (before.is_ascii_lowercase() || before.is_ascii_digit()) {
            text.push('-');
        }
        text.push(letter.to_ascii_lowercase());
        before = letter;
    }
    text
}

/// A segment of a path, or a value of a query.
fn url_encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect()
}

fn contains(state: &minijinja::State, list: &str, member: &str) -> bool {
    state
        .lookup(list)
        .and_then(|value| value.as_str().map(|text| text.split(',').any(|part| part.trim() == member)))
        .unwrap_or(false)
}

fn shift(time: &str, seconds: f64) -> Result<String, minijinja::Error> {
    let bad = |reason: String| minijinja::Error::new(minijinja::ErrorKind::InvalidOperation, reason);
    let time: jiff::Timestamp = time.parse().map_err(|error| bad(format!("{error}")))?;
    let span = jiff::SignedDuration::try_from_secs_f64(seconds).map_err(|error| bad(format!("{error}")))?;
    time.checked_add(span).map(ocpp_time).map_err(|error| bad(format!("{error}")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn names() -> Names {
        let Value::Object(names) = json!({
            "bench": {"interval": 30}, "token": {"idToken": "AB", "type": "ISO14443"}, "nothing": null,
            "tx_start_point": "EVConnected, Authorized",
            "pics": {
                "C-49": true, "C-50": false,
                "evses": [{"id": 1, "connectors": [1, 2], "cables": ["detachable", "fixed"]}],
            },
            "now": "2026-11-21T10:00:00Z",
        }) else {
            unreachable!()
        };
        names.into()
    }

    fn value(template: Value) -> Result<Value, TemplateError> {
        Template::new(template).evaluate(&names())
    }

    #[test]
    fn a_whole_expression_keeps_its_type_and_none_drops_the_property() {
        assert_eq!(
            value(json!({"a": "{{ bench.interval + 1 }}", "b": "x{{ bench.interval }}", "c": "{{ nothing }}",
                "d": "{{ token }}", "e": ["{{ nothing }}", 1]})),
            Ok(json!({"a": 31, "b": "x30", "d": {"idToken": "AB", "type": "ISO14443"}, "e": [1]}))
        );
    }

    #[test]
    fn undefined_names_are_errors() {
        assert!(value(json!("{{ missing }}")).is_err());
        assert!(value(json!("{{ bench.missing }}")).is_err());
        assert!(value(json!("x {{ missing }}")).is_err());
        assert!(Template::expression("missing and true").holds(&names()).is_err());
    }

    #[test]
    fn conditions_must_be_boolean() {
        assert_eq!(Template::expression("bench.interval > 3").holds(&names()), Ok(true));
        assert!(Template::expression("bench.interval").holds(&names()).is_err());
    }

    #[test]
    fn what_others_say_is_true_or_not_or_can_t_be_told() {
        for (expression, expected) in [
            ("bench.interval", true),
            ("bench.interval > 40", false),
            ("pics.evses and token.type", true),
            ("pics.evses | selectattr('id', 'equalto', 2) | list", false),
            ("(pics.evses | selectattr('id', 'equalto', 2) | first).id == 2", false),
            ("nothing", false),
            ("token.group", false),
            ("missing", false),
            ("pics.evses[0].connectors", true),
        ] {
            assert_eq!(Template::expression(expression).is_true(&names()).unwrap_or(false), expected, "{expression}");
        }
        for unknown in ["token.group.id == 1", "pics.evses[7].id == 1", "missing.id", "token + 1"] {
            assert!(Template::expression(unknown).is_true(&names()).is_err(), "{unknown}");
        }
        assert!(Template::expression("a == 1").is_expression());
        assert!(!Template::expression("{{ a }} == {{ b }}").is_expression());
    }

    #[test]
    fn functions_see_the_sut() {
        for (expression, expected) in [
            ("starts_at('Authorized')", true),
            ("starts_at('Auth')", false),
            ("supports('C-49')", true),
            ("supports('C-50') or supports('C-51')", false),
            ("has_fixed_cable({'id': 1, 'connector': 2})", true),
            ("has_fixed_cable({'id': 1, 'connector': 1})", false),
        ] {
            assert_eq!(Template::expression(expression).holds(&names()), Ok(expected), "{expression}");
        }
        assert_eq!(value(json!("{{ later(now, 90) }}")), Ok(json!("2026-11-21T10:01:30.000Z")));
    }

    #[test]
    fn text_is_put_where_it_is_wanted() {
        assert_eq!(
            value(json!("{{ 'GetInstalledCertificateIds' | kebab }}")),
            Ok(json!("get-installed-certificate-ids"))
        );
        assert_eq!(value(json!("{{ 'Aladdin:open sesame' | base64 }}")), Ok(json!("QWxhZGRpbjpvcGVuIHNlc2FtZQ==")));
        assert_eq!(value(json!("/{{ 'CS 1/é' | url_encoded }}")), Ok(json!("/CS%201%2F%C3%A9")));
    }

    #[test]
    fn names_that_nobody_defines_are_told() {
        let template = Template::new(json!({
            "a": "{{ bench.identity }}/{{ env.TOKEN }}", "b": ["{{ payload }}"], "c": "{% set x = 1 %}{{ x }}",
        }));
        assert_eq!(template.undeclared(), ["bench.identity", "env.TOKEN", "payload"]);
    }

    #[test]
    fn syntax_errors_surface_at_load() {
        assert_eq!(Template::new(json!({"a": "{{ 1 + }}", "b": "{{ ok }}"})).syntax_errors().len(), 1);
    }
}
