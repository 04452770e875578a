//! Reports: siblings that read one result type.

mod abstract_model;
pub(crate) mod finding;
mod full;
mod junit;
#[cfg(feature = "pdf")]
mod pdf;
pub(crate) mod render;
mod seal;
pub mod summary;

use std::{io, path::Path};

use crate::{
    pics::Pics,
    record::{
        PlanEntry, Results,
        folder::{FolderError, write, write_stream},
        read::ReadError,
    },
    results::TraceSummary,
    yaml::shorten,
};

pub(crate) use full::{
    charts::time,
    frame::{Line, lay_out},
};

/// What the reports of a run are made of.
#[derive(Debug, Clone, Copy)]
pub struct Run<'r> {
    /// The PICS.
    pub pics: &'r Pics,
    /// The plan.
    pub plan: &'r [PlanEntry],
    /// The results.
    pub results: &'r Results,
    /// What happened.
    pub trace: &'r TraceSummary,
    /// The seal over the run's evidence, where it has one.
    pub seal: Option<&'r str>,
}

/// How much is told of faults, characters.
const MAX_FAULTS: usize = 300;

/// What a reader must know of a run that tested no real product.
fn no_real_product(results: &Results) -> Option<String> {
    let against = against_simulator(results)?;
    Some(format!("Not a real product: this run was made {against}."))
}

/// The simulator that a run was made against, with its faults.
fn against_simulator(results: &Results) -> Option<String> {
    let mut words = results.simulated().then(|| "against the embedded simulator".to_owned())?;
    if !results.faults.is_empty() {
        words += &format!(", with deliberate faults: {}", shorten(&results.faults.join("; "), MAX_FAULTS));
    }
    Some(words)
}

/// A report, and the form it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// The abstract as a page
    Html,
    /// The abstract as Markdown
    Md,
    /// The abstract as PDF
    #[cfg(feature = "pdf")]
    Pdf,
    /// The full report: every test case with steps and messages
    Full,
    /// JUnit XML
    Junit,
    /// The run in short as Markdown, for a pull request
    Summary,
}

impl Format {
    /// Every one, in the order of the help.
    pub const ALL: &'static [Format] = &[
        Format::Html,
        Format::Md,
        #[cfg(feature = "pdf")]
        Format::Pdf,
        Format::Full,
        Format::Junit,
        Format::Summary,
    ];

    /// Its file in the run folder.
    pub fn file(self) -> &'static str {
        match self {
            Format::Html => "abstract.html",
            Format::Md => "abstract.md",
            #[cfg(feature = "pdf")]
            Format::Pdf => "abstract.pdf",
            Format::Full => "report.html",
            Format::Junit => "junit.xml",
            Format::Summary => "summary.md",
        }
    }
}

/// Why a report could not be made; the tool's own fault.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// It can't be written.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// It can't be written where it should go.
    #[error("the report can't be written: {0}")]
    Output(#[from] io::Error),
    /// The trace can't be read.
    #[error("{0}")]
    Trace(#[from] ReadError),
    /// It can't be typeset.
    #[cfg(feature = "pdf")]
    #[error(transparent)]
    Pdf(#[from] pdf::PdfError),
}

/// One report of a run.
pub fn render(format: Format, run: Run<'_>) -> Result<Vec<u8>, ReportError> {
    let abstract_of = || {
        if run.results.simulated() {
            return abstract_model::build(run.pics, run.results).sealed(run.seal); // which names nobody
        }
        // Who tested the certified product has not tested this one: what a PICS says of that stands in no report.
        let (laboratory, approval) = (run.results.tested_by.laboratory.clone(), run.results.tested_by.approval.clone());
        abstract_model::build(&Pics { laboratory, approval, ..run.pics.clone() }, run.results).sealed(run.seal)
    };
    Ok(match format {
        Format::Html => render::abstract_html(&abstract_of()),
        Format::Md => render::abstract_markdown(&abstract_of()),
        #[cfg(feature = "pdf")]
        Format::Pdf => return Ok(pdf::abstract_pdf(&abstract_of())?),
        Format::Full => {
            let mut page = Vec::new();
            full::write(run, &mut page)?;
            return Ok(page);
        }
        Format::Junit => junit::xml(run.results),
        Format::Summary => summary::markdown(run.results, None),
    }
    .into_bytes())
}

/// Writes reports of a run into its folder.
pub fn write_all(folder: &Path, formats: &[Format], run: Run<'_>) -> Result<(), ReportError> {
    formats.iter().try_for_each(|format| write_one(folder, format.file(), *format, run))
}

/// Writes a report of a run into a folder. The full report is written as it is made.
pub fn write_one(folder: &Path, name: &str, format: Format, run: Run<'_>) -> Result<(), ReportError> {
    match format {
        Format::Full => write_stream(folder, name, |out| full::write(run, out)),
        _ => Ok(write(folder, name, &render(format, run)?)?),
    }
}

/// True when a folder has these reports of a run: the tool was not stopped while it wrote them.
pub fn all_written(folder: &Path, formats: &[Format]) -> bool {
    formats.iter().all(|format| folder.join(format.file()).is_file())
}

#[cfg(test)]
mod abstract_tests;
#[cfg(all(test, feature = "pdf"))]
mod example_tests;
#[cfg(test)]
mod import_tests;
#[cfg(test)]
mod tests;
