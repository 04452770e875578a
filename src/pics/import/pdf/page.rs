//! The lines and table rows of a page, from the places of its characters and rules.

use super::{
    super::{
        document::{Form, Line, Piece, Sheet},
        text::{CELL, plain, squeezed},
    },
    glyphs::{Collector, Glyph, Rule},
};
use crate::yaml::shorten;

/// Edges that are nearer than this, in points, are one.
const NEAR: f64 = 3.0;

/// What stands farther apart, in parts of the font's size, is two words, even where no blank was drawn.
const GAP: f64 = 0.2;

/// Neighbouring characters of one line, as they were drawn.
#[derive(Debug, Clone)]
struct Run {
    text: String,
    x: f64,
    end: f64,
    y: f64,
    size: f64,
}

/// What encloses a run: the nearest rules around it.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Cell {
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
}

impl Cell {
    fn is(&self, other: &Cell) -> bool {
        let near = |one: f64, other: f64| (one - other).abs() < NEAR;
        near(self.left, other.left)
            && near(self.right, other.right)
            && near(self.top, other.top)
            && near(self.bottom, other.bottom)
    }
}

/// What stands on the page.
pub(super) fn sheet(page: Collector) -> Sheet {
    let mut remarks = Vec::new();
    if page.meaningless > 0 {
        remarks.push(format!("{} characters could not be read; they stand as \u{fffd}", page.meaningless));
    }
    let turned: usize = page.directions[1..].iter().sum();
    if turned > 0 {
        remarks.push(format!("{turned} characters that do not stand upright were left out"));
    }
    let across = merged(page.across);
    let down = merged(page.down);
    let runs = runs(page.glyphs, &down);
    let mut cells: Vec<(Cell, Vec<Run>)> = Vec::new();
    let mut free = Vec::new();
    for run in runs {
        match enclosing(&run, &across, &down) {
            None => free.push(run),
            Some(cell) => match cells.iter_mut().rev().find(|(known, _)| known.is(&cell)) {
                Some((_, runs)) => runs.push(run),
                None => cells.push((cell, vec![run])),
            },
        }
    }
    let (rows, alone) = rows(cells, &down);
    free.extend(alone);
    let mut placed = rows;
    let wide: Vec<&Rule> = across.iter().filter(|rule| rule.to - rule.from > 80.0).collect();
    placed.extend(loose(free).into_iter().map(|(y, mut line)| {
        line.band = wide.iter().filter(|rule| rule.at < y).count();
        (y, line)
    }));
    placed.sort_by(|(one, _), (other, _)| one.total_cmp(other));
    let lines: Vec<Line> = placed.into_iter().map(|(_, line)| line).collect();
    let texts = lines.iter().flat_map(|line| &line.pieces).map(|piece| piece.text.as_str());
    if let Some(word) = texts.flat_map(|text| text.split(' ')).find(|word| is_garbled(word)) {
        remarks.push(format!("the font names some letters wrongly, as in \"{}\"", shorten(word, 60)));
    }
    Sheet { lines, remarks }
}

/// True for a word of Latin letters with one among them whose bytes stand the wrong way round.
fn is_garbled(word: &str) -> bool {
    let strange = |c: char| u16::try_from(c).is_ok_and(|code| code > 0x3000 && code.to_be_bytes()[1] == 0);
    word.chars().any(strange) && word.chars().any(|c| c.is_ascii_alphabetic())
}

/// The rules with those made one that continue each other.
fn merged(mut rules: Vec<Rule>) -> Vec<Rule> {
    rules.sort_by(|one, other| one.at.total_cmp(&other.at).then(one.from.total_cmp(&other.from)));
    let mut all: Vec<Rule> = Vec::new();
    for rule in rules {
        let next_to = |known: &&mut Rule| {
            (known.at - rule.at).abs() < 0.5 && rule.from <= known.to + 1.0 && rule.to >= known.from - 1.0
        };
        match all.iter_mut().rev().take(40).find(next_to) {
            Some(known) => {
                known.from = known.from.min(rule.from);
                known.to = known.to.max(rule.to);
            }
            None => all.push(rule),
        }
    }
    all
}

