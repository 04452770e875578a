//! The catalogue: every certification test case with its conditions, whether it has steps or not.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use include_dir::{Dir, include_dir};

use super::{
    condition::Condition,
    dialect::{Dialect, Language},
    language::{BODY, TEST_CASE},
};
use crate::{
    pics::{Baseline, Profile, SutKind},
    protocol::{Protocol, Version},
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Id, `TC_B_02_CS`.
    pub id: String,
    /// Title.
    pub title: String,
    /// The side under test.
    pub sut: SutKind,
    /// The functional block, `B`.
    pub block: String,
    /// The versions of OCPP that it is for.
    pub protocols: Vec<Version>,
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
    /// What differs in the version that is read from the versions before it.
    pub differences: Option<String>,
    /// Of the version that is read: per baseline (each holding until the next one named), profile → demand.
    pub certification: Vec<(Baseline, Vec<(Profile, Demand)>)>,
    /// Why it must run alone and after all others, where it must.
    pub exclusive: Option<String>,
    /// Has steps, and they hold for the version that is read.
    pub implemented: bool,
}

impl Header {
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

/// Where the files of a catalogue come from, which decides how much of them has to be checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Compiled in. `check` has found them sound, so that a run reads no more of them than it needs.
    Embedded,
    /// A folder, in which there may be any mistake.
    Folder,
    /// A run folder has kept them. What was run is judged again as it was, whatever is refused today.
    Recorded,
}

/// All test cases and states of a version of OCPP, as sources and headers.
#[derive(Debug, Clone)]
pub struct Catalogue {
    /// How its files are read.
    pub dialect: Dialect,
    /// Where they come from.
    pub origin: Origin,
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
    /// What is compiled in for a version of OCPP.
    pub fn embedded(version: Version) -> Result<Self, Vec<Defects>> {
        let mut sources = Vec::new();
        collect(&EMBEDDED, &mut sources);
        Self::from_sources(sources, Dialect::today(version), Origin::Embedded)
    }

    /// What a folder laid out like `testcases/` has for a version of OCPP.
    pub fn from_folder(folder: &Path, version: Version) -> Result<Self, Vec<Defects>> {
        Self::from_sources(sources_in(folder)?, Dialect::today(version), Origin::Folder)
    }

    /// What a run folder has kept, in the form of the language that its files were written in.
    pub fn recorded(folder: &Path, version: Version) -> Result<Self, Vec<Defects>> {
        let sources = sources_in(folder)?;
        let language = Language::of(&sources);
        Self::from_sources(sources, Dialect { language, ..Dialect::today(version) }, Origin::Recorded)
    }

    fn from_sources(sources: Vec<Source>, dialect: Dialect, origin: Origin) -> Result<Self, Vec<Defects>> {
        let version = dialect.protocol.version;
        let mut catalogue = Self { dialect, origin, cases: BTreeMap::new(), states: BTreeMap::new() };
        let mut bad = Vec::new();
        for source in sources.into_iter().filter(|source| dialect.may_be_for(source)) {
            let path = Path::new(&*source.name);
            if path.parent().is_some_and(|parent| parent.ends_with("states")) {
                let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default().to_owned();
                let side = path.ancestors().nth(2).and_then(Path::file_name).and_then(|side| side.to_str());
                let sut = side.and_then(SutKind::named).unwrap_or(SutKind::ChargingStation);
                catalogue.states.insert((sut, stem), source);
                continue;
            }
            match entry(&source, dialect, origin) {
                Ok(entry) if !entry.header.protocols.contains(&version) => {}
                Ok(entry) => {
                    let (id, file) = (entry.header.id.clone(), entry.source.name.clone());
                    if let Some(other) = catalogue.cases.insert(id, entry) {
                        let message = format!("{} is the same test case for OCPP {version}", other.source.name);
                        let help = "let one of the two files leave out this version in `protocols`";
                        let defects = vec![Defect::new(Position::default(), message, help)];
                        bad.push(Source::new(file.to_string(), "").defects(defects));
                    }
                }
                Err(defects) => bad.push(defects),
            }
        }
        if bad.is_empty() { Ok(catalogue) } else { Err(bad) }
    }
}

