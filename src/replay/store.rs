//! Writes and reads what is kept for replaying: `inputs/TC_….jsonl` for what an engine was told, `inputs/testcases/`
//! for the test cases as they were run.

use std::{
    collections::{BTreeMap, HashMap},
    fs, io,
    path::{Path, PathBuf},
};

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::{
    format::{Begins, Did, Ended, FORMAT, Line, Memory, Request, Told},
    recording::Recording,
    redaction::{Cover, StandIns, without_secret_members},
};
use crate::{
    clock::Stamp,
    engine::{Input, OF_EVERY_TEST_CASE, Setup, sut},
    link::{LinkEvent, UpgradeRequest},
    pics::SutKind,
    protocol::Version,
    record::chain::{Chain, Chained, Follower},
    testcase::model::{RunSite, State},
};

/// The folder of what engines were told, in a run folder.
const INPUTS: &str = "inputs";
/// The folder of the test cases as they were run, in a run folder.
const TESTCASES: &str = "inputs/testcases";
/// Largest file that is read, bytes.
const MAX_FILE: u64 = 512 << 20;

/// Why something can't be written or read.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A file can't be written.
    #[error("{0} can't be written: {1}")]
    Write(PathBuf, io::Error),
    /// A file can't be read.
    #[error("{0} can't be read: {1}")]
    Read(PathBuf, io::Error),
    /// The folder is none that can be replayed.
    #[error("{0} contains nothing to replay: it has no folder `inputs`")]
    Nothing(PathBuf),
    /// A line is none.
    #[error("{0}:{1}: {2}")]
    Line(PathBuf, usize, String),
    /// The format is another.
    #[error("{0} has the format {1} of recorded inputs, this version reads up to {FORMAT}")]
    Format(PathBuf, u32),
}

/// Keeps recordings in a run folder, a file per test case.
#[derive(Debug)]
pub struct Store {
    folder: PathBuf,
    stand_ins: StandIns,
    states_of: Vec<SutKind>,
    /// The test cases that were kept, with the heads of their hash chains.
    begun: HashMap<String, Chain>,
}

impl Store {
    /// Keeps the recordings of a run that begins; those of an earlier run in this folder are forgotten.
    pub fn begin(folder: &Path) -> Self {
        // What can't be removed shows when it is to be written.
        let _ = fs::remove_dir_all(folder.join(TESTCASES));
        for path in fs::read_dir(folder.join(INPUTS)).into_iter().flatten().flatten().map(|entry| entry.path()) {
            if path.extension().is_some_and(|extension| extension == "jsonl") {
                let _ = fs::remove_file(path);
            }
        }
        Self::resume(folder)
    }

