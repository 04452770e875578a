//! The runs of a folder: which there are, what came of each, and how two differ. Any run folder is shown, whoever made it. A
//! browser names a run by an id of ours, and a report by one of a closed list of names.

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::SystemTime,
};

use serde::Serialize;
use serde_json::{Value, json};

use super::{inputs::id_of, live::CaseLine, refused::Refused};
use crate::{
    evidence::package,
    record::{Results, compare, manifest::Manifest, read, saved::Saved},
    text::visible_line,
    verdict::{TestCaseResult, Verdict},
    yaml::shorten,
};

/// Most folders that are looked at.
const MAX_FOLDERS: usize = 2000;
/// How many folders deep runs are looked for.
const MAX_DEPTH: usize = 3;
/// Most runs that are listed, the newest first.
const MAX_RUNS: usize = 100;
/// Longest `run.json` that is read, bytes.
const MAX_MANIFEST: u64 = 4 << 20;
/// Longest text that is shown, characters.
const MAX_TEXT: usize = 200;

/// A file of a run folder that may be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Report {
    /// Its name in the folder.
    pub(super) file: &'static str,
    pub(super) kind: &'static str,
    /// A page, which a browser shows.
    pub(super) page: bool,
    words: &'static str,
}

/// Every file that may be had.
pub(super) const REPORTS: [Report; 10] = [
    Report { file: "report.html", kind: "text/html; charset=utf-8", page: true, words: "Full report" },
    Report { file: "abstract.html", kind: "text/html; charset=utf-8", page: true, words: "Abstract" },
    Report { file: "abstract.pdf", kind: "application/pdf", page: false, words: "Abstract (PDF)" },
    Report { file: "abstract.md", kind: "text/markdown; charset=utf-8", page: false, words: "Abstract (Markdown)" },
    Report { file: "summary.md", kind: "text/markdown; charset=utf-8", page: false, words: "Summary (Markdown)" },
    Report { file: "junit.xml", kind: "application/xml", page: false, words: "JUnit" },
    Report { file: "results.json", kind: "application/json", page: false, words: "Results (JSON)" },
    Report { file: "trace.jsonl", kind: "application/jsonl", page: false, words: "Trace (JSON lines)" },
    Report { file: "pics.yaml", kind: "application/yaml", page: false, words: "PICS (YAML)" },
    // Its secrets were concealed when it was written.
    Report { file: "bench.yaml", kind: "application/yaml", page: false, words: "Bench (YAML)" },
];

/// Longest name of a run in the name of a file that is saved, characters.
const MAX_NAME: usize = 80;

/// The name under which a file of a run is saved, so that those of several runs lie side by side.
fn saved_as(folder: &Path, file: &str) -> String {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    let plain = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' };
    let name: String = name.chars().map(plain).take(MAX_NAME).collect();
    format!("{name}{file}")
}

/// A run in the list.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
struct RunLine {
    key: String,
    folder: String,
    product: String,
    sut: String,
    started: jiff::Timestamp,
    chosen: usize,
    counts: HashMap<&'static str, usize>,
    /// It wrote its reports.
    complete: bool,
}

/// What a run line was made of: of a folder that is as it was, it is not made again.
type Known = (Option<SystemTime>, Option<SystemTime>, RunLine);

/// The folder of the runs.
#[derive(Debug)]
pub(super) struct Runs {
    pub(super) folder: PathBuf,
    known: Mutex<HashMap<PathBuf, Known>>,
}

fn changed(path: &Path) -> Option<SystemTime> {
    fs::symlink_metadata(path).ok().filter(fs::Metadata::is_file)?.modified().ok()
}

fn shown(text: &str) -> String {
    shorten(&visible_line(text), MAX_TEXT)
}

