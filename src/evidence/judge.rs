//! Judges a packaged run again: every test case from its recorded inputs, and from the verdicts all that results and reports say.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use super::{
    check::{Checked, Outcome},
    manifest::{PackagedRun, Redacted},
};
use crate::{
    pics::SutKind,
    protocol::Version,
    record::{Direction, PicsFacts, Results, TraceEvent, chain, read, saved::Saved},
    replay::{self, Kept},
    report::{self, Format},
    results::{self, RunInfo, TraceSummary},
    testcase::{catalogue::Catalogue, library::Library},
    verdict::{TestCaseResult, Verdict},
};

/// Most test cases that are named in a sentence.
const NAMED: usize = 8;

/// Judges an unpacked run and tells what came of it.
pub(super) fn judge(checked: &mut Checked, packaged: &PackagedRun, folder: &Path, redacted: Option<&Redacted>) {
    let mut judge = Judge { checked, at: &packaged.folder, redacted };
    let run = match read::run(folder) {
        Ok(run) => run,
        Err(error) => return judge.differs(format!("the run can't be read: {error}")),
    };
    let saved = match Saved::read(folder) {
        Ok(saved) => saved,
        Err(error) => return judge.differs(format!("the run can't be read: {error}")),
    };
    judge.names(packaged, &run, &saved, folder);
    // Judging again and making the reports again take about as long: they go side by side.
    let at = &packaged.folder;
    let (mut of_cases, mut of_reports) = (Checked::default(), Checked::default());
    let (decided, read) = std::thread::scope(|scope| {
        let cases = &mut of_cases;
        let judging = scope.spawn(|| Judge { checked: cases, at, redacted }.test_cases(folder, &run.results));
        let read = traced(&run, folder);
        if let Ok((trace, _)) = &read {
            Judge { checked: &mut of_reports, at, redacted }.reports(&run, trace, folder, packaged);
        }
        (judging.join(), read)
    });
    checked.lines.append(&mut of_cases.lines);
    let mut judge = Judge { checked, at, redacted };
    let Ok(decided) = decided else {
        return judge.say(
            Outcome::Undecided,
            "judging again came to no end: this is a failure of the tool itself; please report it",
        );
    };
    judge.verdicts(&run.results, &saved, &decided);
    let (trace, traced) = match read {
        Ok(read) => read,
        Err(error) => return judge.differs(format!("the trace can't be read: {error}")),
    };
    judge.frames(traced, &saved, &decided.frames);
    judge.results(&run, &saved, &trace);
    checked.lines.append(&mut of_reports.lines);
}

/// What the trace says, and the messages in it.
fn traced(run: &read::Run, folder: &Path) -> Result<(TraceSummary, Frames), read::ReadError> {
    let mut traced = Frames::new();
    let trace = TraceSummary::read_with(&run.pics, folder, |entry| {
        if let (Some(id), TraceEvent::Frame { direction, .. }) = (&entry.test_case, &entry.what) {
            let frame = (entry.at.mono_ns, *direction == Direction::FromSut);
            match traced.get_mut(id) {
                Some(frames) => frames.push(frame),
                None => drop(traced.insert(id.clone(), vec![frame])),
            }
        }
    })?;
    Ok((trace, traced))
}

/// When messages came and went, by test case: nanoseconds of the run, and whether from the SUT.
type Frames = BTreeMap<String, Vec<(u64, bool)>>;

/// What was found of the test cases of a run.
#[derive(Default)]
struct Decided {
    /// The verdicts of each test case's recordings, each with its variant, in order.
    verdicts: BTreeMap<String, Vec<(String, Verdict)>>,
    /// The messages of the recordings.
    frames: Frames,
    /// Test cases that can't be judged again.
    untold: BTreeSet<String>,
}

struct Judge<'c> {
    checked: &'c mut Checked,
    at: &'c str,
    redacted: Option<&'c Redacted>,
}

