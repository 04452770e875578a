//! `ocpp-attest audit`: shows that the checks of the test cases check something.

use std::{collections::BTreeMap, num::NonZeroUsize, path::PathBuf};

use clap::{Args, ValueEnum};
use globset::GlobSet;
use include_dir::{Dir, include_dir};

use super::{Problem, TestCases, exit, print};
use crate::{
    audit::{self, Audit, Case, Concern, Fate, Programme},
    parallel::cores,
    pics::{Pics, SutKind, reader},
    protocol::Version,
    runner,
    testcase::{
        library::Library,
        uncited::{self, Uncited},
    },
    yaml::Source,
};

static PRODUCTS: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/pics");

/// Arguments of `audit`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// PICS of the products whose passing traces are used (repeatable) [default: those of the tool]
    #[arg(long, value_name = "FILE")]
    pics: Vec<PathBuf>,
    /// Audit only the test cases of this side [default: both]
    #[arg(long, value_name = "SUT", value_enum)]
    sut: Option<Side>,
    /// Audit only these test cases (repeatable)
    #[arg(long = "test", value_name = "GLOB")]
    tests: Vec<String>,
    /// Output format
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// Number of parallel jobs [default: one per core]
    #[arg(long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    /// Audit nothing; list the checks that name no requirement of their own, with what a finding names instead
    #[arg(long, conflicts_with_all = ["pics", "jobs"])]
    requirements: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Side {
    ChargingStation,
    Csms,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
    Markdown,
}

/// Runs the subcommand.
pub fn run(arguments: &Arguments, test_cases: &TestCases) -> Result<u8, Problem> {
    let only = runner::globs(&arguments.tests)
        .map_err(|error| Problem::Input(error.to_string(), "write a pattern such as `TC_B_*_CS`".into()))?;
    if arguments.requirements {
        return requirements(arguments, only.as_ref(), test_cases);
    }
    let mut products = if arguments.pics.is_empty() {
        let mut files: Vec<_> = PRODUCTS.files().collect();
        files.sort_by_key(|file| file.path());
        let read = |file: &include_dir::File<'static>| {
            let source = Source::new(file.path().display().to_string(), file.contents_utf8().unwrap_or_default());
            reader::read_source(&source)
        };
        files.into_iter().map(read).collect::<Result<Vec<Pics>, _>>()?
    } else {
        arguments.pics.iter().map(|path| reader::read(path)).collect::<Result<Vec<Pics>, _>>()?
    };
    products.retain(|pics| match arguments.sut {
        None => true,
        Some(Side::Csms) => pics.sut == SutKind::Csms,
        Some(Side::ChargingStation) => pics.sut == SutKind::ChargingStation,
    });
    let mut programmes = Vec::new();
    for version in Version::ALL {
        let wanted = |sut| products.iter().any(|pics| pics.ocpp == version && pics.sut == sut);
        for (_, sut) in SutKind::WORDS.into_iter().filter(|(_, sut)| wanted(*sut)) {
            let catalogue = test_cases.of(version)?;
            programmes.push(Programme { library: Library::load(&catalogue, sut)?, catalogue });
        }
    }
    let jobs = arguments.jobs.map_or_else(cores, NonZeroUsize::get);
    let chosen = |id: &str| only.as_ref().is_none_or(|only| only.is_match(id));
    let audit = audit::audit(&programmes, &products, &chosen, jobs);
    if audit.cases.is_empty() && audit.without.is_empty() {
        let help = "`ocpp-attest list --pics FILE` shows which test cases apply to a product";
        return Err(Problem::Input("no test case to audit".into(), help.into()));
    }
    match arguments.format {
        Format::Json => print(&format!("{}\n", serde_json::to_string_pretty(&audit).unwrap_or_default())),
        Format::Text => print(&text(&audit)),
        Format::Markdown => print(&markdown(&audit)),
    }
    Ok(if audit.cases.iter().any(|case| !case.unexplained().is_empty()) {
        exit::FAILED
    } else if audit.without.is_empty() {
        exit::OK
    } else {
        exit::INCOMPLETE
    })
}

/// Lists the checks that name no requirement of their own.
fn requirements(arguments: &Arguments, only: Option<&GlobSet>, test_cases: &TestCases) -> Result<u8, Problem> {
    let chosen = |id: &str| only.is_none_or(|only| only.is_match(id));
    let mut found: Vec<Uncited> = Vec::new();
    for version in Version::ALL {
        let catalogue = test_cases.of(version)?;
        let sides = SutKind::WORDS.into_iter().map(|(_, sut)| sut);
        for sut in sides.filter(|sut| arguments.sut.is_none_or(|side| *sut == side.sut())) {
            let library = Library::load(&catalogue, sut)?;
            found.extend(uncited::of(&library, &chosen, only.is_none()));
        }
    }
    found.sort();
    found.dedup();
    match arguments.format {
        Format::Json => print(&format!("{}\n", serde_json::to_string_pretty(&found).unwrap_or_default())),
        Format::Text => print(&listed(&found)),
        Format::Markdown => print(&table(&found)),
    }
    Ok(exit::OK)
}

