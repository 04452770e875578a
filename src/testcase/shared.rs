//! The page that says which test cases OCPP 2.1 shares with 2.0.1, and how those differ: `docs/ocpp-2.1.md`, from the files alone.

use std::fmt::Write as _;

use super::catalogue::{self, Catalogue, Entry};
use crate::{pics::SutKind, protocol::Version};

const SIDES: [(SutKind, &str); 2] =
    [(SutKind::ChargingStation, "Charging stations"), (SutKind::Csms, "Charging station management systems")];

fn page(catalogue: &Catalogue) -> String {
    let mut page = String::new();
    for (side, name) in SIDES {
        let shared = |entry: &&Entry| entry.header.sut == side && entry.header.protocols.contains(&Version::V2_0_1);
        let new = |entry: &&Entry| entry.header.sut == side && !entry.header.protocols.contains(&Version::V2_0_1);
        let all: Vec<&Entry> = catalogue.cases.values().collect();
        let of = |block: &str, is: &dyn Fn(&&Entry) -> bool| -> Vec<&Entry> {
            all.iter().copied().filter(|entry| is(entry) && entry.header.block == block).collect()
        };
        let _ = write!(
            page,
            "### {name}\n\n\
             | block | of 2.0.1 too | compared with the text of 2.1, with steps | differ | new in 2.1 | of these with steps |\n\
             | --- | --- | --- | --- | --- | --- |\n"
        );
        for (block, _) in Version::V2_1.protocol().blocks {
            let (shared, new) = (of(block, &shared), of(block, &new));
            let with_steps = |entries: &[&Entry]| entries.iter().filter(|entry| entry.header.implemented).count();
            let differ = shared.iter().filter(|entry| entry.header.differences.is_some()).count();
            if shared.len() + new.len() > 0 {
                let _ = writeln!(
                    page,
                    "| {block} | {} | {} | {differ} | {} | {} |",
                    shared.len(),
                    with_steps(&shared),
                    new.len(),
                    with_steps(&new)
                );
            }
        }
        page.push_str("\n| test case or state | what differs in 2.1 |\n| --- | --- |\n");
        for entry in all.iter().filter(|entry| entry.header.sut == side) {
            if let Some(text) = &entry.header.differences {
                let _ = writeln!(page, "| {} | {} |", entry.header.id, in_a_cell(text));
            }
        }
        for ((sut, name), source) in &catalogue.states {
            let told = source.parse().ok().and_then(|root| catalogue::differences(&root, Version::V2_1));
            if let Some(text) = told.filter(|_| *sut == side) {
                let _ = writeln!(page, "| state {name} | {} |", in_a_cell(&text));
            }
        }
        let waiting: Vec<&str> = all
            .iter()
            .filter(|entry| shared(entry) && !entry.header.implemented)
            .map(|entry| entry.header.id.as_str())
            .collect();
        if !waiting.is_empty() {
            let _ = write!(page, "\nNot compared yet, and reported as not implemented: {}.\n", waiting.join(", "));
        }
        page.push('\n');
    }
    page
}

fn in_a_cell(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}

#[test]
fn the_page_of_shared_test_cases_is_up_to_date() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let catalogue = Catalogue::from_folder(&folder.join("testcases"), Version::V2_1).unwrap();
    let path = folder.join("docs/ocpp-2.1.md");
    let held = std::fs::read_to_string(&path).unwrap();
    let (begin, end) = ("<!-- shared: generated -->\n\n", "<!-- end -->\n");
    let (head, rest) = held.split_once(begin).expect("a beginning");
    let (generated, tail) = rest.split_once(end).expect("an end");
    let page = page(&catalogue);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, format!("{head}{begin}{page}{end}{tail}")).unwrap();
        return;
    }
    assert!(generated == page, "docs/ocpp-2.1.md is not up to date: UPDATE_DOCS=1 cargo test --lib shared");
}