impl Judge<'_> {
    fn say(&mut self, outcome: Outcome, text: impl AsRef<str>) {
        self.checked.say(outcome, Some(self.at), text);
    }

    fn differs(&mut self, text: impl AsRef<str>) {
        self.say(Outcome::Differs, text);
    }

    /// Manifest, `run.json` and `results.json` speak of the same run.
    fn names(&mut self, packaged: &PackagedRun, run: &read::Run, saved: &Saved, folder: &Path) {
        let (manifest, results) = (&saved.manifest, &run.results);
        let pics = fs::read(folder.join(read::PICS_FILE)).map(|text| chain::sha256(&text)).unwrap_or_default();
        let same = [
            ("the run's id", packaged.run_id == results.run_id && manifest.run_id == results.run_id),
            ("the product", packaged.product == results.product && results.product == run.pics.product.designation),
            (
                "the version of the tool",
                packaged.tool_version == results.tool_version && manifest.tool_version == results.tool_version,
            ),
            ("the test cases' digest", packaged.test_cases == manifest.test_cases),
            (
                "the PICS",
                packaged.pics_sha256 == pics && results.pics.as_ref().is_none_or(|it| *it == PicsFacts::of(&run.pics)),
            ),
            ("when it began", manifest.started == results.started),
            ("when it was resumed", manifest.resumed == results.resumed),
            ("what was tested", manifest.sut == results.sut && manifest.faults == results.faults),
        ];
        for (what, _) in same.iter().filter(|(_, same)| !same) {
            self.differs(format!("manifest, run.json and results.json do not agree on {what}"));
        }
        if results.simulated() {
            self.say(Outcome::Note, "not a real product: the run was made against the embedded simulator");
        }
        if results.tool_version != env!("CARGO_PKG_VERSION") {
            let text = format!(
                "ocpp-attest {} made the run; this is {}, whose words and test cases may differ",
                results.tool_version,
                env!("CARGO_PKG_VERSION")
            );
            self.say(Outcome::Note, text);
        }
    }

    /// Judges every recording again.
    fn test_cases(&mut self, folder: &Path, results: &Results) -> Decided {
        let mut decided = Decided::default();
        let files = match replay::kept(folder) {
            Ok(files) => files,
            Err(error) => {
                self.say(Outcome::Undecided, format!("no verdict can be judged again: {error}"));
                return decided;
            }
        };
        let (mut libraries, mut catalogues) = (Libraries::default(), Embedded::default());
        let (mut same, mut foreign) = (0, BTreeSet::new());
        for (id, path) in files {
            let all = match replay::read(&path) {
                Ok(all) => all,
                Err(error) => {
                    self.differs(format!("{id}: its recording can't be read: {error}"));
                    continue;
                }
            };
            for kept in &all {
                if kept.id() != id {
                    self.differs(format!("{id}: its recording is of {}", kept.id()));
                    continue;
                }
                match libraries.judge(folder, kept) {
                    Err(why) => {
                        self.differs(format!("{id}: its test case can't be read: {why}"));
                        decided.untold.insert(id.clone());
                    }
                    Ok((again, changed)) => {
                        if self.compare(&id, kept, &again, changed, &mut decided) {
                            same += 1;
                        }
                        decided.verdicts.entry(id.clone()).or_default().push((kept.variant(), again.verdict));
                    }
                }
                decided.frames.entry(id.clone()).or_default().extend(kept.frames());
                if !catalogues.has(kept, folder) {
                    foreign.insert(id.clone());
                }
            }
        }
        if same > 0 {
            self.say(
                Outcome::Holds,
                format!(
                    "{same} recordings judged again: every step, every message of ours and every verdict as recorded"
                ),
            );
        }
        if foreign.is_empty() {
            self.say(Outcome::Holds, "the test cases are word for word those of this ocpp-attest");
        } else {
            let text = format!(
                "{} test cases were run with a text that is not that of this ocpp-attest; whether it says what the specification says was not judged: {}",
                foreign.len(),
                listed(&foreign)
            );
            self.say(Outcome::Undecided, text);
        }
        let unrecorded: BTreeSet<String> = results
            .test_cases
            .iter()
            .filter(|case| !decided.verdicts.contains_key(&case.id) && case.verdict != Verdict::NotImplemented)
            .map(|case| case.id.clone())
            .collect();
        if !unrecorded.is_empty() {
            self.say(
                Outcome::Undecided,
                format!("{} test cases have a verdict and no recording: {}", unrecorded.len(), listed(&unrecorded)),
            );
        }
        decided
    }

    /// True where a recording is judged as it was.
    fn compare(&mut self, id: &str, kept: &Kept, again: &replay::Again, changed: bool, decided: &mut Decided) -> bool {
        if let Some(complaint) = kept.chained().complaint(&format!("inputs/{id}.jsonl")) {
            self.differs(complaint);
            return false;
        }
        let recorded = kept.verdict();
        if again.divergence.is_none() && recorded == Some(again.verdict) {
            return true;
        }
        decided.untold.insert(id.to_owned());
        if self.redacted.is_some_and(|redacted| redacted.not_judged_again.iter().any(|known| known == id)) {
            self.say(Outcome::Undecided, format!("{id}: it can't be judged again, because of what was redacted"));
            return false;
        }
        let was = recorded.map_or("broken off", Verdict::word);
        let mut text = format!("{id}: judged again it is {}; recorded is {was}", again.verdict.word());
        if let Some(divergence) = &again.divergence {
            text += &format!(
                "; first difference at {} ({:.3} s): recorded {}, now {}",
                divergence.step, divergence.at_s, divergence.expected, divergence.found
            );
        }
        if changed {
            text += "; the test case in the package is not the one that was run";
        }
        self.differs(text);
        false
    }

    /// The verdicts of the results are those of the recordings.
    fn verdicts(&mut self, results: &Results, saved: &Saved, decided: &Decided) {
        let before = self.checked.lines.len();
        let is_judged = |id: &String| decided.verdicts.contains_key(id) && !decided.untold.contains(id);
        for case in &results.test_cases {
            let written = saved.results.iter().find(|written| written.id == case.id);
            if let Some(written) = written.filter(|written| written.verdict != case.verdict) {
                self.differs(format!(
                    "{}: results.json says {}, results.jsonl says {}",
                    case.id, case.verdict, written.verdict
                ));
            }
            let Some(found) = decided.verdicts.get(&case.id).filter(|_| !decided.untold.contains(&case.id)) else {
                continue;
            };
            let expected = verdict_of(case, found);
            if expected != case.verdict {
                self.differs(format!("{}: results.json says {}, the recording says {expected}", case.id, case.verdict));
            }
        }
        for id in decided.verdicts.keys().filter(|id| results.test_cases.iter().all(|case| case.id != **id)) {
            self.differs(format!("{id}: there is a recording, and no verdict in results.json"));
        }
        if self.checked.lines.len() == before {
            let judged = results.test_cases.iter().filter(|case| is_judged(&case.id)).count();
            self.say(
                Outcome::Holds,
                format!(
                    "{judged} of {} verdicts in results.json are those of the recordings",
                    results.test_cases.len()
                ),
            );
        }
    }

    /// The trace has the messages of the recordings, at the same times: the KPIs are measured in it.
    fn frames(&mut self, mut traced: Frames, saved: &Saved, recorded: &Frames) {
        let merged = !saved.manifest.merged.is_empty();
        let (mut same, mut messages) = (true, 0);
        for (id, recorded) in recorded {
            let traced = traced.remove(id).unwrap_or_default();
            // The times of a run that was merged into another are those of the other.
            let later = match (traced.first(), recorded.first()) {
                (Some(traced), Some(recorded)) if merged => traced.0.wrapping_sub(recorded.0),
                _ => 0,
            };
            let shifted = recorded.iter().map(|(at, from_sut)| (at.wrapping_add(later), *from_sut));
            messages += traced.len();
            if !shifted.eq(traced.iter().copied()) {
                same = false;
                let text = format!(
                    "{id}: the trace has {} messages, the recording {}, or their times differ",
                    traced.len(),
                    recorded.len()
                );
                self.differs(text);
            }
        }
        for id in traced.keys() {
            same = false;
            self.say(Outcome::Undecided, format!("{id}: the trace has messages of it, and there is no recording"));
        }
        if same {
            self.say(
                Outcome::Holds,
                format!("the trace has the {messages} messages of the recordings at the same times"),
            );
        }
    }

    /// Profiles, KPIs, causes and the verdict of the whole run follow from verdicts and trace.
    fn results(&mut self, run: &read::Run, saved: &Saved, trace: &TraceSummary) {
        let written = &run.results;
        let info = RunInfo {
            run_id: written.run_id.clone(),
            started: written.started,
            finished: written.finished,
            resumed: written.resumed.clone(),
            sut: written.sut.clone(),
            faults: written.faults.clone(),
            shuffle: written.shuffle,
            interrupted: written.interrupted,
            calibration: saved.manifest.calibration.clone(),
            tested_by: saved.manifest.tested_by.clone(),
            expectations: written.expectations.clone(),
        };
        let mut again = results::summarise(&run.pics, &run.plan, written.test_cases.clone(), trace, info);
        again.test_cases.clear();
        // Numbers as they are after they were written and read.
        let Some(again) =
            serde_json::to_string(&again).ok().and_then(|text| serde_json::from_str::<Results>(&text).ok())
        else {
            return;
        };
        let same = [
            ("the results of the certification profiles", again.profiles == written.profiles),
            ("the KPIs", again.kpis == written.kpis),
            ("the verdict of the whole run", again.verdict == written.verdict),
            ("the causes", again.causes == written.causes),
            ("the remarks", again.remarks == written.remarks),
            ("laboratory and approval", again.tested_by == written.tested_by),
            ("the calibration", again.calibration == written.calibration),
        ];
        for (what, _) in same.iter().filter(|(_, same)| !same) {
            self.differs(format!("{what} in results.json do not follow from verdicts and trace"));
        }
        let missing = saved.manifest.chosen.iter().any(|id| written.test_cases.iter().all(|case| case.id != *id));
        if missing && !written.interrupted {
            self.differs(
                "results.json lacks a test case that was chosen, and does not say that the run was interrupted",
            );
        }
        if same.iter().all(|(_, same)| *same) {
            self.say(Outcome::Holds, "profiles, KPIs and the verdict of the whole run follow from verdicts and trace");
        }
    }

    /// Abstract and reports say what the results say.
    fn reports(&mut self, run: &read::Run, trace: &TraceSummary, folder: &Path, packaged: &PackagedRun) {
        let own = run.results.tool_version == env!("CARGO_PKG_VERSION");
        let what = report::Run {
            pics: &run.pics,
            plan: &run.plan,
            results: &run.results,
            trace,
            seal: packaged.sealed_by_run.then_some(packaged.seal.as_str()),
        };
        let (mut same, mut absent) = (Vec::new(), Vec::new());
        for format in Format::ALL {
            let name = format.file();
            let Ok(written) = fs::read(folder.join(name)) else {
                absent.push(name);
                continue;
            };
            match report::render(*format, what) {
                Ok(again) if again == written => same.push(name),
                Ok(_) if own => {
                    self.differs(format!("{name} does not say what the results say: made again it is another file"));
                }
                Ok(_) => self.say(
                    Outcome::Undecided,
                    format!("{name} is not what this version would write, and was not held against the results"),
                ),
                Err(error) => self.say(Outcome::Undecided, format!("{name} was not held against the results: {error}")),
            }
        }
        if !same.is_empty() {
            self.say(Outcome::Holds, format!("{} say what the results say, byte for byte", same.join(", ")));
        }
        if !absent.is_empty() {
            self.say(Outcome::Note, format!("not in the package: {}", absent.join(", ")));
        }
    }
}

