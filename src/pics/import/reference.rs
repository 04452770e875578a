//! Which specification a certificate attests: version of OCPP, edition and errata, and the baseline that goes with them.

use std::sync::LazyLock;

use regex::Regex;

use super::document::Document;
use crate::pics::Baseline;

/// What can be read, for messages.
pub(super) const READABLE: &str = "`pics import` reads certificates of OCPP 2.0.1 (editions 3 and 4)";

/// What a certificate says of its specification.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Reference {
    /// The versions of OCPP that are named, each with the line in which it stands (index of page, line).
    pub(super) versions: Vec<(String, (usize, usize))>,
    /// Others that are named where none is stated.
    pub(super) also: Vec<(String, (usize, usize))>,
    /// The statement as printed, `OCPP 2.0.1 (Edition 3 FINAL, …)`.
    pub(super) statement: Option<String>,
    /// The edition.
    pub(super) edition: Option<u8>,
    /// Year and month of the errata.
    pub(super) errata: Option<(u16, u8)>,
    /// Where it is said.
    pub(super) at: (usize, usize),
}

/// A document's text in one line, with the places of its lines.
struct Text {
    text: String,
    /// Where each line begins in it, with its page and number.
    starts: Vec<(usize, (usize, usize))>,
}

impl Text {
    fn of(document: &Document) -> Self {
        let mut of = Self { text: String::new(), starts: Vec::new() };
        for (page, line) in document.lines() {
            of.starts.push((of.text.len(), (page, line.number)));
            of.text.push_str(&line.text());
            of.text.push(' ');
        }
        of
    }

    fn place(&self, at: usize) -> (usize, usize) {
        let index = self.starts.partition_point(|(start, _)| *start <= at);
        index.checked_sub(1).map_or((0, 0), |index| self.starts[index].1)
    }
}

/// A pattern that is compiled once; one that does not compile finds nothing, which the tests would show.
macro_rules! pattern {
    ($text:expr) => {{
        static PATTERN: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new($text).ok());
        PATTERN.as_ref()
    }};
}

/// What the document says of its specification.
pub(super) fn found(document: &Document) -> Reference {
    let text = Text::of(document);
    let mut found = Reference::default();
    // The certificate's statement, the title of its report, and what our own abstract says.
    let stated = pattern!(
        r"(?i)reference +specification(?: +is)?:? +(OCPP ?-?v?([0-9]+(?:\.[0-9]+)*)J?(?: *\([^()]{0,200}(?:\([^()]{0,60}\)[^()]{0,100})?\)|[^().]{0,120}))"
    );
    let title = pattern!(r"(?i)Test +Report +(?:for +)?OCPP ?-?v?([0-9]+(?:\.[0-9]+)+)");
    let own = pattern!(r"(?i)Specification:? +(OCPP ([0-9]+(?:\.[0-9]+)+),? edition \d+, errata \d{4}-\d{2})");
    let mut note = |version: &str, at: usize| found.versions.push((version.to_owned(), text.place(at)));
    let mut statement = None;
    if let Some(captures) = stated.and_then(|pattern| pattern.captures(&text.text)) {
        note(&captures[2], captures.get(2).map_or(0, |found| found.start()));
        statement = captures.get(1).map(|found| (found.as_str().trim().to_owned(), found.start(), true));
    }
    if let Some(captures) = title.and_then(|pattern| pattern.captures(&text.text)) {
        note(&captures[1], captures.get(1).map_or(0, |found| found.start()));
    }
    if let (None, Some(captures)) = (&statement, own.and_then(|pattern| pattern.captures(&text.text))) {
        note(&captures[2], captures.get(2).map_or(0, |found| found.start()));
        statement = captures.get(1).map(|found| (found.as_str().to_owned(), found.start(), false));
    }
    if found.versions.is_empty() {
        found.versions = mentioned(&text);
        // A document of this version may speak of others.
        if let Some(at) = found.versions.iter().position(|(version, _)| version == "2.0.1") {
            let ours = found.versions.swap_remove(at);
            found.also = std::mem::replace(&mut found.versions, vec![ours]);
        }
    }
    let Some((said, at, printed)) = statement else { return found };
    found.at = text.place(at);
    found.edition = pattern!(r"(?i)(?:Edition|Ed\.?) *([0-9]{1,2})|([0-9]{1,2})(?:st|nd|rd|th) +Edition")
        .and_then(|pattern| pattern.captures(&said))
        .and_then(|captures| captures.get(1).or(captures.get(2))?.as_str().parse().ok());
    found.errata = errata(&said);
    found.statement = printed.then_some(said);
    found
}

