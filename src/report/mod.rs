//! Reports: siblings that read one result type.

mod abstract_model;
mod full;
mod junit;
mod render;

use std::path::Path;

use crate::{
    pics::Pics,
    record::{
        Results, TraceEntry,
        folder::{FolderError, write},
    },
};

/// Writes every report of a run into its folder.
pub fn write_all(folder: &Path, pics: &Pics, results: &Results, trace: &[TraceEntry]) -> Result<(), FolderError> {
    let model = abstract_model::build(pics, results);
    write(folder, "abstract.html", render::abstract_html(&model).as_bytes())?;
    write(folder, "abstract.md", render::abstract_markdown(&model).as_bytes())?;
    write(folder, "report.html", full::html(pics, results, trace).as_bytes())?;
    write(folder, "junit.xml", junit::xml(results).as_bytes())
}

#[cfg(test)]
mod tests;
