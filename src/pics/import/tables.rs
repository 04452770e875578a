//! The tables whose rows begin with no known key: EVSEs and the vendor specific settings.

use std::sync::LazyLock;

use regex::Regex;

use super::{
    Remarks,
    document::{Form, Place},
    facts::appended,
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

/// The EVSEs with their connectors.
pub(super) fn evses(lines: &[Placed<'_>], remarks: &mut Remarks) -> Vec<Evse> {
    static ROW: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(
            r"(?x)(?:^|\ )(?: (?P<evse>\d{1,3})\  (?P<current>AC/DC|AC|DC)\  (?P<phases>\d(?:\ ?[&,/+]\ ?\d|\ and\ \d)*|-|N/A)\  )?
              (?P<connector>\d{1,3})\ (?P<kind>\S+)\ (?P<cable>(?i:fixed|detachable|socket)\S*)",
        )
        .ok()
    });
    let zone: Vec<&Placed<'_>> = lines.iter().filter(|it| it.zone == Zone::Evse && !it.line.is_blank()).collect();
    let mut evses: Vec<Evse> = Vec::new();
    let mut loose: Vec<&Placed<'_>> = Vec::new();
    let mut add = |evse: Option<(u32, &str, &str)>, connector: u32, kind: &str, cable: &str| {
        let cable = if cable.to_lowercase().starts_with("fixed") { "fixed" } else { "detachable" };
        let connector = Connector { id: connector, kind: kind.to_owned(), cable: cable.to_owned() };
        match evse {
            Some((id, current, phases)) => match evses.iter_mut().find(|evse| evse.id == id) {
                Some(evse) => evse.connectors.push(connector),
                None => {
                    let phases = phases.replace('&', " & ").split_whitespace().collect::<Vec<_>>().join(" ");
                    let current = current.to_owned();
                    evses.push(Evse { id, current, phases, connectors: vec![connector] });
                }
            },
            // A cell that is merged over the rows of an EVSE.
            None => match evses.last_mut() {
                Some(evse) => evse.connectors.push(connector),
                None => return false,
            },
        }
        true
    };
    for placed in zone {
        let cells: Vec<&str> = placed.line.pieces.iter().map(|piece| piece.text.as_str()).collect();
        match cells.as_slice() {
            _ if placed.begins => {}
            [evse, current, phases, connector, kind, cable, ..] if placed.line.form == Form::Cells => {
                let ids = (evse.parse().ok(), connector.parse().ok());
                let done = match ids {
                    (Some(evse), Some(connector)) => add(Some((evse, current, phases)), connector, kind, cable),
                    (None, Some(connector)) if evse.is_empty() => add(None, connector, kind, cable),
                    _ => false,
                };
                if !done && *evse != "EVSE" {
                    remarks.add(
                        place(placed),
                        format!("this row of the EVSE table could not be read: \"{}\"", placed.line.text()),
                        "add it under `evses:`",
                    );
                }
            }
            _ => loose.push(placed),
        }
    }
    // Otherwise the cells are told apart by what stands in them.
    let heads = ["evse", "current", "phases", "connector", "type", "cabletype", "cable"];
    let text = loose.iter().map(|placed| placed.line.text()).filter(|text| !heads.contains(&letters(text).as_str()));
    let text = text.fold(String::new(), appended);
    for found in ROW.iter().flat_map(|row| row.captures_iter(&text)) {
        let part = |name: &str| found.name(name).map_or("", |part| part.as_str());
        let evse = part("evse").parse().ok().map(|id| (id, part("current"), part("phases")));
        if let Ok(connector) = part("connector").parse() {
            add(evse, connector, part("kind"), part("cable"));
        }
    }
    evses
}

/// A row of the vendor specific settings while it is read.
type Cells = [String; 3];

/// The vendor specific settings.
pub(super) fn vendor_settings(lines: &[Placed<'_>], remarks: &mut Remarks) -> Vec<VendorSetting> {
    let zone: Vec<&Placed<'_>> = lines.iter().filter(|it| it.zone == Zone::Vendor && !it.line.is_blank()).collect();
    let head = |placed: &&Placed<'_>| letters(&placed.line.text()).starts_with("configurationsetting");
    let Some(start) = zone.iter().position(head) else { return Vec::new() };
    let columns: Vec<f64> = zone[start].line.pieces.iter().map(|piece| piece.x).collect();
    let mut rows: Vec<Cells> = Vec::new();
    let mut guessed: Option<Place> = None;
    for placed in &zone[start + 1..] {
        let pieces = &placed.line.pieces;
        if head(placed) {
            continue;
        }
        if placed.line.form == Form::Cells {
            let cell = |index: usize| pieces.get(index).map(|piece| piece.text.clone()).unwrap_or_default();
            let rest = pieces.iter().skip(2).map(|piece| piece.text.clone()).fold(String::new(), appended);
            match rows.last_mut().filter(|_| cell(0).is_empty()) {
                // A row that goes on on the next page.
                Some(row) => *row = [row[0].clone(), appended(row[1].clone(), cell(1)), appended(row[2].clone(), rest)],
                None => rows.push([cell(0), cell(1), rest]),
            }
            continue;
        }
        if columns.len() < 3 {
            let text = placed.line.text();
            let words: Vec<&str> = text.splitn(3, ' ').collect();
            let [name, value, description] = words.as_slice() else { continue };
            // A name of a setting is no word of a sentence.
            if !name.contains(|c: char| !c.is_alphabetic()) && !name.chars().skip(1).any(char::is_uppercase) {
                continue;
            }
            guessed.get_or_insert(place(placed));
            rows.push([(*name).to_owned(), (*value).to_owned(), (*description).to_owned()]);
            continue;
        }
        if pieces.len() == columns.len() && pieces.len() == 3 {
            rows.push([0, 1, 2].map(|index| pieces[index].text.clone()));
            continue;
        }
        let first_column = |piece: f64| columns.iter().rposition(|at| *at <= piece + 4.0).unwrap_or(0);
        // A line that runs through a border is none of the table.
        let through = pieces.iter().any(|piece| {
            let column = first_column(piece.x);
            columns.get(column + 1).is_some_and(|next| piece.end > next + 1.0)
        });
        if through {
            continue;
        }
        let mut cells = Cells::default();
        for piece in pieces {
            let cell = &mut cells[first_column(piece.x).min(2)];
            *cell = appended(std::mem::take(cell), piece.text.clone());
        }
        let whole = !cells[0].is_empty() && !cells[1].is_empty();
        match rows.last_mut().filter(|_| !whole) {
            Some(row) => {
                guessed.get_or_insert(place(placed));
                for (known, more) in row.iter_mut().zip(cells) {
                    *known = appended(std::mem::take(known), more);
                }
            }
            None if whole => rows.push(cells),
            None => {}
        }
    }
    if let Some(at) = guessed {
        remarks.add(
            at,
            "where the cells of the vendor specific settings end was guessed, from here on",
            "compare `vendor-settings:` with the certificate",
        );
    } else if rows.is_empty() && zone.len() > start + 1 {
        remarks.add(place(zone[start]), "the vendor specific settings could not be read", BY_HAND);
    }
    rows.into_iter().map(|[name, value, description]| VendorSetting { name, value, description }).collect()
}
