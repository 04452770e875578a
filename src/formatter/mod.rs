//! One form for the files that people write: test cases, states, PICS and benches (`ocpp-attest fmt`).
//!
//! `pretty_yaml` does the layout and keeps the comments. Ours on top of it: the order of keys ([`order`]), and the style where a
//! line gets too long ([`style`]). The result is compared with the original before anybody sees it, so that no defect of a printer can
//! change what a file means.

mod order;
mod sorting;
mod style;

use order::FileKind;
use pretty_yaml::config::{FormatOptions, LanguageOptions, LayoutOptions};

use crate::yaml::{Defect, Defects, Kind, Node, Position, Source};

/// Columns of a line.
const WIDTH: usize = 130;

/// Deeper files are refused: the printer recurses, and no file of ours is nearly as deep.
const DEEPEST: usize = 32;

/// The text of a test case, state, PICS or bench in its one form; `None` where the file is none of these.
///
/// A file that cannot be read, or whose meaning the form would change, is a defect.
pub fn format(source: &Source) -> Result<Option<String>, Defects> {
    let before = source.parse()?;
    if let Some(at) = too_deep(&before, DEEPEST) {
        let message = format!("this is nested more than {DEEPEST} deep");
        return Err(source.defects(vec![Defect::new(at, message, "write it flatter")]));
    }
    let Some(kind) = FileKind::of(&before) else { return Ok(None) };
    let refuse = |at: Position, why: &str| {
        let help = "write this place in another way; if it looks ordinary, please report it";
        source.defects(vec![Defect::new(at, format!("the file was not formatted: {why}"), help)])
    };
    let sorted = sorting::sorted(&source.text, kind.place());
    let text = sorted.and_then(|text| laid_out(&text)).map_err(|error| refuse(error.at, &error.message))?;
    let after = Source::new(source.name.clone(), text.as_str()).parse();
    let after = after.map_err(|_| refuse(before.at, "the form of this file could not be read back"))?;
    let comments = |text: &str| syntax(text).map(|root| style::comments(&root));
    let kept = matches!((comments(&source.text), comments(&text)), (Ok(before), Ok(after)) if before == after);
    match difference(&kind.place().sorted(before), &after) {
        None if kept => Ok(Some(text)),
        None => Err(refuse(after.at, "a comment would get lost")),
        Some(at) => Err(refuse(at, "its form would mean something else here")),
    }
}

/// What is said of a file that is none of those that have a form.
pub fn unknown(source: &Source) -> Defects {
    let message = "this is no test case, state, PICS or bench";
    source.defects(vec![Defect::new(Position::default(), message, "only these files have one form; leave it out")])
}

/// A text that the printer does not understand, although it is YAML.
struct Unprintable {
    at: Position,
    message: String,
}

/// The syntax tree of a text.
fn syntax(text: &str) -> Result<yaml_parser::SyntaxNode, Unprintable> {
    yaml_parser::parse(text).map_err(|error| {
        let before: String = text.chars().take(error.offset()).collect();
        let line = before.matches('\n').count() + 1;
        let column = before.chars().rev().take_while(|&c| c != '\n').count() + 1;
        Unprintable { at: Position { line, column }, message: "its syntax is not understood here".to_owned() }
    })
}

/// The text with one layout.
fn laid_out(text: &str) -> Result<String, Unprintable> {
    let original = syntax(text)?;
    let options = FormatOptions {
        layout: LayoutOptions { print_width: WIDTH, ..LayoutOptions::default() },
        language: LanguageOptions { trailing_comma: false, prefer_single_line: true, ..LanguageOptions::default() },
    };
    let print = |text: &str| {
        let print = pretty_yaml::format_text(text, &options);
        print.or_else(|_| syntax(text).map(|_| text.to_owned()))
    };
    let mut text = print(text)?;
    // What is unfolded may hold what is too long itself. No file is deeper than this.
    for _ in 0..DEEPEST {
        match style::unfolded(&syntax(&text)?) {
            Some(unfolded) => text = print(&unfolded)?,
            None => break,
        }
    }
    let text = style::filled(&syntax(&text)?);
    let text = style::reindented(&syntax(&text)?, &original);
    Ok(style::aligned(&syntax(&text)?))
}

/// A place that is nested deeper than `left`.
fn too_deep(node: &Node, left: usize) -> Option<Position> {
    if left == 0 {
        return Some(node.at);
    }
    match &node.kind {
        Kind::List(items) => items.iter().find_map(|item| too_deep(item, left - 1)),
        Kind::Map(entries) => entries.iter().find_map(|(_, value)| too_deep(value, left - 1)),
        _ => None,
    }
}

/// Where two trees first differ, as a place of the first; places themselves do not count, the order of keys does.
fn difference(one: &Node, other: &Node) -> Option<Position> {
    match (&one.kind, &other.kind) {
        (Kind::List(items), Kind::List(others)) if items.len() == others.len() => {
            items.iter().zip(others).find_map(|(item, other)| difference(item, other))
        }
        (Kind::Map(entries), Kind::Map(others)) if entries.len() == others.len() => {
            entries.iter().zip(others).find_map(|((key, value), (other, others))| {
                if key.name == other.name { difference(value, others) } else { Some(key.at) }
            })
        }
        (Kind::Float(number), Kind::Float(other)) if number.to_bits() == other.to_bits() => None,
        (kind, other) if kind == other => None,
        _ => Some(one.at),
    }
}

#[cfg(test)]
mod tests;
