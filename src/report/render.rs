//! The abstract as HTML and as Markdown, from one model.

use std::{borrow::Cow, fmt::Write as _};

use crate::text::visible;
use minijinja::{Environment, value::Serde};

use super::abstract_model::Abstract;

/// Renders a template with HTML escaping on; a template that can't be rendered is a defect of ours, said on the page.
pub(crate) fn html(template: &str, context: &impl serde::Serialize) -> String {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| minijinja::AutoEscape::Html);
    // What turns the reading direction round would hide what else stands there.
    environment.set_formatter(|out, state, value| match value.as_str().filter(|_| !value.is_safe()).map(visible) {
        Some(Cow::Owned(shown)) => minijinja::escape_formatter(out, state, &shown.into()),
        _ => minijinja::escape_formatter(out, state, value),
    });
    environment
        .template_from_named_str("report.html", template)
        .and_then(|template| template.render(Serde(context)))
        .unwrap_or_else(|error| {
            format!("<!doctype html><title>ocpp-attest</title><p>This report can't be shown: {error}")
        })
}

/// The abstract as one HTML page.
pub(super) fn abstract_html(model: &Abstract) -> String {
    html(include_str!("abstract.html"), model)
}

/// The abstract as Markdown.
pub(super) fn abstract_markdown(model: &Abstract) -> String {
    let mut out = format!("# {}\n\n*{}*\n", cell(&model.heading), cell(&model.disclaimer));
    for warning in &model.warnings {
        let _ = writeln!(out, "\n**{}**", cell(warning));
    }
    for section in &model.sections {
        if !section.title.is_empty() {
            let _ = writeln!(out, "\n{} {}", "#".repeat(usize::from(section.level)), cell(&section.title));
        }
        if !section.text.is_empty() {
            let _ = writeln!(out, "\n{}", cell(&section.text));
        }
        for table in &section.tables {
            let width = table.rows.first().map_or(table.columns.len(), Vec::len);
            let line = |cells: &[String]| {
                format!("| {} |\n", cells.iter().map(|text| cell(text)).collect::<Vec<_>>().join(" | "))
            };
            out.push('\n');
            out.push_str(&if table.columns.is_empty() {
                line(&vec![String::new(); width])
            } else {
                line(&table.columns)
            });
            out.push_str(&format!("|{}\n", " --- |".repeat(width)));
            for row in &table.rows {
                out.push_str(&line(row));
            }
        }
    }
    if let Some(seal) = &model.seal {
        let _ = writeln!(out, "\n**{}** `{}`: {}", cell(&seal.title), seal.digits, cell(&seal.text));
    }
    let _ = writeln!(out, "\n*{}*", cell(&model.closing));
    out
}

/// A text that stays within its cell, whatever is in it.
fn cell(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '|' | '\\' | '`' | '*' | '_' | '[' | ']' | '~' | '$' => {
                clean.push('\\');
                clean.push(c);
            }
            '<' => clean.push_str("&lt;"),
            '>' => clean.push_str("&gt;"),
            '&' => clean.push_str("&amp;"),
            '\n' => clean.push_str("<br>"),
            c => clean.push(c),
        }
    }
    clean
}
