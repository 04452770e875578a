//! Writes the run folder while the run goes on, so that whatever ends the tool costs at most the test case under way.
//!
//! The trace lines of a test case are appended first, then its result: a test case counts as done when its line in
//! `results.jsonl` is whole. Each append is one write. What a killed run left behind a last whole line is ignored when
//! the folder is read, and removed when the run goes on.

use std::{
    collections::{HashMap, HashSet},
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use super::{
    chain::Chain,
    folder::{self, FolderError, append, failed, json, write},
    index::TraceIndex,
    manifest::Manifest,
    model::{PlanEntry, TraceEntry},
    read::PICS_FILE,
    saved::Saved,
    seal,
};
use crate::verdict::TestCaseResult;

/// Trace lines of one test case that are kept in memory until it ends, bytes; more are written at once.
const KEPT: usize = 4 << 20;

/// What a run writes when it is over: nothing of it stands beside a run that is going on.
pub(crate) const ENDING: [&str; 8] = [
    "results.json",
    seal::FILE,
    "abstract.html",
    "abstract.md",
    "abstract.pdf",
    "report.html",
    "junit.xml",
    "summary.md",
];

/// The trace, as its hash chain knows it.
pub(super) const TRACE: &str = "trace.jsonl";

/// What it writes on its way: of an earlier run in the folder nothing is left.
const ON_ITS_WAY: [&str; 3] = ["run.json", "results.jsonl", "trace.jsonl"];

/// The folder of a run that is going on.
#[derive(Debug)]
pub struct Journal {
    folder: PathBuf,
    trace: File,
    results: File,
    /// Lines of the test cases under way.
    waiting: HashMap<String, Waiting>,
    /// What the trace holds of each test case, and its length.
    index: TraceIndex,
    length: u64,
    chain: Chain,
    /// The test cases that are done.
    done: HashSet<String>,
    /// Held for as long as the run goes on; the operating system lets go of it whatever ends the tool.
    _lock: File,
}

/// What of a trace is kept when a run begins or is resumed.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) index: TraceIndex,
    pub(super) length: u64,
    pub(super) chain: Chain,
}

/// Lines of a test case that are not written yet.
#[derive(Debug, Default)]
struct Waiting {
    text: Vec<u8>,
    count: usize,
}

impl Journal {
    /// Begins a run in a folder; an earlier run there is replaced.
    pub fn begin(
        folder: &Path,
        manifest: &Manifest,
        plan: &[PlanEntry],
        pics: &str,
        bench: &str,
    ) -> Result<Self, FolderError> {
        folder::create(folder)?;
        let lock = lock(folder)?;
        remove(folder, &ON_ITS_WAY)?;
        remove(folder, &ENDING)?;
        folder::remove_uploads(folder)?;
        write(folder, PICS_FILE, pics.as_bytes())?;
        write(folder, "bench.yaml", bench.as_bytes())?;
        write(folder, "plan.json", &json(&plan, folder)?)?;
        write(folder, "run.json", &json(manifest, folder)?)?;
        let nothing = Kept { index: TraceIndex::of_file(&folder.join(TRACE)), length: 0, chain: Chain::begin(TRACE) };
        Self::open(folder, HashSet::new(), nothing, lock)
    }

    /// Goes on with the run of a folder: what no finished test case wrote is removed.
    pub fn resume(saved: &Saved, manifest: &Manifest) -> Result<Self, FolderError> {
        let folder = &saved.folder;
        let lock = lock(folder)?;
        let mut lines = Vec::new();
        for result in &saved.results {
            append(&mut lines, result, folder)?;
        }
        remove(folder, &ENDING)?;
        let kept = saved.keep_finished_trace(manifest)?;
        write(folder, "results.jsonl", &lines)?;
        write(folder, "run.json", &json(manifest, folder)?)?;
        Self::open(folder, saved.results.iter().map(|result| result.id.clone()).collect(), kept, lock)
    }

