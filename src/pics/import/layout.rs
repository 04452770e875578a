//! Which lines make a row of a table.
//!
//! A row begins with its key (an id, a profile, a KPI), but its cells may go on over several lines, above the key as well where
//! cells are centred, and nothing in a text tells which row a line between two keys belongs to. What tells it is the wording that is
//! known for each key: of all ways to deal the lines out, the one is taken that makes the most of the wordings and answers
//! whole. Cells that are known as such (tabs, pipes, ruled tables) go the same way, and hardly ever have to go it far.

use std::collections::HashMap;

use super::{
    document::{Form, Piece, Place},
    keys::{self, Key},
    rows::{Bit, Row, Subject},
    zones::{Placed, Zone},
};
use crate::yaml::Position;

/// More rows than any certificate has.
pub(super) const MAX_ROWS: usize = 800;
/// So many lines after a key may be its row's.
const BELOW: usize = 24;
/// So many lines before a key may be its row's.
const ABOVE: usize = 8;

/// A name of a profile or KPI stands in so many lines at most.
const NAME: usize = 8;

/// Readings of a document whose costs differ by less are about as likely.
const CLOSE: u32 = 12;

/// A line that begins with a key.
struct Anchor {
    /// Its index among the lines.
    at: usize,
    place: Place,
    subject: Subject,
}

/// What is left of the first piece of a line in which a key stands, or its second part; and the line in which that key begins.
type Taken = HashMap<usize, (usize, String)>;

/// How cells stand that go on over several lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Aligned {
    Top,
    Middle,
}

/// The rows of all tables whose rows begin with a key, and how their cells stand.
pub(super) fn rows(lines: &[Placed<'_>]) -> Result<(Vec<Row>, Aligned), Place> {
    let (anchors, taken) = anchors(lines);
    if let Some(beyond) = anchors.get(MAX_ROWS) {
        return Err(beyond.place);
    }
    let count = |blanks: &mut usize, placed: &Placed<'_>| {
        let before = *blanks;
        *blanks += usize::from(placed.line.is_blank());
        Some(before)
    };
    let blanks: Vec<usize> = lines.iter().scan(0, count).collect();
    let deal = |aligned| Deal { lines, anchors: &anchors, taken: &taken, blanks: &blanks, aligned };
    let (top, middle) = (deal(Aligned::Top), deal(Aligned::Middle));
    let (top_ways, middle_ways) = (top.ways(), middle.ways());
    let (mut rows, mut centred) = (top.rows(&top_ways), middle.rows(&middle_ways));
    for (row, other) in rows.iter_mut().zip(&mut centred) {
        // Where the readings differ and neither is much better, either may be right.
        let differ = row.answer() != other.answer();
        row.centred = differ && middle_ways.cost < top_ways.cost + CLOSE;
        other.centred |= differ;
    }
    Ok(if middle_ways.cost < top_ways.cost { (centred, Aligned::Middle) } else { (rows, Aligned::Top) })
}

/// The lines that begin with a key, and what of their first pieces (and of those with the rest of a key) is the key.
fn anchors(lines: &[Placed<'_>]) -> (Vec<Anchor>, Taken) {
    let mut anchors: Vec<Anchor> = Vec::new();
    let mut taken = Taken::new();
    for (at, placed) in lines.iter().enumerate() {
        let Some(piece) = placed.line.pieces.iter().find(|piece| !piece.text.is_empty()) else { continue };
        if taken.contains_key(&at) {
            continue;
        }
        let place = Place { page: placed.page, at: Position { line: placed.line.number, column: piece.column } };
        let key = if let Some((id, rest)) = keys::id(&piece.text) {
            taken.insert(at, (at, rest.to_owned()));
            Some(Key::Id(id))
        } else if let Some((first, rest)) = keys::first_part(&piece.text) {
            let second = (at + 1..lines.len()).take(6).find_map(|next| {
                let line = lines[next].line;
                let piece = line.pieces.iter().find(|piece| !piece.text.is_empty())?;
                let (id, rest) = keys::second_part(first, &piece.text)?;
                Some((next, id, rest.to_owned()))
            });
            second.map(|(next, id, of_next)| {
                let own = rest.to_owned();
                taken.insert(at, (at, own));
                taken.insert(next, (at, of_next));
                Key::Id(id)
            })
        } else if let Some((id, rest)) =
            keys::foreign_id(&piece.text).filter(|_| begins_row(placed, piece, anchors.last()))
        {
            taken.insert(at, (at, rest.to_owned()));
            Some(Key::Id(id))
        } else {
            match placed.zone {
                Zone::Summary if !placed.begins => {
                    name(lines, at, piece.x, |name| keys::profile(name).map(Key::Profile))
                }
                Zone::Performance if !placed.begins => name(lines, at, piece.x, |name| keys::kpi(name).map(Key::Kpi)),
                _ => None,
            }
        };
        anchors.extend(key.map(|key| Anchor { at, place, subject: Subject::new(key, piece.x) }));
    }
    (anchors, taken)
}

/// True where an id of the table stands, and not the rest of another cell.
fn begins_row(placed: &Placed<'_>, piece: &Piece, last: Option<&Anchor>) -> bool {
    let in_column = match placed.line.form {
        Form::Cells => placed.line.pieces.first().is_some_and(|first| !first.text.is_empty()),
        Form::Loose => last.is_some_and(|last| (last.subject.x - piece.x).abs() < 1.0),
    };
    placed.zone == Zone::Ids && in_column
}

/// The key whose name a line begins with; it may take the next lines to tell which.
fn name(lines: &[Placed<'_>], at: usize, x: f64, key: impl Fn(&str) -> Option<Key>) -> Option<Key> {
    let mut name = String::new();
    for placed in lines[at..].iter().take(NAME) {
        let piece = placed.line.pieces.iter().find(|piece| !piece.text.is_empty());
        let Some(piece) = piece.filter(|piece| name.is_empty() || (piece.x - x).abs() < 2.0) else { continue };
        if !name.is_empty() {
            name.push(' ');
        }
        name.push_str(keys::without_number(&piece.text));
        if let Some(key) = key(&name) {
            return Some(key);
        }
        // Only the beginning of a name may go on.
        if !keys::begins_name(&name) {
            return None;
        }
    }
    None
}

/// How the lines between keys are dealt out to rows.
struct Deal<'l> {
    lines: &'l [Placed<'l>],
    anchors: &'l [Anchor],
    taken: &'l Taken,
    /// How many blank lines go before each line.
    blanks: &'l [usize],
    aligned: Aligned,
}

