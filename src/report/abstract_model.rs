//! The abstract test report as data: titles, tables and rows in the order in which certificates print them.

use serde::Serialize;

use crate::{
    kpi,
    pics::{
        Answer, Pics, Profile, SutKind,
        model::Approver,
        tables::{self, AnswerKind, Part, Row},
    },
    record::{Kpi, ProfileOutcome, Results},
};

/// A table: columns (none: no heading row) and rows.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct Table {
    pub(super) columns: Vec<String>,
    pub(super) rows: Vec<Vec<String>>,
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

/// The whole abstract.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Abstract {
    pub(super) designation: String,
    pub(super) simulated: bool,
    pub(super) interrupted: bool,
    pub(super) sections: Vec<Section>,
}

fn table(columns: &[&str], rows: Vec<Vec<String>>) -> Table {
    Table { columns: columns.iter().map(|text| (*text).to_owned()).collect(), rows }
}

fn section(title: &str, level: u8, text: &str, tables: Vec<Table>) -> Section {
    Section { title: title.to_owned(), level, text: text.to_owned(), tables }
}

/// Builds the abstract of a run.
pub(super) fn build(pics: &Pics, results: &Results) -> Abstract {
    let mut sections = vec![section("Test Report OCPP 2.0.1", 2, "", vec![product(pics)]), summary(results, pics)];
    let all = tables::sections(pics.sut, pics.edition, pics.baseline);
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
        // Edition 4 prints the former profiles as further tables of Core.
        let inside = pics.edition == 4
            && tables::CORE_FEATURES_OF_EDITION_4.iter().any(|(profile, _)| Some(*profile) == features.profile);
        match core_at.filter(|_| inside).and_then(|at: usize| sections.get_mut(at)) {
            Some(core) => core.tables.extend(tables),
            None => sections.push(section(&features.title, 3, "", tables)),
        }
        if features.profile == Some(Profile::Core) {
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
        sections.push(section("Vendor Specific Settings", 2, text, vec![table(&columns, rows.collect())]));
    }
    sections.push(performance(pics, &results.kpis));
    sections.push(section(
        "Statement of Approval",
        2,
        "",
        vec![approval("Vendor", &pics.approval.vendor), approval("Test Laboratory", &pics.approval.laboratory)],
    ));
    let mut tool = vec![
        vec!["Tool".to_owned(), format!("ocpp-attest {}", results.tool_version)],
        vec!["Run id".to_owned(), results.run_id.clone()],
        vec!["Tested".to_owned(), format!("{} to {}", minute(results.started), minute(results.finished))],
    ];
    if let Some(hash) = &pics.product.firmware_hash {
        tool.push(vec!["Firmware image hash".to_owned(), hash.clone()]);
    }
    sections.push(section("", 2, "", vec![table(&[], tool)]));
    Abstract {
        designation: pics.product.designation.clone(),
        simulated: results.sut == "simulated",
        interrupted: results.interrupted,
        sections,
    }
}

fn minute(time: jiff::Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

fn product(pics: &Pics) -> Table {
    let laboratory = &pics.laboratory;
    let under_test = match pics.sut {
        SutKind::ChargingStation => "Charging Station",
        SutKind::Csms => "Charging Station Management System",
    };
    let rows = [
        ("Test laboratory:", laboratory.name.as_deref()),
        ("Location:", laboratory.location.as_deref()),
        ("Test Report Reference:", laboratory.report_reference.as_deref()),
        ("Test Location:", laboratory.test_location.as_deref()),
        ("Product Designation:", Some(pics.product.designation.as_str())),
        ("Vendor name:", Some(pics.product.vendor.as_str())),
        ("Device Under Test:", Some(under_test)),
        ("Firmware Version:", pics.product.firmware_version.as_deref()),
        ("OCPP Software Version:", pics.product.software_version.as_deref()),
        ("Config ID:", pics.product.config_id.as_deref()),
    ];
    let rows = rows.into_iter().filter_map(|(name, value)| Some(vec![name.to_owned(), value?.to_owned()])).collect();
    table(&[], rows)
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
    section("Test Result Summary for the Tested Functionalities", 2, "", vec![table(&columns, rows.collect())])
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
        _ => "Smart charging and Plug and Charge by ISO 15118.",
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
            (!rows.is_empty()).then(|| Table { columns: of.columns.clone(), rows })
        })
        .collect()
}

fn cells(pics: &Pics, row: &Row, width: usize) -> Vec<String> {
    let words = |words: &[String]| words.join(" ");
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
    table(&["EVSE", "Current", "Phases", "Connector", "Type", "Cable Type"], rows.collect())
}

fn performance(pics: &Pics, kpis: &[Kpi]) -> Section {
    let definitions = kpi::definitions(pics.sut);
    let promised = definitions.iter().map(|definition| {
        let seconds = pics.performance.maximum.get(definition.key).map_or("not stated".to_owned(), f64::to_string);
        vec![definition.name.to_owned(), seconds, "seconds".to_owned(), definition.description.to_owned()]
    });
    let seconds = |value: Option<f64>| value.map_or("not measurable".to_owned(), |value| format!("{value:.2}"));
    let measured = kpis.iter().map(|kpi| {
        vec![kpi.name.clone(), seconds(kpi.min_s), seconds(kpi.max_s), seconds(kpi.average_s), "seconds".into()]
    });
    let communication = pics.performance.communication.clone().unwrap_or_else(|| "not stated".into());
    section(
        "Performance Measurement Result",
        2,
        "First what the vendor states as the longest valid times, then what was measured during the tests.",
        vec![
            table(&["Name", "Max Value", "Unit", "Description"], promised.collect()),
            table(&["Name", "Min Value", "Max Value", "Average Value", "Unit"], measured.collect()),
            table(
                &[],
                vec![vec!["Communication technology used during performance measurement".into(), communication]],
            ),
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
    table(&[who, "", ""], rows)
}
