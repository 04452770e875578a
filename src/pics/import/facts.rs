//! What a certificate says as a name and a value: product, laboratory, approval, references.

use std::sync::LazyLock;

use regex::Regex;

use super::{
    Remarks,
    document::{Form, Place},
    keys,
    text::letters,
    values,
    zones::{Placed, Zone},
};
use crate::{
    pics::model::{Approval, Approver, Laboratory, Product, References},
    yaml::{Position, shorten},
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

/// What is said of a party of the statement of approval.
const PARTY: [&str; 8] =
    ["Name", "Name reviewer", "Company", "Department", "Position", "Location", "Date", "Signature"];

/// A party of the statement of approval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Party {
    Vendor,
    Laboratory,
}

/// A name with its value.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Fact {
    label: &'static str,
    value: String,
    /// Lines of which it was put together.
    parts: usize,
    place: Place,
    /// In the statement of approval, whose.
    party: Option<Party>,
}

/// All facts of a document.
#[derive(Debug, Default)]
pub(super) struct Facts {
    all: Vec<Fact>,
}

/// A line's label, and the pieces behind it with their places across.
struct Labelled {
    label: &'static str,
    values: Vec<(f64, String)>,
    /// The label stands alone in its piece.
    apart: bool,
}

/// The label that a line begins with.
fn labelled(lines: &[Placed<'_>], at: usize) -> Option<Labelled> {
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
        let sentence =
            !colon && !rest.is_empty() && !approval && !(BARE.contains(label) && rest.split(' ').count() < 8);
        if sentence {
            return None;
        }
        let own = (!rest.is_empty()).then(|| (first.x, rest.to_owned()));
        Some(Labelled { label, apart: rest.is_empty(), values: own.into_iter().chain(others.clone()).collect() })
    })
}