/// The best way to come to a place: how bad it is, and how many lines the row before it has from above and from below its key.
type Way = Option<(u32, usize, usize)>;

/// The best ways, for each row by how many lines the next one has from above its key.
struct Ways {
    cost: u32,
    by_row: Vec<Vec<Way>>,
}

impl Deal<'_> {
    /// The lines between a key and the one before it.
    fn gap_before(&self, index: usize) -> Vec<usize> {
        let to = self.anchors.get(index).map_or(self.lines.len(), |anchor| anchor.at);
        let before = index.checked_sub(1).map(|before| self.anchors[before].at);
        let zone = self.anchors.get(index).or(self.anchors.last()).map(|anchor| self.lines[anchor.at].zone);
        // The head of a table that is repeated is no part of a row, even where it stands within one.
        let is_head = |at: usize| self.lines[at].begins && Some(self.lines[at].zone) == zone;
        let from = before.map_or(0, |before| before + 1);
        let all: Vec<usize> = (from..to).filter(|at| !self.lines[*at].line.is_blank() && !is_head(*at)).collect();
        // Far from both keys nothing can belong to either.
        let (head, tail) = (if before.is_some() { BELOW } else { 0 }, ABOVE);
        if all.len() <= head + tail { all } else { [&all[..head], &all[all.len() - tail..]].concat() }
    }

    /// Finds the best ways.
    fn ways(&self) -> Ways {
        let left_out =
            |lines: &[usize], anchor: &Anchor| -> u32 { lines.iter().map(|at| self.left_out(*at, anchor)).sum() };
        let mut by_row: Vec<Vec<Way>> = Vec::new();
        let mut gap = self.gap_before(0);
        let Some(first) = self.anchors.first() else { return Ways { cost: 0, by_row } };
        let begin = |above: usize| Some((left_out(&gap[..gap.len() - above], first), 0, 0));
        let mut best: Vec<Way> = (0..=gap.len().min(ABOVE)).map(begin).collect();
        for (index, anchor) in self.anchors.iter().enumerate() {
            let next_gap = self.gap_before(index + 1);
            let upward = if index + 1 < self.anchors.len() { ABOVE } else { 0 };
            let mut after: Vec<Way> = vec![None; next_gap.len().min(upward) + 1];
            let settled = anchor.subject.is_closed() && self.assembled(anchor, &[], &[]).0 == 0;
            for (above, way) in best.iter().enumerate().take(if settled { 1 } else { usize::MAX }) {
                let Some((so_far, ..)) = way else { continue };
                let most = if settled { 0 } else { next_gap.len().min(BELOW) };
                for below in 0..=most {
                    let (cost, _) = self.assembled(anchor, &gap[gap.len() - above..], &next_gap[..below]);
                    let cost = so_far.saturating_add(cost);
                    for (up, slot) in after.iter_mut().enumerate().take(next_gap.len() - below + 1) {
                        let cost = cost.saturating_add(left_out(&next_gap[below..next_gap.len() - up], anchor));
                        if slot.is_none_or(|(known, ..)| cost < known) {
                            *slot = Some((cost, above, below));
                        }
                    }
                }
            }
            by_row.push(std::mem::replace(&mut best, after));
            gap = next_gap;
        }
        let cost = best.first().copied().flatten().map_or(0, |(cost, ..)| cost);
        by_row.push(best);
        Ways { cost, by_row }
    }

    /// The rows, back along the best way.
    fn rows(&self, ways: &Ways) -> Vec<Row> {
        let mut rows = Vec::new();
        let mut state = 0;
        for (index, anchor) in self.anchors.iter().enumerate().rev() {
            let Some(Some((_, above, below))) = ways.by_row.get(index + 1).and_then(|ways| ways.get(state)) else {
                break;
            };
            let (gap, next_gap) = (self.gap_before(index), self.gap_before(index + 1));
            rows.push(self.assembled(anchor, &gap[gap.len() - above..], &next_gap[..*below]).1);
            state = *above;
        }
        rows.reverse();
        rows
    }

    /// What it costs to give a line to no row: what looks like the rest of a row should be one.
    fn left_out(&self, at: usize, anchor: &Anchor) -> u32 {
        let first = self.lines[at].line.pieces.iter().find(|piece| !piece.text.is_empty());
        match first {
            _ if self.taken.contains_key(&at) => 200,
            Some(piece) if piece.x > anchor.subject.x + 3.0 => 12,
            // An answer of many words is taken as long as nothing speaks against it.
            _ => u32::from(anchor.subject.is_open()),
        }
    }

    /// The bits of some lines, in reading order.
    fn bits(&self, anchor: &Anchor, lines: &[usize]) -> Vec<Bit> {
        let mut bits = Vec::new();
        for at in lines.iter().copied() {
            let placed = &self.lines[at];
            let block = self.blanks[at].abs_diff(self.blanks[anchor.at]);
            let mut pieces = placed.line.pieces.iter();
            // What is left of a piece in which a key stands.
            if let Some((_, rest)) = self.taken.get(&at) {
                for piece in pieces.by_ref() {
                    if !piece.text.is_empty() {
                        bits.extend((!rest.is_empty()).then(|| self.bit(anchor, at, block, piece, rest)));
                        break;
                    }
                }
            }
            let own = at == anchor.at;
            for piece in pieces.filter(|piece| own || !piece.text.is_empty()) {
                bits.push(self.bit(anchor, at, block, piece, &piece.text));
            }
        }
        bits
    }

    fn bit(&self, anchor: &Anchor, at: usize, block: usize, piece: &Piece, text: &str) -> Bit {
        let Placed { page, line, .. } = self.lines[at];
        let place = Place { page, at: Position { line: line.number, column: piece.column } };
        Bit { x: piece.x, block, at, own: at == anchor.at, form: line.form, text: text.to_owned(), place }
    }

    /// A row of these lines, and how bad it is.
    fn assembled(&self, anchor: &Anchor, above: &[usize], below: &[usize]) -> (u32, Row) {
        let own = &self.lines[anchor.at];
        let cost: u32 = above.iter().chain(below).map(|at| self.foreign(*at, anchor)).sum();
        let order: Vec<usize> = above.iter().copied().chain([anchor.at]).chain(below.iter().copied()).collect();
        // Where the wording begins and ends, among the row's lines.
        let of_key = |at: &&usize| **at == anchor.at || self.taken.get(at).is_some_and(|(of, _)| *of == anchor.at);
        let key: Vec<usize> = order.iter().filter(of_key).copied().collect();
        let misplaced = |title: &[usize]| -> u32 {
            let lines = || key.iter().chain(title);
            let before = order.iter().filter(|at| lines().all(|line| *at < line)).count();
            let behind = order.iter().filter(|at| lines().all(|line| *at > line)).count();
            let cost = match self.aligned {
                Aligned::Top => above.len() * 10,
                Aligned::Middle => before.abs_diff(behind) * 3,
            };
            u32::try_from(cost).unwrap_or(u32::MAX)
        };
        let (bad, wording, answers) = anchor.subject.row(&self.bits(anchor, &order), misplaced);
        let centred = self.aligned == Aligned::Middle
            && anchor.subject.is_open()
            && own.line.form == Form::Loose
            && answers.iter().any(|bit| !bit.own && !bit.text.is_empty());
        let row = Row { key: anchor.subject.key.clone(), place: anchor.place, wording, answers, centred };
        (cost.saturating_add(bad), row)
    }

    /// How bad it is for a row to have a line, whatever stands in it.
    fn foreign(&self, at: usize, anchor: &Anchor) -> u32 {
        let (line, own) = (&self.lines[at], &self.lines[anchor.at]);
        let other_key = self.taken.get(&at).is_some_and(|(of, _)| *of != anchor.at);
        let loose = line.line.form == Form::Loose;
        let ruled_off =
            loose && own.line.form == Form::Loose && line.page == own.page && line.line.band != own.line.band;
        let row_of_its_own = !loose
            && line.line.pieces.first().is_some_and(|piece| !piece.text.is_empty())
            && !self.taken.contains_key(&at);
        let beside = loose && own.line.form == Form::Cells;
        let elsewhere = line.begins || line.zone != own.zone;
        u32::from(other_key) * 300
            + u32::from(ruled_off) * 60
            + u32::from(row_of_its_own) * 60
            + u32::from(beside) * 15
            + u32::from(elsewhere) * 100
    }
}
