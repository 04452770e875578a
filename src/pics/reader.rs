//! Reads a PICS file, naming every defect at once with its place.

use std::{collections::HashMap, path::Path};

use indexmap::IndexMap;

use super::{
    model::{
        Answer, Approval, Approver, Baseline, Connector, Evse, Laboratory, Performance, Pics, Product, Profile,
        References, SutKind, VendorSetting,
    },
    tables::{self, AnswerKind, CORE_FEATURES_OF_EDITION_4, Part, Section},
};
use crate::yaml::{Defect, Defects, Kind, Node, Position, Source, nearest};

/// Reads and checks a PICS file.
pub fn read(path: &Path) -> Result<Pics, Defects> {
    read_source(&Source::read(path)?)
}

/// Reads and checks a PICS.
pub fn read_source(source: &Source) -> Result<Pics, Defects> {
    let root = source.parse()?;
    let mut reader = Reader { defects: Vec::new(), places: HashMap::new() };
    let pics = reader.pics(&root);
    match pics {
        Some(pics) if reader.defects.is_empty() => Ok(pics),
        _ => Err(source.defects(reader.defects)),
    }
}

const KEYS: [&str; 16] = [
    "sut",
    "ocpp",
    "edition",
    "baseline",
    "product",
    "profiles",
    "hardware",
    "evses",
    "features",
    "questions",
    "settings",
    "vendor-settings",
    "performance",
    "laboratory",
    "approval",
    "references",
];

/// The keys under `performance: maximum:` for each side.
pub fn kpi_keys(sut: SutKind) -> &'static [&'static str] {
    match sut {
        SutKind::ChargingStation => {
            &["response-time", "triggered-function", "start-authorization", "stop-authorization"]
        }
        SutKind::Csms => &["response-time", "authorize"],
    }
}

struct Reader {
    defects: Vec<Defect>,
    /// Where each answer stands.
    places: HashMap<String, Position>,
}

impl Reader {
    fn defect(&mut self, at: Position, message: impl Into<String>, help: impl Into<String>) {
        self.defects.push(Defect::new(at, message, help));
    }

    fn known_keys(&mut self, node: &Node, known: &[&str]) {
        let Some(entries) = node.map() else {
            self.defect(
                node.at,
                format!("a mapping was expected, found {}", node.describe()),
                "write `key: value` lines",
            );
            return;
        };
        for (key, _) in entries {
            if !known.contains(&key.name.as_str()) {
                let help = nearest(&key.name, known.iter().copied()).map_or_else(
                    || format!("known here: {}", known.join(", ")),
                    |near| format!("did you mean `{near}`?"),
                );
                self.defect(key.at, format!("`{}` is not known here", key.name), help);
            }
        }
    }

    /// One of several words; complains about anything else or its absence.
    fn choice<T: Copy>(&mut self, root: &Node, key: &str, choices: &[(&str, T)]) -> Option<T> {
        let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
        let Some(node) = root.get(key) else {
            self.defect(root.at, format!("`{key}` is missing"), format!("add `{key}: {}`", words.join(" | ")));
            return None;
        };
        let word = node.scalar().unwrap_or_default();
        let found = choices.iter().find(|(known, _)| *known == word).map(|(_, value)| *value);
        if found.is_none() {
            self.defect(
                node.at,
                format!("`{key}` can't be {}", node.describe()),
                format!("write one of: {}", words.join(", ")),
            );
        }
        found
    }

