//! `ocpp-attest replay`: a recorded run, judged again.

use std::path::{Path, PathBuf};

use clap::Args;
use globset::GlobSet;
use serde::Serialize;

use super::{Format, Problem, exit, print};
use crate::{
    record::{Results, chain::Chained},
    replay::{self, Again, Divergence, Kept, StoreError},
    runner,
    testcase::{catalogue::Catalogue, library::Library},
    verdict::Verdict,
    yaml::shorten,
};

/// Arguments of `replay`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The run folder
    #[arg(value_name = "RUN_DIR")]
    folder: PathBuf,
    /// Replay only these test cases (repeatable)
    #[arg(long = "test", value_name = "GLOB")]
    tests: Vec<String>,
    /// Judge the recording by these test cases instead, as far as it allows
    #[arg(long, value_name = "DIR")]
    against: Option<PathBuf>,
    /// Output format
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

/// What became of one recording.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Line {
    test_case: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    variant: String,
    /// The verdict that was reached; none where the run broke off.
    recorded: Option<Verdict>,
    /// The verdict now; none where there is no such test case.
    replayed: Option<Verdict>,
    same: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    divergence: Option<Divergence>,
    /// The deciding finding, where the verdict is another.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        let help = match &error {
            StoreError::Nothing(_) => {
                "runs of this version record what is needed; a run of an older version can't be replayed"
            }
            StoreError::Format(..) => "replay it with the version of ocpp-attest that recorded it",
            StoreError::Line(..) => "the file was changed or truncated; copy it from the original run folder",
            StoreError::Read(..) | StoreError::Write(..) => "check the path and its permissions",
        };
        Problem::Input(error.to_string(), help.into())
    }
}

/// Runs the subcommand.
pub fn run(arguments: &Arguments) -> Result<u8, Problem> {
    let only = runner::globs(&arguments.tests)
        .map_err(|error| Problem::Input(error.to_string(), "write a pattern such as `TC_B_*_CS`".into()))?;
    let chosen = |id: &str| only.as_ref().is_none_or(|only: &GlobSet| only.is_match(id));
    let files: Vec<_> = replay::kept(&arguments.folder)?.into_iter().filter(|(id, _)| chosen(id)).collect();
    if files.is_empty() {
        let message = format!("{} has no recording of this test case", arguments.folder.display());
        return Err(Problem::Input(message, "its folder `inputs` shows the recorded test cases".into()));
    }
    let own = replay::sources(&arguments.folder);
    let results = read_results(&arguments.folder);
    let mut libraries = Libraries {
        folder: arguments.against.as_deref().unwrap_or(&own),
        own: arguments.against.is_none(),
        read: Vec::new(),
    };
    let (mut lines, mut unchained) = (Vec::new(), 0);
    for (id, path) in files {
        let all = replay::read(&path)?;
        unchained += all.iter().filter(|kept| *kept.chained() == Chained::Absent).count();
        let mut worst: Option<Verdict> = None;
        for kept in &all {
            let library = libraries.of(kept)?;
            let line = if arguments.against.is_some() { told(kept, library) } else { repeated(kept, library) };
            worst = worst.max(line.replayed);
            lines.push(line);
        }
        let written = results
            .as_ref()
            .and_then(|results| results.test_cases.iter().find(|case| case.id == id).map(|case| case.verdict));
        if let (None, Some(written), Some(found), Some(last)) = (&arguments.against, written, worst, lines.last_mut()) {
            // With several attempts the last one counts; with several variants the worst.
            if last.same && written != found && Some(written) != last.replayed {
                last.same = false;
                last.note = Some(format!("results.json says {written}, the recording says {found}"));
            }
        }
    }
    show(arguments, &lines);
    if unchained > 0 && arguments.format == Format::Text {
        print(&format!("{unchained} of them without a hash chain: an earlier version recorded them\n"));
    }
    Ok(status(arguments.against.is_some(), &lines))
}

fn status(against: bool, lines: &[Line]) -> u8 {
    let any = |verdict: Verdict| lines.iter().any(|line| line.replayed == Some(verdict));
    if !against {
        return if lines.iter().all(|line| line.same) { exit::OK } else { exit::FAILED };
    }
    if any(Verdict::Error) {
        exit::OWN_ERROR
    } else if any(Verdict::Fail) {
        exit::FAILED
    } else if lines.iter().all(|line| line.replayed == Some(Verdict::Pass)) {
        exit::OK
    } else {
        exit::INCOMPLETE
    }
}

