//! `ocpp-attest fmt`: puts the files that people write into one form.

use std::{
    io::Read as _,
    path::{Path, PathBuf},
};

use clap::Args;

use super::{Problem, exit, print};
use crate::{
    formatter,
    yaml::{Defects, Source},
};

/// Arguments of `fmt`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Files, and folders whose `.yaml` files are formatted; without any, standard input is written to standard output
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Change nothing: name the files that have another form, and end with exit status 2 if there are any
    #[arg(long)]
    check: bool,
}

/// Runs the subcommand.
pub fn run(arguments: &Arguments) -> Result<u8, Problem> {
    if arguments.paths.is_empty() {
        return standard_input(arguments.check);
    }
    let mut defects = Vec::new();
    let mut changed = Vec::new();
    let mut count = 0;
    for path in &arguments.paths {
        let named = !path.is_dir();
        for file in files(path)? {
            match formatted(&file, named) {
                Ok(None) => {}
                Ok(Some((source, text))) => {
                    count += 1;
                    if *source.text != *text {
                        if !arguments.check {
                            std::fs::write(&file, &text).map_err(|error| not_written(&file, &error))?;
                        }
                        changed.push(file);
                    }
                }
                Err(bad) => defects.push(bad),
            }
        }
    }
    for file in &changed {
        let what = if arguments.check { "not formatted" } else { "formatted" };
        print(&format!("{what}: {}\n", file.display()));
    }
    if !defects.is_empty() {
        return Err(defects.into());
    }
    if arguments.check && !changed.is_empty() {
        let number = changed.len();
        let paths: Vec<String> = arguments.paths.iter().map(|path| path.display().to_string()).collect();
        let help = format!("run `ocpp-attest fmt {}`", paths.join(" "));
        return Err(Problem::Input(format!("{number} of {count} files not formatted"), help));
    }
    Ok(exit::OK)
}

/// The text of a file and its form; nothing where it is none of our formats and was not named by itself.
fn formatted(file: &Path, named: bool) -> Result<Option<(Source, String)>, Defects> {
    let source = Source::read(file)?;
    match formatter::format(&source) {
        Ok(Some(text)) => Ok(Some((source, text))),
        Ok(None) if named => Err(formatter::unknown(&source)),
        Ok(None) => Ok(None),
        Err(defects) => Err(defects),
    }
}

fn standard_input(check: bool) -> Result<u8, Problem> {
    let mut text = String::new();
    std::io::stdin().lock().take(Source::LIMIT).read_to_string(&mut text).map_err(|error| {
        Problem::Input(format!("can't read standard input: {error}"), "give it a file in UTF-8, or name files".into())
    })?;
    let source = Source::new("standard input", text);
    let text = formatter::format(&source)?.ok_or_else(|| formatter::unknown(&source))?;
    if !check {
        print(&text);
    } else if *source.text != *text {
        return Err(Problem::Input("standard input is not formatted".into(), "run `ocpp-attest fmt`".into()));
    }
    Ok(exit::OK)
}

/// A file itself, or the `.yaml` files of a folder in their order, without hidden ones.
fn files(path: &Path) -> Result<Vec<PathBuf>, Problem> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let unreadable = |error: std::io::Error| {
        Problem::Input(format!("can't read {}: {error}", path.display()), "check the path and its permissions".into())
    };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(path).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let kind = entry.file_type().map_err(unreadable)?;
        let file = entry.path();
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        if kind.is_dir() {
            found.extend(files(&file)?);
        } else if kind.is_file() && file.extension().is_some_and(|extension| extension == "yaml") {
            found.push(file);
        }
    }
    found.sort();
    Ok(found)
}

fn not_written(file: &Path, error: &std::io::Error) -> Problem {
    Problem::Input(format!("can't write {}: {error}", file.display()), "check the path and its permissions".into())
}
