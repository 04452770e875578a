//! Writes the run folder. Every file is written whole beside its place and then moved there.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::Path,
};

use serde::Serialize;

use super::model::Results;

/// Why a run folder could not be written.
#[derive(Debug, thiserror::Error)]
#[error("{path} can't be written: {reason}")]
pub struct FolderError {
    path: String,
    reason: String,
}

pub(super) fn failed(path: &Path, reason: impl std::fmt::Display) -> FolderError {
    FolderError { path: path.display().to_string(), reason: reason.to_string() }
}

/// The name of a run's folder, where nobody names one: when it began, and the product.
pub fn default_name(designation: &str, started: jiff::Timestamp) -> String {
    let name: String = designation
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' })
        .take(40)
        .collect();
    format!("{}-{}", started.strftime("%Y%m%d-%H%M%S"), name.trim_matches('-'))
}

/// Creates the folder (with its parents).
pub fn create(folder: &Path) -> Result<(), FolderError> {
    fs::create_dir_all(folder).map_err(|error| failed(folder, error))
}

/// Writes a file of the folder, whole or not at all.
pub fn write(folder: &Path, name: &str, content: &[u8]) -> Result<(), FolderError> {
    write_whole(&folder.join(name), content)
}

/// Writes a file, whole or not at all.
pub fn write_whole(path: &Path, content: &[u8]) -> Result<(), FolderError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let beside = path.with_file_name(format!(".{name}.part"));
    fs::write(&beside, content).and_then(|()| fs::rename(&beside, path)).map_err(|error| {
        let _ = fs::remove_file(&beside);
        failed(path, error)
    })
}

/// Writes a file of the folder as its content comes, whole or not at all.
pub fn write_stream<E: From<FolderError>>(
    folder: &Path,
    name: &str,
    content: impl FnOnce(&mut dyn Write) -> Result<(), E>,
) -> Result<(), E> {
    let path = folder.join(name);
    let beside = folder.join(format!(".{name}.part"));
    let wrong = |error: io::Error| failed(&path, error);
    let mut out = BufWriter::with_capacity(1 << 16, File::create(&beside).map_err(wrong)?);
    content(&mut out)?;
    out.flush().map_err(wrong)?;
    drop(out);
    fs::rename(&beside, &path).map_err(wrong)?;
    Ok(())
}

/// Writes a file that the SUT has uploaded to its place in the folder, which is one of ours (`uploads/…`).
pub fn write_upload(folder: &Path, place: &str, content: &[u8]) -> Result<(), FolderError> {
    let (within, name) = place.rsplit_once('/').unwrap_or(("", place));
    let within = folder.join(within);
    create(&within)?;
    write(&within, name, content)
}

/// Removes what an earlier run in this folder was sent: files of our naming, and nothing else.
pub(super) fn remove_uploads(folder: &Path) -> Result<(), FolderError> {
    let Ok(entries) = fs::read_dir(folder.join("uploads")) else { return Ok(()) };
    for path in entries.flatten().map(|entry| entry.path()) {
        let ours = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("TC_"));
        if ours && path.is_file() {
            fs::remove_file(&path).map_err(|error| failed(&path, error))?;
        }
    }
    Ok(())
}

pub(super) fn json(value: &impl Serialize, path: &Path) -> Result<Vec<u8>, FolderError> {
    let mut text = serde_json::to_vec_pretty(value).map_err(|error| failed(path, error))?;
    text.push(b'\n');
    Ok(text)
}

/// One value as one line.
pub(super) fn append(lines: &mut Vec<u8>, value: &impl Serialize, folder: &Path) -> Result<(), FolderError> {
    serde_json::to_writer(&mut *lines, value).map_err(|error| failed(folder, error))?;
    lines.push(b'\n');
    Ok(())
}

/// Writes `results.json`.
pub fn write_results(folder: &Path, results: &Results) -> Result<(), FolderError> {
    write(folder, "results.json", &json(results, folder)?)
}
