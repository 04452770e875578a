//! The abstract test report as data: titles, tables and rows in the order in which certificates print them.

use serde::Serialize;

use super::seal::Printed;
use crate::{
    kpi,
    pics::{
        Answer, Pics, Profile, SutKind,
        model::{Approver, Laboratory},
        tables::{self, AnswerKind, Part, Row},
    },
    record::{ProfileOutcome, Results},
    text::printable,
    verdict::Verdict,
    yaml::shorten,
};

/// Stands between the items of a list in a cell until the cell is clean; then each has a line of its own.
const LINE: char = '\u{1f}';

/// How a table is laid out; the texts are in the table.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Style {
    /// Name and value, without a heading row.
    Facts,
    /// The result of each profile.
    Summary,
    /// Id, wording, answer; with a second answer for measurands.
    #[default]
    Ids,
    /// Anything else.
    Other,
    /// A party's block, with room for a signature.
    Approval,
}

/// A table: columns (none: no heading row) and rows.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct Table {
    pub(super) style: Style,
    /// Each column's part of the width, in percent.
    pub(super) widths: Vec<u8>,
    pub(super) columns: Vec<String>,
    pub(super) rows: Vec<Vec<String>>,
    /// In an approval: the row from which on the last column is left for the signature.
    pub(super) signature: usize,
}

/// A section with text and tables.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct Section {
    pub(super) title: String,
    /// 2 or 3.
    pub(super) level: u8,
    pub(super) text: String,
    pub(super) tables: Vec<Table>,
}

/// The whole abstract: every word that is printed, in order.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Abstract {
    /// The document's title, in a reader's title bar.
    pub(super) title: String,
    /// The title on the first page.
    pub(super) heading: String,
    /// At the head of every page: the product.
    pub(super) header: String,
    /// At the head of every page: the run.
    pub(super) run: String,
    /// At the foot of every page.
    pub(super) footer: String,
    /// What this paper is not.
    pub(super) disclaimer: String,
    pub(super) warnings: Vec<String>,
    pub(super) sections: Vec<Section>,
    pub(super) closing: String,
    /// The seal over the run's evidence, where it has one.
    pub(super) seal: Option<Printed>,
    /// Name and version of the tool.
    pub(super) tool: String,
    /// When the run ended.
    pub(super) finished: jiff::Timestamp,
}

fn table(style: Style, widths: &[u8], columns: &[&str], rows: Vec<Vec<String>>) -> Table {
    let columns = columns.iter().map(|text| (*text).to_owned()).collect();
    Table { style, widths: widths.to_vec(), columns, rows, signature: 0 }
}

fn facts(rows: Vec<Vec<String>>) -> Table {
    table(Style::Facts, &[32, 68], &[], rows)
}

fn section(title: &str, level: u8, text: &str, tables: Vec<Table>) -> Section {
    Section { title: title.to_owned(), level, text: text.to_owned(), tables }
}