/// Joins characters that were drawn one after the other and touch. A character that is drawn twice at one place, for boldness
/// or under a recognised scan, counts once.
fn runs(glyphs: Vec<Glyph>, down: &[Rule]) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    let mut last: Option<Glyph> = None;
    for glyph in glyphs {
        if let Some(last) = &last {
            let same = last.text == glyph.text && (last.y - glyph.y).abs() < 0.1 * glyph.size;
            if same && (last.x - glyph.x).abs() < 0.1 * glyph.size && glyph.text != " " {
                continue;
            }
        }
        match runs.last_mut().filter(|run| {
            let apart = glyph.x - run.end;
            let touching = apart < GAP * glyph.size && apart > -0.3 * glyph.size;
            let between = |rule: &Rule| {
                rule.from <= glyph.y && glyph.y - 0.5 * glyph.size <= rule.to && {
                    run.end - 0.1 * glyph.size <= rule.at && rule.at <= glyph.x + 0.1 * glyph.size
                }
            };
            let divided = || apart > 0.05 * glyph.size && down.iter().any(between);
            (run.y - glyph.y).abs() < 0.1 * glyph.size && touching && !divided()
        }) {
            Some(run) => {
                run.text.push_str(&glyph.text);
                run.end = run.end.max(glyph.end);
                run.size = run.size.max(glyph.size);
            }
            None => {
                runs.push(Run { text: glyph.text.clone(), x: glyph.x, end: glyph.end, y: glyph.y, size: glyph.size });
            }
        }
        last = Some(glyph);
    }
    let mut kept: Vec<Run> = Vec::new();
    for run in runs {
        let twice = |known: &Run| {
            known.text == run.text
                && (known.x - run.x).abs() < 0.15 * run.size
                && (known.y - run.y).abs() < 0.15 * run.size
        };
        if !kept.iter().rev().take(2000).any(twice) || run.text.trim().is_empty() {
            kept.push(run);
        }
    }
    kept
}

/// The nearest rules on all four sides of a run, if there are any.
fn enclosing(run: &Run, across: &[Rule], down: &[Rule]) -> Option<Cell> {
    let x = run.x + (run.end - run.x).min(run.size) / 2.0;
    let y = run.y - 0.3 * run.size;
    let beside = |rule: &&Rule| rule.from <= y && y <= rule.to;
    let over = |rule: &&Rule| rule.from <= x && x <= rule.to;
    let greatest = |rules: &mut dyn Iterator<Item = f64>| rules.max_by(f64::total_cmp);
    let least = |rules: &mut dyn Iterator<Item = f64>| rules.min_by(f64::total_cmp);
    Some(Cell {
        left: greatest(&mut down.iter().filter(beside).map(|rule| rule.at).filter(|at| *at <= x))?,
        right: least(&mut down.iter().filter(beside).map(|rule| rule.at).filter(|at| *at > x))?,
        top: greatest(&mut across.iter().filter(over).map(|rule| rule.at).filter(|at| *at <= y))?,
        bottom: least(&mut across.iter().filter(over).map(|rule| rule.at).filter(|at| *at > y))?,
    })
}

/// The rows of the page's tables, each with its height on the page, and what stands in frames that are no tables.
fn rows(mut cells: Vec<(Cell, Vec<Run>)>, down: &[Rule]) -> (Vec<(f64, Line)>, Vec<Run>) {
    cells.sort_by(|(one, _), (other, _)| one.top.total_cmp(&other.top));
    let mut bands: Vec<(f64, f64, Vec<(Cell, Vec<Run>)>)> = Vec::new();
    for (cell, runs) in cells {
        match bands.last_mut().filter(|(top, ..)| (*top - cell.top).abs() < NEAR) {
            Some((_, bottom, members)) => {
                *bottom = bottom.min(cell.bottom);
                members.push((cell, runs));
            }
            None => bands.push((cell.top, cell.bottom, vec![(cell, runs)])),
        }
    }
    let (mut rows, mut alone) = (Vec::new(), Vec::new());
    for (top, bottom, members) in bands {
        let edges = edges(f64::midpoint(top, bottom), down);
        if edges.len() < 3 {
            alone.extend(members.into_iter().flat_map(|(_, runs)| runs));
            continue;
        }
        let mut texts = vec![String::new(); edges.len() - 1];
        for (cell, runs) in members {
            let text = cell_text(&lines_of(runs), &cell);
            let column = edges.iter().position(|edge| (edge - cell.left).abs() <= NEAR).unwrap_or(0);
            if let Some(place) = texts.get_mut(column) {
                *place = squeezed(&format!("{place} {text}"));
            }
        }
        rows.push((top, edges, texts));
    }
    (numbered(rows), alone)
}

/// The borders of a row's columns: the rules that cross its middle. So an empty cell keeps its place.
fn edges(middle: f64, down: &[Rule]) -> Vec<f64> {
    let mut edges: Vec<f64> =
        down.iter().filter(|rule| rule.from <= middle && middle <= rule.to).map(|rule| rule.at).collect();
    edges.sort_by(f64::total_cmp);
    edges.dedup_by(|next, last| *next - *last <= NEAR);
    edges
}

/// Rows as lines. What lies between a frame of the page and its tables is no column of theirs.
fn numbered(rows: Vec<(f64, Vec<f64>, Vec<String>)>) -> Vec<(f64, Line)> {
    let same = |one: &[f64], other: &[f64]| {
        one.len() == other.len() && one.iter().zip(other).all(|(one, other)| (one - other).abs() <= NEAR)
    };
    let mut lines = Vec::new();
    for table in rows.chunk_by(|(_, one, _), (_, other, _)| same(one, other)) {
        let empty = |column: usize| table.iter().all(|(.., texts)| texts.get(column).is_none_or(String::is_empty));
        let first = (0..table[0].2.len()).find(|column| !empty(*column)).unwrap_or(0);
        for (top, _, texts) in table {
            let piece = |(index, text): (u32, &String)| {
                let x = f64::from(index) * CELL;
                Piece { x, end: x + CELL / 2.0, text: text.clone(), column: 1 }
            };
            let pieces = (0..).zip(texts.iter().skip(first)).map(piece).collect();
            lines.push((*top, Line { number: 0, form: Form::Cells, band: 0, pieces }));
        }
    }
    lines
}

