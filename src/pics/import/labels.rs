//! Names with a value: `Vendor name: …`, in one line or over several.

use super::{
    document::Form,
    keys,
    zones::{Placed, Zone},
};

/// The one that is so long that it is broken over lines.
pub(super) const COMMUNICATION: &str = "Communication technology used during performance measurement";

/// The names of facts. Those that are words of every day count only where a colon or a cell tells that they are names.
const LABELS: [(&str, bool); 28] = [
    ("Certificate Holder", false),
    ("Certificate Number", false),
    ("Product Type", false),
    ("Product Designation", false),
    ("Firmware Version", false),
    ("OCPP Software Version", false),
    ("Certification Date", false),
    ("Test laboratory", false),
    ("Location", true),
    ("Test Report Reference", false),
    ("Test Location", false),
    ("Vendor name", false),
    ("Device Under Test", false),
    ("Config ID", false),
    (COMMUNICATION, false),
    ("OCTT Version", false),
    ("OCTT Instance ID", false),
    ("Firmware image hash", false),
    ("Tool Version", false),
    ("Run ID", false),
    ("Specification", true),
    ("Name reviewer", false),
    ("Name", true),
    ("Company", true),
    ("Department", true),
    ("Position", true),
    ("Date", true),
    ("Signature", true),
];

/// Names that certificates print without a colon.
const BARE: [&str; 8] = [
    "OCPP Software Version",
    "Test Location",
    COMMUNICATION,
    "OCTT Version",
    "OCTT Instance ID",
    "Firmware image hash",
    "Tool Version",
    "Run ID",
];

/// A line's label, and the pieces behind it with their places across.
pub(super) struct Labelled {
    pub(super) label: &'static str,
    pub(super) values: Vec<(f64, String)>,
    /// The label stands alone in its piece.
    pub(super) apart: bool,
}

/// The label that a line begins with.
pub(super) fn labelled(lines: &[Placed<'_>], at: usize) -> Option<Labelled> {
    let placed = &lines[at];
    if placed.line.pieces.first().is_some_and(|piece| piece.text.is_empty() && placed.line.form == Form::Cells) {
        return None;
    }
    let mut pieces = placed.line.pieces.iter().filter(|piece| !piece.text.is_empty());
    let first = pieces.next()?;
    let others: Vec<(f64, String)> = pieces.map(|piece| (piece.x, piece.text.clone())).collect();
    let approval = placed.zone == Zone::Approval;
    LABELS.iter().find_map(|(label, common)| {
        let wanted = keys::wording(label);
        let (taken, rest) = keys::consume(&wanted, 0, &first.text)?;
        // A long label goes on in the next line.
        let next = lines.get(at + 1).filter(|next| taken > 20 && taken < wanted.len() && next.line.form == Form::Loose);
        let rest_of = next.and_then(|next| next.line.pieces.first()).filter(|piece| (piece.x - first.x).abs() < 2.0);
        let taken =
            rest_of.and_then(|piece| keys::consume(&wanted, taken, &piece.text)).map_or(taken, |(taken, _)| taken);
        let colon = first.text.trim_end().ends_with(':') || first.text[..first.text.len() - rest.len()].contains(':');
        let named = colon || rest.is_empty() && placed.line.form == Form::Cells || !others.is_empty();
        if taken != wanted.len() || *common && !(named || approval) {
            return None;
        }
        // Without a colon and in one piece it is a fact only where certificates print it so; else it is the beginning of a sentence.
        let is_bare = || BARE.contains(label) && rest.split(' ').count() < 8;
        if !(colon || rest.is_empty() || approval || is_bare()) {
            return None;
        }
        let own = (!rest.is_empty()).then(|| (first.x, rest.to_owned()));
        Some(Labelled { label, apart: rest.is_empty(), values: own.into_iter().chain(others.clone()).collect() })
    })
}

/// A text with what comes next; a line that was broken behind a hyphen or the like goes on without a blank.
pub(super) fn appended(mut text: String, next: String) -> String {
    let word = text.rsplit(' ').next().unwrap_or_default();
    let open = word.chars().count() > 1 && word.ends_with(['-', '_', '/']);
    if !text.is_empty() && !next.is_empty() && !open {
        text.push(' ');
    }
    text.push_str(&next);
    text
}

/// The lines with which a value goes on.
pub(super) fn continued(lines: &[Placed<'_>], at: usize, found: &Labelled, claimed: &mut [bool]) -> Vec<String> {
    let here = &lines[at];
    let column = found.values.first().map(|(x, _)| *x).filter(|_| found.apart);
    let start = here.line.pieces.iter().find(|piece| !piece.text.is_empty()).map_or(0.0, |piece| piece.x);
    let mut taken = Vec::new();
    let mut after_blank = false;
    for (next, placed) in lines.iter().enumerate().skip(at + 1).take(6) {
        if placed.page != here.page || placed.begins || placed.zone != here.zone {
            break;
        }
        if placed.line.is_blank() {
            // A label and its value below each other, each a paragraph.
            if found.values.is_empty() && taken.is_empty() && !after_blank {
                after_blank = true;
                continue;
            }
            break;
        }
        if labelled(lines, next).is_some() {
            // What stands between two labels belongs to the upper one.
            return finish(lines, taken, claimed);
        }
        let mut pieces = placed.line.pieces.iter().filter(|piece| !piece.text.is_empty());
        let (Some(piece), None) = (pieces.next(), pieces.next()) else { break };
        let fits = match column {
            Some(column) => (piece.x - column).abs() <= 4.0,
            None if found.values.is_empty() => true,
            // Only what stands below the label itself, up to the next label.
            None => placed.line.form == Form::Loose && (piece.x - start).abs() <= 4.0,
        };
        if !fits {
            break;
        }
        taken.push(next);
    }
    // Nothing but a column of its own tells that it goes on, where no label ends it.
    if column.is_none() && !found.values.is_empty() { Vec::new() } else { finish(lines, taken, claimed) }
}

fn finish(lines: &[Placed<'_>], taken: Vec<usize>, claimed: &mut [bool]) -> Vec<String> {
    let text = |at: usize| {
        claimed[at] = true;
        lines[at].line.text()
    };
    taken.into_iter().map(text).collect()
}

/// The line before a label whose value is centred around it.
pub(super) fn centred(lines: &[Placed<'_>], at: usize, claimed: &mut [bool]) -> Option<String> {
    let before = at.checked_sub(1)?;
    let (line, label) = (lines[before].line, lines[at].line.pieces.iter().find(|piece| !piece.text.is_empty())?);
    let [piece] = line.pieces.as_slice() else { return None };
    if claimed[before] || line.form != Form::Loose || piece.x < label.x + 8.0 || labelled(lines, before).is_some() {
        return None;
    }
    claimed[before] = true;
    Some(piece.text.clone())
}
