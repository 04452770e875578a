//! What the keys of a file take: closed sets of words, numbers, lists, mappings. One description of a key serves the
//! checks of the reader, the check of a value that an expression yields, the JSON Schema for editors and the documents.

use serde_json::{Map, Value, json};

use crate::{
    protocol::{Protocol, Version, semantics::WordSet},
    yaml::{Defect, Key, Kind, Node, nearest},
};

/// The version of OCPP that a file is about; none where it may be about any.
pub type Scope = Option<&'static Protocol>;

/// The words of a set, as the versions in the scope have them.
pub fn words_of(set: WordSet, scope: Scope) -> Vec<String> {
    let all = Version::ALL.into_iter().map(Version::protocol);
    let mut words: Vec<String> = Vec::new();
    for protocol in all.filter(|protocol| scope.is_none_or(|wanted| wanted.version == protocol.version)) {
        words.extend(protocol.words(set).into_iter().filter(|word| !words.contains(word)).collect::<Vec<_>>());
    }
    // The words of an enumeration have an order of their own.
    if set == WordSet::RequestsOfCsms {
        words.sort_unstable();
    }
    words
}

/// A key of a mapping, and what it takes.
#[derive(Debug, Clone, Copy)]
pub struct Property {
    /// The key.
    pub name: &'static str,
    /// It must be given.
    pub required: bool,
    /// What it takes.
    pub takes: Takes,
    /// A line of documentation; may be empty.
    pub about: &'static str,
    /// What stands there is secret: no complaint shows it.
    pub secret: bool,
}

impl Property {
    /// A key that may be left out.
    pub const fn optional(name: &'static str, takes: Takes) -> Self {
        Self { name, required: false, takes, about: "", secret: false }
    }

    /// A key that must be given.
    pub const fn required(name: &'static str, takes: Takes) -> Self {
        Self { name, required: true, takes, about: "", secret: false }
    }

    /// The same with a line of documentation.
    #[must_use]
    pub const fn about(self, about: &'static str) -> Self {
        Self { about, ..self }
    }

    /// The same for a secret.
    #[must_use]
    pub const fn secret(self) -> Self {
        Self { secret: true, ..self }
    }

    /// What is wrong with a value there.
    pub fn check(&self, value: &Node, scope: Scope) -> Vec<Defect> {
        let mut defects = self.takes.check(self.name, value, scope);
        if self.secret && !defects.is_empty() {
            let Self { name, takes, .. } = self;
            let message = format!("`{name}` must be {}, found {}", takes.describe(), value.describe_secret());
            defects = vec![Defect::new(value.at, message, "correct it; what stands there is secret and not shown")];
        }
        defects
    }
}