/// The verdict that a test case's recordings come to. Each variant counts by its last recording, for a test case that found no product
/// is run again; with retries, every attempt counts.
fn verdict_of(case: &TestCaseResult, found: &[(String, Verdict)]) -> Verdict {
    let worst = |verdicts: &mut dyn Iterator<Item = Verdict>| verdicts.max().unwrap_or(Verdict::Inconclusive);
    if case.is_flaky() {
        return Verdict::Inconclusive;
    }
    if !case.attempts.is_empty() {
        return worst(&mut found.iter().map(|(_, verdict)| *verdict));
    }
    let last: BTreeMap<&str, Verdict> = found.iter().map(|(variant, verdict)| (variant.as_str(), *verdict)).collect();
    worst(&mut last.into_values())
}

fn listed(ids: &BTreeSet<String>) -> String {
    let more = if ids.len() > NAMED { ", …" } else { "" };
    ids.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ") + more
}

/// The recorded test cases of each version and side, read when they are needed.
#[derive(Default)]
pub(super) struct Libraries(Vec<Library>);

impl Libraries {
    /// Judges a recording again; with it whether the test case in the folder is another than the one that was run.
    pub(super) fn judge(&mut self, folder: &Path, kept: &Kept) -> Result<(replay::Again, bool), String> {
        let (version, sut) = (kept.version(), kept.sut());
        let found = self.0.iter().position(|library| library.version == version && library.sut == sut);
        let at = match found {
            Some(at) => at,
            None => {
                self.0.push(recorded(folder, version, sut)?);
                self.0.len() - 1
            }
        };
        let again = replay::exactly(kept, &self.0[at]).ok_or("it is not in the folder")?;
        let changed = again.divergence.is_some() && replay::changed(kept, &self.0[at]);
        Ok((again, changed))
    }
}