    fn pics(&mut self, root: &Node) -> Option<Pics> {
        self.known_keys(root, &KEYS);
        root.map()?;
        let sut = self.choice(root, "sut", &[("charging-station", SutKind::ChargingStation), ("csms", SutKind::Csms)]);
        self.choice(root, "ocpp", &[("2.0.1", ())]);
        let edition = self.choice(root, "edition", &[("3", 3), ("4", 4)]);
        let baselines =
            [("2024-06", Baseline::B2024_06), ("2025-09", Baseline::B2025_09), ("2026-02", Baseline::B2026_02)];
        let baseline = self.choice(root, "baseline", &baselines);
        if let (Some(edition), Some(baseline)) = (edition, baseline) {
            if (edition == 4) != (baseline == Baseline::B2026_02) {
                let at = root.get("baseline").map_or(root.at, |node| node.at);
                self.defect(
                    at,
                    format!("edition {edition} has no such baseline"),
                    "edition 3 goes with 2024-06 or 2025-09, edition 4 with 2026-02",
                );
            }
        }
        let profiles = self.profiles(root, edition);
        let (sut, edition, baseline) = (sut?, edition?, baseline?);
        let sections = tables::sections(sut, edition, baseline);
        let mut pics = Pics {
            sut,
            ocpp: "2.0.1".into(),
            edition,
            baseline,
            product: self.product(root, sut),
            profiles,
            hardware: self.answers(root, Part::Hardware, &sections),
            evses: self.evses(root),
            features: self.answers(root, Part::Features, &sections),
            questions: self.answers(root, Part::Questions, &sections),
            settings: self.answers(root, Part::Settings, &sections),
            vendor_settings: self.vendor_settings(root),
            performance: self.performance(root, sut),
            laboratory: Laboratory::default(),
            approval: Approval::default(),
            references: References::default(),
        };
        if let Some(node) = root.get("laboratory") {
            self.known_keys(node, &["name", "location", "test-location", "report-reference"]);
            pics.laboratory = Laboratory {
                name: text(node, "name"),
                location: text(node, "location"),
                test_location: text(node, "test-location"),
                report_reference: text(node, "report-reference"),
            };
        }
        if let Some(node) = root.get("approval") {
            self.known_keys(node, &["vendor", "laboratory"]);
            pics.approval.vendor = node.get("vendor").map(|node| self.approver(node)).unwrap_or_default();
            pics.approval.laboratory = node.get("laboratory").map(|node| self.approver(node)).unwrap_or_default();
        }
        if let Some(node) = root.get("references") {
            self.known_keys(
                node,
                &[
                    "certificate",
                    "certification-date",
                    "specification",
                    "tested",
                    "evidence",
                    "tool-version",
                    "tool-instance",
                ],
            );
            pics.references = References {
                certificate: text(node, "certificate"),
                certification_date: text(node, "certification-date"),
                specification: text(node, "specification"),
                tested: text(node, "tested"),
                evidence: text(node, "evidence"),
                tool_version: text(node, "tool-version"),
                tool_instance: text(node, "tool-instance"),
            };
        }
        self.missing(root, &pics, &sections);
        self.contradictions(root, &pics);
        Some(pics)
    }

    fn profiles(&mut self, root: &Node, edition: Option<u8>) -> Vec<Profile> {
        let Some(node) = root.get("profiles") else {
            self.defect(root.at, "`profiles` is missing", "add `profiles: [core]`");
            return Vec::new();
        };
        let mut profiles = Vec::new();
        let ids: Vec<&str> = Profile::ALL.iter().map(|profile| profile.id()).collect();
        for item in node.list().unwrap_or_default() {
            let word = item.scalar().unwrap_or_default();
            match Profile::ALL.into_iter().find(|profile| profile.id() == word) {
                None => {
                    let help = nearest(&word, ids.iter().copied())
                        .map_or_else(|| format!("known: {}", ids.join(", ")), |near| format!("did you mean `{near}`?"));
                    self.defect(item.at, format!("`{word}` is no certification profile"), help);
                }
                Some(profile) if profiles.contains(&profile) => {
                    self.defect(item.at, format!("`{word}` stands twice"), "remove one of the two");
                }
                Some(profile) => {
                    let feature = CORE_FEATURES_OF_EDITION_4.iter().find(|(known, _)| *known == profile);
                    if let (Some(4), Some((_, feature))) = (edition, feature) {
                        let help = format!("in edition 4 it is a feature of core: answer `{feature}: yes`");
                        self.defect(item.at, format!("`{word}` is no profile of edition 4"), help);
                    }
                    profiles.push(profile);
                }
            }
        }
        if !profiles.contains(&Profile::Core) {
            self.defect(node.at, "`core` is missing among the profiles", "every certification includes core");
        }
        profiles.sort_unstable();
        profiles
    }

    fn product(&mut self, root: &Node, sut: SutKind) -> Product {
        let Some(node) = root.get("product") else {
            self.defect(root.at, "`product` is missing", "add `product: { vendor: …, designation: … }`");
            return Product::default();
        };
        self.known_keys(
            node,
            &[
                "holder",
                "vendor",
                "designation",
                "firmware-version",
                "software-version",
                "config-id",
                "subtype",
                "firmware-hash",
            ],
        );
        let subtype = text(node, "subtype");
        if subtype.as_deref().is_some_and(|subtype| !["mode-1-2-only", "wireless"].contains(&subtype)) {
            let at = node.get("subtype").map_or(node.at, |node| node.at);
            self.defect(at, "this subtype is not known", "write mode-1-2-only or wireless, or leave it out");
        }
        let version = if sut == SutKind::Csms { "software-version" } else { "firmware-version" };
        for key in ["vendor", "designation", version] {
            if text(node, key).is_none_or(|text| text.is_empty()) {
                self.defect(node.at, format!("`product` lacks `{key}`"), format!("add `{key}: …`"));
            }
        }
        Product {
            holder: text(node, "holder").unwrap_or_default(),
            vendor: text(node, "vendor").unwrap_or_default(),
            designation: text(node, "designation").unwrap_or_default(),
            firmware_version: text(node, "firmware-version"),
            software_version: text(node, "software-version"),
            config_id: text(node, "config-id"),
            subtype,
            firmware_hash: text(node, "firmware-hash"),
        }
    }