/// What a key takes. Wherever a value is wanted, a text with an expression (`{{ … }}`) stands for one: what it yields is
/// checked when it is evaluated. Only [`Takes::Switch`] and [`Takes::Keyword`] are known before.
#[derive(Debug, Clone, Copy)]
pub enum Takes {
    /// Any value.
    Anything,
    /// Text.
    Text,
    /// Text, a number, or true or false.
    Scalar,
    /// True or false.
    Flag,
    /// True or false, and no expression.
    Switch,
    /// One of these words, and no expression.
    Keyword(fn(Scope) -> Vec<String>),
    /// A bare expression, as conditions are.
    Expression,
    /// A number (of seconds, say).
    Number,
    /// A whole number, from and to.
    Integer(i64, i64),
    /// One of these words.
    Word(&'static [&'static str]),
    /// One of these words, where only the code knows them.
    Named(fn(Scope) -> Vec<String>),
    /// A list of such values.
    List(&'static Takes),
    /// One such value, or a list of them.
    OneOrMore(&'static Takes),
    /// A mapping with these keys.
    Members(&'static [Property]),
    /// A mapping with keys of the author's own.
    Mapping,
    /// A mapping with these keys, or what comes second.
    Either(&'static [Property], &'static Takes),
    /// What the reader reads with rules of its own; the schema has it under this name in `$defs`.
    Defined(&'static str),
}

/// Whose keys are checked, for what the author is told.
#[derive(Debug, Clone, Copy)]
pub struct Owner<'a> {
    /// Its name in the file, `firmware`, or what it is, `a state`.
    pub name: &'a str,
    /// What its keys are called, `parameter`.
    pub noun: &'a str,
    /// Where a missing one is to be added, ` under `with``; may be empty.
    pub place: &'a str,
    /// What its words are those of.
    pub scope: Scope,
}

impl<'a> Owner<'a> {
    /// The owner of keys.
    pub fn of_keys(name: &'a str, scope: Scope) -> Self {
        Self { name, noun: "key", place: "", scope }
    }

    fn of(&self) -> String {
        if self.name.contains(' ') { self.name.to_owned() } else { format!("`{}`", self.name) }
    }

    fn no_mapping(&self, node: &Node) -> Defect {
        let message = format!("the {}s of {} must be a mapping, found {}", self.noun, self.of(), node.describe());
        Defect::new(node.at, message, "write `name: value`")
    }

    /// What is said of a key that it does not have.
    pub fn unknown<'k>(&self, key: &Key, known: impl Iterator<Item = &'k str> + Clone) -> Defect {
        let message = format!("{} has no {} `{}`", self.of(), self.noun, key.name);
        Defect::new(key.at, message, help(&key.name, known, "it has"))
    }
}

/// The keys of a mapping that are none of these, where the reader itself reads what stands under each; one defect where it is no
/// mapping.
pub fn check_keys(owner: Owner<'_>, known: &[&str], node: &Node) -> Vec<Defect> {
    let Some(entries) = node.map() else { return vec![owner.no_mapping(node)] };
    let unknown = entries.iter().map(|(key, _)| key).filter(|key| !known.contains(&key.name.as_str()));
    unknown.map(|key| owner.unknown(key, known.iter().copied())).collect()
}

/// The keys of a mapping: those that are known, all that are required, each with a value that it takes. `node` is missing
/// where no key is given at all; what is missing is then told at `around`.
pub fn check(owner: Owner<'_>, known: &[Property], node: Option<&Node>, around: &Node) -> Vec<Defect> {
    let mut defects = Vec::new();
    let Owner { noun, place, scope, .. } = owner;
    let of = owner.of();
    if let Some(node) = node.filter(|node| node.map().is_none()) {
        return vec![owner.no_mapping(node)];
    }
    // Where a version has no words for a key, there is nothing to be written.
    let demanded = |property: &&Property| {
        property.required && !matches!(property.takes, Takes::Named(words) if words(scope).is_empty())
    };
    for property in known.iter().filter(demanded) {
        if node.and_then(|node| node.get(property.name)).is_none() {
            let message = format!("{of} lacks its {noun} `{}`", property.name);
            defects.push(Defect::new(around.at, message, format!("add `{}: …`{place}", property.name)));
        }
    }
    for (key, value) in node.and_then(Node::map).unwrap_or_default() {
        match known.iter().find(|property| property.name == key.name) {
            Some(property) => defects.extend(property.check(value, scope)),
            None => defects.push(owner.unknown(key, known.iter().map(|property| property.name))),
        }
    }
    defects
}

/// The same of a value that has come of expressions: what is wrong with it, in one line.
pub fn check_value(owner: Owner<'_>, known: &[Property], value: &Value) -> Result<(), String> {
    let node = Node::from_json(value);
    match check(owner, known, Some(&node), &node).first() {
        None => Ok(()),
        Some(Defect { message, help, .. }) => Err(format!("{message} ({help})")),
    }
}

/// The nearest word, or all that there are.
pub fn help<'a>(word: &str, known: impl Iterator<Item = &'a str> + Clone, all: &str) -> String {
    match nearest(word, known.clone()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => match known.collect::<Vec<_>>() {
            none if none.is_empty() => "leave it out".to_owned(),
            known => format!("{all}: {}", known.join(", ")),
        },
    }
}

