//! The tables whose rows begin with no known key: EVSEs and the vendor specific settings.

use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::{
    Remarks,
    document::{Form, Piece, Place},
    labels::appended,
    layout::Aligned,
    text::letters,
    zones::{Placed, Zone},
};
use crate::{
    pics::model::{Connector, Evse, VendorSetting},
    yaml::Position,
};

const BY_HAND: &str = "add them by hand, or give the PDF itself";

fn place(placed: &Placed<'_>) -> Place {
    let column = placed.line.pieces.iter().find(|piece| !piece.text.is_empty()).map_or(1, |piece| piece.column);
    Place { page: placed.page, at: Position { line: placed.line.number, column } }
}

/// A row of the EVSE table in one line. Its first cells may be merged over the rows of an EVSE; DC has no phases.
const EVSE: &str = r"(?x)
    (?: (?P<evse>\d{1,3})\  (?P<current>AC/DC|AC|DC)\  (?: (?P<phases>\d(?:\ ?[&,/+]\ ?\d|\ and\ \d)*|-|N/A)\  )? )?
    (?P<connector>\d{1,3})\  (?P<kind>\S+)\  (?P<cable>(?i:fixed|detachable|socket)(?i:\ cable)?)";

/// The EVSEs with their connectors.
pub(super) fn evses(lines: &[Placed<'_>], remarks: &mut Remarks) -> Vec<Evse> {
    static ROW: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(&format!(r"{EVSE}$")).ok());
    static ROWS: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(&format!(r"{EVSE}(?:\ |$)")).ok());
    let zone = lines.iter().filter(|it| it.zone == Zone::Evse && !it.begins && !it.line.is_blank());
    let mut evses = Evses::default();
    let mut rest: Vec<&Placed<'_>> = Vec::new();
    for placed in zone {
        let cells: Vec<&str> = placed.line.pieces.iter().map(|piece| piece.text.as_str()).collect();
        let text = placed.line.text();
        match cells.as_slice() {
            [evse, current, phases, connector, kind, cable, ..] if placed.line.form == Form::Cells => {
                if !evses.add(evse, current, phases, connector, kind, cable) && *evse != "EVSE" {
                    remarks.add(
                        place(placed),
                        format!("this row of the EVSE table could not be read: \"{text}\""),
                        ADD,
                    );
                }
            }
            _ => match ROW.as_ref().and_then(|row| row.captures(&text)).filter(|found| found[0] == text) {
                Some(found) => {
                    evses.found(&found);
                }
                None => rest.push(placed),
            },
        }
    }
    // Cells below each other are told apart by what stands in them.
    let heads = ["evse", "current", "phases", "connector", "type", "cabletype", "cable"];
    rest.retain(|placed| !heads.contains(&letters(&placed.line.text()).as_str()));
    let text = rest.iter().map(|placed| placed.line.text()).fold(String::new(), appended);
    let mut end = 0;
    for found in ROWS.iter().flat_map(|row| row.captures_iter(&text)) {
        let whole = found.get(0).is_some_and(|whole| whole.start() == end);
        end = found.get(0).map_or(end, |whole| whole.end());
        let known = evses.found(&found);
        if let Some(first) = rest.first().filter(|_| !whole || !known) {
            remarks.add(place(first), "a row of the EVSE table could not be read completely", ADD);
        }
    }
    evses.all
}

const ADD: &str = "compare `evses:` with the certificate, and add what is missing";

/// The EVSEs while they are read.
#[derive(Debug, Default)]
struct Evses {
    all: Vec<Evse>,
}

impl Evses {
    fn found(&mut self, found: &Captures<'_>) -> bool {
        let part = |name: &str| found.name(name).map_or("", |part| part.as_str());
        self.add(part("evse"), part("current"), part("phases"), part("connector"), part("kind"), part("cable"))
    }

