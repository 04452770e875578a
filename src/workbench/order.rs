//! A run as it is asked for: the plan that a choice of files yields, and the command line that does it.

use std::{
    collections::HashMap,
    ffi::OsString,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use serde::Serialize;

use super::{
    inputs::{ChosenBench, Inputs, side},
    refused::Refused,
};
use crate::{
    pics::Pics,
    protocol::{Protocol, Version},
    selection::{self, PlanEntry},
    services::firmware::Firmware,
    testcase::catalogue::Catalogue,
    text::shell_word,
};

/// The folder into which runs go where nobody names one; `run` has the same.
pub(super) const RUNS: &str = "reports";

/// Where the test cases come from.
#[derive(Debug, Default)]
pub(super) struct TestCases {
    pub(super) folder: Option<PathBuf>,
    /// Those that are compiled in never change.
    embedded: Mutex<HashMap<Version, Arc<Catalogue>>>,
}

impl TestCases {
    pub(super) fn new(folder: Option<PathBuf>) -> Self {
        Self { folder, embedded: Mutex::default() }
    }

    pub(super) fn of(&self, version: Version) -> Result<Arc<Catalogue>, Refused> {
        if let Some(folder) = &self.folder {
            return Ok(Arc::new(Catalogue::from_folder(folder, version)?));
        }
        let mut known = self.embedded.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(catalogue) = known.get(&version) {
            return Ok(catalogue.clone());
        }
        let catalogue = Arc::new(Catalogue::embedded(version)?);
        known.insert(version, catalogue.clone());
        Ok(catalogue)
    }
}

/// A test case of the plan, as the page shows it.
#[derive(Debug, Serialize)]
struct Planned {
    #[serde(flatten)]
    entry: PlanEntry,
    purpose: String,
    note: Option<String>,
}

/// What the page shows of a choice.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Plan {
    product: String,
    side: &'static str,
    ocpp: String,
    blocks: Vec<(String, String)>,
    entries: Vec<Planned>,
    /// The command line, before and after the choice of test cases.
    command: [String; 2],
}

/// A choice of files that fit each other.
pub(super) struct Chosen {
    pub(super) pics_path: PathBuf,
    pub(super) pics: Pics,
    pub(super) bench: ChosenBench,
    pub(super) entries: Vec<PlanEntry>,
    catalogue: Arc<Catalogue>,
    pub(super) protocol: &'static Protocol,
}

impl Chosen {
    /// Reads the chosen files as `run` does, and refuses what it would refuse.
    pub(super) fn read(inputs: &Inputs, test_cases: &TestCases, pics: &str, bench: &str) -> Result<Self, Refused> {
        let (pics_path, pics) = inputs.pics(pics)?;
        let bench = inputs.bench(bench)?;
        if let ChosenBench::File(_, bench) = &bench {
            bench.fits(&pics)?;
            Firmware::read(bench)?;
        }
        let catalogue = test_cases.of(pics.ocpp)?;
        let entries = selection::plan(&pics, &catalogue);
        let protocol = pics.ocpp.protocol();
        Ok(Self { pics_path, pics, bench, entries, catalogue, protocol })
    }

    /// The test cases of these ids, in the order of the plan; all that apply where none is named.
    pub(super) fn tests(&self, ids: &[String]) -> Result<Vec<String>, Refused> {
        let applicable = || self.entries.iter().filter(|entry| entry.applicable);
        if let Some(unknown) = ids.iter().find(|id| !applicable().any(|entry| entry.id == **id)) {
            return Err(Refused::NotInPlan(unknown.chars().take(60).collect()));
        }
        let chosen = applicable().filter(|entry| ids.is_empty() || ids.contains(&entry.id));
        let chosen: Vec<String> = chosen.map(|entry| entry.id.clone()).collect();
        if chosen.is_empty() { Err(Refused::NothingChosen) } else { Ok(chosen) }
    }

    /// The command that runs these test cases (all if none is named) into `out`.
    pub(super) fn command(&self, tests: &[String], out: PathBuf, test_cases: &TestCases, faults: &[String]) -> Command {
        let (bench, simulated, by_itself) = match &self.bench {
            ChosenBench::Simulated => (None, true, true),
            ChosenBench::Defaults => (None, false, false),
            ChosenBench::File(path, bench) => (Some(path.clone()), false, bench.operator.is_some()),
        };
        Command {
            test_cases: test_cases.folder.clone(),
            pics: self.pics_path.clone(),
            bench,
            simulated,
            faults: if simulated { faults.to_vec() } else { Vec::new() },
            tests: tests.to_vec(),
            asks_a_person: !by_itself,
            out,
        }
    }

    /// What the page shows of it.
    pub(super) fn plan(self, test_cases: &TestCases, out: PathBuf, faults: &[String]) -> Plan {
        let command = self.command(&[], out, test_cases, faults).shown_around_tests();
        let Self { pics, entries, catalogue, protocol, .. } = self;
        let planned = |entry: PlanEntry| {
            let header = catalogue.cases.get(&entry.id).map(|case| &case.header);
            Planned {
                purpose: header.map_or_else(String::new, |header| header.purpose.clone()),
                note: header.and_then(|header| header.note.clone()),
                entry,
            }
        };
        let mut blocks: Vec<(String, String)> = Vec::new();
        for entry in &entries {
            if !blocks.iter().any(|(block, _)| *block == entry.block) {
                blocks.push((entry.block.clone(), protocol.block_title(&entry.block).to_owned()));
            }
        }
        Plan {
            product: pics.product.designation.clone(),
            side: side(pics.sut),
            ocpp: pics.ocpp.to_string(),
            blocks,
            entries: entries.into_iter().map(planned).collect(),
            command,
        }
    }
}

