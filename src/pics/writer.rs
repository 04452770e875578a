//! Writes PICS files: an imported product, or a commented template with every known id.

use std::fmt::Write as _;

use super::{
    model::{Answer, Approver, Baseline, Pics, Profile, References, SutKind},
    reader::{editions_with_baselines, kpi_keys},
    tables::{self, AnswerKind, Part},
};

/// A PICS as the YAML file that `pics::reader` reads back.
pub fn to_yaml(pics: &Pics, comment: &str) -> String {
    let mut out = String::new();
    for line in comment.lines() {
        let _ = writeln!(out, "# {line}");
    }
    let sut = if pics.sut == SutKind::Csms { "csms" } else { "charging-station" };
    let _ =
        writeln!(out, "sut: {sut}\nocpp: {}\nedition: {}\nbaseline: {}", pics.ocpp, pics.edition, pics.baseline.id());
    let product = &pics.product;
    let mut lines = String::new();
    for (key, value) in [
        ("holder", Some(&product.holder).filter(|holder| !holder.is_empty())),
        ("vendor", Some(&product.vendor)),
        ("designation", Some(&product.designation)),
        ("firmware-version", product.firmware_version.as_ref()),
        ("software-version", product.software_version.as_ref()),
        ("config-id", product.config_id.as_ref()),
        ("subtype", product.subtype.as_ref()),
        ("firmware-hash", product.firmware_hash.as_ref()),
    ] {
        entry(&mut lines, 2, key, value.map(String::as_str));
    }
    mapping(&mut out, "product", &lines);
    let profiles: Vec<&str> = pics.profiles.iter().map(|profile| profile.id()).collect();
    let _ = writeln!(out, "profiles: [{}]", profiles.join(", "));
    answers(&mut out, pics, Part::Hardware);
    if !pics.evses.is_empty() {
        out.push_str("evses:\n");
        for evse in &pics.evses {
            let _ = writeln!(
                out,
                "  - id: {}\n    current: {}\n    phases: {}\n    connectors:",
                evse.id,
                evse.current,
                serde_json::Value::String(evse.phases.clone())
            );
            for connector in &evse.connectors {
                let kind = quoted(&connector.kind);
                let _ = writeln!(out, "      - {{ id: {}, type: {kind}, cable: {} }}", connector.id, connector.cable);
            }
        }
    }
    answers(&mut out, pics, Part::Features);
    answers(&mut out, pics, Part::Questions);
    answers(&mut out, pics, Part::Settings);
    if !pics.vendor_settings.is_empty() {
        out.push_str("vendor-settings:\n");
        for setting in &pics.vendor_settings {
            let _ = writeln!(out, "  - name: {}", quoted(&setting.name));
            entry(&mut out, 4, "value", Some(&setting.value));
            entry(&mut out, 4, "description", Some(&setting.description));
        }
    }
    let mut lines = String::new();
    entry(&mut lines, 2, "communication", pics.performance.communication.as_deref());
    if !pics.performance.maximum.is_empty() {
        let maxima: Vec<String> =
            pics.performance.maximum.iter().map(|(key, seconds)| format!("{key}: {seconds}")).collect();
        let _ = writeln!(lines, "  maximum: {{ {} }}", maxima.join(", "));
    }
    mapping(&mut out, "performance", &lines);
    let laboratory = &pics.laboratory;
    let mut lines = String::new();
    entry(&mut lines, 2, "name", laboratory.name.as_deref());
    entry(&mut lines, 2, "location", laboratory.location.as_deref());
    entry(&mut lines, 2, "test-location", laboratory.test_location.as_deref());
    entry(&mut lines, 2, "report-reference", laboratory.report_reference.as_deref());
    mapping(&mut out, "laboratory", &lines);
    let mut lines = String::new();
    approver(&mut lines, "  vendor", &pics.approval.vendor);
    approver(&mut lines, "  laboratory", &pics.approval.laboratory);
    mapping(&mut out, "approval", &lines);
    if pics.references != References::default() {
        out.push_str("references:\n");
        let references = &pics.references;
        for (key, value) in [
            ("certificate", &references.certificate),
            ("certification-date", &references.certification_date),
            ("specification", &references.specification),
            ("tested", &references.tested),
            ("evidence", &references.evidence),
            ("tool-version", &references.tool_version),
            ("tool-instance", &references.tool_instance),
        ] {
            entry(&mut out, 2, key, value.as_deref());
        }
    }
    out
}

/// A mapping, unless there is nothing in it.
fn mapping(out: &mut String, key: &str, lines: &str) {
    if !lines.is_empty() {
        let _ = write!(out, "{key}:\n{lines}");
    }
}

fn approver(out: &mut String, who: &str, approver: &Approver) {
    let mut lines = String::new();
    for (key, value) in [
        ("name", &approver.name),
        ("reviewer", &approver.reviewer),
        ("date", &approver.date),
        ("company", &approver.company),
        ("department", &approver.department),
        ("position", &approver.position),
        ("location", &approver.location),
    ] {
        entry(&mut lines, 4, key, value.as_deref());
    }
    mapping(out, who, &lines);
}

fn entry(out: &mut String, indent: usize, key: &str, value: Option<&str>) {
    if let Some(value) = value {
        let _ = writeln!(out, "{:indent$}{key}: {}", "", quoted(value));
    }
}