/// The test cases of each version and side, read when they are needed.
struct Libraries<'f> {
    folder: &'f Path,
    /// It is the run folder's own.
    own: bool,
    read: Vec<Library>,
}

impl Libraries<'_> {
    fn of(&mut self, kept: &Kept) -> Result<&Library, Problem> {
        let (version, sut) = (kept.version(), kept.sut());
        let found = self.read.iter().position(|library| library.version == version && library.sut == sut);
        let at = match found {
            Some(at) => at,
            None => {
                let from = if self.own { Catalogue::recorded } else { Catalogue::from_folder };
                self.read.push(Library::load(&from(self.folder, version)?, sut)?);
                self.read.len() - 1
            }
        };
        self.read.get(at).ok_or_else(|| Problem::Own("no test cases".into()))
    }
}

fn read_results(folder: &Path) -> Option<Results> {
    serde_json::from_slice(&std::fs::read(folder.join("results.json")).ok()?).ok()
}

fn line(kept: &Kept, again: Option<Again>) -> Line {
    let recorded = kept.verdict();
    let mut line = Line {
        test_case: kept.id().to_owned(),
        variant: kept.variant(),
        recorded,
        replayed: None,
        same: false,
        divergence: None,
        reason: None,
        note: None,
    };
    let Some(again) = again else {
        line.note = Some("there is no test case with this id".into());
        return line;
    };
    line.replayed = Some(again.verdict);
    line.same = again.divergence.is_none() && recorded == Some(again.verdict);
    if recorded != Some(again.verdict) {
        line.reason = again.failures.first().map(|failure| format!("{}: {}", failure.step, failure.in_a_line()));
    }
    line.divergence = again.divergence;
    line
}

/// Must be as it was.
fn repeated(kept: &Kept, library: &Library) -> Line {
    let mut line = line(kept, replay::exactly(kept, library));
    if let Some(complaint) = kept.chained().complaint(&format!("{}.jsonl", kept.id())) {
        line.same = false;
        line.note = Some(complaint);
    } else if !line.same && replay::changed(kept, library) {
        line.note = Some("the test case in the run folder is not the one that was run".into());
    }
    line
}

/// What another version of the test case would have said.
fn told(kept: &Kept, library: &Library) -> Line {
    let mut line = line(kept, replay::against(kept, library));
    line.same = line.recorded.is_some() && line.recorded == line.replayed;
    line
}

fn show(arguments: &Arguments, lines: &[Line]) {
    if arguments.format == Format::Json {
        let text = serde_json::to_string_pretty(lines).unwrap_or_default();
        print(&format!("{text}\n"));
        return;
    }
    let against = arguments.against.is_some();
    for line in lines {
        let word = match (line.same, against) {
            (true, _) => "same",
            (false, true) => "other",
            (false, false) => "DIFFERS",
        };
        let was = line.recorded.map_or("broken off", Verdict::word);
        let is = line.replayed.map_or("no such test case", Verdict::word);
        let verdicts = if was == is { was.to_owned() } else { format!("{was} -> {is}") };
        print(&format!("{word:<8} {:<14} {verdicts} {}\n", line.test_case, line.variant));
        let add = |name: &str, text: &str| print(&format!("    {name:<12} {}\n", shorten(text, 1000)));
        if let Some(note) = &line.note {
            add("note", note);
        }
        if let Some(divergence) = line.divergence.as_ref().filter(|_| !line.same || !against) {
            add("step", &divergence.step);
            add("at", &format!("{:.6} s of the run", divergence.at_s));
            add("recorded", &divergence.expected);
            add("now", &divergence.found);
        } else if let Some(reason) = &line.reason {
            add("reason", reason);
        }
    }
    let same = lines.iter().filter(|line| line.same).count();
    let what = if against { "with the same verdict" } else { "as they were" };
    print(&format!("\n{} replayed, {same} {what}, {} not\n", lines.len(), lines.len() - same));
}
