//! Makes a PICS from the text of a certificate with its abstract test report.
//!
//! The text has one line per table row, cells separated by tabs; a table may be interrupted by page text.

use indexmap::IndexMap;

use super::{
    model::{Answer, Approver, Baseline, Connector, Evse, Performance, Pics, Product, Profile, SutKind, VendorSetting},
    tables::{self, AnswerKind, Part},
};
use crate::yaml::{Defect, Defects, Position, Source};

/// Reads a certificate's text.
pub fn certificate(source: &Source) -> Result<Pics, Defects> {
    let lines: Vec<Vec<String>> = source.text.lines().map(cells).collect();
    let mut missing = Vec::new();
    let mut need = |what: &str, value: Option<String>| {
        value.unwrap_or_else(|| {
            missing.push(Defect::new(
                Position { line: 1, column: 1 },
                format!("`{what}` was not found in the certificate's text"),
                "give the whole text, table cells separated by tabs",
            ));
            String::new()
        })
    };
    let field = |name: &str| field(&lines, name);
    let under_test = need("Device Under Test", field("Device Under Test"));
    let sut = if under_test.contains("Management") { SutKind::Csms } else { SutKind::ChargingStation };
    let reference =
        source.text.split("reference specification").nth(1).unwrap_or("").chars().take(200).collect::<String>();
    let edition = if reference.contains("Edition 4") { 4 } else { 3 };
    let baseline = [("2024-06", Baseline::B2024_06), ("2025-09", Baseline::B2025_09), ("2026-02", Baseline::B2026_02)]
        .into_iter()
        .find(|(word, _)| reference.contains(&format!("Errata {word}")))
        .map(|(_, baseline)| baseline);
    need("Errata", baseline.map(|_| String::new()));
    let profiles: Vec<Profile> = Profile::ALL
        .into_iter()
        .filter(|profile| row(&lines, profile.title()).is_some_and(|row| row.get(1).is_some_and(|cell| cell == "Pass")))
        .collect();
    need("Test Result Summary", profiles.first().map(|_| String::new()));
    let product = Product {
        holder: need("Certificate Holder", field("Certificate Holder")),
        vendor: need("Vendor name", field("Vendor name")),
        designation: need(
            "Product Designation",
            row(&lines, "Product Designation").and_then(|row| row.get(1).cloned()),
        ),
        firmware_version: (sut == SutKind::ChargingStation)
            .then(|| need("Firmware Version", field("Firmware Version"))),
        software_version: (sut == SutKind::Csms).then(|| need("OCPP Software Version", field("OCPP Software Version"))),
        config_id: field("Config ID"),
        subtype: None,
        firmware_hash: field("Firmware image hash"),
    };
    if !missing.is_empty() {
        return Err(source.defects(missing));
    }
    let baseline = baseline.unwrap_or(Baseline::B2025_09);
    let sections = tables::sections(sut, edition, baseline);
    let answers = |part: Part| -> IndexMap<String, Answer> {
        let rows = sections.iter().filter(|section| section.part == part).flat_map(tables::Section::rows);
        rows.filter_map(|row| Some((row.id.clone(), answer(&lines, &row.id, row.kind)?))).collect()
    };
    let mut pics = Pics {
        sut,
        ocpp: "2.0.1".into(),
        edition,
        baseline,
        product,
        profiles,
        hardware: answers(Part::Hardware),
        evses: evses(&lines),
        features: answers(Part::Features),
        questions: answers(Part::Questions),
        settings: answers(Part::Settings),
        vendor_settings: vendor_settings(&lines),
        performance: performance(&lines, sut),
        laboratory: super::model::Laboratory {
            name: field("Test laboratory"),
            location: field("Location"),
            test_location: field("Test Location"),
            report_reference: field("Test Report Reference"),
        },
        approval: super::model::Approval::default(),
        references: references(&lines, &source.text),
    };
    let start = lines.iter().position(|line| line.first().is_some_and(|cell| cell.contains("Statement of Approval")));
    if let Some(start) = start {
        let rest = &lines[start..];
        let laboratory = rest
            .iter()
            .position(|line| line.first().is_some_and(|cell| cell == "Test Laboratory"))
            .unwrap_or(rest.len());
        pics.approval.vendor = approver(&rest[..laboratory]);
        pics.approval.laboratory = approver(&rest[laboratory..]);
    }
    Ok(pics)
}