    /// Adds a row; false when it is none.
    fn add(&mut self, evse: &str, current: &str, phases: &str, connector: &str, kind: &str, cable: &str) -> bool {
        let Ok(id) = connector.parse() else { return false };
        let cable = if cable.to_lowercase().starts_with("fixed") { "fixed" } else { "detachable" };
        let connector = Connector { id, kind: kind.to_owned(), cable: cable.to_owned() };
        if evse.is_empty() {
            // A cell that is merged over the rows of an EVSE.
            let Some(evse) = self.all.last_mut() else { return false };
            evse.connectors.push(connector);
            return true;
        }
        let Some(id) = evse.parse().ok().filter(|id| *id < 1000) else { return false };
        match self.all.iter_mut().find(|evse| evse.id == id) {
            Some(evse) => evse.connectors.push(connector),
            None => {
                let phases = phases.replace('&', " & ").split_whitespace().collect::<Vec<_>>().join(" ");
                self.all.push(Evse { id, current: current.to_owned(), phases, connectors: vec![connector] });
            }
        }
        true
    }
}

/// The cells of a row of the vendor specific settings.
type Cells = [String; 3];

/// The vendor specific settings.
pub(super) fn vendor_settings(lines: &[Placed<'_>], aligned: Aligned, remarks: &mut Remarks) -> Vec<VendorSetting> {
    let zone: Vec<&Placed<'_>> = lines.iter().filter(|it| it.zone == Zone::Vendor && !it.line.is_blank()).collect();
    let head = |placed: &&Placed<'_>| letters(&placed.line.text()).starts_with("configurationsetting");
    let part = |placed: &&Placed<'_>| ["configured", "value"].contains(&letters(&placed.line.text()).as_str());
    let Some(start) = zone.iter().position(head) else { return Vec::new() };
    // The head of a column may be broken over the lines around.
    let heads = || zone[start.saturating_sub(1)..].iter().take(3).filter(|line| head(line) || part(line));
    let mut columns: Vec<f64> = heads().flat_map(|line| &line.line.pieces).map(|piece| piece.x).collect();
    columns.sort_by(f64::total_cmp);
    columns.dedup_by(|next, last| *next - *last < 4.0);
    let body: Vec<&Placed<'_>> = zone[start + 1..].iter().filter(|line| !head(line) && !part(line)).copied().collect();
    let (rows, guessed) = match body.first() {
        None => return Vec::new(),
        Some(first) if first.line.form == Form::Cells => (of_cells(&body), None),
        Some(_) if columns.len() < 3 => of_words(&body),
        Some(_) => of_columns(&body, &columns, aligned),
    };
    if rows.is_empty() {
        remarks.add(place(zone[start]), "the vendor specific settings could not be read", BY_HAND);
    } else if let Some(at) = guessed {
        remarks.add(
            at,
            "where the cells of the vendor specific settings begin and end was guessed, from here on",
            "compare `vendor-settings:` with the certificate",
        );
    }
    rows.into_iter().map(|[name, value, description]| VendorSetting { name, value, description }).collect()
}

/// Rows of which the cells are known.
fn of_cells(body: &[&Placed<'_>]) -> Vec<Cells> {
    let mut rows: Vec<Cells> = Vec::new();
    for placed in body.iter().filter(|placed| placed.line.form == Form::Cells) {
        let pieces = &placed.line.pieces;
        let cell = |index: usize| pieces.get(index).map(|piece| piece.text.clone()).unwrap_or_default();
        let rest = pieces.iter().skip(2).map(|piece| piece.text.clone()).fold(String::new(), appended);
        match rows.last_mut().filter(|_| cell(0).is_empty()) {
            // A row that goes on on the next page.
            Some(row) => merge(row, [String::new(), cell(1), rest]),
            None => rows.push([cell(0), cell(1), rest]),
        }
    }
    rows
}

/// Adds what stands below to a row.
fn merge(row: &mut Cells, more: Cells) {
    for (index, (known, more)) in row.iter_mut().zip(more).enumerate() {
        // The name of a setting is one word, and was broken where its cell ends.
        let broken = index == 0 && known.len() > 12 && !known.contains(' ') && !more.contains(' ');
        let text = std::mem::take(known);
        *known = if broken { text + &more } else { appended(text, more) };
    }
}

/// Rows whose cells stand a blank apart: a name, a value, and words.
fn of_words(body: &[&Placed<'_>]) -> (Vec<Cells>, Option<Place>) {
    let mut rows = Vec::new();
    let mut guessed = None;
    for placed in body {
        let text = placed.line.text();
        let words: Vec<&str> = text.splitn(3, ' ').collect();
        let [name, value, description] = words.as_slice() else { continue };
        // A name of a setting is no word of a sentence.
        if name.contains(|c: char| !c.is_alphabetic()) || name.chars().skip(1).any(char::is_uppercase) {
            guessed.get_or_insert(place(placed));
            rows.push([(*name).to_owned(), (*value).to_owned(), (*description).to_owned()]);
        }
    }
    (rows, guessed)
}

/// Rows whose cells are told apart by where they stand; a row may have several lines.
fn of_columns(body: &[&Placed<'_>], columns: &[f64], aligned: Aligned) -> (Vec<Cells>, Option<Place>) {
    let column = |x: f64| columns.iter().rposition(|at| *at <= x + 4.0).unwrap_or(0);
    let mut rows: Vec<Cells> = Vec::new();
    let mut guessed: Option<Place> = None;
    // A blank line ends a row.
    let next_to =
        |one: &&Placed<'_>, other: &&Placed<'_>| one.page == other.page && other.line.number - one.line.number == 1;
    for group in body.chunk_by(next_to) {
        let mut lines: Vec<(Cells, Place)> = Vec::new();
        for placed in group {
            let pieces = &placed.line.pieces;
            if pieces.len() == 3 {
                lines.push(([0, 1, 2].map(|index| pieces[index].text.clone()), place(placed)));
                continue;
            }
            // Cells that run into each other, or a line that is none of the table.
            let through = |piece: &Piece| columns.get(column(piece.x) + 1).is_some_and(|next| piece.end > next + 1.0);
            if pieces.iter().any(through) {
                guessed.get_or_insert(place(placed));
                continue;
            }
            let mut cells = Cells::default();
            for piece in pieces {
                let cell = &mut cells[column(piece.x).min(2)];
                *cell = appended(std::mem::take(cell), piece.text.clone());
            }
            lines.push((cells, place(placed)));
        }
        for (from, to) in borders(&lines, aligned) {
            let mut row = Cells::default();
            for (cells, _) in &lines[from..to] {
                merge(&mut row, cells.clone());
            }
            rows.push(row);
        }
        // From the top, only a name without a value leaves open what it belongs to.
        let open = |cells: &Cells| cells[1].is_empty() && (aligned == Aligned::Middle || !cells[0].is_empty());
        if let Some((_, place)) = lines.iter().find(|(cells, _)| open(cells)) {
            guessed.get_or_insert(*place);
        }
    }
    (rows, guessed)
}

/// Which lines make a row, by the values, which are short: a row begins with its value, or has about as many lines above it as below.
fn borders(lines: &[(Cells, Place)], aligned: Aligned) -> Vec<(usize, usize)> {
    let valued = |(at, (cells, _)): (usize, &(Cells, Place))| (!cells[1].is_empty()).then_some(at);
    let values: Vec<usize> = lines.iter().enumerate().filter_map(valued).collect();
    let Some(first) = values.first() else { return Vec::new() };
    if aligned == Aligned::Top || lines.len() > 500 {
        let ends = values[1..].iter().copied().chain([lines.len()]);
        return values
            .iter()
            .copied()
            .zip(ends)
            .map(|(at, end)| if at == *first { (0, end) } else { (at, end) })
            .collect();
    }
    // For each row and each line at which it may begin: how uneven the rows before it are, and where the last of them begins.
    let mut ways: Vec<Vec<Option<(usize, usize)>>> = vec![vec![None; lines.len() + 1]; values.len() + 1];
    ways[0][0] = Some((0, 0));
    for (row, value) in values.iter().copied().enumerate() {
        let last = row + 1 == values.len();
        let ends = if last { lines.len()..=lines.len() } else { value + 1..=values[row + 1] };
        for from in 0..=value {
            let Some((so_far, _)) = ways[row][from] else { continue };
            for end in ends.clone() {
                let uneven = so_far + (value - from).abs_diff(end - value - 1);
                if ways[row + 1][end].is_none_or(|(known, _)| uneven < known) {
                    ways[row + 1][end] = Some((uneven, from));
                }
            }
        }
    }
    let mut borders = Vec::new();
    let mut end = lines.len();
    for row in (1..=values.len()).rev() {
        let Some((_, from)) = ways[row][end] else { break };
        borders.push((from, end));
        end = from;
    }
    borders.reverse();
    borders
}
