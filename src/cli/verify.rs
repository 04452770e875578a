//! `ocpp-attest verify`: whether a package is what it says, and every verdict in it follows from what was recorded.

use std::path::PathBuf;

use clap::Args;

use super::{Format, Problem, exit, package::read, print};
use crate::evidence::{
    check::{self, Checked, Outcome, Trust},
    package::PackageError,
    signer,
};

/// Arguments of `verify`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The package
    #[arg(value_name = "FILE.zip")]
    package: PathBuf,
    /// The roots that the laboratory's certificate must come from (PEM), or that certificate itself
    #[arg(long, value_name = "ROOT.pem")]
    root: Vec<PathBuf>,
    /// Output format
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

/// Runs the subcommand.
pub fn run(arguments: &Arguments) -> Result<u8, Problem> {
    let mut trust = Trust::default();
    for path in &arguments.root {
        trust.roots.extend(signer::certificates(path).map_err(PackageError::from)?);
    }
    let file = read(&arguments.package, "the package")?;
    let checked = check::check(&file, &trust).map_err(|error| {
        let help = "ask whoever sent it for the file as `ocpp-attest package` wrote it";
        Problem::Input(format!("{}: {error}", arguments.package.display()), help.into())
    })?;
    show(arguments, &checked);
    Ok(if checked.any(Outcome::Differs) {
        exit::FAILED
    } else if checked.any(Outcome::Undecided) {
        exit::INCOMPLETE
    } else {
        exit::OK
    })
}

fn show(arguments: &Arguments, checked: &Checked) {
    if arguments.format == Format::Json {
        print(&format!("{}\n", serde_json::to_string_pretty(checked).unwrap_or_default()));
        return;
    }
    for line in &checked.lines {
        let word = match line.outcome {
            Outcome::Holds => "holds",
            Outcome::Differs => "DIFFERS",
            Outcome::Undecided => "not judged",
            Outcome::Note => "note",
        };
        let run = line.run.as_ref().map(|run| format!("{run}: ")).unwrap_or_default();
        print(&format!("{word:<11} {run}{}\n", line.text));
    }
    let word = if checked.any(Outcome::Differs) {
        "refused: the package is not what it says"
    } else if checked.any(Outcome::Undecided) {
        "nothing differs, but not everything could be judged"
    } else {
        "everything that was checked holds"
    };
    print(&format!("\n{word}\n"));
}
