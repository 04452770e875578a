//! Which lines make a row of a table.
//!
//! A row begins with its key (an id, a profile, a KPI), but its cells may go on over several lines, above the key as well where
//! cells are centred, and nothing in a text tells which row a line between two keys belongs to. What tells it is the wording that is
//! known for each key: of all ways to deal the lines out, the one is taken that makes the most of the wordings and answers
//! whole. Cells that are known as such (tabs, pipes, ruled tables) go the same way, and hardly ever have to go it far.

use std::collections::HashMap;

use super::{
    document::{Form, Place},
    keys::{self, Key, Wanted},
    values,
    zones::{Placed, Zone},
};
use crate::{pics::tables::AnswerKind, yaml::Position};

/// More rows than any certificate has.
pub(super) const MAX_ROWS: usize = 2000;
/// So many lines after a key may be its row's.
const BELOW: usize = 24;
/// So many lines before a key may be its row's.
const ABOVE: usize = 8;
/// Columns that are nearer than this, in characters, are one.
const NEAR: f64 = 4.0;

/// A piece of a row behind its key and wording.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Bit {
    pub(super) x: f64,
    /// Blank lines between the key and it.
    pub(super) block: usize,
    /// The index of its line.
    at: usize,
    /// It stands in the line of the key.
    own: bool,
    form: Form,
    pub(super) text: String,
    pub(super) place: Place,
}

/// A row of a table.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) key: Key,
    pub(super) place: Place,
    /// The wording, where it is none that is known; none where there is no wording at all.
    pub(super) wording: Wording,
    /// What stands behind it.
    pub(super) answers: Vec<Bit>,
    /// Some of it was taken from other lines only because cells are centred.
    pub(super) centred: bool,
}

/// How the wording of a row compares with those that are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wording {
    /// It is known.
    Known(&'static str),
    /// It is another, or only a part of a known one.
    Other(String),
}

impl Row {
    /// The answers in one line.
    pub(super) fn answer(&self) -> String {
        self.answers.iter().map(|bit| bit.text.as_str()).filter(|text| !text.is_empty()).collect::<Vec<_>>().join(" ")
    }

    /// The answers by columns.
    pub(super) fn columns(&self) -> Vec<String> {
        columns(&self.answers)
    }

    /// The first answer that is a number.
    pub(super) fn measured(&self) -> Option<f64> {
        measured(&self.answers)
    }
}

/// The first answer that begins with a number.
fn measured(answers: &[Bit]) -> Option<f64> {
    answers.iter().find_map(|bit| bit.text.split(' ').next()?.replace(',', ".").parse::<f64>().ok())
}

/// Answers by columns, by where they stand; one where they all stand in one place.
fn columns(answers: &[Bit]) -> Vec<String> {
    let joined =
        |bits: &[&Bit]| bits.iter().map(|bit| bit.text.as_str()).collect::<Vec<_>>().join(" ").trim().to_owned();
    let mut places: Vec<f64> = answers.iter().map(|bit| bit.x).collect();
    places.sort_by(f64::total_cmp);
    let border =
        places.windows(2).map(|pair| (pair[1] - pair[0], pair[1])).max_by(|(one, _), (other, _)| one.total_cmp(other));
    let divided = match border.filter(|(apart, _)| *apart > NEAR) {
        Some((_, border)) => answers.iter().partition::<Vec<&Bit>, _>(|bit| bit.x < border),
        None => {
            // One below the other, with a blank line between.
            let first = answers.first().map(|bit| bit.block);
            answers.iter().partition(|bit| Some(bit.block) == first)
        }
    };
    let (one, other) = divided;
    if other.is_empty() { vec![joined(&one)] } else { vec![joined(&one), joined(&other)] }
}

/// A line that begins with a key.
struct Anchor {
    /// Its index among the lines.
    at: usize,
    key: Key,
    place: Place,
    x: f64,
}

/// What of a line's first piece is part of a key.
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
    let top = dealt(lines, &anchors, &taken, Aligned::Top);
    let middle = dealt(lines, &anchors, &taken, Aligned::Middle);
    Ok(if middle.0 < top.0 { (middle.1, Aligned::Middle) } else { (top.1, Aligned::Top) })
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
        } else {
            match placed.zone {
                Zone::Summary if !placed.begins => {
                    name(lines, at, piece.x, |name| keys::profile(name).map(Key::Profile))
                }
                Zone::Performance if !placed.begins => name(lines, at, piece.x, |name| keys::kpi(name).map(Key::Kpi)),
                _ => None,
            }
        };
        anchors.extend(key.map(|key| Anchor { at, key, place, x: piece.x }));
    }
    (anchors, taken)
}

