//! The requirements of a version of OCPP in short, in our own words, by id; and those sections that demand something without an id.

use std::collections::BTreeMap;

use serde::Deserialize;

/// Who must obey a requirement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    /// The charging station.
    ChargingStation,
    /// The CSMS.
    Csms,
    /// Either, where the situation is its own.
    Both,
    /// An operator, a manufacturer or a Local Controller; nobody where the errata drop it.
    Neither,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Requirement {
    side: Side,
    text: String,
}

/// All requirements of a version.
#[derive(Debug, Clone, Default)]
pub struct RequirementList(BTreeMap<String, Requirement>);

impl RequirementList {
    /// What stands in these files, the later ones in the place of the earlier ones.
    pub(super) fn of(files: &[&str]) -> Self {
        let read = |text: &&str| serde_saphyr::from_str::<BTreeMap<String, Requirement>>(text).unwrap_or_default();
        Self(files.iter().flat_map(read).collect())
    }

    /// What a requirement demands, in one sentence; `None` when there is no such requirement.
    pub fn text(&self, id: &str) -> Option<&str> {
        self.0.get(id).map(|requirement| requirement.text.as_str())
    }

    /// Who must obey a requirement; `None` when there is no such requirement.
    pub fn side(&self, id: &str) -> Option<Side> {
        self.0.get(id).map(|requirement| requirement.side)
    }

    /// Ids that stand in a text and exist, in the order in which they stand there.
    pub fn cited<'t>(&self, text: &'t str) -> impl Iterator<Item = &'t str> {
        let of_an_id = |letter: char| letter.is_ascii_alphanumeric() || letter == '.';
        text.split(move |letter| !of_an_id(letter))
            .map(|word| word.trim_end_matches('.'))
            .filter(|word| word.contains(".FR.") && self.text(word).is_some())
    }

    /// The texts of some ids, one line each: `B01.FR.01 …`.
    pub fn lines(&self, ids: &[String]) -> Vec<String> {
        ids.iter().map(|id| format!("{id} {}", self.text(id).unwrap_or_default()).trim_end().to_owned()).collect()
    }

    /// All ids, in order.
    pub fn ids(&self) -> impl Iterator<Item = &str> + Clone {
        self.0.keys().map(String::as_str)
    }

    /// True for a use case that has requirements, `C01`.
    pub fn has_use_case(&self, use_case: &str) -> bool {
        let own = |id: &&String| id.strip_prefix(use_case).is_some_and(|rest| rest.starts_with(".FR."));
        self.0
            .range(use_case.to_owned()..)
            .map(|(id, _)| id)
            .take_while(|id| id.starts_with(use_case))
            .any(|id| own(&id))
    }
}

