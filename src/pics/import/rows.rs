//! One row of a table, put together of some lines, and how likely it is that they are its lines.

use super::{
    document::{Form, Place},
    keys::{self, Key, Wanted},
    values,
};
use crate::pics::tables::AnswerKind;

/// Columns that are nearer than this, in characters, are one.
const NEAR: f64 = 4.0;

/// A piece of a row behind its key and wording.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Bit {
    pub(super) x: f64,
    /// Blank lines between the key and it.
    pub(super) block: usize,
    /// The index of its line.
    pub(super) at: usize,
    /// It stands in the line of the key.
    pub(super) own: bool,
    pub(super) form: Form,
    pub(super) text: String,
    pub(super) place: Place,
}

/// A row of a table.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) key: Key,
    pub(super) place: Place,
    pub(super) wording: Wording,
    /// What stands behind it.
    pub(super) answers: Vec<Bit>,
    /// Which lines belong to it was guessed, by how cells are centred.
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

/// What a row begins with, with all that is known of it.
#[derive(Debug)]
pub(super) struct Subject {
    pub(super) key: Key,
    /// What may stand as its answer.
    wanted: Wanted,
    /// The wordings that are known, as printed and as they are compared.
    titles: Vec<(&'static str, Vec<char>)>,
    /// Where it begins across.
    pub(super) x: f64,
}

impl Subject {
    pub(super) fn new(key: Key, x: f64) -> Self {
        let titles = key.titles().into_iter().map(|title| (title, keys::wording(title))).collect();
        Self { wanted: key.wanted(), titles, key, x }
    }

    /// True where the answer may have any number of words.
    pub(super) fn is_open(&self) -> bool {
        matches!(self.wanted, Wanted::Answer(kind) if kind.is_open())
    }

    /// True where more lines can make a whole row only worse.
    pub(super) fn is_closed(&self) -> bool {
        matches!(self.wanted, Wanted::Answer(AnswerKind::YesNo | AnswerKind::Number | AnswerKind::Heading))
    }

    /// The row of these bits: how bad it is, its wording, the lines in which that stands, and its answers. `misplaced` tells how bad it
    /// is for a wording to stand in some lines.
    pub(super) fn row(&self, bits: &[Bit], misplaced: impl Fn(&[usize]) -> u32) -> (u32, Wording, Vec<Bit>) {
        let mut found: Option<(u32, Wording, Vec<Bit>)> = None;
        for (title, wanted) in &self.titles {
            let (whole, lines, answers) = read(bits, wanted);
            let (mut bad, wording) = match whole {
                Whole::Yes => (0, Wording::Known(title)),
                Whole::Partly(text) => (70, Wording::Other(text)),
                Whole::No => continue,
            };
            bad += self.implausible(&answers, bits) + misplaced(&lines);
            if found.as_ref().is_none_or(|(known, ..)| bad < *known) {
                found = Some((bad, wording, answers));
            }
        }
        found.unwrap_or_else(|| {
            let (bad, wording, answers) = unknown(bits);
            (bad + self.implausible(&answers, bits) + misplaced(&[]), Wording::Other(wording), answers)
        })
    }

    /// How unlikely these are the answers of a row.
    fn implausible(&self, answers: &[Bit], all: &[Bit]) -> u32 {
        let text = answers.iter().map(|bit| bit.text.as_str()).collect::<Vec<_>>().join(" ");
        let text = text.trim();
        let more = u32::try_from(answers.len()).unwrap_or(u32::MAX).saturating_mul(5);
        match self.wanted {
            Wanted::Result => {
                // A second result is that of another row, whose name is not known.
                let results = answers.iter().filter(|bit| values::is_result(&bit.text)).count();
                u32::from(!values::begins_with_result(text)) * (50 + more) + u32::from(results > 1) * 60
            }
            Wanted::Measured => u32::from(measured(answers).is_none() && !values::is_unmeasured(text)) * 20,
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
                let strange = matches!(&self.key, Key::Id(id) if !values::words(id, text).value.iter().all(|word| values::is_usual(id, word)));
                let words = words || strange;
                u32::from(words) * 40
                    + u32::from(torn) * 30
                    + astray(answers, all, self.x, 1 + usize::from(kind == AnswerKind::Measurands)) * 50
            }
            Wanted::Anything => astray(answers, all, self.x, 1) * 50,
        }
    }
}

/// How much of a wording was found.
#[derive(Debug, PartialEq, Eq)]
enum Whole {
    Yes,
    Partly(String),
    No,
}

/// Takes a wording out of the bits: how much of it was there, in which lines, and what is left, the answers.
fn read(bits: &[Bit], wanted: &[char]) -> (Whole, Vec<usize>, Vec<Bit>) {
    let (mut at, mut answers, mut words, mut lines) = (0, Vec::new(), Vec::new(), Vec::new());
    for bit in bits {
        match keys::consume(wanted, at, &bit.text).filter(|_| at < wanted.len()) {
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
