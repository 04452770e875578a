//! Every id that a PICS may answer, with kind, wording and the table it is printed in.

use std::sync::OnceLock;

use super::model::{Baseline, Pics, Profile, SutKind};

const TABLES: &str = include_str!("../../data/pics-2.0.1.txt");

/// What kind of answer an id takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnswerKind {
    /// Yes or No.
    YesNo,
    /// A whole number.
    Number,
    /// A word or several.
    Text,
    /// A list of words.
    List,
    /// A list of words, or No.
    ListOrNo,
    /// Measurands, tested and supported.
    Measurands,
    /// It groups the sub-options that follow; usually unanswered, as on certificates.
    Heading,
}

impl AnswerKind {
    /// True where the answer may have any number of words.
    pub fn is_open(self) -> bool {
        matches!(self, AnswerKind::List | AnswerKind::ListOrNo | AnswerKind::Measurands)
    }

    /// In words, for messages.
    pub fn describe(self) -> &'static str {
        match self {
            AnswerKind::YesNo => "yes or no",
            AnswerKind::Number => "a whole number",
            AnswerKind::Text => "text",
            AnswerKind::List => "a list of words",
            AnswerKind::ListOrNo => "a list of words, or no",
            AnswerKind::Measurands => "`{ tested: [measurands], supported: [measurands] }`",
            AnswerKind::Heading => "yes or no, or leave it out (it groups its sub-options)",
        }
    }
}

/// One id.
#[derive(Debug, Clone)]
pub struct Row {
    /// The id, `C-09.1`.
    pub id: String,
    /// Kind of answer.
    pub kind: AnswerKind,
    /// Wording on the certificate.
    pub title: String,
    /// May be left out.
    pub optional: bool,
    edition: Option<u8>,
    since_2025: Option<bool>,
    sut: Option<SutKind>,
}

/// A table as printed: a heading and its rows.
#[derive(Debug, Clone)]
pub struct Table {
    /// Column headings.
    pub columns: Vec<String>,
    /// Rows in order.
    pub rows: Vec<Row>,
}

/// Which part of the PICS file an id stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// `hardware:`
    Hardware,
    /// `features:`
    Features,
    /// `questions:`
    Questions,
    /// `settings:`
    Settings,
}

impl Part {
    /// The key in the file.
    pub fn key(self) -> &'static str {
        match self {
            Part::Hardware => "hardware",
            Part::Features => "features",
            Part::Questions => "questions",
            Part::Settings => "settings",
        }
    }
}

/// A titled group of tables.
#[derive(Debug, Clone)]
pub struct Section {
    /// The part of the PICS.
    pub part: Part,
    /// The profile, for features.
    pub profile: Option<Profile>,
    /// The title as printed.
    pub title: String,
    /// The tables.
    pub tables: Vec<Table>,
    suts: Vec<SutKind>,
}

impl Section {
    /// The rows of all its tables.
    pub fn rows(&self) -> impl Iterator<Item = &Row> {
        self.tables.iter().flat_map(|table| &table.rows)
    }
}

fn sut(word: &str) -> Option<SutKind> {
    match word {
        "charging-station" => Some(SutKind::ChargingStation),
        "csms" => Some(SutKind::Csms),
        _ => None,
    }
}

fn all() -> &'static [Section] {
    static PARSED: OnceLock<Vec<Section>> = OnceLock::new();
    PARSED.get_or_init(|| {
        let mut sections: Vec<Section> = Vec::new();
        for line in TABLES.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty()) {
            if let Some(rest) = line.strip_prefix("== ") {
                let cells: Vec<&str> = rest.split(" | ").collect();
                sections.push(Section {
                    part: match cells[0] {
                        "hardware" => Part::Hardware,
                        "questions" => Part::Questions,
                        "settings" => Part::Settings,
                        _ => Part::Features,
                    },
                    profile: Profile::ALL.into_iter().find(|profile| profile.id() == cells[1]),
                    suts: cells[2].split(' ').filter_map(sut).collect(),
                    title: cells.last().copied().unwrap_or_default().to_owned(),
                    tables: Vec::new(),
                });
            } else if let Some(section) = sections.last_mut() {
                if let Some(rest) = line.strip_prefix("-- ") {
                    let columns = rest.split(" | ").map(str::to_owned).collect();
                    section.tables.push(Table { columns, rows: Vec::new() });
                } else if let (Some(table), [id, kind, title]) =
                    (section.tables.last_mut(), line.splitn(3, " | ").collect::<Vec<_>>().as_slice())
                {
                    table.rows.push(row(id, kind, title));
                }
            }
        }
        sections
    })
}

