//! Every id that a PICS may answer, with kind, wording and the table it is printed in.

use super::programme::{Baseline, Profile, SutKind};

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
    since: Option<String>,
    until: Option<String>,
    sut: Option<SutKind>,
}

impl Row {
    /// True where it applies to a side and baseline.
    fn applies(&self, kind: SutKind, baseline: Baseline) -> bool {
        self.edition.is_none_or(|needed| needed == baseline.edition())
            && self.sut.is_none_or(|needed| needed == kind)
            && self.since.as_deref().is_none_or(|since| since <= baseline.id())
            && self.until.as_deref().is_none_or(|until| baseline.id() <= until)
    }
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
    pub fn rows(&self) -> impl Iterator<Item = &Row> + Clone {
        self.tables.iter().flat_map(|table| &table.rows)
    }

    fn has_head_of(&self, other: &Self) -> bool {
        (self.part, self.profile, &self.suts, &self.title) == (other.part, other.profile, &other.suts, &other.title)
    }

    /// The table that has a row of this id for these sides, and where in it.
    fn find(&mut self, id: &str, same: impl Fn(&Row) -> bool) -> Option<(&mut Table, usize)> {
        self.tables.iter_mut().find_map(|table| {
            let at = table.rows.iter().position(|row| row.id == id && same(row))?;
            Some((table, at))
        })
    }

    /// Removes a row; false where there is none.
    fn drop(&mut self, id: &str) -> bool {
        self.find(id, |_| true).map(|(table, at)| table.rows.remove(at)).is_some()
    }

    /// Puts a row in the place of one that it replaces, behind another, or at the end; false where there is no such place.
    fn put(&mut self, row: Row, after: Option<&str>) -> bool {
        let is_variant = |known: &Row| {
            (known.edition, &known.since, &known.until) == (row.edition, &row.since, &row.until)
                && (known.sut.is_none() || known.sut == row.sut)
        };
        if let Some((table, at)) = self.find(&row.id, is_variant) {
            table.rows[at] = row;
            return true;
        }
        match after {
            Some(after) => match self.find(after, |_| true) {
                Some((table, at)) => table.rows.insert(at + 1, row),
                None => return false,
            },
            None => match self.tables.last_mut() {
                Some(table) => table.rows.push(row),
                None => return false,
            },
        }
        true
    }
}

/// Everything that a PICS of a version may answer.
#[derive(Debug, Clone, Default)]
pub struct PicsTables {
    sections: Vec<Section>,
    /// Words of the file that mean nothing; a test holds that there are none.
    #[cfg(test)]
    unknown: Vec<String>,
}

impl PicsTables {
    /// The tables of a file, in the format that its first lines describe.
    pub(super) fn of(file: &str) -> Self {
        let mut tables = Self::default();
        tables.read(file);
        tables
    }

    /// The tables of a version that takes over those of another as a baseline of that one leaves them. The overlay continues a
    /// section that has the same head, and adds any other. In it, a row of a known id takes the place of that row, `after=ID` puts a
    /// row behind another, and the kind `drop` removes a row.
    pub(super) fn over(mut self, inherited: Baseline, overlay: &str) -> Self {
        for section in &mut self.sections {
            for table in &mut section.tables {
                table.rows.retain(|row| section.suts.iter().any(|kind| row.applies(*kind, inherited)));
                for row in &mut table.rows {
                    (row.edition, row.since, row.until) = (None, None, None);
                }
            }
        }
        self.read(overlay);
        self
    }