    fn answers(&mut self, root: &Node, part: Part, sections: &[Section]) -> IndexMap<String, Answer> {
        let mut answers = IndexMap::new();
        let Some(node) = root.get(part.key()).filter(|node| node.kind != Kind::Null) else { return answers };
        let Some(entries) = node.map() else {
            self.defect(node.at, format!("`{}` must be a mapping", part.key()), "write `ID: answer` lines");
            return answers;
        };
        for (key, value) in entries {
            let id = key.name.as_str();
            self.places.insert(id.to_owned(), key.at);
            let row = sections
                .iter()
                .flat_map(|section| section.rows().map(move |row| (section.part, row)))
                .find(|(_, row)| row.id == id);
            match row {
                None if tables::is_known(id) => {
                    self.defect(
                        key.at,
                        format!("`{id}` does not belong to this side, edition and baseline"),
                        "remove it",
                    );
                }
                None => {
                    let help = nearest(id, tables::ids()).map_or_else(
                        || "`ocpp-attest pics template` prints all known ids".to_owned(),
                        |near| format!("did you mean `{near}`?"),
                    );
                    self.defect(key.at, format!("`{id}` is no known id"), help);
                }
                Some((its_part, _)) if its_part != part => {
                    self.defect(
                        key.at,
                        format!("`{id}` does not belong here"),
                        format!("put it under `{}:`", its_part.key()),
                    );
                }
                Some((_, row)) => match answer(value, row.kind) {
                    Some(answer) => {
                        answers.insert(id.to_owned(), answer);
                    }
                    None => self.defect(
                        value.at,
                        format!("`{id}` ({}) can't be {}", row.title, value.describe()),
                        format!("write {}", row.kind.describe()),
                    ),
                },
            }
        }
        answers
    }

    fn evses(&mut self, root: &Node) -> Vec<Evse> {
        let mut evses: Vec<Evse> = Vec::new();
        let Some(node) = root.get("evses") else { return evses };
        for item in node.list().unwrap_or_default() {
            self.known_keys(item, &["id", "current", "phases", "connectors"]);
            let id = self.id(item, "EVSE");
            let current = text(item, "current").unwrap_or_default();
            if !["AC", "DC"].contains(&current.as_str()) {
                self.defect(item.at, format!("EVSE {id}: `current` can't be \"{current}\""), "write AC or DC");
            }
            if evses.iter().any(|evse| evse.id == id) {
                self.defect(item.at, format!("EVSE {id} stands twice"), "number EVSEs 1, 2, 3 …");
            }
            let mut connectors = Vec::new();
            for connector in item.get("connectors").and_then(Node::list).unwrap_or_default() {
                self.known_keys(connector, &["id", "type", "cable"]);
                let cable = text(connector, "cable").unwrap_or_default();
                if !["fixed", "detachable"].contains(&cable.as_str()) {
                    self.defect(connector.at, format!("`cable` can't be \"{cable}\""), "write fixed or detachable");
                }
                connectors.push(Connector {
                    id: self.id(connector, "connector"),
                    kind: text(connector, "type").unwrap_or_default(),
                    cable,
                });
            }
            if connectors.is_empty() {
                self.defect(item.at, format!("EVSE {id} has no connectors"), "add `connectors: [{ id: 1, … }]`");
            }
            evses.push(Evse { id, current, phases: text(item, "phases").unwrap_or_default(), connectors });
        }
        evses
    }

    fn id(&mut self, node: &Node, what: &str) -> u32 {
        match node.get("id").map(|node| (&node.kind, node.at)) {
            Some((Kind::Integer(id), _)) if *id > 0 && *id < 1000 => u32::try_from(*id).unwrap_or(1),
            other => {
                let at = other.map_or(node.at, |(_, at)| at);
                self.defect(at, format!("a {what} needs an `id` from 1 upwards"), "add `id: 1`");
                0
            }
        }
    }

