//! Certificates of invented products, in the forms in which people have them.

use crate::{
    kpi,
    pics::{
        Answer, Pics, SutKind,
        model::Approver,
        tables::{self, AnswerKind},
    },
};

/// A line of a certificate: cells of a table, or one text.
pub(super) type Cells = Vec<String>;

/// A certificate's lines, as the published ones have them.
pub(super) fn certificate(pics: &Pics) -> Vec<Cells> {
    let mut lines: Vec<Cells> = Vec::new();
    let text = |text: &str| vec![text.to_owned()];
    let product = &pics.product;
    let (what, version) = match pics.sut {
        SutKind::ChargingStation => ("Charging Station", format!("Firmware Version: {}", version(pics))),
        SutKind::Csms => ("Charging Station Management System", format!("OCPP Software Version: {}", version(pics))),
    };
    let stated = |value: &Option<String>| value.clone().unwrap_or_default();
    lines.extend([
        text(&format!("Certificate Holder: {}", product.holder)),
        text(&format!("Certificate Number: {}", stated(&pics.references.certificate))),
        text(&format!("Product Type: {what}")),
        text(&format!("Product Designation: {}", product.designation)),
        text(&version),
        text(&format!("Certification Date: {}", stated(&pics.references.certification_date))),
        text(""),
        text(&format!(
            "This certificate attests conformance with the reference specification {}. The rest is in the report.",
            stated(&pics.references.specification)
        )),
        text(""),
    ]);
    let cells = |cells: &[&str]| cells.iter().map(|cell| (*cell).to_owned()).collect::<Cells>();
    lines.extend([
        cells(&["Applied", "Performed by / On", "Document Evidence"]),
        cells(&[
            "Conformance testing according to the test specification referenced by the test report",
            &stated(&pics.references.tested),
            &stated(&pics.references.evidence),
        ]),
        text(""),
        text("Abstract of the Test Report"),
        text("Test Report OCPP 2.0.1 Certification"),
        text(""),
    ]);
    let version_label = if pics.sut == SutKind::Csms { "OCPP Software Version" } else { "Firmware Version:" };
    for (name, value) in [
        ("Test laboratory:", stated(&pics.laboratory.name)),
        ("Location:", stated(&pics.laboratory.location)),
        ("Test Report Reference:", stated(&pics.laboratory.report_reference)),
        ("Product Designation:", product.designation.clone()),
        ("Vendor name:", product.vendor.clone()),
        ("Device Under Test:", what.to_owned()),
        (version_label, self::version(pics)),
        ("Config ID:", stated(&product.config_id)),
    ] {
        lines.push(vec![name.to_owned(), value]);
    }
    lines.extend([text(""), text("Test Result Summary for the Certified Functionalities"), text("")]);
    lines.push(cells(&["Certification Profile", "Test Result", "Description"]));
    for &profile in pics.ocpp.protocol().profiles {
        let result = if pics.has_profile(profile) { "Pass" } else { "Not Tested" };
        lines.push(cells(&[profile.title(), result, "Support for what this profile is about."]));
    }
    answers(pics, &mut lines);
    lines.extend([text(""), text("Vendor Specific Settings"), text("")]);
    if !pics.vendor_settings.is_empty() {
        lines.push(cells(&["Configuration Setting", "Configured Value", "Description"]));
        for setting in &pics.vendor_settings {
            lines.push(cells(&[&setting.name, &setting.value, &setting.description]));
        }
    }
    lines.extend([text(""), text("Performance Measurement Result"), text("")]);
    lines.push(cells(&["Name", "Max Value", "Unit", "Description"]));
    for kpi in kpi::definitions(pics) {
        let value = pics.performance.maximum.get(kpi.key).map(f64::to_string).unwrap_or_default();
        lines.push(cells(&[kpi.name, &value, "seconds", "The time that it takes."]));
    }
    lines.extend([text(""), cells(&["Name", "Min Value", "Max Value", "Average Value", "Unit"])]);
    for kpi in kpi::definitions(pics) {
        lines.push(cells(&[kpi.name, "0.15", "0.83", "not measurable", "seconds"]));
    }
    let communication = "Communication technology used during performance measurement";
    lines.extend([text(""), cells(&[communication, &stated(&pics.performance.communication)]), text("")]);
    lines.extend([text("Statement of Approval"), text("")]);
    for (who, approver) in [("Vendor", &pics.approval.vendor), ("Test Laboratory", &pics.approval.laboratory)] {
        lines.push(cells(&[who, "", ""]));
        lines.extend(approval(approver));
        lines.push(text(""));
    }
    lines.push(cells(&["OCTT Version", &stated(&pics.references.tool_version)]));
    lines.push(cells(&["OCTT Instance ID", &stated(&pics.references.tool_instance)]));
    if let Some(hash) = &product.firmware_hash {
        lines.push(cells(&["Firmware image hash", hash]));
    }
    lines
}

fn version(pics: &Pics) -> String {
    pics.product.firmware_version.clone().or_else(|| pics.product.software_version.clone()).unwrap_or_default()
}

