//! Opens a package and checks it: its bytes against the manifest, the signature, the seals, the hash chains, and every verdict.

use std::{collections::BTreeMap, fs};

use jiff::Timestamp;
use serde::Serialize;

use super::{
    cms,
    container::{self, ContainerError, Member},
    judge,
    manifest::{FORMAT, MANIFEST, Manifest, PackagedRun, SIGNATURE, TIMESTAMP},
    package::{difference, is_chained},
    signer::{self, Untrusted},
    timestamp,
};
use crate::{
    certificate::Certificate,
    parallel::{cores, in_parallel},
    record::{
        chain::{Chained, Follower, sha256},
        seal,
        temporary::TemporaryFolder,
    },
    text::visible_line,
    yaml::shorten,
};

/// What came of one check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It is as the package says.
    Holds,
    /// It is not.
    Differs,
    /// It could not be judged.
    Undecided,
    /// It was not checked, or is only worth knowing.
    Note,
}

/// One check, in a sentence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Line {
    /// What came of it.
    pub outcome: Outcome,
    /// The run that it is about, by its folder in the package.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// What was checked and found.
    pub text: String,
}

/// What came of checking a package.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Checked {
    /// Everything that was checked, in its order.
    pub lines: Vec<Line>,
}

impl Checked {
    /// True where a check came to this.
    pub fn any(&self, outcome: Outcome) -> bool {
        self.lines.iter().any(|line| line.outcome == outcome)
    }

    pub(super) fn say(&mut self, outcome: Outcome, run: Option<&str>, text: impl AsRef<str>) {
        // What stands in a package is of others.
        let text = shorten(&visible_line(text.as_ref()), 600);
        self.lines.push(Line { outcome, run: run.map(str::to_owned), text });
    }
}

/// Whom a package is trusted from.
#[derive(Debug, Default)]
pub struct Trust {
    /// The roots of laboratories and time-stamp authorities; empty: who signed is not judged.
    pub roots: Vec<Certificate>,
}

/// Checks a package. What is no package is an error; what differs is told.
pub fn check(file: &[u8], trust: &Trust) -> Result<Checked, ContainerError> {
    let mut checked = Checked::default();
    let members = match container::read(file) {
        Err(damaged @ ContainerError::Damaged(..)) => {
            checked.say(Outcome::Differs, None, damaged.to_string());
            return Ok(checked);
        }
        members => members?,
    };
    let mut members: BTreeMap<String, Vec<u8>> =
        members.into_iter().map(|Member { path, content }| (path, content)).collect();
    let no_package = |why: String| ContainerError::Form(why);
    let text = members.remove(MANIFEST).ok_or_else(|| no_package(format!("it has no {MANIFEST}")))?;
    let (signature, stamp) = (members.remove(SIGNATURE), members.remove(TIMESTAMP));
    let manifest: Manifest = serde_json::from_slice(&text).map_err(|error| {
        let version =
            serde_json::from_slice::<serde_json::Value>(&text).ok().and_then(|value| value["format"].as_u64());
        no_package(match version {
            Some(version) if version > u64::from(FORMAT) => {
                format!("its format is {version}; this version reads {FORMAT}")
            }
            _ => format!("{MANIFEST}: {error}"),
        })
    })?;
    if let Some(redacted) = &manifest.redacted {
        let text = format!(
            "the package is redacted: {} values were replaced ({}); this is not the evidence as it was recorded",
            redacted.values,
            redacted.what.join(", ")
        );
        checked.say(Outcome::Note, None, text);
    }
    signed(&mut checked, &text, signature.as_deref(), stamp.as_deref(), trust);
    let looked_at = in_parallel(&members, cores(), |(path, content)| LookedAt::at(path, content, &manifest));
    contents(&mut checked, &manifest, &looked_at);
    for run in &manifest.runs {
        evidence(&mut checked, run, &manifest, &looked_at, &members);
    }
    if checked.any(Outcome::Differs) {
        checked.say(Outcome::Note, None, "no test case was judged again, because the package is not what it says");
        return Ok(checked);
    }
    for run in &manifest.runs {
        let prefix = format!("{}/", run.folder);
        let own = members.iter().filter_map(|(path, content)| Some((path.strip_prefix(&prefix)?, content.as_slice())));
        match unpacked(own) {
            Ok(folder) => judge::judge(&mut checked, run, folder.path(), manifest.redacted.as_ref()),
            Err(error) => checked.say(Outcome::Undecided, Some(&run.folder), format!("it can't be unpacked: {error}")),
        }
    }
    Ok(checked)
}

/// What there is to know of a member by its bytes.
struct LookedAt<'m> {
    path: &'m str,
    sha256: String,
    size: u64,
    /// What its hash chain says, and how many lines it has; of files whose lines are chained.
    chained: Option<(Chained, usize)>,
}