/// A call of `ocpp-attest run`.
#[derive(Debug, Clone)]
pub(super) struct Command {
    test_cases: Option<PathBuf>,
    pics: PathBuf,
    bench: Option<PathBuf>,
    simulated: bool,
    faults: Vec<String>,
    tests: Vec<String>,
    /// Manual actions are asked of whoever looks at the page.
    pub(super) asks_a_person: bool,
    /// The run folder.
    pub(super) out: PathBuf,
}

impl Command {
    /// What comes before the choice of test cases.
    fn before(&self) -> Vec<OsString> {
        let mut all: Vec<OsString> = Vec::new();
        let mut add = |words: [&std::ffi::OsStr; 2]| all.extend(words.map(ToOwned::to_owned));
        if let Some(folder) = &self.test_cases {
            add(["--testcases".as_ref(), folder.as_os_str()]);
        }
        add(["run".as_ref(), "--pics".as_ref()]);
        all.push(self.pics.clone().into());
        if let Some(bench) = &self.bench {
            all.extend(["--bench".into(), bench.clone().into()]);
        }
        if self.simulated {
            all.extend(["--sut".into(), "simulated".into()]);
        }
        for fault in &self.faults {
            all.extend(["--fault".into(), fault.into()]);
        }
        all
    }

    fn tests(&self) -> Vec<OsString> {
        if self.tests.is_empty() { Vec::new() } else { vec!["--test".into(), self.tests.join(",").into()] }
    }

    /// What comes after it.
    fn after(&self, operator: &str, with_out: bool) -> Vec<OsString> {
        let operator = self.asks_a_person.then(|| ["--operator".into(), operator.into()]);
        let out = with_out.then(|| ["--out".into(), self.out.clone().into()]);
        operator.into_iter().chain(out).flatten().collect()
    }

    /// The arguments of the process: what is shown, and how it tells what it does.
    pub(super) fn arguments(&self) -> Vec<OsString> {
        let mut all: Vec<OsString> = vec!["--color".into(), "never".into()];
        all.extend([self.before(), self.tests(), self.after("web:0", true)].concat());
        all.extend(["--trace-to".into(), "-".into()]);
        all
    }

    /// The command line that a person would type, without the choice of test cases: what comes before and after it. Where runs go
    /// into their usual folder, nothing is said of it, so that the same line can be used again.
    fn shown_around_tests(&self) -> [String; 2] {
        let usual = self.out.parent() == Some(Path::new(RUNS));
        let after = words(&self.after("web", !usual));
        [format!("ocpp-attest{}", words(&self.before())), after]
    }

    /// The command line that a person would type.
    pub(super) fn shown(&self) -> String {
        let [before, after] = self.shown_around_tests();
        before + &words(&self.tests()) + &after
    }
}

/// Words as a shell takes them, each after a blank.
fn words(words: &[OsString]) -> String {
    words.iter().map(|word| format!(" {}", shell_word(&word.to_string_lossy()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command() -> Command {
        Command {
            test_cases: None,
            pics: "pics/a b.yaml".into(),
            bench: Some("bench.yaml".into()),
            simulated: false,
            faults: Vec::new(),
            tests: vec!["TC_B_01_CS".into(), "TC_B_06_CS".into()],
            asks_a_person: true,
            out: Path::new(RUNS).join("20260101-000000-x"),
        }
    }

    #[test]
    fn the_command_line_that_is_shown_can_be_typed() {
        let usual = command();
        assert_eq!(
            usual.shown(),
            "ocpp-attest run --pics 'pics/a b.yaml' --bench bench.yaml --test TC_B_01_CS,TC_B_06_CS --operator web"
        );
        let elsewhere = Command { out: "/tmp/x/y".into(), test_cases: Some("t".into()), ..command() };
        let shown = elsewhere.shown();
        assert!(
            shown.starts_with("ocpp-attest --testcases t run --pics ") && shown.ends_with(" --out /tmp/x/y"),
            "{shown}"
        );
    }

    #[test]
    fn the_process_gets_what_is_shown() {
        let faults = vec!["drop Heartbeat".to_owned()];
        let simulated =
            Command { bench: None, simulated: true, faults, tests: Vec::new(), asks_a_person: false, ..command() };
        assert!(simulated.shown().ends_with(" --sut simulated --fault 'drop Heartbeat'"), "{}", simulated.shown());
        let arguments: Vec<String> =
            simulated.arguments().into_iter().map(|word| word.into_string().unwrap()).collect();
        let out = format!("{RUNS}/20260101-000000-x");
        let run = ["run", "--pics", "pics/a b.yaml", "--sut", "simulated"];
        let rest = ["--fault", "drop Heartbeat", "--out", &out, "--trace-to", "-"];
        assert_eq!(arguments[2..], [run.as_slice(), rest.as_slice()].concat());
    }
}
