//! Makes a PICS of a certificate with its abstract test report.
//!
//! What a laboratory or a vendor has is a PDF, or its text after it went through one program or another. A file becomes lines with
//! cells or pieces (`decode.rs`, `text.rs`, `pdf/`), these become rows (`zones.rs`, `layout.rs`), and rows become answers. Whatever
//! could not be read, was guessed or was taken from a baseline that is not the certificate's is a remark.

mod answers;
mod applied;
mod decode;
pub mod document;
mod facts;
mod keys;
mod labels;
mod layout;
#[cfg(feature = "pdf")]
pub mod pdf;
mod reference;
mod rows;
mod tables;
mod text;
mod values;
mod zones;

pub use decode::{Content, PDF_LIMIT, TEXT_LIMIT, content};

use self::{
    document::{Document, Place},
    facts::Facts,
    keys::Key,
    reference::Reference,
    rows::Row,
    zones::{Placed, Zone},
};
use super::model::{Baseline, Performance, Pics, Profile, SutKind};
use crate::{
    pics::tables::Part,
    protocol::{OCPP_2_0_1, Protocol, pics_tables::PicsTables},
    text::visible_line,
    yaml::{Defect, Defects, Position, shorten},
};

/// The version whose certificates can be read: none of another has been published with its abstract.
pub const PROTOCOL: &Protocol = &OCPP_2_0_1;

fn known_ids() -> &'static PicsTables {
    OCPP_2_0_1.pics_tables()
}

/// Something that could not be read, was guessed, or was taken from elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    /// Where, for people: `certificate.pdf page 3:12:1`.
    pub place: String,
    /// What was found, and what was made of it.
    pub message: String,
    /// What to do about it.
    pub help: String,
}

/// A PICS that was made of a certificate.
#[derive(Debug, Clone, PartialEq)]
pub struct Imported {
    /// The PICS.
    pub pics: Pics,
    /// What has to be looked at, in the document's order.
    pub remarks: Vec<Remark>,
}

/// At most so many remarks are told.
const MAX_REMARKS: usize = 500;

/// Collects remarks.
#[derive(Debug, Default)]
struct Remarks {
    all: Vec<(Place, String, String)>,
}

impl Remarks {
    fn add(&mut self, place: Place, message: impl Into<String>, help: &str) {
        self.all.push((place, message.into(), help.to_owned()));
    }

    fn finish(mut self, document: &Document) -> Vec<Remark> {
        self.all.sort_by_key(|(place, ..)| *place);
        self.all.dedup();
        let more = self.all.len().saturating_sub(MAX_REMARKS);
        if more > 0 {
            self.all.truncate(MAX_REMARKS);
            let message = format!("{more} more places are to be looked at; they are not named");
            self.add(Place::default(), message, "look whether this is a certificate of one product");
        }
        let place = |place: Place| match document.pages.get(place.page) {
            Some(page) if place.at.line > 0 => format!("{}:{}", page.source.name, place.at),
            _ => document.name.clone(),
        };
        let shown = |text: &str| visible_line(text).into_owned();
        let remark = |(at, message, help): (Place, String, String)| Remark {
            place: shown(&place(at)),
            message: shown(&message),
            help: shown(&help),
        };
        self.all.into_iter().map(remark).collect()
    }
}

