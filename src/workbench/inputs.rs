//! The files that may be chosen: PICS and benches in the folders that the command line names. A browser names a file by an id of
//! ours, never by its path, and an id that no file of those folders has leads nowhere.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::refused::Refused;
use crate::{
    bench::{self, Bench},
    pics::{Pics, SutKind, reader},
    text::visible_line,
    yaml::{Defects, Kind, Source, shorten},
};

/// Most files of one folder that are offered.
const MAX_FILES: usize = 300;
/// Longest text of a file that is shown, characters.
const MAX_TEXT: usize = 200;

/// The id of the bench that stands for the simulated product.
pub(super) const SIMULATED: &str = "simulated";
/// The id of the bench that has no file.
pub(super) const DEFAULTS: &str = "defaults";

/// An id for a path that tells nothing of it.
pub(super) fn id_of(path: &Path) -> String {
    let digest = Sha256::digest(path.as_os_str().as_encoded_bytes());
    digest.iter().take(10).map(|byte| format!("{byte:02x}")).collect()
}

/// A text of a file, as it can be shown.
fn shown(text: &str) -> String {
    shorten(&visible_line(text), MAX_TEXT)
}

/// A PICS that may be chosen.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct PicsFile {
    id: String,
    file: String,
    product: Option<String>,
    about: Option<String>,
    side: Option<&'static str>,
    problem: Option<String>,
}

/// A bench that may be chosen.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct BenchFile {
    id: String,
    file: String,
    about: String,
    problem: Option<String>,
}

/// All that may be chosen.
#[derive(Debug, Serialize)]
pub(super) struct Choices {
    pics: Vec<PicsFile>,
    benches: Vec<BenchFile>,
    folders: Vec<String>,
    /// What goes wrong with the simulated product.
    faults: Vec<String>,
}

/// A file of one of the folders.
struct Found {
    path: PathBuf,
    source: Source,
    is_bench: bool,
    problem: Option<String>,
}

/// The chosen bench.
pub(super) enum ChosenBench {
    Simulated,
    Defaults,
    File(PathBuf, Box<Bench>),
}

/// The folders that the command line names.
#[derive(Debug)]
pub(super) struct Inputs {
    folders: Vec<PathBuf>,
    /// What goes wrong with the simulated product.
    pub(super) faults: Vec<String>,
}

impl Inputs {
    pub(super) fn new(folders: Vec<PathBuf>, faults: Vec<String>) -> Self {
        Self { folders, faults }
    }

    /// The YAML files of the folders, without what leads out of them.
    fn paths(&self) -> Vec<PathBuf> {
        let mut paths = Vec::new();
        for folder in &self.folders {
            let Ok(root) = folder.canonicalize() else { continue };
            let Ok(entries) = fs::read_dir(folder) else { continue };
            let yaml = |path: &PathBuf| path.extension().is_some_and(|kind| kind == "yaml" || kind == "yml");
            let inside = |path: &PathBuf| {
                path.canonicalize().is_ok_and(|real| real.parent() == Some(root.as_path()) && real.is_file())
            };
            let mut found: Vec<PathBuf> = entries
                .flatten()
                .map(|entry| if folder == Path::new(".") { plain(&entry.file_name()) } else { entry.path() })
                .filter(|path| yaml(path) && inside(path))
                .take(MAX_FILES)
                .collect();
            found.sort();
            paths.append(&mut found);
        }
        paths.dedup();
        paths
    }

    fn found(&self) -> Vec<Found> {
        let bench_keys = bench::keys();
        let read = |path: PathBuf| {
            let source = match Source::read(&path) {
                Ok(source) => source,
                Err(defects) => return Some(broken(path, &defects)),
            };
            let root = match source.parse() {
                Ok(root) => root,
                Err(defects) => return Some(broken(path, &defects)),
            };
            let Kind::Map(members) = &root.kind else { return None };
            let has = |name: &str| members.iter().any(|(key, _)| key.name == name);
            let is_pics = has("sut") || (has("product") && has("profiles"));
            let is_bench = !is_pics && members.iter().any(|(key, _)| bench_keys.contains(&key.name));
            (is_pics || is_bench).then_some(Found { path, source, is_bench, problem: None })
        };
        self.paths().into_iter().filter_map(read).collect()
    }