/// The key whose name a line begins with; it may take the next lines to tell which.
fn name(lines: &[Placed<'_>], at: usize, x: f64, key: impl Fn(&str) -> Option<Key>) -> Option<Key> {
    let mut name = String::new();
    for placed in lines[at..].iter().take(4) {
        let piece = placed.line.pieces.iter().find(|piece| !piece.text.is_empty());
        let Some(piece) = piece.filter(|piece| name.is_empty() || (piece.x - x).abs() < 2.0) else { continue };
        if !name.is_empty() {
            name.push(' ');
        }
        name.push_str(&piece.text);
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

/// Deals the lines between the keys out to the rows: how bad the best way is, and its rows.
fn dealt(lines: &[Placed<'_>], anchors: &[Anchor], taken: &Taken, aligned: Aligned) -> (u32, Vec<Row>) {
    // By lines that the next row has taken from before its key: the cost so far, and how it came about.
    let mut best: Vec<Option<(u32, usize, Option<Row>)>> = Vec::new();
    let mut history: Vec<Vec<Option<(u32, usize, Option<Row>)>>> = Vec::new();
    let Some(first) = anchors.first() else { return (0, Vec::new()) };
    let before = gap(lines, 0, first.at, first);
    for taken_up in 0..=before.len().min(ABOVE) {
        let left: u32 = before[..before.len() - taken_up].iter().map(|at| left_out(lines, taken, *at, first)).sum();
        best.push(Some((left, 0, None)));
    }
    let mut gap_before = before;
    for (index, anchor) in anchors.iter().enumerate() {
        let next = anchors.get(index + 1);
        let between = gap(lines, anchor.at + 1, next.map_or(lines.len(), |next| next.at), anchor);
        let upward = if next.is_some() { ABOVE } else { 0 };
        let mut after: Vec<Option<(u32, usize, Option<Row>)>> = vec![None; between.len().min(upward) + 1];
        for (above, state) in best.iter().enumerate() {
            let Some((so_far, ..)) = state else { continue };
            let mine = &gap_before[gap_before.len() - above..];
            let mut rows = Vec::new();
            for below in 0..=between.len().min(BELOW) {
                rows.push(assembled(lines, taken, anchor, mine, &between[..below], aligned));
            }
            for (up, slot) in after.iter_mut().enumerate() {
                for (below, (cost, row)) in rows.iter().enumerate().take(between.len() - up + 1) {
                    let left: u32 =
                        between[below..between.len() - up].iter().map(|at| left_out(lines, taken, *at, anchor)).sum();
                    let cost = so_far.saturating_add(*cost).saturating_add(left);
                    if slot.as_ref().is_none_or(|(known, ..)| cost < *known) {
                        *slot = Some((cost, above, Some(row.clone())));
                    }
                }
            }
        }
        history.push(std::mem::replace(&mut best, after));
        gap_before = between;
    }
    history.push(best);
    // Back along the best way.
    let mut rows = Vec::new();
    let mut state = 0;
    let total = history.last().and_then(|last| last.first()).and_then(Option::as_ref).map_or(0, |(cost, ..)| *cost);
    for states in history.iter().rev().take(anchors.len()) {
        let Some(Some((_, above, row))) = states.get(state) else { break };
        rows.extend(row.clone());
        state = *above;
    }
    rows.reverse();
    (total, rows)
}

/// The lines from one to another that may belong to a row, without blank ones.
fn gap(lines: &[Placed<'_>], from: usize, to: usize, anchor: &Anchor) -> Vec<usize> {
    // The head of a table that is repeated is no part of a row, even where it stands within one.
    let is_head = |at: usize| lines[at].begins && lines[at].zone == lines[anchor.at].zone;
    let all: Vec<usize> = (from..to).filter(|at| !lines[*at].line.is_blank() && !is_head(*at)).collect();
    // Far from both keys nothing can belong to either.
    let (head, tail) = if from > anchor.at { (BELOW, ABOVE) } else { (0, ABOVE) };
    if all.len() <= head + tail { all } else { [&all[..head], &all[all.len() - tail..]].concat() }
}

/// What it costs to give a line to no row: what looks like the rest of a row should be one.
fn left_out(lines: &[Placed<'_>], taken: &Taken, at: usize, anchor: &Anchor) -> u32 {
    let line = lines[at].line;
    let first = line.pieces.iter().find(|piece| !piece.text.is_empty());
    match first {
        _ if taken.contains_key(&at) => 200,
        Some(piece) if piece.x > anchor.x + 3.0 => 12,
        // An answer of many words is taken as long as nothing speaks against it.
        _ if matches!(anchor.key.wanted(), Wanted::Answer(kind) if kind.is_open()) => 1,
        _ => 0,
    }
}

/// The bits of some lines, in reading order.
fn bits(lines: &[Placed<'_>], taken: &Taken, anchor: &Anchor, at: &[usize]) -> Vec<Bit> {
    let mut bits = Vec::new();
    for at in at.iter().copied() {
        let placed = &lines[at];
        let blanks = (anchor.at.min(at)..anchor.at.max(at)).filter(|between| lines[*between].line.is_blank()).count();
        let mut first = true;
        for piece in &placed.line.pieces {
            let place = Place { page: placed.page, at: Position { line: placed.line.number, column: piece.column } };
            let mut text = piece.text.clone();
            if first && !text.is_empty() {
                first = false;
                if let Some((_, rest)) = taken.get(&at) {
                    text.clone_from(rest);
                    if text.is_empty() {
                        continue;
                    }
                }
            }
            let own = at == anchor.at;
            if !text.is_empty() || own {
                bits.push(Bit { x: piece.x, block: blanks, at, own, form: placed.line.form, text, place });
            }
        }
    }
    bits
}

/// A row of these lines, and how bad it is.
fn assembled(
    lines: &[Placed<'_>],
    taken: &Taken,
    anchor: &Anchor,
    above: &[usize],
    below: &[usize],
    aligned: Aligned,
) -> (u32, Row) {
    let mut cost = 0;
    // Another key's second part, another band of rules.
    for at in above.iter().chain(below) {
        let foreign = taken.get(at).is_some_and(|(of, _)| *of != anchor.at);
        let ruled_off = lines[*at].line.form == Form::Loose
            && lines[anchor.at].line.form == Form::Loose
            && lines[*at].page == lines[anchor.at].page
            && lines[*at].line.band != lines[anchor.at].line.band;
        let other = lines[*at].line.form == Form::Cells
            && lines[*at].line.pieces.first().is_some_and(|piece| !piece.text.is_empty())
            && !taken.contains_key(at);
        cost += u32::from(other) * 60;
        cost += u32::from(foreign) * 300 + u32::from(ruled_off) * 60;
        cost += u32::from(lines[*at].begins || lines[*at].zone != lines[anchor.at].zone) * 100;
    }
    let order: Vec<usize> = above.iter().copied().chain([anchor.at]).chain(below.iter().copied()).collect();
    let all = bits(lines, taken, anchor, &order);
    // Where the wording begins and ends, among the row's lines.
    let key = order.iter().filter(|at| **at == anchor.at || taken.get(at).is_some_and(|(of, _)| *of == anchor.at));
    let key: Vec<usize> = key.copied().collect();
    let misplaced = |title: &[usize]| -> u32 {
        let lines = || key.iter().chain(title);
        let before = order.iter().filter(|at| lines().all(|line| *at < line)).count();
        let behind = order.iter().filter(|at| lines().all(|line| *at > line)).count();
        let cost = match aligned {
            Aligned::Top => above.len() * 10,
            Aligned::Middle => before.abs_diff(behind) * 3,
        };
        u32::try_from(cost).unwrap_or(u32::MAX)
    };
    let row = |wording, answers: Vec<Bit>| {
        let centred = aligned == Aligned::Middle
            && answers.iter().any(|bit| !bit.own && bit.form == Form::Loose)
            && matches!(anchor.key.wanted(), Wanted::Answer(kind) if kind.is_open());
        Row { key: anchor.key.clone(), place: anchor.place, wording, answers, centred }
    };
    let mut found: Option<(u32, Row)> = None;
    for title in anchor.key.titles() {
        let (whole, title_lines, answers) = read(&all, title);
        let (mut bad, wording) = match whole {
            Whole::Yes => (0, Wording::Known(title)),
            Whole::Partly(text) => (70, Wording::Other(text)),
            Whole::No => continue,
        };
        bad += implausible(&anchor.key, &answers, &all, anchor.x) + misplaced(&title_lines);
        if found.as_ref().is_none_or(|(known, _)| bad < *known) {
            found = Some((bad, row(wording, answers)));
        }
    }
    let (bad, row) = found.unwrap_or_else(|| {
        let (bad, wording, answers) = unknown(&all);
        let bad = bad + implausible(&anchor.key, &answers, &all, anchor.x) + misplaced(&[]);
        (bad, row(Wording::Other(wording), answers))
    });
    (cost.saturating_add(bad), row)
}

/// How much of a wording was found.
#[derive(Debug, PartialEq, Eq)]
enum Whole {
    Yes,
    Partly(String),
    No,
}

/// Takes a wording out of the bits: how much of it was there, in which lines, and what is left, the answers.
fn read(bits: &[Bit], title: &str) -> (Whole, Vec<usize>, Vec<Bit>) {
    let wanted = keys::wording(title);
    let (mut at, mut answers, mut words, mut lines) = (0, Vec::new(), Vec::new(), Vec::new());
    for bit in bits {
        match keys::consume(&wanted, at, &bit.text).filter(|_| at < wanted.len()) {
            None => answers.push(bit.clone()),
            Some((taken, rest)) => {
                at = taken;
                lines.push(bit.at);
                words.push(bit.text[..bit.text.len() - rest.len()].trim().to_owned());
                if !rest.is_empty() {
                    answers.push(Bit { text: rest.to_owned(), ..bit.clone() });
                }
            }
        }
    }
    let whole = match at {
        0 => Whole::No,
        at if at == wanted.len() => Whole::Yes,
        _ => Whole::Partly(words.join(" ")),
    };
    (whole, lines, answers)
}

/// A row with a wording that is not known: what is wording and what is answer, by the cells, or by the last word.
fn unknown(bits: &[Bit]) -> (u32, String, Vec<Bit>) {
    let rest = |from: usize| bits[from..].to_vec();
    let cells = bits.first().is_some_and(|bit| bit.form == Form::Cells);
    match bits {
        [] => (80, String::new(), Vec::new()),
        [first, ..] if cells => (60, first.text.clone(), rest(1)),
        [only] => match only.text.rsplit_once(' ').filter(|(_, last)| values::yes_no(last).is_some()) {
            Some((wording, last)) => (90, wording.to_owned(), vec![Bit { text: last.to_owned(), ..only.clone() }]),
            None => (90, only.text.clone(), Vec::new()),
        },
        [first, ..] => (80, first.text.clone(), rest(1)),
    }
}

/// How unlikely these are the answers of a row.
fn implausible(key: &Key, answers: &[Bit], all: &[Bit], x: f64) -> u32 {
    let text = answers.iter().map(|bit| bit.text.as_str()).collect::<Vec<_>>().join(" ");
    let text = text.trim();
    let more = u32::try_from(answers.len()).unwrap_or(u32::MAX).saturating_mul(5);
    match key.wanted() {
        Wanted::Result => u32::from(!values::begins_with_result(text)) * (50 + more),
        Wanted::Measured => u32::from(measured(answers).is_none()) * 20,
        Wanted::Answer(AnswerKind::Heading) if text.is_empty() => 0,
        _ if text.is_empty() => 15,
        Wanted::Answer(AnswerKind::YesNo | AnswerKind::Heading) => {
            u32::from(values::yes_no(text).is_none()) * (50 + more)
        }
        Wanted::Answer(AnswerKind::Number) => u32::from(values::number(text).is_none()) * (50 + more),
        Wanted::Answer(kind) => {
            let words = matches!(kind, AnswerKind::Measurands)
                && !text.split(' ').all(|word| values::is_measurand(word) || values::is_none(word));
            let torn = kind == AnswerKind::Measurands && !values::is_whole(&columns(answers));
            let strange = matches!(&key, Key::Id(id) if !values::words(id, text).value.iter().all(|word| values::is_usual(id, word)));
            let words = words || strange;
            u32::from(words) * 40
                + u32::from(torn) * 30
                + astray(answers, all, x, 1 + usize::from(kind == AnswerKind::Measurands)) * 50
        }
        Wanted::Anything => astray(answers, all, x, 1) * 50,
    }
}

/// How many answers stand where no answer of a row with so many columns of them can stand.
fn astray(answers: &[Bit], all: &[Bit], x: f64, columns: usize) -> u32 {
    let own: Vec<f64> = answers.iter().filter(|bit| bit.own).map(|bit| bit.x).collect();
    let below_each_other = all.iter().all(|bit| (bit.x - x).abs() < 1.0);
    let astray = answers.iter().filter(|bit| !bit.own && bit.form == Form::Loose).filter(|bit| {
        if below_each_other {
            // Cells below each other: answers follow the wording.
            let title = all.iter().find(|bit| !answers.contains(bit)).map_or(0, |bit| bit.block);
            bit.block > title + columns
        } else if own.is_empty() {
            bit.x < x + 8.0 || bit.block > 0
        } else {
            bit.block > 0 || !own.iter().any(|own| (bit.x - own).abs() <= NEAR || bit.x > *own)
        }
    });
    u32::try_from(astray.count()).unwrap_or(u32::MAX)
}
