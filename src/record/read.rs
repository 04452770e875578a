//! Reads a run folder back: what the reports are made of, from the folder alone.

use std::{
    fs::File,
    io::{self, BufRead as _, BufReader, Read as _},
    ops::Range,
    path::{Path, PathBuf},
};

use serde::de::DeserializeOwned;

use super::model::{FORMAT, PlanEntry, Results, TraceEntry};
use crate::{
    pics::{Pics, reader},
    yaml::{Defect, Defects, Position, Source},
};

/// The copy of the PICS that a run keeps, as it was read.
pub const PICS_FILE: &str = "pics.yaml";

/// Most bytes of one file of a run folder that are read.
const LIMIT: u64 = 2 << 30;

/// A run, as its folder tells it, but for the trace.
#[derive(Debug)]
pub struct Run {
    /// The PICS as the run read it.
    pub pics: Pics,
    /// The plan.
    pub plan: Vec<PlanEntry>,
    /// The results.
    pub results: Results,
}

/// Why a run folder can't be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It is not there, or not a run folder: what, and what to do.
    #[error("{0}")]
    Missing(String, String),
    /// A file of it is broken.
    #[error("{0}")]
    Broken(#[from] Defects),
}

/// Reads a run folder.
pub fn run(folder: &Path) -> Result<Run, ReadError> {
    let place = folder.display();
    if !folder.is_dir() {
        let what = if folder.exists() { "is a file" } else { "does not exist" };
        return Err(ReadError::Missing(
            format!("{place} {what}; a run folder was expected"),
            "name a folder that `ocpp-attest run` wrote; by default they are in reports/".into(),
        ));
    }
    let results = results(folder)?;
    let pics = existing(folder, PICS_FILE, || {
        "the reports need the PICS: copy the run's PICS file there, under this name".into()
    })?;
    Ok(Run { pics: reader::read(&pics)?, plan: plan(folder)?, results })
}

/// What `results.json` says of its run.
#[derive(Debug, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Named {
    /// The run's id.
    pub run_id: String,
    /// The product.
    pub product: String,
    /// The tool's version.
    pub tool_version: String,
    /// There where the run quotes a calibration.
    #[serde(default)]
    pub calibration: Option<serde::de::IgnoredAny>,
}

/// Reads of `results.json` only which run it is of.
pub fn named(folder: &Path) -> Result<Named, ReadError> {
    let path = existing(folder, "results.json", || {
        "it is written when a run ends: resume the run, or name the folder of one that has ended".into()
    })?;
    Ok(parse(&text(&path)?)?)
}

/// Reads `results.json`; a newer format than this tool knows is refused.
pub fn results(folder: &Path) -> Result<Results, ReadError> {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "kebab-case")]
    struct Head {
        format: u32,
        #[serde(default)]
        tool_version: String,
    }
    let path = existing(folder, "results.json", || {
        "it is written when a run ends: name a folder that `ocpp-attest run` wrote, or run again".into()
    })?;
    let source = text(&path)?;
    let head: Head = parse(&source)?;
    if head.format > FORMAT {
        return Err(ReadError::Missing(
            format!("{} has format {}; this tool reads up to {}", path.display(), head.format, FORMAT),
            format!("use ocpp-attest {} or newer, which wrote it", crate::yaml::shorten(&head.tool_version, 40)),
        ));
    }
    Ok(parse(&source)?)
}

/// Reads `plan.json`.
pub fn plan(folder: &Path) -> Result<Vec<PlanEntry>, ReadError> {
    let path = existing(folder, "plan.json", || "name a folder that `ocpp-attest run` wrote".into())?;
    Ok(parse(&text(&path)?)?)
}

/// Reads `trace.jsonl`. A last line that was never finished, because the tool was killed, is left out.
pub fn trace(folder: &Path) -> Result<Vec<TraceEntry>, ReadError> {
    trace_lines(folder)?.collect()
}

/// Reads `trace.jsonl` line by line.
pub fn trace_lines(folder: &Path) -> Result<impl Iterator<Item = Result<TraceEntry, ReadError>> + use<>, ReadError> {
    lines(&trace_path(folder)?)
}

/// Where `trace.jsonl` is.
pub(super) fn trace_path(folder: &Path) -> Result<PathBuf, ReadError> {
    existing(folder, "trace.jsonl", || "name a folder that `ocpp-attest run` wrote".into())
}

/// Longest line that is read, bytes: the longest message (1 MiB) with every character escaped.
const LONGEST: u64 = 8 << 20;

/// Reads a file of JSON lines one by one; a last line that was not written whole is no line. A file that is not there
/// has none. After a line that can't be read there is no other.
pub(super) fn lines<T: DeserializeOwned>(
    path: &Path,
) -> Result<impl Iterator<Item = Result<T, ReadError>> + use<T>, ReadError> {
    Ok(located_lines(path)?.map(|line| line.map(|(_, value)| value)))
}