impl Takes {
    /// What is wrong with the value of the key `name`.
    pub fn check(self, name: &str, node: &Node, scope: Scope) -> Vec<Defect> {
        let fixed = matches!(self, Takes::Switch | Takes::Keyword(_));
        if !fixed && node.text().is_some_and(|text| text.contains("{{")) {
            return Vec::new();
        }
        let wrong = |wanted: &str| {
            let message = format!("`{name}` must be {wanted}, found {}", node.describe());
            let help = if fixed { "correct it" } else { "correct it, or write an expression that yields such a value" };
            vec![Defect::new(node.at, message, help)]
        };
        let word = |known: &mut dyn Iterator<Item = &str>| {
            let known: Vec<&str> = known.collect();
            let found = node.scalar();
            if found.as_deref().is_some_and(|word| known.contains(&word)) {
                return Vec::new();
            }
            let help = help(&found.unwrap_or_default(), known.iter().copied(), "known");
            vec![Defect::new(node.at, format!("`{name}` can't be {}", node.describe()), help)]
        };
        match (self, &node.kind) {
            (Takes::Anything | Takes::Defined(_), _)
            | (Takes::Text, Kind::Text(_))
            | (Takes::Scalar | Takes::Expression, Kind::Text(_) | Kind::Bool(_) | Kind::Integer(_) | Kind::Float(_))
            | (Takes::Flag | Takes::Switch, Kind::Bool(_))
            | (Takes::Number, Kind::Integer(_) | Kind::Float(_))
            | (Takes::Mapping, Kind::Map(_)) => Vec::new(),
            (Takes::Integer(from, to), Kind::Integer(number)) if (from..=to).contains(number) => Vec::new(),
            (Takes::List(item), Kind::List(items)) => {
                items.iter().flat_map(|node| item.check(name, node, scope)).collect()
            }
            (Takes::OneOrMore(item), Kind::List(items)) => {
                items.iter().flat_map(|node| item.check(name, node, scope)).collect()
            }
            (Takes::OneOrMore(item) | Takes::Either(_, item), kind)
                if !matches!((self, kind), (Takes::Either(..), Kind::Map(_))) =>
            {
                item.check(name, node, scope)
            }
            (Takes::Members(known) | Takes::Either(known, _), Kind::Map(_)) => {
                check(Owner::of_keys(name, scope), known, Some(node), node)
            }
            (Takes::Word(words), _) => word(&mut words.iter().copied()),
            (Takes::Named(words) | Takes::Keyword(words), _) => word(&mut words(scope).iter().map(String::as_str)),
            _ => wrong(&self.describe()),
        }
    }

    /// What it takes, in words.
    pub fn describe(self) -> String {
        match self {
            Takes::Anything | Takes::Defined(_) => "any value".into(),
            Takes::Text => "text".into(),
            Takes::Scalar => "a word or a number".into(),
            Takes::Flag | Takes::Switch => "true or false".into(),
            Takes::Expression => "an expression".into(),
            Takes::Number => "a number".into(),
            Takes::Integer(from, i64::MAX) => format!("a whole number from {from}"),
            Takes::Integer(from, to) => format!("a whole number from {from} to {to}"),
            Takes::Word(words) => format!("one of {}", words.join(", ")),
            Takes::Named(words) | Takes::Keyword(words) => format!("one of {}", words(None).join(", ")),
            Takes::List(_) => "a list".into(),
            Takes::OneOrMore(item) => format!("{}, or a list of such", item.describe()),
            Takes::Members(known) => {
                format!("a mapping of {}", known.iter().map(|one| one.name).collect::<Vec<_>>().join(", "))
            }
            Takes::Mapping => "a mapping".into(),
            Takes::Either(known, other) => format!("{}, or {}", other.describe(), Takes::Members(known).describe()),
        }
    }

    /// The JSON Schema of what it takes.
    pub fn schema(self) -> Value {
        let or_expression = |of: &str| json!({ "anyOf": [{ "type": of }, expression()] });
        let words = |words: Vec<String>| json!({ "anyOf": [{ "enum": words }, expression()] });
        match self {
            Takes::Anything => json!({}),
            Takes::Text => json!({ "type": "string" }),
            Takes::Scalar | Takes::Expression => json!({ "type": ["string", "number", "boolean"] }),
            Takes::Flag => or_expression("boolean"),
            Takes::Switch => json!({ "type": "boolean" }),
            Takes::Keyword(known) => json!({ "enum": as_yaml_reads(known(None)) }),
            Takes::Number => or_expression("number"),
            Takes::Integer(from, i64::MAX) => {
                json!({ "anyOf": [{ "type": "integer", "minimum": from }, expression()] })
            }
            Takes::Integer(from, to) => {
                json!({ "anyOf": [{ "type": "integer", "minimum": from, "maximum": to }, expression()] })
            }
            Takes::Word(known) => words(known.iter().map(|&word| word.to_owned()).collect()),
            Takes::Named(known) => words(known(None)),
            Takes::List(item) => {
                json!({ "anyOf": [{ "type": "array", "items": item.schema() }, expression()] })
            }
            Takes::OneOrMore(item) => {
                let item = item.schema();
                json!({ "anyOf": [item, { "type": "array", "items": item }] })
            }
            Takes::Members(known) => json!({ "anyOf": [members(known), expression()] }),
            Takes::Mapping => or_expression("object"),
            Takes::Either(known, other) => json!({ "anyOf": [members(known), other.schema()] }),
            Takes::Defined(name) => json!({ "$ref": format!("#/$defs/{name}") }),
        }
    }
}