impl Facts {
    /// Collects the facts.
    pub(super) fn of(lines: &[Placed<'_>]) -> Self {
        let mut facts = Self::default();
        let mut party = None;
        let mut claimed = vec![false; lines.len()];
        for (at, placed) in lines.iter().enumerate() {
            if !matches!(placed.zone, Zone::Facts | Zone::Performance | Zone::Approval) {
                continue;
            }
            if placed.zone == Zone::Approval {
                match letters(&placed.line.text()).as_str() {
                    "vendor" => party = Some(Party::Vendor),
                    "testlaboratory" => party = Some(Party::Laboratory),
                    _ => {}
                }
            }
            let Some(found) = labelled(lines, at) else { continue };
            if placed.zone == Zone::Performance && !found.label.starts_with("Communication") {
                continue;
            }
            let mut words: Vec<String> = found.values.iter().map(|(_, text)| text.clone()).collect();
            let own = usize::from(!words.is_empty());
            let more = continued(lines, at, &found, &mut claimed);
            if found.values.is_empty() && found.apart {
                words.extend(centred(lines, at, &mut claimed));
            }
            let parts = own + more.len();
            words.extend(more);
            let column = placed.line.pieces.iter().find(|piece| !piece.text.is_empty()).map_or(1, |piece| piece.column);
            let place = Place { page: placed.page, at: Position { line: placed.line.number, column } };
            facts.all.push(Fact {
                label: found.label,
                value: words.into_iter().fold(String::new(), appended),
                parts,
                place,
                // What tool tested stands behind the statement of approval.
                party: party.filter(|_| placed.zone == Zone::Approval && PARTY.contains(&found.label)),
            });
        }
        facts
    }

    /// True when there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// The value of a label outside the statement of approval. What the report says comes after what the certificate says, and is
    /// more exact.
    pub(super) fn value(&self, label: &str, remarks: &mut Remarks) -> Option<String> {
        let known = |fact: &&Fact| fact.label == label && fact.party.is_none() && !values::is_none(&fact.value);
        let mut found: Option<&Fact> = None;
        for fact in self.all.iter().filter(known).filter(|fact| !fact.value.is_empty()) {
            let Some(known) = found else {
                found = Some(fact);
                continue;
            };
            let (one, other) = (letters(&known.value), letters(&fact.value));
            if !other.starts_with(&one) && !one.starts_with(&other) {
                remarks.add(
                    fact.place,
                    format!("`{label}` is \"{}\" here and \"{}\" before; this one was taken", fact.value, known.value),
                    "correct it where it is wrong",
                );
            }
            if !one.starts_with(&other) || one == other {
                found = Some(fact);
            }
        }
        let found = found?;
        if found.parts > 1 {
            let message =
                format!("the value of `{label}` was put together of several lines: \"{}\"", shorten(&found.value, 90));
            remarks.add(found.place, message, "look whether all of it is there, and whether its blanks are right");
        }
        Some(found.value.clone())
    }

    /// Tells which labels of a certificate are missing.
    pub(super) fn missing(&self, remarks: &mut Remarks) {
        for (label, key) in [
            ("Test laboratory", "name: … under `laboratory:"),
            ("Test Report Reference", "report-reference: … under `laboratory:"),
            (COMMUNICATION, "communication: … under `performance:"),
        ] {
            if self.place(label).is_none() {
                remarks.add(
                    Place::default(),
                    format!("`{label}` was not found"),
                    &format!("add `{key}`, where it is wanted"),
                );
            }
        }
        for (party, name, key) in
            [(Party::Vendor, "vendor", "vendor"), (Party::Laboratory, "test laboratory", "laboratory")]
        {
            if self.of_party(party, "Name").is_none() {
                let message = format!("the {name}'s part of the statement of approval was not found");
                remarks.add(
                    Place::default(),
                    message,
                    &format!("add `{key}: {{ name: … }}` under `approval:`, where it is wanted"),
                );
            }
        }
    }

    /// The place of a label, if it stands anywhere.
    pub(super) fn place(&self, label: &str) -> Option<Place> {
        self.all.iter().find(|fact| fact.label == label).map(|fact| fact.place)
    }

    fn of_party(&self, party: Party, label: &str) -> Option<&str> {
        let found = self.all.iter().find(|fact| fact.party == Some(party) && fact.label == label)?;
        Some(found.value.as_str())
    }

    /// The product.
    pub(super) fn product(&self, is_csms: bool, remarks: &mut Remarks) -> Product {
        let mut value = |label| self.value(label, remarks);
        let vendor = value("Vendor name");
        let designation = value("Product Designation");
        let firmware = value("Firmware Version").filter(|_| !is_csms);
        let software = value("OCPP Software Version").filter(|_| is_csms);
        let product = Product {
            holder: value("Certificate Holder").unwrap_or_default(),
            vendor: vendor.unwrap_or_default(),
            designation: designation.unwrap_or_default(),
            firmware_version: firmware.or((!is_csms).then(String::new)),
            software_version: software.or(is_csms.then(String::new)),
            config_id: value("Config ID"),
            subtype: None,
            firmware_hash: value("Firmware image hash").map(|hash| {
                // Hexadecimal has no blanks; a line ended there.
                let digits: String = hash.split_whitespace().collect();
                if digits.chars().all(|c| c.is_ascii_hexdigit()) { digits } else { hash }
            }),
        };
        // An abstract alone names no holder.
        if product.holder.is_empty()
            && (self.place("Certificate Number").or(self.place("Certificate Holder"))).is_some()
        {
            let place = self.place("Certificate Holder").unwrap_or_default();
            remarks.add(place, "the value of `Certificate Holder` was not found", "fill in `holder` under `product:`");
        }
        let version = if is_csms { "OCPP Software Version" } else { "Firmware Version" };
        let version_value = product.firmware_version.as_ref().or(product.software_version.as_ref());
        for (label, key, missing) in [
            ("Vendor name", "vendor", product.vendor.is_empty()),
            ("Product Designation", "designation", product.designation.is_empty()),
            (
                version,
                if is_csms { "software-version" } else { "firmware-version" },
                version_value.is_some_and(String::is_empty),
            ),
        ] {
            if missing {
                let (place, found) = match self.place(label) {
                    Some(place) => (place, format!("`{label}` has no value that could be read")),
                    None => (Place::default(), format!("`{label}` was not found")),
                };
                remarks.add(place, found, &format!("fill in `{key}` under `product:`"));
            }
        }
        product
    }

    /// The laboratory.
    pub(super) fn laboratory(&self, remarks: &mut Remarks) -> Laboratory {
        Laboratory {
            name: self.value("Test laboratory", remarks),
            location: self.value("Location", remarks),
            test_location: self.value("Test Location", remarks),
            report_reference: self.value("Test Report Reference", remarks),
        }
    }

    /// Who approved it.
    pub(super) fn approval(&self) -> Approval {
        Approval { vendor: self.approver(Party::Vendor), laboratory: self.approver(Party::Laboratory) }
    }

    fn approver(&self, party: Party) -> Approver {
        let cut = |value: &str, word: &str| -> (String, Option<String>) {
            match value.split_once(word) {
                Some((before, after)) => (before.trim().to_owned(), Some(after.trim().to_owned())),
                None => (value.to_owned(), None),
            }
        };
        let value = |label: &str| {
            let (value, _) = cut(self.of_party(party, label)?, "Signature:");
            let (value, _) = cut(&value, "Date:");
            Some(value).filter(|value| !value.is_empty())
        };
        let date = self.of_party(party, "Name").and_then(|name| cut(name, "Date:").1);
        let date = date.or_else(|| self.of_party(party, "Date").map(str::to_owned));
        Approver {
            name: value("Name"),
            date: date.map(|date| cut(&date, "Signature:").0).filter(|date| !date.is_empty()),
            reviewer: value("Name reviewer"),
            company: value("Company"),
            department: value("Department"),
            position: value("Position"),
            location: value("Location"),
        }
    }

    /// What the certificate refers to.
    pub(super) fn references(
        &self,
        lines: &[Placed<'_>],
        statement: Option<String>,
        remarks: &mut Remarks,
    ) -> References {
        let (tested, evidence) = applied(lines, remarks);
        References {
            certificate: self.value("Certificate Number", remarks),
            certification_date: self.value("Certification Date", remarks),
            specification: statement,
            tested,
            evidence,
            tool_version: self.value("OCTT Version", remarks),
            tool_instance: self.value("OCTT Instance ID", remarks),
        }
    }
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
fn continued(lines: &[Placed<'_>], at: usize, found: &Labelled, claimed: &mut [bool]) -> Vec<String> {
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
fn centred(lines: &[Placed<'_>], at: usize, claimed: &mut [bool]) -> Option<String> {
    let before = at.checked_sub(1)?;
    let (line, label) = (lines[before].line, lines[at].line.pieces.iter().find(|piece| !piece.text.is_empty())?);
    let [piece] = line.pieces.as_slice() else { return None };
    if claimed[before] || line.form != Form::Loose || piece.x < label.x + 8.0 || labelled(lines, before).is_some() {
        return None;
    }
    claimed[before] = true;
    Some(piece.text.clone())
}

const UNDIVIDED: &str = "by whom it was tested, and on what evidence, could not be told apart";
const UNDIVIDED_HELP: &str = "fill in `tested` and `evidence` under `references:`, where they are wanted";

/// By whom and when the product was tested, and the document that shows it.
fn applied(lines: &[Placed<'_>], remarks: &mut Remarks) -> (Option<String>, Option<String>) {
    static DATED: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r"^(.*?(?:[A-Z][a-z]+\.? \d{1,2}, ?\d{4}|\d{1,2}\.? [A-Z][a-z]+ \d{4}|\d{4}-\d{2}-\d{2})) (.+)$")
            .ok()
    });
    let zone: Vec<&Placed<'_>> = lines.iter().filter(|placed| placed.zone == Zone::Applied).collect();
    let Some(head) = zone.first() else { return (None, None) };
    let (Some(tested), Some(evidence)) = (head.line.pieces.get(1), head.line.pieces.get(2)) else {
        let all = zone.iter().map(|placed| placed.line.text()).fold(String::new(), appended);
        let heads = keys::wording("Applied Performed by / On Document Evidence");
        let phrase =
            keys::wording("Conformance testing according to the test specification referenced by the test report");
        let rest = keys::consume(&heads, 0, &all).map_or(all.as_str(), |(_, rest)| rest);
        let rest = keys::consume(&phrase, 0, rest).map_or(rest, |(_, rest)| rest);
        if let Some(found) = DATED.as_ref().and_then(|dated| dated.captures(rest)) {
            return (Some(found[1].to_owned()), Some(found[2].to_owned()));
        }
        let place = Place { page: head.page, at: Position { line: head.line.number, column: 1 } };
        remarks.add(place, UNDIVIDED, UNDIVIDED_HELP);
        return (None, None);
    };
    let mut found = (String::new(), String::new());
    let mut parts = 0;
    for placed in &zone[1..] {
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
    if parts > 1 {
        let place = Place { page: head.page, at: Position { line: head.line.number, column: evidence.column } };
        let message = format!("the document evidence was put together of several lines: \"{}\"", shorten(&found.1, 90));
        remarks.add(place, message, "look whether the blanks of `evidence` under `references:` are right");
    }
    (Some(found.0).filter(|text| !text.is_empty()), Some(found.1).filter(|text| !text.is_empty()))
}
