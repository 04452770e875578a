//! Texts of certificates: what word processors, PDF readers, mail programs and Markdown make of characters and tables.

use std::{borrow::Cow, sync::LazyLock};

use regex::Regex;

use super::document::{Form, Line, Piece};

/// How far apart the columns of a table are whose cells have no place across.
pub(super) const CELL: f64 = 1000.0;

/// The text in plain characters: ligatures as letters, every blank as a space, what can't be seen left out.
pub(super) fn plain(text: &str) -> Cow<'_, str> {
    if text.is_ascii() && !text.bytes().any(|byte| byte < b' ' || byte == 0x7f) {
        return Cow::Borrowed(text);
    }
    let text = swapped(text);
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            'ﬀ' => out.push_str("ff"),
            'ﬁ' => out.push_str("fi"),
            'ﬂ' => out.push_str("fl"),
            'ﬃ' => out.push_str("ffi"),
            'ﬄ' => out.push_str("ffl"),
            'ﬅ' | 'ﬆ' => out.push_str("st"),
            // Hyphens of a word processor.
            '\u{2010}' | '\u{2011}' => out.push('-'),
            // Soft hyphens and what has no width.
            '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' => {}
            '\u{2028}' | '\u{2029}' => out.push(' '),
            c if c.is_whitespace() => out.push(' '),
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// The text with those letters right whose bytes a PDF names the wrong way round, which is common for ligatures: `昀椀` is `fi`.
fn swapped(text: &str) -> Cow<'_, str> {
    let letter = |c: char| match u16::try_from(c).ok()?.to_be_bytes() {
        [high, 0] if high.is_ascii_lowercase() => Some(char::from(high)),
        _ => None,
    };
    let chars: Vec<char> = text.chars().collect();
    if !chars.windows(2).any(|pair| pair.iter().all(|c| letter(*c).is_some())) {
        return Cow::Borrowed(text);
    }
    let beside = |at: usize| {
        let there = |at: Option<usize>| at.and_then(|at| chars.get(at)).is_some_and(|c| letter(*c).is_some());
        there(at.checked_sub(1)) || there(Some(at + 1))
    };
    Cow::Owned(chars.iter().enumerate().map(|(at, c)| letter(*c).filter(|_| beside(at)).unwrap_or(*c)).collect())
}