/// The words as YAML reads them: `2.1` is a number.
pub fn as_yaml_reads(words: Vec<String>) -> Vec<Value> {
    let value = |word: String| match word.parse::<f64>() {
        Ok(number) if number.is_finite() => json!(number),
        _ => word.into(),
    };
    words.into_iter().map(value).collect()
}

/// A text with an expression in it.
fn expression() -> Value {
    json!({ "type": "string", "pattern": "\\{\\{" })
}

/// The JSON Schema of a mapping with these keys.
pub fn members(known: &[Property]) -> Value {
    let of = |property: &Property| {
        let mut schema = property.takes.schema();
        if !property.about.is_empty() {
            schema["description"] = property.about.into();
        }
        (property.name.to_owned(), schema)
    };
    let mut schema = json!({
        "type": "object",
        "properties": known.iter().map(of).collect::<Map<_, _>>(),
        "additionalProperties": false,
    });
    let required: Vec<&str> = known.iter().filter(|one| one.required).map(|one| one.name).collect();
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::Source;

    const KNOWN: [Property; 6] = [
        Property::required("kind", Takes::Word(&["valid", "expired"])),
        Property::optional("status", Takes::Integer(300, 599)),
        Property::optional("suites", Takes::List(&Takes::Word(&["A", "B"]))),
        Property::optional("keep", Takes::Flag),
        Property::optional("pair", Takes::Either(&[Property::required("key", Takes::Text)], &Takes::Word(&["none"]))),
        Property::optional("codes", Takes::OneOrMore(&Takes::Word(&["X"]))),
    ];

    fn told(text: &str) -> String {
        let source = Source::new("f.yaml", text);
        let node = source.parse().unwrap();
        let defects = check(Owner::of_keys("it", None), &KNOWN, Some(&node), &node);
        let by_schema = jsonschema::validator_for(&members(&KNOWN)).unwrap().is_valid(&node.to_json());
        assert_eq!(by_schema, defects.is_empty(), "schema and check disagree on {text}");
        defects.iter().map(|Defect { at, message, help }| format!("{at}: {message} → {help}\n")).collect()
    }

    #[test]
    fn a_value_that_a_key_does_not_take_is_told_at_its_place() {
        insta::assert_snapshot!(
            told("kid: valid\nstatus: 200\nsuites: [A, C]\nkeep: yes\npair: { kay: x }\ncodes: [X, Y]\n"),
            @r#"
            1:1: `it` lacks its key `kind` → add `kind: …`
            1:1: `it` has no key `kid` → did you mean `kind`?
            2:9: `status` must be a whole number from 300 to 599, found the number 200 → correct it, or write an expression that yields such a value
            3:13: `suites` can't be the text "C" → did you mean `A`?
            4:7: `keep` must be true or false, found the text "yes" → correct it, or write an expression that yields such a value
            5:7: `pair` lacks its key `key` → add `key: …`
            5:9: `pair` has no key `kay` → did you mean `key`?
            6:12: `codes` can't be the text "Y" → did you mean `X`?
            "#
        );
        insta::assert_snapshot!(told("kind: expird\nsuites: A\npair: nothing\ncodes: Z\n"), @r#"
        1:7: `kind` can't be the text "expird" → did you mean `expired`?
        2:9: `suites` must be a list, found the text "A" → correct it, or write an expression that yields such a value
        3:7: `pair` can't be the text "nothing" → known: none
        4:8: `codes` can't be the text "Z" → did you mean `X`?
        "#);
    }

    #[test]
    fn what_is_right_and_what_is_an_expression_is_let_be() {
        assert_eq!(told("kind: valid\nstatus: 503\nsuites: [A, B]\nkeep: true\npair: none\ncodes: X\n"), "");
        assert_eq!(told("kind: '{{ k }}'\nstatus: '{{ s }}'\nsuites: ['{{ a }}', B]\npair: { key: '{{ k }}' }\n"), "");
    }

    #[test]
    fn what_an_expression_has_yielded_is_told_in_one_line() {
        let of = |value: Value| check_value(Owner::of_keys("it", None), &KNOWN, &value);
        assert_eq!(of(json!({ "kind": "expired" })), Ok(()));
        insta::assert_snapshot!(of(json!({ "kind": "expired", "status": "503" })).unwrap_err(), @r#"`status` must be a whole number from 300 to 599, found the text "503" (correct it, or write an expression that yields such a value)"#);
        insta::assert_snapshot!(of(json!({ "kind": "valdi" })).unwrap_err(), @r#"`kind` can't be the text "valdi" (known: valid, expired)"#);
    }
}