    /// Goes on keeping the recordings of a run.
    pub fn resume(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), stand_ins: StandIns::default(), states_of: Vec::new(), begun: HashMap::new() }
    }

    /// Keeps the recording of a test case: a further variant or attempt of the same run behind the one before.
    pub fn keep(&mut self, recording: &Recording) -> Result<(), StoreError> {
        self.keep_sources(&recording.setup)?;
        let path = self.folder.join(INPUTS).join(format!("{}.jsonl", recording.id));
        let (mut text, mut chain) = match self.begun.remove(&recording.id) {
            Some(chain) => (fs::read(&path).map_err(|error| StoreError::Read(path.clone(), error))?, chain),
            None => (Vec::new(), Chain::begin(&in_run_folder(&recording.id))),
        };
        for line in self.lines(recording) {
            let line = serde_json::to_vec(&line).map_err(|error| StoreError::Write(path.clone(), error.into()))?;
            chain.add(&line, &mut text);
        }
        self.begun.insert(recording.id.clone(), chain);
        write(&path, &text)
    }

    /// The test case and every state it may run, as they are.
    fn keep_sources(&mut self, setup: &Setup) -> Result<(), StoreError> {
        let side = match sut(setup) {
            SutKind::ChargingStation => "charging-station",
            SutKind::Csms => "csms",
        };
        let folder = self.folder.join(TESTCASES).join(side);
        let header = &setup.case.header;
        let path = folder.join(&header.block).join(format!("{}.yaml", header.id));
        write(&path, setup.case.source.text.as_bytes())?;
        if !self.states_of.contains(&sut(setup)) {
            for (name, state) in setup.states.iter() {
                write(&folder.join("states").join(format!("{name}.yaml")), state.source.text.as_bytes())?;
            }
            self.states_of.push(sut(setup));
        }
        Ok(())
    }

    fn lines(&mut self, recording: &Recording) -> Vec<Line> {
        let nonce: String = uuid::Uuid::new_v4().simple().to_string().chars().take(8).collect();
        let cover = Cover::new(&recording.secrets, &nonce, &mut self.stand_ins);
        let text = |text: &str| cover.text(text);
        let value = |value: &Value| cover.value(value);
        let setup = &recording.setup;
        let (endpoints, client) = Begins::policies(setup);
        let mut kinds: [Vec<_>; 2] =
            [&setup.identities, &setup.client_identities].map(|known| known.keys().copied().collect());
        for kinds in &mut kinds {
            kinds.sort_by_key(|kind| format!("{kind:?}"));
        }
        let [certificates, client_certificates] = kinds;
        let mut lines = vec![Line::Begins(Box::new(Begins {
            format: FORMAT,
            tool_version: env!("CARGO_PKG_VERSION").into(),
            protocol: setup.protocol.version,
            side: Some(sut(setup)),
            test_case: recording.id.clone(),
            sources: fingerprint(setup),
            variant: setup.variant.clone(),
            at: recording.started,
            bench: value(&without_secret_members(&setup.bench, &mut self.stand_ins, false)),
            pics: setup.pics.clone(),
            endpoints,
            certificates,
            client,
            client_certificates,
            memory: Memory::of(&setup.memory, &text, &value),
            nonce: nonce.clone(),
        }))];
        let stand_ins = &mut self.stand_ins;
        let mut request = |request: &UpgradeRequest| {
            let password = request.password.as_ref().map(|password| match password.expose() {
                known if cover.knows(known) => cover.text(known),
                unknown => stand_ins.of(unknown),
            });
            Request::of(request, &text, password)
        };
        let mut effects = recording.effects.iter().peekable();
        let mut did = |told: usize, lines: &mut Vec<Line>| {
            while let Some((_, effect)) = effects.next_if(|(after, _)| *after <= told) {
                lines.extend(Did::of(effect, &text, &value).map(Line::Did));
            }
        };
        did(0, &mut lines);
        for (index, (at, input)) in recording.inputs.iter().enumerate() {
            let what = match input.clone() {
                Input::Link(event) => match event {
                    LinkEvent::Text { conn, text: frame } => Told::Text { conn, text: text(&frame) },
                    LinkEvent::Sent { conn, text: frame } => Told::Sent { conn, text: text(&frame) },
                    LinkEvent::Opened { conn, endpoint, request: asked, subprotocol } => {
                        Told::Opened { conn, endpoint, request: request(&asked), subprotocol }
                    }
                    LinkEvent::AttemptFailed { conn, endpoint, failure, request: asked, hello, head } => {
                        let asked = asked.as_ref().map(&mut request);
                        let head = head.map(|head| text(&head));
                        Told::AttemptFailed { conn, endpoint, failure, request: asked, hello, head }
                    }
                    LinkEvent::Garbage { conn, what } => Told::Garbage { conn, what: text(&what) },
                    LinkEvent::Ping { conn, pong } => Told::Ping { conn, pong },
                    LinkEvent::Closed { conn, code, by } => Told::Closed { conn, code, by },
                },
                Input::OperatorDone(id, outcome) => Told::OperatorDone { id, outcome },
                Input::ServiceDone(id, Ok(answer)) => {
                    Told::ServiceDone { id, answer: Some(value(&answer)), refused: None }
                }
                Input::ServiceDone(id, Err(reason)) => {
                    Told::ServiceDone { id, answer: None, refused: Some(text(&reason)) }
                }
                Input::Tick => Told::Tick,
                Input::Interrupt => Told::Interrupt,
            };
            lines.push(Line::Told { at: at.mono_ns, what });
            did(index + 1, &mut lines);
        }
        if let Some(found) = &recording.found {
            let found = found.clone();
            let (verdict, failures, steps) = (found.verdict, found.failures, found.steps);
            lines.push(Line::Ended(Box::new(Ended { verdict, failures, steps })));
        }
        lines
    }
}

/// The file of a test case's recordings, by its name in the run folder.
fn in_run_folder(id: &str) -> String {
    format!("{INPUTS}/{id}.jsonl")
}

/// A fingerprint of a test case with the states that it may run, itself or by those.
fn fingerprint(setup: &Setup) -> String {
    let mut reached: BTreeMap<&str, &State> = BTreeMap::new();
    let names = |runs: &'_ [RunSite]| runs.iter().map(|site| site.state.clone()).collect::<Vec<_>>();
    let mut pending = names(&setup.case.runs);
    pending.extend(OF_EVERY_TEST_CASE.map(str::to_owned));
    while let Some(name) = pending.pop() {
        if let Some((name, state)) = setup.states.get_key_value(&name) {
            if reached.insert(name, state).is_none() {
                pending.extend(names(&state.runs));
            }
        }
    }
    digest(setup, reached)
}

/// The fingerprint in recordings of the formats before 4, with every state of the side.
fn fingerprint_with_all_states(setup: &Setup) -> String {
    digest(setup, setup.states.iter().map(|(name, state)| (name.as_str(), &**state)).collect())
}

fn digest(setup: &Setup, states: BTreeMap<&str, &State>) -> String {
    let mut hash = Sha256::new();
    let mut take = |text: &str| {
        hash.update(text.len().to_le_bytes());
        hash.update(text);
    };
    take(&setup.case.source.text);
    for (name, state) in states {
        take(name);
        take(&state.source.text);
    }
    crate::certificate::hex(&hash.finalize())
}

/// A file, whole or not at all.
fn write(path: &Path, content: &[u8]) -> Result<(), StoreError> {
    let failed = |error| StoreError::Write(path.to_owned(), error);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    let beside = path.with_extension("part");
    fs::write(&beside, content).and_then(|()| fs::rename(&beside, path)).map_err(failed)
}