fn listed(found: &[Uncited]) -> String {
    let mut text = String::new();
    for one in found {
        let place = format!("{}:{}", one.file, one.line);
        let instead = if one.instead.is_empty() { "nothing here" } else { &one.instead };
        text.push_str(&format!("{place:<36} {:<34} {} -> {instead}\n", one.step, one.checks.join(", ")));
    }
    let checks: usize = found.iter().map(|one| one.checks.len()).sum();
    let bare = found.iter().filter(|one| one.instead.is_empty()).count();
    text.push_str(&format!(
        "\n{checks} checks at {} steps name no requirement of their own; at {bare} of these steps no step around them in the file does either\n",
        found.len()
    ));
    text
}

fn table(found: &[Uncited]) -> String {
    let mut text = String::from("| step | | checks | instead |\n| --- | --- | --- | --- |\n");
    for one in found {
        let checks = one.checks.join(", ");
        text.push_str(&format!("| {}:{} | {} | {checks} | {} |\n", one.file, one.line, one.step, one.instead));
    }
    text
}

impl Side {
    fn sut(self) -> SutKind {
        match self {
            Side::ChargingStation => SutKind::ChargingStation,
            Side::Csms => SutKind::Csms,
        }
    }
}

/// Numbers of one or several test cases.
#[derive(Debug, Default)]
struct Count {
    checks: usize,
    mutations: usize,
    at_step: usize,
    by_rule: usize,
    elsewhere: usize,
    undecided: usize,
    reasons: BTreeMap<String, usize>,
    unexplained: usize,
}

impl Count {
    fn of<'c>(cases: impl IntoIterator<Item = &'c Case>) -> Self {
        let mut count = Self::default();
        for case in cases {
            count.checks += case.checks;
            count.mutations += case.mutations.len();
            count.unexplained += case.unexplained().len();
            for mutation in &case.mutations {
                match &mutation.fate {
                    Fate::Killed { at, .. } => match at {
                        Concern::Step => count.at_step += 1,
                        Concern::Rule => count.by_rule += 1,
                        Concern::Elsewhere => count.elsewhere += 1,
                    },
                    Fate::Undecided { .. } => count.undecided += 1,
                    Fate::Explained(reason) => *count.reasons.entry(reason.clone()).or_default() += 1,
                    Fate::Unexplained(_) => {}
                }
            }
            for check in &case.survivors {
                if let Some(reason) = &check.reason {
                    *count.reasons.entry(format!("check: {reason}")).or_default() += 1;
                }
            }
        }
        count
    }

    fn killed(&self) -> usize {
        self.at_step + self.by_rule + self.elsewhere
    }

    fn survivors(&self) -> usize {
        self.mutations - self.killed() - self.undecided
    }
}

fn text(audit: &Audit) -> String {
    let mut text = format!(
        "{:<16} {:>6} {:>9} {:>7} {:>9} {:>9}\n",
        "test case", "checks", "mutations", "killed", "undecided", "survivors"
    );
    for case in &audit.cases {
        let count = Count::of([case]);
        text.push_str(&format!(
            "{:<16} {:>6} {:>9} {:>7} {:>9} {:>9}\n",
            case.id,
            count.checks,
            count.mutations,
            count.killed(),
            count.undecided,
            count.survivors()
        ));
        for line in case.unexplained() {
            text.push_str(&format!("    unexplained  {line}\n"));
        }
    }
    for (id, reason) in &audit.without {
        text.push_str(&format!("{id:<16} no passing trace: {reason}\n"));
    }
    let all = Count::of(&audit.cases);
    text.push_str(&format!(
        "\n{} test cases, {} checks, {} mutations: {} killed ({} at the step concerned, {} by a rule for every test, {} elsewhere), {} undecided, {} survivors, {} unexplained\n",
        audit.cases.len(), all.checks, all.mutations, all.killed(), all.at_step, all.by_rule, all.elsewhere, all.undecided, all.survivors(), all.unexplained
    ));
    for (reason, count) in &all.reasons {
        text.push_str(&format!("{count:>8}  {reason}\n"));
    }
    text
}

fn markdown(audit: &Audit) -> String {
    let mut text = String::from(
        "| test case | checks | mutations | killed | undecided | survivors | why they survive |\n| --- | --- | --- | --- | --- | --- | --- |\n",
    );
    for case in &audit.cases {
        let count = Count::of([case]);
        let mut why: Vec<String> = count.reasons.iter().map(|(reason, count)| format!("{reason} ({count})")).collect();
        why.extend(case.unexplained().into_iter().map(|line| format!("**unexplained**: {}", line.replace('|', "\\|"))));
        text.push_str(&format!(
            "| {} | {} | {} | {} | {} | {} | {} |\n",
            case.id,
            count.checks,
            count.mutations,
            count.killed(),
            count.undecided,
            count.survivors(),
            why.join("; ")
        ));
    }
    for (id, reason) in &audit.without {
        text.push_str(&format!("| {id} | | | | | | no passing trace: {} |\n", reason.replace('|', "\\|")));
    }
    text
}