impl<'m> LookedAt<'m> {
    fn at(path: &'m str, content: &[u8], manifest: &Manifest) -> Self {
        let within = manifest.runs.iter().find_map(|run| inside(run, path));
        let chained = within.filter(|path| is_chained(path)).map(|path| follow(path, content));
        Self { path, sha256: sha256(content), size: content.len() as u64, chained }
    }
}

/// The path in the folder of a run.
fn inside<'m>(run: &PackagedRun, path: &'m str) -> Option<&'m str> {
    path.strip_prefix(&run.folder)?.strip_prefix('/')
}

fn follow(path: &str, content: &[u8]) -> (Chained, usize) {
    let (mut follower, mut lines) = (Follower::new(path), 0);
    for line in content.split_inclusive(|byte| *byte == b'\n').filter(|line| line.ends_with(b"\n")) {
        follower.take(line.trim_ascii_end());
        lines += 1;
    }
    (follower.found(), lines)
}

/// Every member has the hash of the manifest, and there is no other.
fn contents(checked: &mut Checked, manifest: &Manifest, members: &[LookedAt<'_>]) {
    let before = checked.lines.len();
    let in_a_run = |path: &str| manifest.runs.iter().any(|run| inside(run, path).is_some());
    for LookedAt { path, sha256, size, .. } in members {
        match manifest.members.get(*path) {
            None => checked.say(Outcome::Differs, None, format!("{path} is in the package, but not in its manifest")),
            Some(hash) if hash.sha256 != *sha256 || hash.size != *size => {
                checked.say(
                    Outcome::Differs,
                    None,
                    format!("{path} was changed: it does not have the hash of the manifest"),
                );
            }
            Some(_) if !in_a_run(path) => {
                checked.say(Outcome::Differs, None, format!("{path} belongs to no run of the manifest"));
            }
            Some(_) => {}
        }
    }
    let is_there = |path: &str| members.binary_search_by_key(&path, |member| member.path).is_ok();
    for path in manifest.members.keys().filter(|path| !is_there(path)) {
        checked.say(Outcome::Differs, None, format!("{path} is in the manifest, but not in the package"));
    }
    // A member belongs to one run.
    let folders: std::collections::BTreeSet<&str> = manifest.runs.iter().map(|run| run.folder.as_str()).collect();
    let is_within = |folder: &&str| {
        folder.match_indices('/').any(|(end, _)| folder.get(..end).is_some_and(|it| folders.contains(it)))
    };
    if manifest.runs.is_empty() || folders.len() != manifest.runs.len() || folders.iter().any(is_within) {
        checked.say(Outcome::Differs, None, "the manifest names no run, or two in one folder");
    }
    if checked.lines.len() == before {
        let text = format!("all {} files are those of the manifest, byte for byte", members.len());
        checked.say(Outcome::Holds, None, text);
    }
}

fn signed(checked: &mut Checked, manifest: &[u8], signature: Option<&[u8]>, stamp: Option<&[u8]>, trust: &Trust) {
    // Certificates are judged at the time of the time-stamp, where there is one, else now.
    let mut at = Timestamp::now();
    if let Some(stamp) = stamp {
        match timestamp::read(stamp, signature.unwrap_or(manifest)) {
            Err(error) => checked.say(Outcome::Differs, None, format!("the time-stamp does not hold: {error}")),
            Ok(stamped) => {
                let by = stamped.certificates.first().map(Certificate::common_name).unwrap_or_default();
                let what = if signature.is_some() { "signature" } else { "manifest" };
                let said = format!("a time-stamp by {by:?} says that the {what} existed at {}", stamped.time);
                let whose = match stamped.certificates.first() {
                    Some(authority) if !authority.is_for_time_stamps() => {
                        Err(Untrusted::Foreign("its certificate is not for time-stamps".into()))
                    }
                    _ => signer::leads_to(&stamped.certificates, &trust.roots, stamped.time),
                };
                match whose {
                    Ok(()) => {
                        at = stamped.time;
                        checked.say(Outcome::Holds, None, format!("{said}, and its authority comes from a root given"));
                    }
                    Err(why) => checked.say(
                        Outcome::Note,
                        None,
                        format!(
                            "{said}; whether to believe this authority was not judged ({why}): see `openssl ts -verify`"
                        ),
                    ),
                }
            }
        }
    }
    let Some(signature) = signature else {
        if trust.roots.is_empty() {
            checked.say(Outcome::Note, None, "the package is not signed: nobody vouches for it");
        } else {
            checked.say(
                Outcome::Differs,
                None,
                "the package is not signed, and a signature from a root given was asked for",
            );
        }
        return;
    };
    match cms::check(signature, Some(manifest)) {
        Err(error) => checked.say(Outcome::Differs, None, format!("the signature does not hold: {error}")),
        Ok(signed) => {
            let by = signed.certificates.first().map(Certificate::common_name).unwrap_or_default();
            let strange = signer::strange(&signed.certificates, &trust.roots);
            if !strange.is_empty() {
                let text = format!(
                    "the signature has certificates that have nothing to do with the signer's, or were changed: {}",
                    strange.join(", ")
                );
                checked.say(Outcome::Differs, None, text);
            }
            checked.say(Outcome::Holds, None, format!("the manifest is signed by {by:?} and was not changed since"));
            if trust.roots.is_empty() {
                let text = format!(
                    "whose key signed was not judged: give the laboratory's root with --root ({by:?} is what its certificate says)"
                );
                checked.say(Outcome::Note, None, text);
                return;
            }
            match signer::leads_to(&signed.certificates, &trust.roots, at) {
                Ok(()) => checked.say(Outcome::Holds, None, format!("the signer {by:?} comes from a root given")),
                Err(foreign @ Untrusted::Foreign(_)) => {
                    checked.say(Outcome::Differs, None, format!("the signature is a foreign one: {foreign}"));
                }
                Err(expired @ Untrusted::NotValid { .. }) => {
                    let hint = if stamp.is_some() {
                        "the time-stamp says so"
                    } else {
                        "the present time; no time-stamp shows when the package was signed"
                    };
                    checked.say(Outcome::Differs, None, format!("{expired} ({hint})"));
                }
            }
        }
    }
}

/// The seal and the hash chains of a run.
fn evidence(
    checked: &mut Checked,
    run: &PackagedRun,
    manifest: &Manifest,
    looked_at: &[LookedAt<'_>],
    members: &BTreeMap<String, Vec<u8>>,
) {
    let folder = run.folder.as_str();
    let own = || looked_at.iter().filter_map(|member| Some((inside(run, member.path)?, member)));
    let evidence = own().filter(|(path, _)| seal::is_evidence(path));
    let list = seal::list(evidence.map(|(path, member)| (path, member.sha256.as_str())));
    let file = format!("{folder}/{}", seal::FILE);
    let sealed = members.get(&file).map(|list| String::from_utf8_lossy(list).into_owned());
    let was_changed =
        |list: &String| manifest.members.get(&file).is_none_or(|hash| hash.sha256 != sha256(list.as_bytes()));
    match sealed {
        None => checked.say(Outcome::Differs, Some(folder), format!("{} is missing", seal::FILE)),
        Some(sealed) if was_changed(&sealed) => {
            let text =
                format!("the seal is broken: {} itself was changed, so it tells nothing of the evidence", seal::FILE);
            checked.say(Outcome::Differs, Some(folder), text);
        }
        Some(sealed) => match difference(&sealed, &list) {
            Some(difference) => {
                checked.say(
                    Outcome::Differs,
                    Some(folder),
                    format!("the seal is broken: {difference} after the run was sealed"),
                );
            }
            None if sha256(list.as_bytes()) != run.seal => {
                checked.say(Outcome::Differs, Some(folder), "the seal is not the one that the manifest names");
            }
            None => {
                let by =
                    if run.sealed_by_run { "when it ended" } else { "by `package`, as an earlier version made it" };
                checked.say(
                    Outcome::Holds,
                    Some(folder),
                    format!("the evidence has the seal {} (sealed {by})", run.seal),
                );
            }
        },
    }
    let (mut whole, mut absent, mut lines) = (0, Vec::new(), 0);
    for (path, (chained, of_it)) in own().filter_map(|(path, member)| Some((path, member.chained.as_ref()?))) {
        lines += of_it;
        match chained {
            Chained::Whole(_) => whole += 1,
            Chained::Absent => absent.push(path),
            broken @ Chained::Broken(_) => {
                checked.say(Outcome::Differs, Some(folder), broken.complaint(path).unwrap_or_default());
            }
        }
    }
    if whole > 0 {
        let text =
            format!("the hash chains of {whole} files ({lines} lines) are whole: nothing was cut, inserted or changed");
        checked.say(Outcome::Holds, Some(folder), text);
    }
    if !absent.is_empty() {
        let text = format!(
            "{} files have no hash chain, because an earlier version recorded them ({})",
            absent.len(),
            absent[0]
        );
        checked.say(Outcome::Undecided, Some(folder), text);
    }
}

/// A folder with the members of a run.
fn unpacked<'m>(members: impl Iterator<Item = (&'m str, &'m [u8])>) -> std::io::Result<TemporaryFolder> {
    let folder = TemporaryFolder::new("verify")?;
    let mut files = Vec::new();
    for (path, content) in members {
        // The container has refused every name that could lead out of the folder.
        let path = folder.path().join(path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        files.push((path, content));
    }
    in_parallel(files, cores(), |(path, content)| fs::write(path, content)).into_iter().collect::<Result<(), _>>()?;
    Ok(folder)
}