/// The cells of a line, without markup.
fn cells(line: &str) -> Vec<String> {
    let plain = ["<b>", "</b>", "**"].iter().fold(line.to_owned(), |text, mark| text.replace(mark, ""));
    plain.split('\t').map(|cell| cell.trim().to_owned()).collect()
}

/// The first row whose first cell is `name` (with or without a colon).
fn row<'l>(lines: &'l [Vec<String>], name: &str) -> Option<&'l Vec<String>> {
    lines.iter().find(|line| line.len() > 1 && line.first().is_some_and(|cell| cell.trim_end_matches(':') == name))
}

/// `Name: value` on one line, or a table row `Name | value`; the table row wins.
fn field(lines: &[Vec<String>], name: &str) -> Option<String> {
    if let Some(value) = row(lines, name).and_then(|row| row.get(1)).filter(|value| !value.is_empty()) {
        return Some(value.clone());
    }
    let prefix = format!("{name}:");
    lines.iter().find_map(|line| line.first()?.strip_prefix(&prefix).map(|value| value.trim().to_owned()))
}

fn answer(lines: &[Vec<String>], id: &str, kind: AnswerKind) -> Option<Answer> {
    let row = row(lines, id)?;
    let value = row.get(2).map_or("", String::as_str);
    let words = |text: &str, separator: fn(char) -> bool| -> Vec<String> {
        text.split(separator).map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned).collect()
    };
    match kind {
        AnswerKind::YesNo => match value {
            "Yes" => Some(Answer::Bool(true)),
            "No" => Some(Answer::Bool(false)),
            _ => None,
        },
        AnswerKind::Number => value.parse().ok().map(Answer::Number),
        AnswerKind::Text => Some(Answer::Text(value.to_owned())),
        AnswerKind::List if value.contains(',') => Some(Answer::List(words(value, |c| c == ','))),
        AnswerKind::List => Some(Answer::List(words(value, char::is_whitespace))),
        AnswerKind::ListOrNo if value == "No" => Some(Answer::Bool(false)),
        AnswerKind::ListOrNo => Some(Answer::List(words(value, char::is_whitespace))),
        AnswerKind::Measurands => Some(Answer::Measurands {
            tested: words(value, char::is_whitespace),
            supported: words(row.get(3).map_or("", String::as_str), char::is_whitespace),
        }),
        AnswerKind::Heading => None,
    }
}

fn references(lines: &[Vec<String>], text: &str) -> super::model::References {
    let specification = text.split("reference specification ").nth(1).and_then(|rest| rest.split_once(")."));
    let applied = lines.iter().skip_while(|line| line.first().is_none_or(|cell| cell != "Applied")).nth(1);
    super::model::References {
        certificate: field(lines, "Certificate Number"),
        certification_date: field(lines, "Certification Date"),
        specification: specification.map(|(text, _)| format!("{text})")),
        tested: applied.and_then(|row| row.get(1).cloned()),
        evidence: applied.and_then(|row| row.get(2).cloned()),
        tool_version: field(lines, "OCTT Version"),
        tool_instance: field(lines, "OCTT Instance ID"),
    }
}