/// Builds the abstract of a run.
pub(super) fn build(pics: &Pics, results: &Results) -> Abstract {
    let mut sections = vec![
        section(&format!("Test Report {}", pics.ocpp.protocol().name), 2, "", vec![product(pics, results.simulated())]),
        summary(results, pics),
    ];
    let all = tables::sections(pics.sut, pics.baseline);
    let part = |part: Part| all.iter().filter(move |section| section.part == part);
    if pics.sut == SutKind::ChargingStation {
        let mut tables: Vec<Table> = part(Part::Hardware).flat_map(|section| answered(pics, section, false)).collect();
        tables.push(evses(pics));
        let text = "The hardware of the tested product, as far as it changes what is said over OCPP.";
        sections.push(section("Hardware Feature Set", 2, text, tables));
    }
    let text =
        "OCPP leaves many things to the vendor. The tables tell, profile by profile, which of them this product has.";
    sections.push(section("Optional Features", 2, text, Vec::new()));
    let mut core_at = None;
    for features in part(Part::Features).filter(|section| tables::printed(section, pics)) {
        let tables = answered(pics, features, true);
        // What is no profile of its own is printed as further tables of Core.
        let inside =
            features.profile.is_some_and(|profile| profile == Profile::CORE || pics.baseline.is_core_feature(profile));
        match core_at.filter(|_| inside).and_then(|at: usize| sections.get_mut(at)) {
            Some(core) => core.tables.extend(tables),
            None => sections.push(section(&features.title, 3, "", tables)),
        }
        if core_at.is_none() && features.profile == Some(Profile::CORE) {
            core_at = Some(sections.len() - 1);
        }
    }
    for (kind, text) in [
        (Part::Questions, "Answers that decide which test cases apply."),
        (Part::Settings, "Limits and settings with which the test bench was set up."),
    ] {
        for found in part(kind) {
            let tables = answered(pics, found, false);
            if !tables.is_empty() {
                sections.push(section(&found.title, 2, text, tables));
            }
        }
    }
    if !pics.vendor_settings.is_empty() {
        let rows = pics
            .vendor_settings
            .iter()
            .map(|setting| vec![setting.name.clone(), setting.value.clone(), setting.description.clone()]);
        let columns = ["Configuration Setting", "Configured Value", "Description"];
        let text = "Settings outside OCPP with which the product was tested.";
        let table = table(Style::Other, &[38, 22, 40], &columns, rows.collect());
        sections.push(section("Vendor Specific Settings", 2, text, vec![table]));
    }
    sections.push(performance(pics, results));
    // Nobody approves what a simulator did.
    let approvers = if results.simulated() { pics.approval.to_be_filled_in() } else { pics.approval.clone() };
    sections.push(section(
        "Statement of Approval",
        2,
        "",
        vec![approval("Vendor", &approvers.vendor), approval("Test Laboratory", &approvers.laboratory)],
    ));
    let tool = format!("ocpp-attest {}", shorten(&results.tool_version, 40));
    sections.push(section("", 2, "", vec![provenance(pics, results, &tool)]));
    let mut warnings = Vec::new();
    warnings.extend(super::no_real_product(results));
    if results.interrupted {
        warnings.push("The run was interrupted; it is not complete.".to_owned());
    }
    for resumed in &results.resumed {
        warnings.push(format!("The run was interrupted, and resumed at {}.", resumed.strftime("%Y-%m-%d %H:%M UTC")));
    }
    let product = &pics.product;
    let version = product.firmware_version.as_ref().or(product.software_version.as_ref());
    let heading = "Abstract of the Test Report";
    let mut model = Abstract {
        title: format!("{heading}: {}", product.designation),
        heading: heading.to_owned(),
        header: shorten(
            &version.map_or_else(|| product.designation.clone(), |it| format!("{}, {it}", product.designation)),
            90,
        ),
        run: shorten(&format!("Run {}", results.run_id), 60),
        footer: if results.simulated() {
            format!("Not a certificate of the Open Charge Alliance, and no real product: simulated by {tool}.")
        } else {
            format!("Not a certificate of the Open Charge Alliance. Written by {tool}.")
        },
        disclaimer: format!(
            "This is not a certificate of the Open Charge Alliance, and it claims no certification. It was written by {tool}, \
             an open tool, from the run named below."
        ),
        warnings,
        sections,
        closing: "Dates and signatures are left empty: nobody has approved this report by its being written."
            .to_owned(),
        seal: None,
        tool,
        finished: results.finished,
    };
    model.clean();
    model
}

impl Abstract {
    /// With the seal of the run.
    pub(super) fn sealed(mut self, seal: Option<&str>) -> Self {
        self.seal = seal.and_then(Printed::of);
        self
    }

    /// Texts of others may hold anything; what is printed holds only what can be seen, in its own order.
    fn clean(&mut self) {
        let heads = [&mut self.title, &mut self.header, &mut self.run, &mut self.footer, &mut self.disclaimer];
        for text in heads.into_iter().chain([&mut self.tool]) {
            *text = printable(text);
        }
        for section in &mut self.sections {
            section.title = printable(&section.title);
            section.text = printable(&section.text);
            for cell in section.tables.iter_mut().flat_map(|table| &mut table.rows).flatten() {
                *cell = cell.split(LINE).map(printable).collect::<Vec<_>>().join("\n");
            }
        }
    }
}

/// Which tool, run and image the report speaks of.
fn provenance(pics: &Pics, results: &Results, tool: &str) -> Table {
    let reference = format!("OCPP {} edition {}, errata {}", pics.ocpp, pics.edition, pics.baseline.id());
    let mut rows = vec![("Tool Version", tool.to_owned()), ("Run ID", results.run_id.clone())];
    if pics.sut == SutKind::ChargingStation || pics.product.firmware_hash.is_some() {
        rows.push(("Firmware image hash", stated(pics.product.firmware_hash.as_deref())));
    }
    rows.push(("Specification", reference));
    let resumed: String = results.resumed.iter().map(|time| format!(", resumed {}", minute(*time))).collect();
    rows.push(("Tested", format!("{} to {}{resumed}", minute(results.started), minute(results.finished))));
    facts(rows.into_iter().map(|(name, value)| vec![name.to_owned(), value]).collect())
}