/// The same, each with its place in the file.
pub(super) fn located_lines<T: DeserializeOwned>(
    path: &Path,
) -> Result<impl Iterator<Item = Result<(Range<u64>, T), ReadError>> + use<T>, ReadError> {
    let mut reader = match File::open(path) {
        Ok(file) => Some(BufReader::new(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(unreadable(path, &error.to_string())),
    };
    let (path, mut number, mut at) = (path.to_owned(), 0, 0_u64);
    let mut line = Vec::new();
    Ok(std::iter::from_fn(move || {
        loop {
            line.clear();
            number += 1;
            let from = at;
            let found = match reader.as_mut()?.take(LONGEST).read_until(b'\n', &mut line) {
                Err(error) => Err(unreadable(&path, &error.to_string())),
                Ok(read) if line.last() == Some(&b'\n') => {
                    at += read as u64;
                    match serde_json::from_slice(&line) {
                        Ok(value) => Ok((from..at, value)),
                        Err(_) if line.trim_ascii().is_empty() => continue,
                        Err(error) => Err(broken_line(&path, number, &error)),
                    }
                }
                Ok(read) if read as u64 == LONGEST => {
                    Err(unreadable(&path, &format!("line {number} has more than {LONGEST} bytes")))
                }
                Ok(_) => {
                    reader = None;
                    return None;
                }
            };
            if found.is_err() {
                reader = None;
            }
            return Some(found);
        }
    }))
}

fn broken_line(path: &Path, line: usize, error: &serde_json::Error) -> ReadError {
    let at = Position { line, column: error.column().max(1) };
    match text(path) {
        Ok(source) => source.defects(vec![defect(at, error)]).into(),
        Err(error) => error,
    }
}

pub(super) fn unreadable(path: &Path, why: &str) -> ReadError {
    let help = "check the file and its permissions";
    ReadError::Missing(format!("{} can't be read: {why}", path.display()), help.into())
}

pub(super) fn existing(folder: &Path, name: &str, help: impl FnOnce() -> String) -> Result<PathBuf, ReadError> {
    let path = folder.join(name);
    if path.is_file() { Ok(path) } else { Err(ReadError::Missing(format!("{} is missing", path.display()), help())) }
}

pub(super) fn text(path: &Path) -> Result<Source, ReadError> {
    let failed = |why: String| unreadable(path, &why);
    let size = std::fs::metadata(path).map_err(|error| failed(error.to_string()))?.len();
    if size > LIMIT {
        return Err(failed(format!("it has {size} bytes; at most {LIMIT} are read")));
    }
    let text = std::fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
    Ok(Source::new(path.display().to_string(), text))
}

pub(super) fn parse<T: DeserializeOwned>(source: &Source) -> Result<T, Defects> {
    serde_json::from_str(&source.text).map_err(|error| {
        let at = Position { line: error.line().max(1), column: error.column().max(1) };
        source.defects(vec![defect(at, &error)])
    })
}

fn defect(at: Position, error: &serde_json::Error) -> Defect {
    let message = error.to_string();
    let message = message.split(" at line ").next().unwrap_or_default();
    Defect::new(at, message, "the file was changed or truncated after the run: restore it from a copy, or run again")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(folder: &Path) -> String {
        match run(folder).unwrap_err() {
            ReadError::Missing(what, help) => format!("{what}\n{help}"),
            ReadError::Broken(defects) => defects.to_string(),
        }
        .replace(&folder.display().to_string(), "RUN")
    }

    #[test]
    fn what_is_wrong_with_a_run_folder_is_told_with_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        let mut all = vec![told(&folder.path().join("nowhere"))];
        all.push(told(folder.path()));
        write("results.json", "{\n  \"format\": 2,\n  \"run-id\"");
        all.push(told(folder.path()));
        write("results.json", "{\n  \"format\": 2\n}");
        all.push(told(folder.path()));
        write("results.json", "{\"format\": 99, \"tool-version\": \"7.0.0\", \"unheard-of\": {}}");
        all.push(told(folder.path()));
        insta::assert_snapshot!(all.join("\n\n"));
    }

    #[test]
    fn a_line_cut_off_at_the_end_of_the_trace_is_left_out_and_a_broken_one_told() {
        let folder = tempfile::tempdir().unwrap();
        let line = r#"{"mono-ns":5,"wall":"2026-11-21T10:00:00Z","event":"garbage","what":"x"}"#;
        let write = |text: String| std::fs::write(folder.path().join("trace.jsonl"), text).unwrap();
        write(format!("{line}\n{line}\n{{\"mono-ns\":5,\"wa"));
        assert_eq!(trace(folder.path()).unwrap().len(), 2);
        write(format!("{line}\n{{\"mono-ns\":5,\"wa\n{line}\n"));
        let ReadError::Broken(defects) = trace(folder.path()).unwrap_err() else { panic!("a defect was expected") };
        assert_eq!(defects.defects[0].at.line, 2);
    }
}