fn approval(approver: &Approver) -> Vec<Cells> {
    let row = |name: &str, value: &Option<String>, third: String| {
        vec![name.to_owned(), value.clone().unwrap_or_default(), third]
    };
    let mut rows = vec![row("Name", &approver.name, format!("Date: {}", approver.date.clone().unwrap_or_default()))];
    let mut signature = Some("Signature:".to_owned());
    if approver.reviewer.is_some() {
        rows.push(row("Name reviewer", &approver.reviewer, signature.take().unwrap_or_default()));
    }
    rows.push(row("Company", &approver.company, signature.take().unwrap_or_default()));
    rows.push(row("Department", &approver.department, String::new()));
    rows.push(row("Position", &approver.position, String::new()));
    rows.push(row("Location", &approver.location, String::new()));
    rows
}

fn answers(pics: &Pics, lines: &mut Vec<Cells>) {
    let mut features = false;
    for section in tables::sections(pics.sut, pics.baseline) {
        if !tables::printed(&section, pics) {
            continue;
        }
        if section.part == tables::Part::Features && !features {
            features = true;
            lines.extend([vec![String::new()], vec!["Optional Features".to_owned()]]);
        }
        lines.extend([vec![String::new()], vec![section.title.clone()]]);
        for table in &section.tables {
            lines.push(vec![String::new()]);
            lines.push(table.columns.clone());
            for row in &table.rows {
                if pics.answer(&row.id).is_none() && row.kind != AnswerKind::Heading {
                    continue;
                }
                let mut cells = vec![row.id.clone(), row.title.clone()];
                cells.extend(answer(pics.answer(&row.id), &row.id));
                cells.resize(table.columns.len(), String::new());
                lines.push(cells);
            }
        }
        if section.part == tables::Part::Hardware {
            lines.push(vec![String::new()]);
            lines.push(["EVSE", "Current", "Phases", "Connector", "Type", "Cable Type"].map(str::to_owned).to_vec());
            for evse in &pics.evses {
                for connector in &evse.connectors {
                    let cable = if connector.cable == "fixed" { "Fixed Cable" } else { "Detachable Cable" };
                    lines.push(vec![
                        evse.id.to_string(),
                        evse.current.clone(),
                        evse.phases.clone(),
                        connector.id.to_string(),
                        connector.kind.clone(),
                        cable.to_owned(),
                    ]);
                }
            }
        }
    }
}

fn answer(answer: Option<&Answer>, id: &str) -> Vec<String> {
    match answer {
        None => Vec::new(),
        Some(Answer::Bool(true)) => vec!["Yes".into()],
        Some(Answer::Bool(false)) => vec!["No".into()],
        Some(Answer::Number(number)) => vec![number.to_string()],
        Some(Answer::Text(text)) => vec![text.clone()],
        Some(Answer::List(words)) => vec![words.join(if id == "HFS-9" || words.len() < 2 { ", " } else { " " })],
        Some(Answer::Measurands { tested, supported }) => vec![tested.join(" "), supported.join(" ")],
    }
}

/// The lines with something between their cells.
pub(super) fn between(lines: &[Cells], mark: &str) -> String {
    lines.iter().map(|cells| cells.join(mark).trim_end().to_owned() + "\n").collect()
}

/// Markdown, with the marks that it wants escaped.
pub(super) fn markdown(lines: &[Cells]) -> String {
    let escaped = |cell: &String| cell.replace('_', "\\_").replace('&', "&amp;").replace('|', "\\|");
    let line = |cells: &Cells| match cells.as_slice() {
        [text] => format!("{}\n", escaped(text)),
        cells => format!("| {} |\n", cells.iter().map(escaped).collect::<Vec<_>>().join(" | ")),
    };
    lines.iter().map(line).collect()
}

/// A page as `pdftotext -layout` writes it: cells of a column below each other, long ones in several lines, set from the top or around
/// the middle of their row.
pub(super) fn page(lines: &[Cells], centred: bool) -> String {
    let mut out = String::new();
    for table in lines.chunk_by(|one, other| one.len() == other.len() && one.len() > 1) {
        if table[0].len() == 1 {
            out += &format!("{}\n", table[0][0]);
            continue;
        }
        let columns = table[0].len();
        let limit = if columns == 4 { 34 } else { 60 };
        let wrapped: Vec<Vec<Vec<String>>> =
            table.iter().map(|row| row.iter().map(|cell| crate::text::wrap(cell, limit)).collect()).collect();
        let width = |column: usize| {
            wrapped.iter().flat_map(|row| &row[column]).map(|line| line.chars().count()).max().unwrap_or_default() + 3
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        for row in &wrapped {
            let height = row.iter().map(Vec::len).max().unwrap_or(1);
            for at in 0..height {
                let mut line = String::new();
                for (cell, width) in row.iter().zip(&widths) {
                    let above = if centred { (height - cell.len()) / 2 } else { 0 };
                    let text = at.checked_sub(above).and_then(|at| cell.get(at)).map_or("", String::as_str);
                    line += &format!("{text:width$}");
                }
                out += line.trim_end();
                out.push('\n');
            }
        }
    }
    out
}

/// The statement of the specification that goes with an edition and a baseline.
pub(super) fn statement(pics: &Pics) -> String {
    let date = if pics.edition == 4 { "2025-12-03" } else { "2024-05-06" };
    format!("OCPP 2.0.1 (Edition {} FINAL, {date} including Errata {})", pics.edition, pics.baseline.id())
}
