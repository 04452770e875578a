//! Looks at a bench before anything is run at it: what can be tried beforehand is tried, and what is wrong is said with
//! what to do about it.

mod certificates;
mod consistency;
mod places;
mod requests;

use std::collections::HashSet;

use serde::Serialize;

use crate::{
    bench::Bench,
    clock::Clock,
    pics::{Pics, SutKind},
    testcase::library::Library,
};

/// How grave a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// It was tried, and is as it should be.
    Ok,
    /// A run is possible, but may not be what is wanted.
    Warning,
    /// A run will fail by it.
    Problem,
}

impl Level {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Level::Ok => "ok",
            Level::Warning => "warning",
            Level::Problem => "problem",
        }
    }
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Finding {
    /// How it is.
    pub level: Level,
    /// The key of the bench file, or what else was looked at.
    pub item: String,
    /// What was found.
    pub message: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

/// What there is to look at.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'s> {
    /// The bench.
    pub bench: &'s Bench,
    /// The PICS, where there is one.
    pub pics: Option<&'s Pics>,
    /// `--operator`, where it is given.
    pub operator: Option<&'s str>,
    /// The test cases that apply to the product, where there is a PICS.
    pub planned: Option<&'s Planned>,
}

/// Test cases that apply to a product.
#[derive(Debug)]
pub struct Planned {
    /// Their steps, and the states that they run.
    pub library: Library,
    /// Which of the library's they are.
    pub ids: HashSet<String>,
}

impl Subject<'_> {
    /// What is tested at this bench. Without a PICS, a bench that names a CSMS's URL is for that.
    pub fn sut(&self) -> SutKind {
        match self.pics {
            Some(pics) => pics.sut,
            None if self.bench.url != Bench::default().url => SutKind::Csms,
            None => SutKind::ChargingStation,
        }
    }
}

/// Findings as they are made.
#[derive(Debug, Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn ok(&mut self, item: &str, message: impl Into<String>) {
        self.0.push(Finding { level: Level::Ok, item: item.into(), message: message.into(), help: None });
    }

    fn warning(&mut self, item: &str, message: impl Into<String>, help: impl Into<String>) {
        let (message, help) = (message.into(), Some(help.into()));
        self.0.push(Finding { level: Level::Warning, item: item.into(), message, help });
    }

    fn problem(&mut self, item: &str, message: impl Into<String>, help: impl Into<String>) {
        let (message, help) = (message.into(), Some(help.into()));
        self.0.push(Finding { level: Level::Problem, item: item.into(), message, help });
    }
}

/// Looks at everything. Nothing is sent to the SUT but the beginning of a connection.
pub async fn look(subject: Subject<'_>, clock: Clock) -> Vec<Finding> {
    let mut findings = Findings::default();
    if subject.pics.is_none() {
        let side = match subject.sut() {
            SutKind::ChargingStation => "a charging station",
            SutKind::Csms => "a CSMS",
        };
        let message = format!("not given: treated as a bench for {side}, and not compared with the product");
        findings.warning("pics", message, "use --pics with the product's PICS");
    }
    consistency::look(subject, &mut findings);
    requests::look(subject, &mut findings);
    certificates::look(subject, clock, &mut findings);
    places::look(subject, clock, &mut findings).await;
    findings.0
}