/// A value, or that the PICS does not tell it.
fn stated(value: Option<&str>) -> String {
    value.filter(|value| !value.trim().is_empty()).unwrap_or("not stated").to_owned()
}

fn minute(time: jiff::Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

fn product(pics: &Pics, simulated: bool) -> Table {
    // No laboratory tested a simulator.
    let nowhere = Laboratory::default();
    let laboratory = if simulated { &nowhere } else { &pics.laboratory };
    let under_test = match pics.sut {
        SutKind::ChargingStation => "Charging Station",
        SutKind::Csms => "Charging Station Management System",
    };
    let rows = [
        ("Test laboratory:", Some(stated(laboratory.name.as_deref()))),
        ("Location:", Some(stated(laboratory.location.as_deref()))),
        ("Test Report Reference:", Some(stated(laboratory.report_reference.as_deref()))),
        ("Test Location:", laboratory.test_location.clone()),
        ("Product Designation:", Some(pics.product.designation.clone())),
        ("Vendor name:", Some(pics.product.vendor.clone())),
        ("Device Under Test:", Some(under_test.to_owned())),
        ("Firmware Version:", pics.product.firmware_version.clone()),
        ("OCPP Software Version:", pics.product.software_version.clone()),
        ("Config ID:", pics.product.config_id.clone()),
    ];
    facts(rows.into_iter().filter_map(|(name, value)| Some(vec![name.to_owned(), value?])).collect())
}

fn summary(results: &Results, pics: &Pics) -> Section {
    let rows = results.profiles.iter().map(|profile| {
        let result = match profile.result {
            ProfileOutcome::Pass => "Pass",
            ProfileOutcome::Fail => "Fail",
            ProfileOutcome::Incomplete => "Incomplete",
            ProfileOutcome::NotTested => "Not Tested",
        };
        vec![profile.name.clone(), result.to_owned(), describe(&profile.name, pics.edition).to_owned()]
    });
    let columns = ["Certification Profile", "Test Result", "Description"];
    let count = |wanted: fn(Verdict) -> bool| results.test_cases.iter().filter(|case| wanted(case.verdict)).count();
    let mut text = format!(
        "Test cases run: {}. Passed: {}. Failed: {}. Not decided: {}.",
        results.test_cases.len(),
        count(|verdict| verdict == Verdict::Pass),
        count(|verdict| verdict == Verdict::Fail),
        count(|verdict| !matches!(verdict, Verdict::Pass | Verdict::Fail)),
    );
    if results.profiles.iter().any(|profile| profile.result == ProfileOutcome::Incomplete) {
        text.push_str(" Incomplete: none of the profile's test cases that were run failed, but not every one that applies was decided.");
    }
    let table = table(Style::Summary, &[30, 14, 56], &columns, rows.collect());
    section("Test Result Summary for the Tested Functionalities", 2, &text, vec![table])
}

/// What a profile is about, in our words.
fn describe(name: &str, edition: u8) -> &'static str {
    match name {
        "Core" if edition == 4 => {
            "What every product must do: boot, authorise, configure, run transactions, be controlled remotely, update its \
             firmware securely, and speak TLS (security profile 2)."
        }
        "Core" => {
            "What every product must do: boot, authorise, configure, run transactions, be controlled remotely, with basic \
             security."
        }
        "Advanced Security" => "TLS with a certificate of the client.",
        "Local Authorization List Management" => {
            "A list of tokens kept in the station, and optionally a cache of them."
        }
        "Smart Charging" => "Control of charging by charging profiles.",
        "Advanced Device Management" => "The whole device model, with monitoring and extended logging.",
        "Reservation" => "Reservation of a station's connectors.",
        "Advanced User Interface" => "Tariffs, costs and messages on a display.",
        "ISO 15118 Support" => "Smart charging and Plug and Charge by ISO 15118.",
        _ => "",
    }
}

/// The tables of a section; `all` keeps rows without an answer where the certificate prints them.
fn answered(pics: &Pics, section: &tables::Section, all: bool) -> Vec<Table> {
    section
        .tables
        .iter()
        .filter_map(|of| {
            let width = of.columns.len();
            let rows: Vec<Vec<String>> = of
                .rows
                .iter()
                .filter(|row| all || pics.answer(&row.id).is_some())
                .map(|row| cells(pics, row, width))
                .collect();
            let listed = of.rows.iter().all(|row| row.kind == AnswerKind::List);
            let widths = match width {
                4 => vec![10, 26, 32, 32],
                // Names of cipher suites are long.
                _ if listed => vec![10, 38, 52],
                _ => vec![10, 60, 30],
            };
            let columns = of.columns.clone();
            (!rows.is_empty()).then_some(Table { style: Style::Ids, widths, columns, rows, signature: 0 })
        })
        .collect()
}