/// A line of text with its places.
#[derive(Debug)]
struct Set {
    runs: Vec<Run>,
    y: f64,
}

impl Set {
    fn x(&self) -> f64 {
        self.runs.first().map_or(0.0, |run| run.x)
    }

    fn end(&self) -> f64 {
        self.runs.iter().map(|run| run.end).fold(0.0, f64::max)
    }

    fn size(&self) -> f64 {
        self.runs.iter().map(|run| run.size).fold(1.0, f64::max)
    }

    fn text(&self) -> String {
        let mut text = String::new();
        let mut end: Option<f64> = None;
        for run in &self.runs {
            if end.is_some_and(|end| run.x - end > GAP * run.size) {
                text.push(' ');
            }
            text.push_str(&run.text);
            end = Some(run.end);
        }
        plain(&text).into_owned()
    }
}

/// Puts runs into lines, from top to bottom and from left to right.
fn lines_of(mut runs: Vec<Run>) -> Vec<Set> {
    runs.retain(|run| !run.text.trim().is_empty() || run.text.contains(' '));
    runs.sort_by(|one, other| one.y.total_cmp(&other.y).then(one.x.total_cmp(&other.x)));
    let mut lines: Vec<Set> = Vec::new();
    for run in runs {
        match lines.last_mut().filter(|line| (run.y - line.y).abs() < 0.4 * run.size.min(line.size())) {
            Some(line) => line.runs.push(run),
            None => lines.push(Set { y: run.y, runs: vec![run] }),
        }
    }
    for line in &mut lines {
        line.runs.sort_by(|one, other| one.x.total_cmp(&other.x));
    }
    lines.retain(|line| line.runs.iter().any(|run| !run.text.trim().is_empty()));
    lines
}

/// The text of a cell. A line that ends with a hyphen or the like goes on without a blank, and so does a word that was wider than
/// the cell: it fills its line, and it is a name with digits and marks in it, or fills several lines.
fn cell_text(lines: &[Set], cell: &Cell) -> String {
    let left = lines.iter().map(Set::x).fold(f64::MAX, f64::min);
    // The room at the right is that at the left.
    let right = cell.right - (left - cell.left);
    let alone = |line: &Set| !line.text().trim().contains(' ');
    let fills = |line: &Set| alone(line) && right - line.end() < 0.6 * line.size();
    let tower = lines.len() > 2 && lines.iter().all(alone) && lines[..lines.len() - 1].iter().all(fills);
    let mut text = String::new();
    for (index, line) in lines.iter().enumerate() {
        if let Some(last) = index.checked_sub(1).map(|index| &lines[index]) {
            let word = text.rsplit(' ').next().unwrap_or_default();
            let open = word.chars().count() > 1 && word.ends_with(['-', '_', '/']);
            let code = word.len() > 12 && word.chars().any(|c| c.is_ascii_digit() || "_:/".contains(c));
            if !(open || tower || fills(last) && code) {
                text.push(' ');
            }
        }
        // A blank at the end of a line is one, whatever goes before it.
        text.push_str(line.text().trim_start());
    }
    text
}

/// Lines outside tables, each with its height on the page: what stands far apart are pieces.
fn loose(runs: Vec<Run>) -> Vec<(f64, Line)> {
    let mut sizes: Vec<f64> = runs.iter().map(|run| run.size).collect();
    sizes.sort_by(f64::total_cmp);
    // About the width of a character.
    let unit = sizes.get(sizes.len() / 2).copied().unwrap_or(10.0).max(1.0) / 2.0;
    let mut all: Vec<(f64, Line)> = Vec::new();
    for line in lines_of(runs) {
        let blank = all.last().is_some_and(|(above, _)| line.y - above > 2.2 * line.size());
        if blank {
            let between = Line { number: 0, form: Form::Loose, band: 0, pieces: Vec::new() };
            all.push((line.y - line.size(), between));
        }
        let mut pieces: Vec<Set> = Vec::new();
        for run in line.runs {
            if run.text.trim().is_empty() {
                continue;
            }
            match pieces.last_mut().filter(|piece| run.x - piece.end() < 1.1 * run.size) {
                Some(piece) => piece.runs.push(run),
                None => pieces.push(Set { y: line.y, runs: vec![run] }),
            }
        }
        let pieces = pieces.iter().map(|piece| Piece {
            x: piece.x() / unit,
            end: piece.end() / unit,
            text: squeezed(&piece.text()),
            column: 1,
        });
        all.push((line.y, Line { number: 0, form: Form::Loose, band: 0, pieces: pieces.collect() }));
    }
    all
}