fn evses(lines: &[Vec<String>]) -> Vec<Evse> {
    let mut evses: Vec<Evse> = Vec::new();
    let start = lines.iter().position(|line| line.first().is_some_and(|cell| cell == "EVSE") && line.len() == 6);
    for line in lines.iter().skip(start.map_or(lines.len(), |start| start + 1)) {
        let [id, current, phases, connector, kind, cable] = line.as_slice() else { break };
        let (Ok(id), Ok(connector)) = (id.parse(), connector.parse()) else { break };
        let cable = if cable.starts_with("Fixed") { "fixed" } else { "detachable" };
        let connector = Connector { id: connector, kind: kind.clone(), cable: cable.into() };
        match evses.iter_mut().find(|evse| evse.id == id) {
            Some(evse) => evse.connectors.push(connector),
            None => {
                evses.push(Evse { id, current: current.clone(), phases: phases.clone(), connectors: vec![connector] });
            }
        }
    }
    evses
}

fn vendor_settings(lines: &[Vec<String>]) -> Vec<VendorSetting> {
    let start = lines.iter().position(|line| line.first().is_some_and(|cell| cell == "Configuration Setting"));
    lines
        .iter()
        .skip(start.map_or(lines.len(), |start| start + 1))
        .map_while(|line| match line.as_slice() {
            [name, value, description] => {
                Some(VendorSetting { name: name.clone(), value: value.clone(), description: description.clone() })
            }
            _ => None,
        })
        .collect()
}

fn performance(lines: &[Vec<String>], sut: SutKind) -> Performance {
    let mut performance = Performance::default();
    for kpi in crate::kpi::definitions(sut) {
        // The first row of that name is the one with the vendor's maximum: name, value, unit, description.
        if let Some(seconds) = row(lines, kpi.name).filter(|row| row.len() >= 3).and_then(|row| row[1].parse().ok()) {
            performance.maximum.insert(kpi.key.to_owned(), seconds);
        }
    }
    performance.communication = field(lines, "Communication technology used during performance measurement");
    performance
}

fn approver(lines: &[Vec<String>]) -> Approver {
    let value = |name: &str| row(lines, name).and_then(|row| row.get(1).cloned()).filter(|value| !value.is_empty());
    Approver {
        name: value("Name"),
        date: row(lines, "Name").and_then(|row| row.get(2)?.strip_prefix("Date:").map(|date| date.trim().to_owned())),
        reviewer: value("Name reviewer"),
        company: value("Company"),
        department: value("Department"),
        position: value("Position"),
        location: value("Location"),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::pics::{reader, writer};

    const CERTIFICATES: [(&str, &str); 3] = [
        ("OCA.0201.0125.CS-chargepoint-cp-flex-plus.txt", "cp-flex-plus-eu.yaml"),
        ("OCA.0201.0032.CSMS-greenflux-ev-platform.txt", "greenflux-ev-platform.yaml"),
        ("OCA.0201.0146.CS-beny-bcpcv-ct2m-p.txt", "beny-bcpcv-ct2m-p.yaml"),
    ];

    fn yaml(pics: &Pics) -> String {
        writer::to_yaml(pics, &format!("PICS of {}, as its certificate states it.", pics.product.designation))
    }

    #[test]
    fn the_certificates_reproduce_the_files() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let certificates = root.join("../shared/certificates");
        if !certificates.is_dir() {
            eprintln!("the certificates are not at hand; comparison skipped");
            return;
        }
        for (certificate_name, file) in CERTIFICATES {
            let pics = certificate(&Source::read(&certificates.join(certificate_name)).unwrap()).unwrap();
            let expected = std::fs::read_to_string(root.join("pics").join(file)).unwrap();
            assert_eq!(yaml(&pics), expected, "{file}");
        }
    }

    #[test]
    fn a_written_pics_reads_back_as_itself() {
        for (_, file) in CERTIFICATES {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("pics").join(file);
            let pics = reader::read(&path).unwrap_or_else(|defects| panic!("{defects}"));
            assert_eq!(reader::read_source(&Source::new(file, yaml(&pics))).unwrap(), pics);
        }
    }

    #[test]
    fn a_text_that_is_no_certificate_says_what_is_missing() {
        let defects = certificate(&Source::new("x.txt", "hello\tworld\n")).unwrap_err();
        assert!(defects.to_string().contains("`Device Under Test` was not found"), "{defects}");
        assert!(defects.defects.len() > 3);
    }
}
