//! Requirement coverage: requirement → test cases → verdicts.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{
    pics::SutKind,
    protocol::requirements::{self, RequirementList, Side},
    record::Results,
    verdict::Verdict,
};

/// The requirements of one block.
#[derive(Debug, Serialize)]
pub(super) struct Block<'r> {
    /// Its letter, or the part of the specification.
    pub(super) letter: String,
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
    pub(super) text: &'r str,
    /// `broken`: a finding that made a test case fail names it. `verified`: every test case that verifies it passed. `open`:
    /// anything else; a test case that failed for something else proves nothing about it.
    pub(super) status: &'static str,
    pub(super) cases: Vec<(&'r str, &'static str)>,
}

/// True where a requirement says something of the side that a test case looks at.
fn binds(id: &str, csms: bool, known: &RequirementList) -> bool {
    match known.side(id) {
        Some(Side::ChargingStation) => !csms,
        Some(Side::Csms) => csms,
        Some(Side::Neither) => false,
        // A report that is made again from an old folder may name what is no more.
        Some(Side::Both) | None => true,
    }
}

/// The coverage of a run, block by block; what no block contains comes last. What Part 6 lists and only the other side must obey
/// is left out: a test case of this side can't verify it.
pub(super) fn blocks(results: &Results) -> Vec<Block<'_>> {
    let known = results.protocol().requirements();
    let csms = results.pics.as_ref().is_some_and(|pics| pics.side == SutKind::Csms);
    type Key<'r> = (bool, Option<char>, &'r str);
    let key = |id| -> Key<'_> { (requirements::block(id).is_none(), requirements::block(id), id) };
    let mut rows: BTreeMap<Key<'_>, (Vec<(&str, Verdict)>, bool)> = BTreeMap::new();
    for case in &results.test_cases {
        for id in case.requirements.iter().filter(|id| binds(id, csms, known)) {
            let row = rows.entry(key(id)).or_default();
            if row.0.last().is_none_or(|(last, _)| *last != case.id) {
                row.0.push((&case.id, case.verdict));
            }
        }
        for failure in case.failures.iter().filter(|failure| failure.verdict == Verdict::Fail) {
            for id in &failure.requirements {
                let row = rows.entry(key(id)).or_default();
                row.1 = true;
                if row.0.iter().all(|(known, _)| *known != case.id) {
                    row.0.push((&case.id, case.verdict));
                }
            }
        }
    }
    let mut blocks: Vec<Block<'_>> = Vec::new();
    for ((_, letter, id), (cases, broken)) in rows {
        let status = match () {
            () if broken => "broken",
            () if cases.iter().all(|(_, verdict)| *verdict == Verdict::Pass) => "verified",
            () => "open",
        };
        let part = id.split(',').next().unwrap_or_default();
        let name = letter.map_or_else(|| part.to_owned(), String::from);
        if blocks.last().is_none_or(|block| block.letter != name) {
            let other = if part == "Part 4" { "OCPP-J" } else { "Device model" };
            let title = letter.map_or(other, |_| results.protocol().block_title(&name));
            blocks.push(Block { letter: name, title, rows: Vec::new(), verified: 0, broken: 0 });
        }
        let Some(block) = blocks.last_mut() else { continue };
        block.verified += usize::from(status == "verified");
        block.broken += usize::from(broken);
        let cases = cases.into_iter().map(|(id, verdict)| (id, super::class(verdict))).collect();
        block.rows.push(Row { id, text: known.text(id).unwrap_or_default(), status, cases });
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::{pics, results};

    #[test]
    fn what_only_the_other_side_must_obey_is_not_covered() {
        let mut results = results(&pics("cp-flex-plus-eu.yaml"), "text");
        results.test_cases.truncate(1);
        let case = &mut results.test_cases[0];
        case.id = "TC_B_03_CS".into();
        case.failures.clear();
        case.requirements =
            ["B03.FR.02", "B03.FR.03", "A00.FR.313", "Part 4, 5.3", "Part 2, G03"].map(String::from).to_vec();
        let covered = |results: &Results| -> Vec<String> {
            let rows = |block: &Block<'_>| {
                block.rows.iter().map(|row| format!("{} {}", block.letter, row.id)).collect::<Vec<_>>()
            };
            blocks(results).iter().flat_map(rows).collect()
        };
        assert_eq!(covered(&results), ["A A00.FR.313", "B B03.FR.02", "Part 4 Part 4, 5.3"]);
        results.test_cases[0].id = "TC_B_03_CSMS".into();
        results.pics.as_mut().unwrap().side = SutKind::Csms;
        assert_eq!(covered(&results), ["A A00.FR.313", "B B03.FR.03", "G Part 2, G03"]);
    }
}
