//! The abstract against the published certificates, and against texts that mean harm.

use std::path::Path;

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{
    abstract_model::{self, Abstract, Style},
    render,
    tests::{pics, results},
};
use crate::{
    pics::Pics,
    record::{ProfileOutcome, Results},
};

const PRODUCTS: [&str; 3] = ["cp-flex-plus-eu", "greenflux-ev-platform", "beny-bcpcv-ct2m-p"];

/// The abstract of a certified product, of a run in which everything passed.
pub(super) fn sample(name: &str) -> Abstract {
    let pics = pics(&format!("{name}.yaml"));
    let mut results = results(&pics, "text");
    "wss://csms.example/ocpp".clone_into(&mut results.sut);
    for profile in &mut results.profiles {
        let asked = pics.profiles.iter().any(|asked| asked.title() == profile.name);
        profile.result = if asked { ProfileOutcome::Pass } else { ProfileOutcome::NotTested };
    }
    abstract_model::build(&pics, &results)
}

/// What stands in the abstract's tables, a line per row: without explanations and measured values, each heading once.
fn rows(model: &Abstract) -> Vec<String> {
    let mut lines = Vec::new();
    let mut head = Vec::new();
    for table in model.sections.iter().flat_map(|section| &section.tables) {
        let mut columns = table.columns.clone();
        columns.retain(|column| !column.is_empty());
        for column in &mut columns {
            *column = column.trim_end_matches(':').to_owned();
        }
        if columns.last().is_some_and(|last| last == "Description")
            && columns.first().is_none_or(|it| !it.contains("Setting"))
        {
            columns.pop();
        }
        if !columns.is_empty() && columns != head {
            lines.push(format!("-- {}", columns.join(" | ")));
        }
        head.clone_from(&columns);
        let measured = columns.iter().any(|column| column == "Min Value");
        for row in &table.rows {
            let mut cells: Vec<&str> = row.iter().map(String::as_str).collect();
            if measured {
                cells.drain(1..4);
            } else if table.style != Style::Approval {
                cells.truncate(if columns.is_empty() { usize::MAX } else { columns.len() });
            }
            if ["Tool Version", "Run ID"].contains(&cells[0]) {
                cells.truncate(1);
            }
            while cells.last().is_some_and(|cell| cell.is_empty()) {
                cells.pop();
            }
            let cells: Vec<String> = cells.iter().map(|cell| cell.trim_end_matches(':').replace('\n', " ")).collect();
            lines.push(cells.join(" | "));
        }
    }
    lines
}

#[test]
fn every_row_of_the_certificates_is_there_in_order() {
    for name in PRODUCTS {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/abstracts").join(format!("{name}.txt"));
        let certified = std::fs::read_to_string(path).unwrap();
        // Ours also tells tool, run, specification and time where the certificate does not.
        let own = ["Tool Version", "Run ID", "Specification | ", "Tested | "];
        let is_own =
            |line: &str| own.iter().any(|start| line.starts_with(start)) && !certified.contains(&format!("\n{line}\n"));
        let ours: Vec<String> = rows(&sample(name)).into_iter().filter(|line| !is_own(line)).collect();
        let certified: Vec<&str> = certified.lines().collect();
        for (number, (ours, certified)) in ours.iter().zip(&certified).enumerate() {
            assert_eq!(ours, certified, "{name}, row {number}");
        }
        assert_eq!(ours.len(), certified.len(), "{name}");
    }
}