    /// What may be chosen.
    pub(super) fn choices(&self) -> Choices {
        let (mut pics, mut benches) = (Vec::new(), Vec::new());
        for Found { path, source, is_bench, problem } in self.found() {
            let (id, file) = (id_of(&path), shown(&path.display().to_string()));
            if is_bench {
                let (about, problem) = match Bench::read_source(&source) {
                    Ok(bench) => (about_bench(&bench, &source), None),
                    Err(defects) => (String::new(), Some(first(&defects))),
                };
                benches.push(BenchFile { id, file, about, problem });
                continue;
            }
            let read = if problem.is_some() { None } else { Some(reader::read_source(&source)) };
            pics.push(match read {
                Some(Ok(read)) => PicsFile {
                    id,
                    file,
                    product: Some(shown(&read.product.designation)),
                    about: Some(about_pics(&read)),
                    side: Some(side(read.sut)),
                    problem: None,
                },
                Some(Err(defects)) => {
                    PicsFile { id, file, product: None, about: None, side: None, problem: Some(first(&defects)) }
                }
                None => PicsFile { id, file, product: None, about: None, side: None, problem },
            });
        }
        let folders = self.folders.iter().map(|folder| shown(&folder.display().to_string())).collect();
        Choices { pics, benches, folders, faults: self.faults.iter().map(|fault| shown(fault)).collect() }
    }

    fn path(&self, id: &str) -> Result<PathBuf, Refused> {
        self.paths().into_iter().find(|path| id_of(path) == id).ok_or(Refused::NoSuchFile)
    }

    /// The PICS with this id.
    pub(super) fn pics(&self, id: &str) -> Result<(PathBuf, Pics), Refused> {
        let path = self.path(id)?;
        let pics = reader::read(&path)?;
        Ok((path, pics))
    }

    /// The bench with this id.
    pub(super) fn bench(&self, id: &str) -> Result<ChosenBench, Refused> {
        match id {
            SIMULATED => Ok(ChosenBench::Simulated),
            DEFAULTS => Ok(ChosenBench::Defaults),
            id => {
                let path = self.path(id)?;
                let bench = Box::new(Bench::read(&path)?);
                Ok(ChosenBench::File(path, bench))
            }
        }
    }
}

/// A name in the working directory that no command line takes for an option.
fn plain(name: &std::ffi::OsStr) -> PathBuf {
    if name.to_string_lossy().starts_with('-') { Path::new(".").join(name) } else { PathBuf::from(name) }
}

fn broken(path: PathBuf, defects: &Defects) -> Found {
    let problem = Some(first(defects));
    Found { path, source: defects.source_file.clone(), is_bench: false, problem }
}

/// The first defect, in a line.
fn first(defects: &Defects) -> String {
    defects.defects.first().map_or_else(String::new, |defect| match defect.at.line {
        0 => shown(&defect.message),
        line => shown(&format!("line {line}: {}", defect.message)),
    })
}

fn about_pics(pics: &Pics) -> String {
    format!("{}, OCPP {}, {}", side(pics.sut), pics.ocpp, pics.baseline.id())
}

/// The side under test, in words.
pub(super) fn side(sut: SutKind) -> &'static str {
    match sut {
        SutKind::ChargingStation => "charging station",
        SutKind::Csms => "CSMS",
    }
}

/// A bench for a CSMS says where that is; one for a station, where it finds us.
fn about_bench(bench: &Bench, source: &Source) -> String {
    let names_a_csms = source.parse().is_ok_and(|root| root.get("url").is_some());
    let place = if names_a_csms { &bench.url } else { &bench.listen };
    shown(&format!("{place}, security profile {}", bench.security_profile))
}