/// The YAML files of a folder and of all below it.
fn sources_in(folder: &Path) -> Result<Vec<Source>, Vec<Defects>> {
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
    Ok(sources)
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

/// The text of each test case and state of a side that is compiled in for a version of OCPP, by its path as a run folder keeps it:
/// `charging-station/B/TC_B_01_CS.yaml`.
pub fn embedded_texts(version: Version, sut: SutKind) -> BTreeMap<PathBuf, &'static str> {
    fn walk(folder: &'static Dir<'static>, found: &mut Vec<(&'static Path, &'static str)>) {
        found.extend(folder.files().filter_map(|file| Some((file.path(), file.contents_utf8()?))));
        folder.dirs().for_each(|folder| walk(folder, found));
    }
    let dialect = Dialect::today(version);
    let mut found = Vec::new();
    walk(&EMBEDDED, &mut found);
    let kept = found.into_iter().filter_map(|(path, text)| {
        // The first folder names the family of versions.
        let path: PathBuf = path.components().skip(1).collect();
        let side = path.iter().next()?.to_str().and_then(SutKind::named);
        let is_ours = side == Some(sut) && dialect.may_be_for(&Source::new(String::new(), text));
        is_ours.then_some((path, text))
    });
    kept.collect()
}

/// Reads what the catalogue knows of a test case; its id is the name of its file.
pub fn entry(source: &Source, dialect: Dialect, origin: Origin) -> Result<Entry, Defects> {
    let root = match origin {
        Origin::Embedded => dialect.parse(&Source::new(source.name.to_string(), without_body(&source.text)))?,
        Origin::Folder | Origin::Recorded => dialect.parse(source)?,
    };
    let mut defects = Vec::new();
    let header = header(&root, dialect.protocol, &mut defects);
    let stem = Path::new(&*source.name).file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    if let Some(header) = header.as_ref().filter(|header| defects.is_empty() && header.id != stem) {
        let at = root.get("id").map_or(root.at, |node| node.at);
        let message = format!("`id` is {}, the file's name says {stem}", header.id);
        defects.push(Defect::new(at, message, "make the two agree"));
    }
    match header {
        Some(header) if defects.is_empty() => Ok(Entry { header, source: source.clone() }),
        _ => Err(source.defects(defects)),
    }
}

/// A test case with nothing under the keys of its body. Everything below a key of the file is indented, so that a line which
/// begins with a letter begins the next key.
fn without_body(text: &str) -> String {
    let mut in_body = false;
    let mut head = String::new();
    for line in text.lines() {
        if line.starts_with(|first: char| first.is_ascii_alphabetic()) {
            let body = BODY.into_iter().find(|key| line.strip_prefix(key).is_some_and(|rest| rest.starts_with(':')));
            in_body = body.is_some();
            if let Some(key) = body {
                head.push_str(key);
                head.push_str(":\n");
            }
        }
        if !in_body {
            head.push_str(line);
            head.push('\n');
        }
    }
    head
}

/// Reads the header of a test case for a version of OCPP; defects are added to the list.
pub fn header(root: &Node, protocol: &'static Protocol, defects: &mut Vec<Defect>) -> Option<Header> {
    if root.map().is_none() {
        defects.push(Defect::new(root.at, "a test case is a mapping", "begin with `id: TC_…`"));
        return None;
    }
    let known = TEST_CASE.map(|property| {
        let takes = if BODY.contains(&property.name) { Takes::Anything } else { property.takes };
        Property { takes, ..property }
    });
    let owner = Owner::of_keys("a test case", Some(protocol));
    defects.extend(vocabulary::check(owner, &known, Some(root), root));
    let text = |key: &str| root.get(key).and_then(Node::scalar).unwrap_or_default();
    let protocols = protocols(root);
    let blocks = || protocols.iter().flat_map(|version| version.protocol().blocks).map(|(block, _)| *block);
    if let Some(node) =
        root.get("block").filter(|_| !protocols.is_empty() && !blocks().any(|known| known == text("block")))
    {
        let help = vocabulary::help(&text("block"), blocks(), "known");
        defects.push(Defect::new(node.at, format!("`block` can't be {}", node.describe()), help));
    }
    // What another version has of its own is read where that version is.
    let is_for_it = protocols.contains(&protocol.version);
    let words = |key: &str| -> Vec<String> {
        root.get(key).and_then(Node::list).unwrap_or_default().iter().filter_map(Node::scalar).collect()
    };
    Some(Header {
        id: text("id"),
        title: text("title"),
        sut: SutKind::named(&text("sut")).unwrap_or(SutKind::ChargingStation),
        block: text("block"),
        use_cases: if is_for_it { use_cases(root, protocol, defects) } else { Vec::new() },
        requirements: words("requirements"),
        further_requirements: further_requirements(root),
        purpose: root.get("purpose").and_then(Node::scalar).unwrap_or_default(),
        note: root.get("note").and_then(Node::scalar),
        differences: differences(root, protocol.version),
        certification: certification(root, &protocols, protocol, defects),
        exclusive: root.get("exclusive").and_then(Node::text).map(str::to_owned),
        implemented: implemented(root, &protocols, protocol.version, defects),
        protocols,
    })
}

