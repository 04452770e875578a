//! Several runs of one product put together into one, as if they had been one: the shards of a run above all.

use std::{collections::HashMap, fs, path::Path};

use serde_json::{Map, Value};

use super::{
    chain::{self, Chained},
    folder::{FolderError, failed},
    manifest::{FORMAT, Manifest, Merged},
    read::{self, ReadError},
    saved::Saved,
    writer::{Journal, TRACE},
};
use crate::{
    bench::{Bench, is_address},
    pics::{Pics, model::TestedBy, reader},
    selection::choice::Choice,
    verdict::{TestCaseResult, Verdict},
};

/// Settings of a bench that tell where things are, and do not change what is tested: shards may differ in them, as in the addresses of
/// the file servers.
const PLACES: [&str; 19] = [
    "laboratory",
    "approval",
    "listen",
    "listen-second",
    "host",
    "file-host",
    "file-user",
    "file-password",
    "ftp-passive-ports",
    "url",
    "url-upgraded",
    "identity",
    "serial-number",
    "stations",
    "password",
    "authority",
    "certificate",
    "key",
    "root",
];

/// Why runs can't be put together.
#[derive(Debug, thiserror::Error)]
pub enum MergeError {
    /// A run can't be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// They do not belong together: what, and what to do.
    #[error("{0}")]
    Unlike(String, String),
    /// The new run can't be written.
    #[error(transparent)]
    Folder(#[from] FolderError),
}

/// A run to be merged.
#[derive(Debug)]
pub struct Part {
    /// What is in its folder.
    pub saved: Saved,
    /// The text of its PICS.
    pub pics_text: String,
    /// The PICS.
    pub pics: Pics,
    /// The settings of its bench.
    pub bench: Map<String, Value>,
    /// When it ended.
    pub finished: jiff::Timestamp,
    /// What the hash chain of its trace says.
    pub chained: Chained,
}

impl Part {
    /// Reads a run folder.
    pub fn read(folder: &Path) -> Result<Self, ReadError> {
        let mut saved = Saved::read(folder)?;
        let path = read::existing(folder, read::PICS_FILE, || {
            "each run folder contains its PICS: name complete run folders".into()
        })?;
        let source = read::text(&path)?;
        let pics = reader::read_source(&source)?;
        let bench =
            Bench::read(&read::existing(folder, "bench.yaml", || "each run folder contains its bench".into())?)?;
        // A run that was killed has no results: it ended with its last test case.
        let ended = saved.results.iter().map(|result| result.started_s + result.duration_s).fold(0.0, f64::max);
        let killed = jiff::SignedDuration::try_from_secs_f64(ended).unwrap_or_default();
        let finished = if folder.join("results.json").exists() {
            let results = read::results(folder)?;
            // Test cases that were never begun (the product did not appear) stand in the results alone. One that was cut
            // short has a result there too, which does not count.
            if !results.interrupted {
                saved.results = results.test_cases;
            }
            results.finished
        } else {
            saved.manifest.started.checked_add(killed).unwrap_or(saved.manifest.started)
        };
        let chained = match chain::of_file(folder, TRACE) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Chained::Absent,
            found => found.map_err(|error| read::unreadable(&folder.join(TRACE), &error.to_string()))?,
        };
        if let Some(complaint) = chained.complaint(&folder.join(TRACE).display().to_string()) {
            let help = "copy the file from the original run folder, or leave this run out";
            return Err(ReadError::Missing(complaint, help.into()));
        }
        Ok(Self { chained, pics_text: source.text.to_string(), pics, bench: bench.settings().clone(), finished, saved })
    }

    fn name(&self) -> String {
        self.saved.folder.display().to_string()
    }
}

