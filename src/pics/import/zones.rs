//! Which part of a certificate a line stands in.

use std::{collections::HashSet, sync::LazyLock};

use super::{
    document::{Document, Line},
    keys, known_ids,
    text::letters,
};

/// A part of a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Zone {
    /// The certificate itself, and the facts on the product and the laboratory.
    Facts,
    /// By whom and when it was tested.
    Applied,
    /// The result of each profile.
    Summary,
    /// Tables whose rows begin with an id.
    Ids,
    /// The table of EVSEs.
    Evse,
    /// Vendor specific settings.
    Vendor,
    /// The maxima of the response times, as the vendor states them.
    Performance,
    /// What was measured of them, and how.
    Measured,
    /// The statement of approval, and the tool.
    Approval,
}

/// A line with where it stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Placed<'d> {
    pub(super) page: usize,
    pub(super) zone: Zone,
    /// It begins the zone: a heading, or the head of its table.
    pub(super) begins: bool,
    pub(super) line: &'d Line,
}

/// All lines, each with its part.
pub(super) fn placed(document: &Document) -> Vec<Placed<'_>> {
    let mut zone = Zone::Facts;
    let mut all = Vec::new();
    let mut lines = document.lines().peekable();
    while let Some((page, line)) = lines.next() {
        // The head of the EVSE table with its cells below each other.
        let mut below = || lines.peek().is_some_and(|(_, next)| next.is_blank() || letters(&next.text()) == "current");
        let next = if letters(&line.text()) == "evse" && below() { Some(Zone::Evse) } else { begun(line, zone) };
        zone = next.unwrap_or(zone);
        all.push(Placed { page, zone, begins: next.is_some(), line });
    }
    all
}

/// The title of a group of tables, or (a part of) the head of a table.
fn is_heading(first: &str, text: &str) -> bool {
    // Headings of columns are broken over lines where their columns are narrow.
    const PARTS: [&str; 7] =
        ["supported", "present", "testedduring", "certification", "supportedaccording", "tovendor", "supportedpresent"];
    static KNOWN: LazyLock<HashSet<String>> = LazyLock::new(|| known_ids().headings().map(letters).collect());
    first == "ID" || first.starts_with("ID ") || PARTS.contains(&text) || KNOWN.contains(text)
}

/// What follows the table that tells by whom the product was tested.
const BEHIND_APPLIED: [&str; 6] =
    ["theabstractof", "abstractofthetest", "testreportocpp", "testlaboratory", "vendorname", "deviceundertest"];

/// The beginnings of the head of the table of measured times; its cells may be broken over lines, or stand below each other.
const MEASURED: [&str; 4] = ["namemin", "minvalue", "minmax", "averagevalue"];

/// The part that a line begins.
fn begun(line: &Line, now: Zone) -> Option<Zone> {
    let first = letters(line.first());
    let text = letters(&line.text());
    let heads = |start: &str| first == start || text.starts_with(start) && first.len() <= start.len();
    if now == Zone::Approval {
        return None;
    }
    if keys::id(line.first()).is_some() {
        return Some(Zone::Ids).filter(|_| now != Zone::Ids);
    }
    let is_applied = first == "applied" || text.starts_with("appliedperformedby");
    Some(match () {
        () if is_applied && now == Zone::Facts => Zone::Applied,
        () if now == Zone::Applied && BEHIND_APPLIED.iter().any(|start| text.starts_with(start)) => Zone::Facts,
        () if text.starts_with("testresultsummary") => Zone::Summary,
        () if first == "certificationprofile" || text.starts_with("certificationprofiletestresult") => Zone::Summary,
        () if text == "hardwarefeatureset" || text == "optionalfeatures" || text == "additionalquestions" => Zone::Ids,
        () if text == "otherrelevantsettings" || now == Zone::Ids && is_heading(line.first(), &text) => Zone::Ids,
        () if text.starts_with("evsecurrentphases") => Zone::Evse,
        () if text == "vendorspecificsettings" || heads("configurationsetting") => Zone::Vendor,
        () if text == "performancemeasurementresult" || text.starts_with("namemaxvalue") => Zone::Performance,
        () if now == Zone::Performance && MEASURED.iter().any(|head| text.starts_with(head)) => Zone::Measured,
        () if text == "statementofapproval" => Zone::Approval,
        () => return None,
    })
}