    fn vendor_settings(&mut self, root: &Node) -> Vec<VendorSetting> {
        let items = root.get("vendor-settings").and_then(Node::list).unwrap_or_default();
        let mut settings = Vec::new();
        for item in items {
            self.known_keys(item, &["name", "value", "description"]);
            settings.push(VendorSetting {
                name: text(item, "name").unwrap_or_default(),
                value: text(item, "value").unwrap_or_default(),
                description: text(item, "description").unwrap_or_default(),
            });
        }
        settings
    }

    fn performance(&mut self, root: &Node, sut: SutKind) -> Performance {
        let mut performance = Performance::default();
        let Some(node) = root.get("performance") else { return performance };
        self.known_keys(node, &["communication", "maximum"]);
        performance.communication = text(node, "communication");
        if let Some(maximum) = node.get("maximum") {
            self.known_keys(maximum, kpi_keys(sut));
            for (key, value) in maximum.map().unwrap_or_default() {
                let seconds = match value.kind {
                    #[allow(clippy::cast_precision_loss)] // seconds, small
                    Kind::Integer(seconds) => seconds as f64,
                    Kind::Float(seconds) => seconds,
                    _ => f64::NAN,
                };
                if seconds > 0.0 && seconds.is_finite() {
                    performance.maximum.insert(key.name.clone(), seconds);
                } else {
                    self.defect(
                        value.at,
                        format!("`{}` can't be {}", key.name, value.describe()),
                        "write seconds, above 0",
                    );
                }
            }
        }
        performance
    }

    fn approver(&mut self, node: &Node) -> Approver {
        self.known_keys(node, &["name", "date", "reviewer", "company", "department", "position", "location"]);
        Approver {
            name: text(node, "name"),
            date: text(node, "date"),
            reviewer: text(node, "reviewer"),
            company: text(node, "company"),
            department: text(node, "department"),
            position: text(node, "position"),
            location: text(node, "location"),
        }
    }

    /// Ids that must be answered and are not.
    fn missing(&mut self, root: &Node, pics: &Pics, sections: &[Section]) {
        for section in sections.iter().filter(|section| tables::printed(section, pics)) {
            if section.part == Part::Settings {
                continue;
            }
            let at = root.get(section.part.key()).map_or(root.at, |node| node.at);
            for row in section.rows() {
                let needed = matches!(row.kind, AnswerKind::YesNo) || row.id == "HFS-8" || row.id == "C-41";
                if needed && !row.optional && !self.places.contains_key(&row.id) {
                    self.defect(
                        at,
                        format!("`{}` is not answered ({})", row.id, row.title),
                        format!("add `{}: …` under `{}:` ({})", row.id, section.part.key(), row.kind.describe()),
                    );
                }
            }
        }
    }

    fn place(&self, root: &Node, id: &str) -> Position {
        self.places.get(id).copied().unwrap_or(root.at)
    }

    /// Answers that can't be true together.
    fn contradictions(&mut self, root: &Node, pics: &Pics) {
        let mut complain = |id: &str, message: String, help: &str| {
            let at = self.place(root, id);
            self.defects.push(Defect::new(at, message, help));
        };
        let needs_one: &[(&str, &[&str])] = match pics.sut {
            SutKind::ChargingStation => &[
                ("C-06", &["C-06.1", "C-06.2"]),
                ("C-09", &["C-09.1", "C-09.2", "C-09.3", "C-09.4", "C-09.5", "C-09.6"]),
                ("C-10", &["C-10.1", "C-10.2", "C-10.3", "C-10.4", "C-10.5"]),
                ("C-12", &["C-12.1", "C-12.2"]),
                ("C-48", &["C-48.1", "C-48.2"]),
                ("HFS-1 or HFS-2", &["HFS-1", "HFS-2"]),
                ("HFS-3 or HFS-4", &["HFS-3", "HFS-4"]),
            ],
            SutKind::Csms => &[],
        };
        for (group, options) in needs_one {
            let answered = options.iter().any(|id| pics.answer(id).is_some());
            if answered && !options.iter().any(|id| pics.is_yes(id)) {
                complain(
                    options[0],
                    format!("at least one of {group} must be Yes"),
                    "answer one of its options with yes",
                );
            }
        }
        if pics.sut == SutKind::ChargingStation && pics.is_yes("C-01") {
            let offline = ["C-02", "C-49", "C-35", "LA-0", "LA-1"].iter().any(|id| pics.is_yes(id))
                || pics.has_profile(Profile::LocalAuthorizationList)
                || pics.has_profile(Profile::Iso15118);
            if !offline {
                complain(
                    "C-01",
                    "C-01 is Yes, but nothing that offline authorization could rest on is (C-02, C-49, a local list)"
                        .into(),
                    "answer one of C-02, C-49, LA-1 with yes, or C-01 with no",
                );
            }
        }
        for (child, parent) in [
            ("C-53", "C-49"),
            ("C-54", "C-49"),
            ("C-59", "C-49"),
            ("R-1", "R-0"),
            ("R-2", "R-0"),
            ("R-3", "R-0"),
            ("DM-3", "DM-0"),
            ("LA-1", "LA-0"),
            ("LA-2", "LA-0"),
            ("LA-3", "LA-0"),
            ("UI-1.1", "UI-0"),
            ("UI-1.2", "UI-0"),
            ("UI-1.3", "UI-0"),
            ("UI-2.1", "UI-0"),
            ("UI-2.2", "UI-0"),
            ("UI-2.3", "UI-0"),
            ("UI-2.4", "UI-0"),
        ] {
            let parent_says_no = matches!(pics.answer(parent), Some(Answer::Bool(false)));
            if pics.is_yes(child) && parent_says_no {
                complain(child, format!("{child} is Yes, but {parent} is No"), "a sub-option needs its parent");
            }
        }
        if pics.sut == SutKind::ChargingStation {
            self.hardware(root, pics);
        }
        if pics.has_profile(Profile::Iso15118) && !pics.has_profile(Profile::AdvancedSecurity) {
            let at = root.get("profiles").map_or(root.at, |node| node.at);
            self.defect(at, "iso-15118 needs advanced-security", "add advanced-security to the profiles");
        }
    }

