//! What a run left in its folder, whole or killed: enough to go on with it, or to put it together with others.

use std::{
    collections::HashSet,
    fs::{self, File},
    io::{self, BufReader, BufWriter, Read as _, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
};

use indexmap::IndexMap;

use super::{
    chain::{self, Chain, Chained},
    folder::{FolderError, failed},
    index::TraceIndex,
    manifest::{FORMAT, Manifest},
    model::{PlanEntry, TraceEntry, TraceEvent},
    read::{self, ReadError},
    writer::{Kept, TRACE},
};
use crate::{clock::Stamp, verdict::TestCaseResult};

/// What is in a run folder, but for the trace.
#[derive(Debug, Clone)]
pub struct Saved {
    /// Where it is.
    pub folder: PathBuf,
    /// What the run was asked to do.
    pub manifest: Manifest,
    /// The plan.
    pub plan: Vec<PlanEntry>,
    /// The finished test cases, in the order in which they ended.
    pub results: Vec<TestCaseResult>,
}

impl Saved {
    /// Reads what the run of a folder was asked to do.
    pub fn manifest(folder: &Path) -> Result<Manifest, ReadError> {
        let path =
            read::existing(folder, "run.json", || "name the folder of a run that `ocpp-attest run` started".into())?;
        let manifest: Manifest = read::parse(&read::text(&path)?)?;
        if manifest.format != FORMAT {
            return Err(ReadError::Missing(
                format!("{} has format {}; this tool reads format {FORMAT}", path.display(), manifest.format),
                "use the version of ocpp-attest that wrote it".into(),
            ));
        }
        Ok(manifest)
    }

    /// Reads a run folder.
    pub fn read(folder: &Path) -> Result<Self, ReadError> {
        let manifest = Self::manifest(folder)?;
        let plan = read::plan(folder)?;
        // The last line of a test case counts: an operator may have noted something after its end.
        let mut results: IndexMap<String, TestCaseResult> = IndexMap::new();
        for result in read::lines::<TestCaseResult>(&folder.join("results.jsonl"))? {
            let result = result?;
            results.insert(result.id.clone(), result);
        }
        Ok(Self { folder: folder.to_owned(), manifest, plan, results: results.into_values().collect() })
    }

    /// The trace, line by line: of finished test cases, and of one that was cut short.
    pub fn trace(&self) -> Result<impl Iterator<Item = Result<TraceEntry, ReadError>> + use<>, ReadError> {
        read::lines(&self.folder.join("trace.jsonl"))
    }

    /// Takes the lines of test cases that were not finished out of `trace.jsonl`, and says there that the run was resumed. The hash
    /// chain leads over what was taken out.
    pub(super) fn keep_finished_trace(&self, manifest: &Manifest) -> Result<Kept, FolderError> {
        let finished: HashSet<&str> = self.results.iter().map(|result| result.id.as_str()).collect();
        let (path, beside) = (self.folder.join(TRACE), self.folder.join(".trace.jsonl.part"));
        let wrong = |error: &dyn std::fmt::Display| failed(&path, error);
        let found = match chain::of_file(&self.folder, TRACE) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Chained::Absent,
            found => found.map_err(|error| wrong(&error))?,
        };
        if let Some(complaint) = found.complaint(TRACE) {
            return Err(wrong(&complaint));
        }
        let mut out = Rewritten {
            out: BufWriter::new(File::create(&beside).map_err(|error| wrong(&error))?),
            index: TraceIndex::of_file(&path),
            length: 0,
            chain: Chain::begin(TRACE),
            withdrawn: Vec::new(),
            last: Stamp { mono_ns: 0, wall: manifest.started },
        };
        let (mut taken_out, mut kept) = (0, 0);
        // As they stand there: a number that is read and written may have other digits.
        let mut raw = File::open(&path).ok().map(BufReader::new);
        for line in read::located_lines::<TraceEntry>(&path).map_err(|error| wrong(&error))? {
            let (place, entry) = line.map_err(|error| wrong(&error))?;
            let mut line = vec![0; usize::try_from(place.end - place.start).unwrap_or_default()];
            if let Some(raw) = &mut raw {
                raw.seek(SeekFrom::Start(place.start))
                    .and_then(|_| raw.read_exact(&mut line))
                    .map_err(|error| wrong(&error))?;
            }
            let (line, _) = chain::split(&line);
            if entry.test_case.as_deref().is_none_or(|id| finished.contains(id)) {
                out.keep(&entry, &line).map_err(|error| wrong(&error))?;
                kept += 1;
            } else {
                out.withdraw(&entry, chain::sha256(&line)).map_err(|error| wrong(&error))?;
                taken_out += 1;
            }
        }
        out.close_gap().map_err(|error| wrong(&error))?;
        let unchained = if found == Chained::Absent { kept + taken_out } else { 0 };
        let what = TraceEvent::Resumed { withdrawn: taken_out, unchained };
        let entry = TraceEntry { at: out.last, test_case: None, station: None, conn: None, what };
        let line = serde_json::to_vec(&entry).map_err(|error| wrong(&error))?;
        out.keep(&entry, &line).map_err(|error| wrong(&error))?;
        let Rewritten { out, index, length, chain, .. } = out;
        out.into_inner().map_err(|error| wrong(&error))?;
        fs::rename(&beside, &path).map_err(|error| wrong(&error))?;
        Ok(Kept { index, length, chain })
    }
}

/// Most lines that one line stands for.
const MAX_WITHDRAWN: usize = 10_000;

/// A trace that is written again.
struct Rewritten {
    out: BufWriter<File>,
    index: TraceIndex,
    length: u64,
    chain: Chain,
    /// The digests of lines that were taken out since the last one that was kept.
    withdrawn: Vec<String>,
    last: Stamp,
}

impl Rewritten {
    fn keep(&mut self, entry: &TraceEntry, line: &[u8]) -> io::Result<()> {
        self.close_gap()?;
        let mut text = Vec::new();
        match &entry.what {
            // What was taken out earlier still stands for the same lines.
            TraceEvent::Withdrawn { digests } => self.chain.stand_in(line, digests, &mut text),
            _ => self.chain.add(line, &mut text),
        }
        self.last = entry.at;
        self.write(entry.test_case.as_deref(), &text)
    }

    fn withdraw(&mut self, entry: &TraceEntry, digest: String) -> io::Result<()> {
        self.last = entry.at;
        self.withdrawn.push(digest);
        if self.withdrawn.len() >= MAX_WITHDRAWN { self.close_gap() } else { Ok(()) }
    }

    fn close_gap(&mut self) -> io::Result<()> {
        if self.withdrawn.is_empty() {
            return Ok(());
        }
        let digests = std::mem::take(&mut self.withdrawn);
        let what = TraceEvent::Withdrawn { digests: digests.clone() };
        let entry = TraceEntry { at: self.last, test_case: None, station: None, conn: None, what };
        let mut text = Vec::new();
        self.chain.stand_in(&serde_json::to_vec(&entry)?, &digests, &mut text);
        self.write(None, &text)
    }

    fn write(&mut self, id: Option<&str>, text: &[u8]) -> io::Result<()> {
        let from = self.length;
        self.length += text.len() as u64;
        if let Some(id) = id {
            self.index.add(id, from..self.length, 1);
        }
        self.out.write_all(text)
    }
}
