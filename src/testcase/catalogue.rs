//! The catalogue: every certification test case with its conditions, whether it has steps or not.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use include_dir::{Dir, include_dir};

use super::{
    condition::Condition,
    language::{BODY, TEST_CASE},
};
use crate::{
    pics::{Baseline, Profile, SutKind},
    protocol::{OCPP_2_0_1, requirements},
    vocabulary::{self, Owner, Property, Takes},
    yaml::{Defect, Defects, Node, Position, Source},
};

static EMBEDDED: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/testcases");

/// What a profile says of a test case under one baseline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Demand {
    /// Always part of the programme.
    Mandatory,
    /// Part of it when the condition holds.
    When(Condition),
}

/// A test case as the catalogue knows it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Header {
    /// Id, `TC_B_02_CS`.
    pub id: String,
    /// Title.
    pub title: String,
    /// Use cases.
    pub use_cases: Vec<String>,
    /// Requirements, as Part 6 lists them.
    pub requirements: Vec<String>,
    /// Requirements that it proves and Part 6 does not list, with the reason.
    pub further_requirements: Vec<(String, String)>,
    /// Purpose, in our words; empty while nobody has written it.
    pub purpose: String,
    /// Remarks on the reading of the specification.
    pub note: Option<String>,
    /// Per baseline (each holding until the next one named): profile → demand.
    pub certification: Vec<(Baseline, Vec<(Profile, Demand)>)>,
    /// Why it must run alone and after all others, where it must.
    pub exclusive: Option<String>,
    /// Has steps.
    pub implemented: bool,
}

impl Header {
    /// The side under test, from the id.
    pub fn sut(&self) -> SutKind {
        if self.id.ends_with("_CSMS") { SutKind::Csms } else { SutKind::ChargingStation }
    }

    /// The functional block, `B`.
    pub fn block(&self) -> char {
        self.id.chars().nth(3).unwrap_or('?')
    }

    /// Every requirement that it is about: those that Part 6 lists, and the others that it proves.
    pub fn proves(&self) -> Vec<String> {
        let further = self.further_requirements.iter().map(|(id, _)| id);
        self.requirements.iter().chain(further).cloned().collect()
    }

    /// What holds under a baseline.
    pub fn demands(&self, baseline: Baseline) -> &[(Profile, Demand)] {
        self.certification
            .iter()
            .rev()
            .find(|(since, _)| *since <= baseline)
            .map_or(&[], |(_, demands)| demands.as_slice())
    }
}

/// All test cases and states of OCPP 2.0.1, as sources and headers.
#[derive(Debug, Clone)]
pub struct Catalogue {
    /// Test cases by id.
    pub cases: BTreeMap<String, Entry>,
    /// States by side and name.
    pub states: BTreeMap<(SutKind, String), Source>,
}

/// A test case in the catalogue.
#[derive(Debug, Clone)]
pub struct Entry {
    /// What it says of itself.
    pub header: Header,
    /// The file.
    pub source: Source,
}

impl Catalogue {
    /// The catalogue that is compiled in.
    pub fn embedded() -> Result<Self, Vec<Defects>> {
        let mut sources = Vec::new();
        collect(&EMBEDDED, &mut sources);
        Self::from_sources(sources)
    }

    /// A catalogue from a folder laid out like `testcases/`.
    pub fn from_folder(folder: &Path) -> Result<Self, Vec<Defects>> {
        let mut sources = Vec::new();
        let mut folders = vec![folder.to_path_buf()];
        while let Some(folder) = folders.pop() {
            let entries = std::fs::read_dir(&folder).map_err(|error| {
                let source = Source::new(folder.display().to_string(), "");
                let message = format!("can't read this folder: {error}");
                vec![source.defects(vec![Defect::new(Position::default(), message, "check the path")])]
            })?;
            for path in entries.flatten().map(|entry| entry.path()) {
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|extension| extension == "yaml") {
                    sources.push(Source::read(&path).map_err(|defects| vec![defects])?);
                }
            }
        }
        Self::from_sources(sources)
    }

    fn from_sources(sources: Vec<Source>) -> Result<Self, Vec<Defects>> {
        let mut catalogue = Self { cases: BTreeMap::new(), states: BTreeMap::new() };
        let mut bad = Vec::new();
        for source in sources {
            let name = source.name.to_string();
            let stem = Path::new(&name).file_stem().and_then(|stem| stem.to_str()).unwrap_or("").to_owned();
            if Path::new(&name).parent().is_some_and(|parent| parent.ends_with("states")) {
                let side = Path::new(&name).ancestors().nth(2).and_then(Path::file_name);
                let csms = side.is_some_and(|side| side == "csms");
                let sut = if csms { SutKind::Csms } else { SutKind::ChargingStation };
                catalogue.states.insert((sut, stem), source);
                continue;
            }
            match entry(&source) {
                Ok(entry) => {
                    catalogue.cases.insert(entry.header.id.clone(), entry);
                }
                Err(defects) => bad.push(defects),
            }
        }
        if bad.is_empty() { Ok(catalogue) } else { Err(bad) }
    }
}

fn collect(folder: &'static Dir<'static>, sources: &mut Vec<Source>) {
    for file in folder.files() {
        if let (Some(name), Some(text)) = (file.path().to_str(), file.contents_utf8()) {
            if file.path().extension().is_some_and(|extension| extension == "yaml") {
                sources.push(Source::new(format!("testcases/{name}"), text));
            }
        }
    }
    for folder in folder.dirs() {
        collect(folder, sources);
    }
}

