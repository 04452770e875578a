//! The seal of a run: one hash over its evidence, which the abstract prints. Reports are no evidence, so that it can stand in them.
//!
//! `seal.sha256` lists the SHA-256 of each file that the verdicts rest on, in the form of `sha256sum`. The seal is the SHA-256 of
//! this list. So both can be checked without this tool: `sha256sum -c seal.sha256`, and `sha256sum seal.sha256`.

use std::{
    fs::{self, File},
    io::{self, Read as _},
    path::Path,
};

use aws_lc_rs::digest::{Context, SHA256};

use super::{
    chain::sha256,
    folder::{self, FolderError, failed},
};
use crate::certificate::hex;

/// The file of the list in a run folder.
pub const FILE: &str = "seal.sha256";

/// The files that verdicts rest on, beside those in folders.
const FILES: [&str; 7] =
    ["bench.yaml", "pics.yaml", "plan.json", "results.json", "results.jsonl", "run.json", "trace.jsonl"];
/// The folders.
const FOLDERS: [&str; 2] = ["inputs", "uploads"];
/// Most files of a run.
const MAX_FILES: usize = 50_000;
/// How deep folders may be nested.
const MAX_DEPTH: usize = 8;

/// The files of a run folder that verdicts rest on, sorted; with `/` between the names of folders. No link is followed.
pub fn evidence(run: &Path) -> io::Result<Vec<String>> {
    let is_file = |name: &&&str| fs::symlink_metadata(run.join(name)).is_ok_and(|meta| meta.is_file());
    let mut found: Vec<String> = FILES.iter().filter(is_file).map(|name| (*name).to_owned()).collect();
    for name in FOLDERS {
        collect(run, name, 0, &mut found)?;
    }
    found.sort_unstable();
    Ok(found)
}

fn collect(run: &Path, within: &str, depth: usize, found: &mut Vec<String>) -> io::Result<()> {
    let entries = match fs::read_dir(run.join(within)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let kind = entry.file_type()?;
        let name = entry.file_name();
        let Some(name) = name.to_str().filter(|name| is_plain(name)) else { continue };
        let path = format!("{within}/{name}");
        if kind.is_dir() && depth < MAX_DEPTH {
            collect(run, &path, depth + 1, found)?;
        } else if kind.is_file() && found.len() < MAX_FILES {
            found.push(path);
        }
    }
    Ok(())
}

/// True for a path with this extension, in small letters as the harness writes it.
pub(crate) fn is_a(path: &str, extension: &str) -> bool {
    Path::new(path).extension().is_some_and(|found| found == extension)
}

/// True for names as the harness gives them; what else lies in a folder is none of its files.
pub fn is_plain(name: &str) -> bool {
    let letter = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    !name.is_empty() && name.len() <= 120 && !name.starts_with('.') && !is_a(name, "part") && name.chars().all(letter)
}

/// True for a path that is evidence.
pub fn is_evidence(path: &str) -> bool {
    FILES.contains(&path) || path.split_once('/').is_some_and(|(within, _)| FOLDERS.contains(&within))
}

/// The SHA-256 of a file, which is read piece by piece.
pub fn sha256_of(path: &Path) -> io::Result<String> {
    let (mut file, mut context) = (File::open(path)?, Context::new(&SHA256));
    let mut piece = vec![0; 1 << 18];
    loop {
        match file.read(&mut piece)? {
            0 => return Ok(hex(context.finish().as_ref())),
            read => context.update(&piece[..read]),
        }
    }
}

/// The list of hashes: a line for each path, sorted by paths.
pub fn list<'p>(hashes: impl IntoIterator<Item = (&'p str, &'p str)>) -> String {
    let mut lines: Vec<(&str, &str)> = hashes.into_iter().collect();
    lines.sort_unstable();
    lines.iter().map(|(path, hash)| format!("{hash}  {path}\n")).collect()
}

/// The list of a run folder as it is now.
pub fn of(run: &Path) -> io::Result<String> {
    let hashed = |path: String| Ok((sha256_of(&run.join(&path))?, path));
    let hashes = evidence(run)?.into_iter().map(hashed).collect::<io::Result<Vec<_>>>()?;
    Ok(list(hashes.iter().map(|(hash, path)| (path.as_str(), hash.as_str()))))
}

/// Seals a run whose results are written; the seal.
pub fn write(run: &Path) -> Result<String, FolderError> {
    let list = of(run).map_err(|error| failed(run, error))?;
    folder::write(run, FILE, list.as_bytes())?;
    Ok(sha256(list.as_bytes()))
}

/// The seal of a run folder, if it has one.
pub fn read(run: &Path) -> Option<String> {
    fs::read(run.join(FILE)).ok().map(|list| sha256(&list))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evidence_is_sealed_and_reports_are_not() {
        let run = tempfile::tempdir().unwrap();
        fs::create_dir_all(run.path().join("inputs/testcases/csms")).unwrap();
        for name in
            ["run.json", "trace.jsonl", "inputs/A.jsonl", "inputs/testcases/csms/A.yaml", "report.html", ".lock"]
        {
            fs::write(run.path().join(name), name).unwrap();
        }
        #[cfg(unix)]
        std::os::unix::fs::symlink("/etc/passwd", run.path().join("inputs/B.jsonl")).unwrap();
        let files = evidence(run.path()).unwrap();
        assert_eq!(files, ["inputs/A.jsonl", "inputs/testcases/csms/A.yaml", "run.json", "trace.jsonl"]);
        let seal = write(run.path()).unwrap();
        assert_eq!(read(run.path()), Some(seal.clone()));
        fs::write(run.path().join("report.html"), "another").unwrap();
        assert_eq!(write(run.path()).unwrap(), seal);
        fs::write(run.path().join("inputs/A.jsonl"), "another").unwrap();
        assert_ne!(write(run.path()).unwrap(), seal);
    }
}
