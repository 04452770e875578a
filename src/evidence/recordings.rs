//! Judges the recordings of a packaged run again, each by the test case in the run folder, and tells whether that is one of ours.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use super::{
    check::{Checked, Outcome},
    manifest::Redacted,
    messages::{Digests, Message, Messages},
};
use crate::{
    pics::SutKind,
    protocol::Version,
    record::Results,
    replay::{self, Kept},
    testcase::{
        catalogue::{self, Catalogue},
        library::Library,
    },
    verdict::Verdict,
};

/// Most test cases that are named in a sentence.
const NAMED: usize = 8;

/// What was found of the test cases of a run.
#[derive(Default)]
pub(super) struct Decided {
    /// The verdicts of each test case's recordings, each with its variant, in order.
    pub(super) verdicts: BTreeMap<String, Vec<(String, Verdict)>>,
    /// The messages of the recordings.
    pub(super) messages: Messages,
    /// Test cases that can't be judged again.
    pub(super) untold: BTreeSet<String>,
}

/// What was found of one test case.
#[derive(Default)]
pub(super) struct Found {
    id: String,
    checked: Checked,
    verdicts: Vec<(String, Verdict)>,
    messages: Vec<Message>,
    /// It can't be judged again.
    untold: bool,
    /// So many recordings were judged as they had been.
    same: usize,
    /// Its text is not the one that is compiled in.
    foreign: bool,
}

/// The run whose recordings are judged; several threads share it.
pub(super) struct Recordings<'r> {
    folder: &'r Path,
    at: &'r str,
    redacted: Option<&'r Redacted>,
    libraries: Libraries,
    own: OwnTexts,
    pub(super) digests: Digests,
}

impl<'r> Recordings<'r> {
    pub(super) fn new(folder: &'r Path, at: &'r str, redacted: Option<&'r Redacted>) -> Self {
        let (libraries, own, digests) = (Libraries::default(), OwnTexts::default(), Digests::default());
        Self { folder, at, redacted, libraries, own, digests }
    }

    /// Judges all recordings of a test case again.
    pub(super) fn judge(&self, id: String, path: &Path) -> Found {
        let mut found = Found { id, ..Found::default() };
        match replay::read(path) {
            Ok(all) => all.iter().for_each(|kept| self.one(&mut found, kept)),
            Err(error) => {
                let text = format!("{}: its recording can't be read: {error}", found.id);
                found.checked.say(Outcome::Differs, Some(self.at), text);
            }
        }
        found
    }

    fn one(&self, found: &mut Found, kept: &Kept) {
        let id = found.id.clone();
        if kept.id() != id {
            let text = format!("{id}: its recording is of {}", kept.id());
            return found.checked.say(Outcome::Differs, Some(self.at), text);
        }
        match self.libraries.judge(self.folder, kept) {
            Err(why) => {
                let text = format!("{id}: its test case can't be read: {why}");
                found.checked.say(Outcome::Differs, Some(self.at), text);
                found.untold = true;
            }
            Ok((again, changed)) => {
                self.compare(found, kept, &again, changed);
                found.verdicts.push((kept.variant(), again.verdict));
            }
        }
        found.messages.extend(self.digests.recorded(kept));
        found.foreign |= !self.own.has(kept, self.folder);
    }

    fn compare(&self, found: &mut Found, kept: &Kept, again: &replay::Again, changed: bool) {
        let id = &found.id;
        if let Some(complaint) = kept.chained().complaint(&format!("inputs/{id}.jsonl")) {
            return found.checked.say(Outcome::Differs, Some(self.at), complaint);
        }
        let recorded = kept.verdict();
        if again.divergence.is_none() && recorded == Some(again.verdict) {
            found.same += 1;
            return;
        }
        found.untold = true;
        if self.redacted.is_some_and(|redacted| redacted.not_judged_again.contains(id)) {
            let text = format!("{id}: it can't be judged again, because of what was redacted");
            return found.checked.say(Outcome::Undecided, Some(self.at), text);
        }
        let was = recorded.map_or("broken off", Verdict::word);
        let word = again.verdict.word();
        let mut text = match again.divergence {
            Some(_) if word == was => {
                format!("{id}: judged again it comes to {word}, too, but in another way than recorded")
            }
            _ => format!("{id}: judged again it is {word}; recorded is {was}"),
        };
        if let Some(divergence) = &again.divergence {
            text += &format!(
                "; first difference at {} ({:.3} s): recorded {}, now {}",
                divergence.step, divergence.at_s, divergence.expected, divergence.found
            );
        }
        if changed {
            text += "; the test case in the package is not the one that was run";
        }
        found.checked.say(Outcome::Differs, Some(self.at), text);
    }