fn recorded(folder: &Path, version: Version, sut: SutKind) -> Result<Library, String> {
    let said = |defects: Vec<crate::yaml::Defects>| defects.first().map(ToString::to_string).unwrap_or_default();
    let catalogue = Catalogue::recorded(&replay::sources(folder), version).map_err(said)?;
    Library::load(&catalogue, sut).map_err(said)
}

/// The test cases that are compiled in, by version, and whether a run has the same states.
#[derive(Default)]
struct Embedded {
    catalogues: BTreeMap<&'static str, Option<Catalogue>>,
    states: BTreeMap<(&'static str, &'static str), bool>,
}

impl Embedded {
    /// True where test case and states in the folder have the texts of those that are compiled in.
    fn has(&mut self, kept: &Kept, folder: &Path) -> bool {
        let (version, sut) = (kept.version(), kept.sut());
        let name = version.protocol().name;
        let catalogue = self.catalogues.entry(name).or_insert_with(|| Catalogue::embedded(version).ok());
        let Some((all, entry)) = catalogue.as_ref().and_then(|all| Some((all, all.cases.get(kept.id())?))) else {
            return false;
        };
        let side = match sut {
            SutKind::ChargingStation => "charging-station",
            SutKind::Csms => "csms",
        };
        let sources = replay::sources(folder).join(side);
        let is = |path: &Path, text: &str| fs::read(path).is_ok_and(|found| found == text.as_bytes());
        let states = *self.states.entry((name, side)).or_insert_with(|| {
            let mut own = all.states.iter().filter(|((of, _), _)| *of == sut);
            own.all(|((_, name), source)| is(&sources.join("states").join(format!("{name}.yaml")), &source.text))
        });
        states && is(&sources.join(&entry.header.block).join(format!("{}.yaml", kept.id())), &entry.source.text)
    }
}