/// The versions that a document names anywhere, where it states none: those of a form, or of an abstract without its certificate.
fn mentioned(text: &Text) -> Vec<(String, (usize, usize))> {
    let any = pattern!(
        r"(?i)(?:OCPP|Open Charge Point Protocol(?: \(OCPP\))?)[ _-]*(?:version )?v?([0-9]\.[0-9]+(?:\.[0-9]+)?)(?:[^0-9]|$)"
    );
    let mut all: Vec<(String, (usize, usize))> = Vec::new();
    for captures in any.into_iter().flat_map(|any| any.captures_iter(&text.text)) {
        if !all.iter().any(|(version, _)| *version == captures[1]) {
            all.push((captures[1].to_owned(), text.place(captures.get(1).map_or(0, |found| found.start()))));
        }
    }
    all
}

/// The latest errata that a statement names.
fn errata(said: &str) -> Option<(u16, u8)> {
    const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let rest = &said[said.to_ascii_lowercase().find("errata")?..];
    let year_first = pattern!(r"(?:^|[^0-9])(20[0-9]{2})[-/. _](0[1-9]|1[0-2])(?:[^0-9]|$)");
    let month_first = pattern!(r"\b(0[1-9]|1[0-2])[-/.](20[0-9]{2})\b");
    let named =
        pattern!(r"(?i)\b(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?(?: \d{1,2},?)? (20[0-9]{2})\b");
    let mut all: Vec<(u16, u8)> = Vec::new();
    let mut take = |year: &str, month: Option<u8>| {
        if let (Ok(year), Some(month)) = (year.parse(), month) {
            all.push((year, month));
        }
    };
    year_first.into_iter().flat_map(|of| of.captures_iter(rest)).for_each(|it| take(&it[1], it[2].parse().ok()));
    month_first.into_iter().flat_map(|of| of.captures_iter(rest)).for_each(|it| take(&it[2], it[1].parse().ok()));
    named.into_iter().flat_map(|of| of.captures_iter(rest)).for_each(|it| {
        let month = MONTHS.iter().position(|month| it[1].to_lowercase() == *month);
        take(&it[2], month.and_then(|month| u8::try_from(month + 1).ok()));
    });
    all.into_iter().max()
}

/// The baselines with their editions and dates, in order.
const BASELINES: [(Baseline, u8, (u16, u8)); 3] =
    [(Baseline::B2024_06, 3, (2024, 6)), (Baseline::B2025_09, 3, (2025, 9)), (Baseline::B2026_02, 4, (2026, 2))];