    /// Puts together what was found of each test case, in the order given, and says what came of all of them.
    pub(super) fn gather(&self, checked: &mut Checked, all: impl Iterator<Item = Found>, results: &Results) -> Decided {
        let mut decided = Decided::default();
        let (mut same, mut foreign) = (0, BTreeSet::new());
        for mut found in all {
            checked.lines.append(&mut found.checked.lines);
            same += found.same;
            if found.foreign {
                foreign.insert(found.id.clone());
            }
            if found.untold {
                decided.untold.insert(found.id.clone());
            }
            if !found.verdicts.is_empty() {
                decided.verdicts.insert(found.id.clone(), found.verdicts);
            }
            decided.messages.insert(found.id, found.messages);
        }
        let mut say = |outcome, text: String| checked.say(outcome, Some(self.at), text);
        if same > 0 {
            say(
                Outcome::Holds,
                format!(
                    "{same} recordings judged again: every step, every message of ours and every verdict as recorded"
                ),
            );
        }
        if foreign.is_empty() {
            say(Outcome::Holds, "the test cases are word for word those of this ocpp-attest".into());
        } else {
            let text = format!(
                "{} test cases were run with a text that is not that of this ocpp-attest; whether it says what the specification says was not judged: {}",
                foreign.len(),
                listed(&foreign)
            );
            say(Outcome::Undecided, text);
        }
        let unrecorded: BTreeSet<String> = results
            .test_cases
            .iter()
            .filter(|case| !decided.verdicts.contains_key(&case.id) && case.verdict != Verdict::NotImplemented)
            .map(|case| case.id.clone())
            .collect();
        if !unrecorded.is_empty() {
            say(
                Outcome::Undecided,
                format!("{} test cases have a verdict and no recording: {}", unrecorded.len(), listed(&unrecorded)),
            );
        }
        decided
    }
}

fn listed(ids: &BTreeSet<String>) -> String {
    let more = if ids.len() > NAMED { ", …" } else { "" };
    ids.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ") + more
}

/// What can't be read is not read again for the next recording.
type Read = Result<Arc<Library>, String>;

/// The recorded test cases of each version and side, read when they are needed.
#[derive(Default)]
pub(super) struct Libraries(Mutex<Vec<((Version, SutKind), Read)>>);

impl Libraries {
    /// Judges a recording again; with it whether the test case in the folder is another than the one that was run.
    pub(super) fn judge(&self, folder: &Path, kept: &Kept) -> Result<(replay::Again, bool), String> {
        let library = self.of(folder, kept.version(), kept.sut())?;
        let again = replay::exactly(kept, &library).ok_or("it is not in the folder")?;
        let changed = again.divergence.is_some() && replay::changed(kept, &library);
        Ok((again, changed))
    }

    fn of(&self, folder: &Path, version: Version, sut: SutKind) -> Read {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, library)) = all.iter().find(|(of, _)| *of == (version, sut)) {
            return library.clone();
        }
        let library = recorded(folder, version, sut).map(Arc::new);
        all.push(((version, sut), library.clone()));
        library
    }
}

fn recorded(folder: &Path, version: Version, sut: SutKind) -> Result<Library, String> {
    let said = |defects: Vec<crate::yaml::Defects>| defects.first().map(ToString::to_string).unwrap_or_default();
    let catalogue = Catalogue::recorded(&replay::sources(folder), version).map_err(said)?;
    Library::load(&catalogue, sut).map_err(said)
}

/// The texts of the test cases and states that are compiled in, by version, and whether a run has the same states.
#[derive(Default)]
struct OwnTexts(Mutex<BTreeMap<(Version, SutKind), Texts>>);

struct Texts {
    by_path: BTreeMap<PathBuf, &'static str>,
    same_states: bool,
}

impl OwnTexts {
    /// True where test case and states in the folder have the texts of those that are compiled in.
    fn has(&self, kept: &Kept, folder: &Path) -> bool {
        let (version, sut) = (kept.version(), kept.sut());
        let sources = replay::sources(folder);
        let is =
            |(path, text): (&PathBuf, &&str)| fs::read(sources.join(path)).is_ok_and(|found| found == text.as_bytes());
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let texts = all.entry((version, sut)).or_insert_with(|| {
            let by_path = catalogue::embedded_texts(version, sut);
            let mut states =
                by_path.iter().filter(|(path, _)| path.parent().is_some_and(|in_| in_.ends_with("states")));
            let same_states = states.all(is);
            Texts { by_path, same_states }
        });
        let own = texts.by_path.iter().find(|(path, _)| path.file_stem().is_some_and(|stem| stem == kept.id()));
        texts.same_states && own.is_some_and(is)
    }
}