/// Words with one blank between them.
pub(super) fn squeezed(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Letters and digits alone, in lower case: what two spellings of a wording have in common.
pub(super) fn letters(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// The lines of a text.
pub(super) fn lines(text: &str) -> Vec<Line> {
    let tables = text.lines().filter(|line| unquoted(line).trim_start().starts_with('|')).count() > 1;
    text.lines().enumerate().map(|(index, raw)| line(index + 1, raw, tables)).collect()
}

fn line(number: usize, raw: &str, markdown: bool) -> Line {
    let body = unquoted(raw);
    let start = raw.chars().count() - body.chars().count() + 1;
    let mut line = Line { number, form: Form::Loose, band: 0, pieces: Vec::new() };
    let piped = is_row(body, markdown);
    if body.contains('\t') && !body.trim().is_empty() || piped {
        line.form = Form::Cells;
        let cells = if piped { between_pipes(body) } else { between_tabs(body) };
        if piped && cells.iter().all(|(_, cell)| is_border(cell)) {
            return line;
        }
        for (index, (at, cell)) in cells.into_iter().enumerate() {
            let text = cleaned(&cell, piped);
            let x = f64::from(u32::try_from(index).unwrap_or(u32::MAX)) * CELL;
            line.pieces.push(Piece { x, end: x + CELL / 2.0, text, column: start + at });
        }
        return line;
    }
    let heading = body.trim_start().trim_start_matches('#');
    let body = if heading.starts_with(' ') { heading } else { body };
    let start = raw.chars().count() - body.chars().count() + 1;
    if is_border(body) {
        return line;
    }
    for (at, text) in apart(body) {
        let x = f64::from(u32::try_from(at).unwrap_or(u32::MAX));
        let width = u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
        let text = cleaned(text, markdown);
        if !text.is_empty() {
            line.pieces.push(Piece { x, end: x + f64::from(width), text, column: start + at });
        }
    }
    line
}

/// A cell or piece as it is meant.
fn cleaned(text: &str, markdown: bool) -> String {
    let text = without_marks(text);
    let text = if markdown { without_escapes(&text) } else { Cow::Borrowed(&*text) };
    squeezed(&plain(&text))
}

/// A line without the marks of a mail that is quoted.
fn unquoted(line: &str) -> &str {
    let line = line.trim_start_matches(['\u{c}', '\u{feff}']);
    if line.starts_with('>') { line.trim_start_matches("> ").trim_start_matches('>') } else { line }
}

/// A row of a Markdown table, with or without outer pipes.
fn is_row(line: &str, markdown: bool) -> bool {
    let line = line.trim();
    line.starts_with('|') && line.len() > 1
        || !markdown && !line.contains('\t') && (line.contains(" | ") || line.ends_with(" |"))
}

/// A line that is only drawn: `| --- |`, `+----+`, `=====`.
fn is_border(text: &str) -> bool {
    let text = text.trim();
    text.chars().all(|c| "-=+:|_ ".contains(c) || ('\u{2500}'..='\u{257f}').contains(&c))
        && text.chars().filter(|c| !c.is_whitespace()).count() > 1
}

/// The cells of a row with the characters before each; what stands outside the outer pipes is none.
fn between_pipes(line: &str) -> Vec<(usize, String)> {
    let mut cells = vec![(0, String::new())];
    let mut escaped = false;
    for (at, c) in line.chars().enumerate() {
        if c == '|' && !escaped {
            cells.push((at + 1, String::new()));
        } else if let Some((_, cell)) = cells.last_mut() {
            cell.push(c);
        }
        escaped = c == '\\' && !escaped;
    }
    if line.trim_start().starts_with('|') {
        cells.remove(0);
    }
    if line.trim_end().ends_with('|') && cells.last().is_some_and(|(_, cell)| cell.trim().is_empty()) {
        cells.pop();
    }
    cells
}

fn between_tabs(line: &str) -> Vec<(usize, String)> {
    let mut at = 0;
    line.split('\t')
        .map(|cell| {
            let start = at;
            at += cell.chars().count() + 1;
            (start, cell.to_owned())
        })
        .collect()
}

/// The pieces of a line that stand two blanks or more apart, with the characters before each.
fn apart(line: &str) -> Vec<(usize, &str)> {
    let mut pieces: Vec<(usize, &str)> = Vec::new();
    let mut current: Option<(usize, usize, usize)> = None; // characters before it, first byte, end
    let mut blanks = 0;
    for (count, (at, c)) in line.char_indices().enumerate() {
        if c.is_whitespace() {
            blanks += 1;
            continue;
        }
        if let Some((before, first, end)) = current.filter(|_| blanks > 1) {
            pieces.push((before, &line[first..end]));
            current = None;
        }
        blanks = 0;
        let (before, first, _) = current.unwrap_or((count, at, at));
        current = Some((before, first, at + c.len_utf8()));
    }
    pieces.extend(current.map(|(before, first, end)| (before, &line[first..end])));
    pieces
}

/// A text without the marks of emphasis and line breaks that Markdown and HTML have.
fn without_marks(text: &str) -> Cow<'_, str> {
    static TAGS: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"(?i)</?(?:b|strong|i|em|u)>").ok());
    static BREAKS: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"(?i)<br ?/?>").ok());
    static BOLD: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\*\*(\S(?:[^*]*\S)?)\*\*").ok());
    let mut text = Cow::Borrowed(text);
    for (pattern, instead) in [(&TAGS, ""), (&BREAKS, " "), (&BOLD, "$1")] {
        if let Some(pattern) = pattern.as_ref().filter(|pattern| pattern.is_match(&text)) {
            text = Cow::Owned(pattern.replace_all(&text, instead).into_owned());
        }
    }
    text
}

/// A Markdown text without escapes and character references, but for its marks: an escaped asterisk is none.
fn without_escapes(text: &str) -> Cow<'_, str> {
    if !text.contains(['\\', '&']) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        let next = rest.chars().next();
        match c {
            '\\' if next.is_some_and(|next| next.is_ascii_punctuation()) => {
                out.extend(next);
                rest = &rest[1..];
            }
            '&' => {
                let known = [("lt;", '<'), ("gt;", '>'), ("amp;", '&'), ("quot;", '"'), ("nbsp;", ' ')];
                match known.into_iter().find(|(name, _)| rest.starts_with(name)) {
                    Some((name, instead)) => {
                        out.push(instead);
                        rest = &rest[name.len()..];
                    }
                    None => out.push('&'),
                }
            }
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}