    fn open(folder: &Path, done: HashSet<String>, kept: Kept, lock: File) -> Result<Self, FolderError> {
        let open = |name: &str| {
            let path = folder.join(name);
            OpenOptions::new().create(true).append(true).open(&path).map_err(|error| failed(&path, error))
        };
        let (trace, results) = (open("trace.jsonl")?, open("results.jsonl")?);
        let (waiting, Kept { index, length, chain }) = (HashMap::new(), kept);
        Ok(Self { folder: folder.to_owned(), trace, results, waiting, index, length, chain, done, _lock: lock })
    }

    /// Takes in a line of the trace.
    pub fn trace(&mut self, entry: &TraceEntry) -> Result<(), FolderError> {
        let Some(id) = &entry.test_case else {
            // Between test cases nothing comes to an end that could be waited for.
            let mut line = Vec::new();
            append(&mut line, entry, &self.folder)?;
            return self.flush(None, &line, 1);
        };
        if !self.waiting.contains_key(id) {
            self.waiting.insert(id.clone(), Waiting::default());
        }
        let Some(lines) = self.waiting.get_mut(id) else { return Ok(()) };
        append(&mut lines.text, entry, &self.folder)?;
        lines.count += 1;
        if lines.text.len() > KEPT {
            let full = std::mem::take(lines);
            self.flush(Some(id), &full.text, full.count)?;
        }
        Ok(())
    }

    /// A test case is over. One that was cut short has its trace written, and is not done: it comes again when the run
    /// goes on.
    pub fn ended(&mut self, result: &TestCaseResult, cut_short: bool) -> Result<(), FolderError> {
        let lines = self.waiting.remove(&result.id).unwrap_or_default();
        self.flush(Some(&result.id), &lines.text, lines.count)?;
        if cut_short {
            return Ok(());
        }
        let mut line = Vec::new();
        append(&mut line, result, &self.folder)?;
        self.done.insert(result.id.clone());
        self.results.write_all(&line).map_err(|error| failed(&self.folder.join("results.jsonl"), error))
    }

    /// The SUT has uploaded a file, which has its place in the folder.
    pub fn uploaded(&self, place: &str, content: &[u8]) -> Result<(), FolderError> {
        folder::write_upload(&self.folder, place, content)
    }

    /// The run is over: what was noted about test cases after their end is written too. Where the trace has what.
    pub fn close(mut self, results: &[TestCaseResult]) -> Result<TraceIndex, FolderError> {
        for result in results.iter().filter(|result| self.waiting.contains_key(&result.id)).collect::<Vec<_>>() {
            self.ended(result, !self.done.contains(&result.id))?;
        }
        for (id, lines) in std::mem::take(&mut self.waiting) {
            self.flush(Some(&id), &lines.text, lines.count)?;
        }
        Ok(self.index)
    }

    fn flush(&mut self, id: Option<&str>, lines: &[u8], count: usize) -> Result<(), FolderError> {
        let mut chained = Vec::with_capacity(lines.len() + count * 80);
        for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            self.chain.add(line, &mut chained);
        }
        let lines = chained;
        self.trace.write_all(&lines).map_err(|error| failed(&self.folder.join("trace.jsonl"), error))?;
        let from = self.length;
        self.length += lines.len() as u64;
        if let Some(id) = id.filter(|_| count > 0) {
            self.index.add(id, from..self.length, count);
        }
        Ok(())
    }
}

/// Removes files of a run, by their names; what is not there is gone.
fn remove(folder: &Path, names: &[&str]) -> Result<(), FolderError> {
    for path in names.iter().map(|name| folder.join(name)) {
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(&path, error)),
            _ => {}
        }
    }
    Ok(())
}

/// Two runs never write into one folder at once.
fn lock(folder: &Path) -> Result<File, FolderError> {
    let path = folder.join(".lock");
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
    let file = file.map_err(|error| failed(&path, error))?;
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => Err(failed(folder, "another run is using it")),
        // Where a file system knows no locks there are none.
        Ok(()) | Err(TryLockError::Error(_)) => Ok(file),
    }
}