/// The functional block that a requirement belongs to; `None` for a section that is no block's, such as one of Part 4.
pub fn block(id: &str) -> Option<char> {
    let mut letters = id.strip_prefix("Part 2, ").unwrap_or(id).chars();
    let (block, number) = (letters.next()?, letters.next()?);
    number.is_ascii_digit().then_some(block)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{OCPP_2_0_1, OCPP_2_1};

    fn all() -> &'static RequirementList {
        OCPP_2_0_1.requirements()
    }

    #[test]
    fn every_row_of_the_specification_has_a_text() {
        // A file that does not parse would count as empty.
        for (id, part) in
            [("A00.FR.001", "a-g"), ("K01.FR.50", "h-p"), ("O01.FR.01", "o"), ("Part 4, 3.1.2", "sections")]
        {
            assert!(all().text(id).is_some_and(|text| text.len() > 20), "{part}");
        }
        assert!(all().text("B01.FR.999").is_none());
        assert_eq!(
            ["B01", "B0", "Part 2, A02", "Z01"].map(|use_case| all().has_use_case(use_case)),
            [true, false, false, false]
        );
        let Ok(rows) = std::fs::read_to_string("../shared/facts/requirements-2.0.1.csv") else { return };
        let missing: Vec<&str> = rows
            .lines()
            .filter_map(|line| line.split(',').next())
            .filter(|id| id.contains(".FR.") && id.len() < 12 && all().text(id).is_none())
            .collect();
        assert!(missing.is_empty(), "{missing:?}");
    }

    #[test]
    fn what_ocpp_2_1_adds_has_a_text_and_the_rest_is_inherited() {
        let new = OCPP_2_1.requirements();
        // A file that does not parse would count as empty.
        for (id, file) in [
            ("B13.FR.01", "a-b"),
            ("C25.FR.60", "c"),
            ("E17.FR.22", "e-j"),
            ("I12.FR.44", "i"),
            ("K29.FR.06", "k"),
            ("N15.FR.09", "m-n"),
            ("S04.FR.11", "q-s"),
            ("Part 4, 4.2.4", "sections"),
        ] {
            assert!(new.text(id).is_some_and(|text| text.len() > 20), "{file}");
            assert!(all().text(id).is_none(), "{id}");
        }
        assert!(all().ids().all(|id| new.text(id).is_some()));
        assert_ne!(all().text("Part 4, 3.1.2"), new.text("Part 4, 3.1.2"));
        assert_eq!(new.side("G03.FR.09"), Some(Side::Neither));
        let Ok(text) = std::fs::read_to_string("../shared/spec/ocpp2.1/part2-specification.md") else { return };
        // The first cell of each row.
        let cells = text.split("<tr><td").filter_map(|cell| cell.split_once('>')?.1.split('<').next());
        let is_id = |cell: &&str| {
            cell.contains(".FR.") && cell.len() < 11 && cell.starts_with(|c: char| c.is_ascii_uppercase())
        };
        let missing: Vec<&str> = cells.filter(is_id).filter(|id| new.text(id.trim()).is_none()).collect();
        assert!(missing.is_empty(), "{missing:?}");
    }

    #[test]
    fn every_requirement_binds_somebody_or_says_that_it_does_not() {
        let of = |id: &str| all().side(id).unwrap();
        assert_eq!([of("B03.FR.02"), of("B03.FR.03")], [Side::ChargingStation, Side::Csms]);
        assert_eq!([of("B02.FR.09"), of("B01.FR.10")], [Side::Csms, Side::Csms], "CALLERROR SecurityError");
        assert_eq!([of("A00.FR.313"), of("B02.FR.06")], [Side::Both, Side::Both]);
        assert_eq!([of("L03.FR.01"), of("A02.FR.09")], [Side::Neither, Side::Neither]);
        assert_eq!(all().side("B01.FR.999"), None);
        // What our own words say a station or a CSMS must do binds it.
        for (known, id) in [&OCPP_2_0_1, &OCPP_2_1].into_iter().flat_map(|protocol| {
            let known = protocol.requirements();
            known.ids().map(move |id| (known, id))
        }) {
            let (text, side) = (known.text(id).unwrap(), known.side(id).unwrap());
            let begins = |words: &str| text.starts_with(words);
            if ["The station must ", "The station should "].into_iter().any(begins) {
                assert!(matches!(side, Side::ChargingStation | Side::Both), "{id} {side:?}");
            }
            if ["The CSMS must ", "The CSMS should "].into_iter().any(begins) {
                assert!(matches!(side, Side::Csms | Side::Both), "{id} {side:?}");
            }
            let dropped = begins("Dropped by the errata") || begins("Dropped by OCPP 2.1");
            assert_eq!(dropped, begins("Dropped") && side == Side::Neither, "{id} {side:?}");
        }
    }

    #[test]
    fn requirements_belong_to_blocks_and_sections_of_part_4_to_none() {
        assert_eq!([block("B01.FR.01"), block("Part 2, G03")], [Some('B'), Some('G')]);
        assert_eq!([block("Part 4, 4.1.1"), block("Part 2, TxCtrlr.TxStartPoint"), block("")], [None, None, None]);
    }
}
