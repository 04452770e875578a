//! Judges a packaged run again: every test case from its recorded inputs, and from the verdicts all that results and reports say.

use std::{
    collections::BTreeMap,
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
};

use super::{
    check::{Checked, Outcome},
    manifest::{PackagedRun, Redacted},
    messages::{self, Messages},
    recordings::{Decided, Found, Recordings},
};
use crate::{
    parallel::{cores, in_parallel},
    record::{Direction, PicsFacts, Results, TraceEvent, chain, read, saved::Saved},
    replay,
    report::{self, Format},
    results::{self, RunInfo, TraceSummary},
    verdict::{TestCaseResult, Verdict},
};

/// A piece of the work; the longest is the first.
enum Work {
    /// Read the trace, and make the reports again.
    Reports,
    /// Judge the recordings of a test case again.
    TestCase(String, PathBuf),
}

/// What came of it.
enum Done {
    Reports(Checked, Box<Result<(TraceSummary, Messages), read::ReadError>>),
    TestCase(Found),
    /// The tool itself failed.
    Failed,
}

/// Judges an unpacked run and tells what came of it.
pub(super) fn judge(checked: &mut Checked, packaged: &PackagedRun, folder: &Path, redacted: Option<&Redacted>) {
    let at = &packaged.folder;
    let mut judge = Judge { checked, at };
    let read = std::thread::scope(|scope| {
        let saved = scope.spawn(|| Saved::read(folder));
        let run = read::run(folder)?;
        let saved = saved.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        Ok::<_, read::ReadError>((run, saved))
    });
    let (run, saved) = match read {
        Ok(read) => read,
        Err(error) => return judge.differs(format!("the run can't be read: {error}")),
    };
    judge.names(packaged, &run, &saved, folder);
    let files = replay::kept(folder);
    let kept = files.as_ref().map_or(&[][..], Vec::as_slice);
    let recordings = Recordings::new(folder, at, redacted);
    let work =
        std::iter::once(Work::Reports).chain(kept.iter().map(|(id, path)| Work::TestCase(id.clone(), path.clone())));
    let done = in_parallel(work, cores(), |work| {
        let done = catch_unwind(AssertUnwindSafe(|| match work {
            Work::TestCase(id, path) => Done::TestCase(recordings.judge(id, &path)),
            Work::Reports => {
                let (mut found, read) = (Checked::default(), traced(&run, folder, &recordings));
                if let Ok((trace, _)) = &read {
                    Judge { checked: &mut found, at }.reports(&run, trace, folder, packaged);
                }
                Done::Reports(found, Box::new(read))
            }
        }));
        done.unwrap_or(Done::Failed)
    });
    let (mut of_cases, mut of_reports) = (Vec::new(), None);
    for done in done {
        match done {
            Done::TestCase(found) => of_cases.push(found),
            Done::Reports(lines, read) => of_reports = Some((lines, *read)),
            Done::Failed => {
                return judge.say(
                    Outcome::Undecided,
                    "judging again came to no end: this is a failure of the tool itself; please report it",
                );
            }
        }
    }
    let decided = match &files {
        Ok(_) => recordings.gather(judge.checked, of_cases.into_iter(), &run.results),
        Err(error) => {
            judge.say(Outcome::Undecided, format!("no verdict can be judged again: {error}"));
            Decided::default()
        }
    };
    judge.verdicts(&run.results, &saved, &decided);
    match of_reports {
        None => {}
        Some((_, Err(error))) => judge.differs(format!("the trace can't be read: {error}")),
        Some((mut reports, Ok((trace, traced)))) => {
            judge.messages(traced, &saved, &decided.messages, kept);
            judge.results(&run, &saved, &trace);
            judge.checked.lines.append(&mut reports.lines);
        }
    }
}

/// What the trace says, and the messages in it by test case.
fn traced(
    run: &read::Run,
    folder: &Path,
    recordings: &Recordings<'_>,
) -> Result<(TraceSummary, Messages), read::ReadError> {
    let mut traced = Messages::new();
    let trace = TraceSummary::read_with(&run.pics, folder, |entry| {
        if let (Some(id), TraceEvent::Frame { direction, text }) = (&entry.test_case, &entry.what) {
            let message = recordings.digests.traced(&entry.at, *direction == Direction::FromSut, text);
            match traced.get_mut(id) {
                Some(messages) => messages.push(message),
                None => drop(traced.insert(id.clone(), vec![message])),
            }
        }
    })?;
    Ok((trace, traced))
}

/// What the run says of the product: that a package holds does not mean that the product has passed.
fn said(results: &Results, run: &read::Run) -> String {
    let passed = results.test_cases.iter().filter(|case| case.verdict == Verdict::Pass).count();
    let laboratory = results.tested_by.laboratory.name.as_deref().unwrap_or("no laboratory is named");
    let second = |time: jiff::Timestamp| time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string();
    format!(
        "it says of {} (OCPP {}): {passed} of {} test cases passed, the verdict of the run is {}; from {} to {}; {laboratory}",
        results.product,
        run.pics.ocpp,
        results.test_cases.len(),
        results.verdict,
        second(results.started),
        second(results.finished),
    )
}

struct Judge<'c> {
    checked: &'c mut Checked,
    at: &'c str,
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
        self.say(Outcome::Note, said(results, run));
        if results.simulated() {
            let text = "not a real product: the run was made against the embedded simulator, with the times of a virtual clock";
            self.say(Outcome::Note, text);
        }
        if !results.faults.is_empty() {
            let text = format!("faults were put into the product or the connection: {}", results.faults.join(", "));
            self.say(Outcome::Note, text);
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

    /// The trace has the messages of the recordings, at the same times.
    fn messages(&mut self, mut traced: Messages, saved: &Saved, recorded: &Messages, files: &[(String, PathBuf)]) {
        let merged = !saved.manifest.merged.is_empty();
        let (mut same, mut count) = (true, 0);
        for (id, recorded) in recorded {
            let traced = traced.remove(id).unwrap_or_default();
            count += traced.len();
            let texts = || {
                let (_, path) = files.iter().find(|(known, _)| known == id)?;
                let all = replay::read(path).ok()?;
                Some(all.iter().flat_map(replay::Kept::frames).map(|(_, _, text)| text.to_owned()).collect())
            };
            if let Some(difference) = messages::difference(&traced, recorded, merged, texts) {
                same = false;
                self.differs(format!("{id}: {difference}"));
            }
        }
        for id in traced.keys() {
            same = false;
            self.say(Outcome::Undecided, format!("{id}: the trace has messages of it, and there is no recording"));
        }
        if same {
            let text =
                format!("the trace has the {count} messages of the recordings, word for word and at the same times");
            self.say(Outcome::Holds, text);
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
            self.differs(format!("results.json has what does not follow from verdicts and trace: {what}"));
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
