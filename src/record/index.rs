//! Where the lines of each test case stand in `trace.jsonl`, so that a report reads one test case at a time and never holds the
//! whole trace.

use std::{
    collections::HashMap,
    fs::File,
    io::{BufRead, BufReader, Cursor, Seek, SeekFrom},
    ops::Range,
    path::{Path, PathBuf},
};

use super::{
    model::TraceEntry,
    read::{self, ReadError},
};

/// The lines of a trace by test case.
#[derive(Debug, Default)]
pub struct TraceIndex {
    source: Source,
    cases: HashMap<String, CaseLines>,
}

/// Where the trace is.
#[derive(Debug, Default)]
enum Source {
    #[default]
    Nowhere,
    File(PathBuf),
    Memory(Vec<u8>),
}

/// The lines of one test case: pieces of the trace in their order.
#[derive(Debug, Default)]
struct CaseLines {
    pieces: Vec<Range<u64>>,
    count: usize,
}

impl TraceIndex {
    /// An index of a file, to which lines are added as they are written.
    pub(super) fn of_file(path: &Path) -> Self {
        Self { source: Source::File(path.to_owned()), cases: HashMap::new() }
    }

    /// Reads a run folder's trace once and passes on every line.
    pub fn read(folder: &Path, mut take: impl FnMut(&TraceEntry)) -> Result<Self, ReadError> {
        let path = read::trace_path(folder)?;
        let mut index = Self::of_file(&path);
        for line in read::located_lines::<TraceEntry>(&path)? {
            let (place, entry) = line?;
            take(&entry);
            if let Some(id) = &entry.test_case {
                index.add(id, place, 1);
            }
        }
        Ok(index)
    }

    /// An index of a trace in memory.
    pub fn of_entries(entries: &[TraceEntry]) -> Self {
        let mut index = Self::default();
        let mut text = Vec::new();
        for entry in entries {
            let from = text.len() as u64;
            // What can be read from a trace can be written.
            let _ = serde_json::to_writer(&mut text, entry);
            text.push(b'\n');
            if let Some(id) = &entry.test_case {
                index.add(id, from..text.len() as u64, 1);
            }
        }
        Self { source: Source::Memory(text), ..index }
    }

    /// Adds `count` lines of a test case.
    pub(super) fn add(&mut self, id: &str, place: Range<u64>, count: usize) {
        if !self.cases.contains_key(id) {
            self.cases.insert(id.to_owned(), CaseLines::default());
        }
        let Some(case) = self.cases.get_mut(id) else { return };
        case.count += count;
        match case.pieces.last_mut() {
            Some(last) if last.end == place.start => last.end = place.end,
            _ => case.pieces.push(place),
        }
    }

    /// How many lines a test case has.
    pub fn count(&self, id: &str) -> usize {
        self.cases.get(id).map_or(0, |case| case.count)
    }

    /// Passes on the lines of a test case in their order, each with its number from 0 on.
    pub fn each_line(&self, id: &str, take: impl FnMut(usize, &str)) -> Result<(), ReadError> {
        let Some(case) = self.cases.get(id) else { return Ok(()) };
        match &self.source {
            Source::Nowhere => Ok(()),
            Source::Memory(text) => pass_on(Cursor::new(text), case, take),
            Source::File(path) => {
                File::open(path).and_then(|file| pass_on(BufReader::with_capacity(1 << 16, file), case, take))
            }
        }
        .map_err(|error| match &self.source {
            Source::File(path) => read::unreadable(path, &error.to_string()),
            _ => read::unreadable(Path::new("the trace"), &error.to_string()),
        })
    }
}

fn pass_on(mut from: impl BufRead + Seek, case: &CaseLines, mut take: impl FnMut(usize, &str)) -> std::io::Result<()> {
    let mut line = String::new();
    let mut number = 0;
    for piece in &case.pieces {
        let mut at = from.seek(SeekFrom::Start(piece.start))?;
        while at < piece.end {
            line.clear();
            let read = from.read_line(&mut line)?;
            if read == 0 {
                return Ok(());
            }
            at += read as u64;
            take(number, line.trim_end_matches('\n'));
            number += 1;
        }
    }
    Ok(())
}