/// Several runs that belong together.
#[derive(Debug)]
pub struct Merge {
    parts: Vec<Part>,
    /// The merged run's `run.json`.
    pub manifest: Manifest,
    /// Which part each test case's result is taken from.
    from: HashMap<String, usize>,
    /// The results, in plan order, in the merged run's time.
    pub results: Vec<TestCaseResult>,
    /// When the last part ended.
    pub finished: jiff::Timestamp,
}

impl Merge {
    /// Puts runs together, if nothing speaks against it.
    pub fn of(mut parts: Vec<Part>, run_id: String) -> Result<Self, MergeError> {
        // The first to begin gives the time.
        parts.sort_by_key(|part| part.saved.manifest.started);
        let Some(first) = parts.first() else {
            return Err(MergeError::Unlike("there is nothing to merge".into(), "name run folders".into()));
        };
        for other in &parts[1..] {
            alike(first, other)?;
        }
        let from = sources(&parts)?;
        let manifest = manifest(&parts, run_id);
        let began = manifest.started;
        let mut results = Vec::new();
        for (number, part) in parts.iter().enumerate() {
            let later = seconds_after(began, part.saved.manifest.started);
            let taken = part.saved.results.iter().filter(|result| from.get(&result.id) == Some(&number));
            results.extend(taken.map(|result| shifted(result.clone(), later)));
        }
        let place = |id: &str| first.saved.plan.iter().position(|entry| entry.id == id);
        results.sort_by_key(|result| place(&result.id));
        let finished = parts.iter().map(|part| part.finished).max().unwrap_or(began);
        Ok(Self { parts, manifest, from, results, finished })
    }

    /// True while a chosen test case has no result.
    pub fn is_incomplete(&self) -> bool {
        self.manifest.chosen.iter().any(|id| !self.from.contains_key(id))
    }

    /// How many of the runs have no hash chain, because an earlier version made them.
    pub fn unchained(&self) -> usize {
        self.parts.iter().filter(|part| part.chained == Chained::Absent).count()
    }

    /// What all have in common.
    pub fn common(&self) -> &Part {
        // There is one: nothing can't be merged.
        &self.parts[0]
    }

    /// Writes the run folder but for results and reports.
    pub fn write(&self, out: &Path) -> Result<(), MergeError> {
        let common = self.common();
        let bench = fs::read_to_string(common.saved.folder.join("bench.yaml"))
            .map_err(|error| failed(&common.saved.folder, error))?;
        let mut journal = Journal::begin(out, &self.manifest, &common.saved.plan, &common.pics_text, &bench)?;
        for (number, part) in self.parts.iter().enumerate() {
            let later = part.saved.manifest.started.duration_since(self.manifest.started);
            let later = u64::try_from(later.as_nanos()).unwrap_or(0);
            for entry in part.saved.trace()? {
                let mut entry = entry?;
                let from_here = |id: &str| self.from.get(id) == Some(&number);
                if entry.test_case.as_deref().is_none_or(from_here) {
                    entry.at.mono_ns = entry.at.mono_ns.saturating_add(later);
                    journal.trace(&entry)?;
                }
            }
            for result in self.results.iter().filter(|result| self.from.get(&result.id) == Some(&number)) {
                journal.ended(result, false)?;
                let inputs = format!("inputs/{}.jsonl", result.id);
                let uploads = result.uploads.iter().filter_map(|upload| upload.file.as_deref());
                for file in uploads.chain([inputs.as_str()]).map(Path::new) {
                    // The name comes from a file: it must stay within the folder.
                    if file.components().all(|name| matches!(name, std::path::Component::Normal(_))) {
                        copy(&part.saved.folder, out, file)?;
                    }
                }
            }
            copy(&part.saved.folder, out, &Path::new("inputs").join("testcases"))?;
        }
        Ok(())
    }
}