#[test]
fn an_abstract_that_was_not_passed_reads_so() {
    let pics = pics("cp-flex-plus-eu.yaml");
    let mut results = results(&pics, "text");
    results.interrupted = true;
    let markdown = render::abstract_markdown(&abstract_model::build(&pics, &results));
    let told: Vec<&str> = markdown
        .lines()
        .filter(|line| {
            ["*", "| Core |", "| Advanced Security", "Test cases run", "| OCPP"].iter().any(|it| line.starts_with(it))
        })
        .collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn what_the_pics_leaves_out_is_not_made_up() {
    let mut pics = pics("beny-bcpcv-ct2m-p.yaml");
    pics.product.firmware_hash = None;
    pics.laboratory = crate::pics::model::Laboratory::default();
    pics.performance = crate::pics::model::Performance::default();
    let model = abstract_model::build(&pics, &results(&pics, "text"));
    let rows = rows(&model);
    for row in
        ["Test laboratory | not stated", "Test Report Reference | not stated", "Firmware image hash | not stated"]
    {
        assert!(rows.iter().any(|it| it == row), "{row}");
    }
    assert!(rows.iter().any(|row| row == "OCPP response time | not stated | seconds"));
}

/// Whoever is named in a PICS did not test the simulator.
#[test]
fn a_simulated_run_names_no_laboratory_and_nobody_who_approves_it() {
    let mut pics = pics("greenflux-ev-platform.yaml");
    pics.approval.vendor.name = Some("Who Approves".to_owned());
    let rows = rows(&abstract_model::build(&pics, &results(&pics, "text")));
    assert!(rows.iter().any(|row| row == "Test laboratory | not stated"), "{rows:?}");
    for named in ["Who Approves", "DEKRA", "GreenFlux Assets B.V. | Signature"] {
        assert!(!rows.iter().any(|row| row.contains(named)), "{named}");
    }
    // The lines to be filled in are there.
    assert_eq!(rows.iter().filter(|row| row.starts_with("Name |")).count(), 2);
    assert_eq!(rows.iter().filter(|row| row.starts_with("Name reviewer |")).count(), 1);
}

#[test]
fn in_edition_4_the_former_profiles_stay_within_core() {
    let mut pics = pics("beny-bcpcv-ct2m-p.yaml");
    pics.profiles.push(crate::pics::Profile::ADVANCED_SECURITY);
    let model = abstract_model::build(&pics, &results(&pics, "text"));
    let of = |id: &str| {
        let has = |section: &&abstract_model::Section| {
            section.tables.iter().any(|table| table.rows.iter().any(|row| row[0] == id))
        };
        model.sections.iter().find(has).unwrap().title.clone()
    };
    assert_eq!(of("AS-2"), "Advanced Security");
    assert_eq!(["R-0", "DM-0", "LA-0", "UI-0"].map(of), ["Core"; 4]);
}

/// Texts that mean harm, for every renderer.
pub(super) fn hostile() -> Vec<String> {
    vec![
        "<script>alert(1)</script>\" onmouseover=\"alert(2)' onload='alert(3) </td></table></style><!-- javascript:alert(4)"
            .to_owned()
            + " #import \"evil.typ\": * #panic() $x$ @ref <label> \\ // [*b*](http://e.example/) | a | `b`\n# h\n--- {{ 7*7 }} {% raw %}"
            + " \u{202e}desrever\u{2067} \u{0}\u{7}\u{1b}[31m \u{fffe}",
        "A".repeat(10_000),
        "wide words and_some-punctuation:".repeat(320),
    ]
}

/// The same with every text in it replaced, but what is a word of the format.
fn replaced<T: Serialize + DeserializeOwned>(of: &T, text: &str, keep: &[&str]) -> T {
    fn walk(value: &mut Value, text: &str, keep: &[&str], list: bool) {
        match value {
            Value::String(string) => text.clone_into(string),
            // Long texts in a few places are as bad as in all of them, and quicker.
            Value::Array(items) => {
                items.iter_mut().take(if list { 1 } else { 3 }).for_each(|it| walk(it, text, keep, list));
            }
            Value::Object(entries) => {
                for (_, value) in entries.iter_mut().filter(|(key, _)| !keep.contains(&key.as_str())) {
                    walk(value, text, keep, list);
                }
            }
            _ => {}
        }
    }
    let mut value = serde_json::to_value(of).unwrap();
    let long = text.len() > 2000;
    let few = [
        "features",
        "questions",
        "settings",
        "hardware",
        "approval",
        "references",
        "laboratory",
        "performance",
        "vendor",
        "holder",
        "firmware-version",
        "firmware-hash",
        "config-id",
        "value",
        "test-cases",
        "kpis",
    ];
    walk(&mut value, text, &[keep, if long { &few } else { &[] }].concat(), long);
    serde_json::from_value(value).unwrap()
}

/// The abstract of a product whose every field holds the text.
pub(super) fn model(name: &str, text: &str) -> Abstract {
    let pics: Pics = replaced(&pics(&format!("{name}.yaml")), text, &["sut", "ocpp", "baseline", "profiles"]);
    let results = results(&pics, "text");
    let results: Results = replaced(&results, text, &["started", "finished", "verdict", "result", "pics", "resumed"]);
    abstract_model::build(&pics, &results)
}

#[test]
fn hostile_text_in_every_field_stays_text_in_html() {
    for text in hostile() {
        let page = render::abstract_html(&model("beny-bcpcv-ct2m-p", &text));
        // Tags of ours have no handlers, no sources and no comments; whatever has is not ours.
        let tags = page.split('<').skip(1).map(|tag| tag.split('>').next().unwrap_or_default());
        for tag in tags.filter(|tag| !tag.starts_with("style") && !tag.starts_with("meta")) {
            let name = tag.trim_start_matches('/').split(' ').next().unwrap_or_default();
            let ours =
                "!doctype html head title style body main div span h1 h2 h3 p table colgroup col thead tbody tr th td";
            assert!(ours.split(' ').any(|known| known == name), "<{tag}>");
            assert!(!tag.contains(" on") && !tag.contains("src") && !tag.contains("href"), "<{tag}>");
        }
        assert!(!page.contains(['\u{0}', '\u{7}', '\u{1b}', '\u{202e}', '\u{2067}']));
        let rows = page.matches("<tr>").count();
        assert_eq!(rows, render::abstract_html(&model("beny-bcpcv-ct2m-p", "text")).matches("<tr>").count());
    }
}

#[test]
fn hostile_text_in_every_field_stays_in_its_cell_in_markdown() {
    let lines = |text: &str| render::abstract_markdown(&model("beny-bcpcv-ct2m-p", text)).lines().count();
    for text in hostile() {
        let markdown = render::abstract_markdown(&model("beny-bcpcv-ct2m-p", &text));
        assert!(!markdown.contains("<script") && !markdown.contains("<!--"));
        assert!(!markdown.replace("\\]", "").contains("]("), "a link of others");
        assert_eq!(markdown.lines().count(), lines("text"), "a text broke out of its line");
        let mut width = 0;
        for line in markdown.lines() {
            let bars = line.replace("\\\\", "").replace("\\|", "").matches('|').count();
            if line.starts_with('|') {
                assert!(width == 0 || bars == width, "a text broke out of its cell: {line}");
            }
            width = if line.starts_with('|') { bars } else { 0 };
        }
    }
}
