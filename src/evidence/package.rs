//! Makes one file of runs: the evidence and the reports of each, a manifest over all of it, and a signature over the manifest.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use super::{
    container::{self, ContainerError, Member},
    manifest::{FORMAT, Hash, MANIFEST, Manifest, PackagedRun, Redacted, SIGNATURE, TIMESTAMP, Tool},
    redact,
    signer::{Signer, SignerError},
    timestamp::{self, TimestampError},
};
use crate::{
    bench::Bench,
    parallel::{cores, in_parallel},
    protocol::Version,
    record::{
        chain::{self, Chained, sha256},
        folder::FolderError,
        read::{self, ReadError},
        saved::Saved,
        seal,
        writer::ENDING,
    },
};

/// The calibration sheet of a run in a package.
const CALIBRATION: &str = "calibration.json";
/// Largest calibration sheet that is taken, bytes.
const MAX_SHEET: u64 = 16 << 20;

/// Why no package is made.
#[derive(Debug, thiserror::Error)]
pub enum PackageError {
    /// A run can't be read.
    #[error(transparent)]
    Run(#[from] ReadError),
    /// A run can't be packaged: what is wrong, and what to do.
    #[error("{0}")]
    Input(String, String),
    /// It does not fit into a package.
    #[error(transparent)]
    Container(#[from] ContainerError),
    /// It can't be signed.
    #[error(transparent)]
    Signer(#[from] SignerError),
    /// What was to be added is no time-stamp of this package.
    #[error(transparent)]
    Timestamp(#[from] TimestampError),
    /// The tool itself failed.
    #[error("{0}")]
    Own(String),
}

impl From<FolderError> for PackageError {
    fn from(error: FolderError) -> Self {
        Self::Own(error.to_string())
    }
}

fn input(what: impl Into<String>, help: &str) -> PackageError {
    PackageError::Input(what.into(), help.to_owned())
}

/// What a package is made of beside the runs.
#[derive(Debug, Default)]
pub struct Options<'s> {
    /// Who signs it.
    pub signer: Option<&'s Signer>,
    /// What a vendor keeps to itself is replaced.
    pub redact: bool,
}

/// A package that was made.
#[derive(Debug)]
pub struct Package {
    /// The file.
    pub file: Vec<u8>,
    /// What is in it.
    pub manifest: Manifest,
    /// What a person should know of it.
    pub notes: Vec<String>,
}

/// Makes a package of runs.
pub fn package(runs: &[PathBuf], options: &Options<'_>) -> Result<Package, PackageError> {
    // A large file: its hash is ready when the runs are read.
    let executable = std::thread::spawn(|| std::env::current_exe().and_then(|path| seal::sha256_of(&path)));
    let (mut taken, mut packaged, mut notes) = (Vec::new(), Vec::new(), Vec::new());
    let mut redacted: Option<Redacted> = None;
    if options.redact {
        let mut whole = Vec::new();
        for run in runs {
            // As it is: what is broken is not redacted.
            whole.push(one(run, "runs/0", &mut Vec::new())?.1.seal);
        }
        let redaction = redact::redact(runs)?;
        for (number, folder) in redaction.folders.iter().enumerate() {
            let (more, run) = one(folder, &format!("runs/{}", number + 1), &mut notes)?;
            taken.extend(more);
            packaged.push(run);
        }
        redacted = Some(Redacted { original_seals: whole, ..redaction.told.clone() });
    } else {
        for (number, run) in runs.iter().enumerate() {
            let (more, run) = one(run, &format!("runs/{}", number + 1), &mut notes)?;
            taken.extend(more);
            packaged.push(run);
        }
    }
    let executable = executable.join().unwrap_or_else(|_| Err(io::Error::other("the executable could not be read")));
    let schemas =
        Version::ALL.map(|version| (version.protocol().name.to_owned(), sha256(version.schemas().concat().as_bytes())));
    let (mut members, mut hashes) = (Vec::new(), BTreeMap::new());
    for Taken { member, sha256 } in taken {
        hashes.insert(member.path.clone(), Hash { sha256, size: member.content.len() as u64 });
        members.push(member);
    }
    let manifest = Manifest {
        format: FORMAT,
        packaged_by: Tool {
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            executable_sha256: executable.map_err(|error| PackageError::Own(error.to_string()))?,
        },
        schemas: schemas.into_iter().collect(),
        runs: packaged,
        redacted,
        members: hashes,
    };
    let mut text = serde_json::to_vec_pretty(&manifest).map_err(|error| PackageError::Own(error.to_string()))?;
    text.push(b'\n');
    if let Some(signer) = options.signer {
        members.push(Member { path: SIGNATURE.into(), content: signer.sign(&text)? });
    }
    members.push(Member { path: MANIFEST.into(), content: text });
    Ok(Package { file: container::write(members)?, manifest, notes })
}

/// A member with its hash.
struct Taken {
    member: Member,
    sha256: String,
}

impl Taken {
    fn new(path: String, content: Vec<u8>) -> Self {
        let sha256 = sha256(&content);
        Self { member: Member { path, content }, sha256 }
    }
}

/// The members of one run, after its chain and its seal were checked.
fn one(run: &Path, at: &str, notes: &mut Vec<String>) -> Result<(Vec<Taken>, PackagedRun), PackageError> {
    let name = run.display();
    let manifest = Saved::manifest(run)?;
    let results = read::named(run)?;
    if manifest.run_id != results.run_id {
        return Err(input(
            format!("{name}: run.json and results.json are of different runs"),
            "name the original run folder",
        ));
    }
    let failed =
        |error: io::Error| input(format!("{name} can't be read: {error}"), "check the folder and its permissions");
    let paths = seal::evidence(run).map_err(failed)?;
    let read = in_parallel(&paths, cores(), |path| -> io::Result<(Taken, Option<Chained>)> {
        let content = fs::read(run.join(path))?;
        let chained = is_chained(path).then(|| chain::of_lines(content.as_slice(), path)).transpose()?;
        Ok((Taken::new(format!("{at}/{path}"), content), chained))
    });
    let (mut members, mut unchained) = (Vec::new(), 0);
    for (path, read) in paths.iter().zip(read) {
        let (taken, chained) = read.map_err(failed)?;
        if let Some(complaint) = chained.as_ref().and_then(|chained| chained.complaint(path)) {
            return Err(input(
                format!("{name}/{complaint}"),
                "name the original run folder; what was changed proves nothing",
            ));
        }
        unchained += usize::from(chained == Some(Chained::Absent));
        members.push(taken);
    }
    if unchained > 0 {
        notes.push(format!(
            "{name}: {unchained} files have no hash chain: an earlier version wrote them, or nothing is in them"
        ));
    }
    let hashes: Vec<(&str, String)> =
        paths.iter().zip(&members).map(|(path, taken)| (path.as_str(), taken.sha256.clone())).collect();
    let list = seal::list(hashes.iter().map(|(path, hash)| (*path, hash.as_str())));
    let sealed = fs::read_to_string(run.join(seal::FILE)).ok();
    if let Some(sealed) = &sealed {
        if let Some(difference) = difference(sealed, &list) {
            let help = "name the original run folder; `run --resume` seals a run that was resumed";
            return Err(input(format!("{name}: since the run was sealed, {difference}"), help));
        }
    } else {
        notes.push(format!("{name}: the run has no seal (an earlier version made it), so that its abstract names none; it is sealed now"));
    }
    let mut take = |path: &str, from: &Path| -> Result<(), PackageError> {
        members.push(Taken::new(format!("{at}/{path}"), fs::read(from).map_err(failed)?));
        Ok(())
    };
    for report in ENDING.iter().filter(|report| **report != "results.json" && **report != seal::FILE) {
        if run.join(report).is_file() {
            take(report, &run.join(report))?;
        } else {
            notes.push(format!("{name}: {report} is missing; `ocpp-attest report` makes it"));
        }
    }
    if let Some(sheet) = calibration(run, results.calibration.is_some()) {
        let small = fs::metadata(&sheet).is_ok_and(|meta| meta.is_file() && meta.len() <= MAX_SHEET);
        if small {
            take(CALIBRATION, &sheet)?;
        } else {
            notes.push(format!(
                "{name}: the calibration sheet {} is not there, and not in the package",
                sheet.display()
            ));
        }
    }
    let pics = hashes.iter().find(|(path, _)| *path == read::PICS_FILE).map(|(_, hash)| hash.clone());
    members.push(Taken::new(format!("{at}/{}", seal::FILE), list.clone().into_bytes()));
    let run = PackagedRun {
        folder: at.to_owned(),
        run_id: results.run_id,
        product: results.product,
        tool_version: results.tool_version,
        test_cases: manifest.test_cases,
        pics_sha256: pics.unwrap_or_default(),
        seal: sha256(list.as_bytes()),
        sealed_by_run: sealed.is_some(),
    };
    Ok((members, run))
}

/// True for files whose lines are chained.
pub(super) fn is_chained(path: &str) -> bool {
    path == "trace.jsonl" || (path.starts_with("inputs/") && seal::is_a(path, "jsonl"))
}

/// Where a run's bench says that the calibration sheet is.
fn calibration(run: &Path, quoted: bool) -> Option<PathBuf> {
    // Another run of the tool may have put it beside the run.
    let beside = run.join(CALIBRATION);
    if beside.is_file() {
        return Some(beside);
    }
    let bench = Bench::read(&run.join("bench.yaml")).ok().filter(|_| quoted)?;
    Some(PathBuf::from(bench.calibration)).filter(|path| !path.as_os_str().is_empty())
}

/// The first difference between two lists of hashes, as a sentence.
pub(super) fn difference(sealed: &str, now: &str) -> Option<String> {
    fn read(list: &str) -> BTreeMap<&str, &str> {
        list.lines().filter_map(|line| line.split_once("  ")).map(|(hash, path)| (path, hash)).collect()
    }
    let (was, is) = (read(sealed), read(now));
    let changed = was.iter().find(|(path, hash)| is.get(*path).is_some_and(|now| now != *hash));
    if let Some((path, _)) = changed {
        return Some(format!("{path} was changed"));
    }
    if let Some(path) = was.keys().find(|path| !is.contains_key(*path)) {
        return Some(format!("{path} was removed"));
    }
    if let Some(path) = is.keys().find(|path| !was.contains_key(*path)) {
        return Some(format!("{path} was added"));
    }
    (sealed != now).then(|| "the list of the seal was changed".to_owned())
}

/// A package with the answer of a time-stamp authority.
pub fn with_timestamp(file: &[u8], answer: &[u8]) -> Result<Vec<u8>, PackageError> {
    let mut members = container::read(file)?;
    if answer.len() > timestamp::MAX {
        return Err(input("the time-stamp is too large", "name the answer of the time-stamp authority (.tsr)"));
    }
    let content =
        |path: &str| members.iter().find(|member| member.path == path).map(|member| member.content.as_slice());
    let stamped = content(SIGNATURE).or_else(|| content(MANIFEST));
    let stamped =
        stamped.ok_or_else(|| input("the package has no manifest", "name a file that `ocpp-attest package` wrote"))?;
    timestamp::read(answer, stamped)?;
    members.retain(|member| member.path != TIMESTAMP);
    members.push(Member { path: TIMESTAMP.into(), content: answer.to_vec() });
    Ok(container::write(members)?)
}