fn row(id: &str, kind: &str, title: &str) -> Row {
    let mut words = kind.split(' ');
    let kind = match words.next() {
        Some("number") => AnswerKind::Number,
        Some("text") => AnswerKind::Text,
        Some("list") => AnswerKind::List,
        Some("list-or-no") => AnswerKind::ListOrNo,
        Some("measurands") => AnswerKind::Measurands,
        Some("heading") => AnswerKind::Heading,
        _ => AnswerKind::YesNo,
    };
    let mut row =
        Row { id: id.into(), kind, title: title.into(), optional: false, edition: None, since_2025: None, sut: None };
    for word in words {
        match word {
            "4" => row.edition = Some(4),
            "2024" => row.since_2025 = Some(false),
            "2025" => row.since_2025 = Some(true),
            "optional" => row.optional = true,
            other => row.sut = sut(other),
        }
    }
    row
}

/// The sections for a side, edition and baseline, in print order, with only the rows that apply to them.
pub fn sections(kind: SutKind, edition: u8, baseline: Baseline) -> Vec<Section> {
    all()
        .iter()
        .filter(|section| section.suts.contains(&kind))
        .map(|section| {
            let mut section = section.clone();
            for table in &mut section.tables {
                table.rows.retain(|row| {
                    row.edition.is_none_or(|needed| needed == edition)
                        && row.sut.is_none_or(|needed| needed == kind)
                        && row.since_2025.is_none_or(|since| since == (baseline > Baseline::B2024_06))
                });
            }
            section.tables.retain(|table| !table.rows.is_empty());
            section
        })
        .filter(|section| !section.tables.is_empty())
        .collect()
}

/// The profiles that in edition 4 are features of Core, with the feature that switches them on.
pub const CORE_FEATURES_OF_EDITION_4: [(Profile, &str); 4] = [
    (Profile::Reservation, "R-0"),
    (Profile::AdvancedDeviceManagement, "DM-0"),
    (Profile::LocalAuthorizationList, "LA-0"),
    (Profile::AdvancedUserInterface, "UI-0"),
];

/// True when the certificate of this product prints the section.
pub fn printed(section: &Section, pics: &Pics) -> bool {
    match section.profile {
        None | Some(Profile::Core) => true,
        Some(profile) => {
            pics.has_profile(profile)
                || (pics.edition == 4 && CORE_FEATURES_OF_EDITION_4.iter().any(|(core, _)| *core == profile))
        }
    }
}

/// True for an id of any side, edition or baseline.
pub fn is_known(id: &str) -> bool {
    all().iter().flat_map(Section::rows).any(|row| row.id == id)
}

/// The rows of an id, of whichever side, edition and baseline.
pub fn rows_of(id: &str) -> impl Iterator<Item = &'static Row> {
    all().iter().flat_map(Section::rows).filter(move |row| row.id == id)
}

/// The titles of all sections, and the headings of all columns.
pub fn headings() -> impl Iterator<Item = &'static str> {
    let columns = all().iter().flat_map(|section| &section.tables).flat_map(|table| &table.columns);
    all().iter().map(|section| section.title.as_str()).chain(columns.map(String::as_str))
}

/// Every known id.
pub fn ids() -> impl Iterator<Item = &'static str> {
    all().iter().flat_map(Section::rows).map(|row| row.id.as_str())
}