fn answers(out: &mut String, pics: &Pics, part: Part) {
    let mut any = false;
    for section in tables::sections(pics.sut, pics.baseline).iter().filter(|section| section.part == part) {
        let rows: Vec<_> = section.rows().filter(|row| pics.answer(&row.id).is_some()).collect();
        if rows.is_empty() {
            continue;
        }
        if !any {
            let _ = writeln!(out, "{}:", part.key());
            any = true;
        }
        if part == Part::Features {
            let _ = writeln!(out, "  # {}", section.title);
        }
        for row in rows {
            let mut answer = pics.answer(&row.id).map(answer_text).unwrap_or_default();
            if !answer.starts_with('\n') {
                answer.insert(0, ' ');
            }
            let _ = writeln!(out, "  {}:{answer}", row.id);
        }
    }
}

fn answer_text(answer: &Answer) -> String {
    let list = |words: &[String]| format!("[{}]", words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(", "));
    match answer {
        Answer::Bool(true) => "yes".into(),
        Answer::Bool(false) => "no".into(),
        Answer::Number(number) => number.to_string(),
        Answer::Text(text) => quoted(text),
        Answer::List(words) => list(words),
        Answer::Measurands { tested, supported } => {
            format!("\n    tested: {}\n    supported: {}", list(tested), list(supported))
        }
    }
}

/// A scalar that reads back as the same text.
fn quoted(text: &str) -> String {
    let plain = text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_alphanumeric() || " .-_/&()".contains(c))
        && !text.ends_with(' ')
        && !["yes", "no", "true", "false", "null", "on", "off"].contains(&text.to_lowercase().as_str());
    if plain { text.to_owned() } else { serde_json::Value::String(text.to_owned()).to_string() }
}

/// A commented file with every known id, to be filled in.
pub fn template(sut: SutKind, baseline: Baseline) -> String {
    let (version, edition) = (baseline.version(), baseline.edition());
    let protocol = version.protocol();
    let side = if sut == SutKind::Csms { "csms" } else { "charging-station" };
    let software = if sut == SutKind::Csms { "software-version" } else { "firmware-version" };
    let mut out = format!(
        "# PICS of a {side} for OCPP {version}. Replace every answer; `ocpp-attest pics check` tells what is wrong.\n\
         sut: {side}\nocpp: {version}\nedition: {edition}\nbaseline: {}    # {}\n\
         product:\n  holder: \"\"\n  vendor: Vendor\n  designation: Product\n  {software}: \"1.0\"\n  # config-id: \"\"\n  \
         # firmware-hash: \"\"        # SHA-256 of the image, hexadecimal\n",
        baseline.id(),
        editions_with_baselines(protocol)
    );
    if sut == SutKind::ChargingStation {
        out.push_str("  # subtype: mode-1-2-only     # or wireless, where it is one\n");
    }
    let further: Vec<&str> = protocol
        .profiles
        .iter()
        .filter(|profile| **profile != Profile::CORE && !baseline.is_core_feature(**profile))
        .map(|profile| profile.id())
        .collect();
    let lines: Vec<String> = further.chunks(4).map(|line| line.join(", ")).collect();
    let _ = writeln!(out, "profiles: [core]    # also: {}", lines.join(",\n                    # "));
    let mut part = None;
    for section in tables::sections(sut, baseline) {
        if part != Some(section.part) {
            let _ = writeln!(out, "{}:", section.part.key());
            part = Some(section.part);
        }
        // Only the core answers are required as long as no other profile is named.
        let needed =
            section.profile.is_none_or(|profile| profile == Profile::CORE || baseline.is_core_feature(profile));
        for table in &section.tables {
            let _ = writeln!(out, "  # {}: {}", section.title, table.columns[1]);
            for row in &table.rows {
                let start = if needed && section.part != Part::Settings { "  " } else { "  # " };
                let example = match (row.id.as_str(), row.kind) {
                    (_, AnswerKind::Heading) => {
                        let _ = writeln!(out, "  # {}: {}", row.id, row.title);
                        continue;
                    }
                    ("C-06.2" | "C-09.1" | "C-10.1" | "C-12.2" | "C-48.1" | "HFS-2" | "HFS-3", _) => "yes",
                    ("HFS-9", _) => "[Wired]",
                    ("HFS-10", _) => "Single",
                    ("C-23", _) => "[Heartbeat]",
                    ("C-41", _) => "[TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384]",
                    ("ORS-24", _) => "[HTTP]",
                    (_, AnswerKind::Number) => "1",
                    (_, AnswerKind::Text) => "\"\"",
                    (_, AnswerKind::List) => "[]",
                    (_, AnswerKind::Measurands) => {
                        "{ tested: [Energy.Active.Import.Register], supported: [Energy.Active.Import.Register] }"
                    }
                    (_, AnswerKind::YesNo | AnswerKind::ListOrNo) => "no",
                };
                let _ = writeln!(out, "{start}{}: {example}    # {}", row.id, row.title);
            }
        }
        if section.part == Part::Hardware {
            out.push_str(
                "evses:\n  - id: 1\n    current: AC    # or DC\n    phases: \"1\"\n    connectors:\n      \
                 - { id: 1, type: cType2, cable: fixed }    # or detachable\n",
            );
        }
    }
    let maxima: Vec<String> = kpi_keys(protocol, sut).iter().map(|key| format!("{key}: 30")).collect();
    let _ = writeln!(out, "vendor-settings: []    # - {{ name: …, value: …, description: … }}");
    let _ = writeln!(out, "performance:\n  communication: Wired\n  maximum: {{ {} }}    # seconds", maxima.join(", "));
    out.push_str(
        "laboratory:\n  name: \"\"\n  location: \"\"\n  report-reference: \"\"\napproval:\n  vendor: { name: \"\", company: \"\" }\n  \
         laboratory: { name: \"\", company: \"\" }\n",
    );
    out
}