/// Refuses two runs that can't stand in one report.
fn alike(first: &Part, other: &Part) -> Result<(), MergeError> {
    let (one, two) = (first.name(), other.name());
    let unlike = |what: String, help: &str| Err(MergeError::Unlike(what, help.into()));
    let (a, b) = (&first.saved.manifest, &other.saved.manifest);
    if a.run_id == b.run_id {
        return unlike(format!("{one} and {two} are the same run"), "name each run once");
    }
    if a.tool_version != b.tool_version {
        return unlike(
            format!("{one} was made by ocpp-attest {}, {two} by {}", a.tool_version, b.tool_version),
            "run the shards with one version",
        );
    }
    let pics = |part: &Part| serde_json::to_value(&part.pics).unwrap_or_default();
    if let Some(place) = difference(&pics(first), &pics(other)) {
        return unlike(
            format!("the PICS of {one} and of {two} conflict: {place}"),
            "only runs of the same product can be merged",
        );
    }
    if a.test_cases != b.test_cases {
        return unlike(
            format!("{one} and {two} were run with different versions of the test cases"),
            "run the shards with one version, and with the same --testcases",
        );
    }
    if a.simulated() != b.simulated() {
        return unlike(
            format!("one of {one} and {two} was run against the simulator, the other was not"),
            "only runs of the same product can be merged",
        );
    }
    if a.faults != b.faults {
        return unlike(
            format!("{one} and {two} were run against simulated products with different faults"),
            "run the shards with the same --fault",
        );
    }
    let settings = |part: &Part| {
        let place = |key: &str| PLACES.contains(&key) || is_address(key);
        let kept = part.bench.iter().filter(|(key, _)| !place(key));
        Value::Object(kept.map(|(key, value)| (key.clone(), value.clone())).collect())
    };
    if let Some(place) = difference(&settings(first), &settings(other)) {
        return unlike(
            format!("the benches of {one} and of {two} conflict: {place}"),
            "shards may differ in addresses and identities; times, tokens and limits must be the same",
        );
    }
    Ok(())
}

/// The first member in which two values differ, with both values.
fn difference(one: &Value, two: &Value) -> Option<String> {
    if let (Value::Object(one), Value::Object(two)) = (one, two) {
        let mut names = one.keys().chain(two.keys().filter(|name| !one.contains_key(*name)));
        return names.find_map(|name| {
            let of = |members: &Map<String, Value>| members.get(name).cloned().unwrap_or_default();
            let below = difference(&of(one), &of(two))?;
            Some(if below.starts_with(": ") { format!("{name}{below}") } else { format!("{name}.{below}") })
        });
    }
    let short = |value: &Value| crate::yaml::shorten(&value.to_string(), 40);
    (one != two).then(|| format!(": {} and {}", short(one), short(two)))
}

/// Which part each test case is taken from: the first that ran it. Two that came to different verdicts are refused.
fn sources(parts: &[Part]) -> Result<HashMap<String, usize>, MergeError> {
    let mut from: HashMap<String, (usize, Verdict, bool)> = HashMap::new();
    let mut conflicts = Vec::new();
    for (number, part) in parts.iter().enumerate() {
        for result in &part.saved.results {
            let here = (number, result.verdict, result.is_flaky());
            let (before, verdict, flaky) = *from.entry(result.id.clone()).or_insert(here);
            if (verdict, flaky) != (result.verdict, result.is_flaky()) {
                let was = if flaky { "flaky" } else { verdict.word() };
                let names = (parts[before].name(), part.name());
                conflicts.push(format!("{} is {was} in {} and {} in {}", result.id, names.0, result.word(), names.1));
            }
        }
    }
    if conflicts.is_empty() {
        return Ok(from.into_iter().map(|(id, (number, ..))| (id, number)).collect());
    }
    Err(MergeError::Unlike(
        conflicts.join("\n       "),
        "a test case that was run twice must have the same verdict: leave one of the runs out".into(),
    ))
}