/// True where the test case has steps that hold for a version: for all of its `protocols`, or for those of `steps-for`.
fn implemented(root: &Node, protocols: &[Version], version: Version, defects: &mut Vec<Defect>) -> bool {
    let Some(node) = root.get("steps-for") else { return root.get("steps").is_some() };
    if root.get("steps").is_none() {
        defects.push(Defect::new(node.at, "`steps-for` without `steps`", "leave it out until there are steps"));
    }
    let versions = versions(node);
    if let Some(other) = versions.iter().find(|version| !protocols.contains(version)) {
        let message = format!("OCPP {other} is not among the `protocols` of this test case");
        defects.push(Defect::new(node.at, message, "add it there, or leave it out here"));
    } else if versions.is_empty() || protocols.iter().all(|version| versions.contains(version)) {
        let message = "`steps-for` names some of the `protocols`, neither none nor all";
        defects.push(Defect::new(node.at, message, "leave it out where the steps hold for all of them"));
    }
    versions.contains(&version)
}

/// The use cases that it is about; each is one of the specification.
fn use_cases(root: &Node, protocol: &'static Protocol, defects: &mut Vec<Defect>) -> Vec<String> {
    let Some(node) = root.get("use-cases") else { return Vec::new() };
    let Some(items) = node.list() else {
        let message = format!("`use-cases` must be a list, found {}", node.describe());
        defects.push(Defect::new(node.at, message, "write `[C01]`"));
        return Vec::new();
    };
    for item in items {
        let word = item.scalar().unwrap_or_default();
        if !protocol.requirements().has_use_case(&word) {
            let help = vocabulary::help(&word, ["write one such as C01"].into_iter(), "known");
            defects.push(Defect::new(item.at, format!("`{word}` is no use case of {}", protocol.name), help));
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

/// Requirement ids, one or a list, must be ids of the version.
pub(super) fn check_requirements(node: &Node, protocol: &'static Protocol, defects: &mut Vec<Defect>) {
    let known = protocol.requirements();
    for item in node.list().unwrap_or(std::slice::from_ref(node)) {
        let id = item.scalar().unwrap_or_default();
        if known.text(&id).is_none() {
            let help = crate::yaml::nearest(&id, known.ids())
                .map_or_else(|| "write an id such as B01.FR.01".to_owned(), |near| format!("did you mean {near}?"));
            defects.push(Defect::new(item.at, format!("unknown {} requirement `{id}`", protocol.name), help));
        }
    }
}

/// What a test case or state says of how a version differs from those before it.
pub(super) fn differences(root: &Node, version: Version) -> Option<String> {
    root.get("differences")?.get(&version.to_string())?.scalar().map(|text| text.trim().to_owned())
}

/// The versions that a test case or state is for.
pub(super) fn protocols(root: &Node) -> Vec<Version> {
    root.get("protocols").map(versions).unwrap_or_default()
}

fn versions(node: &Node) -> Vec<Version> {
    let words = node.list().unwrap_or_default();
    words.iter().filter_map(|word| Version::named(&word.scalar()?)).collect()
}

/// `certification:` per version, baseline and profile. Those of all versions must be sound; kept are those of one.
fn certification(
    root: &Node,
    protocols: &[Version],
    wanted: &'static Protocol,
    defects: &mut Vec<Defect>,
) -> Vec<(Baseline, Vec<(Profile, Demand)>)> {
    let Some(node) = root.get("certification") else {
        let help = "add `certification: { 2.0.1: { 2024-06: { core: mandatory } } }`";
        defects.push(Defect::new(root.at, "`certification` is missing", help));
        return Vec::new();
    };
    let mut all = Vec::new();
    for (key, value) in node.map().unwrap_or_default() {
        let Some(version) = Version::named(&key.name) else {
            let known = Version::WORDS.iter().map(|(word, _)| *word);
            let help = vocabulary::help(&key.name, known, "known");
            defects.push(Defect::new(key.at, format!("unknown version of OCPP `{}`", key.name), help));
            continue;
        };
        if !protocols.contains(&version) {
            let message = format!("OCPP {version} is not among the `protocols` of this test case");
            defects.push(Defect::new(key.at, message, "add it there, or leave it out here"));
        }
        let baselines = baselines(value, version.protocol(), defects);
        if version == wanted.version {
            all = baselines;
        }
    }
    for version in protocols.iter().filter(|version| node.get(&version.to_string()).is_none()) {
        let message = format!("`certification` says nothing of OCPP {version}, which is among the `protocols`");
        defects.push(Defect::new(node.at, message, format!("add `{version}: {{ … }}`")));
    }
    all.sort_by_key(|(baseline, _)| *baseline);
    all
}

fn baselines(
    node: &Node,
    protocol: &'static Protocol,
    defects: &mut Vec<Defect>,
) -> Vec<(Baseline, Vec<(Profile, Demand)>)> {
    let mut all = Vec::new();
    for (key, value) in node.map().unwrap_or_default() {
        let Some(baseline) = protocol.baseline(&key.name) else {
            let message = format!("unknown {} baseline `{}`", protocol.name, key.name);
            let known: Vec<&str> = protocol.baselines.iter().map(|baseline| baseline.id()).collect();
            defects.push(Defect::new(key.at, message, format!("known: {}", known.join(", "))));
            continue;
        };
        let mut demands = Vec::new();
        for (key, value) in value.map().unwrap_or_default() {
            let Some(profile) = protocol.profile(&key.name) else {
                let known: Vec<_> = protocol.profiles.iter().map(|profile| profile.id()).collect();
                let message = format!("unknown certification profile `{}`", key.name);
                defects.push(Defect::new(key.at, message, format!("known: {}", known.join(", "))));
                continue;
            };
            let text = value.scalar().unwrap_or_default();
            let demand = if text == "mandatory" {
                Demand::Mandatory
            } else {
                match Condition::parse(&text, protocol) {
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
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testcase::reader;

    const HEAD: &str = "id: TC_B_01_CS\ntitle: x\nsut: charging-station\nblock: B\nprotocols: [2.0.1, 2.1]\n\
                        certification: { 2.0.1: {}, 2.1: {} }\n";

    fn read(further: &str, version: Version) -> Result<Entry, Defects> {
        entry(&Source::new("B/TC_B_01_CS.yaml", format!("{HEAD}{further}")), Dialect::today(version), Origin::Folder)
    }

    /// A run reads no more than the heads of what is compiled in, and must learn from them what the whole files say.
    #[test]
    fn the_head_of_an_embedded_test_case_says_what_the_file_says() {
        let mut sources = Vec::new();
        collect(&EMBEDDED, &mut sources);
        for version in [Version::V1_6, Version::V2_0_1, Version::V2_1] {
            let of = |origin| Catalogue::from_sources(sources.clone(), Dialect::today(version), origin).unwrap();
            let (embedded, whole) = (of(Origin::Embedded), of(Origin::Folder));
            assert!(embedded.cases.values().any(|entry| entry.header.implemented));
            for (id, entry) in &whole.cases {
                assert_eq!((&embedded.cases[id].header, &embedded.cases[id].source), (&entry.header, &entry.source));
            }
        }
        assert_eq!(
            without_body("a: 1\nsteps:\n  - x: |\n      y\n\n# z\nnote: b\n  c\n"),
            "a: 1\nsteps:\nnote: b\n  c\n"
        );
    }

    #[test]
    fn steps_hold_for_the_versions_that_are_named() {
        let implemented = |further: &str| {
            [Version::V2_0_1, Version::V2_1].map(|version| read(further, version).unwrap().header.implemented)
        };
        assert_eq!(implemented(""), [false, false]);
        assert_eq!(implemented("steps: []\n"), [true, true]);
        assert_eq!(implemented("steps-for: [2.0.1]\nsteps: []\n"), [true, false]);
        assert_eq!(implemented("steps-for: [2.1]\nsteps: []\n"), [false, true]);
    }

    #[test]
    fn steps_for_says_what_protocols_do_not() {
        for further in [
            "steps-for: [2.0.1]\n",
            "steps-for: []\nsteps: []\n",
            "steps-for: [2.0.1, 2.1]\nsteps: []\n",
            "steps-for: [2.0]\nsteps: []\n",
        ] {
            assert!(read(further, Version::V2_0_1).is_err(), "{further}");
        }
    }

    /// Steps for other versions may name what this version does not have.
    #[test]
    fn steps_for_other_versions_are_not_read() {
        let source = |line: &str| {
            let steps = "steps: [{ run: Nothing, requirement: Z99.FR.99 }]\n";
            Source::new("B/TC_B_01_CS.yaml", format!("{HEAD}{line}{steps}"))
        };
        let read = |line: &str| reader::test_case(&source(line), Dialect::today(Version::V2_1));
        assert!(read("steps-for: [2.0.1]\n").unwrap().steps.is_none());
        assert!(read("").is_err());
    }
}