fn manifest(folder: &Path) -> Option<Manifest> {
    let path = folder.join("run.json");
    let about = fs::symlink_metadata(&path).ok()?;
    if !about.is_file() || about.len() > MAX_MANIFEST {
        return None;
    }
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

/// The results of a run, whole or under way.
pub(super) fn cases(folder: &Path) -> Result<Vec<TestCaseResult>, Refused> {
    match read::results(folder) {
        Ok(results) => Ok(results.test_cases),
        Err(_) => Ok(Saved::read(folder)?.results),
    }
}

impl Runs {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder, known: Mutex::default() }
    }

    /// The run folders, in folders of folders, too; what is a link leads out of here, and is none.
    fn folders(&self) -> Vec<PathBuf> {
        let is_folder = |entry: &fs::DirEntry| entry.file_type().is_ok_and(|kind| kind.is_dir());
        let (mut runs, mut within, mut seen) = (Vec::new(), vec![self.folder.clone()], 0);
        for _ in 0..MAX_DEPTH {
            let mut deeper = Vec::new();
            for entries in within.iter().filter_map(|folder| fs::read_dir(folder).ok()) {
                for folder in entries.flatten().filter(is_folder).map(|entry| entry.path()) {
                    seen += 1;
                    if seen > MAX_FOLDERS {
                        return runs;
                    }
                    // Nothing within a run is one.
                    if folder.join("run.json").is_file() { runs.push(folder) } else { deeper.push(folder) }
                }
            }
            within = deeper;
        }
        runs
    }

    /// The runs, the newest first.
    pub(super) fn list(&self) -> Value {
        let runs = self.lines().into_iter().take(MAX_RUNS).map(|(_, line)| line).collect::<Vec<_>>();
        json!({ "folder": shown(&self.folder.display().to_string()), "runs": runs })
    }

    fn lines(&self) -> Vec<(PathBuf, RunLine)> {
        let folders = self.folders();
        self.known.lock().unwrap_or_else(PoisonError::into_inner).retain(|folder, _| folders.contains(folder));
        let mut lines: Vec<(PathBuf, RunLine)> =
            folders.into_iter().filter_map(|folder| Some((folder.clone(), self.line(&folder)?))).collect();
        lines.sort_by_key(|(_, line)| std::cmp::Reverse(line.started));
        lines
    }

    fn line(&self, folder: &Path) -> Option<RunLine> {
        let (results, journal) = (changed(&folder.join("results.json")), changed(&folder.join("results.jsonl")));
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, _, line)) = known.get(folder).filter(|known| (known.0, known.1) == (results, journal)) {
            return Some(line.clone());
        }
        let manifest = manifest(folder)?;
        let cases = match results {
            Some(_) => read::results(folder).ok()?.test_cases,
            None => Saved::read(folder).map(|saved| saved.results).unwrap_or_default(),
        };
        let mut counts = HashMap::new();
        for case in &cases {
            *counts.entry(case.verdict.word()).or_default() += 1;
        }
        let line = RunLine {
            key: id_of(folder),
            folder: shown(&folder.display().to_string()),
            product: shown(&manifest.product),
            sut: shown(&manifest.sut),
            started: manifest.started,
            chosen: manifest.chosen.len(),
            counts,
            complete: results.is_some(),
        };
        known.insert(folder.to_owned(), (results, journal, line.clone()));
        Some(line)
    }

    /// The folder with this id.
    pub(super) fn find(&self, key: &str) -> Result<PathBuf, Refused> {
        self.folders().into_iter().find(|folder| id_of(folder) == key).ok_or(Refused::NoSuchRun)
    }

    /// What came of a run: its test cases, its profiles, its reports.
    pub(super) fn outcome(&self, key: &str) -> Result<Value, Refused> {
        let folder = self.find(key)?;
        let line = self.line(&folder).ok_or(Refused::NoSuchRun)?;
        let cases: Vec<CaseLine> = cases(&folder)?.iter().map(CaseLine::of).collect();
        let results = read::results(&folder).ok();
        let reports: Vec<Value> = REPORTS
            .iter()
            .filter(|report| changed(&folder.join(report.file)).is_some())
            .map(|report| {
                let name = saved_as(&folder, &format!("-{}", report.file));
                json!({ "file": report.file, "words": report.words, "page": report.page, "name": name })
            })
            .collect();
        let causes: Vec<Value> = results.iter().flat_map(|results| &results.causes).take(20).map(cause).collect();
        Ok(json!({
            "run": line,
            "cases": cases,
            "before": self.before(&line).is_some(),
            "faults": results.iter().flat_map(|results| &results.faults).map(|fault| shown(fault)).collect::<Vec<_>>(),
            "interrupted": results.as_ref().is_none_or(|results| results.interrupted),
            "profiles": results.as_ref().map(|results| &results.profiles),
            "causes": causes,
            "reports": reports,
            "package": results.is_some().then(|| saved_as(&folder, ".zip")),
        }))
    }

    /// The last whole run of the same product before this one.
    fn before(&self, line: &RunLine) -> Option<PathBuf> {
        let earlier = |one: &RunLine| one.complete && one.product == line.product && one.started < line.started;
        self.lines().into_iter().find(|(_, one)| earlier(one)).map(|(folder, _)| folder)
    }

    /// A run beside an earlier one: the one that is named, else the last of the same product before it.
    pub(super) fn compare(&self, key: &str, with: Option<&str>) -> Result<Value, Refused> {
        let after = self.find(key)?;
        let line = self.line(&after).ok_or(Refused::NoSuchRun)?;
        let before = match with {
            Some(with) => self.find(with)?,
            None => self.before(&line).ok_or(Refused::NothingBefore)?,
        };
        let (then, now): (Results, Results) = (read::results(&before)?, read::results(&after)?);
        let command = ["ocpp-attest".to_owned(), "diff".to_owned()]
            .into_iter()
            .chain([&before, &after].map(|folder| crate::text::shell_word(&folder.display().to_string())));
        let mut comparison = compare::compare(&then, &now);
        for change in &mut comparison.test_cases {
            change.reason = change.reason.as_deref().map(shown);
        }
        Ok(json!({
            "key": id_of(&before),
            "folder": shown(&before.display().to_string()),
            "command": command.collect::<Vec<_>>().join(" "),
            "warnings": comparison.warnings,
            "regressed": comparison.regressed,
            "unchanged": comparison.unchanged,
            "test-cases": comparison.test_cases,
            "profiles": comparison.profiles,
        }))
    }

    /// Where a report of a run is, and the name under which it is saved.
    pub(super) fn report(&self, key: &str, file: &str) -> Result<(PathBuf, Report, String), Refused> {
        let report = REPORTS.into_iter().find(|report| report.file == file).ok_or(Refused::NoSuchRun)?;
        let folder = self.find(key)?;
        let path = folder.join(report.file);
        let name = saved_as(&folder, &format!("-{}", report.file));
        changed(&path).map(|_| (path, report, name)).ok_or(Refused::NoSuchRun)
    }

    /// The package of a run, unsigned, and the name under which it is saved.
    pub(super) fn package(&self, key: &str) -> Result<(Vec<u8>, String), Refused> {
        let folder = self.find(key)?;
        let package = package::package(std::slice::from_ref(&folder), &package::Options::default())?;
        Ok((package.file, saved_as(&folder, ".zip")))
    }
}