/// Reads what the catalogue knows of a test case; its id is the name of its file.
pub fn entry(source: &Source) -> Result<Entry, Defects> {
    let root = source.parse()?;
    let mut defects = Vec::new();
    let header = header(&root, &mut defects).unwrap_or_default();
    let stem = Path::new(&*source.name).file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    if defects.is_empty() && header.id != stem {
        let at = root.get("id").map_or(root.at, |node| node.at);
        let message = format!("`id` is {}, the file's name says {stem}", header.id);
        defects.push(Defect::new(at, message, "make the two agree"));
    }
    if defects.is_empty() { Ok(Entry { header, source: source.clone() }) } else { Err(source.defects(defects)) }
}

/// Reads the header of a test case; defects are added to the list.
pub fn header(root: &Node, defects: &mut Vec<Defect>) -> Option<Header> {
    if root.map().is_none() {
        defects.push(Defect::new(root.at, "a test case is a mapping", "begin with `id: TC_…`"));
        return None;
    }
    let known = TEST_CASE.map(|property| {
        let takes = if BODY.contains(&property.name) { Takes::Anything } else { property.takes };
        Property { takes, ..property }
    });
    let owner = Owner { name: "a test case", noun: "key", place: "" };
    defects.extend(vocabulary::check(owner, &known, Some(root), root));
    let text = |key: &str| root.get(key).and_then(Node::scalar).unwrap_or_default();
    let (id, title) = (text("id"), text("title"));
    let words = |key: &str| -> Vec<String> {
        root.get(key).and_then(Node::list).unwrap_or_default().iter().filter_map(Node::scalar).collect()
    };
    Some(Header {
        id,
        title,
        use_cases: use_cases(root, defects),
        requirements: words("requirements"),
        further_requirements: further_requirements(root),
        purpose: root.get("purpose").and_then(Node::scalar).unwrap_or_default(),
        note: root.get("note").and_then(Node::scalar),
        certification: certification(root, defects),
        exclusive: root.get("exclusive").and_then(Node::text).map(str::to_owned),
        implemented: root.get("steps").is_some(),
    })
}

/// The use cases that it is about; each is one of the specification.
fn use_cases(root: &Node, defects: &mut Vec<Defect>) -> Vec<String> {
    let Some(node) = root.get("use-cases") else { return Vec::new() };
    let Some(items) = node.list() else {
        let message = format!("`use-cases` must be a list, found {}", node.describe());
        defects.push(Defect::new(node.at, message, "write `[C01]`"));
        return Vec::new();
    };
    let known: BTreeSet<&str> =
        requirements::ids().filter_map(|id| id.split_once(".FR.")).map(|(use_case, _)| use_case).collect();
    for item in items {
        let word = item.scalar().unwrap_or_default();
        if !known.contains(word.as_str()) {
            let help = vocabulary::help(&word, ["write one such as C01"].into_iter(), "known");
            defects.push(Defect::new(item.at, format!("`{word}` is no use case of {}", OCPP_2_0_1.name), help));
        }
    }
    items.iter().filter_map(Node::scalar).collect()
}

/// `further-requirements:` with the reasons; what is wrong with them is told where the whole test case is read.
fn further_requirements(root: &Node) -> Vec<(String, String)> {
    let entries = root.get("further-requirements").and_then(Node::map).unwrap_or_default();
    entries
        .iter()
        .map(|(key, value)| (key.name.clone(), value.scalar().unwrap_or_default().trim().to_owned()))
        .collect()
}

/// Requirement ids, one or a list, must be ids of OCPP 2.0.1.
pub(super) fn check_requirements(node: &Node, defects: &mut Vec<Defect>) {
    for item in node.list().unwrap_or(std::slice::from_ref(node)) {
        let id = item.scalar().unwrap_or_default();
        if requirements::text(&id).is_none() {
            let help = crate::yaml::nearest(&id, requirements::ids())
                .map_or_else(|| "write an id such as B01.FR.01".to_owned(), |near| format!("did you mean {near}?"));
            defects.push(Defect::new(item.at, format!("unknown OCPP 2.0.1 requirement `{id}`"), help));
        }
    }
}

fn certification(root: &Node, defects: &mut Vec<Defect>) -> Vec<(Baseline, Vec<(Profile, Demand)>)> {
    let Some(node) = root.get("certification") else {
        let help = "add `certification: { 2024-06: { core: mandatory } }`";
        defects.push(Defect::new(root.at, "`certification` is missing", help));
        return Vec::new();
    };
    let mut all = Vec::new();
    for (key, value) in node.map().unwrap_or_default() {
        let baseline = match key.name.as_str() {
            "2024-06" => Baseline::B2024_06,
            "2025-09" => Baseline::B2025_09,
            "2026-02" => Baseline::B2026_02,
            other => {
                let message = format!("unknown baseline `{other}`");
                defects.push(Defect::new(key.at, message, "known: 2024-06, 2025-09, 2026-02"));
                continue;
            }
        };
        let mut demands = Vec::new();
        for (key, value) in value.map().unwrap_or_default() {
            let Some(profile) = Profile::ALL.into_iter().find(|profile| profile.id() == key.name) else {
                let known: Vec<_> = Profile::ALL.iter().map(|profile| profile.id()).collect();
                let message = format!("unknown certification profile `{}`", key.name);
                defects.push(Defect::new(key.at, message, format!("known: {}", known.join(", "))));
                continue;
            };
            let text = value.scalar().unwrap_or_default();
            let demand = if text == "mandatory" {
                Demand::Mandatory
            } else {
                match Condition::parse(&text) {
                    Ok(condition) => Demand::When(condition),
                    Err(error) => {
                        let help = "combine known ids with and, or, not and parentheses";
                        defects.push(Defect::new(value.at, format!("condition `{text}`, {error}"), help));
                        continue;
                    }
                }
            };
            demands.push((profile, demand));
        }
        all.push((baseline, demands));
    }
    all.sort_by_key(|(baseline, _)| *baseline);
    all
}