/// Reads a certificate. A baseline that is given is taken in the place of the certificate's.
pub fn certificate(document: &Document, given: Option<Baseline>) -> Result<Imported, Vec<Defects>> {
    let mut remarks = Remarks::default();
    for (place, message) in &document.remarks {
        remarks.add(*place, message, "compare what stands there with the certificate");
    }
    let lines = zones::placed(document);
    let (rows, aligned) = layout::rows(&lines).map_err(|at| {
        let message = format!("more than {} rows begin with an id", layout::MAX_ROWS);
        defect(document, at, message, "use a file that contains only the certificate")
    })?;
    let facts = Facts::of(&lines);
    let reference = reference::found(document);
    refuse_other_versions(document, &reference, &mut remarks)?;
    if rows.is_empty() && facts.is_empty() {
        let message = "this is not a certificate with an abstract test report: none of their tables was found";
        let help = "give the certificate's PDF, or its text by `pdftotext -layout`";
        return Err(defect(document, Place::default(), message, help));
    }
    refuse_columns_in_sequence(document, &lines, &rows)?;
    let baseline = baseline(document, &reference, given, &mut remarks)?;
    let edition = baseline.edition();
    let sut = side(document, &facts, &rows, &mut remarks)?;
    let mut pics = Pics {
        sut,
        ocpp: crate::protocol::Version::V2_0_1,
        edition,
        baseline,
        product: facts.product(sut == SutKind::Csms, &mut remarks),
        profiles: Vec::new(),
        hardware: indexmap::IndexMap::new(),
        evses: tables::evses(&lines, &mut remarks),
        features: indexmap::IndexMap::new(),
        questions: indexmap::IndexMap::new(),
        settings: indexmap::IndexMap::new(),
        vendor_settings: tables::vendor_settings(&lines, aligned, &mut remarks),
        performance: performance(&facts, &rows, sut, &mut remarks),
        laboratory: facts.laboratory(&mut remarks),
        approval: facts.approval(),
        references: facts.references(&lines, reference.statement, &mut remarks),
    };
    pics.profiles = profiles(&rows, &mut remarks);
    unknown_profiles(&lines, &rows, &mut remarks);
    facts.missing(&mut remarks);
    let answered = answers::read(&rows, &pics, &mut remarks);
    for (part, map) in [
        (Part::Hardware, &mut pics.hardware),
        (Part::Features, &mut pics.features),
        (Part::Questions, &mut pics.questions),
        (Part::Settings, &mut pics.settings),
    ] {
        map.extend(answered.iter().filter(|(of, ..)| *of == part).map(|(_, id, answer)| (id.clone(), answer.clone())));
    }
    Ok(Imported { pics, remarks: remarks.finish(document) })
}

/// One defect of a document.
fn defect(document: &Document, place: Place, message: impl Into<String>, help: &str) -> Vec<Defects> {
    let Some(page) = document.pages.get(place.page) else { return Vec::new() };
    let mut source = page.source.clone();
    if place.at.line == 0 {
        source.name = document.name.as_str().into();
    }
    vec![source.defects(vec![Defect::new(place.at, message, help)])]
}

/// Refuses what is no certificate of OCPP 2.0.1.
fn refuse_other_versions(
    document: &Document,
    reference: &Reference,
    remarks: &mut Remarks,
) -> Result<(), Vec<Defects>> {
    if reference.versions.is_empty() {
        let message = "no version of OCPP was found; the document was read as one of OCPP 2.0.1";
        remarks.add(Place::default(), message, "check that it is one of OCPP 2.0.1");
    }
    for (version, (page, line)) in &reference.also {
        let at = Place { page: *page, at: Position { line: *line, column: 1 } };
        let message = format!("OCPP {version} is named here; the document was read as one of OCPP 2.0.1");
        remarks.add(at, message, "check that it is one of OCPP 2.0.1");
    }
    let Some((version, at)) = reference.versions.iter().find(|(version, _)| version != "2.0.1") else { return Ok(()) };
    let readable = reference::READABLE;
    let message = match reference.versions.iter().find(|(version, _)| version == "2.0.1") {
        Some(_) => format!("OCPP {version} is named here, and OCPP 2.0.1 elsewhere"),
        None => format!("this is a document of OCPP {version}"),
    };
    let at = Place { page: at.0, at: Position { line: at.1, column: 1 } };
    Err(defect(document, at, message, readable))
}

