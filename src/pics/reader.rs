//! Reads a PICS file, naming every defect at once with its place.

mod checks;
pub(crate) mod words;

use std::{
    collections::{BTreeSet, HashMap},
    path::Path,
};

use indexmap::IndexMap;

use super::{
    model::{
        Answer, Approval, Approver, Baseline, Connector, Evse, Laboratory, Performance, Pics, Product, Profile,
        References, SutKind, VendorSetting,
    },
    tables::{self, AnswerKind, Part, Section},
};
use crate::{
    protocol::{Protocol, Version},
    vocabulary::{self, Owner},
    yaml::{Defect, Defects, Kind, Node, Position, Source, nearest},
};

/// Reads and checks a PICS file.
pub fn read(path: &Path) -> Result<Pics, Defects> {
    read_source(&Source::read(path)?)
}

/// Reads and checks a PICS.
pub fn read_source(source: &Source) -> Result<Pics, Defects> {
    let root = source.parse()?;
    let protocol = Version::default().protocol();
    let mut reader = Reader { defects: Vec::new(), places: HashMap::new(), protocol };
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

/// The keys under `product:`.
pub(crate) const PRODUCT_KEYS: [&str; 8] = [
    "holder",
    "vendor",
    "designation",
    "firmware-version",
    "software-version",
    "config-id",
    "subtype",
    "firmware-hash",
];
/// The keys of one of the `vendor-settings:`.
pub(crate) const VENDOR_SETTING_KEYS: [&str; 3] = ["name", "value", "description"];
/// The keys under `laboratory:`.
pub(crate) const LABORATORY_KEYS: [&str; 4] = ["name", "location", "test-location", "report-reference"];
/// The keys of who approves, under `approval:`.
pub(crate) const APPROVER_KEYS: [&str; 7] =
    ["name", "date", "reviewer", "company", "department", "position", "location"];
/// The keys under `references:`.
pub(crate) const REFERENCE_KEYS: [&str; 7] =
    ["certificate", "certification-date", "specification", "tested", "evidence", "tool-version", "tool-instance"];

/// The keys under `performance: maximum:` for each side.
pub fn kpi_keys(protocol: &Protocol, sut: SutKind) -> Vec<&'static str> {
    protocol.semantics.kpis(sut == SutKind::ChargingStation).iter().map(|kpi| kpi.key).collect()
}

/// Which baselines an edition goes with, in words: `edition 3 goes with 2024-06 or 2025-09, edition 4 with 2026-02`.
pub fn editions_with_baselines(protocol: &Protocol) -> String {
    let mut editions: Vec<(u8, Vec<&str>)> = Vec::new();
    for baseline in protocol.baselines {
        match editions.last_mut().filter(|(edition, _)| *edition == baseline.edition()) {
            Some((_, ids)) => ids.push(baseline.id()),
            None => editions.push((baseline.edition(), vec![baseline.id()])),
        }
    }
    let goes = |at: usize| if at == 0 { " goes" } else { "" };
    let one = |(at, (edition, ids)): (usize, &(u8, Vec<&str>))| {
        format!("edition {edition}{} with {}", goes(at), ids.join(" or "))
    };
    editions.iter().enumerate().map(one).collect::<Vec<_>>().join(", ")
}

struct Reader {
    defects: Vec<Defect>,
    /// Where each answer stands.
    places: HashMap<String, Position>,
    /// The version that the PICS is for.
    protocol: &'static Protocol,
}

impl Reader {
    fn defect(&mut self, at: Position, message: impl Into<String>, help: impl Into<String>) {
        self.defects.push(Defect::new(at, message, help));
    }

    fn known_keys(&mut self, name: &str, node: &Node, known: &[&str]) {
        self.defects.extend(vocabulary::check_keys(Owner::of_keys(name, None), known, node));
    }

