//! Requirement coverage: requirement → test cases → verdicts.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{ocpp::requirements, record::Results, verdict::Verdict};

/// The requirements of one block.
#[derive(Debug, Serialize)]
pub(super) struct Block<'r> {
    pub(super) letter: char,
    pub(super) title: &'static str,
    pub(super) rows: Vec<Row<'r>>,
    /// Rows whose requirement every test case that verifies it passed.
    pub(super) verified: usize,
    /// Rows that a finding names.
    pub(super) broken: usize,
}

/// One requirement.
#[derive(Debug, Serialize)]
pub(super) struct Row<'r> {
    pub(super) id: &'r str,
    pub(super) text: &'static str,
    /// `broken`: a finding that made a test case fail names it. `verified`: every test case that verifies it passed. `open`:
    /// anything else; a test case that failed for something else proves nothing about it.
    pub(super) status: &'static str,
    pub(super) cases: Vec<(&'r str, &'static str)>,
}

/// The coverage of a run, block by block.
pub(super) fn blocks(results: &Results) -> Vec<Block<'_>> {
    let mut rows: BTreeMap<&str, (Vec<(&str, Verdict)>, bool)> = BTreeMap::new();
    for case in &results.test_cases {
        for id in &case.requirements {
            let row = rows.entry(id).or_default();
            if row.0.last().is_none_or(|(last, _)| *last != case.id) {
                row.0.push((&case.id, case.verdict));
            }
        }
        for failure in case.failures.iter().filter(|failure| failure.verdict == Verdict::Fail) {
            for id in &failure.requirements {
                let row = rows.entry(id).or_default();
                row.1 = true;
                if row.0.iter().all(|(known, _)| *known != case.id) {
                    row.0.push((&case.id, case.verdict));
                }
            }
        }
    }
    let mut blocks: Vec<Block<'_>> = Vec::new();
    for (id, (cases, broken)) in rows {
        let letter = id.chars().next().unwrap_or('?');
        let status = match () {
            () if broken => "broken",
            () if cases.iter().all(|(_, verdict)| *verdict == Verdict::Pass) => "verified",
            () => "open",
        };
        if blocks.last().is_none_or(|block| block.letter != letter) {
            blocks.push(Block { letter, title: title(letter), rows: Vec::new(), verified: 0, broken: 0 });
        }
        let Some(block) = blocks.last_mut() else { continue };
        block.verified += usize::from(status == "verified");
        block.broken += usize::from(broken);
        let cases = cases.into_iter().map(|(id, verdict)| (id, super::class(verdict))).collect();
        block.rows.push(Row { id, text: requirements::text(id).unwrap_or_default(), status, cases });
    }
    blocks
}

/// The functional block of a letter.
pub(super) fn title(letter: char) -> &'static str {
    match letter {
        'A' => "Security",
        'B' => "Provisioning",
        'C' => "Authorization",
        'D' => "Local authorization list",
        'E' => "Transactions",
        'F' => "Remote control",
        'G' => "Availability",
        'H' => "Reservation",
        'I' => "Tariff and cost",
        'J' => "Meter values",
        'K' => "Smart charging",
        'L' => "Firmware management",
        'M' => "Certificate management",
        'N' => "Diagnostics",
        'O' => "Display messages",
        'P' => "Data transfer",
        _ => "Other",
    }
}