/// Refuses a text in which the columns of tables stand one after the other: which answer goes with which id can't be told.
fn refuse_columns_in_sequence(document: &Document, lines: &[Placed<'_>], rows: &[Row]) -> Result<(), Vec<Defects>> {
    let mut bare = 0;
    let mut first = None;
    for placed in lines.iter().filter(|placed| !placed.line.is_blank()) {
        let is_bare = keys::id(&placed.line.text()).is_some_and(|(_, rest)| rest.is_empty());
        bare = if is_bare { bare + 1 } else { 0 };
        if bare == 4 && first.is_none() {
            first = Some(Place { page: placed.page, at: Position { line: placed.line.number - 3, column: 1 } });
        }
    }
    let nothing = rows.iter().filter(|row| row.answers.iter().all(|bit| bit.text.is_empty())).count();
    match first.filter(|_| nothing * 2 > rows.len()) {
        None => Ok(()),
        Some(at) => {
            let message = "the columns of the tables stand one below the other from here on: which wording and which answer go \
                           with an id can't be told";
            Err(defect(document, at, message, "give the PDF itself, or its text by `pdftotext -layout`"))
        }
    }
}

/// The baseline to read the certificate by.
fn baseline(
    document: &Document,
    reference: &Reference,
    given: Option<Baseline>,
    remarks: &mut Remarks,
) -> Result<Baseline, Vec<Defects>> {
    let at = Place { page: reference.at.0, at: Position { line: reference.at.1, column: 1 } };
    let chosen = reference::baseline(reference);
    if let Some(given) = given {
        let stated = chosen.filter(|(stated, told)| *stated != given || told.is_some());
        if let Some(statement) = stated.and_then(|_| reference.statement.clone()) {
            let word = given.id();
            let message =
                format!("the certificate is of \"{statement}\"; it was read by the baseline {word}, as was asked for");
            remarks.add(at, message, "compare ids and answers with the certificate");
        }
        return Ok(given);
    }
    let Some((baseline, told)) = chosen else {
        let message =
            "edition and errata were not found: the certificate's sentence on its reference specification is missing";
        let help = "give the whole certificate, its first page included, or name the baseline: `--baseline 2025-09`";
        return Err(defect(document, Place::default(), message, help));
    };
    if let Some(told) = told {
        let help = "compare ids and answers with the certificate; `--baseline` takes another baseline";
        remarks.add(at, told, help);
    }
    Ok(baseline)
}

/// Which side was certified.
fn side(document: &Document, facts: &Facts, rows: &[Row], remarks: &mut Remarks) -> Result<SutKind, Vec<Defects>> {
    let named = |text: &str| {
        let text = text.to_lowercase();
        if ["management", "csms", "central system", "back"].iter().any(|word| text.contains(word)) {
            Some(SutKind::Csms)
        } else {
            text.contains("station").then_some(SutKind::ChargingStation)
        }
    };
    let label = |label: &str, remarks: &mut Remarks| facts.value(label, remarks).and_then(|value| named(&value));
    let mut found = label("Device Under Test", remarks).or_else(|| label("Product Type", remarks));
    if found.is_none() {
        let number = facts.value("Certificate Number", remarks).unwrap_or_default();
        let hardware = |row: &Row| matches!(&row.key, Key::Id(id) if id.starts_with("HFS-"));
        let (side, by) = if number.rsplit('.').next() == Some("CSMS") {
            (Some(SutKind::Csms), "the certificate's number")
        } else if number.rsplit('.').next() == Some("CS") {
            (Some(SutKind::ChargingStation), "the certificate's number")
        } else {
            (rows.iter().any(hardware).then_some(SutKind::ChargingStation), "its hardware features")
        };
        if let Some(side) = side {
            let word = if side == SutKind::Csms { "CSMS" } else { "charging station" };
            let place = facts.place("Device Under Test").unwrap_or_default();
            let message = format!("`Device Under Test` was not found; by {by} it is a {word}");
            remarks.add(place, message, "correct `sut:` where it is wrong");
        }
        found = side;
    }
    found.ok_or_else(|| {
        let place = facts.place("Device Under Test").unwrap_or_default();
        let help = "give the whole certificate; the line is `Device Under Test: Charging Station` or `… Charging Station Management System`";
        defect(document, place, "`Device Under Test` was not found, so that the side is not known", help)
    })
}

/// The profiles that were tested.
fn profiles(rows: &[Row], remarks: &mut Remarks) -> Vec<Profile> {
    let mut found = Vec::new();
    let mut read = Vec::new();
    for row in rows {
        let Key::Profile(profile) = row.key else { continue };
        let result = row.answer();
        let name = profile.title();
        read.push(profile);
        match values::outcome(&result) {
            Some(values::Outcome::Pass) => found.push(profile),
            Some(values::Outcome::NotTested) => {}
            Some(values::Outcome::Tested) => {
                let word = result.split(' ').next().unwrap_or_default();
                let message =
                    format!("the result of `{name}` is \"{word}\"; it was tested, so it is among the profiles");
                remarks.add(row.place, message, "remove it from `profiles:` where it is not claimed");
                found.push(profile);
            }
            None => {
                let message = format!("the result of `{name}` could not be read: \"{}\"", shorten(&result, 60));
                let help = format!("add `{}` to `profiles:` where it passed", profile.id());
                remarks.add(row.place, message, &help);
            }
        }
    }
    if !found.contains(&Profile::CORE) {
        let message =
            "no result of the profile Core was found in the test result summary; every certification includes it";
        remarks.add(Place::default(), message, "look through `profiles:`; add what else passed");
        found.push(Profile::CORE);
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// Names the rows of the test result summary that are of no profile of OCPP 2.0.1.
fn unknown_profiles(lines: &[Placed<'_>], rows: &[Row], remarks: &mut Remarks) {
    for placed in lines.iter().filter(|placed| placed.zone == Zone::Summary && !placed.begins) {
        let mut pieces = placed.line.pieces.iter().filter(|piece| !piece.text.is_empty());
        let (Some(name), Some(result)) = (pieces.next(), pieces.next()) else { continue };
        let place = |column: usize| Place { page: placed.page, at: Position { line: placed.line.number, column } };
        let is_of = |row: &Row| {
            row.place == place(name.column) || row.answers.iter().any(|bit| bit.place == place(result.column))
        };
        if values::outcome(&result.text).is_some() && !rows.iter().any(is_of) {
            let message = format!(
                "unknown certification profile `{}`; its result \"{}\" was left out",
                shorten(&name.text, 60),
                shorten(&result.text, 40)
            );
            remarks.add(place(name.column), message, "check version, edition and baseline of the certificate");
        }
    }
}

/// What the vendor promises.
fn performance(facts: &Facts, rows: &[Row], sut: SutKind, remarks: &mut Remarks) -> Performance {
    let mut performance = Performance::default();
    for definition in PROTOCOL.semantics.kpis(sut == SutKind::ChargingStation) {
        // Name, value, unit, description.
        let row = rows.iter().find(|row| matches!(row.key, Key::Kpi(of) if of.name == definition.name));
        let Some(row) = row else {
            let message = format!("the maximum of `{}` was not found", definition.name);
            let help = format!("fill in `{}` under `performance: maximum:`, in seconds", definition.key);
            remarks.add(Place::default(), message, &help);
            continue;
        };
        let value = row.answer();
        match row.measured().filter(|seconds| seconds.is_finite() && *seconds > 0.0) {
            Some(seconds) => {
                performance.maximum.insert(definition.key.to_owned(), seconds);
            }
            None if values::is_unmeasured(&value) => {}
            None => {
                let message =
                    format!("the maximum of `{}` could not be read: \"{}\"", definition.name, shorten(&value, 40));
                let help = format!("fill in `{}` under `performance: maximum:`, in seconds", definition.key);
                remarks.add(row.place, message, &help);
            }
        }
    }
    performance.communication = facts.value(labels::COMMUNICATION, remarks);
    performance
}

#[cfg(test)]
pub(crate) mod tests;