    /// Keys whose values are text, or nothing yet.
    fn texts(&mut self, node: &Node, keys: &[&str]) {
        for (key, value) in keys.iter().filter_map(|key| Some((key, node.get(key)?))) {
            if value.scalar().is_none() && value.kind != Kind::Null {
                self.defect(value.at, format!("`{key}` can't be {}", value.describe()), "write text (in quotes)");
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
        self.known_keys("a PICS", root, &KEYS);
        root.map()?;
        let sut = self.choice(root, "sut", &SutKind::WORDS);
        let ocpp = self.choice(root, "ocpp", &Version::WORDS)?;
        self.protocol = ocpp.protocol();
        let editions: BTreeSet<u8> = self.protocol.baselines.iter().map(|baseline| baseline.edition()).collect();
        let editions: Vec<(String, u8)> = editions.into_iter().map(|edition| (edition.to_string(), edition)).collect();
        let editions: Vec<(&str, u8)> = editions.iter().map(|(word, edition)| (word.as_str(), *edition)).collect();
        let edition = self.choice(root, "edition", &editions);
        let baselines: Vec<(&str, Baseline)> =
            self.protocol.baselines.iter().map(|baseline| (baseline.id(), *baseline)).collect();
        let baseline = self.choice(root, "baseline", &baselines);
        if let (Some(edition), Some(baseline)) = (edition, baseline) {
            if edition != baseline.edition() {
                let at = root.get("baseline").map_or(root.at, |node| node.at);
                self.defect(
                    at,
                    format!("edition {edition} has no such baseline"),
                    editions_with_baselines(self.protocol),
                );
            }
        }
        // Where the two disagree, the ids are held against the edition: one mistake, not twenty.
        let of_edition =
            || self.protocol.baselines.iter().copied().rev().find(|known| Some(known.edition()) == edition);
        let baseline = baseline.filter(|baseline| Some(baseline.edition()) == edition).or_else(of_edition).or(baseline);
        let profiles = self.profiles(root, baseline);
        let (sut, edition, baseline) = (sut?, edition?, baseline?);
        let sections = tables::sections(sut, baseline);
        let mut pics = Pics {
            sut,
            ocpp,
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
            self.known_keys("laboratory", node, &LABORATORY_KEYS);
            self.texts(node, &LABORATORY_KEYS);
            pics.laboratory = Laboratory {
                name: text(node, "name"),
                location: text(node, "location"),
                test_location: text(node, "test-location"),
                report_reference: text(node, "report-reference"),
            };
        }
        if let Some(node) = root.get("approval") {
            self.known_keys("approval", node, &["vendor", "laboratory"]);
            pics.approval.vendor = node.get("vendor").map(|node| self.approver(node)).unwrap_or_default();
            pics.approval.laboratory = node.get("laboratory").map(|node| self.approver(node)).unwrap_or_default();
        }
        if let Some(node) = root.get("references") {
            self.known_keys("references", node, &REFERENCE_KEYS);
            self.texts(node, &REFERENCE_KEYS);
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

    fn profiles(&mut self, root: &Node, baseline: Option<Baseline>) -> Vec<Profile> {
        let Some(node) = root.get("profiles") else {
            self.defect(root.at, "`profiles` is missing", "add `profiles: [core]`");
            return Vec::new();
        };
        let mut profiles = Vec::new();
        let ids: Vec<&str> = self.protocol.profiles.iter().map(|profile| profile.id()).collect();
        for item in node.list().unwrap_or_default() {
            let word = item.scalar().unwrap_or_default();
            let features = baseline.map(Baseline::core_features).unwrap_or_default();
            let feature = features.iter().find(|(known, _)| known.id() == word);
            match self.protocol.profile(&word) {
                None if feature.is_some() => {}
                None => {
                    let help = nearest(&word, ids.iter().copied())
                        .map_or_else(|| format!("known: {}", ids.join(", ")), |near| format!("did you mean `{near}`?"));
                    self.defect(item.at, format!("unknown certification profile `{word}`"), help);
                }
                Some(profile) if profiles.contains(&profile) => {
                    self.defect(item.at, format!("duplicate `{word}`"), "remove one of the two");
                }
                Some(profile) => {
                    profiles.push(profile);
                }
            }
            if let Some((_, feature)) = feature {
                let edition = baseline.map_or(0, Baseline::edition);
                let help = format!("in edition {edition} it is a feature of core: answer `{feature}: yes`");
                self.defect(item.at, format!("unknown edition {edition} profile `{word}`"), help);
            }
        }
        if !profiles.contains(&Profile::CORE) {
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
        self.known_keys("product", node, &PRODUCT_KEYS);
        self.texts(node, &PRODUCT_KEYS);
        let subtype = text(node, "subtype");
        if subtype.as_deref().is_some_and(|subtype| !["mode-1-2-only", "wireless"].contains(&subtype)) {
            let at = node.get("subtype").map_or(node.at, |node| node.at);
            self.defect(at, "unknown subtype", "write mode-1-2-only or wireless, or leave it out");
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
        let known = self.protocol.pics_tables();
        for (key, value) in entries {
            let id = key.name.as_str();
            self.places.insert(id.to_owned(), key.at);
            let row = sections
                .iter()
                .flat_map(|section| section.rows().map(move |row| (section.part, row)))
                .find(|(_, row)| row.id == id);
            match row {
                None if known.is_known(id) => {
                    self.defect(
                        key.at,
                        format!("`{id}` does not belong to this side, edition and baseline"),
                        "remove it",
                    );
                }
                None => {
                    let help = nearest(id, known.ids()).map_or_else(
                        || "`ocpp-attest pics template` prints all known ids".to_owned(),
                        |near| format!("did you mean `{near}`?"),
                    );
                    self.defect(key.at, format!("unknown id `{id}`"), help);
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
                        self.defects.extend(words::check(id, value, Some(self.protocol)));
                        answers.insert(id.to_owned(), answer);
                    }
                    None if row.kind == AnswerKind::Measurands && value.map().is_some() => {
                        self.defects.extend(words::check_measurands(id, value, Some(self.protocol)));
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
            self.known_keys("an EVSE", item, &["id", "current", "phases", "connectors"]);
            let id = self.id(item, "EVSE");
            let current = text(item, "current").unwrap_or_default();
            if !["AC", "DC"].contains(&current.as_str()) {
                let at = item.get("current").map_or(item.at, |node| node.at);
                self.defect(at, format!("EVSE {id}: `current` can't be \"{current}\""), "write AC or DC");
            }
            if evses.iter().any(|evse| evse.id == id) {
                self.defect(item.at, format!("duplicate EVSE {id}"), "number EVSEs 1, 2, 3 …");
            }
            let mut connectors = Vec::new();
            for connector in item.get("connectors").and_then(Node::list).unwrap_or_default() {
                self.known_keys("a connector", connector, &["id", "type", "cable"]);
                let cable = text(connector, "cable").unwrap_or_default();
                if !["fixed", "detachable"].contains(&cable.as_str()) {
                    let at = connector.get("cable").map_or(connector.at, |node| node.at);
                    self.defect(at, format!("`cable` can't be \"{cable}\""), "write fixed or detachable");
                }
                if let Some(kind) = connector.get("type").filter(|kind| !matches!(kind.kind, Kind::Text(_))) {
                    self.defect(kind.at, "`type` of a connector must be text", "write its type, such as cType2");
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
            self.known_keys("a vendor setting", item, &VENDOR_SETTING_KEYS);
            self.texts(item, &VENDOR_SETTING_KEYS);
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
        self.known_keys("performance", node, &["communication", "maximum"]);
        self.texts(node, &["communication"]);
        performance.communication = text(node, "communication");
        if let Some(maximum) = node.get("maximum") {
            self.known_keys("maximum", maximum, &kpi_keys(self.protocol, sut));
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
        self.known_keys("an approver", node, &APPROVER_KEYS);
        self.texts(node, &APPROVER_KEYS);
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
