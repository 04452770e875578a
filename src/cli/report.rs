//! `ocpp-attest report`: the reports of a run, made again from its folder alone.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
};

use clap::Args;

use super::{
    Problem, exit,
    formats::{self, Wanted},
    print,
};
use crate::{
    record::{chain, compare, folder, read, seal},
    report::{self, Format, ReportError, Run},
    results::TraceSummary,
};

/// Arguments of `report`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The run folder
    #[arg(value_name = "RUN_DIR")]
    folder: PathBuf,
    /// Which reports to make (repeatable, or separated by commas)
    #[arg(long, value_name = "FORMAT", value_delimiter = ',', default_value = "all")]
    format: Vec<Wanted>,
    /// Output path: a file (`-` is standard output) for one report, a folder for several [default: the run folder]
    #[arg(long, value_name = "PATH")]
    out: Option<PathBuf>,
    /// The folder of an earlier run; the summary shows what changed since then
    #[arg(long, value_name = "RUN_DIR")]
    since: Option<PathBuf>,
}

/// Runs the subcommand.
pub fn run(arguments: &Arguments) -> Result<u8, Problem> {
    let formats = formats::chosen(&arguments.format);
    let run = read::run(&arguments.folder)?;
    // Only the full report shows what happened; the others stand in the results.
    let trace = if formats.contains(&Format::Full) {
        if let Some(complaint) =
            chain::of_file(&arguments.folder, "trace.jsonl").ok().and_then(|it| it.complaint("trace.jsonl"))
        {
            eprintln!("warning: {complaint}");
        }
        TraceSummary::read(&run.pics, &arguments.folder)?
    } else {
        TraceSummary::new(&run.pics)
    };
    let seal = seal::read(&arguments.folder);
    let what = Run { pics: &run.pics, plan: &run.plan, results: &run.results, trace: &trace, seal: seal.as_deref() };
    let since = arguments.since.as_deref().map(read::results).transpose()?;
    let since = since.map(|before| compare::compare(&before, &run.results));
    let render = |format| match (format, &since) {
        (Format::Summary, Some(since)) => Ok(report::summary::markdown(&run.results, Some(since)).into_bytes()),
        (format, _) => report::render(format, what).map_err(Problem::from),
    };
    let write = |folder: &Path, name: &str, format: Format| match (format, &since) {
        (Format::Full, _) | (_, None) => written(folder, name, |folder| report::write_one(folder, name, format, what)),
        _ => {
            let content = render(format)?;
            written(folder, name, |folder| Ok(folder::write(folder, name, &content)?))
        }
    };
    match (formats.as_slice(), arguments.out.as_deref()) {
        ([format], Some(out)) if out == Path::new("-") => {
            // A closed pipe is no error.
            let _ = std::io::stdout().lock().write_all(&render(*format)?);
        }
        (_, Some(out)) if out == Path::new("-") => {
            let help = "name one report with --format, or a folder with --out";
            return Err(Problem::Input("only one report goes to standard output".into(), help.into()));
        }
        ([format], Some(out)) if !out.is_dir() => {
            let folder = out.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
            let Some(name) = out.file_name().and_then(|name| name.to_str()) else {
                let help = "name a file, a folder, or `-`";
                return Err(Problem::Input(format!("{} is not a valid file name", out.display()), help.into()));
            };
            write(folder, name, *format)?;
        }
        (formats, out) => {
            let folder = out.unwrap_or(&arguments.folder);
            for format in formats {
                write(folder, format.file(), *format)?;
            }
        }
    }
    Ok(exit::OK)
}

fn written(folder: &Path, name: &str, write: impl FnOnce(&Path) -> Result<(), ReportError>) -> Result<(), Problem> {
    let wrong = |error: folder::FolderError| {
        Problem::Input(error.to_string(), "name another place with --out, or correct its permissions".into())
    };
    folder::create(folder).map_err(wrong)?;
    write(folder).map_err(|error| match error {
        ReportError::Folder(error) => wrong(error),
        error => error.into(),
    })?;
    print(&format!("{}\n", folder.join(name).display()));
    Ok(())
}

impl From<read::ReadError> for Problem {
    fn from(error: read::ReadError) -> Self {
        match error {
            read::ReadError::Missing(what, help) => Problem::Input(what, help),
            read::ReadError::Broken(defects) => defects.into(),
        }
    }
}

impl From<ReportError> for Problem {
    fn from(error: ReportError) -> Self {
        match error {
            ReportError::Trace(error) => error.into(),
            error => Problem::Own(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A run folder, made of what an example keeps.
    fn run_folder() -> tempfile::TempDir {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let folder = tempfile::tempdir().unwrap();
        let copy = |from: &str, to: &str| std::fs::copy(root.join(from), folder.path().join(to)).unwrap();
        copy("pics/greenflux-ev-platform.yaml", read::PICS_FILE);
        copy("reports/examples/greenflux-ev-platform/results.json", "results.json");
        std::fs::write(folder.path().join("plan.json"), "[]").unwrap();
        std::fs::write(folder.path().join("trace.jsonl"), "").unwrap();
        folder
    }

    fn report(folder: &Path, format: &[Wanted], out: Option<PathBuf>) -> Result<u8, Problem> {
        run(&Arguments { folder: folder.to_owned(), format: format.to_vec(), out, since: None })
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            folder.read_dir().unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_report_goes_where_it_is_asked_to_and_is_the_same_every_time() {
        let folder = run_folder();
        let elsewhere = tempfile::tempdir().unwrap();
        let md = [Wanted::One(Format::Md)];
        report(folder.path(), &md, None).unwrap();
        report(folder.path(), &md, Some(elsewhere.path().join("of/mine.md"))).unwrap();
        report(folder.path(), &[md[0], md[0]], Some(elsewhere.path().to_owned())).unwrap();
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let example = std::fs::read(root.join("reports/examples/greenflux-ev-platform/abstract.md")).unwrap();
        for place in [
            folder.path().join("abstract.md"),
            elsewhere.path().join("of/mine.md"),
            elsewhere.path().join("abstract.md"),
        ] {
            assert!(std::fs::read(&place).unwrap() == example, "{}", place.display());
        }
    }

    #[test]
    fn all_are_every_report_and_nothing_half_written_is_left() {
        let folder = run_folder();
        let elsewhere = tempfile::tempdir().unwrap();
        report(folder.path(), &[Wanted::All], Some(elsewhere.path().to_owned())).unwrap();
        let mut expected: Vec<String> = Format::ALL.iter().map(|format| format.file().to_owned()).collect();
        expected.sort();
        assert_eq!(names(elsewhere.path()), expected);
    }

    #[test]
    fn what_cannot_be_done_is_told() {
        let folder = run_folder();
        let told = |result: Result<u8, Problem>| match result.unwrap_err() {
            Problem::Input(what, help) => format!("{what}: {help}"),
            other => panic!("{other:?}"),
        };
        let several = told(report(folder.path(), &[Wanted::All], Some("-".into())));
        assert!(several.starts_with("only one report goes to standard output"), "{several}");
        let file = folder.path().join("plan.json");
        let inside = told(report(folder.path(), &[Wanted::All], Some(file.join("x"))));
        assert!(inside.contains("name another place with --out"), "{inside}");
        std::fs::remove_file(folder.path().join(read::PICS_FILE)).unwrap();
        assert!(told(report(folder.path(), &[Wanted::All], None)).contains("the reports need the PICS"));
    }
}