    fn read(&mut self, file: &str) {
        let mut at = 0;
        for line in file.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty()) {
            if let Some(rest) = line.strip_prefix("== ") {
                let cells: Vec<&str> = rest.split(" | ").collect();
                let section = self.section(&cells);
                at = self.sections.iter().position(|known| known.has_head_of(&section)).unwrap_or_else(|| {
                    let at = self.place_for(&section);
                    self.sections.insert(at, section);
                    at
                });
            } else if let Some(rest) = line.strip_prefix("-- ") {
                let columns = rest.split(" | ").map(str::to_owned).collect();
                if let Some(section) = self.sections.get_mut(at) {
                    section.tables.push(Table { columns, rows: Vec::new() });
                }
            } else if let [id, "drop"] = line.split(" | ").collect::<Vec<_>>().as_slice() {
                if !self.sections.get_mut(at).is_some_and(|section| section.drop(id)) {
                    self.unknown(line);
                }
            } else if let [id, kind, title] = line.splitn(3, " | ").collect::<Vec<_>>().as_slice() {
                let (after, kind): (Vec<&str>, Vec<&str>) =
                    kind.split(' ').partition(|word| word.starts_with("after="));
                let row = self.row(id, &kind.join(" "), title);
                let after = after.first().map(|word| word.trim_start_matches("after="));
                if !self.sections.get_mut(at).is_some_and(|section| section.put(row, after)) {
                    self.unknown(line);
                }
            } else {
                self.unknown(line);
            }
        }
    }

    /// Where a new section goes: behind the last one of its profile, or else of its part.
    fn place_for(&self, section: &Section) -> usize {
        let last = |same: &dyn Fn(&Section) -> bool| self.sections.iter().rposition(same);
        let of_profile = last(&|known| known.part == section.part && known.profile == section.profile);
        let before = of_profile.or_else(|| last(&|known| known.part == section.part));
        before.map_or(self.sections.len(), |before| before + 1)
    }

    fn section(&mut self, cells: &[&str]) -> Section {
        let cell = |at: usize| cells.get(at).copied().unwrap_or_default();
        let part = match cell(0) {
            "hardware" => Part::Hardware,
            "features" => Part::Features,
            "questions" => Part::Questions,
            "settings" => Part::Settings,
            other => {
                self.unknown(other);
                Part::Features
            }
        };
        let profile = Profile::named(cell(1));
        if profile.is_none() && cell(1) != "-" {
            self.unknown(cell(1));
        }
        let suts: Vec<SutKind> = cell(2).split(' ').filter_map(SutKind::named).collect();
        if suts.is_empty() {
            self.unknown(cell(2));
        }
        Section { part, profile, title: cell(3).to_owned(), tables: Vec::new(), suts }
    }

    fn row(&mut self, id: &str, words: &str, title: &str) -> Row {
        let mut words = words.split(' ');
        let kind = match words.next().unwrap_or_default() {
            "yes-no" => AnswerKind::YesNo,
            "number" => AnswerKind::Number,
            "text" => AnswerKind::Text,
            "list" => AnswerKind::List,
            "list-or-no" => AnswerKind::ListOrNo,
            "measurands" => AnswerKind::Measurands,
            "heading" => AnswerKind::Heading,
            other => {
                self.unknown(other);
                AnswerKind::YesNo
            }
        };
        let mut row = Row {
            id: id.into(),
            kind,
            title: title.into(),
            optional: false,
            edition: None,
            since: None,
            until: None,
            sut: None,
        };
        for word in words {
            match (word, word.split_once('=')) {
                ("optional", _) => row.optional = true,
                (_, Some(("edition", edition))) => row.edition = edition.parse().ok(),
                (_, Some(("since", baseline))) => row.since = Some(baseline.to_owned()),
                (_, Some(("until", baseline))) => row.until = Some(baseline.to_owned()),
                (other, _) => {
                    row.sut = SutKind::named(other);
                    if row.sut.is_none() {
                        self.unknown(other);
                    }
                }
            }
        }
        row
    }

    #[cfg(test)]
    fn unknown(&mut self, word: &str) {
        self.unknown.push(word.to_owned());
    }

    #[cfg(not(test))]
    #[expect(clippy::unused_self, reason = "the file is compiled in, and a test holds that it has no such word")]
    fn unknown(&mut self, _: &str) {}

    /// The sections for a side and baseline, in print order, with only the rows that apply to them.
    pub fn sections(&self, kind: SutKind, baseline: Baseline) -> Vec<Section> {
        let mut sections: Vec<Section> =
            self.sections.iter().filter(|section| section.suts.contains(&kind)).cloned().collect();
        for section in &mut sections {
            for table in &mut section.tables {
                table.rows.retain(|row| row.applies(kind, baseline));
            }
            section.tables.retain(|table| !table.rows.is_empty());
        }
        sections.retain(|section| !section.tables.is_empty());
        sections
    }

    /// The rows of every side, edition and baseline.
    pub fn rows(&self) -> impl Iterator<Item = &Row> + Clone {
        self.sections.iter().flat_map(Section::rows)
    }

    /// True for an id of any side, edition or baseline.
    pub fn is_known(&self, id: &str) -> bool {
        self.rows().any(|row| row.id == id)
    }

    /// The rows of an id, of whichever side, edition and baseline.
    pub fn rows_of(&self, id: &str) -> impl Iterator<Item = &Row> {
        self.rows().filter(move |row| row.id == id)
    }

    /// The titles of all sections, and the headings of all columns.
    pub fn headings(&self) -> impl Iterator<Item = &str> {
        let columns = self.sections.iter().flat_map(|section| &section.tables).flat_map(|table| &table.columns);
        self.sections.iter().map(|section| section.title.as_str()).chain(columns.map(String::as_str))
    }

    /// Every known id.
    pub fn ids(&self) -> impl Iterator<Item = &str> + Clone {
        self.rows().map(|row| row.id.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::{Section, SutKind};
    use crate::protocol::Version;

    #[test]
    fn an_id_is_asked_once() {
        for version in Version::ALL {
            let protocol = version.protocol();
            for &baseline in protocol.baselines {
                for sut in [SutKind::ChargingStation, SutKind::Csms] {
                    let sections = protocol.pics_tables().sections(sut, baseline);
                    let mut ids: Vec<&str> =
                        sections.iter().flat_map(Section::rows).map(|row| row.id.as_str()).collect();
                    let all = ids.len();
                    ids.sort_unstable();
                    ids.dedup();
                    assert_eq!(ids.len(), all, "{baseline:?} {sut:?}");
                }
            }
        }
    }

    #[test]
    fn every_word_of_the_files_means_something() {
        for version in Version::ALL {
            let tables = version.protocol().pics_tables();
            assert!(tables.unknown.is_empty(), "{version}: {:?}", tables.unknown);
            let baselines: Vec<&str> = version.protocol().baselines.iter().map(|baseline| baseline.id()).collect();
            for row in tables.rows() {
                for named in [&row.since, &row.until].into_iter().flatten() {
                    assert!(baselines.contains(&named.as_str()), "{version}: {} {named}", row.id);
                }
            }
        }
    }
}