fn manifest(parts: &[Part], run_id: String) -> Manifest {
    let manifests: Vec<&Manifest> = parts.iter().map(|part| &part.saved.manifest).collect();
    let first = manifests[0];
    let whole = |choice: &Choice| Choice { shard: None, ..choice.clone() };
    // Shards of one choice make that choice whole, even where one of them is missing.
    let same = manifests.iter().all(|manifest| whole(&manifest.choice) == whole(&first.choice));
    let choice = if same { whole(&first.choice) } else { Choice::default() };
    let plan = &parts[0].saved.plan;
    let chosen = if same && manifests.iter().any(|manifest| manifest.choice.shard.is_some()) {
        choice.of(plan).map(|chosen| chosen.iter().map(|entry| entry.id.clone()).collect()).unwrap_or_default()
    } else {
        let any = |id: &String| manifests.iter().any(|manifest| manifest.chosen.contains(id));
        plan.iter().map(|entry| entry.id.clone()).filter(any).collect()
    };
    let mut suts: Vec<&str> = manifests.iter().map(|manifest| manifest.sut.as_str()).collect();
    suts.sort_unstable();
    suts.dedup();
    let mut resumed: Vec<_> = manifests.iter().flat_map(|manifest| manifest.resumed.clone()).collect();
    resumed.sort_unstable();
    Manifest {
        format: FORMAT,
        tool_version: first.tool_version.clone(),
        run_id,
        started: first.started,
        resumed,
        merged: manifests
            .iter()
            .map(|manifest| Merged {
                run_id: manifest.run_id.clone(),
                started: manifest.started,
                shard: manifest.choice.shard,
            })
            .collect(),
        product: first.product.clone(),
        sut: suts.join(", "),
        test_cases: first.test_cases.clone(),
        bench: None,
        // What holds for every part is what the worst of them says, if all of them say anything.
        calibration: manifests
            .iter()
            .map(|manifest| manifest.calibration.clone())
            .collect::<Option<Vec<_>>>()
            .and_then(|all| all.into_iter().max_by(|one, other| one.uncertainty_s.total_cmp(&other.uncertainty_s))),
        // One laboratory's name can't stand for several.
        tested_by: if manifests.iter().all(|manifest| manifest.tested_by == first.tested_by) {
            first.tested_by.clone()
        } else {
            TestedBy::default()
        },
        faults: first.faults.clone(),
        choice,
        // What was put together came in no order of its own.
        shuffle: first.shuffle.filter(|_| manifests.iter().all(|manifest| manifest.shuffle == first.shuffle)),
        lasting: first.lasting,
        retries: manifests.iter().map(|manifest| manifest.retries).max().unwrap_or(0),
        chosen,
    }
}

fn seconds_after(began: jiff::Timestamp, later: jiff::Timestamp) -> f64 {
    later.duration_since(began).as_secs_f64()
}

/// A result in the time of a run that began so much earlier, seconds.
fn shifted(mut result: TestCaseResult, by: f64) -> TestCaseResult {
    result.started_s += by;
    for step in &mut result.steps {
        step.started_s += by;
        step.ended_s += by;
    }
    for failure in &mut result.failures {
        failure.at_s += by;
    }
    for attempt in &mut result.attempts {
        attempt.started_s += by;
    }
    result
}

/// Copies a file, or a folder with what is in it; what is not there is left out, and what is no file or folder too.
fn copy(from: &Path, to: &Path, name: &Path) -> Result<(), FolderError> {
    let (source, target) = (from.join(name), to.join(name));
    let wrong = |error: std::io::Error| failed(&target, error);
    let Ok(kind) = fs::symlink_metadata(&source) else { return Ok(()) };
    if kind.is_dir() {
        for entry in fs::read_dir(&source).map_err(wrong)?.flatten() {
            copy(from, to, &name.join(entry.file_name()))?;
        }
    } else if kind.is_file() {
        if let Some(parent) = target.parent() {
            fs::create_dir_all(parent).map_err(wrong)?;
        }
        fs::copy(&source, &target).map_err(wrong)?;
    }
    Ok(())
}
