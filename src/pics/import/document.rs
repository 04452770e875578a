//! A certificate as lines of cells, whatever it was given as.
//!
//! A line of a table that is marked as such (tabs, pipes, ruled cells of a PDF) has its cells; any other line has pieces that
//! stand apart, with the place at which they stand across. What belongs together is found out later (`layout.rs`).

use serde::{Deserialize, Serialize};

use super::{keys, labels, text};
use crate::yaml::{Position, Source};

/// Whether the borders between the pieces of a line are certain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Form {
    /// Pieces are the cells of a row, empty ones included.
    Cells,
    /// Pieces stand apart by blanks.
    Loose,
}

/// A cell, or a piece of a line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Piece {
    /// Where it begins, in characters from the left.
    pub x: f64,
    /// Where it ends.
    pub end: f64,
    /// The text, on one line.
    pub text: String,
    /// Column in the page's text, from 1.
    pub column: usize,
}

/// A line of the document, or a row of a table with all lines of its cells.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// Line in the page's text, from 1.
    pub number: usize,
    /// Whether the borders between pieces are certain.
    pub form: Form,
    /// Lines of one band have no rule between them.
    pub band: usize,
    /// The pieces, from left to right.
    pub pieces: Vec<Piece>,
}

impl Line {
    /// The text with one blank between pieces.
    pub fn text(&self) -> String {
        let words: Vec<&str> =
            self.pieces.iter().map(|piece| piece.text.as_str()).filter(|text| !text.is_empty()).collect();
        words.join(" ")
    }

    /// The text of the first piece that is not empty.
    pub fn first(&self) -> &str {
        self.pieces.iter().map(|piece| piece.text.as_str()).find(|text| !text.is_empty()).unwrap_or_default()
    }

    /// True when nothing stands there.
    pub fn is_blank(&self) -> bool {
        self.pieces.iter().all(|piece| piece.text.is_empty())
    }
}

/// A page, or the whole of a text without pages.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// Its text, to point into.
    pub source: Source,
    /// Its lines.
    pub lines: Vec<Line>,
}

/// A place in a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Place {
    /// Index of the page.
    pub page: usize,
    /// Line and column there; line 0 means the document as a whole.
    pub at: Position,
}

/// A whole document.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// Its name, to print.
    pub name: String,
    /// Its pages; one for a text.
    pub pages: Vec<Page>,
    /// What could not be read of it, or was guessed, before its content was looked at.
    pub remarks: Vec<(Place, String)>,
}

impl Document {
    /// A text, as it was decoded.
    pub fn from_text(name: &str, text: &str) -> Self {
        let source = Source::new(name, text);
        let lines = text::lines(&source.text);
        Self { name: name.to_owned(), pages: vec![Page { source, lines }], remarks: Vec::new() }
    }

    /// What was read from the pages of a PDF: their lines, and what could not be read of each.
    pub fn from_sheets(name: &str, sheets: Vec<Sheet>) -> Self {
        let mut document = Self { name: name.to_owned(), pages: Vec::new(), remarks: Vec::new() };
        for (index, mut sheet) in mended(sheets).into_iter().enumerate() {
            let mut shown = String::new();
            for (number, line) in sheet.lines.iter_mut().enumerate() {
                line.number = number + 1;
                show(line, &mut shown);
            }
            let place = Place { page: index, at: Position { line: 1, column: 1 } };
            document.remarks.extend(sheet.remarks.into_iter().map(|remark| (place, remark)));
            let source = Source::new(format!("{name} page {}", index + 1), shown);
            document.pages.push(Page { source, lines: sheet.lines });
        }
        document
    }

    /// Notes what was guessed of the document as a whole.
    pub fn note(&mut self, remark: &str) {
        self.remarks.push((Place::default(), remark.to_owned()));
    }

    /// All lines, each with its page, in order.
    pub fn lines(&self) -> impl Iterator<Item = (usize, &Line)> {
        self.pages.iter().enumerate().flat_map(|(page, of)| of.lines.iter().map(move |line| (page, line)))
    }
}

/// The pages with the rows whole whose first cell is broken over two of them.
fn mended(mut sheets: Vec<Sheet>) -> Vec<Sheet> {
    let is_row = |line: &Line| line.form == Form::Cells;
    for next in 1..sheets.len() {
        let (before, after) = sheets.split_at_mut(next);
        let (Some(before), Some(after)) = (before.last_mut(), after.first_mut()) else { continue };
        let Some(at) = after.lines.iter().position(is_row) else { continue };
        let Some(upper) = before.lines.iter_mut().rfind(|line| is_row(line)) else { continue };
        let lower = &after.lines[at];
        if upper.pieces.len() == lower.pieces.len() && keys::is_broken(upper.first(), lower.first()) {
            for (upper, lower) in upper.pieces.iter_mut().zip(&lower.pieces) {
                upper.text = labels::appended(std::mem::take(&mut upper.text), lower.text.clone());
            }
            after.lines.remove(at);
        }
    }
    sheets
}

/// Writes a line as it is shown in messages, and notes where its pieces begin.
fn show(line: &mut Line, shown: &mut String) {
    let mut column = 1;
    for (index, piece) in line.pieces.iter_mut().enumerate() {
        if index > 0 {
            let apart = if line.form == Form::Cells { " | " } else { "    " };
            shown.push_str(apart);
            column += apart.chars().count();
        }
        piece.column = column;
        shown.push_str(&piece.text);
        column += piece.text.chars().count();
    }
    shown.push('\n');
}

/// A page of a PDF as it was read.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Sheet {
    /// Its lines from top to bottom.
    pub lines: Vec<Line>,
    /// What could not be read of it.
    pub remarks: Vec<String>,
}