/// The baseline for what a certificate says, and what has to be told of the choice. None when it says nothing.
pub(super) fn baseline(reference: &Reference) -> Option<(Baseline, Option<String>)> {
    let date = |(year, month): (u16, u8)| format!("{year}-{month:02}");
    let latest = BASELINES.iter().map(|(_, edition, _)| *edition).max().unwrap_or_default();
    let (edition, mut told) = match (reference.edition, reference.errata) {
        (None, None) => return None,
        (None, Some(errata)) => {
            let edition = BASELINES.iter().rev().find(|(.., of)| *of <= errata).map_or(3, |(_, edition, _)| *edition);
            (
                edition,
                vec![format!(
                    "the certificate names no edition; by its errata of {} it is edition {edition}",
                    date(errata)
                )],
            )
        }
        (Some(edition), _) if edition < 3 => {
            (3, vec![format!("edition {edition} is older than what is known here: it was read as edition 3")])
        }
        (Some(edition), _) if edition > latest => (
            latest,
            vec![format!("edition {edition} is newer than what is known here: it was read as edition {latest}")],
        ),
        (Some(edition), _) => (edition, Vec::new()),
    };
    let of_edition = || BASELINES.iter().filter(|(_, of, _)| *of == edition);
    let (baseline, _, of) = match reference.errata {
        None => {
            let first = of_edition().next()?;
            told.push(format!(
                "the certificate names no errata; the oldest baseline of edition {edition} was taken, {}",
                date(first.2)
            ));
            first
        }
        Some(errata) => match of_edition().rfind(|(.., of)| *of <= errata) {
            Some(found) => found,
            None => of_edition().next()?,
        },
    };
    if let Some(errata) = reference.errata.filter(|errata| errata != of) {
        let newest = BASELINES.iter().all(|(.., known)| *known < errata);
        told.push(if errata < *of {
            format!(
                "errata {} are older than the first baseline of edition {edition} that is known here; that one was taken, {}",
                date(errata),
                date(*of)
            )
        } else if newest {
            format!(
                "errata {} are newer than every baseline that is known here; the newest of edition {edition} was taken, {}",
                date(errata),
                date(*of)
            )
        } else {
            format!(
                "there is no baseline for errata {}; the newest of edition {edition} that is not after them was taken, {}",
                date(errata),
                baseline.id()
            )
        });
    }
    Some((*baseline, (!told.is_empty()).then(|| told.join("; "))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> String {
        let found = found(&Document::from_text("x", text));
        let versions = |of: &[(String, (usize, usize))]| {
            of.iter().map(|(version, _)| version.clone()).collect::<Vec<_>>().join(", ")
        };
        let also = if found.also.is_empty() { String::new() } else { format!(", also {}", versions(&found.also)) };
        let chosen = match baseline(&found) {
            None => "none".to_owned(),
            Some((baseline, told)) => format!("{}: {}", baseline.id(), told.unwrap_or("exact".into())),
        };
        format!("{}{also} | {chosen}", versions(&found.versions))
    }

    fn statement(edition: &str, errata: &str) -> String {
        told(&format!("with the reference specification OCPP 2.0.1 ({edition}{errata}). The rest.\n"))
    }

    #[test]
    fn the_newest_baseline_that_is_not_after_the_errata_is_taken() {
        let mut all = String::new();
        for (edition, errata) in [
            ("Edition 3 FINAL, 2024-05-06", " including Errata 2024-06"),
            ("Edition 3 FINAL, 2024-05-06", " including Errata 2024-11"),
            ("Edition 3 FINAL, 2024-05-06", " including Errata 2025-02"),
            ("Edition 3 FINAL, 2024-05-06", " including Errata 2025-04"),
            ("Edition 3 FINAL, 2024-05-06", " including Errata 2025-09"),
            ("Edition 3 FINAL, 2024-05-06", " including Errata 2026-02"),
            ("Edition 3 FINAL, 2024-05-06", " including Errata 2024-05"),
            ("Edition 3 FINAL, 2024-05-06", ""),
            ("Edition 4 FINAL, 2025-12-03", " including Errata 2026-02"),
            ("Edition 4 FINAL, 2025-12-03", " including Errata 2025-12"),
            ("Edition 4 FINAL, 2025-12-03", " including Errata 2026-09"),
            ("Edition 4 FINAL, 2025-12-03", ""),
            ("Edition 2 FINAL, 2022-12-15", " including Errata 2023-12"),
            ("Edition 5 FINAL, 2027-01-01", " including Errata 2027-03"),
            ("FINAL", " including Errata 2025-04"),
            ("FINAL", " including Errata 2026-03"),
        ] {
            all += &format!("{edition}{errata}\n    {}\n", statement(edition, errata));
        }
        insta::assert_snapshot!(all, @r#"
        Edition 3 FINAL, 2024-05-06 including Errata 2024-06
            2.0.1 | 2024-06: exact
        Edition 3 FINAL, 2024-05-06 including Errata 2024-11
            2.0.1 | 2024-06: there is no baseline for errata 2024-11; the newest of edition 3 that is not after them was taken, 2024-06
        Edition 3 FINAL, 2024-05-06 including Errata 2025-02
            2.0.1 | 2024-06: there is no baseline for errata 2025-02; the newest of edition 3 that is not after them was taken, 2024-06
        Edition 3 FINAL, 2024-05-06 including Errata 2025-04
            2.0.1 | 2024-06: there is no baseline for errata 2025-04; the newest of edition 3 that is not after them was taken, 2024-06
        Edition 3 FINAL, 2024-05-06 including Errata 2025-09
            2.0.1 | 2025-09: exact
        Edition 3 FINAL, 2024-05-06 including Errata 2026-02
            2.0.1 | 2025-09: there is no baseline for errata 2026-02; the newest of edition 3 that is not after them was taken, 2025-09
        Edition 3 FINAL, 2024-05-06 including Errata 2024-05
            2.0.1 | 2024-06: errata 2024-05 are older than the first baseline of edition 3 that is known here; that one was taken, 2024-06
        Edition 3 FINAL, 2024-05-06
            2.0.1 | 2024-06: the certificate names no errata; the oldest baseline of edition 3 was taken, 2024-06
        Edition 4 FINAL, 2025-12-03 including Errata 2026-02
            2.0.1 | 2026-02: exact
        Edition 4 FINAL, 2025-12-03 including Errata 2025-12
            2.0.1 | 2026-02: errata 2025-12 are older than the first baseline of edition 4 that is known here; that one was taken, 2026-02
        Edition 4 FINAL, 2025-12-03 including Errata 2026-09
            2.0.1 | 2026-02: errata 2026-09 are newer than every baseline that is known here; the newest of edition 4 was taken, 2026-02
        Edition 4 FINAL, 2025-12-03
            2.0.1 | 2026-02: the certificate names no errata; the oldest baseline of edition 4 was taken, 2026-02
        Edition 2 FINAL, 2022-12-15 including Errata 2023-12
            2.0.1 | 2024-06: edition 2 is older than what is known here: it was read as edition 3; errata 2023-12 are older than the first baseline of edition 3 that is known here; that one was taken, 2024-06
        Edition 5 FINAL, 2027-01-01 including Errata 2027-03
            2.0.1 | 2026-02: edition 5 is newer than what is known here: it was read as edition 4; errata 2027-03 are newer than every baseline that is known here; the newest of edition 4 was taken, 2026-02
        FINAL including Errata 2025-04
            2.0.1 | 2024-06: the certificate names no edition; by its errata of 2025-04 it is edition 3; there is no baseline for errata 2025-04; the newest of edition 3 that is not after them was taken, 2024-06
        FINAL including Errata 2026-03
            2.0.1 | 2026-02: the certificate names no edition; by its errata of 2026-03 it is edition 4; errata 2026-03 are newer than every baseline that is known here; the newest of edition 4 was taken, 2026-02
        "#);
    }

    #[test]
    fn a_statement_may_be_broken_and_written_otherwise() {
        for (text, wanted) in [
            (
                "reference specification OCPP 2.0.1\n(Edition 3 FINAL, 2024-05-06 including\nErrata 2025-09). The",
                "2.0.1 | 2025-09: exact",
            ),
            (
                "reference specification: OCPP 2.0.1 (Edition 3 (FINAL), Errata of September 2025)",
                "2.0.1 | 2025-09: exact",
            ),
            ("reference specification OCPP 2.0.1 (3rd Edition, errata v2025-09-30)", "2.0.1 | 2025-09: exact"),
            ("reference specification OCPP 2.0.1 (Edition 3, Errata 06/2024 and 2025-09)", "2.0.1 | 2025-09: exact"),
            ("Specification\tOCPP 2.0.1 edition 4, errata 2026-02", "2.0.1 | 2026-02: exact"),
            ("Test Report OCPP 2.1 Certification", "2.1 | none"),
            ("reference specification OCPP 1.6J (edition 2)", "1.6 | 2024-06: "),
            // A form, or an abstract without its certificate, names its version somewhere.
            ("document Example-OCPP-2.0.1-PICS", "2.0.1 | none"),
            ("Open Charge Point Protocol (OCPP) version 1.6", "1.6 | none"),
            ("OCPP 2.0.1 PICS, as OCPP 1.6 had none", "2.0.1, also 1.6 | none"),
            ("PICS of a station", " | none"),
        ] {
            let found = told(text);
            assert!(found.starts_with(wanted), "{text}: {found}");
        }
    }
}
