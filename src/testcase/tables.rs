//! The tables of `docs/test-cases.md`, made from the tables of the language.

use std::fmt::Write as _;

use super::{
    connection::ConnectionAct,
    language::{COMMON, STEPS},
    service::SERVICES,
};
use crate::{
    manual_action::{actions::ACTIONS, settings::Setting},
    vocabulary::{Property, Takes},
};

/// What stands between `<!-- steps: generated -->` and `<!-- end -->`.
pub fn steps() -> String {
    let mut page = String::from("\nAny step may have ");
    page.push_str(&COMMON.iter().map(key).collect::<Vec<_>>().join("; "));
    page.push_str(".\n\n| step | what it does | further keys |\n| --- | --- | --- |\n");
    for step in &STEPS {
        let keys = step.keys.iter().skip(1).map(key).collect::<Vec<_>>().join("; ");
        let _ = writeln!(page, "| `{}: {}` | {} | {keys} |", step.name(), step.subject, step.about);
    }
    page.push_str("\n`connection` takes\n\n| act | what it does | `offer` | `outcome` |\n| --- | --- | --- | --- |\n");
    for act in ConnectionAct::WORDS.iter().filter_map(|word| ConnectionAct::named(word)) {
        let outcomes: Vec<String> = act.outcomes().iter().map(|outcome| format!("`{outcome}`")).collect();
        let offers = act.offers().iter().map(value).collect::<Vec<_>>().join("; ");
        let _ = writeln!(page, "| `{}` | {} | {offers} | {} |", act.word(), act.about(), outcomes.join(", "));
    }
    page.push_str("\n`service` takes\n\n| service | what it does | `with` |\n| --- | --- | --- |\n");
    for service in &SERVICES {
        let with = service.parameters.iter().map(value).collect::<Vec<_>>().join("; ");
        let _ = writeln!(page, "| `{}` | {} | {with} |", service.name, service.about);
    }
    page.push_str("\n`operator` takes\n\n| manual action | `with` |\n| --- | --- |\n");
    for action in ACTIONS {
        let given = action.given();
        let settings: Vec<String> = Setting::of(action.name)
            .iter()
            .map(|setting| match setting.values(action.name) {
                [] => format!("`{}` to any value", setting.word()),
                values => format!("`{}` to {}", setting.word(), values.join(" or ")),
            })
            .collect();
        let mut with: Vec<String> = given
            .iter()
            .map(|parameter| match (parameter.name, parameter.takes) {
                ("what", _) => format!("`what`: {}", settings.join(", ")),
                // Too many to be listed.
                ("action", _) => "`action`: a message that a CSMS sends".into(),
                _ => value(parameter),
            })
            .collect();
        with.retain(|parameter| !parameter.is_empty());
        let _ = writeln!(page, "| `{}` | {} |", action.name, with.join("; "));
    }
    page.push('\n');
    page
}

/// A key of a step: its name, with what it means.
fn key(property: &Property) -> String {
    let optional = if property.required { " (required)" } else { "" };
    match property.about {
        "" => format!("`{}`{optional}", property.name),
        about => format!("`{}`{optional}: {about}", property.name),
    }
}

/// A parameter: its name, with what it takes.
fn value(property: &Property) -> String {
    let optional = if property.required { " (required)" } else { "" };
    let takes = match property.takes {
        Takes::Word(words) => words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", "),
        Takes::Either(known, Takes::Word(words)) => {
            let words = words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
            format!("{words}, or {{ {} }}", known.iter().map(|one| one.name).collect::<Vec<_>>().join(", "))
        }
        Takes::List(Takes::Word(words)) => {
            format!("a list of {}", words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", "))
        }
        Takes::Flag => "true".into(),
        Takes::Integer(_, i64::MAX) | Takes::Text | Takes::Scalar | Takes::Mapping | Takes::List(_) => String::new(),
        other => other.describe(),
    };
    let told = [takes, property.about.to_owned()].into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>();
    if told.is_empty() {
        return format!("`{}`{optional}", property.name);
    }
    format!("`{}`{optional}: {}", property.name, told.join(" – "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_of_the_documents_are_those_of_the_language() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/test-cases.md");
        let page = std::fs::read_to_string(&path).unwrap();
        let (begin, end) = ("<!-- steps: generated -->\n", "<!-- end -->\n");
        let (head, rest) = page.split_once(begin).expect("a beginning");
        let (held, tail) = rest.split_once(end).expect("an end");
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(&path, format!("{head}{begin}{}{end}{tail}", steps())).unwrap();
            return;
        }
        assert!(held == steps(), "docs/test-cases.md is not up to date: UPDATE_DOCS=1 cargo test --lib tables");
    }
}