/// What is kept of one variant or attempt of a test case.
#[derive(Debug, Clone)]
pub struct Kept {
    pub(super) begins: Box<Begins>,
    pub(super) inputs: Vec<(u64, Told)>,
    /// With the number of inputs that the engine had been told by then.
    pub(super) effects: Vec<(usize, Did)>,
    pub(super) ended: Option<Box<Ended>>,
    /// What the hash chain of the file says.
    chained: Chained,
}

impl Kept {
    /// What the hash chain of the file says that it was read from.
    pub fn chained(&self) -> &Chained {
        &self.chained
    }

    /// When it began.
    pub fn began(&self) -> Stamp {
        self.begins.at
    }

    /// When messages came and went, nanoseconds of the run, whether they came from the SUT, and their texts.
    pub fn frames(&self) -> impl Iterator<Item = (u64, bool, &str)> {
        self.inputs.iter().filter_map(|(at, told)| match told {
            Told::Text { text, .. } => Some((*at, true, text.as_str())),
            Told::Sent { text, .. } => Some((*at, false, text.as_str())),
            _ => None,
        })
    }

    /// The test case.
    pub fn id(&self) -> &str {
        &self.begins.test_case
    }

    /// The version of OCPP.
    pub fn version(&self) -> Version {
        self.begins.protocol
    }

    /// The side under test.
    pub fn sut(&self) -> SutKind {
        let by_id = if self.id().ends_with("_CSMS") { SutKind::Csms } else { SutKind::ChargingStation };
        self.begins.side.unwrap_or(by_id)
    }

    /// True where this test case, or a state that it may run, is not what was run.
    pub(super) fn is_of_other_sources(&self, setup: &Setup) -> bool {
        let of_format = if self.begins.format < 4 { fingerprint_with_all_states } else { fingerprint };
        of_format(setup) != self.begins.sources
    }

    /// The verdict that was reached; `None` when the run broke off.
    pub fn verdict(&self) -> Option<crate::verdict::Verdict> {
        self.ended.as_ref().map(|ended| ended.verdict)
    }

    /// The variant, in words; empty when there is but one.
    pub fn variant(&self) -> String {
        if self.begins.variant.is_empty() {
            String::new()
        } else {
            Value::Object(self.begins.variant.clone()).to_string()
        }
    }
}

/// The test cases that a run folder keeps, with their files; in the order of their names.
pub fn kept(run: &Path) -> Result<Vec<(String, PathBuf)>, StoreError> {
    let folder = run.join(INPUTS);
    if !folder.is_dir() {
        return Err(StoreError::Nothing(run.to_owned()));
    }
    let entries = fs::read_dir(&folder).map_err(|error| StoreError::Read(folder.clone(), error))?;
    let mut found: Vec<_> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "jsonl"))
        .filter_map(|path| Some((path.file_stem()?.to_str()?.to_owned(), path.clone())))
        .collect();
    found.sort();
    Ok(found)
}

/// The sources of the test cases as they were run.
pub fn sources(run: &Path) -> PathBuf {
    run.join(TESTCASES)
}

/// Reads what is kept of a test case: its variants and attempts, in order.
pub fn read(path: &Path) -> Result<Vec<Kept>, StoreError> {
    let failed = |error| StoreError::Read(path.to_owned(), error);
    if fs::metadata(path).map_err(failed)?.len() > MAX_FILE {
        return Err(failed(io::Error::other("it is too large for a recording")));
    }
    let text = fs::read_to_string(path).map_err(failed)?;
    let mut all: Vec<Kept> = Vec::new();
    let name = path.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let mut chain = Follower::new(&in_run_folder(&name));
    for (number, line) in text.lines().enumerate() {
        let line = chain.take(line.as_bytes());
        let bad = |reason: String| StoreError::Line(path.to_owned(), number + 1, reason);
        // The version first: a later format may differ in everything else.
        let line: Value = serde_json::from_slice(&line).map_err(|error| bad(error.to_string()))?;
        if let Some(format) = line.get("begins").and_then(|begins| begins.get("format")?.as_u64()) {
            if format == 0 || format > u64::from(FORMAT) {
                return Err(StoreError::Format(path.to_owned(), u32::try_from(format).unwrap_or(u32::MAX)));
            }
        }
        let line: Line = serde_json::from_value(line).map_err(|error| bad(error.to_string()))?;
        match (line, all.last_mut()) {
            (Line::Begins(begins), _) => {
                all.push(Kept {
                    begins,
                    inputs: Vec::new(),
                    effects: Vec::new(),
                    ended: None,
                    chained: Chained::Absent,
                });
            }
            (_, None) => return Err(bad("it does not start with what the engine started with".into())),
            (Line::Told { at, what }, Some(kept)) => kept.inputs.push((at, what)),
            (Line::Did(did), Some(kept)) => kept.effects.push((kept.inputs.len(), did)),
            (Line::Ended(ended), Some(kept)) => kept.ended = Some(ended),
        }
    }
    for kept in &mut all {
        kept.chained = chain.found();
    }
    Ok(all)
}
