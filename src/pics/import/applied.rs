//! By whom and on what evidence a product was tested, as the certificate itself says it.

use std::sync::LazyLock;

use regex::Regex;

use super::{
    Remarks,
    document::{Form, Place},
    keys,
    labels::appended,
    text::letters,
    zones::{Placed, Zone},
};
use crate::yaml::{Position, shorten};

const UNDIVIDED: &str = "by whom it was tested, and on what evidence, could not be told apart";
const UNDIVIDED_HELP: &str = "fill in `tested` and `evidence` under `references:`, where they are wanted";

/// By whom and when the product was tested, and the document that shows it.
pub(super) fn read(lines: &[Placed<'_>], remarks: &mut Remarks) -> (Option<String>, Option<String>) {
    static DATED: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r"^(.*?(?:[A-Z][a-z]+\.? \d{1,2}, ?\d{4}|\d{1,2}\.? [A-Z][a-z]+ \d{4}|\d{4}-\d{2}-\d{2})) (.+)$")
            .ok()
    });
    let zone: Vec<&Placed<'_>> = lines.iter().filter(|placed| placed.zone == Zone::Applied).collect();
    let Some(head) = zone.first() else { return (None, None) };
    let at_head = Place { page: head.page, at: Position { line: head.line.number, column: 1 } };
    // Where the head is broken over lines, the first row that is whole tells the columns.
    let Some(columns) = zone.iter().map(|placed| &placed.line.pieces).find(|pieces| pieces.len() == 3) else {
        let all = zone.iter().map(|placed| placed.line.text()).fold(String::new(), appended);
        let heads = "Applied Performed by / On Document Evidence";
        let phrase = "Conformance testing according to the test specification referenced by the test report";
        let rest = behind(heads, &all).and_then(|rest| behind(phrase, rest));
        return match rest.and_then(|rest| DATED.as_ref()?.captures(rest)) {
            Some(found) => {
                let message = format!(
                    "by whom it was tested, and on what evidence, was told apart by the date: \"{}\" and \"{}\"",
                    shorten(&found[1], 90),
                    shorten(&found[2], 90)
                );
                remarks.add(
                    at_head,
                    message,
                    "compare `tested` and `evidence` under `references:` with the certificate",
                );
                (Some(found[1].to_owned()), Some(found[2].to_owned()))
            }
            None => {
                remarks.add(at_head, UNDIVIDED, UNDIVIDED_HELP);
                (None, None)
            }
        };
    };
    let (tested, evidence) = (&columns[1], &columns[2]);
    let mut found = (String::new(), String::new());
    let mut parts = 0;
    for placed in zone[1..].iter().filter(|placed| !is_head(&placed.line.text())) {
        let whole = placed.line.pieces.len() == 3;
        let through = |border: f64| placed.line.pieces.iter().any(|it| it.x + 4.0 < border && border + 1.0 < it.end);
        if placed.line.form == Form::Loose && !whole {
            match (through(tested.x), through(evidence.x)) {
                (false, false) => {}
                // The sentence behind the table.
                (true, true) if placed.line.pieces.len() == 1 => break,
                _ => {
                    let place = Place { page: placed.page, at: Position { line: placed.line.number, column: 1 } };
                    remarks.add(place, UNDIVIDED, UNDIVIDED_HELP);
                    return (None, None);
                }
            }
        }
        for (index, piece) in placed.line.pieces.iter().enumerate() {
            let column = match placed.line.form {
                Form::Cells => index,
                Form::Loose if whole => index,
                Form::Loose if piece.x + 4.0 >= evidence.x => 2,
                Form::Loose => usize::from(piece.x + 4.0 >= tested.x),
            };
            let text = piece.text.clone();
            match column {
                1 => found.0 = appended(found.0, text),
                2 => {
                    parts += 1;
                    found.1 = appended(found.1, text);
                }
                _ => {}
            }
        }
        if placed.line.form == Form::Cells {
            break;
        }
    }
    if found.0.is_empty() || found.1.is_empty() {
        remarks.add(at_head, UNDIVIDED, UNDIVIDED_HELP);
    }
    if parts > 1 {
        let message = format!("the document evidence was put together of several lines: \"{}\"", shorten(&found.1, 90));
        remarks.add(at_head, message, "look whether the blanks of `evidence` under `references:` are right");
    }
    (Some(found.0).filter(|text| !text.is_empty()), Some(found.1).filter(|text| !text.is_empty()))
}

/// What follows a text that is known.
fn behind<'t>(known: &str, text: &'t str) -> Option<&'t str> {
    let known = keys::wording(known);
    keys::consume(&known, 0, text).filter(|(taken, _)| *taken == known.len()).map(|(_, rest)| rest)
}

/// A part of the head of the table.
fn is_head(text: &str) -> bool {
    matches!(letters(text).as_str(), "performedbyon" | "document" | "evidence" | "documentevidence")
}