    fn hardware(&mut self, root: &Node, pics: &Pics) {
        let table = root.get("evses").map_or(root.at, |node| node.at);
        if pics.evses.is_empty() {
            self.defect(table, "the EVSE table is missing", "add `evses: [{ id: 1, … }]`");
            return;
        }
        let count = i64::try_from(pics.evses.len()).unwrap_or(i64::MAX);
        if pics.number("HFS-8").is_some_and(|number| number != count) {
            let message = format!("HFS-8 says {} EVSEs, the EVSE table has {count}", pics.number("HFS-8").unwrap_or(0));
            self.defect(self.place(root, "HFS-8"), message, "make the two agree");
        }
        let connectors = || pics.evses.iter().flat_map(|evse| &evse.connectors);
        for (id, present, what) in [
            ("HFS-1", connectors().any(|connector| connector.cable == "detachable"), "a detachable cable"),
            ("HFS-2", connectors().any(|connector| connector.cable == "fixed"), "a fixed cable"),
            ("HFS-3", pics.evses.iter().any(|evse| evse.current == "AC"), "AC"),
            ("HFS-4", pics.evses.iter().any(|evse| evse.current == "DC"), "DC"),
        ] {
            if pics.answer(id).is_some() && pics.is_yes(id) != present {
                let (says, has) = if present { ("No", "has one with") } else { ("Yes", "has none with") };
                self.defect(
                    self.place(root, id),
                    format!("{id} says {says}, the EVSE table {has} {what}"),
                    "make the two agree",
                );
            }
        }
    }
}

fn text(node: &Node, key: &str) -> Option<String> {
    node.get(key).and_then(Node::scalar)
}

/// An answer of the kind wanted, if the node is one.
fn answer(node: &Node, kind: AnswerKind) -> Option<Answer> {
    let words = |node: &Node| node.list()?.iter().map(Node::scalar).collect::<Option<Vec<_>>>();
    match kind {
        AnswerKind::YesNo | AnswerKind::Heading => yes_no(node).map(Answer::Bool),
        AnswerKind::Number => match node.kind {
            Kind::Integer(number) => Some(Answer::Number(number)),
            _ => None,
        },
        AnswerKind::Text => node.scalar().map(Answer::Text),
        AnswerKind::List => words(node).map(Answer::List),
        AnswerKind::ListOrNo => words(node).map(Answer::List).or_else(|| yes_no(node).map(Answer::Bool)),
        AnswerKind::Measurands => {
            let entries = node.map()?;
            if entries.iter().any(|(key, _)| key.name != "tested" && key.name != "supported") {
                return None;
            }
            Some(Answer::Measurands { tested: words(node.get("tested")?)?, supported: words(node.get("supported")?)? })
        }
    }
}

fn yes_no(node: &Node) -> Option<bool> {
    match &node.kind {
        Kind::Bool(value) => Some(*value),
        Kind::Text(text) => match text.to_lowercase().as_str() {
            "yes" | "true" => Some(true),
            "no" | "false" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests;
