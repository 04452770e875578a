//! The requirements of OCPP 2.0.1 in short, in our own words, by id.

use std::{collections::BTreeMap, sync::OnceLock};

const TEXTS: [&str; 3] = [
    include_str!("../../data/requirements-2.0.1/a-g.yaml"),
    include_str!("../../data/requirements-2.0.1/h-p.yaml"),
    include_str!("../../data/requirements-2.0.1/o.yaml"),
];

fn all() -> &'static BTreeMap<String, String> {
    static ALL: OnceLock<BTreeMap<String, String>> = OnceLock::new();
    ALL.get_or_init(|| {
        let read = |text: &&str| serde_saphyr::from_str::<BTreeMap<String, String>>(text).unwrap_or_default();
        TEXTS.iter().flat_map(read).collect()
    })
}

/// What a requirement demands, in one sentence; `None` when there is no such requirement.
pub fn text(id: &str) -> Option<&'static str> {
    all().get(id).map(String::as_str)
}

/// Ids that stand in a text and exist, in the order in which they stand there.
pub fn cited(text: &str) -> impl Iterator<Item = &str> {
    let of_an_id = |letter: char| letter.is_ascii_alphanumeric() || letter == '.';
    text.split(move |letter| !of_an_id(letter))
        .map(|word| word.trim_end_matches('.'))
        .filter(|word| word.contains(".FR.") && self::text(word).is_some())
}

/// The texts of some ids, one line each: `B01.FR.01 …`.
pub fn lines(ids: &[String]) -> Vec<String> {
    ids.iter().map(|id| format!("{id} {}", text(id).unwrap_or_default()).trim_end().to_owned()).collect()
}

/// All ids, in order.
pub fn ids() -> impl Iterator<Item = &'static str> {
    all().keys().map(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_of_the_specification_has_a_text() {
        // A file that does not parse would count as empty.
        for (id, part) in [("A00.FR.001", "a-g"), ("K01.FR.50", "h-p"), ("O01.FR.01", "o")] {
            assert!(text(id).is_some_and(|text| text.len() > 20), "{part}");
        }
        assert!(text("B01.FR.999").is_none());
        let Ok(rows) = std::fs::read_to_string("../shared/facts/requirements-2.0.1.csv") else { return };
        let missing: Vec<&str> = rows
            .lines()
            .filter_map(|line| line.split(',').next())
            .filter(|id| id.contains(".FR.") && id.len() < 12 && text(id).is_none())
            .collect();
        assert!(missing.is_empty(), "{missing:?}");
    }
}