fn cells(pics: &Pics, row: &Row, width: usize) -> Vec<String> {
    let words = |words: &[String]| words.join(&LINE.to_string());
    let mut cells = vec![row.id.clone(), row.title.clone()];
    match pics.answer(&row.id) {
        Some(Answer::Bool(true)) => cells.push("Yes".into()),
        Some(Answer::Bool(false)) => cells.push("No".into()),
        Some(Answer::Number(number)) => cells.push(number.to_string()),
        Some(Answer::Text(text)) => cells.push(text.clone()),
        Some(Answer::List(list)) if row.id == "HFS-9" => cells.push(list.join(", ")),
        Some(Answer::List(list)) => cells.push(words(list)),
        Some(Answer::Measurands { tested, supported }) => cells.extend([words(tested), words(supported)]),
        None if row.kind == AnswerKind::YesNo => cells.push("No".into()),
        None => {}
    }
    cells.resize(width, String::new());
    cells
}

fn evses(pics: &Pics) -> Table {
    let rows = pics.evses.iter().flat_map(|evse| {
        evse.connectors.iter().map(|connector| {
            let cable = if connector.cable == "fixed" { "Fixed Cable" } else { "Detachable Cable" };
            vec![
                evse.id.to_string(),
                evse.current.clone(),
                evse.phases.clone(),
                connector.id.to_string(),
                connector.kind.clone(),
                cable.to_owned(),
            ]
        })
    });
    let columns = ["EVSE", "Current", "Phases", "Connector", "Type", "Cable Type"];
    table(Style::Other, &[10, 14, 16, 16, 20, 24], &columns, rows.collect())
}

fn performance(pics: &Pics, results: &Results) -> Section {
    let mut text =
        "First what the vendor states as the longest valid times, then what was measured during the tests.".to_owned();
    if let Some(calibration) = &results.calibration {
        text.push(' ');
        text.push_str(&calibration.sentence());
    }
    let definitions = kpi::definitions(pics);
    let promised = definitions.iter().map(|definition| {
        let seconds = pics.performance.maximum.get(definition.key).map_or("not stated".to_owned(), f64::to_string);
        vec![definition.name.to_owned(), seconds, "seconds".to_owned(), definition.description.to_owned()]
    });
    let seconds = |value: Option<f64>| value.map_or("not measurable".to_owned(), |value| format!("{value:.2}"));
    let measured = results.kpis.iter().map(|kpi| {
        vec![kpi.name.clone(), seconds(kpi.min_s), seconds(kpi.max_s), seconds(kpi.average_s), "seconds".into()]
    });
    section(
        "Performance Measurement Result",
        2,
        &text,
        vec![
            table(Style::Other, &[31, 12, 11, 46], &["Name", "Max Value", "Unit", "Description"], promised.collect()),
            table(
                Style::Other,
                &[43, 16, 16, 14, 11],
                &["Name", "Min Value", "Max Value", "Average Value", "Unit"],
                measured.collect(),
            ),
            Table {
                widths: vec![62, 38],
                ..facts(vec![vec![
                    "Communication technology used during performance measurement".into(),
                    stated(pics.performance.communication.as_deref()),
                ]])
            },
        ],
    )
}

/// A party's block; date and signature stay empty, for nobody has signed this.
fn approval(who: &str, approver: &Approver) -> Table {
    let value = |value: &Option<String>| value.clone().unwrap_or_default();
    let mut rows = vec![vec!["Name".to_owned(), value(&approver.name), "Date:".to_owned()]];
    if approver.reviewer.is_some() {
        rows.push(vec!["Name reviewer".to_owned(), value(&approver.reviewer), "Signature:".to_owned()]);
        rows.push(vec!["Company".to_owned(), value(&approver.company), String::new()]);
    } else {
        rows.push(vec!["Company".to_owned(), value(&approver.company), "Signature:".to_owned()]);
    }
    for (name, text) in
        [("Department", &approver.department), ("Position", &approver.position), ("Location", &approver.location)]
    {
        rows.push(vec![name.to_owned(), value(text), String::new()]);
    }
    let signature = rows.iter().position(|row| row.last().is_some_and(|cell| cell == "Signature:")).unwrap_or_default();
    Table { signature, ..table(Style::Approval, &[20, 42, 38], &[who, "", ""], rows) }
}