fn cause(cause: &crate::record::causes::Cause) -> Value {
    json!({
        "verdict": cause.verdict,
        "message": shown(&cause.message),
        "expected": cause.expected.as_deref().map(shown),
        "found": cause.found.as_deref().map(shown),
        "test-cases": cause.test_cases,
        "bad": cause.verdict >= Verdict::Fail,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_saved_under_the_name_of_its_run() {
        let name = saved_as(Path::new("reports/20261130-101112-wallbox \"é\r\n\""), "-junit.xml");
        assert_eq!(name, "20261130-101112-wallbox-------junit.xml");
    }

    #[test]
    fn runs_are_found_in_folders_of_folders_and_not_within_a_run() {
        let folder = tempfile::tempdir().unwrap();
        let at = |path: &str| folder.path().join(path);
        for run in ["a", "lab/b", "lab/2026/c", "a/inputs", "lab/2026/11/too-deep"] {
            fs::create_dir_all(at(run)).unwrap();
            fs::write(at(run).join("run.json"), "{}").unwrap();
        }
        fs::create_dir_all(at("lab/no-run")).unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink(at("a"), at("link")).unwrap();
        let mut found = Runs::new(folder.path().to_owned()).folders();
        found.sort();
        assert_eq!(found, [at("a"), at("lab/2026/c"), at("lab/b")]);
    }
}
