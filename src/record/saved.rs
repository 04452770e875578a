//! What a run left in its folder, whole or killed: enough to go on with it, or to put it together with others.

use std::{
    collections::HashSet,
    fs::{self, File},
    io::{BufWriter, Write as _},
    path::{Path, PathBuf},
};

use indexmap::IndexMap;

use super::{
    folder::{FolderError, failed},
    index::TraceIndex,
    manifest::{FORMAT, Manifest},
    model::{PlanEntry, TraceEntry},
    read::{self, ReadError},
};
use crate::verdict::TestCaseResult;

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
    /// Reads a run folder.
    pub fn read(folder: &Path) -> Result<Self, ReadError> {
        let path =
            read::existing(folder, "run.json", || "name the folder of a run that `ocpp-attest run` started".into())?;
        let manifest: Manifest = read::parse(&read::text(&path)?)?;
        if manifest.format != FORMAT {
            return Err(ReadError::Missing(
                format!("{} has format {}; this tool reads format {FORMAT}", path.display(), manifest.format),
                "use the version of ocpp-attest that wrote it".into(),
            ));
        }
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

    /// Takes the lines of test cases that were not finished out of `trace.jsonl`; what is left, by test case, and its length.
    pub(super) fn keep_finished_trace(&self) -> Result<(TraceIndex, u64), FolderError> {
        let finished: HashSet<&str> = self.results.iter().map(|result| result.id.as_str()).collect();
        let (path, beside) = (self.folder.join("trace.jsonl"), self.folder.join(".trace.jsonl.part"));
        let wrong = |error: &dyn std::fmt::Display| failed(&path, error);
        let (mut index, mut end) = (TraceIndex::of_file(&path), 0);
        let mut out = BufWriter::new(File::create(&beside).map_err(|error| wrong(&error))?);
        for entry in self.trace().map_err(|error| wrong(&error))? {
            let entry = entry.map_err(|error| wrong(&error))?;
            if entry.test_case.as_deref().is_none_or(|id| finished.contains(id)) {
                let mut line = Vec::new();
                super::folder::append(&mut line, &entry, &self.folder)?;
                out.write_all(&line).map_err(|error| wrong(&error))?;
                let from = end;
                end += line.len() as u64;
                if let Some(id) = &entry.test_case {
                    index.add(id, from..end, 1);
                }
            }
        }
        out.into_inner().map_err(|error| wrong(&error))?;
        fs::rename(&beside, &path).map_err(|error| wrong(&error))?;
        Ok((index, end))
    }
}
